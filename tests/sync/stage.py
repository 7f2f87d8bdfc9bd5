"""A house whose cases are fed to offices, with citizens and officers who act on them, for tests of what goes out."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import packs
from cases.casework import Casework, Change, Done
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, Role
from cases.models import Case
from packs.model import Exchange, Pack
from store.sealing import Keyring
from sync.feed import Feeding
from sync.manifest import Keys
from sync.models import FeedRow
from sync.outbound import Exporter

WATER: Final = "NCWSC"  # the office that gets what is lodged here
POWER: Final = "KPLC"
AMINA: Final = "+254712345678"


@dataclass
class Stage:
    """`exchanges` say how files go to the offices; the pack of Kenya says the rest."""

    home: Path
    keyring: Keyring
    now: datetime
    exchanges: dict[str, Exchange] = field(default_factory=lambda: {WATER: Exchange(WATER, contact=True)})

    def __post_init__(self) -> None:
        self.citizens = Citizens(self.keyring)
        self.casework = Casework(packs.current, self.citizens, [Feeding(packs.current)])
        self.keys = Keys(self.keyring.masters)
        self.exporter = Exporter(self.citizens, self.pack, self.home, self.keys)
        self._requests = count(1)

    def pack(self) -> Pack:
        return replace(packs.current(), exchanges=self.exchanges)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.pack().zone)

    def citizen(self, msisdn: str = AMINA) -> Caller:
        return self.citizens.meet(msisdn, self.now)

    def lodge(self, words: str | None = None, *, caller: Caller | None = None, **facts: Any) -> Case:
        """No water in Kibera, unless said otherwise."""
        facts = {"sub": "water.none", "place": "kibera", **facts}
        return self._apply(Action.LODGE, None, words, facts, caller or self.citizen()).case

    def act(self, case: Case, action: Action, words: str | None = None, role: Role = Role.OWNER, **facts: Any) -> Case:
        """An officer acts, or in a role that is given; the case as it stands then."""
        caller = self.citizen() if role is Role.CITIZEN else None
        return self._apply(action, case.id, words, facts, caller, role).case

    def lodge_many(self, number: int, caller: Caller | None = None) -> None:
        """So many cases without words, a few hundred in each transaction."""
        caller = caller or self.citizen()
        for start in range(0, number, 500):
            changes = [
                self._change(Action.LODGE, None, None, {"sub": "water.none", "place": "kibera"}, caller)
                for _ in range(min(500, number - start))
            ]
            self.casework.apply_many(changes, self.now)

    def _apply(
        self,
        action: Action,
        case_id: str | None,
        words: str | None,
        facts: dict[str, Any],
        caller: Caller | None,
        role: Role = Role.CITIZEN,
    ) -> Done:
        return self.casework.apply(self._change(action, case_id, words, facts, caller, role), self.now)

    def _change(
        self,
        action: Action,
        case_id: str | None,
        words: str | None,
        facts: dict[str, Any],
        caller: Caller | None,
        role: Role = Role.CITIZEN,
    ) -> Change:
        key = f"stage:{next(self._requests)}"
        return Change(action, caller, "ussd", key, case_id, role, facts=facts, words=words)


def fed(agency: str = WATER) -> list[FeedRow]:
    """What waits for an office, or waited, oldest first."""
    return list(FeedRow.select().where(FeedRow.agency == agency).order_by(FeedRow.id))


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a file, as any program reads them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
