"""How far an office is behind, and whether an operator should know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from packs.model import Calendar, Exchange, Pack
from store import database
from store.model import from_micros
from sync import held, links, outbound, slots
from sync.links import Link

LINK_ALARM: Final = timedelta(hours=24)  # that a link may fail
DAYS_ALARM: Final = 1  # working days that an office may be behind


@dataclass(frozen=True, slots=True)
class Lag:
    """How it stands with one office."""

    agency: str
    transport: str
    link: Link
    last_file: str | None  # the newest that was delivered
    delivered_at: datetime | None
    waiting: int  # rows that are in no event file yet
    undelivered: int  # files that still have to go
    days: int  # working days since the oldest of what should have been done
    error: str | None
    held: int  # rows of the office's that wait for their case
    review: int  # rows of the office's that a supervisor has to look at
    alarms: tuple[str, ...] = ()  # sentences for an operator

    @property
    def word(self) -> str:
        """What anybody may know of it: nothing of addresses."""
        if self.days:
            return f"{_days(self.days)} behind"
        if self.link.failing_since:
            return "not reached; being tried again"
        return "files are missing" if self.link.gaps else "ok"


def lags(pack: Pack, now: datetime) -> list[Lag]:
    """How far each office is behind, those that take part in the schedule."""
    return [of(exchange, pack.exchange_days(exchange), now) for exchange in pack.exchanges.values()]


def of(exchange: Exchange, calendar: Calendar, now: datetime) -> Lag:
    """How it stands with an office; `calendar` has its working days."""
    link, (last, delivered_at) = links.of(exchange.agency), _last_file(exchange.agency)
    undelivered, oldest = _undelivered(exchange.agency)
    due_since, error = _open_slot(exchange.agency)
    # a worklist that did not go makes room for the next: since when nothing goes, the link knows
    failing_since = link.failing_since if undelivered else None
    moments = (oldest, failing_since, due_since, _last_day(exchange.agency))
    since = min((moment for moment in moments if moment), default=now)
    days = slots.days_since(calendar, exchange.local_time, since, now)
    return Lag(
        agency=exchange.agency,
        transport=exchange.transport,
        link=link,
        last_file=last,
        delivered_at=delivered_at,
        waiting=outbound.waiting(exchange.agency) if "events" in exchange.files else 0,
        undelivered=undelivered,
        days=days,
        error=link.error or error,
        alarms=_alarms(link, days, now),
        **held.counts(exchange.agency),
    )


def _alarms(link: Link, days: int, now: datetime) -> tuple[str, ...]:
    alarms = []
    if days >= DAYS_ALARM:
        alarms.append(f"It is {_days(days)} behind.")
    if link.failing_since and now - link.failing_since > LINK_ALARM:
        alarms.append(f"It cannot be reached since {link.failing_since:%Y-%m-%d %H:%M} UTC: {link.error}")
    if link.gaps:
        missing = ", ".join(map(str, link.gaps[:10]))
        alarms.append(f"Update files of its are missing, by number: {missing}{' …' if link.gaps[10:] else ''}.")
    return tuple(alarms)


def _days(number: int) -> str:
    return f"{number} working day{'s' * (number != 1)}"


def _last_file(agency: str) -> tuple[str | None, datetime | None]:
    newest = (
        "SELECT name, delivered_at FROM exchange_file WHERE agency = ? AND direction = 'out' AND state = 'delivered' "
        "AND kind IN ('events', 'work') ORDER BY delivered_at DESC, name LIMIT 1"
    )
    found = database.rows(database.main, newest, agency)
    return (found[0][0], from_micros(found[0][1])) if found else (None, None)


def _undelivered(agency: str) -> tuple[int, datetime | None]:
    """How many files still have to go, and when the oldest was made."""
    undelivered = "SELECT COUNT(*), MIN(made_at) FROM exchange_file WHERE agency = ? AND direction = 'out'"
    ((count, oldest),) = database.rows(database.main, f"{undelivered} AND state = 'made'", agency)
    return count, None if oldest is None else from_micros(oldest)


def _last_day(agency: str) -> datetime | None:
    """When the newest day was noted: were the relay to stand still, no day would be due any more."""
    newest = slots.newest_of(agency)
    return newest.due_at if newest and newest.is_day else None


def _open_slot(agency: str) -> tuple[datetime | None, str | None]:
    """Since when a slot was not run to its end, and why."""
    oldest = "SELECT due_at, error FROM exchange_slot WHERE agency = ? AND state IN ('due', 'running')"
    found = database.rows(database.main, f"{oldest} AND slot < 'a' ORDER BY due_at LIMIT 1", agency)
    return (from_micros(found[0][0]), found[0][1]) if found else (None, None)
