from datetime import date
from unittest import TestCase

from common_standing import JANUARY, line, stand
from domain import schedule, sync
from domain.schedule import Clock, Event, Occurrence
from domain.sync import Terms
from hypothesis import given
from hypothesis import strategies as st

CLOCK = Clock(JANUARY)


def monthly(*positions):
    """Return the lines of positions, each number on the first of its month."""
    return [line(*position, scheduled=date(2027, position[0], 1)) for position in positions]


class TestClock(TestCase):
    def test_counts_on_from_the_last_shipment_ordered(self):
        events = [Event(1), Event(2, interval=(2, 0)), Event(3)]
        standing = stand([line(1, state='ordered', scheduled=date(2027, 1, 10)), line(2)], events)
        clock = sync.get_clock(standing, CLOCK)
        self.assertEqual(clock, Clock(date(2027, 1, 10), since=(1, 1)))

    def test_one_set_after_it_stays(self):
        clock = Clock(date(2027, 3, 5), since=(2, 0))
        standing = stand([line(1, state='ordered'), line(2)])
        self.assertEqual(sync.get_clock(standing, clock), clock)
        at_it = Clock(date(2027, 3, 5), since=(1, 1))
        self.assertEqual(sync.get_clock(standing, at_it), at_it)

    def test_what_was_ordered_last_and_left_the_program_stands_before_what_comes(self):
        gone = line(1, state='delivered', in_program=False, scheduled=date(2027, 1, 15))
        clock = sync.get_clock(stand([gone, line(3, scheduled=date(2027, 1, 20))]), CLOCK)
        self.assertEqual(clock, Clock(date(2027, 1, 15), since=(3, 0)))

    def test_the_end_of_the_month_is_kept_where_the_program_says_so(self):
        events, end_of_february = [Event(1, repeats=4)], Clock(date(2027, 2, 28))
        lines = [line(1, 2, state='ordered', scheduled=date(2027, 3, 31)), line(1, 3)]
        for is_kept, clock in (
            (True, Clock(date(2027, 2, 28), months=1, since=(1, 2))),
            (False, Clock(date(2027, 3, 31), since=(1, 2))),
        ):
            self.assertEqual(sync.get_clock(stand(lines, events, end_of_month=is_kept), end_of_february), clock)

    def test_nothing_ordered_yet(self):
        self.assertEqual(sync.get_clock(stand([line(1)]), CLOCK), CLOCK)

    def test_a_calendar_has_its_own(self):
        standing = stand([line(1, state='ordered')], is_calendar=True)
        self.assertEqual(sync.get_clock(standing, Clock()), Clock())


class TestTarget(TestCase):
    def get_positions(self, standing, **terms):
        return [occurrence.position for occurrence in sync.get_target(standing, CLOCK, Terms(**terms))]

    def test_what_is_new_is_added_behind_the_customer(self):
        standing = stand([line(1, state='ordered'), *monthly((3, 1))])
        self.assertEqual(self.get_positions(standing), [(2, 1), (3, 1), (4, 1)])

    def test_no_more_than_was_bought(self):
        standing = stand([line(1, state='ordered'), *monthly((3, 1))], event_count=3)
        self.assertEqual(self.get_positions(standing), [(2, 1), (3, 1)])

    def test_what_was_bought_and_has_left_the_program_counts(self):
        gone = line(1, state='delivered', in_program=False, scheduled=date(2027, 1, 1))
        standing = stand([gone, *monthly((2, 1))], event_count=2)
        self.assertEqual(self.get_positions(standing), [(2, 1)])

    def test_what_is_late_keeps_its_day(self):
        late = line(1, scheduled=date(2026, 12, 24))
        standing = stand([late, line(2, state='ordered', scheduled=date(2027, 1, 1)), *monthly((3, 1))], event_count=3)
        target = sync.get_target(standing, CLOCK, Terms())
        self.assertEqual(target[0], Occurrence(1, 1, date(2026, 12, 24)))
        self.assertEqual([occurrence.position for occurrence in target], [(1, 1), (3, 1)])

    def test_a_part_still_planned_of_what_was_ordered_keeps_its_day(self):
        part = line(2, id=99, scheduled=date(2027, 2, 14))
        standing = stand([line(1, state='ordered'), line(2, state='ordered', scheduled=date(2027, 2, 1)), part])
        target = sync.get_target(standing, CLOCK, Terms())
        self.assertEqual(target[0], Occurrence(2, 1, date(2027, 2, 14)))
        self.assertEqual([occurrence.position for occurrence in target], [(2, 1), (3, 1), (4, 1)])

    def test_what_is_late_is_sent_as_often_as_the_program_does(self):
        lines = [line(1, 1), line(1, 2), line(2, state='ordered', scheduled=JANUARY)]
        for repeats, positions in ((1, [(1, 1)]), (2, [(1, 1), (1, 2)])):
            standing = stand(lines, [Event(1, repeats=repeats), Event(2)])
            self.assertEqual(self.get_positions(standing), positions)

    def test_what_is_late_and_not_sent_any_more_is_not_sent(self):
        events = [Event(1, action='skip'), Event(2), Event(3)]
        standing = stand([line(1), line(2, state='ordered', scheduled=date(2027, 1, 1))], events)
        self.assertEqual(self.get_positions(standing), [(3, 1)])

    def test_what_was_skipped_does_not_come_again(self):
        standing = stand([line(1, state='ordered'), line(2, state='skipped'), *monthly((3, 1))])
        self.assertEqual(self.get_positions(standing), [(3, 1), (4, 1)])

    def test_of_what_is_new_as_much_as_is_planned_at_once(self):
        events = [Event(1, repeats=10)]
        standing = stand([line(1, occurrence) for occurrence in (1, 2, 3)], events)
        self.assertEqual(len(self.get_positions(standing, threshold=2)), 3)
        self.assertEqual(len(self.get_positions(standing, threshold=5)), 5)
        self.assertEqual(len(self.get_positions(standing)), 10)

    def test_where_nothing_is_planned_all_is_new(self):
        events = [Event(1), Event(2, repeats=5)]
        standing = stand([line(1, state='ordered')], events)
        self.assertEqual(self.get_positions(standing), [(2, 1), (2, 2), (2, 3), (2, 4), (2, 5)])
        self.assertEqual(self.get_positions(standing, threshold=2), [(2, 1), (2, 2)])

    def test_a_thousand_lines_are_planned_and_one_more_is_refused(self):
        for terms in (Terms(), Terms(is_prepaid=True)):
            for repeats in (1001, None):
                standing = stand([line(1)], [Event(1, schedule.UNITS['day'], repeats=repeats)])
                with (
                    self.subTest(terms=terms, repeats=repeats),
                    self.assertRaises(schedule.TooManyLinesError) as caught,
                ):
                    sync.get_target(standing, CLOCK, terms)
                self.assertEqual(str(caught.exception), "more than 1000 lines")
            standing = stand([line(1)], [Event(1, schedule.UNITS['day'], repeats=1000)])
            self.assertEqual(len(sync.get_target(standing, CLOCK, terms)), 1000)

    def test_paid_in_advance_is_what_is_paid_for(self):
        standing = stand([line(1, state='ordered'), *monthly((3, 1))], event_count=2)
        self.assertEqual(self.get_positions(standing, is_prepaid=True), [(3, 1)])

    def test_paid_in_advance_what_is_not_in_the_plan_takes_no_time(self):
        standing = stand([line(1, state='ordered', scheduled=JANUARY), *monthly((3, 1))], event_count=2)
        target = sync.get_target(standing, CLOCK, Terms(is_prepaid=True))
        self.assertEqual(target, [Occurrence(3, 1, date(2027, 2, 1))])

    def test_paid_in_advance_what_is_passed_over_now_takes_the_time_it_took(self):
        lines = [line(1, state='ordered', scheduled=JANUARY), *monthly((2, 1), (3, 1))]
        standing = stand(lines, [Event(1), Event(2, action='skip'), Event(3)], event_count=3)
        target = sync.get_target(standing, CLOCK, Terms(is_prepaid=True))
        self.assertEqual(target, [Occurrence(3, 1, date(2027, 3, 1))])

    def test_paid_in_advance_what_is_repeated_more_often_now_takes_no_more_time(self):
        lines = [line(1, state='ordered', scheduled=JANUARY), *monthly((2, 1), (2, 2), (3, 1))]
        standing = stand(lines, [Event(1), Event(2, repeats=5), Event(3)], event_count=4)
        target = sync.get_target(standing, CLOCK, Terms(is_prepaid=True))
        dates = {(2, 1): date(2027, 2, 1), (2, 2): date(2027, 3, 1), (3, 1): date(2027, 4, 1)}
        self.assertEqual({occurrence.position: occurrence.date for occurrence in target}, dates)

    def test_paid_in_advance_intervals_and_fixed_days_are_those_of_the_program(self):
        lines = [line(1, state='ordered', scheduled=JANUARY), *monthly((2, 1), (3, 1), (4, 1))]
        events = [Event(1), Event(2, (0, 7)), Event(3, start_date=date(2027, 5, 9)), Event(4)]
        target = sync.get_target(stand(lines, events, event_count=4), CLOCK, Terms(is_prepaid=True))
        self.assertEqual([str(occurrence.date) for occurrence in target], ['2027-01-08', '2027-05-09', '2027-06-09'])

    def test_paid_in_advance_a_whole_program_takes_what_is_new(self):
        standing = stand([line(1, state='ordered', scheduled=JANUARY), *monthly((3, 1))])
        target = sync.get_target(standing, CLOCK, Terms(is_prepaid=True))
        dates = {(2, 1): date(2027, 2, 1), (3, 1): date(2027, 2, 1), (4, 1): date(2027, 4, 1)}
        self.assertEqual({occurrence.position: occurrence.date for occurrence in target}, dates)


class TestNumbers(TestCase):
    def number(self, lines, positions, events=6, **terms):
        standing = stand(lines, events)
        target = [Occurrence(*position, JANUARY) for position in positions]
        return standing, target, sync.number_shipments(standing, target, Terms(**terms))

    def test_what_is_planned_keeps_its_number(self):
        lines = [line(1, number=1), line(2, number=2)]
        _standing, _target, numbering = self.number(lines, [(1, 1), (2, 1), (3, 1)])
        self.assertEqual(numbering.numbers, {(1, 1): 1, (2, 1): 2, (3, 1): 3})
        self.assertEqual(numbering.moved, {1: 1, 2: 2})

    def test_numbers_begin_at_1(self):
        _standing, _target, numbering = self.number([], [(1, 1), (2, 1)])
        self.assertEqual(numbering.numbers, {(1, 1): 1, (2, 1): 2})

    def test_a_gap_between_numbers_stays(self):
        _standing, _target, numbering = self.number([line(1, number=1), line(2, number=5)], [(1, 1), (2, 1), (3, 1)])
        self.assertEqual(numbering.numbers, {(1, 1): 1, (2, 1): 5, (3, 1): 6})

    def test_what_was_put_into_a_later_shipment_holds_up_nothing_in_between(self):
        lines = [line(1, number=1), line(2, number=3, is_elsewhere=True), line(3, number=2), line(4, number=3)]
        _standing, _target, numbering = self.number(lines, [(1, 1), (2, 1), (3, 1), (4, 1)])
        self.assertEqual(numbering.numbers, {(1, 1): 1, (2, 1): 3, (3, 1): 2, (4, 1): 3})

    def test_what_was_put_into_a_shipment_of_others_stays_there(self):
        lines = [line(1, number=1), line(2, number=7, is_elsewhere=True), line(5, event=0, in_program=False, number=7)]
        _standing, _target, numbering = self.number(lines, [(1, 1), (2, 1)])
        self.assertEqual(numbering.numbers, {(1, 1): 1, (2, 1): 7})

    def test_what_comes_in_between_moves_what_follows(self):
        lines = [line(1, number=1), line(3, number=2)]
        _standing, _target, numbering = self.number(lines, [(1, 1), (2, 1), (3, 1)])
        self.assertEqual(numbering.numbers, {(1, 1): 1, (2, 1): 2, (3, 1): 3})
        self.assertEqual(numbering.moved, {1: 1, 2: 3})

    def test_nothing_new_comes_before_what_was_ordered(self):
        lines = [line(1, number=5, state='ordered')]
        _standing, _target, numbering = self.number(lines, [(2, 1)])
        self.assertEqual(numbering.numbers, {(2, 1): 6})

    def test_two_events_that_leave_together_go_on_together(self):
        lines = [line(1, number=1), line(2, number=1), line(4, number=2)]
        _standing, _target, numbering = self.number(lines, [(1, 1), (2, 1), (3, 1), (4, 1)])
        self.assertEqual(numbering.numbers, {(1, 1): 1, (2, 1): 1, (3, 1): 2, (4, 1): 3})

    def test_numbers_of_others_are_taken(self):
        lines = [line(1, number=1), line(5, event=0, in_program=False, number=2)]
        _standing, _target, numbering = self.number(lines, [(1, 1), (2, 1)])
        self.assertEqual(numbering.numbers, {(1, 1): 1, (2, 1): 3})

    def test_the_number_of_a_box_sent_again_is_taken(self):
        standing = stand([line(1, number=1)], resent=(line(1, number=2, state='ordered'),))
        target = [Occurrence(1, 1, JANUARY), Occurrence(2, 1, JANUARY)]
        self.assertEqual(sync.number_shipments(standing, target, Terms()).numbers, {(1, 1): 1, (2, 1): 3})

    def test_what_was_put_elsewhere_leaves_with_that(self):
        lines = [line(1, number=1), line(3, number=2), line(4, number=2, is_elsewhere=True)]
        _standing, _target, numbering = self.number(lines, [(1, 1), (2, 1), (3, 1), (4, 1)])
        self.assertEqual(numbering.numbers[4, 1], numbering.numbers[3, 1])
        self.assertEqual(numbering.moved[2], numbering.numbers[3, 1])

    def test_nothing_after_the_agreed_last_shipment(self):
        lines = [line(1, number=1), line(2, number=2)]
        _standing, target, numbering = self.number(lines, [(1, 1), (2, 1), (3, 1)], last_number=2)
        self.assertEqual(numbering.numbers, {(1, 1): 1, (2, 1): 2})
        self.assertEqual([shipment.number for shipment in numbering.get_shipments(target)], [1, 2])

    def test_paid_in_advance_nothing_moves(self):
        lines = [line(1, number=1), line(3, number=2)]
        _standing, _target, numbering = self.number(lines, [(1, 1), (3, 1)], is_prepaid=True)
        self.assertEqual(numbering.moved, {})

    @given(st.sets(st.integers(1, 9)), st.sets(st.integers(1, 9), min_size=1))
    def test_numbers_rise_with_the_positions_and_each_is_given_once(self, planned, wanted):
        lines = [line(number, number=place) for place, number in enumerate(sorted(planned), 1)]
        _standing, _target, numbering = self.number(lines, [(number, 1) for number in sorted(wanted)], events=9)
        numbers = [numbering.numbers[position] for position in sorted(numbering.numbers)]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(numbering.numbers.keys(), {(number, 1) for number in wanted})
