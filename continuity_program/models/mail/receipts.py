import logging

from odoo import fields, models

from ..base.isolation import isolate

_logger = logging.getLogger(__name__)


class AccountMove(models.Model):
    """Bills and credit notes, mailed once (``docs/behaviour.md#payments``)."""

    _inherit = 'account.move'

    def _mail_continuity_documents(self, name):
        """Queue a mail with each of these documents that the customer has not got yet, where the company mails them.

        The mark that it was sent is of the same transaction as the mail, and as what is told.

        :param str name: the template, as for ``mail.template._send_continuity``.
        """
        told = self.filtered(lambda move: not move.is_move_sent and move._is_continuity_mailed())
        told.sudo().is_move_sent = True
        self.env['mail.template']._send_continuity(name, told)

    def _is_continuity_mailed(self):
        """Whether the customer is told of the document: the company does, and there is an address."""
        self.ensure_one()
        return self.company_id.continuity_mail_bills and bool(self.partner_id.email)

    def _mail_continuity_credits(self):
        """Tell the customers of credit notes on bills of plans."""
        notes = self.filtered(lambda note: note.reversed_entry_id.continuity_has_plan and note.amount_total)
        notes._mail_continuity_documents('credit')

    def _get_continuity_attachments(self):
        """Return the document as Odoo sends it: its PDF, made now where there is none yet, and its electronic form.

        Nobody but the customer gets it by this: no web service is called.
        """
        self.ensure_one()
        sending = self.env['account.move.send'].sudo()
        if not self.invoice_pdf_report_id:
            sending._generate_and_send_invoices(
                self, allow_raising=False, allow_fallback_pdf=False, sending_methods=[], extra_edis=[]
            )
        return sending._get_invoice_extra_attachments(self)


class ContinuityPayment(models.Model):
    """Receipts of charges and refunds."""

    _inherit = 'continuity.payment'

    def _mail_receipt(self, name):
        """Tell the customer of the last charge, or refund, of each instalment."""
        told = self.filtered(lambda payment: payment.invoice_id._is_continuity_mailed())
        told.invoice_id.is_move_sent = True
        self.env['mail.template']._send_continuity(name, told)

    def _get_last_charge(self):
        """Return the transaction that a receipt is about."""
        self.ensure_one()
        return self.sudo().transaction_ids.filtered(lambda tx: tx.state == 'done').sorted('id')[-1:]

    def _get_last_refund(self):
        """Return the transaction of the last refund that is done, or nothing."""
        self.ensure_one()
        refunds = self.sudo().transaction_ids.child_transaction_ids
        return refunds.filtered(lambda tx: tx.operation == 'refund' and tx.state == 'done').sorted('id')[-1:]


class MailMail(models.Model):
    """Mails that have a bill or credit note with them: its PDF is made when the mail leaves, not while bills are made
    or cards charged, and where it cannot be made the mail goes with its link."""

    _name = 'mail.mail'
    _inherit = ['mail.mail', 'continuity.guard.mixin']

    continuity_document_id = fields.Many2one(
        comodel_name='account.move',
        string="Invoice Attached",
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
        help="Attached when the mail is sent.",
    )

    def send(self, auto_commit=False, raise_exception=False, post_send_callback=None):
        for mail in self.filtered('continuity_document_id'):
            mail._attach_continuity_document()
        return super().send(
            auto_commit=auto_commit, raise_exception=raise_exception, post_send_callback=post_send_callback
        )

    def _attach_continuity_document(self):
        document = self.continuity_document_id
        with isolate(self.env) as outcome:
            self.attachment_ids |= document._get_continuity_attachments()
        if outcome.error:
            text = "%s is mailed with its link only: its PDF could not be made"
            _logger.warning(text, document.display_name, exc_info=outcome.error)
