"""Suggestions follow the cases, and decisions follow the suggestions; a fault in reading never stops a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

import packs
from cases import suggestions, triage
from cases.casework import Casework, Change, Done
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, Role
from cases.models import Case
from cases.suggestions import EXPORTED, Suggesting, Suggestion

Act = Callable[..., Done]


@pytest.fixture
def reported() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def casework(citizens: Citizens, reported: list[dict[str, Any]]) -> Casework:
    def report(event: str, **facts: Any) -> None:
        reported.append({"event": event, **facts})

    return Casework(packs.current, citizens, [Suggesting(packs.current, report)])


@pytest.fixture
def text(casework: Casework, amina: Caller, now: datetime) -> Callable[..., Case]:
    """A case that came as a text message, of which nobody knows yet what it is about."""

    def text(words: str | None, key: str = "sms:1", at: datetime = now, **facts: Any) -> Case:
        return casework.apply(Change(Action.LODGE, amina, "sms", key, facts=facts, words=words), at).case

    return text


@pytest.fixture
def act(casework: Casework, amina: Caller, now: datetime) -> Act:
    def act(case: Case, action: Action, key: str = "act:1", *, words: str | None = None, **facts: Any) -> Done:
        role = Role.CITIZEN if action is Action.ADD_WORDS else Role.SUPERVISOR
        caller = amina if role is Role.CITIZEN else None
        change = Change(action, caller, "cli", key, case.id, role, facts=facts, words=words)
        return casework.apply(change, now + timedelta(minutes=5))

    return act


def only() -> Suggestion:
    (one,) = Suggestion.select()
    return one


def test_words_lodged_without_a_kind_get_a_suggestion(text: Callable[..., Case], now: datetime) -> None:
    case = text("maji hakuna kayole tangu jana")
    one = only()
    assert (one.case.id, one.kind, one.made_at) == (case.id, "lodge", now)
    assert (one.category, one.sub, one.place, one.language) == ("water", "water.none", "kayole", "sw")
    assert one.words == ["maji hakuna"]
    assert (one.decided_sub, one.agreed) == (None, None)
    assert one.pack_version == packs.current().version


def test_what_is_written_never_stands_in_a_suggestion(text: Callable[..., Case]) -> None:
    text("Mimi ni Wanjiku Kamau, stima imepotea, nipigie 0712345678")
    row = str(only().__data__).casefold()
    assert "stima" in row
    assert not [word for word in ("wanjiku", "kamau", "0712345678", "nipigie") if word in row]


def test_a_case_without_words_gets_none(text: Callable[..., Case]) -> None:
    text(None, sub="water.none", place="kibera")
    assert Suggestion.select().count() == 0


def test_words_beside_a_kind_from_the_menu_are_data_at_once(text: Callable[..., Case], now: datetime) -> None:
    text("maji hakuna", sub="water.dirty", place="kibera")
    one = only()
    assert (one.sub, one.decided_sub, one.decided_place) == ("water.none", "water.dirty", "kibera")
    assert (one.decided_by, one.decided_at, one.agreed) == ("citizen", now, True)  # on the category


@pytest.mark.parametrize(("sub", "agreed"), [("water.other", True), ("roads.town", False)])
def test_a_decision_is_noted_beside_what_was_suggested(
    text: Callable[..., Case], act: Act, now: datetime, sub: str, agreed: bool
) -> None:
    case = text("maji hakuna")
    act(case, Action.CLASSIFY, sub=sub, place="kibera")
    one = only()
    assert (one.sub, one.decided_sub, one.decided_place) == ("water.none", sub, "kibera")
    assert (one.decided_by, one.decided_at, one.agreed) == ("supervisor", now + timedelta(minutes=5), agreed)


def test_a_later_decision_corrects_the_one_before(text: Callable[..., Case], act: Act) -> None:
    case = text("maji hakuna")
    act(case, Action.CLASSIFY, "act:1", sub="roads.town", place="kibera")
    act(case, Action.CLASSIFY, "act:2", sub="water.burst")
    assert (only().decided_sub, only().agreed) == ("water.burst", True)


def test_a_guess_that_was_filed_by_itself_decides_nothing(text: Callable[..., Case], act: Act) -> None:
    case = text("maji hakuna", sub="water.none", guessed=True)
    assert (only().sub, only().decided_sub, only().agreed) == ("water.none", None, None)
    act(case, Action.CLASSIFY, sub="water.dirty")
    assert (only().decided_sub, only().agreed) == ("water.dirty", True)


def test_where_nothing_was_suggested_nobody_agrees_or_disagrees(text: Callable[..., Case], act: Act) -> None:
    case = text("tafadhali mnisaidie na hii shida yangu")
    act(case, Action.CLASSIFY, sub="water.none", place="kibera")
    assert (only().category, only().decided_sub, only().agreed) == (None, "water.none", None)


def test_a_place_alone_decides_nothing(text: Callable[..., Case], act: Act) -> None:
    case = text("maji hakuna")
    act(case, Action.CLASSIFY, place="kibera")
    assert (only().decided_sub, only().decided_at) == (None, None)


def test_words_added_while_nobody_knows_the_kind_are_read_too(text: Callable[..., Case], act: Act) -> None:
    case = text("mnisaidie")
    act(case, Action.ADD_WORDS, words="stima imepotea")
    assert [one.category for one in Suggestion.select().order_by(Suggestion.id)] == [None, "power"]
    act(case, Action.CLASSIFY, "act:2", sub="power.none", place="kibera")
    act(case, Action.ADD_WORDS, "act:3", words="na maji hakuna")
    assert Suggestion.select().count() == 2


def test_an_added_word_that_tells_nothing_is_no_suggestion(text: Callable[..., Case], act: Act) -> None:
    act(text("maji hakuna"), Action.ADD_WORDS, words="Kayole")
    assert only().category == "water"


def test_a_fault_in_reading_is_reported_and_the_case_is_lodged(
    text: Callable[..., Case], reported: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> triage.Suggestion:
        raise KeyError("maji")

    monkeypatch.setattr(triage, "suggest", fail)
    case = text("maji hakuna")
    assert Case.get_by_id(case.id).state == "received"
    assert Suggestion.select().count() == 0
    assert reported == [{"event": "suggestion_failed", "case": case.id, "error": "KeyError"}]  # not the words


def test_the_citizens_place_tells_namesakes_apart(casework: Casework, amina: Caller, now: datetime) -> None:
    here = replace(amina, place="kibera")
    casework.apply(Change(Action.LODGE, here, "sms", "sms:1", words="hakuna maji majengo"), now)
    assert only().place == "majengo-nairobi"


def test_the_queue_shows_who_waits_longest_with_the_newest_that_tells(
    text: Callable[..., Case], act: Act, casework: Casework, now: datetime
) -> None:
    newer = text("mambo yetu hapa", "sms:1")
    older = text("maji hakuna", "sms:2", at=now - timedelta(hours=1))
    text("stima imepotea", "sms:3", sub="power.none", place="kibera")  # goes to its office
    act(newer, Action.ADD_WORDS, "act:1", words="barabara mbovu")
    act(newer, Action.ADD_WORDS, "act:2", words="asante")
    casework.apply_many(
        [Change(Action.TRIAGE, None, "system", f"{case.id}/triage", case.id, Role.SYSTEM) for case in (newer, older)],
        now,
    )
    found = suggestions.waiting()
    assert [one.case.id for one in found] == [older.id, newer.id]
    assert [one.suggestion and one.suggestion.category for one in found] == ["water", "roads"]
    assert [one.case.id for one in suggestions.waiting(limit=1)] == [older.id]


def test_a_case_that_no_rule_covers_waits_too_and_may_have_come_without_words(text: Callable[..., Case]) -> None:
    case = text(None, sub="other.other", place="kibera")
    assert [(one.case.id, one.suggestion) for one in suggestions.waiting()] == [(case.id, None)]


def test_the_export_names_no_case_and_leaves_out_secret_ones(text: Callable[..., Case], now: datetime) -> None:
    text("maji hakuna", "sms:1")
    text("askari anataka chai", "sms:2", sub="bribery.asked", place="kibera", visibility="confidential")
    (row,) = suggestions.exported()
    assert tuple(row) == EXPORTED
    assert not {"id", "case", "node"} & set(EXPORTED)
    assert (row["category"], row["because"], row["made_at"]) == ("water", ["maji hakuna"], now)
