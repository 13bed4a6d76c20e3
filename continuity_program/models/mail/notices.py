from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date

#: The mails about a subscription, by the name of their template, and the company's field that switches each on.
MAIL_SWITCHES = {
    'plan': 'continuity_mail_plan',
    'paused': 'continuity_mail_changes',
    'resumed': 'continuity_mail_changes',
    'stopped': 'continuity_mail_changes',
    'last_shipment': 'continuity_mail_end',
    'finished': 'continuity_mail_end',
    'card_expiring': 'continuity_mail_card_days',
    'waiting': 'continuity_mail_waiting',
}


class ContinuitySubscription(models.Model):
    """What customers are told of their subscriptions by mail: once for each occasion, because the mail is written in
    the transaction of what it tells (``docs/behaviour.md#mails``)."""

    _inherit = 'continuity.subscription'

    last_told_number = fields.Integer(
        readonly=True, copy=False, help="The shipment that the customer was told is the last. 0: none yet."
    )

    def _mail(self, name):
        """Queue a mail to the customers, where the company sends it and they have an address.

        :param str name: a key of ``MAIL_SWITCHES``.
        """
        told = self.sudo().filtered(
            lambda subscription: subscription.company_id[MAIL_SWITCHES[name]] and subscription.partner_id.email
        )
        self.env['mail.template']._send_continuity(name, told)

    # === THE LAST SHIPMENT === #

    def _notify_last_shipment(self, lines):
        """Tell that the last shipment is coming with the lines just ordered, where it was not the only one."""
        number = max(lines.mapped('event_number'), default=0)
        if (
            number > max(self.last_told_number, 1)
            and not self.next_date
            and not self.occurrences_left
            and not self.is_waiting
        ):
            self._unguarded().last_told_number = number
            self._mail('last_shipment')

    # === WHAT WAITS FOR THE CUSTOMER === #

    def _notify_customer_of_issue(self, issue):
        """Tell what a shipment waits for, once for all the customer's plans that wait for the same."""
        if not self._is_customer_told(issue):
            self.with_context(continuity_kind=issue.kind)._mail('waiting')

    def _is_customer_told(self, issue):
        """Whether the customer knows it of another plan, or of a payment that no card can be charged for."""
        plans = self.search([('partner_id', '=', self.partner_id.id), ('company_id', '=', self.company_id.id)])
        is_about_them = Domain.OR(
            Domain('res_model', '=', records._name) & Domain('res_id', 'in', records.ids)
            for records in (plans, plans.payment_ids)
        )
        told = (
            Domain('is_open', '=', True) & Domain('kind', '=', issue.kind) & Domain('customer_told_date', '!=', False)
        )
        return bool(issue.search_count(is_about_them & told & Domain('id', '!=', issue.id), limit=1))

    # === CARDS THAT EXPIRE === #

    @api.model
    def _get_expiring_card_domain(self, as_of):
        """Return the subscriptions that charge a card that expires soon, of customers who have not been told of it."""
        days = self.env.company.continuity_mail_card_days
        if not days:
            return Domain.FALSE
        expiring = [
            ('active', '=', True),
            ('continuity_expiry_date', '<=', as_of + timedelta(days=days)),
            ('continuity_expiry_told_on', '=', False),
        ]
        return (
            Domain('state', 'in', ('running', 'paused'))
            & Domain('payment_method', '=', 'token')
            & (Domain('bill_upfront', '=', False) | Domain('payment_ids', 'any', [('state', '!=', 'paid')]))
            & Domain('payment_token_id', 'any', expiring)
            & Domain('partner_id.email', '!=', False)
        )

    def _announce_expiring_cards(self, as_of):
        """Tell the customers whose card expires soon, once for each card."""
        for subscription in self.filtered_domain(self._get_expiring_card_domain(as_of)):
            token = subscription.payment_token_id
            # Another subscription of the batch may charge the same card.
            if not token.continuity_expiry_told_on:
                token.continuity_expiry_told_on = as_of
                subscription._mail('card_expiring')

    def _preview_expiring_cards(self, as_of):
        """Return the rows of a preview about the cards that expire soon."""
        by_card = self.filtered_domain(self._get_expiring_card_domain(as_of)).grouped('payment_token_id')
        return [
            {
                **subscriptions[0]._prepare_preview_row(),
                'change': self.env._(
                    "%(card)s expires on %(date)s",
                    card=token.display_name,
                    date=format_date(self.env, token.continuity_expiry_date),
                ),
                'date': token.continuity_expiry_date,
            }
            for token, subscriptions in by_card.items()
        ]
