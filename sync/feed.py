"""What each office is to hear: a listener of Casework notes every event of a case for the office that has the case.

A row holds codes and times, as the case stood after the event. What the citizen said is looked up, and their number
too, when the row leaves: whatever was erased or taken back until then does not go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from cases.casework import Happened
from cases.routing import barred
from packs.model import Pack
from store.model import Insert, to_micros
from sync.models import FeedRow

# What no event of the case is called: told to the office that has it no more, or that is to erase what it has of it
TRANSFERRED_AWAY: Final = "transferred_away"
ERASED: Final = "erased"
FAREWELLS: Final = frozenset({TRANSFERRED_AWAY, ERASED})

# The columns of a case that stand in a snapshot under their own names, beside `version`
COLUMNS: Final = (
    "state", "category", "sub", "ward", "place", "priority", "language", "escalation", "master",
    "visibility", "guarded", "shared",
)  # fmt: skip
TIMES: Final = ("received_at", "due_at")  # as microseconds since 1970, UTC


class _Moment(NamedTuple):
    """An event, its place in the history of the case, and the columns of the case just after it."""

    event: Happened
    seq: int
    version: int
    columns: Mapping[str, Any]


class Feeding:
    """A listener of Casework; only inserts. The service desk has no file: its officers work on this box."""

    def __init__(self, pack: Callable[[], Pack]) -> None:
        self._pack = pack
        self._insert = Insert(FeedRow)

    def __call__(self, happened: Sequence[Happened], now: datetime) -> None:
        pack = self._pack()
        self._insert([row for moment in _moments(happened) for row in _rows(moment, pack, now)])


def _moments(happened: Sequence[Happened]) -> list[_Moment]:
    """Every event with the case as it then stood. Listeners see cases as they stand at the end: so walk backward."""
    after: dict[str, tuple[int, Mapping[str, Any]]] = {}  # by case: how many events later we are, and its columns there
    moments = []
    for event in reversed(happened):
        case = event.case
        later, columns = after.get(case.id, (0, case.__data__))
        moments.append(_Moment(event, case.events - later, case.version - later, columns))
        after[case.id] = later + 1, {**columns, **event.before}
    return moments[::-1]


def _rows(moment: _Moment, pack: Pack, now: datetime) -> Iterator[dict[str, Any]]:
    event, columns = moment.event, moment.columns
    nobody = {pack.desk, *barred(pack, columns["about"])}
    before, after = event.before.get("agency"), columns["agency"]
    if before and before not in nobody:
        yield _row(moment, before, TRANSFERRED_AWAY, {"version": moment.version}, now)
    if after not in nobody:
        snapshot = {name: columns[name] for name in COLUMNS} | {name: to_micros(columns[name]) for name in TIMES}
        yield _row(moment, after, str(event.kind), snapshot | {"version": moment.version}, now)


def _row(moment: _Moment, agency: str, kind: str, snapshot: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "agency": agency,
        "case": moment.event.case.id,
        "seq": moment.seq,
        "kind": kind,
        "snapshot": orjson.dumps(snapshot).decode(),
        "recorded_at": now,
    }
