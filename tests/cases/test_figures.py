"""Figures on both databases: counted in slices, by several at once, by processes that are killed; never twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Final

import pytest

import packs
from cases import figures
from cases.casework import Casework, Change
from cases.citizens import Caller
from cases.events import canonical
from cases.figures import Figure, Figures, Overtaken, Rebuilt, Span, Tally
from cases.lifecycle import Action, Role
from cases.models import Case, CaseEvent
from cases.tally import Dims, Key, Sums, Times
from store import database
from store.model import Insert, from_micros
from tests.cases.conftest import Lodge
from tests.cases.test_figures_tally import DAY, MONDAY, Life, Told, of
from tests.together import PROCESSES, at_once

EVER: Final = Span("2000-01-01", "2999-12-31")
WEEK: Final = Span("2026-11-02", "2026-11-08")


@pytest.fixture
def counting(bound: str) -> Figures:
    return Figures(packs.current)


def lives(number: int, seed: int = 1, steps: int = 9) -> list[Life]:
    chance = Random(seed)  # noqa: S311  the same lives every time
    return [
        Life(chance, f"{number:03}/", MONDAY + number * DAY // 3).go_on(chance.randint(0, steps))
        for number in range(number)
    ]


_numbers: Final = count(1)


def save(told: Sequence[Life], citizen: Caller, ids: Sequence[str] = ()) -> None:
    """Insert cases and events as casework would, the events by their time, under `ids` or under rising ones."""
    Insert(Case)([_case(life, citizen) for life in told])
    written = sorted(
        ((event.at, life.name, seq, event) for life in told for seq, event in enumerate(life.events, 1)),
        key=lambda one: one[:3],
    )
    rows: list[dict[str, Any]] = [
        {
            "id": id, "case": _id(name), "seq": seq, "kind": str(event.kind), "role": "system", "source": "system",
            "occurred_at": from_micros(at), "recorded_at": from_micros(at), "facts": canonical(event.facts),
            "previous": "", "hash": "",
        }
        for id, (at, name, seq, event) in zip(ids or [f"{next(_numbers):032}" for _ in written], written, strict=True)
    ]  # fmt: skip
    Insert(CaseEvent)(rows)


def _id(name: str) -> str:
    return name.rjust(32, "0")


def _case(life: Life, citizen: Caller) -> Mapping[str, Any]:
    """A row that stands for the case: figures read its events only."""
    clocks = ("state_since", "received_at", "clock_start", "acknowledge_by", "respond_by", "due_at")
    return {
        "id": _id(life.name), "ref": _id(life.name)[-9:], "source_key": life.name, "citizen": citizen.id,
        "channel": "ussd", "language": "en", "visibility": "public", "agency": "NCWSC", "state": "received",
        "pack_version": "", "calendar": "24x7", "resolve_minutes": 0, **dict.fromkeys(clocks, from_micros(life.now)),
    }  # fmt: skip


def named(name: str, **different: Any) -> Told:
    case = Told(**different)
    case.name = name
    return case


def kept() -> Counter[Key]:
    """The rows in force."""
    sql = (
        f"SELECT f.measure, f.day, f.grade, f.amount, {', '.join(Dims._fields)} FROM figure f "
        "JOIN figure_dims d ON d.id = f.dims_id JOIN tally t ON t.id = f.tally_id WHERE t.in_force"
    )
    return Counter(
        {
            Key(measure, day, Dims(*dims), grade): amount
            for measure, day, grade, amount, *dims in database.rows(database.main, sql)
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_slices_add_up_to_what_a_rebuild_counts(counting: Figures, amina: Caller, now: datetime, seed: int) -> None:
    told, chance = lives(25, seed), Random(seed)  # noqa: S311
    save(told, amina)
    while counting.catch_up(now, alone=True, most=chance.choice((1, 2, 5, 40))):
        pass
    assert kept() == of(told)
    rows = len(of(told))
    assert counting.rebuild(now, alone=True) == Rebuilt(sum(len(life.events) for life in told), rows, {})
    assert kept() == of(told)
    assert counting.catch_up(now, alone=True) == 0


def test_clocks_that_differ_change_nothing(counting: Figures, amina: Caller, now: datetime) -> None:
    """The ids of a case's events need not rise in their order: two machines wrote them."""
    told, chance = lives(10, seed=4), Random(4)  # noqa: S311
    ids = [f"{number:032}" for number in range(sum(len(life.events) for life in told))]
    save(told, amina, chance.sample(ids, len(ids)))
    while counting.catch_up(now, alone=True, most=chance.choice((1, 3, 10))):
        pass
    assert kept() == of(told)


def test_many_batches_and_statements_are_as_good_as_one(
    counting: Figures, amina: Caller, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "_BATCH", 7)  # shorter than some histories
    monkeypatch.setattr(figures, "_ROWS", 3)
    monkeypatch.setattr(figures, "_DROPPED", 11)
    told = lives(15, steps=12)
    assert max(len(life.events) for life in told) > 7
    save(told, amina)
    counted: list[int] = []
    assert counting.catch_up(now, counted.append, alone=True) == sum(counted) == CaseEvent.select().count()
    assert len(counted) > 5
    assert kept() == of(told)
    assert counting.rebuild(now, alone=True).differing == {}
    assert kept() == of(told)


def test_two_at_once_count_nothing_twice(bound: str, amina: Caller, now: datetime) -> None:
    told = lives(40)
    save(told, amina)

    def work() -> int:
        one, counted = Figures(packs.current), 0
        while more := one.catch_up(now, alone=True, most=9):
            counted += more
        return counted

    assert sum(at_once(work, work, work)) == CaseEvent.select().count()
    assert kept() == of(told)


def count_for_ever(url: str, now: datetime) -> None:
    """A process's whole life: to be killed."""
    database.bind(url)
    figures._BATCH = 3  # type: ignore[misc]
    Figures(packs.current).catch_up(now, alone=True)


def test_a_killed_process_counts_nothing_twice(bound: str, counting: Figures, amina: Caller, now: datetime) -> None:
    told = lives(60)
    save(told, amina)
    for more in (1, 20, 60):
        enough, deadline = counted() + more, time.monotonic() + 20
        process = PROCESSES.Process(target=count_for_ever, args=(bound, now))
        process.start()
        while counted() < enough:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.kill()
        process.join()
    assert counted() < CaseEvent.select().count()
    counting.catch_up(now, alone=True)
    assert kept() == of(told)


def counted() -> int:
    return sum(tally.events for tally in Tally.select())


def test_postgresql_waits_until_nothing_older_can_come(
    counting: Figures, amina: Caller, now: datetime, database_kind: str
) -> None:
    old = figures.first_id(now - timedelta(minutes=1))
    young = figures.first_id(now - timedelta(seconds=1))
    case = named("one").then(Action.START)
    save([case], amina, [old, young])
    assert counting.catch_up(now) == (1 if database_kind == "postgresql" else 2)
    counting.catch_up(now, alone=True)
    assert kept() == of([case])


def test_an_event_behind_the_cursor_is_missed_until_a_rebuild_finds_it(
    counting: Figures, amina: Caller, now: datetime
) -> None:
    one, other = named("one"), named("other").then(Action.START).then(Action.RESOLVE)
    save([one], amina, ["8" * 32])
    counting.catch_up(now, alone=True)
    assert counting.missed() == 0
    save([other], amina, ["1" * 32, "2" * 32, "3" * 32])
    assert counting.catch_up(now, alone=True) == 0
    assert counting.missed() == 3
    rebuilt = counting.rebuild(now, alone=True)
    assert rebuilt.events == 4
    assert set(rebuilt.differing or ()) == {"received", "decided"}  # its backlog came and went on one day
    assert counting.missed() == 0
    assert kept() == of([one, other])


# Rebuilds


def test_the_first_count_has_nothing_to_differ_from(counting: Figures, amina: Caller, now: datetime) -> None:
    told = lives(5)
    save(told, amina)
    assert counting.rebuild(now, alone=True).differing is None
    assert kept() == of(told)


def test_a_rebuild_of_nothing_is_nothing(counting: Figures, now: datetime) -> None:
    assert counting.rebuild(now) == Rebuilt(0, 0, None)
    assert not kept()


def test_a_check_names_what_somebody_changed_and_leaves_it(counting: Figures, amina: Caller, now: datetime) -> None:
    told = lives(12)
    save(told, amina)
    counting.catch_up(now, alone=True)
    database.run(database.main, "UPDATE figure SET amount = amount + 1 WHERE measure = 'received'")
    database.run(database.main, "DELETE FROM figure WHERE measure = 'backlog'")
    changed = kept()
    rows = Counter(key.measure for key in of(told))
    differing = {"received": rows["received"], "backlog": rows["backlog"]}
    assert counting.rebuild(now, alone=True, keep=False).differing == differing
    assert kept() == changed
    assert counting.rebuild(now, alone=True).differing == differing
    assert kept() == of(told)
    assert Tally.select().count() == 1


def test_what_was_not_counted_yet_is_no_difference(counting: Figures, amina: Caller, now: datetime) -> None:
    before, after = named("before"), named("after")
    save([before], amina)
    counting.catch_up(now, alone=True)
    save([after], amina)
    assert counting.rebuild(now, alone=True) == Rebuilt(2, len(of([before, after])), {})


def test_events_that_come_during_a_rebuild_are_counted_on_both_sides(
    counting: Figures, amina: Caller, now: datetime
) -> None:
    told = [named("early"), named("late")]
    save(told[:1], amina)
    counting.catch_up(now, alone=True)

    def meanwhile(_: int) -> None:
        save(told[1:], amina)
        Figures(packs.current).catch_up(now, alone=True)

    assert counting.rebuild(now, meanwhile, alone=True).differing == {}
    assert kept() == of(told)


def test_a_rebuild_gives_way_to_one_that_began_later(counting: Figures, amina: Caller, now: datetime) -> None:
    told = lives(5)
    save(told, amina)

    def meanwhile(_: int) -> None:
        Figures(packs.current).rebuild(now, alone=True)

    with pytest.raises(Overtaken):
        counting.rebuild(now, meanwhile, alone=True)
    assert kept() == of(told)
    assert Tally.select().count() == 1


def test_what_a_killed_rebuild_left_is_cleared_away(counting: Figures, amina: Caller, now: datetime) -> None:
    told = lives(5)
    save(told, amina)

    def die(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        counting.rebuild(now, die, alone=True)
    assert Tally.select().where(~Tally.in_force).count() == 1
    assert not kept()
    counting.rebuild(now, alone=True)
    assert kept() == of(told)
    assert Figure.select().count() == len(of(told))


# Reading


@pytest.mark.parametrize("by", [*Dims._fields, None])
def test_sums_are_the_rows_of_the_span_added_up(
    counting: Figures, amina: Caller, now: datetime, by: str | None
) -> None:
    told = lives(30)
    save(told, amina)
    counting.catch_up(now, alone=True)
    wanted: dict[str, Counter[tuple[str, int]]] = {}
    for key, amount in of(told).items():
        group = getattr(key.dims, by) if by else ""
        in_span = WEEK.first <= key.day <= WEEK.last
        sums = wanted.setdefault(group, Counter())
        if key.measure == "backlog" and key.day <= WEEK.last:
            sums["open", 0] += amount
        elif key.measure == "overdue" and key.day <= WEEK.last:
            sums["overdue", 0] += amount
        elif key.measure not in ("open", "escalated", "backlog", "overdue") and in_span:
            sums[key.measure, key.grade] += amount
    found = counting.sums(WEEK, by)
    assert {group: _something(sums) for group, sums in wanted.items() if _something(sums)} == {
        group: _something(sums.amounts) for group, sums in found.items()
    }


def _something(amounts: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    return {key: amount for key, amount in amounts.items() if amount}


def test_every_day_knows_its_backlog(counting: Figures, amina: Caller, now: datetime) -> None:
    told = lives(30)
    save(told, amina)
    counting.catch_up(now, alone=True)
    by_day = counting.sums(WEEK, "day")
    for number in range(1, 8):
        day = f"2026-11-0{number + 1}"
        until = counting.total(Span("2000-01-01", day))
        assert by_day[day].count("open") == until.count("open") > 0
        assert by_day[day].count("overdue") == until.count("overdue")
        assert by_day[day].count("received") == counting.total(Span(day, day)).count("received")


def test_a_span_may_be_of_one_office_or_county(counting: Figures, amina: Caller, now: datetime) -> None:
    save([named("a"), named("b", agency="KPLC"), named("c", county="001", ward=None)], amina)
    counting.catch_up(now, alone=True)
    assert counting.total(Span(WEEK.first, WEEK.last, agency="NCWSC")).count("received") == 2
    assert counting.total(Span(WEEK.first, WEEK.last, county="047")).count("received") == 2
    assert counting.total(Span(WEEK.first, WEEK.last, agency="NCWSC", county="001")).count("open") == 1
    assert counting.total(Span(WEEK.first, WEEK.last, agency="KURA")) == Sums({})


def test_stock_tells_since_when(counting: Figures, amina: Caller, now: datetime) -> None:
    case = named("a").then(Action.ESCALATE, after=2 * 1440, escalation=100)
    save([case], amina)
    counting.catch_up(now, alone=True)
    assert counting.stock("open", EVER) == {("2026-11-02", 0): 1}
    assert counting.stock("escalated", EVER) == {("2026-11-04", 75): 1, ("2026-11-04", 100): 1}


def test_figures_are_kept_by_few_things(counting: Figures) -> None:
    with pytest.raises(ValueError, match="not kept by owner"):
        counting.sums(WEEK, "owner")


# With real casework


def test_the_life_of_a_real_case_is_counted(
    counting: Figures, casework: Casework, lodge: Lodge, amina: Caller, juma: Caller, now: datetime
) -> None:
    case = lodge(visibility="public").case
    lodge("test:2", caller=juma, visibility="confidential", sub="bribery.took", place=None)

    def act(action: Action, hours: int, role: Role = Role.OWNER, **more: Any) -> None:
        caller = amina if role is Role.CITIZEN else None
        change = Change(action, caller, "desk", f"{action}:{hours}", case.id, role, **more)
        casework.apply(change, now + timedelta(hours=hours))

    act(Action.START, 2, actor=case.owner)
    act(Action.RESOLVE, 5, actor=case.owner, facts={"outcome": "fixed"}, words="The pump was repaired this morning.")
    act(Action.RATE, 6, Role.CITIZEN, facts={"stars": 4})
    act(Action.CONFIRM, 7, Role.CITIZEN)
    counting.catch_up(now, alone=True)
    assert counting.missed() == 0

    today = Span("2026-11-23", "2026-11-23")
    water = counting.sums(today, "category")["water"]
    assert water.times("acknowledged") == Times(1, 120, 120, 0.0)  # promised within one hour
    assert water.times("responded") == water.times("decided") == Times(1, 360, 360, 1.0)
    assert (water.stars, water.solved, water.first_contact, water.count("open")) == (4.0, 1.0, 1.0, 0)
    assert counting.sums(today, "place")["047278"].count("received") == 1
    hidden = counting.sums(today, "agency")[""]
    assert (hidden.count("received"), hidden.count("open")) == (1, 1)
    assert sum(sums.count("received") for sums in counting.sums(today, "county").values()) == 2
    assert counting.rebuild(now, alone=True).differing == {}
