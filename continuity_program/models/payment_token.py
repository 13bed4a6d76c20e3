from odoo import fields, models


class PaymentToken(models.Model):
    _inherit = 'payment.token'

    continuity_expiry_date = fields.Date(
        string="Card Expires On",
        help="The last day on which the card can be charged. No continuity child order is created for a later date.",
    )

    def write(self, vals):
        result = super().write(vals)
        if {'active', 'continuity_expiry_date'} & vals.keys():
            self.env['continuity.subscription'].sudo().search(
                [('payment_token_id', 'in', self.ids), ('is_parked', '=', True)]
            )._unpark()
        return result
