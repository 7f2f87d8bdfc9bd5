"""`./mlango figures`, on both databases: what a week's page, the tables and a rebuild say."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import packs
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.figures import Figures, Overtaken
from cases.histogram import BEYOND
from cases.lifecycle import Action, Role
from cases.models import CaseEvent
from packs import published
from store import database
from store.sealing import Keyring
from tests import box
from ussd_app.cli import figures
from ussd_app.cli.figures import command
from ussd_app.refusal import Refusal


@pytest.fixture
def house(
    bound: str, keyring: Keyring, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Casework]:
    """A week of three cases: water in Kibera solved and praised, water in Mombasa overdue, a bribe in confidence."""
    for name, value in box.environ(tmp_path, bound).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(figures, "utcnow", lambda: now)
    # on PostgreSQL the newest events wait; these are as new as the clock on the wall, which is not `now`
    monkeypatch.setattr("cases.figures.SETTLED_AFTER", -timedelta(days=36_500))
    citizens = Citizens(keyring)
    casework = Casework(packs.current, citizens)
    asha, otieno = citizens.meet("+254712345678", now), citizens.meet("+254733000111", now)
    kibera = lodge(casework, asha, now - timedelta(days=3), sub="water.none", place="kibera", language="sw")
    mombasa = lodge(casework, otieno, now - timedelta(days=6), sub="water.dirty", place="0001")
    lodge(casework, asha, now - timedelta(days=2), sub="bribery.took", place="kibera", visibility="confidential")

    def act(case: Any, action: Action, caller: Caller | None, hours: int, **more: Any) -> None:
        at = now - timedelta(hours=hours)
        role = more.pop("role", Role.CITIZEN if caller else Role.OWNER)
        key = f"test:{case.id}:{action}"
        casework.apply(Change(action, caller, "desk", key, case.id, role, actor=case.owner, **more), at)

    act(kibera, Action.START, None, 70)
    note = "The pipe in your street was repaired."
    act(kibera, Action.RESOLVE, None, 60, facts={"outcome": "fixed"}, words=note)
    act(kibera, Action.RATE, asha, 50, facts={"stars": 5})
    act(kibera, Action.CONFIRM, asha, 49)
    act(mombasa, Action.ESCALATE, None, 40, role=Role.SYSTEM, facts={"level": 200})
    yield casework
    database.close()
    published.forget()


def lodge(casework: Casework, caller: Caller, at: datetime, **facts: str) -> Any:
    key = f"test:{facts['sub']}:{at}"
    return casework.apply(Change(Action.LODGE, caller, "ussd", key, facts=facts), at).case


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def refusal(*arguments: str) -> list[str]:
    result = run(*arguments)
    assert isinstance(result.exception, Refusal), result.output
    return list(result.exception.faults)


def test_a_week_is_one_screen(house: Casework) -> None:
    assert run("week").stdout.splitlines() == [
        "Mlango, 17 to 23 November 2026",
        "                                                  these 7 days      the 7 before",
        "How many people asked?",
        "  Cases                                                      3                 0",
        "  from people who had asked the month before               0 %                 –",
        "  by channel: ussd 100 %; by language: sw 50 %, en 50 %",
        "How fast were they answered?",
        "  First answer: half within; 9 of 10 within         12 h; 12 h                 –",
        "  First answer in the promised time                      100 %                 –",
        "  Decision: half within; 9 of 10 within             12 h; 12 h                 –",
        "  Decision in the promised time                          100 %                 –",
        "  Solved, say those who told us                          100 %                 –",
        "  Settled at first contact; reopened                100 %; 0 %                 –",
        "  Stars of 5; four or five given                    5.0; 100 %                 –",
        "Where is it stuck?",
        "  Open at the end; past the promised time                 2; 1              0; 0",
        "  Half of them wait 6 days or longer, the oldest since 17 November 2026.",
        "  Escalated at 75 %: 1, 100 %: 1, 150 %: 1, 200 %: 1.",
        "County          open  late Agency          open  late Kind            open  late",
        "Mombasa            1     1 Mombasa Water      1     1 Water              1     1",
        "no place           1     0 confidential       1     0 not known          1     0",
    ]


def test_it_is_the_same_at_any_hour_of_the_day(house: Casework, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    morning = run("week").stdout
    monkeypatch.setattr(figures, "utcnow", lambda: now + timedelta(hours=14))  # a quarter past eleven at night
    assert run("week").stdout == morning
    monkeypatch.setattr(figures, "utcnow", lambda: now + timedelta(hours=15))
    assert run("week").stdout != morning


def test_the_week_after_compares_itself_with_this_one(
    house: Casework, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "utcnow", lambda: now + timedelta(days=7))
    lines = run("week").stdout.splitlines()
    assert lines[0] == "Mlango, 24 to 30 November 2026"
    assert lines[3].split() == ["Cases", "0", "3"]
    assert "  Half of them wait 13 days or longer, the oldest since 17 November 2026." in lines


def test_large_figures_fit_on_the_screen(house: Casework) -> None:
    run("week")
    database.run(database.main, "UPDATE figure SET amount = amount * 1234567")
    database.run(database.main, "UPDATE figure SET grade = ? WHERE measure = 'decided'", BEYOND)
    lines = run("week").stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) == 80
    assert "> 1 year; > 1 year" in lines[9]
    assert lines[-2].split().count("1.2M") == 6


def test_a_part_of_the_country_or_another_week(house: Casework) -> None:
    for options, title, heads in (
        (["--county", "mombasa"], "Mlango, 17 to 23 November 2026: Mombasa", ["Place", "Agency", "Kind"]),
        (["--county", "001"], "Mlango, 17 to 23 November 2026: Mombasa", ["Place", "Agency", "Kind"]),
        (["--agency", "MOWASSCO"], "Mlango, 17 to 23 November 2026: Mombasa Water", ["County", "Kind"]),
        (["--week", "2026-W01"], "Mlango, 29 December 2025 to 4 January 2026", ["County", "Agency", "Kind"]),
        (["--week", "2026-W27"], "Mlango, 29 June to 5 July 2026", ["County", "Agency", "Kind"]),
    ):
        lines = run("week", *options).stdout.splitlines()
        assert lines[0] == title
        (head,) = (line for line in lines if line.split()[:1] in (["Place"], ["County"]))
        assert [word for word in head.split() if word not in ("open", "late")] == heads


def test_the_office_complained_about_reads_nothing_of_it(house: Casework) -> None:
    told = json.loads(run("week", "--json").stdout)
    assert told["this"]["received"] == 3
    for by, groups in told["by"].items():
        assert sum(sums["received"] for code, sums in groups.items() if code) == 2, by
    assert json.loads(run("week", "--json", "--county", "Nairobi").stdout)["this"]["received"] == 1
    assert json.loads(run("week", "--json", "--agency", "EACC").stdout)["this"]["received"] == 0


def test_programs_are_told_everything(house: Casework) -> None:
    told = json.loads(run("week", "--json", "--week", "2026-W47").stdout)
    assert (told["first"], told["last"], told["agency"]) == ("2026-11-16", "2026-11-22", None)
    assert told["this"]["acknowledged_half"] == 120
    assert told["open_since"] == {"0": {"cases": 2, "oldest": "2026-11-17", "half": "2026-11-17"}}
    assert told["escalated_since"]["100"] == {"cases": 1, "oldest": "2026-11-21", "half": "2026-11-21"}


def test_a_table_by_office(house: Casework) -> None:
    assert run("show").stdout.splitlines() == [
        "agency              cases answered in time  decided in time    open   late stars",
        "confidential            1        –       –        –       –       1      0     –",
        "Mombasa Water           1        –       –        –       –       1      1     –",
        "Nairobi Water           1     12 h   100 %     12 h   100 %       0      0   5.0",
        "all                     3     12 h   100 %     12 h   100 %       2      1   5.0",
    ]


def test_a_table_by_day_tells_the_backlog_of_each(house: Casework) -> None:
    lines = run("show", "--by", "day", "--from", "2026-11-16", "--to", "2026-11-20").stdout.splitlines()
    assert [(line.split()[0], line.split()[1], line.split()[-3]) for line in lines[1:]] == [
        ("2026-11-16", "0", "0"),
        ("2026-11-17", "1", "1"),
        ("2026-11-18", "0", "1"),
        ("2026-11-19", "0", "1"),
        ("2026-11-20", "1", "1"),
    ]


def test_spreadsheets_and_programs_get_the_same(house: Casework) -> None:
    for by in ("agency", "county", "place", "category", "channel", "language", "day"):
        sheet = list(csv.DictReader(io.StringIO(run("show", "--by", by, "--csv").stdout)))
        told = json.loads(run("show", "--by", by, "--json").stdout)["rows"]
        assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in told] == sheet
        assert sum(row["received"] for row in told) == 3


def test_a_sheet_of_nothing_has_its_heads(house: Casework) -> None:
    sheet = run("show", "--csv", "--agency", "SHA").stdout
    assert sheet.splitlines()[0].startswith("agency,name,received,")
    assert len(sheet.splitlines()) == 1


def test_what_makes_no_sense_is_said_in_a_sentence(house: Casework) -> None:
    for arguments, sentence in {
        ("week", "--week", "2026-47"): "2026-47 is not a week. Write it like 2026-W47.",
        ("week", "--week", "2026-W60"): "2026-W60 is not a week. Write it like 2026-W47.",
        ("week", "--county", "Atlantis"): "There is no county Atlantis.",
        ("show", "--from", "yesterday"): "yesterday is not a day. Write it like 2026-11-23.",
        ("show", "--from", "2026-11-02", "--to", "2026-11-01"): "There are no days from 2026-11-02 to 2026-11-01.",
    }.items():
        assert refusal(*arguments) == [sentence]


def test_an_office_that_is_not_there(house: Casework) -> None:
    (sentence,) = refusal("week", "--agency", "ATLANTIS")
    assert sentence.startswith("There is no office with the code ATLANTIS.")


def test_a_rebuild_says_what_it_counted_and_that_nothing_differs(house: Casework) -> None:
    events = CaseEvent.select().count()
    first = run("rebuild").stdout.splitlines()
    assert first[0].startswith(f"{events} events counted, ")
    assert first[1] == "Nothing was counted before, so there is nothing to compare."
    again = [first[0], "Not one row differs from the figures that were in force."]
    assert run("rebuild", "--check").stdout.splitlines() == again
    result = run("rebuild")
    assert result.stdout.splitlines() == again
    assert result.stderr == ""  # no progress bar where nobody watches


def test_a_check_says_what_differs_and_changes_nothing(house: Casework) -> None:
    run("week")
    database.run(database.main, "UPDATE figure SET amount = 5 WHERE measure = 'received'")
    for _ in range(2):
        assert refusal("rebuild", "--check")[1:] == [
            "Rows that differ from the figures that were in force: 3 of received.",
            "To put it right: ./mlango figures rebuild",
        ]
    assert run("rebuild").stdout.splitlines()[1] == (
        "Rows that differ from the figures that were in force: 3 of received."
    )
    assert json.loads(run("week", "--json").stdout)["this"]["received"] == 3


def test_who_rebuilds_while_another_does_is_told(house: Casework, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(*_: object, **__: object) -> None:
        raise Overtaken

    monkeypatch.setattr(Figures, "rebuild", overtaken)
    assert refusal("rebuild") == ["Another rebuild began meanwhile. Its figures are good."]


def test_events_that_came_in_late_are_told_of(house: Casework) -> None:
    run("week")
    database.run(database.main, "UPDATE tally SET events = events - 2")
    assert run("week").stderr == "Events that came in late are not counted: 2. Run: ./mlango figures rebuild\n"
