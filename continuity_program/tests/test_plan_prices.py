from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_plan import PlanCase


@tagged('post_install', '-at_install')
class TestPrices(PlanCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro = cls._create_currency('EUX', {'2026-06-01': 0.5, '2027-01-10': 0.8})
        cls.euro_pricelist = cls.env['product.pricelist'].create({'name': "Euro", 'currency_id': cls.euro.id})

    @classmethod
    def _create_currency(cls, name, rates):
        return cls.env['res.currency'].create(
            {
                'name': name,
                'symbol': name,
                'rounding': 0.01,
                'rate_ids': [Command.create({'name': day(date), 'rate': rate}) for date, rate in rates.items()],
            }
        )

    def test_price_list_prices(self):
        subscription = self._sell(self.program)

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0, 22.0])
        self.assertEqual(subscription.line_ids.mapped('price_total'), [22.0, 23.1, 24.2])

    def test_fixed_price_and_discount_of_the_event(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0, 'discount': 10.0}, {}])

        subscription = self._sell(program)

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [30.0, 21.0])
        self.assertEqual(subscription.line_ids.mapped('price_total'), [29.7, 23.1])
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.amount_total, 29.7)
        self.assertEqual(subscription.child_order_ids.order_line.discount, 10.0)

    def test_fixed_price_of_nothing_is_free(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 0.0}])

        self.assertEqual(self._sell(program).amount_total, 0.0)

    def test_price_without_the_fixed_price_box_is_not_used(self):
        program = self._create_program([{'price_unit': 30.0}])

        self.assertEqual(self._sell(program).line_ids.price_unit, 20.0)

    def test_fixed_price_is_converted_at_the_order_date(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0}])
        order = {'pricelist_id': self.euro_pricelist.id}

        before = self._sell(program, order=order)
        after = self._sell(program, order=order, on=day('2027-01-15'))

        self.assertEqual((before.currency_id, after.currency_id), (self.euro, self.euro))
        self.assertEqual((before.line_ids.price_unit, after.line_ids.price_unit), (15.0, 24.0))
        self.assertEqual((before.amount_total, after.amount_total), (16.5, 26.4))

    def test_price_list_price_is_converted(self):
        subscription = self._sell(self.program, order={'pricelist_id': self.euro_pricelist.id})

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [10.0, 10.5, 11.0])

    def test_program_priced_in_another_currency(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0}], currency_id=self.euro.id)

        self.assertEqual(self._sell(program).line_ids.price_unit, 60.0)
        self.assertEqual(self._sell(program, order={'pricelist_id': self.euro_pricelist.id}).line_ids.price_unit, 30.0)

    def test_other_currency_on_the_quotation_makes_other_prices(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0}, {}])
        subscription = self._sell(program, confirm=False)

        subscription.order_id.pricelist_id = self.euro_pricelist

        self.assertEqual(subscription.currency_id, self.euro)
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [15.0, 10.5])
        self.assertEqual(subscription.line_ids.currency_id, self.euro)

    def test_price_is_fixed_when_ordered(self):
        subscription = self._sell(self.program)

        self.books.list_price = 99.0
        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(subscription.child_order_ids.sorted('id').mapped('amount_total'), [22.0, 23.1])

    def test_price_of_the_day_the_child_is_made(self):
        program = self._create_program(2, price_policy='current')
        subscription = self._sell(program)
        subscription.line_ids[1].price_unit = 5.0

        self.books.list_price = 99.0
        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(subscription.child_order_ids.sorted('id').mapped('amount_total'), [108.9, 5.5])

    def test_unit_of_the_event(self):
        dozen = self.env.ref('uom.product_uom_dozen')
        self.books[0].uom_ids = dozen
        program = self._create_program([{'product_uom_id': dozen.id, 'quantity': 2}])

        line = self._sell(program).line_ids

        self.assertEqual((line.quantity, line.product_uom_id, line.price_unit), (2.0, dozen, 240.0))
        self.assertEqual(line.price_total, 528.0)

    def test_tax_included_prices(self):
        included = self.env['account.tax'].create(
            {
                'name': "Tax 10% included",
                'amount': 10.0,
                'type_tax_use': 'sale',
                'price_include_override': 'tax_included',
            }
        )
        self.books[0].taxes_id = included
        self.books[0].list_price = 22.0

        subscription = self._sell(self._create_program(1))

        self.assertEqual(
            (subscription.line_ids.price_unit, subscription.line_ids.price_subtotal, subscription.amount_total),
            (22.0, 20.0, 22.0),
        )

    def test_tax_included_price_under_a_fiscal_position(self):
        included = self.env['account.tax'].create(
            {
                'name': "Tax 10% included",
                'amount': 10.0,
                'type_tax_use': 'sale',
                'price_include_override': 'tax_included',
            }
        )
        position = self.env['account.fiscal.position'].create({'name': "Abroad"})
        self.env['account.tax'].create(
            {
                'name': "Tax 20%",
                'amount': 20.0,
                'type_tax_use': 'sale',
                'price_include_override': 'tax_excluded',
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(included.ids)],
            }
        )
        self.books[0].taxes_id = included
        self.books[0].list_price = 22.0

        subscription = self._sell(self._create_program(1), order={'fiscal_position_id': position.id})

        self.assertEqual(
            (subscription.line_ids.price_unit, subscription.line_ids.price_subtotal, subscription.amount_total),
            (20.0, 20.0, 24.0),
        )
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.amount_total, 24.0)

    def test_fiscal_position_found_for_the_delivery_address(self):
        country = self.env.ref('base.jp')
        self.customer.country_id = self.env.ref('base.be')
        position = self.env['account.fiscal.position'].create(
            {'name': "Abroad", 'auto_apply': True, 'country_id': country.id}
        )
        self.env['account.tax'].create(
            {
                'name': "Tax 0%",
                'amount': 0.0,
                'type_tax_use': 'sale',
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(self.tax.ids)],
            }
        )
        abroad = self.env['res.partner'].create({'name': "Bob Baker", 'country_id': country.id})

        subscription = self._sell(self.program, partner_shipping_id=abroad.id)
        self._run_job('create_orders')

        child = subscription.child_order_ids
        self.assertEqual((child.fiscal_position_id, child.amount_total), (position, 20.0))
        self.assertEqual(subscription.line_ids[0].price_total, 20.0)


@tagged('post_install', '-at_install')
class TestTotals(PlanCase):
    def _get_summary(self, subscription):
        return subscription.summary.replace('\xa0', ' ')

    def test_amounts(self):
        subscription = self._sell(self.program, quantity=2)

        self.assertRecordValues(
            subscription,
            [
                {
                    'shipment_count': 3,
                    'amount_per_shipment': 44.0,
                    'amount_planned': 138.6,
                    'amount_total': 138.6,
                    'next_date': day('2027-01-01'),
                }
            ],
        )

    def test_amounts_after_the_first_shipment(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        self.assertRecordValues(
            subscription,
            [
                {
                    'shipment_count': 3,
                    'amount_per_shipment': 23.1,
                    'amount_planned': 47.3,
                    'amount_total': 69.3,
                    'next_date': day('2027-02-01'),
                }
            ],
        )

    def test_amounts_of_a_stopped_subscription(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        subscription._cancel()

        self.assertRecordValues(
            subscription,
            [{'shipment_count': 1, 'amount_planned': 0.0, 'amount_total': 22.0, 'next_date': False}],
        )

    def test_summary(self):
        subscription = self._sell(self.program, confirm=False)
        symbol = self.company.currency_id.symbol

        self.assertEqual(
            self._get_summary(subscription),
            f"3 boxes, first 1 Jan 2027, last 1 Mar 2027 · {symbol} 22.00 to {symbol} 24.20 each · "
            f"in all {symbol} 69.30 incl. taxes · due now {symbol} 0.00",
        )
        subscription.order_id.action_confirm()
        self.assertTrue(self._get_summary(subscription).endswith(f"in all {symbol} 69.30 incl. taxes"))

    def test_summary_of_a_plan_billed_upfront(self):
        subscription = self._sell(self.program, confirm=False, bill_upfront=True)
        symbol = self.company.currency_id.symbol

        self.assertTrue(
            self._get_summary(subscription).endswith(f"in all {symbol} 69.30 incl. taxes · due now {symbol} 69.30")
        )

    def test_summary_of_one_box(self):
        subscription = self._sell(self._create_program(1), confirm=False)
        symbol = self.company.currency_id.symbol

        self.assertEqual(
            self._get_summary(subscription),
            f"1 box on 1 Jan 2027 · in all {symbol} 22.00 incl. taxes · due now {symbol} 0.00",
        )

    def test_summary_until_cancelled(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]), confirm=False)
        symbol = self.company.currency_id.symbol

        self.assertEqual(self._get_summary(subscription), f"Until cancelled, first 1 Jan 2027 · {symbol} 22.00 each")

    def test_summary_with_shipping(self):
        subscription = self._sell(self._create_shipping_program(tax=False), confirm=False)
        symbol = self.company.currency_id.symbol

        self.assertEqual(
            self._get_summary(subscription),
            f"3 boxes, first 1 Jan 2027, last 1 Mar 2027 · {symbol} 22.00 to {symbol} 24.20 + {symbol} 2.95 shipping "
            f"each · in all {symbol} 78.15 incl. taxes · due now {symbol} 0.00",
        )

    def _create_shipping_program(self, tax):
        shipping = self._create_product(
            "Shipping", 1.0, type='service', is_storable=False, **({} if tax else {'taxes_id': False})
        )
        return self._create_program(3, shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=2.95)

    def test_total_with_shipping_is_what_the_children_cost(self):
        for tax in (False, True):
            with self.subTest(tax=tax):
                subscription = self._sell(self._create_shipping_program(tax))
                self._run_job('create_orders', day('2027-03-01'))

                self.assertEqual(sum(subscription.child_order_ids.mapped('amount_total')), subscription.amount_total)

    def test_shipping_is_charged_once_per_shipment(self):
        shipping = self._create_product("Shipping", 1.0, type='service', is_storable=False, taxes_id=False)
        program = self._create_program(
            [{'event_number': 1}, {'event_number': 1}, {'event_number': 2}],
            shipping_policy='fixed',
            shipping_product_id=shipping.id,
            shipping_amount=2.95,
        )

        self.assertEqual(self._sell(program).line_ids.mapped('shipping_amount'), [2.95, 0.0, 2.95])

    def test_summary_of_nothing(self):
        program = self._create_calendar_program(1, open_ended=True, missed_event_policy='skip')

        self.assertEqual(self._sell(program).summary, "Nothing to send yet")

    def test_second_membership_is_a_warning(self):
        first = self._sell(self.program)
        second = self._sell(self.program, confirm=False)

        self.assertEqual(second.duplicate_ids, first)
        self.assertIn(f"already has program Book Club: {first.name}", second.warning)
        second.order_id.action_confirm()
        self.assertEqual(second.state, 'running')

    def test_second_membership_is_refused_where_the_program_says_so(self):
        program = self._create_program(3, duplicate_policy='refuse')
        first = self._sell(program)

        with self.assertRaisesRegex(UserError, f"already has program Book Club: {first.name}"):
            self._sell(program)

    def test_second_membership_on_the_same_order_is_refused_where_the_program_says_so(self):
        program = self._create_program(3, duplicate_policy='refuse')
        product = self._create_parent_product(program)
        order = self._create_order(product + product)

        with self.assertRaisesRegex(UserError, "already has program Book Club"):
            order.action_confirm()

    def test_second_membership_is_no_matter_where_the_program_allows_it(self):
        program = self._create_program(3, duplicate_policy='allow')
        self._sell(program)

        self.assertFalse(self._sell(program, confirm=False).warning)

    def test_membership_that_ended_is_no_duplicate(self):
        self._sell(self.program)._cancel()

        self.assertFalse(self._sell(self.program, confirm=False).warning)

    def test_consent_is_needed_where_the_program_says_so(self):
        program = self._create_program(3, consent_required=True)
        subscription = self._sell(program, confirm=False)

        with self.assertRaisesRegex(UserError, f"{subscription.name}.* needs the customer's consent"):
            subscription.order_id.action_confirm()

        subscription.consent_date = self.today
        subscription.order_id.action_confirm()
        self.assertEqual(subscription.state, 'running')
