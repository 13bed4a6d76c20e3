from odoo import api, fields, models
from odoo.exceptions import UserError

from ...domain import gate
from ...domain.money import share_out


class ContinuitySubscription(models.Model):
    """The payments of a subscription: which instalments each billed order has."""

    _inherit = 'continuity.subscription'

    payment_count = fields.Integer(compute='_compute_payment_count')
    payments_to_come = fields.Html(
        string="Payments to Come",
        compute='_compute_payments_to_come',
        sanitize=False,
        help="What the customer pays for the shipments that have no child order yet.",
    )

    @api.depends('payment_ids')
    def _compute_payment_count(self):
        for subscription in self:
            subscription.payment_count = len(subscription.payment_ids)

    def action_view_payments(self):
        self.ensure_one()
        return self.payment_ids._get_continuity_action()

    @api.depends(
        'bill_upfront',
        'payment_term_id',
        'payment_method',
        'line_ids.state',
        'line_ids.event_number',
        'line_ids.date_planned',
        'line_ids.price_total',
        'line_ids.shipping_total',
        'line_ids.payment_term_id',
        'discount_on_first',
        'promotion_discount',
        'promotion_count',
        'taken_off_line_ids.price_total',
        'taken_off_line_ids.state',
    )
    @api.depends_context('lang')
    def _compute_payments_to_come(self):
        for subscription in self:
            rows = subscription._get_payments_to_come()
            subscription.payments_to_come = rows and self.env['ir.qweb']._render(
                'continuity_program.payments_to_come', {'rows': rows, 'currency': subscription.currency_id}
            )

    def _get_payments_to_come(self):
        """Return the payments of the planned shipments of a plan that bills each of them.

        :return: dicts with ``shipment`` (its number), ``number`` of the instalment, ``date``, ``amount`` (taxes and
            shipping costs included, in the order's currency) and ``is_ship_due``: paid when it has shipped, so that the
            date is that of the plan.
        :rtype: list[dict]
        """
        self.ensure_one()
        if self.bill_upfront or self.state in ('done', 'cancelled'):
            return []
        rows = []
        shipments = self.line_ids._filtered_planned().sorted('event_number')._by_shipment()
        for lines, off in zip(shipments, self._get_box_reductions(shipments, with_vouchers=True), strict=True):
            day, amount = lines[0].date_planned, sum(line.price_total + line.shipping_total for line in lines)
            amount = self.currency_id.round(amount - off)
            term = lines.payment_term_id[:1] or self.payment_term_id
            instalments = self._get_instalments(self.order_id, amount, term, day) if term else [(day, amount)]
            rows += [
                {
                    'shipment': lines[0].event_number,
                    'number': number,
                    'date': due_date,
                    'amount': instalment,
                    'is_ship_due': not term and not self._is_charged_at_creation(),
                }
                for number, (due_date, instalment) in enumerate(instalments, start=1)
            ]
        return rows

    def _plan_upfront_payments(self):
        """Plan the instalments of plans billed in advance, again where nothing is billed yet; once it is sold, the days
        that were agreed stay."""
        for subscription in self.filtered('bill_upfront'):
            if subscription.payment_ids.invoice_id:
                continue
            reason = subscription.state != 'draft' and subscription._get_below_zero_refusal()
            if reason:
                raise UserError(reason)
            total = max(subscription._get_plan_total(), 0.0)
            if subscription.state != 'draft' and subscription.payment_ids:
                payments = subscription.payment_ids.filtered(lambda payment: not payment.is_cancelled)
                subscription._update_planned_amounts(payments, total, subscription.payment_term_id)
                continue
            subscription._replan_payments(total)

    def _replan_payments(self, total):
        """Plan the instalments of a draft: those that it has are changed, and only what there is more or less of them
        is created or deleted."""
        values_list = []
        if self.quantity:
            values_list = self._prepare_payments(
                self.order_id,
                total,
                self.payment_term_id,
                self.company_id._get_continuity_today(),
                due_at_once=self.program_id.upfront_invoice_moment == 'confirmation',
            )
        # Paid: those of nothing.
        payments = self.payment_ids.filtered(
            lambda payment: payment.state in ('scheduled', 'paid') and not payment.transaction_ids
        ).sorted('number')
        kept = zip(payments, values_list, strict=False)
        payments.with_context(tracking_disable=True)._write_each(
            {payment: payment._filter_changed(values) for payment, values in kept}
        )
        payments[len(values_list) :].unlink()
        self._write_payments(values_list[len(payments) :])

    def _update_planned_amounts(self, payments, total, term):
        """Give the instalments of an order, sold and not billed yet, their parts of a new total."""
        self.ensure_one()
        payments, order = payments.sudo().sorted('number'), payments.order_id
        today = self.company_id._get_continuity_today()
        instalments = self._get_instalments(order, total, term, today) if term else [(today, total)]
        amounts = [amount for _day, amount in instalments]
        if len(amounts) != len(payments) or any(payments.mapped('is_set_by_hand')):
            # The schedule is another one by now, or it was agreed otherwise.
            amounts = share_out(total, payments.mapped('amount'), self.currency_id.rounding)
        for payment, amount in zip(payments, amounts, strict=True):
            payment.amount = amount

    @api.model
    def _plan_child_payments(self, children):
        """Plan the instalments of child orders that bill their shipment, of all in one go."""
        self._write_payments(
            [
                values
                for child in children
                for values in child.order_line.continuity_line_id.subscription_id._prepare_child_payments(child)
            ]
        )

    def _prepare_child_payments(self, child):
        """Return the values of the instalments of a child order."""
        self.ensure_one()
        return self._prepare_payments(
            child,
            child.amount_total,
            self._get_child_term(child),
            min(child.order_line.continuity_line_id.mapped('date_planned')),
            due_at_once=self._is_charged_at_creation(),
            on=self.company_id._get_continuity_today(),
        )

    def _get_child_term(self, child):
        """Return the payment schedule of a child order, if any."""
        return child.order_line.continuity_line_id.payment_term_id[:1] or self.payment_term_id

    def _on_child_amount_changed(self, child):
        """Write the instalments of a child order as parts of what it comes to now (``docs/behaviour.md#payments``)."""
        self.ensure_one()
        payments = child._get_live_payments()
        unbilled = payments.filtered(lambda payment: not payment.invoice_id)
        if unbilled:
            left = child.amount_total - sum((payments - unbilled).mapped('amount'))
            term = self._get_child_term(child) if unbilled == payments else self.env['account.payment.term']
            self._update_planned_amounts(unbilled, max(left, 0.0), term)
        elif payments:
            self._plan_rest(child)

    def _plan_rest(self, child):
        """Plan a payment for the rest, due when it ships, where the bills do not cover all that is ordered: a part was
        invoiced by hand, or more was ordered since."""
        self.ensure_one()
        payments = child._get_live_payments()
        rest = child.amount_total - sum(payments.mapped('amount'))
        is_left = any(
            line.product_uom_id.compare(line.product_uom_qty, line.qty_invoiced) > 0
            for line in child.order_line.filtered('product_uom_id')
        )
        if child.continuity_shipped_date or not is_left or child.currency_id.compare_amounts(rest, 0.0) <= 0:
            return
        number = max(payments.mapped('number'), default=0) + 1
        no_term = self.env['account.payment.term']
        self._create_payments(child, rest, no_term, date_ref=None, due_at_once=False).number = number

    def _is_charged_at_creation(self):
        """Whether a shipment without a schedule is charged when its child order is made, and delivered once paid."""
        self.ensure_one()
        return self.payment_method == 'token' and self.company_id.continuity_charge_moment == 'creation'

    def _create_payments(self, order, amount, term, date_ref, due_at_once):
        """Create the instalments of an order.

        :param amount: taxes included, in the order's currency.
        :param term: the payment schedule, an ``account.payment.term`` or nothing for one payment.
        :param date_ref: the day the schedule counts from.
        :param due_at_once: without a schedule, whether it is due on ``date_ref``, and not when the order ships.
        """
        return self._write_payments(self._prepare_payments(order, amount, term, date_ref, due_at_once))

    @api.model
    def _write_payments(self, values_list):
        return (
            self.env['continuity.payment']
            .sudo()
            .with_context(mail_create_nolog=True, tracking_disable=True)
            .create(values_list)
        )

    def _prepare_payments(self, order, amount, term, date_ref, due_at_once, on=None):
        """Return the values of the instalments of an order: see ``_create_payments``.

        :param on: the day on which a payment without a schedule is due at once; ``date_ref`` when not given.
        """
        self.ensure_one()
        instalments = [((on or date_ref) if due_at_once else False, amount)]
        if term:
            instalments = self._get_instalments(order, amount, term, date_ref)
        return [
            {
                'subscription_id': self.id,
                'order_id': order.id,
                'number': number,
                'due_date': due_date,
                'amount': instalment,
                'method': self.payment_method,
                'has_schedule': bool(term),
            }
            for number, (due_date, instalment) in enumerate(instalments, start=1)
        ]

    def _get_instalments(self, order, amount, term, date_ref):
        """Return (due date, amount) of each line of a payment schedule, the earliest first.

        A part that is fixed may be more than the whole: no instalment takes more than what the earlier ones leave.
        """
        terms = term._compute_terms(
            date_ref=date_ref,
            currency=order.currency_id,
            company=order.company_id,
            tax_amount=0.0,
            tax_amount_currency=0.0,
            untaxed_amount=amount,
            untaxed_amount_currency=amount,
            sign=1,
        )
        instalments, left = [], amount
        for day, part in sorted((line['date'], line['foreign_amount']) for line in terms['line_ids']):
            instalments.append((day, order.currency_id.round(min(max(part, 0.0), left))))
            left -= instalments[-1][1]
        return instalments

    def _on_payment_terms_changed(self, vals):
        """Write the payments' method, and try again what a changed card may pay."""
        if 'payment_method' in vals:
            self._on_payment_method_changed()
        if 'payment_token_id' in vals:
            self.filtered(lambda subscription: subscription._has_usable_card()).payment_ids._close_continuity_attention(
                {'no_card'}
            )
            self.payment_ids._try_again()

    def _on_payment_method_changed(self):
        """Have what is open paid in the way that is chosen now; a bill that is due already stays on account."""
        for subscription in self:
            today, method = subscription.company_id._get_continuity_today(), subscription.payment_method
            changed = subscription.payment_ids.filtered(
                lambda payment, today=today, method=method: (
                    payment.method != method
                    and (
                        payment.state in ('scheduled', 'declined')
                        or (payment.state == 'billed' and payment.ready_date and payment.ready_date > today)
                    )
                )
            )
            changed.write({'method': method, 'next_attempt_date': False, 'is_given_up': False})
            if method == 'on_account':
                billed = changed.filtered(lambda payment: payment.invoice_id.state == 'posted')
                # A receipt that it came with is no bill to pay.
                billed.filtered(lambda payment: not payment.notified_date).invoice_id.is_move_sent = False
                billed._send_bill()
            subscription._update_holds()

    # === CARDS === #

    def _get_needing_card(self):
        """Return the subscriptions that will be charged by card later, and have none."""
        return self.filtered(
            lambda subscription: (
                subscription.state in ('draft', 'running', 'paused')
                and subscription.quantity
                and subscription.payment_method == 'token'
                and not subscription._has_usable_card()
                and subscription._is_charged_later()
            )
        )

    def _is_charged_later(self):
        """Whether anything is charged after the order was confirmed: not where all is paid with the order."""
        self.ensure_one()
        return not self.bill_upfront or bool(self.sudo().payment_ids - self._get_payments_due_with_order())

    def _get_due_with_order(self):
        """Return what the plan asks for when it is ordered, in the order's currency: nothing if billed per shipment."""
        self.ensure_one()
        return sum(self._get_payments_due_with_order().mapped('amount')) if self.bill_upfront else 0.0

    def _get_payments_due_with_order(self):
        today = self.company_id._get_continuity_today()
        payments = self.sudo().payment_ids.filtered('due_date').sorted('number')
        days = payments.mapped('due_date')
        if self.state == 'draft' and self.payment_term_id:
            # The schedule of a quotation counts from the day on which it is accepted.
            total = sum(payments.mapped('amount'))
            days = [day for day, _amount in self._get_instalments(self.order_id, total, self.payment_term_id, today)]
        return payments.browse(payment.id for payment, day in zip(payments, days, strict=False) if day <= today)

    def _use_token(self, token):
        """Charge a card of the customer from now on, where the subscription is paid, or may be paid, by card."""
        for subscription in self.sudo():
            if subscription.state not in ('draft', 'running', 'paused') or (
                subscription.program_id.allowed_methods == 'on_account'
                or token.partner_id.commercial_partner_id != subscription.partner_id.commercial_partner_id
            ):
                continue
            if subscription.state == 'draft':
                subscription.write({'payment_method': 'token', 'payment_token_id': token.id})
            elif subscription.payment_method == 'token':
                subscription.payment_token_id = token

    def _find_waiting_for_card(self, partner):
        """Return the customer's subscriptions that need another card: declined, or without one that works."""
        subscriptions = self.sudo().search(
            [
                ('state', 'in', ('running', 'paused')),
                ('payment_method', '=', 'token'),
                ('partner_id', 'child_of', partner.commercial_partner_id.id),
            ]
        )
        return subscriptions._get_needing_card() | subscriptions.filtered(
            lambda subscription: 'declined' in subscription.payment_ids.mapped('state')
        )

    # === THE GATE === #

    def _update_holds(self):
        """Hold the child orders that wait for a payment, and let the others go on (``docs/behaviour.md#the-gate``)."""
        for subscription in self:
            children = subscription.child_order_ids.filtered(
                lambda child: child.state == 'sale' and not child.continuity_shipped_date
            )
            for child in children:
                child._set_continuity_hold(subscription._get_hold_reason(child) or False)

    def _get_hold_reason(self, child):
        """Return why a child order is not delivered for its payment, or nothing (``docs/behaviour.md#the-gate``)."""
        self.ensure_one()
        payments = self.payment_ids.filtered(
            lambda payment: payment.order_id == (self.order_id if self.bill_upfront else child)
        )
        refusal = gate.get_payment_refusal(
            [payment._read_installment() for payment in payments],
            is_prepaid=self.bill_upfront,
            today=self.company_id._get_continuity_today(),
        )
        state = self.env._("on hold") if refusal and refusal.values.get('on_hold') else self.env._("declined")
        return self.env['continuity.wording']._word(refusal, state=state)
