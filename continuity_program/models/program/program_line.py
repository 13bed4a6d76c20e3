from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...domain import schedule


class ContinuityProgramLine(models.Model):
    """One product of one event. Lines with the same event ID ship together and share their timing."""

    _name = 'continuity.program.line'
    _inherit = ['continuity.given.mixin', 'continuity.guard.mixin']
    _description = "Continuity Program Event Line"
    _order = 'program_id, event_number, sequence, id'
    _check_company_auto = True

    program_id = fields.Many2one(
        comodel_name='continuity.program', required=True, ondelete='cascade', index=True, check_company=True
    )
    company_id = fields.Many2one(related='program_id.company_id', store=True, precompute=True)
    currency_id = fields.Many2one(related='program_id.currency_id')
    sequence = fields.Integer(default=10)
    event_number = fields.Integer(
        string="Event ID",
        compute='_compute_event_number',
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        help="Sets the order of the events. Lines with the same event ID ship together.",
    )
    product_id = fields.Many2one(
        comodel_name='product.product',
        required=True,
        index=True,
        check_company=True,
        ondelete='restrict',
        domain="[('sale_ok', '=', True), ('continuity_program_id', '=', False)]",
    )
    quantity = fields.Float(default=1.0, digits='Product Unit', required=True)
    product_uom_id = fields.Many2one(
        comodel_name='uom.uom',
        string="Unit",
        compute='_compute_product_uom_id',
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        domain="[('id', 'in', allowed_uom_ids)]",
    )
    allowed_uom_ids = fields.Many2many(comodel_name='uom.uom', compute='_compute_allowed_uom_ids')

    price_overridden = fields.Boolean(
        string="Fixed Price", help="The price and discount given here count, instead of the price list."
    )
    price_unit = fields.Float(string="Unit Price", min_display_digits='Product Price')
    discount = fields.Float(string="Discount (%)", digits='Discount')
    payment_term_id = fields.Many2one(
        comodel_name='account.payment.term', string="Payment Schedule", check_company=True
    )
    carrier_id = fields.Many2one(comodel_name='delivery.carrier', check_company=True)

    # Shared by all lines of the event
    start_date = fields.Date(
        string="Fixed Date", help="The calendar day of the event, instead of a time since the event before it."
    )
    interval_number = fields.Integer(
        string="Every", default=1, required=True, help="The time since the shipment before it."
    )
    interval_unit = fields.Selection(
        selection=[('day', "Days"), ('week', "Weeks"), ('month', "Months"), ('year', "Years")],
        default='month',
        required=True,
    )
    repeat_count = fields.Integer(string="Times Shipped in All", default=1, required=True)
    repeat_forever = fields.Boolean(
        string="Until Cancelled", help="Only the last event that is sent can go on forever."
    )
    action = fields.Selection(
        selection=[
            ('normal', "Send"),
            ('skip', "Skip"),
            ('end', "End"),
        ],
        default='normal',
        required=True,
        help="Skip: the event is passed over and takes no time. End: the program stops after this event.",
    )
    substitute_ids = fields.Many2many(
        comodel_name='product.product',
        string="Substitutes",
        check_company=True,
        domain="[('sale_ok', '=', True), ('continuity_program_id', '=', False), ('id', '!=', product_id)]",
        help="Sent instead of the product when it is out of stock: the first of them that is in stock.",
    )
    probability = fields.Float(default=100.0, help="Expected share of customers who take it, for the forecast.")

    subscription_line_ids = fields.One2many(comodel_name='continuity.line', inverse_name='program_line_id')

    # === COMPUTE METHODS === #

    @api.depends('program_id')
    def _compute_event_number(self):
        for line in self:
            if not line.event_number:
                line.event_number = max(line.program_id.line_ids.mapped('event_number'), default=0) + 1

    @api.depends('product_id')
    def _compute_product_uom_id(self):
        for line in self:
            if not line.product_uom_id or line.product_uom_id not in line.allowed_uom_ids:
                line.product_uom_id = line.product_id.uom_id

    @api.depends('product_id.uom_id', 'product_id.uom_ids')
    def _compute_allowed_uom_ids(self):
        for line in self:
            line.allowed_uom_ids = line.product_id.uom_id | line.product_id.uom_ids

    @api.depends('event_number', 'product_id', 'program_id.name')
    @api.depends_context('lang')
    def _compute_display_name(self):
        for line in self:
            line.display_name = self.env._(
                "%(program)s, event %(number)s: %(product)s",
                program=line.program_id.name,
                number=line.event_number,
                product=line.product_id.display_name,
            )

    # === CONSTRAINT METHODS === #

    @api.constrains(
        'event_number', 'quantity', 'price_unit', 'repeat_count', 'interval_number', 'discount', 'probability'
    )
    def _check_numbers(self):
        for line in self:
            reason = line._get_number_error()
            if reason:
                raise ValidationError(self.env._("%(line)s: %(reason)s", line=line.display_name, reason=reason))

    def _get_number_error(self):
        """Return what is wrong with the line's numbers, or nothing."""
        self.ensure_one()
        if self.event_number < 1:
            return self.env._("the event ID must be 1 or more.")
        if self.quantity <= 0:
            return self.env._("the quantity must be above 0.")
        if self.price_unit < 0:
            return self.env._("the price cannot be negative.")
        if self.repeat_count < 1:
            return self.env._("it must ship at least once.")
        if self.interval_number < 0:
            return self.env._("the interval cannot be negative.")
        if not 0 <= self.discount <= 100:
            return self.env._("the discount must be between 0 and 100 %.")
        if not 0 <= self.probability <= 100:
            return self.env._("the probability must be between 0 and 100 %.")
        return None

    @api.constrains('product_id', 'product_uom_id', 'payment_term_id', 'substitute_ids')
    def _check_product(self):
        for line in self:
            reason = line._get_product_error()
            if reason:
                raise ValidationError(self.env._("%(line)s: %(reason)s", line=line.display_name, reason=reason))
        for program in self.program_id:
            program._check_taxes()

    def _get_product_error(self):
        """Return why the product cannot be sent, or nothing."""
        self.ensure_one()
        if (self.product_id | self.substitute_ids).continuity_program_id:
            return self.env._("a product that sells a continuity program cannot be sent by one.")
        if self.payment_term_id.early_discount:
            return self.env._(
                "%(term)s has an early payment discount and cannot be a payment schedule.",
                term=self.payment_term_id.display_name,
            )
        if not self.product_id.active:
            return self.env._("the product is archived. Choose another one, or restore it.")
        for product in self.product_id | self.substitute_ids:
            if not self.product_uom_id._has_common_reference(product.uom_id):
                return self.env._(
                    "the unit %(unit)s does not fit %(product)s, which is counted in %(product_unit)s.",
                    unit=self.product_uom_id.name,
                    product=product.display_name,
                    product_unit=product.uom_id.name,
                )
        return None

    @api.constrains(
        'program_id', 'event_number', 'interval_number', 'repeat_count', 'repeat_forever', 'action', 'start_date'
    )
    def _check_repeats(self):
        for program, lines in self.grouped('program_id').items():
            sent = schedule.get_sent_events(program._get_events())
            for line in lines:
                reason = line._get_repeat_error()
                if reason:
                    raise ValidationError(self.env._("%(line)s: %(reason)s", line=line.display_name, reason=reason))
            endless = [event for event in sent[:-1] if event.repeats is None]
            if endless:
                raise ValidationError(
                    self.env._(
                        "%(line)s: only the last event that is sent can repeat until cancelled.",
                        line=program.line_ids.filtered(lambda line: line.event_number == endless[0].number)[
                            0
                        ].display_name,
                    )
                )
            program._check_taxes()

    def _get_repeat_error(self):
        """Return what is wrong with the line's repeats, or nothing."""
        self.ensure_one()
        if (self.repeat_count > 1 or self.repeat_forever) and not self.interval_number:
            return self.env._("it repeats and needs an interval of at least 1.")
        if self.repeat_forever and self.program_id.bill_upfront:
            return self.env._("it repeats until cancelled and so cannot be billed in advance.")
        return None

    # === ONCHANGE === #

    @api.onchange('event_number')
    def _onchange_event_number(self):
        sibling = self.program_id.line_ids.filtered(
            lambda line: line.event_number == self.event_number and line._origin != self._origin
        )[:1]
        if sibling:
            self.update({name: sibling[name] for name in self._get_shared_fields()})

    @api.onchange('price_unit', 'discount')
    def _onchange_price(self):
        if self.price_unit or self.discount:
            self.price_overridden = True

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        vals_list = [self._drop_blank_cells(vals) for vals in vals_list]
        for vals in vals_list:
            self._refuse_insane(vals)
        self._number_events(vals_list)
        lines = super().create(vals_list)
        for line, vals in zip(lines, vals_list, strict=True):
            line._share_timing(vals)
        lines.program_id._bump_revision()
        return lines

    def write(self, vals):
        result = super().write(vals)
        if self._get_shared_fields() & vals.keys() or 'event_number' in vals:
            for line in self:
                line._share_timing(vals)
        if self._get_sync_fields() & vals.keys():
            self.program_id._bump_revision()
        return result

    def unlink(self):
        programs = self.program_id
        result = super().unlink()
        programs.exists()._bump_revision()
        return result

    @api.model
    def _drop_blank_cells(self, vals):
        """Return the values without what is empty in an imported row, so that it gets its default and not 0."""
        required = {
            'quantity',
            'interval_number',
            'interval_unit',
            'repeat_count',
            'action',
            'event_number',
            'probability',
        }
        return {name: value for name, value in vals.items() if value is not False or name not in required}

    def _number_events(self, vals_list):
        """Give the lines without an event ID the next ones of their program, in their order."""
        last_number = {}
        for vals in vals_list:
            program = self.env['continuity.program'].browse(vals.get('program_id'))
            known = last_number.setdefault(program.id, max(program.line_ids.mapped('event_number'), default=0))
            number = vals.get('event_number') or known + 1
            vals['event_number'] = number
            last_number[program.id] = max(known, number)

    def _share_timing(self, vals):
        """Make all lines of the event alike: what ``vals`` sets goes to the others, the rest comes from them."""
        self.ensure_one()
        siblings = self.program_id.line_ids.filtered(lambda line: line.event_number == self.event_number) - self
        if not siblings:
            return
        shared = self._get_shared_fields()
        for sibling in siblings:
            given = {name: self[name] for name in shared & vals.keys() if sibling[name] != self[name]}
            if given:
                sibling.write(given)
        taken = {name: siblings[0][name] for name in shared - vals.keys() if siblings[0][name] != self[name]}
        if taken:
            self.write(taken)

    # === EVENTS === #

    @api.model
    def _get_shared_fields(self):
        """Return what all lines of one event have in common."""
        return {'start_date', 'interval_number', 'interval_unit', 'repeat_count', 'repeat_forever', 'action'}

    @api.model
    def _get_sync_fields(self):
        """Return the fields whose change concerns plans already sold."""
        return self._get_shared_fields() | {
            'event_number',
            'product_id',
            'quantity',
            'product_uom_id',
            'price_overridden',
            'price_unit',
            'discount',
            'payment_term_id',
            'carrier_id',
        }

    def _prepare_event(self, line_count):
        """Return the event this line stands for, one of ``line_count`` lines.

        :rtype: schedule.Event
        """
        self.ensure_one()
        months, days = schedule.UNITS[self.interval_unit or 'month']
        return schedule.Event(
            number=self.event_number,
            interval=(months * self.interval_number, days * self.interval_number),
            start_date=self.start_date or None,
            repeats=None if self.repeat_forever else self.repeat_count,
            action=self.action,
            line_count=line_count,
        )
