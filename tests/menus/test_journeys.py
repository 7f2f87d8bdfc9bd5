"""The journeys beside lodging: history, withdrawing, a call back, advice, our SMS on and off, danger, parts."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import packs
from cases.callbacks import Callback
from cases.casework import Change
from cases.lifecycle import Action, Role
from cases.models import Case
from menus.fit import fits
from tests.menus.conftest import CITIZEN, LINDI
from tests.menus.stage import Phone, Stage

TO_CONFIRM: Final = ["1", "1", "1"]  # no water
MORE_ABOUT_IT: Final = ["3", "1", "2"]  # My cases, the first, More
NOTE: Final = "The pipe was mended on Monday afternoon."


def lodge(phone: Phone) -> Case:
    phone.dial()
    phone.press([*TO_CONFIRM, "1"])
    return phone.stage.cases()[-1]


# Looking after a case


def test_the_history_tells_what_was_done_the_newest_first(stage: Stage, phone: Phone) -> None:
    case = lodge(phone)
    stage.office(case.ref, Action.START)
    phone.dial()
    lines = phone.press([*MORE_ABOUT_IT, "1"]).text.split("\n")
    assert lines[1] == "No water, Lindi"
    assert [line.split(" ", 1)[1] for line in lines[2:5]] == [
        "Work began",
        "Sent to Nairobi Water",
        "You reported it",
    ]


def test_a_long_history_goes_on_for_pages_and_every_page_fits(stage: Stage, phone: Phone) -> None:
    case = lodge(phone)
    for _ in range(12):
        stage.office(case.ref, Action.ASK, "Where is it?")
        phone.dial()
        phone.press(["9", "at the gate"])
    phone.dial()
    page, told = phone.press([*MORE_ABOUT_IT, "1"]).text, 0
    for _ in range(20):
        assert fits(page, 140)
        told += page.count("You answered\n")
        if "98. More" not in page:
            break
        page = phone.send("98").text
    assert told == 12


def test_the_office_s_own_business_is_not_in_the_history(stage: Stage, phone: Phone) -> None:
    case = lodge(phone)
    stage.office(case.ref, Action.NOTE, "Call the depot tomorrow.")
    phone.dial()
    assert "depot" not in phone.press([*MORE_ABOUT_IT, "1"]).text


def test_the_history_has_what_an_office_s_file_says_to_the_citizen(stage: Stage, phone: Phone) -> None:
    case = lodge(phone)
    for action, words, facts in (
        (Action.START, "Crew 4, Kibera depot", {"public": True}),
        (Action.RECORD, "The crew comes on Monday.", {"public": True}),
        (Action.RECORD, "\u12cd\u1203 \u12e8\u1208\u121d", {"public": True}),
        (Action.RECORD, "What was written before they reopened", {"public": True, "stale": True}),
        (Action.RECORD, "The valve is by the gate.", {}),
    ):
        stage.pause()
        file = Change(action, None, "csv", stage.draw(), case.id, Role.SYNC, facts, words, office=case.agency)
        stage.casework.apply(file, stage.now)
    phone.dial()
    lines = phone.press([*MORE_ABOUT_IT, "1"]).text.split("\n")
    assert [line.split(" ", 1)[1] for line in lines[2:5]] == [
        "The crew comes on Monday.",
        "Work began: Crew 4, Kibera depot",
        "Sent to Nairobi Water",
    ]


def test_withdrawing_is_confirmed_first_and_can_be_taken_back(stage: Stage, phone: Phone) -> None:
    case = lodge(phone)
    phone.dial()
    assert "It will be closed." in phone.press([*MORE_ABOUT_IT, "3"]).text
    assert Case.get_by_id(case.id).state == "assigned"
    assert phone.send("1").end
    assert Case.get_by_id(case.id).state == "withdrawn"
    assert "withdrawn" in phone.inbox()[-1]  # who did not do it hears of it
    phone.dial()
    assert "Take it up again" in phone.press(["3", "1"]).text
    assert "goes on with Nairobi Water" in phone.send("1").text
    assert Case.get_by_id(case.id).state == "assigned"


def test_after_a_week_a_withdrawal_stays(stage: Stage, phone: Phone) -> None:
    case = lodge(phone)
    phone.dial()
    phone.press([*MORE_ABOUT_IT, "3", "1"])
    stage.pause(timedelta(days=8))
    phone.dial()
    assert "Take it up again" not in phone.press(["3", "1"]).text
    assert "Not on the list." in phone.send("1").text
    assert Case.get_by_id(case.id).state == "withdrawn"


def test_a_decided_case_cannot_be_withdrawn_by_a_stale_screen(stage: Stage, phone: Phone) -> None:
    case = lodge(phone)
    phone.dial()
    phone.press([*MORE_ABOUT_IT, "3"])
    stage.office(case.ref, Action.RESOLVE, NOTE, outcome="fixed")
    assert "changed meanwhile" in phone.send("1").text
    assert Case.get_by_id(case.id).state == "resolved"


def test_a_link_cannot_withdraw(stage: Stage, phone: Phone) -> None:
    """A deep dial stops before whatever changes something."""
    case = lodge(phone)
    screen = phone.dial(f"*384*96*2*{case.ref}*2*3*1#")
    assert not screen.end
    assert Case.get_by_id(case.id).state == "assigned"


# A call back


def test_a_call_is_promised_for_the_next_working_day_once(stage: Stage, phone: Phone) -> None:
    phone.dial()
    screen = phone.send("5").text
    assert "We call this phone, free for you, by " in screen
    assert "My open case" not in screen
    assert "We will call you by " in phone.send("1").text
    phone.dial()
    phone.press(["5", "3"])
    assert [(one.about, one.done_at) for one in Callback.select()] == [("other", None)]


def test_a_call_about_a_case_names_it(stage: Stage, phone: Phone) -> None:
    case = lodge(phone)
    phone.dial()
    phone.press([*MORE_ABOUT_IT, "2"])
    (asked,) = Callback.select()
    assert (asked.about, asked.__data__["case"]) == ("case", case.id)


# Advice, our SMS, letters, languages


def test_advice_is_read_by_category_and_by_pages(stage: Stage, phone: Phone) -> None:
    phone.dial()
    assert phone.send("4").text.startswith("Advice about:")
    assert phone.send("2").text.startswith("Choose a question:")
    page, read = phone.send("1").text.partition("\n")[2], ""
    for _ in range(8):
        assert fits(page, 140)
        read += " ".join(line for line in page.split("\n") if not re.match(r"\d+\. ", line)) + " "
        if "98. More" not in page:
            break
        page = phone.send("98").text
    pack = packs.current()
    water = pack.faqs_of(pack.menu()[0].code)[0]
    assert read.split() == water.answer["en"].split()


def test_our_sms_are_stopped_and_started_by_a_key(stage: Stage, phone: Phone) -> None:
    phone.dial()
    assert "Stop your SMS to me" in phone.send("7").text
    assert phone.send("1").end
    assert stage.citizens.meet(CITIZEN, stage.now).stopped
    phone.dial()
    assert "SMS me again" in phone.send("7").text
    phone.send("1")
    assert not stage.citizens.meet(CITIZEN, stage.now).stopped


def test_the_letters_of_our_sms_are_a_choice(stage: Stage, phone: Phone) -> None:
    for key, style in (("3", "marks"), ("2", "plain"), ("1", "auto")):
        phone.dial()
        phone.press(["7", "2"])
        assert phone.send(key).end
        assert stage.citizens.meet(CITIZEN, stage.now).letters == style


# Danger, parts of a place, one more question


def test_a_dangerous_kind_shows_the_emergency_numbers_first_and_goes_on(stage: Stage, phone: Phone) -> None:
    phone.dial()
    screen = phone.press(["1", "2", "2"]).text  # a fallen line
    assert all(number in screen for number in ("999", "112", "1195", "116"))
    assert "Fallen line" in phone.send("1").text
    phone.send("1")
    assert len(stage.cases()) == 1


def test_words_of_danger_are_kept_and_show_the_numbers(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*TO_CONFIRM, "2"])
    assert "999" in phone.send("the house is on fire").text
    (case,) = stage.cases()
    assert stage.words(case) == ["the house is on fire"]
    assert "Type more" in phone.send("1").text


def test_a_poster_s_keys_end_at_the_emergency_numbers(stage: Stage, phone: Phone) -> None:
    assert "999" in phone.dial("*384*96*1*2*2*1#").text


def test_kibera_which_part(stage: Stage) -> None:
    new = stage.phone(CITIZEN, "en")
    new.dial()
    screen = new.press([*TO_CONFIRM, "kibera"]).text
    assert screen.startswith("Kibera: which part?")
    assert "Lindi" in screen
    key = next(line[0] for line in screen.split("\n") if line.endswith("Lindi"))
    assert "No water, Lindi." in new.send(key).text
    new.send("1")
    assert [case.place for case in stage.cases()] == [LINDI]


def test_who_does_not_know_the_part_names_the_whole(stage: Stage) -> None:
    new = stage.phone(CITIZEN, "en")
    new.dial()
    assert "No water, Kibera." in new.press([*TO_CONFIRM, "kibera", "9"]).text


def test_the_one_more_question_comes_after_the_number_and_is_kept_with_its_name(stage: Stage, phone: Phone) -> None:
    phone.dial()
    screen = phone.press(["1", "5", "1", "nya", "1", "1"]).text
    assert screen.startswith("Saved: ")
    assert "Application number?" in screen
    phone.send("E12345")
    (case,) = stage.cases()
    assert stage.words(case) == ["Application number: E12345"]


def test_who_has_no_application_number_is_done(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press(["1", "5", "1", "nya", "1", "1"])
    assert phone.send("1").end


def test_words_as_long_as_the_network_carries_are_kept_and_the_rest_is_asked_for(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*TO_CONFIRM, "2"])
    long = "x" * 79 + "y"
    assert "may have cut it" in phone.send(long).text
    (case,) = stage.cases()
    assert stage.words(case) == [long]
