from odoo import api, fields, models
from odoo.tools import format_amount

from odoo.addons.continuity_program.domain.money import share_out
from odoo.addons.continuity_program.domain.promotion import Promotion


class ContinuitySubscription(models.Model):
    """Rewards, gift cards and wallets of the parent order, on the boxes of a plan that bills each of them."""

    _inherit = 'continuity.subscription'

    promotion_text = fields.Text(string="Promotions", compute='_compute_promotion_text', compute_sudo=True)

    @api.depends('order_id.order_line.continuity_box_share', 'order_id.order_line.continuity_box_amount')
    def _compute_totals(self):
        super()._compute_totals()

    @api.depends('order_id.order_line.coupon_id')
    @api.depends_context('lang')
    def _compute_promotion_text(self):
        for plan in self:
            lines = plan.order_id.order_line.filtered('coupon_id')
            plan.promotion_text = '\n'.join(plan._get_promotion_text(line) for line in lines) or False

    def _get_promotion_text(self, line):
        """Return a reward of the order in words; of a gift card or a wallet, what is left on it too."""
        name = line.name.splitlines()[0]
        if not line._is_voucher():
            return name
        left = format_amount(self.env, line.coupon_id.points, line.coupon_id.currency_id)
        return self.env._("%(reward)s · %(amount)s left", reward=name, amount=left)

    # === PROMOTIONS === #

    def _get_box_rewards(self):
        """Return the lines of the parent order whose rewards take something off boxes."""
        self.ensure_one()
        return self.sudo().order_id.order_line.filtered(lambda line: line.continuity_box_share and line.reward_id)

    def _get_promotions(self):
        rewards = [self._prepare_promotion(line) for line in self._get_box_rewards()]
        return super()._get_promotions() + [promotion for promotion in rewards if promotion]

    def _prepare_promotion(self, line):
        """Return a reward as a plain value, or nothing where it reaches none of the boxes."""
        key, amount = line._get_promotion_key(), self._get_amount_part(line)
        if amount is None:
            return None
        is_amount = line.reward_id.reward_type == 'discount' and line.reward_id.discount_mode != 'percent'
        left = amount - self._get_taken(key) if line.continuity_box_amount else None
        boxes = None if is_amount else self._get_boxes_left(key, self.promotion_count)
        return Promotion(key, line.continuity_box_share, left, boxes)

    def _get_amount_part(self, line):
        """Return the plan's part of what a reward takes off boxes at most, or ``None`` where it reaches none of them.

        Several plans of an order share it by value.
        """
        plans = self.order_id._get_plans_by_box().sorted('id')
        values = {plan: plan._get_reached_total(line.reward_id) for plan in plans}
        if not values.get(self.sudo()):
            return None
        parts = share_out(line.continuity_box_amount, list(values.values()), self.currency_id.rounding)
        return dict(zip(values, parts, strict=True))[self.sudo()]

    def _get_reached_total(self, reward):
        """Return what of all the boxes a reward reaches, taxes included."""
        self.ensure_one()
        boxes = self.line_ids._filtered_active()._by_shipment()
        return sum(self._get_reward_reach(reward, lines, _sum_cost(lines)) for lines in boxes)

    def _get_reached(self, key, lines, amount):
        line = self._get_box_rewards().filtered(lambda line: line._get_promotion_key() == key)[:1]
        if not line:
            return super()._get_reached(key, lines, amount)
        return self._get_reward_reach(line.reward_id, lines, amount)

    def _get_reward_reach(self, reward, lines, amount):
        """Return what of a shipment a reward reaches: as Odoo computes what of an order it is taken off.

        :param lines: the planned lines of the shipment.
        :param amount: what it costs, shipping and taxes included.
        """
        goods = sum(lines.mapped('price_total'))
        if reward.reward_type != 'discount':
            return max(amount - goods, 0.0) if reward.reward_type == 'shipping' else 0.0
        if reward.discount_applicability == 'order':
            return goods
        domain = reward.sudo()._get_discount_product_domain()
        found = lines = lines.sudo()
        if not self.sudo().product_id.filtered_domain(domain):
            found = lines.filtered(lambda line: line.product_id.filtered_domain(domain))
        if reward.discount_applicability == 'cheapest':
            return min((line.price_total / line.quantity for line in found if line.price_total), default=0.0)
        return sum(found.mapped('price_total'))

    # === GIFT CARDS AND WALLETS === #

    def _get_voucher_lines(self):
        """Return the lines of the parent order whose gift cards and wallets, valid today, pay boxes."""
        self.ensure_one()
        today = self.company_id._get_continuity_today()
        lines = self.sudo().order_id.order_line.filtered(lambda line: line._is_voucher())
        return lines.filtered(
            lambda line: not line.coupon_id.expiration_date or line.coupon_id.expiration_date >= today
        )

    def _get_vouchers(self):
        vouchers = super()._get_vouchers()
        for line in self._get_voucher_lines():
            order, reward, card = line.order_id, line.reward_id, line.coupon_id
            points = order._get_real_points_for_coupon(card) - order._get_promised_points(card)
            left = order._convert_reward(reward, points * reward.discount)
            vouchers.append(Promotion(line._get_promotion_key(), left=left))
        return vouchers

    def _bill_only_what_is_owed(self):
        """Give gift cards and wallets back what they paid of a plan of which nothing is owed."""
        paid = {line: share / line.price_subtotal for line, share in self._get_reductions().items()}
        super()._bill_only_what_is_owed()
        if not self._get_live_payments():
            for line, share in paid.items():
                line._give_back_points(share)

    def _is_worth_less_by(self, line):
        return super()._is_worth_less_by(line) and not line._is_voucher()

    def _get_billed_points(self):
        """Return what gift cards and wallets have paid of the plan's bills.

        :return: list of (loyalty.card, points).
        """
        self.ensure_one()
        if not self._get_plan_bills()._get_posted_bills():
            return []
        return [
            (line.coupon_id, line.coupon_id.currency_id.round(line.points_cost * share / line.price_subtotal))
            for line, share in self._get_reductions().items()
            if line._is_voucher()
        ]


def _sum_cost(lines):
    """Return what a shipment costs, shipping and taxes included."""
    return sum(line.price_total + line.shipping_total for line in lines)
