"""What may happen to a case: one table. Nothing outside this table changes a case's state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a case stands."""

    RECEIVED = "received"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    PENDING_CITIZEN = "pending_citizen"
    PENDING_THIRD_PARTY = "pending_third_party"
    APPEALED = "appealed"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    WITHDRAWN = "withdrawn"


class Role(StrEnum):
    """Who acts."""

    CITIZEN = "citizen"
    SYSTEM = "system"  # the router, timers


class Action(StrEnum):
    """What they do."""

    LODGE = "lodge"
    ASSIGN = "assign"
    CLASSIFY = "classify"
    ADD_WORDS = "add_words"


OPEN: Final = frozenset(
    {
        State.RECEIVED,
        State.ASSIGNED,
        State.IN_PROGRESS,
        State.PENDING_CITIZEN,
        State.PENDING_THIRD_PARTY,
        State.APPEALED,
    }
)


class NotAllowed(Exception):
    """The lifecycle says no; the message names the rule in plain words."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: from these states (None = no case yet), by these roles, to this state (None = stays)."""

    start: frozenset[State] | None
    roles: frozenset[Role]
    end: State | None


RULES: Final[Mapping[Action, Rule]] = {
    Action.LODGE: Rule(None, frozenset({Role.CITIZEN}), State.RECEIVED),
    # the router gives a case to an office; again when the citizen has told what or where it is
    Action.ASSIGN: Rule(frozenset({State.RECEIVED, State.ASSIGNED}), frozenset({Role.SYSTEM}), State.ASSIGNED),
    # the citizen answers "what is it about, and where?"; once an office works on it, that is the office's to change
    Action.CLASSIFY: Rule(frozenset({State.RECEIVED, State.ASSIGNED}), frozenset({Role.CITIZEN}), None),
    Action.ADD_WORDS: Rule(OPEN, frozenset({Role.CITIZEN}), None),
}


def after(state: State | None, action: Action, role: Role) -> State:
    """The state that `action` by `role` leads to. Raises NotAllowed with the rule that stands in the way."""
    rule = RULES[action]
    if role not in rule.roles:
        raise NotAllowed(f"{action} is for {_either(rule.roles)}, not for {role}")
    if rule.start is None:
        if state is not None:
            raise NotAllowed(f"{action} makes a new case; this one is {state} already")
    elif state not in rule.start:
        raise NotAllowed(f"{action} needs a case that is {_either(rule.start)}; this one is {state or 'not lodged'}")
    landed = rule.end or state
    assert landed is not None  # noqa: S101  the table has no rule that starts and ends nowhere
    return landed


def _either(words: frozenset[State] | frozenset[Role]) -> str:
    return " or ".join(sorted(words))
