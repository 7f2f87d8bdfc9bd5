"""Attacks by text message: answers meant for something else, drafts in two hands, packs that change, keys that go."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

import pytest

import packs
from cases import callbacks
from cases.lifecycle import Action
from cases.models import Citizen
from menus import sessions
from menus.sessions import PAUSE, SILENCE, UssdSession
from packs.model import Pack
from sms_gateway import africastalking
from sms_gateway.gateway import Mo
from tests.menus.conftest import LINDI
from tests.menus.stage import SHORT, Phone, Stage, with_version
from tests.together import at_once

DRAFT: Final = ("1", "1", "1")  # no water, in Lindi: as far as the confirm screen
DIRTY: Final = ("1", "1", "2")  # dirty water there


def leave(phone: Phone, *keys: str) -> str:
    """A draft is left, and its citizen reminded: what the SMS says."""
    phone.dial()
    phone.press(keys or DRAFT)
    phone.drop()
    phone.stage.pause(PAUSE)
    phone.stage.remind()
    (sms,) = phone.inbox()
    return sms


def resolved(phone: Phone) -> str:
    """The number of a case of theirs that an office says is solved."""
    phone.dial()
    phone.press([*DIRTY, "1"])
    (case,) = phone.stage.cases()
    phone.stage.office(case.ref, Action.RESOLVE, "The pipe is mended, water is back.", outcome="fixed")
    phone.inbox()
    return str(case.ref)


# A draft that is finished by SMS


@pytest.mark.parametrize(
    "words", ["No, the water came back", "Hapana, maji yamerudi", "no. forget it", "Not yet, I wait"]
)
def test_who_says_no_in_a_sentence_sends_nothing(stage: Stage, phone: Phone, words: str) -> None:
    leave(phone)
    phone.text(words)
    assert stage.cases() == []
    assert phone.inbox()[0].startswith("Mlango: all right, nothing was sent.")


def test_no_water_is_no_refusal(stage: Stage, phone: Phone) -> None:
    leave(phone)
    phone.text("No water since Monday")
    (case,) = stage.cases()
    assert stage.words(case) == ["No water since Monday"]


def test_what_became_secret_in_the_same_session_is_never_lodged_by_sms(stage: Stage, phone: Phone) -> None:
    """The SMS came while they were still at the screen; then they report a bribe there."""
    phone.dial()
    phone.press(DRAFT)
    stage.pause(SILENCE)
    stage.remind()
    phone.inbox()
    phone.press(["00", "1", "8", "1", "1", "1"])
    phone.text("1")
    assert stage.cases() == []


def test_another_draft_of_the_same_session_is_not_the_one_we_asked_about(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press(DRAFT)
    stage.pause(SILENCE)
    stage.remind()
    phone.inbox()
    phone.press(["00", *DIRTY])
    phone.text("1")
    assert [case.sub for case in stage.cases()] in ([], ["water.none"])


@pytest.mark.parametrize("gone", ["sub", "place"])
def test_a_draft_is_lodged_though_the_pack_does_not_know_all_of_it_any_more(
    stage: Stage, phone: Phone, ke: Pack, gone: str
) -> None:
    leave(phone)
    if gone == "sub":
        left = with_version(ke, subs={code: sub for code, sub in ke.subs.items() if code != "water.none"})
    else:
        left = with_version(ke, places={code: place for code, place in ke.places.items() if code != LINDI})
    packs.publish(left, stage.now)
    phone.text("the tap is dry")
    assert stage.faults == []
    (case,) = stage.cases()
    assert stage.words(case) == ["the tap is dry"]


def test_a_draft_that_dropped_once_more_after_it_was_resumed_is_still_lodged_by_1(stage: Stage, phone: Phone) -> None:
    leave(phone)
    phone.dial()
    phone.send("1")
    phone.drop()
    phone.text("1")
    (case,) = stage.cases()
    assert case.sub == "water.none"
    assert "is saved." in phone.dial().text


def test_a_draft_that_was_given_up_on_the_screen_is_not_lodged_by_1(stage: Stage, phone: Phone) -> None:
    leave(phone)
    phone.dial()
    phone.press(["2"])
    phone.drop()
    phone.text("1")
    assert stage.cases() == []


@pytest.mark.parametrize("words", ["1", "since Monday"])
def test_the_key_and_the_sms_at_once_make_one_case(stage: Stage, phone: Phone, words: str) -> None:
    leave(phone)
    phone.dial()
    phone.send("1")
    key = phone.request("1*1")
    at_once(
        partial(stage.conversation.hop, key, stage.now),
        partial(
            stage.texting.receive, Mo(africastalking.NAME, stage.draw(), phone.msisdn, SHORT, words, None), stage.now
        ),
    )
    stage.pause(timedelta(minutes=1))
    stage.texting.retry(stage.now)
    (case,) = stage.cases()
    assert stage.words(case) == ([words] if words != "1" else [])


@pytest.mark.parametrize(
    "words",
    ["STATUS", "STOP", "HELP", "hello", "asante", "LANG SW", "CALL ME", "482915633", "ME TOO 482915633", "?", "3"],
)
def test_a_keyword_or_a_courtesy_finishes_no_draft(stage: Stage, phone: Phone, words: str) -> None:
    leave(phone)
    phone.text(words)
    assert stage.cases() == []


# Two questions at once


def test_what_they_say_of_a_solved_case_is_not_sent_with_a_draft(stage: Stage, phone: Phone) -> None:
    """BADO answers "is it solved?", which was asked before the reminder."""
    resolved(phone)
    leave(phone)
    phone.text("BADO maji hayajafika kabisa")
    phone.text("2")
    (case,) = stage.cases()
    assert (case.sub, case.state) == ("water.dirty", "assigned")
    assert stage.words(case)[-1] == "BADO maji hayajafika kabisa"


def test_another_kind_of_problem_is_a_complaint_of_its_own(stage: Stage, phone: Phone) -> None:
    leave(phone)
    phone.text("there are potholes on the road in Kayole")
    (case,) = stage.cases()
    assert case.category == "roads", "it is filed as what its words say"
    assert phone.dial().text.startswith("You stopped at: No water")


def test_nobody_is_reminded_of_a_draft_while_an_officer_waits_for_words(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*DIRTY, "1"])
    (case,) = stage.cases()
    stage.office(case.ref, Action.ASK, "Which house is it?")
    phone.dial()
    phone.press(["00", *DRAFT])
    phone.drop()
    stage.pause(PAUSE)
    stage.remind()
    phone.inbox()
    phone.text("house 14, the blue gate")
    assert len(stage.cases()) == 1
    assert stage.words(case)[-1] == "house 14, the blue gate"


def test_no_after_the_call_was_made_is_about_the_case_again(stage: Stage, phone: Phone) -> None:
    resolved(phone)
    phone.text("CALL ME")
    (call,) = callbacks.waiting()
    callbacks.settle(call.id, "reached", stage.now)
    phone.text("NO")
    assert [case.state for case in stage.cases()] == ["assigned"]


def test_who_asks_for_a_call_all_day_is_still_heard_about_their_case(stage: Stage, phone: Phone) -> None:
    resolved(phone)
    for _ in range(25):
        phone.text("CALL ME")
    phone.text("1")
    assert [case.state for case in stage.cases()] == ["closed"]


def test_no_cancels_the_call_once_and_then_speaks_of_the_case(stage: Stage, phone: Phone) -> None:
    resolved(phone)
    phone.text("CALL ME")
    phone.text("CALL ME")
    phone.text("NO")
    assert callbacks.waiting() == []
    phone.text("NO")
    assert [case.state for case in stage.cases()] == ["assigned"]


# Reminders


def test_one_citizen_without_a_key_keeps_no_other_from_being_reminded(stage: Stage, phone: Phone) -> None:
    lost = stage.phone("+254722000002", "en", LINDI)
    for one in (lost, phone):
        one.dial()
        one.press(DRAFT)
        one.drop()
    Citizen.update(data_key=b"\x00" * 60).where(Citizen.id == UssdSession.select().first().citizen_id).execute()
    stage.pause(PAUSE)
    stage.remind()
    assert len(phone.inbox()) == 1
    assert sessions.to_look_at(stage.now, 9) == []


def test_a_reminder_that_waits_in_the_queue_is_not_sent_once_the_draft_is_lodged(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press(DRAFT)
    phone.drop()
    stage.pause(PAUSE)
    stage.remind()
    phone.dial()
    phone.press(["1", "1"])
    assert [text for text in phone.inbox() if "the line dropped" in text] == []
