from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payments import PrepaymentCase
from .common_revenue import RevenueCase


class OrderTotalCase(PrepaymentCase):
    """The order's total is law: instalments, and what Odoo bills of other lines, come to it."""

    def _quote(self, *others, program=None, **values):
        """Return the subscription of a quotation with a plan billed in advance, and other lines beside it."""
        program = program or self._create_program(3, bill_upfront=True, **values)
        subscription = self._sell(program, confirm=False)
        subscription.order_id.order_line = [Command.create(line) for line in others]
        return subscription

    def _discount(self, order, kind, amount):
        """Press Odoo's *Discount* button: ``so_discount`` (a share of 1), ``amount`` or ``sol_discount``."""
        field = 'discount_amount' if kind == 'amount' else 'discount_percentage'
        self.env['sale.order.discount'].with_context(active_model='sale.order', active_id=order.id).create(
            {'sale_order_id': order.id, 'discount_type': kind, field: amount}
        ).action_apply_discount()

    def _take_off(self, order, amount, **values):
        """Type a line below zero."""
        product = self._create_product("Goodwill", 0.0, type='service', invoice_policy='order')
        order.order_line = [Command.create({'product_id': product.id, 'price_unit': -amount, **values})]

    def _bill_others(self, order):
        """Bill by hand what belongs to no plan, and post it."""
        others = order._create_invoices(final=True)
        others.filtered(lambda move: move.state == 'draft').action_post()
        return others

    def assertLaw(self, order, others=0.0):
        """:param others: what Odoo bills of lines that belong to no plan."""
        plans = order.continuity_subscription_ids
        instalments = sum(plans.payment_ids.filtered(lambda payment: not payment.is_cancelled).mapped('amount'))
        self.assertAlmostEqual(instalments + others, order.amount_total, 2)
        self.assertAlmostEqual(sum(plans.mapped('amount_total')), instalments, 2)


@tagged('post_install', '-at_install')
class TestReductions(OrderTotalCase):
    def test_odoos_discount_on_a_plan(self):
        for kind, amount in (('so_discount', 0.1), ('amount', 12.0), ('sol_discount', 0.1)):
            with self.subTest(kind=kind):
                subscription = self._quote()
                before = subscription.order_id.amount_total
                self._discount(subscription.order_id, kind, amount)
                after = before - 12.0 if kind == 'amount' else before * 0.9
                self.assertAlmostEqual(subscription.order_id.amount_total, after, 2)
                self.assertLaw(subscription.order_id)
                self.assertIn(f"{after:.2f}", subscription.summary)

    def test_what_is_charged_is_what_the_order_says(self):
        subscription = self._quote()
        subscription.write({'payment_method': 'token', 'payment_token_id': self.token.id})
        self._discount(subscription.order_id, 'so_discount', 0.1)
        subscription.order_id.action_confirm()
        self._run_job('process_payments')

        self.assertEqual([amount for _reference, amount in self.ledger], [subscription.order_id.amount_total])
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'])
        self.assertEqual(subscription.order_id.invoice_ids.amount_total, subscription.order_id.amount_total)
        self.assertEqual(subscription.order_id.invoice_ids.amount_residual, 0.0)
        self.assertEqual(subscription.order_id.invoice_status, 'no')
        self.assertLaw(subscription.order_id)

    def test_instalments_are_shares_of_it(self):
        subscription = self._quote(payment_term_id=self.thirds.id)
        self._take_off(subscription.order_id, 5.0)
        self.assertEqual(len(subscription.payment_ids), 3)
        self.assertLaw(subscription.order_id)
        subscription.order_id.action_confirm()
        self._run_job('process_payments')
        bill = subscription.order_id.invoice_ids
        self.assertAlmostEqual(bill.amount_total, subscription.order_id.amount_total, 2)
        self.assertEqual(
            sorted(bill.line_ids.filtered(lambda line: line.display_type == 'payment_term').mapped('balance')),
            sorted(subscription.payment_ids.mapped('amount')),
        )

    def test_paid_online_nothing_is_left(self):
        subscription = self._quote()
        self._discount(subscription.order_id, 'so_discount', 0.1)
        order = subscription.order_id
        self.assertAlmostEqual(order._get_due_with_order(), order.amount_total, 2)
        self._pay_online(order, order.amount_total)
        self._run_job('process_payments')
        self.assertEqual(order.invoice_ids.amount_residual, 0.0)
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'])
        self.assertEqual(len(self.ledger), 0)

    def test_changed_and_removed_again_the_plan_follows(self):
        subscription = self._quote()
        full = subscription.order_id.amount_total
        self._take_off(subscription.order_id, 5.0)
        line = subscription.order_id.order_line - subscription.order_line_id
        self.assertLaw(subscription.order_id)
        line.price_unit = -7.0
        self.assertLaw(subscription.order_id)
        line.unlink()
        self.assertLaw(subscription.order_id)
        self.assertAlmostEqual(subscription.amount_total, full, 2)

    def test_after_it_was_sold(self):
        subscription = self._quote()
        subscription.order_id.action_confirm()
        self._take_off(subscription.order_id, 5.0)
        self.assertLaw(subscription.order_id)
        self._run_job('process_payments')
        self.assertAlmostEqual(subscription.order_id.invoice_ids.amount_total, subscription.order_id.amount_total, 2)

    def test_after_it_was_billed_it_is_credited_by_odoo(self):
        subscription = self._quote()
        order = subscription.order_id
        order.action_confirm()
        self._run_job('process_payments')
        bill = order.invoice_ids
        self._take_off(order, 5.0)
        note = order._create_invoices(final=True)
        self.assertEqual(note.move_type, 'out_refund')
        self.assertAlmostEqual(bill.amount_total - note.amount_total, order.amount_total, 2)
        self.assertFalse(order.order_line.filtered('qty_to_invoice'))

    def test_shared_with_other_goods_by_value(self):
        lamp = self._create_product("Lamp", 100.0, type='service', invoice_policy='order')
        subscription = self._quote({'product_id': lamp.id})
        order = subscription.order_id
        self._discount(order, 'so_discount', 0.1)
        order.action_confirm()
        self.assertAlmostEqual(subscription.amount_total, subscription.order_line_id.price_total * 0.9, 2)
        self._run_job('process_payments')
        bill = order.invoice_ids
        self.assertAlmostEqual(bill.amount_total, subscription.amount_total, 2)
        other = self._bill_others(order)
        self.assertAlmostEqual(bill.amount_total + other.amount_total, order.amount_total, 2)
        self.assertAlmostEqual(other.amount_untaxed, 90.0, 2)
        self.assertFalse(order.order_line.filtered('qty_to_invoice'))
        self.assertLaw(order, other.amount_total)

    def test_the_other_goods_billed_first(self):
        lamp = self._create_product("Lamp", 100.0, type='service', invoice_policy='order')
        subscription = self._quote({'product_id': lamp.id})
        order = subscription.order_id
        self._discount(order, 'amount', 12.0)
        order.action_confirm()
        bills = self._bill_others(order)
        self.assertEqual(len(bills), 2)
        self.assertAlmostEqual(sum(bills.mapped('amount_total')), order.amount_total, 2)

    def test_two_plans(self):
        subscription = self._quote()
        order = subscription.order_id
        program = self._create_program(2, bill_upfront=True)
        order.order_line = [
            Command.create({'product_id': self._create_parent_product(program).id, 'price_unit': 33.33})
        ]
        self._take_off(order, 10.0)
        self.assertLaw(order)
        order.action_confirm()
        self._run_job('process_payments')
        self.assertAlmostEqual(sum(order.invoice_ids.mapped('amount_total')), order.amount_total, 2)

    def test_boxes_are_parts_of_one_price(self):
        """What they cost each sums to what they cost in all."""
        subscription = self._quote()
        self._take_off(subscription.order_id, 6.30)
        self.assertIn("19.80 to $\xa021.78 each · in all $\xa062.37", subscription.summary)

    def test_more_than_all_is_not_confirmed_and_not_given_once_it_runs(self):
        draft, running = self._quote(), self._quote()
        running.order_id.action_confirm()
        self._take_off(draft.order_id, 200.0)
        self.assertEqual(draft.payment_ids.mapped('amount'), [0.0])
        with self.assertRaisesRegex(UserError, "comes to less than nothing"):
            draft.order_id.action_confirm()
        with self.assertRaisesRegex(UserError, "comes to less than nothing"):
            self._take_off(running.order_id, 200.0)

    def test_a_gift_card_pays_and_no_box_is_worth_less(self):
        """It has no taxes, and may come to more than what the goods cost without them."""
        subscription = self._quote()
        self._take_off(subscription.order_id, 65.0, tax_ids=False)
        self.assertAlmostEqual(subscription.order_id.amount_total, 4.30, 2)
        self.assertLaw(subscription.order_id)
        self.assertEqual(subscription.line_ids.mapped('prepaid_amount'), [20.0, 21.0, 22.0])
        subscription.order_id.action_confirm()
        self._run_job('process_payments')
        self.assertAlmostEqual(subscription.order_id.invoice_ids.amount_total, 4.30, 2)
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        subscription._cancel()
        notes = subscription.order_id.invoice_ids.filtered(lambda move: move.move_type == 'out_refund')
        self.assertAlmostEqual(notes.amount_untaxed, 43.0 - 65.0 * 43 / 63, 1)

    def test_free(self):
        subscription = self._quote()
        self._discount(subscription.order_id, 'so_discount', 1.0)
        self.assertEqual(subscription.order_id.amount_total, 0.0)
        self.assertLaw(subscription.order_id)
        subscription.order_id.action_confirm()
        self._run_job('process_payments')
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'])


@tagged('post_install', '-at_install')
class TestBilledByBox(OrderTotalCase):
    """A plan whose shipments are billed one by one has nothing on its order that could be taken off."""

    def _quote_by_box(self):
        return self._sell(self._create_program(3), confirm=False)

    def test_a_share_reaches_every_box(self):
        subscription = self._quote_by_box()
        before = subscription.amount_total
        self._discount(subscription.order_id, 'so_discount', 0.1)
        self.assertAlmostEqual(subscription.amount_total, before * 0.9, 2)
        self.assertEqual(subscription.order_id.order_line, subscription.order_line_id)
        subscription.order_id.action_confirm()
        self._run_job('create_orders', day('2027-03-01'))
        self.assertAlmostEqual(sum(subscription.child_order_ids.mapped('amount_total')), before * 0.9, 2)

    def test_the_program_says_which_boxes_a_share_reaches(self):
        for scope, totals in (
            ({'promotion_scope': 'first'}, [19.80, 23.10, 24.20]),
            ({'promotion_scope': 'first_n', 'promotion_count': 2}, [19.80, 20.79, 24.20]),
        ):
            with self.subTest(**scope):
                subscription = self._sell(self._create_program(3, **scope), confirm=False)
                self._discount(subscription.order_id, 'so_discount', 0.1)
                self.assertAlmostEqual(subscription.amount_total, sum(totals), 2)
                self.assertIn("19.80 to", subscription.summary)
                rows = subscription._get_document()['shipments']
                self.assertEqual([round(row['amount'], 2) for row in rows], totals)
                self.assertEqual([row['amount'] for row in subscription._get_payments_to_come()], totals)
                subscription.order_id.action_confirm()
                subscription.program_id.promotion_scope = 'every'
                self._run_job('create_orders', day('2027-03-01'))
                children = subscription.child_order_ids.sorted('id')
                self.assertEqual([round(total, 2) for total in children.mapped('amount_total')], totals)
                self.assertAlmostEqual(subscription.amount_total, sum(totals), 2)

    def test_a_share_of_the_first_box_and_an_amount(self):
        subscription = self._sell(self._create_program(3, promotion_scope='first'), confirm=False)
        self._discount(subscription.order_id, 'so_discount', 0.1)
        self._discount(subscription.order_id, 'amount', 30.0)
        subscription.order_id.action_confirm()
        self._run_job('create_orders', day('2027-03-01'))
        children = subscription.child_order_ids.sorted('id')
        self.assertEqual([round(total, 2) for total in children.mapped('amount_total')], [0.0, 12.90, 24.20])

    def test_a_second_share_comes_on_top(self):
        subscription = self._quote_by_box()
        before = subscription.amount_total
        self._discount(subscription.order_id, 'so_discount', 0.1)
        self._discount(subscription.order_id, 'so_discount', 0.5)
        self.assertAlmostEqual(subscription.order_line_id.discount, 55.0, 2)
        self.assertAlmostEqual(subscription.amount_total, before * 0.45, 1)

    def test_beside_other_goods_both_get_it(self):
        subscription = self._quote_by_box()
        order, before = subscription.order_id, subscription.amount_total
        lamp = self._create_product("Lamp", 100.0, type='service', invoice_policy='order')
        order.order_line = [Command.create({'product_id': lamp.id})]
        self._discount(order, 'so_discount', 0.1)
        self.assertAlmostEqual(order.amount_total, 99.0, 2)
        self.assertAlmostEqual(subscription.amount_total, before * 0.9, 2)

    def test_a_fixed_amount_is_taken_off_the_first_boxes_until_it_is_used_up(self):
        subscription = self._quote_by_box()
        self._discount(subscription.order_id, 'amount', 30.0)
        self.assertEqual((subscription.discount_on_first, subscription.order_id.amount_total), (30.0, 0.0))
        self.assertAlmostEqual(subscription.amount_total, 69.30 - 30.0, 2)
        self.assertEqual([row['amount'] for row in subscription._get_payments_to_come()], [0.0, 15.10, 24.20])
        subscription.order_id.action_confirm()
        preview = self.env['continuity.job.run']._preview('create_orders', day('2027-01-01'))
        self.assertEqual([row['amount'] for row in preview], [0.0])
        self._run_job('create_orders', day('2027-03-01'))
        children = subscription.child_order_ids.sorted('id')
        self.assertEqual([round(total, 2) for total in children.mapped('amount_total')], [0.0, 15.10, 24.20])
        self.assertEqual(
            [sum(child.continuity_payment_ids.mapped('amount')) for child in children], [0.0, 15.10, 24.20]
        )
        self.assertEqual(subscription._get_discount_left(), 0.0)

    def test_a_cancelled_box_gives_its_part_back(self):
        subscription = self._quote_by_box()
        self._discount(subscription.order_id, 'amount', 5.0)
        subscription.order_id.action_confirm()
        self._run_job('create_orders')
        self.assertAlmostEqual(subscription.child_order_ids.amount_total, 17.0, 2)
        subscription.child_order_ids._action_cancel()
        self._run_job('create_orders', day('2027-02-01'))
        self.assertAlmostEqual(subscription.child_order_ids.sorted('id')[-1:].amount_total, 18.10, 2)

    def test_its_line_stays_on_its_child_order(self):
        subscription = self._quote_by_box()
        self._discount(subscription.order_id, 'amount', 30.0)
        subscription.order_id.action_confirm()
        self._run_job('create_orders')
        elsewhere = self.env['sale.order'].create({'partner_id': self.customer.id})
        for line in subscription.child_order_ids.order_line:
            with self.assertRaisesRegex(UserError, "cannot move to another order"):
                line.order_id = elsewhere
        line = subscription.taken_off_line_ids
        line.price_unit = 100.0
        self.assertEqual(subscription._get_discount_left(), 30.0)

    def test_a_fixed_amount_beside_other_goods_is_shared_by_value(self):
        subscription = self._quote_by_box()
        order = subscription.order_id
        lamp = self._create_product("Lamp", 63.0, type='service', invoice_policy='order')
        order.order_line = [Command.create({'product_id': lamp.id})]
        self._discount(order, 'amount', 13.86)
        self.assertAlmostEqual(order.amount_total, 69.30 - 6.93, 2)
        self.assertAlmostEqual(subscription.discount_on_first, 6.93, 2)

    def test_what_is_no_discount_is_refused(self):
        for subscription in (self._quote_by_box(), self._quote()):
            for kind, amount in (
                ('amount', -0.5),
                ('so_discount', -0.5),
                ('sol_discount', -0.5),
                ('amount', 1e300),
            ):
                with self.subTest(kind=kind, amount=amount), self.assertRaisesRegex(UserError, "an amount from 0"):
                    self._discount(subscription.order_id, kind, amount)

    def test_who_may_not_write_on_the_order_gives_none(self):
        subscription = self._quote_by_box()
        subscription.order_id.user_id = self._create_user('colleague', 'sales_team.group_sale_salesman')
        other = self._create_user('other', 'sales_team.group_sale_salesman')
        wizard = self.env['sale.order.discount'].create(
            {'sale_order_id': subscription.order_id.id, 'discount_type': 'amount', 'discount_amount': 5.0}
        )
        with self.assertRaises(AccessError):
            wizard.with_user(other)._create_discount_lines()
        with self.assertRaises(AccessError):
            self.env['sale.order.discount'].with_user(other).create(
                {'sale_order_id': subscription.order_id.id, 'discount_type': 'amount', 'discount_amount': -5.0}
            ).action_apply_discount()
        self.assertEqual(subscription.discount_on_first, 0.0)

    def test_once_it_runs_prices_are_changed_in_the_plan(self):
        subscription = self._quote_by_box()
        subscription.order_id.action_confirm()
        first = self._sell(self._create_program(3, promotion_scope='first'))
        for sold, kind, amount in (
            (subscription, 'amount', 5.0),
            (subscription, 'so_discount', 0.1),
            (first, 'so_discount', 0.1),
        ):
            with self.subTest(kind=kind), self.assertRaises(UserError):
                self._discount(sold.order_id, kind, amount)

    def test_a_line_below_zero_is_refused(self):
        subscription = self._quote_by_box()
        self._take_off(subscription.order_id, 5.0)
        with self.assertRaisesRegex(UserError, "takes nothing off"):
            subscription.order_id.action_confirm()


@tagged('post_install', '-at_install')
class TestStoppedAfterReduction(OrderTotalCase):
    def _sell_reduced(self, *others):
        """Sell boxes of 20, 21 and 22, with 10 % tax, less 10 %: 19.80, 20.79 and 21.78."""
        subscription = self._quote(*others)
        self._discount(subscription.order_id, 'so_discount', 0.1)
        subscription.order_id.action_confirm()
        return subscription

    def _deliver_first(self, subscription):
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)

    def test_a_box_costs_what_was_paid_for_it(self):
        subscription = self._sell_reduced()
        self._run_job('process_payments')
        self._deliver_first(subscription)
        settlement = subscription._get_settlement(subscription.child_order_ids.browse())
        self.assertAlmostEqual(settlement.to_credit, 42.57, 2)
        subscription._cancel()
        note = self.env['account.move'].search([('continuity_subscription_id', '=', subscription.id)])
        self.assertAlmostEqual(note.amount_total, 42.57, 2)

    def test_stopped_before_it_is_billed(self):
        subscription = self._sell_reduced()
        self._deliver_first(subscription)
        subscription._cancel()
        self.assertAlmostEqual(subscription.order_id.amount_total, 19.80, 2)
        self.assertLaw(subscription.order_id)
        self._run_job('process_payments')
        self.assertAlmostEqual(subscription.order_id.invoice_ids.amount_total, 19.80, 2)

    def test_a_shipment_credited_and_then_stopped(self):
        subscription = self._sell_reduced()
        self._run_job('process_payments')
        self._deliver_first(subscription)
        paid = subscription.order_id.amount_total
        credit = subscription._credit_shipment(subscription.child_order_ids)
        self.assertAlmostEqual(credit.amount_total, 19.80, 2)
        credit.action_post()
        subscription._cancel()
        notes = subscription.order_id.invoice_ids.filtered(lambda move: move.move_type == 'out_refund')
        self.assertAlmostEqual(sum(notes.mapped('amount_total')), paid, 2)
        self.assertEqual(len(notes), 2)


@tagged('post_install', '-at_install')
class TestRevenueAfterReduction(RevenueCase):
    def test_each_box_earns_what_was_paid_for_it(self):
        subscription = self._sell_reduced()
        self._run_job('process_payments')
        self.assertAlmostEqual(self._get_balance(self.deferred), -subscription.order_id.amount_untaxed, 2)
        for month in ('2027-01-01', '2027-02-01', '2027-03-01'):
            self._send(subscription, month)
        self.assertEqual(self._get_balance(self.deferred), 0.0)

    def _sell_reduced(self):
        program = self._create_program(3, bill_upfront=True)
        product = self._create_parent_product(program, property_account_income_id=self.deferred.id)
        subscription = self._sell(program, product=product, confirm=False)
        self.env['sale.order.discount'].create(
            {'sale_order_id': subscription.order_id.id, 'discount_type': 'so_discount', 'discount_percentage': 0.1}
        ).action_apply_discount()
        subscription.order_id.with_context(continuity_as_of=day('2027-01-01')).action_confirm()
        return subscription
