from odoo.exceptions import AccessError, MissingError, ValidationError
from odoo.http import request, route

from odoo.addons.sale.controllers import portal as sale_portal

from .links import get_document


def prepare_card_form(values):
    """Return the values of a payment form as those of one that saves a card, and takes no money."""
    return {
        **values,
        'mode': 'validation',
        'amount': None,
        'currency': None,
        'allow_token_selection': False,
        'tokens_sudo': values['tokens_sudo'].browse(),
    }


class CustomerPortal(sale_portal.CustomerPortal):
    def _determine_is_down_payment(self, order_sudo, amount_selection, payment_amount):
        """Ask for what is due now, not for instalments to come."""
        required = order_sudo._get_prepayment_required_amount()
        if order_sudo.continuity_subscription_ids and not (amount_selection or payment_amount):
            return required < order_sudo.amount_total
        return super()._determine_is_down_payment(order_sudo, amount_selection, payment_amount)

    def _get_payment_values(self, order_sudo, is_down_payment=False, payment_amount=None, **kwargs):
        """Ask for a card only, by a validation transaction, where nothing is due now and it is charged later."""
        if payment_amount or not order_sudo._saves_card_only():
            return super()._get_payment_values(
                order_sudo, is_down_payment=is_down_payment, payment_amount=payment_amount, **kwargs
            )
        values = super()._get_payment_values(
            order_sudo, is_down_payment=True, force_tokenization=True, is_validation=True, **kwargs
        )
        return {**prepare_card_form(values), 'transaction_route': order_sudo.get_portal_url(suffix='/card')}


class PaymentPortal(sale_portal.PaymentPortal):
    @route('/my/orders/<int:order_id>/card', type='jsonrpc', auth='public')
    def portal_continuity_card(self, order_id, access_token, **kwargs):
        """Create the validation transaction that saves the card of a quotation, and return its processing values.

        :raise ValidationError: for a wrong access token, or a quotation that needs no card.
        """
        try:
            order_sudo = get_document(self, 'sale.order', order_id, access_token)
        except (AccessError, MissingError) as error:
            raise ValidationError(request.env._("The access token is invalid.")) from error
        if not order_sudo._saves_card_only():
            raise ValidationError(request.env._("This quotation needs no card."))
        self._validate_transaction_kwargs(kwargs)
        is_public = request.env.user._is_public()
        partner_sudo = order_sudo.partner_invoice_id if is_public else request.env.user.partner_id
        kwargs.update(partner_id=partner_sudo.id, currency_id=None, amount=None, is_validation=True, token_id=None)
        tx_sudo = self._create_transaction(
            custom_create_values={'continuity_order_id': order_id}, sale_order_id=order_id, **kwargs
        )
        return tx_sudo._get_processing_values()
