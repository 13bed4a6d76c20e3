"""What people of each role do with orders that sell no plan: how it ends, and how many queries it takes.

Run by `run_script.py` on a database with our addon and on one without it (`test_plain_sales.py`): both must tell the
same. ``python run_script.py DATABASE LOG plain_sales.py OUTPUT [all]``; ``all`` writes down the queries as well.
"""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from lxml import etree

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form
from odoo.tools import SQL, config

from odoo.addons.http_routing.tests.common import MockRequest
from odoo.addons.sale.controllers.portal import CustomerPortal

#: The groups of each role; `clerk` has nothing but the rights on orders that a company gave it.
ROLES = {
    "clerk": ["base.group_user"],
    "storekeeper": ["stock.group_stock_user"],
    "buyer": ["base.group_user", "base.group_partner_manager"],
    "own orders": ["sales_team.group_sale_salesman"],
    "all orders": ["sales_team.group_sale_salesman_all_leads", "stock.group_stock_user"],
    "accountant": ["account.group_account_user"],
    "biller": ["account.group_account_invoice"],
    "auditor": ["account.group_account_readonly"],
    "manager": [
        "sales_team.group_sale_manager",
        "stock.group_stock_manager",
        "account.group_account_manager",
        "product.group_product_manager",
    ],
    "customer": ["base.group_portal"],
}
#: The roles whose queries are counted, once their caches are warm.
COUNTED = {"manager"}
MODELS_OF_CLERK = ["sale.order", "sale.order.line"]
OPERATIONS = {}


def operation(*makers):
    """Register what a role does with new records: of each maker (a method of `Shop`), one."""

    def register(function):
        OPERATIONS[function.__name__] = (function, makers)
        return function

    return register


class Shop:
    """Makes the records that the roles work on, as the superuser."""

    def __init__(self, env):
        self.env = env
        self.company = env.company
        self.made = {}
        self.goods = env["product.product"].create(
            [
                {"name": f"Plain {number}", "type": "consu", "is_storable": True, "list_price": 10.0 + number}
                for number in range(3)
            ]
        )
        for product in self.goods:
            env["stock.quant"]._update_available_quantity(product, self.location, 10000.0)
        self.service = env["product.product"].create(
            {"name": "Plain Service", "type": "service", "invoice_policy": "order", "list_price": 50.0}
        )
        self.users = {role: self._make_user(role, groups) for role, groups in ROLES.items()}

    @property
    def location(self):
        return self.env["stock.warehouse"].search([("company_id", "=", self.company.id)], limit=1).lot_stock_id

    def _make_user(self, role, groups):
        groups = self.env["res.groups"].union(*(self.env.ref(group) for group in groups))
        if role == "clerk":
            groups |= self.env["res.groups"].create(
                {
                    "name": "Clerk",
                    "model_access": [
                        Command.create(
                            {
                                "name": model,
                                "model_id": self.env["ir.model"]._get_id(model),
                                **{f"perm_{right}": True for right in ("create", "read", "write", "unlink")},
                            }
                        )
                        for model in MODELS_OF_CLERK
                    ],
                }
            )
        return (
            self.env["res.users"]
            .with_context(no_reset_password=True)
            .create(
                {
                    "name": role.title(),
                    "login": f"plain {role}",
                    "email": f"{role.replace(' ', '.')}@example.com",
                    "group_ids": [Command.set(groups.ids)],
                }
            )
        )

    def get(self, maker, role):
        """Return what a maker made for a role: whatever is done with it is undone."""
        if (maker, role) not in self.made:
            self.made[maker, role] = getattr(self, f"make_{maker}")(self.users[role])
        return self.made[maker, role]

    def make_partner(self, user):
        if user.share:
            return user.partner_id
        return self.env["res.partner"].create({"name": "Plain Customer", "street": "1 Way", "email": "c@example.com"})

    def make_product(self, _user):
        return self.env["product.product"].create({"name": "Plain One", "type": "consu", "list_price": 5.0})

    def make_quotation(self, user):
        return self.env["sale.order"].create(
            {
                "partner_id": self.make_partner(user).id,
                "user_id": user.id if not user.share else False,
                "order_line": [
                    Command.create({"product_id": product.id, "product_uom_qty": 2.0})
                    for product in self.goods | self.service
                ],
            }
        )

    def make_quotations(self, user):
        return self.env["sale.order"].union(*(self.make_quotation(user) for _number in range(3)))

    def make_order(self, user):
        order = self.make_quotation(user)
        order.action_confirm()
        return order

    def make_orders(self, user):
        return self.env["sale.order"].union(*(self.make_order(user) for _number in range(3)))

    def make_cancelled(self, user):
        order = self.make_order(user)
        order._action_cancel()
        return order

    def make_picking(self, user):
        return self.make_order(user).picking_ids

    def make_delivered(self, user):
        order = self.make_order(user)
        order.picking_ids.move_ids.picked = True
        order.picking_ids._action_done()
        return order

    def make_draft_invoice(self, user):
        return self.make_delivered(user)._create_invoices()

    def make_invoice(self, user):
        invoice = self.make_draft_invoice(user)
        invoice.action_post()
        return invoice

    def make_paid_invoice(self, user):
        invoice = self.make_invoice(user)
        self._register(invoice)
        return invoice

    def make_transaction(self, user):
        order = self.make_quotation(user)
        provider = self.env.ref("payment.payment_provider_demo")
        provider.state = "test"
        return self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": self.env.ref("payment_demo.payment_method_demo").id,
                "amount": order.amount_total,
                "currency_id": order.currency_id.id,
                "partner_id": order.partner_id.id,
                "sale_order_ids": [Command.set(order.ids)],
                "reference": f"plain-{order.id}",
                "operation": "online_direct",
            }
        )

    def _register(self, invoice):
        wizard = invoice.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        return wizard.create({})._create_payments()


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


# === HELPERS === #


def open_form(record):
    """Read what the form shows, with the client's own call."""
    form = Form(record)
    record.env.flush_all()
    record.env.invalidate_all()
    record.web_read(form._view["fields_spec"])


def open_list(records, view=None):
    """Read the list that the client opens."""
    view_id = records.env.ref(view).id if view else False
    arch = records.get_views([(view_id, "list")])["views"]["list"]["arch"]
    form = Form.__new__(Form)
    object.__setattr__(form, "_models_info", records.get_views([(view_id, "list")])["models"])
    spec = form._process_view(etree.fromstring(arch), records, level=0)["fields_spec"]
    records.web_search_read([("id", "in", records.ids)], spec, limit=80)


def see_in_portal(order):
    """Render the page of the order that customers see."""
    order.sudo()._portal_ensure_token()
    with MockRequest(order.env) as request:
        request.render = lambda template, values: order.env["ir.qweb"]._render(template, values)
        CustomerPortal().portal_order_page(order.id, access_token=order.sudo().access_token)


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
