from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import SQL

from .common import ContinuityCase

#: Tables that grow with what is sold: no job may read one of them from end to end to find its candidates.
BIG_TABLES = {'continuity_line', 'continuity_subscription', 'continuity_payment', 'sale_order', 'sale_order_line'}


@tagged('post_install', '-at_install')
class TestCandidateQueries(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls._create_program()

    def _explain(self, job):
        """Run the queries by which a job finds its candidates, and return the nodes of PostgreSQL's plans that read a
        big table, as they are when it is too big to be read from end to end."""
        self.env.flush_all()
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        queries, execute = [], type(self.env.cr).execute

        def spy(cursor, query, params=None, log_exceptions=True):
            queries.append(cursor.mogrify(query.code, query.params) if isinstance(query, SQL) else query)
            return execute(cursor, query, params, log_exceptions)

        engine = self.env['continuity.job.run']._engine()
        with patch.object(type(self.env.cr), 'execute', spy):
            model, _day, candidates = engine._get_work(job, self.company, self.today)
            model.search(candidates, order='id', limit=100)
        nodes = []
        for query in queries:
            self.env.cr.execute(b"EXPLAIN (FORMAT JSON) " + query)
            waiting = [self.env.cr.fetchone()[0][0]['Plan']]
            while waiting:
                node = waiting.pop()
                waiting += node.get('Plans', [])
                nodes += [node] if node.get('Relation Name') in BIG_TABLES else []
        return nodes

    def test_no_job_reads_a_big_table_from_end_to_end(self):
        for job in self.env['continuity.job.run']._get_jobs():
            with self.subTest(job=job):
                for node in self._explain(job):
                    # Found by a condition of an index, or by an index that holds only what is open.
                    found_by = node.get('Index Cond') or node.get('Recheck Cond')
                    self.assertTrue(found_by or node.get('Index Name', '').endswith('_idx'), node)
