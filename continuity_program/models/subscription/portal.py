from datetime import timedelta
from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import UserError


class PortalRule(NamedTuple):
    """What decides on a change that a customer may make in the portal."""

    #: The program's field that allows it.
    switch: str
    #: The states of a subscription in which it makes sense.
    states: tuple
    #: The method that returns why it is refused now, or nothing: the same that forms and RPC ask.
    refusal: str


LIVE = ('running', 'paused')
PORTAL_RULES = {
    'skip': PortalRule('portal_skip', ('running',), '_get_skip_refusal'),
    'postpone': PortalRule('portal_postpone', ('running',), '_get_postpone_refusal'),
    'swap': PortalRule('portal_swap_product_ids', LIVE, '_get_next_swap_refusal'),
    'pause': PortalRule('portal_pause', ('running',), '_get_pause_refusal'),
    'resume': PortalRule('portal_pause', ('paused',), '_get_resume_refusal'),
    'address': PortalRule('portal_address', LIVE, '_get_address_refusal'),
    'card': PortalRule('portal_card', LIVE, '_get_card_change_refusal'),
    'cancel': PortalRule('portal_cancel', LIVE, '_get_cancel_refusal'),
}
#: What customers read of their subscriptions.
PORTAL_FIELDS = {
    'access_token',
    'access_url',
    'amount_per_shipment',
    'amount_planned',
    'amount_total',
    'bill_upfront',
    'cancel_reason_id',
    'company_id',
    'currency_id',
    'display_name',
    'id',
    'line_ids',
    'member_number',
    'name',
    'next_date',
    'order_id',
    'partner_id',
    'partner_invoice_id',
    'partner_shipping_id',
    'payment_ids',
    'payment_method',
    'payment_term_id',
    'payment_token_id',
    'product_id',
    'program_id',
    'quantity',
    'resume_date',
    'shipment_count',
    'start_date',
    'state',
    'summary',
    'user_id',
}


class ContinuitySubscription(models.Model):
    """What customers see and change in the portal (``docs/behaviour.md#portal``)."""

    _inherit = 'continuity.subscription'

    # === ACTION METHODS === #

    def action_preview_portal(self):
        """Open the page that the customer has in the portal."""
        self.ensure_one()
        self.check_access('read')
        return {'type': 'ir.actions.act_url', 'target': 'self', 'url': self.get_portal_url()}

    # === WHAT MAY BE CHANGED === #

    def _is_of_customer(self, partner):
        """Whether the partner is the customer, or belongs to the same company."""
        self.ensure_one()
        return partner.commercial_partner_id == self.partner_id.commercial_partner_id

    def _get_portal_refusals(self):
        """Return what the customer may change in the portal, with the reason why not now, or nothing.

        :rtype: dict[str, str | None]
        """
        self.ensure_one()
        return {
            change: getattr(self, rule.refusal)()
            for change, rule in PORTAL_RULES.items()
            if self.state in rule.states and self.program_id[rule.switch]
        }

    def _check_portal_change(self, change):
        """:raise UserError: for what the customer may not change in the portal, or not now."""
        refusals = self._get_portal_refusals()
        if change not in refusals:
            raise UserError(
                self.env._("%(subscription)s cannot be changed so online. Please contact us.", subscription=self.name)
            )
        if refusals[change]:
            raise UserError(refusals[change])

    def _get_last_change_day(self):
        """Return the last day on which the next shipment can be changed, or nothing: there is none, or a pause."""
        lines = self._get_next_shipment()
        return lines[0]._get_cut_off_date() - timedelta(days=1) if lines and self.state == 'running' else None

    def _get_portal_swaps(self):
        """Return the products that the customer may have sent in place of those of the next shipment, by its lines.

        :rtype: dict[continuity.line, product.product]
        """
        choices = {
            line: (self.program_id.portal_swap_product_ids - line.product_id).filtered(
                lambda product, line=line: not self._get_swap_refusal(line, product)
            )
            for line in self._get_next_shipment()
        }
        return {line: products for line, products in choices.items() if products}

    def _get_next_swap_refusal(self):
        """Return why nothing of the next shipment can be swapped, or nothing."""
        lines = self._get_next_shipment()
        if not lines:
            return self._get_nothing_to_come_text()
        if self._get_portal_swaps():
            return None
        refusals = (
            self._get_swap_refusal(line, product)
            for line in lines
            for product in self.program_id.portal_swap_product_ids - line.product_id
        )
        return next(refusals, None) or self.env._("There is no other product to choose.")

    def _get_address_refusal(self, address=None):
        """Return why the delivery address cannot be changed, or nothing.

        :param address: the new one, a ``res.partner``.
        """
        self.ensure_one()
        if self.state not in LIVE:
            return self._get_state_refusal()
        if address and not self._is_of_customer(address):
            return self.env._("This is no address of %(partner)s.", partner=self.partner_id.display_name)
        return None

    def _get_card_change_refusal(self):
        """Return why the customer cannot choose another card, or nothing."""
        self.ensure_one()
        if self.state not in LIVE:
            return self._get_state_refusal()
        if self.payment_method != 'token':
            return self.env._("%(subscription)s is paid on account, not by card.", subscription=self.display_name)
        return None

    def _get_cancel_refusal(self):
        """Return why the customer cannot cancel, or nothing; staff can, also before the minimum is reached."""
        return self._get_stop_refusal() or self._get_commitment_refusal()

    # === WHAT IS SHOWN === #

    @api.model
    def _get_portal_fields(self):
        return PORTAL_FIELDS

    def _get_shipments_to_come(self):
        """Return the planned lines of each shipment to come, the next one first.

        :rtype: list[continuity.line]
        """
        planned = self.line_ids.filtered(lambda line: line.state == 'planned')
        return planned.sorted(lambda line: (line.date_planned, line.event_number, line.id))._by_shipment()

    def _is_in_pause(self, day):
        """Whether a planned day falls into the pause, so that another one is set when it ends."""
        self.ensure_one()
        return self.state == 'paused' and (not self.resume_date or day < self.resume_date)

    def _get_past_shipments(self):
        """Return the lines of each shipment that was ordered or skipped, the last one first.

        :rtype: list[continuity.line]
        """
        past = self.line_ids.filtered(lambda line: line.child_order_id or line.state == 'skipped')
        return past.sorted(lambda line: (line.date_planned, line.event_number, line.id), reverse=True)._by_shipment()

    def _get_usable_tokens(self, partner):
        """Return the saved cards that a person may choose for the subscription: own ones and those of the company."""
        tokens = self.env['payment.token'].sudo()._get_available_tokens(None, partner.id, is_validation=True)
        return tokens.filtered(
            lambda token: token.company_id == self.company_id and token.provider_id.state != 'disabled'
        )
