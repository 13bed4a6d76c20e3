from datetime import datetime, time

from pytz import UTC, timezone

from odoo import SUPERUSER_ID, api, fields, models

from ...domain import sanity
from .sanity import check_bounds


class ResCompany(models.Model):
    _name = 'res.company'
    _inherit = ['res.company', 'continuity.sanity.mixin']

    continuity_lead_days = fields.Integer(
        bounds=sanity.DAYS,
        help="A child order is created this many days before its planned date. Until then the customer may change it.",
    )
    continuity_delivery_days = fields.Integer(
        string="Continuity Days Before Delivery",
        default=-1,
        bounds=sanity.DAYS_OR_DEFAULT,
        help="A child order may be delivered and invoiced from this many days before its planned date. "
        "-1: the same as the lead days.",
    )
    continuity_bill_lead_days = fields.Integer(
        string="On Account Bill Days",
        bounds=sanity.DAYS,
        help="The bill goes out this many days before its due date.",
    )
    continuity_repeat_threshold = fields.Integer(
        string="Repeat Threshold",
        default=12,
        bounds=sanity.Bounds(1, sanity.MAX_COUNT),
        help="At most this many open occurrences of one event are planned when the plan is not billed in advance; "
        "the scheduled action adds the others later.",
    )
    continuity_orders_per_run = fields.Integer(
        string="Number of Orders to Create",
        bounds=sanity.COUNT_FROM_0,
        help="The most child orders that one scheduled run creates, the oldest first. 0: no limit.",
    )
    continuity_charge_moment = fields.Selection(
        selection=[('delivery', "When it has shipped"), ('creation', "When the child order is created")],
        string="Authorize Continuity Child Order",
        default='delivery',
        required=True,
        help="When a customer who pays each shipment by card is charged.",
    )
    continuity_revenue_journal_id = fields.Many2one(
        comodel_name='account.journal',
        domain="[('type', '=', 'general')]",
        check_company=True,
        help="Revenue of plans billed in advance is transferred here as the shipments are delivered.",
    )
    continuity_autoconfirm = fields.Boolean(string="Confirm Child Orders", default=True)
    continuity_retry_limit = fields.Integer(string="Charge Attempts", default=3, bounds=sanity.COUNT_FROM_0)
    continuity_retry_days = fields.Integer(string="Days Between Attempts", default=3, bounds=sanity.DAYS)

    continuity_mail_bills = fields.Boolean(
        string="Mail Bills and Receipts",
        default=True,
        help="The customer gets each bill, each charge of a card, each credit note and each refund once by email.",
    )
    continuity_mail_plan = fields.Boolean(
        string="Mail the Plan", default=True, help="The customer gets the plan when the order is confirmed."
    )
    continuity_mail_changes = fields.Boolean(
        string="Mail Changes",
        default=True,
        help="The customer is told that a subscription is paused, goes on or is stopped.",
    )
    continuity_mail_end = fields.Boolean(
        string="Mail the End",
        default=True,
        help="The customer is told which shipment is the last, and that all is done.",
    )
    continuity_mail_card_days = fields.Integer(
        string="Mail Expiring Cards",
        default=30,
        bounds=sanity.DAYS,
        help="The customer is told this many days before that the card expires. 0: not told.",
    )
    continuity_mail_waiting = fields.Boolean(
        string="Mail What Waits for the Customer",
        default=True,
        help="The customer is told that a shipment waits for a usable card or for unpaid invoices.",
    )
    continuity_waiting_nights = fields.Integer(
        string="Nights Before a To-Do",
        default=3,
        help="Who is responsible gets a to-do for what the scheduled actions have left out on so many days. 0: never.",
    )

    _continuity_days_sane = models.Constraint(
        check_bounds(
            sanity.DAYS,
            'continuity_lead_days',
            'continuity_bill_lead_days',
            'continuity_retry_days',
            'continuity_mail_card_days',
        ),
        "The continuity days must be from 0 to 3,650.",
    )
    _continuity_delivery_days_sane = models.Constraint(
        check_bounds(sanity.DAYS_OR_DEFAULT, 'continuity_delivery_days'),
        "The continuity days before delivery must be from -1 to 3,650.",
    )
    _continuity_threshold_positive = models.Constraint(
        'CHECK(continuity_repeat_threshold > 0)', "The repeat threshold must be at least 1."
    )
    _continuity_limits_not_negative = models.Constraint(
        'CHECK(continuity_orders_per_run >= 0 AND continuity_retry_limit >= 0)',
        "The limits of the continuity jobs cannot be negative.",
    )
    _continuity_waiting_nights_sane = models.Constraint(
        'CHECK(continuity_waiting_nights BETWEEN 0 AND 3650)',
        "The nights before a to-do must be between 0 and 3650.",
    )

    # === BRANCHES === #

    @api.model_create_multi
    def create(self, vals_list):
        """A new branch has the parameters of its company, but for those that it is given."""
        for vals in vals_list:
            parent = self.browse(vals.get('parent_id'))
            if parent:
                vals |= parent._read_continuity_parameters(self._get_continuity_parameters() - vals.keys())
        return super().create(vals_list)

    def write(self, vals):
        """A branch follows its company in what it has not set otherwise."""
        names = self._get_continuity_parameters() & vals.keys()
        followers = {name: self._get_following_branches(name) for name in names}
        result = super().write(vals)
        for name, branches in followers.items():
            changed = branches.filtered(lambda branch, name=name: branch[name] != branch.parent_id[name])
            if changed:
                changed.write({name: vals[name]})
        return result

    @api.model
    def _get_continuity_parameters(self):
        """Return the names of the company's parameters.

        :rtype: set[str]
        """
        return {name for name, field in self._fields.items() if name.startswith('continuity_') and not field.readonly}

    def _read_continuity_parameters(self, names):
        """Return the values of parameters, as they are written on another company."""
        self.ensure_one()
        return {name: self._fields[name].convert_to_write(self[name], self) for name in names}

    def _get_following_branches(self, name):
        """Return the branches that have a parameter as these companies have it: they have not set it otherwise."""
        branches = self.sudo().all_child_ids
        return branches.filtered(lambda branch: branch[name] == branch.parent_id[name])

    # === THE COMPANY'S DAY === #

    def _get_continuity_today(self):
        """Return the company's current day, or the day a job run works for.

        The day of a run comes in the context key ``continuity_as_of`` and is honoured for the superuser only
        (``docs/behaviour.md#today``).

        :rtype: datetime.date
        """
        return self._get_continuity_as_of() or self._get_continuity_day(fields.Datetime.now())

    def _get_continuity_now(self):
        """Return the moment, in naive UTC, that a document made today gets: now, or noon of the day a run works for.

        :rtype: datetime.datetime
        """
        now = fields.Datetime.now()
        as_of = self._get_continuity_as_of()
        return self._get_continuity_noon(as_of) if as_of and as_of != self._get_continuity_day(now) else now

    def _get_continuity_noon(self, day):
        """Return noon of the company's ``day`` in naive UTC: it falls on the same day almost everywhere."""
        local = self._get_continuity_timezone().localize(datetime.combine(day, time(12)))
        return local.astimezone(UTC).replace(tzinfo=None)

    def _get_continuity_day(self, moment):
        """Return the company's day of a ``moment`` given in naive UTC."""
        return UTC.localize(moment).astimezone(self._get_continuity_timezone()).date()

    def _get_continuity_as_of(self):
        as_of = self.env.context.get('continuity_as_of')
        # The user, not only the mode: a context sent by RPC also reaches code that works as the superuser.
        return fields.Date.to_date(as_of) if as_of and self.env.uid == SUPERUSER_ID else None

    def _get_continuity_timezone(self):
        self.ensure_one()
        company_sudo = self.sudo()
        return timezone(company_sudo.partner_id.tz or company_sudo.resource_calendar_id.tz or 'UTC')

    # === PARAMETERS IN USE === #

    def _get_continuity_delivery_days(self):
        """Return from how many days before its planned date a child may be delivered and invoiced."""
        self.ensure_one()
        return self.continuity_lead_days if self.continuity_delivery_days < 0 else self.continuity_delivery_days
