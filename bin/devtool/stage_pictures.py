"""Run on the database of the pictures by `bin/dev pictures`: what they show beyond the demo data.

`before DAY`: what is sold on the first day, so that the simulated nights make its history. `after`: what is wrong,
due, changed or announced when the pictures are taken.
"""

import sys

from freezegun import freeze_time

from odoo import fields
from odoo.fields import Command

PORTAL_LOGIN = "anna"


def main():
    moment, *day = sys.argv[1:]
    if moment == "before":
        with freeze_time(f"{day[0]} 10:00:00"):
            sell_by_card()
    else:
        make_users()
        decline_a_card()
        run_a_night_with_issues()
        change_a_program()
        announce()
        make_some_due()
    env.cr.commit()


def ref(name):
    return env.ref(f"continuity_program.{name}")


def get_subscription(order):
    return ref(order).continuity_subscription_ids[:1]


# === BEFORE === #


def sell_by_card():
    """A plan paid per shipment, one paid in advance in instalments, and one whose card expires."""
    env.company.partner_id.tz = "UTC"  # the day of the browser too
    env.ref("payment.payment_provider_demo").state = "test"
    anna = sell("lindqvist", "product_lighthouse_6_boxes")
    sell("sato", "product_lighthouse_12_boxes", bill_upfront=True, payment_term_id=create_schedule().id)
    sell("hughes", "product_coffee_refill_250")
    anna.member_number = "L-2041"
    env.company.continuity_revenue_journal_id = env["account.journal"].search([("type", "=", "general")], limit=1)


def sell(customer, product, **values):
    partner = ref(f"partner_{customer}")
    token = env["payment.token"].create(
        {
            "provider_id": env.ref("payment.payment_provider_demo").id,
            "payment_method_id": env.ref("payment_demo.payment_method_demo").id,
            "payment_details": "4242",
            "partner_id": partner.id,
            "provider_ref": "demo",
            "demo_simulated_state": "done",
        }
    )
    order = env["sale.order"].create(
        {
            "partner_id": partner.id,
            "user_id": env.ref("base.user_admin").id,
            "order_line": [Command.create({"product_id": ref(product).id})],
        }
    )
    subscription = order.continuity_subscription_ids
    subscription.write({"payment_method": "token", "payment_token_id": token.id, **values})
    order.action_confirm()
    return subscription


def create_schedule():
    """Instalments of which the last falls due when the pictures are taken."""
    parts = [(34.0, 0), (33.0, 45), (33.0, 95)]
    lines = [Command.create({"value": "percent", "value_amount": part, "nb_days": days}) for part, days in parts]
    return env["account.payment.term"].create({"name": "Three Instalments", "line_ids": lines})


# === AFTER === #


def make_users():
    """The customer of the portal's pages; and an administrator who sees journal items."""
    env.ref("base.user_admin").group_ids += env.ref("account.group_account_user")
    partner = ref("partner_lindqvist")
    env["res.users"].with_context(no_reset_password=True).create(
        {
            "name": partner.name,
            "login": PORTAL_LOGIN,
            "password": PORTAL_LOGIN,
            "partner_id": partner.id,
            "group_ids": [Command.set([env.ref("base.group_portal").id])],
        }
    )


def decline_a_card():
    """The last instalment is declined, and the shipment made that day is held."""
    subscription = get_by_card("sato")
    subscription.payment_token_id.demo_simulated_state = "error"
    subscription._ship_now()
    run("create_orders", [("id", "=", subscription.id)])
    run("process_payments", [("subscription_id", "=", subscription.id)])


def run_a_night_with_issues():
    """One shipment cannot be ordered, one finds its card expired, others are made."""
    studio, hughes = get_subscription("order_coffee_studio"), get_by_card("hughes")
    decaf = ref("product_coffee_decaf")
    studio._swap(studio._get_next_shipment()[:1], decaf)
    hughes.payment_token_id.continuity_expiry_date = fields.Date.subtract(fields.Date.today(), days=3)
    due = studio | hughes | get_subscription("order_light_12") | get_subscription("order_coffee_lab")
    for subscription in due:
        subscription._ship_now()
    decaf.active = False
    run("create_orders", [])


def change_a_program():
    """Sold plans do not follow yet; the night's job would bring them in line."""
    ref("program_line_lighthouse_08").write({"product_id": ref("product_lighthouse_shelf").id})
    ref("program_line_lighthouse_10").write({"price_overridden": True, "price_unit": 36.0})


def announce():
    """Some members hear of what is coming and may decline it."""
    ref("program_coffee_1000").write({"announce_days": 45, "reply_days": 14})
    ref("program_book").write({"announce_days": 45, "reply_days": 14})
    run("announce", [])


def make_some_due():
    """The morning's work, and a quotation of today."""
    ref("order_quote_light").write({"date_order": fields.Datetime.now(), "validity_date": False})
    ref("order_coffee_grinder").continuity_subscription_ids._ship_now()
    for order in ("order_light_hand_changed", "order_two_programs"):
        get_subscription(order)._ship_now()
    get_subscription("order_light_6")._pause()


def get_by_card(customer):
    return env["continuity.subscription"].search(
        [("partner_id", "=", ref(f"partner_{customer}").id), ("payment_method", "=", "token")], limit=1
    )


def run(job, domain):
    return env["continuity.job.run"]._execute(job, domain=domain)


main()
