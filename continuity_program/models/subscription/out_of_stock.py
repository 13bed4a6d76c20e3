from collections import defaultdict

from odoo import api, models
from odoo.fields import Command

from ...domain.stock import get_missing, take


class ContinuitySubscription(models.Model):
    """What becomes of a shipment that is out of stock (``docs/behaviour.md#out-of-stock``).

    What is free is kept in a dict ``stock``: quantities in the products' own units, by (warehouse, product). It holds
    only products that are looked at: storable ones kept in stock, of programs that do not just deliver the rest later.
    """

    _inherit = 'continuity.subscription'

    # === WHAT IS FREE === #

    @api.model
    def _look_up_stock(self, shipments, stock):
        """Add to ``stock`` what is free of the products that decide what becomes of the shipments.

        :param shipments: list of ``continuity.line`` recordsets of one company.
        """
        for warehouse, products in self._get_watched_products(shipments).items():
            unknown = products.filtered(lambda product: (warehouse, product) not in stock)
            unknown -= self._get_made_to_order(unknown, warehouse)
            for product, quantity in self._read_free_quantities(unknown, warehouse).items():
                stock[warehouse, product] = quantity

    @api.model
    def _get_watched_products(self, shipments):
        """Return the products whose stock is looked at, by warehouse."""
        watched = defaultdict(self.env['product.product'].browse)
        for lines in shipments:
            policy = lines.program_id.stock_policy
            if policy == 'backorder':
                continue
            products = lines.product_id
            if policy == 'substitute':
                products |= lines.program_line_id.substitute_ids
            watched[lines.order_id.warehouse_id] |= products.filtered('is_storable')
        return watched

    @api.model
    def _get_made_to_order(self, products, warehouse):
        """Return those of the products that are procured for each order, so that there never are any in stock: made or
        bought to order, dropshipped. Odoo's own order lines tell it."""
        if not products:
            return products
        order = self.env['sale.order'].new(
            {
                'company_id': warehouse.company_id.id,
                'warehouse_id': warehouse.id,
                'order_line': [
                    Command.create({'product_id': product.id, 'product_uom_qty': 1.0}) for product in products
                ],
            }
        )
        return order.order_line.filtered('is_mto').product_id

    @api.model
    def _read_free_quantities(self, products, warehouse):
        """Return what is on hand of each product in a warehouse and goes to nobody yet.

        Child orders that wait for their confirmation get theirs too.

        :rtype: dict[product.product, float]
        """
        if not products:
            return {}
        # Read anew, for the orders made before in this run: on hand and outgoing quantities, in the warehouse.
        quantities = products.with_context(warehouse_id=warehouse.id)._compute_quantities_dict(None, None, None)
        free = {
            product: quantities[product.id]['qty_available'] - quantities[product.id]['outgoing_qty']
            for product in products
        }
        unconfirmed = self.env['sale.order.line']._read_group(
            [
                ('product_id', 'in', products.ids),
                ('continuity_line_id', '!=', False),
                ('state', 'in', ('draft', 'sent')),
                ('order_id.warehouse_id', '=', warehouse.id),
            ],
            groupby=['product_id', 'product_uom_id'],
            aggregates=['product_uom_qty:sum'],
        )
        for product, uom, quantity in unconfirmed:
            free[product] -= uom._compute_quantity(quantity, product.uom_id, round=False)
        return free

    # === WHAT BECOMES OF A SHIPMENT === #

    def _get_stock_refusal(self, lines, stock):
        """Return why a shipment waits for goods, as (code, text), or nothing: it waits until all of it is there.

        :rtype: tuple[str, str] | None
        """
        self.ensure_one()
        if self.program_id.stock_policy != 'wait':
            return None
        missing = get_missing([line._read_parcel() for line in lines], stock)
        if not missing:
            return None
        products = [
            self.env._(
                "%(quantity)s %(unit)s of %(product)s",
                quantity=f"{quantity:g}",
                unit=product.uom_id.name,
                product=product.display_name,
            )
            for (_warehouse, product), quantity in missing.items()
        ]
        return 'out_of_stock', self.env._("Out of stock, missing: %(products)s.", products=', '.join(products))

    def _use_stock(self, lines, stock):
        """Take what a shipment sends from ``stock``.

        :return: what is sent instead of products that are out of stock, by line.
        :rtype: dict[continuity.line, product.product]
        """
        self.ensure_one()
        if not stock:
            return {}
        parcels = {line: line._read_parcel() for line in lines}
        sent = take(parcels.values(), stock)
        return {
            line: want.product[1]
            for (line, parcel), want in zip(parcels.items(), sent, strict=True)
            if want is not parcel.planned
        }

    def _write_substitutes(self, substitutes):
        """Plan the substitutes that were found, and note them in the chatter.

        :param dict substitutes: the products by line.
        """
        for line, product in substitutes.items():
            planned = line.product_id
            line._substitute(product)
            self._message_log(
                body=self.env._(
                    "%(planned)s of shipment %(number)s is out of stock: %(product)s is sent instead.",
                    planned=planned.display_name,
                    number=line.event_number,
                    product=product.display_name,
                )
            )
