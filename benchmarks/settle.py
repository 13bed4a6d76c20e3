"""Billing what has shipped and charging it to the customer's card, beside Odoo's own ways to do the same."""

from odoo.fields import Command

from . import payments
from .case import Case, Goal
from .data import NIGHT, run_job

WARM_UP = payments.WARM_UP


def seed(env, size):
    """Child orders that have shipped, each with one payment by card: all cards are good, and answer at once."""
    payments.seed(env, size)
    provider = env.ref("payment.payment_provider_demo")
    provider.state = "test"
    subscriptions = env["continuity.subscription"].search([], order="id")
    tokens = env["payment.token"].create(
        [
            {
                "provider_id": provider.id,
                "payment_method_id": env.ref("payment_demo.payment_method_demo").id,
                "payment_details": "4242",
                "partner_id": subscription.partner_id.id,
                "provider_ref": "demo",
                "demo_simulated_state": "done",
            }
            for subscription in subscriptions
        ]
    )
    env.flush_all()
    env.cr.execute(
        "UPDATE continuity_subscription SET payment_method = 'token', payment_token_id = card.id"
        " FROM unnest(%s, %s) AS card (id, subscription_id) WHERE continuity_subscription.id = subscription_id",
        [tokens.ids, subscriptions.ids],
    )
    env.cr.execute("UPDATE continuity_payment SET method = 'token'")


def process_payments(env, size):
    due = env["continuity.payment"].search([], order="id", limit=size + WARM_UP)
    run_job(env, "process_payments", NIGHT, due[:WARM_UP])

    def work():
        done = run_job(env, "process_payments", NIGHT, due[WARM_UP:]).done_count
        return _count_settled(due[WARM_UP:].invoice_id, done)

    return work


def one_batch(env, size):
    """All in one transaction, which nobody who charges real cards would dare: one failure undoes what is charged."""

    def settle(orders):
        invoices = orders._create_invoices(grouped=True, final=True)
        invoices.action_post()
        transactions = env["payment.transaction"]
        for invoice in invoices:
            # One by one: Odoo's own constraint on the token takes no more.
            transactions |= transactions.create(_prepare_transaction(invoice))
        for transaction in transactions:
            transaction._charge_with_token()
        transactions._post_process()
        return _count_settled(invoices, len(orders))

    return _get_work(env, size, settle)


def batch_then_loop(env, size):
    """Invoices in one go, then each charged as Odoo's scheduled action post-processes: committed one by one."""

    def settle(orders):
        invoices = orders._create_invoices(grouped=True, final=True)
        invoices.action_post()
        _commit(env)
        for invoice in invoices:
            _charge(env, invoice)
        return _count_settled(invoices, len(orders))

    return _get_work(env, size, settle)


def loop(env, size):
    """Order by order: invoice, intent, charge and books, each of the three steps made last."""

    def settle(orders):
        invoices = env["account.move"]
        for order in orders:
            invoice = order._create_invoices(final=True)
            invoice.action_post()
            _charge(env, invoice)
            invoices |= invoice
        return _count_settled(invoices, len(orders))

    return _get_work(env, size, settle)


def _get_work(env, size, settle):
    env.cr.execute("UPDATE payment_transaction SET continuity_payment_id = NULL")
    orders = payments.get_orders(env, size)
    settle(orders[:WARM_UP])
    return lambda: settle(orders[WARM_UP:])


def _charge(env, invoice):
    transaction = env["payment.transaction"].create(_prepare_transaction(invoice))
    _commit(env)
    transaction._charge_with_token()
    _commit(env)
    transaction._post_process()
    _commit(env)


def _commit(env):
    env.flush_all()
    env.cr.commit()


def _prepare_transaction(invoice):
    token = invoice.partner_id.payment_token_ids[:1]
    return {
        "provider_id": token.provider_id.id,
        "payment_method_id": token.payment_method_id.id,
        "token_id": token.id,
        "operation": "offline",
        "amount": invoice.amount_residual,
        "currency_id": invoice.currency_id.id,
        "partner_id": invoice.partner_id.id,
        "invoice_ids": [Command.set(invoice.ids)],
        "reference": f"BENCH-{invoice.id}",
    }


def _count_settled(invoices, count):
    """All ways have to come to the same: bills posted, and paid by a transaction of their own."""
    settled = invoices.filtered(
        lambda invoice: not invoice.amount_residual and len(invoice.transaction_ids.payment_id) == 1
    )
    if not len(settled) == len(invoices) == count:
        raise RuntimeError(f"{len(settled)} settled of {len(invoices)} invoices for {count} orders")
    return count


CASE = Case(
    name="settle",
    title="Billing and charging a card",
    text="One invoice for each child order: made, posted, charged to the customer's card by a provider that answers at "
    "once, booked and reconciled. `process_payments` makes the intent, the charge and the books last one after the "
    "other, so that whatever is interrupted is never charged twice; so do those that commit each. *One batch* does "
    "not: interrupted, it has charged cards and forgotten it.",
    unit="invoice",
    seed=seed,
    variants={
        "process_payments": process_payments,
        "one batch, committed at the end": one_batch,
        "invoices in one batch, charges committed": batch_then_loop,
        "order by order, each step committed": loop,
    },
    sizes=(200,),
    quick_sizes=(50,),
    goals=[
        Goal(
            "times as fast as order by order",
            lambda results, figure: results.ratio("order by order, each step committed", "process_payments", figure),
            at_least=1.0,
        ),
        Goal(
            "times the cost of invoices in one batch, charges committed",
            lambda results, figure: results.ratio(
                "process_payments", "invoices in one batch, charges committed", figure
            ),
            at_most=1.5,
        ),
    ],
)
