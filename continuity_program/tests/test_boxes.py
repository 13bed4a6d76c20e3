from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import day
from .common_access import AccessCase
from .common_boxes import TWO_IN_ONE, BoxCase


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
        subscription._unguarded().state = 'done'
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
