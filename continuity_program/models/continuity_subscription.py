from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain
from odoo.tools import format_amount, format_date

from odoo.addons.continuity_program import schedule

#: What, written on a draft, makes the plan again.
PLAN_FIELDS = {
    'start_date',
    'order_start',
    'start_event',
    'bill_upfront',
    'payment_term_id',
    'quantity',
    'event_count',
    'partner_shipping_id',
    'partner_invoice_id',
}
#: Of these, what a running subscription keeps as it was sold.
SOLD_FIELDS = PLAN_FIELDS - {'partner_shipping_id', 'partner_invoice_id', 'payment_term_id', 'quantity'}


class ContinuitySubscription(models.Model):
    """One customer's copy of a program: the Continuity page of one parent order line."""

    _name = 'continuity.subscription'
    _description = "Continuity Subscription"
    _inherit = ['mail.thread', 'mail.activity.mixin', 'portal.mixin', 'continuity.parking.mixin', 'continuity.guard.mixin']
    _order = 'id desc'
    _check_company_auto = True

    name = fields.Char(required=True, readonly=True, copy=False, index='trigram', default=lambda self: self.env._("New"))
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
    user_id = fields.Many2one(
        related='order_id.user_id', string="Salesperson", store=True, precompute=True, index=True
    )
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
    )
    program_id = fields.Many2one(
        comodel_name='continuity.program', required=True, readonly=True, ondelete='restrict', index=True, check_company=True
    )
    program_revision = fields.Integer(readonly=True)
    product_id = fields.Many2one(related='order_line_id.product_id', string="Parent Product", store=True, precompute=True)
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
        string="Start Event",
        help="The event ID the plan begins at. Set it to 0 to go by the program's rule again.",
    )
    is_start_event_chosen = fields.Boolean(readonly=True)
    start_date = fields.Date(tracking=True, help="The day the plan begins. Empty: the day of the order.")
    anchor_date = fields.Date(
        readonly=True,
        help="The day all dates are counted from; in a program with a fixed calendar, the day the customer joined.",
    )

    # Money
    bill_upfront = fields.Boolean(string="Billed in Advance", tracking=True)
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
        string="Still Planned", compute='_compute_totals', store=True, help="Not ordered yet, taxes and shipping included."
    )
    amount_total = fields.Monetary(
        string="Total", compute='_compute_totals', store=True, help="The whole plan so far, taxes and shipping included."
    )
    summary = fields.Char(compute='_compute_summary')
    plan_text = fields.Char(readonly=True, help="The plan in words as it stands in the parent line's description.")

    # Commitment
    renews_id = fields.Many2one(comodel_name='continuity.subscription', readonly=True, copy=False, index='btree_not_null')
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
    )

    # The page
    is_page_shown = fields.Boolean(readonly=True, copy=False)
    has_prompts = fields.Boolean(compute='_compute_prompts')
    prompt_start_date = fields.Boolean(related='program_id.prompt_start_date')
    prompt_payment_term = fields.Boolean(compute='_compute_prompts')
    consent_required = fields.Boolean(related='program_id.consent_required')
    warning = fields.Text(compute='_compute_warning')
    duplicate_ids = fields.Many2many(comodel_name='continuity.subscription', compute='_compute_duplicate_ids')
    is_waiting = fields.Boolean(
        string="Waiting for New Events",
        compute='_compute_is_waiting',
        search='_search_is_waiting',
        help="Everything planned is ordered, and the program will get more events.",
    )

    _order_line_uniq = models.Constraint('UNIQUE(order_line_id)', "A parent order line has one subscription.")
    _due_idx = models.Index("(company_id, next_date, id) WHERE state = 'running'")
    _extend_idx = models.Index(
        "(company_id, open_occurrence_count, id) WHERE state = 'running' AND occurrences_left != 0"
    )
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
            line = subscription.order_line_id
            subscription.quantity = line.product_uom_id._compute_quantity(
                line.product_uom_qty, line.product_id.uom_id, round=False
            )

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
            subscription.allowed_payment_term_ids = program.allowed_payment_term_ids | program.payment_term_id

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
            open_count[subscription.id] = max((event, count), open_count.get(subscription.id, (0, 0)))
        for subscription in self:
            subscription.next_date = next_date.get(subscription.id, False)
            subscription.open_occurrence_count = open_count.get(subscription.id, (0, 0))[1]

    @api.depends(
        'line_ids.state', 'line_ids.event_number', 'line_ids.price_total', 'line_ids.shipping_total', 'occurrences_left'
    )
    def _compute_totals(self):
        for subscription in self:
            lines = subscription.line_ids.filtered(lambda line: line.state not in ('skipped', 'cancelled'))
            planned = lines.filtered(lambda line: line.state == 'planned')
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
            subscription.amount_total = sum(line.price_total + line.shipping_total for line in lines)

    @api.depends(
        'shipment_count', 'amount_per_shipment', 'amount_total', 'line_ids.date_planned', 'occurrences_left', 'currency_id'
    )
    @api.depends_context('lang')
    def _compute_summary(self):
        for subscription in self:
            subscription.summary = subscription._get_summary()

    @api.depends('program_id', 'partner_id', 'partner_shipping_id')
    def _compute_duplicate_ids(self):
        for subscription in self:
            subscription.duplicate_ids = subscription._find_duplicates()

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

    @api.depends('state', 'next_date', 'program_id.open_ended', 'program_id.active')
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
            & (Domain('event_count', '=', 0) | Domain('missing_event_count', '>', 0))
            & Domain('program_id.open_ended', '=', True)
            & Domain('program_id.active', '=', True)
        )

    @api.depends('name', 'program_id.name')
    def _compute_display_name(self):
        for subscription in self:
            subscription.display_name = f"{subscription.name} {subscription.program_id.name or ''}".strip()

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

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            order = self.env['sale.order.line'].browse(vals['order_line_id']).order_id
            vals['order_id'] = order.id
            if not vals.get('name'):
                vals['name'] = self.env['ir.sequence'].with_company(order.company_id).next_by_code('continuity.subscription')
        subscriptions = super().create(vals_list)
        subscriptions._set_default_payment_method()
        subscriptions._plan()
        return subscriptions

    def write(self, vals):
        if SOLD_FIELDS & vals.keys():
            self._refuse_sold_change(vals)
        result = super().write(vals)
        if 'start_event' in vals:
            super(ContinuitySubscription, self.sudo()).write({'is_start_event_chosen': bool(vals['start_event'])})
        if PLAN_FIELDS & vals.keys():
            self.filtered(lambda subscription: subscription.state == 'draft')._plan()
        if 'partner_shipping_id' in vals:
            self.line_ids.filtered(lambda line: line.state == 'planned')._follow_address()
        if self._get_mending_fields() & vals.keys():
            self._unpark()
        return result

    def _refuse_sold_change(self, vals):
        for subscription in self:
            changed = [
                name
                for name in SOLD_FIELDS & vals.keys()
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
            'name': self.display_name,
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
        return {
            'type': 'ir.actions.act_window',
            'res_model': 'sale.order',
            'res_id': self.order_id.id,
            'views': [(False, 'form')],
        }

    def action_view_child_orders(self):
        self.ensure_one()
        return self.child_order_ids._get_continuity_action(self.env._("Child Orders"))

    def action_view_lines(self):
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('continuity_program.continuity_line_action')
        action['domain'] = [('subscription_id', '=', self.id)]
        action['context'] = {'default_subscription_id': self.id}
        return action

    def action_view_duplicates(self):
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('continuity_program.continuity_subscription_action')
        action['domain'] = [('id', 'in', self.duplicate_ids.ids)]
        action['context'] = {}
        return action

    # === MAKING THE PLAN === #

    @api.model
    def _prepare_subscription(self, order_line):
        """Return the values of the subscription of a parent order line."""
        program = order_line.product_id.continuity_program_id
        return {
            'order_line_id': order_line.id,
            'program_id': program.id,
            'event_count': order_line.product_id.continuity_event_count,
            'order_start': program.order_start,
            'bill_upfront': program.bill_upfront,
            'payment_term_id': program.payment_term_id.id,
        }

    def _plan(self):
        """Make the plans of drafts again; what was changed by hand keeps its value.

        :raise UserError: for a plan that cannot be made; the text names program and remedy.
        """
        for subscription in self.sudo():
            reason = subscription._get_endless_refusal()
            if reason:
                raise UserError(reason)
            with subscription._explained_dates():
                shipments = subscription._get_shipments()
            subscription._write_plan(shipments)
            subscription._update_parent_line()

    @contextmanager
    def _explained_dates(self):
        """Turn what the date arithmetic refuses into words that name the program."""
        try:
            yield
        except schedule.TooManyLinesError as error:
            raise UserError(
                self.env._(
                    "Program %(program)s would plan more than %(limit)s lines at once. Lower the repeats of its events "
                    "or the repeat threshold.",
                    program=self.program_id.display_name,
                    limit=schedule.MAX_LINES,
                )
            ) from error
        except schedule.UnreachableDateError as error:
            raise UserError(
                self.env._(
                    "Program %(program)s has a shipment beyond the year 9999. Lower the intervals or repeats of its "
                    "events.",
                    program=self.program_id.display_name,
                )
            ) from error

    def _get_shipments(self, today=None):
        """Return the plan that a draft has on a day, by default the company's today.

        :rtype: list[schedule.Shipment]
        """
        self.ensure_one()
        if not self.quantity:
            return []
        program = self.program_id
        today = today or self.company_id._get_continuity_today()
        return schedule.plan(
            program._get_events(),
            joining_day=max(self.start_date or today, today),
            anchor=self._get_anchor(today),
            order_start=self.order_start,
            start_event=self.start_event if self.is_start_event_chosen else 0,
            missed_event_policy=program.missed_event_policy,
            event_count=self.event_count,
            threshold=self._get_threshold(),
            end_of_month=program.end_of_month,
        )

    def _get_anchor(self, today):
        """Return the day a draft's dates are counted from."""
        if self.program_id.is_calendar:
            return max(self.start_date or today, today)
        base = self.start_date or self.company_id._get_continuity_day(self.order_id.date_order)
        return schedule.get_relative_anchor(base, self.program_id.days_after_order, today)

    def _get_threshold(self):
        """Return how many occurrences of one event are planned at most, 0 = all."""
        return 0 if self.bill_upfront else self.company_id.continuity_repeat_threshold

    def _write_plan(self, shipments):
        """Make the planned lines those of the shipments."""
        self.ensure_one()
        Line = self.env['continuity.line']._planning()
        existing = {
            (line.program_line_id, line.occurrence): line for line in self.line_ids._planning() if line.program_line_id
        }
        existing_count = len(existing)
        new_vals = []
        for vals, program_line in self._prepare_lines(shipments):
            line = existing.pop((program_line, vals['occurrence']), None)
            if line:
                line.write(line._prepare_plan_update(vals))
            else:
                new_vals.append(vals)
        Line.union(*existing.values()).unlink()
        Line.create(new_vals)
        if existing_count and new_vals:
            self.invalidate_recordset(['line_ids'])  # for the order of the lines on the page
        today = self.company_id._get_continuity_today()
        first_event = shipments[0].event if shipments else 0
        left = self._count_occurrences_left(shipments[-1:], len(shipments))
        super().write(
            {
                'occurrences_left': left,
                'missing_event_count': max(self.event_count - len(shipments) - left, 0) if left >= 0 else 0,
                'anchor_date': self._get_anchor(today),
                'start_event': self.start_event if self.is_start_event_chosen else first_event,
                'program_revision': self.program_id.revision,
            }
        )

    def _count_occurrences_left(self, last, counted):
        """Return how many occurrences are bought and not planned, -1 = until cancelled.

        :param last: the last planned occurrence, in a list that may be empty.
        :param counted: how many planned occurrences count as bought.
        """
        left = schedule.count_left(self._get_own_events(), after=(last[0].event, last[0].occurrence)) if last else 0
        if self.event_count:
            bought_left = max(self.event_count - counted, 0)
            return bought_left if left is None else min(left, bought_left)
        return -1 if left is None else left

    def _get_own_events(self):
        """Return the program's events that concern this subscription; a relative program's clock begins at its start."""
        events = self.program_id._get_events()
        if self.program_id.is_calendar:
            return events
        return [event for event in events if event.number >= self.start_event]

    def _prepare_lines(self, shipments):
        """Yield the values of the planned lines of the shipments, each with its program line."""
        program_lines = self.program_id.line_ids.grouped('event_number')
        prices = {}
        shipping_number = None
        for shipment in shipments:
            for program_line in program_lines[shipment.event]:
                if program_line not in prices:
                    prices[program_line] = self._prepare_program_line(program_line)
                yield (
                    {
                        **prices[program_line],
                        'event_number': shipment.number,
                        'occurrence': shipment.occurrence,
                        'date_planned': shipment.date,
                        'shipping_amount': self._get_shipping_amount() if shipment.number != shipping_number else 0.0,
                    },
                    program_line,
                )
                shipping_number = shipment.number

    def _prepare_program_line(self, program_line):
        """Return what all occurrences of a program line have in common in this subscription's plan."""
        quantity = program_line.quantity * self.quantity
        uom = program_line.product_uom_id
        return {
            'subscription_id': self.id,
            'program_line_id': program_line.id,
            'program_event_number': program_line.event_number,
            'product_id': program_line.product_id.id,
            'quantity': quantity,
            'product_uom_id': uom.id,
            'carrier_id': program_line.carrier_id.id,
            'payment_term_id': program_line.payment_term_id.id,
            **self._prepare_price_values(program_line.product_id, quantity, uom, program_line),
        }

    def _get_shipping_amount(self):
        """Return what the customer pays per shipment for sending it, in the order's currency, untaxed."""
        if self.program_id.shipping_policy != 'fixed':
            return 0.0
        return self._convert(self.program_id.shipping_amount)

    def _add_shipping_taxes(self, amount):
        """Return a shipping amount with the taxes of the shipping product, by the order's fiscal position."""
        if not amount:
            return 0.0
        product = self.program_id.shipping_product_id
        taxes = product.taxes_id._filter_taxes_by_company(self.company_id)
        return self._get_fiscal_position(self.partner_shipping_id).map_tax(taxes).compute_all(
            amount, currency=self.currency_id, product=product, partner=self.partner_shipping_id
        )['total_included']

    def _prepare_price_values(self, product, quantity, uom, program_line=None, address=None, price_date=None):
        """Return price, discount and taxes by the event's fixed price, else the order's price list.

        A discount that the salesperson gives on the parent line of a plan billed per shipment goes to the shipments.

        :param quantity: quantity in ``uom``.
        :param program_line: the event line sent, or nothing for a product put in by hand.
        :param address: where it is sent, if not to the subscription's address.
        :param price_date: the moment whose price list counts, if not the order date.
        :rtype: dict
        """
        order = self.order_id
        product = product.with_company(self.company_id)
        taxes = product.taxes_id._filter_taxes_by_company(self.company_id)
        if program_line and program_line.price_overridden:
            price, discount = self._convert(program_line.price_unit), program_line.discount
        else:
            discount = 0.0
            price = order.pricelist_id._get_product_price(
                product, quantity, currency=self.currency_id, uom=uom, date=price_date or order.date_order
            )
        if not self.bill_upfront:
            discount = self.order_line_id.discount or discount
        mapped_taxes = self._get_taxes(product, address or self.partner_shipping_id)
        return {
            'price_unit': product._get_tax_included_unit_price_from_price(
                price, product_taxes=taxes, product_taxes_after_fp=mapped_taxes
            ),
            'discount': discount,
            'tax_ids': [Command.set(mapped_taxes.ids)],
        }

    def _get_taxes(self, product, address):
        """Return the taxes of a product that is sent to an address."""
        taxes = product.with_company(self.company_id).taxes_id._filter_taxes_by_company(self.company_id)
        return self._get_fiscal_position(address).map_tax(taxes)

    def _get_fiscal_position(self, address):
        """Return the fiscal position for what is sent to an address: that of the order for the order's own address,
        which the salesperson may have chosen, else the one found for the address."""
        order = self.order_id
        if address == order.partner_shipping_id:
            return order.fiscal_position_id
        return (
            self.env['account.fiscal.position']
            .with_company(self.company_id)
            ._get_fiscal_position(self.partner_id, address)
        )

    def _convert(self, amount):
        """Return an amount of the program in the order's currency, at the rate of the order date.

        :raise UserError: without a rate for one of the two.
        """
        program, order = self.program_id, self.order_id
        if not amount or program.currency_id == self.currency_id:
            return amount
        for currency in (program.currency_id, self.currency_id):
            if currency != self.company_id.currency_id and not currency.rate_ids.filtered(
                lambda rate: rate.company_id in (self.company_id.root_id, self.env['res.company'])
            ):
                raise UserError(
                    self.env._(
                        "Program %(program)s has prices in %(program_currency)s and %(order)s is in %(order_currency)s, "
                        "but %(currency)s has no exchange rate. Add one under Accounting ▸ Currencies.",
                        program=program.display_name,
                        program_currency=program.currency_id.name,
                        order=order.display_name,
                        order_currency=self.currency_id.name,
                        currency=currency.name,
                    )
                )
        return program.currency_id._convert(
            amount, self.currency_id, self.company_id, self.company_id._get_continuity_day(order.date_order), round=False
        )

    def _update_parent_line(self):
        """Give the parent lines of drafts the price of what they bill and the plan in words, for all documents."""
        for subscription in self.sudo().filtered(lambda subscription: subscription.state == 'draft'):
            line = subscription.order_line_id
            line._update_continuity_price()
            text = subscription.with_context(lang=subscription.partner_id.lang)._get_summary()
            if text == subscription.plan_text:
                continue
            old_text = subscription.plan_text
            line.name = line.name.replace(old_text, text) if old_text and old_text in line.name else f"{line.name}\n{text}"
            super(ContinuitySubscription, subscription).write({'plan_text': text})

    def _set_default_payment_method(self):
        """Choose the card where the customer has one and the program allows it; a card chosen already stays."""
        for subscription in self:
            methods = subscription.program_id.allowed_methods
            token = self.env['payment.token']
            if methods != 'on_account':
                token = subscription._get_own_token() or subscription._find_token()
            subscription.write(
                {
                    'payment_method': 'token' if token or methods == 'token' else 'on_account',
                    'payment_token_id': token.id,
                }
            )

    def _get_own_token(self):
        """Return the card chosen, if it is the customer's."""
        token_sudo = self.sudo().payment_token_id
        return token_sudo.filtered(
            lambda token: token.partner_id.commercial_partner_id == self.partner_id.commercial_partner_id
        )

    def _find_token(self):
        """Return the newest usable card of the customer."""
        return self.env['payment.token'].sudo().search(
            [
                ('partner_id', 'child_of', self.partner_id.commercial_partner_id.id),
                ('company_id', '=', self.company_id.id),
                ('provider_id.state', '!=', 'disabled'),
            ],
            order='id desc',
            limit=1,
        )

    # === RULES === #

    def _get_run_refusal(self):
        """Return why the subscription cannot be confirmed, or nothing.

        :rtype: str | None
        """
        self.ensure_one()
        program = self.program_id
        reason = program._get_sale_refusal()
        if reason:
            return reason
        archived = self.line_ids.product_id.filtered(lambda product: not product.active)[:1]
        if archived:
            return self.env._(
                "%(product)s in the plan of %(subscription)s is archived. Replace it in the plan or in program "
                "%(program)s.",
                product=archived.display_name,
                subscription=self.display_name,
                program=program.display_name,
            )
        if not self.line_ids and not program.open_ended:
            return self.env._(
                "%(subscription)s has nothing to send: all events of program %(program)s are past.",
                subscription=self.display_name,
                program=program.display_name,
            )
        if self.bill_upfront:
            reason = self._get_upfront_refusal()
            if reason:
                return reason
        if program.consent_required and not self.consent_date:
            return self.env._(
                "%(subscription)s needs the customer's consent: note its date on the Continuity page.",
                subscription=self.display_name,
            )
        if program.duplicate_policy == 'refuse' and self.duplicate_ids:
            return self._get_duplicate_text()
        return None

    def _get_upfront_refusal(self):
        """Return why the whole plan cannot be billed in advance, or nothing."""
        if self.missing_event_count:
            return self._get_missing_text()
        if len({line.tax_ids for line in self.line_ids}) > 1:
            return self.env._(
                "The events of %(subscription)s have different taxes and so cannot be billed in advance together.",
                subscription=self.display_name,
            )
        return None

    def _get_endless_refusal(self):
        """Return why a plan without an end cannot be made, or nothing."""
        self.ensure_one()
        sent = schedule.get_sent_events(self.program_id._get_events())
        if self.bill_upfront and not self.event_count and sent and sent[-1].repeats is None:
            return self.env._(
                "%(subscription)s goes on until cancelled and so cannot be billed in advance.",
                subscription=self.display_name,
            )
        return None

    def _get_warnings(self):
        """Return what the agent should know before the plan is accepted.

        :rtype: list[str]
        """
        if self.state != 'draft':
            return []
        warnings = []
        if self.missing_event_count:
            warnings.append(self._get_missing_text())
        if self.program_id.duplicate_policy != 'allow' and self.duplicate_ids:
            warnings.append(self._get_duplicate_text())
        refusal = self._get_run_refusal()
        if refusal and refusal not in warnings and not (self.consent_required and not self.consent_date):
            warnings.append(refusal)
        return warnings

    def _get_missing_text(self):
        return self.env._(
            "%(product)s buys %(bought)s events, but from the start event on program %(program)s has %(missing)s fewer.",
            product=self.product_id.display_name,
            bought=self.event_count,
            program=self.program_id.display_name,
            missing=self.missing_event_count,
        )

    def _get_duplicate_text(self):
        return self.env._(
            "%(partner)s or this delivery address already has program %(program)s: %(others)s.",
            partner=self.partner_id.display_name,
            program=self.program_id.display_name,
            others=', '.join(self.sudo().duplicate_ids.mapped('name')),
        )

    def _find_duplicates(self):
        """Return the other memberships of the program at the same customer or delivery address."""
        if self.program_id.duplicate_policy == 'allow' or not self.partner_id:
            return self.browse()
        duplicates_sudo = self.sudo().search(
            Domain('program_id', '=', self.program_id.id)
            & (
                Domain('state', 'in', ('running', 'paused'))
                | (Domain('state', '=', 'draft') & Domain('order_id', '=', self.order_id._origin.id))
            )
            & Domain('id', '!=', self._origin.id)
            & (
                Domain('partner_id', 'child_of', self.partner_id.commercial_partner_id.id)
                | Domain('partner_shipping_id', '=', self.partner_shipping_id.id)
            )
        )
        return duplicates_sudo.sudo(self.env.su)

    def _get_partners(self):
        """Return all partners whose data a child order depends on."""
        return self.partner_id | self.partner_invoice_id | self.partner_shipping_id | self.line_ids.partner_shipping_id

    def _prepare_preview_row(self):
        return {**super()._prepare_preview_row(), 'subscription_id': self.id, 'order_id': self.order_id.id}

    def _get_parking_user(self):
        return self.user_id.filtered('active') or self.program_id._get_parking_user()

    def _get_state_label(self):
        return dict(self._fields['state']._description_selection(self.env))[self.state]

    # === LIFE === #

    def _get_wanted_drafts(self):
        """Return the drafts that the customer takes: an optional line of a quotation has the quantity 0."""
        return self.filtered(lambda subscription: subscription.state == 'draft' and subscription.quantity)

    def _run(self):
        """Start the drafts: their plans are made again from today."""
        drafts = self.sudo()._get_wanted_drafts()
        drafts._plan()
        drafts.write({'state': 'running', 'is_page_shown': True})

    def _cancel(self, reason=None):
        """Stop the subscriptions: what has no child order yet is not sent any more.

        :param reason: a ``continuity.cancel.reason``.
        """
        for subscription in self:
            if subscription.state not in ('running', 'paused'):
                raise UserError(
                    self.env._(
                        "%(subscription)s is %(state)s and cannot be stopped.",
                        subscription=subscription.display_name,
                        state=subscription._get_state_label().lower(),
                    )
                )
        planned = self.line_ids.filtered(lambda line: line.state == 'planned')
        planned._planning().write({'is_cancelled': True})
        self.sudo().write(
            {'state': 'cancelled', 'cancel_reason_id': reason.id if reason else False, 'occurrences_left': 0}
        )

    def _scale_quantity(self, factor):
        """Multiply what is not ordered yet after the parent line's quantity changed."""
        for line in self.line_ids.filtered(lambda line: line.state == 'planned'):
            line._planning().quantity = line.product_uom_id.round(line.quantity * factor)

    # === WORDS === #

    def _get_summary(self):
        """Return the plan in one line, in the user's language."""
        self.ensure_one()
        lines = self.line_ids.filtered(lambda line: line.state not in ('skipped', 'cancelled'))
        if self.state == 'cancelled':
            return self.env._("Stopped after %(count)s boxes", count=len(set(lines.mapped('event_number'))))
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
            'due': self._format_amount(self._get_amount_due_now()),
        }
        if self.occurrences_left:
            return self.env._("%(count)s boxes, first %(first)s · %(each)s · due now %(due)s", **values)
        if self.shipment_count == 1:
            return self.env._("1 box on %(first)s · in all %(total)s incl. taxes · due now %(due)s", **values)
        return self.env._(
            "%(count)s boxes, first %(first)s, last %(last)s · %(each)s · in all %(total)s incl. taxes · "
            "due now %(due)s",
            **values,
        )

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

    def _get_amount_due_now(self):
        """Return what the customer has to pay at confirmation, in the order's currency."""
        if not self.bill_upfront or self.program_id.upfront_invoice_moment != 'confirmation' or self.payment_term_id:
            return 0.0
        return self.amount_total

    def _format_amount(self, amount):
        return format_amount(self.env, amount, self.currency_id)

    # === JOB: CREATE ORDERS === #

    @api.model
    def _job_create_orders_domain(self, as_of):
        """Return the running subscriptions with a shipment that is due on ``as_of``, lead days included."""
        horizon = self._get_order_horizon(as_of)
        return (
            Domain('state', '=', 'running')
            & Domain('next_date', '<=', horizon)
            & Domain('line_ids', 'any', self._get_due_line_domain(horizon, as_of))
        )

    @api.model
    def _get_due_line_domain(self, horizon, as_of):
        """Return the planned lines dated up to ``horizon`` that the customer can no longer decline."""
        return (
            Domain('state', '=', 'planned')
            & Domain('date_planned', '<=', horizon)
            & (Domain('decline_until', '=', False) | Domain('decline_until', '<', as_of))
        )

    @api.model
    def _get_order_horizon(self, as_of):
        return as_of + timedelta(days=self.env.company.continuity_lead_days)

    def _job_create_orders_process(self, batch):
        """Create one child order per due shipment, the oldest first."""
        due, skipped = [], Counter()
        for lines in self._get_due_shipments(batch):
            refusal = lines.subscription_id._get_child_refusal(lines, batch.as_of)
            if refusal:
                skipped[lines.subscription_id, *refusal] += 1
            else:
                due.append(lines)
        for (subscription, kind, reason), count in skipped.items():
            batch.skip(subscription, kind, reason, count)
        self._create_child_orders(due[: batch.limit])
        batch.done += len(due[: batch.limit])

    def _job_create_orders_weigh(self, batch):
        return len(self._get_due_shipments(batch))

    def _job_create_orders_preview(self, batch):
        rows = []
        for lines in self._get_due_shipments(batch):
            subscription = lines.subscription_id
            refusal = subscription._get_child_refusal(lines, batch.as_of)
            products = ', '.join(
                f"{line.quantity:g} × {line.product_id.display_name}" for line in lines
            )
            rows.append(
                {
                    **subscription._prepare_preview_row(),
                    'line_ids': lines.ids,
                    'skipped': refusal[1] if refusal else False,
                    'change': products,
                    'date': lines[0].date_planned,
                    'amount': subscription._get_child_amount(lines),
                }
            )
        return rows

    def _get_due_shipments(self, batch):
        """Return the lines of each child order that is due: one per subscription, shipment number and address.

        :rtype: list[continuity.line]
        """
        horizon = self._get_order_horizon(batch.as_of)
        if batch.until:
            horizon = min(horizon, batch.until)
        lines = self.env['continuity.line'].search(
            Domain('subscription_id', 'in', self.ids) & self._get_due_line_domain(horizon, batch.as_of),
            order='date_planned, subscription_id.id, event_number, id',
        )
        return list(
            lines.grouped(
                lambda line: (
                    line.subscription_id,
                    line.event_number,
                    line.partner_shipping_id or line.subscription_id.partner_shipping_id,
                )
            ).values()
        )

    def _get_child_refusal(self, lines, as_of):
        """Return why no child order of the lines is made now, as (code, text), or nothing.

        :rtype: tuple[str, str] | None
        """
        self.ensure_one()
        if self.payment_method != 'token' or self.bill_upfront:
            return None
        token_sudo = self.sudo().payment_token_id
        if not token_sudo or not token_sudo.active or token_sudo.provider_id.state == 'disabled':
            return 'no_token', self.env._("No usable card.")
        if token_sudo.continuity_expiry_date and token_sudo.continuity_expiry_date < max(lines[0].date_planned, as_of):
            return 'card_expired', self.env._(
                "The card expired on %(date)s.", date=format_date(self.env, token_sudo.continuity_expiry_date)
            )
        return None

    def _get_currency_refusal(self):
        """Return why the parent's price list no longer fits the plan, or nothing."""
        pricelist = self.order_id.pricelist_id
        if not pricelist or pricelist.currency_id == self.currency_id:
            return None
        return self.env._(
            "%(subscription)s is planned in %(currency)s, but its price list %(pricelist)s is now in %(new_currency)s. "
            "Give the price list its currency back, or sell the plan again.",
            subscription=self.display_name,
            currency=self.currency_id.name,
            pricelist=pricelist.display_name,
            new_currency=pricelist.currency_id.name,
        )

    def _create_child_orders(self, shipments):
        """Create and confirm one child order for each group of lines.

        :param shipments: list of ``continuity.line`` recordsets of one company.
        :rtype: sale.order
        """
        orders = (
            self.env['sale.order']
            .with_context(mail_create_nosubscribe=True, mail_create_nolog=True, tracking_disable=True)
            .create([lines.subscription_id._prepare_child_order(lines) for lines in shipments])
            .with_env(self.env)
        )
        for child_line in orders.order_line.filtered(lambda line: line.continuity_line_id.program_id.price_policy == 'current'):
            child_line.continuity_line_id._take_price_of(child_line)
        for order, lines in zip(orders, shipments, strict=True):
            order._add_continuity_carrier_rate(lines.program_id)
        if self.env.company.continuity_autoconfirm:
            orders.action_confirm()
        return orders

    def _get_child_amount(self, lines):
        """Return what a child order of the lines would cost, taxes and shipping included, by Odoo's own order."""
        order = self.env['sale.order'].new(self._prepare_child_order(lines))
        rate = order._get_continuity_carrier_rate(lines.program_id)
        return order.amount_total + (rate['price'] if rate else 0.0)

    def _prepare_child_order(self, lines):
        """Return the values of a child order; everything that is known is given, so that nothing is looked up again.

        :raise UserError: for what cannot be ordered.
        """
        self.ensure_one()
        for reason in (self._get_currency_refusal(), *(line._get_order_refusal() for line in lines)):
            if reason:
                raise UserError(reason)
        parent = self.order_id
        address = lines[:1].partner_shipping_id or self.partner_shipping_id
        terms = lines.payment_term_id[:1] or (self.env['account.payment.term'] if self.bill_upfront else self.payment_term_id)
        return {
            'company_id': self.company_id.id,
            'continuity_parent_id': parent.id,
            'origin': parent.name,
            'partner_id': self.partner_id.id,
            'partner_invoice_id': self.partner_invoice_id.id,
            'partner_shipping_id': address.id,
            'pricelist_id': parent.pricelist_id.id,
            'currency_id': self.currency_id.id,
            'fiscal_position_id': self._get_fiscal_position(address).id,
            'payment_term_id': (terms or parent.payment_term_id).id,
            'user_id': parent.user_id.id,
            'team_id': parent.team_id.id,
            'tag_ids': [Command.set(parent.tag_ids.ids)],
            'client_order_ref': parent.client_order_ref,
            'warehouse_id': parent.warehouse_id.id,
            'carrier_id': lines.carrier_id[:1].id,
            'sale_order_template_id': False,
            'require_signature': False,
            'require_payment': False,
            'date_order': self.company_id._get_continuity_now(),
            'commitment_date': self.company_id._get_continuity_noon(lines[0].date_planned),
            'order_line': [
                *(Command.create(line._prepare_child_line()) for line in lines),
                *self._prepare_shipping_lines(lines),
            ],
        }

    def _prepare_shipping_lines(self, lines):
        """Return the commands for what the customer pays for sending the shipment."""
        amount = 0.0 if self.bill_upfront else sum(lines.mapped('shipping_amount'))
        if not amount:
            return []
        return [
            Command.create(
                {
                    'product_id': self.program_id.shipping_product_id.id,
                    'product_uom_qty': 1.0,
                    'price_unit': amount,
                    'technical_price_unit': amount,
                    'is_delivery': True,
                }
            )
        ]

    # === JOB: EXTEND === #

    @api.model
    def _job_extend_domain(self, as_of):
        """Return the running subscriptions whose last planned event has room for more occurrences."""
        return (
            Domain('state', '=', 'running')
            & Domain('bill_upfront', '=', False)
            & Domain('occurrences_left', '!=', 0)
            & Domain('open_occurrence_count', '<', self.env.company.continuity_repeat_threshold)
        )

    def _job_extend_process(self, batch):
        for subscription in self:
            subscription._extend()
        batch.done += len(self)

    def _job_extend_preview(self, batch):
        rows = []
        for subscription in self:
            for vals in subscription._prepare_extension(subscription._get_next_occurrences()):
                line = self.env['continuity.line'].new({**vals, 'subscription_id': subscription.id})
                rows.append(
                    {
                        **subscription._prepare_preview_row(),
                        'change': f"{line.quantity:g} × {line.product_id.display_name}",
                        'date': line.date_planned,
                        'amount': line.price_total + line.shipping_total,
                    }
                )
        return rows

    def _get_last_position(self):
        """Return the last (event ID, occurrence) that the plan has, whatever became of it."""
        return max(((line.program_event_number, line.occurrence) for line in self.line_ids), default=(0, 0))

    def _get_next_occurrences(self):
        """Return the occurrences that the plan has room for.

        :rtype: list[schedule.Occurrence]
        """
        self.ensure_one()
        events = self._get_own_events()
        open_occurrences = {
            (line.program_event_number, line.occurrence) for line in self.line_ids if line.state == 'planned'
        }
        left = None if self.occurrences_left < 0 else self.occurrences_left
        occurrences = list(
            schedule.take(
                schedule.timeline(
                    events,
                    None if self.program_id.is_calendar else self.anchor_date,
                    end_of_month=self.program_id.end_of_month,
                    after=self._get_last_position(),
                ),
                left,
                threshold=self._get_threshold(),
                open_counts=Counter(event for event, _occurrence in open_occurrences),
            )
        )
        schedule.check_size(events, occurrences)
        return occurrences

    def _extend(self):
        """Add to the plan what it has room for."""
        self.ensure_one()
        with self._explained_dates():
            occurrences = self._get_next_occurrences()
        self.env['continuity.line']._planning().create(self._prepare_extension(occurrences))
        # Fewer than expected: the program has lost events, and the plan ends here until it is synchronised.
        if not occurrences:
            self.occurrences_left = 0
        elif self.occurrences_left > 0:
            self.occurrences_left -= len(occurrences)

    def _prepare_extension(self, occurrences):
        """Return the values of the lines behind the plan; a later occurrence takes the price of the one before."""
        self.ensure_one()
        last_number = max(self.line_ids.mapped('event_number'), default=0)
        shipments = [
            schedule.Shipment(number, *occurrence)
            for number, occurrence in enumerate(occurrences, start=last_number + 1)
        ]
        previous = {
            line.program_line_id: line for line in self.line_ids.sorted('occurrence') if not line.is_substituted
        }
        return [
            {**vals, **(previous[program_line]._prepare_next_price() if program_line in previous else {})}
            for vals, program_line in self._prepare_lines(shipments)
        ]
