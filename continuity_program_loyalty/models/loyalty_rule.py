from odoo import models

from odoo.addons.continuity_program.internal_context import get_internal


class LoyaltyRule(models.Model):
    _inherit = 'loyalty.rule'

    def _compute_amount(self, currency_to):
        """Ask the less of an order's own lines, the more its plans cost that are billed box by box."""
        amount = super()._compute_amount(currency_to)
        order = get_internal(self.env, 'continuity_rewarded_order')
        return amount - order._get_boxes_value_for(self) if order and amount else amount
