from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync import dates

NAIROBI = ZoneInfo("Africa/Nairobi")
TODAY = date(2026, 11, 23)
SUNDAY = date(2026, 11, 22)


def read(written: str) -> date | datetime | None:
    return dates.read(written, TODAY, NAIROBI)


@pytest.mark.parametrize(
    "written",
    [
        "22/11/2026",
        "22/11/26",
        "22.11.2026",
        "22-11-2026",
        "22 11 2026",
        " 22/11/2026 ",
        "2026-11-22",
        "2026/11/22",
        "20261122",
        "46348",  # as Excel and LibreOffice count days
        "46348.0",
        "46348,0",
        "22 Nov 2026",
        "22-Nov-26",
        "22-Nov",  # as Excel saves what was typed as 22/11
        "22/11",
        "22nd November 2026",
        "Nov 22, 2026",
        "November 22 2026",
        "Sunday, 22 November 2026",
        "22 Novemba 2026",
        "Jumapili, 22 Novemba 2026",
        "tarehe 22/11/2026",
        "11/22/2026",  # there is no month 22
        "22/11/2026 00:00",  # a day that a program saved as its midnight
        "2026-11-22T00:00:00",
        "yesterday",
        "JANA",
    ],
)
def test_a_day_is_read_however_it_is_written(written: str) -> None:
    assert read(written) == SUNDAY


def test_the_day_comes_first_where_both_could() -> None:
    assert read("5/11/2026") == date(2026, 11, 5)
    assert read("11/5/2026") == date(2026, 5, 11)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-22T10:30:00+03:00",
        "2026-11-22T07:30:00Z",
        "2026-11-22 10:30:00 +03:00",
        "2026-11-22T10:30:00",  # Nairobi's, where no offset is given
        "22/11/2026 10:30",
        "22/11/2026 10:30:00 AM",
        "11/22/2026 10:30",
        "22 Nov 2026 10:30",
        "22 Novemba 2026, 10:30",
        "46348.4375",
        "46348,4375",
    ],
)
def test_a_moment_is_read_and_told_in_utc(written: str) -> None:
    assert read(written) == datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(("written", "hour"), [("12:05 am", 0), ("12:05 PM", 12), ("1:05 p.m.", 13), ("23:05", 23)])
def test_halves_of_the_day(written: str, hour: int) -> None:
    assert read(f"21/11/2026 {written}") == datetime(2026, 11, 21, hour, 5, tzinfo=NAIROBI)


@pytest.mark.parametrize("month", ["Januari", "Jan", "Mac", "Machi", "Mei", "Ago", "Agosti", "Okt", "Des", "Sept"])
def test_months_in_swahili_and_their_short_forms(month: str) -> None:
    numbers = {"jan": 1, "mac": 3, "mei": 5, "ago": 8, "okt": 10, "des": 12, "sep": 9}
    assert read(f"9 {month} 2026") == date(2026, numbers[month[:3].casefold()], 9)


def test_without_a_year_the_nearest_day_is_meant() -> None:
    assert dates.read("28/12", date(2027, 1, 3), NAIROBI) == date(2026, 12, 28)
    assert dates.read("2 Jan", date(2026, 12, 30), NAIROBI) == date(2027, 1, 2)
    assert dates.read("29/2", date(2028, 3, 1), NAIROBI) == date(2028, 2, 29)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "30/02/2026",
        "31 Juni 2026",
        "29/2",  # no leap year is near
        "13/13/2026",
        "22/11/1926",
        "22/11/2126",
        "22/11/226",
        "2026-22-11",
        "2026-11-22T25:00:00",
        "22/11/2026 13:05 pm",
        "46348 days",
        "4634",
        "99999",
        "5.11",
        "Ju 5 2026",  # June or July
        "٢٢/١١/٢٠٢٦",
        "2026-W47-7",
    ],
)
def test_what_is_no_date_is_none(written: str) -> None:
    assert read(written) is None


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_spreadsheet_number_is_its_day(day: date) -> None:
    assert dates.read(str((day - date(1899, 12, 30)).days), TODAY, NAIROBI) == day


@given(
    st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.sampled_from(["%d/%m/%Y", "%d.%m.%y", "%d %B %Y", "%Y-%m-%d"])
)
def test_a_day_is_read_as_it_was_written(day: date, form: str) -> None:
    assert dates.read(day.strftime(form), TODAY, NAIROBI) == day


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)),  # noqa: DTZ001  the offset is drawn on its own
    st.integers(-14 * 60, 14 * 60),
)
def test_an_offset_counts(moment: datetime, minutes: int) -> None:
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    written = f"{moment.isoformat(timespec='seconds')}{sign}{hours:02}:{rest:02}"
    expected = moment.replace(microsecond=0, tzinfo=UTC) - timedelta(minutes=minutes)
    assert dates.read(written, TODAY, NAIROBI) == expected


@settings(max_examples=200)
@given(st.text(alphabet="0123456789/.-: ,TZnovNOVam+", max_size=24) | st.text(max_size=30))
def test_nothing_that_is_written_raises(written: str) -> None:
    found = dates.read(written, TODAY, NAIROBI)
    assert found is None or 1999 < found.year < 2102
