"""The cached databases: with the dependencies only, without and with demo data; the template with our main addon; and
one for each addon that joins it to others, such as the shop."""

import hashlib
import json
import os
import re
import subprocess
import threading
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from . import oca, odoo_cli, odoo_source, postgres, venv
from .output import DevError, say, step
from .project import (
    ADDON_PREFIX,
    BASE_DB,
    DEMO_BASE_DB,
    DEMO_DB,
    LOGS,
    NEIGHBOURS_DB,
    OCA_BENCH_ADDONS,
    OCA_NEIGHBOURS,
    OCA_NEIGHBOURS_DB,
    STATE,
    TEMPLATE_DB,
    WITHOUT_US_DB,
    fingerprint,
    glue_addons,
    locked,
    main_addons,
    outside_depends,
)

HERE = Path(__file__).resolve().parent
_PREPARE = HERE / "prepare_base.py"
_TEST_MODULES = ("payment_demo",)  # a payment provider that answers without a network
# What Odoo installs by itself with what a glue addon needs, where there is stock
_BESIDE = {"continuity_program_website_sale": ("website_sale_stock",)}
_STATE_LOCK = threading.Lock()  # two databases may be made at the same time
_SHORT_LIVED = re.compile(r"continuity_(?:test|scratch|shell|part\d+|scenario_[a-z_]+)_(\d+)(?:-\w+)?")


def provide() -> None:
    """Bring base and template up to date; a changed addon costs the installation of our addons only."""
    _drop_leftovers()
    _provide_base(BASE_DB)
    if not main_addons():
        say("   no addon continuity_program yet: only the base database was made")
        return
    wanted = {"base": _base_fingerprint(), "addons": fingerprint(main_addons())}
    if _is_current(TEMPLATE_DB, wanted):
        return
    with step(f"making database {TEMPLATE_DB}"), _replacing(TEMPLATE_DB, wanted) as name:
        postgres.copy(BASE_DB, name)
        _install(name, [addon.name for addon in main_addons()])


def provide_glue(*glue: Path) -> str:
    """The template with glue addons and what they join ours to, made when somebody asks for it; its name."""
    database = f"continuity_{'_and_'.join(map(short_name, glue))}"
    with locked():
        wanted = {"template": _state().get(TEMPLATE_DB), "addon": fingerprint([*glue]), "oca": oca.installed()}
        if not _is_current(database, wanted):
            modules = [module for addon in glue for module in (addon.name, *_BESIDE.get(addon.name, ()))]
            with step(f"making database {database}"), _replacing(database, wanted) as name:
                postgres.copy(TEMPLATE_DB, name)
                _install(name, modules, "--skip-auto-install")
    return database


def short_name(addon: Path) -> str:
    """What sets a glue addon apart from the others: ``queue_job`` of ``continuity_program_queue_job``."""
    return addon.name.removeprefix(ADDON_PREFIX).strip("_")


def provide_others(modules: tuple[str, ...]) -> str:
    """The base with addons of others and none of ours, made when a benchmark asks for it; its name."""
    database = f"continuity_with_{modules[0]}"
    with locked():
        wanted = {"base": _base_fingerprint(), "modules": [*modules], "oca": oca.installed(OCA_BENCH_ADDONS)}
        if not _is_current(database, wanted):
            with step(f"making database {database}"), _replacing(database, wanted) as name:
                postgres.copy(BASE_DB, name)
                _install(name, [*modules])
    return database


def provide_neighbours(modules: list[str]) -> None:
    """The base with more of Odoo's own addons, without ours and with all of them that fit."""
    without = {"base": _base_fingerprint(), "modules": modules}
    if not _is_current(WITHOUT_US_DB, without):
        with step(f"making database {WITHOUT_US_DB} (about a minute)"), _replacing(WITHOUT_US_DB, without) as name:
            postgres.copy(BASE_DB, name)
            _install(name, modules)
    wanted = {"without": without, "addons": fingerprint([*main_addons(), *glue_addons()])}
    if not _is_current(NEIGHBOURS_DB, wanted):
        with step(f"making database {NEIGHBOURS_DB}"), _replacing(NEIGHBOURS_DB, wanted) as name:
            postgres.copy(WITHOUT_US_DB, name)
            _install(name, [addon.name for addon in main_addons()])


def provide_oca_neighbours() -> None:
    """The template with addons of the Odoo Community Association."""
    wanted = {"template": _state().get(TEMPLATE_DB), "oca": oca.installed(OCA_NEIGHBOURS)}
    if not _is_current(OCA_NEIGHBOURS_DB, wanted):
        with step(f"making database {OCA_NEIGHBOURS_DB}"), _replacing(OCA_NEIGHBOURS_DB, wanted) as name:
            postgres.copy(TEMPLATE_DB, name)
            _install(name, oca.modules(OCA_NEIGHBOURS), beside=OCA_NEIGHBOURS)


def made_from(name: str) -> dict:
    """What a cached database was made from."""
    return _state()[name]


def make_demo(name: str = DEMO_DB, on: date | None = None) -> None:
    """A fresh demo database: the dependencies' demo data is cached, ours is loaded anew, as on another day if given."""
    with locked():
        _provide_base(DEMO_BASE_DB, "--with-demo")
        with step(f"making database {name}"):
            postgres.copy(DEMO_BASE_DB, name)
            _install(name, [addon.name for addon in main_addons()], "--with-demo", on=on)


def _provide_base(name: str, *options: str) -> None:
    """All that our addons depend on, with a chart of accounts and the web client's bundles."""
    wanted = _base_fingerprint()
    if _is_current(name, wanted):
        return
    with step(f"making database {name} (two to eight minutes)"), _replacing(name, wanted) as temporary:
        _install(temporary, wanted["modules"], *options)
        if run_script(temporary, _PREPARE):
            raise DevError(f"the new database {name} could not be prepared", "mend what the traceback above tells")


def _base_fingerprint() -> dict:
    return {
        "odoo": odoo_source.provide().version,
        "modules": [*outside_depends(), *_TEST_MODULES],
        "prepared": hashlib.sha256(_PREPARE.read_bytes()).hexdigest(),
    }


def _install(
    database: str, modules: list[str], *options: str, on: date | None = None, beside: Path | None = None
) -> None:
    arguments = ["-d", database, "-i", ",".join(modules), *options, "--stop-after-init", "--no-http"]
    odoo_cli.run_logged(arguments, f"install-{database}", on, beside)


@contextmanager
def _replacing(name: str, wanted: dict):
    """A database under a name of its own that replaces the old one only when all went well."""
    temporary = f"{name}_new"
    postgres.drop(temporary)
    yield temporary
    postgres.rename(temporary, name)
    with _STATE_LOCK:
        STATE.write_text(json.dumps({**_state(), name: wanted}, indent=2))


def _state() -> dict:
    """Which fingerprint each cached database was made from."""
    return json.loads(STATE.read_text()) if STATE.exists() else {}


def _is_current(name: str, wanted: dict) -> bool:
    return _state().get(name) == wanted and name in postgres.databases()


def _drop_leftovers() -> None:
    """Databases of test runs and scripts that were killed before they could drop their own."""
    for name in postgres.databases():
        found = _SHORT_LIVED.fullmatch(name)
        if found and not Path(f"/proc/{found.group(1)}").exists():
            postgres.drop(name)


@contextmanager
def short_lived(kind: str, keep: str | None = None, source: str = TEMPLATE_DB):
    """A fresh copy of the template, dropped afterwards unless a name is given to keep it under."""
    with locked():
        if source not in postgres.databases():
            raise DevError("there is no template database", "add the addon continuity_program, then run bin/dev setup")
        name = keep or f"continuity_{kind}_{os.getpid()}"
        postgres.copy(source, name)
    try:
        yield name
    finally:
        if not keep:
            postgres.drop(name)


def run_script(database: str, file: Path, *arguments: str) -> int:
    """Run a Python file in an Odoo environment; Odoo's own log goes to `.local/log`."""
    log = LOGS / f"script-{file.stem}.log"
    command = [venv.PYTHON, HERE / "run_script.py", database, log, file, *arguments]
    return subprocess.run([str(part) for part in command], env=odoo_cli.environment(), check=False).returncode
