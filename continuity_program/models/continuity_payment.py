import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

_logger = logging.getLogger(__name__)


class ContinuityPayment(models.Model):
    """One instalment of one billed order."""

    _name = 'continuity.payment'
    _description = "Continuity Payment"
    _inherit = ['mail.thread', 'mail.activity.mixin', 'continuity.parking.mixin', 'continuity.guard.mixin']
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
    on_hold = fields.Boolean(readonly=True, tracking=True)
    attempt_count = fields.Integer(string="Attempts", readonly=True)
    next_attempt_date = fields.Date(readonly=True)
    is_given_up = fields.Boolean(
        string="No More Attempts",
        readonly=True,
        help="Declined for the last time: it waits for another card or a payment.",
    )
    notified_date = fields.Date(readonly=True)
    invoice_id = fields.Many2one(comodel_name='account.move', readonly=True, index='btree_not_null', copy=False)
    move_line_ids = fields.One2many(
        comodel_name='account.move.line', inverse_name='continuity_payment_id', string="Receivable Lines", readonly=True
    )
    move_line_id = fields.Many2one(
        comodel_name='account.move.line',
        string="Receivable Line",
        compute='_compute_move_line_id',
        store=True,
        index='btree_not_null',
    )
    transaction_ids = fields.One2many(
        comodel_name='payment.transaction', inverse_name='continuity_payment_id', readonly=True
    )

    _ready_idx = models.Index("(company_id, ready_date, id) WHERE state IN ('scheduled', 'declined', 'processing')")

    @api.depends('move_line_ids.parent_state')
    def _compute_move_line_id(self):
        for payment in self:
            payment.move_line_id = payment.move_line_ids.filtered(lambda line: line.parent_state != 'cancel')[-1:]

    @api.depends('due_date', 'order_id.continuity_shipped_date', 'subscription_id.program_id.upfront_invoice_moment')
    def _compute_ready_date(self):
        for payment in self:
            shipped = payment.order_id.continuity_shipped_date
            if payment._waits_for_shipment():
                payment.ready_date = max(payment.due_date or shipped, shipped) if shipped else False
            else:
                payment.ready_date = payment.due_date

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
        line = self.move_line_ids.filtered(lambda line: line.parent_state == 'posted')[-1:]
        if self.is_cancelled:
            return 'cancelled'
        if self.currency_id.is_zero(self.amount) or (line and self._is_settled(line)):
            return 'paid'
        transactions = self.transaction_ids.sorted('id')
        if any(tx.state in ('draft', 'pending', 'authorized') for tx in transactions) or any(
            tx.state == 'done' and not tx.is_post_processed for tx in transactions
        ):
            return 'processing'
        if transactions[-1:].state in ('error', 'cancel'):
            return 'declined'
        return 'billed' if line and self.method == 'on_account' else 'scheduled'

    @api.model
    def _is_settled(self, line):
        """Whether a receivable line is settled by posted documents: one reset to draft keeps its reconciliation."""
        return line.reconciled and all(
            partial.credit_move_id.parent_state == 'posted' for partial in line.matched_credit_ids
        )

    @api.depends('subscription_id.name', 'number')
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
        """Let declined payments be charged at the next run: the card was changed, or somebody wants it."""
        self.filtered(lambda payment: payment.state == 'declined').write(
            {'next_attempt_date': False, 'is_given_up': False}
        )
        self.env['continuity.job.run']._trigger_cron('process_payments')

    def _follow_settlement(self):
        """Bring deliveries in line after a receivable line was settled or opened again."""
        paid = self.filtered(lambda payment: payment.state == 'paid')
        paid.activity_ids.filtered(lambda activity: activity.continuity_job == 'declined').action_feedback()
        self.subscription_id._update_holds()

    # === BILLING === #

    def _bill(self):
        """Post the invoices of the payments, once for each order, and send those on account to the customer."""
        orders = self.filtered(lambda payment: not payment.invoice_id).order_id
        if orders:
            orders._create_invoices()
        self.invoice_id.filtered(lambda invoice: invoice.state == 'draft').action_post()
        for payment in self:
            if not payment.invoice_id:
                raise UserError(
                    self.env._(
                        "%(payment)s: %(order)s has nothing to invoice.",
                        payment=payment.display_name,
                        order=payment.order_id.name,
                    )
                )
        self.filtered(lambda payment: payment.method == 'on_account')._send_bill()

    def _send_bill(self):
        """Mail each bill once; a mail that cannot be made is noted on the invoice, and the bill stands."""
        for invoice, payments in self.filtered(lambda payment: not payment.notified_date).grouped('invoice_id').items():
            invoice.continuity_payment_ids.notified_date = payments[0].company_id._get_continuity_today()
            self._mail('continuity_program.mail_template_bill', invoice)

    def _mail(self, template_xmlid, record):
        """Make a mail about a record; one that cannot be made is noted there, and stops nothing."""
        template = self.env.ref(template_xmlid, raise_if_not_found=False)
        if not template:
            return
        try:
            with self.env.cr.savepoint():
                template.send_mail(record.id)
        except OperationalError:
            raise
        except Exception as error:
            _logger.info("%s of %s could not be mailed", template_xmlid, record, exc_info=True)
            record._message_log(body=self.env._("It could not be mailed: %(error)s", error=error))

    # === JOB: PROCESS PAYMENTS === #

    @api.model
    def _job_process_payments_domain(self, as_of):
        """Return the payments to bill or charge on the day; bills go out some days before they are due."""
        bill_horizon = as_of + timedelta(days=self.env.company.continuity_bill_lead_days)
        return (
            # Processing: an attempt that was interrupted is taken up again.
            Domain('state', 'in', ('scheduled', 'declined', 'processing'))
            & Domain('on_hold', '=', False)
            & Domain('is_given_up', '=', False)
            & Domain('order_id.state', '=', 'sale')
            & Domain('ready_date', '<=', bill_horizon)
            & (Domain('method', '=', 'on_account') | Domain('ready_date', '<=', as_of))
            & (Domain('next_attempt_date', '=', False) | Domain('next_attempt_date', '<=', as_of))
        )

    def _job_process_payments_process(self, batch):
        """Bill and charge; run record by record, because a charge must last before the next step."""
        for payment in self:
            if payment.method == 'token':
                payment._charge(batch)
            else:
                payment._bill()
                batch.done += 1

    def _job_process_payments_preview(self, batch):
        return [
            {
                **payment._prepare_preview_row(),
                'subscription_id': payment.subscription_id.id,
                'order_id': payment.order_id.id,
                'date': payment.ready_date,
                'amount': payment.amount,
            }
            for payment in self
        ]
