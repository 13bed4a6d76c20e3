from odoo import fields, models

from ...domain import schedule
from ...domain.position import Standing


class ContinuitySubscription(models.Model):
    """Where the plan stands in its program (``domain/position.py``), and the customer's own clock: what its dates are
    counted from (``docs/behaviour.md#dates``)."""

    _inherit = 'continuity.subscription'

    clock_line_id = fields.Many2one(
        comodel_name='continuity.program.line',
        string="Counted From Event",
        readonly=True,
        ondelete='set null',
        help="The event that the dates are counted from since the last pause, postponement or change of the program.",
    )
    clock_event = fields.Integer(readonly=True)
    clock_occurrence = fields.Integer(readonly=True)
    clock_months = fields.Integer(readonly=True, help="How far after the anchor date that occurrence stands.")
    clock_days = fields.Integer(readonly=True)

    def _get_clock(self, standing=None):
        """Return what the dates are counted from.

        :param Standing standing: where the plan stands, where that is known already.
        :rtype: schedule.Clock
        """
        self.ensure_one()
        if self.program_id.is_calendar:
            return schedule.Clock()
        event = self.clock_line_id.event_number or self.clock_event
        since = event, self.clock_occurrence
        clock = schedule.Clock(self.anchor_date, self.clock_months, self.clock_days, since)
        if event and not self.clock_line_id:
            # The event has left the program: what the others are numbered now, its number does not tell.
            standing = standing or self._get_standing()
            since = standing.get_position_on(clock.get_day(standing.end_of_month))
        return clock._replace(since=since)

    def _prepare_clock(self, clock):
        """Return the values that keep a clock; those of a program with a fixed calendar are its own."""
        self.ensure_one()
        if self.program_id.is_calendar:
            return {}
        event, occurrence = clock.since
        lines = self.program_id.line_ids.filtered(lambda line: line.event_number == event)
        return {
            'anchor_date': clock.anchor,
            'clock_line_id': lines[:1].id,
            'clock_event': event,
            'clock_occurrence': occurrence,
            'clock_months': clock.months,
            'clock_days': clock.days,
        }

    def _iter_occurrences(self, after, clock=None):
        """Yield the occurrences after a position with the dates they have for this subscription.

        :param clock: the clock to count by, if not the subscription's own.
        """
        standing = self._get_standing()
        return standing.iter_occurrences(clock or self._get_clock(standing), after)

    def _get_following_line(self, since=None):
        """Return the planned line of the program that is sent next.

        :param since: leave out what is dated before this day.
        """
        planned = self.line_ids._filtered_planned().filtered(
            lambda line: line.program_line_id and (not since or line.date_planned >= since)
        )
        return planned.sorted(lambda line: (line.date_planned, line.event_number, line.id))[:1]

    def _get_clock_before(self, line):
        """Return the clock as it stands one step ahead of an occurrence that has a rhythm of its own, else nothing:
        what has a fixed date, or no interval, has none."""
        event = line.program_line_id._prepare_event(1)
        if not any(event.interval) or (event.start_date and line.occurrence == 1):
            return None
        clock, position = self._get_clock(), self._get_position_before(line)
        if position < clock.since:
            # It is late: what lies after it goes by the clock already.
            return clock
        return schedule.set_clock(self._get_own_events(), clock, position, end_of_month=self.program_id.end_of_month)

    def _get_position_before(self, line):
        """Return the position that the plan has ahead of a line: an event that comes in between later is sent."""
        number, occurrence = line._get_position()
        known = self.line_ids.filtered('program_line_id')
        ahead = [other._get_position() for other in known if other._get_position() < (number, occurrence)]
        return (number, occurrence - 1) if occurrence > 1 else max(ahead, default=(number, 0))

    def _move_plan(self, line, clock, day=None):
        """Give the planned lines, from this one on, the dates of a clock.

        :param day: the first day on which anything goes out.
        """
        dates_before = self._get_dates_after(line._get_position(), self._get_clock())
        dates = self._get_dates_after(line._get_position(), clock)
        months, days = line.program_line_id._prepare_event(1).interval
        for planned in self.line_ids._filtered_planned().filtered(
            lambda other: other.date_planned >= line.date_planned
        ):
            date = dates.get(planned._get_position()) if planned.program_line_id else None
            values = {'date_scheduled': date} if date else {}
            # A date changed by hand stays, unless the whole plan was moved and the clock with it.
            is_moved = planned.date_overridden and planned.date_planned != dates_before.get(planned._get_position())
            if is_moved or not date:
                date = planned.date_planned if day else schedule.shift(planned.date_planned, months, days)
            planned._unguarded().write({**values, 'date_planned': max(date, day or date)})
        self.line_ids._filtered_planned()._align_shipments()
        self._unguarded().write(self._prepare_clock(clock))

    def _get_dates_after(self, position, clock):
        """Return the dates by position, from this one on, that a clock gives to what is planned."""
        planned = {line._get_position() for line in self.line_ids}
        dates = {}
        for occurrence in self._iter_occurrences(after=(position[0], position[1] - 1), clock=clock):
            if occurrence.position not in planned and occurrence.position > max(planned):
                break
            dates[occurrence.position] = occurrence.date
        return dates

    def _get_standing(self):
        """Return the plan beside its program, as plain values.

        :rtype: Standing
        """
        self.ensure_one()
        program = self.program_id
        lines = self.line_ids._without_replacements()
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
        self._unguarded().write(
            {'occurrences_left': self._limit_left(left, self.cancel_after_event), 'missing_event_count': missing}
        )

    def _limit_left(self, left, last_number, shipments=()):
        """Return how many occurrences are left to plan, where the last shipment is agreed.

        :param left: how many the program has, -1 = until cancelled.
        :param last_number: the number of the last shipment to be sent, 0 = not agreed.
        :param shipments: numbers of shipments that are about to be planned.
        """
        if not last_number:
            return left
        room = max(last_number - max([*self.line_ids.mapped('event_number'), *shipments], default=0), 0)
        return room if left < 0 else min(left, room)

    def _has_clock(self):
        """Whether what is added to the plan later is dated by a clock of the customer's own that runs already."""
        self.ensure_one()
        return self.state in ('running', 'paused') and not self.program_id.is_calendar

    def _move_clock(self, days):
        """Date what is added to the plan later, and what a pause moves, some days later or earlier."""
        self.ensure_one()
        following = self._get_following_line()
        clock = following and self._get_clock_before(following)
        if clock:
            self._unguarded().write(self._prepare_clock(clock._replace(days=clock.days + days)))
