from odoo import fields, models
from odoo.tools import float_round

from odoo.addons.continuity_program.internal_context import get_internal


class SaleOrderLine(models.Model):
    """Lines of rewards: what they take off an order with plans, and off the boxes of these."""

    _inherit = 'sale.order.line'

    continuity_box_share = fields.Float(
        string="Share Off Each Box",
        readonly=True,
        copy=False,
        help="The part of each box that the reward takes off, from 0 to 1; 1 for an amount.",
    )
    continuity_box_amount = fields.Monetary(
        string="Amount Off the Boxes",
        readonly=True,
        copy=False,
        help="The most that the reward takes off boxes in all, taxes included. 0: any amount.",
    )

    def _is_voucher(self):
        """Whether the line pays, by a gift card or an e-wallet."""
        self.ensure_one()
        return bool(self.coupon_id and self.reward_id.program_id.is_payment_program)

    def _get_promotion_key(self):
        """Return which promotion of a plan the reward is."""
        self.ensure_one()
        return f'reward-{self.reward_id.id}-{self.coupon_id.id}'

    def _get_reduced_lines(self):
        reward = self.sudo().reward_id
        if reward.reward_type != 'discount' or reward.program_id.is_payment_program:
            return super()._get_reduced_lines()
        order = self.order_id
        if reward.discount_applicability == 'specific':
            return order._get_specific_discountable_lines(reward)
        if reward.discount_applicability == 'cheapest':
            return order._cheapest_line(reward) or self.browse()
        return super()._get_reduced_lines()

    def unlink(self):
        kept = get_internal(self.env, 'continuity_kept_rewards')
        lines = self.filtered(lambda line: line.order_id not in kept) if kept else self
        return super(SaleOrderLine, lines).unlink()

    def _give_back_points(self, share):
        """Give a part of what these lines have taken off gift cards and e-wallets back.

        :param float share: which part of what they have taken, from 0 to 1.
        """
        for line in self.sudo().filtered(lambda line: line._is_voucher() and line.points_cost):
            points = float_round(line.points_cost * share, precision_rounding=line.coupon_id.currency_id.rounding)
            if points:
                # Of a confirmed order, Odoo brings the card in line.
                line.points_cost -= points
                line.order_id._update_loyalty_history(line.coupon_id, -points)
