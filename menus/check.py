"""Proves the menus before a citizen can meet a fault: every screen, page and language, every way, every SMS. Pure.

A screen is drawn with the values of the moment and with the longest that each placeholder can take. It must fit, be
reachable, have a way back and a way out; no key means two things, and none that is shown means nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from locales import registry
from menus import costs, engine, fit, paths, rehearsal
from menus.costs import Message
from menus.engine import BACK, FIRST, HOME, End, Flow, Shown, World
from menus.paths import Way
from menus.screens import FLOW
from menus.values import ScreenValues
from menus.walk import Broken, Visit, pages, walk
from packs.model import Pack
from sms_gateway.encoding import ussd_units

TOO_LONG: Final = "does not fit"
NO_ROOM: Final = "has no room for"
SAYS_FREE: Final = "Bure"  # of the session; of emergency numbers it is said in small letters

_ALL_ROOM: Final = 9999  # octets
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a citizen would stumble over."""

    language: str
    screen: str  # or the SMS, or the journey
    what: str  # a sentence without its subject
    text: str = ""  # the screen as it is drawn

    def __str__(self) -> str:
        drawn = "".join(f"\n      | {line}" for line in self.text.split("\n")) if self.text else ""
        return f"{self.language} {self.screen}: {self.what}{drawn}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in one language."""

    language: str
    faults: tuple[Fault, ...]
    screens: int
    pages: int  # different ones that were drawn
    ways: tuple[Way, ...]
    messages: tuple[Message, ...]


def check(
    pack: Pack,
    language: str,
    octets: int = 140,
    *,
    first_octets: int | None = None,
    flow: Flow = FLOW,
) -> Findings:
    """Everything about one language. `octets`, `first_octets`: of a screen, of the first one, `CON ` included."""
    here = replace(
        rehearsal.world(pack, language, octets, service=rehearsal.WIDEST_SERVICE),
        languages=tuple(registry()),
        first_octets=first_octets,
        free=True,  # says more than without
    )
    found = list(walk(flow, here))
    visits = [one for one in found if isinstance(one, Visit)]
    broken = [one for one in found if isinstance(one, Broken)]
    ways, no_ways = _tried(lambda: paths.ways(flow, here))
    messages, no_messages = _tried(lambda: costs.messages(pack, language))
    faults = [
        *(Fault(language, one.screen, f"breaks: {one.what}") for one in broken),
        *(fault for visit in visits for fault in _of_visit(flow, here, visit)),
        *_of_the_start(flow, here),
        *(Fault(language, screen, what) for screen, what in _of_the_flow(flow, visits, {one.screen for one in broken})),
        *(Fault(language, way.journey, what) for way in ways for what in broken_promises(way)),
        *(Fault(language, journey, "leads to no case number") for journey in _missing(ways)),
        *(Fault(language, one.name, what, one.text) for one in messages for what in _of_message(one)),
        *(Fault(language, "ways", f"break: {what}") for what in no_ways),
        *(Fault(language, "SMS", f"break: {what}") for what in no_messages),
    ]
    drawn = {page.text for visit in visits for page in (*visit.pages, *visit.widest)}
    return Findings(language, _once(faults), len(flow), len(drawn), ways, messages)


def overflowing(pack: Pack, language: str, octets: int = 140) -> list[str]:
    """The screens that do not fit in a language, or have no room for all of a label."""
    found = check(pack, language, octets).faults
    return sorted({fault.screen for fault in found if fault.what.startswith((TOO_LONG, NO_ROOM))})


def _of_visit(flow: Flow, here: World, visit: Visit) -> Iterator[Fault]:
    name = visit.state.screen
    for shown in (*visit.pages, *visit.widest):
        yield from (Fault(here.language, name, what, shown.text) for what in _of_page(shown, here.octets))
    whats = [*_of_labels(flow, visit)]
    if visit.moves:
        whats += [*_of_cuts(flow, here, visit), *_of_moves(visit)]
    yield from (Fault(here.language, name, what, visit.pages[0].text) for what in whats)


def _of_page(shown: Shown, octets: int) -> Iterator[str]:
    if not fit.fits(shown.text, octets):
        yield f"{TOO_LONG}: {ussd_units(fit.PREFIX + shown.text)} units"
    for key, times in Counter(rehearsal.keys(shown)).items():
        if times > 1:
            yield f"key {key} means {times} things"
    if "{" in shown.text:
        yield "shows a placeholder instead of its value"


def _of_labels(flow: Flow, visit: Visit) -> Iterator[str]:
    """A key that stands on several pages says the same on each; only the numbers of a list begin anew."""
    fixed = {*getattr(flow[visit.state.screen], "keys", ()), BACK, fit.MORE}
    labels: dict[str, str] = {}
    for line in (line for page in visit.pages for line in page.text.split("\n")):
        key, dot, label = line.partition(". ")
        if dot and key in fixed and labels.setdefault(key, label) != label:
            yield f"key {key} changes its meaning from page to page"


def _of_cuts(flow: Flow, here: World, visit: Visit) -> Iterator[str]:
    """A label too wide for any page is cut there; with all the room in the world it would not be."""
    state, roomy = replace(visit.state, first=0), replace(here, octets=_ALL_ROOM)
    whole = {label for page in pages(flow, roomy, state, ScreenValues) for label in _labels(flow, page)}
    drawn = {label for page in visit.pages for label in _labels(flow, page)}
    yield from (f"{NO_ROOM} “{label}”" for label in sorted(whole - drawn))


def _labels(flow: Flow, shown: Shown) -> Iterator[str]:
    keys = {*shown.state.shown, *getattr(flow[shown.state.screen], "keys", ())}
    for line in shown.text.split("\n"):
        key, _, label = line.partition(". ")
        if key in keys and key != fit.MORE:
            yield label


def _of_moves(visit: Visit) -> Iterator[str]:
    state, offered = visit.state, {key for page in visit.pages for key in rehearsal.keys(page)}
    if all(after.screen == state.screen for move in visit.moves for after in move.to):
        yield "is a dead end: no input leads anywhere else"
    for move in visit.moves:
        if move.typed in offered and all(after.screen == state.screen and after.hint for after in move.to):
            yield f"key {move.typed} is shown and means nothing"


def _of_the_start(flow: Flow, here: World) -> Iterator[Fault]:
    """The first screen may have less room; and it speaks of no price that is not so."""
    for start in rehearsal.starts(rehearsal.widest_facts(here.pack, here.language), _any_sub(here.pack)):
        if start.screen not in flow:
            continue
        paid = engine.render(flow, replace(here, free=False), start, ScreenValues, first=True)
        if SAYS_FREE in paid.text:
            yield Fault(here.language, start.screen, "says that it is free where citizens pay", paid.text)
        shown = engine.render(flow, here, start, ScreenValues, first=True)
        if not fit.fits(shown.text, here.first_octets or here.octets):
            yield Fault(here.language, start.screen, f"{TOO_LONG} as the first screen", shown.text)


def _of_the_flow(flow: Flow, visits: Sequence[Visit], broken: set[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with screens as a whole, whatever stands on them; of broken ones it cannot be told."""
    leads: dict[str, set[str]] = {name: set() for name in flow}
    reached = set(broken)
    for visit in visits:
        reached.add(visit.state.screen)
        leads[visit.state.screen] |= {after.screen for move in visit.moves for after in move.to}
    for name in sorted(flow.keys() - reached):
        yield name, "cannot be reached"
    for name in sorted(reached - _leading_to_an_end(flow, leads) - broken):
        yield name, "has no way out: no key leads to the end of a session, however often one presses"
    yield from _of_the_way_back(flow, visits)
    for name, screen in flow.items():
        keys = getattr(screen, "keys", {})
        for key in (BACK, fit.MORE):
            if key in keys:
                yield name, f"key {key} means two things: it is kept for turning back or the page"
        if HOME in keys and keys[HOME].then != FIRST:
            yield name, f"key {HOME} means two things: it is kept for going home"


def _of_the_way_back(flow: Flow, visits: Sequence[Visit]) -> Iterator[tuple[str, str]]:
    """From every screen one gets home, and back to the one before, unless something was done in between."""
    moves = [(visit.state.screen, move) for visit in visits for move in visit.moves]
    back = {name for name, move in moves if move.typed == BACK and not any(after.hint for after in move.to)}
    home = {name for name, move in moves if move.typed == HOME and {after.screen for after in move.to} == {FIRST}}
    entered = {after.screen for name, move in moves for after in move.to if after.screen not in (name, FIRST)}
    behind = {
        after.screen
        for name, move in moves
        if not move.acts and (name == FIRST or not flow[name].root)
        for after in move.to
        if after.screen not in (name, FIRST)
    }
    open_ones = {name for name, _ in moves}
    yield from ((name, "has no way back") for name in sorted(behind & open_ones - back))
    yield from ((name, f"does not go home with {HOME}") for name in sorted(entered & open_ones - home))


def _leading_to_an_end(flow: Flow, leads: Mapping[str, set[str]]) -> set[str]:
    good = {name for name, screen in flow.items() if isinstance(screen, End)}
    while more := {name for name, to in leads.items() if name not in good and to & good}:
        good |= more
    return good


def broken_promises(way: Way) -> Iterator[str]:
    """Where a way takes more inputs than its journey may, or longer than the network keeps a session."""
    most = paths.MOST_INPUTS[way.journey]
    if way.inputs > most:
        yield f"takes {way.inputs} inputs for {way.sub}, at most {most} are promised: {way.described}"
    if way.seconds > paths.SESSION_S:
        yield f"takes {way.seconds:.0f} s for {way.sub}; the network ends the session after {paths.SESSION_S} s"


def _missing(ways: Iterable[Way]) -> list[str]:
    found = {way.journey for way in ways}
    return [journey for journey in paths.MOST_INPUTS if journey not in found]


def _of_message(message: Message) -> Iterator[str]:
    most = costs.MOST_SEGMENTS[message.encoding]
    if message.segments > most:
        yield f"takes {message.segments} SMS with {message.units} units of {message.encoding}; {most} at most"
    if "{" in message.text:
        yield "shows a placeholder instead of its value"


def _any_sub(pack: Pack) -> str:
    return next(sub.code for sub in pack.subs.values() if not sub.retired)


def _tried(find: Callable[[], Iterable[T]]) -> tuple[tuple[T, ...], list[str]]:
    """What was found, or the fault that kept it from being found."""
    try:
        return tuple(find()), []
    except Exception as fault:  # a flow that cannot be followed is a finding like others
        return (), [f"{type(fault).__name__}: {fault}"]


def _once(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Each kind of fault of a screen once, however many states show it."""
    return tuple({(fault.screen, fault.what.partition(":")[0]): fault for fault in faults}.values())
