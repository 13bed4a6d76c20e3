from contextlib import contextmanager

from odoo import api, fields, models
from odoo.tools import SQL, frozendict

from ...internal_context import Internal, get_internal
from ..base.automatic import AUTOMATIC
from ..base.plan_one2many import PlanOne2many, init_plan_column, searching_plans


class AccountMove(models.Model):
    _name = 'account.move'
    _inherit = ['account.move', 'continuity.guard.mixin']

    continuity_has_plan = fields.Boolean(
        string="Bills or Credits a Plan", compute='_compute_continuity_has_plan', store=True, precompute=True
    )
    continuity_payment_ids = PlanOne2many(
        comodel_name='continuity.payment',
        inverse_name='invoice_id',
        string="Continuity Instalments",
        only_if='continuity_has_plan',
        readonly=True,
        help="The instalments this invoice is paid in: each has a receivable line of its own.",
    )
    continuity_credited_line_ids = PlanOne2many(
        comodel_name='continuity.line',
        inverse_name='credit_move_id',
        string="Planned Lines Credited",
        only_if='continuity_has_plan',
        readonly=True,
    )
    continuity_payment_count = fields.Integer(compute='_compute_continuity_payment_count')
    continuity_subscription_id = fields.Many2one(
        comodel_name='continuity.subscription',
        string="Credited Subscription",
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="The subscription, billed in advance, of which this credit note takes back a part.",
    )

    def _auto_init(self):
        fill = SQL(
            """
            UPDATE account_move
               SET continuity_has_plan = TRUE
             WHERE id IN (SELECT invoice_id FROM continuity_payment UNION SELECT credit_move_id FROM continuity_line)
            """
        )
        needed = ('continuity_payment.invoice_id', 'continuity_line.credit_move_id')
        init_plan_column(self, 'continuity_has_plan', 'bool', fill, *needed)
        return super()._auto_init()

    @api.depends('continuity_payment_ids', 'continuity_credited_line_ids')
    def _compute_continuity_has_plan(self):
        for move in self:
            searching = searching_plans(move)
            move.continuity_has_plan = bool(searching.continuity_payment_ids or searching.continuity_credited_line_ids)

    # === INSTALMENTS === #

    @api.depends('continuity_payment_ids', 'reversed_entry_id.continuity_payment_ids')
    def _compute_continuity_payment_count(self):
        for move in self:
            move.continuity_payment_count = len(move._get_continuity_payments())

    def _get_continuity_payments(self):
        """Return the instalments of an invoice; of a credit note, those of the invoice that it takes back."""
        return self.continuity_payment_ids or self.reversed_entry_id.continuity_payment_ids

    def action_view_continuity_payments(self):
        self.ensure_one()
        return self._get_continuity_payments()._get_continuity_action()

    # === RECEIVABLE LINES === #

    @api.depends(
        'continuity_payment_ids.amount',
        'continuity_payment_ids.due_date',
        'continuity_payment_ids.number',
        'continuity_payment_ids.is_cancelled',
    )
    def _compute_needed_terms(self):
        super()._compute_needed_terms()
        for move in self:
            payments = move.continuity_payment_ids.filtered(lambda payment: not payment.is_cancelled).sorted('number')
            if payments and move.move_type == 'out_invoice' and move.needed_terms:
                move.needed_terms = move._get_terms_of_payments(payments)

    def _get_terms_of_payments(self, payments):
        """Return the receivable lines of the invoice, one for each payment, summing to the invoice's total.

        Once it is posted, the books tell the amounts. What is less than its down payments is about to become a credit
        note, and nobody pays it in instalments.
        """
        self.ensure_one()
        total = sum(term['balance'] for term in self.needed_terms.values())
        total_currency = sum(term['amount_currency'] for term in self.needed_terms.values())
        if total_currency < 0:
            return self.needed_terms
        last_date = max(filter(None, (key['date_maturity'] for key in self.needed_terms)), default=False)
        if self.state == 'posted':
            amounts = [
                sum(payment.move_line_ids.filtered(lambda line: line.move_id == self).mapped('amount_currency'))
                for payment in payments
            ]
        else:
            amounts = payments.mapped('amount')
        amounts = self._align(amounts, total_currency)
        terms, done_currency, done = {}, 0.0, 0.0
        for payment, amount in zip(payments, amounts, strict=True):
            done_currency += amount
            reached = self.company_currency_id.round(total * done_currency / total_currency) if total_currency else 0.0
            key = {
                'move_id': self.id,
                'date_maturity': payment.due_date or last_date,
                'discount_date': False,
                'continuity_payment_id': payment.id,
            }
            terms[frozendict(key)] = {
                'balance': reached - done,
                'amount_currency': amount,
                'discount_date': False,
                'discount_balance': 0.0,
                'discount_amount_currency': 0.0,
            }
            done = reached
        return terms

    def _align(self, amounts, total):
        """Return the instalments so that they sum to the total: the last ones take what is missing or too much."""
        amounts = list(amounts)
        difference = total - sum(amounts)
        for index in reversed(range(len(amounts))):
            changed = max(amounts[index] + difference, 0.0)
            difference -= changed - amounts[index]
            amounts[index] = self.currency_id.round(changed)
            if self.currency_id.is_zero(difference):
                break
        return amounts

    # === CORE METHODS OVERRIDES === #

    @api.model_create_multi
    def create(self, vals_list):
        if not get_internal(self.env, 'continuity_replacing'):
            return super().create(vals_list)
        links = [vals.pop('continuity_payment_ids', None) for vals in vals_list]
        moves = super().create(vals_list)
        for move, commands in zip(moves, links, strict=True):
            if commands:
                move.sudo().continuity_payment_ids = commands
        return moves

    @contextmanager
    def _sync_dynamic_line(self, existing_key_fname, needed_vals_fname, needed_dirty_fname, line_type, container):
        """Mark Odoo's own writing of instalments on receivable lines, which it does as whoever changes the invoice."""
        syncing = self.with_context(continuity_syncing=Internal())
        with super(AccountMove, syncing)._sync_dynamic_line(
            existing_key_fname, needed_vals_fname, needed_dirty_fname, line_type, container
        ):
            yield

    def _post(self, soft=True):
        posted = super()._post(soft=soft)
        for line in posted.line_ids.filtered('continuity_payment_id'):
            payment_sudo = line.sudo().continuity_payment_id
            if payment_sudo.currency_id.compare_amounts(payment_sudo.amount, line.amount_currency):
                payment_sudo.amount = line.amount_currency
        posted.filtered('continuity_payment_ids')._use_up_online_payments()
        for order in posted.sudo().continuity_payment_ids.order_id.filtered('continuity_parent_id'):
            order.order_line.continuity_line_id.subscription_id._plan_rest(order)
        posted._get_settled_continuity_payments()._on_settlement_changed()
        return posted

    def button_draft(self):
        result = super().button_draft()
        # The reconciliation stays, but does not settle.
        self._get_settled_continuity_payments()._on_settlement_changed()
        return result

    def _get_settled_continuity_payments(self):
        """Return the instalments that are reconciled with these documents."""
        return self.line_ids.matched_debit_ids.debit_move_id.sudo().continuity_payment_id

    def _use_up_online_payments(self):
        """Settle the invoice with what is left of its online payments: Odoo passes over those that paid another one."""
        for invoice in self:
            payments = invoice.sudo().transaction_ids.payment_id.filtered(lambda payment: payment.state == 'paid')
            for line in payments.move_id.line_ids:
                if line.account_type == 'asset_receivable' and not line.reconciled:
                    invoice.js_assign_outstanding_line(line.id)

    def _reconcile_reversed_moves(self, reverse_moves, move_reverse_cancel):
        """Reconcile a credit note with the last instalments first: the next ones stay as they were agreed."""
        if move_reverse_cancel:
            return super()._reconcile_reversed_moves(reverse_moves, move_reverse_cancel)
        for note in reverse_moves:
            note._settle_last_instalments(note.reversed_entry_id)
        # What is left of the credit of one subscription does not pay another one on the same bill.
        plain = reverse_moves.filtered(lambda note: not note.continuity_subscription_id)
        super(AccountMove, plain.reversed_entry_id)._reconcile_reversed_moves(plain, move_reverse_cancel)
        return reverse_moves

    def _draft_continuity_credit(self, ref, **values):
        """Return a draft credit note of today for each of these invoices, of the same salesperson, who follows it.

        :param values: of the notes, if others than those of the invoices.
        """
        automatic = self.with_context(**AUTOMATIC)
        notes = automatic._reverse_moves(
            [
                {
                    'invoice_date': bill.company_id._get_continuity_today(),
                    'invoice_user_id': bill.invoice_user_id.id,
                    'ref': ref,
                    **values,
                }
                for bill in self
            ]
        )
        for salesperson, theirs in notes.grouped('invoice_user_id').items():
            theirs._message_auto_subscribe({'user_id': salesperson.id})
        return notes.with_env(self.env)

    def _get_live_credit_notes(self):
        """Return the credit notes of these invoices, drafts counted, cancelled ones left out."""
        return self.reversal_move_ids.filtered(lambda note: note.state != 'cancel')

    def _prepare_rest_credit(self):
        """Return what is not credited yet: the dicts of ``continuity.subscription._create_credit_note``."""
        self.ensure_one()
        lines = (self | self._get_live_credit_notes()).invoice_line_ids
        return [
            {'order_line': line, 'amount': (line.invoice_lines & lines)._get_net_subtotal(), 'name': line.name}
            for line in self.invoice_line_ids.sale_line_ids
        ]

    def _is_continuity_bill(self):
        """Whether it bills something and takes nothing back: an invoice, or one that is less than its down payments."""
        self.ensure_one()
        return self.move_type == 'out_invoice' or not self.reversed_entry_id

    def _get_posted_bills(self):
        """Return the posted invoices among these documents, no credit notes."""
        return self.filtered(lambda move: move.move_type == 'out_invoice' and move.state == 'posted')

    def _settle_last_instalments(self, bill):
        """Settle open instalments of an invoice with this credit note, the last ones first."""
        payments = bill.sudo().continuity_payment_ids
        if self.continuity_subscription_id:
            payments &= self.continuity_subscription_id.sudo().payment_ids
        credit = self.line_ids.filtered(lambda line: line.display_type == 'payment_term')
        for payment in payments._by_due_date(reverse=True):
            line = payment.move_line_id.sudo(False)
            if line and not line.reconciled and any(not term.reconciled for term in credit):
                (line | credit.filtered(lambda term: not term.reconciled)).reconcile()

    def unlink(self):
        # Billed anew, it is sent again.
        self.sudo().continuity_payment_ids.notified_date = False
        return super().unlink()

    def button_cancel(self):
        result = super().button_cancel()
        # Free again: the order can be invoiced anew, and the new bill is sent.
        self.sudo().continuity_payment_ids.write({'invoice_id': False, 'notified_date': False})
        return result
