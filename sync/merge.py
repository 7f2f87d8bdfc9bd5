"""What the rows of an office make of a case: the same, in whatever order they come, late or twice. Pure.

**The rule.** A case goes through *rounds*. A round begins where the case comes to an office, and anew where it comes to
another one, becomes the follower of another case, is reopened, appealed, sent back or taken up again. Within a round
everybody who moves the case writes to one register: the rows of the office, and the hub (the citizen's answer, the end
of a pause, an officer at the desk). The newest writer says where the case stands. Newer is what has the later
(`occurred_at`, `base_version`, `update_id`); of the same moment the row, for it may have seen what the hub did. Whoever
had seen a version of the case spoke after that version was made, whatever their clock or calendar says.

So a row is one of these:

- the *newest*: it moves the case, also where it leaves out steps (work has begun when it is done), and takes back or
  amends what an earlier row of the office had decided, as long as the citizen has not confirmed it;
- *superseded*: somebody had written later, or it belongs to a round before. It is put on record with its words;
- *waiting*: it is the newest, but the case is not the office's to move just now (it is under appeal, follows another
  case, nobody has it yet, or somebody else decided it). That may pass; for a week it is tried again;
- *stale*: its writer had not seen that the citizen reopened, appealed, withdrew or took up the case again. Its words
  are kept, a person looks at it;
- *refused*: the case is closed, rejected or withdrawn, and the office knew: files never move it from there.

**What follows from all rows, and not from the last one alone**, is reckoned anew from the whole register with each
row: how long the clock stood still (`paused_minutes`, `paused_at` and so `due_at`), the decision that stands when one
is taken back (that of the round before, mostly none), the officer (`owner`: the newest row that names one, unless the
hub gave the case to somebody since) and the office's own number for the case. When it was acknowledged and when the
citizen first got an answer is the earliest of all rows. So the told columns of a case end the same in every order but
one: `decided_at` is when we heard of the decision that stands, for from then on its citizen can answer it. The time
that an office needed is reckoned from its own word, the event's `occurred_at`.

**What may differ** beside it: acknowledgements and SMS; `state_since`; what the clock did meanwhile (`escalation`,
reminders); whether a row's event is called by what it did or `record`; what a row meant that came while another office
had the case: it is refused; and cases that follow this one: those that a resolution took with it stay resolved when it
is taken back, and their citizens may reopen them.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import reduce
from typing import Any, Final, NamedTuple

from cases import sla
from cases.lifecycle import Action, Role, State
from cases.timers import MOST_PAUSED_DAYS
from packs.model import Calendar
from store.model import from_micros


class Fate(StrEnum):
    """What becomes of a row."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"
    WAITING = "waiting"
    STALE = "stale"
    REFUSED = "refused"


class Told(NamedTuple):
    """An event of the case's history."""

    seq: int
    kind: str
    role: str
    occurred_at: datetime
    recorded_at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Word:
    """What one row says. `status` None: only words, or who has the case."""

    at: datetime
    base: int | None
    id: str
    status: State | None = None
    assignee: str = ""
    agency_ref: str = ""

    @property
    def key(self) -> Key:
        """Where it stands among all that was written."""
        return self.at, self.base or 0, self.id


Key = tuple[datetime, int, str]
_Turn = tuple[Key, State]
_Clock = tuple[int, datetime | None]  # minutes that it stood still, and since when it does again
_RUNNING: Final[_Clock] = (0, None)
_NEVER: Final[Key] = (datetime.min.replace(tzinfo=UTC), -2, "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a row: the act it means (None: none now), when, and the columns that follow (`facts`)."""

    fate: Fate
    word: Word
    action: Action | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    names_case: bool = False  # the office's own number for the case is this row's


# The act by which a file brings a case where it says
_ACTS: Final[Mapping[State, Action]] = {
    State.ASSIGNED: Action.PUT_BACK,
    State.IN_PROGRESS: Action.START,
    State.PENDING_CITIZEN: Action.ASK,
    State.PENDING_THIRD_PARTY: Action.WAIT,
    State.RESOLVED: Action.RESOLVE,
}
_AT_WORK: Final = frozenset({State.ASSIGNED, State.IN_PROGRESS, State.PENDING_CITIZEN, State.PENDING_THIRD_PARTY})
_PENDING: Final = frozenset({State.PENDING_CITIZEN, State.PENDING_THIRD_PARTY})
_SAID_AGAIN: Final = frozenset({State.PENDING_CITIZEN, State.PENDING_THIRD_PARTY, State.RESOLVED})  # with other words
_ENDED: Final = frozenset({State.CLOSED, State.REJECTED, State.WITHDRAWN})

_BEGIN_A_ROUND: Final = frozenset(
    {Action.TRANSFER, Action.DUPLICATE, Action.REOPEN, Action.APPEAL, Action.OVERTURN, Action.RESTORE}
)
_OF_THE_CITIZEN: Final = frozenset({Action.REOPEN, Action.APPEAL, Action.OVERTURN, Action.RESTORE, Action.WITHDRAW})
# The hub says who has it from now on, also where that is still nobody
_GIVE_IT: Final = frozenset(
    {Action.ASSIGN, Action.TRANSFER, Action.DUPLICATE, Action.FOLLOW, Action.RELEASE, Action.OVERTURN}
)
# The hub hands the case over without saying anything of the work
_ADMINISTRATIVE: Final = frozenset({Action.LODGE, Action.ASSIGN, Action.RELEASE})


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules ask about a case as it stands."""

    state: State
    received_at: datetime
    decided_by: str | None
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class _Round:
    """Since when the present round runs, and what stood at its beginning."""

    seq: int
    at: datetime
    by_citizen: bool
    base: Mapping[str, Any]


class Register:
    """All that was written about a case, from its history. `hear` keeps it true while rows are taken one by one."""

    def __init__(self, office: str, case: Standing, history: Iterable[Told]) -> None:
        self._office, self._calendar, self._received_at = office, case.calendar, case.received_at
        self._told: dict[str, Any] = {}
        self._made: dict[int, datetime] = {}  # version → when we knew it
        self._round = _Round(0, case.received_at, by_citizen=False, base={})
        self._cycle_from = case.received_at
        self._turns: list[_Turn] = []  # of this cycle, in the order of what happened
        self._clock: _Clock | None = None  # after all of them, once it was asked for
        self._newest: Key = _NEVER
        self._withdrawal = 0  # the version that it made
        self._owner_from: Key = _NEVER
        self._ref_from: Key = _NEVER
        for event in history:
            self._read(event)
        self.state, self._decided_by = case.state, case.decided_by

    def judge(self, word: Word, now: datetime) -> Verdict:
        """What becomes of a row that was not heard before. `word.at` is brought into the time it can have happened."""
        word = replace(word, at=self._possible(word, now))
        names = bool(word.agency_ref) and word.key > self._ref_from
        facts = self._owner(word)
        if word.status is None:
            return Verdict(Fate.APPLIED, word, Action.RECORD, facts, names)
        if self._is_stale(word):
            return Verdict(Fate.STALE, word, Action.RECORD, facts, names)
        if word.at < self._round.at or word.key < self._newest:
            return Verdict(Fate.SUPERSEDED, word, Action.RECORD, facts | self._pauses(word), names)
        if self.state in _ENDED:
            return Verdict(Fate.REFUSED, word)
        if not self._may_be_moved:
            return Verdict(Fate.WAITING, word)
        return Verdict(Fate.APPLIED, word, self._act(word.status), facts | self._moved(word), names)

    def hear(self, verdict: Verdict) -> None:
        """The row was taken: its event is in the history now."""
        word = verdict.word
        if verdict.action is None:
            return
        if "owner" in verdict.facts:
            self._owner_from = word.key
        if verdict.names_case:
            self._ref_from = word.key
        if word.status and verdict.fate is not Fate.STALE:
            self._write(word.key, word.status)
        if word.status and verdict.fate is Fate.APPLIED:
            self.state = word.status
            self._decided_by = str(Role.SYNC) if word.status is State.RESOLVED else None

    # The history

    def _read(self, event: Told) -> None:
        facts, by_office = event.facts, event.role == Role.SYNC and "update" in event.facts
        self._made[event.seq] = event.recorded_at
        was_received = self._told.get("state") in (None, State.RECEIVED)
        self._told |= facts
        key = event.occurred_at, -1, ""
        if "cycle" in facts:  # the promise holds anew
            self._cycle_from, self._turns, self._clock = event.occurred_at, [], None
        if by_office:
            self._read_row(event)
        elif event.kind in _BEGIN_A_ROUND or "agency" in facts:
            self._begin(event, self._received_at if was_received else event.occurred_at)
            if not was_received:
                self._turn(key, self._told["state"])
        elif "state" in facts and event.kind not in _ADMINISTRATIVE:
            self._turn(key, facts["state"])
            self._newest = max(self._newest, key)
        if event.kind == Action.WITHDRAW:
            self._withdrawal = event.seq
        if not by_office and ("owner" in facts or event.kind in _GIVE_IT):
            self._owner_from = key

    def _begin(self, event: Told, at: datetime) -> None:
        self._round = _Round(event.seq, at, event.kind in _OF_THE_CITIZEN, dict(self._told))
        self._newest = _NEVER

    def _read_row(self, event: Told) -> None:
        facts = event.facts
        key = event.occurred_at, facts.get("base") or 0, facts["update"]
        if facts.get("office") != self._office:  # of another office, or a note for its own people
            if facts.get("status") and not facts.get("stale"):
                self._turn(key, facts["status"])
            return
        if facts.get("assignee"):
            self._owner_from = max(self._owner_from, key)
        if facts.get("agency_ref"):
            self._ref_from = max(self._ref_from, key)
        if facts.get("status") and not facts.get("stale"):
            self._write(key, State(facts["status"]))

    def _write(self, key: Key, status: State) -> None:
        self._turn(key, status)
        if key[0] >= self._round.at:
            self._newest = max(self._newest, key)

    def _turn(self, key: Key, status: str) -> None:
        if self._is_of_this_cycle(key[0]):
            turn = self._turn_at(key, status)
            self._clock = self._after(turn) if self._clock else None
            insort(self._turns, turn)

    def _is_of_this_cycle(self, at: datetime) -> bool:
        """Also what was written while the case followed another one, and waited until that ended."""
        return at >= min(self._cycle_from, self._round.at)

    def _turn_at(self, key: Key, status: str) -> _Turn:
        return (max(key[0], self._cycle_from), *key[1:]), State(status)

    # One row

    def _possible(self, word: Word, now: datetime) -> datetime:
        """When it can have happened: in the case's life, and after what its writer had seen."""
        earliest = self._received_at
        if word.base is not None and self._made:
            seen = self._made.get(min(word.base, max(self._made)), earliest)
            earliest = max(earliest, seen)
        return min(max(word.at, earliest), now)

    def _is_stale(self, word: Word) -> bool:
        round_ = self._round
        if self.state is State.WITHDRAWN:
            return (word.base or 0) < self._withdrawal
        if not round_.by_citizen:
            return False
        return word.at < round_.at if word.base is None else word.base < round_.seq

    @property
    def _may_be_moved(self) -> bool:
        return self.state in _AT_WORK or (self.state is State.RESOLVED and self._decided_by == Role.SYNC)

    def _act(self, status: State) -> Action:
        if status is self.state and status not in _SAID_AGAIN:
            return Action.RECORD
        if status is State.IN_PROGRESS and self.state in _PENDING:
            return Action.RESUME
        return _ACTS[status]

    # What follows

    def _owner(self, word: Word) -> dict[str, Any]:
        return {"owner": word.assignee} if word.assignee and word.key > self._owner_from else {}

    def _moved(self, word: Word) -> dict[str, Any]:
        facts = self._pauses(word)
        if self.state is State.RESOLVED and word.status is not State.RESOLVED:
            before = self._round.base
            for name in ("decided_by", "outcome"):
                facts[name] = before.get(name)
            for name in ("decided_at", "reminded_at"):
                facts[name] = from_micros(before[name]) if before.get(name) is not None else None
        return facts

    def _pauses(self, word: Word) -> dict[str, Any]:
        """How long the clock stood still in this cycle, reckoned in the order of what happened."""
        if word.status is None or not self._is_of_this_cycle(word.at):
            return {}
        if word.status is not State.PENDING_CITIZEN and self._so_far() == _RUNNING:
            return {}
        minutes, since = self._after(self._turn_at(word.key, word.status))
        return {"paused_minutes": minutes, "paused_at": since}

    def _so_far(self) -> _Clock:
        if self._clock is None:
            self._clock = reduce(self._tick, self._turns, _RUNNING)
        return self._clock

    def _after(self, turn: _Turn) -> _Clock:
        """With one turn more, which mostly is the newest."""
        if not self._turns or self._turns[-1] < turn:
            return self._tick(self._so_far(), turn)
        return reduce(self._tick, sorted([*self._turns, turn]), _RUNNING)

    def _tick(self, clock: _Clock, turn: _Turn) -> _Clock:
        (minutes, since), ((at, _, _), state) = clock, turn
        most = MOST_PAUSED_DAYS * self._calendar.working_day
        if since is not None:
            minutes += min(sla.elapsed(self._calendar, since, at), most - minutes)
        return minutes, at if state is State.PENDING_CITIZEN and minutes < most else None


def allowed(state: State) -> tuple[State, ...]:
    """What a file may say of a case that stands so; where it may say nothing, that it stays."""
    if state not in _AT_WORK and state is not State.RESOLVED:
        return (state,)
    return tuple(status for status in _ACTS if status is not state)
