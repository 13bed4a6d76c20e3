from odoo import models
from odoo.exceptions import UserError

from .bulk import BulkDelivery


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
        children_sudo = self.sudo().move_ids.continuity_order_id
        if children_sudo:
            payments = children_sudo.order_line.continuity_line_id.subscription_id.payment_ids
            self.env['continuity.job.run']._wake('process_payments', payments)
        return result

    def message_post_with_source(self, source_ref, **kwargs):
        # Of thousands of transfers made at night, each has its child order beside it: no note tells where it is from.
        if source_ref == 'mail.message_origin_link' and BulkDelivery.of(self.env, 'origin note'):
            return self.env['mail.message']
        return super().message_post_with_source(source_ref, **kwargs)
