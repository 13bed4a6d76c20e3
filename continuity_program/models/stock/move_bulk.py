import logging

from odoo import api, models
from odoo.fields import Domain

from ..base.isolation import isolate_each
from .bulk import BulkDelivery

_logger = logging.getLogger(__name__)


class StockMove(models.Model):
    """The deliveries of many child orders, made together: with what Odoo's own methods would make one by one."""

    _inherit = 'stock.move'

    # === TRANSFERS === #

    def _action_confirm(self, merge=True, merge_into=False, create_proc=True):
        bulk = BulkDelivery.of(self.env, 'transfers')
        if not bulk or not self:
            return super()._action_confirm(merge=merge, merge_into=merge_into, create_proc=create_proc)
        made = self._create_continuity_pickings(bulk)
        bulk.transfers |= made
        confirmed = super()._action_confirm(merge=merge, merge_into=merge_into, create_proc=create_proc)
        unused = [bulk.transfers.pop(key) for key in made if key in bulk.transfers]
        self.env['stock.picking'].union(*unused).unlink()
        return confirmed

    def _create_continuity_pickings(self, bulk):
        """Create the transfers of the moves in one go, where there is none yet that Odoo would look for.

        :return: the transfers, by the key of Odoo's grouping.
        :rtype: dict[tuple, stock.picking]
        """
        drafts = self.filtered(lambda move: move.state == 'draft' and move._should_be_assigned())
        drafts = drafts.filtered(lambda move: move.product_uom.compare(move.product_uom_qty, 0.0) > 0)
        known = (
            drafts.reference_ids
            & self.env['stock.picking'].search([('reference_ids', 'in', drafts.reference_ids.ids)]).reference_ids
        )
        new = drafts.filtered(lambda move: move.reference_ids and not move.reference_ids & known)
        groups = {
            key: moves
            for key, moves in new.grouped(lambda move: move._key_assign_picking()).items()
            if key not in bulk.transfers
        }
        pickings = (
            self.env['stock.picking']
            .with_context(mail_create_nolog=True)
            .create([moves._get_new_picking_values() for moves in groups.values()])
            .with_env(self.env)
        )
        return dict(zip(groups, pickings, strict=True))

    def _assign_picking(self):
        """Put moves into the transfers made for them beforehand."""
        bulk = BulkDelivery.of(self.env, 'transfers')
        if not bulk or not bulk.transfers:
            return super()._assign_picking()
        placed = self.browse()
        for key, moves in self.grouped(lambda move: move._key_assign_picking()).items():
            picking = bulk.transfers.pop(key, None)
            if picking:
                moves.picking_id = picking.id
                moves._assign_picking_post_process(new=True)
                placed |= moves
        return super(StockMove, self - placed)._assign_picking()

    # === RESERVATION === #

    def _reserve_later(self):
        """Return the moves whose goods are reserved in a transaction of its own, and take note of them."""
        bulk = BulkDelivery.of(self.env)
        if not bulk or not bulk.reserves_later:
            return self.browse()
        later = self.filtered(lambda move: not move._should_bypass_reservation())
        bulk.moves_to_reserve.update(later.ids)
        return later

    def _reserve_deferred(self):
        """Reserve goods for child orders that last already: together or, where that fails, transfer by transfer.

        What cannot be reserved now, Odoo's own scheduler tries again.
        """
        moves = self.exists().filtered(lambda move: move.state in ('confirmed', 'waiting', 'partially_available'))
        pickings = [*moves.grouped('picking_id').values()]
        for waiting, error in isolate_each(self.env, pickings, self._assign_together):
            _logger.warning("%s cannot be reserved yet: %s", waiting.picking_id.display_name, error)

    @api.model
    def _assign_together(self, pickings):
        """Reserve the moves of many transfers."""
        self.browse().union(*pickings).with_context(continuity_bulk=BulkDelivery())._action_assign()
        self.env.flush_all()

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
        )

    def _reserve_together(self):
        """Reserve, for each product and location, what all moves need: to Odoo, which comes next, they are reserved.
        Where there is not enough for all, who gets it is left to Odoo."""
        bulk = BulkDelivery.of(self.env, 'reservation')
        if not bulk or bulk.reserved is not None:
            # Asked in the midst of it, by an automatic batch that the goods join: Odoo finds them reserved.
            return
        alike = self.filtered(lambda move: move._can_be_reserved_together())
        reserved, values_list = self.browse(), []
        for (product, location), moves in alike.grouped(lambda move: (move.product_id, move.location_id)).items():
            values = moves._prepare_shared_reservation(product, location)
            if values:
                values_list += values
                reserved |= moves
        bulk.count_reserved()
        self.env['stock.move.line'].create(values_list)
        for arguments, quantity in bulk.take_reserved().items():
            product, location, *details = arguments
            self.env['stock.quant']._update_reserved_quantity(product, location, quantity, *details)
        reserved.filtered(lambda move: move.state != 'assigned').state = 'assigned'
        if reserved.move_line_ids.package_id:
            # Before a place is chosen for the goods, as Odoo does it.
            reserved.picking_id._check_entire_pack()
        reserved.move_line_ids._apply_putaway_strategy()

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
        bulk = BulkDelivery.of(self.env, 'reordering')
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
