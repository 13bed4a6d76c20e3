from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import day
from .common_boxes import TWO_IN_ONE, BoxCase
from .common_payments import ChargeCase
from .common_revenue import RevenueCase


@tagged('post_install', '-at_install')
class TestSendAgain(BoxCase):
    def _send_again(self, line, on='2027-01-10'):
        return line.with_context(continuity_as_of=on)._send_again()

    def _get_figures(self, subscription):
        return (
            subscription.shipment_count,
            subscription.amount_per_shipment,
            subscription.amount_planned,
            subscription.amount_total,
            subscription.occurrences_left,
            subscription.open_occurrence_count,
            subscription.payments_to_come,
        )

    def test_a_lost_box_is_sent_again_for_nothing_and_counts_nowhere(self):
        subscription = self._sell_delivered()
        lost = subscription.line_ids[0]
        figures = self._get_figures(subscription)

        again = self._send_again(lost)

        self.assertEqual(
            (again.replaces_line_id, again.event_number, again.product_id, again.quantity, again.price_total),
            (lost, 1, self.books[0], 1.0, 0.0),
        )
        self.assertEqual((again.date_planned, again.state), (day('2027-01-10'), 'planned'))
        self.assertEqual(subscription.next_date, day('2027-01-10'))
        self.assertEqual(self._get_figures(subscription), figures)
        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).done_count, 1)
        child = again.child_order_id
        self.assertEqual((child.amount_total, child.order_line.product_uom_qty), (0.0, 1.0))
        self.assertFalse(child.continuity_payment_ids)
        self.assertEqual(self._get_figures(subscription), figures)

        self._deliver(child.with_context(continuity_as_of='2027-01-10'))

        self.assertEqual((again.state, again.is_invoiced), ('delivered', True))
        self.assertEqual((child.invoice_status, child.order_line.qty_to_invoice), ('invoiced', 0.0))
        self.assertEqual(self._get_figures(subscription), figures)
        self._send_all(subscription)
        self.assertEqual(subscription.child_order_ids.invoice_ids.mapped('amount_total'), [22.0, 23.1, 24.2])
        self.assertEqual(self._run_job('close', day('2027-12-31')).done_count, 1)

    def test_of_a_plan_billed_in_advance_nothing_is_shared_out_anew(self):
        subscription = self._sell_prepaid(2)
        self._pay(subscription.payment_ids)
        figures = self._get_figures(subscription)

        again = self._send_again(subscription.line_ids[0])
        subscription._share_prepaid()
        self._send_all(subscription)

        self.assertEqual(
            (again.prepaid_amount, again.child_order_id.amount_total, again.state), (0.0, 0.0, 'delivered')
        )
        self.assertEqual(sum(subscription.line_ids.mapped('prepaid_amount')), 41.0)
        self.assertEqual((subscription.shipment_count, subscription.amount_total), (figures[0], figures[3]))
        self.assertEqual(subscription.payment_ids.mapped('amount'), [45.1])
        self.assertEqual(self._run_job('close', day('2027-12-31')).done_count, 1)

    def test_nothing_is_to_be_invoiced_by_a_schedule_either(self):
        subscription = self._sell_delivered(payment_term_id=self.thirds.id)
        again = self._send_again(subscription.line_ids[0])
        self._run_job('create_orders', day('2027-01-10'))
        child = again.child_order_id

        self.assertFalse(child.continuity_payment_ids)
        self.assertEqual(child.order_line.qty_to_invoice, 0.0)
        self._deliver(child.with_context(continuity_as_of='2027-01-10'))
        self.assertEqual((child.order_line.qty_to_invoice, child.invoice_status), (0.0, 'invoiced'))

    def test_sending_it_costs_nothing(self):
        shipping = self._create_product("Shipping", 0.0, type='service', is_storable=False)
        carrier = self.env['delivery.carrier'].create(
            {'name': "Post", 'product_id': shipping.id, 'delivery_type': 'fixed', 'fixed_price': 4.0}
        )
        for values in (
            {'shipping_policy': 'fixed', 'shipping_product_id': shipping.id, 'shipping_amount': 2.5},
            {'shipping_policy': 'carrier'},
        ):
            with self.subTest(values['shipping_policy']):
                subscription = self._sell_delivered([{'carrier_id': carrier.id}, {}], **values)
                self.assertEqual(len(subscription.child_order_ids.order_line), 2)
                again = self._send_again(subscription.line_ids[0])
                self._run_job('create_orders', day('2027-01-10'))

                self.assertEqual((again.child_order_id.amount_total, again.child_order_id.carrier_id), (0.0, carrier))
                self.assertEqual(again.child_order_id.order_line.continuity_line_id, again)

    def test_plans_are_extended_as_if_it_were_not_there(self):
        self.company.continuity_repeat_threshold = 1
        subscription = self._sell_delivered([{'repeat_forever': True}])
        self._send_again(subscription.line_ids[0], '2027-01-01')

        self._run_job('extend', day('2027-01-01'))

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'delivered'),
                (1, '2027-01-01', "Book 1", 'planned'),
                (2, '2027-02-01', "Book 1", 'planned'),
            ],
        )

    def test_only_what_has_left_is_sent_again(self):
        subscription = self._sell_ordered(TWO_IN_ONE)
        move = subscription.child_order_ids.picking_ids.move_ids[0]
        move.write({'quantity': 1.0, 'picked': True})
        move.picking_id._action_done()
        first, second = subscription.line_ids[:2]
        self.assertEqual((first.state, second.state), ('delivered', 'ordered'))

        subscription.child_order_ids.action_send_continuity_again()

        self.assertEqual(subscription.line_ids.filtered('replaces_line_id').replaces_line_id, first)
        with self.assertRaisesRegex(UserError, "has not left yet"):
            second.action_send_again()

    def test_a_box_goes_again_as_a_whole_to_the_same_address(self):
        neighbour = self.env['res.partner'].create({'name': "Neighbour"})
        subscription = self._sell(self._create_program(TWO_IN_ONE))
        subscription.line_ids[:2].partner_shipping_id = neighbour
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)

        self._send_again(subscription.line_ids[1])
        self._run_job('create_orders', day('2027-01-10'))

        child = subscription.child_order_ids.sorted('id')[-1]
        self.assertEqual(child.order_line.product_id, self.books[:2])
        self.assertEqual(child.partner_shipping_id, neighbour)

    def test_a_box_that_came_back_is_sent_again(self):
        subscription = self._sell_delivered()
        self._return(subscription.child_order_ids)
        self.assertEqual(subscription.line_ids[0].state, 'ordered')

        self._send_again(subscription.line_ids[0])

        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).done_count, 1)

    def test_one_at_a_time_and_as_often_as_it_is_lost(self):
        subscription = self._sell_delivered()
        lost = subscription.line_ids[0]
        again = self._send_again(lost)
        with self.assertRaisesRegex(UserError, "being sent again already: its child order is made next"):
            lost.action_send_again()
        self._run_job('create_orders', day('2027-01-10'))
        with self.assertRaisesRegex(UserError, f"being sent again already: {again.child_order_id.name}"):
            lost.child_order_id.action_send_continuity_again()
        self._deliver(again.child_order_id.with_context(continuity_as_of='2027-01-10'))

        third = self._send_again(again, '2027-01-20')

        self.assertEqual(third.replaces_line_id, lost)
        for line in (lost, again):
            with self.assertRaisesRegex(UserError, "being sent again already"):
                line.action_send_again()

    def test_refused_with_the_reason(self):
        draft = self._sell(self._create_program(2), confirm=False)
        with self.assertRaisesRegex(UserError, "is not confirmed yet"):
            draft.line_ids[0].action_send_again()
        subscription = self._sell_ordered()
        for line in subscription.line_ids:
            with self.assertRaisesRegex(UserError, "has not left yet"):
                line.action_send_again()
        with self.assertRaisesRegex(UserError, "sends nothing of a continuity plan"):
            subscription.order_id.action_send_continuity_again()
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments')
        subscription.child_order_ids.action_credit_continuity()
        with self.assertRaisesRegex(UserError, "has been credited"):
            subscription.line_ids[0].action_send_again()

    def test_refused_where_the_subscription_has_ended(self):
        subscription = self._sell_delivered()
        subscription._cancel()
        with self.assertRaisesRegex(UserError, "has been stopped: reactivate it first"):
            subscription.line_ids[0].action_send_again()
        subscription._unguarded().state = 'done'
        with self.assertRaisesRegex(UserError, "is done: reopen it first"):
            subscription.child_order_ids.action_send_continuity_again()

    def test_a_pause_neither_skips_nor_moves_it(self):
        program = self._create_program([{'start_date': day('2027-01-01')}, {}, {}])
        subscription = self._sell(program)
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        subscription.with_context(continuity_as_of='2027-01-05')._pause()
        again = self._send_again(subscription.line_ids[0])
        self.assertEqual(self._run_job('create_orders', day('2027-01-15')).selected_count, 0)

        subscription.with_context(continuity_as_of='2027-01-20')._resume()

        self.assertEqual((again.state, again.date_planned), ('planned', day('2027-01-10')))
        self.assertEqual(self._run_job('create_orders', day('2027-01-20')).done_count, 1)

    def test_it_stays_free_and_as_many_whatever_is_changed(self):
        subscription = self._sell_delivered()
        again = self._send_again(subscription.line_ids[0])

        subscription.order_line_id.product_uom_qty = 3
        again.product_id = self.books[5]

        self.assertEqual((again.quantity, again.price_unit), (1.0, 0.0))
        with self.assertRaisesRegex(UserError, "sent again free of charge"):
            again.price_unit = 5.0
        self._run_job('create_orders', day('2027-01-10'))
        self.assertEqual(again.child_order_id.amount_total, 0.0)

    def test_it_can_be_taken_back_until_it_is_ordered(self):
        subscription = self._sell_delivered()
        again = self._send_again(subscription.line_ids[0])

        again.action_remove()

        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).selected_count, 0)
        again = self._send_again(subscription.line_ids[0])
        again.action_cancel_box()
        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).selected_count, 0)

    def test_its_cancelled_child_is_planned_again_like_any(self):
        subscription = self._sell_delivered()
        again = self._send_again(subscription.line_ids[0])
        self._run_job('create_orders', day('2027-01-10'))
        again.child_order_id._action_cancel()

        again.action_plan_again()

        self.assertEqual(again.state, 'planned')
        with self.assertRaisesRegex(UserError, "cannot be deleted"):
            again.action_remove()
        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).done_count, 1)
        self.assertEqual(again.child_order_id.amount_total, 0.0)

    def test_stopping_takes_it_away_and_settles_what_was_lost_as_delivered(self):
        subscription = self._sell_prepaid()
        again = self._send_again(subscription.line_ids[0])

        subscription._cancel()

        self.assertEqual(again.state, 'cancelled')
        self.assertEqual(self._get_note(subscription).amount_total, 47.3)

    def test_there_is_nothing_to_credit_on_it(self):
        subscription = self._sell_prepaid()
        again = self._send_again(subscription.line_ids[0])
        self._run_job('create_orders', day('2027-01-10'))
        self._deliver(again.child_order_id.with_context(continuity_as_of='2027-01-10'))

        lost_child = subscription.line_ids[0].child_order_id
        with self.assertRaisesRegex(UserError, f"was sent again free of charge: credit {lost_child.name} instead"):
            again.child_order_id.action_credit_continuity()


@tagged('post_install', '-at_install')
class TestSendAgainByCard(ChargeCase, BoxCase):
    def test_neither_a_card_nor_its_charge_keeps_it_back(self):
        self.company.continuity_charge_moment = 'creation'
        subscription = self._sell_ordered()
        self._run_job('process_payments')
        self._deliver(subscription.child_order_ids)
        self.assertEqual([amount for _reference, amount in self.ledger], [22.0])
        self.token.active = False

        again = subscription.line_ids[0].with_context(continuity_as_of='2027-01-10')._send_again()

        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).done_count, 1)
        self.assertFalse(again.child_order_id.continuity_payment_hold)
        self._run_job('process_payments', day('2027-01-10'))
        self.assertEqual(len(self.ledger), 1)


@tagged('post_install', '-at_install')
class TestSendAgainInTheBooks(RevenueCase, BoxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.valuation, cls.cost = cls.env['account.account'].create(
            [
                {'name': "Stock Valuation", 'code': '110999', 'account_type': 'asset_current'},
                {'name': "Cost of Goods", 'code': '600999', 'account_type': 'expense_direct_cost'},
            ]
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

    def test_it_costs_and_earns_nothing(self):
        for sell in (self._sell_deferred, lambda events: self._sell(self._create_program(events))):
            subscription = sell(2)
            with self.subTest(bill_upfront=subscription.bill_upfront):
                self._send(subscription, '2027-01-01')
                again = subscription.line_ids[0].with_context(continuity_as_of='2027-01-10')._send_again()

                self._send(subscription, '2027-01-10')

                self.assertEqual(self._get_entry(again.revenue_move_id), [(self.cost, 8.0), (self.valuation, -8.0)])
                self._send(subscription, '2027-02-01')
                self._pay(subscription.payment_ids)
                self.assertEqual(self._run_job('close', day('2027-02-02')).done_count, 1)
        self.assertEqual(self._get_balance(self.deferred), 0.0)
        self.assertEqual(self._get_balance(self.cost), 48.0)
