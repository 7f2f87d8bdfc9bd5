from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pytest

from cases.lifecycle import OPEN, RULES, Action, NotAllowed, Role, State, after

STATES = (None, *State)
EVERY_QUESTION = list(product(STATES, Action, Role))

# The whole table, told the other way round: from (state, action, role) to the state it leads to.
ALLOWED: Mapping[tuple[State | None, Action, Role], State] = {
    (None, Action.LODGE, Role.CITIZEN): State.RECEIVED,
    (State.RECEIVED, Action.ASSIGN, Role.SYSTEM): State.ASSIGNED,
    (State.ASSIGNED, Action.ASSIGN, Role.SYSTEM): State.ASSIGNED,
    (State.RECEIVED, Action.CLASSIFY, Role.CITIZEN): State.RECEIVED,
    (State.ASSIGNED, Action.CLASSIFY, Role.CITIZEN): State.ASSIGNED,
    **{(state, Action.ADD_WORDS, Role.CITIZEN): state for state in OPEN},
}


def test_every_action_has_a_rule() -> None:
    assert set(RULES) == set(Action)


@pytest.mark.parametrize(("state", "action", "role"), EVERY_QUESTION)
def test_every_state_action_and_role_has_an_answer(state: State | None, action: Action, role: Role) -> None:
    expected = ALLOWED.get((state, action, role))
    if expected:
        assert after(state, action, role) is expected
    else:
        with pytest.raises(NotAllowed):
            after(state, action, role)


@pytest.mark.parametrize(
    ("state", "action", "role", "sentence"),
    [
        (State.RECEIVED, Action.ASSIGN, Role.CITIZEN, "assign is for system, not for citizen"),
        (State.CLOSED, Action.LODGE, Role.CITIZEN, "lodge makes a new case; this one is closed already"),
        (
            State.IN_PROGRESS,
            Action.CLASSIFY,
            Role.CITIZEN,
            "classify needs a case that is assigned or received; this one is in_progress",
        ),
        (None, Action.ASSIGN, Role.SYSTEM, "assign needs a case that is assigned or received; this one is not lodged"),
    ],
)
def test_a_refusal_names_the_rule(state: State | None, action: Action, role: Role, sentence: str) -> None:
    with pytest.raises(NotAllowed) as refusal:
        after(state, action, role)
    assert str(refusal.value) == sentence


def test_a_case_that_ended_takes_no_more_words() -> None:
    for state in set(State) - OPEN:
        with pytest.raises(NotAllowed, match=f"this one is {state}"):
            after(state, Action.ADD_WORDS, Role.CITIZEN)
