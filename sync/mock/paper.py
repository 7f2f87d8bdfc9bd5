"""A sheet in the hands of a made-up clerk: opened from Excel or CSV, filled in cell by cell, and saved as they do."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook, load_workbook

from sync.columns import called
from sync.mock.books import Row
from sync.mock.handwriting import Dress

_FIRST: Final = 2  # Excel counts rows from 1, and the first is the header


class Paper:
    """A sheet with a header. `rows` gives each row by the names of our columns; `write` fills in some of its cells."""

    def __init__(self, path: Path) -> None:
        self._book: Workbook | None = load_workbook(path) if path.suffix == ".xlsx" else None
        if self._book:
            lines = [[_text(cell) for cell in line] for line in self._book.worksheets[0].iter_rows(values_only=True)]
        else:
            lines = list(csv.reader(StringIO(path.read_text("utf-8-sig"), newline="")))
        self._header, *self._lines = lines
        self._place = {called(heading): place for place, heading in enumerate(self._header)}

    def rows(self) -> Iterator[tuple[int, Row]]:
        """The rows, each with its number."""
        for number, line in enumerate(self._lines):
            yield number, {name: line[place] for name, place in self._place.items()}

    def write(self, number: int, cells: Mapping[str, str]) -> None:
        for name, words in cells.items():
            self._lines[number][self._place[name]] = words
            if self._book:
                self._book.worksheets[0].cell(_FIRST + number, self._place[name] + 1).value = words or None

    def saved(self, dress: Dress) -> bytes:
        """The file as it is sent back: a workbook stays one, a table is saved in that dress."""
        if self._book is None:
            return dress.on([self._header, *self._lines])
        out = BytesIO()
        self._book.save(out)
        return out.getvalue()


def _text(value: Any) -> str:
    return "" if value is None else str(value)
