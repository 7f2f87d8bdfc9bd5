"""Days and moments as people, Excel and LibreOffice write them. Pure.

The day comes before the month, as everywhere in Kenya; an American's 11/22/2026 is taken where it can be nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2100
_EXCEL_EPOCH: Final = date(1899, 12, 30)  # of its serial numbers from March 1900 on
_MONTHS: Final = tuple(
    tuple(names.split())
    for names in (
        "january januari",
        "february februari",
        "march machi",
        "april aprili",
        "may mei",
        "june juni",
        "july julai",
        "august agosti",
        "september septemba",
        "october oktoba",
        "november novemba",
        "december desemba",
    )
)
_DAYS_AGO: Final = {"today": 0, "leo": 0, "yesterday": 1, "jana": 1}

_MIDNIGHT: Final = time()
_TIME: Final = r"(?:[T ,]+(?P<h>\d{1,2}):(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.,]\d+)?)? ?(?P<half>[ap]\.?m\.?)?)?"
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].*)?", re.A)
_COMPACT: Final = re.compile(r"(\d{4})(\d\d)(\d\d)", re.A)
_SERIAL: Final = re.compile(r"(\d{5})(?:[.,](\d+))?", re.A)
_YEAR_FIRST: Final = re.compile(rf"(?P<Y>\d{{4}})[/. -](?P<M>\d{{1,2}})[/. -](?P<D>\d{{1,2}}){_TIME}", re.A | re.I)
_DAY_FIRST: Final = re.compile(rf"(?P<D>\d{{1,2}})[/. -](?P<M>\d{{1,2}})[/. -](?P<Y>\d{{4}}|\d\d){_TIME}", re.A | re.I)
_DAY_AND_MONTH: Final = re.compile(r"(?P<D>\d{1,2})/(?P<M>\d{1,2})", re.A)
_NAMED: Final = re.compile(
    rf"(?P<D>\d{{1,2}})(?:st|nd|rd|th)?[ /.,-]*(?P<M>[a-z]{{3,}})(?:[ /.,-]+(?P<Y>\d{{4}}|\d\d))?{_TIME}", re.A | re.I
)
_NAME_FIRST: Final = re.compile(
    rf"(?P<M>[a-z]{{3,}})[ .-]+(?P<D>\d{{1,2}})(?:st|nd|rd|th)?(?:[ ,]+(?P<Y>\d{{4}}))?{_TIME}", re.A | re.I
)


def read(written: str, today: date, zone: ZoneInfo) -> date | datetime | None:
    """The day, or the moment in UTC if a time is given (of `zone`, unless it says its own); None if it is neither.

    Without a year it is the one that brings the day nearest to `today`.
    """
    try:
        found = _iso(written, today) or _written_freely(_without_weekday(" ".join(written.split())), today)
        if found is None or not _FIRST_YEAR <= found.year <= _LAST_YEAR:
            return None
    except ValueError:  # the thirtieth of February, 25 o'clock
        return None
    return _settled(found, zone) if isinstance(found, datetime) else found


def _settled(moment: datetime, zone: ZoneInfo) -> date | datetime:
    """In UTC; midnight without an offset is how programs save a mere day."""
    if moment.tzinfo:
        return moment.astimezone(UTC)
    return moment.replace(tzinfo=zone).astimezone(UTC) if moment.time() != _MIDNIGHT else moment.date()


def _written_freely(written: str, today: date) -> date | None:
    return next(filter(None, (form(written, today) for form in _FORMS)), None)


def _without_weekday(written: str) -> str:
    """`Jumapili, 22 Novemba 2026`, `tarehe 22/11/2026`: without the word, unless it is the month."""
    first, _, rest = written.partition(" ")
    word = first.rstrip(",.")
    return rest if word.isalpha() and rest[:1].isdigit() and not _month(word) else written


def _iso(written: str, _: date) -> date | datetime | None:
    if not _ISO.fullmatch(written):
        return None
    if len(written) == len("2026-11-22"):
        return date.fromisoformat(written)
    return datetime.fromisoformat(re.sub(r" (?=[+-]\d\d)", "", written))


def _compact(written: str, _: date) -> date | None:
    found = _COMPACT.fullmatch(written)
    return date(*map(int, found.groups())) if found else None


def _serial(written: str, _: date) -> date | datetime | None:
    found = _SERIAL.fullmatch(written)
    if not found:
        return None
    day = _EXCEL_EPOCH + timedelta(days=int(found[1]))
    seconds = round(float(f"0.{found[2] or 0}") * 86_400)
    return datetime.combine(day, time()) + timedelta(seconds=seconds) if seconds else day


def _in_figures(written: str, _: date) -> date | datetime | None:
    found = _YEAR_FIRST.fullmatch(written) or _DAY_FIRST.fullmatch(written)
    if not found:
        return None
    day, month = int(found["D"]), int(found["M"])
    if month > 12 >= day:
        day, month = month, day
    return _at(date(_year(found["Y"]), month, day), found)


def _day_and_month(written: str, today: date) -> date | None:
    found = _DAY_AND_MONTH.fullmatch(written)
    return _nearest(int(found["D"]), int(found["M"]), today) if found else None


def _in_words(written: str, today: date) -> date | datetime | None:
    found = _NAMED.fullmatch(written) or _NAME_FIRST.fullmatch(written)
    month = _month(found["M"]) if found else None
    if not found or not month:
        return None
    day = int(found["D"])
    return _at(date(_year(found["Y"]), month, day) if found["Y"] else _nearest(day, month, today), found)


def _ago(written: str, today: date) -> date | None:
    days = _DAYS_AGO.get(written.casefold())
    return None if days is None else today - timedelta(days=days)


_FORMS: Final[tuple[Callable[[str, date], date | None], ...]] = (
    _iso,
    _in_figures,
    _serial,
    _compact,
    _day_and_month,
    _in_words,
    _ago,
)


def _year(written: str) -> int:
    return int(written) + (2000 if len(written) == 2 else 0)


def _month(word: str) -> int | None:
    short = word.casefold()
    found = [number for number, names in enumerate(_MONTHS, 1) if any(name.startswith(short) for name in names)]
    return found[0] if len(found) == 1 and len(short) >= 3 else None


def _nearest(day: int, month: int, today: date) -> date:
    years = (today.year - 1, today.year, today.year + 1)
    days = [date(year, month, day) for year in years if (month, day) != (2, 29) or _leap(year)]
    if not days:
        raise ValueError("no such day in these years")
    return min(days, key=lambda each: abs(each - today))


def _leap(year: int) -> bool:
    return year % 4 == 0  # from 2000 to 2100 exclusive, as far as we read


def _at(day: date, found: re.Match[str]) -> date | datetime:
    if not found["h"]:
        return day
    hour, half = int(found["h"]), (found["half"] or "").casefold()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of a half day")
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return datetime.combine(day, time(hour, int(found["m"]), int(found["s"] or 0)))
