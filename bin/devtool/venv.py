"""The Python environment in `.local/venv`, from the pinned requirement files."""

import hashlib
import os
import sys

from . import apt
from .output import DevError, run_logged, step
from .project import LOCAL, LOGS, ROOT

FOLDER = LOCAL / "venv"
PYTHON = FOLDER / "bin/python"
_STAMP = FOLDER / ".requirements"
_FILES = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
_OLDEST_PYTHON = (3, 11)


def provide() -> None:
    """Make the environment, or bring it up to date when a requirement file has changed."""
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in _FILES)).hexdigest()
    if PYTHON.exists() and _STAMP.exists() and _STAMP.read_text() == wanted:
        return
    if sys.version_info < _OLDEST_PYTHON:
        raise DevError(f"Python {sys.version.split()[0]} is too old", "run bin/dev with Python 3.11 or newer")
    with step("installing the pinned Python packages into .local/venv"):
        _create()
        requirements = [part for path in _FILES for part in ("-r", path)]
        remedy = "see which package failed; pip has to reach a package index (`pip config list` shows its settings)"
        run_logged([PYTHON, "-m", "pip", "install", "--no-input", *requirements], LOGS / "pip.log", remedy)
    _STAMP.write_text(wanted)


def _create() -> None:
    """`python -m venv`; Debian keeps the part of it that brings pip in a package of its own."""
    command = [sys.executable, "-m", "venv", "--clear", FOLDER]
    remedy = "install the package python3-venv, then run this again"
    try:
        run_logged(command, LOGS / "venv.log", remedy)
    except DevError:
        if os.geteuid():
            raise
        apt.install("python3-venv")
        run_logged(command, LOGS / "venv.log", remedy)
