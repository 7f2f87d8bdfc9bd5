"""Workbooks through `sheet.read`: what Excel makes of cells, and what is no workbook at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from sync import workbook
from sync.faults import Unreadable
from sync.sheet import LONGEST_CELL, Row, read

HEADER = ("case_ref", "status", "note", "date", "update_key")


def saved(path: Path, *rows: Sequence[object], title: str = "Worklist") -> Path:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    return path


def the_row(path: Path) -> Row:
    (row,) = read(path)
    return row


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (482915633, "482915633"),
        (482915633.0, "482915633"),
        ("482915633", "482915633"),
        ("4.82916E+08", "4.82916E+08"),
        (3.5, "3.5"),
        (True, "TRUE"),
        (None, ""),
        (date(2026, 11, 22), "2026-11-22"),
        (datetime(2026, 11, 22), "2026-11-22"),  # noqa: DTZ001  as a cell has it
        (datetime(2026, 11, 22, 10, 29, 59, 999_700), "2026-11-22T10:30:00"),  # noqa: DTZ001
        (time(10, 30), "10:30:00"),
        (timedelta(hours=30), "1 day, 6:00:00"),
        ("'=1+1", "=1+1"),
        ("''tis", "'tis"),
        ("two\nlines", "two\nlines"),
        ("_x000D_", "\r"),
        ("_xD83D_a_x0000_", "\ufffda"),
        ("ውሃ የለም", "ውሃ የለም"),
    ],
)
def test_a_cell_is_told_as_one_would_type_it(tmp_path: Path, value: object, told: str) -> None:
    path = saved(tmp_path / "book.xlsx", HEADER, ("1", "3", value, None, "k"))
    assert the_row(path).cells["note"] == told


def test_a_formula_counts_as_what_it_last_showed(tmp_path: Path) -> None:
    path = saved(tmp_path / "book.xlsx", HEADER, ("1", "3", "=1+1", None, "k"))
    assert the_row(path).cells["note"] == ""  # it was never worked out


def test_rows_keep_their_numbers_and_empty_ones_are_passed_over(tmp_path: Path) -> None:
    path = saved(tmp_path / "book.xlsx", ["Worklist"], [], HEADER, [], ("1", "3"), [None, " "], ("2", "1", "x"), [])
    assert [(row.number, row.cells["case_ref"]) for row in read(path)] == [(5, "1"), (7, "2")]


def test_the_sheet_with_our_header_is_read_wherever_it_stands(tmp_path: Path) -> None:
    book = Workbook()
    book.worksheets[0].append(["How to"])
    book.create_sheet().append(["nambari", "hali mpya", "maelezo", "ufunguo"])
    book.worksheets[1].append(["1", "3", "x", "k"])
    book.save(tmp_path / "book.xlsx")
    assert the_row(tmp_path / "book.xlsx").cells == {"case_ref": "1", "status": "3", "note": "x", "update_key": "k"}


def test_columns_without_a_name_are_passed_over(tmp_path: Path) -> None:
    path = saved(tmp_path / "book.xlsx", (*HEADER, None, None), ("1", "3", "x", None, "k", "ask Ann", *[""] * 900))
    row = the_row(path)
    assert row.flaw == ""
    assert set(row.cells) == set(HEADER)


def test_a_workbook_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "named.xlsx", HEADER, ("1", "3", "x", None, "k")).rename(tmp_path / "work.csv")
    assert the_row(path).cells["note"] == "x"


def test_a_cell_that_no_spreadsheet_could_hold_is_a_fault_of_its_row(tmp_path: Path) -> None:
    path = saved(tmp_path / "book.xlsx", HEADER, ("1", "3", "x", None, "k"), ("2",))
    _replace(path, "xl/worksheets/sheet1.xml", b"<t>x</t>", b"<t>" + b"x" * (LONGEST_CELL + 1) + b"</t>")
    assert [row.flaw for row in read(path)] == ["E_ROW", ""]


def test_a_date_that_cannot_be_is_told_as_excel_shows_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "book.xlsx", HEADER, ("1", "3", "x", date(2026, 11, 22), "k"))
    _replace(path, "xl/worksheets/sheet1.xml", b"<v>46348</v>", b"<v>-99999999</v>")
    assert the_row(path).cells["date"] == "#VALUE!"


def test_no_row_is_below_the_last_that_excel_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "_MOST_ROWS", 5_000)
    path = saved(tmp_path / "book.xlsx", HEADER, ("1", "3", "x", None, "k"))
    far = b'<row r="999999999999"><c r="XFD999999999999" t="n"><v>1</v></c></row></sheetData>'
    _replace(path, "xl/worksheets/sheet1.xml", b"</sheetData>", far)
    assert the_row(path).cells["note"] == "x"


def test_a_damaged_row_refuses_the_file_while_it_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "book.xlsx", HEADER, *[("1", "3", "x", None, "k")] * 600)
    _replace(path, "xl/worksheets/sheet1.xml", b"</sheetData>", b'<row r="three"/></sheetData>')
    rows = iter(read(path))
    assert next(rows).cells["note"] == "x"
    with pytest.raises(Unreadable, match="damaged"):
        list(rows)


def test_half_a_workbook_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "book.xlsx", HEADER, ("1", "3", "x", None, "k"))
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(Unreadable, match="damaged or did not arrive whole"):
        read(path)


def test_a_workbook_with_a_flipped_byte_is_refused_before_its_first_row(tmp_path: Path) -> None:
    path = saved(tmp_path / "book.xlsx", HEADER, *[(str(row), "3", f"note {row}", None, "k") for row in range(99)])
    with ZipFile(path) as archive:
        part = archive.getinfo("xl/worksheets/sheet1.xml")
    content = bytearray(path.read_bytes())
    content[part.header_offset + len(part.filename) + 30 + part.compress_size // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(Unreadable, match="damaged"):
        read(path)


def test_another_document_in_a_zip_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "work.ods", "w") as archive:
        archive.writestr("content.xml", "<office/>")
    with pytest.raises(Unreadable, match=r"another kind of document\. Save the list as \.xlsx or CSV"):
        read(tmp_path / "work.ods")


@pytest.mark.parametrize("filling", [b" " * 1_000_000, b"<c/>" * 250_000])
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, filling: bytes) -> None:
    path = saved(tmp_path / "bomb.xlsx", HEADER)
    with ZipFile(path, "a", ZIP_DEFLATED, compresslevel=1) as archive, archive.open("xl/more.xml", "w") as part:
        for _ in range(250 if filling.isspace() else 40):
            part.write(filling)
    assert path.stat().st_size < 3_000_000
    with pytest.raises(Unreadable, match="far more than a list"):
        read(path)


def _replace(path: Path, part: str, old: bytes, new: bytes) -> None:
    """The workbook with other bytes in one of its parts."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts[part]
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content.replace(old, new) if name == part else content)
