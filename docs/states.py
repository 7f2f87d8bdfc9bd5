"""Draws `docs/lifecycle.svg`, the states of a case and the ways between them; `python -m docs.lifecycle` writes it.

It is laid out by hand; a test says that every action that moves a case is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from cases.lifecycle import DECIDED, OPEN, Action, State, plain

PICTURE: Final = Path(__file__).with_name("lifecycle.svg")

_WIDTH, _HEIGHT = 980, 490
_BOX, _TALL = 140, 34
_INK, _LINE = "#14201d", "#8a8578"
_OPEN, _DECIDED, _ENDED = "#20544a", "#7a4a12", "#6b6558"

Point = tuple[int, int]

# The middle of each box
_PLACES: Final[Mapping[State, Point]] = {
    State.RECEIVED: (120, 200),
    State.ASSIGNED: (305, 200),
    State.IN_PROGRESS: (550, 200),
    State.PENDING_CITIZEN: (455, 95),
    State.PENDING_THIRD_PARTY: (625, 95),
    State.APPEALED: (550, 320),
    State.RESOLVED: (815, 200),
    State.CLOSED: (882, 260),
    State.REJECTED: (815, 320),
    State.WITHDRAWN: (305, 445),
    State.DUPLICATE: (550, 445),
}


class Way(NamedTuple):
    """An arrow through these points, and where its label stands."""

    actions: tuple[Action, ...]
    points: tuple[Point, ...]
    label: Point
    anchor: str = "middle"
    both: bool = False  # arrowheads at both ends


class Remark(NamedTuple):
    """What is said instead of drawn."""

    actions: tuple[Action, ...]
    place: Point
    text: str


WAYS: Final = (
    Way((Action.LODGE,), ((6, 200), (50, 200)), (25, 192)),
    Way((Action.ASSIGN,), ((190, 200), (235, 200)), (212, 192)),
    Way((Action.START, Action.PUT_BACK), ((375, 200), (480, 200)), (428, 192), both=True),
    Way((Action.ASK, Action.ANSWER, Action.RESUME), ((510, 183), (462, 112)), (470, 152), "end", both=True),
    Way((Action.WAIT, Action.RESUME), ((585, 183), (620, 112)), (614, 152), "start", both=True),
    Way((Action.RESOLVE,), ((620, 200), (745, 200)), (677, 192)),
    Way((Action.REJECT,), ((350, 217), (350, 262), (785, 262), (785, 303)), (677, 255)),
    Way((Action.CONFIRM, Action.CLOSE), ((850, 217), (850, 243)), (858, 234), "start"),
    Way((Action.APPEAL,), ((730, 320), (620, 320)), (677, 313)),
    Way((Action.UPHOLD,), ((590, 337), (590, 392), (925, 392), (925, 277)), (677, 385)),
    Way((Action.OVERTURN,), ((480, 320), (320, 320), (320, 217)), (400, 313)),
    Way((Action.REOPEN,), ((815, 145), (815, 36), (305, 36), (305, 183)), (560, 29)),
    Way((Action.WITHDRAW,), ((260, 362), (260, 428)), (254, 402), "end"),
    Way((Action.RESTORE,), ((285, 428), (285, 217)), (293, 402), "start"),
    Way((Action.DUPLICATE,), ((525, 362), (525, 428)), (519, 402), "end"),
)
REMARKS: Final = (
    Remark((Action.TRANSFER,), (56, 335), "transfer: from any but"),
    Remark((), (56, 350), "appealed to assigned"),
    Remark((Action.FOLLOW,), (632, 441), "follow: to resolved, with the case that it follows"),
    Remark((Action.RELEASE,), (632, 457), "release: to assigned, if that one ends without an answer"),
)


def svg() -> str:
    """The picture, in need of no fonts and no scripts."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" '
            'font-family="ui-sans-serif, Helvetica, Arial, sans-serif" font-size="12">',
            "<title>The states of a case and the ways between them</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            f'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="{_LINE}"/></marker></defs>',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="12" fill="#f6f3ec"/>',
            _region(42, 60, 668, 302, "#e3ece7", "open", _OPEN),
            _region(730, 145, 235, 217, "#f1e6d6", "decided", _DECIDED),
            *map(_way, WAYS),
            *(_text(remark.place, remark.text, "start") for remark in REMARKS),
            *(line for state in State for line in _box(state)),
            "</svg>",
            "",
        ]
    )


def _region(left: int, top: int, width: int, height: int, fill: str, title: str, ink: str) -> str:
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="14" fill="{fill}"/>'
        f'<text x="{left + 12}" y="{top + 20}" fill="{ink}" font-weight="bold">{title}</text>'
    )


def _box(state: State) -> Iterator[str]:
    (x, y), colour = _PLACES[state], _OPEN if state in OPEN else _DECIDED if state in DECIDED else _ENDED
    yield (
        f'<rect x="{x - _BOX // 2}" y="{y - _TALL // 2}" width="{_BOX}" height="{_TALL}" rx="8" fill="#fff" '
        f'stroke="{colour}" stroke-width="2"/>'
    )
    yield f'<text x="{x}" y="{y + 4}" fill="{_INK}" text-anchor="middle" font-weight="bold">{plain(state)}</text>'


def _way(way: Way) -> str:
    path = "M" + "L".join(f"{x} {y}" for x, y in way.points)
    start = ' marker-start="url(#tip)"' if way.both else ""
    line = f'<path d="{path}" fill="none" stroke="{_LINE}" stroke-width="1.5"{start} marker-end="url(#tip)"/>'
    return line + _text(way.label, ", ".join(map(plain, way.actions)), way.anchor)


def _text(place: Point, words: str, anchor: str) -> str:
    return f'<text x="{place[0]}" y="{place[1]}" fill="{_INK}" text-anchor="{anchor}">{escape(words)}</text>'
