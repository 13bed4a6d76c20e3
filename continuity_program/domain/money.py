"""Sharing out an amount, to the last unit: plain values, no ORM."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal


def share_out(total: float, weights: Sequence[float], unit: float) -> list[float]:
    """Return ``total`` shared out by ``weights`` in whole ``unit`` (0.01, 1, 0.001…), by the largest remainder.

    The shares sum to the total, rounded to the unit, exactly. Without any weight all get the same.

    :raise ValueError: for a negative weight.
    """
    if not weights:
        return []
    if min(weights) < 0:
        raise ValueError(f"negative weight in {weights}")
    step = Decimal(str(unit))
    units = int((Decimal(str(total)) / step).to_integral_value(ROUND_HALF_UP))
    exact_weights = [Decimal(str(weight)) for weight in weights]
    if not sum(exact_weights):
        exact_weights = [Decimal(1)] * len(weights)
    exact = [units * weight / sum(exact_weights) for weight in exact_weights]
    shares = [int(share.to_integral_value(ROUND_FLOOR)) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: (shares[index] - exact[index], index))
    for index in by_remainder[: units - sum(shares)]:
        shares[index] += 1
    return [float(share * step) for share in shares]


def add_discount(percentage: float, other: float) -> float:
    """Return the discount, in percent, of who gets one discount on top of another."""
    return 100.0 - (100.0 - percentage) * (100.0 - other) / 100.0


def round_to(amount: float, unit: float) -> float:
    """Return the amount in whole ``unit``, halves away from zero."""
    step = Decimal(str(unit))
    # What a float is off by is far below any unit.
    exact = Decimal(str(round(amount, 9)))
    return float((exact / step).to_integral_value(ROUND_HALF_UP) * step)
