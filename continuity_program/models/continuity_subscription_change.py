from odoo import fields, models
from odoo.fields import Command


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

    def _follow_plan_change(self):
        """Let what hangs on the plan follow a change by hand: what failed is tried again, a quotation tells it."""
        self._unpark()
        self._update_parent_line()

    # === THE CUSTOMER'S CLOCK === #

    def _has_clock(self):
        """Whether what is added to the plan later is dated by a clock of the customer's own that runs already."""
        self.ensure_one()
        return self.state in ('running', 'paused') and not self.program_id.is_calendar

    def _move_clock(self, days):
        """Date what is added to the plan later, and what a pause moves, some days later or earlier."""
        self.ensure_one()
        self._planning().delay_days += days
