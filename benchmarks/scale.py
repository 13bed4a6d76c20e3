"""`docs/scale.md`: what a million subscriptions need, computed from what was measured."""

from dataclasses import dataclass
from math import ceil

from devtool.project import ROOT

from .case import Results

FILE = ROOT / "docs/scale.md"
SUBSCRIPTIONS = 1_000_000
#: Shipments of a plan, one a month: what a million subscriptions have after a year.
EVENTS = 12
NIGHTS = 365
#: Shipments in a night.
SENT = SUBSCRIPTIONS * EVENTS // NIGHTS
WINDOW_HOURS = 4
#: Rows of each table for one subscription that has run for a year, with two order lines a parent order at most.
ROWS = {
    "continuity_subscription": 1,
    "continuity_line": EVENTS,
    "continuity_payment": EVENTS,
    "sale_order": 1 + EVENTS,
    "sale_order_line": 1 + EVENTS,
    "stock_picking": EVENTS,
    "stock_move": EVENTS,
    "stock_move_line": EVENTS,
    "account_move": EVENTS,
    "account_move_line": 3 * EVENTS,
}


@dataclass
class Work:
    """What a job does in a night, and what it costs by which comparison."""

    job: str
    count: int
    text: str
    case: str
    variant: str


NIGHT = [
    Work("create_orders", SENT, "one of twelve shipments a year", "growth", "create_orders"),
    Work("process_payments", SENT, "a bill for each", "payments", "process_payments"),
    Work("extend", SENT, "plans without end: one more for each sent", "jobs", "extend"),
    Work("close", SUBSCRIPTIONS // NIGHTS, "each plan ends after a year", "jobs", "close"),
    Work("sync", 10_000, "a program of 10,000 customers has changed", "jobs", "sync"),
]


def write(kept: dict[str, dict]) -> None:
    """Write the page, once all it is computed from was measured.

    :param kept: the results by the names of the comparisons.
    """
    if {"idle", "workers", *(work.case for work in NIGHT)} <= kept.keys():
        FILE.write_text(render(kept))


def render(kept: dict[str, dict]) -> str:
    results = {name: Results(result["rows"]) for name, result in kept.items()}
    gain = results["workers"].ratio("one", "two")
    minutes = {work.job: _minutes(results, work) for work in NIGHT}
    total = sum(minutes.values())
    workers = 1 if total <= WINDOW_HOURS * 60 else ceil(total / (WINDOW_HOURS * 60) * 2 / gain)
    idle = results["idle"]
    slowest = max(({row["variant"] for row in idle.rows}), key=idle.each)
    quick = any(result["quick"] for result in kept.values())
    return f"""# One million subscriptions

Computed by `bin/dev bench` from what it measured ([RESULTS.md](../benchmarks/RESULTS.md) tells how, and on which
machine); do not edit.{" **Some of it was a quick run: small sizes, no proof.**" if quick else ""}

The company of this page has {SUBSCRIPTIONS:,} customers, each with a plan of {EVENTS} monthly shipments of one product,
billed per shipment on account.

## A night

| job | records | why | ms each | minutes of one worker |
|---|---:|---|---:|---:|
{_night_table(results, minutes)}
| all | | | | {total:.0f} |

- **Workers.** One worker needs {total / 60:.1f} hours. In a night of {WINDOW_HOURS} hours it takes **{workers}**, if
  each further one adds what the second did when it was measured: two share a run {gain:.2f} times as fast as one.
  Without the queue one scheduled action does it, in as many hours; [scale-out.md](scale-out.md) tells how to add
  workers.
- **Nothing to do.** Among {max(idle.sizes(slowest)):,} planned lines the slowest job, `{slowest}`, knows it
  after {idle.each(slowest):.0f} ms. Whether anything is due is looked up in indexes that hold only what is still open:
  it does not grow with what was sent in all the years before.
- **Cards.** Each charge waits for the provider, often for a second. That many are waited for at the same time by more
  workers, not by faster ones: {SENT:,} charges of a second in {WINDOW_HOURS} hours keep
  {ceil(SENT / (WINDOW_HOURS * 3600))} workers waiting.
- **A price rise for all** plans of the company is `sync` of {SUBSCRIPTIONS:,} plans:
  {_cost(results, NIGHT[-1]) * SUBSCRIPTIONS / 3_600_000:.1f} hours of one worker. It may go on over the day: sales and
  deliveries do not wait for it, as each batch holds its own plans only, for a second or two.

## The database after a year

| table | rows | bytes a row | of these indexes | GB | measured with rows |
|---|---:|---:|---:|---:|---:|
{_size_table(kept)}

Sizes are those of the databases that were measured, row by row; mails, the chatter and what else the company keeps come
on top. Where few rows were measured, each bears its share of pages that are hardly filled: it will be less. Where many
were, their indexes are just filled, and the smallest they ever are: count on half as much again after a year of
changes.

## Settings that matter at this size

- Order of magnitude for PostgreSQL: `shared_buffers` and the file cache should hold what is open, the plans of the
  running customers and the orders of the last weeks, not the whole table above.
- `limit_time_real_cron` of Odoo has to let a batch end (some seconds), no more: a run that is cut off goes on by
  itself.
- The autovacuum of `continuity_line` and `stock_quant`: their rows are written often. The defaults are good up to some
  hundred thousand subscriptions; above, `autovacuum_vacuum_scale_factor = 0.02` for these two keeps their indexes
  small.
- *Job Runs* keep half a year of runs; a run of many batches logs only what was left out, not what was done.
"""


def _cost(results: dict[str, Results], work: Work) -> float:
    """Milliseconds for one, by the processor: of Python and its database connection, whatever else the machine did."""
    return results[work.case].each(work.variant, "cpu")


def _minutes(results: dict[str, Results], work: Work) -> float:
    return work.count * _cost(results, work) / 60_000


def _night_table(results: dict[str, Results], minutes: dict[str, float]) -> str:
    return "\n".join(
        f"| `{work.job}` | {work.count:,} | {work.text} | {_cost(results, work):.1f} | {minutes[work.job]:.0f} |"
        for work in NIGHT
    )


def _size_table(kept: dict[str, dict]) -> str:
    lines, total = [], 0.0
    for table, each in ROWS.items():
        rows, size, indexes = _measured(kept, table)
        if not rows:
            continue
        count = each * SUBSCRIPTIONS
        gigabytes = count * size / rows / 1e9
        total += gigabytes
        lines.append(
            f"| `{table}` | {count:,} | {size / rows:,.0f} | {indexes / rows:,.0f} | {gigabytes:,.1f} | {rows:,} |",
        )
    return "\n".join([*lines, f"| all | | | | {total:,.0f} | |"])


def _measured(kept: dict[str, dict], table: str) -> list[int]:
    """Rows, bytes, and of these bytes of indexes, of a table where it was measured with the most rows."""
    tables = [row.get("tables", {}) for result in kept.values() for row in result["rows"]]
    return max((sizes[table] for sizes in tables if table in sizes), default=[0, 0, 0])
