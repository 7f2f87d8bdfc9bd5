from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cases import reference
from cases.callbacks import Callback
from cases.casework import Casework
from cases.lifecycle import Action
from cases.models import Case, Citizen
from menus import texting
from menus.dialogue import ATTENTION
from menus.messages import MOST_IN_LIST
from menus.sessions import SmsQuestion
from menus.texting import MOST_FAILURES, RETRY_AFTER
from sms_gateway.message import Message
from tests.menus.conftest import CITIZEN, LINDI
from tests.menus.stage import Phone, Stage


def lodge_by_ussd(phone: Phone, kind: str = "1") -> Case:
    phone.dial()
    assert phone.press(["1", "1", kind, "1"]).end
    phone.inbox()
    return phone.stage.cases()[-1]


def mo() -> Message:
    """The newest text of a citizen."""
    newest = Message.select().where(Message.direction == "mo").order_by(Message.created_at.desc()).first()
    assert isinstance(newest, Message)
    return newest


def test_a_text_is_stored_handled_and_answered(stage: Stage, phone: Phone) -> None:
    phone.text("No water since Monday")
    (case,) = stage.cases()
    assert (mo().state, mo().case, mo().handled_at) == ("handled", case, stage.now)
    assert stage.words(case) == ["No water since Monday"]
    assert len(phone.inbox()) == 1


def test_the_same_message_again_changes_nothing(stage: Stage, phone: Phone) -> None:
    for words in ("No water since Monday", "1 Lindi", "STATUS", "New pipe burst", "NEW"):
        phone.text(words)
        before = (len(stage.cases()), Message.select().count(), SmsQuestion.select().count(), phone.inbox())
        phone.text_again()
        phone.text_again()
        assert (len(stage.cases()), Message.select().count(), SmsQuestion.select().count()) == before[:3]
        assert phone.inbox() == []


def test_the_same_words_in_another_message_are_another_message(stage: Stage, phone: Phone) -> None:
    phone.text("No water")
    phone.text("No water")
    (case,) = stage.cases()
    assert stage.words(case) == ["No water", "No water"]


class Broken:
    """A part of the house that fails a number of times."""

    def __init__(self, real: Any, times: int) -> None:
        self.real, self.left = real, times

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.left:
            self.left -= 1
            raise RuntimeError("out of order")
        return self.real(*args, **kwargs)


def test_a_failing_handling_leaves_nothing_half_done_and_is_tried_again(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Casework, "apply", Broken(stage.casework.apply, 1))
    phone.text("No water")
    assert (stage.cases(), mo().state, mo().attempts) == ([], "received", 1)
    assert stage.faults[0]["event"] == "message_not_handled"
    assert stage.texting.retry(stage.now) == 0, "not at once"
    stage.pause(RETRY_AFTER * 2)
    assert stage.texting.retry(stage.now) == 1
    assert (len(stage.cases()), mo().state) == (1, "handled")
    assert len(phone.inbox()) == 1


def test_a_fault_after_the_case_was_made_takes_it_back(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texting, "_update", Broken(texting._update, 1))
    phone.text("No water")
    assert (stage.cases(), phone.inbox()) == ([], [])


def test_the_network_repeating_a_message_that_failed_has_it_handled(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Casework, "apply", Broken(stage.casework.apply, 1))
    phone.text("No water")
    phone.text_again()
    assert (len(stage.cases()), mo().state, Message.select().where(Message.direction == "mo").count()) == (
        1,
        "handled",
        1,
    )


def test_after_five_failures_a_message_is_put_aside_with_an_alert(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Casework, "apply", Broken(stage.casework.apply, 99))
    phone.text("No water")
    for _ in range(MOST_FAILURES + 2):
        stage.pause(RETRY_AFTER * 2)
        stage.texting.retry(stage.now)
    assert (mo().state, mo().attempts) == ("dead", MOST_FAILURES)
    assert [fault["event"] for fault in stage.faults].count("message_put_aside") == 1


def test_one_failing_message_does_not_hold_up_the_others(
    stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = stage.phone("+254722000002", "en")
    monkeypatch.setattr(Casework, "apply", Broken(stage.casework.apply, 3))
    for one in (phone, other):
        one.text("No water")
    stage.pause(RETRY_AFTER * 2)
    assert stage.texting.retry(stage.now) == 1
    assert len(stage.cases()) == 1


@pytest.mark.parametrize(("later", "cases"), [(ATTENTION - timedelta(minutes=1), 1), (ATTENTION, 2)])
def test_words_belong_to_the_case_we_wrote_about_for_72_hours(
    stage: Stage, phone: Phone, later: timedelta, cases: int
) -> None:
    lodge_by_ussd(phone)
    stage.pause(later)
    phone.text("Still nothing")
    assert len(stage.cases()) == cases


def test_a_status_we_sent_opens_the_72_hours_again(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    stage.pause(ATTENTION)
    phone.text(f"STATUS {case.ref}")
    phone.text("Still nothing")
    assert stage.words(case) == ["Still nothing"]


def test_words_go_to_the_case_we_wrote_about_last(stage: Stage, phone: Phone) -> None:
    first = lodge_by_ussd(phone)
    lodge_by_ussd(phone, "2")
    phone.text(f"STATUS {first.ref}")
    phone.text("Still nothing")
    assert stage.words(first) == ["Still nothing"]


def test_nothing_is_added_to_a_closed_case(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    Case.update(state="closed").where(Case.id == case.id).execute()
    phone.text("It is back again")
    assert len(stage.cases()) == 2


def test_an_answer_about_a_case_that_was_closed_meanwhile_is_a_new_complaint(stage: Stage, phone: Phone) -> None:
    phone.text("No water")
    Case.update(state="closed").execute()
    phone.text("1 Lindi")
    assert [stage.words(case) for case in stage.cases()] == [["No water"], ["1 Lindi"]]
    assert mo().state == "handled"


def test_an_answer_about_a_case_that_an_office_works_on_is_kept_as_words(stage: Stage, phone: Phone) -> None:
    phone.text("It is bad here")
    Case.update(state="in_progress").execute()
    phone.text("1 Lindi")
    (case,) = stage.cases()
    assert (case.sub, stage.words(case)) == (None, ["It is bad here", "1 Lindi"])


def test_a_question_is_open_for_72_hours(stage: Stage, phone: Phone) -> None:
    phone.text("It is bad here")
    stage.pause(ATTENTION)
    phone.text("1 Lindi")
    assert [case.sub for case in stage.cases()] == [None, None]


def test_an_answered_question_is_not_open_any_more(stage: Stage, phone: Phone) -> None:
    phone.text("It is bad here")
    phone.text("1 Lindi")
    phone.text("2 Kayole")
    (case,) = stage.cases()
    assert (case.sub, case.place) == ("water.other", "1387")
    assert stage.words(case)[-1] == "2 Kayole"


def test_new_is_understood_once(stage: Stage, phone: Phone) -> None:
    lodge_by_ussd(phone)
    phone.text("The gate is open, too")
    phone.text("NEW")
    assert len(stage.cases()) == 2
    phone.text("NEW")
    assert len(stage.cases()) == 2


def test_a_place_told_by_sms_is_where_the_next_complaint_begins(stage: Stage, phone: Phone) -> None:
    phone.text("No light")
    phone.text("2 Kayole")
    phone.dial()
    assert phone.press(["1", "1", "1"]).text.startswith("No water, Kayole.")


def test_stop_ends_receipts_and_start_brings_them_back(stage: Stage, phone: Phone) -> None:
    phone.text("STOP")
    (answer,) = phone.inbox()
    assert "we will not SMS you again" in answer
    phone.dial()
    assert "You stopped our SMS" in phone.press(["1", "1", "1", "1"]).text
    assert phone.inbox() == []
    phone.text("STATUS")
    assert len(phone.inbox()) == 1, "they asked"
    phone.text("START")
    assert "Your open complaints: 1." in phone.inbox()[0]
    phone.dial()
    assert "An SMS follows." in phone.press(["1", "1", "2", "1"]).text
    assert len(phone.inbox()) == 1


def test_an_opt_out_at_the_network_is_like_stop(stage: Stage, phone: Phone) -> None:
    citizen = stage.citizens.meet(CITIZEN, stage.now)
    stage.citizens.stop(citizen.id, stage.now)
    phone.dial()
    assert "You stopped our SMS" in phone.press(["1", "1", "1", "1"]).text


def test_who_never_chose_a_language_is_answered_in_that_of_their_keyword_until_they_do(stage: Stage) -> None:
    phone = stage.phone(CITIZEN)
    phone.text("LALAMIKO Hakuna maji")
    phone.text("Lindi")
    phone.text("asante")
    assert [text.split(": ", 1)[1][:5] for text in phone.inbox()] == ["Tumep", "Tumep", "Tuma "]
    assert Citizen.get().language is None, "they are still asked when they dial"


def test_a_language_is_changed_when_asked_for_never_silently(stage: Stage, phone: Phone) -> None:
    phone.text("HALI")
    assert phone.inbox()[0].startswith("Mlango: This phone")
    phone.text("LUGHA SW")
    phone.text("STATUS")
    assert [text.split()[1] for text in phone.inbox()] == ["Tutatumia", "Simu"]


def test_a_number_is_shown_to_the_phone_that_lodged_it_only(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    other = stage.phone("+254722000002", "en")
    absent = "482915633" if case.ref != "482915633" else "482915641"
    answers = []
    for number in (case.ref, absent):
        other.text(f"STATUS {number}")
        answers += [text.replace(f"{number[:3]}-{number[3:6]}-{number[6:]}", "NUMBER") for text in other.inbox()]
    assert answers[0] == answers[1]
    assert "No water" not in answers[0]


def test_a_confidential_case_is_not_in_the_list_but_shown_for_its_number(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    Case.update(visibility="confidential").execute()
    phone.text("STATUS")
    phone.text(f"STATUS {case.ref[-5:]}")
    phone.text(f"STATUS {case.ref}")
    listed, by_ending, by_number = phone.inbox()
    assert "no open complaint" in listed
    assert "no case" in by_ending
    assert "there is news on" in by_number
    assert reference.shown(case.ref) in by_number


@pytest.mark.parametrize(
    "secret", [{"visibility": "confidential"}, {"visibility": "anonymous"}, {"sub": "police.abuse", "agency": "IPOA"}]
)
@pytest.mark.parametrize("state", ["assigned", "resolved", "closed", "rejected", "withdrawn"])
def test_no_answer_about_a_secret_case_says_what_it_is_about_or_who_has_it(
    stage: Stage, phone: Phone, secret: dict[str, str], state: str
) -> None:
    case = lodge_by_ussd(phone)
    Case.update(**secret, state=state, decided_at=stage.now).execute()
    for word in ("STATUS", "1", "2", "NO", "3", "7", "APPEAL", "ME TOO"):
        phone.text(f"{word} {case.ref}")
    told = phone.inbox()
    assert len(told) >= 8, "never silence"
    for telling in ("water", "Police", "Lindi", "Nairobi", "IPOA"):
        assert not [text for text in told if telling in text]


def test_what_was_answered_on_the_screen_is_not_asked_again(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    phone.dial()
    phone.press(["9", "2"])
    phone.inbox()
    phone.text("The pipe still leaks at the gate")
    assert "added to" in phone.inbox()[0]
    assert stage.words(case)[-1] == "The pipe still leaks at the gate"


def test_a_complaint_after_yes_on_the_screen_is_a_complaint(stage: Stage, phone: Phone) -> None:
    resolve(stage, lodge_by_ussd(phone))
    phone.dial()
    phone.press(["9", "1", "4"])
    phone.inbox()
    phone.text("Street lights are off in Kibera")
    assert len(stage.cases()) == 2
    assert "Street lights, Kibera" in phone.inbox()[0]


def test_nobody_is_asked_to_rate_what_is_open_again(stage: Stage, phone: Phone) -> None:
    resolve(stage, lodge_by_ussd(phone))
    phone.text("1")
    phone.dial()
    phone.press(["3", "1", "2"])
    phone.inbox()
    phone.text("7")
    assert "good news" not in phone.inbox()[0]


@pytest.mark.parametrize("answer", ["1", "2"])
def test_all_that_was_unclear_goes_to_the_office_with_the_answer(stage: Stage, phone: Phone, answer: str) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    for words in ("You fixed half of it", "Dry near the church", answer):
        phone.text(words)
    assert stage.words(case)[-1] == "You fixed half of it\nDry near the church"


def test_a_bare_no_that_comes_too_late_is_no_complaint(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    phone.withdraw(case.ref)
    phone.inbox()
    stage.pause(timedelta(days=8))
    phone.text("NO")
    assert len(stage.cases()) == 1
    assert "Withdrawn since" in phone.inbox()[0]


@pytest.mark.parametrize("words", ["", "😭", "{ref} {0} %s %41", "a" * 2000, "maji ya ĩtherero ũ", "*384*96#", "\n"])
def test_any_text_is_handled(stage: Stage, phone: Phone, words: str) -> None:
    phone.text(words)
    assert (mo().state, stage.faults) == ("handled", [])
    assert len(phone.inbox()) == 1


def test_the_list_names_three_at_most(stage: Stage, phone: Phone) -> None:
    for kind in range(MOST_IN_LIST + 1):
        lodge_by_ussd(phone, str(kind + 1))
    phone.text("STATUS")
    assert phone.inbox()[0].count("With the office") == MOST_IN_LIST


# Answers to what we ask about a case that goes on

NOTE = "The valve was opened again on Tuesday."


def resolve(stage: Stage, case: Case, note: str = NOTE) -> None:
    stage.office(case.ref, Action.RESOLVE, note, outcome="fixed")


def again(case: Case) -> Case:
    found: Case = Case.get_by_id(case.id)
    return found


def reopened_twice(stage: Stage, phone: Phone) -> Case:
    case = lodge_by_ussd(phone)
    for _ in range(2):
        resolve(stage, case)
        phone.text("2")
    resolve(stage, case)
    phone.inbox()
    return case


@pytest.mark.parametrize(
    ("word", "state"),
    [("1", "closed"), ("Yes please", "closed"), ("NDIO", "closed"), ("2", "assigned"), ("bado", "assigned")],
)
def test_one_word_says_whether_it_is_solved(stage: Stage, phone: Phone, word: str, state: str) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    phone.text(word)
    assert again(case).state == state


def test_it_may_be_said_as_long_as_the_case_waits_for_it(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    stage.pause(timedelta(days=6))
    phone.text("1")
    assert again(case).state == "closed"


def test_one_digit_never_answers_about_two_cases(stage: Stage, phone: Phone) -> None:
    first, second = lodge_by_ussd(phone), lodge_by_ussd(phone, "2")
    resolve(stage, first)
    resolve(stage, second)
    phone.inbox()
    phone.text("2")
    phone.text("2")
    assert (again(first).state, again(second).state) == ("resolved", "assigned")
    _, asked = phone.inbox()
    assert f"is {first.ref[:3]}-" in asked, "the other one is asked about by its number"
    phone.text("2")
    assert again(first).state == "assigned"


def test_an_answer_that_names_its_case_goes_there(stage: Stage, phone: Phone) -> None:
    first, second = lodge_by_ussd(phone), lodge_by_ussd(phone, "2")
    resolve(stage, first)
    resolve(stage, second)
    phone.text(f"1 {first.ref}")
    phone.text(f"2 {second.ref[-5:]}")
    phone.text(f"4 {first.ref}")
    assert (again(first).state, again(second).state, again(first).rating) == ("closed", "assigned", 4)


def test_an_answer_that_names_a_foreign_case_is_answered_like_any_unknown_number(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    other = stage.phone("+254722000002", "en")
    other.text(f"1 {case.ref}")
    assert again(case).state == "resolved"
    assert "no case" in other.inbox()[0]


def test_words_with_not_yet_are_kept_with_the_case_and_may_name_it(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    phone.text("No, it is dry again")
    resolve(stage, case)
    phone.text(f"2 {case.ref} only brown water")
    assert [words for words in stage.words(case) if words != NOTE] == ["No, it is dry again", "2 only brown water"]


def test_a_new_complaint_that_begins_with_no_is_not_taken_for_an_answer(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    phone.inbox()
    phone.text("No power in Kayole")
    assert again(case).state == "resolved"
    assert stage.words(stage.cases()[-1]) == ["No power in Kayole"]
    phone.text("NEW")
    assert len(stage.cases()) == 2


def test_weeks_later_words_are_a_complaint_of_their_own(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    stage.pause(ATTENTION)
    phone.text("2 weeks without power")
    assert (again(case).state, len(stage.cases())) == ("resolved", 2)


def test_who_says_yes_twice_in_a_hurry_has_not_rated(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    phone.text("1")
    phone.text("1")
    assert again(case).rating is None
    stage.pause(timedelta(minutes=2))
    phone.text("1")
    assert again(case).rating == 1


def test_yes_to_what_was_closed_by_itself_is_asked_for_a_rating(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    stage.pause(timedelta(days=8))
    stage.sweep()
    stage.pause(timedelta(days=4))
    stage.sweep()
    assert again(case).state == "closed"
    phone.inbox()
    phone.text("YES")
    assert "Reply 1 (very badly) to 5" in phone.inbox()[0]
    phone.text("5")
    assert again(case).rating == 5


def test_a_third_time_an_appeal_is_offered_and_takes_the_words_along(stage: Stage, phone: Phone) -> None:
    case = reopened_twice(stage, phone)
    phone.text("BADO come and see the tap")
    assert "Reply APPEAL" in phone.inbox()[0]
    phone.text("APPEAL")
    assert again(case).state == "appealed"
    assert stage.words(case)[-1] == "BADO come and see the tap"


def test_too_late_to_reopen_says_how_to_make_a_new_one(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    stage.pause(timedelta(days=31))
    phone.text(f"2 {case.ref}")
    (said,) = phone.inbox()
    assert "that makes a new complaint" in said


def test_after_an_appeal_the_decision_stays(stage: Stage, phone: Phone) -> None:
    case = reopened_twice(stage, phone)
    phone.text("rufaa")
    stage.office(case.ref, Action.UPHOLD, "Water was measured at the tap on Friday.")
    phone.inbox()
    phone.text(f"2 {case.ref}")
    phone.text(f"APPEAL {case.ref}")
    assert ["that decision stays" in text for text in phone.inbox()] == [True, True]


def test_the_next_text_answers_an_officer_whatever_it_looks_like(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    for answer in ("1", "ok", "37215008", "No water in the mornings"):
        stage.office(case.ref, Action.ASK, "What do you see there?")
        phone.text(answer)
        assert (again(case).state, stage.words(case)[-1]) == ("in_progress", answer)


def test_an_answer_after_the_officer_went_on_is_kept_as_words(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    stage.office(case.ref, Action.ASK, "What do you see there?")
    stage.office(case.ref, Action.RESUME)
    phone.text("Nothing but mud")
    assert (stage.words(case)[-1], len(stage.cases())) == ("Nothing but mud", 1)


@pytest.mark.parametrize(("later", "state"), [(timedelta(days=6), "assigned"), (timedelta(days=8), "withdrawn")])
def test_no_undoes_a_withdrawal_within_a_week(stage: Stage, phone: Phone, later: timedelta, state: str) -> None:
    case = lodge_by_ussd(phone)
    phone.withdraw(case.ref)
    assert "Reply NO" in phone.inbox()[0]
    stage.pause(later)
    phone.text("NO")
    assert again(case).state == state
    assert len(phone.inbox()) == 1, "never silence"


def test_an_answer_nobody_waits_for_is_told_how_the_case_stands(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    resolve(stage, case)
    phone.text("2")
    phone.inbox()
    phone.text("2")
    assert "With the office since" in phone.inbox()[0]
    assert again(case).reopens == 1


# "Affects me too"


def known_issue(stage: Stage, phone: Phone) -> Case:
    """A case that another citizen's follows."""
    master = lodge_by_ussd(phone)
    follower = lodge_by_ussd(stage.phone("+254722000002", "en", LINDI))
    stage.office(follower.ref, Action.DUPLICATE, master=master.id)
    return master


def test_me_too_lodges_a_case_that_follows_the_known_one(stage: Stage, phone: Phone) -> None:
    master = known_issue(stage, phone)
    other = stage.phone("+254733000003", "en")
    other.text(f"ME TOO {master.ref}")
    mine = stage.cases()[-1]
    assert (mine.state, mine.__data__["master"], mine.sub, mine.place) == ("duplicate", master.id, "water.none", LINDI)
    assert "(3 people)" in other.inbox()[0]


def test_me_too_with_ones_own_number_is_told_how_it_stands(stage: Stage, phone: Phone) -> None:
    master = known_issue(stage, phone)
    follower = stage.phone("+254722000002")
    own = stage.cases()[-1]
    follower.text(f"ME TOO {own.ref}")
    stage.office(master.ref, Action.RESOLVE, NOTE, outcome="fixed")
    follower.text(f"ME TOO {master.ref}")
    for text in follower.inbox():
        assert "no case" not in text
        assert reference.shown(own.ref) in text
    assert len(stage.cases()) == 2


def test_me_too_twice_is_one_case(stage: Stage, phone: Phone) -> None:
    master = known_issue(stage, phone)
    other = stage.phone("+254733000003", "en")
    other.text(f"ME TOO {master.ref}")
    other.text(f"mimi pia {master.ref}")
    phone.text(f"ME TOO {master.ref}")
    assert len(stage.cases()) == 3


@pytest.mark.parametrize("why", ["nobody follows it", "it is closed", "it is confidential", "it is sensitive"])
def test_me_too_tells_nothing_about_any_other_number(stage: Stage, phone: Phone, why: str) -> None:
    changes: dict[str, dict[str, Any]] = {
        "nobody follows it": {"followers": 0},
        "it is closed": {"state": "closed"},
        "it is confidential": {"visibility": "confidential"},
        "it is sensitive": {"sub": "police.abuse"},
    }
    master = known_issue(stage, phone)
    Case.update(**changes[why]).where(Case.id == master.id).execute()
    other = stage.phone("+254733000003", "en")
    absent = "482915633" if master.ref != "482915633" else "482915641"
    other.text(f"ME TOO {master.ref}")
    other.text(f"ME TOO {absent}")
    first, second = other.inbox()
    assert first.replace(f"{master.ref[:3]}-{master.ref[3:6]}-{master.ref[6:]}", "X") == second.replace(
        f"{absent[:3]}-{absent[3:6]}-{absent[6:]}", "X"
    )
    assert len(stage.cases()) == 2


def told_by_sms(stage: Stage, phone: Phone) -> tuple[Case, Case]:
    """A case that others follow, and one told by SMS for the same ward and kind."""
    master = known_issue(stage, phone)
    other = stage.phone("+254733000003", "en")
    other.text("Our taps are dry in Lindi")
    assert "2 people reported No water, Lindi. Same problem?" in other.inbox()[-1]
    return master, stage.cases()[-1]


def test_the_same_problem_joins_the_known_one_if_its_citizen_says_so(stage: Stage, phone: Phone) -> None:
    master, mine = told_by_sms(stage, phone)
    other = stage.phone("+254733000003")
    other.text("1")
    assert (again(mine).state, again(mine).__data__["master"]) == ("duplicate", master.id)
    assert "(3 people)" in other.inbox()[-1]


def test_another_problem_goes_its_own_way(stage: Stage, phone: Phone) -> None:
    _, mine = told_by_sms(stage, phone)
    other = stage.phone("+254733000003")
    other.text("2")
    assert again(mine).state == "assigned"
    assert "received: No water, Lindi" in other.inbox()[-1]
    other.text("1")
    assert again(mine).state == "assigned", "that was answered"


def test_a_known_issue_that_ended_meanwhile_takes_nobody_with_it(stage: Stage, phone: Phone) -> None:
    master, mine = told_by_sms(stage, phone)
    stage.office(master.ref, Action.REJECT, "The court in Kibera decides on this pipe.", reason="in_court")
    other = stage.phone("+254733000003")
    other.text("1")
    assert again(mine).state == "assigned"
    assert "received: No water, Lindi" in other.inbox()[-1]


# "Call me"


def calls() -> list[tuple[str, str | None, str | None]]:
    asked = Callback.select().order_by(Callback.asked_at)
    return [(call.about, call.__data__["case"], call.outcome) for call in asked]


def test_call_me_is_promised_by_a_day(stage: Stage, phone: Phone) -> None:
    phone.text("CALL ME")
    assert phone.inbox() == [
        "Mlango: we will call you on this phone by 24/11/2026, free for you. Changed your mind? Reply NO."
    ]
    assert (stage.cases(), calls()) == ([], [("other", None, None)])


def test_it_is_about_the_open_case_that_we_wrote_about(stage: Stage, phone: Phone) -> None:
    case = lodge_by_ussd(phone)
    phone.text("nipigie")
    assert calls() == [("case", case.id, None)]


def test_who_asks_twice_is_called_once(stage: Stage, phone: Phone) -> None:
    phone.text("call me")
    phone.text("please call me")
    assert (len(phone.inbox()), len(calls())) == (2, 1)


def test_no_calls_it_off(stage: Stage, phone: Phone) -> None:
    phone.text("CALL")
    phone.inbox()
    phone.text("no")
    assert phone.inbox() == ["Mlango: we will not call you. To be called after all send CALL ME."]
    assert (stage.cases(), calls()) == ([], [("other", None, "cancelled")])


def test_who_is_to_be_called_may_still_answer_what_we_asked_before(stage: Stage, phone: Phone) -> None:
    phone.text("No water since Monday")
    phone.text("call me")
    phone.text("Kayole")
    (case,) = stage.cases()
    assert (case.sub, case.place) == ("water.none", "kayole")
    phone.inbox()
    phone.text("NO")
    assert phone.inbox()[0].startswith("Mlango: we will not call you.")


def test_a_call_that_was_asked_for_weeks_ago_is_nobodys_question(stage: Stage, phone: Phone) -> None:
    phone.text("call me")
    stage.pause(ATTENTION)
    phone.inbox()
    phone.text("no")
    assert calls() == [("other", None, None)]
