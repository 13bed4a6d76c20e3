from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command

from .continuity_guard_mixin import CHANGING_MANY

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
    _inherit = ['continuity.guard.mixin']
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
        comodel_name='sale.order.line', compute='_compute_child_line_id', store=True, index='btree_not_null'
    )
    child_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Child Order",
        related='child_line_id.order_id',
        store=True,
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
    is_credited = fields.Boolean(string="Credited", compute='_compute_is_credited', store=True)
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
        AccountTax = self.env['account.tax']
        for line in self:
            company = line.company_id or self.env.company
            base_line = AccountTax._prepare_base_line_for_taxes_computation(
                line,
                tax_ids=line.tax_ids,
                quantity=line.quantity,
                partner_id=line.partner_id,
                currency_id=line.currency_id or company.currency_id,
                rate=1.0,
            )
            AccountTax._add_tax_details_in_base_line(base_line, company)
            AccountTax._round_base_lines_tax_details([base_line], company)
            line.price_subtotal = base_line['tax_details']['total_excluded_currency']
            line.price_total = base_line['tax_details']['total_included_currency']

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
        'child_line_id.order_id.continuity_shipped_date',
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

    # === ONCHANGE === #

    @api.onchange('product_id', 'quantity', 'product_uom_id')
    def _onchange_product_id(self):
        if self.product_id and not self.price_overridden:
            self.update(self._prepare_price_values())

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        if not lines._is_planning():
            lines._complete_added_by_hand(vals_list)
        return lines

    def write(self, vals):
        if self._is_planning() or not self._get_plan_fields() & vals.keys():
            return super().write(vals)
        for line in self:
            reason = line._get_change_refusal(vals)
            if reason:
                raise UserError(reason)
        result = super().write(vals)
        lines = self._planning()
        for values, changed in lines._group_by_values([line._prepare_override_values(vals) for line in lines]):
            changed.write(values)
        if {'date_planned', 'event_number'} & vals.keys():
            self._planning()._keep_shipment_together('date_planned' in vals)
        if self.env.context.get('continuity_changing_many') is not CHANGING_MANY:
            self.subscription_id._follow_plan_change()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_planned_by_program(self):
        if self._is_planning():
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

    # === CHANGES BY HAND === #

    @api.model
    def _get_portal_fields(self):
        return PORTAL_FIELDS

    @api.model
    def _get_plan_fields(self):
        """Return the fields that users may change while a line is planned."""
        return OVERRIDE_FLAGS.keys() | {'partner_shipping_id', 'subscription_id'}

    def _get_change_refusal(self, vals):
        """Return why the line cannot take the values, or nothing."""
        self.ensure_one()
        if 'subscription_id' in vals and vals['subscription_id'] != self.subscription_id.id:
            return self.env._("%(line)s cannot move to another subscription.", line=self.display_name)
        prepaid = self.subscription_id.bill_upfront and self.subscription_id.state != 'draft'
        if prepaid and {'product_id', 'quantity', 'product_uom_id'} & vals.keys():
            return self.env._(
                "%(line)s is paid in advance: its product and quantity cannot be changed any more.",
                line=self.display_name,
            )
        product = self.env['product.product'].browse(vals.get('product_id') or [])
        if product and not product.active:
            return self._get_archived_text(product)
        if self.replaces_line_id and {'price_unit', 'discount'} & vals.keys():
            return self.env._("%(line)s is sent again free of charge.", line=self.display_name)
        if self.state != 'planned':
            return self.env._(
                "%(line)s is %(state)s and cannot be changed any more.",
                line=self.display_name,
                state=self._get_state_label().lower(),
            )
        return None

    def _prepare_override_values(self, vals):
        """Return the flags that keep what ``vals`` changed, and the price of a product put in by hand."""
        self.ensure_one()
        values = {flag: True for name, flag in OVERRIDE_FLAGS.items() if name in vals and self.program_line_id}
        return values | {name: value for name, value in self._prepare_repricing(vals).items() if name not in vals}

    def _prepare_repricing(self, vals):
        """Return what of price, discount and taxes follows from what was changed: a price changed by hand stays, with
        the taxes of the product now sent."""
        self.ensure_one()
        priced_by = {'product_id', 'quantity', 'product_uom_id', 'partner_shipping_id'}
        if self.subscription_id.price_per_event:
            # The price agreed for the event stays, per piece, while its product does.
            priced_by = {'product_id'}
        values = {}
        if self.price_overridden or {'price_unit', 'discount'} <= vals.keys():
            if 'product_id' in vals:
                values = {'tax_ids': [Command.set(self._get_product_taxes(self.product_id).ids)]}
        elif priced_by & vals.keys():
            values = self._prepare_price_values()
        if self.taxes_overridden:
            values.pop('tax_ids', None)
        return values

    def _cancel_planned(self, cause):
        """Take planned lines out of the plan.

        :param cause: a value of ``cancel_cause``.
        """
        self._unordered()._planning().write({'is_cancelled': True, 'cancel_cause': cause})

    def _is_scaled(self):
        """Whether the line follows a changed quantity of the parent line: it is not ordered yet, or was taken out of
        the plan before and can come back."""
        self.ensure_one()
        is_open = self.state == 'planned' or (self.state == 'cancelled' and not self.child_line_id)
        return is_open and not self.replaces_line_id

    def _program_lines(self):
        """Return the lines of the plan itself: what sends a lost one again counts nowhere."""
        return self.filtered(lambda line: not line.replaces_line_id)

    def _live(self):
        """Return the lines of the plan that are or were sent, or will be."""
        return self._program_lines().filtered(lambda line: line.state not in ('skipped', 'cancelled'))

    def _planned(self):
        """Return the lines of the plan that have no child order yet."""
        return self._program_lines()._unordered()

    def _unordered(self):
        """Return the lines that have no child order yet, those that send a lost one again among them."""
        return self.filtered(lambda line: line.state == 'planned')

    def _by_shipment(self):
        """Return the lines of each child order: of one subscription, shipment number and address. What is sent again
        goes by itself.

        :rtype: list[continuity.line]
        """
        return list(
            self.grouped(
                lambda line: (
                    line.subscription_id,
                    line.event_number,
                    line.partner_shipping_id or line.subscription_id.partner_shipping_id,
                    bool(line.replaces_line_id),
                )
            ).values()
        )

    def _group_by_values(self, values_list):
        """Return the lines that have the same values, so that they can be written at once.

        :param list[dict] values_list: the values of each line.
        :return: the values, with the lines.
        :rtype: list[tuple[dict, continuity.line]]
        """
        groups = {}
        for line, values in zip(self, values_list, strict=True):
            groups.setdefault(repr(sorted(values.items())), (values, []))[1].append(line.id)
        return [(values, self.browse(ids)) for values, ids in groups.values()]

    def _get_position(self):
        """Return where the line stands in its program: (event ID, occurrence), by the program's numbers of today."""
        self.ensure_one()
        return self.program_line_id.event_number or self.program_event_number, self.occurrence

    def _get_scheduled_day(self):
        """Return the day that the program gave the line, whatever it is sent on."""
        self.ensure_one()
        return self.date_scheduled or self.date_planned

    def _keep_shipment_together(self, is_date_changed):
        """What leaves together has one date: a changed one moves the whole shipment, a line that joins takes it."""
        for line in self:
            others = line._get_shipment_lines() - line
            if is_date_changed:
                others.filtered(lambda other: other.date_planned != line.date_planned).write(
                    {'date_planned': line.date_planned, 'date_overridden': True}
                )
            elif others:
                line.date_planned = others[0].date_planned

    def _get_cut_off_date(self):
        """Return the day on which the child order is due: from then on the shipment is not changed any more."""
        self.ensure_one()
        due = self.date_planned - timedelta(days=self.company_id.continuity_lead_days)
        return max(due, self.decline_until + timedelta(days=1)) if self.decline_until else due

    def _align_shipments(self):
        """Give what leaves together the date given by hand, else that of its first line that the program dates."""
        for lines in self._by_shipment():
            if len(set(lines.mapped('date_planned'))) > 1:
                dated = lines.filtered(lambda line: line.program_line_id and not line.shipment_overridden) or lines
                first = (dated.filtered('date_overridden') or dated)[0]
                lines._planning().write({'date_planned': first.date_planned})

    def _get_shipment_lines(self):
        """Return the planned lines that leave in one child order with this one."""
        self.ensure_one()
        return self.subscription_id.line_ids.filtered(
            lambda line: (
                line.state == 'planned'
                and line.event_number == self.event_number
                and line.partner_shipping_id == self.partner_shipping_id
                and bool(line.replaces_line_id) == bool(self.replaces_line_id)
            )
        ).with_env(self.env)

    def _complete_added_by_hand(self, vals_list):
        for line, vals in zip(self, vals_list, strict=True):
            reason = line._get_adding_refusal()
            if reason:
                raise UserError(reason)
            line._planning()._keep_shipment_together(is_date_changed=False)
            prices = line._prepare_price_values()
            line._planning().write({name: prices[name] for name in prices if name not in vals})
        self.subscription_id._update_parent_line()

    def _get_adding_refusal(self):
        """Return why the line cannot be added to its subscription by hand, or nothing."""
        self.ensure_one()
        subscription = self.subscription_id
        if subscription.state in ('done', 'cancelled'):
            return self.env._(
                "%(subscription)s has ended: nothing can be added.", subscription=subscription.display_name
            )
        if subscription.bill_upfront and subscription.state != 'draft':
            return self.env._(
                "%(subscription)s is paid in advance: sell what comes in addition on an order of its own.",
                subscription=subscription.display_name,
            )
        return None

    # === PRICES === #

    def _prepare_price_values(self, price_date=None, product=None):
        """Return price, discount and taxes of the line by the order's terms, or those of the day given.

        The price of an event stays that of the program while the program's product is sent. What is sent again is free.

        :param product: what is sent in place of the line's product, in the unit it would have.
        """
        self.ensure_one()
        product = product or self.product_id
        program_line = self.program_line_id if self.program_line_id.product_id == product else None
        prices = self.subscription_id._prepare_price_values(
            product,
            self.quantity,
            self._get_unit_for(product),
            program_line,
            address=self.partner_shipping_id,
            price_date=price_date,
        )
        return {**prices, 'price_unit': 0.0, 'discount': 0.0} if self.replaces_line_id else prices

    def _get_swap_total(self, product):
        """Return what the line costs, taxes included, once another product is sent in its place."""
        self.ensure_one()
        if self.price_overridden:
            prices = {'price_unit': self.price_unit, 'discount': self.discount}
            taxes = self._get_product_taxes(product)
        else:
            prices = self._prepare_price_values(product=product)
            taxes = self.env['account.tax'].browse(prices['tax_ids'][0][2])
        taxes = self.tax_ids if self.taxes_overridden else taxes
        price = prices['price_unit'] * (1 - prices['discount'] / 100)
        amounts = taxes.compute_all(
            price, self.currency_id, self.quantity, product=product, partner=self.partner_shipping_id
        )
        return amounts['total_included']

    def _get_unit_for(self, product):
        """Return the unit the line has with a product: its own where that fits, else the product's."""
        is_fitting = self.product_uom_id and self.product_uom_id._has_common_reference(product.uom_id)
        return self.product_uom_id if is_fitting else product.uom_id

    def _get_product_taxes(self, product):
        """Return the taxes of a product that is sent in the line's place."""
        subscription = self.subscription_id
        return subscription._get_taxes(product, self.partner_shipping_id or subscription.partner_shipping_id)

    def _follow_address(self):
        """Give the lines the taxes of the subscription's new address; the price before included taxes stays."""
        for line in self.filtered(lambda line: not (line.partner_shipping_id or line.taxes_overridden)):
            taxes = line.subscription_id._get_taxes(line.product_id, line.subscription_id.partner_shipping_id)
            if taxes == line.tax_ids:
                continue
            price = line.tax_ids._adapt_price_unit_to_another_taxes(
                price_unit=line.price_unit, product=line.product_id, original_taxes=line.tax_ids, new_taxes=taxes
            )
            line._planning().write({'tax_ids': [Command.set(taxes.ids)], 'price_unit': price})

    def _prepare_next_price(self, vals):
        """Return the price, as it was agreed, for the next occurrence of the same event; nothing where new prices hold
        for it that did not for this one, or another product is sent.

        :param vals: the values of the next occurrence.
        """
        if (self.product_id.id, self.product_uom_id.id) != (vals['product_id'], vals['product_uom_id']):
            return {}
        start = self.program_id.new_price_date
        if start and self.date_planned < start <= vals['date_planned'] and not self.price_overridden:
            return {}
        return {
            'price_unit': self.price_unit,
            'discount': self.discount,
            'price_overridden': self.price_overridden,
            'tax_ids': [Command.set(self.tax_ids.ids)],
        }

    def _prepare_plan_update(self, vals):
        """Return what of the values of a plan made again concerns this line: what was changed by hand stays."""
        kept = {name for name, flag in OVERRIDE_FLAGS.items() if self[flag]}
        if self.is_substituted or self.product_uom_id.id != vals['product_uom_id']:
            kept |= {'product_uom_id', 'price_unit', 'discount', 'tax_ids'}
        return {name: value for name, value in vals.items() if name not in kept and self._differs(name, value)}

    def _differs(self, name, value):
        field = self._fields[name]
        if field.type == 'many2many':
            return self[name].ids != value[0][2]
        return field.convert_to_write(self[name], self) != value

    # === CHILD ORDERS === #

    def _get_order_refusal(self):
        """Return why no child order can be made of the line, or nothing."""
        self.ensure_one()
        return None if self.product_id.active else self._get_archived_text(self.product_id)

    def _get_archived_text(self, product):
        return self.env._(
            "%(product)s, shipment %(number)s of %(subscription)s, is archived. Put another product into the plan, or "
            "restore it.",
            product=product.display_name,
            number=self.event_number,
            subscription=self.subscription_id.display_name,
        )

    def _prepare_child_line(self):
        """Return the values of the child order's line."""
        self.ensure_one()
        prices = self._prepare_child_price()
        return {
            'product_id': self.product_id.id,
            'product_uom_id': self.product_uom_id.id,
            'product_uom_qty': self.quantity,
            **prices,
            'technical_price_unit': prices['price_unit'],
            'analytic_distribution': self.subscription_id.order_line_id.analytic_distribution,
            'continuity_line_id': self.id,
        }

    def _prepare_child_price(self):
        """Return the price, discount and taxes that a child order made today has. Prepaid lines carry no price."""
        self.ensure_one()
        prices = {
            'price_unit': self.price_unit,
            'discount': self.discount,
            'tax_ids': [Command.set(self.tax_ids.ids)],
        }
        if self.subscription_id.bill_upfront or self.replaces_line_id:
            prices |= {'price_unit': 0.0, 'discount': 0.0}
        elif self._has_current_price():
            prices |= self._prepare_price_values(self.company_id._get_continuity_now())
        return prices

    def _take_price_of(self, child_line):
        """Note in the plan the price at which the line was ordered."""
        self._planning().write(
            {
                'price_unit': child_line.price_unit,
                'discount': child_line.discount,
                'tax_ids': [Command.set(child_line.tax_ids.ids)],
            }
        )

    def _has_current_price(self):
        """Whether the price list of the day the child is made counts."""
        self.ensure_one()
        return (
            self.program_id.price_policy == 'current'
            and not self.price_overridden
            and not self.instead_of_id
            and not self.replaces_line_id
            and not self.subscription_id.price_per_event
            and not self.subscription_id.bill_upfront
        )

    @api.model
    def _get_parked_subscriptions(self, domain):
        """Return the subscriptions that need attention and have planned lines in the domain."""
        lines = self.search([('state', '=', 'planned'), ('subscription_id.is_parked', '=', True), *domain])
        return lines.subscription_id
