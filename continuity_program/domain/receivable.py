"""What each instalment owes on each day of its bill, to the last unit: plain values, no ORM."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from .gate import Refusal


@dataclass(frozen=True)
class Planned:
    """An instalment as it was agreed.

    :ivar kind: ``open`` (nothing is billed), ``billed`` (of a posted bill, and not paid) or ``closed``.
    """

    key: Hashable
    number: int
    due_date: date | None
    amount: float
    kind: str


@dataclass(frozen=True)
class Wanted:
    """What an instalment is to be instead."""

    due_date: date | None
    amount: float


def get_rearranging_refusal(
    planned: Sequence[Planned], wanted: Mapping[Hashable, Wanted], unit: float
) -> Refusal | None:
    """Return why instalments cannot be changed so by hand, or nothing: what is billed keeps its amount, what is paid
    keeps all, and in all they come to the same: ``instalment_closed``, ``instalment_billed``, ``instalment_day``,
    ``instalment_below_zero`` or ``instalments_sum``.

    :param wanted: by the key of the instalment; what is not in it stays.
    """
    for one in planned:
        refusal = _get_refusal_of_one(one, wanted.get(one.key, Wanted(one.due_date, one.amount)), unit)
        if refusal:
            return refusal
    step = Decimal(str(unit))
    before = sum(_count_units(_exact(one.amount), step) for one in planned)
    after = sum(
        _count_units(_exact(wanted[one.key].amount if one.key in wanted else one.amount), step) for one in planned
    )
    if before != after:
        return Refusal('instalments_sum', {'before': float(before * step), 'after': float(after * step)})
    return None


def _get_refusal_of_one(one: Planned, new: Wanted, unit: float) -> Refusal | None:
    step = Decimal(str(unit))
    has_other_amount = _count_units(_exact(one.amount), step) != _count_units(_exact(new.amount), step)
    has_other_day = one.due_date != new.due_date
    about = {'number': one.number}
    if one.kind == 'closed' and (has_other_amount or has_other_day):
        return Refusal('instalment_closed', about)
    if one.kind == 'billed' and has_other_amount:
        return Refusal('instalment_billed', about)
    if has_other_day and not new.due_date:
        return Refusal('instalment_day', about)
    return Refusal('instalment_below_zero', about) if new.amount < 0 else None


def cut(total: float, weights: Sequence[float], unit: float) -> list[float]:
    """Return ``total`` cut into pieces of these weights, in whole ``unit`` (0.01, 1…): the last one takes the rest.

    Without any weight the last one is the whole.
    """
    step = Decimal(str(unit))
    whole = sum(map(_exact, weights))
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
    return int((amount / step).to_integral_value(ROUND_HALF_UP))
