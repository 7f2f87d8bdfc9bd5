"""The shell of USSD: one case whatever the network repeats, the truth whatever fails, nothing of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from peewee import OperationalError

import packs
from cases.casework import Casework
from cases.citizens import Citizens
from cases.lifecycle import Action
from cases.models import Case, CaseEvent, Citizen
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

TO_CONFIRM: Final = ["1", "1", "1"]  # no water
TO_CONFIRM_DIRTY: Final = ["1", "1", "2"]
NOTE: Final = "The pipe was mended on Monday afternoon."
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
        other.press(["1", case.ref[-5:]]).text,
        other.press(["1", case.id]).text,
    ]
    absent = other.press(["1", "482915633" if case.ref != "482915633" else "482915641"]).text
    assert screens[1:] == [absent] * 3
    assert number(case) not in screens[0]


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
    assert phone.press(["1", "2", "1"]).end
    phone.dial()
    assert phone.send("3").text.startswith("My cases\n1. No water: With the office\n2. No water: With the office")
    assert phone.send("1").text.split("\n")[0].endswith(" No water")
    phone.text("STATUS")
    assert "No water" not in phone.press(["00", "1", "1"]).text
    assert phone.send("2").text.startswith("Where is the problem?"), "a place out of use is not the last place"
    assert stage.faults == []


def test_the_last_place_is_remembered_from_problems_that_have_a_place(stage: Stage, phone: Phone) -> None:
    phone.dial()
    screen = phone.press(["1", "1", "1", "3", "kayole", "1"]).text
    assert screen.startswith("Kayole: which part?")
    phone.press(["9", "1"])
    kayole = "kayole"
    assert Citizen.get().place == kayole
    phone.dial()
    phone.press(["1", "5", "1", "nyayo", "1"])
    assert Citizen.get().place == kayole


def test_one_open_case_is_on_the_home_screen_two_are_not(stage: Stage, phone: Phone) -> None:
    phone.dial()
    phone.press([*TO_CONFIRM, "1"])
    (case,) = stage.cases()
    assert phone.dial().text.startswith(f"{number(case)}: With the office\n")
    phone.press([*TO_CONFIRM_DIRTY, "1"])
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
    phone.press([*TO_CONFIRM_DIRTY, "1"])
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


# What a case wants of its citizen


def lodged(phone: Phone, keys: list[str] = TO_CONFIRM) -> Case:
    phone.dial()
    phone.press([*keys, "1"])
    return phone.stage.cases()[-1]


def resolved(phone: Phone, keys: list[str] = TO_CONFIRM) -> Case:
    case = lodged(phone, keys)
    return phone.stage.office(case.ref, Action.RESOLVE, NOTE, outcome="fixed")


def first_line(reply: Reply) -> str:
    return reply.text.split("\n")[0]


def kinds(case: Case) -> list[str]:
    """What happened to a case by its citizen's hand, oldest first."""
    events = CaseEvent.select().where(CaseEvent.case == case.id, CaseEvent.role == "citizen").order_by(CaseEvent.seq)
    return [event.kind for event in events]


def test_an_officers_question_comes_before_a_solved_case_and_that_before_an_open_one(
    stage: Stage, phone: Phone
) -> None:
    asked = lodged(phone)
    stage.office(asked.ref, Action.ASK, "What is the number of your meter?")
    solved = resolved(phone, TO_CONFIRM_DIRTY)
    lodged(phone, ["1", "2", "1"])
    assert first_line(phone.dial()) == f"Question about {number(asked)}:"
    assert phone.send("9").text.startswith("Nairobi Water asks:\nWhat is the number of your meter?\n")
    phone.send("4471")
    assert first_line(phone.dial()) == f"{number(solved)}: Fixed? Please say"
    assert phone.press(["9", "1", "5"]).end
    assert first_line(phone.dial()) == "Mlango: Welcome", "of two open cases none is news"


@pytest.mark.parametrize("action", [Action.ASK, Action.RESOLVE])
def test_a_confidential_case_asks_nothing_on_the_first_screen(stage: Stage, phone: Phone, action: Action) -> None:
    case = lodged(phone)
    Case.update(visibility="confidential").execute()
    stage.office(case.ref, action, NOTE, **({"outcome": "fixed"} if action is Action.RESOLVE else {}))
    home = phone.dial()
    assert (first_line(home), "\n9. " in home.text) == ("Mlango: Welcome", False)
    assert first_line(phone.send("9")) == "Not on the list."


def test_an_answer_is_counted_once_however_often_it_comes(stage: Stage, phone: Phone) -> None:
    case = resolved(phone)
    phone.dial()
    phone.send("9")
    yes = phone.request("9*1")
    replies = at_once(*[lambda: stage.conversation.hop(yes, stage.now)] * 4)
    assert len(replies) == 4
    assert {first_line(reply) for reply in replies} == {"How were you served?"}
    phone.network_sends("9*1")
    assert phone.send("4").end
    phone.again()
    assert kinds(case) == ["lodge", "confirm", "rate"]
    assert Case.get().rating == 4
    assert stage.faults == []


def test_a_yes_that_was_saved_before_a_crash_goes_on_to_the_stars(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = resolved(phone)
    phone.dial()
    phone.send("9")
    fail(monkeypatch, sessions, "save", times=1)
    assert number(case) in phone.send("1").text
    assert first_line(phone.again()) == "How were you served?"
    assert kinds(case) == ["lodge", "confirm"]


@pytest.mark.parametrize(
    ("keys", "typed", "gone", "truth"),
    [
        (["9"], "1", "apply", "failed"),
        (["9"], "1", "save", "failed_saved"),
        (["9"], "2", "apply", "failed"),
        (["9", "1"], "5", "apply", "failed"),
        (["9", "1"], "5", "save", "failed_saved"),
    ],
)
def test_whatever_fails_in_an_answer_the_screen_says_what_is_true(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, keys: list[str], typed: str, gone: str, truth: str
) -> None:
    resolved(phone)
    phone.dial()
    phone.press(keys)
    fail(monkeypatch, *STAGES[gone])
    assert phone.send(typed).text.startswith(opening(truth))


def test_an_answer_to_an_officer_that_was_not_saved_can_be_sent_by_sms(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = lodged(phone)
    stage.office(case.ref, Action.ASK, "What is the number of your meter?")
    phone.dial()
    phone.send("9")
    fail(monkeypatch, Casework, "apply")
    reply = phone.send("4471").text
    assert reply.startswith(opening("failed_words"))
    assert number(case) in reply


def test_yes_to_a_case_that_closed_by_itself_meanwhile_still_leads_to_the_stars(stage: Stage, phone: Phone) -> None:
    case = resolved(phone)
    phone.dial()
    phone.send("9")
    stage.office(case.ref, Action.CLOSE)
    assert first_line(phone.send("1")) == "How were you served?"
    phone.send("5")
    assert (Case.get().state, Case.get().rating) == ("closed", 5)


@pytest.mark.parametrize(("typed", "stale"), [("1", "9"), ("2", "9"), ("5", "9*1")])
def test_an_answer_to_what_has_changed_meanwhile_changes_nothing_and_says_so(
    stage: Stage, phone: Phone, typed: str, stale: str
) -> None:
    """The same phone in two hands, or a session that stood open while the case was opened again by SMS."""
    case = resolved(phone)
    phone.dial()
    phone.press(stale.split("*"))
    old, old_text = phone.session, phone.transcript
    phone.dial()
    phone.press(["3", "1", "2"])
    before = kinds(case)
    phone.session, phone.transcript = old, old_text
    reply = phone.send(typed)
    assert reply == Reply(
        f"{number(case)} has changed meanwhile; your answer was not saved. Dial *384*96# to see how it stands.", True
    )
    assert (kinds(case), stage.faults) == (before, [])


def test_a_citizen_who_was_erased_meanwhile_is_met_anew_and_answers_nothing(stage: Stage, phone: Phone) -> None:
    case = resolved(phone)
    phone.dial()
    phone.send("9")
    stage.citizens.forget(case.__data__["citizen"])
    assert phone.send("1").text.endswith("\n1. English\n2. Kiswahili")
    assert "Mlango: Welcome" in phone.send("1").text
    assert (kinds(case), stage.faults) == (["lodge"], [])


def test_key_9_shows_a_case_as_it_stands_when_it_is_pressed(stage: Stage, phone: Phone) -> None:
    case = lodged(phone)
    stage.office(case.ref, Action.ASK, "What is the number of your meter?")
    phone.dial()
    stage.office(case.ref, Action.RESUME)
    assert phone.send("9").text.startswith(f"{number(case)} No water\nIn progress since")


@pytest.mark.parametrize(
    "words", ["ሰላም ውሃ ተመልሷል ተመልሷል ውሃ ሰላም", "ok " * 60, "two\nlines\tand  more of it", "{ref} %s {0} are no templates"]
)
def test_whatever_an_office_writes_the_question_fits_and_is_asked(stage: Stage, phone: Phone, words: str) -> None:
    case = lodged(phone)
    stage.office(case.ref, Action.RESOLVE, words, outcome="fixed")
    phone.dial()
    shown = phone.send("9").text
    assert fits(shown, 140)
    assert shown.endswith("\nIs it fixed?\n1. Yes\n2. Not yet\n0. Back")
    assert len(shown.split("\n")) == 6


def test_a_link_never_answers_for_its_victim(stage: Stage, phone: Phone) -> None:
    case = resolved(phone)
    for code in ("*384*96*9*1#", "*384*96*9*2#", "*384*96*9*1*5#", "*384*96*3*1*2#"):
        assert "Is it fixed?" in phone.dial(code).text
    assert kinds(case) == ["lodge"]


# What was reported before


def followed(stage: Stage) -> Case:
    """A case of Lindi that another one follows."""
    first, second = (lodged(stage.phone(f"+25472200000{n}", "en", LINDI)) for n in (1, 2))
    stage.office(second.ref, Action.DUPLICATE, master=first.id)
    return first


def test_add_me_makes_a_case_that_follows_the_known_one(stage: Stage, phone: Phone) -> None:
    known = followed(stage)
    phone.dial()
    assert first_line(phone.press(TO_CONFIRM)).startswith("2 people reported: No water, Lindi.")
    final = phone.request("1*1*1*1")
    replies = at_once(*[lambda: stage.conversation.hop(final, stage.now)] * 4)
    assert len(numbers(replies)) == 1
    mine = stage.cases()[-1]
    assert (len(stage.cases()), mine.state, mine.master) == (3, "duplicate", known.id)
    assert Case.get_by_id(known.id).followers == 2


def test_add_me_to_what_was_solved_meanwhile_is_a_case_of_its_own(stage: Stage, phone: Phone) -> None:
    known = followed(stage)
    phone.dial()
    phone.press(TO_CONFIRM)
    stage.office(known.ref, Action.RESOLVE, NOTE, outcome="fixed")
    assert phone.send("1").text.startswith("Sent to Nairobi Water.")
    mine = stage.cases()[-1]
    assert (len(stage.cases()), mine.state, mine.master) == (3, "assigned", None)


def test_a_link_never_adds_its_victim(stage: Stage, phone: Phone) -> None:
    followed(stage)
    for code in ("*384*96*1*1*1*1#", "*384*96*1*1*1*2*1#"):
        assert first_line(phone.dial(code)).startswith("2 people reported")
    assert len(stage.cases()) == 2


def test_what_is_sensitive_is_never_a_known_issue(stage: Stage, phone: Phone, ke: packs.Pack) -> None:
    followed(stage)
    secret = replace(ke.categories["water"], sensitive=True)
    packs.publish(stages.with_version(ke, categories={**ke.categories, "water": secret}), stage.now)
    phone.dial()
    screens = [phone.press(["1", "1"]).text, *(phone.send(key).text for key in ("1", "8", "1", "lindi"))]
    assert "SECRET REPORT" in screens[0]
    assert not [screen for screen in screens if "people reported" in screen]


def test_a_known_issue_that_ended_is_not_come_back_to(stage: Stage, phone: Phone) -> None:
    known = followed(stage)
    phone.dial()
    assert first_line(phone.press([*TO_CONFIRM, "2"])) == "No water, Lindi."
    stage.office(known.ref, Action.RESOLVE, NOTE, outcome="fixed")
    assert first_line(phone.send("0")) == "No water, Lindi."
    assert phone.send("1").end


def test_ones_own_case_comes_before_what_others_reported(stage: Stage, phone: Phone) -> None:
    followed(stage)
    phone.dial()
    phone.press([*TO_CONFIRM, "2", "1"])
    mine = stage.cases()[-1]
    phone.dial()
    assert f": {number(mine)}. With the office" in first_line(phone.press(TO_CONFIRM))


def test_what_nobody_has_named_yet_is_like_nothing_before(stage: Stage, phone: Phone) -> None:
    for _ in range(2):
        phone.dial()
        assert phone.press(["1", "9", "6", "the bridge is gone", "1"]).text.startswith("Sent to")
    assert len(stage.cases()) == 2


def test_words_for_a_case_that_closed_meanwhile_are_not_claimed_to_be_added(stage: Stage, phone: Phone) -> None:
    case = lodged(phone)
    phone.dial()
    phone.press([*TO_CONFIRM, "1"])
    stage.office(case.ref, Action.RESOLVE, NOTE, outcome="fixed")
    assert phone.send("still nothing").text.startswith("This case is closed by now")
    assert stage.words(case) == [NOTE]


# How much a hop asks of the database


def test_no_screen_asks_more_of_the_database_than_is_known_here(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without what a process does once in a while: it looks for a new pack and a notice, and stores its counts."""
    stage.notice("047", {"en": "FLOOD", "sw": "MAFURIKO"}, timedelta(days=1))
    phone.dial()
    asked: list[str] = []
    run = database.run

    def counted(handle: Any, sql: str, *values: Any) -> Any:
        now_and_then = ("FROM pack_version", 'FROM "notice"', "INTO screen_count")
        asked.extend([] if any(one in sql for one in now_and_then) else [sql])
        return run(handle, sql, *values)

    monkeypatch.setattr(database, "run", counted)

    def cost(hop: Callable[[], Reply]) -> int:
        asked.clear()
        hop()
        return len(asked)

    assert cost(phone.dial) == 5  # the citizen, their session, a draft that dropped, their cases; save
    assert [cost(lambda: phone.send("1")) for _ in range(3)] == [3, 3, 5]  # at last: what was reported before
    resolved(phone)
    assert cost(phone.dial) == 5
    assert cost(lambda: phone.send("9")) == 5  # its case, and what the office said
    assert first_line(phone.send("0")) == "FLOOD"
