from odoo import fields, models
from odoo.fields import Command


class ContinuitySubscription(models.Model):
    """What the customer pays for sending the shipments (``docs/behaviour.md#shipping-costs``)."""

    _inherit = 'continuity.subscription'

    shipping_line_ids = fields.One2many(
        comodel_name='sale.order.line',
        inverse_name='continuity_shipping_of_id',
        string="Shipping Costs on the Parent Order",
        readonly=True,
    )

    def _get_shipping_amount(self):
        """Return what the customer pays per shipment for sending it, in the order's currency, untaxed."""
        if self.program_id.shipping_policy != 'fixed':
            return 0.0
        return self._convert(self.program_id.shipping_amount)

    def _add_shipping_taxes(self, amount):
        """Return a shipping amount with the taxes of the shipping product, by the order's fiscal position."""
        if not amount:
            return 0.0
        product = self.program_id.shipping_product_id
        taxes = self._get_taxes(product, self.partner_shipping_id)
        amounts = taxes.compute_all(
            amount, currency=self.currency_id, product=product, partner=self.partner_shipping_id
        )
        return amounts['total_included']

    def _prepare_shipping_lines(self, lines):
        """Return the commands for what the customer pays for sending the shipment."""
        amount = 0.0 if self.bill_upfront else sum(lines.mapped('shipping_amount'))
        if not amount:
            return []
        return [
            Command.create(
                {
                    'product_id': self.program_id.shipping_product_id.id,
                    'product_uom_qty': 1.0,
                    'price_unit': amount,
                    'technical_price_unit': amount,
                    'is_delivery': True,
                }
            )
        ]

    def _prepare_shipping_line(self):
        """Return the values of the parent order's line with the shipping costs of all shipments of a plan billed in
        advance, or nothing where there are none."""
        self.ensure_one()
        shipments = self.line_ids._filtered_active().filtered('shipping_amount') if self.bill_upfront else ()
        if not shipments:
            return {}
        price = sum(shipments.mapped('shipping_amount')) / len(shipments)
        return {
            'product_uom_qty': len(shipments),
            'price_unit': price,
            'technical_price_unit': price,
            'order_id': self.order_id.id,
            'product_id': self.program_id.shipping_product_id.id,
            'sequence': self.order_line_id.sequence,
            'continuity_shipping_of_id': self.id,
        }

    def _update_shipping_line(self):
        """Give the parent order of a plan billed in advance the line with the shipping costs of all its shipments."""
        self.ensure_one()
        line, values = self.shipping_line_ids, self._prepare_shipping_line()
        if not values:
            return line.unlink()
        if not line:
            return line.create(values)
        # A price set by the salesperson stays.
        names = ['product_uom_qty']
        if line.price_unit == line.technical_price_unit:
            names += ['price_unit', 'technical_price_unit']
        return line._without_follow_up().write({name: values[name] for name in names if line[name] != values[name]})
