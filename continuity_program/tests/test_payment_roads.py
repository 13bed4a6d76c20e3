from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payment_roads import RoadCase


class Roads:
    """Each road, and what undoes it: for the invoice of ``self.amounts`` that ``_make_invoice`` returns."""

    amounts = ()
    #: What a part of the invoice is credited with, untaxed, and what the instalments then are.
    credit_untaxed = 0.0
    after_credit = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        cls.payments = case._bill(case._sell_it())
        cls.invoice = cls.payments.invoice_id
        cls.lines = cls.payments.move_line_id
        case._check_open()

    def _sell_it(self):
        raise NotImplementedError

    def _check(self, *expected):
        """Check (state, open amount) of each instalment, and that the invoice owes their sum."""
        self.assertEqual(self._get_open(self.payments), list(expected))
        owed = self.invoice.currency_id.round(sum(amount for _state, amount in expected))
        self.assertEqual(self.invoice.amount_residual, owed)

    def _check_paid(self, *numbers):
        """Check that exactly these instalments are paid, and the others open in full."""
        self._check(
            *(
                ('paid', 0.0) if number in numbers else ('billed', amount)
                for number, amount in enumerate(self.amounts, start=1)
            )
        )

    def _check_open(self):
        self._check_paid()

    def _check_not_settled(self, *numbers):
        """Check that these instalments count as open although Odoo keeps the reconciliation with a draft."""
        self._check(
            *(('billed', 0.0 if number in numbers else amount) for number, amount in enumerate(self.amounts, start=1))
        )

    def test_registered_on_one_line(self):
        payment = self._register(self.lines[1])
        self.assertEqual(payment.amount, self.amounts[1])
        self._check_paid(2)

        payment.action_draft()
        self._check_not_settled(2)
        payment.action_post()
        self._check_paid(2)
        self._cancel(payment)
        self._check_open()

    def test_registered_on_the_invoice_pays_the_next_one(self):
        first = self._register(self.invoice)
        self.assertEqual(first.amount, self.amounts[0])
        self._check_paid(1)

        second = self._register(self.invoice)
        self.assertEqual(second.amount, self.amounts[1])
        self._check_paid(1, 2)

        self._cancel(first)
        self._check_paid(2)
        self._cancel(second)
        self._check_open()

    def test_bank_statement(self):
        statement_line = self._import_statement(self.amounts[1])
        self._match(statement_line, self.lines[1])
        self._check_paid(2)
        self.assertAlmostEqual(self.customer.credit, self.amounts[0] + self.amounts[2])

        statement_line.action_undo_reconciliation()

        self._check_open()
        self.customer.invalidate_recordset(['credit'])
        self.assertAlmostEqual(self.customer.credit, sum(self.amounts))

    def test_online_payment_of_the_invoice_covers_the_earliest(self):
        transaction = self._pay_online(self.amounts[0] + self.amounts[1], invoice_ids=[Command.set(self.invoice.ids)])
        self._check_paid(1, 2)

        transaction.payment_id.action_draft()
        self._check_not_settled(1, 2)
        transaction.payment_id.action_cancel()
        self._check_open()

    def test_credit_note_for_a_part(self):
        credit_note = self._credit(self.invoice, self.credit_untaxed)
        credit_note.action_post()
        self._check(*self.after_credit)

        credit_note.button_draft()
        self._check(*(('billed', amount) for _state, amount in self.after_credit))
        credit_note.button_cancel()
        self._check_open()

    def test_part_of_an_instalment_leaves_it_open(self):
        part = self._register(self.lines[0], amount=5.0)
        rest = (self.amounts[1], self.amounts[2])
        left = self.invoice.currency_id.round(self.amounts[0] - 5.0)
        self._check(('billed', left), ('billed', rest[0]), ('billed', rest[1]))

        other_part = self._register(self.lines[0])
        self.assertEqual(other_part.amount, left)
        self._check_paid(1)

        self._cancel(part)
        self._check(('billed', 5.0), ('billed', rest[0]), ('billed', rest[1]))
        self._cancel(other_part)
        self._check_open()


@tagged('post_install', '-at_install')
class TestRoadsOfChild(Roads, RoadCase):
    amounts = (11.0, 6.6, 4.4)
    credit_untaxed = 12.0
    after_credit = (('billed', 8.8), ('paid', 0.0), ('paid', 0.0))

    def _sell_it(self):
        return self._sell_shipment()


@tagged('post_install', '-at_install')
class TestRoadsOfParent(Roads, RoadCase):
    amounts = (34.65, 20.79, 13.86)
    credit_untaxed = 40.0
    after_credit = (('billed', 25.3), ('paid', 0.0), ('paid', 0.0))

    def _sell_it(self):
        return self._sell_upfront()

    def test_registered_in_full_on_the_invoice(self):
        payment = self._register(self.invoice, installments_mode='full', amount=sum(self.amounts))
        self._check_paid(1, 2, 3)
        self.assertEqual(self.customer.credit, 0.0)

        self.invoice.line_ids.remove_move_reconcile()
        self._check_open()
        self.assertEqual(payment.state, 'in_process')

    def test_bank_statement_for_two_instalments_out_of_order(self):
        statement_line = self._import_statement(self.amounts[0] + self.amounts[2])
        self._match(statement_line, self.lines[0] + self.lines[2])
        self._check_paid(1, 3)

        statement_line.action_undo_reconciliation()

        self._check_open()

    def test_outstanding_credit(self):
        payment = self._receive(self.amounts[0] + self.amounts[1])
        self.invoice.invalidate_recordset(['invoice_outstanding_credits_debits_widget'])
        [credit] = self.invoice.invoice_outstanding_credits_debits_widget['content']
        self.assertEqual(credit['account_payment_id'], payment.id)

        self.invoice.js_assign_outstanding_line(credit['id'])
        self._check_paid(1, 2)

        partials = {partial.debit_move_id: partial for partial in self.invoice.line_ids.matched_credit_ids}
        self.assertEqual(set(partials), {self.lines[0], self.lines[1]})
        self.invoice.js_remove_outstanding_partial(partials[self.lines[0]].id)
        self._check_paid(2)
        self.invoice.js_remove_outstanding_partial(partials[self.lines[1]].id)
        self._check_open()

    def test_full_credit_note(self):
        credit_note = self._credit(self.invoice)
        self._check_open()

        credit_note.action_post()
        self._check_paid(1, 2, 3)
        self.assertEqual(self.invoice.payment_state, 'reversed')
        self.assertFalse(credit_note.line_ids.continuity_payment_id)

        credit_note.button_draft()
        self._check_not_settled(1, 2, 3)
        credit_note.action_post()
        self._check_paid(1, 2, 3)
        credit_note.button_draft()
        credit_note.button_cancel()
        self._check_open()

    def test_credit_note_in_draft_that_is_deleted(self):
        credit_note = self._credit(self.invoice)
        credit_note.action_post()
        credit_note.button_draft()

        credit_note.with_context(force_delete=True).unlink()

        self._check_open()

    def test_write_off_by_a_journal_entry(self):
        entry = self._write_off(self.lines[2], self.amounts[2])
        self._check_paid(3)

        entry.button_draft()
        self._check_not_settled(3)
        entry.action_post()
        self._check_paid(3)
        entry.line_ids.remove_move_reconcile()
        self._check_open()

    def test_write_off_of_the_rest_when_paying(self):
        payment = self._register(
            self.lines[0],
            amount=self.amounts[0] - 0.65,
            payment_difference_handling='reconcile',
            writeoff_account_id=self.loss_account.id,
        )
        self.assertAlmostEqual(payment.amount, self.amounts[0] - 0.65)
        self._check_paid(1)

        self._cancel(payment)
        self._check_open()

    def test_chargeback_of_what_the_bank_had_confirmed(self):
        payment = self._register(self.lines[1])
        outstanding_line = payment.move_id.line_ids - payment.move_id.line_ids.filtered(
            lambda line: line.account_id == self.lines[1].account_id
        )
        statement_line = self._import_statement(self.amounts[1])
        self._match(statement_line, outstanding_line)
        self.assertEqual(payment.state, 'paid')
        self._check_paid(2)

        self._cancel(payment)

        self._check_open()
        _liquidity_lines, _suspense_lines, other_line = statement_line._seek_for_lines()
        self.assertEqual(other_line.amount_residual, -self.amounts[1])

    def test_paid_out_of_order(self):
        statement_line = self._import_statement(self.amounts[2])
        self._match(statement_line, self.lines[2])
        self._check_paid(3)
        first = self._register(self.invoice)
        self.assertEqual(first.amount, self.amounts[0])
        self._check_paid(1, 3)

        statement_line.action_undo_reconciliation()
        self._check_paid(1)
        self._cancel(first)
        self._check_open()

    def test_two_documents_settle_one_instalment(self):
        self._register(self.lines[0], amount=5.0)
        left = self.invoice.currency_id.round(self.amounts[0] - 5.0)
        entry = self._write_off(self.lines[0], left)
        self._check_paid(1)

        entry.button_draft()
        self._check(('billed', 0.0), ('billed', self.amounts[1]), ('billed', self.amounts[2]))
        entry.button_cancel()
        self._check(('billed', left), ('billed', self.amounts[1]), ('billed', self.amounts[2]))

    def test_invoice_in_draft_settles_nothing_and_keeps_what_was_paid(self):
        self._register(self.lines[1])
        self.invoice.button_draft()
        self.assertEqual(self.payments.mapped('state'), ['scheduled'] * 3)

        self.invoice.action_post()

        self.assertEqual(self.payments.move_line_id, self.lines)
        self._check_paid(2)


@tagged('post_install', '-at_install')
class TestRoadsInForeignCurrency(RoadCase):
    """Billed when 1.00 is 2 crowns, paid when it is 2.5."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.crown = cls.env['res.currency'].create(
            {
                'name': "CRW",
                'symbol': "cr",
                'rate_ids': [
                    Command.create({'name': '2026-01-01', 'rate': 2.0, 'company_id': cls.company.id}),
                    Command.create({'name': '2027-01-31', 'rate': 2.5, 'company_id': cls.company.id}),
                ],
            }
        )
        cls.pricelist = cls.env['product.pricelist'].create({'name': "Crowns", 'currency_id': cls.crown.id})

    def setUp(self):
        super().setUp()
        self.payments = self._bill(self._sell_upfront(order={'pricelist_id': self.pricelist.id}))
        self.lines = self.payments.move_line_id
        self._check_open()

    def _check_open(self):
        self.assertEqual(self._get_open(self.payments), [('billed', 69.3), ('billed', 41.58), ('billed', 27.72)])
        self.assertEqual(self.lines.mapped('amount_residual'), [34.65, 20.79, 13.86])

    def _check_second_paid(self):
        self.assertEqual(self._get_open(self.payments), [('billed', 69.3), ('paid', 0.0), ('billed', 27.72)])
        exchange_entry = self.lines[1].matched_credit_ids.exchange_move_id
        self.assertEqual(exchange_entry.amount_total_signed, 4.16)
        return exchange_entry

    def test_payment_at_another_rate(self):
        payment = self._register(self.lines[1], payment_date='2027-01-31')
        self.assertEqual((payment.amount, payment.currency_id), (41.58, self.crown))
        self._check_second_paid()

        payment.action_draft()
        self.assertEqual(self.payments.mapped('state'), ['billed'] * 3)
        payment.action_cancel()
        self._check_open()

    def test_bank_statement_at_another_rate(self):
        statement_line = self._import_statement(
            16.63, date=day('2027-01-31'), foreign_currency_id=self.crown.id, amount_currency=41.58
        )
        self._match(statement_line, self.lines[1])
        self._check_second_paid()

        statement_line.action_undo_reconciliation()

        self._check_open()

    def test_exchange_entry_taken_back_opens_nothing(self):
        self._register(self.lines[1], payment_date='2027-01-31')
        exchange_entry = self._check_second_paid()

        self.lines[1].remove_move_reconcile()

        self._check_open()
        self.assertEqual(exchange_entry.reversal_move_ids.mapped('state'), ['posted'])
