from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import day
from .common_payments import ChargeCase


@tagged('post_install', '-at_install')
class TestReceipts(ChargeCase):
    """Each bill, charge, credit note and refund tells the customer once, with the document."""

    def _get_mails(self, records):
        return self.env['mail.mail'].search([('model', '=', records._name), ('res_id', 'in', records.ids)])

    def _send(self, mail):
        """Send a mail of the queue, and return the names of what it has with it."""
        names, server = [], self.registry['ir.mail_server']
        prepare = self.registry['mail.mail']._prepare_outgoing_list

        def keep(sent, *args, **kwargs):
            names.extend(sent.attachment_ids.mapped('name'))
            return prepare(sent, *args, **kwargs)

        with (
            patch.object(server, '_connect__', lambda *args, **kwargs: None),
            patch.object(server, '_disable_send', lambda *args: False),
            patch.object(server, 'send_email', lambda *args, **kwargs: 'sent'),
            patch.object(self.registry['mail.mail'], '_prepare_outgoing_list', keep),
        ):
            mail.auto_delete = False
            mail.send()
        return names

    def test_each_charge_is_told_once_with_the_invoice(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        first, second, _third = subscription.payment_ids.sorted('number')
        bill = first.invoice_id

        mail = self._get_mails(first)
        self.assertEqual(mail.recipient_ids, self.customer)
        self.assertIn('23.10', mail.body_html)
        self.assertIn('46.20', mail.body_html)
        self.assertIn(bill.get_portal_url(), mail.body_html)
        self.assertEqual(mail.continuity_document_id, bill)
        self.assertTrue(bill.is_move_sent)
        self.assertFalse(self._get_mails(bill))

        self._run_job('process_payments')
        self._run_job('process_payments', day('2027-01-31'))
        self.assertEqual([len(self._get_mails(payment)) for payment in (first, second)], [1, 1])

    def test_a_receipt_leaves_with_the_pdf_of_the_invoice(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        first = subscription.payment_ids.sorted('number')[0]

        names = self._send(self._get_mails(first))

        self.assertEqual(names, [first.invoice_id.invoice_pdf_report_id.name])
        self.assertTrue(names[0].endswith('.pdf'))

    def test_where_no_pdf_can_be_made_it_leaves_with_the_link(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        mail = self._get_mails(subscription.payment_ids)
        report = self.registry['ir.actions.report']

        with (
            patch.object(report, '_pre_render_qweb_pdf', side_effect=UserError("There is no wkhtmltopdf.")),
            self.assertLogs('odoo.addons.continuity_program.models.mail.receipts', 'WARNING'),
        ):
            names = self._send(mail)

        self.assertEqual(names, [])
        self.assertEqual(mail.state, 'sent')

    def test_a_declined_card_is_no_receipt(self):
        self.answers = ['error', 'done']
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        first = subscription.payment_ids.sorted('number')[0]
        subjects = self._get_mails(first).mapped('subject')
        self.assertEqual(len(subjects), 1)
        self.assertIn('declined', subjects[0])

        self._run_job('process_payments', day('2027-01-04'))

        self.assertEqual(len(self._get_mails(first)), 2)
        self.assertEqual(self._get_mails(first).mapped('continuity_document_id'), first.invoice_id)

    def test_books_that_fail_tell_nothing_until_they_are_kept(self):
        transaction = self.registry['payment.transaction']
        with patch.object(transaction, '_create_payment', side_effect=UserError("The journal is locked.")):
            subscription = self._sell_upfront()
            with self.assertLogs('odoo.addons.continuity_program.models.payment.charging', 'WARNING'):
                self._run_job('process_payments')
        first = subscription.payment_ids.sorted('number')[0]
        self.assertEqual(first.state, 'processing')
        self.assertFalse(self._get_mails(first))

        self._run_job('process_payments')
        self._run_job('process_payments')

        self.assertEqual((first.state, len(self._get_mails(first)), len(self.ledger)), ('paid', 1, 1))

    def test_what_follows_a_charge_undoes_no_books(self):
        subscription = self._sell_upfront()
        failing = ('_hand_on_token', '_mail_receipt', '_notify_overpayment')
        transaction = self.registry['payment.transaction']
        for name in failing:
            patcher = patch.object(transaction, name, side_effect=UserError("Not today."))
            patcher.start()
            self.addCleanup(patcher.stop)

        with self.assertLogs('odoo.addons.continuity_program.models.payment.transaction', 'WARNING') as logs:
            self._run_job('process_payments')

        self.assertEqual(subscription.payment_ids.sorted('number')[0].state, 'paid')
        self.assertEqual(len(logs.output), len(failing))

    def test_a_credit_note_is_told_when_it_is_posted_and_once(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        bill = subscription.payment_ids.invoice_id
        note = bill._draft_continuity_credit("Stopped")
        self.assertFalse(self._get_mails(note))

        note.action_post()
        note.button_draft()
        note.action_post()

        mail = self._get_mails(note)
        self.assertEqual((len(mail), mail.continuity_document_id, note.is_move_sent), (1, note, True))
        self.assertIn(note.name, mail.subject)

    def test_a_credit_note_of_anything_else_is_not(self):
        invoice = self.env['account.move'].create(
            {
                'move_type': 'out_invoice',
                'partner_id': self.customer.id,
                'invoice_line_ids': [(0, 0, {'product_id': self.books[0].id, 'price_unit': 20.0})],
            }
        )
        invoice.action_post()
        note = invoice._reverse_moves()
        note.action_post()
        self.assertFalse(self._get_mails(note))

    def test_a_refund_is_told_once(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        first = subscription.payment_ids.sorted('number')[0]
        refund = first.transaction_ids._create_child_transaction(10.0, is_refund=True)
        refund._set_done()
        refund._post_process()
        refund._post_process()

        mails = self._get_mails(first).filtered(lambda mail: 'refund' in mail.subject)
        self.assertEqual((len(mails), mails.continuity_document_id), (1, first.invoice_id))
        self.assertIn('10.00', mails.body_html)

    def test_on_account_the_bill_is_told_and_a_transfer_is_not(self):
        subscription = self._sell(
            self._create_program(3, bill_upfront=True), payment_method='on_account', payment_token_id=False
        )
        self._run_job('process_payments')
        bill = subscription.payment_ids.invoice_id
        self.assertEqual((len(self._get_mails(bill)), bill.is_move_sent), (1, True))

        self._pay(subscription.payment_ids)
        self._run_job('process_payments')

        self.assertEqual((len(self._get_mails(bill)), len(self._get_mails(subscription.payment_ids))), (1, 0))

    def test_a_plan_changed_to_on_account_has_its_bill_sent_after_the_receipt(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        bill = subscription.payment_ids.invoice_id
        self.assertFalse(self._get_mails(bill))

        subscription.write({'payment_method': 'on_account'})

        self.assertEqual(len(self._get_mails(bill)), 1)

    def test_the_switch_of_the_company(self):
        self.company.continuity_mail_bills = False
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        bill = subscription.payment_ids.invoice_id
        bill._draft_continuity_credit("Stopped").action_post()

        self.assertFalse(self._get_mails(subscription.payment_ids))
        self.assertFalse(self._get_mails(bill | bill.reversal_move_ids))
        self.assertFalse(bill.is_move_sent)

    def test_in_the_customers_language(self):
        self.env['res.lang']._activate_lang('nl_NL')
        self.customer.lang = 'nl_NL'
        template = self.env.ref('continuity_program.mail_template_charged')
        template.with_context(lang='nl_NL').subject = "Bon {{ object.invoice_id.name }}"
        subscription = self._sell_upfront()

        self._run_job('process_payments')

        mail = self._get_mails(subscription.payment_ids)
        self.assertEqual(mail.subject, f"Bon {subscription.payment_ids.invoice_id.name}")
