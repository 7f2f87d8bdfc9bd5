"""What a change makes the service say: rows of the outbox and the question that goes with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cases.casework import Change
from cases.lifecycle import Action
from cases.models import Case
from menus.sessions import SmsQuestion
from sms_gateway.message import Message
from tests.menus.conftest import CITIZEN, LINDI
from tests.menus.stage import Stage

Facts = dict[str, str | None]


def lodge(stage: Stage, facts: Facts, source: str = "ussd", stopped: bool = False, quiet: bool = False) -> Case:
    caller = replace(stage.citizens.meet(CITIZEN, stage.now), stopped=stopped)
    change = Change(Action.LODGE, caller, source, stage.draw(), facts=facts, quiet=quiet)
    return stage.casework.apply(change, stage.now).case


def then(stage: Stage, case: Case, action: Action, facts: Facts, source: str = "sms") -> None:
    caller = stage.citizens.meet(CITIZEN, stage.now)
    stage.pause()
    stage.casework.apply(Change(action, caller, source, stage.draw(), case.id, facts=facts, words="more"), stage.now)


def told() -> list[str | None]:
    return [message.template for message in Message.select().order_by(Message.created_at)]


def asked() -> list[str]:
    return [question.kind for question in SmsQuestion.select().order_by(SmsQuestion.asked_at)]


@pytest.mark.parametrize(
    ("facts", "template", "question"),
    [
        ({"sub": "water.none", "place": LINDI}, "received", None),
        ({"sub": "water.none"}, "received_ask_place", "place"),
        ({"sub": "id.passport"}, "received_anywhere", None),
        ({"sub": "school.loan"}, "received_anywhere", None),
        ({}, "received_ask_what", "what"),
    ],
)
def test_a_receipt_says_what_is_known_and_asks_the_one_thing_that_is_not(
    stage: Stage, facts: Facts, template: str, question: str | None
) -> None:
    case = lodge(stage, facts)
    assert told() == [template]
    assert asked() == ([question] if question else [])
    assert Message.get().case == case


def test_lodging_and_the_office_that_gets_it_are_one_sms(stage: Stage) -> None:
    case = lodge(stage, {"sub": "water.none", "place": LINDI})
    assert (case.agency, case.state, told()) == ("NCWSC", "assigned", ["received"])


def test_who_stopped_our_sms_gets_no_receipt_for_what_they_lodged_by_ussd(stage: Stage) -> None:
    lodge(stage, {"sub": "water.none"}, stopped=True)
    assert (told(), asked()) == ([], [])


def test_who_stopped_our_sms_is_still_answered_to_their_own_sms(stage: Stage) -> None:
    lodge(stage, {}, source="sms", stopped=True)
    assert told() == ["received_ask_what"]


def test_past_the_budget_nothing_is_said(stage: Stage) -> None:
    lodge(stage, {}, source="sms", quiet=True)
    assert (told(), asked()) == ([], [])


def test_words_added_on_the_screen_are_answered_there_those_by_sms_by_sms(stage: Stage) -> None:
    case = lodge(stage, {"sub": "water.none", "place": LINDI})
    then(stage, case, Action.ADD_WORDS, {}, source="ussd")
    assert told() == ["received"]
    then(stage, case, Action.ADD_WORDS, {})
    assert (told(), asked()) == (["received", "added"], ["added"])


def test_words_added_to_what_nobody_named_yet_do_not_name_it(stage: Stage) -> None:
    then(stage, lodge(stage, {}, source="sms"), Action.ADD_WORDS, {})
    assert told() == ["received_ask_what", "added_unnamed"]


def test_an_answer_is_answered_with_what_is_known_now(stage: Stage) -> None:
    case = lodge(stage, {}, source="sms")
    then(stage, case, Action.CLASSIFY, {"sub": "water.other"})
    then(stage, case, Action.CLASSIFY, {"place": LINDI})
    assert told() == ["received_ask_what", "received_ask_place", "received"]
    assert asked() == ["what", "place"]


@pytest.mark.parametrize(
    ("names", "template", "listed"),
    [
        (["township", "lamu"], "received_ask_which_of_two", 2),
        (["township", "lamu", "kibera", "kayole"], "received_ask_which", 3),
    ],
)
def test_places_of_one_name_are_listed_up_to_three_and_all_kept(
    stage: Stage, names: list[str], template: str, listed: int
) -> None:
    codes = [stage.place(name) for name in names]
    case = lodge(stage, {}, source="sms")
    then(stage, case, Action.CLASSIFY, {"sub": "water.other", "which": " ".join(codes)})
    assert told() == ["received_ask_what", template]
    question = SmsQuestion.get(SmsQuestion.kind == "which")
    assert question.options == " ".join(codes)
    text = stage.phone(CITIZEN).inbox()[-1]
    assert text.count(", ") == listed  # "Reply 1 …, 2 …, or …"


def test_a_message_is_written_in_the_language_of_the_change(stage: Stage) -> None:
    lodge(stage, {"language": "sw"})
    assert Message.get().language == "sw"
