from odoo.http import request, route

from odoo.addons.continuity_program.controllers.portal import prepare_card_form
from odoo.addons.sale.controllers import portal as sale_portal
from odoo.addons.website_sale.controllers import main


class WebsiteSale(main.WebsiteSale):
    """The payment step of carts with plans: what is due now, and the card for the rest."""

    def _get_shop_payment_values(self, order, **kwargs):
        values = super()._get_shop_payment_values(order, **kwargs)
        plans = order._get_cart_plans()
        values['plans_to_agree_to'] = plans._needs_consent()
        if not plans:
            return values
        due = order._get_still_due()
        if order._saves_card_only():
            values = self._get_card_values(values, order)
        elif order.currency_id.compare_amounts(due, order.amount_total) < 0:
            values |= sale_portal.CustomerPortal._get_payment_values(
                self, order, is_down_payment=True, payment_amount=due, website_id=request.website.id
            )
            values['transaction_route'] = f'/shop/payment/transaction/{order.id}'
            values['landing_route'] = '/shop/payment/validate'
        return values

    def _get_card_values(self, values, order):
        """Return the values of a form that only saves a card: nothing is due now."""
        form = sale_portal.CustomerPortal._get_payment_values(
            self,
            order,
            is_down_payment=True,
            force_tokenization=True,
            is_validation=True,
            website_id=request.website.id,
        )
        return {
            **values,
            **prepare_card_form(form),
            'transaction_route': f'/shop/payment/transaction/{order.id}',
            'landing_route': '/shop/payment/validate',
            'submit_button_label': request.env._("Save card and order"),
        }

    # === SHOP === #

    def _shop_lookup_products(self, options, post, search, website):
        """Sort plans by what they cost, and not by the list price of the product that sells them."""
        term, count, products = super()._shop_lookup_products(options, post, search, website)
        by, _space, direction = self._get_search_order(post).split(', ')[1].partition(' ')
        if by == 'list_price' and set(products._get_plan_template_ids()) & set(products.ids):
            products = products._sort_by_list_price(direction)
        return term, count, products

    def _get_additional_shop_values(self, values, **kwargs):
        """Let the range of prices that can be chosen reach from the cheapest to the dearest plan too."""
        result = super()._get_additional_shop_values(values, **kwargs)
        products = request.env['product.template']
        if 'available_max_price' not in values or not products._get_plan_template_ids():
            return result
        rate = request.env['res.currency']._get_conversion_rate(
            request.website.company_id.sudo().currency_id, request.website.currency_id, request.website.company_id
        )
        prices = [price * rate for price in products._get_plan_list_prices().values()]
        low, high = values['available_min_price'], values['available_max_price']
        widened = {'available_min_price': min([low, *prices]), 'available_max_price': max([high, *prices])}
        if values['min_price'] == low:
            widened['min_price'] = widened['available_min_price']
        if values['max_price'] == high:
            widened['max_price'] = widened['available_max_price']
        return {**result, **widened}

    # === ANALYTICS === #

    def order_lines_2_google_api(self, order_lines):
        items = super().order_lines_2_google_api(order_lines)
        lines = order_lines.filtered(lambda line: not line.is_delivery)
        for item, line in zip(items, lines, strict=True):
            offer = line._get_shop_offer()
            if offer:
                item['price'] = line.currency_id.round(offer.get_price(untaxed=True))
        return items

    def order_2_return_dict(self, order):
        values = super().order_2_return_dict(order)
        by_box = [plan._get_offer() for plan in order._get_plans_by_box()]
        if by_box:
            total = sum(offer.get_value() for offer in by_box)
            values['value'] = order.currency_id.round(values['value'] + total)
            taxes = total - sum(offer.get_value(untaxed=True) for offer in by_box)
            values['tax'] = order.currency_id.round(values['tax'] + taxes)
        return values

    # === CHECKOUT === #

    def _get_shop_payment_errors(self, order):
        errors = super()._get_shop_payment_errors(order)
        plans = order._get_cart_plans()
        reason = not plans._needs_consent() and order._get_plan_refusal()
        if reason:
            errors.append((request.env._("Your plan cannot be ordered like this."), reason))
        return errors

    @route()
    def shop_payment_validate(self, sale_order_id=None, **post):
        order_sudo = request.cart
        if sale_order_id or not order_sudo._get_cart_plans():
            return super().shop_payment_validate(sale_order_id=sale_order_id, **post)
        if order_sudo._needs_continuity_card() or order_sudo._get_plan_refusal():
            return request.redirect('/shop/payment')
        if order_sudo.amount_total and not order_sudo.transaction_ids and not order_sudo._get_still_due():
            # Billed in advance, but not yet.
            order_sudo._check_cart_is_ready_to_be_paid()
            order_sudo._validate_order()
            request.website.sale_reset()
            return request.redirect('/shop/confirmation')
        return super().shop_payment_validate(sale_order_id=sale_order_id, **post)

    @route('/shop/continuity/agree', type='http', auth='public', methods=['POST'], website=True, sitemap=False)
    def shop_continuity_agree(self, **post):
        """Note that the customer agrees to the terms of the plans in the cart."""
        request.cart.continuity_subscription_ids._give_consent()
        return request.redirect('/shop/payment')

    @route('/shop/continuity/other_card', type='http', auth='public', methods=['POST'], website=True, sitemap=False)
    def shop_continuity_other_card(self, **post):
        """Ask for another card than the one that the customer has saved."""
        request.cart._get_cart_plans().payment_token_id = False
        return request.redirect('/shop/payment')
