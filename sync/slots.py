"""Which runs are due, and who does them: a row for each office and slot, so that none is done twice.

A slot is named after what it is for: `2026-11-23`, a working day; `2026-11-23T09:15`, a minute of a demonstration;
`hand-…` and `stick-…`, runs that somebody asked for. However many schedulers look, and however wrong the clock was, the
row is there once. After a standstill only the newest day that was missed is run; those before it are *covered* by it:
its files have their news, too.

Who runs a slot renews its lease, which is counted in the relay's ticks: a clock set wrong takes it from nobody. And
who works with an office's folders, for a slot or by hand, has them alone: the system's own lock is let go of by
whoever dies.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from peewee import OperationalError

from packs.model import Calendar
from sms_gateway import heartbeat
from store import database
from store.model import from_micros, new_id, node_name, to_micros

LEASE_TICKS: Final = 24  # two minutes: the relay beats every five seconds
KEEP: Final = timedelta(days=90)
_RENEW_EVERY_S: Final = 20.0
_MONTH: Final = 31  # days; an office that closes for longer has no day that is due
_FIRST_REST: Final = 12  # ticks until a run that failed is tried again: a minute, then twice that …
_LONGEST_REST: Final = 720  # … up to an hour
_DAY: Final = timedelta(days=1)
_SCHEDULED: Final = "slot < 'a'"  # dates sort before the names of runs by hand
_COLUMNS: Final = "id, agency, slot, attempts, due_at"
_FREE: Final = "(state = 'due' OR state = 'running') AND COALESCE(lease, 0) <= ?"


class State(StrEnum):
    """What became of a slot."""

    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    COVERED = "covered"


class Busy(Exception):
    """Another run is at work in the office's folders."""

    def __init__(self, agency: str) -> None:
        super().__init__(f"Another run for {agency} is going on; try again when it has ended.")


@dataclass(frozen=True, slots=True)
class Slot:
    """A run. `attempts` counts how often it was begun, and tells who holds it from who once did."""

    id: str
    agency: str
    name: str
    attempts: int
    due_at: datetime

    @property
    def is_day(self) -> bool:
        """Whether it is for a working day, and not for a minute or by hand."""
        return len(self.name) == len("2026-11-23")


# When


def is_working(calendar: Calendar, day: date) -> bool:
    return bool(calendar.hours.get(day.weekday())) and day not in calendar.holidays


def day_due(calendar: Calendar, at: time, now: datetime) -> str | None:
    """The newest working day whose hour `at` has come, as a slot; None if a month had none."""
    local = now.astimezone(ZoneInfo(calendar.zone))
    newest = local.date() if local.time() >= at else local.date() - _DAY
    days = (newest - _DAY * back for back in range(_MONTH))
    return next((day.isoformat() for day in days if is_working(calendar, day)), None)


def minute_due(calendar: Calendar, now: datetime) -> str:
    """The slot of this minute, for demonstrations."""
    return f"{now.astimezone(ZoneInfo(calendar.zone)):%Y-%m-%dT%H:%M}"


def days_between(calendar: Calendar, after: str, before: str) -> list[str]:
    """The working days that lie between two slots, a month of them at most."""
    last = date.fromisoformat(before[:10])
    first = max(date.fromisoformat(after[:10]), last - _DAY * _MONTH)
    days = (first + _DAY * ahead for ahead in range(1, (last - first).days))
    return [day.isoformat() for day in days if is_working(calendar, day)]


def days_since(calendar: Calendar, at: time, then: datetime, now: datetime) -> int:
    """How many working days had their hour `at` since then."""
    zone = ZoneInfo(calendar.zone)
    count, day = 0, then.astimezone(zone).date()
    while (moment := datetime.combine(day, at, zone)) <= now:
        count += moment > then and is_working(calendar, day)
        day += _DAY
    return count


# The rows


def make_due(agency: str, name: str, now: datetime, missed: Calendar | None = None) -> bool:
    """Note that a slot is due; False if it, or a newer one, was there before.

    What an older slot had left to do is covered by it, and so are the working days of `missed` that nobody noted.
    """
    newest = newest_of(agency)
    if newest and newest.name >= name:
        return False
    with database.transaction():
        if not _insert(Slot(new_id(), agency, name, 0, now), State.DUE):
            return False
        cover = f"UPDATE exchange_slot SET state = 'covered' WHERE agency = ? AND {_FREE} AND slot < ?"
        database.run(database.main, cover, agency, heartbeat.current_tick(), name)
        for day in days_between(missed, newest.name, name) if missed and newest else ():
            _insert(Slot(new_id(), agency, day, 0, now), State.COVERED)
    return True


def newest_of(agency: str) -> Slot | None:
    """The newest slot of an office that was scheduled."""
    newest = f"SELECT {_COLUMNS} FROM exchange_slot WHERE agency = ? AND {_SCHEDULED} ORDER BY slot DESC LIMIT 1"
    found = database.rows(database.main, newest, agency)
    return _slot(found[0]) if found else None


def claimable() -> list[Slot]:
    """The slots that wait for somebody, or were left by whoever ran them; what waits longest first."""
    waiting = f"SELECT {_COLUMNS} FROM exchange_slot WHERE {_FREE} AND {_SCHEDULED} ORDER BY due_at, agency"
    return [_slot(row) for row in database.rows(database.main, waiting, heartbeat.current_tick())]


def claim(slot: Slot, now: datetime) -> Slot | None:
    """Take a slot; None if somebody else has it, or had it."""
    tick = heartbeat.current_tick()
    taken = database.rows(
        database.main,
        "UPDATE exchange_slot SET state = 'running', lease = ?, attempts = attempts + 1, started_at = ?, error = NULL "
        f"WHERE id = ? AND {_FREE} RETURNING {_COLUMNS}",
        *(tick + LEASE_TICKS, to_micros(now), slot.id, tick),
    )
    return _slot(taken[0]) if taken else None


def by_hand(agency: str, now: datetime, how: str) -> Slot:
    """A slot of its own for a run that somebody asks for now. Who calls has the office alone."""
    left = f"UPDATE exchange_slot SET state = 'done', error = ? WHERE agency = ? AND NOT {_SCHEDULED}"
    slot = Slot(new_id(), agency, f"{how}-{new_id()}", 1, now)
    with database.transaction():
        database.run(database.main, f"{left} AND state = 'running'", "It was interrupted.", agency)
        _insert(slot, State.RUNNING)
    return slot


def last_by_hand(agency: str, how: str) -> datetime | None:
    """When such a run last went well."""
    last = "SELECT MAX(due_at) FROM exchange_slot WHERE agency = ? AND slot LIKE ? AND state = 'done' AND error IS NULL"
    micros = database.rows(database.main, last, agency, f"{how}-%")[0][0]
    return None if micros is None else from_micros(micros)


def finish(slot: Slot, now: datetime, error: str | None = None) -> None:
    """It was run; `error` is what did not go well."""
    _settle(slot, State.DONE, error, now)


def put_back(slot: Slot, now: datetime, error: str) -> None:
    """It failed: it is tried again after a while, later each time. A run by hand is not."""
    if slot.name[0].isalpha():
        _settle(slot, State.DONE, error, now)
        return
    rest = min(_FIRST_REST * 2 ** min(slot.attempts - 1, 10), _LONGEST_REST)
    _settle(slot, State.DUE, error, None, heartbeat.current_tick() + rest)


def prune(agency: str, before: datetime) -> None:
    """Forget what was run before that moment; the newest slot stays, or it would be run again."""
    newest = newest_of(agency)
    old = "DELETE FROM exchange_slot WHERE agency = ? AND state IN ('done', 'covered') AND due_at < ? AND id <> ?"
    database.run(database.main, old, agency, to_micros(before), newest.id if newest else "")


def _settle(slot: Slot, state: State, error: str | None, done_at: datetime | None, lease: int = 0) -> None:
    """Only who still holds it says what became of it."""
    database.run(
        database.main,
        "UPDATE exchange_slot SET state = ?, lease = ?, error = ?, done_at = ? "
        "WHERE id = ? AND attempts = ? AND state = 'running'",
        str(state),
        lease,
        error,
        to_micros(done_at) if done_at else None,
        slot.id,
        slot.attempts,
    )


def _insert(slot: Slot, state: State) -> bool:
    made = database.run(
        database.main,
        "INSERT INTO exchange_slot (id, node, agency, slot, state, attempts, due_at, started_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (agency, slot) DO NOTHING",
        slot.id,
        node_name(),
        slot.agency,
        slot.name,
        str(state),
        slot.attempts,
        to_micros(slot.due_at),
        to_micros(slot.due_at) if state is State.RUNNING else None,
    )
    return bool(made.rowcount)


def _slot(row: Sequence[Any]) -> Slot:
    id, agency, name, attempts, due_at = row
    return Slot(id, agency, name, attempts, from_micros(due_at))


# Whose turn it is


@contextmanager
def alone(folder: Path, agency: str) -> Iterator[None]:
    """Have an office's folder, which is made if need be, to oneself. Raises Busy."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".turn").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(agency) from None
        yield


@contextmanager
def kept(slot: Slot, every_s: float = _RENEW_EVERY_S) -> Iterator[None]:
    """Renew the lease of a slot in the background: a file may be on a slow line for long."""
    over = threading.Event()
    keeper = threading.Thread(target=_renew_until, args=(over, slot, every_s), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _renew_until(over: threading.Event, slot: Slot, every_s: float) -> None:
    renew = "UPDATE exchange_slot SET lease = ? WHERE id = ? AND attempts = ? AND state = 'running'"
    while not over.wait(every_s):
        with suppress(OperationalError):  # the database is busy or away: the next time
            tick = heartbeat.current_tick()
            database.run(database.main, renew, tick + LEASE_TICKS, slot.id, slot.attempts)
    database.close()
