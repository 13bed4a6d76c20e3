"""The dates of a continuity program a second time, slowly and word for word from ``docs/behaviour.md#dates``.

Nothing of ``schedule.py`` is used: property tests compare the two. Events are read only by their field names; an
occurrence is a tuple ``(event, occurrence, date)``, a shipment ``(number, event, occurrence, date)``.
"""

from datetime import timedelta
from itertools import dropwhile, takewhile

from dateutil.relativedelta import relativedelta

LINE_LIMIT = 1000
#: Occurrences of an event repeated until cancelled that are written out: more than any test can ask for.
ENDLESS = 2 * LINE_LIMIT


def sent(events):
    """No skipped event, and none behind the first *End*."""
    kept = sorted((event for event in events if event.action != 'skip'), key=lambda event: event.number)
    ends = [event.number for event in kept if event.action == 'end']
    return [event for event in kept if not ends or event.number <= ends[0]]


def is_calendar(events):
    return bool(sent(events)) and sent(events)[0].start_date is not None


def place(anchor, months, days, end_of_month):
    """Months first, kept inside the month, then days."""
    day = anchor + relativedelta(months=months)
    if end_of_month and (anchor + timedelta(days=1)).day == 1:
        day += relativedelta(day=31)
    return day + timedelta(days=days)


def timeline(events, anchor=None, *, end_of_month=False):
    """Walk from one occurrence to the next, adding up the time since the last anchor."""
    day = None
    months = days = 0
    for event in sent(events):
        for occurrence in range(1, (event.repeats or ENDLESS) + 1):
            if occurrence == 1 and event.start_date:
                ahead = day or anchor
                anchor = max(event.start_date, ahead) if ahead else event.start_date
                months = days = 0
            elif day:
                months += event.interval[0]
                days += event.interval[1]
            day = place(anchor, months, days, end_of_month)
            yield event.number, occurrence, day
        if event.repeats is None:
            break


def go_on(events, position, anchor, months=0, days=0, *, end_of_month=False):
    """Walk on from a position that is so much behind an anchor."""
    day = place(anchor, months, days, end_of_month)
    for event in sent(events):
        for occurrence in range(1, (event.repeats or ENDLESS) + 1):
            if (event.number, occurrence) <= position:
                continue
            if occurrence == 1 and event.start_date:
                anchor, months, days = max(event.start_date, day), 0, 0
            else:
                months += event.interval[0]
                days += event.interval[1]
            day = place(anchor, months, days, end_of_month)
            yield event.number, occurrence, day
        if event.repeats is None:
            break


def stand(anchor, day, end_of_month=False):
    """What a day is counted from: the anchor, if it is whole months from there, else the day itself."""
    for months in range(-600, 600):
        if place(anchor, months, 0, end_of_month) == day:
            return anchor, months
    return day, 0


def running(events, day, *, end_of_month=False):
    past = list(takewhile(lambda occurrence: occurrence[2] <= day, timeline(events, end_of_month=end_of_month)))
    return past[-1] if past else next(timeline(events, end_of_month=end_of_month), None)


def take(occurrences, left, threshold, open_counts):
    taken = []
    for occurrence in occurrences:
        event = occurrence[0]
        open_count = open_counts.get(event, 0) + sum(other[0] == event for other in taken)
        if len(taken) == left or (threshold and open_count >= threshold):
            break
        taken.append(occurrence)
    return taken


def plan(
    events,
    *,
    joining_day,
    anchor=None,
    order_start='first',
    start_event=0,
    missed_event_policy='consolidate',
    event_count=0,
    threshold=0,
    end_of_month=False,
):
    """The shipments, or ``None`` where they are too many lines to plan at once."""
    occurrences = _joined(events, joining_day, anchor, order_start, start_event, end_of_month)
    follows_policy = is_calendar(events) and (order_start == 'first' or start_event > 0)
    shipments, open_counts, number = [], {}, 0
    for event, occurrence, day in occurrences:
        if event_count and len(shipments) == event_count:
            break
        if follows_policy and day < joining_day:
            if missed_event_policy == 'skip':
                continue
            number = 1 if missed_event_policy == 'consolidate' else number + 1
        else:
            open_counts[event] = open_counts.get(event, 0) + 1
            if threshold and open_counts[event] > threshold:
                break
            number += 1
        shipments.append((number, event, occurrence, max(day, joining_day)))
    line_counts = {event.number: event.line_count for event in events}
    return shipments if sum(line_counts[shipment[1]] for shipment in shipments) <= LINE_LIMIT else None


def _joined(events, joining_day, anchor, order_start, start_event, end_of_month):
    """The occurrences from the one a new member begins at."""
    if not is_calendar(events):
        from_there = [event for event in sent(events) if event.number >= start_event]
        return timeline(from_there, anchor, end_of_month=end_of_month)
    begin = (start_event,)
    if order_start == 'current' and not start_event:
        begin = running(events, joining_day, end_of_month=end_of_month)
    return dropwhile(lambda occurrence: occurrence < begin, timeline(events, end_of_month=end_of_month))
