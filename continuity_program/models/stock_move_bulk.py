import logging

from odoo import models
from odoo.fields import Domain

from .continuity_job_run import NOBODYS_FAULT
from .stock_bulk import BulkDelivery

_logger = logging.getLogger(__name__)


class StockMove(models.Model):
    """The deliveries of many child orders, made together: with what Odoo's own methods would make one by one."""

    _inherit = 'stock.move'

    # === TRANSFERS === #

    def _action_confirm(self, merge=True, merge_into=False, create_proc=True):
        if self and BulkDelivery.of(self.env):
            self._create_continuity_pickings()
        return super()._action_confirm(merge=merge, merge_into=merge_into, create_proc=create_proc)

    def _create_continuity_pickings(self):
        """Create the transfers of the moves in one go, where there is none yet that Odoo would look for."""
        drafts = self.filtered(lambda move: move.state == 'draft' and move._should_be_assigned())
        drafts = drafts.filtered(lambda move: move.product_uom.compare(move.product_uom_qty, 0.0) > 0)
        known = (
            drafts.reference_ids
            & self.env['stock.picking'].search([('reference_ids', 'in', drafts.reference_ids.ids)]).reference_ids
        )
        groups = list(
            drafts.filtered(lambda move: move.reference_ids and not move.reference_ids & known)
            .grouped(lambda move: move._key_assign_picking())
            .values()
        )
        pickings = (
            self.env['stock.picking']
            .with_context(mail_create_nolog=True)
            .create([moves._get_new_picking_values() for moves in groups])
            .with_env(self.env)
        )
        for picking, moves in zip(pickings, groups, strict=True):
            moves.picking_id = picking
            moves._assign_picking_post_process(new=True)

    # === RESERVATION === #

    def _action_assign(self, force_qty=False):
        bulk, done = BulkDelivery.of(self.env), self.browse()
        if bulk and bulk.reserves_later:
            done = self.filtered(lambda move: not move._should_bypass_reservation())
            bulk.moves_to_reserve.update(done.ids)
        elif bulk and not force_qty:
            done = self.filtered(lambda move: move._can_be_reserved_together())._reserve_together()
        return super(StockMove, self - done)._action_assign(force_qty=force_qty)

    def _reserve_afterwards(self):
        """Reserve goods for child orders that last already: together or, where that fails, transfer by transfer.

        What cannot be reserved now, Odoo's own scheduler tries again.
        """
        moves = self.exists().filtered(lambda move: move.state in ('confirmed', 'waiting', 'partially_available'))
        try:
            with self.env.cr.savepoint():
                moves.with_context(continuity_bulk=BulkDelivery())._action_assign()
                self.env.flush_all()
        except NOBODYS_FAULT:
            raise
        except Exception as error:
            pickings = moves.grouped('picking_id')
            if len(pickings) > 1:
                for waiting in pickings.values():
                    waiting._reserve_afterwards()
            else:
                _logger.warning("%s cannot be reserved yet: %s", moves.picking_id.display_name, error)

    def _can_be_reserved_together(self):
        """Whether which goods are taken does not depend on the move: any piece in stock is as good as another."""
        self.ensure_one()
        return (
            self.state == 'confirmed'
            and not self.picked
            and not self.quantity
            and not self.move_orig_ids
            and self.procure_method != 'make_to_order'
            and self.product_id.tracking == 'none'
            and self.product_uom == self.product_id.uom_id
            and self.product_id.categ_id.packaging_reserve_method != 'full'
            and not self._should_bypass_reservation()
            and not self.sudo().continuity_order_id.continuity_payment_hold
        )

    def _reserve_together(self):
        """Reserve, for each product and location, what all moves need; return the moves that got it. Where there is not
        enough for all, who gets it is left to Odoo."""
        if not self:
            return self
        reserved, values_list = self.browse(), []
        for (product, location), moves in self.grouped(lambda move: (move.product_id, move.location_id)).items():
            values = moves._prepare_shared_reservation(product, location)
            if values:
                values_list += values
                reserved |= moves
        bulk = BulkDelivery.of(self.env)
        bulk.count_reserved()
        self.env['stock.move.line'].create(values_list)
        for arguments, quantity in bulk.take_reserved().items():
            product, location, *details = arguments
            self.env['stock.quant']._update_reserved_quantity(product, location, quantity, *details)
        reserved.filtered(lambda move: move.state != 'assigned').state = 'assigned'
        reserved.picking_id._check_entire_pack()
        reserved.move_line_ids._apply_putaway_strategy()
        return reserved

    def _prepare_shared_reservation(self, product, location):
        """Return the values of the move lines that give each move all it needs, or nothing where there is not enough.

        :param self: the moves of one product and one location.
        """
        needed = sum(self.mapped('product_qty'))
        quants = self.env['stock.quant']._get_reserve_quantity(product, location, needed)
        if product.uom_id.compare(sum(quantity for _quant, quantity in quants), needed) < 0:
            return []
        values_list = []
        for move in self:
            missing = move.product_qty
            while product.uom_id.compare(missing, 0.0) > 0:
                quant, left = quants[0]
                taken = min(left, missing)
                values_list.append(move._prepare_move_line_vals(quantity=taken, reserved_quant=quant))
                missing -= taken
                quants[0] = (quant, left - taken)
                if product.uom_id.compare(left, taken) <= 0:
                    quants.pop(0)
        return values_list

    # === REORDERING RULES === #

    def _trigger_scheduler(self):
        bulk = BulkDelivery.of(self.env)
        if not bulk:
            return super()._trigger_scheduler()
        bulk.moves_to_schedule.update(self.ids)
        return None

    def _trigger_scheduler_together(self):
        """Tell reordering rules of the moves, after all of them are made; most products have none."""
        orderpoints = self.env['stock.warehouse.orderpoint'].search(
            Domain('product_id', 'in', self.product_id.ids) & Domain('trigger', '=', 'auto')
        )
        told = self.filtered(lambda move: move.product_id in orderpoints.product_id)
        told.with_context(continuity_bulk=None)._trigger_scheduler()
