"""The state machine of the USSD menus: screens are values, a step is a pure function, the outside is a request.

The engine knows no database, no network and no clock. A screen may *need* facts before it can be shown (`needs`: a
question, changes nothing), and leaving one may perform a use case (`request`: changes something). The shell answers
either with facts, and the engine goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from locales import say, translations
from menus import drawing, fit
from menus.drawing import Sheet
from packs.model import Pack, Place
from packs.places import PlaceIndex

BACK: Final = "0"
HOME: Final = "00"
FIRST: Final = "home"

Draft = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class World:
    """What a screen may look at besides the citizen's own choices. Made anew for each hop, never stored."""

    pack: Pack
    places: PlaceIndex
    language: str
    octets: int  # of a USSD screen, `CON ` included
    service: str
    code: str  # what to dial: *384*96#
    short: str  # where to text
    languages: tuple[str, ...] = ("en", "sw")
    near: Place | None = None  # the citizen's last place
    free: bool = False  # the county pays the session, the citizen nothing
    origin: str = ""  # names this session; drafts begun in it are numbered under this name
    first_octets: int | None = None  # of the first screen of a session, where the network allows it less


@dataclass(frozen=True, slots=True)
class State:
    """Where a citizen is in the menus; plain data, stored sealed between hops."""

    screen: str
    draft: Draft = field(default_factory=dict)  # what they chose, by field
    draft_id: str = ""  # carried along when the draft is resumed elsewhere: one draft makes one case
    drafts: int = 0  # how many were begun in this session
    facts: Mapping[str, Any] = field(default_factory=dict)  # what the shell told, as JSON-able values
    shown: Mapping[str, str] = field(default_factory=dict)  # key → option code, as they saw it; 98 → the next `first`
    first: int = 0  # the piece of a long screen that this page begins with
    trail: tuple[str, ...] = ()  # where 0 leads, nearest last, no screen twice
    pending: tuple[str, ...] = ()  # a deep dial that waits for the language
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """A state in its world: what titles, options and next screens are computed from."""

    world: World
    state: State

    @property
    def draft(self) -> Draft:
        return self.state.draft

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.state.facts

    def say(self, message: str) -> str:
        return translations(self.world.language).gettext(message) if message else ""


@dataclass(frozen=True, slots=True)
class Option:
    """A line of a list: the code that is stored and the label that is shown; `key` if it is fixed."""

    code: str
    label: str
    key: str | None = None


Words = str | Callable[[Scene], str]  # an English text to translate, or the function that chooses it
Target = str | Callable[[Scene], str]


@dataclass(frozen=True, slots=True)
class Key:
    """What a key of a screen does: perhaps perform a request, then go to a screen."""

    label: Words
    then: Target
    request: str | None = None
    after: Callable[[Scene], Draft] | None = None  # the draft once it is pressed


@dataclass(frozen=True, slots=True)
class Menu:
    """A question whose keys lead to different places."""

    title: Words
    keys: Mapping[str, Key]
    needs: str | None = None
    back: bool = True
    root: bool = False  # nothing lies behind it: 0 leads neither further back nor here
    fresh: bool = False  # entering it begins a new draft
    when: Callable[[Scene, str], bool] | None = None  # which of its keys are offered


@dataclass(frozen=True, slots=True)
class Choose:
    """A list to pick from, paged where it is long; the option's code is stored under `stores`."""

    stores: str
    title: Words
    options: Callable[[Scene], Sequence[Option]]
    then: Target
    request: str | None = None
    keys: Mapping[str, Key] = field(default_factory=dict)
    after: Callable[[Scene], Draft] | None = None  # the draft once it is chosen
    needs: str | None = None
    back: bool = True
    root: bool = False
    fresh: bool = False
    when: Callable[[Scene, str], bool] | None = None  # which of its keys are offered


@dataclass(frozen=True, slots=True)
class Ask:
    """Free text, stored under `stores`; `keys` are the texts that mean something else."""

    stores: str
    title: Words
    then: Target
    request: str | None = None
    keys: Mapping[str, Key] = field(default_factory=dict)
    suits: Callable[[str], str] = lambda _: ""  # "" or the hint why the text does not do
    after: Callable[[Scene], Draft] | None = None  # the draft once it is typed
    needs: str | None = None
    back: bool = True
    root: bool = False
    fresh: bool = False
    when: Callable[[Scene, str], bool] | None = None  # which of its keys are offered


@dataclass(frozen=True, slots=True)
class Read:
    """A text to read, by pages where it is long; its keys stand on each of them."""

    title: Words
    body: Words  # a function gives it in the citizen's language, as it is shown
    keys: Mapping[str, Key] = field(default_factory=dict)
    needs: str | None = None
    back: bool = True
    root: bool = False
    fresh: bool = False
    when: Callable[[Scene, str], bool] | None = None  # which of its keys are offered


@dataclass(frozen=True, slots=True)
class End:
    """The last screen of a session."""

    title: Words
    needs: str | None = None
    root: bool = True
    fresh: bool = False


Screen = Menu | Choose | Ask | Read | End
Flow = Mapping[str, Screen]


@dataclass(frozen=True, slots=True)
class Turn:
    """Where one input leads. With a `request`, the shell performs it and calls `proceed`; else `state` is shown."""

    state: State
    request: str | None = None
    acts: bool = False  # the request changes something
    then: str = ""  # the screen that follows the request


@dataclass(frozen=True, slots=True)
class Shown:
    """A screen as the citizen sees it, and the state that remembers which keys it offered."""

    text: str
    end: bool
    state: State


def enter(flow: Flow, world: World, state: State, screen: str) -> Turn:
    """Go to `screen`; the turn asks for what it needs before it can be shown."""
    target = flow[screen]
    trail = state.trail[: state.trail.index(screen)] if screen in state.trail else state.trail
    moved = replace(state, screen=screen, first=0, shown={}, trail=trail, hint="")
    if target.fresh:
        count = state.drafts + 1
        moved = replace(moved, draft={}, facts={}, trail=(), drafts=count, draft_id=f"{world.origin}/{count}")
    return Turn(moved, target.needs, then=screen)


def proceed(flow: Flow, world: World, turn: Turn, facts: Mapping[str, Any], then: str | None = None) -> Turn:
    """The shell performed `turn.request` and answers with facts; `then` overrides where the turn leads."""
    state = replace(turn.state, facts={**turn.state.facts, **facts})
    target = then or turn.then
    if target == state.screen:  # a question asked on entering: now it can be shown
        return Turn(state)
    return enter(flow, world, state, target)


def step(flow: Flow, world: World, state: State, typed: str) -> Turn:
    """The citizen sent `typed` on `state.screen`. What means nothing there shows the same screen with a hint."""
    screen, key = flow[state.screen], typed.strip()
    if isinstance(screen, End):
        return _turn_page(state) if fit.MORE in state.shown else enter(flow, world, replace(state, trail=()), FIRST)
    if key == HOME and screen is not flow[FIRST] and screen.back:
        return enter(flow, world, replace(state, trail=()), FIRST)
    if key == BACK and screen.back:
        return _wrong(state) if screen.root else _back(flow, world, state)
    if key == fit.MORE and (fit.MORE in state.shown or state.first):
        return _turn_page(state)
    if key == fit.MORE and isinstance(screen, Ask):  # pressed once too often: it is nobody's complaint
        return _wrong(state)
    if key in screen.keys and _offered(screen, Scene(world, state), key):
        return _press(flow, world, state, screen.keys[key])
    if isinstance(screen, Choose):
        return _choose(flow, world, state, screen, key)
    if isinstance(screen, Ask):
        return _answer(flow, world, state, screen, typed)
    return _wrong(state)


def render(
    flow: Flow, world: World, state: State, values: Callable[[Scene], Mapping[str, Any]], first: bool = False
) -> Shown:
    """Draw the screen of `state` within the network's limit; `first`: it is the first one of its session."""
    screen, scene = flow[state.screen], Scene(world, state)
    octets = min(world.octets, world.first_octets or world.octets) if first else world.octets
    options = screen.options(scene) if isinstance(screen, Choose) else ()
    page = drawing.page(_sheet(screen, scene, options, values(scene)), state.first, octets)
    numbered = [(str(place), option) for place, option in enumerate(options[page.begins : page.ends], 1)]
    shown = {key: option.code for key, option in _keyed(options) or numbered}
    if page.ends:
        shown[fit.MORE] = str(page.ends)
    return Shown(page.text, isinstance(screen, End) and not page.ends, replace(state, first=page.begins, shown=shown))


def _sheet(screen: Screen, scene: Scene, options: Sequence[Option], values: Mapping[str, Any]) -> Sheet:
    """What stands on a screen. The keys under a numbered list or a text to read stand on each of its pages."""
    title, more, hint = _words(screen.title, scene), scene.say("More"), scene.say(scene.state.hint)
    if isinstance(screen, End):
        return Sheet(title, values, more=more)
    keyed = [(key, option.label) for key, option in _keyed(options)]
    listed = [] if keyed else [option.label for option in options]
    keys = [(key, _words(one.label, scene)) for key, one in screen.keys.items() if _offered(screen, scene, key)]
    back = [(BACK, scene.say("Back"))] if screen.back and not screen.root else []
    text = _body(screen.body, scene, values) if isinstance(screen, Read) else ""
    if listed or text:
        return Sheet(title, values, text, listed=listed, tail=[*keys, *back], more=more, hint=hint)
    instead = isinstance(screen, Choose)
    return Sheet(title, values, lines=[*keyed, *keys], tail=back, more=more, hint=hint, hint_only=instead)


def _keyed(options: Sequence[Option]) -> Sequence[tuple[str, Option]]:
    """Options whose keys never change; none of a list that is numbered anew on each page."""
    if not any(option.key for option in options):
        return ()
    return [(option.key or str(place), option) for place, option in enumerate(options, 1)]


def _body(body: Words, scene: Scene, values: Mapping[str, Any]) -> str:
    return scene.say(body).format_map(values) if isinstance(body, str) else body(scene)


def _words(words: Words, scene: Scene) -> str:
    return scene.say(words if isinstance(words, str) else words(scene))


def _offered(screen: Menu | Choose | Ask | Read, scene: Scene, key: str) -> bool:
    return screen.when is None or screen.when(scene, key)


def _back(flow: Flow, world: World, state: State) -> Turn:
    *rest, last = state.trail or (FIRST,)
    return enter(flow, world, replace(state, trail=tuple(rest)), last)


def _wrong(state: State) -> Turn:
    return Turn(replace(state, hint=say("Not on the list.")))


def _turn_page(state: State) -> Turn:
    begins = state.shown.get(fit.MORE)
    return _wrong(state) if begins is None else Turn(replace(state, first=int(begins or 0), hint=""))


def _press(flow: Flow, world: World, state: State, key: Key) -> Turn:
    pressed = replace(state, draft=key.after(Scene(world, state))) if key.after else state
    return _leave(flow, world, pressed, key.then, key.request)


def _choose(flow: Flow, world: World, state: State, screen: Choose, key: str) -> Turn:
    code = state.shown.get(key)
    if not code:
        return _wrong(state)
    return _take(flow, world, state, screen, code)


def _answer(flow: Flow, world: World, state: State, screen: Ask, typed: str) -> Turn:
    hint = screen.suits(typed)
    return Turn(replace(state, hint=hint)) if hint else _take(flow, world, state, screen, typed)


def _take(flow: Flow, world: World, state: State, screen: Choose | Ask, value: str) -> Turn:
    """Store what was chosen or typed, and go on."""
    taken = replace(state, draft={**state.draft, screen.stores: value})
    if screen.after:
        taken = replace(taken, draft=screen.after(Scene(world, taken)))
    return _leave(flow, world, taken, screen.then, screen.request)


def _leave(flow: Flow, world: World, state: State, then: Target, request: str | None) -> Turn:
    """Go on to the next screen; one comes back with 0, unless something was done in between."""
    target = then if isinstance(then, str) else then(Scene(world, state))
    if request:
        return Turn(replace(state, trail=(), hint=""), request, acts=True, then=target)
    trail = state.trail if flow[state.screen].root else (*state.trail, state.screen)
    return enter(flow, world, replace(state, trail=trail), target)
