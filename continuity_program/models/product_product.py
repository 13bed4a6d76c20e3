from odoo import models


class ProductProduct(models.Model):
    _inherit = 'product.product'

    def write(self, vals):
        result = super().write(vals)
        if vals.get('active'):
            self.env['continuity.line'].sudo()._get_parked_subscriptions([('product_id', 'in', self.ids)])._unpark()
        return result
