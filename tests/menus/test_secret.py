"""Reports in confidence: made by keys alone, found by number and PIN alone, told to nobody who borrows the phone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import pytest

import packs
from cases.lifecycle import Action
from cases.models import Case
from tests.menus.conftest import CITIZEN, LINDI
from tests.menus.stage import Phone, Stage

STRANGER: Final = "+254733000111"
TO_BRIBERY: Final = ["1", "8"]
ABOUT_THE_COUNTY: Final = [*TO_BRIBERY, "1", "3", "2", "lindi"]  # a county office took money
GIVEN_AWAY: Final = re.compile(r"brib|money|secret|county|lindi|EACC", re.IGNORECASE)


def report(phone: Phone, how: str = "1") -> tuple[str, str]:
    """A secret report by keys; its number and PIN as they stand on the screen."""
    phone.dial()
    screen = phone.press([*ABOUT_THE_COUNTY, how]).text
    number = re.search(r"Number (\S+)", screen)
    pin = re.search(r"PIN (\d{4})", screen)
    assert number
    assert pin
    return number[1], pin[1]


def test_a_report_by_keys_gives_number_and_pin_and_goes_past_the_office_it_names(stage: Stage, phone: Phone) -> None:
    number, pin = report(phone)
    last = phone.send("1")
    assert last.end
    assert number in last.text
    assert f"PIN {pin}" in last.text
    (case,) = stage.cases()
    assert (case.visibility, case.sub, case.about, case.place) == ("confidential", "bribery.took", "COUNTY-047", LINDI)
    assert case.agency not in packs.current().kin("COUNTY-047")


def test_nine_inputs_from_the_first_dial_to_the_number(stage: Stage) -> None:
    """The dial included; one more where the place stands in a list. Ten are promised."""
    new = stage.phone(STRANGER)
    new.dial()
    screen = new.press(["1", "1", "8", "1", "3", "2", "lindi"]).text
    assert "gets it, not the office you named" in screen
    assert "PIN" in new.send("1").text


def test_who_hides_their_number_is_anonymous_to_the_office(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*TO_BRIBERY, "2", "3", "2", "lindi", "1"])
    assert [case.visibility for case in stage.cases()] == ["anonymous"]


def test_abuse_by_police_is_secret_and_asks_neither_who_nor_what(stage: Stage, phone: Phone) -> None:
    phone.dial()
    screen = phone.press(["1", "6", "4"]).text
    assert "SECRET REPORT" in screen
    assert "999" in screen  # it may be happening now
    assert "Where is the problem?" in phone.send("1").text
    phone.press(["lindi", "1"])
    (case,) = stage.cases()
    assert (case.sub, case.about, case.agency) == ("police.abuse", "NPS", "IPOA")


def test_what_they_type_is_kept_with_the_report(stage: Stage, phone: Phone) -> None:
    report(phone)
    assert "Type more" in phone.send("on Monday, 5000 shillings").text
    (case,) = stage.cases()
    assert stage.words(case) == ["on Monday, 5000 shillings"]


def test_the_phone_gives_nothing_away_afterwards(stage: Stage, phone: Phone) -> None:
    number, _ = report(phone)
    phone.send("1")
    home = phone.dial().text
    assert number not in home
    assert not GIVEN_AWAY.search(home)
    assert "This phone has no complaint yet." in phone.send("3").text
    phone.dial()
    assert "Lindi" not in phone.press(["1", "8", "1", "3", "2"]).text
    stage.pause(timedelta(days=2))
    assert stage.citizens.meet(CITIZEN, stage.now).place == LINDI  # where they were before; not moved by the report


def test_the_last_place_is_not_learnt_from_a_report(stage: Stage) -> None:
    new = stage.phone(STRANGER, "en")
    report(new)
    assert stage.citizens.meet(STRANGER, stage.now).place is None


def test_sms_about_it_never_say_what_it_is_about(stage: Stage, phone: Phone) -> None:
    report(phone)
    (case,) = stage.cases()
    stage.office(case.ref, Action.START)
    stage.office(case.ref, Action.RESOLVE, "The officer was charged in court today.", outcome="fixed")
    texts = phone.inbox()
    assert texts
    assert not [text for text in texts if GIVEN_AWAY.search(text) or "court" in text]


def test_no_sms_at_all_if_they_said_so(stage: Stage, phone: Phone) -> None:
    report(phone, how="2")
    (case,) = stage.cases()
    stage.office(case.ref, Action.RESOLVE, "The officer was charged in court today.", outcome="fixed")
    assert phone.inbox() == []


def test_number_and_pin_open_it_on_any_phone(stage: Stage, phone: Phone) -> None:
    number, pin = report(phone)
    borrowed = stage.phone(STRANGER, "en")
    borrowed.dial()
    assert "If you were given a PIN, type it." in borrowed.press(["2", number]).text
    opened = borrowed.send(pin).text
    assert number in opened
    assert "Took money" in opened
    assert "You reported it" in borrowed.press(["2", "1"]).text
    borrowed.press(["0", "0", "1", "he asked my neighbour too"])
    (case,) = stage.cases()
    assert stage.words(case) == ["he asked my neighbour too"]


def test_what_the_office_asks_can_be_answered_from_any_phone(stage: Stage, phone: Phone) -> None:
    number, pin = report(phone)
    (case,) = stage.cases()
    stage.office(case.ref, Action.ASK, "On which day was it?")
    borrowed = stage.phone(STRANGER, "en")
    borrowed.dial()
    assert "On which day was it?" in borrowed.press(["2", number, pin]).text
    assert borrowed.send("on a Monday").end
    assert Case.get_by_id(case.id).state == "in_progress"
    assert stage.words(case)[-1] == "on a Monday"


def test_nobody_is_called_about_it(stage: Stage, phone: Phone) -> None:
    number, pin = report(phone)
    phone.dial()
    assert "Call me" not in phone.press(["2", number, pin, "2"]).text


@pytest.mark.parametrize("kind", ["absent", "foreign", "secret", "own secret", "mistyped"])
def test_all_numbers_that_are_not_ones_own_look_the_same(stage: Stage, phone: Phone, kind: str) -> None:
    number, _ = report(phone)
    phone.send("1")
    lodger = stage.phone("+254733000222", "en", LINDI)
    lodger.dial()
    lodger.press(["1", "1", "1", "1"])
    public = next(case.ref for case in stage.cases() if case.visibility == "public")
    asked = {"absent": "200000005", "foreign": public, "secret": number, "own secret": number, "mistyped": "12"}[kind]
    other = phone if kind == "own secret" else stage.phone(STRANGER, "en")
    other.dial()
    asks = "No such case for this phone. If you were given a PIN, type it.\n1. Try another number\n0. Back"
    again = "Number and PIN do not fit. Type the PIN again.\n1. Try another number\n0. Back"
    assert other.press(["2", asked]).text == asks
    assert [other.send("99x9").text for _ in range(2)] == [again] * 2
    third = other.send("99x9")
    assert third.text == again
    locked = other.send("99x9")
    assert (locked.text.startswith("Too many tries."), locked.end) == (True, True)


def test_after_three_wrong_tries_even_the_right_pin_is_not_looked_at(stage: Stage, phone: Phone) -> None:
    number, pin = report(phone)
    thief = stage.phone(STRANGER, "en")
    thief.dial()
    thief.press(["2", number, "99x9", "99x9", "99x9"])
    assert thief.send(pin).text.startswith("Too many tries.")
    stage.pause(timedelta(hours=25))
    thief.dial()
    assert "Took money" in thief.press(["2", number, pin]).text


def test_a_dropped_report_says_nothing_of_itself_and_goes_on_or_is_deleted(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*TO_BRIBERY, "1", "3", "2"])
    phone.drop()
    offered = phone.dial().text
    assert offered == "You did not finish last time.\n1. Go on\n2. Delete it\n00. Home"
    assert "Where is the problem?" in phone.send("1").text
    phone.drop()
    phone.dial()
    assert "Make a complaint" in phone.send("2").text
    phone.drop()
    assert "Make a complaint" in phone.dial().text


def test_number_and_pin_are_shown_again_to_who_dials_at_once_but_not_an_hour_later(stage: Stage, phone: Phone) -> None:
    number, pin = report(phone)
    phone.drop()
    assert number not in phone.dial().text
    assert f"PIN {pin}" in phone.send("1").text
    phone.drop()
    stage.pause(timedelta(hours=1))
    home = phone.dial().text
    assert "Make a complaint" in home
    assert number not in home


def test_a_repeated_request_shows_the_same_number_and_pin(stage: Stage, phone: Phone) -> None:
    number, pin = report(phone)
    again = phone.again().text
    assert number in again
    assert f"PIN {pin}" in again
    assert len(stage.cases()) == 1
