"""Measures a comparison: seeds its databases, then takes its variants in turns."""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from devtool import databases, postgres
from devtool.output import DevError, step
from devtool.project import TEMPLATE_DB

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
        seeded = f"continuity_bench_{case.name}"
        try:
            with step(f"{case.name}: seeding {size}"):
                postgres.copy(TEMPLATE_DB, seeded)
                _work(seeded, case, "seed", size)
            for number in range(rounds):
                # Each round begins with another variant: none is always first on a fresh machine.
                first = number % len(case.variants)
                names = [*case.variants][first:] + [*case.variants][:first]
                for name in names:
                    row = _measure_once(seeded, case, name, size)
                    rows.append({"variant": name, "size": size, "round": number, **row})
        finally:
            postgres.drop(seeded)
    return {
        "name": case.name,
        "quick": quick,
        "began": f"{began:%Y-%m-%d %H:%M}",
        "minutes": (datetime.now(UTC) - began).total_seconds() / 60,
        "load": [load, os.getloadavg()[0]],
        "rows": rows,
    }


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
