"""What a day, a quantity, an amount or a number of days can be at all: the one checker of what comes in.

Pure Python: plain values in, the fault or nothing out. Screens, RPC, imports, controllers and the jobs ask it before a
value is used, so that nothing behind it meets the year 999, infinity, or a lead time of 55,000 years.

What a value *means* (a price is not negative, a box ships on a day to come) is a rule of its model, not of this module.
"""

import math
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2200, 12, 31)
#: Ten years: the longest that a setting in days looks ahead or back.
MAX_DAYS = 3_650
MAX_COUNT = 1_000_000
MAX_QUANTITY = 1_000_000.0
#: Times the highest quantity it still is exact to the cent.
MAX_AMOUNT = 10_000_000_000.0


class Bounds(NamedTuple):
    """The lowest and the highest value that is sane, both included."""

    lowest: Any
    highest: Any


class Fault(NamedTuple):
    """What is wrong with a value.

    :ivar code: ``no_day``, ``no_number`` (infinity and "not a number" among them) or ``out_of_bounds``.
    :ivar value: the value as it came.
    :ivar bounds: what it had to lie in.
    """

    code: str
    value: Any
    bounds: Bounds


DAY = Bounds(FIRST_DAY, LAST_DAY)
COUNT = Bounds(-MAX_COUNT, MAX_COUNT)
COUNT_FROM_0 = Bounds(0, MAX_COUNT)
COUNT_FROM_1 = Bounds(1, MAX_COUNT)
QUANTITY = Bounds(-MAX_QUANTITY, MAX_QUANTITY)
QUANTITY_FROM_0 = Bounds(0.0, MAX_QUANTITY)
AMOUNT = Bounds(-MAX_AMOUNT, MAX_AMOUNT)
AMOUNT_FROM_0 = Bounds(0.0, MAX_AMOUNT)
#: A setting in days, one where -1 stands for "as another setting says", and a move to later or earlier.
DAYS = Bounds(0, MAX_DAYS)
DAYS_OR_DEFAULT = Bounds(-1, MAX_DAYS)
DAYS_BOTH_WAYS = Bounds(-MAX_DAYS, MAX_DAYS)

MOMENT_FORMAT = '%Y-%m-%d %H:%M:%S'


def read_day(value: object) -> date:
    """Return the day that a value stands for: a date, a datetime, or text that begins like ``2027-01-31``.

    :raise ValueError: for what is no day.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no day")
    moment = value[: len('2027-01-31 12:00:00')]
    # The year is written with four digits, and as two characters in the format.
    text_format = MOMENT_FORMAT[: max(len(moment), len('2027-01-31')) - 2]
    return datetime.strptime(moment, text_format).date()  # noqa: DTZ007 - only its day is taken


def read_number(value: object) -> float:
    """Return the finite number that a value stands for.

    :raise ValueError: for what is no number, "not a number" and infinity among them.
    """
    if not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r} is no number")
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError(f"{value!r} is too large") from error
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number


def find_day_fault(value: object, bounds: Bounds = DAY) -> Fault | None:
    """Return what is wrong with a day, or nothing; no day at all (``None``, ``False``, ``''``) is fine."""
    return _find_fault(value, bounds, read_day, 'no_day')


def find_number_fault(value: object, bounds: Bounds = COUNT) -> Fault | None:
    """Return what is wrong with a number, or nothing; no number at all (``None``, ``False``, ``''``) is fine."""
    return _find_fault(value, bounds, read_number, 'no_number')


def _find_fault(value: object, bounds: Bounds, read: Callable[[object], Any], code: str) -> Fault | None:
    if value is None or value is False or value == '':
        return None
    try:
        is_within = bounds.lowest <= read(value) <= bounds.highest
    except ValueError:
        return Fault(code, value, bounds)
    return None if is_within else Fault('out_of_bounds', value, bounds)
