from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.continuity_program.tests.common import day

from .common import LoyaltyCase


@tagged('post_install', '-at_install')
class TestCodesOnBoxes(LoyaltyCase):
    """Three boxes of 22.00, 23.10 and 24.20, taxes included, billed one by one."""

    def _sell_with(self, code="SPRING10", **values):
        subscription = self._quote(**values)
        self._enter(subscription.order_id, code)
        subscription.order_id.action_confirm()
        return subscription

    def test_a_percentage_reaches_every_box(self):
        self._create_code()
        subscription = self._quote()
        self._enter(subscription.order_id, "SPRING10")
        self.assertEqual(subscription.order_id.amount_total, 0.0)
        self.assertIn("off every box", subscription.order_id.order_line.mapped('name')[-1])
        self.assertIn("10% on your order", subscription.promotion_text)
        self.assertAlmostEqual(subscription.amount_total, 62.37, 2)
        self.assertIn("19.80", subscription.summary)
        self.assertEqual([row['amount'] for row in subscription._get_payments_to_come()], [19.80, 20.79, 21.78])
        subscription.order_id.action_confirm()
        preview = self.env['continuity.job.run']._preview('create_orders', self.today)
        self.assertEqual([row['amount'] for row in preview], [19.80])
        self._create_boxes()
        self.assertEqual(self._get_totals(subscription), [19.80, 20.79, 21.78])
        self.assertAlmostEqual(subscription.amount_total, 62.37, 2)

    def test_the_program_says_which_boxes_it_reaches(self):
        self._create_code()
        for scope, totals in (
            ({'promotion_scope': 'first'}, [19.80, 23.10, 24.20]),
            ({'promotion_scope': 'first_n', 'promotion_count': 2}, [19.80, 20.79, 24.20]),
        ):
            with self.subTest(**scope):
                subscription = self._sell_with(**scope)
                # As it was sold, whatever becomes of the program.
                subscription.program_id.promotion_scope = 'every'
                self.assertEqual([row['amount'] for row in subscription._get_payments_to_come()], totals)
                self._create_boxes()
                self.assertEqual(self._get_totals(subscription), totals)

    def test_a_skipped_box_is_not_the_first(self):
        self._create_code()
        subscription = self._sell_with(promotion_scope='first', days_after_order=10)
        subscription._skip_next()
        self._create_boxes('2027-04-01')
        self.assertEqual(self._get_totals(subscription), [20.79, 24.20])

    def test_an_amount_is_taken_off_the_first_boxes_until_it_is_used_up(self):
        self._create_code(discount=30, discount_mode='per_order')
        subscription = self._sell_with()
        self.assertAlmostEqual(subscription.amount_total, 39.30, 2)
        self._create_boxes()
        self.assertEqual(self._get_totals(subscription), [0.0, 15.10, 24.20])

    def test_a_cancelled_box_gives_its_part_back(self):
        self._create_code(discount=30, discount_mode='per_order')
        subscription = self._sell_with()
        self._run_job('create_orders')
        subscription.child_order_ids._action_cancel()
        self._run_job('create_orders', day('2027-02-01'))
        self.assertEqual(self._get_totals(subscription)[-1], 0.0)

    def test_a_percentage_has_a_most(self):
        self._create_code(discount_max_amount=3.0)
        subscription = self._sell_with()
        self._create_boxes()
        self.assertEqual(self._get_totals(subscription), [19.80, 22.30, 24.20])

    def test_only_the_products_it_is_for(self):
        self._create_code(discount_applicability='specific', discount_product_ids=[Command.set(self.books[1].ids)])
        subscription = self._sell_with()
        self._create_boxes()
        self.assertEqual(self._get_totals(subscription), [22.0, 20.79, 24.20])

    def test_for_the_parent_product_it_reaches_all_of_each_box(self):
        program = self._create_program(3)
        product = self._create_parent_product(program)
        self._create_code(discount_applicability='specific', discount_product_ids=[Command.set(product.ids)])
        subscription = self._sell_with(program=program)
        self.assertAlmostEqual(subscription.amount_total, 62.37, 2)

    def test_beside_other_goods_both_get_it(self):
        lamp = self._create_product("Lamp", 100.0, type='service', invoice_policy='order')
        self._create_code()
        subscription = self._quote({'product_id': lamp.id})
        self._enter(subscription.order_id, "SPRING10")
        self.assertAlmostEqual(subscription.order_id.amount_total, 99.0, 2)
        self.assertAlmostEqual(subscription.amount_total, 62.37, 2)

    def test_an_amount_is_shared_with_other_goods_by_value(self):
        lamp = self._create_product("Lamp", 63.0, type='service', invoice_policy='order')
        self._create_code(discount=13.86, discount_mode='per_order')
        subscription = self._quote({'product_id': lamp.id})
        self._enter(subscription.order_id, "SPRING10")
        self.assertAlmostEqual(subscription.order_id.amount_total, 69.30 - 6.93, 2)
        self.assertAlmostEqual(subscription.amount_total, 69.30 - 6.93, 2)

    def test_removed_again_the_boxes_cost_what_they_did(self):
        self._create_code()
        subscription = self._quote()
        self._enter(subscription.order_id, "SPRING10")
        subscription.order_id.order_line.filtered('is_reward_line').unlink()
        self.assertAlmostEqual(subscription.amount_total, 69.30, 2)
        self.assertFalse(subscription.promotion_text)

    def test_what_does_nothing_is_refused_in_words(self):
        lamp = self._create_product("Lamp", 100.0)
        self._create_code(discount_applicability='specific', discount_product_ids=[Command.set(lamp.ids)])
        subscription = self._quote()
        with self.assertRaisesRegex(UserError, "takes nothing off"):
            self._enter(subscription.order_id, "SPRING10")
        self.assertFalse(subscription.order_id.order_line.filtered('is_reward_line'))

    def test_free_shipping_is_refused_where_sending_is_free(self):
        self._create_code(reward_type='shipping')
        with self.assertRaisesRegex(UserError, "takes nothing off"):
            self._enter(self._quote().order_id, "SPRING10")

    def test_free_shipping_of_every_box(self):
        self._create_code(reward_type='shipping')
        postage = self._create_product("Postage", 0.0, type='service')
        subscription = self._sell_with(
            shipping_policy='fixed', shipping_product_id=postage.id, shipping_amount=5.0, promotion_scope='first'
        )
        self._create_boxes()
        self.assertEqual(self._get_totals(subscription), [22.0, 28.60, 29.70])

    def test_a_minimum_counts_what_the_boxes_cost(self):
        self._create_code(rule={'minimum_amount': 60.0})
        self._create_code("BIG", rule={'minimum_amount': 70.0})
        subscription = self._quote()
        with self.assertRaisesRegex(ValidationError, "minimum"):
            self._enter(subscription.order_id, "BIG")
        self._enter(subscription.order_id, "SPRING10")
        self.assertAlmostEqual(subscription.amount_total, 62.37, 2)

    def test_given_once_it_runs_it_reaches_the_boxes_to_come(self):
        self._create_code()
        subscription = self._quote()
        subscription.order_id.action_confirm()
        self._run_job('create_orders')
        self._enter(subscription.order_id, "SPRING10")
        self._create_boxes()
        self.assertEqual(self._get_totals(subscription), [22.0, 20.79, 21.78])

    def test_the_code_is_used_once_however_many_boxes(self):
        program = self._create_code()
        program.write({'limit_usage': True, 'max_usage': 1})
        subscription = self._sell_with()
        self._create_boxes()
        program.invalidate_recordset()
        self.assertEqual(program.total_order_count, 1)
        self.assertEqual(self._get_totals(subscription), [19.80, 20.79, 21.78])
        with self.assertRaisesRegex(ValidationError, "expired"):
            self._enter(self._quote().order_id, "SPRING10")

    def test_children_get_no_promotion_by_themselves(self):
        self._create_loyalty('promotion', rule={'minimum_amount': 5.0}, trigger='auto')
        subscription = self._quote()
        subscription.order_id.action_confirm()
        self._create_boxes()
        self.assertEqual(self._get_totals(subscription), [22.0, 23.10, 24.20])
        self.assertFalse(subscription.child_order_ids.coupon_point_ids)

    def test_each_box_earns_points(self):
        program = self._create_loyalty(
            'loyalty',
            {'required_points': 100},
            {'reward_point_mode': 'money', 'reward_point_amount': 1},
            trigger='auto',
            applies_on='both',
        )
        subscription = self._quote()
        subscription.order_id.action_confirm()
        self._run_job('create_orders')
        card = self.env['loyalty.card'].search([('program_id', '=', program.id)])
        self.assertAlmostEqual(card.points, 22.0, 2)
        subscription.child_order_ids._action_cancel()
        self.assertAlmostEqual(card.points, 0.0, 2)

    def test_a_child_order_takes_no_reward_by_hand(self):
        self._create_code()
        subscription = self._quote()
        subscription.order_id.action_confirm()
        self._run_job('create_orders')
        child = subscription.child_order_ids
        with self.assertRaisesRegex(ValidationError, "gets what is given there"):
            self._enter(child, "SPRING10")
        with self.assertRaisesRegex(UserError, "gets what is given there"):
            self._claim(child)

    def test_what_a_reward_gives_boxes_is_set_by_nobody(self):
        self._create_code()
        seller = self._create_user('seller', 'sales_team.group_sale_manager')
        subscription = self._quote()
        self._enter(subscription.order_id, "SPRING10")
        line = subscription.order_id.order_line.filtered('is_reward_line').with_user(seller)
        for name, value in (('continuity_box_share', 1.0), ('continuity_box_amount', 1000.0)):
            with self.subTest(name=name), self.assertRaises(AccessError):
                line[name] = value

    def test_a_salesperson_gives_a_code(self):
        self._create_code()
        seller = self._create_user('seller', 'sales_team.group_sale_salesman')
        subscription = self._quote()
        subscription.order_id.user_id = seller
        self._enter(subscription.order_id.with_user(seller), "SPRING10", user=seller)
        self.assertAlmostEqual(subscription.amount_total, 62.37, 2)


@tagged('post_install', '-at_install')
class TestCardsOnBoxes(LoyaltyCase):
    """A gift card or an e-wallet pays the first bills, and what it pays it gives back."""

    def _sell_with_card(self, points=30.0, **values):
        card = self._create_card(points)
        subscription = self._quote(**values)
        self._enter(subscription.order_id, card.code)
        subscription.order_id.action_confirm()
        return subscription, card

    def test_it_pays_the_first_boxes_until_it_is_empty(self):
        subscription, card = self._sell_with_card()
        # It pays: no box is cheaper for it.
        self.assertAlmostEqual(subscription.amount_total, 69.30, 2)
        self.assertEqual([row['amount'] for row in subscription._get_payments_to_come()], [0.0, 15.10, 24.20])
        self.assertIn("30.00 left", subscription.promotion_text)
        self.assertEqual(card.points, 30.0)
        self._run_job('create_orders')
        self.assertEqual(card.points, 8.0)
        subscription.invalidate_recordset(['promotion_text'])
        self.assertIn("8.00 left", subscription.promotion_text)
        self._create_boxes()
        self.assertEqual((self._get_totals(subscription), card.points), ([0.0, 15.10, 24.20], 0.0))
        self.assertAlmostEqual(subscription.amount_total, 69.30, 2)

    def test_boxes_made_together_share_it(self):
        subscription, card = self._sell_with_card()
        self._create_boxes('2027-02-01')
        self.assertEqual((self._get_totals(subscription), card.points), ([0.0, 15.10], 0.0))

    def test_boxes_that_are_quotations_spend_it_once(self):
        self.company.continuity_autoconfirm = False
        subscription, card = self._sell_with_card()
        self._create_boxes('2027-02-01')
        self.assertEqual((self._get_totals(subscription), card.points), ([0.0, 15.10], 30.0))
        subscription.child_order_ids.action_confirm()
        self.assertEqual(card.points, 0.0)

    def test_charged_is_what_it_does_not_pay(self):
        card = self._create_card(30.0)
        self.company.continuity_charge_moment = 'creation'
        subscription = self._quote()
        subscription.write({'payment_method': 'token', 'payment_token_id': self.token.id})
        self._enter(subscription.order_id, card.code)
        subscription.order_id.action_confirm()
        self._create_boxes('2027-02-01')
        self._run_job('process_payments', day('2027-02-01'))
        self.assertEqual([amount for _reference, amount in self.ledger], [15.10])

    def test_a_cancelled_box_gives_back(self):
        subscription, card = self._sell_with_card()
        self._run_job('create_orders')
        subscription.child_order_ids._action_cancel()
        self.assertEqual(card.points, 30.0)
        self._run_job('create_orders', day('2027-02-01'))
        self.assertEqual(self._get_totals(subscription)[-1], 0.0)

    def test_stopped_it_keeps_what_is_left(self):
        subscription, card = self._sell_with_card()
        self._run_job('create_orders')
        subscription._cancel(stopped=subscription.child_order_ids)
        self.assertEqual(card.points, 30.0)

    def test_a_credited_box_gives_back_once(self):
        subscription, card = self._sell_with_card(3.0)
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self.assertEqual((child.amount_total, card.points), (19.0, 0.0))
        self._deliver(child)
        self._run_job('process_payments')
        note = subscription._credit_shipment(child)
        self.assertEqual(card.points, 0.0)
        note.action_post()
        self.assertAlmostEqual(card.points, 3.0, 2)
        note.button_draft()
        self.assertAlmostEqual(card.points, 0.0, 2)
        note.action_post()
        self.assertAlmostEqual(card.points, 3.0, 2)

    def test_a_wallet_is_claimed_and_pays(self):
        wallet = self._create_card(30.0, 'ewallet')
        subscription = self._quote()
        self._claim(subscription.order_id)
        subscription.order_id.action_confirm()
        self._create_boxes()
        self.assertEqual((self._get_totals(subscription), wallet.points), ([0.0, 15.10, 24.20], 0.0))

    def test_an_expired_card_pays_no_more(self):
        subscription, card = self._sell_with_card()
        card.expiration_date = day('2027-01-15')
        self._run_job('create_orders')
        self._create_boxes()
        self.assertEqual(self._get_totals(subscription), [0.0, 23.10, 24.20])

    def test_with_a_code_it_pays_what_that_leaves(self):
        self._create_code()
        card = self._create_card(30.0)
        subscription = self._quote()
        self._enter(subscription.order_id, "SPRING10")
        self._enter(subscription.order_id, card.code)
        subscription.order_id.action_confirm()
        self._create_boxes()
        self.assertEqual((self._get_totals(subscription), card.points), ([0.0, 10.59, 21.78], 0.0))

    def test_beside_other_goods_it_pays_those_first(self):
        lamp = self._create_product("Lamp", 20.0, type='service', invoice_policy='order')
        card = self._create_card(30.0)
        subscription = self._quote({'product_id': lamp.id})
        self._enter(subscription.order_id, card.code)
        self.assertAlmostEqual(subscription.order_id.amount_total, 0.0, 2)
        subscription.order_id.action_confirm()
        self.assertAlmostEqual(card.points, 8.0, 2)
        self._create_boxes()
        self.assertEqual((self._get_totals(subscription), card.points), ([14.0, 23.10, 24.20], 0.0))
