from __future__ import annotations

import json
import os
import signal
from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any, Final

import pytest
from openpyxl import Workbook

import packs
from cases.lifecycle import Action, Role, State
from cases.models import Case
from cases.sweep import sweep
from cases.timers import FEEDBACK_WINDOW
from menus.notifier import Notifier
from sms_gateway.message import Message
from store import database
from store.model import set_node
from store.sealing import Keyring
from sync import applying, files, held
from sync.columns import WORKLIST
from sync.inbound import Taken
from tests.conftest import KEYRING
from tests.sync.bureau import NOTE, POWER, WATER, Bureau, again, history, number_of, row
from tests.together import at_once

MASTER_NOTE: Final = "They have the same trouble next door."


@pytest.fixture
def bureau(bound: str, keyring: Keyring, now: datetime, tmp_path: Path) -> Bureau:
    return Bureau(tmp_path, keyring, now)


def counts(taken: Taken) -> tuple[int, int, int, int]:
    return taken.rows, taken.accepted, taken.duplicate, taken.rejected


def clerks_list(bureau: Bureau, case: Case, status: str, note: str, name: str, day: str = "20261123") -> Path:
    """A worklist as a clerk saves it from Excel."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(WORKLIST)
    key = f"W{day}-{case.ref}-{case.version}"
    filled = {"case_ref": case.ref, "status": status, "note": note, "update_key": key, "base_version": case.version}
    sheet.append([filled.get(column, "") for column in WORKLIST])
    blank = {"case_ref": case.ref, "update_key": key}
    sheet.append([blank.get(column, "") for column in WORKLIST])
    book.save(bureau.home / name)
    return bureau.home / name


# What a row does


def test_a_row_brings_its_case_where_it_says_and_its_words_to_the_citizen(bureau: Bureau) -> None:
    case = bureau.lodge()
    said = row(case, "resolved", internal_note="Two men went.", agency_ref="WO-7", agency_update_id="u-1")
    taken = bureau.send(said)
    done = again(case)
    assert counts(taken) == (1, 1, 0, 0)
    assert (done.state, done.outcome, done.decided_by) == (State.RESOLVED, "fixed", "sync")
    assert (done.acknowledged_at, done.responded_at) == (history(case)[2].occurred_at,) * 2
    told, note = history(case)[2:]
    assert (told.kind, bureau.words(told)) == ("resolve", NOTE)
    assert (note.kind, bureau.words(note)) == ("note", "Two men went.")
    assert json.loads(told.facts)["public"] is True
    assert "public" not in json.loads(note.facts)
    assert number_of("SELECT COUNT(*) FROM external_ref WHERE ref = 'WO-7' AND case_id = ?", case.id) == 1


def test_an_update_is_acknowledged(bureau: Bureau) -> None:
    case = bureau.lodge()
    taken = bureau.send(row(case, "in_progress"), row("200000005", "in_progress"))
    ack = bureau.ack(taken)
    assert {name: ack[name] for name in ("file", "rows", "accepted", "duplicate", "rejected", "refused")} == {
        "file": f"in_{WATER}_20261123_1.csv",
        "rows": 2,
        "accepted": 1,
        "duplicate": 0,
        "rejected": 1,
        "refused": None,
    }
    assert ack["errors"] == [f"in_{WATER}_20261123_1.errors.csv"]
    assert [file.name for file in files.undelivered(WATER)] == [*ack["errors"], f"in_{WATER}_20261123_1.ack.json"]


def test_a_clerks_list_is_taken_under_its_name_again_and_again(bureau: Bureau) -> None:
    case = bureau.lodge()
    name = f"Copy of work_{WATER}_20261123.xlsx"
    first = bureau.importer.take(clerks_list(bureau, case, "1", "", name), None, bureau.now)
    assert (*counts(first), first.left_blank) == (1, 1, 0, 0, 1)
    second = bureau.importer.take(clerks_list(bureau, again(case), "3", NOTE, name), None, bureau.now)
    assert counts(second) == (1, 1, 0, 0)
    assert again(case).state == State.RESOLVED


def test_what_a_clerk_did_wrong_comes_back_on_the_same_sheet(bureau: Bureau) -> None:
    case = bureau.lodge()
    path = clerks_list(bureau, case, "3", "Mended.", f"work_{WATER}_20261123.xlsx")
    taken = bureau.importer.take(path, None, bureau.now)
    assert counts(taken) == (1, 0, 0, 1)
    assert [answer.name for answer in taken.answers] == [
        f"work_{WATER}_20261123.errors.csv",
        f"work_{WATER}_20261123.errors.xlsx",
        f"work_{WATER}_20261123.ack.json",
    ]
    (error,) = bureau.errors(taken)
    assert any("at least 20 letters" in cell for cell in error.values())


# Again, and other words


def test_the_same_file_again_changes_nothing(bureau: Bureau) -> None:
    case = bureau.lodge()
    path = bureau.file(row(case, "resolved"), row(bureau.lodge(), "in_progress", assignee_code="otieno"))
    bureau.importer.take(path, None, bureau.now)
    before = number_of("SELECT COUNT(*) FROM case_event")
    assert counts(bureau.importer.take(path, None, bureau.now)) == (2, 0, 2, 0)
    assert number_of("SELECT COUNT(*) FROM case_event") == before


def test_a_key_with_other_words_is_an_error_that_says_the_old_ones(bureau: Bureau) -> None:
    case = bureau.lodge()
    bureau.send(row(case, "in_progress", agency_update_id="u-1"))
    taken = bureau.send(row(case, "resolved", agency_update_id="u-1"))
    (error,) = bureau.errors(taken)
    assert (error["code"], "'in progress'" in error["message"]) == ("E_KEY_REUSED", True)
    assert again(case).state == State.IN_PROGRESS


def test_a_rejected_row_does_not_use_up_its_key(bureau: Bureau) -> None:
    case = bureau.lodge()
    assert bureau.send(row(case, "resolved", "Mended.", agency_update_id="u-1")).rejected == 1
    assert bureau.send(row(case, "resolved", agency_update_id="u-1")).accepted == 1


def test_the_same_row_twice_in_a_file_counts_once(bureau: Bureau) -> None:
    said = row(bureau.lodge(), "in_progress", agency_update_id="u-1")
    assert counts(bureau.send(said, said)) == (2, 1, 1, 0)


def test_whose_a_file_is_stands_in_its_name_however_that_is_written(bureau: Bureau) -> None:
    case = bureau.lodge()
    taken = bureau.send(row(case, "in_progress"), name=f"IN_{WATER.lower()}_20261123_1.CSV")
    assert (taken.agency, taken.accepted) == (WATER, 1)


def test_another_file_under_a_used_name_is_refused(bureau: Bureau) -> None:
    first, second = bureau.lodge(), bureau.lodge()
    bureau.send(row(first, "in_progress"), name=f"in_{WATER}_20261123_7.csv")
    taken = bureau.send(row(second, "in_progress"), name=f"in_{WATER}_20261123_7.csv")
    assert taken.refused is not None
    assert "came before with other content" in taken.refused
    assert again(second).state == State.ASSIGNED
    assert bureau.ack(taken)["refused"] == taken.refused


def test_a_file_that_is_no_sheet_is_refused_and_may_come_anew(bureau: Bureau) -> None:
    case, name = bureau.lodge(), f"in_{WATER}_20261123_1.csv"
    (bureau.home / name).write_bytes(b"%PDF-1.7 nothing for us")
    taken = bureau.importer.take(bureau.home / name, None, bureau.now)
    assert taken.refused is not None
    assert "PDF" in taken.refused
    assert bureau.send(row(case, "in_progress"), name=name).accepted == 1


def test_a_file_of_nobody_is_refused(bureau: Bureau) -> None:
    taken = bureau.send(row(bureau.lodge(), "in_progress"), name="updates.csv")
    assert taken.refused is not None
    assert taken.refused.startswith("Which office is updates.csv from?")


# Whose case


def test_a_case_of_another_office_and_one_that_never_was_are_answered_alike(bureau: Bureau) -> None:
    foreign = bureau.lodge(sub="power.none")
    assert foreign.agency == POWER
    taken = bureau.send(row(foreign, "in_progress"), row("200000005", "in_progress"))
    first, second = bureau.errors(taken)
    assert [first["code"], second["code"]] == ["E_NOT_OWNER"] * 2
    assert first["message"].replace(foreign.ref, "…")[6:] == second["message"].replace("200000005", "…")[6:]


def test_an_office_never_hears_of_what_is_said_about_it_in_confidence(bureau: Bureau) -> None:
    case = bureau.lodge(about=WATER)
    Case.update(agency=WATER).where(Case.id == case.id).execute()  # which no rule would do
    (error,) = bureau.errors(bureau.send(row(case, "in_progress")))
    assert error["code"] == "E_NOT_OWNER"


def test_a_case_is_given_to_a_member_of_the_office(bound: str, keyring: Keyring, now: datetime, tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, keyring, now, members={WATER: ("otieno", "wanjiru"), POWER: ("chebet",)})
    first, second = bureau.lodge(), bureau.lodge()
    taken = bureau.send(row(first, assignee_code="wanjiru"), row(second, "in_progress", assignee_code="chebet"))
    assert again(first).owner == "wanjiru"
    assert bureau.errors(taken)[0]["code"] == "E_ASSIGNEE"


# What cannot be done, or not now


def resolved_and(bureau: Bureau, action: Action) -> Case:
    case = bureau.lodge()
    bureau.send(row(case, "resolved"))
    bureau.now += timedelta(hours=2)
    return bureau.do(action, case)


def test_nothing_moves_a_closed_case(bureau: Bureau) -> None:
    case = resolved_and(bureau, Action.CONFIRM)
    taken = bureau.send(row(case, "in_progress", occurred_at=bureau.now.isoformat()))
    (error,) = bureau.errors(taken)
    assert (error["code"], "'closed' cannot become 'in progress'" in error["message"]) == ("E_TRANSITION", True)


def test_who_had_not_seen_the_citizen_reopen_keeps_the_note_and_a_person_looks(bureau: Bureau) -> None:
    case = resolved_and(bureau, Action.REOPEN)
    said = row(case, "resolved", "We went there once more.", base_version="2", agency_update_id="u-9")
    taken = bureau.send(said)
    assert (taken.rejected, taken.review, bureau.errors(taken)[0]["code"]) == (1, 1, "E_STALE")
    assert again(case).state == State.ASSIGNED
    kept = history(case)[-1]
    assert (kept.kind, bureau.words(kept)) == ("record", "We went there once more.")
    assert [one.update_id for one in bureau.importer.review(WATER)] == ["u-9"]
    assert counts(bureau.send(said)) == (1, 0, 1, 0)
    bureau.send(row(case, "in_progress", base_version=str(again(case).version)))
    assert (bureau.importer.review(WATER), held.counts(WATER)) == ([], {"held": 0, "review": 0})


def following(bureau: Bureau) -> Case:
    """A case that follows another one."""
    master, case = bureau.lodge(), bureau.lodge()
    return bureau.do(Action.DUPLICATE, case, MASTER_NOTE, role=Role.SUPERVISOR, master=master.id)


def test_a_row_waits_while_its_case_follows_another_and_is_done_when_that_ends(bureau: Bureau) -> None:
    case = following(bureau)
    bureau.now += timedelta(hours=3)
    said = row(case, "resolved", occurred_at=(bureau.now - timedelta(hours=1)).isoformat())
    taken = bureau.send(said)
    assert (*counts(taken), taken.waiting) == (1, 1, 0, 0, 1)
    assert counts(bureau.send(said)) == (1, 0, 1, 0)
    ((kept,),) = database.rows(database.main, "SELECT payload FROM update_row")
    assert NOTE.encode() not in bytes(kept)
    assert bureau.importer.retry_held(bureau.now) == 0
    bureau.do(Action.RELEASE, case, role=Role.SYSTEM, agency=WATER)
    assert bureau.importer.retry_held(bureau.now) == 1
    assert (again(case).state, again(case).outcome) == (State.RESOLVED, "fixed")
    assert held.counts(WATER) == {"held": 0, "review": 0}


def test_after_a_week_it_comes_back_and_its_key_is_free(bureau: Bureau) -> None:
    case = following(bureau)
    said = row(case, "resolved", occurred_at=bureau.now.isoformat())
    bureau.send(said)
    bureau.now += held.HELD_FOR - timedelta(seconds=1)
    assert bureau.importer.expire(bureau.now) == 0
    bureau.now += timedelta(seconds=1)
    assert bureau.importer.expire(bureau.now) == 1
    (late,) = (file for file in files.undelivered(WATER) if file.name.startswith("late_"))
    told = (files.out(bureau.home, WATER) / late.name).read_text(encoding="utf-8-sig")
    assert "E_TRANSITION" in told
    assert number_of("SELECT COUNT(*) FROM update_row") == 0


def test_a_row_that_waits_for_an_erased_citizen_is_let_go(bureau: Bureau) -> None:
    case = following(bureau)
    bureau.send(row(case, "resolved", occurred_at=bureau.now.isoformat()))
    bureau.citizens.forget(bureau.citizen().id)
    bureau.importer.expire(bureau.now + held.HELD_FOR)
    assert number_of("SELECT COUNT(*) FROM update_row") == 0


# Numbers of files


def test_a_file_that_is_missing_is_noticed_until_it_comes(bureau: Bureau) -> None:
    for number in (1, 4, 2):
        bureau.send(row(bureau.lodge(), "in_progress"), name=f"in_{WATER}_20261123_{number}.csv")
    assert bureau.alerts == [("exchange_files_missing", {"agency": WATER, "first": 2, "last": 3})]
    assert number_of("SELECT COUNT(*) FROM exchange_link WHERE gaps = '[3]' AND in_seq = 4") == 1


# Rehearsing, falling, going on


def test_a_dry_run_tells_what_would_happen_and_changes_nothing(bureau: Bureau) -> None:
    case = bureau.lodge()
    rows = row(case, "in_progress"), row("200000005", "resolved"), row(case, "resolved", "Mended.")
    taken = bureau.send(*rows, dry_run=True)
    assert (*counts(taken), taken.answers) == (3, 1, 0, 2, ())
    assert again(case).version == case.version
    assert number_of("SELECT COUNT(*) FROM update_row") == 0
    assert number_of("SELECT COUNT(*) FROM exchange_file") == 0


def test_a_dry_run_counts_a_row_once_however_far_apart_it_is_repeated(bureau: Bureau) -> None:
    rows = [row(case, "in_progress") for case in bureau.lodge_many(applying.MOST_ROWS)]
    repeated = rows[0] | {"occurred_at": "2026-11-23T09:15:00.5+03:00"}
    assert counts(bureau.send(*rows, repeated, rows[1], dry_run=True)) == (len(rows) + 2, len(rows), 2, 0)


def import_and_be_killed(url: str, home: Path, path: Path, now: datetime) -> None:
    """In a process of its own: killed in the middle of its third transaction."""
    database.bind(url)
    set_node("test")
    written, settle = count(1), held.settle_reviews

    def settle_or_die(cases: Collection[str]) -> None:
        if next(written) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        settle(cases)

    held.settle_reviews = settle_or_die
    Bureau(home, KEYRING, now).importer.take(path, None, now)


def test_an_import_that_was_killed_is_done_again_with_the_same_answers(bureau: Bureau, bound: str) -> None:
    cases = bureau.lodge_many(2 * applying.MOST_ROWS + 50)
    path = bureau.file(*(row(case, "in_progress") for case in cases), row("200000005", "in_progress"))
    database.close()
    killed = get_context("spawn").Process(target=import_and_be_killed, args=(bound, bureau.home, path, bureau.now))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert number_of("SELECT COUNT(*) FROM update_row") == 2 * applying.MOST_ROWS
    assert not files.undelivered(WATER)
    assert counts(bureau.importer.take(path, None, bureau.now)) == (len(cases) + 1, len(cases), 0, 1)
    assert {again(case).state for case in cases} == {State.IN_PROGRESS}
    assert not list(files.folder(bureau.home, WATER).glob(".rows*"))


def test_rows_of_a_file_are_done_in_the_order_of_what_happened(bureau: Bureau) -> None:
    case = bureau.lodge()
    bureau.now += timedelta(hours=5)
    early, late = "2026-11-23T09:30:00+03:00", "2026-11-23T10:30:00+03:00"
    taken = bureau.send(
        row(case, "resolved", occurred_at=late), row(case, "pending_citizen", "Which street?", occurred_at=early)
    )
    assert taken.superseded == 0
    assert [event.kind for event in history(case)[2:]] == ["ask", "resolve"]
    assert again(case).paused_minutes == 60


@pytest.mark.parametrize("database_kind", ["postgresql"])  # on SQLite there is one writer at a time
def test_who_waits_for_a_case_while_its_holder_waits_for_another_begins_anew(bureau: Bureau) -> None:
    first, second = bureau.lodge(), bureau.lodge()
    path, held_second = bureau.file(row(first, "in_progress"), row(second, "in_progress")), Event()

    def touch(case: Case) -> None:
        database.run(database.main, "UPDATE cases SET version = version WHERE id = ?", case.id)

    def hold() -> None:
        with database.transaction():
            touch(second)
            held_second.set()
            sleep(0.3)  # by now the import has the first and waits for the second; who waits longest gives way
            touch(first)

    def take() -> None:
        held_second.wait(5)
        bureau.importer.take(path, None, bureau.now)

    at_once(hold, take)
    assert {again(first).state, again(second).state} == {State.IN_PROGRESS}


# SMS


def sms(**of: Any) -> list[Message]:
    return list(Message.select().where(Message.direction == "mt", Message.state == of.get("state", "queued")))


@pytest.fixture
def told(bound: str, keyring: Keyring, now: datetime, tmp_path: Path) -> Bureau:
    """A bureau whose citizens hear of what happens."""
    return Bureau(tmp_path, keyring, now, [Notifier(packs.current)])


def test_a_resolution_is_told_with_the_offices_words(told: Bureau) -> None:
    case = told.lodge()
    told.send(row(case, "resolved"))
    (message,) = (one for one in sms() if one.template == "resolved")
    assert NOTE in told.citizen().key.open("message.body", message.id, message.body)


def test_who_hears_late_that_it_is_done_has_as_long_to_answer_as_anybody(told: Bureau) -> None:
    case, done = told.lodge(), told.now + timedelta(hours=1)
    told.now += timedelta(days=40)
    told.send(row(case, "resolved", occurred_at=done.isoformat()))
    assert (again(case).decided_at, history(case)[-1].occurred_at) == (told.now, done)
    assert not sweep(told.casework, told.now + FEEDBACK_WINDOW / 8)
    told.now += FEEDBACK_WINDOW - timedelta(hours=1)
    assert sweep(told.casework, told.now) == {Action.REMIND: 1}
    assert again(told.do(Action.REOPEN, case)).state == State.ASSIGNED


def test_the_days_that_an_sms_names_lie_ahead_however_late_a_file_comes(told: Bureau) -> None:
    case, then = told.lodge(), told.now + timedelta(hours=1)
    told.now += timedelta(days=40)
    for status in ("in_progress", "pending_third_party", "pending_citizen"):
        then += timedelta(hours=1)
        told.send(row(case, status, "We wait for the county.", occurred_at=then.isoformat()))
        message = max(sms(), key=lambda one: one.id)
        params = json.loads(told.citizen().key.open("message.body", message.id, message.body))
        assert params["date"] > told.now.date().isoformat()


def test_who_was_asked_whether_it_is_fixed_hears_that_the_office_takes_it_back(told: Bureau) -> None:
    case = told.lodge()
    told.now += timedelta(hours=2)
    told.send(row(case, "resolved"))
    Message.update(state="sent").execute()
    told.send(row(case, "assigned", occurred_at="2026-11-23T10:30:00+03:00"))
    assert [message.template for message in sms()] == ["assigned"]


def test_words_without_a_status_and_words_that_come_late_are_not_told_by_sms(told: Bureau) -> None:
    case = told.lodge()
    told.now += timedelta(hours=2)
    told.send(row(case, "resolved", occurred_at="2026-11-23T10:30:00+03:00"))
    before = [message.id for message in sms()]
    told.send(row(case, "in_progress", occurred_at="2026-11-23T10:15:00+03:00"), row(case, "", "A word more."))
    assert [message.id for message in sms()] == before


def test_a_backlog_of_three_hundred_rows_is_one_summary(told: Bureau) -> None:
    cases = told.lodge_many(300)
    Message.delete().execute()
    for start in range(0, 300, 100):
        told.send(*(row(case, "resolved") for case in cases[start : start + 100]))
    assert [message.template for message in sms()] == ["summary"]


# In the case


def test_a_key_that_served_another_case_serves_no_second_one(bureau: Bureau) -> None:
    first, second = bureau.lodge(), bureau.lodge()
    bureau.send(row(first, "in_progress", agency_update_id="u-1"))
    held.UpdateRow.delete().execute()  # as after a restore of that table alone
    taken = bureau.send(row(second, "in_progress", agency_update_id="u-1"))
    assert (taken.rejected, again(second).state) == (1, State.ASSIGNED)
