"""What the scripts of `test_probe.py` share: the same three orders, made by hand and in two kinds of nights."""

from odoo.fields import Command

NIGHT = "2027-01-04"


def prepare(env):
    """Return two books that are in stock, and who buys them."""
    books = env["product.product"].create(
        [{"name": f"Book {number}", "type": "consu", "is_storable": True, "list_price": 20.0} for number in (1, 2)]
    )
    warehouse = env["stock.warehouse"].search([("company_id", "=", env.company.id)], limit=1)
    for book in books:
        env["stock.quant"]._update_available_quantity(book, warehouse.lot_stock_id, 1000)
    return books, env["res.partner"].create({"name": "Ann Archer"})


def make_by_hand(env, books, customer):
    orders = env["sale.order"]
    for _number in range(3):
        lines = [Command.create({"product_id": book.id}) for book in books]
        order = env["sale.order"].create({"partner_id": customer.id, "order_line": lines})
        order.action_confirm()
        orders |= order
    return orders


def sell_plans(env, books, customer):
    program = env["continuity.program"].create(
        {"name": "Books", "line_ids": [Command.create({"product_id": book.id, "event_number": 1}) for book in books]}
    )
    product = env["product.product"].create(
        {"name": "Membership", "type": "service", "continuity_program_id": program.id}
    )
    parents = env["sale.order"].create(
        [
            {"partner_id": customer.id, "order_line": [Command.create({"product_id": product.id})]}
            for _number in range(3)
        ]
    )
    parents = parents.with_context(continuity_as_of=NIGHT)
    for parent in parents:
        parent.action_confirm()
    return parents


def run_night(env, parents, commit):
    run = env["continuity.job.run"]._execute(
        "create_orders", as_of=NIGHT, domain=[("order_id", "in", parents.ids)], commit=commit
    )
    assert (run.done_count, run.failed_count) == (3, 0), run.issue_ids.mapped("reason")
    return parents.continuity_child_ids
