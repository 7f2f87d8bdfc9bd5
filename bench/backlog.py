"""A mountain of open cases at one office, and the file in which it reports what it did about them.

The cases are a few real ones, copied: each copy has a number, a citizen and sealed words of its own, and its rows in
the feed. Only the hashes of its events are those of the original; nothing that is measured reads them.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import cycle, product
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import packs
from cases import reference
from cases.casework import Change
from cases.citizens import Caller
from cases.lifecycle import Action, Role
from store import database
from store.model import new_id
from sync.columns import UPDATES
from ussd_app.wiring import House

OFFICE: Final = "NCWSC"
EVENTS: Final = 3  # of a case: it was lodged, came to its office, and then somebody said more
FED: Final = 2  # of them that the office is to hear of
SAID: Final = 2  # rows that the office's own file has for a case: work began, work is done
_AT_ONCE: Final = 5_000  # cases
_CASES_EACH: Final = 2  # of a citizen
_PROBLEMS: Final = ("water.none", "water.burst", "water.dirty", "water.meter")
_PLACES: Final = ("kibera", "1366", "1368", "1370")
# What citizens write when they lodge a case; one in four writes nothing
_WORDS: Final = (
    "Hatuna maji tangu Jumatatu, na watoto wanakwenda mbali kuyatafuta. Tafadhali tusaidieni haraka.",
    "The main pipe opposite the chief's camp has burst, and the water runs into the houses below the road.",
    "Maji yanayotoka ni ya rangi ya udongo na yananuka; majirani wawili tayari wameugua tumbo.",
    None,
)
_MORE: Final = "Bado hatujaona mtu yeyote, na sasa hata barabara imeharibika."


Row = dict[str, Any]  # of a table, as the database has it


class _Original(NamedTuple):
    """A real case: its row, those of its events with what was written in them, and those of the feed."""

    case: Row
    events: Sequence[tuple[Row, str | None]]
    fed: Sequence[Row]


def furnish(house: House, count: int, received: datetime, further: Callable[[int], object]) -> None:
    """`count` open cases of the office, lodged at `received`; `further` is told how many were just made."""
    originals = _lodged(house, received)
    refs = {original.case["ref"] for original in originals}
    rest, draw, made = cycle(originals), Random(5).randrange, len(refs)  # noqa: S311 - the same numbers each time
    while made < count:
        some, copies = min(_AT_ONCE, count - made), _Copies()
        with database.transaction():
            for number in range(some):
                if number % _CASES_EACH == 0:
                    caller = house.citizens.meet(f"+25471{made + number:07}", received)
                copies.add(next(rest), caller, _fresh(refs, draw))
            copies.write()
        made += some
        further(some)


def _lodged(house: House, received: datetime) -> list[_Original]:
    originals = []
    for number, (place, problem) in enumerate(product(_PLACES, _PROBLEMS)):
        key, words = f"original/{number}", _WORDS[number % len(_WORDS)]
        caller = house.citizens.meet(f"+2547000000{number:02}", received)
        facts = {"sub": problem, "place": place}
        lodging = Change(Action.LODGE, caller, "ussd", key, facts=facts, words=words)
        case, more = house.casework.apply(lodging, received).case.id, _MORE if number % 2 else None
        if more:
            said = Change(Action.ADD_WORDS, caller, "ussd", f"{key}/more", case, words=more)
        else:
            urgent = {"priority": "urgent"}
            said = Change(Action.CLASSIFY, None, "desk", f"{key}/more", case, Role.SUPERVISOR, facts=urgent)
        house.casework.apply(said, received)
        originals.append(_original(case, (words, None, more)))
    return originals


def _original(case_id: str, words: Sequence[str | None]) -> _Original:
    (case,) = _rows("cases WHERE id = ?", case_id)
    events = _rows("case_event WHERE case_id = ? ORDER BY seq", case_id)
    return _Original(case, list(zip(events, words, strict=True)), _rows("feed WHERE case_id = ? ORDER BY id", case_id))


def _rows(which: str, *values: str) -> list[Row]:
    found = database.run(database.main, f"SELECT * FROM {which}", *values)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def _fresh(known: set[str], draw: Callable[[int], int]) -> str:
    while (ref := reference.draw(draw)) in known:
        pass
    known.add(ref)
    return ref


class _Copies:
    """Copies that are written together."""

    def __init__(self) -> None:
        self._cases: list[Row] = []
        self._events: list[Row] = []
        self._fed: list[Row] = []

    def add(self, original: _Original, caller: Caller, ref: str) -> None:
        case_id, key = new_id(), f"copy/{ref}"
        self._cases.append({**original.case, "id": case_id, "ref": ref, "source_key": key, "citizen_id": caller.id})
        for event, said in original.events:
            event_id, event_key = new_id(), f"{key}/{event['seq']}"
            words = caller.key.seal("case_event.words", event_id, said) if said else None
            self._events.append({**event, "id": event_id, "case_id": case_id, "source_key": event_key, "words": words})
        self._fed += [{**row, "id": new_id(), "case_id": case_id} for row in original.fed]

    def write(self) -> None:
        for table, rows in (("cases", self._cases), ("case_event", self._events), ("feed", self._fed)):
            names = list(rows[0])
            places = ", ".join(f":{name}" for name in names)
            insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"
            database.main.connection().cursor().executemany(insert, rows)


# What the office sends back

_SPAN: Final = timedelta(days=4)  # in which it worked
_ONE_IN: Final = 50  # rows is faulty, and as many are repeats
_REPEATS: Final = 1_000  # how far back
_FAULTS: Final[Sequence[Mapping[str, str]]] = (
    {"case_ref": "482915634"},
    {"case_ref": "4.82916E+08"},
    {"new_status": "sorted"},
    {"occurred_at": "2099-01-01T08:00:00+03:00"},
    {"new_status": "resolved", "outcome_code": "fixed", "public_note": "ok"},
)
_NOTE: Final = "The broken section was replaced and the pressure tested; water should be back within the hour."


def write_updates(path: Path, now: datetime) -> int:
    """The office's file up to `now`: of each of its cases that work began and that it is done; how many rows.

    Its rows are in the order of what happened. One in fifty is faulty, and one in fifty repeats another.
    """
    refs = [ref for (ref,) in database.rows(database.main, "SELECT ref FROM cases ORDER BY id")]
    zone = ZoneInfo(packs.current().zone)
    chance, faults, recent = Random(11), cycle(_FAULTS), deque[dict[str, str]](maxlen=_REPEATS)  # noqa: S311
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.DictWriter(file, UPDATES, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        out.writeheader()
        for seconds, number, is_done in _in_order(len(refs), chance):
            row = _row(refs[number], number, now - _SPAN + timedelta(seconds=seconds), zone, is_done=is_done)
            whim = chance.randrange(_ONE_IN)
            if whim == 0:
                row |= next(faults)
            elif whim == 1 and recent:
                row = chance.choice(recent)
            else:
                recent.append(row)
            out.writerow(row)
    return SAID * len(refs)


def _in_order(cases: int, chance: Random) -> Iterator[tuple[int, int, bool]]:
    """Seconds since it began to work, the number of the case, whether work is done or begins.

    An office begins with what came first, more or less, and is done with it when it is done.
    """
    span = int(_SPAN.total_seconds())
    happened = []
    for number in range(cases):
        began = number * span // 2 // cases + chance.randrange(span // 10)
        done = began + chance.randrange(1_800, span * 2 // 5)
        happened += [began * 2 * cases + 2 * number, done * 2 * cases + 2 * number + 1]  # one number each: it is a lot
    happened.sort()
    for packed in happened:
        seconds, step = divmod(packed, 2 * cases)
        yield seconds, step // 2, bool(step % 2)


def _row(ref: str, number: int, at: datetime, zone: ZoneInfo, *, is_done: bool) -> dict[str, str]:
    row = {
        "schema_version": "1",
        "agency_update_id": f"NW-{number}-{'done' if is_done else 'began'}",
        "case_ref": ref,
        "base_version": str(EVENTS),
        "occurred_at": at.astimezone(zone).isoformat(timespec="seconds"),
        "internal_note": "Two metres of 50 mm pipe." if number % 20 == 0 and is_done else "",
    }
    if is_done:
        return row | {"new_status": "resolved", "outcome_code": "fixed", "public_note": _NOTE}
    return row | {"new_status": "in_progress", "agency_ref": f"WO-{number:07}"}
