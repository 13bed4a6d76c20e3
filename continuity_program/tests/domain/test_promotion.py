import pytest
from domain.money import round_to
from domain.promotion import Box, Promotion, take_off_boxes
from hypothesis import given
from hypothesis import strategies as st

UNITS = (1.0, 0.01, 0.001)


def take(promotions, *boxes, unit=0.01):
    """Return what is taken off boxes of these amounts, in all of each."""
    taken = take_off_boxes(promotions, [Box(amount) for amount in boxes], unit)
    return [round_to(sum(off.values()), unit) for off in taken]


amounts = st.integers(0, 100_000)
promotions = st.lists(
    st.tuples(st.floats(0, 1), st.none() | st.integers(0, 200_000), st.none() | st.integers(0, 5)), max_size=4
)


class TestTakeOffBoxes:
    @pytest.mark.parametrize(
        ("values", "taken"),
        [
            ({"share": 0.1}, [2.2, 2.31, 2.42]),
            ({"share": 0.1, "boxes_left": 1}, [2.2, 0.0, 0.0]),
            ({"share": 0.1, "boxes_left": 2}, [2.2, 2.31, 0.0]),
            ({"share": 0.1, "boxes_left": 0}, [0.0, 0.0, 0.0]),
            ({"share": 0.1, "left": 3.0}, [2.2, 0.8, 0.0]),
            ({"left": 30.0}, [22.0, 8.0, 0.0]),
            ({"left": -1.0}, [0.0, 0.0, 0.0]),
        ],
    )
    def test_one_promotion(self, values, taken):
        # Made anew for each run: boxes use it up.
        assert take([Promotion("one", **values)], 22.0, 23.1, 24.2) == taken

    def test_a_share_of_what_the_one_before_leaves(self):
        assert take([Promotion("a", 0.1), Promotion("b", 0.5)], 20.0) == [11.0]

    def test_a_free_box_uses_up_no_box(self):
        assert take([Promotion("share", 0.5, boxes_left=1)], 0.0, 20.0, 20.0) == [0.0, 10.0, 0.0]

    def test_only_what_it_reaches(self):
        box = Box(30.0, {"books": 10.0})
        assert take_off_boxes([Promotion("books", 0.5)], [box], 0.01) == [{"books": 5.0}]

    def test_of_what_it_reaches_the_one_before_has_taken_its_part(self):
        box = Box(30.0, {"books": 10.0})
        taken = take_off_boxes([Promotion("all", 0.5), Promotion("books", 1.0)], [box], 0.01)
        assert taken == [{"all": 15.0, "books": 5.0}]

    def test_whole_units(self):
        assert take([Promotion("share", 0.15)], 10.0, unit=1.0) == [2.0]

    @given(promotions, st.lists(amounts, max_size=6), st.sampled_from(UNITS))
    def test_never_more_than_a_box_costs_or_is_left(self, given_promotions, boxes, unit):
        found = [
            Promotion(key, share, None if left is None else left * unit, count)
            for key, (share, left, count) in enumerate(given_promotions)
        ]
        taken = take_off_boxes(found, [Box(amount * unit) for amount in boxes], unit)
        assert len(taken) == len(boxes)
        for off, amount in zip(taken, boxes, strict=True):
            assert sum(off.values()) <= amount * unit + unit / 1000
            assert all(value > 0 and abs(value / unit - round(value / unit)) < 1e-6 for value in off.values())
        for key, (_share, left, count) in enumerate(given_promotions):
            mine = [off[key] for off in taken if key in off]
            assert left is None or sum(mine) <= left * unit + unit / 1000
            assert count is None or len(mine) <= count

    @given(st.integers(0, 200_000), st.lists(st.integers(1, 100_000), max_size=6), st.sampled_from(UNITS))
    def test_an_amount_is_used_up_by_the_first_boxes(self, amount, boxes, unit):
        taken = take([Promotion("amount", left=amount * unit)], *(box * unit for box in boxes), unit=unit)
        assert sum(taken) == pytest.approx(min(amount, sum(boxes)) * unit)
        full = [index for index, off in enumerate(taken) if off < boxes[index] * unit - unit / 2]
        # Once a box is not free, nothing is left for those behind it.
        assert not full or not any(taken[full[0] + 1 :])
