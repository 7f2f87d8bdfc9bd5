from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.sla import NoWorkingTime, due, elapsed, end_of_next_day, next_opening
from packs.model import Calendar, Pack

NAIROBI = ZoneInfo("Africa/Nairobi")
DAY_MINUTES = 1440
# London moves its clock at one in the morning, Cairo at midnight, Lord Howe Island by half an hour only.
ZONES = ("Africa/Nairobi", "Europe/London", "Africa/Cairo", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
# Offices open at the full hour, or by day at any minute; never inside the hours that a clock change takes or doubles.
MINUTES = st.one_of(st.sampled_from([0, 24 * 60]), st.integers(3 * 60, 22 * 60))
CHANGES = (
    date(2026, 3, 28),
    date(2026, 4, 4),
    date(2026, 4, 23),
    date(2026, 10, 3),
    date(2026, 10, 24),
    date(2026, 10, 29),
)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Any week: up to three intervals a day, some days free, some holidays."""
    hours = {}
    for weekday in draw(st.sets(st.integers(0, 6), min_size=2)):
        edges = sorted(draw(st.sets(MINUTES, min_size=2, max_size=6)))
        hours[weekday] = tuple(pair for pair in list(pairwise(edges))[::2])
    first = draw(st.sampled_from(CHANGES))
    holidays = draw(st.sets(st.integers(-1, 9).map(lambda days: first + timedelta(days)), max_size=3))
    return Calendar("any", draw(st.sampled_from(ZONES)), hours, frozenset(holidays))


STARTS = st.builds(
    lambda day, minutes, zone: (
        datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minutes)
    ).astimezone(ZoneInfo(zone)),
    st.sampled_from(CHANGES),
    st.integers(-DAY_MINUTES, 4 * DAY_MINUTES),
    st.sampled_from(ZONES),
)


def is_open(calendar: Calendar, local: datetime) -> bool:
    """Whether the minute that the clock on the wall shows is a working one."""
    minute = local.hour * 60 + local.minute
    hours = calendar.hours.get(local.weekday(), ())
    return local.date() not in calendar.holidays and any(first <= minute < last for first, last in hours)


def counted(calendar: Calendar, start: datetime, minutes: int) -> datetime:
    """When a clerk is done who looks at the clock every minute and makes a stroke if the office is open."""
    moment, zone = start.astimezone(UTC), ZoneInfo(calendar.zone)
    while minutes:
        minutes -= is_open(calendar, moment.astimezone(zone))
        moment += timedelta(minutes=1)
    return moment


@given(calendar=calendars(), start=STARTS, minutes=st.integers(1, 1_500))
def test_it_is_due_when_a_clerk_has_counted_the_minutes(calendar: Calendar, start: datetime, minutes: int) -> None:
    assert due(calendar, start, minutes) == counted(calendar, start, minutes)


@given(calendar=calendars(), start=STARTS, minutes=st.integers(1, 600), more=st.integers(1, 600))
def test_more_minutes_from_the_start_are_more_minutes_from_where_one_was(
    calendar: Calendar, start: datetime, minutes: int, more: int
) -> None:
    assert due(calendar, start, minutes + more) == due(calendar, due(calendar, start, minutes), more)


@given(calendar=calendars(), start=STARTS, later=st.integers(0, 5_000), minutes=st.integers(1, 600))
def test_who_comes_later_is_never_served_sooner(calendar: Calendar, start: datetime, later: int, minutes: int) -> None:
    assert due(calendar, start, minutes) <= due(calendar, start + timedelta(minutes=later), minutes)


def strokes(calendar: Calendar, start: datetime, minutes: int) -> int:
    """How many strokes the clerk has made when that many minutes of the wall clock are over."""
    zone = ZoneInfo(calendar.zone)
    moments = (start.astimezone(UTC) + timedelta(minutes=minute) for minute in range(minutes))
    return sum(is_open(calendar, moment.astimezone(zone)) for moment in moments)


@given(calendar=calendars(), start=STARTS, span=st.integers(0, 3 * DAY_MINUTES))
def test_elapsed_minutes_are_the_strokes_of_the_clerk(calendar: Calendar, start: datetime, span: int) -> None:
    assert elapsed(calendar, start, start.astimezone(UTC) + timedelta(minutes=span)) == strokes(calendar, start, span)


@given(calendar=calendars(), start=STARTS, minutes=st.integers(0, 3_000), seconds=st.integers(0, 59))
def test_elapsed_undoes_due(calendar: Calendar, start: datetime, minutes: int, seconds: int) -> None:
    start += timedelta(seconds=seconds)
    assert elapsed(calendar, start, due(calendar, start, minutes)) == minutes


@given(calendar=calendars(), start=STARTS, span=st.integers(1, 600))
def test_nothing_elapses_backwards(calendar: Calendar, start: datetime, span: int) -> None:
    assert elapsed(calendar, start, start.astimezone(UTC) - timedelta(minutes=span)) == 0


@given(calendar=calendars(), start=STARTS)
def test_the_next_opening_is_the_first_open_minute(calendar: Calendar, start: datetime) -> None:
    opening = next_opening(calendar, start)
    assert is_open(calendar, opening.astimezone(ZoneInfo(calendar.zone)))
    assert elapsed(calendar, start, opening) == 0


def nairobi(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=NAIROBI)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-11-23 09:15", 60, "2026-11-23 10:15"),
        ("2026-11-23 09:15:30", 60, "2026-11-23 10:15:30"),
        ("2026-11-23 12:30", 60, "2026-11-23 14:30"),  # lunch from one to two
        ("2026-11-23 06:00", 60, "2026-11-23 09:00"),  # before the office opens
        ("2026-11-23 09:00", 4 * 60, "2026-11-23 13:00"),  # exactly when the office closes
        ("2026-11-27 16:30", 60, "2026-11-30 08:30"),  # over a weekend
        ("2026-11-28 12:00", 60, "2026-11-30 09:00"),  # lodged on a Saturday
        ("2026-12-11 16:30", 60, "2026-12-14 08:30"),  # Jamhuri Day is a Saturday
        ("2026-12-24 16:30", 60, "2026-12-28 08:30"),  # Christmas and Boxing Day
        ("2026-06-01 08:00", 60, "2026-06-02 09:00"),  # Madaraka Day, a Monday
        ("2026-03-19 16:30", 60, "2026-03-23 08:30"),  # Idd-ul-Fitr, a Friday
        ("2024-05-09 16:30", 60, "2024-05-13 08:30"),  # a day that was only gazetted: tree planting after the flood
        ("2026-11-23 08:00", 10 * 8 * 60, "2026-12-04 17:00"),  # ten working days
    ],
)
def test_an_office_of_kenya_counts_its_own_hours(ke: Pack, start: str, minutes: int, end: str) -> None:
    assert due(ke.calendars["office"], nairobi(start), minutes) == nairobi(end)


def test_water_is_off_at_night_and_on_holidays_too(ke: Pack) -> None:
    assert due(ke.calendars["24x7"], nairobi("2026-12-24 22:00"), 72 * 60) == nairobi("2026-12-27 22:00")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-28T22:00+00:00", "2026-03-29T22:00+00:00"),  # a night of one hour less
        ("2026-10-24T22:00+00:00", "2026-10-25T22:00+00:00"),  # and of one hour more
    ],
)
def test_24_hours_are_24_hours_when_the_clock_changes(start: str, end: str) -> None:
    always = Calendar("always", "Europe/London", dict.fromkeys(range(7), ((0, DAY_MINUTES),)))
    assert due(always, datetime.fromisoformat(start), DAY_MINUTES) == datetime.fromisoformat(end)


def test_the_answer_is_in_utc(ke: Pack) -> None:
    assert due(ke.calendars["office"], nairobi("2026-11-23 09:15"), 1).tzinfo is UTC


def test_no_minutes_are_over_as_soon_as_the_office_is_open(ke: Pack) -> None:
    assert due(ke.calendars["office"], nairobi("2026-11-28 12:00"), 0) == nairobi("2026-11-30 08:00")


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-11-23 00:00", "2026-11-24 17:00"),
        ("2026-11-23 23:59", "2026-11-24 17:00"),
        ("2026-11-26 09:00", "2026-11-27 16:00"),  # Fridays are shorter here
        ("2026-11-27 09:00", "2026-11-30 17:00"),
        ("2026-12-24 09:00", "2026-12-28 17:00"),
    ],
)
def test_the_next_working_day_ends_when_its_last_hours_do(ke: Pack, moment: str, end: str) -> None:
    week = dict.fromkeys(range(4), ((480, 780), (840, 1020))) | {4: ((480, 960),)}
    calendar = Calendar("any", "Africa/Nairobi", week, ke.calendars["office"].holidays)
    assert end_of_next_day(calendar, nairobi(moment)) == nairobi(end)


def test_where_the_door_never_closes_a_day_ends_at_midnight(ke: Pack) -> None:
    assert end_of_next_day(ke.calendars["24x7"], nairobi("2026-11-23 09:00")) == nairobi("2026-11-25 00:00")


def _every_day_of(*years: int) -> Iterator[date]:
    for year in years:
        yield from (date(year, 1, 1) + timedelta(days) for days in range(366))


@pytest.mark.parametrize(
    "calendar",
    [
        Calendar("never", "Africa/Nairobi", {}),
        Calendar("closed", "Africa/Nairobi", {0: ((480, 1020),)}, frozenset(_every_day_of(2026, 2027, 2028, 2029))),
    ],
    ids=["no hours", "always a holiday"],
)
def test_a_calendar_without_working_time_is_a_fault_that_names_it(calendar: Calendar) -> None:
    with pytest.raises(NoWorkingTime, match=calendar.code):
        due(calendar, nairobi("2026-11-23 09:15"), 1)
