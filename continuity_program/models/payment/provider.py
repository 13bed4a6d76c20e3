from odoo import models


class PaymentProvider(models.Model):
    _inherit = 'payment.provider'

    def _is_tokenization_required(self, sale_order_id=None, **kwargs):
        """Require the card to be saved where plans on the order will be charged later."""
        required = super()._is_tokenization_required(sale_order_id=sale_order_id, **kwargs)
        order = self.env['sale.order'].sudo().browse(int(sale_order_id or 0)).exists()
        return required or bool(order.continuity_subscription_ids._get_needing_card())
