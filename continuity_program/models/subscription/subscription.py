from odoo import api, fields, models
from odoo.exceptions import UserError

from ...domain import sanity

#: What, written on a draft, makes the plan again.
PLAN_FIELDS = {
    'start_date',
    'order_start',
    'start_event',
    'bill_upfront',
    'payment_term_id',
    'quantity',
    'event_count',
    'price_per_event',
    'discount_on_first',
    'promotion_discount',
    'partner_shipping_id',
    'partner_invoice_id',
}
#: Of these, what a running subscription keeps as it was sold.
SOLD_FIELDS = PLAN_FIELDS - {'partner_shipping_id', 'partner_invoice_id', 'payment_term_id', 'quantity'}
#: What can be changed while it runs, and not once it has ended.
LIVE_FIELDS = {'partner_shipping_id', 'partner_invoice_id', 'payment_term_id', 'payment_method', 'payment_token_id'}


class ContinuitySubscription(models.Model):
    """One customer's copy of a program: the Continuity page of one parent order line."""

    _name = 'continuity.subscription'
    _description = "Continuity Subscription"
    _inherit = [
        'continuity.tracking.mixin',
        'mail.thread',
        'mail.activity.mixin',
        'portal.mixin',
        'continuity.parking.mixin',
        'continuity.portal.mixin',
        'continuity.given.mixin',
        'continuity.guard.mixin',
    ]
    _order = 'id desc'
    _check_company_auto = True

    name = fields.Char(
        required=True, readonly=True, copy=False, index='trigram', default=lambda self: self.env._("New")
    )
    member_number = fields.Char(tracking=True, help="The customer's number in the program, where members have one.")
    order_line_id = fields.Many2one(
        comodel_name='sale.order.line',
        string="Parent Order Line",
        required=True,
        readonly=True,
        ondelete='cascade',
        check_company=True,
    )
    order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Parent Order",
        required=True,
        readonly=True,
        ondelete='cascade',
        check_company=True,
        index=True,
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, precompute=True, index=True)
    partner_id = fields.Many2one(
        related='order_id.partner_id', string="Customer", store=True, precompute=True, index=True
    )
    currency_id = fields.Many2one(related='order_id.currency_id', store=True, precompute=True)
    user_id = fields.Many2one(related='order_id.user_id', string="Salesperson", store=True, precompute=True, index=True)
    partner_invoice_id = fields.Many2one(
        related='order_id.partner_invoice_id',
        string="Invoice Address",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        tracking=True,
        help="Who gets the bills: as on the parent order. Changed here or there, what is not billed yet follows.",
    )
    partner_shipping_id = fields.Many2one(
        comodel_name='res.partner',
        string="Delivery Address",
        compute='_compute_partner_shipping_id',
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index='btree_not_null',
        tracking=True,
    )
    program_id = fields.Many2one(
        comodel_name='continuity.program',
        required=True,
        readonly=True,
        ondelete='restrict',
        index=True,
        check_company=True,
    )
    program_revision = fields.Integer(readonly=True)
    new_price_date = fields.Date(
        readonly=True, help="The day from which the plan has the program's new prices, where the program named one."
    )
    product_id = fields.Many2one(
        related='order_line_id.product_id', string="Parent Product", store=True, precompute=True
    )
    quantity = fields.Float(
        compute='_compute_quantity',
        inverse='_inverse_quantity',
        store=True,
        precompute=True,
        digits='Product Unit',
        help="How many of everything, as on the parent order line, in the product's own unit.",
    )
    event_count = fields.Integer(
        string="Events Bought", readonly=True, help="How many event occurrences were bought. 0: the whole program."
    )

    # Joining
    order_start = fields.Selection(
        selection=[('first', "The first event"), ('current', "The event now running")],
        string="Start With",
        required=True,
        tracking=True,
    )
    start_event = fields.Integer(
        help="The event ID the plan begins at. Set it to 0 to go by the program's rule again.",
    )
    is_start_event_chosen = fields.Boolean(readonly=True)
    start_date = fields.Date(tracking=True, help="The day the plan begins. Empty: the day of the order.")
    anchor_date = fields.Date(
        readonly=True,
        help="The day all dates are counted from; in a program with a fixed calendar, the day the customer joined.",
    )

    joined_date = fields.Date(
        string="Joined On",
        readonly=True,
        copy=False,
        help="The day the subscription began: that of its confirmation, or a later start date that was agreed.",
    )

    is_fiscal_position_chosen = fields.Boolean(
        string="Fiscal Position Chosen",
        readonly=True,
        copy=False,
        help="The order's fiscal position is not the one found for its address: it stays, whatever becomes of that.",
    )

    # Money
    bill_upfront = fields.Boolean(string="Billed in Advance", tracking=True)
    price_per_event = fields.Monetary(
        help="What one occurrence of an event costs for a quantity of 1, in place of the program's prices; set here or "
        "as the price of the parent order line. 0: the program's prices."
    )
    discount_on_first = fields.Monetary(
        string="Off the First Boxes",
        tracking=True,
        bounds=sanity.AMOUNT_FROM_0,
        help="Taken off the first shipments, taxes included, until it is used up.",
    )
    promotion_discount = fields.Float(
        string="Off the First Boxes (%)",
        digits='Discount',
        readonly=True,
        tracking=True,
        help="Taken off the first shipments, where the program lets promotions reach only those.",
    )
    promotion_count = fields.Integer(
        string="Promotions Reach",
        readonly=True,
        help="How many of the first shipments a percentage is taken off, as the program says. 0: all.",
    )
    taken_off_line_ids = fields.One2many(
        comodel_name='sale.order.line', inverse_name='continuity_taken_off_id', string="Taken Off", readonly=True
    )
    payment_term_id = fields.Many2one(
        comodel_name='account.payment.term',
        string="Payment Schedule",
        check_company=True,
        tracking=True,
        domain="['|', ('id', 'in', allowed_payment_term_ids), ('id', '=', payment_term_id)]",
    )
    allowed_payment_term_ids = fields.Many2many(
        comodel_name='account.payment.term', compute='_compute_allowed_payment_term_ids'
    )
    payment_method = fields.Selection(
        selection=[('token', "Card"), ('on_account', "On account")], required=True, default='on_account', tracking=True
    )
    payment_token_id = fields.Many2one(
        comodel_name='payment.token',
        string="Card",
        check_company=True,
        index='btree_not_null',
        tracking=True,
        copy=False,
        domain="[('partner_id', 'child_of', commercial_partner_id)]",
    )
    commercial_partner_id = fields.Many2one(related='partner_id.commercial_partner_id')

    # The plan
    line_ids = fields.One2many(comodel_name='continuity.line', inverse_name='subscription_id', string="Plan")
    payment_ids = fields.One2many(comodel_name='continuity.payment', inverse_name='subscription_id')
    child_order_ids = fields.Many2many(comodel_name='sale.order', compute='_compute_child_order_ids')
    child_order_count = fields.Integer(compute='_compute_child_order_ids')
    occurrences_left = fields.Integer(
        readonly=True, help="Occurrences bought and not planned yet; -1: until cancelled."
    )
    missing_event_count = fields.Integer(
        readonly=True, help="Event occurrences bought that the program does not have from the start event on."
    )

    # Commitment
    renews_id = fields.Many2one(
        comodel_name='continuity.subscription',
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="The subscription that this one goes on with.",
    )
    consent_date = fields.Date(tracking=True)
    consent_channel = fields.Selection(
        selection=[('phone', "Phone"), ('email', "Email"), ('web', "Website"), ('paper', "On paper")]
    )
    consent_user_id = fields.Many2one(comodel_name='res.users', string="Consent Taken By")
    cancel_after_event = fields.Integer(
        string="Stop After Shipment", readonly=True, help="The last shipment to be sent. 0: not set."
    )
    cancel_reason_id = fields.Many2one(comodel_name='continuity.cancel.reason', readonly=True, tracking=True)
    resume_date = fields.Date(readonly=True, tracking=True)
    state = fields.Selection(
        selection=[
            ('draft', "Draft"),
            ('running', "Running"),
            ('paused', "Paused"),
            ('done', "Done"),
            ('cancelled', "Cancelled"),
        ],
        default='draft',
        required=True,
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
        group_expand=True,
    )

    shipping_policy = fields.Selection(related='program_id.shipping_policy')
    is_calendar = fields.Boolean(related='program_id.is_calendar')

    _order_line_uniq = models.Constraint('UNIQUE(order_line_id)', "A parent order line has one subscription.")
    _due_idx = models.Index("(company_id, next_date, id) WHERE state IN ('running', 'paused')")
    _extend_idx = models.Index(
        "(company_id, open_occurrence_count, id) WHERE state = 'running' AND occurrences_left != 0"
    )
    _resume_idx = models.Index("(company_id, resume_date) WHERE state = 'paused'")
    _finished_idx = models.Index("(company_id, id) WHERE state = 'running' AND next_date IS NULL")
    _program_revision_idx = models.Index("(program_id, program_revision) WHERE state IN ('running', 'paused')")

    # === COMPUTE METHODS === #

    @api.depends('order_id.partner_shipping_id')
    def _compute_partner_shipping_id(self):
        for subscription in self:
            if subscription.state != 'draft':
                # A changed address of the order is no wish to send the running plan elsewhere.
                subscription.partner_shipping_id = subscription.partner_shipping_id
                continue
            subscription.partner_shipping_id = subscription.order_id.partner_shipping_id

    @api.depends('order_line_id.product_uom_qty', 'order_line_id.product_uom_id')
    def _compute_quantity(self):
        for subscription in self:
            subscription.quantity = subscription.order_line_id._get_plan_quantity()

    def _inverse_quantity(self):
        for subscription in self:
            line = subscription.order_line_id
            line.product_uom_qty = line.product_id.uom_id._compute_quantity(
                subscription.quantity, line.product_uom_id, round=False
            )

    @api.depends('program_id.allowed_payment_term_ids', 'program_id.payment_term_id')
    def _compute_allowed_payment_term_ids(self):
        for subscription in self:
            program = subscription.program_id
            allowed = program.allowed_payment_term_ids | program.payment_term_id
            if not program.allowed_payment_term_ids:
                # No choice was made on the program: all that can be a schedule.
                allowed |= allowed.search(
                    [('early_discount', '=', False), ('company_id', 'in', (False, subscription.company_id.id))]
                )
            subscription.allowed_payment_term_ids = allowed

    @api.depends('line_ids.child_order_id')
    def _compute_child_order_ids(self):
        for subscription in self:
            subscription.child_order_ids = subscription.line_ids.child_line_ids.order_id
            subscription.child_order_count = len(subscription.child_order_ids)

    @api.depends('name', 'program_id.name')
    def _compute_display_name(self):
        for subscription in self:
            # A customer may read the name of the program, and no more of it.
            subscription.display_name = f"{subscription.name} {subscription.sudo().program_id.name or ''}".strip()

    def _compute_access_url(self):
        super()._compute_access_url()
        for subscription in self:
            subscription.access_url = f'/my/continuity/{subscription.id}'

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        self.check_access('create')
        for vals in vals_list:
            order = self.env['sale.order.line'].browse(vals.get('order_line_id')).order_id
            if not order:
                raise UserError(self.env._("A subscription is made by the line of an order that sells its program."))
            vals['order_id'] = order.id
            if not vals.get('name'):
                vals['name'] = (
                    self.env['ir.sequence'].with_company(order.company_id).next_by_code('continuity.subscription')
                )
        subscriptions = super().create(vals_list)
        subscriptions._set_default_payment_method()
        subscriptions._plan()
        return subscriptions

    def write(self, vals):
        if self._is_unguarded():
            return super().write(vals)
        self._refuse_insane(vals)
        if (SOLD_FIELDS | LIVE_FIELDS) & vals.keys():
            self._refuse_sold_change(vals)
        if vals.get('consent_date') and 'consent_user_id' not in vals:
            vals = {**vals, 'consent_user_id': self.env.uid}
        if 'start_event' in vals:
            self._unguarded().write({'is_start_event_chosen': bool(vals['start_event'])})
        old_addresses = {subscription: subscription.partner_shipping_id for subscription in self}
        result = super().write(vals)
        if PLAN_FIELDS & vals.keys():
            self.filtered(lambda subscription: subscription.state == 'draft')._plan()
        if 'partner_shipping_id' in vals:
            self.line_ids._filtered_planned()._take_taxes_of_today()
            for subscription, address in old_addresses.items():
                subscription._redirect_children(address)
        if self._get_mending_fields() & vals.keys():
            self._unpark()
        self.sudo()._on_payment_terms_changed(vals)
        return result

    def _refuse_sold_change(self, vals):
        """:raise UserError: for what a running subscription keeps as it was sold, and an ended one altogether."""
        for subscription in self:
            kept = SOLD_FIELDS if subscription.state in ('running', 'paused') else SOLD_FIELDS | LIVE_FIELDS
            changed = [*subscription._filter_changed({name: vals[name] for name in kept & vals.keys()})]
            if changed and subscription.state != 'draft':
                raise UserError(
                    self.env._(
                        "%(subscription)s is %(state)s: its %(field)s cannot be changed any more.",
                        subscription=subscription.display_name,
                        state=subscription._get_state_label().lower(),
                        field=subscription._fields[changed[0]].get_description(self.env)['string'],
                    )
                )

    def unlink(self):
        if self.shipping_line_ids:
            self.shipping_line_ids.unlink()
        return super().unlink()

    @api.ondelete(at_uninstall=True)
    def _unlink_except_ever_run(self):
        if self._is_uninstalling():
            return
        for subscription in self:
            if subscription.state != 'draft':
                raise UserError(
                    self.env._(
                        "%(subscription)s has run and cannot be deleted. Stop it instead.",
                        subscription=subscription.display_name,
                    )
                )

    @api.model
    def _get_mending_fields(self):
        """Return the fields whose change may mend what made a job fail."""
        return {'partner_shipping_id', 'partner_invoice_id', 'payment_token_id', 'payment_method'}

    # === ACTION METHODS === #

    def action_view_order(self):
        self.ensure_one()
        return self.order_id._get_records_action(context={})

    def action_view_child_orders(self):
        self.ensure_one()
        return self.child_order_ids._get_records_action(name=self.env._("Child Orders"), context={})

    def action_view_lines(self):
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('continuity_program.continuity_line_action')
        action['domain'] = [('subscription_id', '=', self.id)]
        action['context'] = {'default_subscription_id': self.id}
        return action

    # === LIFE === #

    def _get_wanted_drafts(self):
        """Return the drafts that the customer takes: an optional line of a quotation has the quantity 0."""
        return self.filtered(lambda subscription: subscription.state == 'draft' and subscription.quantity)

    def _run(self):
        """Start the drafts: their plans are made again from today.

        :raise UserError: for one that may not be sold so.
        """
        drafts = self.sudo()._get_wanted_drafts()
        drafts._plan()
        for subscription in drafts:
            reason = subscription._get_run_refusal()
            if reason:
                raise UserError(reason)
        for subscription in drafts:
            today = subscription.company_id._get_continuity_today()
            subscription.write({'state': 'running', 'joined_date': max(subscription.start_date or today, today)})
        drafts._note_fiscal_position()
        drafts._on_started()

    def _scale_quantity(self, factor):
        """Multiply what is not ordered yet after the parent line's quantity changed."""
        for line in self.line_ids.filtered(lambda line: line._is_scaled()):
            line._unguarded().quantity = line.product_uom_id.round(line.quantity * factor)
        self.sudo().order_line_id._update_continuity_price()
        self.sudo()._share_prepaid()
        self._plan_upfront_payments()
