"""`./mlango audit verify`, on both databases: it names what somebody did to the history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cases import reference
from cases.models import Case, CaseEvent
from store import database
from tests import box
from tests.box import LODGE, Handset, number_in, through
from ussd_app.cli.audit import command
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings


@pytest.fixture
def number(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A box with two cases; the number of one, as people read it."""
    environ = box.environ(tmp_path, database_url)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with box.application(Settings.load(environ)) as app:
        network = through(app.test_client())
        ref = number_in(Handset(network).dial(*LODGE))
        assert Handset(network, "+254733000111").text("There is a pole on the road") == 200
        yield reference.shown(ref)


def verify() -> Result:
    return CliRunner().invoke(command, ["verify"])


def faults(result: Result) -> list[str]:
    assert isinstance(result.exception, Refusal), result.output
    return list(result.exception.faults)


def tamper(sql: str, number: str) -> None:
    case = Case.get(Case.ref == number.replace("-", ""))
    assert database.run(database.main, sql, case.id).rowcount > 0


def test_a_whole_history_is_verified_and_counted(number: str) -> None:
    result = verify()
    assert result.exit_code == 0
    assert result.stdout == f"{CaseEvent.select().count()} events of {Case.select().count()} cases verified.\n"
    assert Case.select().count() == 2
    assert result.stderr == ""  # no progress bar where nobody watches


def test_a_changed_event_is_named(number: str) -> None:
    tamper('UPDATE case_event SET facts = \'{"sub":"water.dirty"}\' WHERE case_id = ? AND seq = 1', number)
    assert faults(verify()) == [
        f"Case {number}, event 1: was changed after it was written.",
        f"The history is broken. Faults: 1; events read: {CaseEvent.select().count()}.",
    ]


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
    assert verify().stdout == "0 events of 0 cases verified.\n"
    database.close()
