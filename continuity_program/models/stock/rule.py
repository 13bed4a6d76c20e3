from odoo import api, models

from .bulk import BulkDelivery


class StockRule(models.Model):
    _inherit = 'stock.rule'

    @api.model
    def _search_rule_for_warehouses(self, route_ids, packaging_uom_id, product_id, warehouse_ids, domain):
        search = super()._search_rule_for_warehouses
        bulk = BulkDelivery.of(self.env, 'rules')
        if not bulk:
            return search(route_ids, packaging_uom_id, product_id, warehouse_ids, domain)
        # Child orders of one night send the same few products from the same warehouse.
        key = (route_ids or None, packaging_uom_id or None, product_id, warehouse_ids, str(domain))
        if key not in bulk.rules:
            bulk.rules[key] = search(route_ids, packaging_uom_id, product_id, warehouse_ids, domain)
        return bulk.rules[key]
