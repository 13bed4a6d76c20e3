from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .common import ContinuityCase, day

#: Tables that grow with what is sold: no job may read one of them from end to end to find its candidates.
BIG_TABLES = {'continuity_line', 'continuity_subscription', 'continuity_payment', 'sale_order', 'sale_order_line'}
#: What has to read all planned lines, by one query: whose taxes are others today than planned.
READ_ALL = (b'ARRAY_AGG(DISTINCT plan.id)',)


@tagged('post_install', '-at_install')
class TestCandidateQueries(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        product = cls._create_parent_product(cls._create_program(12))
        values = {'partner_id': cls.customer.id, 'order_line': [Command.create({'product_id': product.id})]}
        context = {'continuity_as_of': '2027-01-01'}
        order = cls.env['sale.order'].with_context(**context).create(values)
        order.action_confirm()
        cls.env['continuity.payment'].create(
            {'subscription_id': order.continuity_subscription_ids.id, 'order_id': order.id, 'amount': 1.0}
        )
        cls.env.flush_all()
        for table in sorted(BIG_TABLES):
            cls._multiply(table)

    @classmethod
    def _multiply(cls, table):
        """Copy the rows of a table until it is too big for PostgreSQL to like to read it from end to end."""
        cls.env.cr.execute(
            """SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attname != 'id'""",
            [table],
        )
        columns = cls.env.cr.fetchone()[0]
        # Until the test is over: the copies are alike.
        cls.env.cr.execute(
            """SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname) FROM pg_constraint
                WHERE conrelid = %s::regclass AND contype = 'u'
                UNION ALL
               SELECT format('DROP INDEX %%s', indexrelid::regclass) FROM pg_index
                WHERE indrelid = %s::regclass AND indisunique AND NOT indisprimary
                  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)""",
            [table, table],
        )
        for (statement,) in cls.env.cr.fetchall():
            cls.env.cr.execute(statement)
        cls.env.cr.execute(f"SELECT count(*) FROM {table}")
        copies = 20_000 // cls.env.cr.fetchone()[0]
        cls.env.cr.execute(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}, generate_series(1, {copies})"
        )
        cls.env.cr.execute(f"ANALYZE {table}")

    @classmethod
    def _give_orders_of_their_own(cls):
        """Copied subscriptions run on the order of the first: let each run on another one that is invoiced."""
        cls.env.cr.execute(
            """UPDATE continuity_subscription SET order_id = numbered.order_id
                 FROM (SELECT subscription.id, sold.id AS order_id
                         FROM (SELECT id, row_number() OVER (ORDER BY id) FROM continuity_subscription) subscription
                         JOIN (SELECT id, row_number() OVER (ORDER BY id) FROM sale_order
                                WHERE continuity_role = 'parent') sold USING (row_number)) numbered
                WHERE numbered.id = continuity_subscription.id"""
        )
        cls.env.cr.execute("UPDATE sale_order SET invoice_status = 'invoiced' WHERE continuity_role = 'parent'")
        cls.env.cr.execute("ANALYZE sale_order, continuity_subscription")

    def _explain(self, job):
        """Run the queries by which a job finds its candidates, and return the nodes of PostgreSQL's plans that read a
        big table."""
        self.env.flush_all()
        queries, execute = [], type(self.env.cr).execute

        def spy(cursor, query, params=None, log_exceptions=True):
            text = cursor.mogrify(query.code, query.params) if isinstance(query, SQL) else cursor.mogrify(query, params)
            if not any(mark in text for mark in READ_ALL):
                queries.append(text)
            return execute(cursor, query, params, log_exceptions)

        engine = self.env['continuity.job.run']._as_superuser()
        with patch.object(type(self.env.cr), 'execute', spy):
            model, _day, candidates = engine._get_work(job, self.company, day('2026-12-01'))
            model.search(candidates, order='id', limit=100)
        nodes = []
        for query in queries:
            self.env.cr.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + query)
            waiting = [self.env.cr.fetchone()[0][0]['Plan']]
            while waiting:
                node = waiting.pop()
                waiting += node.get('Plans', [])
                if node.get('Relation Name') in BIG_TABLES and node['Actual Loops']:
                    nodes.append(node)
        return nodes

    def _assert_few_rows_are_read(self, job):
        for node in self._explain(job):
            self.assertNotEqual(node['Node Type'], 'Seq Scan', node)
            # An index that is walked through is no better.
            self.assertLess(node['Actual Rows'] + node.get('Rows Removed by Filter', 0), 100, node)

    def test_no_job_reads_a_big_table_from_end_to_end(self):
        for job in self.env['continuity.job.run']._get_jobs():
            with self.subTest(job=job):
                self._assert_few_rows_are_read(job)

    def test_close_does_not_read_what_is_invoiced_and_still_runs(self):
        self._give_orders_of_their_own()

        self._assert_few_rows_are_read('close')
