from odoo import api, fields, models
from odoo.tools import frozendict


class AccountMove(models.Model):
    _inherit = 'account.move'

    continuity_payment_ids = fields.One2many(
        comodel_name='continuity.payment',
        inverse_name='invoice_id',
        string="Continuity Instalments",
        readonly=True,
        help="The instalments this invoice is paid in: each has a receivable line of its own.",
    )

    # === RECEIVABLE LINES === #

    @api.depends(
        'continuity_payment_ids.amount',
        'continuity_payment_ids.due_date',
        'continuity_payment_ids.number',
        'continuity_payment_ids.is_cancelled',
    )
    def _compute_needed_terms(self):
        super()._compute_needed_terms()
        for move in self:
            payments = move.continuity_payment_ids.filtered(lambda payment: not payment.is_cancelled).sorted('number')
            if payments and move.move_type == 'out_invoice' and move.needed_terms:
                move.needed_terms = move._get_terms_of_payments(payments)

    def _get_terms_of_payments(self, payments):
        """Return the receivable lines of the invoice, one for each payment, summing to the invoice's total.

        Once it is posted, the books tell the amounts.
        """
        self.ensure_one()
        total = sum(term['balance'] for term in self.needed_terms.values())
        total_currency = sum(term['amount_currency'] for term in self.needed_terms.values())
        last_date = max(filter(None, (key['date_maturity'] for key in self.needed_terms)), default=False)
        if self.state == 'posted':
            amounts = [
                sum(payment.move_line_ids.filtered(lambda line: line.move_id == self).mapped('amount_currency'))
                for payment in payments
            ]
        else:
            amounts = payments.mapped('amount')
        amounts = self._align(amounts, total_currency)
        terms, done_currency, done = {}, 0.0, 0.0
        for payment, amount in zip(payments, amounts, strict=True):
            done_currency += amount
            reached = self.company_currency_id.round(total * done_currency / total_currency) if total_currency else 0.0
            key = {
                'move_id': self.id,
                'date_maturity': payment.due_date or last_date,
                'discount_date': False,
                'continuity_payment_id': payment.id,
            }
            terms[frozendict(key)] = {
                'balance': reached - done,
                'amount_currency': amount,
                'discount_date': False,
                'discount_balance': 0.0,
                'discount_amount_currency': 0.0,
            }
            done = reached
        return terms

    def _align(self, amounts, total):
        """Return the instalments so that they sum to the total: the last ones take what is missing or too much."""
        amounts = list(amounts)
        difference = total - sum(amounts)
        for index in reversed(range(len(amounts))):
            changed = max(amounts[index] + difference, 0.0)
            difference -= changed - amounts[index]
            amounts[index] = self.currency_id.round(changed)
            if self.currency_id.is_zero(difference):
                break
        return amounts

    # === CORE METHODS OVERRIDES === #

    def _post(self, soft=True):
        posted = super()._post(soft=soft)
        for line in posted.line_ids.filtered('continuity_payment_id'):
            payment_sudo = line.sudo().continuity_payment_id
            if payment_sudo.currency_id.compare_amounts(payment_sudo.amount, line.amount_currency):
                payment_sudo.amount = line.amount_currency
        return posted

    def button_cancel(self):
        result = super().button_cancel()
        # Free again: the order can be invoiced anew.
        self.sudo().continuity_payment_ids.write({'invoice_id': False})
        return result
