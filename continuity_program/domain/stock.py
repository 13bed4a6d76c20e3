"""Who gets what is there: shipments take from one shelf, the oldest first.

Plain values in and out; quantities are in the products' own units. The rules are those of
``docs/behaviour.md#out-of-stock``.
"""

from collections.abc import Hashable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass

#: What is free, by product; what is not on it is always there: services, what is made to order.
Shelf = MutableMapping[Hashable, float]


@dataclass(frozen=True)
class Want:
    """So much of a product.

    :ivar product: whatever tells it from others.
    :ivar unit: the smallest part of it that counts.
    """

    product: Hashable
    quantity: float
    unit: float = 0.01

    def is_on(self, shelf: Mapping[Hashable, float]) -> bool:
        """Whether there is enough of it."""
        free = shelf.get(self.product)
        return free is None or round(free / self.unit) >= round(self.quantity / self.unit)


@dataclass(frozen=True)
class Parcel:
    """One line of a shipment: what is planned, and what may be sent instead, the first choice first."""

    planned: Want
    substitutes: Iterable[Want] = ()

    def choose(self, shelf: Mapping[Hashable, float]) -> Want:
        """Return what is sent: what is planned, or where that is out of stock, the first substitute that is not."""
        if self.planned.is_on(shelf):
            return self.planned
        return next((want for want in self.substitutes if want.is_on(shelf)), self.planned)


def get_missing(parcels: Iterable[Parcel], shelf: Mapping[Hashable, float]) -> dict[Hashable, float]:
    """Return what a shipment needs of what is planned and is not there, by product."""
    needed: dict[Hashable, Want] = {}
    for parcel in parcels:
        want = parcel.planned
        before = needed[want.product].quantity if want.product in needed else 0.0
        needed[want.product] = Want(want.product, before + want.quantity, want.unit)
    return {
        product: want.quantity - max(shelf[product], 0.0) for product, want in needed.items() if not want.is_on(shelf)
    }


def take(parcels: Iterable[Parcel], shelf: Shelf) -> list[Want]:
    """Take what a shipment sends from the shelf, and return it, one for each parcel. What is short is sent as well:
    the next shipment lacks it."""
    taken = []
    for parcel in parcels:
        want = parcel.choose(shelf)
        if want.product in shelf:
            shelf[want.product] -= want.quantity
        taken.append(want)
    return taken
