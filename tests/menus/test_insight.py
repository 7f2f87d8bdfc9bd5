from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import packs
from menus import insight
from menus.insight import FLUSH_EVERY, Counts, Insight, ScreenCount, funnel
from menus.sessions import SILENCE
from tests.menus.stage import Phone, Stage
from tests.together import at_once

TODAY = date(2026, 11, 23)


class Log:
    def __init__(self) -> None:
        self.events: list[str] = []

    def __call__(self, event: str, **_: Any) -> None:
        self.events.append(event)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def make(bound: str, log: Log) -> Callable[[], Insight]:
    """Each one counts for a process of its own."""
    return lambda: Insight(packs.current, log)


def test_what_happened_on_a_screen_is_found_in_the_funnel(make: Callable[[], Insight], now: datetime) -> None:
    counting = make()
    for seconds in (4, 6.5):
        counting.shown("category", "en", now)
        counting.answered("category", "en", seconds)
    counting.shown("place", "en", now)
    counting.dropped("place", "en", now)
    counting.shown("done", "sw", now, end=True)
    counting.flush()
    assert funnel(TODAY, TODAY) == {
        "category": Counts(shown=2, answered=2, seconds=10.5),
        "place": Counts(shown=1, dropped=1),
        "done": Counts(shown=1, ended=1),
    }
    assert funnel(TODAY, TODAY, "sw").keys() == {"done"}


def test_the_table_is_written_at_most_every_five_seconds(make: Callable[[], Insight], now: datetime) -> None:
    counting = make()
    for tenths in range(49):
        counting.shown("home", "en", now + timedelta(seconds=tenths / 10))
    assert funnel(TODAY, TODAY) == {}
    counting.shown("home", "en", now + FLUSH_EVERY)
    assert funnel(TODAY, TODAY)["home"].shown == 49
    counting.flush()
    assert funnel(TODAY, TODAY)["home"].shown == 50


def test_nothing_is_written_where_nothing_was_counted(make: Callable[[], Insight]) -> None:
    make().flush()
    assert ScreenCount.select().count() == 0


def test_a_day_is_one_of_the_packs_zone(make: Callable[[], Insight], now: datetime) -> None:
    """At 21:00 UTC it is midnight in Nairobi. What was counted before is of the old day, whenever it is written."""
    counting = make()
    midnight = now.replace(hour=21, minute=0)
    counting.shown("home", "en", midnight - timedelta(seconds=1))
    counting.shown("home", "en", midnight + timedelta(hours=8))
    counting.flush()
    tomorrow = TODAY + timedelta(days=1)
    assert (funnel(TODAY, TODAY)["home"].shown, funnel(tomorrow, tomorrow)["home"].shown) == (1, 1)
    assert funnel(TODAY, tomorrow)["home"].shown == 2
    assert funnel(tomorrow + timedelta(days=1), tomorrow + timedelta(days=9)) == {}


def test_two_processes_that_write_at_once_lose_nothing(make: Callable[[], Insight], now: datetime) -> None:
    """Each has counted the same screens, in another order; 20 times they write at the same moment."""
    screens = [f"screen{number}" for number in range(30)]
    one, other = make(), make()
    for _ in range(20):
        for screen in screens:
            one.shown(screen, "en", now)
        for screen in reversed(screens):
            other.shown(screen, "en", now)
        at_once(one.flush, other.flush)
    assert {screen: counts.shown for screen, counts in funnel(TODAY, TODAY).items()} == dict.fromkeys(screens, 40)


def test_what_cannot_be_written_is_kept_and_costs_no_hop(
    make: Callable[[], Insight], log: Log, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = make()
    counting.shown("home", "en", now)
    with monkeypatch.context() as broken:
        broken.setattr(insight, "_add", lambda *_: 1 / 0)
        counting.shown("home", "en", now + FLUSH_EVERY)
        counting.shown("home", "en", now + FLUSH_EVERY * 1.5)
    assert log.events == ["screens_not_counted"], "nor is it tried at every hop"
    counting.flush()
    assert funnel(TODAY, TODAY)["home"].shown == 3


def test_what_failed_once_is_not_lost_when_nobody_dials_meanwhile(
    make: Callable[[], Insight], log: Log, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = make()
    counting.shown("home", "en", now)
    with monkeypatch.context() as broken:
        broken.setattr(insight, "_add", lambda *_: 1 / 0)
        counting.flush()
    counting.flush()
    counting.shown("home", "en", now)
    counting.flush()
    assert funnel(TODAY, TODAY)["home"].shown == 2


def test_an_answer_that_is_counted_just_before_a_flush_is_not_lost(make: Callable[[], Insight], now: datetime) -> None:
    counting = make()
    counting.answered("home", "en", 2.0)
    counting.flush()
    counting.shown("sub", "en", now)
    counting.flush()
    assert funnel(TODAY, TODAY)["home"].answered == 1


def test_a_count_tells_nothing_of_a_person() -> None:
    assert {*ScreenCount._meta.fields} == {
        *("id", "node", "day", "screen", "language"),
        *("shown", "answered", "dropped", "ended", "seconds"),
    }


def test_every_screen_that_is_shown_is_answered_or_left_or_ends(stage: Stage, phone: Phone) -> None:
    """Three sessions: one comes to its end, one drops, one falls silent; the network repeats itself."""
    for keys in (("1", "1", "1", "1"), ("1", "1"), ("3",)):
        phone.dial()
        phone.press(keys)
        phone.again()
        if keys == ("1", "1"):
            phone.drop()
            phone.drop()
    stage.pause(SILENCE)
    stage.remind()
    stage.insight.flush()
    screens = funnel(TODAY, TODAY)
    assert all(one.shown == one.answered + one.dropped + one.ended for one in screens.values())
    assert {screen: (one.dropped, one.ended) for screen, one in screens.items() if one.shown != one.answered} == {
        "done": (0, 1),
        "sub": (1, 0),
        "my_cases": (1, 0),
    }
    assert screens["home"] == Counts(shown=3, answered=3, seconds=6.0), "a key takes two seconds here"


tallies = st.builds(Counts, *(st.integers(0, 1000) for _ in range(4)), seconds=st.integers(0, 9).map(float))


@given(tallies, tallies)
def test_counts_add_up_field_by_field(one: Counts, other: Counts) -> None:
    both = one + other
    assert (both.shown, both.ended) == (one.shown + other.shown, one.ended + other.ended)
    assert both.seconds == one.seconds + other.seconds
    assert 0 <= both.lost <= 1


def test_who_has_not_answered_yet_has_not_given_up() -> None:
    assert Counts(shown=10, answered=3, dropped=1).lost == 0.25
    assert Counts(shown=10).lost == 0
