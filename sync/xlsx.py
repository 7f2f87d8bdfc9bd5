"""A form to be filled in as an Excel file (.xlsx), written row by row: a sheet with some columns to write in, and one
that says how.

What is printed is locked, without a password, so that no slip of the hand changes a case number; one can filter, but
not sort: who sorted only the columns they may write in would give every note to another case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from tempfile import TemporaryFile
from typing import IO, Final

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Border, Color, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from sync.sheet import LONGEST_CELL, guard

Value = str | int | date | None


class Kind(StrEnum):
    """What stands in a column; the value is Excel's name of the format."""

    TEXT = "@"  # stays as typed: no number is made of it
    DATE = "dd/mm/yyyy"
    NUMBER = "0"


class Shade(StrEnum):
    """Colours, chosen to be told apart on a poor screen and in black and white."""

    NONE = ""
    LATE = "FFD9A0"
    VERY_LATE = "F4A9A0"


@dataclass(frozen=True, slots=True)
class Check:
    """What may be written in a column, and what its writer is told. Excel asks "all the same?" where it looks wrong."""

    title: str  # at most 32 characters, as Excel has it
    prompt: str  # while the cell is chosen; at most 255, as are the next two
    doubt: str  # when something else was typed
    choices: tuple[str, ...] = ()  # offered in a list, with commas between them
    most: int = LONGEST_CELL  # characters of a text


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what stands over it, how wide it is (characters), and what may be written in it, if anything."""

    heading: str
    width: int
    kind: Kind = Kind.TEXT
    check: Check | None = None
    is_wrapped: bool = False  # on several lines
    tint: Shade = Shade.NONE  # of all its cells
    is_shaded: bool = False  # takes the shade of its row
    is_inner: bool = False  # for the machine: grey, and not printed on paper
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Manual:
    """The second sheet: how to fill in the first, in several languages."""

    title: str
    parts: Mapping[str, Sequence[str]]  # heading → its lines


_EARLIEST: Final = 36_526  # 1 January 2000 as Excel counts days: no older date is meant
_A4: Final = 9
_FONT: Final = "Calibri"
_LINE_POINTS, _MOST_LINES = 15.0, 25  # no row is higher than 409 points
_SLACK: Final = 2  # characters of a line
_MANUAL_WIDTH: Final = 105  # letters; a single column that is wider than the paper is cut, not scaled
_INK, _PALE, _GREEN, _OCHRE, _YELLOW = "14201D", "8A8578", "20544A", "7A4A12", "FFF8DC"
# What XML cannot hold
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LINE: Final = Side(style="thin", color="D8D2C4")


class Form:
    """One workbook. Rows are given from the top down; nothing but the newest is kept in memory."""

    def __init__(self, title: str, header: str, columns: Sequence[Column], manual: Manual) -> None:
        """`title`: on the tab, at most 31 characters; `header`: on top of each printed page."""
        self._columns, self.rows = tuple(columns), 0  # the header is no row
        self._book = Workbook(write_only=True)
        self._book.properties.creator = "Mlango"
        self._sheet = self._book.create_sheet(title)
        self._manual = self._book.create_sheet(manual.title)
        self._set_up(header)
        self._sheet.row_dimensions[1].height = 2 * _LINE_POINTS
        self._sheet.append([_heading(self._sheet, column) for column in self._columns])
        self._cells = {shade: [_cell(self._sheet, column, shade) for column in self._columns] for shade in Shade}
        _explain(self._manual, manual)

    def add(self, values: Sequence[Value], shade: Shade = Shade.NONE) -> None:
        """The next row: a value for each column. A text is never taken for a formula."""
        cells = self._cells[shade]
        for cell, value in zip(cells, values, strict=True):
            cell.value = _UNPRINTABLE.sub("", guard(value)) if isinstance(value, str) else value
        self.rows += 1
        heights, place = self._sheet.row_dimensions, self.rows + 1
        heights[place].height = self._height(values)
        self._sheet.append(cells)
        del heights[place]

    def _height(self, values: Sequence[Value]) -> float:
        """Of a row in points: Excel finds it by itself, LibreOffice does not."""
        wrapped = (
            _lines(value, column.width)
            for column, value in zip(self._columns, values, strict=True)
            if column.is_wrapped and isinstance(value, str)
        )
        return _LINE_POINTS * min(max(wrapped, default=1), _MOST_LINES)

    def save(self, out: IO[bytes]) -> None:
        """Write the file; the form is done then."""
        sheet, last = self._sheet, self.rows + 1
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(self._columns))}{last}"
        printed = [number for number, column in enumerate(self._columns, 1) if not column.is_inner]
        sheet.print_area = f"A1:{get_column_letter(max(printed))}{last}"
        for number, column in enumerate(self._columns, 1):
            if column.check:
                letter = get_column_letter(number)
                checked = _validation(column.kind, column.check)
                checked.add(f"{letter}2:{letter}{max(last, 2)}")
                sheet.data_validations.append(checked)
        self._book.save(out)

    def discard(self) -> None:
        """Let go of what was written for it on disk so far: nobody wants the file."""
        with suppress(Exception), TemporaryFile() as nowhere:  # as broken as it may be
            self._book.save(nowhere)

    def _set_up(self, header: str) -> None:
        sheet = self._sheet
        sheet.freeze_panes = "B2"
        sheet.sheet_view.zoomScale = 90
        for number, column in enumerate(self._columns, 1):
            dimension = sheet.column_dimensions[get_column_letter(number)]
            dimension.width, dimension.hidden = column.width, column.is_hidden
        sheet.protection.sheet = True
        sheet.protection.autoFilter = sheet.protection.formatColumns = sheet.protection.formatRows = False  # permitted
        _print_across(sheet)
        sheet.page_margins.left = sheet.page_margins.right = 0.4  # inches
        sheet.print_title_rows = "1:1"
        sheet.oddHeader.left.text = header.replace("&", "&&")
        sheet.oddFooter.right.text = "&P / &N"


def _print_across(sheet: Worksheet) -> None:
    """On A4 paper laid across, all columns side by side."""
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", _A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _heading(sheet: Worksheet, column: Column) -> Cell:
    cell = WriteOnlyCell(sheet, column.heading)
    cell.font = Font(_FONT, bold=True, color="FFFFFF")
    cell.fill = _filled(_OCHRE if column.check else _PALE if column.is_inner else _GREEN)
    cell.alignment = Alignment(wrap_text=True, vertical="center")
    cell.border = _edged()
    return cell


def _cell(sheet: Worksheet, column: Column, shade: Shade) -> Cell:
    """The cell that is written again and again down a column, each time with another value."""
    cell = WriteOnlyCell(sheet)
    cell.number_format = column.kind
    cell.font = Font(_FONT, color=_PALE if column.is_inner else _INK)
    cell.alignment = Alignment(wrap_text=column.is_wrapped, vertical="top")
    cell.border = _edged()
    cell.protection = Protection(locked=column.check is None)
    colour = _YELLOW if column.check else shade if column.is_shaded else column.tint
    if colour:
        cell.fill = _filled(colour)
    return cell


def _validation(kind: Kind, check: Check) -> DataValidation:
    if check.choices:
        checked = DataValidation("list", formula1=f'"{",".join(check.choices)}"')
    elif kind is Kind.DATE:
        checked = DataValidation("date", operator="greaterThanOrEqual", formula1=str(_EARLIEST))
    else:
        checked = DataValidation("textLength", operator="lessThanOrEqual", formula1=str(check.most))
    checked.promptTitle, checked.prompt = check.title, check.prompt
    checked.errorTitle, checked.error, checked.errorStyle = check.title, check.doubt, "warning"
    checked.showInputMessage = checked.showErrorMessage = checked.allow_blank = True
    return checked


def _explain(sheet: Worksheet, manual: Manual) -> None:
    sheet.column_dimensions["A"].width = _MANUAL_WIDTH
    sheet.protection.sheet = True
    _print_across(sheet)
    lines = [line for heading, part in manual.parts.items() for line in (heading, *part)]
    for number, line in enumerate(lines, 1):
        is_heading = line in manual.parts
        cell = WriteOnlyCell(sheet, line)
        cell.font = Font(_FONT, bold=is_heading, color=_GREEN if is_heading else _INK, size=14 if is_heading else 11)
        cell.alignment = Alignment(wrap_text=True, vertical="bottom" if is_heading else "top")
        sheet.row_dimensions[number].height = _LINE_POINTS * (2 if is_heading else _lines(line, _MANUAL_WIDTH))
        sheet.append([cell])


def _lines(words: str, width: int) -> int:
    """How many lines of a column some words take, at least one; a little is lost where words end."""
    return max(-(-len(words) // (width - _SLACK)), 1)


def _filled(colour: str) -> PatternFill:
    return PatternFill("solid", fgColor=Color(rgb=f"FF{colour}"))


def _edged() -> Border:
    return Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
