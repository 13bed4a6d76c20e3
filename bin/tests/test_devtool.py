"""The parts of `bin/dev` that can be wrong without anybody noticing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from devtool import checks, commands, databases, demo_server, matrix, odoo_source, postgres, project
from devtool.output import DevError

MIRROR = "http://mirror.example/debian"
DEB822 = f"""\
Types: deb
URIs: {MIRROR}-security
Suites: bookworm-security
Components: main

Types: deb deb-src
URIs: {MIRROR}
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /keyring.gpg
"""
ONE_LINE = f"""\
# deb {MIRROR} bookworm main
deb {MIRROR}-security bookworm-security main
deb [arch=amd64 signed-by=/keyring.gpg] {MIRROR} bookworm main contrib
"""


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """A folder in the place of /etc/apt, on a Debian 12."""
    monkeypatch.setattr(odoo_source, "_machine_suite", lambda: "bookworm")
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_apt_source_from_the_new_format(apt):
    (apt / "sources.list.d/debian.sources").write_text(DEB822)
    name, text = odoo_source.private_source(apt)
    assert name == "odoo.sources"
    assert text.splitlines() == [
        "Types: deb",
        f"URIs: {MIRROR}",
        "Suites: sid stable",
        "Components: main",
        "Signed-By: /keyring.gpg",
    ]


def test_apt_source_from_the_old_format(apt):
    (apt / "sources.list").write_text(ONE_LINE)
    name, text = odoo_source.private_source(apt)
    assert name == "odoo.list"
    start = f"deb [arch=amd64 signed-by=/keyring.gpg] {MIRROR}"
    assert text.splitlines() == [f"{start} sid main", f"{start} stable main"]


def test_apt_without_debian_names_the_remedy(apt):
    (apt / "sources.list").write_text("deb http://elsewhere.example/apt nodistro main\n")
    with pytest.raises(DevError) as refused:
        odoo_source.private_source(apt)
    assert "ODOO_HOME" in refused.value.remedy


@pytest.mark.parametrize("version, accepted", [("(19, 0, 0, FINAL, 0, '')", True), ("(18, 0, 0, FINAL, 0, '')", False)])
@pytest.mark.parametrize("layout", ["", "usr/lib/python3/dist-packages"])
def test_odoo_home_holds_odoo_19(tmp_path, layout, version, accepted):
    package = tmp_path / layout / "odoo"
    (package / "addons/web").mkdir(parents=True)
    (package / "release.py").write_text(f"version_info = {version}\n")
    odoo = odoo_source.Odoo.in_folder(tmp_path)
    assert bool(odoo) == accepted
    if accepted:
        assert odoo.environment() == {"PYTHONPATH": str(tmp_path / layout)}


def test_link_to_odoo_stays_while_others_import_through_it(tmp_path, monkeypatch):
    monkeypatch.setattr(odoo_source, "LOCAL", tmp_path)
    first, second = (odoo_source.Odoo(tmp_path, tmp_path / name, []) for name in ("one", "two"))
    link = tmp_path / "odoo-link" / "odoo"
    first.isolated()
    made = link.lstat().st_ino

    first.isolated()
    assert link.lstat().st_ino == made
    second.isolated()
    assert link.readlink() == second.package
    assert [path.name for path in link.parent.iterdir()] == ["odoo"]


@pytest.mark.parametrize(
    "path, reaches",
    [
        ("models/sale_order.py", True),
        ("views/sale_order_views.xml", True),
        ("i18n/fr.po", True),
        ("static/img/book.png", True),
        ("static/src/page/page.js", False),
        ("static/tests/tours/sell.js", False),
        ("static/description/icon.png", False),
        ("tests/test_plan.py", False),
        ("models/__pycache__/sale_order.pyc", False),
    ],
)
def test_template_is_made_again_only_for_what_an_installation_reads(path, reaches):
    assert project.reaches_database(Path(path)) == reaches


@pytest.mark.parametrize(
    "suffix, line",
    [
        (".xml", "<tree>"),
        (".xml", '<field name="view_mode">tree,form</field>'),
        (".xml", '<span t-esc="name"/>'),
        (".xml", '<t t-name="kanban-box">'),
        (".xml", """<field name="x" attrs="{'invisible': 1}"/>"""),
        (".py", "    _sql_constraints = [('a', 'unique(a)', 'A')]"),
        (".py", "day = date.today()"),
        (".py", "from odoo.osv import expression"),
        (".js", "console.log(record);"),
    ],
)
def test_trap_is_found_unless_the_line_says_it_is_right(suffix, line):
    assert len(list(checks.traps_in(suffix, line))) == 1
    assert not list(checks.traps_in(suffix, f"{line} # lint: ok, for this test"))


@pytest.mark.parametrize(
    "suffix, line",
    [
        (".xml", '<field name="view_mode">list,form</field>'),
        (".xml", '<field name="tree_height"/>'),
        (".py", "day = fields.Date.to_date(value)"),
        (".py", "message = 'states of the order'"),
    ],
)
def test_ordinary_line_is_no_trap(suffix, line):
    assert not list(checks.traps_in(suffix, line))


@pytest.mark.parametrize(
    "source, depth, lines",
    [
        ("import odoo", 1, [1]),
        ("import datetime\nfrom odoo.tools import SQL", 1, [2]),
        ("def late():\n    import odoo.fields", 1, [2]),
        ("from .. import models", 1, [1]),
        ("from ..models import program", 1, [1]),
        ("from .. import schedule", 2, []),
        ("from . import schedule\nfrom .money import share_out", 1, []),
        ("from odoo_like import fields\nimport decimal", 1, []),
    ],
)
def test_the_core_imports_nothing_of_odoo(source, depth, lines):
    assert list(checks.foreign_imports_in(source, depth)) == lines


@pytest.mark.parametrize(
    "arguments, without_database",
    [
        (["continuity_program/tests/domain"], True),
        (["-x", "continuity_program/tests/domain/test_money.py", "-k", "share"], True),
        (["continuity_program/tests/domain/test_money.py::TestShareOut"], True),
        (["continuity_program/tests/domain", "continuity_program/tests/test_sync.py"], False),
        (["continuity_program/tests"], False),
        (["-k", "share"], False),
        ([], False),
    ],
)
def test_tests_of_the_core_need_no_database(arguments, without_database):
    assert commands._are_of_domain(arguments) == without_database


@pytest.mark.parametrize(
    "script, code, output",
    [
        ("print(env.uid, __name__)", 0, "1 __main__\n"),
        ("raise SystemExit(3)", 3, ""),
        ("raise ValueError('no')", 1, ""),
    ],
)
def test_script_in_odoo_keeps_its_exit_code_and_its_output(tmp_path, env_database, script, code, output):
    file = tmp_path / "script.py"
    file.write_text(script)
    runner = Path(checks.__file__).with_name("run_script.py")
    command = [sys.executable, runner, env_database, tmp_path / "log", file]
    result = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (code, output)
    assert ("ValueError: no" in result.stderr) == ("ValueError" in script)


@pytest.fixture
def env_database():
    """The database that pytest-odoo runs on."""
    from odoo.tests.common import get_db_name

    return get_db_name()


def test_demo_makes_only_the_database_it_opens(monkeypatch):
    made = []
    monkeypatch.setattr(commands.provision, "everything", lambda: pytest.fail("the test databases are made"))
    monkeypatch.setattr(commands.provision, "server", lambda: None)
    monkeypatch.setattr(databases, "_provide_base", lambda name, *options: made.append((name, *options)))
    monkeypatch.setattr(databases, "_install", lambda name, modules, *options, **_on: made.append((name, *modules)))
    monkeypatch.setattr(databases.postgres, "copy", lambda source, target: None)
    monkeypatch.setattr(databases, "run_script", lambda name, file: 0)
    assert commands.demo(["--no-serve"]) == 0
    assert made == [(project.DEMO_BASE_DB, "--with-demo"), (project.DEMO_DB, "continuity_program")]


def test_lack_of_what_prints_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_server.odoo_cli, "environment", lambda: {"PATH": str(tmp_path)})
    assert "install Debian's package wkhtmltopdf" in demo_server.get_printing_lack()
    program = tmp_path / "wkhtmltopdf"
    program.touch(mode=0o755)
    assert demo_server.get_printing_lack() == ""


def test_commits_wait_for_the_disk_only_while_asked_to():
    assert postgres.fsync() == "off"
    with pytest.raises(ZeroDivisionError), postgres.durable():
        settings = ("fsync", "synchronous_commit", "full_page_writes")
        assert [postgres.query(f"SHOW {setting}") for setting in settings] == [["on"]] * 3
        raise ZeroDivisionError
    assert postgres.fsync() == "off"


def test_pre_commit_runs_what_lint_runs():
    """One hook, of this repository: none of another one could tell otherwise than `bin/dev lint`."""
    text = (project.ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"^\s+(?:- )?(repo|entry|id): *(.+)$", text, re.MULTILINE) == [
        ("repo", "local"),
        ("id", "lint"),
        ("entry", "bin/dev lint"),
    ]


def test_lint_runs_each_check_and_fails_with_any(monkeypatch):
    """Also those that come after the one that fails."""
    ran = []
    monkeypatch.setattr(checks, "_tool", lambda title, *_arguments: bool(ran.append(title)))
    monkeypatch.setattr(checks.prettier, "run", lambda option: not ran.append(("prettier", option)))
    assert checks.run() == 1
    assert {"ruff", "ruff format", "pylint-odoo", ("prettier", "--check")} <= set(ran)


def test_prettier_is_left_out_where_there_is_no_npm(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(checks.prettier, "_STAMP", tmp_path / "stamp")
    monkeypatch.setattr(checks.prettier.shutil, "which", lambda _name: None)
    assert not checks.prettier.run("--check")
    assert "there is no npm" in capsys.readouterr().err


def test_combinations_are_each_addon_alone_and_with_its_friends():
    names = {name: [addon.name for addon in glue] for name, glue in matrix.combinations().items()}
    shared = [f"{project.ADDON_PREFIX}_{name}" for name in ("loyalty", "queue_job", "website_sale")]
    singles = {name.removeprefix(f"{project.ADDON_PREFIX}_"): [name] for name in shared}
    assert names == {"alone": [], **singles, "all": shared}
    workflow = (project.ROOT / ".github/workflows/test.yml").read_text()
    assert re.search(r"combination: (\[.*\])", workflow).group(1) == json.dumps([*names])


def test_manifests_say_who_cares_for_them():
    for addon in project.addons():
        manifest = project.manifest(addon)
        assert (manifest["development_status"], bool(manifest["maintainers"])) == ("Beta", True)
        assert manifest["website"].startswith("https://")
        assert {"DESCRIPTION.md", "CONFIGURE.md", "USAGE.md", "CONTRIBUTORS.md"} <= {
            path.name for path in (addon / "readme").iterdir()
        }
