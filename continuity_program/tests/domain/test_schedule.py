from datetime import date
from itertools import islice

from common_schedule import DAY, FOREVER, MONTH, WEEK, YEAR, ScheduleCase, day
from domain import schedule
from domain.schedule import Event


class TestTimeline(ScheduleCase):
    def assertTimeline(self, events, anchor, expected, **options):
        self.assertDates(schedule.timeline(events, anchor and day(anchor), **options), expected)

    def test_units(self):
        self.assertEqual(schedule.UNITS, {'day': DAY, 'week': WEEK, 'month': MONTH, 'year': YEAR})

    def test_one_event_repeated(self):
        for anchor, interval, expected in (
            # inside the month, and back again: nothing drifts
            ('2027-01-31', MONTH, '2027-01-31 2027-02-28 2027-03-31 2027-04-30'),
            ('2027-01-29', MONTH, '2027-01-29 2027-02-28 2027-03-29 2027-04-29'),
            ('2027-02-28', MONTH, '2027-02-28 2027-03-28 2027-04-28 2027-05-28'),
            ('2027-08-31', (3, 0), '2027-08-31 2027-11-30 2028-02-29 2028-05-31'),
            ('2027-11-15', MONTH, '2027-11-15 2027-12-15 2028-01-15 2028-02-15'),
            # leap years
            ('2028-01-31', MONTH, '2028-01-31 2028-02-29 2028-03-31 2028-04-30'),
            ('2028-02-29', YEAR, '2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29'),
            ('2028-02-27', DAY, '2028-02-27 2028-02-28 2028-02-29 2028-03-01'),
            ('2100-02-27', DAY, '2100-02-27 2100-02-28 2100-03-01 2100-03-02'),
            # weeks and days count days, whatever the month
            ('2027-01-31', WEEK, '2027-01-31 2027-02-07 2027-02-14 2027-02-21'),
            ('2027-01-31', (0, 28), '2027-01-31 2027-02-28 2027-03-28 2027-04-25'),
        ):
            with self.subTest(anchor=anchor, interval=interval):
                repeats = len(expected.split())
                self.assertTimeline([Event(1, interval, repeats=repeats)], anchor, expected)

    def test_end_of_month(self):
        for anchor, interval, expected in (
            ('2027-02-28', MONTH, '2027-02-28 2027-03-31 2027-04-30 2027-05-31'),
            ('2027-04-30', (5, 0), '2027-04-30 2027-09-30 2028-02-29 2028-07-31'),
            ('2027-02-28', YEAR, '2027-02-28 2028-02-29 2029-02-28'),
            # not the last day of its month
            ('2028-02-28', MONTH, '2028-02-28 2028-03-28 2028-04-28'),
            ('2027-01-30', MONTH, '2027-01-30 2027-02-28 2027-03-30'),
            # weeks and days are not months
            ('2027-02-28', WEEK, '2027-02-28 2027-03-07 2027-03-14'),
        ):
            with self.subTest(anchor=anchor, interval=interval):
                events = [Event(1, interval, repeats=len(expected.split()))]
                self.assertTimeline(events, anchor, expected, end_of_month=True)

    def test_end_of_month_counts_days_from_the_month_end(self):
        events = [Event(1), Event(2, MONTH), Event(3, WEEK), Event(4, MONTH)]
        self.assertTimeline(events, '2027-02-28', '2027-02-28 2027-03-31 2027-04-07 2027-05-07', end_of_month=True)

    def test_end_of_month_is_asked_of_each_anchor(self):
        events = [Event(1, repeats=2), Event(2, start_date=day('2027-05-30'), repeats=2)]
        self.assertTimeline(events, '2027-02-28', '2027-02-28 2027-03-31 2027-05-30 2027-06-30', end_of_month=True)

    def test_mixed_intervals_add_up_months_first(self):
        events = [Event(1), Event(2, MONTH), Event(3, (0, 14)), Event(4, (0, 10)), Event(5, YEAR), Event(6, MONTH)]
        # Jan 31 + 1, 1, 1, 13, 14 months, then + 0, 14, 24, 24, 24 days
        expected = '2027-01-31 2027-02-28 2027-03-14 2027-03-24 2028-03-24 2028-04-24'
        self.assertTimeline(events, '2027-01-31', expected)

    def test_days_before_months_are_not_chained(self):
        events = [Event(1), Event(2, (0, 2)), Event(3, MONTH)]
        self.assertTimeline(events, '2027-01-30', '2027-01-30 2027-02-01 2027-03-02')

    def test_the_first_interval_counts_only_between_its_own_repeats(self):
        events = [Event(1, WEEK, repeats=3), Event(2, MONTH, repeats=2)]
        # Jan 4 + 1 month + 2 weeks
        self.assertTimeline(events, '2027-01-04', '2027-01-04 2027-01-11 2027-01-18 2027-02-18 2027-03-18')

    def test_no_time_between_two_events(self):
        self.assertTimeline([Event(1), Event(2, (0, 0)), Event(3)], '2027-01-04', '2027-01-04 2027-01-04 2027-02-04')

    def test_skip_takes_no_time(self):
        events = [Event(1), Event(2, action='skip', repeats=4), Event(3)]
        self.assertTimeline(events, '2027-01-15', '2027-01-15 2027-02-15')

    def test_the_first_event_sent_falls_on_the_anchor(self):
        events = [Event(1, action='skip', start_date=day('2027-06-01')), Event(2, YEAR), Event(3)]
        self.assertFalse(schedule.is_calendar(events))
        self.assertTimeline(events, '2027-01-15', '2027-01-15 2027-02-15')

    def test_end_stops_after_its_event(self):
        events = [Event(1), Event(2, repeats=2, action='end'), Event(3), Event(4, action='end')]
        self.assertTimeline(events, '2027-01-15', '2027-01-15 2027-02-15 2027-03-15')

    def test_event_ids_order_the_events(self):
        events = [Event(7, YEAR), Event(2), Event(5, WEEK)]
        occurrences = list(schedule.timeline(events, day('2027-01-15')))
        self.assertEqual([occurrence.position for occurrence in occurrences], [(2, 1), (5, 1), (7, 1)])
        self.assertDates(occurrences, '2027-01-15 2027-01-22 2028-01-22')

    def test_until_cancelled(self):
        occurrences = schedule.timeline([Event(1), Event(2, repeats=FOREVER)], day('2027-01-31'))
        self.assertEqual(next(islice(occurrences, 499, None)), (2, 499, day('2068-08-31')))

    def test_a_fixed_date_is_a_new_anchor(self):
        events = [Event(1), Event(2), Event(3, start_date=day('2027-05-31')), Event(4), Event(5)]
        self.assertTimeline(events, '2027-01-31', '2027-01-31 2027-02-28 2027-05-31 2027-06-30 2027-07-31')

    def test_a_fixed_date_with_repeats(self):
        events = [Event(1, WEEK, day('2027-03-01'), repeats=3), Event(2)]
        # Mar 1 + 1 month + 2 weeks
        self.assertTimeline(events, None, '2027-03-01 2027-03-08 2027-03-15 2027-04-15')

    def test_a_fixed_date_gives_way_to_the_shipment_ahead(self):
        events = [Event(1, repeats=3), Event(2, start_date=day('2027-02-01')), Event(3)]
        self.assertTimeline(events, '2027-01-10', '2027-01-10 2027-02-10 2027-03-10 2027-03-10 2027-04-10')

    def test_after_a_position(self):
        events = [Event(1, repeats=3), Event(2, action='skip'), Event(3), Event(4, repeats=2)]
        for after, expected in (
            ((0, 0), '2027-01-31 2027-02-28 2027-03-31 2027-04-30 2027-05-31 2027-06-30'),
            ((1, 2), '2027-03-31 2027-04-30 2027-05-31 2027-06-30'),
            ((1, 3), '2027-04-30 2027-05-31 2027-06-30'),
            ((1, 9), '2027-04-30 2027-05-31 2027-06-30'),
            ((2, 1), '2027-04-30 2027-05-31 2027-06-30'),
            ((4, 1), '2027-06-30'),
            ((4, 2), ''),
        ):
            with self.subTest(after=after):
                self.assertTimeline(events, '2027-01-31', expected, after=after)

    def test_count_left(self):
        events = [Event(1, repeats=3), Event(2, action='skip'), Event(3), Event(4, repeats=2)]
        for after, left in (((0, 0), 6), ((1, 2), 4), ((1, 3), 3), ((1, 9), 3), ((2, 1), 3), ((4, 1), 1), ((4, 2), 0)):
            with self.subTest(after=after):
                self.assertEqual(schedule.count_left(events, after), left)
        self.assertIsNone(schedule.count_left([Event(1), Event(2, repeats=FOREVER)], (1, 1)))

    def test_nothing_to_send(self):
        self.assertTimeline([], '2027-01-31', '')
        self.assertTimeline([Event(1, action='skip')], '2027-01-31', '')

    def test_beyond_the_calendar(self):
        for interval in (YEAR, WEEK):
            with self.assertRaises(schedule.UnreachableDateError):
                list(schedule.timeline([Event(1, interval, repeats=FOREVER)], day('9990-06-15')))


class TestRunning(ScheduleCase):
    def test_the_last_one_dated_on_the_day_or_before(self):
        events = [Event(1, start_date=day('2027-01-31'), repeats=2), Event(2), Event(3, (0, 0))]
        for on, expected in (
            ('2026-05-05', (1, 1, day('2027-01-31'))),
            ('2027-01-31', (1, 1, day('2027-01-31'))),
            ('2027-02-27', (1, 1, day('2027-01-31'))),
            ('2027-02-28', (1, 2, day('2027-02-28'))),
            ('2027-03-30', (1, 2, day('2027-02-28'))),
            ('2027-03-31', (3, 1, day('2027-03-31'))),
            ('2031-12-31', (3, 1, day('2027-03-31'))),
        ):
            with self.subTest(on=on):
                self.assertEqual(schedule.get_running(events, day(on)), expected)

    def test_until_cancelled(self):
        events = [Event(1, WEEK, day('2027-01-04'), repeats=FOREVER)]
        self.assertEqual(schedule.get_running(events, day('2028-01-02')), (1, 52, day('2027-12-27')))
        self.assertEqual(schedule.get_running(events, day('2028-01-03')), (1, 53, day('2028-01-03')))

    def test_end_of_month(self):
        events = [Event(1, start_date=day('2027-02-28'), repeats=12)]
        self.assertEqual(schedule.get_running(events, day('2027-03-30'), end_of_month=True).occurrence, 1)
        self.assertEqual(schedule.get_running(events, day('2027-03-31'), end_of_month=True).occurrence, 2)

    def test_nothing_to_send(self):
        self.assertIsNone(schedule.get_running([], day('2027-01-01')))
        self.assertIsNone(schedule.get_running([Event(1, action='skip')], day('2027-01-01')))


class TestRelativePlan(ScheduleCase):
    def test_anchor(self):
        for base, days_after_order, today, expected in (
            ('2027-01-10', 0, '2027-01-10', '2027-01-10'),
            ('2027-01-10', 30, '2027-01-10', '2027-02-09'),
            ('2028-02-20', 10, '2027-01-01', '2028-03-01'),
            ('2027-01-10', 5, '2027-01-15', '2027-01-15'),
            ('2027-01-10', 5, '2027-01-16', '2027-01-16'),
        ):
            with self.subTest(base=base, days_after_order=days_after_order, today=today):
                anchor = schedule.get_relative_anchor(day(base), days_after_order, day(today))
                self.assertEqual(anchor, day(expected))

    def test_an_anchor_in_the_past_becomes_today(self):
        today = day('2027-03-31')
        anchor = schedule.get_relative_anchor(day('2027-01-15'), 3, today)
        self.assertPlan(
            schedule.plan([Event(1, repeats=3)], joining_day=today, anchor=anchor),
            """
            1: 1/1 2027-03-31
            2: 1/2 2027-04-30
            3: 1/3 2027-05-31
            """,
        )

    def test_where_to_begin(self):
        events = [Event(1, repeats=2), Event(2, action='skip'), Event(3, WEEK, repeats=2), Event(4)]
        for options, expected in (
            ({}, '1/1 01-31, 1/2 02-28, 3/1 03-07, 3/2 03-14, 4/1 04-14'),
            ({'order_start': 'current'}, '1/1 01-31, 1/2 02-28, 3/1 03-07, 3/2 03-14, 4/1 04-14'),
            ({'missed_event_policy': 'skip'}, '1/1 01-31, 1/2 02-28, 3/1 03-07, 3/2 03-14, 4/1 04-14'),
            ({'start_event': 2}, '3/1 01-31, 3/2 02-07, 4/1 03-07'),
            ({'start_event': 3}, '3/1 01-31, 3/2 02-07, 4/1 03-07'),
            ({'start_event': 4}, '4/1 01-31'),
            ({'start_event': 5}, ''),
            ({'event_count': 3}, '1/1 01-31, 1/2 02-28, 3/1 03-07'),
            ({'event_count': 2, 'start_event': 3}, '3/1 01-31, 3/2 02-07'),
            ({'event_count': 9, 'start_event': 3}, '3/1 01-31, 3/2 02-07, 4/1 03-07'),
        ):
            with self.subTest(**options):
                anchor = day('2027-01-31')
                shipments = schedule.plan(events, joining_day=day('2027-01-10'), anchor=anchor, **options)
                found = ', '.join(f"{event}/{occurrence} {on:%m-%d}" for _n, event, occurrence, on in shipments)
                self.assertEqual(found, expected)
                self.assertEqual([shipment.number for shipment in shipments], list(range(1, len(shipments) + 1)))

    def test_beginning_at_a_fixed_date(self):
        events = [Event(1), Event(2, start_date=day('2027-06-01')), Event(3)]
        for anchor, expected in (
            ('2027-05-10', '2027-06-01 2027-07-01'),
            ('2027-07-05', '2027-07-05 2027-08-05'),
        ):
            with self.subTest(anchor=anchor):
                options = {'joining_day': day('2027-05-01'), 'anchor': day(anchor), 'start_event': 2}
                self.assertDates(schedule.plan(events, **options), expected)

    def test_nothing_to_send(self):
        self.assertEqual(schedule.plan([], joining_day=day('2027-01-01'), anchor=day('2027-01-01')), [])


class TestCalendarPlan(ScheduleCase):
    """Six monthly boxes, January to June 2027."""

    boxes = [Event(1, start_date=day('2027-01-15')), *(Event(number) for number in range(2, 7))]

    def plan(self, joining_day, **options):
        return schedule.plan(options.pop('events', self.boxes), joining_day=day(joining_day), **options)

    def test_what_is_missed_goes_by_the_end_of_the_month(self):
        events = [Event(1, MONTH, start_date=day('2027-02-28'), repeats=3)]
        options = {'joining_day': day('2027-03-29'), 'end_of_month': True}

        self.assertPlan(
            schedule.plan(events, **options),
            """
            1: 1/1 2027-03-29
            2: 1/2 2027-03-31
            3: 1/3 2027-04-30
            """,
        )
        self.assertEqual(schedule.plan(events, order_start='current', **options)[0].occurrence, 1)

    def test_current_begins_at_the_running_event(self):
        for joining_day, event_number, first_date in (
            ('2026-11-01', 1, '2027-01-15'),
            ('2027-01-15', 1, '2027-01-15'),
            ('2027-02-14', 1, '2027-02-14'),
            ('2027-02-15', 2, '2027-02-15'),
            ('2027-06-14', 5, '2027-06-14'),
            ('2027-06-15', 6, '2027-06-15'),
            ('2028-01-01', 6, '2028-01-01'),
        ):
            with self.subTest(joining_day=joining_day):
                first, *others = self.plan(joining_day, order_start='current')
                self.assertEqual(first, (1, event_number, 1, day(first_date)))
                events = range(event_number + 1, 7)
                self.assertEqual(others, [(n - event_number + 1, n, 1, date(2027, n, 15)) for n in events])

    def test_current_inside_the_repeats_of_an_event(self):
        events = [Event(1, WEEK, day('2027-01-04'), repeats=4), Event(2)]
        self.assertPlan(
            self.plan('2027-01-20', events=events, order_start='current'),
            """
            1: 1/3 2027-01-20
            2: 1/4 2027-01-25
            3: 2/1 2027-02-25
            """,
        )

    def test_missed_events_each_in_its_own_order(self):
        self.assertPlan(
            self.plan('2027-03-20', missed_event_policy='each'),
            """
            1: 1/1 2027-03-20
            2: 2/1 2027-03-20
            3: 3/1 2027-03-20
            4: 4/1 2027-04-15
            5: 5/1 2027-05-15
            6: 6/1 2027-06-15
            """,
        )

    def test_missed_events_all_in_one_order(self):
        self.assertPlan(
            self.plan('2027-03-20'),
            """
            1: 1/1 2027-03-20
            1: 2/1 2027-03-20
            1: 3/1 2027-03-20
            2: 4/1 2027-04-15
            3: 5/1 2027-05-15
            4: 6/1 2027-06-15
            """,
        )

    def test_missed_events_not_sent(self):
        self.assertPlan(
            self.plan('2027-03-20', missed_event_policy='skip'),
            """
            1: 4/1 2027-04-15
            2: 5/1 2027-05-15
            3: 6/1 2027-06-15
            """,
        )

    def test_an_event_on_the_joining_day_is_not_missed(self):
        self.assertPlan(
            self.plan('2027-03-15', event_count=4),
            """
            1: 1/1 2027-03-15
            1: 2/1 2027-03-15
            2: 3/1 2027-03-15
            3: 4/1 2027-04-15
            """,
        )

    def test_joining_before_the_first_event_misses_nothing(self):
        expected = '2027-01-15 2027-02-15 2027-03-15 2027-04-15 2027-05-15 2027-06-15'
        for policy in ('each', 'consolidate', 'skip'):
            for joining_day in ('2026-12-01', '2027-01-15'):
                with self.subTest(policy=policy, joining_day=joining_day):
                    shipments = self.plan(joining_day, missed_event_policy=policy)
                    self.assertDates(shipments, expected)
                    self.assertEqual([shipment.number for shipment in shipments], [1, 2, 3, 4, 5, 6])

    def test_joining_after_the_last_event(self):
        for policy, numbers in (('each', [1, 2, 3, 4, 5, 6]), ('consolidate', [1] * 6), ('skip', [])):
            with self.subTest(policy=policy):
                shipments = self.plan('2027-06-16', missed_event_policy=policy)
                self.assertEqual([shipment.number for shipment in shipments], numbers)
                self.assertEqual({shipment.date for shipment in shipments}, {day('2027-06-16')} if numbers else set())

    def test_missed_events_count_as_bought_when_sent(self):
        for options, expected in (
            ({'missed_event_policy': 'each', 'event_count': 2}, [(1, 1), (2, 2)]),
            ({'missed_event_policy': 'consolidate', 'event_count': 2}, [(1, 1), (1, 2)]),
            ({'missed_event_policy': 'consolidate', 'event_count': 3}, [(1, 1), (1, 2), (1, 3)]),
            ({'missed_event_policy': 'consolidate', 'event_count': 4}, [(1, 1), (1, 2), (1, 3), (2, 4)]),
            ({'missed_event_policy': 'skip', 'event_count': 2}, [(1, 4), (2, 5)]),
            ({'order_start': 'current', 'event_count': 2}, [(1, 3), (2, 4)]),
            ({'order_start': 'current', 'event_count': 9}, [(1, 3), (2, 4), (3, 5), (4, 6)]),
        ):
            with self.subTest(**options):
                shipments = self.plan('2027-03-20', **options)
                self.assertEqual([(shipment.number, shipment.event) for shipment in shipments], expected)

    def test_a_chosen_start_event(self):
        for options, expected in (
            ({'start_event': 2}, [(1, 2), (1, 3), (2, 4)]),
            ({'start_event': 2, 'missed_event_policy': 'each'}, [(1, 2), (2, 3), (3, 4)]),
            ({'start_event': 2, 'missed_event_policy': 'skip'}, [(1, 4), (2, 5), (3, 6)]),
            ({'start_event': 4}, [(1, 4), (2, 5), (3, 6)]),
            ({'start_event': 6}, [(1, 6)]),
            ({'start_event': 7}, []),
        ):
            for order_start in ('first', 'current'):
                with self.subTest(order_start=order_start, **options):
                    shipments = self.plan('2027-03-20', order_start=order_start, event_count=3, **options)
                    self.assertEqual([(shipment.number, shipment.event) for shipment in shipments], expected)

    def test_a_chosen_start_event_keeps_its_date(self):
        self.assertDates(self.plan('2027-03-20', start_event=5), '2027-05-15 2027-06-15')

    def test_a_chosen_start_event_behind_an_endless_one(self):
        events = [Event(1, start_date=day('2027-01-15'), repeats=FOREVER), Event(2, action='skip')]
        self.assertEqual(self.plan('2027-03-20', events=events, start_event=2, threshold=12), [])

    def test_the_anchor_is_for_relative_programs_only(self):
        for order_start in ('first', 'current'):
            with self.subTest(order_start=order_start):
                options = {'order_start': order_start, 'event_count': 3}
                shipments = self.plan('2027-01-15', anchor=day('2027-04-01'), **options)
                self.assertDates(shipments, '2027-01-15 2027-02-15 2027-03-15')

    def test_skip_and_end(self):
        events = [
            Event(1, action='skip', start_date=day('2026-01-01')),
            Event(2, start_date=day('2027-01-31')),
            Event(3, action='skip'),
            Event(4, repeats=2, action='end'),
            Event(5, repeats=FOREVER),
        ]
        self.assertTrue(schedule.is_calendar(events))
        self.assertPlan(
            self.plan('2027-02-28', events=events),
            """
            1: 2/1 2027-02-28
            2: 4/1 2027-02-28
            3: 4/2 2027-03-31
            """,
        )

    def test_nothing_to_send(self):
        events = [Event(1, start_date=day('2027-01-15'), action='skip')]
        for order_start in ('first', 'current'):
            self.assertEqual(self.plan('2027-01-01', events=events, order_start=order_start), [])


class TestThresholdAndSize(ScheduleCase):
    def test_a_thousand_are_taken_and_no_more(self):
        occurrences = list(islice(schedule.timeline([Event(1, DAY, repeats=FOREVER)], day('2027-01-01')), 1001))

        self.assertEqual(list(schedule.take(occurrences[:1000], None)), occurrences[:1000])
        taken = schedule.take(occurrences, None)
        self.assertEqual(list(islice(taken, 1000)), occurrences[:1000])
        with self.assertRaisesRegex(schedule.TooManyLinesError, "^more than 1000 lines$"):
            next(taken)

    def test_what_is_too_much_or_too_far_is_told(self):
        lines = [Event(1, line_count=1001)]
        with self.assertRaisesRegex(schedule.TooManyLinesError, "^more than 1000 lines$"):
            schedule.plan(lines, joining_day=day('2027-01-01'), anchor=day('2027-01-01'))
        with self.assertRaisesRegex(schedule.UnreachableDateError, r"^9999-12-01 \+ 1 months \+ 0 days$"):
            schedule.shift(day('9999-12-01'), 1, 0)

    today = day('2027-01-31')

    def plan(self, *events, **options):
        return schedule.plan(events, **{'joining_day': self.today, 'anchor': self.today, **options})

    def test_until_cancelled_up_to_the_threshold(self):
        shipments = self.plan(Event(1), Event(2, repeats=FOREVER), threshold=3)
        self.assertDates(shipments, '2027-01-31 2027-02-28 2027-03-31 2027-04-30')

    def test_the_plan_stops_at_the_threshold(self):
        for repeats, expected in ((2, [1, 1, 2]), (3, [1, 1, 1, 2]), (4, [1, 1, 1])):
            with self.subTest(repeats=repeats):
                shipments = self.plan(Event(1, repeats=repeats), Event(2), threshold=3)
                self.assertEqual([shipment.event for shipment in shipments], expected)

    def test_missed_occurrences_do_not_count_against_the_threshold(self):
        refill = Event(1, start_date=day('2027-01-15'), repeats=FOREVER)
        self.assertPlan(
            self.plan(refill, joining_day=day('2027-03-20'), anchor=None, threshold=2),
            """
            1: 1/1 2027-03-20
            1: 1/2 2027-03-20
            1: 1/3 2027-03-20
            2: 1/4 2027-04-15
            3: 1/5 2027-05-15
            """,
        )

    def test_extending_the_plan(self):
        events = [Event(1, repeats=4), Event(2, repeats=FOREVER)]
        occurrences = list(islice(schedule.timeline(events, self.today, after=(1, 3)), 20))
        for left, open_counts, expected in (
            (None, {1: 3}, []),
            (None, {1: 2}, [(1, 4), (2, 1), (2, 2), (2, 3)]),
            (None, {}, [(1, 4), (2, 1), (2, 2), (2, 3)]),
            (None, {2: 2}, [(1, 4), (2, 1)]),
            (2, {}, [(1, 4), (2, 1)]),
            (0, {}, []),
            (-1, {}, []),
        ):
            with self.subTest(left=left, open_counts=open_counts):
                taken = schedule.take(occurrences, left, threshold=3, open_counts=open_counts)
                self.assertEqual([occurrence.position for occurrence in taken], expected)

    def test_a_thousand_lines_and_no_more(self):
        for repeats, line_count in ((1000, 1), (500, 2)):
            with self.subTest(repeats=repeats, line_count=line_count):
                event = Event(1, DAY, repeats=repeats, line_count=line_count)
                self.assertEqual(len(self.plan(event)), repeats)
                with self.assertRaises(schedule.TooManyLinesError):
                    self.plan(event._replace(repeats=repeats + 1))
                with self.assertRaises(schedule.TooManyLinesError):
                    self.plan(event._replace(repeats=FOREVER))
                self.assertEqual(len(self.plan(event._replace(repeats=FOREVER), event_count=repeats)), repeats)

    def test_missed_occurrences_are_lines_too(self):
        daily = Event(1, DAY, day('2024-01-01'), repeats=FOREVER)
        # more than three years missed
        for policy in ('each', 'consolidate'):
            with self.subTest(policy=policy):
                options = {'missed_event_policy': policy, 'threshold': 5, 'anchor': None}
                with self.assertRaises(schedule.TooManyLinesError):
                    self.plan(daily, **options)
                self.assertEqual(len(self.plan(daily, event_count=1000, **options)), 1000)
        self.assertDates(
            self.plan(daily, missed_event_policy='skip', threshold=3, anchor=None), '2027-01-31 2027-02-01 2027-02-02'
        )
