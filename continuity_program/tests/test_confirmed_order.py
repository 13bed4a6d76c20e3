from odoo.fields import Command
from odoo.tests import tagged

from .common_regressions import RegressionCase


@tagged('post_install', '-at_install')
class TestSoldOnConfirmedOrder(RegressionCase):
    def _add(self, order, program, **values):
        """Add the program to the order and return its subscription."""
        product = self._create_parent_product(program, **values)
        order.order_line = [Command.create({'product_id': product.id})]
        return order.continuity_subscription_ids.filtered(lambda subscription: subscription.program_id == program)

    def test_added_line_runs_and_its_page_is_still_to_be_opened(self):
        order = self._sell_product(self.books[5])

        subscription = self._add(order, self._create_program(2))

        self.assertEqual(subscription.state, 'running')
        self.assertFalse(subscription.is_page_shown)
        self.assertEqual(order.continuity_page_id, subscription)

    def test_added_line_is_refused_as_at_confirmation(self):
        order = self._sell_product(self.books[5])
        alone = self._create_program(2, duplicate_policy='refuse')
        self._add(order, alone)
        archived = self._create_program([{'product_id': self.books[3].id}])
        self.books[3].active = False
        for program, values, reason in (
            (self._create_program(2, consent_required=True), {}, "needs the customer's consent"),
            (alone, {}, "already has program Book Club"),
            (self._create_program(2, bill_upfront=True), {'continuity_event_count': 5}, "buys 5 events, .* 3 fewer"),
            (archived, {}, "Book 4 in the plan of .* is archived"),
        ):
            with self.subTest(reason), self.assertRefused(reason):
                self._add(order, program, **values)

    def test_optional_line_is_refused_as_at_confirmation(self):
        subscription = self._sell(self._create_program(2, consent_required=True), quantity=0)
        self.assertEqual(subscription.state, 'draft')

        with self.assertRefused("needs the customer's consent"):
            subscription.order_line_id.product_uom_qty = 1
        subscription.consent_date = self.today
        subscription.order_line_id.product_uom_qty = 1

        self.assertEqual(subscription.state, 'running')

    def test_line_sold_before_its_product_had_a_program_is_invoiced(self):
        box = self._create_product("Box", 50.0)
        order = self._sell_product(box)
        self._deliver(order)

        box.product_tmpl_id.continuity_program_id = self._create_program(2)
        self.env.invalidate_all()

        self.assertFalse(order.order_line.is_continuity_parent)
        self.assertFalse(order.continuity_role)
        self.assertEqual((order.order_line.qty_to_invoice, order.invoice_status), (1.0, 'to invoice'))
        self.assertEqual(order._create_invoices().amount_total, 55.0)

    def test_line_sold_before_its_product_had_a_program_is_delivered(self):
        box = self._create_product("Box", 50.0)
        order = self._sell_product(box)

        box.product_tmpl_id.continuity_program_id = self._create_program(2)
        self.env.invalidate_all()
        order.order_line.product_uom_qty = 3

        self.assertEqual(sum(order.picking_ids.move_ids.mapped('product_uom_qty')), 3.0)
        self.assertEqual((order.order_line.price_unit, order.amount_total), (50.0, 165.0))
        self._deliver(order)
        self.assertEqual(order.order_line.qty_delivered, 3.0)
        self.assertFalse(order.continuity_subscription_ids)
