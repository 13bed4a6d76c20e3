"""Chromium, which Odoo's browser tours look for on the PATH."""

import os
import shutil

from . import apt
from .output import DevError, say, step

_NAMES = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")  # those that Odoo tries
_REMEDY = "install Debian's package chromium to run them"


def installed() -> bool:
    return any(shutil.which(name) for name in _NAMES)


def provide() -> None:
    """Install Chromium where that is possible: only the browser tours need it, so its absence is no failure."""
    if installed():
        return
    if os.geteuid():
        say(f"   no Chromium, so browser tours will be skipped: {_REMEDY}")
        return
    try:
        with step("installing Chromium for the browser tours"):
            apt.install("chromium")
    except DevError as error:
        say(f"   {error.problem}\n   browser tours will be skipped: {_REMEDY}")
