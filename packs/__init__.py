"""Packs: what the house knows about a country, from files that a clerk can edit to the one Pack in force."""

from packs.faults import Fault, PackFaults
from packs.loader import load
from packs.model import (
    Agency,
    Calendar,
    Category,
    Emergency,
    Faq,
    Pack,
    Place,
    Route,
    Sla,
    SubCategory,
    Subject,
    Term,
    Text,
    text,
)
from packs.published import NoPack, Outcome, current, publish

__all__ = [
    "Agency",
    "Calendar",
    "Category",
    "Emergency",
    "Faq",
    "Fault",
    "NoPack",
    "Outcome",
    "Pack",
    "PackFaults",
    "Place",
    "Route",
    "Sla",
    "SubCategory",
    "Subject",
    "Term",
    "Text",
    "current",
    "load",
    "publish",
    "text",
]
