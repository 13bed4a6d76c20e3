"""What each line of an order owes, and to whom: the order's total is law.

What takes something off an order (a discount, a coupon, a reward, a gift card, a typed line below zero) takes it off
what the order sells: off each plan, and off the other goods that Odoo bills, by value. So the bills of all of them come
to the order's total, whichever is made first.

Amounts are untaxed, in the order's currency.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from .money import share_out

#: Who bills what belongs to no plan.
OTHERS = None


@dataclass(frozen=True)
class Sold:
    """What a line of an order sells.

    :ivar owner: who bills it: the ID of a plan, or ``OTHERS``.
    :ivar amount: what it costs, not below 0.
    :ivar taxes: the IDs of its taxes.
    """

    owner: Hashable
    amount: float
    taxes: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Reduction:
    """What a line of an order takes off what the order sells.

    :ivar amount: how much, below 0.
    :ivar taxes: the IDs of its taxes: it is taken off what has the same, if anything has.
    :ivar billed: what of it is on the bills of owners that are billed already.
    """

    amount: float
    taxes: frozenset[int] = frozenset()
    billed: Mapping[Hashable, float] = field(default_factory=dict)


def share_reduction(reduction: Reduction, sold: Iterable[Sold], unit: float) -> dict[Hashable, float]:
    """Return the share of each owner in a reduction: they sum to its amount, to the last unit.

    Whoever is billed already keeps what is on the bill. Where nobody is left to take the rest, ``OTHERS`` do.

    :param sold: all that the order sells.
    :param unit: the currency's smallest unit (0.01, 1…).
    """
    shares = dict(reduction.billed)
    rest = reduction.amount - sum(shares.values())
    values = _get_open_values(reduction, sold)
    parts = share_out(-rest, list(values.values()), unit) if rest < 0 else []
    if parts:
        by_owner = zip(values, parts, strict=True)
        shares |= {owner: -part for owner, part in by_owner}
    else:
        shares[OTHERS] = shares.get(OTHERS, 0.0) + rest
    return shares


def _get_open_values(reduction: Reduction, sold: Iterable[Sold]) -> dict[Hashable, float]:
    """Return what each owner sells that is not billed yet: of the same taxes, or else at all."""
    alike: dict[Hashable, float] = defaultdict(float)
    at_all: dict[Hashable, float] = defaultdict(float)
    for line in sold:
        if line.amount > 0 and line.owner not in reduction.billed:
            at_all[line.owner] += line.amount
            if line.taxes == reduction.taxes:
                alike[line.owner] += line.amount
    return alike or at_all
