"""What a changed program makes of a plan that was sold of it, a second time: slowly, and by the words of
``docs/behaviour.md#synchronising``.

Nothing of the addon's own code is used but its events, and the slow dates of ``slow_schedule``.
"""

from datetime import date
from itertools import takewhile
from typing import NamedTuple

from .domain import slow_schedule

#: Nobody's plan goes on behind this day.
HORIZON = date(2034, 1, 1)


class Line(NamedTuple):
    #: The line of the program it was made of; 0 when the program does not have it any more.
    source: int
    event: int
    occurrence: int
    #: planned, removed (by the program), skipped, or used (ordered, delivered, cancelled by people).
    fate: str
    has_child: bool
    #: How it stands in the plan, whatever became of its event: shipment, event and occurrence as they were planned.
    made_as: tuple
    #: The day that the program gave it.
    day: date

    @property
    def position(self):
        return self.event, self.occurrence


class Plan(NamedTuple):
    lines: list
    events: list
    is_calendar: bool
    #: The day the dates are counted from; on a calendar, the day the customer joined.
    anchor: date
    months: int = 0
    days: int = 0
    since: tuple = (0, 0)
    end_of_month: bool = False
    #: How many occurrences were bought, 0 = all.
    event_count: int = 0
    is_prepaid: bool = False

    @property
    def known(self):
        return [line for line in self.lines if line.source]

    @property
    def planned(self):
        """The occurrences planned, with their days."""
        return {line.position: line.day for line in self.known if line.fate == 'planned'}


def find_customer(plan):
    """The position of the last shipment that was ordered, and its day; ``None`` before the first one."""
    ordered = [line for line in plan.lines if line.has_child]
    if not ordered:
        return None
    known = max((line for line in ordered if line.source), key=lambda line: line.position, default=None)
    gone = max((line for line in ordered if not line.source), key=lambda line: line.day, default=None)
    if not gone or (known and known.day >= gone.day):
        return known.position, known.day
    # The last one left the program: the customer stands where the clock was set since, or just ahead of what was
    # planned behind it.
    if plan.since != (0, 0) and slow_schedule.place(plan.anchor, plan.months, plan.days, plan.end_of_month) >= gone.day:
        return plan.since, gone.day
    behind = [position for position, day in plan.planned.items() if day > gone.day]
    if behind:
        event, occurrence = min(behind)
        return (event, occurrence - 1), gone.day
    return (known.position if known else (0, 1)), gone.day


def walk(plan):
    """All occurrences behind the customer with their days, whether bought or not."""
    customer = find_customer(plan)
    own = [line.position for line in plan.lines if line.source or line.fate == 'planned']
    own = own or [line.position for line in plan.lines]
    begin = customer[0] if customer else (min(own)[0], min(own)[1] - 1)
    if plan.is_calendar:
        walked = slow_schedule.timeline(plan.events, end_of_month=plan.end_of_month)
        walked = ((event, occurrence, max(day, plan.anchor)) for event, occurrence, day in walked)
        return begin, [step for step in takewhile(lambda step: step[2] < HORIZON, walked) if step[:2] > begin]
    events = [event for event in plan.events if event.number >= min(own)[0]]
    if plan.is_prepaid:
        # What is not in the plan is not paid for and takes no time; what is in it is sent, and takes its time.
        last = {line.event: 0 for line in plan.known}
        for line in plan.known:
            last[line.event] = max(last[line.event], line.occurrence)
        events = [
            event._replace(repeats=last[event.number], action='normal') for event in events if event.number in last
        ]
    standing = (plan.anchor, plan.months, plan.days)
    if plan.since == (0, 0):
        walked = slow_schedule.timeline(events, plan.anchor, end_of_month=plan.end_of_month)
    else:
        walked = slow_schedule.go_on(events, plan.since, *standing, end_of_month=plan.end_of_month)
    walked = list(takewhile(lambda step: step[2] < HORIZON, walked))
    if customer and customer[0] > plan.since:
        position, day = customer
        passed = [step for step in walked if step[:2] <= position]
        anchors = {event.number for event in events if event.start_date}
        anchor = [plan.anchor, *(step[2] for step in passed if step[0] in anchors and step[1] == 1)][-1]
        if not passed or passed[-1][2] != day or passed[-1][:2] != position:
            anchor, months = slow_schedule.stand(anchor, day, plan.end_of_month)
            walked = slow_schedule.go_on(events, position, anchor, months, end_of_month=plan.end_of_month)
            walked = takewhile(lambda step: step[2] < HORIZON, walked)
    begin = max(begin, plan.since)
    return begin, [step for step in walked if step[:2] > begin]


def synchronize(plan, threshold=0):
    """The occurrences to be planned, with their days.

    :param threshold: how many of one event are planned at once, 0 = all.
    """
    begin, walked = walk(plan)
    sent = {event.number: event.repeats or 10**6 for event in slow_schedule.sent(plan.events)}
    target = {
        position: day
        for position, day in plan.planned.items()
        if position <= begin and position[1] <= sent.get(position[0], 0)
    }
    used = {line.position for line in plan.known if line.fate == 'used'}
    open_ones = {line.position for line in plan.known if line.fate in ('planned', 'removed')}
    closed = {line.position for line in plan.known} - open_ones
    bought = used | set(target)
    gone = {line.made_as for line in plan.lines if not line.source and line.fate == 'used'}
    gone -= {line.made_as for line in plan.known}
    last = max(plan.planned, default=(0, 0))
    opened = {}
    for event, occurrence, day in walked:
        position = event, occurrence
        if position in closed:
            continue
        if plan.event_count and position not in bought and len(bought) + len(gone) >= plan.event_count:
            if not plan.is_prepaid:
                break
        if threshold and position > last and opened.get(event, 0) >= threshold:
            break
        opened[event] = opened.get(event, 0) + 1
        bought.add(position)
        target[position] = day
    return target
