from odoo import models

from ...domain.money import add_discount
from ...domain.promotion import Box, Promotion, take_off_boxes

#: The promotions that a salesperson gives by Odoo's *Discount*: a share of the first boxes, and an amount.
SHARE, AMOUNT = 'share', 'amount'


class ContinuitySubscription(models.Model):
    """What is taken off the boxes of a plan that bills each of them (``docs/behaviour.md#the-order-total``).

    An addon adds promotions by ``_get_promotions``, and says by ``_get_reached`` what of a box they reach.
    """

    _inherit = 'continuity.subscription'

    def _add_discount(self, percentage):
        """Give boxes of plans billed box by box a discount more: every box on top of the one of their parent line, or
        the first ones that the program lets promotions reach."""
        for subscription in self:
            record, name = subscription.order_line_id, 'discount'
            if subscription.promotion_count:
                record, name = subscription, 'promotion_discount'
            record[name] = add_discount(record[name], percentage)

    def _get_discount_left(self):
        """Return what is still to be taken off the first boxes, taxes included: what no child order has yet."""
        self.ensure_one()
        if not self.discount_on_first or self.bill_upfront:
            return 0.0
        return max(self.currency_id.round(self.discount_on_first - self._get_taken(AMOUNT)), 0.0)

    def _get_promotions(self):
        """Return what is still to be taken off boxes that no child order sends yet.

        :rtype: list[Promotion]
        """
        self.ensure_one()
        promotions = []
        if self.promotion_discount:
            left = self._get_boxes_left(SHARE, self.promotion_count)
            promotions.append(Promotion(SHARE, self.promotion_discount / 100.0, boxes_left=left))
        if self.discount_on_first:
            promotions.append(Promotion(AMOUNT, left=self._get_discount_left()))
        return promotions

    def _get_vouchers(self):
        """Return what pays boxes to come without making them cheaper: nothing, unless an addon has gift cards.

        :rtype: list[Promotion]
        """
        return []

    def _get_taken_lines(self, key):
        """Return the lines of child orders, cancelled ones left out, by which a promotion has taken something off."""
        return self.sudo().taken_off_line_ids.filtered(
            lambda line: line.state != 'cancel' and (line.continuity_promotion or AMOUNT) == str(key)
        )

    def _get_taken(self, key):
        """Return what a promotion has taken off child orders, taxes included."""
        return -sum(min(line.price_total, 0.0) for line in self._get_taken_lines(key))

    def _get_boxes_left(self, key, boxes):
        """Return how many boxes a promotion of so many still reaches; of 0, which is all, nothing."""
        return max(boxes - len(self._get_taken_lines(key).order_id), 0) if boxes else None

    # === BOXES === #

    def _get_reached(self, key, lines, amount):
        """Return what of a shipment a promotion reaches, taxes included: all of it, unless an addon knows better.

        :param lines: the planned lines of the shipment.
        :param amount: what it costs, shipping and taxes included.
        """
        return amount

    def _prepare_box(self, lines, amount, promotions):
        """Return a shipment as a plain value.

        :param amount: what it costs, shipping and taxes included.
        :rtype: Box
        """
        keys = [promotion.key for promotion in promotions]
        return Box(amount, {key: self._get_reached(key, lines, amount) for key in keys})

    def _prepare_taken_off(self, key):
        """Return the values of the lines by which a promotion takes something off a child order."""
        return {'continuity_taken_off_id': self.id, 'continuity_promotion': key}

    def _get_reduced_amount(self, lines, amount):
        """Return what is to be paid for a shipment that costs this amount, if its child order is made next."""
        self.ensure_one()
        if self.bill_upfront or not lines._without_replacements():
            return amount
        promotions = self._get_promotions()
        box = self._prepare_box(lines, amount, promotions)
        taken = take_off_boxes([*promotions, *self._get_vouchers()], [box], self.currency_id.rounding)[0]
        return self.currency_id.round(amount - sum(taken.values()))

    def _get_box_reductions(self, shipments, with_vouchers=False):
        """Return what is taken off each of these shipments: by its child order, or else when that is made.

        :param shipments: list of ``continuity.line`` recordsets, the next one first.
        :param with_vouchers: whether to count too what gift cards will pay.
        :rtype: list[float]
        """
        self.ensure_one()
        promotions = [] if self.bill_upfront else self._get_promotions()
        vouchers = self._get_vouchers() if with_vouchers and not self.bill_upfront else []
        if not promotions and not vouchers:
            return [0.0] * len(shipments)
        taken = self._get_taken_by_order()
        planned = [lines for lines in shipments if all(line.state == 'planned' for line in lines)]
        boxes = [
            self._prepare_box(lines, sum(line.price_total + line.shipping_total for line in lines), promotions)
            for lines in planned
        ]
        to_come = take_off_boxes([*promotions, *vouchers], boxes, self.currency_id.rounding or 0.01)
        by_first = {lines[:1]: sum(off.values()) for lines, off in zip(planned, to_come, strict=True)}
        return [
            by_first[lines[:1]]
            if lines[:1] in by_first
            else sum(taken.get(order, 0.0) for order in lines.child_order_id)
            for lines in shipments
        ]

    def _get_taken_by_order(self):
        """Return what was taken off each child order of the plan, taxes included."""
        lines = self.sudo().taken_off_line_ids.filtered(lambda line: line.state != 'cancel')
        return {order: -sum(off.mapped('price_total')) for order, off in lines.grouped('order_id').items()}
