"""What citizens said to the offices, as files tell it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from cases.lifecycle import Action, Role
from cases.models import Case
from cases.worklist import UNREADABLE
from store.sealing import Keyring
from sync import said
from tests.sync.stage import Stage


@pytest.fixture
def stage(bound: str, tmp_path: Path, keyring: Keyring, now: datetime) -> Stage:
    return Stage(tmp_path, keyring, now)


def words(stage: Stage, case: Case) -> list[str]:
    """All that the citizen of a case said to its office."""
    caller = said.callers(stage.citizens, [stage.citizen().id]).get(stage.citizen().id)
    return [one.words for one in said.by_case({case.id: caller}).get(case.id, [])]


def test_it_comes_in_the_order_in_which_it_was_said(stage: Stage) -> None:
    case = stage.lodge("Hakuna maji")
    stage.act(case, Action.ADD_WORDS, "Hata leo", Role.CITIZEN)
    assert words(stage, case) == ["Hakuna maji", "Hata leo"]


def test_what_officers_write_is_not_the_citizens(stage: Stage) -> None:
    case = stage.lodge("Hakuna maji")
    stage.act(case, Action.NOTE, "The pump is broken")
    stage.act(case, Action.CLASSIFY, "It is a pipe", Role.SUPERVISOR, sub="water.burst", place="kibera")
    assert words(stage, case) == ["Hakuna maji"]


def test_an_appeal_is_not_for_the_office_that_it_is_about(stage: Stage) -> None:
    case = stage.lodge("Hakuna maji")
    stage.act(stage.act(case, Action.START), Action.RESOLVE, "The pipe was mended today", outcome="fixed")
    stage.act(case, Action.APPEAL, "They never came", Role.CITIZEN)
    assert words(stage, case) == ["Hakuna maji"]


def test_it_stands_on_one_line_without_what_nobody_sees(stage: Stage) -> None:
    case = stage.lodge("Hakuna\r\nmaji\x00 tangu\u202e Ijumaa\t")
    assert words(stage, case) == ["Hakuna maji tangu Ijumaa"]


def test_words_without_their_key_say_so(stage: Stage) -> None:
    case = stage.lodge("Hakuna maji")
    assert [one.words for one in said.by_case({case.id: None})[case.id]] == [UNREADABLE]


def test_nobody_said_nothing(bound: str) -> None:
    assert said.by_case({}) == {}


def test_long_words_end_in_a_mark() -> None:
    assert said.shortened("maji", 4) == "maji"
    assert said.shortened("majimaji", 4) == "maj…"
