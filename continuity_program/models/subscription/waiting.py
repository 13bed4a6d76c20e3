from odoo import models

from ...domain import gate
from ..job.job import read_refusal


class ContinuitySubscription(models.Model):
    """Why a shipment that is due waits: each reason is a code and a text. Another one goes into ``_get_child_refusal``
    (``docs/extending.md``), and its label into ``_get_kinds`` of ``continuity.job.issue``."""

    _inherit = 'continuity.subscription'

    def _get_decided_shipments(self, batch):
        """Yield what becomes of each child order that is due: its lines, why it is not made now, as (code, text) or
        nothing, and what is sent instead of what is out of stock, the product by line."""
        shipments = self._get_due_shipments(batch)
        self._look_up_stock(shipments, batch.stock)
        for lines in shipments:
            subscription = lines.subscription_id
            refusal = read_refusal(subscription, subscription._get_child_refusal(lines, batch.as_of))
            refusal = refusal or subscription._get_stock_refusal(lines, batch.stock)
            yield lines, refusal, {} if refusal else subscription._use_stock(lines, batch.stock)

    def _get_child_refusal(self, lines, as_of):
        """Return why no child order of the lines is made now, as (code, text), or nothing.

        What is sent again is free: neither a card nor an open payment keeps it back.

        :rtype: tuple[str, str] | None
        """
        self.ensure_one()
        refusal = None
        if lines._without_replacements():
            refusal = self._get_unpaid_refusal() or self._get_card_refusal(lines, as_of)
        return refusal or self._get_silence_refusal(lines)

    def _get_card_refusal(self, lines, as_of):
        """Return why the customer's card cannot pay a child order of the lines, as (code, text), or nothing."""
        if self.payment_method != 'token' or self.bill_upfront:
            return None
        card = gate.Card(self._has_usable_card(), self._get_own_token().continuity_expiry_date or None)
        refusal = gate.get_card_refusal(card, max(lines[0].date_planned, as_of))
        return refusal and (refusal.code, self.env['continuity.wording']._word(refusal))
