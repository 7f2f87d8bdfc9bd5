from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.lifecycle import Action, Role, State
from packs.model import Calendar
from store.model import to_micros
from sync import merge
from sync.merge import Fate, Register, Told, Verdict, Word

LODGED = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
NOW = LODGED + timedelta(hours=10)
CALENDAR: Final = Calendar("24x7", "Africa/Nairobi", dict.fromkeys(range(7), ((0, 1440),)))
DAY: Final = 1440


def at(minutes: int) -> datetime:
    return LODGED + timedelta(minutes=minutes)


def told(seq: int, kind: Action, minutes: int, role: Role = Role.SYSTEM, **facts: Any) -> Told:
    return Told(seq, kind, role, at(minutes), at(minutes), facts)


def word(minutes: int, status: State | None = None, id: str = "u1", base: int | None = None, **more: str) -> Word:
    return Word(at(minutes), base, id, status, **more)


LODGING = (
    told(1, Action.LODGE, 0, Role.CITIZEN, state="received", agency="DESK"),
    told(2, Action.ASSIGN, 0, state="assigned", agency="NCWSC"),
)


def register(*then: Told, state: State = State.ASSIGNED, decided_by: str | None = None) -> Register:
    """Of a case that was lodged, assigned at once, and went through what is told."""
    standing = merge.Standing(state, LODGED, decided_by, CALENDAR)
    return Register("NCWSC", standing, [*LODGING, *then])


def hear(known: Register, *words: Word) -> list[Verdict]:
    """What becomes of rows that come one after the other."""
    verdicts = []
    for one in words:
        verdicts.append(known.judge(one, NOW))
        known.hear(verdicts[-1])
    return verdicts


def fates(verdicts: Sequence[Verdict]) -> list[tuple[Fate, Action | None]]:
    return [(verdict.fate, verdict.action) for verdict in verdicts]


# One row


@pytest.mark.parametrize(
    ("state", "status", "action"),
    [
        (State.ASSIGNED, State.IN_PROGRESS, Action.START),
        (State.ASSIGNED, State.PENDING_CITIZEN, Action.ASK),
        (State.ASSIGNED, State.RESOLVED, Action.RESOLVE),
        (State.ASSIGNED, State.ASSIGNED, Action.RECORD),
        (State.IN_PROGRESS, State.IN_PROGRESS, Action.RECORD),
        (State.IN_PROGRESS, State.ASSIGNED, Action.PUT_BACK),
        (State.PENDING_CITIZEN, State.IN_PROGRESS, Action.RESUME),
        (State.PENDING_CITIZEN, State.PENDING_CITIZEN, Action.ASK),
        (State.PENDING_THIRD_PARTY, State.PENDING_CITIZEN, Action.ASK),
        (State.RESOLVED, State.RESOLVED, Action.RESOLVE),
        (State.RESOLVED, State.IN_PROGRESS, Action.START),
        (State.RESOLVED, State.PENDING_THIRD_PARTY, Action.WAIT),
    ],
)
def test_the_newest_row_brings_a_case_where_it_says_by_one_act(state: State, status: State, action: Action) -> None:
    (verdict,) = hear(register(state=state, decided_by="sync"), word(10, status))
    assert (verdict.fate, verdict.action) == (Fate.APPLIED, action)


def test_words_alone_are_put_on_record_wherever_a_case_stands() -> None:
    for state in State:
        (verdict,) = hear(register(state=state), word(10))
        assert (verdict.fate, verdict.action) == (Fate.APPLIED, Action.RECORD)


def test_of_two_rows_the_later_counts_whichever_comes_first() -> None:
    early, late = word(10, State.RESOLVED, "a"), word(20, State.IN_PROGRESS, "b")
    assert fates(hear(register(), late, early)) == [
        (Fate.APPLIED, Action.START),
        (Fate.SUPERSEDED, Action.RECORD),
    ]
    assert fates(hear(register(), early, late)) == [(Fate.APPLIED, Action.RESOLVE), (Fate.APPLIED, Action.START)]


def test_of_the_same_moment_who_had_seen_more_wrote_later_then_the_key_decides() -> None:
    first, second = word(10, State.IN_PROGRESS, "b", base=1), word(10, State.RESOLVED, "a", base=2)
    assert hear(register(), second, first)[1].fate is Fate.SUPERSEDED
    first, second = word(10, State.IN_PROGRESS, "a"), word(10, State.RESOLVED, "b")
    assert hear(register(), second, first)[1].fate is Fate.SUPERSEDED


def test_who_takes_back_a_resolution_leaves_what_stood_before_it() -> None:
    _, verdict = hear(register(), word(10, State.RESOLVED, "a"), word(20, State.IN_PROGRESS, "b"))
    assert verdict.facts == {"decided_at": None, "decided_by": None, "outcome": None, "reminded_at": None}


def test_in_a_later_round_that_is_the_decision_of_the_round_before() -> None:
    known = register(
        told(3, Action.RESOLVE, 5, Role.OWNER, state="resolved", decided_at=to_micros(at(5)), decided_by="otieno"),
        told(4, Action.REOPEN, 10, Role.CITIZEN, state="assigned", cycle=2),
    )
    _, verdict = hear(known, word(20, State.RESOLVED, "a"), word(30, State.ASSIGNED, "b"))
    assert (verdict.facts["decided_at"], verdict.facts["decided_by"]) == (at(5), "otieno")


# Clocks


def test_a_row_is_never_older_than_its_case_nor_newer_than_now() -> None:
    assert hear(register(), word(-500, State.IN_PROGRESS))[0].word.at == LODGED
    assert hear(register(), word(603, State.IN_PROGRESS))[0].word.at == NOW


def test_who_had_seen_a_version_wrote_after_it_was_made() -> None:
    answered = register(
        told(3, Action.ASK, 30, Role.SYNC, state="pending_citizen"),
        told(4, Action.ANSWER, 60, Role.CITIZEN, state="in_progress"),
        state=State.IN_PROGRESS,
    )
    noon = word(45, State.RESOLVED, base=4)
    (verdict,) = hear(answered, noon)
    assert (verdict.fate, verdict.word.at) == (Fate.APPLIED, at(60))


def test_what_the_citizen_did_since_counts_more_than_an_older_row() -> None:
    answered = register(told(3, Action.ANSWER, 60, Role.CITIZEN, state="in_progress"), state=State.IN_PROGRESS)
    assert hear(answered, word(45, State.PENDING_CITIZEN))[0].fate is Fate.SUPERSEDED
    assert hear(answered, word(61, State.PENDING_CITIZEN))[0].fate is Fate.APPLIED


# What cannot be done, or not now


REOPENED = told(3, Action.REOPEN, 60, Role.CITIZEN, state="assigned", cycle=2)


@pytest.mark.parametrize(
    ("base", "minutes", "fate"),
    [
        (2, 90, Fate.STALE),  # had not seen it
        (3, 30, Fate.APPLIED),  # had
        (None, 30, Fate.STALE),  # cannot have
        (None, 90, Fate.APPLIED),
    ],
)
def test_who_did_not_know_that_the_citizen_reopened_is_stale(base: int | None, minutes: int, fate: Fate) -> None:
    assert hear(register(REOPENED), word(minutes, State.RESOLVED, base=base))[0].fate is fate


@pytest.mark.parametrize(("base", "fate"), [(None, Fate.STALE), (2, Fate.STALE), (3, Fate.REFUSED)])
def test_nothing_moves_a_case_that_its_citizen_withdrew(base: int | None, fate: Fate) -> None:
    withdrawn = register(told(3, Action.WITHDRAW, 60, Role.CITIZEN, state="withdrawn"), state=State.WITHDRAWN)
    assert hear(withdrawn, word(90, State.RESOLVED, base=base))[0].fate is fate


def test_nothing_moves_a_case_that_is_closed_but_older_words_are_kept() -> None:
    closed = register(told(3, Action.CONFIRM, 60, Role.CITIZEN, state="closed"), state=State.CLOSED, decided_by="sync")
    assert hear(closed, word(90, State.IN_PROGRESS))[0].fate is Fate.REFUSED
    assert hear(closed, word(30, State.IN_PROGRESS))[0].fate is Fate.SUPERSEDED


@pytest.mark.parametrize(
    ("state", "decided_by"),
    [(State.RECEIVED, None), (State.DUPLICATE, None), (State.APPEALED, "otieno"), (State.RESOLVED, "otieno")],
)
def test_what_is_not_the_offices_to_move_now_waits(state: State, decided_by: str | None) -> None:
    (verdict,) = hear(register(state=state, decided_by=decided_by), word(10, State.RESOLVED))
    assert (verdict.fate, verdict.action) == (Fate.WAITING, None)


def test_while_a_case_follows_another_words_from_before_are_superseded_and_those_since_wait() -> None:
    def following() -> Register:
        joined = told(3, Action.DUPLICATE, 60, Role.SUPERVISOR, state="duplicate", master="m")
        return register(joined, state=State.DUPLICATE)

    assert hear(following(), word(30, State.RESOLVED))[0].fate is Fate.SUPERSEDED
    assert hear(following(), word(90, State.RESOLVED))[0].fate is Fate.WAITING


def test_what_waited_is_done_when_the_case_is_released() -> None:
    released = register(
        told(3, Action.DUPLICATE, 60, Role.SUPERVISOR, state="duplicate", master="m"),
        told(4, Action.RELEASE, 120, state="assigned", master=None),
    )
    assert hear(released, word(90, State.RESOLVED))[0].fate is Fate.APPLIED


def test_what_an_office_said_before_the_case_went_to_another_and_back_is_superseded() -> None:
    back = register(
        told(3, Action.TRANSFER, 60, Role.SUPERVISOR, state="assigned", agency="KPLC"),
        told(4, Action.TRANSFER, 90, Role.SUPERVISOR, state="assigned", agency="NCWSC"),
    )
    assert hear(back, word(30, State.RESOLVED))[0].fate is Fate.SUPERSEDED


def test_what_a_file_may_say_is_told_by_state() -> None:
    assert merge.allowed(State.CLOSED) == (State.CLOSED,)
    assert State.RESOLVED in merge.allowed(State.ASSIGNED)
    assert State.ASSIGNED not in merge.allowed(State.ASSIGNED)


# What follows from all of them


def test_the_officer_is_the_one_named_last_unless_the_hub_chose_another_since() -> None:
    early, late = word(10, None, "a", assignee="otieno"), word(20, None, "b", assignee="wanjiru")
    assert [verdict.facts for verdict in hear(register(), late, early)] == [{"owner": "wanjiru"}, {}]
    given = register(told(3, Action.ASSIGN, 15, Role.SUPERVISOR, owner="chebet"))
    assert [verdict.facts for verdict in hear(given, early, late)] == [{}, {"owner": "wanjiru"}]


def test_the_clock_stands_still_from_a_question_to_the_next_word() -> None:
    asked, asked_again, done = (
        word(10, State.PENDING_CITIZEN, "a"),
        word(30, State.PENDING_CITIZEN, "b"),
        word(70, State.RESOLVED, "c"),
    )
    verdicts = hear(register(), asked, asked_again, done)
    assert [verdict.facts["paused_minutes"] for verdict in verdicts] == [0, 20, 60]
    assert [verdict.facts["paused_at"] for verdict in verdicts] == [at(10), at(30), None]
    late = word(20, State.IN_PROGRESS, "d")
    known = register()
    assert hear(known, asked, asked_again, done, late)[-1].facts["paused_minutes"] == 50


def test_it_stands_still_for_five_working_days_of_a_cycle_and_no_longer() -> None:
    long = LODGED + timedelta(days=30)
    known = register()
    known.hear(known.judge(word(0, State.PENDING_CITIZEN, "a"), long))
    verdict = known.judge(word(9 * DAY, State.PENDING_CITIZEN, "b"), long)
    assert (verdict.facts["paused_minutes"], verdict.facts["paused_at"]) == (5 * DAY, None)


def test_what_was_asked_while_a_case_followed_another_holds_the_clock_of_its_new_cycle_alone() -> None:
    free = register(
        told(3, Action.ASK, 5, Role.OWNER, state="pending_citizen"),
        told(4, Action.DUPLICATE, 30, Role.SUPERVISOR, state="duplicate", paused_minutes=25),
        told(5, Action.RELEASE, 60, state="assigned", cycle=2, paused_minutes=0),
    )
    verdicts = hear(free, word(50, State.PENDING_CITIZEN, "a"), word(70, State.RESOLVED, "b"))
    assert verdicts[0].facts == {"paused_minutes": 0, "paused_at": at(60)}
    assert verdicts[1].facts["paused_minutes"] == 10


def test_an_officer_named_before_the_case_moved_is_not_its_officer_after() -> None:
    moved = register(told(3, Action.TRANSFER, 60, Role.SUPERVISOR, state="assigned"))
    verdicts = hear(moved, word(50, State.IN_PROGRESS, "a", assignee="otieno"), word(70, id="b", assignee="wanjiru"))
    assert [verdict.facts.get("owner") for verdict in verdicts] == [None, "wanjiru"]


def test_pauses_of_the_same_cycle_before_the_round_are_added() -> None:
    moved = register(
        told(3, Action.ASK, 27, Role.OWNER, state="pending_citizen"),
        told(4, Action.TRANSFER, 60, Role.SUPERVISOR, agency="NCWSC", state="assigned"),
    )
    verdicts = hear(moved, word(70, State.PENDING_CITIZEN, "a"), word(80, State.RESOLVED, "b"))
    assert verdicts[-1].facts["paused_minutes"] == 43


def ending(words: Sequence[Word]) -> tuple[Any, ...]:
    """Where a case stands after these rows, as far as a register says it."""
    known, columns = register(), dict[str, Any]()
    for verdict in hear(known, *words):
        columns |= verdict.facts
        if verdict.fate is Fate.APPLIED and verdict.action is Action.RESOLVE:
            columns |= {"decided_at": verdict.word.at}
    pauses = columns.get("paused_minutes", 0), columns.get("paused_at")
    return known.state, columns.get("owner"), columns.get("decided_at"), pauses


@given(
    st.lists(
        st.tuples(
            st.integers(0, 6),
            st.sampled_from(
                [
                    State.ASSIGNED,
                    State.IN_PROGRESS,
                    State.PENDING_CITIZEN,
                    State.PENDING_THIRD_PARTY,
                    State.RESOLVED,
                    None,
                ]
            ),
            st.sampled_from(["", "otieno", "wanjiru"]),
        ),
        min_size=2,
        max_size=4,
    )
)
def test_every_order_of_rows_ends_the_same(rows: list[tuple[int, State | None, str]]) -> None:
    words = [
        replace(word(10 * minutes, status, f"u{number}"), assignee=assignee)
        for number, (minutes, status, assignee) in enumerate(rows)
    ]
    assert len({ending(order) for order in permutations(words)}) == 1
