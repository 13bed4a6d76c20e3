from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_amount

from ...domain.money import share_out
from ...internal_context import Internal
from ..base.automatic import AUTOMATIC, press


class Settlement(NamedTuple):
    """What stopping means in money: taxes included, in the order's currency."""

    #: Invoiced and not owed: for this there will be a draft credit note.
    to_credit: float = 0.0
    #: What the customer has paid already, of this or beforehand, and does not owe.
    to_refund: float = 0.0
    #: Delivered, or still going out, and not paid yet.
    to_pay: float = 0.0


class ContinuitySubscription(models.Model):
    """Stopping a subscription: it is settled by value (``docs/behaviour.md#stopping``)."""

    _inherit = 'continuity.subscription'

    is_end_planned = fields.Boolean(
        compute='_compute_is_end_planned', store=True, help="The agreed last shipment is in the plan."
    )

    @api.depends('cancel_after_event', 'line_ids.event_number')
    def _compute_is_end_planned(self):
        for subscription in self:
            last = max(subscription.line_ids.mapped('event_number'), default=0)
            subscription.is_end_planned = 0 < subscription.cancel_after_event <= last

    def action_stop(self):
        """Open the dialog that shows what stopping means, and does it."""
        self.ensure_one()
        self.check_access('write')
        reason = self._get_stop_refusal()
        if reason:
            raise UserError(reason)
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Stop %(subscription)s", subscription=self.display_name),
            'res_model': 'continuity.stop',
            'view_mode': 'form',
            'target': 'new',
            'context': {'default_subscription_id': self.id, 'default_seen_key': self._get_shipment_key()},
        }

    def _get_stop_refusal(self):
        """Return why the subscription cannot be stopped, or nothing."""
        self.ensure_one()
        if self.state in ('running', 'paused'):
            return None
        return self.env._(
            "%(subscription)s is %(state)s and cannot be stopped.",
            subscription=self.display_name,
            state=self._get_state_label().lower(),
        )

    def _get_order_cancel_refusal(self):
        """Return why the parent order cannot be cancelled, or nothing: a cancelled order bills nothing any more."""
        self.ensure_one()
        if not self.bill_upfront or self._get_plan_bills()._get_posted_bills() or not self._get_kept_lines():
            return None
        return self.env._(
            "%(subscription)s has shipments that are not billed yet. Stop the subscription instead of cancelling "
            "%(order)s, or bill it first.",
            subscription=self.display_name,
            order=self.order_id.name,
        )

    def _cancel(self, reason=None, stopped=None):
        """Stop the subscriptions: what has no child order yet is not sent any more, and the money is settled by value.

        :param reason: a ``continuity.cancel.reason``.
        :param stopped: the child orders, not shipped yet, that are stopped too; the others still go out.
        :raise UserError: for one that does not run.
        """
        for subscription in self.sudo():
            refusal = subscription._get_stop_refusal()
            if refusal:
                raise UserError(refusal)
            children = (subscription._get_unshipped_children() & (stopped or self.env['sale.order'])).sudo()
            press(children, '_action_cancel')
            children.order_line.continuity_line_id._unguarded().write({'cancel_cause': 'stop'})
            subscription.line_ids._cancel_planned('stop')
            subscription.write(
                {
                    'state': 'cancelled',
                    'cancel_reason_id': reason.id if reason else False,
                    'stop_date': subscription.company_id._get_continuity_today(),
                    'occurrences_left': 0,
                }
            )
            if subscription.bill_upfront:
                subscription._settle_upfront()
            subscription._notify_refund()
            subscription._update_holds()
        self._on_stopped()

    def _stop_after(self, number, reason=None):
        """End the subscriptions with a shipment to come; what is planned after it is settled by value. Agreed
        again, for a later one, what the first time took away is planned again as the program is now.

        :param int number: the shipment number of the last one to be sent.
        :param reason: a ``continuity.cancel.reason``.
        :raise UserError: for one that does not run, or has sent more already.
        """
        for subscription in self.sudo():
            refusal = subscription._get_stop_refusal() or subscription._get_stop_after_refusal(number)
            if refusal:
                raise UserError(refusal)
            subscription.line_ids.filtered(lambda line: line.event_number > number)._cancel_planned('stop')
            subscription.write({'cancel_after_event': number, 'cancel_reason_id': reason.id if reason else False})
            is_later = bool(subscription._take_back_stopped(number))
            subscription._recount_left()
            if is_later:
                self._log_sync(subscription._sync())
            if subscription.bill_upfront:
                subscription._settle_upfront()
            subscription._message_log(body=self.env._("It ends with shipment %(number)s.", number=number))
        self._on_stopped()

    def _get_stop_after_refusal(self, number):
        """Return why the subscription cannot end with a shipment, or nothing."""
        self.ensure_one()
        last = max(self.line_ids.filtered('child_line_id').mapped('event_number'), default=0)
        if number < 1 or number < last:
            return self.env._(
                "%(subscription)s has sent shipment %(last)s already: choose that or a later one as its last.",
                subscription=self.display_name,
                last=last,
            )
        if self.bill_upfront and self.cancel_after_event and number > self.cancel_after_event:
            return self.env._(
                "%(subscription)s ends with shipment %(last)s, and what follows has been settled. Sell it again.",
                subscription=self.display_name,
                last=self.cancel_after_event,
            )
        return None

    def _get_commitment_refusal(self, last_number=0):
        """Return why the customer may not stop yet, or nothing: the program's minimum is not reached.

        :param last_number: the number of the last shipment to be sent, 0 = stopped at once.
        """
        self.ensure_one()
        minimum = self.program_id.minimum_shipments
        sent = len(
            set(self.line_ids.filtered(lambda line: line.state in ('ordered', 'delivered')).mapped('event_number'))
        )
        if max(sent, last_number) >= minimum:
            return None
        return self.env._(
            "%(partner)s has committed to %(minimum)s shipments of %(subscription)s and got %(sent)s.",
            partner=self.partner_id.display_name,
            minimum=minimum,
            subscription=self.display_name,
            sent=sent,
        )

    def _get_unshipped_children(self):
        """Return the child orders that can still be stopped: nothing of them has left."""
        return self.child_order_ids.filtered(
            lambda child: child.state in ('draft', 'sent', 'sale') and not any(child.order_line.mapped('qty_delivered'))
        )

    # === BY VALUE === #

    def _settle_upfront(self):
        """Credit what was billed and is not owed; where nothing is billed yet, bill only what is owed."""
        self.ensure_one()
        drafts = self._get_plan_bills().filtered(lambda move: move.state == 'draft')
        press(drafts, 'button_cancel')
        bill = self._get_plan_bills()[-1:]
        if bill:
            amounts = self._get_unowed_amounts(self._get_kept_lines(last_number=self.cancel_after_event))
            self._create_credit_note(
                bill,
                [
                    {'order_line': order_line, 'amount': amount, 'name': self.env._("%(name)s\nNot sent", name=name)}
                    for order_line, amount in amounts.items()
                    for name in order_line.name.splitlines()[:1]
                ],
                self.env._("%(subscription)s stopped", subscription=self.name),
            )
        else:
            self._bill_only_what_is_owed()
            self._credit_down_payments()

    def _get_unearned_balance(self):
        """Return what of the bill is neither earned nor credited, in the company's currency."""
        earned = self.line_ids.filtered(lambda line: line._has_earned())
        account = self._get_bill_line().account_id
        # A credit note of what was earned takes from the income, not from here.
        bills = (self.order_line_id | self.order_id.order_line._get_shared()).invoice_lines
        documents = bills.filtered(
            lambda line: (
                line.parent_state != 'cancel'
                and line.move_id not in earned.credit_move_id
                and (line.account_id == account or self.order_line_id in line.sale_line_ids)
            )
        )
        transfers = earned.revenue_move_id.line_ids.filtered(
            lambda line: line.account_id == account and line.balance > 0
        )
        return -sum(documents.mapped('balance')) - sum(transfers.mapped('balance'))

    def _get_kept_lines(self, stopped=None, last_number=0):
        """Return the lines that stay owed: delivered, or still going out, and not credited.

        :param stopped: child orders that are not to go out after all.
        :param last_number: planned shipments up to this number still go out too.
        """
        kept = self.line_ids.filtered(
            lambda line: (
                not line.is_credited
                and (
                    line.state in ('ordered', 'delivered')
                    or (line.state == 'planned' and line.event_number <= last_number)
                )
            )
        )
        return kept.filtered(lambda line: line.child_order_id not in stopped) if stopped else kept

    def _get_owed_amounts(self, kept):
        """Return the untaxed amount owed by line of the parent order, if only ``kept`` is sent.

        :rtype: dict
        """
        reductions = self._get_reductions()
        goods, shipping = self._get_kept_share(kept), self._get_kept_shipping_share(kept)
        owed = {self.order_line_id: self.currency_id.round(self.order_line_id.price_subtotal * goods)}
        owed |= {line: self.currency_id.round(line.price_subtotal * shipping) for line in self.shipping_line_ids}
        # A way of paying is owed as the goods are; of the others, what the boxes are worth less.
        worth_less = {line: share for line, share in reductions.items() if self._is_worth_less_by(line)}
        owed |= {line: self.currency_id.round(share * goods) for line, share in reductions.items()}
        if worth_less:
            of_goods = self._get_goods_amount() - self.order_line_id.price_subtotal
            of_shipping = sum(worth_less.values()) - of_goods
            taken_off = owed[self.order_line_id] - sum(kept.mapped('prepaid_amount')) - of_shipping * shipping
            weights = [-share for share in worth_less.values()]
            parts = share_out(max(taken_off, 0.0), weights, self.currency_id.rounding)
            owed |= {line: -part for line, part in zip(worth_less, parts, strict=True)}
        return owed

    def _get_kept_share(self, kept):
        """Return the share of the plan's goods that ``kept`` is, by what it is paid with; of a plan that is all taken
        off, by what it costs."""
        paid = self._get_goods_amount()
        if paid:
            return sum(kept.mapped('prepaid_amount')) / paid
        cost = sum(self.line_ids._filtered_active().mapped('price_subtotal'))
        return sum(kept.mapped('price_subtotal')) / cost if cost else 0.0

    def _get_kept_shipping_share(self, kept):
        """Return the share of the plan's shipping costs that ``kept`` is."""
        shipping = sum(self.line_ids.mapped('shipping_amount'))
        return sum(kept.mapped('shipping_amount')) / shipping if shipping else 0.0

    def _get_unowed_amounts(self, kept):
        """Return the untaxed amount billed, and neither credited nor owed, by line of the parent order; below 0, what
        was taken off too much."""
        unowed = {}
        for order_line, owed in self._get_owed_amounts(kept).items():
            if order_line._is_reduction():
                unowed[order_line] = min(order_line._get_billed_of_plan(self, 'price_subtotal') - owed, 0.0)
            else:
                unowed[order_line] = max(order_line._get_billed('price_subtotal') - owed, 0.0)
        return unowed

    def _bill_only_what_is_owed(self):
        """Make the bill to come, and its instalments, one for what is sent; the last instalments go first."""
        owed = self._get_owed_amounts(self._get_kept_lines(last_number=self.cancel_after_event))
        if self.order_id.state == 'sale' and any(owed.values()):
            self.order_id._write_unlocked(
                [
                    (line, {'price_unit': line._get_continuity_gross(amount) / line.product_uom_qty, 'discount': 0.0})
                    for line, amount in self._add_others_part(owed).items()
                    if line.product_uom_qty
                ]
            )
            left = self._get_plan_total()
        else:
            left = 0.0
        for payment in self.payment_ids.sorted('number'):
            amount = min(payment.amount, left)
            left -= amount
            if self.currency_id.is_zero(amount):
                payment.is_cancelled = True
            else:
                payment.amount = amount

    def _add_others_part(self, amounts):
        """Return untaxed amounts of this plan by line of the parent order, with what the line takes off others too."""
        reductions = self._get_reductions()
        return {
            line: amount + (line.price_subtotal - reductions[line] if line in reductions else 0.0)
            for line, amount in amounts.items()
        }

    # === WHAT WAS PAID BEFOREHAND === #

    def _credit_down_payments(self):
        """Prepare the credit of what was billed as down payment and is not owed."""
        self.ensure_one()
        order, down_payments = self.order_id, self._get_own_down_payments()
        owed = sum(self._get_live_payments().mapped('amount'))
        if not owed:
            for bill in down_payments.invoice_lines.move_id._get_posted_bills():
                if not bill._get_live_credit_notes():
                    bill._draft_continuity_credit(self.env._("%(subscription)s stopped", subscription=self.name))
        elif self.currency_id.compare_amounts(down_payments._get_billed('price_total'), owed) > 0:
            order.with_context(**AUTOMATIC, continuity_only_plan=Internal())._create_invoices(final=True)

    def _get_own_down_payments(self):
        """Return the down payment lines of the order that are for this plan only: the order bills nothing else."""
        self.ensure_one()
        lines = self.order_id.order_line
        return lines.filtered('is_downpayment') if self.order_id._bills_nothing_but(self) else lines.browse()

    def _get_paid_beforehand(self):
        """Return what the customer paid online with the order, and is not used up yet; nothing where the order bills
        other things that it may be for."""
        self.ensure_one()
        if not self.order_id._bills_nothing_but(self):
            return 0.0
        lines = self.order_id.sudo().transaction_ids.payment_id.move_id.line_ids
        receivable = lines.filtered(lambda line: line.account_type == 'asset_receivable' and not line.reconciled)
        return self.currency_id.round(-sum(receivable.mapped('amount_residual_currency')))

    def _notify_refund(self):
        """Tell the salesperson of what was paid with the order, and nothing will use up: it has no document."""
        self.ensure_one()
        if self.bill_upfront:
            still_open = 0.0 if self._get_plan_bills() else sum(self._get_live_payments().mapped('amount'))
        else:
            still_open = sum(payment._get_open_amount() for payment in self._get_live_payments())
        refund = self._balance(0.0, still_open).to_refund
        if refund:
            self._notify_responsible(
                'refund',
                self.env._("Pay back"),
                self.env._(
                    "The customer has paid %(amount)s with the order that is not owed any more. The money is on the "
                    "customer's account.",
                    amount=format_amount(self.env, refund, self.currency_id),
                ),
            )

    def _get_live_payments(self):
        """Return the instalments, cancelled ones left out."""
        return self.payment_ids.filtered(lambda payment: not payment.is_cancelled)

    # === CREDIT NOTES === #

    def _create_credit_note(self, bill, amounts, reason):
        """Create a draft credit note by value.

        :param bill: the posted invoice.
        :param amounts: dicts with ``order_line``, ``amount`` (untaxed, in the order's currency), ``name`` and, if it is
            not that of the bill, ``account``.
        :return: the credit note, or nothing where there is nothing to credit.
        :rtype: account.move
        """
        amounts = [vals for vals in amounts if not self.currency_id.is_zero(vals['amount'])]
        if not amounts:
            return self.env['account.move']
        note = bill._draft_continuity_credit(
            reason, invoice_currency_rate=bill.invoice_currency_rate, continuity_subscription_id=self.id
        )
        note.invoice_line_ids.unlink()
        for vals in amounts:
            bill_line = vals['order_line'].invoice_lines.filtered(lambda line: line.move_id == bill)[:1]
            self.env['account.move.line'].create(bill_line._prepare_continuity_credit(note, **vals))
        return note

    # === CREDITING A SHIPMENT === #

    def _credit_shipment(self, child):
        """Credit a child order that came back, or never came; the credit note is a draft.

        :param child: a child order that has shipped.
        :raise UserError: where there is nothing to credit.
        :rtype: account.move
        """
        self.ensure_one()
        lines = child.order_line.continuity_line_id
        reason = self._get_credit_refusal(child, lines)
        if reason:
            raise UserError(reason)
        ref = self.env._("%(order)s credited", order=child.name)
        if self.bill_upfront:
            lines._reverse_returned_revenue()
            note = self._create_credit_note(self._get_bills_of(child)[-1:], lines._prepare_credits(), ref)
        else:
            note = self._get_bills_of(child)._draft_continuity_credit(ref)
        lines._unguarded().write({'credit_move_id': note[:1].id})
        child._message_log(body=self.env._("Credited by %(notes)s.", notes=', '.join(note.mapped('display_name'))))
        return note

    def _get_credit_refusal(self, child, lines):
        """Return why a child order cannot be credited, or nothing."""
        if child._is_continuity_replacement():
            return self.env._(
                "%(order)s was sent again free of charge: credit %(original)s instead.",
                order=child.name,
                original=lines.replaces_line_id.child_order_id[:1].name or '',
            )
        if any(lines.mapped('is_credited')):
            return self.env._("%(order)s is credited already.", order=child.name)
        if not child.picking_ids.filtered(lambda picking: picking.state == 'done') and not any(
            child.order_line.mapped('qty_delivered')
        ):
            return self.env._("%(order)s has not shipped: cancel it instead.", order=child.name)
        if not self._get_bills_of(child):
            order = self.order_id if self.bill_upfront else child
            return self.env._("%(order)s is not invoiced: there is nothing to credit.", order=order.name)
        return None

    def _get_bills_of(self, child):
        """Return the posted invoices that bill a child order: its own, or those of the plan it is part of."""
        return (self._get_plan_bills() if self.bill_upfront else child.invoice_ids)._get_posted_bills()

    # === WHAT IT WILL MEAN === #

    def _get_settlement(self, stopped, last_number=0):
        """Return what stopping would mean in money.

        :param stopped: the child orders that would be stopped too.
        :param last_number: the number of the last shipment to be sent, 0 = stopped at once.
        :rtype: Settlement
        """
        self.ensure_one()
        if self.bill_upfront:
            return self._get_upfront_settlement(self._get_kept_lines(stopped, last_number))
        return self._get_shipment_settlement(stopped)

    def _get_upfront_settlement(self, kept):
        if self._get_plan_bills()._get_posted_bills():
            credit = self._get_plan_lines()._get_continuity_total(self._get_unowed_amounts(kept))
            still_open = sum(payment._get_open_amount() for payment in self.payment_ids)
        else:
            owed = self._get_plan_lines()._get_continuity_total(self._get_owed_amounts(kept))
            down_payments = self._get_own_down_payments()
            billed = down_payments._get_billed('price_total')
            credit = max(billed - owed, 0.0)
            bills = down_payments.invoice_lines.move_id._get_posted_bills()
            still_open = max(owed - billed, 0.0) + sum(bills.mapped('amount_residual'))
        return self._balance(credit, still_open)

    def _balance(self, credit, still_open):
        """Return the settlement of a credit and of what is open before it, with what was paid beforehand."""
        left = self.currency_id.round(still_open - credit - self._get_paid_beforehand())
        return Settlement(self.currency_id.round(credit), max(-left, 0.0), max(left, 0.0))

    def _get_shipment_settlement(self, stopped):
        given_up = self.payment_ids.filtered(lambda payment: payment.order_id in stopped)
        bills = given_up.invoice_id._get_posted_bills()
        to_credit = {
            bill: bill.amount_total - sum(bill._get_live_credit_notes().mapped('amount_total')) for bill in bills
        }
        refund = sum(max(credit - bill.amount_residual, 0.0) for bill, credit in to_credit.items())
        still_open = sum(payment._get_open_amount() for payment in self.payment_ids - given_up)
        rest = self._balance(0.0, still_open)
        return Settlement(sum(to_credit.values()), refund + rest.to_refund, rest.to_pay)

    def _is_to_bill(self):
        """Whether the plan's lines on the parent order are still to be billed in advance."""
        self.ensure_one()
        if self.state == 'cancelled':
            return bool(self._get_live_payments())
        return self.state in ('running', 'paused')
