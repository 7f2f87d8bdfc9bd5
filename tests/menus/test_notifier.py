"""What a change makes the service say: rows of the outbox and the question that goes with them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

import packs
from cases.casework import Change, Done
from cases.lifecycle import Action, Role
from cases.models import Case, Citizen
from menus.messages import Renderer
from menus.sessions import SmsQuestion
from sms_gateway.channels import Channels
from sms_gateway.gateway import Policy, Refused
from sms_gateway.message import Lane, Message
from sms_gateway.outbox import Outbox
from tests.menus.conftest import CITIZEN, LINDI
from tests.menus.stage import Stage
from tests.sms_gateway.conftest import Log, Network

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
    return [message.template for message in Message.select().order_by(Message.created_at, Message.id)]


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


@pytest.mark.parametrize("source", ["ussd", "sms"])
def test_no_sms_at_all_tells_of_a_case_whose_citizen_wished_so(stage: Stage, source: str) -> None:
    facts: dict[str, Any] = {"sub": "bribery.asked", "visibility": "confidential", "silent": True}
    case = lodge(stage, facts, source=source)
    stage.office(case.ref, Action.ASK, "When was it?")
    then(stage, case, Action.ANSWER, {}, source=source)
    stage.office(case.ref, Action.RESOLVE, "The officer was spoken to.", outcome="explained")
    for _ in range(2):
        stage.pause(timedelta(days=5))
        stage.sweep()
    assert Case.get().state == "closed"
    assert (told(), asked()) == ([], [])


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


# News of a case


def office(stage: Stage, case: Case, action: Action, words: str | None = None, **facts: Any) -> None:
    stage.office(case.ref, action, words, **facts)


def newest() -> Message:
    found = Message.select().where(Message.direction == "mt").order_by(Message.id.desc()).first()
    assert isinstance(found, Message)
    return found


def params(stage: Stage, message: Message) -> dict[str, Any]:
    caller = stage.citizens.meet(CITIZEN, stage.now)
    said: dict[str, Any] = json.loads(caller.key.open("message.body", message.id, message.body))
    return said


def at_work(stage: Stage) -> Case:
    """A case with its receipt delivered, that an officer has started on."""
    case = lodge(stage, {"sub": "water.none", "place": LINDI})
    office(stage, case, Action.START)
    stage.outbox.drain(lambda: stage.now)
    return case


NOTE: Final = "The valve was opened again on Tuesday."


@pytest.mark.parametrize(
    ("action", "facts", "template", "question"),
    [
        (Action.ASK, {}, "question", "question"),
        (Action.WAIT, {}, "waiting", None),
        (Action.TRANSFER, {"agency": "COUNTY-047"}, "moved", None),
        (Action.RESOLVE, {"outcome": "fixed"}, "resolved", "solved"),
    ],
)
def test_what_an_office_does_is_news_for_the_citizen(
    stage: Stage, action: Action, facts: dict[str, str], template: str, question: str | None
) -> None:
    case = at_work(stage)
    office(stage, case, action, NOTE, **facts)
    assert (newest().template, newest().lane, asked()) == (template, Lane.STATUS, [question] if question else [])
    assert params(stage, newest()).get("note") == (NOTE if template != "moved" else None), (
        "a reason is the office's own"
    )


@pytest.mark.parametrize(
    ("action", "words"), [(Action.PUT_BACK, None), (Action.NOTE, "Called the crew."), (Action.ASSIGN, None)]
)
def test_what_stays_within_an_office_is_no_news(stage: Stage, action: Action, words: str | None) -> None:
    case = at_work(stage)
    if action is Action.ASSIGN:
        office(stage, case, Action.PUT_BACK)
    before = len(told())
    office(stage, case, action, words, **({"owner": "ncwsc-2"} if action is Action.ASSIGN else {}))
    assert len(told()) == before


def test_an_officers_words_are_sealed_in_the_outbox(stage: Stage) -> None:
    office(stage, at_work(stage), Action.RESOLVE, NOTE, outcome="fixed")
    assert NOTE.encode() not in newest().body


def test_who_stopped_our_sms_hears_nothing_of_what_an_office_does(stage: Stage) -> None:
    case = at_work(stage)
    stage.citizens.stop(case.__data__["citizen"], stage.now)
    before = len(told())
    office(stage, case, Action.RESOLVE, NOTE, outcome="fixed")
    assert (len(told()), asked()) == (before, [])


def test_nobody_is_told_once_they_are_erased(stage: Stage) -> None:
    case = at_work(stage)
    Citizen.update(data_key=None).execute()
    before = len(told())
    office(stage, case, Action.RESOLVE, NOTE, outcome="fixed")
    assert len(told()) == before


@pytest.mark.parametrize("visibility", ["confidential", "anonymous"])
def test_of_a_confidential_case_nothing_is_said_but_its_number(stage: Stage, visibility: str) -> None:
    case = lodge(stage, {"sub": "water.none", "place": LINDI, "visibility": visibility})
    office(stage, case, Action.START)
    office(stage, case, Action.ASK, "Which clerk asked for money?")
    assert told() == ["received_neutral", "neutral_news", "neutral_news"]
    assert asked() == []
    assert [params(stage, one).keys() for one in Message.select()] == [{"ref", "date"}] * 3


def test_a_sensitive_topic_is_not_named_in_an_sms_even_if_the_case_is_public(stage: Stage) -> None:
    lodge(stage, {"sub": "police.abuse", "place": LINDI})
    assert told() == ["received_neutral"]


def test_a_confidential_case_whose_citizen_texts_us_is_answered_with_its_number(stage: Stage) -> None:
    case = lodge(stage, {"sub": "water.none", "place": LINDI, "visibility": "confidential"})
    then(stage, case, Action.ADD_WORDS, {})
    assert told()[-1] == "added_unnamed"


@pytest.mark.parametrize("level", [75, 100, 150, 200])
def test_only_the_day_that_passed_is_told_of_all_escalations(stage: Stage, level: int) -> None:
    case = at_work(stage)
    change = Change(Action.ESCALATE, None, "system", stage.draw(), case.id, Role.SYSTEM, {"level": level})
    stage.casework.apply(change, stage.now)
    assert (told()[-1] == "breached") == (level >= 100)
    before = len(told())
    if level < 200:
        change = Change(Action.ESCALATE, None, "system", stage.draw(), case.id, Role.SYSTEM, {"level": 200})
        stage.casework.apply(change, stage.now)
        assert len(told()) == before + (level < 100), "once in each cycle"


def test_that_a_case_is_late_is_told_in_the_morning_with_an_honest_date(stage: Stage) -> None:
    case = at_work(stage)
    stage.now = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)  # Friday night in Nairobi
    stage.sweep()
    assert (newest().template, newest().case) == ("breached", case)
    assert newest().due_at == datetime(2026, 11, 30, 5, 0, tzinfo=UTC), "Monday, eight o'clock there"
    assert params(stage, newest())["date"] == "2026-12-02", "three working days"


def test_no_text_promises_a_day_that_is_over(stage: Stage) -> None:
    case = at_work(stage)
    stage.pause(timedelta(days=20))
    office(stage, case, Action.TRANSFER, NOTE, agency="COUNTY-047")
    assert params(stage, newest())["date"] > stage.now.date().isoformat()


def test_the_office_of_the_known_case_is_named_to_its_followers(stage: Stage) -> None:
    master = at_work(stage)
    neighbour = stage.citizens.meet("+254722000002", stage.now)
    facts = {"sub": "water.none", "place": LINDI, "master": master.id}
    stage.casework.apply(Change(Action.LODGE, neighbour, "ussd", stage.draw(), facts=facts), stage.now)
    assert newest().template == "known_issue"
    office(stage, master, Action.RESOLVE, NOTE, outcome="fixed")
    stage.sweep()
    followed = Message.get(Message.template == "resolved_followed")
    said = json.loads(neighbour.key.open("message.body", followed.id, followed.body))
    assert (said["agency"], "note" in said) == ("NCWSC", False)


# One instead of many


def apply_at_once(stage: Stage, *changes: Change) -> None:
    stage.pause()
    for outcome in stage.casework.apply_many(changes, stage.now):
        assert isinstance(outcome, Done), outcome


def step(stage: Stage, case: Case, action: Action, words: str | None = None, **facts: Any) -> Change:
    return Change(action, None, "csv", stage.draw(), case.id, Role.SYNC, facts, words)


def waiting_now() -> list[str | None]:
    queued = Message.select().where(Message.state == "queued", Message.lane == Lane.STATUS)
    return [message.template for message in queued.order_by(Message.id)]


def test_all_that_one_file_says_of_a_case_is_one_sms(stage: Stage) -> None:
    case = lodge(stage, {"sub": "water.none", "place": LINDI})
    steps = [step(stage, case, Action.START), step(stage, case, Action.WAIT, "The road must be opened.")]
    apply_at_once(stage, *steps, step(stage, case, Action.RESOLVE, NOTE, outcome="fixed"))
    assert (told(), asked()) == (["received", "resolved"], ["solved"])


def test_a_question_is_not_lost_behind_later_news_of_the_same_moment(stage: Stage) -> None:
    case = at_work(stage)
    late = Change(Action.ESCALATE, None, "system", stage.draw(), case.id, Role.SYSTEM, {"level": 100})
    apply_at_once(stage, step(stage, case, Action.ASK, "Which gate is it?"), late)
    assert told()[-1] == "question"


def test_news_of_several_cases_at_once_is_one_summary(stage: Stage) -> None:
    cases = [lodge(stage, {"sub": sub, "place": LINDI}) for sub in ("water.none", "water.dirty", "power.none")]
    apply_at_once(stage, *(step(stage, case, Action.START) for case in cases))
    assert told() == ["received"] * 3 + ["summary"]
    said = params(stage, newest())
    assert said["n"] == "3"
    assert {tuple(one) for one in said["list"]} == {(case.ref, "in_progress") for case in cases}


def test_an_officers_question_is_in_no_summary(stage: Stage) -> None:
    cases = [lodge(stage, {"sub": sub, "place": LINDI}) for sub in ("water.none", "water.dirty", "power.none")]
    apply_at_once(stage, *(step(stage, case, Action.START) for case in cases))
    asks = step(stage, cases[0], Action.ASK, "Which gate is it?")
    apply_at_once(stage, asks, *(step(stage, case, Action.RESOLVE, NOTE, outcome="fixed") for case in cases[1:]))
    assert sorted(map(str, waiting_now())) == ["question", "summary"]


def test_two_citizens_never_share_a_summary(stage: Stage) -> None:
    mine = lodge(stage, {"sub": "water.none", "place": LINDI})
    neighbour = stage.citizens.meet("+254722000002", stage.now)
    theirs = Change(Action.LODGE, neighbour, "ussd", stage.draw(), facts={"sub": "water.none", "place": LINDI})
    other = stage.casework.apply(theirs, stage.now).case
    apply_at_once(stage, step(stage, mine, Action.START), step(stage, other, Action.START))
    assert waiting_now() == ["in_progress", "in_progress"]


def test_five_events_while_the_line_is_down_are_one_sms(stage: Stage) -> None:
    case = at_work(stage)
    line = Network(answers=[Refused(Policy.TRANSIENT, "down")] * 5)
    renderer = Renderer(packs.current, "Mlango", "*384*96#")
    worker = Outbox(stage.citizens, Channels([line]), renderer, Log(), jitter=lambda least, _: least)
    for action in (Action.WAIT, Action.RESUME, Action.WAIT, Action.RESUME, Action.WAIT):
        office(stage, case, action, "The road must be opened.")
        worker.drain(lambda: stage.now)
    office(stage, case, Action.TRANSFER, "It is theirs.", agency="COUNTY-047")
    worker.drain(lambda: stage.now)
    line.answers.clear()
    stage.pause(timedelta(hours=1))
    line.sent.clear()
    assert waiting_now() == ["moved"]
    assert worker.drain(lambda: stage.now) == 1
    (sent,) = line.texts
    assert "moved to Nairobi County" in sent


def test_a_receipt_is_never_superseded(stage: Stage) -> None:
    case = lodge(stage, {"sub": "water.none", "place": LINDI})
    office(stage, case, Action.START)
    assert [message.state for message in Message.select()] == ["queued", "queued"]


def test_a_question_that_still_stands_is_not_superseded(stage: Stage) -> None:
    case = at_work(stage)
    office(stage, case, Action.ASK, "Which gate is it?")
    late = Change(Action.ESCALATE, None, "system", stage.draw(), case.id, Role.SYSTEM, {"level": 100})
    apply_at_once(stage, late)
    assert waiting_now() == ["question", "breached"]
    office(stage, case, Action.RESUME)
    assert waiting_now() == ["breached"], "nobody waits for the answer any more"


def test_is_it_fixed_is_not_asked_of_a_case_that_is_closed(stage: Stage) -> None:
    case = at_work(stage)
    office(stage, case, Action.RESOLVE, NOTE, outcome="fixed")
    then(stage, case, Action.CONFIRM, {}, source="ussd")
    assert waiting_now() == []


def test_news_of_another_case_joins_what_waits_in_one_summary(stage: Stage) -> None:
    first, second, third = (
        lodge(stage, {"sub": sub, "place": LINDI}) for sub in ("water.none", "water.dirty", "power.none")
    )
    for case in (first, second, third):
        office(stage, case, Action.START)
    assert waiting_now() == ["summary"]
    office(stage, first, Action.TRANSFER, "It is theirs.", agency="COUNTY-047")
    assert waiting_now() == ["summary"]
    said = params(stage, newest())
    assert said["list"] == [
        [first.ref, "assigned"],
        [third.ref, "in_progress"],
        [second.ref, "in_progress"],
    ]


def test_a_confidential_case_is_in_no_summary(stage: Stage) -> None:
    public = lodge(stage, {"sub": "water.none", "place": LINDI})
    secret = lodge(stage, {"sub": "water.none", "place": LINDI, "visibility": "confidential"})
    office(stage, public, Action.START)
    office(stage, secret, Action.START)
    assert waiting_now() == ["in_progress", "neutral_news"]
