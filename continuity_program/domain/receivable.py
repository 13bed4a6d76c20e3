"""What each instalment owes on each day of its bill, to the last unit: plain values, no ORM."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal


def cut(total: float, weights: Sequence[float], unit: float) -> list[float]:
    """Return ``total`` cut into pieces of these weights, in whole ``unit`` (0.01, 1…): the last one takes the rest.

    Without any weight the last one is the whole.
    """
    step = Decimal(str(unit))
    whole = sum(map(_exact, weights), Decimal())
    total_units = _count_units(_exact(total), step)
    pieces, reached, done = [], Decimal(), 0
    for index, weight in enumerate(weights):
        reached += _exact(weight)
        mark = _count_units(_exact(total) * reached / whole, step) if whole else 0
        if index == len(weights) - 1:
            mark = total_units
        pieces.append(float((mark - done) * step))
        done = mark
    return pieces


def align(amounts: Sequence[float], total: float, unit: float) -> list[float]:
    """Return instalments so that they sum to the total: the last ones take what is missing or too much, and none is
    below 0."""
    step = Decimal(str(unit))
    units = [_count_units(_exact(amount), step) for amount in amounts]
    difference = _count_units(_exact(total), step) - sum(units)
    for index in reversed(range(len(units))):
        changed = max(units[index] + difference, 0)
        difference -= changed - units[index]
        units[index] = changed
        if not difference:
            break
    return [float(count * step) for count in units]


def split_by_days(amounts: Sequence[float], days: Sequence[float], unit: float) -> list[list[float]]:
    """Return what each instalment owes on each day: a row for each instalment, which sums to it; the columns sum to the
    amounts due on the days, which come to the same in all."""
    rows = [cut(amount, days, unit) for amount in amounts[:-1]]
    step = Decimal(str(unit))
    last = []
    for index, day in enumerate(days):
        taken = sum(_count_units(_exact(row[index]), step) for row in rows)
        last.append(float((_count_units(_exact(day), step) - taken) * step))
    return [*rows, last]


def _exact(amount: float) -> Decimal:
    return Decimal(str(amount))


def _count_units(amount: Decimal, step: Decimal) -> int:
    return int((amount / step).quantize(Decimal(1), ROUND_HALF_UP))
