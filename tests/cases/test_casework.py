from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from peewee import IntegrityError

import packs
from cases import reference
from cases.casework import MOST_CHANGES, Casework, Change, Done, Happened
from cases.citizens import Caller, Citizens
from cases.events import GENESIS
from cases.lifecycle import Action, NotAllowed, Role, State
from cases.models import Case, CaseEvent, CaseNumber
from store import database
from store.model import to_micros
from tests.cases.conftest import Ear, Lodge, lodging
from tests.together import at_once


def history(case: Case) -> list[CaseEvent]:
    return list(CaseEvent.select().where(CaseEvent.case == case.id).order_by(CaseEvent.seq))


def counts() -> tuple[int, int, int]:
    return Case.select().count(), CaseEvent.select().count(), CaseNumber.select().count()


def test_a_lodged_case_is_received_and_goes_to_its_office_at_once(lodge: Lodge, now: datetime) -> None:
    case = Case.get_by_id(lodge().case.id)
    assert (case.state, case.agency) == (State.ASSIGNED, "NCWSC")
    assert [event.kind for event in history(case)] == [Action.LODGE, Action.ASSIGN]
    assert [event.role for event in history(case)] == [Role.CITIZEN, Role.SYSTEM]
    assert case.received_at == case.state_since == now
    assert (case.category, case.sub, case.place, case.county) == ("water", "water.none", "kibera", "047")


def test_the_case_that_is_returned_is_the_one_that_is_saved(lodge: Lodge) -> None:
    case = lodge().case
    assert Case.get_by_id(case.id).__data__ == case.__data__


def test_a_lodged_case_gets_a_number_that_is_booked(lodge: Lodge) -> None:
    case = lodge().case
    assert reference.is_valid(case.ref)
    assert CaseNumber.get_by_id(case.ref).node == "test"


def test_a_lodged_case_is_due_by_the_clock_of_its_kind(lodge: Lodge, now: datetime) -> None:
    assert lodge().case.due_at == now + timedelta(hours=72)  # no water: 72 hours, day and night


def test_its_events_are_a_chain_from_the_beginning_to_the_case(lodge: Lodge) -> None:
    case = Case.get_by_id(lodge(words="Hakuna maji.").case.id)
    first, second = history(case)
    assert (first.seq, second.seq, case.events, case.version) == (1, 2, 2, 2)
    assert (first.previous, second.previous, case.chain) == (GENESIS, first.hash, second.hash)


def test_an_event_tells_codes_openly_and_words_only_to_the_citizens_key(lodge: Lodge, amina: Caller) -> None:
    event = history(lodge(words="Hakuna maji.", language="sw").case)[0]
    told = json.loads(event.facts)
    assert (told["language"], told["place"], told["sub"]) == ("sw", "kibera", "water.none")
    assert "Hakuna" not in event.facts
    assert amina.key.open("case_event.words", event.id, event.words or b"") == "Hakuna maji."


def test_what_nobody_has_named_yet_waits_at_the_service_desk(lodge: Lodge) -> None:
    case = lodge(sub=None, place=None, words="Kuna shida.").case
    assert (case.state, case.agency, case.sub) == (State.RECEIVED, "MLANGO", None)
    assert [event.kind for event in history(case)] == [Action.LODGE]


def test_listeners_hear_each_event_of_a_case(lodge: Lodge, ear: Ear) -> None:
    done = lodge()
    assert [(event.kind, event.case.id) for event in ear.heard] == [
        (Action.LODGE, done.case.id),
        (Action.ASSIGN, done.case.id),
    ]
    assert tuple(ear.heard) == done.happened


# Repeats


def test_the_same_request_again_changes_nothing_and_gives_the_same_case(lodge: Lodge, ear: Ear) -> None:
    first, before = lodge(), counts()
    ear.heard.clear()
    again = lodge(sub="power.none")
    assert (again.repeated, again.happened, again.case.ref) == (True, (), first.case.ref)
    assert (counts(), ear.heard) == (before, [])


def test_the_same_request_twice_in_one_batch_makes_one_case(casework: Casework, amina: Caller, now: datetime) -> None:
    first, again = casework.apply_many([lodging(amina, "test:1")] * 2, now)
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert (again.repeated, again.case.id, counts()) == (True, first.case.id, (1, 2, 1))


def test_the_same_request_many_times_at_once_makes_one_case(
    casework: Casework, amina: Caller, ear: Ear, now: datetime
) -> None:
    done = at_once(*[lambda: casework.apply(lodging(amina, "test:1"), now)] * 8)
    assert len({one.case.ref for one in done}) == 1
    assert [one.repeated for one in done].count(False) == 1
    assert counts() == (1, 2, 1)
    assert len([event for one in done for event in one.happened]) == 2


def test_many_requests_at_once_make_a_case_each(casework: Casework, amina: Caller, now: datetime) -> None:
    works = [lambda key=key: casework.apply(lodging(amina, key), now) for key in map(str, range(8))]
    assert len({done.case.ref for done in at_once(*works)}) == 8


def test_words_added_at_once_follow_each_other_in_one_chain(
    casework: Casework, lodge: Lodge, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    at_once(*[lambda key=key: casework.apply(_words(amina, case, key), now) for key in map(str, range(6))])
    assert [event.seq for event in history(case)] == list(range(1, 9))
    assert Case.get_by_id(case.id).events == 8


def test_the_same_words_sent_many_times_at_once_are_added_once(
    casework: Casework, lodge: Lodge, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    at_once(*[lambda: casework.apply(_words(amina, case, "sms:1"), now)] * 6)
    assert Case.get_by_id(case.id).events == 3


# Refusals


def test_a_refusal_stops_only_itself(casework: Casework, lodge: Lodge, amina: Caller, now: datetime) -> None:
    case = lodge().case
    refused = Change(Action.ASSIGN, amina, "ussd", "test:2", case.id)
    outcomes = casework.apply_many([_words(amina, case, "a"), refused, _words(amina, case, "b")], now)
    assert [type(outcome) for outcome in outcomes] == [Done, NotAllowed, Done]
    assert [event.source_key for event in history(case)][2:] == ["a", "b"]


def test_a_single_refusal_is_raised_and_changes_nothing(
    casework: Casework, lodge: Lodge, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    Case.update(state=State.CLOSED).where(Case.id == case.id).execute()
    before = Case.get_by_id(case.id).__data__
    with pytest.raises(NotAllowed, match="this one is closed"):
        casework.apply(_words(amina, case, "late"), now)
    assert Case.get_by_id(case.id).__data__ == before


def test_500_changes_are_one_transaction_and_501_are_too_many(casework: Casework, amina: Caller, now: datetime) -> None:
    with pytest.raises(ValueError, match="at most 500"):
        casework.apply_many([lodging(amina, str(number)) for number in range(MOST_CHANGES + 1)], now)
    assert counts() == (0, 0, 0)
    outcomes = casework.apply_many([lodging(amina, str(number)) for number in range(MOST_CHANGES)], now)
    assert len({outcome.case.ref for outcome in outcomes if isinstance(outcome, Done)}) == MOST_CHANGES
    assert counts() == (500, 1000, 500)


# Listeners


def test_a_listener_that_fails_undoes_everything(citizens: Citizens, amina: Caller, now: datetime) -> None:
    def fails(happened: Sequence[Happened], _: datetime) -> None:
        database.run(database.main, "UPDATE citizen SET language = 'sw'")
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError):
        Casework(packs.current, citizens, [fails]).apply(lodging(amina, "test:1"), now)
    assert counts() == (0, 0, 0)
    assert database.rows(database.main, "SELECT language, place FROM citizen") == [(None, None)]


def test_a_listener_works_in_the_transaction_after_cases_and_events_are_written(
    citizens: Citizens, amina: Caller, now: datetime
) -> None:
    seen = []

    def looks(happened: Sequence[Happened], at: datetime) -> None:
        seen.append((database.main.in_transaction(), counts(), at))

    Casework(packs.current, citizens, [looks]).apply(lodging(amina, "test:1"), now)
    assert seen == [(True, (1, 2, 1), now)]


def test_an_integrity_fault_of_a_listener_is_not_taken_for_a_repeat(
    citizens: Citizens, amina: Caller, now: datetime
) -> None:
    def breaks(happened: Sequence[Happened], _: datetime) -> None:
        CaseNumber.create(id=happened[0].case.ref)

    with pytest.raises(IntegrityError):
        Casework(packs.current, citizens, [breaks]).apply(lodging(amina, "test:1"), now)
    assert counts() == (0, 0, 0)


# Places and kinds


def test_the_place_of_a_problem_is_remembered_for_next_time(lodge: Lodge, citizens: Citizens) -> None:
    lodge("test:1", place="kibera")
    lodge("test:2", place="malindi")
    caller = citizens.find("+254712345678")
    assert caller is not None
    assert caller.place == "malindi"


def test_an_office_one_applied_at_is_no_place_one_lives_at(lodge: Lodge, citizens: Citizens) -> None:
    assert lodge(sub="id.passport", place="nyayo-house").case.place == "nyayo-house"
    caller = citizens.find("+254712345678")
    assert caller is not None
    assert caller.place is None


def test_classifying_a_case_sends_it_to_its_office_and_sets_its_clock_anew(
    casework: Casework, lodge: Lodge, amina: Caller, now: datetime
) -> None:
    case = lodge(sub=None, place=None).case
    later = now + timedelta(hours=3)
    facts = {"sub": "water.none", "place": "kibera"}
    done = casework.apply(Change(Action.CLASSIFY, amina, "sms", "sms:1", case.id, facts=facts), later)
    saved = Case.get_by_id(case.id)
    assert (saved.agency, saved.state, saved.state_since) == ("NCWSC", State.ASSIGNED, later)
    assert saved.due_at == now + timedelta(hours=72)  # from when it was received, not from now
    assert [event.kind for event in done.happened] == [Action.CLASSIFY, Action.ASSIGN]


def test_the_place_alone_moves_a_case_to_the_office_of_that_place(
    casework: Casework, lodge: Lodge, amina: Caller, now: datetime
) -> None:
    case = lodge(place="kibera").case
    change = Change(Action.CLASSIFY, amina, "ussd", "test:2", case.id, facts={"place": "malindi"})
    casework.apply(change, now)
    saved = Case.get_by_id(case.id)
    assert (saved.agency, saved.sub, saved.county) == ("COUNTY-003", "water.none", "003")


def test_classifying_within_one_office_moves_nothing(
    casework: Casework, lodge: Lodge, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    done = casework.apply(Change(Action.CLASSIFY, amina, "ussd", "test:2", case.id, facts={"sub": "water.burst"}), now)
    assert [event.kind for event in done.happened] == [Action.CLASSIFY]
    assert done.case.due_at == now + timedelta(hours=24)


def test_the_pack_that_promised_is_kept_with_the_case(lodge: Lodge) -> None:
    assert lodge().case.pack_version == packs.current().version


def test_times_are_stored_as_microseconds_in_utc(lodge: Lodge, now: datetime) -> None:
    case = lodge().case
    stored = database.rows(database.main, "SELECT received_at FROM cases WHERE id = ?", case.id)
    assert stored == [(to_micros(now),)]


def _words(caller: Caller, case: Case, source_key: str) -> Change:
    return Change(Action.ADD_WORDS, caller, "ussd", source_key, case.id, words="Bado hakuna.")
