"""What was suggested for free text, and what people then decided: a help for triage today, data for a model tomorrow.

A suggestion holds codes and entries of the lexicon, never what the citizen wrote.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from peewee import BooleanField, CharField, FloatField, ForeignKeyField, TextField

from cases import triage
from cases.casework import WORKLIST, Happened
from cases.lifecycle import Action
from cases.models import Case
from packs.model import Pack
from packs.places import place_index
from store import database
from store.model import Insert, Model, Select, UtcField, to_micros

_BATCH: Final = 1_000
_LATER_WORDS: Final = (Action.ADD_WORDS, Action.CLASSIFY)


class Suggestion(Model):
    """What some words of a citizen seemed to be about, and what was decided about their case since."""

    case = ForeignKeyField(Case, on_delete="RESTRICT")
    kind = CharField(max_length=24)  # of the event that brought the words
    made_at = UtcField()
    pack_version = CharField(max_length=64)  # its lexicon was asked
    category = CharField(max_length=40, null=True)
    sub = CharField(max_length=60, null=True)
    place = CharField(max_length=40, null=True)
    urgent = BooleanField()
    sensitive = BooleanField()  # a person decides
    language = CharField(max_length=8, null=True)
    score = FloatField()  # 0 to 1
    because = TextField()  # JSON: the entries of the lexicon that were found
    decided_sub = CharField(max_length=60, null=True)
    decided_place = CharField(max_length=40, null=True)
    decided_by = CharField(max_length=16, null=True)  # the role
    decided_at = UtcField(null=True)
    agreed = BooleanField(null=True)  # on the category; NULL while it is not decided, or where none was suggested

    class Meta:
        table_name = "suggestion"

    @property
    def words(self) -> list[str]:
        """The entries of the lexicon that led to it."""
        words: list[str] = json.loads(self.because)
        return words


TABLES: Final = (Suggestion,)


class Suggesting:
    """A listener of Casework. Nothing that goes wrong in reading words stands in the way of a case: it is reported.

    All of it is worked out before the first statement, so that a fault leaves the transaction whole. `report` is told
    "suggestion_failed", the case's id and the kind of fault; not its message, which may hold the words.
    """

    def __init__(self, pack: Callable[[], Pack], report: Callable[..., object]) -> None:
        self._pack, self._report = pack, report
        self._insert = Insert(Suggestion)

    def __call__(self, happened: Sequence[Happened], now: datetime) -> None:
        made = [self._suggested(one, now) for one in happened if _brings_words(one)]
        self._insert([row for row in made if row])
        for one in happened:
            if one.kind is Action.CLASSIFY and one.case.sub:
                _note_decision(one)

    def _suggested(self, one: Happened, now: datetime) -> dict[str, Any] | None:
        try:
            pack = self._pack()
            near = pack.places.get(one.case.place or (one.caller and one.caller.place) or "")
            read = triage.suggest(pack, place_index(pack), one.change.words or "", near)
        except Exception as error:
            self._report("suggestion_failed", case=one.case.id, error=type(error).__name__)
            return None
        if one.kind is not Action.LODGE and read.category is None:
            return None  # an answer to our question, most likely
        return _row(one, read, pack.version, now)


def _brings_words(one: Happened) -> bool:
    """Words that come with a case, or to one that nobody could name yet."""
    return bool(one.change.words) and (one.kind is Action.LODGE or (one.kind in _LATER_WORDS and one.case.sub is None))


def _row(one: Happened, read: triage.Suggestion, version: str, now: datetime) -> dict[str, Any]:
    case = one.case
    decided: dict[str, Any] = {}
    if case.sub and not one.change.facts.get("guessed"):  # chosen from the menu: would the words alone have told?
        decided = {
            "decided_sub": case.sub,
            "decided_place": case.place,
            "decided_by": str(one.change.role),
            "decided_at": one.at,
            "agreed": None if read.category is None else read.category == case.category,
        }
    return {
        "case": case.id,
        "kind": str(one.kind),
        "made_at": now,
        "pack_version": version,
        "category": read.category,
        "sub": read.sub,
        "place": read.place,
        "urgent": read.urgent,
        "sensitive": read.sensitive,
        "language": read.language,
        "score": read.score,
        "because": json.dumps(read.because, ensure_ascii=False),
        **decided,
    }


def _note_decision(one: Happened) -> None:
    """The newest decision counts: it corrects those before."""
    database.run(
        database.main,
        "UPDATE suggestion SET decided_sub = ?, decided_place = ?, decided_by = ?, decided_at = ?, "
        "agreed = (category = ?) WHERE case_id = ?",
        *(one.case.sub, one.case.place, str(one.change.role), to_micros(one.at), one.case.category, one.case.id),
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case in a queue of the service desk, and what its words suggest, if it came with any."""

    case: Case
    suggestion: Suggestion | None


def waiting(limit: int = 50) -> list[Waiting]:
    """The cases that wait for triage or for a supervisor, the longest waiting first."""
    cases = _select_case(
        f"WHERE queue IN ('triage', 'supervisor') AND {WORKLIST} ORDER BY received_at, id LIMIT ?", limit
    )
    newest = _newest([case.id for case in cases])
    return [Waiting(case, newest.get(case.id)) for case in cases]


def _newest(case_ids: Sequence[str]) -> dict[str, Suggestion]:
    """The newest suggestion of each case, those that name a category before those that don't."""
    if not case_ids:
        return {}
    marks = ", ".join("?" * len(case_ids))
    found = _select(f"WHERE case_id IN ({marks}) ORDER BY CASE WHEN category IS NULL THEN 0 ELSE 1 END, id", *case_ids)
    return {one.__data__["case"]: one for one in found}


_select: Final = Select(Suggestion)
_select_case: Final = Select(Case)
EXPORTED: Final = tuple(name for name in Suggestion._meta.fields if name not in ("id", "node", "case"))


def exported() -> Iterator[Mapping[str, Any]]:
    """Every suggestion with what was decided, oldest first, without the case; those of secret cases are left out."""
    last, secret = "", "SELECT id FROM cases WHERE id = case_id AND visibility <> 'public'"
    while batch := _select(f"WHERE id > ? AND NOT EXISTS ({secret}) ORDER BY id LIMIT {_BATCH}", last):
        for one in batch:
            yield {name: getattr(one, name) for name in EXPORTED} | {"because": one.words}
        last = batch[-1].id
