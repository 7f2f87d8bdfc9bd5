"""`./mlango route explain`, on both databases."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

import packs
from cases.casework import Casework, Change
from cases.citizens import Citizens
from cases.lifecycle import Action
from packs import published
from store import database
from store.clock import utcnow
from store.sealing import Keyring
from tests import box
from ussd_app.cli.route import command
from ussd_app.refusal import Refusal


@pytest.fixture(autouse=True)
def home(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in box.environ(tmp_path / "home", database_url).items():
        monkeypatch.setenv(name, value)
    published.forget()
    yield
    database.close()
    published.forget()


def run(*arguments: str) -> Result:
    """One command, as a process of its own would do it; what it did to the logs is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return CliRunner().invoke(command, ["explain", *arguments])
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


def refusal(*arguments: str) -> str:
    error = run(*arguments).exception
    assert isinstance(error, Refusal)
    return " ".join(error.faults)


def lines_of(sheet: str) -> list[str]:
    return (Path(packs.__file__).parent / "ke" / sheet).read_text().splitlines()


def test_rules_stand_most_exact_first_with_their_lines_in_the_file() -> None:
    lines = told("--category", "water", "--sub", "water.none", "--ward", "1387")
    assert lines[0] == "Water: No water (water.none) in Lindi (Kibra), Nairobi"
    rules = [line.split() for line in lines if "routes.csv" in line]
    assert [rule[:3] for rule in rules] == [
        [">", "water,*,047", "NCWSC"],
        ["water,*,*", "(the", "county)"],
        ["*,*,*", "MLANGO", "weight"],
    ]
    assert [lines_of("routes.csv")[int(rule[-1]) - 1].split(",")[:3] for rule in rules] == [
        ["water", "*", "047"],
        ["water", "*", "*"],
        ["*", "*", "*"],
    ]
    assert "It goes to NCWSC (Nairobi Water): that rule names the category and the county." in lines


@pytest.mark.parametrize(
    ("arguments", "agency", "reason"),
    [
        (["--category", "water", "--place", "kibera"], "NCWSC", "the category and the county"),
        (["--category", "water", "--county", "003"], "COUNTY-003", "the category"),
        (["--category", "roads", "--sub", "roads.town", "--county", "047"], "KURA", "the sub-category and the county"),
        (["--category", "school", "--sub", "school.loan"], "HELB", "the sub-category"),
    ],
)
def test_the_most_exact_rule_wins_and_says_why(arguments: list[str], agency: str, reason: str) -> None:
    (verdict,) = [line for line in told(*arguments) if line.startswith("It goes to ")]
    assert verdict.startswith(f"It goes to {agency} (")
    assert verdict.endswith(f"that rule names {reason}.")


def test_what_no_rule_covers_waits_for_a_supervisor() -> None:
    sentence = "No rule covers it, so it waits in the queue of the supervisors of MLANGO (Mlango service desk)."
    assert sentence in told("--category", "other")
    assert data("--category", "other")["queue"] == "supervisor"
    assert sentence in told("--category", "water", "--sub", "water.none")  # without a place


def test_the_office_complained_about_never_gets_it() -> None:
    answer = data("--category", "police", "--sub", "police.abuse", "--about", "IPOA")
    assert (answer["agency"], answer["about"]) == ("NPS", "IPOA")
    assert "It complains about NPS (Police Service), which never gets it, nor do its kin: DCI." in told(
        "--category", "police", "--about", "NPS"
    )


def test_a_rule_for_what_is_about_an_office_comes_first_and_says_so() -> None:
    asked = "--category", "bribery", "--sub", "bribery.asked", "--about", "DCI"
    assert data(*asked)["rules"][0] == {
        "category": "bribery",
        "sub": "*",
        "county": "*",
        "about": "NPS",
        "agency": "IPOA",
        "weight": 10,
        "line": lines_of("routes.csv").index("bribery,*,*,IPOA,NPS,The police are not asked to judge the police") + 1,
    }
    lines = told(*asked)
    assert any(line.split()[:4] == [">", "bribery,*,*", "about", "NPS"] for line in lines)
    assert "It goes to IPOA (IPOA): that rule names the category and the office that it is about." in lines


def test_the_next_case_goes_to_the_member_with_the_fewest_open_ones(keyring: Keyring, database_url: str) -> None:
    database.bind(database_url)
    citizens = Citizens(keyring)
    asha = citizens.meet("+254712345678", utcnow())
    casework = Casework(packs.current, citizens)
    for number in range(2):
        facts = {"sub": "water.none", "place": "kibera"}
        casework.apply(Change(Action.LODGE, asha, "ussd", f"test:{number}", facts=facts), utcnow())
    answer = data("--category", "water", "--place", "kibera")
    assert answer["members"] == {"ncwsc-1": 1, "ncwsc-2": 1, "ncwsc-3": 0}
    assert answer["next_member"] == "ncwsc-3"
    members = "Its members: ncwsc-1 has 1 open, ncwsc-2 has 1 open, ncwsc-3 has 0 open. The next case goes to ncwsc-3."
    assert members in told("--category", "water", "--place", "kibera")


def test_an_office_without_members_has_none_to_choose_from() -> None:
    assert data("--category", "health", "--county", "047")["members"] == {}
    assert not [line for line in told("--category", "health", "--county", "047") if "members" in line]


def test_where_one_applied_is_an_office() -> None:
    assert "They applied at Nyayo House." in told("--category", "id", "--sub", "id.passport", "--place", "Nyayo House")
    assert data("--category", "id", "--place", "nyayo-house")["office"] == "nyayo-house"


def test_the_promised_times_are_those_of_the_calendar() -> None:
    for sub, promised in (
        ("water.none", "Promised on calendar 24x7: acknowledged in 1 h, answered in 12 h, solved in 72 h."),
        ("water.burst", "Promised on calendar 24x7: acknowledged in 30 min, answered in 4 h, solved in 24 h."),
        (
            "water.other",
            "Promised on calendar office: acknowledged in 4 h, answered in 1 working day, solved in 5 working days.",
        ),
    ):
        assert promised in told("--category", "water", "--sub", sub)
    assert "Promised on calendar 24x7: acknowledged in 1 h, answered in 24 h, solved in 21 days." in told(
        "--category", "police", "--sub", "police.abuse"
    )
    answer = data("--category", "water", "--sub", "water.none")["promised"]
    assert (answer["calendar"], answer["resolve_minutes"]) == ("24x7", 72 * 60)
    assert (datetime.fromisoformat(answer["due_at"]) - utcnow()).days in (2, 3)


def test_without_a_sub_category_the_others_that_go_elsewhere_are_named() -> None:
    lines = told("--category", "roads", "--county", "047")
    elsewhere = lines[lines.index("Other kinds of it that go elsewhere:") + 1 :]
    assert {tuple(line.split()[:2]) for line in elsewhere} == {
        ("roads.highway", "KENHA"),
        ("roads.town", "KURA"),
        ("roads.village", "KERRA"),
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--category", "wter"], "There is no category wter in the pack; did you mean water?"),
        (["--category", "water", "--sub", "power.none"], "There is no sub-category of water power.none in the pack"),
        (["--category", "water", "--ward", "9999"], "There is no ward 9999 in the pack"),
        (["--category", "water", "--place", "Atlantis"], "There is no place Atlantis in the pack."),
        (["--category", "water", "--about", "KPCL"], "There is no office KPCL in the pack; did you mean KPLC?"),
        (
            ["--category", "water", "--ward", "1387", "--county", "047"],
            "Say where it is with one of --ward, --place and --county.",
        ),
    ],
)
def test_what_the_pack_does_not_know_is_refused(arguments: list[str], sentence: str) -> None:
    assert refusal(*arguments).startswith(sentence)
