from odoo import api, models
from odoo.fields import Command


class ContinuityLine(models.Model):
    """Prices and taxes that a planned line gets anew; how a price is found is told by ``subscription/pricing.py``."""

    _inherit = 'continuity.line'

    def _prepare_price_values(self, price_date=None, product=None):
        """Return price, discount and taxes of the line by the order's terms, or those of the day given.

        The price of an event stays that of the program while the program's product is sent. What is sent again is free.

        :param product: what is sent in place of the line's product, in the unit it would have.
        """
        self.ensure_one()
        product = product or self.product_id
        program_line = self.program_line_id if self.program_line_id.product_id == product else None
        prices = self.subscription_id._prepare_price_values(
            product,
            self.quantity,
            self._get_unit_for(product),
            program_line,
            address=self.partner_shipping_id,
            price_date=price_date,
        )
        return {**prices, 'price_unit': 0.0, 'discount': 0.0} if self.replaces_line_id else prices

    def _get_swap_total(self, product):
        """Return what the line costs, taxes included, once another product is sent in its place."""
        self.ensure_one()
        if self.price_overridden:
            prices = {'price_unit': self.price_unit, 'discount': self.discount}
            taxes = self._get_product_taxes(product)
        else:
            prices = self._prepare_price_values(product=product)
            taxes = self.env['account.tax'].browse(prices['tax_ids'][0][2])
        taxes = self.tax_ids if self.taxes_overridden else taxes
        price = prices['price_unit'] * (1 - prices['discount'] / 100)
        amounts = taxes.compute_all(
            price, self.currency_id, self.quantity, product=product, partner=self.partner_shipping_id
        )
        return amounts['total_included']

    def _get_unit_for(self, product):
        """Return the unit the line has with a product: its own where that fits, else the product's."""
        is_fitting = self.product_uom_id and self.product_uom_id._has_common_reference(product.uom_id)
        return self.product_uom_id if is_fitting else product.uom_id

    def _get_product_taxes(self, product):
        """Return the taxes of a product that is sent in the line's place."""
        subscription = self.subscription_id
        return subscription._get_taxes(product, self.partner_shipping_id or subscription.partner_shipping_id)

    def _prepare_next_price(self, vals, taxes_of_today):
        """Return the price, as it was agreed, and the taxes of today for the next occurrence of the same event;
        nothing where new prices hold for it that did not for this one, or another product is sent.

        :param vals: the values of the next occurrence.
        :param TaxesOfToday taxes_of_today: what was looked up already.
        """
        if (self.product_id.id, self.product_uom_id.id) != (vals['product_id'], vals['product_uom_id']):
            return {}
        start = self.program_id.new_price_date
        if start and self.date_planned < start <= vals['date_planned'] and not self.price_overridden:
            return {}
        taxes = self._prepare_next_taxes(taxes_of_today)
        return {'discount': self.discount, 'price_overridden': self.price_overridden, **taxes}

    def _prepare_repricing(self, vals):
        """Return what of price, discount and taxes follows from what was changed: a price changed by hand stays, with
        the taxes of the product now sent."""
        self.ensure_one()
        priced_by = {'product_id', 'quantity', 'product_uom_id', 'partner_shipping_id'}
        if self.subscription_id.price_per_event:
            # The price agreed for the event stays, per piece, while its product does.
            priced_by = {'product_id'}
        values = {}
        if self.price_overridden or {'price_unit', 'discount'} <= vals.keys():
            if 'product_id' in vals:
                values = {'tax_ids': [Command.set(self._get_product_taxes(self.product_id).ids)]}
        elif priced_by & vals.keys():
            values = self._prepare_price_values()
        if self.taxes_overridden:
            values.pop('tax_ids', None)
        return values

    # === ONCHANGE === #

    @api.onchange('product_id', 'quantity', 'product_uom_id')
    def _onchange_product_id(self):
        if self.product_id and not self.price_overridden:
            self.update(self._prepare_price_values())
