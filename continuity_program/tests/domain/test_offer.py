import calendar
from datetime import date, timedelta

import pytest
from domain.offer import Box, Offer, Rhythm, find_rhythm
from domain.schedule import shift
from hypothesis import given
from hypothesis import strategies as st

NEW_YEAR = date(2027, 1, 1)
days = st.dates(date(2020, 1, 1), date(2100, 12, 31))


def offer(*amounts, **values):
    boxes = tuple(
        Box(shift(NEW_YEAR, index, 0), price=amount, untaxed=amount / 1.1) for index, amount in enumerate(amounts)
    )
    return Offer(boxes=boxes, count=len(boxes), planned_total=sum(amounts), **values)


class TestOffer:
    def test_what_it_comes_to(self):
        plan = offer(22.0, 23.1, 24.2)

        assert (plan.first_day, plan.last_day, plan.rhythm) == (NEW_YEAR, date(2027, 3, 1), Rhythm(1, "month"))
        assert (plan.prices, plan.get_price(), plan.get_value()) == ((22.0, 24.2), 22.0, pytest.approx(69.3))
        assert plan.get_later() == pytest.approx(69.3)

    def test_in_advance_the_price_is_that_of_the_whole(self):
        plan = offer(22.0, 23.1, 24.2, in_advance=True, planned_untaxed=63.0, due_now=30.0)

        assert (plan.get_price(), plan.get_price(untaxed=True)) == (pytest.approx(69.3), 63.0)
        assert plan.get_later() == pytest.approx(39.3)

    def test_the_price_is_that_of_one(self):
        assert offer(44.0, 44.0, quantity=2).get_price() == 22.0
        assert offer(44.0, 44.0, quantity=2, in_advance=True).get_price() == 44.0
        assert offer(44.0, 44.0, quantity=0).get_price() == 44.0

    def test_without_taxes(self):
        boxes = (Box(NEW_YEAR, 22.0, 20.0), Box(date(2027, 2, 1), 33.0, 30.0))
        whole = Offer(boxes=boxes, planned_total=55.0, planned_untaxed=50.0)
        endless = Offer(boxes=boxes, planned_total=55.0, planned_untaxed=50.0, is_planned_whole=False)

        assert (whole.get_price(untaxed=True), whole.get_value(untaxed=True)) == (20.0, 50.0)
        assert (endless.get_price(untaxed=True), endless.get_value(untaxed=True)) == (20.0, 20.0)

    def test_without_an_end_nothing_is_told_of_it(self):
        plan = offer(22.0, 22.0, is_planned_whole=False)

        assert (plan.total, plan.last_day, plan.get_later()) == (None, None, None)
        assert plan.get_value() == 22.0
        # Two of it: worth the first box, which holds both.
        assert offer(44.0, 44.0, is_planned_whole=False, quantity=2).get_value() == 44.0
        assert offer(44.0, 44.0, is_planned_whole=False, in_advance=True).get_value() == 88.0

    def test_what_a_customer_pays_for_a_box(self):
        plan = Offer(boxes=(Box(NEW_YEAR, 20.0, 20.0, shipping=3.0), Box(NEW_YEAR, 21.0, 21.0)))

        assert (plan.prices, plan.charges, plan.shipping) == ((20.0, 21.0), (21.0, 23.0), 3.0)

    def test_pieces_are_told_where_all_boxes_hold_as_many(self):
        one, two = Box(NEW_YEAR, 1.0, 1.0), Box(NEW_YEAR, 1.0, 1.0, pieces=2.0)

        assert (Offer(boxes=(two, two)).pieces, Offer(boxes=(one, two)).pieces) == (2.0, None)

    def test_nothing_to_send(self):
        plan = Offer()

        assert (plan.first_day, plan.last_day, plan.rhythm, plan.pieces) == (None, None, None, None)
        assert (plan.prices, plan.charges, plan.shipping, plan.get_price()) == ((0.0, 0.0), (0.0, 0.0), 0.0, 0.0)


class TestRhythm:
    @given(days, st.integers(1, 30), st.integers(2, 12))
    def test_of_months(self, first, number, count):
        rhythm = find_rhythm([shift(first, number * index, 0) for index in range(count)])

        years = number % 12 == 0
        assert rhythm == (Rhythm(number // 12, "year") if years else Rhythm(number, "month"))

    @given(days, st.integers(2, 12))
    def test_of_ends_of_months(self, first, count):
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])

        assert find_rhythm([shift(last, index, 0, True) for index in range(count)]) == Rhythm(1, "month")

    def test_of_one_day_in_each_month_though_the_first_ends_its_month(self):
        assert find_rhythm([date(2027, 4, 30), date(2027, 5, 30), date(2027, 6, 30)]) == Rhythm(1, "month")
        assert find_rhythm([date(2027, 4, 30), date(2027, 5, 31), date(2027, 6, 30)]) == Rhythm(1, "month")

    def test_in_whole_numbers_for_they_are_told(self):
        told = [
            str(find_rhythm([NEW_YEAR, later]).number)
            for later in (date(2029, 1, 1), date(2027, 3, 1), date(2027, 1, 15), date(2027, 1, 11))
        ]

        assert told == ["2", "2", "2", "10"]

    @pytest.mark.parametrize(
        ("gap", "rhythm"),
        [(1, Rhythm(1, "day")), (10, Rhythm(10, "day")), (7, Rhythm(1, "week")), (28, Rhythm(4, "week"))],
    )
    def test_of_days(self, gap, rhythm):
        assert find_rhythm([NEW_YEAR + timedelta(gap * index) for index in range(4)]) == rhythm

    @pytest.mark.parametrize("gaps", [[], [0], [0, 0], [0, 31, 40], [0, -1]])
    def test_none(self, gaps):
        assert find_rhythm([NEW_YEAR + timedelta(gap) for gap in gaps]) is None
