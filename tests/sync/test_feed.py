"""Which office is to hear of what: every event of its cases, as the case stood after it, and nothing of a person."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

import packs
from cases.casework import Change, Happened
from cases.lifecycle import Action, NotAllowed, Role
from cases.models import Case, CaseEvent
from store.sealing import Keyring
from sync.feed import Feeding
from sync.models import FeedRow
from tests.sync.stage import POWER, WATER, Stage, fed


@pytest.fixture
def stage(bound: str, tmp_path: Path, keyring: Keyring, now: datetime) -> Stage:
    return Stage(tmp_path, keyring, now)


def test_the_office_hears_of_a_case_when_it_gets_it(stage: Stage) -> None:
    case = stage.lodge("The tap is dry")
    (row,) = fed()
    told = json.loads(row.snapshot)
    assert (row.kind, row.file_id) == ("assign", None)
    assert (told["state"], told["sub"], told["version"]) == ("assigned", "water.none", case.version)


def test_a_row_names_its_event(stage: Stage) -> None:
    case = stage.act(stage.lodge(), Action.START)
    for row in fed():
        event = CaseEvent.get((CaseEvent.case == case.id) & (CaseEvent.node == row.node) & (CaseEvent.seq == row.seq))
        assert event.kind == row.kind


def test_each_event_of_a_transaction_tells_the_case_as_it_stood_then(stage: Stage) -> None:
    case = stage.lodge()
    steps = [(Action.START, None), (Action.ASK, "Which plot is it?"), (Action.RESUME, None)]
    changes = [
        Change(action, None, "cli", f"step:{action}", case.id, Role.OWNER, words=words) for action, words in steps
    ]
    stage.casework.apply_many(changes, stage.now)
    told = [json.loads(row.snapshot) for row in fed()]
    assert [one["state"] for one in told] == ["assigned", "in_progress", "pending_citizen", "in_progress"]
    assert [one["version"] for one in told] == [2, 3, 4, 5]
    assert told[-1]["version"] == Case.get_by_id(case.id).version


def test_the_office_that_loses_a_case_hears_which_one_and_no_more(stage: Stage) -> None:
    stage.act(stage.lodge(), Action.TRANSFER, "A power line fell on the pipe", agency=POWER)
    away, came = fed()[-1], fed(POWER)[0]
    assert (away.kind, json.loads(away.snapshot)) == ("transferred_away", {"version": 3})
    assert (came.kind, json.loads(came.snapshot)["state"]) == ("transfer", "assigned")


def test_what_follows_after_a_transfer_is_for_the_new_office_alone(stage: Stage) -> None:
    case = stage.act(stage.lodge(), Action.TRANSFER, "A power line fell on the pipe", agency=POWER)
    before = len(fed())
    stage.act(case, Action.START)
    assert len(fed()) == before
    assert [row.kind for row in fed(POWER)] == ["transfer", "start"]


def test_the_service_desk_has_no_file(stage: Stage) -> None:
    case = stage.lodge(sub=None, place=None)
    assert case.agency == packs.current().desk
    assert not FeedRow.select().exists()


@pytest.mark.parametrize("which", [0, 1])
def test_the_office_that_is_complained_about_hears_nothing_nor_do_its_kin(
    stage: Stage, ke: packs.Pack, which: int
) -> None:
    theirs = sorted(ke.kin("COUNTY-047"))[which]
    case = stage.lodge()
    case.about = "COUNTY-047"
    moved = Happened(
        case,
        Action.ASSIGN,
        Change(Action.ASSIGN, None, "system", "wrong", case.id),
        None,
        stage.now,
        before={"agency": theirs},
        after={"agency": WATER},
    )
    Feeding(packs.current)([moved], stage.now)
    case.agency = theirs
    Feeding(packs.current)([replace(moved, before={})], stage.now)
    assert not fed(theirs)


def test_a_change_that_is_refused_feeds_nobody(stage: Stage) -> None:
    case = stage.lodge()
    before = len(fed())
    with pytest.raises(NotAllowed):
        stage.act(case, Action.RESOLVE, "too short", outcome="fixed")
    assert len(fed()) == before


def test_no_row_holds_words_or_a_number(stage: Stage) -> None:
    case = stage.lodge("Zumaridi street, ask for Otieno")
    stage.act(case, Action.ADD_WORDS, "Zumaridi again", role=Role.CITIZEN)
    kept = "".join(row.snapshot for row in fed()).lower()
    assert "zumaridi" not in kept
    assert "712345678" not in kept
