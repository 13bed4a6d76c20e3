from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import day
from .common_plan import PlanCase


@tagged('post_install', '-at_install')
class TestReplan(PlanCase):
    def test_quantity_of_the_order_line_multiplies_the_plan(self):
        subscription = self._sell(self._create_program([{'quantity': 2}, {}]), confirm=False)

        subscription.order_id.order_line.product_uom_qty = 3

        self.assertEqual(subscription.quantity, 3)
        self.assertEqual(subscription.line_ids.mapped('quantity'), [6.0, 3.0])

    def test_what_a_line_costs_is_of_the_quantity_it_has(self):
        """A quarter, two and a half times: stored with two decimals, and priced so, as the child order will be."""
        self.books[0].list_price = 100.0
        program = self._create_program([{'quantity': 0.25}])
        subscription = self._sell(program, quantity=2.5)

        line = subscription.line_ids
        self.assertEqual((line.quantity, line.price_subtotal, line.price_total), (0.63, 63.0, 69.3))
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.amount_untaxed, 63.0)

    def test_quantity_of_the_subscription_goes_to_the_order_line(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.quantity = 4

        self.assertEqual(subscription.order_line_id.product_uom_qty, 4)
        self.assertEqual(subscription.line_ids.mapped('quantity'), [4.0, 4.0, 4.0])

    def test_quantity_is_counted_in_the_products_own_unit(self):
        dozen = self.env.ref('uom.product_uom_dozen')
        subscription = self._sell(self.program, confirm=False, line={'product_uom_id': dozen.id})

        self.assertEqual(subscription.quantity, 12)
        self.assertEqual(subscription.line_ids.mapped('quantity'), [12.0, 12.0, 12.0])

    def test_other_unit_on_the_order_line(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.order_line_id.product_uom_id = self.env.ref('uom.product_uom_dozen')

        self.assertEqual(subscription.line_ids.mapped('quantity'), [12.0, 12.0, 12.0])

    def test_other_parent_product_makes_its_own_plan(self):
        other = self._create_program([{'product_id': self.books[7].id}], name="Tea Club")
        tea = self._create_parent_product(other)
        order = self._create_order()
        order.continuity_subscription_ids.start_date = day('2027-05-01')

        order.order_line.product_id = tea

        self.assertEqual(len(order.continuity_subscription_ids), 1)
        self.assertEqual(order.continuity_subscription_ids.program_id, other)
        self.assertEqual(self._get_plan(order.continuity_subscription_ids), [(1, '2027-01-01', "Book 8", 'planned')])

    def test_other_size_of_the_same_program(self):
        order = self._create_order()
        small = self._create_parent_product(self.program, continuity_event_count=1)

        order.order_line.product_id = small

        self.assertEqual(self._get_plan(order.continuity_subscription_ids), self.THREE_BOOKS[:1])
        self.assertEqual(self.env['continuity.line'].search_count([('program_id', '=', self.program.id)]), 1)

    def test_ordinary_product_instead_takes_the_plan_away(self):
        order = self._create_order()
        subscription = order.continuity_subscription_ids

        order.order_line.product_id = self.books[9]

        self.assertFalse(subscription.exists())
        self.assertFalse(order.continuity_role)
        self.assertEqual(order.order_line.price_unit, 29.0)

    def test_continuity_product_instead_of_an_ordinary_one_makes_a_plan(self):
        order = self._create_order(self.books[9])

        order.order_line.product_id = self.membership

        self.assertEqual(self._get_plan(order.continuity_subscription_ids), self.THREE_BOOKS)
        self.assertEqual(order.order_line.price_unit, 0.0)

    def test_delivery_address_of_the_quotation(self):
        gift = self.env['res.partner'].create({'name': "Bob Baker"})
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.partner_shipping_id = gift

        self.assertEqual(subscription.partner_shipping_id, gift)
        subscription.order_id.action_confirm()
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.partner_shipping_id, gift)

    def test_delivery_address_of_the_subscription(self):
        gift = self.env['res.partner'].create({'name': "Bob Baker"})
        subscription = self._sell(self.program, partner_shipping_id=gift.id)
        self._run_job('create_orders')

        self.assertEqual(subscription.order_id.partner_shipping_id, self.customer)
        self.assertEqual(subscription.child_order_ids.partner_shipping_id, gift)
        self.assertEqual(subscription.child_order_ids.partner_invoice_id, self.customer)

    def test_running_plan_is_not_sent_elsewhere_by_the_order(self):
        gift = self.env['res.partner'].create({'name': "Bob Baker"})
        subscription = self._sell(self.program)

        subscription.order_id.partner_shipping_id = gift

        self.assertEqual(subscription.partner_shipping_id, self.customer)

    def test_other_customer_on_the_quotation(self):
        gift = self.env['res.partner'].create({'name': "Bob Baker"})
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.partner_id = gift

        self.assertRecordValues(
            subscription,
            [{'partner_id': gift.id, 'partner_shipping_id': gift.id, 'partner_invoice_id': gift.id}],
        )
        self.assertEqual(subscription.line_ids.partner_id, gift)

    def test_changed_values_stay(self):
        subscription = self._sell(self.program, confirm=False)
        first, second, third = subscription.line_ids
        first.price_unit = 15.0
        second.date_planned = day('2027-02-20')
        third.write({'product_id': self.books[9].id, 'quantity': 2})

        subscription.start_date = day('2027-01-10')

        self.assertEqual(subscription.line_ids, first + second + third)
        self.assertEqual(self._get_dates(subscription), ['2027-01-10', '2027-02-20', '2027-03-10'])
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [15.0, 21.0, 29.0])
        self.assertEqual(subscription.line_ids.mapped('quantity'), [1.0, 1.0, 2.0])
        self.assertEqual(third.product_id, self.books[9])
        self.assertEqual(subscription.amount_total, 103.4)

    def test_changed_values_are_shown(self):
        first, second, third = self._sell(self.program, confirm=False).line_ids
        first.discount = 10
        second.date_planned = day('2027-02-20')
        third.product_id = self.books[9]

        names = ['price_overridden', 'date_overridden', 'is_substituted', 'quantity_overridden']
        self.assertEqual(
            [[line[name] for name in names] for line in (first, second, third)],
            [[True, False, False, False], [False, True, False, False], [False, False, True, False]],
        )

    def test_substituted_product_takes_its_own_price(self):
        line = self._sell(self.program, confirm=False).line_ids[0]

        line.product_id = self.books[9]

        self.assertEqual((line.price_unit, line.price_total), (29.0, 31.9))

    def test_price_and_substitution_together_keep_the_price(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.line_ids[0].write({'product_id': self.books[9].id, 'price_unit': 1.0})
        subscription.start_date = day('2027-01-10')

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [1.0, 21.0, 22.0])

    def test_other_quantity_leaves_a_changed_quantity(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[1].quantity = 5

        subscription.quantity = 2

        self.assertEqual(subscription.line_ids.mapped('quantity'), [2.0, 5.0, 2.0])

    def test_shipment_joined_by_hand_stays_joined(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[1].write({'event_number': 1, 'date_planned': day('2027-01-01')})

        subscription.order_id.action_confirm()
        self._run_job('create_orders')

        self.assertEqual(subscription.child_order_count, 1)
        self.assertEqual(subscription.child_order_ids.order_line.product_id, self.books[:2])

    def test_taxes_changed_by_hand_stay(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[0].tax_ids = False

        subscription.start_date = day('2027-01-10')

        self.assertEqual(subscription.line_ids.mapped('price_total'), [20.0, 23.1, 24.2])

    def test_unit_changed_by_hand_stays(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[0].product_uom_id = self.env.ref('uom.product_uom_dozen')

        subscription.start_date = day('2027-01-10')

        self.assertEqual(
            [(line.product_uom_id.name, line.price_unit) for line in subscription.line_ids],
            [("Dozens", 240.0), ("Units", 21.0), ("Units", 22.0)],
        )

    def test_one_off_address_stays_and_has_its_own_child(self):
        gift = self.env['res.partner'].create({'name': "Bob Baker"})
        subscription = self._sell(self._create_program([{'event_number': 1}, {'event_number': 1}]), confirm=False)
        subscription.line_ids[1].partner_shipping_id = gift

        subscription.order_id.action_confirm()
        self._run_job('create_orders')

        self.assertEqual(
            subscription.child_order_ids.sorted('id').partner_shipping_id.mapped('name'), ["Ann Archer", "Bob Baker"]
        )

    def test_page_saves_terms_and_changed_lines_together(self):
        subscription = self._sell(self.program, confirm=False)

        with Form(subscription, view='continuity_program.continuity_subscription_view_form_page') as form:
            form.start_date = day('2027-01-10')
            with form.line_ids.edit(1) as line:
                line.price_unit = 5.0
            with form.line_ids.edit(2) as line:
                line.date_planned = day('2027-06-01')

        self.assertEqual(self._get_dates(subscription), ['2027-01-10', '2027-02-10', '2027-06-01'])
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 5.0, 22.0])

    def test_page_saved_as_it_is_changes_nothing(self):
        subscription = self._sell(self._create_calendar_program(4), confirm=False)
        shipments = self._get_shipments(subscription)

        Form(subscription, view='continuity_program.continuity_subscription_view_form_page').save()
        subscription.order_id.action_confirm()

        self.assertEqual(self._get_shipments(subscription), shipments)
        for name in ('price_overridden', 'date_overridden', 'quantity_overridden', 'is_substituted'):
            self.assertFalse(any(subscription.line_ids.mapped(name)), name)

    def test_line_added_by_hand_is_priced_and_stays(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids = [
            Command.create({'product_id': self.books[9].id, 'event_number': 2, 'date_planned': day('2027-02-01')})
        ]

        subscription.start_date = day('2027-01-10')

        added = subscription.line_ids.filtered(lambda line: not line.program_event_number)
        self.assertEqual((added.product_id, added.price_total, added.event_number), (self.books[9], 31.9, 2))
        self.assertEqual(len(subscription.line_ids), 4)
        self.assertEqual(subscription.shipment_count, 3)
        self.assertEqual(subscription.amount_total, 101.2)

    def test_line_added_by_hand_without_a_number_is_a_shipment_of_its_own(self):
        subscription = self._sell(self.program)
        subscription.line_ids = [Command.create({'product_id': self.books[9].id, 'date_planned': day('2027-01-01')})]

        self.assertEqual(self._get_plan(subscription)[-1], (4, '2027-01-01', "Book 10", 'planned'))
        self._run_job('create_orders')

        self.assertEqual(
            [child.order_line.product_id.name for child in subscription.child_order_ids.sorted('id')],
            ["Book 1", "Book 10"],
        )

    def test_line_added_by_hand_ships_with_its_shipment(self):
        subscription = self._sell(self.program)
        subscription.line_ids = [
            Command.create({'product_id': self.books[9].id, 'event_number': 1, 'date_planned': day('2027-01-01')})
        ]

        self._run_job('create_orders')

        self.assertEqual(subscription.child_order_ids.order_line.product_id, self.books[0] + self.books[9])

    def test_pricelist_of_the_quotation(self):
        subscription = self._sell(self.program, confirm=False)
        pricelist = self.env['product.pricelist'].create(
            {
                'name': "Half Price",
                'currency_id': subscription.currency_id.id,
                'item_ids': [Command.create({'compute_price': 'percentage', 'percent_price': 50})],
            }
        )

        subscription.order_id.pricelist_id = pricelist

        self.assertEqual(subscription.amount_total, 34.65)
        self.assertEqual(subscription.line_ids.mapped('price_total'), [11.0, 11.55, 12.1])

    def test_update_prices_of_the_quotation(self):
        agreed = self._sell(self.program, confirm=False, price_per_event=12.0)
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[2].price_unit = 5.0
        self.books[:3].write({'list_price': 50.0})

        for order in (agreed | subscription).order_id:
            order.action_update_prices()

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [50.0, 50.0, 5.0])
        self.assertEqual(subscription.order_line_id.price_unit, 0.0)
        self.assertEqual(agreed.line_ids.mapped('price_unit'), [12.0, 12.0, 12.0])

    def test_fiscal_position_of_the_quotation(self):
        position = self.env['account.fiscal.position'].create({'name': "Abroad"})
        self.env['account.tax'].create(
            {
                'name': "Tax 20%",
                'amount': 20.0,
                'type_tax_use': 'sale',
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(self.tax.ids)],
            }
        )
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.fiscal_position_id = position

        self.assertEqual(subscription.line_ids.mapped('price_total'), [24.0, 25.2, 26.4])
        subscription.order_id.action_confirm()
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.amount_total, 24.0)

    def test_event_count_of_the_product_is_fixed_once_sold(self):
        subscription = self._sell(self.program)

        self.membership.continuity_event_count = 1
        subscription.order_id.partner_invoice_id = self.customer

        self.assertEqual(len(subscription.line_ids), 3)

    def test_bill_upfront_chosen_on_the_page(self):
        subscription = self._sell(self.program, confirm=False)
        self.assertEqual(subscription.order_id.amount_total, 0)

        subscription.bill_upfront = True
        self.assertEqual(subscription.order_id.amount_total, 69.3)

        subscription.bill_upfront = False
        self.assertEqual(subscription.order_id.amount_total, 0)

    def test_running_terms_cannot_be_changed(self):
        subscription = self._sell(self.program)

        for name, value in {
            'start_date': day('2027-05-01'),
            'start_event': 2,
            'order_start': 'current',
            'bill_upfront': True,
        }.items():
            with self.subTest(name), self.assertRaisesRegex(UserError, "is running: its .* cannot be changed"):
                subscription.write({name: value})
        self.assertEqual(self._get_plan(subscription), self.THREE_BOOKS)


@tagged('post_install', '-at_install')
class TestPaymentMethod(PlanCase):
    def test_card_of_the_customer_is_the_default(self):
        token = self._create_token()

        subscription = self._sell(self.program, confirm=False)

        self.assertEqual((subscription.payment_method, subscription.payment_token_id), ('token', token))

    def test_on_account_where_the_program_knows_no_card(self):
        self._create_token()

        subscription = self._sell(self._create_program(1, allowed_methods='on_account'), confirm=False)

        self.assertEqual((subscription.payment_method, subscription.payment_token_id.id), ('on_account', False))

    def test_chosen_method_stays_when_the_plan_is_made_again(self):
        self._create_token()
        subscription = self._sell(self.program, confirm=False)
        subscription.write({'payment_method': 'on_account', 'payment_token_id': False})

        subscription.start_date = day('2027-02-01')
        self.assertEqual(subscription.payment_method, 'on_account')

        subscription.order_id.action_confirm()
        self.assertEqual((subscription.payment_method, subscription.payment_token_id.id), ('on_account', False))

    def test_chosen_card_stays_when_the_plan_is_made_again(self):
        first = self._create_token()
        subscription = self._sell(self.program, confirm=False)
        self._create_token()

        subscription.order_id.action_confirm()

        self.assertEqual(subscription.payment_token_id, first)

    def test_card_saved_later_does_not_change_the_method(self):
        subscription = self._sell(self.program)

        self._create_token()
        self._run_job('create_orders')

        self.assertEqual(subscription.payment_method, 'on_account')
        self.assertEqual(subscription.child_order_count, 1)

    def test_card_of_another_customer_is_not_taken_along(self):
        self._create_token()
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.partner_id = self.env['res.partner'].create({'name': "Bob Baker"})

        self.assertEqual((subscription.payment_method, subscription.payment_token_id.id), ('on_account', False))

    def test_copy_of_an_order_copies_no_chosen_card(self):
        self._create_token()
        subscription = self._sell(self.program, confirm=False)
        newest = self._create_token()

        copied = subscription.order_id.copy().continuity_subscription_ids

        self.assertEqual(copied.payment_token_id, newest)
