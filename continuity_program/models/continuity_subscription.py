from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import format_amount, format_date

from .. import schedule

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
        'mail.thread',
        'mail.activity.mixin',
        'portal.mixin',
        'continuity.parking.mixin',
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
        comodel_name='res.partner',
        string="Invoice Address",
        compute='_compute_addresses',
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
    )
    partner_shipping_id = fields.Many2one(
        comodel_name='res.partner',
        string="Delivery Address",
        compute='_compute_addresses',
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

    # Money
    bill_upfront = fields.Boolean(string="Billed in Advance", tracking=True)
    price_per_event = fields.Monetary(
        help="What one occurrence of an event costs for a quantity of 1, in place of the program's prices; set here or "
        "as the price of the parent order line. 0: the program's prices."
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
    open_occurrence_count = fields.Integer(
        compute='_compute_next_date',
        store=True,
        help="Planned occurrences, not yet ordered, of the last event in the plan.",
    )
    next_date = fields.Date(string="Next Shipment", compute='_compute_next_date', store=True)
    shipment_count = fields.Integer(
        string="Shipments", compute='_compute_totals', store=True, help="How many in all. 0: until cancelled."
    )
    amount_per_shipment = fields.Monetary(
        string="Per Shipment", compute='_compute_totals', store=True, help="The next shipment's goods, taxes included."
    )
    amount_planned = fields.Monetary(
        string="Still Planned",
        compute='_compute_totals',
        store=True,
        help="Not ordered yet, taxes and shipping included.",
    )
    amount_total = fields.Monetary(
        string="Total",
        compute='_compute_totals',
        store=True,
        help="The whole plan so far, taxes and shipping included.",
    )
    summary = fields.Char(compute='_compute_summary', compute_sudo=True)
    plan_text = fields.Char(readonly=True, help="The plan in words as it stands in the parent line's description.")

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

    # The page
    is_page_shown = fields.Boolean(readonly=True, copy=False)
    has_prompts = fields.Boolean(compute='_compute_prompts')
    prompt_start_date = fields.Boolean(related='program_id.prompt_start_date')
    prompt_payment_term = fields.Boolean(compute='_compute_prompts')
    consent_required = fields.Boolean(related='program_id.consent_required')
    warning = fields.Text(compute='_compute_warning', compute_sudo=True)
    duplicate_ids = fields.Many2many(
        comodel_name='continuity.subscription', compute='_compute_duplicate_ids', compute_sudo=True
    )
    has_duplicates = fields.Boolean(compute='_compute_duplicate_ids', compute_sudo=True)
    shipping_policy = fields.Selection(related='program_id.shipping_policy')
    is_calendar = fields.Boolean(related='program_id.is_calendar')
    is_waiting = fields.Boolean(
        string="Waiting for New Events",
        compute='_compute_is_waiting',
        search='_search_is_waiting',
        help="Everything planned is ordered, and the program will get more events.",
    )

    _order_line_uniq = models.Constraint('UNIQUE(order_line_id)', "A parent order line has one subscription.")
    _due_idx = models.Index("(company_id, next_date, id) WHERE state IN ('running', 'paused')")
    _extend_idx = models.Index(
        "(company_id, open_occurrence_count, id) WHERE state = 'running' AND occurrences_left != 0"
    )
    _finished_idx = models.Index("(company_id, id) WHERE state = 'running' AND next_date IS NULL")
    _program_revision_idx = models.Index("(program_id, program_revision) WHERE state IN ('running', 'paused')")

    # === COMPUTE METHODS === #

    @api.depends('order_id.partner_invoice_id', 'order_id.partner_shipping_id')
    def _compute_addresses(self):
        for subscription in self:
            if subscription.state != 'draft':
                # A changed address of the order is no wish to send the running plan elsewhere.
                subscription.partner_invoice_id = subscription.partner_invoice_id
                subscription.partner_shipping_id = subscription.partner_shipping_id
                continue
            subscription.partner_invoice_id = subscription.order_id.partner_invoice_id
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

    @api.depends('state', 'line_ids.state', 'line_ids.date_planned')
    def _compute_next_date(self):
        planned = self.env['continuity.line']._read_group(
            [('subscription_id', 'in', self.ids), ('state', '=', 'planned')],
            groupby=['subscription_id', 'program_event_number'],
            aggregates=['date_planned:min', 'occurrence:count_distinct'],
        )
        next_date, open_count = {}, {}
        for subscription, event, date, count in planned:
            next_date[subscription.id] = min(date, next_date.get(subscription.id, date))
            # What was added by hand, or is sent again, is no occurrence of an event.
            if event:
                open_count[subscription.id] = max((event, count), open_count.get(subscription.id, (0, 0)))
        for subscription in self:
            subscription.next_date = next_date.get(subscription.id, False)
            subscription.open_occurrence_count = open_count.get(subscription.id, (0, 0))[1]

    @api.depends(
        'line_ids.state',
        'line_ids.event_number',
        'line_ids.price_total',
        'line_ids.shipping_total',
        'occurrences_left',
        'bill_upfront',
        'order_line_id.price_total',
        'shipping_line_ids.price_total',
    )
    def _compute_totals(self):
        for subscription in self:
            lines = subscription.line_ids._live()
            planned = lines._planned()
            next_number = min((planned or lines).mapped('event_number'), default=0)
            subscription.shipment_count = (
                0
                if subscription.occurrences_left < 0
                else len(set(lines.mapped('event_number'))) + subscription.occurrences_left
            )
            subscription.amount_per_shipment = sum(
                lines.filtered(lambda line: line.event_number == next_number).mapped('price_total')
            )
            subscription.amount_planned = sum(line.price_total + line.shipping_total for line in planned)
            subscription.amount_total = (
                sum(subscription._get_plan_lines().mapped('price_total'))
                if subscription.bill_upfront
                else sum(line.price_total + line.shipping_total for line in lines)
            )

    @api.depends(
        'shipment_count',
        'amount_per_shipment',
        'amount_total',
        'line_ids.date_planned',
        'occurrences_left',
        'currency_id',
        'payment_ids.amount',
        'payment_ids.due_date',
    )
    @api.depends_context('lang')
    def _compute_summary(self):
        for subscription in self:
            subscription.summary = subscription._get_summary()

    @api.depends('program_id', 'partner_id', 'partner_shipping_id', 'renews_id')
    def _compute_duplicate_ids(self):
        for subscription in self:
            subscription.duplicate_ids = subscription._find_duplicates()
            subscription.has_duplicates = bool(subscription.duplicate_ids)

    @api.depends('line_ids', 'start_event', 'bill_upfront', 'duplicate_ids', 'missing_event_count', 'occurrences_left')
    def _compute_warning(self):
        for subscription in self:
            subscription.warning = '\n'.join(subscription._get_warnings()) or False

    @api.depends('program_id.prompt_start_date', 'program_id.prompt_payment_term', 'bill_upfront')
    def _compute_prompts(self):
        for subscription in self:
            program = subscription.program_id
            subscription.prompt_payment_term = program.prompt_payment_term and subscription.bill_upfront
            subscription.has_prompts = program.prompt_start_date or subscription.prompt_payment_term

    @api.depends('state', 'next_date', 'is_end_planned', 'program_id.open_ended', 'program_id.active')
    def _compute_is_waiting(self):
        waiting = self.filtered_domain(self._get_waiting_domain())
        waiting.is_waiting = True
        (self - waiting).is_waiting = False

    def _search_is_waiting(self, operator, value):
        if operator != 'in':
            return NotImplemented
        return self._get_waiting_domain() if True in value else ~self._get_waiting_domain()

    @api.model
    def _get_waiting_domain(self):
        return (
            Domain('state', '=', 'running')
            & Domain('next_date', '=', False)
            & Domain('occurrences_left', '=', 0)
            & Domain('is_end_planned', '=', False)
            & (Domain('event_count', '=', 0) | Domain('missing_event_count', '>', 0))
            & Domain('program_id.open_ended', '=', True)
            & Domain('program_id.active', '=', True)
        )

    @api.depends('name', 'program_id.name')
    def _compute_display_name(self):
        for subscription in self:
            # A customer may read the name of the program, and no more of it.
            subscription.display_name = f"{subscription.name} {subscription.sudo().program_id.name or ''}".strip()

    def _compute_access_url(self):
        super()._compute_access_url()
        for subscription in self:
            subscription.access_url = f'/my/continuity/{subscription.id}'

    # === CONSTRAINT METHODS === #

    @api.constrains('start_event')
    def _check_start_event(self):
        for subscription in self.filtered('is_start_event_chosen'):
            sent = [event.number for event in schedule.get_sent_events(subscription.program_id._get_events())]
            if subscription.start_event not in sent:
                raise ValidationError(
                    self.env._(
                        "%(subscription)s cannot start with event %(number)s: program %(program)s sends the events "
                        "%(events)s.",
                        subscription=subscription.display_name,
                        number=subscription.start_event,
                        program=subscription.program_id.display_name,
                        events=', '.join(map(str, sent)),
                    )
                )

    @api.constrains('payment_method', 'payment_token_id')
    def _check_payment_method(self):
        for subscription in self:
            reason = subscription._get_payment_method_error()
            if reason:
                raise ValidationError(
                    self.env._("%(subscription)s: %(reason)s", subscription=subscription.display_name, reason=reason)
                )

    def _get_payment_method_error(self):
        """Return what is wrong with the way of paying, or nothing."""
        self.ensure_one()
        allowed = self.program_id.allowed_methods
        if allowed not in ('both', self.payment_method):
            return self.env._(
                "program %(program)s does not allow this way of paying.", program=self.program_id.display_name
            )
        if self.sudo().payment_token_id and not self._get_own_token():
            return self.env._("the card belongs to another customer.")
        return None

    @api.constrains('payment_term_id')
    def _check_payment_term(self):
        for subscription in self:
            term = subscription.payment_term_id
            if term.early_discount or (term and term not in subscription.allowed_payment_term_ids):
                raise ValidationError(
                    self.env._(
                        "%(term)s is no payment schedule that program %(program)s allows.",
                        term=term.display_name,
                        program=subscription.program_id.display_name,
                    )
                )

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            order = self.env['sale.order.line'].browse(vals['order_line_id']).order_id
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
        if self._is_planning():
            return super().write(vals)
        if (SOLD_FIELDS | LIVE_FIELDS) & vals.keys():
            self._refuse_sold_change(vals)
        if vals.get('consent_date') and 'consent_user_id' not in vals:
            vals = {**vals, 'consent_user_id': self.env.uid}
        if 'start_event' in vals:
            self._planning().write({'is_start_event_chosen': bool(vals['start_event'])})
        old_addresses = {subscription: subscription.partner_shipping_id for subscription in self}
        result = super().write(vals)
        if PLAN_FIELDS & vals.keys():
            self.filtered(lambda subscription: subscription.state == 'draft')._plan()
        if 'partner_shipping_id' in vals:
            self.line_ids._planned()._follow_address()
            for subscription, address in old_addresses.items():
                subscription._redirect_children(address)
        if self._get_mending_fields() & vals.keys():
            self._unpark()
        self.sudo()._follow_payment_terms(vals)
        return result

    def _refuse_sold_change(self, vals):
        """:raise UserError: for what a running subscription keeps as it was sold, and an ended one altogether."""
        for subscription in self:
            kept = SOLD_FIELDS if subscription.state in ('running', 'paused') else SOLD_FIELDS | LIVE_FIELDS
            changed = [
                name
                for name in kept & vals.keys()
                if subscription._fields[name].convert_to_cache(vals[name], subscription)
                != subscription._fields[name].convert_to_cache(subscription[name], subscription)
            ]
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

    @api.ondelete(at_uninstall=False)
    def _unlink_except_ever_run(self):
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

    def action_open_page(self):
        """Open the Continuity page: the one way in, by itself or from the order line's button."""
        self.ensure_one()
        self.check_access('write' if self.state == 'draft' else 'read')
        if not self.is_page_shown and self.has_access('write'):
            self.sudo().is_page_shown = True
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._(
                "%(program)s for %(partner)s", program=self.program_id.name, partner=self.partner_id.name
            ),
            'res_model': self._name,
            'res_id': self.id,
            'views': [(self.env.ref('continuity_program.continuity_subscription_view_form_page').id, 'form')],
            'target': 'new',
            'context': {'dialog_size': 'extra-large'},
        }

    def action_confirm_page(self):
        """Accept the plan as shown: the form has saved it already."""
        self.check_access('write')

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

    def action_view_duplicates(self):
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id('continuity_program.continuity_subscription_action')
        # Those of colleagues are told of, not shown.
        action['domain'] = [
            ('id', 'in', self.sudo().duplicate_ids.with_user(self.env.user)._filtered_access('read').ids)
        ]
        action['context'] = {}
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

    def _get_quantity_refusal(self):
        """Return why the quantity of the parent line cannot change any more, or nothing."""
        self.ensure_one()
        if self.state in ('done', 'cancelled'):
            return self.env._(
                "%(subscription)s has ended: its quantity cannot change. Sell a new one.",
                subscription=self.display_name,
            )
        bills = self.order_line_id.sudo().invoice_lines.move_id.filtered(lambda move: move.state != 'cancel')
        if self.bill_upfront and bills:
            return self.env._(
                "%(subscription)s is billed in advance: its quantity cannot change. Sell another one, or stop it.",
                subscription=self.display_name,
            )
        return None

    def _scale_quantity(self, factor):
        """Multiply what is not ordered yet after the parent line's quantity changed."""
        for line in self.line_ids.filtered(lambda line: line._is_scaled()):
            line._planning().quantity = line.product_uom_id.round(line.quantity * factor)
        self.sudo().order_line_id._update_continuity_price()
        self.sudo()._share_prepaid()
        self._plan_upfront_payments()

    # === WORDS === #

    def _get_summary(self, with_due=True):
        """Return the plan in one line, in the user's language.

        :param with_due: say too what is due when it is ordered.
        """
        self.ensure_one()
        lines = self.line_ids._live()
        if self.state == 'cancelled':
            return self.env._("Stopped · boxes ordered: %(count)s", count=len(set(lines.mapped('event_number'))))
        if not self.quantity:
            return ''
        if not lines:
            return self.env._("Nothing to send yet")
        dates = lines.mapped('date_planned')
        each = self._get_price_text(lines)
        if not self.shipment_count:
            return self.env._(
                "Until cancelled, first %(first)s · %(each)s",
                first=format_date(self.env, min(dates), date_format='d MMM y'),
                each=each,
            )
        values = {
            'count': self.shipment_count,
            'first': format_date(self.env, min(dates), date_format='d MMM y'),
            'last': format_date(self.env, max(dates), date_format='d MMM y'),
            'each': each,
            'total': self._format_amount(self.amount_total),
        }
        if self.occurrences_left:
            text = self.env._("%(count)s boxes, first %(first)s · %(each)s", **values)
        elif self.shipment_count == 1:
            text = self.env._("1 box on %(first)s · in all %(total)s incl. taxes", **values)
        else:
            text = self.env._(
                "%(count)s boxes, first %(first)s, last %(last)s · %(each)s · in all %(total)s incl. taxes", **values
            )
        if not with_due:
            return text
        return self.env._("%(plan)s · due now %(due)s", plan=text, due=self._format_amount(self._get_due_with_order()))

    def _get_price_text(self, lines):
        """Return in words what the boxes of these lines cost each, taxes included."""
        amounts = [sum(box.mapped('price_total')) for box in lines.grouped('event_number').values()]
        lowest, highest = self._format_amount(min(amounts)), self._format_amount(max(amounts))
        shipping = max(lines.mapped('shipping_total'))
        values = {'lowest': lowest, 'highest': highest, 'shipping': self._format_amount(shipping)}
        if shipping and lowest == highest:
            return self.env._("%(lowest)s + %(shipping)s shipping each", **values)
        if shipping:
            return self.env._("%(lowest)s to %(highest)s + %(shipping)s shipping each", **values)
        if lowest == highest:
            return self.env._("%(lowest)s each", **values)
        return self.env._("%(lowest)s to %(highest)s each", **values)

    def _format_amount(self, amount):
        return format_amount(self.env, amount, self.currency_id)
