"""Measures a comparison: seeds its databases, then takes its variants in turns."""

import json
import os
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from devtool import databases, oca, odoo_cli, postgres
from devtool.output import DevError, step
from devtool.project import OCA_BENCH_ADDONS, TEMPLATE_DB, locked

from .case import Case

WORKER = Path(__file__).with_name("worker.py")


def measure(case: Case, quick: bool) -> dict:
    """Run all variants of a comparison, round by round.

    :return: the rows of ``worker.py``, each with its variant, size and round, and when and under what load it was.
    """
    sizes = case.quick_sizes if quick else case.sizes
    rounds = 1 if quick else case.rounds
    rows, began, load = [], datetime.now(UTC), os.getloadavg()[0]
    for size in sizes:
        with _seeded(case, size) as seeded:
            for number in range(rounds):
                # Each round begins with another variant: none is always first on a fresh machine.
                names = [*seeded]
                first = number % len(names)
                for name in names[first:] + names[:first]:
                    row = _measure_once(seeded[name], case, name, size)
                    rows.append({"variant": name, "size": size, "round": number, **row})
    return {
        "name": case.name,
        "quick": quick,
        "began": f"{began:%Y-%m-%d %H:%M}",
        "minutes": (datetime.now(UTC) - began).total_seconds() / 60,
        "load": [load, os.getloadavg()[0]],
        "fsync": postgres.fsync(),
        "rows": rows,
    }


@contextmanager
def _seeded(case: Case, size: int):
    """The seeded database of each variant: ours, or the one that has the addons of others instead of ours."""
    ours = f"continuity_bench_{case.name}"
    theirs = f"{ours}_others"
    source = case.others and _provide_others(case)
    try:
        _seed(TEMPLATE_DB, ours, case, "seed", size)
        seeded = dict.fromkeys(case.variants, ours)
        if case.others:
            _seed(source, theirs, case, "seed others", size)
            seeded |= dict.fromkeys(case.others.variants, theirs)
        yield seeded
    finally:
        postgres.drop(ours)
        postgres.drop(theirs)


def _provide_others(case: Case) -> str:
    """Fetch the addons of others, for the programs that are started from here and nobody else, and install them."""
    with locked():
        oca.provide(OCA_BENCH_ADDONS)
    os.environ["ODOO_ADDONS_PATH"] = odoo_cli.addons_path(OCA_BENCH_ADDONS)
    return databases.provide_others(case.others.addons)


def _seed(source: str, seeded: str, case: Case, task: str, size: int) -> None:
    with step(f"{case.name}: {task}, {size}"):
        postgres.copy(source, seeded)
        _work(seeded, case, task, size)


def _measure_once(seeded: str, case: Case, variant: str, size: int) -> dict:
    """One variant in a process of its own, on a copy of the seeded database of its own."""
    copy = f"{seeded}_run"
    postgres.copy(seeded, copy)
    try:
        with step(f"{case.name}: {variant}, {size}"):
            return _work(copy, case, variant, size)
    finally:
        postgres.drop(copy)


def _work(database: str, case: Case, task: str, size: int) -> dict:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        if databases.run_script(database, WORKER, case.name, task, str(size), file.name):
            raise DevError(f"{case.name}: {task} failed", "see the traceback above")
        text = Path(file.name).read_text()
    return json.loads(text) if text else {}
