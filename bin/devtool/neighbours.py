"""`bin/dev neighbours`: our addon together with the rest of Odoo.

Odoo's own tests run in a database that has ours too. What fails there runs once more in the same database without ours:
only the difference counts, since some fail for want of a program or of demo data. Then our own scenarios run beside
Odoo's addons that change sales and deliveries, and beside those of the Odoo Community Association.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from . import databases, oca, odoo_cli, provision, venv
from .output import DevError, step
from .project import LOCAL, LOGS, NEIGHBOURS_DB, OCA_NEIGHBOURS, OCA_NEIGHBOURS_DB, ROOT, WITHOUT_US_DB, locked

#: Whose tests run.
TESTED = (
    "sale",
    "sale_stock",
    "sale_management",
    "account_payment",
    "delivery",
    "payment",
    "portal",
    "stock_account",
    "sale_loyalty",
    "sale_mrp",
    "stock_dropshipping",
    "website_sale",
)
#: What is installed too, for our own scenarios.
BESIDE = ("sale_margin", "sale_project", "sale_purchase", "stock_picking_batch")
#: What `--short` runs of Odoo's tests: what goes through the methods that ours extends.
SHORT = tuple(
    f"odoo.addons.{module}.tests.{file}"
    for module, files in {
        "sale": ("test_access_rights", "test_onchange", "test_sale_flow", "test_sale_prices", "test_sale_refund"),
        "sale_stock": ("test_sale_order_dates", "test_sale_stock_lead_time", "test_sale_stock_multi_warehouse"),
        "sale_management": ("test_sale_order",),
        "account_payment": ("test_payment_flows",),
        "delivery": ("test_delivery_cost", "test_payment_transaction"),
        "payment": ("test_payment_token", "test_payment_transaction"),
        "portal": ("test_portal_wizard",),
        "stock_account": ("test_account_move",),
        "sale_loyalty": ("test_pay_with_gift_card", "test_program_rules"),
        "sale_mrp": ("test_sale_mrp_lead_time", "test_sale_mrp_procurement"),
        "stock_dropshipping": ("test_dropship",),
        "website_sale": ("test_sale_order", "test_website_sale_cart", "test_website_sale_cart_payment"),
    }.items()
    for file in files
)
#: Tests of Odoo that assert what our addon changes on purpose, each with the reason.
CHANGED_ON_PURPOSE: dict[str, str] = {}

_WORKER = Path(__file__).with_name("run_odoo_tests.py")
_PROCESSES = os.cpu_count() or 1
_TESTS = ROOT / "continuity_program/tests"
_SCENARIOS = (
    ("a child order is as one made by hand", _TESTS / "test_child_as_by_hand.py", NEIGHBOURS_DB, None),
    ("programs beside OCA addons", _TESTS / "beside_oca.py", OCA_NEIGHBOURS_DB, OCA_NEIGHBOURS),
)
#: What failed without our addon the last time, as long as that database is the same.
_CACHE = LOCAL / "neighbours.json"


class Outcome(NamedTuple):
    #: How many tests ran.
    count: int
    #: The traceback by the name of each test, or of each class that could not be set up.
    failed: dict[str, str]


def run(modules: list[str], short: bool) -> int:
    """Try everything, or Odoo's own tests of some modules; 1 when something fails only beside our addon."""
    unknown = {*modules} - {*TESTED}
    if unknown:
        raise DevError(f"no tests of {', '.join(sorted(unknown))} are run", f"name some of: {', '.join(TESTED)}")
    _provide()
    order = {"modules": modules or TESTED, "http": not short, "names": SHORT if short else ()}
    with ThreadPoolExecutor(_PROCESSES) as pool:
        parts = _submit_parts(pool, NEIGHBOURS_DB, order)
        scenarios = [] if modules else [pool.submit(_run_scenarios, *scenario) for scenario in _SCENARIOS]
        beside_us = _merge(parts)
        without_us = _run_without_us(pool, order, beside_us.failed)
        scenarios_failed = [scenario.result() for scenario in scenarios]
    own_failed = _report(beside_us, without_us)
    return int(any([own_failed, *scenarios_failed]))


def _provide() -> None:
    with locked():
        oca.provide(OCA_NEIGHBOURS)
        provision.together(
            partial(databases.provide_neighbours, [*TESTED, *BESIDE]),
            databases.provide_oca_neighbours,
        )


def _submit_parts(pool: ThreadPoolExecutor, database: str, order: dict) -> list[Future]:
    """Share the tests among the processors."""
    parts = [order | {"part": number, "parts": _PROCESSES} for number in range(_PROCESSES)]
    return [pool.submit(_run_part, database, part) for part in parts]


def _run_part(database: str, order: dict) -> Outcome:
    """Run Odoo's tests on a copy of a database, in a process of its own."""
    part = f"part{order['part']}"
    log = LOGS / f"{database}-{part}.log"
    log.unlink(missing_ok=True)
    with databases.short_lived(part, source=database) as name, tempfile.TemporaryDirectory() as folder:
        wanted, result = Path(folder, "order"), Path(folder, "result")
        wanted.write_text(json.dumps(order))
        command = [venv.PYTHON, _WORKER, name, log, wanted, result]
        with step(f"Odoo's own tests in {database}, part {order['part'] + 1} of {order['parts']}"):
            ended = subprocess.run(command, env=odoo_cli.environment(), check=False)
        if ended.returncode:
            raise DevError("Odoo's own tests could not be run", f"mend what {log} and the traceback above tell")
        return Outcome(**json.loads(result.read_text()))


def _merge(parts: Iterable[Future]) -> Outcome:
    outcomes = [part.result() for part in parts]
    failed = {name: text for outcome in outcomes for name, text in outcome.failed.items()}
    return Outcome(sum(outcome.count for outcome in outcomes), failed)


def _run_without_us(pool: ThreadPoolExecutor, order: dict, names: Iterable[str]) -> set[str]:
    """Return what fails without our addon too, of what fails with it. What is known from before is not run again."""
    known = _read_cache()
    new = sorted({*names} - known.keys())
    if new:
        failed = _merge(_submit_parts(pool, WITHOUT_US_DB, order | {"names": new})).failed
        known |= {name: fails_too(name, failed) for name in new}
        _CACHE.write_text(json.dumps({"made_from": databases.made_from(WITHOUT_US_DB), "fails": known}, indent=2))
    return {name for name in names if known[name]}


def _read_cache() -> dict[str, bool]:
    cached = json.loads(_CACHE.read_text()) if _CACHE.exists() else {}
    return cached["fails"] if cached.get("made_from") == databases.made_from(WITHOUT_US_DB) else {}


def fails_too(name: str, failed: Iterable[str]) -> bool:
    """Whether a test is among those that failed, or the class that it belongs to."""
    return any(f"{name}.".startswith(f"{other}.") for other in failed)


def _report(beside_us: Outcome, without_us: set[str]) -> bool:
    """Print both lists; whether our addon makes a difference that is not wanted."""
    only_beside_us = {name: text for name, text in beside_us.failed.items() if name not in without_us}
    print(f"Odoo's own tests: {beside_us.count} ran, {len(beside_us.failed)} failed beside our addon")
    print(f"{len(without_us)} of these fail without it too:")
    print(*(f"  {name}" for name in sorted(without_us)), sep="\n")
    print(f"{len(only_beside_us)} fail only beside it:")
    for name, text in sorted(only_beside_us.items()):
        print(f"  {name}", CHANGED_ON_PURPOSE.get(name) or f"NOT EXPECTED\n{text}", sep=": ")
    return bool(only_beside_us.keys() - CHANGED_ON_PURPOSE.keys())


def _run_scenarios(title: str, file: Path, database: str, beside: Path | None) -> bool:
    """Run tests of ours on a copy of a database; whether they failed."""
    options = ["--odoo-http", "--odoo-log-level=warn", "-q"]
    with step(title), databases.short_lived(f"scenario_{file.stem}", source=database) as name:
        command = [venv.PYTHON, "-m", "pytest", f"--odoo-database={name}", *options, file]
        environment = odoo_cli.environment(beside)
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    print(f"{title}:\n{ended.stdout}{ended.stderr if ended.returncode else ''}")
    return bool(ended.returncode)
