from odoo import fields, models
from odoo.fields import Command

from ...domain.stock import Parcel, Want


class ContinuityLine(models.Model):
    """Sending a substitute of what is out of stock (``docs/behaviour.md#out-of-stock``)."""

    _inherit = 'continuity.line'

    instead_of_id = fields.Many2one(
        comodel_name='product.product',
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        help="The planned product, which was out of stock when the child order was made.",
    )

    def _get_needed_quantity(self, product):
        """Return how much of a product the line sends, in the product's own unit."""
        self.ensure_one()
        return self.product_uom_id._compute_quantity(self.quantity, product.uom_id, round=False)

    def _read_parcel(self):
        """Return what the line sends, and where the program says so, what may be sent instead, as plain values.

        :rtype: Parcel
        """
        self.ensure_one()
        return Parcel(self._read_want(self.product_id), self._iter_substitutes())

    def _iter_substitutes(self):
        """Yield what may be sent instead; it is looked up only where it is asked for."""
        if self.program_id.stock_policy == 'substitute':
            yield from map(self._read_want, self._get_substitutes())

    def _read_want(self, product):
        """Return how much of a product the line would send; the product is known with its warehouse."""
        return Want((self.order_id.warehouse_id, product), self._get_needed_quantity(product), product.uom_id.rounding)

    def _get_substitutes(self):
        """Return what can be sent instead of the planned product, the first choice first.

        Nothing stands in for what was chosen by hand. A plan billed in advance keeps the taxes it was billed with.
        """
        self.ensure_one()
        if self.is_substituted or not self.product_id.active:
            return self.env['product.product']
        fitting = self.program_line_id.substitute_ids.sorted().filtered(
            lambda product: (
                product.active
                and product.sale_ok
                and not product.continuity_program_id
                and self.product_uom_id._has_common_reference(product.uom_id)
            )
        )
        if not self.subscription_id.bill_upfront:
            return fitting
        return fitting.filtered(lambda product: self._get_product_taxes(product) == self.tax_ids)

    def _prepare_substitute(self, product):
        """Return what a product sent instead of the planned one brings along; the price is that of the plan."""
        self.ensure_one()
        taxes = self.tax_ids if self.taxes_overridden else self._get_product_taxes(product)
        return {'product_id': product.id, 'tax_ids': [Command.set(taxes.ids)]}

    def _substitute(self, product):
        """Plan to send another product instead of the planned one, at its price."""
        self.ensure_one()
        values = self._prepare_substitute(product)
        if self._has_current_price():
            prices = self._prepare_price_values(self.company_id._get_continuity_now())
            values |= {'price_unit': prices['price_unit'], 'discount': prices['discount']}
        self._unguarded().write({**values, 'is_substituted': True, 'instead_of_id': self.product_id.id})

    def _get_sent_text(self, substitute=None):
        """Return in words what the line sends.

        :param substitute: the product sent instead of the planned one, or nothing.
        """
        self.ensure_one()
        values = {'quantity': f"{self.quantity:g}", 'product': self.product_id.display_name}
        if not substitute:
            return self.env._("%(quantity)s × %(product)s", **values)
        return self.env._(
            "%(quantity)s × %(substitute)s instead of %(product)s", **values, substitute=substitute.display_name
        )
