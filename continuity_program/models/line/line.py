from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...internal_context import get_internal

#: What customers read of the shipments of their plan.
PORTAL_FIELDS = {
    'child_order_id',
    'company_id',
    'currency_id',
    'date_planned',
    'discount',
    'display_name',
    'event_number',
    'id',
    'order_id',
    'partner_id',
    'partner_shipping_id',
    'price_subtotal',
    'price_total',
    'price_unit',
    'product_id',
    'product_uom_id',
    'quantity',
    'shipping_total',
    'state',
    'subscription_id',
}

#: What an agent may change on a planned line, and the flag that keeps the change.
OVERRIDE_FLAGS = {
    'price_unit': 'price_overridden',
    'discount': 'price_overridden',
    'date_planned': 'date_overridden',
    'quantity': 'quantity_overridden',
    'product_uom_id': 'quantity_overridden',
    'product_id': 'is_substituted',
    'tax_ids': 'taxes_overridden',
    'event_number': 'shipment_overridden',
    'carrier_id': 'carrier_overridden',
    'payment_term_id': 'term_overridden',
}


class ContinuityLine(models.Model):
    """One planned product of one shipment of a subscription."""

    _name = 'continuity.line'
    _description = "Continuity Line"
    _inherit = ['continuity.portal.mixin', 'continuity.given.mixin', 'continuity.guard.mixin']
    _order = 'subscription_id, event_number, id'
    _check_company_auto = True

    subscription_id = fields.Many2one(
        comodel_name='continuity.subscription', required=True, ondelete='cascade', index=True, check_company=True
    )
    company_id = fields.Many2one(related='subscription_id.company_id', store=True, precompute=True)
    partner_id = fields.Many2one(related='subscription_id.partner_id', store=True, precompute=True, index=True)
    currency_id = fields.Many2one(related='subscription_id.currency_id', store=True, precompute=True)
    order_id = fields.Many2one(
        related='subscription_id.order_id', string="Parent Order", store=True, precompute=True, index=True
    )
    program_id = fields.Many2one(related='subscription_id.program_id', store=True, precompute=True, index=True)
    user_id = fields.Many2one(related='subscription_id.user_id', store=True, precompute=True)

    event_number = fields.Integer(
        string="Shipment No.",
        compute='_compute_event_number',
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        help="Position in this subscription. Lines with the same number ship in one child order.",
    )
    program_line_id = fields.Many2one(
        comodel_name='continuity.program.line', ondelete='set null', index='btree_not_null', readonly=True
    )
    program_event_number = fields.Integer(
        string="Event ID", readonly=True, help="The program's event. 0: added by hand."
    )
    occurrence = fields.Integer(readonly=True, default=1)

    product_id = fields.Many2one(
        comodel_name='product.product',
        required=True,
        ondelete='restrict',
        index=True,
        check_company=True,
        domain="[('sale_ok', '=', True), ('continuity_program_id', '=', False)]",
    )
    quantity = fields.Float(digits='Product Unit', default=1.0, required=True)
    product_uom_id = fields.Many2one(
        comodel_name='uom.uom',
        string="Unit",
        compute='_compute_product_uom_id',
        store=True,
        readonly=False,
        precompute=True,
        required=True,
    )
    price_unit = fields.Float(string="Unit Price", min_display_digits='Product Price')
    discount = fields.Float(string="Discount (%)", digits='Discount')
    tax_ids = fields.Many2many(
        comodel_name='account.tax', string="Taxes", check_company=True, context={'active_test': False}
    )
    price_subtotal = fields.Monetary(string="Untaxed", compute='_compute_amount', store=True, precompute=True)
    price_total = fields.Monetary(string="Total", compute='_compute_amount', store=True, precompute=True)
    shipping_amount = fields.Monetary(
        string="Shipping",
        readonly=True,
        help="What the customer pays for sending it, untaxed, on the first line of a shipment.",
    )
    shipping_total = fields.Monetary(
        string="Shipping incl. Taxes", compute='_compute_shipping_total', store=True, precompute=True
    )
    date_planned = fields.Date(string="Ship On", required=True)
    date_scheduled = fields.Date(
        string="Day by the Program", readonly=True, help="The day the program gives, whatever it is sent on."
    )
    is_event_price = fields.Boolean(readonly=True, help="The price is the event's own, not a price list's.")
    carrier_id = fields.Many2one(comodel_name='delivery.carrier', check_company=True)
    payment_term_id = fields.Many2one(comodel_name='account.payment.term', check_company=True)
    partner_shipping_id = fields.Many2one(
        comodel_name='res.partner',
        string="One-off Address",
        check_company=True,
        help="Send this one elsewhere; it gets a child order of its own.",
    )

    # What was changed by hand
    price_overridden = fields.Boolean(string="Price Changed", readonly=True)
    date_overridden = fields.Boolean(string="Date Changed", readonly=True)
    quantity_overridden = fields.Boolean(string="Quantity Changed", readonly=True)
    carrier_overridden = fields.Boolean(string="Carrier Changed", readonly=True)
    term_overridden = fields.Boolean(string="Payment Schedule Changed", readonly=True)
    taxes_overridden = fields.Boolean(string="Taxes Changed", readonly=True)
    shipment_overridden = fields.Boolean(string="Shipment Changed", readonly=True)
    is_substituted = fields.Boolean(string="Product Changed", readonly=True)

    child_line_ids = fields.One2many(
        comodel_name='sale.order.line', inverse_name='continuity_line_id', string="All Child Lines", readonly=True
    )
    child_line_id = fields.Many2one(
        comodel_name='sale.order.line',
        compute='_compute_child_line_id',
        store=True,
        precompute=True,
        index='btree_not_null',
    )
    child_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Child Order",
        related='child_line_id.order_id',
        store=True,
        precompute=True,
        index='btree_not_null',
    )
    prepaid_amount = fields.Monetary(readonly=True, help="Its untaxed share of the plan billed in advance.")
    revenue_move_id = fields.Many2one(
        comodel_name='account.move', string="Revenue Transfer", readonly=True, copy=False, index='btree_not_null'
    )
    credit_move_id = fields.Many2one(
        comodel_name='account.move',
        string="Credit Note",
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="The credit note of a shipment that came back, or never came.",
    )
    is_credited = fields.Boolean(string="Credited", compute='_compute_is_credited', store=True, precompute=True)
    replaces_line_id = fields.Many2one(
        comodel_name='continuity.line',
        string="Sent Again For",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        help="The lost shipment line that this one sends again, free of charge.",
    )
    is_skipped = fields.Boolean(readonly=True)
    is_cancelled = fields.Boolean(readonly=True)
    cancel_cause = fields.Selection(
        selection=[
            ('hand', "Cancelled by hand"),
            ('stop', "Subscription stopped"),
            ('program', "Removed from the program"),
        ],
        readonly=True,
        help="Why it is not sent: what stopping or the program took away can come back.",
    )
    skip_reason = fields.Char(readonly=True)
    is_invoiced = fields.Boolean(
        string="Invoiced",
        compute='_compute_is_invoiced',
        store=True,
        precompute=True,
        help="Billed in full or, where nothing of it is billed (any more), delivered.",
    )
    state = fields.Selection(
        selection=[
            ('planned', "Planned"),
            ('ordered', "Ordered"),
            ('delivered', "Delivered"),
            ('skipped', "Skipped"),
            ('cancelled', "Cancelled"),
        ],
        compute='_compute_state',
        store=True,
        precompute=True,
    )

    _occurrence_uniq = models.UniqueIndex(
        '(subscription_id, program_line_id, occurrence) WHERE replaces_line_id IS NULL AND program_line_id IS NOT NULL',
        "An occurrence of an event is planned once in a subscription.",
    )
    _planned_idx = models.Index("(subscription_id, date_planned) WHERE state = 'planned'")
    _planned_date_idx = models.Index("(company_id, date_planned) WHERE state = 'planned'")

    # === COMPUTE METHODS === #

    @api.depends('subscription_id')
    def _compute_event_number(self):
        for line in self:
            if not line.event_number:
                line.event_number = max(line.subscription_id.line_ids.mapped('event_number'), default=0) + 1

    @api.depends('product_id')
    def _compute_product_uom_id(self):
        for line in self:
            line.product_uom_id = line._get_unit_for(line.product_id)

    @api.depends('price_unit', 'discount', 'quantity', 'tax_ids', 'product_id')
    def _compute_amount(self):
        for line in self:
            line.price_subtotal, line.price_total = line._get_amounts_with(line.tax_ids, line.price_unit)

    @api.depends('shipping_amount')
    def _compute_shipping_total(self):
        for line in self:
            line.shipping_total = line.subscription_id._add_shipping_taxes(line.shipping_amount)

    @api.depends('child_line_ids.continuity_is_given_back')
    def _compute_child_line_id(self):
        for line in self:
            child_lines = line.child_line_ids.filtered(lambda child_line: not child_line.continuity_is_given_back)
            line.child_line_id = child_lines.sorted('id')[-1:]

    @api.depends('credit_move_id.state')
    def _compute_is_credited(self):
        for line in self:
            line.is_credited = bool(line.credit_move_id) and line.credit_move_id.state != 'cancel'

    @api.depends(
        'is_skipped',
        'is_cancelled',
        'is_credited',
        'child_line_id.state',
        'child_line_id.qty_delivered',
        'child_line_id.product_uom_qty',
        'child_order_id.continuity_shipped_date',
    )
    def _compute_state(self):
        for line in self:
            line.state = line._get_state()

    def _get_state(self):
        """Return what the state is: it follows the goods."""
        self.ensure_one()
        child_line = self.child_line_id
        if (
            child_line
            and child_line.state != 'cancel'
            and not child_line.product_uom_id.is_zero(child_line.product_uom_qty)
        ):
            # Shipped and no more to come counts too, whatever was left out of it.
            is_complete = child_line.product_uom_id.compare(child_line.qty_delivered, child_line.product_uom_qty) >= 0
            is_shipped = child_line.qty_delivered > 0 and bool(child_line.order_id.continuity_shipped_date)
            if is_complete or is_shipped:
                return 'delivered'
            # What came back and is credited is not sent any more.
            return 'cancelled' if self.is_credited else 'ordered'
        if child_line or self.is_cancelled:
            return 'cancelled'
        return 'skipped' if self.is_skipped else 'planned'

    @api.depends(
        'state',
        'is_credited',
        'child_line_id.qty_invoiced',
        'child_line_id.product_uom_qty',
        'child_order_id.amount_total',
        'subscription_id.bill_upfront',
        'replaces_line_id',
    )
    def _compute_is_invoiced(self):
        for line in self:
            is_free = line.child_order_id and line.currency_id.is_zero(line.child_order_id.amount_total)
            if line.subscription_id.bill_upfront or line.is_credited or line.replaces_line_id or is_free:
                line.is_invoiced = line.state == 'delivered'
            else:
                child_line = line.child_line_id
                owed = child_line.qty_delivered if line.state == 'delivered' else child_line.product_uom_qty
                line.is_invoiced = owed > 0 and child_line.product_uom_id.compare(child_line.qty_invoiced, owed) >= 0

    @api.depends('subscription_id.name', 'event_number', 'product_id')
    @api.depends_context('lang')
    def _compute_display_name(self):
        for line in self:
            line.display_name = self.env._(
                "%(subscription)s, shipment %(number)s: %(product)s",
                subscription=line.subscription_id.name,
                number=line.event_number,
                product=line.sudo().product_id.display_name,
            )

    # === CONSTRAINT METHODS === #

    @api.constrains(
        'quantity', 'price_unit', 'discount', 'event_number', 'product_id', 'product_uom_id', 'payment_term_id'
    )
    def _check_values(self):
        for line in self:
            reason = line._get_value_error()
            if reason:
                raise ValidationError(self.env._("%(line)s: %(reason)s", line=line.display_name, reason=reason))

    def _get_value_error(self):
        """Return what is wrong with the line, or nothing."""
        self.ensure_one()
        if self.quantity <= 0:
            return self.env._("the quantity must be above 0.")
        if self.price_unit < 0:
            return self.env._("the price cannot be negative.")
        if not 0 <= self.discount <= 100:
            return self.env._("the discount must be between 0 and 100 %.")
        if self.event_number < 1:
            return self.env._("the shipment number must be 1 or more.")
        if self.product_id.continuity_program_id:
            return self.env._("a product that sells a continuity program cannot be sent by one.")
        if self.payment_term_id.early_discount:
            return self.env._("a payment term with an early payment discount cannot be a payment schedule.")
        if not self.product_uom_id._has_common_reference(self.product_id.uom_id):
            return self.env._("the unit %(unit)s does not fit the product.", unit=self.product_uom_id.name)
        return None

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        if not lines._is_unguarded():
            lines._complete_added_by_hand(vals_list)
        return lines

    def write(self, vals):
        self._refuse_insane(vals)
        is_by_hand = not self._is_unguarded() and self._get_plan_fields() & vals.keys()
        if is_by_hand:
            self._check_changed_by_hand(vals)
        result = super().write(vals)
        if is_by_hand:
            self._keep_changed_by_hand(vals)
        if 'date_planned' in vals and 'announced_date' not in vals:
            self._forget_early_announcements()
        return result

    def _check_changed_by_hand(self, vals):
        """Refuse what cannot be changed any more.

        :raise UserError: with the line and the reason.
        """
        for line in self:
            reason = line._get_change_refusal(vals)
            if reason:
                raise UserError(reason)

    def _keep_changed_by_hand(self, vals):
        """Note what was planned by hand: it stays, whatever the program or the order says later."""
        lines = self._unguarded()
        for values, changed in lines._group_by_values([line._prepare_override_values(vals) for line in lines]):
            changed.write(values)
        if {'date_planned', 'event_number'} & vals.keys():
            lines._keep_shipment_together('date_planned' in vals)
        # Of many changes of a plan, the parent line follows after all of them.
        if not get_internal(self.env, 'continuity_changing_many'):
            self.subscription_id._on_plan_changed()

    @api.ondelete(at_uninstall=True)
    def _unlink_except_planned_by_program(self):
        if self._is_unguarded() or self._is_uninstalling():
            return
        for line in self:
            if line.program_line_id or line.state != 'planned' or line.child_line_ids:
                raise UserError(
                    self.env._(
                        "%(line)s is part of the plan and cannot be deleted.",
                        line=line.display_name,
                    )
                )

    # === ACTION METHODS === #

    def action_remove(self):
        """Remove lines that were added by hand."""
        self.check_access('unlink')
        self.unlink()

    @api.model
    def _get_portal_fields(self):
        return PORTAL_FIELDS

    @api.model
    def _get_parked_subscriptions(self, domain):
        """Return the subscriptions that need attention and have planned lines in the domain."""
        lines = self.search([('state', '=', 'planned'), ('subscription_id.is_parked', '=', True), *domain])
        return lines.subscription_id
