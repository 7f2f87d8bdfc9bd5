"""Which cases staff may see, and what of them. The one place that decides it.

Lists, counts, look-ups and histories all go through the same condition, in SQL: what somebody may not see is never
loaded, and is answered like a number that does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import packs
from cases import reference
from cases.casework import WORKLIST
from cases.citizens import Caller, Citizens
from cases.lifecycle import OPEN, Role, State
from cases.models import Case, CaseEvent
from store import database
from store.model import Select, to_micros
from store.sealing import Unreadable

MOST_LISTED: Final = 500  # a page
MOST_COUNTED: Final = 10_000  # beyond it nobody reads the number, and counting takes long
MOST_EVENTS: Final = 500  # of one case: its newest

ERASED: Final = "(erased)"
IN_CONFIDENCE: Final = "(in confidence)"
UNREADABLE: Final = "(cannot be read with the keys of this box)"

OFFICE_ROLES: Final = frozenset({Role.OWNER, Role.SUPERVISOR, Role.SYNC})  # they act for one office


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: in which role, of which office (its code), under which name (an officer's code)."""

    role: Role
    agency: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; all of it must hold. Codes are the pack's."""

    states: tuple[State, ...] = ()
    is_open: bool = False
    overdue_at: datetime | None = None  # open, and the promised time was over before this moment
    agency: str | None = None
    owner: str | None = None
    mine: bool = False  # the viewer's own
    queue: str | None = None  # triage | supervisor
    category: str | None = None
    ward: str | None = None
    county: str | None = None
    master: str | None = None  # the id of the case that they follow
    escalated: int = 0  # per cent, at least
    since: datetime | None = None  # received then or later


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a case as staff read it. `facts` hold what was said and each column that changed, as stored."""

    seq: int
    kind: str
    role: str
    actor: str | None
    source: str
    at: datetime
    facts: Mapping[str, Any]
    words: str | None  # ERASED or UNREADABLE where the citizen's key does not open them


def listed(viewer: Viewer, filters: Filters, limit: int = 20, after: Case | None = None) -> list[Case]:
    """The cases that `viewer` may see, those due first first; at most 500. `after`: the last of the page before."""
    terms = [*_terms(viewer, filters)]
    if after is not None:
        terms.append(_Term("(due_at, id) > (?, ?)", to_micros(after.due_at), after.id))
    where = _all(terms)
    return _cases(f"WHERE {where.sql} ORDER BY due_at, id LIMIT ?", *where.values, min(limit, MOST_LISTED))


def count(viewer: Viewer, filters: Filters) -> int:
    """How many cases `listed` would give, page after page; counted up to 10,000."""
    where = _all(_terms(viewer, filters))
    counted = f"SELECT COUNT(*) FROM (SELECT 1 FROM cases WHERE {where.sql} LIMIT ?) AS seen"
    return int(database.rows(database.main, counted, *where.values, MOST_COUNTED)[0][0])


def find(viewer: Viewer, typed: str) -> Case | None:
    """The case with the number that somebody typed, if `viewer` may see it. None does not tell why."""
    number = reference.digits(typed)
    return _one(viewer, "ref = ?", number) if number and len(number) == reference.DIGITS else None


def by_id(viewer: Viewer, case_id: str) -> Case | None:
    """The case with this id, if `viewer` may see it."""
    return _one(viewer, "id = ?", case_id)


def history(viewer: Viewer, case: Case, citizens: Citizens) -> list[Entry]:
    """What happened to a case, oldest first; at most its newest 500 events. Nothing if `viewer` may not see it now."""
    if by_id(viewer, case.id) is None:
        return []
    opened = _opener(citizens, case) if _may_read(viewer, case) else lambda _: IN_CONFIDENCE
    rows = _events("WHERE case_id = ? ORDER BY recorded_at DESC, seq DESC LIMIT ?", case.id, MOST_EVENTS)
    return [
        Entry(
            seq=row.seq,
            kind=row.kind,
            role=row.role,
            actor=row.actor,
            source=row.source,
            at=row.occurred_at,
            facts=json.loads(row.facts),
            words=opened(row) if row.words is not None else None,
        )
        for row in reversed(rows)
    ]


def phone(viewer: Viewer, case: Case, citizens: Citizens) -> str | None:
    """The citizen's number (E.164). None where there is none to know: the case is anonymous, the citizen erased, or
    they came through a system that gave no phone."""
    if case.visibility == "anonymous" or by_id(viewer, case.id) is None:
        return None
    if viewer.role is Role.SYNC and not contact_leaves(case.visibility, case.guarded):
        return None
    try:
        caller = _citizen(citizens, case)
    except Unreadable:
        return None
    return (caller.msisdn or None) if caller else None


def words_leave(visibility: str, guarded: int | None, shared: int | None) -> bool:
    """Whether what a citizen wrote goes into an office's files: in confidence only when an officer released it."""
    return bool(shared) or (visibility == "public" and not guarded)


def contact_leaves(visibility: str, guarded: int | None) -> bool:
    """Whether a citizen's number may go into an office's files (where the pack lets that office have numbers)."""
    return visibility == "public" and not guarded


def _may_read(viewer: Viewer, case: Case) -> bool:
    """Whether somebody who may see a case may read its words, too. Files go by other rules than officers."""
    return viewer.role is not Role.SYNC or words_leave(case.visibility, case.guarded, case.shared)


def is_overdue(case: Case, now: datetime) -> bool:
    """Whether the promised time of an open case is over. While its clock stands still it does not run out."""
    if case.state not in OPEN or case.due_at >= now:
        return False
    return case.paused_at is None or case.paused_at >= case.due_at


# The condition


class _Term:
    """A condition in SQL and the values of its question marks."""

    __slots__ = ("sql", "values")

    def __init__(self, sql: str, *values: Any) -> None:
        self.sql, self.values = sql, values


_NEVER: Final = _Term("1 = 0")
_OFFICE: Final = "agency = ?"
# What each role sees at all; a question mark is the viewer's office. Citizens and timers do not look here.
_REACH: Final[Mapping[Role, str]] = {
    Role.OWNER: _OFFICE,
    Role.SUPERVISOR: _OFFICE,
    Role.SYNC: _OFFICE,  # files are read by more people than those two: `words_leave` tells what of them
    Role.AGENT: "visibility = 'public'",
    Role.APPEAL_OFFICER: "(state = 'appealed' OR appealed = 1)",
    Role.AUDITOR: "1 = 1",
    Role.ADMIN: "1 = 1",
}


def _sight(viewer: Viewer) -> Iterator[_Term]:
    """What `viewer` may see: within the reach of their role, and never what is about their own office or its kin."""
    reach = _REACH.get(viewer.role)
    if reach is None or (viewer.role in OFFICE_ROLES and not viewer.agency):
        yield _NEVER
        return
    yield _Term(reach, *[viewer.agency] * reach.count("?"))
    if viewer.agency:
        kin = packs.current().kin(viewer.agency)
        yield _Term(f"(about IS NULL OR about NOT IN ({', '.join('?' * len(kin))}))", *sorted(kin))


def _terms(viewer: Viewer, filters: Filters) -> Iterator[_Term]:
    yield from _sight(viewer)
    if filters.states:
        yield _Term(f"state IN ({', '.join('?' * len(filters.states))})", *map(str, filters.states))
    if filters.is_open or filters.overdue_at:
        yield _Term(WORKLIST)
    if filters.overdue_at:
        yield _Term("due_at < ? AND (paused_at IS NULL OR paused_at >= due_at)", to_micros(filters.overdue_at))
    for column in ("agency", "owner", "queue", "category", "ward", "county", "master"):
        wanted = getattr(filters, column)
        if wanted is not None:
            yield _Term(f"{column} = ?", wanted)
    if filters.mine:
        yield _Term("owner = ?", viewer.actor) if viewer.actor else _NEVER
    if filters.escalated:
        yield _Term("escalation >= ?", filters.escalated)
    if filters.since:
        yield _Term("received_at >= ?", to_micros(filters.since))


def _all(terms: Iterable[_Term]) -> _Term:
    every = list(terms)
    return _Term(" AND ".join(term.sql for term in every), *(value for term in every for value in term.values))


def _one(viewer: Viewer, sql: str, value: str) -> Case | None:
    where = _all([_Term(sql, value), *_sight(viewer)])
    found = _cases(f"WHERE {where.sql}", *where.values)
    return found[0] if found else None


_cases: Final = Select(Case)
_events: Final = Select(CaseEvent)


# What only the citizen's key opens


def _citizen(citizens: Citizens, case: Case) -> Caller | None:
    """The citizen of a case; None once erased. Raises Unreadable where their master key is not in the ring."""
    citizen_id: str = case.__data__["citizen"]
    return citizens.by_id([citizen_id]).get(citizen_id)


def _opener(citizens: Citizens, case: Case) -> Callable[[CaseEvent], str]:
    """Reads the words of a case's events, with its citizen's key."""
    try:
        caller = _citizen(citizens, case)
    except Unreadable:
        return lambda _: UNREADABLE
    if caller is None:
        return lambda _: ERASED

    def opened(event: CaseEvent) -> str:
        try:
            return caller.key.open("case_event.words", event.id, bytes(event.words or b""))
        except Unreadable:
            return UNREADABLE

    return opened
