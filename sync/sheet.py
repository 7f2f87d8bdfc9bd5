"""Sheets as files: what we write opens cleanly in Excel and LibreOffice, what they make of it is read again.

Outgoing CSV: UTF-8 with its mark, CRLF, every field quoted, no cell that a spreadsheet takes for a formula. Incoming:
CSV in any of the encodings and separators that Excel saves, or .xlsx; told apart by the first bytes, since names lie.
Both are streamed: memory does not grow with the number of rows.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from sync.columns import COLUMNS, UPDATES, called
from sync.faults import Unreadable

if TYPE_CHECKING:
    from sync.workbook import Line, Lines

LONGEST_CELL: Final = 32_767  # letters: as many as a cell of Excel holds
_LONGEST_LINE: Final = 4_000_000  # letters; a file without a line break must not fill the memory
_MOST_COLUMNS: Final = 500  # with a name
_TITLE_ROWS: Final = 20  # that may stand above the header
_FEWEST_NAMES: Final = 3  # of ours that make a row the header
_SAMPLE: Final = 65_536

# Besides = + - @ TAB CR and ' itself: their full-width forms, which some editions evaluate as well
_RISKY: Final = frozenset("=+-@\t\r'＝＋－＠")
_BLANK: Final = " \n\u00a0"  # what a spreadsheet looks behind
_SUSPECT: Final = _RISKY | set(_BLANK)  # where no cell begins with these, none has to be looked at
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


class Number(str):
    """A cell that is a number and stays one: the sign of a latitude starts no formula. "" is none."""

    __slots__ = ()

    def __new__(cls, told: str) -> Number:
        if told and not _NUMBER.fullmatch(told):
            raise ValueError(f"{told!r} is not a number")
        return super().__new__(cls, told)


Cell = str | Number


def guard(text: str) -> str:
    """The text with a `'` before it if a spreadsheet could take it for a formula, or for such a guard."""
    return f"'{text}" if text.lstrip(_BLANK)[:1] in _RISKY else text


def _guarded(cell: Cell) -> str:
    return cell if isinstance(cell, Number) else guard(cell)


def unguard(text: str) -> str:
    """The text without its guard: exactly one `'` is taken off."""
    return text[1:] if text[:1] == "'" else text


def write_csv(rows: Iterable[Sequence[Cell]], out: IO[bytes]) -> int:
    """Write rows (the header is the first) and leave `out` open; returns how many they were, the header with them."""
    written = 0
    out.write(codecs.BOM_UTF8)  # here, since "utf-8-sig" is slow for every line
    text = TextIOWrapper(out, encoding="utf-8", errors="replace", newline="")
    try:
        lines = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        for row in rows:
            lines.writerow([_guarded(cell) if cell[:1] in _SUSPECT else cell for cell in row])
            written += 1
    finally:
        text.detach()
    return written


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its `number` as a spreadsheet shows it (from 1, title and empty rows counted), its cells by column.

    `flaw` is the code of the fault if the row as such cannot be read; its cells are then what could be saved of it.
    """

    number: int
    cells: Mapping[str, str]
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that came in. `header` names our columns as in `sync.columns`, strange ones as they are headed.

    Iterating reads the file anew, row by row, without empty rows and without guards.
    """

    header: tuple[str, ...]
    _at: int = field(repr=False)  # the header's row
    _lines: Lines = field(repr=False)

    def __iter__(self) -> Iterator[Row]:
        for number, line in enumerate(self._lines(len(self.header)), 1):
            if number <= self._at:
                continue
            if line is None:
                yield Row(number, {}, "E_ROW")
            elif line and "".join(line).strip():
                yield self._row(number, line)

    def _row(self, number: int, line: list[str]) -> Row:
        cells = dict(zip(self.header, [cell[1:] if cell[:1] == "'" else cell for cell in line], strict=False))
        cells.pop("", None)
        if max(map(len, line)) > LONGEST_CELL:
            return Row(number, {name: cell[:LONGEST_CELL] for name, cell in cells.items()}, "E_ROW")
        if any(line[len(self.header) :]):
            return Row(number, cells, "E_COLUMNS")
        return Row(number, cells)


def read(path: Path) -> Sheet:
    """Look into a file and find its header.

    Raises Unreadable, for the whole file, here; also while one iterates, if a workbook turns out to be damaged.
    """
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    _refuse_others(sample)
    sources = _workbook(path) if sample.startswith(b"PK") else [_csv(path, sample)]
    found = next(filter(None, map(_sheet, sources)), None)
    if not found:
        raise Unreadable("F_HEADER", columns="case_ref, status, note, update_key …")
    return found


def _refuse_others(sample: bytes) -> None:
    begin = sample.lstrip()[:9].lower()
    if not begin:
        raise Unreadable("F_EMPTY")
    if sample.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("F_XLS")
    if begin.startswith(b"%pdf"):
        raise Unreadable("F_OTHER", what="pdf")
    if begin.startswith((b"<html", b"<!doctype", b"<?xml", b"<table")):
        raise Unreadable("F_OTHER", what="page")


def _workbook(path: Path) -> Iterator[Lines]:
    from sync import workbook  # noqa: PLC0415  most processes never see one, and what reads it is big

    return workbook.sheets(path)


def _sheet(lines: Lines) -> Sheet | None:
    """The sheet that these lines make, or None if there is no header in them."""
    for number, line in enumerate(islice(lines(_MOST_COLUMNS), _TITLE_ROWS), 1):
        if line and _known(line) >= _FEWEST_NAMES:
            header = tuple(called(cell) for cell in line)
            _check(header)
            return Sheet(header, number, lines)
    return None


def _known(line: Sequence[str]) -> int:
    names = {called(cell) for cell in line}
    return sum(name in COLUMNS or name in UPDATES for name in names)


def _check(header: Sequence[str]) -> None:
    if sum(map(bool, header)) > _MOST_COLUMNS:
        raise Unreadable("F_TOO_BIG")
    twice = [name for name in (*COLUMNS, *UPDATES) if header.count(name) > 1]
    if twice:
        raise Unreadable("F_COLUMN_TWICE", columns=", ".join(dict.fromkeys(twice)))


def _in_cp1252(error: UnicodeError) -> tuple[str, int]:
    """What is no UTF-8 was typed in a program that knows only Windows' own letters: read those bytes as such."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("mlango.cp1252", _in_cp1252)


def _csv(path: Path, sample: bytes) -> Lines:
    marked = sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding, errors = ("utf-16", "replace") if marked else ("utf-8-sig", "mlango.cp1252")
    begin = sample.decode(encoding, errors).splitlines(keepends=True)[:_TITLE_ROWS]
    separator = max(",;\t", key=lambda each: max(map(_known, csv.reader(begin, delimiter=each)), default=0))

    def lines(_: int) -> Iterator[Line]:
        with path.open(encoding=encoding, errors=errors, newline="") as text:
            pieces = iter(partial(text.readline, _LONGEST_LINE), "")
            records = csv.reader((piece.replace("\0", "") for piece in pieces), delimiter=separator)
            while True:
                try:
                    yield next(records)
                except StopIteration:
                    return
                except csv.Error:  # a cell without end; the next line begins a new record
                    yield None

    return lines
