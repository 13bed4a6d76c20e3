import logging

from odoo import api, models
from odoo.exceptions import UserError

from ..base.isolation import isolate_each

_logger = logging.getLogger(__name__)

#: The mails that have a document with them, by the name of their template, and the record's field that holds it.
DOCUMENTS = {'bill': 'id', 'credit': 'id', 'charged': 'invoice_id', 'refunded': 'invoice_id'}


class MailTemplate(models.Model):
    _inherit = 'mail.template'

    @api.model
    def _send_continuity(self, name, records):
        """Queue a mail of this addon about each record; one that cannot be made is noted on its record, and stops
        nothing.

        :param str name: ``bill`` for ``continuity_program.mail_template_bill``; nothing is sent where it was deleted.
        """
        if not records or not self._get_continuity(name):
            return
        for record, error in isolate_each(
            self.env, [*records], lambda part: self._queue_continuity(name, records.browse().union(*part))
        ):
            _logger.info("The mail %s of %s could not be made", name, record, exc_info=error)
            record._message_log(body=self.env._("It could not be mailed: %(error)s", error=error))

    @api.model
    def _queue_continuity(self, name, records):
        """Queue a mail of this addon about each record.

        It is written in the transaction of what it tells, so that the one is never without the other, and sent by
        Odoo's queue, so that a mail server that fails stops nothing.

        :raise UserError: where its template was deleted.
        """
        template = self._get_continuity(name)
        if not template:
            raise UserError(
                self.env._("The mail template “%(name)s” was deleted. Update the app to get it back.", name=name)
            )
        mails = template.sudo().send_mail_batch(records.ids, email_layout_xmlid='mail.mail_notification_layout')
        if name in DOCUMENTS:
            for mail, record in zip(mails, records, strict=True):
                mail.continuity_document_id = record[DOCUMENTS[name]]

    @api.model
    def _get_continuity(self, name):
        return self.env.ref(f'continuity_program.mail_template_{name}', raise_if_not_found=False)
