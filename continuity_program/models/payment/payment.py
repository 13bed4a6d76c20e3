from datetime import date

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...domain import gate

#: What customers read of their payments.
PORTAL_FIELDS = {
    'amount',
    'company_id',
    'currency_id',
    'display_name',
    'due_date',
    'id',
    'invoice_id',
    'method',
    'number',
    'order_id',
    'partner_id',
    'state',
    'subscription_id',
}


class ContinuityPayment(models.Model):
    """One instalment of one billed order."""

    _name = 'continuity.payment'
    _description = "Continuity Payment"
    _inherit = [
        'mail.thread',
        'mail.activity.mixin',
        'continuity.parking.mixin',
        'continuity.portal.mixin',
        'continuity.given.mixin',
        'continuity.guard.mixin',
    ]
    _order = 'due_date, subscription_id, number, id'
    _check_company_auto = True

    subscription_id = fields.Many2one(
        comodel_name='continuity.subscription', required=True, ondelete='cascade', index=True, readonly=True
    )
    company_id = fields.Many2one(related='subscription_id.company_id', store=True, precompute=True)
    partner_id = fields.Many2one(related='subscription_id.partner_id', store=True, precompute=True, index=True)
    currency_id = fields.Many2one(related='subscription_id.currency_id', store=True, precompute=True)
    program_id = fields.Many2one(related='subscription_id.program_id', store=True, precompute=True)
    user_id = fields.Many2one(related='subscription_id.user_id', store=True, precompute=True)
    order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Billed Order",
        index='btree_not_null',
        readonly=True,
        check_company=True,
        help="The parent order when the plan is billed in advance, else the child order.",
    )
    number = fields.Integer(string="Instalment", default=1, readonly=True)
    due_date = fields.Date(readonly=True, help="Empty: due when the order ships.")
    has_schedule = fields.Boolean(readonly=True, help="Planned by a payment schedule.")
    amount = fields.Monetary(readonly=True)
    method = fields.Selection(
        selection=[('token', "Card"), ('on_account', "On account")], default='on_account', required=True, readonly=True
    )
    state = fields.Selection(
        selection=[
            ('scheduled', "Scheduled"),
            ('billed', "Billed"),
            ('processing', "Processing"),
            ('paid', "Paid"),
            ('declined', "Declined"),
            ('cancelled', "Cancelled"),
        ],
        compute='_compute_state',
        store=True,
        tracking=True,
        help="Paid exactly when its receivable line is settled, whatever settles it.",
    )
    is_cancelled = fields.Boolean(readonly=True)
    ready_date = fields.Date(
        compute='_compute_ready_date',
        store=True,
        help="The day from which it can be billed and charged: the due date, or the day its order shipped.",
    )
    owed_date = fields.Date(
        string="To Be Paid By",
        compute='_compute_owed_date',
        store=True,
        help="The day on which it should be paid: by its bill, or before there is one, by the plan.",
    )
    on_hold = fields.Boolean(readonly=True, tracking=True)
    attempt_count = fields.Integer(string="Attempts", readonly=True)
    next_attempt_date = fields.Date(readonly=True)
    is_given_up = fields.Boolean(
        string="No More Attempts",
        readonly=True,
        help="Declined for the last time: it waits for another card or a payment.",
    )
    is_wanted_now = fields.Boolean(
        string="To Be Charged Now", readonly=True, help="Charged at the next run, also before its due date."
    )
    notified_date = fields.Date(readonly=True)
    invoice_id = fields.Many2one(comodel_name='account.move', readonly=True, index='btree_not_null', copy=False)
    move_line_ids = fields.One2many(
        comodel_name='account.move.line', inverse_name='continuity_payment_id', string="Receivable Lines", readonly=True
    )
    move_line_id = fields.Many2one(
        comodel_name='account.move.line',
        string="Receivable Line",
        help="The one that is to be paid next.",
        compute='_compute_move_line_id',
        store=True,
        index='btree_not_null',
    )
    transaction_ids = fields.One2many(
        comodel_name='payment.transaction', inverse_name='continuity_payment_id', readonly=True
    )

    _ready_idx = models.Index("(company_id, ready_date, id) WHERE state IN ('scheduled', 'declined', 'processing')")
    # Few at any time, and none of them is found by its day.
    _wanted_idx = models.Index("(company_id) WHERE is_wanted_now IS TRUE")
    _on_hold_idx = models.Index("(company_id) WHERE on_hold IS TRUE")
    _declined_idx = models.Index("(company_id) WHERE state = 'declined'")

    @api.depends('move_line_ids.parent_state', 'move_line_ids.reconciled', 'move_line_ids.date_maturity')
    def _compute_move_line_id(self):
        for payment in self:
            lines = payment._get_receivable_lines()
            payment.move_line_id = lines.filtered(lambda line: not line.reconciled)[:1] or lines[-1:]

    def _get_receivable_lines(self):
        """Return the lines of its bill that are due for it, the earliest first: one, or those that the customer's own
        payment terms make of it."""
        self.ensure_one()
        lines = self.move_line_ids.filtered(lambda line: line.parent_state != 'cancel')
        return self._get_lines_on(lines[-1:].move_id)

    def _get_lines_on(self, move):
        """Return its receivable lines on a document, the earliest first."""
        lines = self.move_line_ids.filtered(lambda line: line.move_id == move)
        return lines.sorted(lambda line: (line.date_maturity or date.max, line.id))

    def _get_instalments_on_bill(self, day):
        """Return (day, amount) of its receivable lines on a bill of a day: its own day where it is of a payment
        schedule or the order has no payment terms.

        :rtype: list[tuple]
        """
        self.ensure_one()
        term = self.order_id.payment_term_id
        if self.has_schedule or not term or self.order_id._is_paid_by_schedule():
            return [(self.due_date or day, self.amount)]
        return self.subscription_id._get_instalments(self.order_id, self.amount, term, day)

    def _get_schedule_on_bill(self, day):
        """Return (day, amount, currency) of the receivable lines of these on a bill of a day, the earliest first."""
        rows = [
            (due, amount, payment.currency_id)
            for payment in self
            for due, amount in payment._get_instalments_on_bill(day)
            if amount
        ]
        return sorted(rows, key=lambda row: row[:2])

    @api.depends('due_date', 'order_id.continuity_shipped_date', 'subscription_id.program_id.upfront_invoice_moment')
    def _compute_ready_date(self):
        for payment in self:
            shipped = payment.order_id.continuity_shipped_date
            if payment._waits_for_shipment():
                payment.ready_date = max(payment.due_date or shipped, shipped) if shipped else False
            else:
                payment.ready_date = payment.due_date

    @api.depends('ready_date', 'move_line_id.parent_state', 'move_line_id.date_maturity')
    def _compute_owed_date(self):
        for payment in self:
            line = payment.move_line_id
            payment.owed_date = line.date_maturity if line.parent_state == 'posted' else payment.ready_date

    def _waits_for_shipment(self):
        """Whether nothing is billed before the order has shipped."""
        self.ensure_one()
        program = self.subscription_id.program_id
        is_upfront = self.order_id == self.subscription_id.order_id
        return not self.due_date or (is_upfront and program.upfront_invoice_moment == 'first_shipment')

    @api.depends(
        'is_cancelled',
        'amount',
        'method',
        'move_line_ids.parent_state',
        'move_line_ids.reconciled',
        'move_line_ids.amount_residual_currency',
        'move_line_ids.matched_credit_ids.credit_move_id.parent_state',
        'transaction_ids.state',
        'transaction_ids.is_post_processed',
    )
    def _compute_state(self):
        for payment in self:
            payment.state = payment._get_state()

    def _get_state(self):
        """Return what the state is: the books are the truth (``docs/behaviour.md#payments``)."""
        self.ensure_one()
        posted = self.move_line_ids.filtered(lambda line: line.parent_state == 'posted')
        lines = self._get_lines_on(posted[-1:].move_id)
        if self.is_cancelled:
            return 'cancelled'
        if self.currency_id.is_zero(self.amount) or (lines and all(map(self._is_settled, lines))):
            return 'paid'
        transactions = self.transaction_ids.sorted('id')
        if any(tx.state in ('draft', 'pending', 'authorized') for tx in transactions) or any(
            tx.state == 'done' and not tx.is_post_processed for tx in transactions
        ):
            return 'processing'
        # What our own attempts came to does not count any more once it is paid on account.
        is_taken_off_card = self.method == 'on_account' and self.attempt_count
        if transactions[-1:].state in ('error', 'cancel') and not is_taken_off_card:
            return 'declined'
        return 'billed' if lines and self.method == 'on_account' else 'scheduled'

    @api.model
    def _is_settled(self, line):
        """Whether a receivable line is settled by posted documents: one reset to draft keeps its reconciliation."""
        return line.reconciled and all(
            partial.credit_move_id.parent_state == 'posted' for partial in line.matched_credit_ids
        )

    @api.depends('subscription_id.name', 'number')
    @api.depends_context('lang')
    def _compute_display_name(self):
        for payment in self:
            payment.display_name = self.env._(
                "%(subscription)s, instalment %(number)s",
                subscription=payment.subscription_id.name,
                number=payment.number,
            )

    def _get_parking_user(self):
        return self.subscription_id._get_parking_user()

    # === ACTION METHODS === #

    def action_view_subscription(self):
        self.ensure_one()
        return self.subscription_id._get_records_action(context={})

    def _get_continuity_action(self):
        """Return the action that shows these payments."""
        action = self.env['ir.actions.act_window']._for_xml_id('continuity_program.continuity_payment_action')
        action['context'] = {}
        if len(self) == 1:
            return {**action, 'views': [(False, 'form')], 'res_id': self.id}
        return {**action, 'domain': [('id', 'in', self.ids)]}

    def action_charge(self):
        """Charge the cards now, also before the due date, and tell what came of it."""
        self._check_charge_access()
        return self._charge_now(commit=True)

    def _check_charge_access(self):
        """:raise AccessError: for who may not bill or charge these payments or, where there are none, any at all."""
        self.check_access('write')

    def _charge_now(self, commit):
        """:raise UserError: for a payment that cannot be charged."""
        for payment in self:
            reason = payment._get_charge_now_refusal()
            if reason:
                raise UserError(reason)
        self.sudo().write({'is_wanted_now': True})
        self.sudo()._try_again()
        run = self.env['continuity.job.run']._execute(
            'process_payments', domain=[('id', 'in', self.ids)], commit=commit
        )
        reasons = set(run.sudo().issue_ids.mapped('reason'))
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success' if all(payment.state == 'paid' for payment in self) else 'warning',
                'message': '\n'.join(
                    [*(f"{payment.display_name}: {payment._get_state_label()}" for payment in self), *sorted(reasons)]
                ),
                'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'},
            },
        }

    def _get_charge_now_refusal(self):
        """Return why a payment cannot be charged now, or nothing; what the card says is found out by charging it."""
        self.ensure_one()
        if self.method != 'token':
            return self.env._("%(payment)s is paid on account, not by card.", payment=self.display_name)
        if self.on_hold:
            return self.env._("%(payment)s is on hold: take it off hold first.", payment=self.display_name)
        if self.state not in ('scheduled', 'declined'):
            return self.env._(
                "%(payment)s is %(state)s and cannot be charged.",
                payment=self.display_name,
                state=self._get_state_label().lower(),
            )
        if not self.ready_date:
            return self.env._(
                "%(payment)s is charged when %(order)s has shipped.",
                payment=self.display_name,
                order=self.order_id.name,
            )
        return None

    def action_hold(self):
        """Put payments on hold: they are not charged or billed, and what they gate is not delivered."""
        self.check_access('write')
        self.sudo()._set_on_hold(True)
        return True

    def action_release(self):
        """Take payments off hold; a declined one is tried again."""
        self.check_access('write')
        self.sudo()._set_on_hold(False)
        return True

    def _set_on_hold(self, on_hold):
        for payment in self.filtered(lambda payment: payment.on_hold != on_hold):
            payment.on_hold = on_hold
            payment._message_log(
                body=self.env._("Put on hold by %(user)s.", user=self.env.user.name)
                if on_hold
                else self.env._("Taken off hold by %(user)s.", user=self.env.user.name)
            )
        if not on_hold:
            self._try_again()
        self.subscription_id._update_holds()

    def _try_again(self):
        """Mark declined payments to be charged at the next run: the card was changed, or somebody wants it."""
        self.filtered(lambda payment: payment.state == 'declined').write(
            {'next_attempt_date': False, 'is_given_up': False}
        )
        self.env['continuity.job.run']._wake('process_payments', self)

    def _on_settlement_changed(self):
        """Update the holds on deliveries after a receivable line was settled or opened again."""
        paid = self.filtered(lambda payment: payment.state == 'paid')
        paid._close_continuity_attention({'declined', 'no_card'})
        paid._unpark()
        self.subscription_id._update_holds()

    def _by_due_date(self, reverse=False):
        """Return the payments sorted by when they are due; those that wait for a shipment come last."""
        return self.sorted(lambda payment: (payment.due_date or date.max, payment.number, payment.id), reverse=reverse)

    @api.model
    def _get_overdue_domain(self, today):
        """Return the domain of what should have been paid before ``today``."""
        return (
            Domain('state', 'not in', ('paid', 'cancelled'))
            & Domain('amount', '>', 0.0)
            & Domain('owed_date', '<', today)
        )

    def _read_installment(self):
        """Return what the gate on deliveries needs to know of the payment.

        :rtype: gate.Installment
        """
        self.ensure_one()
        return gate.Installment(
            number=self.number,
            method=self.method,
            state='cancelled' if self.is_cancelled else self.state,
            due_date=self.due_date or None,
            has_schedule=self.has_schedule,
            on_hold=self.on_hold,
        )

    def _get_open_amount(self):
        """Return what is not paid yet, in the order's currency."""
        self.ensure_one()
        if self.is_cancelled:
            return 0.0
        lines = self._get_receivable_lines()
        return self.currency_id.round(sum(lines.mapped('amount_residual_currency'))) if lines else self.amount

    def _get_chargeable_amount(self):
        """Return what may be charged now: what is open, less what credit notes in draft take off, the last instalments
        first (``docs/behaviour.md#stopping``)."""
        self.ensure_one()
        no_subscription = self.env['continuity.subscription']
        notes = self.invoice_id.reversal_move_ids.filtered(
            lambda note: (
                note.state == 'draft' and note.continuity_subscription_id in (self.subscription_id, no_subscription)
            )
        )
        credit = sum(notes.mapped('amount_total'))
        instalments = self.invoice_id.continuity_payment_ids & self.subscription_id.payment_ids
        for payment in instalments._by_due_date(reverse=True):
            still_open = payment._get_open_amount()
            if payment == self:
                left = self.currency_id.round(max(still_open - credit, 0.0))
                return left if credit else self._get_early_amount() or left
            credit = max(credit - still_open, 0.0)
        return 0.0

    def _get_early_amount(self):
        """Return what settles its bill today by the early discount of the customer's payment terms, or nothing."""
        self.ensure_one()
        bill = self.invoice_id
        if not bill.invoice_payment_term_id.early_discount or bill.continuity_payment_ids != self:
            return None
        values = bill._get_invoice_next_payment_values()
        return values['amount_due'] if values.get('installment_state') == 'epd' else None

    # === THE PORTAL === #

    @api.model
    def _get_portal_fields(self):
        return PORTAL_FIELDS

    def _get_pay_url(self):
        """Return where the customer pays what is due of it, or nothing: Odoo's own page of its bill."""
        self.ensure_one()
        today = self.company_id._get_continuity_today()
        is_due = self.state == 'declined' or (self.owed_date and self.owed_date <= today)
        is_open = self.state in ('scheduled', 'billed', 'declined') and self.invoice_id
        if not is_open or not is_due or not self.invoice_id._has_to_be_paid() or not self._get_chargeable_amount():
            return None
        return self.invoice_id.get_portal_url(anchor='portal_pay', query_string='&payment=True')
