"""Addons of the Odoo Community Association, pinned, in a folder of their own on Odoo's addons path."""

import shutil

from . import venv
from .output import run_logged, step
from .project import LOCAL, LOGS, OCA_ADDONS, ROOT

_FOLDER = LOCAL / "oca"
_STAMP = _FOLDER / ".requirements"
_FILE = ROOT / "requirements-oca.txt"


def installed() -> str:
    """The requirement file they were installed by."""
    return _STAMP.read_text() if OCA_ADDONS.exists() and _STAMP.exists() else ""


def provide() -> None:
    """Install them anew when the requirement file has changed."""
    wanted = _FILE.read_text()
    if installed() == wanted:
        return
    shutil.rmtree(_FOLDER, ignore_errors=True)
    command = [venv.PYTHON, "-m", "pip", "install", "--no-input", "--no-deps", "--target", _FOLDER, "-r", _FILE]
    remedy = "see which package failed; pip has to reach a package index (`pip config list` shows its settings)"
    with step("installing the pinned OCA addons into .local/oca"):
        run_logged(command, LOGS / "pip-oca.log", remedy)
    _STAMP.write_text(wanted)
