from odoo import fields, models


class ContinuityStopLine(models.TransientModel):
    """A child order on its way when its subscription is stopped: stop it too, or let it go."""

    _name = 'continuity.stop.line'
    _description = "Shipment of a Subscription That Is Stopped"
    _inherit = ['continuity.dialog.mixin']

    wizard_id = fields.Many2one(comodel_name='continuity.stop', required=True, ondelete='cascade')
    order_id = fields.Many2one(comodel_name='sale.order', string="Child Order", required=True, readonly=True)
    date_planned = fields.Datetime(related='order_id.commitment_date', related_sudo=False, string="Ship On")
    delivery_status = fields.Selection(related='order_id.delivery_status', related_sudo=False)
    is_stopped = fields.Boolean(string="Stop It", help="Else it still goes out, and stays owed.")
