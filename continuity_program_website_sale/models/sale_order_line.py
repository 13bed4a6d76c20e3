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

    def _get_plan_price_text(self):
        """Return in words what a plan costs whose parent line bills nothing itself, or nothing."""
        self.ensure_one()
        plan = self.continuity_subscription_ids
        offer = plan and plan._get_offer()
        return plan._word_price(offer) if offer and offer.boxes and not offer.in_advance else ''
