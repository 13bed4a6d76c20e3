from odoo import api, fields, models
from odoo.fields import Domain

from ...domain import gate


class ContinuitySubscription(models.Model):
    """What becomes of new shipments when the customer does not pay (``docs/behaviour.md#unpaid-customers``)."""

    _inherit = 'continuity.subscription'

    overdue_count = fields.Integer(
        string="Unpaid Payments", compute='_compute_overdue', compute_sudo=True, help="Due before today and not paid."
    )
    overdue_since = fields.Date(
        string="Unpaid Since",
        compute='_compute_overdue',
        compute_sudo=True,
        help="When the oldest unpaid payment was due.",
    )
    is_unpaid = fields.Boolean(
        string="Unpaid",
        compute='_compute_overdue',
        compute_sudo=True,
        search='_search_is_unpaid',
        help="A payment was due before today and is not paid.",
    )
    unpaid_text = fields.Char(
        string="What Being Unpaid Means",
        compute='_compute_unpaid_text',
        compute_sudo=True,
        groups='base.group_user',
        help="What becomes of new shipments as long as more is unpaid than the program accepts.",
    )

    # === COMPUTE METHODS === #

    @api.depends('payment_ids.state', 'payment_ids.amount', 'payment_ids.owed_date')
    @api.depends_context('continuity_as_of')
    def _compute_overdue(self):
        for company, subscriptions in self.grouped('company_id').items():
            overdue = subscriptions._find_overdue_payments(company).grouped('subscription_id')
            for subscription in subscriptions:
                payments = overdue.get(subscription._origin, self.env['continuity.payment'])
                subscription.overdue_count = len(payments)
                subscription.overdue_since = min(payments.mapped('owed_date'), default=False)
                subscription.is_unpaid = bool(payments)

    def _find_overdue_payments(self, company):
        """Return the payments of the subscriptions, of one company, that are overdue on its day: in one search."""
        today = (company or self.env.company)._get_continuity_today()
        Payment = self.env['continuity.payment']
        return Payment.search(Domain('subscription_id', 'in', self.ids) & Payment._get_overdue_domain(today))

    def _search_is_unpaid(self, operator, value):
        if operator != 'in':
            return NotImplemented
        unpaid = Domain.OR(
            Domain('company_id', '=', company.id)
            & Domain(
                'payment_ids',
                'any',
                self.env['continuity.payment']._get_overdue_domain(company._get_continuity_today()),
            )
            for company in self.env.companies
        )
        return unpaid if True in value else ~unpaid

    @api.depends(
        'state',
        'overdue_count',
        'overdue_since',
        'program_id.unpaid_policy',
        'program_id.unpaid_max_count',
        'program_id.unpaid_max_days',
    )
    @api.depends_context('continuity_as_of', 'lang')
    def _compute_unpaid_text(self):
        for subscription in self:
            reason = subscription.state in ('running', 'paused') and subscription._get_unpaid_text()
            if not reason:
                subscription.unpaid_text = False
            elif subscription.program_id.unpaid_policy == 'stop':
                subscription.unpaid_text = self.env._(
                    "The next shipment that is due stops the subscription: %(reason)s", reason=reason
                )
            else:
                subscription.unpaid_text = self.env._("New shipments are held: %(reason)s", reason=reason)

    # === RULES === #

    def _get_unpaid_text(self):
        """Return by how much the customer owes more than the program accepts, or nothing.

        :rtype: str | None
        """
        self.ensure_one()
        program = self.program_id
        refusal = gate.get_unpaid_refusal(
            gate.Credit(program.unpaid_policy, program.unpaid_max_count, program.unpaid_max_days),
            gate.Overdue(self.overdue_count, self.overdue_since or None),
            self.company_id._get_continuity_today(),
        )
        return self.env['continuity.wording']._word(refusal)

    def _get_unpaid_refusal(self):
        """Return why no child order is made for an unpaid customer, as (code, text), or nothing."""
        reason = self._get_unpaid_text()
        if not reason:
            return None
        if self.program_id.unpaid_policy == 'stop':
            return 'unpaid_stopped', self.env._("Stopped: %(reason)s", reason=reason)
        return 'unpaid', self.env._("Unpaid: %(reason)s", reason=reason)

    def _stop_unpaid(self, reason):
        """Stop the subscription of a customer who does not pay; child orders already made go their way.

        :param str reason: for the chatter.
        """
        self.ensure_one()
        self._cancel(self.env.ref('continuity_program.continuity_cancel_reason_unpaid', raise_if_not_found=False))
        self._message_log(body=reason)
