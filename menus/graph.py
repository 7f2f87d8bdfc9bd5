"""Draws the menus: a box for each screen with its English words and its keys, a lane for each journey, as an SVG. Pure.

Nothing is known of any one screen: what leads where is found by walking the flow. A screen stands in the column of how
many inputs it is away from its lane's beginning, so that every arrow goes one column to the right; what leads
elsewhere names the screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from textwrap import wrap
from typing import Final, NamedTuple

from locales import registry
from menus import engine, fit, rehearsal
from menus.engine import BACK, HOME, Ask, Choose, End, Flow, State, World
from menus.screens import FLOW, advice, cases, home, lodge, secret, service, words
from menus.walk import WRONG, Visit, walk
from packs.model import Pack

TEXT: Final = "text"  # stands for the key where text is typed


class Lane(NamedTuple):
    """A journey: its title, the colour of its screens, their names in the order they were written."""

    title: str
    colour: str
    screens: tuple[str, ...]


LANES: Final = (
    Lane("The way in", "#33506b", tuple(home.SCREENS)),
    Lane("A complaint", "#2f6f4e", (*lodge.SCREENS, *words.SCREENS)),
    Lane("A report in confidence", "#7a3b3b", tuple(secret.SCREENS)),
    Lane("Looking after a case", "#8a6116", tuple(cases.SCREENS)),
    Lane("Advice", "#4d4a86", tuple(advice.SCREENS)),
    Lane("Help, SMS, calls", "#2e6d78", tuple(service.SCREENS)),
)
_OTHERS: Final = "#555f66"

_BOX, _GAP, _LINE, _HEAD, _PAD = 236, 64, 16, 22, 8
_MARGIN, _TITLE, _BETWEEN, _TOP = 24, 34, 18, 92
_LETTERS: Final = 34  # of 12 px in a box
_MOST_LINES: Final = 4  # of a title
_INK, _PAPER, _FAINT = "#1d2a33", "#f6f3ec", "#5f6b72"


@dataclass(frozen=True, slots=True)
class Row:
    """A key of a screen, what it says, and the screens that it may lead to."""

    key: str
    label: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A screen as it is drawn."""

    name: str
    words: tuple[str, ...]
    rows: tuple[Row, ...]
    end: bool


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a card's left upper corner is."""

    x: int
    y: int
    column: int


def cards(flow: Flow, here: World) -> dict[str, Card]:
    """A card for each screen that can be reached."""
    visits: dict[str, list[Visit]] = {name: [] for name in flow}
    for visit in walk(flow, here):
        if isinstance(visit, Visit):
            visits[visit.state.screen].append(visit)
    return {name: _card(flow, here, found) for name, found in visits.items() if found}


def svg(pack: Pack, flow: Flow = FLOW, lanes: Sequence[Lane] = LANES) -> str:
    """The picture, in need of no fonts and no scripts."""
    drawn = cards(flow, replace(rehearsal.world(pack), languages=tuple(registry())))
    lanes = [*lanes, *_left_over(drawn, lanes)]
    colours = {name: lane.colour for lane in lanes for name in lane.screens}
    body, top, width = [], _TOP, 0
    for lane in lanes:
        spots = _places([name for name in lane.screens if name in drawn], drawn, top + _TITLE)
        bottom = max(spot.y + _height(drawn[name], spots) for name, spot in spots.items()) + _BETWEEN
        width = max(width, *(spot.x + _BOX for spot in spots.values()))
        body.append(_Lane(lane, top, bottom, [*_arrows(spots, drawn), *_boxes(spots, drawn, colours)]))
        top = bottom + _BETWEEN
    width += 2 * _MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" role="img" '
            'font-family="ui-sans-serif, Helvetica, Arial, sans-serif" font-size="12">',
            "<title>The screens of the service and where their keys lead</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0L8 4L0 8z" fill="{_INK}"/></marker></defs>',
            f'<rect width="{width}" height="{top}" rx="12" fill="{_PAPER}"/>',
            *_legend(),
            *(line for lane in body for line in lane.lines(width)),
            "</svg>",
            "",
        ]
    )


class _Lane(NamedTuple):
    """A lane that is drawn but for its background, which is as wide as the picture."""

    lane: Lane
    top: int
    bottom: int
    inside: list[str]

    def lines(self, width: int) -> Iterator[str]:
        yield (
            f'<rect x="{_MARGIN // 2}" y="{self.top}" width="{width - _MARGIN}" height="{self.bottom - self.top}" '
            f'rx="14" fill="{self.lane.colour}" fill-opacity="0.1"/>'
        )
        yield _text(_MARGIN + 4, self.top + 23, self.lane.title, fill=self.lane.colour, size=16, weight="bold")
        yield from self.inside


def _card(flow: Flow, here: World, visits: Sequence[Visit]) -> Card:
    """What a screen says where it offers most; its keys lead wherever they led on any visit."""
    name = visits[0].state.screen
    fullest = max(reversed(visits), key=lambda visit: len(rehearsal.keys(visit.pages[0])))
    shown = engine.render(flow, here, _at_the_top(fullest.state), lambda _: _Marked())
    said = [line for line in shown.text.split("\n") if not _is_key(line, shown.state.shown, flow[name])]
    lines = [part for line in said for part in wrap(line, _LETTERS)] or [""]
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], f"{lines[_MOST_LINES - 1]} …"]
    return Card(name, tuple(lines), tuple(_rows(flow, visits)), isinstance(flow[name], End))


def _at_the_top(state: State) -> State:
    return State(state.screen, draft=state.draft, facts=state.facts)


def _is_key(line: str, shown: Mapping[str, str], screen: engine.Screen) -> bool:
    return line.partition(". ")[0] in {*shown, *getattr(screen, "keys", ()), BACK, fit.MORE}


def _rows(flow: Flow, visits: Sequence[Visit]) -> Iterator[Row]:
    """A row for each key of its own; one for all that a list offers, one for text."""
    screen = flow[visits[0].state.screen]
    leads: dict[str, set[str]] = {}
    for move in (move for visit in visits for move in visit.moves):
        if move.typed not in (BACK, HOME, WRONG):
            to = {after.screen for after in move.to if not after.hint}
            leads.setdefault(_key_of(screen, move.typed), set()).update(to)
    labels = _labels(visits)
    for key in sorted(leads, key=lambda one: (one.isdigit(), one)):
        if leads[key]:
            yield Row(key, labels.get(key, ""), tuple(name for name in flow if name in leads[key]))


def _key_of(screen: engine.Screen, typed: str) -> str:
    if typed in getattr(screen, "keys", ()):
        return typed
    return TEXT if isinstance(screen, Ask) else "1…" if isinstance(screen, Choose) else typed


def _labels(visits: Sequence[Visit]) -> dict[str, str]:
    """What stands beside each key; the first that was seen."""
    found: dict[str, str] = {"1…": "any of the list", TEXT: "whatever is typed"}
    for line in (line for visit in visits for page in visit.pages for line in page.text.split("\n")):
        key, dot, label = line.partition(". ")
        if dot and key.isdigit():
            found.setdefault(key, label)
    return found


class _Marked(dict[str, str]):
    """Values as names between marks, so that nobody takes them for words of the screen."""

    def __missing__(self, name: str) -> str:
        return f"<{name}>"


def _left_over(drawn: Mapping[str, Card], lanes: Sequence[Lane]) -> list[Lane]:
    """A lane for screens that no other one names."""
    named = {name for lane in lanes for name in lane.screens}
    others = tuple(name for name in drawn if name not in named)
    return [Lane("More", _OTHERS, others)] if others else []


def _places(names: Sequence[str], drawn: Mapping[str, Card], top: int) -> dict[str, Spot]:
    """Columns by inputs from the lane's beginning; in each, screens near to what leads to them."""
    columns = _columns(names, drawn)
    spots = {name: Spot(_MARGIN + column * (_BOX + _GAP), top, column) for name, column in columns.items()}
    for column in range(max(columns.values(), default=0) + 1):
        inside = [name for name in names if columns[name] == column]
        before = {name: [one.y for other, one in spots.items() if _leads(other, name, drawn, spots)] for name in inside}
        y = top
        for name in sorted(inside, key=lambda one: sum(before[one]) / len(before[one]) if before[one] else 0):
            spots[name] = replace(spots[name], y=y)
            y += _height(drawn[name], spots) + _BETWEEN
    return spots


def _leads(name: str, to: str, drawn: Mapping[str, Card], spots: Mapping[str, Spot]) -> bool:
    """Whether an arrow leads from one to the other."""
    return spots[to].column == spots[name].column + 1 and to in _reached(drawn[name])


def _columns(names: Sequence[str], drawn: Mapping[str, Card]) -> dict[str, int]:
    """How many inputs each is away from the first screen of the lane that leads to it."""
    columns: dict[str, int] = {}
    for first in names:
        if first in columns:
            continue
        waiting = [first]
        columns[first] = 0
        while waiting:
            here = waiting.pop(0)
            for name in names:
                if name in _reached(drawn[here]) and name not in columns:
                    columns[name] = columns[here] + 1
                    waiting.append(name)
    return columns


def _reached(card: Card) -> set[str]:
    return {name for row in card.rows for name in row.to}


def _height(card: Card, spots: Mapping[str, Spot]) -> int:
    lines = len(card.words) + sum(1 + len(_elsewhere(card.name, row, spots)) for row in card.rows)
    return _HEAD + _LINE * lines + 2 * _PAD


def _elsewhere(name: str, row: Row, spots: Mapping[str, Spot]) -> list[str]:
    """The screens that a key leads to without an arrow, as lines."""
    away = [one for one in row.to if one not in spots or spots[one].column != spots[name].column + 1]
    return wrap("→ " + ", ".join(one.replace("_", " ") for one in away), _LETTERS - 4) if away else []


def _row_ys(card: Card, spots: Mapping[str, Spot]) -> Iterator[tuple[Row, int]]:
    """Each row and its base line."""
    y = spots[card.name].y + _HEAD + _PAD + 12 + len(card.words) * _LINE
    for row in card.rows:
        yield row, y
        y += _LINE * (1 + len(_elsewhere(card.name, row, spots)))


def _arrows(spots: Mapping[str, Spot], drawn: Mapping[str, Card]) -> Iterator[str]:
    for name, spot in spots.items():
        for row, y in _row_ys(drawn[name], spots):
            for target in row.to:
                if target in spots and spots[target].column == spot.column + 1:
                    yield _arrow(spot.x + _BOX, y - 4, spots[target], row.key)


def _arrow(x: int, y: int, there: Spot, key: str) -> str:
    end, middle = there.y + _HEAD // 2, (x + there.x) // 2
    curve = f"M{x} {y}C{middle} {y} {middle} {end} {there.x - 1} {end}"
    line = f'<path d="{curve}" fill="none" stroke="{_INK}" stroke-opacity="0.7" marker-end="url(#tip)"/>'
    return line + _text(x + 5, y - 3, key, size=10, weight="bold")


def _boxes(spots: Mapping[str, Spot], drawn: Mapping[str, Card], colours: Mapping[str, str]) -> Iterator[str]:
    for name, spot in spots.items():
        card, colour = drawn[name], colours[name]
        yield (
            f'<rect x="{spot.x}" y="{spot.y}" width="{_BOX}" height="{_height(card, spots)}" rx="7" '
            f'fill="{"#e4e0d6" if card.end else "#fff"}" stroke="{colour}" stroke-width="1.5"/>'
            f'<path d="M{spot.x} {spot.y + _HEAD}v-15q0-7 7-7h{_BOX - 14}q7 0 7 7v15z" fill="{colour}"/>'
        )
        yield _text(spot.x + _PAD, spot.y + 15, name.replace("_", " "), fill="#fff", weight="bold")
        if card.end:
            yield _text(spot.x + _BOX - _PAD, spot.y + 15, "end", fill="#fff", anchor="end")
        for number, line in enumerate(card.words):
            yield _text(spot.x + _PAD, spot.y + _HEAD + _PAD + 10 + number * _LINE, line)
        for row, y in _row_ys(card, spots):
            yield _text(spot.x + _PAD, y, f"{row.key}  {row.label}", weight="bold")
            for number, line in enumerate(_elsewhere(name, row, spots), 1):
                yield _text(spot.x + 3 * _PAD, y + number * _LINE, line, fill=_colour_of(row, spots, colours))


def _colour_of(row: Row, spots: Mapping[str, Spot], colours: Mapping[str, str]) -> str:
    """Of the lane that a key leads to."""
    return next((colours[name] for name in row.to if name not in spots), _FAINT)


def _legend() -> Iterator[str]:
    yield _text(_MARGIN, 34, "Where the keys lead", size=22, weight="bold")
    yield _text(
        _MARGIN,
        56,
        "Each box is a screen, the bold lines are its keys. An arrow leads to the next screen; → names a screen that "
        "stands elsewhere. <…> stands for a name, a number or a date.",
    )
    yield _text(
        _MARGIN,
        73,
        f"On every screen {BACK} goes back, {HOME} goes home, {fit.MORE} turns the page. Grey boxes end the session.",
    )


def _text(
    x: int, y: int, words: str, *, fill: str = _INK, size: int = 12, weight: str = "normal", anchor: str = "start"
) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{fill}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )
