"""One of the workers of `workers.py`: says that it is ready, waits for the word, then runs `create_orders`.

What another one holds is skipped, and taken by whoever comes first in the next round.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.data import SOLD_ON, run_job


def main(env):
    env["continuity.subscription"].search([], limit=1)
    env.cr.commit()
    print("ready", flush=True)
    sys.stdin.readline()
    while env["continuity.subscription"].search_count([("next_date", "<=", SOLD_ON)]):
        run_job(env, "create_orders", SOLD_ON)
        env.cr.commit()


main(env)
