from markupsafe import Markup

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_amount, format_date

from ...domain.receivable import Planned, Wanted, get_rearranging_refusal
from ...internal_context import Internal, get_internal


class ContinuityPayment(models.Model):
    """Instalments changed by hand, as an accountant has agreed with the customer (``docs/behaviour.md#payments``)."""

    _inherit = 'continuity.payment'

    is_set_by_hand = fields.Boolean(
        string="Agreed by Hand", readonly=True, help="Its amount, or its day, is not that of the payment schedule."
    )

    def action_change_instalments(self):
        """Open the dialog that changes what is open of the instalments of this one's order."""
        self.ensure_one()
        self._check_charge_access()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Change Installments"),
            'res_model': 'continuity.instalments',
            'view_mode': 'form',
            'target': 'new',
            'context': {'default_payment_id': self.id},
        }

    def _get_agreed_together(self):
        """Return the instalments of the same plan and order, cancelled ones left out, the earliest first."""
        self.ensure_one()
        together = self.order_id._get_live_payments().filtered(
            lambda payment: payment.subscription_id == self.subscription_id
        )
        return together.sorted('number')

    def _change_instalments(self, wanted, reason):
        """Change days and amounts of instalments that were agreed together; what is on a bill moves there.

        :param dict wanted: (day, amount) of each that is to be changed.
        :param str reason: why; it is noted on the subscription and the order.
        :raise UserError: for what cannot be changed so.
        """
        refusal = self._get_change_refusal(wanted, reason)
        if refusal:
            raise UserError(refusal)
        changed = {
            payment: (day, amount)
            for payment, (day, amount) in wanted.items()
            if day != payment.due_date or payment.currency_id.compare_amounts(amount, payment.amount)
        }
        note = self._get_change_note(changed, reason)
        for payment, (day, amount) in changed.items():
            line = payment.move_line_id.with_context(continuity_rearranging=Internal())
            if line:
                line.date_maturity = day
            payment.write({'due_date': day, 'amount': amount, 'is_set_by_hand': True})
        for record in (self.subscription_id, self.order_id) if changed else ():
            record._message_log(body=note)
        self.subscription_id._update_holds()

    def _on_day_moved(self, day):
        """Follow the day of the receivable line, which an accountant has moved on the bill."""
        self.ensure_one()
        if not get_internal(self.env, 'continuity_rearranging'):
            note = self._get_change_note({self: (day, self.amount)}, self.invoice_id.display_name)
            for record in (self.subscription_id, self.order_id):
                record._message_log(body=note)
        self.due_date = day
        self.subscription_id._update_holds()

    def _get_change_refusal(self, wanted, reason):
        """Return why instalments cannot be changed so, or nothing."""
        plan = self.subscription_id
        if plan.state == 'draft':
            return self.env._(
                "%(subscription)s is a quotation: its installments are made when it is confirmed. Choose a payment "
                "schedule there, or change them afterwards.",
                subscription=plan.display_name,
            )
        strange = self.browse().concat(*wanted) - self
        if strange:
            return self.env._("%(payment)s is of another order.", payment=strange[0].display_name)
        if not (reason or '').strip():
            return self.env._("Enter a reason: it is noted on the subscription and the order.")
        refusal = get_rearranging_refusal(
            [payment._read_planned() for payment in self],
            {payment.id: Wanted(day or None, amount) for payment, (day, amount) in wanted.items()},
            plan.currency_id.rounding,
        )
        if not refusal:
            return None
        values = refusal.values
        about = self.filtered(lambda payment: payment.number == values.get('number'))
        amounts = {
            name: format_amount(self.env, values[name], plan.currency_id)
            for name in ('before', 'after')
            if name in values
        }
        state = about._get_closed_text() if about else ''
        return self.env['continuity.wording']._word(refusal, state=state, **amounts)

    def _read_planned(self):
        """Return what the rules need to know of the instalment.

        :rtype: Planned
        """
        self.ensure_one()
        return Planned(self.id, self.number, self.due_date or None, self.amount, self._get_change_kind())

    def _get_change_kind(self):
        """Return what of it can be changed: all (``open``), its day (``billed``) or nothing (``closed``)."""
        self.ensure_one()
        if self.state not in ('scheduled', 'billed', 'declined') or not self.due_date:
            return 'closed'
        if not self.invoice_id:
            return 'open'
        is_own_line = len(self._get_receivable_lines()) == 1
        return 'billed' if self.invoice_id.state == 'posted' and is_own_line else 'closed'

    def _get_closed_text(self):
        """Return in words why nothing of the instalment can be changed."""
        self.ensure_one()
        bill = self.invoice_id
        if bill.state == 'draft':
            return self.env._("on %(bill)s, which is a draft,", bill=bill.display_name)
        if not self.due_date:
            return self.env._("due when it ships")
        if len(self._get_receivable_lines()) > 1:
            return self.env._("due by the customer's own payment terms")
        return self._get_state_label().lower()

    def _get_change_note(self, changed, reason):
        rows = [
            self.env._(
                "Installment %(number)s: %(old_amount)s on %(old_day)s → %(amount)s on %(day)s",
                number=payment.number,
                old_amount=format_amount(self.env, payment.amount, payment.currency_id),
                old_day=format_date(self.env, payment.due_date),
                amount=format_amount(self.env, amount, payment.currency_id),
                day=format_date(self.env, day),
            )
            for payment, (day, amount) in changed.items()
        ]
        return Markup("<br/>").join([self.env._("Installments changed: %(reason)s", reason=reason), *rows])
