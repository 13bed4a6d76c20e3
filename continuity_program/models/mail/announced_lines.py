from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import consteq, hmac


class ContinuityLine(models.Model):
    """Announced shipments: what the customer was told of, and may decline (``docs/behaviour.md#announcements``)."""

    _inherit = 'continuity.line'

    announced_date = fields.Date(string="Announced On", readonly=True, copy=False)
    decline_until = fields.Date(readonly=True, copy=False, help="The customer may decline it until this day.")
    is_declined = fields.Boolean(string="Declined", readonly=True, copy=False)

    _unannounced_idx = models.Index("(program_id, date_planned) WHERE state = 'planned' AND announced_date IS NULL")

    # === WHAT IS TO BE ANNOUNCED === #

    @api.model
    def _get_unannounced_domain(self, as_of):
        """Return the planned lines that are to be announced on the day or before it."""
        programs = (
            self.env['continuity.program']
            .with_context(active_test=False)
            .search([('announce_days', '>', 0), ('company_id', '=', self.env.company.id)])
        )
        return self._get_silent_domain() & Domain.OR(
            Domain('program_id', 'in', same.ids) & Domain('date_planned', '<=', as_of + timedelta(days=days))
            for days, same in programs.grouped(lambda program: program._get_announce_days()).items()
        )

    @api.model
    def _get_silent_domain(self):
        """Return the planned lines not announced; what was added by hand, or is sent again, was asked for."""
        return (
            Domain('state', '=', 'planned')
            & Domain('announced_date', '=', False)
            & Domain('program_event_number', '!=', 0)
            & Domain('replaces_line_id', '=', False)
        )

    def _get_unannounced(self):
        """Return the lines that are not sent before they are announced."""
        return self.filtered(lambda line: line.program_id.announce_days).filtered_domain(self._get_silent_domain())

    def _is_reply_awaited(self, today):
        """Whether the shipment is still to be announced, or may still be declined."""
        return bool(
            self._get_unannounced() or self.filtered(lambda line: line.decline_until and line.decline_until >= today)
        )

    # === WHAT WAS ANNOUNCED === #

    def _count_as_announced(self, today):
        """Note that the customer asked for it himself: there is nothing to announce, or to wait for."""
        told = self.filtered(lambda line: line.program_id.announce_days)
        told._unguarded().write({'announced_date': today, 'decline_until': False})

    def _forget_early_announcements(self):
        """Forget the announcement of shipments that were moved so far back that there is time for another."""
        self.filtered(
            lambda line: (
                line.announced_date
                and line.state == 'planned'
                and line.date_planned - timedelta(days=line.program_id._get_announce_days())
                > line.company_id._get_continuity_today()
            )
        )._forget_announcements()

    def _forget_announcements(self):
        """Forget the announcement of shipments: what the customer was told of them is not true any more."""
        for line in self.filtered(lambda line: line.announced_date and line.state == 'planned'):
            line._get_shipment_lines()._unguarded().write({'announced_date': False, 'decline_until': False})

    # === THE LINK === #

    def _get_announced_lines(self):
        """Return the lines of the shipment, whether the customer has declined it or not."""
        self.ensure_one()
        return self.subscription_id.line_ids.filtered(
            lambda line: (
                line.event_number == self.event_number
                and line.partner_shipping_id == self.partner_shipping_id
                and not line.replaces_line_id
                and line.state != 'cancelled'
                and (line.state != 'skipped' or line.is_declined)
            )
        )

    def _get_announcement_signature(self):
        """Return what proves that a link is about this announcement of this shipment: it ends with it."""
        self.ensure_one()
        message = (self.id, str(self.announced_date), str(self.decline_until))
        return hmac(self.env(su=True), 'continuity-announcement', message)

    def _get_announcement_url(self):
        """Return the link of the mail, where the customer declines the shipment."""
        self.ensure_one()
        return f'{self.get_base_url()}/continuity/announcement/{self.id}/{self._get_announcement_signature()}'

    def _check_announcement_signature(self, signature):
        """Whether a link is about an announcement that still holds and could, or can, be declined."""
        expected = self.exists().decline_until and self._get_announcement_signature()
        # As bytes: a link may have come to anything.
        return bool(expected) and consteq(expected.encode(), signature.encode(errors='replace'))
