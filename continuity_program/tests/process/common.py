import atexit
import functools
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg2
from devtool import postgres, project

HERE = Path(__file__).resolve().parent
NAME = 'continuity_process'
SOLD = (('monthly', 450), ('monthly', 550), ('endless', 100))
#: Tables that tell how a state was reached, not what it is.
HISTORY = {
    'continuity_job_run',
    'continuity_job_issue',
    'continuity_job_issue_run_rel',
    'continuity_job_run_res_company_rel',
    'ir_cron_progress',
}


class Server:
    """The seeded database, and the process that forks others on copies of it."""

    #: What the names of its databases begin with; below ``NAME``, so that leftovers are found.
    name = NAME
    #: Where the modules of its tasks are, besides ``tasks.py``.
    tasks = HERE

    def __init__(self):
        self._drop_leftovers()
        self.folder = Path(tempfile.mkdtemp(prefix=self.name))
        self.numbers = itertools.count(1)
        self.seed_database = f'{self.name}_{os.getpid()}'
        self.databases = {self.seed_database}
        atexit.register(self.close)
        template = self._get_template()
        with project.locked():
            postgres.copy(template, self.seed_database)
        self.address = str(self.folder / 'socket')
        log = self.folder / 'server.log'
        command = [HERE / 'fork_server.py', self.seed_database, log, self.tasks, self.address, os.getpid()]
        with log.open('a') as output:
            subprocess.run(
                [sys.executable, *map(str, command)], stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True
            )
        self.seeded = self._seed()

    def _get_template(self):
        return project.TEMPLATE_DB

    def _seed(self):
        """Sell to all customers, two processes at a time; return the ids of what was made."""
        made = self.start('seed', self.seed_database).finish()
        sellers = [
            (plan, self.start('sell', self.seed_database, program=made[plan], count=count, user=made['salesperson']))
            for plan, count in SOLD
        ]
        sold = {'monthly': [], 'endless': []}
        for plan, seller in sellers:
            sold[plan] += seller.finish(300)
        with connect(self.seed_database) as cursor:
            cursor.execute('VACUUM ANALYZE')
        return {**made, **{plan: sorted(ids) for plan, ids in sold.items()}}

    @staticmethod
    def _drop_leftovers():
        for name in postgres.databases():
            found = re.fullmatch(rf'{NAME}(?:_[a-z]+)?_(\d+)(_\d+)?', name)
            if found and not Path(f'/proc/{found.group(1)}').exists():
                postgres.drop(name)

    def close(self):
        with suppress(OSError), self._connect() as stream:
            stream.write('stop\n')
        for name in self.databases:
            postgres.drop(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def copy(self):
        """Return the name of a new copy of the seeded database."""
        name = f'{self.seed_database}_{next(self.numbers)}'
        self.databases.add(name)
        postgres.copy(self.seed_database, name)
        return name

    def drop(self, name):
        postgres.drop(name)
        self.databases.discard(name)

    def start(self, task, database, host=None, **args):
        """Let a process of its own begin a task on a database: a function of ``tasks.py``, or ``module.function``."""
        number = next(self.numbers)
        log, result = self.folder / f'{number}.log', self.folder / f'{number}.json'
        command = {'task': task, 'database': database, 'log': str(log), 'result': str(result), 'args': args}
        return Task(self, self.tell({**command, 'host': host})['pid'], log, result)

    @contextmanager
    def _connect(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.address)
            with connection.makefile('rw') as stream:
                yield stream

    def tell(self, command):
        """Send a command and return the answer."""
        with self._connect() as stream:
            stream.write(json.dumps(command, default=str) + '\n')
            stream.flush()
            line = stream.readline()
        if not line:
            raise RuntimeError((self.folder / 'server.log').read_text()[-3000:])
        answer = json.loads(line)
        if 'error' in answer:
            raise RuntimeError(answer['error'])
        return answer


get_server = functools.cache(Server)


class Task:
    """A process at work."""

    def __init__(self, server, pid, log, result):
        self.server = server
        self.pid = pid
        self.log_file = log
        self.result_file = result

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout=120):
        """Wait for its end and return its exit status, negative when it was killed."""
        status = self.server.tell({'pid': self.pid, 'timeout': timeout})['status']
        if status is None:
            self.kill()
            self.server.tell({'pid': self.pid, 'timeout': 10})
            raise TimeoutError(f"still at work after {timeout} s:\n{self.log[-3000:]}")
        return status

    def finish(self, timeout=120):
        """Wait for its end, which must be a good one, and return what the task returned."""
        status = self.wait(timeout)
        if status:
            raise AssertionError(f"the process ended with {status}:\n{self.log[-3000:]}")
        return json.loads(self.result_file.read_text())

    @property
    def log(self):
        return self.log_file.read_text() if self.log_file.exists() else ''

    @property
    def troubles(self):
        """What its log has above the level INFO."""
        return [line for line in self.log.splitlines() if re.search(r' (WARNING|ERROR|CRITICAL) |Traceback', line)]


@contextmanager
def connect(database, host=None, autocommit=True):
    with closing(psycopg2.connect(dbname=database, **({'host': host} if host else {}))) as connection:
        connection.autocommit = autocommit
        with connection.cursor() as cursor:
            yield cursor


class ProcessCase(unittest.TestCase):
    """Each test has a copy of the seeded database: 1,000 customers of a plan of three months and 100 of an endless
    one, the first shipment of each due today."""

    maxDiff = 4000
    get_server = staticmethod(get_server)

    def setUp(self):
        super().setUp()
        self.server = self.get_server()
        self.seeded = self.server.seeded
        self.database = self.copy()

    def copy(self):
        name = self.server.copy()
        self.addCleanup(self.server.drop, name)
        return name

    def start(self, task, database=None, **args):
        """Let a process of its own begin a task."""
        return self.server.start(task, database or self.database, **args)

    def run_task(self, task, database=None, timeout=120, **args):
        """Run a task to its end, without a word of trouble in its log, and return what it returned."""
        process = self.start(task, database, **args)
        result = process.finish(timeout)
        self.assertEqual(process.troubles, [])
        if isinstance(result, dict) and 'selected' in result:
            self.assertAddsUp(result)
        return result

    def wait_for_backends(self):
        """A killed process leaves its connection, with its locks, until PostgreSQL notices."""
        others = "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        wait_for(lambda: self.get_value(others, self.database))

    def query(self, sql, *params, database=None):
        with connect(database or self.database) as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall() if cursor.description else None

    def get_issues(self, run):
        """Return the issues of a run: (kind, id of the record, how much it counts)."""
        return self.query(
            "SELECT kind, res_id, count FROM continuity_job_issue WHERE run_id = %s ORDER BY res_id", run['id']
        )

    def get_value(self, sql, *params, **kwargs):
        return self.query(sql, *params, **kwargs)[0][0]

    def keep_only(self, count, plan='monthly', database=None):
        """Let the other subscriptions rest, and return the ids of those left."""
        ids = self.seeded[plan][:count]
        self.query("UPDATE continuity_subscription SET state = 'paused' WHERE NOT id = ANY(%s)", ids, database=database)
        return ids

    # === WHAT MUST HOLD === #

    def assertAddsUp(self, run):
        self.assertEqual(run['selected'], run['done'] + run['skipped'] + run['failed'], run)

    def assertRunsAddUp(self):
        """Every run that ended, in any way, tells the truth; an issue counts what its latest run left out."""
        wrong = "SELECT id FROM continuity_job_run WHERE selected_count <> done_count + skipped_count + failed_count"
        self.assertEqual(self.query(wrong), [])
        self.assertEqual(
            self.query(
                """
                SELECT run.id
                  FROM continuity_job_run run
             LEFT JOIN continuity_job_issue_run_rel told ON told.run_id = run.id
             LEFT JOIN continuity_job_issue issue ON issue.id = told.issue_id
              GROUP BY run.id
                HAVING COALESCE(bool_and(issue.run_id = run.id), TRUE)
                   AND run.skipped_count + run.failed_count <> COALESCE(SUM(issue.count), 0)
                """
            ),
            [],
        )

    def assertChildren(self, count, database=None):
        """So many child orders, each with one line of its own of the plan, which knows it."""
        self.assertEqual(
            self.query(
                """
                SELECT count(DISTINCT child.id), count(*), count(DISTINCT line.continuity_line_id)
                  FROM sale_order child
                  JOIN sale_order_line line ON line.order_id = child.id
                 WHERE child.continuity_parent_id IS NOT NULL AND child.state = 'sale'
                """,
                database=database,
            ),
            [(count, count, count)],
        )
        ordered = "SELECT count(*) FROM continuity_line WHERE state = 'ordered' AND child_line_id IS NOT NULL"
        self.assertEqual(self.get_value(ordered, database=database), count)

    def assertNobodyIsParked(self):
        self.assertEqual(self.query("SELECT id, park_reason FROM continuity_subscription WHERE is_parked"), [])

    def assertSameState(self, one, other):
        """Compare two databases line by line, but for how they came there."""
        for sql in STATE:
            self.assertEqual(self.query(sql, database=one), self.query(sql, database=other), sql)
        self.assertEqual(get_table_counts(one), get_table_counts(other))


STATE = (
    """
    SELECT id, subscription_id, event_number, occurrence, date_planned, product_id, quantity, price_unit, state,
           child_line_id IS NULL, is_invoiced
      FROM continuity_line ORDER BY id
    """,
    """
    SELECT id, state, next_date, is_parked, occurrences_left, open_occurrence_count, amount_total
      FROM continuity_subscription ORDER BY id
    """,
    """
    SELECT line.continuity_line_id, line.product_id, line.product_uom_qty, line.price_unit, line.price_total, line.name,
           line.state, line.invoice_status, child.continuity_parent_id, child.partner_id, child.partner_shipping_id,
           child.commitment_date, child.date_order::date, child.amount_total, child.state, child.origin,
           child.warehouse_id
      FROM sale_order_line line
      JOIN sale_order child ON child.id = line.order_id
     WHERE child.continuity_parent_id IS NOT NULL
  ORDER BY line.continuity_line_id
    """,
    """
    SELECT line.continuity_line_id, move.product_id, move.product_uom_qty, move.state, move.location_id,
           move.location_dest_id, move.date::date, picking.state, picking.partner_id, SUM(done.quantity)
      FROM stock_move move
      JOIN sale_order_line line ON line.id = move.sale_line_id
      JOIN stock_picking picking ON picking.id = move.picking_id
 LEFT JOIN stock_move_line done ON done.move_id = move.id
  GROUP BY line.continuity_line_id, move.id, picking.id
  ORDER BY line.continuity_line_id
    """,
    """
    SELECT product_id, location_id, SUM(quantity), SUM(reserved_quantity)
      FROM stock_quant GROUP BY product_id, location_id ORDER BY product_id, location_id
    """,
)


def get_table_counts(database):
    with connect(database) as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        names = [name for (name,) in cursor.fetchall() if name not in HISTORY and not name.startswith('orm_signaling')]
        counts = (f"""SELECT '{name}', count(*) FROM "{name}" """ for name in names)
        cursor.execute(' UNION ALL '.join(counts))
        return dict(cursor.fetchall())


def wait_for(condition, timeout=60):
    """Wait until the condition holds, and return what it gave."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise TimeoutError(condition)
