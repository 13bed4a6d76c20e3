from datetime import timedelta

from odoo import fields, models
from odoo.fields import Domain

#: How far ahead the overview looks.
DAYS_AHEAD = 30


class ContinuityProgram(models.Model):
    """What a manager wants to know of each program in the morning (``docs/behaviour.md#overview``)."""

    _inherit = 'continuity.program'

    running_count = fields.Integer(string="Running", compute='_compute_overview')
    due_count = fields.Integer(
        string="Due Today", compute='_compute_overview', help="Subscriptions that get a child order at the next run."
    )
    coming_count = fields.Integer(
        string="Next 30 Days", compute='_compute_overview', help="Planned products of running subscriptions."
    )
    held_count = fields.Integer(
        string="Held Deliveries", compute='_compute_overview', help="Child orders that wait for a payment."
    )
    parked_count = fields.Integer(
        string="Need Attention", compute='_compute_overview', help="Subscriptions that a job failed on."
    )
    declined_count = fields.Integer(
        string="Declined Payments", compute='_compute_overview', help="Instalments whose card was refused."
    )
    parked_payment_count = fields.Integer(
        string="Payments That Need Attention", compute='_compute_overview', help="Instalments that a job failed on."
    )

    def _compute_overview(self):
        for company, programs in self.grouped('company_id').items():
            for name, (model, domain, aggregate) in programs._get_overview(company).items():
                groups = self.env[model]._read_group(
                    Domain('program_id', 'in', programs.ids) & domain, ['program_id'], [aggregate]
                )
                counts = dict(groups)
                for program in programs:
                    program[name] = counts.get(program._origin, 0)

    def _get_overview(self, company):
        """Return what the overview counts for each program of a company, by the field that shows it.

        :rtype: dict[str, tuple[str, Domain, str]]: a model, which of its records, and what of them is counted.
        """
        company = company or self.env.company
        today = company._get_continuity_today()
        _model, _day, is_due = self.env['continuity.job.run']._get_work('create_orders', company, as_of=today)
        running, parked = Domain('state', '=', 'running'), Domain('is_parked', '=', True)
        is_coming = Domain('date_planned', '>=', today) & Domain('date_planned', '<=', today + timedelta(DAYS_AHEAD))
        is_held = Domain('continuity_payment_hold', '=', True) & Domain('continuity_shipped_date', '=', False)
        return {
            'running_count': ('continuity.subscription', running, '__count'),
            'due_count': ('continuity.subscription', is_due, '__count'),
            'coming_count': (
                'continuity.line',
                Domain('state', '=', 'planned') & Domain('subscription_id.state', '=', 'running') & is_coming,
                '__count',
            ),
            'held_count': (
                'continuity.line',
                Domain('state', '=', 'ordered') & Domain('child_order_id', 'any', is_held),
                'child_order_id:count_distinct',
            ),
            'parked_count': ('continuity.subscription', parked, '__count'),
            'declined_count': ('continuity.payment', Domain('state', '=', 'declined'), '__count'),
            'parked_payment_count': ('continuity.payment', parked, '__count'),
        }

    # === ACTION METHODS === #

    def action_view_running(self):
        return self._open_overview('running_count', 'continuity_subscription_action')

    def action_view_due(self):
        return self._open_overview('due_count', 'continuity_subscription_action')

    def action_view_coming(self):
        return self._open_overview('coming_count', 'continuity_line_action')

    def action_view_held(self):
        action = self._open_overview('held_count', 'sale_order_continuity_child_action')
        lines = self.env['continuity.line'].search(action['domain'])
        return {**action, 'domain': [('id', 'in', lines.child_order_id.ids)]}

    def action_view_parked(self):
        return self._open_overview('parked_count', 'continuity_attention_action')

    def action_view_declined(self):
        return self._open_overview('declined_count', 'continuity_payment_action')

    def action_view_parked_payments(self):
        return self._open_overview('parked_payment_count', 'continuity_payment_action')

    def _open_overview(self, name, action):
        """Return the action that lists what a count of the overview counts."""
        self.ensure_one()
        _model, domain, _aggregate = self._get_overview(self.company_id)[name]
        return {
            **self.env['ir.actions.act_window']._for_xml_id(f'continuity_program.{action}'),
            'display_name': self.env._(
                "%(program)s: %(what)s",
                program=self.display_name,
                what=self._fields[name].get_description(self.env)['string'],
            ),
            'domain': list(Domain('program_id', '=', self.id) & domain),
            'context': {'create': False},
        }
