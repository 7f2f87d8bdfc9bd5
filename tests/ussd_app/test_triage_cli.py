"""`./mlango triage`, on both databases: what is suggested, what waits, what may be one."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

import packs
from cases import reference
from cases.casework import Casework, Change
from cases.citizens import Citizens
from cases.clusters import Sketching
from cases.lifecycle import Action, Role
from cases.models import Case
from cases.suggestions import EXPORTED, Suggesting
from packs import published
from store import database
from store.clock import utcnow
from store.sealing import Keyring
from tests import box
from ussd_app.cli.triage import command
from ussd_app.refusal import Refusal


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


def data(*arguments: str) -> Any:
    return json.loads("\n".join(told(*arguments, "--json")))


@dataclass(frozen=True)
class Door:
    """Where citizens of this test complain."""

    casework: Casework
    citizens: Citizens
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def lodge(self, words: str | None, at: datetime | None = None, **facts: str) -> Case:
        at, number = at or utcnow(), next(self.numbers)
        amina = self.citizens.meet("+254712345678", at)
        change = Change(Action.LODGE, amina, "sms", f"test:{number}", facts=facts, words=words)
        return self.casework.apply(change, at).case

    def give_up(self, case: Case) -> None:
        """Two working hours have passed and nobody could name it."""
        triage = Change(Action.TRIAGE, None, "system", f"{case.id}/triage", case.id, Role.SYSTEM)
        self.casework.apply(triage, utcnow())


@pytest.fixture
def door(database_url: str, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    for name, value in box.environ(tmp_path / "home", database_url).items():
        monkeypatch.setenv(name, value)
    published.forget()
    database.bind(database_url)
    citizens = Citizens(keyring)
    listeners = (Suggesting(packs.current, print), Sketching(packs.current, b"secret", print))
    yield Door(Casework(packs.current, citizens, listeners), citizens)
    database.close()
    published.forget()


def test_words_are_explained_without_any_case(door: Door) -> None:
    assert told("explain", "maji", "hakuna", "kayole") == [
        "category      water (Water), score 0.80",
        "sub-category  water.none (No water)",
        "place         Kayole, Nairobi",
        "urgent        no",
        "language      sw",
        "because of    maji hakuna",
    ]


def test_what_a_person_must_decide_is_said(door: Door) -> None:
    assert told("explain", "askari wanataka chai ndio waniachilie")[-1] == "This may be sensitive: a person decides."


def test_words_that_tell_nothing_are_no_mistake(door: Door) -> None:
    assert [line.split(maxsplit=2)[1:] for line in told("explain", "habari")][:2] == [["it", "does not tell"]] * 2


def test_a_place_nearby_tells_namesakes_apart(door: Door) -> None:
    words = "hakuna maji majengo"
    assert data("explain", words)["place"] is None
    assert data("explain", words, "--near", "kibera")["place"] == "majengo-nairobi"
    assert isinstance(run("explain", words, "--near", "Atlantis").exception, Refusal)


def test_the_queue_shows_what_is_suggested_and_why(door: Door) -> None:
    case = door.lodge("maji hakuna kayole tangu jana")
    door.give_up(case)
    silent = door.lodge(None, sub="other.other", place="kibera")
    first, suggested, second, nothing = told("list")
    assert first.startswith(f"{reference.shown(case.ref)}  triage      since ")
    assert first.endswith("  not named")
    assert suggested.strip() == "water.none (No water), Kayole, Nairobi, score 0.80, because of: maji hakuna"
    assert second.startswith(f"{reference.shown(silent.ref)}  supervisor  since ")
    assert second.endswith("  other.other, Kibera (Kibra), Nairobi")
    assert nothing.strip() == "no words that tell"


def test_the_queue_as_json(door: Door) -> None:
    case = door.lodge("waya ya stima imeanguka kibera")
    door.give_up(case)
    (one,) = data("list")
    assert (one["ref"], one["queue"], one["sub"]) == (case.ref, "triage", None)
    assert one["suggestion"]["sub"] == "power.fallen_line"
    assert (one["suggestion"]["place"], one["suggestion"]["urgent"]) == ("kibera", True)
    assert one["suggestion"]["because"] == ["waya + imeanguka", "stima"]
    assert datetime.fromisoformat(one["received_at"]) == case.received_at.replace(microsecond=0)


def test_an_urgent_case_in_the_queue_is_marked(door: Door) -> None:
    door.give_up(door.lodge("Nisaidie mume wangu ananipiga"))
    assert told("list")[1].endswith("(urgent, sensitive)")


def test_a_secret_case_in_the_queue_is_listed_to_nobody_who_may_not_see_it(door: Door) -> None:
    secret = door.lodge("Chifu anataka pesa", sub="other.other", visibility="confidential", about="COUNTY-047")
    assert secret.queue == "supervisor"
    hidden = [
        ("--as", "agent"),
        ("--as", "supervisor", "--agency", "COUNTY-047"),
        ("--as", "auditor", "--agency", "COUNTY-047"),
        ("--as", "supervisor", "--agency", "NCWSC"),
    ]
    for viewer in hidden:
        assert told("list", *viewer) == ["No case waits for a person."]
        assert data("list", *viewer) == []
    assert reference.shown(secret.ref) in told("list", "--as", "supervisor", "--agency", secret.agency)[0]
    assert isinstance(run("list", "--as", "owner").exception, Refusal), "of which office?"


def test_empty_queues_say_so(door: Door) -> None:
    assert told("list") == ["No case waits for a person."]
    assert told("clusters") == ["No open cases seem to be about the same thing."]
    assert data("clusters") == []


def test_the_export_is_a_table_without_words(door: Door) -> None:
    door.lodge("Mimi ni Wanjiku, maji hakuna kayole", sub="water.dirty", place="kibera")
    (row,) = csv.DictReader(told("export"))
    assert tuple(row) == EXPORTED
    assert (row["sub"], row["decided_sub"], row["decided_by"], row["agreed"]) == (
        "water.none",
        "water.dirty",
        "citizen",
        "True",
    )
    assert row["because"] == "maji hakuna"
    assert "wanjiku" not in str(row).casefold()


def test_the_export_as_json_is_one_object_a_line(door: Door) -> None:
    door.lodge("maji hakuna")
    door.lodge("habari yako")
    rows = [json.loads(line) for line in told("export", "--json")]
    assert [(row["category"], row["because"], row["score"]) for row in rows] == [
        ("water", ["maji hakuna"], 0.8),
        (None, [], 0.0),
    ]


def test_clusters_come_with_the_commands_that_join_them(door: Door) -> None:
    words = "hakuna maji tangu jumapili karibu na soko la lindi"
    oldest = door.lodge(words, utcnow() - timedelta(days=1), sub="water.none", place="1387")
    others = [door.lodge(words, sub="water.none", place="1387") for _ in range(2)]
    lines = told("clusters")
    assert lines[0].startswith("water (Water), Lindi (Kibra), Nairobi: 3 cases since ")
    assert lines[0].endswith(", likeness 100%")
    assert lines[1].startswith(f"  {reference.shown(oldest.ref)}  water.none (No water), ")
    assert [line.strip() for line in lines[4:]] == [
        f"./mlango case act {other.ref} duplicate --master {oldest.ref} --as supervisor" for other in others
    ]


def test_a_case_that_others_follow_is_shown_as_the_master(door: Door) -> None:
    first, second, follower = (door.lodge(None, sub="water.none", place="kibera") for _ in range(3))
    join = Change(Action.DUPLICATE, None, "cli", "join", follower.id, Role.SUPERVISOR, {"master": second.id})
    door.casework.apply(join, utcnow())
    _, _, led, joining = told("clusters")
    assert led.endswith(", followed by 1")
    assert joining.strip().startswith(f"./mlango case act {first.ref} duplicate --master {second.ref} ")


def test_clusters_of_one_place_or_category_only(door: Door) -> None:
    for place, sub in (("1387", "water.none"), ("kibera", "power.none")):
        for _ in range(2):
            door.lodge(None, sub=sub, place=place)
    assert len(data("clusters")) == 2
    (by_ward,) = data("clusters", "--ward", "1387")
    (by_place,) = data("clusters", "--ward", "kibera")
    (by_category,) = data("clusters", "--category", "power")
    assert (by_ward["category"], by_ward["ward"], by_ward["place"]) == ("water", "1387", None)
    assert (by_place["category"], by_place["ward"], by_place["place"]) == ("power", None, "kibera")
    assert by_place == by_category
    assert by_place["cases"][0] == by_place["master"]
    assert isinstance(run("clusters", "--category", "wter").exception, Refusal)
