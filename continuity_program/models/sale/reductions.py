from odoo import models

from ...domain.order_total import OTHERS, Reduction, Sold, share_reduction
from ...domain.promotion import take_off_boxes
from ...internal_context import get_internal


class SaleOrder(models.Model):
    """What is taken off an order with plans billed in advance (``docs/behaviour.md#the-order-total``)."""

    _inherit = 'sale.order'

    def _get_reductions(self):
        """Return the lines that take something off the order."""
        return self.order_line.filtered(lambda line: line._is_reduction())

    def _get_upfront_plans(self):
        """Return the plans of the order that are billed in advance."""
        return self.continuity_subscription_ids.sudo().filtered('bill_upfront')

    def _get_plans_by_box(self):
        """Return the plans of the order that are billed box by box, and have nothing on the order itself."""
        return self.continuity_subscription_ids.sudo().filtered(lambda plan: not plan.bill_upfront and plan.quantity)

    def _share_by_value(self, amount):
        """Return how an amount taken off the order is shared among its plans billed box by box, and all else.

        :return: the part of each plan, by ID, and of ``OTHERS``.
        :rtype: dict[int | None, float]
        """
        self.ensure_one()
        sold = [
            Sold(OTHERS, self.amount_total),
            *(Sold(plan.id, plan.amount_total) for plan in self._get_plans_by_box()),
        ]
        shares = share_reduction(Reduction(-amount), sold, self.currency_id.rounding)
        return {owner: -share for owner, share in shares.items()}

    def _sells_by_itself(self):
        """Whether the order has anything to bill that something could be taken off."""
        return any(sold.amount > 0 for sold in self._get_sold())

    def _get_reduction_refusal(self):
        """Return why what is taken off the order cannot be, or nothing: all it sells is billed box by box."""
        reduction, plan = self._get_reductions()[:1], self._get_plans_by_box()[:1]
        if not reduction or not plan or self._sells_by_itself():
            return None
        return self.env._(
            "%(line)s takes nothing off %(order)s: the shipments of %(subscription)s are billed one by one. Remove it, "
            "and give a discount on the line of the plan, which every box gets.",
            line=reduction.name.splitlines()[0] if reduction.name else reduction.display_name,
            order=self.name,
            subscription=plan.display_name,
        )

    def _get_sold(self, reduction=None):
        """Return what the lines of the order sell, as plain values.

        :param reduction: a line that takes something off: only what it is taken off.
        :rtype: list[Sold]
        """
        self.ensure_one()
        lines = self.order_line.filtered(lambda line: not (line.display_type or line.is_downpayment))
        if reduction:
            lines = reduction._get_reduced_lines() or lines
        return [
            Sold(
                line._get_billing_subscription().sudo().filtered('bill_upfront').id or OTHERS,
                line.price_subtotal,
                frozenset(line.tax_ids.ids),
            )
            for line in lines
        ]

    def _add_reductions(self, part, lines, shared):
        """Return the lines of a bill with what is taken off them; of other goods only where there are some on it, or
        nothing else is to come that it could be taken off.

        :param str part: ``plan`` or ``other``.
        :param shared: the lines that take something off, still to be billed.
        """
        if part == 'other' and not any(line.price_subtotal > 0 for line in lines):
            others = self.order_line - self._get_upfront_plans()._get_plan_lines() - shared
            if any(line._is_still_to_bill() for line in others.filtered('product_uom_id')):
                return lines
        return lines | shared.filtered(lambda line: line.currency_id.compare_amounts(line._get_part_to_bill(part), 0.0))

    def _take_off_box(self, planned):
        """Take off a child order what promotions take off its box, by Odoo's own discount.

        :param planned: the planned lines that the order sends.
        """
        self.ensure_one()
        plan = planned.subscription_id
        promotions = plan._get_promotions() if not plan.bill_upfront and planned._without_replacements() else []
        if not promotions:
            return
        box = plan._prepare_box(planned, self.amount_total, promotions)
        for key, amount in take_off_boxes(promotions, [box], self.currency_id.rounding)[0].items():
            lines = self.order_line
            self.env['sale.order.discount'].create(
                {'sale_order_id': self.id, 'discount_type': 'amount', 'discount_amount': amount}
            )._create_discount_lines()
            (self.order_line - lines).write(plan._prepare_taken_off(key))

    def _on_reductions_changed(self):
        """Share and plan anew what is not billed yet, after what is taken off the order has changed."""
        for plan in self._get_upfront_plans().filtered(lambda plan: not plan._get_plan_bills()):
            plan._share_prepaid()
            plan._plan_upfront_payments()
            if plan.state == 'draft':
                plan._update_plan_text()


class SaleOrderLine(models.Model):
    """A line that takes something off its order: off each plan, and off the other goods, by value."""

    _inherit = 'sale.order.line'

    def _is_reduction(self):
        """Whether the line takes something off its order: a discount, a coupon, a reward, a gift card, a price below
        zero."""
        self.ensure_one()
        return (
            not (self.display_type or self.is_downpayment or self.continuity_line_id)
            and not self._get_billing_subscription()
            and self.currency_id.compare_amounts(self.price_subtotal, 0.0) < 0
        )

    def _get_reduced_lines(self):
        """Return the lines of the order that this one takes something off, where these are not all."""
        self.ensure_one()
        return self.browse()

    def _get_reduced_orders(self):
        """Return the orders of these lines off which something is taken."""
        return self.order_id.filtered(lambda order: order.continuity_role and order._get_reductions())

    def _get_shared(self):
        """Return the lines among these that an order's plans, billed in advance, share with other goods."""
        # First what stands in the line's own row: of a plain order nothing more is read.
        below_zero = self.filtered(lambda line: line.price_subtotal < 0)
        return below_zero.filtered(
            lambda line: line.order_id.continuity_role and line._is_reduction() and line.order_id._get_upfront_plans()
        )

    def _get_reduction_shares(self):
        """Return what the line takes off each plan billed in advance, and off ``OTHERS``, untaxed.

        :rtype: dict[int | None, float]
        """
        self.ensure_one()
        reduction = Reduction(self.price_subtotal, frozenset(self.tax_ids.ids), self._get_billed_shares())
        return share_reduction(reduction, self.order_id._get_sold(self), self.currency_id.rounding)

    def _get_billed_shares(self):
        """Return what of the line is on the bills that are made: by plan, and of ``OTHERS``.

        :rtype: dict[int | None, float]
        """
        shares, others = {}, self._get_bill_lines()
        for plan in self.order_id._get_upfront_plans():
            bills = plan._get_plan_bills()
            if not bills:
                continue
            on_bill = others.filtered(lambda line, bills=bills: line.move_id in bills)
            together = on_bill.move_id.continuity_payment_ids.subscription_id or plan
            # Plans that are on one bill share what it takes off by what they cost.
            amount, total = (plans._get_plan_lines() for plans in (plan, together))
            value = sum(total.mapped('price_subtotal'))
            part = sum(amount.mapped('price_subtotal')) / value if value else 1.0 / len(together)
            shares[plan.id] = self.currency_id.round(on_bill._get_net_subtotal() * part)
        billed_by_plans = self.order_id._get_upfront_plans()._get_plan_bills()
        others = others.filtered(lambda line: line.move_id not in billed_by_plans)
        if others:
            shares[OTHERS] = others._get_net_subtotal()
        return shares

    def _get_bill_lines(self):
        """Return the lines of invoices that bill these, cancelled ones and credit notes left out."""
        return self.invoice_lines.filtered(
            lambda line: line.parent_state != 'cancel' and line.move_id._is_continuity_bill()
        )

    def _get_gross_share(self, untaxed):
        """Return a share of the line, taxes included."""
        self.ensure_one()
        if not self.price_subtotal:
            return 0.0
        return self.currency_id.round(self.price_total * untaxed / self.price_subtotal)

    def _prepare_part_for_taxes(self, untaxed):
        """Return what Odoo computes the taxes of, for a share of the line."""
        if not self.currency_id.compare_amounts(untaxed, self.price_subtotal):
            return self._prepare_base_line_for_taxes_computation()
        return self._prepare_base_line_for_taxes_computation(
            price_unit=self._get_continuity_gross(untaxed), quantity=1.0, discount=0.0, extra_tax_data=False
        )

    # === BILLING === #

    def _is_left_to_bill(self):
        """Whether any of the line is not on a bill yet."""
        self.ensure_one()
        billed = self._get_bill_lines()._get_net_subtotal()
        return self.state == 'sale' and bool(self.currency_id.compare_amounts(self.price_subtotal, billed))

    def _get_plan_part_total(self):
        """Return what these lines come to on the bill of their plans, taxes included."""
        reductions = self._get_shared()
        taken_off = sum(line._get_gross_share(line._get_part_to_bill('plan')) for line in reductions)
        return sum((self - reductions).mapped('price_total')) + taken_off

    def _get_part_to_bill(self, part):
        """Return what of the line is on a bill made now: that of the ``plan``, or one of ``other`` goods; untaxed."""
        self.ensure_one()
        shares = self._get_reduction_shares()
        if part == 'plan':
            plans = self.order_id._get_payments_to_bill().subscription_id
            return sum(shares.get(plan.id, 0.0) for plan in plans if not plan._get_plan_bills())
        return shares.get(OTHERS, 0.0) - self._get_billed_shares().get(OTHERS, 0.0)

    def _prepare_invoice_line(self, **optional_values):
        values = super()._prepare_invoice_line(**optional_values)
        if not self._get_shared():
            return values
        part = get_internal(self.env, 'continuity_part') or 'other'
        amount = self._get_part_to_bill(part)
        if self.currency_id.compare_amounts(amount, self.price_subtotal):
            values |= {'quantity': 1.0, 'discount': 0.0, 'price_unit': self._get_continuity_gross(amount)}
            values['extra_tax_data'] = False
        if part == 'plan':
            plans = self.order_id._get_payments_to_bill().subscription_id
            values |= plans.filtered(lambda plan: plan._is_worth_less_by(self))[:1]._prepare_reduction_account()
        return values
