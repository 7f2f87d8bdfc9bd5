"""`./mlango menus`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from menus import check as proof
from menus import paths
from menus.check import Fault, Findings
from menus.costs import LIFE, Message
from menus.paths import Step, Way
from packs.places import place_index
from tests import box
from ussd_app.cli.menus import command
from ussd_app.refusal import Refusal

WAY = Way("en", paths.RETURNING, "water.none", (Step("home", "1", 8.0, True), Step("category", "9", 5.0, False)))
SMS = tuple(Message(template, "", "en", "", "GSM-7", 120, 1) for template in LIFE)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place_index.cache_clear()  # each run reads a pack of its own; equal ones take long to compare
    for name, value in box.environ(tmp_path).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Fault]:
    """The proof is done elsewhere: here it finds what is put into this list."""
    faults: list[Fault] = []
    monkeypatch.setattr(proof, "check", lambda *_, **__: Findings("en", tuple(faults), 67, 640, (WAY,), SMS))
    return faults


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_the_whole_proof_of_one_language_finds_nothing() -> None:
    result = run("check", "--language", "en")
    assert result.exit_code == 0, result.output
    assert result.output.endswith("No faults.\n")
    for promise in ("returning, the last place kept, at most 6:", "in confidence, at most 10:"):
        assert promise in result.output


@pytest.mark.usefixtures("found")
def test_the_report_tells_ways_sizes_and_prices() -> None:
    lines = run("check", "--language", "en").output.splitlines()
    assert lines[0] == "67 screens of 140 octets in en: 640 different pages, with the longest values."
    assert "    shortest   1 inputs   19 s  en  water.none             1 (9)" in lines
    assert [line.split() for line in lines if "rate" in line] == [["rate", "1/120", "0.80"]]
    assert "  en   citizen KSh 3.40, county KSh 4.00" in lines
    assert "“Free / Bure” is not shown: citizens pay (MLANGO_PAYS=citizen)." in lines


@pytest.mark.usefixtures("found")
def test_where_the_county_pays_citizens_are_told_that_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLANGO_PAYS", "county")
    monkeypatch.setenv("MLANGO_COST_SMS_OUT", "0.25")
    lines = run("check", "--language", "en").output.splitlines()
    assert "  en   citizen KSh 0.00, county KSh 4.65" in lines
    assert "“Free / Bure” may be shown: the county pays (MLANGO_PAYS=county)." in lines


def test_every_fault_is_told_and_the_command_fails(found: list[Fault]) -> None:
    found += [Fault("en", "home", "does not fit: 200 units", "W\n1. X"), Fault("en", "lost", "cannot be reached")]
    refusal = run("check", "--language", "en").exception
    assert isinstance(refusal, Refusal)
    assert refusal.faults == (
        "2 faults:",
        "en home: does not fit: 200 units\n      | W\n      | 1. X",
        "en lost: cannot be reached",
    )


def test_a_language_that_is_not_there_is_refused() -> None:
    refusal = run("check", "--language", "xx").exception
    assert isinstance(refusal, Refusal)
    assert refusal.faults[0].startswith("There is no language with the code xx. There are en, sw")


def test_the_picture_is_written_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "menus.svg"
    assert run("graph", "--to", str(file)).output == f"Wrote {file}.\n"
    assert file.read_text(encoding="utf-8").startswith("<svg ")


def test_the_funnel_is_one_of_the_commands() -> None:
    assert sorted(command.commands) == ["check", "funnel", "graph"]
