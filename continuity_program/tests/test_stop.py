from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payments import ChargeCase, PrepaymentCase
from .common_stop import StopCase


@tagged('post_install', '-at_install')
class TestStopUpfront(StopCase):
    def test_what_is_not_sent_is_credited_paid_or_not(self):
        subscription = self._sell_prepaid()
        dialog = self._open_dialog(subscription)
        self.assertEqual((dialog.planned_count, dialog.line_ids.ids), (2, []))
        self.assertEqual((dialog.to_credit, dialog.to_refund, dialog.to_pay), (47.3, 0.0, 22.0))

        dialog.action_stop()

        note = self._get_note(subscription)
        self.assertEqual(
            (note.state, note.move_type, note.amount_untaxed, note.amount_total), ('draft', 'out_refund', 43.0, 47.3)
        )
        self.assertEqual(note.reversed_entry_id, subscription.order_id.invoice_ids - note)
        self.assertEqual(subscription.line_ids.mapped('state'), ['delivered', 'cancelled', 'cancelled'])
        self.assertEqual(subscription.order_id.invoice_status, 'invoiced')
        note.action_post()
        self.assertEqual(subscription.payment_ids.move_line_id.amount_residual, 22.0)
        self.assertEqual(subscription.payment_ids.state, 'billed')
        self._pay(subscription.payment_ids)
        self.assertEqual(subscription.payment_ids.state, 'paid')

    def test_paid_plan_leaves_a_refund(self):
        subscription = self._sell_prepaid()
        self._pay(subscription.payment_ids)
        dialog = self._open_dialog(subscription)
        self.assertEqual((dialog.to_credit, dialog.to_refund, dialog.to_pay), (47.3, 47.3, 0.0))

        dialog.action_stop()

        note = self._get_note(subscription)
        note.action_post()
        self.assertEqual(note.amount_residual, 47.3)

    def test_the_last_instalments_are_closed_first(self):
        subscription = self._sell_prepaid(payment_term_id=self.thirds.id)
        first, second, third = subscription.payment_ids
        self._pay(first)
        dialog = self._open_dialog(subscription)
        self.assertEqual((dialog.to_credit, dialog.to_refund, dialog.to_pay), (47.3, 1.1, 0.0))

        subscription._cancel()
        self._get_note(subscription).action_post()

        self.assertEqual((first.state, second.state, third.state), ('paid', 'paid', 'paid'))
        self.assertEqual(self._get_note(subscription).amount_residual, 1.1)

    def test_part_of_an_instalment_stays_owed(self):
        subscription = self._sell_prepaid(payment_term_id=self.thirds.id)
        self._run_job('create_orders', day('2027-02-01'))
        self._deliver(subscription.child_order_ids.with_context(continuity_as_of='2027-02-01'))

        subscription._cancel()
        self._get_note(subscription).action_post()

        self.assertEqual(subscription.payment_ids.mapped('state'), ['billed', 'billed', 'paid'])
        self.assertEqual(subscription.payment_ids.move_line_id.mapped('amount_residual'), [23.1, 22.0, 0.0])

    def test_a_shipment_on_its_way_goes_or_is_stopped(self):
        for is_stopped, untaxed, total in ((False, 22.0, 24.2), (True, 43.0, 47.3)):
            with self.subTest(is_stopped=is_stopped):
                subscription = self._sell_prepaid()
                self._run_job('create_orders', day('2027-02-01'))
                on_its_way = subscription.child_order_ids.filtered(lambda child: child.delivery_status != 'full')
                dialog = self._open_dialog(subscription)
                self.assertEqual(dialog.line_ids.order_id, on_its_way)
                dialog.line_ids.is_stopped = is_stopped
                self.assertEqual(dialog.to_credit, total)

                dialog.action_stop()

                self.assertEqual(self._get_note(subscription).amount_untaxed, untaxed)
                self.assertEqual(on_its_way.state, 'cancel' if is_stopped else 'sale')

    def test_not_billed_yet_nothing_is_billed(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True))

        subscription._cancel()

        self.assertEqual(subscription.payment_ids.state, 'cancelled')
        self.assertEqual(self._run_job('process_payments').selected_count, 0)
        self.assertFalse(subscription.order_id.invoice_ids)
        self.assertEqual(subscription.order_id.invoice_status, 'invoiced')

    def test_not_billed_yet_only_what_is_owed_is_billed(self):
        program = self._create_program(
            3, bill_upfront=True, upfront_invoice_moment='first_shipment', payment_term_id=self.thirds.id
        )
        subscription = self._sell(program)
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        self.assertEqual(self._open_dialog(subscription).to_pay, 22.0)

        subscription._cancel()
        self._run_job('process_payments', day('2027-12-31'))

        self.assertEqual(subscription.order_id.invoice_ids.amount_total, 22.0)
        self.assertEqual(subscription.payment_ids.mapped('amount'), [22.0, 23.1, 23.1])
        self.assertEqual(subscription.payment_ids.mapped('state'), ['billed', 'cancelled', 'cancelled'])

    def test_cancelling_the_order_stops_its_subscription(self):
        subscription = self._sell_prepaid()

        subscription.order_id._action_cancel()

        self.assertEqual(subscription.state, 'cancelled')
        self.assertEqual(self._get_note(subscription).amount_total, 47.3)
        self.assertEqual(self._get_note(subscription).state, 'draft')

    def test_an_order_with_shipments_that_are_not_billed_is_not_cancelled(self):
        program = self._create_program(3, bill_upfront=True, upfront_invoice_moment='first_shipment')
        subscription = self._sell(program)
        self._run_job('create_orders')

        for _moment in ('on its way', 'delivered'):
            with self.assertRaisesRegex(UserError, "shipments that are not billed yet. Stop the subscription instead"):
                subscription.order_id.action_cancel()
            self._deliver(subscription.child_order_ids)
        self.assertEqual((subscription.state, subscription.order_id.state), ('running', 'sale'))

        self._run_job('process_payments')
        subscription.order_id._action_cancel()

        self.assertEqual(self._get_note(subscription).amount_total, 47.3)

    def test_the_dialog_goes_by_the_taxes_of_the_bill(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True))
        bill = subscription.order_id._create_invoices()
        bill.invoice_line_ids.tax_ids = False
        bill.action_post()
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        dialog = self._open_dialog(subscription)
        self.assertEqual((dialog.to_credit, dialog.to_refund, dialog.to_pay), (43.0, 0.0, 20.0))

        dialog.action_stop()

        self.assertEqual(self._get_note(subscription).amount_total, 43.0)

    def test_a_plan_with_prices_including_taxes_is_credited_to_the_cent(self):
        self.tax.price_include_override = 'tax_included'
        subscription = self._sell_prepaid()
        untaxed = subscription.line_ids.mapped('prepaid_amount')
        self.assertEqual(self._open_dialog(subscription).to_credit, 43.0)

        subscription._cancel()

        note = self._get_note(subscription)
        self.assertEqual(note.amount_untaxed, round(sum(untaxed[1:]), 2))
        self.assertEqual(note.amount_total, 43.0)

    def test_shipping_costs_of_what_is_not_sent_are_credited(self):
        shipping = self._create_product("Shipping", 0.0, type='service', is_storable=False)
        subscription = self._sell_prepaid(shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=2.5)
        dialog = self._open_dialog(subscription)
        self.assertEqual(dialog.to_credit, 52.8)

        dialog.action_stop()

        note = self._get_note(subscription)
        self.assertEqual(note.invoice_line_ids.mapped('price_subtotal'), [43.0, 5.0])
        self.assertEqual(note.amount_total, 52.8)

    def test_two_plans_on_one_bill_are_credited_apart(self):
        program = self._create_program(3, bill_upfront=True)
        subscription = self._sell(program, confirm=False)
        order = subscription.order_id
        order.order_line = [Command.create({'product_id': subscription.product_id.id})]
        other = order.continuity_subscription_ids - subscription
        order.action_confirm()
        self._run_job('process_payments')
        self.assertEqual(order.invoice_ids.amount_total, 138.6)

        subscription._cancel()
        self._get_note(subscription).action_post()

        self.assertEqual((subscription.payment_ids.state, other.payment_ids.state), ('paid', 'billed'))
        self.assertEqual(other.payment_ids.move_line_id.amount_residual, 69.3)

    def test_stopped_twice_is_refused(self):
        subscription = self._sell_prepaid()
        subscription._cancel()

        with self.assertRaisesRegex(UserError, "cannot be stopped"):
            subscription._cancel()
        with self.assertRaisesRegex(UserError, "cannot be stopped"):
            subscription.action_stop()


@tagged('post_install', '-at_install')
class TestStopPerShipment(StopCase):
    def test_what_is_sent_stays_owed(self):
        subscription = self._sell(self._create_program(3))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self._deliver(child)
        self._run_job('process_payments', day('2027-01-20'))
        dialog = self._open_dialog(subscription)
        self.assertEqual((dialog.to_credit, dialog.to_refund, dialog.to_pay), (0.0, 0.0, 22.0))

        dialog.action_stop()

        self.assertEqual(subscription.payment_ids.state, 'billed')
        self.assertEqual(subscription.line_ids.mapped('state'), ['delivered', 'cancelled', 'cancelled'])

    def test_a_stopped_child_that_is_not_billed_owes_nothing(self):
        subscription = self._sell(self._create_program(3))
        self._run_job('create_orders')

        subscription._cancel(stopped=subscription.child_order_ids)

        self.assertEqual(subscription.payment_ids.state, 'cancelled')
        self.assertEqual(subscription.child_order_ids.picking_ids.state, 'cancel')
        self.assertFalse(subscription.child_order_ids.invoice_ids)

    def test_a_stopped_child_that_is_billed_is_credited(self):
        subscription = self._sell(self._create_program(3, payment_term_id=self.thirds.id))
        self._run_job('create_orders')
        self._run_job('process_payments')
        child = subscription.child_order_ids
        self._pay(subscription.payment_ids[0])
        dialog = self._open_dialog(subscription)
        dialog.line_ids.is_stopped = True
        self.assertEqual((dialog.to_credit, dialog.to_refund, dialog.to_pay), (22.0, 7.33, 0.0))

        dialog.action_stop()

        note = child.invoice_ids.filtered(lambda move: move.move_type == 'out_refund')
        self.assertEqual((note.state, note.amount_total), ('draft', 22.0))
        note.action_post()
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'] * 3)
        self.assertEqual(note.amount_residual, 7.33)

    def test_a_stopped_child_is_credited_for_the_rest(self):
        subscription = self._sell(self._create_program(3, payment_term_id=self.thirds.id))
        self._run_job('create_orders')
        self._run_job('process_payments')
        bill = subscription.payment_ids.invoice_id
        given_up, part = bill._draft_continuity_credit("Late") | bill._draft_continuity_credit("Torn")
        given_up.button_cancel()
        part.invoice_line_ids.price_unit = 5.0
        part.action_post()
        dialog = self._open_dialog(subscription)
        dialog.line_ids.is_stopped = True
        self.assertEqual((dialog.to_credit, dialog.to_refund, dialog.to_pay), (16.5, 0.0, 0.0))

        dialog.action_stop()

        note = bill.reversal_move_ids - given_up - part
        self.assertEqual((note.state, note.amount_total), ('draft', 16.5))
        note.action_post()
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'] * 3)

    def test_a_credit_note_that_was_given_up_is_none(self):
        subscription = self._sell(self._create_program(3, payment_term_id=self.thirds.id))
        self._run_job('create_orders')
        self._run_job('process_payments')
        bill = subscription.payment_ids.invoice_id
        given_up = bill._draft_continuity_credit("Late")
        given_up.button_cancel()

        subscription._cancel(stopped=subscription.child_order_ids)

        self.assertEqual((bill.reversal_move_ids - given_up).amount_total, 22.0)


@tagged('post_install', '-at_install')
class TestStopByCard(ChargeCase, StopCase):
    def test_nothing_is_charged_that_will_be_credited(self):
        subscription = self._sell_upfront()
        self.answers = ['error']
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments')
        subscription._cancel()
        note = self._get_note(subscription)
        self.assertEqual((note.state, note.amount_total), ('draft', 47.3))
        self.ledger.clear()

        run = self._run_job('process_payments', day('2027-06-01'))

        self.assertEqual(self.ledger, [(f'CP-{subscription.payment_ids[0].id}-2', 22.0)])
        self.assertEqual(run.issue_ids.mapped('kind'), ['nothing_left', 'nothing_left'])
        note.action_post()
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'] * 3)
        self._run_job('process_payments', day('2027-07-01'))
        self.assertEqual(len(self.ledger), 1)

    def test_a_credit_note_that_is_given_up_lets_the_charges_go_on(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        subscription._cancel()
        self._get_note(subscription).unlink()

        self._run_job('process_payments', day('2027-06-01'))

        self.assertEqual([amount for _reference, amount in self.ledger], [23.1, 23.1, 23.1])


@tagged('post_install', '-at_install')
class TestStopPaidBeforehand(PrepaymentCase, StopCase):
    """What was paid before anything was billed, and is not owed, goes back."""

    def _sell_unbilled(self, **values):
        """Sell 69.30 in thirds, billed with the first shipment."""
        program = self._create_program(
            3,
            bill_upfront=True,
            payment_term_id=self.thirds.id,
            upfront_invoice_moment='first_shipment',
            allowed_methods='on_account',
        )
        return self._sell(program, **values)

    def _stop(self, subscription):
        """Stop by the dialog; return what it tells."""
        dialog = self._open_dialog(subscription)
        told = (dialog.to_credit, dialog.to_refund, dialog.to_pay)
        dialog.action_stop()
        return told

    def test_down_payment_on_a_plan_of_which_nothing_is_sent(self):
        subscription = self._sell_unbilled()
        down_payment = self._bill_down_payment(subscription.order_id, 30.0)

        self.assertEqual(self._stop(subscription), (30.0, 30.0, 0.0))

        note = down_payment.reversal_move_ids
        self.assertEqual((note.state, note.amount_total), ('draft', 30.0))
        self.assertEqual(subscription.payment_ids.mapped('state'), ['cancelled'] * 3)
        self.assertEqual(self._run_job('process_payments', day('2027-03-02')).selected_count, 0)

    def test_down_payment_of_more_than_is_owed(self):
        subscription = self._sell_unbilled()
        order = subscription.order_id
        down_payment = self._bill_down_payment(order, 30.0)
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)

        self.assertEqual(self._stop(subscription), (8.0, 8.0, 0.0))

        note = order.invoice_ids - down_payment
        self.assertEqual((note.move_type, note.state, note.amount_total), ('out_refund', 'draft', 8.0))
        self.assertEqual(self._run_job('process_payments', day('2027-03-02')).failed_count, 0)
        note.action_post()
        self.assertEqual(order.invoice_ids, note | down_payment)
        self.assertEqual(order.invoice_status, 'invoiced')
        self.assertEqual(set(subscription.payment_ids.mapped('state')), {'paid', 'cancelled'})

    def test_down_payment_of_less_than_is_owed(self):
        subscription = self._sell_unbilled()
        self._bill_down_payment(subscription.order_id, 10.0)
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)

        self.assertEqual(self._stop(subscription), (0.0, 0.0, 12.0))

        self._run_job('process_payments', day('2027-03-02'))
        self.assertEqual(subscription.payment_ids.invoice_id.amount_total, 12.0)

    def test_down_payment_that_may_be_for_other_goods_stays(self):
        subscription = self._sell_unbilled(confirm=False)
        order = subscription.order_id
        order.order_line = [Command.create({'product_id': self.books[4].id})]
        order.action_confirm()
        down_payment = self._bill_down_payment(order, 30.0)

        self.assertEqual(self._stop(subscription), (0.0, 0.0, 0.0))

        self.assertEqual(order.invoice_ids, down_payment)

    def test_paid_online_and_not_billed(self):
        subscription = self._sell_unbilled()
        self._pay_online(subscription.order_id, 69.3)
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)

        self.assertEqual(self._stop(subscription), (0.0, 47.3, 0.0))

        self.assertEqual(subscription.activity_ids.summary, "Pay back")
        self.assertIn("47.30", subscription.activity_ids.note)
        self._run_job('process_payments', day('2027-03-02'))
        self.assertEqual((subscription.order_id.invoice_ids.amount_total, self.ledger), (22.0, []))
        self.assertEqual(set(subscription.payment_ids.mapped('state')), {'paid', 'cancelled'})

    def test_what_was_paid_online_may_be_for_another_plan(self):
        subscription = self._sell(self._create_program(3, allowed_methods='on_account'), confirm=False)
        order = subscription.order_id
        order.order_line = [Command.create({'product_id': subscription.product_id.id})]
        order.action_confirm()
        self._pay_online(order, 30.0)

        self.assertEqual(self._stop(subscription), (0.0, 0.0, 0.0))

        self.assertFalse(subscription.activity_ids)

    def test_rest_of_what_was_paid_online_for_the_first_shipments(self):
        subscription = self._sell(self._create_program(3, allowed_methods='on_account'))
        self._pay_online(subscription.order_id, 30.0)
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        self.assertEqual(self._open_dialog(subscription).to_refund, 8.0)
        self._run_job('process_payments', day('2027-01-05'))

        self.assertEqual(self._stop(subscription), (0.0, 8.0, 0.0))

        self.assertIn("8.00", subscription.activity_ids.note)


@tagged('post_install', '-at_install')
class TestCreditShipment(StopCase):
    def test_a_returned_prepaid_shipment_is_credited_by_its_share(self):
        subscription = self._sell_prepaid()
        child = subscription.child_order_ids
        self._return(child)

        action = child.action_credit_continuity()

        note = self.env['account.move'].browse(action['res_id'])
        self.assertEqual((note.state, note.amount_total), ('draft', 22.0))
        line = subscription.line_ids[0]
        self.assertEqual((line.is_credited, line.state), (True, 'cancelled'))
        with self.assertRaisesRegex(UserError, "credited already"):
            child.action_credit_continuity()
        subscription._cancel()
        self.assertEqual(sum(self._get_note(subscription).mapped('amount_total')), 69.3)

    def test_a_lost_shipment_is_credited(self):
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        with self.assertRaisesRegex(UserError, "has not shipped"):
            child.action_credit_continuity()
        self._deliver(child)
        with self.assertRaisesRegex(UserError, "nothing to credit"):
            child.action_credit_continuity()
        self._run_job('process_payments', day('2027-01-20'))

        child.action_credit_continuity()

        note = child.invoice_ids.filtered(lambda move: move.move_type == 'out_refund')
        self.assertEqual((note.state, note.amount_total), ('draft', 22.0))
        self.assertEqual((subscription.line_ids[0].state, subscription.line_ids[0].is_invoiced), ('delivered', True))
        note.action_post()
        self.assertEqual(subscription.payment_ids.state, 'paid')

    def test_an_invoice_of_other_goods_is_no_bill_of_the_plan(self):
        lamp = self._create_product("Lamp", 50.0, invoice_policy='order')
        program = self._create_program(2, bill_upfront=True, upfront_invoice_moment='first_shipment')
        subscription = self._sell(program, confirm=False)
        order = subscription.order_id
        order.order_line = [Command.create({'product_id': lamp.id})]
        order.action_confirm()
        order._create_invoices().action_post()
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)

        with self.assertRaisesRegex(UserError, "is not invoiced: there is nothing to credit"):
            subscription.child_order_ids.action_credit_continuity()

    def test_a_credit_note_that_is_deleted_credits_nothing(self):
        subscription = self._sell_prepaid()
        action = subscription.child_order_ids.action_credit_continuity()

        self.env['account.move'].browse(action['res_id']).unlink()

        self.assertFalse(subscription.line_ids[0].is_credited)
