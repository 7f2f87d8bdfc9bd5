"""Languages: which there are, how they fall back, and their texts.

Catalogues are gettext .po files, read as they are (no compile step to forget); the message id is the English sentence.
Two marks say how good a text is: `fuzzy`, no speaker has reviewed it; `weak`, a placeholder that only translators see.
The registry is our own, so that a language needs no entry in any library's list of locales.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER: Final = Path(__file__).parent
SOURCE: Final = "en"  # the language that the texts in the code are written in
WEAK: Final = "weak"  # the mark of a text that must not be shown


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the registry `languages.toml`."""

    code: str
    name: str  # as its speakers call it
    fallback: str | None
    also: tuple[str, ...] = ()  # what else people call it, in small letters
    script: str = "Latin"  # what its letters are called in Unicode; any but Latin takes UCS-2 on the air
    template: bool = False  # for translators to begin with, never offered


@cache
def registry() -> Mapping[str, Language]:
    """Every language by its code, in the order of the menu."""
    table = tomllib.loads((FOLDER / "languages.toml").read_text(encoding="utf-8"))
    return {
        code: Language(code, **{"fallback": None, **row, "also": tuple(row.get("also", ()))})
        for code, row in table.items()
    }


def language_called(word: str, offered: Iterable[str]) -> str | None:
    """The code of the offered language that a citizen calls `word` ("SW", "kiswahili"), or None."""
    wanted = word.strip().lower()
    for code in offered:
        language = registry()[code]
        if wanted in (code, language.name.lower(), *language.also):
            return code
    return None


def fallbacks(code: str) -> Iterator[str]:
    """The languages to try for a text, the wanted one first; English last."""
    language = registry().get(code)
    while language:
        yield language.code
        language = registry().get(language.fallback or "")


@cache
def translations(code: str) -> NullTranslations:
    """The texts of a language; what it lacks comes from its fallback, at the end from English."""
    language = registry().get(code)
    if language is None or code == SOURCE:
        return NullTranslations()
    catalogue = GNUTranslations(BytesIO(compiled(code))) if path(code).exists() else NullTranslations()
    catalogue.add_fallback(translations(language.fallback or SOURCE))
    return catalogue


def say(message: str) -> str:
    """Marks an English text for translation where it is written; it is translated where it is shown."""
    return message


def path(code: str) -> Path:
    """Where the catalogue of a language is."""
    return FOLDER / code / "LC_MESSAGES" / "messages.po"


def read(code: str) -> Catalog:
    """The catalogue of a language as its file says. OSError or PoFileError where it cannot be read."""
    with path(code).open("rb") as source:
        return read_po(source, abort_invalid=True)


def compiled(code: str) -> bytes:
    """What citizens see of a catalogue, as a gettext .mo file: everything but what is missing or weak."""
    catalogue = read(code)
    for message in [message for message in catalogue if WEAK in message.flags]:
        catalogue.delete(message.id)
    mo = BytesIO()
    write_mo(mo, catalogue, use_fuzzy=True)
    return mo.getvalue()
