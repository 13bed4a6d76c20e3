"""Prettier, for the form of JavaScript. It needs npm: where that is missing this one check is left out, and says so."""

import shutil
import subprocess

from .output import DevError, run_logged, say
from .project import LOCAL, LOGS, ROOT, addons

_VERSION = "3.10.1"
_FOLDER = LOCAL / "node"
_PROGRAM = _FOLDER / "node_modules/.bin/prettier"
_STAMP = _FOLDER / ".prettier"


def run(option: str) -> bool:
    """Whether prettier found something in our scripts; its settings are in `.prettierrc.json`.

    :param option: ``--check``, or ``--write`` to mend it.
    """
    say("-> prettier")
    files = sorted(path.relative_to(ROOT) for addon in addons() for path in addon.rglob("static/**/*.js"))
    if not files or not _provide():
        return False
    return subprocess.run([_PROGRAM, "--log-level=warn", option, *files], cwd=ROOT, check=False).returncode != 0


def _provide() -> bool:
    """Get the pinned version, once; whether it is there."""
    if _STAMP.exists() and _STAMP.read_text() == _VERSION and shutil.which("node"):
        return True
    npm = shutil.which("npm")
    if not npm:
        say("   left out: there is no npm to get it with (Debian's package npm)")
        return False
    _FOLDER.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", _FOLDER, f"prettier@{_VERSION}"]
    try:
        run_logged(command, LOGS / "npm.log", "npm has to reach a package index (`npm config list` shows its settings)")
    except DevError as error:
        say(f"   left out: it cannot be fetched. {error.remedy}; {LOGS / 'npm.log'} tells more")
        return False
    _STAMP.write_text(_VERSION)
    return True
