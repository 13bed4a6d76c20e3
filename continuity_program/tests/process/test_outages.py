import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from devtool import postgres

from .common import ProcessCase, connect, wait_for

pytestmark = pytest.mark.soak


class TestLocks(ProcessCase):
    def test_locked_elsewhere_is_left_to_the_next_run(self):
        ids = self.keep_only(20)
        with connect(self.database, autocommit=False) as cursor:
            cursor.execute("SELECT id FROM continuity_subscription WHERE id = ANY(%s) FOR UPDATE", [ids[5:7]])

            run = self.run_task('execute')

            self.assertEqual((run['selected'], run['done'], run['skipped'], run['failed']), (20, 18, 2, 0))
            self.assertEqual(self.get_issues(run), [('locked', ids[5], 1), ('locked', ids[6], 1)])
        self.assertNobodyIsParked()

        self.assertEqual(self.run_task('execute')['done'], 2)
        self.assertChildren(20)

    def test_a_concurrent_update_is_tried_again(self):
        """Somebody changes a record between the moment it is found and the moment it is locked."""
        ids = self.keep_only(20)
        update = f"UPDATE continuity_subscription SET member_number = 'M1' WHERE id = {ids[3]}"

        process = self.start('execute_while', statement=update)
        run = process.finish()

        self.assertEqual(process.troubles, [])
        self.assertIn("could not serialize access due to concurrent update", process.log)
        self.assertEqual((run['selected'], run['done']), (20, 20))
        self.assertEqual(self.get_issues(run), [])
        self.assertChildren(20)
        number = "SELECT member_number FROM continuity_subscription WHERE id = %s"
        self.assertEqual(self.get_value(number, ids[3]), 'M1')

    def test_what_somebody_else_stopped_meanwhile_is_left_alone(self):
        """What is due is read again once the lock is held, and not from before somebody changed it."""
        ids = self.keep_only(5)
        update = f"UPDATE continuity_subscription SET state = 'paused' WHERE id = {ids[3]}"

        run = self.start('execute_while', statement=update).finish()

        self.assertEqual((run['selected'], run['done']), (4, 4))
        self.assertChildren(4)

    def test_a_statement_timeout_costs_only_the_record_it_is_on(self):
        """A customer locked for long stops the order that refers to it."""
        ids = self.keep_only(12)
        self.query(f'ALTER DATABASE "{self.database}" SET statement_timeout = 500')
        with connect(self.database, autocommit=False) as cursor:
            cursor.execute(
                "SELECT id FROM res_partner WHERE id = (SELECT partner_id FROM continuity_subscription WHERE id = %s) "
                "FOR UPDATE",
                [ids[6]],
            )

            process = self.start('execute', batch_size=5)
            run = process.finish()

        self.assertEqual([line for line in process.troubles if 'ERROR odoo.sql_db: bad query' not in line], [])
        self.assertIn("canceling statement due to statement timeout", process.log)
        self.assertEqual((run['state'], run['selected'], run['done'], run['skipped']), ('done', 12, 11, 1))
        self.assertEqual(self.get_issues(run), [('database', ids[6], 1)])
        self.assertNobodyIsParked()
        self.assertEqual(self.run_task('execute')['done'], 1)
        self.assertChildren(12)


class ConnectionCase(ProcessCase):
    def setUp(self):
        super().setUp()
        self.keep_only(30)
        self.pause = self.server.folder / f'pause-{self.database}'

    def start_and_pause(self, **args):
        """Start the scheduled action; return the process, waiting in its second batch, and its connection's number."""
        process = self.start('trigger_and_pause', pause=str(self.pause), batch_size=10, **args)
        return process, int(wait_for(lambda: self.pause.exists() and self.pause.read_text()))

    def assertEndedCleanly(self, process):
        """It ended, with one batch done and one never begun, and blames no record for it."""
        self.pause.unlink()
        process.wait(timeout=30)
        self.assertNotIn('continuity.subscription', ''.join(process.troubles))
        self.assertNotIn('Traceback', process.log.split("server action")[0])
        self.assertChildren(10)
        self.assertNobodyIsParked()

    def assertCompletedByTheNextRun(self):
        self.run_task('trigger', batch_size=10)
        self.assertChildren(30)
        self.assertRunsAddUp()
        self.assertNobodyIsParked()
        self.assertEqual(
            self.query("SELECT state, done_count, failed_count FROM continuity_job_run ORDER BY id"),
            [('stopped', 10, 0), ('done', 20, 0)],
        )


class TestLostConnection(ConnectionCase):
    def test_before_the_orders_are_made(self):
        process, backend = self.start_and_pause(half_way=False)
        self.query("SELECT pg_terminate_backend(%s)", backend)
        self.assertEndedCleanly(process)
        self.assertCompletedByTheNextRun()

    def test_before_the_orders_last(self):
        process, backend = self.start_and_pause()
        self.query("SELECT pg_terminate_backend(%s)", backend)
        self.assertEndedCleanly(process)
        self.assertCompletedByTheNextRun()


class Cluster:
    """A PostgreSQL server of the test's own, which may be restarted."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix='continuity_cluster'))
        self.data = self.folder / 'data'
        self.user = postgres.service_user()
        if self.user:
            shutil.chown(self.folder, self.user)
        self._call('initdb', '-D', self.data, '-U', postgres.DB_USER, '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8')
        settings = {'listen_addresses': "''", 'unix_socket_directories': f"'{self.folder}'", 'fsync': 'off'}
        with (self.data / 'postgresql.conf').open('a') as conf:
            conf.writelines(f'{name} = {value}\n' for name, value in settings.items())
        self.folder.chmod(0o755)
        self.control('start')

    def _call(self, program, *arguments):
        command = [postgres.bindir() / program, *arguments]
        prefix = ['runuser', '-u', self.user, '--'] if self.user else []
        subprocess.run([*prefix, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def control(self, action, *options):
        self._call('pg_ctl', '-D', self.data, '-l', self.folder / 'log', '-w', '-m', 'immediate', action, *options)

    def take(self, database):
        """Copy a database from the project's own server."""
        program = postgres.bindir()
        options = ['-h', self.folder, '-U', postgres.DB_USER]
        subprocess.run([program / 'createdb', *options, '-T', 'template0', database], check=True)
        dump = subprocess.Popen([program / 'pg_dump', database], stdout=subprocess.PIPE)
        subprocess.run([program / 'psql', *options, '-q', '-o', os.devnull, database], stdin=dump.stdout, check=True)
        if dump.wait():
            raise RuntimeError("pg_dump failed")

    def close(self):
        self.control('stop')
        shutil.rmtree(self.folder)


class TestServerRestart(ConnectionCase):
    """The same when the whole server crashes and comes back, and every connection is lost."""

    def setUp(self):
        super().setUp()
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        self.cluster.take(self.database)

    def start(self, task, database=None, **args):
        return super().start(task, database, host=str(self.cluster.folder), **args)

    def query(self, sql, *params, **_kwargs):
        host = str(self.cluster.folder) if hasattr(self, 'cluster') else None
        with connect(self.database, host) as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall() if cursor.description else None

    def test_before_the_orders_last(self):
        process, _backend = self.start_and_pause()
        self.cluster.control('restart')
        self.assertEndedCleanly(process)
        self.assertCompletedByTheNextRun()
