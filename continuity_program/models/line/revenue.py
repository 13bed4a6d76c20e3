from odoo import api, fields, models
from odoo.fields import Command

from ...domain.money import share_out
from ..base.automatic import AUTOMATIC, press


class ContinuityLine(models.Model):
    """Revenue of what was billed in advance: earned when it is delivered (``docs/behaviour.md#revenue``)."""

    _inherit = 'continuity.line'

    revenue_date = fields.Date(
        string="Revenue Earned On",
        readonly=True,
        copy=False,
        help="When the delivered, prepaid line was accounted for.",
    )
    is_revenue_due = fields.Boolean(
        compute='_compute_is_revenue_due',
        store=True,
        precompute=True,
        help="Delivered, billed in advance or sent again, and not accounted for yet.",
    )

    _revenue_due_idx = models.Index("(subscription_id) WHERE is_revenue_due IS TRUE")

    @api.depends('state', 'is_credited', 'revenue_date', 'subscription_id.bill_upfront', 'replaces_line_id')
    def _compute_is_revenue_due(self):
        for line in self:
            line.is_revenue_due = (
                (line.subscription_id.bill_upfront or bool(line.replaces_line_id))
                and line.state == 'delivered'
                and not line.revenue_date
                and not line.is_credited
            )

    def _earn_revenue(self):
        """Post for each line, once, what its delivery has earned, and what the goods cost."""
        for line in self:
            vals_list = line._prepare_revenue_lines() + line._prepare_cost_lines()
            move = self.env['account.move']
            if vals_list:
                move = move.with_context(**AUTOMATIC).create(line._prepare_revenue_move(vals_list))
                press(move, 'action_post')
            line._unguarded().write({'revenue_move_id': move.id, 'revenue_date': line._get_delivery_day()})

    def _get_delivery_day(self):
        return self.child_order_id.continuity_shipped_date or self.company_id._get_continuity_today()

    def _prepare_revenue_move(self, vals_list):
        accounts = self._get_accounts()
        journal = self.company_id.continuity_revenue_journal_id or accounts['stock_journal']
        return {
            'move_type': 'entry',
            'company_id': self.company_id.id,
            'journal_id': journal.id,
            'date': self._get_delivery_day(),
            'ref': self.display_name,
            'line_ids': [
                Command.create(
                    {'partner_id': self.partner_id.commercial_partner_id.id, 'name': self.display_name, **vals}
                )
                for vals in vals_list
            ],
        }

    def _get_accounts(self):
        """Return the accounts of the product, after the fiscal position of its child order."""
        product = self.product_id.with_company(self.company_id)
        return product.product_tmpl_id.get_product_accounts(fiscal_pos=self.child_order_id.fiscal_position_id)

    def _prepare_revenue_lines(self):
        """Return the entry's lines that move the line's share from the bill's account to the product's income.

        In the bill's currency at the bill's own rate; the last share takes the rest.
        """
        bill_line = self.subscription_id._get_bill_line()
        if not self.company_id.continuity_revenue_journal_id or not bill_line or not self.prepaid_amount:
            return []
        rate = bill_line.balance / bill_line.amount_currency if bill_line.amount_currency else 1.0
        balance = self.company_id.currency_id.round(self.prepaid_amount * rate)
        if self._is_last_to_earn():
            balance = self.subscription_id._get_unearned_balance()
        income = self._get_accounts()['income'] or bill_line.move_id.journal_id.default_account_id
        shared = {
            'currency_id': self.currency_id.id,
            'analytic_distribution': self.child_line_id.analytic_distribution,
        }
        return [
            {
                **shared,
                'account_id': bill_line.account_id.id,
                'product_id': bill_line.product_id.id,
                'amount_currency': self.prepaid_amount,
                'balance': balance,
            },
            {
                **shared,
                'account_id': income.id,
                'product_id': self.product_id.id,
                'quantity': self.quantity,
                'amount_currency': -self.prepaid_amount,
                'balance': -balance,
            },
        ]

    def _is_last_to_earn(self):
        """Whether nothing more of the plan will be delivered after this line."""
        others = self.subscription_id.line_ids._filtered_active() - self
        return all(line.revenue_date or line.is_credited for line in others)

    def _prepare_cost_lines(self):
        """Return the lines that Odoo would post with an invoice of the goods, where their valuation is real-time."""
        product = self.product_id.with_company(self.company_id)
        accounts = self._get_accounts()
        moves = self.child_line_id.move_ids.filtered(lambda move: move.state == 'done' and not move.is_dropship)
        if not product.is_storable or product.valuation != 'real_time' or not moves:
            return []
        child_line = self.child_line_id
        quantity = child_line.product_uom_id._compute_quantity(child_line.qty_delivered, product.uom_id)
        cost = self.company_id.currency_id.round(moves._get_cogs_price_unit(quantity) * quantity)
        if not cost or not accounts['stock_valuation'] or not accounts['expense']:
            return []
        shared = {'product_id': product.id, 'quantity': quantity, 'currency_id': self.company_id.currency_id.id}
        return [
            {**shared, 'account_id': accounts['stock_valuation'].id, 'balance': -cost},
            {
                **shared,
                'account_id': accounts['expense'].id,
                'balance': cost,
                'analytic_distribution': child_line.analytic_distribution,
            },
        ]

    # === WHAT CAME BACK === #

    def _reverse_returned_revenue(self):
        """Take back the entries of the lines whose goods came back; the others keep their cost."""
        for line in self.filtered(lambda line: line._has_earned() and not line.child_line_id.qty_delivered):
            line.revenue_move_id.with_context(**AUTOMATIC)._reverse_moves(
                [{'date': line.company_id._get_continuity_today(), 'ref': line.revenue_move_id.ref}], cancel=True
            )

    def _has_earned(self):
        """Whether an entry with the line's revenue or cost stands in the books."""
        return bool(self.revenue_move_id) and not self.revenue_move_id.reversal_move_ids

    def _prepare_credits(self):
        """Return what a credit note of the lines, and of sending them, takes back from the parent's bill.

        :return: the dicts of ``continuity.subscription._create_credit_note``.
        """
        subscription = self.subscription_id
        owed = subscription._get_owed_amounts(self)
        by_box = {line: line.prepaid_amount or line.price_subtotal for line in self}
        weights = list(by_box.values())
        taken_back = [
            {'order_line': line, 'amount': owed[line], 'name': line.name} for line in subscription.shipping_line_ids
        ]
        for order_line in (subscription.order_line_id, *subscription._get_reductions()):
            # What is taken off is below 0, and shared out above it.
            sign = -1 if owed[order_line] < 0 else 1
            parts = share_out(sign * owed[order_line], weights, subscription.currency_id.rounding)
            is_goods = order_line == subscription.order_line_id
            taken_back += [
                {
                    'order_line': order_line,
                    'amount': sign * part,
                    'name': line.product_id.display_name if is_goods else order_line.name,
                    'account': line._get_accounts()['income'] if line._has_earned_revenue() else None,
                }
                for line, part in zip(by_box, parts, strict=True)
            ]
        return taken_back

    def _has_earned_revenue(self):
        return self._has_earned() and bool(
            self.revenue_move_id.line_ids.filtered(
                lambda line: line.account_id == self.subscription_id._get_bill_line().account_id
            )
        )
