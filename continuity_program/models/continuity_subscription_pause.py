from odoo import fields, models
from odoo.exceptions import UserError

from .. import schedule


class ContinuitySubscription(models.Model):
    """Pausing a subscription and going on with it (``docs/behaviour.md#pausing``)."""

    _inherit = 'continuity.subscription'

    pause_date = fields.Date(readonly=True, help="The first day of the pause.")
    delay_months = fields.Integer(readonly=True, help="By how much its own clock runs late after pauses.")
    delay_days = fields.Integer(readonly=True)

    def action_pause(self):
        """Pause until somebody resumes."""
        self.check_access('write')
        self._pause()
        return True

    def action_resume(self):
        """Go on from today."""
        self.check_access('write')
        self._resume()
        return True

    def _pause(self, until=None):
        """Send nothing until a day, or until somebody resumes.

        :param until: the first day on which shipments go out again.
        :raise UserError: for a subscription that does not run, or a day that is not to come.
        """
        for subscription in self:
            today = subscription.company_id._get_continuity_today()
            until_day = fields.Date.to_date(until) if until else False
            if subscription.state != 'running':
                raise UserError(subscription._get_state_refusal())
            if until_day and until_day <= today:
                raise UserError(
                    self.env._(
                        "%(subscription)s can only be paused until a day to come.", subscription=self.display_name
                    )
                )
            subscription._planning().write({'state': 'paused', 'pause_date': today, 'resume_date': until_day})

    def _resume(self, on=None):
        """Go on: nothing is lost, the next shipment falls on the day or after it on its own rhythm.

        On a calendar, what was dated in the pause is skipped, unless it is paid already: then it goes out late.

        :param on: the first day on which shipments go out again, today when not given.
        :raise UserError: for a subscription that is not paused.
        """
        for subscription in self.sudo():
            if subscription.state != 'paused':
                raise UserError(subscription._get_state_refusal())
            day = fields.Date.to_date(on) if on else subscription.company_id._get_continuity_today()
            if not subscription.program_id.is_calendar:
                subscription._delay_plan(day)
            elif subscription.bill_upfront:
                subscription._get_missed_lines(day)._planning().write({'date_planned': day})
            else:
                subscription._skip_missed_lines(day)
            subscription._planning().write({'state': 'running', 'pause_date': False, 'resume_date': False})

    def _get_missed_lines(self, day):
        """Return the planned lines dated in the pause that ends on ``day``."""
        return self.line_ids._planned().filtered(lambda line: self.pause_date <= line.date_planned < day)

    def _skip_missed_lines(self, day):
        """Skip what was dated in the pause; it does not count as bought, so that the plan may take more instead."""
        self._get_missed_lines(day)._planning().write({'is_skipped': True, 'skip_reason': self.env._("Paused")})
        lines = self.line_ids.filtered('program_line_id')._live()
        last = schedule.Occurrence(*self._get_last_position(), date=day)
        left = self._count_occurrences_left([last], len({line._get_position() for line in lines}))
        self._planning().occurrences_left = left

    def _delay_plan(self, day):
        """Set the customer's own clock back by whole intervals, so that the next shipment is not before ``day``."""
        planned = self.line_ids._planned().filtered(lambda line: line.date_planned >= self.pause_date)
        following = planned.filtered('program_line_id').sorted('event_number')[:1]
        if not following or following.date_planned >= day:
            return
        event = following.program_line_id._prepare_event(1)
        position, (months, days) = following._get_position(), event.interval
        delay = (self.delay_months, self.delay_days)
        dates = dates_before = self._get_dates_behind(position, delay)
        # What has a fixed date, or no interval, has no rhythm of its own: it goes out on the day.
        while any(event.interval) and not event.start_date and dates.get(position, day) < day:
            delay = (delay[0] + months, delay[1] + days)
            dates = self._get_dates_behind(position, delay)
        self._planning().write({'delay_months': delay[0], 'delay_days': delay[1]})
        for line in planned:
            # A date changed by hand stays, unless the whole plan was moved and the clock with it.
            is_on_clock = not line.date_overridden or line.date_planned == dates_before.get(line._get_position())
            date = dates.get(line._get_position()) if is_on_clock else None
            line._planning().date_planned = max(date or line.date_planned, day)

    def _get_dates_behind(self, position, delay):
        """Return the dates by position, from this one on, of a clock that runs late by ``delay``."""
        planned = {line._get_position() for line in self.line_ids}
        dates = {}
        for occurrence in self._get_timeline(after=(position[0], position[1] - 1), delay=delay):
            if occurrence.position not in planned and occurrence.position > max(planned):
                break
            dates[occurrence.position] = occurrence.date
        return dates

    def _get_state_refusal(self):
        """Return why the subscription's state does not allow what is asked."""
        self.ensure_one()
        return self.env._(
            "%(subscription)s is in the state %(state)s, which does not allow it.",
            subscription=self.display_name,
            state=self._get_state_label(),
        )
