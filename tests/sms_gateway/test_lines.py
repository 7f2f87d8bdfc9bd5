"""What all processes know of a channel, and what they count together."""

from __future__ import annotations

from datetime import datetime, timedelta

from sms_gateway import lines
from sms_gateway.limits import Bucket, Price
from sms_gateway.lines import Line, Spent
from sms_gateway.message import Channel
from store import database
from tests.together import at_once

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def kannel() -> Line:
    return lines.states(["kannel"])["kannel"]


def test_of_a_channel_that_nobody_used_nothing_is_known(bound: str, now: datetime) -> None:
    assert lines.states([]) == {}
    assert kannel() == Line("kannel")
    assert kannel().is_well(now)
    assert not kannel().is_paused(now)


def test_a_pause_is_renewed_not_doubled(bound: str, now: datetime) -> None:
    lines.pause("kannel", "repairs", now + MINUTE)
    lines.pause("kannel", "more repairs", now + HOUR)
    assert Channel.select().count() == 1
    assert (kannel().reason, kannel().is_paused(now + MINUTE), kannel().is_paused(now + HOUR)) == (
        "more repairs",
        True,
        False,
    )


def test_a_channel_that_is_paused_by_hand_is_not_well_and_did_not_fail(bound: str, now: datetime) -> None:
    lines.pause("kannel", "repairs", now + MINUTE)
    assert not kannel().is_well(now)
    assert kannel().is_well(now + MINUTE)
    lines.works("kannel")  # a slow worker had begun to send before
    assert kannel().is_paused(now)


def test_a_failure_never_shortens_a_pause(bound: str, now: datetime) -> None:
    lines.pause("kannel", "repairs", now + HOUR)
    assert lines.failed("kannel", "down", now, at_fault=False).paused_until == now + HOUR


def test_a_fault_is_told_at_once_and_a_dead_line_at_the_third_failure(bound: str, now: datetime) -> None:
    told = [lines.failed("kannel", "down", now + n * MINUTE, at_fault=False).alerted_at for n in range(4)]
    assert told == [None, None, now + 2 * MINUTE, now + 2 * MINUTE]
    assert lines.failed("gammu", "no SIM", now, at_fault=True).alerted_at == now


def test_what_works_again_is_as_if_it_had_never_failed(bound: str, now: datetime) -> None:
    lines.failed("kannel", "401", now, at_fault=True)
    lines.works("kannel")
    assert kannel() == Line("kannel")
    assert lines.failed("kannel", "401", now, at_fault=True).paused_until == now + 5 * MINUTE


def test_failures_at_once_are_all_counted(bound: str, now: datetime) -> None:
    lines.failed("kannel", "down", now, at_fault=False)

    def fail() -> None:
        with database.transaction():
            lines.failed("kannel", "down", now, at_fault=False)

    at_once(*[fail] * 4)
    assert kannel().failures == 5


def test_no_token_is_taken_twice(bound: str, now: datetime) -> None:
    def take() -> int:
        with database.transaction():
            return lines.take("kannel", 50, [1] * 4, now)

    take()
    assert sum(at_once(*[take] * 4)) == 6


def test_a_message_of_several_parts_takes_as_many_tokens(bound: str, now: datetime) -> None:
    assert lines.take("kannel", 50, [4, 4, 4, 4], now) == 3
    assert kannel().tokens == -2
    assert lines.take("kannel", 50, [1], now) == 0
    assert lines.take("kannel", 50, [1], now + SECOND) == 1


def test_a_throttled_channel_is_slower_for_everybody(bound: str, now: datetime) -> None:
    lines.throttled("kannel", 50, now)
    assert kannel().bucket(50, now) == Bucket(50, 0.0, now, slowed_to=20, slowed_at=now)
    lines.take("kannel", 50, [1], now + SECOND)
    assert kannel().bucket(50, now + SECOND).slowed_to == 20


def test_spending_adds_up_by_day_and_channel(bound: str) -> None:
    for day, channel, price in (
        ("2026-11-22", "kannel", Price("KES", 8_000)),
        ("2026-11-22", "kannel", None),
        ("2026-11-22", "gammu", Price("KES", 10_000)),
        ("2026-11-23", "kannel", Price("KES", 8_000)),
    ):
        lines.spend(day, channel, messages=1, segments=2, price=price)
    assert lines.spent("2026-11-22") == [
        Spent("gammu", 1, 2, 10_000, "KES"),
        Spent("kannel", 2, 4, 8_000, "KES"),
    ]
    assert lines.spent("2026-11-24") == []


def test_spending_at_once_is_all_counted(bound: str) -> None:
    at_once(*[lambda: lines.spend("2026-11-22", "kannel", 1, 1, Price("KES", 1))] * 4)
    assert lines.spent("2026-11-22") == [Spent("kannel", 4, 4, 4, "KES")]
