"""When a continuity program sends what.

Every date the addon shows or acts on is computed here: plain values in, plain values out, no ORM and no clock.
The rules are those of ``docs/behaviour.md#dates``; all dates are days of the company that sells the program.
"""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import count, takewhile
from typing import NamedTuple

#: Where an occurrence stands in a program: (event ID, occurrence), both from 1.
Position = tuple[int, int]

#: More lines than this are never planned at once: it is a mistake in the program, not a plan.
MAX_LINES = 1000

#: What one interval of each unit adds, as (months, days).
UNITS = {'day': (0, 1), 'week': (0, 7), 'month': (1, 0), 'year': (12, 0)}


class ScheduleError(ValueError):
    """The events cannot be put on a calendar; the text says why."""


class TooManyLinesError(ScheduleError):
    """More than ``MAX_LINES`` lines would be planned at once."""


class UnreachableDateError(ScheduleError):
    """A date lies beyond the end of the calendar."""


class Event(NamedTuple):
    """All program lines that share one event ID."""

    number: int
    #: Time since the previous occurrence, as (months, days).
    interval: tuple[int, int] = (1, 0)
    #: A fixed day for the first occurrence, a new anchor for what follows.
    start_date: date | None = None
    #: Times shipped in all; ``None`` until cancelled.
    repeats: int | None = 1
    action: str = 'normal'
    #: How many planned lines one occurrence makes.
    line_count: int = 1


class Occurrence(NamedTuple):
    event: int
    occurrence: int
    date: date

    @property
    def position(self) -> Position:
        """Where it stands in the program."""
        return self.event, self.occurrence


class Shipment(NamedTuple):
    """One occurrence of an event in a customer's plan; occurrences of one number leave together."""

    number: int
    event: int
    occurrence: int
    date: date

    @property
    def position(self) -> Position:
        """Where it stands in the program."""
        return self.event, self.occurrence


# === PLACING A DATE === #


def shift(anchor: date, months: int, days: int, end_of_month: bool = False) -> date:
    """Return ``anchor`` moved by whole months (kept inside the month), then by days.

    :param end_of_month: an anchor on the last day of its month stays on the last day of every month.
    :raise UnreachableDateError: beyond year 9999.
    """
    years, month = divmod(anchor.month - 1 + months, 12)
    year, month = anchor.year + years, month + 1
    try:
        last_day = monthrange(year, month)[1]
        stays_last = end_of_month and anchor.day == monthrange(anchor.year, anchor.month)[1]
        day = last_day if stays_last else min(anchor.day, last_day)
        return date(year, month, day) + timedelta(days=days)
    except (ValueError, OverflowError, IndexError) as error:
        raise UnreachableDateError(f"{anchor} + {months} months + {days} days") from error


def get_relative_anchor(base: date, days_after_order: int, today: date) -> date:
    """Return the day a relative program's first shipment falls on: never before today."""
    return max(shift(base, 0, days_after_order), today)


# === THE PROGRAM'S OWN ORDER === #


def get_sent_events(events: Iterable[Event]) -> list[Event]:
    """Return the events in their order without those passed over, up to and with the first *End*."""
    sent = []
    for event in sorted(events, key=lambda event: event.number):
        if event.action != 'skip':
            sent.append(event)
        if event.action == 'end':
            break
    return sent


def is_calendar(events: Iterable[Event]) -> bool:
    """Whether the first event sent has a fixed date, and so every later one has a date too."""
    return any(event.start_date for event in get_sent_events(events)[:1])


class Clock(NamedTuple):
    """What the dates of a plan are counted from: at a position, the clock stands so much after a day."""

    #: The day all is counted from; ``None`` for events that begin with a fixed date.
    anchor: date | None = None
    months: int = 0
    days: int = 0
    #: The position it stands at: (event ID, occurrence). (0, 0): the anchor is the first occurrence.
    since: tuple[int, int] = (0, 0)

    def get_day(self, end_of_month: bool = False) -> date:
        """Return the day it stands at.

        :raise ScheduleError: without an anchor.
        """
        if not self.anchor:
            raise ScheduleError("a clock without an anchor stands at no day")
        return shift(self.anchor, self.months, self.days, end_of_month)

    def step(self, interval: tuple[int, int], times: int = 1) -> "Clock":
        """Return the clock moved on by so many intervals of (months, days)."""
        return self._replace(months=self.months + times * interval[0], days=self.days + times * interval[1])


def timeline(
    events: Iterable[Event],
    anchor: date | Clock | None = None,
    *,
    end_of_month: bool = False,
    after: tuple[int, int] = (0, 0),
) -> Iterator[Occurrence]:
    """Yield every occurrence of the sent ``events`` with its date, in order; endless when one repeats until cancelled.

    Each date is the anchor plus the sum of all intervals up to it, computed at once, so that nothing drifts. A fixed
    start date is the next anchor, unless the shipment ahead of it is later: the order of events is always kept.

    :param anchor: the day of the first occurrence, for events that do not begin with a fixed date; or the clock of a
        customer, of which nothing ahead of its position is given.
    :param after: a position ``(event ID, occurrence)``; only occurrences after it are given.
    """
    clock = anchor if isinstance(anchor, Clock) else Clock(anchor)
    after = max(after, clock.since)
    for event, first, _done in _get_legs(events, clock, end_of_month):
        if event.number < after[0]:
            continue
        begin = after[1] + 1 if event.number == after[0] else 1
        for number in count(begin) if event.repeats is None else range(begin, event.repeats + 1):
            yield Occurrence(event.number, number, _repeat(first, event, number).get_day(end_of_month))


def set_clock(
    events: Iterable[Event],
    clock: Clock,
    position: tuple[int, int],
    *,
    end_of_month: bool = False,
    day: date | None = None,
) -> Clock:
    """Return the clock as it stands at a position: what follows has the same dates as before.

    :param day: the day it shall stand at instead; what follows is counted from there. Whole months from the anchor, it
        keeps to the anchor's end of the month; any other day is a new anchor.
    """
    standing = clock
    for event, first, done in _get_legs(events, clock, end_of_month):
        if event.number > position[0] or (event.start_date and (event.number, 0) == position):
            break
        standing = _repeat(first, event, position[1] if event.number == position[0] else max(event.repeats or 1, done))
    if day and standing.anchor and day != standing.get_day(end_of_month):
        months, days = measure(standing.anchor, day, end_of_month)
        standing = Clock(day) if days else Clock(standing.anchor, months)
    return standing._replace(since=position)


def measure(anchor: date, day: date, end_of_month: bool = False) -> tuple[int, int]:
    """Return by how many whole months, and then days, a day lies after an anchor (before it: months below 0)."""
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    if shift(anchor, months, 0, end_of_month) > day:
        months -= 1
    return months, (day - shift(anchor, months, 0, end_of_month)).days


def _get_legs(events: Iterable[Event], clock: Clock, end_of_month: bool) -> Iterator[tuple[Event, Clock, int]]:
    """Yield the sent events, from the one the clock stands at on, each with the clock at its first occurrence and how
    many of its occurrences lie after the clock."""
    is_first = clock.since == (0, 0)
    for event in get_sent_events(events):
        done = clock.since[1] if event.number == clock.since[0] else 0
        if event.number < clock.since[0]:
            continue
        if done:
            first = clock.step(event.interval, 1 - done)
        elif event.start_date:
            before = clock.anchor if is_first else clock.get_day(end_of_month)
            first = Clock(max(event.start_date, before or event.start_date))
        else:
            first = clock if is_first else clock.step(event.interval)
        yield event, first, done
        if event.repeats is None:
            return
        clock, is_first = _repeat(first, event, max(event.repeats, done))._replace(since=(0, 0)), False


def _repeat(first: Clock, event: Event, number: int) -> Clock:
    """Return the clock at the ``number``-th occurrence of an event."""
    return first.step(event.interval, number - 1)


def get_running(events: Iterable[Event], day: date, *, end_of_month: bool = False) -> Occurrence | None:
    """Return the occurrence of a calendar program running on ``day``: the last one dated on it or before, else the
    first one. ``None`` when nothing is sent."""
    running = None
    for occurrence in timeline(events, end_of_month=end_of_month):
        if running and occurrence.date > day:
            break
        running = occurrence
    return running


def count_left(events: Iterable[Event], after: tuple[int, int]) -> int | None:
    """Return how many occurrences come after a position, ``None`` = until cancelled."""
    left = 0
    for event in get_sent_events(events):
        if event.number < after[0]:
            continue
        if event.repeats is None:
            return None
        left += max(event.repeats - (after[1] if event.number == after[0] else 0), 0)
    return left


# === A CUSTOMER'S PLAN === #


def plan(
    events: Iterable[Event],
    *,
    joining_day: date,
    anchor: date | None = None,
    order_start: str = 'first',
    start_event: int = 0,
    missed_event_policy: str = 'consolidate',
    event_count: int = 0,
    threshold: int = 0,
    end_of_month: bool = False,
) -> list[Shipment]:
    """Return the plan of a customer who joins on ``joining_day``.

    :param anchor: the day of the first shipment of a relative program, not used by a calendar program.
    :param start_event: the event ID to begin at; 0 leaves it to ``order_start``.
    :param event_count: how many occurrences were bought, 0 = all.
    :param threshold: at most this many occurrences of one event, besides those missed before joining; 0 = no limit.
    :raise TooManyLinesError: for more than ``MAX_LINES`` lines.
    """
    events = get_sent_events(events)
    missed: list[Occurrence] = []
    position_before = (0, 0)
    if is_calendar(events):
        anchor = None
        missed, position_before = _join_calendar(events, joining_day, order_start, start_event, end_of_month)
    else:
        events = [event for event in events if event.number >= start_event]
    occurrences = timeline(events, anchor, end_of_month=end_of_month, after=position_before)
    missed = [] if missed_event_policy == 'skip' else missed[: event_count or None]

    shipments: list[Shipment] = []
    for occurrence in missed:
        number = 1 if missed_event_policy == 'consolidate' else len(shipments) + 1
        shipments.append(Shipment(number, *occurrence.position, joining_day))
    left = event_count - len(missed) if event_count else None
    for number, occurrence in enumerate(
        take(occurrences, left, threshold=threshold), start=shipments[-1].number + 1 if shipments else 1
    ):
        shipments.append(Shipment(number, *occurrence.position, max(occurrence.date, joining_day)))
    check_size(events, shipments)
    return shipments


def _join_calendar(
    events: list[Event], joining_day: date, order_start: str, start_event: int, end_of_month: bool
) -> tuple[list[Occurrence], tuple[int, int]]:
    """Return the occurrences missed by who joins a calendar program, and after which position its plan goes on."""
    is_current = order_start == 'current' and not start_event
    running = get_running(events, joining_day, end_of_month=end_of_month) if is_current else None
    if running:
        return [], (running.event, running.occurrence - 1)
    position_before = (start_event, 0)
    occurrences = timeline(events, end_of_month=end_of_month, after=position_before)
    missed = list(takewhile(lambda occurrence: occurrence.date < joining_day, occurrences))
    return missed, missed[-1].position if missed else position_before


def take(
    occurrences: Iterable[Occurrence],
    left: int | None,
    *,
    threshold: int = 0,
    open_counts: Mapping[int, int] | None = None,
) -> Iterator[Occurrence]:
    """Yield the occurrences to plan now: no more than ``left`` (``None`` = all), and stopping where one event has
    ``threshold`` open ones (0 = no limit), so that a plan is always an unbroken beginning of what will be sent.

    :param open_counts: occurrences already planned and not yet ordered, by event ID.
    """
    planned = Counter(open_counts or {})
    for taken, occurrence in enumerate(occurrences):
        if left is not None and taken >= left:
            return
        if threshold and planned[occurrence.event] >= threshold:
            return
        if taken >= MAX_LINES:
            raise TooManyLinesError(f"more than {MAX_LINES} lines")
        planned[occurrence.event] += 1
        yield occurrence


def check_size(events: Iterable[Event], shipments: Iterable[Shipment | Occurrence]) -> None:
    """:raise TooManyLinesError: when the shipments make more than ``MAX_LINES`` lines."""
    line_count = {event.number: event.line_count for event in events}
    if sum(line_count[shipment.event] for shipment in shipments) > MAX_LINES:
        raise TooManyLinesError(f"more than {MAX_LINES} lines")
