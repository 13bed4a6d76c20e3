"""Addons of the Odoo Community Association, pinned, in folders of their own for Odoo's addons path."""

import shutil
from pathlib import Path

from . import venv
from .output import run_logged, step
from .project import LOGS, OCA_ADDONS, OCA_BENCH_ADDONS, OCA_NEIGHBOURS, ROOT

_FILES = {
    OCA_ADDONS: ROOT / "requirements-oca.txt",
    OCA_BENCH_ADDONS: ROOT / "requirements-oca-bench.txt",
    OCA_NEIGHBOURS: ROOT / "requirements-oca-neighbours.txt",
}


def installed(addons: Path = OCA_ADDONS) -> str:
    """The requirement file they were installed by."""
    stamp = _stamp(addons)
    return stamp.read_text() if addons.exists() and stamp.exists() else ""


def provide(addons: Path = OCA_ADDONS) -> None:
    """Install those of a folder anew when its requirement file has changed."""
    file = _FILES[addons]
    wanted = file.read_text()
    if installed(addons) == wanted:
        return
    folder = _stamp(addons).parent
    shutil.rmtree(folder, ignore_errors=True)
    command = [venv.PYTHON, "-m", "pip", "install", "--no-input", "--no-deps", "--target", folder, "-r", file]
    remedy = "see which package failed; pip has to reach a package index (`pip config list` shows its settings)"
    with step(f"installing the pinned OCA addons into .local/{folder.name}"):
        run_logged(command, LOGS / f"pip-{folder.name}.log", remedy)
    _stamp(addons).write_text(wanted)


def modules(addons: Path) -> list[str]:
    """The addons in a folder."""
    return sorted(path.parent.name for path in addons.glob("*/__manifest__.py"))


def _stamp(addons: Path) -> Path:
    return addons.parents[1] / ".requirements"
