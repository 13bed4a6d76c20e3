from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payments import PaymentCase


class CloseCase(PaymentCase):
    def _finish(self, subscription, pay=True):
        """Send, bill and have paid all shipments of a subscription."""
        self._run_job('create_orders', day('2027-12-31'))
        self._deliver(subscription.child_order_ids.with_context(continuity_as_of='2027-12-31'))
        self._run_job('process_payments', day('2027-12-31'))
        if pay:
            self._pay(subscription.payment_ids.filtered(lambda payment: payment.state != 'paid'))


@tagged('post_install', '-at_install')
class TestClose(CloseCase):
    def test_finished_subscription_is_done_and_its_order_locked(self):
        subscription = self._sell(self._create_program(2))
        self.assertEqual(self._run_job('close', day('2027-12-31')).selected_count, 0)
        self._finish(subscription)

        run = self._run_job('close', day('2027-12-31'))

        self.assertEqual(run.done_count, 1)
        self.assertEqual(subscription.state, 'done')
        self.assertEqual((subscription.order_id.invoice_status, subscription.order_id.locked), ('invoiced', True))
        self.assertEqual(self._run_job('close', day('2027-12-31')).selected_count, 0)

    def test_unpaid_one_stays_open(self):
        subscription = self._sell(self._create_program(2))
        self._finish(subscription, pay=False)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual(subscription.state, 'running')

    def test_prepaid_one_closes_when_all_is_delivered_and_paid(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True))
        self._finish(subscription)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual(subscription.state, 'done')
        self.assertEqual(subscription.order_id.invoice_status, 'invoiced')

    def test_a_shipment_that_costs_nothing_needs_no_bill(self):
        self.books[0].list_price = 0.0
        subscription = self._sell(self._create_program(2))
        self._finish(subscription)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual(subscription.state, 'done')

    def test_order_with_ordinary_lines_closes_with_them(self):
        lamp = self._create_product("Lamp", 50.0)
        subscription = self._sell(self._create_program(1), confirm=False)
        order = subscription.order_id
        order.order_line = [Command.create({'product_id': lamp.id})]
        order.action_confirm()
        self._finish(subscription)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual(subscription.state, 'done')
        self.assertFalse(order.locked)

    def test_endless_and_waiting_ones_stay_open(self):
        endless = self._sell(self._create_program([{'repeat_forever': True}]))
        waiting = self._sell(self._create_program(2, open_ended=True))
        self._finish(endless | waiting)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual((endless | waiting).mapped('state'), ['running', 'running'])
        self.assertTrue(waiting.is_waiting)

    def test_behind_its_agreed_last_shipment_nothing_is_waited_for(self):
        subscription = self._sell(self._create_program(3, open_ended=True))
        subscription._stop_after(2)
        later = self._sell(self._create_program(3, open_ended=True))
        later._stop_after(5)
        self._finish(subscription | later)

        self._run_job('close', day('2027-12-31'))

        self.assertEqual((subscription | later).mapped('state'), ['done', 'running'])
        self.assertEqual((subscription | later).mapped('is_waiting'), [False, True])

    def test_an_order_is_locked_once_its_ordinary_lines_are_invoiced_too(self):
        lamp = self._create_product("Lamp", 50.0, invoice_policy='order')
        subscription = self._sell(self._create_program(1), confirm=False)
        order = subscription.order_id
        order.order_line = [Command.create({'product_id': lamp.id})]
        order.action_confirm()
        self._finish(subscription)
        self._run_job('close', day('2027-12-31'))
        self.assertEqual((subscription.state, order.locked), ('done', False))
        self.assertEqual(self._run_job('close', day('2027-12-31')).selected_count, 0)

        order._create_invoices().action_post()

        self.assertEqual(self._run_job('close', day('2027-12-31')).done_count, 1)
        self.assertEqual((order.locked, order.invoice_status), (True, 'invoiced'))
        self.assertEqual(self._run_job('close', day('2027-12-31')).selected_count, 0)

    def test_an_order_of_two_subscriptions_closes_with_the_last(self):
        subscription = self._sell(self._create_program(1), confirm=False)
        order = subscription.order_id
        other_program = self._create_program(2, name="Wine Club", duplicate_policy='allow')
        order.order_line = [Command.create({'product_id': self._create_parent_product(other_program).id})]
        other = order.continuity_subscription_ids - subscription
        order.action_confirm()
        self._run_job('create_orders')
        self._deliver(order.continuity_child_ids)
        self._run_job('process_payments')
        self._pay(order.continuity_subscription_ids.payment_ids)

        self._run_job('close', day('2027-01-20'))
        self.assertEqual((subscription.state, other.state, order.locked), ('done', 'running', False))
        self._finish(other)

        self.assertEqual(self._run_job('close', day('2027-12-31')).done_count, 1)
        self.assertEqual((other.state, order.locked), ('done', True))

    def test_the_order_of_a_stopped_subscription_is_locked_too(self):
        lamp = self._create_product("Lamp", 50.0, invoice_policy='order')
        subscription = self._sell(self._create_program(3))
        with_lamp = self._sell(self._create_program(3), confirm=False)
        with_lamp.order_id.order_line = [Command.create({'product_id': lamp.id})]
        with_lamp.order_id.action_confirm()
        (subscription | with_lamp)._cancel()

        self.assertEqual(self._run_job('close', day('2027-01-20')).done_count, 1)
        self.assertEqual((subscription.order_id.locked, with_lamp.order_id.locked), (True, False))
        with_lamp.order_id._create_invoices().action_post()

        self.assertEqual(self._run_job('close', day('2027-01-20')).done_count, 1)
        self.assertTrue(with_lamp.order_id.locked)
        self.assertEqual((subscription | with_lamp).mapped('state'), ['cancelled', 'cancelled'])

    def test_an_order_that_somebody_unlocked_stays_so(self):
        subscription = self._sell(self._create_program(3))
        subscription._cancel()
        self._run_job('close', day('2027-01-20'))

        subscription.order_id.action_unlock()

        self.assertEqual(self._run_job('close', day('2027-01-21')).selected_count, 0)
        self.assertFalse(subscription.order_id.locked)

    def test_reactivating_unlocks_the_order(self):
        subscription = self._sell(self._create_program(3))
        subscription._cancel()
        self._run_job('close', day('2027-01-20'))

        subscription.with_context(continuity_as_of='2027-01-21')._reactivate()

        self.assertFalse(subscription.order_id.locked)
        self._finish(subscription)
        self.assertEqual(self._run_job('close', day('2027-12-31')).done_count, 1)
        self.assertTrue(subscription.order_id.locked)


@tagged('post_install', '-at_install')
class TestCloseMany(CloseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.email = 'ann@example.com'

    def _sell_finished(self, count):
        """Return so many subscriptions that have nothing to send."""
        program = self._create_program(1)
        subscriptions = self.env['continuity.subscription'].union(*(self._sell(program) for _number in range(count)))
        for subscription in subscriptions:
            subscription._skip(subscription.line_ids, "Not wanted")
        self.env.cr.flush()
        return subscriptions

    def _count_queries(self, count):
        """Return how many SQL queries a run needs that closes so many subscriptions with their orders."""
        subscriptions = self._sell_finished(count)
        queries = self._count_queries_of('close', count)
        self.assertEqual(set(subscriptions.mapped('state')), {'done'})
        self.assertEqual(set(subscriptions.order_id.mapped('locked')), {True})
        mails = self.env['mail.mail'].search([('model', '=', subscriptions._name), ('res_id', 'in', subscriptions.ids)])
        self.assertEqual(len(mails.filtered(lambda mail: "is complete" in mail.subject)), count)
        return queries

    def test_queries_per_subscription_are_few_and_constant(self):
        self._assert_few_queries(self._count_queries)

    def test_each_one_has_a_note_of_its_own(self):
        subscriptions = self._sell_finished(3)

        self._run_job('close')

        self.env.cr.flush()
        for subscription in subscriptions:
            with self.subTest(subscription=subscription.name):
                self.assertEqual(self._get_last_changes(subscription), [('state', "Running", "Done", 0)])
                self.assertEqual(self._get_last_changes(subscription.order_id), [('locked', False, False, 1)])

    def _get_last_changes(self, record):
        """Return what the last note of changed fields says: (field, old and new value in words, new number)."""
        noted = record.message_ids.filtered('tracking_value_ids').sorted('id')[-1:]
        self.assertEqual((noted.author_id, noted.is_internal), (self.env.user.partner_id, True))
        return [
            (value.field_id.name, value.old_value_char, value.new_value_char, value.new_value_integer)
            for value in noted.tracking_value_ids
        ]

    def test_orders_confirmed_together_are_posted_on_each(self):
        program = self._create_program(1)
        orders = (self._sell(program, confirm=False) | self._sell(program, confirm=False)).order_id
        self.env.cr.flush()

        orders.action_confirm()

        self.env.cr.flush()
        confirmed = self.env.ref('sale.mt_order_confirmed')
        for order in orders:
            message = order.message_ids.filtered(lambda message: message.subtype_id == confirmed)
            self.assertEqual(message.tracking_value_ids.mapped('new_value_char'), ["Sales Order"])

    def test_a_mail_that_cannot_be_made_costs_only_itself(self):
        template = self.env.ref('continuity_program.mail_template_finished')
        # By SQL: Odoo refuses to save what fails on the first record it finds.
        template.flush_recordset()
        self.env.cr.execute(
            "UPDATE mail_template SET subject = jsonb_build_object('en_US', '{{ 1 / object.quantity }}') WHERE id = %s",
            [template.id],
        )
        template.invalidate_recordset()
        subscriptions = self._sell_finished(3)
        self.env.cr.execute("UPDATE continuity_subscription SET quantity = 0 WHERE id = %s", [subscriptions[1].id])
        subscriptions.invalidate_recordset()

        run = self._run_job('close')

        self.assertEqual((run.done_count, run.failed_count), (3, 0))
        for subscription, is_mailed in zip(subscriptions, (True, False, True), strict=True):
            mails = self.env['mail.mail'].search([('model', '=', subscription._name), ('res_id', '=', subscription.id)])
            self.assertEqual("1.0" in mails.mapped('subject'), is_mailed)
            notes = ' '.join(subscription.message_ids.mapped('body'))
            self.assertEqual("It could not be mailed" in notes, not is_mailed)


@tagged('post_install', '-at_install')
class TestReopen(CloseCase):
    def _sell_done(self, **values):
        subscription = self._sell(self._create_program(2, **values))
        self._finish(subscription)
        self._run_job('close', day('2027-12-31'))
        self.assertEqual((subscription.state, subscription.order_id.locked), ('done', True))
        return subscription

    def test_it_runs_until_something_new_has_happened(self):
        subscription = self._sell_done()

        subscription.action_reopen()

        self.assertEqual((subscription.state, subscription.order_id.locked), ('running', False))
        self.assertIn("Reopened by", ' '.join(subscription.message_ids.mapped('body')))
        self.assertEqual(self._run_job('close', day('2028-01-01')).selected_count, 0)
        again = subscription.line_ids[0].with_context(continuity_as_of='2028-01-02')._send_again()
        self.assertEqual(self._run_job('close', day('2028-01-02')).selected_count, 0)
        self._run_job('create_orders', day('2028-01-02'))
        self.assertFalse(subscription.is_reopened)
        self._deliver(again.child_order_id.with_context(continuity_as_of='2028-01-02'))
        self._run_job('process_payments', day('2028-01-02'))

        self.assertEqual(self._run_job('close', day('2028-01-03')).done_count, 1)

        self.assertEqual((subscription.state, subscription.order_id.locked), ('done', True))
        self.assertEqual(self._run_job('close', day('2028-01-04')).selected_count, 0)

    def test_an_order_that_somebody_had_locked_stays_locked(self):
        subscription = self._sell(self._create_program(2))
        subscription.order_id.action_lock()
        self._finish(subscription)
        self._run_job('close', day('2027-12-31'))

        subscription.action_reopen()

        self.assertEqual((subscription.state, subscription.order_id.locked), ('running', True))

    def test_one_that_was_stopped_since_is_not_closed_by_hand(self):
        subscription = self._sell_done()
        subscription.action_reopen()
        subscription._cancel()

        with self.assertRaisesRegex(UserError, "has not been reopened"):
            subscription.action_close()

        self.assertEqual((subscription.state, subscription.is_reopened), ('cancelled', True))

    def test_closed_by_hand_at_once_where_it_is_finished(self):
        subscription = self._sell_done(bill_upfront=True)
        subscription.action_reopen()

        subscription.action_close()

        self.assertEqual((subscription.state, subscription.order_id.locked), ('done', True))

    def test_closed_by_hand_later_where_it_is_not(self):
        subscription = self._sell_done()
        subscription.action_reopen()
        subscription.line_ids = [Command.create({'product_id': self.books[5].id, 'date_planned': day('2028-02-01')})]

        subscription.action_close()

        self.assertEqual((subscription.state, subscription.is_reopened), ('running', False))
        self._run_job('create_orders', day('2028-02-01'))
        self._deliver(subscription.child_order_ids.with_context(continuity_as_of='2028-02-01'))
        self._run_job('process_payments', day('2028-02-01'))
        self._pay(subscription.payment_ids.filtered(lambda payment: payment.state == 'billed'))
        self.assertEqual(self._run_job('close', day('2028-02-01')).done_count, 1)

    def test_refused_with_the_reason(self):
        running = self._sell(self._create_program(2))
        with self.assertRaisesRegex(UserError, "is not done"):
            running.action_reopen()
        with self.assertRaisesRegex(UserError, "has not been reopened: it is closed by itself"):
            running.action_close()
        running._cancel()
        with self.assertRaisesRegex(UserError, "has been stopped: reactivate it instead"):
            running.action_reopen()

    def test_managers_only(self):
        subscription = self._sell_done()
        groups = {
            'all': 'sales_team.group_sale_salesman_all_leads',
            'accountant': 'account.group_account_invoice',
            'manager': 'sales_team.group_sale_manager',
        }
        users = {login: self._create_user(login, group) for login, group in groups.items()}
        for login in ('all', 'accountant'):
            for action in ('action_reopen', 'action_close'):
                with self.subTest(login=login, action=action), self.assertRaises(AccessError):
                    getattr(subscription.with_user(users[login]), action)()

        subscription.with_user(users['manager']).action_reopen()
        self.assertEqual(subscription.state, 'running')
        subscription.with_user(users['manager']).action_close()

        self.assertEqual(subscription.state, 'done')
