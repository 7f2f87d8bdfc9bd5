"""What events contribute, compared with somebody who reads whole histories and counts by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.histogram import bucket
from cases.lifecycle import BREACH, LEVELS, OPEN, Action, State
from cases.tally import HIDDEN, Dims, Event, Key, Sums, Times, added, days_in, news

MINUTE: Final = 60_000_000
DAY: Final = 24 * 60 * MINUTE
NAIROBI: Final = ZoneInfo("Africa/Nairobi")
MONDAY: Final = int(datetime(2026, 11, 2, 5, tzinfo=UTC).timestamp()) * 1_000_000
AGENCIES: Final = ("NCWSC", "KPLC", "KURA")
WARDS: Final = (("0001", "001001", "001"), ("1366", "047290", "047"), (None, "047289", "047"), (None, None, None))

# What may come next, in each state: a simple copy of the lifecycle, without its guards
NEXT: Final[Mapping[State, Sequence[Action]]] = {
    State.RECEIVED: (
        Action.CLASSIFY, Action.ASSIGN, Action.ASSIGN, Action.REJECT, Action.DUPLICATE, Action.ESCALATE,
        Action.WITHDRAW, Action.ADD_WORDS,
    ),
    State.ASSIGNED: (
        Action.START, Action.START, Action.START, Action.ESCALATE, Action.TRANSFER, Action.REJECT, Action.DUPLICATE,
        Action.CLASSIFY, Action.WITHDRAW,
    ),
    State.IN_PROGRESS: (Action.ASK, Action.RESOLVE, Action.RESOLVE, Action.RESOLVE, Action.WAIT, Action.ESCALATE),
    State.PENDING_CITIZEN: (Action.ANSWER, Action.RESUME, Action.RESOLVE, Action.WITHDRAW),
    State.PENDING_THIRD_PARTY: (Action.RESUME, Action.ESCALATE, Action.TRANSFER),
    State.RESOLVED: (Action.CONFIRM, Action.CONFIRM, Action.CLOSE, Action.CLOSE, Action.RATE, Action.RATE,
                     Action.REOPEN, Action.APPEAL),
    State.CLOSED: (Action.RATE, Action.REOPEN, Action.NOTE, Action.APPEAL),
    State.REJECTED: (Action.REOPEN, Action.APPEAL),
    State.APPEALED: (Action.UPHOLD, Action.OVERTURN, Action.ESCALATE),
    State.DUPLICATE: (Action.FOLLOW, Action.RELEASE),
    State.WITHDRAWN: (Action.RESTORE,),
}  # fmt: skip
ENDS: Final[Mapping[Action, State]] = {
    Action.ASSIGN: State.ASSIGNED, Action.START: State.IN_PROGRESS, Action.TRANSFER: State.ASSIGNED,
    Action.ASK: State.PENDING_CITIZEN, Action.ANSWER: State.IN_PROGRESS, Action.RESUME: State.IN_PROGRESS,
    Action.WAIT: State.PENDING_THIRD_PARTY, Action.RESOLVE: State.RESOLVED, Action.REJECT: State.REJECTED,
    Action.DUPLICATE: State.DUPLICATE, Action.FOLLOW: State.RESOLVED, Action.RELEASE: State.ASSIGNED,
    Action.CONFIRM: State.CLOSED, Action.CLOSE: State.CLOSED, Action.REOPEN: State.ASSIGNED,
    Action.APPEAL: State.APPEALED, Action.UPHOLD: State.CLOSED, Action.OVERTURN: State.ASSIGNED,
    Action.WITHDRAW: State.WITHDRAWN, Action.RESTORE: State.ASSIGNED,
}  # fmt: skip


class Life:
    """One case as chance has it: what its row says, and the events that told it."""

    def __init__(self, chance: Random, name: str = "", lodged: int = MONDAY) -> None:
        self.chance, self.name, self.now = chance, name, lodged
        self.row: dict[str, Any] = {}
        self.events: list[Event] = []
        self._lodge()

    def go_on(self, steps: int) -> Life:
        for _ in range(steps):
            self.now += self.chance.choice((1, 7, 200, 1440, 4000)) * MINUTE
            self._do(self.chance.choice(NEXT[self.row["state"]]))
        return self

    def _happen(self, action: Action, said: Mapping[str, Any], **changed: Any) -> None:
        news = {name: value for name, value in changed.items() if self.row.get(name) != value}
        self.row |= news
        self.events.append(Event(f"{self.name}{len(self.events) + 1:03}", action, self.now, {**said, **news}))

    def _lodge(self) -> None:
        ward, constituency, county = self.chance.choice(WARDS)
        known = self.chance.random() < 0.8
        self._happen(
            Action.LODGE, {},
            state=State.RECEIVED, received_at=self.now, cycle=1, escalation=0, agency="MLANGO",
            visibility=self.chance.choice(("public", "public", "public", "confidential", "anonymous")),
            channel=self.chance.choice(("ussd", "sms")), language=self.chance.choice(("en", "sw")),
            category=self.chance.choice(("water", "power")) if known else None,
            ward=ward, constituency=constituency, county=county, repeats=int(self.chance.random() < 0.2),
            acknowledge_by=self.now + 300 * MINUTE, respond_by=self.now + DAY, due_at=self.now + 3 * DAY,
        )  # fmt: skip

    def _do(self, action: Action) -> None:
        changed: dict[str, Any] = {"state": ENDS.get(action, self.row["state"])}
        said: dict[str, Any] = {}
        if action in (Action.START, Action.ASK, Action.RESOLVE, Action.REJECT, Action.WAIT):
            changed["acknowledged_at"] = self.row.get("acknowledged_at") or self.now
        if action in (Action.ASK, Action.RESOLVE, Action.REJECT, Action.WAIT):
            changed["responded_at"] = self.row.get("responded_at") or self.now
        if action in (Action.RESOLVE, Action.REJECT, Action.FOLLOW):
            changed["decided_at"] = self.now
        if action in (Action.ASSIGN, Action.TRANSFER):
            changed["agency"] = self.chance.choice([one for one in AGENCIES if one != self.row["agency"]])
        if action is Action.CLASSIFY:
            changed["category"] = self.chance.choice(("water", "power", "roads"))
            changed["ward"], changed["constituency"], changed["county"] = self.chance.choice(WARDS)
        if action in (Action.REOPEN, Action.OVERTURN):
            changed |= {"cycle": self.row["cycle"] + 1, "escalation": 0, "due_at": self.now + 3 * DAY}
        if action is Action.RATE:
            changed["rating"] = self.chance.randint(1, 5)
            said["stars"] = changed["rating"]
        if action is Action.ESCALATE:
            higher = [level for level in LEVELS if level > self.row["escalation"]]
            if not higher:
                return
            changed["escalation"] = self.chance.choice(higher[:2])
        self._happen(action, said, **changed)


# Somebody who reads histories


def told_by(events: Sequence[Event]) -> dict[str, Any]:
    """The row of a case after some of its events."""
    row: dict[str, Any] = {}
    for event in events:
        row |= event.facts
    return row


def of(lives: Sequence[Life]) -> Counter[Key]:
    """The figures of some cases, counted from nothing."""
    amounts: Counter[Key] = Counter()
    for life in lives:
        for key, amount in news(life.events, "", day_of):
            amounts[key] += amount
    return Counter({key: amount for key, amount in amounts.items() if amount})


def office(row: Mapping[str, Any]) -> str:
    return "" if row["visibility"] != "public" else str(row["agency"])


day_of: Final = days_in(NAIROBI)
LIVES: Final = st.builds(
    lambda seed, steps: [
        Life(Random(seed + number), f"{number}/", MONDAY + number * DAY // 2).go_on(one)  # noqa: S311  as chance has it
        for number, one in enumerate(steps)
    ],
    st.integers(0, 2**32),
    st.lists(st.integers(0, 14), max_size=5),
)


@given(LIVES)
def test_stock_is_what_the_rows_say(lives: list[Life]) -> None:
    received: Counter[tuple[str, str]] = Counter()
    still_open: Counter[tuple[str, str]] = Counter()
    past_due: Counter[tuple[str, int]] = Counter()
    for life in lives:
        row = life.row
        received[office(row), day_of(row["received_at"])] += 1
        if row["state"] in OPEN:
            still_open[office(row), day_of(row["received_at"])] += 1
            past_due.update((office(row), level) for level in LEVELS if level <= row["escalation"])
    found = of(lives)
    assert by(found, "received", lambda key: (key.dims.agency, key.day)) == received
    assert by(found, "open", lambda key: (key.dims.agency, key.day)) == still_open
    assert by(found, "escalated", lambda key: (key.dims.agency, key.grade)) == past_due


@given(LIVES)
def test_changes_add_up_to_the_backlog_of_every_day(lives: list[Life]) -> None:
    found = of(lives)
    for day in sorted({day_of(event.at) for life in lives for event in life.events}):
        was_open: Counter[str] = Counter()
        overdue: Counter[str] = Counter()
        for life in lives:
            row = told_by([event for event in life.events if day_of(event.at) <= day])
            if row and row["state"] in OPEN:
                was_open[office(row)] += 1
                overdue[office(row)] += row["escalation"] >= BREACH
        until = Counter({key: amount for key, amount in found.items() if key.day <= day})
        assert by(until, "backlog", lambda key: key.dims.agency) == was_open
        assert by(until, "overdue", lambda key: key.dims.agency) == +overdue


@given(LIVES)
def test_times_are_those_of_a_list_kept_by_hand(lives: list[Life]) -> None:
    lists: dict[str, list[tuple[int, bool]]] = {"acknowledged": [], "responded": [], "decided": []}
    for life in lives:
        row: dict[str, Any] = {}
        for event in life.events:
            row |= event.facts
            took = (event.at - row["received_at"]) // MINUTE
            if "acknowledged_at" in event.facts:
                lists["acknowledged"].append((took, event.at <= row["acknowledge_by"]))
            if "responded_at" in event.facts:
                lists["responded"].append((took, event.at <= row["respond_by"]))
            if event.kind in (Action.RESOLVE, Action.REJECT, Action.FOLLOW):
                lists["decided"].append((took, event.at <= row["due_at"]))
    sums = summed(of(lives))
    for measure, times in lists.items():
        found = sums.times(measure)
        assert found.count == len(times)
        if times:
            ranked = sorted(took for took, _ in times)
            assert found.half == bucket(ranked[ceil(len(ranked) / 2) - 1])
            assert found.nine_of_ten == bucket(ranked[ceil(len(ranked) * 9 / 10) - 1])
            assert found.in_time == sum(kept for _, kept in times) / len(times)


@given(LIVES)
def test_each_thing_that_happened_is_counted_once(lives: list[Life]) -> None:
    kinds = Counter(event.kind for life in lives for event in life.events)
    sums = summed(of(lives))
    for measure, kind in {
        "rejected": Action.REJECT, "withdrawn": Action.WITHDRAW, "duplicates": Action.DUPLICATE,
        "reopened": Action.REOPEN, "appeals": Action.APPEAL, "confirmed": Action.CONFIRM, "timed_out": Action.CLOSE,
        "escalations": Action.ESCALATE,
    }.items():  # fmt: skip
        assert sums.count(measure) == kinds[kind]
    rated = {
        (life.name, told_by(life.events[: place + 1])["cycle"])
        for life in lives
        for place, event in enumerate(life.events)
        if event.kind == Action.RATE
    }
    assert sums.count("rating") == len(rated)  # the last one of each cycle
    assert sums.count("first_contact") <= sums.count("confirmed", "timed_out")


@given(LIVES, st.data())
def test_slices_of_any_size_in_any_order_add_up_to_the_whole(lives: list[Life], data: st.DataObject) -> None:
    """Also where the clocks of two machines differ, so that the ids of a case's events do not rise."""
    for life in lives:
        ids = data.draw(st.permutations([event.id for event in life.events]))
        life.events = [event._replace(id=id) for event, id in zip(life.events, ids, strict=True)]
        amounts: Counter[Key] = Counter()
        counted = ""
        for upto in [*sorted(data.draw(st.sets(st.sampled_from(ids)))), max(ids)]:
            known = [event for event in life.events if event.id <= upto]
            for key, amount in news(known, counted, day_of):
                amounts[key] += amount
            counted = upto
        assert {key: amount for key, amount in amounts.items() if amount} == of([life])


@given(LIVES)
def test_secret_cases_are_in_the_whole_only(lives: list[Life]) -> None:
    secret = [life for life in lives if life.row["visibility"] != "public"]
    assert {key.dims for key in of(secret)} <= {HIDDEN}
    assert by(of(lives), "received", lambda key: key.dims)[HIDDEN] == len(secret)


def by(amounts: Mapping[Key, int], measure: str, part: Callable[[Key], Any]) -> Counter[Any]:
    """The amounts of a measure by some part of their keys, without those that cancel out."""
    found: Counter[Any] = Counter()
    for key, amount in amounts.items():
        if key.measure == measure:
            found[part(key)] += amount
    return Counter({group: amount for group, amount in found.items() if amount})


def summed(amounts: Mapping[Key, int]) -> Sums:
    return added(Sums({(key.measure, key.grade): amount}) for key, amount in amounts.items())


# One case at a time


class Told(Life):
    """A case whose events the test tells."""

    def __init__(self, **different: Any) -> None:
        self.different = different
        super().__init__(Random(1))  # noqa: S311  it has no choice

    def _lodge(self) -> None:
        self._happen(
            Action.LODGE, {},
            **{
                "state": State.RECEIVED, "received_at": self.now, "cycle": 1, "escalation": 0, "repeats": 0,
                "agency": "NCWSC", "county": "047", "constituency": "047290", "ward": "1366", "category": "water",
                "visibility": "public", "channel": "ussd", "language": "sw",
                "acknowledge_by": self.now + 60 * MINUTE, "respond_by": self.now + DAY, "due_at": self.now + 3 * DAY,
                **self.different,
            },
        )  # fmt: skip

    def then(self, action: Action, after: int = 60, **changed: Any) -> Told:
        """`after` in minutes."""
        self.now += after * MINUTE
        state = {"state": ENDS[action]} if action in ENDS else {}
        decided = {"decided_at": self.now} if action is Action.RESOLVE else {}
        self._happen(action, {"stars": changed["rating"]} if "rating" in changed else {}, **(state | decided | changed))
        return self

    def resolved(self) -> Told:
        return self.then(Action.START).then(Action.RESOLVE)


def test_what_is_lodged_is_received_and_open_where_it_is_and_as_it_came() -> None:
    dims = Dims("NCWSC", "047", "1366", "water", "ussd", "sw")
    assert of([Told()]) == {Key(measure, "2026-11-02", dims): 1 for measure in ("received", "open", "backlog")}


@pytest.mark.parametrize(
    ("ward", "constituency", "county", "place"),
    [
        ("1366", "047290", "047", "1366"),
        (None, "047290", "047", "047290"),
        (None, None, "047", "047"),
        (None, None, None, ""),
    ],
)
def test_the_place_is_the_smallest_that_is_certain(
    ward: str | None, constituency: str | None, county: str | None, place: str
) -> None:
    found = of([Told(ward=ward, constituency=constituency, county=county)])
    assert {(key.dims.place, key.dims.county) for key in found} == {(place, county or "")}


def test_a_day_begins_at_midnight_in_the_zone_of_the_pack() -> None:
    midnight = int(datetime(2026, 11, 3, tzinfo=NAIROBI).timestamp()) * 1_000_000
    assert (day_of(midnight - 1), day_of(midnight)) == ("2026-11-02", "2026-11-03")


def test_a_transfer_takes_the_case_along_with_its_age() -> None:
    found = of([Told().then(Action.TRANSFER, after=3 * 1440, agency="KPLC")])
    assert by(found, "received", lambda key: (key.dims.agency, key.day)) == {("KPLC", "2026-11-02"): 1}
    assert by(found, "open", lambda key: (key.dims.agency, key.day)) == {("KPLC", "2026-11-02"): 1}
    assert by(found, "backlog", lambda key: (key.dims.agency, key.day)) == {
        ("NCWSC", "2026-11-02"): 1,
        ("NCWSC", "2026-11-05"): -1,
        ("KPLC", "2026-11-05"): 1,
    }


def test_an_escalation_ages_from_its_day_and_ends_with_the_case() -> None:
    case = Told().then(Action.ESCALATE, after=1440, escalation=75).then(Action.ESCALATE, after=1440, escalation=150)
    levels = by(of([case]), "escalated", lambda key: (key.grade, key.day))
    assert levels == {(75, "2026-11-03"): 1, (100, "2026-11-04"): 1, (150, "2026-11-04"): 1}
    case.resolved()
    assert not by(of([case]), "escalated", lambda key: key)
    assert by(of([case]), "escalations", lambda key: (key.grade, key.day)) == {
        (75, "2026-11-03"): 1,
        (150, "2026-11-04"): 1,
    }


def test_a_new_cycle_begins_with_no_escalation() -> None:
    case = Told().then(Action.ESCALATE, escalation=100).resolved()
    case.then(Action.REOPEN, cycle=2, escalation=0)
    assert not by(of([case]), "escalated", lambda key: key)
    assert sum(by(of([case]), "overdue", lambda key: key).values()) == 0
    assert by(of([case]), "open", lambda key: key.day) == {"2026-11-02": 1}


def test_each_decision_counts_the_total_age() -> None:
    case = Told().resolved().then(Action.REOPEN, after=1440, cycle=2, due_at=MONDAY + 9 * DAY).resolved()
    decided = summed(of([case])).times("decided")
    assert (decided.count, decided.half, decided.nine_of_ten, decided.in_time) == (2, 2 * 60, 36 * 60, 1.0)


def test_what_comes_after_the_promise_is_late() -> None:
    sums = summed(of([Told().then(Action.START, after=61, acknowledged_at=MONDAY + 61 * MINUTE)]))
    assert sums.times("acknowledged").in_time == 0.0
    assert sums.times("acknowledged").half == 2 * 60


@pytest.mark.parametrize(
    ("case", "settled"),
    [
        (Told().resolved().then(Action.CONFIRM), True),
        (Told().resolved().then(Action.REMIND).then(Action.CLOSE), True),
        (Told().resolved().then(Action.RATE, rating=5).then(Action.CONFIRM), True),
        (Told().resolved(), False),
        (Told(repeats=1).resolved().then(Action.CONFIRM), False),
        (Told().then(Action.ADD_WORDS).resolved().then(Action.CONFIRM), False),
        (Told().then(Action.START).then(Action.ASK).then(Action.ANSWER).then(Action.RESOLVE).then(Action.CLOSE), False),
        (Told().resolved().then(Action.CONFIRM).then(Action.REOPEN, cycle=2), False),
        (Told().resolved().then(Action.REOPEN, cycle=2).resolved().then(Action.CONFIRM), False),
        (Told().resolved().then(Action.CONFIRM).then(Action.APPEAL).then(Action.UPHOLD), False),
    ],
)  # fmt: skip
def test_first_contact_settles_what_nobody_had_to_come_back_for(case: Told, settled: bool) -> None:
    assert summed(of([case])).count("first_contact") == settled


def test_a_second_rating_replaces_the_first_but_not_that_of_another_cycle() -> None:
    case = Told().resolved().then(Action.RATE, rating=5).then(Action.RATE, after=1440, rating=2)
    assert summed(of([case])).grades("rating") == {2: 1}
    case.then(Action.REOPEN, cycle=2).resolved().then(Action.RATE, rating=2)
    assert summed(of([case])).grades("rating") == {2: 2}


def test_an_amended_decision_counts_once_and_one_that_is_taken_back_not_at_all() -> None:
    case = Told().resolved().then(Action.RESOLVE, after=1440)
    assert summed(of([case])).times("decided").half == bucket(26 * 60)
    assert summed(of([case])).count("decided", "decided_late") == 1
    for taken_back in (Action.START, Action.PUT_BACK, Action.ASK, Action.WAIT):
        case = Told().resolved().then(taken_back, state=State.IN_PROGRESS)
        assert summed(of([case])).count("decided", "decided_late") == 0
    case.then(Action.RESOLVE, after=4 * 1440)
    assert (summed(of([case])).count("decided"), summed(of([case])).count("decided_late")) == (0, 1)


def test_what_an_office_tells_late_counts_in_place_of_what_it_told_first() -> None:
    case = Told().then(Action.RESOLVE, after=90, acknowledged_at=MONDAY + 90 * MINUTE)
    case.then(Action.RECORD, acknowledged_at=MONDAY + 30 * MINUTE)
    times = summed(of([case])).times("acknowledged")
    assert (times.count, times.half, times.in_time) == (1, bucket(30), 1.0)


def test_events_without_their_case_count_nothing_until_it_comes() -> None:
    case = Told().resolved()
    assert not Counter(dict(news(case.events[1:], "", day_of)))


# What follows from sums


def test_rates_are_shares_of_what_they_are_about() -> None:
    sums = Sums(
        {
            ("received", 0): 10, ("repeats", 0): 1, ("decided", 60): 6, ("decided_late", 1440): 2, ("reopened", 0): 2,
            ("confirmed", 0): 3, ("timed_out", 0): 1, ("first_contact", 0): 2, ("rating", 5): 2, ("rating", 3): 2,
        }
    )  # fmt: skip
    assert (sums.repeat_rate, sums.reopen_rate, sums.solved, sums.first_contact) == (0.1, 0.25, 0.6, 0.5)
    assert (sums.stars, sums.satisfied) == (4.0, 0.5)
    assert sums.times("decided") == Times(8, 60, 1440, 0.75)


def test_shares_of_nothing_are_nothing() -> None:
    nothing = Sums({})
    assert {nothing.repeat_rate, nothing.reopen_rate, nothing.solved, nothing.first_contact, nothing.stars} == {None}
    assert nothing.times("decided") == Times(0, None, None, None)
