"""Rows that offices sent, applied to their cases: a batch is one short transaction, all of it or nothing.

A row is known by (office, its key): the same again changes nothing, whoever brings it and however often.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import structlog
from peewee import DatabaseError

from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, NotAllowed, Role, State
from cases.routing import barred
from packs.model import Pack
from store import database
from store.model import Insert, from_micros, new_id, node_name
from sync import faults, held, merge
from sync.faults import RowFault
from sync.held import Standing, UpdateRow
from sync.merge import Fate, Register, Told, Verdict, Word
from sync.updates import Kind, Update

MOST_ROWS: Final = 100  # a transaction: it takes 60 ms on one core, and nobody may wait longer than 100 for the writer
DUPLICATE: Final = "duplicate"
_TRIES: Final = 3

log = structlog.get_logger("mlango")


@dataclass(frozen=True, slots=True)
class Landed:
    """A row that was taken: what became of it, or `duplicate`."""

    update: Update
    became: str


Outcome = Landed | RowFault


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from. `resumed`: this file was being read before, and what it brought counts as brought now."""

    agency: str
    kind: Kind
    file: str = ""  # SHA-256
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """A row that was taken before."""

    id: str
    fingerprint: str
    status: str | None
    state: str
    file: str
    row: int


@dataclass(frozen=True, slots=True)
class _Case:
    id: str
    version: int
    citizen: str
    register: Register


@dataclass(frozen=True, slots=True)
class _New:
    """A row that is taken now, under its id in the table of rows."""

    id: str
    update: Update
    case: _Case
    verdict: Verdict

    @property
    def waits(self) -> bool:
        return self.verdict.fate is Fate.WAITING


class Applier:
    """Applies rows, up to 100 at a time."""

    def __init__(self, casework: Casework, citizens: Citizens, pack: Callable[[], Pack]) -> None:
        self._casework, self._citizens, self._pack = casework, citizens, pack

    def take(
        self,
        origin: Origin,
        updates: Sequence[Update],
        now: datetime,
        *,
        again: Mapping[str, UpdateRow] = {},
        last: bool = False,
        dry_run: bool = False,
    ) -> list[Outcome]:
        """Apply rows in this order; one outcome for each.

        `again`: those among them that had been waiting, by key. `last`: what still cannot be done waits no longer.
        """
        if len(updates) > MOST_ROWS:
            raise ValueError(f"at most {MOST_ROWS} rows a transaction, not {len(updates)}")
        if not updates:
            return []
        for attempt in range(_TRIES):
            batch = _Batch(self._pack(), self._citizens, origin, now, again, last=last)
            try:
                if dry_run:
                    batch.load(updates)
                    return [batch.judge(update) for update in updates]
                with database.transaction():
                    batch.load(updates)
                    outcomes = [batch.judge(update) for update in updates]
                    batch.save(self._casework)
                    return [batch.settled(update, one) for update, one in zip(updates, outcomes, strict=True)]
            except DatabaseError as fault:  # the same rows or cases are being changed elsewhere: once more
                if not database.may_be_repeated(fault) or attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")


class _Batch:
    """One transaction: what is known of its rows and cases, and what is to be written at its end."""

    def __init__(
        self,
        pack: Pack,
        citizens: Citizens,
        origin: Origin,
        now: datetime,
        again: Mapping[str, UpdateRow],
        *,
        last: bool,
    ) -> None:
        self._last = last
        self._pack, self._citizens, self._origin, self._now, self._again = pack, citizens, origin, now, again
        self._known: dict[str, _Known] = {}
        self._cases: dict[str, _Case] = {}  # of this office, by number
        self._new: dict[str, _New] = {}  # by key
        self._refusals: set[str] = set()  # keys of those that could not be taken after all
        self._source = "open311" if pack.exchange(origin.agency).transport == "open311" else "csv"

    # What is there before

    def load(self, updates: Sequence[Update]) -> None:
        """Read, and on PostgreSQL lock, the cases; then the rows that were taken before."""
        self._cases = self._read_cases({update.ref for update in updates})
        keys = sorted({update.update_id for update in updates} - self._again.keys())
        if keys:
            found = database.rows(
                database.main,
                "SELECT update_id, id, fingerprint, status, state, file, row_no FROM update_row "
                f"WHERE agency = ? AND update_id IN ({_marks(keys)})",
                *(self._origin.agency, *keys),
            )
            self._known = {key: _Known(*rest) for key, *rest in found}

    def _read_cases(self, refs: Collection[str]) -> dict[str, _Case]:
        lock = "FOR UPDATE" if database.is_postgres() and database.main.in_transaction() else ""
        found = database.rows(
            database.main,
            "SELECT ref, id, version, citizen_id, agency, about, state, received_at, decided_by, calendar FROM cases "
            f"WHERE ref IN ({_marks(refs)}) ORDER BY id {lock}",
            *sorted(refs),
        )
        office = self._origin.agency
        ours = [row for row in found if row[4] == office and office not in barred(self._pack, row[5])]
        histories = _histories([row[1] for row in ours])
        cases = {}
        for ref, case_id, version, citizen, _, _, state, received_at, decided_by, calendar in ours:
            standing = merge.Standing(
                State(state), from_micros(received_at), decided_by, self._pack.calendars[calendar]
            )
            register = Register(office, standing, histories.get(case_id, ()))
            cases[ref] = _Case(case_id, version, citizen, register)
        return cases

    # One row

    def judge(self, update: Update) -> Outcome:
        """What becomes of a row; nothing is written yet."""
        known = self._known.get(update.update_id)
        if known:
            return self._recognise(update, known)
        case = self._cases.get(update.ref)
        if case is None:  # of another office, in confidence about this one, or nobody's: it must not learn which
            return _fault(update, "E_NOT_OWNER", "case_ref")
        if not self._may_have(update.assignee):
            return _fault(update, "E_ASSIGNEE", "assignee_code")
        verdict = case.register.judge(_word(update), self._now)
        if verdict.fate is Fate.REFUSED or (verdict.fate is Fate.WAITING and self._last):
            return self._refused(update, case)
        case.register.hear(verdict)
        waited = self._again.get(update.update_id)
        new = _New(waited.id if waited else new_id(), update, case, verdict)
        self._new[update.update_id] = new
        standing = _STANDINGS[verdict.fate]
        self._known[update.update_id] = _Known(
            new.id, update.fingerprint, update.status, standing, self._origin.file, update.row
        )
        return self._landed(update, standing)

    def _landed(self, update: Update, became: str) -> Outcome:
        return _fault(update, "E_STALE", "case_ref") if became == Standing.REVIEW else Landed(update, became)

    def _recognise(self, update: Update, known: _Known) -> Outcome:
        if known.fingerprint != update.fingerprint:
            said = faults.state(known.status or "", self._pack.exchange(self._origin.agency).language)
            return _fault(update, "E_KEY_REUSED", _KEY[self._origin.kind], old=said)
        brought_it = self._origin.resumed and (known.file, known.row) == (self._origin.file, update.row)
        return self._landed(update, known.state) if brought_it else Landed(update, DUPLICATE)

    def _refused(self, update: Update, case: _Case) -> RowFault:
        state = case.register.state
        more = {"state": str(state), "allowed": ",".join(merge.allowed(state))}
        field, status = _STATUS[self._origin.kind], str(update.status or "")
        return RowFault(update.row, "E_TRANSITION", field, status, update.cells, more)

    def _may_have(self, officer: str) -> bool:
        members = self._pack.members.get(self._origin.agency)
        if not officer or (members and officer in members):
            return True
        return not members and not any(officer in office for office in self._pack.members.values())

    # What is written after

    def save(self, casework: Casework) -> None:
        """Write it all; what the lifecycle refuses after all is a fault of its row."""
        self._apply(casework)
        callers = self._citizens.by_id(new.case.citizen for new in self._new.values() if new.waits)
        rows, refs = [], {}
        for key, new in self._new.items():
            if new.waits and new.case.citizen not in callers:  # nobody could say later what it was
                self._refusals.add(key)
            if key in self._refusals:
                continue
            rows.append(self._row(new) | (self._kept(new, callers[new.case.citizen]) if new.waits else {}))
            if new.verdict.names_case:
                refs[new.case.id] = new.update.agency_ref
        self._write(rows, refs)

    def settled(self, update: Update, outcome: Outcome) -> Outcome:
        """What became of a row in the end."""
        new = self._new.get(update.update_id)
        is_refused = new is not None and new.update is update and update.update_id in self._refusals
        return self._refused(update, new.case) if new and is_refused else outcome

    def _apply(self, casework: Casework) -> None:
        changes = [(key, change) for key, new in self._new.items() for change in self._changes(new)]
        done = casework.apply_many([change for _, change in changes], self._now)
        for (key, change), outcome in zip(changes, done, strict=True):
            if isinstance(outcome, NotAllowed):
                self._refusals.add(key)
                log.error("update_refused", agency=self._origin.agency, case=change.case_id, why=str(outcome))

    def _changes(self, new: _New) -> Iterator[Change]:
        """The acts that a row means: what it says to the citizen or of the work, and what it says to the office."""
        update, action = new.update, new.verdict.action
        if action is None:
            return
        facts = self._facts(new) | ({"outcome": update.outcome} if action is Action.RESOLVE else {})
        said = self._change(new, action, "", facts, update.public_note)
        yield said
        if update.internal_note:
            yield self._change(new, Action.NOTE, "/internal", {"update": update.update_id}, update.internal_note)

    def _change(self, new: _New, action: Action, part: str, facts: Mapping[str, Any], words: str) -> Change:
        office = self._origin.agency
        return Change(
            action=action,
            caller=None,
            source=self._source,
            source_key=f"update/{office}/{new.update.update_id}{part}",
            case_id=new.case.id,
            role=Role.SYNC,
            facts=facts,
            words=words or None,
            office=office,
            at=new.verdict.word.at,
        )

    def _facts(self, new: _New) -> dict[str, Any]:
        """What `sync.merge` reads again from the history, and the columns that follow."""
        update = new.update
        return {
            "update": update.update_id,
            "office": self._origin.agency,
            "base": update.base_version,
            "status": str(update.status) if update.status else None,
            "result": update.outcome,
            "assignee": update.assignee or None,
            "agency_ref": update.agency_ref or None,
            "public": True if update.public_note else None,
            "stale": True if new.verdict.fate is Fate.STALE else None,
            **new.verdict.facts,
        }

    def _row(self, new: _New) -> dict[str, Any]:
        update, origin, waited = new.update, self._origin, self._again.get(new.update.update_id)
        return {
            "id": new.id,
            "agency": origin.agency,
            "update_id": update.update_id,
            "fingerprint": update.fingerprint,
            "case": new.case.id,
            "kind": str(origin.kind),
            "file": waited.file if waited else origin.file,
            "row_no": update.row,
            "status": update.status,
            "state": str(_STANDINGS[new.verdict.fate]),
            "occurred_at": new.verdict.word.at,
            "received_at": waited.received_at if waited else self._now,
        }

    def _kept(self, new: _New, caller: Caller) -> dict[str, Any]:
        """What a waiting row is tried again with, until its week is over."""
        waited = self._again.get(new.update.update_id)
        return {
            "held_until": waited.held_until if waited else self._now + held.HELD_FOR,
            "seen": new.case.version,
            "payload": held.sealed(new.update, new.id, caller),
        }

    def _write(self, rows: Sequence[dict[str, Any]], refs: Mapping[str, str]) -> None:
        held.drop([row.id for row in self._again.values()])  # those that still wait are written anew
        _insert_row(rows)
        for case_id, ref in sorted(refs.items()):
            database.run(
                database.main,
                "INSERT INTO external_ref (id, node, agency, case_id, ref) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (agency, case_id) DO UPDATE SET ref = excluded.ref",
                *(new_id(), node_name(), self._origin.agency, case_id, ref),
            )
        held.settle_reviews({row["case"] for row in rows if row["state"] == Standing.APPLIED})


_STANDINGS: Final = {
    Fate.APPLIED: Standing.APPLIED,
    Fate.SUPERSEDED: Standing.SUPERSEDED,
    Fate.WAITING: Standing.WAITING,
    Fate.STALE: Standing.REVIEW,
}
_KEY: Final = {Kind.UPDATES: "agency_update_id", Kind.WORKLIST: "update_key"}
_STATUS: Final = {Kind.UPDATES: "new_status", Kind.WORKLIST: "status"}
_insert_row: Final = Insert(UpdateRow)


def _fault(update: Update, code: str, field: str, **more: str) -> RowFault:
    return RowFault(update.row, code, field, update.cells.get(field, ""), update.cells, more)


def _word(update: Update) -> Word:
    return Word(
        update.occurred_at,
        update.base_version,
        update.update_id,
        update.status,
        update.assignee,
        update.agency_ref,
    )


def _histories(cases: Sequence[str]) -> dict[str, list[Told]]:
    """The events of these cases, each in the order of its versions."""
    if not cases:
        return {}
    found = database.rows(
        database.main,
        "SELECT case_id, seq, kind, role, occurred_at, recorded_at, facts FROM case_event "
        f"WHERE case_id IN ({_marks(cases)}) ORDER BY case_id, seq",
        *cases,
    )
    histories: dict[str, list[Told]] = {}
    for case_id, seq, kind, role, occurred, recorded, facts in found:
        told = Told(seq, kind, role, from_micros(occurred), from_micros(recorded), orjson.loads(facts))
        histories.setdefault(case_id, []).append(told)
    return histories


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))
