from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.continuity_program.models.job.progress import Progress, Scope

from .common import ContinuityCase, day
from .common_engine import ENGINE, EngineCase

TOO_LATE = OverflowError("date value out of range")


@tagged('post_install', '-at_install')
class TestCompanies(EngineCase):
    """A company that fails as a whole costs no other company anything, whatever it fails at."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bad_company = cls.env['res.company'].create({'name': "Bad House"})
        cls.env.user.company_ids += cls.bad_company
        # Told before the company of the others, and after.
        cls.worst_company = cls.env['res.company'].create({'name': "Worst House"})
        cls.env.user.company_ids += cls.worst_company
        cls.boss = cls._create_user(
            'boss',
            'sales_team.group_sale_manager',
            company_id=cls.bad_company.id,
            company_ids=[Command.set(cls.bad_company.ids)],
        )
        cls.env['continuity.program'].create(
            {'name': "Bad Club", 'company_id': cls.bad_company.id, 'user_id': cls.boss.id}
        )

    def setUp(self):
        super().setUp()
        self.subscription = self._sell(self._create_program(3))
        companies = self.bad_company + self.company + self.worst_company
        self.engine = self.env['continuity.job.run'].with_context(allowed_company_ids=companies.ids)
        self.bad = self.bad_company + self.worst_company

    def _failing(self, model, method, error=TOO_LATE):
        """Let a method raise in the two bad companies."""
        target = self.env.registry[model]
        original, bad = getattr(target, method), self.bad

        def failing(records, *args, **kwargs):
            if records.env.company in bad:
                raise error
            return original(records, *args, **kwargs)

        return patch.object(target, method, failing)

    def _assert_others_went_on(self, run):
        failed = run.issue_ids.filtered(lambda issue: issue.res_model == 'res.company')
        self.assertEqual(failed.mapped('res_name'), self.bad.sorted('id', reverse=True).mapped('display_name'))
        self.assertEqual(set(failed.mapped('kind')), {'failed'})
        self.assertCounts(run, done=1, failed=2)
        self.assertEqual((run.state, len(self.subscription.child_order_ids)), ('done', 1))
        self.assertIssuesAddUp(run)

    @mute_logger(ENGINE)
    def test_while_its_candidates_are_looked_for(self):
        """Whatever the job, and by a command of the database as well."""
        jobs = self.env['continuity.job.run']._get_jobs()
        for job, definition in jobs.items():
            with self.subTest(job=job), self._failing(definition.model, f'_job_{job}_domain'):
                run = self.engine._execute(job, as_of=self.today)
                failed = run.issue_ids.filtered(lambda issue: issue.res_model == 'res.company')
                self.assertEqual(failed.mapped('res_id'), self.bad.sorted('id', reverse=True).ids)
                self.assertEqual((run.state, run.failed_count), ('done', 2))
                self.assertIn("date value out of range", failed[0].reason)
                rows = self.engine._preview(job, as_of=self.today)
                told = [row for row in rows if row['res_model'] == 'res.company']
                self.assertEqual([row['res_id'] for row in told], self.bad.ids)
                self.assertIn("date value out of range", told[0]['skipped'])
        self.assertEqual(len(self.subscription.child_order_ids), 1)

    @mute_logger(ENGINE)
    def test_whatever_raises(self):
        for error in (UserError("No."), KeyError('x'), ZeroDivisionError("division by zero")):
            with self.subTest(error=error):
                domain = [('id', '=', self.subscription.id)]
                with self._failing('continuity.subscription', '_get_order_horizon', error):
                    self._assert_others_went_on(self.engine._execute('create_orders', as_of=self.today, domain=domain))
                self.subscription = self._sell(self.subscription.program_id)

    @mute_logger(ENGINE, 'odoo.sql_db')
    def test_what_the_database_refuses(self):
        original, bad = type(self.env['continuity.subscription'])._get_order_horizon, self.bad

        def divide(records, as_of):
            if records.env.company in bad:
                records.env.cr.execute("SELECT 1 / 0")
            return original(records, as_of)

        with patch.object(self.env.registry['continuity.subscription'], '_get_order_horizon', divide):
            self._assert_others_went_on(self.engine._execute('create_orders', as_of=self.today))

    @mute_logger(ENGINE)
    def test_what_follows_its_batches(self):
        def fail(_model, _ids):
            raise UserError("No shelf.")

        with patch.object(self.env.registry['continuity.subscription'], '_job_create_orders_deferred', fail):
            run = self.engine._as_superuser()._create_run('create_orders', self.engine.env, as_of=self.today)
            run._keep_progress(Scope(self.bad_company, Progress(deferred_ids=[1])))
            run._dispatch(wait=True)
        self.assertEqual(run.issue_ids.mapped('res_name'), ["Bad House"])
        self.assertEqual(len(self.subscription.child_order_ids), 1)

    @mute_logger(ENGINE)
    def test_a_time_zone_that_nobody_knows(self):
        """Without patching anything: the day itself cannot be told."""
        self.env.flush_all()
        partners = self.bad.partner_id
        self.env.cr.execute("UPDATE res_partner SET tz = 'Mars/Phobos' WHERE id = ANY(%s)", [partners.ids])
        self.env.invalidate_all()
        with freeze_time('2027-01-01 12:00:00'):
            for job in self.env['continuity.job.run']._get_jobs():
                with self.subTest(job=job):
                    run = self._trigger(job)
                    self.assertEqual((run.state, run.failed_count), ('done', 2))
                    self.assertIn("Mars/Phobos", run.issue_ids[0].reason)
        self.assertEqual(len(self.subscription.child_order_ids), 1)

    @mute_logger(ENGINE)
    def test_the_scheduled_action_never_fails_and_one_to_do_is_made(self):
        """One issue that counts the nights and one to-do; both end when the company goes through."""
        with self._failing('continuity.subscription', '_get_order_horizon'):
            for night in ('2027-01-01', '2027-01-02', '2027-01-03'):
                with freeze_time(f'{night} 12:00:00'):
                    run = self._trigger()
                self.assertEqual((run.state, run.failed_count), ('done', 2))
        issue = self.env['continuity.job.issue'].search(
            [('res_model', '=', 'res.company'), ('res_id', '=', self.bad_company.id)]
        )
        self.assertRecordValues(issue, [{'is_open': True, 'night_count': 3, 'company_id': self.bad_company.id}])
        self.assertEqual(len(self.subscription.child_order_ids), 1)
        self.assertEqual(len(issue.run_ids), 3)
        activity = self.bad_company.partner_id.activity_ids
        self.assertRecordValues(
            activity, [{'user_id': self.boss.id, 'summary': "Create child orders failed in Bad House"}]
        )

        self.engine._execute('create_orders', as_of=self.today)

        self.assertFalse(issue.is_open)
        self.assertFalse(self.bad_company.partner_id.activity_ids)

    def test_what_the_caller_gave_is_refused_to_the_caller(self):
        for call in (self.engine._execute, self.engine._preview):
            with self.subTest(call=call.__name__), self.assertRaises(ValueError):
                call('create_orders', as_of=self.today, domain=[('no_such_field', '=', 1)])
        self.assertFalse(self.env['continuity.job.run'].search([]))

    def test_a_bad_setting_refuses_nothing_that_people_do(self):
        """What people do does not fail since a job could not look for work."""
        program = self._create_program(1, bill_upfront=True)
        with self._failing('continuity.payment', '_job_process_payments_domain'), mute_logger(ENGINE):
            self.bad += self.company
            subscription = self._sell(program)
        self.assertEqual(subscription.state, 'running')


@tagged('post_install', '-at_install')
class TestTheLog(EngineCase):
    """Writing the log never stops what it logs."""

    def setUp(self):
        super().setUp()
        self.subscriptions = self._sell_many(4)
        self.subscriptions[1].payment_method = 'token'

    @mute_logger(ENGINE)
    def test_one_that_cannot_be_written_costs_only_itself(self):
        self.subscriptions[2].payment_method = 'token'
        issue_model = self.env.registry['continuity.job.issue']
        original, bad = issue_model._note, self.subscriptions[1]

        def note(issues, run, company, on, rows):
            if any(row[0] == bad for row in rows):
                raise ZeroDivisionError("division by zero")
            return original(issues, run, company, on, rows)

        with patch.object(issue_model, '_note', note):
            run = self._run_job('create_orders')

        self.assertCounts(run, done=2, skipped=2)
        self.assertEqual(run.issue_ids.mapped('res_id'), self.subscriptions[2].ids)
        self.assertEqual(len(self._get_children(self.subscriptions)), 2)

    @mute_logger(ENGINE)
    def test_whatever_of_it_cannot_be_written(self):
        """Neither issues, nor changes, nor counts, nor the run itself: the work is done, and counted."""

        def refuse(_records, *_args, **_kwargs):
            raise UserError("Nothing is written today.")

        program = self.subscriptions.program_id
        for model, method in (
            ('continuity.job.issue', '_note'),
            ('continuity.job.issue', '_close_met'),
            ('continuity.job.issue', '_tell'),
            ('continuity.job.run', 'write'),
            ('continuity.job.run', 'create'),
            ('continuity.job.run', '_add_counts'),
        ):
            with self.subTest(method=f'{model}.{method}'):
                sold = self._sell_many(2, program)
                sold[0].payment_method = 'token'
                with patch.object(self.env.registry[model], method, refuse):
                    run = self._run_job('create_orders', domain=[('id', 'in', sold.ids)])
                self.assertCounts(run, done=1, skipped=1)
                self.assertEqual(len(self._get_children(sold)), 1)
        with self.subTest(method='continuity.job.change.create'):
            program.line_ids[2].product_id = self.books[5]
            with patch.object(self.env.registry['continuity.job.change'], 'create', refuse):
                run = self._run_job('sync')
            self.assertTrue(run.done_count)
            self.assertIn(self.books[5], self.subscriptions[0].line_ids.product_id)

    def test_a_code_of_ones_own_is_counted_under_itself(self):
        """Each night again; screens group and filter by it, with a label where there is one."""
        issue_model = self.env.registry['continuity.job.issue']
        with self._refusing(lambda lines: ('holidays', "Nothing is sent in August.")):
            run = self._run_job('create_orders')
        self.assertEqual(set(run.issue_ids.mapped('kind')), {'holidays'})
        self.assertCounts(run, skipped=4)
        issues = self.env['continuity.job.issue'].with_user(self.responsible)
        self.assertIn(('holidays', "holidays"), issues.fields_get(['kind'])['kind']['selection'])
        self.assertEqual(issues.search_count([('kind', '=', 'holidays')]), 4)
        self.assertEqual(issues.formatted_read_group([], ['kind'], ['__count'])[0]['kind'], 'holidays')
        original = issue_model._get_kinds

        def get_kinds(records):
            kinds = original(records)
            return {**kinds, 'holidays': kinds['locked']._replace(label="Holidays")}

        with patch.object(issue_model, '_get_kinds', get_kinds):
            self.assertIn(('holidays', "Holidays"), issues.fields_get(['kind'])['kind']['selection'])

    @mute_logger(ENGINE)
    def test_what_is_no_code_and_text_fails_its_record_only(self):
        bad = self.subscriptions[0]
        texts = [(7, "Text."), ('', "Text."), ('holidays', None)]
        junk = [('a', 'b', 'c'), 'holidays!', 7, ('holidays',), {'x': 1}, *texts]
        self.subscriptions.payment_method = 'on_account'
        for number, refusal in enumerate(junk):
            with self.subTest(refusal=refusal):
                bad._unpark()
                on = day(f'2027-01-{number + 1:02}')
                rest = self._sell_many(1, bad.program_id)
                with self._refusing(lambda lines, refusal=refusal: refusal if lines.subscription_id == bad else None):
                    run = self._run_job('create_orders', on, domain=[('id', 'in', (bad + rest).ids)])
                    self.assertCounts(run, done=1, failed=1)
                    self.assertIn(bad.display_name, run.issue_ids.reason)
                    self.assertIn("has to be a code and a text", run.issue_ids.reason)
        self.assertFalse(self._get_children(bad))

    def test_a_text_may_be_translated_late(self):
        class Lazy:
            def __str__(self):
                return "Later."

        with self._refusing(lambda lines: ['later', Lazy()]):
            run = self._run_job('create_orders')
        self.assertEqual(set(run.issue_ids.mapped('reason')), {"Later."})

    def _refusing(self, refuse):
        return patch.object(
            self.env.registry['continuity.subscription'],
            '_get_child_refusal',
            lambda _subscription, lines, _as_of: refuse(lines),
        )


@tagged('post_install', '-at_install')
class TestWaking(ContinuityCase):
    """A scheduled action is woken only where it finds something to do."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.triggers = cls.env['ir.cron.trigger']
        # By the clock: what is woken works today.
        cls.today = cls.company._get_continuity_today()

    def _get_woken(self, act):
        """Return the jobs that are woken by what is done."""
        self.triggers.search([]).unlink()
        act()
        self.env.flush_all()
        crons = self.triggers.search([]).cron_id
        jobs = self.env['continuity.job.run']._get_jobs()
        return sorted(job for job in jobs if self.env.ref(f'continuity_program.ir_cron_{job}') in crons)

    def test_quotations_and_plain_orders_wake_nothing(self):
        token = self._create_token()
        program = self._create_program(3)
        plain = self._create_product("Plain Goods")
        quotation = self._sell(program, confirm=False)
        order = self.env['sale.order'].create(
            {'partner_id': self.customer.id, 'order_line': [Command.create({'product_id': plain.id})]}
        )
        for what, act in {
            'quotation of a customer with a card': lambda: self._sell(program, confirm=False),
            'quotation saved again': lambda: quotation.write({'quantity': 2.0, 'payment_token_id': token.id}),
            'card taken off and on': lambda: (
                quotation.write({'payment_token_id': False}),
                quotation.write({'payment_token_id': token.id}),
            ),
            'plain order': order.action_confirm,
            'plain delivery': lambda: self._deliver(order),
            'plain customer': lambda: self.customer.write({'phone': "1", 'street': "2"}),
            'plain invoice': lambda: order._create_invoices().action_post(),
            'paid by shipment': lambda: self._sell(program),
        }.items():
            with self.subTest(what):
                self.assertEqual(self._get_woken(act), [])

    def test_what_is_due_wakes_its_job(self):
        token = self._create_token()
        program = self._create_program(3)
        upfront = self._create_program(1, bill_upfront=True)
        subscription = self._sell(program)
        self._run_job('create_orders', self.today)
        order = subscription.child_order_ids
        self.assertEqual(subscription.payment_token_id, token)
        self.assertEqual(self._get_woken(lambda: self._deliver(order)), ['process_payments'])
        self.assertEqual(self._get_woken(lambda: self._sell(upfront)), ['process_payments'])
        self.assertEqual(self._get_woken(subscription._ship_now), ['create_orders'])
        with self.subTest("not yet due"):
            later = self.env['account.payment.term'].create(
                {
                    'name': "Next month",
                    'line_ids': [Command.create({'value': 'percent', 'value_amount': 100.0, 'nb_days': 30})],
                }
            )
            upfront.allowed_payment_term_ids = later
            self.assertEqual(self._get_woken(lambda: self._sell(upfront, payment_term_id=later.id)), [])
