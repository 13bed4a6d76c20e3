"""Child orders, and their invoices, beside the scheduled action of OCA's `subscription_oca`."""

from datetime import timedelta

from odoo.fields import Command, Date

from .case import Case, Goal, Others
from .data import NIGHT, create_books, create_customers, create_program, run_job, sell, ship

WARM_UP = 10
FIRST_MONTH = NIGHT.replace(month=1)
CRON = "subscription_oca's scheduled action"
ORDER_STEPS = "its steps without the invoice"


def seed(env, size):
    """Plans of two books a month; the first is sent and billed, so that the tables hold what they hold at work.

    Bills are not mailed: in their one mode that makes orders, the others do not either.
    """
    env.ref("continuity_program.mail_template_bill").unlink()
    sell(env, create_program(env, products_per_event=2), size + WARM_UP)
    create_and_bill(env, FIRST_MONTH)


def create_and_bill(env, day, records=None):
    run_job(env, "create_orders", day, records)
    ship(env, day)
    run_job(env, "process_payments", day)


def create_orders(env, size):
    return _start_ours(env, size, lambda those: run_job(env, "create_orders", NIGHT, those))


def create_orders_and_bill(env, size):
    return _start_ours(env, size, lambda those: create_and_bill(env, NIGHT, those), billed=True)


def _start_ours(env, size, run, billed=False):
    subscriptions = env["continuity.subscription"].search([], order="id", limit=size + WARM_UP)
    run(subscriptions[:WARM_UP])
    return _checked(env, size, lambda: run(subscriptions[WARM_UP:]), billed)


def seed_others(env, size):
    """Subscriptions of two books a month in the only mode that makes orders; the first month is done."""
    books = create_books(env, 2)
    template = env["sale.subscription.template"].create({"name": "Books", "invoicing_mode": "sale_and_invoice"})
    pricelist = env["product.pricelist"].create({"name": "Books"})
    subscriptions = env["sale.subscription"].create(
        [
            {
                "partner_id": customer.id,
                "template_id": template.id,
                "pricelist_id": pricelist.id,
                "sale_subscription_line_ids": [Command.create({"product_id": book.id}) for book in books],
            }
            for customer in create_customers(env, size + WARM_UP)
        ]
    )
    subscriptions.action_start_subscription()
    _checked(env, len(subscriptions), env["sale.subscription"].cron_subscription_management, billed=True)()


def cron(env, size):
    """Their action takes all that is due, so nothing else may be while it warms up."""
    return _start_others(env, size, lambda _those: env["sale.subscription"].cron_subscription_management(), billed=True)


def order_steps(env, size):
    """What their action does with each subscription, by their methods and in their order, but for the invoice."""

    def run(subscriptions):
        for subscription in subscriptions:
            order = subscription.create_sale_order()
            order.action_confirm()
            order.action_lock()
            subscription._set_next_invoice_date_after_invoice()
            subscription.message_post(body="Created an order")

    return _start_others(env, size, run)


def _start_others(env, size, run, billed=False):
    subscriptions = env["sale.subscription"].search([], order="id", limit=size + WARM_UP)
    due = Date.today() - timedelta(days=1)
    subscriptions[:WARM_UP].recurring_next_date = due
    run(subscriptions[:WARM_UP])
    subscriptions[WARM_UP:].recurring_next_date = due
    return _checked(env, size, lambda: run(subscriptions[WARM_UP:]), billed)


def _checked(env, size, run, billed=False):
    """The work, which fails unless it makes as many orders, reserved and, where asked, invoiced."""
    last_order = env["sale.order"].search([], order="id desc", limit=1).id or 0
    last_move = env["account.move"].search([], order="id desc", limit=1).id or 0

    def work():
        run()
        reserved = [("id", ">", last_order), ("state", "=", "sale"), ("picking_ids.state", "=", "assigned")]
        posted = [("id", ">", last_move), ("move_type", "=", "out_invoice"), ("state", "=", "posted")]
        found = env["sale.order"].search_count(reserved), env["account.move"].search_count(posted)
        if found != (size, size if billed else 0):
            raise RuntimeError(f"{found} orders and invoices instead of {size}")
        return size

    return work


CASE = Case(
    name="oca_orders",
    title="Child orders, beside OCA's subscription_oca",
    text="Orders of two products for as many customers, confirmed, with their pickings, all reserved. "
    "`subscription_oca` 19.0.1.1.4 makes orders in one mode only, *Sale order & Invoice*: its scheduled action also "
    "locks and invoices each order, posts the invoice and writes a message on the subscription, all in one "
    "transaction. As it cannot leave the invoice out, the third row takes the same steps by its own methods without "
    "it. Of ours, `create_orders` also plans what each order bills, ties it to the plan and logs the run; "
    "`process_payments` makes and posts the invoice and ties it to the instalment, but mails nothing here, as theirs: "
    "the mail template is deleted. It bills what has shipped: the shipping is written by SQL.",
    unit="order",
    seed=seed,
    variants={"create_orders": create_orders, "create_orders and process_payments": create_orders_and_bill},
    others=Others(("subscription_oca",), seed_others, {CRON: cron, ORDER_STEPS: order_steps}),
    sizes=(300,),
    quick_sizes=(60,),
    goals=[
        Goal(
            f"create_orders: times as fast as {CRON}",
            lambda results, figure: results.ratio(CRON, "create_orders", figure),
            at_least=5.0,
        ),
        Goal(
            f"create_orders: times as fast as {ORDER_STEPS}",
            lambda results, figure: results.ratio(ORDER_STEPS, "create_orders", figure),
        ),
        Goal(
            f"with posted invoices: times as fast as {CRON}",
            lambda results, figure: results.ratio(CRON, "create_orders and process_payments", figure),
        ),
    ],
)
