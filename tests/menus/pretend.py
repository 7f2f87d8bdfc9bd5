"""A shell without database for the pure engine: it answers every request with facts as the real one would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cases.notices import WIDEST
from locales.gsm7 import septets
from menus import engine
from menus.engine import Shown, State, Turn, World
from menus.screens import FLOW
from menus.screens.home import ASKING
from menus.values import STATUS_WORDS, Names, ScreenValues
from packs.model import Pack
from packs.places import place_index

Outcome = tuple[Mapping[str, Any], str | None]  # facts, and another screen than planned

LONG_REF: Final = "888888888"


def world(
    pack: Pack, language: str = "en", octets: int = 140, near: str | None = None, service: str = "Mlango"
) -> World:
    return World(
        pack=pack,
        places=place_index(pack),
        language=language,
        octets=octets,
        service=service,
        code="*384*9600#",
        short="38496",
        near=pack.places[near] if near else None,
        origin="net:session/1",
    )


def widest(words: Mapping[str, str]) -> str:
    """The key of the widest text."""
    return max(words, key=lambda key: septets(words[key]) or 0)


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
        "said": "W" * 160,
        "n": 99_999,
    }


def outcomes(turn: Turn, facts: Mapping[str, Any]) -> list[Outcome]:
    """What may come of a request."""
    unnamed = {**facts, "sub": None, "place": None, "open": False}
    cases = [{"id": str(n), "ref": LONG_REF, "sub": facts["sub"], "state": facts["state"]} for n in range(20)]
    by_request: dict[str, list[Outcome]] = {
        "news": list(_news(facts)),
        "my_cases": [({"cases": cases}, None), ({"cases": []}, None), ({"cases": [{**cases[0], "sub": None}]}, None)],
        "case": [(facts, None), (unnamed, None), *_decided(facts), *_decided(unnamed), ({}, "check_none")],
        "same": _same(turn.state, facts),
        "set_language": [({}, None)],
        "lodge": [(facts, None), ({**facts, "stopped": True}, None)],
        "follow": [(facts, None), ({**facts, "stopped": True}, None)],
        "add_words": [({}, None), ({}, "closed_now")],
        "add_to_case": [({}, None), ({}, "closed_now")],
        "answer": [({}, None), ({}, "closed_now")],
        "fixed": [({}, None), ({}, "changed_now")],
        "rate": [({}, None), ({}, "changed_now")],
        "reopen": [(facts, None), (facts, "appeal"), (facts, "too_late"), ({}, "changed_now")],
        "appeal": [(facts, None), ({**facts, "appealed": True}, "too_late"), ({}, "changed_now")],
    }
    assert turn.request, "there is no request"
    return by_request[turn.request]


def _news(facts: Mapping[str, Any]) -> Iterator[Outcome]:
    """A case, one that asks something of its citizen, or none; with a notice and without."""
    for case in (facts, *({**facts, "state": state} for state in ASKING), {}):
        yield {**case, "banner": None}, None
        yield {**case, "banner": "W" * WIDEST}, None


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


def settled(here: World, turn: Turn, facts: Mapping[str, Any]) -> Iterator[State]:
    """Every state that a turn may come to rest in."""
    if not turn.request:
        yield turn.state
        return
    for told, then in outcomes(turn, facts):
        yield from settled(here, engine.proceed(FLOW, here, turn, told, then), facts)


def render(here: World, state: State) -> Shown:
    return engine.render(FLOW, here, state, ScreenValues)


def keys(shown: Shown) -> list[str]:
    """The keys that a screen offers, top to bottom."""
    heads = (line.partition(". ")[0] for line in shown.text.split("\n"))
    return [head for head in heads if head.isdigit()]


def starts(facts: Mapping[str, Any], sub: str) -> list[State]:
    """Where a session may begin: at home, at the first question, or where an earlier one dropped."""
    draft = {"category": "water", "sub": sub, "place": facts["place"]}
    resumed = {"resume_at": "confirm", "resume_of": "row"}
    return [
        State("language_first"),
        State("home"),
        State("resume", draft=draft, facts=resumed, trail=("category", "sub")),
        State("resume_add", draft=draft, facts={**facts, **resumed}, trail=("category", "sub")),
    ]
