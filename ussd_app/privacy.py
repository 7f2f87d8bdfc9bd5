"""A person's data over all rooms: shown to them, erased on request, and let go of when it was kept long enough.

Whatever table refers to a citizen is dealt with here; `tests/house/test_at_rest.py` knows when a new one is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, Self, get_args

import orjson
from peewee import DatabaseProxy

import packs
from cases import clusters, pins, privacy, reference
from cases.casework import Casework
from cases.citizens import Caller, Citizens
from cases.lifecycle import OPEN
from cases.privacy import ENDED, RetentionPass, iso
from packs.model import Pack
from sms_gateway.gateway import State
from sms_gateway.message import Direction
from sms_gateway.outbox import Render
from store import database
from store.model import from_micros, new_id, to_micros
from sync import erasure
from ussd_app.settings import Settings

Kind = Literal["citizens", "texts", "inbox"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
A_DAY: Final = timedelta(days=1)
_WINDOW: Final = 2_000  # rows looked at in one go
# Rows let go of in one transaction: nobody may wait longer than 100 ms for it
_BATCH: Final[Mapping[Kind, int]] = {"citizens": 10, "texts": 500, "inbox": 500}
_AT_ONCE: Final = 500

_WAITING: Final = f"('{State.QUEUED}', '{State.CLAIMED}', 'received')"  # an SMS that was not sent, or not handled, yet
_UNFINISHED: Final = f"('{State.QUEUED}', '{State.CLAIMED}', '{State.SENDING}', 'received')"
_WITH_TEXT: Final = " AND length(body) > 0"
_WITHOUT_TEXT: Final = "body = ?, sent = NULL, error = NULL"


class _Part(NamedTuple):
    """Rows of a citizen that go with them; `set`: they stay, without what these columns held."""

    name: str  # as it is told to the operator
    where: DatabaseProxy
    table: str
    condition: str = ""
    set: str = ""


# In this order: what makes new rows possible goes first
_PARTS: Final = (
    _Part("USSD sessions and drafts", database.sessions, "ussd_session"),
    _Part("SMS that wait", database.main, "message", f" AND state IN {_WAITING}"),
    _Part("open SMS questions", database.main, "sms_question"),
    _Part("calls asked for", database.main, "callback"),
    _Part("wrong tries at PINs", database.main, "pin_attempt"),
    _Part("bans of the number", database.main, "sms_ban"),
    _Part("words that others sent, too", database.main, "same_words"),
    _Part("SMS on the simulated handset", database.main, "handset_message"),
    _Part("texts of SMS", database.main, "message", f"{_WITH_TEXT} AND state NOT IN {_WAITING}", _WITHOUT_TEXT),
)


# To see it


def export(caller: Caller, pack: Pack, render: Render, now: datetime) -> dict[str, Any]:
    """Everything kept about a person, in plain words, with times as ISO 8601 in UTC."""
    return {
        "exported_at": iso(now),
        **privacy.told(caller, pack),
        "messages": [_message_told(row, caller, render) for row in _messages(caller.id)],
        "sessions": [_session_told(row, caller) for row in _sessions(caller.id)],
        "open_questions": [
            {"asked_at": iso(from_micros(asked)), "about": kind, "case": reference.shown(ref) if ref else None}
            for asked, kind, ref in _questions(caller.id)
        ],
        "bans": [
            {"from": iso(from_micros(made)), "until": iso(from_micros(until)), "why": why}
            for made, until, why in _bans(caller.id)
        ],
        "simulated_handset": [
            {"at": iso(from_micros(at)), "text": caller.key.open("handset_message.text", row_id, text)}
            for row_id, at, text in _inbox(caller.id)
        ],
    }


def _messages(citizen_id: str) -> list[tuple[Any, ...]]:
    return database.rows(
        database.main,
        "SELECT m.id, m.created_at, m.direction, m.state, c.ref, m.body, m.sent, m.template, m.language FROM message m "
        "LEFT JOIN cases c ON c.id = m.case_id WHERE m.citizen_id = ? ORDER BY m.created_at, m.id",
        citizen_id,
    )


def _message_told(row: tuple[Any, ...], caller: Caller, render: Render) -> dict[str, Any]:
    message_id, at, direction, state, ref, body, sent, template, language = row
    if not len(body):
        text = None  # kept long enough
    elif direction == Direction.MO:
        text = caller.key.open("message.body", message_id, body)
    elif sent is not None:
        text = caller.key.open("message.sent", message_id, sent)
    else:
        text = _to_be_sent(caller.key.open("message.body", message_id, body), template, language, render)
    return {
        "at": iso(from_micros(at)),
        "direction": "from the citizen" if direction == Direction.MO else "to the citizen",
        "state": state,
        "case": reference.shown(ref) if ref else None,
        "text": text,
    }


def _to_be_sent(params: str, template: str, language: str, render: Render) -> str:
    try:
        return render(template, language, orjson.loads(params))
    except Exception:  # a template that is broken hides nothing from them
        return f"{template}: {params}"


def _sessions(citizen_id: str) -> list[tuple[Any, ...]]:
    return database.rows(
        database.sessions,
        "SELECT id, updated_at, resumable, sealed FROM ussd_session WHERE citizen_id = ? ORDER BY updated_at, id",
        citizen_id,
    )


def _session_told(row: tuple[Any, ...], caller: Caller) -> dict[str, Any]:
    row_id, at, resumable, sealed = row
    kept = orjson.loads(caller.key.open("ussd_session.sealed", row_id, sealed))
    draft = kept["state"]["draft"]
    pins = [pin for pin in (draft.get("pin"), kept["state"]["facts"].get("pin")) if pin]
    return {
        "at": iso(from_micros(at)),
        "typed": _without(pins, kept["text"]),
        "last_screen": _without(pins, kept["reply"]),
        "draft": {name: value for name, value in draft.items() if name != "pin"},
        "may_be_resumed": bool(resumable),
    }


def _without(pins: list[str], text: str) -> str:
    """An export may be read by others: what opens a secret case is not in it."""
    for pin in pins:
        text = text.replace(pin, "*" * len(pin))
    return text


def _questions(citizen_id: str) -> list[tuple[Any, ...]]:
    return database.rows(
        database.main,
        "SELECT q.asked_at, q.kind, c.ref FROM sms_question q LEFT JOIN cases c ON c.id = q.case_id "
        "WHERE q.citizen_id = ? AND q.answered_at IS NULL ORDER BY q.asked_at",
        citizen_id,
    )


def _bans(citizen_id: str) -> list[tuple[Any, ...]]:
    return database.rows(
        database.main, "SELECT made_at, until, why FROM sms_ban WHERE citizen_id = ? ORDER BY made_at", citizen_id
    )


def _inbox(citizen_id: str) -> list[tuple[Any, ...]]:
    return database.rows(
        database.main,
        "SELECT id, sent_at, text FROM handset_message WHERE citizen_id = ? ORDER BY sent_at, id",
        citizen_id,
    )


# To erase it


def belongings(citizen_id: str) -> Counter[str]:
    """What would go with a citizen, and how many rows of it."""
    return Counter({part.name: n for part in _PARTS if (n := _count(part, citizen_id))})


def erase(
    citizens: Citizens,
    citizen_id: str,
    *,
    reason: Literal["request", "retention"],
    actor: str,
    now: datetime,
    withdraw: tuple[Casework, Caller] | None = None,
) -> Counter[str] | None:
    """Erase a citizen everywhere; how many rows of what went, None if they were erased before.

    Their open cases are withdrawn first if `withdraw` says through whom; else they raise StillOpen. All of it is one
    transaction. USSD sessions may be in a file of their own: they go first, so that a repeat finds the rest. The files
    of offices are gone through after it (`sync.erasure.clean`), by the relay if nobody else does.
    """
    with database.transaction():
        citizens.hold(citizen_id)
        gone = Counter[str]()
        if withdraw:
            gone["open cases, withdrawn"] += privacy.withdraw_all(*withdraw, now)
        privacy.must_be_over(citizen_id)
        for part in _PARTS:
            gone[part.name] += _take_away(part, citizen_id)
        gone["sketches of words"] += clusters.forget(citizen_id)
        gone["PINs of secret cases"] += pins.forget(citizen_id)
        gone["updates of offices that wait"] += erasure.drop_waiting(citizen_id)
        _unsay_reasons(citizen_id)
        gone += Counter()  # without what there was nothing of
        forgotten = privacy.forget(citizens, citizen_id, reason=reason, actor=actor, rows=gone, now=now)
        if forgotten:
            erasure.begin(citizen_id, packs.current(), now, thorough=reason == "request")
    return gone if forgotten else None


def _count(part: _Part, citizen_id: str) -> int:
    (row,) = database.rows(
        part.where, f"SELECT COUNT(*) FROM {part.table} WHERE citizen_id = ?{part.condition}", citizen_id
    )
    return int(row[0])


def _take_away(part: _Part, citizen_id: str) -> int:
    """Look for the rows first: no table is searched while others wait to write."""
    found = database.rows(part.where, f"SELECT id FROM {part.table} WHERE citizen_id = ?{part.condition}", citizen_id)
    ids = [row[0] for row in found]
    for start in range(0, len(ids), _AT_ONCE):
        _let_go_of(part, ids[start : start + _AT_ONCE])
    return len(ids)


def _let_go_of(part: _Part, ids: Sequence[str]) -> int:
    if not ids:
        return 0
    here = f"WHERE id IN ({_marks(ids)}){part.condition}"
    if part.set:
        changed = database.run(part.where, f"UPDATE {part.table} SET {part.set} {here}", b"", *ids)
    else:
        changed = database.run(part.where, f"DELETE FROM {part.table} {here}", *ids)
    return int(changed.rowcount)


def _unsay_reasons(citizen_id: str) -> None:
    """What networks said of a failed delivery may hold a number, if masked."""
    database.run(
        database.main,
        "UPDATE delivery_report SET reason = NULL WHERE (provider, provider_id) IN "
        "(SELECT provider, provider_id FROM message WHERE citizen_id = ? AND provider_id IS NOT NULL)",
        citizen_id,
    )


def clear_logs() -> bool:
    """Empty SQLite's write-ahead logs, which hold pages as they were; False if a reader kept one from it for a second.

    Nothing to do on PostgreSQL: its log goes by its own rules, and to its archives.
    """
    if database.is_postgres():
        return True
    cleared = [_clear_log(handle) for handle in (database.main, database.sessions)]
    return all(cleared)


def _clear_log(handle: DatabaseProxy) -> bool:
    database.rows(handle, "PRAGMA busy_timeout = 100")  # whoever wants to write waits for this
    try:
        return any(database.rows(handle, "PRAGMA wal_checkpoint(TRUNCATE)")[0][0] == 0 for _ in range(10))
    finally:
        database.rows(handle, f"PRAGMA busy_timeout = {database.LOCK_TIMEOUT_S * 1_000}")


# To let go of it


@dataclass(frozen=True, slots=True)
class Keep:
    """How long is kept: a citizen after the last that was heard of them; the text of an SMS."""

    citizens: timedelta
    texts: timedelta

    @classmethod
    def told_by(cls, settings: Settings) -> Self:
        return cls(timedelta(days=settings.keep_citizens_days), timedelta(days=settings.keep_messages_days))

    def before(self, kind: Kind, now: datetime) -> datetime:
        return now - (self.citizens if kind == "citizens" else self.texts)


@dataclass(frozen=True, slots=True)
class Window:
    """One look at rows in order of their ids: those that were kept long enough, each with its time."""

    due: tuple[tuple[str, datetime], ...]
    looked: int
    last: str | None  # where the next look begins; None: that was the end


def retain(citizens: Citizens, keep: Keep, now: datetime) -> Counter[str]:
    """One step of the daily look for what was kept long enough; how many of what went.

    Meant to be called at every tick: one step is one look and one transaction, both below 100 ms. Once all tables were
    walked through, it rests until a day has passed. Open cases, and whoever has one, are never touched.
    """
    pins.prune(now)  # tries count for a day, and are kept no longer, whatever the settings say
    for kind in KINDS:
        done = RetentionPass.get_or_none(RetentionPass.kind == kind) or _first_pass(kind)
        if done.ended_at is not None and now - done.ended_at < A_DAY:
            continue
        window = look(kind, done.after_id, keep, now)
        now_due = [row_id for row_id, _ in window.due[: _BATCH[kind]]]
        gone = let_go(kind, now_due, citizens, now, actor="relay")
        done.after_id = now_due[-1] if len(now_due) < len(window.due) else window.last or ""
        if not done.after_id:
            done.ended_at = now
            clear_logs()
        done.save(only=[RetentionPass.after_id, RetentionPass.ended_at])
        return Counter({kind: gone}) if gone else Counter()
    return Counter()


def _first_pass(kind: Kind) -> RetentionPass:
    RetentionPass.insert(id=new_id(), kind=kind).on_conflict_ignore().execute()  # two relays may begin at once
    found: RetentionPass = RetentionPass.get(RetentionPass.kind == kind)
    return found


def retain_all(
    kind: Kind, citizens: Citizens, keep: Keep, now: datetime, *, actor: str, progress: Callable[[int], None]
) -> int:
    """Let go of all of a kind that was kept long enough; how many went. `progress` hears how many rows were seen."""
    gone = 0
    for window in windows(kind, keep, now):
        ids = [row_id for row_id, _ in window.due]
        for start in range(0, len(ids), _BATCH[kind]):
            gone += let_go(kind, ids[start : start + _BATCH[kind]], citizens, now, actor=actor)
        progress(window.looked)
    clear_logs()
    return gone


def windows(kind: Kind, keep: Keep, now: datetime) -> Iterator[Window]:
    """The whole table, look by look."""
    after: str | None = ""
    while after is not None:
        window = look(kind, after, keep, now)
        yield window
        after = window.last


def total(kind: Kind) -> int:
    """How many rows there are to look at."""
    (row,) = database.rows(database.main, _TOTAL[kind])
    return int(row[0])


def look(kind: Kind, after: str, keep: Keep, now: datetime) -> Window:
    """The next rows after this id, and which of them were kept long enough."""
    rows = database.rows(database.main, _LOOK[kind], after, _WINDOW)
    before = keep.before(kind, now)
    due = tuple((row_id, from_micros(at)) for row_id, at, free in rows if free and at <= to_micros(before))
    if kind == "citizens":
        due = _quiet(due, before)
    return Window(due, len(rows), rows[-1][0] if len(rows) == _WINDOW else None)


def let_go(kind: Kind, ids: Sequence[str], citizens: Citizens, now: datetime, *, actor: str) -> int:
    """Let go of these rows, in one transaction; how many went."""
    if not ids:
        return 0
    with database.transaction():
        if kind == "citizens":
            return sum(_erase_if_ended(citizens, one, now, actor) for one in ids)
        return _let_go_of(_TEXTS if kind == "texts" else _INBOX, ids)


_TEXTS: Final = _Part("texts", database.main, "message", f" AND state NOT IN {_UNFINISHED}", _WITHOUT_TEXT)
_INBOX: Final = _Part("inbox", database.main, "handset_message")


def _erase_if_ended(citizens: Citizens, citizen_id: str, now: datetime, actor: str) -> bool:
    try:
        return erase(citizens, citizen_id, reason="retention", actor=actor, now=now) is not None
    except privacy.StillOpen:  # since we looked
        return False


_OPEN: Final = "(" + ", ".join(f"'{state}'" for state in sorted(OPEN)) + ")"
_ENDED: Final = "(" + ", ".join(f"'{state}'" for state in sorted(ENDED)) + ")"
# Each gives the id, the time that counts, and whether it may go at all
_LOOK: Final[Mapping[Kind, str]] = {
    "citizens": "SELECT id, created_at, data_key IS NOT NULL FROM citizen WHERE id > ? ORDER BY id LIMIT ?",
    "texts": f"SELECT m.id, m.created_at, m.state NOT IN {_UNFINISHED} AND (c.state IS NULL OR c.state NOT IN "
    f"{_OPEN}) FROM message m "
    "LEFT JOIN cases c ON c.id = m.case_id WHERE m.id > ? AND length(m.body) > 0 ORDER BY m.id LIMIT ?",
    "inbox": "SELECT id, sent_at, 1 FROM handset_message WHERE id > ? ORDER BY id LIMIT ?",
}
_TOTAL: Final[Mapping[Kind, str]] = {
    "citizens": "SELECT COUNT(*) FROM citizen",
    "texts": "SELECT COUNT(*) FROM message WHERE length(body) > 0",
    "inbox": "SELECT COUNT(*) FROM handset_message",
}


def _quiet(known: Sequence[tuple[str, datetime]], before: datetime) -> tuple[tuple[str, datetime], ...]:
    """Of citizens who have been known that long: those without a case that goes on, and not heard of since."""
    if not known:
        return ()
    ids = [citizen_id for citizen_id, _ in known]
    heard = database.rows(
        database.main,
        "SELECT id, created_at, (SELECT MAX(created_at) FROM message WHERE citizen_id = citizen.id), "
        "(SELECT MAX(received_at) FROM cases WHERE citizen_id = citizen.id), "
        "(SELECT MAX(state_since) FROM cases WHERE citizen_id = citizen.id), "
        "(SELECT MAX(asked_at) FROM callback WHERE citizen_id = citizen.id), "
        f"(SELECT COUNT(*) FROM cases WHERE citizen_id = citizen.id AND state NOT IN {_ENDED}) "
        f"FROM citizen WHERE id IN ({_marks(ids)}) ORDER BY id",
        *ids,
    )
    last = {row[0]: max(at or 0 for at in row[1:6]) for row in heard if not row[6]}
    quiet = {one: at for one, at in last.items() if at <= to_micros(before)}
    dialled = _dialled(quiet, before)
    return tuple((one, from_micros(at)) for one, at in quiet.items() if one not in dialled)


def _dialled(ids: Collection[str], since: datetime) -> frozenset[str]:
    """Who of them has a USSD session since: a dial that led to nothing is remembered as long as sessions are."""
    if not ids:
        return frozenset()
    rows = database.rows(
        database.sessions,
        f"SELECT DISTINCT citizen_id FROM ussd_session WHERE citizen_id IN ({_marks(ids)}) AND updated_at > ?",
        *(*ids, to_micros(since)),
    )
    return frozenset(row[0] for row in rows)


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))
