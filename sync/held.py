"""The rows that offices sent and we took: known by their keys, so that none counts twice; and those that are not done
with: what waits for its case for a week, and what a person has to look at.

A row that was refused leaves nothing here: its key may be used again for the corrected row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import orjson
from peewee import BlobField, CharField, ForeignKeyField, IntegerField

from cases.citizens import Caller
from cases.lifecycle import State
from cases.models import Case
from store import database
from store.model import Model, Select, UtcField, from_micros, to_micros
from store.sealing import Unreadable
from sync.updates import Update

HELD_FOR: Final = timedelta(days=7)
MOST_LISTED: Final = 1_000


class Standing(StrEnum):
    """What became of a row that we took."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"  # somebody had written later; its words are on record
    WAITING = "waiting"
    REVIEW = "review"  # refused as stale: its words are on record, and a person looks
    REVIEWED = "reviewed"  # the office has said something newer since


class UpdateRow(Model):
    """One row of an office's file that we took."""

    agency = CharField(max_length=24)
    update_id = CharField(max_length=64)  # the office's key, unique there
    fingerprint = CharField(max_length=64)  # of what it says
    case = ForeignKeyField(Case, on_delete="RESTRICT", index=False)
    kind = CharField(max_length=12)  # updates | worklist: the sheet it stood on
    file = CharField(max_length=64)  # SHA-256 of the file that brought it; "" if it came otherwise
    row_no = IntegerField()
    status = CharField(max_length=24, null=True)
    state = CharField(max_length=12)
    occurred_at = UtcField()
    received_at = UtcField()
    held_until = UtcField(null=True)  # of one that waits
    seen = IntegerField(null=True)  # of one that waits: the case's version when it was last tried
    payload = BlobField(null=True)  # of one that waits: all of it, sealed with the citizen's key

    class Meta:
        table_name = "update_row"
        indexes = ((("agency", "update_id"), True),)


TABLES: Final = (UpdateRow,)


@dataclass(frozen=True, slots=True)
class Review:
    """What an office said of a case that its citizen had moved on meanwhile."""

    ref: str
    update_id: str
    status: str | None
    occurred_at: datetime
    received_at: datetime
    state: str  # of the case now


def review(agency: str) -> list[Review]:
    """What a person has to look at, oldest first; at most 1,000. A newer word of the office settles it."""
    found = database.rows(
        database.main,
        "SELECT c.ref, u.update_id, u.status, u.occurred_at, u.received_at, c.state FROM update_row u "
        "JOIN cases c ON c.id = u.case_id WHERE u.agency = ? AND u.state = 'review' ORDER BY u.id LIMIT ?",
        *(agency, MOST_LISTED),
    )
    return [
        Review(ref, update_id, status, from_micros(occurred), from_micros(received), state)
        for ref, update_id, status, occurred, received, state in found
    ]


def counts(agency: str) -> dict[str, int]:
    """How many rows of an office wait (`held`), and how many a person has to look at (`review`)."""
    counted = (
        "SELECT state, COUNT(*) FROM update_row WHERE agency = ? AND state IN ('waiting', 'review') GROUP BY state"
    )
    found = dict(database.rows(database.main, counted, agency))
    return {"held": found.get(Standing.WAITING, 0), "review": found.get(Standing.REVIEW, 0)}


def settle_reviews(cases: Collection[str]) -> None:
    """Their office has said something newer of these cases."""
    if cases:
        marks = ", ".join("?" * len(cases))
        settled = f"UPDATE update_row SET state = 'reviewed' WHERE state = 'review' AND case_id IN ({marks})"
        database.run(database.main, settled, *sorted(cases))


def to_try(limit: int, after: str = "") -> list[UpdateRow]:
    """Waiting rows whose case has changed since they were tried last, in the order of their ids."""
    return _rows(
        "WHERE state = 'waiting' AND id > ? "
        "AND seen <> (SELECT version FROM cases WHERE cases.id = update_row.case_id) ORDER BY id LIMIT ?",
        *(after, limit),
    )


def overdue(now: datetime, limit: int) -> list[UpdateRow]:
    """Waiting rows whose week is over, the oldest first."""
    return _rows("WHERE state = 'waiting' AND held_until <= ? ORDER BY held_until, id LIMIT ?", to_micros(now), limit)


def drop(ids: Collection[str]) -> None:
    """They wait no longer; their keys may be used again."""
    if ids:
        gone = f"DELETE FROM update_row WHERE state = 'waiting' AND id IN ({', '.join('?' * len(ids))})"
        database.run(database.main, gone, *sorted(ids))


def sealed(update: Update, row_id: str, caller: Caller) -> bytes:
    """All that a waiting row says, for nobody but who has the citizen's key."""
    return caller.key.seal("update_row.payload", row_id, plain(update).decode())


def opened(row: UpdateRow, callers: Mapping[str, Caller], citizen: str) -> Update | None:
    """What a waiting row says; None once its citizen is erased."""
    caller = callers.get(citizen)
    if caller is None or row.payload is None:
        return None
    try:
        return read(caller.key.open("update_row.payload", row.id, bytes(row.payload)))
    except Unreadable:
        return None


def plain(update: Update) -> bytes:
    """An update as JSON."""
    told: list[Any] = [getattr(update, name) for name in _FIELDS]
    return orjson.dumps([*told, to_micros(update.occurred_at), update.cells])


def read(told: str | bytes) -> Update:
    """The update that was written by `plain`."""
    *values, occurred, cells = orjson.loads(told)
    named: dict[str, Any] = dict(zip(_FIELDS, values, strict=True))
    named["status"] = State(named["status"]) if named["status"] else None
    return Update(**named, occurred_at=from_micros(occurred).astimezone(UTC), cells=cells)


_FIELDS: Final = (
    "row", "update_id", "ref", "base_version", "agency_ref", "status", "outcome", "public_note", "internal_note",
    "assignee", "fingerprint",
)  # fmt: skip
_rows: Final = Select(UpdateRow)
