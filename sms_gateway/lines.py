"""What is known of each channel, by all processes at once: failures and pauses, tokens, and what was spent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sms_gateway.limits import CHANNEL_FAULT, FAILURES_TO_ALERT, LINE_DOWN, Bucket, Price
from store import database
from store.model import from_micros, new_id, node_name, to_micros


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of one channel. `reason` says why it is paused, or how it failed last."""

    name: str
    paused_until: datetime | None = None
    reason: str | None = None
    failures: int = 0  # in a row
    failed_at: datetime | None = None
    alerted_at: datetime | None = None
    tokens: float | None = None
    counted_at: datetime | None = None
    slowed_to: float | None = None
    slowed_at: datetime | None = None

    def is_paused(self, now: datetime) -> bool:
        """Whether nothing goes through it now. A failure that lies ahead was noted by a clock that was put back."""
        was_ahead = self.failed_at is not None and self.failed_at > now + _SKEW
        return self.paused_until is not None and now < self.paused_until and not was_ahead

    def is_well(self, now: datetime) -> bool:
        """Whether an operator need not look at it."""
        return self.alerted_at is None and not self.is_paused(now)

    def bucket(self, contract: float, now: datetime) -> Bucket:
        """Its tokens now."""
        if self.tokens is None or self.counted_at is None:
            return Bucket.new(contract, now)
        return Bucket(contract, self.tokens, self.counted_at, self.slowed_to, self.slowed_at).at(now)

    @property
    def last_rest(self) -> timedelta:
        """How long it was last left alone for a failure that it has not recovered from."""
        if not self.failures or self.failed_at is None or self.paused_until is None:
            return timedelta(0)
        return max(self.paused_until - self.failed_at, timedelta(0))


@dataclass(frozen=True, slots=True)
class Spent:
    """What left through a channel in a day; `cost` in 1/10,000 of `currency` (None: no price was ever named)."""

    channel: str
    messages: int
    segments: int
    cost: int
    currency: str | None


_SKEW: Final = timedelta(minutes=1)  # processes read the clock before they get here

_COLUMNS: Final = (
    "name, paused_until, reason, failures, failed_at, alerted_at, tokens, counted_at, slowed_to, slowed_at"
)


def states(names: Collection[str]) -> dict[str, Line]:
    """What is known of these channels, by name; of one that never failed nor had a limit: nothing yet."""
    return _read(names)


def pause(name: str, reason: str, until: datetime) -> None:
    """Stop sending through a channel until then, because somebody wants it so; `/readyz` says why."""
    _save(name, paused_until=to_micros(until), reason=reason, failures=0, failed_at=None, alerted_at=None)


def resume(name: str) -> None:
    """Send through a channel again at once, as if it had never failed."""
    _save(name, paused_until=None, reason=None, failures=0, failed_at=None, alerted_at=None)


def failed(name: str, reason: str, now: datetime, *, at_fault: bool) -> Line:
    """A send failed and it was not the recipient's fault: the channel rests, longer each time; what is now known of it.

    `at_fault`: the account or the link (a wrong key, no credit). That is told at once (`alerted_at` is `now`), a line
    that is merely down when it failed three times in a row. In the caller's transaction.
    """
    line = _held(name)
    if line.is_paused(now) and not line.failures:  # somebody paused it while this was on its way: that stands
        return line
    rest = (CHANNEL_FAULT if at_fault else LINE_DOWN).after(line.last_rest)
    is_news = line.alerted_at is None and (at_fault or line.failures + 1 >= FAILURES_TO_ALERT)
    until = max(now + rest, line.paused_until if line.paused_until and line.is_paused(now) else now)
    _save(
        name,
        paused_until=to_micros(until),
        reason=reason,
        failures=line.failures + 1,
        failed_at=to_micros(now),
        **({"alerted_at": to_micros(now)} if is_news else {}),
    )
    return _held(name)


def works(name: str) -> None:
    """A channel that had failed took messages again. A pause that somebody ordered meanwhile stands."""
    database.run(
        database.main,
        "UPDATE channel SET failures = 0, failed_at = NULL, alerted_at = NULL, paused_until = NULL, reason = NULL "
        "WHERE name = ? AND failures > 0",
        name,
    )


def throttled(name: str, contract: float, now: datetime) -> None:
    """The network said "slower". In the caller's transaction."""
    _save_bucket(name, _held(name).bucket(contract, now).slower(now))


def take(name: str, contract: float, sizes: Sequence[int], now: datetime) -> int:
    """Take tokens for messages of so many parts each, in order; how many of them may go now.

    In the caller's transaction: no other process takes the same tokens.
    """
    bucket, taken = _held(name).bucket(contract, now), 0
    while taken < len(sizes) and bucket.tokens >= 1:
        bucket, taken = bucket.less(sizes[taken]), taken + 1
    _save_bucket(name, bucket)
    return taken


def spend(day: str, channel: str, messages: int, segments: int, price: Price | None) -> None:
    """Count what left. In the caller's transaction."""
    database.run(
        database.main,
        "INSERT INTO spend (id, node, day, channel, messages, segments, cost, currency) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, channel) DO UPDATE SET "
        "messages = spend.messages + excluded.messages, "
        "segments = spend.segments + excluded.segments, cost = spend.cost + excluded.cost, "
        "currency = COALESCE(excluded.currency, spend.currency)",
        new_id(),
        node_name(),
        day,
        channel,
        messages,
        segments,
        price.amount if price else 0,
        price.currency if price else None,
    )


def spent(day: str) -> list[Spent]:
    """What left on that day (ISO), by channel."""
    found = database.rows(
        database.main,
        "SELECT channel, messages, segments, cost, currency FROM spend WHERE day = ? ORDER BY channel",
        day,
    )
    return [Spent(*row) for row in found]


def _held(name: str) -> Line:
    """What is known of a channel, which nobody else changes until the transaction ends."""
    if not database.is_postgres():
        return _read([name])[name]
    line = _read([name], "FOR UPDATE")[name]
    if line != Line(name):
        return line
    database.run(  # a row that is missing cannot be held
        database.main,
        "INSERT INTO channel (id, node, name, failures) VALUES (?, ?, ?, 0) ON CONFLICT (name) DO NOTHING",
        new_id(),
        node_name(),
        name,
    )
    return _read([name], "FOR UPDATE")[name]


def _read(names: Collection[str], lock: str = "") -> dict[str, Line]:
    if not names:
        return {}
    found = database.rows(
        database.main,
        f"SELECT {_COLUMNS} FROM channel WHERE name IN ({', '.join('?' * len(names))}) {lock}",
        *names,
    )
    known = {row[0]: _line(row) for row in found}
    return {name: known.get(name, Line(name)) for name in names}


def _line(row: Sequence[Any]) -> Line:
    name, paused, reason, failures, failed_at, alerted, tokens, counted, slowed_to, slowed_at = row
    return Line(
        name=name,
        paused_until=_moment(paused),
        reason=reason,
        failures=failures,
        failed_at=_moment(failed_at),
        alerted_at=_moment(alerted),
        tokens=tokens,
        counted_at=_moment(counted),
        slowed_to=slowed_to,
        slowed_at=_moment(slowed_at),
    )


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _save_bucket(name: str, bucket: Bucket) -> None:
    _save(
        name,
        tokens=bucket.tokens,
        counted_at=to_micros(bucket.counted_at),
        slowed_to=bucket.slowed_to,
        slowed_at=to_micros(bucket.slowed_at) if bucket.slowed_at else None,
    )


def _save(name: str, **values: Any) -> None:
    """Write some columns of a channel's row, which is made if it is missing."""
    known: Mapping[str, Any] = {"id": new_id(), "node": node_name(), "name": name, "failures": 0, **values}
    changes = ", ".join(f"{column} = excluded.{column}" for column in values)
    database.run(
        database.main,
        f"INSERT INTO channel ({', '.join(known)}) VALUES ({', '.join('?' * len(known))}) "
        f"ON CONFLICT (name) DO UPDATE SET {changes}",
        *known.values(),
    )
