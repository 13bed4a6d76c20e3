from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_revenue import RevenueCase


@tagged('post_install', '-at_install')
class TestRevenue(RevenueCase):
    def test_each_delivered_share_is_moved_once(self):
        subscription = self._sell_deferred()
        self._run_job('process_payments')
        self.assertEqual(self._get_balance(self.deferred), -63.0)
        first = subscription.line_ids[0]

        self._send(subscription, '2027-01-01')

        income = self.books[0].product_tmpl_id.get_product_accounts()['income']
        move = first.revenue_move_id
        self.assertEqual((move.state, move.journal_id), ('posted', self.journal))
        self.assertEqual(move.date, first.child_order_id.continuity_shipped_date)
        self.assertEqual(self._get_entry(move), [(self.deferred, 20.0), (income, -20.0)])
        self.assertEqual(self._get_balance(self.deferred), -43.0)
        self._run_job('process_payments', day('2027-01-15'))
        self.assertEqual(self._get_balance(self.deferred), -43.0)

    def test_a_plan_that_is_not_billed_earns_nothing_beside_one_that_is(self):
        billed, held = self._sell_deferred(), self._sell_deferred()
        held.payment_ids.action_hold()
        self._run_job('process_payments')
        self._run_job('create_orders')
        self._deliver((billed | held).child_order_ids)
        self.assertEqual((billed | held).line_ids.filtered('is_revenue_due').subscription_id, billed | held)

        lines = (billed | held).payment_ids._get_lines_to_earn()

        self.assertEqual(lines, billed.line_ids[0])

    def test_at_close_nothing_is_deferred(self):
        subscription = self._sell_deferred()
        for on in ('2027-01-01', '2027-02-01', '2027-03-01'):
            self._send(subscription, on)
        self.assertEqual(self._get_balance(self.deferred), 0.0)
        self._pay(subscription.payment_ids)

        self._run_job('close', day('2027-03-02'))

        self.assertEqual(subscription.state, 'done')

    def test_a_plan_waits_for_its_revenue_to_close(self):
        subscription = self._sell_deferred(1)
        self._run_job('process_payments')
        self._run_job('create_orders')
        self._pay(subscription.payment_ids)
        self._deliver(subscription.child_order_ids)
        self.assertEqual(self._run_job('close', day('2027-06-01')).selected_count, 0)

        self._run_job('process_payments', day('2027-06-01'))

        self.assertEqual(self._run_job('close', day('2027-06-01')).done_count, 1)

    def test_preview_tells_the_revenue_to_post(self):
        subscription = self._sell_deferred()
        self._run_job('process_payments')
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)

        rows = self.env['continuity.job.run']._preview('process_payments', as_of='2027-01-02')

        self.assertEqual([(row['order_id'], row['amount']) for row in rows], [(subscription.child_order_ids.id, 20.0)])
        self.assertFalse(subscription.line_ids[0].revenue_move_id)

    def test_foreign_currency_leaves_nothing_at_the_bills_own_rate(self):
        currency = self.env['res.currency'].create({'name': 'FOR', 'symbol': 'F', 'rounding': 0.01})
        rate = self.env['res.currency.rate'].create({'currency_id': currency.id, 'name': '2026-01-01', 'rate': 0.877})
        pricelist = self.env['product.pricelist'].create({'name': "Foreign", 'currency_id': currency.id})
        program = self._create_program(3, bill_upfront=True)
        product = self._create_parent_product(program, property_account_income_id=self.deferred.id)
        subscription = self._sell(program, product=product, order={'pricelist_id': pricelist.id})
        self._run_job('process_payments')
        rate.rate = 1.3

        for on in ('2027-01-01', '2027-02-01', '2027-03-01'):
            self._send(subscription, on)

        self.assertEqual(self._get_balance(self.deferred), 0.0)
        moves = subscription.line_ids.revenue_move_id
        debits = moves.line_ids.filtered(lambda line: line.account_id == self.deferred)
        self.assertEqual(debits.mapped('amount_currency'), subscription.line_ids.mapped('prepaid_amount'))
        bill_line = subscription._get_bill_line()
        self.assertAlmostEqual(
            debits[0].balance, debits[0].amount_currency * bill_line.balance / bill_line.amount_currency, 2
        )

    def test_a_stopped_plan_leaves_nothing_deferred(self):
        subscription = self._sell_deferred()
        self._send(subscription, '2027-01-01')
        subscription._cancel()
        self._get_note(subscription).action_post()

        self.assertEqual(self._get_balance(self.deferred), 0.0)

    def test_a_credited_shipment_takes_its_revenue_back(self):
        for is_returned in (False, True):
            with self.subTest(is_returned=is_returned):
                before = self._get_balance(self.deferred)
                subscription = self._sell_deferred()
                self._send(subscription, '2027-01-01')
                child = subscription.child_order_ids
                income = self.books[0].product_tmpl_id.get_product_accounts()['income']
                earned = self._get_balance(income)
                if is_returned:
                    self._return(child)
                action = child.action_credit_continuity()
                note = self.env['account.move'].browse(action['res_id'])
                note.action_post()

                self.assertEqual(note.amount_untaxed, 20.0)
                self.assertEqual(self._get_balance(income), earned + 20.0)
                self.assertEqual(self._get_balance(self.deferred), before - 43.0)

    def test_without_a_journal_nothing_is_moved(self):
        self.company.continuity_revenue_journal_id = False
        subscription = self._sell_deferred()
        self._send(subscription, '2027-01-01')

        self.assertFalse(subscription.line_ids[0].revenue_move_id)
        self.assertEqual(subscription.line_ids[0].revenue_date, subscription.child_order_ids.continuity_shipped_date)
        self.company.continuity_revenue_journal_id = self.journal
        self.assertEqual(self._run_job('process_payments', day('2027-01-05')).selected_count, 0)

    def test_bill_with_the_first_shipment(self):
        subscription = self._sell_deferred(upfront_invoice_moment='first_shipment')

        self._send(subscription, '2027-01-01')

        self.assertEqual(self._get_balance(self.deferred), -43.0)


@tagged('post_install', '-at_install')
class TestCostOfPrepaidGoods(RevenueCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.valuation = cls.env['account.account'].create(
            {'name': "Stock Valuation", 'code': '110999', 'account_type': 'asset_current'}
        )
        cls.cost = cls.env['account.account'].create(
            {'name': "Cost of Goods", 'code': '600999', 'account_type': 'expense_direct_cost'}
        )
        cls.books.categ_id = cls.env['product.category'].create(
            {
                'name': "Books",
                'property_valuation': 'real_time',
                'property_cost_method': 'standard',
                'property_stock_valuation_account_id': cls.valuation.id,
                'property_account_expense_categ_id': cls.cost.id,
            }
        )
        cls.books.standard_price = 8.0

    def test_goods_in_real_time_valuation_are_expensed_with_the_revenue(self):
        subscription = self._sell_deferred()
        self._send(subscription, '2027-01-01')

        move = subscription.line_ids[0].revenue_move_id
        income = self.books[0].product_tmpl_id.get_product_accounts()['income']
        self.assertEqual(
            self._get_entry(move), [(self.deferred, 20.0), (self.cost, 8.0), (self.valuation, -8.0), (income, -20.0)]
        )

    def test_without_a_journal_the_cost_is_posted_all_the_same(self):
        self.company.continuity_revenue_journal_id = False
        subscription = self._sell_deferred()
        self._send(subscription, '2027-01-01')

        self.assertEqual(
            self._get_entry(subscription.line_ids[0].revenue_move_id), [(self.cost, 8.0), (self.valuation, -8.0)]
        )

    def test_the_cost_is_what_an_invoice_of_the_goods_would_post(self):
        order = self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': self.books[0].id, 'product_uom_qty': 3})],
            }
        )
        order.action_confirm()
        self._deliver(order)
        invoice = order._create_invoices()
        invoice.action_post()
        expected = [
            (line.account_id, line.balance)
            for line in invoice.line_ids.filtered(lambda line: line.display_type == 'cogs')
        ]
        subscription = self._sell(self._create_program(1, bill_upfront=True), quantity=3)
        self._send(subscription, '2027-01-01')

        move = subscription.line_ids.revenue_move_id
        cost = [
            (line.account_id, line.balance) for line in move.line_ids if line.account_id in self.cost | self.valuation
        ]
        self.assertEqual(sorted(cost, key=lambda pair: pair[1]), sorted(expected, key=lambda pair: pair[1]))

    def test_a_box_sent_again_is_expensed_once_with_the_plan(self):
        """Each shipment has a bill of its own: one of them is there for what the lost one cost."""
        subscription = self._sell(self._create_program(3))
        for on in ('2027-01-01', '2027-02-01', '2027-03-01'):
            self._send(subscription, on)
        self.assertEqual(subscription.payment_ids.mapped('number'), [1, 1, 1])
        again = subscription.line_ids[0].with_context(continuity_as_of='2027-03-10')._send_again()
        self._run_job('create_orders', day('2027-03-10'))
        self._deliver(again.child_order_id.with_context(continuity_as_of='2027-03-10'))

        rows = self.env['continuity.job.run']._preview('process_payments', as_of='2027-03-11')
        run = self._run_job('process_payments', day('2027-03-11'))

        self.assertEqual([row['order_id'] for row in rows], [again.child_order_id.id])
        self.assertEqual(run.done_count, 1)
        self.assertEqual(self._get_entry(again.revenue_move_id), [(self.cost, 8.0), (self.valuation, -8.0)])

    def test_what_came_back_is_in_stock_again(self):
        subscription = self._sell_deferred()
        self._send(subscription, '2027-01-01')
        child = subscription.child_order_ids
        self._return(child)

        child.action_credit_continuity()

        self.assertEqual((self._get_balance(self.cost), self._get_balance(self.valuation)), (0.0, 0.0))
