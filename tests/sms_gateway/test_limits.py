"""How much may be sent, when, and how fast."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_gateway.limits import CHANNEL_FAULT, LINE_DOWN, NO_LIMITS, Bucket, Limits, Pace, Price, Quiet, parse_cost
from sms_gateway.message import Lane

NAIROBI = ZoneInfo("Africa/Nairobi")
NOON = datetime(2026, 11, 22, 9, tzinfo=UTC)  # in Nairobi
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
RECEIPT, STATUS, BULK = Lane


def limits(**changes: object) -> Limits:
    return Limits(**{"zone": lambda: NAIROBI, **changes})  # type: ignore[arg-type]


# The night and the day's budget


@pytest.mark.parametrize(("hour", "lanes"), [(20, 3), (21, 1), (23, 1), (0, 1), (6, 1), (7, 3), (12, 3)])
def test_by_night_only_receipts_go(hour: int, lanes: int) -> None:
    there = datetime(2026, 11, 22, hour, 59, tzinfo=NAIROBI).astimezone(UTC)
    assert list(limits(quiet=Quiet(21, 7)).lanes(there, 0)) == list(Lane)[:lanes]


@given(st.integers(0, 23), st.integers(0, 23))
def test_a_night_may_lie_on_either_side_of_midnight(start: int, end: int) -> None:
    quiet = [hour for hour in range(24) if hour in Quiet(start, end)]
    assert len(quiet) == (end - start) % 24
    assert not quiet or start in quiet
    assert end not in quiet


@pytest.mark.parametrize(
    ("spent", "lanes"), [(0, 3), (799, 3), (800, 2), (999, 2), (1_000, 1), (1_199, 1), (1_200, 0), (9_999, 0)]
)
def test_the_budget_of_a_day_ends_for_the_many_first_and_for_receipts_last(spent: int, lanes: int) -> None:
    assert list(limits(day=1_000).lanes(NOON, spent)) == list(Lane)[:lanes]


def test_each_lane_may_send_what_is_left_of_its_share() -> None:
    assert limits(day=1_000).lanes(NOON, 700) == {RECEIPT: 500, STATUS: 300, BULK: 100}


def test_a_house_without_limits_lets_everything_go() -> None:
    assert list(NO_LIMITS.lanes(NOON, 10**9)) == list(Lane)
    assert NO_LIMITS.hold(Pace(NOON, "2026-11-22", 10**6), BULK, NOON) is None


# One number


def test_two_messages_to_one_number_keep_their_distance() -> None:
    spaced = limits(spacing=3 * SECOND)
    hold = spaced.hold(Pace(NOON), RECEIPT, NOON + 2 * SECOND)
    assert hold
    assert hold.until == NOON + 3 * SECOND
    assert spaced.hold(Pace(NOON), RECEIPT, NOON + 3 * SECOND) is None
    assert spaced.hold(Pace(), RECEIPT, NOON) is None


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    assert limits(spacing=3 * SECOND).hold(Pace(NOON + HOUR), RECEIPT, NOON) is None


@pytest.mark.parametrize(("lane", "most"), [(RECEIPT, 20), (STATUS, 17), (BULK, 17)])
def test_the_last_three_of_a_numbers_day_are_for_receipts(lane: Lane, most: int) -> None:
    a_day = limits(number_day=20)
    today = a_day.day_of(NOON)
    assert a_day.hold(Pace(NOON, today, most - 1), lane, NOON) is None
    assert a_day.hold(Pace(NOON, today, most), lane, NOON) is not None
    assert a_day.hold(Pace(NOON, "2026-11-21", most), lane, NOON) is None


def test_over_the_budget_an_answer_is_withheld_and_news_wait_for_tomorrow() -> None:
    a_day = limits(number_day=20)
    spent = Pace(NOON, "2026-11-22", 20)
    answer, news = a_day.hold(spent, RECEIPT, NOON), a_day.hold(spent, STATUS, NOON)
    assert answer
    assert answer.until is None
    assert news
    assert news.until == datetime(2026, 11, 23, tzinfo=NAIROBI)


def test_the_day_is_that_of_the_pack() -> None:
    assert limits().day_of(datetime(2026, 11, 22, 20, 59, tzinfo=UTC)) == "2026-11-22"
    assert limits().day_of(datetime(2026, 11, 22, 21, 0, tzinfo=UTC)) == "2026-11-23"


# A channel


@given(
    contract=st.floats(0.05, 500),
    gaps=st.lists(st.integers(0, 2_000_000), min_size=1, max_size=60),
)
def test_in_no_second_more_leaves_than_the_contract_allows(contract: float, gaps: list[int]) -> None:
    bucket, now, left = Bucket.new(contract, NOON), NOON, list[datetime]()
    for gap in gaps:
        now += timedelta(microseconds=gap)
        bucket = bucket.at(now)
        while bucket.tokens >= 1:
            bucket = bucket.less(1)
            left.append(now)
    busiest = max((sum(one <= other < one + SECOND for other in left) for one in left), default=0)
    assert busiest <= max(contract, 2)  # a modem's bucket of one may be full, and fill once more


def test_in_the_long_run_it_stays_a_fifth_under_the_contract() -> None:
    bucket, now, left = Bucket.new(50, NOON), NOON, 0
    while now < NOON + 10 * SECOND:
        now += bucket.wait(10, now)
        bucket = bucket.at(now)
        going = int(bucket.tokens)
        bucket, left = bucket.less(going), left + going
    assert 400 <= left <= 420


def test_a_message_of_several_parts_leaves_a_debt() -> None:
    bucket = Bucket.new(10, NOON).less(5)
    assert bucket.at(NOON + SECOND / 4).tokens < 0
    assert bucket.at(NOON + SECOND / 2).tokens == pytest.approx(1)


def test_a_network_that_says_slower_halves_the_rate_and_it_grows_back() -> None:
    bucket = Bucket.new(100, NOON).slower(NOON)
    assert (bucket.tokens, bucket.rate(NOON)) == (0, 40)
    assert bucket.slower(NOON).rate(NOON) == 20
    assert bucket.rate(NOON + MINUTE) == 48
    assert bucket.rate(NOON + 5 * MINUTE) == bucket.rate(NOON + HOUR) == 80


def test_it_never_becomes_so_slow_that_it_stands_still() -> None:
    bucket = Bucket.new(100, NOON)
    for _ in range(50):
        bucket = bucket.slower(NOON)
    assert bucket.rate(NOON) == 5
    assert bucket.wait(1, NOON) <= 10 * SECOND


def test_a_clock_that_was_set_back_fills_no_bucket_and_empties_none() -> None:
    bucket = Bucket.new(10, NOON).less(1)
    back = bucket.at(NOON - HOUR)
    assert back.tokens == bucket.tokens
    assert back.at(NOON - HOUR + SECOND).tokens == back.size


def test_a_process_that_read_the_clock_a_little_earlier_gives_nobody_the_same_tokens_again() -> None:
    bucket = Bucket.new(10, NOON).less(2)
    assert bucket.at(NOON - SECOND).at(NOON).tokens == 0


def test_a_channel_that_fails_again_rests_twice_as_long_up_to_an_hour() -> None:
    rests = [timedelta(0)]
    while len(rests) < 7:
        rests.append(CHANNEL_FAULT.after(rests[-1]))
    assert [rest // MINUTE for rest in rests] == [0, 5, 10, 20, 40, 60, 60]


def test_a_line_that_is_down_is_looked_at_again_within_five_minutes() -> None:
    assert LINE_DOWN.after(timedelta(0)) == 5 * SECOND
    assert LINE_DOWN.after(HOUR) == 5 * MINUTE


# Money


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("KES 0.8000", Price("KES", 8_000)),
        ("kes 1", Price("KES", 10_000)),
        ("UGX 25.12345", Price("UGX", 251_234)),
        ("", None),
        ("0.8", None),
        ("None", None),
        ("KES", None),
        ("KES -1", None),
        ("KES 1e9", None),
        (None, None),
    ],
)
def test_a_networks_price_is_counted_in_small_parts(text: str | None, price: Price | None) -> None:
    assert parse_cost(text) == price


@given(st.integers(0, 10**9))
def test_a_price_is_written_as_it_is_read(amount: int) -> None:
    assert parse_cost(str(Price("KES", amount))) == Price("KES", amount)
