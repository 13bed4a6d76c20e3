"""When a payment is billed, to the day: not before its order may be, and not again."""

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestTooEarly(ContinuityCase):
    """A child order made ahead may be billed from its delivery days on, however early bills go out."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({'continuity_lead_days': 10, 'continuity_delivery_days': 2, 'continuity_bill_lead_days': 8})
        halves = cls._create_schedule("In halves", (50.0, 0), (50.0, 30))
        cls.program = cls._create_program(1, payment_term_id=halves.id)

    def _sell_ahead(self, **values):
        """Return the first instalment of a child order made on 22 January for 1 February."""
        subscription = self._sell(self.program, start_date=day('2027-02-01'), **values)
        self._run_job('create_orders', day('2027-01-22'))
        self.assertEqual(subscription.payment_ids.mapped('due_date'), [day('2027-02-01'), day('2027-03-03')])
        return subscription.payment_ids[0]

    def test_a_bill_waits_for_the_first_day_on_which_its_order_may_be_billed(self):
        payment = self._sell_ahead()
        self.assertEqual(self._run_job('process_payments', day('2027-01-23')).selected_count, 0)
        for on in ('2027-01-24', '2027-01-29'):
            run = self._run_job('process_payments', day(on))

            self.assertEqual((run.selected_count, run.skipped_count), (1, 1))
            self.assertEqual(run.issue_ids.mapped('kind'), ['too_early'])
            self.assertIn("may be delivered and invoiced from 01/30/2027 on", run.issue_ids.reason)
            self.assertEqual((payment.state, payment.is_parked), ('scheduled', False))
            self.assertFalse(payment.order_id.invoice_ids)

        run = self._run_job('process_payments', day('2027-01-30'))

        self.assertEqual((run.selected_count, run.done_count), (1, 1))
        self.assertEqual((payment.state, payment.order_id.invoice_ids.amount_total), ('billed', 22.0))

    def test_one_that_is_too_early_holds_back_no_other(self):
        early = self._sell_ahead()
        other = self._sell(self._create_program(1, bill_upfront=True)).payment_ids

        run = self._run_job('process_payments', day('2027-01-25'))

        self.assertEqual((run.done_count, run.skipped_count, run.failed_count), (1, 1, 0))
        self.assertEqual((early.state, other.state), ('scheduled', 'billed'))

    def test_a_card_is_not_charged_before_its_order_may_be_billed_even_if_somebody_wants_it(self):
        self._create_token()
        payment = self._sell_ahead()
        self.assertEqual(payment.method, 'token')

        answer = payment.with_context(continuity_as_of='2027-01-29')._charge_now(commit=False)

        self.assertEqual(answer['params']['type'], 'warning')
        self.assertIn("may be delivered and invoiced from 01/30/2027 on", answer['params']['message'])
        self.assertFalse(payment.transaction_ids)

    def test_what_is_billed_already_is_charged(self):
        """The days were other ones when it was billed."""
        self._create_token(demo_simulated_state='done')
        payment = self._sell_ahead()
        self.company.continuity_delivery_days = 10
        payment.order_id.with_context(continuity_as_of='2027-01-25')._create_invoices().action_post()
        self.company.continuity_delivery_days = 2

        payment.with_context(continuity_as_of='2027-01-25')._charge_now(commit=False)

        self.assertEqual((payment.state, payment.transaction_ids.mapped('amount')), ('paid', [11.0]))


@tagged('post_install', '-at_install')
class TestCancelledBill(ContinuityCase):
    def test_a_cancelled_bill_lets_the_quantity_change_and_is_made_anew(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True))
        self._run_job('process_payments')
        bill = subscription.order_id.invoice_ids
        with self.assertRaises(UserError) as caught:
            subscription.order_line_id.product_uom_qty = 2
        self.assertIn("is billed in advance: its quantity cannot change", str(caught.exception))

        bill.button_draft()
        bill.button_cancel()
        subscription.order_line_id.product_uom_qty = 2
        self._run_job('process_payments')

        self.assertEqual(subscription.line_ids.mapped('quantity'), [2.0, 2.0])
        bills = subscription.order_id.invoice_ids
        self.assertEqual(
            [(move.state, move.amount_total) for move in bills.sorted('id')], [('cancel', 45.1), ('posted', 90.2)]
        )
        self.assertEqual(subscription.payment_ids.move_line_id.move_id, bills - bill)
