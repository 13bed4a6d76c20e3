from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .test_charges import ChargeCase
from .test_payments import PaymentCase

NOTHING_TO_INVOICE = "No items are available to invoice"


class RoadCase(PaymentCase):
    """Invoices in three unequal instalments, and the roads by which accountants, banks and customers pay them.

    It is noon of 1 January 2027, for Odoo's own wizards too.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time('2027-01-01 12:00:00'))
        cls.term = cls._create_schedule("50, 30 and 20 %", (50, 0), (30, 30), (20, 60))
        cls.bank_journal = cls.env['account.journal'].search(
            [('type', '=', 'bank'), ('company_id', '=', cls.company.id)], limit=1
        )
        cls.misc_journal = cls.env['account.journal'].search(
            [('type', '=', 'general'), ('company_id', '=', cls.company.id)], limit=1
        )
        cls.loss_account = cls.env['account.account'].search(
            [('account_type', '=', 'expense'), ('company_ids', 'in', cls.company.ids)], limit=1
        )

    # === SELLING === #

    def _sell_upfront(self, **values):
        """Sell 63.00 + 10 % in advance: instalments of 34.65, 20.79 and 13.86."""
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.term.id)
        return self._sell(program, **values)

    def _sell_shipment(self, **values):
        """Sell a plan whose first child order bills 20.00 + 10 %: instalments of 11.00, 6.60 and 4.40."""
        subscription = self._sell(self._create_program(2, payment_term_id=self.term.id), **values)
        self._run_job('create_orders')
        return subscription

    def _bill(self, subscription):
        """Bill the first instalments and return them."""
        self._run_job('process_payments')
        self.assertEqual(subscription.payment_ids.invoice_id.mapped('state'), ['posted'])
        return subscription.payment_ids.sorted('number')

    def _get_open(self, payments):
        """Return (state, open amount) of each instalment."""
        return [
            (payment.state, payment.currency_id.round(payment.move_line_id.amount_residual_currency))
            for payment in payments
        ]

    # === ROADS === #

    def _register(self, records, **values):
        """Pay by *Register Payment*, on invoices or on receivable lines."""
        return (
            self.env['account.payment.register']
            .with_context(active_model=records._name, active_ids=records.ids)
            .create(values)
            ._create_payments()
        )

    def _receive(self, amount, **values):
        """Enter a customer's payment that is for no invoice yet."""
        payment = self.env['account.payment'].create(
            {
                'payment_type': 'inbound',
                'partner_type': 'customer',
                'partner_id': self.customer.id,
                'journal_id': self.bank_journal.id,
                'amount': amount,
                **values,
            }
        )
        payment.action_post()
        return payment

    def _cancel(self, document):
        document.action_draft()
        document.action_cancel()

    def _import_statement(self, amount, **values):
        return self.env['account.bank.statement.line'].create(
            {
                'journal_id': self.bank_journal.id,
                'date': day('2027-01-01'),
                'payment_ref': "Transfer of Ann",
                'partner_id': self.customer.id,
                'amount': amount,
                **values,
            }
        )

    def _match(self, statement_line, lines):
        """Reconcile a line of a bank statement with journal items, as the bank widget does."""
        _liquidity_lines, suspense_line, _other_lines = statement_line._seek_for_lines()
        suspense_line.account_id = lines.account_id
        (suspense_line + lines).reconcile()

    def _write_off(self, line, amount):
        """Reconcile a receivable line with a journal entry that books a loss."""
        entry = self.env['account.move'].create(
            {
                'journal_id': self.misc_journal.id,
                'date': day('2027-01-01'),
                'line_ids': [
                    Command.create({'account_id': self.loss_account.id, 'debit': amount}),
                    Command.create(
                        {'account_id': line.account_id.id, 'partner_id': line.partner_id.id, 'credit': amount}
                    ),
                ],
            }
        )
        entry.action_post()
        (entry.line_ids.filtered('credit') + line).reconcile()
        return entry

    def _credit(self, invoice, untaxed=None):
        """Make a draft credit note by the button on the invoice; of a part of it, if ``untaxed`` is given."""
        action = (
            self.env['account.move.reversal']
            .with_context(active_model='account.move', active_ids=invoice.ids)
            .create({'journal_id': invoice.journal_id.id})
            .refund_moves()
        )
        credit_note = self.env['account.move'].browse(action['res_id'])
        if untaxed:
            credit_note.invoice_line_ids.price_unit = untaxed
        return credit_note

    def _pay_online(self, amount, **values):
        """Let the customer pay in the portal, and Odoo enter it in the books."""
        provider = self.env.ref('payment.payment_provider_demo')
        provider.sudo().state = 'test'
        transaction = (
            self.env['payment.transaction']
            .sudo()
            .create(
                {
                    'provider_id': provider.id,
                    'payment_method_id': self.env.ref('payment_demo.payment_method_demo').id,
                    'operation': 'online_direct',
                    'amount': amount,
                    'currency_id': self.company.currency_id.id,
                    'partner_id': self.customer.id,
                    **values,
                }
            )
        )
        transaction._set_done()
        transaction._post_process()
        return transaction


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


class CardCase(RoadCase, ChargeCase):
    """The same instalments, of a customer whose card is charged."""

    def _get_charged(self):
        return [amount for _reference, amount in self.ledger]

    def _charge_first(self):
        """Sell a plan in advance and charge its first instalment."""
        payments = self._bill(self._sell_upfront())
        self.assertEqual(self._get_open(payments), [('paid', 0.0), ('scheduled', 20.79), ('scheduled', 13.86)])
        self.assertEqual(self._get_charged(), [34.65])
        return payments

    def _order_with_prepayment(self, amount):
        """Return the instalments of a quotation that the customer confirms by paying online."""
        subscription = self._sell_upfront(confirm=False)
        order = subscription.order_id
        order.write({'require_payment': True, 'prepayment_percent': 0.5})
        self._pay_online(amount, sale_order_ids=[Command.set(order.ids)])
        self.assertEqual(order.state, 'sale')
        return subscription.payment_ids.sorted('number')


@tagged('post_install', '-at_install')
class TestCardRoads(CardCase):
    def test_charge_whose_payment_is_cancelled_is_open_and_left_to_a_human(self):
        payments = self._charge_first()
        payment = payments.transaction_ids.payment_id

        payment.action_draft()
        self.assertEqual(self._get_open(payments)[0], ('scheduled', 0.0))
        payment.action_cancel()
        self.assertEqual(self._get_open(payments)[0], ('scheduled', 34.65))
        run = self._run_job('process_payments', day('2027-01-02'))

        self.assertEqual(run.issue_ids.mapped('res_id'), payments[0].ids)
        self.assertIn("was charged already", payments[0].park_reason)
        self.assertEqual(self._get_charged(), [34.65])
        self._register(payments[0].move_line_id)
        self.assertEqual(self._get_open(payments)[0], ('paid', 0.0))
        self.assertFalse(payments[0].is_parked)
        self.assertFalse(payments[0].activity_ids)

    def test_invoice_that_replaces_another_takes_over_its_instalments(self):
        """*Reverse and Create Invoice*: the old bill is credited, the new one goes on with what was paid."""
        subscription = self._sell_upfront()
        payments = self._bill(subscription)
        old = payments.invoice_id
        action = (
            self.env['account.move.reversal']
            .with_context(active_model='account.move', active_ids=old.ids)
            .create({'journal_id': old.journal_id.id})
            .modify_moves()
        )
        new = self.env['account.move'].browse(action['res_id'])
        self.assertEqual((payments.invoice_id, payments.mapped('state')), (new, ['scheduled'] * 3))

        new.invoice_line_ids.price_unit = 60.0
        new.action_post()

        self.assertEqual(self._get_open(payments), [('paid', 0.0), ('scheduled', 20.79), ('scheduled', 10.56)])
        self.assertEqual(old.payment_state, 'reversed')
        for on in ('2027-01-31', '2027-03-02'):
            self._run_job('process_payments', day(on))
        self.assertEqual([amount for _reference, amount in self.ledger], [34.65, 20.79, 10.56])
        self.assertEqual(new.amount_residual, 0.0)

    def test_more_time_given_on_the_bill_counts_for_the_card(self):
        subscription = self._sell_upfront()
        payments = self._bill(subscription)

        payments[1].move_line_id.date_maturity = day('2027-02-15')

        self.assertEqual(payments[1].due_date, day('2027-02-15'))
        self._run_job('process_payments', day('2027-02-14'))
        self.assertEqual(len(self.ledger), 1)
        self._run_job('process_payments', day('2027-02-15'))
        self.assertEqual(self.ledger[1:], [(f'CP-{payments[1].id}-1', 20.79)])

    def test_a_charge_is_in_the_books_where_odoo_waits_for_the_bank(self):
        """With Odoo's accounting a provider needs no outstanding account: its payments have no entry of their own."""
        provider = self.token.provider_id
        lines = provider.journal_id.inbound_payment_method_line_ids
        lines.filtered(lambda line: line.payment_provider_id == provider).payment_account_id = False
        self.patch(self.registry['account.move'], '_get_invoice_in_payment_state', lambda _move: 'in_payment')
        subscription = self._sell_upfront()

        payments = self._bill(subscription)

        self.assertEqual(self._get_open(payments)[0], ('paid', 0.0))

    def test_card_is_charged_only_what_is_left(self):
        payments = self._charge_first()
        part = self._register(payments[1].move_line_id, amount=5.0)
        self.assertEqual(self._get_open(payments)[1], ('scheduled', 15.79))

        self._run_job('process_payments', day('2027-01-31'))

        self.assertEqual(self._get_charged(), [34.65, 15.79])
        self.assertEqual(self._get_open(payments)[1], ('paid', 0.0))
        self._cancel(part)
        self.assertEqual(self._get_open(payments)[1], ('scheduled', 5.0))

    def test_decline_tells_what_was_tried(self):
        payments = self._charge_first()
        self._register(payments[1].move_line_id, amount=5.0)
        self.answers = ['error']

        self._run_job('process_payments', day('2027-01-31'))

        mail = self.env['mail.mail'].search([('subject', 'like', "your card was declined")])
        self.assertIn("15.79", mail.body_html)
        self.assertNotIn("20.79", mail.body_html)

    def test_card_is_not_charged_for_what_came_by_bank(self):
        payments = self._charge_first()
        statement_line = self._import_statement(20.79)
        self._match(statement_line, payments[1].move_line_id)

        self._run_job('process_payments', day('2027-01-31'))
        self.assertEqual(self._get_charged(), [34.65])

        statement_line.action_undo_reconciliation()
        self._run_job('process_payments', day('2027-02-01'))
        self.assertEqual(self._get_charged(), [34.65, 20.79])
        self.assertEqual(self._get_open(payments), [('paid', 0.0), ('paid', 0.0), ('scheduled', 13.86)])

    def test_card_waits_while_the_counterpart_is_in_draft(self):
        payments = self._charge_first()
        payment = self._register(payments[1].move_line_id)
        payment.action_draft()
        self.assertEqual(self._get_open(payments)[1], ('scheduled', 0.0))

        self._run_job('process_payments', day('2027-01-31'))
        self.assertEqual(self._get_charged(), [34.65])

        payment.action_cancel()
        self._run_job('process_payments', day('2027-02-01'))
        self.assertEqual(self._get_charged(), [34.65, 20.79])
        self.assertEqual(self._get_open(payments)[1], ('paid', 0.0))

    def test_card_is_not_charged_for_an_order_paid_online(self):
        payments = self._order_with_prepayment(69.3)

        for on in ('2027-01-01', '2027-01-31', '2027-03-02'):
            self._run_job('process_payments', day(on))

        self.assertEqual(self.ledger, [])
        self.assertEqual(self._get_open(payments), [('paid', 0.0)] * 3)
        self.assertEqual(self.customer.credit, 0.0)

    def test_prepayment_online_comes_off_the_earliest(self):
        payments = self._order_with_prepayment(40.0)

        self._run_job('process_payments')
        self.assertEqual(self.ledger, [])
        self.assertEqual(self._get_open(payments), [('paid', 0.0), ('scheduled', 15.44), ('scheduled', 13.86)])
        for on in ('2027-01-31', '2027-03-02'):
            self._run_job('process_payments', day(on))

        self.assertEqual(self._get_charged(), [15.44, 13.86])
        self.assertEqual(self._get_open(payments), [('paid', 0.0)] * 3)
        self.assertEqual(self.customer.credit, 0.0)

    def test_customer_pays_two_online_and_the_card_the_third(self):
        self.answers = ['error']
        payments = self._bill(self._sell_upfront())
        self.assertEqual(payments.mapped('state'), ['declined', 'scheduled', 'scheduled'])

        self._pay_online(55.44, invoice_ids=[Command.set(payments.invoice_id.ids)])
        for on in ('2027-01-04', '2027-01-31', '2027-03-02'):
            self._run_job('process_payments', day(on))

        self.assertEqual(self._get_charged(), [34.65, 13.86])
        self.assertEqual(self._get_open(payments), [('paid', 0.0)] * 3)


@tagged('post_install', '-at_install')
class TestHoldsFollow(CardCase):
    """A child order is held while an instalment is declined, and the hold follows its receivable line."""

    def _decline(self, subscription):
        """Let the first instalment be declined; return it and the child order that is held for it."""
        self.answers = ['error']
        self._run_job('create_orders')
        self._run_job('process_payments')
        payment = subscription.payment_ids.sorted('number')[0]
        self._check_held(payment)
        return payment

    def _check_held(self, payment):
        child = payment.subscription_id.child_order_ids
        self.assertEqual(payment.state, 'declined')
        self.assertTrue(child.continuity_payment_hold)
        self.assertEqual(child.continuity_payment_hold_reason, "instalment 1 of 01/01/2027 is declined.")
        self.assertEqual(child.picking_ids.state, 'confirmed')

    def _check_released(self, payment):
        child = payment.subscription_id.child_order_ids
        self.assertEqual(payment.state, 'paid')
        self.assertFalse(child.continuity_payment_hold)
        self.assertFalse(child.continuity_payment_hold_reason)

    def test_settled_by_bank_and_undone(self):
        payment = self._decline(self._sell_upfront())
        statement_line = self._import_statement(34.65)

        self._match(statement_line, payment.move_line_id)
        self._check_released(payment)
        statement_line.action_undo_reconciliation()
        self._check_held(payment)

    def test_shipment_with_a_schedule_settled_by_bank_and_undone(self):
        payment = self._decline(self._sell_shipment())
        statement_line = self._import_statement(11.0)

        self._match(statement_line, payment.move_line_id)
        self._check_released(payment)
        statement_line.action_undo_reconciliation()
        self._check_held(payment)

    def test_paid_online_and_cancelled(self):
        payment = self._decline(self._sell_upfront())

        transaction = self._pay_online(34.65, invoice_ids=[Command.set(payment.invoice_id.ids)])
        self._check_released(payment)
        self._cancel(transaction.payment_id)
        self._check_held(payment)

    def test_counterpart_reset_to_draft_and_posted_again(self):
        payment = self._decline(self._sell_upfront())
        received = self._register(payment.move_line_id)
        self._check_released(payment)

        received.action_draft()
        self._check_held(payment)
        received.action_post()
        self._check_released(payment)

    def test_credit_note_reset_to_draft_and_cancelled(self):
        payment = self._decline(self._sell_upfront())
        credit_note = self._credit(payment.invoice_id)
        credit_note.action_post()
        self._check_released(payment)

        credit_note.button_draft()
        self._check_held(payment)
        credit_note.button_cancel()
        self._check_held(payment)

    def test_part_of_it_releases_nothing(self):
        payment = self._decline(self._sell_upfront())

        self._register(payment.move_line_id, amount=34.64)
        self._check_held(payment)
        self._register(payment.move_line_id)
        self._check_released(payment)

    def test_charged_at_creation_and_charged_back(self):
        self.company.continuity_charge_moment = 'creation'
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self._run_job('process_payments')
        self.assertEqual(self._get_charged(), [22.0])
        self.assertFalse(child.continuity_payment_hold)

        self._cancel(subscription.payment_ids.transaction_ids.payment_id)

        self.assertTrue(child.continuity_payment_hold)
        self.assertEqual(child.continuity_payment_hold_reason, "it is delivered once its card payment has succeeded.")


class TakeOverCase(RoadCase):
    def _get_invoices(self, *orders):
        """Return (state, total) of the invoices of orders, those cancelled left out."""
        invoices = self.env['sale.order'].concat(*orders).invoice_ids.filtered(lambda move: move.state != 'cancel')
        return sorted((invoice.state, invoice.amount_total) for invoice in invoices.sudo())

    def _check_billed_once(self, subscription, order=None):
        """Check that the invoice bills the whole plan in its instalments, and that nothing bills it again."""
        order = order or subscription.order_id
        payments = subscription.payment_ids.sorted('number')
        invoice = payments.invoice_id
        for on in ('2027-01-01', '2027-06-01'):
            self._run_job('process_payments', day(on))
        with self.assertRaisesRegex(UserError, NOTHING_TO_INVOICE):
            order._create_invoices()
        self.assertEqual(self._get_invoices(order), [('posted', sum(payments.mapped('amount')))])
        self.assertEqual(payments.invoice_id, order.invoice_ids.filtered(lambda move: move.state != 'cancel'))
        if invoice:
            self.assertEqual(payments.invoice_id, invoice)
        return payments

    def _invoice(self, orders, **values):
        """Invoice orders by the button on them."""
        self.env['sale.advance.payment.inv'].with_context(active_model='sale.order', active_ids=orders.ids).create(
            values
        ).create_invoices()
        return orders.invoice_ids

    def _add_lamp(self, subscription, **values):
        """Add an ordinary product of 50.00 + 10 % to a quotation, billed when ordered."""
        lamp = self._create_product("Lamp", 50.0, invoice_policy='order', type='consu')
        subscription.order_id.order_line = [Command.create({'product_id': lamp.id, **values})]

    def _create_ordinary_order(self):
        lamp = self._create_product("Lamp", 50.0, invoice_policy='order')
        order = self.env['sale.order'].create(
            {'partner_id': self.customer.id, 'order_line': [Command.create({'product_id': lamp.id})]}
        )
        order.action_confirm()
        return order


@tagged('post_install', '-at_install')
class TestInvoicesTakenOver(TakeOverCase):
    def test_draft_made_by_hand(self):
        subscription = self._sell_upfront()
        by_hand = subscription.order_id._create_invoices()
        self.assertEqual(self._get_open(subscription.payment_ids), [('scheduled', a) for a in (34.65, 20.79, 13.86)])

        payments = self._check_billed_once(subscription)

        self.assertEqual(payments.invoice_id, by_hand)
        self.assertEqual(self._get_open(payments), [('billed', 34.65), ('billed', 20.79), ('billed', 13.86)])
        self.assertEqual(self.customer.credit, 69.3)

    def test_posted_by_hand(self):
        subscription = self._sell_upfront()
        by_hand = subscription.order_id._create_invoices()
        by_hand.action_post()
        self.assertEqual(
            self._get_open(subscription.payment_ids), [('billed', 34.65), ('billed', 20.79), ('billed', 13.86)]
        )

        payments = self._check_billed_once(subscription)

        self.assertEqual(payments.invoice_id, by_hand)
        self.assertEqual(self.customer.credit, 69.3)

    def test_made_by_the_button(self):
        subscription = self._sell_upfront()

        invoice = self._invoice(subscription.order_id, advance_payment_method='delivered')

        self.assertEqual(self._check_billed_once(subscription).invoice_id, invoice)

    def test_shipment_made_by_hand(self):
        subscription = self._sell(self._create_program(1))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self._deliver(child)

        by_hand = self._invoice(child)

        payments = self._check_billed_once(subscription, child)
        self.assertEqual(payments.invoice_id, by_hand)
        self.assertEqual(self._get_open(payments), [('billed', 22.0)])

    def test_several_orders_by_one_click(self):
        plans = [self._sell_upfront(), self._sell_upfront()]
        shipment = self._sell_shipment()
        child = shipment.child_order_ids
        ordinary = self._create_ordinary_order()
        orders = plans[0].order_id | plans[1].order_id | child | ordinary

        self._invoice(orders, consolidated_billing=True)

        self.assertEqual(
            self._get_invoices(orders), [('draft', 22.0), ('draft', 55.0), ('draft', 69.3), ('draft', 69.3)]
        )
        self.assertFalse(ordinary.invoice_ids.continuity_payment_ids)
        for plan in plans:
            self._check_billed_once(plan)
        self._check_billed_once(shipment, child)
        self.assertEqual(self._get_invoices(ordinary), [('draft', 55.0)])
        self.assertEqual(self.customer.credit, 160.6)

    def test_several_orders_of_which_one_is_not_to_be_invoiced_yet(self):
        subscription = self._sell(self._create_program(1))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        ordinary = self._create_ordinary_order()

        self._invoice(child | ordinary, consolidated_billing=True)

        self.assertEqual(self._get_invoices(child | ordinary), [('draft', 55.0)])

    def test_other_goods_are_invoiced_before_the_plan(self):
        program = self._create_program(3, bill_upfront=True, upfront_invoice_moment='first_shipment')
        subscription = self._sell(program, confirm=False)
        self._add_lamp(subscription)
        order = subscription.order_id
        order.action_confirm()

        self._invoice(order)
        self.assertEqual(self._get_invoices(order), [('draft', 55.0)])
        with self.assertRaisesRegex(UserError, NOTHING_TO_INVOICE):
            order._create_invoices()

        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments', day('2027-01-02'))
        self.assertEqual(self._get_invoices(order), [('draft', 55.0), ('posted', 69.3)])

    def test_job_leaves_the_other_goods_of_the_order_alone(self):
        subscription = self._sell_upfront(confirm=False)
        self._add_lamp(subscription)
        order = subscription.order_id
        order.action_confirm()

        self._run_job('process_payments')
        self.assertEqual(self._get_invoices(order), [('posted', 69.3)])

        self._invoice(order)
        self.assertEqual(self._get_invoices(order), [('draft', 55.0), ('posted', 69.3)])

    def test_rest_of_a_shipment_of_which_a_part_was_invoiced_by_hand(self):
        subscription = self._sell(self._create_program(1), quantity=2)
        self._run_job('create_orders')
        child = subscription.child_order_ids
        move = child.picking_ids.move_ids
        move.quantity = 1
        move.picked = True
        child.picking_ids._action_done()
        self._invoice(child).action_post()
        self.assertEqual(self._get_open(subscription.payment_ids)[0], ('billed', 22.0))

        self._deliver(child)
        self._run_job('process_payments', day('2027-01-02'))

        self.assertEqual(self._get_invoices(child), [('posted', 22.0), ('posted', 22.0)])
        self.assertEqual(self._get_open(subscription.payment_ids), [('billed', 22.0), ('billed', 22.0)])

    def test_price_lowered_on_the_draft_leaves_no_rest(self):
        subscription = self._sell_shipment()
        invoice = self._invoice(subscription.child_order_ids)
        invoice.invoice_line_ids.price_unit = 15.0

        invoice.action_post()

        self.assertEqual(self._get_open(subscription.payment_ids), [('billed', 11.0), ('billed', 5.5), ('paid', 0.0)])

    def test_draft_that_is_deleted_is_made_anew_once(self):
        subscription = self._sell_upfront()
        subscription.order_id._create_invoices().unlink()
        self.assertFalse(subscription.payment_ids.invoice_id)
        self.assertEqual(subscription.payment_ids.mapped('state'), ['scheduled'] * 3)

        payments = self._check_billed_once(subscription)

        self.assertEqual(self._get_open(payments), [('billed', 34.65), ('billed', 20.79), ('billed', 13.86)])

    def test_cancelled_draft_is_made_anew_once(self):
        subscription = self._sell_upfront()
        cancelled = subscription.order_id._create_invoices()
        cancelled.button_cancel()
        self.assertFalse(subscription.payment_ids.invoice_id)

        payments = self._check_billed_once(subscription)

        self.assertNotEqual(payments.invoice_id, cancelled)
        self.assertEqual(self._get_open(payments), [('billed', 34.65), ('billed', 20.79), ('billed', 13.86)])

    def test_cancelled_bill_is_made_anew_once_and_sent(self):
        self.customer.email = 'ann@example.com'
        subscription = self._sell_upfront()
        payments = self._bill(subscription)
        cancelled = payments.invoice_id
        received = self._register(payments[0].move_line_id)
        cancelled.button_draft()
        cancelled.button_cancel()
        self.assertEqual(payments.mapped('state'), ['scheduled'] * 3)

        self._check_billed_once(subscription)

        self.assertEqual(self._get_open(payments), [('billed', 34.65), ('billed', 20.79), ('billed', 13.86)])
        mails = self.env['mail.mail'].search(
            [('model', '=', 'account.move'), ('res_id', 'in', (cancelled + payments.invoice_id).ids)]
        )
        self.assertEqual(sorted(mails.mapped('res_id')), sorted((cancelled + payments.invoice_id).ids))
        # What was paid of the cancelled one is there to be used.
        self.assertAlmostEqual(self.customer.credit, 34.65)
        self.assertEqual(received.state, 'in_process')

    def test_bill_that_is_deleted_is_made_anew_and_sent(self):
        subscription = self._sell_upfront()
        deleted = self._bill(subscription).invoice_id
        deleted.button_draft()
        deleted.unlink()
        self.assertFalse(any(subscription.payment_ids.mapped('notified_date')))

        payments = self._check_billed_once(subscription)

        self.assertEqual(set(payments.mapped('notified_date')), {self.today})

    def test_bill_reset_to_draft_and_posted_by_the_next_run(self):
        subscription = self._sell_upfront()
        payments = self._bill(subscription)
        lines = payments.move_line_id
        self._register(lines[1])
        payments.invoice_id.button_draft()

        self._check_billed_once(subscription)

        self.assertEqual(payments.move_line_id, lines)
        self.assertEqual(self._get_open(payments), [('billed', 34.65), ('paid', 0.0), ('billed', 13.86)])

    def test_down_payment_comes_off_the_earliest(self):
        subscription = self._sell_upfront()
        order = subscription.order_id
        self._invoice(order, advance_payment_method='fixed', fixed_amount=20.0).action_post()

        self._run_job('process_payments')

        self.assertEqual(self._get_invoices(order), [('posted', 20.0), ('posted', 49.3)])
        payments = subscription.payment_ids.sorted('number')
        self.assertEqual(self._get_open(payments), [('billed', 14.65), ('billed', 20.79), ('billed', 13.86)])
        self.assertAlmostEqual(self.customer.credit, 69.3)


@tagged('post_install', '-at_install')
class TestAutomaticInvoicing(TakeOverCase):
    """Odoo's *Automatic Invoice* of what is paid online."""

    def setUp(self):
        super().setUp()
        self.env['ir.config_parameter'].sudo().set_param('sale.automatic_invoice', 'True')

    def _pay_order(self, subscription, amount):
        order = subscription.order_id
        order.write({'require_payment': True, 'prepayment_percent': 0.25})
        self._pay_online(amount, sale_order_ids=[Command.set(order.ids)])
        self.assertEqual(order.state, 'sale')
        return order

    def test_plan_paid_in_full(self):
        subscription = self._sell_upfront(confirm=False)

        order = self._pay_order(subscription, 69.3)

        payments = self._check_billed_once(subscription)
        self.assertEqual(payments.invoice_id, order.invoice_ids)
        self.assertEqual(self._get_open(payments), [('paid', 0.0)] * 3)
        self.assertEqual(order.invoice_ids.amount_residual, 0.0)
        self.assertEqual(self.customer.credit, 0.0)

    def test_plan_paid_in_part(self):
        subscription = self._sell_upfront(confirm=False)

        subscription.order_id.action_confirm()
        order = self._pay_order(subscription, 20.0)
        self.assertEqual(self._get_invoices(order), [('posted', 20.0)])
        self._run_job('process_payments')

        self.assertEqual(self._get_invoices(order), [('posted', 20.0), ('posted', 49.3)])
        payments = subscription.payment_ids.sorted('number')
        self.assertEqual(self._get_open(payments), [('billed', 14.65), ('billed', 20.79), ('billed', 13.86)])
        self.assertAlmostEqual(self.customer.credit, 49.3)

    def test_plan_that_bills_each_shipment_is_not_on_the_invoice(self):
        subscription = self._sell(self._create_program(2), confirm=False)
        self._add_lamp(subscription)

        order = self._pay_order(subscription, 55.0)

        self.assertEqual(self._get_invoices(order), [('posted', 55.0)])
        self.assertEqual(order.invoice_ids.invoice_line_ids.product_id.name, "Lamp")
        self.assertFalse(subscription.order_line_id.invoice_lines)

    def test_plan_billed_with_the_first_shipment_waits_for_it(self):
        program = self._create_program(3, bill_upfront=True, upfront_invoice_moment='first_shipment')
        subscription = self._sell(program, confirm=False)

        order = self._pay_order(subscription, 69.3)
        self.assertEqual(self._get_invoices(order), [])

        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments', day('2027-01-02'))
        self.assertEqual(self._get_invoices(order), [('posted', 69.3)])
        self.assertEqual(self._get_open(subscription.payment_ids), [('paid', 0.0)])


@tagged('post_install', '-at_install')
class TestCountedOnce(TakeOverCase):
    """What a customer owes, and what is sold, counts once at every moment."""

    def setUp(self):
        super().setUp()
        self.company.account_use_credit_limit = True
        self.company.continuity_delivery_days = 60

    def _check_credit(self, credit, to_invoice):
        self.env.flush_all()
        self.customer.invalidate_recordset(['credit', 'credit_to_invoice'])
        self.assertAlmostEqual(self.customer.credit, credit)
        self.assertAlmostEqual(self.customer.credit_to_invoice, to_invoice)

    def _check_report(self, sold, invoiced, to_invoice):
        """Check the untaxed amounts of all the customer's orders in the sales report."""
        self.env.flush_all()
        [amounts] = self.env['sale.report']._read_group(
            [('partner_id', '=', self.customer.id)],
            aggregates=['price_subtotal:sum', 'untaxed_amount_invoiced:sum', 'untaxed_amount_to_invoice:sum'],
        )
        for found, expected in zip(amounts, (sold, invoiced, to_invoice), strict=True):
            self.assertAlmostEqual(found, expected)

    def test_plan_billed_in_advance(self):
        subscription = self._sell_upfront()
        self._check_credit(0.0, 0.0)
        self._check_report(63.0, 0.0, 0.0)

        subscription.order_id._create_invoices()
        self._check_credit(0.0, 0.0)
        payments = self._bill(subscription)
        self._check_credit(69.3, 0.0)
        self._check_report(63.0, 63.0, 0.0)

        self._run_job('create_orders', day('2027-03-01'))
        self.assertEqual(len(subscription.child_order_ids), 3)
        self._check_credit(69.3, 0.0)
        self._deliver(subscription.child_order_ids)
        self._check_credit(69.3, 0.0)
        self._check_report(63.0, 63.0, 0.0)

        self._register(payments[0].move_line_id)
        self._check_credit(34.65, 0.0)

    def test_plan_that_bills_each_shipment(self):
        subscription = self._sell(self._create_program(2))
        self._check_credit(0.0, 0.0)
        self._check_report(0.0, 0.0, 0.0)

        self._run_job('create_orders')
        self._check_report(20.0, 0.0, 0.0)
        self._deliver(subscription.child_order_ids)
        self._check_credit(0.0, 22.0)
        self._check_report(20.0, 0.0, 20.0)

        self._run_job('process_payments')
        self._check_credit(22.0, 0.0)
        self._check_report(20.0, 20.0, 0.0)

    def test_shipment_billed_before_it_ships(self):
        subscription = self._sell_shipment()
        self._check_credit(0.0, 22.0)
        self._check_report(20.0, 0.0, 20.0)

        self._bill(subscription)
        self._check_credit(22.0, 0.0)
        self._check_report(20.0, 20.0, 0.0)
        self._deliver(subscription.child_order_ids)
        self._check_credit(22.0, 0.0)
        self._check_report(20.0, 20.0, 0.0)

    def test_credit_note_for_a_part_is_not_billed_again(self):
        subscription = self._sell_upfront()
        invoice = self._bill(subscription).invoice_id
        self._credit(invoice, 40.0).action_post()

        self._check_credit(25.3, 0.0)
        self._check_report(63.0, 23.0, 0.0)
        self._check_nothing_to_bill(subscription)

    def test_credited_plan_is_not_billed_again(self):
        subscription = self._sell_upfront()
        invoice = self._bill(subscription).invoice_id
        self._credit(invoice).action_post()

        self._check_credit(0.0, 0.0)
        self._check_report(63.0, 0.0, 0.0)
        self._check_nothing_to_bill(subscription)

    def _check_nothing_to_bill(self, subscription):
        order = subscription.order_id
        self.assertEqual(order.invoice_status, 'no')
        count = len(order.invoice_ids)
        self._run_job('process_payments', day('2027-06-01'))
        with self.assertRaisesRegex(UserError, NOTHING_TO_INVOICE):
            order._create_invoices()
        self.assertEqual(len(order.invoice_ids), count)
