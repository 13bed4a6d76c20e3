from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .test_payments import PaymentCase


@tagged('post_install', '-at_install')
class TestClose(PaymentCase):
    def _finish(self, subscription, pay=True):
        """Send, bill and have paid all shipments of a subscription."""
        self._run_job('create_orders', day('2027-12-31'))
        self._deliver(subscription.child_order_ids.with_context(continuity_as_of='2027-12-31'))
        self._run_job('process_payments', day('2027-12-31'))
        if pay:
            self._pay(subscription.payment_ids)

    def test_finished_subscription_is_done_and_its_order_locked(self):
        subscription = self._sell(self._create_program(2))
        self.assertEqual(self._run_job('close', day('2027-12-31')).selected_count, 0)
        self._finish(subscription)

        run = self._run_job('close', day('2027-12-31'))

        self.assertEqual(run.done_count, 1)
        self.assertEqual(subscription.state, 'done')
        self.assertEqual((subscription.order_id.invoice_status, subscription.order_id.locked), ('invoiced', True))
        self.assertEqual(self._run_job('close', day('2027-12-31')).selected_count, 0)

    def test_unpaid_one_stays_open(self):
        subscription = self._sell(self._create_program(2))
        self._finish(subscription, pay=False)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual(subscription.state, 'running')

    def test_prepaid_one_closes_when_all_is_delivered_and_paid(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True))
        self._finish(subscription)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual(subscription.state, 'done')
        self.assertEqual(subscription.order_id.invoice_status, 'invoiced')

    def test_a_shipment_that_costs_nothing_needs_no_bill(self):
        self.books[0].list_price = 0.0
        subscription = self._sell(self._create_program(2))
        self._finish(subscription)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual(subscription.state, 'done')

    def test_order_with_ordinary_lines_closes_with_them(self):
        lamp = self._create_product("Lamp", 50.0)
        subscription = self._sell(self._create_program(1), confirm=False)
        order = subscription.order_id
        order.order_line = [Command.create({'product_id': lamp.id})]
        order.action_confirm()
        self._finish(subscription)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual(subscription.state, 'done')
        self.assertFalse(order.locked)

    def test_endless_and_waiting_ones_stay_open(self):
        endless = self._sell(self._create_program([{'repeat_forever': True}]))
        waiting = self._sell(self._create_program(2, open_ended=True))
        self._finish(endless | waiting)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual((endless | waiting).mapped('state'), ['running', 'running'])
        self.assertTrue(waiting.is_waiting)
