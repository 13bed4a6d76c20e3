from odoo.fields import Command
from odoo.tests import tagged

from .common import LoyaltyCase


@tagged('post_install', '-at_install')
class TestPaidInAdvance(LoyaltyCase):
    """A plan of six boxes of 20.00 without taxes, billed in advance: 120.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box = cls._create_product("Box", 20.0, taxes_id=[Command.clear()])

    def _quote_six(self, *others, **values):
        program = self._create_program([{'product_id': self.box.id, 'repeat_count': 6}], bill_upfront=True, **values)
        subscription = self._quote(*others, program=program)
        self.assertEqual(subscription.amount_total, 120.0)
        return subscription

    def _sell_by_card(self, subscription):
        subscription.write({'payment_method': 'token', 'payment_token_id': self.token.id})
        subscription.order_id.action_confirm()
        self._run_job('process_payments')
        return [amount for _reference, amount in self.ledger]

    def test_a_code_of_ten_percent(self):
        self._create_code()
        subscription = self._quote_six()
        self._enter(subscription.order_id, "SPRING10")
        self.assertAlmostEqual(subscription.order_id.amount_total, 108.0, 2)
        self.assertLaw(subscription.order_id)
        self.assertEqual(self._sell_by_card(subscription), [108.0])
        self.assertEqual(subscription.order_id.invoice_ids.amount_residual, 0.0)
        self.assertLaw(subscription.order_id)

    def test_a_gift_card_of_50(self):
        card = self._create_card(50.0)
        subscription = self._quote_six()
        self._enter(subscription.order_id, card.code)
        self.assertAlmostEqual(subscription.order_id.amount_total, 70.0, 2)
        self.assertEqual(self._sell_by_card(subscription), [70.0])
        self.assertEqual(card.points, 0.0)
        self.assertLaw(subscription.order_id)
        self.assertAlmostEqual(sum(subscription.line_ids.mapped('prepaid_amount')), 120.0, 2)

    def test_every_kind_of_program(self):
        rule = {'reward_point_mode': 'order', 'reward_point_amount': 1}
        self._create_code("CODE", discount=12, discount_mode='per_order')
        coupons = self._create_loyalty('coupons', trigger='with_code', applies_on='current')
        coupon = self.env['loyalty.card'].create({'program_id': coupons.id, 'points': 1})
        later = self._create_loyalty('next_order_coupons', rule=rule, trigger='auto', applies_on='future')
        next_coupon = self.env['loyalty.card'].create({'program_id': later.id, 'points': 1})
        wallet = self._create_card(15.0, 'ewallet')
        later.active = False
        for name, enter, total in (
            ("promo code", lambda order: self._enter(order, "CODE"), 108.0),
            ("coupon", lambda order: self._enter(order, coupon.code), 108.0),
            ("wallet", self._claim, 105.0),
        ):
            with self.subTest(name):
                wallet.points = 15.0 if name == "wallet" else 0.0
                subscription = self._quote_six(payment_term_id=self.thirds.id)
                enter(subscription.order_id)
                self.assertAlmostEqual(subscription.order_id.amount_total, total, 2)
                self.assertLaw(subscription.order_id)
                subscription.order_id.action_confirm()
                self._run_job('process_payments')
                self.assertEqual(len(subscription.payment_ids), 3)
                self.assertAlmostEqual(subscription.order_id.invoice_ids.amount_total, total, 2)
        with self.subTest("next order coupon"):
            later.active = True
            subscription = self._quote_six()
            self._enter(subscription.order_id, next_coupon.code)
            self.assertAlmostEqual(subscription.order_id.amount_total, 108.0, 2)
            self.assertLaw(subscription.order_id)

    def test_promotions_loyalty_and_buy_x_get_y(self):
        gift = self._create_product("Gift", 5.0, taxes_id=[Command.clear()], invoice_policy='order')
        rule = {'reward_point_mode': 'order', 'reward_point_amount': 1}
        for kind, reward, total in (
            ('promotion', {}, 108.0),
            ('loyalty', {'discount': 12, 'discount_mode': 'per_order'}, 108.0),
            ('buy_x_get_y', {'reward_type': 'product', 'reward_product_id': gift.id}, 120.0),
        ):
            with self.subTest(kind=kind):
                program = self._create_loyalty(
                    kind, reward, rule, trigger='auto', applies_on='both' if kind == 'loyalty' else 'current'
                )
                subscription = self._quote_six()
                self._claim(subscription.order_id)
                self.assertTrue(subscription.order_id.order_line.filtered('is_reward_line'))
                self.assertAlmostEqual(subscription.order_id.amount_total, total, 2)
                self.assertLaw(subscription.order_id)
                subscription.order_id.action_confirm()
                self._run_job('process_payments')
                self.assertAlmostEqual(sum(subscription.payment_ids.mapped('amount')), total, 2)
                program.active = False

    def test_free_shipping(self):
        self._create_code(reward_type='shipping')
        postage = self._create_product("Postage", 0.0, type='service', taxes_id=[Command.clear()])
        program = self._create_program(
            [{'product_id': self.box.id, 'repeat_count': 6}],
            bill_upfront=True,
            shipping_policy='fixed',
            shipping_product_id=postage.id,
            shipping_amount=5.0,
        )
        subscription = self._quote(program=program)
        self.assertEqual(subscription.order_id.amount_total, 150.0)
        self._enter(subscription.order_id, "SPRING10")
        self.assertEqual(subscription.order_id.amount_total, 120.0)
        self.assertLaw(subscription.order_id)

    def test_a_reward_for_other_goods_takes_nothing_off_the_plan(self):
        lamp = self._create_product("Lamp", 100.0, type='service', invoice_policy='order', taxes_id=[Command.clear()])
        self._create_code(discount_applicability='specific', discount_product_ids=[Command.set(lamp.ids)])
        subscription = self._quote_six({'product_id': lamp.id})
        self._enter(subscription.order_id, "SPRING10")
        self.assertEqual(subscription.order_id.amount_total, 210.0)
        self.assertEqual(subscription.amount_total, 120.0)
        subscription.order_id.action_confirm()
        self._run_job('process_payments')
        self.assertEqual(subscription.order_id.invoice_ids.amount_total, 120.0)

    def test_changed_and_removed_again_the_plan_follows(self):
        self._create_code()
        subscription = self._quote_six()
        order = subscription.order_id
        self._enter(order, "SPRING10")
        subscription.order_line_id.product_uom_qty = 2
        order._update_programs_and_rewards()
        self.assertAlmostEqual(order.amount_total, 216.0, 2)
        self.assertLaw(order)
        order.order_line.filtered('is_reward_line').unlink()
        self.assertAlmostEqual(order.amount_total, 240.0, 2)
        self.assertLaw(order)

    def test_a_code_after_the_sale(self):
        self._create_code()
        subscription = self._quote_six()
        subscription.order_id.action_confirm()
        self._enter(subscription.order_id, "SPRING10")
        self.assertAlmostEqual(subscription.order_id.amount_total, 108.0, 2)
        self.assertLaw(subscription.order_id)
        self._run_job('process_payments')
        self.assertAlmostEqual(subscription.order_id.invoice_ids.amount_total, 108.0, 2)

    # === STOPPED === #

    def _sell_with_card(self, points=60.0, bill=True):
        card = self._create_card(points)
        subscription = self._quote_six()
        self._enter(subscription.order_id, card.code)
        subscription.order_id.action_confirm()
        if bill:
            self._run_job('process_payments')
        self.assertEqual(card.points, 0.0)
        return subscription, card

    def _get_notes(self, subscription):
        return self.env['account.move'].search([('continuity_subscription_id', '=', subscription.id)])

    def test_stopped_after_one_box_money_and_card_get_their_parts_back(self):
        subscription, card = self._sell_with_card()
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        subscription._cancel()
        note = self._get_notes(subscription)
        self.assertAlmostEqual(note.amount_total, 50.0, 2)
        note.action_post()
        self.assertAlmostEqual(card.points, 50.0, 2)

    def test_a_shipment_credited(self):
        subscription, card = self._sell_with_card()
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        note = subscription._credit_shipment(subscription.child_order_ids)
        self.assertAlmostEqual(note.amount_total, 10.0, 2)
        note.action_post()
        self.assertAlmostEqual(card.points, 10.0, 2)

    def test_stopped_before_it_is_billed(self):
        subscription, card = self._sell_with_card(bill=False)
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        subscription._cancel()
        self.assertAlmostEqual(subscription.order_id.amount_total, 10.0, 2)
        self.assertAlmostEqual(card.points, 50.0, 2)
        self.assertLaw(subscription.order_id)

    def test_stopped_before_anything_is_sent_or_billed(self):
        subscription, card = self._sell_with_card(bill=False)
        subscription._cancel()
        self.assertAlmostEqual(card.points, 60.0, 2)

    def test_the_order_cancelled(self):
        subscription, card = self._sell_with_card()
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        subscription.order_id._action_cancel()
        note = self._get_notes(subscription)
        self.assertAlmostEqual(note.amount_total, 50.0, 2)
        note.action_post()
        self.assertAlmostEqual(card.points, 50.0, 2)

    def test_the_order_cancelled_before_it_is_billed(self):
        subscription, card = self._sell_with_card(bill=False)
        subscription.order_id._action_cancel()
        self.assertAlmostEqual(card.points, 60.0, 2)

    def test_ten_percent_stopped_after_one_box(self):
        self._create_code()
        subscription = self._quote_six()
        self._enter(subscription.order_id, "SPRING10")
        subscription.order_id.action_confirm()
        self._run_job('process_payments')
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        subscription._cancel()
        self.assertAlmostEqual(self._get_notes(subscription).amount_total, 90.0, 2)
