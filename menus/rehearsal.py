"""A shell without database for the pure engine: it answers every request with facts as the real one would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from itertools import islice
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from cases.lifecycle import Action
from locales.gsm7 import septets
from menus import engine
from menus.drafts import SECRECY, tells_of_danger
from menus.engine import Choose, Flow, Scene, Screen, Shown, State, Turn, World
from menus.fit import BUDGETS
from menus.screens import FLOW
from menus.screens.home import ASKING, BLOCKED
from menus.values import HISTORY, STATUS_WORDS, Names, ScreenValues
from packs.model import COUNTY_GOVERNMENT, URGENT, Pack, SubCategory, text
from packs.places import fold, label, place_index
from sms_gateway.encoding import plain, ussd_units
from sms_gateway.keywords import VOCABULARY

P = ParamSpec("P")
T = TypeVar("T")
Outcome = tuple[Mapping[str, Any], str | None]  # facts, and another screen than planned

LONG_REF: Final = "888888888"
LONG_TEXT: Final = "W" * 160
WIDEST_SERVICE: Final = "M" * BUDGETS["service"]
CODE: Final = "*384*9600#"
LODGES: Final = frozenset({"lodge"})  # requests that make a case
_CASE: Final = "case-"  # begins the ids of the pretended cases
NOWHERE: Final = "qqqqqq"  # a text that names nothing
_TYPED: Final = ("no water since Monday", LONG_TEXT, "\u1230\u120b\u121d", "?", "482915633", "4829", NOWHERE)
# The fields of a draft that decide which screens follow
DECIDE: Final = frozenset({"category", "sub", "place", "secret", "who", "more", "topic", "faq"})
_TOPICS: Final = frozenset({"topic", "faq"})  # each leads to words of its own
_NAMING: Final = frozenset({"code", "category", "key", "name", "calendar"})  # of a sub-category, what only names it
_LONG: Final = 40
_LETTERS: Final = 3  # of a place name that citizens type


def _once_a_pack(find: Callable[Concatenate[Pack, P], T]) -> Callable[Concatenate[Pack, P], T]:
    """Remembers what was found in the pack asked of last. To a cache, two packs that are equal take long to compare."""
    kept: dict[Any, tuple[Pack, T]] = {}

    def found(pack: Pack, /, *args: P.args, **kwargs: P.kwargs) -> T:
        held = kept.get(args)
        if held is None or held[0] is not pack:
            held = kept[args] = (pack, find(pack, *args, **kwargs))
        return held[1]

    return found


def world(
    pack: Pack, language: str = "en", octets: int = 140, near: str | None = None, service: str = "Mlango"
) -> World:
    return World(
        pack=pack,
        places=place_index(pack),
        language=language,
        octets=octets,
        service=service,
        code=CODE,
        short="38496",
        near=pack.places[near] if near else None,
        origin="net:session/1",
    )


def widest(words: Mapping[str, str]) -> str:
    """The key of the widest text."""
    return max(words, key=lambda key: ussd_units(plain(words[key])))


def widest_facts(pack: Pack, language: str) -> dict[str, Any]:
    """A case that takes as much room as any can."""
    names = Names(pack, language)
    return {
        "id": "c" * 32,
        "ref": LONG_REF,
        "sub": widest({code: names.sub(code) for code in pack.subs}),
        "place": widest({code: names.place(code) for code in pack.places}),
        "agency": widest({code: names.agency(code) for code in pack.agencies}),
        "state": widest({state: names.status(state) for state in STATUS_WORDS}),
        "open": True,
        "date": "2026-12-28",
        "due": "2026-12-28",
        "rated": False,
        "appealed": False,
        "stopped": False,
        "said": LONG_TEXT,
        "n": 99_999,
        "secret": False,
        "restorable": True,
        "pin": "8888",
        "history": [
            {"kind": kind, "date": "2026-12-28", "agency": next(iter(pack.agencies)), "said": LONG_TEXT}
            for kind in (*HISTORY, Action.RECORD)
        ],
    }


def widest_params(pack: Pack, language: str) -> dict[str, Any]:
    """The parameters of SMS, by name, each as wide as it can be; an officer's words as long as one SMS holds them."""
    facts = widest_facts(pack, language)
    counties = {code: place.name for code, place in pack.places.items() if place.kind == "county"}
    senses = VOCABULARY.keywords.values()
    return {
        **{name: facts[name] for name in ("ref", "sub", "place", "agency")},
        **dict.fromkeys(("p1", "p2", "p3"), counties[widest(counties)]),
        "status": facts["state"],
        "date": facts["date"],
        "date2": facts["due"],
        "n": "100",
        "note": "M" * BUDGETS["note"],
        "word": widest({sense.meaning: Names(pack, language).keyword(sense.meaning) for sense in senses}),
        "list": [[LONG_REF, facts["state"]]] * 3,
    }


def outcomes(turn: Turn, facts: Mapping[str, Any]) -> list[Outcome]:
    """What may come of a request; the first is the plain course of things. KeyError for one that is not rehearsed."""
    return _OUTCOMES[turn.request or ""](turn.state, facts)


def _news(facts: Mapping[str, Any]) -> Iterator[Outcome]:
    """A case, one that asks something of its citizen, or none; with a notice and without."""
    for case in ({}, facts, *({**facts, "state": state} for state in ASKING)):
        yield {**case, "banner": None}, None
        yield {**case, "banner": "W" * BUDGETS["banner"]}, None


def _decided(facts: Mapping[str, Any]) -> Iterator[Outcome]:
    """A case that waits for its citizen or was decided; with an office's words, and without any that can be shown."""
    for said in (facts["said"], "\u1230\u120b\u121d", None):
        for screen in ("question", "solved", "closed", "rejected"):
            yield {**facts, "said": said}, screen
        yield {**facts, "said": said, "rated": True}, "closed"


def _same(state: State, facts: Mapping[str, Any]) -> list[Outcome]:
    """On the way to confirming: the same was reported before, or not. Coming back, it still was."""
    if state.screen != "confirm":
        return [(facts, None)]
    nothing = dict.fromkeys(("sub", "place", "agency"))
    return [(nothing, None), (facts, "again"), ({**facts, "open": False}, "again"), (facts, "known")]


def _case(facts: Mapping[str, Any]) -> Iterator[Outcome]:
    unnamed = {**facts, "sub": None, "place": None, "open": False}
    yield facts, None
    yield unnamed, None
    yield from _decided(facts)
    yield from _decided(unnamed)
    yield {**facts, "secret": True}, None
    yield facts, "withdrawn"
    yield unnamed, "withdrawn"
    yield {"missed": False}, "check_pin"


def _my_cases(facts: Mapping[str, Any]) -> Iterator[Outcome]:
    one = {"ref": LONG_REF, "sub": facts["sub"], "state": facts["state"]}
    yield {"cases": [{"id": f"{_CASE}{n}", **one} for n in range(20)]}, None
    yield {"cases": []}, None
    yield {"cases": [{"id": f"{_CASE}0", **one, "sub": None}]}, None


def _or_not(then: str) -> Callable[[State, Mapping[str, Any]], list[Outcome]]:
    """It works, or the case has changed meanwhile."""
    return lambda _, __: [({}, None), ({}, then)]


# Request → what may come of it, the plain course first
_OUTCOMES: Final[Mapping[str, Callable[[State, Mapping[str, Any]], list[Outcome]]]] = {
    "news": lambda _, facts: list(_news(facts)),
    "my_cases": lambda _, facts: list(_my_cases(facts)),
    "case": lambda _, facts: list(_case(facts)),
    "same": _same,
    "set_language": lambda _, __: [({}, None)],
    "lodge": lambda _, facts: [(facts, None), ({**facts, "stopped": True}, None)],
    "follow": lambda _, facts: [(facts, None), ({**facts, "stopped": True}, None)],
    "add_words": _or_not("closed_now"),
    "add_to_case": _or_not("closed_now"),
    "answer": _or_not("closed_now"),
    "fixed": _or_not("changed_now"),
    "rate": _or_not("changed_now"),
    "reopen": lambda _, facts: [(facts, None), (facts, "appeal"), (facts, "too_late"), ({}, "changed_now")],
    "unlock": lambda _, __: [({"unlocked": None}, None), ({"missed": True}, "check_pin"), ({}, "pin_locked")],
    "history": lambda _, facts: [({"history": facts["history"]}, None), ({"history": []}, None)],
    "withdraw": _or_not("changed_now"),
    "restore": lambda _, facts: [(facts, None), ({}, "too_late"), ({}, "changed_now")],
    "me": lambda _, __: [({"stopped": False}, None), ({"stopped": True}, None)],
    "turn_sms": lambda _, __: [({"stopped": True}, None), ({"stopped": False}, None)],
    "set_letters": lambda _, __: [({}, None)],
    "call_by": lambda _, facts: [({"date": facts["date"], "has_case": has}, None) for has in (True, False)],
    "call_me": lambda _, facts: [({"date": facts["date"]}, None)],
    "forget_draft": lambda _, __: [({}, None)],
    "appeal": lambda _, facts: [(facts, None), ({**facts, "appealed": True}, "too_late"), ({}, "changed_now")],
}


def settled(here: World, turn: Turn, facts: Mapping[str, Any], flow: Flow = FLOW) -> Iterator[State]:
    """Every state that a turn may come to rest in; the plain course of things first."""
    if not turn.request:
        yield turn.state
        return
    for told, then in outcomes(turn, facts):
        yield from settled(here, engine.proceed(flow, here, turn, told, then), facts, flow)


def render(here: World, state: State) -> Shown:
    return engine.render(FLOW, here, state, ScreenValues)


def widest_values(scene: Scene, facts: Mapping[str, Any]) -> ScreenValues:
    """Every placeholder's longest value, whatever the citizen chose."""
    draft = {"sub": facts["sub"], "place": facts["place"], "whole": facts["place"], "typed": LONG_TEXT}
    state = replace(scene.state, draft={**scene.draft, **draft}, facts={**scene.facts, **facts})
    values = ScreenValues(replace(scene, state=state))
    asks = {sub.code: text(sub.ask, scene.world.language) for sub in scene.world.pack.subs.values() if sub.ask}
    if asks:
        values["ask"] = asks[widest(asks)]
    return values


def texts(here: World) -> tuple[str, ...]:
    """What a citizen may type where text is asked for: words, too many of them, none, in letters that not every phone
    has, words of danger; the beginnings of place names: of one, of many, of the widest, of none."""
    return (*_TYPED, *_danger(here.pack), *_beginnings(here.pack, here.language))


def usual_texts(here: World, field: str) -> tuple[str, ...]:
    """What a citizen types: of a place or an office its first letters, with which others begin too; else words."""
    return _beginnings(here.pack, here.language)[:2] if field == "typed" else _TYPED[:1]


def kind_of(here: World, field: str, value: str) -> Any:
    """What a choice means for the way on: of a sub-category what it does, of a text only that there is one."""
    if field == "sub":
        return _traits(here.pack)[value]
    if field == "category" and value in here.pack.categories:
        return here.pack.categories[value].sensitive
    if field == "who":
        (about,) = (one.about for one in here.pack.subjects if one.code == value)
        return about if about == COUNTY_GOVERNMENT else bool(about)
    return value if field in _TOPICS else True


def means(here: World, key: str, state: State) -> Any:
    """What a key stands for on a page: itself, or the option numbered so; a place is like others of its kind."""
    code = state.shown.get(key, "")
    place = here.pack.places.get(code)
    return (place.kind, bool(here.pack.parts(place))) if place else (key, code)


def is_numbered(screen: Screen, scene: Scene) -> bool:
    """Whether it is a list whose options have no keys of their own."""
    return isinstance(screen, Choose) and any(not option.key for option in screen.options(scene))


def looks_like(value: str) -> str:
    """How a text of a citizen can differ on a screen: its letters may be outside the alphabet, or too many."""
    if septets(plain(value)) is None:
        return "foreign"
    return "long" if len(value) > _LONG else "short"


@_once_a_pack
def _traits(pack: Pack) -> Mapping[str, tuple[Any, ...]]:
    """What each sub-category does; of its texts only whether it has them."""
    told = [one.name for one in fields(SubCategory) if one.name not in _NAMING]
    return {
        code: tuple(bool(value) if isinstance(value, Mapping) else value for value in (getattr(sub, n) for n in told))
        for code, sub in pack.subs.items()
    }


@_once_a_pack
def _danger(pack: Pack) -> tuple[str, ...]:
    """Words that the pack's lexicon takes for danger, if it has any."""
    urgent = (term for term in pack.lexicon if URGENT in term.means)
    words = (" ".join(part[0].replace("*", "").replace("#", "1") for part in term.parts) for term in urgent)
    places = place_index(pack)
    return tuple(islice((one for one in words if tells_of_danger(pack, places, one)), 1))


@_once_a_pack
def _beginnings(pack: Pack, language: str) -> tuple[str, ...]:
    """Of many places, of many offices; of one place; of the one with the widest label, and all of its name."""
    offered = {code: place for code, place in pack.places.items() if not place.retired}
    names = {code: fold(place.name) for code, place in offered.items()}
    offices = [name for code, name in names.items() if offered[code].kind == "office"]
    common = Counter(name[:_LETTERS] for name in names.values())
    alone = min((name for name in names.values() if common[name[:_LETTERS]] == 1), default="")
    long = offered[widest({code: label(place, pack, language) for code, place in offered.items()})].name
    elsewhere = [name for code, name in names.items() if offered[code].kind != "office"]
    find = place_index(pack).find
    whole = (one for one in _most_common(elsewhere) if not pack.parts(find(one)[0]))
    return next(whole, ""), _most_common(offices or elsewhere)[0], alone, long[:_LETTERS], long


def _most_common(names: Iterable[str]) -> list[str]:
    """The first letters of names, those that most begin with first."""
    return [letters for letters, _ in Counter(sorted(name[:_LETTERS].strip() for name in names)).most_common()]


def keys(shown: Shown) -> list[str]:
    """The keys that a screen offers, top to bottom."""
    heads = (line.partition(". ")[0] for line in shown.text.split("\n"))
    return [head for head in heads if head.isdigit()]


def starts(facts: Mapping[str, Any], sub: str) -> list[State]:
    """Where a session may begin: at home, at the first question, or where an earlier one dropped."""
    draft = {"category": sub.partition(".")[0], "sub": sub, "place": facts["place"]}
    resumed = {"resume_at": "confirm", "resume_of": "row"}
    secret = {**draft, SECRECY: "confidential"}
    return [
        State("language_first"),
        State("home"),
        *(State(BLOCKED, facts={"unblock": dial}) for dial in (CODE, None)),
        State("resume", draft=draft, facts=resumed),
        State("resume_add", draft=draft, facts={**facts, **resumed}),
        State("resume_secret", draft=secret, facts={**resumed, "resume_at": "secret_confirm"}),
    ]
