from freezegun import freeze_time

from odoo.fields import Command

from .common import day
from .common_payments import PaymentCase


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
