"""The sheet of open cases that a clerk fills in, and the one of the rows that come back."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cases import reference
from cases.lifecycle import Action, Role
from cases.models import Case
from packs.model import Exchange
from store.sealing import Keyring
from sync import columns, files, sheet
from sync.faults import RowFault
from sync.models import ExchangeFile
from sync.updates import CHOICES, Kind, Update, kind_of, understand
from sync.worklists import Worklists
from tests.sync.stage import POWER, WATER, Stage, rows_of

DONE = "The pipe was mended this morning"
# Where it is not about SQL, one database is enough
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def stage(bound: str, tmp_path: Path, keyring: Keyring, now: datetime) -> Stage:
    return Stage(tmp_path, keyring, now)


@pytest.fixture
def worklists(stage: Stage) -> Worklists:
    return Worklists(stage.citizens, stage.pack, stage.home)


@pytest.fixture
def zone(stage: Stage) -> ZoneInfo:
    return ZoneInfo(stage.pack().zone)


def says(stage: Stage, **different: Any) -> None:
    """What the pack says about files for the water company."""
    stage.exchanges[WATER] = replace(Exchange(WATER), **different)


def rows(worklists: Worklists, now: datetime, agency: str = WATER) -> list[dict[str, str]]:
    """The worklist as any program reads it."""
    return rows_of(worklists.make(agency, now)[0])


# What stands in it


def test_a_row_tells_a_clerk_which_case_it_is(stage: Stage, worklists: Worklists) -> None:
    case = stage.lodge("Hakuna maji tangu Ijumaa")
    (row,) = rows(worklists, stage.now)
    assert row == {
        "case_ref": reference.shown(case.ref),
        "received": "23/11/2026",
        "due": f"{case.due_at.astimezone(ZoneInfo(stage.pack().zone)):%d/%m/%Y}",
        "days_over": "",
        "what": "Water: No water",
        "place": "Kibera (Kibra), Nairobi",
        "summary": "Hakuna maji tangu Ijumaa",
        "contact": "",
        "state": "not started",
        "status": "",
        "note": "",
        "date": "",
        "ward_code": "",
        "update_key": f"W20261123-{case.ref}-{case.version}",
        "base_version": str(case.version),
    }


@on_sqlite
def test_a_ward_code_carries_a_letter(stage: Stage, worklists: Worklists) -> None:
    stage.lodge(place="1387")
    assert rows(worklists, stage.now)[0]["ward_code"] == "W1387"


def test_only_open_cases_of_this_office_are_on_it(stage: Stage, worklists: Worklists) -> None:
    ours, resolved, elsewhere = stage.lodge(), stage.lodge(), stage.lodge()
    stage.act(stage.act(resolved, Action.START), Action.RESOLVE, DONE, outcome="fixed")
    stage.act(elsewhere, Action.TRANSFER, "A power line fell on the pipe", agency=POWER)
    assert [row["case_ref"] for row in rows(worklists, stage.now)] == [reference.shown(ours.ref)]
    assert [row["case_ref"] for row in rows(worklists, stage.now, POWER)] == [reference.shown(elsewhere.ref)]


@on_sqlite
def test_a_day_without_cases_has_a_header_all_the_same(stage: Stage, worklists: Worklists) -> None:
    csv_file, xlsx_file = worklists.make(WATER, stage.now)
    assert kind_of(sheet.read(csv_file).header) is kind_of(sheet.read(xlsx_file).header) is Kind.WORKLIST
    assert not list(sheet.read(csv_file))


def test_the_most_overdue_stand_first_and_what_waits_for_its_citizen_last(stage: Stage, worklists: Worklists) -> None:
    asked, late, later, soon = (stage.lodge() for _ in range(4))
    stage.act(stage.act(asked, Action.START), Action.ASK, "Which plot is it?")
    for case, days in ((asked, 12), (later, 9), (late, 2), (soon, -2)):
        Case.update(due_at=stage.now - timedelta(days=days, hours=1)).where(Case.id == case.id).execute()
    Case.update(paused_at=stage.now - timedelta(days=13)).where(Case.id == asked.id).execute()
    listed = rows(worklists, stage.now)
    assert [row["case_ref"] for row in listed] == [reference.shown(case.ref) for case in (later, late, soon, asked)]
    assert [row["days_over"] for row in listed] == ["10", "3", "", ""]
    assert (listed[-1]["state"], listed[-1]["due"]) == ("waiting for the citizen", "")


def test_long_lists_are_read_page_by_page_without_losing_a_case(
    stage: Stage, worklists: Worklists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.worklists.MOST_LISTED", 3)
    cases = {reference.shown(stage.lodge().ref) for _ in range(8)}
    told: list[int] = []
    csv_file, _ = worklists.make(WATER, stage.now, told.append)
    assert {row["case_ref"] for row in rows_of(csv_file)} == cases
    assert told == [3, 3, 2]


@on_sqlite
def test_it_speaks_the_language_of_the_office(stage: Stage, worklists: Worklists) -> None:
    says(stage, language="sw")
    stage.lodge()
    (row,) = rows(worklists, stage.now)
    assert (row["tatizo"], row["hali ya sasa"]) == ("Maji: Hakuna maji", "halijaanza kushughulikiwa")


# What of a person


def test_the_summary_is_what_the_citizen_said_first_and_last(stage: Stage, worklists: Worklists) -> None:
    case = stage.lodge("Hakuna maji\r\ntangu Ijumaa")
    stage.act(case, Action.ADD_WORDS, "Hata leo", Role.CITIZEN)
    stage.act(stage.act(case, Action.START), Action.ASK, "Which plot is it?")
    stage.act(case, Action.ANSWER, "Plot 12", Role.CITIZEN)
    assert rows(worklists, stage.now)[0]["summary"] == "Hakuna maji tangu Ijumaa // Plot 12"


@on_sqlite
def test_long_words_leave_room_for_the_newest(stage: Stage, worklists: Worklists) -> None:
    case = stage.lodge("a" * 700)
    assert rows(worklists, stage.now)[0]["summary"] == "a" * 499 + "…"
    stage.act(case, Action.ADD_WORDS, "b" * 700, Role.CITIZEN)
    summary = rows(worklists, stage.now)[0]["summary"]
    assert len(summary) == 500
    assert (summary.count("a"), summary.count("b")) == (299, 195)


@on_sqlite
def test_the_number_of_the_citizen_is_on_it_only_where_the_pack_says_so(stage: Stage, worklists: Worklists) -> None:
    stage.lodge()
    says(stage, contact=True)
    assert rows(worklists, stage.now)[0]["contact"] == ""
    says(stage, contact_on_worklist=True)
    assert rows(worklists, stage.now)[0]["contact"] == "0712 345 678"


@pytest.mark.parametrize("facts", [{"visibility": "anonymous"}, {"visibility": "confidential"}, {"silent": True}])
@on_sqlite
def test_who_wants_no_call_is_not_called_by_the_office(
    stage: Stage, worklists: Worklists, facts: dict[str, Any]
) -> None:
    says(stage, contact_on_worklist=True)
    stage.lodge(**facts)
    assert rows(worklists, stage.now)[0]["contact"] == ""


def test_words_in_confidence_wait_for_an_officer_to_release_them(stage: Stage, worklists: Worklists) -> None:
    case = stage.lodge("They sell our water at night", visibility="confidential", place="1387")
    (row,) = rows(worklists, stage.now)
    assert (row["what"], row["place"], row["summary"]) == ("Water: No water", "Lindi (Kibra), Nairobi", "")
    Case.update(shared=1).where(Case.id == case.id).execute()
    assert rows(worklists, stage.now)[0]["summary"] == "They sell our water at night"


@on_sqlite
def test_of_a_place_in_confidence_only_the_ward_is_told(stage: Stage, worklists: Worklists) -> None:
    stage.lodge(visibility="confidential")
    assert rows(worklists, stage.now)[0]["place"] == ""


@on_sqlite
def test_of_who_was_erased_only_the_case_is_left(stage: Stage, worklists: Worklists) -> None:
    says(stage, contact_on_worklist=True)
    caller = stage.citizen()
    stage.lodge("Hakuna maji")
    stage.citizens.forget(caller.id)
    (row,) = rows(worklists, stage.now)
    assert (row["summary"], row["contact"], row["what"]) == ("", "", "Water: No water")


@on_sqlite
def test_words_that_this_box_has_no_key_for_keep_no_list_from_being_made(
    stage: Stage, worklists: Worklists, now: datetime
) -> None:
    amina = stage.citizen()
    both = Keyring({**stage.keyring.masters, "other": bytes(32)}, "other", stage.keyring.index_key)
    elsewhere = Stage(stage.home, both, now)
    elsewhere.lodge("Hakuna maji", caller=amina)
    elsewhere.lodge("Bomba limepasuka", caller=elsewhere.citizen("+254798765432"))
    assert {row["summary"] for row in rows(worklists, now)} == {
        "Hakuna maji",
        "(cannot be read with the keys of this box)",
    }


# The files


def test_both_files_are_to_be_delivered(stage: Stage, worklists: Worklists) -> None:
    stage.lodge()
    csv_file, xlsx_file = worklists.make(WATER, stage.now)
    assert csv_file == stage.home / "exchange" / WATER / "out" / f"work_{WATER}_20261123.csv"
    assert xlsx_file == csv_file.with_suffix(".xlsx")
    waiting = files.undelivered(WATER)
    assert [(one.name, one.kind, one.rows, one.day) for one in waiting] == [
        (csv_file.name, "work", 1, "2026-11-23"),
        (xlsx_file.name, "work", 1, "2026-11-23"),
    ]


def deliver(now: datetime) -> None:
    for one in files.undelivered(WATER):
        files.delivered(one, now)


def test_a_later_list_of_a_day_leaves_the_one_alone_that_a_clerk_is_at_work_on(
    stage: Stage, worklists: Worklists
) -> None:
    for number in range(1, 4):
        stage.lodge()
        made = worklists.make(WATER, stage.now)
        deliver(stage.now)
        made[0].write_bytes(b"what the clerk wrote %d" % number)
    assert [path.name for path in sorted(made[0].parent.glob("work_*.csv"))] == [
        f"work_{WATER}_20261123.csv",
        f"work_{WATER}_20261123_2.csv",
        f"work_{WATER}_20261123_3.csv",
    ]
    assert [path.read_bytes()[-1:] for path in sorted(made[0].parent.glob("work_*.csv"))] == [b"1", b"2", b"3"]


@on_sqlite
def test_a_list_that_would_say_the_same_is_not_made_again(stage: Stage, worklists: Worklists) -> None:
    stage.lodge()
    before = worklists.make(WATER, stage.now)
    deliver(stage.now)
    assert worklists.make(WATER, stage.now) == before
    assert not files.undelivered(WATER)
    assert len(list(before[0].parent.iterdir())) == 2
    before[0].unlink()  # the office took it, and it is wanted once more
    assert worklists.make(WATER, stage.now)[0].name == f"work_{WATER}_20261123_2.csv"


def test_of_lists_that_could_not_be_delivered_only_the_newest_is_left(stage: Stage, worklists: Worklists) -> None:
    for day in range(3):
        stage.lodge()
        made = worklists.make(WATER, stage.now + timedelta(days=day))
    stage.lodge()
    newest = worklists.make(WATER, stage.now + timedelta(days=2))
    assert [one.name for one in files.undelivered(WATER)] == [path.name for path in newest]
    assert sorted(newest[0].parent.iterdir()) == sorted(newest)
    assert newest[0].name == f"{made[0].stem}_2.csv"  # that one may have been on its way


@on_sqlite
def test_a_database_from_a_backup_writes_over_no_list(stage: Stage, worklists: Worklists) -> None:
    stage.lodge()
    worklists.make(WATER, stage.now)
    ExchangeFile.delete().execute()
    assert worklists.make(WATER, stage.now)[0].name == f"work_{WATER}_20261123_2.csv"


@on_sqlite
def test_whatever_stops_it_nothing_is_left_half(
    stage: Stage, worklists: Worklists, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    stage.lodge()
    monkeypatch.setattr("sync.xlsx.Form.save", full)
    with pytest.raises(OSError, match="No space"):
        worklists.make(WATER, stage.now)
    assert not list((stage.home / "exchange" / WATER / "out").iterdir())


@on_sqlite
def test_the_day_is_that_of_the_country(stage: Stage, worklists: Worklists) -> None:
    late_in_the_evening = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
    assert worklists.make(WATER, late_in_the_evening)[0].stem == f"work_{WATER}_20261124"


@on_sqlite
def test_both_files_say_the_same(stage: Stage, worklists: Worklists) -> None:
    stage.lodge("=1+1")
    stage.lodge("Bomba lapasuka")
    csv_file, xlsx_file = map(sheet.read, worklists.make(WATER, stage.now))
    assert csv_file.header == xlsx_file.header == columns.WORKLIST
    told = [[{**row.cells, "received": "", "due": ""} for row in one] for one in (csv_file, xlsx_file)]
    assert told[0] == [{name: row.get(name, "") for name in columns.WORKLIST} for row in told[1]]
    assert {row["summary"] for row in told[0]} == {"=1+1", "Bomba lapasuka"}


# And back


def filled(path: Path, now: datetime, zone: ZoneInfo, **written: str) -> list[Update | RowFault | None]:
    """What we understand when a clerk writes the same cells in every row."""
    return [
        understand(Kind.WORKLIST, replace(row, cells={**row.cells, **written}), now=now, zone=zone)
        for row in sheet.read(path)
    ]


@on_sqlite
def test_an_untouched_list_says_nothing(stage: Stage, worklists: Worklists, zone: ZoneInfo) -> None:
    stage.lodge("Hakuna maji")
    for path in worklists.make(WATER, stage.now):
        assert filled(path, stage.now, zone) == [None]


@pytest.mark.parametrize("language", ["en", "sw"])
@on_sqlite
def test_what_the_drop_down_offers_is_understood(
    stage: Stage, worklists: Worklists, zone: ZoneInfo, language: str
) -> None:
    says(stage, language=language)
    case = stage.lodge()
    for path in worklists.make(WATER, stage.now):
        for state, choice in CHOICES.items():
            (update,) = filled(path, stage.now, zone, status=choice[language], note=DONE)
            assert isinstance(update, Update)
            assert (update.status, update.ref, update.base_version) == (state, case.ref, case.version)
            assert update.update_id == f"W20261123-{case.ref}-{case.version}"


def sheet_of_errors(stage: Stage, worklists: Worklists, zone: ZoneInfo, language: str = "en") -> list[Path]:
    """What comes back of a list with one case, resolved in three letters."""
    path = worklists.make(WATER, stage.now)[1]
    wrong = filled(path, stage.now, zone, status="3", note="=ok", date="20/11/2026")
    faults = [one for one in wrong if isinstance(one, RowFault)]
    assert [fault.code for fault in faults] == ["E_NOTE_REQUIRED"]
    return worklists.error_sheet(WATER, iter(faults), path.with_suffix(""), Kind.WORKLIST, language)


@on_sqlite
def test_bad_rows_come_back_on_the_same_sheet_with_the_reason_first(
    stage: Stage, worklists: Worklists, zone: ZoneInfo
) -> None:
    case = stage.lodge("Hakuna maji")
    paths = sheet_of_errors(stage, worklists, zone)
    assert [path.name for path in paths] == [f"work_{WATER}_20261123.errors{end}" for end in (".csv", ".xlsx")]
    (row,) = rows_of(paths[0])
    assert next(iter(row)) == "problem"
    assert row["problem"] == "Row 2: write what was done, for the citizen to read, at least 20 letters. Now: '=ok'."
    assert (row["status"], row["note"], row["date"]) == ("3", "'=ok", "20/11/2026")
    assert (row["case_ref"], row["received"], row["summary"]) == (
        reference.shown(case.ref),
        "23/11/2026",
        "Hakuna maji",
    )


@on_sqlite
def test_a_row_corrected_on_the_sheet_of_errors_is_taken(stage: Stage, worklists: Worklists, zone: ZoneInfo) -> None:
    case = stage.lodge()
    for path in sheet_of_errors(stage, worklists, zone):
        (update,) = filled(path, stage.now, zone, note=DONE)
        assert isinstance(update, Update)
        assert (update.status, update.public_note) == ("resolved", DONE)
        assert update.update_id == f"W20261123-{case.ref}-{case.version}"
        assert update.occurred_at.astimezone(zone).date() == date(2026, 11, 20)


@on_sqlite
def test_the_sheet_of_errors_speaks_the_language_of_the_office(
    stage: Stage, worklists: Worklists, zone: ZoneInfo
) -> None:
    stage.lodge()
    (row,) = rows_of(sheet_of_errors(stage, worklists, zone, "sw")[0])
    assert row["kosa"].startswith("Mstari 2: andika kilichofanywa")


@on_sqlite
def test_an_old_error_sheet_that_is_wrong_again_comes_back_again(
    stage: Stage, worklists: Worklists, zone: ZoneInfo
) -> None:
    stage.lodge()
    before = sheet_of_errors(stage, worklists, zone)[1]
    (fault,) = filled(before, stage.now, zone)
    assert isinstance(fault, RowFault)
    again = worklists.error_sheet(WATER, [fault], before.with_suffix(""), Kind.WORKLIST, "en")
    (row,) = rows_of(again[0])
    assert (row["status"], row["note"], row["date"]) == ("3", "'=ok", "20/11/2026")


@on_sqlite
def test_cells_that_no_file_can_hold_come_back_without_what_is_wrong_with_them(
    stage: Stage, worklists: Worklists
) -> None:
    cells = {"case_ref": "48\x00", "note": "ma\ud800ji\x0b\ufffe", "days_over": "many", "received": "2026-13-45"}
    fault = RowFault(7, "E_REF_CHECK", "case_ref", "48\x00", cells)
    for path in worklists.error_sheet(WATER, [fault], stage.home / "work", Kind.WORKLIST, "en"):
        (row,) = sheet.read(path)
        assert (row.cells["days_over"], row.cells["received"]) == ("many", "2026-13-45")
        assert row.cells["problem"].startswith("Row 7: case number 48")


@on_sqlite
def test_a_system_gets_a_list_of_faults(stage: Stage, worklists: Worklists) -> None:
    fault = RowFault(3, "E_REF_CHECK", "case_ref", "482915634", {"case_ref": "482915634"})
    base = stage.home / f"in_{WATER}_20261123_0001"
    (path,) = worklists.error_sheet(WATER, [fault], base, Kind.UPDATES, "en")
    assert path.name == f"in_{WATER}_20261123_0001.errors.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["row_no", "code", "field", "message"],
            ["3", "E_REF_CHECK", "case_ref", fault.sentence("en")],
        ]
