"""Orders that sell no plan (`plain_sales.py`): the roles, the records they work on, and what they look at."""

from lxml import etree

from odoo.fields import Command
from odoo.tests import Form

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
