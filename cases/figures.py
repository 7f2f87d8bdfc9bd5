"""Figures: how many asked, how fast they were answered, where it is stuck; kept from the events of the cases.

A figure is an amount under a measure, a day, dimensions and a grade (`cases.tally` says which); amounts only add up.
Nobody who lodges or answers a case waits for them: `catch_up` reads the events that came since it last did, and adds
what they contribute. Whoever finished first moves the cursor; who counted the same events meanwhile throws their work
away. Amounts and cursor are saved together, so that a process killed at any moment counts nothing twice.

A *tally* is one counting of all events. Exactly one is in force and is read. `rebuild` counts everything anew beside
it, case by case, compares the two row by row, and puts the new one in force in one step: readers never see half a
count, a writer never waits longer than for one batch.

The cursor is the id of an event. Ids rise with time, but on PostgreSQL a transaction may commit after another one
that made its ids later. So events are counted there only when they are older than any transaction. Should one still
come in behind the cursor (a clock was set back by hours, boxes were joined), `missed` tells, and `rebuild` finds it.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

from peewee import AutoField, BooleanField, CharField, CompositeKey, ForeignKeyField, IntegerField

from cases import tally
from cases.lifecycle import BREACH
from cases.tally import Day, Dims, Event, Key, Sums
from packs.model import Pack
from store import database
from store.model import Model, node_name, to_micros

SETTLED_AFTER: Final = timedelta(seconds=15)  # three times as long as anybody waits for a lock
_BATCH: Final = 1_000  # events a transaction: on one box nobody may wait longer than 100 ms for the writer
_ROWS: Final = 1_000  # a statement
_DROPPED: Final = 5_000  # rows a transaction, or all of one day
_DIMS: Final = ", ".join(Dims._fields)

Progress = Callable[[int], None]


class Tally(Model):
    """One counting of the events: up to which event it came, and how many they were."""

    id = IntegerField(primary_key=True)  # type: ignore[assignment]
    in_force = BooleanField(default=False)
    event = CharField(max_length=32, default="")  # the last one counted
    events = IntegerField(default=0)

    class Meta:
        table_name = "tally"


class FigureDims(Model):
    """Dimensions that occurred, each combination once, whatever the tally."""

    id = AutoField()  # type: ignore[assignment]
    agency = CharField(max_length=24)
    county = CharField(max_length=12)
    place = CharField(max_length=12)
    category = CharField(max_length=40)
    channel = CharField(max_length=16)
    language = CharField(max_length=8)

    class Meta:
        table_name = "figure_dims"
        indexes = ((Dims._fields, True),)


class Figure(Model):
    """An amount. There are no rows of nothing."""

    tally = ForeignKeyField(Tally, on_delete="RESTRICT", index=False)
    measure = CharField(max_length=20)
    day = CharField(max_length=10)
    dims = ForeignKeyField(FigureDims, on_delete="RESTRICT", index=False)
    grade = IntegerField()
    amount = IntegerField()

    class Meta:
        table_name = "figure"
        primary_key = CompositeKey("tally", "measure", "day", "dims", "grade")


TABLES: Final = (Tally, FigureDims, Figure)


class Overtaken(Exception):
    """A rebuild found that another one had begun after it."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild counted. `differing`: rows by measure that were other than before; None on the first count."""

    events: int
    rows: int
    differing: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Span:
    """Which figures are meant: days from – to (ISO, both included), of one agency or county if given."""

    first: str
    last: str
    agency: str | None = None
    county: str | None = None


class Figures:
    """Keeps the figures and reads them. `pack` gives the pack in force, whose zone says when a day begins."""

    def __init__(self, pack: Callable[[], Pack]) -> None:
        self._pack = pack

    def catch_up(
        self,
        now: datetime,
        progress: Progress = lambda _: None,
        *,
        alone: bool = False,
        most: int | None = None,
    ) -> int:
        """Count the events that came since, at most `most`; how many they were.

        `alone`: nobody else writes events, so the newest are counted on PostgreSQL too.
        """
        return _Count(_in_force(), self._zone()).go_on(_settled(now, alone), progress, most)

    def rebuild(
        self, now: datetime, progress: Progress = lambda _: None, *, alone: bool = False, keep: bool = True
    ) -> Rebuilt:
        """Count everything anew and say what differs. The new count is in force afterwards if `keep`.

        What had not been counted before is caught up first on both sides: it is no difference.
        Raises Overtaken if another rebuild begins meanwhile; the figures in force are good then too.
        """
        _drop_leftovers()
        before, zone, upto = _in_force(), self._zone(), _newest(_settled(now, alone))
        counted_before = Tally.get_by_id(before).events
        new = _begin()
        _Count(new, zone).all_cases(upto, progress)
        differing = _compared(_Count(before, zone), _Count(new, zone)) if counted_before else None
        rows = Figure.select().where(Figure.tally == new).count()
        rebuilt = Rebuilt(Tally.get_by_id(new).events, rows, differing)
        if keep:
            _put_in_force(new)
        _drop(before if keep else new)
        return rebuilt

    def waiting(self) -> int:
        """How many events came since and are not counted yet."""
        sql = "SELECT COUNT(*) FROM case_event WHERE id > COALESCE((SELECT event FROM tally WHERE in_force), '')"
        ((waiting,),) = database.rows(database.main, sql)
        return int(waiting)

    def missed(self) -> int:
        """How many events came in behind the cursor, so that only a rebuild counts them."""
        ((missed,),) = database.rows(
            database.main,
            "SELECT (SELECT COUNT(*) FROM case_event WHERE id <= t.event) - t.events FROM tally t WHERE t.id = ?",
            _in_force(),
        )
        return int(missed)

    def sums(self, span: Span, by: str | None = None) -> dict[str, Sums]:
        """The sums of a span for each value of `by`: a dimension, "day", or None (one group, "").

        Empty groups are missing, but no day is. `open` and `overdue` are those at the end of the span's last day, or
        of each day.
        """
        if by is not None and by not in (*Dims._fields, "day"):
            raise ValueError(f"figures are not kept by {by}")
        groups: dict[str, dict[tuple[str, int], int]] = {}
        for group, measure, grade, amount in chain(_flows(span, by), _standing(span, by)):
            if amount or by == "day":
                groups.setdefault(group, {})[measure, grade] = int(amount)
        return {group: Sums(amounts) for group, amounts in sorted(groups.items())}

    def total(self, span: Span) -> Sums:
        """The sums of a span, all together."""
        return self.sums(span).get("", Sums({}))

    def stock(self, measure: str, span: Span) -> dict[tuple[Day, int], int]:
        """What stands now, by day and grade: `open` by the day of receipt, `escalated` by that of the escalation."""
        sql = (
            f"SELECT f.day, f.grade, SUM(f.amount) {_FROM} AND f.measure = ? {_where(span)} "
            "GROUP BY f.day, f.grade ORDER BY f.day"
        )
        found = database.rows(database.main, sql, measure, *_values(span))
        return {(day, grade): int(amount) for day, grade, amount in found}

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._pack().zone)


# Reading

# Which tally is in force is asked with the figures: it may be another one a moment later
_FROM: Final = (
    "FROM figure f JOIN figure_dims d ON d.id = f.dims_id WHERE f.tally_id = (SELECT id FROM tally WHERE in_force)"
)
_Found = Iterator[tuple[str, str, int, int]]  # group, measure, grade, amount


def _flows(span: Span, by: str | None) -> _Found:
    column = _column(by)
    sql = (
        f"SELECT {column}, f.measure, f.grade, SUM(f.amount) {_FROM} AND f.measure IN ({_marks(tally.BY_DAY)}) "
        f"AND f.day >= ? AND f.day <= ? {_where(span)} GROUP BY {column}, f.measure, f.grade"
    )
    yield from database.rows(database.main, sql, *tally.BY_DAY, span.first, span.last, *_values(span))


def _standing(span: Span, by: str | None) -> _Found:
    """How many cases stood open or overdue then: those that do now, without what has changed since."""
    for measure, stock, change, grade in (("open", "open", "backlog", 0), ("overdue", "escalated", "overdue", BREACH)):
        now = _summed(span, None if by == "day" else by, stock, grade, "")
        since = _summed(span, by, change, 0, span.first if by == "day" else _next(span.last))
        if by == "day":
            yield from ((day, measure, 0, amount) for day, amount in _day_by_day(now[""], since, span))
        else:
            yield from ((group, measure, 0, now[group] - since[group]) for group in now.keys() | since.keys())


def _summed(span: Span, by: str | None, measure: str, grade: int, since: Day) -> Counter[str]:
    column = _column(by)
    sql = (
        f"SELECT {column}, SUM(f.amount) {_FROM} AND f.measure = ? AND f.day >= ? AND f.grade = ? {_where(span)} "
        f"GROUP BY {column}"
    )
    found = database.rows(database.main, sql, measure, since, grade, *_values(span))
    return Counter({group: int(amount) for group, amount in found})


def _day_by_day(now: int, changes: Mapping[Day, int], span: Span) -> Iterator[tuple[Day, int]]:
    """How many there were at the end of each day of the span, from the last one back."""
    standing = now - sum(amount for day, amount in changes.items() if day > span.last)
    day = date.fromisoformat(span.last)
    while day.isoformat() >= span.first:
        yield day.isoformat(), standing
        standing -= changes.get(day.isoformat(), 0)
        day -= timedelta(days=1)


def _next(day: Day) -> Day:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _column(by: str | None) -> str:
    if by is None:
        return "CAST('' AS TEXT)"  # a bare constant is not to be grouped by
    return "f.day" if by == "day" else f"d.{by}"


def _where(span: Span) -> str:
    return " ".join(f"AND d.{name} = ?" for name in ("agency", "county") if getattr(span, name) is not None)


def _values(span: Span) -> list[str]:
    return [value for value in (span.agency, span.county) if value is not None]


# Counting


class _Count:
    """Counts events for one tally."""

    def __init__(self, tally_id: int, zone: ZoneInfo) -> None:
        self.tally = tally_id
        self._day_of = tally.days_in(zone)
        self._dims: dict[Dims, int] = {}  # their ids, of those that are saved

    def go_on(self, upto: str, progress: Progress = lambda _: None, most: int | None = None) -> int:
        """Count what came after the cursor, up to the id `upto` and at most `most` events; how many they were."""
        counted = 0
        while most is None or counted < most:
            found = _position(self.tally)
            if found is None:  # a rebuild has put another tally in its place
                break
            fresh = _after(found, upto, _BATCH if most is None else min(_BATCH, most - counted))
            if not fresh:
                break
            if self._step(found, fresh):
                counted += len(fresh)
                progress(len(fresh))
        return counted

    def _step(self, counted: str, fresh: Sequence[tuple[str, str]]) -> bool:
        """Count `fresh`, the events after `counted`; False when somebody else has counted them meanwhile."""
        last = fresh[-1][0]
        amounts = self._amounts(_histories({case for _, case in fresh}, last), counted)
        move = "UPDATE tally SET event = ?, events = events + ? WHERE id = ? AND event = ?"
        with database.transaction():
            if database.run(database.main, move, last, len(fresh), self.tally, counted).rowcount == 0:
                return False
            self._add(amounts)
        return True

    def all_cases(self, upto: str, progress: Progress) -> None:
        """Count all events up to the id `upto`, case by case. Raises Overtaken when the tally was dropped meanwhile."""
        for rows in _whole_cases(upto):
            amounts = self._amounts(rows, "")
            with database.transaction():
                self._note("events = events + ?", len(rows))
                self._add(amounts)
            progress(len(rows))
        self._note("event = ?", upto)

    def _note(self, change: str, value: Any) -> None:
        if database.run(database.main, f"UPDATE tally SET {change} WHERE id = ?", value, self.tally).rowcount == 0:
            raise Overtaken

    def _amounts(self, rows: Sequence[_Row], counted: str) -> Counter[Key]:
        """What the histories of some cases add to the figures, beyond what was counted up to the id `counted`."""
        amounts: Counter[Key] = Counter()
        for _, history in groupby(rows, key=itemgetter(0)):
            events = [Event(row[1], row[2], row[3], json.loads(row[4])) for row in history]
            for key, amount in tally.news(events, counted, self._day_of):
                amounts[key] += amount
        return amounts

    def _add(self, amounts: Mapping[Key, int]) -> None:
        """Save them, in one order everywhere: no deadlocks."""
        news = sorted((key, amount) for key, amount in amounts.items() if amount)
        self._learn({key.dims for key, _ in news})
        node = node_name()
        rows = [
            (node, self.tally, key.measure, key.day, self._dims[key.dims], key.grade, amount) for key, amount in news
        ]
        for some in _chunks(rows, _ROWS):
            marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(some))
            database.run(database.main, f"{_INSERT} {marks} {_OR_ADD}", *chain.from_iterable(some))
        if any(amount < 0 for _, amount in news):
            database.run(database.main, "DELETE FROM figure WHERE amount = 0")  # by the index of just these

    def _learn(self, dims: Collection[Dims]) -> None:
        """Find the ids of dimensions; make those that never occurred before."""
        for some in _chunks(sorted(set(dims) - self._dims.keys()), _ROWS):
            self._find(some)
            new = [one for one in some if one not in self._dims]
            if new:
                marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(new))
                values = chain.from_iterable((node_name(), *one) for one in new)
                sql = f"INSERT INTO figure_dims (node, {_DIMS}) VALUES {marks} ON CONFLICT DO NOTHING"
                database.run(database.main, sql, *values)
                self._find(new)

    def _find(self, dims: Sequence[Dims]) -> None:
        marks = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(dims))
        # a join, because SQLite would read the whole table for `IN (VALUES …)`
        sql = (
            f"WITH wanted ({_DIMS}) AS (VALUES {marks}) SELECT id, {_DIMS} FROM wanted JOIN figure_dims USING ({_DIMS})"
        )
        for row in database.rows(database.main, sql, *chain.from_iterable(dims)):
            self._dims[Dims(*row[1:])] = row[0]


_INSERT: Final = "INSERT INTO figure (node, tally_id, measure, day, dims_id, grade, amount) VALUES"
_OR_ADD: Final = (
    "ON CONFLICT (tally_id, measure, day, dims_id, grade) DO UPDATE SET amount = figure.amount + excluded.amount"
)
_COLUMNS: Final = "case_id, id, kind, occurred_at, facts"
_Row = tuple[str, str, str, int, str]


def _settled(now: datetime, alone: bool) -> str:
    """The id up to which no event can come in any more."""
    if alone or not database.is_postgres():  # on SQLite who makes an id holds the one lock until it is saved
        return "f" * 32
    return first_id(now - SETTLED_AFTER)


def first_id(moment: datetime) -> str:
    """An id (UUIDv7) below all that are made from `moment` on, and above all from before it."""
    return f"{to_micros(moment) // 1000:012x}" + "0" * 20


def _newest(upto: str) -> str:
    ((newest,),) = database.rows(database.main, "SELECT MAX(id) FROM case_event WHERE id <= ?", upto)
    return newest or ""


def _after(event: str, upto: str, most: int) -> list[tuple[str, str]]:
    """Id and case of the events that come next."""
    sql = "SELECT id, case_id FROM case_event WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
    return database.rows(database.main, sql, event, upto, most)


def _histories(cases: Collection[str], upto: str) -> list[_Row]:
    """The events of some cases up to the id `upto`, case by case, in their order."""
    sql = (
        f"SELECT {_COLUMNS} FROM case_event WHERE case_id IN ({_marks(cases)}) AND id <= ? ORDER BY case_id, node, seq"
    )
    return database.rows(database.main, sql, *cases, upto)


def _whole_cases(upto: str) -> Iterator[list[_Row]]:
    """All events up to the id `upto` as `_histories` gives them, some cases at a time."""
    sql = f"SELECT {_COLUMNS} FROM case_event WHERE case_id > ? AND id <= ? ORDER BY case_id, node, seq LIMIT {_BATCH}"
    last = ""
    while rows := database.rows(database.main, sql, last, upto):
        if len(rows) == _BATCH:  # the last case may go on
            cut = [row for row in rows if row[0] != rows[-1][0]]
            rows = cut or _histories([rows[-1][0]], upto)
        last = rows[-1][0]
        yield rows


def _chunks(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))


# Tallies


def _in_force() -> int:
    """The tally that is read; made when there is none yet."""
    sql = "SELECT id FROM tally WHERE in_force"
    found = database.rows(database.main, sql)
    if not found:
        _make(1, in_force=True)
        found = database.rows(database.main, sql)
    return int(found[0][0])


def _make(tally_id: int, in_force: bool) -> bool:
    """Whether it was made: somebody else may have made it a moment ago."""
    sql = "INSERT INTO tally (id, node, in_force, event, events) VALUES (?, ?, ?, '', 0) ON CONFLICT DO NOTHING"
    return bool(database.run(database.main, sql, tally_id, node_name(), in_force).rowcount)


def _begin() -> int:
    """A tally in which nothing is counted yet. Its id is drawn: that of a dropped one must not come again."""
    while not _make(tally_id := secrets.randbelow(2**31), in_force=False):
        pass
    return tally_id


def _position(tally_id: int) -> str | None:
    found = database.rows(database.main, "SELECT event FROM tally WHERE id = ?", tally_id)
    return found[0][0] if found else None


def _compared(old: _Count, new: _Count) -> dict[str, int]:
    """By measure, how many rows differ when both tallies have counted the same events."""
    while True:
        new.go_on(_known_position(old.tally))
        old.go_on(_known_position(new.tally))
        both = old.tally, new.tally
        found = database.rows(database.main, _DIFFERENCES, *both, *reversed(both), *both)
        if (_LEVEL, 1) in found:  # in the same moment as the rows were read
            differing: Counter[str] = Counter()
            for measure, rows in found:
                differing[measure] += rows
            del differing[_LEVEL]
            return dict(differing)


def _known_position(tally_id: int) -> str:
    found = _position(tally_id)
    if found is None:
        raise Overtaken
    return found


# Each question takes the two tallies: are they level? what has the first that the second has not, or otherwise?
# what has the second that the first has not?
_SAME: Final = " AND ".join(f"b.{name} = a.{name}" for name in ("measure", "day", "dims_id", "grade"))
_LEVEL: Final = "level"
_DIFFERENCES: Final = f"""
SELECT '{_LEVEL}',
CASE WHEN (SELECT event FROM tally WHERE id = ?) = (SELECT event FROM tally WHERE id = ?) THEN 1 ELSE 0 END
UNION ALL
SELECT a.measure, COUNT(*) FROM figure a LEFT JOIN figure b ON {_SAME} AND b.tally_id = ?
WHERE a.tally_id = ? AND (b.amount IS NULL OR b.amount <> a.amount) GROUP BY a.measure
UNION ALL
SELECT a.measure, COUNT(*) FROM figure a LEFT JOIN figure b ON {_SAME} AND b.tally_id = ?
WHERE a.tally_id = ? AND b.amount IS NULL GROUP BY a.measure
"""


def _put_in_force(tally_id: int) -> None:
    with database.transaction():
        if database.run(database.main, "UPDATE tally SET in_force = ? WHERE id = ?", True, tally_id).rowcount == 0:
            raise Overtaken
        database.run(database.main, "UPDATE tally SET in_force = ? WHERE id <> ?", False, tally_id)


def _drop_leftovers() -> None:
    """What a rebuild left that was killed."""
    for (tally_id,) in database.rows(database.main, "SELECT id FROM tally WHERE NOT in_force"):
        _drop(tally_id)


def _drop(tally_id: int) -> None:
    """Delete a tally, some rows at a time: nobody may wait long for the writer."""
    sql = "SELECT measure, day FROM figure WHERE tally_id = ? ORDER BY measure, day LIMIT 1 OFFSET ?"
    while some := database.rows(database.main, sql, tally_id, _DROPPED):
        upto = "DELETE FROM figure WHERE tally_id = ? AND (measure, day) <= (?, ?)"
        database.run(database.main, upto, tally_id, *some[0])
    with database.transaction():
        database.run(database.main, "UPDATE tally SET events = 0 WHERE id = ?", tally_id)  # who counts for it waits
        database.run(database.main, "DELETE FROM figure WHERE tally_id = ?", tally_id)
        database.run(database.main, "DELETE FROM tally WHERE id = ?", tally_id)
