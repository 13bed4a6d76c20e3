from odoo.fields import Command
from odoo.tests import tagged

from .common import ContinuityCase, day


class PaymentCase(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.thirds = cls.env['account.payment.term'].create(
            {
                'name': "In thirds",
                'line_ids': [
                    Command.create({'value': 'percent', 'value_amount': 33.33, 'nb_days': 0}),
                    Command.create({'value': 'percent', 'value_amount': 33.33, 'nb_days': 30}),
                    Command.create({'value': 'percent', 'value_amount': 33.34, 'nb_days': 60}),
                ],
            }
        )

    def _get_payments(self, subscription):
        """Return the payments as a list of (billed order, due date as text, amount, state)."""
        return [
            (payment.order_id, str(payment.due_date or ''), payment.amount, payment.state)
            for payment in subscription.payment_ids.sorted(lambda payment: (payment.order_id.id, payment.number))
        ]


@tagged('post_install', '-at_install')
class TestPlannedPayments(PaymentCase):
    def test_upfront_is_due_at_confirmation(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True))

        self.assertEqual(
            self._get_payments(subscription), [(subscription.order_id, '2027-01-01', 69.3, 'scheduled')]
        )

    def test_upfront_schedule_counts_from_the_confirmation_day(self):
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program, start_date=day('2027-03-01'))

        order = subscription.order_id
        self.assertEqual(
            self._get_payments(subscription),
            [
                (order, '2027-01-01', 23.10, 'scheduled'),
                (order, '2027-01-31', 23.10, 'scheduled'),
                (order, '2027-03-02', 23.10, 'scheduled'),
            ],
        )

    def test_upfront_payments_are_shown_from_the_draft_on(self):
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program, confirm=False)
        self.assertEqual(subscription.payment_ids.mapped('amount'), [23.10, 23.10, 23.10])

        subscription.order_line_id.product_uom_qty = 2

        self.assertEqual(subscription.payment_ids.mapped('amount'), [46.20, 46.20, 46.20])

    def test_upfront_with_the_first_shipment(self):
        program = self._create_program(3, bill_upfront=True, upfront_invoice_moment='first_shipment')
        subscription = self._sell(program)
        self.assertEqual(self._get_payments(subscription), [(subscription.order_id, '', 69.3, 'scheduled')])
        self.assertFalse(subscription.payment_ids.ready_date)

        self._run_job('create_orders', day('2027-01-01'))
        child = subscription.child_order_ids
        self._deliver(child)

        self.assertEqual(subscription.payment_ids.ready_date, child.continuity_shipped_date)

    def test_shipment_is_due_when_it_ships(self):
        subscription = self._sell(self._create_program(3))
        self.assertFalse(subscription.payment_ids)

        self._run_job('create_orders')

        child = subscription.child_order_ids
        self.assertEqual(self._get_payments(subscription), [(child, '', 22.0, 'scheduled')])
        self.assertFalse(subscription.payment_ids.ready_date)
        self._deliver(child)
        self.assertEqual(child.continuity_shipped_date, child.picking_ids.date_done.date())
        self.assertEqual(subscription.payment_ids.ready_date, child.continuity_shipped_date)

    def test_schedule_of_a_shipment_counts_from_its_planned_date(self):
        self.company.continuity_lead_days = 10
        subscription = self._sell(self._create_program(1, payment_term_id=self.thirds.id), start_date=day('2027-01-05'))

        self._run_job('create_orders')

        child = subscription.child_order_ids
        self.assertEqual(
            self._get_payments(subscription),
            [
                (child, '2027-01-05', 7.33, 'scheduled'),
                (child, '2027-02-04', 7.33, 'scheduled'),
                (child, '2027-03-06', 7.34, 'scheduled'),
            ],
        )

    def test_schedule_of_an_event_wins(self):
        program = self._create_program([{'payment_term_id': self.thirds.id}, {}])
        subscription = self._sell(program)

        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(subscription.payment_ids.mapped('amount'), [7.33, 7.33, 7.34, 23.1])

    def test_prepaid_child_has_none(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True))

        self._run_job('create_orders', day('2027-03-01'))

        self.assertEqual(len(subscription.child_order_ids), 3)
        self.assertEqual(subscription.payment_ids.order_id, subscription.order_id)

    def test_nothing_to_pay_is_paid(self):
        self.books[0].list_price = 0.0
        subscription = self._sell(self._create_program(1))

        self._run_job('create_orders')

        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'])

    def test_child_without_deliveries_ships_on_its_planned_date(self):
        self.books[0].type = 'service'
        subscription = self._sell(self._create_program(1), start_date=day('2027-01-05'))

        self._run_job('create_orders', day('2027-01-10'))

        self.assertEqual(subscription.payment_ids.ready_date, day('2027-01-05'))
