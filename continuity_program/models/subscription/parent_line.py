from odoo import models

from ...domain.money import share_out


class ContinuitySubscription(models.Model):
    """What the parent line bills of the plan, and says of it."""

    _inherit = 'continuity.subscription'

    def _update_parent_line(self):
        """Give the parent lines of drafts the price of what they bill and the plan in words, for all documents."""
        for subscription in self.sudo().filtered(lambda subscription: subscription.state == 'draft'):
            line = subscription.order_line_id
            line._update_continuity_price()
            subscription._update_shipping_line()
            subscription._share_prepaid()
            subscription._plan_upfront_payments()
            subscription._update_plan_text()

    def _update_plan_text(self):
        """Write the plan in words, in the customer's language, into the parent line's description."""
        self.ensure_one()
        line, old_text = self.order_line_id, self.plan_text
        text = self.with_context(lang=self.partner_id.lang)._get_summary(with_due=False)
        if text == (old_text or ''):
            return
        line.name = line.name.replace(old_text, text) if old_text and old_text in line.name else f"{line.name}\n{text}"
        self._unguarded().plan_text = text

    def _share_prepaid(self):
        """Share the plan's untaxed amount, less what is taken off it, among the shipments that it pays, to the last
        unit."""
        for subscription in self.filtered('bill_upfront'):
            lines = subscription.line_ids._filtered_active()
            shares = share_out(
                subscription._get_goods_amount(),
                lines.mapped('price_subtotal'),
                subscription.currency_id.rounding,
            )
            for line, share in zip(lines, shares, strict=True):
                if subscription.currency_id.compare_amounts(line.prepaid_amount, share):
                    line._unguarded().prepaid_amount = share
