"""Languages: which there are, how they fall back, and their texts.

Catalogues are gettext .po files, read as they are (no compile step to forget); the message id is the English sentence.
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

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER: Final = Path(__file__).parent
SOURCE: Final = "en"  # the language that the texts in the code are written in


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the registry `languages.toml`."""

    code: str
    name: str  # as its speakers call it
    fallback: str | None
    reviewed: bool  # a native speaker has read every text
    also: tuple[str, ...] = ()  # what else people call it, in small letters


@cache
def registry() -> Mapping[str, Language]:
    """Every language by its code, in the order of the menu."""
    table = tomllib.loads((FOLDER / "languages.toml").read_text(encoding="utf-8"))
    return {
        code: Language(code, row["name"], row.get("fallback"), row.get("reviewed", False), tuple(row.get("also", ())))
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
    catalogue = _catalogue(FOLDER / code / "LC_MESSAGES" / "messages.po")
    catalogue.add_fallback(translations(language.fallback or SOURCE))
    return catalogue


def say(message: str) -> str:
    """Marks an English text for translation where it is written; it is translated where it is shown."""
    return message


def _catalogue(path: Path) -> NullTranslations:
    with path.open("rb") as source:
        po = read_po(source)
    compiled = BytesIO()
    write_mo(compiled, po, use_fuzzy=True)
    compiled.seek(0)
    return GNUTranslations(compiled)
