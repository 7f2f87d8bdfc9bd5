"""What a text message leads to: a pure function of what was written, what we had asked and last written about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cases.reference import LEAST_DIGITS
from packs.model import Category, Pack, Place
from packs.places import EVERYWHERE, PlaceIndex, fold
from sms_gateway.keywords import A_NUMBER_ALONE, AnswerWord, Command, Intent, answer

# "Reply 1 water 2 power 3 roads 4 health 5 ID 6 police 7 land 8 other": the keys of the menu, but for 8
_OTHER_KEY: Final = "9.6"
_WHAT_KEYS: Final = {**{str(digit): str(digit) for digit in range(1, 8)}, "8": _OTHER_KEY}
MOST_OPTIONS: Final = 3  # that an SMS can list; who lives elsewhere names the county


@dataclass(frozen=True, slots=True)
class Question:
    """What our last SMS asked: `what` it is about, in which `place`, `which` of several, or whether what was `added`
    belongs there (`options`: the message that was added)."""

    id: str
    kind: str
    case_id: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What is known when a text arrives."""

    pack: Pack
    places: PlaceIndex
    near: Place | None = None
    questions: tuple[Question, ...] = ()  # open ones about one case, asked within 72 h, newest first
    case_id: str | None = None  # the open case that we wrote about within 72 h


@dataclass(frozen=True, slots=True)
class Lodge:
    """A new complaint."""

    words: str


@dataclass(frozen=True, slots=True)
class Add:
    """Words for an open case."""

    case_id: str
    words: str


@dataclass(frozen=True, slots=True)
class Classify:
    """The answer to our question: what it is, where it is; the words are kept as they were written.

    Where the place they named exists more than once, `which` holds the codes to ask about.
    """

    case_id: str
    sub: str | None
    place: str | None
    words: str
    which: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """What was added to a case is a complaint of its own; `message` is the MO that holds it."""

    message: str


@dataclass(frozen=True, slots=True)
class Say:
    """Nothing but an answer: the keyword, and what came with it."""

    intent: Intent
    argument: str = ""
    number: str | None = None


Plan = Lodge | Add | Classify | Split | Say


def plan(text: str, command: Command, context: Context) -> Plan:
    """What to do about a text. An answer to an open question comes before anything but a keyword."""
    if command.intent is Intent.COMPLAIN:
        return Lodge(command.argument) if command.argument else Say(Intent.HELP)
    if command.intent is not Intent.TEXT:
        return Say(command.intent, command.argument, command.number)
    answered = _answered(text, context)
    if answered:
        return answered
    if command.number and command.why == A_NUMBER_ALONE:
        return Say(Intent.STATUS if len(command.number) >= LEAST_DIGITS else Intent.HELP, number=command.number)
    if context.case_id:
        return Add(context.case_id, text)
    return Lodge(text)


def _answered(text: str, context: Context) -> Plan | None:
    plans = (_ANSWERS[question.kind](text, question, context) for question in context.questions)
    return next((plan for plan in plans if plan), None)


def _is_new(text: str, question: Question, _: Context) -> Plan | None:
    word = answer(text)
    return Split(question.options[0]) if word and word.word is AnswerWord.NEW else None


def _what(text: str, question: Question, context: Context) -> Plan | None:
    """ "1", "1 Kayole", "maji kayole": the kind first, then perhaps the place."""
    first, _, rest = " ".join(text.split()).partition(" ")
    category = _category(first.strip(".,:;)"), context.pack)
    if category is None:
        return None
    sub = context.pack.subs_of(category.code)[-1].code  # its "Other": what exactly is for the office to find out
    rest = rest.strip(" .,:;-")
    located = _where(rest, text, question, sub, context) if rest else None
    return located or Classify(question.case_id, sub, None, text)


def _category(word: str, pack: Pack) -> Category | None:
    """By its number in our SMS, or by a word of its name."""
    key = _WHAT_KEYS.get(word)
    asked = [one for page in ("", "9") for one in pack.menu(page)]
    for category in asked:
        if category.key == key or (word.isalpha() and fold(word) in _label_words(category)):
            return category
    return None


def _label_words(category: Category) -> set[str]:
    return {word for name in category.name.values() for word in fold(name).split() if len(word) > 2}


def _place(text: str, question: Question, context: Context) -> Plan | None:
    return _where(text, text, question, None, context)


def _where(named: str, text: str, question: Question, sub: str | None, context: Context) -> Plan | None:
    """A place by its whole name, perhaps with its county: nobody confirms it on a screen, and "mtaa" is not Mata.

    A name that several places bear is asked about, not guessed.
    """
    said = set(fold(named).split())
    found = context.places.find(named, near=context.near, kinds=EVERYWHERE)
    same = [place for place in found if said.issuperset(fold(place.name).split())] or [
        place for place in found if any(said.issuperset(fold(name).split()) for name in place.also)
    ]
    county = next((place for place in same if place.kind == "county"), None)
    if county and all(place.county == county.code for place in same):
        same = [county]  # the town Kiambu or its county: this much is sure
    if len(same) == 1:
        return Classify(question.case_id, sub, same[0].code, text)
    return Classify(question.case_id, sub, None, text, tuple(place.code for place in same)) if same else None


def _which(text: str, question: Question, context: Context) -> Plan | None:
    """A number of our list, or the county's name; if several lie in that county, those are asked about."""
    typed = text.strip(" .")
    listed = dict(zip("123", question.options[:MOST_OPTIONS], strict=False))
    if typed in listed:
        return Classify(question.case_id, None, listed[typed], text)
    matching = tuple(code for code in question.options if _in_county(context.pack, code, fold(typed)))
    if len(matching) == 1:
        return Classify(question.case_id, None, matching[0], text)
    return Classify(question.case_id, None, None, text, matching) if matching else None


def _in_county(pack: Pack, code: str, name: str) -> bool:
    county = pack.places[code].county
    return bool(county and name and fold(pack.places[county].name) == name)


_ANSWERS: Final[Mapping[str, Callable[[str, Question, Context], Plan | None]]] = {
    "what": _what,
    "place": _place,
    "which": _which,
    "added": _is_new,
}
