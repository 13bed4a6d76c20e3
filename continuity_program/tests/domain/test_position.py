from datetime import date
from unittest import TestCase

from common_standing import JANUARY, line, stand
from domain.schedule import Clock, Event


class TestOwnEvents(TestCase):
    def get_numbers(self, *args, **values):
        return [event.number for event in stand(*args, **values).own_events]

    def test_from_the_start_event_on(self):
        self.assertEqual(self.get_numbers(start_event=3), [3, 4])

    def test_from_the_first_line_on_whatever_its_number_was(self):
        self.assertEqual(self.get_numbers([line(2), line(3)], start_event=4), [2, 3, 4])

    def test_all_of_a_calendar(self):
        self.assertEqual(self.get_numbers([line(3)], start_event=3, is_calendar=True), [1, 2, 3, 4])

    def test_what_was_added_by_hand_tells_nothing(self):
        self.assertEqual(self.get_numbers([line(1, event=0), line(3)]), [3, 4])

    def test_what_left_the_program_tells_nothing_unless_it_is_planned_still(self):
        gone = line(1, state='delivered', in_program=False)
        self.assertEqual(self.get_numbers([gone, line(3)]), [3, 4])
        self.assertEqual(self.get_numbers([line(2, in_program=False), line(3)]), [2, 3, 4])

    def test_where_all_has_left_the_program_it_tells_all_the_same(self):
        self.assertEqual(self.get_numbers([line(2, state='delivered', in_program=False)]), [2, 3, 4])


class TestBought(TestCase):
    def test_what_counts_as_bought(self):
        lines = [
            line(1, state='delivered'),
            line(2, state='ordered'),
            line(3, state='skipped'),
            line(4, state='cancelled', cause='hand'),
            line(5, state='cancelled', cause='program'),
            line(6),
            line(7, state='delivered', event=0, in_program=False),
        ]
        standing = stand(lines, events=8)
        self.assertEqual(standing.bought, {(1, 1), (2, 1), (4, 1)})
        self.assertEqual(standing.planned, {(6, 1)})
        self.assertEqual(standing.count_bought(), 4)
        self.assertEqual(standing.count_bought({(6, 1), (7, 1), (1, 1)}), 5)

    def test_what_left_the_program_after_it_was_sent_counts(self):
        gone = line(1, state='delivered', in_program=False, number=1)
        self.assertEqual(stand([gone, line(2, number=2)]).gone_count, 1)
        self.assertEqual(stand([gone, line(2, number=2)]).count_bought(), 2)

    def test_two_lines_of_one_occurrence_that_left_count_once(self):
        gone = [line(1, state='delivered', in_program=False, number=1)._replace(id=number) for number in (1, 2)]
        self.assertEqual(stand(gone).gone_count, 1)

    def test_an_occurrence_of_which_a_part_is_left_counts_with_that(self):
        gone = line(1, state='delivered', in_program=False, number=1)
        self.assertEqual(stand([gone, line(1, state='delivered', number=1)]).gone_count, 0)

    def test_closed_is_what_nothing_is_open_of(self):
        lines = [
            line(1, state='delivered'),
            line(2, state='skipped'),
            line(3, state='ordered'),
            line(3)._replace(id=99),
            line(4, state='cancelled', cause='program'),
            line(5, state='cancelled', cause='hand'),
        ]
        self.assertEqual(stand(lines).closed, {(1, 1), (2, 1), (5, 1)})


class TestLeft(TestCase):
    CLOCK = Clock(JANUARY)

    def test_whole_program(self):
        standing = stand([line(1, state='delivered'), line(2)])
        self.assertEqual(standing.count_left_and_missing(standing.planned, self.CLOCK), (2, 0))

    def test_no_more_than_was_bought(self):
        standing = stand([line(1, state='delivered'), line(2)], event_count=3)
        self.assertEqual(standing.count_left_and_missing(standing.planned, self.CLOCK), (1, 0))

    def test_more_bought_than_the_program_has(self):
        standing = stand([line(1, state='delivered'), line(2)], event_count=6)
        self.assertEqual(standing.count_left_and_missing(standing.planned, self.CLOCK), (2, 2))

    def test_all_that_is_bought_is_missing_where_the_program_is_over(self):
        standing = stand([line(1, state='delivered'), line(2)], events=2, event_count=5)
        self.assertEqual(standing.count_left_and_missing(standing.planned, self.CLOCK), (0, 3))

    def test_who_has_more_than_was_bought_gets_no_more(self):
        standing = stand([line(1, state='delivered'), line(2)], event_count=1)
        self.assertEqual(standing.count_left_and_missing(standing.planned, self.CLOCK), (0, 0))

    def test_counted_by_what_is_to_be_planned_not_by_what_is(self):
        standing = stand([line(1, state='delivered'), line(2)], events=6, event_count=5)
        self.assertEqual(standing.count_left_and_missing({(2, 1), (3, 1)}, self.CLOCK), (2, 0))
        self.assertEqual(standing.count_left_and_missing({(2, 1), (5, 1)}, self.CLOCK), (1, 1))
        self.assertEqual(standing.count_left_and_missing(set(), self.CLOCK), (4, 0))

    def test_a_skipped_one_is_bought_again(self):
        standing = stand([line(1, state='skipped'), line(2)], event_count=2)
        self.assertEqual(standing.count_left_and_missing(standing.planned, self.CLOCK), (1, 0))

    def test_until_canceled(self):
        events = [Event(1, repeats=None)]
        self.assertEqual(stand([line(1)], events).count_left_and_missing({(1, 1)}, self.CLOCK), (-1, 0))
        self.assertEqual(stand([line(1)], events, event_count=5).count_left_and_missing({(1, 1)}, self.CLOCK), (4, 0))
        self.assertEqual(stand([], events).count_left_and_missing(set(), self.CLOCK), (-1, 0))

    def test_what_is_over_further_on_is_not_left(self):
        standing = stand([line(1), line(3, state='skipped')])
        self.assertEqual(standing.count_left_in_program((1, 1)), 2)

    def test_what_is_over_and_was_repeated_more_often_once_does_not_count(self):
        events = [Event(1), Event(2, repeats=2)]
        standing = stand([line(1), line(2, 3, state='skipped')], events)
        self.assertEqual(standing.count_left_in_program((1, 1)), 2)

    def test_what_the_program_passes_over_now_is_neither_left_nor_over(self):
        events = [Event(1), Event(2, action='skip'), Event(3)]
        standing = stand([line(1), line(2, state='skipped')], events)
        self.assertEqual(standing.count_left_in_program((1, 1)), 1)

    def test_what_is_over_at_the_position_itself_is_not_left_anyway(self):
        self.assertEqual(stand([line(1, state='skipped')]).count_left_in_program((1, 1)), 3)


class TestSent(TestCase):
    def test_as_often_as_the_program_repeats_it(self):
        standing = stand(events=[Event(1, repeats=2), Event(2, action='skip'), Event(3, repeats=None), Event(4)])
        for position, is_sent in {(1, 2): True, (1, 3): False, (2, 1): False, (3, 99): True, (5, 1): False}.items():
            with self.subTest(position=position):
                self.assertIs(standing.is_sent(position), is_sent)

    def test_nothing_before_the_start_event(self):
        self.assertFalse(stand(start_event=2).is_sent((1, 1)))


class TestOwnPosition(TestCase):
    def test_the_last_one_ordered(self):
        lines = [line(1, state='delivered'), line(2, state='ordered'), line(3)]
        self.assertEqual(stand(lines).get_own_position(Clock(JANUARY)), (2, 1))
        self.assertEqual(stand(lines).get_last_position(Clock(JANUARY)), (3, 1))

    def test_before_the_first_of_the_plan(self):
        self.assertEqual(stand([line(2), line(3)]).get_own_position(Clock(JANUARY)), (2, 0))
        self.assertEqual(stand().get_own_position(Clock(JANUARY)), (0, 0))

    def test_not_before_the_clock(self):
        clock = Clock(JANUARY, since=(3, 2))
        self.assertEqual(stand([line(2), line(3)]).get_own_position(clock), (3, 2))
        self.assertEqual(stand([line(2, state='ordered')]).get_own_position(clock), (3, 2))

    def test_what_has_left_the_program_stands_before_what_is_planned_after_it(self):
        gone = line(1, state='delivered', in_program=False, scheduled=date(2027, 1, 15))
        ahead, behind = line(2, scheduled=date(2027, 1, 15)), line(3, scheduled=date(2027, 1, 16))
        self.assertEqual(stand([gone, ahead, behind]).get_own_position(Clock(JANUARY)), (3, 0))

    def test_what_has_left_the_program_stands_at_the_last_one_ordered(self):
        gone = line(1, state='delivered', in_program=False, scheduled=date(2027, 1, 15))
        ordered = line(2, state='delivered', scheduled=date(2027, 1, 14))
        self.assertEqual(stand([gone, ordered]).get_own_position(Clock(JANUARY)), (2, 1))
        self.assertEqual(stand([gone]).get_own_position(Clock(JANUARY)), (0, 1))

    def test_what_is_dated_later_than_one_that_left_is_the_last(self):
        gone = line(1, state='delivered', in_program=False, scheduled=date(2027, 1, 15))
        for scheduled, last in ((date(2027, 1, 15), 2), (date(2027, 1, 14), 1)):
            ordered = line(2, state='delivered', scheduled=scheduled)
            self.assertEqual(stand([gone, ordered]).last_ordered.position[0], last)

    def test_the_last_one_is_told_by_the_program_not_by_when_it_was_planned(self):
        first, second = (line(place, state='delivered', id=9 - place) for place in (1, 2))
        self.assertEqual(stand([first, second]).last_ordered, second)
        first, second = first._replace(in_program=False), second._replace(in_program=False)
        self.assertEqual(stand([first, second]).last_ordered, second)

    def test_of_two_lines_alike_the_later_one_is_the_last(self):
        first, second = (line(1, state='delivered', id=number, number=3 - number) for number in (1, 2))
        self.assertEqual(stand([second, first]).last_ordered, second)

    def test_where_nothing_is_planned_the_last_is_the_own(self):
        standing = stand([line(1, state='ordered'), line(3)])
        self.assertEqual(standing.get_last_position(Clock(JANUARY), set()), (1, 1))
        self.assertEqual(standing.get_last_position(Clock(JANUARY), {(2, 1)}), (2, 1))
        self.assertEqual(standing.get_last_position(Clock(JANUARY)), (3, 1))

    def test_a_clock_set_since_stands_at_the_end_of_the_month_where_the_program_keeps_it(self):
        gone = line(1, state='delivered', in_program=False, scheduled=date(2027, 3, 30))
        later = line(3, scheduled=date(2027, 4, 20))
        clock = Clock(date(2027, 2, 28), months=1, since=(2, 4))
        for end_of_month, position in ((True, (2, 4)), (False, (3, 0))):
            standing = stand([gone, later], end_of_month=end_of_month)
            self.assertEqual(standing.get_last_ordered_position(gone, clock), position)

    def test_a_clock_set_since_tells_where_it_stands(self):
        gone = line(1, state='delivered', in_program=False, scheduled=date(2027, 1, 15))
        later = line(3, scheduled=date(2027, 1, 20))
        for anchor, position in ((date(2027, 1, 15), (2, 4)), (date(2027, 1, 14), (3, 0))):
            clock = Clock(anchor, since=(2, 4))
            standing = stand([gone, later])
            self.assertEqual(standing.get_last_ordered_position(gone, clock), position)


class TestOccurrences(TestCase):
    def test_what_is_over_is_left_out(self):
        standing = stand([line(1, state='delivered'), line(3, state='skipped')])
        occurrences = standing.iter_open_occurrences(Clock(JANUARY), (1, 1))
        self.assertEqual([occurrence.event for occurrence in occurrences], [2, 4])

    def test_the_end_of_the_month_is_kept_where_the_program_says_so(self):
        for end_of_month, second in ((True, date(2027, 3, 31)), (False, date(2027, 3, 28))):
            standing = stand(events=2, end_of_month=end_of_month)
            dates = [occurrence.date for occurrence in standing.iter_occurrences(Clock(date(2027, 2, 28)), (0, 0))]
            self.assertEqual(dates, [date(2027, 2, 28), second])

    def test_nothing_on_a_calendar_before_the_customer_joined(self):
        events = [Event(number, start_date=date(2027, number, 1)) for number in (1, 2, 3)]
        standing = stand(events=events, is_calendar=True, joined=date(2027, 2, 10))
        dates = [occurrence.date for occurrence in standing.iter_occurrences(Clock(), (0, 0))]
        self.assertEqual(dates, [date(2027, 2, 10), date(2027, 2, 10), date(2027, 3, 1)])
