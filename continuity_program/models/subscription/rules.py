from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ...domain import schedule


class ContinuitySubscription(models.Model):
    """What a subscription may and may not do: methods that return the reason, or nothing."""

    _inherit = 'continuity.subscription'

    # === RULES === #

    def _get_run_refusal(self):
        """Return why the subscription cannot be confirmed, or nothing.

        :rtype: str | None
        """
        self.ensure_one()
        program = self.program_id
        reason = program._get_sale_refusal()
        if reason:
            return reason
        archived = self.line_ids.product_id.filtered(lambda product: not product.active)[:1]
        if archived:
            return self.env._(
                "%(product)s in the plan of %(subscription)s is archived. Replace it in the plan or in program "
                "%(program)s.",
                product=archived.display_name,
                subscription=self.display_name,
                program=program.display_name,
            )
        if not self.line_ids and not program.open_ended:
            return self.env._(
                "%(subscription)s has nothing to send: all events of program %(program)s are past.",
                subscription=self.display_name,
                program=program.display_name,
            )
        if self.bill_upfront:
            reason = self._get_upfront_refusal()
            if reason:
                return reason
        if program.consent_required and not self.consent_date:
            return self.env._(
                "%(subscription)s needs the customer's consent: note its date on the Continuity page.",
                subscription=self.display_name,
            )
        if program.duplicate_policy == 'refuse' and self.duplicate_ids:
            return self._get_duplicate_text()
        return None

    def _get_upfront_refusal(self):
        """Return why the whole plan cannot be billed in advance, or nothing."""
        if self.missing_event_count:
            return self._get_missing_text()
        if len({line.tax_ids for line in self.line_ids}) > 1:
            return self.env._(
                "The events of %(subscription)s have different taxes and so cannot be billed in advance together.",
                subscription=self.display_name,
            )
        return self._get_below_zero_refusal() or self.program_id._get_upfront_taxes_refusal(self.line_ids.tax_ids)

    def _get_below_zero_refusal(self):
        """Return why a plan cannot be sold for what is left of its price, or nothing."""
        if self.currency_id.compare_amounts(self._get_plan_total(), 0.0) >= 0:
            return None
        return self.env._(
            "%(subscription)s comes to less than nothing. Correct the price or discount on the order.",
            subscription=self.display_name,
        )

    def _get_endless_refusal(self):
        """Return why a plan without an end cannot be made, or nothing."""
        self.ensure_one()
        sent = schedule.get_sent_events(self.program_id._get_events())
        if self.bill_upfront and not self.event_count and sent and sent[-1].repeats is None:
            return self.env._(
                "%(subscription)s goes on until cancelled and so cannot be billed in advance.",
                subscription=self.display_name,
            )
        return None

    def _get_warnings(self):
        """Return what the agent should know before the plan is accepted.

        :rtype: list[str]
        """
        if self.state != 'draft':
            return []
        warnings = []
        if self.missing_event_count:
            warnings.append(self._get_missing_text())
        if self.program_id.duplicate_policy != 'allow' and self.duplicate_ids:
            warnings.append(self._get_duplicate_text())
        refusal = self._get_run_refusal()
        if refusal and refusal not in warnings and not (self.consent_required and not self.consent_date):
            warnings.append(refusal)
        return warnings

    def _get_missing_text(self):
        return self.env._(
            "%(product)s buys %(bought)s events, but from the start event on program %(program)s has "
            "%(missing)s fewer.",
            product=self.product_id.display_name,
            bought=self.event_count,
            program=self.program_id.display_name,
            missing=self.missing_event_count,
        )

    def _get_duplicate_text(self):
        return self.env._(
            "%(partner)s or this delivery address already has program %(program)s: %(others)s.",
            partner=self.partner_id.display_name,
            program=self.program_id.display_name,
            others=', '.join(self.sudo().duplicate_ids.mapped('name')),
        )

    def _find_duplicates(self):
        """Return the other memberships of the program at the same customer or delivery address: not those that it goes
        on with, or that go on with it."""
        if self.program_id.duplicate_policy == 'allow' or not self.partner_id:
            return self.browse()
        return self.sudo().search(
            Domain('program_id', '=', self.program_id.id)
            & (
                Domain('state', 'in', ('running', 'paused'))
                | (Domain('state', '=', 'draft') & Domain('order_id', '=', self.order_id._origin.id))
            )
            & Domain('id', 'not in', self._origin._get_renewal_chain().ids)
            & (
                Domain('partner_id', 'child_of', self.partner_id.commercial_partner_id.id)
                | Domain('partner_shipping_id', '=', self.partner_shipping_id.id)
            )
        )

    def _get_partners(self):
        """Return all partners whose data a child order depends on."""
        return self.partner_id | self.partner_invoice_id | self.partner_shipping_id | self.line_ids.partner_shipping_id

    def _prepare_preview_row(self):
        return {**super()._prepare_preview_row(), 'subscription_id': self.id, 'order_id': self.order_id.id}

    def _write_parking(self, job, reason):
        super()._write_parking(job, reason)
        self._await_mending()

    def _await_mending(self):
        """Note on customer, addresses, products and card that a change of them may be what is missing."""
        self.env['res.partner']._await_changes(
            SQL(
                """
                SELECT unnest(ARRAY[partner_id, partner_invoice_id, partner_shipping_id])
                  FROM continuity_subscription WHERE id = %(id)s
                 UNION SELECT partner_shipping_id FROM continuity_line WHERE subscription_id = %(id)s
                """,
                id=self.id,
            )
        )
        self.env['product.template']._await_changes(
            SQL(
                """
                SELECT product.product_tmpl_id
                  FROM continuity_line line
                  JOIN product_product product ON product.id = line.product_id
                 WHERE line.subscription_id = %s AND line.state = 'planned'
                """,
                self.id,
            )
        )
        self.env['payment.token']._await_changes(
            SQL("SELECT payment_token_id FROM continuity_subscription WHERE id = %s", self.id)
        )

    def _get_parking_user(self):
        return self.user_id.filtered('active') or self.program_id._get_parking_user()

    # === CONSTRAINT METHODS === #

    @api.constrains('start_event')
    def _check_start_event(self):
        for subscription in self.filtered('is_start_event_chosen'):
            sent = [event.number for event in schedule.get_sent_events(subscription.program_id._get_events())]
            if subscription.start_event not in sent:
                raise ValidationError(
                    self.env._(
                        "%(subscription)s cannot start with event %(number)s: program %(program)s sends the events "
                        "%(events)s.",
                        subscription=subscription.display_name,
                        number=subscription.start_event,
                        program=subscription.program_id.display_name,
                        events=', '.join(map(str, sent)),
                    )
                )

    @api.constrains('payment_method', 'payment_token_id')
    def _check_payment_method(self):
        for subscription in self:
            reason = subscription._get_payment_method_error()
            if reason:
                raise ValidationError(
                    self.env._("%(subscription)s: %(reason)s", subscription=subscription.display_name, reason=reason)
                )

    def _get_payment_method_error(self):
        """Return what is wrong with the way of paying, or nothing."""
        self.ensure_one()
        allowed = self.program_id.allowed_methods
        if allowed not in ('both', self.payment_method):
            return self.env._(
                "program %(program)s does not allow this way of paying.", program=self.program_id.display_name
            )
        if self.sudo().payment_token_id and not self._get_own_token():
            return self.env._("the card belongs to another customer.")
        return None

    @api.constrains('payment_term_id')
    def _check_payment_term(self):
        for subscription in self:
            term = subscription.payment_term_id
            if term.early_discount or (term and term not in subscription.allowed_payment_term_ids):
                raise ValidationError(
                    self.env._(
                        "%(term)s is no payment schedule that program %(program)s allows.",
                        term=term.display_name,
                        program=subscription.program_id.display_name,
                    )
                )

    def _get_quantity_refusal(self):
        """Return why the quantity of the parent line cannot change any more, or nothing."""
        self.ensure_one()
        if self.state in ('done', 'cancelled'):
            return self.env._(
                "%(subscription)s has ended: its quantity cannot change. Sell a new one.",
                subscription=self.display_name,
            )
        bills = self.order_line_id.sudo().invoice_lines.move_id.filtered(lambda move: move.state != 'cancel')
        if self.bill_upfront and bills:
            return self.env._(
                "%(subscription)s is billed in advance: its quantity cannot change. Sell another one, or stop it.",
                subscription=self.display_name,
            )
        return None

    def _get_box_refusal(self):
        """Return why nothing can be done about single boxes, or nothing; the text tells the way out."""
        self.ensure_one()
        if self.state == 'draft':
            return self.env._(
                "%(subscription)s is not confirmed yet: change its plan instead.", subscription=self.display_name
            )
        if self.state == 'done':
            return self.env._("%(subscription)s is done: reopen it first.", subscription=self.display_name)
        if self.state == 'cancelled':
            return self.env._(
                "%(subscription)s has been stopped: reactivate it first, or sell it anew.",
                subscription=self.display_name,
            )
        return None

    def _get_state_refusal(self):
        """Return why the subscription's state does not allow what is asked."""
        self.ensure_one()
        return self.env._(
            "%(subscription)s is in the state %(state)s, which does not allow it.",
            subscription=self.display_name,
            state=self._get_state_label(),
        )
