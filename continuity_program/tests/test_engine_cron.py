import sys
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import errors

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.continuity_program.models.job import engine as job_engine

from .common import day
from .common_engine import EngineCase


@tagged('post_install', '-at_install')
class TestLimit(EngineCase):
    def test_the_oldest_first_across_subscriptions(self):
        """The first has three due shipments; the limit must not let it push the others aside."""
        program = self._create_program(3)
        first = self._sell(program, on=day('2027-01-01'))
        second = self._sell(program, on=day('2027-01-10'))
        third = self._sell(program, on=day('2027-02-05'))
        made = []
        for _run in range(8):
            run = self._run_job('create_orders', day('2027-05-01'), limit=2)
            made.append(run.done_count)
        children = self._get_children(first | second | third)

        self.assertEqual(made, [2, 2, 2, 2, 1, 0, 0, 0])
        dates = [fields.Date.to_string(child.commitment_date) for child in children]
        self.assertEqual(dates, sorted(dates))
        self.assertEqual(len(children), 9)

    def test_the_oldest_first_across_batches(self):
        with patch.object(job_engine, 'BATCH_SIZE', 2):
            self.test_the_oldest_first_across_subscriptions()

    def test_the_oldest_first_when_one_fails(self):
        program = self._create_program(3)
        bad = self._sell(program, on=day('2027-01-01'))
        first = self._sell(program, on=day('2027-01-02'))
        second = self._sell(program, on=day('2027-01-03'))

        with self._raising_for(bad, UserError("No.")):
            run = self._run_job('create_orders', day('2027-05-01'), limit=2)

        self.assertEqual(run.done_count, 2)
        self.assertEqual([len(self._get_children(one)) for one in (first, second)], [1, 1])

    def test_all_of_a_day_get_their_turn(self):
        subscriptions = self._sell_many(7, self._create_program(1))

        with patch.object(job_engine, 'BATCH_SIZE', 2):
            for expected in (3, 3, 1, 0):
                self.assertCounts(self._run_job('create_orders', limit=3), done=expected)

        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1] * 7)

    def test_skipped_ones_do_not_eat_it(self):
        program = self._create_program(1)
        skipped = self._sell_many(3, program)
        skipped.payment_method = 'token'
        good = self._sell_many(3, program)

        with patch.object(job_engine, 'BATCH_SIZE', 2):
            run = self._run_job('create_orders', limit=2)

        self.assertCounts(run, done=2, skipped=3)
        self.assertIssuesAddUp(run)
        self.assertEqual(len(self._get_children(good)), 2)

    def test_failed_and_parked_ones_do_not_eat_it(self):
        program = self._create_program(1)
        bad = self._sell_many(3, program)
        good = self._sell_many(5, program)

        with self._raising_for(bad, UserError("No.")), patch.object(job_engine, 'BATCH_SIZE', 2):
            self.assertCounts(self._run_job('create_orders', limit=2), done=2, failed=3)
            self.assertCounts(self._run_job('create_orders', limit=2), done=2)

        self.assertEqual(len(self._get_children(good)), 4)

    def test_a_run_by_hand_has_no_limit_of_its_own(self):
        self.company.continuity_orders_per_run = 1
        self._sell_many(3, self._create_program(1))

        self.assertCounts(self._run_job('create_orders'), done=3)

    def test_more_than_a_batch_without_a_limit(self):
        subscriptions = self._sell_many(5)

        with patch.object(job_engine, 'BATCH_SIZE', 2):
            self.assertCounts(self._run_job('create_orders', day('2027-03-01')), done=15)

        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [3] * 5)

    def test_skipped_ones_of_a_full_batch_hold_nobody_up(self):
        program = self._create_program(3)
        skipped = self._sell_many(4, program)
        skipped.payment_method = 'token'
        good = self._sell_many(3, program)

        with patch.object(job_engine, 'BATCH_SIZE', 2):
            run = self._run_job('create_orders', day('2027-03-01'))

        self.assertCounts(run, done=9, skipped=12)
        self.assertEqual(len(self._get_children(good)), 9)


@tagged('post_install', '-at_install')
class TestCron(EngineCase):
    def setUp(self):
        super().setUp()
        self.company.continuity_orders_per_run = 0
        freezer = freeze_time('2027-01-01 12:00:00')
        freezer.start()
        self.addCleanup(freezer.stop)

    def test_it_makes_what_is_due_and_commits_its_progress(self):
        subscriptions = self._sell_many(3)

        with patch.object(job_engine, 'BATCH_SIZE', 2):
            run = self._trigger()

        self.assertCounts(run, done=3)
        self.assertRecordValues(run, [{'state': 'done', 'is_scheduled': True, 'job': 'create_orders', 'as_of': False}])
        self.assertEqual(len(self._get_children(subscriptions)), 3)
        cron = self.env.ref('continuity_program.ir_cron_create_orders')
        progress = self.env['ir.cron.progress'].search([('cron_id', '=', cron.id)], order='id desc', limit=1)
        self.assertRecordValues(progress, [{'done': 3, 'remaining': 0}])

    def test_five_steps_lead_from_it_to_the_job(self):
        steps = []

        def process(_records, _batch):
            frame = sys._getframe(1)
            while frame:
                if '/models/job/' in frame.f_code.co_filename:
                    steps.append(frame.f_code.co_name)
                frame = frame.f_back

        self._sell_many(1)
        with patch.object(self.env.registry['continuity.subscription'], '_job_create_orders_process', process):
            self._trigger()

        self.assertEqual(steps, ['_run_together', '_run_batch', '_run_company', '_dispatch', '_cron_run'])

    def test_a_run_that_finds_nothing_is_not_written(self):
        self.assertFalse(self._trigger())

    def test_all_bad_data_is_no_failure_of_the_scheduled_action(self):
        subscriptions = self._sell_many(3)

        with self._raising_for(subscriptions, UserError("No.")):
            run = self._trigger()

        self.assertCounts(run, failed=3)
        self.assertEqual(run.state, 'done')
        self.assertEqual(subscriptions.mapped('is_parked'), [True] * 3)
        self.assertFalse(self._trigger())

    def test_only_skipped_ones_are_no_failure_either(self):
        subscriptions = self._sell_many(3)
        subscriptions.payment_method = 'token'

        self.assertCounts(self._trigger(), skipped=3)

    def test_repeated_calls_go_on_with_one_run(self):
        subscriptions = self._sell_many(5)
        calls = []
        original = self.env.registry['ir.cron']._commit_progress

        def without_time(cron, processed=0, **kwargs):
            original(cron, processed, **kwargs)
            calls.append(processed)
            return 0

        with (
            patch.object(job_engine, 'BATCH_SIZE', 2),
            patch.object(self.env.registry['ir.cron'], '_commit_progress', without_time),
        ):
            run = self._trigger()

        self.assertEqual(len(run), 1)
        self.assertCounts(run, done=5)
        self.assertEqual(run.state, 'done')
        self.assertEqual([processed for processed in calls if processed], [2, 2, 1])
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1] * 5)

    def test_the_next_scheduled_time_goes_on_with_a_run_that_time_cut_off(self):
        subscriptions = self._sell_many(3)
        engine = self.env['continuity.job.run']
        waiting = engine._as_superuser()._create_run('create_orders', engine._as_superuser().env, is_scheduled=True)
        waiting.write(
            {
                'state': 'waiting',
                'selected_count': 7,
                'done_count': 7,
                'progress': {str(self.company.id): {'cursor': ['2026-12-01', 1], 'done': 7}},
            }
        )

        self.assertFalse(self._trigger())

        self.assertCounts(waiting, done=10)
        self.assertEqual(waiting.state, 'done')
        self.assertEqual(len(self._get_children(subscriptions)), 3)

    def test_what_was_held_is_met_again_when_nothing_else_is_left(self):
        subscriptions = self._sell_many(3)
        engine = self.env['continuity.job.run']
        waiting = engine._as_superuser()._create_run('create_orders', engine._as_superuser().env, is_scheduled=True)
        place = {'cursor': [False, max(subscriptions.ids)], 'done': 0, 'locked_ids': subscriptions.ids}
        waiting.write({'state': 'waiting', 'progress': {str(self.company.id): place}})

        self.assertFalse(self._trigger())

        self.assertCounts(waiting, done=3)
        self.assertEqual(waiting.progress[str(self.company.id)]['cursor'], place['cursor'])
        self.assertEqual(len(self._get_children(subscriptions)), 3)

    def test_what_a_killed_run_left_for_afterwards_is_done_by_the_next_one(self):
        """Without a commit of its own in a run that does not commit: goods are reserved for the order that was made."""
        warehouse = self.env['stock.warehouse'].search([('company_id', '=', self.company.id)], limit=1)
        self.env['stock.quant']._update_available_quantity(self.books[0], warehouse.lot_stock_id, 5.0)
        subscription = self._sell_many(1)
        self._run_job('create_orders')
        move = self._get_children(subscription).picking_ids.move_ids
        engine = self.env['continuity.job.run']._as_superuser()
        for commit in (True, False):
            move._do_unreserve()
            killed = engine._create_run('create_orders', engine.env, is_scheduled=commit)
            killed.progress = {str(self.company.id): {'cursor': [False, subscription.id], 'deferred_ids': move.ids}}
            self.env.flush_all()
            self.env.cr.execute("UPDATE continuity_job_run SET write_date = write_date - interval '2 hours'")
            self.env.invalidate_all()

            if commit:
                self._trigger()
            else:
                with patch.object(type(self.env['ir.cron']), '_commit_progress', side_effect=AssertionError):
                    self._run_job('create_orders')

            self.assertEqual((killed.state, move.state), ('stopped', 'assigned'))
            self.assertEqual(killed.progress[str(self.company.id)]['deferred_ids'], [])

    def test_a_killed_run_is_closed_as_stopped(self):
        engine = self.env['continuity.job.run']
        killed = engine._as_superuser()._create_run('create_orders', engine._as_superuser().env, is_scheduled=True)
        other_job = engine._as_superuser()._create_run('extend', engine._as_superuser().env, is_scheduled=True)
        by_hand = engine._as_superuser()._create_run('create_orders', engine._as_superuser().env)
        self.env.flush_all()
        self.env.cr.execute("UPDATE continuity_job_run SET write_date = '2027-01-01 11:59:00'")
        self.env.invalidate_all()
        subscriptions = self._sell_many(2)

        run = self._trigger()

        self.assertCounts(run, done=2)
        self.assertEqual(killed.state, 'stopped')
        self.assertTrue(killed.date_end)
        self.assertEqual((other_job.state, by_hand.state), ('running', 'running'))
        self.assertEqual(len(self._get_children(subscriptions)), 2)

    def test_a_killed_run_is_closed_although_nothing_is_due(self):
        engine = self.env['continuity.job.run']
        killed = engine._as_superuser()._create_run('create_orders', engine._as_superuser().env, is_scheduled=True)

        self.assertFalse(self._trigger())

        self.assertEqual(killed.state, 'stopped')

    def test_a_killed_run_by_hand_is_closed_by_the_next_one(self):
        run = self.env['continuity.job.run']._as_superuser()._create_run('create_orders', self.env)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE continuity_job_run SET write_date = write_date - interval '2 hours' WHERE id = %s", [run.id]
        )
        self.env.invalidate_all()

        self._run_job('create_orders')

        self.assertEqual(run.state, 'stopped')

    def test_the_limit_is_of_one_scheduled_run(self):
        self.company.continuity_orders_per_run = 2
        subscriptions = self._sell_many(5, self._create_program(1))

        with patch.object(job_engine, 'BATCH_SIZE', 1):
            for expected in (2, 2, 1):
                self.assertCounts(self._trigger(), done=expected)

        self.assertFalse(self._trigger())
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1] * 5)

    def test_what_the_limit_leaves_waits_for_the_next_scheduled_time(self):
        self.company.continuity_orders_per_run = 2
        self._sell_many(5, self._create_program(1))
        cron = self.env.ref('continuity_program.ir_cron_create_orders')

        self._trigger()

        self.assertFalse(self.env['ir.cron.trigger'].search([('cron_id', '=', cron.id)]))

    def test_the_limit_is_not_begun_again_by_repeated_calls(self):
        self.company.continuity_orders_per_run = 3
        self._sell_many(5, self._create_program(1))
        original = self.env.registry['ir.cron']._commit_progress

        def without_time(cron, processed=0, **kwargs):
            original(cron, processed, **kwargs)
            return 0

        with (
            patch.object(job_engine, 'BATCH_SIZE', 1),
            patch.object(self.env.registry['ir.cron'], '_commit_progress', without_time),
        ):
            self.assertCounts(self._trigger(), done=3)

    def _refusing_times(self, times, error, poisoned=None):
        """Let the database refuse child orders so many times, of the poisoned subscription only."""
        model = self.env.registry['continuity.subscription']
        original = model._create_child_orders
        tries = []

        def refusing(records, shipments):
            subscriptions = [lines.subscription_id for lines in shipments]
            if (not poisoned or poisoned in subscriptions) and len(tries) < times:
                tries.append(subscriptions)
                raise error
            return original(records, shipments)

        return patch.object(model, '_create_child_orders', refusing)

    def test_a_serialization_failure_is_tried_again_and_nothing_is_parked(self):
        subscriptions = self._sell_many(3)

        with self._refusing_times(3, errors.SerializationFailure("could not serialize access")):
            run = self._trigger()

        self.assertCounts(run, done=3)
        self.assertFalse(subscriptions.filtered('is_parked'))
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1] * 3)

    def test_a_lock_that_stays_leaves_it_to_the_next_run(self):
        subscriptions = self._sell_many(3)

        with self._refusing_times(1000, errors.LockNotAvailable("could not obtain lock")):
            run = self._trigger()

        self.assertCounts(run, skipped=3)
        self.assertEqual(run.issue_ids.mapped('kind'), ['locked'] * 3)
        self.assertFalse(subscriptions.filtered('is_parked'))
        self.assertCounts(self._trigger(), done=3)

    def test_a_lock_that_stays_costs_only_the_record_it_is_on(self):
        subscriptions = self._sell_many(3)

        with self._refusing_times(1000, errors.LockNotAvailable("could not obtain lock"), subscriptions[1]):
            run = self._trigger()

        self.assertCounts(run, done=2, skipped=1)
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1, 0, 1])

    def test_outside_commit_mode_an_operational_error_is_the_callers(self):
        self._sell_many(2)

        with (
            self._refusing_times(1, errors.LockNotAvailable("could not obtain lock")),
            self.assertRaises(errors.LockNotAvailable),
        ):
            self._run_job('create_orders')

    def test_a_locked_record_is_skipped_and_counted_in_shipments(self):
        subscriptions = self._sell_many(2)
        model = self.env.registry['continuity.subscription']
        original = model.try_lock_for_update

        def locked_elsewhere(records, **kwargs):
            return original(records - subscriptions[0].with_env(records.env), **kwargs)

        with patch.object(model, 'try_lock_for_update', locked_elsewhere):
            run = self._run_job('create_orders', day('2027-02-01'))

        self.assertCounts(run, done=2, skipped=2)
        self.assertEqual(run.issue_ids.kind, 'locked')
        self.assertEqual(self._run_job('create_orders', day('2027-02-01')).done_count, 2)

    def test_what_another_run_has_done_meanwhile_is_not_done_again(self):
        """The due condition is read again once the lock is held."""
        subscriptions = self._sell_many(2)
        model = self.env.registry['continuity.subscription']
        original = model.try_lock_for_update

        def after_the_other_run(records, **kwargs):
            locked = original(records, **kwargs)
            subscriptions[0]._create_child_orders([subscriptions[0].line_ids[0]])
            return locked

        with patch.object(model, 'try_lock_for_update', after_the_other_run):
            run = self._run_job('create_orders')

        self.assertEqual(run.done_count, 1)
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1, 1])

    def test_extend_and_update_events_are_scheduled_too(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        program = self._create_program([{'start_date': '2026-12-01'}, {'start_date': '2027-02-01'}])
        self._trigger()

        self.assertCounts(self._trigger('extend'), done=1)
        self.assertEqual(len(subscription.line_ids), 13)
        self.assertEqual(self._trigger('update_events').state, 'done')
        self.assertRecordValues(program, [{'current_event': 1, 'last_checked': day('2027-01-01')}])
        self.assertFalse(self._trigger('update_events'))
        self.assertFalse(self._trigger('extend'))
