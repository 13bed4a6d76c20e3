"""What `bin/dev lint` runs, and pre-commit, which calls it: ruff, prettier, pylint-odoo, mypy, and greps for what
Odoo 19 takes silently and wrongly.

A line that is right in spite of a grep says so: `# lint: ok`, with the reason.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from . import prettier, venv
from .output import say
from .project import DOMAIN, ROOT, addons

# (files, pattern, what to write instead or what is wrong): accepted at load, they fail later or do nothing
_TRAPS = (
    (".xml", r"<tree\b", "Odoo 19 has <list> views"),
    (".xml", r"view_mode.*\btree\b", "view_mode `tree` is stored and breaks in the web client: `list`"),
    (".xml", r"\bt-(esc|raw)=", "t-out escapes what has to be"),
    (".xml", r"kanban-box", 't-name="card" in a kanban view'),
    (".xml", r"oe_chatter", "<chatter/>"),
    (".xml", r"\s(attrs|states)=", 'conditions stand in invisible="", readonly="", required=""'),
    (".xml", r'name="(numbercall|doall)"', "scheduled actions have no such field any more"),
    (".xml", r'name="groups_id"', "group_ids"),
    (".py", r"\b_sql_constraints\b", "creates nothing in Odoo 19: models.Constraint"),
    (".py", r"\bgroup_operator=", "aggregator="),
    (".py", r"\b(date|datetime)\.(today|utcnow)\(\)", "the server's day, not the company's"),
    (".py", r"\bcontext_today\(", "the user's day, not the company's"),
    (".py", r"\.osv\b|odoo\.osv", "odoo.fields.Domain"),
    (".py", r"\btype=['\"]json['\"]", "routes have the type jsonrpc"),
    (".py", r"\b(import pdb|breakpoint\(\))", "left over from debugging"),
    (".js", r"\bconsole\.log\(", "left over from debugging"),
    (".js", r"publicWidget", "Interaction, in the registry public.interactions"),
    (".js", r"\bdebugger\b", "left over from debugging"),
    (".py", r"# ?(TODO|FIXME|XXX)\b", "an issue, or done now"),
)

_PYLINT_DISABLED = (
    "missing-return",  # a compute that calls super has nothing to return
    "consider-merging-classes-inherited",  # one model in several files, by what they are about
)
_PYLINT_OPTIONS = ("--rcfile=.pylintrc", f"--disable={','.join(_PYLINT_DISABLED)}")


def run() -> int:
    """Run every check, also after one has failed; 1 when any found something."""
    folders = [str(addon.relative_to(ROOT)) for addon in addons()]
    failures = [
        _tool("ruff", "ruff", "check", "."),
        _tool("ruff format", "ruff", "format", "--check", "."),
        prettier.run("--check"),
        _tool("pylint-odoo", "pylint", *_PYLINT_OPTIONS, *folders) if folders else False,
        _tool("mypy", "mypy"),
        _report("a core without Odoo", _odoo_in_domain()),
        _report("well-formed XML", _malformed_xml()),
        _report("traps of Odoo 19", _traps()),
    ]
    return int(any(failures))


def fix() -> int:
    """Mend what the tools can mend by themselves; the rest is said by `run`."""
    failures = [
        _tool("ruff", "ruff", "check", "--fix", "--exit-zero", "."),
        _tool("ruff format", "ruff", "format", "."),
        prettier.run("--write"),
    ]
    return int(any(failures))


def _tool(title: str, module: str, *arguments: str) -> bool:
    """Whether a checker of the venv found something."""
    say(f"-> {title}")
    return subprocess.run([venv.PYTHON, "-m", module, *arguments], cwd=ROOT, check=False).returncode != 0


def _report(title: str, findings: Iterator[str]) -> bool:
    say(f"-> {title}")
    found = list(findings)
    for line in found:
        print(line)
    return bool(found)


def _sources(*suffixes: str) -> Iterator[Path]:
    for addon in addons():
        yield from (path for path in sorted(addon.rglob("*")) if path.suffix in suffixes)


def _malformed_xml() -> Iterator[str]:
    for path in _sources(".xml", ".svg"):
        try:
            ElementTree.parse(path)  # noqa: S314 - our own files
        except ElementTree.ParseError as error:
            yield f"{path.relative_to(ROOT)}: {error}"


def _odoo_in_domain() -> Iterator[str]:
    for path in sorted(DOMAIN.rglob("*.py")):
        depth = len(path.relative_to(DOMAIN).parts)
        for number in foreign_imports_in(path.read_text(), depth):
            yield f"{path.relative_to(ROOT)}:{number}: domain/ imports neither Odoo nor the addon around it"


def foreign_imports_in(source: str, depth: int = 1) -> Iterator[int]:
    """The lines that import Odoo, or by a relative import what lies outside of the package so many folders up."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = ["odoo"] if node.level > depth else [node.module or ""] if not node.level else []
        else:
            continue
        if any(module.split(".")[0] == "odoo" for module in modules):
            yield node.lineno


def _traps() -> Iterator[str]:
    for path in _sources(".py", ".xml", ".js"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            yield from (f"{path.relative_to(ROOT)}:{number}: {trap}" for trap in traps_in(path.suffix, line))


def traps_in(suffix: str, line: str) -> Iterator[str]:
    """What is wrong with a line of a file with this suffix."""
    if "lint: ok" in line:
        return
    for where, pattern, advice in _TRAPS:
        found = where == suffix and re.search(pattern, line)
        if found:
            yield f"{found.group(0).strip()}: {advice}"
