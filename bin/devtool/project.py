"""Where things are: the repository, its addons and the ignored folder `.local` that holds all that is generated."""

import ast
import fcntl
import hashlib
from contextlib import contextmanager
from pathlib import Path

from .output import DevError, say

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
LOGS = LOCAL / "log"
ODOO_CONF = LOCAL / "odoo.conf"
ODOO_DATA = LOCAL / "data"
FILESTORE = ODOO_DATA / "filestore"
OCA_ADDONS = LOCAL / "oca/odoo/addons"
OCA_BENCH_ADDONS = LOCAL / "oca-bench/odoo/addons"
OCA_NEIGHBOURS = LOCAL / "oca-neighbours/odoo/addons"
STATE = LOCAL / "state.json"

ADDON_PREFIX = "continuity_program"
# The core without Odoo, and its tests: they need no database
DOMAIN = ROOT / "continuity_program/domain"
DOMAIN_TESTS = ROOT / "continuity_program/tests/domain"
DEFAULT_DEPENDS = ("account_payment", "delivery", "portal", "sale_management", "sale_stock")

BASE_DB = "continuity_base"
TEMPLATE_DB = "continuity_template"
DEMO_BASE_DB = "continuity_demo_base"
DEMO_DB = "continuity_demo"
# With and without ours: Odoo's addons that change sales and deliveries; and those of others beside ours
NEIGHBOURS_DB = "continuity_neighbours"
WITHOUT_US_DB = "continuity_neighbours_without_us"
OCA_NEIGHBOURS_DB = "continuity_oca_neighbours"

# Parts of an addon that never reach a database: changing them needs no new template.
_NOT_IN_DATABASE = ("tests", "docs", "static/description", "static/tests", "static/src")


def addons() -> list[Path]:
    """The addons of this repository, the main one first."""
    return sorted(path.parent for path in ROOT.glob(f"{ADDON_PREFIX}*/__manifest__.py"))


def manifest(addon: Path) -> dict:
    path = addon / "__manifest__.py"
    try:
        return ast.literal_eval(path.read_text())
    except (SyntaxError, ValueError) as error:
        raise DevError(f"{path} cannot be read: {error}", "mend it: a manifest is one Python dictionary") from error


def is_glue(addon: Path) -> bool:
    """Whether an addon joins ours to one that it does not depend on: it installs itself where both are."""
    return bool(manifest(addon).get("auto_install"))


def main_addons() -> list[Path]:
    """Those of the template database."""
    return [addon for addon in addons() if not is_glue(addon)]


def glue_addons() -> list[Path]:
    return [addon for addon in addons() if is_glue(addon)]


def outside_depends() -> list[str]:
    """All modules of others that our main addons need, or a first guess while there is no addon yet."""
    wanted = {name for addon in main_addons() for name in manifest(addon).get("depends", ())}
    return sorted(wanted) or sorted(DEFAULT_DEPENDS)


def fingerprint(folders: list[Path]) -> str:
    """A hash of every file of these addons that an installation reads."""
    digest = hashlib.sha256()
    for addon in folders:
        for path in sorted(addon.rglob("*")):
            if path.is_file() and reaches_database(path.relative_to(addon)):
                digest.update(f"{addon.name}/{path.relative_to(addon)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def reaches_database(path: Path) -> bool:
    """Whether an installation reads this file of an addon (the path is relative to the addon)."""
    if "__pycache__" in path.parts:
        return False
    return not any(path.is_relative_to(part) for part in _NOT_IN_DATABASE)


@contextmanager
def locked():
    """One process at a time makes or copies things in `.local`; others wait for it."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("   waiting for another bin/dev to finish its setup")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
