from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event

import pytest
from peewee import IntegrityError

import packs
from cases import reference
from cases.casework import MOST_CHANGES, Casework, Change, Done, Happened
from cases.citizens import Caller, Citizens
from cases.events import GENESIS
from cases.lifecycle import Action, NotAllowed, Role, Stale, State
from cases.models import Case, CaseEvent, CaseNumber, Citizen
from cases.sweep import sweep
from store import database
from store.model import to_micros
from tests.cases.conftest import Ear, Lodge, Officer, lodging
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


# Who has it


def fresh(case: Case) -> Case:
    found: Case = Case.get_by_id(case.id)
    return found


@pytest.fixture
def with_members(bound: str, ke: packs.Pack, citizens: Citizens) -> Casework:
    """Casework in a country where the water company has three officers."""
    members = {"NCWSC": ("ncwsc-1", "ncwsc-2", "ncwsc-3")}
    return Casework(lambda: replace(ke, members=members), citizens)


def test_cases_go_round_among_the_members_of_an_office(with_members: Casework, amina: Caller, now: datetime) -> None:
    done = with_members.apply_many([lodging(amina, str(number)) for number in range(6)], now)
    owners = [one.case.owner for one in done if isinstance(one, Done)]
    assert owners == ["ncwsc-1", "ncwsc-2", "ncwsc-3"] * 2


def test_who_has_closed_most_gets_the_next(with_members: Casework, amina: Caller, now: datetime) -> None:
    for number in range(6):
        with_members.apply(lodging(amina, str(number)), now)
    theirs = Case.select().where(Case.owner == "ncwsc-2")
    withdrawn = [Change(Action.WITHDRAW, amina, "ussd", f"withdraw:{case.id}", case.id) for case in theirs]
    with_members.apply_many(withdrawn, now)
    after = now + timedelta(minutes=1)
    assert with_members.apply(lodging(amina, "next"), after).case.owner == "ncwsc-2"


def test_an_office_without_members_has_the_case_as_a_whole(lodge: Lodge) -> None:
    assert lodge(sub="roads.town", place="kibera").case.owner is None


def test_who_starts_on_a_case_has_it_from_then_on(lodge: Lodge, officer: Officer) -> None:
    case = lodge(sub="roads.town", place="kibera").case
    assert officer(case, Action.START, actor="r.kamau").case.owner == "r.kamau"


def test_a_transfer_gives_it_to_a_member_of_the_other_office(
    with_members: Casework, amina: Caller, now: datetime
) -> None:
    case = with_members.apply(lodging(amina, "power", sub="power.none"), now).case
    moved = Change(
        Action.TRANSFER, None, "cli", "move", case.id, Role.SUPERVISOR, {"agency": "NCWSC"}, "It is their pump."
    )
    done = with_members.apply(moved, now).case
    assert (done.agency, done.owner, done.due_at) == ("NCWSC", "ncwsc-1", case.due_at)


def test_what_no_rule_covers_waits_for_a_supervisor(lodge: Lodge) -> None:
    case = lodge(sub="other.other", place=None, words="Kuna shida.").case
    assert (case.state, case.agency, case.queue) == (State.RECEIVED, "MLANGO", "supervisor")


def test_what_turns_out_to_be_covered_by_no_rule_comes_back_to_the_desk(
    casework: Casework, lodge: Lodge, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    other = Change(Action.CLASSIFY, amina, "sms", "other", case.id, facts={"sub": "other.other"})
    done = casework.apply(other, now).case
    assert (done.agency, done.queue) == ("MLANGO", "supervisor")


def test_a_supervisor_who_assigns_it_empties_the_queue(lodge: Lodge, officer: Officer) -> None:
    case = lodge(sub="other.other", place=None, words="Kuna shida.").case
    done = officer(case, Action.ASSIGN, role=Role.SUPERVISOR, agency="NRB").case
    assert (done.state, done.agency, done.queue) == (State.ASSIGNED, "NRB", None)


def test_a_case_never_goes_to_the_office_that_it_is_about(lodge: Lodge, officer: Officer) -> None:
    case = lodge(visibility="confidential", about="NCWSC").case
    assert case.agency != "NCWSC"
    with pytest.raises(NotAllowed, match="never gives a case to the office that it is about"):
        officer(case, Action.ASSIGN, role=Role.SUPERVISOR, agency="NCWSC")


@pytest.mark.parametrize("kin", ["COUNTY-047", "COUNTY-047-HEALTH"])
def test_nor_does_it_go_to_the_kin_of_that_office(lodge: Lodge, officer: Officer, juma: Caller, kin: str) -> None:
    case = lodge(sub="roads.drains", about="COUNTY-047-WORKS").case
    assert case.agency == "MLANGO"
    sentence = "never gives a case to the office that it is about, nor to its kin"
    with pytest.raises(NotAllowed, match=f"assign {sentence}"):
        officer(case, Action.ASSIGN, role=Role.SUPERVISOR, agency=kin)
    with pytest.raises(NotAllowed, match=f"transfer {sentence}"):
        officer(case, Action.TRANSFER, role=Role.SUPERVISOR, agency=kin, words="It is theirs.")
    known = lodge("known", caller=juma).case
    officer(known, Action.TRANSFER, role=Role.SUPERVISOR, agency=kin, words="It is theirs.")
    with pytest.raises(NotAllowed, match=f"duplicate {sentence}"):
        officer(case, Action.DUPLICATE, role=Role.SUPERVISOR, master=known.id)
    assert (
        officer(case, Action.TRANSFER, role=Role.SUPERVISOR, agency="EACC", words="To look at.").case.agency == "EACC"
    )


@pytest.mark.parametrize("office", ["COUNTY-047-WORKS", "COUNTY-047-HEALTH"])
@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ADMIN, Role.APPEAL_OFFICER, Role.AGENT])
def test_to_officers_of_that_office_and_its_kin_it_does_not_exist(
    lodge: Lodge, officer: Officer, office: str, role: Role
) -> None:
    case = lodge(sub="roads.drains", about="COUNTY-047-WORKS").case
    for action in (Action.NOTE, Action.CLASSIFY, Action.ASSIGN):
        with pytest.raises(NotAllowed, match=r"^there is no such case$"):
            officer(case, action, role=role, office=office, words="We know.", agency="EACC", version=99)


# Who looked at what


def test_of_two_who_change_one_case_the_second_is_told_and_nothing_is_lost(lodge: Lodge, officer: Officer) -> None:
    case = fresh(lodge().case)
    officer(case, Action.NOTE, words="Sent the van.", version=case.version)
    before = counts()
    with pytest.raises(Stale, match="it is at version 3 now, not at 2"):
        officer(case, Action.NOTE, words="Sent the lorry.", version=case.version)
    assert counts() == before
    assert [event.kind for event in history(case)][-1] == Action.NOTE


def test_only_who_lodged_a_case_speaks_for_its_citizen(
    casework: Casework, lodge: Lodge, juma: Caller, now: datetime
) -> None:
    case = lodge().case
    with pytest.raises(NotAllowed, match="withdraw is for the citizen who lodged the case"):
        casework.apply(Change(Action.WITHDRAW, juma, "sms", "not mine", case.id), now)
    assert fresh(case).state == State.ASSIGNED


@pytest.mark.parametrize("facts", [{"sub": "no.such"}, {"place": "atlantis"}, {"priority": "at once"}])
def test_codes_that_do_not_exist_are_refused_in_words(lodge: Lodge, facts: dict[str, str]) -> None:
    ((name, code),) = facts.items()
    with pytest.raises(NotAllowed, match=f"lodge does not know the {name} {code}"):
        lodge(**facts)
    assert counts() == (0, 0, 0)


# Clocks and the decision


def test_the_first_act_and_the_first_words_of_an_officer_are_noted(
    lodge: Lodge, officer: Officer, now: datetime
) -> None:
    case = lodge().case
    assert (case.acknowledged_at, case.responded_at) == (None, None)
    officer(case, Action.START, at=now + timedelta(hours=1))
    officer(case, Action.ASK, words="Which street?", at=now + timedelta(hours=2))
    officer(case, Action.RESUME, at=now + timedelta(hours=3))
    done = fresh(case)
    assert (done.acknowledged_at, done.responded_at) == (now + timedelta(hours=1), now + timedelta(hours=2))


def test_the_clock_stands_still_while_the_citizen_is_asked(
    casework: Casework, lodge: Lodge, officer: Officer, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    officer(case, Action.START)
    officer(case, Action.ASK, words="Which street?")
    answer = Change(Action.ANSWER, amina, "sms", "answer", case.id, words="Olympic road")
    answered = casework.apply(answer, now + timedelta(hours=5)).case
    assert (answered.state, answered.paused_minutes) == (State.IN_PROGRESS, 300)
    assert answered.due_at == case.due_at + timedelta(hours=5)


def test_a_citizens_words_do_not_restart_the_clock(
    casework: Casework, lodge: Lodge, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    added = casework.apply(_words(amina, case, "more"), now + timedelta(hours=9)).case
    assert (added.due_at, added.clock_start) == (case.due_at, now)


def test_reopening_promises_anew_but_keeps_the_total_age(
    casework: Casework, lodge: Lodge, officer: Officer, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    officer(case, Action.START)
    officer(case, Action.RESOLVE, words="The pipe was mended today.", outcome="fixed")
    later = now + timedelta(days=3)
    again = casework.apply(Change(Action.REOPEN, amina, "sms", "bado", case.id), later).case
    assert (again.cycle, again.reopens, again.received_at) == (2, 1, now)
    assert again.due_at == later + timedelta(hours=72)


def test_the_window_to_reopen_runs_from_the_decision_not_from_the_last_note(
    casework: Casework, lodge: Lodge, officer: Officer, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    officer(case, Action.START)
    officer(case, Action.RESOLVE, words="The pipe was mended today.", outcome="fixed")
    officer(case, Action.NOTE, words="Checked again.", at=now + timedelta(days=29))
    with pytest.raises(NotAllowed, match="within 30 days of the decision"):
        casework.apply(Change(Action.REOPEN, amina, "sms", "late", case.id), now + timedelta(days=31))


def test_an_appeal_is_heard_by_somebody_else_and_its_word_is_the_last(
    casework: Casework, lodge: Lodge, officer: Officer, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    officer(case, Action.REJECT, role=Role.SUPERVISOR, actor="boss", words="It is before a court.", reason="in_court")
    casework.apply(Change(Action.APPEAL, amina, "sms", "rufaa", case.id), now)
    with pytest.raises(NotAllowed, match="somebody who did not decide"):
        officer(case, Action.UPHOLD, role=Role.APPEAL_OFFICER, actor="boss", words="It is before a court.")
    officer(case, Action.UPHOLD, role=Role.APPEAL_OFFICER, actor="judge", words="It is before a court.")
    assert fresh(case).state == State.CLOSED
    with pytest.raises(NotAllowed, match="not possible after an appeal"):
        casework.apply(Change(Action.REOPEN, amina, "sms", "again", case.id), now)


def test_a_successful_appeal_starts_a_new_cycle_in_other_hands(
    casework: Casework, lodge: Lodge, officer: Officer, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    officer(case, Action.REJECT, role=Role.SUPERVISOR, actor="boss", words="It is before a court.", reason="in_court")
    casework.apply(Change(Action.APPEAL, amina, "sms", "rufaa", case.id), now)
    done = officer(case, Action.OVERTURN, role=Role.APPEAL_OFFICER, actor="judge", words="No court has it at all.").case
    assert (done.state, done.cycle, done.owner, done.appealed) == (State.ASSIGNED, 3, None, 0)


def test_a_withdrawal_by_somebody_elses_hand_is_undone(
    casework: Casework, lodge: Lodge, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    casework.apply(Change(Action.WITHDRAW, amina, "ussd", "withdraw", case.id), now)
    restored = casework.apply(Change(Action.RESTORE, amina, "sms", "hapana", case.id), now + timedelta(days=6)).case
    assert restored.state == State.ASSIGNED
    assert restored.due_at == now + timedelta(days=6, hours=72)  # the days that it lay withdrawn are not the office's


def test_an_offices_file_may_resolve_what_it_never_said_it_started(lodge: Lodge, officer: Officer) -> None:
    case = lodge().case
    done = officer(case, Action.RESOLVE, role=Role.SYNC, words="The pipe was mended.", outcome="fixed").case
    assert done.state == State.RESOLVED


def test_what_happened_earlier_is_dated_then_and_recorded_now(casework: Casework, lodge: Lodge, now: datetime) -> None:
    case = lodge().case
    then = now + timedelta(hours=1)
    start = Change(Action.START, None, "csv", "row 1", case.id, Role.SYNC, at=then)
    casework.apply(start, now + timedelta(hours=9))
    event = history(case)[-1]
    assert (event.occurred_at, event.recorded_at) == (then, now + timedelta(hours=9))
    assert (fresh(case).state_since, fresh(case).acknowledged_at) == (then, then)


# Coming again, and following


def test_who_comes_again_with_the_same_kind_within_a_month_is_noted(lodge: Lodge, juma: Caller, now: datetime) -> None:
    assert lodge("1").case.repeats == 0
    assert lodge("2", caller=juma).case.repeats == 0
    assert lodge("3", sub="power.none").case.repeats == 0
    assert lodge("4", sub="water.dirty", at=now + timedelta(days=29)).case.repeats == 1
    assert lodge("5", sub="power.none", at=now + timedelta(days=31)).case.repeats == 0


def test_nobody_follows_a_secret_or_an_ended_case(lodge: Lodge, officer: Officer, juma: Caller) -> None:
    secret, mine = lodge("1", visibility="confidential", about="KPLC").case, lodge("2", caller=juma).case
    with pytest.raises(NotAllowed, match="duplicate needs a public case to follow"):
        officer(mine, Action.DUPLICATE, master=secret.id)
    ended = lodge("3").case
    officer(ended, Action.REJECT, role=Role.SUPERVISOR, words="It is before a court.", reason="in_court")
    with pytest.raises(NotAllowed, match="duplicate needs an open case to follow; that one is rejected"):
        officer(mine, Action.DUPLICATE, master=ended.id)


def test_add_me_is_lodged_as_a_case_of_its_own_if_the_known_one_has_ended(
    lodge: Lodge, officer: Officer, juma: Caller
) -> None:
    known = lodge("1").case
    officer(known, Action.REJECT, role=Role.SUPERVISOR, words="It is before a court.", reason="in_court")
    mine = lodge("2", caller=juma, master=known.id).case
    assert (mine.state, mine.master) == (State.ASSIGNED, None)


def test_followers_who_join_at_once_are_all_counted(
    casework: Casework, citizens: Citizens, lodge: Lodge, now: datetime
) -> None:
    master = lodge().case
    callers = [citizens.meet(f"+25470000000{number}", now) for number in range(6)]
    at_once(
        *[
            lambda caller=caller: casework.apply(lodging(caller, f"me too {caller.id}", master=master.id), now)
            for caller in callers
        ]
    )
    assert fresh(master).followers == 6


def test_what_is_written_to_an_erased_citizen_is_not_kept(lodge: Lodge, officer: Officer) -> None:
    case = lodge().case
    Citizen.update(data_key=None).execute()
    officer(case, Action.NOTE, words="Nobody answers the phone.")
    assert history(case)[-1].words is None


def test_a_slip_of_the_keyboard_does_not_give_a_case_to_nobody(lodge: Lodge, officer: Officer) -> None:
    case = lodge().case
    with pytest.raises(NotAllowed, match="assign does not know the officer ncwsc-11 at NCWSC"):
        officer(case, Action.ASSIGN, role=Role.SUPERVISOR, owner="ncwsc-11")
    assert officer(case, Action.ASSIGN, role=Role.SUPERVISOR, owner="ncwsc-3").case.owner == "ncwsc-3"


def test_who_is_added_to_a_known_case_is_with_the_same_office(lodge: Lodge, officer: Officer, juma: Caller) -> None:
    known = lodge("1").case
    officer(known, Action.TRANSFER, role=Role.SUPERVISOR, words="Their pump.", agency="KPLC")
    mine = lodge("2", caller=juma, master=known.id).case
    assert (mine.state, mine.agency, mine.owner) == (State.DUPLICATE, "KPLC", None)


def test_a_case_does_not_follow_another_to_the_office_that_it_is_about(
    lodge: Lodge, officer: Officer, juma: Caller
) -> None:
    known = lodge("1").case
    mine = lodge("2", caller=juma, master=known.id, visibility="confidential", about="NCWSC").case
    assert (mine.master, mine.agency != "NCWSC") == (None, True)
    with pytest.raises(NotAllowed, match="duplicate never gives a case to the office that it is about"):
        officer(mine, Action.DUPLICATE, role=Role.SUPERVISOR, master=known.id)


def test_more_urgency_does_not_send_a_case_back_to_the_office_that_gave_it_away(lodge: Lodge, officer: Officer) -> None:
    case = lodge().case
    officer(case, Action.TRANSFER, role=Role.SUPERVISOR, words="Their pump.", agency="KPLC")
    urgent = officer(case, Action.CLASSIFY, role=Role.SUPERVISOR, priority="urgent").case
    assert (urgent.agency, urgent.priority) == ("KPLC", "urgent")


def test_what_an_officer_works_on_waits_for_no_supervisor(lodge: Lodge, officer: Officer) -> None:
    case = lodge(sub="other.other", place=None, words="Kuna shida.").case
    waiting = officer(case, Action.ASSIGN, role=Role.SUPERVISOR, agency="MLANGO").case
    assert (waiting.state, waiting.queue) == (State.ASSIGNED, "supervisor")
    assert officer(case, Action.START, actor="desk-1").case.queue is None


def test_who_takes_an_appeal_back_and_restores_the_case_may_appeal_the_next_decision(
    casework: Casework, lodge: Lodge, officer: Officer, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    resolution = {"words": "The pipe was mended today.", "outcome": "fixed"}
    officer(case, Action.START)
    officer(case, Action.RESOLVE, **resolution)
    for action in (Action.APPEAL, Action.WITHDRAW, Action.RESTORE):
        casework.apply(Change(action, amina, "ussd", f"theirs:{action}", case.id), now)
    officer(case, Action.START)
    officer(case, Action.RESOLVE, **resolution)
    assert casework.apply(Change(Action.APPEAL, amina, "ussd", "again", case.id), now).case.state == State.APPEALED


@pytest.mark.parametrize("database_kind", ["postgresql"])  # on SQLite who holds a citizen holds every writer
def test_who_lodges_does_not_wait_for_who_holds_the_citizen(
    casework: Casework, citizens: Citizens, amina: Caller, now: datetime
) -> None:
    is_held, is_lodged = Event(), Event()

    def hold() -> bool:
        with database.transaction():
            citizens.hold(amina.id)
            is_held.set()
            return is_lodged.wait(timeout=3)

    def lodge() -> bool:
        is_held.wait(timeout=3)
        casework.apply(lodging(amina, "test:1"), now)
        is_lodged.set()
        return True

    assert at_once(hold, lodge) == [True, True]


def test_who_hears_an_appeal_has_the_promised_time_for_it(
    casework: Casework, lodge: Lodge, officer: Officer, amina: Caller, now: datetime
) -> None:
    case = lodge().case
    officer(case, Action.REJECT, role=Role.SUPERVISOR, words="It is before a court.", reason="in_court")
    later = now + timedelta(days=8)
    appealed = casework.apply(Change(Action.APPEAL, amina, "sms", "rufaa", case.id), later).case
    assert (appealed.due_at, appealed.cycle) == (later + timedelta(hours=72), 2)
    assert sweep(casework, later + timedelta(hours=53)) == {}


def test_a_late_answer_of_the_citizen_does_not_undo_a_transfer(
    casework: Casework, lodge: Lodge, officer: Officer, amina: Caller, now: datetime
) -> None:
    case = lodge(place=None).case
    officer(case, Action.TRANSFER, role=Role.SUPERVISOR, words="Their pump.", agency="KPLC")
    where = Change(Action.CLASSIFY, amina, "sms", "where", case.id, facts={"place": "kibera"})
    told = casework.apply(where, now).case
    assert (told.place, told.agency) == ("kibera", "KPLC")


def test_what_is_about_an_office_is_never_public(lodge: Lodge) -> None:
    assert lodge("1", about="NCWSC").case.visibility == "confidential"
    assert lodge("2", about="NCWSC", visibility="anonymous").case.visibility == "anonymous"


def test_what_is_about_the_desk_itself_is_refused_in_words(lodge: Lodge) -> None:
    with pytest.raises(NotAllowed, match="the service desk hands out every case"):
        lodge(about="MLANGO")


def test_a_citizen_may_wish_that_no_sms_tells_of_it(lodge: Lodge) -> None:
    silent, loud = lodge("1", silent=True).case, lodge("2").case
    assert [Case.get_by_id(case.id).silent for case in (silent, loud)] == [1, None]
    assert json.loads(history(silent)[0].facts)["silent"] == 1
    assert "silent" not in json.loads(history(loud)[0].facts)


def test_a_retired_office_gets_nothing_more(ke: packs.Pack, citizens: Citizens, amina: Caller, now: datetime) -> None:
    agencies = {**ke.agencies, "NCWSC": replace(ke.agencies["NCWSC"], retired=True)}
    casework = Casework(lambda: replace(ke, agencies=agencies), citizens)
    case = casework.apply(lodging(amina, "test:1"), now).case
    assert case.agency == "COUNTY-047"
    back = Change(Action.TRANSFER, None, "cli", "t", case.id, Role.SUPERVISOR, {"agency": "NCWSC"}, "Their pipe.")
    with pytest.raises(NotAllowed, match="transfer is not possible to NCWSC, which is retired"):
        casework.apply(back, now)


def test_an_officer_of_another_office_is_not_slipped_in(lodge: Lodge, officer: Officer) -> None:
    case = lodge(sub="roads.town", about="NCWSC").case
    with pytest.raises(NotAllowed, match="does not know the officer ncwsc-1"):
        officer(case, Action.ASSIGN, role=Role.SUPERVISOR, owner="ncwsc-1")


def test_a_case_that_does_not_exist_is_refused_in_words(casework: Casework, amina: Caller, now: datetime) -> None:
    with pytest.raises(NotAllowed, match="there is no such case"):
        casework.apply(Change(Action.WITHDRAW, amina, "sms", "1", "0" * 32), now)


# What offices tell by their files


def test_a_key_that_served_one_case_serves_no_other(casework: Casework, lodge: Lodge, now: datetime) -> None:
    first, second = lodge("test:1").case, lodge("test:2").case
    start = Change(Action.START, None, "csv", "update/1", first.id, Role.SYNC)
    casework.apply(start, now)
    assert casework.apply(start, now).repeated
    with pytest.raises(NotAllowed, match="served before, for another case"):
        casework.apply(replace(start, case_id=second.id), now)


@pytest.mark.parametrize(("told", "known"), [(-60, 0), (30, 30), (90, 60)])
def test_nothing_happens_before_its_case_begins_nor_after_now(
    casework: Casework, lodge: Lodge, now: datetime, told: int, known: int
) -> None:
    case = lodge().case
    start = Change(Action.START, None, "csv", "u", case.id, Role.SYNC, at=now + timedelta(minutes=told))
    casework.apply(start, now + timedelta(minutes=60))
    assert history(case)[-1].occurred_at == now + timedelta(minutes=known)


def test_what_is_told_late_may_have_been_the_first_answer(casework: Casework, lodge: Lodge, now: datetime) -> None:
    case, later = lodge().case, now + timedelta(hours=2)
    casework.apply(Change(Action.START, None, "csv", "1", case.id, Role.SYNC, at=later), later)
    early = now + timedelta(minutes=5)
    said = {"status": "pending_citizen"}
    casework.apply(Change(Action.RECORD, None, "csv", "2", case.id, Role.SYNC, said, "Where?", at=early), later)
    told = Case.get_by_id(case.id)
    assert (told.acknowledged_at, told.responded_at, told.state) == (early, early, State.IN_PROGRESS)


def test_a_second_question_ends_the_first_pause(casework: Casework, lodge: Lodge, now: datetime) -> None:
    case = lodge().case
    for number, minutes in enumerate((0, 30)):
        at = now + timedelta(minutes=minutes)
        casework.apply(Change(Action.ASK, None, "csv", str(number), case.id, Role.SYNC, words="Where?"), at)
    asked = Case.get_by_id(case.id)
    assert (asked.paused_minutes, asked.paused_at) == (30, now + timedelta(minutes=30))


def test_a_file_names_no_officer_of_another_office(casework: Casework, lodge: Lodge, now: datetime) -> None:
    named = Change(Action.RECORD, None, "csv", "u", lodge().case.id, Role.SYNC, {"owner": "kplc-1"})
    with pytest.raises(NotAllowed, match="does not know the officer kplc-1"):
        casework.apply(named, now)


def test_no_changes_are_no_work(casework: Casework, now: datetime) -> None:
    assert casework.apply_many([], now) == []
