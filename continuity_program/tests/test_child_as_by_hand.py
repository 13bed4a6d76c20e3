"""A child order is as one made by hand: every stored field of the order and of all that it leads to.

One order is made by the night, an equal one by a salesperson who types the same for the same customer and day. What
differs has its reason in a table; a difference without a reason fails, and so does a reason of which nothing is left.
`bin/dev neighbours` runs this file once more beside Odoo's addons that change sales and deliveries.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import tagged

from .common import ContinuityCase
from .document_snapshot import Snapshot, get_differences


class Reason(NamedTuple):
    text: str
    #: Whether the difference is the one meant, by what the night made and what the salesperson made.
    covers: Callable[[Any, Any], bool]


def is_system(by_night, by_hand):
    """The night's documents are nobody's work."""
    return by_night == ['res.users,1'] != by_hand


def is_nobody(by_night, by_hand):
    return not by_night and by_hand


def is_followed_by_system(by_night, by_hand):
    return [*by_night] == ['OdooBot'] and [*by_hand] == ['Salesperson']


def is_told_less(by_night, by_hand):
    """The same is told, but for notes of who made the document, and for mails to the customer."""
    ours, theirs = map(get_told, (by_night, by_hand))
    missing = [message for message in theirs if message not in ours]
    more = [message for message in ours if message not in theirs]
    return all(' created' in body for _type, _subtype, body, *_rest in missing) and all(
        message_type == 'email_outgoing' for message_type, *_rest in more
    )


def get_told(messages):
    """Return messages without their authors. Steps of one field that follow each other are one, as Odoo notes them
    when they are made together."""
    told = []
    for kind, subtype, _author, body, *rest in messages:
        message = (kind, subtype, body, *rest)
        told[-1:] = join_steps(told[-1], message) if told else [message]
    return told


def join_steps(before, after):
    """Return two messages, or one where the second only goes on with the step that the first one notes."""
    (*head, first), (*other_head, second) = before, after
    is_one = head == other_head and not head[2] and len(first) == len(second) == 1
    if is_one and first[0][0] == second[0][0] and first[0][2] == second[0][1]:
        return [(*head, [(first[0][0], first[0][1], second[0][2])])]
    return [before, after]


#: What a child order and its documents have otherwise than by hand, by (model, field). ``*`` is every model.
REASONS = {
    ('*', 'create_uid'): Reason("The night works as the system.", is_system),
    ('*', 'write_uid'): Reason("The night works as the system.", is_system),
    ('sale.order', 'origin'): Reason(
        "A child order comes from its parent order.", lambda by_night, by_hand: by_night and not by_hand
    ),
    ('sale.order', 'require_signature'): Reason(
        "The customer agreed to the plan, not to each shipment.", lambda by_night, by_hand: not by_night and by_hand
    ),
    ('*', 'message_ids'): Reason(
        "Thousands of orders a night say nothing of being made; the customer gets the bill at once.", is_told_less
    ),
    ('stock.picking', 'message_follower_ids'): Reason(
        "Nobody at work confirms it; who follows the child order hears of it there.", is_nobody
    ),
    ('project.task', 'message_follower_ids'): Reason(
        "Odoo has whoever confirms the order follow its tasks: at night the system.", is_followed_by_system
    ),
    ('purchase.order', 'user_id'): Reason("No buyer asked for the service by hand.", is_system),
}
#: What is sold, and the addons without which there is no such thing.
KINDS = {
    'stocked': set(),
    'dozen': set(),
    'out_of_stock': set(),
    'consumable': set(),
    'service': set(),
    'lot': set(),
    'routed': set(),
    'typed_on_the_line': set(),
    'kit': {'sale_mrp'},
    'manufactured': {'sale_mrp'},
    'purchased': {'sale_purchase_stock'},
    'dropshipped': {'stock_dropshipping'},
    'purchased_service': {'sale_purchase'},
    'task': {'sale_project'},
    'batched': {'stock_picking_batch'},
    'waved': {'stock_picking_batch'},
}

NIGHT = "2027-01-01 12:00:00"


@tagged('post_install', '-at_install')
class TestChildAsByHand(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesperson = cls._create_user(
            'salesperson',
            'sales_team.group_sale_salesman_all_leads',
            'account.group_account_invoice',
            'uom.group_uom',
        )
        cls.warehouse = cls.env['stock.warehouse'].search([('company_id', '=', cls.company.id)], limit=1)
        cls.typed = {
            'client_order_ref': "PO 4711",
            'note': "<p>Ring twice.</p>",
            'tag_ids': [Command.set(cls.env['crm.tag'].create({'name': "By phone"}).ids)],
            'incoterm': cls.env.ref('account.incoterm_DAP').id,
            'incoterm_location': "Ghent",
            'picking_policy': 'one',
            'campaign_id': cls.env['utm.campaign'].create({'name': "Spring"}).id,
            'preferred_payment_method_line_id': cls.env['account.payment.method.line']
            .search([('payment_type', '=', 'inbound'), ('company_id', '=', cls.company.id)], limit=1)
            .id,
        }

    # === WHAT IS SOLD === #

    def _prepare_stocked(self):
        product = self._create_product("Book")
        self._put_in_stock(product)
        return {'product_id': product.id, 'product_uom_qty': 2.0}

    def _prepare_dozen(self):
        dozen = self.env.ref('uom.product_uom_dozen')
        return {**self._prepare_stocked(), 'product_uom_id': dozen.id}

    def _prepare_out_of_stock(self):
        return {'product_id': self._create_product("Rare Book").id, 'product_uom_qty': 1.0}

    def _prepare_consumable(self):
        return {'product_id': self._create_product("Bag", is_storable=False).id, 'product_uom_qty': 1.0}

    def _prepare_service(self):
        product = self._create_product("Call", type='service', is_storable=False, invoice_policy='order')
        return {'product_id': product.id, 'product_uom_qty': 1.0}

    def _prepare_lot(self):
        product = self._create_product("Wine", tracking='lot')
        lot = self.env['stock.lot'].create({'name': "L1", 'product_id': product.id, 'company_id': self.company.id})
        self._put_in_stock(product, lot)
        return {'product_id': product.id, 'product_uom_qty': 3.0}

    def _prepare_routed(self):
        shelf = self.env['stock.location'].create({'name': "Shelf", 'location_id': self.warehouse.lot_stock_id.id})
        rule = {
            'name': "From the shelf",
            'action': 'pull',
            'picking_type_id': self.warehouse.out_type_id.id,
            'location_src_id': shelf.id,
            'location_dest_id': self.env.ref('stock.stock_location_customers').id,
            'procure_method': 'make_to_stock',
        }
        route = self.env['stock.route'].create(
            {'name': "From the shelf", 'sale_selectable': True, 'rule_ids': [Command.create(rule)]}
        )
        return {**self._prepare_stocked(), 'route_ids': [Command.set(route.ids)]}

    def _prepare_typed_on_the_line(self):
        plan = self.env['account.analytic.plan'].create({'name': "Campaigns"})
        account = self.env['account.analytic.account'].create({'name': "Spring", 'plan_id': plan.id})
        return {**self._prepare_stocked(), 'discount': 10.0, 'analytic_distribution': {str(account.id): 100.0}}

    def _prepare_kit(self):
        part, kit = self._create_product("Part"), self._create_product("Kit")
        self._put_in_stock(part)
        self._create_bom(kit, part, type='phantom')
        return {'product_id': kit.id, 'product_uom_qty': 2.0}

    def _prepare_manufactured(self):
        part = self._create_product("Part")
        self._put_in_stock(part)
        product = self._create_product("Toy", route_ids=self._get_routes('mrp.route_warehouse0_manufacture'))
        self._create_bom(product, part)
        return {'product_id': product.id, 'product_uom_qty': 2.0}

    def _create_bom(self, product, part, **values):
        self.env['mrp.bom'].create(
            {
                'product_tmpl_id': product.product_tmpl_id.id,
                'bom_line_ids': [Command.create({'product_id': part.id, 'product_qty': 3.0})],
                **values,
            }
        )

    def _prepare_purchased(self):
        product = self._create_product(
            "Imported", route_ids=self._get_routes('purchase_stock.route_warehouse0_buy'), **self._prepare_vendor()
        )
        return {'product_id': product.id, 'product_uom_qty': 2.0}

    def _get_routes(self, *names):
        """Return the routes of these names, made to order."""
        made_to_order = self.env.ref('stock.route_warehouse0_mto')
        made_to_order.active = True
        return [Command.set((made_to_order | self._get_records(*names)).ids)]

    def _get_records(self, *names):
        return self.env['stock.route'].union(*(self.env.ref(name) for name in names))

    def _prepare_vendor(self):
        vendor = self.env['res.partner'].create({'name': "Vendor"})
        return {'seller_ids': [Command.create({'partner_id': vendor.id, 'price': 7.0})]}

    def _prepare_dropshipped(self):
        route = self.env.ref('stock_dropshipping.route_drop_shipping')
        product = self._create_product("Sofa", route_ids=[Command.set(route.ids)], **self._prepare_vendor())
        return {'product_id': product.id, 'product_uom_qty': 1.0}

    def _prepare_purchased_service(self):
        values = {'type': 'service', 'is_storable': False, 'invoice_policy': 'order', 'service_to_purchase': True}
        product = self._create_product("Engraving", **values, **self._prepare_vendor())
        return {'product_id': product.id, 'product_uom_qty': 1.0}

    def _prepare_task(self):
        project = self.env['project.project'].create({'name': "House calls", 'allow_billable': True})
        values = {'service_tracking': 'task_global_project', 'project_id': project.id, 'invoice_policy': 'order'}
        product = self._create_product("House Call", type='service', is_storable=False, **values)
        return {'product_id': product.id, 'product_uom_qty': 1.0}

    def _prepare_batched(self):
        self.warehouse.out_type_id.write({'auto_batch': True, 'batch_group_by_partner': True})
        return self._prepare_stocked()

    def _prepare_waved(self):
        self.warehouse.out_type_id.write({'auto_batch': True, 'wave_group_by_product': True})
        return self._prepare_stocked()

    def _put_in_stock(self, product, lot=None):
        self.env['stock.quant']._update_available_quantity(product, self.warehouse.lot_stock_id, 100.0, lot_id=lot)

    # === BOTH WAYS === #

    def _make_pair(self, line):
        """Return the child order of the night and the one made by hand."""
        customer = self.env['res.partner'].create({'name': "Zoe Zimmer", 'street': "2 Short Street"})
        typed = {**self.typed, 'partner_id': customer.id}
        by_night = self._make_at_night(typed, line)
        self._confirm_purchases(by_night)  # or both share one of the same vendor
        by_hand = self._make_by_hand(typed, line)
        self._confirm_purchases(by_hand)
        return by_night, by_hand

    def _confirm_purchases(self, order):
        if 'purchase.order' in self.env:
            self._end_step()
            order._get_purchase_orders().button_confirm()

    def _make_at_night(self, typed, line):
        event = {'product_id': line['product_id'], 'quantity': line['product_uom_qty']}
        if 'product_uom_id' in line:
            event['product_uom_id'] = line['product_uom_id']
        product = self._create_parent_product(self._create_program([event], allowed_methods='on_account'))
        of_child = {'product_id', 'product_uom_qty', 'product_uom_id'}
        on_parent = {name: value for name, value in line.items() if name not in of_child}
        parent = self._enter_order(typed, {'product_id': product.id, **on_parent})
        parent.action_confirm()
        run = self._run_job('create_orders')
        self.assertFalse(run.issue_ids.mapped('reason'))
        return parent.sudo().continuity_child_ids

    def _make_by_hand(self, typed, line):
        noon = self.company._get_continuity_noon(self.today)
        order = self._enter_order({**typed, 'commitment_date': noon}, line)
        order.action_confirm()
        return order.sudo()

    def _enter_order(self, typed, line):
        """Return an order that the salesperson enters."""
        orders = self.env(user=self.salesperson, su=False)['sale.order']
        return orders.create({**typed, 'order_line': [Command.create(line)]})

    def _bill(self, by_night, by_hand):
        self._run_job('process_payments')
        invoice = by_hand.with_user(self.salesperson)._create_invoices()
        invoice.action_post()
        self.assertEqual([order.invoice_ids.state for order in (by_night, by_hand)], ['posted', 'posted'])

    # === THE TEST === #

    @freeze_time(NIGHT)
    def test_every_stored_field_is_as_by_hand_or_has_its_reason(self):
        found = defaultdict(list)
        for kind in self._get_kinds():
            with self.subTest(kind):
                self._compare_kind(kind, found)
        unexplained = [line for key, pairs in sorted(found.items()) for line in self._get_unexplained(key, pairs)]
        self.assertFalse(unexplained, msg="\n".join(["Not as by hand, and no reason why:", *unexplained]))
        gone = self._get_known() - found.keys() - {('*', name) for _model, name in found}
        self.assertFalse(gone, msg="Take these out: they are as by hand")

    def _get_known(self):
        """Return the (model, field) of the reasons that can apply in this database."""
        return {
            (model, name)
            for model, name in REASONS
            if model == '*' or (model in self.env and name in self.env[model]._fields)
        }

    def _get_kinds(self):
        installed = {*self.env['ir.module.module'].search([('state', '=', 'installed')]).mapped('name')}
        return [kind for kind in KINDS if KINDS[kind] <= installed]

    def _compare_kind(self, kind, found):
        """Sell a kind both ways, deliver and bill it, and note what differs; nothing of it stays."""
        with self.env.cr.savepoint() as savepoint:
            by_night, by_hand = self._make_pair(getattr(self, f'_prepare_{kind}')())
            self._note(f"{kind}, confirmed", by_night, by_hand, found)
            self._deliver(by_night | by_hand)
            self._bill(by_night, by_hand)
            self._note(f"{kind}, delivered and billed", by_night, by_hand, found)
            savepoint.rollback()

    def _note(self, when, by_night, by_hand, found):
        self._end_step()
        for key, pairs in get_differences(Snapshot(by_night), Snapshot(by_hand)).items():
            found[key] += [(when, *pair) for pair in pairs]

    def _end_step(self):
        """Tell of changed fields, as Odoo does before it commits."""
        self.env.flush_all()
        self.env.cr.flush()

    def _get_unexplained(self, key, pairs):
        """Return a line for each difference that has no reason."""
        reason = REASONS.get(key) or REASONS.get(('*', key[1]))
        return [
            f"{'.'.join(key)}: {when}: {by_night} by night, {by_hand} by hand"
            for when, by_night, by_hand in pairs
            if not (reason and reason.covers(by_night, by_hand))
        ]
