from odoo import models


class ContinuitySubscription(models.Model):
    """The card that the subscription is charged to."""

    _inherit = 'continuity.subscription'

    def _set_default_payment_method(self):
        """Choose the card where the customer has one and the program allows it; a card chosen already stays."""
        for subscription in self:
            methods = subscription.program_id.allowed_methods
            token = self.env['payment.token']
            if methods != 'on_account':
                token = subscription._get_own_token() or subscription._find_token()
            method = 'token' if token or methods == 'token' else 'on_account'
            if (subscription.payment_method, subscription.sudo().payment_token_id) != (method, token):
                subscription.write({'payment_method': method, 'payment_token_id': token.id})

    def _get_own_token(self):
        """Return the card chosen, if it is the customer's."""
        token_sudo = self.sudo().payment_token_id
        return token_sudo.filtered(
            lambda token: token.partner_id.commercial_partner_id == self.partner_id.commercial_partner_id
        )

    def _get_usable_token(self):
        """Return the card chosen, if it is the customer's and can be charged."""
        return self._get_own_token().filtered(lambda token: token.active and token.provider_id.state != 'disabled')

    def _has_usable_card(self):
        """Whether the card chosen is the customer's, and can be charged."""
        self.ensure_one()
        return bool(self._get_usable_token())

    def _find_token(self):
        """Return the newest usable card of the customer."""
        return (
            self.env['payment.token']
            .sudo()
            .search(
                [
                    ('partner_id', 'child_of', self.partner_id.commercial_partner_id.id),
                    # A branch charges the cards of its company's providers.
                    ('company_id', 'parent_of', self.company_id.id),
                    ('provider_id.state', '!=', 'disabled'),
                ],
                order='id desc',
                limit=1,
            )
        )
