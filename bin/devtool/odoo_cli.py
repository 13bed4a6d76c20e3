"""Odoo's own command line with the project's configuration."""

import os
from datetime import date
from pathlib import Path
from typing import NoReturn

from . import odoo_source, output, postgres, venv
from .project import LOGS, OCA_ADDONS, ODOO_CONF, ODOO_DATA, ROOT, addons

_HERE = Path(__file__).resolve().parent
_SETTINGS = {
    "http_interface": "127.0.0.1",
    "db_template": "template0",
    "list_db": "True",
    "limit_time_real": "0",
    "limit_time_cpu": "0",
}


def write_configuration() -> None:
    """`.local/odoo.conf`: all sub-commands of Odoo read it through the variable ODOO_RC."""
    settings = {
        **_SETTINGS,
        "addons_path": addons_path(),
        "data_dir": ODOO_DATA,
        "db_host": postgres.socket_dir(),
        "db_port": postgres.PORT,
        "db_user": postgres.DB_USER,
    }
    ODOO_DATA.mkdir(parents=True, exist_ok=True)
    ODOO_CONF.write_text("[options]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))


def addons_path(*more: Path) -> str:
    """Where Odoo looks for addons; it complains of a folder that holds none."""
    folders = [*odoo_source.provide().addons, *([ROOT] if addons() else []), OCA_ADDONS, *more]
    return ",".join(str(folder) for folder in folders if folder.exists())


def environment(beside: Path | None = None) -> dict[str, str]:
    """The variables with which Odoo, its tests and our runner find source, settings and database; also the addons of a
    folder that others do not see, when one is given."""
    return {
        **os.environ,
        **({"ODOO_ADDONS_PATH": addons_path(beside)} if beside else {}),
        **odoo_source.provide().environment(),
        **postgres.environment(),
        "ODOO_RC": str(ODOO_CONF),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": f"{postgres.bindir()}:{os.environ['PATH']}",
    }


def replace_process(arguments: list[str]) -> NoReturn:
    """Become Odoo: a signal sent to bin/dev then reaches Odoo itself, and its exit code the caller."""
    os.execve(venv.PYTHON, command(arguments), environment())


def command(arguments: list[str], on: date | None = None) -> list[str]:
    """Odoo's command line, on another day when one is given."""
    program = [str(_HERE / "odoo_at.py"), str(on)] if on else ["-m", "odoo"]
    return [str(venv.PYTHON), *program, *arguments]


def run_logged(arguments: list[str], log: str, on: date | None = None, beside: Path | None = None) -> None:
    """Run Odoo with its output in `.local/log`."""
    path = LOGS / f"{log}.log"
    output.run_logged(command(arguments, on), path, f"mend what {path} tells", environment(beside))
