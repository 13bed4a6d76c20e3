from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestParentPrice(ContinuityCase):
    def test_upfront_parent_bills_the_sum_of_the_shipments(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True))

        line = subscription.order_line_id
        self.assertEqual((line.price_unit, line.price_subtotal, line.price_total), (63.0, 63.0, 69.3))
        self.assertEqual(line.tax_ids, self.tax)
        self.assertEqual(subscription.line_ids.mapped('prepaid_amount'), [20.0, 21.0, 22.0])

    def test_price_of_the_parent_product_is_shared_out(self):
        program = self._create_program(3, bill_upfront=True, upfront_price_policy='product')
        subscription = self._sell(program)

        self.assertEqual(subscription.order_line_id.price_subtotal, 100.0)
        self.assertEqual(subscription.line_ids.mapped('prepaid_amount'), [31.75, 33.33, 34.92])

    def test_salespersons_price_of_an_upfront_plan_wins(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True), confirm=False)
        subscription.order_line_id.price_unit = 50.0

        subscription.start_date = day('2027-03-01')
        subscription.order_id.action_confirm()

        self.assertEqual(subscription.order_line_id.price_unit, 50.0)
        self.assertEqual(subscription.line_ids.mapped('prepaid_amount'), [15.87, 16.67, 17.46])

    def test_salespersons_discount_of_an_upfront_plan_wins(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True), confirm=False)

        subscription.order_line_id.discount = 10.0

        self.assertEqual(subscription.order_line_id.price_subtotal, 56.7)
        self.assertEqual(sum(subscription.line_ids.mapped('prepaid_amount')), 56.7)

    def test_price_given_with_a_new_upfront_line_wins(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True), line={'price_unit': 60.0})

        self.assertEqual(subscription.order_line_id.price_subtotal, 60.0)
        self.assertEqual(sum(subscription.line_ids.mapped('prepaid_amount')), 60.0)

    def test_salespersons_price_of_a_plan_billed_per_shipment_goes_to_the_shipments(self):
        subscription = self._sell(self._create_program(3), confirm=False)

        subscription.order_line_id.price_unit = 15.0

        self.assertEqual(subscription.order_line_id.price_unit, 0.0)
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [15.0, 15.0, 15.0])
        subscription.order_id.action_confirm()
        self._run_job('create_orders')
        self.assertEqual(subscription.order_id.continuity_child_ids.amount_total, 16.5)

    def test_price_given_with_a_new_line_goes_to_the_shipments(self):
        subscription = self._sell(self._create_program(2), line={'price_unit': 15.0}, quantity=2)

        self.assertEqual(subscription.order_line_id.price_subtotal, 0.0)
        self.assertEqual(subscription.line_ids.mapped('price_subtotal'), [30.0, 30.0])

    def test_price_of_an_event_is_shared_among_its_products(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}, {'event_number': 1}])
        subscription = self._sell(program, price_per_event=10.0)

        self.assertEqual(subscription.line_ids.mapped('price_subtotal'), [3.18, 3.33, 3.49])

    def test_price_per_event_is_taken_back(self):
        subscription = self._sell(self._create_program(2), confirm=False, price_per_event=15.0)

        subscription.price_per_event = 0.0

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0])

    def test_each_sale_counts_once_in_the_sales_report(self):
        per_shipment = self._sell(self._create_program(2))
        upfront = self._sell(self._create_program(2, bill_upfront=True))
        self._run_job('create_orders', day('2027-03-01'))
        self.env.flush_all()

        amounts = {}
        for subscription in (per_shipment, upfront):
            orders = subscription.order_id | subscription.order_id.continuity_child_ids
            self.assertEqual(len(orders), 3)
            report = self.env['sale.report'].search([('order_reference', 'in', [f'sale.order,{o.id}' for o in orders])])
            amounts[subscription] = sum(report.mapped('price_subtotal'))

        self.assertEqual(amounts, {per_shipment: 41.0, upfront: 41.0})

    def test_yen_have_no_cents(self):
        yen = self.env.ref('base.JPY')
        yen.active = True
        yen.rate_ids.unlink()
        self.env['res.currency.rate'].create({'currency_id': yen.id, 'name': '2026-01-01', 'rate': 1.0})
        pricelist = self.env['product.pricelist'].create({'name': "Yen", 'currency_id': yen.id})
        program = self._create_program(3, bill_upfront=True)
        subscription = self._sell(program, order={'pricelist_id': pricelist.id}, confirm=False)
        subscription.order_line_id.price_unit = 100.0

        self.assertEqual(subscription.line_ids.mapped('prepaid_amount'), [32.0, 33.0, 35.0])

    def test_a_plan_paid_in_advance_keeps_its_prices_when_it_is_ordered(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True, price_policy='current'))
        self.books.list_price = 99.0

        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0])
        self.assertEqual(subscription.child_order_ids.mapped('amount_total'), [0.0, 0.0])

    def test_different_taxes_are_refused_on_the_program(self):
        other = self.env['account.tax'].create({'name': "Tax 20%", 'amount': 20.0, 'type_tax_use': 'sale'})
        self.books[1].taxes_id = [Command.set(other.ids)]

        with self.assertRaisesRegex(ValidationError, "same taxes: those of Book 1 and Book 2 differ"):
            self._create_program(2, bill_upfront=True)
        program = self._create_program(2)
        with self.assertRaisesRegex(ValidationError, "same taxes"):
            program.bill_upfront = True
        advance = self._create_program([{}, {'product_id': self.books[2].id}], bill_upfront=True)
        with self.assertRaisesRegex(ValidationError, "same taxes"):
            advance.line_ids[1].product_id = self.books[1]
        # What is passed over is not billed.
        other = self._create_program([{}, {'action': 'skip'}, {'product_id': self.books[2].id}], bill_upfront=True)
        with self.assertRaisesRegex(ValidationError, "same taxes"):
            other.line_ids[1].action = 'normal'

    def test_a_tax_per_piece_cannot_be_billed_upfront(self):
        eco = self.env['account.tax'].create(
            {'name': "Eco", 'amount_type': 'fixed', 'amount': 1.0, 'type_tax_use': 'sale'}
        )
        both = self.env['account.tax'].create(
            {
                'name': "Both",
                'amount_type': 'group',
                'type_tax_use': 'sale',
                'children_tax_ids': [Command.set((eco | self.tax).ids)],
            }
        )
        sold = self._create_program(2, bill_upfront=True)
        self.books[:2].taxes_id = [Command.set(both.ids)]

        with self.assertRaisesRegex(ValidationError, "tax Eco, a fixed amount per piece, cannot be counted"):
            self._create_program(2, bill_upfront=True)
        with self.assertRaisesRegex(UserError, "tax Eco, a fixed amount per piece, cannot be counted"):
            self._sell(sold)
        subscription = self._sell(self._create_program([{'quantity': 2}]))
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.amount_total, 46.0)

    def test_prices_below_nothing_are_refused(self):
        for bill_upfront in (True, False):
            with self.assertRaisesRegex(ValidationError, "event 2: Book 2: the price cannot be negative"):
                self._create_program(
                    [{}, {'price_overridden': True, 'price_unit': -5.0}, {}], bill_upfront=bill_upfront
                )
        subscription = self._sell(self._create_program(2), confirm=False)
        with self.assertRaisesRegex(ValidationError, "the price cannot be negative"):
            subscription.order_line_id.price_unit = -15.0

    def test_a_plan_that_comes_to_less_than_nothing_is_refused(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True), confirm=False)
        for values in ({'price_unit': -30.0}, {'price_unit': 30.0, 'discount': 150.0}):
            subscription.order_line_id.write(values)
            self.assertIn("less than nothing", subscription.warning)
            with self.assertRaisesRegex(UserError, "comes to less than nothing"):
                subscription.order_id.action_confirm()

    def test_description_follows_the_salespersons_price(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True), confirm=False)
        line = subscription.order_line_id
        self.assertIn("in all $ 45.10", line.name.replace("\xa0", " "))

        line.price_unit = 100.0

        self.assertIn("in all $ 110.00", line.name.replace("\xa0", " "))
        self.assertEqual(line.name.count("in all"), 1)

    def test_description_is_in_the_customers_language_and_keeps_the_salespersons_words(self):
        self.env['res.lang']._activate_lang('nl_BE')
        self.customer.lang = 'nl_BE'
        subscription = self._sell(self._create_program(3), confirm=False)
        line = subscription.order_line_id
        self.assertIn("3 pakketten, eerste 1 jan 2027, laatste 1 mrt 2027", line.name)
        line.name = f"A gift for Bob\n{line.name}\nWrap it"

        subscription.start_date = day('2027-03-01')
        line.product_uom_qty = 2

        first, *middle, last = line.name.split('\n')
        self.assertEqual((first, last), ("A gift for Bob", "Wrap it"))
        self.assertIn("eerste 1 mrt 2027, laatste 1 mei 2027", middle[-1])
        self.assertEqual(line.name.count("pakketten"), 1)

    def test_different_taxes_cannot_be_billed_upfront_together(self):
        other = self.env['account.tax'].create({'name': "Tax 20%", 'amount': 20.0, 'type_tax_use': 'sale'})
        program = self._create_program(2, bill_upfront=True)
        self.books[1].taxes_id = [Command.set(other.ids)]
        subscription = self._sell(program, confirm=False)

        self.assertIn("different taxes", subscription.warning)
        with self.assertRaisesRegex(Exception, "different taxes"):
            subscription.order_id.action_confirm()
