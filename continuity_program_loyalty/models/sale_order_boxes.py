from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from odoo.addons.continuity_program.domain.money import share_out
from odoo.addons.sale_loyalty.models.sale_order import _generate_random_reward_code

#: What a reward's line has for boxes: kept fields, which Odoo's values of a salesperson cannot hold.
BOX_FIELDS = ('continuity_box_share', 'continuity_box_amount')


class SaleOrder(models.Model):
    """Rewards that reach the boxes of plans billed one by one: the parent order has their line, of 0.00 where nothing
    else is on it; the child orders get what it gives."""

    _inherit = 'sale.order'

    def _get_reached_plans(self, reward):
        """Return the plans billed box by box that a reward takes something off, or pays."""
        plans = self._get_boxed_plans()
        if not plans or reward.program_id.is_payment_program:
            return plans
        return plans.filtered(lambda plan: plan._get_reached_total(reward))

    def _get_reward_values_discount(self, reward, coupon, **kwargs):
        plans = self._get_reached_plans(reward)
        try:
            values_list = super()._get_reward_values_discount(reward, coupon, **kwargs)
        except UserError:
            values_list = []
            if not plans and self._get_boxed_plans():
                raise UserError(self._get_no_effect_text(reward.description)) from None
            if not plans:
                raise
        if not plans:
            return values_list
        if not any(values.get('price_unit') for values in values_list):
            values_list = [self._prepare_empty_reward(reward, coupon)]
        if not reward.program_id.is_payment_program:
            self._add_boxes_part(values_list, reward, coupon, plans)
        return values_list

    def _prepare_empty_reward(self, reward, coupon):
        """Return the values of a reward's line where the order itself has nothing that it could be taken off."""
        is_payment = reward.program_id.is_payment_program
        points = self._get_real_points_for_coupon(coupon) if reward.clear_wallet else reward.required_points
        lines = self.order_line.filtered(lambda line: not line.is_reward_line)
        return {
            'product_id': reward.discount_line_product_id.id,
            'product_uom_qty': 1.0,
            'price_unit': 0.0,
            'tax_ids': [Command.clear()],
            'name': self._get_boxes_text(reward),
            'reward_id': reward.id,
            'coupon_id': coupon.id,
            # Card and wallet are charged by each box that they pay.
            'points_cost': 0.0 if is_payment else points,
            'sequence': max(lines.mapped('sequence'), default=10) + 1,
            'reward_identifier_code': _generate_random_reward_code(),
        }

    def _get_boxes_text(self, reward):
        """Return in words what a reward does for boxes."""
        name, plans = reward.description, self._get_boxed_plans()
        if reward.program_id.is_payment_program:
            return self.env._("%(reward)s: pays your first boxes, until it is empty", reward=name)
        if reward.reward_type == 'discount' and reward.discount_mode != 'percent':
            return self.env._("%(reward)s: off your first boxes, until it is used up", reward=name)
        boxes = max(plans.mapped('promotion_count'), default=0)
        if not boxes:
            return self.env._("%(reward)s: off every box", reward=name)
        if boxes == 1:
            return self.env._("%(reward)s: off your first box", reward=name)
        return self.env._("%(reward)s: off your first %(count)s boxes", reward=name, count=boxes)

    def _add_boxes_part(self, values_list, reward, coupon, plans):
        """Add to the values of a reward's lines what it takes off boxes; an amount is shared with what is on the order,
        by value."""
        first = values_list[0]
        if reward.discount_mode == 'percent':
            most = self._convert_reward(reward, reward.discount_max_amount)
            on_order = -sum(values['price_unit'] for values in values_list)
            is_used_up = bool(most) and self.currency_id.compare_amounts(on_order, most) >= 0
            first['continuity_box_share'] = 0.0 if is_used_up else reward.discount / 100.0
            first['continuity_box_amount'] = max(most - on_order, 0.0)
            return
        values = [self._get_order_reached(reward), *(plan._get_reached_total(reward) for plan in plans)]
        amount = min(self._get_reward_amount(reward, coupon), sum(values))
        on_order, *off_boxes = share_out(amount, values, self.currency_id.rounding)
        given = min(self._get_reward_amount(reward, coupon), values[0], self.amount_total)
        for line in values_list:
            line['price_unit'] *= on_order / given if given else 0.0
        first['continuity_box_share'], first['continuity_box_amount'] = 1.0, sum(off_boxes)
        if reward.discount_mode == 'per_point' and not reward.clear_wallet:
            spent = self.currency_id._convert(amount, reward.currency_id, self.company_id, fields.Date.today())
            first['points_cost'] = coupon.currency_id.round(spent / reward.discount)

    def _get_reward_amount(self, reward, coupon):
        """Return what a reward that is an amount gives at most, in the order's currency."""
        amount = reward.discount
        if reward.discount_mode == 'per_point':
            points = self._get_real_points_for_coupon(coupon)
            amount *= points // reward.required_points * reward.required_points
        if reward.discount_max_amount:
            amount = min(amount, reward.discount_max_amount)
        return self._convert_reward(reward, amount)

    def _convert_reward(self, reward, amount):
        return reward.currency_id._convert(amount, self.currency_id, self.company_id, fields.Date.today())

    def _get_order_reached(self, reward):
        """Return what on the order itself a reward can be taken off, taxes included."""
        compute = {
            'order': self._discountable_order,
            'specific': self._discountable_specific,
            'cheapest': self._discountable_cheapest,
        }
        return compute[reward.discount_applicability](reward)[0] or 0.0

    def _write_vals_from_reward_vals(self, reward_vals, old_lines, delete=True):
        given = {}
        for values in reward_vals:
            boxes = {name: values.pop(name, 0.0) for name in BOX_FIELDS}
            given.setdefault((values['reward_id'], values['coupon_id']), boxes)
        left = super()._write_vals_from_reward_vals(reward_vals, old_lines, delete=delete)
        if not self.continuity_role:
            return left
        for (reward_id, coupon_id), boxes in given.items():
            lines = self.order_line.filtered(
                lambda line, reward_id=reward_id, coupon_id=coupon_id: (
                    line.reward_id.id == reward_id and line.coupon_id.id == coupon_id
                )
            )
            lines._write_each({line: line._filter_changed(boxes if line == lines[0] else {}) for line in lines})
        self._on_box_rewards_changed()
        return left

    def _on_box_rewards_changed(self):
        """Tell the plans of a quotation anew, after what is taken off their boxes has changed."""
        for plan in self._get_boxed_plans().filtered(lambda plan: plan.state == 'draft'):
            plan._update_plan_text()

    # === FREE SHIPPING === #

    def _get_reward_values_free_shipping(self, reward, coupon, **kwargs):
        """Take off what sending the boxes costs, where a plan charges that."""
        values_list = super()._get_reward_values_free_shipping(reward, coupon, **kwargs)
        if not self.continuity_role or values_list[0]['price_unit']:
            return values_list
        shipping = self.continuity_subscription_ids.sudo().shipping_line_ids
        plans = self._get_reached_plans(reward)
        if not shipping and not plans:
            raise UserError(self._get_no_effect_text(reward.description))
        most = self._convert_reward(reward, reward.discount_max_amount)
        if shipping:
            cost = sum(shipping.mapped('price_subtotal'))
            price = shipping[0]._get_continuity_gross(min(cost, most) if most else cost)
            values_list[0] |= {'price_unit': -price, 'tax_ids': [Command.set(shipping[0].tax_ids.ids)]}
        if plans:
            values_list[0] |= {'continuity_box_share': 1.0, 'continuity_box_amount': most}
            if not shipping:
                values_list[0]['name'] = self._get_boxes_text(reward)
        return values_list

    # === THE BOXES === #

    def _take_off_box(self, planned):
        result = super()._take_off_box(planned)
        self._pay_by_vouchers(planned)
        return result

    def _pay_by_vouchers(self, planned):
        """Let the gift cards and e-wallets of a plan's order pay a box, until they are empty.

        :param planned: the planned lines that the order sends.
        """
        plan = planned.subscription_id
        if plan.bill_upfront or not planned._without_replacements():
            return
        for line in plan._get_voucher_lines():
            card = line.coupon_id
            if self.currency_id.is_zero(self.amount_total) or self._get_real_points_for_coupon(card) <= 0:
                continue
            values_list = self._get_reward_line_values(line.reward_id, card)
            self.order_line = [Command.create(values) for values in values_list]
