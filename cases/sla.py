"""The working-minutes clock: when is a case due, counted on the calendar of the office that owes the answer. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from packs.model import Calendar

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
# A calendar without a single working interval in two years is a mistake in the pack, not a long weekend.
_SEARCH_DAYS = 731

Interval = tuple[datetime, datetime]


class NoWorkingTime(Exception):
    """The calendar has no working time within two years of the start."""


def due(calendar: Calendar, start: datetime, minutes: int) -> datetime:
    """The moment when `minutes` working minutes have passed since `start` (aware); in UTC.

    Time outside the calendar's hours and on its holidays does not count. Local clock changes are honoured: an interval
    is measured in real minutes, from its local start to its local end.
    """
    start, left = start.astimezone(UTC), timedelta(minutes=minutes)
    for opens, closes in _intervals(calendar, start):
        begin = max(opens, start)
        if closes - begin >= left:
            return begin + left
        left -= closes - begin
    raise NoWorkingTime(f"calendar {calendar.code!r} has no working time for two years, seen from {start:%Y-%m-%d}")


def elapsed(calendar: Calendar, start: datetime, end: datetime) -> int:
    """The whole working minutes between two moments (aware); 0 where `end` is not later. The inverse of `due`."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    worked = timedelta(0)
    for opens, closes in _intervals(calendar, start):
        if max(opens, start) >= end:
            break
        worked += min(closes, end) - max(opens, start)
    return worked // _MINUTE


def next_opening(calendar: Calendar, moment: datetime) -> datetime:
    """`moment` itself if the office is open then, else when it opens next; in UTC."""
    return due(calendar, moment, 0)


def end_of_next_day(calendar: Calendar, moment: datetime) -> datetime:
    """When the office closes on its first working day after the local day of `moment`; in UTC."""
    zone = ZoneInfo(calendar.zone)
    midnight = datetime.combine(moment.astimezone(zone).date() + _DAY, time(), zone)
    opens = next_opening(calendar, midnight).astimezone(zone)
    last_minute = max(end for _, end in calendar.hours[opens.weekday()])
    return _moment(opens.date(), last_minute, zone)


def _intervals(calendar: Calendar, start: datetime) -> Iterator[Interval]:
    """The working intervals that end after `start`, in order, in UTC, until there was none for two years."""
    day = start.astimezone(ZoneInfo(calendar.zone)).date()
    idle = 0
    while idle < _SEARCH_DAYS:
        idle += 1
        hours = calendar.hours.get(day.weekday(), ())
        if hours and day not in calendar.holidays:
            for opens, closes in _opening(calendar.zone, hours, day):
                if closes > start:
                    idle = 0
                    yield opens, closes
        day += _DAY


@lru_cache(maxsize=8_192)  # some calendars × the days of a few years: every case of a day asks for the same
def _opening(zone: str, hours: tuple[tuple[int, int], ...], day: date) -> tuple[Interval, ...]:
    """The intervals of one local day in UTC. On the day of a clock change one may be empty: it is left out."""
    local = ZoneInfo(zone)
    spans = ((_moment(day, first, local), _moment(day, last, local)) for first, last in hours)
    return tuple((opens, closes) for opens, closes in spans if closes > opens)


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Minute `minute` (0–1440) of a local day, in UTC."""
    day += _DAY * (minute // 1440)
    return datetime.combine(day, time(minute % 1440 // 60, minute % 60), zone).astimezone(UTC)
