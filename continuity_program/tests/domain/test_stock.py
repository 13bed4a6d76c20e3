from unittest import TestCase

from domain.stock import Parcel, Want, get_missing, take
from hypothesis import given
from hypothesis import strategies as st


class TestTake(TestCase):
    def test_enough_is_taken(self):
        shelf = {'book': 3.0}
        self.assertEqual(take([Parcel(Want('book', 3.0))], shelf), [Want('book', 3.0)])
        self.assertEqual(shelf, {'book': 0.0})

    def test_the_first_substitute_in_stock_stands_in(self):
        shelf = {'book': 1.0, 'map': 1.0, 'pen': 2.0, 'cup': 9.0}
        parcel = Parcel(Want('book', 2.0), (Want('map', 2.0), Want('pen', 2.0), Want('cup', 2.0)))
        self.assertEqual(take([parcel], shelf), [Want('pen', 2.0)])
        self.assertEqual(shelf, {'book': 1.0, 'map': 1.0, 'pen': 0.0, 'cup': 9.0})

    def test_without_a_substitute_in_stock_it_is_sent_as_planned(self):
        shelf = {'book': 1.0, 'map': 1.0}
        self.assertEqual(take([Parcel(Want('book', 2.0), (Want('map', 2.0),))], shelf), [Want('book', 2.0)])
        self.assertEqual(shelf, {'book': -1.0, 'map': 1.0})

    def test_the_next_line_gets_what_is_left(self):
        shelf = {'book': 1.0, 'map': 1.0}
        parcels = [Parcel(Want('book', 1.0), (Want('map', 1.0),)) for _number in range(3)]
        self.assertEqual([want.product for want in take(parcels, shelf)], ['book', 'map', 'book'])

    def test_what_is_not_on_the_shelf_is_always_there(self):
        shelf = {}
        self.assertEqual(take([Parcel(Want('course', 5.0), (Want('map', 5.0),))], shelf), [Want('course', 5.0)])
        self.assertEqual(shelf, {})

    def test_less_than_the_smallest_part_is_nothing(self):
        self.assertTrue(Want('tea', 1.0, unit=0.01).is_on({'tea': 0.999}))
        self.assertFalse(Want('tea', 1.0, unit=0.001).is_on({'tea': 0.999}))

    def test_substitutes_are_looked_up_only_where_it_is_out_of_stock(self):
        def fail():
            raise AssertionError("looked up")
            yield

        self.assertEqual(take([Parcel(Want('book', 1.0), fail())], {'book': 1.0}), [Want('book', 1.0)])

    @given(st.lists(st.integers(1, 5), max_size=12), st.integers(0, 20))
    def test_nothing_is_given_twice(self, quantities, free):
        shelf = {'book': float(free), 'map': 1000.0}
        sent = take([Parcel(Want('book', float(want)), (Want('map', float(want)),)) for want in quantities], shelf)
        given_away = sum(want.quantity for want in sent if want.product == 'book')
        self.assertLessEqual(given_away, free)
        self.assertEqual(shelf['book'], free - given_away)


class TestMissing(TestCase):
    def test_lines_of_one_product_need_their_sum(self):
        parcels = [Parcel(Want('book', 2.0)), Parcel(Want('book', 3.0)), Parcel(Want('map', 1.0))]
        self.assertEqual(get_missing(parcels, {'book': 4.0, 'map': 1.0}), {'book': 1.0})
        self.assertEqual(get_missing(parcels, {'book': 5.0, 'map': 1.0}), {})

    def test_counted_in_the_smallest_part_of_the_product(self):
        shelf = {'tea': 0.498}
        self.assertEqual(get_missing([Parcel(Want('tea', 0.5, unit=0.01))], shelf), {})
        missing = get_missing([Parcel(Want('tea', 0.5, unit=0.001))], shelf)
        self.assertAlmostEqual(missing['tea'], 0.002)

    def test_what_others_are_promised_is_not_missed_twice(self):
        self.assertEqual(get_missing([Parcel(Want('book', 2.0))], {'book': -3.0}), {'book': 2.0})

    def test_what_is_not_on_the_shelf_is_not_missing(self):
        self.assertEqual(get_missing([Parcel(Want('course', 2.0))], {}), {})
