import random
import time

import pytest

from .common import ProcessCase, wait_for

pytestmark = pytest.mark.soak


class TestKill(ProcessCase):
    def setUp(self):
        super().setUp()
        self.twin = self.copy()
        self.random = random.Random(20270101)

    def count_children(self):
        return self.get_value("SELECT count(*) FROM sale_order WHERE continuity_parent_id IS NOT NULL")

    def count_begun(self):
        """How many orders were ever begun: what was rolled back has used up its numbers."""
        return self.get_value("SELECT last_value FROM sale_order_id_seq")

    def kill_until(self, batch_size, attempts, is_done):
        """Run the job again and again and kill it each time, by turns at a statement and at a moment; return how often
        it was killed and the most orders that one killed run had in vain."""
        killed = wasted = 0
        for attempt in attempts:
            if is_done():
                break
            before = self.count_begun() - self.count_children()
            process = self.start('cron_run', batch_size=batch_size, die_at=attempt.get('die_at'))
            if 'after' in attempt:
                time.sleep(attempt['after'])
                process.kill()
            killed += process.wait() == -9
            self.assertEqual(process.troubles, [])
            self.wait_for_backends()
            wasted = max(wasted, self.count_begun() - self.count_children() - before)
        return killed, wasted

    def run_twin(self, batch_size):
        """Run the twin without a break; return how many statements, with the places of commits, and seconds it took."""
        start = time.monotonic()
        result = self.run_task('cron_run', self.twin, batch_size=batch_size)
        return result, time.monotonic() - start

    def assertFinishedLikeTheTwin(self, count, batch_size):
        self.run_task('cron_run', batch_size=batch_size)
        self.assertChildren(count)
        self.assertSameState(self.database, self.twin)
        self.assertRunsAddUp()
        self.assertEqual(self.get_value("SELECT SUM(done_count) FROM continuity_job_run"), count)
        still_open = "SELECT id FROM continuity_job_run WHERE state NOT IN ('done', 'stopped')"
        self.assertEqual(self.query(still_open), [])

    def test_fifty_kills(self):
        count, batch_size = 150, 10
        for database in (self.database, self.twin):
            self.keep_only(count, database=database)
        whole, seconds = self.run_twin(batch_size)
        batches = count / batch_size
        reach = int(1.1 * whole['steps'] / batches)
        attempts = [
            {'after': self.random.uniform(0, 1.1 * seconds / batches)}
            if number % 4 == 0
            else {'die_at': self.random.randint(1, reach)}
            for number in range(55)
        ]

        killed, wasted = self.kill_until(batch_size, attempts, lambda: self.count_children() == count)

        self.assertGreaterEqual(killed, 50)
        self.assertLessEqual(wasted, batch_size)
        self.assertFinishedLikeTheTwin(count, batch_size)

    def test_kills_around_each_commit(self):
        """Just before and just after the moment that makes work last."""
        count, batch_size = 20, 10
        for database in (self.database, self.twin):
            self.keep_only(count, database=database)
        whole, _seconds = self.run_twin(batch_size)
        commits = whole['commits']
        attempts = [{'die_at': step + offset} for step in commits for offset in (-1, 0, 1)]

        killed, wasted = self.kill_until(batch_size, attempts, lambda: False)

        self.assertGreater(killed, len(commits))
        self.assertLessEqual(wasted, batch_size)
        self.assertFinishedLikeTheTwin(count, batch_size)

    def test_kills_of_whole_batches(self):
        """With the size that batches really have, at most one is repeated."""
        count, batch_size = 130, 100
        for database in (self.database, self.twin):
            self.keep_only(count, database=database)
        whole, _seconds = self.run_twin(batch_size)
        steps = whole['steps']
        attempts = [{'die_at': int(steps * part)} for part in (0.4, 0.7, 0.9)]

        killed, wasted = self.kill_until(batch_size, attempts, lambda: False)

        self.assertEqual(killed, 3)
        self.assertLessEqual(wasted, batch_size)
        self.assertGreater(wasted, 0)
        self.assertFinishedLikeTheTwin(count, batch_size)

    def test_kills_between_orders_and_their_goods(self):
        """Goods are reserved when the orders last: whoever goes on reserves what the killed run left."""
        count, batch_size = 20, 10
        for database in (self.database, self.twin):
            self.keep_only(count, 'endless', database)
        whole, _seconds = self.run_twin(batch_size)
        attempts = [{'die_at': step + offset} for step in whole['commits'] for offset in (1, 5)]
        self.kill_until(batch_size, attempts, lambda: False)

        self.assertFinishedLikeTheTwin(count, batch_size)
        self.assertEqual(self.query("SELECT state, count(*) FROM stock_move GROUP BY state"), [('assigned', count)])
        self.assertEqual(self.get_value("SELECT SUM(reserved_quantity) FROM stock_quant"), count)

    def test_a_killed_scheduled_action_goes_on(self):
        ids = self.keep_only(60)
        process = self.start('trigger', batch_size=10)
        wait_for(lambda: self.count_children() >= 20)
        process.kill()
        self.assertEqual(process.wait(), -9)
        self.wait_for_backends()
        made = self.count_children()
        self.assertLess(made, len(ids))

        self.run_task('trigger', batch_size=10)

        self.assertChildren(len(ids))
        self.assertEqual(
            self.query("SELECT state, selected_count, done_count FROM continuity_job_run ORDER BY id"),
            [('stopped', made, made), ('done', len(ids) - made, len(ids) - made)],
        )
        cron = "SELECT active, failure_count FROM ir_cron JOIN ir_act_server act ON act.id = ir_actions_server_id"
        self.assertEqual(set(self.query(f"{cron} WHERE act.code LIKE '%%create_orders%%'")), {(True, 0)})
