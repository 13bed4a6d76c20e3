from freezegun import freeze_time

from odoo.fields import Command, Domain
from odoo.tests import tagged

from .common import day
from .common_unpaid import UnpaidCase


@tagged('post_install', '-at_install')
class TestUnpaidStopped(UnpaidCase):
    def _sell_strictly(self, events=12, **program):
        return self._sell_on_account(events, unpaid_policy='stop', unpaid_max_count=1, **program)

    def test_stopped_when_a_shipment_is_due(self):
        subscription = self._sell_strictly()
        self._run_months(1, 2)

        run = self._run_job('create_orders', day('2027-02-28'))
        self.assertEqual((run.selected_count, subscription.state), (0, 'running'))
        run = self._run_months(3)

        self.assertRecordValues(run, [{'selected_count': 1, 'done_count': 0, 'skipped_count': 1, 'failed_count': 0}])
        self.assertEqual(
            self._get_unpaid_issues(run),
            [('unpaid_stopped', subscription.id, 1, "Stopped: 2 payments are overdue, accepted: 1.")],
        )
        self.assertRecordValues(
            subscription, [{'state': 'cancelled', 'cancel_reason_id': self.reason.id, 'is_parked': False}]
        )
        self.assertEqual(subscription.line_ids.mapped('state'), ['ordered'] * 2 + ['cancelled'] * 10)
        notes = [body for body in subscription.message_ids.mapped('body') if "Stopped" in body]
        self.assertEqual(notes, ["<span>Stopped: 2 payments are overdue, accepted: 1.</span>"])
        self.assertEqual(self._run_months(4).selected_count, 0)

    def test_a_lost_box_that_is_sent_again_goes_out_all_the_same(self):
        subscription = self._sell_strictly()
        self._run_months(1, 2)
        self._deliver(self._get_children(subscription)[0])
        subscription.line_ids[0].with_env(self._as_of(day('2027-03-01')))._send_again()

        run = self._run_months(3)

        self.assertRecordValues(run, [{'selected_count': 2, 'done_count': 1, 'skipped_count': 1, 'failed_count': 0}])
        self.assertEqual(subscription.state, 'cancelled')
        again = subscription.line_ids.filtered('replaces_line_id')
        self.assertEqual((again.state, again.is_cancelled, again.child_order_id.state), ('ordered', False, 'sale'))

    def test_exactly_at_the_limit_it_goes_on(self):
        subscription = self._sell_strictly()

        self._run_months(1, 2)

        self.assertEqual((subscription.state, len(self._get_made(subscription))), ('running', 2))

    def test_child_orders_already_made_are_left(self):
        subscription = self._sell_strictly()

        self._run_months(1, 2, 3)

        children = self._get_children(subscription)
        self.assertEqual(children.mapped('state'), ['sale', 'sale'])
        self.assertEqual(subscription.payment_ids.mapped('state'), ['scheduled', 'scheduled'])
        self._deliver(children.with_env(self._as_of(day('2027-03-02'))))
        self._run_job('process_payments', day('2027-03-02'))
        self.assertEqual(subscription.payment_ids.mapped('state'), ['billed', 'billed'])

    def test_all_shipments_due_are_counted(self):
        subscription = self._sell_strictly()
        going_on = self._sell_on_account()
        self._run_months(1, 2)

        run = self._run_months(5)

        self.assertRecordValues(run, [{'selected_count': 6, 'done_count': 3, 'skipped_count': 3, 'failed_count': 0}])
        self.assertEqual([(issue.kind, issue.count) for issue in run.issue_ids], [('unpaid_stopped', 3)])
        self.assertEqual((subscription.state, going_on.state), ('cancelled', 'running'))

    def test_a_limit_of_orders_counts_none_of_the_stopped(self):
        stopped = self._sell_strictly()
        self._run_months(1, 2)
        going_on = self._sell_on_account(on=day('2027-03-01'))

        run = self._run_job('create_orders', day('2027-03-01'), limit=1)

        self.assertRecordValues(run, [{'selected_count': 2, 'done_count': 1, 'skipped_count': 1}])
        self.assertEqual((stopped.state, len(self._get_made(going_on))), ('cancelled', 1))

    def test_a_plan_billed_in_advance_is_settled_by_value(self):
        thirds = self._create_schedule("In thirds", (33.33, 0), (33.33, 30), (33.34, 60))
        subscription = self._sell_strictly(3, bill_upfront=True, payment_term_id=thirds.id)
        self._run_months(1)
        self._run_job('process_payments', day('2027-01-01'))

        run = self._run_months(2)

        self.assertEqual(run.issue_ids.kind, 'unpaid_stopped')
        self.assertEqual(subscription.state, 'cancelled')
        note = subscription.order_id.invoice_ids.filtered(lambda move: move.move_type == 'out_refund')
        # Book 1 of 20.00 goes out; Book 2 and 3, of 21.00 and 22.00, do not.
        self.assertEqual((note.state, note.amount_untaxed), ('draft', 43.0))

    def test_one_whose_pause_has_ended(self):
        subscription = self._sell_strictly()
        self._run_months(1, 2)
        subscription.with_env(self._as_of(day('2027-02-10')))._pause(day('2027-03-01'))

        self._run_job('create_orders', day('2027-02-28'))
        self.assertEqual(subscription.state, 'paused')
        run = self._run_months(3)

        self.assertEqual(run.issue_ids.kind, 'unpaid_stopped')
        self.assertEqual(subscription.state, 'cancelled')

    def test_who_has_paid_goes_on(self):
        subscription = self._sell_strictly()
        self._run_months(1, 2)
        self._settle(subscription.payment_ids, day('2027-02-20'))

        self._run_months(3)

        self.assertEqual((subscription.state, len(self._get_made(subscription))), ('running', 3))

    def test_without_the_reason(self):
        self.reason.unlink()
        subscription = self._sell_strictly()

        self._run_months(1, 2, 3)

        self.assertRecordValues(subscription, [{'state': 'cancelled', 'cancel_reason_id': False}])

    def test_one_that_cannot_be_stopped_is_parked_and_counted(self):
        subscription = self._sell_strictly()
        going_on = self._sell_on_account()
        self._run_months(1, 2)
        self.env.cr.execute(
            "ALTER TABLE continuity_subscription ADD CONSTRAINT test_runs CHECK (id != %s OR state = 'running')",
            [subscription.id],
        )

        with (
            self.assertLogs('odoo.addons.continuity_program.models.job', 'WARNING'),
            self.assertLogs('odoo.sql_db', 'ERROR'),
        ):
            run = self._run_months(4)

        self.assertRecordValues(run, [{'selected_count': 4, 'done_count': 2, 'skipped_count': 0, 'failed_count': 2}])
        self.assertTrue(subscription.is_parked)
        self.assertEqual((subscription.state, len(self._get_made(going_on))), ('running', 4))

    def test_preview_is_run_and_writes_nothing(self):
        subscription = self._sell_strictly()
        self._run_months(1, 2)
        text = "Stopped: 2 payments are overdue, accepted: 1."

        rows = self._get_skipped(day('2027-04-01'))

        self.assertEqual(rows, [(subscription.id, f'2027-{month}-01', text) for month in ('03', '04')])
        self.assertEqual(subscription.state, 'running')
        run = self._run_months(4)
        self.assertEqual([(issue.reason, issue.count) for issue in run.issue_ids], [(text, 2)])
        self.assertEqual(self._get_skipped(day('2027-04-01')), [])


@tagged('post_install', '-at_install')
class TestUnpaidShown(UnpaidCase):
    def _get_text(self, subscription, on, user=None):
        """Return what the form tells a user on a day, in the evening."""
        with freeze_time(f'{on} 20:00:00'):
            self.env.invalidate_all()
            return self.env(user=user or self.env.user)[subscription._name].browse(subscription.id).unpaid_text

    def test_the_form_tells_it(self):
        held = self._sell_on_account(unpaid_max_count=1)
        stopped = self._sell_on_account(unpaid_policy='stop', unpaid_max_days=40)
        self._run_months(1, 2)

        self.assertFalse(self._get_text(held, '2027-02-01'))
        self.assertEqual(
            self._get_text(held, '2027-02-02'), "New shipments are held: 2 payments are overdue, accepted: 1."
        )
        self.assertFalse(self._get_text(stopped, '2027-02-10'))
        self.assertEqual(
            self._get_text(stopped, '2027-02-11'),
            "The next shipment that is due stops the subscription: a payment has been overdue since 01/01/2027, for 41 "
            "days, accepted: 40.",
        )

    def test_who_may_see_the_subscription_sees_it(self):
        salesperson = self._create_user('salesperson', 'sales_team.group_sale_salesman')
        accountant = self._create_user('accountant', 'account.group_account_invoice')
        subscription = self._sell_on_account(unpaid_max_count=1)
        subscription.order_id.user_id = salesperson
        self._run_months(1, 2)

        for user in (salesperson, accountant):
            with self.subTest(user.login):
                self.assertIn("held", self._get_text(subscription, '2027-02-02', user))

    def test_not_on_a_draft_nor_once_it_has_ended(self):
        program = self._create_program(
            3, bill_upfront=True, payment_term_id=self.at_once.id, unpaid_max_days=1, unpaid_policy='hold'
        )
        draft = self._sell(program, confirm=False)
        ended = self._sell(program)
        self.assertTrue(self._get_text(ended, '2027-02-01'))
        ended._cancel()

        self.assertFalse(self._get_text(draft, '2027-02-01'))
        self.assertFalse(self._get_text(ended, '2027-02-01'))

    def test_by_the_companys_day(self):
        subscription = self._sell_on_account(unpaid_max_days=1)
        self._run_months(1)

        for timezone, count in (('Pacific/Auckland', 1), ('UTC', 0), ('Pacific/Honolulu', 0)):
            with self.subTest(timezone), freeze_time('2027-01-01 20:00:00'):
                self.company.partner_id.tz = timezone
                self.env.invalidate_all()
                self.assertEqual(subscription.with_env(self.env).overdue_count, count)
                self.assertEqual(self._search_unpaid(), subscription if count else subscription.browse())

    def _search_unpaid(self, value=True):
        return self.env['continuity.subscription'].search(
            Domain('is_unpaid', '=', value)
            & Domain('state', '!=', 'draft')
            & Domain('partner_id', '=', self.customer.id)
        )

    def test_the_filter_finds_who_owes_something(self):
        owing = self._sell_on_account()
        paying = self._sell_on_account()
        waiting = self._sell_on_account(payment_term_id=False)
        self._run_months(1)
        self._settle(paying.payment_ids, day('2027-01-01'))

        with freeze_time('2027-01-02 12:00:00'):
            self.assertEqual(self._search_unpaid(), owing)
            self.assertEqual(self._search_unpaid(False), paying | waiting)
        with freeze_time('2027-01-01 12:00:00'):
            self.assertFalse(self._search_unpaid())

    def test_a_salesperson_finds_their_own(self):
        salesperson = self._create_user('salesperson', 'sales_team.group_sale_salesman')
        mine, theirs = self._sell_on_account(), self._sell_on_account()
        mine.order_id.user_id = salesperson
        theirs.order_id.user_id = self._create_user('colleague', 'sales_team.group_sale_salesman')
        self._run_months(1)
        self._run_job('process_payments', day('2027-01-01'))

        with freeze_time('2027-01-02 12:00:00'):
            found = self.env(user=salesperson)['continuity.subscription'].search([('is_unpaid', '=', True)])

        self.assertEqual(found, mine)
        self.assertEqual(found.with_env(self._as_of(day('2027-01-02'))).overdue_count, 1)

    def test_the_filter_goes_by_the_day_of_each_company(self):
        """At one instant, a payment of the 1st is overdue in Auckland and not in Honolulu."""
        self.company.partner_id.tz = 'Pacific/Honolulu'
        here = self._sell_on_account()
        self._run_months(1)
        elsewhere = self._sell_elsewhere('Pacific/Auckland')
        both = self.env(context={**self.env.context, 'allowed_company_ids': (here | elsewhere).company_id.ids})

        with freeze_time('2027-01-01 20:00:00'):
            found = both['continuity.subscription'].search(
                [('is_unpaid', '=', True), ('id', 'in', (here | elsewhere).ids)]
            )

        self.assertEqual(found, elsewhere)
        self.assertEqual((here | elsewhere).payment_ids.mapped('due_date'), [day('2027-01-01')] * 2)

    def _sell_elsewhere(self, timezone):
        """Return a subscription billed in advance in a company of another time zone."""
        company = self.env['res.company'].create({'name': "Other Books", 'currency_id': self.company.currency_id.id})
        company.partner_id.tz = timezone
        self.env.user.company_ids += company
        env = self.env(context={**self.env.context, 'allowed_company_ids': company.ids})
        book = self._create_product("Other Book", taxes_id=[Command.clear()])
        program = env['continuity.program'].create(
            {
                'name': "Elsewhere",
                'company_id': company.id,
                'line_ids': [Command.create({'product_id': book.id})],
                'bill_upfront': True,
                'payment_term_id': self.at_once.id,
            }
        )
        product = self._create_parent_product(program, taxes_id=[Command.clear()])
        return self._sell(program, product=product, order={'company_id': company.id})
