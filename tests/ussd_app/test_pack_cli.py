"""`./mlango pack`, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import packs
from packs import published
from store import database
from tests import box
from tests.packs.conftest import write_tiny
from ussd_app import wiring
from ussd_app.cli import main
from ussd_app.cli.pack import command
from ussd_app.refusal import Refusal


@pytest.fixture
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small pack named "tiny", and the environment of a box that uses it."""
    (tmp_path / "tiny").mkdir()
    for name, value in box.environ(tmp_path / "home", database_url, pack="tiny").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(wiring, "PACKS", tmp_path)
    published.forget()
    yield write_tiny(tmp_path / "tiny")
    database.close()
    published.forget()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_a_good_folder_is_counted(tmp_path: Path) -> None:
    result = run("check", str(write_tiny(tmp_path)))
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"{tmp_path}: no faults.",
        "  agencies        4",
        "  categories      2",
        "  sub-categories  3",
        "  places          11: 2 counties, 2 constituencies, 3 wards, 0 towns, 2 estates, 2 offices",
        "  aliases         2",
        "  members         0",
        "  lexicon         0",
        "  subjects        0",
        "  questions       0",
        "  texts           14",
        "  holidays        until the end of 2027",
    ]


def test_the_pack_of_kenya_has_no_faults() -> None:
    result = run("check", str(wiring.PACKS / "ke"))
    assert result.exit_code == 0
    assert "47 counties, 290 constituencies, 1,450 wards" in result.output


def test_every_fault_is_told_at_once_with_its_line_and_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny(tmp_path)
    change(tmp_path / "agencies.csv", "COUNTY-047,county,Nairobi County", "COUNTY-047,county,")
    change(tmp_path / "routes.csv", "id,id.passport,047,IMMIGRATION", "id,id.passport,047,NOBODY")
    monkeypatch.setattr("sys.argv", ["./mlango", "pack", "check", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    told = capsys.readouterr().err
    assert f"mlango: {tmp_path}/agencies.csv:4 name_en (C): " in told
    assert f"mlango: {tmp_path}/routes.csv:3 agency (D): " in told


def test_loading_twice_changes_nothing(folder: Path) -> None:
    first = run("load")
    assert first.output.startswith("Pack xx is in force, version ")
    assert "  agencies        4\n" in first.output
    assert run("load").output == "Nothing changed.\n"


def test_loading_says_what_is_new_what_changed_and_what_was_retired(folder: Path) -> None:
    run("load")
    change(folder / "places_alias.csv", "silanga,Silanga,estate,,047,,1387,", "olympic,Olympic,estate,,047,,1387,")
    change(folder / "agencies.csv", "Immigration,Uhamiaji", "Passports,Pasipoti")
    change(folder / "routes.csv", "water,*,*,COUNTY\n", "")
    told = run("load").output.splitlines()[1:]
    assert told == [
        "  agencies        1 changed",
        "  routes          1 removed",
        "  places          1 new, 1 changed",
        "  retired: place silanga",
    ]
    assert packs.current().places["silanga"].retired


def test_a_faulty_pack_is_not_loaded(folder: Path) -> None:
    run("load")
    in_force = packs.current().version
    change(folder / "routes.csv", "id,id.passport,047,IMMIGRATION", "id,id.passport,047,NOBODY")
    assert isinstance(run("load").exception, Refusal)
    published.forget()
    assert packs.current().version == in_force


def test_loading_into_an_old_database_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in box.environ(tmp_path).items():
        monkeypatch.setenv(name, value)
    refusal = run("load").exception
    database.close()
    assert isinstance(refusal, Refusal)
    assert refusal.faults == ("The database is not up to date. Run first: ./mlango migrate",)
