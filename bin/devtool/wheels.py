"""The addons as wheels, by OCA's convention: `odoo-addon-NAME`, with the addon in the namespace `odoo.addons`."""

import shutil
from pathlib import Path

from . import venv
from .output import run_logged, step
from .project import LOCAL, LOGS, addons

DIST = LOCAL / "dist"


def build(folder: Path = DIST) -> list[Path]:
    """Build each addon from the files that git knows, with the tools of the venv and without a network."""
    shutil.rmtree(folder, ignore_errors=True)
    options = ["--no-input", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--wheel-dir", folder]
    command = [venv.PYTHON, "-m", "pip", "wheel", *options, *addons()]
    log = LOGS / "wheels.log"
    with step("building the wheels"):
        run_logged(command, log, f"mend what {log} tells; a file deleted has to be deleted in git too")
    return sorted(folder.glob("*.whl"))
