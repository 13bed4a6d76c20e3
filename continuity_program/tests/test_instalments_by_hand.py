from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import day
from .common_payments import ChargeCase


@tagged('post_install', '-at_install')
class TestInstalmentsByHand(ChargeCase):
    """An accountant changes days and amounts of what is open: their sum stays, and it is noted why."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls._create_user('accountant', 'account.group_account_invoice')

    def _sell_in_thirds(self, events=3, method='on_account', **program):
        return self._sell(
            self._create_program(events, bill_upfront=True, payment_term_id=self.thirds.id, **program),
            payment_method=method,
            payment_token_id=self.token.id if method == 'token' else False,
        )

    def _open(self, payments, user=None):
        user = user or self.accountant
        payment = payments.sorted('number')[0].with_user(user)
        action = payment.action_change_instalments()
        return self.env[action['res_model']].with_user(user).with_context(**action['context']).create({})

    def _change(self, payments, rows, reason="Agreed on the phone", user=None):
        """Change instalments in the dialog; ``rows`` are (day as text, amount), the first one first."""
        dialog = self._open(payments, user)
        for line, (text, amount) in zip(dialog.line_ids.sorted('number'), rows, strict=True):
            line.write({'due_date': text, 'amount': amount})
        dialog.reason = reason
        dialog.action_change()

    def _read(self, payments):
        return [(str(payment.due_date), payment.amount) for payment in payments.sorted('number')]

    def _get_notes(self, record):
        return ' '.join(record.message_ids.mapped('body'))

    def test_days_and_amounts_change_and_are_billed_so(self):
        subscription = self._sell_in_thirds()
        payments = subscription.payment_ids

        self._change(payments, [('2027-01-05', 9.3), ('2027-02-15', 30.0), ('2027-04-01', 30.0)])

        self.assertEqual(self._read(payments), [('2027-01-05', 9.3), ('2027-02-15', 30.0), ('2027-04-01', 30.0)])
        for record in (subscription, subscription.order_id):
            notes = self._get_notes(record)
            self.assertIn("Agreed on the phone", notes)
            self.assertIn("01/31/2027", notes)
            self.assertIn("02/15/2027", notes)
        self.assertEqual(self._run_job('process_payments', day('2027-01-04')).selected_count, 0)
        self._run_job('process_payments', day('2027-01-05'))
        bill = payments.invoice_id
        self.assertEqual(
            bill.invoice_payment_term_id.name, "2027-01-05: 9.30 USD, 2027-02-15: 30.00 USD, 2027-04-01: 30.00 USD"
        )
        self.assertEqual(payments.sorted('number').move_line_id.mapped('amount_currency'), [9.3, 30.0, 30.0])

    def test_the_dialog_shows_what_is_left(self):
        subscription = self._sell_in_thirds()
        form = Form(self._open(subscription.payment_ids))
        self.assertEqual((form.total, form.left), (69.3, 0.0))
        with form.line_ids.edit(0) as line:
            line.amount = 20.0
        self.assertEqual((form.total, form.left), (69.3, 3.1))

    def test_what_cannot_be_is_refused_in_words(self):
        subscription = self._sell_in_thirds()
        payments = subscription.payment_ids
        before = self._read(payments)
        for rows, reason, words in (
            ([('2027-01-01', 23.1), ('2027-01-31', 23.1), ('2027-03-02', 23.0)], "x", "69.20 instead of .*69.30"),
            ([('2027-01-01', 23.1), ('2027-01-31', 46.3), ('2027-03-02', -0.1)], "x", "3 cannot be less than 0"),
            ([('2027-01-01', 23.1), (False, 23.1), ('2027-03-02', 23.1)], "x", "2 needs a day"),
            ([('2027-01-02', 23.1), ('2027-01-31', 23.1), ('2027-03-02', 23.1)], " ", "Enter a reason"),
        ):
            with self.subTest(words), self.assertRaisesRegex(UserError, words):
                self._change(payments, rows, reason)
            self.env.invalidate_all()
            self.assertEqual(self._read(payments), before)

    def test_on_a_bill_the_day_moves_and_the_amount_stays(self):
        subscription = self._sell_in_thirds()
        self._run_job('process_payments')
        payments, bill = subscription.payment_ids, subscription.payment_ids.invoice_id

        self._change(payments, [('2027-01-01', 23.1), ('2027-02-20', 23.1), ('2027-03-02', 23.1)])

        second = payments.sorted('number')[1]
        self.assertEqual((second.due_date, second.owed_date), (day('2027-02-20'), day('2027-02-20')))
        self.assertEqual(second.move_line_id.date_maturity, day('2027-02-20'))
        self.assertIn("2027-02-20: 23.10 USD", bill.invoice_payment_term_id.name)
        with self.assertRaisesRegex(UserError, "Installment 1 is on a bill"):
            self._change(payments, [('2027-01-01', 20.0), ('2027-02-20', 26.2), ('2027-03-02', 23.1)])

    def test_a_day_moved_on_the_bill_itself_is_noted(self):
        subscription = self._sell_in_thirds()
        self._run_job('process_payments')
        subscription.payment_ids.sorted('number')[2].move_line_id.date_maturity = day('2027-05-01')
        self.assertIn("05/01/2027", self._get_notes(subscription))

    def test_what_is_paid_stays(self):
        subscription = self._sell_in_thirds(method='token')
        self._run_job('process_payments')
        payments = subscription.payment_ids

        self._change(payments, [('2027-01-01', 23.1), ('2027-02-20', 23.1), ('2027-03-02', 23.1)])
        with self.assertRaisesRegex(UserError, "Installment 1 is paid"):
            self._change(payments, [('2027-01-02', 23.1), ('2027-02-20', 23.1), ('2027-03-02', 23.1)])

        self.assertEqual(self._run_job('process_payments', day('2027-02-19')).selected_count, 0)
        self._run_job('process_payments', day('2027-02-20'))
        self.assertEqual([amount for _reference, amount in self.ledger], [23.1, 23.1])

    def test_a_bill_in_draft_is_posted_or_deleted_first(self):
        subscription = self._sell_in_thirds()
        subscription.order_id._create_invoices()
        with self.assertRaisesRegex(UserError, "which is a draft"):
            self._change(subscription.payment_ids, [('2027-01-02', 23.1), ('2027-01-31', 23.1), ('2027-03-02', 23.1)])

    def test_a_quotation_has_its_schedule(self):
        subscription = self._sell(
            self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id), confirm=False
        )
        with self.assertRaisesRegex(UserError, "is a quotation"):
            self._change(subscription.payment_ids, [('2027-01-02', 23.1), ('2027-01-31', 23.1), ('2027-03-02', 23.1)])

    def test_a_new_amount_is_shared_as_it_was_agreed_and_the_days_stay(self):
        subscription = self._sell_in_thirds(upfront_invoice_moment='first_shipment')
        payments = subscription.payment_ids
        self._change(payments, [('2027-01-05', 9.3), ('2027-02-15', 30.0), ('2027-04-01', 30.0)])

        subscription.quantity = 2.0

        self.assertEqual(self._read(payments), [('2027-01-05', 18.6), ('2027-02-15', 60.0), ('2027-04-01', 60.0)])

    def test_those_of_a_child_order_too(self):
        subscription = self._sell(
            self._create_program(1, payment_term_id=self.thirds.id), payment_method='on_account', payment_token_id=False
        )
        self._run_job('create_orders')
        payments = subscription.payment_ids
        self._change(payments, [('2027-01-05', 2.0), ('2027-02-15', 10.0), ('2027-04-01', 10.0)])

        subscription.child_order_ids.order_line.price_unit = 40.0

        self.assertEqual(self._read(payments), [('2027-01-05', 4.0), ('2027-02-15', 20.0), ('2027-04-01', 20.0)])

    def test_nobody_else_may(self):
        subscription = self._sell_in_thirds()
        clerk = self._create_user('clerk', 'sales_team.group_sale_salesman_all_leads')
        payment = subscription.payment_ids[0].with_user(clerk)
        with self.assertRaises(AccessError):
            payment.action_change_instalments()
        with self.assertRaises(AccessError):
            self.env['continuity.instalments'].with_user(clerk).create({'payment_id': payment.id})

    def test_no_instalment_of_another_plan_is_changed_along(self):
        first, other = self._sell_in_thirds(), self._sell_in_thirds()
        dialog = self._open(first.payment_ids)
        dialog.reason = "x"
        dialog.line_ids.sorted('number')[0].sudo().payment_id = other.payment_ids[0]
        with self.assertRaisesRegex(UserError, "is of another order"):
            dialog.action_change()
