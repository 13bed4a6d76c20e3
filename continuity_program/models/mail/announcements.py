from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date

from ...domain import gate


class ContinuitySubscription(models.Model):
    """Announcing shipments, and declining announced ones (``docs/behaviour.md#announcements``)."""

    _inherit = 'continuity.subscription'

    # === JOB: ANNOUNCE === #

    @api.model
    def _job_announce_domain(self, as_of):
        """Return the running subscriptions with a shipment that is to be announced, and those whose card expires."""
        silent = self.env['continuity.line']._get_unannounced_domain(as_of)
        is_due = Domain('state', '=', 'running') & Domain('line_ids', 'any', silent)
        return is_due | self._get_expiring_card_domain(as_of)

    def _job_announce_process(self, batch):
        self._announce_expiring_cards(batch.as_of)
        for subscription in self:
            shipments = subscription._get_shipments_to_announce(batch.as_of)
            refusal = subscription._get_announce_refusal() if shipments else None
            if refusal:
                batch.skip(subscription, 'no_email', refusal)
                continue
            for lines in shipments:
                subscription._announce(lines, batch.as_of)
            batch.done += 1

    def _job_announce_preview(self, batch):
        rows = []
        for subscription in self:
            refusal = subscription._get_announce_refusal()
            for lines in subscription._get_shipments_to_announce(batch.as_of):
                values = subscription._prepare_announcement(lines, batch.as_of)
                rows.append(
                    {
                        **subscription._prepare_preview_row(),
                        'line_ids': lines.ids,
                        'skipped': refusal or False,
                        'change': self.env._(
                            "%(products)s: %(what)s",
                            products=', '.join(lines.mapped('product_id.display_name')),
                            what=subscription._get_announcement_text(values['decline_until']),
                        ),
                        'date': values.get('date_planned', lines[0].date_planned),
                    }
                )
        return rows + self._preview_expiring_cards(batch.as_of)

    def _get_announce_refusal(self):
        """Return why the customer cannot be told of shipments, or nothing."""
        self.ensure_one()
        if self.partner_id.email:
            return None
        return self.env._(
            "%(partner)s has no email address. Enter one, or ask the customer and choose Ship Now.",
            partner=self.partner_id.display_name,
        )

    def _get_shipments_to_announce(self, as_of):
        """Return the lines of each shipment to announce, by date.

        :rtype: list[continuity.line]
        """
        self.ensure_one()
        if self.state != 'running':
            return []
        silent = self.env['continuity.line'].search(
            Domain('subscription_id', '=', self.id) & self.env['continuity.line']._get_unannounced_domain(as_of),
            order='date_planned, event_number, id',
        )
        shipments = {}
        for line in silent:
            lines = line._get_shipment_lines()
            shipments[lines.ids[0]] = lines
        return list(shipments.values())

    def _announce(self, lines, as_of):
        """Tell the customer what is coming.

        The mail is not one that may fail: without it the shipment is not announced.
        """
        self.ensure_one()
        values = self._prepare_announcement(lines, as_of)
        lines._unguarded().write(values)
        self.env['mail.template']._queue_continuity('announcement', lines[0])
        self._log_change(self._get_announcement_text(values['decline_until']), lines)

    def _prepare_announcement(self, lines, as_of):
        """Return what is written on the lines of a shipment announced on the day: the reply time is never shortened, so
        that the shipment moves where it has to. What is paid in advance cannot be declined."""
        self.ensure_one()
        reply_days = self.program_id.reply_days
        if self.bill_upfront or not reply_days:
            return {'announced_date': as_of, 'decline_until': False}
        deadline = as_of + timedelta(days=reply_days)
        values = {'announced_date': as_of, 'decline_until': deadline}
        if lines[0].date_planned <= deadline:
            values |= {'date_planned': deadline + timedelta(days=1), 'date_overridden': True}
        return values

    def _get_announcement_text(self, deadline):
        if not deadline:
            return self.env._("announced")
        return self.env._("announced, may be declined until %(date)s", date=format_date(self.env, deadline))

    # === WHAT FOLLOWS FROM IT === #

    def _get_silence_refusal(self, lines):
        """Return why no child order of the lines is made before they are announced, as (code, text), or nothing."""
        if not lines._get_unannounced():
            return None
        refusal = gate.Refusal('not_announced')
        return refusal.code, self.env['continuity.wording']._word(refusal)

    def _announce_with_order(self):
        """Count as announced what goes out at once: the customer was told when he ordered."""
        for subscription in self.sudo():
            today = subscription.company_id._get_continuity_today()
            horizon = today + timedelta(days=subscription.program_id._get_announce_days())
            subscription.line_ids._filtered_planned().filtered(
                lambda line, first=subscription.next_date, horizon=horizon: line.date_planned == first <= horizon
            )._count_as_announced(today)

    # === DECLINING === #

    def _decline(self, lines):
        """Skip an announced shipment that the customer does not want.

        :param lines: the lines of one shipment.
        :raise UserError: where it cannot be declined, or not any more.
        """
        self.ensure_one()
        reason = self._get_decline_refusal(lines)
        if reason:
            raise UserError(reason)
        planned = lines.filtered(lambda line: line.state == 'planned')
        self._skip(planned, self.env._("Declined"))
        planned._unguarded().is_declined = True
        self._log_change(self.env._("declined by the customer"), planned, author=self.partner_id)

    def _get_decline_refusal(self, lines):
        """Return why an announced shipment cannot be declined, or nothing."""
        self.ensure_one()
        values = {'number': lines[:1].event_number, 'subscription': self.display_name}
        if lines.filtered('is_declined'):
            return self.env._("Shipment %(number)s of %(subscription)s has been declined already.", **values)
        if not lines.filtered(lambda line: line.state == 'planned'):
            return self.env._("Shipment %(number)s of %(subscription)s is on its way already.", **values)
        return self._get_deadline_refusal(lines) or self._get_skip_refusal(lines)

    def _take_back_decline(self, lines):
        """Send a shipment after all that the customer has declined.

        :param lines: the lines of one shipment.
        :raise UserError: where it was not declined, or it is too late.
        """
        self.ensure_one()
        reason = self._get_take_back_refusal(lines)
        if reason:
            raise UserError(reason)
        declined = lines.filtered('is_declined')
        declined._unguarded().write({'is_skipped': False, 'skip_reason': False, 'is_declined': False})
        self._recount_left()
        self._log_change(self.env._("wanted after all by the customer"), declined, author=self.partner_id)

    def _get_take_back_refusal(self, lines):
        """Return why a declined shipment cannot be sent after all, or nothing."""
        self.ensure_one()
        if not lines.filtered('is_declined'):
            return self.env._(
                "Shipment %(number)s of %(subscription)s has not been declined.",
                number=lines[:1].event_number,
                subscription=self.display_name,
            )
        if self.state != 'running':
            return self._get_state_refusal()
        if self.event_count and self._get_standing().count_bought() >= self.event_count:
            return self.env._(
                "Another shipment has taken the place of shipment %(number)s of %(subscription)s.",
                number=lines[:1].event_number,
                subscription=self.display_name,
            )
        return self._get_deadline_refusal(lines)

    def _get_deadline_refusal(self, lines):
        """Return why the customer's choice about a shipment is not taken any more, or nothing."""
        deadline = lines[:1].decline_until
        if deadline and self.company_id._get_continuity_today() <= deadline:
            return None
        if not deadline:
            return self.env._(
                "Shipment %(number)s of %(subscription)s was not announced to be declined.",
                number=lines[:1].event_number,
                subscription=self.display_name,
            )
        return self.env._(
            "Shipment %(number)s of %(subscription)s could be declined until %(date)s.",
            number=lines[:1].event_number,
            subscription=self.display_name,
            date=format_date(self.env, deadline),
        )
