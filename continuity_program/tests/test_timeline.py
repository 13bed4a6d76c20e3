from odoo.tests import HttpCase, tagged

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestTimeline(ContinuityCase):
    def _get_steps(self, subscription):
        return [
            (step['number'], step['date'], step['state'], step['text'], step['is_next'])
            for step in subscription.timeline
        ]

    def test_past_next_and_future(self):
        self.company.continuity_repeat_threshold = 4
        subscription = self._sell(self._create_program([{'repeat_count': 2}, {'quantity': 2.0}, {}]))
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        subscription.with_env(self._as_of())._skip_next()
        self._run_job('create_orders', day('2027-03-01'))

        self.assertEqual(
            self._get_steps(subscription),
            [
                (1, '2027-01-01', 'delivered', "1 × Book 1", False),
                (2, '2027-02-01', 'skipped', "1 × Book 1", False),
                (3, '2027-03-01', 'ordered', "2 × Book 2", True),
                (4, '2027-04-01', 'planned', "1 × Book 3", False),
            ],
        )

    def test_what_leaves_together_is_one_step(self):
        subscription = self._sell(self._create_program([{'event_number': 1}, {'event_number': 1}, {'event_number': 2}]))
        subscription.line_ids[0]._unguarded().is_cancelled = True

        self.assertEqual(
            self._get_steps(subscription),
            [
                (1, '2027-01-01', 'planned', "1 × Book 1, 1 × Book 2", True),
                (2, '2027-02-01', 'planned', "1 × Book 3", False),
            ],
        )

    def test_a_long_plan_is_shown_around_the_next_shipment(self):
        self.company.continuity_repeat_threshold = 200
        weekly = {'repeat_count': 150, 'interval_unit': 'week'}
        subscription = self._sell(self._create_program([weekly]))
        self.assertEqual([step['number'] for step in subscription.timeline], list(range(1, 101)))

        subscription.line_ids[:50]._unguarded().is_cancelled = True

        self.assertEqual([step['number'] for step in subscription.timeline], list(range(31, 131)))
        self.assertEqual([step['number'] for step in subscription.timeline if step['is_next']], [51])


@tagged('post_install', '-at_install')
class TestTimelineInTheBrowser(HttpCase):
    def test_unit_tests_of_the_component(self):
        # The suite's id is a hash of its path, as Odoo's own tests make it.
        path = '@continuity_program/unit/continuity_timeline'
        suite = 0
        for char in path:
            suite = ((suite << 5) - suite + ord(char)) & 0xFFFFFFFF

        self.browser_js(
            f'/web/tests?headless&loglevel=2&preset=desktop&timeout=15000&id={suite:08x}',
            '',
            '',
            login='admin',
            timeout=180,
            success_signal='[HOOT] Test suite succeeded',
            error_checker=lambda message: '[HOOT]' not in message,
        )
