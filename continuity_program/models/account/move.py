from contextlib import contextmanager

from odoo import api, fields, models
from odoo.tools import SQL, frozendict

from ...domain import receivable
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
        'continuity_payment_ids.has_schedule',
        'continuity_payment_ids.is_cancelled',
    )
    def _compute_needed_terms(self):
        super()._compute_needed_terms()
        for move in self:
            payments = move._get_instalments_to_pay()
            if payments and move.move_type == 'out_invoice' and move.needed_terms:
                move.needed_terms = move._get_terms_of_payments(payments)

    def _get_instalments_to_pay(self):
        """Return the instalments of the invoice, cancelled ones left out."""
        return self.continuity_payment_ids.filtered(lambda payment: not payment.is_cancelled).sorted('number')

    def _get_terms_of_payments(self, payments):
        """Return the receivable lines of the invoice: those that Odoo makes, each for an instalment, or where there is
        a payment schedule one for each instalment on its day. They sum to the invoice's total.

        What is less than its down payments is about to become a credit note, and nobody pays it in instalments.
        """
        self.ensure_one()
        total = sum(term['amount_currency'] for term in self.needed_terms.values())
        if total < 0:
            return self.needed_terms
        if any(payments.mapped('has_schedule')):
            return self._get_scheduled_terms(self._get_instalment_rows(payments, total))
        amounts = receivable.align(self._get_amounts(payments), total, self.currency_id.rounding)
        return self._get_shared_terms(payments, amounts)

    def _get_amounts(self, payments):
        """Return the amount of each instalment: once it is posted, the books tell it."""
        if self.state != 'posted':
            return payments.mapped('amount')
        return [sum(payment._get_lines_on(self).mapped('amount_currency')) for payment in payments]

    def _get_instalment_rows(self, payments, total):
        """Return (instalment, day, amount) of each receivable line of an invoice with a payment schedule.

        :param total: what they sum to.
        """
        rows = []
        for payment in payments:
            lines = payment._get_lines_on(self) if self.state == 'posted' else self.env['account.move.line']
            planned = [(line.date_maturity, line.amount_currency) for line in lines]
            day_of_bill = self.invoice_date or self.company_id._get_continuity_today()
            rows += [(payment, *row) for row in planned or payment._get_instalments_on_bill(day_of_bill)]
        amounts = receivable.align([amount for _payment, _day, amount in rows], total, self.currency_id.rounding)
        return [(payment, day, amount) for (payment, day, _amount), amount in zip(rows, amounts, strict=True)]

    def _get_scheduled_terms(self, rows):
        """Return the receivable lines of an invoice of which these are (instalment, day, amount)."""
        total = sum(term['balance'] for term in self.needed_terms.values())
        amounts = [amount for _payment, _day, amount in rows]
        balances = receivable.cut(total, amounts, self.company_currency_id.rounding)
        terms = {}
        for (payment, day, amount), balance in zip(rows, balances, strict=True):
            self._add_term(terms, {'date_maturity': day, 'discount_date': False}, payment, amount, balance)
        return terms

    def _get_shared_terms(self, payments, amounts):
        """Return the receivable lines that Odoo makes, each split into those of the instalments."""
        terms = {}
        wanted = list(self.needed_terms.items())
        unit, company_unit = self.currency_id.rounding, self.company_currency_id.rounding
        rows = receivable.split_by_days(amounts, [value['amount_currency'] for _key, value in wanted], unit)
        for (key, value), *pieces in zip(wanted, *rows, strict=True):
            balances = receivable.cut(value['balance'], pieces, company_unit)
            discounted = receivable.cut(value.get('discount_amount_currency', 0.0), pieces, unit)
            discounted_balances = receivable.cut(value.get('discount_balance', 0.0), pieces, company_unit)
            for payment, *figures in zip(payments, pieces, balances, discounted, discounted_balances, strict=True):
                self._add_term(terms, key, payment, *figures)
        return terms

    def _add_term(self, terms, key, payment, amount, balance, discounted=0.0, discounted_balance=0.0):
        """Add a receivable line to those that the invoice needs, by what Odoo knows them by.

        :param dict terms: what is added to, as Odoo's ``needed_terms``.
        :param key: a mapping with the days of it.
        """
        days = {'date_maturity': key['date_maturity'], 'discount_date': key['discount_date']}
        term = terms.setdefault(
            frozendict({'move_id': self.id, **days, 'continuity_payment_id': payment.id}),
            {
                'balance': 0.0,
                'amount_currency': 0.0,
                'discount_date': key['discount_date'],
                'discount_balance': 0.0,
                'discount_amount_currency': 0.0,
            },
        )
        term['balance'] += balance
        term['amount_currency'] += amount
        term['discount_balance'] += discounted_balance
        term['discount_amount_currency'] += discounted

    # === PAYMENT TERMS === #

    def _use_terms_of_instalments(self):
        """Give invoices with a payment schedule the payment terms that say what their receivable lines are."""
        for company, invoices in self.filtered('continuity_has_plan').grouped('company_id').items():
            schedules = {invoice: invoice._get_billed_schedule() for invoice in invoices}
            scheduled = [invoice for invoice, schedule in schedules.items() if schedule]
            terms = self.env['account.payment.term']._find_or_create_for(
                company, [schedules[invoice] for invoice in scheduled]
            )
            for invoice, term in zip(scheduled, terms, strict=True):
                if invoice.invoice_payment_term_id != term:
                    # Posted, Odoo would refuse it: the days of its lines were moved before.
                    invoice.with_context(skip_readonly_check=True).invoice_payment_term_id = term

    def _get_billed_schedule(self):
        """Return (day, amount, currency) of each receivable line, where there is a payment schedule.

        :rtype: list[tuple]
        """
        self.ensure_one()
        lines = self.line_ids.filtered(lambda line: line.display_type == 'payment_term' and line.amount_currency)
        if self.move_type != 'out_invoice' or not any(lines.sudo().continuity_payment_id.mapped('has_schedule')):
            return []
        rows = ((line.date_maturity, line.amount_currency, line.currency_id) for line in lines)
        return sorted(rows, key=lambda row: row[:2])

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for move, vals in zip(self, vals_list, strict=True):
            if move.invoice_payment_term_id.continuity_key and 'invoice_payment_term_id' not in (default or {}):
                # The days that were agreed are those of this bill.
                vals.pop('invoice_payment_term_id', None)
        return vals_list

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
        self._use_terms_of_instalments()
        posted = super()._post(soft=soft)
        for payment, lines in posted.line_ids.sudo().grouped('continuity_payment_id').items():
            amount = sum(lines.mapped('amount_currency'))
            if payment and payment.currency_id.compare_amounts(payment.amount, amount):
                payment.amount = amount
        posted.filtered('continuity_payment_ids')._use_up_online_payments()
        for order in posted.sudo().continuity_payment_ids.order_id.filtered('continuity_parent_id'):
            order.order_line.continuity_line_id.subscription_id._plan_rest(order)
        posted._get_settled_continuity_payments()._on_settlement_changed()
        posted.filtered(lambda move: move.move_type == 'out_refund')._mail_continuity_credits()
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
                    **bill._prepare_terms_of_credit(),
                    **values,
                }
                for bill in self
            ]
        )
        for salesperson, theirs in notes.grouped('invoice_user_id').items():
            theirs._message_auto_subscribe({'user_id': salesperson.id})
        return notes.with_env(self.env)

    def _prepare_terms_of_credit(self):
        """Return the payment terms of a credit note, as Odoo's own dialog gives them: none but those of its taxes."""
        term = self.invoice_payment_term_id
        return {'invoice_payment_term_id': term.id if term.early_pay_discount_computation == 'mixed' else False}

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
            for line in payment._get_receivable_lines().sudo(False).sorted('date_maturity', reverse=True):
                if not line.reconciled and any(not term.reconciled for term in credit):
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
