"""Whatever is put on an order and done to it, by whomever: what is billed comes to its total."""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_law import LawCase

STEPS = 6


class Sale:
    """An order with plans and goods, and what people do with it; each action takes a random number."""

    def __init__(self, case, order):
        self.case, self.order = case, order

    def pick(self, records, number):
        return records[number % len(records)] if records else records

    # === THE SALESPERSON === #

    def do_give_share(self, number):
        self.discount('so_discount', discount_percentage=(1 + number % 60) / 100)

    def do_give_share_of_lines(self, number):
        self.discount('sol_discount', discount_percentage=(1 + number % 60) / 100)

    def do_give_amount(self, number):
        self.discount('amount', discount_amount=1 + number % 25)

    def discount(self, kind, **values):
        wizard = self.order.env['sale.order.discount'].with_context(active_id=self.order.id)
        wizard.create({'sale_order_id': self.order.id, 'discount_type': kind, **values}).action_apply_discount()

    def do_type_below_zero(self, number):
        self.add(self.case.goodwill, price_unit=-(1 + number) / 4)

    def do_add_goods(self, number):
        self.add(self.case.mug, product_uom_qty=1 + number % 3, price_unit=number / 8)

    def add(self, product, **values):
        self.order.order_line = [Command.create({'product_id': product.id, **values})]

    def do_remove_line(self, number):
        others = self.order.order_line - self.order.continuity_subscription_ids.order_line_id
        self.pick(others, number).unlink()

    def do_change_price(self, number):
        lines = self.order.order_line.filtered(lambda line: line.price_subtotal > 0)
        self.pick(lines, number).price_unit = number * 3 / 7

    def do_change_quantity(self, number):
        self.pick(self.order.order_line, number).product_uom_qty = 1 + number % 3

    def do_confirm(self, _number):
        if self.order.state == 'draft':
            self.order.action_confirm()

    # === THE ACCOUNTANT === #

    def do_down_payment(self, number):
        self.advance('percentage', amount=1 + number % 50)

    def do_fixed_down_payment(self, number):
        self.advance('fixed', fixed_amount=1 + number % 15)

    def do_invoice_by_hand(self, _number):
        self.advance('delivered')

    def advance(self, method, **values):
        wizard = self.order.env['sale.advance.payment.inv'].with_context(active_ids=self.order.ids)
        wizard.create({'advance_payment_method': method, **values}).create_invoices()
        self.order.invoice_ids.filtered(lambda move: move.state == 'draft').action_post()

    def do_cancel_draft_bills(self, _number):
        self.order.invoice_ids.filtered(lambda move: move.state == 'draft').button_cancel()

    # === THE WAREHOUSE, THE NIGHT === #

    def do_deliver(self, _number):
        self.case._deliver_all(self.order)

    def do_bill(self, number):
        self.case._run_job(
            'process_payments', day('2027-01-01') if number % 2 else day('2027-04-01'), domain=self.case._of(self.order)
        )


ACTIONS = sorted(name for name in vars(Sale) if name.startswith('do_'))


@tagged('post_install', '-at_install')
class TestLaw(LawCase):
    @given(data=st.data())
    @settings(
        max_examples=16,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    def test_what_is_billed_is_the_total(self, data):
        with self.env.cr.savepoint() as savepoint:
            sale = Sale(self, self._draw_order(data))
            history = []
            for _step in range(data.draw(st.integers(1, STEPS))):
                name, number = data.draw(st.sampled_from(ACTIONS)), data.draw(st.integers(0, 99))
                try:
                    with self.env.cr.savepoint():
                        getattr(sale, name)(number)
                    history.append((name, number))
                except UserError as error:
                    history.append((name, number, str(error)[:60]))
            self.assertLaw(sale.order, history)
            savepoint.rollback()

    def _draw_order(self, data):
        """Return a quotation with one or two plans, of random ways of billing, taxes and currency."""
        tax, pricelist = data.draw(st.sampled_from(self.taxes)), data.draw(st.sampled_from(self.pricelists))
        (self.books | self.mug | self.goodwill).taxes_id = [Command.set(tax.ids)]
        programs = data.draw(st.lists(st.sampled_from(self.programs), min_size=1, max_size=2))
        return self._as_of()['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'pricelist_id': pricelist.id,
                'order_line': [
                    Command.create({'product_id': program.product_tmpl_ids.product_variant_id.id})
                    for program in programs
                ],
            }
        )
