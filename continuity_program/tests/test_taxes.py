from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_mass_change import MassChangeCase
from .common_sync import SyncCase


class TaxCase(SyncCase):
    """Taxes are of the day of supply, only prices are promised."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls._create_program([{}] * 3)
        cls.high, cls.low = cls._create_tax(19.0), cls._create_tax(16.0)
        cls.gross_high = cls._create_tax(19.0, price_include_override='tax_included')
        cls.gross_low = cls._create_tax(16.0, price_include_override='tax_included')
        cls.books.list_price = 100.0
        cls._tax_books(cls.high)

    @classmethod
    def _create_tax(cls, rate, **values):
        name = f"{rate:g}% {'incl.' if values else 'plus'}"
        return cls.env['account.tax'].create({'name': name, 'amount': rate, 'type_tax_use': 'sale', **values})

    @classmethod
    def _tax_books(cls, tax, price=None):
        cls.books.taxes_id = [Command.set(tax.ids)]
        if price:
            cls.books.list_price = price

    def _get_plan(self, subscription):
        """Return the planned lines as (total, untaxed) and the totals of the child orders."""
        lines = subscription.line_ids.sorted('event_number')
        return [(line.price_subtotal, line.price_total) for line in lines]

    def _order(self, subscription, on):
        """Run the night's orders, and return untaxed and total of the last child order."""
        self._run_job('create_orders', day(on))
        child = subscription.child_order_ids.sorted('id')[-1:]
        return child.amount_untaxed, child.amount_total


@tagged('post_install', '-at_install')
class TestTaxesOfToday(TaxCase):
    def test_a_net_price_is_promised_net(self):
        subscription = self._sell(self.program)
        self.assertEqual(self._order(subscription, '2027-01-01'), (100.0, 119.0))
        self._tax_books(self.low)

        self.assertEqual(self._order(subscription, '2027-02-01'), (100.0, 116.0))
        self._sync(subscription, day('2027-02-01'))

        self.assertEqual(self._get_plan(subscription), [(100.0, 119.0), (100.0, 116.0), (100.0, 116.0)])

    def test_a_gross_price_is_promised_gross(self):
        self._tax_books(self.gross_high, 119.0)
        subscription = self._sell(self.program)
        self.assertEqual(self._order(subscription, '2027-01-01'), (100.0, 119.0))
        self._tax_books(self.gross_low)

        self.assertEqual(self._order(subscription, '2027-02-01'), (102.59, 119.0))
        self._sync(subscription, day('2027-02-01'))

        self.assertEqual(self._get_plan(subscription), [(100.0, 119.0), (102.59, 119.0), (102.59, 119.0)])

    def test_a_rate_edited_in_place(self):
        subscription = self._sell(self.program)
        self.high.amount = 16.0

        run = self._sync(subscription)

        self.assertEqual((run.done_count, subscription.amount_total), (1, 348.0))
        self.assertEqual(self._get_plan(subscription), [(100.0, 116.0)] * 3)
        self.assertIn("119.00", run.change_ids.description)
        self.assertEqual(self._order(subscription, '2027-01-01'), (100.0, 116.0))

    def test_only_plans_with_other_taxes_are_looked_at(self):
        self._sell(self.program)
        other = self._create_product("Mug", 10.0)
        changed = self._sell(self._create_program([{'product_id': other.id, 'repeat_count': 2}]))
        self.assertEqual(self._run_job('sync').selected_count, 0)
        other.taxes_id = [Command.set(self.low.ids)]

        run = self._run_job('sync')

        self.assertEqual(run.change_ids.subscription_id, changed)
        self.assertEqual(run.selected_count, 1)

    def test_given_by_hand_they_stay(self):
        subscription = self._sell(self.program)
        subscription.line_ids[1].tax_ids = [Command.set(self.tax.ids)]
        self._tax_books(self.low)

        self._sync(subscription)

        self.assertEqual(self._get_plan(subscription), [(100.0, 116.0), (100.0, 110.0), (100.0, 116.0)])
        self._order(subscription, '2027-01-01')
        self.assertEqual(self._order(subscription, '2027-02-01'), (100.0, 110.0))

    def test_a_price_agreed_by_hand_is_promised_too(self):
        subscription = self._sell(self.program)
        subscription.line_ids[1].price_unit = 50.0
        self._tax_books(self.low)

        self._sync(subscription)

        self.assertEqual(self._get_plan(subscription)[1], (50.0, 58.0))

    def test_what_is_added_to_a_plan_has_them(self):
        self.company.continuity_repeat_threshold = 2
        self._tax_books(self.gross_high, 119.0)
        program = self._create_program([{'repeat_count': 4}])
        subscription = self._sell(program)
        self._order(subscription, '2027-01-01')
        self._tax_books(self.gross_low)

        self._run_job('extend')

        self.assertEqual(self._get_plan(subscription), [(100.0, 119.0), (100.0, 119.0), (102.59, 119.0)])

    def test_what_is_added_keeps_those_given_by_hand(self):
        self.company.continuity_repeat_threshold = 2
        subscription = self._sell(self._create_program([{'repeat_count': 4}]))
        subscription.line_ids.tax_ids = [Command.set(self.tax.ids)]
        self._order(subscription, '2027-01-01')
        self._tax_books(self.low)

        self._run_job('extend')

        self.assertEqual(self._get_plan(subscription), [(100.0, 110.0)] * 3)

    def test_shipping_costs(self):
        shipping = self._create_product("Shipping", 0.0, type='service', taxes_id=[Command.set(self.high.ids)])
        subscription = self._sell(
            self._create_program(2, shipping_policy='fixed', shipping_amount=5.0, shipping_product_id=shipping.id)
        )
        self.assertEqual(subscription.line_ids.mapped('shipping_total'), [5.95, 5.95])
        shipping.taxes_id = [Command.set(self.low.ids)]

        self._sync(subscription)

        self.assertEqual(subscription.line_ids.mapped('shipping_total'), [5.80, 5.80])

    def test_preview_tells_the_amount_of_today(self):
        self._sell(self.program)
        self._tax_books(self.low)

        rows = self.env['continuity.job.run']._preview('create_orders', as_of=self.today)

        self.assertEqual([row['amount'] for row in rows], [116.0])

    def test_another_company_is_left_alone(self):
        subscription = self._sell(self.program)
        company = self.env['res.company'].create({'name': "Elsewhere"})
        self._tax_books(self.low)

        found = self.env['continuity.line'].with_company(company)._find_with_other_taxes()

        self.assertNotIn(subscription, found)
        self.assertIn(subscription, self.env['continuity.line'].with_company(self.company)._find_with_other_taxes())


@tagged('post_install', '-at_install')
class TestMovedCustomers(TaxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.belgium, cls.japan = cls.env.ref('base.be'), cls.env.ref('base.jp')
        cls.customer.country_id = cls.belgium
        cls.position = cls.env['account.fiscal.position'].create(
            {'name': "Japan", 'auto_apply': True, 'country_id': cls.japan.id}
        )
        for tax, mapped in ((cls.high, 0.0), (cls.gross_high, 21.0)):
            values = {'price_include_override': 'tax_included'} if mapped else {}
            cls._create_tax(mapped, **values).write(
                {'fiscal_position_ids': [Command.set(cls.position.ids)], 'original_tax_ids': [Command.set(tax.ids)]}
            )
        cls.seller = cls.env['res.users'].create(
            {
                'name': "Sam",
                'login': 'sam@example.com',
                'group_ids': [Command.link(cls.env.ref('sales_team.group_sale_salesman').id)],
            }
        )

    def _get_told(self, subscription):
        return subscription.activity_ids.filtered(lambda activity: activity.continuity_job == 'moved')

    def test_a_customer_moved_abroad(self):
        subscription = self._sell(self.program, order={'user_id': self.seller.id})
        self._order(subscription, '2027-01-01')
        self.customer.country_id = self.japan

        self._sync(subscription, day('2027-01-02'))

        self.assertEqual(self._get_plan(subscription), [(100.0, 119.0), (100.0, 100.0), (100.0, 100.0)])
        self.assertEqual(self._get_told(subscription).user_id, self.seller)
        self.assertIn("Japan", self._get_told(subscription).note)
        self.assertEqual(self._order(subscription, '2027-02-01'), (100.0, 100.0))
        self.assertEqual(subscription.child_order_ids.sorted('id')[-1:].fiscal_position_id, self.position)

    def test_moved_on_the_day_of_the_box(self):
        subscription = self._sell(self.program, order={'user_id': self.seller.id})
        self.customer.country_id = self.japan

        self.assertEqual(self._order(subscription, '2027-01-01'), (100.0, 100.0))
        self.assertEqual(len(self._get_told(subscription)), 1)

    def test_a_gross_price_stays_gross_abroad(self):
        self._tax_books(self.gross_high, 119.0)
        subscription = self._sell(self.program)
        self.customer.country_id = self.japan

        self.assertEqual(self._order(subscription, '2027-01-01'), (98.35, 119.0))

    def test_another_rate_at_home_is_nobodys_move(self):
        subscription = self._sell(self.program, order={'user_id': self.seller.id})
        self._tax_books(self.low)

        self._sync(subscription)

        self.assertFalse(self._get_told(subscription))

    def test_a_fiscal_position_chosen_on_the_order_stays(self):
        subscription = self._sell(self.program, order={'fiscal_position_id': self.position.id})
        self.assertEqual(self._order(subscription, '2027-01-01'), (100.0, 100.0))

        self.assertEqual(self._run_job('sync').selected_count, 0)
        self.assertEqual(self._order(subscription, '2027-02-01'), (100.0, 100.0))

    def test_chosen_afterwards_it_holds_for_what_is_planned(self):
        subscription = self._sell(self.program)
        self._order(subscription, '2027-01-01')

        subscription.order_id.fiscal_position_id = self.position

        self.assertEqual(self._get_plan(subscription), [(100.0, 119.0), (100.0, 100.0), (100.0, 100.0)])
        self.assertEqual(self._run_job('sync').selected_count, 0)

    def test_an_address_changed_on_the_page(self):
        subscription = self._sell(self.program, order={'user_id': self.seller.id})
        abroad = self.env['res.partner'].create({'name': "Ann in Tokyo", 'country_id': self.japan.id})

        subscription.partner_shipping_id = abroad

        self.assertEqual(self._get_plan(subscription), [(100.0, 100.0)] * 3)
        self.assertEqual(len(self._get_told(subscription)), 1)


@tagged('post_install', '-at_install')
class TestTaxesBilledInAdvance(TaxCase):
    def _sell_in_advance(self, tax, price):
        self._tax_books(tax, price)
        subscription = self._sell(self._create_program([{}] * 3, bill_upfront=True))
        self._run_job('process_payments')
        self._order(subscription, '2027-01-01')
        return subscription

    def test_the_difference_is_listed_and_nothing_changes(self):
        for high, low, price, expected in (
            (self.high, self.low, 100.0, -3.0),
            (self.gross_high, self.gross_low, 119.0, -2.59),
        ):
            with self.subTest(high.name):
                subscription = self._sell_in_advance(high, price)
                before = self._get_plan(subscription)
                self._tax_books(low)

                run = self._run_job('sync', domain=[('id', '=', subscription.id)])

                self.assertEqual(run.selected_count, 1)
                self.assertEqual(subscription.line_ids.mapped('tax_difference'), [expected] * 3)
                self.assertEqual(self._get_plan(subscription), before)
                self.assertEqual(self._run_job('sync', domain=[('id', '=', subscription.id)]).selected_count, 0)

    def test_what_is_delivered_before_keeps_its_taxes(self):
        subscription = self._sell_in_advance(self.high, 100.0)
        picking = subscription.child_order_ids.picking_ids
        picking.move_ids.write({'quantity': 1.0, 'picked': True})
        picking._action_done()
        self._tax_books(self.low)

        self._run_job('sync')

        self.assertEqual(subscription.line_ids.sorted('event_number').mapped('tax_difference'), [0.0, -3.0, -3.0])

    def test_who_makes_invoices_sees_to_it(self):
        subscription = self._sell_in_advance(self.high, 100.0)
        self._tax_books(self.low)
        self._run_job('sync')
        users = {
            name: self.env['res.users'].create(
                {'name': name, 'login': f'{name}@example.com', 'group_ids': [Command.set(self.env.ref(group).ids)]}
            )
            for name, group in (('seller', 'sales_team.group_sale_manager'), ('books', 'account.group_account_invoice'))
        }
        line = subscription.line_ids[1]

        with self.assertRaises(AccessError):
            line.with_user(users['seller']).action_correct_taxes()
        line.with_user(users['books']).action_correct_taxes()

        self.assertEqual(subscription.line_ids.mapped('is_tax_corrected'), [False, True, False])
        self._tax_books(self.tax)
        self._run_job('sync')
        self.assertEqual(subscription.line_ids.mapped('tax_difference'), [-9.0] * 3)
        self.assertFalse(any(subscription.line_ids.mapped('is_tax_corrected')))


@tagged('post_install', '-at_install')
class TestChangePlansTaxes(MassChangeCase):
    def test_taxes_of_today(self):
        subscription = self._sell(self.program)
        by_hand = subscription.line_ids[1]
        by_hand.tax_ids = False
        self.books.taxes_id = [Command.set(self.other_tax.ids)]

        rows = self._preview(subscription, kind='taxes')
        change = self._change(subscription, kind='taxes')

        self.assertEqual(
            [tuple(value.replace('\xa0', ' ') if isinstance(value, str) else value for value in row) for row in rows],
            [
                (1, "$ 22.00 · Tax 10%", "$ 24.20 · Tax 21%", False),
                (2, "$ 21.00", False, "It has the taxes of today already."),
                (3, "$ 24.20 · Tax 10%", "$ 26.62 · Tax 21%", False),
                (4, "$ 25.30 · Tax 10%", "$ 27.83 · Tax 21%", False),
            ],
        )
        self.assertEqual((change.line_count, change.left_out_count), (3, 1))
        self.assertEqual(subscription.line_ids.mapped('price_total'), [24.20, 21.0, 26.62, 27.83])
        self.assertFalse(any(subscription.line_ids.mapped('price_overridden')))
        change.action_undo()
        self.assertEqual(subscription.line_ids.mapped('price_total'), [22.0, 21.0, 24.20, 25.30])
        self.assertEqual(subscription.line_ids[0].tax_ids, self.tax)

    def test_paid_in_advance_is_left_out_with_the_difference(self):
        subscription = self._sell(self._create_program(1, bill_upfront=True))
        self._run_job('process_payments')
        self.books.taxes_id = [Command.set(self.other_tax.ids)]

        [(_number, _before, after, reason)] = self._preview(subscription, kind='taxes')

        self.assertFalse(after)
        self.assertIn("2.20", reason)
