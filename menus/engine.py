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
from menus import fit
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
    octets: int
    service: str
    code: str  # what to dial: *384*96#
    short: str  # where to text
    languages: tuple[str, ...] = ("en", "sw")
    near: Place | None = None  # the citizen's last place
    free: bool = False  # the county pays the session, the citizen nothing
    origin: str = ""  # names this session; drafts begun in it are numbered under this name


@dataclass(frozen=True, slots=True)
class State:
    """Where a citizen is in the menus; plain data, stored sealed between hops."""

    screen: str
    draft: Draft = field(default_factory=dict)  # what they chose, by field
    draft_id: str = ""  # carried along when the draft is resumed elsewhere: one draft makes one case
    drafts: int = 0  # how many were begun in this session
    facts: Mapping[str, Any] = field(default_factory=dict)  # what the shell told, as JSON-able values
    shown: Mapping[str, str] = field(default_factory=dict)  # key → option code, as they saw it
    page: int = 0
    trail: tuple[str, ...] = ()  # where 0 leads, nearest last
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
        return translations(self.world.language).gettext(message)


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

    label: str
    then: Target
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Menu:
    """A question whose keys lead to different places."""

    title: Words
    keys: Mapping[str, Key]
    needs: str | None = None
    back: bool = True
    root: bool = False  # nothing lies behind it: 0 does not lead further back
    fresh: bool = False  # entering it begins a new draft
    opens: Callable[[Scene], Draft] | None = None  # the draft as it is on entering
    when: Callable[[Scene, str], bool] | None = None  # which keys are offered


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
    opens: Callable[[Scene], Draft] | None = None


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
    opens: Callable[[Scene], Draft] | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The last screen of a session."""

    title: Words
    needs: str | None = None
    fresh: bool = False
    opens: Callable[[Scene], Draft] | None = None


Screen = Menu | Choose | Ask | End
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
    moved = replace(state, screen=screen, page=0, shown={}, hint="")
    if target.fresh:
        count = state.drafts + 1
        moved = replace(moved, draft={}, facts={}, drafts=count, draft_id=f"{world.origin}/{count}")
    if target.opens:
        moved = replace(moved, draft=target.opens(Scene(world, moved)))
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
        return enter(flow, world, replace(state, trail=()), FIRST)
    if key == HOME and screen is not flow[FIRST] and screen.back:
        return enter(flow, world, replace(state, trail=()), FIRST)
    if key == BACK and screen.back and not screen.root:
        return _back(flow, world, state)
    if key == fit.MORE and fit.MORE in state.shown:
        return Turn(replace(state, page=state.page + 1, hint=""))
    if key in screen.keys and _offered(screen, Scene(world, state), key):
        return _press(flow, world, state, screen.keys[key])
    if isinstance(screen, Choose):
        return _choose(flow, world, state, screen, key)
    if isinstance(screen, Ask):
        return _answer(flow, world, state, screen, typed)
    return Turn(replace(state, hint=say("Not on the list.")))


def render(flow: Flow, world: World, state: State, values: Callable[[Scene], Mapping[str, Any]]) -> Shown:
    """Draw the screen of `state` within the network's limit."""
    screen, scene = flow[state.screen], Scene(world, state)
    if isinstance(screen, End):
        text = fit.fill(_words(screen.title, scene), values(scene), lambda whole: fit.fits(whole, world.octets))
        return Shown(text, True, state)
    fixed = [(key, scene.say(one.label)) for key, one in screen.keys.items() if _offered(screen, scene, key)]
    back = [(BACK, scene.say("Back"))] if screen.back and not screen.root else []
    options = list(screen.options(scene)) if isinstance(screen, Choose) else []
    title = _title(screen, scene, values(scene), [*fixed, *back] if not options else back)
    lines, shown = _lines(options, scene, title, [*fixed, *back])
    return Shown(fit.draw(title, lines), False, replace(state, shown=shown))


def _lines(
    options: Sequence[Option], scene: Scene, title: str, extra: Sequence[fit.Line]
) -> tuple[list[fit.Line], dict[str, str]]:
    """The lines under the title, and what their keys mean."""

    def room(lines: Sequence[fit.Line]) -> bool:
        return fit.fits(fit.draw(title, lines), scene.world.octets)

    named = [(option.key, option.label) for option in options if option.key]
    if named and room([*named, *extra]):
        return [*named, *extra], {option.key: option.code for option in options if option.key}
    more = scene.say("More")
    paged = fit.pages([option.label for option in options], extra, more, room)
    page = min(scene.state.page, len(paged) - 1)
    lines, shown = [], {}
    for place, index in enumerate(paged[page], 1):
        key = options[index].key or str(place)
        lines.append((key, options[index].label))
        shown[key] = options[index].code
    if page < len(paged) - 1:
        lines.append((fit.MORE, more))
        shown[fit.MORE] = ""
    return [*lines, *extra], shown


def _title(screen: Menu | Choose | Ask, scene: Scene, values: Mapping[str, Any], under: Sequence[fit.Line]) -> str:
    """The title with its values; a hint stands above it where there is room, else in its place."""

    def suits(whole: str) -> bool:
        return fit.fits(fit.draw(whole, under), scene.world.octets)

    title = fit.fill(_words(screen.title, scene), values, suits)
    if not scene.state.hint:
        return title
    hint = scene.say(scene.state.hint)
    both = f"{hint}\n{title}"
    return both if suits(both) and not isinstance(screen, Choose) else hint


def _words(words: Words, scene: Scene) -> str:
    return scene.say(words if isinstance(words, str) else words(scene))


def _offered(screen: Menu | Choose | Ask, scene: Scene, key: str) -> bool:
    return not isinstance(screen, Menu) or screen.when is None or screen.when(scene, key)


def _back(flow: Flow, world: World, state: State) -> Turn:
    *rest, last = state.trail or (FIRST,)
    return enter(flow, world, replace(state, trail=tuple(rest)), last)


def _press(flow: Flow, world: World, state: State, key: Key) -> Turn:
    return _leave(flow, world, state, key.then, key.request)


def _choose(flow: Flow, world: World, state: State, screen: Choose, key: str) -> Turn:
    code = state.shown.get(key)
    if not code:
        return Turn(replace(state, hint=say("Not on the list.")))
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
    trail = state.trail if flow[target] is flow[state.screen] else (*state.trail, state.screen)
    return enter(flow, world, replace(state, trail=trail), target)
