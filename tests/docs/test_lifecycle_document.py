"""What the documents tell about cases is what the code does."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cases import timers
from cases.casework import Change
from cases.lifecycle import (
    LEVELS,
    MOST_REOPENS,
    REOPEN_WINDOW,
    RESTORE_WINDOW,
    RULES,
    SHORTEST_NOTE,
    Action,
    Role,
    State,
)
from docs import lifecycle, states
from packs import published
from store import database
from store.clock import utcnow
from tests import box
from tests.ussd_app.test_case_cli import KEYS, data, refusal, told
from ussd_app import wiring
from ussd_app.settings import Settings

RENEW: Final = "Write it again: .venv/bin/python -m docs.lifecycle"
STORY: Final = lifecycle.PAGE.with_name("cases.md").read_text(encoding="utf-8")
_NUMBER: Final = "482-915-633"


def test_the_page_and_the_picture_of_the_lifecycle_are_up_to_date() -> None:
    assert lifecycle.PAGE.read_text(encoding="utf-8") == lifecycle.page(), RENEW
    assert states.PICTURE.read_text(encoding="utf-8") == states.svg(), RENEW


def test_every_word_of_the_table_is_explained() -> None:
    assert lifecycle.STATES.keys() == set(State)
    assert lifecycle.ROLES.keys() == set(Role)
    assert lifecycle.ACTIONS.keys() == set(Action)


def test_the_picture_has_every_action_that_moves_a_case_and_no_other() -> None:
    drawn = {action for way in states.WAYS for action in way.actions}
    drawn |= {action for remark in states.REMARKS for action in remark.actions}
    assert drawn == {rule.action for rule in RULES if rule.end}


def test_the_story_tells_the_numbers_of_the_code() -> None:
    assert f"at least {SHORTEST_NOTE} characters" in STORY
    assert f"within {REOPEN_WINDOW.days} days of the decision" in STORY
    assert MOST_REOPENS == 2
    assert "twice at most" in STORY
    assert f"restore within {RESTORE_WINDOW.days} days" in STORY
    assert f"after {timers.FEEDBACK_WINDOW.days} days silence counts as yes" in STORY
    assert f"{timers.MOST_PAUSED_DAYS} working days of each cycle" in STORY
    assert f"after {timers.UNCLEAR_MINUTES // 60} working hours without a name" in STORY
    assert f"at {', '.join(map(str, LEVELS))} % of the promised time" in STORY


def test_the_story_names_every_key_of_the_json() -> None:
    of_every_case = next(line for line in STORY.splitlines() if line.startswith("- Of every case"))
    assert set(re.findall(r"`(\w+)`", of_every_case)) == KEYS


@pytest.fixture
def number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A demonstration with one case: no water in Kibera; its number."""
    environ = box.environ(tmp_path)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load(environ)
    wiring.prepare(settings, lambda _: None)
    published.forget()
    house, now = wiring.build(settings), utcnow()
    citizen = house.citizens.meet("+254712345678", now)
    facts = {"sub": "water.none", "place": "kibera"}
    yield house.casework.apply(Change(Action.LODGE, citizen, "ussd", "docs", facts=facts), now).case.ref
    database.close()
    published.forget()


def commands(block: str, number: str) -> Iterator[list[str]]:
    for line in block.strip().splitlines():
        mlango, case, *arguments = shlex.split(line.replace(_NUMBER, number), comments=True)
        assert (mlango, case) == ("./mlango", "case")
        yield arguments


def test_the_commands_of_the_story_do_what_it_says(number: str) -> None:
    morning, forbidden = re.findall(r"```sh\n(.*?)```", STORY, re.DOTALL)
    for arguments in commands(morning, number):
        assert told(*arguments), arguments
    after = data("show", number)
    assert (after["agency"], after["cycle"], after["reopens"]) == ("COUNTY-047", 2, 1)
    for arguments in commands(forbidden, number):
        assert refusal(*arguments), arguments
    assert data("show", number)["version"] == after["version"]
