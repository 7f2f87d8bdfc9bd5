from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cases.reference import DIGITS, FIRST_DIGITS, digits, draw, is_valid, shown

NUMBERS = st.randoms(use_true_random=False).map(lambda chance: draw(chance.randrange))
PLACES = st.integers(0, DIGITS - 1)


@pytest.mark.parametrize("ref", ["200000005", "482915633", "572468904"])
def test_the_check_vectors_are_valid(ref: str) -> None:
    assert is_valid(ref)


@given(ref=NUMBERS)
def test_what_is_drawn_is_valid(ref: str) -> None:
    assert is_valid(ref)
    assert len(ref) == DIGITS


def test_numbers_begin_with_every_digit_that_neither_excel_nor_a_kenyan_mobile_takes() -> None:
    chance = random.Random(1)  # noqa: S311  the same numbers every time
    assert {draw(chance.randrange)[0] for _ in range(1_000)} == set(FIRST_DIGITS) == set("2345689")


@pytest.mark.parametrize(("first", "rest"), [(0, 0), (6, 9_999_999)])
def test_the_least_and_the_greatest_draw_have_nine_digits(first: int, rest: int) -> None:
    draws = iter([first, rest])
    assert len(draw(lambda _: next(draws))) == DIGITS


@given(ref=NUMBERS, place=PLACES, digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_is_noticed(ref: str, place: int, digit: str) -> None:
    assume(ref[place] != digit)
    assert not is_valid(ref[:place] + digit + ref[place + 1 :])


@given(ref=NUMBERS, place=st.integers(0, DIGITS - 2))
def test_two_neighbours_in_the_wrong_order_are_noticed(ref: str, place: int) -> None:
    assume(ref[place] != ref[place + 1])
    assert not is_valid(ref[:place] + ref[place + 1] + ref[place] + ref[place + 2 :])


@pytest.mark.parametrize("other", ["", "48291563", "4829156333", "482-915-633", "712345678", "012345675", "٤٨٢٩١٥٦٣٣"])
def test_what_is_no_number_of_ours_is_not_valid(other: str) -> None:
    assert not is_valid(other)


@pytest.mark.parametrize(
    "typed",
    [
        "482915633",
        "482-915-633",
        " 482 915 633 ",
        "#482915633",
        "'482915633'",
        "“482.915.633”",
        "(482)915–633",
        "482_915/633",
        "4829l5633",
        "4829I5633",
        "4829|5633",
    ],
)
def test_digits_are_understood_as_people_type_them(typed: str) -> None:
    assert digits(typed) == "482915633"


@pytest.mark.parametrize("typed", ["2OOOOOOO5", "2ooooooo5"])
def test_the_letter_o_is_a_zero(typed: str) -> None:
    assert digits(typed) == "200000005"


@pytest.mark.parametrize("typed", ["", "  ", "#", "maji", "482915633 maji", "4.8E+08", "²"])
def test_what_is_no_number_is_none(typed: str) -> None:
    assert digits(typed) is None


@given(ref=NUMBERS)
def test_a_number_as_shown_is_understood_when_typed(ref: str) -> None:
    assert digits(shown(ref)) == ref


def test_a_number_is_shown_in_threes() -> None:
    assert shown("482915633") == "482-915-633"
