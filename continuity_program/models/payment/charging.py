import logging
from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_amount

from ...domain import gate
from ...internal_context import Internal
from ..base.isolation import isolate

_logger = logging.getLogger(__name__)

#: Providers to which a transaction may be sent again under its reference: they charge it once.
DEDUPLICATING_PROVIDERS = {'adyen', 'mercado_pago', 'stripe', 'worldline'}
#: Namespace of the advisory locks, one for each payment.
LOCK_SPACE = 0x434F4E54
#: A transaction of which nothing was heard for so long is not at the provider any more.
RESUME_AFTER = timedelta(minutes=1)


class ContinuityPayment(models.Model):
    """Charging a card at most once (``docs/behaviour.md#charging``).

    Three steps, each made to last before the next: the intent (a transaction under a reference fixed by payment and
    attempt), the call to the provider, the books. Whatever is interrupted is taken up from what is written down.
    """

    _inherit = 'continuity.payment'

    def _charge(self, batch):
        """Charge the card for the payment, or go on with an attempt that was interrupted.

        :param batch: the ``JobBatch`` that is told what became of it.
        """
        self.ensure_one()
        if not self._lock_charge():
            return batch.skip(self, 'locked', self.env._("In use by somebody else. The next run takes it."))
        reason = self._get_charge_refusal()
        if reason:
            self._bill_uncharged(reason[0])
            return batch.skip(self, *reason)
        interrupted = self._get_open_transaction()
        transaction = interrupted or self._create_transaction()
        if not transaction and not self._leave_out_waiting(batch):
            return None
        if not transaction and self.state != 'paid':
            return batch.skip(self, 'nothing_left', self.env._("Nothing is left to be charged."))
        if transaction.state == 'draft' and not self._call_provider(transaction, is_new=not interrupted):
            return batch.skip(self, 'taken_over', self.env._("Taken over by another run, or paid in the meantime."))
        if transaction:
            self._keep_books(transaction)
        # Told before what the database may still refuse: the charge lasts by now.
        batch.done += 1
        self.subscription_id._update_holds()
        return None

    def _bill_uncharged(self, kind):
        """Bill what the customer pays otherwise: without a card, or by a transfer that is on its way.

        :param str kind: the code of why the card is not charged.
        """
        if kind == 'no_token':
            self._bill()
        elif kind == 'pending' and not self._get_open_transaction():
            self._bill()
            self.filtered(lambda payment: payment.invoice_id.state == 'posted')._send_bill()

    # === BEFORE THE CALL === #

    def _lock_charge(self):
        """Take the payment for this transaction of the database, without a lock that a webhook would wait for."""
        self.env.cr.execute(SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK_SPACE, self.id))
        locked = self.env.cr.fetchone()[0]
        self.invalidate_recordset()
        return locked

    def _get_charge_refusal(self):
        """Return why the card is not charged now, as (code, text), or nothing.

        :raise UserError: where a human has to look.
        """
        self.ensure_one()
        done = self.transaction_ids.filtered(lambda tx: tx.state == 'done' and tx.is_post_processed)
        if done:
            # Its reconciliation may have been undone by hand: to charge again would be to charge twice.
            raise UserError(
                self.env._(
                    "%(reference)s was charged already. Look at why it is open again.", reference=done[0].reference
                )
            )
        open_transaction = self._get_open_transaction()
        if open_transaction:
            return self._get_resume_refusal(open_transaction)
        if self.state not in ('scheduled', 'declined'):
            return 'not_due', self.env._("It is %(state)s.", state=self._get_state_label().lower())
        paid_by_customer = self._get_transaction_of_customer()
        if paid_by_customer:
            return 'pending', self.env._(
                "The customer is paying it online: %(reference)s is not finished.", reference=paid_by_customer.reference
            )
        if not self.subscription_id._has_usable_card():
            return 'no_token', self.env['continuity.wording']._word(gate.Refusal('no_token'))
        token = self.subscription_id._get_own_token()
        if token.provider_id.state == 'enabled' and not self._is_committing():
            return 'not_committed', self.env._("A real card is charged only in a run that commits.")
        return None

    def _get_resume_refusal(self, transaction):
        """Return why an attempt is not taken up now, as (code, text), or nothing.

        :raise UserError: where only a human can find out what the provider did.
        """
        if transaction.state in ('pending', 'authorized'):
            return 'pending', self.env._("The provider has not decided yet.")
        if transaction.state != 'draft':
            return None
        if transaction.provider_id.state == 'enabled' and not self._is_committing():
            return 'not_committed', self.env._("A real card is charged only in a run that commits.")
        if transaction.create_date > fields.Datetime.now() - RESUME_AFTER and self._is_committing():
            return 'locked', self.env._("Another run is at the provider. The next run looks again.")
        if transaction.provider_code not in self._get_deduplicating_providers():
            raise UserError(
                self.env._(
                    "Nobody knows whether %(reference)s was charged: the run was interrupted, or %(provider)s did not "
                    "answer. Look there, then set the transaction done or cancel it.",
                    reference=transaction.reference,
                    provider=transaction.provider_id.name,
                )
            )
        return None

    def _get_deduplicating_providers(self):
        """Return the codes of the providers that charge one reference once, however often it is sent."""
        return DEDUPLICATING_PROVIDERS

    def _get_open_transaction(self):
        """Return the attempt that is not finished yet, if any: under way, or what followed from it is not done."""
        return self.transaction_ids.filtered(
            lambda tx: tx.state in ('draft', 'pending', 'authorized') or not tx.is_post_processed
        ).sorted(lambda tx: tx.state != 'done')[:1]

    def _get_transaction_of_customer(self):
        """Return the customer's own online payment that will settle this instalment, or nothing: of the bill or of the
        order, under way or not in the books yet. It is for the earliest instalments."""
        self.ensure_one()
        transactions = (self.order_id.transaction_ids | self.invoice_id.transaction_ids).filtered(
            lambda tx: (
                not tx.continuity_payment_id
                and (tx.state in ('pending', 'authorized') or (tx.state == 'done' and not tx.is_post_processed))
            )
        )
        under_way = sum(transactions.mapped('amount'))
        for payment in self.order_id._get_live_payments()._by_due_date():
            if self.currency_id.compare_amounts(under_way, 0.0) <= 0:
                break
            if payment == self:
                return transactions[:1]
            under_way -= payment._get_open_amount()
        return transactions.browse()

    def _create_transaction(self):
        """Bill the payment and write down the attempt to charge it, under its own reference.

        :return: the transaction, or nothing where the bill was settled by what was paid before.
        """
        self._bill()
        amount = 0.0 if self._get_bill_wait() else self._get_chargeable_amount()
        if self.state == 'paid' or self.currency_id.is_zero(amount):
            return self.env['payment.transaction']
        token = self.subscription_id.payment_token_id
        self.write({'attempt_count': self.attempt_count + 1, 'is_wanted_now': False})
        return self.env['payment.transaction'].create(
            {
                'provider_id': token.provider_id.id,
                'payment_method_id': token.payment_method_id.id,
                'token_id': token.id,
                'operation': 'offline',
                'amount': amount,
                'currency_id': self.currency_id.id,
                'partner_id': self.invoice_id.partner_id.id,
                'invoice_ids': [fields.Command.set(self.invoice_id.ids)],
                'reference': f'CP-{self.id}-{self.attempt_count}',
                'continuity_payment_id': self.id,
            }
        )

    # === CALL AND BOOKS === #

    def _call_provider(self, transaction, is_new):
        """Send a transaction that is written down to its provider; return whether it was this run that did.

        :param is_new: it was never sent, so that it can still be given up where the customer has paid meanwhile.
        """
        if self._checkpoint() and not (self._lock_charge() and transaction.state == 'draft'):
            return False
        if is_new and self.currency_id.compare_amounts(self._get_chargeable_amount(), transaction.amount) < 0:
            transaction._set_canceled(state_message=self.env._("Paid or credited before it was sent."))
            transaction.is_post_processed = True
            self._checkpoint()
            return False
        transaction.continuity_is_unknown = False
        transaction.with_context(continuity_is_calling=Internal())._charge_with_token()
        self._checkpoint()
        return True

    def _keep_books(self, transaction):
        """Enter what the provider said; where that fails, Odoo's own scheduled action does it later."""
        with isolate(self.env) as outcome:
            transaction._post_process()
        if outcome.error:
            text = "The books of %s wait for the next post-processing"
            _logger.warning(text, transaction.reference, exc_info=outcome.error)
        self._checkpoint()

    def _checkpoint(self):
        """Make what is written last, in a run that commits; return whether it does."""
        if self._is_committing():
            self.env['ir.cron']._commit_progress()
            return True
        self.env.flush_all()
        return False

    # === AFTER THE CALL === #

    def _on_declined(self, transaction):
        """Plan the next attempt and tell customer and salesperson; the last failure stays declined."""
        company = self.company_id
        is_last = self.attempt_count >= company.continuity_retry_limit
        days = max(company.continuity_retry_days, 1)
        self.next_attempt_date = False if is_last else company._get_continuity_today() + timedelta(days=days)
        self.is_given_up = is_last
        reason = self.env._(
            "The card was declined: %(message)s", message=transaction.state_message or self.env._("no reason given")
        )
        self._message_log(body=reason)
        self._notify_responsible('declined', self.env._("Card declined"), reason)
        self.env['mail.template']._send_continuity('declined', self)

    # === NO CARD === #

    def _notify_customer_of_issue(self, issue):
        if issue.kind == 'no_token' and self.state != 'paid':
            self.env['mail.template']._send_continuity('no_card', self)
        else:
            super()._notify_customer_of_issue(issue)

    def _notify_responsible_of_issue(self, issue):
        if issue.kind != 'no_token':
            super()._notify_responsible_of_issue(issue)
        elif self.state != 'paid':
            env = self.with_context(lang=self._get_parking_user().lang).env
            reason = env._(
                "%(amount)s is due, and there is no card that can be charged.",
                amount=format_amount(env, self._get_open_amount(), self.currency_id),
            )
            self._notify_responsible('no_card', env._("No usable card"), reason)
