import logging

from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import HTTPError, RequestException, Timeout

from odoo import fields, models
from odoo.exceptions import ValidationError

from ...internal_context import Internal, get_internal
from ..base.isolation import isolate

_logger = logging.getLogger(__name__)

#: Answers of a provider that has not finished with the request, or with an earlier one under the same reference.
STILL_AT_WORK = {408, 409, 425}


class PaymentTransaction(models.Model):
    _name = 'payment.transaction'
    _inherit = ['payment.transaction', 'continuity.guard.mixin']

    continuity_payment_id = fields.Many2one(
        comodel_name='continuity.payment',
        string="Continuity Instalment",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
    )
    continuity_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Card For",
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="The quotation whose continuity plans will be charged to the card that is saved here.",
    )
    continuity_subscription_id = fields.Many2one(
        comodel_name='continuity.subscription',
        string="Card For Subscription",
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="The subscription that will be charged to the card that is saved here.",
    )
    continuity_is_unknown = fields.Boolean(
        string="Outcome Unknown",
        readonly=True,
        copy=False,
        help="The provider did not answer: it may have charged the card or not. Not a decline.",
    )

    def _send_api_request(self, *args, **kwargs):
        try:
            return super()._send_api_request(*args, **kwargs)
        except ValidationError as error:
            if self.continuity_payment_id and self._is_outcome_unknown(error.__context__):
                self.sudo().continuity_is_unknown = True
            raise
        except RequestException as error:
            # An answer that broke off; Odoo's own code knows only those that never came.
            if not self.continuity_payment_id:
                raise
            self.sudo().continuity_is_unknown = True
            raise ValidationError(str(error)) from error

    def _is_outcome_unknown(self, cause):
        """Whether an error leaves open what the provider did: no answer in time, or a failure on its side."""
        if isinstance(cause, HTTPError):
            status = cause.response.status_code if cause.response is not None else 0
            return status >= 500 or status in STILL_AT_WORK
        return isinstance(cause, RequestsConnectionError | Timeout)

    def _set_error(self, state_message, extra_allowed_states=()):
        # What the provider tells later counts, also when it is no.
        is_calling = get_internal(self.env, 'continuity_is_calling')
        unknown = self.filtered(lambda tx: is_calling and tx.continuity_is_unknown and tx.state == 'draft')
        unknown.state_message = state_message
        return super(PaymentTransaction, self - unknown)._set_error(
            state_message, extra_allowed_states=extra_allowed_states
        )

    def _set_done(self, *args, extra_allowed_states=(), **kwargs):
        """Take note of money that came although the attempt was given up."""
        if self.continuity_payment_id:
            extra_allowed_states = (*extra_allowed_states, 'cancel')
        return super()._set_done(*args, extra_allowed_states=extra_allowed_states, **kwargs)

    def _update_state(self, allowed_states, target_state, state_message):
        """Update the holds after the provider told something. During a call only its outcome is written."""
        changed = super()._update_state(allowed_states, target_state, state_message)
        if changed.continuity_payment_id and not get_internal(self.env, 'continuity_is_calling'):
            changed.sudo().continuity_payment_id.subscription_id._update_holds()
        return changed

    def _post_process(self):
        """Keep the books; nothing that follows from a charge undoes them."""
        for transaction in self.filtered(lambda tx: tx.state in ('authorized', 'done') and tx.token_id):
            transaction._follow_up('_hand_on_token')
        new = self.filtered(lambda tx: not tx.is_post_processed)
        result = super()._post_process()
        for transaction in new.filtered(lambda tx: tx.state in ('error', 'cancel') and tx.continuity_payment_id):
            transaction._follow_up('_decline')
        done = self.filtered(lambda tx: tx.state == 'done')
        for transaction in done.filtered('continuity_order_id'):
            transaction._follow_up('_confirm_with_card')
        for transaction in done.filtered('continuity_payment_id'):
            transaction._follow_up('_notify_overpayment')
        for transaction in (done & new).filtered(lambda tx: tx._get_told_payments()):
            transaction._follow_up('_mail_receipt')
        return result

    def _follow_up(self, method):
        """Do what follows from what the provider said; where it fails, it is undone by itself and logged.

        :param str method: the name of a method of the transaction.
        """
        with isolate(self.env) as outcome:
            getattr(self.sudo(), method)()
        if outcome.error:
            text = "%s of %s failed, and is to be done by hand"
            _logger.warning(text, method, self.reference, exc_info=outcome.error)

    def _decline(self):
        self.continuity_payment_id._on_declined(self)

    def _confirm_with_card(self):
        self.continuity_order_id._confirm_with_card()

    def _mail_receipt(self):
        """Tell the customer of what was charged for an instalment, or paid back, with the document."""
        self._get_told_payments()._mail_receipt('refunded' if self.operation == 'refund' else 'charged')

    def _get_told_payments(self):
        """Return the instalment that the transaction has paid, or pays back."""
        paying = self.source_transaction_id if self.operation == 'refund' else self
        return paying.continuity_payment_id

    def _check_amount_and_confirm_order(self):
        """Leave quotations alone whose card was not saved with the payment: their plans would be charged to it."""
        complete = self.filtered(lambda tx: not any(order._needs_continuity_card() for order in tx.sale_order_ids))
        return super(PaymentTransaction, complete)._check_amount_and_confirm_order()

    def _notify_overpayment(self):
        """Tell the salesperson of a charge that settles nothing: what it was for had been paid by other means."""
        for transaction in self.filtered(lambda tx: tx.continuity_payment_id and tx.payment_id):
            if not transaction.payment_id.is_reconciled:
                transaction.continuity_payment_id._notify_responsible(
                    'paid_twice',
                    self.env._("Paid twice"),
                    self.env._(
                        "%(reference)s was charged, but the instalment was paid already. The money stays on the "
                        "customer's account: pay it back, or use it for another bill.",
                        reference=transaction.reference,
                    ),
                )

    def _hand_on_token(self):
        """Write the card that was used, or saved, for plans as the one they are charged to."""
        orders = self.sale_order_ids | self.continuity_order_id
        subscriptions = self.sudo().continuity_subscription_id | orders.sudo().continuity_subscription_ids
        if self.operation == 'validation' and not orders and not subscriptions:
            subscriptions = subscriptions._find_waiting_for_card(self.partner_id)
        subscriptions._use_token(self.token_id)

    def _create_payment(self, **extra_create_values):
        """Settle the receivable lines of its own instalment, also when paid out of order. It has an entry even where
        Odoo would wait for the bank: the books tell what is paid."""
        lines = self.continuity_payment_id._get_receivable_lines() if self.continuity_payment_id else None
        if not lines:
            return super()._create_payment(**extra_create_values)
        own = self.with_context(continuity_only_line_ids=Internal(tuple(lines.ids)), force_payment_move=True)
        return super(PaymentTransaction, own)._create_payment(**extra_create_values)
