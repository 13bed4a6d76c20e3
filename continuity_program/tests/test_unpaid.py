from odoo.tests import tagged

from .common import day
from .common_unpaid import UnpaidCase


@tagged('post_install', '-at_install')
class TestUnpaidLimits(UnpaidCase):
    def test_more_payments_than_accepted(self):
        """Three are overdue on 1 April: 2 accepted hold it, 3 and 4 do not."""
        accepted = {limit: self._sell_on_account(unpaid_max_count=limit) for limit in (2, 3, 4)}

        run = self._run_months(1, 2, 3, 4)

        self.assertRecordValues(run, [{'selected_count': 3, 'done_count': 2, 'skipped_count': 1, 'failed_count': 0}])
        self.assertEqual(
            self._get_unpaid_issues(run),
            [('unpaid', accepted[2].id, 1, "Unpaid: 3 payments are overdue, accepted: 2.")],
        )
        self.assertEqual(self._get_made(accepted[2]), ['2027-01-01', '2027-02-01', '2027-03-01'])
        for limit in (3, 4):
            self.assertEqual(self._get_made(accepted[limit])[3:], ['2027-04-01'])

    def test_more_days_than_accepted(self):
        """The first payment was due 30 days before the second shipment: 29 accepted hold it, 30 and 31 do not."""
        events = [{}, {'interval_number': 30, 'interval_unit': 'day'}]
        accepted = {limit: self._sell_on_account(events, unpaid_max_days=limit) for limit in (29, 30, 31)}
        self._run_months(1)

        run = self._run_job('create_orders', day('2027-01-31'))

        self.assertEqual(
            self._get_unpaid_issues(run),
            [
                (
                    'unpaid',
                    accepted[29].id,
                    1,
                    "Unpaid: a payment has been overdue since 01/01/2027, for 30 days, accepted: 29.",
                )
            ],
        )
        self.assertEqual([len(self._get_made(subscription)) for subscription in accepted.values()], [1, 2, 2])

    def test_the_days_of_the_oldest_count(self):
        """On 1 March January is 59 days late and February 28."""
        subscription = self._sell_on_account(unpaid_max_days=58)

        run = self._run_months(1, 2, 3)

        self.assertIn("since 01/01/2027, for 59 days, accepted: 58", run.issue_ids.reason)
        self.assertEqual(self._get_made(subscription), ['2027-01-01', '2027-02-01'])

    def test_either_limit_holds(self):
        subscription = self._sell_on_account(unpaid_max_count=9, unpaid_max_days=30)

        run = self._run_months(1, 2)

        self.assertEqual(run.issue_ids.kind, 'unpaid')
        self.assertIn("31 days, accepted: 30", run.issue_ids.reason)
        self.assertEqual(self._get_made(subscription), ['2027-01-01'])

    def test_a_limit_of_0_is_not_looked_at(self):
        for policy in ('hold', 'stop'):
            subscription = self._sell_on_account(unpaid_policy=policy)

            self._run_months(*range(1, 13))

            self.assertEqual(len(self._get_made(subscription)), 12)
            self.assertEqual(subscription.state, 'running')

    def test_go_on_shipping_whatever_is_unpaid(self):
        subscription = self._sell_on_account(unpaid_policy='ship', unpaid_max_count=1, unpaid_max_days=1)

        self._run_months(*range(1, 13))

        self.assertEqual(len(self._get_made(subscription)), 12)
        self.assertFalse(subscription.with_env(self._as_of(day('2028-01-01'))).unpaid_text)

    def test_overdue_is_what_was_due_before_the_day(self):
        subscription = self._sell_on_account(unpaid_max_count=1)
        self._run_months(1, 2)

        for on, count, since in (
            ('2027-01-01', 0, False),
            ('2027-01-02', 1, day('2027-01-01')),
            ('2027-02-01', 1, day('2027-01-01')),
            ('2027-02-02', 2, day('2027-01-01')),
        ):
            with self.subTest(on):
                that_day = subscription.with_env(self._as_of(day(on)))
                self.assertEqual(
                    (that_day.overdue_count, that_day.overdue_since, that_day.is_unpaid), (count, since, bool(count))
                )

    def test_what_waits_for_its_shipment_or_is_cancelled_or_free_is_not_overdue(self):
        shipped_first = self._sell_on_account(payment_term_id=False, unpaid_max_count=1)
        given_up = self._sell_on_account(unpaid_max_count=1)
        free = self._sell_on_account(
            [{'price_overridden': True, 'price_unit': 0.0}] * 4, unpaid_max_count=1, unpaid_max_days=1
        )
        self._run_months(1, 2)
        self._get_children(given_up)._action_cancel()
        self.assertEqual(set(given_up.payment_ids.mapped('state')), {'cancelled'})
        for subscription in (shipped_first, given_up, free):
            self.assertFalse(subscription.with_env(self._as_of(day('2028-01-01'))).overdue_count)

        run = self._run_months(3)

        self.assertEqual((run.done_count, run.skipped_count), (3, 0))

    def test_the_bill_tells_when_it_had_to_be_paid(self):
        subscription = self._sell_on_account(unpaid_max_days=30)
        self._run_months(1)
        self._run_job('process_payments', day('2027-01-01'))
        self.assertEqual(subscription.payment_ids.state, 'billed')
        # The accountant gives the customer another ten days
        subscription.payment_ids.move_line_id.date_maturity = day('2027-01-11')

        self._run_months(2)

        self.assertEqual(len(self._get_made(subscription)), 2)
        for on, since in (('2027-01-11', False), ('2027-01-12', day('2027-01-11')), ('2027-02-01', day('2027-01-11'))):
            self.assertEqual(subscription.with_env(self._as_of(day(on))).overdue_since, since)

    def test_a_part_paid_is_still_unpaid(self):
        subscription = self._sell_on_account(unpaid_max_days=30)
        self._run_months(1)
        self._run_job('process_payments', day('2027-01-01'))
        self.env['account.payment.register'].with_context(
            active_model='account.move.line', active_ids=subscription.payment_ids.move_line_id.ids
        ).create({'amount': 21.99})._create_payments()

        run = self._run_months(2)

        self.assertEqual(run.issue_ids.kind, 'unpaid')

    def test_each_subscription_for_itself(self):
        """What one program accepts, and what is owed for it, does not concern the customer's other ones."""
        strict = self._sell_on_account(unpaid_max_count=1)
        easy = self._sell_on_account(unpaid_max_count=5)
        late = self._sell_on_account(unpaid_max_count=1, on=day('2027-03-01'))

        self._run_months(1, 2, 3)

        self.assertEqual([len(self._get_made(sub)) for sub in (strict, easy, late)], [2, 3, 1])


@tagged('post_install', '-at_install')
class TestUnpaidHeld(UnpaidCase):
    def test_held_boxes_are_made_once_paid_each_once_and_nothing_is_dated_anew(self):
        subscription = self._sell_on_account(6, unpaid_max_count=1)
        dates = self._get_dates(subscription)

        run = self._run_months(1, 2, 3, 4)

        self.assertRecordValues(run, [{'selected_count': 2, 'done_count': 0, 'skipped_count': 2, 'failed_count': 0}])
        self.assertEqual(
            self._get_unpaid_issues(run),
            [('unpaid', subscription.id, 2, "Unpaid: 2 payments are overdue, accepted: 1.")],
        )
        self.assertFalse(subscription.is_parked)
        self.assertEqual(subscription.next_date, day('2027-03-01'))
        self._settle(subscription.payment_ids, day('2027-04-02'))
        run = self._run_job('create_orders', day('2027-04-03'))

        self.assertRecordValues(run, [{'selected_count': 2, 'done_count': 2, 'skipped_count': 0}])
        self.assertEqual(self._get_made(subscription), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01'])
        self.assertEqual(self._get_dates(subscription), dates)
        self.assertEqual(self._run_job('create_orders', day('2027-04-03')).selected_count, 0)

    def test_one_payment_may_be_enough(self):
        """Three are overdue and two accepted: with one of them paid, the shipments go on."""
        subscription = self._sell_on_account(unpaid_max_count=2)
        self._run_months(1, 2, 3, 4)
        self.assertEqual(len(self._get_made(subscription)), 3)

        self._settle(subscription.payment_ids.sorted('due_date')[1], day('2027-04-01'))
        self._run_months(4)

        self.assertEqual(self._get_made(subscription)[3:], ['2027-04-01'])

    def test_a_credit_note_settles_too(self):
        subscription = self._sell_on_account(unpaid_max_days=30)
        self._run_months(1)
        self._run_job('process_payments', day('2027-01-01'))
        self.assertEqual(self._run_months(2).issue_ids.kind, 'unpaid')

        note = subscription._credit_shipment(self._ship(subscription))
        note.action_post()
        self._run_months(2)

        self.assertEqual(self._get_made(subscription), ['2027-01-01', '2027-02-01'])

    def _ship(self, subscription):
        child = self._get_children(subscription)
        self._deliver(child)
        return child

    def test_a_payment_that_is_undone_holds_again(self):
        subscription = self._sell_on_account(unpaid_max_days=30)
        self._run_months(1)
        self._settle(subscription.payment_ids, day('2027-01-01'))
        self._run_months(2)
        self.assertEqual(len(self._get_made(subscription)), 2)

        subscription.payment_ids.sorted('due_date')[0].move_line_id.remove_move_reconcile()
        run = self._run_months(3)

        self.assertEqual(run.issue_ids.kind, 'unpaid')
        self.assertEqual(len(self._get_made(subscription)), 2)

    def test_child_orders_already_made_go_their_way(self):
        subscription = self._sell_on_account(unpaid_max_days=30)
        self._run_months(1, 2)

        [child] = self._get_children(subscription)

        self.assertEqual((child.state, child.continuity_payment_hold), ('sale', False))
        self._deliver(child)
        self.assertEqual(subscription.line_ids.sorted('event_number')[0].state, 'delivered')

    def test_a_plan_billed_in_advance(self):
        """Three instalments, of 1 January, 31 January and 2 March: with one accepted, the second holds."""
        thirds = self._create_schedule("In thirds", (33.33, 0), (33.33, 30), (33.34, 60))
        subscription = self._sell_on_account(6, bill_upfront=True, payment_term_id=thirds.id, unpaid_max_count=1)
        self._run_months(1)
        self.assertEqual(subscription.payment_ids.order_id, subscription.order_id)
        self._run_job('process_payments', day('2027-01-01'))

        run = self._run_months(2)

        self.assertEqual(
            self._get_unpaid_issues(run),
            [('unpaid', subscription.id, 1, "Unpaid: 2 payments are overdue, accepted: 1.")],
        )
        self._settle(subscription.payment_ids.sorted('number')[0], day('2027-02-01'))
        self._run_months(2)
        self.assertEqual(self._get_made(subscription), ['2027-01-01', '2027-02-01'])

    def test_it_comes_before_what_is_wrong_with_the_card(self):
        token = self._create_token()
        subscription = self._sell_on_account(unpaid_max_days=30)
        self.assertEqual(subscription.payment_method, 'token')
        self._run_months(1)
        token.active = False

        run = self._run_months(2)

        self.assertEqual(run.issue_ids.kind, 'unpaid')

    def test_late_shipments_are_held_together(self):
        """The lead days do not matter: what counts is what is unpaid on the day of the run."""
        self.company.continuity_lead_days = 31
        subscription = self._sell_on_account(unpaid_max_days=10)
        self._run_job('create_orders')
        self.assertEqual(self._get_made(subscription), ['2027-01-01', '2027-02-01'])

        run = self._run_job('create_orders', day('2027-03-01'))

        self.assertEqual((run.issue_ids.kind, run.issue_ids.count), ('unpaid', 2))

    def test_preview_is_run_and_writes_nothing(self):
        held = self._sell_on_account(unpaid_max_count=1)
        shipped = self._sell_on_account(unpaid_max_count=2)
        self._run_months(1, 2)

        rows = self._get_skipped(day('2027-03-01'))

        self.assertEqual(
            rows,
            [
                (held.id, '2027-03-01', "Unpaid: 2 payments are overdue, accepted: 1."),
                (shipped.id, '2027-03-01', False),
            ],
        )
        self.assertEqual([len(self._get_made(sub)) for sub in (held, shipped)], [2, 2])
        run = self._run_months(3)
        self.assertEqual([issue.reason for issue in run.issue_ids], [rows[0][2]])
        self.assertEqual([len(self._get_made(sub)) for sub in (held, shipped)], [2, 3])

    def test_a_year_of_holding_and_paying_doubles_and_loses_nothing(self):
        """The customer pays all that is open on the 20th of every third month; nights pass every few days."""
        subscription = self._sell_on_account(12, unpaid_max_count=1)
        dates = self._get_dates(subscription)
        held = 0
        for month in range(1, 13):
            for night in (1, 2, 10, 20, 21, 28):
                on = day(f'2027-{month:02}-{night:02}')
                held += self._run_job('create_orders', on).skipped_count
                self._run_job('process_payments', on)
                if month % 3 == 0 and night == 20:
                    self._pay(subscription.payment_ids.filtered(lambda payment: payment.state != 'paid'))
        self._pay(subscription.payment_ids.filtered(lambda payment: payment.state != 'paid'))

        self.assertEqual(self._get_made(subscription), dates)
        self.assertEqual(self._get_dates(subscription), dates)
        self.assertEqual(
            self._get_children(subscription).order_line.product_id.mapped('name'),
            [book.name for book in self.books],
        )
        self.assertEqual(len(subscription.payment_ids), 12)
        self.assertEqual(set(subscription.payment_ids.mapped('state')), {'paid'})
        self.assertEqual(len(subscription.child_order_ids.invoice_ids), 12)
        # In shipments and nights: March is held on 4; May on 10, June on 4; then two are owed from the start: July on
        # 16, August on 10, September on 4, and so the last quarter.
        self.assertEqual(held, 4 + 10 + 4 + 2 * (16 + 10 + 4))


@tagged('post_install', '-at_install')
class TestUnpaidQueries(UnpaidCase):
    def _count_queries(self, count, **program):
        """Return how many queries a run needs that makes the second box of subscriptions that have paid the first."""
        program = self._create_program(2, payment_term_id=self.at_once.id, **program)
        subscriptions = self.env['continuity.subscription'].concat(*(self._sell(program) for _number in range(count)))
        domain = [('id', 'in', subscriptions.ids)]
        self._run_job('create_orders', domain=domain)
        self._run_job('process_payments', domain=[('subscription_id', 'in', subscriptions.ids)])
        self._pay(subscriptions.payment_ids)
        self.assertEqual(set(subscriptions.payment_ids.mapped('state')), {'paid'})
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        run = self._run_job('create_orders', day('2027-02-01'), domain=domain)
        self.assertEqual(run.done_count, count)
        return self.env.cr.sql_log_count - before

    def test_who_has_paid_costs_one_search_for_the_batch(self):
        self._count_queries(2, unpaid_max_count=1)  # caches are warm after it
        added = {
            count: self._count_queries(count, unpaid_max_count=1) - self._count_queries(count, unpaid_policy='ship')
            for count in (5, 15)
        }

        self.assertAlmostEqual(added[5], added[15], delta=1, msg=str(added))
        self.assertLessEqual(added[15], 4)
