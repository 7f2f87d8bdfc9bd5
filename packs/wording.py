"""Every text of a pack that a citizen may see, by an id that stays; and the pack's texts in further languages.

English and Swahili stand where the things themselves do. Any other language is one file, `texts/<code>.csv`, made and
read by `./mlango locales export` and `import`: who translates it needs to know no other file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, get_args

from packs.faqs import ANSWER, QUESTION
from packs.model import ANY, Agency, Category, Emergency, Faq, Pack, SubCategory, Subject, Text
from packs.reading import ALWAYS, Reading, one_of, reference, required, strange_letter, too_wide, unique
from packs.sheet import Columns
from packs.texts import SEGMENT, mistake

FOLDER: Final = "texts"
NAME: Final = 20  # septets of an agency, a sub-category, a town: what the texts around them leave
LABEL: Final = 26  # of a category's or a subject's label
TITLE: Final = 34  # of the line over a menu
ASK: Final = 40  # of a sub-category's own question: the line over the answer
HELP: Final = 40  # of what an emergency number is for

Confidence = Literal["good", "draft", "weak"]
CONFIDENCE: Final[tuple[Confidence, ...]] = get_args(Confidence)

_LANGUAGE_FILE: Final = re.compile(r"[a-z]{2,3}\.csv")
_COLUMNS: Final = ("id", "text", "reviewer", "confidence")


@dataclass(frozen=True, slots=True)
class Wording:
    """A text of a pack: `context` tells a translator where it is read, `width` its room in septets.

    The width of an SMS (`template`) is that with the widest values in it.
    """

    id: str  # "category.water.title", "sms.received.water.dirty"
    context: str
    words: Text
    width: int
    template: str | None = None

    def mistake(self, words: str, language: str) -> str | None:
        """What is wrong with `words` as this text in `language`, as a sentence; None if nothing is."""
        plain = language in ALWAYS
        if self.template:
            return mistake(self.template, words, plain=plain)
        if plain and (strange := strange_letter(words)):
            return f"“{strange}” is not a letter of GSM-7, so a phone may not show it."
        return too_wide(words, self.width)


@dataclass(frozen=True, slots=True)
class Translation:
    """A text in a further language: who of its speakers has read it, and what its author thinks of it.

    What is "weak" stays in the file for translators and is shown to nobody.
    """

    text: str
    reviewer: str = ""
    confidence: Confidence = "draft"


def wordings(pack: Pack) -> tuple[Wording, ...]:
    """Every text that a citizen may see, in the order of the pack's files."""
    found: list[Wording] = []

    def note(wording: Wording) -> Text:
        found.append(wording)
        return wording.words

    reworded(pack, note)
    return tuple(found)


def reworded(pack: Pack, change: Callable[[Wording], Text]) -> Pack:
    """The pack with each of its texts as `change` gives it back."""
    title = change(Wording("menu.title", "title of the first menu of a complaint", pack.menu_title, TITLE))
    more = change(Wording("menu.more", "the choice that leads to the second page of that menu", pack.more, LABEL))
    return replace(
        pack,
        menu_title=title,
        more=more,
        agencies={code: _agency(agency, change) for code, agency in pack.agencies.items()},
        categories={code: _category(category, change) for code, category in pack.categories.items()},
        subs={code: _sub(sub, pack.categories.get(sub.category), change) for code, sub in pack.subs.items()},
        subjects=tuple(_subject(subject, change) for subject in pack.subjects),
        emergency=tuple(_emergency(number, change) for number in pack.emergency),
        faqs=tuple(_faq(faq, change) for faq in pack.faqs),
        messages={
            template: {scope: change(_message(template, scope, words)) for scope, words in scopes.items()}
            for template, scopes in pack.messages.items()
        },
    )


def _agency(agency: Agency, change: Callable[[Wording], Text]) -> Agency:
    context = "an office, as named in every text about it"
    return replace(agency, name=change(Wording(f"agency.{agency.code}.name", context, agency.name, NAME)))


def _category(category: Category, change: Callable[[Wording], Text]) -> Category:
    name = Wording(f"category.{category.code}.name", "a choice of the first menu", category.name, LABEL)
    over = f"title over the choices under “{_english(category.name)}”"
    title = Wording(f"category.{category.code}.title", over, category.title, TITLE)
    return replace(category, name=change(name), title=change(title))


def _sub(sub: SubCategory, category: Category | None, change: Callable[[Wording], Text]) -> SubCategory:
    under = f"a choice under “{_english(category.name) if category else sub.category}”, and in texts about it"
    name = change(Wording(f"sub.{sub.code}.name", under, sub.name, NAME))
    if not sub.ask:
        return replace(sub, name=name)
    asked = f"what to type, asked about “{_english(sub.name)}”"
    return replace(sub, name=name, ask=change(Wording(f"sub.{sub.code}.ask", asked, sub.ask, ASK)))


def _subject(subject: Subject, change: Callable[[Wording], Text]) -> Subject:
    context = "whom a secret report is about: a choice"
    return replace(subject, name=change(Wording(f"subject.{subject.code}.name", context, subject.name, LABEL)))


def _emergency(number: Emergency, change: Callable[[Wording], Text]) -> Emergency:
    context = f"what the number {number.number} is for"
    return replace(number, name=change(Wording(f"emergency.{number.use}.name", context, number.name, HELP)))


def _faq(faq: Faq, change: Callable[[Wording], Text]) -> Faq:
    question = change(Wording(f"faq.{faq.code}.question", "a question: a choice of a list", faq.question, QUESTION))
    context = f"the answer to “{_english(faq.question)}”, shown by pages"
    answer = change(Wording(f"faq.{faq.code}.answer", context, faq.answer, ANSWER))
    return replace(faq, question=question, answer=answer)


def _message(template: str, scope: str, words: Text) -> Wording:
    about = "any case" if scope == ANY else f"a case of {scope}"
    return Wording(f"sms.{template}.{scope}", f"SMS “{template}” about {about}", words, SEGMENT, template)


def _english(words: Text) -> str:
    return words.get("en", "")


def with_further_languages(reading: Reading, pack: Pack) -> Pack:
    """The pack with what the files in texts/ have. Rows with mistakes and weak ones are left out, the former told."""
    known = {wording.id: wording for wording in wordings(pack)}
    further: dict[str, dict[str, str]] = {}
    for path in sorted((reading.folder / FOLDER).glob("*.csv")):
        for id, translation in _read(reading, path, known).items():
            if translation.confidence != "weak":
                further.setdefault(id, {})[path.stem] = translation.text
    return reworded(pack, lambda wording: {**wording.words, **further.get(wording.id, {})}) if further else pack


def translations(folder: Path, language: str) -> dict[str, Translation]:
    """What the pack in `folder` has in a further language, by id; faults in the file are left to the loader."""
    path = folder / FOLDER / f"{language}.csv"
    return _read(Reading(folder), path, None) if path.is_file() else {}


def save(folder: Path, language: str, texts: Mapping[str, Translation]) -> None:
    """Write the file of a language, in the order of `texts`, so that it is never seen half written."""
    (folder / FOLDER).mkdir(exist_ok=True)
    with _replacing(folder / FOLDER / f"{language}.csv") as path, path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        rows.writerows((id, one.text, one.reviewer, one.confidence) for id, one in texts.items())


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place once it is written."""
    beside = path.with_suffix(".new")
    yield beside
    beside.replace(path)


def _read(reading: Reading, path: Path, known: Mapping[str, Wording] | None) -> dict[str, Translation]:
    """The rows of a language's file that can be used. `known`: the texts there are; None if nobody knows them here."""
    file, language = f"{FOLDER}/{path.name}", path.stem
    if not _LANGUAGE_FILE.fullmatch(path.name):
        reading.fault(file, "a file here is called like a language: so.csv.")
    if language in ALWAYS:
        reading.fault(file, "English and Swahili stand in the other files of the pack.")
        return {}
    texts: dict[str, Translation] = {}
    lines: dict[str, int] = {}
    sound = not reading.faults  # else whole files may be missing, and every text of theirs would be unknown
    for row in reading.sheet(file, Columns(("id", "text"), ("reviewer", "confidence"))):
        id, words = required(row, "id"), row["text"]
        confidence = one_of(row, "confidence", CONFIDENCE) if row["confidence"] else "draft"
        if not words or not unique(row, "id", id, lines):
            continue  # not translated yet, or told
        if known is not None and id not in known:
            if sound:
                reference(row, "id", known, "text")
            continue
        wrong = known[id].mistake(words, language) if known and confidence != "weak" else None
        if wrong:
            row.fault("text", wrong)
        else:
            texts[id] = Translation(words, row["reviewer"], confidence)
    return texts
