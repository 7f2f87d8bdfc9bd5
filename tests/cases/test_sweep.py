from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

import packs
from bench.sweep import furnish
from cases import timers
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, Role, State
from cases.models import Case, CaseEvent, Citizen
from cases.sweep import BATCH, due, sweep
from store import database
from tests.cases.conftest import Ear, Lodge, Officer, lodging
from tests.together import at_once

NOTE = "The pipe was mended today."


def events(case: Case, kind: Action) -> list[dict[str, Any]]:
    found = CaseEvent.select().where(CaseEvent.case == case.id, CaseEvent.kind == kind).order_by(CaseEvent.seq)
    return [json.loads(event.facts) for event in found]


def levels(case: Case) -> list[int]:
    return [facts["level"] for facts in events(case, Action.ESCALATE)]


def fresh(case: Case) -> Case:
    found: Case = Case.get_by_id(case.id)
    return found


@pytest.fixture
def resolved(lodge: Lodge, officer: Officer) -> Case:
    """No water in Kibera, mended."""
    case = lodge().case
    officer(case, Action.START)
    return officer(case, Action.RESOLVE, words=NOTE, outcome="fixed").case


def test_a_case_escalates_at_each_level_once(casework: Casework, lodge: Lodge, now: datetime) -> None:
    case = lodge().case  # promised in 72 hours, day and night
    for after, expected in [(53, []), (54, [75]), (71, [75]), (72, [75, 100]), (108, [75, 100, 150]), (144, None)]:
        sweep(casework, now + timedelta(hours=after))
        assert levels(case) == (expected if expected is not None else [75, 100, 150, 200])
    assert (fresh(case).escalation, fresh(case).next_at) == (200, None)
    assert sweep(casework, now + timedelta(days=300)) == {}


def test_after_a_standstill_it_goes_to_the_highest_level_at_once(
    casework: Casework, lodge: Lodge, now: datetime
) -> None:
    case = lodge().case
    assert sweep(casework, now + timedelta(hours=110)) == {"escalate": 1}
    assert levels(case) == [150]


def test_what_waits_for_a_supervisor_escalates_too(casework: Casework, lodge: Lodge, now: datetime) -> None:
    case = lodge(sub="other.other", place=None, words="Kuna shida.").case
    assert (case.state, case.owner) == (State.RECEIVED, None)
    assert sweep(casework, case.due_at) == {"escalate": 1}
    assert levels(case) == [100]


def test_a_new_cycle_escalates_anew(casework: Casework, resolved: Case, amina: Caller, now: datetime) -> None:
    again = now + timedelta(hours=2)
    casework.apply(Change(Action.REOPEN, amina, "sms", "again", resolved.id), again)
    sweep(casework, again + timedelta(hours=72))
    sweep(casework, again + timedelta(hours=72))
    assert levels(resolved) == [100]
    assert fresh(resolved).cycle == 2


def test_what_nobody_can_name_goes_to_the_triage_queue(casework: Casework, lodge: Lodge, now: datetime) -> None:
    case = lodge(sub=None, place=None, words="Mambo vipi").case
    assert sweep(casework, now + timedelta(minutes=119)) == {}
    assert sweep(casework, now + timedelta(minutes=120)) == {"triage": 1}
    assert fresh(case).queue == "triage"


def test_who_does_not_answer_is_not_waited_for_for_ever(
    casework: Casework, lodge: Lodge, officer: Officer, now: datetime
) -> None:
    case = lodge().case
    officer(case, Action.START)
    officer(case, Action.ASK, words="Which street is it?")
    assert sweep(casework, now + timedelta(days=5, minutes=-1)) == {}
    assert sweep(casework, now + timedelta(days=5)) == {"resume": 1}
    went_on = fresh(case)
    assert (went_on.state, went_on.paused_minutes, went_on.paused_at) == (State.IN_PROGRESS, 5 * 1440, None)
    assert went_on.due_at == case.due_at + timedelta(days=5)


def test_a_resolved_case_is_asked_about_once_more_and_then_closes(
    casework: Casework, resolved: Case, now: datetime
) -> None:
    last_call = fresh(resolved).next_at
    assert last_call > now + timers.FEEDBACK_WINDOW / 2
    assert sweep(casework, last_call) == {"remind": 1}
    assert fresh(resolved).state == State.RESOLVED
    assert sweep(casework, now + timers.FEEDBACK_WINDOW - timedelta(seconds=1)) == {}
    assert sweep(casework, now + timers.FEEDBACK_WINDOW) == {"close": 1}
    assert fresh(resolved).state == State.CLOSED


# Followers


def follower(casework: Casework, caller: Caller, master: Case, now: datetime, key: str = "me too") -> Case:
    return casework.apply(lodging(caller, key, master=master.id), now).case


def test_followers_hear_when_their_master_is_resolved(
    casework: Casework, lodge: Lodge, officer: Officer, juma: Caller, now: datetime
) -> None:
    master = lodge().case
    follows = follower(casework, juma, master, now)
    assert (follows.state, follows.master, fresh(master).followers) == (State.DUPLICATE, master.id, 1)
    officer(master, Action.START)
    officer(master, Action.RESOLVE, words=NOTE, outcome="fixed")
    assert sweep(casework, now) == {"follow": 1}
    told = fresh(follows)
    assert (told.state, told.outcome, told.decided_by) == (State.RESOLVED, "fixed", fresh(master).decided_by)
    assert sweep(casework, now) == {}


def test_a_follower_whose_problem_is_not_fixed_goes_its_own_way(
    casework: Casework, lodge: Lodge, officer: Officer, juma: Caller, now: datetime
) -> None:
    master = lodge().case
    follows = follower(casework, juma, master, now)
    officer(master, Action.START)
    officer(master, Action.RESOLVE, words=NOTE, outcome="fixed")
    sweep(casework, now)
    casework.apply(Change(Action.REOPEN, juma, "sms", "bado", follows.id), now)
    assert (fresh(follows).state, fresh(follows).master) == (State.ASSIGNED, None)
    assert (fresh(master).state, fresh(master).followers) == (State.RESOLVED, 0)


@pytest.mark.parametrize("ending", [Action.WITHDRAW, Action.REJECT])
def test_when_a_master_ends_without_an_answer_its_followers_go_on(
    ending: Action, casework: Casework, lodge: Lodge, amina: Caller, officer: Officer, juma: Caller, now: datetime
) -> None:
    master = lodge().case
    follows = follower(casework, juma, master, now)
    if ending is Action.WITHDRAW:
        casework.apply(Change(Action.WITHDRAW, amina, "ussd", "enough", master.id), now)
    else:
        officer(master, Action.REJECT, role=Role.SUPERVISOR, words=NOTE, reason="in_court")
    assert sweep(casework, now) == {"release": 1}
    assert (fresh(follows).state, fresh(follows).master) == (State.ASSIGNED, None)
    assert fresh(follows).next_step == Action.ESCALATE


def test_what_is_noted_about_a_follower_does_not_keep_the_news_from_it(
    casework: Casework, lodge: Lodge, officer: Officer, juma: Caller, now: datetime
) -> None:
    master = lodge().case
    follows = follower(casework, juma, master, now)
    officer(master, Action.START)
    officer(master, Action.RESOLVE, words=NOTE, outcome="fixed")
    officer(follows, Action.NOTE, words="They called us.")
    assert sweep(casework, now) == {"follow": 1}
    assert fresh(follows).state == State.RESOLVED


def test_who_follows_a_case_under_appeal_goes_on_when_the_decision_stands(
    casework: Casework, resolved: Case, officer: Officer, amina: Caller, juma: Caller, now: datetime
) -> None:
    casework.apply(Change(Action.APPEAL, amina, "ussd", "appeal", resolved.id), now)
    follows = follower(casework, juma, resolved, now)
    assert follows.state == State.DUPLICATE
    officer(resolved, Action.UPHOLD, words="The decision was right, we looked at it.", role=Role.APPEAL_OFFICER)
    assert sweep(casework, now)["release"] == 1
    assert fresh(follows).state == State.ASSIGNED


def test_followers_go_to_the_office_that_their_master_was_transferred_to(
    casework: Casework, lodge: Lodge, officer: Officer, amina: Caller, juma: Caller, now: datetime
) -> None:
    water, works = lodge("1").case, lodge("2").case
    released, followed = follower(casework, juma, water, now), follower(casework, juma, works, now, "me too 2")
    for master in (water, works):
        officer(master, Action.TRANSFER, role=Role.SUPERVISOR, words="Their pipe.", agency="COUNTY-047-WORKS")
    casework.apply(Change(Action.WITHDRAW, amina, "ussd", "enough", water.id), now)
    officer(works, Action.START)
    officer(works, Action.RESOLVE, words=NOTE, outcome="fixed")
    assert sweep(casework, now) == {"release": 1, "follow": 1}
    assert {fresh(case).agency for case in (released, followed)} == {"COUNTY-047-WORKS"}


def test_a_follower_in_confidence_stays_where_it_is_when_its_master_went_to_the_kin_of_whom_it_is_about(
    casework: Casework, lodge: Lodge, officer: Officer, amina: Caller, juma: Caller, now: datetime
) -> None:
    master = lodge().case
    add_me = lodging(juma, "me too", about="COUNTY-047", master=master.id)
    follows = casework.apply(add_me, now).case
    assert (follows.state, follows.agency) == (State.DUPLICATE, "NCWSC")
    officer(master, Action.TRANSFER, role=Role.SUPERVISOR, words="Their pipe.", agency="COUNTY-047-WORKS")
    casework.apply(Change(Action.WITHDRAW, amina, "ussd", "enough", master.id), now)
    assert sweep(casework, now) == {"release": 1}
    assert (fresh(follows).state, fresh(follows).agency) == (State.ASSIGNED, "NCWSC")


def test_a_released_follower_is_given_to_an_officer(
    casework: Casework, lodge: Lodge, amina: Caller, juma: Caller, now: datetime
) -> None:
    master = lodge().case
    follows = follower(casework, juma, master, now)
    casework.apply(Change(Action.WITHDRAW, amina, "ussd", "enough", master.id), now)
    sweep(casework, now)
    assert fresh(follows).owner in casework.pack().members["NCWSC"]


def test_a_follower_who_appeals_goes_its_own_way(
    casework: Casework, lodge: Lodge, officer: Officer, juma: Caller, now: datetime
) -> None:
    master = lodge().case
    follows = follower(casework, juma, master, now)
    officer(master, Action.START)
    officer(master, Action.RESOLVE, words=NOTE, outcome="fixed")
    sweep(casework, now)
    casework.apply(Change(Action.APPEAL, juma, "sms", "rufaa", follows.id), now)
    assert (fresh(follows).master, fresh(master).followers) == (None, 0)


# Draining


def many(casework: Casework, citizens: Citizens, now: datetime, count: int) -> None:
    callers = [citizens.meet(f"+2547000{number:05}", now) for number in range(10)]
    changes = [lodging(callers[number % 10], f"many:{number}") for number in range(count)]
    for start in range(0, count, 500):
        casework.apply_many(changes[start : start + 500], now)


def test_a_sweep_drains_everything_that_is_due(casework: Casework, citizens: Citizens, now: datetime) -> None:
    many(casework, citizens, now, 350)
    assert sweep(casework, now + timedelta(hours=80)) == {"escalate": 350}
    assert due(now + timedelta(hours=80)) == []
    assert Case.select().where(Case.escalation == 100).count() == 350


def test_a_mountain_of_overdue_cases_is_drained_by_one_sweep(
    citizens: Citizens, database_kind: str, now: datetime
) -> None:
    casework = Casework(packs.current, citizens)
    count = 50_000 if database_kind == "sqlite" else 5_000  # every case takes its time, once is enough
    furnish(casework, now, count)
    assert sweep(casework, now + timedelta(hours=80)) == {"escalate": count}
    assert due(now + timedelta(hours=80)) == []
    assert Case.select().where(Case.escalation == 100).count() == count
    assert CaseEvent.select().where(CaseEvent.kind == Action.ESCALATE).count() == count


def test_two_sweeps_at_once_do_nothing_twice(casework: Casework, citizens: Citizens, ear: Ear, now: datetime) -> None:
    many(casework, citizens, now, 300)
    ear.heard.clear()
    done = at_once(*[lambda: sweep(casework, now + timedelta(hours=80))] * 3)
    assert sum(one["escalate"] for one in done) == 300
    assert CaseEvent.select().where(CaseEvent.kind == Action.ESCALATE).count() == 300
    assert len({event.case.id for event in ear.heard}) == len(ear.heard) == 300


def test_a_sweep_stops_between_batches_when_told(casework: Casework, citizens: Citizens, now: datetime) -> None:
    many(casework, citizens, now, 250)
    asked = iter([True, False])
    assert sweep(casework, now + timedelta(hours=80), go_on=lambda: next(asked)) == {"escalate": BATCH}
    assert sweep(casework, now + timedelta(hours=80)) == {"escalate": 250 - BATCH}


def test_a_timer_that_rings_too_early_is_set_again(casework: Casework, lodge: Lodge, now: datetime) -> None:
    case = lodge().case
    right = case.next_at
    Case.update(next_at=now).execute()  # as the migration leaves older cases
    assert sweep(casework, now) == {}
    assert (fresh(case).next_at, fresh(case).next_step) == (right, Action.ESCALATE)


def test_a_step_that_is_refused_is_logged_and_tried_later(casework: Casework, lodge: Lodge, now: datetime) -> None:
    case = lodge().case
    Case.update(next_at=now, next_step="close").execute()
    heard: list[dict[str, Any]] = []
    assert sweep(casework, now, log=lambda _, **told: heard.append(told)) == {}
    assert heard[0]["why"] == "close needs a case that is resolved; this one is assigned"
    assert fresh(case).next_at == now + timedelta(hours=1)


def test_a_case_that_fails_holds_up_no_other(
    casework: Casework, lodge: Lodge, amina: Caller, juma: Caller, now: datetime
) -> None:
    unreadable = lodge("1").case
    other = lodge("2", caller=juma).case
    Citizen.update(data_key=b"of a master key that was lost").where(Citizen.id == amina.id).execute()
    heard: list[dict[str, Any]] = []
    later = now + timedelta(hours=80)
    assert sweep(casework, later, log=lambda _, **told: heard.append(told)) == {"escalate": 1}
    assert (fresh(other).escalation, fresh(unreadable).escalation) == (100, 0)
    assert heard == [{"case": unreadable.id, "step": "escalate", "fault": "Unreadable"}]
    assert fresh(unreadable).next_at == later + timedelta(hours=1)


def test_what_is_due_is_found_by_an_index(bound: str, lodge: Lodge, now: datetime) -> None:
    lodge()
    asked = "SELECT id FROM cases WHERE next_at <= 5 ORDER BY next_at, id LIMIT 100"
    if database.is_postgres():
        database.run(database.main, "SET enable_seqscan = off")
        plan = str(database.rows(database.main, f"EXPLAIN {asked}"))
    else:
        plan = str(database.rows(database.main, f"EXPLAIN QUERY PLAN {asked}"))
    assert "cases_due" in plan
