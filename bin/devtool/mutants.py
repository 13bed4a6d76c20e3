"""`bin/dev mutants`: mutation testing of the core without Odoo, with mutmut in an environment of its own.

mutmut changes one thing at a time (an operator, a number, an argument) and runs the tests that reach it: a change that
no test notices survives. It works on a copy, so that nothing of the checkout is changed.
"""

import ast
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from . import venv
from .output import DevError, say
from .project import DOMAIN, DOMAIN_TESTS, LOCAL, ROOT, locked

FOLDER = LOCAL / "mutants"
VENV = LOCAL / "mutants-venv"
REQUIREMENTS = ROOT / "requirements-mutants.txt"
# That two lists are equally long is an assertion: no test makes it fail.
SETTINGS = """\
[mutmut]
source_paths = domain
only_mutate = {files}
do_not_mutate_patterns = zip\\(.*, strict=True\\)$
also_copy = tests
pytest_add_cli_args_test_selection = tests/domain
"""
# mutmut runs the tests many times in one process, each time with other instances of their classes. Examples are the
# same in every run, and so is what survives.
CONFTEST = """\
from hypothesis import HealthCheck, settings

settings.register_profile(
    "mutants", database=None, derandomize=True, suppress_health_check=[HealthCheck.differing_executors]
)
settings.load_profile("mutants")
"""
#: mutmut passes over decorated functions, properties among them.
_PROPERTIES = ("cached_property", "property")
#: With more, one waits for another's processor, and what is only slow counts as killed.
_WORKERS = "1"
_RESULT = re.compile(r"^\s*(?P<module>domain\.\w+)\.\S+: (?P<result>.+?)\s*$", re.MULTILINE)
#: Results that mean that a test noticed.
_KILLED = ("killed", "timeout", "segfault", "caught by type check")


def run(names: list[str]) -> int:
    """Try every change of these files of `domain/` (all without any); 1 when one survived that no reason is known for.

    :raise DevError: for a file that `domain/` does not have, and where mutmut does not come to its end.
    """
    files = [f"domain/{_find(name)}" for name in names] or ["domain/*.py"]
    with locked():
        venv.provide_at(VENV, [REQUIREMENTS])
    _copy(files)
    mutmut = [venv.python_of(VENV), "-m", "mutmut"]
    subprocess.run([*mutmut, "run", "--max-children", _WORKERS], cwd=FOLDER, check=False)
    listed = subprocess.check_output([*mutmut, "results", "--all", "true"], cwd=FOLDER, text=True)
    results = [(found["module"], found["result"], found.group(0).strip()) for found in _RESULT.finditer(listed)]
    if not results or any(result == "not checked" for _module, result, _line in results):
        raise DevError("mutmut did not come to its end", f"see what it printed above, and look into {FOLDER}")
    return _report(results)


def _find(name: str) -> str:
    """The file's path in `domain/`; it may be given with or without folder and suffix."""
    path = DOMAIN / name.removeprefix("continuity_program/").removeprefix("domain/")
    path = path if path.suffix else path.with_suffix(".py")
    if not path.is_file():
        known = ", ".join(sorted(str(file.relative_to(DOMAIN)) for file in DOMAIN.rglob("*.py")))
        raise DevError(f"no file {name} in {DOMAIN.relative_to(ROOT)}", f"name one of these: {known}")
    return str(path.relative_to(DOMAIN))


def _copy(files: list[str]) -> None:
    """Put the core and its tests where mutmut works, as they are now."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(DOMAIN, FOLDER / "domain", ignore=ignored)
    for file in (FOLDER / "domain").rglob("*.py"):
        _undecorate_properties(file)
    shutil.copytree(DOMAIN_TESTS, FOLDER / "tests/domain", ignore=ignored)
    (FOLDER / "tests/conftest.py").write_text(CONFTEST)
    (FOLDER / "setup.cfg").write_text(SETTINGS.format(files="\n    ".join(["", *files])))


def _undecorate_properties(file: Path) -> None:
    """Write each property as a plain function that is made a property behind it: those mutmut does change."""
    text = file.read_text()
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and len(node.decorator_list) == 1:
            decorator = node.decorator_list[0]
            if isinstance(decorator, ast.Name) and decorator.id in _PROPERTIES:
                lines[decorator.lineno - 1] = "\n"
                lines[node.end_lineno - 1] += f"{' ' * node.col_offset}{node.name} = {decorator.id}({node.name})\n"
    file.write_text("".join(lines))


def _report(results: list[tuple[str, str, str]]) -> int:
    """Print what survived, and killed and survived by file."""
    killed = Counter(module for module, result, _line in results if result in _KILLED)
    survived = Counter(module for module, result, _line in results if result not in _KILLED)
    for _module, result, line in results:
        if result not in _KILLED:
            print(line)
    for module in sorted(killed | survived):
        share = killed[module] / (killed[module] + survived[module])
        file = f"{module.replace('.', '/')}.py"
        print(f"{file:<24}{killed[module]:>5} killed{survived[module]:>5} survived{share:>8.1%}")
    if survived:
        say(f"what a survivor changes: cd {FOLDER.relative_to(ROOT)} && ../mutants-venv/bin/mutmut show NAME")
    return int(bool(survived))
