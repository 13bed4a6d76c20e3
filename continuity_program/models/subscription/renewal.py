from itertools import islice

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain

from ...domain import schedule
from ..base.automatic import AUTOMATIC


class ContinuitySubscription(models.Model):
    """Going on with a subscription: renewed, extended to a bigger product, or reactivated after it was stopped
    (``docs/behaviour.md#renewing``)."""

    _inherit = 'continuity.subscription'

    renewed_by_ids = fields.One2many(comodel_name='continuity.subscription', inverse_name='renews_id', readonly=True)
    renewal_count = fields.Integer(compute='_compute_renewal_count')
    stop_date = fields.Date(
        string="Stopped On", readonly=True, copy=False, help="The first day on which nothing was sent any more."
    )

    @api.depends('renewed_by_ids')
    def _compute_renewal_count(self):
        for subscription in self:
            subscription.renewal_count = len(subscription.renewed_by_ids)

    # === ACTION METHODS === #

    def action_renew(self):
        """Make the quotation that goes on with the subscription, and open it."""
        self.ensure_one()
        self._check_selling_access()
        return self._open_renewal(self.sudo()._renew())

    def action_extend_to(self):
        """Open the dialog that asks for the bigger product."""
        self.ensure_one()
        self._check_selling_access()
        reason = self.sudo()._get_renewal_refusal() or self.sudo()._get_no_bigger_refusal()
        if reason:
            raise UserError(reason)
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Extend %(subscription)s", subscription=self.display_name),
            'res_model': 'continuity.extend',
            'view_mode': 'form',
            'target': 'new',
            'context': {'default_subscription_id': self.id},
        }

    def action_reactivate(self):
        """Go on with subscriptions that were stopped."""
        self.check_access('write')
        self.sudo()._reactivate()
        return True

    def action_view_renewals(self):
        """Show what goes on with the subscription."""
        self.ensure_one()
        self.check_access('read')
        return self.renewed_by_ids._get_records_action(name=self.env._("Renewed By"), context={})

    def action_view_renewed(self):
        """Show what the subscription goes on with."""
        self.ensure_one()
        self.check_access('read')
        return self.renews_id._get_records_action(name=self.env._("Renews"), context={})

    def _check_selling_access(self):
        self.check_access('write')
        self.env['sale.order'].check_access('create')

    def _open_renewal(self, order):
        return order.with_env(self.env)._get_records_action(name=self.env._("Renewal"), context={})

    # === RENEWING === #

    def _renew(self):
        """Make a quotation of the same product that goes on after what was planned or sent.

        :raise UserError: where there is nothing to go on with.
        :return: the quotation.
        :rtype: sale.order
        """
        self.ensure_one()
        return self._sell_on(self.product_id)

    def _extend_to(self, product):
        """Make a quotation of a bigger product of the program that goes on after what was planned or sent.

        :raise UserError: for another program's product, one that is not bigger, or with nothing to go on with.
        :return: the quotation.
        :rtype: sale.order
        """
        self.ensure_one()
        reason = self.sudo()._get_extending_refusal(product)
        if reason:
            raise UserError(reason)
        return self._sell_on(product)

    def _sell_on(self, product):
        subscription = self.sudo()
        reason = subscription._get_renewal_refusal() or subscription._get_product_refusal(product)
        if reason:
            raise UserError(reason)
        Order = self.env['sale.order'].sudo().with_context(**AUTOMATIC)
        order = Order.create(subscription._prepare_renewal_order(product)).with_env(self.env(su=True))
        renewal = order.continuity_subscription_ids
        renewal.write(subscription._prepare_renewal(renewal))
        subscription._message_log(
            body=self.env._(
                "%(user)s made %(order)s, which goes on with it.", user=self.env.user.name, order=order.name
            )
        )
        return order

    def _prepare_renewal_order(self, product):
        """Return the values of the quotation; its prices are those of today."""
        self.ensure_one()
        parent = self.order_id
        values = {
            'company_id': self.company_id.id,
            'origin': self.name,
            'partner_id': self.partner_id.id,
            'partner_invoice_id': self.partner_invoice_id.id,
            'partner_shipping_id': self.partner_shipping_id.id,
            'pricelist_id': parent.pricelist_id.id,
            'user_id': parent.user_id.id,
            'team_id': parent.team_id.id,
            'sale_order_template_id': False,
            'date_order': self.company_id._get_continuity_now(),
            'order_line': [Command.create({'product_id': product.id, 'product_uom_qty': self.quantity or 1.0})],
        }
        if self.is_fiscal_position_chosen and self.partner_shipping_id == parent.partner_shipping_id:
            values['fiscal_position_id'] = parent.fiscal_position_id.id
        return values

    def _prepare_renewal(self, renewal):
        """Return what the new subscription takes over from this one."""
        self.ensure_one()
        values = {'renews_id': self.id, 'member_number': self.member_number, **self._prepare_renewal_start()}
        token = self._get_usable_token()
        if self.payment_method == 'on_account' and self.program_id.allowed_methods != 'token':
            values |= {'payment_method': 'on_account', 'payment_token_id': False}
        elif self.payment_method == 'token' and token and self.program_id.allowed_methods != 'on_account':
            values |= {'payment_method': 'token', 'payment_token_id': token.id}
        if self.payment_term_id and self.payment_term_id in renewal.allowed_payment_term_ids:
            values['payment_term_id'] = self.payment_term_id.id
        return values

    def _prepare_renewal_start(self):
        """Return where the new subscription begins: after this one, on its rhythm unless that day is past."""
        following = self._get_following_occurrence()
        following_date = following.date + self._get_extension_delay(self._get_used_position())
        if following_date <= self.company_id._get_continuity_today():
            following_date = False
        if not self.program_id.is_calendar:
            base = following_date and schedule.shift(following_date, 0, -self.program_id.days_after_order)
            return {'start_event': following.event, 'start_date': base}
        if following.occurrence > 1:
            # Its first occurrences were sent: who begins at the event would get them again.
            return {'order_start': 'current', 'start_date': following_date}
        return {'start_event': following.event}

    def _get_following_occurrence(self):
        """Return the first occurrence after what was planned, sent or bought, or nothing.

        :rtype: schedule.Occurrence | None
        """
        self.ensure_one()
        with self._translating_schedule_errors():
            following = self._iter_occurrences(after=self._get_used_position())
            return next(islice(following, max(self.occurrences_left, 0), None), None)

    def _get_used_position(self):
        """Return the last (event ID, occurrence) that is not to be sent by another subscription: what stopping took
        away is."""
        lines = self.line_ids.filtered('program_line_id')
        taken_away = lines.filtered(lambda line: line.state == 'cancelled' and line.cancel_cause in ('stop', 'program'))
        used = [line._get_position() for line in lines - taken_away]
        if used:
            return max(used)
        event, occurrence = min((line._get_position() for line in lines), default=(self.start_event, 1))
        return event, occurrence - 1

    # === RULES === #

    def _get_renewal_refusal(self):
        """Return why nothing can go on with the subscription, or nothing."""
        self.ensure_one()
        renewal = self._get_open_renewal()
        if self.state == 'draft':
            return self.env._(
                "%(subscription)s is not confirmed yet: change its quotation instead.", subscription=self.display_name
            )
        if renewal:
            return self._get_renewed_text(renewal)
        if self.state in ('running', 'paused') and self.occurrences_left < 0:
            return self.env._(
                "%(subscription)s goes on until cancelled: there is nothing to renew.", subscription=self.display_name
            )
        reason = self.program_id._get_sale_refusal()
        if reason:
            return reason
        if not self._get_following_occurrence():
            return self.env._(
                "Program %(program)s has nothing left after what %(subscription)s sends. Add events to it, or sell "
                "another program.",
                program=self.program_id.display_name,
                subscription=self.display_name,
            )
        return None

    def _get_open_renewal(self):
        """Return what goes on with the subscription already: running, or on a quotation that stands."""
        return self.renewed_by_ids.filtered(
            lambda renewal: (
                renewal.state in ('running', 'paused')
                or (renewal.state == 'draft' and renewal.order_id.state != 'cancel')
            )
        )[:1]

    def _get_renewed_text(self, renewal):
        return self.env._(
            "%(subscription)s is renewed already by %(renewal)s on %(order)s.",
            subscription=self.display_name,
            renewal=renewal.name,
            order=renewal.order_id.name,
        )

    def _get_product_refusal(self, product):
        """Return why the product cannot be sold to go on with the subscription, or nothing."""
        if product.continuity_program_id != self.program_id:
            return self.env._(
                "%(product)s does not sell program %(program)s.",
                product=product.display_name,
                program=self.program_id.display_name,
            )
        if not product.active or not product.sale_ok:
            return self.env._(
                "%(product)s is not sold any more. Extend %(subscription)s to another product, or sell that one.",
                product=product.display_name,
                subscription=self.display_name,
            )
        return None

    def _get_extending_refusal(self, product):
        """Return why the subscription cannot be extended to a product, or nothing."""
        self.ensure_one()
        reason = self._get_product_refusal(product)
        if reason or self._is_bigger(product):
            return reason
        return self.env._(
            "%(product)s is not bigger than what %(subscription)s buys already. Renew it instead.",
            product=product.display_name,
            subscription=self.display_name,
        )

    def _is_bigger(self, product):
        """Whether a product buys more events than the subscription has: the whole program is the most."""
        self.ensure_one()
        return bool(self.event_count) and (
            not product.continuity_event_count or product.continuity_event_count > self.event_count
        )

    def _get_bigger_products(self):
        """Return the products of the program that buy more events than the subscription has."""
        self.ensure_one()
        products = self.env['product.product'].search(
            Domain('continuity_program_id', '=', self.program_id.id) & Domain('sale_ok', '=', True)
        )
        return products.filtered(self._is_bigger).sorted(lambda product: product.continuity_event_count or float('inf'))

    def _get_no_bigger_refusal(self):
        """Return why there is no product to extend the subscription to, or nothing."""
        if self._get_bigger_products():
            return None
        return self.env._(
            "Program %(program)s has no bigger product than %(product)s. Renew %(subscription)s instead.",
            program=self.program_id.display_name,
            product=self.product_id.display_name,
            subscription=self.display_name,
        )

    def _get_renewal_chain(self):
        """Return the subscriptions with all that they go on with, and all that go on with them."""
        chain = self.sudo()
        while more := (chain.renews_id | chain.renewed_by_ids) - chain:
            chain |= more
        return chain

    # === REACTIVATING === #

    def _reactivate(self):
        """Go on with stopped subscriptions as after a pause: what stopping took away is planned again.

        :raise UserError: for one that cannot go on as it was sold.
        """
        for subscription in self.sudo():
            reason = subscription._get_reactivating_refusal()
            if reason:
                raise UserError(reason)
            numbers = subscription._take_back_stopped()
            subscription._unguarded().write(
                {
                    'state': 'paused',
                    'pause_date': subscription.pause_date or subscription.stop_date,
                    'stop_date': False,
                    'cancel_reason_id': False,
                    'cancel_after_event': 0,
                }
            )
            subscription._recount_left()
            subscription._resume()
            subscription.order_id._reopen_continuity_parents()
            subscription._message_log(
                body=self.env._(
                    "Reactivated by %(user)s; planned again: %(numbers)s.",
                    user=self.env.user.name,
                    numbers=numbers or self.env._("nothing"),
                )
            )

    def _take_back_stopped(self, last_number=float('inf')):
        """Plan again what stopping took away, child orders that were stopped with it included.

        :param last_number: the number of the last shipment that comes back.
        :return: which shipments, in words.
        """
        self.ensure_one()
        lines = self.line_ids.filtered(
            lambda line: line.state == 'cancelled' and line.cancel_cause == 'stop' and line.event_number <= last_number
        )
        lines.child_line_id.write({'continuity_is_given_back': True})
        lines._unguarded().write({'is_cancelled': False, 'cancel_cause': False})
        return lines._get_box_names()

    def _get_reactivating_refusal(self):
        """Return why a stopped subscription cannot go on as it was sold, or nothing."""
        self.ensure_one()
        renewal = self._get_open_renewal()
        if self.state == 'done':
            return self.env._("%(subscription)s is done: reopen it instead.", subscription=self.display_name)
        if self.state != 'cancelled':
            return self.env._("%(subscription)s has not been stopped.", subscription=self.display_name)
        if self.order_id.state != 'sale':
            return self.env._(
                "%(order)s of %(subscription)s is cancelled. Sell it anew on a new quotation.",
                order=self.order_id.name,
                subscription=self.display_name,
            )
        if not self.quantity:
            return self.env._(
                "%(order)s does not buy %(subscription)s any more: its quantity is 0. Sell it anew.",
                order=self.order_id.name,
                subscription=self.display_name,
            )
        if self._is_settled():
            return self.env._(
                "%(subscription)s was billed in advance and has been settled: what was not sent is credited, or not "
                "billed any more. Sell it anew.",
                subscription=self.display_name,
            )
        if renewal:
            return self._get_renewed_text(renewal)
        if self.program_id.duplicate_policy == 'refuse' and self._find_duplicates():
            return self._get_duplicate_text()
        return None

    def _is_settled(self):
        """Whether a plan billed in advance does not bill all its shipments any more."""
        self.ensure_one()
        if not self.bill_upfront:
            return False
        notes = self.env['account.move'].search(
            Domain('continuity_subscription_id', '=', self.id) & Domain('state', '!=', 'cancel')
        )
        shares = sum(self.line_ids.mapped('prepaid_amount'))
        return (
            bool(notes - self.line_ids.credit_move_id)
            or any(self.payment_ids.mapped('is_cancelled'))
            or self.currency_id.compare_amounts(shares, self.order_line_id.price_subtotal) > 0
        )
