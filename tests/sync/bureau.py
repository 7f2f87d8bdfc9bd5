"""An office with a system of its own, and its clerk: what they send to a house that takes it. For tests of imports."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import packs
from cases.casework import Casework, Change, Done, Listener
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, Role
from cases.models import Case, CaseEvent
from packs.model import Exchange, Pack
from store import database
from store.sealing import Keyring
from sync.columns import UPDATES
from sync.inbound import Importer, Taken
from sync.worklists import Worklists

WATER: Final = "NCWSC"  # the office that gets what is lodged here
POWER: Final = "KPLC"
AMINA: Final = "+254712345678"
NOTE: Final = "The pipe was mended today."


@dataclass
class Bureau:
    """`now` is the moment of whatever is done; a test moves it on."""

    home: Path
    keyring: Keyring
    now: datetime
    listeners: Sequence[Listener] = ()
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alerts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pack = replace(packs.current(), exchanges={WATER: Exchange(WATER)}, members=self.members)
        self.citizens = Citizens(self.keyring)
        self.casework = Casework(self.pack, self.citizens, self.listeners)
        worklists = Worklists(self.citizens, self.pack, self.home)
        self.importer = Importer(self.casework, self.citizens, self.pack, worklists, self.home, alert=self._alert)
        self._requests, self._files = count(1), count(1)

    def pack(self) -> Pack:
        return self._pack

    def _alert(self, what: str, **more: Any) -> None:
        self.alerts.append((what, more))

    # The house

    def citizen(self, msisdn: str = AMINA) -> Caller:
        return self.citizens.meet(msisdn, self.now)

    def lodge(self, words: str | None = None, *, caller: Caller | None = None, **facts: Any) -> Case:
        """No water in Kibera, unless said otherwise."""
        return self.do(Action.LODGE, None, words, caller=caller or self.citizen(), **facts)

    def lodge_many(self, number: int, caller: Caller | None = None) -> list[Case]:
        caller = caller or self.citizen()
        changes = [self._change(Action.LODGE, None, None, caller, Role.CITIZEN, {}) for _ in range(number)]
        lodged = [self.casework.apply_many(changes[at : at + 500], self.now) for at in range(0, number, 500)]
        return [done.case for some in lodged for done in some if isinstance(done, Done)]

    def do(
        self,
        action: Action,
        case: Case | None,
        words: str | None = None,
        *,
        role: Role = Role.CITIZEN,
        caller: Caller | None = None,
        **facts: Any,
    ) -> Case:
        """Somebody in the house acts: the citizen, unless said otherwise."""
        caller = caller or (self.citizen() if role is Role.CITIZEN else None)
        return self.casework.apply(self._change(action, case, words, caller, role, facts), self.now).case

    def _change(
        self,
        action: Action,
        case: Case | None,
        words: str | None,
        caller: Caller | None,
        role: Role,
        facts: dict[str, Any],
    ) -> Change:
        if action is Action.LODGE:
            facts = {"sub": "water.none", "place": "kibera", **facts}
        key = f"bureau:{next(self._requests)}"
        return Change(action, caller, "ussd", key, case.id if case else None, role, facts, words)

    def words(self, event: CaseEvent) -> str:
        """What somebody said in an event of the citizen's case; "" if nothing."""
        return self.citizen().key.open("case_event.words", event.id, event.words) if event.words else ""

    # The office

    def file(self, *rows: Mapping[str, Any], name: str | None = None) -> Path:
        """A file of the office's system."""
        path = self.home / (name or f"in_{WATER}_20261123_{next(self._files)}.csv")
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            out = csv.DictWriter(file, UPDATES, quoting=csv.QUOTE_ALL)
            out.writeheader()
            out.writerows(rows)
        return path

    def send(self, *rows: Mapping[str, Any], name: str | None = None, **how: Any) -> Taken:
        """The office's system sends a file, and it is taken."""
        return self.importer.take(self.file(*rows, name=name), None, self.now, **how)

    def ack(self, taken: Taken) -> dict[str, Any]:
        """What the office reads about a file."""
        told: dict[str, Any] = json.loads(taken.answers[-1].read_bytes())
        return told

    def errors(self, taken: Taken) -> list[dict[str, str]]:
        """The rows that the office gets back, as any program reads them."""
        (path,) = (path for path in taken.answers if path.name.endswith(".errors.csv"))
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))


def row(case: Case | str, status: str = "", note: str = "", **more: Any) -> dict[str, Any]:
    """A row of an office's system; done at a quarter past nine in the morning unless said otherwise."""
    given = {
        "schema_version": "1",
        "agency_update_id": f"u{next(_updates)}",
        "case_ref": case if isinstance(case, str) else case.ref,
        "new_status": status,
        "outcome_code": "fixed" if status == "resolved" else "",
        "public_note": note or (NOTE if status == "resolved" else ""),
        "occurred_at": "2026-11-23T09:15:00+03:00",
    }
    return {**given, **{name: value for name, value in more.items() if value is not None}}


_updates = count(1)


def again(case: Case) -> Case:
    """The case as it stands now."""
    found: Case = Case.get_by_id(case.id)
    return found


def history(case: Case) -> list[CaseEvent]:
    return list(CaseEvent.select().where(CaseEvent.case == case.id).order_by(CaseEvent.seq))


def number_of(sql: str, *values: Any) -> int:
    ((number,),) = database.rows(database.main, sql, *values)
    return int(number)
