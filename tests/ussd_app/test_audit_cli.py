"""`./mlango audit`, on both databases: it names what somebody did to the history."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from cases import checkpoints, reference
from cases.checkpoints import Checkpoint, Signer
from cases.models import Case, CaseEvent
from store import database
from store.clock import utcnow
from tests import box
from tests.box import ASHA, LODGE, Handset, number_in, through
from ussd_app import privacy, wiring
from ussd_app.cli.audit import command
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

OTHER: Final = "+254733000111"


@pytest.fixture
def number(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A box with two cases; the number of one, as people read it."""
    environ = box.environ(tmp_path, database_url)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with box.application(Settings.load(environ)) as app:
        network = through(app.test_client())
        ref = number_in(Handset(network).dial(*LODGE))
        assert Handset(network, OTHER).text("There is a pole on the road") == 200
        yield reference.shown(ref)


@pytest.fixture
def sealed(number: str) -> str:
    """The same box after a minute, when the relay has sealed what happened; the number."""
    assert seal()
    return number


def seal() -> Checkpoint | None:
    return checkpoints.seal(Signer(Settings.load().masters), utcnow() + timedelta(minutes=2))


def audit(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def verify(*arguments: str) -> Result:
    return audit("verify", *arguments)


def faults(result: Result) -> list[str]:
    assert isinstance(result.exception, Refusal), result.output
    return list(result.exception.faults)


def tamper(sql: str, number: str) -> None:
    case = Case.get(Case.ref == number.replace("-", ""))
    assert database.run(database.main, sql, case.id).rowcount > 0


def test_a_whole_history_is_verified_and_counted(number: str) -> None:
    result = verify()
    assert result.exit_code == 0
    events = CaseEvent.select().count()
    assert result.stdout == f"{events} events of {Case.select().count()} cases verified, with 0 checkpoints.\n"
    assert Case.select().count() == 2
    assert result.stderr == ""  # no progress bar where nobody watches


def test_a_changed_event_is_named(number: str) -> None:
    tamper('UPDATE case_event SET facts = \'{"sub":"water.dirty"}\' WHERE case_id = ? AND seq = 1', number)
    changed, *_, summary = faults(verify())
    assert changed == f"Case {number}, event 1: was changed after it was written."
    assert summary.startswith("The history is broken. Faults: ")
    assert summary.endswith(f"; events: {CaseEvent.select().count()}.")


def test_a_dropped_event_is_named(number: str) -> None:
    tamper("DELETE FROM case_event WHERE case_id = ? AND seq = 1", number)
    assert f"Case {number}, event 2: event 1 is missing; event 2 follows event 0." in faults(verify())


def test_a_dropped_end_is_named(number: str) -> None:
    tamper("DELETE FROM case_event WHERE case_id = ? AND seq > 1", number)
    assert any(fault.startswith(f"Case {number}, event 1: is the last event") for fault in faults(verify()))


def test_a_case_without_its_history_is_named(number: str) -> None:
    tamper("DELETE FROM case_event WHERE case_id = ?", number)
    assert f"Case {number}, event 0: has no events at all." in faults(verify())


def test_events_of_a_case_that_is_gone_are_named_by_its_id(number: str) -> None:
    case = Case.get(Case.ref == number.replace("-", ""))
    with without_foreign_keys():
        case.delete_instance()
    assert f"Case {case.id}, event 2: is the last event of a case that is not there." in faults(verify())


@contextmanager
def without_foreign_keys() -> Iterator[None]:
    """As somebody with the rights of an administrator works."""
    postgres = database.is_postgres()
    off, on = ("= 'replica'", "= 'origin'") if postgres else ("= 0", "= 1")
    switch = "SET session_replication_role" if postgres else "PRAGMA foreign_keys"
    database.run(database.main, f"{switch} {off}")
    yield
    database.run(database.main, f"{switch} {on}")


def test_on_an_empty_database_there_is_nothing_to_find(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in box.environ(tmp_path, database_url).items():
        monkeypatch.setenv(name, value)
    assert verify().stdout == "0 events of 0 cases verified, with 0 checkpoints.\n"
    assert audit("checkpoints").stdout == "Events in no checkpoint yet: 0.\n"
    database.close()


def test_a_case_whose_row_is_not_what_its_events_say_is_named(number: str) -> None:
    tamper("UPDATE cases SET agency = 'kplc' WHERE id = ?", number)
    told, _ = faults(verify())
    assert told.startswith(f"Case {number}: agency is “kplc”, but its events say “")


def test_a_case_that_was_removed_with_its_whole_history_is_missed(sealed: str) -> None:
    events = CaseEvent.select().join(Case).where(Case.ref == sealed.replace("-", "")).count()
    remove(sealed)
    told = faults(verify())
    (one,) = Checkpoint.select()
    missed = f"Checkpoint 1 of test ({one.sealed_at:%Y-%m-%d %H:%M} UTC) does not match: an event of "
    assert len(told) == events + 1
    assert all(fault.startswith(missed) for fault in told[:-1])


def test_who_seals_anew_is_found_out_by_what_left_the_box(sealed: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    assert audit("checkpoints", "--export", str(kept)).stdout == f"{kept}: 1 checkpoints.\n"
    assert verify("--against", str(kept)).stdout.endswith(f"1 checkpoints of {kept} are still the same.\n")
    remove(sealed)
    Checkpoint.delete().execute()
    assert seal()
    assert verify().exit_code == 0
    different, _ = faults(verify("--against", str(kept)))
    assert different.startswith("Checkpoint 1 of test (")
    assert "is not the one that was exported" in different


def test_an_erased_citizen_leaves_a_history_that_is_whole(sealed: str) -> None:
    settings = Settings.load()
    house = wiring.build(settings)
    for msisdn in (ASHA, OTHER):
        caller = house.citizens.find(msisdn)
        assert caller
        through = (house.casework, caller)
        privacy.erase(house.citizens, caller.id, reason="request", actor="test", now=utcnow(), withdraw=through)
    assert seal()
    assert verify().stdout.endswith(" events of 2 cases verified, with 2 checkpoints.\n")


def test_checkpoints_are_listed(sealed: str) -> None:
    (one,) = Checkpoint.select()
    first, waiting = audit("checkpoints").stdout.splitlines()
    assert first.startswith("test       1  ")
    assert first.endswith(f"{one.events:>5} events  key demo1  {one.root[:16]}")
    assert waiting == "Events in no checkpoint yet: 0."


def test_an_export_replaces_an_older_one_or_says_why_not(sealed: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    for _ in range(2):
        assert audit("checkpoints", "--export", str(kept)).exit_code == 0
    assert [file.name for file in tmp_path.glob("*kept*")] == ["kept.jsonl"]
    nowhere = tmp_path / "no" / "kept.jsonl"
    (fault,) = faults(audit("checkpoints", "--export", str(nowhere)))
    assert fault == f"{nowhere} cannot be written: no such file or directory."


@pytest.mark.parametrize(("content", "wrong"), [(b"{", "line 1 is not JSON."), (b"\xff", "is not text.")])
def test_a_file_that_is_no_export_is_refused(sealed: str, tmp_path: Path, content: bytes, wrong: str) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(content)
    (fault,) = faults(verify("--against", str(kept)))
    assert fault.startswith(str(kept))
    assert fault.endswith(wrong)


def test_the_public_keys_are_told_the_current_one_first(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLANGO_MASTER_KEYS", f"new:{'A' * 43}=,old:{'B' * 42}A=")
    monkeypatch.setenv("MLANGO_INDEX_KEY", f"{'A' * 43}=")
    lines = [line.split() for line in audit("key").stdout.splitlines()]
    assert [line[:2] for line in lines] == [["new", "ed25519"], ["old", "ed25519"]]
    assert {len(base64.b64decode(line[2])) for line in lines} == {32}
    assert lines[0][2] != lines[1][2]


def remove(number: str) -> None:
    """The whole case, as somebody can who has the database's password."""
    tamper("DELETE FROM case_event WHERE case_id = ?", number)
    with without_foreign_keys():
        Case.delete().where(Case.ref == number.replace("-", "")).execute()
