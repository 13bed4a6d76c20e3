"""Recurring invoices, beside the scheduled action of OCA's `contract`."""

from datetime import timedelta

from odoo.fields import Command

from .case import Case, Goal, Others
from .data import NIGHT, SOLD_ON, create_books, create_customers, create_program, run_job, sell, ship
from .oca_orders import create_and_bill

WARM_UP = 10
NO_MAIL = "process_payments, without the mail"
DRAFTS = "contract, which makes drafts"
POSTED = "contract with contract_invoice_auto_validate"


def seed(env, size):
    """Plans of two books a month: one month is billed, the next has shipped."""
    sell(env, create_program(env, products_per_event=2), size + WARM_UP)
    create_and_bill(env, NIGHT.replace(month=1))
    run_job(env, "create_orders", NIGHT)
    ship(env, NIGHT)


def without_mail(env, size):
    env.ref("continuity_program.mail_template_bill").unlink()
    return process_payments(env, size)


def process_payments(env, size):
    payments = env["continuity.payment"].search([("state", "=", "scheduled")], order="id", limit=size + WARM_UP)
    run_job(env, "process_payments", NIGHT, payments[:WARM_UP])
    return _checked(env, size, "posted", lambda: run_job(env, "process_payments", NIGHT, payments[WARM_UP:]))


def seed_others(env, size):
    """Contracts of two books a month at a fixed price, one month invoiced; those that warm up are due a day earlier."""
    books = create_books(env, 2)

    def prepare(customer, start):
        return {
            "name": f"Books for {customer.name}",
            "partner_id": customer.id,
            "date_start": start,
            "contract_line_ids": [
                Command.create(
                    {"product_id": book.id, "name": book.name, "price_unit": book.list_price, "date_start": start}
                )
                for book in books
            ],
        }

    customers = create_customers(env, size + WARM_UP)
    env["contract.contract"].create(
        [prepare(customer, SOLD_ON) for customer in customers[:WARM_UP]]
        + [prepare(customer, SOLD_ON + timedelta(days=1)) for customer in customers[WARM_UP:]]
    )
    env.company.auto_post_contract_invoice = True
    _checked(env, size + WARM_UP, "posted", lambda: _run_contracts(env, NIGHT.replace(month=1)))()


def contracts(state):
    def variant(env, size):
        env.company.auto_post_contract_invoice = state == "posted"
        _checked(env, WARM_UP, state, lambda: _run_contracts(env, NIGHT - timedelta(days=1)))()
        return _checked(env, size, state, lambda: _run_contracts(env, NIGHT))

    return variant


def _run_contracts(env, day):
    env["contract.contract"].cron_recurring_create_invoice(day)


def _checked(env, size, state, run):
    """The work, which fails unless it makes as many invoices, in this state."""
    last = env["account.move"].search([], order="id desc", limit=1).id or 0

    def work():
        run()
        made = env["account.move"].search_count([("id", ">", last), ("state", "=", state)])
        if made != size:
            raise RuntimeError(f"{made} invoices instead of {size}")
        return made

    return work


CASE = Case(
    name="oca_invoices",
    title="Invoices, beside OCA's contract",
    text="Invoices of two products for as many customers. `contract` 19.0.1.2.1 knows no orders or deliveries: its "
    "scheduled action makes drafts from the contracts, all in one create and one transaction, each with a message; "
    "with `contract_invoice_auto_validate` 19.0.1.0.0 it posts them one by one. `process_payments` makes them from "
    "shipped child orders, posts them, ties each receivable line to its instalment, queues the mail with the bill and "
    "logs the run, in batches of 100. Neither addon of theirs mails: the second row goes without, its mail template "
    "deleted.",
    unit="invoice",
    seed=seed,
    variants={"process_payments": process_payments, NO_MAIL: without_mail},
    others=Others(
        ("contract", "contract_invoice_auto_validate"),
        seed_others,
        {DRAFTS: contracts("draft"), POSTED: contracts("posted")},
    ),
    sizes=(300,),
    quick_sizes=(60,),
    goals=[
        Goal(
            "invoices posted, none mailed: times as fast as contract with contract_invoice_auto_validate",
            lambda results, figure: results.ratio(POSTED, NO_MAIL, figure),
        ),
        Goal(
            "process_payments: times as fast as contract, which makes drafts",
            lambda results, figure: results.ratio(DRAFTS, "process_payments", figure),
        ),
    ],
)
