from odoo import models
from odoo.exceptions import UserError


class SaleOrder(models.Model):
    """Who buys and who pays: one fact, on the parent order (``docs/behaviour.md#payments``)."""

    _inherit = 'sale.order'

    def _check_customer_change(self, vals):
        """:raise UserError: for another customer of an order whose plans run, or of a child order."""
        partner = self.env['res.partner'].browse(vals.get('partner_id'))
        for order in self if partner else self.browse():
            reason = order._get_customer_change_refusal(partner)
            if reason:
                raise UserError(reason)

    def _get_customer_change_refusal(self, partner):
        """Return why the order cannot be another customer's, or nothing; a contact of the same one can have it."""
        self.ensure_one()
        if partner.commercial_partner_id == self.partner_id.commercial_partner_id:
            return None
        plans = self._get_continuity_subscriptions().sudo().filtered(lambda plan: plan.state != 'draft')
        if not plans and not self.continuity_parent_id:
            return None
        return self.env._(
            "%(order)s is an order of %(subscription)s, which was sold to %(customer)s. Sell it to %(partner)s on a "
            "new quotation, and stop this one.",
            order=self.name,
            subscription=plans[:1].display_name,
            customer=self.partner_id.display_name,
            partner=partner.display_name,
        )

    def _on_invoice_address_changed(self, old_addresses):
        """Have what is not billed yet paid by whom the parent orders name now: child orders, and bills in draft.

        :param dict old_addresses: the invoice address that each order had.
        """
        for order in self.sudo():
            old, new = old_addresses[order.sudo(False)], order.partner_invoice_id
            if old == new:
                continue
            children = order.continuity_child_ids.filtered(
                lambda child, old=old: child.partner_invoice_id == old and child._is_still_unbilled()
            )
            children.write({'partner_invoice_id': new.id})
            bills = (order | children).continuity_payment_ids.invoice_id.filtered(
                lambda bill, old=old: bill.state == 'draft' and bill.partner_id == old
            )
            for bill in bills:
                # Odoo would take the terms of the new payer: these were agreed.
                kept = ('invoice_payment_term_id', 'fiscal_position_id')
                bill.write({'partner_id': new.id, **{name: bill[name].id for name in kept}})

    def _is_still_unbilled(self):
        """Whether no bill of the order is posted."""
        self.ensure_one()
        return self.state != 'cancel' and not self.invoice_ids._get_posted_bills()
