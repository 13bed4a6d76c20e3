from odoo import fields, models
from odoo.fields import Command

from ...domain import schedule


class ContinuitySubscription(models.Model):
    """Changing the plans of many subscriptions at once (``docs/behaviour.md#mass-changes``)."""

    _inherit = 'continuity.subscription'

    plan_change_count = fields.Integer(
        string="Plan Changes", compute='_compute_plan_change_count', groups='sales_team.group_sale_salesman'
    )

    def _compute_plan_change_count(self):
        counts = dict(
            self.env['continuity.plan.change.line']._read_group(
                [('subscription_id', 'in', self.ids)],
                groupby=['subscription_id'],
                aggregates=['change_id:count_distinct'],
            )
        )
        for subscription in self:
            subscription.plan_change_count = counts.get(subscription, 0)

    def action_change_plans(self):
        """Open the dialog that changes all that is planned of the selected subscriptions."""
        self.check_access('write')
        return self.env['continuity.mass.change']._open({'subscription_ids': [Command.set(self.ids)]})

    def action_view_plan_changes(self):
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id('continuity_program.continuity_plan_change_action')
        action['domain'] = [('line_ids.subscription_id', '=', self.id)]
        action['context'] = {}
        return action

    # === THE CUSTOMER'S CLOCK === #

    def _get_clock_move(self, before):
        """Return what a mass change has to know to put a clock back, or nothing where it was not moved.

        :param before: the clock as it was.
        :rtype: dict | None
        """
        self.ensure_one()
        clock, end_of_month = self._get_clock(), self.program_id.end_of_month
        if clock == before or not clock.anchor:
            return None
        there = schedule.set_clock(self._get_own_events(), before, clock.since, end_of_month=end_of_month)
        return {
            'before': self._prepare_clock_values(before),
            'after': self._prepare_clock_values(clock),
            'days': (clock.get_day(end_of_month) - there.get_day(end_of_month)).days,
        }

    def _prepare_clock_values(self, clock):
        values = self._prepare_clock(clock)
        return {**values, 'anchor_date': fields.Date.to_string(values['anchor_date'])}

    def _put_clock_back(self, move):
        """Undo what a mass change did to the clock; what was done to it since stays.

        :param dict move: what ``_get_clock_move`` returned.
        """
        self.ensure_one()
        if self._prepare_clock_values(self._get_clock()) == move['after']:
            self._unguarded().write(move['before'])
        else:
            self._move_clock(-move['days'])
