"""Run on the demo database by `bin/dev demo`: a year of nights with all jobs, and a table of what they did.

Given a day, the nights end with it. It ends with an error when a job failed on any record: the demo data is meant to
run through.
"""

import sys
from collections import Counter
from datetime import date, timedelta
from itertools import groupby

from freezegun import freeze_time

from odoo import fields

NIGHTS = 366
JOBS = ("sync", "extend", "update_events", "announce", "create_orders", "process_payments", "close")
DONE_COLUMNS = {"create_orders": "children", "process_payments": "billed", "close": "closed"}
ROW = "{:<8}" + "{:>10}" * 5


def main():
    """Print a row as soon as its month is over, then the totals; fail when a record failed."""
    start = first_night()
    count = (date.fromisoformat(sys.argv[1]) - start).days + 1 if sys.argv[1:] else NIGHTS
    jobs = [job for job in JOBS if job in env["continuity.job.run"]._get_jobs()]
    print(f"{count} nights from {start}, each with: {', '.join(jobs)}")
    print(ROW.format("month", "parents", "children", "billed", "closed", "failed"), flush=True)
    totals = Counter()
    nights = (start + timedelta(days=number) for number in range(count))
    for month, nights_of_month in groupby(nights, "{:%Y-%m}".format):
        counts = sum((simulate(night, jobs) for night in nights_of_month), Counter())
        running = [("continuity_subscription_ids.state", "in", ("running", "paused"))]
        print_row(month, env["sale.order"].search_count(running), counts)
        totals += counts
    print_row("total", env["sale.order"].search_count([("continuity_role", "=", "parent")]), totals)
    print("parents: orders with a program that still runs when the month ends; total: all of them ever sold")
    if totals["failed"]:
        raise SystemExit(f"{totals['failed']} records failed: see the job runs in the demo database")


def first_night():
    """The earliest planned shipment, so that nothing is overdue when the year begins; today at the latest."""
    today = fields.Date.context_today(env.user)
    line = env["continuity.line"].search([("state", "=", "planned")], order="date_planned", limit=1)
    return min(line.date_planned or today, today)


def simulate(night, jobs):
    """One day and the night after it: warehouse, customers, then every job. What the jobs did, by column."""
    counts = Counter()
    with freeze_time(f"{night} 12:00:00"):
        deliver()
        pay()
        for job in jobs:
            run = env["continuity.job.run"]._execute(job, as_of=night, commit=True)
            counts["failed"] += run.failed_count
            if job in DONE_COLUMNS:
                counts[DONE_COLUMNS[job]] += run.done_count
    env.invalidate_all()
    return counts


def deliver():
    """The warehouse sends what is in stock."""
    pickings = env["stock.picking"].search(
        [("sale_id.continuity_role", "=", "child"), ("state", "=", "assigned"), ("picking_type_code", "=", "outgoing")]
    )
    pickings.move_ids.picked = True
    if pickings:
        pickings._action_done()


def pay():
    """The customers pay the bills that are due."""
    lines = (
        env["continuity.payment"]
        .search([("state", "=", "billed"), ("move_line_id.date_maturity", "<=", fields.Date.today())])
        .move_line_id
    )
    for line in lines:
        wizard = env["account.payment.register"].with_context(
            active_model="account.move.line", active_ids=line.ids, dont_redirect_to_payments=True
        )
        wizard.create({})._create_payments()


def print_row(label, parents, counts):
    """A line of the table."""
    columns = (counts[name] for name in ("children", "billed", "closed", "failed"))
    print(ROW.format(label, parents, *columns), flush=True)


main()
