from odoo import api, fields, models
from odoo.fields import Domain


class SaleOrder(models.Model):
    """Closing parent orders, and opening them again (``docs/behaviour.md#closing``)."""

    _inherit = 'sale.order'

    continuity_is_closed = fields.Boolean(
        string="Closed with Its Subscriptions",
        readonly=True,
        copy=False,
        help="Locked because all its continuity subscriptions have ended and everything is invoiced.",
    )

    _continuity_closable_idx = models.Index(
        "(id) WHERE continuity_role = 'parent' AND state = 'sale' AND invoice_status = 'invoiced'"
        " AND continuity_is_closed IS NOT TRUE"
    )

    @api.model
    def _get_continuity_closable_domain(self):
        """Return the parent orders to close: their subscriptions have all ended, their other lines are invoiced. One
        that was unlocked by hand afterwards stays so."""
        return (
            Domain('continuity_role', '=', 'parent')
            & Domain('state', '=', 'sale')
            & Domain('locked', '=', False)
            & Domain('continuity_is_closed', '=', False)
            & Domain('invoice_status', '=', 'invoiced')
            & Domain('continuity_subscription_ids', 'not any', [('state', 'not in', ('done', 'cancelled'))])
        )

    def _close_continuity_parents(self):
        """Lock the parent orders that are to be closed."""
        closed = self.filtered_domain(self._get_continuity_closable_domain())
        closed.action_lock()
        closed.sudo().write({'continuity_is_closed': True})

    def _reopen_continuity_parents(self):
        """Unlock the parent orders that were locked by closing: a subscription of theirs goes on."""
        closed = self.sudo().filtered('continuity_is_closed')
        closed.filtered('locked').action_unlock()
        closed.write({'continuity_is_closed': False})
