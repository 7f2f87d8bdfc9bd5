"""Fetches what citizens sent from networks that can be asked for it: after an outage, or because they never call us.

What is fetched goes the way of a callback, so what a callback brought already is known by its id. The cursor moves once
everything before it is stored: whoever dies in between fetches the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from peewee import CharField, DataError, TextField

from sms_gateway import reports
from sms_gateway.gateway import Gateway, GatewayFault, Mo, Pollable, Polled
from store import database
from store.model import Model, UtcField, new_id, node_name, to_micros

# How long to leave a network in peace whose callbacks bring nearly everything. A spool on this box is read each time.
EVERY: Final[Mapping[str, timedelta]] = {"africastalking": timedelta(minutes=10)}
GAP: Final = timedelta(minutes=1)  # between two looks: the box was off or stood still, and callbacks found nobody
_FIRST_BACKOFF: Final = timedelta(seconds=10)
_LONGEST_BACKOFF: Final = timedelta(minutes=10)


class PollCursor(Model):
    """How far a channel was read: all before it is stored."""

    channel = CharField(max_length=24, unique=True)
    cursor = TextField()
    polled_at = UtcField()

    class Meta:
        table_name = "poll_cursor"


@dataclass(slots=True)
class _Watched:
    gateway: Pollable
    every: timedelta
    due_at: datetime | None = None  # None: now
    failures: int = 0


class Polling:
    """Looks after the channels that can be polled; the relay lets it look every few seconds.

    `receive` takes a message in, idempotent on its id, and raises if it could not be stored (as `Texting.receive`).
    """

    def __init__(
        self,
        gateways: Iterable[Gateway],
        receive: Callable[[Mo, datetime], None],
        log: Callable[..., None],
        every: Mapping[str, timedelta] = EVERY,
    ) -> None:
        self._lines = [
            _Watched(cast(Pollable, gateway), every.get(gateway.name, timedelta()))
            for gateway in gateways
            if gateway.capabilities.polls
        ]
        self._receive, self._log = receive, log
        self._looked_at: datetime | None = None

    def look(self, now: datetime) -> int:
        """Poll the channels whose time has come; at the first look and after a gap, all. How many messages came.

        A channel that cannot be asked is told of once and left alone for a while, longer each time. What else goes
        wrong is raised, and tried again ten seconds later.
        """
        if self._looked_at is None or not timedelta() <= now - self._looked_at <= GAP:
            for line in self._lines:
                line.due_at = None
        self._looked_at = now
        return sum(self._poll(line, now) for line in self._lines if line.due_at is None or line.due_at <= now)

    def _poll(self, line: _Watched, now: datetime) -> int:
        name = line.gateway.name
        line.due_at = now + min(_FIRST_BACKOFF * 2 ** min(line.failures, 10), _LONGEST_BACKOFF)
        try:
            before = _cursor(name)
            polled = line.gateway.poll(before)
        except GatewayFault as fault:
            if not line.failures:
                self._log("poll_failed", channel=name, fault=str(fault))
            line.failures += 1
            return 0
        if line.failures:
            self._log("poll_works_again", channel=name, failures=line.failures)
            line.failures = 0
        self._store(polled, now)
        if polled.cursor != before:
            _move(name, polled.cursor, now)
        line.due_at = now if polled.cursor != before else now + line.every
        return len(polled.messages)

    def _store(self, polled: Polled, now: datetime) -> None:
        for mo in polled.messages:
            try:
                self._receive(mo, now)
            except DataError as fault:  # no column holds it, now or ever: the others need not wait for it
                self._log("polled_message_not_stored", provider=mo.provider, message=mo.provider_id, fault=repr(fault))
        for report in polled.reports:
            reports.report(report, now)


def _cursor(channel: str) -> str:
    found = PollCursor.select(PollCursor.cursor).where(PollCursor.channel == channel).first()
    return found.cursor if found else ""


def _move(channel: str, cursor: str, now: datetime) -> None:
    database.run(
        database.main,
        "INSERT INTO poll_cursor (id, node, channel, cursor, polled_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (channel) DO UPDATE SET cursor = excluded.cursor, polled_at = excluded.polled_at",
        new_id(),
        node_name(),
        channel,
        cursor,
        to_micros(now),
    )
