from decimal import Decimal
from unittest import TestCase

from domain.money import add_discount, round_to, share_out
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


class TestRoundTo(TestCase):
    def test_in_whole_units(self):
        self.assertEqual(round_to(23.146, 0.01), 23.15)
        self.assertEqual(round_to(23.1, 1.0), 23.0)
        self.assertEqual(round_to(23.12, 0.05), 23.1)
        self.assertEqual(round_to(0.0, 0.01), 0.0)

    def test_half_a_unit_goes_away_from_zero(self):
        self.assertEqual(round_to(0.125, 0.01), 0.13)
        self.assertEqual(round_to(-0.125, 0.01), -0.13)
        self.assertEqual(round_to(2.5, 1.0), 3.0)

    def test_what_a_float_is_off_by_does_not_count(self):
        # 0.034999999999999996 and 0.24499999999999997.
        self.assertEqual(round_to(0.1 * 0.35, 0.01), 0.04)
        self.assertEqual(round_to(0.7 * 0.35, 0.01), 0.25)
