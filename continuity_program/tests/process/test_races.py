import time

import pytest

from .common import ProcessCase, connect

pytestmark = pytest.mark.soak


class TestTwiceIsOnce(ProcessCase):
    def race(self, **args):
        """Let two processes run a job at the same moment, without a word of trouble; return their counts."""
        moment = time.time() + 0.5
        processes = [self.start('execute', start_at=moment, **args) for _number in range(2)]
        runs = [process.finish() for process in processes]
        self.assertEqual([process.troubles for process in processes], [[], []])
        for run in runs:
            self.assertAddsUp(run)
            self.assertEqual((run['state'], run['failed']), ('done', 0))
        self.assertRunsAddUp()
        self.assertNobodyIsParked()
        return runs

    def test_two_processes_make_500_orders(self):
        domain = [('id', 'in', self.seeded['monthly'][:500])]

        runs = self.race(domain=domain)

        self.assertChildren(500)
        self.assertEqual(sum(run['done'] for run in runs), 500)
        # What the other one held was met again at the end: at most its last batch is told as left out.
        self.assertLessEqual(sum(run['skipped'] for run in runs), 100)
        for _time in range(4):
            self.assertEqual(self.run_task('execute', domain=domain)['selected'], 0)
        self.assertChildren(500)

    def test_two_processes_that_reserve_the_same_goods(self):
        """They get into each other's way in the stock: what is tried again is no error."""
        runs = self.race(domain=[('id', 'in', self.seeded['endless'])], batch_size=20)

        self.assertEqual(sum(run['done'] for run in runs), 100)
        self.assertChildren(100)
        self.assertEqual(self.get_value("SELECT SUM(reserved_quantity) FROM stock_quant"), 100)

    def test_two_processes_extend_once(self):
        domain = [('id', 'in', self.seeded['endless'][:60])]
        self.run_task('execute', domain=domain)
        lines = "SELECT count(*) FROM continuity_line WHERE subscription_id = ANY(%s)"
        before = self.get_value(lines, self.seeded['endless'][:60])

        runs = self.race(job='extend', domain=domain, batch_size=10)

        self.assertEqual(sum(run['done'] for run in runs), 60)
        self.assertEqual(self.get_value(lines, self.seeded['endless'][:60]), before + 60)
        self.assertEqual(self.run_task('execute', job='extend', domain=domain)['selected'], 0)

    def test_two_processes_update_events_once(self):
        self.run_task('create_calendars', count=40, product=self.seeded['books'][0])

        runs = self.race(job='update_events', batch_size=10)

        self.assertEqual(sum(run['done'] for run in runs), 40)
        self.assertEqual(self.get_value("SELECT count(*) FROM continuity_program WHERE current_event = 2"), 40)
        self.assertEqual(self.run_task('execute', job='update_events')['selected'], 0)

    def test_two_processes_park_once(self):
        ids = self.seeded['monthly'][:60]
        bad = ids[3::10]
        args = {'domain': [('id', 'in', ids)], 'raising': bad, 'batch_size': 10, 'start_at': time.time() + 0.5}
        processes = [self.start('execute_with_bad_overrides', **args) for _number in range(2)]
        runs = [process.finish() for process in processes]

        for process in processes:
            self.assertNotIn("could not be parked", process.log)
        self.assertEqual(sum(run['failed'] for run in runs), len(bad))
        self.assertEqual(sum(run['done'] for run in runs), len(ids) - len(bad))
        self.assertChildren(len(ids) - len(bad))
        self.assertRunsAddUp()
        self.assertEqual(
            self.query("SELECT id, park_count FROM continuity_subscription WHERE is_parked ORDER BY id"),
            [(record, 1) for record in bad],
        )
        activities = "SELECT res_id FROM mail_activity WHERE res_model = 'continuity.subscription' ORDER BY res_id"
        self.assertEqual([record for (record,) in self.query(activities)], bad)

    def test_the_scheduled_action_and_a_run_by_hand(self):
        ids = self.keep_only(60)
        scheduled = self.start('trigger', batch_size=10)
        by_hand = self.start('execute', batch_size=10)
        run = by_hand.finish()
        scheduled.finish()

        self.assertEqual(scheduled.troubles + by_hand.troubles, [])
        self.assertAddsUp(run)
        self.assertChildren(len(ids))
        self.assertRunsAddUp()
        self.assertEqual(self.get_value("SELECT SUM(done_count) FROM continuity_job_run"), len(ids))

    def test_two_clicks_at_the_same_moment(self):
        """Neither says what it saw, and RPC tries again by itself: still only one box is skipped, or moved."""
        ids = self.keep_only(2)
        self.run_task('execute', domain=[('id', 'in', ids)])
        for method, record, changed in (
            ('action_skip_next', ids[0], "is_skipped"),
            ('action_postpone', ids[1], "date_planned >= current_date + interval '80 days'"),
        ):
            moment = time.time() + 1
            clicks = [self.start('click', method=method, record=record, start_at=moment) for _number in range(2)]
            told = [process.finish() for process in clicks]

            self.assertEqual(told.count(None), 1, told)
            self.assertIn("Somebody else is changing", ''.join(filter(None, told)))
            count = f"SELECT count(*) FROM continuity_line WHERE subscription_id = %s AND {changed}"
            self.assertEqual(self.get_value(count, record), 1)


class TestDatabaseGuard(ProcessCase):
    """Without lock, second look at the condition, and isolation, only the unique index is left."""

    def race_without_guard(self):
        meeting = self.server.folder / f'meeting-{self.database}'
        meeting.mkdir()
        args = {'meeting': str(meeting), 'domain': [('id', 'in', self.seeded['monthly'][:20])]}
        processes = [self.start('execute_without_guard', **args) for _number in range(2)]
        for run in [process.finish() for process in processes]:
            self.assertAddsUp(run)
        return self.get_value(
            "SELECT count(*) FROM sale_order WHERE continuity_parent_id IS NOT NULL AND state <> 'cancel'"
        )

    def test_the_database_refuses_the_second(self):
        self.assertEqual(self.race_without_guard(), 20)
        self.assertChildren(20)
        self.assertNobodyIsParked()

    def test_without_the_index_there_would_be_a_second(self):
        with connect(self.database) as cursor:
            cursor.execute(
                "SELECT indexname FROM pg_indexes WHERE tablename = 'sale_order_line' AND indexdef LIKE %s",
                ['%UNIQUE%continuity_line_id%'],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP INDEX "{name}"')

        self.assertEqual(self.race_without_guard(), 40)
