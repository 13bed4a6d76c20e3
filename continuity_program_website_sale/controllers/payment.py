from odoo.exceptions import AccessError, MissingError, UserError, ValidationError
from odoo.http import request, route

from odoo.addons.continuity_program.controllers.links import get_document
from odoo.addons.continuity_program.controllers.portal import PaymentPortal as ContinuityPaymentPortal
from odoo.addons.continuity_program.domain import sanity
from odoo.addons.website_sale.controllers.payment import PaymentPortal as WebsiteSalePaymentPortal


class PaymentPortal(ContinuityPaymentPortal, WebsiteSalePaymentPortal):
    @route()
    def shop_payment_transaction(self, order_id, access_token, **kwargs):
        """Take what is due now, and no more than a card where nothing is.

        :raise UserError: while another payment of the cart is made.
        :raise ValidationError: for a wrong access token, or a cart that has changed meanwhile.
        """
        try:
            order_sudo = get_document(self, 'sale.order', order_id, access_token)
        except (AccessError, MissingError) as error:
            raise ValidationError(request.env._("The access token is invalid.")) from error
        if not order_sudo._get_cart_plans():
            return super().shop_payment_transaction(order_id, access_token, **kwargs)
        if not order_sudo.try_lock_for_update(allow_referencing=True):
            raise UserError(request.env._("Payment is already being processed."))
        order_sudo._check_cart_is_ready_to_be_paid()
        if order_sudo._saves_card_only():
            return self.portal_continuity_card(order_id, access_token, **kwargs)
        due = order_sudo._get_still_due()
        amount = kwargs.get('amount') or due
        if sanity.find_number_fault(amount, sanity.AMOUNT):
            raise ValidationError(request.env._("The amount is not a number. Please refresh the page."))
        amount = sanity.read_number(amount)
        if order_sudo.currency_id.is_zero(due) or order_sudo.currency_id.compare_amounts(amount, due):
            raise ValidationError(request.env._("The cart has been updated. Please refresh the page."))
        return self.portal_order_transaction(order_id, access_token, **{**kwargs, 'amount': due})
