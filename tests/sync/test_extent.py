"""How many rows a sheet seems to have."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from sync import extent


def test_of_a_table_its_lines_below_the_header_are_counted(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"a,b\r\n1,2\r\n3,4\r\n")
    assert extent.rows(tmp_path / "in.csv") == 2


def test_a_workbook_says_how_far_it_reaches(tmp_path: Path) -> None:
    book = Workbook()
    for number in range(12):
        book.worksheets[0].append([number, "x"])
    book.save(tmp_path / "in.xlsx")
    assert extent.rows(tmp_path / "in.xlsx") == 11


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"%PDF-1.7"])
def test_of_what_is_none_nothing_is_claimed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.xlsx").write_bytes(content)
    assert not extent.rows(tmp_path / "in.xlsx")


def test_a_file_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    assert extent.rows(tmp_path / "none.csv") is None
