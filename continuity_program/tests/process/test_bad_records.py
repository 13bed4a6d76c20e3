import pytest

from .common import ProcessCase, connect

pytestmark = pytest.mark.soak

REASONS = {
    'override': "Unexpected error: ZeroDivisionError: division by zero. The server's log tells more.",
    'check': "The database refused it: ",
    'product': "archived",
    'pricelist': "price list",
    'warehouse': "warehouse",
}


class TestTenInAThousand(ProcessCase):
    def poison(self):
        """Spoil ten subscriptions in five ways, two of each; return their ids by the way."""
        ids = self.seeded['monthly']
        bad = {way: [ids[30 + 3 * number], ids[630 + 3 * number]] for number, way in enumerate(REASONS)}
        orders = "SELECT order_id FROM continuity_subscription WHERE id = ANY(%s)"
        with connect(self.database) as cursor:
            cursor.execute("SELECT partner_id FROM continuity_subscription WHERE id = ANY(%s)", [bad['check']])
            partners = ', '.join(str(partner) for (partner,) in cursor.fetchall())
            cursor.execute(
                f"ALTER TABLE sale_order ADD CONSTRAINT continuity_test_check CHECK "
                f"(continuity_parent_id IS NULL OR partner_id NOT IN ({partners})) NOT VALID"
            )
            cursor.execute(f"UPDATE sale_order SET warehouse_id = NULL WHERE id IN ({orders})", [bad['warehouse']])
        poisoned = {'products': bad['product'], 'pricelists': bad['pricelist']}
        self.archived, self.foreign = self.run_task('create_poison', **poisoned)
        return bad

    def get_parked(self):
        return dict(self.query("SELECT id, park_reason FROM continuity_subscription WHERE is_parked"))

    def test_ten_in_a_thousand(self):
        bad = self.poison()
        all_bad = sorted(record for records in bad.values() for record in records)

        process = self.start('execute_with_bad_overrides', raising=bad['override'], domain=self.get_domain())
        run = process.finish(timeout=240)

        self.assertEqual((run['selected'], run['done'], run['skipped'], run['failed']), (1000, 990, 0, 10))
        self.assertEqual(run['state'], 'done')
        self.assertChildren(990)
        self.assertRunsAddUp()
        self.assertEqual(self.get_issues(run), [('failed', record, 1) for record in all_bad])
        parked = self.get_parked()
        self.assertEqual(sorted(parked), all_bad)
        for way, reason in REASONS.items():
            for record in bad[way]:
                self.assertIn(reason, parked[record])
                self.assertNotIn('Traceback', parked[record])
        self.assertOneActivityEach(all_bad)
        self.assertEqual(
            sorted(self.run_task('search', model='continuity.subscription', domain=[('is_parked', '=', True)])),
            all_bad,
        )
        with self.subTest("they are left out, whatever else is wrong"):
            self.assertEqual(self.run_task('execute', domain=self.get_domain())['selected'], 0)
        with self.subTest("they are mended, or tried again"):
            self.mend(bad)
            self.assertEqual(self.get_parked(), {})
            self.assertEqual(self.run_task('execute', domain=self.get_domain())['done'], 10)
            self.assertChildren(1000)

    def get_domain(self):
        return [('id', 'in', self.seeded['monthly'])]

    def assertOneActivityEach(self, ids):
        activities = self.query(
            "SELECT res_id, user_id FROM mail_activity WHERE res_model = 'continuity.subscription' ORDER BY res_id"
        )
        self.assertEqual(activities, [(record, self.seeded['salesperson']) for record in ids])

    def mend(self, bad):
        """The product comes back by itself into the jobs; the others are mended and tried again."""
        self.run_task('write', model='product.product', ids=self.archived, vals={'active': True})
        self.assertEqual(set(self.get_parked()) & set(bad['product']), set())
        self.query("ALTER TABLE sale_order DROP CONSTRAINT continuity_test_check")
        warehouse = "SELECT min(id) FROM stock_warehouse"
        self.query(f"UPDATE sale_order SET warehouse_id = ({warehouse}) WHERE warehouse_id IS NULL")
        self.query("UPDATE product_pricelist SET currency_id = %s WHERE id = %s", self.foreign[1], self.foreign[0])
        self.run_task('retry', ids=sorted(self.get_parked()))
