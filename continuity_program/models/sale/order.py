from odoo import api, fields, models
from odoo.exceptions import UserError

from ...domain import gate
from ..base.automatic import AUTOMATIC, press
from ..base.plan_one2many import PlanOne2many, searching_plans

#: What, written on a quotation, changes the plans made on it.
PLAN_TERMS = {
    'partner_id',
    'partner_invoice_id',
    'partner_shipping_id',
    'pricelist_id',
    'currency_id',
    'fiscal_position_id',
    'date_order',
    'company_id',
}
#: What, written on an order, may have others pay.
PAYERS = {'partner_id', 'partner_invoice_id'}


class SaleOrder(models.Model):
    _name = 'sale.order'
    _inherit = ['sale.order', 'continuity.guard.mixin']

    continuity_role = fields.Selection(
        selection=[('parent', "Parent Order"), ('child', "Child Order")],
        string="Continuity",
        compute='_compute_continuity_role',
        store=True,
        index='btree_not_null',
    )
    continuity_parent_id = fields.Many2one(
        comodel_name='sale.order',
        string="Parent Order",
        readonly=True,
        copy=False,
        index='btree_not_null',
        check_company=True,
        ondelete='restrict',
    )
    continuity_child_ids = PlanOne2many(
        comodel_name='sale.order',
        inverse_name='continuity_parent_id',
        string="Child Orders",
        only_if='continuity_role',
        readonly=True,
    )
    continuity_child_count = fields.Integer(compute='_compute_continuity_counts')
    continuity_subscription_ids = PlanOne2many(
        comodel_name='continuity.subscription',
        inverse_name='order_id',
        string="Continuity Subscriptions",
        only_if='continuity_role',
        readonly=True,
    )
    continuity_subscription_count = fields.Integer(compute='_compute_continuity_counts')
    continuity_payment_hold = fields.Boolean(
        string="Held for Payment", readonly=True, copy=False, help="Not delivered until the customer has paid."
    )
    continuity_payment_hold_reason = fields.Char(string="Why It Is Held", readonly=True, copy=False)
    continuity_payment_ids = PlanOne2many(
        comodel_name='continuity.payment',
        inverse_name='order_id',
        string="Continuity Payments",
        only_if='continuity_role',
        readonly=True,
    )
    continuity_payment_count = fields.Integer(compute='_compute_continuity_counts')
    # Only for Odoo, which follows them from an order, and from a move, to the plans to bring in line.
    continuity_planned_line_ids = PlanOne2many(
        comodel_name='continuity.line',
        inverse_name='child_order_id',
        string="Planned Lines Sent",
        only_if='continuity_parent_id',
        readonly=True,
    )
    continuity_move_ids = PlanOne2many(
        comodel_name='stock.move',
        inverse_name='continuity_order_id',
        string="Moves of the Child Order",
        only_if='continuity_parent_id',
        readonly=True,
    )
    is_continuity_credited = fields.Boolean(compute='_compute_is_continuity_credited')
    continuity_shipped_date = fields.Date(
        string="Shipped On",
        compute='_compute_continuity_shipped_date',
        store=True,
        recursive=True,
        copy=False,
        help="When the child order has left; of a parent order, when its first one has.",
    )
    continuity_page_id = fields.Many2one(
        comodel_name='continuity.subscription',
        compute='_compute_continuity_page_id',
        help="The Continuity page that its author has not seen yet: the form opens it by itself.",
    )

    # === COMPUTE METHODS === #

    @api.depends('continuity_parent_id', 'continuity_subscription_ids')
    def _compute_continuity_role(self):
        for order in self:
            if order.continuity_parent_id:
                order.continuity_role = 'child'
            else:
                sells = searching_plans(order).continuity_subscription_ids
                order.continuity_role = 'parent' if sells else False

    @api.depends(
        'continuity_parent_id',
        'state',
        'commitment_date',
        'continuity_move_ids.state',
        'continuity_move_ids.picking_id.date_done',
        'continuity_child_ids.continuity_shipped_date',
    )
    def _compute_continuity_shipped_date(self):
        for order in self:
            if order.continuity_parent_id:
                order.continuity_shipped_date = order._get_continuity_shipped_date()
            else:
                shipped = order.continuity_child_ids.mapped('continuity_shipped_date')
                order.continuity_shipped_date = min(filter(None, shipped), default=False)

    def _get_continuity_shipped_date(self):
        """Return the day a child order shipped, or nothing: all it sends is done or cancelled, and something is done.

        Without anything to deliver it is the planned day, which may be to come.
        """
        self.ensure_one()
        if self.state != 'sale':
            return False
        if not self.continuity_move_ids:
            return bool(self.commitment_date) and self.company_id._get_continuity_day(self.commitment_date)
        # In several steps, the last one may not exist before the first is done.
        moves = self.continuity_move_ids.filtered(lambda move: move.location_dest_usage == 'customer')
        done = moves.filtered(lambda move: move.state == 'done')
        if not done or moves.filtered(lambda move: move.state not in ('done', 'cancel')):
            return False
        return self.company_id._get_continuity_day(
            max(done.picking_id.filtered('date_done').mapped('date_done'), default=max(done.mapped('date')))
        )

    def _compute_continuity_counts(self):
        parents = self.filtered(lambda order: order.continuity_role == 'parent')
        child_count = {}
        if parents:
            children = self.env['sale.order']._read_group(
                [('continuity_parent_id', 'in', parents.ids)], ['continuity_parent_id'], ['__count']
            )
            child_count = {parent.id: count for parent, count in children}
        for order in self:
            order.continuity_child_count = child_count.get(order.id, 0)
            order.continuity_payment_count = len(order.continuity_payment_ids)
            order.continuity_subscription_count = len(order._get_continuity_subscriptions())

    def _get_continuity_subscriptions(self):
        """Return the subscriptions that a parent order sold, or whose shipment a child order is."""
        children = self.filtered('continuity_parent_id')
        return self.continuity_subscription_ids | children.order_line.continuity_line_id.subscription_id

    @api.depends('order_line.continuity_line_id.is_credited')
    def _compute_is_continuity_credited(self):
        children = self.filtered('continuity_parent_id')
        (self - children).is_continuity_credited = False
        for order in children:
            order.is_continuity_credited = any(order.order_line.continuity_line_id.mapped('is_credited'))

    @api.depends('continuity_subscription_ids.is_page_shown')
    @api.depends_context('uid')
    def _compute_continuity_page_id(self):
        for order in self:
            order.continuity_page_id = order.continuity_subscription_ids.filtered(
                lambda subscription: not subscription.is_page_shown and subscription.create_uid == self.env.user
            )[:1]

    # === CRUD METHODS === #

    def write(self, vals):
        if vals.get('state', 'cancel') != 'cancel':
            self._check_continuity_reopening()
        selling = self.filtered('continuity_role') if PAYERS & vals.keys() else self.browse()
        selling._check_customer_change(vals)
        addresses = {order: order.partner_invoice_id for order in selling}
        result = super().write(vals)
        if PLAN_TERMS & vals.keys():
            self._on_terms_changed(vals)
        selling._on_invoice_address_changed(addresses)
        return result

    def _on_terms_changed(self, vals):
        """Make the plans of quotations again whose terms were changed.

        :raise UserError: for a company that does not sell the program.
        """
        drafts = self.continuity_subscription_ids.filtered(lambda subscription: subscription.state == 'draft')
        if 'company_id' in vals:
            for line in drafts.order_line_id:
                reason = line._get_continuity_refusal()
                if reason:
                    raise UserError(reason)
        if 'partner_id' in vals:
            drafts._set_default_payment_method()
        drafts._plan()
        if 'fiscal_position_id' in vals:
            sold = (self.continuity_subscription_ids - drafts).sudo()
            running = sold.filtered(lambda subscription: subscription.state in ('running', 'paused'))
            running._note_fiscal_position()
            running.line_ids._filtered_planned()._take_taxes_of_today()

    def _on_continuity_amount_changed(self):
        """Write the payments of confirmed child orders as parts of what they come to now."""
        for child in self.filtered(lambda order: order.continuity_parent_id and order.state == 'sale'):
            child.sudo().order_line.continuity_line_id.subscription_id._on_child_amount_changed(child)

    @api.ondelete(at_uninstall=False)
    def _unlink_continuity(self):
        self.filtered('continuity_role')._check_continuity_unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_with_plans(self):
        """Odoo asks by the order of names: what it refuses itself costs a plain order nothing."""
        ours = self.filtered('continuity_role')
        (self - ours).sudo().order_line._set_without_plans()
        ours.continuity_subscription_ids.sudo().unlink()
        ours.order_line._give_up_planned_lines()
        if ours:
            # PostgreSQL would otherwise look for a move's line while it deletes that with its order.
            moves = self.env['stock.move'].sudo().search([('continuity_order_id', 'in', ours.ids)])
            moves.continuity_order_id = False
            moves.flush_recordset()

    def _check_continuity_unlink(self):
        for order in self:
            ever_run = order.continuity_subscription_ids.sudo().filtered(lambda sub: sub.state != 'draft')[:1]
            if ever_run or order.sudo().continuity_child_ids:
                raise UserError(
                    self.env._(
                        "%(order)s has sold the continuity subscription %(subscription)s and cannot be deleted. "
                        "Cancel it instead.",
                        order=order.name,
                        subscription=ever_run.name or '',
                    )
                )

    # === ACTION METHODS === #

    def action_view_continuity_parent(self):
        self.ensure_one()
        return self.continuity_parent_id._get_records_action(name=self.env._("Parent Order"), context={})

    def action_view_continuity_children(self):
        self.ensure_one()
        return self.continuity_child_ids._get_records_action(name=self.env._("Child Orders"), context={})

    def action_view_continuity_subscriptions(self):
        self.ensure_one()
        subscriptions = self._get_continuity_subscriptions()
        action = self.env['ir.actions.act_window']._for_xml_id('continuity_program.continuity_subscription_action')
        action['context'] = {}
        if len(subscriptions) == 1:
            return {**action, 'views': [(False, 'form')], 'res_id': subscriptions.id}
        return {**action, 'domain': [('id', 'in', subscriptions.ids)]}

    def action_view_continuity_payments(self):
        self.ensure_one()
        return self.continuity_payment_ids._get_continuity_action()

    def action_credit_continuity(self):
        """Credit a shipment that came back, or never came, and show the credit note.

        :raise AccessError: for who may not make Odoo's own invoices and credit notes of the order.
        :raise UserError: for an order that sends no shipment.
        """
        self.ensure_one()
        self._check_continuity_billing_access()
        child = self.sudo()
        subscription = child.order_line.continuity_line_id.subscription_id
        if not subscription:
            raise UserError(self._get_no_plan_text())
        notes = subscription._credit_shipment(child)
        return notes.with_env(self.env)._get_records_action(name=self.env._("Credit Notes"), context={})

    def _check_continuity_billing_access(self):
        """:raise AccessError: for who may not make Odoo's invoices and credit notes of the orders, in the books or by
        *Create Invoice*; to write on an order is not enough."""
        self.check_access('read')
        if not self.env['account.move'].has_access('create'):
            self.check_access('write')
            self.env['sale.advance.payment.inv'].check_access('create')

    # === THE GATE ON DELIVERIES === #

    def _set_continuity_hold(self, reason):
        """Hold the deliveries of child orders for payment, or let them go on.

        The one method that writes the hold.

        :param str | bool reason: why they are held; ``False`` ends the hold.
        """
        changed = self.filtered(lambda order: (order.continuity_payment_hold_reason or False) != reason)
        released = changed.filtered(lambda order: order.continuity_payment_hold and not reason)
        changed.sudo().write({'continuity_payment_hold': bool(reason), 'continuity_payment_hold_reason': reason})
        for order in changed:
            order._message_log(body=reason or self.env._("Paid: the delivery goes on."))
        open_states = ('confirmed', 'partially_available', 'waiting', 'assigned')
        (changed - released).picking_ids.move_ids.filtered(lambda move: move.state in open_states)._do_unreserve()
        released.picking_ids.move_ids._reserve_by_type()

    def _get_continuity_hold_refusal(self):
        """Return why a child order may not be delivered for its payment, or nothing."""
        self.ensure_one()
        if not self.continuity_payment_hold:
            return None
        return self.env._(
            "%(order)s is not delivered yet: %(reason)s", order=self.name, reason=self.continuity_payment_hold_reason
        )

    def _get_continuity_window_refusal(self):
        """Return why a child order may not be delivered or invoiced yet, or nothing; late is always allowed."""
        self.ensure_one()
        planned = min(self.sudo().order_line.continuity_line_id.mapped('date_planned'), default=None)
        if not planned:
            return None
        company = self.company_id
        refusal = gate.get_window_refusal(
            planned, company._get_continuity_delivery_days(), company._get_continuity_today()
        )
        return self.env['continuity.wording']._word(refusal, order=self.name)

    # === FOLLOWERS === #

    def _follow_as_by_hand(self):
        """Subscribe to child orders who would follow them made by hand, the salesperson and who follows the team's
        orders: so a customer's answer reaches somebody."""
        for (user, team), orders in self.grouped(lambda order: (order.user_id, order.team_id)).items():
            orders.with_context(**AUTOMATIC)._message_auto_subscribe(
                {'user_id': user.id, 'team_id': team.id}, followers_existing_policy='update'
            )

    # === SHIPPING === #

    def _add_continuity_carrier_rate(self, program):
        """Add the carrier's rate of a child order as Odoo's delivery line, where the program charges it."""
        rate = self._get_continuity_carrier_rate(program)
        if rate:
            self.set_delivery_line(self.carrier_id, rate['price'])

    def _get_continuity_carrier_rate(self, program):
        """Return the carrier's answer for a child order, or nothing where the program does not charge it.

        :raise UserError: with the carrier's reason, where it has no rate.
        """
        self.ensure_one()
        if program.shipping_policy != 'carrier' or program.bill_upfront or not self.carrier_id:
            return None
        if self._is_continuity_replacement():
            return None
        rate = self.carrier_id.rate_shipment(self)
        if not rate.get('success'):
            raise UserError(
                rate.get('error_message')
                or self.env._("%(carrier)s has no rate for %(order)s.", carrier=self.carrier_id.name, order=self.name)
            )
        return rate

    # === CORE METHODS OVERRIDES === #

    def _confirmation_error_message(self):
        error = self._get_continuity_reopening_refusal() or super()._confirmation_error_message()
        if error:
            return error
        stopped = self.continuity_subscription_ids.filtered(lambda sub: sub.state in ('done', 'cancelled'))[:1]
        if stopped:
            return self.env._(
                "%(subscription)s on %(order)s has been stopped and would not run again. Sell it on a new quotation.",
                subscription=stopped.display_name,
                order=self.name,
            )
        for subscription in self.continuity_subscription_ids._get_wanted_drafts():
            reason = subscription._get_run_refusal()
            if reason:
                return reason
        return (self.continuity_role and self._get_reduction_refusal()) or False

    def _prepare_confirmation_values(self):
        values = super()._prepare_confirmation_values()
        if self.env.company._get_continuity_as_of():
            values['date_order'] = self.env.company._get_continuity_now()
        return values

    def _action_confirm(self):
        result = super()._action_confirm()
        self.filtered('continuity_role')._start_continuity()
        return result

    def _start_continuity(self):
        """Run the plans of parent orders that were confirmed, and plan what child orders bill."""
        subscriptions = self.continuity_subscription_ids
        if subscriptions:
            subscriptions._unguarded().write({'is_page_shown': True})
            subscriptions._run()
        children = self.filtered(lambda order: order.continuity_parent_id and not order._get_live_payments())
        if children:
            children._plan_continuity_payments()
        upfront = subscriptions.filtered('bill_upfront')
        if upfront:
            self.env['continuity.job.run']._wake('process_payments', upfront.sudo().payment_ids)

    def _plan_continuity_payments(self):
        """Plan what child orders bill, and hold those that wait to be paid."""
        billing = self.filtered(
            lambda child: (
                child.order_line.continuity_line_id
                and not child.order_line.continuity_line_id.subscription_id.bill_upfront
                and not child._is_continuity_replacement()
            )
        )
        self.env['continuity.subscription']._plan_child_payments(billing)
        subscriptions = self.order_line.continuity_line_id.subscription_id
        subscriptions.filtered(lambda subscription: subscription.payment_method == 'token')._update_holds()

    def _action_cancel(self):
        running = self.continuity_subscription_ids.filtered(lambda sub: sub.state in ('running', 'paused'))
        for subscription in running:
            reason = subscription._get_order_cancel_refusal()
            if reason:
                raise UserError(reason)
        result = super()._action_cancel()
        running._cancel()
        self.filtered('continuity_parent_id')._settle_cancelled_children()
        return result

    def _write_unlocked(self, changes):
        """Write on lines of orders that Odoo may have locked at confirmation; no plan follows.

        :param changes: list of (sale.order.line, values).
        """
        locked = self.filtered('locked')
        press(locked, 'action_unlock')
        for line, values in changes:
            line._without_follow_up().write(values)
        press(locked, 'action_lock')

    def _get_copiable_order_lines(self):
        # A copied plan gets shipping costs of its own.
        return super()._get_copiable_order_lines().filtered(lambda line: not line.continuity_shipping_of_id)

    def _recompute_prices(self):
        super()._recompute_prices()
        self.continuity_subscription_ids.filtered(lambda subscription: subscription.state == 'draft')._plan()

    def _get_update_prices_lines(self):
        return super()._get_update_prices_lines().filtered(lambda line: not line._is_continuity())
