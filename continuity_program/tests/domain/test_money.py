from decimal import Decimal
from unittest import TestCase

from domain.money import add_discount, share_out
from hypothesis import given, settings
from hypothesis import strategies as st

UNITS = (0.01, 1.0, 0.001, 0.05)


class TestShareOut(TestCase):
    def test_largest_remainder(self):
        self.assertEqual(share_out(100.0, [1, 1, 1], 0.01), [33.34, 33.33, 33.33])
        self.assertEqual(share_out(10.0, [1, 2, 1], 1.0), [3.0, 5.0, 2.0])
        self.assertEqual(share_out(0.02, [5, 4, 1], 0.01), [0.01, 0.01, 0.0])
        self.assertEqual(share_out(1.0, [0, 0, 0, 0], 0.25), [0.25] * 4)
        self.assertEqual(share_out(5.0, [], 0.01), [])
        # Half a unit is rounded up.
        self.assertEqual(share_out(0.125, [1], 0.01), [0.13])
        with self.assertRaisesRegex(ValueError, "negative weight"):
            share_out(5.0, [1, -1], 0.01)

    @settings(deadline=None, derandomize=True, max_examples=500)
    @given(
        st.sampled_from(UNITS),
        st.integers(min_value=-(10**9), max_value=10**9),
        st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=60),
    )
    def test_shares_sum_to_the_total_and_miss_none_by_a_unit(self, unit, units, weights):
        step = Decimal(str(unit))
        total = units * step

        shares = [Decimal(str(share)) for share in share_out(float(total), weights, unit)]

        self.assertEqual(sum(shares), total)
        whole = sum(Decimal(str(weight)) for weight in weights)
        for share, weight in zip(shares, weights, strict=True):
            exact = total * Decimal(str(weight)) / whole if whole else total / len(weights)
            self.assertLess(abs(share - exact), step)


class TestAddDiscount(TestCase):
    def test_one_on_top_of_another(self):
        self.assertAlmostEqual(add_discount(10.0, 20.0), 28.0)

    def test_none_adds_nothing(self):
        self.assertAlmostEqual(add_discount(33.33, 0.0), 33.33)
        self.assertAlmostEqual(add_discount(0.0, 33.33), 33.33)

    def test_all_is_all(self):
        self.assertAlmostEqual(add_discount(100.0, 50.0), 100.0)
