from odoo import fields, models


class PaymentTransaction(models.Model):
    _inherit = 'payment.transaction'

    continuity_payment_id = fields.Many2one(
        comodel_name='continuity.payment', readonly=True, copy=False, index='btree_not_null', ondelete='restrict'
    )
