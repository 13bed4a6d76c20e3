from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command


class ContinuityPlanPreview(models.TransientModel):
    """The plan an order would get; no order is made for it."""

    _name = 'continuity.plan.preview'
    _description = "Preview of a Continuity Plan"

    program_id = fields.Many2one(comodel_name='continuity.program', required=True)
    company_id = fields.Many2one(related='program_id.company_id')
    product_id = fields.Many2one(
        comodel_name='product.product',
        string="Parent Product",
        domain="[('continuity_program_id', '=', program_id)]",
        compute='_compute_product_id',
        store=True,
        readonly=False,
    )
    partner_id = fields.Many2one(comodel_name='res.partner', string="Customer", help="Sets price list and taxes.")
    quantity = fields.Float(default=1.0, digits='Product Unit')
    order_date = fields.Date(required=True, default=lambda self: self.env.company._get_continuity_today())
    start_date = fields.Date()
    order_start = fields.Selection(
        selection=[('first', "The first event"), ('current', "The event now running")],
        string="Start With",
        compute='_compute_order_start',
        store=True,
        readonly=False,
    )
    line_ids = fields.One2many(
        comodel_name='continuity.plan.preview.line',
        inverse_name='preview_id',
        compute='_compute_line_ids',
        store=True,
    )
    currency_id = fields.Many2one(comodel_name='res.currency', compute='_compute_line_ids', store=True)
    amount_total = fields.Monetary(
        string="Total incl. Taxes and Shipping",
        compute='_compute_line_ids',
        store=True,
        help="Taxes and shipping included.",
    )
    warning = fields.Text(compute='_compute_line_ids', store=True)

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
        for preview in self:
            subscription = preview._prepare_subscription()
            try:
                rows, preview.warning = preview._get_rows(subscription), False
            except UserError as error:
                rows, preview.warning = [], str(error)
            preview.currency_id = subscription.currency_id
            preview.amount_total = sum(row['price_total'] + row['shipping_amount'] for row in rows)
            preview.line_ids = [Command.clear(), *map(Command.create, rows)]

    def _prepare_subscription(self):
        """Return the subscription, in memory only, that an order of the given day would make."""
        self.ensure_one()
        company = self.program_id.company_id
        order = self.env['sale.order'].new(
            {
                'company_id': company.id,
                'partner_id': (self.partner_id or company.partner_id).id,
                'date_order': company._get_continuity_noon(self.order_date),
            }
        )
        line = self.env['sale.order.line'].new({'order_id': order, 'product_uom_qty': self.quantity or 1.0})
        return self.env['continuity.subscription'].new(
            {
                'order_line_id': line,
                'order_id': order,
                'company_id': company.id,
                'currency_id': order.currency_id.id,
                'program_id': self.program_id.id,
                'quantity': self.quantity or 1.0,
                'event_count': self.product_id.continuity_event_count,
                'order_start': self.order_start or self.program_id.order_start,
                'start_date': self.start_date,
                'bill_upfront': self.program_id.bill_upfront,
            }
        )

    def _get_rows(self, subscription):
        with subscription._explained_dates():
            shipments = subscription._get_shipments(today=self.order_date)
        Line = self.env['continuity.line']
        rows = []
        for vals, program_line in subscription._prepare_lines(shipments):
            line = Line.new({**vals, 'subscription_id': subscription, 'currency_id': subscription.currency_id.id})
            rows.append(
                {
                    'event_number': vals['event_number'],
                    'program_event_number': program_line.event_number,
                    'date_planned': vals['date_planned'],
                    'product_id': vals['product_id'],
                    'quantity': vals['quantity'],
                    'product_uom_id': vals['product_uom_id'],
                    'price_total': line.price_total,
                    'shipping_amount': subscription._add_shipping_taxes(vals['shipping_amount']),
                }
            )
        return rows
