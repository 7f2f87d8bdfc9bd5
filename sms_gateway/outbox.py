"""From the message table to the network: claim, render, send, settle. At-least-once, and never blindly twice.

A worker claims rows by lease, says that sending begins, sends, and settles what the network answered. Dying in between
is safe: a claim that runs out before sending began goes back to the queue; one that runs out after is *ambiguous*,
exactly like a time-out: a receipt is sent once more and marked, anything else waits for a report and is UNKNOWN
after 72 hours. Leases are counted in the relay's ticks, so that no wrong clock takes them away early.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cases.citizens import Caller, Citizens
from sms_gateway import encoding
from sms_gateway.gateway import FINALS, Accepted, Gateway, Mt, Policy, Refused, Report, State
from sms_gateway.message import DeliveryReport, Lane, Message, Tick
from store import database
from store.model import new_id, node_name, to_micros

CLAIM: Final = 100  # rows a worker takes at once, per lane
LEASE_TICKS: Final = 120  # a send may hang for a minute before its lease ends (a tick is about half a second)
MOST_ATTEMPTS: Final = 12
REPORT_WINDOW: Final = timedelta(hours=72)
CHANNEL_PAUSE: Final = timedelta(minutes=5)
_FIRST_BACKOFF: Final = timedelta(seconds=5)
_LONGEST_BACKOFF: Final = timedelta(hours=1)
_DEFER: Final = timedelta(hours=6)

# What an outcome does to a row: the state it gets, and whether it waits for another try
Render = Callable[[str, str, Mapping[str, str]], str]  # template, language, parameters → text


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that this worker holds."""

    id: str
    citizen_id: str
    template: str
    language: str
    body: bytes
    lane: int
    attempts: int
    resent: bool


@dataclass(frozen=True, slots=True)
class _Settled:
    """What becomes of one row."""

    state: State
    due_at: datetime | None = None
    provider_id: str | None = None
    cost: str | None = None
    error: str | None = None
    resent: bool = False


class Outbox:
    """Sends what is ready through one gateway. Several may run at once, in any number of processes."""

    def __init__(
        self,
        citizens: Citizens,
        gateway: Gateway,
        render: Render,
        log: Callable[..., None],
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._citizens, self._gateway, self._render = citizens, gateway, render
        self._log, self._jitter = log, jitter

    def drain(self, clock: Callable[[], datetime], most: int = 5_000) -> int:
        """Send until nothing is due, or `most` rows were taken, the most urgent lane first. How many were taken."""
        taken = 0
        while taken < most and not paused(self._gateway.name, clock()):
            batch = next((rows for lane in Lane if (rows := claim(lane, clock()))), None)
            if not batch:
                break
            self._send(batch, clock)
            taken += len(batch)
        return taken

    def _send(self, batch: Sequence[Claimed], clock: Callable[[], datetime]) -> None:
        callers = self._citizens.by_id(row.citizen_id for row in batch)
        ready: list[tuple[Claimed, Caller, Mt]] = []
        for row in batch:
            mt = self._mt(row, callers.get(row.citizen_id), clock())
            if mt is not None:
                ready.append((row, callers[row.citizen_id], mt))
        held = begin([row.id for row, _, _ in ready])
        ready = [one for one in ready if one[0].id in held]
        if not ready:
            return
        outcomes = self._gateway.send([mt for _, _, mt in ready])
        self._settle(ready, outcomes, clock())

    def _mt(self, row: Claimed, caller: Caller | None, now: datetime) -> Mt | None:
        """The message as it goes out; None when it cannot be made, which is settled at once and said in the log."""
        if caller is None:
            _write(row.id, _Settled(State.REJECTED, error="the citizen was erased"), now)
            return None
        try:
            params = json.loads(caller.key.open("message.body", row.id, row.body))
            text = encoding.thrifty(self._render(row.template, row.language, params))
        except Exception as fault:
            self._log("message_not_rendered", message=row.id, template=row.template, fault=repr(fault))
            _write(row.id, _Settled(State.REJECTED, error=f"not rendered: {type(fault).__name__}"), now)
            return None
        return Mt(row.id, caller.msisdn, text, sender=None)

    def _settle(
        self,
        sent: Sequence[tuple[Claimed, Caller, Mt]],
        outcomes: Sequence[Accepted | Refused],
        now: datetime,
    ) -> None:
        with database.transaction():
            for (row, caller, mt), outcome in zip(sent, outcomes, strict=True):
                settled = self._decide(row, outcome, now)
                _write(row.id, settled, now, self._gateway.name, mt.text, caller)
                if isinstance(outcome, Refused):
                    self._refused(row, caller, outcome, now)
        for (row, _, _), outcome in zip(sent, outcomes, strict=True):
            if isinstance(outcome, Accepted) and outcome.provider_id:
                match_reports(self._gateway.name, outcome.provider_id, row.id, now)

    def _decide(self, row: Claimed, outcome: Accepted | Refused, now: datetime) -> _Settled:
        if isinstance(outcome, Accepted):
            return _Settled(State.SUBMITTED, provider_id=outcome.provider_id, cost=outcome.cost, resent=row.resent)
        error = f"{outcome.code} {outcome.detail}".strip()[:120]
        match outcome.policy:
            case Policy.AMBIGUOUS:
                return _ambiguous(row, now, error)
            case Policy.PERMANENT | Policy.SUPPRESS:
                return _Settled(State.REJECTED, error=error, resent=row.resent)
            case Policy.CHANNEL:
                return _Settled(State.QUEUED, due_at=now + CHANNEL_PAUSE, error=error, resent=row.resent)
            case Policy.DEFER:
                wait = _DEFER
            case Policy.TRANSIENT:
                wait = self._backoff(row.attempts)
        if row.attempts + 1 >= MOST_ATTEMPTS:
            return _Settled(State.UNDELIVERABLE, error=f"gave up: {error}"[:120], resent=row.resent)
        return _Settled(State.QUEUED, due_at=now + wait, error=error, resent=row.resent)

    def _backoff(self, attempts: int) -> timedelta:
        """5 s, doubled with each attempt up to an hour; half of it at random, so that rows do not return in step."""
        seconds = min(_FIRST_BACKOFF.total_seconds() * 2**attempts, _LONGEST_BACKOFF.total_seconds())
        return timedelta(seconds=seconds * self._jitter(0.5, 1.0))

    def _refused(self, row: Claimed, caller: Caller, outcome: Refused, now: datetime) -> None:
        self._log("message_refused", message=row.id, policy=str(outcome.policy), code=outcome.code)
        if outcome.policy is Policy.SUPPRESS:
            self._citizens.stop(caller.id, now)
        if outcome.policy is Policy.CHANNEL:
            pause(self._gateway.name, f"{outcome.code} {outcome.detail}".strip(), now + CHANNEL_PAUSE)


def claim(lane: Lane, now: datetime, limit: int = CLAIM) -> list[Claimed]:
    """Take up to `limit` due rows of a lane, oldest first; nobody else gets them until the lease runs out."""
    lock = " FOR UPDATE SKIP LOCKED" if database.is_postgres() else ""
    with database.transaction():
        taken = database.rows(
            database.main,
            f"UPDATE message SET state = '{State.CLAIMED}', lease = ? WHERE id IN ("
            f"SELECT id FROM message WHERE lane = ? AND state = '{State.QUEUED}' AND due_at <= ? "
            f"ORDER BY due_at, id LIMIT {limit}{lock}) "
            "RETURNING id, citizen_id, template, language, body, lane, attempts, resent, expires_at",
            current_tick() + LEASE_TICKS,
            int(lane),
            to_micros(now),
        )
    stale = [row[0] for row in taken if row[8] <= to_micros(now)]
    for message_id in stale:
        _write(message_id, _Settled(State.EXPIRED, error="too old to send"), now)
    return sorted(
        (_claimed(row) for row in taken if row[0] not in stale),
        key=lambda row: row.id,
    )


def _claimed(row: tuple[Any, ...]) -> Claimed:
    message_id, citizen_id, template, language, body, lane, attempts, resent = row[:8]
    return Claimed(message_id, citizen_id, template, language, bytes(body), lane, attempts, bool(resent))


def begin(ids: Sequence[str]) -> set[str]:
    """Say that sending begins; the ids that are still ours. From here on, silence means "perhaps sent"."""
    if not ids:
        return set()
    marks = ", ".join("?" * len(ids))
    with database.transaction():
        held = database.rows(
            database.main,
            f"UPDATE message SET state = '{State.SENDING}', attempts = attempts + 1 "
            f"WHERE id IN ({marks}) AND state = '{State.CLAIMED}' RETURNING id",
            *ids,
        )
    return {row[0] for row in held}


def report(report: Report, now: datetime) -> bool:
    """Store a delivery report and move its message forward; False if no message matches (yet). Idempotent."""
    with database.transaction():
        DeliveryReport.create(
            provider=report.provider,
            provider_id=report.provider_id,
            state=report.state,
            raw_status=report.raw[:60],
            reason=(report.reason or "")[:120] or None,
            received_at=now,
        )
        found = Message.select(Message.id).where(
            Message.provider == report.provider, Message.provider_id == report.provider_id, Message.direction == "mt"
        )
        message = found.first()
    if message is None:
        return False
    match_reports(report.provider, report.provider_id, message.id, now)
    return True


def match_reports(provider: str, provider_id: str, message_id: str, now: datetime) -> None:
    """Let every report that waits for this message act on it, in the order they came."""
    waiting = DeliveryReport.select().where(
        DeliveryReport.provider == provider,
        DeliveryReport.provider_id == provider_id,
        DeliveryReport.matched_at.is_null(),
    )
    with database.transaction():
        for one in waiting.order_by(DeliveryReport.id):
            _advance(message_id, State(one.state), now)
            one.matched_at = now
            one.save(only=[DeliveryReport.matched_at])


def _advance(message_id: str, state: State, now: datetime) -> None:
    """Move a message to `state` if that is a step forward; one statement, so that racing reports never step back."""
    before = [str(one) for one in State if one.may_become(state)]
    marks = ", ".join("?" * len(before))
    settled = to_micros(now) if state in FINALS else None
    database.run(
        database.main,
        f"UPDATE message SET state = ?, settled_at = ? WHERE id = ? AND state IN ({marks})",
        str(state),
        settled,
        message_id,
        *before,
    )


def sweep(now: datetime) -> int:
    """Free what dead workers held, and give up waiting for reports that never came. How many rows moved."""
    with database.transaction():
        tick = current_tick()
        freed = database.run(
            database.main,
            f"UPDATE message SET state = '{State.QUEUED}', lease = NULL WHERE state = '{State.CLAIMED}' AND lease < ?",
            tick,
        ).rowcount
        lost = database.rows(
            database.main,
            "SELECT id, citizen_id, template, language, body, lane, attempts, resent FROM message "
            f"WHERE state = '{State.SENDING}' AND lease < ? LIMIT 1000",
            tick,
        )
        for row in lost:
            held = _claimed(row)
            _write(held.id, _ambiguous(held, now, "the worker died while sending"), now)
        silent = database.run(
            database.main,
            f"UPDATE message SET state = '{State.UNKNOWN}', settled_at = ? "
            f"WHERE state IN ('{State.SENDING}', '{State.SUBMITTED}', '{State.BUFFERED}') AND sent_at < ?",
            to_micros(now),
            to_micros(now - REPORT_WINDOW),
        ).rowcount
    return int(freed) + len(lost) + int(silent) + _match_late(now)


def _match_late(now: datetime) -> int:
    """Match reports that arrived in the very moment when their message was being settled."""
    late = database.rows(
        database.main,
        "SELECT r.provider, r.provider_id, m.id FROM delivery_report r JOIN message m "
        "ON m.provider = r.provider AND m.provider_id = r.provider_id AND m.direction = 'mt' "
        "WHERE r.matched_at IS NULL AND r.received_at > ? LIMIT 1000",
        to_micros(now - REPORT_WINDOW),
    )
    for provider, provider_id, message_id in late:
        match_reports(provider, provider_id, message_id, now)
    return len(late)


def _ambiguous(row: Claimed, now: datetime, error: str) -> _Settled:
    """It may have gone out. A receipt is worth a second try, once, and says so in its row; the rest waits for word."""
    if row.lane == Lane.RECEIPT and not row.resent:
        return _Settled(State.QUEUED, due_at=now + _FIRST_BACKOFF, error=error, resent=True)
    return _Settled(State.SENDING, error=error, resent=row.resent)


def _write(
    message_id: str,
    settled: _Settled,
    now: datetime,
    provider: str | None = None,
    text: str | None = None,
    caller: Caller | None = None,
) -> None:
    """Write what became of a row. A row left in SENDING keeps no lease: only a report or 72 h can move it."""
    sealed = caller.key.seal("message.sent", message_id, text) if caller and text is not None else None
    micros = to_micros(now)
    database.run(
        database.main,
        "UPDATE message SET state = ?, lease = NULL, due_at = COALESCE(?, due_at), provider = COALESCE(?, provider), "
        "provider_id = COALESCE(?, provider_id), cost = COALESCE(?, cost), error = ?, resent = ?, "
        "sent = COALESCE(?, sent), segments = COALESCE(?, segments), sent_at = COALESCE(sent_at, ?), settled_at = ? "
        "WHERE id = ?",
        str(settled.state),
        to_micros(settled.due_at) if settled.due_at else None,
        provider if settled.provider_id else None,
        settled.provider_id,
        settled.cost,
        settled.error,
        settled.resent,
        sealed,
        encoding.segments(text).count if text is not None else None,
        None if settled.state is State.QUEUED else micros,
        micros if settled.state in FINALS else None,
        message_id,
    )


def pause(name: str, reason: str, until: datetime) -> None:
    """Stop sending through a channel for a while; `/readyz` and the log say why."""
    database.run(
        database.main,
        "INSERT INTO channel (id, node, name, paused_until, reason) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET paused_until = excluded.paused_until, reason = excluded.reason",
        new_id(),
        node_name(),
        name,
        to_micros(until),
        reason,
    )


def paused(name: str, now: datetime) -> bool:
    """Whether a channel waits out its pause."""
    found = database.rows(
        database.main, "SELECT paused_until FROM channel WHERE name = ? AND paused_until > ?", name, to_micros(now)
    )
    return bool(found)


def depth(now: datetime) -> tuple[int, int]:
    """How many messages wait to go out, and how many of them are due now."""
    (row,) = database.rows(
        database.main,
        "SELECT COUNT(*), COALESCE(SUM(CASE WHEN due_at <= ? THEN 1 ELSE 0 END), 0) FROM message "
        f"WHERE lane IS NOT NULL AND state = '{State.QUEUED}'",
        to_micros(now),
    )
    return int(row[0]), int(row[1])


def anything_due(now: datetime) -> bool:
    """Whether a worker would find something to send; by index, whatever the size of the table."""
    return any(
        database.rows(
            database.main,
            f"SELECT 1 FROM message WHERE lane = ? AND state = '{State.QUEUED}' AND due_at <= ? LIMIT 1",
            int(lane),
            to_micros(now),
        )
        for lane in Lane
    )


def current_tick() -> int:
    """The relay's heartbeat count."""
    found = database.rows(database.main, "SELECT count FROM tick WHERE id = 'relay'")
    return int(found[0][0]) if found else 0


def beat(now: datetime) -> int:
    """One more heartbeat of the relay; its count."""
    with database.transaction():
        rows = database.rows(
            database.main,
            "INSERT INTO tick (id, node, count, beaten_at) VALUES ('relay', ?, 1, ?) "
            "ON CONFLICT (id) DO UPDATE SET count = tick.count + 1, beaten_at = excluded.beaten_at RETURNING count",
            node_name(),
            to_micros(now),
        )
    return int(rows[0][0])


def last_beat() -> datetime | None:
    """When the relay last beat."""
    found = Tick.select(Tick.beaten_at).where(Tick.id == "relay").first()
    return found.beaten_at if found else None
