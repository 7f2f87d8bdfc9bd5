"""The sheets that translators fill in: CSV for any program, or an Excel workbook that counts along."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from string import Formatter
from typing import Final
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils.exceptions import InvalidFileException

from locales.catalogue import Review
from packs.faults import Fault
from packs.sheet import Columns, Row, Sheet, read
from ussd_app.cli.locales.texts import Text, units
from ussd_app.refusal import Refusal

# Column and its width in the workbook, in characters
COLUMNS: Final = {
    "id": 16,
    "English": 50,
    "Swahili": 50,
    "context": 30,
    "budget": 8,
    "text": 60,
    "septets": 8,
    "reviewer": 24,
}
FORMS: Final = (".csv", ".xlsx")
_READ: Final = Columns(("id", "english", "text"), ("swahili", "context", "budget", "septets", "reviewer"))
_TO_FILL: Final = ("text", "reviewer")
_RED: Final = DifferentialStyle(font=Font(color="C00000", bold=True))
_WEAK: Final = "A guess that nobody sees: mend it."


def write(path: Path, language: str, texts: Sequence[Text]) -> None:
    """Write a sheet with a row for each text; a CSV as Excel opens it, in UTF-8 with its mark."""
    if path.suffix == ".csv":
        content = StringIO(newline="")
        lines = csv.writer(content, lineterminator="\r\n")
        lines.writerow(COLUMNS)
        lines.writerows(_cells(text, str(units(text.words, language)) if text.words else "") for text in texts)
        path.write_text(content.getvalue(), encoding="utf-8-sig", newline="")
    else:
        _workbook(texts).save(path)


def rows(path: Path, faults: list[Fault]) -> list[Row]:
    """The rows of a sheet that came back; what is wrong with its form goes to `faults`."""
    return (read(path, path.name, _READ, faults) if path.suffix == ".csv" else _from_workbook(path, faults)).rows


def review(cell: str, today: str) -> Review | None:
    """Who stands for a text, as the cell says: `NAME`, or `NAME, 2026-12-01` if it was not today."""
    found = re.fullmatch(r"(.+?)(?:, (\d{4}-\d\d-\d\d))?", " ".join(cell.split()))
    return Review(found[1], found[2] or today) if found else None


def _cells(text: Text, septets: str) -> list[str | int]:
    context = f"{text.context} {_WEAK}" if text.weak else text.context
    reviewer = f"{text.by.name}, {text.by.day}" if text.by else ""
    return [text.id, text.english, text.swahili, context, text.budget, text.words, septets, reviewer]


def _workbook(texts: Sequence[Text]) -> Workbook:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(COLUMNS))
    letters = {name: chr(ord("A") + place) for place, name in enumerate(COLUMNS)}
    for line, text in enumerate(texts, 2):
        sheet.append(_cells(text, _count(f"{letters['text']}{line}", text.english)))
    for name, width in COLUMNS.items():
        sheet.column_dimensions[letters[name]].width = width
        sheet[f"{letters[name]}1"].font = Font(bold=True)
        for line in range(2, len(texts) + 2):
            cell = sheet[f"{letters[name]}{line}"]
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if name in _TO_FILL:
                cell.fill = PatternFill("solid", fgColor="FFF8DC")
    sheet.freeze_panes = "C2"
    span = f"{letters['septets']}2:{letters['septets']}{len(texts) + 1}"
    too_wide = Rule("cellIs", operator="greaterThan", formula=[f"{letters['budget']}2"], dxf=_RED)
    sheet.conditional_formatting.add(span, too_wide)
    return book


def _count(cell: str, english: str) -> str:
    """The formula that counts the letters of a cell while one types, without the placeholders of the English."""
    placeholders = sum(len(name) + len("{}") for _, name, *_ in Formatter().parse(english) if name)
    return f'=IF({cell}="","",LEN({cell})-{placeholders})'


def _from_workbook(path: Path, faults: list[Fault]) -> Sheet:
    """The first sheet of a workbook, in the form of a CSV that was read."""
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError):
        raise Refusal(f"{path} is not an Excel workbook. Save it as .xlsx or as CSV UTF-8.") from None
    head, *lines = [[_plain(cell) for cell in line] for line in book.worksheets[0].iter_rows(values_only=True)] or [[]]
    book.close()
    sheet = Sheet(path.name, faults, header=[name.lower() for name in head])
    for name in _READ.required:
        if name not in sheet.header:
            sheet.fault(1, name, "this column is missing.")
    for number, line in enumerate(lines, 2):
        if any(line):
            sheet.rows.append(Row(sheet, number, dict(zip(sheet.header, line, strict=False))))
    return sheet


def _plain(cell: object) -> str:
    return "" if cell is None else str(cell).replace("\r\n", "\n").replace("\u00a0", " ").strip()
