from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from cases import events
from cases.casework import Casework, Change
from cases.citizens import Caller
from cases.events import Broken, canonical, verify
from cases.lifecycle import Action
from cases.models import Case, CaseEvent
from store import database
from tests.cases.conftest import Lodge


@pytest.fixture
def case(lodge: Lodge, casework: Casework, amina: Caller, now: datetime) -> Case:
    """A case with four events among others: lodged, assigned, words, words."""
    lodge("before", words="Maji machafu.")
    case = lodge("test", words="Hakuna maji.").case
    for key in ("a", "b"):
        casework.apply(_words(amina, case, key), now)
    lodge("after")
    return Case.get_by_id(case.id)


def _words(caller: Caller, case: Case, source_key: str) -> Change:
    return Change(Action.ADD_WORDS, caller, "ussd", source_key, case.id, words="Bado.")


def event(case: Case, seq: int) -> CaseEvent:
    found: CaseEvent = CaseEvent.get(CaseEvent.case == case.id, CaseEvent.seq == seq)
    return found


def without_foreign_keys() -> None:
    """As somebody with the database's password can."""
    database.run(
        database.main,
        "SET session_replication_role = replica" if database.is_postgres() else "PRAGMA foreign_keys = 0",
    )


def found() -> list[tuple[str, int]]:
    return [(broken.ref, broken.seq) for broken in verify()]


def test_untouched_chains_are_whole(case: Case) -> None:
    assert list(verify()) == []


def test_progress_hears_how_many_events_were_read(case: Case) -> None:
    read: list[int] = []
    assert list(verify(read.append)) == []
    assert sum(read) == CaseEvent.select().count() == 8


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "forged"),
        ("role", "admin"),
        ("actor", "somebody"),
        ("source", "desk"),
        ("source_key", "another"),
        ("occurred_at", 1),
        ("recorded_at", 1),
        ("facts", '{"sub":"power.none"}'),
        ("words", b"\x01other words"),
        ("id", "f" * 32),
    ],
)
def test_a_changed_column_names_the_case_and_the_event(case: Case, column: str, value: object) -> None:
    database.run(database.main, f"UPDATE case_event SET {column} = ? WHERE id = ?", value, event(case, 3).id)
    assert list(verify()) == [Broken(case.ref, 3, "was changed after it was written")]


@pytest.mark.parametrize("seq", [1, 3, 4], ids=["the first", "one in the middle", "the last"])
def test_one_flipped_bit_of_sealed_words_is_found(case: Case, seq: int) -> None:
    touched = event(case, seq)
    words = bytearray(touched.words or b"")
    words[-1] ^= 1
    database.run(database.main, "UPDATE case_event SET words = ? WHERE id = ?", bytes(words), touched.id)
    assert found() == [(case.ref, seq)]


def test_an_event_whose_hash_was_made_to_fit_is_given_away_by_the_next(case: Case) -> None:
    database.run(database.main, "UPDATE case_event SET hash = ? WHERE id = ?", "0" * 64, event(case, 3).id)
    assert found() == [(case.ref, 3), (case.ref, 4)]


@pytest.mark.parametrize(
    ("seq", "broken"),
    [
        (1, Broken("", 2, "event 1 is missing; event 2 follows event 0")),
        (3, Broken("", 4, "event 3 is missing; event 4 follows event 2")),
        (4, Broken("", 3, "is the last event, but the case says it has 4")),
    ],
    ids=["the first", "one in the middle", "the last"],
)
def test_a_dropped_event_is_missed(case: Case, seq: int, broken: Broken) -> None:
    event(case, seq).delete_instance()
    assert list(verify()) == [Broken(case.ref, broken.seq, broken.sentence)]


def test_a_case_without_its_history_is_found(case: Case) -> None:
    CaseEvent.delete().where(CaseEvent.case == case.id).execute()
    assert list(verify()) == [Broken(case.ref, 0, "has no events at all")]


def test_a_history_without_its_case_is_found(case: Case) -> None:
    without_foreign_keys()
    Case.delete().where(Case.id == case.id).execute()
    assert found() == [(case.id, 4)]


def test_events_in_another_order_are_found(case: Case) -> None:
    third, fourth = event(case, 3).id, event(case, 4).id
    for seq, event_id in ((99, third), (3, fourth), (4, third)):
        database.run(database.main, "UPDATE case_event SET seq = ? WHERE id = ?", seq, event_id)
    assert {(case.ref, 3), (case.ref, 4)} == set(found())


def test_an_event_moved_to_another_case_is_found(case: Case) -> None:
    other = Case.get(Case.source_key == "after")
    database.run(database.main, "UPDATE case_event SET case_id = ?, seq = 3 WHERE id = ?", other.id, event(case, 4).id)
    assert {case.ref, other.ref} == {ref for ref, _ in found()}


@pytest.mark.parametrize(("column", "value"), [("events", 5), ("events", 3), ("chain", "0" * 64)])
def test_a_changed_head_of_a_case_is_found(case: Case, column: str, value: object) -> None:
    database.run(database.main, f"UPDATE cases SET {column} = ? WHERE id = ?", value, case.id)
    assert found() == [(case.ref, 4)]


def test_a_case_that_grows_while_it_is_read_is_no_fault(
    case: Case, casework: Casework, amina: Caller, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = events._events_after

    def read_then_grow(last: tuple[str, str, int]) -> list[tuple[Any, ...]]:
        batch = read(last)
        casework.apply(_words(amina, case, "meanwhile"), now)
        return batch

    monkeypatch.setattr(events, "_events_after", read_then_grow)
    assert list(verify()) == []
    assert Case.get_by_id(case.id).events == 5


def test_an_erased_citizens_chain_stays_whole(case: Case) -> None:
    database.run(database.main, "UPDATE citizen SET data_key = NULL")
    assert list(verify()) == []


def test_a_chain_longer_than_one_batch_is_whole(
    case: Case, casework: Casework, amina: Caller, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cases.events._BATCH", 3)
    assert list(verify()) == []
    event(case, 2).delete_instance()
    assert found() == [(case.ref, 3)]


def test_facts_are_always_spelled_the_same() -> None:
    assert canonical({"b": "ñ", "a": None}) == canonical({"a": None, "b": "ñ"}) == '{"a":null,"b":"ñ"}'
