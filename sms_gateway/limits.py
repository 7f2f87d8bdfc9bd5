"""How much may be sent, when, and how fast. Pure: figures in, verdicts out.

What a citizen waits for (a receipt) is held back last, what goes to many first: by night, by the day's budget of the
house, and by the day's budget of one number.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import IntEnum
from typing import Final, NamedTuple, Self


class Lane(IntEnum):
    """Who goes first: the receipt a citizen waits for, news of a case, then everything sent to many."""

    RECEIPT = 0
    STATUS = 1
    BULK = 2


SPACING: Final = timedelta(seconds=3)  # between two messages to one number: handsets keep the order, loops stay slow
KEPT_FOR_RECEIPTS: Final = 3  # of a number's budget for a day
# Parts of the day's budget in all at which a lane ends
SHARE: Final = {Lane.RECEIPT: 1.2, Lane.STATUS: 1.0, Lane.BULK: 0.8}
ALERT_SHARE: Final = 0.8
TOO_SOON: Final = "too soon after another message"
_OVER: Final = "over the number's budget of the day"

_MARGIN: Final = 0.8  # of the contract's rate: who goes to the limit is throttled by the network's own jitter
_BURST_S: Final = 0.2  # what a channel may send at once, in seconds of its contract: margin + burst = contract
_SKEW: Final = timedelta(minutes=1)
_SLOWEST: Final = 1 / 16  # of the full rate
_STEP_A_MINUTE: Final = 0.1  # of the full rate, by which a throttled channel becomes faster again

MICROS: Final = 10_000  # parts of the currency in which money is counted: tariffs have four decimals


class Price(NamedTuple):
    """An amount in 1/10,000 of a currency."""

    currency: str
    amount: int

    def __str__(self) -> str:
        return f"{self.currency} {self.amount / MICROS:.4f}"


def parse_cost(text: str | None) -> Price | None:
    """A network's word for what a message cost ("KES 0.8000"); None for what is no price."""
    found = _PRICE.fullmatch((text or "").strip())
    return Price(found[1].upper(), round(float(found[2]) * MICROS)) if found else None


_PRICE: Final = re.compile(r"([A-Za-z]{3})\s*(\d{1,6}(?:\.\d{1,8})?)")


@dataclass(frozen=True, slots=True)
class Quiet:
    """The hours of the night, from `start` until `end` o'clock, in which nobody is woken for news."""

    start: int
    end: int

    def __contains__(self, hour: int) -> bool:
        if self.start <= self.end:
            return self.start <= hour < self.end
        return hour >= self.start or hour < self.end


class Pace(NamedTuple):
    """What one number got of late: when the last message left, and how many left on its `day` (ISO)."""

    sent_at: datetime | None = None
    day: str | None = None
    messages: int = 0


class Hold(NamedTuple):
    """Why a message does not go now: not before `until`, or, without it, never."""

    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a house; without figures there are none."""

    spacing: timedelta = timedelta(0)
    number_day: int | None = None  # messages to one number in a day
    day: int | None = None  # parts (segments) in all in a day: they are what is paid for
    quiet: Quiet | None = None
    zone: Callable[[], tzinfo] = lambda: UTC  # where the day and the night are
    tariff: Price | None = None  # of one part, where the network names no price

    def day_of(self, now: datetime) -> str:
        """The day that `now` counts for, ISO."""
        return now.astimezone(self.zone()).date().isoformat()

    @property
    def by_number(self) -> bool:
        """Whether it matters what a number got before."""
        return bool(self.spacing) or self.number_day is not None

    def lanes(self, now: datetime, spent: int) -> dict[Lane, int]:
        """The lanes that may go now, most urgent first, each with the parts that it may still send today.

        `spent`: parts sent today.
        """
        is_night = self.quiet is not None and now.astimezone(self.zone()).hour in self.quiet
        left = {lane: self._left(lane, spent) for lane in Lane if lane is Lane.RECEIPT or not is_night}
        return {lane: parts for lane, parts in left.items() if parts > 0}

    def _left(self, lane: Lane, spent: int) -> int:
        return sys.maxsize if self.day is None else int(self.day * SHARE[lane]) - spent

    def hold(self, pace: Pace, lane: Lane, now: datetime) -> Hold | None:
        """Whether one more message to a number must wait, or stay away; None: it may go.

        Over the day's budget an answer is withheld, since tomorrow it answers nothing; news wait for tomorrow.
        """
        if pace.sent_at is not None and timedelta(0) <= now - pace.sent_at < self.spacing:
            return Hold(pace.sent_at + self.spacing, TOO_SOON)
        if self.number_day is None or pace.day != self.day_of(now):
            return None
        if lane is Lane.RECEIPT:
            return Hold(None, _OVER) if pace.messages >= self.number_day else None
        if pace.messages >= max(self.number_day - KEPT_FOR_RECEIPTS, 0):
            return Hold(self._tomorrow(now), _OVER)
        return None

    def _tomorrow(self, now: datetime) -> datetime:
        zone = self.zone()
        day = now.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(day, time(), zone).astimezone(UTC)


NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Bucket:
    """The tokens of one channel: a message part costs one. In no second do more leave than the contract allows.

    A network that says "slower" halves the rate; it grows back by a tenth of the full rate a minute.
    """

    contract: float  # parts a second
    tokens: float
    counted_at: datetime
    slowed_to: float | None = None  # the rate right after the last "slower"
    slowed_at: datetime | None = None

    @classmethod
    def new(cls, contract: float, now: datetime) -> Self:
        return cls(contract, max(1.0, contract * _BURST_S), now)

    @property
    def size(self) -> float:
        """The most that it holds."""
        return max(1.0, self.contract * _BURST_S)

    def rate(self, now: datetime) -> float:
        """Parts a second that it gains now."""
        full = self.contract * _MARGIN
        if self.slowed_to is None or self.slowed_at is None:
            return full
        minutes = max((now - self.slowed_at).total_seconds(), 0.0) / 60
        return min(full, self.slowed_to + full * _STEP_A_MINUTE * minutes)

    def at(self, now: datetime) -> Self:
        """With what it has gained until now.

        Processes read the clock before they get here: a little back is no gain. A clock set back counts anew.
        """
        if timedelta(0) < self.counted_at - now <= _SKEW:
            return self
        seconds = max((now - self.counted_at).total_seconds(), 0.0)
        return replace(self, tokens=min(self.size, self.tokens + seconds * self.rate(now)), counted_at=now)

    def less(self, parts: int) -> Self:
        """With so many tokens taken; a message of several parts may leave a debt."""
        return replace(self, tokens=self.tokens - parts)

    def slower(self, now: datetime) -> Self:
        """After the network's "slower": empty, and at half its rate."""
        slowest = self.contract * _MARGIN * _SLOWEST
        return replace(self, tokens=0.0, counted_at=now, slowed_to=max(self.rate(now) / 2, slowest), slowed_at=now)

    def wait(self, parts: int, now: datetime) -> timedelta:
        """How long until it holds so many tokens, or is full."""
        missing = min(self.size, parts) - self.at(now).tokens
        return timedelta(seconds=max(missing, 0.0) / self.rate(now))


@dataclass(frozen=True, slots=True)
class Rest:
    """How long a channel is left alone when it fails: doubled each time it fails again, up to an hour or less."""

    first: timedelta
    longest: timedelta

    def after(self, last: timedelta) -> timedelta:
        return min(max(self.first, 2 * last), self.longest)


# A line that is down comes back by itself; an account or a link that is at fault needs somebody to look at it.
LINE_DOWN: Final = Rest(timedelta(seconds=5), timedelta(minutes=5))
CHANNEL_FAULT: Final = Rest(timedelta(minutes=5), timedelta(hours=1))
FAILURES_TO_ALERT: Final = 3  # of a line in a row; a fault of the channel is told at once
