from odoo import models

from ...domain.position import Standing


class ContinuitySubscription(models.Model):
    """Where the plan stands in its program, and how much of it is bought and left: what ``domain/position.py`` says."""

    _inherit = 'continuity.subscription'

    def _get_standing(self):
        """Return the plan beside its program, as plain values.

        :rtype: Standing
        """
        self.ensure_one()
        program = self.program_id
        lines = self.line_ids._program_lines()
        return Standing(
            events=tuple(program._get_events()),
            lines=tuple(line._read_standing() for line in lines),
            resent=tuple(line._read_standing() for line in self.line_ids - lines),
            is_calendar=program.is_calendar,
            start_event=self.start_event,
            event_count=self.event_count,
            end_of_month=program.end_of_month,
            joined=(program.is_calendar and self.anchor_date) or None,
        )

    def _get_own_events(self):
        """Return the program's events for this subscription: in a relative program, from its start event on."""
        return self._get_standing().own_events

    def _recount_left(self):
        """Write how many occurrences are left to plan, and how many the program does not have, after some of those
        planned do not count as bought any more, or another last shipment was agreed. What is paid in advance is planned
        whole."""
        if self.bill_upfront:
            return
        standing = self._get_standing()
        left, missing = standing.count_left_and_missing(standing.planned, self._get_clock(standing))
        self._planning().write(
            {'occurrences_left': self._limit_left(left, self.cancel_after_event), 'missing_event_count': missing}
        )
