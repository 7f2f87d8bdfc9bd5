"""Walks a flow as every citizen might: each screen in every way that matters, all its pages, each key, any text. Pure.

What differs in words only (one sub-category from another of its kind, one ward from another) is walked once and drawn
for all; how wide words can be, the widest values show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from menus import engine, fit, rehearsal
from menus.engine import Ask, End, Flow, Scene, Shown, State, Turn, World
from menus.rehearsal import looks_like
from menus.values import ScreenValues

WRONG: Final = "77"  # a key that no screen has
_MOST_PAGES: Final = 60
_BACKWARD: Final = (engine.BACK, engine.HOME)  # leads to what was walked on the way


@dataclass(frozen=True, slots=True)
class Move:
    """One input, and where it led: to one screen for each outcome of what it asked for."""

    typed: str
    acts: bool  # the request changes something: there is no way back from it
    to: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """A screen as it was found: its pages with the values of the moment, with the widest ones, and what it leads to."""

    state: State
    pages: tuple[Shown, ...]
    widest: tuple[Shown, ...] = ()
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A screen that cannot be drawn, or an input that the flow cannot follow."""

    screen: str
    what: str


def walk(flow: Flow, here: World) -> Iterator[Visit | Broken]:
    """Every visit that is news. The first of its kind has moves; those that differ in words only have none."""
    return _Walk(flow, here).visits()


def pages(flow: Flow, here: World, state: State, values: Callable[[Scene], Mapping[str, Any]]) -> Iterator[Shown]:
    """A screen page by page, as a citizen turns them. RuntimeError if they do not end."""
    for _ in range(_MOST_PAGES):
        shown = engine.render(flow, here, state, values)
        yield shown
        if fit.MORE not in rehearsal.keys(shown):
            return
        state = engine.step(flow, here, shown.state, fit.MORE).state
    raise RuntimeError(f"more than {_MOST_PAGES} pages")


class _Walk:
    """What was seen so far, so that nothing is walked or drawn twice."""

    def __init__(self, flow: Flow, here: World) -> None:
        self._flow, self._here = flow, here
        self._facts = rehearsal.widest_facts(here.pack, here.language)
        self._seen: set[Any] = set()

    def visits(self) -> Iterator[Visit | Broken]:
        waiting = list(self._starts())
        while waiting:
            state = waiting.pop()
            if not self._is_new(self._told(state)):
                continue
            try:
                visit = self._visit(state)
            except Exception as fault:  # whatever the flow does wrong, it is told and the walk goes on
                yield Broken(state.screen, f"{type(fault).__name__}: {fault}")
                continue
            if visit:
                yield visit
                waiting += [after for move in visit.moves if move.typed not in _BACKWARD for after in move.to]
                waiting += self._alike(state) if visit.moves else ()

    def _starts(self) -> Iterator[State]:
        """Where a session may begin; home with whatever news there is."""
        for start in rehearsal.starts(self._facts, self._facts["sub"]):
            if start.screen == engine.FIRST:
                yield from self._settled(engine.enter(self._flow, self._here, start, engine.FIRST))
            elif start.screen in self._flow:
                yield start

    def _visit(self, state: State) -> Visit | None:
        """None if the same was drawn before, and nothing else can come of it."""
        drawn = tuple(pages(self._flow, self._here, state, ScreenValues))
        is_new = self._is_new((state.screen, *(page.text for page in drawn)))
        if state.hint or not self._is_new(self._kind(state)):
            return Visit(state, drawn) if is_new else None
        return Visit(state, drawn, tuple(self._widest(drawn)), tuple(self._moves(drawn)))

    def _widest(self, drawn: Sequence[Shown]) -> Iterator[Shown]:
        """The pages with the longest values, where those make a difference."""
        for shown in pages(
            self._flow, self._here, drawn[0].state, lambda scene: rehearsal.widest_values(scene, self._facts)
        ):
            if shown.text == drawn[0].text:
                return
            yield shown

    def _moves(self, drawn: Sequence[Shown]) -> Iterator[Move]:
        """Each key but "98", which turned the pages; a key that is wrong; texts where text is asked for."""
        screen = self._flow[drawn[0].state.screen]
        if isinstance(screen, End):
            return
        tried: set[Any] = set()
        for shown in drawn:
            for typed in (*rehearsal.keys(shown), engine.HOME):
                means = rehearsal.means(self._here, typed, shown.state)
                if typed != fit.MORE and means not in tried:
                    tried.add(means)
                    yield self._move(shown.state, typed)
        for typed in self._texts(drawn[0].state.screen, screen) if isinstance(screen, Ask) else (WRONG,):
            yield self._move(drawn[0].state, typed)

    def _texts(self, name: str, screen: Ask) -> tuple[str, ...]:
        """All that may be typed; the next time the usual, which leads wherever anything can."""
        usual = (*rehearsal.usual_texts(self._here, screen.stores), rehearsal.NOWHERE)
        return rehearsal.texts(self._here) if self._is_new((name, "texts")) else usual

    def _move(self, state: State, typed: str) -> Move:
        turn = engine.step(self._flow, self._here, state, typed)
        return Move(typed, turn.acts, tuple(self._settled(turn)))

    def _settled(self, turn: Turn) -> Iterator[State]:
        return rehearsal.settled(self._here, turn, self._facts, self._flow)

    def _is_new(self, thing: Any) -> bool:
        before = len(self._seen)
        self._seen.add(thing)
        return len(self._seen) > before

    def _told(self, state: State) -> tuple[Any, ...]:
        """What can be told of a state without drawing it. Places and texts are like others that look like them."""
        draft = (
            (name, value if name in rehearsal.DECIDE and value not in self._here.pack.places else looks_like(value))
            for name, value in state.draft.items()
        )
        facts = ((name, len(value) if isinstance(value, list) else value) for name, value in state.facts.items())
        return "told", state.screen, state.hint, state.first, frozenset(draft), frozenset(facts)

    def _kind(self, state: State) -> tuple[Any, ...]:
        """What the way on depends on: the words on the screen, values aside, what was chosen, and what is so or not.

        Two states of a kind may differ in names and numbers only.
        """
        first = engine.render(self._flow, self._here, state, lambda _: _Names())
        done = self._flow[state.screen].root  # something was done with what was chosen: it decides no more
        chosen = {
            name: None if done else rehearsal.kind_of(self._here, name, value)
            for name, value in state.draft.items()
            if name in rehearsal.DECIDE
        }
        true = (name for name, value in state.facts.items() if value is True)
        return "kind", state.screen, self._lines_that_mean(first), frozenset(chosen.items()), frozenset(true)

    def _lines_that_mean(self, shown: Shown) -> tuple[str, ...]:
        """The lines of a screen without those of a numbered list: one ward there is like another."""
        screen, lines = self._flow[shown.state.screen], shown.text.split("\n")
        if rehearsal.is_numbered(screen, Scene(self._here, shown.state)):
            lines = [line for line in lines if line.partition(". ")[0] not in shown.state.shown]
        return tuple(lines)

    def _alike(self, state: State) -> list[State]:
        """The state with each other sub-category that does the same; once for each screen."""
        here, chosen = self._here, state.draft.get("sub")
        if not chosen:
            return []
        kind = rehearsal.kind_of(here, "sub", chosen)
        if not self._is_new((state.screen, "alike", kind)):
            return []
        return [
            replace(state, draft={**state.draft, "sub": sub.code, "category": sub.category})
            for sub in here.pack.subs.values()
            if rehearsal.kind_of(here, "sub", sub.code) == kind
        ]


class _Names(dict[str, str]):
    """Every value is its name."""

    def __missing__(self, name: str) -> str:
        return name
