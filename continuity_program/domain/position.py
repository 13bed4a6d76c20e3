"""Where a plan stands in its program, how much of it is bought and how much is left.

Plain values in, plain values out. The rules are those of ``docs/behaviour.md#the-plan``.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from . import schedule
from .schedule import Clock, Event, Occurrence, Position

#: Ahead of all events.
START: Position = (0, 0)


class PlannedLine(NamedTuple):
    """What the rules need to know of one line of a plan. What sends a lost box again is none of it."""

    #: Tells lines apart that are alike; the later one has the higher.
    id: int
    #: By the program's numbers of today, or by its old ones where the event has left the program.
    position: Position
    #: *Shipment no.*: what leaves together has the same.
    number: int
    #: ``planned``, ``ordered``, ``delivered``, ``skipped`` or ``cancelled``.
    state: str
    #: The day that the program gave it, whatever it is sent on.
    scheduled: date
    #: Why it is cancelled: ``program`` where the program took it away.
    cause: str | None = None
    #: Its event ID when it was planned; 0: added by hand.
    event: int = 0
    #: Whether the program (still) has its event.
    in_program: bool = True
    #: Whether it has, or had, a child order.
    has_child: bool = False
    #: Whether it was put into another shipment by hand.
    is_elsewhere: bool = False

    @property
    def is_planned(self) -> bool:
        """Whether it has no child order yet and will get one."""
        return self.state == 'planned'

    @property
    def is_open(self) -> bool:
        """Whether it follows its program: it is planned, or the program took it away before it was ordered."""
        return self.is_planned or (self.state == 'cancelled' and self.cause == 'program')

    @property
    def is_used(self) -> bool:
        """Whether it counts as bought although it is not planned: what was skipped does not, nor what left the program
        before it was sent."""
        return bool(self.event) and self.state in ('ordered', 'delivered', 'cancelled') and self.cause != 'program'


@dataclass(frozen=True)
class Standing:
    """One customer's plan beside its program.

    :ivar events: the program's events.
    :ivar lines: the lines of the plan.
    :ivar resent: the lines that send a lost box again.
    :ivar is_calendar: whether the program has fixed dates.
    :ivar start_event: the event ID a plan without lines begins at.
    :ivar event_count: how many occurrences were bought, 0 = the whole program.
    :ivar joined: on a calendar, the day before which nothing is sent.
    """

    events: tuple[Event, ...]
    lines: tuple[PlannedLine, ...]
    resent: tuple[PlannedLine, ...] = ()
    is_calendar: bool = False
    start_event: int = 0
    event_count: int = 0
    end_of_month: bool = False
    joined: date | None = None

    # === WHICH EVENTS ARE THE CUSTOMER'S === #

    @cached_property
    def own_lines(self) -> list[PlannedLine]:
        """The lines that tell where the plan begins in the program: what has left it does not, unless there is nothing
        else, or it is planned still."""
        lines = [line for line in self.lines if line.event]
        return [line for line in lines if line.in_program or line.is_planned] or lines

    @cached_property
    def own_events(self) -> list[Event]:
        """The events for this plan: in a relative program, from its start event on."""
        if self.is_calendar:
            return list(self.events)
        # By the program's numbers of today: an event may have been renumbered since.
        start_event = min((line.position[0] for line in self.own_lines), default=self.start_event)
        return [event for event in self.events if event.number >= start_event]

    @cached_property
    def sent_events(self) -> dict[int, Event]:
        """The events of ``own_events`` that the program sends, by number."""
        return {event.number: event for event in schedule.get_sent_events(self.own_events)}

    def is_sent(self, position: Position) -> bool:
        """Whether the program sends what stands at a position: its event is sent, and as often."""
        number, occurrence = position
        event = self.sent_events.get(number)
        return event is not None and (event.repeats is None or occurrence <= event.repeats)

    # === WHAT IS PLANNED, OVER AND BOUGHT === #

    @cached_property
    def known_lines(self) -> list[PlannedLine]:
        """The lines whose event the program has."""
        return [line for line in self.lines if line.in_program]

    @cached_property
    def planned(self) -> set[Position]:
        """The positions of what is planned and in the program."""
        return {line.position for line in self.known_lines if line.is_planned}

    @cached_property
    def closed(self) -> set[Position]:
        """The positions not planned any more: all of it was ordered, skipped, or cancelled by people."""
        still_open = {line.position for line in self.known_lines if line.is_open}
        return {line.position for line in self.known_lines if not line.is_open} - still_open

    @cached_property
    def bought(self) -> set[Position]:
        """The positions that count as bought besides those planned."""
        return {line.position for line in self.known_lines if line.is_used}

    @cached_property
    def gone_count(self) -> int:
        """How many occurrences count as bought whose event has left the program; its old number is known."""

        def get_planned_as(line: PlannedLine) -> tuple[int, int, int]:
            return line.number, line.event, line.position[1]

        gone = {get_planned_as(line) for line in self.lines if line.is_used and not line.in_program}
        return len(gone - {get_planned_as(line) for line in self.known_lines})

    def count_bought(self, planned: Iterable[Position] | None = None) -> int:
        """Return how many occurrences count as bought, with those at the positions ``planned``, by default what is."""
        return len(self.bought | set(self.planned if planned is None else planned)) + self.gone_count

    # === HOW MUCH IS LEFT === #

    def count_left_in_program(self, after: Position) -> int | None:
        """Return how many occurrences the program has for the plan after a position, ``None`` = until canceled."""
        left = schedule.count_left(self.own_events, after=after)
        if left is None:
            return None
        return left - sum(position > after and self.is_sent(position) for position in self.closed)

    def limit_to_bought(self, left: int | None, counted: int) -> int:
        """Return how many of what the program has left are bought and not planned, -1 = until canceled.

        :param counted: how many occurrences count as bought already.
        """
        if self.event_count:
            bought_left = max(self.event_count - counted, 0)
            return bought_left if left is None else min(left, bought_left)
        return -1 if left is None else left

    def count_left_and_missing(self, planned: set[Position], clock: Clock) -> tuple[int, int]:
        """Return how many occurrences are bought and not planned, -1 = until canceled; and how many the program does
        not have.

        :param planned: the positions planned.
        """
        counted = self.count_bought(planned)
        left = self.limit_to_bought(self.count_left_in_program(self.get_last_position(clock, planned)), counted)
        return left, max(self.event_count - counted - left, 0) if left >= 0 else 0

    # === WHERE THE CUSTOMER STANDS === #

    @cached_property
    def last_ordered(self) -> PlannedLine | None:
        """The line of the last occurrence that has, or had, a child order."""
        ordered = [line for line in self.lines if line.event and line.has_child]
        last = _last((line for line in ordered if line.in_program), lambda line: line.position)
        gone = _last((line for line in ordered if not line.in_program), lambda line: line.scheduled)
        return gone if gone and (not last or gone.scheduled > last.scheduled) else last

    def get_last_ordered_position(self, last: PlannedLine, clock: Clock) -> Position:
        """Return where the last line that was ordered stands, in the program as it is now."""
        if last.in_program:
            return last.position
        if clock.since != START and clock.get_day(self.end_of_month) >= last.scheduled:
            # The clock was set when the line had left the program, or since.
            return clock.since
        return self.get_position_on(last.scheduled)

    def get_position_on(self, day: date) -> Position:
        """Return where a shipment of a day stands that the program does not have any more: just before what is planned
        after it, else at the last one ordered; (0, 1) is before all events."""
        after = [line.position for line in self.known_lines if line.is_planned and line.scheduled > day]
        if after:
            event, occurrence = min(after)
            return event, occurrence - 1
        return max((line.position for line in self.known_lines if line.has_child), default=(0, 1))

    def get_own_position(self, clock: Clock) -> Position:
        """Return the customer's position: the last one ordered, else that before the first one of the plan; and not
        before where the clock stands."""
        if self.last_ordered:
            return max(self.get_last_ordered_position(self.last_ordered, clock), clock.since)
        event, occurrence = min((line.position for line in self.own_lines), default=(0, 1))
        return max((event, occurrence - 1), clock.since)

    def get_last_position(self, clock: Clock, planned: set[Position] | None = None) -> Position:
        """Return the last position of a plan, and not before the customer's own.

        :param planned: the positions planned, by default what is.
        """
        return max(self.get_own_position(clock), max(self.planned if planned is None else planned, default=START))

    # === WHAT COMES === #

    def iter_occurrences(
        self, clock: Clock, after: Position, events: Iterable[Event] | None = None
    ) -> Iterator[Occurrence]:
        """Yield the occurrences after a position with the dates they have for this plan. On a calendar, nothing is
        dated before the day the customer joined.

        :param events: the events, if not all that the program has for the plan.
        """
        for occurrence in schedule.timeline(
            self.own_events if events is None else events, clock, end_of_month=self.end_of_month, after=after
        ):
            yield occurrence._replace(date=max(occurrence.date, self.joined or occurrence.date))

    def iter_open_occurrences(self, clock: Clock, after: Position) -> Iterator[Occurrence]:
        """Yield the occurrences after a position, but for those that are over: skipped, say."""
        return (
            occurrence for occurrence in self.iter_occurrences(clock, after) if occurrence.position not in self.closed
        )


def _last(lines: Iterable[PlannedLine], get_value: Callable[[PlannedLine], Any]) -> PlannedLine | None:
    return max(lines, key=lambda line: (get_value(line), line.id), default=None)
