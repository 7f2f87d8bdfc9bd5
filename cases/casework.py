"""The only way to change a case: a change is checked by the lifecycle, becomes events, and listeners hear of it.

Everything that one call of `apply_many` does is one transaction: cases, events and what the listeners insert are
saved together or not at all. A change is idempotent on its `source_key`: repeated, it changes nothing and gives the
same case.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from peewee import IntegrityError

from cases import events, lifecycle, reference, sla
from cases.citizens import Caller
from cases.lifecycle import Action, NotAllowed, Role
from cases.models import Case, CaseEvent
from cases.routing import route
from packs.model import Pack
from store import database
from store.model import Insert, Select, new_id, node_name

MOST_CHANGES: Final = 500  # per transaction: on one box nobody may wait longer than 100 ms for the writer
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants to happen to a case (`case_id`; None for LODGE)."""

    action: Action
    caller: Caller  # whose case it is; their key seals the words
    source: str  # ussd, sms …
    source_key: str  # unique to this request: its repeat is recognised
    case_id: str | None = None
    role: Role = Role.CITIZEN
    facts: Mapping[str, str | None] = field(default_factory=dict)  # sub, place, language: codes, never personal data
    words: str | None = None
    quiet: bool = False  # the citizen is not told: they were told enough


@dataclass(frozen=True, slots=True)
class Happened:
    """One event as listeners see it."""

    case: Case
    kind: Action
    change: Change


@dataclass(frozen=True, slots=True)
class Done:
    """What a change led to. `repeated`: it had been done before, nothing was done now."""

    case: Case
    happened: tuple[Happened, ...] = ()
    repeated: bool = False


Listener = Callable[[Sequence[Happened], datetime], None]


class Casework:
    """Applies changes. `pack` gives the pack in force; `listeners` are called in the transaction and only insert."""

    def __init__(self, pack: Callable[[], Pack], listeners: Sequence[Listener] = ()) -> None:
        self.pack = pack
        self._listeners = tuple(listeners)
        self._insert_case, self._insert_event = Insert(Case), Insert(CaseEvent)

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
        for attempt in range(_TRIES):
            try:
                with database.transaction():
                    return self._apply_all(changes, now)
            except IntegrityError:  # the same request is being served elsewhere; the next round finds what it did
                if attempt == _TRIES - 1 or database.main.in_transaction():
                    raise
        raise AssertionError("unreachable")

    def _apply_all(self, changes: Sequence[Change], now: datetime) -> list[Done | NotAllowed]:
        desk = _Desk(self.pack(), now)
        desk.load(changes)
        outcomes = [desk.take(change) for change in changes]
        self._insert_case([case.__data__ for case in desk.lodged])
        for case in desk.changed:
            case.save(only=_CHANGING)
        self._insert_event(desk.new_events)
        for citizen_id, place in sorted(desk.places.items()):  # in one order everywhere: no deadlocks
            move = "UPDATE citizen SET place = ? WHERE id = ? AND COALESCE(place, '') <> ?"  # mostly it is the same
            database.run(database.main, move, place, citizen_id, place)
        happened = [one for outcome in outcomes if isinstance(outcome, Done) for one in outcome.happened]
        if happened:
            for listener in self._listeners:
                listener(happened, now)
        return outcomes


_CHANGING: Final = (
    Case.category,
    Case.sub,
    Case.place,
    Case.ward,
    Case.constituency,
    Case.county,
    Case.agency,
    Case.state,
    Case.state_since,
    Case.version,
    Case.events,
    Case.chain,
    Case.due_at,
)


class _Desk:
    """One transaction's work: the cases it touches, and the rows to be written at its end."""

    def __init__(self, pack: Pack, now: datetime) -> None:
        self._pack, self._now = pack, now
        self._cases: dict[str, Case] = {}
        self._by_source_key: dict[str, Case] = {}
        self.lodged: list[Case] = []
        self._lodged_ids: set[str] = set()
        self._changed: dict[str, Case] = {}
        self.new_events: list[dict[str, Any]] = []
        self.places: dict[str, str] = {}  # citizen → where their newest local problem is: offered next time

    @property
    def changed(self) -> list[Case]:
        return list(self._changed.values())

    def load(self, changes: Sequence[Change]) -> None:
        """Read, and on PostgreSQL lock, the cases concerned; recognise requests that were served before."""
        keys = [change.source_key for change in changes]
        served = f"SELECT source_key, case_id FROM case_event WHERE source_key IN ({_marks(keys)})"
        before: dict[str, str] = dict(database.rows(database.main, served, *keys))
        ids = {change.case_id for change in changes if change.case_id} | set(before.values())
        if ids:
            lock = "FOR UPDATE" if database.is_postgres() else ""
            found = _select_case(f"WHERE id IN ({_marks(ids)}) ORDER BY id {lock}", *ids)
            self._cases = {case.id: case for case in found}
        self._by_source_key = {key: self._cases[case_id] for key, case_id in before.items()}

    def take(self, change: Change) -> Done | NotAllowed:
        known = self._by_source_key.get(change.source_key)
        if known is not None:
            return Done(known, repeated=True)
        case = self._cases[change.case_id] if change.case_id else None
        try:
            state = lifecycle.after(lifecycle.State(case.state) if case else None, change.action, change.role)
        except NotAllowed as refusal:
            return refusal
        happened = self._do(case, state, change)
        self._by_source_key[change.source_key] = happened[0].case
        return Done(happened[0].case, happened)

    def _do(self, case: Case | None, state: str, change: Change) -> tuple[Happened, ...]:
        if case is None:
            case = self._lodge(change)
        elif change.action is Action.CLASSIFY:
            self._describe(case, change.facts)
        self._record(case, change.action, change, state)
        happened = [Happened(case, change.action, change)]
        if change.action in (Action.LODGE, Action.CLASSIFY):
            happened += self._assign(case, change)
        return tuple(happened)

    def _lodge(self, change: Change) -> Case:
        case = Case(
            id=new_id(),
            node=node_name(),
            ref=_draw_number(),
            source_key=change.source_key,
            citizen=change.caller.id,
            channel=change.source,
            language=change.facts.get("language") or change.caller.language or "en",
            visibility="public",
            agency=self._pack.desk,
            state=lifecycle.State.RECEIVED,
            state_since=self._now,
            version=0,
            events=0,
            chain=events.GENESIS,
            pack_version=self._pack.version,
            received_at=self._now,
        )
        self._describe(case, change.facts)
        self._cases[case.id] = case
        self.lodged.append(case)
        self._lodged_ids.add(case.id)
        return case

    def _describe(self, case: Case, facts: Mapping[str, str | None]) -> None:
        """Take over what is known of the kind and the place, and with it the date by which it is due."""
        sub = facts.get("sub")
        if sub:
            case.sub, case.category = sub, self._pack.subs[sub].category
        if facts.get("place"):
            place = self._pack.places[str(facts["place"])]
            case.place, case.ward = place.code, place.ward
            case.constituency, case.county = place.constituency, place.county
            if case.sub and self._pack.subs[case.sub].where == "place":
                self.places[case.__data__["citizen"]] = place.code
        clock = case.sub or self._pack.unsure
        case.due_at = sla.due(self._pack.calendar(clock), case.received_at, self._pack.sla(clock).resolve)

    def _assign(self, case: Case, change: Change) -> list[Happened]:
        """The router: right after a case is lodged or classified it gets the office that answers for it."""
        agency = route(self._pack, case.sub, self._pack.places.get(case.place) if case.place else None)
        if agency == self._pack.desk or (agency == case.agency and case.state == lifecycle.State.ASSIGNED):
            return []  # it stays with the service desk, or where it is
        case.agency = agency
        assign = Change(Action.ASSIGN, change.caller, "system", f"{change.source_key}/assign", case.id, Role.SYSTEM)
        state = lifecycle.after(lifecycle.State(case.state), assign.action, assign.role)
        self._record(case, Action.ASSIGN, assign, state, {"agency": agency})
        return [Happened(case, Action.ASSIGN, change)]

    def _record(
        self, case: Case, kind: Action, change: Change, state: str, facts: Mapping[str, str | None] | None = None
    ) -> None:
        """Append the event and move the case to where it leads."""
        event_id = new_id()
        words = change.caller.key.seal("case_event.words", event_id, change.words) if change.words else None
        told = {key: value for key, value in (facts or change.facts).items() if value}
        event: dict[str, Any] = {
            "id": event_id,
            "node": node_name(),
            "case": case.id,
            "seq": case.events + 1,
            "kind": str(kind),
            "role": str(change.role),
            "source": change.source,
            "source_key": change.source_key,
            "occurred_at": self._now,
            "recorded_at": self._now,
            "facts": events.canonical(told),
            "words": words,
            "previous": case.chain,
        }
        event["hash"] = events.link(event)
        self.new_events.append(event)
        if case.state != state:
            case.state, case.state_since = state, self._now
        case.events, case.chain, case.version = case.events + 1, event["hash"], case.version + 1
        if case.id not in self._lodged_ids:
            self._changed[case.id] = case


_select_case: Final = Select(Case)


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
