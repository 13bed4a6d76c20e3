import sys
from unittest.mock import patch

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


@tagged('post_install', '-at_install')
class TestHops(EngineCase):
    def test_five_steps_from_the_scheduled_action_to_the_job(self):
        steps = []

        def process(_records, _batch):
            frame = sys._getframe(1)
            while frame:
                if '/models/job/' in frame.f_code.co_filename:
                    steps.append(frame.f_code.co_name)
                frame = frame.f_back

        self._sell_many(1)
        with patch.object(self.env.registry['continuity.subscription'], '_job_create_orders_process', process):
            self._trigger('create_orders')

        self.assertEqual(steps, ['_run_together', '_run_batch', '_run_company', '_dispatch', '_cron_run'])
