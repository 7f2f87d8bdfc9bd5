"""PINs: a secret case that was lodged by keys is opened by its number and four digits, from any phone, by no less.

Phones are shared, so the number alone opens it on no phone, not even on its citizen's own. Whoever guesses learns
nothing: a number that is absent, somebody else's, public or secret is answered alike, after the same queries.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from peewee import BlobField, CharField, ForeignKeyField

from cases import reference
from cases.casework import Happened
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action
from cases.models import Case, Citizen
from store import database
from store.model import Insert, Model, Select, UtcField, from_micros, new_id, to_micros

DIGITS: Final = 4
WINDOW: Final = timedelta(hours=24)
WRONG_PER_PHONE: Final = 3  # in the window, whatever the numbers
WRONG_PER_NUMBER: Final = 10  # in the window, from whatever phones
_BY_KEYS: Final = "ussd"


class CasePin(Model):
    """The PIN of a secret case."""

    case = ForeignKeyField(Case, on_delete="RESTRICT", unique=True)
    sealed = BlobField()

    class Meta:
        table_name = "case_pin"


class PinAttempt(Model):
    """A wrong try: by whom, at which number. Numbers that do not exist count as well."""

    citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
    number_index = CharField(max_length=32)  # keyed fingerprint of the digits
    at = UtcField(index=True)

    class Meta:
        table_name = "pin_attempt"
        indexes = ((("citizen", "at"), False), (("number_index", "at"), False))


TABLES: Final = (CasePin, PinAttempt)


@dataclass(frozen=True, slots=True)
class Locked:
    """There were too many wrong tries; nothing is looked at before `until`."""

    until: datetime


def give(happened: Sequence[Happened], _: datetime) -> None:
    """A listener of the casework: every secret case that was lodged by keys gets its PIN in the same transaction."""
    _insert_pin([_pin(event.case, event.caller) for event in happened if event.caller and _needs_pin(event)])


def pin_of(caller: Caller, case: Case) -> str | None:
    """The PIN of the caller's own case, for the screen that tells it; None where it has none or is not theirs."""
    if case.__data__["citizen"] != caller.id:
        return None
    found = _pins("WHERE case_id = ?", case.id)
    return caller.key.open("case_pin.sealed", found[0].id, found[0].sealed) if found else None


def opens(
    citizens: Citizens, who: Caller, number: str, pin: str, now: datetime, *, request: str = ""
) -> Case | Locked | None:
    """The secret case with this number and PIN, whoever's phone it is typed on; None where they do not fit. On the
    phone that it was lodged on the end of its number does, too.

    After 3 wrong tries by one phone within 24 hours, or 10 at one number, the answer is Locked, and a right PIN is
    not looked at. That a PIN was right in between takes no try back: it may be the guesser's own. What the network
    repeats under the name of the same `request` counts once.
    """
    digits = reference.digits(number) or ""
    index = citizens.fingerprint(f"case number {digits or number}")
    attempt = citizens.fingerprint(f"{request} {number} {pin}") if request else new_id()
    with database.transaction():
        citizens.hold(who.id)  # tries that are made at once count one after the other
        if database.rows(database.main, "SELECT 1 FROM pin_attempt WHERE id = ?", attempt):
            return None
        until = _locked_until(who.id, index, now)
        if until:
            return Locked(until)
        case = _opened(citizens, who, digits, reference.digits(pin) or "")
        if case is None:
            _insert_attempt([{"id": attempt, "citizen": who.id, "number_index": index, "at": now}])
        return case


def forget(citizen_id: str) -> int:
    """Throw away the PINs of a citizen's cases; how many."""
    gone = "DELETE FROM case_pin WHERE case_id IN (SELECT id FROM cases WHERE citizen_id = ?)"
    return int(database.run(database.main, gone, citizen_id).rowcount)


def prune(now: datetime, most: int = 1_000) -> int:
    """Throw away up to `most` tries that count no more; how many."""
    gone = "DELETE FROM pin_attempt WHERE id IN (SELECT id FROM pin_attempt WHERE at <= ? LIMIT ?)"
    return int(database.run(database.main, gone, to_micros(now - WINDOW), most).rowcount)


def _needs_pin(event: Happened) -> bool:
    return event.kind is Action.LODGE and event.change.source == _BY_KEYS and event.case.visibility != "public"


def _pin(case: Case, caller: Caller) -> dict[str, object]:
    row_id, pin = new_id(), f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    return {"id": row_id, "case": case.id, "sealed": caller.key.seal("case_pin.sealed", row_id, pin)}


def _locked_until(citizen_id: str, number_index: str, now: datetime) -> datetime | None:
    """When there is room for a try again; None if there is. Both limits are always asked for."""
    ends = (
        _full("citizen_id", citizen_id, WRONG_PER_PHONE, now),
        _full("number_index", number_index, WRONG_PER_NUMBER, now),
    )
    return max((end for end in ends if end), default=None)


def _full(column: str, value: str, most: int, now: datetime) -> datetime | None:
    """When the first of the newest `most` tries in the window counts no more; None if there were fewer."""
    newest = f"SELECT at FROM pin_attempt WHERE {column} = ? AND at > ? ORDER BY at DESC LIMIT 1 OFFSET {most - 1}"
    found = database.rows(database.main, newest, value, to_micros(now - WINDOW))
    return from_micros(found[0][0]) + WINDOW if found else None


def _opened(citizens: Citizens, who: Caller, number: str, pin: str) -> Case | None:
    with_number = (
        "SELECT c.id, c.citizen_id, p.id, p.sealed FROM cases c JOIN case_pin p ON p.case_id = c.id "
        "WHERE (c.ref = ? OR c.citizen_id = ? AND c.ref LIKE ?) AND c.visibility <> 'public' "
        "ORDER BY c.received_at DESC LIMIT 1"
    )
    ending = f"%{number}" if len(number) >= reference.LEAST_DIGITS else number
    found = next(iter(database.rows(database.main, with_number, number, who.id, ending)), None)
    # where there is no such case its citizen is looked for all the same: nobody shall tell by the time it takes
    owner_id = found[1] if found else who.id
    owner = citizens.by_id([owner_id]).get(owner_id)
    if found is None or owner is None:
        return None
    case_id, _, pin_id, sealed = found
    right = owner.key.open("case_pin.sealed", pin_id, sealed)
    return _cases("WHERE id = ?", case_id)[0] if hmac.compare_digest(right, pin) else None


_cases: Final = Select(Case)
_pins: Final = Select(CasePin)
_insert_pin: Final = Insert(CasePin)
_insert_attempt: Final = Insert(PinAttempt)
