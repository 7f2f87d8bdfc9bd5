"""Rows of the feed as the lines of an event file.

What is of a person (their words, their number) is looked up and opened here, just before it is written, by the rules of
`cases.worklist`: nothing of who is erased, nothing that is in confidence until an officer releases it, and nothing to
an office that has the case no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from cases.citizens import Citizens
from cases.worklist import contact_leaves, words_leave
from packs.model import Pack
from store import database
from sync import said
from sync.feed import FAREWELLS
from sync.said import Said
from sync.sheet import Cell, Number

SCHEMA_VERSION: Final = "1"
HEADER: Final = (
    "schema_version", "case_ref", "case_version", "event_id", "event_type", "category_code", "ward_code", "lat", "long",
    "summary", "lang", "priority", "state", "received_at", "due_at", "escalation_level", "duplicate_of", "visibility",
    "contact", "agency_ref",
)  # fmt: skip

_PAGE: Final = 1_000
_NOT_KNOWN: Final = ("sending:", "token:")  # what `external_ref` says until the office's own number is known
_NOWHERE: Final = ("", "")
_KENYAN_MOBILE: Final = re.compile(r"\+254([17]\d\d)(\d{3})(\d{3})")


class _Row(NamedTuple):
    """A row of the feed, the id of its event (its own if there is none), and its case as it is now."""

    id: str
    kind: str
    snapshot: str
    case: str
    event: str
    ref: str
    citizen: str
    is_theirs: bool  # the office has the case still
    visibility: str
    guarded: int | None
    shared: int | None
    silent: int | None
    agency_ref: str | None

    @property
    def has_words(self) -> bool:
        return self.is_theirs and words_leave(self.visibility, self.guarded, self.shared)

    @property
    def has_place(self) -> bool:
        return self.has_words or (self.is_theirs and self.visibility == "anonymous" and not self.guarded)

    @property
    def has_contact(self) -> bool:
        """Who wants no SMS about a case does not want to be called about it by somebody else either."""
        return self.is_theirs and contact_leaves(self.visibility, self.guarded) and not self.silent


class Lines:
    """The lines for one office; `written` counts them."""

    def __init__(self, citizens: Citizens, pack: Pack, agency: str) -> None:
        self._citizens, self._pack = citizens, pack
        self._zone = ZoneInfo(pack.zone)
        self._tells_contact = pack.exchange(agency).contact
        self._spots: dict[str, tuple[Cell, Cell]] = {}  # by ward
        self.written = 0

    def of(self, file_ids: Sequence[str], progress: Callable[[int], object]) -> Iterator[tuple[Cell, ...]]:
        """The lines of the rows that these files took, in their order. `progress` is told how many were just read."""
        for page in (page for file_id in file_ids for page in _pages(file_id)):
            yield from self._page(page)
            self.written += len(page)
            progress(len(page))

    def _page(self, page: Sequence[_Row]) -> Iterator[tuple[Cell, ...]]:
        wanted = {row.citizen for row in page if row.has_words or (row.has_contact and self._tells_contact)}
        callers = said.callers(self._citizens, wanted)
        words = said.by_case(
            {row.case: callers[row.citizen] for row in page if row.has_words and row.citizen in callers}
        )
        snapshots = [orjson.loads(row.snapshot) for row in page]
        masters = _refs({snapshot["master"] for snapshot in snapshots if snapshot.get("master")})
        for row, now in zip(page, snapshots, strict=True):
            if row.kind in FAREWELLS:
                yield _farewell(row, now)
                continue
            summary = _summary(row, words.get(row.case, ()))
            caller = callers.get(row.citizen) if row.has_contact and self._tells_contact else None
            contact = national(caller.msisdn) if caller else ""
            yield self._line(row, now, summary, contact, masters)

    def _line(
        self, row: _Row, now: Mapping[str, Any], summary: str, contact: str, masters: Mapping[str, str]
    ) -> tuple[Cell, ...]:
        """`now`: the case just after the event."""
        lat, long = self._where(row, now)
        return (
            SCHEMA_VERSION,
            row.ref,
            _whole(now["version"]),
            row.event,
            row.kind,
            now["sub"] or now["category"] or "",
            f"W{now['ward']}" if now["ward"] else "",
            lat,
            long,
            summary,
            now["language"],
            now["priority"],
            now["state"],
            self._time(now["received_at"]),
            self._time(now["due_at"]),
            _whole(now["escalation"]),
            masters.get(now["master"], ""),
            now["visibility"],
            contact,
            "" if (row.agency_ref or "").startswith(_NOT_KNOWN) else row.agency_ref or "",
        )

    def _where(self, row: _Row, now: Mapping[str, Any]) -> tuple[Cell, Cell]:
        """The middle of the ward, in degrees; of what is in confidence only once it is released."""
        ward = now["ward"] if row.has_place else None
        if not ward:
            return _NOWHERE
        if ward not in self._spots:
            spot = self._pack.centroids.get(ward)
            self._spots[ward] = (Number(f"{spot.lat:.4f}"), Number(f"{spot.long:.4f}")) if spot else _NOWHERE
        return self._spots[ward]

    def _time(self, micros: int) -> str:
        """As `iso` tells it, in two thirds of the time."""
        return datetime.fromtimestamp(micros // 1_000_000, self._zone).isoformat()


def iso(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as whole-second ISO 8601 with the zone's offset."""
    return moment.astimezone(zone).isoformat(timespec="seconds")


@lru_cache(maxsize=1_000)  # the same few, again and again
def _whole(number: int) -> Number:
    return Number(str(number))


def national(msisdn: str) -> str:
    """A number as people in its country write it: `0712 345 678`, which a spreadsheet leaves as it is."""
    kenyan = _KENYAN_MOBILE.fullmatch(msisdn)
    return f"0{kenyan[1]} {kenyan[2]} {kenyan[3]}" if kenyan else msisdn


def _farewell(row: _Row, now: Mapping[str, Any]) -> tuple[Cell, ...]:
    """To the office that has the case no more, or is to erase it: which one, and no word about it."""
    told = (SCHEMA_VERSION, row.ref, _whole(now["version"]), row.event, row.kind)
    return (*told, *[""] * (len(HEADER) - len(told)))


def _summary(row: _Row, all_said: Sequence[Said]) -> str:
    """The words of this event; where it brought none, all that the citizen wrote up to then."""
    own = [one.words for one in all_said if one.event == row.event]
    return said.shortened(said.BETWEEN.join(own or [one.words for one in all_said if one.event <= row.event]))


# What is read


def _pages(file_id: str) -> Iterator[list[_Row]]:
    last = ""
    while found := database.rows(
        database.main,
        "SELECT f.id, f.kind, f.snapshot, f.case_id, COALESCE(e.id, f.id), c.ref, c.citizen_id, c.agency = f.agency, "
        "c.visibility, c.guarded, c.shared, c.silent, x.ref FROM feed f JOIN cases c ON c.id = f.case_id "
        "LEFT JOIN case_event e ON e.case_id = f.case_id AND e.node = f.node AND e.seq = f.seq "
        "LEFT JOIN external_ref x ON x.agency = f.agency AND x.case_id = f.case_id "
        f"WHERE f.file_id = ? AND f.id > ? ORDER BY f.id LIMIT {_PAGE}",
        *(file_id, last),
    ):
        yield [_Row(*row) for row in found]
        last = found[-1][0]


def _refs(ids: Collection[str]) -> dict[str, str]:
    marks = ", ".join("?" * len(ids))
    return dict(database.rows(database.main, f"SELECT id, ref FROM cases WHERE id IN ({marks})", *ids)) if ids else {}
