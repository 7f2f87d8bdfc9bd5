"""The rows of one file on their way: put in order of what happened, without ever being in memory together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from store.model import to_micros
from sync import held
from sync.faults import RowFault
from sync.updates import Update

_CACHE_KIB: Final = 16_000


class Spool:
    """Takes rows in the order of the file and gives them in the order of what happened; keeps faults by row.

    They lie in a file of `folder` that has no name any more: it goes with the process, however that ends.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / ".rows.part"
        path.unlink(missing_ok=True)
        self._rows = sqlite3.connect(path, isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._rows.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._rows.execute(
            "CREATE TABLE said (at INTEGER, row INTEGER, told BLOB, PRIMARY KEY (at, row)) WITHOUT ROWID"
        )
        self._rows.execute("CREATE TABLE key (id TEXT PRIMARY KEY) WITHOUT ROWID")
        self._rows.execute("CREATE TABLE fault (row INTEGER PRIMARY KEY, told BLOB)")
        self._rows.execute("BEGIN")
        path.unlink()
        self.faults = 0

    def close(self) -> None:
        self._rows.close()

    def put(self, update: Update) -> None:
        """Keep a row that can be understood."""
        told = to_micros(update.occurred_at), update.row, held.plain(update)
        self._rows.execute("INSERT INTO said VALUES (?, ?, ?)", told)

    def blame(self, fault: RowFault) -> None:
        """Keep what is wrong with a row."""
        told = orjson.dumps([fault.row, fault.code, fault.field, fault.value, fault.cells, fault.more])
        self._rows.execute("INSERT INTO fault VALUES (?, ?)", (fault.row, told))
        self.faults += 1

    def is_new(self, key: str) -> bool:
        """Whether a row of this key was not asked about before."""
        return bool(self._rows.execute("INSERT OR IGNORE INTO key VALUES (?)", (key,)).rowcount)

    def in_order(self, most: int) -> Iterator[list[Update]]:
        """The rows by (occurred_at, row), `most` at a time."""
        rows = self._rows.execute("SELECT told FROM said ORDER BY at, row")
        while some := rows.fetchmany(most):
            yield [held.read(told) for (told,) in some]

    def all_faults(self) -> Iterator[RowFault]:
        """What is wrong, row by row."""
        for (told,) in self._rows.execute("SELECT told FROM fault ORDER BY row"):
            yield RowFault(*orjson.loads(told))
