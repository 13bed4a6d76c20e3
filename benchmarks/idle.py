"""A night with nothing to do, among a million planned lines: what each job takes to find that out."""

from datetime import date

from .case import Case, Goal
from .data import SOLD_ON, create_program, run_job, sell

JOBS = ("sync", "extend", "update_events", "announce", "create_orders", "process_payments", "close")
EVENTS = 12
#: Nothing is due yet; what was sold in advance of it has one child order, not shipped, with its payment.
QUIET_DAY = date(2027, 1, 2)


def seed(env, size):
    sell(env, create_program(env, events=EVENTS), -(-size // EVENTS), first_night=SOLD_ON)
    for job in JOBS:
        run_job(env, job, QUIET_DAY)


def run(job):
    def variant(env, _size):
        run_job(env, job, QUIET_DAY)

        def work():
            for _turn in range(5):
                run_job(env, job, QUIET_DAY)
                env.invalidate_all()
            return 5

        return work

    return variant


CASE = Case(
    name="idle",
    title="A night with nothing to do",
    text="Size: planned lines. Each run finds no candidate, and is logged all the same.",
    unit="run",
    seed=seed,
    variants={job: run(job) for job in JOBS},
    sizes=(1_000_000,),
    quick_sizes=(100_000,),
    goals=[
        Goal(
            "milliseconds of the slowest job",
            lambda results, figure: max(results.each(job, figure) for job in JOBS),
            at_most=100,
        )
    ],
)
