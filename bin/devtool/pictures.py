"""The pictures of the documentation, made from the running product."""

import re
import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta

from . import browser, databases, demo_server, odoo_cli, postgres, provision, venv
from .output import DevError, say, step
from .project import ROOT

DATABASE = "continuity_pictures"
FOLDER = ROOT / "docs" / "images"
#: The page of the app shows some of them: an addon cannot refer to files outside of it.
APP_PAGE = ROOT / "continuity_program" / "static" / "description" / "index.html"
#: How long the companies of the demo data have been in business: some plans have ended, most are in the middle.
HISTORY = timedelta(days=95)


def make(names: list[str], again: bool = False) -> int:
    """Make the pictures of these names, all when none is given.

    :param again: from the database that is there already.
    """
    provision.server()
    browser.provide()
    if not browser.installed():
        raise DevError("there is no Chromium to take pictures with", "install Debian's package chromium")
    if not again or DATABASE not in postgres.databases():
        _make_database()
    FOLDER.mkdir(parents=True, exist_ok=True)
    port = _find_free_port()
    # Nothing runs by itself while the pictures are taken.
    with demo_server.running(DATABASE, port, "--max-cron-threads=0"):
        command = [str(venv.PYTHON), "-m", "devtool.take_pictures", f"http://127.0.0.1:{port}", str(FOLDER), *names]
        code = subprocess.run(command, cwd=ROOT / "bin", env=odoo_cli.environment(), check=False).returncode
    for name in re.findall(r'src="([\w-]+\.png)"', APP_PAGE.read_text()):
        shutil.copy(FOLDER / name, APP_PAGE.parent)
    return code


def _make_database() -> None:
    """The demo data of some months ago, all nights since, and what else the pictures show."""
    today = datetime.now(UTC).date()
    databases.make_demo(DATABASE, on=today - HISTORY)
    start = time.monotonic()
    scripts = (
        ("stage_pictures.py", "before", today - HISTORY),
        ("simulate_year.py", today - timedelta(days=1)),
        ("stage_pictures.py", "after"),
    )
    for script, *arguments in scripts:
        with step(f"running {script}"):
            if databases.run_script(DATABASE, databases.HERE / script, *map(str, arguments)):
                raise DevError(f"{script} failed", "mend what the traceback above tells")
    say(f"   {time.monotonic() - start:.0f} s: making the data of the pictures")


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
