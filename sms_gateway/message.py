"""One table for every SMS, in (MO) and out (MT). Rows that are ready to go *are* the outbox."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from peewee import (
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    FloatField,
    ForeignKeyField,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from cases.citizens import Caller
from cases.models import Case, Citizen
from sms_gateway.gateway import State
from sms_gateway.limits import Lane as Lane  # noqa: PLC0414  a message's lane is known here as well
from store import database
from store.model import Insert, Model, UtcField, new_id, to_micros


class Direction(StrEnum):
    MO = "mo"
    MT = "mt"


class Message(Model):
    """An SMS. An MT is stored as template and parameters and rendered when it is sent."""

    direction = CharField(max_length=2)
    state = CharField(max_length=16)
    citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
    case = ForeignKeyField(Case, null=True, on_delete="RESTRICT", index=False)
    body = BlobField()  # sealed: an MO's text; an MT's parameters as JSON
    created_at = UtcField()
    provider = CharField(max_length=24, null=True)
    provider_id = CharField(max_length=80, null=True)
    short_code = CharField(max_length=20, null=True)  # where an MO was sent to
    # MO
    attempts = SmallIntegerField(default=0)  # MO: times handling failed; MT: times sending was tried
    handled_at = UtcField(null=True)
    # MT
    lane = SmallIntegerField(null=True)
    template = CharField(max_length=40, null=True)
    language = CharField(max_length=8, null=True)
    due_at = UtcField(null=True)  # not before
    expires_at = UtcField(null=True)  # news older than this is not news
    lease = IntegerField(null=True)  # the tick at which a worker's claim runs out
    channel = CharField(max_length=24, null=True)  # it leaves (or left) through this one and no other
    tried = CharField(max_length=120, null=True)  # channels that refused it, with commas: the next one's turn
    resent = BooleanField(default=False)  # a receipt that may have gone out twice
    sent = BlobField(null=True)  # sealed: the text as it went out
    segments = SmallIntegerField(null=True)
    cost = CharField(max_length=24, null=True)
    error = CharField(max_length=120, null=True)
    sent_at = UtcField(null=True)
    settled_at = UtcField(null=True)

    class Meta:
        table_name = "message"


class DeliveryReport(Model):
    """A network's report as it came; kept also when no message matches it (yet)."""

    provider = CharField(max_length=24)
    provider_id = CharField(max_length=80)
    state = CharField(max_length=16)
    raw_status = CharField(max_length=60)  # the network's own word
    reason = CharField(max_length=120, null=True)
    received_at = UtcField()
    matched_at = UtcField(null=True)

    class Meta:
        table_name = "delivery_report"


class MessageStep(Model):
    """A state that an MT came to, and when. Its first one, queued, is the row's own `created_at`; a claim is none."""

    message = ForeignKeyField(Message, on_delete="CASCADE", index=False)
    state = CharField(max_length=16)
    at = UtcField()
    channel = CharField(max_length=24, null=True)
    detail = CharField(max_length=60, null=True)  # a network's code or status word, never what it says of a person

    class Meta:
        table_name = "message_step"
        indexes = ((("message", "at"), False),)


class Channel(Model):
    """What is known of a gateway: how it failed, until when it rests, and the tokens that all processes share."""

    name = CharField(max_length=24, unique=True)
    paused_until = UtcField(null=True)
    reason = TextField(null=True)
    failures = IntegerField(default=0)  # in a row; while there are some, one message goes first
    failed_at = UtcField(null=True)
    alerted_at = UtcField(null=True)
    tokens = FloatField(null=True)  # of `limits.Bucket`
    counted_at = UtcField(null=True)
    slowed_to = FloatField(null=True)
    slowed_at = UtcField(null=True)

    class Meta:
        table_name = "channel"


class Spend(Model):
    """What left through a channel in a day, and what it cost."""

    day = CharField(max_length=10)  # ISO, in the pack's zone
    channel = CharField(max_length=24)
    messages = IntegerField(default=0)
    segments = IntegerField(default=0)
    cost = BigIntegerField(default=0)  # in 1/10,000 of the currency
    currency = CharField(max_length=3, null=True)

    class Meta:
        table_name = "spend"
        indexes = ((("day", "channel"), True),)


class Tick(Model):
    """Counts the relay's heartbeats. Leases end at a tick, not at a time of day: a clock set wrong steals no lease."""

    count = IntegerField()
    beaten_at = UtcField()

    class Meta:
        table_name = "tick"


TABLES: Final = (Message, MessageStep, DeliveryReport, Channel, Spend, Tick)

# How long a text stays worth sending
SHELF_LIFE: Final[Mapping[Lane, timedelta]] = {
    Lane.RECEIPT: timedelta(days=3),
    Lane.STATUS: timedelta(days=3),
    Lane.BULK: timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """An MT that somebody wants sent: which text (`template`), with what in it, to whom."""

    caller: Caller
    template: str
    params: Mapping[str, Any] = field(default_factory=dict)
    case_id: str | None = None
    language: str | None = None  # the citizen's own unless said otherwise
    lane: Lane = Lane.RECEIPT
    not_before: datetime | None = None  # when nobody should be woken
    channel: str | None = None  # through this one and no other


class Step(NamedTuple):
    """A message came to a state: what `note` writes down."""

    message_id: str
    state: State
    channel: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """News of a case that nobody has begun to send."""

    id: str
    citizen_id: str
    case_id: str | None
    template: str
    body: bytes


def post(drafts: Iterable[Draft], now: datetime) -> list[str]:
    """Put messages into the outbox, in the caller's transaction; their ids. Nothing is rendered or sent here."""
    rows = [_row(draft, now) for draft in drafts]
    _insert(rows)
    return [row["id"] for row in rows]


def waiting(citizen_ids: Collection[str]) -> list[Waiting]:
    """The news (lane STATUS) to these citizens that still lies in the queue, oldest first.

    They are held until the transaction ends: no worker claims them meanwhile. What one is claiming now is not among
    them.
    """
    if not citizen_ids:
        return []
    lock = "FOR UPDATE SKIP LOCKED" if database.is_postgres() else ""
    found = database.rows(  # "+lane": by citizen, not through all that is queued while a line is down
        database.main,
        "SELECT id, citizen_id, case_id, template, body FROM message "
        f"WHERE citizen_id IN ({', '.join('?' * len(citizen_ids))}) AND +lane = ? AND state = '{State.QUEUED}' "
        f"ORDER BY id {lock}",
        *sorted(citizen_ids),
        int(Lane.STATUS),
    )
    return [Waiting(row[0], row[1], row[2], row[3], bytes(row[4])) for row in found]


def supersede(ids: Collection[str], now: datetime) -> int:
    """Newer news takes the place of these: they are not sent. Only what is still queued; how many those were."""
    if not ids:
        return 0
    changed = database.rows(
        database.main,
        f"UPDATE message SET state = '{State.SUPERSEDED}', settled_at = ? "
        f"WHERE id IN ({', '.join('?' * len(ids))}) AND state = '{State.QUEUED}' RETURNING id",
        to_micros(now),
        *sorted(ids),
    )
    note([Step(message_id, State.SUPERSEDED) for (message_id,) in changed], now)
    return len(changed)


def note(steps: Sequence[Step], now: datetime) -> None:
    """Write down that messages came to these states, in the caller's transaction and in one statement."""
    _insert_steps(
        [
            {
                "message": step.message_id,
                "state": step.state,
                "at": now,
                "channel": step.channel,
                "detail": step.detail[: MessageStep.detail.max_length] if step.detail else None,
            }
            for step in steps
        ]
    )


def _row(draft: Draft, now: datetime) -> dict[str, Any]:
    message_id = new_id()
    params = json.dumps(draft.params, ensure_ascii=False)
    due_at = max(draft.not_before or now, now)
    return {
        "id": message_id,
        "direction": Direction.MT,
        "state": State.QUEUED,
        "citizen": draft.caller.id,
        "case": draft.case_id,
        "body": draft.caller.key.seal("message.body", message_id, params),
        "created_at": now,
        "lane": draft.lane,
        "template": draft.template,
        "language": draft.language or draft.caller.language or "en",
        "due_at": due_at,
        "expires_at": due_at + SHELF_LIFE[draft.lane],
        "channel": draft.channel,
    }


_insert: Final = Insert(Message)
_insert_steps: Final = Insert(MessageStep)


def fit(column: CharField, text: str | None) -> str | None:
    """A network's word, as much of it as the column takes: too long a word must not undo what was settled."""
    return text[: column.max_length] if text else None
