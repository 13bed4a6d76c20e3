from odoo import fields, models


class AccountMoveLine(models.Model):
    _inherit = 'account.move.line'

    continuity_points_back = fields.Float(
        string="Points Given Back",
        readonly=True,
        copy=False,
        help="What the credit note has put back on the gift card or e-wallet that had paid.",
    )

    def _set_points_back(self, card, points):
        """Put so many points back on a card, and no more than that, however often it is asked."""
        self.ensure_one()
        card.points += points - self.continuity_points_back
        self.sale_line_ids.order_id[:1]._update_loyalty_history(card, self.continuity_points_back - points)
        self.continuity_points_back = points


class AccountMove(models.Model):
    """Credit notes of plans: what a gift card or an e-wallet had paid goes back there."""

    _inherit = 'account.move'

    def _post(self, soft=True):
        posted = super()._post(soft=soft)
        for line, card in posted._get_voucher_credits():
            reward = line.sale_line_ids.reward_id[:1].sudo()
            amount = line.currency_id._convert(
                -line.price_total, reward.currency_id, line.company_id, line.move_id.invoice_date
            )
            line._set_points_back(card, card.currency_id.round(amount / reward.discount))
        return posted

    def button_draft(self):
        result = super().button_draft()
        for line, card in self._get_voucher_credits():
            line._set_points_back(card, 0.0)
        return result

    def _get_voucher_credits(self):
        """Return the lines of these credit notes that take back what a gift card or an e-wallet has paid of a plan.

        :return: list of (account.move.line, loyalty.card).
        """
        notes = self.filtered(lambda move: move.move_type == 'out_refund')
        lines = notes.sudo().invoice_line_ids.filtered(
            lambda line: (
                line.price_total < 0
                and line.sale_line_ids.order_id.filtered('continuity_role')
                and any(sold._is_voucher() for sold in line.sale_line_ids)
            )
        )
        return [(line, line.sale_line_ids.coupon_id[:1]) for line in lines]
