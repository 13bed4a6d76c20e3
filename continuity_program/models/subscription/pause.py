from odoo import fields, models
from odoo.exceptions import UserError


class ContinuitySubscription(models.Model):
    """Pausing a subscription and going on with it (``docs/behaviour.md#pausing``)."""

    _inherit = 'continuity.subscription'

    pause_date = fields.Date(readonly=True, help="The first day of the pause.")

    def action_pause(self):
        """Open the dialog that asks until when, and pauses."""
        self.ensure_one()
        self.check_access('write')
        reason = self._get_pause_refusal()
        if reason:
            raise UserError(reason)
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Pause %(subscription)s", subscription=self.display_name),
            'res_model': 'continuity.pause',
            'view_mode': 'form',
            'target': 'new',
            'context': {'default_subscription_id': self.id, 'default_seen_key': self._get_shipment_key()},
        }

    def action_resume(self):
        """Go on from today."""
        self.check_access('write')
        self._begin_change()
        self._resume()
        return True

    def _pause(self, until=None):
        """Send nothing until a day, or until somebody resumes.

        :param until: the first day on which shipments go out again.
        :raise UserError: for a subscription that does not run, or a day that is not to come.
        """
        until_day = fields.Date.to_date(until) if until else False
        for subscription in self:
            reason = subscription._get_pause_refusal(until_day)
            if reason:
                raise UserError(reason)
            today = subscription.company_id._get_continuity_today()
            subscription._unguarded().write({'state': 'paused', 'pause_date': today, 'resume_date': until_day})
        self._on_paused()

    def _get_pause_refusal(self, until_day=False):
        """Return why the subscription cannot be paused, or nothing.

        :param until_day: the first day on which shipments would go out again.
        """
        self.ensure_one()
        if self.state != 'running':
            return self._get_state_refusal()
        if until_day and until_day <= self.company_id._get_continuity_today():
            return self.env._(
                "%(subscription)s can only be paused until a day to come.", subscription=self.display_name
            )
        return None

    def _resume(self, on=None):
        """Go on: nothing is lost, the next shipment falls on the day or after it on its own rhythm.

        On a calendar, what was dated in the pause is skipped, unless it is paid already: then it goes out late.

        :param on: the first day on which shipments go out again, today when not given.
        :raise UserError: for a subscription that is not paused.
        """
        for subscription in self.sudo():
            reason = subscription._get_resume_refusal()
            if reason:
                raise UserError(reason)
            day = fields.Date.to_date(on) if on else subscription.company_id._get_continuity_today()
            if not subscription.program_id.is_calendar:
                subscription._delay_plan(day)
            elif subscription.bill_upfront:
                subscription._get_missed_lines(day)._unguarded().write({'date_planned': day})
            else:
                subscription._skip_missed_lines(day)
            subscription._unguarded().write({'state': 'running', 'pause_date': False, 'resume_date': False})
        self._on_resumed()

    def _end_pauses(self):
        """Resume those whose pause has ended."""
        for subscription in self.filtered(lambda subscription: subscription.state == 'paused'):
            subscription._resume(subscription.resume_date)

    def _get_resume_refusal(self):
        """Return why the subscription cannot go on, or nothing."""
        self.ensure_one()
        return None if self.state == 'paused' else self._get_state_refusal()

    def _get_missed_lines(self, day):
        """Return the planned lines dated in the pause that ends on ``day``."""
        return self.line_ids._filtered_planned().filtered(lambda line: self.pause_date <= line.date_planned < day)

    def _skip_missed_lines(self, day):
        """Skip what was dated in the pause; it does not count as bought, so that the plan may take more instead."""
        self._get_missed_lines(day)._unguarded().write({'is_skipped': True, 'skip_reason': self.env._("Paused")})
        self._recount_left()

    def _delay_plan(self, day):
        """Set the customer's own clock back by whole intervals, so that the next shipment is not before ``day``."""
        following = self._get_following_line(since=self.pause_date)
        if not following or following.date_planned >= day:
            return
        step = following.program_line_id._prepare_event(1).interval
        clock = self._get_clock_before(following)
        while clock and self._get_day_after(clock, day) < day:
            clock = clock.step(step)
        # What has no rhythm of its own goes out on the day.
        self._move_plan(following, clock or self._get_clock(), day)

    def _get_day_after(self, clock, default):
        """Return the day of the occurrence that comes next on a clock."""
        occurrence = next(self._iter_occurrences(after=clock.since, clock=clock), None)
        return occurrence.date if occurrence else default
