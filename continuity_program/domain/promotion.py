"""What promotions take off the boxes of a plan that are billed one by one.

A share is taken off each box that it reaches; an amount off the first ones, until it is used up. Amounts are in the
order's currency, taxes included.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .money import round_to


@dataclass
class Promotion:
    """What takes something off boxes to come.

    :ivar key: which one it is.
    :ivar share: the part of a box that it takes off, from 0 to 1.
    :ivar left: the most that it still takes off; ``None`` for any amount.
    :ivar boxes_left: how many boxes it still reaches; ``None`` for all.
    """

    key: Hashable
    share: float = 1.0
    left: float | None = None
    boxes_left: int | None = None

    def take_off(self, amount: float, unit: float) -> float:
        """Return what is taken off this amount of the next box, which uses it up."""
        if self.boxes_left == 0:
            return 0.0
        taken = round_to(amount * self.share, unit)
        if self.left is not None:
            taken = min(taken, max(self.left, 0.0))
            self.left = round_to(self.left - taken, unit)
        if taken > 0 and self.boxes_left is not None:
            self.boxes_left -= 1
        return max(taken, 0.0)


@dataclass(frozen=True)
class Box:
    """What a box costs.

    :ivar amount: all of it.
    :ivar reached: what of it a promotion reaches, by key, where that is not all.
    """

    amount: float
    reached: Mapping[Hashable, float] = field(default_factory=dict)


def take_off_boxes(promotions: Iterable[Promotion], boxes: Sequence[Box], unit: float) -> list[dict[Hashable, float]]:
    """Return what each promotion takes off each of these boxes, the next one first; never more than a box costs.

    What comes after another takes its share of what that leaves.

    :param unit: the currency's smallest unit (0.01, 1…).
    """
    promotions = list(promotions)
    taken_off = []
    for box in boxes:
        taken: dict[Hashable, float] = {}
        for promotion in promotions:
            left = box.amount - sum(taken.values())
            reached = box.reached.get(promotion.key, box.amount)
            # Of what is reached, the others have taken their part as of the rest.
            amount = min(reached * left / box.amount, left) if box.amount > 0 else 0.0
            off = promotion.take_off(amount, unit)
            if off > 0:
                taken[promotion.key] = min(off, round_to(left, unit))
        taken_off.append(taken)
    return taken_off
