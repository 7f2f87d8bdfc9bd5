"""What a person may see of this room, and what stays of their cases once they are erased."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final

import pytest

import packs
from cases import events, privacy, reference
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, Role, State
from cases.models import Case, CaseEvent
from cases.privacy import Erasure, StillOpen
from cases.suggestions import Suggesting
from store import database
from store.sealing import Keyring, Unreadable
from tests.cases.conftest import Lodge

WORDS: Final = "Hakuna maji tangu Jumatatu."


def forget(citizens: Citizens, caller: Caller, now: datetime) -> bool:
    with database.transaction():
        return privacy.forget(citizens, caller.id, reason="request", actor="wanjiku", rows={"texts": 2}, now=now)


class TestErasing:
    def test_an_open_case_stands_in_the_way(self, lodge: Lodge, amina: Caller) -> None:
        ref, confidential = lodge().case.ref, lodge("2", visibility="confidential").case.ref
        with pytest.raises(StillOpen) as stopped:
            privacy.must_be_over(amina.id)
        assert set(stopped.value.refs) == {ref, confidential}
        assert reference.shown(ref) in str(stopped.value)

    def test_a_case_that_was_withdrawn_does_not(
        self, lodge: Lodge, casework: Casework, amina: Caller, juma: Caller, now: datetime
    ) -> None:
        lodge("1"), lodge("2")
        lodge("3", caller=juma)
        assert privacy.withdraw_all(casework, amina, now) == 2
        privacy.must_be_over(amina.id)
        assert privacy.withdraw_all(casework, amina, now) == 0
        withdrawn = CaseEvent.select().where(CaseEvent.kind == Action.WITHDRAW)
        assert {(event.role, event.source) for event in withdrawn} == {(Role.CITIZEN, "erasure")}
        assert Case.get(Case.source_key == "3").state != State.WITHDRAWN

    def test_the_chains_stay_whole_and_the_words_unreadable(
        self, lodge: Lodge, citizens: Citizens, amina: Caller, now: datetime, keyring: Keyring
    ) -> None:
        case = lodge(words=WORDS).case
        forget(citizens, amina, now)
        assert list(events.verify()) == []
        event = CaseEvent.get(CaseEvent.case == case.id, CaseEvent.words.is_null(False))
        assert event.words
        assert amina.key.open("case_event.words", event.id, event.words) == WORDS  # who had the key in hand
        other, _ = keyring.new_data_key(amina.id)
        with pytest.raises(Unreadable):
            other.open("case_event.words", event.id, event.words)

    def test_a_note_of_it_is_kept_once_and_says_nothing_about_them(
        self, citizens: Citizens, amina: Caller, now: datetime
    ) -> None:
        assert forget(citizens, amina, now)
        assert not forget(citizens, amina, now)
        (note,) = Erasure.select()
        assert (note.__data__["citizen"], note.reason, note.actor, note.erased_at) == (
            amina.id,
            "request",
            "wanjiku",
            now,
        )
        assert json.loads(note.rows) == {"texts": 2}

    def test_a_case_without_a_person_goes_on(
        self, lodge: Lodge, casework: Casework, citizens: Citizens, amina: Caller, juma: Caller, now: datetime
    ) -> None:
        """A follower whose citizen was erased is woken when its master ends without an answer, and is worked on."""
        master = lodge("master", caller=juma).case
        follower = lodge("follower", master=master.id).case
        assert Case.get_by_id(follower.id).state == State.DUPLICATE
        forget(citizens, amina, now)

        def act(action: Action, role: Role, **more: object) -> Case:
            change = Change(action, None, "desk", f"{action}", follower.id, role, **more)  # type: ignore[arg-type]
            return casework.apply(change, now).case

        assert act(Action.RELEASE, Role.SYSTEM).state == State.ASSIGNED
        act(Action.START, Role.OWNER)
        act(Action.NOTE, Role.OWNER, words="Whom to ask?")
        assert act(Action.RESOLVE, Role.OWNER, facts={"outcome": "fixed"}, words="The pipe was mended today.")
        assert list(events.verify()) == []
        said = CaseEvent.select().where(CaseEvent.case == follower.id, CaseEvent.role == Role.OWNER)
        assert {event.words for event in said} == {None}


class TestSeeing:
    def test_a_case_is_told_in_plain_words_and_utc(
        self, lodge: Lodge, amina: Caller, now: datetime, citizens: Citizens
    ) -> None:
        ref = lodge(words=WORDS, visibility="confidential").case.ref
        told = privacy.told(amina, packs.current())
        assert told["number"] == amina.msisdn
        assert told["first_contact"] == "2026-11-23T06:15:00Z"
        (case,) = told["cases"]
        assert (case["number"], case["state"], case["visibility"]) == (reference.shown(ref), "assigned", "confidential")
        assert (case["sub"], case["agency"], case["received_at"]) == (
            "No water",
            "Nairobi Water",
            told["first_contact"],
        )
        assert case["place"].startswith("Kibera (")
        lodged, assigned = case["history"]
        assert (lodged["what"], lodged["by"], lodged["through"], lodged["words"]) == ("lodge", "citizen", "ussd", WORDS)
        assert (assigned["by"], assigned["words"], assigned["facts"]["agency"]) == ("system", None, "Nairobi Water")
        json.dumps(told)

    def test_times_in_the_facts_are_read_as_times(
        self, lodge: Lodge, casework: Casework, amina: Caller, now: datetime
    ) -> None:
        case = lodge().case
        officer = case.owner or "otieno"
        later = now + timedelta(hours=3)
        casework.apply(Change(Action.START, None, "desk", "s", case.id, Role.OWNER, actor=officer), later)
        (told,) = privacy.told(amina, packs.current())["cases"]
        started = told["history"][-1]
        assert started["by"] == f"owner {officer}"
        assert started["facts"]["state"] == "in progress"
        assert started["facts"]["acknowledged_at"] == "2026-11-23T09:15:00Z"

    def test_what_was_suggested_for_their_words_is_told(
        self, lodge: Lodge, amina: Caller, citizens: Citizens, now: datetime
    ) -> None:
        casework = Casework(packs.current, citizens, [Suggesting(packs.current, pytest.fail)])
        casework.apply(Change(Action.LODGE, amina, "sms", "s", words="Hakuna maji Kibera"), now)
        (told,) = privacy.told(amina, packs.current())["cases"]
        (suggested,) = told["suggested"]
        assert (suggested["category"], suggested["at"]) == ("Water", "2026-11-23T06:15:00Z")
        assert "maji" in " ".join(suggested["because_of"])

    def test_the_cases_of_others_are_not_in_it(self, lodge: Lodge, amina: Caller, juma: Caller) -> None:
        master = lodge("theirs", caller=juma).case
        lodge("follower", master=master.id)
        told = json.dumps(privacy.told(amina, packs.current()))
        assert len(privacy.told(amina, packs.current())["cases"]) == 1
        assert master.id not in told
        assert reference.shown(master.ref) not in told

    def test_what_a_pack_does_not_know_any_more_is_shown_as_it_is_kept(self, lodge: Lodge, amina: Caller) -> None:
        case = lodge().case
        database.run(database.main, "UPDATE cases SET sub = 'gone.for_good', place = 'nowhere' WHERE id = ?", case.id)
        (told,) = privacy.told(amina, packs.current())["cases"]
        assert (told["sub"], told["place"]) == ("gone.for_good", "nowhere")
