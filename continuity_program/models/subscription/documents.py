from odoo import models
from odoo.tools import format_amount, format_date

#: As many rows a document has of a plan, and of its payments, before they are shortened.
MAX_ROWS = 12


class ContinuitySubscription(models.Model):
    """The plan and its payments, as quotations and orders show them (``docs/behaviour.md#documents``)."""

    _inherit = 'continuity.subscription'

    def _get_document(self):
        """Return what a quotation or an order shows of the subscription, in the language of the environment.

        :return: ``shipments``: dicts with ``number``, ``date``, ``products`` (in words) and ``amount`` (taxes
            and shipping costs included, in the order's currency); ``before`` and ``after``: in words, what is left out;
            ``total``, where the plan has an end that is known; ``end_text``: how it ends, in words; ``payments``:
            dicts with ``number``, ``date``, ``is_ship_due`` and ``amount``; ``payments_after``: in words, what is left
            out; ``payment_text``: how it is paid, where that is all there is to tell.
        :rtype: dict
        """
        self.ensure_one()
        shipments = self._get_document_shipments()
        shown, before = shipments, ''
        if len(shipments) > MAX_ROWS:
            shown = [shipment for shipment in shipments if not shipment['is_sent']]
            before = self._get_sent_before_text(len(shipments) - len(shown))
        payments = self._get_document_payments()
        return {
            'shipments': shown[:MAX_ROWS],
            'before': before,
            'after': self._get_sent_after_text(shown[MAX_ROWS:]),
            'total': self.amount_total if not self.occurrences_left else None,
            'payments': payments[:MAX_ROWS],
            'payments_after': self._get_paid_after_text(payments[MAX_ROWS:]),
            'payment_text': '' if payments else self._get_payment_text(),
            'end_text': self._word_end(self._get_offer()),
        }

    def _get_document_shipments(self):
        shipments = self.line_ids._filtered_active().sorted('event_number')._by_shipment()
        return [
            {
                'number': lines[0].event_number,
                'date': lines[0].date_planned,
                'products': [line._get_sent_text() for line in lines.with_context(display_default_code=False)],
                'amount': amount,
                'is_sent': all(line.state == 'delivered' for line in lines),
            }
            for lines, amount in zip(shipments, self._get_box_amounts(shipments), strict=True)
        ]

    def _get_document_payments(self):
        """Return the payments to come that say more than the plan does: those of a schedule, or in advance."""
        if self.state in ('done', 'cancelled'):
            return []
        if self.bill_upfront:
            return [
                {
                    'number': payment.number,
                    'date': payment.due_date,
                    'is_ship_due': not payment.due_date,
                    'amount': payment.amount,
                }
                for payment in self.payment_ids.filtered(
                    lambda payment: payment.state not in ('paid', 'cancelled')
                )._by_due_date()
            ]
        rows = self._get_payments_to_come()
        return rows if len(rows) > len({row['shipment'] for row in rows}) else []

    # === WORDS === #

    def _get_sent_before_text(self, count):
        return self.env._("Sent already: %(count)s shipments.", count=count) if count else ''

    def _get_sent_after_text(self, hidden):
        """Return in words what of the plan comes after the shipments shown."""
        if not self.shipment_count:
            return self.env._("And so on, until cancelled.")
        count = len(hidden) + self.occurrences_left
        if not count:
            return ''
        if self.occurrences_left:
            return self.env._("And %(count)s more.", count=count)
        return self.env._(
            "And %(count)s more, the last on %(date)s.",
            count=count,
            date=format_date(self.env, hidden[-1]['date']),
        )

    def _get_paid_after_text(self, hidden):
        if not hidden:
            return ''
        return self.env._(
            "And %(count)s more, in all %(amount)s.",
            count=len(hidden),
            amount=format_amount(self.env, sum(row['amount'] for row in hidden), self.currency_id),
        )

    def _get_payment_text(self):
        """Return in words when each shipment is paid, or nothing where nothing is to be paid any more."""
        if self.bill_upfront or self.state in ('done', 'cancelled'):
            return ''
        if self.payment_method == 'on_account':
            return self.env._("Each shipment is billed when it has shipped.")
        if self._is_charged_at_creation():
            return self.env._("Each shipment is charged to your card before it is sent.")
        return self.env._("Each shipment is charged to your card when it has shipped.")

    def _get_plan_lines(self):
        """Return the lines of the parent order that bill the plan: its goods and their shipping costs."""
        return self.order_line_id | self.shipping_line_ids

    def _get_reductions(self):
        """Return what is taken off the plan, untaxed, by line of the parent order.

        :rtype: dict[sale.order.line, float]
        """
        self.ensure_one()
        shared = self.order_id.order_line._get_shared() if self.bill_upfront else ()
        shares = {line: line._get_reduction_shares().get(self.id, 0.0) for line in shared}
        return {line: share for line, share in shares.items() if share}

    def _get_plan_total(self):
        """Return what the plan's lines of the parent order come to, less what is taken off, taxes included: as its bill
        rounds them. Of plans on one bill, the last takes the rest."""
        self.ensure_one()
        together = self.order_id._get_upfront_plans() | self.sudo()
        if len(together) > 1:
            bills = self._get_plan_bills()
            together = together.filtered(lambda plan: plan._get_plan_bills() == bills).sorted('id')
        if len(together) > 1 and self.id == together[-1:].id:
            others = sum(plan._sum_as_billed() for plan in together[:-1])
            return self.currency_id.round(together._sum_as_billed() - others)
        return self._sum_as_billed()

    def _sum_as_billed(self):
        """Return what one bill of these plans of an order comes to, taxes included."""
        AccountTax, order = self.env['account.tax'], self.order_id
        base_lines = [line._prepare_base_line_for_taxes_computation() for line in self._get_plan_lines()]
        base_lines += [
            line._prepare_part_for_taxes(share) for plan in self for line, share in plan._get_reductions().items()
        ]
        AccountTax._add_tax_details_in_base_lines(base_lines, order.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, order.company_id)
        summary = AccountTax._get_tax_totals_summary(base_lines, order.currency_id, order.company_id)
        return summary['total_amount_currency']

    def _get_goods_amount(self):
        """Return what the plan's goods are worth, untaxed: their line, less their part of what is taken off the plan.

        What has other taxes than the plan, as a gift card, is a way of paying: no box is worth less for it.
        """
        goods, plan = (sum(lines.mapped('price_subtotal')) for lines in (self.order_line_id, self._get_plan_lines()))
        taken_off = sum(share for line, share in self._get_reductions().items() if self._is_worth_less_by(line))
        return max(goods + (self.currency_id.round(taken_off * goods / plan) if plan else 0.0), 0.0)

    def _is_worth_less_by(self, line):
        """Whether a line takes something off the plan's price, with its taxes, and does not only pay for it."""
        return line.tax_ids == self.order_line_id.tax_ids

    def _prepare_reduction_account(self):
        """Return the account that bills of the plan take a reduction from: with revenue earned by shipment, that of
        the plan, so that each box earns what was paid for it."""
        if not self.company_id.continuity_revenue_journal_id:
            return {}
        self.ensure_one()
        order_line = self.order_line_id.with_company(self.company_id)
        accounts = order_line.product_id.product_tmpl_id.get_product_accounts(
            fiscal_pos=order_line.order_id.fiscal_position_id
        )
        return {'account_id': accounts['income'].id} if accounts['income'] else {}

    def _get_plan_bills(self):
        """Return the invoices of a plan billed in advance, cancelled ones left out."""
        return self.order_line_id._get_continuity_bills().sorted('id')

    def _get_bill_line(self):
        """Return the line of the posted invoice that bills the plan's goods."""
        return self.order_line_id.invoice_lines.filtered(
            lambda line: line.parent_state == 'posted' and line.move_id._is_continuity_bill()
        ).sorted('id')[-1:]
