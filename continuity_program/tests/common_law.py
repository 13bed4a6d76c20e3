from odoo.fields import Command

from .common import day
from .common_payments import PaymentCase


class LawCase(PaymentCase):
    """What an order bills, its plans and its other goods together, comes to its total."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mug = cls._create_product("Mug", 30.0)
        cls.goodwill = cls._create_product("Goodwill", 0.0, type='service', is_storable=False, invoice_policy='order')
        values = {'amount': 21.0, 'type_tax_use': 'sale'}
        cls.taxes = cls.tax | cls.env['account.tax'].create(
            {'name': "Tax 21% included", 'price_include_override': 'tax_included', **values}
        )
        cls.programs = cls.env['continuity.program'].union(
            cls._create_program(3, name="In advance", bill_upfront=True),
            cls._create_program(3, name="In thirds", bill_upfront=True, payment_term_id=cls.thirds.id),
            cls._create_program(3, name="Per box"),
        )
        for program in cls.programs:
            cls._create_parent_product(program)
        cls.pricelists = cls.env['product.pricelist'].union(
            cls._create_pricelist('CEN', 0.01, 1.0),
            cls._create_pricelist('UNI', 1.0, 137.0),
            cls._create_pricelist('MIL', 0.001, 0.377),
        )

    @classmethod
    def _create_pricelist(cls, name, rounding, rate):
        currency = cls.env['res.currency'].create(
            {
                'name': name,
                'symbol': name,
                'rounding': rounding,
                'rate_ids': [Command.create({'name': '2026-01-01', 'rate': rate})],
            }
        )
        return cls.env['product.pricelist'].create({'name': name, 'currency_id': currency.id})

    def _of(self, order):
        """Return the domain of the payments of an order."""
        return [('order_id', '=', order.id)]

    def _deliver_all(self, order):
        pickings = order.picking_ids.filtered(lambda picking: picking.state not in ('done', 'cancel'))
        for move in pickings.move_ids:
            move.write({'quantity': move.product_uom_qty, 'picked': True})
        pickings._action_done()

    def _bill_all(self, order):
        """Confirm, deliver and bill all that the order itself has to bill; return what that comes to."""
        order = order.with_env(self._as_of()).browse(order.id)
        if order.state in ('draft', 'sent'):
            order.action_confirm()
        self._deliver_all(order)
        self._run_job('process_payments', day('2027-04-01'), domain=self._of(order))
        order.invoice_ids.filtered(lambda move: move.state == 'draft').action_post()
        if order.invoice_status == 'to invoice':
            order._create_invoices(final=True).action_post()
        signs = {'out_invoice': 1, 'out_refund': -1}
        moves = order.invoice_ids.filtered(lambda move: move.state == 'posted')
        return sum(signs[move.move_type] * move.amount_total for move in moves)

    def assertLaw(self, order, history=()):
        """All that the order bills comes to its total. Each document rounds its taxes by itself: of several, each may
        be off by one unit."""
        billed = self._bill_all(order)
        moves = order.invoice_ids.filtered(lambda move: move.state == 'posted')
        unit = order.currency_id.rounding
        allowed = unit * (len(moves) - 1) if len(moves) > 1 else 0.0
        self.assertLessEqual(
            abs(billed - order.amount_total),
            allowed + unit / 10,
            msg=f"{order.amount_total} ordered, {moves.mapped('amount_total')} billed: {history}",
        )
