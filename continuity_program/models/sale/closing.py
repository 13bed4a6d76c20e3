from odoo import api, fields, models
from odoo.fields import Domain

from ..base.automatic import press
from ..base.tracking import Notes, log_tracking


class SaleOrder(models.Model):
    """Closing parent orders, and opening them again (``docs/behaviour.md#closing``)."""

    _inherit = 'sale.order'

    continuity_is_closed = fields.Boolean(
        string="Closed with Its Subscriptions",
        readonly=True,
        copy=False,
        help="Locked because all its continuity subscriptions have ended and everything is invoiced.",
    )

    continuity_has_ended = fields.Boolean(
        string="All Its Subscriptions Have Ended", compute='_compute_continuity_has_ended', store=True
    )

    # What is in it is what is to be closed: it stays small, however many orders run or were closed.
    _continuity_closable_idx = models.Index(
        "(id) WHERE continuity_has_ended IS TRUE AND state = 'sale' AND locked IS NOT TRUE"
        " AND invoice_status = 'invoiced' AND continuity_is_closed IS NOT TRUE"
    )

    @api.depends('continuity_subscription_ids.state')
    def _compute_continuity_has_ended(self):
        for order in self:
            states = set(order.continuity_subscription_ids.mapped('state'))
            order.continuity_has_ended = bool(states) and states <= {'done', 'cancelled'}

    @api.model
    def _get_continuity_closable_domain(self):
        """Return the parent orders to close: their subscriptions have all ended, their other lines are invoiced. One
        that was unlocked by hand afterwards stays so."""
        return (
            Domain('continuity_role', '=', 'parent')
            & Domain('continuity_has_ended', '=', True)
            & Domain('state', '=', 'sale')
            & Domain('locked', '=', False)
            & Domain('invoice_status', '=', 'invoiced')
            & Domain('continuity_is_closed', '=', False)
        )

    def _close_continuity_parents(self):
        """Lock the parent orders that are to be closed."""
        closed = self.filtered_domain(self._get_continuity_closable_domain())
        if not closed:
            return
        press(closed.with_context(tracking_disable=True), 'action_lock')
        closed._log_lock()
        closed.sudo().write({'continuity_is_closed': True})

    def _log_lock(self):
        """Note on each order that it was locked, as Odoo would, on all of them together."""
        tracked, author = self.fields_get(['locked']), self.env.user.partner_id
        changes = {order: order._mail_track(tracked, {'locked': False})[1] for order in self}
        log_tracking(self, Notes((order.id, '', author.id, commands) for order, commands in changes.items()))

    def _reopen_continuity_parents(self):
        """Unlock the parent orders that were locked by closing: a subscription of theirs goes on."""
        closed = self.sudo().filtered('continuity_is_closed')
        press(closed.filtered('locked'), 'action_unlock')
        closed.write({'continuity_is_closed': False})
