"""What became of messages: the outbox as an operator sees it, and everything that passed between us and a citizen.

Nothing here opens what is sealed: `Entry` carries the sealed texts, to be opened with the citizen's key.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from sms_gateway.gateway import State
from sms_gateway.message import Direction, Lane
from store import database
from store.model import from_micros, to_micros

# Nobody sends these any more, and nothing says that they arrived: `by_hand.retry` sends them again
DEAD: Final = frozenset({State.REJECTED, State.EXPIRED, State.UNKNOWN, State.UNDELIVERABLE, State.WITHHELD})
_DEAD_ROWS: Final = "m.state IN ('rejected', 'expired', 'unknown', 'undeliverable', 'withheld')"  # as the index has it

_COLUMNS: Final = (
    "m.id, m.direction, m.citizen_id, m.case_id, c.ref, m.template, m.language, m.lane, m.state, m.attempts, "
    "COALESCE(m.provider, m.channel), m.provider_id, m.created_at, m.due_at, m.expires_at, m.sent_at, m.settled_at, "
    "m.handled_at, m.segments, m.cost, m.error, m.resent"
)
_FROM: Final = "FROM message m LEFT JOIN cases c ON c.id = m.case_id"


class Passed(NamedTuple):
    """A state that a message came to, and when; `detail` is the network's short word, or ours."""

    state: str
    at: datetime
    channel: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One message without its words. `state` is one of `gateway.State`; an MO is "received", then "handled" …"""

    id: str
    direction: Direction
    citizen_id: str
    case_id: str | None
    ref: str | None
    template: str | None
    language: str | None
    lane: Lane | None
    state: str
    attempts: int
    channel: str | None
    provider_id: str | None
    created_at: datetime
    due_at: datetime | None
    expires_at: datetime | None
    sent_at: datetime | None
    settled_at: datetime | None
    handled_at: datetime | None
    segments: int | None
    cost: str | None
    error: str | None
    resent: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One message with its sealed words and every state that it came to, the first one first.

    `sent` is an MT's text as it went out ("message.sent"), `body` an MO's text ("message.body") or an MT's
    parameters; both are empty once erased.
    """

    row: Listed
    body: bytes = field(repr=False)
    sent: bytes | None = field(repr=False)
    steps: tuple[Passed, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which MTs are looked for; what is not said does not matter."""

    states: Collection[State] = ()
    lane: Lane | None = None
    channel: str | None = None
    since: datetime | None = None  # made then or later

    def condition(self) -> tuple[str, list[Any]]:
        """As SQL, with its values."""
        terms: list[tuple[str, Sequence[Any]]] = [("m.lane IS NOT NULL", ())]
        if self.states:
            terms.append((f"m.state IN ({', '.join('?' * len(self.states))})", sorted(map(str, self.states))))
            if DEAD.issuperset(self.states):
                terms.append((_DEAD_ROWS, ()))
        if self.lane is not None:
            terms.append(("m.lane = ?", [int(self.lane)]))
        if self.channel is not None:
            terms.append(("COALESCE(m.provider, m.channel) = ?", [self.channel]))
        if self.since is not None:
            terms.append(("m.created_at >= ?", [to_micros(self.since)]))
        return " AND ".join(term for term, _ in terms), [value for _, values in terms for value in values]


def listing(wanted: Wanted, limit: int = 100) -> list[Listed]:
    """The messages that are looked for, newest first."""
    condition, values = wanted.condition()
    return _listed(f"WHERE {condition} ORDER BY m.id DESC LIMIT ?", *values, limit)


def tally(wanted: Wanted) -> dict[State, int]:
    """How many messages there are of those that are looked for, by state."""
    condition, values = wanted.condition()
    found = database.rows(
        database.main, f"SELECT m.state, COUNT(*) FROM message m WHERE {condition} GROUP BY m.state", *values
    )
    return {State(state): count for state, count in found}


def find(message_id: str) -> Listed | None:
    """The message with this id, in either direction."""
    return next(iter(_listed("WHERE m.id = ?", message_id)), None)


def history(*, citizen: str | None = None, case: str | None = None, limit: int = 200) -> list[Entry]:
    """The newest messages of a citizen or about a case (ids), in both directions, oldest first."""
    column, wanted = ("m.case_id", case) if citizen is None else ("m.citizen_id", citizen)
    found = database.rows(
        database.main,
        f"SELECT {_COLUMNS}, m.body, m.sent {_FROM} WHERE {column} = ? ORDER BY m.created_at DESC, m.id DESC LIMIT ?",
        wanted,
        limit,
    )
    passed = steps([row[0] for row in found])
    return [
        Entry(listed, bytes(row[-2]), bytes(row[-1]) if row[-1] else None, _whole(listed, passed.get(listed.id, ())))
        for row in reversed(found)
        for listed in [_row(row)]
    ]


def steps(message_ids: Collection[str]) -> dict[str, tuple[Passed, ...]]:
    """The states after the first one that these messages came to, by id, in order of time."""
    if not message_ids:
        return {}
    found = database.rows(
        database.main,
        "SELECT message_id, state, at, channel, detail FROM message_step "
        f"WHERE message_id IN ({', '.join('?' * len(message_ids))}) ORDER BY message_id, at, id",
        *message_ids,
    )
    passed: dict[str, tuple[Passed, ...]] = {}
    for message_id, state, at, channel, detail in found:
        passed[message_id] = (*passed.get(message_id, ()), Passed(state, from_micros(at), channel, detail))
    return passed


def _whole(row: Listed, passed: Sequence[Passed]) -> tuple[Passed, ...]:
    """With the first state, which is in the row itself; of an MO both are."""
    if row.direction == Direction.MT:
        return (Passed(State.QUEUED, row.created_at), *passed)
    received = Passed("received", row.created_at, row.channel)
    return (received, Passed(row.state, row.handled_at)) if row.handled_at else (received,)


def _listed(rest: str, *values: Any) -> list[Listed]:
    return [_row(row) for row in database.rows(database.main, f"SELECT {_COLUMNS} {_FROM} {rest}", *values)]


def _row(row: Sequence[Any]) -> Listed:
    names = Listed.__slots__
    known = dict(zip(names, row, strict=False))
    known |= {name: known[name] and from_micros(known[name]) for name in names if name.endswith("_at")}
    known["direction"] = Direction(known["direction"])
    known["lane"] = None if known["lane"] is None else Lane(known["lane"])
    known["resent"] = bool(known["resent"])
    return Listed(**known)
