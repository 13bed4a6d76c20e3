from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date

from ...internal_context import Internal
from ..base.automatic import AUTOMATIC, press


class ContinuityPayment(models.Model):
    """Billing payments, and the job that bills, charges and earns revenue (``docs/behaviour.md#payments``)."""

    _inherit = 'continuity.payment'

    # === BILLING === #

    def _bill(self):
        """Make and post the invoices of the payments, one for each order, and send those on account to the customer."""
        orders = self.filtered(lambda payment: not payment.invoice_id).order_id
        if orders:
            bills = orders.with_context(
                **AUTOMATIC, continuity_only_plan=Internal(), continuity_posted_at_once=Internal()
            )
            bills._create_invoices(final=True)
        waiting = self.filtered(lambda payment: payment._get_bill_wait()).invoice_id
        drafts = self.invoice_id.filtered(lambda invoice: invoice.state == 'draft')
        press(drafts - waiting, 'action_post')
        for payment in self:
            if not payment.invoice_id:
                raise UserError(
                    self.env._(
                        "%(payment)s: %(order)s has nothing to invoice.",
                        payment=payment.display_name,
                        order=payment.order_id.name,
                    )
                )
        # By card, what is charged is told with the charge; what was paid before is told here.
        posted = self.filtered(lambda payment: payment.invoice_id.state == 'posted')
        posted.filtered(lambda payment: payment.method == 'on_account' or payment.state == 'paid')._send_bill()

    def _get_bill_wait(self):
        """Return why the bill, a draft that Odoo itself posts on a later day, is not posted yet, or nothing."""
        self.ensure_one()
        bill = self.invoice_id
        is_later = (
            bill.state == 'draft' and bill.auto_post != 'no' and bill.date > self.company_id._get_continuity_today()
        )
        if not is_later:
            return None
        return self.env._(
            "%(bill)s is posted by itself on %(date)s.", bill=bill.display_name, date=format_date(self.env, bill.date)
        )

    def _send_bill(self):
        """Mail each bill once; a mail that cannot be made is noted on the invoice, and the bill stands."""
        invoices = self.filtered(lambda payment: not payment.notified_date).invoice_id
        for company, payments in invoices.continuity_payment_ids.grouped('company_id').items():
            payments.notified_date = company._get_continuity_today()
        invoices._mail_continuity_documents('bill')

    # === JOB: PROCESS PAYMENTS === #

    @api.model
    def _job_process_payments_domain(self, as_of):
        """Return the payments to bill or charge on the day; bills go out some days before they are due."""
        earning = self.env['continuity.line']._read_group([('is_revenue_due', '=', True)], ['subscription_id'])
        # Named, so that the payments are found by index: among all others, nobody looks for them one by one.
        subscription_ids = [subscription.id for (subscription,) in earning]
        to_earn = Domain('subscription_id', 'in', subscription_ids) & self._get_revenue_domain()
        return self._get_due_domain(as_of) | self._get_holding_domain(as_of) | to_earn

    @api.model
    def _get_holding_domain(self, as_of):
        """Return the instalments, on hold or declined, that have become due, and hold no child order yet."""
        free_child = [
            ('state', '=', 'sale'),
            ('continuity_parent_id', '!=', False),
            ('continuity_payment_hold', '=', False),
            ('continuity_shipped_date', '=', False),
        ]
        return (
            (Domain('on_hold', '=', True) | Domain('state', '=', 'declined'))
            & Domain('method', '=', 'token')
            & Domain('has_schedule', '=', True)
            & Domain('due_date', '<=', as_of)
            # By card, none is billed without being due: of these, PostgreSQL has an index.
            & Domain('state', 'in', ('scheduled', 'declined', 'processing'))
            & (
                Domain('order_id', 'any', free_child)
                | Domain('subscription_id.bill_upfront', '=', True)
                & Domain('subscription_id.line_ids.child_order_id', 'any', free_child)
            )
        )

    @api.model
    def _get_due_domain(self, as_of):
        """Return the payments to bill or charge. Processing ones too: an interrupted attempt is taken up again."""
        bill_horizon = as_of + timedelta(days=self.env.company.continuity_bill_lead_days)
        return (
            Domain('state', 'in', ('scheduled', 'declined', 'processing'))
            & Domain('on_hold', '=', False)
            & Domain('is_given_up', '=', False)
            # What is billed already stays owed when the order is cancelled, up to what is credited.
            & (Domain('order_id.state', '=', 'sale') | Domain('invoice_id.state', '=', 'posted'))
            & (
                Domain('is_wanted_now', '=', True)
                | Domain('ready_date', '<=', bill_horizon) & Domain('method', '=', 'on_account')
                | Domain('ready_date', '<=', as_of)
            )
            & (Domain('next_attempt_date', '=', False) | Domain('next_attempt_date', '<=', as_of))
        )

    @api.model
    def _get_revenue_domain(self):
        """Return the first payments of the plans billed in advance that have earned revenue."""
        return (
            Domain('number', '=', 1)
            & Domain('subscription_id.line_ids', 'any', [('is_revenue_due', '=', True)])
            & (Domain('invoice_id.state', '=', 'posted') | Domain('amount', '=', 0.0))
        )

    @api.model
    def _job_process_payments_check_access(self):
        self._check_charge_access()

    def _job_process_payments_self_committing(self, batch):
        """Return the payments to charge: a charge must last before the next step; and those paid beforehand by their
        parent order, for the next one gets what the one before leaves."""
        due = self.filtered_domain(self._get_due_domain(batch.as_of))
        return due.filtered(lambda payment: payment.method == 'token' or payment._is_paid_by_parent())

    def _job_process_payments_prepare(self, batch):
        """Bill what is about to be charged: only the charge itself has to be made payment by payment."""
        ready = self._by_card().filtered(
            lambda payment: (
                not payment.invoice_id
                and not payment.transaction_ids
                and not payment._is_paid_by_parent()
                and not payment.order_id._get_continuity_window_refusal()
                and not payment._get_charge_refusal()
            )
        )
        ready._bill()
        # By what was paid for the order beforehand.
        paid = ready.filtered(lambda payment: payment.state == 'paid')
        paid.subscription_id._update_holds()
        # What has revenue to post besides comes singly, and is counted there.
        batch.done += len(paid - paid._get_earning())

    def _job_process_payments_process(self, batch):
        """Bill, charge, and post the revenue of what was delivered; what is charged comes singly."""
        due = self.filtered_domain(self._get_due_domain(batch.as_of))
        rest = self - due
        others = rest.filtered_domain(self._get_holding_domain(batch.as_of)) | rest._get_earning()
        others.subscription_id._update_holds()
        ready = due._leave_out_too_early(batch)
        for payment in ready._by_card():
            payment._charge(batch)
        on_account = ready - ready._by_card()
        on_account._bill()
        billed = on_account._leave_out_waiting(batch)
        batch.done += len(others) + len(billed)
        self._get_lines_to_earn()._earn_revenue()

    def _leave_out_too_early(self, batch):
        """Return the payments whose order may be billed by now; of the others, tell why it may not."""
        ready = self
        for payment in self:
            too_early = not payment.invoice_id and payment.order_id._get_continuity_window_refusal()
            if too_early:
                batch.skip(payment, 'too_early', too_early)
                ready -= payment
        return ready

    def _leave_out_waiting(self, batch):
        """Return the payments whose bill is posted; of those that Odoo posts later, tell when."""
        waiting = {payment: payment._get_bill_wait() for payment in self}
        for payment, reason in waiting.items():
            if reason:
                batch.skip(payment, 'bill_waits', reason)
        return self.filtered(lambda payment: not waiting[payment])

    def _is_paid_by_parent(self):
        """Whether its bill uses up what was paid online with the parent order."""
        self.ensure_one()
        return bool(self.order_id.continuity_parent_id._get_spare_transactions())

    def _by_card(self):
        return self.filtered(lambda payment: payment.method == 'token')

    def _job_process_payments_preview(self, batch):
        rows = []
        for payment in self:
            row = {
                **payment._prepare_preview_row(),
                'subscription_id': payment.subscription_id.id,
                'order_id': payment.order_id.id,
            }
            if payment.filtered_domain(self._get_due_domain(batch.as_of)):
                effect = 'charge' if payment.method == 'token' else 'bill'
                rows.append({**row, 'effect': effect, 'date': payment.ready_date, 'amount': payment._get_open_amount()})
            rows += [
                {
                    **row,
                    'order_id': line.child_order_id.id,
                    'change': self.env._("Revenue of %(line)s", line=line.display_name),
                    'date': line._get_delivery_day(),
                    'amount': line.prepaid_amount,
                }
                for line in payment._get_lines_to_earn()
            ]
        return rows

    def _get_lines_to_earn(self):
        """Return the delivered lines whose revenue is posted with these payments."""
        return self._get_earning().subscription_id.line_ids.filtered('is_revenue_due')

    def _get_earning(self):
        """Return the payments that revenue is posted with: of each plan the first that can be."""
        able = self.filtered_domain(self._get_revenue_domain())
        firsts = able.subscription_id.payment_ids.filtered_domain(self._get_revenue_domain()).grouped('subscription_id')
        return able.filtered(lambda payment: payment == firsts[payment.subscription_id][:1])
