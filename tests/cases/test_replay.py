"""The row of a case is the fold of its events, whatever happened to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import events, lifecycle, replay
from cases.casework import Casework, Change, Done
from cases.citizens import Caller
from cases.events import TOLD
from cases.lifecycle import OUTCOMES, REJECTIONS, Action, NotAllowed, Role, State
from cases.models import Case, CaseEvent
from cases.reference import shown
from cases.sweep import sweep
from store import database
from tests.cases.conftest import Lodge, lodging

NOTE = "The pipe at the corner was repaired."

facts = st.dictionaries(st.sampled_from([*TOLD, "stars", "level", "reason"]), st.none() | st.integers(), max_size=8)


@given(st.lists(facts, max_size=8))
def test_the_last_word_on_each_column_counts(history: list[dict[str, Any]]) -> None:
    said = {name: [event[name] for event in history if name in event] for name in TOLD}
    assert replay.replay(history) == {name: values[-1] if values else None for name, values in said.items()}


# Walks


class Walk:
    """People who do whatever comes to their minds to a handful of cases, at any time."""

    def __init__(self, seed: int, casework: Casework, callers: list[Caller], now: datetime) -> None:
        self.random, self.casework, self.callers, self.now = Random(seed), casework, callers, now  # noqa: S311
        self.cases: dict[str, Caller] = {}
        self.keys = (f"walk:{number}" for number in count())
        self.done: set[Action] = set()

    def steps(self, amount: int) -> None:
        for _ in range(amount):
            self.now += timedelta(hours=self.random.expovariate(1 / 8))
            if self.random.random() < 0.1:
                self.done |= {Action(step) for step in sweep(self.casework, self.now)}
            self.one_step()

    def one_step(self) -> None:
        change = self.some_act() if len(self.cases) > 5 and self.random.random() < 0.95 else self.some_complaint()
        try:
            done = self.casework.apply(change, self.now)
        except NotAllowed:
            return
        self.done |= {event.kind for event in done.happened}
        if change.action is Action.LODGE and change.caller:
            self.cases[done.case.id] = change.caller

    def some_complaint(self) -> Change:
        caller, choose = self.random.choice(self.callers), self.random.choice
        sub, place = choose(["water.none", "id.card", "police.other", None]), choose(["kibera", "nyayo-house", None])
        about, master = choose([None, None, "NPS"]), choose([None, None, *self.cases])
        return lodging(caller, next(self.keys), NOTE, sub=sub, place=place, about=about, master=master)

    def some_act(self) -> Change:
        case = Case.get_by_id(self.random.choice(list(self.cases)))
        roles = [role for role in Role if lifecycle.allowed(State(case.state), role)]
        role = self.random.choice(roles)
        action = self.random.choice(lifecycle.allowed(State(case.state), role))
        return Change(
            action=action,
            caller=self.cases[case.id] if role is Role.CITIZEN else None,
            source="desk",
            source_key=next(self.keys),
            case_id=case.id,
            role=role,
            facts=self.some_facts(action),
            words=NOTE,
            actor=self.random.choice([None, case.owner, "officer-9"]),
            at=self.now - timedelta(minutes=self.random.randrange(30)),
        )

    def some_facts(self, action: Action) -> dict[str, Any]:
        choose = self.random.choice
        match action:
            case Action.CLASSIFY:
                return {"sub": choose(["power.none", "land.title"]), "priority": choose(["normal", "urgent", None])}
            case Action.ASSIGN | Action.TRANSFER:
                return {"agency": choose(["NCWSC", "KPLC", "HUDUMA"]), "owner": choose([None, "officer-1"])}
            case Action.DUPLICATE:
                return {"master": choose(list(self.cases))}
            case Action.REJECT:
                return {"reason": choose(REJECTIONS)}
            case Action.RESOLVE | Action.FOLLOW:
                return {"outcome": choose(OUTCOMES)}
            case Action.ESCALATE:
                return {"level": choose(lifecycle.LEVELS)}
            case Action.RATE:
                return {"stars": choose([1, 3, 5])}
        return {}


@pytest.mark.parametrize("seed", range(2))
def test_every_case_is_what_its_events_tell(
    casework: Casework, amina: Caller, juma: Caller, now: datetime, seed: int
) -> None:
    walk = Walk(seed, casework, [amina, juma], now)
    walk.steps(320)
    assert len(walk.done) > 20  # of the 28 acts: it has been about
    assert list(replay.differences()) == []
    assert list(events.verify()) == []


def test_what_is_told_and_what_is_kept_are_the_same_value(lodge: Lodge) -> None:
    case = lodge().case
    told = replay.replay(json.loads(event.facts) for event in history(case))
    columns = ", ".join(TOLD)
    ((*kept,),) = database.rows(database.main, f"SELECT {columns} FROM cases WHERE id = ?", case.id)
    assert told == dict(zip(TOLD, kept, strict=True))


def history(case: Case) -> Iterator[CaseEvent]:
    yield from CaseEvent.select().where(CaseEvent.case == case.id).order_by(CaseEvent.seq)


# What does not fit


def test_a_case_that_was_changed_past_its_events_is_named_with_both_values(lodge: Lodge) -> None:
    case = lodge().case
    lodge("test:2")
    Case.update(state="closed", owner=None, rating=5).where(Case.id == case.id).execute()
    assert list(replay.differences()) == [
        f"Case {shown(case.ref)}: owner is nothing, but its events say “{case.owner}”; "
        "state is “closed”, but its events say “assigned”; rating is “5”, but its events say nothing."
    ]


def test_a_case_without_events_is_named(lodge: Lodge) -> None:
    case = lodge().case
    CaseEvent.delete().where(CaseEvent.case == case.id).execute()
    (sentence,) = replay.differences()
    assert sentence.startswith(f"Case {shown(case.ref)}: channel is “ussd”, but its events say nothing;")


def test_a_case_of_an_earlier_version_whose_events_told_less_is_left_alone(lodge: Lodge) -> None:
    case = lodge().case
    CaseEvent.update(facts='{"sub":"water.none"}').where(CaseEvent.case == case.id).execute()
    assert list(replay.differences()) == []


def test_a_case_that_moves_on_meanwhile_is_compared_with_the_events_it_had(
    casework: Casework, lodge: Lodge, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, read = lodge().case, replay._cases_after
    start = Change(Action.START, None, "desk", "test:2", case.id, Role.OWNER, actor=case.owner)

    def read_and_be_overtaken(last: str) -> list[tuple[Any, ...]]:
        rows = read(last)
        casework.apply(start, now)
        return rows

    monkeypatch.setattr(replay, "_cases_after", read_and_be_overtaken)
    assert list(replay.differences()) == []
    assert Case.get_by_id(case.id).state == State.IN_PROGRESS


def test_batch_by_batch_each_case_is_compared_once(
    casework: Casework, amina: Caller, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "_BATCH", 2)
    lodged = casework.apply_many([lodging(amina, f"test:{number}") for number in range(5)], now)
    cases = [done.case for done in lodged if isinstance(done, Done)]
    Case.update(priority="urgent").execute()
    read: list[int] = []
    found = list(replay.differences(read.append))
    assert read == [2, 2, 1]
    assert [sentence[:16] for sentence in found] == [f"Case {shown(case.ref)}" for case in cases]
