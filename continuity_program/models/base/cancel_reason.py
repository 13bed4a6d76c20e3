from odoo import fields, models


class ContinuityCancelReason(models.Model):
    _name = 'continuity.cancel.reason'
    _description = "Continuity Cancellation Reason"
    _inherit = ['continuity.sanity.mixin']
    _order = 'sequence, id'

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    in_portal = fields.Boolean(
        string="In the Portal", default=True, help="Customers choose from it when they cancel in the portal."
    )
