from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..base.isolation import isolate


class ContinuityPlanChange(models.Model):
    """One change of many plans at once, and its undo (``docs/behaviour.md#mass-changes``)."""

    _name = 'continuity.plan.change'
    _description = "Plan Change"
    _inherit = ['continuity.guard.mixin']
    _order = 'id desc'

    name = fields.Char(required=True, readonly=True, default=lambda self: self.env._("New"))
    kind = fields.Selection(selection='_selection_kind', required=True, readonly=True)
    criteria = fields.Char(string="What Was Changed", readonly=True)
    user_id = fields.Many2one(comodel_name='res.users', string="Changed By", required=True, readonly=True)
    date = fields.Datetime(string="Changed On", required=True, readonly=True, default=fields.Datetime.now)
    company_id = fields.Many2one(comodel_name='res.company', required=True, readonly=True, index=True)
    line_ids = fields.One2many(
        comodel_name='continuity.plan.change.line', inverse_name='change_id', string="Lines", readonly=True
    )
    # Whose plans it concerns: for the rule on records, which would leave lines in the cache of who may not see them.
    salesperson_ids = fields.Many2many(
        comodel_name='res.users', string="Salespeople", compute='_compute_salesperson_ids', store=True
    )
    is_for_all = fields.Boolean(
        compute='_compute_salesperson_ids', store=True, help="It concerns a plan that has no salesperson."
    )
    line_count = fields.Integer(string="Lines Changed", readonly=True)
    left_out_count = fields.Integer(string="Lines Left Out", readonly=True)
    #: How the clocks of customers were moved with their plans, by subscription id.
    clock_moves = fields.Json(readonly=True)
    undo_user_id = fields.Many2one(comodel_name='res.users', string="Undone By", readonly=True)
    undo_date = fields.Datetime(string="Undone On", readonly=True)
    kept_count = fields.Integer(string="Lines Not Put Back", readonly=True)
    state = fields.Selection(
        selection=[('done', "Done"), ('undone', "Undone")], required=True, readonly=True, default='done'
    )
    can_undo = fields.Boolean(compute='_compute_can_undo')

    @api.model
    def _selection_kind(self):
        return [
            ('shift', self.env._("Shift dates")),
            ('substitute', self.env._("Substitute product")),
            ('taxes', self.env._("Taxes of today")),
        ]

    # === COMPUTE METHODS === #

    @api.depends('line_ids.user_id')
    def _compute_salesperson_ids(self):
        for change in self:
            change.salesperson_ids = change.line_ids.user_id
            change.is_for_all = any(not row.user_id for row in change.line_ids)

    @api.depends('state', 'line_count', 'user_id')
    @api.depends_context('uid')
    def _compute_can_undo(self):
        for change in self:
            change.can_undo = change._may_undo() and not change._get_undo_refusal()

    # === ACTION METHODS === #

    def action_undo(self):
        """Put back what the change changed, where nothing else was done to it since.

        :raise AccessError: for who neither is a sales manager nor made the change.
        :raise UserError: for a change that was undone already.
        """
        self.ensure_one()
        self.check_access('read')
        if not self._may_undo():
            raise AccessError(
                self.env._(
                    "Only %(user)s or a sales manager can undo %(change)s.", user=self.user_id.name, change=self.name
                )
            )
        reason = self._get_undo_refusal()
        if reason:
            raise UserError(reason)
        subscriptions = self.sudo().line_ids.subscription_id.with_env(self.env)
        if not subscriptions._filtered_access('write'):
            # Of several, those that he may not change any more are left out.
            subscriptions.check_access('write')
        self._undo()
        return True

    # === RULES === #

    def _may_undo(self):
        """Whether the user is one of those who can undo the change."""
        self.ensure_one()
        return self.env.su or self.user_id == self.env.user or self.env.user.has_group('sales_team.group_sale_manager')

    def _get_undo_refusal(self):
        """Return why the change cannot be undone, or nothing."""
        self.ensure_one()
        if self.state == 'undone':
            return self.env._("%(change)s has been undone already.", change=self.name)
        if not self.line_count:
            return self.env._("%(change)s changed nothing.", change=self.name)
        return None

    # === CHANGING === #

    @api.model
    def _change_plans(self, kind, criteria, rows):
        """Change the plans as the rows of a preview show, each subscription by itself, and log it.

        :param str criteria: in words.
        :param rows: ``continuity.mass.change.line``.
        :return: the log, one entry for each company.
        """
        entries = self.sudo().browse()
        for company, company_rows in rows.grouped('company_id').items():
            entry = self.sudo().create(
                {
                    'name': self.env['ir.sequence'].sudo().with_company(company).next_by_code(self._name),
                    'kind': kind,
                    'criteria': criteria,
                    'user_id': self.env.uid,
                    'company_id': company.id,
                }
            )
            entry._change(company_rows)
            entries |= entry
        return self.browse(entries.ids)

    def _change(self, rows):
        """Change the plans of one company and write down what became of each row."""
        reasons, clock_moves = {}, {}
        for subscription, own_rows in rows.grouped('subscription_id').items():
            before = subscription._get_clock()
            reasons |= self._try(own_rows, own_rows._change)
            if move := subscription._get_clock_move(before):
                clock_moves[str(subscription.id)] = move
        self.env['continuity.plan.change.line'].sudo().create(
            [
                {
                    **row._prepare_log_line(),
                    'change_id': self.id,
                    'reason': reason,
                    'state': 'left_out' if reason else 'changed',
                }
                for row, reason in reasons.items()
            ]
        )
        changed = [row for row, reason in reasons.items() if not reason]
        self.write(
            {'line_count': len(changed), 'left_out_count': len(reasons) - len(changed), 'clock_moves': clock_moves}
        )
        self._log_notes(changed, self._get_note)

    def _undo(self):
        """Put back the values before on every line that is still planned and has what the change wrote."""
        change = self.sudo()
        reasons = {}
        for subscription, rows in (
            change.line_ids.filtered(lambda row: row.state == 'changed').grouped('subscription_id').items()
        ):
            reasons |= self._try(rows, rows._undo)
            move = (change.clock_moves or {}).get(str(subscription.id))
            if move and any(not reasons[row] for row in rows):
                subscription._put_clock_back(move)
        for row, reason in reasons.items():
            row.write({'state': 'kept' if reason else 'undone', 'reason': reason})
        back = [row for row, reason in reasons.items() if not reason]
        change.write(
            {
                'state': 'undone',
                'undo_user_id': self.env.uid,
                'undo_date': fields.Datetime.now(),
                'kept_count': len(reasons) - len(back),
            }
        )
        change._log_notes(back, change._get_undo_note)

    @api.model
    def _try(self, rows, work):
        """Do work on rows of one subscription in a savepoint.

        :param work: returns the reason, or nothing, by row.
        :return: the same; for work that raised, the reason for all.
        """
        with isolate(self.env) as outcome:
            return work()
        reason = self.env['continuity.job.run']._explain(outcome.error)
        return {row: row.reason or reason for row in rows}

    # === WORDS === #

    def _log_notes(self, rows, get_note):
        """Write a note on each subscription of the rows.

        :param get_note: method that returns the words for a number of lines.
        """
        counts = Counter(row.subscription_id.id for row in rows)
        self.env['continuity.subscription'].browse(counts)._message_log_batch(
            {subscription_id: get_note(count) for subscription_id, count in counts.items()}
        )

    def _get_note(self, count):
        return self.env._(
            "%(change)s by %(user)s: %(what)s. Planned lines changed: %(count)s.",
            change=self._get_html_link(),
            user=self.user_id.name,
            what=self.criteria,
            count=count,
        )

    def _get_undo_note(self, count):
        return self.env._(
            "%(change)s was undone by %(user)s. Planned lines put back: %(count)s.",
            change=self._get_html_link(),
            user=self.undo_user_id.name,
            count=count,
        )
