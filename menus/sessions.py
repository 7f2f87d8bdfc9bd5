"""USSD sessions and the drafts in them, and the questions that our SMS left open.

A session row holds, sealed with the citizen's key, the transcript so far, the state of the menus and the last reply.
It is read and written by ready SQL: this is the hottest path of the house.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final

import orjson
from peewee import BlobField, CharField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from cases.citizens import Caller
from cases.models import Case, Citizen
from menus.engine import State
from sms_gateway.gateway import UssdRequest, UssdTurn
from store import database
from store.model import Model, SessionModel, UtcField, from_micros, new_id, node_name, to_micros

DRAFT_LIFE: Final = timedelta(hours=24)
SILENCE: Final = timedelta(minutes=3)  # no network keeps a session longer: who says nothing since has dropped
MOST_DRAFTS: Final = 20  # of one citizen in a day
PAUSE: Final = timedelta(minutes=2)  # after a drop: time to dial again before we ask
WE_ENDED_IT: Final = "end"
SILENT: Final = "silent"
# The screens that offer to go on where the line dropped
OFFERS: Final = frozenset({"resume", "resume_add", "resume_secret"})


class UssdSession(SessionModel):
    """One session of a network with one citizen; a transcript that diverges continues as the next ordinal.

    Networks use session ids again: the citizen is part of the key, so that nobody ever meets another's session.
    """

    session = CharField(max_length=160)  # gateway:session id
    ordinal = SmallIntegerField()
    citizen_id = CharField(max_length=32)
    turn = IntegerField()  # rises with every change: the compare-and-set
    sealed = BlobField()
    resumable = SmallIntegerField()  # 1: a draft worth coming back to
    ended = CharField(max_length=12, null=True)  # how it ended: WE_ENDED_IT, SILENT, or what the network says of a drop
    updated_at = UtcField()
    look_at = UtcField(null=True, index=True)  # when the relay looks what became of it

    class Meta:
        table_name = "ussd_session"
        indexes = ((("session", "citizen_id", "ordinal"), True),)


class SmsQuestion(Model):
    """A question that an SMS of ours asked; the citizen's next text may be the answer (see menus.dialogue)."""

    citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
    case = ForeignKeyField(Case, null=True, on_delete="RESTRICT", index=False)  # NULL: about none (draft, call)
    kind = CharField(max_length=12)  # see menus.dialogue.Question
    options = TextField(null=True)  # which: place codes; known: the case; draft: its id; else an MO's id
    asked_at = UtcField()
    answered_at = UtcField(null=True)

    class Meta:
        table_name = "sms_question"
        indexes = ((("citizen", "asked_at"), False),)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the citizen sees next; `end` closes the session."""

    text: str
    end: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it was loaded, or as it begins (`id` is None until it is saved)."""

    key: str
    citizen_id: str
    ordinal: int = 1
    id: str | None = None
    turn: int = 0
    text: str = ""
    state: State | None = None
    reply: Reply = field(default_factory=lambda: Reply("", end=False))
    since: datetime | None = None  # when the citizen got that reply
    hop: str = ""  # the id of the hop it answered, where the network gives hops one

    @property
    def name(self) -> str:
        """Names this session for ever; drafts and changes made in it are numbered under it."""
        return f"{self.key}/{self.citizen_id}/{self.ordinal}"


class Heard(Enum):
    """How the text of a request relates to what was heard before."""

    REPEATED = auto()  # the same again, or an earlier one come late: nothing new
    MORE = auto()  # one input more
    DIVERGED = auto()  # another conversation under the same session id


def compare(known: str, text: str) -> Heard:
    """Africa's Talking sends all inputs so far joined by `*`; no turn id, and repeats are undocumented but happen."""
    if text in (known, "") or known.startswith(f"{text}*"):
        return Heard.REPEATED
    if known == "" or text.startswith(f"{known}*"):
        return Heard.MORE
    return Heard.DIVERGED


def whole(turn: UssdTurn, caller: Caller, now: datetime) -> UssdRequest:
    """The request as a network words it that sends all inputs so far.

    A handset holds one session at a time: an input belongs to the citizen's newest. One that was heard before says
    nothing new; one whose session is unknown or over begins another.
    """
    session_id, text = f"{turn.link}:{turn.id}", turn.text
    if turn.move == "input":
        known = newest(turn.gateway, caller, now)
        if known and turn.id == known.hop:
            session_id, text = known.key.removeprefix(f"{turn.gateway}:"), known.text
        elif known and not known.reply.end:
            session_id = known.key.removeprefix(f"{turn.gateway}:")
            text = f"{known.text}*{turn.text}" if known.text else turn.text
        else:
            text = ""
    return UssdRequest(turn.gateway, session_id, turn.msisdn, turn.link, turn.service_code, text)


def newest(gateway: str, caller: Caller, now: datetime) -> Session | None:
    """The last session of a citizen on a gateway that may still stand."""
    found = database.rows(
        database.sessions,
        "SELECT session FROM ussd_session WHERE citizen_id = ? AND session LIKE ? AND updated_at > ? "
        "ORDER BY updated_at DESC, id DESC LIMIT 1",
        *(caller.id, f"{gateway}:%", to_micros(now - SILENCE)),
    )
    return load(found[0][0], caller) if found else None


def load(key: str, caller: Caller) -> Session:
    """The newest conversation under this session id, or a new one."""
    found = database.rows(
        database.sessions,
        "SELECT id, ordinal, turn, sealed, updated_at FROM ussd_session WHERE session = ? AND citizen_id = ? "
        "ORDER BY ordinal DESC LIMIT 1",
        key,
        caller.id,
    )
    if not found:
        return Session(key, caller.id)
    row_id, ordinal, turn, sealed, since = found[0]
    text, state, reply, hop = _open(caller, row_id, sealed)
    return Session(key, caller.id, ordinal, row_id, turn, text, state, reply, from_micros(since), hop)


def save(session: Session, caller: Caller, text: str, state: State, reply: Reply, now: datetime, hop: str = "") -> bool:
    """Store where the session stands; False if another request has changed it since it was loaded."""
    row_id = session.id or new_id()
    sealed = _seal(caller, row_id, text, state, reply, hop)
    resumable = int(is_worth_resuming(state) and not reply.end)
    ended, look_at = (WE_ENDED_IT, None) if reply.end else (None, to_micros(now + SILENCE))
    now_so = (sealed, resumable, to_micros(now), ended, look_at)
    if session.id is None:
        cursor = database.run(
            database.sessions,
            "INSERT INTO ussd_session (sealed, resumable, updated_at, ended, look_at, "
            "id, node, session, ordinal, citizen_id, turn) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) "
            "ON CONFLICT DO NOTHING",
            *(*now_so, row_id, node_name(), session.key, session.ordinal, caller.id),
        )
    else:
        cursor = database.run(
            database.sessions,
            "UPDATE ussd_session SET sealed = ?, resumable = ?, updated_at = ?, ended = ?, look_at = ?, "
            "turn = turn + 1 WHERE id = ? AND turn = ?",
            *(*now_so, session.id, session.turn),
        )
    return bool(cursor.rowcount == 1)


def interrupted(caller: Caller, now: datetime) -> tuple[str, State, datetime] | None:
    """The citizen's newest draft that was left unfinished within 24 hours: its row, its state, and when it was left."""
    found = database.rows(
        database.sessions,
        "SELECT id, sealed, updated_at FROM ussd_session WHERE citizen_id = ? AND resumable = 1 AND updated_at > ? "
        "ORDER BY updated_at DESC LIMIT 1",
        caller.id,
        to_micros(now - DRAFT_LIFE),
    )
    if not found:
        return None
    row_id, sealed, left_at = found[0]
    return row_id, _open(caller, row_id, sealed)[1], from_micros(left_at)


def settle(row_id: str) -> None:
    """The draft of this row lives on elsewhere, or was given up: it is not offered again."""
    database.run(database.sessions, "UPDATE ussd_session SET resumable = 0 WHERE id = ?", row_id)


# A session that its citizen left


@dataclass(frozen=True, slots=True)
class Left:
    """A session that ended before we ended it."""

    id: str
    citizen_id: str
    sealed: bytes = field(repr=False)
    since: datetime  # when its citizen was last heard of
    is_news: bool  # it is the first that we hear of it

    def state(self, caller: Caller) -> State:
        """Where its citizen gave up."""
        return _open(caller, self.id, self.sealed)[1]


def ended(key: str, status: str, now: datetime) -> list[Left]:
    """The network says that the session is over; what was left by that, if it was not we who ended it."""
    gone = database.rows(
        database.sessions,
        "UPDATE ussd_session SET ended = ?, look_at = CASE resumable WHEN 1 THEN ? END "
        f"WHERE session = ? AND ended IS NULL RETURNING {_LEFT}",
        *(status, to_micros(now + PAUSE), key),
    )
    return [_left(row, is_news=True) for row in gone]


def to_look_at(now: datetime, most: int) -> list[Left]:
    """Sessions in which nothing was heard for 3 minutes, and drafts that were left 2 minutes ago; oldest first."""
    due = f"SELECT {_LEFT}, ended FROM ussd_session WHERE look_at <= ? ORDER BY look_at LIMIT ?"
    found = database.rows(database.sessions, due, to_micros(now), most)
    return [_left(row, is_news=status is None) for *row, status in found]


def looked_at(one: Left) -> bool:
    """Nothing more is to be done about it; False if it went on meanwhile, or somebody else was quicker."""
    done = database.run(
        database.sessions,
        "UPDATE ussd_session SET look_at = NULL, ended = COALESCE(ended, ?) "
        "WHERE id = ? AND updated_at = ? AND look_at IS NOT NULL",
        *(SILENT, one.id, to_micros(one.since)),
    )
    return bool(done.rowcount == 1)


def has_dialled_since(one: Left) -> bool:
    """Whether its citizen came back: then the menus offer what was left."""
    later = "SELECT 1 FROM ussd_session WHERE citizen_id = ? AND updated_at > ? LIMIT 1"
    return bool(database.rows(database.sessions, later, one.citizen_id, to_micros(one.since)))


def draft(draft_id: str, caller: Caller, now: datetime) -> State | None:
    """The newest state of a draft that can still be finished: for 24 hours, unless it was given up. It may have been
    resumed in another session, and dropped there again."""
    found = database.rows(
        database.sessions,
        "SELECT id, sealed FROM ussd_session WHERE citizen_id = ? AND resumable = 1 AND updated_at > ? "
        "ORDER BY updated_at DESC LIMIT ?",
        *(caller.id, to_micros(now - DRAFT_LIFE), MOST_DRAFTS),
    )
    states = (_open(caller, row_id, sealed)[1] for row_id, sealed in found)
    return next((state for state in states if state.draft_id == draft_id), None)


def _left(row: Sequence[Any], *, is_news: bool) -> Left:
    row_id, citizen_id, sealed, since = row
    return Left(row_id, citizen_id, bytes(sealed), from_micros(since), is_news)


def forget(before: datetime) -> int:
    """Delete sessions that nobody touched since `before`; how many."""
    return int(
        database.run(database.sessions, "DELETE FROM ussd_session WHERE updated_at < ?", to_micros(before)).rowcount
    )


_LEFT: Final = "id, citizen_id, sealed, updated_at"


def is_worth_resuming(state: State) -> bool:
    """From the sub-category on there is something to lose; after lodging, words may still be added. While a draft is
    only offered again, it is still the session that dropped which holds it."""
    return bool(state.draft.get("sub")) and state.screen not in OFFERS


def _seal(caller: Caller, row_id: str, text: str, state: State, reply: Reply, hop: str) -> bytes:
    body = orjson.dumps({"text": text, "state": state, "reply": reply.text, "end": reply.end, "hop": hop})
    return caller.key.seal("ussd_session.sealed", row_id, body.decode())


def _open(caller: Caller, row_id: str, sealed: bytes) -> tuple[str, State, Reply, str]:
    body: Mapping[str, Any] = orjson.loads(caller.key.open("ussd_session.sealed", row_id, sealed))
    stored = body["state"]
    state = State(**{**stored, "trail": tuple(stored["trail"]), "pending": tuple(stored["pending"])})
    return body["text"], state, Reply(body["reply"], body["end"]), body.get("hop", "")
