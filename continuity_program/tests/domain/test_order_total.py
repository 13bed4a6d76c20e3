from unittest import TestCase

from domain.order_total import OTHERS, Reduction, Sold, share_reduction
from hypothesis import given
from hypothesis import strategies as st

NORMAL, LOW = frozenset({1}), frozenset({2})


def share(reduction, *sold, unit=0.01):
    return share_reduction(reduction, sold, unit)


class TestShareReduction(TestCase):
    def test_all_of_it_where_one_plan_is_all_there_is(self):
        self.assertEqual(share(Reduction(-12.0), Sold(7, 120.0)), {7: -12.0})

    def test_by_value(self):
        shares = share(Reduction(-30.0), Sold(7, 100.0), Sold(8, 50.0), Sold(OTHERS, 150.0))
        self.assertEqual(shares, {7: -10.0, 8: -5.0, OTHERS: -15.0})

    def test_of_many_lines_of_an_owner_the_sum(self):
        shares = share(Reduction(-9.0), Sold(7, 10.0), Sold(OTHERS, 20.0), Sold(7, 30.0), Sold(OTHERS, 0.0))
        self.assertEqual(shares, {7: -6.0, OTHERS: -3.0})

    def test_to_the_last_unit(self):
        self.assertEqual(
            share(Reduction(-1.0), *(Sold(owner, 1.0) for owner in 'abc')), {'a': -0.34, 'b': -0.33, 'c': -0.33}
        )
        self.assertEqual(share(Reduction(-10.0), Sold(7, 1.0), Sold(8, 2.0), unit=1), {7: -3.0, 8: -7.0})

    def test_off_what_has_its_taxes(self):
        sold = Sold(7, 100.0, NORMAL), Sold(OTHERS, 900.0, LOW)
        self.assertEqual(share(Reduction(-30.0, NORMAL), *sold), {7: -30.0})
        self.assertEqual(share(Reduction(-30.0, LOW), *sold), {OTHERS: -30.0})
        self.assertEqual(share(Reduction(-30.0, frozenset()), *sold), {7: -3.0, OTHERS: -27.0})

    def test_off_all_that_is_sold_where_nothing_has_its_taxes(self):
        sold = Sold(7, 10.0, LOW), Sold(OTHERS, 10.0, LOW), Sold(7, 20.0, LOW)
        self.assertEqual(share(Reduction(-8.0, NORMAL), *sold), {7: -6.0, OTHERS: -2.0})

    def test_what_is_free_has_no_share(self):
        sold = Sold(7, 0.0, NORMAL), Sold(8, 20.0, LOW)
        self.assertEqual(share(Reduction(-5.0, NORMAL), *sold), {8: -5.0})

    def test_who_is_billed_keeps_what_is_on_the_bill(self):
        sold = Sold(7, 100.0), Sold(8, 100.0), Sold(OTHERS, 100.0)
        self.assertEqual(share(Reduction(-30.0, billed={7: 0.0}), *sold), {7: 0.0, 8: -15.0, OTHERS: -15.0})
        self.assertEqual(share(Reduction(-30.0, billed={OTHERS: -10.0}), *sold), {OTHERS: -10.0, 7: -10.0, 8: -10.0})

    def test_where_all_are_billed_others_take_the_rest(self):
        self.assertEqual(share(Reduction(-30.0, billed={7: -10.0}), Sold(7, 100.0)), {7: -10.0, OTHERS: -20.0})
        self.assertEqual(share(Reduction(-30.0, billed={OTHERS: -10.0}), Sold(OTHERS, 1.0)), {OTHERS: -30.0})
        self.assertEqual(share(Reduction(-30.0)), {OTHERS: -30.0})

    def test_made_smaller_after_it_was_billed_others_give_it_back(self):
        self.assertEqual(share(Reduction(-5.0, billed={7: -10.0}), Sold(8, 1.0)), {7: -10.0, OTHERS: 5.0})

    def test_nothing_left(self):
        self.assertEqual(share(Reduction(-10.0, billed={7: -10.0}), Sold(8, 1.0)), {7: -10.0, OTHERS: 0.0})

    @given(
        st.integers(1, 10**7),
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**6), st.sampled_from([NORMAL, LOW])), max_size=6),
        st.dictionaries(st.integers(0, 3), st.integers(-(10**6), 0), max_size=2),
    )
    def test_shares_sum_to_it(self, amount, sold, billed):
        sold = [Sold(owner or OTHERS, cents / 100, taxes) for owner, cents, taxes in sold]
        billed = {owner or OTHERS: cents / 100 for owner, cents in billed.items()}
        shares = share_reduction(Reduction(-amount / 100, NORMAL, billed), sold, 0.01)
        self.assertAlmostEqual(sum(shares.values()), -amount / 100, 6)
        for owner in shares.keys() - {OTHERS}:
            self.assertIn(owner, {line.owner for line in sold} | billed.keys())
            self.assertLessEqual(shares[owner], 0.0)
        for owner, on_bill in billed.items():
            if owner is not OTHERS:
                self.assertEqual(shares[owner], on_bill)
