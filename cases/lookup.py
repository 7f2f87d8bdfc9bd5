"""Whose cases are shown to whom. A phone sees its own cases; what is not its own looks like what does not exist."""

from __future__ import annotations

from typing import Final

from cases import reference
from cases.lifecycle import OPEN
from cases.models import Case

LEAST_DIGITS: Final = 4  # of the end of a number, among one's own cases


def own_case(citizen_id: str, typed: str) -> Case | None:
    """The citizen's own case with the number they typed, whole or its last digits (at least 4); None otherwise.

    Absent, foreign and mistyped numbers all give None, after the same queries: the answer discloses nothing.
    """
    number = reference.digits(typed)
    if number is None or len(number) < LEAST_DIGITS or len(number) > reference.DIGITS:
        return None
    mine = Case.select().where(Case.citizen == citizen_id)
    if len(number) == reference.DIGITS:
        found: Case | None = mine.where(Case.ref == number).first()
        return found
    ending: Case | None = mine.where(_public(), Case.ref.endswith(number)).order_by(Case.received_at.desc()).first()
    return ending


def own_by_id(citizen_id: str, case_id: str) -> Case | None:
    """The citizen's own case with this id, as a list that they chose from carries it."""
    found: Case | None = Case.select().where(Case.citizen == citizen_id, Case.id == case_id).first()
    return found


def recent(citizen_id: str, limit: int) -> list[Case]:
    """The citizen's newest public cases. Phones are shared: confidential ones are never listed."""
    query = Case.select().where(Case.citizen == citizen_id, _public())
    return list(query.order_by(Case.received_at.desc()).limit(limit))


def open_cases(citizen_id: str, limit: int) -> list[Case]:
    """The citizen's newest public cases that still wait for an answer."""
    query = Case.select().where(Case.citizen == citizen_id, _public(), Case.state.in_(sorted(OPEN)))
    return list(query.order_by(Case.received_at.desc()).limit(limit))


def lodged_by(source_key: str) -> Case | None:
    """The case that this request made, if it did."""
    found: Case | None = Case.select().where(Case.source_key == source_key).first()
    return found


def _public() -> object:
    return Case.visibility == "public"
