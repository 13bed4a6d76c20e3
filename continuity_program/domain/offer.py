"""What a plan costs, and when it is paid: the one *offer* that pages, documents, mails and the shop tell.

Amounts are in the order's currency, taxes included unless their name says otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal, NamedTuple

from .schedule import shift

Unit = Literal["day", "week", "month", "year"]


class Rhythm(NamedTuple):
    """How often a box comes: every ``number`` units."""

    number: int
    unit: Unit


@dataclass(frozen=True)
class Box:
    """A shipment of the plan.

    :ivar price: of the goods; of a plan billed in advance its part of the whole, shipping costs and all.
    :ivar untaxed: the same without taxes.
    :ivar shipping: what sending it costs on top.
    :ivar pieces: how many pieces are in it.
    """

    day: date
    price: float
    untaxed: float
    shipping: float = 0.0
    pieces: float = 1.0


@dataclass(frozen=True)
class Due:
    """A payment of a plan billed in advance that is not due with the order.

    :ivar day: ``None``: with the first box.
    """

    day: date | None
    amount: float


@dataclass(frozen=True)
class Offer:
    """What a plan comes to.

    :ivar boxes: those planned so far, in the order they leave.
    :ivar count: how many boxes in all; 0: until cancelled.
    :ivar is_planned_whole: whether all boxes are planned, so that ``last_day`` and ``total`` are those of the whole.
    :ivar in_advance: whether the whole is billed when it is ordered, and not each box.
    :ivar planned_total: what the boxes planned so far come to.
    :ivar planned_untaxed: the same without taxes.
    :ivar due_now: what is to be paid with the order.
    :ivar dues: what is paid later of a plan billed in advance.
    :ivar commitment: how many boxes the customer agrees to at least; 0: none.
    :ivar quantity: how often the plan is sold.
    :ivar refusal: why it cannot be ordered, or nothing.
    """

    boxes: tuple[Box, ...] = ()
    count: int = 0
    is_planned_whole: bool = True
    in_advance: bool = False
    planned_total: float = 0.0
    planned_untaxed: float = 0.0
    due_now: float = 0.0
    dues: tuple[Due, ...] = ()
    commitment: int = 0
    quantity: float = 1.0
    refusal: str = ""

    @property
    def total(self) -> float | None:
        """What the whole comes to, or ``None`` where that is not known: it goes on until cancelled, or is too long."""
        return self.planned_total if self.is_planned_whole else None

    @property
    def first_day(self) -> date | None:
        return min((box.day for box in self.boxes), default=None)

    @property
    def last_day(self) -> date | None:
        """The day of the last box, or ``None`` where it is not known."""
        return max((box.day for box in self.boxes), default=None) if self.is_planned_whole else None

    @property
    def prices(self) -> tuple[float, float]:
        """What the cheapest box costs, and the dearest: goods alone."""
        amounts = [box.price for box in self.boxes]
        return min(amounts, default=0.0), max(amounts, default=0.0)

    @property
    def charges(self) -> tuple[float, float]:
        """What the customer pays for the cheapest box, and for the dearest."""
        amounts = [box.price + box.shipping for box in self.boxes]
        return min(amounts, default=0.0), max(amounts, default=0.0)

    @property
    def shipping(self) -> float:
        """What sending a box costs at most, on top of its price."""
        return max((box.shipping for box in self.boxes), default=0.0)

    @property
    def pieces(self) -> float | None:
        """How many pieces each box holds, or ``None`` where boxes differ."""
        counts = {box.pieces for box in self.boxes}
        return counts.pop() if len(counts) == 1 else None

    @property
    def rhythm(self) -> Rhythm | None:
        return find_rhythm([box.day for box in self.boxes])

    def get_later(self) -> float | None:
        """Return what is paid after the order is placed, or ``None`` where that is not known."""
        return None if self.total is None else self.total - self.due_now

    def get_price(self, *, untaxed: bool = False) -> float:
        """Return what a shop tells as the price of one: in advance that of the whole, else that of the first box."""
        if self.in_advance:
            amount = self.planned_untaxed if untaxed else self.planned_total
        else:
            amount = (self.boxes[0].untaxed if untaxed else self.boxes[0].price) if self.boxes else 0.0
        return amount / self.quantity if self.quantity else amount

    def get_value(self, *, untaxed: bool = False) -> float:
        """Return what it is worth to the seller: the whole, or where that is not known the first box."""
        if self.in_advance or self.is_planned_whole:
            return self.planned_untaxed if untaxed else self.planned_total
        return self.get_price(untaxed=untaxed) * self.quantity


def find_rhythm(days: Sequence[date]) -> Rhythm | None:
    """Return the rhythm of these days, or ``None`` where they have none: too few of them, or not evenly spaced."""
    if len(days) < 2 or days[1] <= days[0]:
        return None
    first, second = days[0], days[1]
    months = (second.year - first.year) * 12 + second.month - first.month
    for end_of_month in (False, True):
        if months and all(day == shift(first, months * index, 0, end_of_month) for index, day in enumerate(days)):
            return Rhythm(months // 12, "year") if months % 12 == 0 else Rhythm(months, "month")
    gap = (second - first).days
    if any((later - earlier).days != gap for earlier, later in pairwise(days)):
        return None
    return Rhythm(gap // 7, "week") if gap % 7 == 0 else Rhythm(gap, "day")
