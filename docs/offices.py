"""Keeps the tables of `docs/offices.md` true: `python -m docs.offices` writes them from the code; a test compares.

What a column means is said here; which columns, statuses and faults there are, the code says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

from cases.lifecycle import OUTCOMES, State
from packs.model import Text
from sync import columns
from sync.faults import FAULTS, FILE_FAULTS
from sync.lines import HEADER
from sync.manifest import Manifest
from sync.updates import CHOICES, STATUSES
from ussd_app.cli.case.rules import markdown_table

PAGE: Final = Path(__file__).with_name("offices.md")
_BLOCK: Final = re.compile(r"(<!-- table: (.+) -->\n)(?:.*\n)*?(<!-- end -->)")

WORKLIST: Final[Mapping[str, str]] = {
    "case_ref": "the number that the citizen knows; copy it, never type it",
    "received": "the day on which the citizen complained",
    "due": "by when they were promised an answer; empty while the clock stands still",
    "days_over": "how many days that is past; empty if it is not",
    "what": "what is wrong",
    "place": "where; of a case in confidence no more than the ward",
    "summary": "what the citizen wrote first and, after `//`, what they wrote last; empty in confidence",
    "contact": "their number, where your office may have it on this list; hidden elsewhere",
    "state": "where the case stands now",
    "status": "**you write:** what is new",
    "note": "**you write:** plain words for the citizen",
    "date": "**you write:** the day on which it happened; empty means today",
    "ward_code": "the ward by its official number, with a W",
    "update_key": "tells us which row of which list this was",
    "base_version": "tells us what you knew of the case",
}
EVENTS: Final[Mapping[str, str]] = {
    "schema_version": "`1`",
    "case_ref": "nine digits, never beginning with 0, 1 or 7; the last one is a Damm check digit",
    "case_version": "rises by one with every event of the case; newer is higher",
    "event_id": "unique, for ever; a row that you had is the same row",
    "event_type": "what happened: [the table of acts](lifecycle.md); `transferred_away`: it is no longer yours; "
    "`erased`: its citizen was erased: erase your copy, too",
    "category_code": "what it is about, as in the pack: `water.none`",
    "ward_code": "`W` and the official number: `W1387`",
    "lat": "the middle of the ward, in degrees; never where the citizen is",
    "long": "the same; both are empty in confidence and where no ward is known",
    "summary": "what the citizen wrote, one line, at most 500 characters; empty in confidence and after their erasure",
    "lang": "the language of the citizen: `en`, `sw` …",
    "priority": "`normal` or `urgent`",
    "state": "where the case stood after the event",
    "received_at": "when the citizen complained",
    "due_at": "by when they were promised an answer",
    "escalation_level": "0, or the per cent of that time at which it went up: 75, 100, 150, 200",
    "duplicate_of": "the case that it follows",
    "visibility": "`public`, `confidential` or `anonymous`",
    "contact": "the citizen's number as `0712 345 678`, where your office may have it and the case is public",
    "agency_ref": "your own number for it, once you told us",
}
UPDATES: Final[Mapping[str, str]] = {
    "schema_version": "`1`, or empty",
    "agency_update_id": "your key for this row, 1 to 64 of `A–Z a–z 0–9 . _ : / -`; never use one twice",
    "case_ref": "our case number",
    "base_version": "the `case_version` that you had seen; empty if you do not keep it",
    "agency_ref": "your own number for the case, if you have one",
    "new_status": "where you bring it; empty: it stays, and only the notes count",
    "outcome_code": "with `resolved`: how it ended",
    "public_note": "for the citizen; at least 20 characters with `resolved`, the question with `pending_citizen`, whom "
    "you wait for with `pending_third_party`; at most 1,000",
    "internal_note": "for officers; the citizen never reads it",
    "assignee_code": "the officer who has it at your office",
    "occurred_at": "when it happened, as `2026-11-23T10:30:00+03:00`; rows take effect in this order",
}
MANIFEST: Final[Mapping[str, str]] = {
    "agency": "your office's code",
    "file": "the name of the file that it is about",
    "sha256": "of that file, in hex",
    "bytes": "its size",
    "rows": "how many it has below its header; 0 on a day without news",
    "seq": "1, 2, 3 … without a gap; none: a repeat, outside the chain",
    "previous": "`sha256` of the file with the number before",
    "generated_at": "when it was made",
    "key_id": "which of our master keys your key was made from",
    "checkpoint": "the newest seal on our history (`node`, `seq`, `root`): who keeps it can prove a later change",
    "repeat_since": "of a repeat: from when on it repeats",
    "schema_version": "`1`",
}
MEANINGS: Final[Mapping[State, str]] = {
    State.ASSIGNED: "put back: nobody works on it just now",
    State.IN_PROGRESS: "you work on it",
    State.PENDING_THIRD_PARTY: "you wait for somebody else; the promised time runs on",
    State.RESOLVED: "it is done; the citizen is asked whether it is",
    State.PENDING_CITIZEN: "the note is a question, and goes to the citizen by SMS; the promised time stands still",
}
ENDINGS: Final[Mapping[str, str]] = {
    "fixed": "it works again",
    "partly": "a part of it does; the note says which",
    "explained": "it is as it has to be; the note says why",
    "paid": "what was owed is paid",
    "no_fault": "nothing was wrong",
}


def renewed(page: str) -> str:
    """The page with its tables as the code has them now."""
    return _BLOCK.sub(lambda block: block[1] + TABLES[block[2]]() + block[3], page)


def _worklist() -> str:
    rows = [(f"`{columns.label(name, 'en')}`", columns.label(name, "sw"), WORKLIST[name]) for name in columns.WORKLIST]
    return markdown_table(("column", "in Swahili", "what stands there"), rows)


def _described(names: tuple[str, ...], meanings: Mapping[str, str]) -> Callable[[], str]:
    return lambda: markdown_table(("column", "what stands there"), [(f"`{name}`", meanings[name]) for name in names])


def _statuses() -> str:
    rows = []
    for state in STATUSES:
        choice = CHOICES.get(state, {"en": "", "sw": ""})
        rows.append((choice["en"], choice["sw"], f"`{state}`", MEANINGS[state]))
    return markdown_table(("a clerk picks", "in Swahili", "a system writes", "meaning"), rows)


def _outcomes() -> str:
    return markdown_table(("`outcome_code`", "meaning"), [(f"`{name}`", ENDINGS[name]) for name in OUTCOMES])


def _faults(faults: Mapping[str, Text]) -> Callable[[], str]:
    rows = [(f"`{code}`", sentence["en"], sentence["sw"]) for code, sentence in faults.items()]
    return lambda: markdown_table(("code", "what we say", "in Swahili"), rows)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "worklist": _worklist,
    "statuses": _statuses,
    "outcomes": _outcomes,
    "events": _described(HEADER, EVENTS),
    "updates": _described(columns.UPDATES, UPDATES),
    "manifest": _described(tuple(field.name for field in fields(Manifest)), MANIFEST),
    "faults": _faults(FAULTS),
    "files refused": _faults(FILE_FAULTS),
}


def main() -> None:
    """Write the tables of the page anew."""
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"Wrote {PAGE}.")


if __name__ == "__main__":
    main()
