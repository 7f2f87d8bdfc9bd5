"""What one event adds to the figures. Pure: the events of a case are told one by one, and each has its contributions.

A contribution is an amount (mostly 1) under a key: measure, local day, dimensions, grade. Amounts only ever add up, so
figures may be summed over any days, places and kinds. There are three sorts of measures:

*Stock*, what stands of a case now, under its present dimensions. When an event changes them or ends what stands, it
is taken away where it stood and put where it belongs: a case that is transferred moves with its whole age.

    received       1 by the day it was received, for ever
    repeats        the same, if the citizen had a case of this kind in the month before
    open           by the day it was received, while it is open: the backlog and its age
    escalated      by the day it went up and the level (grade), while it is open: the ageing of escalations
    first_contact  by the day it was closed, while it stays so: the first decision settled it, and the citizen was
                   not asked, did not add words and had not asked before

*Changes of a stock*, by the day of the event, so that the backlog of any past day can be told:

    backlog        +1 where a case becomes open (or comes from elsewhere), -1 where it ends (or goes elsewhere)
    overdue        the same for open cases past 100 per cent of the promised time

*Flows*, by the day of the event, under the dimensions that the case has after it. Their grade is a bucket of
`cases.histogram` (minutes since the case was received, over all its cycles), a level or stars:

    acknowledged, responded, decided     and each with `_late`, if it came after the promised time
    rejected, withdrawn, duplicates, reopened, appeals, confirmed, timed_out, escalations (level), rating (stars)

Some stand once: a rating or a decision of a cycle, and when a case was acknowledged and first answered. What takes the
place of an earlier one takes that one away: another rating; an office's file that amends or takes back its decision,
or tells late of what it had done before.

Confidential cases count under no office, place, kind, channel or language, only in the whole: however few they are,
no office can read from its figures that somebody complained about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from cases.histogram import MEDIAN, NINE_OF_TEN, bucket, within
from cases.lifecycle import BREACH, LEVELS, OPEN, Action, State

_MINUTE: Final = 60_000_000  # in microseconds
_QUARTER: Final = 15 * _MINUTE
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Day = str  # ISO 8601, in the zone of the pack
DayOf = Callable[[int], Day]  # of a time in microseconds


class Dims(NamedTuple):
    """By what figures can be told apart; "" where it is not known. `place` is the smallest certain one."""

    agency: str
    county: str
    place: str
    category: str
    channel: str
    language: str


HIDDEN: Final = Dims("", "", "", "", "", "")  # cases that are not public


class Key(NamedTuple):
    """What an amount is counted under."""

    measure: str
    day: Day
    dims: Dims
    grade: int = 0


class Event(NamedTuple):
    """One event of a case; `at` in microseconds, `facts` with every column that it changed."""

    id: str
    kind: str
    at: int
    facts: Mapping[str, Any]


class Story(NamedTuple):
    """A case as its events told it so far. What follows from `told` is kept beside it: most events leave it alone."""

    told: Mapping[str, Any]
    contacts: int = 0  # how often the citizen was asked or wrote after lodging
    reached: tuple[tuple[int, Day], ...] = ()  # the levels of this cycle, and when
    closed: Day = ""  # when it was closed, while it stays so
    once: Mapping[
        str, Key
    ] = {}  # what counts once, and how it was counted: by rating, decided, acknowledged, responded
    dims: Dims = HIDDEN
    open: bool = False
    stock: frozenset[Key] = frozenset()
    levels: frozenset[tuple[str, Dims]] = frozenset()  # `backlog`, `overdue`, and where


UNTOLD: Final = Story({})

STOCK: Final = ("open", "escalated")  # what stands now, whatever the day
CHANGES: Final = ("backlog", "overdue")
BY_DAY: Final = (
    "received", "repeats", "first_contact",
    "acknowledged", "acknowledged_late", "responded", "responded_late", "decided", "decided_late",
    "rejected", "withdrawn", "duplicates", "reopened", "appeals", "confirmed", "timed_out", "escalations", "rating",
)  # fmt: skip

PROMISES: Final = (
    ("acknowledged", "acknowledged_at", "acknowledge_by"),
    ("responded", "responded_at", "respond_by"),
)
_OF_DIMS: Final = frozenset({"visibility", "ward", "constituency", *Dims._fields} - {"place"})
_DECISIONS: Final = frozenset({Action.RESOLVE, Action.REJECT, Action.FOLLOW})
_CONTACTS: Final = frozenset({Action.ASK, Action.ANSWER, Action.ADD_WORDS})
_TAKES_BACK: Final = frozenset({Action.START, Action.PUT_BACK, Action.ASK, Action.WAIT})  # a decision, by a file
_OF_A_CYCLE: Final = frozenset({"rating", "decided"})
_CLOSINGS: Final = frozenset({Action.CONFIRM, Action.CLOSE})
_COUNTED: Final[Mapping[str, str]] = {
    Action.REJECT: "rejected",
    Action.WITHDRAW: "withdrawn",
    Action.DUPLICATE: "duplicates",
    Action.REOPEN: "reopened",
    Action.APPEAL: "appeals",
    Action.CONFIRM: "confirmed",
    Action.CLOSE: "timed_out",
}


def days_in(zone: ZoneInfo) -> DayOf:
    """A function that tells the local day of a time. Remembers the quarters of an hour it was asked about."""

    @lru_cache(maxsize=100_000)  # three years
    def day_of(quarter: int) -> Day:
        moment = _EPOCH + timedelta(minutes=15 * quarter)
        return moment.astimezone(zone).date().isoformat()

    return lambda micros: day_of(micros // _QUARTER)


def tell(story: Story, event: Event, day_of: DayOf) -> Story:
    """The story with one more event."""
    told, day = {**story.told, **event.facts}, day_of(event.at)
    state, same_cycle = told.get("state"), told.get("cycle") == story.told.get("cycle")
    dims = story.dims if _OF_DIMS.isdisjoint(event.facts) else _dims(told)
    contacts = story.contacts + (event.kind in _CONTACTS)
    reached = _reached(story.reached if same_cycle else (), told.get("escalation") or 0, day)
    closed = day if event.kind in _CLOSINGS else story.closed if state == State.CLOSED else ""
    once = story.once if same_cycle else _after_a_cycle(story.once)
    if news := dict(_newly(story, event, told, day, dims)):
        once = {name: key for name, key in {**once, **news}.items() if key}
    new = Story(told, contacts, reached, closed, once, dims, state in OPEN, story.stock, story.levels)
    if "received_at" not in told or _stands_like(new, story):
        return new
    return new._replace(stock=frozenset(_stock(new, day_of)), levels=frozenset(_levels(new)))


def contributions(before: Story, event: Event, after: Story, day_of: DayOf) -> Iterator[tuple[Key, int]]:
    """What the event between two stories adds to the figures, or takes away."""
    if "received_at" not in after.told:  # it came before its case: it counts when the whole is told again
        return
    day = day_of(event.at)
    if after.stock is not before.stock:
        yield from _changes(before.stock, after.stock)
        yield from _changes(
            {Key(measure, day, dims) for measure, dims in before.levels},
            {Key(measure, day, dims) for measure, dims in after.levels},
        )
    if after.once is not before.once:
        yield from _replaced(before, after)
    for measure, grade in _flows(event, after):
        yield Key(measure, day, after.dims, grade), 1


def news(history: Sequence[Event], counted: str, day_of: DayOf) -> Iterator[tuple[Key, int]]:
    """What the figures of one case change by when all of `history` is counted, and not only what is up to `counted`.

    `history` is in its own order, that of `seq`; `counted` is the id of the last event counted. Mostly the new events
    are the last ones. If the clocks of two machines differ, an older event may come late; then what came after it is
    taken back and counted once more, so that the figures are always those of the history told in its order.
    """
    first = next((place for place, event in enumerate(history) if event.id > counted), len(history))
    story = UNTOLD
    for event in history[:first]:
        story = tell(story, event, day_of)
    rest = history[first:]
    yield from _walk(story, rest, day_of)
    for key, amount in _walk(story, [event for event in rest if event.id <= counted], day_of):
        yield key, -amount


def _walk(story: Story, events: Sequence[Event], day_of: DayOf) -> Iterator[tuple[Key, int]]:
    for event in events:
        before, story = story, tell(story, event, day_of)
        yield from contributions(before, event, story, day_of)


def _dims(told: Mapping[str, Any]) -> Dims:
    if told.get("visibility", "public") != "public":
        return HIDDEN
    county = told.get("county") or ""
    return Dims(
        told.get("agency") or "",
        county,
        told.get("ward") or told.get("constituency") or county,
        told.get("category") or "",
        told.get("channel") or "",
        told.get("language") or "",
    )


def _reached(reached: tuple[tuple[int, Day], ...], level: int, day: Day) -> tuple[tuple[int, Day], ...]:
    """The levels up to `level`, each with the day it was reached on; one that was jumped over counts as reached."""
    highest = reached[-1][0] if reached else 0
    if level <= highest:
        return tuple(one for one in reached if one[0] <= level)
    return reached + tuple((one, day) for one in LEVELS if highest < one <= level)


def _stands_like(new: Story, old: Story) -> bool:
    """Whether `_stock` and `_levels` would come out the same."""
    return (
        (new.open, new.reached, new.closed, new.dims) == (old.open, old.reached, old.closed, old.dims)
        and new.told.get("repeats") == old.told.get("repeats")
        and bool(new.contacts) == bool(old.contacts)
        and "received_at" in old.told
    )


def _changes(before: Set[Key], after: Set[Key]) -> Iterator[tuple[Key, int]]:
    for key in before - after:
        yield key, -1
    for key in after - before:
        yield key, 1


def _stock(story: Story, day_of: DayOf) -> Iterator[Key]:
    told, dims = story.told, story.dims
    received = day_of(told["received_at"])
    yield Key("received", received, dims)
    if told.get("repeats"):
        yield Key("repeats", received, dims)
    if story.open:
        yield Key("open", received, dims)
        for level, day in story.reached:
            yield Key("escalated", day, dims, level)
    if story.closed and told.get("cycle") == 1 and not story.contacts and not told.get("repeats"):
        yield Key("first_contact", story.closed, dims)


def _levels(story: Story) -> Iterator[tuple[str, Dims]]:
    if story.open:
        yield "backlog", story.dims
        if story.reached and story.reached[-1][0] >= BREACH:
            yield "overdue", story.dims


def _after_a_cycle(once: Mapping[str, Key]) -> Mapping[str, Key]:
    """What counts once a case, and not once a cycle."""
    return {name: key for name, key in once.items() if name not in _OF_A_CYCLE}


def _newly(
    story: Story, event: Event, told: Mapping[str, Any], day: Day, dims: Dims
) -> Iterator[tuple[str, Key | None]]:
    """What an event tells of that counts once; None: it does not count any more."""
    if event.kind == Action.RATE:
        yield "rating", Key("rating", day, dims, int(event.facts["stars"]))
    if "received_at" not in told:
        return
    for measure, column, promise in PROMISES:
        if event.facts.get(column) is not None:
            yield measure, _timed(measure, told, told[column], promise, day, dims)
    if event.kind in _DECISIONS:
        yield "decided", _timed("decided", told, event.at, "due_at", day, dims)
    elif event.kind in _TAKES_BACK and story.told.get("state") == State.RESOLVED:
        yield "decided", None


def _replaced(before: Story, after: Story) -> Iterator[tuple[Key, int]]:
    """What a new cycle begins without stays counted."""
    same_cycle = after.told.get("cycle") == before.told.get("cycle")
    for name in before.once.keys() | after.once.keys():
        old, new = before.once.get(name), after.once.get(name)
        if old != new:
            if old and (same_cycle or name not in _OF_A_CYCLE):
                yield old, -1
            if new:
                yield new, 1


def _flows(event: Event, after: Story) -> Iterator[tuple[str, int]]:
    if event.kind in _COUNTED:
        yield _COUNTED[event.kind], 0
    if event.kind == Action.ESCALATE:
        yield "escalations", after.told["escalation"]


def _timed(measure: str, told: Mapping[str, Any], at: int, promise: str, day: Day, dims: Dims) -> Key:
    """The measure, `_late` if the promise was broken, and the bucket of the begun minutes since it was received."""
    minutes = -((told["received_at"] - at) // _MINUTE)
    return Key(measure if at <= told[promise] else f"{measure}_late", day, dims, bucket(max(0, minutes)))


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took: how many there were, the bounds within which half and nine of ten lie (minutes, see
    `cases.histogram`), and the share that came in the promised time."""

    count: int
    half: int | None
    nine_of_ten: int | None
    in_time: float | None


@dataclass(frozen=True, slots=True)
class Sums:
    """Amounts added up, by measure and grade, and what follows from them. A share of nothing is None.

    `open` and `overdue` are those at the end of the last day.
    """

    amounts: Mapping[tuple[str, int], int]

    def count(self, *measures: str) -> int:
        """How many, over all grades."""
        return sum(amount for (measure, _), amount in self.amounts.items() if measure in measures)

    def grades(self, *measures: str) -> dict[int, int]:
        """How many of each grade."""
        found: dict[int, int] = {}
        for (measure, grade), amount in self.amounts.items():
            if measure in measures:
                found[grade] = found.get(grade, 0) + amount
        return found

    def times(self, measure: str) -> Times:
        """Of `acknowledged`, `responded` or `decided`."""
        late = f"{measure}_late"
        spread = self.grades(measure, late)
        return Times(
            sum(spread.values()),
            within(spread, MEDIAN),
            within(spread, NINE_OF_TEN),
            _share(self.count(measure), self.count(measure, late)),
        )

    @property
    def repeat_rate(self) -> float | None:
        """Of the cases received: the citizen had one of this kind in the month before."""
        return _share(self.count("repeats"), self.count("received"))

    @property
    def reopen_rate(self) -> float | None:
        """How many were reopened for each decision."""
        return _share(self.count("reopened"), self.count("decided", "decided_late"))

    @property
    def solved(self) -> float | None:
        """Of those who said whether it is solved: yes."""
        return _share(self.count("confirmed"), self.count("confirmed", "reopened"))

    @property
    def first_contact(self) -> float | None:
        """Of the closed: the first decision settled it and nobody had to come back (FCR)."""
        return _share(self.count("first_contact"), self.count("confirmed", "timed_out"))

    @property
    def stars(self) -> float | None:
        """The mean of all ratings."""
        ratings = self.grades("rating")
        return _share(sum(stars * count for stars, count in ratings.items()), sum(ratings.values()))

    @property
    def satisfied(self) -> float | None:
        """Of all ratings: four stars or five (CSAT)."""
        ratings = self.grades("rating")
        return _share(ratings.get(4, 0) + ratings.get(5, 0), sum(ratings.values()))


def added(sums: Iterable[Sums]) -> Sums:
    """All of them together."""
    amounts: dict[tuple[str, int], int] = {}
    for one in sums:
        for key, amount in one.amounts.items():
            amounts[key] = amounts.get(key, 0) + amount
    return Sums(amounts)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
