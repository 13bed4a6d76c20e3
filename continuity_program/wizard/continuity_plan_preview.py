from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..domain import sanity


class ContinuityPlanPreview(models.TransientModel):
    """The plan an order would get; no order is made for it."""

    _name = 'continuity.plan.preview'
    _description = "Preview of a Continuity Plan"
    _inherit = ['continuity.dialog.mixin']

    program_id = fields.Many2one(comodel_name='continuity.program', required=True)
    company_id = fields.Many2one(related='program_id.company_id', related_sudo=False)
    product_id = fields.Many2one(
        comodel_name='product.product',
        string="Parent Product",
        domain="[('continuity_program_id', '=', program_id)]",
        compute='_compute_product_id',
        compute_sudo=False,
        store=True,
        readonly=False,
    )
    partner_id = fields.Many2one(comodel_name='res.partner', string="Customer", help="Sets price list and taxes.")
    quantity = fields.Float(default=1.0, digits='Product Unit', bounds=sanity.QUANTITY_FROM_0)
    order_date = fields.Date(required=True, default=lambda self: self.env.company._get_continuity_today())
    start_date = fields.Date()
    order_start = fields.Selection(
        selection=[('first', "The first event"), ('current', "The event now running")],
        string="Start With",
        compute='_compute_order_start',
        compute_sudo=False,
        store=True,
        readonly=False,
    )
    line_ids = fields.One2many(
        comodel_name='continuity.plan.preview.line',
        inverse_name='preview_id',
        compute='_compute_line_ids',
        compute_sudo=False,
        store=True,
    )
    currency_id = fields.Many2one(
        comodel_name='res.currency', compute='_compute_line_ids', compute_sudo=False, store=True
    )
    amount_total = fields.Monetary(
        string="Total incl. Taxes and Shipping",
        compute='_compute_line_ids',
        compute_sudo=False,
        store=True,
        help="Taxes and shipping included.",
    )
    warning = fields.Text(compute='_compute_line_ids', compute_sudo=False, store=True)

    @api.depends('program_id')
    def _compute_product_id(self):
        for preview in self:
            preview.product_id = preview.program_id.product_tmpl_ids[:1].product_variant_id

    @api.depends('program_id')
    def _compute_order_start(self):
        for preview in self:
            preview.order_start = preview.program_id.order_start

    @api.depends('program_id', 'product_id', 'partner_id', 'quantity', 'order_date', 'start_date', 'order_start')
    def _compute_line_ids(self):
        for preview in self._sudo_of_readable():
            rows, preview.warning = [], False
            subscription = preview._prepare_subscription() if preview.program_id else None
            if subscription:
                try:
                    rows = preview._get_rows(subscription)
                except UserError as error:
                    preview.warning = str(error)
            preview.currency_id = subscription.currency_id if subscription else False
            preview.amount_total = sum(row['price_total'] + row['shipping_amount'] for row in rows)
            preview.line_ids = [Command.clear(), *map(Command.create, rows)]

    def _prepare_subscription(self):
        """Return the subscription, in memory only, that an order of the given day would make."""
        self.ensure_one()
        program = self.program_id
        return program._prepare_preview(
            self.product_id,
            {
                'partner_id': (self.partner_id or program.company_id.partner_id).id,
                'date_order': program.company_id._get_continuity_noon(self.order_date),
            },
            quantity=self.quantity or 1.0,
            order_start=self.order_start or program.order_start,
            start_date=self.start_date,
        )

    def _get_rows(self, subscription):
        subscription._preview_plan(self.order_date)
        amounts = subscription._get_box_amounts(list(subscription.line_ids))
        return [
            {
                'event_number': line.event_number,
                'program_event_number': line.program_event_number,
                'date_planned': line.date_planned,
                'product_id': line.product_id.id,
                'quantity': line.quantity,
                'product_uom_id': line.product_uom_id.id,
                'price_total': amount - line.shipping_total,
                'shipping_amount': line.shipping_total,
            }
            for line, amount in zip(subscription.line_ids, amounts, strict=True)
        ]
