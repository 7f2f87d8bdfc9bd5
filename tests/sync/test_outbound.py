"""Event files: what is in a row and what never is; a chain without gaps; no row lost, and none told twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

import packs
from cases import checkpoints
from cases.checkpoints import Signer
from cases.lifecycle import Action, Role
from cases.models import Case, CaseEvent, Citizen
from cases.worklist import UNREADABLE
from packs.model import Exchange
from store import database
from store.model import node_name
from store.sealing import KEY_BYTES, Keyring
from sync import files, lines, manifest, outbound
from sync.manifest import Manifest
from sync.models import ExchangeFile, ExternalRef, FeedRow
from sync.outbound import Made, NotKept
from tests.sync.fuse import kill_at_every_step
from tests.sync.stage import POWER, WATER, Stage, fed, rows_of
from tests.together import PROCESSES, at_once

WARD: Final = "1366"  # Kitisuru


@pytest.fixture
def stage(bound: str, tmp_path: Path, keyring: Keyring, now: datetime) -> Stage:
    return Stage(tmp_path, keyring, now)


def told(stage: Stage, agency: str = WATER) -> list[dict[str, str]]:
    """The rows of the next file."""
    return rows_of(stage.exporter.make(agency, stage.now).path)


def note_of(made: Made, stage: Stage) -> Manifest:
    """What the manifest of a file says, once it was found to fit the file."""
    return manifest.check(made.path, stage.keys)


# A row


def test_the_columns_are_those_that_are_published() -> None:
    assert ",".join(lines.HEADER) == (
        "schema_version,case_ref,case_version,event_id,event_type,category_code,ward_code,lat,long,summary,lang,"
        "priority,state,received_at,due_at,escalation_level,duplicate_of,visibility,contact,agency_ref"
    )


def test_a_row_tells_the_office_what_it_needs(stage: Stage, ke: packs.Pack) -> None:
    case = stage.lodge("The tap is dry\nsince Monday", place=WARD)
    (row,) = told(stage)
    event = CaseEvent.get((CaseEvent.case == case.id) & (CaseEvent.kind == "assign"))
    assert row == {
        "schema_version": "1",
        "case_ref": case.ref,
        "case_version": "2",
        "event_id": event.id,
        "event_type": "assign",
        "category_code": "water.none",
        "ward_code": "W1366",
        "lat": f"{ke.centroids[WARD].lat:.4f}",
        "long": f"{ke.centroids[WARD].long:.4f}",
        "summary": "The tap is dry since Monday",
        "lang": "en",
        "priority": "normal",
        "state": "assigned",
        "received_at": "2026-11-23T09:15:00+03:00",
        "due_at": lines.iso(case.due_at, stage.zone),
        "escalation_level": "0",
        "duplicate_of": "",
        "visibility": "public",
        "contact": "0712 345 678",
        "agency_ref": "",
    }


def test_negative_latitudes_stay_numbers(stage: Stage) -> None:
    stage.lodge(place=WARD)
    (row,) = told(stage)
    assert float(row["lat"]) < 0


def test_words_that_were_added_stand_in_the_row_that_brought_them(stage: Stage) -> None:
    case = stage.lodge("The tap is dry")
    stage.act(case, Action.ADD_WORDS, "Now the whole street is", role=Role.CITIZEN)
    stage.act(case, Action.START)
    assert [row["summary"] for row in told(stage)] == [
        "The tap is dry",
        "Now the whole street is",
        "The tap is dry // Now the whole street is",
    ]


def test_a_long_story_is_cut(stage: Stage) -> None:
    stage.lodge("dry " * 300)
    (row,) = told(stage)
    assert len(row["summary"]) == 500
    assert row["summary"].endswith("…")


def test_what_officers_write_to_each_other_never_leaves(stage: Stage) -> None:
    case = stage.lodge("The tap is dry")
    stage.act(case, Action.NOTE, "The chairman asked us to wait", role=Role.OWNER)
    made = stage.exporter.make(WATER, stage.now)
    assert [row["event_type"] for row in rows_of(made.path)] == ["assign", "note"]
    assert "chairman" not in made.path.read_text(encoding="utf-8")


def test_words_that_a_spreadsheet_would_run_are_made_harmless(stage: Stage) -> None:
    stage.lodge('=HYPERLINK("http://x","y")')
    (row,) = told(stage)
    assert row["summary"] == '\'=HYPERLINK("http://x","y")'


def test_the_master_of_a_duplicate_is_named_by_its_number(stage: Stage) -> None:
    master = stage.lodge()
    stage.act(stage.lodge(), Action.DUPLICATE, master=master.id)
    assert told(stage)[-1]["duplicate_of"] == master.ref


def test_the_office_finds_its_own_number(stage: Stage) -> None:
    case = stage.lodge()
    ExternalRef.create(agency=WATER, case=case.id, ref="NW/2026/17")
    assert told(stage)[0]["agency_ref"] == "NW/2026/17"


@pytest.mark.parametrize("ref", ["sending:2026-11-23T06:00:00+00:00", "token:abc"])
def test_a_number_that_the_office_has_not_given_yet_is_told_to_nobody(stage: Stage, ref: str) -> None:
    case = stage.lodge()
    ExternalRef.create(agency=WATER, case=case.id, ref=ref)
    assert told(stage)[0]["agency_ref"] == ""


# What does not leave


def test_an_office_that_may_not_have_numbers_gets_none(stage: Stage) -> None:
    stage.exchanges = {WATER: Exchange(WATER)}
    stage.lodge("The tap is dry")
    assert told(stage)[0]["contact"] == ""


@pytest.mark.parametrize("visibility", ["confidential", "anonymous"])
def test_of_a_case_in_confidence_go_its_kind_and_its_ward_alone(stage: Stage, visibility: str) -> None:
    stage.lodge("Zumaridi took money", place=WARD, visibility=visibility)
    (row,) = told(stage)
    assert (row["category_code"], row["ward_code"], row["visibility"]) == ("water.none", "W1366", visibility)
    assert (row["summary"], row["contact"]) == ("", "")


def test_the_place_of_a_case_in_confidence_is_its_ward_and_no_point_on_the_map(stage: Stage) -> None:
    stage.lodge(place=WARD, visibility="confidential")
    (row,) = told(stage)
    assert (row["lat"], row["long"]) == ("", "")


def test_words_that_sound_secret_do_not_leave(stage: Stage) -> None:
    case = stage.lodge("Zumaridi beats me", place=WARD)
    Case.update(guarded=1).where(Case.id == case.id).execute()
    (row,) = told(stage)
    assert (row["summary"], row["contact"], row["lat"]) == ("", "", "")


def test_an_officer_releases_the_words_but_never_the_number(stage: Stage) -> None:
    case = stage.lodge("Zumaridi took money", place=WARD, visibility="confidential")
    told(stage)
    stage.act(case, Action.SHARE)
    (row,) = told(stage)
    assert (row["event_type"], row["summary"], row["contact"]) == ("share", "Zumaridi took money", "")
    assert row["lat"]


def test_who_wants_no_sms_about_a_case_is_not_to_be_called_about_it(stage: Stage) -> None:
    stage.lodge("The tap is dry", silent=True)
    (row,) = told(stage)
    assert (row["summary"], row["contact"]) == ("The tap is dry", "")


def test_of_a_citizen_who_was_erased_meanwhile_nothing_leaves(stage: Stage) -> None:
    case = stage.lodge("Zumaridi street")
    stage.citizens.forget(case.__data__["citizen"])
    (row,) = told(stage)
    assert (row["summary"], row["contact"]) == ("", "")


def test_words_under_a_master_key_that_is_not_here_stop_no_file(stage: Stage) -> None:
    stage.lodge("The tap is dry")
    other = Keyring({"other": bytes(KEY_BYTES)}, "other", KEY_BYTES * b"i")
    exporter = Stage(stage.home, other, stage.now).exporter
    (row,) = rows_of(exporter.make(WATER, stage.now).path)
    assert (row["summary"], row["contact"]) == (UNREADABLE, "")


def test_the_office_that_lost_a_case_is_told_its_number_and_no_word(stage: Stage) -> None:
    case = stage.lodge("Zumaridi street", place=WARD)
    stage.act(case, Action.TRANSFER, "A power line fell on the pipe", agency=POWER)
    first, away = told(stage)
    assert (first["summary"], first["contact"], first["lat"]) == ("", "", "")
    assert {name: value for name, value in away.items() if value} == {
        "schema_version": "1",
        "case_ref": case.ref,
        "case_version": "3",
        "event_id": fed_event(case, "transfer"),
        "event_type": "transferred_away",
    }


def fed_event(case: Case, kind: str) -> str:
    event: CaseEvent = CaseEvent.get((CaseEvent.case == case.id) & (CaseEvent.kind == kind))
    return event.id


@pytest.mark.parametrize(
    ("number", "written"),
    [("+254712345678", "0712 345 678"), ("+254110345678", "0110 345 678"), ("+255712345678", "+255712345678")],
)
def test_numbers_are_written_as_people_write_them(number: str, written: str) -> None:
    assert lines.national(number) == written


# The chain


def test_a_day_without_news_has_a_file_too(stage: Stage) -> None:
    made = stage.exporter.make(WATER, stage.now)
    assert made.path.read_bytes().count(b"\r\n") == 1
    assert (made.rows, rows_of(made.path)) == (0, [])
    assert made.path.name == "out_NCWSC_20261123_0001.csv"


def test_every_file_continues_the_one_before(stage: Stage) -> None:
    notes = []
    for _ in range(3):
        stage.lodge()
        notes.append(note_of(stage.exporter.make(WATER, stage.now), stage))
    assert [note.seq for note in notes] == [1, 2, 3]
    assert [note.previous for note in notes] == [None, notes[0].sha256, notes[1].sha256]
    assert [note.rows for note in notes] == [1, 1, 1]


def test_every_office_has_a_chain_of_its_own(stage: Stage) -> None:
    stage.exporter.make(WATER, stage.now)
    made = stage.exporter.make(POWER, stage.now)
    assert (made.seq, note_of(made, stage).previous) == (1, None)


def test_the_manifest_carries_the_newest_checkpoint(stage: Stage, keyring: Keyring) -> None:
    stage.lodge()
    sealed = checkpoints.seal(Signer(keyring.masters), stage.now + timedelta(days=36_500))  # whatever the clock was
    assert sealed
    note = note_of(stage.exporter.make(WATER, stage.now), stage)
    assert note.checkpoint == {"node": node_name(), "seq": sealed.seq, "root": sealed.root}


def test_a_row_goes_once(stage: Stage) -> None:
    stage.lodge()
    assert outbound.waiting(WATER) == 1
    assert len(told(stage)) == 1
    assert outbound.waiting(WATER) == 0
    assert told(stage) == []


def test_a_file_is_to_be_delivered_when_it_is_made(stage: Stage) -> None:
    made = stage.exporter.make(WATER, stage.now)
    (file,) = files.undelivered(WATER)
    assert files.parts(stage.home, file) == [made.path, made.manifest]
    assert file.sha256 == note_of(made, stage).sha256


def test_more_rows_than_one_transaction_takes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "_TAKEN_AT_ONCE", 7)
    monkeypatch.setattr(lines, "_PAGE", 5)
    stage.lodge_many(23)
    seen: list[int] = []
    made = stage.exporter.make(WATER, stage.now, progress=seen.append)
    assert (made.rows, sum(seen), len(rows_of(made.path))) == (23, 23, 23)


def test_two_runs_at_once_make_two_files_and_tell_each_row_once(stage: Stage) -> None:
    stage.lodge_many(20)
    made = at_once(*[lambda: stage.exporter.make(WATER, stage.now)] * 2)
    assert sorted(one.seq or 0 for one in made) == [1, 2]
    assert sum(len(rows_of(one.path)) for one in made) == 20


def test_a_file_that_could_not_be_written_is_made_the_next_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.lodge()
    with monkeypatch.context() as broken:
        broken.setattr(outbound, "write_csv", full_disk)
        with pytest.raises(OSError, match="No space left"):
            stage.exporter.make(WATER, stage.now)
    assert (outbound.waiting(WATER), files.undelivered(WATER)) == (1, [])
    stage.lodge()
    made = stage.exporter.make(WATER, stage.now + timedelta(days=1))
    assert (made.path.name, made.rows) == ("out_NCWSC_20261123_0001.csv", 2)


def test_a_whole_file_that_somebody_may_have_fetched_is_never_written_anew(stage: Stage) -> None:
    stage.lodge("The tap is dry")
    made = stage.exporter.make(WATER, stage.now)
    fetched = made.path.read_bytes(), made.manifest.read_bytes()
    ExchangeFile.update(state="making", sha256=None, rows=0).execute()  # the run died before it could say so
    stage.citizens.forget(Citizen.get().id)
    assert stage.exporter.make(WATER, stage.now) == made
    stage.lodge()
    ExchangeFile.update(state="making", sha256=None, rows=0).execute()
    assert stage.exporter.make(WATER, stage.now).seq == 2
    assert (made.path.read_bytes(), made.manifest.read_bytes()) == fetched


def full_disk(*_: object) -> int:
    raise OSError("No space left on device")


def test_after_a_restored_backup_no_number_is_used_again(stage: Stage) -> None:
    stage.exporter.make(WATER, stage.now)
    lost = stage.exporter.make(WATER, stage.now)
    ExchangeFile.delete().where(ExchangeFile.seq == 2).execute()  # the backup was older
    note = note_of(stage.exporter.make(WATER, stage.now), stage)
    assert (note.seq, note.previous) == (3, files.digest(lost.path))


def test_a_number_that_somebody_else_put_there_does_not_count(stage: Stage) -> None:
    first = stage.exporter.make(WATER, stage.now)
    forged = first.manifest.with_name("out_NCWSC_20261123_99999999999.manifest.json")
    for content in (b"{}", first.manifest.read_bytes()):
        forged.write_bytes(content)
        note = note_of(stage.exporter.make(WATER, stage.now), stage)
        assert note.seq in (2, 3)
    assert note.previous


def test_killed_at_any_step_nothing_is_lost_and_nothing_told_twice(stage: Stage, bound: str) -> None:
    database.close()
    process = PROCESSES.Process(target=kill_at_every_step, args=(bound, stage.home, stage.now))
    process.start()
    process.join(120)
    steps = process.exitcode
    assert steps is not None
    assert steps > 12  # so that there was something to be killed at
    assert ExchangeFile.select().count() >= steps
    assert_whole(stage)


def assert_whole(stage: Stage) -> None:
    """All files of the water company are there, chained; together they tell every event once."""
    sent = list(ExchangeFile.select().order_by(ExchangeFile.seq))
    notes = [manifest.check(files.parts(stage.home, file)[0], stage.keys) for file in sent]
    assert [file.state for file in sent] == ["made"] * len(sent)
    assert [note.seq for note in notes] == list(range(1, len(notes) + 1))
    assert [note.previous for note in notes] == [None, *[note.sha256 for note in notes[:-1]]]
    assert sorted(path.name for path in files.out(stage.home, WATER).iterdir()) == sorted(
        path.name for file in sent for path in files.parts(stage.home, file)
    )
    events = [row["event_id"] for file in sent for row in rows_of(files.parts(stage.home, file)[0])]
    assert len(events) == len(set(events)) == FeedRow.select().where(FeedRow.agency == WATER).count()


# Beside the chain


def test_a_dry_run_says_what_would_be_and_does_nothing(stage: Stage) -> None:
    stage.lodge()
    made = stage.exporter.make(WATER, stage.now, dry_run=True)
    assert (made.path.name, made.rows, made.seq) == ("out_NCWSC_20261123_0001.csv", 1, 1)
    assert not made.path.exists()
    assert not ExchangeFile.select().exists()
    assert outbound.waiting(WATER) == 1


def test_a_repeat_tells_the_same_events_outside_the_chain(stage: Stage) -> None:
    stage.lodge()
    old = stage.exporter.make(WATER, stage.now - timedelta(days=2))
    sent: list[dict[str, str]] = []
    for _ in range(2):
        stage.lodge()
        sent += told(stage)
    stage.lodge()
    repeat = stage.exporter.make(WATER, stage.now, since=stage.now - timedelta(days=1))
    note = note_of(repeat, stage)
    assert rows_of(repeat.path) == sent
    assert (note.seq, note.previous, note.rows) == (None, None, 2)
    assert note.repeat_since == "2026-11-22T09:15:00+03:00"
    assert old.seq == 1
    assert stage.exporter.make(WATER, stage.now).seq == 4
    assert outbound.waiting(WATER) == 0


def test_a_repeat_tells_nothing_that_was_not_told(stage: Stage) -> None:
    stage.lodge()
    stage.exporter.make(WATER, stage.now)
    ExchangeFile.update(state="making").execute()  # the run died, and no office has seen its file
    assert stage.exporter.make(WATER, stage.now, since=stage.now).rows == 0


def test_a_rehearsed_repeat_counts_what_was_sent(stage: Stage) -> None:
    stage.lodge()
    told(stage)
    made = stage.exporter.make(WATER, stage.now, since=stage.now, dry_run=True)
    assert (made.rows, made.seq, made.path.exists()) == (1, None, False)


def test_a_file_may_be_had_once_more_as_it_was(stage: Stage) -> None:
    stage.lodge()
    made = stage.exporter.make(WATER, stage.now)
    assert stage.exporter.again(WATER, 1) == made


@pytest.mark.parametrize(("seq", "sentence"), [(1, "is no longer on disk"), (2, "There is no event file 2 for NCWSC")])
def test_a_file_that_is_not_there_is_not_had_once_more(stage: Stage, seq: int, sentence: str) -> None:
    stage.exporter.make(WATER, stage.now).path.unlink()
    with pytest.raises(NotKept, match=sentence):
        stage.exporter.again(WATER, seq)


def test_what_was_sent_long_ago_goes_and_what_waits_stays(stage: Stage) -> None:
    stage.act(stage.lodge(), Action.TRANSFER, "A power line fell on the pipe", agency=POWER)  # who fetches no file
    stage.lodge()
    made = stage.exporter.make(WATER, stage.now)
    files.delivered(files.undelivered(WATER)[0], stage.now)
    stage.lodge()
    later = stage.now + outbound.KEEP + timedelta(days=1)
    assert outbound.prune(stage.pack(), stage.home, later) == 4 + 1
    assert [row.file_id for row in fed()] == [None]
    assert not made.path.exists()
    assert not made.manifest.exists()
    assert stage.exporter.make(WATER, later).seq == 2


def test_what_a_begun_file_took_stays_however_long_it_cannot_be_written(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.lodge()
    with monkeypatch.context() as broken:
        broken.setattr(outbound, "write_csv", full_disk)
        with pytest.raises(OSError, match="No space left"):
            stage.exporter.make(WATER, stage.now)
    later = stage.now + outbound.KEEP + timedelta(days=1)
    assert outbound.prune(stage.pack(), stage.home, later) == 0
    assert stage.exporter.make(WATER, later).rows == 1
