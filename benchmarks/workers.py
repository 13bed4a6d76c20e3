"""Two processes on one database share a run."""

import subprocess
import sys
from pathlib import Path

from odoo.tools import config

from .case import Case, Goal
from .data import SOLD_ON, create_program, run_job, sell

RUNNER = Path(__file__).resolve().parents[1] / "bin/devtool/run_script.py"
NIGHT_SHIFT = Path(__file__).with_name("night_shift.py")


def seed(env, size):
    """Every subscription at another event: they send twelve different products, as after a year of sales."""
    subscriptions = sell(env, create_program(env), size)
    env.cr.execute(
        "UPDATE continuity_line l SET product_id = other.product_id FROM continuity_line other"
        " WHERE l.event_number = 1 AND other.subscription_id = l.subscription_id"
        " AND other.event_number = 1 + l.subscription_id % 12"
    )
    env.invalidate_all()
    run_job(env, "create_orders", SOLD_ON, subscriptions[:1])


def share(count):
    def variant(env, _size):
        command = [sys.executable, str(RUNNER), env.cr.dbname, str(config["logfile"]), str(NIGHT_SHIFT)]
        processes = [
            subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for number in range(count)
        ]
        # Each waits for the word, so that starting Odoo and the first orders of each do not count.
        for process in processes:
            process.stdout.readline()
        before = _count_children(env)
        env.cr.commit()

        def work():
            for process in processes:
                process.stdin.write("go\n")
                process.stdin.flush()
            codes = [process.wait() for process in processes]
            if any(codes):
                raise RuntimeError("a worker failed")
            left = env["continuity.subscription"].search_count([("next_date", "<=", SOLD_ON)])
            if left:
                raise RuntimeError(f"{left} were left out")
            return _count_children(env) - before

        return work

    return variant


def _count_children(env):
    return env["sale.order"].search_count([("continuity_role", "=", "child")])


CASE = Case(
    name="workers",
    title="Two workers",
    text="CPU and queries are those of the process that waits for them. "
    "`create_orders` by one process, and by two that start it at the same moment on one database.",
    unit="order",
    seed=seed,
    variants={"one": share(1), "two": share(2)},
    sizes=(1_000,),
    quick_sizes=(300,),
    goals=[
        Goal("times as fast as one", lambda results, _figure: results.ratio("one", "two", "wall"), at_least=1.7),
    ],
)
