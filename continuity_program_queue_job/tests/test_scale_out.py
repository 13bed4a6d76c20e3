"""The jobs shared among workers: with the job runner's own way of doing a job, and with whole servers that are killed.

For pytest only, as ``continuity_program/tests/process``, on a database of their own: it is made when they run.
"""

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from devtool import databases, project

from odoo.addons.continuity_program.tests.process.common import NAME, ProcessCase, Server, connect, wait_for

pytestmark = pytest.mark.slow


class QueueServer(Server):
    """As of the main addon, with the job queue installed and fewer customers."""

    name = f'{NAME}_queue'
    tasks = Path(__file__).resolve().parent

    def _get_template(self):
        return databases.provide_glue(project.ROOT / 'continuity_program_queue_job')

    def _seed(self):
        made = self.start('seed', self.seed_database).finish()
        sold = self.start('sell', self.seed_database, program=made['monthly'], count=60, user=made['salesperson'])
        return {**made, 'monthly': sorted(sold.finish())}


get_queue_server = functools.cache(QueueServer)


class QueueCase(ProcessCase):
    """Each test has a copy of a database with 60 customers of a plan of three months, the first shipment of each due
    today."""

    get_server = staticmethod(get_queue_server)

    def get_run(self):
        """Return state, selected, done, skipped and failed of the last run."""
        return self.query(
            """
            SELECT state, selected_count, done_count, skipped_count, failed_count
              FROM continuity_job_run ORDER BY id DESC LIMIT 1
            """
        )[0]

    def get_jobs(self, columns):
        return self.query(f"SELECT {columns} FROM queue_job ORDER BY id")


class TestDispatch(QueueCase):
    """The jobs are done one after the other, by what the web server does when the job runner asks it to."""

    def setUp(self):
        super().setUp()
        self.run_task('queue_tasks.set_up', batch_size=4)

    def test_each_batch_is_a_queue_job(self):
        ids = self.keep_only(10)
        run = self.run_task('queue_tasks.dispatch')
        self.assertEqual((run['state'], run['selected']), ('running', 0))
        self.assertChildren(0)
        jobs = self.query("SELECT channel, continuity_run_id, identity_key, args FROM queue_job ORDER BY id")
        self.assertEqual({job[:2] for job in jobs}, {('root.continuity', run['id'])})
        self.assertEqual(len({key for _channel, _run, key, _args in jobs}), 3)
        given = [json.loads(args)[0] for *_rest, args in jobs]
        self.assertEqual([len(records) for records in given], [4, 4, 2])
        self.assertEqual(sorted(id_ for records in given for id_ in records), ids)

        self.assertEqual(self.run_task('queue_tasks.work_off'), 3)

        self.assertChildren(10)
        self.assertEqual(self.get_run(), ('done', 10, 10, 0, 0))
        self.assertEqual(self.get_jobs('state'), [('done',)] * 3)
        batches = "SELECT state, record_count, done_count FROM continuity_job_batch ORDER BY id"
        self.assertEqual(self.query(batches), [('done', 4, 4), ('done', 4, 4), ('done', 2, 2)])

    def test_done_twice_counts_once(self):
        """A worker is killed when its work lasts already, but nobody knows: another one does it again."""
        ids = self.keep_only(12)
        self.run_task('queue_tasks.archive_product', ids=ids[:2])
        self.run_task('queue_tasks.dispatch')

        with connect(self.database, autocommit=False) as other:
            other.execute("SELECT id FROM continuity_subscription WHERE id = %s FOR UPDATE", [ids[6]])
            self.run_task('queue_tasks.work_twice')

        self.assertChildren(9)
        self.assertEqual(self.get_run(), ('done', 12, 9, 1, 2))
        self.assertRunsAddUp()
        issues = "SELECT kind, array_agg(res_id ORDER BY res_id) FROM continuity_job_issue GROUP BY kind ORDER BY kind"
        self.assertEqual(self.query(issues), [('failed', ids[:2]), ('locked', [ids[6]])])

    def test_a_company_that_fails_costs_no_other_anything(self):
        self.keep_only(6)
        company = self.run_task('queue_tasks.create_bad_company')

        process = self.start('queue_tasks.cron_run')
        process.finish()
        self.assertIn("create_orders of Bad House failed", process.troubles[0])
        self.assertEqual(self.run_task('queue_tasks.work_off'), 2)

        self.assertChildren(6)
        self.assertEqual(self.get_run(), ('done', 7, 6, 0, 1))
        issues = "SELECT kind, res_model, res_id FROM continuity_job_issue"
        self.assertEqual(self.query(issues), [('failed', 'res.company', company)])

    def test_payments_done_twice_are_billed_once(self):
        self.keep_only(6)
        self.run_task('execute')
        self.run_task('queue_tasks.deliver')

        self.run_task('queue_tasks.dispatch', job='process_payments')
        self.run_task('queue_tasks.work_twice')

        self.assertEqual(self.get_run(), ('done', 6, 6, 0, 0))
        bills = "SELECT count(*), count(DISTINCT partner_id) FROM account_move WHERE state = 'posted'"
        self.assertEqual(self.query(bills), [(6, 6)])

    def test_limited_run_is_done_in_order(self):
        """One queue job after the other, and by them the orders that one process would have made."""
        twin = self.copy()
        for database in (self.database, twin):
            self.keep_only(7, database=database)
        ahead = {'as_of': '2100-01-01', 'limit': 10}
        self.run_task('execute', twin, batch_size=4, **ahead)

        self.run_task('queue_tasks.dispatch', **ahead)
        self.assertEqual(self.get_jobs('state'), [('pending',)])
        self.assertGreater(self.run_task('queue_tasks.work_off'), 1)

        self.assertChildren(10)
        self.assertEqual(self.get_run(), ('done', 10, 10, 0, 0))
        ordered = "SELECT id, subscription_id, event_number FROM continuity_line WHERE state = 'ordered' ORDER BY id"
        self.assertEqual(self.query(ordered), self.query(ordered, database=twin))

    def test_limited_payments_come_one_by_one(self):
        """A charge lasts at once: a kill must not lose how many there were."""
        self.keep_only(6)
        self.run_task('execute')
        self.run_task('queue_tasks.deliver')
        bills = "SELECT count(*) FROM account_move WHERE state = 'posted'"

        self.run_task('queue_tasks.dispatch', job='process_payments', limit=3)
        for number in (1, 2, 3):
            self.run_task('queue_tasks.work_off', at_most=1)
            self.assertEqual((self.get_value(bills), self.get_run()[2]), (number, number))
        self.run_task('queue_tasks.work_off')

        self.assertEqual((self.get_value(bills), self.get_run()), (3, ('done', 3, 3, 0, 0)))

    def test_the_next_run_reserves_what_a_killed_one_left(self):
        """In its own process before the addon was there, or in a batch whose queue job is gone."""
        self.keep_only(2)
        self.run_task('execute')
        reserved = "SELECT count(*) FROM stock_move WHERE state = 'assigned'"
        for in_batch in (False, True):
            self.run_task('queue_tasks.leave_unreserved', in_batch=in_batch)
            self.assertEqual(self.get_value(reserved), 0)

            self.run_task('queue_tasks.cron_run')

            self.assertEqual(self.get_value(reserved), 2)
            self.assertEqual(self.get_run()[0], 'done')
        stopped = "SELECT count(*) FROM continuity_job_run WHERE state = 'stopped'"
        self.assertEqual(self.get_value(stopped), 2)

    def test_limit_of_a_scheduled_run(self):
        self.keep_only(10)
        self.run_task('queue_tasks.set_up', batch_size=4, continuity_orders_per_run=6)
        counts = []
        for _night in range(2):
            self.run_task('queue_tasks.cron_run')
            self.run_task('queue_tasks.work_off')
            counts.append(self.get_run())
        self.assertEqual(counts, [('done', 6, 6, 0, 0), ('done', 4, 4, 0, 0)])
        self.assertChildren(10)

    def test_scheduled_action_leaves_a_run_that_is_at_work(self):
        """It comes back later instead."""
        self.keep_only(6)
        self.run_task('queue_tasks.cron_run')
        self.run_task('queue_tasks.cron_run')
        self.assertEqual(self.get_jobs('state'), [('pending',)] * 2)
        later = "SELECT count(*) FROM ir_cron_trigger WHERE call_at > now() AT TIME ZONE 'utc' + INTERVAL '9 minutes'"
        self.assertEqual(self.get_value(later), 1)

        self.run_task('queue_tasks.work_off')
        self.run_task('queue_tasks.cron_run')

        self.assertChildren(6)
        self.assertEqual(self.query("SELECT state, done_count FROM continuity_job_run"), [('done', 6)])

    def test_what_a_failed_queue_job_left_is_done_by_the_next_run(self):
        self.keep_only(6)
        self.run_task('queue_tasks.cron_run')
        self.assertEqual(self.start('queue_tasks.work_off_badly').finish(), None)
        self.assertEqual(self.get_jobs('state'), [('failed',)] * 2)
        self.assertEqual(self.get_run(), ('stopped', 0, 0, 0, 0))

        self.run_task('queue_tasks.cron_run')
        self.run_task('queue_tasks.work_off')

        self.assertEqual(self.get_run(), ('done', 6, 6, 0, 0))
        self.assertChildren(6)

    def test_run_by_hand(self):
        """The wizard hands the work out; a preview, and who waits for the result, does not."""
        ids = self.keep_only(6)
        self.assertEqual(len(self.run_task('preview')), 6)
        self.run_task('execute', domain=[('id', 'in', ids[:1])])
        self.assertEqual(self.get_jobs('id'), [])
        self.assertChildren(1)

        run = self.run_task('queue_tasks.run_wizard', login='responsible', limit=4)
        self.assertEqual(run['state'], 'running')
        self.run_task('queue_tasks.work_off')

        self.assertEqual(self.get_run(), ('done', 4, 4, 0, 0))
        self.assertChildren(5)


class OdooServer:
    """A server as a site has it: web server and job runner."""

    def __init__(self, folder, name, database, workers):
        self.log_file = folder / f'{name}.log'
        configuration = folder / f'{name}.conf'
        configuration.write_text(
            f"{project.ODOO_CONF.read_text()}server_wide_modules = base,rpc,web,queue_job\n"
            "\n[queue_job]\nchannels = root:2,root.continuity:2\n"
        )
        port, gevent_port = get_free_ports(2)
        options = ['-c', configuration, '-d', database, '--logfile', self.log_file, '--max-cron-threads', 0]
        options += ['--workers', workers, '--http-port', port, '--gevent-port', gevent_port]
        options += ['--limit-time-real', 600, '--limit-time-cpu', 600]
        # A file, for a server with workers starts it again for its live chat.
        program = folder / 'odoo-bin'
        program.write_text("from odoo.cli.command import main\n\nmain()\n")
        command = [sys.executable, program, *options]
        self.process = subprocess.Popen([str(part) for part in command], start_new_session=True)

    @property
    def log(self):
        return self.log_file.read_text() if self.log_file.exists() else ''

    @property
    def is_elected(self):
        return 'database connections ready' in self.log

    def kill(self):
        """Kill all its processes at once, as a power cut does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()


def get_free_ports(count):
    probes = [socket.socket() for _number in range(count)]
    for probe in probes:
        probe.bind(('127.0.0.1', 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class TestJobRunner(QueueCase):
    """Whole servers with OCA's job runner, on one database."""

    def setUp(self):
        super().setUp()
        self.run_task('queue_tasks.set_up', batch_size=10)

    def start_server(self, name, workers):
        server = OdooServer(self.server.folder, f'{self.id()}-{name}', self.database, workers)
        self.addCleanup(server.stop)
        return server

    @contextmanager
    def nobody_makes_orders(self, workers):
        """Let so many workers come to the middle of their batch, and no further; give a way to wait for that, which
        returns their process numbers."""
        with connect(self.database, autocommit=False) as lock:
            lock.execute("LOCK TABLE sale_order IN SHARE ROW EXCLUSIVE MODE")
            yield lambda: wait_for(lambda: self.get_blocked(workers), timeout=120)

    def get_blocked(self, count):
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        pids = self.query("SELECT DISTINCT worker_pid FROM queue_job WHERE state = 'started' ORDER BY worker_pid")
        is_complete = len(pids) >= count and self.get_value(waiting, self.database) >= count
        return [pid for (pid,) in pids] if is_complete else None

    def wait_for_end(self):
        """Wait until the run has ended. The runner looks for dead jobs when it is told anything, else each minute."""
        deadline = time.monotonic() + 120
        while self.get_run()[0] == 'running':
            self.query("NOTIFY queue_job, 'wake'")
            time.sleep(0.5)
            self.assertLess(time.monotonic(), deadline, self.query("SELECT state, retry, exc_info FROM queue_job"))

    def test_workers_and_servers_are_killed(self):
        """Two workers share a run and one of them is killed; then their server, and another one takes its place."""
        main = self.start_server('main', workers=2)
        wait_for(lambda: main.is_elected, timeout=120)
        spare = self.start_server('spare', workers=0)

        with self.nobody_makes_orders(2) as get_workers:
            self.run_task('queue_tasks.dispatch')
            killed, _other = get_workers()
            os.kill(killed, signal.SIGKILL)
        wait_for(lambda: self.count_children() >= 20, timeout=120)
        with self.nobody_makes_orders(1) as get_workers:
            get_workers()
            main.kill()
        self.wait_for_end()

        self.assertEqual(self.get_run(), ('done', 60, 60, 0, 0))
        self.assertChildren(60)
        self.assertRunsAddUp()
        self.assertTrue(spare.is_elected)
        self.assertEqual(self.get_jobs('state'), [('done',)] * 6)
        tries = dict(self.query("SELECT worker_pid, max(retry) FROM queue_job GROUP BY worker_pid"))
        self.assertIn(spare.process.pid, tries)
        self.assertGreater(max(tries.values()), 1)

    def count_children(self):
        return self.get_value("SELECT count(*) FROM sale_order WHERE continuity_parent_id IS NOT NULL")
