from odoo import api, fields, models
from odoo.fields import Command, Domain

from ..domain import sanity


class ContinuityJobWizard(models.TransientModel):
    _name = 'continuity.job.wizard'
    _description = "Run a Continuity Job"
    _inherit = ['continuity.dialog.mixin']

    job = fields.Selection(
        selection=lambda self: self.env['continuity.job.run']._selection_job(), required=True, default='create_orders'
    )
    as_of = fields.Date(
        default=lambda self: self.env.company._get_continuity_today(),
        required=True,
        help="The day to work for: the job does what it would do on that day.",
    )
    limit = fields.Integer(
        string="At Most", bounds=sanity.COUNT_FROM_0, help="How many to do, the oldest first. 0: all."
    )
    program_ids = fields.Many2many(comodel_name='continuity.program', string="Programs", help="Empty: all.")
    partner_ids = fields.Many2many(comodel_name='res.partner', string="Customers", help="Empty: all.")
    subscription_ids = fields.Many2many(
        comodel_name='continuity.subscription', string="Subscriptions", help="Empty: all."
    )
    is_on_programs = fields.Boolean(compute='_compute_is_on_programs')
    is_previewed = fields.Boolean()
    line_ids = fields.One2many(comodel_name='continuity.job.wizard.line', inverse_name='wizard_id', readonly=True)
    preview_count = fields.Integer(string="Would Do", compute='_compute_preview_count')
    question = fields.Text(compute='_compute_question')
    is_ahead = fields.Boolean(compute='_compute_is_ahead')

    @api.depends('job')
    def _compute_is_on_programs(self):
        for wizard in self:
            wizard.is_on_programs = self._get_job_model(wizard.job) == 'continuity.program'

    @api.depends('line_ids')
    def _compute_preview_count(self):
        for wizard in self:
            wizard.preview_count = len(wizard.line_ids.filtered(lambda line: not line.skipped))

    @api.depends('line_ids')
    def _compute_question(self):
        for wizard in self:
            wizard.question = '\n'.join(wizard._get_sentences()) or self.env._("There is nothing to do.")

    def _get_sentences(self):
        """Return in words what running the job would do: how many orders and charges, and how much money.

        :rtype: list[str]
        """
        by_effect = self.line_ids.filtered(lambda line: not line.skipped).grouped('effect')
        none = self.line_ids.browse()
        at_once = by_effect.get('charged_order', none)
        orders = by_effect.get('order', none) + at_once
        charges, bills, others = (by_effect.get(kind, none) for kind in ('charge', 'bill', False))
        sentences = [
            (orders, self.env._("Child orders to create: %(figures)s.", figures=orders._get_figures())),
            (at_once, self.env._("Of these, charged to a card at once: %(figures)s.", figures=at_once._get_figures())),
            (charges, self.env._("Cards to charge: %(figures)s.", figures=charges._get_figures())),
            (bills, self.env._("Invoices to send: %(figures)s.", figures=bills._get_figures())),
            (others, self.env._("Other changes: %(count)s.", count=len(others))),
        ]
        return [text for lines, text in sentences if lines]

    @api.depends('as_of')
    def _compute_is_ahead(self):
        for wizard in self:
            wizard.is_ahead = bool(wizard.as_of) and wizard.as_of > self.env.company._get_continuity_today()

    @api.onchange('job', 'as_of', 'limit', 'program_ids', 'partner_ids', 'subscription_ids')
    def _onchange_criteria(self):
        self.is_previewed = False
        self.line_ids = [Command.clear()]

    @api.model
    def _get_job_model(self, job):
        return self.env['continuity.job.run']._get_job(job).model if job else False

    def _get_domain(self):
        """Return the criteria as a domain on the job's model."""
        self.ensure_one()
        domain = Domain.TRUE
        program_field = 'id' if self.is_on_programs else 'program_id'
        if self.program_ids:
            domain &= Domain(program_field, 'in', self.program_ids.ids)
        if self.partner_ids and not self.is_on_programs:
            domain &= Domain('partner_id', 'child_of', self.partner_ids.ids)
        if self.subscription_ids and not self.is_on_programs:
            path = 'id' if self._get_job_model(self.job) == 'continuity.subscription' else 'subscription_id'
            domain &= Domain(path, 'in', self.subscription_ids.ids)
        return domain

    def action_preview(self):
        """Show what the job would do; nothing is done."""
        self.check_access('write')
        rows = self.env['continuity.job.run']._preview(
            self.job, as_of=self.as_of, domain=self._get_domain(), limit=self.limit
        )
        names = self.env['continuity.job.wizard.line']._fields
        self.sudo().write(
            {
                'is_previewed': True,
                'line_ids': [
                    Command.clear(),
                    *(Command.create({key: value for key, value in row.items() if key in names}) for row in rows),
                ],
            }
        )
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Run a Job"),
            'res_model': self._name,
            'res_id': self.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def action_run(self):
        """Run the job and show its log."""
        self.check_access('write')
        return self._run(commit=True)

    def _run(self, commit):
        run = self.env['continuity.job.run']._execute(
            self.job,
            as_of=self.as_of,
            domain=self._get_domain(),
            limit=self.limit or None,
            commit=commit,
            wait=False,
        )
        return {
            'type': 'ir.actions.act_window',
            'res_model': run._name,
            'res_id': run.id,
            'views': [(False, 'form')],
        }
