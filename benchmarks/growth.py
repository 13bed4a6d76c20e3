"""How a run grows: time, queries and memory of `create_orders`, from 100 to 100,000 subscriptions that are due."""

from .case import Case, Goal
from .data import MOST, NIGHT, SOLD_ON, create_program, run_job, sell

WARM_UP = 10


def seed(env, size):
    subscriptions = sell(env, create_program(env), size + WARM_UP)
    run_job(env, "create_orders", SOLD_ON, subscriptions[:WARM_UP])


def create_orders(env, size):
    subscriptions = env["continuity.subscription"].search([], order="id", limit=min(size, MOST) + WARM_UP)
    run_job(env, "create_orders", NIGHT, subscriptions[:WARM_UP])
    return lambda: run_job(env, "create_orders", SOLD_ON, subscriptions[WARM_UP:]).done_count


def growth_of_memory(results, _figure):
    *_smaller, before, last = (size for size in results.sizes("create_orders") if size <= MOST)
    return results.memory("create_orders", last) / results.memory("create_orders", before)


def growth_of_queries(results, _figure):
    first, *_between, last = (size for size in results.sizes("create_orders") if size <= MOST)
    return results.queries("create_orders", last) / results.queries("create_orders", first)


CASE = Case(
    name="growth",
    title="How a run grows",
    text="One run of `create_orders`, one product an order; all subscriptions of the database are due. Of more than "
    "10,000, the run makes 10,000.",
    unit="order",
    seed=seed,
    variants={"create_orders": create_orders},
    sizes=(100, 1_000, 10_000, 100_000),
    quick_sizes=(50, 200),
    rounds=1,
    goals=[
        Goal("exponent of the time", lambda results, figure: results.exponent("create_orders", figure), at_most=1.05),
        Goal("peak memory of a run of 10,000, of that of 1,000", growth_of_memory, at_most=1.3),
        Goal("queries per order at the largest size, of those at the smallest", growth_of_queries, at_most=1.0),
    ],
)
