"""What a real spreadsheet program makes of our files, and what is left of them when it saves them again.

LibreOffice Calc, set up in turn like an American's, a German's and a Briton's: with numbers and dates of theirs.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from sync.columns import UPDATES, WORKLIST
from sync.sheet import Cell, Number, read, write_csv
from sync.updates import Update, kind_of, understand
from tests.conftest import NOW

pytestmark = pytest.mark.debian("soffice")

NAIROBI = ZoneInfo("Africa/Nairobi")
PATIENCE_S = 120
# How it opens a CSV: comma, quotation mark, UTF-8, from row 1; the language of numbers; quoted cells are text; dates
AMERICAN, GERMAN, BRITISH = "CSV:44,34,76,1,,1033,false", "CSV:44,34,76,1,,1031,true", "CSV:44,34,76,1,,2057,false,true"
# How it saves one: separator, quotation mark, letters; cells as they are shown
WINDOWS = "csv:Text - txt - csv (StarCalc):59,34,ANSI,1,,0,false,true,false"
UNICODE_TEXT = "csv:Text - txt - csv (StarCalc):9,34,65535,1,,0,false,true,false"

FORMULA = '=HYPERLINK("http://example.org";"Bonyeza")'
WORK: Sequence[Sequence[Cell]] = (
    WORKLIST,
    (
        *("482915633", "2026-11-20", "2026-11-23", Number("-3"), "Hakuna maji", "Kibera, Nairobi", FORMULA),
        *("0712 345 678", "not started", "3 done", 'Bomba; limerekebishwa "leo",\nasante kwa subira.', "22/11/2026"),
        *("W0012", "W20261123-482915633-3", Number("3")),
    ),
    (
        *("200000005", "2026-11-20", "", Number("12"), "'Kanjo' wanadai chai", "@Muthurwa", "+254 si nambari yangu"),
        *("0110 000 001", "in progress", "tunasubiri", "-5 mita zimebaki; tunasubiri KPLC", ""),
        *("W1387", "W20261123-200000005-1", Number("1")),
    ),
)
NEWS: Sequence[Sequence[Cell]] = (
    UPDATES,
    (
        *(
            "1",
            "NW-0000417",
            "482915633",
            Number("3"),
            "JOB/0088",
            "resolved",
            "fixed",
            "ውሃ ተመልሷል፤ ቧንቧው ተጠግኗል። አመሰግናለሁ",
        ),
        *("Muthĩga, ĩ na ũ", "K.MWANGI", "2026-11-22T10:30:00+03:00"),
    ),
    (
        *("1", "NW-0000418", "200000005", Number("1"), "JOB/0089", "pending_citizen", "", "=1+1 ni nyumba gani?"),
        *("'tis", "", "2026-11-22T07:30:00Z"),
    ),
)

Convert = Callable[..., list[Path]]


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """Opens files in a LibreOffice of this test's own and saves them in another form; each form has its folder."""

    def run(to: str, *files: Path, opened_as: str = "") -> list[Path]:
        folder = tmp_path / f"saved from {files[0].parent.name}"
        given = [f"--infilter={opened_as}"] if opened_as else []
        profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
        command = ["soffice", profile, "--headless", *given, "--convert-to", to, "--outdir", str(folder)]
        subprocess.run([*command, *map(str, files)], check=True, capture_output=True, timeout=PATIENCE_S)
        return [folder / f"{file.stem}.{to.split(':', maxsplit=1)[0]}" for file in files]

    return run


@pytest.fixture
def ours(tmp_path: Path) -> list[Path]:
    """A worklist and a file of updates as we write them."""
    files = [tmp_path / "work.csv", tmp_path / "news.csv"]
    for path, rows in zip(files, (WORK, NEWS), strict=True):
        with path.open("wb") as out:
            write_csv(rows, out)
    return files


def texts(path: Path) -> list[list[str]]:
    """All rows of a sheet, with its header."""
    sheet = read(path)
    return [list(sheet.header), *(list(row.cells.values()) for row in sheet)]


def meant(path: Path) -> list[Update]:
    """What its rows say, whatever they look like."""
    sheet = read(path)
    said = [understand(kind_of(sheet.header), row, now=NOW, zone=NAIROBI) for row in sheet]
    return [replace(each, cells={}) for each in said if isinstance(each, Update)]


def test_an_american_opens_our_files_as_text_without_a_single_formula(ours: list[Path], convert: Convert) -> None:
    books = convert("xlsx", *ours, opened_as=AMERICAN)
    for book, rows in zip(books, (WORK, NEWS), strict=True):
        cells = [cell for row in load_workbook(book).worksheets[0].iter_rows() for cell in row]
        assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
        assert texts(book) == [list(row) for row in rows]


def test_a_german_keeps_them_in_a_sheet_of_his_own_and_sends_them_in_windows_letters(
    ours: list[Path], convert: Convert
) -> None:
    work = ours[0]
    (kept,) = convert("ods", work, opened_as=GERMAN)
    with ZipFile(kept) as archive:
        assert "table:formula" not in archive.read("content.xml").decode()
    (sent,) = convert(WINDOWS, kept)
    assert sent.read_bytes().startswith(b"case_ref;received;")  # no mark, other separators
    assert texts(sent) == [list(row) for row in WORK]


def test_a_briton_turns_days_into_dates_and_sends_unicode_text(ours: list[Path], convert: Convert) -> None:
    sent = convert(UNICODE_TEXT, *ours, opened_as=BRITISH)
    assert all(path.read_bytes().startswith(b"\xff\xfe") for path in sent)
    assert [meant(path) for path in sent] == [meant(path) for path in ours]
    assert [len(meant(path)) for path in sent] == [2, 2]
    assert texts(sent[0])[1][WORKLIST.index("date")] == "11/22/2026"  # his program was bought in America
