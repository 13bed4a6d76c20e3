from datetime import date

from domain.position import PlannedLine, Standing
from domain.schedule import Event

JANUARY = date(2027, 1, 1)


def line(place, occurrence=1, state='planned', **values):
    """Return the line of an occurrence of the event at a place in the program."""
    usual = {
        'id': place * 10 + occurrence,
        'position': (place, occurrence),
        'number': place * 10 + occurrence,
        'state': state,
        'scheduled': JANUARY.replace(day=place * 3 + occurrence),
        'event': place,
        'has_child': state in ('ordered', 'delivered'),
    }
    return PlannedLine(**usual | values)


def stand(lines=(), events=4, **values):
    """Return a standing in a program of so many events, or of the events given."""
    events = [Event(number) for number in range(1, events + 1)] if isinstance(events, int) else events
    return Standing(tuple(events), tuple(lines), **values)
