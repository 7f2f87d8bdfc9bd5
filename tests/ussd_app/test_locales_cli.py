"""`./mlango locales`: sheets go out to translators and come back, and nothing wrong gets in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from openpyxl import Workbook, load_workbook

import locales
from locales import catalogue, translations
from locales.catalogue import Review
from menus import engine
from menus.engine import Flow, Shown, State, World
from menus.values import ScreenValues
from menus.walk import Broken, Visit
from packs import wording
from packs.wording import Translation
from tests import box
from tests.locales.conftest import folder, forget
from tests.packs.conftest import write_tiny
from ussd_app import wiring
from ussd_app.cli import locales as cli
from ussd_app.cli.locales import command, preview
from ussd_app.cli.locales.preview import framed
from ussd_app.cli.locales.sheets import COLUMNS
from ussd_app.cli.locales.texts import id_of
from ussd_app.refusal import Refusal

__all__ = ["folder"]  # the fixture: a registry with Kigiryama (nyf), Pökoot (pko) and Amharic

BACK: Final = "Back"
RECEIVED: Final = "{service}: added to {ref}. Is it a different problem? Reply NEW."
TWO_LINES: Final = "{ref}\n{status} since {date}\n{agency}, due {date2}"


@pytest.fixture(autouse=True)
def tree(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A box with the languages of `folder` and a small pack, where sheets can be written."""
    (tmp_path / "tiny").mkdir()
    write_tiny(tmp_path / "tiny")
    monkeypatch.setattr(wiring, "PACKS", tmp_path)
    for name, value in box.environ(tmp_path / "home", pack="tiny").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    forget()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def refusal(*arguments: str) -> str:
    refused = run(*arguments).exception
    assert isinstance(refused, Refusal)
    return "\n".join(refused.faults)


def rows(file: str) -> list[dict[str, str]]:
    with Path(file).open(encoding="utf-8-sig", newline="") as sheet:
        return list(csv.DictReader(sheet))


def fill(file: str, texts: dict[str, tuple[str, str]], **more: str) -> None:
    """Fill in a sheet: English or id → (text, reviewer); `more` overwrites columns of all rows filled."""
    filled = rows(file)
    for row in filled:
        for name in (row["English"], row["id"]):
            if name in texts:
                row["text"], row["reviewer"] = texts[name]
                row.update(more)
    with Path(file).open("w", encoding="utf-8", newline="") as sheet:
        writer = csv.DictWriter(sheet, list(COLUMNS))
        writer.writeheader()
        writer.writerows(filled)


def taken(file: str, texts: dict[str, tuple[str, str]], **more: str) -> Result:
    """What comes of a sheet with these texts and no others."""
    run("export", file)
    fill(file, texts, **more)
    return run("import", file)


def shown(english: str) -> str:
    return translations("nyf").gettext(english)


# Sheets


def test_a_sheet_has_a_row_for_every_text_of_the_conversation_and_the_pack() -> None:
    assert run("export", "nyf.csv").exit_code == 0
    ids = [row["id"] for row in rows("nyf.csv")]
    assert {id_of(str(message.id)) for message in catalogue.extracted() if message.id} < set(ids)
    assert "category.water.name" in ids
    assert len(set(ids)) == len(ids)


def test_a_row_says_what_a_text_is_for_and_how_much_room_it_has() -> None:
    run("export", "nyf.csv")
    row = next(row for row in rows("nyf.csv") if row["English"] == RECEIVED)
    assert row["context"] == "SMS “added_unnamed”"
    assert int(row["budget"]) == 160 - 8 - 11  # the widest {service} and {ref}
    back = next(row for row in rows("nyf.csv") if row["English"] == BACK)
    assert (back["Swahili"], back["text"], back["septets"]) == ("Rudi", "Uya", "3")


def test_the_pack_of_swahili_is_translated_in_the_pack_itself() -> None:
    run("export", "sw.csv")
    assert "category.water.name" not in [row["id"] for row in rows("sw.csv")]


def test_what_is_there_or_reviewed_may_be_left_out() -> None:
    def listed(*choice: str) -> bool:
        run("export", "nyf.csv", *choice)
        return BACK in [row["English"] for row in rows("nyf.csv")]

    assert listed("--unreviewed")
    assert not listed("--missing")
    taken("nyf.csv", {BACK: ("Uya", "Kazungu")})
    assert not listed("--unreviewed")


def test_what_comes_back_is_shown_and_kept_as_a_draft_or_with_its_reviewer() -> None:
    result = taken("nyf.csv", {BACK: ("Uya hatu", ""), "Home": ("Kaya", "Kazungu"), "More": ("", "Kazungu")})
    assert result.output.splitlines()[-1] == "Kigiryama: 1 new, 1 changed, 0 reviewed taken, 0 rows wrong."
    assert (shown(BACK), shown("Home"), shown("More")) == ("Uya hatu", "Kaya", "Zaidi")
    marks = {str(message.id): message for message in locales.read("nyf")}
    assert catalogue.review(marks[BACK]) is None
    by = catalogue.review(marks["Home"])
    assert by
    assert by.name == "Kazungu"


def test_the_texts_of_the_pack_come_back_into_the_pack(tree: Path) -> None:
    taken("nyf.csv", {"category.water.name": ("Madzi", "Kazungu, 2026-12-01"), "menu.more": ("Nyinji", "")})
    kept = wording.translations(tree / "tiny", "nyf")
    assert kept == {
        "menu.more": Translation("Nyinji", "", "draft"),
        "category.water.name": Translation("Madzi", "Kazungu, 2026-12-01", "good"),
    }
    assert wiring.read_pack(tree / "tiny").categories["water"].name["nyf"] == "Madzi"


def test_the_same_sheet_twice_changes_nothing() -> None:
    taken("nyf.csv", {BACK: ("Uya hatu", "Kazungu, 2026-12-01")})
    before = locales.path("nyf").read_bytes()
    assert "0 new, 0 changed, 0 reviewed taken" in run("import", "nyf.csv").output
    assert locales.path("nyf").read_bytes() == before


def test_a_draft_that_a_speaker_signs_is_reviewed() -> None:
    taken("nyf.csv", {BACK: ("Uya", "")})
    assert "0 new, 0 changed, 1 reviewed" in taken("nyf.csv", {BACK: ("Uya", "Kazungu, 2026-12-01")}).output
    message = next(message for message in locales.read("nyf") if message.id == BACK)
    assert catalogue.review(message) == Review("Kazungu", "2026-12-01")


def test_a_workbook_goes_out_and_comes_back() -> None:
    run("export", "nyf.xlsx")
    book = load_workbook("nyf.xlsx")
    sheet = book.worksheets[0]
    columns = {name: place for place, name in enumerate(COLUMNS, 1)}
    assert [cell.value for cell in sheet[1]] == list(COLUMNS)
    line = next(row for row in range(2, sheet.max_row + 1) if sheet.cell(row, columns["English"]).value == RECEIVED)
    assert sheet.cell(line, columns["septets"]).value == f'=IF(F{line}="","",LEN(F{line})-14)'  # {service}, {ref}
    sheet.cell(line, columns["text"]).value = "{service}: {ref}. Riri ni rinjine? Jibu MPYA."
    sheet.cell(line, columns["reviewer"]).value = "Kazungu"
    book.save("nyf.xlsx")
    assert "1 new, 0 changed, 0 reviewed taken, 0 rows wrong" in run("import", "nyf.xlsx").output
    assert shown(RECEIVED) == "{service}: {ref}. Riri ni rinjine? Jibu MPYA."


def test_a_sheet_that_a_clerks_program_saved_its_own_way_is_read() -> None:
    run("export", "nyf.csv")
    fill("nyf.csv", {BACK: (" Uya hatu\u00a0", "")})
    table = rows("nyf.csv")
    with Path("nyf.csv").open("w", encoding="utf-8-sig", newline="") as sheet:
        writer = csv.writer(sheet, delimiter=";", lineterminator="\r\n")
        writer.writerow([*COLUMNS, ""])
        writer.writerows([*row.values(), ""] for row in table)
    assert run("import", "nyf.csv").exit_code == 0
    assert shown(BACK) == "Uya hatu"


# What must not get in


@pytest.mark.parametrize(
    ("english", "words", "told"),
    [
        (RECEIVED, "{service}: Jibu MPYA.", "{ref} is missing."),
        (RECEIVED, "{service}: {ref} {agency}. Jibu MPYA.", "{agency} is not in the English."),
        (RECEIVED, "{service}: {ref. Jibu MPYA.", "a { or } stands alone"),
        (RECEIVED, "{service}: {ref!r}. Jibu MPYA.", "holds more than a name"),
        (RECEIVED, "{service}: {ref}. " + "Jibu MPYA. " * 14 + "Ee.", "fit (placeholders not counted)."),
        (TWO_LINES, "{ref} {status} {date} {agency} {date2}", "the English has 3 lines, this 1."),
        (BACK, "Uya  hatu", "a space too many"),
        (BACK, "Vуя", "“у” is no letter of this language that a phone can show."),
        ("category.water.name", "Madzi " * 6, "26 fit."),
    ],
)
def test_a_wrong_text_is_told_with_its_row_and_nothing_is_taken(english: str, words: str, told: str) -> None:
    result = taken("nyf.csv", {BACK: ("Uya hatu", ""), english: (words, "")})
    assert result.exit_code == 1
    assert f"mlango: nyf.csv:{line_of(english, 'nyf.csv')} text (F): " in result.output
    assert told in result.output
    assert shown(BACK) == "Uya"


def line_of(text: str, file: str) -> int:
    """The line that a row begins on; cells may have several."""
    with Path(file).open(encoding="utf-8", newline="") as sheet:
        begins, reader = 1, csv.reader(sheet)
        for row in reader:
            if text in row:
                return begins
            begins = reader.line_num + 1
    raise LookupError(text)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"id": "text-00000000"}, "id (A): there is no text “text-00000000” (any more). Export the sheet anew."),
        ({"English": "Go back"}, "english (B): the English is now “Back”. Export the sheet anew."),
    ],
)
def test_a_row_of_another_version_is_told(changed: dict[str, str], told: str) -> None:
    result = taken("nyf.csv", {BACK: ("Uya hatu", "")}, **changed)
    assert told in result.output
    assert shown(BACK) == "Uya"


def test_a_text_that_stands_twice_is_told() -> None:
    run("export", "nyf.csv")
    fill("nyf.csv", {BACK: ("Uya hatu", "")})
    with Path("nyf.csv").open("a", encoding="utf-8") as sheet:
        sheet.write(f"{id_of(BACK)},{BACK},Rudi,,,Uyani,,\n")
    assert f"line {line_of(BACK, 'nyf.csv')} has this text already." in run("import", "nyf.csv").output


def test_the_good_rows_can_be_taken_all_the_same() -> None:
    taken("nyf.csv", {BACK: ("Uya hatu", ""), RECEIVED: ("{service}", "")})
    assert shown(BACK) == "Uya"
    result = run("import", "nyf.csv", "--good")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "Kigiryama: 0 new, 1 changed, 0 reviewed taken, 1 rows wrong."
    assert shown(BACK) == "Uya hatu"


def test_a_sheet_can_be_checked_without_taking_anything() -> None:
    run("export", "nyf.csv")
    fill("nyf.csv", {BACK: ("Uya hatu", "")})
    assert "0 new, 1 changed, 0 reviewed to take, 0 rows wrong." in run("import", "nyf.csv", "--check").output
    assert shown(BACK) == "Uya"


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("en.csv", "English is not translated: it is what the code and the pack say."),
        ("tlh.csv", "There is no language “tlh”. Known are: en, sw, nyf, am, pko."),
        ("nyf.ods", "nyf.ods should end in .csv or .xlsx."),
        ("nyf.csv", "There is no file nyf.csv."),
    ],
)
def test_a_file_that_can_be_no_sheet_is_refused_in_a_sentence(file: str, told: str) -> None:
    assert told in refusal("import", file)


def test_a_file_that_only_looks_like_a_workbook_is_refused() -> None:
    Path("nyf.xlsx").write_text("id,English,text\n")
    assert refusal("import", "nyf.xlsx") == "nyf.xlsx is not an Excel workbook. Save it as .xlsx or as CSV UTF-8."


@pytest.mark.parametrize("file", ["nyf.csv", "nyf.xlsx"])
def test_a_column_that_is_missing_is_told(file: str) -> None:
    if file.endswith("csv"):
        Path(file).write_text("id,English\n1,Back\n")
    else:
        book = Workbook()
        book.worksheets[0].append(["id", "English"])
        book.save(file)
    result = run("import", file)
    assert result.exit_code == 1
    assert f"mlango: {file}:1 text: this column is missing." in result.output


# The catalogues


def test_status_has_a_line_for_each_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_overflowing", lambda *_: [0, 0, 12, 0, 0])
    lines = run("status").output.splitlines()
    assert [line.split()[0] for line in lines] == ["en", "sw", "nyf", "am", "pko"]
    assert lines[0] == "en   English    100 % complete, 100 % reviewed,   0 screens overflow, offered"
    assert lines[2] == "nyf  Kigiryama    5 % complete,   0 % reviewed,  12 screens overflow, not offered"
    assert lines[4].endswith("a template")


def test_updating_brings_in_the_texts_of_the_code() -> None:
    run("update", "nyf")
    ids = {str(message.id) for message in locales.read("nyf") if message.id}
    assert {BACK, RECEIVED} <= ids
    assert "Yes" in ids
    assert shown(BACK) == "Uya"
    assert run("update", "nyf").output.startswith("nyf  was up to date; ")


def test_updating_without_a_code_makes_every_catalogue() -> None:
    assert [line.split()[0] for line in run("update").output.splitlines()] == ["sw", "nyf", "am", "pko"]
    assert locales.path("pko").exists()


def test_extracting_writes_a_template() -> None:
    run("extract", "--to", "messages.pot")
    assert 'msgid "Back"\nmsgstr ""' in Path("messages.pot").read_text(encoding="utf-8")
    assert 'msgid "Back"' in run("extract").output


def test_compiling_writes_what_any_gettext_program_reads() -> None:
    run("compile", "--to", "compiled")
    with Path("compiled/nyf/LC_MESSAGES/messages.mo").open("rb") as file:
        assert GNUTranslations(file).gettext(BACK) == "Uya"


@pytest.mark.parametrize("content", ['msgid "Back"\nmsgstr "{ref} ya"\n', "what is this\n"])
def test_compiling_says_what_is_wrong_in_a_catalogue(content: str) -> None:
    locales.path("nyf").write_text(content)
    assert str(locales.path("nyf")) in refusal("compile")


# Previews


def test_a_preview_shows_every_form_of_a_screen_once_in_the_order_of_the_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(flow: Flow, here: World) -> Iterator[Visit | Broken]:
        for name in ("thanks", "language", "thanks"):
            yield Visit(State(name), (engine.render(flow, here, State(name), ScreenValues),))
        yield Broken("done", "KeyError: 'ref'")

    monkeypatch.setattr(preview, "walk", walk)
    told = run("preview", "nyf")
    assert told.exit_code == 0, told.exception
    shown = told.output
    assert [line.split()[1] for line in shown.splitlines() if line.startswith("┌")] == ["language", "thanks"]
    assert "│ 0. Uya " in shown
    assert "The screen “done” cannot be drawn: KeyError: 'ref'" in shown
    only = run("preview", "nyf", "--screen", "thanks").output
    assert "┌ thanks ─" in only
    assert "┌ language ─" not in only


def test_a_screen_of_several_pages_is_shown_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    state = State("language")
    pages = (Shown("Mwanzo\n98. Zaidi", False, state), Shown("Mwisho\n0. Uya", False, state))
    monkeypatch.setattr(preview, "walk", lambda *_: [Visit(state, pages)])
    assert [line.split(" ─")[0] for line in run("preview", "nyf").output.splitlines() if line.startswith("┌")] == [
        "┌ language, page 1",
        "┌ language, page 2",
    ]


def test_a_language_that_nobody_knows_cannot_be_shown() -> None:
    assert "There is no language “tlh”" in refusal("preview", "tlh")


def test_a_frame_says_how_full_a_screen_is() -> None:
    assert framed("Asante. Umetoa lalamiko lako.\n0. Rudi", "done", 140).splitlines() == [
        "┌ done ──────────────────────────────┐",
        "│ Asante. Umetoa lalamiko lako.      │",
        "│ 0. Rudi                            │",
        "└───────────────────────── 41 of 160 ┘",
    ]
    assert framed("ሰላም", "done", 160).endswith(" 7 of 80 ┘")
