from odoo import api, models


class ResPartner(models.Model):
    _name = 'res.partner'
    _inherit = ['res.partner', 'continuity.awaited.mixin']

    def write(self, vals):
        result = super().write(vals)
        if self._get_continuity_mending_fields() & vals.keys():
            self._retry_awaiting_plans()
        return result

    def _get_awaiting_plans(self):
        parked = self.env['continuity.subscription'].search([('is_parked', '=', True)])
        return parked.filtered(lambda subscription: subscription._get_partners() & self)

    @api.model
    def _get_continuity_mending_fields(self):
        """Return the fields whose change may mend what made a job fail on a subscription."""
        return {
            *self._address_fields(),
            *self._synced_commercial_fields(),
            'active',
            'company_id',
            'email',
            'lang',
            'name',
            'parent_id',
            'phone',
            'property_account_position_id',
            'property_account_receivable_id',
            'property_delivery_carrier_id',
            'property_payment_term_id',
            'property_stock_customer',
            'type',
        }
