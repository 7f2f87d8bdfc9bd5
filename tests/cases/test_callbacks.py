"""Whoever asks for a call is called: once, by the promised day, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import packs
from cases import callbacks
from cases.callbacks import MOST_TRIES, About, Callback, Outcome
from cases.citizens import Caller, Citizens
from packs.model import Pack
from tests.cases.conftest import Lodge
from tests.together import at_once

DAY = timedelta(days=1)


def ask(caller: Caller, now: datetime, about: About = "new", case_id: str | None = None) -> Callback:
    return callbacks.ask(caller, about, case_id, packs.current(), now)


def only() -> Callback:
    (callback,) = Callback.select()
    return callback


# Asking


@pytest.mark.parametrize(
    ("asked", "promised"),
    [
        ("2026-11-23 09:15", "2026-11-24 17:00"),  # a Monday
        ("2026-11-23 00:30", "2026-11-24 17:00"),
        ("2026-11-23 23:30", "2026-11-24 17:00"),
        ("2026-11-27 16:59", "2026-11-30 17:00"),  # a Friday
        ("2026-11-28 11:00", "2026-11-30 17:00"),  # a Saturday
        ("2026-12-11 10:00", "2026-12-14 17:00"),  # Jamhuri Day is the Saturday after it
        ("2026-12-24 10:00", "2026-12-28 17:00"),  # Christmas, Boxing Day, a Sunday
    ],
)
def test_the_call_is_promised_by_the_end_of_the_next_working_day(
    amina: Caller, ke: Pack, asked: str, promised: str
) -> None:
    nairobi = timedelta(hours=3)
    at, by = (datetime.fromisoformat(moment).replace(tzinfo=UTC) - nairobi for moment in (asked, promised))
    callback = ask(amina, at)
    assert (callback.asked_at, callback.by, callback.tries, callback.done_at) == (at, by, 0, None)


def test_who_asks_again_is_called_once_about_what_they_said_last(amina: Caller, lodge: Lodge, now: datetime) -> None:
    first, case = ask(amina, now), lodge().case
    again = ask(amina, now + timedelta(minutes=5), "case", case.id)
    assert (again.id, again.asked_at, again.by) == (first.id, first.asked_at, first.by)
    assert (again.about, again.__data__["case"]) == ("case", case.id)
    once_more = ask(amina, now + timedelta(minutes=6), "other")
    assert (once_more.about, once_more.__data__["case"]) == ("other", None)
    assert only().about == "other"


def test_a_promise_that_was_broken_is_made_anew_when_they_ask_again(amina: Caller, now: datetime) -> None:
    first = ask(amina, now)
    again = ask(amina, now + 7 * DAY)
    assert (again.id, again.by) == (first.id, first.by + 7 * DAY)


def test_two_requests_at_once_are_one_call(amina: Caller, now: datetime) -> None:
    first, second = at_once(lambda: ask(amina, now), lambda: ask(amina, now))
    assert first == second == only()


def test_each_citizen_has_a_call_of_their_own(amina: Caller, juma: Caller, now: datetime) -> None:
    assert ask(amina, now) != ask(juma, now)
    assert callbacks.count() == 2


# Not any more


def test_who_changed_their_mind_is_not_called(amina: Caller, juma: Caller, now: datetime) -> None:
    ask(amina, now)
    assert not callbacks.cancel(juma.id, now)
    assert callbacks.cancel(amina.id, now + DAY)
    assert not callbacks.cancel(amina.id, now + DAY)
    assert (only().outcome, only().done_at) == ("cancelled", now + DAY)
    assert (callbacks.waiting(), callbacks.count()) == ([], 0)


def test_after_one_is_done_they_may_ask_for_another(amina: Caller, now: datetime) -> None:
    first = ask(amina, now)
    callbacks.settle(first.id, "reached", now)
    second = ask(amina, now)
    assert second.id != first.id
    assert callbacks.waiting() == [second]


# Calling


def test_who_missed_a_call_is_tried_twice_more(amina: Caller, now: datetime) -> None:
    callback = ask(amina, now)
    for tries in range(1, MOST_TRIES + 1):
        assert callbacks.waiting() == [callback]
        told = callbacks.settle(callback.id, "missed", now + tries * DAY)
        assert told is not None
        assert told.tries == tries
    assert (only().outcome, only().done_at) == ("missed", now + 3 * DAY)
    assert callbacks.waiting() == []


@pytest.mark.parametrize("outcome", ["reached", "cancelled"])
def test_who_was_reached_or_needs_no_call_is_not_called_again(amina: Caller, now: datetime, outcome: Outcome) -> None:
    callback = ask(amina, now)
    callbacks.settle(callback.id, "missed", now)
    told = callbacks.settle(callback.id, outcome, now + DAY)
    assert told is not None
    assert (told.outcome, told.done_at, told.tries) == (outcome, now + DAY, 1)
    assert told == only()


def test_what_is_not_open_is_not_settled(amina: Caller, now: datetime) -> None:
    callback = ask(amina, now)
    assert callbacks.settle("0" * 32, "reached", now) is None
    callbacks.cancel(amina.id, now)
    assert callbacks.settle(callback.id, "missed", now + DAY) is None
    assert (only().outcome, only().tries, only().done_at) == ("cancelled", 0, now)


def test_who_was_not_called_yet_comes_first_then_who_was_promised_first(citizens: Citizens, now: datetime) -> None:
    callers = [citizens.meet(f"+25470000000{number}", now) for number in range(4)]
    early, missed, late, later = (
        ask(caller, now + days * DAY) for caller, days in zip(callers, (0, 0, 2, 3), strict=True)
    )
    callbacks.settle(missed.id, "missed", now)
    assert callbacks.waiting() == [early, late, later, missed]
    assert callbacks.waiting(2) == [early, late]
    assert callbacks.count() == 4
