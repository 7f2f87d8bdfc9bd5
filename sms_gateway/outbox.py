"""From the message table to the networks: claim, choose a channel, render, send, settle. At-least-once, and never
blindly twice.

A worker claims rows by lease, says that sending begins, sends, and settles what the network answered. Dying in between
is safe: a claim that runs out before sending began goes back to the queue; one that runs out after is *ambiguous*,
exactly like a time-out: a receipt is sent once more, through the same channel, and marked; anything else waits for a
report and is UNKNOWN after 72 hours. Leases are counted in the relay's ticks, so that no wrong clock takes them away
early.

What a channel certainly did not take goes to the next one. A channel that fails rests, longer each time, and is tried
with one message when it may work again. Limits hold messages back (`limits.py`); what waits only for that is put back
into the queue untouched, with the time at which it may go.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from cases.citizens import Caller, Citizens
from sms_gateway import encoding, heartbeat, lines, reports
from sms_gateway.channels import Channels
from sms_gateway.gateway import FINALS, Accepted, Mt, Policy, Refused, State
from sms_gateway.limits import ALERT_SHARE, NO_LIMITS, TOO_SOON, Hold, Limits, Pace, Price, parse_cost
from sms_gateway.message import Lane, Message, Step, fit, note
from sms_gateway.msisdn import mask_all
from store import database
from store.model import to_micros
from store.sealing import Unreadable

# Rows a worker takes at once. Texts to one citizen are a request each: a worker that dies leaves that many in doubt,
# and all of them must fit into one lease. A bulk text goes to many in one request, and is never sent again.
CLAIM: Final[Mapping[Lane, int]] = {Lane.RECEIPT: 10, Lane.STATUS: 10, Lane.BULK: 100}
LEASE_TICKS: Final = 24  # two minutes: the relay beats every five seconds
LONGEST_DRAIN: Final = timedelta(minutes=5)  # then the worker is woken anew
_FIRST_BACKOFF: Final = timedelta(seconds=5)
_LONGEST_BACKOFF: Final = timedelta(hours=1)
_DEFER: Final = timedelta(hours=6)
_A_MOMENT: Final = timedelta(seconds=1)
_NO_ROOM: Final = "its channel takes nothing now"
_WORTH_WAITING: Final = timedelta(seconds=1)  # for tokens; what has to wait longer is put back
_CLOCK_WAS_AHEAD: Final = timedelta(minutes=1)  # of now, when a message was made: the clock was put back since
# Policies that say more about the line or the account than about one message
_LINE_FAULTS: Final = frozenset({Policy.TRANSIENT, Policy.CHANNEL, Policy.AMBIGUOUS})
# A row about which the network has not spoken
_OPEN: Final = (State.QUEUED, State.CLAIMED, State.SENDING)
_AWAITED: Final = f"state IN ('{State.SENDING}', '{State.SUBMITTED}', '{State.BUFFERED}')"
_SWEPT: Final = 1_000  # rows of a kind that one sweep moves at most: it must not keep others waiting

_COLUMNS: Final = "id, citizen_id, template, language, body, lane, attempts, resent, channel, tried"

Render = Callable[[str, str, Mapping[str, str]], str]  # template, language, parameters → text
Log = Callable[..., None]
_Alarm = tuple[str, Mapping[str, Any]]  # an event for the operator, with its facts


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
    channel: str | None = None  # it leaves through this one and no other
    tried: tuple[str, ...] = ()  # these refused it: it is the next one's turn


class _Outgoing(NamedTuple):
    """A message on its way: its row, who gets it, the text, its parts, who may carry it and who does."""

    row: Claimed
    caller: Caller
    mt: Mt
    segments: int
    order: tuple[str, ...]
    channel: str


class _Room(NamedTuple):
    """How many messages each channel takes now, and when one that takes none may take some again."""

    left: dict[str, int]
    opens: dict[str, datetime]

    @property
    def total(self) -> int:
        return sum(self.left.values())


@dataclass(frozen=True, slots=True)
class _Settled:
    """What becomes of one row: the state it gets, and when it may be tried again. `resent` is never taken back."""

    state: State
    due_at: datetime | None = None
    provider_id: str | None = None
    cost: str | None = None
    error: str | None = None
    code: str | None = None  # the short word for `error`, or the network's
    resent: bool = False
    channel: str | None = None
    tried: tuple[str, ...] = ()


class Outbox:
    """Sends what is ready through the channels. Several may run at once, in any number of processes.

    `alert` is called where an operator should look: a channel fails, the day's budget is nearly spent.
    """

    def __init__(
        self,
        citizens: Citizens,
        channels: Channels,
        render: Render,
        log: Log,
        limits: Limits = NO_LIMITS,
        jitter: Callable[[float, float], float] = random.uniform,
        *,
        alert: Log | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._citizens, self.channels, self._render, self.limits = citizens, channels, render, limits
        self._log, self._alert, self._jitter, self._sleep = log, alert or log, jitter, sleep

    def ready(self, now: datetime) -> bool:
        """Whether a worker would find something to send, and a channel to send it through."""
        return anything_due(now) and anything_due(now, self._lanes(now)) and self._room(now).total > 0

    def drain(self, clock: Callable[[], datetime], most: int = 5_000) -> int:
        """Send until nothing is due, the most urgent lane first; how many messages were dealt with.

        Ends early when `most` were, after five minutes, and when no channel takes anything: trying the rest of a long
        queue on a line that is down would only wear it out.
        """
        done, end = 0, clock() + LONGEST_DRAIN
        while done < most and (now := clock()) < end:
            room = self._room(now)
            lanes = self._lanes(now) if room.total else {}
            batch = next((rows for lane in lanes if (rows := claim(lane, now, min(lanes[lane], room.total)))), None)
            if not batch:
                break
            done += self._send(batch, room, clock)
        return done

    def _lanes(self, now: datetime) -> dict[Lane, int]:
        """The lanes that the night and the day's budget leave open, and how many messages of each to take at once."""
        spent = self._spent(now) if self.limits.day is not None else 0
        return {lane: min(CLAIM[lane], left) for lane, left in self.limits.lanes(now, spent).items()}

    def _spent(self, now: datetime) -> int:
        """The parts that left today."""
        return sum(one.segments for one in lines.spent(self.limits.day_of(now)))

    def _room(self, now: datetime) -> _Room:
        room = _Room({}, {})
        for name, line in lines.states(self.channels.names).items():
            contract, left = self.channels.rate(name), max(CLAIM.values())
            if line.is_paused(now):
                left, room.opens[name] = 0, line.paused_until or now
            elif contract is not None:
                bucket = line.bucket(contract, now)
                is_soon_full = bucket.wait(left, now) <= _WORTH_WAITING
                left = int(bucket.size if is_soon_full else max(bucket.tokens, 0))
                room.opens[name] = now + bucket.wait(1, now)
            room.left[name] = min(left, 1) if line.failures else left
        return room

    def _send(self, batch: Sequence[Claimed], room: _Room, clock: Callable[[], datetime]) -> int:
        """Send what was claimed, each message through its channel; how many were dealt with, and not put back."""
        now = clock()
        try:
            callers = self._citizens.by_id(row.citizen_id for row in batch)
        except Unreadable as fault:
            return self._send_apart(batch, room, fault, clock)
        by_channel, coming = dict[str, list[_Outgoing]](), Counter[str]()
        staying: list[tuple[Claimed, _Settled | Hold]] = []
        for row in batch:
            made: _Outgoing | _Settled | Hold
            if (ahead := coming[row.citizen_id]) and self.limits.by_number:
                made = Hold(now + ahead * self.limits.spacing, TOO_SOON)
            else:
                made = self._made(row, callers.get(row.citizen_id), room, now)
            if isinstance(made, _Outgoing):
                by_channel.setdefault(made.channel, []).append(made)
                coming[row.citizen_id] += 1
            else:
                staying.append((row, made))
        done = _end_here(staying, now)
        return done + sum(self._send_through(name, messages, clock) for name, messages in by_channel.items())

    def _send_apart(
        self, batch: Sequence[Claimed], room: _Room, fault: Unreadable, clock: Callable[[], datetime]
    ) -> int:
        """A citizen's key does not open. Nobody else waits for that; their own messages do, until the key is back."""
        if len(batch) > 1:
            half = len(batch) // 2
            return self._send(batch[:half], room, clock) + self._send(batch[half:], room, clock)
        (row,), now = batch, clock()
        self._log("citizen_not_readable", message=row.id, citizen=row.citizen_id, fault=str(fault))
        _hold(row, Hold(now + _LONGEST_BACKOFF, "the citizen's key does not open"), now)
        return 1

    def _made(self, row: Claimed, caller: Caller | None, room: _Room, now: datetime) -> _Outgoing | _Settled | Hold:
        """The message as it goes out, which takes up room in its channel; or why it does not go."""
        lane = Lane(row.lane)
        if caller is None:
            return _Settled(State.REJECTED, error="the citizen was erased")
        if caller.stopped and lane is not Lane.RECEIPT:
            return Hold(None, "they sent STOP")
        try:
            params = json.loads(caller.key.open("message.body", row.id, row.body))
            text = encoding.styled(self._render(row.template, row.language, params), caller.letters)
        except Exception as fault:
            self._log("message_not_rendered", message=row.id, template=row.template, fault=repr(fault))
            return _Settled(State.REJECTED, error=f"not rendered: {type(fault).__name__}")
        order = self.channels.order(caller.msisdn, row.language, lane)
        channel = self._choose(row, order, room, now)
        if isinstance(channel, Hold):
            return channel
        mt = Mt(row.id, caller.msisdn, text, sender=None)
        return _Outgoing(row, caller, mt, encoding.segments(text).count, order, channel)

    def _choose(self, row: Claimed, order: tuple[str, ...], room: _Room, now: datetime) -> str | Hold:
        """The first channel that may carry a message and has room; or until when it waits for one."""
        bound = tuple(name for name in self.channels.names if name == row.channel)
        may = bound or tuple(name for name in order if name not in row.tried) or order
        for name in may:
            if room.left[name] > 0:
                room.left[name] -= 1
                return name
        opens, soonest = min(((room.opens[name], name) for name in may if name in room.opens), default=(now, ""))
        if rate := self.channels.rate(soonest):  # what is put back comes back one by one
            room.opens[soonest] = opens + timedelta(seconds=1 / rate)
        return Hold(max(opens, now + _A_MOMENT), _NO_ROOM)

    def _send_through(self, name: str, messages: Sequence[_Outgoing], clock: Callable[[], datetime]) -> int:
        """Send messages through one channel and settle what it answers; how many were not put back."""
        contract = self.channels.rate(name)
        if contract is not None:
            bucket = lines.states([name])[name].bucket(contract, clock())
            self._sleep(min(bucket.wait(len(messages), clock()), _WORTH_WAITING).total_seconds())
        now, by_id = clock(), {one.row.id: one for one in messages}
        begun = begin([one.row for one in messages], name, now, lambda rows: self._admit(name, rows, by_id, now))
        if not begun:
            return 0
        sending = [by_id[row.id]._replace(row=row) for row in begun]
        outcomes = self.channels[name].send([one.mt for one in sending])
        for event, facts in database.steady(lambda: self._settle(name, sending, outcomes, clock())):
            self._alert(event, **facts)
        return len(sending)

    def _admit(
        self, channel: str, rows: Sequence[Claimed], by_id: Mapping[str, _Outgoing], now: datetime
    ) -> Sequence[Claimed]:
        """Of messages that are about to leave, those that their number's pace and the channel's tokens let go."""
        if self.limits.by_number:
            paces = self._citizens.paces(row.citizen_id for row in rows)
            holds = [(row, self.limits.hold(Pace(*paces[row.citizen_id]), Lane(row.lane), now)) for row in rows]
            for row, hold in holds:
                if hold:
                    _hold(row, hold, now, tries=1)
            rows = [row for row, hold in holds if not hold]
        contract = self.channels.rate(channel)
        if rows and contract is not None:
            going = lines.take(channel, contract, [by_id[row.id].segments for row in rows], now)
            for row in rows[going:]:
                _hold(row, Hold(now + _A_MOMENT, _NO_ROOM), now, tries=1)
            rows = rows[:going]
        if rows and self.limits.spacing:
            self._citizens.begin_texting([row.citizen_id for row in rows], now)
        return rows

    def _settle(
        self, name: str, sending: Sequence[_Outgoing], outcomes: Sequence[Accepted | Refused], now: datetime
    ) -> list[_Alarm]:
        """Write what the network answered; what an operator should hear of."""
        taken: dict[str, str] = {}
        with database.transaction():
            left: list[tuple[_Outgoing, Price | None]] = []
            steps: list[Step] = []
            for one, outcome in zip(sending, outcomes, strict=True):
                settled = self._decide(name, one, outcome, now)
                if _write(one.row, settled, now, provider=name, sent=one):
                    steps.append(Step(one.row.id, settled.state, name, settled.code))
                    if _may_have_left(outcome):
                        left.append((one, self._price(one, outcome)))
                if isinstance(outcome, Refused):
                    self._refused(one, outcome, now)
                    if outcome.policy is Policy.AMBIGUOUS:  # its report may have come already, by our id
                        taken[one.row.id] = one.row.id
                elif outcome.provider_id:
                    taken[fit(Message.provider_id, outcome.provider_id) or ""] = one.row.id
            note(steps, now)
            # the citizens before their channel: in the order in which `_admit` holds them
            alarms = [self._count(name, left, now), self._judge(name, outcomes, now)]
        reports.match(name, taken, now)
        return [alarm for alarm in alarms if alarm]

    def _decide(self, name: str, one: _Outgoing, outcome: Accepted | Refused, now: datetime) -> _Settled:
        row = one.row
        if isinstance(outcome, Accepted):
            price = self._price(one, outcome)
            cost = outcome.cost or (str(price) if price else None)
            return _Settled(State.SUBMITTED, provider_id=outcome.provider_id, cost=cost, channel=name)
        error, code = _error(outcome), mask_all(outcome.code)
        match outcome.policy:
            case Policy.AMBIGUOUS:
                return _ambiguous(row, now, error, code, name)
            case Policy.PERMANENT | Policy.SUPPRESS:
                return _Settled(State.REJECTED, error=error, code=code)
            case Policy.DEFER:
                wait = _DEFER
            case Policy.TRANSIENT | Policy.CHANNEL:
                tried = (*row.tried, name)
                if not row.channel and not outcome.throttled and set(one.order) - set(tried):
                    return _Settled(State.QUEUED, due_at=now, error=error, code=code, tried=tried)
                wait = self._backoff(row.attempts)
        return _Settled(State.QUEUED, due_at=now + wait, error=error, code=code, channel=row.channel)

    def _backoff(self, attempts: int) -> timedelta:
        """5 s, doubled with each attempt up to an hour; half of it at random, so that rows do not return in step.

        No number of attempts is too many: a line may be dead for days. A message ends when it is too old to be news.
        """
        seconds = min(_FIRST_BACKOFF.total_seconds() * 2 ** min(attempts - 1, 10), _LONGEST_BACKOFF.total_seconds())
        return timedelta(seconds=seconds * self._jitter(0.5, 1.0))

    def _refused(self, one: _Outgoing, outcome: Refused, now: datetime) -> None:
        self._log("message_refused", message=one.row.id, policy=str(outcome.policy), code=outcome.code)
        if outcome.policy is Policy.SUPPRESS:
            self._citizens.block(one.caller.id, now)

    def _judge(self, name: str, outcomes: Sequence[Accepted | Refused], now: datetime) -> _Alarm | None:
        """What one send says about its channel: it fails, should go slower, or works."""
        refusals = [one for one in outcomes if isinstance(one, Refused)]
        contract = self.channels.rate(name)
        if contract is not None and any(one.throttled for one in refusals):
            lines.throttled(name, contract, now)
            refusals = [one for one in refusals if not one.throttled]
        at_fault = next((one for one in refusals if one.policy is Policy.CHANNEL), None)
        is_down = len(refusals) == len(outcomes) and all(one.policy in _LINE_FAULTS for one in refusals)
        if not at_fault and not is_down:
            lines.works(name)
            return None
        line = lines.failed(name, _error(at_fault or refusals[0]), now, at_fault=bool(at_fault))
        if line.alerted_at != now:
            return None
        return "channel_paused", {"channel": name, "reason": line.reason, "until": str(line.paused_until)}

    def _count(self, name: str, left: Sequence[tuple[_Outgoing, Price | None]], now: datetime) -> _Alarm | None:
        """Count what left, or may have left, for the budgets and the bill."""
        if not left:
            return None
        day, prices = self.limits.day_of(now), [price for _, price in left if price]
        if self.limits.number_day is not None:
            ids = {one.caller.id for one, _ in left}
            self._citizens.paces(ids)
            self._citizens.count_texts(ids, day)
        total = Price(prices[0].currency, sum(price.amount for price in prices)) if prices else None
        parts = sum(one.segments for one, _ in left)
        lines.spend(day, name, len(left), parts, total)
        if self.limits.day is None:
            return None
        spent, share = self._spent(now), self.limits.day * ALERT_SHARE
        if not spent - parts < share <= spent:
            return None
        return "budget_nearly_spent", {"day": day, "segments": spent, "budget": self.limits.day}

    def _price(self, one: _Outgoing, outcome: Accepted | Refused) -> Price | None:
        """What the network says that it costs, else by the tariff."""
        named = parse_cost(outcome.cost) if isinstance(outcome, Accepted) else None
        tariff = self.limits.tariff
        return named or (tariff._replace(amount=tariff.amount * one.segments) if tariff else None)


def _may_have_left(outcome: Accepted | Refused) -> bool:
    return isinstance(outcome, Accepted) or outcome.policy is Policy.AMBIGUOUS


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
                heartbeat.current_tick() + LEASE_TICKS,
                int(lane),
                to_micros(now),
            )
            fresh = [_claimed(row) for row in taken if row[-1] > to_micros(now)]
            for row in taken:
                if row[-1] <= to_micros(now):
                    _settle_alone(_claimed(row), _Settled(State.EXPIRED, error="too old to send"), now)
        if fresh or not taken:
            return sorted(fresh, key=lambda row: row.id)


def _claimed(row: tuple[Any, ...]) -> Claimed:
    message_id, citizen_id, template, language, body, lane, attempts, resent, channel, tried = row[:10]
    already = tuple(tried.split(",")) if tried else ()
    return Claimed(
        message_id, citizen_id, template, language, bytes(body), lane, attempts, bool(resent), channel, already
    )


def begin(
    rows: Sequence[Claimed],
    channel: str,
    now: datetime,
    admit: Callable[[Sequence[Claimed]], Sequence[Claimed]] = lambda rows: rows,
) -> list[Claimed]:
    """Say that sending begins; the rows that nobody else has begun to send. From here on, silence means "perhaps sent".
    News for who sent STOP since it was claimed stays; the next claim withholds it.

    The lease starts anew, and `attempts` names this try: what is settled later is settled for this try only. `admit`
    has the last word, in the same transaction: it puts back what may not go.
    """
    if not rows:
        return []
    marks = ", ".join("?" * len(rows))
    with database.transaction():
        held = database.rows(
            database.main,
            f"UPDATE message SET state = '{State.SENDING}', attempts = attempts + 1, lease = ?, channel = ? "
            f"WHERE id IN ({marks}) AND state = '{State.CLAIMED}' AND (lane = {int(Lane.RECEIPT)} "
            "OR (SELECT stopped_at FROM citizen WHERE citizen.id = message.citizen_id) IS NULL) "
            "RETURNING id, attempts, resent",
            heartbeat.current_tick() + LEASE_TICKS,
            channel,
            *[row.id for row in rows],
        )
        ours = {row[0]: row[1:] for row in held}
        begun = [replace(row, attempts=ours[row.id][0], resent=bool(ours[row.id][1])) for row in rows if row.id in ours]
        going = list(admit(begun)) if begun else []
        note([Step(row.id, State.SENDING, channel) for row in going], now)
    return going


def _end_here(staying: Sequence[tuple[Claimed, _Settled | Hold]], now: datetime) -> int:
    """Settle what is not sent now, at once: many may wait for one channel. How many were not put back."""
    if not staying:
        return 0
    with database.transaction():
        for row, why in staying:
            if isinstance(why, _Settled):
                _settle_alone(row, why, now)
            else:
                _hold(row, why, now)
    return sum(isinstance(why, _Settled) or why.until is None for _, why in staying)


def _hold(row: Claimed, hold: Hold, now: datetime, tries: int = 0) -> None:
    """Put a message back that nobody sent, as if it had not been touched; or withhold it for good.

    `tries`: how often `attempts` was counted up for it since it was claimed.
    """
    with database.transaction():
        held = database.run(
            database.main,
            "UPDATE message SET state = ?, lease = NULL, due_at = COALESCE(?, due_at), error = ?, attempts = ?, "
            "channel = ?, settled_at = ? WHERE id = ? AND attempts = ? "
            f"AND state IN ('{State.CLAIMED}', '{State.SENDING}')",
            str(State.QUEUED if hold.until else State.WITHHELD),
            to_micros(hold.until) if hold.until else None,
            hold.why,
            row.attempts - tries,
            row.channel,
            None if hold.until else to_micros(now),
            row.id,
            row.attempts,
        ).rowcount
        if held and hold.until is None:
            note([Step(row.id, State.WITHHELD, detail=hold.why)], now)


def sweep(now: datetime) -> int:
    """Free what dead workers held, give up waiting for reports that never came, and let go what a clock that was
    ahead put off. How many rows moved."""
    with database.transaction():
        tick = heartbeat.current_tick()
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
            doubt = _ambiguous(held, now, "the worker died while sending", None, held.channel)
            _settle_alone(held, doubt, now, among=(State.SENDING,))
        silent = database.rows(
            database.main,
            f"UPDATE message SET state = '{State.UNKNOWN}', settled_at = ? WHERE {_AWAITED} AND id IN "
            f"(SELECT id FROM message WHERE {_AWAITED} AND sent_at < ? ORDER BY sent_at LIMIT {_SWEPT}) RETURNING id",
            to_micros(now),
            to_micros(now - reports.REPORT_WINDOW),
        )
        note([Step(message_id, State.UNKNOWN, detail="no report in 72 hours") for (message_id,) in silent], now)
        early = database.run(
            database.main,
            "UPDATE message SET due_at = ? "
            f"WHERE lane IS NOT NULL AND state = '{State.QUEUED}' AND due_at > ? AND created_at > ?",
            to_micros(now),
            to_micros(now),
            to_micros(now + _CLOCK_WAS_AHEAD),
        ).rowcount
    return int(freed) + len(lost) + len(silent) + int(early) + reports.match_late(now)


def _ambiguous(row: Claimed, now: datetime, error: str, code: str | None, channel: str | None) -> _Settled:
    """It may have gone out. A receipt is worth a second try, once, and says so in its row; the rest waits for word.

    The second try takes the same channel: this one is in doubt, and no reason to think better of another.
    """
    if row.lane == Lane.RECEIPT and not row.resent:
        due_at = now + _FIRST_BACKOFF
        return _Settled(State.QUEUED, due_at=due_at, error=error, code=code, resent=True, channel=channel)
    return _Settled(State.SENDING, error=error, code=code, channel=channel)


def _settle_alone(row: Claimed, settled: _Settled, now: datetime, among: Sequence[State] = _OPEN) -> None:
    """Write what became of one row apart from any send, and note it."""
    with database.transaction():
        if _write(row, settled, now, among):
            note([Step(row.id, settled.state, settled.channel, settled.code or settled.error)], now)


def _write(
    row: Claimed,
    settled: _Settled,
    now: datetime,
    among: Sequence[State] = _OPEN,
    provider: str | None = None,
    sent: _Outgoing | None = None,
) -> bool:
    """Write what became of a row, if the network has not spoken about it yet and nobody has begun another try since.

    "Taken" is the network's word, whichever try brought it: it stands against a later try and calls off a waiting one.
    A row left in SENDING keeps no lease: only a report or 72 h can move it. One that goes back to the queue leaves
    through the channel named here and no other, or through any; else it keeps the one it was sent through.
    """
    sealed = sent.caller.key.seal("message.sent", row.id, sent.mt.text) if sent else None
    taken, queued = settled.state is State.SUBMITTED, settled.state is State.QUEUED
    changed = database.run(
        database.main,
        "UPDATE message SET state = ?, lease = NULL, due_at = COALESCE(?, due_at), provider = COALESCE(?, provider), "
        "provider_id = COALESCE(?, provider_id), cost = COALESCE(?, cost), error = ?, resent = (resent OR ?), "
        "sent = COALESCE(?, sent), segments = COALESCE(?, segments), sent_at = COALESCE(sent_at, ?), settled_at = ?, "
        f"channel = {'?' if queued else 'COALESCE(?, channel)'}, tried = ? "
        f"WHERE id = ? AND attempts {'>=' if taken else '='} ? AND state IN ({', '.join('?' * len(among))})",
        str(settled.state),
        to_micros(settled.due_at) if settled.due_at else None,
        provider if settled.provider_id else None,
        fit(Message.provider_id, settled.provider_id),
        fit(Message.cost, settled.cost),
        fit(Message.error, settled.error),
        settled.resent,
        sealed,
        sent.segments if sent else None,
        to_micros(now) if settled.state in (State.SENDING, State.SUBMITTED) else None,
        to_micros(now) if settled.state in FINALS else None,
        settled.channel,
        fit(Message.tried, ",".join(settled.tried)),
        row.id,
        row.attempts,
        *map(str, among),
    ).rowcount
    return bool(changed)


def depth(now: datetime) -> tuple[int, int]:
    """How many messages wait to go out, and how many of them are due now."""
    (row,) = database.rows(
        database.main,
        "SELECT COUNT(*), COALESCE(SUM(CASE WHEN due_at <= ? THEN 1 ELSE 0 END), 0) FROM message "
        f"WHERE lane IS NOT NULL AND state = '{State.QUEUED}'",
        to_micros(now),
    )
    return int(row[0]), int(row[1])


def anything_due(now: datetime, lanes: Collection[Lane] = tuple(Lane)) -> bool:
    """Whether a worker would find something to send in these lanes; by index, whatever the size of the table."""
    return any(
        database.rows(
            database.main,
            f"SELECT 1 FROM message WHERE lane = ? AND state = '{State.QUEUED}' AND due_at <= ? LIMIT 1",
            int(lane),
            to_micros(now),
        )
        for lane in lanes
    )
