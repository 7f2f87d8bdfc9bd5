"""The made-up office and its turns."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from random import Random

from sync.mock.books import Books
from sync.mock.day import Day, Habits


class Office:
    """A made-up office that works out of its exchange folder: `out` is what we wrote, `in` is where it answers."""

    def __init__(self, habits: Habits, folder: Path) -> None:
        self._habits = habits
        self._out, self._in = folder / "out", folder / "in"
        self._own = folder / "office"  # its books
        self._ready = self._own / "ready"  # what it will send
        self._sent = self._own / "sent"  # copies of what it sent

    def turn(self, now: datetime) -> list[str]:
        """Do a day's work; what was done, in sentences. Killed in the middle, it is done again."""
        for folder in (self._out, self._in, self._ready, self._sent):
            folder.mkdir(parents=True, exist_ok=True)
        books = Books.opened(self._own)
        books.turns += 1
        rng = Random(f"{self._habits.seed}/{self._habits.agency}/{books.turns}")  # noqa: S311  a play, no secret
        late = tuple(books.ready)
        told = Day(self._habits, books, self._out, self._ready, self._sent, now, rng).live()
        books.save(self._own)  # only now is what lies ready known, and brought
        fresh = [name for name in books.ready if name not in late]
        keep = fresh[-1:] if rng.random() < self._habits.late else []
        told += self._bring(books, [name for name in books.ready if name not in keep], late)
        return [*told, *(f"Left {name} lying until the next time." for name in keep)]

    def tally(self) -> Mapping[str, int]:
        """What it did in all its turns."""
        return Books.opened(self._own).tally

    def _bring(self, books: Books, names: list[str], late: tuple[str, ...]) -> Iterator[str]:
        """Put what is ready where it is fetched, each file whole."""
        for name in names:
            if (self._ready / name).exists():  # else it was brought before a fall
                shutil.copyfile(self._ready / name, self._sent / name)
                (self._ready / name).replace(self._in / name)
            books.ready.remove(name)
            if name in late:
                yield f"Brought {name}, which had been left lying."
        books.save(self._own)
