"""Attacks: who borrows the phone, who is reported, a network that repeats and dies, a citizen in haste."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from cases.callbacks import Callback
from cases.lifecycle import Action
from cases.models import Case
from cases.pins import PinAttempt
from menus import sessions
from menus.conversation import SECRET_KEPT
from tests.menus.conftest import LINDI
from tests.menus.stage import Phone, Stage
from tests.menus.test_secret import ABOUT_THE_COUNTY, STRANGER, TO_BRIBERY, report
from tests.together import at_once

STOLEN: Final = ["1", "6", "1"]
QUESTION: Final = (
    "On which day did it happen, at which gate of the office, and was anybody else there who saw that the money "
    "was handed over?"
)


def die_before_the_save(patch: pytest.MonkeyPatch) -> None:
    """What was done is committed; where the session stands is not."""

    def lost(*_: object) -> bool:
        raise RuntimeError("died")

    patch.setattr(sessions, "save", lost)


def ended(number: str) -> str:
    """The last five digits."""
    return number.replace("-", "")[-5:]


# Who borrows the phone


def test_what_an_office_files_as_bribery_is_not_called_so_on_the_phone(stage: Stage, phone: Phone) -> None:
    """Its citizen texted it, and has no PIN to open it with."""
    phone.text("The chief asked for money when I wanted my letter")
    (case,) = stage.cases()
    stage.office(case.ref, Action.CLASSIFY, sub="bribery.asked", place=LINDI)
    phone.dial()
    screens = [phone.send(key).text for key in ("3", "1", "2", "1")]
    assert screens[0].startswith(f"My cases\n1. {case.ref[:3]}-")
    assert not [screen for screen in screens if "money" in screen or "Lindi" in screen]


def test_a_public_draft_is_offered_once_a_secret_report_is_past_showing(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press(["1", "1", "1"])
    phone.drop()
    phone.dial()
    phone.send("00")
    phone.press([*ABOUT_THE_COUNTY, "1"])
    phone.drop()
    stage.pause(SECRET_KEPT)
    assert phone.dial().text.startswith("You stopped at: No water, Lindi")


# Who is reported


def test_the_screen_of_a_known_issue_lends_its_office_to_no_secret_report(stage: Stage, phone: Phone) -> None:
    """Who comes upon an issue of the police, goes back and reports abuse by police must not read that they get it."""
    for msisdn in ("+254733000301", "+254733000302"):
        other = stage.phone(msisdn, "en", LINDI)
        other.dial()
        other.press([*STOLEN, "1"])
    known, follower = stage.cases()
    stage.office(follower.ref, Action.DUPLICATE, master=known.id)
    phone.dial()
    assert "With Police Service" in phone.press(STOLEN).text
    screen = phone.press(["0", "4", "1", "lindi"]).text
    assert screen.startswith("IPOA gets it.")


def test_a_report_about_a_county_office_names_a_county(stage: Stage, phone: Phone) -> None:
    """Else nobody is barred from it, and it could be handed to the very office."""
    phone.dial()
    assert "Not sure" not in phone.press([*TO_BRIBERY, "1", "3", "2"]).text
    assert "I do not know" not in phone.send("zzzz").text
    assert "No place starts with 1." in phone.send("1").text
    phone.press(["nairobi", "1", "1"])
    (case,) = stage.cases()
    assert (case.place, case.about) == ("047", "COUNTY-047")


def test_a_report_about_a_chief_needs_no_place(phone: Phone) -> None:
    phone.dial()
    assert "1. Not sure" in phone.press([*TO_BRIBERY, "1", "1", "2"]).text


# The network


def test_a_wrong_pin_that_the_network_sends_again_counts_once(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, _ = report(phone)
    thief = stage.phone(STRANGER, "en")
    thief.dial()
    thief.press(["2", number])
    with monkeypatch.context() as patch:
        die_before_the_save(patch)
        assert thief.send("99x9").end
    assert "do not fit" in thief.again().text
    assert PinAttempt.select().count() == 1


def test_a_wrong_pin_that_arrives_twice_at_once_counts_once(stage: Stage, phone: Phone) -> None:
    number, _ = report(phone)
    thief = stage.phone(STRANGER, "en")
    thief.dial()
    thief.press(["2", number])
    request = thief.request(f"{thief.transcript}*99x9")
    screens = at_once(*[lambda: stage.conversation.hop(request, stage.now).text] * 4)
    assert PinAttempt.select().count() == 1
    assert len(set(screens)) == 1


def test_a_report_whose_session_is_lost_is_found_by_dialling_again(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number without its PIN would be of no use to them."""
    phone.dial()
    phone.press(ABOUT_THE_COUNTY)
    with monkeypatch.context() as patch:
        die_before_the_save(patch)
        fault = phone.send("1").text
    assert "What you entered is kept. Dial *384*96# again to finish." in fault
    phone.dial()
    assert "PIN" in phone.send("1").text
    assert len(stage.cases()) == 1


def test_words_for_a_secret_case_are_not_asked_for_by_sms(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a borrowed phone they would make a complaint that all can read."""
    number, pin = report(phone)
    borrowed = stage.phone(STRANGER, "en")
    borrowed.dial()
    borrowed.press(["2", number, pin, "1"])

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(stage.casework, "apply", broken)
        fault = borrowed.send("he asked my neighbour too").text
    assert "Nothing was saved or sent." in fault
    assert "SMS" not in fault


# The citizen in haste


def test_the_last_digits_and_the_pin_open_it_on_ones_own_phone(phone: Phone) -> None:
    """As the screen says of all numbers; three vain tries would shut it for a day."""
    number, pin = report(phone)
    phone.send("1")
    phone.dial()
    assert "Took money" in phone.press(["2", ended(number), pin]).text


def test_the_last_digits_open_nothing_on_another_phone(stage: Stage, phone: Phone) -> None:
    number, pin = report(phone)
    other = stage.phone(STRANGER, "en")
    other.dial()
    assert "do not fit" in other.press(["2", ended(number), pin]).text


@pytest.mark.parametrize("question", [QUESTION, "Siku gani? ቀን"])
def test_what_an_office_asks_about_a_secret_case_is_read_to_its_end(stage: Stage, phone: Phone, question: str) -> None:
    """No SMS has the rest of it."""
    number, pin = report(phone, how="2")
    phone.send("1")
    (case,) = stage.cases()
    stage.office(case.ref, Action.ASK, question)
    phone.dial()
    page = phone.press(["2", number, pin]).text
    pages = [page]
    while "98. More" in page:
        page = phone.send("98").text
        pages.append(page)
    read = " ".join(line for page in pages for line in page.split("\n") if line not in ("98. More", "0. Back"))
    assert read == f"EACC asks: {question} Type your answer (80 letters)."
    phone.send("on Monday")
    assert Case.get_by_id(case.id).state == "in_progress"


# By SMS, and over time


def test_an_sms_with_the_number_alone_does_nothing_to_a_secret_case(stage: Stage, phone: Phone) -> None:
    number, _ = report(phone)
    (case,) = stage.cases()
    stage.office(case.ref, Action.RESOLVE, "The officer was charged in court today.", outcome="fixed")
    for words in (f"YES {number}", f"1 {number}", f"NOT YET {number}", f"APPEAL {number}"):
        phone.text(words)
        assert Case.get_by_id(case.id).state == "resolved"


def test_what_whoever_texts_next_does_not_go_into_a_secret_case(stage: Stage, phone: Phone) -> None:
    report(phone)
    phone.inbox()
    phone.text("no water in lindi since monday")
    secret, *others = stage.cases()
    assert stage.words(secret) == []
    assert len(others) == 1


def test_a_call_asked_for_by_sms_is_never_about_a_secret_case(stage: Stage, phone: Phone) -> None:
    report(phone)
    phone.inbox()
    phone.text("CALL ME")
    assert [(one.about, one.__data__["case"]) for one in Callback.select()] == [("other", None)]


def test_a_silent_case_is_not_told_of_by_sms_even_if_asked(stage: Stage, phone: Phone) -> None:
    number, _ = report(phone, how="2")
    phone.text("STATUS 200000005")
    (unknown,) = phone.inbox()
    phone.text(f"STATUS {number}")
    (told,) = phone.inbox()
    assert told == unknown.replace("200-000-005", number)


def test_an_unfinished_secret_report_is_not_there_an_hour_later(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*TO_BRIBERY, "1", "3", "2"])
    phone.drop()
    stage.pause(timedelta(hours=1))
    assert "Make a complaint" in phone.dial().text
