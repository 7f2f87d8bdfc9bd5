"""The exchange is measured on a backlog as offices have it, and an import that was killed leaves what it should."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench import backlog, exchange
from bench.exchange import Killed, Measure
from cases import reference
from cases.models import Case
from store import database, migrate
from sync.columns import UPDATES
from sync.outbound import waiting
from ussd_app import wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings
from ussd_app.wiring import House

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SOME = 40


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = Settings.load({"MLANGO_HOME": str(tmp_path / "box")})
    wiring.bind(settings)
    migrate.run()
    wiring.publish_pack(settings)
    yield wiring.build(settings)
    database.close()


@pytest.fixture
def updates(house: House, tmp_path: Path) -> list[dict[str, str]]:
    """What the office sends back about a backlog of forty cases."""
    backlog.furnish(house, SOME, NOW - timedelta(days=10), lambda _: None)
    backlog.write_updates(tmp_path / "in.csv", NOW)
    with (tmp_path / "in.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_small_run_measures_each_way_and_a_killed_import_ends_as_the_other(tmp_path: Path) -> None:
    steps: list[None] = []
    report = exchange.measure(400, tmp_path, lambda: steps.append(None))
    record = report.record
    taken = record["import"]["Mlango"]["became"]
    assert taken["rows"] == taken["accepted"] + taken["duplicate"] + taken["rejected"] == 400
    assert taken["accepted"] > 350
    assert record["import"]["the same again"]["became"]["accepted"] == 0
    assert record["export"]["Mlango"]["became"] == record["export"]["floor"]["became"] == {"rows": 400}
    assert record["killed"]["same"]
    assert len(steps) <= exchange.STEPS
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["box"]


def test_the_copies_are_open_cases_of_the_office_with_numbers_and_words_of_their_own(
    house: House, updates: list[dict[str, str]]
) -> None:
    cases = list(Case.select().order_by(Case.id))
    assert Counter(case.agency for case in cases) == {backlog.OFFICE: SOME}
    assert {case.state for case in cases} == {"assigned"}
    assert len({case.ref for case in cases}) == SOME
    assert all(reference.is_valid(case.ref) for case in cases)
    assert waiting(backlog.OFFICE) == backlog.FED * SOME
    assert "kuyatafuta" in _words_of(house, cases[-4])
    assert updates


def test_the_office_says_of_each_case_that_work_began_and_that_it_is_done_in_the_order_of_what_happened(
    updates: list[dict[str, str]],
) -> None:
    assert len(updates) == backlog.SAID * SOME
    assert tuple(updates[0]) == UPDATES
    right = [row for row in updates if not row["occurred_at"].startswith("2099")]
    assert {row["new_status"] for row in right} >= {"in_progress", "resolved"}
    fresh = list({row["agency_update_id"]: row for row in right}.values())
    assert [row["occurred_at"] for row in fresh] == sorted(row["occurred_at"] for row in fresh)


def test_the_same_file_comes_out_each_time(house: House, updates: list[dict[str, str]], tmp_path: Path) -> None:
    before = (tmp_path / "in.csv").read_bytes()
    backlog.write_updates(tmp_path / "in.csv", NOW)
    assert (tmp_path / "in.csv").read_bytes() == before
    assert updates


def test_a_process_that_fails_while_it_is_measured_refuses_the_run(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="ended before it was done"):
        exchange._measured(_falls, tmp_path, 10, lambda: None)


def _falls(_: Path) -> exchange.Work:
    raise SystemExit(3)


def test_the_table_has_a_line_for_each_contender_and_says_what_the_killed_one_left() -> None:
    floor, ours = Measure(1_000, 2.0, 1.5, 90.4, {}), Measure(1_000, 4.0, 3.5, 120.0, {"rows": 1_000, "accepted": 990})
    table = exchange._table({"export": {"floor": floor, "Mlango": ours}, "import": {"floor": floor, "Mlango": ours}})
    heading, *lines = table.splitlines()
    assert heading.split() == ["rows", "seconds", "rows/s", "CPU", "s", "peak", "MB", "×", "floor"]
    assert lines[1].split() == ["export:", "Mlango", "1,000", "4.0", "250", "3.5", "120", "0.50"]
    assert lines[2].split() == ["import:", "floor", "1,000", "2.0", "500", "1.5", "90", "1.00"]
    assert exchange._sentences({"Mlango": ours}, Killed(6.0, 130.0, same=False)).splitlines() == [
        "Imported: rows 1,000, accepted 990.",
        "Killed halfway and begun again: ANOTHER result, 6.0 s in all, 130 MB.",
    ]


def _words_of(house: House, case: Case) -> str:
    """What its citizen wrote when they lodged it."""
    ((event, sealed),) = database.rows(
        database.main, "SELECT id, words FROM case_event WHERE case_id = ? AND seq = 1", case.id
    )
    citizen = case.__data__["citizen"]
    return house.citizens.by_id([citizen])[citizen].key.open("case_event.words", event, bytes(sealed))
