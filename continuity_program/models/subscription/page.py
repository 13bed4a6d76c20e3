from odoo import api, fields, models


class ContinuitySubscription(models.Model):
    """The Continuity page: what it shows and asks."""

    _inherit = 'continuity.subscription'

    is_page_shown = fields.Boolean(readonly=True, copy=False)
    has_prompts = fields.Boolean(compute='_compute_prompts')
    prompt_start_date = fields.Boolean(related='program_id.prompt_start_date')
    prompt_payment_term = fields.Boolean(compute='_compute_prompts')
    consent_required = fields.Boolean(related='program_id.consent_required')
    warning = fields.Text(compute='_compute_warning', compute_sudo=True)
    duplicate_ids = fields.Many2many(
        comodel_name='continuity.subscription', compute='_compute_duplicate_ids', compute_sudo=True
    )
    has_duplicates = fields.Boolean(compute='_compute_duplicate_ids', compute_sudo=True)
    summary = fields.Char(compute='_compute_summary', compute_sudo=True)
    plan_text = fields.Char(readonly=True, help="The plan in words as it stands in the parent line's description.")

    # === COMPUTE METHODS === #

    @api.depends(
        'state',
        'shipment_count',
        'amount_per_shipment',
        'amount_total',
        'line_ids.date_planned',
        'occurrences_left',
        'currency_id',
        'payment_ids.amount',
        'payment_ids.due_date',
    )
    @api.depends_context('lang')
    def _compute_summary(self):
        for subscription in self:
            subscription.summary = subscription._get_summary(with_due=subscription.state in ('draft', False))

    @api.depends('program_id', 'partner_id', 'partner_shipping_id', 'renews_id')
    def _compute_duplicate_ids(self):
        for subscription in self:
            subscription.duplicate_ids = subscription._find_duplicates()
            subscription.has_duplicates = bool(subscription.duplicate_ids)

    @api.depends('line_ids', 'start_event', 'bill_upfront', 'duplicate_ids', 'missing_event_count', 'occurrences_left')
    def _compute_warning(self):
        for subscription in self:
            subscription.warning = '\n'.join(subscription._get_warnings()) or False

    @api.depends('program_id.prompt_start_date', 'program_id.prompt_payment_term', 'bill_upfront')
    def _compute_prompts(self):
        for subscription in self:
            program = subscription.program_id
            subscription.prompt_payment_term = program.prompt_payment_term and subscription.bill_upfront
            subscription.has_prompts = program.prompt_start_date or subscription.prompt_payment_term

    # === ACTION METHODS === #

    def action_open_page(self):
        """Open the Continuity page: the one way in, by itself or from the order line's button."""
        self.ensure_one()
        self.check_access('write' if self.state == 'draft' else 'read')
        if not self.is_page_shown and self.has_access('write'):
            self.sudo().is_page_shown = True
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._(
                "%(program)s for %(partner)s", program=self.program_id.name, partner=self.partner_id.name
            ),
            'res_model': self._name,
            'res_id': self.id,
            'views': [(self.env.ref('continuity_program.continuity_subscription_view_form_page').id, 'form')],
            'target': 'new',
            'context': {'dialog_size': 'extra-large'},
        }

    def action_confirm_page(self):
        """Accept the plan as shown: the form has saved it already."""
        self.check_access('write')

    def action_view_duplicates(self):
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id('continuity_program.continuity_subscription_action')
        # Those of colleagues are told of, not shown.
        action['domain'] = [
            ('id', 'in', self.sudo().duplicate_ids.with_user(self.env.user)._filtered_access('read').ids)
        ]
        action['context'] = {}
        return action
