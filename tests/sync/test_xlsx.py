"""The form as Excel sees it: what can be written where, what is offered, how it is printed; and through LibreOffice."""

from __future__ import annotations

import subprocess
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from cases.lifecycle import State
from sync import clerk, sheet
from sync.clerk import Design
from sync.columns import TO_FILL, WORKLIST
from sync.updates import CHOICES, LONGEST_NOTE, Kind, Update, understand
from sync.xlsx import Shade, Value

DAY: Final = date(2026, 11, 23)
CASE: Final[dict[str, Value]] = {
    "case_ref": "482-915-633",
    "received": date(2026, 11, 2),
    "due": date(2026, 11, 5),
    "days_over": 18,
    "what": "Water: No water",
    "place": "Lindi (Kibra), Nairobi",
    "summary": "Hakuna maji tangu Ijumaa",
    "state": "not started",
    "ward_code": "W1387",
    "update_key": "W20261123-482915633-2",
    "base_version": 2,
}


def design(language: str = "en", *, with_contact: bool = False) -> Design:
    return Design.of_worklist("Nairobi Water & Co", DAY, language, with_contact=with_contact)


def written(*cases: dict[str, Value], form: Design | None = None, shade: Shade = Shade.NONE) -> BytesIO:
    """A workbook with these cases."""
    made, out = (form or design()).form(), BytesIO()
    for case in cases:
        made.add([case.get(name) for name in WORKLIST], shade)
    made.save(out)
    return out


def opened(*cases: dict[str, Value], form: Design | None = None, shade: Shade = Shade.NONE) -> Workbook:
    """The same, as Excel would have it in memory."""
    return load_workbook(written(*cases, form=form, shade=shade))


def letter(name: str) -> str:
    return chr(ord("A") + WORKLIST.index(name))


@pytest.fixture
def page() -> Worksheet:
    """The first sheet, with one case."""
    found = opened(CASE).worksheets[0]
    assert isinstance(found, Worksheet)
    return found


def test_each_value_keeps_its_kind(page: Worksheet) -> None:
    assert [one.value for one in page[1]] == list(WORKLIST)
    told = {name: page[f"{letter(name)}2"] for name in WORKLIST}
    assert (told["case_ref"].data_type, told["case_ref"].number_format) == ("s", "@")
    assert (told["due"].value, told["due"].number_format) == (datetime(2026, 11, 5), "dd/mm/yyyy")  # noqa: DTZ001  cells have no zone
    assert (told["days_over"].value, told["base_version"].value) == (18, 2)


def test_only_the_cells_of_the_clerk_can_be_written_in(page: Worksheet) -> None:
    assert page.protection.sheet
    assert page.protection.password is None
    assert {name for name in WORKLIST if not page[f"{letter(name)}2"].protection.locked} == set(TO_FILL)


def test_one_can_filter_and_make_columns_wider_but_not_sort(page: Worksheet) -> None:
    forbidden = page.protection
    assert (forbidden.autoFilter, forbidden.formatColumns, forbidden.sort) == (False, False, True)
    assert page.auto_filter.ref == "A1:O2"


def test_the_cells_to_fill_are_of_another_colour(page: Worksheet) -> None:
    yellow = {page[f"{letter(name)}2"].fill.fgColor.rgb for name in TO_FILL}
    others = {page[f"{letter(name)}2"].fill.fgColor.rgb for name in WORKLIST if name not in TO_FILL}
    assert len(yellow) == 1
    assert not yellow & others


def test_what_is_late_is_coloured_where_it_is_said() -> None:
    page = opened(CASE, shade=Shade.VERY_LATE).worksheets[0]
    late = {name for name in WORKLIST if page[f"{letter(name)}2"].fill.fgColor.rgb == f"FF{Shade.VERY_LATE}"}
    assert late == {"due", "days_over"}


@pytest.mark.parametrize("language", ["en", "sw"])
def test_the_statuses_are_offered_in_the_language_of_the_office(language: str) -> None:
    page = opened(CASE, CASE, form=design(language)).worksheets[0]
    offered = {str(one.sqref): one for one in page.data_validations.dataValidation}
    status = offered[f"{letter('status')}2:{letter('status')}3"]
    assert status.type == "list"
    assert status.formula1 == '"' + ",".join(choice[language] for choice in CHOICES.values()) + '"'


@pytest.mark.parametrize("language", ["en", "sw"])
def test_help_fits_into_what_excel_shows(language: str) -> None:
    checks = opened(CASE, form=design(language)).worksheets[0].data_validations.dataValidation
    assert len(checks) == len(TO_FILL)
    for check in checks:
        assert len(check.promptTitle) <= 32
        assert max(len(check.prompt), len(check.error), len(check.formula1)) <= 255
        assert check.errorStyle == "warning"  # a clerk who knows better is not stopped: the import decides


def test_a_note_is_as_long_as_the_citizen_can_take_it(page: Worksheet) -> None:
    (check,) = [one for one in page.data_validations.dataValidation if one.type == "textLength"]
    assert (str(check.sqref), check.operator, check.formula1) == ("K2", "lessThanOrEqual", str(LONGEST_NOTE))


def test_no_text_becomes_a_formula() -> None:
    file = written({**CASE, "summary": "=1+1", "what": "@SUM(A1)", "place": "-2"})
    page = load_workbook(file).worksheets[0]
    assert {one.data_type for row in page.iter_rows() for one in row} <= {"s", "n", "d"}
    assert page[f"{letter('summary')}2"].value == "'=1+1"
    with ZipFile(file) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_the_header_stays_in_sight_and_on_every_printed_page(page: Worksheet) -> None:
    assert page.freeze_panes == "B2"
    assert page.print_title_rows == "$1:$1"
    assert page.page_setup.orientation == "landscape"
    assert (page.page_setup.paperSize, page.page_setup.fitToWidth, page.page_setup.fitToHeight) == (9, 1, 0)
    assert page.oddHeader
    assert page.oddHeader.left.text == "Nairobi Water && Co: open cases, 23/11/2026"


def test_what_is_for_the_machine_is_not_printed(page: Worksheet) -> None:
    assert page.print_area == "'Worklist'!$A$1:$L$2"


@pytest.mark.parametrize("with_contact", [True, False])
def test_the_column_of_numbers_is_hidden_where_there_are_none(with_contact: bool) -> None:
    page = opened(CASE, form=design(with_contact=with_contact)).worksheets[0]
    assert page.column_dimensions[letter("contact")].hidden is not with_contact


@pytest.mark.parametrize(
    ("language", "first"), [("en", "How to fill in this list"), ("sw", "Jinsi ya kujaza orodha hii")]
)
def test_a_second_sheet_says_how_in_both_languages(language: str, first: str) -> None:
    manual = opened(CASE, form=design(language)).worksheets[1]
    lines = [str(row[0]) for row in manual.iter_rows(values_only=True) if row[0]]
    assert lines[0] == first
    assert len(lines) == 12
    for told in ("en", "sw"):
        assert any(CHOICES[state][told] in line for state in CHOICES for line in lines)


def test_a_list_without_cases_opens_too() -> None:
    page = opened().worksheets[0]
    assert [one.value for one in page[1]] == list(WORKLIST)
    assert page.max_row == 1


def test_rows_are_high_enough_for_their_words() -> None:
    page = opened(CASE, {**CASE, "summary": "maji " * 60}).worksheets[0]
    assert page.row_dimensions[2].height == 15
    assert page.row_dimensions[3].height == 15 * 8


def test_every_column_has_a_look() -> None:
    assert [clerk.kind(name) for name in ("case_ref", "due", "base_version")] == ["@", "dd/mm/yyyy", "0"]


# Through LibreOffice and back

NOTE: Final = "Bomba lilitengenezwa, maji yamerudi"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A list of two cases, the first filled in, as LibreOffice saves it in either form."""
    folder = tmp_path_factory.mktemp("office")
    book = opened(CASE, {**CASE, "case_ref": "572-468-904"})
    page = book.worksheets[0]
    page[f"{letter('status')}2"] = CHOICES[State.RESOLVED]["en"]
    page[f"{letter('note')}2"], page[f"{letter('date')}2"] = NOTE, date(2026, 11, 20)
    book.save(folder / "filled.xlsx")
    return {ending: converted(folder / "filled.xlsx", ending, folder / "profile") for ending in ("xlsx", "csv")}


def converted(file: Path, ending: str, profile: Path) -> Path:
    saved = file.parent / "saved"
    command = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", ending]
    subprocess.run([*command, "--outdir", str(saved), str(file)], check=True, capture_output=True, timeout=60)
    return saved / f"{file.stem}.{ending}"


@pytest.mark.debian("soffice")
def test_a_list_filled_in_with_libreoffice_is_understood(filled: dict[str, Path], now: datetime) -> None:
    zone, fingerprints = ZoneInfo("Africa/Nairobi"), set()
    for path in filled.values():
        update, untouched = (understand(Kind.WORKLIST, row, now=now, zone=zone) for row in sheet.read(path))
        assert untouched is None
        assert isinstance(update, Update)
        assert (update.ref, update.status, update.outcome, update.base_version) == ("482915633", "resolved", "fixed", 2)
        assert update.public_note == NOTE
        assert update.occurred_at.astimezone(zone).date() == date(2026, 11, 20)
        fingerprints.add(update.fingerprint)
    assert len(fingerprints) == 1


@pytest.mark.debian("soffice")
def test_libreoffice_keeps_what_guides_the_clerk(filled: dict[str, Path]) -> None:
    page = load_workbook(filled["xlsx"]).worksheets[0]
    assert page.protection.sheet
    assert not page[f"{letter('note')}2"].protection.locked
    assert {check.type for check in page.data_validations.dataValidation} == {"list", "date", "textLength"}
    assert page[f"{letter('case_ref')}2"].value == "482-915-633"
