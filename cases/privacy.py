"""What the law gives a person over what is kept about them here: to see it, and to have it erased.

Erasing throws away the key that their words, messages and drafts are sealed with. Their cases and the history of them
stay, as numbers, places and times without a person: statistics stay true, and the chain of events stays whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from peewee import CharField, ForeignKeyField, TextField

from cases import lifecycle, reference
from cases.callbacks import Callback
from cases.casework import MOST_CHANGES, Casework, Change
from cases.citizens import Caller, Citizens
from cases.events import canonical
from cases.lifecycle import OPEN, Action, NotAllowed, State
from cases.models import Case, CaseEvent, Citizen
from cases.pins import CasePin, PinAttempt
from cases.suggestions import Suggestion
from packs.model import Pack, text
from store.model import Insert, Model, Select, UtcField, from_micros

# What has come to its end. A resolved case may still be reopened, a duplicate wakes up with the case that it follows.
ENDED: Final = frozenset({State.CLOSED, State.REJECTED, State.WITHDRAWN})


class Erasure(Model):
    """That a citizen was erased: when, by whom, why, and how much went. Nothing about them."""

    citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", unique=True)  # the row that stays
    reason = CharField(max_length=16)  # request | retention
    actor = CharField(max_length=40)  # who ran it
    erased_at = UtcField()
    rows = TextField()  # JSON: how many rows of each kind

    class Meta:
        table_name = "erasure"


class RetentionPass(Model):
    """How far the daily look for what has been kept long enough has come."""

    kind = CharField(max_length=16, unique=True)
    after_id = CharField(max_length=32, default="")  # rows up to this one were looked at
    ended_at = UtcField(null=True)  # when it last came to the end

    class Meta:
        table_name = "retention_pass"


class StillOpen(Exception):
    """A citizen with open cases is not erased: somebody still works for them. `refs`: their case numbers."""

    def __init__(self, refs: Sequence[str]) -> None:
        super().__init__(f"open cases: {', '.join(map(reference.shown, refs))}")
        self.refs = tuple(refs)


def open_cases(citizen_id: str) -> list[Case]:
    """All open cases of a citizen, confidential ones too, oldest first."""
    return _cases(f"WHERE citizen_id = ? AND state IN {_OPEN} ORDER BY received_at, id", citizen_id)


def must_be_over(citizen_id: str) -> None:
    """Raises StillOpen if the citizen has open cases."""
    still_open = open_cases(citizen_id)
    if still_open:
        raise StillOpen([case.ref for case in still_open])


def withdraw_all(casework: Casework, caller: Caller, now: datetime) -> int:
    """Withdraw every open case of a citizen, without telling them; how many. Raises NotAllowed."""
    open_ = open_cases(caller.id)
    changes = [
        Change(Action.WITHDRAW, caller, "erasure", f"erasure/{case.id}/{case.version}", case.id, quiet=True)
        for case in open_
    ]
    for start in range(0, len(changes), MOST_CHANGES):
        for outcome in casework.apply_many(changes[start : start + MOST_CHANGES], now):
            if isinstance(outcome, NotAllowed):
                raise outcome
    return len(open_)


def forget(
    citizens: Citizens, citizen_id: str, *, reason: str, actor: str, rows: Mapping[str, int], now: datetime
) -> bool:
    """Throw away a citizen's key and keep a note of it, in the caller's transaction; False if they were erased before.

    What else is theirs, and that no case of theirs is open, the caller has seen to.
    """
    if not citizens.forget(citizen_id):
        return False
    note = {"citizen": citizen_id, "reason": reason, "actor": actor, "erased_at": now, "rows": canonical(rows)}
    _insert_erasure([note])
    return True


def told(caller: Caller, pack: Pack) -> dict[str, Any]:
    """What this room keeps about a citizen, in plain words: themselves, their cases and all that happened to these."""
    citizen = Citizen.get_by_id(caller.id)
    return {
        "number": caller.msisdn,
        "first_contact": iso(citizen.created_at),
        "language": caller.language,
        "last_place": _named(pack, "place", caller.place),
        "letters_in_sms": caller.letters,
        "sms_stopped_at": iso(citizen.stopped_at),
        "reminded_of_a_draft_at": iso(citizen.reminded_at),
        "cases": [
            _case_told(case, caller, pack) for case in _cases("WHERE citizen_id = ? ORDER BY received_at", caller.id)
        ],
        "calls_asked_for": [_call_told(one) for one in _callbacks("WHERE citizen_id = ? ORDER BY id", caller.id)],
        "wrong_tries_at_pins": [iso(one.at) for one in _attempts("WHERE citizen_id = ? ORDER BY id", caller.id)],
    }


def iso(moment: datetime | None) -> str | None:
    """A moment as whole-second ISO 8601 in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None


def _case_told(case: Case, caller: Caller, pack: Pack) -> dict[str, Any]:
    facts = {name: _named(pack, name, getattr(case, name)) for name in _SHOWN}
    history = _events("WHERE case_id = ? ORDER BY recorded_at, seq", case.id)
    return {
        "number": reference.shown(case.ref),
        **{name: value for name, value in facts.items() if value is not None},
        "has_pin": bool(_pins("WHERE case_id = ?", case.id)),  # which is for them alone, not for whoever prints this
        "history": [_event_told(event, caller, pack) for event in history],
        "suggested": [_suggestion_told(one, pack) for one in _suggestions("WHERE case_id = ? ORDER BY id", case.id)],
    }


def _call_told(one: Callback) -> dict[str, Any]:
    return {
        "asked_at": iso(one.asked_at),
        "about": one.about,
        "by": iso(one.by),
        "missed": one.tries,
        "done_at": iso(one.done_at),
        "outcome": one.outcome,
    }


def _event_told(event: CaseEvent, caller: Caller, pack: Pack) -> dict[str, Any]:
    facts = json.loads(event.facts)
    return {
        "at": iso(event.occurred_at),
        "what": lifecycle.plain(event.kind),
        "by": lifecycle.plain(event.role) + (f" {event.actor}" if event.actor else ""),
        "through": event.source,
        "words": caller.key.open("case_event.words", event.id, event.words) if event.words else None,
        "facts": {name: _named(pack, name, value) for name, value in facts.items() if name not in _INNER},
    }


def _suggestion_told(one: Suggestion, pack: Pack) -> dict[str, Any]:
    return {
        "at": iso(one.made_at),
        **{name: _named(pack, name, getattr(one, name)) for name in ("category", "sub", "place", "urgent")},
        "because_of": one.words,
    }


def _named(pack: Pack, name: str, value: Any) -> Any:
    """A value of a case as a person reads it: names for codes, ISO for times."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return iso(value)
    if name in _TIMES:
        return iso(from_micros(value))
    if name in _PLACES:
        place = pack.places.get(value)
        return f"{place.name} ({place.kind})" if place else value
    names: Mapping[str, Mapping[str, Any]] = {
        "agency": pack.agencies, "about": pack.agencies, "sub": pack.subs, "category": pack.categories,
    }  # fmt: skip
    known = names.get(name, {}).get(value)
    if known:
        return text(known.name, "en")
    return lifecycle.plain(value) if name in _WORDS else value


_cases: Final = Select(Case)
_events: Final = Select(CaseEvent)
_suggestions: Final = Select(Suggestion)
_callbacks: Final = Select(Callback)
_pins: Final = Select(CasePin)
_attempts: Final = Select(PinAttempt)
_insert_erasure: Final = Insert(Erasure)
_OPEN: Final = "(" + ", ".join(f"'{state}'" for state in sorted(OPEN)) + ")"
_PLACES: Final = frozenset({"place", "ward", "constituency", "county"})
_TIMES: Final = frozenset(name for name, field in Case._meta.fields.items() if isinstance(field, UtcField))
_WORDS: Final = frozenset({"state", "outcome", "reason"})
# What only says how a case is stored, or names the case of somebody else
_INNER: Final = frozenset(
    {
        *("id", "node", "ref", "source_key", "citizen", "chain", "pack_version", "version", "events"),
        *("next_at", "next_step", "master"),
    }
)
_SHOWN: Final = tuple(name for name in Case._meta.fields if name not in _INNER)
