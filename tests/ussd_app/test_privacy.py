"""A person's data over all rooms, on both databases: shown, erased, and let go of when it was kept long enough."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

import packs
from cases import callbacks, events, pins, reference
from cases import privacy as room
from cases.callbacks import Callback
from cases.casework import Change, Happened
from cases.citizens import Caller
from cases.clusters import CaseSketch, Sketching
from cases.lifecycle import Action, Role
from cases.models import Case, Citizen
from cases.pins import CasePin, PinAttempt
from cases.privacy import Erasure, RetentionPass, StillOpen
from menus.sessions import SmsQuestion, UssdSession
from sms_gateway.message import Draft, Message, post
from sms_gateway.simulator import HandsetMessage
from store import database
from store.sealing import Keyring
from tests.menus.stage import Phone, Stage
from tests.together import at_once
from ussd_app import privacy
from ussd_app.privacy import KINDS, Keep

PHONE: Final = "+254712345678"
OTHER: Final = "+254733000111"
WORDS: Final = "Zumaridi street"
KEEP: Final = Keep(timedelta(days=730), timedelta(days=180))
YEAR: Final = timedelta(days=365)


@pytest.fixture
def stage(bound: str, keyring: Keyring, now: datetime) -> Stage:
    return Stage(keyring, now)


@pytest.fixture
def asha(stage: Stage) -> Phone:
    """She lodged two cases, by USSD and by SMS; an SMS waits, a session was dropped, a question is open."""
    phone = stage.phone(PHONE, language="en")
    phone.dial()
    phone.press(("1", "1", "1", "kibera", "9", "2", WORDS, "1"))
    phone.text(f"COMPLAIN {WORDS} has no light")
    stage.outbox.drain(lambda: stage.now)
    phone.text("STATUS")
    phone.dial()
    phone.press(("1", "1", "1", WORDS))
    phone.drop()
    return phone


def caller(stage: Stage, msisdn: str = PHONE) -> Caller:
    found = stage.citizens.find(msisdn)
    assert found is not None
    return found


def erase(stage: Stage, who: Caller, *, withdraw: bool = True) -> Counter[str] | None:
    through = (stage.casework, who) if withdraw else None
    return privacy.erase(stage.citizens, who.id, reason="request", actor="test", now=stage.now, withdraw=through)


def secret(stage: Stage, who: Caller) -> Case:
    """They told in confidence what somebody asked of them, by keys."""
    facts = {"sub": "bribery.asked", "visibility": "confidential"}
    return stage.casework.apply(Change(Action.LODGE, who, "ussd", stage.draw(), facts=facts), stage.now).case


def end(stage: Stage, *cases: Case) -> None:
    """The citizen withdraws them."""
    owner = {case.__data__["citizen"] for case in cases}
    callers = stage.citizens.by_id(owner)
    for case in cases:
        who = callers[case.__data__["citizen"]]
        stage.casework.apply(Change(Action.WITHDRAW, who, "ussd", f"end/{case.id}", case.id, quiet=True), stage.now)


def render(template: str, language: str, params: Mapping[str, Any]) -> str:
    return f"{template} in {language}"


class TestSeeing:
    def test_everything_is_in_it(self, stage: Stage, asha: Phone) -> None:
        told = privacy.export(caller(stage), packs.current(), render, stage.now)
        assert (told["number"], told["language"], len(told["cases"])) == (PHONE, "en", 2)
        written = json.dumps(told, ensure_ascii=False)
        for case in stage.cases():
            assert reference.shown(case.ref) in written
        spoken = [event["words"] for case in told["cases"] for event in case["history"] if event["words"]]
        assert spoken == [WORDS, f"{WORDS} has no light"]
        received = [one["text"] for one in told["messages"] if one["direction"] == "from the citizen"]
        assert received == [f"COMPLAIN {WORDS} has no light", "STATUS"]
        dropped = told["sessions"][-1]
        assert dropped["typed"].endswith(WORDS)
        assert dropped["draft"]["sub"] == "water.none"
        assert dropped["may_be_resumed"]
        assert {question["case"] for question in told["open_questions"]} <= {
            reference.shown(case.ref) for case in stage.cases()
        }
        assert len(told["open_questions"]) == SmsQuestion.select().count() > 0

    def test_a_pin_is_kept_back_from_whoever_prints_it_and_calls_and_tries_are_told(
        self, stage: Stage, asha: Phone
    ) -> None:
        who, asked_at = caller(stage), stage.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        case = secret(stage, who)
        pin = pins.pin_of(who, case)
        assert pin
        pins.opens(stage.citizens, who, case.ref, "no PIN", stage.now)
        callbacks.ask(who, "other", None, packs.current(), stage.now)
        told = privacy.export(who, packs.current(), render, stage.now)
        assert [one["has_pin"] for one in told["cases"]] == [False, False, True]
        assert f'"{pin}"' not in json.dumps(told)
        assert told["wrong_tries_at_pins"] == [asked_at]
        (call,) = told["calls_asked_for"]
        assert (call["asked_at"], call["about"], call["missed"], call["outcome"]) == (asked_at, "other", 0, None)

    def test_an_sms_is_told_as_it_went_out_or_as_it_will(self, stage: Stage, asha: Phone) -> None:
        told = privacy.export(caller(stage), packs.current(), render, stage.now)
        ours = [one for one in told["messages"] if one["direction"] == "to the citizen"]
        sent = [one["text"] for one in ours if one["state"] != "queued"]
        assert sent == [one["text"] for one in told["simulated_handset"]]
        assert [one["text"] for one in ours if one["state"] == "queued"] == ["status_list in en"]

    def test_a_template_that_is_broken_hides_nothing(self, stage: Stage, asha: Phone) -> None:
        def broken(*_: object) -> str:
            raise KeyError("status_list")

        told = privacy.export(caller(stage), packs.current(), broken, stage.now)
        (queued,) = [one["text"] for one in told["messages"] if one["state"] == "queued"]
        assert queued.startswith("status_list: {")

    def test_it_can_be_read_as_json_and_says_nothing_of_others(self, stage: Stage, asha: Phone) -> None:
        stage.phone(OTHER).text("My neighbour's secret")
        written = json.dumps(privacy.export(caller(stage), packs.current(), render, stage.now))
        assert "secret" not in written
        assert OTHER not in written


class TestErasing:
    def test_everything_goes_and_the_cases_stay(self, stage: Stage, asha: Phone) -> None:
        who, refs = caller(stage), [case.ref for case in stage.cases()]
        stage.phone(OTHER).text("Somebody else's complaint")
        planned = privacy.belongings(who.id)
        gone = erase(stage, who)
        assert gone == planned + Counter({"open cases, withdrawn": 2})
        assert gone["SMS that wait"] == 1
        assert gone["USSD sessions and drafts"] == 2
        assert privacy.belongings(who.id) == Counter()
        theirs = (Message.citizen == who.id, HandsetMessage.citizen == who.id, SmsQuestion.citizen == who.id)
        assert not UssdSession.select().where(UssdSession.citizen_id == who.id).count()
        assert not HandsetMessage.select().where(theirs[1]).count()
        assert not SmsQuestion.select().where(theirs[2]).count()
        kept = list(Message.select().where(theirs[0]))
        assert kept
        assert all(not one.body and one.sent is None and one.error is None for one in kept)
        assert [case.ref for case in stage.cases()][:2] == refs
        assert {case.state for case in stage.cases()[:2]} == {"withdrawn"}
        assert json.loads(Erasure.get().rows) == gone
        assert list(events.verify()) == []

    def test_the_sketches_of_their_words_go(self, stage: Stage, asha: Phone) -> None:
        stage.phone(OTHER).text("My water bill is wrong")
        sketch = Sketching(packs.current, b"secret", stage.faults.append)
        for number, case in enumerate(stage.cases()):
            change = Change(Action.LODGE, None, "ussd", str(number), words=f"{WORDS} has no light tonight")
            sketch([Happened(case, Action.LODGE, change, None, stage.now, {}, {})], stage.now)
        assert CaseSketch.select().count() == 3
        gone = erase(stage, caller(stage))
        assert gone is not None
        assert gone["sketches of words"] == 2
        assert CaseSketch.select().count() == 1

    def test_pins_tries_and_calls_go(self, stage: Stage, asha: Phone) -> None:
        who, other = caller(stage), stage.citizens.meet(OTHER, stage.now)
        for one in (who, other):
            pins.opens(stage.citizens, one, secret(stage, one).ref, "no PIN", stage.now)
            callbacks.ask(one, "new", None, packs.current(), stage.now)
        gone = erase(stage, who)
        assert gone is not None
        assert [gone[name] for name in ("PINs of secret cases", "wrong tries at PINs", "calls asked for")] == [1, 1, 1]
        assert [table.select().count() for table in (CasePin, PinAttempt, Callback)] == [1, 1, 1]
        assert callbacks.waiting()[0].__data__["citizen"] == other.id

    def test_others_lose_nothing(self, stage: Stage, asha: Phone) -> None:
        other = stage.phone(OTHER)
        other.text("My water bill is wrong")
        before = privacy.export(caller(stage, OTHER), packs.current(), render, stage.now)
        erase(stage, caller(stage))
        assert privacy.export(caller(stage, OTHER), packs.current(), render, stage.now) == before

    def test_an_open_case_stands_in_the_way_and_nothing_is_touched(self, stage: Stage, asha: Phone) -> None:
        who = caller(stage)
        before = privacy.export(who, packs.current(), render, stage.now)
        with pytest.raises(StillOpen) as stopped:
            erase(stage, who, withdraw=False)
        assert set(stopped.value.refs) == {case.ref for case in stage.cases()}
        assert privacy.export(who, packs.current(), render, stage.now) == before

    def test_a_dial_afterwards_meets_somebody_new(self, stage: Stage, asha: Phone) -> None:
        erase(stage, caller(stage))
        new = stage.phone(PHONE)
        assert "English" in new.dial().text  # they never chose a language
        new.press(("1", "3"))
        assert reference.shown(stage.cases()[0].ref) not in new.send("1").text
        assert new.inbox() == []
        new.text("STATUS")
        assert [text for text in new.inbox() if reference.shown(stage.cases()[0].ref) in text] == []
        assert Citizen.select().count() == 2

    def test_a_session_that_goes_on_afterwards_begins_anew(self, stage: Stage) -> None:
        phone = stage.phone(PHONE, language="en")
        phone.dial()
        phone.press(("1", "1"))
        erase(stage, caller(stage))
        assert "English" in phone.send("1").text
        assert not stage.faults

    def test_a_second_time_there_is_nobody(self, stage: Stage, asha: Phone) -> None:
        who = caller(stage)
        erase(stage, who)
        assert stage.citizens.find(PHONE) is None
        assert erase(stage, who, withdraw=False) is None
        assert Erasure.select().count() == 1

    def test_whatever_stops_it_in_the_middle_it_can_be_done_again(
        self, stage: Stage, asha: Phone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        who = caller(stage)

        def die(*_: object, **__: object) -> bool:
            raise KeyboardInterrupt

        with monkeypatch.context() as killed:
            killed.setattr(room, "forget", die)
            with pytest.raises(KeyboardInterrupt):
                erase(stage, who)
        assert caller(stage).id == who.id
        assert {case.state for case in stage.cases()} != {"withdrawn"}
        assert Message.select().where(Message.state == "queued").count() == 1
        assert erase(stage, who)
        assert privacy.belongings(who.id) == Counter()

    def test_two_at_once_erase_once(self, stage: Stage, asha: Phone) -> None:
        who = caller(stage)
        done = at_once(*[lambda: erase(stage, who)] * 2)
        assert len([one for one in done if one is not None]) == Erasure.select().count() == 1

    def test_an_sms_to_somebody_erased_is_settled_and_stops_nobody(self, stage: Stage, asha: Phone) -> None:
        who, other = caller(stage), stage.phone(OTHER)
        erase(stage, who)
        with database.transaction():  # of a request that had begun before
            late = post([Draft(who, "help")], stage.now)
        other.text("HELP")
        assert len(other.inbox()) == 1
        message = Message.get_by_id(late[0])
        assert (message.state, message.error) == ("rejected", "the citizen was erased")

    def test_news_of_a_case_without_a_person_reach_nobody_and_stop_nobody(self, stage: Stage, asha: Phone) -> None:
        master = stage.phone(OTHER, language="en")
        master.text("No water in Kibera")
        leading, (following, *_) = stage.cases()[-1], stage.cases()
        join = Change(Action.DUPLICATE, None, "desk", "j", following.id, Role.SUPERVISOR, {"master": leading.id})
        stage.casework.apply(join, stage.now)
        erase(stage, caller(stage))
        end(stage, leading)
        release = Change(Action.RELEASE, None, "system", "r", following.id, Role.SYSTEM)
        assert stage.casework.apply(release, stage.now).case.state == "assigned"
        stage.outbox.drain(lambda: stage.now)
        assert not stage.faults


class TestLettingGo:
    def test_a_citizen_goes_when_nothing_was_heard_of_them_for_so_long(self, stage: Stage, asha: Phone) -> None:
        end(stage, *stage.cases())
        who = caller(stage)
        assert walk(stage, KEEP.citizens - timedelta(days=1))["citizens"] == 0
        assert stage.citizens.find(PHONE) is not None
        assert walk(stage, KEEP.citizens + timedelta(days=1))["citizens"] == 1
        assert stage.citizens.find(PHONE) is None
        note = Erasure.get()
        assert (note.__data__["citizen"], note.reason, note.actor) == (who.id, "retention", "relay")
        assert list(events.verify()) == []

    def test_an_open_case_is_never_touched(self, stage: Stage, asha: Phone) -> None:
        first, second = stage.cases()
        end(stage, second)
        gone = walk(stage, 10 * YEAR)
        assert gone["citizens"] == 0
        texts = {one.__data__["case"] for one in Message.select() if one.body}
        assert first.id in texts
        assert second.id not in texts

    @pytest.mark.parametrize("state", ["resolved", "duplicate"])
    def test_a_case_that_may_still_wake_keeps_its_citizen(self, stage: Stage, asha: Phone, state: str) -> None:
        first, second = stage.cases()
        end(stage, second)
        Case.update(state=state).where(Case.id == first.id).execute()
        assert walk(stage, 10 * YEAR)["citizens"] == 0

    def test_an_sms_or_a_dial_since_is_a_sign_of_life(self, stage: Stage, asha: Phone) -> None:
        end(stage, *stage.cases())
        stage.pause(2 * YEAR)
        stage.phone(PHONE).text("HELP")
        assert walk(stage, timedelta(days=10))["citizens"] == 0
        stage.pause(2 * YEAR)
        stage.phone(PHONE).dial()
        assert walk(stage, timedelta(days=10))["citizens"] == 0
        assert walk(stage, 2 * YEAR + timedelta(days=1))["citizens"] == 1

    def test_who_asked_for_a_call_since_is_kept(self, stage: Stage, asha: Phone) -> None:
        end(stage, *stage.cases())
        stage.pause(2 * YEAR)
        callbacks.ask(caller(stage), "new", None, packs.current(), stage.now)
        assert walk(stage, timedelta(days=10))["citizens"] == 0
        assert walk(stage, 2 * YEAR + timedelta(days=1))["citizens"] == 1
        assert Callback.select().count() == 0

    def test_tries_at_pins_go_as_soon_as_they_count_no_more(self, stage: Stage, asha: Phone) -> None:
        pins.opens(stage.citizens, caller(stage), "482-915-633", "no PIN", stage.now)
        privacy.retain(stage.citizens, KEEP, stage.now + pins.WINDOW - timedelta(seconds=1))
        assert PinAttempt.select().count() == 1
        privacy.retain(stage.citizens, KEEP, stage.now + pins.WINDOW)
        assert PinAttempt.select().count() == 0

    def test_the_text_of_an_sms_goes_and_its_row_stays(self, stage: Stage, asha: Phone) -> None:
        end(stage, *stage.cases())
        stage.outbox.drain(lambda: stage.now)
        messages = Message.select().count()
        assert walk(stage, KEEP.texts - timedelta(days=1)) == Counter()
        gone = walk(stage, KEEP.texts + timedelta(days=1))
        assert gone["texts"] == messages == Message.select().count()
        assert not [one for one in Message.select() if one.body or one.sent]
        assert gone["inbox"] > 0
        assert HandsetMessage.select().count() == 0
        told = privacy.export(caller(stage), packs.current(), render, stage.now)
        assert {one["text"] for one in told["messages"]} == {None}

    def test_what_was_not_sent_or_handled_keeps_its_text(self, stage: Stage, asha: Phone) -> None:
        end(stage, *stage.cases())
        Message.update(state="received").where(Message.direction == "mo").execute()
        walk(stage, KEEP.texts + timedelta(days=1))
        assert {one.state for one in Message.select() if one.body} == {"received", "queued"}

    def test_a_day_has_one_walk_and_the_next_day_another(self, stage: Stage, asha: Phone) -> None:
        end(stage, *stage.cases())
        stage.outbox.drain(lambda: stage.now)
        then = stage.now + KEEP.texts + timedelta(days=1)
        for _ in KINDS:
            privacy.retain(stage.citizens, KEEP, then)
        assert {one.ended_at for one in RetentionPass.select()} == {then}
        stage.phone(OTHER).text("HELP")
        stage.outbox.drain(lambda: stage.now)
        assert privacy.retain(stage.citizens, KEEP, then + timedelta(hours=23)) == Counter()
        again = then + timedelta(hours=25)
        assert sum((privacy.retain(stage.citizens, KEEP, again) for _ in KINDS), Counter())["texts"] == 2

    def test_it_goes_in_small_steps_and_forgets_none(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(privacy, "_WINDOW", 4)
        monkeypatch.setattr(privacy, "_BATCH", dict.fromkeys(KINDS, 3))
        for number in range(11):
            stage.citizens.meet(f"+2547330001{number:02}", stage.now)
        stage.now += KEEP.citizens
        steps = [privacy.retain(stage.citizens, KEEP, stage.now)["citizens"] for _ in range(8)]
        assert max(steps) <= 3
        assert sum(steps) == Erasure.select().count() == 11

    def test_two_walks_at_once_erase_each_once(self, stage: Stage) -> None:
        for number in range(20):
            stage.citizens.meet(f"+2547330001{number:02}", stage.now)
        then = stage.now + KEEP.citizens
        done = at_once(*[lambda: privacy.retain(stage.citizens, KEEP, then)] * 2)
        erased = [one.citizen for one in Erasure.select(Erasure.citizen)]
        assert sum(done, Counter())["citizens"] == len(erased) == len(set(erased))
        assert len(erased) in (privacy._BATCH["citizens"], 2 * privacy._BATCH["citizens"])  # one step, or two in turn


def walk(stage: Stage, later: timedelta) -> Counter[str]:
    """What the relay lets go of in a day, that much later."""
    RetentionPass.delete().execute()
    gone: Counter[str] = Counter()
    for _ in range(2 * len(KINDS)):
        gone += privacy.retain(stage.citizens, KEEP, stage.now + later)
    return gone


def test_an_export_does_not_show_the_pin_of_a_secret_report(stage: Stage) -> None:
    phone = stage.phone(PHONE, language="en")
    phone.dial()
    screen = phone.press(("1", "8", "1", "3", "2", "lindi", "1")).text
    (pin,) = re.findall(r"PIN (\d{4})", screen)
    ref = stage.cases()[0].ref
    phone.press(("1",))
    phone.dial()
    phone.press(("2", ref, pin))
    export = privacy.export(caller(stage), packs.current(), render, stage.now)
    told = [
        text
        for session in export["sessions"]
        for text in (session["last_screen"], session["typed"], str(session["draft"]))
    ]
    assert "****" in " ".join(told)
    assert not [text for text in told if pin in text.replace(ref, "")]
