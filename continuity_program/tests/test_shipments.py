from odoo.tests import tagged

from .common import day
from .common_regressions import RegressionCase


@tagged('post_install', '-at_install')
class TestShipments(RegressionCase):
    def test_changed_date_moves_the_whole_shipment(self):
        subscription = self._sell(self._create_program([{'event_number': 1}, {'event_number': 1}, {'event_number': 2}]))

        subscription.line_ids[0].date_planned = day('2027-01-04')

        self.assertEqual(self._get_dates(subscription), ['2027-01-04', '2027-01-04', '2027-02-01'])
        self.assertEqual(self._run_job('create_orders', day('2027-01-03')).done_count, 0)
        self.assertEqual(self._run_job('create_orders', day('2027-01-04')).done_count, 1)
        self.assertEqual(subscription.child_order_ids.order_line.mapped('product_id.name'), ["Book 1", "Book 2"])

    def test_line_moved_into_a_shipment_takes_its_date(self):
        subscription = self._sell(self._create_program(3))

        subscription.line_ids[2].event_number = 2

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-02-01'])

    def test_line_added_to_a_shipment_takes_its_date(self):
        subscription = self._sell(self._create_program(3))

        line = self.env['continuity.line'].create(
            {
                'subscription_id': subscription.id,
                'product_id': self.books[5].id,
                'event_number': 2,
                'date_planned': day('2027-01-09'),
            }
        )

        self.assertEqual(line.date_planned, day('2027-02-01'))

    def test_cancelled_backorder_completes_the_line(self):
        subscription = self._sell(self._create_program([{'quantity': 4}]))
        self._run_job('create_orders')
        child, line = subscription.child_order_ids, subscription.line_ids
        picking = child.picking_ids
        picking.move_ids.write({'quantity': 2, 'picked': True})
        picking._action_done()
        self.assertEqual(line.state, 'ordered')

        (child.picking_ids - picking).action_cancel()

        self.assertEqual((line.state, line.is_invoiced), ('delivered', False))
        self._run_job('process_payments', day('2027-01-20'))
        self.assertEqual(child.invoice_ids.mapped('amount_total'), [44.0])
        self.assertTrue(line.is_invoiced)

    def test_child_line_lowered_to_nothing_is_cancelled(self):
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')

        subscription.child_order_ids.order_line.product_uom_qty = 0

        line = subscription.line_ids[0]
        self.assertEqual((line.state, line.is_invoiced), ('cancelled', False))

    def _hold_delivered_child(self):
        """Return a child order that is delivered, and held for payment since."""
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self._deliver(child)
        child._set_continuity_hold("Instalment 1 is declined.")
        return child

    def test_hold_lets_a_customer_return(self):
        child = self._hold_delivered_child()
        returned = self._start_return(child.picking_ids)
        returned.move_ids.write({'quantity': 1, 'picked': True})

        returned.button_validate()

        self.assertEqual(returned.state, 'done')
        self.assertEqual(child.order_line.qty_delivered, 0.0)

    def test_hold_lets_a_return_be_reserved(self):
        child = self._hold_delivered_child()

        returned = self._start_return(child.picking_ids)

        self.assertEqual((returned.state, returned.move_ids.quantity), ('assigned', 1.0))


@tagged('post_install', '-at_install')
class TestEndedSubscription(RegressionCase):
    def test_ended_subscription_takes_no_lines(self):
        subscription = self._sell_for(self.agent)
        subscription._cancel()

        with self.assertRefused("has ended: nothing can be added"):
            self.env['continuity.line'].with_user(self.agent).create(
                {'subscription_id': subscription.id, 'product_id': self.books[4].id, 'date_planned': self.today}
            )

        self.assertEqual((subscription.next_date, subscription.amount_planned), (False, 0.0))

    def test_ended_subscription_takes_no_address_and_no_way_of_paying(self):
        subscription = self._sell_for(self.agent).with_user(self.agent)
        subscription.sudo()._cancel()
        for values, label in (
            ({'partner_shipping_id': self.elsewhere.id}, "Delivery Address"),
            ({'payment_method': 'token'}, "Payment Method"),
        ):
            with self.subTest(label), self.assertRefused(f"is cancelled: its {label} cannot be changed"):
                subscription.write(values)

    def test_quantity_cannot_rise_again_from_nothing(self):
        subscription = self._sell(self._create_program(3), quantity=2)
        subscription.order_line_id.product_uom_qty = 0
        self.assertEqual(subscription.state, 'cancelled')

        with self.assertRefused("has ended: its quantity cannot change"):
            subscription.order_line_id.product_uom_qty = 2

        self.assertEqual((subscription.state, subscription.quantity), ('cancelled', 0.0))

    def test_planned_line_stays_in_its_subscription(self):
        line = self._sell_for(self.agent).line_ids[0].with_user(self.agent)
        other = self._sell_for(self.agent)

        with self.assertRefused("cannot move to another subscription"):
            line.subscription_id = other

        self.assertEqual(len(other.line_ids), 3)

    def test_parent_line_stays_on_its_order(self):
        subscription = self._sell(self._create_program(3), confirm=False)
        other = self.env['sale.order'].create({'partner_id': self.elsewhere.id})

        with self.assertRefused("cannot move to another order"):
            subscription.order_line_id.order_id = other

        self.assertFalse(other.order_line)
