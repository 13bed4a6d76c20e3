import importlib.util
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo.tests import tagged
from odoo.tools import mute_logger
from odoo.tools.misc import file_path

from .common import day
from .common_engine import EngineCase

MIGRATION = 'continuity_program/migrations/19.0.1.1.0/post-job-issues.py'


class IssueCase(EngineCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.email = 'ann@example.com'
        cls.program = cls._create_program(3, user_id=cls.responsible.id)
        cls.issues = cls.env['continuity.job.issue']

    def _sell_without_card(self, **values):
        subscription = self._sell(self.program, order={'user_id': self.salesperson.id}, **values)
        subscription.payment_method = 'token'
        return subscription

    def _run_nights(self, *days, job='create_orders', **kwargs):
        return [self._run_job(job, day(f'2027-01-{number:02}'), **kwargs) for number in days]

    def _get_issues(self, record):
        return self.issues.search([('res_model', '=', record._name), ('res_id', '=', record.id)], order='id')

    def _get_mails(self):
        return self.env['mail.mail'].search([('subject', 'like', "your next box is waiting")])


@tagged('post_install', '-at_install')
class TestAge(IssueCase):
    """What a job leaves out is one row as long as it lasts."""

    def test_one_row_that_counts_the_nights(self):
        subscription = self._sell_without_card()

        runs = self._run_nights(1, 2, 3, 3, 7)

        issue = self._get_issues(subscription)
        self.assertRecordValues(
            issue,
            [
                {
                    'kind': 'no_token',
                    'job': 'create_orders',
                    'company_id': self.company.id,
                    'run_id': runs[-1].id,
                    'first_date': day('2027-01-01'),
                    'last_date': day('2027-01-07'),
                    'night_count': 4,
                    'count': 1,
                    'is_open': True,
                }
            ],
        )
        for run in runs:
            self.assertEqual(run.issue_ids, issue)
            self.assertCounts(run, skipped=1)

    def test_a_day_before_is_no_other_night(self):
        subscription = self._sell_without_card()

        self._run_nights(5, 1)

        self.assertRecordValues(self._get_issues(subscription), [{'last_date': day('2027-01-05'), 'night_count': 1}])

    def test_it_ends_when_the_record_goes_through_and_begins_anew(self):
        subscription = self._sell_without_card()
        self._run_nights(1, 2)
        subscription.payment_method = 'on_account'
        run = self._run_nights(3)[0]
        self.assertCounts(run, done=1)
        self.assertFalse(run.issue_ids)
        self.assertRecordValues(self._get_issues(subscription), [{'is_open': False, 'last_date': day('2027-01-02')}])

        subscription.payment_method = 'token'
        self._run_job('create_orders', day('2027-02-01'))

        self.assertRecordValues(
            self._get_issues(subscription),
            [{'is_open': False, 'night_count': 2}, {'is_open': True, 'night_count': 1}],
        )

    def test_another_reason_takes_its_place(self):
        subscription = self._sell_without_card()
        self._run_nights(1)
        subscription.payment_token_id = self._create_token(continuity_expiry_date='2026-12-31')

        self._run_nights(2)

        self.assertRecordValues(
            self._get_issues(subscription),
            [{'kind': 'no_token', 'is_open': False}, {'kind': 'card_expired', 'is_open': True}],
        )

    def test_shipments_that_wait_for_the_same_are_one_row(self):
        subscription = self._sell_without_card()

        run = self._run_job('create_orders', day('2027-03-01'))

        self.assertCounts(run, skipped=3)
        self.assertRecordValues(self._get_issues(subscription), [{'count': 3, 'night_count': 1}])

    def test_what_a_limit_leaves_is_not_closed(self):
        """It could go through by now, but its turn has not come."""
        subscription = self._sell_without_card(on=day('2027-01-02'))
        self._run_nights(2)
        subscription.payment_method = 'on_account'
        self._sell(self.program)

        self.assertCounts(self._run_nights(3, limit=1)[0], done=1)
        self.assertTrue(self._get_issues(subscription).is_open)

        self.assertCounts(self._run_nights(3, limit=1)[0], done=1)
        self.assertTrue(subscription.child_order_ids)

    def test_what_is_not_due_any_more_is_closed_by_the_night(self):
        subscription = self._sell_without_card()
        other = self._sell_without_card()
        with freeze_time('2027-01-01 12:00:00'):
            self.assertCounts(self._trigger(), skipped=2)
            subscription._cancel()
            self._run_job('create_orders', domain=[('id', '=', other.id)])
            self.assertTrue(self._get_issues(subscription).is_open)
            self._trigger()

        self.assertFalse(self._get_issues(subscription).is_open)
        self.assertTrue(self._get_issues(other).is_open)
        with freeze_time('2027-01-02 12:00:00'), self.subTest("nothing at all is due"):
            other._cancel()
            self.assertTrue(other.activity_ids)
            self.assertFalse(self._trigger())
            self.assertFalse(self._get_issues(other).is_open)
            self.assertFalse(other.activity_ids)

    def test_what_failed_is_open_until_it_is_mended(self):
        subscription = self._sell_many(1)
        with self._raising_for(subscription, ZeroDivisionError("division by zero")):
            self._run_nights(1)
        with freeze_time('2027-01-02 12:00:00'):
            self._sell_without_card()
            self._trigger()
        issue = self._get_issues(subscription)
        self.assertRecordValues(issue, [{'kind': 'failed', 'is_open': True}])

        subscription._retry()

        self.assertFalse(issue.is_open)

    def test_more_records_take_no_more_queries(self):
        counts = []
        for count in (5, 25):
            subscriptions = self._sell_many(count, self.program)
            subscriptions.payment_method = 'token'
            domain = [('id', 'in', subscriptions.ids)]
            self._run_nights(1, 2, 3, domain=domain)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertCounts(self._run_nights(4, domain=domain)[0], skipped=count)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 5)

    def test_old_rows_are_kept_with_their_run(self):
        subscription = self._sell_without_card()
        run = self._run_nights(1)[0]
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE continuity_job_issue SET first_date = NULL, last_date = NULL, create_date = '2026-12-24 23:00:00'"
        )
        self.env.cr.execute("DELETE FROM continuity_job_issue_run_rel")
        spec = importlib.util.spec_from_file_location('migration', file_path(MIGRATION))
        migration = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(migration)

        migration.migrate(self.env.cr, '19.0.1.0.0')
        migration.migrate(self.env.cr, '19.0.1.0.0')

        self.env.invalidate_all()
        self.assertEqual(run.issue_ids, self._get_issues(subscription))
        self.assertRecordValues(
            run.issue_ids, [{'is_open': False, 'first_date': day('2026-12-24'), 'last_date': day('2026-12-24')}]
        )
        self.assertTrue(self._run_nights(2)[0].issue_ids.is_open)


@tagged('post_install', '-at_install')
class TestTold(IssueCase):
    """Who has to do something about what is left out is told, once."""

    def test_each_kind_tells_whom_it_says_after_so_many_nights(self):
        """From the registry: a kind that is added, and one that nobody registered, are told too."""
        run = self._run_job('create_orders')
        kinds = {**self.issues._get_kinds(), 'holidays': None}
        self.company.continuity_waiting_nights = 2
        first = {}
        for kind in kinds:
            subscription = self._sell_without_card()
            mails = self._get_mails()
            for night in range(1, 5):
                on = self.today + timedelta(days=night)
                issue = self.issues._note(run, self.company, on, [(subscription, kind, "So it is.", 1)])
                for untold in issue._get_untold():
                    untold._tell(on)
                activity = subscription.activity_ids
                if activity:
                    self.assertNotIn(kind, first)
                    first[kind] = night
                    self.assertRecordValues(
                        activity, [{'user_id': self.salesperson.id, 'continuity_job': f'create_orders.{kind}'}]
                    )
                    self.assertIn("So it is.", activity.note)
                    activity.action_feedback()  # nobody is told of it twice
            wanted = kinds[kind] and kinds[kind].tells_customer
            self.assertEqual(len(self._get_mails() - mails), 1 if wanted else 0, kind)
            self.issues._close_met('create_orders', subscription)
        self.assertEqual(
            first,
            {
                'no_token': 1,
                'card_expired': 1,
                'no_email': 1,
                'unpaid': 2,
                'out_of_stock': 2,
                'not_announced': 2,
                'pending': 2,
                'nothing_left': 2,
                'locked': 2,
                'database': 2,
                'holidays': 2,
            },
        )

    def test_a_card_that_is_gone(self):
        """Whether removed, archived, or its provider switched off: one mail with a link and one to-do, in four nights;
        both are over with the next card."""
        ways = {
            'removed': lambda subscription: subscription.write({'payment_token_id': False}),
            'archived': lambda subscription: subscription.payment_token_id.write({'active': False}),
            'disabled': lambda subscription: subscription.payment_token_id.provider_id.write({'state': 'disabled'}),
            'expired': lambda subscription: subscription.payment_token_id.write(
                {'continuity_expiry_date': '2026-12-31'}
            ),
        }
        for way, act in ways.items():
            with self.subTest(way):
                token = self._create_token()
                subscription = self._sell_without_card(payment_token_id=token.id)
                act(subscription)
                before = self._get_mails()

                self._run_nights(1, 2, 3, 4, domain=[('id', '=', subscription.id)])

                mail = self._get_mails() - before
                self.assertEqual(mail.recipient_ids, self.customer)
                self.assertIn('/my/payment_method', mail.body_html)
                self.assertIn("expired" if way == 'expired' else "no card of yours", mail.body_html)
                self.assertEqual(subscription.activity_ids.user_id, self.salesperson)
                self.assertEqual(len(subscription.activity_ids), 1)
                subscription.payment_token_id = self._create_token()
                self.assertCounts(self._run_nights(5, domain=[('id', '=', subscription.id)])[0], done=1)
                self.assertFalse(subscription.activity_ids)

    def test_the_customer_is_told_once_of_all_that_waits_for_one_card(self):
        subscriptions = self._sell_without_card() + self._sell_without_card()

        self._run_nights(1, 2)

        self.assertEqual(len(self._get_mails()), 1)
        self.assertEqual(len(subscriptions.activity_ids), 2)

    def test_unpaid_invoices(self):
        self.program.write({'unpaid_max_count': 0, 'unpaid_max_days': 10})
        subscription = self._sell(self.program, order={'user_id': self.salesperson.id})
        self._run_nights(1)
        self._deliver(subscription.child_order_ids)
        self._run_nights(1, job='process_payments')
        subscription.payment_ids.invoice_id.filtered(lambda bill: bill.state == 'draft').action_post()

        runs = [self._run_job('create_orders', day(f'2027-03-{number:02}')) for number in (1, 2, 3, 4)]

        self.assertEqual(runs[0].issue_ids.kind, 'unpaid')
        self.assertIn('/my/invoices', self._get_mails().body_html)
        self.assertRecordValues(subscription.activity_ids, [{'summary': "Unpaid", 'user_id': self.salesperson.id}])
        self.assertEqual(runs[0].issue_ids.told_date, day('2027-03-03'))

    def test_mails_and_to_dos_can_be_switched_off(self):
        self.company.write({'continuity_mail_waiting': False, 'continuity_waiting_nights': 0})
        subscription = self._sell_without_card()

        self._run_nights(1, 2)
        with self._out_of_stock():
            self._run_nights(3, 4, 5, 6)

        self.assertFalse(self._get_mails())
        self.assertFalse(subscription.activity_ids)

    def _out_of_stock(self):
        return patch.object(
            self.env.registry['continuity.subscription'],
            '_get_child_refusal',
            lambda _subscription, _lines, _as_of: ('out_of_stock', "Nothing there."),
        )

    def test_the_setting_has_bounds(self):
        for nights in (-1, 3651):
            with (
                self.subTest(nights=nights),
                mute_logger('odoo.sql_db'),
                self.assertRaises(IntegrityError),
                self.env.cr.savepoint(),
            ):
                self.company.continuity_waiting_nights = nights
                self.env.flush_all()

    def test_a_mail_that_cannot_be_made_stops_nothing(self):
        self.env.ref('continuity_program.mail_template_waiting').unlink()
        subscription = self._sell_without_card()

        self.assertCounts(self._run_nights(1)[0], skipped=1)

        self.assertEqual(subscription.activity_ids.mapped('summary'), ["No usable card"])
