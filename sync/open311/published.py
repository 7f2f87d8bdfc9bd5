"""What anybody may see: public cases and what became of them, by SQL that loads nothing else.

A case stands here from the moment it is lodged, unless it is confidential or anonymous, its words sound secret and no
officer has named it, or it is of a sensitive kind. Those are answered like ids that do not exist. No words are loaded
but what an office wrote, and that only for the client through which the case came.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from cases.casework import WORKLIST
from cases.models import Case
from packs.model import Pack
from store import database
from store.model import Select, from_micros, to_micros

SOURCE: Final = "open311"
OF_A_CASE: Final = re.compile(r"([0-9a-f]{32})(-[0-9]{1,3}){0,5}")  # as houses like this one call what they send
MOST_CASES: Final = 1_000  # a page
MOST_UPDATES: Final = 10_000  # a page: what a country may have in the two hours that clients ask for
DEEPEST: Final = 50_000  # further back one asks for other dates

# Of a case nobody can look these up: they are its own affair, or nothing happened to it
_UNTOLD: Final = ("lodge", "classify", "triage", "add_words", "note", "remind", "rate", "escalate")
# What an officer writes with these is for the citizen; with others, where an office's file says so ("public")
_FOR_THE_CITIZEN: Final = frozenset({"ask", "wait", "resolve", "reject", "uphold", "overturn"})
# What is only put on record moves nothing, but may have words for the citizen; all else is news if it changed these.
# By SQL, so that a page is full as long as another one follows.
_IS_NEWS: Final = (
    "CASE e.kind WHEN 'record' THEN c.source_key LIKE ? AND e.words IS NOT NULL AND e.facts LIKE ? "
    "ELSE e.facts LIKE ? OR e.facts LIKE ? OR e.facts LIKE ? END"
)
_SAYS: Final = ('%"public":true%', '%"state":%', '%"decided_at":%', '%"agency":%')

# These stand in the migration's indexes to the letter
_PUBLIC: Final = "visibility = 'public' AND guarded IS NULL"
_TOLD: Final = f"kind NOT IN ({', '.join(repr(kind) for kind in _UNTOLD)})"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases: received from `start` to `end`, the whole second of which counts; of which kinds and status."""

    start: datetime
    end: datetime
    subs: tuple[str, ...] | None = None  # None: all
    is_open: bool | None = None  # None: open and closed ones
    page: int = 1
    size: int = MOST_CASES


class Update(NamedTuple):
    """One thing that happened to a case."""

    id: str
    case_id: str
    kind: str
    recorded_at: datetime
    told: dict[str, Any]  # the facts of the event: each column that changed, and what was said with it
    agency: str  # which has the case now, unless the event tells
    outcome: str | None
    state: str  # now
    citizen_id: str
    words: bytes | None  # sealed; only what an office wrote to the citizen, and only for the client of the case


def listed(pack: Pack, wanted: Wanted) -> list[Case]:
    """The cases asked for, the newest first."""
    terms = [_seen(pack)]
    values: list[Any] = [*_secret(pack)]
    terms.append("received_at >= ? AND received_at < ?")
    values += [to_micros(wanted.start), to_micros(wanted.end + timedelta(seconds=1))]
    if wanted.subs is not None:
        among, codes = _among(pack, wanted.subs)
        terms.append(among)
        values += codes
    if wanted.is_open is not None:
        terms.append(WORKLIST if wanted.is_open else f"NOT ({WORKLIST})")
    page = "ORDER BY received_at DESC, id DESC LIMIT ? OFFSET ?"
    return _cases(f"WHERE {' AND '.join(terms)} {page}", *values, wanted.size, (wanted.page - 1) * wanted.size)


def found(pack: Pack, ids: Collection[str]) -> list[Case]:
    """The cases with these ids, as far as anybody may see them, the newest first; at most MOST_CASES."""
    if not ids:
        return []
    asked = list(ids)[:MOST_CASES]
    these = f"id IN ({', '.join('?' * len(asked))})"
    return _cases(f"WHERE {these} AND {_seen(pack)} ORDER BY received_at DESC, id DESC", *asked, *_secret(pack))


def updates(
    pack: Pack,
    start: datetime,
    end: datetime,
    *,
    ids: Sequence[str] = (),
    client: str | None = None,
    page: int = 1,
    size: int = MOST_UPDATES,
) -> list[Update]:
    """What was *recorded* from `start` to `end`, oldest first: an office's file may tell of last week only now.

    With the words that offices wrote about the cases that came through `client`. `ids`: of these cases alone.
    """
    these = f"AND e.case_id IN ({', '.join('?' * len(ids))}) " if ids else ""
    theirs = source_key(client, "%") if client else ""
    rows = database.rows(
        database.main,
        f"SELECT e.id, e.case_id, e.kind, e.recorded_at, e.facts, c.agency, c.outcome, c.state, c.citizen_id, "
        "CASE WHEN c.source_key LIKE ? THEN e.words END "
        f"FROM case_event e JOIN cases c ON c.id = e.case_id WHERE e.{_TOLD} {these}"
        f"AND e.recorded_at >= ? AND e.recorded_at < ? AND {_seen(pack, 'c.')} AND {_IS_NEWS} "
        "ORDER BY e.recorded_at, e.id LIMIT ? OFFSET ?",
        theirs,
        *ids,
        to_micros(start),
        to_micros(end + timedelta(seconds=1)),
        *_secret(pack),
        theirs,
        *_SAYS,
        size,
        (page - 1) * size,
    )
    return list(map(_read, rows))


def _read(row: tuple[Any, ...]) -> Update:
    id, case_id, kind, at, facts, agency, outcome, state, citizen_id, words = row
    told = orjson.loads(facts)
    is_theirs = kind in _FOR_THE_CITIZEN or told.get("public")
    return Update(
        id, case_id, kind, from_micros(at), told, agency, outcome, state, citizen_id, words if is_theirs else None
    )


def source_key(client: str, name: str) -> str:
    """What a request of `client` is recognised by, by the name that the client gave it."""
    return f"{SOURCE}/{client}/{name}"


def passing_id(case_id: str, source_key: str) -> str:
    """What a case is called where it is passed on to: as the first house called it, so that this one knows it again."""
    theirs = source_key.rpartition("/")[2] if source_key.startswith(f"{SOURCE}/") else ""
    return theirs if OF_A_CASE.fullmatch(theirs) else case_id


def _seen(pack: Pack, table: str = "") -> str:
    """The condition; its question marks are `_secret`."""
    secret = ", ".join("?" * len(_secret(pack)))
    kind = f"({table}sub IS NULL OR {table}sub NOT IN ({secret}))" if secret else "1 = 1"
    return " AND ".join([*(f"{table}{term}" for term in _PUBLIC.split(" AND ")), kind])


@lru_cache(maxsize=2)
def _secret(pack: Pack) -> tuple[str, ...]:
    """The sensitive sub-categories: nobody's business."""
    return tuple(sorted(code for code in pack.subs if is_secret(pack, code)))


def is_secret(pack: Pack, sub: str) -> bool:
    """Whether a sub-category is of a sensitive kind."""
    return pack.subs[sub].sensitive or pack.categories[pack.subs[sub].category].sensitive


def _among(pack: Pack, subs: Sequence[str]) -> tuple[str, list[str]]:
    """Of these kinds; what nobody has named yet is of the kind "not sure"."""
    if not subs:
        return "1 = 0", []
    unnamed = " OR sub IS NULL" if pack.unsure in subs else ""
    return f"(sub IN ({', '.join('?' * len(subs))}){unnamed})", list(subs)


_cases: Final = Select(Case)
