from odoo import api, models

from .bulk import BulkDelivery


class StockQuant(models.Model):
    _inherit = 'stock.quant'

    @api.model
    def _update_reserved_quantity(
        self, product_id, location_id, quantity, lot_id=None, package_id=None, owner_id=None, strict=True
    ):
        bulk = BulkDelivery.of(self.env)
        if bulk and bulk.reserved is not None:
            # The move lines of many child orders reserve the same goods: once, for all of them.
            bulk.reserved[product_id, location_id, lot_id, package_id, owner_id, strict] += quantity
            return None
        return super()._update_reserved_quantity(
            product_id, location_id, quantity, lot_id=lot_id, package_id=package_id, owner_id=owner_id, strict=strict
        )
