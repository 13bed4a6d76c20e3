from datetime import date
from itertools import dropwhile, islice, pairwise

import slow_schedule
from common_schedule import (
    DAY,
    FOREVER,
    MONTH,
    WEEK,
    ScheduleCase,
    customers,
    day,
    near_days,
    orders,
    plan_or_none,
    programs,
)
from domain import schedule
from domain.schedule import Clock, Event
from hypothesis import given, settings
from hypothesis import strategies as st

thorough = settings(deadline=None, derandomize=True, database=None, max_examples=120)


class TestAgainstSlowSchedule(ScheduleCase):
    @thorough
    @given(programs(), near_days, st.booleans())
    def test_timeline(self, events, anchor, end_of_month):
        occurrences = schedule.timeline(events, anchor, end_of_month=end_of_month)
        expected = slow_schedule.timeline(events, anchor, end_of_month=end_of_month)
        self.assertEqual(list(islice(occurrences, 60)), list(islice(expected, 60)))

    @thorough
    @given(programs(), near_days, st.booleans(), st.tuples(st.integers(0, 9), st.integers(0, 9)))
    def test_after_drops_the_beginning(self, events, anchor, end_of_month, after):
        behind = schedule.timeline(events, anchor, end_of_month=end_of_month, after=after)
        whole = slow_schedule.timeline(events, anchor, end_of_month=end_of_month)
        expected = dropwhile(lambda occurrence: occurrence[:2] <= after, whole)
        self.assertEqual(list(islice(behind, 30)), list(islice(expected, 30)))

    @thorough
    @given(programs(endless=False), st.tuples(st.integers(0, 9), st.integers(0, 9)))
    def test_count_left(self, events, after):
        walked = slow_schedule.timeline(events, day('2027-01-01'))
        expected = sum(occurrence[:2] > after for occurrence in walked)
        self.assertEqual(schedule.count_left(events, after), expected)

    @thorough
    @given(programs(calendar=True), near_days, st.booleans())
    def test_running(self, events, on, end_of_month):
        expected = slow_schedule.running(events, on, end_of_month=end_of_month)
        self.assertEqual(schedule.get_running(events, on, end_of_month=end_of_month), expected)

    @settings(thorough, max_examples=400)
    @given(orders())
    def test_plan(self, order):
        events, options = order
        self.assertEqual(plan_or_none(events, options), slow_schedule.plan(events, **options))

    @thorough
    @given(
        programs(),
        near_days,
        st.one_of(st.none(), st.integers(0, 20)),
        st.integers(0, 5),
        st.dictionaries(st.integers(1, 8), st.integers(0, 5)),
    )
    def test_take(self, events, anchor, left, threshold, open_counts):
        occurrences = list(islice(slow_schedule.timeline(events, anchor), 30))
        taken = schedule.take(
            (schedule.Occurrence(*occurrence) for occurrence in occurrences),
            left,
            threshold=threshold,
            open_counts=open_counts,
        )
        self.assertEqual(list(taken), slow_schedule.take(occurrences, left, threshold, open_counts))


class TestPromises(ScheduleCase):
    @thorough
    @given(orders())
    def test_a_plan_is_in_order(self, order):
        events, options = order
        shipments = plan_or_none(events, options) or []
        positions = [(shipment.event, shipment.occurrence) for shipment in shipments]
        self.assertEqual(positions, sorted(set(positions)))
        dates = [shipment.date for shipment in shipments]
        self.assertEqual(dates, sorted(dates))
        self.assertGreaterEqual(min(dates, default=date.max), options['joining_day'])
        steps = [later.number - earlier.number for earlier, later in pairwise(shipments)]
        self.assertEqual([shipment.number for shipment in shipments[:1]], [1] if shipments else [])
        self.assertLessEqual(set(steps), {0, 1} if options['missed_event_policy'] == 'consolidate' else {1})

    @thorough
    @given(orders())
    def test_no_more_than_bought_and_allowed(self, order):
        events, options = order
        shipments = plan_or_none(events, options) or []
        if options['event_count']:
            self.assertLessEqual(len(shipments), options['event_count'])
        later = [shipment.event for shipment in shipments if shipment.date > options['joining_day']]
        if options['threshold']:
            self.assertLessEqual(max(map(later.count, later), default=0), options['threshold'])
        repeats = {event.number: event.repeats for event in events}
        for shipment in shipments:
            self.assertLessEqual(shipment.occurrence, repeats[shipment.event] or shipment.occurrence)

    @thorough
    @given(orders())
    def test_a_limited_plan_is_the_beginning_of_the_unlimited_one(self, order):
        events, options = order
        limited = plan_or_none(events, options)
        unlimited = plan_or_none(events, {**options, 'event_count': 0, 'threshold': 0})
        if limited is not None and unlimited is not None:
            self.assertEqual(limited, unlimited[: len(limited)])

    @thorough
    @given(orders(endless=False), st.lists(st.integers(1, 4), min_size=1))
    def test_extending_again_and_again_completes_the_plan(self, order, ordered_per_round):
        """Boxes become orders a few at a time, each time the plan is topped up: in the end it is the plan at once."""
        events, options = order
        whole = plan_or_none(events, {**options, 'threshold': 0})
        planned = [shipment[1:] for shipment in plan_or_none(events, options) or []]
        if not planned:
            return
        if not slow_schedule.is_calendar(events):
            events = [event for event in events if event.number >= options['start_event']]
        ordered = 0
        for index in range(len(whole)):
            ordered = min(ordered + ordered_per_round[index % len(ordered_per_round)], len(planned))
            opened = [event for event, _occurrence, _date in planned[ordered:]]
            behind = schedule.timeline(
                events, options['anchor'], end_of_month=options['end_of_month'], after=planned[-1][:2]
            )
            planned += schedule.take(
                behind,
                options['event_count'] - len(planned) if options['event_count'] else None,
                threshold=options['threshold'],
                open_counts={event: opened.count(event) for event in opened},
            )
        self.assertEqual(planned, [shipment[1:] for shipment in whole])

    @thorough
    @given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 4), st.integers(1, 4))
    def test_too_many_lines(self, repeats, other_repeats, line_count, other_line_count):
        events = [
            Event(1, DAY, repeats=repeats, line_count=line_count),
            Event(2, DAY, repeats=other_repeats, line_count=other_line_count),
        ]
        options = {'joining_day': day('2027-01-01'), 'anchor': day('2027-01-01')}
        lines = repeats * line_count + other_repeats * other_line_count
        self.assertEqual(plan_or_none(events, options) is None, lines > 1000)


class TestClock(ScheduleCase):
    def test_the_end_of_a_month_is_not_kept_unless_asked_for(self):
        anchor, events = day('2027-02-28'), [Event(1, MONTH, start_date=day('2027-02-28'), repeats=2)]

        self.assertEqual(schedule.shift(anchor, 1, 0), day('2027-03-28'))
        self.assertEqual(Clock(anchor, months=1).get_day(), day('2027-03-28'))
        self.assertEqual(schedule.get_running(events, day('2027-03-29')).occurrence, 2)
        self.assertDates(schedule.plan(events, joining_day=anchor), '2027-02-28 2027-03-28')

    def test_measuring_from_the_end_of_a_month(self):
        end_of_february = day('2027-02-28')
        for on, is_kept, expected in (
            ('2027-03-28', False, (1, 0)),
            ('2027-03-28', True, (0, 28)),
            ('2027-03-30', False, (1, 2)),
            ('2027-03-30', True, (0, 30)),
            ('2027-03-31', True, (1, 0)),
        ):
            with self.subTest(on=on, is_kept=is_kept):
                self.assertEqual(schedule.measure(end_of_february, day(on), is_kept), expected)
        self.assertEqual(schedule.measure(end_of_february, day('2027-03-28')), (1, 0))

    def test_the_end_of_a_month_is_kept_only_where_it_is_asked_for(self):
        events, clock = [Event(1, MONTH, repeats=3)], Clock(day('2027-02-28'))

        moved = schedule.set_clock(events, clock, (1, 2), day=day('2027-03-31'))
        kept = schedule.set_clock(events, clock, (1, 2), day=day('2027-03-31'), end_of_month=True)

        self.assertEqual(moved, Clock(day('2027-03-31'), since=(1, 2)))
        self.assertEqual(kept, Clock(day('2027-02-28'), months=1, since=(1, 2)))
        later = schedule.set_clock(events, clock, (1, 2), day=day('2027-04-30'), end_of_month=True)
        self.assertEqual(later, Clock(day('2027-02-28'), months=2, since=(1, 2)))

    def test_the_day_it_stands_at_already_is_no_new_one(self):
        events, clock = [Event(1, (1, 3), repeats=3)], Clock(day('2027-02-28'))

        standing = schedule.set_clock(events, clock, (1, 2), day=day('2027-04-03'), end_of_month=True)

        self.assertEqual(standing, Clock(day('2027-02-28'), months=1, days=3, since=(1, 2)))

    def test_one_without_an_anchor_stands_at_no_day(self):
        with self.assertRaisesRegex(schedule.ScheduleError, "^a clock without an anchor stands at no day$"):
            Clock(months=1).get_day()

    """The clock of a customer: set at a position, all that follows is counted from there."""

    def walk(self, events, clock, options, after=(0, 0)):
        return list(islice(schedule.timeline(events, clock, after=after, **options), 30))

    @thorough
    @given(customers(count=3))
    def test_setting_it_moves_nothing(self, customer):
        events, clock, options, positions = customer
        anchor = clock.anchor
        for position in positions:
            clock = schedule.set_clock(events, clock, position, **options)
            whole = slow_schedule.timeline(events, anchor, **options)
            expected = dropwhile(lambda occurrence: occurrence[:2] <= position, whole)
            self.assertEqual(self.walk(events, clock, options), list(islice(expected, 30)))

    @thorough
    @given(customers(count=3))
    def test_setting_it_step_by_step_is_setting_it_once(self, customer):
        events, clock, options, positions = customer
        stepped = clock
        for position in positions:
            stepped = schedule.set_clock(events, stepped, position, **options)
        self.assertEqual(stepped, schedule.set_clock(events, clock, positions[-1], **options))

    @thorough
    @given(customers(), near_days)
    def test_another_day_is_where_all_goes_on_from(self, customer, day):
        events, clock, options, (position,) = customer
        ahead = schedule.set_clock(events, clock, position, **options)
        clock = schedule.set_clock(events, clock, position, day=day, **options)
        if position == (0, 0):
            return
        self.assertEqual((clock.since, clock.get_day(**options)), (position, day))
        standing = (ahead.anchor, ahead.months, ahead.days)
        if day != ahead.get_day(**options):
            standing = slow_schedule.stand(ahead.anchor, day, **options)
        expected = slow_schedule.go_on(events, position, *standing, **options)
        self.assertEqual(self.walk(events, clock, options), list(islice(expected, 30)))

    def test_a_four_weekly_rhythm_that_becomes_monthly(self):
        clock = Clock(day('2027-01-29'))
        events = [Event(1, repeats=FOREVER)]
        clock = schedule.set_clock(events, clock, (1, 2), day=day('2027-02-26'))
        self.assertDates(self.walk(events, clock, {})[:3], '2027-03-26 2027-04-26 2027-05-26')

    def test_a_monthly_rhythm_that_becomes_quarterly_keeps_to_the_end_of_the_month(self):
        clock = Clock(day('2027-01-31'))
        events = [Event(1, (3, 0), repeats=FOREVER)]
        clock = schedule.set_clock(events, clock, (1, 2), day=day('2027-02-28'))
        self.assertDates(self.walk(events, clock, {})[:3], '2027-05-31 2027-08-31 2027-11-30')

    @thorough
    @given(customers(), near_days, st.data())
    def test_what_is_ahead_of_it_can_change(self, customer, day, data):
        """Once it is set, an event can go, come or change ahead of it, and nothing moves behind it."""
        events, clock, options, (position,) = customer
        clock = schedule.set_clock(events, clock, position, day=day, **options)
        passed = data.draw(programs(endless=False))
        changed = [event for event in passed if event.number < position[0] and event.action != 'end']
        changed += [event for event in events if event.number >= position[0]]
        expected = [] if any(event.action == 'end' for event in events if event.number < position[0]) else None
        walked = self.walk(events, clock, options)
        if expected is None:
            self.assertEqual(self.walk(changed, clock, options), walked)

    def test_repeats_lowered_below_those_sent(self):
        """What is sent is sent: the next event counts from the last one, wherever the event would end now."""
        clock = schedule.set_clock([Event(1, repeats=5), Event(2)], Clock(day('2027-01-31')), (1, 4))
        self.assertDates(self.walk([Event(1, repeats=2), Event(2)], clock, {}), '2027-05-31')
        self.assertDates(self.walk([Event(2, WEEK)], clock, {}), '2027-05-07')

    @thorough
    @given(near_days, st.integers(-40, 40), near_days, st.booleans())
    def test_measuring_is_placing_the_other_way_round(self, anchor, months, day, end_of_month):
        measured = schedule.measure(anchor, day, end_of_month)
        self.assertEqual(schedule.shift(anchor, *measured, end_of_month), day)
        self.assertIn(measured[1], range(31))
        placed = schedule.shift(anchor, months, 0, end_of_month)
        self.assertEqual(schedule.measure(anchor, placed, end_of_month), (months, 0))
