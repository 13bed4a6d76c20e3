from odoo.addons.website_sale.controllers.cart import Cart as WebsiteSaleCart


class Cart(WebsiteSaleCart):
    def _get_express_shop_payment_values(self, order, **kwargs):
        """Offer no express checkout for plans: the payment step asks for consent, and for the card."""
        values = super()._get_express_shop_payment_values(order, **kwargs)
        if order._get_cart_plans():
            values['payment_methods_sudo'] = values['payment_methods_sudo'].browse()
            values['providers_sudo'] = values['providers_sudo'].browse()
        return values

    def _get_cart_notification_information(self, order, added_qty_per_line):
        """Tell what the plan costs that was put into the cart, and when, in place of what its line bills."""
        values = super()._get_cart_notification_information(order, added_qty_per_line)
        untaxed = order.website_id._shows_untaxed_prices()
        for row in values.get('lines', ()):
            line = order.order_line.browse(row['id'])
            offer = line._get_shop_offer()
            if offer:
                share = row['quantity'] / offer.quantity if offer.quantity else 1.0
                row['price_total'] = line.currency_id.round(offer.get_value(untaxed=untaxed) * share)
                plan_text = line.sudo().continuity_subscription_ids._word_offer()
                row['description'] = '\n'.join(filter(None, [row['description'], plan_text]))
        return values

    def _get_tracking_information(self, order_sudo, line_ids):
        values = super()._get_tracking_information(order_sudo, line_ids)
        lines = order_sudo.order_line.filtered(lambda line: line.id in line_ids)
        for row, line in zip(values, lines, strict=True):
            offer = line._get_shop_offer()
            if offer:
                row.update(price=line.currency_id.round(offer.get_price(untaxed=True)), discount=0.0)
        return values
