from odoo import models
from odoo.exceptions import UserError


class StockPicking(models.Model):
    _inherit = 'stock.picking'

    def _sanity_check(self, *args, **kwargs):
        # Told before any dialog is opened; what counts is the same check where the moves are done.
        reason = self.move_ids._get_continuity_refusal()
        if reason:
            raise UserError(reason)
        return super()._sanity_check(*args, **kwargs)

    def _is_continuity_packed(self):
        """Whether somebody has begun to pick or pack the goods of these transfers."""
        return (
            'done' in self.mapped('state')
            or any(self.move_ids.mapped('picked'))
            or bool(self.move_line_ids.result_package_id)
        )

    def _action_done(self):
        result = super()._action_done()
        if self.sale_id.filtered('continuity_parent_id'):
            self.env['continuity.job.run']._trigger_cron('process_payments')
        return result
