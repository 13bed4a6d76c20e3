"""What a comparison is made of, and what comes out of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import log
from statistics import median


@dataclass
class Goal:
    """What a comparison should show; without a limit, a figure that is only told.

    :ivar value: takes the ``Results`` and the name of a figure, ``wall`` or ``cpu``, and returns the value.
    """

    text: str
    value: Callable
    at_least: float | None = None
    at_most: float | None = None

    def judge(self, value: float) -> str:
        if self.at_least is None and self.at_most is None:
            return ""
        is_met = value >= self.at_least if self.at_most is None else value <= self.at_most
        return "met" if is_met else "not met"

    @property
    def title(self) -> str:
        """The text, with the limit."""
        if self.at_most is not None:
            return f"{self.text} (≤ {self.at_most:g})"
        return self.text if self.at_least is None else f"{self.text} (≥ {self.at_least:g})"


@dataclass
class Others:
    """How others do the same: measured on Odoo with their addons, and without ours, whose hooks they need not pay for.

    :ivar addons: those of ``requirements-oca-bench.txt`` that are installed.
    :ivar seed: fills their database as ``Case.seed`` fills ours.
    """

    addons: tuple[str, ...]
    seed: Callable
    variants: dict[str, Callable]


@dataclass
class Case:
    """A comparison: some ways of doing the same, each measured in its own process on its own copy of one database.

    :ivar unit: what one of the things done is called.
    :ivar seed: ``seed(env, size)`` fills the database; it is committed.
    :ivar variants: by name, ``variant(env, size)``: makes ready and returns the work, a function that is timed and
        returns how many it did.
    :ivar others: other people's ways, on a database of their own.
    :ivar sizes: sizes to measure at; ``quick_sizes`` with ``--quick``.
    """

    name: str
    title: str
    text: str
    unit: str
    seed: Callable
    variants: dict[str, Callable]
    sizes: tuple[int, ...]
    quick_sizes: tuple[int, ...]
    rounds: int = 3
    goals: list[Goal] = field(default_factory=list)
    others: Others | None = None

    @property
    def all_variants(self) -> dict[str, Callable]:
        return self.variants | (self.others.variants if self.others else {})


class Results:
    """The measurements of a comparison: for each variant and size, one of each round, as ``worker.py`` wrote them."""

    def __init__(self, rows: list[dict]):
        self.rows = rows

    def of(self, variant: str, size: int | None = None) -> list[dict]:
        """The rounds of a variant, at its largest size when none is given."""
        mine = [row for row in self.rows if row["variant"] == variant]
        size = size or max(row["size"] for row in mine)
        return [row for row in mine if row["size"] == size]

    def each(self, variant: str, figure: str = "wall", size: int | None = None) -> float:
        """The median cost of one, in milliseconds."""
        return median(1000 * row[figure] / row["count"] for row in self.of(variant, size))

    def queries(self, variant: str, size: int | None = None) -> float:
        return median(row["queries"] / row["count"] for row in self.of(variant, size))

    def memory(self, variant: str, size: int | None = None) -> float:
        """The median peak of resident memory, in MB."""
        return median(row["peak_kb"] / 1024 for row in self.of(variant, size))

    def sizes(self, variant: str) -> list[int]:
        return sorted({row["size"] for row in self.rows if row["variant"] == variant})

    def ratio(self, slow: str, fast: str, figure: str = "wall") -> float:
        """How many times ``slow`` costs what ``fast`` does: the median of the rounds, each compared in itself."""
        pairs = zip(self.of(slow), self.of(fast), strict=True)
        return median((a[figure] / a["count"]) / (b[figure] / b["count"]) for a, b in pairs)

    def exponent(self, variant: str, figure: str = "wall") -> float:
        """How the time for all of them grows with the size, 1 = in proportion: the slope of the least squares through
        (log of the size, log of the time)."""
        points = [(log(size), log(size * self.each(variant, figure, size))) for size in self.sizes(variant)]
        mean_x, mean_y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
        return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _y in points)
