"""The figures of docs/accounting.md: `bin/dev scratch docs/examples/accounting.py` sells, bills, delivers and stops the
plans of that page on a copy of the template, and prints the payments and journal entries it makes of them.

Three books of 20.00, 21.00 and 22.00, 10 % tax, sold on 1 January 2027; nothing of it stays.
"""

from datetime import date

from freezegun import freeze_time

from odoo.fields import Command

JOBS = ("create_orders", "process_payments", "close")


def main():
    deferred, revenue = create_account("249000", "Deferred Revenue"), create_journal()
    tax = create_tax(create_account("250999", "Tax Payable"))
    books = [create_product(f"Book {number}", 19.0 + number, tax) for number in (1, 2, 3)]
    thirds = create_schedule()
    sold = {"allowed_methods": "on_account"}

    say("1. In advance, at once")
    env.company.continuity_revenue_journal_id = revenue
    upfront = create_membership(books, tax, deferred, bill_upfront=True, **sold)
    plan = sell(upfront)
    night("2027-01-01")
    show(plan)
    pay(plan.payment_ids)
    show_entry(plan.payment_ids.move_line_id.matched_credit_ids.credit_move_id.move_id)
    send(plan, "2027-01-01", "2027-02-01", "2027-03-01")
    show_entry(plan.line_ids.revenue_move_id)
    night("2027-03-02")
    print(f"{plan.name} is {plan.state}; deferred: {get_balance(deferred):.2f}")

    say("1b. The same, paid, and stopped after the first book")
    plan = sell(upfront)
    night("2027-01-01")
    pay(plan.payment_ids)
    send(plan, "2027-01-01")
    stop(plan, "2027-01-10")
    show_entry(plan.order_id.invoice_ids.filtered(lambda move: move.move_type == "out_refund"))

    say("1c. The same, and the first book is credited")
    plan = sell(upfront)
    night("2027-01-01")
    send(plan, "2027-01-01")
    with freeze_time("2027-01-10 12:00:00"):
        plan.child_order_ids.action_credit_continuity()
        note = plan.order_id.invoice_ids.filtered(lambda move: move.move_type == "out_refund")
        note.action_post()
        night("2027-01-10")
    show_entry(note)
    show_entry(plan.line_ids.revenue_move_id)
    env.company.continuity_revenue_journal_id = False

    say("2. In advance, in thirds, by card")
    card = create_card()
    membership = create_membership(books, tax, deferred, bill_upfront=True, payment_term_id=thirds.id)
    plan = sell(membership, card)
    show(plan)
    night("2027-01-01")
    show(plan)

    say("2b. The second third is declined")
    card.demo_simulated_state = "error"
    for day in ("2027-01-31", "2027-02-01", "2027-02-03", "2027-02-06", "2027-02-09"):
        night(day)
        payment, child = plan.payment_ids[1], plan.child_order_ids.sorted("id")[-1]
        print(f"{day}: {payment.state}, attempts {payment.attempt_count}, next {payment.next_attempt_date}")
        print(f"    {len(plan.child_order_ids)} child orders, held: {child.continuity_payment_hold_reason}")
    plan.payment_token_id = create_card()
    night("2027-02-10")
    print(f"another card: {plan.payment_ids[1].state}, held: {child.continuity_payment_hold}")

    say("3. Per shipment, when it has shipped, by card")
    membership = create_membership(books, tax, **get_shipping())
    plan = sell(membership, create_card())
    print(f"the parent order: {plan.order_id.amount_total:.2f}")
    night("2027-01-01")
    show(plan)
    send(plan, "2027-01-04")
    show(plan)
    show_entry(plan.payment_ids.transaction_ids.payment_id.move_id)

    say("3b. Per shipment, charged when the child order is made")
    env.company.continuity_charge_moment = "creation"
    card = create_card("error")
    plan = sell(create_membership(books, tax), card)
    night("2027-01-01")
    show(plan)
    print(f"held: {plan.child_order_ids.continuity_payment_hold_reason}")
    card.demo_simulated_state = "done"
    night("2027-01-04")
    show(plan)
    print(f"held: {plan.child_order_ids.continuity_payment_hold}")
    env.company.continuity_charge_moment = "delivery"

    say("4. Per shipment, in thirds, on account")
    plan = sell(create_membership(books, tax, payment_term_id=thirds.id, **sold))
    night("2027-01-01")
    show(plan)
    pay(plan.payment_ids[0])

    say("4b. Stopped while the first book has not left")
    stop(plan, "2027-01-10", also_children=True)
    show_entry(plan.child_order_ids.invoice_ids.filtered(lambda move: move.move_type == "out_refund"))

    say("5. In advance, at the parent product's own price of 100.00")
    plan = sell(create_membership(books, tax, bill_upfront=True, upfront_price_policy="product", **sold))
    print("shares:", plan.line_ids.mapped("prepaid_amount"), "to pay:", plan.order_id.amount_total)


# === WHAT IS NEEDED === #


def create_account(code, name):
    return env["account.account"].create({"code": code, "name": name, "account_type": "liability_current"})


def create_journal():
    return env["account.journal"].create({"name": "Continuity Revenue", "code": "REV", "type": "general"})


def create_tax(account):
    tax = env["account.tax"].create({"name": "Tax 10%", "amount": 10.0, "type_tax_use": "sale"})
    lines = tax.invoice_repartition_line_ids | tax.refund_repartition_line_ids
    lines.filtered(lambda line: line.repartition_type == "tax").account_id = account
    return tax


def create_product(name, price, tax, **values):
    goods = {"type": "consu", "is_storable": True, "invoice_policy": "delivery", "taxes_id": [Command.set(tax.ids)]}
    return env["product.product"].create({"name": name, "list_price": price, **goods, **values})


def create_schedule():
    parts = [(33.333, 0), (33.333, 30), (33.334, 60)]
    lines = [Command.create({"value": "percent", "value_amount": part, "nb_days": days}) for part, days in parts]
    return env["account.payment.term"].create({"name": "In Thirds", "line_ids": lines})


def get_shipping():
    product = create_product("Shipping", 0.0, env["account.tax"], type="service", is_storable=False)
    return {"shipping_policy": "fixed", "shipping_amount": 2.95, "shipping_product_id": product.id}


def create_membership(books, tax, account=None, **values):
    lines = [Command.create({"product_id": book.id}) for book in books]
    program = env["continuity.program"].create({"name": "Book Club", "line_ids": lines, **values})
    sells = {"continuity_program_id": program.id, "property_account_income_id": account and account.id}
    return create_product("Book Club Membership", 100.0, tax, type="service", is_storable=False, **sells)


def create_card(state="done"):
    provider = env.ref("payment.payment_provider_demo")
    provider.state = "test"
    return env["payment.token"].create(
        {
            "provider_id": provider.id,
            "payment_method_id": env.ref("payment_demo.payment_method_demo").id,
            "payment_details": "4242",
            "partner_id": get_customer().id,
            "provider_ref": "demo",
            "demo_simulated_state": state,
        }
    )


def get_customer():
    Partner = env["res.partner"]
    return Partner.search([("name", "=", "Ann Archer")]) or Partner.create({"name": "Ann Archer", "city": "Ghent"})


# === WHAT IS DONE === #


def sell(membership, card=None):
    with freeze_time("2027-01-01 12:00:00"):
        line = Command.create({"product_id": membership.id})
        order = env["sale.order"].create({"partner_id": get_customer().id, "order_line": [line]})
        plan = order.continuity_subscription_ids
        plan.write({"payment_method": "token" if card else "on_account", "payment_token_id": card and card.id})
        order.action_confirm()
    return plan


def night(day):
    with freeze_time(f"{day} 12:00:00"):
        for job in JOBS:
            run = env["continuity.job.run"]._execute(job)
            for issue in run.issue_ids:
                print(f"    {job}: {issue.kind}, {issue.reason}")


def send(plan, *days):
    for day in days:
        night(day)
        with freeze_time(f"{day} 12:00:00"):
            pickings = plan.child_order_ids.picking_ids.filtered(lambda picking: picking.state != "done")
            for move in pickings.move_ids:
                move.write({"quantity": move.product_uom_qty, "picked": True})
            pickings._action_done()
        night(day)


def pay(payments):
    with freeze_time("2027-01-08 12:00:00"):
        for line in payments.move_line_id:
            active = {"active_model": "account.move.line", "active_ids": line.ids}
            env["account.payment.register"].with_context(**active).create({})._create_payments()


def stop(plan, day, also_children=False):
    with freeze_time(f"{day} 12:00:00"):
        reason = env["continuity.cancel.reason"].search([], limit=1)
        dialog = env["continuity.stop"].create({"subscription_id": plan.id, "moment": "now", "reason_id": reason.id})
        dialog.line_ids.is_stopped = also_children
        print(f"the dialog: to credit {dialog.to_credit}, to refund {dialog.to_refund}, to pay {dialog.to_pay}")
        dialog.action_stop()
        orders = plan.order_id | plan.child_order_ids
        orders.invoice_ids.filtered(lambda move: move.state == "draft").action_post()


# === WHAT IS PRINTED === #


def say(text):
    print(f"\n=== {text}")


def show(plan):
    for payment in plan.payment_ids:
        print(f"{payment.number}: {payment.amount} due {payment.due_date or 'when shipped'}, {payment.state}")
    show_entry(plan.payment_ids.invoice_id)


def show_entry(moves):
    for move in moves.sorted("id"):
        print(f"{move.name or 'draft'}, {move.date}, {move.state}")
        for line in move.line_ids.sorted(lambda line: (-line.balance, line.date_maturity or date.max, line.id)):
            due = f", due {line.date_maturity}" if line.account_id.account_type == "asset_receivable" else ""
            print(f"    {line.account_id.name}{due}: {line.debit or '':>8} | {line.credit or '':>8}")


def get_balance(account):
    lines = env["account.move.line"].search([("account_id", "=", account.id), ("parent_state", "=", "posted")])
    return sum(lines.mapped("balance"))


main()
