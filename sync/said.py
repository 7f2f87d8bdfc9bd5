"""What citizens said about their cases, opened with their keys: for files to their offices, which want it on one line.

Who may read it is asked before, of `cases.worklist.words_leave`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, Role
from cases.worklist import UNREADABLE
from store import database
from store.sealing import Unreadable

BETWEEN: Final = " // "  # what was said at different times
LONGEST: Final = 500  # characters of it in a file

_CITIZENS: Final = (Role.CITIZEN, Role.AGENT)  # an agent writes for one who is on the phone
# What a citizen says in these is said to the office. What they say in an appeal is not: it is about that office.
_TO_THE_OFFICE: Final = (Action.LODGE, Action.CLASSIFY, Action.ADD_WORDS, Action.ANSWER, Action.REOPEN)


class Said(NamedTuple):
    """Words of a citizen on one line: in which event, when (microseconds since 1970), and what."""

    event: str
    at: int
    words: str


def callers(citizens: Citizens, ids: Collection[str]) -> dict[str, Caller | None]:
    """The citizens by id. Erased ones are missing; None: their master key is not on this box."""
    try:
        return dict(citizens.by_id(ids))
    except Unreadable:
        return {one: caller for each in ids for one, caller in _caller(citizens, each).items()}


def by_case(citizens: Mapping[str, Caller | None]) -> dict[str, list[Said]]:
    """By case: what its citizen said to the office, oldest first. `citizens` has the citizen of each case, if known."""
    said: dict[str, list[Said]] = {}
    if not citizens:
        return said
    marks, kinds, roles = ", ".join("?" * len(citizens)), _listed(_TO_THE_OFFICE), _listed(_CITIZENS)
    for case, event, at, sealed in database.rows(
        database.main,
        f"SELECT case_id, id, recorded_at, words FROM case_event WHERE case_id IN ({marks}) AND kind IN ({kinds}) "
        f"AND role IN ({roles}) AND words IS NOT NULL ORDER BY case_id, recorded_at, seq",
        *citizens,
    ):
        words = _opened(citizens[case], event, sealed)
        if words:
            said.setdefault(case, []).append(Said(event, at, words))
    return said


def shortened(words: str, most: int = LONGEST) -> str:
    """At most so many characters."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _caller(citizens: Citizens, citizen_id: str) -> Mapping[str, Caller | None]:
    try:
        return citizens.by_id([citizen_id])
    except Unreadable:
        return {citizen_id: None}


def _opened(caller: Caller | None, event: str, sealed: bytes) -> str:
    try:
        return _one_line(caller.key.open("case_event.words", event, bytes(sealed))) if caller else UNREADABLE
    except Unreadable:
        return UNREADABLE


def _one_line(words: str) -> str:
    """What cannot be printed (control characters, marks that turn a line around) becomes a space."""
    if not words.isprintable():
        words = "".join(sign if sign.isprintable() else " " for sign in words)
    return " ".join(words.split())
