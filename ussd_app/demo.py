"""What demo mode shows from the first minute: a handset that has lodged before, in Swahili, with its cases and SMS."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cases.casework import Change
from cases.lifecycle import Action
from ussd_app.wiring import House

HANDSET: Final = "+254700000001"
_CASES: Final = (
    ("water.none", "kibera", timedelta(days=9), "Wiki moja sasa, karibu na shule ya Olympic"),
    ("id.passport", "nyayo-house", timedelta(days=2), "Niliomba mwezi wa Julai"),
)


def furnish(house: House, now: datetime) -> None:
    """Make the demo citizen and their cases, once."""
    citizen = house.citizens.meet(HANDSET, now)
    if citizen.language is None:
        house.citizens.set_language(citizen.id, "sw")
    places = house.casework.pack().places
    for number, (sub, place, ago, words) in enumerate(_CASES, 1):
        facts = {"sub": sub, "place": place if place in places else None, "language": "sw"}
        lodge = Change(Action.LODGE, citizen, "ussd", f"demo/{number}", facts=facts, words=words)
        house.casework.apply(lodge, now - ago)
