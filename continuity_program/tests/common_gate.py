from .common_payments import ChargeCase

UNPAID = "it is delivered once its card payment has succeeded."


class GateCase(ChargeCase):
    """Shipments of goods that are in stock, and what stands between them and the customer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.books.invoice_policy = 'order'
        cls.warehouse = cls.env['stock.warehouse'].search([('company_id', '=', cls.company.id)], limit=1)
        for book in cls.books[:3]:
            cls._stock(book, 100)
        cls.term = cls._create_schedule("Half after 19 days, half after 49", (50.0, 19), (50.0, 49))
        cls.stock_user = cls._create_user('stocky', 'stock.group_stock_user')

    @classmethod
    def _stock(cls, book, quantity):
        cls.env['stock.quant']._update_available_quantity(book, cls.warehouse.lot_stock_id, quantity)

    def _force(self, pickings):
        """Say that all of the pickings is in the van, whatever is reserved."""
        for move in pickings.move_ids.filtered(lambda move: move.state not in ('done', 'cancel')):
            move.quantity = move.product_uom_qty
            move.picked = True

    def _bill_by_hand(self, payment):
        payment.order_id._create_invoices().action_post()

    def _on(self, records, on):
        """Return the records on a day."""
        return records.with_env(self._as_of(on))


class Undone:
    """A stretch of a test whose changes are undone."""

    def __init__(self, env):
        self.env = env

    def __enter__(self):
        self.savepoint = self.env.cr.savepoint()

    def __exit__(self, *exc_info):
        self.savepoint.close(rollback=True)
