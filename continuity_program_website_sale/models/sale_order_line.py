from odoo import models


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    def _check_validity(self):
        # A plan that is billed per shipment has the price 0 on its parent line, and is not for free.
        return super(SaleOrderLine, self.filtered(lambda line: not line.is_continuity_parent))._check_validity()

    def _may_move_to(self, order):
        # A visitor merges an old cart into the present one.
        carts = self.order_id | order
        return len(carts.website_id) == 1 and all(cart.website_id and cart.state == 'draft' for cart in carts)

    def _show_in_cart(self):
        # The shipping costs of a plan billed in advance are no goods that can be taken out of the cart.
        return super()._show_in_cart() and not self.continuity_shipping_of_id
