"""Notices: one line of 44 letters on the first screen of everybody in an area, until it expires.

A notice is for danger and for what stops half a county (a flood, a burst main, a closed office); a supervisor sets it.
That is why it takes the place of whatever else would stand on that line, news of one's own case included: those are
one key away, and an office's question keeps its key 9.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from peewee import CharField, TextField

from locales import registry
from locales.gsm7 import septets
from packs.model import ANY, Pack, Place, Text, text
from store import database
from store.model import Model, Select, UtcField, to_micros

WIDEST: Final = 44  # septets: in some language the first screen has no room for more beside its keys
LONGEST_NAME: Final = 40  # letters of who answers for it
CHECK_EVERY_S: Final = 1.0
LEAST_OF_ID: Final = 6  # letters of its end by which a notice is called
_AREAS: Final = ("county", "constituency", "ward")


class Notice(Model):
    """A line for everybody whose last place lies in an area. Rows are kept: what was said, to whom, by whom."""

    area = CharField(max_length=12)  # code of a county, constituency or ward; "*": the whole country
    text = TextField()  # JSON: language → line
    from_at = UtcField()
    until_at = UtcField(index=True)
    made_by = CharField(max_length=LONGEST_NAME)
    made_at = UtcField()
    ended_at = UtcField(null=True)  # taken down before its time

    class Meta:
        table_name = "notice"

    @property
    def words(self) -> Text:
        words: Text = json.loads(self.text)
        return words


TABLES: Final = (Notice,)


class Unfit(Exception):
    """A notice cannot be put up, or there is none to take down. `faults`: every reason, a sentence each."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class _Seen:
    """The notices that this process last found, in which database, and when it looked (monotonic seconds)."""

    database: object
    notices: tuple[tuple[Notice, Text], ...]
    at: float


_seen: _Seen | None = None


def put(
    pack: Pack,
    area: str,
    words: Text,
    *,
    until: datetime,
    made_by: str,
    now: datetime,
    start: datetime | None = None,
) -> Notice:
    """Put up a notice from `start` (now) to `until`. Raises Unfit with every fault."""
    start = start or now
    faults = [*_faults_of_area(pack, area), *_faults_of_words(pack, words), *_faults_of_time(start, until, now)]
    if len(made_by) > LONGEST_NAME:
        faults.append(f"The name of who answers for it has {len(made_by)} letters; {LONGEST_NAME} fit.")
    if faults:
        raise Unfit(*faults)
    notice: Notice = Notice.create(
        area=area,
        text=json.dumps(dict(words), ensure_ascii=False, sort_keys=True),
        from_at=start,
        until_at=until,
        made_by=made_by,
        made_at=now,
    )
    forget()
    return notice


def end(ending: str, now: datetime) -> Notice:
    """Take down the notice whose id ends so (at least 6 letters), now. Raises Unfit unless exactly one is up."""
    found = [one for one in listed(now) if one.id.endswith(ending)] if len(ending) >= LEAST_OF_ID else []
    if not found:
        raise Unfit(f"No notice that is up or to come has an id that ends in {ending!r}.")
    if len(found) > 1:
        raise Unfit(f"{len(found)} notices have an id that ends in {ending!r}; give more of it.")
    (notice,) = found
    notice.ended_at = now
    notice.save(only=[Notice.ended_at])
    forget()
    return notice


def listed(now: datetime) -> list[Notice]:
    """The notices that are up or to come, newest first."""
    return _select("WHERE until_at > ? AND ended_at IS NULL ORDER BY id DESC", to_micros(now))


def for_place(place: Place | None, language: str, now: datetime) -> str | None:
    """The line for somebody whose last place was `place` (None: not known); None if there is none.

    Of several the one for the smallest area counts, of those the newest. Asks the table at most once a second.
    """
    areas = [place.ward, place.constituency, place.county, ANY] if place else [ANY]
    for area in areas:
        for notice, words in _up(now):
            if notice.area == area and notice.from_at <= now < notice.until_at:
                return text(words, language)
    return None


def forget() -> None:
    """Look into the table next time, as a fresh process would."""
    global _seen  # noqa: PLW0603  one cache a process
    _seen = None


def _up(now: datetime) -> tuple[tuple[Notice, Text], ...]:
    global _seen  # noqa: PLW0603  one cache a process
    at = monotonic()
    if _seen is None or _seen.database is not database.main.obj or at - _seen.at >= CHECK_EVERY_S:
        _seen = _Seen(database.main.obj, tuple((notice, notice.words) for notice in listed(now)), at)
    return _seen.notices


def _faults_of_area(pack: Pack, area: str) -> list[str]:
    place = pack.places.get(area)
    if area == ANY or (place and place.kind in _AREAS and not place.retired):
        return []
    return [f'There is no county, constituency or ward {area!r}; "{ANY}" is the whole country.']


def _faults_of_words(pack: Pack, words: Text) -> list[str]:
    faults = []
    for language in pack.languages:
        line, name = words.get(language, ""), registry()[language].name
        width = septets(line)
        if not line.strip():
            faults.append(f"The text in {name} is missing.")
        elif width is None:
            strange = "".join(sorted({one for one in line if septets(one) is None}))
            faults.append(f"The text in {name} has letters that not every phone shows: {strange}")
        elif "\n" in line or "\r" in line:
            faults.append(f"The text in {name} must be one line.")
        elif width > WIDEST:
            faults.append(f"The text in {name} takes {width} septets; {WIDEST} fit.")
    return faults


def _faults_of_time(start: datetime, until: datetime, now: datetime) -> list[str]:
    if until <= now:
        return ["It would end before it begins to be seen: until is in the past."]
    return ["It would end before it begins."] if until <= start else []


_select: Final = Select(Notice)
