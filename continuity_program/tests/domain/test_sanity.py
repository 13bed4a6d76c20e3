from datetime import date, datetime
from unittest import TestCase

from domain import sanity
from domain.sanity import Bounds, Fault
from hypothesis import given
from hypothesis import strategies as st

DAY = date(2027, 1, 31)
TEN = Bounds(-10, 10)


class TestReadDay(TestCase):
    def test_a_day_is_itself(self):
        self.assertEqual(sanity.read_day(DAY), DAY)

    def test_of_a_moment_its_day(self):
        self.assertEqual(sanity.read_day(datetime(2027, 1, 31, 23, 59, 59)), DAY)  # noqa: DTZ001
        self.assertIs(type(sanity.read_day(datetime(2027, 1, 31))), date)  # noqa: DTZ001

    def test_text(self):
        for text in (
            '2027-1-31',
            '2027-01-31',
            '2027-01-31 12',
            '2027-01-31 12:30',
            '2027-01-31 12:30:59',
            '2027-01-31 12:30:59.123456',
        ):
            with self.subTest(text=text):
                self.assertEqual(sanity.read_day(text), DAY)

    def test_what_is_no_day(self):
        for value in (20270131, 1.5, True, []):
            with self.subTest(value=value), self.assertRaises(ValueError) as caught:
                sanity.read_day(value)
            self.assertEqual(str(caught.exception), f"{value} is no day")
        for value in ('2027', '2027-02-30', '31.1.2027', '2027-01-31 25:00:00', 'tomorrow'):
            with self.subTest(value=value), self.assertRaises(ValueError):
                sanity.read_day(value)

    @given(st.dates())
    def test_as_it_is_written(self, day):
        self.assertEqual(sanity.read_day(day.isoformat()), day)
        self.assertEqual(sanity.read_day(f'{day.isoformat()} 23:59:58'), day)


class TestReadNumber(TestCase):
    def test_numbers(self):
        for value, number in ((3, 3.0), (2.5, 2.5), ('7', 7.0), (' -1e3 ', -1000.0), (True, 1.0)):
            with self.subTest(value=value):
                self.assertEqual(sanity.read_number(value), number)
                self.assertIs(type(sanity.read_number(value)), float)

    def test_what_is_no_number(self):
        for value, told in (
            ([], "[] is no number"),
            (None, "None is no number"),
            ('seven', "could not convert string to float: 'seven'"),
            (10**400, f"{10**400} is too large"),
            (float('inf'), "inf is not finite"),
            ('-inf', "'-inf' is not finite"),
            (float('nan'), "nan is not finite"),
        ):
            with self.subTest(value=value), self.assertRaises(ValueError) as caught:
                sanity.read_number(value)
            self.assertEqual(str(caught.exception), told)


class TestFaults(TestCase):
    def test_nothing_is_fine(self):
        for value in (None, False, ''):
            self.assertIsNone(sanity.find_day_fault(value))
            self.assertIsNone(sanity.find_number_fault(value))

    def test_zero_is_a_number(self):
        self.assertEqual(sanity.find_number_fault(0, Bounds(1, 2)), Fault('out_of_bounds', 0, Bounds(1, 2)))

    def test_both_ends_are_within(self):
        for value in (-10, 10, '10', 10.0):
            self.assertIsNone(sanity.find_number_fault(value, TEN))
        for value in (-10.001, 10.001, '11'):
            self.assertEqual(sanity.find_number_fault(value, TEN), Fault('out_of_bounds', value, TEN))

    def test_days(self):
        self.assertIsNone(sanity.find_day_fault('2000-01-01'))
        self.assertIsNone(sanity.find_day_fault(date(2200, 12, 31)))
        for value in ('1999-12-31', date(2201, 1, 1), '0001-01-01', date.max):
            self.assertEqual(sanity.find_day_fault(value), Fault('out_of_bounds', value, sanity.DAY))
        self.assertEqual(sanity.find_day_fault('Monday'), Fault('no_day', 'Monday', sanity.DAY))

    def test_days_within_bounds_of_their_own(self):
        bounds = Bounds(DAY, DAY)
        self.assertIsNone(sanity.find_day_fault(DAY, bounds))
        self.assertEqual(sanity.find_day_fault('2027-02-01', bounds), Fault('out_of_bounds', '2027-02-01', bounds))

    def test_no_number(self):
        self.assertEqual(sanity.find_number_fault('x'), Fault('no_number', 'x', sanity.COUNT))
        self.assertEqual(sanity.find_number_fault(float('inf'), TEN).code, 'no_number')

    def test_bounds(self):
        """What the database is kept within, too."""
        self.assertEqual((sanity.DAYS.lowest, sanity.DAYS.highest), (0, 3650))
        self.assertEqual((sanity.DAYS_OR_DEFAULT.lowest, sanity.DAYS_OR_DEFAULT.highest), (-1, 3650))
        self.assertEqual(sanity.DAYS_BOTH_WAYS, (-3650, 3650))
        self.assertEqual(sanity.COUNT, (-1_000_000, 1_000_000))
        self.assertEqual(sanity.COUNT_FROM_0, (0, 1_000_000))
        self.assertEqual(sanity.QUANTITY, (-1e6, 1e6))
        self.assertEqual(sanity.QUANTITY_FROM_0, (0, 1e6))
        self.assertEqual(sanity.AMOUNT, (-1e10, 1e10))
        self.assertEqual(sanity.AMOUNT_FROM_0, (0, 1e10))
