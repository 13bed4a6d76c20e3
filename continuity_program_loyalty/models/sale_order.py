from odoo import models
from odoo.exceptions import UserError
from odoo.fields import Command

from odoo.addons.continuity_program.internal_context import Internal


class SaleOrder(models.Model):
    """Coupons, rewards, gift cards and wallets on orders with plans (``docs/behaviour.md#the-order-total``)."""

    _inherit = 'sale.order'

    # === WHAT A PLAN BILLED BOX BY BOX COUNTS AS === #

    def _get_boxed_plans(self):
        """Return the plans that are billed box by box and still send boxes; of a plain order nothing is asked."""
        if not self.continuity_role:
            return self.env['continuity.subscription']
        return self._get_plans_by_box().filtered(lambda plan: plan.state not in ('done', 'cancelled'))

    def _discountable_amount(self, rewards_to_ignore):
        return super()._discountable_amount(rewards_to_ignore) + sum(self._get_boxed_plans().mapped('amount_planned'))

    def _get_boxes_value_for(self, rule):
        """Return what the boxes of the products that a rule is for cost, in the order's currency."""
        plans = self._get_boxed_plans()
        plans = plans.filtered(lambda plan: plan.product_id.filtered_domain(rule._get_valid_product_domain()))
        lines = plans.line_ids._filtered_active()
        return sum(lines.mapped('price_total' if rule.minimum_amount_tax_mode == 'incl' else 'price_subtotal'))

    def _program_check_compute_points(self, programs):
        if self._get_boxed_plans():
            programs = programs.with_context(continuity_rewarded_order=Internal(self))
        return super()._program_check_compute_points(programs)

    # === CHILD ORDERS === #

    def _update_programs_and_rewards(self):
        """Leave child orders as their plan made them: they get no promotions by themselves, only points."""
        if self.continuity_parent_id:
            self._earn_points()
            return None
        return super()._update_programs_and_rewards()

    def _earn_points(self):
        """Give a customer the points of loyalty programs for a box that he pays."""
        if self.currency_id.is_zero(self.amount_total):
            return
        for program in self.env['loyalty.program'].search(
            [*self._get_program_domain(), ('program_type', '=', 'loyalty'), ('trigger', '=', 'auto')]
        ):
            self._try_apply_program(program)

    def _get_claimable_rewards(self, forced_coupons=None):
        if self.continuity_parent_id:
            return {}
        return super()._get_claimable_rewards(forced_coupons)

    def action_open_reward_wizard(self):
        if self.continuity_parent_id:
            raise UserError(self._get_child_reward_refusal())
        return super().action_open_reward_wizard()

    def _apply_program_reward(self, reward, coupon, **kwargs):
        if self.continuity_parent_id:
            raise UserError(self._get_child_reward_refusal())
        return super()._apply_program_reward(reward, coupon, **kwargs)

    def _get_child_reward_refusal(self):
        """Return why a child order takes no reward of its own."""
        return self.env._(
            "%(order)s sends a box of %(parent)s, and gets what is given there. Give the code or reward on "
            "%(parent)s: it reaches the boxes to come.",
            order=self.name,
            parent=self.continuity_parent_id.name,
        )

    def _get_real_points_for_coupon(self, coupon, post_confirm=False):
        points = super()._get_real_points_for_coupon(coupon, post_confirm)
        if self.continuity_parent_id and self.state != 'sale':
            points = coupon.currency_id.round(points - self._get_promised_points(coupon))
        return points

    def _get_promised_points(self, coupon):
        """Return what boxes other than this order's, not confirmed yet, are paid with from a gift card or a wallet."""
        lines = self.env['sale.order.line'].sudo()
        promised = lines.search(
            [
                ('coupon_id', '=', coupon.id),
                ('order_id', '!=', self.id),
                ('order_id.continuity_parent_id', '!=', False),
                ('state', 'in', ('draft', 'sent')),
            ]
        )
        return sum(promised.mapped('points_cost'))

    # === WHAT CANNOT WORK === #

    def _try_apply_code(self, code):
        """Refuse in words a code that is accepted and would take nothing off an order with plans."""
        if self.continuity_parent_id:
            return {'error': self._get_child_reward_refusal()}
        if self.continuity_role != 'parent':
            return super()._try_apply_code(code)
        rules, cards = self.code_enabled_rule_ids, self.applied_coupon_ids
        status = super()._try_apply_code(code)
        new = (self.code_enabled_rule_ids - rules).program_id | (self.applied_coupon_ids - cards).program_id
        if status or any(program.applies_on != 'current' and not program.is_payment_program for program in new):
            return status
        self.write({'code_enabled_rule_ids': [Command.set(rules.ids)], 'applied_coupon_ids': [Command.set(cards.ids)]})
        self._update_programs_and_rewards()
        return {'error': self._get_no_effect_text(code)}

    def _get_no_effect_text(self, name):
        return self.env._(
            "%(code)s takes nothing off %(order)s: nothing on it, and no box of its plans, is what it is for.",
            code=name,
            order=self.name,
        )

    # === CANCELLING === #

    def _action_cancel(self):
        """Keep the rewards of plans that were billed in advance: what is credited goes by them. Odoo gives all points
        back at once; of what was billed, the credit note does."""
        plans = self.filtered('continuity_role').continuity_subscription_ids.filtered(
            lambda plan: plan.state in ('running', 'paused') and plan.bill_upfront
        )
        billed = [pair for plan in plans for pair in plan._get_billed_points()]
        result = super(SaleOrder, self.with_context(continuity_kept_rewards=Internal(plans.order_id)))._action_cancel()
        for card, points in billed:
            card.points -= points
        return result

    def _write_unlocked(self, changes):
        """Let gift cards and wallets pay no more than what is left of their lines."""
        before = {line: line.price_subtotal for line, _values in changes}
        super()._write_unlocked(changes)
        for line, amount in before.items():
            if amount < 0 and line._is_voucher():
                line._give_back_points(1.0 - line.price_subtotal / amount)
