from odoo import models
from odoo.exceptions import UserError


class StockMove(models.Model):
    _inherit = 'stock.move'

    def _action_assign(self, force_qty=False):
        held = self.filtered(lambda move: move.sale_line_id.order_id.continuity_payment_hold)
        return super(StockMove, self - held)._action_assign(force_qty=force_qty)

    def _action_done(self, cancel_backorder=False):
        reason = self._get_continuity_refusal()
        if reason:
            raise UserError(reason)
        return super()._action_done(cancel_backorder=cancel_backorder)

    def _get_continuity_refusal(self):
        """Return why one of the moves may not be done, or nothing: every way of validating ends here."""
        for order in self.sale_line_id.order_id.filtered('continuity_parent_id'):
            moves = self.filtered(lambda move: move.sale_line_id.order_id == order)
            is_leaving = any(moves.mapped(lambda move: move.picking_code == 'outgoing'))
            reason = order._get_continuity_hold_refusal() or (is_leaving and order._get_continuity_window_refusal())
            if reason:
                return reason
        return None
