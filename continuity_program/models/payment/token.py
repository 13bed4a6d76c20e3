from odoo import fields, models


class PaymentToken(models.Model):
    _name = 'payment.token'
    _inherit = ['payment.token', 'continuity.awaited.mixin']
    # As Odoo's providers: those of a company are its branches' too.
    _check_company_domain = models.check_company_domain_parent_of

    continuity_expiry_date = fields.Date(
        string="Card Expires On",
        help="The last day on which the card can be charged. No continuity child order is created for a later date.",
    )
    continuity_expiry_told_on = fields.Date(
        string="Told of the Expiry On", readonly=True, copy=False, help="When the customer was told that it expires."
    )

    _continuity_expiry_idx = models.Index("(continuity_expiry_date) WHERE continuity_expiry_told_on IS NULL")

    def write(self, vals):
        self._refuse_insane(vals)
        if 'continuity_expiry_date' in vals:
            day = fields.Date.to_date(vals['continuity_expiry_date']) or False
            self.sudo().filtered(lambda token: token.continuity_expiry_date != day).continuity_expiry_told_on = False
        result = super().write(vals)
        if {'active', 'continuity_expiry_date'} & vals.keys():
            self._retry_awaiting_plans()
        return result

    def _get_awaiting_plans(self):
        return self.env['continuity.subscription'].search(
            [('payment_token_id', 'in', self.ids), ('is_parked', '=', True)]
        )
