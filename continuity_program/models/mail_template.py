import logging

from psycopg2 import OperationalError

from odoo import api, models

_logger = logging.getLogger(__name__)


class MailTemplate(models.Model):
    _inherit = 'mail.template'

    @api.model
    def _send_continuity(self, name, record):
        """Queue a mail of this addon about a record; one that cannot be made is noted there, and stops nothing.

        :param str name: ``bill`` for ``continuity_program.mail_template_bill``.
        """
        try:
            with self.env.cr.savepoint():
                self._queue_continuity(name, record)
        except OperationalError:
            raise
        except Exception as error:
            _logger.info("The mail %s of %s could not be made", name, record, exc_info=True)
            record._message_log(body=self.env._("It could not be mailed: %(error)s", error=error))

    @api.model
    def _queue_continuity(self, name, record):
        """Queue a mail of this addon about a record, for whom has not deleted its template.

        The mail is written in the transaction of what it tells, and sent by Odoo's queue: the one is never without the
        other, and a mail server that fails stops nothing.
        """
        template = self.env.ref(f'continuity_program.mail_template_{name}', raise_if_not_found=False)
        if template:
            template.sudo().send_mail(record.id)
