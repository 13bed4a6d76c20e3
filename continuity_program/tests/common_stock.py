from odoo.fields import Command

from .common_orders import CreateOrdersCase


class StockCase(CreateOrdersCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.warehouse = cls.env['stock.warehouse'].search([('company_id', '=', cls.company.id)], limit=1)
        cls.mug, cls.pen = cls._create_product("Mug", 5.0), cls._create_product("Pen", 3.0)

    def _put_in_stock(self, product, quantity, warehouse=None):
        self.env['stock.quant']._update_available_quantity(
            product, (warehouse or self.warehouse).lot_stock_id, quantity
        )

    def _sell_waiting(self, events=1, on=None, quantity=1.0, order=None, **program):
        program = self._create_program(events, **{'stock_policy': 'wait', **program})
        return self._sell(program, on=on, quantity=quantity, order=order)

    def _sell_with_substitutes(self, *substitutes, **values):
        """Sell a program of Book 1, of which there is nothing, with these substitutes."""
        event = {'substitute_ids': [Command.set([product.id for product in substitutes])], **values.pop('event', {})}
        return self._sell_waiting([event], stock_policy='substitute', **values)

    def _get_sent(self, subscription):
        """Return what was sent as a list of (product name, quantity), one of each child order's lines."""
        lines = self._get_children(subscription).order_line.filtered('continuity_line_id')
        return [(line.product_id.name, line.product_uom_qty) for line in lines]

    def _get_promised(self, on=None):
        """Return the rows of the preview as (subscription, products, reason)."""
        rows = self.env['continuity.job.run']._preview('create_orders', as_of=on or self.today)
        return [(row['subscription_id'], row['change'], row['skipped']) for row in rows]

    def assertWaiting(self, run, subscription, *products):
        text = f"Out of stock, missing: {', '.join(products)}."
        self.assertRecordValues(
            run.issue_ids.filtered(lambda issue: issue.res_id == subscription.id),
            [{'kind': 'out_of_stock', 'res_model': subscription._name, 'reason': text}],
        )
        self.assertFalse(subscription.is_parked)
