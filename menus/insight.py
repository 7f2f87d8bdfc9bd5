"""Where citizens give up: how often each screen was shown, answered, dropped, and how long an answer took.

Kept by day, screen and language, without anybody in it. A process counts in memory and adds what it has to the table
every 5 seconds, in one statement; what a process that ends had not added yet is lost, and matters little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from operator import add, attrgetter
from threading import Lock
from time import sleep
from typing import Any, Final
from zoneinfo import ZoneInfo

from peewee import CharField, DoubleField, IntegerField

from packs.model import Pack
from store import database
from store.model import SessionModel, new_id, node_name

FLUSH_EVERY: Final = timedelta(seconds=5)


class ScreenCount(SessionModel):
    """What happened on a screen on a day, in a language, as far as this box saw it."""

    day = CharField(max_length=10)  # in the pack's zone: 2026-11-23
    screen = CharField(max_length=40)
    language = CharField(max_length=8)
    shown = IntegerField()
    answered = IntegerField()
    dropped = IntegerField()
    ended = IntegerField()
    seconds = DoubleField()  # from shown to answered, all answers together

    class Meta:
        table_name = "screen_count"
        indexes = ((("day", "screen", "language", "node"), True),)


@dataclass(slots=True)
class Counts:
    """Every screen that is shown is answered, or dropped, or ends the session; of what goes on just now none is said
    yet. `seconds` are those of all answers together."""

    shown: int = 0
    answered: int = 0
    dropped: int = 0
    ended: int = 0
    seconds: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*map(add, _values(self), _values(other)))

    @property
    def lost(self) -> float:
        """The share of citizens who gave up here, from 0 to 1; those whose answer is still awaited don't count."""
        decided = self.answered + self.dropped + self.ended
        return self.dropped / decided if decided else 0.0


class Insight:
    """Counts for one process; many threads may tell it. A count that cannot be stored is kept, and costs no hop."""

    def __init__(self, pack: Callable[[], Pack], log: Callable[..., None]) -> None:
        self._pack, self._log = pack, log
        self._counted: dict[tuple[str, str], Counts] = {}
        self._since: datetime | None = None  # when the oldest of them was counted
        self._alone = Lock()

    def shown(self, screen: str, language: str, now: datetime, *, end: bool = False) -> None:
        """The citizen sees this screen; `end`: it closes the session."""
        if self._since and now - self._since >= FLUSH_EVERY:
            self.flush()
        with self._alone:
            self._since = self._since or now
            counts = self._of(screen, language)
            counts.shown += 1
            counts.ended += end

    def answered(self, screen: str, language: str, seconds: float) -> None:
        """They pressed a key or typed, this long after they got the screen."""
        with self._alone:
            counts = self._of(screen, language)
            counts.answered += 1
            counts.seconds += max(seconds, 0.0)

    def dropped(self, screen: str, language: str, now: datetime) -> None:
        """They hung up, or the line was lost, or they said nothing for too long."""
        with self._alone:
            self._since = self._since or now
            self._of(screen, language).dropped += 1

    def flush(self) -> None:
        """Add what was counted to the table."""
        with self._alone:
            counted, since = self._counted, self._since
            if since is None:  # nothing new; an answer whose next screen is not counted yet, what failed lately
                return
            self._counted, self._since = {}, None
        try:
            day = since.astimezone(ZoneInfo(self._pack().zone)).date()
            database.steady(lambda: _add(day, counted))
        except Exception as fault:  # whoever dials just now must not suffer from it
            self._log("screens_not_counted", fault=repr(fault))
            with self._alone:  # again 5 seconds after the next hop
                for (screen, language), counts in counted.items():
                    self._counted[screen, language] = self._of(screen, language) + counts

    def keep_flushing(self) -> None:
        """For ever, in a thread of its own: who was the last to dial for an hour is counted now."""
        while True:
            sleep(FLUSH_EVERY.total_seconds())
            self.flush()

    def _of(self, screen: str, language: str) -> Counts:
        counts = self._counted.get((screen, language))
        if counts is None:
            counts = self._counted[screen, language] = Counts()
        return counts


def funnel(first: date, last: date, language: str | None = None) -> dict[str, Counts]:
    """By screen what happened in these days, both included, in one language or in all of them."""
    sums = ", ".join(f"SUM({name})" for name in _NAMES)
    days = (first.isoformat(), last.isoformat())
    spoken = ("AND language = ?", (language,)) if language else ("", ())
    rows = database.rows(
        database.sessions,
        f"SELECT screen, {sums} FROM screen_count WHERE day BETWEEN ? AND ? {spoken[0]} GROUP BY screen",
        *(*days, *spoken[1]),
    )
    return {screen: Counts(*counts) for screen, *counts in rows}


_NAMES: Final = tuple(one.name for one in fields(Counts))
_values: Final = attrgetter(*_NAMES)
_ADD: Final = " ON CONFLICT (day, screen, language, node) DO UPDATE SET " + ", ".join(
    f"{name} = screen_count.{name} + excluded.{name}" for name in _NAMES
)


def _add(day: date, counted: Mapping[tuple[str, str], Counts]) -> None:
    """In one statement, in one order: two processes that add at once wait for each other and never for ever."""
    rows = [
        (new_id(), node_name(), day.isoformat(), screen, language, *_values(counts))
        for (screen, language), counts in sorted(counted.items())
    ]
    columns = ("id", "node", "day", "screen", "language", *_NAMES)
    row = f"({', '.join('?' * len(columns))})"
    insert = f"INSERT INTO screen_count ({', '.join(columns)}) VALUES {', '.join([row] * len(rows))}{_ADD}"
    values: list[Any] = [value for one in rows for value in one]
    database.run(database.sessions, insert, *values)
