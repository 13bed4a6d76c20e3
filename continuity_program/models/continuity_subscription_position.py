from odoo import models

from ..domain import schedule


class ContinuitySubscription(models.Model):
    """Where the plan stands in its program, and how much of it is bought and left."""

    _inherit = 'continuity.subscription'

    # === HOW MUCH IS LEFT === #

    def _count_left_behind(self, position):
        """Return how many occurrences the program has for the plan behind a position, ``None`` = until cancelled."""
        events = self._get_own_events()
        left = schedule.count_left(events, after=position)
        repeats = {event.number: event.repeats for event in schedule.get_sent_events(events)}
        used = [place for place in self._get_closed_positions() if place > position and place[0] in repeats]
        return None if left is None else left - sum(place[1] <= repeats[place[0]] for place in used)

    def _limit_to_bought(self, left, counted):
        """Return how many of what the program has left are bought and not planned, -1 = until cancelled.

        :param counted: how many occurrences count as bought already.
        """
        if self.event_count:
            bought_left = max(self.event_count - counted, 0)
            return bought_left if left is None else min(left, bought_left)
        return -1 if left is None else left

    def _count_left_and_missing(self, planned):
        """Return how many occurrences are bought and not planned, -1 = until cancelled; and how many the program does
        not have.

        :param planned: the positions planned, a set.
        """
        counted = self._count_bought(planned)
        left = self._limit_to_bought(self._count_left_behind(self._get_last_position(planned)), counted)
        return left, max(self.event_count - counted - left, 0) if left >= 0 else 0

    def _count_bought(self, planned):
        """Return how many occurrences count as bought, with those at the positions ``planned``."""
        return len(self._get_bought_positions() | planned) + self._count_gone()

    def _count_again(self):
        """Note how many occurrences are left to plan, and how many the program does not have, after some of those
        planned do not count as bought any more, or another last shipment was agreed. What is paid in advance is planned
        whole."""
        if self.bill_upfront:
            return
        left, missing = self._count_left_and_missing(self._get_planned_positions())
        self._planning().write(
            {'occurrences_left': self._limit_left(left, self.cancel_after_event), 'missing_event_count': missing}
        )

    # === WHERE THE PLAN STANDS IN THE PROGRAM === #

    def _get_own_events(self):
        """Return the program's events for this subscription: in a relative program, from its start event on."""
        events = self.program_id._get_events()
        if self.program_id.is_calendar:
            return events
        # By the program's numbers of today: an event may have been renumbered since.
        start_event = min((line._get_position()[0] for line in self._get_own_lines()), default=self.start_event)
        return [event for event in events if event.number >= start_event]

    def _get_own_lines(self):
        """Return the lines that tell where the plan begins in the program: what has left it does not, unless there is
        nothing else, or it is planned still."""
        lines = self.line_ids._program_lines().filtered('program_event_number')
        return lines.filtered(lambda line: line.program_line_id or line.state == 'planned') or lines

    def _get_planned_positions(self):
        """Return the positions of what is planned and in the program."""
        planned = self.line_ids._planned().filtered('program_line_id')
        return {line._get_position() for line in planned}

    def _get_closed_positions(self):
        """Return the positions not planned any more: all of it was ordered, skipped, or cancelled by people."""
        known = self.line_ids._program_lines().filtered('program_line_id')
        closed = known.filtered(lambda line: not line._is_open_to_program())
        return {line._get_position() for line in closed} - {line._get_position() for line in known - closed}

    def _get_used_lines(self):
        """Return the lines that count as bought besides those planned: skipped ones do not, nor what left the program
        before it was sent."""
        return self.line_ids._program_lines().filtered(
            lambda line: (
                line.program_event_number
                and line.state in ('ordered', 'delivered', 'cancelled')
                and line.cancel_cause != 'program'
            )
        )

    def _get_bought_positions(self):
        """Return the positions that count as bought besides those planned."""
        return {line._get_position() for line in self._get_used_lines().filtered('program_line_id')}

    def _count_gone(self):
        """Return how many occurrences count as bought whose event has left the program; its old number is known."""

        def get_planned_as(line):
            return line.event_number, line.program_event_number, line.occurrence

        present = self.line_ids._program_lines().filtered('program_line_id')
        gone = self._get_used_lines().filtered(lambda line: not line.program_line_id)
        return len({get_planned_as(line) for line in gone} - {get_planned_as(line) for line in present})

    def _get_last_position(self, planned):
        """Return the last position of a plan, and not ahead of the customer's own.

        :param planned: the positions planned, a set.
        """
        return max(self._get_position_behind(self._get_clock()), max(planned, default=(0, 0)))
