from odoo import fields, models


class ContinuityPlanPreviewLine(models.TransientModel):
    _name = 'continuity.plan.preview.line'
    _description = "Line of a Previewed Continuity Plan"
    _inherit = ['continuity.dialog.mixin']
    _order = 'event_number, id'

    preview_id = fields.Many2one(comodel_name='continuity.plan.preview', required=True, ondelete='cascade', index=True)
    currency_id = fields.Many2one(related='preview_id.currency_id', related_sudo=False)
    event_number = fields.Integer(string="Shipment No.")
    program_event_number = fields.Integer(string="Event ID")
    date_planned = fields.Date(string="Ship On")
    product_id = fields.Many2one(comodel_name='product.product')
    quantity = fields.Float(digits='Product Unit')
    product_uom_id = fields.Many2one(comodel_name='uom.uom', string="Unit")
    price_total = fields.Monetary(string="Total")
    shipping_amount = fields.Monetary(string="Shipping")
