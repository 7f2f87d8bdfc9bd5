from __future__ import annotations

from datetime import timedelta

import pytest

import packs
from cases.lifecycle import Action
from cases.models import Citizen
from menus import sessions
from menus.engine import State
from menus.insight import Counts, Insight, funnel
from menus.reminders import AT_MOST_EVERY, Reminders, may_be_named
from menus.sessions import DRAFT_LIFE, PAUSE, SILENCE, SmsQuestion, UssdSession
from packs.model import Pack
from tests.menus.conftest import CITIZEN
from tests.menus.stage import Phone, Stage
from tests.together import at_once

REMINDER = (
    "Mlango: the line dropped: No water, Lindi. Reply 1 to send it now, or reply with more words. "
    "Or dial *384*96# and press 1."
)
SECOND = timedelta(seconds=1)


def reminders_of(stage: Stage) -> Reminders:
    return Reminders(stage.citizens, packs.current, Insight(packs.current, stage._log), stage._log)


@pytest.fixture
def reminders(stage: Stage) -> Reminders:
    return reminders_of(stage)


def begin(phone: Phone, *keys: str) -> None:
    """Dial and get as far as the confirm screen, or as these keys lead."""
    phone.dial()
    phone.press(keys or ("1", "1", "1"))


def reminded(reminders: Reminders, phone: Phone, after: timedelta = PAUSE) -> list[str]:
    """The SMS that come of a look some time from now."""
    phone.stage.pause(after)
    reminders.look(phone.stage.now)
    return phone.inbox()


def test_a_draft_that_was_left_gets_one_sms(reminders: Reminders, phone: Phone) -> None:
    begin(phone)
    phone.drop()
    assert reminded(reminders, phone, PAUSE - SECOND) == []
    assert reminded(reminders, phone, SECOND) == [REMINDER]
    assert reminded(reminders, phone, DRAFT_LIFE) == []
    assert [question.kind for question in SmsQuestion.select()] == ["draft"]


def test_who_says_nothing_for_three_minutes_has_dropped_too(reminders: Reminders, phone: Phone) -> None:
    begin(phone)
    assert reminded(reminders, phone, SILENCE - SECOND) == []
    assert reminded(reminders, phone, SECOND) == [REMINDER]
    assert UssdSession.get().ended == sessions.SILENT


def test_without_a_place_none_is_named(stage: Stage, reminders: Reminders) -> None:
    phone = stage.phone("+254722000002", "en")
    begin(phone)
    phone.drop()
    assert reminded(reminders, phone) == [REMINDER.replace(", Lindi", "")]


def test_it_is_in_the_language_of_the_citizen(reminders: Reminders, phone: Phone, stage: Stage) -> None:
    stage.citizens.set_language(stage.citizens.meet(CITIZEN, stage.now).id, "sw")
    begin(phone)
    phone.drop()
    stage.pause(PAUSE)
    reminders.look(stage.now)
    (sms,) = phone.inbox()
    assert sms.startswith("Mlango: Simu ilikatika: Hakuna maji, Lindi.")


@pytest.mark.parametrize(
    "keys",
    [
        (),  # the home screen
        ("1", "1"),  # no sub-category yet
        ("2", "482915633"),  # looking for a case
        ("1", "8"),  # what is secret
        ("1", "6", "4"),
        ("1", "9", "6"),  # "Other, not sure" says nothing without words
        ("1", "1", "1", "2"),  # it was lodged; only words were to be added
        ("1", "1", "1", "1"),  # it was lodged, and the session was over
    ],
    ids=" ".join,
)
def test_nothing_is_said_where_there_is_nothing_to_finish_or_it_is_secret(
    reminders: Reminders, phone: Phone, keys: tuple[str, ...]
) -> None:
    phone.dial()
    if keys:
        phone.press(keys)
    phone.inbox()
    phone.drop()
    assert reminded(reminders, phone, SILENCE) == []


def test_other_not_sure_with_words_is_worth_finishing(reminders: Reminders, phone: Phone) -> None:
    begin(phone, "1", "9", "6", "the bridge at the river is closed")
    phone.drop()
    (sms,) = reminded(reminders, phone)
    assert sms.startswith("Mlango: the line dropped: ")


def test_who_dialled_again_is_not_reminded(reminders: Reminders, phone: Phone) -> None:
    begin(phone)
    phone.drop()
    phone.dial()
    phone.drop()
    assert reminded(reminders, phone, SILENCE) == []


def test_who_stopped_our_sms_is_not_reminded(reminders: Reminders, phone: Phone) -> None:
    begin(phone)
    phone.drop()
    phone.text("STOP")
    phone.inbox()
    assert reminded(reminders, phone) == []


def test_at_most_one_a_day(reminders: Reminders, phone: Phone) -> None:
    for wanted in ([REMINDER], [], [REMINDER]):
        begin(phone) if wanted and not phone.session else again(phone)
        phone.drop()
        assert reminded(reminders, phone) == wanted
        phone.stage.pause(AT_MOST_EVERY / 2)


def again(phone: Phone) -> None:
    """Start anew, past what is offered to be resumed."""
    phone.dial()
    phone.press(("00", "1", "1", "1"))


def test_what_was_left_a_day_ago_is_past(reminders: Reminders, phone: Phone) -> None:
    """The relay was down meanwhile."""
    begin(phone)
    phone.drop()
    assert reminded(reminders, phone, DRAFT_LIFE) == []


def test_two_relays_that_look_at_once_send_one(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    begin(phone)
    stage.pause(SILENCE)
    other = reminders_of(stage)
    assert sum(at_once(lambda: reminders.look(stage.now), lambda: other.look(stage.now))) == 1
    assert phone.inbox() == [REMINDER]
    assert funnel(stage.now.date(), stage.now.date())["confirm"].dropped == 1


def test_what_was_erased_is_passed_over(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    begin(phone)
    phone.drop()
    Citizen.update(data_key=None).execute()
    stage.pause(PAUSE)
    assert reminders.look(stage.now) == 0
    assert sessions.to_look_at(stage.now, 9) == []


def test_a_session_that_cannot_be_read_keeps_no_other_from_being_looked_at(
    stage: Stage, reminders: Reminders, phone: Phone
) -> None:
    begin(stage.phone("+254722000002", "en"))
    UssdSession.update(sealed=b"garbled").execute()
    begin(phone)
    assert reminded(reminders, phone, SILENCE) == [REMINDER]
    assert [fault["event"] for fault in stage.faults] == ["session_not_looked_at"]
    assert sessions.to_look_at(stage.now, 9) == []


def test_a_silent_session_is_counted_once_where_it_fell_silent(
    stage: Stage, reminders: Reminders, phone: Phone
) -> None:
    begin(phone, "1", "1")
    for _ in range(3):
        stage.pause(SILENCE)
        reminders.look(stage.now)
    assert funnel(stage.now.date(), stage.now.date())["sub"] == Counts(dropped=1)


def test_a_session_that_goes_on_late_is_not_lost(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    """A slow network delivers a key after three minutes."""
    begin(phone, "1", "1")
    stage.pause(SILENCE)
    reminders.look(stage.now)
    assert "Send to" in phone.send("1").text
    assert UssdSession.get().ended is None
    phone.drop()
    assert reminded(reminders, phone) == [REMINDER]


# What comes of it


def left(phone: Phone, reminders: Reminders) -> None:
    begin(phone)
    phone.drop()
    assert reminded(reminders, phone) == [REMINDER]


def test_1_lodges_it(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    left(phone, reminders)
    phone.text("1")
    (case,) = stage.cases()
    assert (case.sub, stage.words(case), case.channel) == ("water.none", [], "sms")
    (sms,) = phone.inbox()
    assert sms.startswith("Mlango: Complaint ")
    assert "received: No water, Lindi." in sms


def test_words_are_lodged_with_it(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    left(phone, reminders)
    phone.text("since Monday, the whole street")
    (case,) = stage.cases()
    assert stage.words(case) == ["since Monday, the whole street"]


def test_words_typed_on_the_screen_come_first(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    begin(phone, "1", "9", "6", "the bridge is closed")
    phone.drop()
    reminded(reminders, phone)
    phone.text("we cannot cross")
    (case,) = stage.cases()
    assert stage.words(case) == ["the bridge is closed\nwe cannot cross"]


def test_no_leaves_it_for_the_screen(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    left(phone, reminders)
    phone.text("no")
    assert stage.cases() == []
    assert phone.inbox()[0].startswith("Mlango: all right, nothing was sent.")
    phone.text("1")
    assert stage.cases() == []
    assert phone.dial().text.startswith("You stopped at: No water")


def test_after_it_was_lodged_by_sms_the_screen_says_so(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    left(phone, reminders)
    phone.text("1")
    assert "is saved." in phone.dial().text


@pytest.mark.parametrize("texts", [("1",), ("since Monday",), ("1", "1"), ("1", "since Monday")])
def test_a_draft_never_makes_two_cases(
    stage: Stage, reminders: Reminders, phone: Phone, texts: tuple[str, ...]
) -> None:
    """It was finished on the screen before they answered the SMS."""
    left(phone, reminders)
    phone.dial()
    phone.press(("1", "1"))
    phone.inbox()
    for text in texts:
        phone.text(text)
        assert len(phone.inbox()) == 1, "they hear what became of it"
    (case,) = stage.cases()
    assert stage.words(case) == (["since Monday"] if "since Monday" in texts else [])


def test_what_was_lodged_in_the_same_session_after_all_gets_the_words(
    stage: Stage, reminders: Reminders, phone: Phone
) -> None:
    """They were slow, not gone: the SMS came while they still looked at the screen."""
    begin(phone)
    assert reminded(reminders, phone, SILENCE) == [REMINDER]
    phone.send("2")
    phone.inbox()
    phone.text("1")
    phone.text("since Monday")
    (case,) = stage.cases()
    assert stage.words(case) == ["since Monday"]
    status, added = phone.inbox()
    assert status.startswith(case.ref[:3])
    assert added.startswith("Mlango: added to ")


def test_1_said_twice_says_how_it_stands(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    left(phone, reminders)
    phone.text("1")
    phone.inbox()
    phone.text("1")
    (case,) = stage.cases()
    assert phone.inbox()[0].startswith(case.ref[:3]), "its status"


def test_what_is_asked_later_about_a_case_comes_first(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    begin(phone, "1", "1", "1", "1")
    (case,) = stage.cases()
    begin(phone, "1", "2", "1")
    phone.drop()
    reminded(reminders, phone)
    stage.office(case.ref, Action.RESOLVE, "The pipe is mended, water is back.", outcome="fixed")
    phone.inbox()
    phone.text("1")
    assert [one.state for one in stage.cases()] == ["closed"]


def test_after_a_day_1_is_no_answer_any_more(stage: Stage, reminders: Reminders, phone: Phone) -> None:
    left(phone, reminders)
    stage.pause(DRAFT_LIFE)
    phone.text("1")
    assert stage.cases() == []
    assert "SMS your problem and place" in phone.inbox()[0]


def test_only_what_the_pack_still_knows_is_named(ke: Pack) -> None:
    assert may_be_named(State("confirm", draft={"sub": "water.none", "place": "1387"}), ke)
    for draft in ({"sub": "water.gone"}, {"sub": "water.none", "place": "gone"}, {}):
        assert not may_be_named(State("confirm", draft=draft), ke)
    assert not may_be_named(State("confirm", draft={"sub": "water.none", "secret": "confidential"}), ke)
