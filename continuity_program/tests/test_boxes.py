from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import day
from .test_access import AccessCase
from .test_charges import ChargeCase
from .test_revenue import RevenueCase
from .test_stop import StopCase

#: Two books in the first box, one in the second.
TWO_IN_ONE = [{'event_number': 1}, {'event_number': 1}, {'event_number': 2}]


class BoxCase(StopCase):
    def _sell_ordered(self, events=3, **values):
        """Sell a program and make its first child order."""
        subscription = self._sell(self._create_program(events, **values))
        self._run_job('create_orders')
        return subscription

    def _sell_delivered(self, events=3, **values):
        subscription = self._sell_ordered(events, **values)
        self._deliver(subscription.child_order_ids)
        return subscription

    def _send_all(self, subscription, on='2027-12-31'):
        """Make and deliver all child orders that are due, bill them and have them paid."""
        self._run_job('create_orders', day(on))
        self._deliver(subscription.child_order_ids.with_context(continuity_as_of=on))
        self._run_job('process_payments', day(on))
        self._pay(subscription.payment_ids.filtered(lambda payment: payment.state == 'billed'))

    def _get_children(self, subscription):
        """Return the child orders as a list of (shipment no., state, total)."""
        return [
            (child.order_line.continuity_line_id[0].event_number, child.state, child.amount_total)
            for child in subscription.child_order_ids.sorted('id')
        ]


@tagged('post_install', '-at_install')
class TestPlanAgain(BoxCase):
    def test_a_cancelled_child_is_planned_again_once(self):
        subscription = self._sell_ordered()
        child = subscription.child_order_ids
        line = subscription.line_ids[0]
        child._action_cancel()
        self.assertEqual(line.state, 'cancelled')
        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).selected_count, 0)

        child.action_plan_continuity_again()

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'planned'),
                (2, '2027-02-01', "Book 2", 'planned'),
                (3, '2027-03-01', "Book 3", 'planned'),
            ],
        )
        self.assertEqual((subscription.next_date, subscription.occurrences_left), (day('2027-01-01'), 0))
        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).done_count, 1)
        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).selected_count, 0)
        self.assertEqual(self._get_children(subscription), [(1, 'cancel', 22.0), (1, 'sale', 22.0)])
        self.assertEqual(line.child_order_id, subscription.child_order_ids.sorted('id')[1])
        with self.assertRaisesRegex(UserError, "has been planned again already"):
            child.action_plan_continuity_again()
        with self.assertRaisesRegex(UserError, "is not cancelled"):
            line.action_plan_again()

    def test_its_payments_stay_cancelled_and_the_new_child_has_its_own(self):
        subscription = self._sell_ordered()
        child = subscription.child_order_ids
        child._action_cancel()
        subscription.line_ids[0].action_plan_again()
        self._run_job('create_orders', day('2027-01-10'))
        new_child = subscription.line_ids[0].child_order_id

        self.assertEqual(
            self._get_payments(subscription), [(child, '', 22.0, 'cancelled'), (new_child, '', 22.0, 'scheduled')]
        )
        self._deliver(new_child)
        self._run_job('process_payments', day('2027-01-10'))
        self.assertEqual((child.invoice_ids.ids, new_child.invoice_ids.amount_total), ([], 22.0))
        self.assertEqual(new_child.continuity_payment_ids.state, 'billed')

    def test_a_billed_child_is_credited_and_the_new_one_billed_anew(self):
        subscription = self._sell_ordered(payment_term_id=self.thirds.id)
        self._run_job('process_payments')
        child = subscription.child_order_ids
        child._action_cancel()
        note = child.invoice_ids.filtered(lambda move: move.move_type == 'out_refund')
        self.assertEqual((note.state, note.amount_total), ('draft', 22.0))

        child.action_plan_continuity_again()
        self._run_job('create_orders', day('2027-01-10'))
        self._run_job('process_payments', day('2027-01-10'))

        new_child = subscription.line_ids[0].child_order_id
        self.assertEqual(new_child.continuity_payment_ids.mapped('amount'), [7.33, 7.33, 7.34])
        self.assertEqual(new_child.invoice_ids.amount_total, 22.0)

    def test_prepaid_value_is_as_before(self):
        subscription = self._sell_ordered(bill_upfront=True)
        self._run_job('process_payments')
        shares = subscription.line_ids.mapped('prepaid_amount')
        child = subscription.child_order_ids
        child._action_cancel()

        child.action_plan_continuity_again()
        self._send_all(subscription)

        self.assertEqual(subscription.line_ids.mapped('prepaid_amount'), shares)
        self.assertEqual(
            self._get_children(subscription), [(1, 'cancel', 0.0), (1, 'sale', 0.0), (2, 'sale', 0.0), (3, 'sale', 0.0)]
        )
        self.assertEqual(subscription.order_id.invoice_ids.amount_total, 69.3)
        self.assertEqual(subscription.payment_ids.mapped('amount'), [69.3])
        self.assertEqual(self._run_job('close', day('2027-12-31')).done_count, 1)

    def test_all_of_a_box_comes_back_together(self):
        subscription = self._sell_ordered(TWO_IN_ONE)
        child = subscription.child_order_ids
        child._action_cancel()

        subscription.line_ids[1].action_plan_again()

        self.assertEqual(subscription.line_ids.mapped('state'), ['planned'] * 3)
        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).done_count, 1)
        self.assertEqual(self._get_children(subscription), [(1, 'cancel', 45.1), (1, 'sale', 45.1)])

    def test_it_may_be_cancelled_and_planned_again_any_number_of_times(self):
        subscription = self._sell_ordered(1)
        for _time in range(3):
            child = subscription.line_ids.child_order_id
            child._action_cancel()
            child.action_plan_continuity_again()
            self._run_job('create_orders', day('2027-01-10'))

        self.assertEqual(
            [state for _number, state, _total in self._get_children(subscription)], ['cancel'] * 3 + ['sale']
        )
        self._send_all(subscription)
        self.assertEqual(self._run_job('close', day('2027-12-31')).done_count, 1)

    def test_a_given_back_child_is_not_taken_up_again(self):
        subscription = self._sell_ordered()
        child = subscription.child_order_ids
        child._action_cancel()
        child.action_plan_continuity_again()
        for take_up in (child.action_draft, child.action_confirm, lambda: child.write({'state': 'draft'})):
            with self.assertRaisesRegex(UserError, f"{child.name} cannot be taken up again: its shipment is planned"):
                take_up()
        self._run_job('create_orders', day('2027-01-10'))
        new_child = subscription.line_ids[0].child_order_id

        for take_up in (child.action_draft, child.action_confirm, lambda: child.write({'state': 'sale'})):
            with self.assertRaisesRegex(UserError, f"{child.name} cannot be taken up again: {new_child.name} sends"):
                take_up()
        new_child._action_cancel()
        with self.assertRaisesRegex(UserError, f"{child.name} cannot be taken up again"):
            child.action_draft()

    def test_one_that_is_not_given_back_is_taken_up_by_odoos_own_buttons(self):
        subscription = self._sell_ordered()
        child = subscription.child_order_ids
        child._action_cancel()

        child.action_draft()
        child.action_confirm()

        self.assertEqual((child.state, subscription.line_ids[0].state), ('sale', 'ordered'))
        self.assertEqual(subscription.payment_ids.mapped('state'), ['cancelled', 'scheduled'])
        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).selected_count, 0)

    def test_one_whose_shipment_another_order_sends_is_not_taken_up(self):
        subscription = self._sell_ordered()
        child = subscription.child_order_ids
        child._action_cancel()
        other = child.copy({'continuity_parent_id': subscription.order_id.id})
        other.order_line.sudo().continuity_line_id = subscription.line_ids[0]

        with self.assertRaisesRegex(UserError, f"{child.name} cannot be taken up again: {other.name} sends"):
            child.action_draft()

    def test_a_child_that_was_deleted_leaves_its_box_cancelled_by_hand(self):
        subscription = self._sell_ordered()
        child = subscription.child_order_ids
        child._action_cancel()
        child.unlink()
        self.assertEqual((subscription.line_ids[0].state, subscription.line_ids[0].cancel_cause), ('cancelled', 'hand'))

        subscription.line_ids[0].action_plan_again()

        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).done_count, 1)
        self.assertEqual(self._get_children(subscription), [(1, 'sale', 22.0)])

    def test_deleting_a_given_back_child_leaves_the_plan(self):
        subscription = self._sell_ordered()
        child = subscription.child_order_ids
        child._action_cancel()
        child.action_plan_continuity_again()

        child.unlink()

        self.assertEqual(subscription.line_ids[0].state, 'planned')

    def test_while_paused_it_waits_for_the_end_of_the_pause(self):
        subscription = self._sell_ordered()
        subscription.with_context(continuity_as_of='2027-01-05')._pause()
        subscription.child_order_ids._action_cancel()
        subscription.line_ids[0].action_plan_again()

        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).selected_count, 0)
        subscription.with_context(continuity_as_of='2027-01-20')._resume()

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01'])
        self.assertEqual(self._run_job('create_orders', day('2027-01-20')).done_count, 1)

    def test_refused_with_the_reason(self):
        subscription = self._sell_delivered()
        child = subscription.child_order_ids
        with self.assertRaisesRegex(UserError, f"{child.name}, which sends .*, is not cancelled"):
            child.action_plan_continuity_again()
        with self.assertRaisesRegex(UserError, "is planned already"):
            subscription.line_ids[1].action_plan_again()
        child._action_cancel()
        with self.assertRaisesRegex(UserError, "has left with"):
            child.action_plan_continuity_again()
        with self.assertRaisesRegex(UserError, "sends nothing of a continuity plan"):
            subscription.order_id.action_plan_continuity_again()
        subscription.line_ids[2]._cancel_planned('program')
        with self.assertRaisesRegex(UserError, "does not come back by hand"):
            subscription.line_ids[2].action_plan_again()

    def test_refused_where_the_subscription_has_ended(self):
        subscription = self._sell_ordered()
        child = subscription.child_order_ids
        child._action_cancel()
        subscription._cancel()
        with self.assertRaisesRegex(UserError, "has been stopped: reactivate it first, or sell it anew"):
            child.action_plan_continuity_again()
        subscription._planning().state = 'done'
        with self.assertRaisesRegex(UserError, "is done: reopen it first"):
            subscription.line_ids[0].action_plan_again()

    def test_a_credited_box_does_not_come_back(self):
        subscription = self._sell_delivered(bill_upfront=True)
        self._run_job('process_payments')
        child = subscription.child_order_ids
        self._return(child)
        child.action_credit_continuity()
        child._action_cancel()

        with self.assertRaisesRegex(UserError, "has been credited"):
            child.action_plan_continuity_again()

    def test_the_buttons_show_where_they_apply(self):
        subscription = self._sell_ordered()
        child, line = subscription.child_order_ids, subscription.line_ids[0]
        self.assertEqual((child.continuity_can_plan_again, line.can_plan_again), (False, False))
        child._action_cancel()
        self.assertEqual((child.continuity_can_plan_again, line.can_plan_again), (True, True))
        child.action_plan_continuity_again()
        self.assertEqual((child.continuity_can_plan_again, line.can_plan_again), (False, False))


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
        subscription._planning().state = 'done'
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


@tagged('post_install', '-at_install')
class TestCancelBox(BoxCase):
    def test_it_is_not_sent_and_nothing_instead(self):
        program = self._create_program(5)
        product = self._create_parent_product(program, continuity_event_count=3)
        subscription = self._sell(program, product=product)

        subscription.line_ids[1].action_cancel_box()

        self.assertEqual((subscription.line_ids[1].state, subscription.line_ids[1].cancel_cause), ('cancelled', 'hand'))
        self.assertEqual((subscription.shipment_count, subscription.amount_total), (2, 46.2))
        self._run_job('extend', day('2027-12-31'))
        self._send_all(subscription)
        self.assertEqual(self._get_children(subscription), [(1, 'sale', 22.0), (3, 'sale', 24.2)])
        self.assertEqual(self._run_job('close', day('2027-12-31')).done_count, 1)

    def test_the_whole_box_goes_and_comes_back(self):
        subscription = self._sell(self._create_program(TWO_IN_ONE))

        subscription.line_ids[0].action_cancel_box()
        self.assertEqual(subscription.line_ids.mapped('state'), ['cancelled', 'cancelled', 'planned'])
        self.assertEqual(subscription.next_date, day('2027-02-01'))
        subscription.line_ids[1].action_plan_again()

        self.assertEqual(subscription.line_ids.mapped('state'), ['planned'] * 3)
        self.assertEqual(subscription.line_ids.mapped('cancel_cause'), [False] * 3)
        self._run_job('create_orders')
        self.assertEqual(self._get_children(subscription), [(1, 'sale', 45.1)])

    def test_it_comes_back_in_the_quantity_bought_by_then(self):
        subscription = self._sell(self._create_program(3))
        subscription.line_ids[1].action_cancel_box()
        subscription.order_line_id.product_uom_qty = 3

        subscription.line_ids[1].action_plan_again()

        self.assertEqual(subscription.line_ids.mapped('quantity'), [3.0, 3.0, 3.0])

    def test_also_while_paused(self):
        subscription = self._sell(self._create_program(3))
        subscription.with_context(continuity_as_of='2027-01-01')._pause()

        subscription.line_ids[0].action_cancel_box()

        self.assertEqual(subscription.line_ids.mapped('state'), ['cancelled', 'planned', 'planned'])

    def test_refused_with_the_reason(self):
        prepaid = self._sell(self._create_program(2, bill_upfront=True))
        with self.assertRaisesRegex(UserError, "paid in advance: stop the subscription, or credit the shipment"):
            prepaid.line_ids[1].action_cancel_box()
        subscription = self._sell_ordered()
        child = subscription.child_order_ids
        with self.assertRaisesRegex(UserError, f"is ordered: cancel its child order {child.name} instead"):
            subscription.line_ids[0].action_cancel_box()
        self._deliver(child)
        with self.assertRaisesRegex(UserError, "is delivered and cannot be cancelled"):
            subscription.line_ids[0].action_cancel_box()
        subscription._cancel()
        with self.assertRaisesRegex(UserError, "has been stopped"):
            subscription.line_ids[1].action_cancel_box()
        draft = self._sell(self._create_program(2), confirm=False)
        with self.assertRaisesRegex(UserError, "is not confirmed yet: change its plan instead"):
            draft.line_ids[0].action_cancel_box()


@tagged('post_install', '-at_install')
class TestBoxAccess(AccessCase):
    def test_who_may_not_change_the_plan_does_nothing_about_its_boxes(self):
        child = self.theirs.child_order_ids
        child._action_cancel()
        for login in ('own', 'accountant', 'auditor', 'portal', 'internal'):
            user = self.users[login]
            for action in (
                child.with_user(user).action_plan_continuity_again,
                child.with_user(user).action_send_continuity_again,
                self.theirs.line_ids[0].with_user(user).action_plan_again,
                self.theirs.line_ids[0].with_user(user).action_send_again,
                self.theirs.line_ids[1].with_user(user).action_cancel_box,
            ):
                with self.subTest(login=login, action=action.__name__), self.assertRaises(AccessError):
                    action()

    def test_a_salesperson_helps_the_customer(self):
        mine = self.mine.with_user(self.users['own'])
        child = mine.child_order_ids
        child.action_cancel()

        child.action_plan_continuity_again()
        mine.line_ids[1].action_cancel_box()
        self._run_job('create_orders', domain=[('id', '=', mine.id)])
        self._deliver(self.mine.line_ids[0].child_order_id)
        mine.line_ids[0].action_send_again()

        self.assertEqual(mine.line_ids.sorted('id').mapped('state'), ['delivered', 'cancelled', 'planned', 'planned'])
        self.assertTrue(mine.line_ids.filtered('replaces_line_id').can_cancel_box)
        bodies = ' '.join(self.mine.message_ids.mapped('body'))
        self.assertIn("Shipment 1 is planned again by Own.", bodies)
        self.assertIn("Shipment 2 is cancelled by Own.", bodies)
        self.assertIn("Shipment 1 is sent again, ordered by Own.", bodies)
