"""The wheels, as somebody gets them who has Odoo and nothing of this repository."""

import os
import re
import subprocess
import sys
import sysconfig
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest
from devtool import odoo_source, postgres, project, wheels

pytestmark = pytest.mark.soak

SHARED = "continuity_program_queue_job"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheels by the names of their addons."""
    files = wheels.build(tmp_path_factory.mktemp("dist"))
    return {re.match(r"odoo_addon_(\w+)-", file.name).group(1): file for file in files}


@pytest.fixture
def python(tmp_path):
    """A new environment without any addon of ours; Odoo's Python packages, and OCA's addons, are lent to it."""
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{project.LOCAL / 'oca'}\n")
    return folder / "bin/python"


@pytest.fixture
def database():
    """A copy of the database that has Odoo's own modules only."""
    name = f"continuity_test_{os.getpid()}-wheel"
    with project.locked():
        postgres.copy(project.BASE_DB, name)
    yield name
    postgres.drop(name)


def read_metadata(wheel):
    with ZipFile(wheel) as archive:
        path = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(path).decode())


def test_metadata_follow_the_convention(built):
    assert sorted(built) == [addon.name for addon in project.addons()]
    for addon in project.addons():
        metadata, manifest = read_metadata(built[addon.name]), project.manifest(addon)
        assert metadata["Name"] == f"odoo-addon-{addon.name}"
        assert metadata["Version"] == manifest["version"]
        assert metadata["Summary"] == manifest["summary"]
        assert metadata["License"] == "LGPL-3"
        assert "odoo==19.0.*" in metadata.get_all("Requires-Dist")
        assert metadata["Description-Content-Type"] == "text/x-rst"
        assert manifest["name"] in metadata.get_payload()


def test_changelog_has_each_version():
    headings = re.findall(r"^## (\S+)$", (project.ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert {project.manifest(addon)["version"] for addon in project.addons()} <= set(headings)


def test_wheel_holds_what_the_repository_has(built):
    addon = project.addons()[0]
    with ZipFile(built[addon.name]) as archive:
        packed = {name for name in archive.namelist() if name.startswith("odoo/")}
    kept = {
        str(Path("odoo/addons") / path.relative_to(project.ROOT))
        for path in addon.rglob("*")
        if path.is_file() and path.name != "pyproject.toml" and "__pycache__" not in path.parts
    }
    assert packed == kept


def test_the_second_wheel_needs_the_first_and_the_job_queue(built):
    needed = read_metadata(built[SHARED]).get_all("Requires-Dist")
    others = (f"odoo-addon-{name}==19.0.*" for name in ("continuity_program", "queue_job"))
    assert sorted(needed) == [*others, "odoo==19.0.*"]


def test_odoo_installs_the_addons_from_their_wheels(built, python, database, tmp_path):
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index"]
    subprocess.run([*install, *built.values()], check=True)

    log = run_odoo(python, tmp_path, "-d", database, "-i", "continuity_program,queue_job", "--stop-after-init")

    assert [line for line in log.splitlines() if re.search(r" (WARNING|ERROR|CRITICAL) |Traceback", line)] == []
    names = ["continuity_program", SHARED]
    assert all(f"Module {name} loaded" in log for name in names)
    installed = "SELECT name FROM ir_module_module WHERE name LIKE 'continuity%' AND state = 'installed' ORDER BY name"
    assert postgres.query(installed, database) == names
    scheduled = "SELECT count(*) FROM ir_act_server WHERE code LIKE 'model.\\_cron\\_run(%'"
    assert postgres.query(scheduled, database) == ["7"]


def run_odoo(python, folder, *arguments):
    """Run Odoo with the new environment, where nothing leads to the repository; return its log."""
    odoo = odoo_source.provide()
    configuration, log = folder / "odoo.conf", folder / "odoo.log"
    settings = {
        "addons_path": ",".join(str(path) for path in odoo.addons),
        "data_dir": project.ODOO_DATA,
        "db_host": postgres.socket_dir(),
        "db_port": postgres.PORT,
        "db_user": postgres.DB_USER,
        "db_template": "template0",
        "logfile": log,
    }
    configuration.write_text("[options]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    environment = {**os.environ, **odoo.environment(), "ODOO_RC": str(configuration), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-m", "odoo", *arguments, "--no-http"]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    text = log.read_text() if log.exists() else ""
    assert result.returncode == 0, result.stderr + text
    return text
