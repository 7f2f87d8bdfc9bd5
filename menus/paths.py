"""The straight ways from dialling to a case number: how many inputs they take, and how long that typically is. Pure.

An input is what a citizen sends once they have dialled. Turning a page is none, nor is narrowing what was chosen down
(more categories, the part of a place).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

from menus import engine, fit, rehearsal
from menus.drafts import SECRECY
from menus.engine import FIRST, Ask, Choose, End, Flow, Scene, Shown, State, World
from menus.values import ScreenValues

SESSION_S: Final = 180  # a network ends the session then
IDLE_S: Final = 30  # or after this long without an input; some networks wait 60

# Seconds. Slow adults read 150 words a minute; a decision between few things takes 1.35 s (the keystroke-level model's
# mental operator); to open the answer, press and send takes three keys; multi-tap gives 8 words of 5 letters a minute.
_NETWORK: Final = 2.0  # from sending to the next screen
_WORD: Final = 0.4
_DECISION: Final = 1.35
_KEY: Final = 2.0
_LETTER: Final = 1.5

RETURNING: Final = "returning, the last place kept"
SEARCHING: Final = "returning, one place search"
FIRST_DIAL: Final = "first dial, one place search"
IN_CONFIDENCE: Final = "in confidence"
MOST_INPUTS: Final[Mapping[str, int]] = {RETURNING: 6, SEARCHING: 8, FIRST_DIAL: 8, IN_CONFIDENCE: 10}


@dataclass(frozen=True, slots=True)
class Step:
    """A screen and what the citizen sent there."""

    screen: str
    typed: str
    seconds: float  # to read, decide and type
    counts: bool  # as an input


@dataclass(frozen=True, slots=True)
class Way:
    """From dialling to the screen with the case number, for one kind of complaint."""

    language: str
    journey: str
    sub: str
    steps: tuple[Step, ...] = ()

    @property
    def inputs(self) -> int:
        return sum(step.counts for step in self.steps)

    @property
    def seconds(self) -> float:
        """As long as the session is open: with the dialling and each answer's way through the network."""
        return _NETWORK + sum(step.seconds + _NETWORK for step in self.steps)

    @property
    def described(self) -> str:
        """The inputs in the order they are sent; what stands in brackets is not counted."""
        return " ".join(step.typed if step.counts else f"({step.typed})" for step in self.steps)

    @property
    def longest_wait(self) -> float:
        """Seconds of the step that takes longest."""
        return max((step.seconds for step in self.steps), default=0.0)


def ways(flow: Flow, here: World) -> list[Way]:
    """The shortest way of every kind of complaint on each journey. A place is always named where one is asked for."""
    wards = (place for place in here.pack.places.values() if place.kind == "ward" and not place.retired)
    again = replace(here, near=next(wards, None))
    facts = rehearsal.widest_facts(here.pack, here.language)
    home = _plainly(flow, again, engine.enter(flow, again, State(FIRST), FIRST), facts)
    return [*_found(flow, here, State("language_first"), facts), *_found(flow, again, home, facts)]


def _found(flow: Flow, here: World, start: State, facts: Mapping[str, Any]) -> Iterator[Way]:
    """Cheapest first, in inputs and then in seconds (Dijkstra); each kind of complaint once."""
    order = count()
    waiting: list[tuple[int, float, int, State, tuple[Step, ...]]] = [(0, 0.0, next(order), start, ())]
    met: set[Any] = set()
    done: set[Any] = set()
    while waiting:
        inputs, seconds, _, state, steps = heapq.heappop(waiting)
        if (kind := _kind(here, state)) in met or isinstance(flow[state.screen], End):
            continue
        met.add(kind)
        shown = engine.render(flow, here, state, ScreenValues)
        for typed in _inputs(flow, here, shown):
            turn = engine.step(flow, here, shown.state, typed)
            if turn.state.hint:
                continue
            after = _plainly(flow, here, turn, facts)
            step = Step(state.screen, typed, _seconds(shown, typed), _counts(flow, state, typed, after))
            so_far = (*steps, step)
            if turn.request in rehearsal.LODGES:
                what = _kind_of_draft(here, turn.state) - {("more", True)}
                if what not in done and _names_its_place(here, turn.state):
                    done.add(what)
                    yield Way(here.language, _journey(start, turn.state, so_far, flow), turn.state.draft["sub"], so_far)
            else:
                cost = (inputs + step.counts, seconds + step.seconds)
                heapq.heappush(waiting, (*cost, next(order), after, so_far))


def _inputs(flow: Flow, here: World, shown: Shown) -> Iterator[str]:
    """Each key but those that lead back, and where text is asked for what people usually type."""
    screen, left_out = flow[shown.state.screen], [engine.BACK, engine.HOME]
    if rehearsal.is_numbered(screen, Scene(here, shown.state)):
        left_out.append(fit.MORE)  # what is meant stands on the first page
    yield from (key for key in rehearsal.keys(shown) if key not in left_out)
    if isinstance(screen, Ask):
        yield from rehearsal.usual_texts(here, screen.stores)


def _plainly(flow: Flow, here: World, turn: engine.Turn, facts: Mapping[str, Any]) -> State:
    """Where a turn comes to rest if nothing special comes in between."""
    return next(rehearsal.settled(here, turn, facts, flow))


def _seconds(shown: Shown, typed: str) -> float:
    typing = _KEY if typed.isdigit() else _KEY + _LETTER * len(typed)
    return _WORD * len(shown.text.split()) + _DECISION + typing


def _counts(flow: Flow, before: State, typed: str, after: State) -> bool:
    """Not so for turning a page, and for a choice that leads to a closer choice of the same."""
    here, there = flow[before.screen], flow[after.screen]
    narrows = isinstance(here, Choose) and isinstance(there, Choose) and here.stores == there.stores
    return typed != fit.MORE and not narrows


def _kind(here: World, state: State) -> tuple[Any, ...]:
    return state.screen, state.first, state.draft.get("category"), _kind_of_draft(here, state)


def _kind_of_draft(here: World, state: State) -> frozenset[Any]:
    fields = ((name, value) for name, value in state.draft.items() if name in rehearsal.DECIDE and name != "category")
    return frozenset((name, rehearsal.kind_of(here, name, value)) for name, value in fields)


def _names_its_place(here: World, state: State) -> bool:
    return here.pack.subs[state.draft["sub"]].where == "none" or "place" in state.draft


def _journey(start: State, end: State, steps: tuple[Step, ...], flow: Flow) -> str:
    if end.draft.get(SECRECY):
        return IN_CONFIDENCE
    if start.screen != FIRST:
        return FIRST_DIAL
    typed = any(isinstance(flow[step.screen], Ask) and not step.typed.isdigit() for step in steps)
    return SEARCHING if typed else RETURNING
