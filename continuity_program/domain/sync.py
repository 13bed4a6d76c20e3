"""What a changed program makes of a plan that was sold of it: which occurrences, on which days, in which shipments.

Plain values in, plain values out. The rules are those of ``docs/behaviour.md#synchronising``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice

from . import schedule
from .position import START, PlannedLine, Standing
from .schedule import Clock, Event, Occurrence, Position, Shipment


@dataclass(frozen=True)
class Terms:
    """What was agreed with the customer.

    :ivar is_prepaid: the plan is billed in advance.
    :ivar threshold: how many occurrences of one event are planned at most, 0 = all.
    :ivar last_number: the number of the agreed last shipment, 0 = none.
    """

    is_prepaid: bool = False
    threshold: int = 0
    last_number: int = 0


def get_clock(standing: Standing, clock: Clock) -> Clock:
    """Return the clock that the plan goes on by: after a change of the timing, from the last shipment that has a child
    order, unless it was set after that since, by a postponement or a pause."""
    last = standing.last_ordered
    if standing.is_calendar or not last:
        return clock
    position = standing.get_last_ordered_position(last, clock)
    if clock.since >= position:
        return clock
    return schedule.set_clock(
        standing.own_events, clock, position, end_of_month=standing.end_of_month, day=last.scheduled
    )


# === WHICH OCCURRENCES === #


def get_target(standing: Standing, clock: Clock, terms: Terms) -> list[Occurrence]:
    """Return what the plan has to be: all that is bought after the position of the customer, and what is planned
    before it.

    :raise schedule.TooManyLinesError: for more than ``MAX_LINES`` lines.
    """
    begin = standing.get_own_position(clock)
    late = _get_late(standing, begin)
    if terms.is_prepaid:
        target = [*late, *_get_prepaid(standing, clock, begin)]
    else:
        target = [*late, *_get_bought(standing, clock, begin, late, terms.threshold)]
    schedule.check_size(standing.own_events, target)
    return target


def _get_late(standing: Standing, begin: Position) -> list[Occurrence]:
    """Return what is planned before a position, and still sent by the program; it keeps its dates."""
    days = {line.position: line.scheduled for line in standing.known_lines if line.is_planned}
    return [
        Occurrence(*position, day)
        for position, day in sorted(days.items())
        if position <= begin and standing.is_sent(position)
    ]


def _iter_open(standing: Standing, clock: Clock, begin: Position) -> Iterator[Occurrence]:
    """Yield what the program sends after a position and is not over: of an endless one, just more than is allowed."""
    return islice(standing.iter_open_occurrences(clock, begin), schedule.MAX_LINES + 1)


def _get_bought(
    standing: Standing, clock: Clock, begin: Position, late: list[Occurrence], threshold: int
) -> list[Occurrence]:
    """Return what is bought of what the program sends after a position; of what is not planned yet, as much as is
    planned at once."""
    bought = standing.bought | {occurrence.position for occurrence in late}
    left = standing.event_count - standing.gone_count - len(bought)
    target: list[Occurrence] = []
    open_counts: Counter[int] = Counter()
    last_planned = max(standing.planned, default=START)
    for occurrence in _iter_open(standing, clock, begin):
        is_new = occurrence.position > last_planned
        left -= occurrence.position not in bought
        if (standing.event_count and left < 0) or (threshold and is_new and open_counts[occurrence.event] >= threshold):
            break
        open_counts[occurrence.event] += 1
        target.append(occurrence)
    return target


def _get_prepaid(standing: Standing, clock: Clock, begin: Position) -> list[Occurrence]:
    """Return what the program sends after a position. What is not in the plan is not paid for and takes no time, what
    was taken out of the program is sent all the same."""
    sent = list(_iter_open(standing, clock, begin))
    if not standing.is_calendar:
        dates = _get_prepaid_dates(standing, clock, begin)
        sent = [occurrence._replace(date=dates.get(occurrence.position, occurrence.date)) for occurrence in sent]
    return [occurrence for occurrence in sent if not standing.event_count or occurrence.position in standing.planned]


def _get_prepaid_dates(standing: Standing, clock: Clock, begin: Position) -> dict[Position, date]:
    """Return the dates that a program with nothing but what is paid for would give to it, by position."""
    last = dict(sorted(line.position for line in standing.own_lines if line.in_program))
    events = [
        Event(event.number, event.interval, event.start_date, last[event.number])
        for event in standing.own_events
        if event.number in last
    ]
    return {
        occurrence.position: occurrence.date for occurrence in standing.iter_occurrences(clock, begin, events=events)
    }


# === IN WHICH SHIPMENTS === #


@dataclass(frozen=True)
class Numbering:
    """The numbers of the shipments of a plan.

    :ivar numbers: the number of each occurrence by its position, but for those after the agreed last shipment.
    :ivar moved: the new number of each old one that is planned.
    """

    numbers: dict[Position, int]
    moved: dict[int, int]

    def get_shipments(self, target: Iterable[Occurrence]) -> list[Shipment]:
        """Return the occurrences that have a number, with it."""
        return [
            Shipment(self.numbers[occurrence.position], *occurrence)
            for occurrence in target
            if occurrence.position in self.numbers
        ]


def number_shipments(standing: Standing, target: Iterable[Occurrence], terms: Terms) -> Numbering:
    """Return the shipment numbers of what a plan has to be.

    Shipments keep their numbers, but for those that something new comes before. What was put into another shipment by
    hand leaves with that.
    """
    positions = {occurrence.position for occurrence in target}
    old_numbers, put_elsewhere = _get_old_numbers(standing)
    moved_apart = put_elsewhere.keys() - old_numbers.keys()
    taken = _get_taken_numbers(standing, positions, old_numbers)
    last, ordered = 0, standing.last_ordered.number if standing.last_ordered else 0
    numbers: dict[Position, int] = {}
    moved: dict[int, int] = {}
    for position in sorted(positions - moved_apart):
        old_number = old_numbers.get(position, 0)
        if not old_number:
            last = max(last, ordered)
        number = moved.get(old_number)
        if number is None:
            number = max(old_number, last + 1)
            while number in taken:
                number += 1
            last = number
            if old_number:
                moved[old_number] = number
        if not terms.last_number or number <= terms.last_number:
            numbers[position] = number
    for position in positions & moved_apart:
        numbers[position] = moved.get(put_elsewhere[position], put_elsewhere[position])
    # In a plan that is paid in advance nothing comes in between.
    return Numbering(numbers, {} if terms.is_prepaid else moved)


def _get_old_numbers(standing: Standing) -> tuple[dict[Position, int], dict[Position, int]]:
    """Return the number of each planned position: in its own shipment, and where it was put elsewhere by hand."""
    own: dict[Position, int] = {}
    elsewhere: dict[Position, int] = {}
    for line in standing.known_lines:
        if line.is_planned:
            (elsewhere if line.is_elsewhere else own).setdefault(line.position, line.number)
    return own, elsewhere


def _get_taken_numbers(standing: Standing, positions: set[Position], old_numbers: dict[Position, int]) -> set[int]:
    """Return the numbers that nothing else may get: those of shipments that do not follow the program."""

    def is_other(line: PlannedLine) -> bool:
        return not line.is_open or line.position not in positions or line.is_elsewhere

    kept = {old_numbers[position] for position in positions & old_numbers.keys()}
    return {line.number for line in (*standing.lines, *standing.resent) if is_other(line)} - kept
