"""The history of a case as a chain: each event carries the SHA-256 of the one before it, over the sealed bytes.

Changing, dropping or reordering an event breaks the chain of its case; erasing a citizen (throwing away their data
key) does not, because the hash is over what is stored, not over what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import orjson
from peewee import fn

from cases.models import Case, CaseEvent
from store import database
from store.model import Select, to_micros

GENESIS: Final = "0" * 64

# The columns of a case that its events tell: an event's facts hold each one that it changed, with the new value
# (times as microseconds), so that a case can be rebuilt from its history alone.
TOLD: Final = (
    "channel", "language", "visibility", "category", "sub", "place", "ward", "constituency", "county",
    "agency", "owner", "about", "queue", "priority", "master", "repeats", "state", "cycle", "pack_version",
    "received_at", "calendar", "resolve_minutes", "clock_start", "paused_at", "paused_minutes",
    "acknowledge_by", "respond_by", "due_at", "acknowledged_at", "responded_at", "escalation",
    "decided_at", "decided_by", "outcome", "reminded_at", "reopens", "appealed", "rating",
    "silent", "guarded", "shared",
)  # fmt: skip
_BATCH: Final = 2_000
_COLUMNS: Final = (
    "id, node, case_id, seq, kind, role, actor, source, source_key, occurred_at, recorded_at, facts, words, previous"
)


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault in the history: which case and event, and what is wrong in one sentence."""

    ref: str
    seq: int
    sentence: str


def canonical(facts: Mapping[str, Any]) -> str:
    """Facts as JSON that is always spelled the same."""
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()


def link(event: Mapping[str, Any]) -> str:
    """The hash of an event that is about to be inserted (its fields by name, `previous` included)."""
    return _digest(
        event["id"],
        event["node"],
        event["case"],
        event["seq"],
        event["kind"],
        event["role"],
        event.get("actor"),
        event["source"],
        event.get("source_key"),
        to_micros(event["occurred_at"]),
        to_micros(event["recorded_at"]),
        event["facts"],
        event.get("words"),
        event["previous"],
    )


def _digest(*values: Any) -> str:
    plain = [bytes(value).hex() if isinstance(value, bytes | memoryview) else value for value in values]
    return sha256(orjson.dumps(plain)).hexdigest()


def verify(progress: Callable[[int], None] = lambda _: None) -> Iterator[Broken]:
    """Walk every chain; yields what is broken. `progress` is told how many events were just read."""
    last: tuple[str, str, int] = ("", "", 0)
    chains = _Chains()
    while batch := _events_after(last):
        for row in batch:
            yield from chains.follow(row)
        last = (batch[-1][2], batch[-1][1], batch[-1][3])
        progress(len(batch))
    yield from chains.finish()
    yield from _cases_without_history()


class _Chains:
    """Follows events in order of (case, node, seq) and compares the end of each chain with its case."""

    def __init__(self) -> None:
        self._case = self._node = ""
        self._seq, self._hash = 0, GENESIS

    def follow(self, row: tuple[Any, ...]) -> Iterator[Broken]:
        _, node, case, seq, *_, previous, stored = row
        if (case, node) != (self._case, self._node):
            yield from self.finish()
            self._case, self._node, self._seq, self._hash = case, node, 0, GENESIS
        if seq != self._seq + 1:
            yield Broken(_ref(case), seq, f"event {self._seq + 1} is missing; event {seq} follows event {self._seq}")
        elif previous != self._hash:
            yield Broken(_ref(case), seq, "does not continue the event before it")
        if _digest(*row[:-1]) != stored:
            yield Broken(_ref(case), seq, "was changed after it was written")
        self._seq, self._hash = seq, stored

    def finish(self) -> Iterator[Broken]:
        if not self._case:
            return
        head = next(iter(_select_case("WHERE id = ?", self._case)), None)
        if head is None:
            yield Broken(self._case, self._seq, "is the last event of a case that is not there")
            return
        if head.node != self._node:
            return
        for row in _events_between(self._case, self._node, self._seq, head.events):  # it grew while we were reading
            yield from self.follow(row)
        if (head.events, head.chain) != (self._seq, self._hash):
            yield Broken(head.ref, self._seq, f"is the last event, but the case says it has {head.events}")


def _events_after(last: tuple[str, str, int]) -> list[tuple[Any, ...]]:
    return database.rows(
        database.main,
        f"SELECT {_COLUMNS}, hash FROM case_event WHERE (case_id, node, seq) > (?, ?, ?) "
        f"ORDER BY case_id, node, seq LIMIT {_BATCH}",
        *last,
    )


def _events_between(case_id: str, node: str, after: int, last: int) -> list[tuple[Any, ...]]:
    return database.rows(
        database.main,
        f"SELECT {_COLUMNS}, hash FROM case_event WHERE case_id = ? AND node = ? AND seq > ? AND seq <= ? ORDER BY seq",
        *(case_id, node, after, last),
    )


def _cases_without_history() -> Iterator[Broken]:
    orphans = Case.select(Case.ref).where(~fn.EXISTS(CaseEvent.select(CaseEvent.id).where(CaseEvent.case == Case.id)))
    for case in orphans.iterator():
        yield Broken(case.ref, 0, "has no events at all")


_select_case: Final = Select(Case)


def _ref(case_id: str) -> str:
    found = Case.select(Case.ref).where(Case.id == case_id).first()
    return found.ref if found else case_id
