"""One of the workers of `workers.py`: warms up, says that it is ready, waits for the word, then runs `create_orders`.

Called with its number: each warms up with orders of its own. What another one holds is skipped, and taken by whoever
comes first in the next round.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.data import SOLD_ON, run_job

WARM_UP = 10


def main(env, number):
    first = env["continuity.subscription"].search([], order="id", offset=number * WARM_UP, limit=WARM_UP)
    run_job(env, "create_orders", SOLD_ON, first)
    env.cr.commit()
    print("ready", flush=True)
    sys.stdin.readline()
    while env["continuity.subscription"].search_count([("next_date", "<=", SOLD_ON)]):
        run_job(env, "create_orders", SOLD_ON)
        env.cr.commit()


main(env, int(sys.argv[1]))
