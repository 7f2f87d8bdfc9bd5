"""`./mlango callback`, on both databases."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

import packs
from cases import callbacks, reference
from cases.callbacks import About, Callback
from cases.casework import Casework, Change
from cases.citizens import Caller
from cases.lifecycle import Action
from cases.models import Case
from store.clock import utcnow
from tests import box
from tests.box import ASHA
from ussd_app import wiring
from ussd_app.cli.callback import command
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings
from ussd_app.wiring import House

MASKED = "+2547••••••78"


@pytest.fixture
def house(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    environ = box.environ(tmp_path, database_url)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load(environ)
    with box.application(settings):
        yield wiring.build(settings)


@pytest.fixture
def asha(house: House) -> Caller:
    house.citizens.set_language(house.citizens.meet(ASHA, utcnow()).id, "sw")
    return house.citizens.meet(ASHA, utcnow())


def ask(who: Caller, about: About = "new", case_id: str | None = None) -> str:
    """The id of the call, as the list shows it."""
    return callbacks.ask(who, about, case_id, packs.current(), utcnow()).id[-8:]


def lodge(casework: Casework, who: Caller, **facts: str) -> Case:
    change = Change(Action.LODGE, who, "ussd", repr(facts), facts={"sub": "bribery.asked", **facts})
    return casework.apply(change, utcnow()).case


def run(*arguments: str) -> Result:
    """One command, as a process of its own would do it; what it did to the logs is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return CliRunner().invoke(command, arguments)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def told(*arguments: str) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout.splitlines()


def refusal(*arguments: str) -> str:
    error = run(*arguments).exception
    assert isinstance(error, Refusal)
    return " ".join(error.faults)


def test_the_list_says_whom_to_call_by_when_about_what_and_in_which_language(asha: Caller) -> None:
    called = ask(asha)
    line, total = told("list")
    assert re.fullmatch(rf"{called}  \{MASKED}  by \d\d/\d\d/\d{{4}} 17:00  a new complaint, Kiswahili", line)
    assert total == "1 call to make; shown: 1."


def test_who_was_late_or_missed_shows_in_the_list(asha: Caller) -> None:
    called = ask(asha, "other")
    Callback.update(by=utcnow() - timedelta(minutes=1)).execute()
    told("missed", called)
    assert told("list")[0].endswith("something else, Kiswahili, missed 1, late")


def test_nobody_to_call_is_said(house: House) -> None:
    assert told("list") == ["Nobody waits for a call."]


def test_a_case_is_named_by_its_number_unless_it_is_secret(house: House, asha: Caller) -> None:
    ask(asha, "case", lodge(house.casework, asha).id)
    assert f"  case {reference.shown(Case.get().ref)}, " in told("list")[0]
    ask(asha, "case", lodge(house.casework, asha, visibility="anonymous").id)
    assert "  a case, Kiswahili" in told("list")[0]


def test_numbers_are_shown_only_on_request_and_the_log_says_to_whom(asha: Caller) -> None:
    called = ask(asha)
    assert ASHA not in run("list").output
    shown = run("list", "--show", "--by", "wanjiru")
    assert f"{called}  {ASHA}  by " in shown.stdout
    logged = json.loads(shown.stderr)
    assert (logged["event"], logged["callback"][-8:], logged["actor"]) == ("number_revealed", called, "wanjiru")
    assert ASHA not in shown.stderr


def test_no_more_are_listed_than_were_asked_for(house: House) -> None:
    for number in range(3):
        ask(house.citizens.meet(f"+25470000000{number}", utcnow()))
    *lines, total = told("list", "--limit", "2")
    assert (len(lines), total) == (2, "3 calls to make; shown: 2.")
    assert all("language not known" in line for line in lines)


def test_who_was_reached_leaves_the_list(asha: Caller) -> None:
    called = ask(asha)
    assert told("reached", called) == [f"Call {called}: reached, done."]
    assert told("list") == ["Nobody waits for a call."]
    assert Callback.get().outcome == "reached"


def test_who_is_missed_three_times_leaves_the_list(asha: Caller) -> None:
    called = ask(asha)
    assert [told("missed", called)[0] for _ in range(3)] == [
        f"Call {called}: missed; call again, 2 times at most.",
        f"Call {called}: missed; call again, 1 time at most.",
        f"Call {called}: missed; that was the last try.",
    ]
    assert refusal("missed", called) == f"No call that waits has an id that ends in {called!r}."


@pytest.mark.parametrize("ending", ["", "00000", "000000000", "%" * 8])
def test_a_call_that_does_not_wait_is_refused(asha: Caller, ending: str) -> None:
    ask(asha)
    assert refusal("reached", ending) == f"No call that waits has an id that ends in {ending!r}."
    assert callbacks.count() == 1


def test_an_ending_that_two_calls_share_settles_none(house: House, asha: Caller) -> None:
    ask(asha)
    ask(house.citizens.meet("+254700000000", utcnow()))
    for first, one in zip("ab", callbacks.waiting(), strict=True):
        Callback.update(id=f"{first}{'0' * 31}").where(Callback.id == one.id).execute()
    assert refusal("reached", "000000") == "2 calls have an id that ends in '000000'; give more of it."
    told("reached", f"a{'0' * 31}")
    assert callbacks.count() == 1
