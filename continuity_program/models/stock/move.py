from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..base.plan_one2many import init_plan_column


class StockMove(models.Model):
    _name = 'stock.move'
    _inherit = ['stock.move', 'continuity.guard.mixin']

    continuity_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Child Order",
        compute='_compute_continuity_order_id',
        store=True,
        index='btree_not_null',
        help="The child order whose goods it moves: of all others, the move itself tells that nothing is to be asked.",
    )

    def _auto_init(self):
        fill = SQL(
            """
            UPDATE stock_move move
               SET continuity_order_id = child.id
              FROM sale_order_line line
              JOIN sale_order child ON child.id = line.order_id
             WHERE line.id = move.sale_line_id AND child.continuity_parent_id IS NOT NULL
            """
        )
        init_plan_column(self, 'continuity_order_id', 'int4', fill, 'sale_order.continuity_parent_id')
        return super()._auto_init()

    @api.depends('sale_line_id')
    def _compute_continuity_order_id(self):
        for move in self:
            order_sudo = move.sudo().sale_line_id.order_id
            move.continuity_order_id = order_sudo if order_sudo.continuity_parent_id else False

    def _action_assign(self, force_qty=False):
        held = self._get_continuity_sent().filtered(lambda move: move.continuity_order_id.continuity_payment_hold)
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
        """Return the moves that send goods of child orders, no returns; as the superuser, for who handles goods need
        not see orders."""
        ours = self.filtered('continuity_order_id').sudo()
        return ours.filtered(lambda move: move.picking_code != 'incoming' and not move.origin_returned_move_id)

    def _action_done(self, cancel_backorder=False):
        reason = self._get_continuity_refusal()
        if reason:
            raise UserError(reason)
        return super()._action_done(cancel_backorder=cancel_backorder)

    def _get_continuity_refusal(self):
        """Return why one of the moves may not be done, or nothing: every way of validating ends here."""
        sent = self._get_continuity_sent()
        for order, moves in sent.grouped('continuity_order_id').items():
            is_leaving = any(move.picking_code == 'outgoing' for move in moves)
            reason = order._get_continuity_hold_refusal() or (is_leaving and order._get_continuity_window_refusal())
            if reason:
                return reason
        return None
