from odoo.fields import Command
from odoo.tests import tagged

from .common_sync import SyncCase


@tagged('post_install', '-at_install')
class TestQueryCount(SyncCase):
    def _count_queries(self, count):
        """Return how many SQL queries a run needs that carries a change of each kind into ``count`` sold plans."""
        program = self._create_program(12)
        subscriptions = self.env['continuity.subscription']
        for _number in range(count):
            self.customer = self.env['res.partner'].create({'name': "Customer"})
            subscriptions |= self._sell(program)
        self._run_job('create_orders')
        program.line_ids[1].product_id = self.books[11]
        program.line_ids[4].unlink()
        program.line_ids[6:].write({'interval_number': 2})
        program.line_ids = [Command.create({'product_id': self.books[0].id})]
        queries = self._count_queries_of('sync', count)
        run = self.env['continuity.job.run'].search([], limit=1)
        self.assertEqual(run.change_ids.subscription_id, subscriptions)
        return queries

    def test_queries_per_subscription_are_few_and_constant(self):
        self._assert_few_queries(self._count_queries)
