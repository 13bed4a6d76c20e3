from typing import NamedTuple

from odoo import api, fields, models

#: Odoo's own mails about an order, in whose place one with the plans is sent.
PLAIN_TEMPLATES = (
    'sale.email_template_edi_sale',
    'sale.mail_template_sale_confirmation',
    'sale.mail_template_sale_payment_executed',
)


class OfferRow(NamedTuple):
    """A line of what an order with plans comes to, as documents, portal and shop show it."""

    #: ``due_now``, ``paid``, ``later`` or ``total``.
    code: str
    label: str
    #: In the order's currency, or ``None`` where the text tells it.
    amount: float | None = None
    text: str = ''


class SaleOrder(models.Model):
    """What an order and its plans come to together, everywhere the same (``docs/behaviour.md#the-offer``)."""

    _inherit = 'sale.order'

    continuity_total = fields.Monetary(
        string="Total with Plans",
        compute='_compute_continuity_total',
        compute_sudo=True,
        help="What the order and its plans come to together, taxes included. Of a plan that goes on until it is "
        "canceled, the boxes planned so far.",
    )

    @api.depends('amount_total', 'continuity_subscription_ids.amount_total')
    def _compute_continuity_total(self):
        parents = self.filtered('continuity_role')
        plain = self - parents
        # As it stands in the order's row: to round it again would read its currency.
        self._fields['continuity_total']._insert_cache(plain, plain.mapped('amount_total'))
        for order in parents:
            order.continuity_total = order.amount_total + sum(order._get_plans_by_box().mapped('amount_total'))

    def _is_plans_only(self):
        """Whether the order itself bills nothing, and its plans do: its total of 0.00 says nothing."""
        self.ensure_one()
        return (
            self.continuity_role == 'parent'
            and self.currency_id.is_zero(self.amount_total)
            and not self.currency_id.is_zero(self.continuity_total)
        )

    def _get_offered_plans(self):
        """Return the plans of the order that are taken."""
        return self.sudo().continuity_subscription_ids.filtered('quantity')

    def _has_known_end(self):
        """Whether all plans of the order are planned to their end, so that it is known what it comes to."""
        return not any(self._get_offered_plans().mapped('occurrences_left'))

    def _get_offer_rows(self):
        """Return what an order with plans comes to: what is paid today or was, what follows, what in all.

        :rtype: list[OfferRow]
        """
        self.ensure_one()
        plans = self._get_offered_plans()
        if not plans:
            return []
        if self.state in ('draft', 'sent'):
            rows = [OfferRow('due_now', self.env._("Due today"), self._get_due_with_order())]
            rows += [
                OfferRow('later', self.env._("Then"), text=text)
                for plan in plans
                if (text := plan._word_later(plan._get_offer()))
            ]
        else:
            rows = self._get_sold_rows(plans)
        if self._has_known_end():
            rows.append(OfferRow('total', self.env._("In all"), self.continuity_total))
        return rows

    def _get_sold_rows(self, plans):
        paid = self._get_paid_amount()
        rows = [OfferRow('paid', self._get_paid_label(), paid)] if paid else []
        nexts = [(plan, plan._get_next_due(is_first_paid=bool(self.amount_paid))) for plan in plans]
        return rows + [
            OfferRow('later', self.env._("Next"), text=plan._word_due(due)) for plan, due in nexts if due is not None
        ]

    def _get_paid_amount(self):
        """Return what is paid of the order itself: online, or on its bills."""
        payments = self.sudo().continuity_payment_ids.filtered(lambda payment: payment.state == 'paid')
        return max(self.amount_paid, sum(payments.mapped('amount')))

    def _get_paid_label(self):
        day = self.company_id._get_continuity_day(self.date_order)
        if day == self.company_id._get_continuity_today():
            return self.env._("Paid today")
        return self.env._("Paid so far")

    # === MAILS === #

    def _find_mail_template(self):
        return self._get_template_with_plans(super()._find_mail_template())

    def _send_order_notification_mail(self, mail_template, *args, **kwargs):
        return super()._send_order_notification_mail(self._get_template_with_plans(mail_template), *args, **kwargs)

    def _get_template_with_plans(self, template):
        """Return the mail that tells the plans of an order in place of Odoo's own, which tells the order's total only;
        one that the company wrote itself stays."""
        if self.continuity_role != 'parent' or not template:
            return template
        if template not in [self.env.ref(name, raise_if_not_found=False) for name in PLAIN_TEMPLATES]:
            return template
        return self.env.ref('continuity_program.mail_template_order', raise_if_not_found=False) or template


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    def _get_plan_price_text(self):
        """Return in words what the boxes cost of a plan whose line bills nothing itself, or nothing."""
        self.ensure_one()
        if not self.continuity_has_plan:
            return ''
        plan = self.sudo().continuity_subscription_ids
        offer = not plan.bill_upfront and plan._get_offer()
        return plan._word_price(offer) if offer and offer.boxes and offer.quantity else ''
