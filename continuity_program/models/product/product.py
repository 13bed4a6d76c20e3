from odoo import api, models


class ProductProduct(models.Model):
    _inherit = 'product.product'

    def write(self, vals):
        result = super().write(vals)
        if self._get_continuity_mending_fields() & vals.keys():
            self.product_tmpl_id._retry_awaiting_plans()
        return result

    @api.model
    def _get_continuity_mending_fields(self):
        """Return the fields whose change may mend what made a job fail on a product."""
        return {
            'active',
            'company_id',
            'is_storable',
            'list_price',
            'route_ids',
            'sale_ok',
            'taxes_id',
            'type',
            'uom_id',
        }
