"""A made-up year: it looks like a year, went through the real casework, and nobody was sent anything."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

import packs
from cases import events, replay
from cases.casework import Casework
from cases.citizens import Citizens
from cases.lifecycle import Action, State
from cases.models import Case, CaseEvent, Citizen
from cases.sweep import sweep
from cases.timers import FEEDBACK_WINDOW, TO_ANSWER
from packs import published
from sms_gateway.message import Message
from store import database
from store.model import set_node
from tests import box
from tests.conftest import KEYRING, NOW
from ussd_app import year
from ussd_app.cli.demo import command
from ussd_app.refusal import Refusal

CASES: Final = 200
FEW: Final = 25
LATE: Final = year.TURN + timedelta(minutes=1)  # the most that a timer may come late


def live(cases: int = CASES, seed: int = 1) -> None:
    year.live(year.Plan(cases, seed, NOW), Citizens(KEYRING))


@pytest.fixture(scope="module")
def folder(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a year in it."""
    folder = tmp_path_factory.mktemp("year") / "db"
    shutil.copytree(sqlite_template, folder)
    set_node("test")
    for _ in bound_to(folder):
        live()
    return folder


@pytest.fixture
def lived(folder: Path) -> Iterator[None]:
    """The models speak to a database with a year in it, only to be read."""
    yield from bound_to(folder)


def bound_to(folder: Path) -> Iterator[None]:
    database.close()
    database.bind(f"sqlite:///{folder}/mlango.sqlite3")
    published.forget()
    yield
    database.close()
    published.forget()


def kinds() -> Counter[str]:
    return Counter(event.kind for event in CaseEvent.select(CaseEvent.kind))


def acts(kind: Action) -> list[CaseEvent]:
    return list(CaseEvent.select(CaseEvent, Case).join(Case).where(CaseEvent.kind == kind))


# What there is at the end


@pytest.mark.usefixtures("lived")
def test_it_has_as_many_cases_as_asked_for_within_the_365_days_before_its_end() -> None:
    moments = [case.received_at for case in Case.select(Case.received_at)]
    assert len(moments) == CASES
    assert NOW - timedelta(days=year.DAYS) <= min(moments) < NOW - timedelta(days=year.DAYS - 20)
    assert max(moments) <= NOW


@pytest.mark.usefixtures("lived")
def test_every_state_and_every_calendar_occurs() -> None:
    assert {case.state for case in Case.select(Case.state)} == set(State)
    assert {case.calendar for case in Case.select(Case.calendar)} == set(packs.current().calendars)


@pytest.mark.usefixtures("lived")
def test_all_that_can_happen_to_a_case_happens_but_for_what_is_rare() -> None:
    rare = {
        Action.RELEASE, Action.RESTORE, Action.PUT_BACK, Action.TRIAGE, Action.UPHOLD, Action.OVERTURN,
        Action.RECORD, Action.SHARE,
    }  # fmt: skip
    assert kinds().keys() >= set(Action) - rare


@pytest.mark.usefixtures("lived")
def test_most_people_dial_most_write_swahili_and_some_come_again() -> None:
    cases = list(Case.select())
    channels, languages = Counter(case.channel for case in cases), Counter(case.language for case in cases)
    assert channels["ussd"] > CASES / 2 > channels["sms"] > channels["desk"] > 0
    assert languages["sw"] > languages["en"] > 0
    assert CASES / 2 < Citizen.select().count() < CASES * 0.85
    assert any(case.repeats for case in cases)


@pytest.mark.usefixtures("lived")
def test_some_cases_are_known_issues_that_others_follow() -> None:
    assert any(case.master for case in Case.select())
    assert kinds()[Action.FOLLOW] > 0


@pytest.mark.usefixtures("lived")
def test_what_is_told_in_confidence_never_reaches_the_office_it_is_about() -> None:
    secret = list(Case.select().where(Case.visibility != "public"))
    assert secret
    for case in secret:
        offices = [json.loads(event.facts).get("agency") for event in CaseEvent.select().where(CaseEvent.case == case)]
        assert case.about not in [office for office in offices if office]


# How it came there


@pytest.mark.usefixtures("lived")
def test_every_history_is_whole_and_tells_its_case() -> None:
    assert list(events.verify()) == []
    assert list(replay.differences()) == []


@pytest.mark.usefixtures("lived")
def test_each_case_was_lived_through_in_order_of_time_and_none_beyond_the_end() -> None:
    moments: dict[str, list[datetime]] = {}
    for event in CaseEvent.select().order_by(CaseEvent.case, CaseEvent.seq):
        moments.setdefault(event.__data__["case"], []).append(event.occurred_at)
    assert all(history == sorted(history) for history in moments.values())
    assert max(history[-1] for history in moments.values()) <= NOW


@pytest.mark.usefixtures("lived")
def test_escalations_came_when_they_were_due() -> None:
    breached = [event for event in acts(Action.ESCALATE) if json.loads(event.facts)["escalation"] == 100]
    movers = (Action.CLASSIFY, Action.ASK, Action.REOPEN, Action.RESTORE, Action.RELEASE)
    moved = {event.case.id for kind in movers for event in acts(kind)}
    plain = [event for event in breached if event.case.id not in moved and event.case.cycle == 1]
    assert plain
    for event in plain:
        assert timedelta(0) <= event.occurred_at - event.case.due_at <= LATE


@pytest.mark.usefixtures("lived")
def test_silence_closed_cases_when_the_window_ended() -> None:
    once = [event for event in acts(Action.CLOSE) if event.case.cycle == 1]
    assert once
    for event in once:
        ends = max(event.case.decided_at + FEEDBACK_WINDOW, event.case.reminded_at + TO_ANSWER)
        assert timedelta(0) <= event.occurred_at - ends <= LATE


@pytest.mark.usefixtures("lived")
def test_nothing_is_left_to_do_for_the_timers() -> None:
    assert not sweep(Casework(packs.current, Citizens(KEYRING)), NOW)


# What must not happen


@pytest.mark.usefixtures("lived")
def test_nobody_is_sent_anything() -> None:
    assert Message.select().count() == 0


@pytest.mark.usefixtures("lived")
def test_the_citizens_have_numbers_that_nobody_has_and_these_are_sealed() -> None:
    citizens = Citizens(KEYRING).by_id(citizen.id for citizen in Citizen.select(Citizen.id))
    assert all(citizen.msisdn.startswith("+2540") for citizen in citizens.values())
    assert not any(b"+2540" in bytes(citizen.msisdn) for citizen in Citizen.select())


# Seeds


def happened() -> list[tuple[Any, ...]]:
    """All that chance decides: what happened when to the cases, whatever their numbers are."""
    rows = database.rows(
        database.main,
        "SELECT e.occurred_at, e.kind, e.actor, c.source_key, c.sub, c.place, c.agency, c.owner, c.state, c.rating "
        "FROM case_event e JOIN cases c ON c.id = e.case_id",
    )
    return sorted(rows, key=str)


def a_year(folder: Path, seed: int) -> list[tuple[Any, ...]]:
    """What happened in a small year of its own."""
    year_of_its_own: list[tuple[Any, ...]] = []
    for _ in bound_to(folder):
        live(FEW, seed)
        year_of_its_own = happened()
    return year_of_its_own


def test_the_same_seed_gives_the_same_year_on_any_database(bound: str, sqlite_template: Path, tmp_path: Path) -> None:
    live(FEW, seed=7)
    here = happened()
    assert len(here) > FEW * 4
    assert a_year(shutil.copytree(sqlite_template, tmp_path / "other"), seed=7) == here


def test_another_seed_gives_another_year(sqlite_template: Path, tmp_path: Path) -> None:
    one, other = (a_year(shutil.copytree(sqlite_template, tmp_path / str(seed)), seed) for seed in (1, 2))
    assert one != other


# The command


@pytest.fixture
def home(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, value in box.environ(tmp_path, database_url).items():
        monkeypatch.setenv(name, value)
    yield tmp_path
    database.close()
    published.forget()


def order(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["year", *arguments])


def refusal(result: Result) -> str:
    assert isinstance(result.exception, Refusal), result.output
    return str(result.exception)


def test_the_command_says_what_came_of_the_year(home: Path) -> None:
    result = order("--cases", "12")
    assert result.exit_code == 0, result.output
    total, *states = result.stdout.splitlines()
    assert total.startswith(f"12 cases, {CaseEvent.select().count()} events, in ")
    assert [line.split()[0] for line in states] == [state.split("_")[0] for state in State]
    assert sum(int(line.split()[-1]) for line in states) == Case.select().count() == 12
    assert result.stderr == ""  # no progress bar where nobody watches


def test_it_makes_the_database_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in box.environ(tmp_path / "fresh").items():
        monkeypatch.setenv(name, value)
    assert order("--cases", "3").stdout.startswith("3 cases, ")
    assert (tmp_path / "fresh" / "mlango.sqlite3").exists()
    database.close()
    published.forget()


def test_a_second_year_is_refused_and_adds_nothing(home: Path) -> None:
    order("--cases", "2")
    before = CaseEvent.select().count()
    assert "has a made-up year already" in refusal(order("--cases", "2", "--seed", "2"))
    assert CaseEvent.select().count() == before


def test_production_has_only_real_people(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "mode": "production",
        "master_keys": "k1:" + "A" * 43 + "=",
        "index_key": "B" * 43 + "=",
        "callback_token": "x7Qk2Vw9Lp4Rt8Zs6Yn3Hd5G",
        "sms_gateway": "africastalking",
        "africastalking_username": "mlango",
        "africastalking_api_key": "key",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"MLANGO_{name.upper()}", value)
    assert "in production there are only cases of real people" in refusal(order("--cases", "2"))


def test_a_service_that_runs_is_not_disturbed(home: Path) -> None:
    (home / "run").mkdir()
    with (home / "run" / "up.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert refusal(order("--cases", "2")).startswith(f"`up` runs on {home}")
