from odoo import models
from odoo.tools import format_amount, format_date

from ...domain.money import share_out
from ...domain.offer import Box, Due, Offer


class ContinuitySubscription(models.Model):
    """The one offer that page, documents, portal, mails and shop tell of a plan (``docs/behaviour.md#the-offer``)."""

    _inherit = 'continuity.subscription'

    def _get_offer(self):
        """Return what the plan costs and when it is paid, as plain values.

        :rtype: Offer
        """
        self.ensure_one()
        lines = self.line_ids._filtered_active().sorted('event_number')
        due_now = self._get_due_with_order()
        return Offer(
            boxes=self._read_boxes(list(lines.grouped('event_number').values())),
            count=self.shipment_count,
            is_planned_whole=not self.occurrences_left,
            in_advance=self.bill_upfront,
            planned_total=self.amount_total,
            planned_untaxed=self._get_untaxed_total(lines),
            due_now=due_now,
            dues=self._read_dues(),
            commitment=self.program_id.minimum_shipments,
            quantity=self.quantity,
        )

    def _read_boxes(self, boxes):
        """Return the boxes of an offer.

        :param boxes: the planned lines of each.
        """
        amounts, shipping = self._get_box_amounts(boxes), [0.0] * len(boxes)
        untaxed = [sum(lines.mapped('price_subtotal')) for lines in boxes]
        if self.bill_upfront:
            untaxed = [sum(lines.mapped('prepaid_amount')) for lines in boxes]
        else:
            shipping = [sum(lines.mapped('shipping_total')) for lines in boxes]
        return tuple(
            Box(
                day=lines[0].date_planned,
                price=self.currency_id.round(amount - sending),
                untaxed=without_taxes,
                shipping=sending,
                pieces=sum(lines.mapped('quantity')),
            )
            for lines, amount, sending, without_taxes in zip(boxes, amounts, shipping, untaxed, strict=True)
        )

    def _get_box_amounts(self, boxes):
        """Return what the customer pays for each box, shipping costs included: of a plan billed in advance its part of
        the whole; else less what is taken off the first ones.

        :param boxes: the planned lines of each, in the order they leave.
        """
        if self.bill_upfront:
            weights = [sum(lines.mapped('prepaid_amount')) + sum(lines.mapped('shipping_amount')) for lines in boxes]
            return share_out(self.amount_total, weights, self.currency_id.rounding)
        amounts = [sum(line.price_total + line.shipping_total for line in lines) for lines in boxes]
        reductions = self._get_box_reductions(boxes)
        return [self.currency_id.round(amount - off) for amount, off in zip(amounts, reductions, strict=True)]

    def _get_untaxed_total(self, lines):
        """Return what the plan so far comes to without taxes: its lines on the order, or its boxes."""
        if not self.bill_upfront:
            return sum(line.price_subtotal + line.shipping_amount for line in lines)
        return sum(self._get_plan_lines().mapped('price_subtotal')) + sum(self._get_reductions().values())

    def _read_dues(self):
        """Return what is paid later of a plan billed in advance."""
        if not self.bill_upfront:
            return ()
        later = self.sudo().payment_ids.filtered(lambda payment: not payment.is_cancelled)
        later -= self._get_payments_due_with_order()
        return tuple(Due(payment.due_date or None, payment.amount) for payment in later._by_due_date())

    def _get_next_due(self, is_first_paid=False):
        """Return the next payment of a plan that is sold, or nothing.

        :param bool is_first_paid: what was due with the order is paid, even if its bill does not know it yet.
        :rtype: Due | None
        """
        self.ensure_one()
        if self.state in ('done', 'cancelled'):
            return None
        if not self.bill_upfront:
            rows = self._get_payments_to_come()
            return Due(rows[0]['date'], rows[0]['amount']) if rows else None
        open_payments = self.sudo().payment_ids.filtered(lambda payment: payment.state not in ('paid', 'cancelled'))
        if is_first_paid:
            open_payments -= self._get_payments_due_with_order()
        first = open_payments._by_due_date()[:1]
        return Due(first.due_date or None, first.amount) if first else None

    # === WORDS === #

    def _get_summary(self, with_due=True):
        """Return the plan in one line, in the user's language.

        :param with_due: say too what is due when it is ordered.
        """
        self.ensure_one()
        lines = self.line_ids._filtered_active()
        if self.state == 'cancelled':
            return self.env._("Stopped · boxes ordered: %(count)s", count=len(set(lines.mapped('event_number'))))
        if not self.quantity:
            return ''
        if not lines:
            return self.env._("Nothing to send yet")
        return self._word_plan(self._get_offer(), with_due)

    def _word_plan(self, offer, with_due):
        """Return in words how many boxes come, from when to when, for how much."""
        values = {
            'count': offer.count,
            'first': self._format_day(offer.first_day),
            'last': self._format_day(max(box.day for box in offer.boxes)),
            'each': self._word_price(offer),
            'total': self._format_amount(offer.planned_total),
        }
        if not offer.count:
            return self.env._("Until cancelled, first %(first)s · %(each)s", **values)
        if offer.total is None:
            text = self.env._("%(count)s boxes, first %(first)s · %(each)s", **values)
        elif offer.count == 1:
            text = self.env._("1 box on %(first)s · in all %(total)s incl. taxes", **values)
        else:
            text = self.env._(
                "%(count)s boxes, first %(first)s, last %(last)s · %(each)s · in all %(total)s incl. taxes", **values
            )
        if not with_due:
            return text
        return self.env._("%(plan)s · due now %(due)s", plan=text, due=self._format_amount(offer.due_now))

    def _word_price(self, offer):
        """Return in words what the boxes cost each, taxes included; of a plan billed in advance, their parts of the
        whole."""
        lowest, highest = map(self._format_amount, offer.prices)
        amount = lowest
        if lowest != highest:
            amount = self.env._("%(lowest)s to %(highest)s", lowest=lowest, highest=highest)
        if offer.shipping:
            shipping = self._format_amount(offer.shipping)
            amount = self.env._("%(amount)s + %(shipping)s shipping", amount=amount, shipping=shipping)
        if offer.quantity != 1 and offer.pieces:
            return self.env._("%(amount)s per box of %(pieces)s", amount=amount, pieces=f"{offer.pieces:g}")
        return self.env._("%(amount)s each", amount=amount)

    def _word_later(self, offer):
        """Return in words what is paid after the order: which amounts, how often, until when."""
        if offer.in_advance:
            return self._word_dues(offer)
        lowest, highest = map(self._format_amount, offer.charges)
        amount = lowest
        if lowest != highest:
            amount = self.env._("%(lowest)s to %(highest)s", lowest=lowest, highest=highest)
        values = {
            'amount': amount,
            'rhythm': self._word_rhythm(offer.rhythm),
            'count': offer.count,
            'last': offer.last_day and self._format_day(offer.last_day),
        }
        if not offer.count:
            return self.env._("%(amount)s %(rhythm)s, until canceled", **values)
        if offer.count == 1:
            return self.env._("%(amount)s on %(last)s", **values)
        if offer.last_day:
            return self.env._("%(amount)s %(rhythm)s, %(count)s boxes, last %(last)s", **values)
        return self.env._("%(amount)s %(rhythm)s, %(count)s boxes", **values)

    def _word_dues(self, offer):
        """Return in words what is paid later of a plan billed in advance, or nothing."""
        words = [self._word_due(due) for due in offer.dues]
        if len(words) <= 3:
            return ', '.join(words)
        return self.env._(
            "%(first)s, and %(count)s more payments until %(last)s",
            first=words[0],
            count=len(words) - 1,
            last=self._format_day(offer.dues[-1].day or offer.last_day),
        )

    def _word_due(self, due):
        """Return in words how much is paid, and when."""
        amount = self._format_amount(due.amount)
        if not due.day:
            return self.env._("%(amount)s with the first box", amount=amount)
        return self.env._("%(amount)s on %(day)s", amount=amount, day=self._format_day(due.day))

    def _word_rhythm(self, rhythm):
        """Return in words how often a box comes."""
        if not rhythm:
            return self.env._("each box")
        one = {
            'day': self.env._("each day"),
            'week': self.env._("each week"),
            'month': self.env._("each month"),
            'year': self.env._("each year"),
        }
        several = {
            'day': self.env._("every %(number)s days", number=rhythm.number),
            'week': self.env._("every %(number)s weeks", number=rhythm.number),
            'month': self.env._("every %(number)s months", number=rhythm.number),
            'year': self.env._("every %(number)s years", number=rhythm.number),
        }
        return (one if rhythm.number == 1 else several)[rhythm.unit]

    def _word_end(self, offer):
        """Return in words how the plan ends, and what the customer agrees to; nothing of one that is over."""
        if self.state in ('done', 'cancelled'):
            return ''
        if not offer.count:
            end = self.env._("It goes on until you cancel it.")
        elif offer.last_day:
            end = self.env._(
                "It ends by itself after the last box, on %(last)s.", last=self._format_day(offer.last_day)
            )
        else:
            end = self.env._("It ends by itself after %(count)s boxes.", count=offer.count)
        if not offer.commitment or offer.in_advance:
            return end
        return self.env._("%(end)s You agree to at least %(count)s boxes.", end=end, count=offer.commitment)

    def _word_offer(self):
        """Return the offer in one sentence: what is paid today, what then, what in all, and what is agreed to."""
        offer = self._get_offer()
        parts = [self.env._("Due today %(amount)s", amount=self._format_amount(offer.due_now))]
        later = self._word_later(offer)
        if later:
            parts.append(self.env._("then %(later)s", later=later))
        if offer.total is not None:
            parts.append(self.env._("in all %(amount)s", amount=self._format_amount(offer.total)))
        if offer.commitment and not offer.in_advance:
            parts.append(self.env._("at least %(count)s boxes", count=offer.commitment))
        return " · ".join(parts)

    def _format_amount(self, amount):
        return format_amount(self.env, amount, self.currency_id)

    def _format_day(self, day):
        return format_date(self.env, day, date_format='d MMM y')
