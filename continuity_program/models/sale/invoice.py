from uuid import uuid4

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import groupby

from ...internal_context import Internal, get_internal
from ..base.automatic import press


class SaleOrder(models.Model):
    """Invoices of plans and shipments, and what the customer is asked for when ordering."""

    _inherit = 'sale.order'

    # === INVOICES === #

    def _create_invoices(self, grouped=False, final=False, date=None):
        ours = self.sudo().filtered('continuity_role').with_env(self.env)
        refused = ours.filtered(lambda order: order.continuity_parent_id and order._get_continuity_window_refusal())
        if refused and refused == self:
            raise UserError(refused[0]._get_continuity_window_refusal())
        orders = self - refused
        planned = (orders & ours).filtered(lambda order: order._get_unbilled_continuity_payments())
        if not planned:
            return super(SaleOrder, orders)._create_invoices(grouped=grouped, final=final, date=date)
        # The instalments are the receivable lines of an invoice of their own: one for each order, without other goods.
        plans = planned.with_context(continuity_part=Internal('plan'), raise_if_nothing_to_invoice=False)
        if final:
            plans._take_off_down_payments()
        invoices = super(SaleOrder, plans)._create_invoices(grouped=True, final=final, date=date)
        if get_internal(self.env, 'continuity_only_plan'):
            return invoices
        is_refused = not invoices and self.env.context.get('raise_if_nothing_to_invoice', True)
        others = orders.with_context(continuity_part=Internal('other'), raise_if_nothing_to_invoice=is_refused)
        return invoices | super(SaleOrder, others)._create_invoices(grouped=grouped, final=final, date=date)

    def _get_invoiceable_lines(self, final=False):
        lines = super()._get_invoiceable_lines(final=final)
        part = get_internal(self.env, 'continuity_part')
        if part:
            lines = self._get_invoiceable_lines_of(part, lines)
        # Of many orders that are invoiced together, the lines are read together.
        return lines.with_prefetch(self.order_line._prefetch_ids)

    def _get_invoiceable_lines_of(self, part, lines):
        """Return the lines that go on the invoice of the plan, or on the one of the ``other`` goods."""
        lines = lines.with_prefetch(self.order_line._prefetch_ids)
        shared = lines._get_shared()
        lines -= shared
        billed_by_plan = lines.browse()
        if self._get_payments_to_bill():
            billed_by_plan = lines.filtered(lambda line: line._is_part_of_plan())
            down_payments = lines.filtered('is_downpayment')
            left = (billed_by_plan | shared)._get_plan_part_total() - down_payments._get_billed('price_total')
            if self.currency_id.compare_amounts(left, 0.0) >= 0 or self._bills_nothing_but(
                billed_by_plan.continuity_subscription_ids
            ):
                billed_by_plan |= down_payments
        return self._add_reductions(part, billed_by_plan if part == 'plan' else lines - billed_by_plan, shared)

    def _bills_nothing_but(self, subscriptions):
        """Whether the order has nothing more to bill than the plans of these subscriptions."""
        self.ensure_one()
        others = self.order_line - subscriptions._get_plan_lines() - self.order_line._get_shared()
        return not any(line._is_still_to_bill() for line in others.filtered('product_uom_id'))

    def _take_off_down_payments(self):
        """Take what was paid by down payment invoices off the earliest instalments, once, before they are billed."""
        for order in self:
            lines = order._get_invoiceable_lines(final=True)
            down_payments = lines.filtered('is_downpayment')
            payments = order._get_payments_to_bill()._by_due_date()
            total = (lines - down_payments)._get_plan_part_total() - down_payments._get_billed('price_total')
            paid = sum(payments.mapped('amount')) - total if down_payments else 0.0
            for payment in payments:
                taken = min(max(paid, 0.0), payment.amount)
                if not order.currency_id.is_zero(taken):
                    payment.amount -= taken
                    paid -= taken

    def _force_lines_to_invoice_policy_order(self):
        # Paid or not, a plan is billed as it was agreed.
        super()._force_lines_to_invoice_policy_order()
        self.order_line.filtered(lambda line: line._is_billed_by_plan())._compute_qty_to_invoice()

    def _prepare_invoice(self):
        values = super()._prepare_invoice()
        if self.company_id._get_continuity_as_of() or get_internal(self.env, 'continuity_posted_at_once'):
            # Dated when it is posted, each would have all of it computed again.
            values['invoice_date'] = self.company_id._get_continuity_today()
        if self.continuity_parent_id:
            spare = self.continuity_parent_id.sudo()._get_spare_transactions()
            values['transaction_ids'] += [Command.link(transaction.id) for transaction in spare]
        payments = self._get_payments_to_bill()
        if payments and get_internal(self.env, 'continuity_part') == 'plan':
            values['continuity_payment_ids'] = [Command.link(payment.id) for payment in payments]
            # For the link in its mail: here for the same reason.
            values['access_token'] = str(uuid4())
            if self._is_paid_by_schedule() and not any(payments.mapped('has_schedule')):
                # The rest of what its schedule has billed is due at once.
                values['invoice_payment_term_id'] = False
            if not values['invoice_payment_term_id'] and any(payments.mapped('due_date')):
                values['invoice_date_due'] = min(filter(None, payments.mapped('due_date')))
        return values

    def _is_paid_by_schedule(self):
        """Whether its payment terms are those of its plan's payment schedule, as only a child order's can be."""
        return bool(self.continuity_parent_id) and any(self._get_live_payments().mapped('has_schedule'))

    def _create_account_invoices(self, invoice_vals_list, final):
        self._use_terms_of_schedules(invoice_vals_list)
        return super()._create_account_invoices(invoice_vals_list, final)

    def _use_terms_of_schedules(self, invoice_vals_list):
        """Give the invoices to be created whose instalments are of a payment schedule the payment terms made of them;
        without a schedule, the customer's own stay."""
        for company_id, vals_list in groupby(invoice_vals_list, lambda vals: vals.get('company_id')):
            company = self.env['res.company'].browse(company_id)
            planned = [(vals, self._get_planned_schedule(vals, company)) for vals in vals_list]
            planned = [(vals, schedule) for vals, schedule in planned if schedule]
            terms = self.env['account.payment.term']._find_or_create_for(
                company, [schedule for _vals, schedule in planned]
            )
            for (vals, _schedule), term in zip(planned, terms, strict=True):
                vals['invoice_payment_term_id'] = term.id

    def _get_planned_schedule(self, vals, company):
        """Return (day, amount, currency) of the instalments of an invoice with these values, where it has a payment
        schedule."""
        ids = [payment_id for _command, payment_id, _values in vals.get('continuity_payment_ids', ())]
        payments = self.env['continuity.payment'].sudo().browse(ids)
        if not any(payments.mapped('has_schedule')):
            return []
        day_of_bill = fields.Date.to_date(vals.get('invoice_date')) or company._get_continuity_today()
        return payments._get_schedule_on_bill(day_of_bill)

    def _get_spare_transactions(self):
        """Return the online payments of a parent order that bills nothing itself: its child orders use them up."""
        if self.amount_total:
            return self.transaction_ids.browse()
        return self.transaction_ids.filtered(
            lambda transaction: transaction.state == 'done' and not transaction.payment_id.is_reconciled
        )

    def _get_payments_to_bill(self):
        """Return the instalments that an invoice made now has: of a parent order, those of the plans to bill now."""
        return self._get_unbilled_continuity_payments().filtered(
            lambda payment: (
                payment.order_id.continuity_parent_id or payment.subscription_id.order_line_id.qty_to_invoice
            )
        )

    def _get_unbilled_continuity_payments(self):
        """Return the payments of the order that have no invoice yet."""
        return self._get_live_payments().filtered(
            lambda payment: not payment.invoice_id and payment.subscription_id.state != 'draft'
        )

    def _get_live_payments(self):
        """Return the instalments of the order, cancelled ones left out."""
        payments = self.sudo().continuity_payment_ids
        return payments.filtered(lambda payment: not payment.is_cancelled).with_prefetch(payments._prefetch_ids)

    def _settle_cancelled_children(self):
        """Give up what cancelled child orders have not billed, and prepare the credit of what they have."""
        payments = self.sudo().continuity_payment_ids
        payments.filtered(lambda payment: not payment.invoice_id).is_cancelled = True
        for bill in payments.invoice_id._get_posted_bills():
            ref = self.env._("%(order)s cancelled", order=bill.continuity_payment_ids.order_id.name)
            if bill._get_live_credit_notes():
                bill.continuity_payment_ids.subscription_id._create_credit_note(bill, bill._prepare_rest_credit(), ref)
            else:
                bill._draft_continuity_credit(ref)

    # === THE CUSTOMER'S CARD === #

    def _needs_continuity_card(self):
        """Whether the customer has to save a card before the quotation is confirmed online: its plans are charged
        later."""
        self.ensure_one()
        return (
            self.state in ('draft', 'sent')
            and not self.is_expired
            and bool(self.sudo().continuity_subscription_ids._get_needing_card())
        )

    def _saves_card_only(self):
        """Whether the card is saved without paying anything: by a validation transaction."""
        self.ensure_one()
        return self._needs_continuity_card() and self._is_confirmation_amount_reached()

    def _confirm_with_card(self):
        """Confirm quotations for which the card was all that was missing."""
        for order in self.filtered(lambda order: order.state in ('draft', 'sent')):
            if not order._has_to_be_signed() and not order._has_to_be_paid():
                order._confirm_or_tell()

    def _confirm_or_tell(self):
        """Confirm a quotation that nothing is missing of; where it cannot be, its salesperson is told, and what the
        customer has saved or paid stays."""
        try:
            with self.env.cr.savepoint():
                press(self.with_context(send_email=True), 'action_confirm')
        except UserError as error:
            self.continuity_subscription_ids[:1].sudo()._notify_responsible(
                'confirm', self.env._("%(order)s is not confirmed", order=self.name), str(error)
            )

    def _validate_order(self):
        """Refuse what customers do online without the card that their plans will be charged to.

        :raise UserError: where the card is missing.
        """
        for order in self:
            if order._needs_continuity_card():
                raise UserError(
                    self.env._(
                        "%(order)s is charged by card later: it is confirmed once the card is saved.", order=order.name
                    )
                )
        return super()._validate_order()

    def _has_to_be_paid(self):
        return super()._has_to_be_paid() or self._needs_continuity_card()

    def _get_prepayment_required_amount(self):
        """Ask with the order for what is due now: of plans billed in advance the instalments of today, of the rest what
        Odoo asks for."""
        amount = super()._get_prepayment_required_amount()
        if not amount or not self.sudo().continuity_subscription_ids.filtered('bill_upfront'):
            return amount
        return self._get_due_with_order(self.prepayment_percent)

    def _get_due_with_order(self, share=1.0):
        """Return what the order asks for when it is placed: of plans billed in advance the instalments of today, and a
        share of the rest."""
        self.ensure_one()
        plans = self.sudo().continuity_subscription_ids.filtered('bill_upfront')
        planned = sum(plan._get_plan_total() for plan in plans)
        due = sum(plan._get_due_with_order() for plan in plans)
        return self.currency_id.round((self.amount_total - planned) * share + due)
