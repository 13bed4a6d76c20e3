from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestGate(ContinuityCase):
    def setUp(self):
        super().setUp()
        self.env['stock.quant']._update_available_quantity(
            self.books[0],
            self.env['stock.warehouse'].search([('company_id', '=', self.company.id)], limit=1).lot_stock_id,
            10,
        )

    def _create_child(self, on=None, lead_days=0):
        self.company.continuity_lead_days = lead_days
        subscription = self._sell(self._create_program(2), start_date=on or self.today)
        self._run_job('create_orders')
        return subscription.order_id.continuity_child_ids

    def _force(self, child):
        move = child.picking_ids.move_ids
        move.quantity = move.product_uom_qty
        move.picked = True
        return move

    def test_held_child_cannot_be_delivered_by_any_route(self):
        child = self._create_child()
        self.assertEqual(child.picking_ids.state, 'assigned')
        child.picking_ids.do_unreserve()
        child._set_continuity_hold("Instalment 1 is declined.")

        child.picking_ids.action_assign()

        self.assertEqual(child.picking_ids.state, 'confirmed')
        move = self._force(child)
        text = f"{child.name} is not delivered yet: Instalment 1 is declined."
        with self.assertRaisesRegex(UserError, text):
            child.picking_ids.button_validate()
        with self.assertRaisesRegex(UserError, text):
            child.picking_ids.with_context(skip_sanity_check=True).button_validate()
        with self.assertRaisesRegex(UserError, text):
            move._action_done()

    def test_released_child_goes_on_by_itself(self):
        child = self._create_child()
        child.picking_ids.do_unreserve()
        child._set_continuity_hold("Instalment 1 is declined.")

        child._set_continuity_hold(False)

        self.assertFalse(child.continuity_payment_hold)
        self.assertEqual(child.picking_ids.state, 'assigned')
        self._deliver(child)
        self.assertEqual(child.picking_ids.state, 'done')

    def test_child_made_ahead_leaves_from_the_delivery_days_on(self):
        self.company.continuity_delivery_days = 3
        child = self._create_child(on=day('2027-01-11'), lead_days=10)

        for on, allowed in (('2027-01-01', False), ('2027-01-07', False), ('2027-01-08', True), ('2027-02-01', True)):
            with self.subTest(on):
                order = child.with_context(continuity_as_of=on)
                self.assertEqual(not order._get_continuity_window_refusal(), allowed)

        self._force(child)
        with self.assertRaisesRegex(UserError, "may be delivered and invoiced from 01/08/2027 on"):
            child.picking_ids.with_context(continuity_as_of='2027-01-07').button_validate()
        child.picking_ids.with_context(continuity_as_of='2027-01-08').button_validate()
        self.assertEqual(child.picking_ids.state, 'done')

    def test_lead_days_are_the_window_by_default(self):
        child = self._create_child(on=day('2027-01-11'), lead_days=10)

        self.assertIsNone(child.with_context(continuity_as_of='2027-01-01')._get_continuity_window_refusal())

    def test_not_invoiced_before_the_window(self):
        self.books[0].invoice_policy = 'order'
        self.company.continuity_delivery_days = 3
        child = self._create_child(on=day('2027-01-11'), lead_days=10)

        with self.assertRaisesRegex(UserError, "may be delivered and invoiced from"):
            child.with_context(continuity_as_of='2027-01-07')._create_invoices()
        invoice = child.with_context(continuity_as_of='2027-01-08')._create_invoices()

        self.assertEqual(invoice.amount_total, 22.0)

    def test_plain_orders_are_not_concerned(self):
        self.company.continuity_delivery_days = 0
        order = self.env['sale.order'].create(
            {'partner_id': self.customer.id, 'order_line': [(0, 0, {'product_id': self.books[0].id})]}
        )
        order.action_confirm()
        self._deliver(order)
        self.assertEqual(order.picking_ids.state, 'done')
