"""Billing what has shipped, beside Odoo's own batch of the same."""

from .case import Case, Goal
from .data import NIGHT, SOLD_ON, create_program, run_job, sell

WARM_UP = 10


def seed(env, size):
    """Child orders that have shipped, each with one payment on account."""
    sell(env, create_program(env), size + WARM_UP)
    run_job(env, "create_orders", SOLD_ON)
    # Shipping them through the warehouse takes longer than all that is measured here.
    env.cr.execute("UPDATE continuity_payment SET ready_date = %s", [NIGHT])


def process_payments(env, size):
    payments = env["continuity.payment"].search([], order="id", limit=size + WARM_UP)
    run_job(env, "process_payments", NIGHT, payments[:WARM_UP])
    return lambda: run_job(env, "process_payments", NIGHT, payments[WARM_UP:]).done_count


def one_batch(env, size):
    """One invoice for each order, all made and posted in one call each."""
    orders = get_orders(env, size)

    def bill(those):
        those._create_invoices(grouped=True, final=True).action_post()
        return len(those)

    bill(orders[:WARM_UP])
    return lambda: bill(orders[WARM_UP:])


def loop(env, size):
    """Order by order, as one bill at a time is made by whoever must not lose any."""
    orders = get_orders(env, size)

    def bill(those):
        for order in those:
            order._create_invoices(final=True).action_post()
            env.flush_all()
            env.cr.commit()
        return len(those)

    bill(orders[:WARM_UP])
    return lambda: bill(orders[WARM_UP:])


def get_orders(env, size):
    """Copies of the child orders without anything of a plan: Odoo's own invoices."""
    env.cr.execute("UPDATE sale_order_line SET continuity_line_id = NULL WHERE continuity_line_id IS NOT NULL")
    env.cr.execute("UPDATE sale_order SET continuity_parent_id = NULL RETURNING id")
    env.cr.execute("DELETE FROM continuity_payment")
    env.invalidate_all()
    return env["sale.order"].search([("continuity_role", "=", "child")], order="id", limit=size + WARM_UP)


CASE = Case(
    name="payments",
    title="Billing",
    text="One invoice for each child order, made and posted, on account. `process_payments` also ties the receivable "
    "line to the instalment, queues the mail with the bill and logs the run. It commits after each hundred, Odoo's one "
    "batch at the end.",
    unit="invoice",
    seed=seed,
    variants={
        "process_payments": process_payments,
        "one _create_invoices and action_post": one_batch,
        "order by order, each committed": loop,
    },
    sizes=(200,),
    quick_sizes=(50,),
    goals=[
        Goal(
            "times as fast as order by order",
            lambda results, figure: results.ratio("order by order, each committed", "process_payments", figure),
            at_least=1.0,
        ),
        Goal(
            "times the cost of one batch, mails and all",
            lambda results, figure: results.ratio("process_payments", "one _create_invoices and action_post", figure),
            at_most=1.5,
        ),
    ],
)
