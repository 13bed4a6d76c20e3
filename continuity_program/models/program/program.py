from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ...domain import sanity, schedule
from ..base.sanity import check_bounds


class ContinuityProgram(models.Model):
    """What is sent to whoever buys one of its parent products, in which order and when."""

    _name = 'continuity.program'
    _description = "Continuity Program"
    _inherit = [
        'mail.thread',
        'mail.activity.mixin',
        'continuity.parking.mixin',
        'continuity.given.mixin',
        'continuity.guard.mixin',
    ]
    _order = 'name, id'
    _check_company_auto = True
    _rec_names_search = ['name', 'code']

    name = fields.Char(required=True, translate=True, tracking=True)
    code = fields.Char(copy=False, tracking=True)
    active = fields.Boolean(
        default=True,
        tracking=True,
        help="An archived program cannot be sold; subscriptions that are running go on.",
    )
    company_id = fields.Many2one(
        comodel_name='res.company', required=True, index=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(
        comodel_name='res.currency',
        compute='_compute_currency_id',
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        help="The currency of the fixed prices of the events and of the shipping amount.",
    )
    user_id = fields.Many2one(
        comodel_name='res.users',
        string="Responsible",
        default=lambda self: self.env.user,
        domain="[('share', '=', False)]",
        help="Told of failures when the order has no active salesperson.",
    )
    line_ids = fields.One2many(
        comodel_name='continuity.program.line', inverse_name='program_id', string="Events", copy=True
    )
    product_tmpl_ids = fields.One2many(
        comodel_name='product.template', inverse_name='continuity_program_id', string="Parent Products"
    )

    # Joining
    order_start = fields.Selection(
        selection=[('first', "The first event"), ('current', "The event now running")],
        string="New Members Start With",
        default='first',
        required=True,
        tracking=True,
    )
    days_after_order = fields.Integer(
        bounds=sanity.DAYS,
        help="Days from the order date (or the start date) to the first shipment, for programs without fixed dates.",
    )
    missed_event_policy = fields.Selection(
        selection=[
            ('each', "Each in its own order"),
            ('consolidate', "All in one order"),
            ('skip', "Not sent"),
        ],
        string="Past Events When Joining",
        default='consolidate',
        required=True,
    )
    open_ended = fields.Boolean(
        help="Events will be added later: subscriptions wait for them instead of being closed.",
    )
    end_of_month = fields.Boolean(
        help="A plan that begins on the last day of a month stays on the last day of every month.",
    )
    prompt_start_date = fields.Boolean(string="Ask for a Start Date")
    prompt_payment_term = fields.Boolean(string="Ask for a Payment Schedule")

    # Money
    price_policy = fields.Selection(
        selection=[
            ('locked', "Fixed when ordered"),
            ('current', "Price list on the day the child order is made"),
        ],
        default='locked',
        required=True,
        tracking=True,
    )
    new_price_date = fields.Date(
        string="New Prices for Sold Plans From",
        tracking=True,
        help="Plans already sold take the prices of this day, once, for what ships on it or later; what ships earlier "
        "keeps its price. So change the price list first; a later rise needs another day. Empty: they follow the "
        "events' own prices at once, and keep the price list's of their order.",
    )
    bill_upfront = fields.Boolean(string="Bill the Whole Plan in Advance", tracking=True)
    upfront_price_policy = fields.Selection(
        selection=[('events', "Sum of the shipments"), ('product', "Price of the parent product")],
        default='events',
        required=True,
    )
    upfront_invoice_moment = fields.Selection(
        selection=[('confirmation', "At confirmation"), ('first_shipment', "With the first shipment")],
        default='confirmation',
        required=True,
    )
    payment_term_id = fields.Many2one(
        comodel_name='account.payment.term',
        string="Payment Schedule",
        check_company=True,
        help="The instalments in which each bill is paid.",
    )
    allowed_payment_term_ids = fields.Many2many(
        comodel_name='account.payment.term',
        string="Payment Schedules to Choose From",
        help="Empty: all payment terms without an early payment discount.",
        check_company=True,
    )
    allowed_methods = fields.Selection(
        selection=[('both', "Card or on account"), ('token', "Card"), ('on_account', "On account")],
        default='both',
        required=True,
    )
    shipping_policy = fields.Selection(
        selection=[
            ('free', "Free"),
            ('carrier', "The carrier's rate"),
            ('fixed', "A fixed amount per shipment"),
        ],
        default='free',
        required=True,
    )
    shipping_product_id = fields.Many2one(
        comodel_name='product.product', check_company=True, domain="[('type', '=', 'service')]"
    )
    shipping_amount = fields.Monetary(bounds=sanity.AMOUNT_FROM_0)
    stock_policy = fields.Selection(
        selection=[
            ('backorder', "Deliver the rest later"),
            ('wait', "Wait until it is in stock"),
            ('substitute', "Send a substitute"),
        ],
        string="When Out of Stock",
        default='backorder',
        required=True,
        help="Looked at when a child order is made. Deliver the rest later: the order is made, and Odoo delivers it as "
        "goods come in. Wait: the order is made once all its products are in stock. Send a substitute: the first "
        "substitute of the event that is in stock goes out instead, at the planned price; without one, the rest is "
        "delivered later.",
    )
    unpaid_policy = fields.Selection(
        selection=[
            ('ship', "Go on shipping"),
            ('hold', "Hold new shipments"),
            ('stop', "Stop the subscription"),
        ],
        string="When Unpaid",
        default='hold',
        required=True,
        help="What becomes of new shipments when a customer owes more than is accepted. Child orders already made go "
        "their way.",
    )
    unpaid_max_count = fields.Integer(
        string="Unpaid Payments Accepted",
        bounds=sanity.COUNT_FROM_0,
        help="With more overdue payments than this, new shipments are held or the subscription is stopped. "
        "0: not looked at.",
    )
    unpaid_max_days = fields.Integer(
        string="Days Overdue Accepted",
        bounds=sanity.DAYS,
        help="With a payment overdue for more days than this, new shipments are held or the subscription is stopped. "
        "0: not looked at.",
    )

    # Commitment
    minimum_shipments = fields.Integer(bounds=sanity.COUNT_FROM_0, help="The customer commits to this many shipments.")
    terms_html = fields.Html(string="Terms", translate=True, help="What the customer agrees to.")
    consent_required = fields.Boolean(help="An order is only confirmed once the customer's consent is recorded.")
    announce_days = fields.Integer(
        string="Announce Shipments",
        bounds=sanity.DAYS,
        help="The customer hears of each shipment this many days before its planned date, or earlier where the reply "
        "days need it. 0: shipments are not announced.",
    )
    reply_days = fields.Integer(
        default=10,
        bounds=sanity.DAYS,
        help="From the announcement on the customer has this many days to decline the shipment; it is made only after "
        "them. 0: the customer is told and cannot decline.",
    )
    duplicate_policy = fields.Selection(
        selection=[('allow', "Allow"), ('warn', "Warn"), ('refuse', "Refuse")],
        string="Second Membership",
        default='warn',
        required=True,
        help="A second running subscription of the program for the same customer or delivery address.",
    )

    # What the customer may change in the portal
    portal_skip = fields.Boolean(string="Skip the Next Shipment", default=True)
    portal_postpone = fields.Boolean(string="Postpone the Next Shipment", default=True)
    portal_pause = fields.Boolean(string="Pause and Resume", default=True)
    portal_address = fields.Boolean(string="Change the Delivery Address", default=True)
    portal_card = fields.Boolean(string="Change the Card", default=True)
    portal_cancel = fields.Boolean(string="Cancel the Subscription", default=True)
    portal_swap_product_ids = fields.Many2many(
        comodel_name='product.product',
        relation='continuity_program_portal_swap_rel',
        string="Products to Swap To",
        check_company=True,
        domain="[('sale_ok', '=', True), ('continuity_program_id', '=', False)]",
        help="What the customer may have sent in place of a product of the next shipment. Empty: no swapping.",
    )

    # Kept by the jobs
    is_calendar = fields.Boolean(
        string="Fixed Calendar",
        compute='_compute_is_calendar',
        store=True,
        help="The first event has a fixed date: all members receive the same event at the same time.",
    )
    current_event = fields.Integer(
        readonly=True, copy=False, help="The event running on the day of the last check. Shown only."
    )
    last_checked = fields.Date(readonly=True, copy=False)
    revision = fields.Integer(
        readonly=True, copy=False, default=1, help="Goes up with each change that concerns plans already sold."
    )
    sync_pending = fields.Boolean(
        compute='_compute_sync_pending', help="Some running subscriptions do not follow the last changes yet."
    )

    subscription_ids = fields.One2many(comodel_name='continuity.subscription', inverse_name='program_id')
    subscription_count = fields.Integer(compute='_compute_subscription_count')
    event_total = fields.Integer(
        string="Event Occurrences",
        compute='_compute_event_total',
        help="How often it ships in all; 0 for a program that goes on until cancelled.",
    )

    _code_company_uniq = models.Constraint(
        'UNIQUE(code, company_id)', "The code of a continuity program must be unique in its company."
    )
    _days_sane = models.Constraint(
        check_bounds(sanity.DAYS, 'days_after_order', 'unpaid_max_days', 'announce_days', 'reply_days'),
        "The days of a continuity program must be from 0 to 3,650.",
    )

    # === COMPUTE METHODS === #

    @api.depends('company_id')
    def _compute_currency_id(self):
        for program in self:
            program.currency_id = program.currency_id or program.company_id.currency_id

    @api.depends('line_ids.event_number', 'line_ids.start_date', 'line_ids.action')
    def _compute_is_calendar(self):
        for program in self:
            program.is_calendar = schedule.is_calendar(program._get_events())

    @api.depends('revision', 'subscription_ids.program_revision', 'subscription_ids.state')
    def _compute_sync_pending(self):
        behind = self.env['continuity.subscription']._read_group(
            [('program_id', 'in', self.ids), ('state', 'in', ('running', 'paused'))],
            groupby=['program_id'],
            aggregates=['program_revision:min'],
        )
        oldest_revision = {program.id: revision for program, revision in behind}
        for program in self:
            program.sync_pending = oldest_revision.get(program._origin.id, program.revision) < program.revision

    def _compute_subscription_count(self):
        counts = self.env['continuity.subscription']._read_group(
            [('program_id', 'in', self.ids), ('state', '!=', 'draft')], ['program_id'], ['__count']
        )
        count_by_program = {program.id: count for program, count in counts}
        for program in self:
            program.subscription_count = count_by_program.get(program._origin.id, 0)

    @api.depends('line_ids.event_number', 'line_ids.repeat_count', 'line_ids.repeat_forever', 'line_ids.action')
    def _compute_event_total(self):
        for program in self:
            repeats = [event.repeats for event in schedule.get_sent_events(program._get_events())]
            program.event_total = 0 if None in repeats else sum(repeats)

    # === CRUD METHODS === #

    def write(self, vals):
        if 'currency_id' in vals:
            self._refuse_currency_change(vals['currency_id'])
        result = super().write(vals)
        if self._get_sync_fields() & vals.keys():
            self._bump_revision()
        return result

    def _refuse_currency_change(self, currency_id):
        """:raise UserError: where fixed amounts would silently change their meaning."""
        for program in self.filtered(lambda program: program.currency_id.id != currency_id):
            if program.shipping_amount or any(program.line_ids.mapped('price_overridden')):
                raise UserError(
                    self.env._(
                        "Program %(program)s has fixed prices in %(currency)s. Remove them before you change its "
                        "currency.",
                        program=program.display_name,
                        currency=program.currency_id.name,
                    )
                )

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        if 'name' not in (default or {}):
            for program, vals in zip(self, vals_list, strict=True):
                vals['name'] = self.env._("%(program)s (copy)", program=program.name)
        return vals_list

    @api.ondelete(at_uninstall=True)
    def _unlink_except_in_use(self):
        if self._is_uninstalling():
            return
        for program in self.with_context(active_test=False):
            user = program.product_tmpl_ids[:1] or program.sudo().subscription_ids[:1]
            if user:
                raise UserError(
                    self.env._(
                        "Program %(program)s is used by %(user)s and cannot be deleted. Archive it instead.",
                        program=program.display_name,
                        user=user.display_name,
                    )
                )

    # === ACTION METHODS === #

    def action_preview_plan(self):
        """Open the plan an order placed on a date would get."""
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Preview Plan"),
            'res_model': 'continuity.plan.preview',
            'view_mode': 'form',
            'target': 'new',
            'context': {'default_program_id': self.id},
        }

    def action_update_sold_plans(self):
        """Open the preview of what the program's changes mean for the plans sold."""
        self.ensure_one()
        self.check_access('write')
        wizard = self.env['continuity.job.wizard'].create({'job': 'sync', 'program_ids': [Command.set(self.ids)]})
        return wizard.action_preview()

    def action_view_subscriptions(self):
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('continuity_program.continuity_subscription_action')
        action['domain'] = [('program_id', '=', self.id)]
        action['context'] = {}
        return action

    # === PREVIEW === #

    def _prepare_preview(self, product, order_values, **values):
        """Return the subscription, in memory only, that an order would make.

        :param product: the parent product, a ``product.product``.
        :param dict order_values: those of the order, ``partner_id`` and ``date_order`` among them.
        :param values: of the subscription, in place of the program's.
        """
        self.ensure_one()
        order = self.env['sale.order'].new({'company_id': self.company_id.id, **order_values})
        quantity = values.get('quantity', 1.0)
        line = self.env['sale.order.line'].new(
            {'order_id': order, 'product_id': product.id, 'product_uom_qty': quantity, 'continuity_has_plan': True}
        )
        return self.env['continuity.subscription'].new(
            {
                'order_line_id': line,
                'order_id': order,
                'company_id': self.company_id.id,
                'currency_id': order.currency_id.id,
                'program_id': self.id,
                'quantity': quantity,
                'event_count': product.continuity_event_count,
                'order_start': self.order_start,
                'bill_upfront': self.bill_upfront,
                'payment_term_id': self.payment_term_id.id,
                **values,
            }
        )

    def _get_parking_user(self):
        return self.user_id.filtered('active') or super()._get_parking_user()
