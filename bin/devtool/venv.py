"""The Python environment in `.local/venv`, from the pinned requirement files."""

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import apt
from .output import DevError, run_logged, step
from .project import LOCAL, LOGS, ROOT

FOLDER = LOCAL / "venv"
PYTHON = FOLDER / "bin/python"
_STAMP = ".requirements"
_FILES = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
_OLDEST_PYTHON = (3, 11)


def provide() -> None:
    """Make the project's environment, or bring it up to date when a requirement file has changed."""
    provide_at(FOLDER, _FILES)


def provide_at(folder: Path, files: Sequence[Path]) -> None:
    """Make an environment in a folder of `.local` from pinned requirement files, or bring it up to date."""
    stamp = folder / _STAMP
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    if python_of(folder).exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    if sys.version_info < _OLDEST_PYTHON:
        raise DevError(f"Python {sys.version.split()[0]} is too old", "run bin/dev with Python 3.11 or newer")
    with step(f"installing the pinned Python packages into .local/{folder.name}"):
        _create(folder)
        requirements = [part for path in files for part in ("-r", path)]
        remedy = "see which package failed; pip has to reach a package index (`pip config list` shows its settings)"
        run_logged([python_of(folder), "-m", "pip", "install", "--no-input", *requirements], LOGS / "pip.log", remedy)
    stamp.write_text(wanted)


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / "bin/python"


def _create(folder: Path) -> None:
    """`python -m venv`; Debian keeps the part of it that brings pip in a package of its own."""
    command = [sys.executable, "-m", "venv", "--clear", folder]
    remedy = "install the package python3-venv, then run this again"
    try:
        run_logged(command, LOGS / "venv.log", remedy)
    except DevError:
        if os.geteuid():
            raise
        apt.install("python3-venv")
        run_logged(command, LOGS / "venv.log", remedy)
