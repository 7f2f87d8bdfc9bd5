"""Which files in an office's folder are for us, and in which order they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.transports.notes import in_order, is_this_machine, is_update_file, nth_name


@pytest.mark.parametrize("name", ["in_NCWSC_20261123_1.csv", "WORK.XLSX", "kazi ya leo (2).xlsx", "ግዕዝ.csv"])
def test_finished_sheets_are_for_us(name: str) -> None:
    assert is_update_file(name)


@pytest.mark.parametrize(
    "name",
    [
        *("~$work_NCWSC_20261123.xlsx", ".~lock.work.csv", ".in_1.csv", "in_1.csv.part", "in_1.csv.tmp", "in_1.csv~"),
        *("READ-ME.txt", "done", "in_1.zip", "photo.jpg", "", "../in_1.csv", "..\\in_1.csv", "a\0.csv", "a\n.csv"),
        *("ax" * 100 + ".csv", "a\ud83d.csv", "a\N{RIGHT-TO-LEFT OVERRIDE}.csv"),
    ],
)
def test_everything_else_in_the_folder_is_not(name: str) -> None:
    assert not is_update_file(name)


@given(st.text())
def test_no_name_of_an_update_file_leaves_its_folder(name: str) -> None:
    if is_update_file(name):
        assert not {"/", "\\", "\0"} & set(name)
        assert name not in (".", "..")


def test_files_come_in_the_order_of_their_numbers() -> None:
    names = ["in_KPLC_20261123_10.csv", "in_KPLC_20261122_11.csv", "in_KPLC_20261123_9.csv", "work.csv"]
    assert in_order(reversed(names)) == [names[1], names[2], names[0], names[3]]


@given(st.lists(st.text("0123456789²٣_a.", max_size=8)))
def test_any_names_have_an_order(names: list[str]) -> None:
    assert sorted(in_order(names)) == sorted(names)


def test_a_name_that_is_taken_gets_a_number_before_its_ending() -> None:
    assert [nth_name("work.csv", number) for number in (1, 2, 3)] == ["work.csv", "work~2.csv", "work~3.csv"]


@pytest.mark.parametrize(
    ("host", "here"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False)]
)
def test_only_the_loopback_interface_is_this_machine(host: str, here: bool) -> None:
    assert is_this_machine(host) is here
    assert not is_this_machine(f"{host}.example.go.ke")
