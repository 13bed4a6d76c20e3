"""One measurement, in a process of its own: `run_script.py DB LOG worker.py CASE STEP SIZE FILE`.

STEP is `seed`, `seed others`, or the name of a variant, of which FILE gets the figures.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.cases import CASES

TICKS = os.sysconf("SC_CLK_TCK")
#: The tables that grow with what is sold.
TABLES = (
    "continuity_subscription", "continuity_line", "continuity_payment", "sale_order", "sale_order_line",
    "stock_picking", "stock_move", "stock_move_line", "account_move", "account_move_line",
)  # fmt: skip


def main(env, name, step, size, file):
    case = CASES[name]
    if step in ("seed", "seed others"):
        seed = case.seed if step == "seed" else case.others.seed
        seed(env, int(size))
        env.cr.commit()
        env.cr.execute("ANALYZE")
        env.cr.commit()
        return
    work = case.all_variants[step](env, int(size))
    env.flush_all()
    env.cr.commit()
    env.invalidate_all()
    Path(file).write_text(json.dumps(measure(env, work) | {"tables": read_sizes(env)}))


def measure(env, work):
    """Do the work and return what it cost: time, processor time of Python and PostgreSQL, queries, peak memory."""
    queries, cpu, start = env.cr.sql_log_count, processor_seconds(env), time.perf_counter()
    count = work()
    env.flush_all()
    env.cr.commit()
    return {
        "wall": time.perf_counter() - start,
        "cpu": processor_seconds(env) - cpu,
        "queries": env.cr.sql_log_count - queries,
        "count": count,
        "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def read_sizes(env):
    """Rows, bytes, and of these bytes of indexes, of the tables that grow with what is sold, where our addon is."""
    if "continuity.subscription" not in env:
        return {}
    sizes = {}
    for table in TABLES:
        env.cr.execute(f"SELECT count(*), pg_total_relation_size('{table}'), pg_indexes_size('{table}') FROM {table}")
        sizes[table] = env.cr.fetchone()
    return {table: size for table, size in sizes.items() if size[0] >= 500}


def processor_seconds(env):
    """Processor time of this process, its children and its database connection: a busy machine hardly stretches it."""
    stat = Path(f"/proc/{env.cr.connection.get_backend_pid()}/stat").read_text()
    user, system = stat.rsplit(")", 1)[1].split()[11:13]
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime + (int(user) + int(system)) / TICKS


main(env, *sys.argv[1:])
