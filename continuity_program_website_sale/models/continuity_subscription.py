from odoo import api, models


class ContinuitySubscription(models.Model):
    """Plans that customers order in the shop (``docs/behaviour.md#shop``)."""

    _inherit = 'continuity.subscription'

    @api.model
    def _prepare_subscription(self, order_line):
        # Who orders in the shop sees the plan there: the page is for agents.
        return {
            **super()._prepare_subscription(order_line),
            'is_page_shown': bool(order_line.order_id.website_id),
        }

    def _prepare_child_order(self, lines):
        values = super()._prepare_child_order(lines)
        # On a website, a quotation is a cart: the customer would be reminded of it, and could change it.
        if self.company_id.continuity_autoconfirm:
            values['website_id'] = self.order_id.website_id.id
        return values

    def _set_default_payment_method(self):
        """Take the card where the program allows it: who orders in the shop is not known to be good for a bill."""
        super()._set_default_payment_method()
        self.filtered(
            lambda subscription: subscription.order_id.website_id and subscription.program_id.allowed_methods == 'both'
        ).payment_method = 'token'

    def _needs_consent(self):
        """Return those that the customer has to agree to before they can be ordered."""
        return self._get_wanted_drafts().filtered(
            lambda subscription: subscription.consent_required and not subscription.consent_date
        )

    def _give_consent(self):
        """Note that the customer has agreed in the shop."""
        for subscription in self._needs_consent():
            subscription.write(
                {
                    'consent_date': subscription.company_id._get_continuity_today(),
                    'consent_channel': 'web',
                    'consent_user_id': False,
                }
            )

    def _take_back_consent(self):
        """Ask again after what was agreed to has changed."""
        agreed = self.filtered(
            lambda subscription: subscription.state == 'draft' and subscription.consent_channel == 'web'
        )
        agreed.write({'consent_date': False, 'consent_channel': False})

    # === WHAT THE SHOP TELLS === #

    def _get_listed_price(self):
        """Return what is entered as the price of one that the shop tells: of the first box, or of the whole."""
        if self.bill_upfront:
            return self.order_line_id.price_unit
        first = self.line_ids.filtered(lambda line: line.event_number == 1)
        return sum(line.price_unit * line.quantity * (1 - line.discount / 100) for line in first) / self.quantity

    def _get_shop_taxes(self):
        """Return the taxes of the price that the shop tells, before and after the fiscal position, and of how many
        pieces it is the price: each costs more by what the chosen options cost."""
        first = self.line_ids[:1]
        taxes = first.product_id.taxes_id._filter_taxes_by_company(self.company_id)
        boxes = self._get_offer().boxes
        counted = boxes if self.bill_upfront else boxes[:1]
        has_own_price = self.bill_upfront and self.program_id.upfront_price_policy == 'product'
        return {
            'product_taxes': taxes,
            'taxes': first.tax_ids,
            'continuity_pieces': 1.0 if has_own_price else sum(box.pieces for box in counted) / self.quantity,
        }
