"""What may happen to a case: one table. Nothing outside this table changes a case's state. Pure.

`RULES` is the whole of it. `after` answers for one act; `docs/lifecycle.md` is drawn from the table by a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final


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
    AGENT = "agent"  # at the service desk, for a citizen on the phone
    OWNER = "owner"  # the officer who has the case
    SUPERVISOR = "supervisor"
    APPEAL_OFFICER = "appeal_officer"
    SYNC = "sync"  # an office, by its file or its own system
    SYSTEM = "system"  # the router, timers
    AUDITOR = "auditor"  # reads everything, changes nothing
    ADMIN = "admin"  # whatever a supervisor may


class Action(StrEnum):
    """What they do."""

    LODGE = "lodge"
    CLASSIFY = "classify"
    TRIAGE = "triage"
    ASSIGN = "assign"
    START = "start"
    PUT_BACK = "put_back"
    ASK = "ask"
    ANSWER = "answer"
    WAIT = "wait"
    RESUME = "resume"
    TRANSFER = "transfer"
    DUPLICATE = "duplicate"
    FOLLOW = "follow"
    RELEASE = "release"
    REJECT = "reject"
    RESOLVE = "resolve"
    REMIND = "remind"
    CONFIRM = "confirm"
    CLOSE = "close"
    RATE = "rate"
    REOPEN = "reopen"
    APPEAL = "appeal"
    UPHOLD = "uphold"
    OVERTURN = "overturn"
    WITHDRAW = "withdraw"
    RESTORE = "restore"
    ADD_WORDS = "add_words"
    NOTE = "note"
    RECORD = "record"
    SHARE = "share"
    ESCALATE = "escalate"


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
DECIDED: Final = frozenset({State.RESOLVED, State.CLOSED, State.REJECTED})

OUTCOMES: Final = ("fixed", "partly", "explained", "paid", "no_fault")  # of a resolution
REJECTIONS: Final = ("not_government", "in_court", "abuse", "too_little", "decided_before")
NOT_OURS: Final = "not_ours"  # never a reason: forwarding does not close a case

SHORTEST_NOTE: Final = 20  # characters that a citizen is owed when their case is decided
MOST_REOPENS: Final = 2
REOPEN_WINDOW: Final = timedelta(days=30)  # from the decision, whatever was written since
APPEAL_WINDOW: Final = timedelta(days=30)
RESTORE_WINDOW: Final = timedelta(days=7)
STARS: Final = ("1", "2", "3", "4", "5")
LEVELS: Final = (75, 100, 150, 200)  # per cent of the promised time at which a case escalates
BREACH: Final = 100


class NotAllowed(Exception):
    """The lifecycle says no; the message names the rule in plain words."""


class Stale(NotAllowed):
    """Somebody else changed the case since it was looked at."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules ask about a case."""

    state: State
    id: str = ""
    agency: str = ""
    owner: str | None = None
    barred: frozenset[str] = frozenset()  # the office that is complained about in confidence, and its kin
    followers: int = 0
    escalation: int = 0  # the level reached in this cycle
    reopens: int = 0
    appealed: int = 0  # whether the decision of this cycle was appealed
    since: datetime | None = None  # when it came into this state
    decided_at: datetime | None = None
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody wants something to happen. `office` is the acting officer's agency, None for those who have none.

    `at`: when it happened; `heard`: when we heard of it, None where that is the same.
    """

    action: Action
    role: Role
    at: datetime
    actor: str | None = None
    office: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    words: str | None = None
    heard: datetime | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition; `sentence` goes on from the action's name: "resolve needs a note …"."""

    sentence: str
    holds: Callable[[Standing, Act], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: from these states (None = no case yet), by these roles, to this state (None = stays)."""

    action: Action
    start: frozenset[State] | None
    roles: frozenset[Role]
    end: State | None
    guards: tuple[Guard, ...] = ()


def _within(window: timedelta, since: Callable[[Standing], datetime | None]) -> Callable[[Standing, Act], bool]:
    def holds(case: Standing, act: Act) -> bool:
        begin = since(case)
        return begin is not None and act.at <= begin + window

    return holds


def _words(act: Act) -> str:
    return (act.words or "").strip()


_SOME_WORDS: Final = Guard("needs words", lambda _, act: bool(_words(act)))
_NOTE: Final = Guard(
    f"needs a note of at least {SHORTEST_NOTE} characters that tells the citizen what was done or why not",
    lambda _, act: len(_words(act)) >= SHORTEST_NOTE,
)
_QUESTION: Final = Guard("needs the question", lambda _, act: bool(_words(act)))
_WHOM: Final = Guard("needs to say whom it waits for", lambda _, act: bool(_words(act)))
_OUTCOME: Final = Guard(f"needs an outcome: {', '.join(OUTCOMES)}", lambda _, act: act.facts.get("outcome") in OUTCOMES)
_OWN_OFFICE: Final = Guard(
    "is for the office that has the case", lambda case, act: act.office is None or act.office == case.agency
)
_OWN_CASE: Final = Guard(
    "is for the officer who has the case; a supervisor can give it to another",
    lambda case, act: act.role is not Role.OWNER or case.owner is None or act.actor in (None, case.owner),
)
_NOT_ABOUT: Final = Guard(
    "never gives a case to the office that it is about, nor to its kin",
    lambda case, act: act.facts.get("agency") not in case.barred,
)
_REOPEN_IN_TIME: Final = Guard(
    f"is possible within {REOPEN_WINDOW.days} days of the decision",
    _within(REOPEN_WINDOW, lambda case: case.decided_at),
)
_APPEAL_IN_TIME: Final = Guard(
    f"is possible within {APPEAL_WINDOW.days} days of the decision",
    _within(APPEAL_WINDOW, lambda case: case.decided_at),
)
_OWN_WORD: Final = Guard(
    "takes back or amends a decision only where the office's own file had told it",
    lambda case, _: case.state is not State.RESOLVED or case.decided_by == Role.SYNC,
)
_OTHER_PERSON: Final = Guard(
    "is for somebody who did not decide the case before",
    lambda case, act: act.actor is None or act.actor != case.decided_by,
)

_RECEIVED: Final = frozenset({State.RECEIVED})
_MOVABLE: Final = OPEN - {State.APPEALED}  # the office that is appealed against does not move the appeal
_UNTOUCHED: Final = frozenset({State.RECEIVED, State.ASSIGNED})
_ASSIGNED: Final = frozenset({State.ASSIGNED})
_WORKING: Final = frozenset({State.IN_PROGRESS})
_WAITING: Final = frozenset({State.PENDING_CITIZEN, State.PENDING_THIRD_PARTY})
_ANSWERABLE: Final = _WORKING | _WAITING
_RESOLVED: Final = frozenset({State.RESOLVED})
_APPEALED: Final = frozenset({State.APPEALED})
# Where the files of an office say how its work stands: not begun, begun, done, or after all not done
_TOLD_BY_FILES: Final = _ASSIGNED | _ANSWERABLE | _RESOLVED

_CITIZEN: Final = frozenset({Role.CITIZEN})
_SYSTEM: Final = frozenset({Role.SYSTEM})
_SYNC: Final = frozenset({Role.SYNC})
_SUPERVISOR: Final = frozenset({Role.SUPERVISOR, Role.ADMIN})
_OWNER: Final = frozenset({Role.OWNER})
_OFFICER: Final = _SUPERVISOR | _OWNER
_OFFICE: Final = _OFFICER | _SYNC
_HELPED: Final = frozenset({Role.CITIZEN, Role.AGENT})
_APPEAL_OFFICER: Final = frozenset({Role.APPEAL_OFFICER})

RULES: Final = (
    Rule(Action.LODGE, None, _HELPED, State.RECEIVED),
    # "what is it about, and where?"; once an office works on it, that is the office's to change by a transfer
    Rule(Action.CLASSIFY, _UNTOUCHED, _HELPED | _OFFICER, None),
    # nobody could tell for two working hours what it is about: it goes to the triage queue
    Rule(Action.TRIAGE, _RECEIVED, _SYSTEM, None),
    Rule(
        Action.ASSIGN,
        _UNTOUCHED,
        _SYSTEM | _SUPERVISOR,
        State.ASSIGNED,
        (
            Guard(
                "needs an office or an officer", lambda _, act: bool(act.facts.get("agency") or act.facts.get("owner"))
            ),
            _NOT_ABOUT,
        ),
    ),
    Rule(Action.START, _ASSIGNED, _OWNER, State.IN_PROGRESS, (_OWN_OFFICE, _OWN_CASE)),
    # an office's files may leave out steps on the way, and take back what nobody has confirmed yet
    Rule(Action.START, _ASSIGNED | _RESOLVED, _SYNC, State.IN_PROGRESS, (_OWN_OFFICE, _OWN_WORD)),
    Rule(Action.PUT_BACK, _WORKING, _OWNER, State.ASSIGNED, (_OWN_OFFICE, _OWN_CASE)),
    Rule(Action.PUT_BACK, _ANSWERABLE | _RESOLVED, _SYNC, State.ASSIGNED, (_OWN_OFFICE, _OWN_WORD)),
    Rule(Action.ASK, _WORKING, _OWNER, State.PENDING_CITIZEN, (_OWN_OFFICE, _OWN_CASE, _QUESTION)),
    Rule(Action.ASK, _TOLD_BY_FILES, _SYNC, State.PENDING_CITIZEN, (_OWN_OFFICE, _OWN_WORD, _QUESTION)),
    Rule(Action.ANSWER, frozenset({State.PENDING_CITIZEN}), _HELPED, State.IN_PROGRESS, (_SOME_WORDS,)),
    Rule(Action.WAIT, _WORKING, _OWNER, State.PENDING_THIRD_PARTY, (_OWN_OFFICE, _OWN_CASE, _WHOM)),
    Rule(Action.WAIT, _TOLD_BY_FILES, _SYNC, State.PENDING_THIRD_PARTY, (_OWN_OFFICE, _OWN_WORD, _WHOM)),
    Rule(Action.RESUME, _WAITING, _OWNER | _SYNC, State.IN_PROGRESS, (_OWN_OFFICE, _OWN_CASE)),
    Rule(Action.RESUME, frozenset({State.PENDING_CITIZEN}), _SYSTEM, State.IN_PROGRESS),
    Rule(
        Action.TRANSFER,
        _MOVABLE,
        _OFFICER,
        State.ASSIGNED,
        (
            _OWN_OFFICE,
            Guard(
                "needs another office than the one that has the case",
                lambda case, act: act.facts.get("agency") not in (None, "", case.agency),
            ),
            _NOT_ABOUT,
            Guard("needs a reason", lambda _, act: bool(_words(act))),
        ),
    ),
    Rule(
        Action.DUPLICATE,
        _MOVABLE,
        _OFFICER | _SYSTEM,
        State.DUPLICATE,
        (
            _OWN_OFFICE,
            Guard(
                "needs the case that this one follows, which is another",
                lambda case, act: act.facts.get("master") not in (None, "", case.id),
            ),
            Guard(
                "is not for a case that others follow; let the other one follow this one",
                lambda case, _: case.followers == 0,
            ),
        ),
    ),
    # what becomes of a case whose master was resolved, or ended without an answer
    Rule(Action.FOLLOW, frozenset({State.DUPLICATE}), _SYSTEM, State.RESOLVED),
    Rule(Action.RELEASE, frozenset({State.DUPLICATE}), _SYSTEM, State.ASSIGNED),
    Rule(
        Action.REJECT,
        _UNTOUCHED,
        _SUPERVISOR,
        State.REJECTED,
        (
            _OWN_OFFICE,
            Guard(
                "because it is not yours is forbidden: transfer it instead",
                lambda _, act: act.facts.get("reason") != NOT_OURS,
            ),
            Guard(
                f"needs a reason: {', '.join(REJECTIONS)}",
                lambda _, act: act.facts.get("reason") in REJECTIONS,
            ),
            _NOTE,
        ),
    ),
    Rule(Action.RESOLVE, _ANSWERABLE, _OWNER, State.RESOLVED, (_OWN_OFFICE, _OWN_CASE, _OUTCOME, _NOTE)),
    Rule(Action.RESOLVE, _TOLD_BY_FILES, _SYNC, State.RESOLVED, (_OWN_OFFICE, _OWN_WORD, _OUTCOME, _NOTE)),
    Rule(Action.REMIND, _RESOLVED, _SYSTEM, None),
    Rule(Action.CONFIRM, _RESOLVED, _CITIZEN, State.CLOSED),
    Rule(Action.CLOSE, _RESOLVED, _SYSTEM, State.CLOSED),
    Rule(
        Action.RATE,
        frozenset({State.RESOLVED, State.CLOSED}),
        _CITIZEN,
        None,
        (Guard("needs 1 to 5", lambda _, act: str(act.facts.get("stars")) in STARS),),
    ),
    Rule(
        Action.REOPEN,
        DECIDED,
        _CITIZEN,
        State.ASSIGNED,
        (
            _REOPEN_IN_TIME,
            Guard(
                f"is possible {MOST_REOPENS} times; after that an appeal goes to somebody else",
                lambda case, _: case.reopens < MOST_REOPENS,
            ),
            Guard("is not possible after an appeal was decided", lambda case, _: not case.appealed),
        ),
    ),
    Rule(
        Action.APPEAL,
        DECIDED,
        _CITIZEN,
        State.APPEALED,
        (
            _APPEAL_IN_TIME,
            Guard("is possible once for each decision", lambda case, _: not case.appealed),
        ),
    ),
    Rule(Action.UPHOLD, _APPEALED, _APPEAL_OFFICER, State.CLOSED, (_OTHER_PERSON, _NOTE)),
    Rule(Action.OVERTURN, _APPEALED, _APPEAL_OFFICER, State.ASSIGNED, (_OTHER_PERSON, _NOTE)),
    Rule(Action.WITHDRAW, OPEN, _CITIZEN, State.WITHDRAWN),
    Rule(
        Action.RESTORE,
        frozenset({State.WITHDRAWN}),
        _CITIZEN,
        State.ASSIGNED,
        (
            Guard(
                f"is possible within {RESTORE_WINDOW.days} days of the withdrawal",
                _within(RESTORE_WINDOW, lambda case: case.since),
            ),
        ),
    ),
    Rule(Action.ADD_WORDS, OPEN, _HELPED, None, (_SOME_WORDS,)),
    Rule(Action.NOTE, frozenset(State), _OFFICE | _APPEAL_OFFICER, None, (_SOME_WORDS,)),
    # a file tells what it had told already, or what is older than what it told since: kept, and nothing moves
    Rule(Action.RECORD, frozenset(State), _SYNC, None, (_OWN_OFFICE,)),
    # files are read by more people than the case: what was said in confidence goes into them when an officer says so
    Rule(Action.SHARE, OPEN, _OFFICER, None, (_OWN_OFFICE, _OWN_CASE)),
    Rule(
        Action.ESCALATE,
        OPEN,
        _SYSTEM,
        None,
        (
            Guard(
                f"goes up, one of {', '.join(map(str, LEVELS))} per cent, once in each cycle",
                lambda case, act: act.facts.get("level") in LEVELS and act.facts["level"] > case.escalation,
            ),
        ),
    ),
)

_RULES_OF: Final[Mapping[Action, tuple[Rule, ...]]] = {
    action: tuple(rule for rule in RULES if rule.action is action) for action in Action
}


def after(case: Standing | None, act: Act) -> State:
    """The state that `act` leads to. Raises NotAllowed with the rule that stands in the way."""
    rules, state = _RULES_OF[act.action], case.state if case else None
    theirs = [rule for rule in rules if act.role in rule.roles]
    if not theirs:
        roles = {role for rule in rules for role in rule.roles}
        raise NotAllowed(f"{plain(act.action)} is for {_either(roles)}, not for {plain(act.role)}")
    rule = next((rule for rule in theirs if _begins(rule, state)), None)
    if rule is None:
        raise NotAllowed(_elsewhere(act.action, theirs, state))
    standing = case or Standing(State.RECEIVED)
    for guard in rule.guards:
        if not guard.holds(standing, act):
            raise NotAllowed(f"{plain(act.action)} {guard.sentence}")
    return rule.end or standing.state


def allowed(state: State, role: Role) -> tuple[Action, ...]:
    """What `role` may do to a case in `state`, guards apart, in the table's order."""
    return tuple(
        dict.fromkeys(rule.action for rule in RULES if rule.start and state in rule.start and role in rule.roles)
    )


def plain(word: str) -> str:
    """A state, role or action as people write it: "in progress"."""
    return word.replace("_", " ")


def _begins(rule: Rule, state: State | None) -> bool:
    return state is None if rule.start is None else state in rule.start


def _elsewhere(action: Action, rules: Iterable[Rule], state: State | None) -> str:
    starts = {state for rule in rules for state in rule.start or ()}
    if not starts:
        return f"{plain(action)} makes a new case; this one is {plain(state or '')} already"
    return f"{plain(action)} needs a case that is {_either(starts)}; this one is {plain(state or 'not lodged')}"


def _either(words: Iterable[str]) -> str:
    return " or ".join(plain(word) for word in sorted(words))
