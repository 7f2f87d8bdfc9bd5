"""The columns of the files that go to offices and come back, and what each is called in a clerk's language. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from unicodedata import combining, normalize

from packs.model import Text

PROBLEM: Final = "problem"  # the column that an error sheet has more than a worklist

# Name in our files and in all code → what stands at the head of a clerk's sheet
COLUMNS: Final[Mapping[str, Text]] = {
    PROBLEM: {"en": "problem", "sw": "kosa"},
    "case_ref": {"en": "case_ref", "sw": "nambari"},
    "received": {"en": "received", "sw": "lilipokelewa"},
    "due": {"en": "due", "sw": "kufikia"},
    "days_over": {"en": "days_over", "sw": "siku za kuchelewa"},
    "what": {"en": "what", "sw": "tatizo"},
    "place": {"en": "place", "sw": "mahali"},
    "summary": {"en": "summary", "sw": "muhtasari"},
    "contact": {"en": "contact", "sw": "simu"},
    "state": {"en": "state", "sw": "hali ya sasa"},
    "status": {"en": "status", "sw": "hali mpya"},
    "note": {"en": "note", "sw": "maelezo"},
    "date": {"en": "date", "sw": "tarehe"},
    "ward_code": {"en": "ward_code", "sw": "wadi"},
    "update_key": {"en": "update_key", "sw": "ufunguo"},
    "base_version": {"en": "base_version", "sw": "toleo"},
}
WORKLIST: Final = tuple(name for name in COLUMNS if name != PROBLEM)
TO_FILL: Final = ("status", "note", "date")  # the clerk's own; the rest is for reading
UPDATES: Final = (
    "schema_version",
    "agency_update_id",
    "case_ref",
    "base_version",
    "agency_ref",
    "new_status",
    "outcome_code",
    "public_note",
    "internal_note",
    "assignee_code",
    "occurred_at",
)
# A byte order mark, and what is left of one that was read as cp1252
_MARKS: Final = ("\ufeff", "ï»¿")
_LONGEST: Final = 200  # letters of a heading
_BETWEEN: Final = re.compile(r"[\W_]+")


def fold(words: str) -> str:
    """Words as they are compared: `  Katika  Kazi!` and `katika-kazi` are the same; accents and case do not count."""
    bare = "".join(sign for sign in normalize("NFKD", words.casefold()) if not combining(sign))
    return _BETWEEN.sub(" ", bare).strip()


def label(name: str, language: str) -> str:
    """What the column is called in a sheet of that language; its own name if only systems use it."""
    words = COLUMNS.get(name, {})
    return words.get(language) or words.get("en") or name


def called(heading: str) -> str:
    """The column that a heading means, in either language, however it is written; else the heading itself, trimmed."""
    if len(heading) > _LONGEST:
        return heading
    for mark in _MARKS:
        heading = heading.replace(mark, "")
    return _CALLED.get(_key(heading), heading.strip())


def _key(heading: str) -> str:
    return fold(heading).replace(" ", "")


_CALLED: Final = {_key(name): name for name in (*COLUMNS, *UPDATES)} | {
    _key(heading): name for name, words in COLUMNS.items() for heading in words.values()
}
