"""Where the conversation's texts are read, so that a translator knows what each is for: screen, key, SMS, state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from types import CodeType, FunctionType
from typing import Any, Final

from menus import engine
from menus.engine import Screen
from menus.messages import TEMPLATES
from menus.screens import FAULTS, FLOW
from menus.values import STATUS_WORDS

_ROOM: Final = "menus"


def uses(texts: Collection[str]) -> Mapping[str, list[str]]:
    """Text → the places where it is read, in the order of the flow."""
    known, found = frozenset(texts), defaultdict[str, list[str]](list)
    for text, place in _uses(known):
        if place not in found[text]:
            found[text].append(place)
    return found


def _uses(known: frozenset[str]) -> Iterator[tuple[str, str]]:
    yield from ((text, f"SMS “{name}”") for name, text in TEMPLATES.items())
    yield from ((text, f"how a complaint stands: {state}") for state, text in STATUS_WORDS.items())
    yield from ((text, f"last screen after a fault: {name}") for name, text in FAULTS.items())
    for function in filter(lambda one: isinstance(one, FunctionType), vars(engine).values()):
        yield from ((text, "any screen") for text in _said_by(function, known, set()))
    for name, screen in FLOW.items():
        for part, words in _parts(screen):
            yield from ((text, f"screen “{name}”, {part}") for text in _said(words, known))


def _parts(screen: Screen) -> Iterator[tuple[str, Any]]:
    """What a screen shows: texts, and functions that choose one."""
    for field in fields(screen):
        if field.name == "keys":
            yield from ((f"key {key}", one.label) for key, one in getattr(screen, field.name).items())
        else:
            yield {"suits": "when the input does not do"}.get(field.name, field.name), getattr(screen, field.name)


def _said(words: Any, known: frozenset[str]) -> Iterator[str]:
    if isinstance(words, str) and words in known:
        yield words
    elif isinstance(words, FunctionType):
        yield from _said_by(words, known, set())


def _said_by(function: FunctionType, known: frozenset[str], seen: set[CodeType]) -> Iterator[str]:
    """The texts in a function of the conversation and in those that it calls."""
    if not function.__module__.startswith(_ROOM) or function.__code__ in seen:
        return
    seen.add(function.__code__)
    for code in _nested(function.__code__):
        yield from _among(code.co_consts, known)
        for named in filter(None, map(function.__globals__.get, code.co_names)):
            if isinstance(named, FunctionType):
                yield from _said_by(named, known, seen)
            else:
                yield from _among(named, known)


def _among(value: object, known: frozenset[str]) -> Iterator[str]:
    """The texts in a constant or in a table of them."""
    match value:
        case str():
            yield from known.intersection([value])
        case Mapping():
            yield from _among(tuple(value.values()), known)
        case tuple() | frozenset():
            for one in value:
                yield from _among(one, known)


def _nested(code: CodeType) -> Iterator[CodeType]:
    """A function's code and that of the functions within."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)
