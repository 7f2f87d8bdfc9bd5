from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.histogram import BEYOND, BOUNDS, MEDIAN, NINE_OF_TEN, bucket, within

YEAR = 365 * 24 * 60
MINUTES = st.one_of(st.integers(0, 3 * YEAR), st.sampled_from(sorted(BOUNDS)), st.integers(0, 90))


@given(st.lists(MINUTES, min_size=1, max_size=60), st.sampled_from([MEDIAN, NINE_OF_TEN]))
def test_shares_of_a_sorted_list_are_found_exact_to_one_bucket(times: list[int], share: Fraction) -> None:
    ranked = sorted(times)[ceil(share * len(times)) - 1]
    assert within(Counter(map(bucket, times)), share) == bucket(ranked)


@given(MINUTES)
def test_a_time_is_in_the_first_bucket_that_is_wide_enough(minutes: int) -> None:
    bound = bucket(minutes)
    assert minutes <= bound
    assert all(lower < minutes for lower in BOUNDS if lower < bound)


def test_bounds_grow_by_a_factor_of_two_at_most() -> None:
    named = [bound for bound in BOUNDS if bound != BEYOND]
    assert named == sorted(set(named))
    assert max(after / before for before, after in pairwise(named)) <= 2
    assert max(BOUNDS) == BEYOND


@pytest.mark.parametrize(
    ("minutes", "name"),
    [
        (0, "5 min"),
        (5, "5 min"),
        (6, "10 min"),
        (60, "1 h"),
        (61, "2 h"),
        (72 * 60, "3 days"),
        (YEAR + 1, "> 1 year"),
    ],
)
def test_a_bucket_has_a_name(minutes: int, name: str) -> None:
    assert BOUNDS[bucket(minutes)] == name


def test_nothing_has_no_median() -> None:
    assert within({}, MEDIAN) is None
