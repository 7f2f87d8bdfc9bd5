"""The only way to change a case: a change is checked by the lifecycle, becomes events, and listeners hear of it.

Everything that one call of `apply_many` does is one transaction: cases, events and what the listeners insert are
saved together or not at all. A change is idempotent on its `source_key`: repeated, it changes nothing and gives the
same case.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from peewee import DatabaseError

from cases import effects, events, lifecycle, reference
from cases.citizens import Caller, Citizens
from cases.lifecycle import OPEN, Act, Action, NotAllowed, Role, Stale, Standing, State
from cases.models import Case, CaseEvent
from cases.routing import barred, route
from packs.model import Pack
from store import database
from store.model import Insert, Select, Update, UtcField, new_id, node_name, to_micros

MOST_CHANGES: Final = 500  # per transaction: on one box nobody may wait longer than 100 ms for the writer
COUNT_LOADS_EVERY: Final = timedelta(seconds=30)  # an office may have 50,000 open cases: not for every new one
REPEATS_WITHIN: Final = timedelta(days=30)
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants to happen to a case (`case_id`; None for LODGE).

    `facts` are codes, never personal data: sub, place, agency, reason … `words` are sealed with the citizen's key.
    """

    action: Action
    caller: Caller | None  # the citizen, where they act themselves; None: staff, files, timers
    source: str  # ussd, sms, desk, csv, system …
    source_key: str  # unique to this request: its repeat is recognised
    case_id: str | None = None
    role: Role = Role.CITIZEN
    facts: Mapping[str, Any] = field(default_factory=dict)
    words: str | None = None
    quiet: bool = False  # the citizen is not told: they were told enough
    actor: str | None = None  # the officer's code
    office: str | None = None  # the officer's agency
    version: int | None = None  # of the case they looked at; at another by now, nothing is done
    at: datetime | None = None  # when it happened, if that is not now


@dataclass(frozen=True, slots=True)
class Happened:
    """One event as listeners see it. `before` and `after` hold the columns that it changed."""

    case: Case  # as it stands at the end of the transaction
    kind: Action
    change: Change  # of what follows by itself: a change by the system
    caller: Caller | None  # the citizen of the case; None once erased
    at: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What a change led to. `repeated`: it had been done before, nothing was done now."""

    case: Case
    happened: tuple[Happened, ...] = ()
    repeated: bool = False


Listener = Callable[[Sequence[Happened], datetime], None]
Loads = dict[str, tuple[datetime, Counter[str]]]  # by office: when its members' open cases were counted, and how many


class Casework:
    """Applies changes. `pack` gives the pack in force; `listeners` are called in the transaction and only insert."""

    def __init__(self, pack: Callable[[], Pack], citizens: Citizens, listeners: Sequence[Listener] = ()) -> None:
        self.pack, self.citizens = pack, citizens
        self._listeners = tuple(listeners)
        self._loads: Loads = {}
        self._insert_case, self._insert_event = Insert(Case), Insert(CaseEvent)
        self._update_case = Update(Case)

    def apply(self, change: Change, now: datetime) -> Done:
        """Apply one change. Raises NotAllowed if the lifecycle says no."""
        (outcome,) = self.apply_many([change], now)
        if isinstance(outcome, NotAllowed):
            raise outcome
        return outcome

    def apply_many(self, changes: Sequence[Change], now: datetime) -> list[Done | NotAllowed]:
        """Apply up to 500 changes in one transaction, in order; one outcome for each. A refusal stops only itself."""
        if len(changes) > MOST_CHANGES:
            raise ValueError(f"at most {MOST_CHANGES} changes a transaction, not {len(changes)}")
        if not changes:
            return []
        for attempt in range(_TRIES):
            try:
                with database.transaction():
                    return self._apply_all(changes, now)
            except DatabaseError as fault:  # the same is being served elsewhere; the next round finds what came of it
                if not database.may_be_repeated(fault) or attempt == _TRIES - 1 or database.main.in_transaction():
                    raise
        raise AssertionError("unreachable")

    def _apply_all(self, changes: Sequence[Change], now: datetime) -> list[Done | NotAllowed]:
        desk = _Desk(self.pack(), self.citizens, self._loads, now)
        desk.load(changes)
        outcomes = [desk.take(change) for change in changes]
        self._insert_case([case.__data__ for case in desk.lodged])
        for case, names in desk.changed.values():
            self._update_case(case, _EVER_NEW | names)
        self._insert_event(desk.new_events)
        desk.tell_neighbours()
        happened = [one for outcome in outcomes if isinstance(outcome, Done) for one in outcome.happened]
        if happened:
            for listener in self._listeners:
                listener(happened, now)
        return outcomes


_EVER_NEW: Final = frozenset({"state_since", "version", "events", "chain", "next_at", "next_step"})
_TIMES: Final = frozenset(name for name in events.TOLD if isinstance(Case._meta.fields[name], UtcField))


_SAID_AT_ONCE: Final = ("about", "silent")
_NOTHING_YET: Final = dict.fromkeys(
    name for name, one in Case._meta.fields.items() if one.null and name not in _SAID_AT_ONCE
)


class _Desk:
    """One transaction's work: the cases it touches, and the rows to be written at its end."""

    def __init__(self, pack: Pack, citizens: Citizens, loads: Loads, now: datetime) -> None:
        self._pack, self._citizens, self._loads, self._now = pack, citizens, loads, now
        self._cases: dict[str, Case] = {}
        self._callers: dict[str, Caller] = {}
        self._by_source_key: dict[str, Case] = {}
        self.lodged: list[Case] = []
        self._lodged_ids: set[str] = set()
        self.changed: dict[str, tuple[Case, set[str]]] = {}  # with the told columns that moved
        self.new_events: list[dict[str, Any]] = []
        self._places: dict[str, str] = {}  # citizen → where their newest local problem is: offered next time
        self._followers: Counter[str] = Counter()  # master → how many more follow it now
        self._led: dict[str, Action] = {}  # master → what its followers are owed

    # Before it: read what is there

    def load(self, changes: Sequence[Change]) -> None:
        """Read, and on PostgreSQL lock, the cases concerned; then recognise requests that were served before."""
        self._read({id for change in changes for id in (change.case_id, change.facts.get("master")) if id})
        keys = [change.source_key for change in changes]
        served = f"SELECT source_key, case_id FROM case_event WHERE source_key IN ({_marks(keys)})"
        before: dict[str, str] = dict(database.rows(database.main, served, *keys))
        self._read(set(before.values()) - self._cases.keys())
        self._by_source_key = {key: self._cases[case_id] for key, case_id in before.items()}
        self._callers = {change.caller.id: change.caller for change in changes if change.caller}
        others = {case.__data__["citizen"] for case in self._cases.values()} - self._callers.keys()
        self._callers |= self._citizens.by_id(others)

    def _read(self, ids: Collection[str]) -> None:
        if ids:
            lock = "FOR UPDATE" if database.is_postgres() else ""
            found = _select_case(f"WHERE id IN ({_marks(ids)}) ORDER BY id {lock}", *ids)
            self._cases |= {case.id: case for case in found}

    # One change

    def take(self, change: Change) -> Done | NotAllowed:
        known = self._by_source_key.get(change.source_key)
        if known is not None:
            if change.case_id not in (None, known.id):
                return NotAllowed("this request had been served before, for another case")
            return Done(known, repeated=True)
        if change.case_id and change.case_id not in self._cases:
            return NotAllowed(_NO_SUCH_CASE)
        case = self._cases[change.case_id] if change.case_id else None
        try:
            self._check_codes(change)
            happened = self._do(case, change)
        except NotAllowed as refusal:
            return refusal
        self._by_source_key[change.source_key] = happened[0].case
        return Done(happened[0].case, tuple(happened))

    def _do(self, case: Case | None, change: Change) -> list[Happened]:
        if case is None:
            return self._lodge(change)
        self._check(case, change)
        happened = [self._happen(case, change)]
        if change.action is Action.CLASSIFY and self._is_routed_by(case, happened[0]):
            happened += self._route(case, change)
        if case.followers and change.action in _LEADS:
            self._led[case.id] = _LEADS[change.action]
        return happened

    def _is_routed_by(self, case: Case, told: Happened) -> bool:
        """Once an officer has touched it, a citizen's late answer to "where?" does not take it away again."""
        if case.state == State.RECEIVED:
            return True
        ours = told.change.role not in (Role.CITIZEN, Role.AGENT) or case.acknowledged_at is None
        return ours and bool(_ROUTED_BY & told.after.keys())

    def _check_codes(self, change: Change) -> None:
        """Codes from files and command lines may be anything; from menus they are the pack's own."""
        known: Mapping[str, Collection[str]] = {
            "agency": self._pack.agencies, "about": self._pack.agencies, "sub": self._pack.subs,
            "place": self._pack.places, "priority": PRIORITIES, "visibility": VISIBILITIES,
        }  # fmt: skip
        for name, codes in known.items():
            code = change.facts.get(name)
            if code is not None and code not in codes:
                raise NotAllowed(f"{lifecycle.plain(change.action)} does not know the {name} {code}")
        agency = change.facts.get("agency")
        if agency and self._pack.agencies[agency].retired:
            raise NotAllowed(f"{lifecycle.plain(change.action)} is not possible to {agency}, which is retired")
        if change.facts.get("about") == self._pack.desk:
            raise NotAllowed("the service desk hands out every case: what is about the desk itself goes to its auditor")

    def _check(self, case: Case, change: Change) -> None:
        """What no table of states can know: who looked at which version, whose case it is, whom it would follow."""
        if change.office in barred(self._pack, case.about):
            raise NotAllowed(_NO_SUCH_CASE)
        if change.version is not None and change.version != case.version:
            raise Stale(
                f"this case was changed meanwhile: it is at version {case.version} now, not at {change.version}"
            )
        if change.role is Role.CITIZEN and (change.caller is None or change.caller.id != case.__data__["citizen"]):
            raise NotAllowed(f"{lifecycle.plain(change.action)} is for the citizen who lodged the case")
        if change.action is Action.DUPLICATE and change.facts.get("master"):
            self._check_master(case, change.facts["master"])
        if (change.action in _GIVES or change.role is Role.SYNC) and change.facts.get("owner"):
            agency, owner = change.facts.get("agency") or case.agency, change.facts["owner"]
            members, others = self._pack.members.get(agency), self._pack.members.values()
            if owner not in members if members else any(owner in office for office in others):
                # a slip of the keyboard must not lose a case, nor give it to the office that it is about
                raise NotAllowed(f"{change.action} does not know the officer {owner} at {agency}")

    def _check_master(self, case: Case, master_id: str) -> None:
        master = self._cases.get(master_id)
        if master is None or master.visibility != "public":
            raise NotAllowed("duplicate needs a public case to follow")
        if master.state not in OPEN:
            raise NotAllowed(f"duplicate needs an open case to follow; that one is {lifecycle.plain(master.state)}")
        if master.agency in barred(self._pack, case.about):
            raise NotAllowed("duplicate never gives a case to the office that it is about, nor to its kin")

    def _lodge(self, change: Change) -> list[Happened]:
        act = _act(change, self._now)
        state = lifecycle.after(None, act)
        assert change.caller is not None  # noqa: S101  there is no complaint without a citizen
        case = self._new_case(change, change.caller, act.at)
        effects.describe(case, change.facts, self._pack)
        effects.guard(case, change.words, self._pack)
        self._note_kind(case, act)
        self._cases[case.id] = case
        self.lodged.append(case)
        self._lodged_ids.add(case.id)
        event = self._record(case, {}, state, change, act)
        return [event, *(self._join(case, change) or self._route(case, change))]

    def _new_case(self, change: Change, caller: Caller, at: datetime) -> Case:
        facts = change.facts
        case = Case(
            **_NOTHING_YET,
            id=new_id(),
            node=node_name(),
            ref=_draw_number(),
            source_key=change.source_key,
            citizen=caller.id,
            channel=change.source,
            language=facts.get("language") or caller.language or "en",
            visibility=_visibility(facts),
            about=facts.get("about"),
            silent=1 if facts.get("silent") else None,
            agency=self._pack.desk,
            state=State.RECEIVED,
            state_since=at,
            version=0,
            events=0,
            chain=events.GENESIS,
            pack_version=self._pack.version,
            received_at=at,
            clock_start=at,
        )
        return case

    def _note_kind(self, case: Case, act: Act) -> None:
        """Once it is known what it is: does the citizen come again, and does a rule send it anywhere?"""
        if case.sub is None:
            return
        case.repeats = int(self._came_before(case))
        home = self._pack.subs[case.sub].where == "place"
        if case.place and home and act.role is Role.CITIZEN and case.visibility == "public":
            self._places[case.__data__["citizen"]] = case.place
        case.queue = effects.SUPERVISOR_QUEUE if self._office_for(case) == self._pack.desk else None

    def _came_before(self, case: Case) -> bool:
        citizen, since = case.__data__["citizen"], case.received_at - REPEATS_WITHIN
        for other in self.lodged:  # not written yet
            if other.__data__["citizen"] == citizen and other.category == case.category and other.id != case.id:
                return True
        before = (
            "SELECT 1 FROM cases WHERE citizen_id = ? AND received_at > ? AND received_at <= ? AND category = ? "
            "AND id <> ? LIMIT 1"
        )
        span = to_micros(since), to_micros(case.received_at)
        return bool(database.rows(database.main, before, citizen, *span, case.category, case.id))

    def _office_for(self, case: Case) -> str:
        return route(self._pack, case.sub, self._pack.places.get(case.place) if case.place else None, case.about)

    def _guard(self, case: Case, change: Change) -> None:
        if change.role in _HELPED:
            effects.guard(case, change.words, self._pack, secret=bool(change.facts.get("secret")))
        elif change.action is Action.CLASSIFY:
            effects.name(case, self._pack)

    # What follows by itself

    def _join(self, case: Case, lodged: Change) -> list[Happened]:
        """ "Add me": lodged as a follower of a known case; if that has ended meanwhile, it is a case like any other."""
        if not lodged.facts.get("master"):
            return []
        join = _follow_up(Action.DUPLICATE, lodged, case, {"master": lodged.facts["master"]})
        try:
            self._check(case, join)
            return [self._happen(case, join)]
        except NotAllowed:
            return []

    def _route(self, case: Case, change: Change) -> list[Happened]:
        """The router: a case that is lodged or classified gets the office that answers for it.

        What no rule covers waits for a supervisor of the service desk: never nowhere.
        """
        agency = self._office_for(case)
        lost = agency == self._pack.desk
        if agency == case.agency and (lost or case.state == State.ASSIGNED):
            return []
        return [self._happen(case, _follow_up(Action.ASSIGN, change, case, {"agency": agency}))]

    def _member(self, agency: str) -> str | None:
        """The member of an office who has the fewest open cases, if it has members."""
        members = self._pack.members.get(agency, ())
        if not members:
            return None
        load = self._load_of(agency, members)
        chosen = min(members, key=lambda one: (load[one], members.index(one)))
        load[chosen] += 1
        return chosen

    def _load_of(self, agency: str, members: Sequence[str]) -> Counter[str]:
        """The open cases of each member: counted now and then, and what this process gave them since added."""
        counted_at, load = self._loads.get(agency, (None, Counter[str]()))
        if counted_at is None or abs(self._now - counted_at) > COUNT_LOADS_EVERY:
            counting = (
                f"SELECT owner, COUNT(*) FROM cases WHERE agency = ? AND owner IN ({_marks(members)}) "
                f"AND {WORKLIST} GROUP BY owner"
            )
            load = Counter(dict(database.rows(database.main, counting, agency, *members)))
            self._loads[agency] = self._now, load
        return load

    # Any event

    def _happen(self, case: Case, change: Change) -> Happened:
        if change.action is Action.DUPLICATE and change.facts.get("master") in self._cases:
            change = replace(change, facts={**change.facts, "agency": self._cases[change.facts["master"]].agency})
        if change.action in _GIVES and change.facts.get("agency") and not change.facts.get("owner"):
            change = replace(change, facts={**change.facts, "owner": self._member(change.facts["agency"])})
        act = _act(change, self._now, case.received_at)
        state = lifecycle.after(_standing(case, self._pack), act)
        before = dict(case.__data__)
        if change.action is Action.CLASSIFY:
            effects.describe(case, change.facts, self._pack)
            self._note_kind(case, act)
        if change.action in _TELLS:
            self._guard(case, change)
        return self._record(case, before, state, change, act)

    def _record(self, case: Case, before: dict[str, Any], state: State, change: Change, act: Act) -> Happened:
        """Append the event and move the case to where it leads."""
        effects.perform(case, state, act, self._pack)
        after = case.__data__
        moved = [name for name in events.TOLD if before.get(name) != after.get(name)]
        self._count_followers(before.get("master"), after.get("master"))
        caller = self._callers.get(after["citizen"])
        event = self._event(case, change, act, caller, {name: after[name] for name in moved})
        self.new_events.append(event)
        case.events, case.chain, case.version = case.events + 1, event["hash"], case.version + 1
        if case.id not in self._lodged_ids:
            self.changed.setdefault(case.id, (case, set()))[1].update(moved)
        return Happened(
            case=case,
            kind=act.action,
            change=change,
            caller=caller,
            at=act.at,
            before={name: before.get(name) for name in moved} if before else {},
            after={name: after[name] for name in moved},
        )

    def _event(
        self, case: Case, change: Change, act: Act, caller: Caller | None, changed: Mapping[str, Any]
    ) -> dict[str, Any]:
        event_id = new_id()
        said = {key: value for key, value in change.facts.items() if value is not None and key not in _TOLD}
        told = {name: to_micros(value) if name in _TIMES and value else value for name, value in changed.items()}
        # an erased citizen has no key: what is said to nobody is not kept
        words = caller.key.seal("case_event.words", event_id, act.words) if act.words and caller else None
        event: dict[str, Any] = {
            "id": event_id,
            "node": node_name(),
            "case": case.id,
            "seq": case.events + 1,
            "kind": str(act.action),
            "role": str(act.role),
            "actor": act.actor,
            "source": change.source,
            "source_key": change.source_key,
            "occurred_at": act.at,
            "recorded_at": self._now,
            "facts": events.canonical(said | told),
            "words": words,
            "previous": case.chain,
        }
        event["hash"] = events.link(event)
        return event

    def _count_followers(self, left: str | None, joined: str | None) -> None:
        if left == joined:
            return
        for master, by in ((left, -1), (joined, 1)):
            if master:
                self._followers[master] += by
                if master in self._cases:
                    self._cases[master].followers += by

    # After: rows of others

    def tell_neighbours(self) -> None:
        """Remember the citizens' places, count followers, and set the timers of those whose master has ended.

        In one order everywhere: no deadlocks.
        """
        # Who holds a citizen (an SMS of theirs, their erasure) may be waiting for a case that we hold: no waiting here
        free = "FOR NO KEY UPDATE SKIP LOCKED" if database.is_postgres() else ""
        other = f"SELECT id FROM citizen WHERE id = ? AND data_key IS NOT NULL AND COALESCE(place, '') <> ? {free}"
        for citizen_id, place in sorted(self._places.items()):  # mostly it is the same
            move = f"UPDATE citizen SET place = ? WHERE id IN ({other})"
            database.run(database.main, move, place, citizen_id, place)
        for master, more in sorted(self._followers.items()):
            database.run(database.main, "UPDATE cases SET followers = followers + ? WHERE id = ?", more, master)
        for master, step in sorted(self._led.items()):
            wake = "UPDATE cases SET next_at = ?, next_step = ? WHERE master = ? AND state = 'duplicate'"
            database.run(database.main, wake, to_micros(self._now), str(step), master)


_NO_SUCH_CASE: Final = "there is no such case"
PRIORITIES: Final = ("normal", "urgent")
VISIBILITIES: Final = ("public", "confidential", "anonymous")
_GIVES: Final = frozenset({Action.ASSIGN, Action.TRANSFER, Action.RELEASE})  # to an office: one of its members gets it
_TELLS: Final = frozenset({Action.CLASSIFY, Action.ADD_WORDS})  # may bring words of the citizen, or a name for it
_HELPED: Final = frozenset({Role.CITIZEN, Role.AGENT})
_ROUTED_BY: Final = frozenset({"sub", "place"})  # what a route asks; who changes only the urgency moves no case
# What the followers of a case are owed when it ends
_LEADS: Final = {
    Action.RESOLVE: Action.FOLLOW,
    Action.REJECT: Action.RELEASE,
    Action.WITHDRAW: Action.RELEASE,
    Action.UPHOLD: Action.RELEASE,  # who joined during the appeal was not in the decision that stands
}
# The condition of the index over open cases, to the letter
WORKLIST: Final = "state NOT IN ('resolved', 'closed', 'rejected', 'duplicate', 'withdrawn')"
_TOLD: Final = frozenset(events.TOLD)
_select_case: Final = Select(Case)


def _visibility(facts: Mapping[str, Any]) -> str:
    """What is about an office is never public: it would be in that office's lists."""
    asked = str(facts.get("visibility") or "public")
    return "confidential" if facts.get("about") and asked == "public" else asked


def _act(change: Change, now: datetime, beginning: datetime | None = None) -> Act:
    """Nothing happens before its case begins, nor after now: clocks elsewhere may be wrong."""
    at = min(change.at or now, now)
    if beginning:
        at = max(at, beginning)
    return Act(change.action, change.role, at, change.actor, change.office, change.facts, change.words, heard=now)


def _standing(case: Case, pack: Pack) -> Standing:
    return Standing(
        state=State(case.state),
        id=case.id,
        agency=case.agency,
        owner=case.owner,
        barred=barred(pack, case.about),
        followers=case.followers,
        escalation=case.escalation,
        reopens=case.reopens,
        appealed=case.appealed,
        since=case.state_since,
        decided_at=case.decided_at,
        decided_by=case.decided_by,
    )


def _follow_up(action: Action, cause: Change, case: Case, facts: Mapping[str, Any]) -> Change:
    """What the system does by itself because of `cause`."""
    return Change(
        action=action,
        caller=cause.caller,
        source="system",
        source_key=f"{cause.source_key}/{action}",
        case_id=case.id,
        role=Role.SYSTEM,
        facts=facts,
        quiet=cause.quiet,
        at=cause.at,
    )


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))


def _draw_number() -> str:
    """A number that no box here ever gave out; it is booked in the table of numbers as it is drawn."""
    while True:
        ref = reference.draw(secrets.randbelow)
        booked = database.run(
            database.main,
            "INSERT INTO case_number (id, node) VALUES (?, ?) ON CONFLICT DO NOTHING",
            ref,
            node_name(),
        )
        if booked.rowcount == 1:
            return ref
