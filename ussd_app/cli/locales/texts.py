"""All that a language has to say, wherever it is kept: the conversation's texts and the pack's, in one form.

Texts of the conversation are kept in a catalogue (locales/xx/LC_MESSAGES/messages.po), those of the pack beside its
other files (packs/ke/texts/xx.csv).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from string import Formatter
from typing import Final
from unicodedata import name as unicode_name

from babel.messages.catalog import Message

import locales
from locales import SOURCE, catalogue, registry
from locales.catalogue import Review
from locales.gsm7 import septets
from menus import fit
from menus.messages import TEMPLATES
from packs import wording
from packs.model import Pack
from packs.reading import ALWAYS
from packs.texts import SEGMENT, TWO_PARTS, WIDTHS
from packs.wording import Translation, Wording
from sms_gateway.encoding import plain, ussd_units
from ussd_app import languages
from ussd_app.cli.locales.uses import uses

# The widest a value of an SMS may be, in septets; `list` is three complaints with their states.
_WIDTHS: Final[Mapping[str, int]] = {**fit.BUDGETS, **WIDTHS, "list": 96}
_MOST_USES: Final = 3  # places that a translator is told of
_SLACK: Final = 6  # septets that even the shortest label may be wider than the English and the Swahili


@dataclass(frozen=True, slots=True)
class Text:
    """A text in one language, with what its translator must know.

    `budget` is the room for it, placeholders left out: septets, or characters in a script of UCS-2.
    """

    id: str
    english: str
    swahili: str
    context: str
    budget: int
    words: str
    by: Review | None
    weak: bool
    mistake: Callable[[str], str | None]  # what is wrong with other words in its place, as a sentence


@dataclass(frozen=True, slots=True)
class Change:
    """New words for a text, or the same with somebody who stands for them."""

    words: str
    by: Review | None


def all_texts(code: str, pack: Pack, folder: Path) -> list[Text]:
    """Every text of a language, the conversation's first. English and Swahili texts of a pack are kept by the pack."""
    return [*_of_the_conversation(code), *([] if code in ALWAYS else _of_the_pack(code, pack, folder))]


def save(code: str, pack: Pack, folder: Path, changes: Mapping[str, Change]) -> None:
    """Put new words, by id, where they belong."""
    texts = catalogue.extracted()
    merged = catalogue.merged(code, texts, uses([str(message.id) for message in texts if message.id]))
    for message in merged:
        change = changes.get(id_of(str(message.id)))
        if message.id and change:
            catalogue.word(message, change.words, change.by)
    catalogue.write(code, merged)
    known = wording.translations(folder, code) if code not in ALWAYS else {}
    kept = {one.id: _translation(changes.get(one.id), known.get(one.id)) for one in wording.wordings(pack)}
    translated = {id: one for id, one in kept.items() if one}
    if translated != known:
        wording.save(folder, code, translated)


def id_of(english: str) -> str:
    """The id of a text of the conversation: the same as long as its English is."""
    return f"text-{sha256(english.encode()).hexdigest()[:8]}"


def units(words: str, language: str) -> int:
    """How wide words are beside their placeholders: septets as they are sent, or characters where those are counted."""
    bare = plain("".join(literal for literal, *_ in Formatter().parse(words)))
    return ussd_units(bare) if registry()[language].script != "Latin" else septets(bare) or len(bare)


def form_mistake(english: str, words: str, language: str) -> str | None:
    """What is wrong with the form of a translation, whatever it says; None if nothing is."""
    try:
        wanted, found = _placeholders(english), _placeholders(words)
    except ValueError:
        return "a { or } stands alone or holds more than a name; write placeholders exactly as the English has them."
    if missing := list((wanted - found).elements()):
        return f"{{{missing[0]}}} is missing."
    if strange := list((found - wanted).elements()):
        return f"{{{strange[0]}}} is not in the English."
    if words.count("\n") != english.count("\n"):
        return f"the English has {english.count(chr(10)) + 1} lines, this {words.count(chr(10)) + 1}."
    if "  " in words or any(line != line.strip() for line in words.split("\n")):
        return "there is a space too many: two together, or one at the end of a line."
    if letter := _strange_letter(words, language):
        return f"“{letter}” is no letter of this language that a phone can show."
    return None


def _of_the_conversation(code: str) -> Iterator[Text]:
    texts = catalogue.extracted()
    places = uses([str(message.id) for message in texts if message.id])
    mine, swahili = _translated(code), _translated(catalogue.REFERENCE)
    for message in texts:
        english = str(message.id)
        if not english:
            continue
        here = mine.get(english)
        where = places.get(english, [file for file, _ in message.locations])
        in_swahili = str(swahili[english].string) if english in swahili else ""
        yield Text(
            id=id_of(english),
            english=english,
            swahili=in_swahili,
            context=_context(where, message.auto_comments),
            budget=(budget := _budget(english, in_swahili, code)),
            words=str(here.string) if here else "",
            by=catalogue.review(here) if here else None,
            weak=bool(here and locales.WEAK in here.flags),
            mistake=_checked(english, code, budget),
        )


def _of_the_pack(code: str, pack: Pack, folder: Path) -> Iterator[Text]:
    mine = wording.translations(folder, code)
    for one in wording.wordings(pack):
        here = mine.get(one.id, Translation(""))
        yield Text(
            id=one.id,
            english=one.words[SOURCE],
            swahili=one.words.get(catalogue.REFERENCE, ""),
            context=one.context,
            budget=_pack_budget(one, code),
            words=here.text,
            by=languages.reviewed(here),
            weak=here.confidence == "weak",
            mistake=_checked_wording(one, code),
        )


def _translated(code: str) -> Mapping[str, Message]:
    if not locales.path(code).exists():
        return {}
    return {str(message.id): message for message in locales.read(code)}


def _context(where: list[str], notes: list[str]) -> str:
    more = len(where) - _MOST_USES
    return ". ".join(["; ".join(where[:_MOST_USES]) + (f" and {more} more" if more > 0 else ""), *notes])


def _budget(english: str, swahili: str, language: str) -> int:
    """An SMS must fit one segment with the widest values, two in a script of UCS-2. A screen may have pages, but should
    not need more of them than in the languages it was written in."""
    if english in TEMPLATES.values():
        latin = registry()[language].script == "Latin"
        values = sum(_WIDTHS.get(name, 0) * count for name, count in _placeholders(english).items())
        return SEGMENT - values if latin else TWO_PARTS - values
    widest = max(units(english, SOURCE), units(swahili, catalogue.REFERENCE))
    return widest + max(widest // 5, _SLACK)


def _pack_budget(one: Wording, language: str) -> int:
    latin = registry()[language].script == "Latin"
    values = sum(WIDTHS[name] * count for name, count in _placeholders(one.words[SOURCE]).items())
    if one.template:
        return (one.width if latin else TWO_PARTS) - values
    return one.width if latin else one.width // 2


def _checked(english: str, language: str, budget: int) -> Callable[[str], str | None]:
    def mistake(words: str) -> str | None:
        wrong = form_mistake(english, words, language)
        if wrong is None and (wide := units(words, language)) > budget:
            return f"this is {wide} wide, {budget} fit (placeholders not counted)."
        return wrong

    return mistake


def _checked_wording(one: Wording, language: str) -> Callable[[str], str | None]:
    """The pack knows its texts best; of the form, an SMS may leave out placeholders."""

    def mistake(words: str) -> str | None:
        return one.mistake(words, language) or form_mistake(
            words if one.template else one.words[SOURCE], words, language
        )

    return mistake


def _translation(change: Change | None, known: Translation | None) -> Translation | None:
    if change is None:
        return known
    if change.by:
        return Translation(change.words, f"{change.by.name}, {change.by.day}", "good")
    return Translation(change.words, "", "draft")


def _placeholders(text: str) -> Counter[str]:
    """The names between braces; ValueError for a brace that stands alone or holds anything but a name."""
    names: Counter[str] = Counter()
    for _, name, form, conversion in Formatter().parse(text):
        if name is not None:
            if form or conversion or not name.isidentifier():
                raise ValueError(name)
            names[name] += 1
    return names


def _strange_letter(words: str, language: str) -> str | None:
    """The first letter that is neither in GSM-7, with marks or without, nor of the language's own script."""
    script = registry()[language].script.upper()
    outside = (letter for letter in plain(words) if septets(letter) is None)
    return next((letter for letter in outside if not unicode_name(letter, "").startswith(script)), None)
