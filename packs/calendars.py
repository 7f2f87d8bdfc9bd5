"""When offices work: hours from calendars.toml, public holidays from the library, corrected by holidays.csv."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from packs.model import Calendar
from packs.reading import Reading, Table, day, one_of, required
from packs.sheet import Columns

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FILE: Final = "calendars.toml"
CORRECTIONS: Final = "holidays.csv"
_INTERVAL: Final = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)")

Intervals = tuple[tuple[int, int], ...]


def _intervals(value: str) -> str:
    parse_hours(value)
    return value


Hours = Annotated[str, AfterValidator(_intervals)]


class HolidaysTable(Table):
    """Which holidays the library is asked for; `years` are the first and the last."""

    country: str
    years: tuple[int, int]
    categories: list[str] = Field(min_length=1)


class CalendarTable(Table):
    """Opening hours by day, as "08:00-13:00 14:00-17:00"; `holidays` says whether it closes on holidays."""

    holidays: bool
    mon: Hours = ""
    tue: Hours = ""
    wed: Hours = ""
    thu: Hours = ""
    fri: Hours = ""
    sat: Hours = ""
    sun: Hours = ""


class CalendarsFile(Table):
    holidays: HolidaysTable
    calendar: dict[str, CalendarTable]


def parse_hours(value: str) -> Intervals:
    """Minutes of the day from–to, in order. Raises ValueError with a sentence."""
    intervals: list[tuple[int, int]] = []
    for part in value.split():
        found = _INTERVAL.fullmatch(part)
        if not found:
            raise ValueError(f"“{part}” should look like 08:00-13:00")
        start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        if not start < end <= 24 * 60:
            raise ValueError(f"“{part}” does not end after it starts, on the same day")
        if intervals and start < intervals[-1][1]:
            raise ValueError(f"“{part}” begins before the interval ahead of it ends")
        intervals.append((start, end))
    return tuple(intervals)


def read_calendars(reading: Reading, zone: str) -> tuple[Mapping[str, Calendar], tuple[int, int]]:
    """The calendars by code, and the first and last year whose holidays they know."""
    table = reading.toml(FILE, CalendarsFile)
    if table is None:
        return {}, (0, 0)
    closed = _holidays(reading, table.holidays)
    calendars = {code: _calendar(reading, code, zone, given, closed) for code, given in table.calendar.items()}
    return calendars, table.holidays.years


def _calendar(reading: Reading, code: str, zone: str, given: CalendarTable, closed: frozenset[date]) -> Calendar:
    days = enumerate(parse_hours(getattr(given, name)) for name in DAYS)
    hours = {number: intervals for number, intervals in days if intervals}
    if not hours:
        reading.fault(FILE, "it has no opening hours on any day.", key=f"calendar.{code}")
    return Calendar(code, zone, hours, closed if given.holidays else frozenset())


def _holidays(reading: Reading, asked: HolidaysTable) -> frozenset[date]:
    import holidays  # noqa: PLC0415  a third of a second, and only those who load a pack need it

    first, last = asked.years
    if not 2000 <= first <= last <= 2100:
        reading.fault(FILE, f"{first} to {last} is no span of years.", key="holidays.years")
        return frozenset()
    try:
        known = holidays.country_holidays(
            asked.country, years=range(first, last + 1), categories=tuple(asked.categories)
        )
    except (NotImplementedError, ValueError) as error:
        reading.fault(FILE, f"the library of holidays says: {error}", key="holidays")
        return frozenset()
    return frozenset(_corrected(reading, set(known), range(first, last + 1)))


def _corrected(reading: Reading, closed: set[date], years: range) -> set[date]:
    for row in reading.sheet(CORRECTIONS, Columns(("date", "action", "name", "source"))):
        when, action = day(row, "date"), one_of(row, "action", ("add", "remove"))
        required(row, "name")
        required(row, "source")
        if when is None:
            continue
        if when.year not in years:
            row.fault("date", f"{when} is outside the years {years[0]} to {years[-1]} of {FILE}.")
        elif action == "remove" and when not in closed:
            row.fault("date", f"{when} is no holiday, so there is nothing to remove.")
        (closed.add if action == "add" else closed.discard)(when)
    return closed


def known_zone(zone: str) -> str:
    """`zone` itself. Raises ValueError if it is no IANA time zone."""
    if zone not in available_timezones():
        raise ValueError(f"“{zone}” is no time zone; Africa/Nairobi would be one")
    return zone
