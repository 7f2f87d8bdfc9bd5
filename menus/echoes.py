"""Our own SMS, come back: from another service like this one, from a phone that answers by itself, or forwarded. Pure.

Who answers an answer begins a conversation of machines. So a text that is nothing but one of our texts, in any language
there is, is known by the words between its values: two such services never say a third word to each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from string import Formatter
from typing import Final, NamedTuple
from unicodedata import combining, normalize

from locales import registry, translations
from menus.messages import TEMPLATES
from packs.model import Pack

_LONGEST: Final = 120  # words; ours have fewer, also with an officer's note and what a machine puts around
_FEWEST: Final = 2  # words of its own by which a text is known
_WIDEST: Final[Mapping[str, int]] = {"service": 2, "list": 21}  # words of a value
_WIDE: Final = 5
# What machines and phones put around a text that they answer or send on; anything more is somebody's own word
_AROUND: Final = frozenset(
    "auto automatic autoreply reply response message msg sms text your you to re fw fwd forwarded received thank "  # noqa: SIM905  a list of them fills a screen
    "thanks for we have the of from jibu la otomatiki ujumbe wako umepokelewa asante kwa".split()
)
_VALUE: Final = "\ue000"  # stands for a value while a text of ours is cut into words
_WORD: Final = re.compile(rf"(?:[^\W_]|{_VALUE})+")
_APOSTROPHE: Final = re.compile(r"['’ʼ`]")
_CASE_NUMBER: Final = re.compile(r" [0-9]{3} [0-9]{3} [0-9]{3} ")


class _Form(NamedTuple):
    """A text of ours: what stands between its values, the values it opens with, and whether it ends in one."""

    fixed: tuple[str, ...]  # " complaint ", " received ", " sent to ", …
    opening: tuple[str, ...]
    ends_open: bool


def is_echo(text: str, pack: Pack) -> bool:
    """Whether `text` says nothing but what we say, with any values in it."""
    said = _words(text)
    if len(said) > _LONGEST:
        return False
    line = f" {' '.join(said)} "
    return any(_is_all_of(line, form) for anchor, form in _forms(pack) if anchor in line)


def _is_all_of(line: str, form: _Form) -> bool:
    """Found as near to its end as can be, then as near to its beginning: what is left over is not ours."""
    end = 1
    for part in form.fixed:
        start = line.find(part, end - 1)
        if start < 0:
            return False
        end = start + len(part)
    begin = end
    for part in reversed(form.fixed):
        begin = line.rfind(part, 0, begin) + 1
    before = _without_values(line[:begin], form.opening)
    after = [] if form.ends_open else line[end:].split()
    return _AROUND.issuperset([*before, *after])


def _without_values(before: str, opening: Sequence[str]) -> Sequence[str]:
    """The words before the values that a text of ours opens with."""
    numbers = list(_CASE_NUMBER.finditer(before)) if "ref" in opening else []
    if numbers:
        before, opening = before[: numbers[-1].start()], opening[: opening.index("ref")]
    words = before.split()
    return words[: max(0, len(words) - sum(_WIDEST.get(name, _WIDE) for name in opening))]


@lru_cache(maxsize=2)
def _forms(pack: Pack) -> tuple[tuple[str, _Form], ...]:
    """Every text of ours with the longest of its fixed parts, by which it is quickly looked for."""
    forms = {form for text in _texts(pack) if (form := _form(text))}
    return tuple((max(form.fixed, key=len), form) for form in sorted(forms, key=str))


def _texts(pack: Pack) -> Iterator[str]:
    """The house's own in every language there is, spoken here or not, and the pack's."""
    for language in registry():
        yield from map(translations(language).gettext, TEMPLATES.values())
    for scopes in pack.messages.values():
        for words in scopes.values():
            yield from words.values()


def _form(text: str) -> _Form | None:
    """None for a text with too few words of its own to be known by."""
    parts = list(Formatter().parse(text))
    words = _words("".join(literal + (_VALUE if name else "") for literal, name, *_ in parts))
    runs = [(is_value, list(run)) for is_value, run in groupby(words, lambda word: _VALUE in word)]
    fixed = tuple(f" {' '.join(run)} " for is_value, run in runs if not is_value)
    if len("".join(fixed).split()) < _FEWEST:
        return None
    (opens, first), (ends_open, _) = runs[0], runs[-1]
    values = [name for _, name, *_ in parts if name]
    return _Form(fixed, tuple(values[: "".join(first).count(_VALUE)]) if opens else (), ends_open)


def _words(text: str) -> list[str]:
    """Without case, marks, signs and apostrophes, in every script: what the air and a keyboard change about a text."""
    bare = "".join(c for c in normalize("NFKD", text.casefold()) if not combining(c))
    return _WORD.findall(_APOSTROPHE.sub("", bare))
