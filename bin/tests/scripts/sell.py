"""Run by test_upgrade.py with the addons of the version before: sells a plan of each kind, lets nights pass, and leaves
them in different states. It uses that version's methods, so it changes only when the version before does.
"""

from datetime import date
from itertools import count

from freezegun import freeze_time

from odoo.fields import Command

JOBS = ("sync", "extend", "update_events", "announce", "create_orders", "process_payments", "close")
NIGHTS = ("2027-01-01", "2027-01-02", "2027-01-05", "2027-01-12", "2027-02-01", "2027-02-05", "2027-02-12")
NUMBERS = count(1)


def main():
    """Sell in January, go on until February, and save it."""
    settings()
    plans = sell_all()
    for night in NIGHTS[:4]:
        run_night(night)
    with freeze_time("2027-01-20 12:00:00"):
        change(plans)
    for night in NIGHTS[4:]:
        run_night(night)
    with freeze_time("2027-02-13 12:00:00"):
        plans["book"].program_id.line_ids[-1].product_id = create_product("Book Instead")
        plans["parked"]._park("create_orders", "Left out by hand.")
    env.cr.commit()


def settings():
    """What an administrator has set: an upgrade must not touch it."""
    company = env.company
    company.partner_id.tz = "UTC"
    company.write({"continuity_lead_days": 1, "continuity_retry_days": 2, "continuity_mail_plan": False})
    company.continuity_revenue_journal_id = env["account.journal"].create(
        {"name": "Continuity Revenue", "code": "REV", "type": "general"}
    )
    env.ref("continuity_program.mail_template_paused").subject = "Our own words"
    env.ref("continuity_program.ir_cron_create_orders").nextcall = "2027-03-01 01:30:00"


# === WHAT IS SOLD === #


def sell_all():
    """A plan of each kind, by name."""
    books = [create_product(f"Book {number}") for number in range(1, 7)]
    dated = [{"product_id": book.id, "start_date": date(2027, month, 5)} for month, book in enumerate(books, 1)]
    monthly = [{"product_id": book.id} for book in books]
    refill = [{"product_id": create_product("Coffee").id, "quantity": 2.0, "repeat_forever": True}]
    scarce = [{"product_id": create_product("Rare Book", stock=0).id}]
    shipping = create_product("Shipping", kind="service")
    thirds = create_schedule()
    account, card, declined = {"payment_method": "on_account"}, get_card("done"), get_card("error")
    fixed = {"shipping_policy": "fixed", "shipping_amount": 2.95, "shipping_product_id": shipping.id}
    return {
        "book": sell("Monthly", monthly, account),
        "calendar": sell("Calendar", dated, card, order_start="first", missed_event_policy="consolidate"),
        "refill": sell("Refill", refill, account, price_policy="current", announce_days=7, **fixed),
        "thirds": sell("Thirds", monthly, card, bill_upfront=True, payment_term_id=thirds.id),
        "upfront": sell("Upfront", monthly, account, bill_upfront=True, upfront_price_policy="product"),
        "credited": sell("Credited", monthly, account, bill_upfront=True),
        "declined": sell("Declined", monthly, declined, unpaid_policy="hold", unpaid_max_count=1),
        "scarce": sell("Scarce", scarce, account, stock_policy="wait"),
        "paused": sell("Paused", monthly, account),
        "stopped": sell("Stopped", monthly, account),
        "ending": sell("Ending", monthly, account),
        "changed": sell("Changed", monthly, account, prompt_start_date=True),
        "short": sell("Short", monthly[:1], account),
        "parked": sell("Parked", monthly, account),
        "draft": sell("Draft", monthly, account, confirm=False),
    }


def change(plans):
    """What customers and agents have done to them by 20 January."""
    reason = env["continuity.cancel.reason"].search([], limit=1)
    plans["paused"]._pause(date(2027, 4, 15))
    plans["stopped"]._cancel(reason)
    plans["credited"]._cancel(reason)
    plans["ending"]._stop_after(4, reason)
    changed = plans["changed"]
    changed._skip_next()
    changed._postpone()
    changed.line_ids.sorted("event_number")[-1].write({"price_unit": 12.5, "date_planned": date(2027, 8, 9)})
    dialog = env["continuity.mass.change"].create(
        {"subscription_ids": plans["ending"].ids, "kind": "shift", "shift_mode": "days", "days": 3}
    )
    dialog.action_preview()
    dialog.action_apply()


def sell(name, events, payment, confirm=True, **values):
    """Sell a program on 1 January 2027 to a customer of its own."""
    lines = [Command.create(event) for event in events]
    with freeze_time("2027-01-01 12:00:00"):
        program = env["continuity.program"].create({"name": f"{name} Club", "line_ids": lines, **values})
        product = create_product(f"{name} Membership", "service", continuity_program_id=program.id)
        partner = env["res.partner"].create({"name": f"{name} Customer", "email": f"{name}@example.com"})
        token = payment(partner) if callable(payment) else False
        order = env["sale.order"].create(
            {"partner_id": partner.id, "order_line": [Command.create({"product_id": product.id})]}
        )
        plan = order.continuity_subscription_ids
        plan.write({"payment_method": "token", "payment_token_id": token.id} if token else payment)
        if confirm:
            order.action_confirm()
    return plan


def create_product(name, kind="consu", stock=100, **values):
    goods = {"is_storable": True, "invoice_policy": "delivery"} if kind == "consu" else {}
    product = env["product.product"].create(
        {"name": name, "type": kind, "list_price": 20.0 + next(NUMBERS), "taxes_id": get_tax().ids, **goods, **values}
    )
    if goods and stock:
        place = env["stock.warehouse"].search([("company_id", "=", env.company.id)], limit=1).lot_stock_id
        env["stock.quant"]._update_available_quantity(product, place, stock)
    return product


def get_tax():
    Tax = env["account.tax"]
    values = {"name": "Tax 10%", "amount": 10.0, "type_tax_use": "sale"}
    return Tax.search([("name", "=", values["name"])]) or Tax.create(values)


def create_schedule():
    parts = [(33.333, 0), (33.333, 30), (33.334, 60)]
    lines = [Command.create({"value": "percent", "value_amount": part, "nb_days": days}) for part, days in parts]
    return env["account.payment.term"].create({"name": "In Thirds", "line_ids": lines})


def get_card(answer):
    """Return what saves a card for a customer; ``answer`` is what comes of charging it."""
    provider = env.ref("payment.payment_provider_demo")
    provider.state = "test"
    method = env.ref("payment_demo.payment_method_demo")
    values = {"provider_id": provider.id, "payment_method_id": method.id, "payment_details": "4242"}
    return lambda partner: env["payment.token"].create(
        {**values, "partner_id": partner.id, "provider_ref": "demo", "demo_simulated_state": answer}
    )


# === WHAT HAPPENS === #


def run_night(day):
    """The warehouse, the customers, then all jobs."""
    with freeze_time(f"{day} 12:00:00"):
        deliver()
        pay()
        for job in JOBS:
            env["continuity.job.run"]._execute(job)
        deliver()


def deliver():
    pickings = env["stock.picking"].search([("state", "=", "assigned"), ("picking_type_code", "=", "outgoing")])
    for move in pickings.move_ids:
        move.write({"quantity": move.product_uom_qty, "picked": True})
    pickings._action_done()


def pay():
    """Pay every other bill."""
    lines = env["continuity.payment"].search([("state", "=", "billed")], order="id").move_line_id
    for line in lines[::2]:
        active = {"active_model": "account.move.line", "active_ids": line.ids}
        env["account.payment.register"].with_context(**active).create({})._create_payments()


main()
