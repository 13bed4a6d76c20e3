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

    def _get_cart_display_price(self):
        price = super()._get_cart_display_price()
        if not self.continuity_has_plan:
            return price
        # The shipping costs of a plan billed in advance are a part of what it costs.
        is_net = self.order_id.website_id._shows_untaxed_prices()
        shipping = self.sudo().continuity_subscription_ids.shipping_line_ids
        return price + sum(shipping.mapped('price_subtotal' if is_net else 'price_total'))

    def _get_shop_offer(self):
        """Return the offer of the plan that the line sells, or nothing."""
        self.ensure_one()
        return self.sudo().continuity_subscription_ids._get_offer() if self.continuity_has_plan else None
