"""The addons alone and with their friends: the tests of each combination on a database that has just those."""

import subprocess
from pathlib import Path

from . import databases, odoo_cli, venv
from .output import DevError, say
from .project import LOCAL, ROOT, TEMPLATE_DB, glue_addons, main_addons

_COVERAGE = LOCAL / "coverage"
_ALONE, _ALL = "alone", "all"


def combinations() -> dict[str, list[Path]]:
    """By name, the addons that are installed beside the main one."""
    singles = {databases.short_name(addon): [addon] for addon in glue_addons()}
    return {_ALONE: [], **singles, _ALL: glue_addons()}


def run(names: list[str], coverage: bool, options: list[str]) -> int:
    """Test the combinations of these names, all when none is given; 1 when any failed.

    :param options: for pytest, such as ``-k`` or ``-m``.
    """
    known = combinations()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DevError(f"no combination {', '.join(unknown)}", f"name some of these: {', '.join(known)}")
    results = {name: _test(name, known[name], coverage, options) for name in names or known}
    for name, code in results.items():
        say(f"{name:<14} {'failed' if code else 'passed'}")
    return int(any(results.values()))


def _test(name: str, glue: list[Path], coverage: bool, options: list[str]) -> int:
    source = databases.provide_glue(*glue) if glue else TEMPLATE_DB
    installed = [*main_addons(), *glue]
    measured = [f"--cov={addon}" for addon in installed] if coverage else []
    if measured:
        _COVERAGE.mkdir(exist_ok=True)
        measured += ["--cov-report=term:skip-covered", f"--cov-report=xml:{_COVERAGE / name}.xml"]
    say(f"-> {name}: {', '.join(addon.name for addon in installed)}")
    with databases.short_lived("test", source=source) as database:
        odoo = ["--odoo-http", f"--odoo-database={database}", "--odoo-log-level=warn"]
        tests = [f"{addon.name}/tests" for addon in installed]
        command = [venv.PYTHON, "-m", "pytest", *odoo, *measured, *options, *tests]
        environment = odoo_cli.environment() | {"COVERAGE_FILE": str(_COVERAGE / f"{name}.data")}
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
