from datetime import date, timedelta
from unittest import TestCase

import slow_schedule
from domain import schedule
from domain.schedule import Clock, Event
from hypothesis import strategies as st

DAY, WEEK, MONTH, YEAR = (0, 1), (0, 7), (1, 0), (12, 0)


FOREVER = None


def day(text):
    return date.fromisoformat(text)


def days(text):
    return [day(part) for part in text.split()]


class ScheduleCase(TestCase):
    def assertDates(self, occurrences, expected):
        self.assertEqual([str(occurrence.date) for occurrence in occurrences], expected.split())

    def assertPlan(self, shipments, expected):
        """:param expected: one ``number: event/occurrence date`` per line"""
        found = [f"{number}: {event}/{occurrence} {date}" for number, event, occurrence, date in shipments]
        self.assertEqual(found, [line.strip() for line in expected.strip().splitlines() if line.strip()])


near_days = st.one_of(
    st.dates(day('2027-01-01'), day('2028-12-31')),
    st.sampled_from(days('2027-01-31 2027-02-28 2027-04-30 2028-02-28 2028-02-29 2028-12-31')),
)


months_or_days = st.one_of(
    st.tuples(st.integers(1, 25), st.just(0)), st.tuples(st.just(0), st.integers(1, 60)), st.sampled_from([WEEK, MONTH])
)


@st.composite
def programs(draw, calendar=None, endless=None):
    """Events as a program may have them: an interval of 0 only without repeats, only the last sent one endless."""
    numbers = sorted(draw(st.sets(st.integers(1, 8), max_size=6)))
    events = []
    for number in numbers:
        repeats = draw(st.sampled_from([1, 1, 2, 3, 7]))
        events.append(
            Event(
                number,
                interval=draw(months_or_days if repeats > 1 else st.one_of(months_or_days, st.just((0, 0)))),
                start_date=draw(st.one_of(st.none(), st.none(), near_days)),
                repeats=repeats,
                action=draw(st.sampled_from(['normal', 'normal', 'normal', 'normal', 'skip', 'end'])),
                line_count=draw(st.integers(1, 3)),
            )
        )
    sent = slow_schedule.sent(events)
    changes = {}
    if sent and calendar is not None:
        changes[sent[0].number] = {'start_date': draw(near_days) if calendar else None}
    if sent and (draw(st.booleans()) if endless is None else endless):
        last = {'repeats': FOREVER, 'interval': draw(months_or_days)}
        changes[sent[-1].number] = {**changes.get(sent[-1].number, {}), **last}
    return draw(st.permutations([event._replace(**changes.get(event.number, {})) for event in events]))


@st.composite
def orders(draw, **program_options):
    """Events and everything else that ``plan`` is told, as a salesperson may combine them."""
    events = draw(programs(**program_options))
    joining_day = draw(near_days)
    days_later = draw(st.integers(0, 60))
    return events, {
        'joining_day': joining_day,
        'anchor': None if slow_schedule.is_calendar(events) else joining_day + timedelta(days=days_later),
        'order_start': draw(st.sampled_from(['first', 'current'])),
        'start_event': draw(st.sampled_from([0, 0, *(event.number for event in slow_schedule.sent(events))])),
        'missed_event_policy': draw(st.sampled_from(['each', 'consolidate', 'skip'])),
        'event_count': draw(st.sampled_from([0, 0, 1, 3, 6, 12, 700])),
        'threshold': draw(st.sampled_from([0, 1, 2, 3, 12])),
        'end_of_month': draw(st.booleans()),
    }


def plan_or_none(events, options):
    try:
        return schedule.plan(events, **options)
    except schedule.TooManyLinesError:
        return None


def positions_in(events):
    """Where a customer may be: ahead of everything, at an occurrence, one step ahead of an event, or at an event that
    is passed over. Behind an endless event is nobody."""
    sent = {event.number: event.repeats or 12 for event in slow_schedule.sent(events)}
    last = next((event.number for event in events if event.repeats is None), 9)
    numbers = range(min(sent, default=9), last + 1)
    return st.sampled_from(
        [(0, 0), *((number, occurrence) for number in numbers for occurrence in range(sent.get(number, 2) + 1))]
    )


@st.composite
def customers(draw, count=1, **program_options):
    """Events, the first day, an option, and ``count`` positions one behind the other."""
    events = draw(programs(**program_options))
    positions = sorted(draw(positions_in(events)) for _index in range(count))
    return events, Clock(draw(near_days)), {'end_of_month': draw(st.booleans())}, positions
