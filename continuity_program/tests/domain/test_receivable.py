from datetime import date
from decimal import Decimal
from unittest import TestCase

from domain.receivable import Planned, Wanted, align, cut, get_rearranging_refusal, split_by_days
from hypothesis import given, settings
from hypothesis import strategies as st

UNITS = st.sampled_from((0.01, 1.0, 0.001, 0.05))
COUNTS = st.integers(min_value=0, max_value=10**7)


def to_amounts(counts, unit):
    return [float(count * Decimal(str(unit))) for count in counts]


def add(amounts):
    return sum((Decimal(str(amount)) for amount in amounts), Decimal())


class TestReceivable(TestCase):
    def test_cut_by_weights_the_last_one_takes_the_rest(self):
        self.assertEqual(cut(10.0, [1, 1, 1], 0.01), [3.33, 3.34, 3.33])
        self.assertEqual(cut(69.3, [30, 70], 0.01), [20.79, 48.51])
        self.assertEqual(cut(5.0, [0, 0], 0.01), [0.0, 5.0])
        self.assertEqual(cut(5.0, [2, 1], 1.0), [3.0, 2.0])
        self.assertEqual(cut(5.0, [], 0.01), [])

    def test_half_a_unit_goes_away_from_zero(self):
        self.assertEqual(cut(0.25, [1, 1], 0.01), [0.13, 0.12])
        self.assertEqual(cut(-0.25, [1, 1], 0.01), [-0.13, -0.12])
        self.assertEqual(cut(5.0, [1, 1], 1.0), [3.0, 2.0])

    def test_align_takes_it_from_the_last_ones(self):
        self.assertEqual(align([23.1, 23.1, 23.1], 66.0, 0.01), [23.1, 23.1, 19.8])
        self.assertEqual(align([23.1, 23.1, 23.1], 30.0, 0.01), [23.1, 6.9, 0.0])
        self.assertEqual(align([23.1, 23.1], 50.0, 0.01), [23.1, 26.9])
        self.assertEqual(align([23.1, 23.1], 0.0, 0.01), [0.0, 0.0])

    def test_two_plans_by_two_days(self):
        self.assertEqual(split_by_days([69.3, 22.0], [27.39, 63.91], 0.01), [[20.79, 48.51], [6.6, 15.4]])

    @settings(deadline=None, derandomize=True, max_examples=300)
    @given(UNITS, COUNTS, st.lists(COUNTS, min_size=1, max_size=30))
    def test_pieces_sum_to_the_total_and_none_is_a_unit_off(self, unit, total, counts):
        weights = to_amounts(counts, unit)
        (whole,) = to_amounts([total], unit)

        pieces = cut(whole, weights, unit)

        self.assertEqual(add(pieces), Decimal(str(whole)))
        if add(weights):
            for piece, weight in zip(pieces, weights, strict=True):
                exact = Decimal(str(whole)) * Decimal(str(weight)) / add(weights)
                self.assertLessEqual(abs(Decimal(str(piece)) - exact), Decimal(str(unit)))

    @settings(deadline=None, derandomize=True, max_examples=300)
    @given(UNITS, COUNTS, st.lists(COUNTS, min_size=1, max_size=30))
    def test_aligned_ones_sum_to_the_total_and_the_first_ones_stay(self, unit, total, counts):
        amounts = to_amounts(counts, unit)
        (whole,) = to_amounts([total], unit)

        aligned = align(amounts, whole, unit)

        self.assertEqual(add(aligned), Decimal(str(whole)))
        self.assertGreaterEqual(min(aligned), 0.0)
        changed = [index for index, pair in enumerate(zip(amounts, aligned, strict=True)) if pair[0] != pair[1]]
        # What is behind the first one that was cut is given up, and what is missing is on the last one.
        self.assertFalse([aligned[index] for index in changed[1:] if total < sum(counts) and aligned[index]])

    @settings(deadline=None, derandomize=True, max_examples=300)
    @given(UNITS, st.lists(COUNTS, min_size=1, max_size=6), st.lists(st.integers(1, 100), min_size=1, max_size=6))
    def test_rows_and_columns_sum_exactly(self, unit, counts, shares):
        amounts = to_amounts(counts, unit)
        days = cut(float(add(amounts)), shares, unit)

        rows = split_by_days(amounts, days, unit)

        self.assertEqual([add(row) for row in rows], [Decimal(str(amount)) for amount in amounts])
        self.assertEqual([add(column) for column in zip(*rows, strict=True)], [Decimal(str(day)) for day in days])


class TestRearranging(TestCase):
    PLANNED = (
        Planned('a', 1, date(2027, 1, 1), 23.1, 'closed'),
        Planned('b', 2, date(2027, 1, 31), 23.1, 'billed'),
        Planned('c', 3, date(2027, 3, 2), 23.1, 'open'),
        Planned('d', 4, date(2027, 4, 2), 23.1, 'open'),
    )

    def _ask(self, **wanted):
        refusal = get_rearranging_refusal(self.PLANNED, wanted, 0.01)
        return refusal and (refusal.code, refusal.values)

    def test_each_keeps_what_it_has_to(self):
        later = date(2027, 6, 1)
        for wanted, said in (
            ({}, None),
            ({'a': Wanted(date(2027, 1, 1), 23.1)}, None),
            ({'a': Wanted(later, 23.1)}, ('instalment_closed', {'number': 1})),
            ({'b': Wanted(later, 23.1)}, None),
            ({'b': Wanted(date(2027, 1, 31), 23.0)}, ('instalment_billed', {'number': 2})),
            ({'c': Wanted(later, 20.0), 'd': Wanted(later, 26.2)}, None),
            ({'c': Wanted(later, 20.0)}, ('instalments_sum', {'before': 92.4, 'after': 89.3})),
            ({'c': Wanted(None, 23.1)}, ('instalment_day', {'number': 3})),
            ({'c': Wanted(later, -1.0), 'd': Wanted(later, 47.2)}, ('instalment_below_zero', {'number': 3})),
            ({'c': Wanted(later, 0.0), 'd': Wanted(later, 46.2)}, None),
        ):
            with self.subTest(wanted):
                self.assertEqual(self._ask(**wanted), said)
