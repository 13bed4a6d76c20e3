from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import JsonRpcException, tagged

from .common import ShopPagesCase

EACH = "$ 22.00 to $ 24.20 each"


@tagged('post_install', '-at_install')
class TestProductPage(ShopPagesCase):
    def _get_price(self, product):
        return self._get_text(self._open(product.website_url), "//*[@name='product_price_container']").split(' per ')[0]

    def test_plan_billed_per_shipment(self):
        page = self._open(self._publish().website_url)

        self.assertEqual(
            self._get_text(page, "//*[@name='continuity_plan']"),
            f"3 boxes, first 10 Jan 2027, last 10 Mar 2027 · {EACH} · in all $ 69.30 incl. taxes",
        )
        price = self._get_text(page, "//*[@name='product_price_container']")
        self.assertIn("$ 22.00", price)
        self.assertIn("per shipment", price)

    def test_plan_until_cancelled(self):
        page = self._open(self._publish([{'repeat_forever': True}]).website_url)

        self.assertEqual(
            self._get_text(page, "//*[@name='continuity_plan']"), "Until cancelled, first 10 Jan 2027 · $ 22.00 each"
        )

    def test_plan_billed_in_advance_costs_the_whole(self):
        self.assertIn("$ 69.30", self._get_price(self._publish(bill_upfront=True)))
        own_price = self._publish(bill_upfront=True, upfront_price_policy='product')
        self.assertIn("$ 110.00", self._get_price(own_price))

    def test_net_prices_where_the_website_shows_them(self):
        self.website.show_line_subtotals_tax_selection = 'tax_excluded'

        self.assertIn("$ 20.00", self._get_price(self._publish()))

    def test_list_of_products(self):
        self._publish(product={'website_sequence': 1})
        tile = self._get_text(self._open('/shop?search=Membership'), "//*[@id='o_wsale_products_grid']")

        self.assertIn("$ 22.00 per shipment", tile)


@tagged('post_install', '-at_install')
class TestCart(ShopPagesCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.product = cls._create_parent_product(cls._create_program(3), is_published=True)

    def test_visitor_sees_the_plan_in_place_of_its_price(self):
        plan = self._add(self.product).continuity_subscription_ids
        page = self._open('/shop/cart')

        self.assertEqual(self._get_plan(plan)[0], (1, '2027-01-10', "Book 1", 'planned'))
        self.assertEqual(self._get_text(page, "//*[@class='o_continuity_plan_price']"), EACH)
        self.assertIn("3 boxes, first 10 Jan 2027", self._get_text(page, "//*[@id='cart_products']"))
        self.assertIn("$ 0.00", self._get_text(page, "//tr[@name='o_continuity_due_now']"))
        self.assertIn(
            "$ 22.00 to $ 24.20 each month, 3 boxes, last 10 Mar 2027",
            self._get_text(page, "//tr[@name='o_continuity_later']"),
        )
        self.assertIn("$ 69.30", self._get_text(page, "//tr[@name='o_continuity_total']"))

    def test_quantity_scales_the_plan_until_it_is_taken_out(self):
        cart = self._add(self.product, quantity=2)
        plan = cart.continuity_subscription_ids
        self.assertEqual((plan.line_ids.mapped('quantity'), plan.amount_total), ([2.0] * 3, 138.6))
        self._add(self.product)
        self.assertEqual((plan.line_ids.mapped('quantity'), len(cart.order_line)), ([3.0] * 3, 1))
        self._change_quantity(cart, 1)
        self.assertEqual((plan.line_ids.mapped('quantity'), plan.amount_total), ([1.0] * 3, 69.3))
        self._change_quantity(cart, 0)
        self.assertFalse(plan.exists())
        self.assertFalse(cart.order_line)

    def test_variants_have_plans_of_their_own(self):
        binding = self.env['product.attribute'].create(
            {'name': "Binding", 'value_ids': [Command.create({'name': name}) for name in ("Hard", "Soft")]}
        )
        template = self.env['product.template'].create(
            {
                'name': "Choice Club",
                'type': 'service',
                'is_published': True,
                'continuity_program_id': self.product.continuity_program_id.id,
                'attribute_line_ids': [
                    Command.create({'attribute_id': binding.id, 'value_ids': [Command.set(binding.value_ids.ids)]})
                ],
            }
        )
        hard, soft = template.product_variant_ids
        self._add(hard)
        cart = self._add(soft, quantity=2)

        self.assertEqual(
            [(plan.product_id, plan.quantity) for plan in cart.continuity_subscription_ids.sorted('quantity')],
            [(hard, 1.0), (soft, 2.0)],
        )

    def test_price_of_nothing_is_no_reason_not_to_sell_it(self):
        self.website.prevent_zero_price_sale = True
        self.product.list_price = 0.0

        self.assertEqual(self._add(self.product).continuity_subscription_ids.amount_total, 69.3)

    def test_page_of_agents_opens_for_nobody(self):
        self.authenticate('admin', 'admin')
        self._add(self.product)
        cart = self._add(self._publish())
        authors = cart.continuity_subscription_ids.create_uid

        self.assertIn(self.env.ref('base.user_admin'), authors)
        self.assertEqual([cart.with_user(user).continuity_page_id.id for user in authors], [False] * len(authors))

    def test_prices_follow_the_price_list_that_is_chosen(self):
        self.env.ref('base.group_user').implied_ids += self.env.ref('product.group_product_pricelist')
        full, half = self.env['product.pricelist'].create(
            [
                {
                    'name': f"{percent} % off",
                    'website_id': self.website.id,
                    'selectable': True,
                    'item_ids': [Command.create({'compute_price': 'percentage', 'percent_price': percent})],
                }
                for percent in (0.0, 50.0)
            ]
        )
        self.url_open(f'/shop/change_pricelist/{full.id}')
        cart = self._add(self.product)
        self.assertEqual(cart.continuity_subscription_ids.amount_total, 69.3)
        self.url_open(f'/shop/change_pricelist/{half.id}')
        self.env.invalidate_all()

        self.assertEqual(cart.continuity_subscription_ids.line_ids.mapped('price_total'), [11.0, 11.55, 12.1])
        self.assertEqual(cart.order_line.price_unit, 0.0)

    def test_cart_left_for_days_is_planned_from_today(self):
        self.authenticate('ann-shop', 'ann-shop')
        plan = self._add(self.product).continuity_subscription_ids
        with freeze_time('2027-01-16 12:00:00'):
            self._go_to_payment()

        self.assertEqual(self._get_dates(plan), ['2027-01-16', '2027-02-16', '2027-03-16'])

    def test_carts_are_merged(self):
        old = self._add(self.product)
        old._portal_ensure_token()
        plan = old.continuity_subscription_ids
        self.authenticate(None, None)
        new = self._add(self._publish(bill_upfront=True))
        self._open(f'/shop/cart?id={old.id}&access_token={old.access_token}&revive_method=merge')

        self.env.invalidate_all()
        self.assertEqual(old.state, 'cancel')
        self.assertEqual(plan.order_id, new)
        self.assertEqual(new.continuity_subscription_ids.mapped('state'), ['draft', 'draft'])
        self.assertEqual(new.continuity_role, 'parent')

    def test_customer_is_reminded_of_a_cart_that_costs_nothing_now(self):
        self.authenticate('ann-shop', 'ann-shop')
        cart = self._add(self.product)
        self.assertEqual(cart._filter_can_send_abandoned_cart_mail(), cart)
        self._confirm_shop_order(cart)
        again = self._add(self.product)
        again.create_date = fields.Datetime.to_datetime('2027-01-10 11:00:00')

        self.assertFalse(again._filter_can_send_abandoned_cart_mail())

    def _confirm_shop_order(self, cart):
        cart.action_confirm()
        self.assertEqual(cart.state, 'sale')


@tagged('post_install', '-at_install')
class TestCheckout(ShopPagesCase):
    # === BILLED PER SHIPMENT === #

    def test_card_is_saved_for_shipments_to_come(self):
        cart = self._add(self._publish())
        self._enter_address()
        page = self._go_to_payment()
        self.assertEqual(self._get_form(page), ('validation', 0.0))
        self.assertIn("Nothing is due now", self._get_text(page, "//*[@name='continuity_save_card']"))
        self.assertIn("Book 1", self._get_text(page, "//*[@name='continuity_plans']"))
        transaction = self._pay(page)

        self.assertEqual((transaction.operation, transaction.amount), ('validation', 0.0))
        self.assertEqual(cart.state, 'sale')
        plan = cart.continuity_subscription_ids
        self.assertEqual((plan.state, plan.payment_method), ('running', 'token'))
        self.assertEqual(plan.payment_token_id, transaction.token_id)
        self.assertEqual(plan.payment_token_id.partner_id, cart.partner_id)
        self.assertEqual(self._get_dates(plan), ['2027-01-10', '2027-02-10', '2027-03-10'])
        self.assertIn("Thank you", self._open('/shop/payment/validate').text_content())

        child = self._order_first_shipment(plan)
        self.assertEqual(child.partner_shipping_id.name, "Bob Baker")
        self._deliver(child)
        self._run_job('process_payments', on=fields.Date.to_date('2027-01-10'))
        self.assertEqual((child.continuity_payment_ids.state, child.continuity_payment_ids.amount), ('paid', 22.0))
        self.assertEqual(child.continuity_payment_ids.transaction_ids.token_id, transaction.token_id)

    def _order_first_shipment(self, plan):
        self._run_job('create_orders', on=fields.Date.to_date('2027-01-10'), domain=[('id', '=', plan.id)])
        return plan.child_order_ids

    def test_nothing_is_ordered_without_the_card(self):
        cart = self._add(self._publish())
        self._enter_address()
        page = self._go_to_payment()
        self.assertFalse(page.xpath("//form[@name='o_wsale_confirm_order']"))
        response = self._post('/shop/payment/validate')
        self.assertTrue(response.url.endswith('/shop/payment'))
        self.assertEqual(cart.state, 'draft')
        self._pay(page, state='error')
        self.assertEqual(cart.state, 'draft')
        self._post('/shop/payment/validate')
        self.assertEqual(cart.state, 'draft')

        with self.assertRaisesRegex(UserError, "confirmed once the card is saved"):
            cart._validate_order()

    def test_saved_card_is_shown_and_can_be_another(self):
        saved = self._create_token()
        self.authenticate('ann-shop', 'ann-shop')
        cart = self._add(self._publish())
        page = self._go_to_payment()
        self.assertIn("4242", self._get_text(page, "//form[@name='continuity_card']"))
        self._post('/shop/continuity/other_card')
        page = self._open('/shop/payment')
        self.assertEqual(self._get_form(page), ('validation', 0.0))
        transaction = self._pay(page)

        self.assertEqual(cart.state, 'sale')
        self.assertEqual(cart.continuity_subscription_ids.payment_token_id, transaction.token_id)
        self.assertNotEqual(transaction.token_id, saved)

    def test_saved_card_orders_at_once(self):
        saved = self._create_token()
        self.authenticate('ann-shop', 'ann-shop')
        cart = self._add(self._publish())
        self.assertTrue(self._go_to_payment().xpath("//form[@name='o_wsale_confirm_order']"))
        self.assertIn("Thank you", self._post('/shop/payment/validate').text)

        self.assertEqual(cart.state, 'sale')
        self.assertEqual(cart.continuity_subscription_ids.payment_token_id, saved)

    def test_on_account_where_the_program_takes_no_cards(self):
        cart = self._add(self._publish(allowed_methods='on_account'))
        self._enter_address()
        page = self._go_to_payment()
        self.assertIsNone(self._get_form(page))
        self.assertTrue(page.xpath("//form[@name='o_wsale_confirm_order']"))
        self.assertIn("Thank you", self._post('/shop/payment/validate').text)

        plan = cart.continuity_subscription_ids
        self.assertEqual((cart.state, plan.state, plan.payment_method), ('sale', 'running', 'on_account'))
        self.assertEqual(self._get_dates(plan), ['2027-01-10', '2027-02-10', '2027-03-10'])
        child = self._order_first_shipment(plan)
        self.assertEqual(self._get_payments(plan), [(1, False, 22.0, 'on_account')])
        self.assertEqual(child.amount_total, 22.0)

    # === BILLED IN ADVANCE === #

    def test_in_one_sum(self):
        cart = self._add(self._publish(bill_upfront=True))
        self._enter_address()
        page = self._go_to_payment()
        self.assertEqual(self._get_form(page), ('payment', 69.3))
        transaction = self._pay(page)

        self.assertEqual((transaction.amount, transaction.state, cart.state), (69.3, 'done', 'sale'))
        plan = cart.continuity_subscription_ids
        self.assertEqual(plan.state, 'running')
        self._run_job('process_payments', on=fields.Date.to_date('2027-01-10'))
        self.assertEqual(plan.payment_ids.mapped('state'), ['paid'])
        self.assertEqual(plan.payment_ids.invoice_id.amount_residual, 0.0)
        self.assertEqual(plan.payment_ids.transaction_ids | transaction, transaction)

    def test_in_instalments(self):
        schedule = self._create_schedule("In parts", (50, 0), (30, 30), (20, 60))
        cart = self._add(self._publish(bill_upfront=True, payment_term_id=schedule.id))
        self._enter_address()
        page = self._go_to_payment()
        self.assertEqual(self._get_form(page), ('payment', 34.65))
        self.assertIn("$ 34.65", self._get_text(page, "//tr[@name='o_continuity_due_now']"))
        self.assertIn(
            "$ 20.79 on 9 Feb 2027, $ 13.86 on 11 Mar 2027", self._get_text(page, "//tr[@name='o_continuity_later']")
        )
        transaction = self._pay(page)

        self.assertEqual((transaction.amount, cart.state), (34.65, 'sale'))
        plan = cart.continuity_subscription_ids
        self.assertTrue(transaction.token_id)
        self.assertEqual(plan.payment_token_id, transaction.token_id)
        self.assertEqual(
            self._get_payments(plan),
            [
                (1, '2027-01-10', 34.65, 'token'),
                (2, '2027-02-09', 20.79, 'token'),
                (3, '2027-03-11', 13.86, 'token'),
            ],
        )
        confirmation = self._open('/shop/payment/validate').text_content()
        self.assertIn("Thank you", confirmation)
        self.assertNotIn("can not be confirmed", confirmation)
        self._run_job('process_payments', on=fields.Date.to_date('2027-01-10'))
        self.assertEqual(plan.payment_ids.sorted('number').mapped('state'), ['paid', 'scheduled', 'scheduled'])
        self._run_job('process_payments', on=fields.Date.to_date('2027-02-09'))
        self.assertEqual(plan.payment_ids.sorted('number').mapped('state'), ['paid', 'paid', 'scheduled'])

    def test_another_amount_is_refused(self):
        schedule = self._create_schedule("In halves", (50, 0), (50, 30))
        cart = self._add(self._publish(bill_upfront=True, payment_term_id=schedule.id))
        self._enter_address()
        form = self._go_to_payment().xpath("//form[@id='o_payment_form']")[0]
        with self.assertRaisesRegex(JsonRpcException, 'ValidationError'):
            self._send_payment(
                form.get('data-transaction-route'), access_token=form.get('data-access-token'), amount=1.0
            )
        with self.assertRaisesRegex(JsonRpcException, 'ValidationError'):
            self._send_payment(form.get('data-transaction-route'), access_token='wrong', amount=34.65)

        self.assertFalse(cart.transaction_ids)

    def test_nothing_is_due_before_the_first_shipment(self):
        cart = self._add(
            self._publish(bill_upfront=True, upfront_invoice_moment='first_shipment', allowed_methods='on_account')
        )
        self._enter_address()
        page = self._go_to_payment()
        self.assertIsNone(self._get_form(page))
        self.assertIn("Thank you", self._post('/shop/payment/validate').text)

        self.assertEqual((cart.state, cart.amount_total), ('sale', 69.3))
        self.assertFalse(cart.transaction_ids)

    # === MIXED CARTS === #

    def test_ordinary_goods_are_paid_now_and_the_card_is_kept(self):
        carrier = self.env['delivery.carrier'].create(
            {
                'name': "Bike",
                'product_id': self._create_product("Bike", 5.0, type='service', is_storable=False, taxes_id=False).id,
                'fixed_price': 5.0,
                'is_published': True,
            }
        )
        self.env['delivery.carrier'].search([('id', '!=', carrier.id)]).is_published = False
        lamp = self._create_product("Lamp", 50.0, is_published=True, allow_out_of_stock_order=True)
        self._add(self._publish())
        cart = self._add(lamp)
        self._enter_address()
        page = self._go_to_payment()
        self.assertEqual(cart.carrier_id, carrier)
        self.assertEqual(self._get_form(page), ('payment', 60.0))
        transaction = self._pay(page)

        self.assertEqual((transaction.amount, cart.state), (60.0, 'sale'))
        plan = cart.continuity_subscription_ids
        self.assertEqual((plan.state, plan.payment_token_id), ('running', transaction.token_id))
        self.assertTrue(transaction.token_id)
        self.assertEqual(cart.picking_ids.move_ids.product_id, lamp)

    def test_plan_alone_needs_an_address_and_no_delivery_method(self):
        cart = self._add(self._publish())
        self.assertTrue(self.url_open('/shop/checkout').url.endswith('/shop/address'))
        response = self._post(
            '/shop/address/submit', name="Bob", email="bob@example.com", address_type='billing', country_id=''
        )
        self.assertIn('street', response.json()['invalid_fields'])
        self._enter_address()
        page = self._open('/shop/checkout')

        self.assertFalse(page.xpath("//input[@name='o_delivery_radio']"))
        self.assertIn("1 Long Street", self._get_text(page, "//*[@id='shop_checkout']"))
        self.assertFalse(cart.carrier_id)

    # === TERMS === #

    def test_consent_is_given_before_the_order(self):
        cart = self._add(self._publish(consent_required=True, terms_html="<p>At least two boxes.</p>"))
        self._enter_address()
        page = self._go_to_payment()
        self.assertIsNone(self._get_form(page))
        self.assertIn("At least two boxes.", self._get_text(page, "//form[@name='continuity_agree']"))
        self.assertTrue(self._post('/shop/payment/validate').url.endswith('/shop/payment'))
        with self.assertRaisesRegex(JsonRpcException, 'ValidationError'):
            self._send_payment(
                f'/shop/payment/transaction/{cart.id}', access_token=cart._portal_ensure_token(), is_validation=True
            )
        self._post('/shop/continuity/agree')
        plan = cart.continuity_subscription_ids
        self.assertEqual(
            (fields.Date.to_string(plan.consent_date), plan.consent_channel, bool(plan.consent_user_id)),
            ('2027-01-10', 'web', False),
        )
        self._pay(self._open('/shop/payment'))

        self.assertEqual((cart.state, plan.state), ('sale', 'running'))

    def test_consent_is_asked_again_after_the_cart_has_changed(self):
        cart = self._add(self._publish(consent_required=True))
        self._enter_address()
        self._post('/shop/continuity/agree')
        self._change_quantity(cart, 5)

        self.assertFalse(cart.continuity_subscription_ids.consent_date)

    def test_what_cannot_be_sold_is_told_at_the_payment_step(self):
        product = self._publish(duplicate_policy='refuse')
        self._sell(product.continuity_program_id, product=product)
        self.authenticate('ann-shop', 'ann-shop')
        cart = self._add(product)
        page = self._go_to_payment()

        self.assertIsNone(self._get_form(page))
        self.assertIn("already has program Book Club", page.text_content())
        self._post('/shop/payment/validate')
        self.assertEqual(cart.state, 'draft')

    def test_no_express_checkout(self):
        self._add(self._publish(bill_upfront=True))

        self.assertFalse(self._open('/shop/cart').xpath("//*[@name='o_express_checkout_container']"))
