"""Catalogues as translators keep them: what texts there are, how far each language is, and who has reviewed what.

Babel reads the texts out of the code and merges them into the .po files. In these, beside gettext's own marks:

    #. SMS received                           where the text is used, and notes for translators from the code
    # reviewed by Wanjirũ Kamau, 2026-12-01   a speaker stands for this text
    #, fuzzy                                  nobody does yet; it is shown all the same
    #, weak                                   a placeholder for translators; citizens see the fallback's text
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import IO, Final, NamedTuple

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

import locales
from locales import SOURCE, WEAK, registry

UNREVIEWED: Final = "fuzzy"
REFERENCE: Final = "sw"  # complete at any time (a house test), so its catalogue lists every text there is
ALWAYS: Final = (SOURCE, REFERENCE)  # the languages that are offered whatever their state
ENOUGH: Final = 0.95  # of a language's texts: below that, too much would come from its fallback
SPEAKING: Final = Path(__file__).parents[1] / "menus"  # the room whose texts citizens read
TAG: Final = "Translators:"  # a comment in the code that begins so is for them

_REVIEW: Final = re.compile(r"reviewed by (.+), (\d{4}-\d\d-\d\d)")
_HEADER: Final = """{name}: the texts of Mlango.
Marks: `fuzzy` = a draft that no speaker has reviewed; `weak` = a placeholder for translators that is never shown."""


class Review(NamedTuple):
    """Who stands for a text, and since which day (ISO)."""

    name: str
    day: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a language is: how many texts there are, how many it has (weak ones are none), how many are reviewed."""

    texts: int = 0
    there: int = 0
    reviewed: int = 0

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(self.texts + other.texts, self.there + other.there, self.reviewed + other.reviewed)

    @property
    def complete(self) -> float:
        """The share of the texts that are there, from 0 to 1."""
        return self.there / self.texts if self.texts else 1.0

    @property
    def reviewed_share(self) -> float:
        return self.reviewed / self.texts if self.texts else 1.0


NOTHING: Final = Coverage()


def offered(unreviewed: bool, beside: Callable[[str], Coverage] = lambda _: NOTHING) -> tuple[str, ...]:
    """The languages that citizens may choose, in the order of the registry.

    English and Swahili always; another where nearly all texts are there and reviewed, or, with `unreviewed`, there.
    `beside` counts the texts that no catalogue has: those of the pack.
    """
    return tuple(code for code in registry() if code in ALWAYS or _is_ready(code, unreviewed, beside))


def _is_ready(code: str, unreviewed: bool, beside: Callable[[str], Coverage]) -> bool:
    if registry()[code].template:
        return False
    found = coverage(code) + beside(code)
    return found.complete >= ENOUGH and (unreviewed or found.reviewed_share >= ENOUGH)


def coverage(code: str) -> Coverage:
    """How far the catalogue of a language is. English is the source: all of it is there, and stands as it is."""
    every = _messages(REFERENCE)
    if code == SOURCE:
        return Coverage(len(every), len(every), len(every))
    good = [message for english, message in _messages(code).items() if english in every and is_shown(message)]
    return Coverage(len(every), len(good), sum(review(message) is not None for message in good))


def is_shown(message: Message) -> bool:
    """Whether citizens see this translation."""
    return bool(message.string) and WEAK not in message.flags


def review(message: Message) -> Review | None:
    """Who has reviewed a translation, if anybody has."""
    found = next(filter(None, map(_REVIEW.fullmatch, message.user_comments)), None)
    return Review(found[1], found[2]) if found and UNREVIEWED not in message.flags else None


def word(message: Message, words: str, by: Review | None = None, *, weak: bool = False) -> None:
    """Set a translation and say who stands for it: without anybody, it is a draft."""
    message.string = words
    message.user_comments = [line for line in message.user_comments if not _REVIEW.fullmatch(line)]
    message.flags -= {UNREVIEWED, WEAK}
    if by:
        message.user_comments.append(f"reviewed by {by.name}, {by.day}")
    elif words:
        message.flags |= {WEAK} if weak else {UNREVIEWED}


def extracted() -> Catalog:
    """Every text that the code marks with `say(…)`, with the modules that say it and their notes for translators."""
    found = Catalog(charset="utf-8")
    for file, line, text, notes, _ in _everything_said():
        found.add(text, locations=[(f"{SPEAKING.name}/{file}", line)], auto_comments=notes)
    return found


@cache
def _everything_said() -> tuple[tuple[str, int, str | tuple[str, ...], list[str], str | None], ...]:
    """As Babel finds it; the code does not change while it runs."""
    method = [("**.py", f"{__name__}:said")]
    return tuple(extract_from_dir(SPEAKING, method_map=method, keywords={"say": None}, comment_tags=[TAG]))


def said(
    source: IO[bytes], keywords: Collection[str], tags: Collection[str], **_: object
) -> Iterator[tuple[int, str, str, list[str]]]:
    """What Babel reads the texts of a module with: one text for each call of `say` with a literal.

    Babel's own reader takes `say(words["kind"])` for a text, too.
    """
    code = source.read().decode()
    calls = sorted((node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)), key=lambda c: c.lineno)
    for call in calls:
        match call:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=str(text))]):
                if name in keywords:
                    yield call.lineno, name, text, _notes(code.splitlines()[: call.lineno - 1], tags)


def _notes(before: list[str], tags: Collection[str]) -> list[str]:
    """The comment right above a line, where it is meant for translators."""
    comments = []
    for line in reversed(before):
        if not line.strip().startswith("#"):
            break
        comments.append(line.strip("# "))
    note = " ".join(reversed(comments))
    return [note.removeprefix(tag).strip() for tag in tags if note.startswith(tag)]


def merged(code: str, texts: Catalog, uses: Mapping[str, Iterable[str]] | None = None) -> Catalog:
    """The catalogue of a language with exactly `texts`: what is gone from the code is dropped, what is new is empty.

    `uses` says where a text stands, for translators. Where a text looks like one that was there before, the
    translation of that one is proposed: as weak, so that a speaker decides and no citizen reads it before.
    """
    catalogue = locales.read(code) if locales.path(code).exists() else _new(code)
    catalogue.update(texts, update_creation_date=False)
    catalogue.obsolete.clear()
    for message in catalogue:
        if message.previous_id:
            word(message, str(message.string), weak=True)
        message.auto_comments = [*(uses or {}).get(str(message.id), ()), *message.auto_comments]
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """The .po file of a catalogue, the same for the same texts."""
    po = BytesIO()
    write_po(po, catalogue, width=120, include_lineno=False)
    return po.getvalue()


def write(code: str, catalogue: Catalog) -> bool:
    """Put a catalogue in its place; whether anything changed."""
    file, content = locales.path(code), written(catalogue)
    if file.exists() and file.read_bytes() == content:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    locales.translations.cache_clear()
    return True


def _new(code: str) -> Catalog:
    """An empty catalogue. Babel need not know the language: unknown ones have a code all the same."""
    return Catalog(
        locale=code,
        header_comment="\n".join(f"# {line}" for line in _HEADER.format(name=registry()[code].name).splitlines()),
        project="Mlango",
        version="1",
        last_translator="see each text",
        language_team=registry()[code].name,
        msgid_bugs_address="see the README",
        charset="utf-8",
        fuzzy=False,
    )


def _messages(code: str) -> dict[str, Message]:
    if not locales.path(code).exists():
        return {}
    return {str(message.id): message for message in locales.read(code) if message.id}
