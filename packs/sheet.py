"""Reads a CSV file as clerks really save it: with or without BOM, `,` `;` or tab, CRLF, empty columns and rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Final

from packs.faults import Fault

SEPARATORS: Final = ",;\t"
NO_BREAK_SPACE: Final = "\u00a0"


@dataclass(frozen=True)
class Columns:
    """The columns a sheet must have and those it may have. A trailing `_*` stands for any language."""

    required: Sequence[str]
    optional: Sequence[str] = ()

    def allows(self, name: str) -> bool:
        known = (*self.required, *self.optional, "note")
        family = re.sub(r"_[a-z]{2,3}$", "_*", name)
        return name in known or family in known


@dataclass(frozen=True)
class Row:
    """One line of a sheet: its cells by column name, trimmed; "" where a cell is empty or its column is missing."""

    sheet: Sheet
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def list(self, column: str) -> tuple[str, ...]:
        """The parts of a cell that holds several values with `|` between them."""
        return tuple(part.strip() for part in self[column].split("|") if part.strip())

    def fault(self, column: str, message: str) -> None:
        self.sheet.fault(self.line, column, message)


@dataclass
class Sheet:
    """A CSV file: its rows that are not empty, and where to report what is wrong with them."""

    file: str
    faults: list[Fault]
    header: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def fault(self, line: int, column: str, message: str) -> None:
        place = f"{column} ({letter(self.header.index(column))})" if column in self.header else column
        self.faults.append(Fault(self.file, line, place, message))

    def missing(self, column: str, message: str) -> None:
        """Something that no line says; not worth saying of a file that could not be read."""
        if self.header:
            self.fault(0, column, message)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)


def letter(index: int) -> str:
    """The letter of a column as Excel shows it: 0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def read(path: Path, name: str, columns: Columns, faults: list[Fault]) -> Sheet:
    """Read `path`, reported as `name`. What is wrong with its form goes to `faults`; what can be read is returned."""
    sheet = Sheet(name, faults)
    content = _content(path, sheet)
    if content is None:
        return sheet
    lines = StringIO(content, newline="")
    separator = max(SEPARATORS, key=lines.readline().count)
    lines.seek(0)
    records = _records(lines, separator, sheet)
    _, first = next(records, (1, []))
    sheet.header = [cell.strip().lower() for cell in first]
    while sheet.header and not sheet.header[-1]:
        sheet.header.pop()
    _check_header(sheet, columns)
    for line, cells in records:
        _add(sheet, line, cells)
    return sheet


def _content(path: Path, sheet: Sheet) -> str | None:
    try:
        return path.read_bytes().decode("utf-8-sig").replace(NO_BREAK_SPACE, " ")
    except FileNotFoundError:
        sheet.fault(0, "", "the file is missing.")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        sheet.fault(line, "", "this line is not UTF-8. In Excel save as “CSV UTF-8”.")
    return None


def _records(lines: Iterable[str], separator: str, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it starts on; a quoted cell may run over several lines."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    start = 1
    try:
        for cells in reader:
            yield start, cells
            start = reader.line_num + 1
    except csv.Error:
        sheet.fault(start, "", "the quotes of a cell that starts here are wrong; nothing after it was read.")


def _check_header(sheet: Sheet, columns: Columns) -> None:
    for name in columns.required:
        if name not in sheet.header:
            sheet.fault(1, name, "this column is missing.")
    for name in dict.fromkeys(sheet.header):
        if sheet.header.count(name) > 1:
            sheet.fault(1, name, "there are two columns of this name.")
        if not columns.allows(name):
            allowed = ", ".join((*columns.required, *columns.optional, "note"))
            sheet.fault(1, name, f"no such column is known here. Known are: {allowed}.")


def _add(sheet: Sheet, line: int, cells: list[str]) -> None:
    values = [cell.strip() for cell in cells]
    if not any(values):
        return
    for index, value in enumerate(values[len(sheet.header) :], len(sheet.header)):
        if value:
            sheet.fault(line, f"({letter(index)})", f"“{value}” stands right of the last column. A comma too many?")
    values += [""] * (len(sheet.header) - len(values))
    sheet.rows.append(Row(sheet, line, dict(zip(sheet.header, values, strict=False))))
