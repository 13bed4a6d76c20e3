from odoo.tests import tagged

from .common import day
from .common_engine import EngineCase


@tagged('post_install', '-at_install')
class TestTwiceIsOnce(EngineCase):
    def test_create_orders(self):
        subscriptions = self._sell_many(3)
        self.assertCounts(self._run_job('create_orders', day('2027-02-01')), done=6)

        for _time in range(4):
            self.assertCounts(self._run_job('create_orders', day('2027-02-01')))

        self.assertEqual(len(self._get_children(subscriptions)), 6)

    def test_extend(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        self._run_job('create_orders', day('2027-02-01'))
        self.assertCounts(self._run_job('extend', day('2027-02-01')), done=1)
        plan = self._get_plan(subscription)

        for _time in range(4):
            self.assertCounts(self._run_job('extend', day('2027-02-01')))

        self.assertEqual(self._get_plan(subscription), plan)

    def test_update_events(self):
        program = self._create_program([{'start_date': '2027-01-01'}, {'start_date': '2027-02-01'}])
        self.assertCounts(self._run_job('update_events', domain=[('id', '=', program.id)]), done=1)

        for _time in range(4):
            self.assertCounts(self._run_job('update_events', domain=[('id', '=', program.id)]))

    def test_an_earlier_day_than_the_last_run_makes_nothing(self):
        subscription = self._sell(self._create_program(3))
        self._run_job('create_orders', day('2027-03-01'))

        self.assertCounts(self._run_job('create_orders', day('2027-01-01')))

        self.assertEqual(len(self._get_children(subscription)), 3)
