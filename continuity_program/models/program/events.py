from odoo import api, models
from odoo.fields import Domain

from ...domain import schedule


class ContinuityProgram(models.Model):
    """The events of a program: what is sent when, what sold plans follow, which one runs: the job ``update_events``."""

    _inherit = 'continuity.program'

    def _get_events(self):
        """Return the program's event IDs for the date arithmetic.

        :rtype: list[schedule.Event]
        """
        self.ensure_one()
        return [
            lines[0]._prepare_event(len(lines))
            for _number, lines in sorted(self.line_ids.grouped('event_number').items())
        ]

    def _get_sent_lines(self):
        """Return the event lines that are sent: not those passed over, and none after the first *End*."""
        sent = {event.number for event in schedule.get_sent_events(self._get_events())}
        return self.line_ids.filtered(lambda line: line.event_number in sent)

    @api.model
    def _get_sync_fields(self):
        """Return the fields whose change concerns plans already sold."""
        return {'end_of_month', 'shipping_policy', 'shipping_product_id', 'shipping_amount', 'new_price_date'}

    def _bump_revision(self):
        """Note that plans already sold are behind, and that the running event has to be looked at again."""
        for program in self:
            program.sudo().write({'revision': program.revision + 1, 'last_checked': False})
        self._unpark()

    def _get_announce_days(self):
        """Return how many days before its planned date a shipment is announced: the reply time has to be over when its
        child order is due."""
        lead = self.company_id.continuity_lead_days
        return max(self.announce_days, lead + self.reply_days + 1 if self.reply_days else lead)

    @api.model
    def _job_update_events_domain(self, as_of):
        """Return the calendar programs not looked at on the day ``as_of``."""
        return (
            Domain('active', '=', True)
            & Domain('is_calendar', '=', True)
            & (Domain('last_checked', '=', False) | Domain('last_checked', '!=', as_of))
        )

    def _job_update_events_process(self, batch):
        """Show the event running on the day, however many days were missed."""
        for event, programs in self.grouped(lambda program: program._get_running_event(batch.as_of)).items():
            programs.write({'current_event': event, 'last_checked': batch.as_of})
        batch.done += len(self)

    def _job_update_events_preview(self, batch):
        return [
            {
                **program._prepare_preview_row(),
                'change': self.env._(
                    "%(program)s: event %(old)s → %(new)s",
                    program=program.display_name,
                    old=program.current_event,
                    new=program._get_running_event(batch.as_of),
                ),
                'date': batch.as_of,
            }
            for program in self
        ]

    def _get_running_event(self, day):
        """Return the event ID running on ``day`` in a calendar program."""
        return schedule.get_running(self._get_events(), day, end_of_month=self.end_of_month).event
