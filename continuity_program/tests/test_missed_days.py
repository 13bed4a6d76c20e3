from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from freezegun import freeze_time

from odoo.tests import tagged

from .common import ContinuityCase, day

UTC = ZoneInfo('UTC')


@tagged('post_install', '-at_install')
class TestMissedDays(ContinuityCase):
    """The scheduled actions are off for 95 days. What they then make is what they would have made day by day."""

    joining = day('2027-03-10')
    off_days = 95

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.after = cls.joining + timedelta(days=cls.off_days)
        cls.calendar = [{'start_date': f'2027-{month:02}-05'} for month in range(1, 13)]

    def _night(self, on, domain):
        """Run the jobs of a night; return how much they did."""
        return sum(self._run_job(job, on, domain=domain).done_count for job in ('extend', 'create_orders'))

    def _get_children(self, subscription):
        """Return the child orders: their day, and the products in them with quantity and price."""
        children = subscription.order_id.continuity_child_ids
        return sorted(
            (
                str(self.company._get_continuity_day(child.commitment_date)),
                [(line.product_id.name, line.product_uom_qty, line.price_unit) for line in child.order_line],
            )
            for child in children
        )

    def _sell_twice(self, events, **values):
        program = self._create_program(events, **values)
        return [self._sell(program, on=self.joining) for _time in range(2)]

    def _make_up(self, subscriptions):
        """Let nights pass from the day on when the scheduled actions are on again, until nothing is left to do."""
        domain = [('id', 'in', [subscription.id for subscription in subscriptions])]
        while self._night(self.after, domain):
            pass

    def test_every_policy_makes_what_day_by_day_would_have_made(self):
        every_third_day = {'interval_number': 3, 'interval_unit': 'day', 'repeat_forever': True}
        pairs = {
            'each': self._sell_twice(self.calendar, missed_event_policy='each'),
            'consolidate': self._sell_twice(self.calendar, missed_event_policy='consolidate'),
            'skip': self._sell_twice(self.calendar, missed_event_policy='skip'),
            'current': self._sell_twice(self.calendar, order_start='current'),
            'relative': self._sell_twice(12),
            'weekly': self._sell_twice([{'interval_unit': 'week', 'repeat_forever': True}]),
            'every third day': self._sell_twice([every_third_day]),
            'current price': self._sell_twice(12, price_policy='current'),
            'upfront': self._sell_twice(12, bill_upfront=True),
        }
        always_on = [pair[0].id for pair in pairs.values()]
        for number in range(self.off_days + 1):
            self._night(self.joining + timedelta(days=number), [('id', 'in', always_on)])

        self._make_up([pair[1] for pair in pairs.values()])

        for name, (on, off) in pairs.items():
            with self.subTest(name):
                self.assertEqual(self._get_children(off), self._get_children(on))
        counts = {name: len(off.order_id.continuity_child_ids) for name, (_on, off) in pairs.items()}
        # joined after three events; then those of April, May and June
        self.assertEqual(
            counts,
            {
                'each': 6,
                'consolidate': 4,
                'skip': 3,
                'current': 4,
                'relative': 4,
                'weekly': 14,
                'every third day': 32,
                'current price': 4,
                'upfront': 4,
            },
        )

    def test_each_order_is_of_its_own_day(self):
        program = self._create_program(self.calendar, missed_event_policy='consolidate')
        subscription = self._sell(program, on=self.joining)

        run = self._run_job('create_orders', self.after, domain=[('id', '=', subscription.id)])

        self.assertEqual(run.done_count, 4)
        self.assertEqual(
            [(on, [name for name, *_rest in lines]) for on, lines in self._get_children(subscription)],
            [
                ('2027-03-10', ["Book 1", "Book 2", "Book 3"]),
                ('2027-04-05', ["Book 4"]),
                ('2027-05-05', ["Book 5"]),
                ('2027-06-05', ["Book 6"]),
            ],
        )

    def test_the_current_event_is_found_in_one_run(self):
        program = self._create_program(self.calendar)

        self._run_job('update_events', self.joining, domain=[('id', '=', program.id)])
        self.assertEqual(program.current_event, 3)
        self._run_job('update_events', self.after, domain=[('id', '=', program.id)])
        self.assertEqual(program.current_event, 6)


@tagged('post_install', '-at_install')
class TestTwoYears(ContinuityCase):
    """25 months, with four changes of the clocks where there are any."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        freezer = freeze_time('2027-01-01 12:00:00')
        cls.clock = freezer.start()
        cls.addClassCleanup(freezer.stop)

    def _sell_25_months(self, zone):
        self.company.partner_id.tz = zone
        self.company.continuity_repeat_threshold = 30
        program = self._create_program([{'repeat_count': 25}])
        subscription = self._sell(program, start_date='2027-01-28')
        self.assertEqual(len(subscription.line_ids), 25)
        return subscription

    def _execute_at(self, moment, subscription):
        """Run the job at a moment, given in any time zone; return the days of the orders it makes."""
        before = subscription.order_id.continuity_child_ids
        self.clock.move_to(moment.astimezone(UTC).replace(tzinfo=None))
        self.env['continuity.job.run']._execute('create_orders', domain=[('id', '=', subscription.id)])
        made = subscription.order_id.continuity_child_ids - before
        return [self.company._get_continuity_day(child.commitment_date) for child in made]

    def _get_planned(self, subscription):
        return subscription.line_ids.sorted('event_number').mapped('date_planned')

    def test_every_date_once_on_its_own_day(self):
        for zone in ('Pacific/Auckland', 'Pacific/Honolulu', 'America/New_York'):
            with self.subTest(zone):
                subscription = self._sell_25_months(zone)
                for planned in self._get_planned(subscription):
                    midnight = datetime.combine(planned, datetime.min.time(), ZoneInfo(zone))
                    self.assertEqual(self._execute_at(midnight - timedelta(minutes=1), subscription), [])
                    self.assertEqual(self._execute_at(midnight + timedelta(minutes=1), subscription), [planned])
                    self.assertEqual(self._execute_at(midnight + timedelta(hours=23), subscription), [])

    def test_another_time_zone_midway_doubles_nothing(self):
        subscription = self._sell_25_months('Pacific/Auckland')
        planned_days = self._get_planned(subscription)
        made = []
        for number, planned in enumerate(planned_days):
            noon = datetime.combine(planned, datetime.min.time(), UTC) + timedelta(hours=12)
            for hours in (-26, -24, -14, -10, 0, 11, 24):
                if (number, hours) in ((8, -14), (16, 0)):
                    self.company.partner_id.tz = 'Pacific/Honolulu' if number == 8 else 'Pacific/Auckland'
                made += self._execute_at(noon + timedelta(hours=hours), subscription)

        children = subscription.order_id.continuity_child_ids
        self.assertEqual(len(made), 25)
        self.assertEqual(len(children), 25)
        self.assertEqual(len(children.order_line.continuity_line_id), 25)
        self.assertEqual(
            sorted(children.order_line.continuity_line_id.mapped('date_planned')), sorted(set(planned_days))
        )
        self.assertEqual(len({(on.year, on.month) for on in planned_days}), 25)
