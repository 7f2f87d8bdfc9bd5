"""What a text does beyond its answer: who gets the case, what no SMS ever names, what counts as the citizen's own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cases.lifecycle import Action, State
from cases.models import Case, CaseEvent
from menus.dialogue import ATTENTION
from menus.messages import BY_SMS, TEMPLATES, Renderer
from packs.model import Pack
from sms_gateway.message import Message
from tests.menus.conftest import CITIZEN
from tests.menus.stage import Phone, Stage

RECEIPT = "QGH7K2L9XY Confirmed. Ksh500.00 sent to JANE DOE 0712000000 on 3/2/26 at 6:43 PM."


def only_case(stage: Stage) -> Case:
    (case,) = stage.cases()
    return case


# Said aloud, and undone


def test_what_the_text_tells_goes_to_its_office_at_once(stage: Stage, phone: Phone) -> None:
    phone.text("maji hakuna Kayole")
    case = only_case(stage)
    assert (case.sub, case.place, case.agency, case.state) == ("water.none", "kayole", "NCWSC", State.ASSIGNED)


def test_undone_the_office_has_it_no_more_and_nothing_is_known(stage: Stage, phone: Phone) -> None:
    phone.text("maji hakuna Kayole")
    phone.text("NO")
    case = only_case(stage)
    assert (case.sub, case.category, case.place, case.county) == (None, None, None, None)
    assert (case.agency, case.queue) == ("MLANGO", "supervisor")
    phone.text("2 Lindi")
    case = only_case(stage)
    assert (case.sub, case.place, case.agency) == ("power.other", "1387", "KPLC")


@pytest.mark.parametrize(("later", "undone"), [(ATTENTION - timedelta(minutes=1), True), (ATTENTION, False)])
def test_one_word_undoes_for_72_hours(stage: Stage, phone: Phone, later: timedelta, undone: bool) -> None:
    phone.text("maji hakuna Kayole")
    stage.pause(later)
    phone.text("NO")
    assert (only_case(stage).sub is None) == undone


def test_an_office_that_works_on_it_keeps_it(stage: Stage, phone: Phone) -> None:
    phone.text("maji hakuna Kayole")
    stage.office(only_case(stage).ref, Action.START)
    phone.inbox()
    phone.text("NO")
    assert only_case(stage).sub == "water.none"
    assert "In progress since" in phone.inbox()[0]


def test_an_urgent_text_makes_an_urgent_case(stage: Stage, phone: Phone) -> None:
    phone.text("waya wa stima umeanguka Kayole")
    assert only_case(stage).priority == "urgent"


def test_words_of_danger_get_the_numbers_whatever_else_they_are(stage: Stage, phone: Phone) -> None:
    phone.text("maji hakuna Kayole")
    stage.office(only_case(stage).ref, Action.ASK, "Which gate is nearest to the dry tap?")
    phone.inbox()
    phone.text("the blue one, but the house is on fire")
    answered, numbers = phone.inbox()
    assert "Your answer on" in answered
    assert "call 999 or 112 now" in numbers


def test_which_place_is_asked_where_many_bear_the_name(stage: Stage, phone: Phone) -> None:
    phone.text("hakuna maji majengo")
    phone.text("3")
    assert only_case(stage).place == "majengo-nairobi"


# What no SMS names


def told_of_a_bribe(stage: Stage, phone: Phone) -> Case:
    phone.text("the officer at Huduma Kayole asked for a bribe")
    phone.inbox()
    return only_case(stage)


def test_what_sounds_secret_is_filed_by_nobody_but_a_person(stage: Stage, phone: Phone) -> None:
    case = told_of_a_bribe(stage, phone)
    assert (case.sub, case.place, case.agency, case.guarded) == (None, None, "MLANGO", 1)
    assert case.visibility == "public", "its citizen finds it under My cases: there is no PIN that they know"


def test_news_of_it_says_nothing_until_an_officer_has_named_it(stage: Stage, phone: Phone) -> None:
    case = told_of_a_bribe(stage, phone)
    stage.office(case.ref, Action.ASSIGN, agency="KPLC")
    (news,) = phone.inbox()
    assert "there is news on" in news
    stage.office(case.ref, Action.CLASSIFY, sub="power.bill")
    assert only_case(stage).guarded is None
    stage.office(case.ref, Action.START)
    assert "Kenya Power has started" in phone.inbox()[-1]


def test_violence_at_home_stays_unnamed_when_an_officer_files_it_as_insecurity(stage: Stage, phone: Phone) -> None:
    phone.text("My husband beats me in Kayole")
    case = only_case(stage)
    stage.office(case.ref, Action.CLASSIFY, sub="police.insecurity", place="kayole")
    stage.office(case.ref, Action.START)
    stage.office(case.ref, Action.ASK, "Is it safe to call you on this phone?")
    phone.inbox()
    stage.office(case.ref, Action.RESOLVE, "The officers came and spoke to him.", outcome="fixed")
    assert all("there is news on" in text for text in phone.inbox())


def test_a_secret_kind_stays_unnamed_when_an_officer_names_it(stage: Stage, phone: Phone) -> None:
    case = told_of_a_bribe(stage, phone)
    stage.office(case.ref, Action.CLASSIFY, sub="bribery.asked")
    stage.office(case.ref, Action.START)
    assert all("there is news on" in text or "your message" in text for text in phone.inbox())


def test_words_that_sound_secret_under_other_on_the_screen_are_not_named_either(stage: Stage, phone: Phone) -> None:
    phone.dial("*384*96*1*9*6#")
    phone.press(["The clerk wants a bribe for my form", "1"])
    assert only_case(stage).guarded == 1
    (receipt,) = phone.inbox()
    assert receipt.startswith("Mlango: your message is received.")


def test_the_history_tells_why_it_is_not_named(stage: Stage, phone: Phone) -> None:
    case = told_of_a_bribe(stage, phone)
    lodged = CaseEvent.get(CaseEvent.case == case.id, CaseEvent.seq == 1)
    assert '"guarded":1' in lodged.facts


# One case muted


def test_stop_for_one_case_is_for_that_one_and_start_takes_it_back(stage: Stage, phone: Phone) -> None:
    phone.text("maji hakuna Kayole")
    phone.text("street lights are off in Dandora")
    water, lights = stage.cases()
    phone.text(f"STOP {water.ref}")
    phone.text("2")
    phone.inbox()
    stage.office(water.ref, Action.START)
    assert phone.inbox() == []
    stage.office(lights.ref, Action.START)
    assert len(phone.inbox()) == 1
    phone.text("START")
    phone.inbox()
    stage.office(water.ref, Action.RESOLVE, "The valve was opened again on Tuesday.", outcome="fixed")
    assert "Is it fixed?" in phone.inbox()[0]


def test_their_own_text_about_a_muted_case_is_answered(stage: Stage, phone: Phone) -> None:
    phone.text("maji hakuna Kayole")
    case = only_case(stage)
    phone.text(f"STOP {case.ref}")
    phone.text("2")
    phone.inbox()
    phone.text(f"{case.ref} it is brown as well")
    assert "added to" in phone.inbox()[0]


def test_a_secret_case_without_sms_is_not_answered_about(stage: Stage, phone: Phone) -> None:
    phone.text("maji hakuna Kayole")
    Case.update(visibility="confidential", silent=1).execute()
    phone.inbox()
    phone.text(f"STATUS {only_case(stage).ref}")
    assert "no case" in phone.inbox()[0]


# What is theirs


def test_a_money_receipt_is_no_complaint_and_its_numbers_are_no_case(stage: Stage, phone: Phone) -> None:
    phone.text(RECEIPT)
    assert stage.cases() == []
    phone.text(f"I paid my water bill in Kayole and they cut us off. {RECEIPT}")
    (words,) = stage.words(only_case(stage))
    assert "JANE" not in words
    assert "I paid my water bill" in words


def test_an_officer_who_asked_for_the_receipt_gets_it(stage: Stage, phone: Phone) -> None:
    phone.text("maji hakuna Kayole")
    case = only_case(stage)
    stage.office(case.ref, Action.ASK, "Please send the message that you got when you paid.")
    phone.text(RECEIPT)
    assert stage.words(case)[-1] == RECEIPT


def test_our_own_words_sent_back_are_answered_by_nobody(stage: Stage, phone: Phone) -> None:
    phone.text("maji hakuna Kayole")
    (ours,) = phone.inbox()
    stage.pause(timedelta(minutes=11))
    phone.text(ours)
    assert phone.inbox() == []
    phone.text(f"> {ours}\nIt is still dry at the school")
    assert stage.words(only_case(stage))[-1] == "It is still dry at the school"


# Who writes


def test_who_never_chose_a_language_is_answered_in_the_one_they_write(stage: Stage) -> None:
    phone = stage.phone(CITIZEN)
    phone.text("hakuna maji hapa kwetu tangu jana")
    assert "Tumepokea lalamiko" in phone.inbox()[0]


def test_a_keyword_that_all_languages_use_changes_none(stage: Stage) -> None:
    phone = stage.phone(CITIZEN)
    phone.text("hakuna maji Kayole tangu jana")
    phone.text("STATUS")
    assert "Kwa lalamiko moja tuma HALI" in phone.inbox()[-1]


def test_a_text_shows_that_the_network_lets_us_through(stage: Stage, phone: Phone) -> None:
    citizen = stage.citizens.meet(CITIZEN, stage.now)
    stage.citizens.block(citizen.id, stage.now)
    phone.text("STATUS")
    assert not stage.citizens.meet(CITIZEN, stage.now).blocked


def test_how_to_attach_is_never_said_to_who_stopped_our_sms(stage: Stage, phone: Phone) -> None:
    phone.text("maji hakuna Kayole")
    phone.text("STOP")
    phone.inbox()
    phone.text("street lights are off in Dandora")
    assert len(phone.inbox()) == 1


def test_how_to_attach_names_no_secret_case(stage: Stage, phone: Phone) -> None:
    told_of_a_bribe(stage, phone)
    phone.text("no water in Lindi")
    assert len(phone.inbox()) == 1


def test_a_keyword_that_was_meant_is_done_once(stage: Stage, phone: Phone) -> None:
    phone.text("Satus")
    phone.text("yes")
    phone.inbox()
    phone.text("yes")
    assert stage.cases() == []
    assert len(Message.select().where(Message.template == "status_none")) == 1


# Without USSD


@pytest.mark.parametrize("language", ["en", "sw"])
@pytest.mark.parametrize("template", [name for name, text in TEMPLATES.items() if "{code}" in text])
def test_without_ussd_no_text_says_to_dial(ke: Pack, template: str, language: str) -> None:
    assert template + BY_SMS in TEMPLATES
    params = {"ref": "482915633", "sub": "water.none", "place": "kayole"}
    for none in (None, ""):
        text = Renderer(lambda: ke, "Mlango", none)(template, language, params)
        assert not {"dial", "Dial", "piga", "Piga"} & set(text.split())
