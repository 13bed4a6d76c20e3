"""Child orders, with their reserved pickings, beside the same orders made by Odoo's plainest ways."""

from .case import Case, Goal
from .data import NIGHT, create_program, due_lines, run_job, sell

WARM_UP = 10


def seed(env, size):
    """Plans of two books a month; the first month is sent already, so that the tables hold what they hold at work."""
    sell(env, create_program(env, products_per_event=2), size + WARM_UP)
    run_job(env, "create_orders", NIGHT.replace(month=1))


def create_orders(env, size):
    subscriptions = env["continuity.subscription"].search([], order="id", limit=size + WARM_UP)
    run_job(env, "create_orders", NIGHT, subscriptions[:WARM_UP])
    return lambda: run_job(env, "create_orders", NIGHT, subscriptions[WARM_UP:]).done_count


def one_batch(env, size):
    """All orders in one create, confirmed in one call."""
    values = _prepare_orders(env, size + WARM_UP)
    env["sale.order"].create(values[:WARM_UP]).action_confirm()

    def work():
        env["sale.order"].create(values[WARM_UP:]).action_confirm()
        return size

    return work


def loop(env, size):
    """Order by order, as a first script would do it."""
    values = _prepare_orders(env, size + WARM_UP)
    env["sale.order"].create(values[:WARM_UP]).action_confirm()

    def work():
        for order_values in values[WARM_UP:]:
            env["sale.order"].create(order_values).action_confirm()
        return size

    return work


def _prepare_orders(env, count):
    """The same orders as their author would enter them: customer, products, date."""
    subscriptions = env["continuity.subscription"].search([], order="id", limit=count)
    return [
        {
            "partner_id": subscription.partner_id.id,
            "commitment_date": f"{NIGHT} 12:00:00",
            "order_line": [
                (0, 0, {"product_id": line.product_id.id, "product_uom_qty": line.quantity})
                for line in due_lines(subscription)
            ],
        }
        for subscription in subscriptions
    ]


CASE = Case(
    name="create_orders",
    title="Child orders",
    text="Orders of two products, confirmed, with their pickings, all reserved. `create_orders` also plans what each "
    "order bills, ties it to the plan and logs the run, in batches of 100.",
    unit="order",
    seed=seed,
    variants={"create_orders": create_orders, "one create and action_confirm": one_batch, "order by order": loop},
    sizes=(500,),
    quick_sizes=(100,),
    goals=[
        Goal(
            "times as fast as one batch",
            lambda results, figure: results.ratio("one create and action_confirm", "create_orders", figure),
            at_least=1.8,
        ),
        Goal(
            "times as fast as order by order",
            lambda results, figure: results.ratio("order by order", "create_orders", figure),
            at_least=3.0,
        ),
    ],
)
