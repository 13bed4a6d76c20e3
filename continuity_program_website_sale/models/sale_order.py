from odoo import fields, models
from odoo.exceptions import ValidationError


class SaleOrder(models.Model):
    """Carts with continuity plans (``docs/behaviour.md#shop``)."""

    _inherit = 'sale.order'

    def _compute_cart_info(self):
        super()._compute_cart_info()
        # Whatever the parent product is, its plan sends goods, and so needs an address.
        self.filtered(lambda order: order._get_cart_plans()).only_services = False

    def _get_cart_plans(self):
        """Return the plans that can still be ordered."""
        return self.continuity_subscription_ids._get_wanted_drafts()

    # === DELIVERY === #

    def _has_deliverable_products(self):
        """Leave out the parent lines: a plan's shipments have carriers of their own."""
        if not super()._has_deliverable_products():
            return False
        return not self.continuity_subscription_ids or any(
            line.product_id.type != 'service' and not line.is_continuity_parent
            for line in self.website_order_line.filtered('product_id')
        )

    def _get_delivery_methods(self):
        methods = super()._get_delivery_methods()
        return methods if self._has_deliverable_products() else methods.browse()

    def _verify_cart_after_update(self):
        super()._verify_cart_after_update()
        if not self._has_deliverable_products():
            self._remove_delivery_line()
        self.continuity_subscription_ids._take_back_consent()

    # === CHECKOUT === #

    def _recompute_cart(self):
        """Plan from today: a cart may have been left for weeks."""
        super()._recompute_cart()
        if self._get_cart_plans():
            self.date_order = fields.Datetime.now()

    def _get_plan_refusal(self):
        """Return why a plan in the cart cannot be ordered, or nothing."""
        return next(filter(None, (plan._get_run_refusal() for plan in self._get_cart_plans())), None)

    def _check_cart_is_ready_to_be_paid(self):
        reason = self._get_plan_refusal()
        if reason:
            raise ValidationError(reason)
        if self._get_cart_plans() and not self._has_deliverable_products() and self._is_cart_ready():
            # No shipping method to select.
            return
        super()._check_cart_is_ready_to_be_paid()

    def _get_still_due(self):
        """Return what is to be paid now: goods and instalments of today, without what was paid already."""
        self.ensure_one()
        if not self._get_cart_plans():
            return self.amount_total
        return max(self._get_due_with_order() - self.amount_paid, 0.0)

    def _get_prepayment_required_amount(self):
        """Confirm a cart with plans once what is due now is paid, and not by any other amount."""
        if self.website_id and self._get_cart_plans():
            return self._get_due_with_order()
        return super()._get_prepayment_required_amount()

    def _filter_can_send_abandoned_cart_mail(self):
        """Remind of plans too: that their parent lines have the price 0 does not make them free."""
        plans = self.filtered(lambda order: order._get_cart_plans() and not order.amount_total)
        reminded = super()._filter_can_send_abandoned_cart_mail()
        return reminded | plans.filtered(
            lambda cart: (
                cart.partner_id.email
                and 'error' not in cart.transaction_ids.sudo().mapped('state')
                and not self.search_count(
                    [
                        ('state', '=', 'sale'),
                        ('partner_id', '=', cart.partner_id.id),
                        ('website_id', '=', cart.website_id.id),
                        ('date_order', '>=', cart.create_date),
                    ],
                    limit=1,
                )
            )
        )
