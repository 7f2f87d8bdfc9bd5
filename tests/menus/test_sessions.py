from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases.citizens import Caller
from menus import sessions
from menus.engine import State
from menus.sessions import Heard, Reply, Session
from store.model import new_id
from tests.menus.conftest import CITIZEN
from tests.menus.stage import Stage

transcripts = st.lists(st.sampled_from(["1", "12", "", "lindi", "0", "wiki tatu"]), max_size=5)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
codes = st.dictionaries(st.text("abc.", max_size=5), texts, max_size=3)
states = st.builds(
    State,
    screen=st.sampled_from(["home", "confirm", "place"]),
    draft=codes,
    draft_id=texts,
    drafts=st.integers(0, 99),
    facts=st.dictionaries(
        st.text("abc", max_size=3), st.one_of(texts, st.booleans(), st.none(), st.lists(codes)), max_size=3
    ),
    shown=codes,
    first=st.integers(0, 40),
    trail=st.lists(texts, max_size=4).map(tuple),
    pending=st.lists(texts, max_size=4).map(tuple),
    hint=texts,
)


@pytest.fixture
def caller(stage: Stage, now: datetime) -> Caller:
    return stage.citizens.meet(CITIZEN, now)


def inputs(text: str) -> list[str]:
    return text.split("*") if text else []


@given(transcripts, transcripts)
def test_a_request_repeats_goes_on_or_diverges(before: list[str], now: list[str]) -> None:
    """What was heard before, or its beginning: a repeat. What begins with it: more. Anything else: another dialogue."""
    known, text = "*".join(before), "*".join(now)
    heard, told = inputs(known), inputs(text)
    if told == heard[: len(told)]:
        expected = Heard.REPEATED
    elif heard == told[: len(heard)]:
        expected = Heard.MORE
    else:
        expected = Heard.DIVERGED
    assert sessions.compare(known, text) is expected


@pytest.mark.parametrize(
    ("known", "text", "heard"),
    [
        ("", "", Heard.REPEATED),
        ("1", "12", Heard.DIVERGED),
        ("12", "1", Heard.DIVERGED),
        ("1*", "1", Heard.REPEATED),
        ("1", "1*", Heard.MORE),
        ("1*a*b", "1*a", Heard.REPEATED),
        ("1*a", "1*a*b", Heard.MORE),
    ],
)
def test_inputs_are_compared_not_letters(known: str, text: str, heard: Heard) -> None:
    assert sessions.compare(known, text) is heard


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states, texts, texts, st.booleans())
def test_a_session_comes_back_as_it_was_saved(
    caller: Caller, now: datetime, state: State, text: str, reply: str, end: bool
) -> None:
    fresh = Session(new_id(), caller.id)
    assert sessions.save(fresh, caller, text, state, Reply(reply, end), now)
    loaded = sessions.load(fresh.key, caller)
    assert (loaded.text, loaded.state, loaded.reply, loaded.turn) == (text, state, Reply(reply, end), 1)
    assert loaded.since == now


def test_of_two_requests_at_once_only_one_is_saved(caller: Caller, now: datetime) -> None:
    fresh = Session("net:1", caller.id)
    assert sessions.save(fresh, caller, "", State("home"), Reply("first", end=False), now)
    assert not sessions.save(fresh, caller, "", State("home"), Reply("again", end=False), now)
    loaded = sessions.load("net:1", caller)
    assert sessions.save(loaded, caller, "1", State("category"), Reply("second", end=False), now)
    assert not sessions.save(loaded, caller, "2", State("check"), Reply("too late", end=False), now)
    assert sessions.load("net:1", caller).reply.text == "second"


def test_the_newest_conversation_under_a_session_id_counts(caller: Caller, now: datetime) -> None:
    for ordinal in (1, 2):
        sessions.save(
            Session("net:1", caller.id, ordinal), caller, "", State("home"), Reply(f"{ordinal}", end=False), now
        )
    assert sessions.load("net:1", caller).name == f"net:1/{caller.id}/2"


def test_a_session_is_read_by_its_own_citizen_only(stage: Stage, caller: Caller, now: datetime) -> None:
    sessions.save(Session("net:1", caller.id), caller, "1", State("home"), Reply("mine", end=False), now)
    other = stage.citizens.meet("+254722000002", now)
    assert sessions.load("net:1", other).state is None
    assert sessions.save(Session("net:1", other.id), other, "", State("home"), Reply("theirs", end=False), now)
    assert (sessions.load("net:1", caller).reply.text, sessions.load("net:1", other).reply.text) == ("mine", "theirs")


@pytest.mark.parametrize(
    ("state", "end", "offered"),
    [
        (State("place", draft={"sub": "water.none"}), False, True),
        (State("add_words", draft={"sub": "water.none"}), False, True),
        (State("done", draft={"sub": "water.none"}), True, False),
        (State("sub", draft={"category": "water"}), False, False),
        (State("case", draft={"case": "1"}), False, False),
        (State("resume", draft={"sub": "water.none"}), False, False),  # the one that dropped first still holds it
    ],
)
def test_what_can_be_lost_is_offered_again(
    caller: Caller, now: datetime, state: State, end: bool, offered: bool
) -> None:
    sessions.save(Session("net:1", caller.id), caller, "1", state, Reply("", end), now)
    assert (sessions.interrupted(caller, now) is not None) is offered


def test_the_newest_draft_is_offered_for_a_day_and_not_once_it_is_settled(caller: Caller, now: datetime) -> None:
    for hours, sub in ((2, "water.none"), (1, "power.none")):
        at = now - timedelta(hours=hours)
        sessions.save(
            Session(f"net:{sub}", caller.id), caller, "1", State("place", draft={"sub": sub}), Reply("", end=False), at
        )
    found = sessions.interrupted(caller, now)
    assert found
    row_id, state, _ = found
    assert state.draft["sub"] == "power.none"
    assert sessions.interrupted(caller, now + sessions.DRAFT_LIFE) is None
    sessions.settle(row_id)
    left = sessions.interrupted(caller, now)
    assert left
    assert left[1].draft["sub"] == "water.none"


def test_what_nobody_touched_is_forgotten(caller: Caller, now: datetime) -> None:
    sessions.save(Session("net:1", caller.id), caller, "", State("home"), Reply("", end=False), now)
    assert sessions.forget(now) == 0
    assert sessions.forget(now + timedelta(seconds=1)) == 1


DRAFT = State("confirm", draft={"sub": "water.none"})


def begin(caller: Caller, now: datetime, state: State = DRAFT, *, end: bool = False) -> Session:
    sessions.save(Session("net:1", caller.id), caller, "1", state, Reply("", end), now)
    return sessions.load("net:1", caller)


def test_what_the_network_says_of_a_session_that_was_left_is_kept(caller: Caller, now: datetime) -> None:
    begin(caller, now)
    (left,) = sessions.ended("net:1", "incomplete", now)
    assert (left.citizen_id, left.state(caller), left.since, left.is_news) == (caller.id, DRAFT, now, True)
    assert sessions.UssdSession.get().ended == "incomplete"
    assert sessions.ended("net:1", "incomplete", now) == [], "it is told once"


def test_a_session_that_we_ended_was_not_left(caller: Caller, now: datetime) -> None:
    begin(caller, now, State("done"), end=True)
    assert sessions.ended("net:1", "success", now) == []
    assert sessions.UssdSession.get().ended == sessions.WE_ENDED_IT
    assert sessions.to_look_at(now + timedelta(days=1), 9) == []


def test_of_another_session_nothing_is_told(caller: Caller, now: datetime) -> None:
    begin(caller, now)
    assert sessions.ended("net:2", "failed", now) == []


def test_a_silent_session_is_looked_at_after_three_minutes_and_a_left_draft_after_two(
    caller: Caller, now: datetime
) -> None:
    begin(caller, now)
    assert sessions.to_look_at(now + sessions.SILENCE - timedelta(seconds=1), 9) == []
    (silent,) = sessions.to_look_at(now + sessions.SILENCE, 9)
    assert silent.is_news
    sessions.ended("net:1", "failed", now)
    assert sessions.to_look_at(now + sessions.PAUSE - timedelta(seconds=1), 9) == []
    (left,) = sessions.to_look_at(now + sessions.PAUSE, 9)
    assert not left.is_news, "its end was told before"


def test_what_holds_no_draft_is_not_looked_at_again_once_its_end_was_told(caller: Caller, now: datetime) -> None:
    begin(caller, now, State("home"))
    sessions.ended("net:1", "failed", now)
    assert sessions.to_look_at(now + timedelta(days=1), 9) == []


def test_what_was_looked_at_is_done_with_once(caller: Caller, now: datetime) -> None:
    begin(caller, now)
    (left,) = sessions.to_look_at(now + sessions.SILENCE, 9)
    assert sessions.looked_at(left)
    assert not sessions.looked_at(left)
    assert sessions.to_look_at(now + timedelta(days=1), 9) == []
    assert sessions.UssdSession.get().ended == sessions.SILENT


def test_a_session_that_went_on_meanwhile_is_looked_at_later(caller: Caller, now: datetime) -> None:
    session = begin(caller, now)
    (left,) = sessions.to_look_at(now + sessions.SILENCE, 9)
    later = now + sessions.SILENCE + timedelta(seconds=1)
    assert sessions.save(session, caller, "1*1", DRAFT, Reply("", end=False), later)
    assert not sessions.looked_at(left)
    (again,) = sessions.to_look_at(later + sessions.SILENCE, 9)
    assert again.since == later


def test_who_dialled_since_is_known(caller: Caller, now: datetime) -> None:
    begin(caller, now)
    (left,) = sessions.ended("net:1", "failed", now)
    assert not sessions.has_dialled_since(left)
    soon = now + timedelta(seconds=30)
    sessions.save(Session("net:2", caller.id), caller, "", State("home"), Reply("", end=False), soon)
    assert sessions.has_dialled_since(left)


def test_a_draft_can_be_finished_by_its_citizen_for_a_day(stage: Stage, caller: Caller, now: datetime) -> None:
    row_id, named = begin(caller, now).id or "", DRAFT.draft_id
    assert sessions.draft(named, caller, now) == DRAFT
    assert sessions.draft("another", caller, now) is None
    assert sessions.draft(named, caller, now + sessions.DRAFT_LIFE) is None
    assert sessions.draft(named, stage.citizens.meet("+254722000002", now), now) is None
    sessions.settle(row_id)
    assert sessions.draft(named, caller, now) is None


def test_nothing_of_a_session_is_readable_in_its_row(caller: Caller, now: datetime) -> None:
    state = State("place", draft={"sub": "water.none", "typed": "secret estate"})
    sessions.save(
        Session("net:1", caller.id), caller, "1*1*secret estate", state, Reply("secret reply", end=False), now
    )
    assert b"secret" not in bytes(sessions.UssdSession.get().sealed)
