from odoo import models
from odoo.exceptions import UserError


class StockMove(models.Model):
    _inherit = 'stock.move'

    def _action_assign(self, force_qty=False):
        held = self._get_continuity_sent().filtered(lambda move: move.sale_line_id.order_id.continuity_payment_hold)
        moves = self - held
        moves -= moves._reserve_later()
        if not force_qty:
            moves._reserve_together()
        return super(StockMove, moves)._action_assign(force_qty=force_qty)

    def _reserve_by_type(self):
        """Reserve goods for moves that could not be reserved so far, those that the rule of their operation type would
        have reserved by now: at once, on a day, or none. What came from a step before is handed on as ever."""
        waiting = self.filtered(lambda move: move.state in ('confirmed', 'partially_available', 'waiting'))
        waiting.filtered(
            lambda move: move._should_assign_at_confirm() or 'done' in move.move_orig_ids.mapped('state')
        )._action_assign()

    def _get_continuity_sent(self):
        """Return the moves that send goods, no returns; as the superuser, for who handles goods need not see orders."""
        return self.sudo().filtered(lambda move: move.picking_code != 'incoming' and not move.origin_returned_move_id)

    def _action_done(self, cancel_backorder=False):
        reason = self._get_continuity_refusal()
        if reason:
            raise UserError(reason)
        return super()._action_done(cancel_backorder=cancel_backorder)

    def _get_continuity_refusal(self):
        """Return why one of the moves may not be done, or nothing: every way of validating ends here."""
        sent = self._get_continuity_sent()
        for order in sent.sale_line_id.order_id.filtered('continuity_parent_id'):
            moves = sent.filtered(lambda move: move.sale_line_id.order_id == order)
            is_leaving = any(move.picking_code == 'outgoing' for move in moves)
            reason = order._get_continuity_hold_refusal() or (is_leaving and order._get_continuity_window_refusal())
            if reason:
                return reason
        return None
