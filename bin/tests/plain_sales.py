"""What people of each role do with orders that sell no plan: how it ends, and how many queries it takes.

Run by `run_script.py` on a database with our addon and on one without it (`test_plain_sales.py`): both must tell the
same. ``python run_script.py DATABASE LOG plain_sales.py OUTPUT [all]``; ``all`` writes down the queries as well.
"""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from plain_shop import OPERATIONS, ROLES, Shop, open_form, open_list, operation, see_in_portal

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form
from odoo.tools import SQL, config

#: The roles whose queries are counted, once their caches are warm.
COUNTED = {"manager"}


# === ORDERS === #


@operation("partner")
def create_quotation(partner, shop):
    lines = [Command.create({"product_id": product.id}) for product in shop.goods]
    partner.env["sale.order"].create({"partner_id": partner.id, "order_line": lines})


@operation("partner")
def enter_quotation(partner, shop):
    form = Form(partner.env["sale.order"])
    form.partner_id = partner
    for product in shop.goods:
        with form.order_line.new() as line:
            line.product_id = product
    form.save()


@operation("quotation")
def open_quotation(order, _shop):
    open_form(order)


@operation("order")
def open_order(order, _shop):
    open_form(order)


@operation("delivered")
def open_delivered(order, _shop):
    open_form(order)


@operation("orders")
def list_orders(orders, _shop):
    open_list(orders)


@operation("quotations")
def list_quotations(orders, _shop):
    open_list(orders, "sale.view_quotation_tree")


@operation("orders")
def group_orders(orders, _shop):
    orders.formatted_read_group([("id", "in", orders.ids)], ["state"], ["amount_total:sum"])


@operation("quotation")
def write_note(order, _shop):
    order.write({"client_order_ref": "ours", "note": "soon"})


@operation("quotation", "partner")
def change_customer(order, partner, _shop):
    order.write({"partner_id": partner.id})


@operation("quotation")
def change_day(order, _shop):
    order.write({"date_order": "2027-01-01 12:00:00"})


@operation("quotation")
def change_quantity(order, _shop):
    order.order_line[0].write({"product_uom_qty": 7.0})


@operation("quotation")
def change_price(order, _shop):
    order.order_line[0].write({"price_unit": 7.0, "discount": 5.0})


@operation("quotation")
def change_product(order, shop):
    order.order_line[0].write({"product_id": shop.goods[2].id})


@operation("quotation")
def change_in_form(order, _shop):
    with Form(order) as form, form.order_line.edit(0) as line:
        line.product_uom_qty = 4.0


@operation("quotation")
def update_prices(order, _shop):
    order.action_update_prices()


@operation("quotation")
def add_line(order, shop):
    order.write({"order_line": [Command.create({"product_id": shop.service.id})]})


@operation("quotation")
def remove_line(order, _shop):
    order.order_line[0].unlink()


@operation("quotation")
def move_sequence(order, _shop):
    order.order_line[0].write({"sequence": 99})


@operation("quotation")
def give_discount(order, _shop):
    product = order.env["product.product"].sudo().search([("type", "=", "service")], limit=1)
    order.company_id.sudo().sale_discount_product_id = product
    wizard = order.env["sale.order.discount"].create(
        {"sale_order_id": order.id, "discount_type": "so_discount", "discount_percentage": 0.1}
    )
    wizard.action_apply_discount()


@operation("quotation")
def sell_at_a_discount(order, shop):
    give_discount(order, shop)
    order.action_confirm()
    order._create_invoices()


@operation("quotation")
def send_quotation(order, _shop):
    action = order.action_quotation_send()
    order.env["mail.compose.message"].with_context(action["context"]).create({})


@operation("quotation")
def print_quotation(order, _shop):
    order.env["ir.actions.report"]._render_qweb_html("sale.action_report_saleorder", order.ids)


@operation("quotation")
def confirm(order, _shop):
    order.action_confirm()


@operation("quotations")
def confirm_together(orders, _shop):
    orders.action_confirm()


@operation("quotation")
def copy_quotation(order, _shop):
    order.copy()


@operation("quotation")
def delete_quotation(order, _shop):
    order.unlink()


@operation("quotation")
def cancel_quotation(order, _shop):
    order.action_cancel()


@operation("order")
def change_ordered_quantity(order, _shop):
    order.order_line[0].write({"product_uom_qty": 7.0})


@operation("order")
def change_ordered_price(order, _shop):
    order.order_line[0].write({"price_unit": 7.0})


@operation("order")
def add_ordered_line(order, shop):
    order.write({"order_line": [Command.create({"product_id": shop.goods[0].id})]})


@operation("order")
def cancel_order(order, _shop):
    order._action_cancel()


@operation("cancelled")
def take_up_cancelled(order, _shop):
    order.action_draft()


@operation("cancelled")
def delete_cancelled(order, _shop):
    order.unlink()


@operation("order")
def lock_and_unlock(order, _shop):
    order.action_lock()
    order.action_unlock()


@operation("order")
def delete_order(order, _shop):
    order.unlink()


@operation("order")
def copy_order(order, _shop):
    order.copy()


@operation("quotation")
def see_quotation_in_portal(order, _shop):
    see_in_portal(order)


@operation("delivered")
def see_order_in_portal(order, _shop):
    see_in_portal(order)


@operation("transaction")
def pay_online(transaction, _shop):
    transaction._set_done()
    transaction._post_process()


# === TRANSFERS === #


@operation("picking")
def open_transfer(picking, _shop):
    open_form(picking)


@operation("picking")
def list_transfers(picking, _shop):
    open_list(picking)


@operation("picking")
def reserve(picking, _shop):
    picking.do_unreserve()
    picking.action_assign()


@operation("picking")
def deliver(picking, _shop):
    picking.move_ids.picked = True
    picking.button_validate()


@operation("picking")
def do_moves(picking, _shop):
    picking.move_ids.picked = True
    picking.move_ids._action_done()


@operation("picking")
def cancel_transfer(picking, _shop):
    picking.action_cancel()


@operation("picking")
def delete_transfer(picking, _shop):
    picking.unlink()


@operation("delivered")
def take_back(order, _shop):
    picking = order.picking_ids
    wizard = (
        picking.env["stock.return.picking"]
        .with_context(active_model="stock.picking", active_id=picking.id, active_ids=picking.ids)
        .create({})
    )
    wizard.product_return_moves.quantity = 1.0
    back = picking.browse(wizard.action_create_returns()["res_id"])
    back.move_ids.picked = True
    back._action_done()


# === INVOICES === #


@operation("delivered")
def create_invoice(order, _shop):
    order._create_invoices()


@operation("order")
def ask_down_payment(order, _shop):
    wizard = order.env["sale.advance.payment.inv"].with_context(active_model="sale.order", active_ids=order.ids)
    wizard.create({"advance_payment_method": "percentage", "amount": 20.0}).create_invoices()


@operation("invoice")
def open_invoice(invoice, _shop):
    open_form(invoice)


@operation("invoice")
def list_invoices(invoice, _shop):
    open_list(invoice)


@operation("draft_invoice")
def change_invoice(invoice, _shop):
    invoice.invoice_line_ids[0].write({"price_unit": 3.0})


@operation("draft_invoice")
def post_invoice(invoice, _shop):
    invoice.action_post()


@operation("draft_invoice")
def delete_invoice(invoice, _shop):
    invoice.unlink()


@operation("invoice")
def take_back_invoice(invoice, _shop):
    invoice.button_draft()
    invoice.button_cancel()


@operation("invoice")
def pay(invoice, shop):
    shop._register(invoice)


@operation("paid_invoice")
def undo_payment(invoice, _shop):
    invoice.line_ids.remove_move_reconcile()


@operation("invoice")
def credit(invoice, _shop):
    invoice.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids).create(
        {"journal_id": invoice.journal_id.id}
    ).reverse_moves()


@operation("invoice")
def credit_and_replace(invoice, _shop):
    invoice.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids).create(
        {"journal_id": invoice.journal_id.id}
    ).modify_moves()


@operation("invoice")
def give_more_time(invoice, _shop):
    lines = invoice.line_ids.filtered(lambda line: line.display_type == "payment_term")
    lines.write({"date_maturity": "2027-03-01"})


@operation("invoice")
def print_invoice(invoice, _shop):
    invoice.env["ir.actions.report"]._render_qweb_html("account.account_invoices", invoice.ids)


# === PRODUCTS, PARTNERS === #


@operation()
def create_product(shop):
    shop.env["product.product"].create({"name": "Plain New", "list_price": 4.0})


@operation("product")
def open_product(product, _shop):
    open_form(product)
    open_form(product.product_tmpl_id)


@operation("product")
def list_products(product, _shop):
    open_list(product.product_tmpl_id)


@operation("product")
def change_list_price(product, _shop):
    product.product_tmpl_id.write({"list_price": 6.0})


@operation("product")
def change_variant_price(product, _shop):
    product.write({"list_price": 6.0})


@operation("product")
def archive_product(product, _shop):
    product.action_archive()


@operation("product")
def copy_product(product, _shop):
    product.product_tmpl_id.copy()


@operation("product")
def delete_product(product, _shop):
    product.product_tmpl_id.unlink()


@operation()
def create_partner(shop):
    shop.env["res.partner"].create({"name": "Plain New", "street": "2 Way", "phone": "123"})


@operation("partner")
def open_partner(partner, _shop):
    open_form(partner)


@operation("partner")
def change_phone(partner, _shop):
    partner.write({"phone": "0123456"})


@operation("partner")
def change_address(partner, _shop):
    partner.write({"street": "3 Way", "city": "Ghent", "zip": "9000"})


@operation("partner")
def archive_partner(partner, _shop):
    partner.write({"active": False})


# === MEASURING === #


@contextmanager
def log_queries(cursor):
    queries = []
    execute = type(cursor).execute

    def log(this, query, *arguments, **options):
        queries.append(query.code if isinstance(query, SQL) else str(query))
        return execute(this, query, *arguments, **options)

    with patch.object(type(cursor), "execute", log):
        yield queries


def attempt(shop, role, name):
    """Do it once and undo it.

    :return: how it ended, and the queries it made.
    """
    function, makers = OPERATIONS[name]
    env = shop.env
    user_env = env(user=shop.users[role], su=False)
    records = [shop.get(maker, role).with_env(user_env) for maker in makers]
    env.flush_all()
    env.invalidate_all()
    try:
        with env.cr.savepoint(), log_queries(env.cr) as queries:
            outcome = do(function, records, ShopOfUser(shop, user_env))
            raise UndoneError
    except UndoneError:
        env.invalidate_all()
    return outcome, queries


class UndoneError(Exception):
    """Rolls back what was tried."""


class ShopOfUser:
    """The shop as the user sees it."""

    def __init__(self, shop, env):
        self.env = env
        self.goods = shop.goods.with_env(env)
        self.service = shop.service.with_env(env)
        self._register = shop._register


def do(function, records, shop):
    try:
        with shop.env.cr.savepoint():
            function(*records, shop)
            shop.env.flush_all()
    except UserError as error:  # an AccessError is one, too
        return type(error).__name__
    return "done"


def main(output, *options):
    """:param options: ``all`` for the queries themselves; else parts of the names to do."""
    config["test_enable"] = True  # what is mailed is printed as HTML, where there is no program for PDF
    shop = Shop(env)
    wanted = [option for option in options if option != "all"]
    found = {}
    for role in ROLES:
        for name in OPERATIONS:
            title = f"{role}: {name}"
            if wanted and not any(part in title for part in wanted):
                continue
            outcome, queries = attempt(shop, role, name)
            found[title] = {"outcome": outcome}
            if role in COUNTED:
                # Caches are warm now; what happens to run out in between is filled the second time.
                queries = min((attempt(shop, role, name)[1] for _again in range(2)), key=len)
                found[title]["queries"] = queries if "all" in options else len(queries)
    Path(output).write_text(json.dumps(found, indent=1))


main(*sys.argv[1:])
