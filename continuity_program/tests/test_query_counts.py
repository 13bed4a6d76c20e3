from contextlib import contextmanager
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .common import ContinuityCase


@tagged('post_install', '-at_install')
class TestQueryCounts(ContinuityCase):
    @contextmanager
    def _log_queries(self):
        """Collect the queries made, all that is pending included, on records that are not in cache."""
        self.env.flush_all()
        self.env.invalidate_all()
        queries, cursor = [], self.env.cr
        execute = type(cursor).execute

        def log(this, query, *args, **kwargs):
            queries.append(query.code if isinstance(query, SQL) else query)
            return execute(this, query, *args, **kwargs)

        with patch.object(type(cursor), 'execute', log):
            yield queries
            self.env.flush_all()

    def _create_order(self, product, lines=1):
        return self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': product.id}) for _number in range(lines)],
            }
        )

    def test_a_plain_order_is_not_asked_for_plans(self):
        """The row of what is sold without a plan tells so (``bin/tests/test_plain_sales.py`` counts all queries)."""
        product = self._create_product("Plain Goods")
        self._create_order(product).action_confirm()  # caches are warm after it

        with self._log_queries() as created:
            order = self._create_order(product, lines=5)
        with self._log_queries() as confirmed:
            order.action_confirm()

        self.assertGreater(len(confirmed), 50)
        self.assertEqual([query for query in created + confirmed if 'FROM "continuity_' in query], [])

    def test_a_longer_plan_takes_no_more_queries(self):
        short, long = (self._create_parent_product(self._create_program(events)) for events in (3, 30))
        for product in (short, long):
            self._create_order(product)

        with self._log_queries() as few:
            self._create_order(short)
        with self._log_queries() as many:
            order = self._create_order(long)

        self.assertEqual(len(order.continuity_subscription_ids.line_ids), 30)
        self.assertLessEqual(len(many), len(few) + 2)
