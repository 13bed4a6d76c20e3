"""`RESULTS.md`, from the last measurement of each comparison, which is kept in `.local/bench`."""

import json
import os
import platform
import subprocess
from pathlib import Path

from devtool import odoo_source, postgres
from devtool.project import LOCAL, ROOT

from . import scale
from .case import Results
from .cases import CASES

KEPT = LOCAL / "bench"
FILE = Path(__file__).with_name("RESULTS.md")


def keep(result: dict) -> None:
    KEPT.mkdir(exist_ok=True)
    result["commit"] = _commit()
    (KEPT / f"{result['name']}.json").write_text(json.dumps(result, indent=1))


def write() -> None:
    """Write the page anew, with what was measured last of each comparison."""
    files = {name: KEPT / f"{name}.json" for name in CASES}
    kept = {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}
    FILE.write_text("\n".join([_head(), *map(render_case, kept.values())]))
    scale.write(kept)


def render_case(result: dict) -> str:
    """One comparison: its table, and its goals."""
    case, results = CASES[result["name"]], Results(result["rows"])
    lines = [f"## {case.title}", "", case.text, ""]
    lines += [
        f"| | size | ms per {case.unit} | of these CPU | per second | queries per {case.unit} | peak MB | spread |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for variant in case.all_variants:
        for size in results.sizes(variant):
            lines.append(_row(results, variant, size))
    if case.goals:
        lines += ["", "| goal | by the clock | by CPU time | |", "|---|---:|---:|---|"]
        lines += [_goal(goal, results) for goal in case.goals]
    quick = " **A quick run: small sizes, one round.**" if result["quick"] else ""
    lines += [
        "",
        f"Measured on {result['began']} UTC in {result['minutes']:.0f} minutes at commit `{result.get('commit', '')}`, "
        f"{len({row['round'] for row in result['rows']})} rounds, fsync {result.get('fsync', 'off')}; "
        f"load average {result['load'][0]:.1f} before, {result['load'][1]:.1f} after.{quick}{_busy(result)}",
        "",
    ]
    return "\n".join(lines)


def _row(results: Results, variant: str, size: int) -> str:
    rounds = results.of(variant, size)
    wall = results.each(variant, "wall", size)
    each = [1000 * row["wall"] / row["count"] for row in rounds]
    spread = f"{min(each):.3g} to {max(each):.3g}"
    return (
        f"| {variant} | {size:,} | {wall:.3g} | {results.each(variant, 'cpu', size):.3g} | {1000 / wall:.3g} "
        f"| {results.queries(variant, size):.1f} | {results.memory(variant, size):.0f} | {spread} |"
    )


def _goal(goal, results: Results) -> str:
    wall, cpu = goal.value(results, "wall"), goal.value(results, "cpu")
    return f"| {goal.title} | {wall:.2f} | {cpu:.2f} | {goal.judge(wall)} |"


def _busy(result: dict) -> str:
    busy = max(result["load"]) > (os.cpu_count() or 1) + 0.5
    return " **The machine was busy with other work: trust the CPU column.**" if busy else ""


def _head() -> str:
    return f"""# What it costs

Written by `bin/dev bench`, which measures all of it again in about an hour; `bin/dev bench NAME` one comparison,
`--quick` small sizes in a few minutes, `--fsync` with commits that wait for the disk, as in production.

**How it is measured.** Each row is a process of its own on a fresh copy of one seeded database: the same customers,
products and orders for all ways of doing it. Addons of others are measured on Odoo with theirs alone, on a database
seeded alike. A few are done before the clock starts, so that caches are warm; what is
timed ends with the commit. Rounds are interleaved (A, B, C, then B, C, A): the figures are medians, the ratios medians
of the ratios of each round. *Spread* is the fastest and the slowest round, in milliseconds. *CPU* is the processor time
of Python and its database connection: other programs on the machine stretch the clock, but hardly this.

**Where.** {os.cpu_count()} processors ({_processor()}), {platform.system()}, Python {platform.python_version()},
{postgres.query("SHOW server_version")[0].split()[0]} as PostgreSQL (one socket; where *fsync* is off, commits do
not wait for the disk), Odoo
{odoo_source.provide().package.parent.name} 19.0 with the modules of the test database and without demo data.
"""


def _processor() -> str:
    names = [line.split(":")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return names[0].strip() if names else platform.machine()


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
