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
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from peewee import CharField

from cases.citizens import Caller, Citizens
from sms_gateway import encoding
from sms_gateway.gateway import FINALS, Accepted, Gateway, Mt, Policy, Refused, Report, State
from sms_gateway.message import DeliveryReport, Lane, Message, Tick
from sms_gateway.msisdn import mask_all
from store import database
from store.model import new_id, node_name, to_micros
from store.sealing import Unreadable

# Rows a worker takes at once. Texts to one citizen are a request each: a worker that dies leaves that many in doubt,
# and all of them must fit into one lease. A bulk text goes to many in one request, and is never sent again.
CLAIM: Final[Mapping[Lane, int]] = {Lane.RECEIPT: 10, Lane.STATUS: 10, Lane.BULK: 100}
LEASE_TICKS: Final = 24  # two minutes: the relay beats every five seconds
LONGEST_DRAIN: Final = timedelta(minutes=5)  # then the worker is woken anew
REPORT_WINDOW: Final = timedelta(hours=72)
CHANNEL_PAUSE: Final = timedelta(minutes=5)
_FIRST_BACKOFF: Final = timedelta(seconds=5)
_LONGEST_BACKOFF: Final = timedelta(hours=1)
_DEFER: Final = timedelta(hours=6)
# Policies that say more about the line or the account than about one message
_LINE_FAULTS: Final = frozenset({Policy.TRANSIENT, Policy.CHANNEL, Policy.AMBIGUOUS})
# A row about which the network has not spoken
_OPEN: Final = (State.QUEUED, State.CLAIMED, State.SENDING)
_AWAITED: Final = f"state IN ('{State.SENDING}', '{State.SUBMITTED}', '{State.BUFFERED}')"
_SWEPT: Final = 1_000  # rows of a kind that one sweep moves at most: it must not keep others waiting

_COLUMNS: Final = "id, citizen_id, template, language, body, lane, attempts, resent"

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
    """What becomes of one row: the state it gets, and when it may be tried again. `resent` is never taken back."""

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

    @property
    def channel(self) -> str:
        """The name of the gateway that messages leave through."""
        return self._gateway.name

    def drain(self, clock: Callable[[], datetime], most: int = 5_000) -> int:
        """Send until nothing is due, the most urgent lane first; how many rows were taken.

        Ends early when `most` rows were taken, after five minutes, and when the line is down: trying the rest of a
        long queue on it would only wear it out.
        """
        taken, end = 0, clock() + LONGEST_DRAIN
        line_is_up = True
        while line_is_up and taken < most and clock() < end and not paused(self._gateway.name, clock()):
            batch = next((rows for lane in Lane if (rows := claim(lane, clock()))), None)
            if not batch:
                break
            line_is_up = self._send(batch, clock)
            taken += len(batch)
        return taken

    def _send(self, batch: Sequence[Claimed], clock: Callable[[], datetime]) -> bool:
        """Send what was claimed; False if the line is down."""
        try:
            callers = self._citizens.by_id(row.citizen_id for row in batch)
        except Unreadable as fault:
            return self._send_apart(batch, fault, clock)
        mts = {row.id: mt for row in batch if (mt := self._mt(row, callers.get(row.citizen_id), clock()))}
        sending = begin([row for row in batch if row.id in mts])
        if not sending:
            return True
        outcomes = self._gateway.send([mts[row.id] for row in sending])
        sent = [(row, callers[row.citizen_id], mts[row.id]) for row in sending]
        database.steady(lambda: self._settle(sent, outcomes, clock()))
        return not all(isinstance(outcome, Refused) and outcome.policy in _LINE_FAULTS for outcome in outcomes)

    def _send_apart(self, batch: Sequence[Claimed], fault: Unreadable, clock: Callable[[], datetime]) -> bool:
        """A citizen's key does not open. Nobody else waits for that; their own messages do, until the key is back."""
        if len(batch) > 1:
            half = len(batch) // 2
            return self._send(batch[:half], clock) and self._send(batch[half:], clock)
        (row,), now = batch, clock()
        self._log("citizen_not_readable", message=row.id, citizen=row.citizen_id, fault=str(fault))
        _write(row, _Settled(State.QUEUED, due_at=now + _LONGEST_BACKOFF, error="the citizen's key does not open"), now)
        return True

    def _mt(self, row: Claimed, caller: Caller | None, now: datetime) -> Mt | None:
        """The message as it goes out; None when it cannot be made, which is settled at once and said in the log."""
        if caller is None:
            _write(row, _Settled(State.REJECTED, error="the citizen was erased"), now)
            return None
        try:
            params = json.loads(caller.key.open("message.body", row.id, row.body))
            text = encoding.styled(self._render(row.template, row.language, params), caller.letters)
        except Exception as fault:
            self._log("message_not_rendered", message=row.id, template=row.template, fault=repr(fault))
            _write(row, _Settled(State.REJECTED, error=f"not rendered: {type(fault).__name__}"), now)
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
                _write(
                    row, self._decide(row, outcome, now), now, provider=self._gateway.name, text=mt.text, caller=caller
                )
                if isinstance(outcome, Refused):
                    self._refused(row, caller, outcome, now)
        taken = {
            _fit(Message.provider_id, outcome.provider_id): row.id
            for (row, _, _), outcome in zip(sent, outcomes, strict=True)
            if isinstance(outcome, Accepted)
        }
        for provider_id in _with_early_reports(self._gateway.name, [one for one in taken if one]):
            match_reports(self._gateway.name, provider_id, taken[provider_id], now)

    def _decide(self, row: Claimed, outcome: Accepted | Refused, now: datetime) -> _Settled:
        if isinstance(outcome, Accepted):
            return _Settled(State.SUBMITTED, provider_id=outcome.provider_id, cost=outcome.cost)
        error = _error(outcome)
        match outcome.policy:
            case Policy.AMBIGUOUS:
                return _ambiguous(row, now, error)
            case Policy.PERMANENT | Policy.SUPPRESS:
                return _Settled(State.REJECTED, error=error)
            case Policy.CHANNEL:
                wait = CHANNEL_PAUSE
            case Policy.DEFER:
                wait = _DEFER
            case Policy.TRANSIENT:
                wait = self._backoff(row.attempts)
        return _Settled(State.QUEUED, due_at=now + wait, error=error)

    def _backoff(self, attempts: int) -> timedelta:
        """5 s, doubled with each attempt up to an hour; half of it at random, so that rows do not return in step.

        No number of attempts is too many: a line may be dead for days. A message ends when it is too old to be news.
        """
        seconds = min(_FIRST_BACKOFF.total_seconds() * 2 ** min(attempts - 1, 10), _LONGEST_BACKOFF.total_seconds())
        return timedelta(seconds=seconds * self._jitter(0.5, 1.0))

    def _refused(self, row: Claimed, caller: Caller, outcome: Refused, now: datetime) -> None:
        self._log("message_refused", message=row.id, policy=str(outcome.policy), code=outcome.code)
        if outcome.policy is Policy.SUPPRESS:
            self._citizens.stop(caller.id, now)
        if outcome.policy is Policy.CHANNEL:
            pause(self._gateway.name, _error(outcome), now + CHANNEL_PAUSE)


def _error(outcome: Refused) -> str:
    return mask_all(f"{outcome.code} {outcome.detail}".strip())


def claim(lane: Lane, now: datetime, limit: int | None = None) -> list[Claimed]:
    """Take due rows of a lane, oldest first, as many as one send takes; nobody else gets them until the lease runs out.

    What is too old to send ends here.
    """
    lock = " FOR UPDATE SKIP LOCKED" if database.is_postgres() else ""
    while True:
        with database.transaction():
            taken = database.rows(
                database.main,
                f"UPDATE message SET state = '{State.CLAIMED}', lease = ? WHERE id IN ("
                f"SELECT id FROM message WHERE lane = ? AND state = '{State.QUEUED}' AND due_at <= ? "
                f"ORDER BY due_at, id LIMIT {limit or CLAIM[lane]}{lock}) "
                f"RETURNING {_COLUMNS}, expires_at",
                current_tick() + LEASE_TICKS,
                int(lane),
                to_micros(now),
            )
            fresh = [_claimed(row) for row in taken if row[-1] > to_micros(now)]
            for row in taken:
                if row[-1] <= to_micros(now):
                    _write(_claimed(row), _Settled(State.EXPIRED, error="too old to send"), now)
        if fresh or not taken:
            return sorted(fresh, key=lambda row: row.id)


def _claimed(row: tuple[Any, ...]) -> Claimed:
    message_id, citizen_id, template, language, body, lane, attempts, resent = row[:8]
    return Claimed(message_id, citizen_id, template, language, bytes(body), lane, attempts, bool(resent))


def begin(rows: Sequence[Claimed]) -> list[Claimed]:
    """Say that sending begins; the rows that nobody else has begun to send. From here on, silence means "perhaps sent".

    The lease starts anew, and `attempts` names this try: what is settled later is settled for this try only.
    """
    if not rows:
        return []
    marks = ", ".join("?" * len(rows))
    with database.transaction():
        held = database.rows(
            database.main,
            f"UPDATE message SET state = '{State.SENDING}', attempts = attempts + 1, lease = ? "
            f"WHERE id IN ({marks}) AND state = '{State.CLAIMED}' RETURNING id, attempts, resent",
            current_tick() + LEASE_TICKS,
            *[row.id for row in rows],
        )
    ours = {row[0]: row[1:] for row in held}
    return [replace(row, attempts=ours[row.id][0], resent=bool(ours[row.id][1])) for row in rows if row.id in ours]


def report(report: Report, now: datetime) -> bool:
    """Store a delivery report and move its message forward; False if no message matches (yet). Idempotent."""
    provider_id = _fit(Message.provider_id, report.provider_id) or ""
    with database.transaction():
        DeliveryReport.create(
            provider=report.provider,
            provider_id=provider_id,
            state=report.state,
            raw_status=_fit(DeliveryReport.raw_status, mask_all(report.raw)) or "",
            reason=_fit(DeliveryReport.reason, mask_all(report.reason or "")),
            received_at=now,
        )
        found = Message.select(Message.id).where(
            Message.provider == report.provider, Message.provider_id == provider_id, Message.direction == "mt"
        )
        message = found.first()
    if message is None:
        return False
    match_reports(report.provider, provider_id, message.id, now)
    return True


def match_reports(provider: str, provider_id: str, message_id: str, now: datetime) -> None:
    """Let every report that waits for this message act on it, in the order they came."""
    with database.transaction():
        waiting = database.rows(
            database.main,
            "SELECT id, state FROM delivery_report WHERE provider = ? AND provider_id = ? AND matched_at IS NULL "
            "ORDER BY id",
            provider,
            provider_id,
        )
        for report_id, state in waiting:
            _advance(message_id, State(state), now)
            database.run(
                database.main, "UPDATE delivery_report SET matched_at = ? WHERE id = ?", to_micros(now), report_id
            )


def _with_early_reports(provider: str, provider_ids: Sequence[str]) -> list[str]:
    """Those of these messages that were reported on before they were settled."""
    if not provider_ids:
        return []
    found = database.rows(
        database.main,
        "SELECT DISTINCT provider_id FROM delivery_report WHERE provider = ? "
        f"AND provider_id IN ({', '.join('?' * len(provider_ids))}) AND matched_at IS NULL",
        provider,
        *provider_ids,
    )
    return [row[0] for row in found]


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
            f"SELECT {_COLUMNS} FROM message WHERE state = '{State.SENDING}' AND lease < ? ORDER BY id LIMIT {_SWEPT}",
            tick,
        )
        for held in map(_claimed, lost):
            _write(held, _ambiguous(held, now, "the worker died while sending"), now, among=(State.SENDING,))
        silent = database.run(
            database.main,
            f"UPDATE message SET state = '{State.UNKNOWN}', settled_at = ? WHERE {_AWAITED} AND id IN "
            f"(SELECT id FROM message WHERE {_AWAITED} AND sent_at < ? ORDER BY sent_at LIMIT {_SWEPT})",
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
        f"WHERE r.matched_at IS NULL AND r.received_at > ? LIMIT {_SWEPT}",
        to_micros(now - REPORT_WINDOW),
    )
    for provider, provider_id, message_id in late:
        match_reports(provider, provider_id, message_id, now)
    return len(late)


def _ambiguous(row: Claimed, now: datetime, error: str) -> _Settled:
    """It may have gone out. A receipt is worth a second try, once, and says so in its row; the rest waits for word."""
    if row.lane == Lane.RECEIPT and not row.resent:
        return _Settled(State.QUEUED, due_at=now + _FIRST_BACKOFF, error=error, resent=True)
    return _Settled(State.SENDING, error=error)


def _write(
    row: Claimed,
    settled: _Settled,
    now: datetime,
    among: Sequence[State] = _OPEN,
    provider: str | None = None,
    text: str | None = None,
    caller: Caller | None = None,
) -> None:
    """Write what became of a row, if the network has not spoken about it yet and nobody has begun another try since.

    "Taken" is the network's word, whichever try brought it: it stands against a later try and calls off a waiting one.
    A row left in SENDING keeps no lease: only a report or 72 h can move it.
    """
    sealed = caller.key.seal("message.sent", row.id, text) if caller and text is not None else None
    taken = settled.state is State.SUBMITTED
    database.run(
        database.main,
        "UPDATE message SET state = ?, lease = NULL, due_at = COALESCE(?, due_at), provider = COALESCE(?, provider), "
        "provider_id = COALESCE(?, provider_id), cost = COALESCE(?, cost), error = ?, resent = (resent OR ?), "
        "sent = COALESCE(?, sent), segments = COALESCE(?, segments), sent_at = COALESCE(sent_at, ?), settled_at = ? "
        f"WHERE id = ? AND attempts {'>=' if taken else '='} ? AND state IN ({', '.join('?' * len(among))})",
        str(settled.state),
        to_micros(settled.due_at) if settled.due_at else None,
        provider if settled.provider_id else None,
        _fit(Message.provider_id, settled.provider_id),
        _fit(Message.cost, settled.cost),
        _fit(Message.error, settled.error),
        settled.resent,
        sealed,
        encoding.segments(text).count if text is not None else None,
        to_micros(now) if settled.state in (State.SENDING, State.SUBMITTED) else None,
        to_micros(now) if settled.state in FINALS else None,
        row.id,
        row.attempts,
        *map(str, among),
    )


def _fit(column: CharField, text: str | None) -> str | None:
    """A network's word, as much of it as the column takes: too long a word must not undo what was settled."""
    return text[: column.max_length] if text else None


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
