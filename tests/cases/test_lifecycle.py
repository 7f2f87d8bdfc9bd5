from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from cases.lifecycle import (
    APPEAL_WINDOW,
    DECIDED,
    MOST_REOPENS,
    OPEN,
    OUTCOMES,
    REJECTIONS,
    REOPEN_WINDOW,
    RESTORE_WINDOW,
    RULES,
    Act,
    Action,
    NotAllowed,
    Role,
    Standing,
    State,
    after,
    allowed,
)

NOW = datetime(2026, 11, 23, 6, 15, tzinfo=UTC)
NOTE = "The pipe was mended today."
EVERY_QUESTION = list(product((None, *State), Action, Role))

# An act of each kind that no guard stops.
GOOD: Mapping[Action, dict[str, Any]] = {
    Action.ASSIGN: {"facts": {"agency": "KPLC"}},
    Action.ASK: {"words": "Which meter?"},
    Action.ANSWER: {"words": "14 20 33"},
    Action.WAIT: {"words": "The road department digs first."},
    Action.TRANSFER: {"facts": {"agency": "KPLC"}, "words": "Their pole."},
    Action.DUPLICATE: {"facts": {"master": "another"}},
    Action.REJECT: {"facts": {"reason": REJECTIONS[0]}, "words": NOTE},
    Action.RESOLVE: {"facts": {"outcome": OUTCOMES[0]}, "words": NOTE},
    Action.RATE: {"facts": {"stars": 4}},
    Action.UPHOLD: {"words": NOTE},
    Action.OVERTURN: {"words": NOTE},
    Action.ADD_WORDS: {"words": "Near the school."},
    Action.NOTE: {"words": "Called twice."},
    Action.ESCALATE: {"facts": {"level": 75}},
}

OFFICERS = (Role.OWNER, Role.SUPERVISOR, Role.ADMIN)
WAITING = (State.PENDING_CITIZEN, State.PENDING_THIRD_PARTY)
UNTOUCHED = (State.RECEIVED, State.ASSIGNED)
UNDER_WAY = (State.IN_PROGRESS, *WAITING)
TOLD_BY_FILES = (State.ASSIGNED, *UNDER_WAY, State.RESOLVED)


def _all(states: Any, action: Action, roles: Any, end: State | None) -> dict[tuple[State | None, Action, Role], State]:
    return {(state, action, role): end or state for state in states for role in roles}


# The whole table, told the other way round: from (state, action, role) to the state it leads to.
ALLOWED: Mapping[tuple[State | None, Action, Role], State] = {
    (None, Action.LODGE, Role.CITIZEN): State.RECEIVED,
    (None, Action.LODGE, Role.AGENT): State.RECEIVED,
    **_all(UNTOUCHED, Action.CLASSIFY, (Role.CITIZEN, Role.AGENT, *OFFICERS), None),
    (State.RECEIVED, Action.TRIAGE, Role.SYSTEM): State.RECEIVED,
    **_all(UNTOUCHED, Action.ASSIGN, (Role.SYSTEM, Role.SUPERVISOR, Role.ADMIN), State.ASSIGNED),
    (State.ASSIGNED, Action.START, Role.OWNER): State.IN_PROGRESS,
    **_all((State.ASSIGNED, State.RESOLVED), Action.START, [Role.SYNC], State.IN_PROGRESS),
    (State.IN_PROGRESS, Action.PUT_BACK, Role.OWNER): State.ASSIGNED,
    **_all((*UNDER_WAY, State.RESOLVED), Action.PUT_BACK, [Role.SYNC], State.ASSIGNED),
    (State.IN_PROGRESS, Action.ASK, Role.OWNER): State.PENDING_CITIZEN,
    **_all(TOLD_BY_FILES, Action.ASK, [Role.SYNC], State.PENDING_CITIZEN),
    **_all([State.PENDING_CITIZEN], Action.ANSWER, (Role.CITIZEN, Role.AGENT), State.IN_PROGRESS),
    (State.IN_PROGRESS, Action.WAIT, Role.OWNER): State.PENDING_THIRD_PARTY,
    **_all(TOLD_BY_FILES, Action.WAIT, [Role.SYNC], State.PENDING_THIRD_PARTY),
    **_all(WAITING, Action.RESUME, (Role.OWNER, Role.SYNC), State.IN_PROGRESS),
    (State.PENDING_CITIZEN, Action.RESUME, Role.SYSTEM): State.IN_PROGRESS,
    **_all(OPEN - {State.APPEALED}, Action.TRANSFER, OFFICERS, State.ASSIGNED),
    **_all(OPEN - {State.APPEALED}, Action.DUPLICATE, (*OFFICERS, Role.SYSTEM), State.DUPLICATE),
    (State.DUPLICATE, Action.FOLLOW, Role.SYSTEM): State.RESOLVED,
    (State.DUPLICATE, Action.RELEASE, Role.SYSTEM): State.ASSIGNED,
    **_all(UNTOUCHED, Action.REJECT, (Role.SUPERVISOR, Role.ADMIN), State.REJECTED),
    **_all(UNDER_WAY, Action.RESOLVE, [Role.OWNER], State.RESOLVED),
    **_all(TOLD_BY_FILES, Action.RESOLVE, [Role.SYNC], State.RESOLVED),
    (State.RESOLVED, Action.REMIND, Role.SYSTEM): State.RESOLVED,
    (State.RESOLVED, Action.CONFIRM, Role.CITIZEN): State.CLOSED,
    (State.RESOLVED, Action.CLOSE, Role.SYSTEM): State.CLOSED,
    **_all((State.RESOLVED, State.CLOSED), Action.RATE, [Role.CITIZEN], None),
    **_all(DECIDED, Action.REOPEN, [Role.CITIZEN], State.ASSIGNED),
    **_all(DECIDED, Action.APPEAL, [Role.CITIZEN], State.APPEALED),
    (State.APPEALED, Action.UPHOLD, Role.APPEAL_OFFICER): State.CLOSED,
    (State.APPEALED, Action.OVERTURN, Role.APPEAL_OFFICER): State.ASSIGNED,
    **_all(OPEN, Action.WITHDRAW, [Role.CITIZEN], State.WITHDRAWN),
    (State.WITHDRAWN, Action.RESTORE, Role.CITIZEN): State.ASSIGNED,
    **_all(OPEN, Action.ADD_WORDS, (Role.CITIZEN, Role.AGENT), None),
    **_all(State, Action.NOTE, (*OFFICERS, Role.SYNC, Role.APPEAL_OFFICER), None),
    **_all(OPEN, Action.SHARE, OFFICERS, None),
    **_all(State, Action.RECORD, [Role.SYNC], None),
    **_all(OPEN, Action.ESCALATE, [Role.SYSTEM], None),
}


def standing(state: State, **different: Any) -> Standing:
    """A case at the water company, decided an hour ago by j.otieno where that has a meaning."""
    known = {"id": "this", "agency": "NCWSC", "since": NOW - timedelta(hours=1)}
    if state in DECIDED or state is State.APPEALED:
        known |= {"decided_at": NOW - timedelta(hours=1), "decided_by": "j.otieno"}
    return Standing(state, **{**known, **different})


def act(action: Action, role: Role, **different: Any) -> Act:
    return Act(action, role, NOW, **{**GOOD.get(action, {}), **different})


def refusal(case: Standing | None, what: Act) -> str:
    with pytest.raises(NotAllowed) as refused:
        after(case, what)
    return str(refused.value)


def test_every_action_has_a_rule() -> None:
    assert {rule.action for rule in RULES} == set(Action)


@pytest.mark.parametrize(("state", "action", "role"), EVERY_QUESTION)
def test_every_state_action_and_role_has_an_answer(state: State | None, action: Action, role: Role) -> None:
    case = standing(state) if state else None
    if case and role is Role.SYNC:  # as far as it was decided, its own file did
        case = replace(case, decided_by=str(Role.SYNC))
    expected = ALLOWED.get((state, action, role))
    if expected:
        assert after(case, act(action, role)) is expected
    else:
        assert refusal(case, act(action, role))


@pytest.mark.parametrize(("state", "role"), list(product(State, Role)))
def test_what_is_allowed_is_what_the_table_says(state: State, role: Role) -> None:
    assert set(allowed(state, role)) == {action for was, action, who in ALLOWED if (was, who) == (state, role)}


def test_an_auditor_changes_nothing() -> None:
    assert not any(Role.AUDITOR in rule.roles for rule in RULES)


def test_an_admin_may_what_a_supervisor_may() -> None:
    assert all((Role.ADMIN in rule.roles) == (Role.SUPERVISOR in rule.roles) for rule in RULES)


@pytest.mark.parametrize(
    ("state", "action", "role", "sentence"),
    [
        (State.RECEIVED, Action.ASSIGN, Role.CITIZEN, "assign is for admin or supervisor or system, not for citizen"),
        (State.CLOSED, Action.LODGE, Role.CITIZEN, "lodge makes a new case; this one is closed already"),
        (
            State.IN_PROGRESS,
            Action.CLASSIFY,
            Role.CITIZEN,
            "classify needs a case that is assigned or received; this one is in progress",
        ),
        (None, Action.ASSIGN, Role.SYSTEM, "assign needs a case that is assigned or received; this one is not lodged"),
        (State.APPEALED, Action.UPHOLD, Role.OWNER, "uphold is for appeal officer, not for owner"),
    ],
)
def test_a_refusal_names_the_rule(state: State | None, action: Action, role: Role, sentence: str) -> None:
    assert refusal(standing(state) if state else None, act(action, role)) == sentence


# Guards

IN_PROGRESS, RESOLVED, APPEALED = standing(State.IN_PROGRESS), standing(State.RESOLVED), standing(State.APPEALED)


@pytest.mark.parametrize(
    ("case", "what", "sentence"),
    [
        (standing(State.RECEIVED), act(Action.ASSIGN, Role.SYSTEM, facts={}), "assign needs an office or an officer"),
        (
            standing(State.RECEIVED, barred=frozenset({"KPLC"})),
            act(Action.ASSIGN, Role.SYSTEM),
            "assign never gives a case to the office that it is about, nor to its kin",
        ),
        (
            replace(IN_PROGRESS, barred=frozenset({"KPLC"})),
            act(Action.TRANSFER, Role.SUPERVISOR),
            "transfer never gives a case to the office that it is about, nor to its kin",
        ),
        (
            standing(State.ASSIGNED),
            act(Action.START, Role.OWNER, office="KPLC"),
            "start is for the office that has the case",
        ),
        (
            standing(State.ASSIGNED, owner="ncwsc-1"),
            act(Action.START, Role.OWNER, actor="ncwsc-2"),
            "start is for the officer who has the case; a supervisor can give it to another",
        ),
        (IN_PROGRESS, act(Action.ASK, Role.OWNER, words=" "), "ask needs the question"),
        (IN_PROGRESS, act(Action.WAIT, Role.OWNER, words=None), "wait needs to say whom it waits for"),
        (standing(State.PENDING_CITIZEN), act(Action.ANSWER, Role.CITIZEN, words=""), "answer needs words"),
        (IN_PROGRESS, act(Action.TRANSFER, Role.OWNER, words=""), "transfer needs a reason"),
        (
            IN_PROGRESS,
            act(Action.TRANSFER, Role.OWNER, facts={"agency": "NCWSC"}),
            "transfer needs another office than the one that has the case",
        ),
        (
            IN_PROGRESS,
            act(Action.DUPLICATE, Role.OWNER, facts={"master": "this"}),
            "duplicate needs the case that this one follows, which is another",
        ),
        (
            replace(IN_PROGRESS, followers=2),
            act(Action.DUPLICATE, Role.OWNER),
            "duplicate is not for a case that others follow; let the other one follow this one",
        ),
        (
            standing(State.RECEIVED),
            act(Action.REJECT, Role.SUPERVISOR, facts={"reason": "not_ours"}),
            "reject because it is not yours is forbidden: transfer it instead",
        ),
        (
            standing(State.RECEIVED),
            act(Action.REJECT, Role.SUPERVISOR, facts={"reason": "no_time"}),
            f"reject needs a reason: {', '.join(REJECTIONS)}",
        ),
        (
            standing(State.RECEIVED),
            act(Action.REJECT, Role.SUPERVISOR, words="No."),
            "reject needs a note of at least 20 characters that tells the citizen what was done or why not",
        ),
        (
            IN_PROGRESS,
            act(Action.RESOLVE, Role.OWNER, words="x" * 19 + "   "),
            "resolve needs a note of at least 20 characters that tells the citizen what was done or why not",
        ),
        (
            IN_PROGRESS,
            act(Action.RESOLVE, Role.SYNC, facts={}),
            f"resolve needs an outcome: {', '.join(OUTCOMES)}",
        ),
        (RESOLVED, act(Action.RATE, Role.CITIZEN, facts={"stars": 6}), "rate needs 1 to 5"),
        (
            replace(RESOLVED, reopens=MOST_REOPENS),
            act(Action.REOPEN, Role.CITIZEN),
            "reopen is possible 2 times; after that an appeal goes to somebody else",
        ),
        (
            replace(RESOLVED, appealed=1),
            act(Action.REOPEN, Role.CITIZEN),
            "reopen is not possible after an appeal was decided",
        ),
        (
            replace(RESOLVED, decided_at=NOW - REOPEN_WINDOW - timedelta(seconds=1)),
            act(Action.REOPEN, Role.CITIZEN),
            "reopen is possible within 30 days of the decision",
        ),
        (
            replace(RESOLVED, decided_at=NOW - APPEAL_WINDOW - timedelta(seconds=1)),
            act(Action.APPEAL, Role.CITIZEN),
            "appeal is possible within 30 days of the decision",
        ),
        (
            replace(RESOLVED, appealed=1),
            act(Action.APPEAL, Role.CITIZEN),
            "appeal is possible once for each decision",
        ),
        (
            APPEALED,
            act(Action.UPHOLD, Role.APPEAL_OFFICER, actor="j.otieno"),
            "uphold is for somebody who did not decide the case before",
        ),
        (
            APPEALED,
            act(Action.OVERTURN, Role.APPEAL_OFFICER, actor="j.otieno"),
            "overturn is for somebody who did not decide the case before",
        ),
        (
            standing(State.WITHDRAWN, since=NOW - RESTORE_WINDOW - timedelta(seconds=1)),
            act(Action.RESTORE, Role.CITIZEN),
            "restore is possible within 7 days of the withdrawal",
        ),
        (
            replace(IN_PROGRESS, escalation=100),
            act(Action.ESCALATE, Role.SYSTEM, facts={"level": 100}),
            "escalate goes up, one of 75, 100, 150, 200 per cent, once in each cycle",
        ),
        (
            RESOLVED,
            act(Action.START, Role.SYNC),
            "start takes back or amends a decision only where the office's own file had told it",
        ),
        (standing(State.CLOSED), act(Action.NOTE, Role.SUPERVISOR, words=""), "note needs words"),
    ],
)
def test_every_guard_says_what_is_missing(case: Standing, what: Act, sentence: str) -> None:
    assert refusal(case, what) == sentence


def test_every_guard_of_the_table_was_seen_to_refuse() -> None:
    seen = test_every_guard_says_what_is_missing.pytestmark[0].args[1]  # type: ignore[attr-defined]
    told = {sentence.split(" ", 1)[1] for _, _, sentence in seen}
    assert {guard.sentence for rule in RULES for guard in rule.guards} <= told


@pytest.mark.parametrize("action", [Action.REOPEN, Action.APPEAL])
def test_the_window_is_open_until_its_last_moment(action: Action) -> None:
    assert after(replace(RESOLVED, decided_at=NOW - REOPEN_WINDOW), act(action, Role.CITIZEN))


def test_an_officer_takes_up_what_nobody_has() -> None:
    unowned = standing(State.ASSIGNED, owner=None)
    assert after(unowned, act(Action.START, Role.OWNER, actor="ncwsc-1")) is State.IN_PROGRESS


def test_a_case_may_be_given_to_an_officer_without_naming_an_office() -> None:
    assert after(standing(State.ASSIGNED), act(Action.ASSIGN, Role.SUPERVISOR, facts={"owner": "ncwsc-1"}))


def test_a_supervisor_is_not_held_up_by_the_owner() -> None:
    owned = standing(State.IN_PROGRESS, owner="ncwsc-1")
    assert after(owned, act(Action.TRANSFER, Role.SUPERVISOR, actor="boss", office="NCWSC")) is State.ASSIGNED
