from odoo import api, models


class AccountPartialReconcile(models.Model):
    _inherit = 'account.partial.reconcile'

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        partials._get_continuity_payments()._on_settlement_changed()
        return partials

    def unlink(self):
        payments = self._get_continuity_payments()
        result = super().unlink()
        payments._on_settlement_changed()
        return result

    def _get_continuity_payments(self):
        """Return the instalments whose receivable lines are settled here, by whatever means."""
        return self.debit_move_id.sudo().continuity_payment_id
