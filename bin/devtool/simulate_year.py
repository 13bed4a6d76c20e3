"""Run on the demo database by `bin/dev demo`: a year of nights with all jobs, and a table of what they did.

It ends with an error when a job failed on any record: the demo data is meant to run through.
"""

from collections import Counter
from datetime import timedelta

from odoo import fields

NIGHTS = 366
JOBS = ("sync", "extend", "update_events", "create_orders", "process_payments", "close")
DONE_COLUMNS = {"create_orders": "children", "process_payments": "billed", "close": "closed"}
COLUMNS = ("children", "billed", "closed", "failed")


def main():
    """Simulate, print, and fail when a record failed."""
    months = simulate(first_night(env))
    failed = print_table(months)
    if failed:
        raise SystemExit(f"{failed} records failed: see Continuity > Job runs in the demo database")


def first_night(env):
    """The earliest planned shipment, so that nothing is overdue when the year begins."""
    line = env["continuity.line"].search([("state", "=", "planned")], order="date_planned", limit=1)
    return min(line.date_planned or fields.Date.today(), fields.Date.today())


def simulate(start):
    """Run the jobs that the addon knows night by night; counts by month, in order."""
    run_model = env["continuity.job.run"]
    jobs = [job for job in JOBS if job in run_model._get_jobs()]
    print(f"{NIGHTS} nights from {start}, each with: {', '.join(jobs)}", flush=True)
    months = {}
    for number in range(NIGHTS):
        night = start + timedelta(days=number)
        counts = months.setdefault(f"{night:%Y-%m}", Counter())
        for job in jobs:
            run = run_model._execute(job, as_of=night, commit=True)
            counts[DONE_COLUMNS.get(job, "other")] += run.done_count
            counts["failed"] += run.failed_count
        env.invalidate_all()
        counts["parents"] = running_parents(env)
    return months


def running_parents(env):
    """Orders with a program that is not over."""
    states = ("running", "paused")
    return env["sale.order"].search_count([("continuity_subscription_ids.state", "in", states)])


def print_table(months):
    """Month by month: parent orders still running at its end, and what the jobs did in it. Returns all failures."""
    parents = env["sale.order"].search_count([("continuity_role", "=", "parent")])
    totals = sum(months.values(), Counter())
    row = "{:<8}" + "{:>10}" * (len(COLUMNS) + 1)
    print(row.format("month", "parents", *COLUMNS))
    for month, counts in months.items():
        print(row.format(month, counts["parents"], *(counts[column] for column in COLUMNS)))
    print(row.format("total", parents, *(totals[column] for column in COLUMNS)))
    return totals["failed"]


main()
