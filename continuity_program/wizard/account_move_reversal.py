from odoo import models
from odoo.fields import Command

from ..internal_context import Internal


class AccountMoveReversal(models.TransientModel):
    _inherit = 'account.move.reversal'

    def reverse_moves(self, is_modify=False):
        replacing = self.with_context(continuity_replacing=Internal())
        return super(AccountMoveReversal, replacing).reverse_moves(is_modify=is_modify)

    def _modify_default_reverse_values(self, origin_move):
        """Hand the instalments of an invoice, and what was paid online for them, to the one that replaces it."""
        values = super()._modify_default_reverse_values(origin_move)
        payments = origin_move.sudo().continuity_payment_ids
        if not payments:
            return values
        payments.move_line_ids.continuity_payment_id = False
        payments.notified_date = False
        return {
            **values,
            'continuity_payment_ids': [Command.link(payment.id) for payment in payments],
            'transaction_ids': [Command.link(transaction.id) for transaction in origin_move.sudo().transaction_ids],
        }
