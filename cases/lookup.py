"""Whose cases are shown to whom. A phone sees its own cases; what is not its own looks like what does not exist."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cases import reference
from cases.lifecycle import OPEN
from cases.models import Case
from packs.model import Pack, Place
from store import database
from store.model import Select, to_micros


def own_case(citizen_id: str, typed: str, *, secret: bool = False) -> Case | None:
    """The citizen's own public case with the number they typed, whole or its last digits (at least 4); else None.

    `secret`: also one that is not public, by its whole number, unless no SMS is to tell of it; what is then said must
    tell nothing of it.
    Absent, foreign and mistyped numbers all give None, after the same queries: the answer discloses nothing.
    """
    number = reference.digits(typed)
    if number is None or len(number) < reference.LEAST_DIGITS or len(number) > reference.DIGITS:
        return None
    if len(number) == reference.DIGITS:
        found = _first(_cases("WHERE citizen_id = ? AND ref = ?", citizen_id, number))
        return found if found and (found.visibility == "public" or (secret and not found.silent)) else None
    return _first(_cases(f"{_PUBLIC} AND ref LIKE ? {_NEWEST}", citizen_id, f"%{number}", 1))


def own_by_id(citizen_id: str, case_id: str) -> Case | None:
    """The citizen's own case with this id, as a list that they chose from carries it."""
    return _first(_cases("WHERE citizen_id = ? AND id = ?", citizen_id, case_id))


def recent(citizen_id: str, limit: int) -> list[Case]:
    """The citizen's newest public cases. Phones are shared: confidential ones are never listed."""
    return _cases(f"{_PUBLIC} {_NEWEST}", citizen_id, limit)


def open_cases(citizen_id: str, limit: int) -> list[Case]:
    """The citizen's newest public cases that still wait for an answer."""
    return _cases(f"{_PUBLIC} AND state IN {_OPEN} {_NEWEST}", citizen_id, limit)


def on_their_mind(citizen_id: str, limit: int) -> list[Case]:
    """The citizen's public cases that go on: first those with a question for them, then what they have to confirm."""
    urgent = "CASE state WHEN 'pending_citizen' THEN 0 WHEN 'resolved' THEN 1 ELSE 2 END"
    alive = f"{_PUBLIC} AND (state IN {_OPEN} OR state = 'resolved')"
    return _cases(f"{alive} ORDER BY {urgent}, received_at DESC LIMIT ?", citizen_id, limit)


def lodged_by(source_key: str) -> Case | None:
    """The case that this request made, if it did."""
    return _first(_cases("WHERE source_key = ?", source_key))


def lately(citizen_id: str, sub: str, place: str | None, since: datetime) -> Case | None:
    """The citizen's newest public case of the same kind at the same place, lodged after `since` and not decided yet."""
    alive = f"(state IN {_OPEN} OR state = 'duplicate')"
    same = f"{_PUBLIC} AND received_at > ? AND sub = ? AND COALESCE(place, '') = ? AND {alive} {_NEWEST}"
    return _first(_cases(same, citizen_id, to_micros(since), sub, place or "", 1))


def known_issue(pack: Pack, sub: str, place: Place) -> Case | None:
    """The open public case that others follow for this problem in this ward; never one of a sensitive kind."""
    kind = pack.subs[sub]
    if kind.sensitive or pack.categories[kind.category].sensitive or not place.ward:
        return None
    known = f"WHERE followers > 0 AND ward = ? AND sub = ? AND visibility = 'public' AND state IN {_OPEN}"
    return _first(_cases(f"{known} ORDER BY received_at LIMIT 1", place.ward, sub))


def queues() -> dict[str, int]:
    """How many cases wait for a person to say where they belong, by queue (supervisor, triage)."""
    counted = "SELECT queue, COUNT(*) FROM cases WHERE queue IS NOT NULL GROUP BY queue"
    return {queue: int(waiting) for queue, waiting in database.rows(database.main, counted)}


_cases: Final = Select(Case)
_PUBLIC: Final = "WHERE citizen_id = ? AND visibility = 'public'"
_NEWEST: Final = "ORDER BY received_at DESC LIMIT ?"
_OPEN: Final = "(" + ", ".join(f"'{state}'" for state in sorted(OPEN)) + ")"


def _first(found: list[Case]) -> Case | None:
    return found[0] if found else None
