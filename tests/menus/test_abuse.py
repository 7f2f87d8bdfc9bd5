"""Floods, machines, campaigns and bans: what comes in is kept, what goes out has an end, and danger is always heard."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from peewee import DatabaseProxy, OperationalError

from cases.models import Citizen
from cases.reference import shown
from menus import abuse, bans, campaigns, strangers
from menus.abuse import AT_ONCE, BANNED_FOR, MOST_A_DAY, MOST_ALIKE, MOST_ANSWERS, MOST_AT_ONCE, RESPITE, Guard, Verdict
from menus.bans import Ban
from sms_gateway import africastalking
from sms_gateway.gateway import Mo
from sms_gateway.message import Message
from store import database
from tests.menus.conftest import CITIZEN
from tests.menus.stage import SHORT, Phone, Stage, pack_and_places
from tests.together import at_once

FIRE = "Moto! nyumba inaungua Lindi"


def states() -> list[str]:
    """What became of every text, the oldest first."""
    found = Message.select(Message.state).where(Message.direction == "mo").order_by(Message.id)
    return [one.state for one in found]


def texts(phone: Phone, words: Sequence[str], pause: timedelta = timedelta(0)) -> list[str]:
    """What is answered when these are sent one after the other."""
    for each in words:
        phone.stage.pause(pause)
        phone.text(each)
    return phone.inbox()


def them(stage: Stage) -> str:
    return stage.citizens.meet(CITIZEN, stage.now).id


# Floods


@pytest.mark.parametrize(
    ("words", "number"), [("No water at house {0}", 1_000), ("STATUS", 70), ("STATUS {0}", 70), ("1", 70), ("?", 70)]
)
def test_a_thousand_texts_from_one_number_are_stored_and_get_five_answers(
    stage: Stage, phone: Phone, words: str, number: int
) -> None:
    said = texts(phone, [words.format(one) for one in range(number)])
    assert 1 <= len(said) <= MOST_ANSWERS
    assert len(states()) == number
    assert set(states()) <= {"handled", "held"}
    assert states().count("handled") == MOST_AT_ONCE
    assert len(stage.cases()) <= MOST_AT_ONCE


def test_a_flood_spread_over_the_day_gets_five_answers_as_well(stage: Stage, phone: Phone) -> None:
    said = texts(phone, ["STATUS"] * MOST_A_DAY, pause=timedelta(minutes=9))
    assert len(said) <= MOST_ANSWERS * 2, "the budget is one of a day, and this took longer than half of one"
    assert set(states()) == {"handled"}


def test_a_conversation_is_no_flood(stage: Stage, phone: Phone) -> None:
    said = texts(phone, ["No water", "1 Lindi", "STATUS", "LANG SW", "HALI", "MSAADA", "STOP", "START"])
    assert len(said) == 8


def test_keywords_and_answers_take_nothing_from_what_complaints_may_be_answered(stage: Stage, phone: Phone) -> None:
    said = ["no water in Lindi", "STATUS", "NO", "burst pipe in Kibera", "LANG SW", "HELP", "CALL ME", "NO thank you"]
    said += ["STATUS", "street lights are off in Umoja", "STOP", "START", "garbage not collected in Dandora"]
    answered = [words for words in said if texts(phone, [words])]
    assert answered == said


def test_whoever_waits_ten_minutes_is_answered_again(stage: Stage, phone: Phone) -> None:
    texts(phone, ["Still no water"] * (MOST_ANSWERS + 3))
    assert texts(phone, ["Still no water"]) == []
    stage.pause(RESPITE)
    assert len(texts(phone, ["Still no water"])) == 1


def test_what_is_not_answered_is_done_all_the_same(stage: Stage, phone: Phone) -> None:
    texts(phone, ["Maji hakuna"] * MOST_ANSWERS)
    assert texts(phone, ["Maji hakuna bado"]) == []
    assert stage.words(stage.cases()[0])[-1] == "Maji hakuna bado"


KINDS = ["street lights are off in Umoja", "burst pipe in Lindi", "garbage not collected in Dandora"]


def test_whoever_lodges_too_much_at_once_is_told_the_numbers_when_they_pause(stage: Stage, phone: Phone) -> None:
    texts(phone, [*(["Maji hakuna"] * MOST_ANSWERS), *KINDS])
    newest = [shown(case.ref) for case in stage.cases()[-len(KINDS) :]]
    stage.pause(RESPITE - timedelta(minutes=1))
    assert phone.inbox() == []
    stage.pause(timedelta(minutes=1))
    (told,) = phone.inbox()
    assert all(number in told for number in newest)


def test_no_numbers_follow_a_flood_that_ends_in_a_ban(stage: Stage, phone: Phone) -> None:
    said = texts(phone, KINDS * MOST_AT_ONCE)
    stage.pause(RESPITE * 2)
    assert len(said + phone.inbox()) == MOST_ANSWERS, "also where a receipt is followed by how to attach"


def test_another_number_is_not_held_to_account(stage: Stage, phone: Phone) -> None:
    texts(phone, ["STATUS"] * 50)
    assert len(texts(stage.phone("+254722000002", "en"), ["STATUS"])) == 1


# Machines


def test_a_machine_that_answers_our_answers_is_answered_once(stage: Stage, phone: Phone) -> None:
    (receipt,) = texts(phone, ["No water in our street"])
    assert texts(phone, [f"AUTO REPLY to: {receipt}"]) == []
    assert states() == ["handled", "ignored"]
    assert len(stage.cases()) == 1


def test_a_machine_with_words_of_its_own_comes_to_an_end(stage: Stage, phone: Phone) -> None:
    said = texts(phone, ["I am driving and will call you later"] * 40, pause=timedelta(seconds=20))
    assert len(said) == MOST_ANSWERS


@pytest.mark.parametrize("sender", ["M-PESA", "Safaricom", "22384", "KPLC", "+254900123456", "", "\x00"])
def test_what_no_phone_sent_is_counted_and_makes_nothing(stage: Stage, sender: str) -> None:
    receive(stage, sender, "QGH7K2L9XY Confirmed. Ksh500.00 sent to JANE for no water")
    receive(stage, sender, "You have won")
    (seen,) = strangers.seen(stage.now)
    assert (seen.texts, abuse.counts(stage.now).turned_away) == (2, 2)
    assert (Message.select().count(), Citizen.select().count(), stage.cases()) == (0, 0, [])


def test_a_senders_name_is_shown_a_number_never(stage: Stage) -> None:
    for sender in ("M-PESA", "22384", "+254900123456"):
        receive(stage, sender, "hello")
    assert {one.sender for one in strangers.seen(stage.now)} == {"M-PESA", "22384", "+2549••••••56"}


def test_strangers_are_forgotten_after_thirty_days(stage: Stage) -> None:
    receive(stage, "M-PESA", "hello")
    assert abuse.prune(stage.now + strangers.KEPT - timedelta(days=1)) == 0
    assert abuse.prune(stage.now + strangers.KEPT + timedelta(days=1)) == 1


def receive(stage: Stage, sender: str, words: str) -> None:
    stage.texting.receive(Mo(africastalking.NAME, stage.draw(), sender, SHORT, words, None), stage.now)


# Campaigns

PETITION = "We the people of Lindi demand clean water now, signed number {0}"


def test_the_same_from_many_numbers_is_heard_and_answered_up_to_a_limit(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abuse, "MOST_ALIKE", 5)
    said = [texts(stage.phone(f"+2547220000{number:02}", "en"), [PETITION.format(number)]) for number in range(8)]
    assert [len(answers) for answers in said] == [1, 1, 1, 1, 1, 0, 0, 0]
    assert len(stage.cases()) == 8
    assert [fault["event"] for fault in stage.faults] == ["many_send_the_same"]


def test_short_words_and_keywords_are_the_same_by_chance(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abuse, "MOST_ALIKE", 1)
    for words in ("hakuna maji", "STATUS 482915633482915633"):
        answers = [texts(stage.phone(f"+2547220000{number:02}", "en"), [words]) for number in range(3)]
        assert all(answers)


def test_one_number_is_no_campaign(stage: Stage, phone: Phone) -> None:
    numbers = [campaigns.say(stage.citizens, them(stage), PETITION, stage.now, MOST_ALIKE) for _ in range(9)]
    assert set(numbers) == {1}


def test_who_texted_the_same_is_forgotten_after_a_day(stage: Stage, phone: Phone) -> None:
    campaigns.say(stage.citizens, them(stage), PETITION, stage.now, MOST_ALIKE)
    assert campaigns.prune(stage.now + timedelta(hours=23)) == 0
    assert campaigns.prune(stage.now + timedelta(hours=25)) == 1


# Bans


def test_past_all_measure_a_number_is_banned_for_a_day(stage: Stage, phone: Phone) -> None:
    texts(phone, ["x"] * (MOST_AT_ONCE + 1))
    (ban,) = bans.standing(stage.now)
    assert (ban.made_by, ban.why) == (bans.BY_ITSELF, f"more than {MOST_AT_ONCE} texts in 10 minutes")
    assert states()[-1] == "held"
    assert [fault["event"] for fault in stage.faults] == ["number_banned"]
    assert abuse.counts(stage.now) == abuse.Counts(banned=1, held=1, turned_away=0)
    stage.pause(BANNED_FOR + AT_ONCE)
    assert len(texts(phone, ["STATUS"])) == 1


def test_so_is_one_that_texts_all_day(stage: Stage, phone: Phone) -> None:
    texts(phone, ["STATUS"] * (MOST_A_DAY + 1), pause=timedelta(minutes=11))
    assert [ban.why for ban in bans.standing(stage.now)] == [f"more than {MOST_A_DAY} texts in a day"]


@pytest.fixture
def banned(stage: Stage, phone: Phone) -> Ban:
    return bans.make(them(stage), stage.now + timedelta(days=7), "selling shoes", "asha", stage.now)


def test_what_a_banned_number_texts_is_kept_and_nothing_is_done(stage: Stage, phone: Phone, banned: Ban) -> None:
    assert texts(phone, ["No water", "STATUS", "COMPLAIN no light", "1"]) == []
    assert states() == ["held"] * 4
    assert (stage.cases(), bans.count_held()) == ([], 4)
    assert Message.get().error == "banned: selling shoes"


def test_stop_and_start_work_for_the_banned(stage: Stage, phone: Phone, banned: Ban) -> None:
    texts(phone, ["STOP"])
    assert stage.citizens.meet(CITIZEN, stage.now).stopped
    texts(phone, ["START"])
    assert not stage.citizens.meet(CITIZEN, stage.now).stopped


def test_danger_gets_the_emergency_numbers_once_a_day_from_whoever_it_comes(
    stage: Stage, phone: Phone, banned: Ban
) -> None:
    (answer,) = texts(phone, [FIRE, FIRE])
    assert "999" in answer
    assert "112" in answer
    assert states() == ["held", "held"]
    stage.pause(timedelta(days=1))
    assert len(texts(phone, [FIRE])) == 1


def test_danger_after_a_flood_gets_them_as_well(stage: Stage, phone: Phone) -> None:
    texts(phone, ["no light"] * (MOST_ANSWERS + 2))
    assert "112" in texts(phone, [FIRE])[0]


def test_after_a_ban_what_was_held_is_handled_in_silence_and_copies_once(
    stage: Stage, phone: Phone, banned: Ban
) -> None:
    texts(phone, ["No water at all", "No water at all", "The pipe burst"])
    bans.lift(them(stage), "asha", stage.now)
    seen: list[int] = []
    done = stage.texting.release(them(stage), stage.now, seen.append)
    assert (dict(done), sum(seen)) == ({"handled": 2, "copies": 1}, 3)
    assert [stage.words(case) for case in stage.cases()] == [["No water at all"], ["The pipe burst"]]
    assert (phone.inbox(), bans.count_held()) == ([], 0)
    assert states() == ["handled", "ignored", "handled"]
    stage.pause(RESPITE)
    assert len(phone.inbox()) == 1, "which numbers they got"


def test_a_held_text_that_fails_is_tried_again_by_the_relay(
    stage: Stage, phone: Phone, banned: Ban, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts(phone, ["No water at all"])
    bans.lift(them(stage), "asha", stage.now)
    with monkeypatch.context() as broken:
        broken.setattr(stage.casework, "apply", _fail)
        assert dict(stage.texting.release(them(stage), stage.now, int)) == {"failed": 1}
    stage.pause(timedelta(minutes=1))
    assert stage.texting.retry(stage.now) == 1
    assert (len(stage.cases()), phone.inbox()) == (1, [])


def _fail(*_: object) -> None:
    raise RuntimeError("out of order")


def test_what_was_not_kept_so_long_waits_no_more(stage: Stage, phone: Phone, banned: Ban) -> None:
    texts(phone, ["No water at all", "The pipe burst"])
    Message.update(body=b"").where(Message.id == Message.select(Message.id).order_by(Message.id).limit(1)).execute()
    assert (bans.count_held(), bans.all_held()) == (1, {them(stage): 1})
    bans.lift(them(stage), "asha", stage.now)
    assert dict(stage.texting.release(them(stage), stage.now, int)) == {"handled": 1}


def test_whose_ban_was_lifted_begins_anew(stage: Stage, phone: Phone) -> None:
    texts(phone, ["x"] * (MOST_AT_ONCE + 1))
    bans.lift(them(stage), "asha", stage.now)
    assert len(texts(phone, ["STATUS"])) == 1
    assert bans.standing(stage.now) == []


def test_a_new_ban_takes_the_place_of_the_old(stage: Stage, phone: Phone, banned: Ban) -> None:
    later = bans.make(them(stage), stage.now + timedelta(days=30), "again", "asha", stage.now)
    assert [ban.id for ban in bans.standing(stage.now)] == [later.id]
    assert bans.lift(them(stage), "asha", stage.now)
    assert not bans.lift(them(stage), "asha", stage.now)


def test_of_texts_that_come_at_once_no_more_than_five_are_answered(stage: Stage, phone: Phone) -> None:
    came = [Mo(africastalking.NAME, stage.draw(), CITIZEN, SHORT, f"No light {number}", None) for number in range(8)]
    at_once(*(partial(delivered, stage, mo) for mo in came))
    stage.pause(timedelta(minutes=1))
    stage.texting.retry(stage.now)
    assert states() == ["handled"] * 8
    assert 1 <= len(phone.inbox()) <= MOST_ANSWERS, "fewer where a later one was judged sooner"


def delivered(stage: Stage, mo: Mo) -> None:
    """The network sends it until it is taken."""
    for _ in range(5):
        with suppress(OperationalError):
            return stage.texting.receive(mo, stage.now)


def test_an_ordinary_text_is_judged_in_two_looks(stage: Stage, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    texts(phone, ["No water"] * 3)
    newest = Message.select().where(Message.direction == "mo").order_by(Message.id.desc()).get()
    caller = stage.citizens.meet(CITIZEN, stage.now)
    guard = Guard(stage.citizens, pack_and_places, lambda *_, **__: None)
    asked, rows = list[str](), database.rows

    def listening(where: DatabaseProxy, sql: str, *values: object) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return rows(where, sql, *values)

    monkeypatch.setattr(database, "rows", listening)
    assert guard.judge(newest, caller, "No water", stage.now) == Verdict()
    assert len(asked) == 2
