from odoo.addons.website_sale.controllers.cart import Cart as WebsiteSaleCart


class Cart(WebsiteSaleCart):
    def _get_express_shop_payment_values(self, order, **kwargs):
        """Offer no express checkout for plans: the payment step asks for consent, and for the card."""
        values = super()._get_express_shop_payment_values(order, **kwargs)
        if order._get_cart_plans():
            values['payment_methods_sudo'] = values['payment_methods_sudo'].browse()
            values['providers_sudo'] = values['providers_sudo'].browse()
        return values
