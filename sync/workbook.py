"""The rows of an .xlsx workbook as text, one after the other, and nothing that blows up on the way."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.utils.escape import unescape

from sync.faults import Unreadable

Line = list[str] | None  # the cells of a row; None: it cannot be told where they begin and end
Lines = Callable[[int], Iterator[Line]]  # the rows of a sheet, from the first; as wide as asked at most, if it can

_MOST_SHEETS: Final = 10
_MOST_ROWS: Final = 1_048_576  # as many as Excel has
_MOST_BYTES: Final = 200_000_000  # unpacked, and
_MOST_TAGS: Final = 8_000_000  # in it: fifty thousand cases have half of that
_AT_ONCE: Final = 256  # rows
_CHUNK: Final = 1 << 16
_A_DAY: Final = time(0)


def sheets(path: Path) -> Iterator[Lines]:
    """The worksheets of a workbook, in their order. Raises Unreadable, also while their rows are read."""
    _weigh(path)
    yield partial(_rows, path, 0)  # it is nearly always the first; opening a big workbook takes seconds
    with _opened(path) as book:
        places = range(1, min(len(book.worksheets), _MOST_SHEETS))
    yield from (partial(_rows, path, place) for place in places)


def _rows(path: Path, place: int, width: int) -> Iterator[Line]:
    with _opened(path) as book:
        with _own_words():
            rows = book.worksheets[place].iter_rows(max_row=_MOST_ROWS, max_col=width, values_only=True)
        while True:
            with _own_words():
                some = [_line(row) for row in islice(rows, _AT_ONCE)]
            if not some:
                return
            yield from some


@contextmanager
def _opened(path: Path) -> Iterator[Workbook]:
    # by its handle: of a path, the library would judge by the name
    with path.open("rb") as file:
        with _own_words():
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        try:
            yield book
        finally:
            book.close()


@contextmanager
def _own_words() -> Iterator[None]:
    """The library raises whatever its parsers do on a damaged file, and warns of what does not concern us."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable("F_DAMAGED") from error


def _weigh(path: Path) -> None:
    """Unpack it once without keeping anything: a workbook that would fill the memory, or is damaged, ends here."""
    with _own_words(), ZipFile(path) as archive:
        if "xl/workbook.xml" not in archive.namelist():
            raise Unreadable("F_OTHER", what="document")
        size = tags = 0
        for part in archive.infolist():
            with archive.open(part) as unpacked:
                while chunk := unpacked.read(_CHUNK):
                    size, tags = size + len(chunk), tags + chunk.count(b"<")
                    if size > _MOST_BYTES or tags > _MOST_TAGS:
                        raise Unreadable("F_TOO_BIG")


def _line(row: Sequence[object]) -> list[str]:
    end = len(row) if row.count(None) < len(row) else 0  # it is as wide as asked, and mostly empty
    while end and row[end - 1] is None:
        end -= 1
    return [_told(value) for value in row[:end]]


def _told(value: object) -> str:
    """A cell's value as a person would type it; days and times as ISO 8601 has them."""
    match value:
        case None:
            return ""
        case str():
            return _whole(unescape(value)) if "_x" in value else value
        case bool():
            return str(value).upper()
        case float() if value.is_integer():
            return str(int(value))
        case datetime():
            second = (value + timedelta(milliseconds=500)).replace(microsecond=0)
            return (second.date() if second.time() == _A_DAY else second).isoformat()
        case date() | time():
            return value.isoformat()
    return str(value)


def _whole(text: str) -> str:
    """The text with halves of letters joined, or replaced if the other half is missing, and without NUL."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")
