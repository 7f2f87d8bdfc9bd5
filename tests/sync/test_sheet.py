from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.columns import COLUMNS, UPDATES, WORKLIST
from sync.faults import Unreadable
from sync.sheet import LONGEST_CELL, Cell, Number, Row, guard, read, unguard, write_csv

HEADER = ("case_ref", "status", "note", "update_key")
ROW = ("482915633", "3", "Bomba limerekebishwa, maji yamerudi.", "W20261123-482915633-2")
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def written(*rows: Sequence[Cell]) -> bytes:
    out = BytesIO()
    write_csv(rows, out)
    return out.getvalue()


def as_saved(rows: Sequence[Sequence[str]], separator: str = ",", *, quoted: bool = False) -> str:
    """The text of a file as another program would save it."""
    out = StringIO(newline="")
    form = "excel" if not quoted else "unix"  # which quotes every field
    csv.writer(out, form, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def rows_of(path: Path, content: bytes | str) -> list[Row]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read(path))


# Outgoing


def test_a_file_has_its_mark_crlf_and_every_field_in_quotation_marks() -> None:
    assert written(("a", ""), ("Ngũgĩ", 'wa "T"')) == b'\xef\xbb\xbf"a",""\r\n"Ng\xc5\xa9g\xc4\xa9","wa ""T"""\r\n'


def test_it_says_how_many_rows_it_wrote_and_leaves_the_file_open() -> None:
    out = BytesIO()
    assert write_csv([HEADER, ROW], out) == 2
    assert not out.closed


@pytest.mark.parametrize("text", ["=1+1", "+254712345678", "-5", "@SUM(A1)", "\t=1", "\r=1", "'tis", " =1+1", "＝1"])
def test_what_a_spreadsheet_could_take_for_a_formula_is_guarded(text: str) -> None:
    assert guard(text) == "'" + text
    assert unguard(guard(text)) == text


def test_other_text_goes_as_it_is() -> None:
    assert [guard(text) for text in ("", "W1387", "0712 345 678", "a=b")] == ["", "W1387", "0712 345 678", "a=b"]


def test_exactly_one_guard_is_taken_off() -> None:
    assert unguard("''tis") == "'tis"


def test_a_number_needs_no_guard_and_nothing_else_passes_for_one() -> None:
    assert written((Number("-1.28333"), Number(""))) == b'\xef\xbb\xbf"-1.28333",""\r\n'
    for text in ("-1+cmd", "1,5", "=1", "-", "1e5", "1\n"):
        with pytest.raises(ValueError, match="is not a number"):
            Number(text)


def test_half_a_letter_does_not_stop_a_file() -> None:
    assert written(("\ud83d",)) == b'\xef\xbb\xbf"?"\r\n'


@given(ANY_TEXT)
def test_a_guard_never_changes_what_is_said(text: str) -> None:
    assert unguard(guard(text)) == text


# There and back


@settings(max_examples=60)
@given(st.lists(st.lists(ANY_TEXT, min_size=3, max_size=3), max_size=4))
def test_any_texts_come_back_as_they_went(tmp_path_factory: pytest.TempPathFactory, texts: list[list[str]]) -> None:
    path = tmp_path_factory.getbasetemp() / "there.csv"
    rows = [("482915633", *row) for row in texts]
    path.write_bytes(written(HEADER, *rows))
    assert [row.cells for row in read(path)] == [dict(zip(HEADER, row, strict=True)) for row in rows]


@settings(max_examples=100)
@given(
    texts=st.lists(ANY_TEXT, min_size=3, max_size=3),
    separator=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le+mark"]),
    quoted=st.booleans(),
)
def test_any_separator_and_encoding_is_understood(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], separator: str, encoding: str, quoted: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "another.csv"
    saved = as_saved([HEADER, ("482915633", *map(guard, texts))], separator, quoted=quoted)
    marked = encoding.endswith("+mark")
    path.write_bytes(("\ufeff" * marked + saved).encode(encoding.removesuffix("+mark")))
    assert [list(row.cells.values()) for row in read(path)] == [["482915633", *texts]]


@given(st.text("abc éèêëçñöüåæøß,;'\"\n", max_size=20))
def test_windows_own_letters_are_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "windows.csv"
    path.write_bytes(as_saved([HEADER, ("482915633", "3", guard(text), "k")], ";").encode("cp1252"))
    assert [row.cells["note"] for row in read(path)] == [text]


def test_one_row_of_windows_letters_does_not_spoil_the_others(tmp_path: Path) -> None:
    lines = as_saved([HEADER, ("1", "3", "ውሃ የለም", "k"), ("2", "3", "Muthĩga", "k")]).encode()
    mixed = lines + b"3,3,caf\xe9 \x93Tausi\x94 \x80 5,k\r\n"
    notes = [row.cells["note"] for row in rows_of(tmp_path / "mixed.csv", mixed)]
    assert notes == ["ውሃ የለም", "Muthĩga", "café “Tausi” € 5"]


# Incoming: the header


@pytest.mark.parametrize("mark", ["\ufeff", "\ufeff\ufeff", "ï»¿", ""])
@pytest.mark.parametrize(
    "heading",
    [
        "case_ref,status,note,date,update_key,base_version",
        "CASE_REF,Status,NOTE,Date,Update Key,base-version",
        " Case Ref , status , note , date , updatekey , base_version,,,",
        "NAMBARI,Hali mpya,Maelezo,Tarehe,Ufunguo,Toleo",
        '"nambari","hali_mpya","maelezo","tarehe","ufunguo","toleo"',
    ],
)
def test_the_header_is_known_however_it_is_written(tmp_path: Path, mark: str, heading: str) -> None:
    (row,) = rows_of(tmp_path / "headed.csv", f"{mark}{heading}\r\n482915633,3,x,,k,1\r\n")
    expected = {"case_ref": "482915633", "status": "3", "note": "x", "date": "", "update_key": "k", "base_version": "1"}
    assert row.cells == expected


def test_columns_may_stand_in_any_order_and_strange_ones_among_them(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path / "mixed.csv", "note,Remarks,update_key,case_ref\r\nx,see Ann,k,482915633\r\n")
    assert row.cells == {"note": "x", "Remarks": "see Ann", "update_key": "k", "case_ref": "482915633"}


def test_a_title_and_empty_rows_may_stand_above_and_rows_keep_the_number_that_excel_shows(tmp_path: Path) -> None:
    content = (
        "sep=;\r\n\r\nWorklist of Monday;;\r\ncase_ref;status;note\r\n;;\r\n482915633;3;x\r\n\r\n  ;;\r\n1;2;y\r\n"
    )
    rows = rows_of(tmp_path / "titled.csv", content)
    assert [(row.number, row.cells["note"]) for row in rows] == [(6, "x"), (9, "y")]


def test_line_ends_of_every_system_are_known(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        rows = rows_of(tmp_path / "ended.csv", end.join([",".join(HEADER), "1,3,x,k", "2,3,y,k", ""]))
        assert [row.cells["case_ref"] for row in rows] == ["1", "2"]


def test_the_swahili_names_are_all_different() -> None:
    assert len({words["sw"] for words in COLUMNS.values()}) == len(COLUMNS)
    assert not {words["sw"] for words in COLUMNS.values()} & set(UPDATES)


def test_a_sheet_in_swahili_reads_as_one_in_english(tmp_path: Path) -> None:
    values = [f"{place}" for place in range(1, len(WORKLIST) + 1)]
    swahili = [COLUMNS[name]["sw"] for name in WORKLIST]
    (row,) = rows_of(tmp_path / "sw.csv", as_saved([swahili, values]))
    assert row.cells == dict(zip(WORKLIST, values, strict=True))


# Incoming: what goes wrong


def flaws(rows: Sequence[Row]) -> list[tuple[int, str]]:
    return [(row.number, row.flaw) for row in rows]


def test_missing_cells_at_the_end_are_empty_and_extra_empty_ones_do_no_harm(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "short.csv", "case_ref,status,note\r\n1,3\r\n2,3,x,,,\r\n")
    assert flaws(rows) == [(2, ""), (3, "")]
    assert [row.cells.get("note", "") for row in rows] == ["", "x"]


def test_a_text_that_its_comma_cut_in_two_is_a_fault_of_its_row(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "cut.csv", "case_ref,status,note\r\n1,3,mended, all well\r\n2,3,x\r\n")
    assert flaws(rows) == [(2, "E_COLUMNS"), (3, "")]


def test_a_remark_beside_the_list_does_no_harm(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "beside.csv", "case_ref,status,note,,\r\n1,3,mended,,ask Ann\r\n")
    assert flaws(rows) == [(2, "")]
    assert rows[0].cells == {"case_ref": "1", "status": "3", "note": "mended"}


def test_a_cell_of_a_megabyte_spoils_its_row_alone(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "huge.csv", f"case_ref,status,note\r\n1,3,{'x' * 1_000_000}\r\n2,3,y\r\n")
    assert flaws(rows) == [(2, "E_ROW"), (3, "")]


def test_more_than_a_cell_holds_is_a_fault_and_kept_only_so_far(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path / "long.csv", f"case_ref,status,note\r\n1,3,{'x' * (LONGEST_CELL + 1)}\r\n")
    assert row.flaw == "E_ROW"
    assert len(row.cells["note"]) == LONGEST_CELL


def test_a_quotation_mark_that_does_not_close_is_a_fault_and_ends_somewhere(tmp_path: Path) -> None:
    lines = "".join(f"{number},3,nothing to add here today\r\n" for number in range(10_000))
    rows = rows_of(tmp_path / "open.csv", f'case_ref,status,note\r\n1,3,"mended\r\n{lines}')
    assert flaws(rows)[0] == (2, "E_ROW")
    assert rows[-1].cells["case_ref"] == "9999"


def test_nul_is_dropped(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path / "nul.csv", "case_ref,status,note\r\n4829\x0015633,3,a\x00b\r\n")
    assert row.cells == {"case_ref": "482915633", "status": "3", "note": "ab"}


def test_ten_thousand_columns_are_read_if_empty_and_refused_if_named(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path / "wide.csv", f"case_ref,status,note{',' * 10_000}\r\n1,3,x{',' * 10_000}\r\n")
    assert row.cells == {"case_ref": "1", "status": "3", "note": "x"}
    with pytest.raises(Unreadable, match="far more than a list"):
        rows_of(tmp_path / "named.csv", "case_ref,status,note," + ",".join(map(str, range(10_000))) + "\r\n")


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="two columns called note"):
        rows_of(tmp_path / "twice.csv", "case_ref,status,note,Maelezo\r\n1,3,x,y\r\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n \r\n", "No row with the names"),
        (b" \r\n", "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, r"old Excel file \(\.xls\), or one with a password"),
        (b"%PDF-1.7\n...", "but a PDF"),
        (b"\n<!DOCTYPE html><html>", "but a web page"),
        (b"<html><table>", "but a web page"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "No row with the names"),
        (b"row_no,code,field,message\r\n2,E_DATE,date,no\r\n", "No row with the names"),
        (b"nothing here\r\n" * 30 + b"case_ref,status,note\r\n", "No row with the names"),
        (b"PK\x03\x04 but no archive", "damaged"),
    ],
)
def test_another_file_is_refused_in_a_clear_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        rows_of(tmp_path / "other.csv", content)


def test_reading_keeps_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    with path.open("wb") as out:
        write_csv([HEADER, *[ROW] * 8_000], out)
    sheet = read(path)
    tracemalloc.start()
    try:
        assert sum(1 for _ in sheet) == 8_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_a_sheet_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "again.csv"
    path.write_bytes(written(HEADER, ROW))
    sheet = read(path)
    assert list(sheet) == list(sheet) != []
