"""The shell of USSD: one case whatever the network repeats, the truth whatever fails, nothing of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from peewee import OperationalError

import packs
from cases.casework import Casework
from cases.citizens import Citizens
from cases.models import Case, Citizen
from menus import sessions
from menus.fit import fits
from menus.screens import FAULTS
from menus.sessions import Reply, UssdSession
from packs import published
from store import database
from tests.menus import stage as stages
from tests.menus.conftest import CITIZEN, LINDI
from tests.menus.stage import Phone, Stage
from tests.together import at_once

TO_CONFIRM: Final = ["1", "1", "1"]
Break = Callable[..., None]


def numbers(replies: list[Reply]) -> set[str]:
    return {line for reply in replies for line in reply.text.split("\n") if line.startswith("Case number")}


# One draft, one case


def test_four_identical_final_callbacks_at_once_make_one_case_and_one_number(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press(TO_CONFIRM)
    final = phone.request("1*1*1*1")
    replies = at_once(*[lambda: stage.conversation.hop(final, stage.now)] * 4)
    assert len(replies) == 4
    assert len(stage.cases()) == 1
    assert len(set(replies)) == 1
    assert len(numbers(replies)) == 1
    assert stage.faults == []
    assert len(phone.inbox()) == 1


def test_four_first_dials_at_once_are_one_citizen_and_one_session(stage: Stage) -> None:
    new = stage.phone(CITIZEN)
    new.session = stage.draw()
    replies = at_once(*[lambda: stage.conversation.hop(new.request(""), stage.now)] * 4)
    assert len(replies) == 4
    assert len(set(replies)) == 1
    assert (Citizen.select().count(), UssdSession.select().count(), stage.faults) == (1, 1, [])


def test_a_crash_between_case_and_session_shows_the_same_number_to_the_repeated_request(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.dial()
    phone.press(TO_CONFIRM)
    fail(monkeypatch, sessions, "save", times=1)
    first = phone.send("1")
    (case,) = stage.cases()
    assert (first.end, number(case) in first.text) == (True, True)
    again = phone.again()
    assert numbers([again]) == {f"Case number {number(case)}"}
    assert len(stage.cases()) == 1
    assert len(phone.inbox()) == 1


def test_a_crash_between_case_and_session_is_found_at_the_next_dial(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.dial()
    phone.press(TO_CONFIRM)
    fail(monkeypatch, sessions, "save", times=1)
    phone.send("2")
    (case,) = stage.cases()
    assert phone.dial().text.startswith(f"{number(case)} is saved.\n1. Add words to it")
    assert "by 26/11/2026" in phone.press(["1", "since Monday", "1"]).text
    assert stage.words(case) == ["since Monday"]


def test_words_of_a_repeated_request_are_added_once(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.dial()
    phone.press([*TO_CONFIRM, "2"])
    fail(monkeypatch, sessions, "save", times=1)
    phone.send("since Monday")
    phone.again()
    (case,) = stage.cases()
    assert stage.words(case) == ["since Monday"]


def test_a_draft_resumed_in_two_sessions_makes_one_case(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press(TO_CONFIRM)
    old, old_text = phone.session, phone.transcript
    phone.dial()
    assert phone.press(["1", "1"]).end
    phone.session, phone.transcript = old, old_text
    late = phone.send("1")
    (case,) = stage.cases()
    assert number(case) in late.text


# The truth when something fails


def fail(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, times: int = 99) -> None:
    """The database is gone whenever `where.name` is called, so many times."""
    real, left = getattr(where, name), [times]

    def broken(*args: Any, **kwargs: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise OperationalError("the database is gone")
        return real(*args, **kwargs)

    monkeypatch.setattr(where, name, broken)


def number(case: Case) -> str:
    return f"{case.ref[:3]}-{case.ref[3:6]}-{case.ref[6:]}"


def opening(name: str, language: str = "en") -> str:
    """How the text about a fault begins, up to its first value."""
    return stages.translated(FAULTS[name], language).partition("{")[0]


STAGES: Final[dict[str, tuple[Any, str]]] = {
    "meet": (Citizens, "meet"),
    "load": (sessions, "load"),
    "apply": (Casework, "apply"),
    "save": (sessions, "save"),
}


@pytest.mark.parametrize(
    ("before", "typed", "gone", "truth"),
    [
        # nothing can have been saved
        ([], None, "meet", "failed"),
        ([], None, "load", "failed"),
        ([], None, "save", "failed"),
        (["1"], "1", "save", "failed"),
        # what was before in this session cannot be looked at
        (TO_CONFIRM, "1", "meet", "failed_unsure"),
        (TO_CONFIRM, "1", "load", "failed_unsure"),
        # the draft is kept
        (TO_CONFIRM, "0", "save", "failed_draft"),
        (TO_CONFIRM, "1", "apply", "failed_draft"),
        ([*TO_CONFIRM, "2"], "1", "save", "failed_draft"),
        # it was done before it failed
        (TO_CONFIRM, "1", "save", "failed_saved"),
        ([*TO_CONFIRM, "2"], "since Monday", "save", "failed_saved"),
        # the complaint is there, the words are not
        ([*TO_CONFIRM, "2"], "since Monday", "apply", "failed_words"),
    ],
)
def test_whatever_fails_the_screen_says_what_is_true(
    stage: Stage,
    phone: Phone,
    monkeypatch: pytest.MonkeyPatch,
    before: list[str],
    typed: str | None,
    gone: str,
    truth: str,
) -> None:
    if typed is not None:
        phone.dial()
        if before:
            phone.press(before)
    fail(monkeypatch, *STAGES[gone])
    reply = phone.dial() if typed is None else phone.send(typed)
    assert (reply.end, reply.text.startswith(opening(truth)), fits(reply.text, 140)) == (True, True, True), reply.text
    assert [fault["event"] for fault in stage.faults] == ["hop_failed"]
    assert stage.faults[0]["err"] in reply.text
    monkeypatch.undo()
    saved = [number(case) for case in stage.cases()]
    if truth in ("failed_saved", "failed_words"):
        assert saved[0] in reply.text
    if truth == "failed_draft":
        assert phone.dial().text.startswith(f"{saved[0]} is saved." if saved else "You stopped at: No water, Lindi")


def test_when_not_even_the_look_whether_it_is_saved_succeeds_nothing_is_claimed(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.dial()
    phone.press(TO_CONFIRM)
    fail(monkeypatch, sessions, "save")
    monkeypatch.setattr("menus.conversation._changed_by", gone)
    assert phone.send("1").text.startswith(opening("failed_unsure"))


def gone(*_: Any) -> None:
    raise OperationalError("the database is gone")


def test_without_any_database_the_truth_is_still_told_in_the_language_last_heard(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = stage.phone(CITIZEN, "sw", LINDI)
    phone.dial()
    monkeypatch.setattr(database, "run", gone)
    monkeypatch.setattr(published, "CHECK_EVERY_S", 0)
    assert phone.dial().text.startswith(opening("failed", "sw"))
    assert stage.phone("+254722000002").dial().text.startswith(opening("failed", "en"))


def test_a_pack_that_cannot_be_read_fails_truthfully(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.dial()
    phone.press(TO_CONFIRM)
    monkeypatch.setattr(packs, "current", gone)
    assert phone.send("1").text.startswith(opening("failed_draft"))
    assert stage.cases() == []


# Nothing of others


def test_the_session_id_of_another_phone_shows_nothing_of_it(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press(TO_CONFIRM)
    other = stage.phone("+254722000002", "en")
    other.session = phone.session
    for text in ("", "1*1*1", "1*1*1*1"):
        assert "Lindi" not in other.network_sends(text).text
    assert stage.cases() == []
    assert phone.send("1").end
    assert len(stage.cases()) == 1


def test_a_session_whose_beginning_never_reached_us_goes_on_but_sends_nothing(stage: Stage, phone: Phone) -> None:
    phone.session = stage.draw()
    assert phone.network_sends("1*1*1*1").text.startswith("No water, Lindi.\nSend to Nairobi Water?")
    assert stage.cases() == []


def test_a_number_is_never_shown_to_another_phone(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*TO_CONFIRM, "1"])
    (case,) = stage.cases()
    other = stage.phone("+254722000002", "en")
    screens = [
        other.dial().text,
        other.press(["2", case.ref]).text,
        other.send(case.ref[-5:]).text,
        other.send(case.id).text,
    ]
    absent = other.send("482915633" if case.ref != "482915633" else "482915641").text
    assert screens[1:] == [absent] * 3
    assert number(case) not in screens[0]


def test_a_confidential_case_is_shown_for_its_whole_number_only(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*TO_CONFIRM, "1"])
    (case,) = stage.cases()
    Case.update(visibility="confidential").execute()
    assert phone.dial().text.startswith("Mlango: Welcome")
    assert "no complaint yet" in phone.send("3").text
    assert phone.press(["0", "2", case.ref[-5:]]).text.startswith("No such case")
    assert phone.send(case.ref).text.startswith(number(case))


# Long, odd and old


def test_the_longest_session_ids_serve_a_whole_complaint(stage: Stage, phone: Phone) -> None:
    phone.session = "x" * 80
    phone.network_sends("")
    assert phone.press([*TO_CONFIRM, "2"]).text.startswith("Saved")
    assert phone.press(["since Monday", "1"]).end
    assert (len(stage.cases()), stage.faults) == (1, [])


def test_a_very_long_transcript_is_served(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*TO_CONFIRM, "2"])
    for _ in range(20):
        assert phone.send("a*b" * 130).text.startswith("Added.")
    (case,) = stage.cases()
    assert stage.words(case) == ["a*b" * 130] * 20
    assert len(phone.transcript) > 7_000
    assert phone.again().text.startswith("Added.")
    assert phone.send("1").end


@pytest.mark.parametrize("typed", ["", "\n", "😭", "١", "{sub}", "%41", "a" * 300, "**", "';--", "00 0"])
def test_any_input_on_any_screen_of_a_complaint_is_answered(stage: Stage, typed: str) -> None:
    for last, before in enumerate(["", "1", "11", "111", "1113", "2", "3", "19", "196", "151"]):
        phone = stage.phone(f"+25471234567{last}", "en", LINDI)
        phone.dial()
        for key in before:
            phone.send(key)
        assert fits(phone.send(typed).text, 140)
    assert (stage.faults, stage.cases()) == ([], [])


def test_what_a_later_pack_has_no_more_is_still_named_in_old_cases_and_drafts(
    stage: Stage, phone: Phone, ke: packs.Pack
) -> None:
    phone.dial()
    phone.press([*TO_CONFIRM, "1"])
    phone.dial()
    phone.press(TO_CONFIRM)
    subs = {code: sub for code, sub in ke.subs.items() if code != "water.none"}
    places = {code: place for code, place in ke.places.items() if code != LINDI}
    later = stages.with_version(ke, subs=subs, places=places)
    stage.pause()
    packs.publish(later, stage.now)
    assert phone.dial().text.startswith("You stopped at: No water, Lindi")
    assert phone.press(["1", "1"]).end
    phone.dial()
    assert phone.send("3").text.startswith("My cases\n1. No water: With the office\n2. No water: With the office")
    assert phone.send("1").text.split("\n")[0].endswith(" No water")
    phone.text("STATUS")
    assert "No water" not in phone.press(["00", "1", "1"]).text
    assert phone.send("2").text.startswith("Where is the problem?"), "a place out of use is not the last place"
    assert stage.faults == []


def test_the_last_place_is_remembered_from_problems_that_have_a_place(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press(["1", "1", "1", "3", "kayole", "1", "1"])
    assert Citizen.get().place == "kayole"
    phone.dial()
    phone.press(["1", "5", "1", "nyayo", "1"])
    assert Citizen.get().place == "kayole"


def test_one_open_case_is_on_the_home_screen_two_are_not(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*TO_CONFIRM, "1"])
    (case,) = stage.cases()
    assert phone.dial().text.startswith(f"{number(case)}: With the office\n")
    phone.press([*TO_CONFIRM, "1"])
    assert phone.dial().text.startswith("Mlango: Welcome\n")
    Case.update(state="closed").where(Case.id == case.id).execute()
    assert phone.dial().text.split("\n")[0].endswith(": With the office")


def test_of_two_open_cases_none_is_news_and_of_a_viewed_one_nothing_is_kept(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press(["1", "2", "1", "1"])  # no power here
    phone.dial()
    confirm = phone.press(["3", "1", "00", "1", "1", "1"])
    assert confirm.text.startswith("No water, Lindi.\nSend to Nairobi Water?")


def test_after_the_end_the_same_session_begins_at_home(stage: Stage, phone: Phone) -> None:
    phone.dial()
    assert phone.press([*TO_CONFIRM, "1"]).end
    more = phone.send("1")
    assert (more.end, more.text.split(": ")[1].split("\n")[0]) == (False, "With the office")
    phone.press([*TO_CONFIRM, "1"])
    assert len(stage.cases()) == 2, "another draft is another case"


def test_two_citizens_under_one_session_id_never_meet(stage: Stage, phone: Phone) -> None:
    """Networks use their session ids again."""
    other = stage.phone("+254722000099", language="en", place=LINDI)
    for handset in (phone, other):
        handset.session = "ATUid_again"
        handset.network_sends("")
    last = [handset.press([*TO_CONFIRM, "1"]) for handset in (phone, other)]
    assert len(numbers(last)) == 2
    assert {case.source_key for case in stage.cases()} == {
        f"africastalking:ATUid_again/{case.__data__['citizen']}/1/2" for case in stage.cases()
    }
