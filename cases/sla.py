"""The working-minutes clock: when is a case due, counted on the calendar of the office that owes the answer. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from packs.model import Calendar

_DAY = timedelta(days=1)
# A calendar without a single working interval in two years is a mistake in the pack, not a long weekend.
_SEARCH_DAYS = 731


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
        left -= max(closes - begin, timedelta(0))
    raise NoWorkingTime(f"calendar {calendar.code!r} has no working time in the two years after {start:%Y-%m-%d}")


def _intervals(calendar: Calendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The working intervals that end after `start`, in order, in UTC."""
    zone = ZoneInfo(calendar.zone)
    day = start.astimezone(zone).date()
    for _ in range(_SEARCH_DAYS):
        if day not in calendar.holidays:
            for first, last in calendar.hours.get(day.weekday(), ()):
                opens, closes = _moment(day, first, zone), _moment(day, last, zone)
                if closes > start:
                    yield opens, closes
        day += _DAY


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Minute `minute` (0–1440) of a local day, in UTC."""
    day += _DAY * (minute // 1440)
    return datetime.combine(day, time(minute % 1440 // 60, minute % 60), zone).astimezone(UTC)
