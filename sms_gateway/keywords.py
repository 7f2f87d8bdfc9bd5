"""What a text message asks for. Pure, but for reading `locales/keywords.toml` once at import.

People begin complaints with "stop", "help" and "case" all the time, so a keyword counts only in the shapes below;
measured on 63,000 real messages, that takes 0.04 % of them for something they are not.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Final, NamedTuple, TypeVar
from unicodedata import category, digit, normalize


class Intent(StrEnum):
    """What the citizen wants of the service."""

    COMPLAIN = "COMPLAIN"
    STATUS = "STATUS"
    HELP = "HELP"
    LANG = "LANG"
    STOP = "STOP"
    START = "START"
    JOIN = "JOIN"  # "affects me too": to be added to a case that others follow
    AGENT = "AGENT"  # to be called by a person
    GREETING = "GREETING"  # nothing but a greeting: friendly help, never a case
    ACK = "ACK"  # nothing but "ok" or thanks: never a case
    TEXT = "TEXT"  # anything else: a complaint, or the answer to our open question


@dataclass(frozen=True, slots=True)
class Command:
    """One message understood.

    `argument` is what follows the keyword, as it was typed (of a TEXT: all of it); `number` the case number in it,
    digits only, of any length; `why` says which rule decided, for logs and tests; `language` is the keyword's own.
    """

    intent: Intent
    argument: str
    number: str | None
    why: str
    language: str | None = None


class AnswerWord(StrEnum):
    """A word that answers a question of ours; but for APPEAL it means nothing while none is open."""

    YES = "YES"
    NO = "NO"
    NOT_YET = "NOT_YET"
    NEW = "NEW"
    APPEAL = "APPEAL"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer word, and the case number that came with it."""

    word: AnswerWord
    number: str | None


@dataclass(frozen=True, slots=True)
class Addressed:
    """An answer that names its case: the text without the number, and the number."""

    text: str
    number: str


class Courtesy(StrEnum):
    """What is said around a keyword and changes nothing about it."""

    GREETING = "GREETING"
    ACK = "ACK"
    PLEASE = "PLEASE"


A_NUMBER_ALONE: Final = "a number alone"  # why a TEXT has a number

Phrase = tuple[str, ...]  # folded words
_Meaning = TypeVar("_Meaning", bound=StrEnum)


class Sense(NamedTuple):
    """What a phrase stands for, and in which language ("any" for digits)."""

    meaning: StrEnum
    language: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The phrases of `keywords.toml`, folded. `openers` holds the first words of keywords and courtesies."""

    keywords: Mapping[Phrase, Sense]
    answers: Mapping[Phrase, Sense]
    courtesies: Mapping[Phrase, Sense]
    openers: frozenset[str]
    longest: int  # words of the longest phrase

    @classmethod
    def of(cls, toml: str) -> Vocabulary:
        """Read the tables; ValueError names a word with two meanings, KeyError and ValueError an unknown meaning."""
        tables = tomllib.loads(toml)
        keywords = _phrases(tables["keywords"], Intent)
        answers = _phrases(tables["answers"], AnswerWord)
        courtesies = _phrases(tables["courtesies"], Courtesy)
        for phrase in keywords.keys() & courtesies.keys():
            raise ValueError(f"{' '.join(phrase)!r} is listed as a keyword and as a courtesy.")
        openers = frozenset(phrase[0] for phrase in (*keywords, *courtesies))
        longest = max(map(len, (*keywords, *answers, *courtesies)))
        return cls(keywords, answers, courtesies, openers, longest)


def understand(text: str, vocabulary: Vocabulary | None = None) -> Command:
    """Read one message from a citizen; any text whatever has an answer."""
    vocabulary = vocabulary or VOCABULARY
    text = normalize("NFC", text)
    opening = _WORD.search(text)
    if opening is None:
        return Command(Intent.HELP, "", None, "no words")
    if not _may_open(_fold(opening[0]), vocabulary):
        return _plain_text(text, "no keyword")
    words, courtesies = _without_courtesies(text, vocabulary)
    if not words:
        return _small_talk(text, courtesies)
    return _command(text, words, vocabulary)


def answer(text: str, vocabulary: Vocabulary | None = None) -> Answer | None:
    """The answer word that is the whole message, or stands before a case number and nothing else."""
    vocabulary = vocabulary or VOCABULARY
    text = normalize("NFC", text)
    words, _ = _without_courtesies(text, vocabulary)
    for length, sense in _openings(words[: vocabulary.longest], vocabulary.answers):
        rest = words[length:]
        if all(_is_number(word.folded) for word in rest):
            return Answer(AnswerWord(sense.meaning), case_digits(text[rest[0].start :]) if rest else None)
    return None


def opening(text: str, *expected: AnswerWord, vocabulary: Vocabulary | None = None) -> AnswerWord | None:
    """The answer word that more words follow: "2 still no water", "BADO hayajafika", "No, it broke again".

    YES, NO and NEW open so many sentences ("no water") that they count only before a sign, unless they are `expected`.
    """
    vocabulary = vocabulary or VOCABULARY
    text = normalize("NFC", text)
    words = list(_words(text, vocabulary))
    for length, sense in _openings(words[: vocabulary.longest], vocabulary.answers):
        rest, word = words[length:], AnswerWord(sense.meaning)
        if rest and (word in _CLEAR.union(expected) or not text[words[length - 1].end : rest[0].start].isspace()):
            return word
    return None


def addressed(text: str, vocabulary: Vocabulary | None = None) -> Addressed | None:
    """An answer word, or a digit from 1 to 5, before a case number: "2 482915633", "BADO 482-915-633 bado ni chafu".

    A number of other than nine digits (the end of one) must stand last.
    """
    vocabulary = vocabulary or VOCABULARY
    text = normalize("NFC", text)
    words, _ = _without_courtesies(text, vocabulary)
    lengths = [length for length, _ in _openings(words[: vocabulary.longest], vocabulary.answers)]
    if words and words[0].folded in _DIGITS:
        lengths.append(1)
    for length in lengths:
        number = _leading_number(words[length:])
        if number and (len("".join(number)) == _CASE_DIGITS or len(number) == len(words) - length):
            before, after = text[: words[length - 1].end], text[words[length + len(number) - 1].end :]
            return Addressed(f"{before} {after.strip(_AROUND)}".strip(), "".join(number).translate(_LOOKALIKES))
    return None


def _leading_number(words: Sequence[_Word]) -> list[str]:
    """The groups of digits that the words begin with, as many as make nine digits at most."""
    groups: list[str] = []
    for word in words:
        if not _is_number(word.folded) or len("".join([*groups, word.folded])) > _CASE_DIGITS:
            break
        groups.append(word.folded)
    return groups


def case_digits(text: str) -> str | None:
    """The case number in `text`, digits only, however it was typed: `482 915-633`, `#4829I5633`, `"482915633."`.

    O stands for 0, I and l for 1 within a group that has a digit. Nine digits are preferred wherever they stand, since
    that is what our numbers have; otherwise the first run of digits is taken whole. None if there is no digit.
    """
    runs = list(_number_runs(text))
    for run in runs:
        for start in range(len(run)):
            digits = ""
            for group in run[start : start + _CASE_DIGITS]:
                digits += group
                if len(digits) == _CASE_DIGITS:
                    return digits
    return "".join(runs[0]) if runs else None


_CASE_DIGITS: Final = 9
_WORD: Final = re.compile(r"[^\W_]+(?:[\u0300-\u036f'’]+[^\W_]+)*")
_GLUED: Final = re.compile(r"(\D+)(\d.*)")
_NUMBER: Final = re.compile(r"[oil]*[0-9][0-9oil]*")
_GROUP: Final = re.compile(r"[^\W_]+")
_LABELLED: Final = re.compile(rf"[^\W\d_]+([0-9]{{{_CASE_DIGITS}}})")  # "ref482915633"
_LOOKALIKES: Final = str.maketrans("oil", "011")
_DIGITS: Final = frozenset("12345")  # what our questions are answered with
_CLEAR: Final = frozenset({AnswerWord.NOT_YET, AnswerWord.APPEAL})  # answers that open no other sentence


class _Word(NamedTuple):
    folded: str
    start: int
    end: int


def _fold(word: str) -> str:
    """Caseless, without marks (people write û, ū and u for ũ), every script's digits as 0 to 9."""
    if word.isascii():
        return word.lower()
    return "".join(str(digit(c, c)) for c in normalize("NFKD", word.casefold()) if category(c) != "Mn")


def _words(text: str, vocabulary: Vocabulary) -> Iterator[_Word]:
    """The words of `text`, a keyword with digits stuck to it (`STATUS482915633`) being two."""
    for found in _WORD.finditer(text):
        glued = _GLUED.fullmatch(found[0])
        if glued and (_fold(glued[1]),) in vocabulary.keywords:
            middle = found.start() + len(glued[1])
            yield _Word(_fold(glued[1]), found.start(), middle)
            yield _Word(_fold(glued[2]), middle, found.end())
        else:
            yield _Word(_fold(found[0]), found.start(), found.end())


def _may_open(word: str, vocabulary: Vocabulary) -> bool:
    """Whether it may be anything but plain text; the quick way out for nearly every complaint."""
    return word in vocabulary.openers or not word.isalpha()


def _openings(words: Sequence[_Word], phrases: Mapping[Phrase, Sense]) -> Iterator[tuple[int, Sense]]:
    """The phrases that `words` begin with, the longest first, each with its number of words."""
    for length in range(len(words), 0, -1):
        sense = phrases.get(tuple(word.folded for word in words[:length]))
        if sense:
            yield length, sense


def _without_courtesies(text: str, vocabulary: Vocabulary) -> tuple[list[_Word], set[StrEnum]]:
    said = list(_words(text, vocabulary))
    words: list[_Word] = []
    courtesies: set[StrEnum] = set()
    position = 0
    while position < len(said):
        upcoming = said[position : position + vocabulary.longest]
        length, sense = next(_openings(upcoming, vocabulary.courtesies), (1, None))
        if sense:
            courtesies.add(sense.meaning)
        else:
            words.append(said[position])
        position += length
    return words, courtesies


def _small_talk(text: str, courtesies: set[StrEnum]) -> Command:
    for courtesy, intent in ((Courtesy.GREETING, Intent.GREETING), (Courtesy.ACK, Intent.ACK)):
        if courtesy in courtesies:
            return Command(intent, text.strip(), None, "courtesies only")
    return Command(Intent.HELP, "", None, "no words but please")


def _command(text: str, words: list[_Word], vocabulary: Vocabulary) -> Command:
    why = "no keyword"
    for length, sense in _openings(words[: vocabulary.longest], vocabulary.keywords):
        rest, intent = words[length:], Intent(sense.meaning)
        if not _TAKES[intent](rest):
            why = f"{intent}, but more follows than it takes"
            continue
        argument = _argument(text, intent, words[length - 1].end, rest)
        number = case_digits(argument) if intent in _NUMBERED else None
        return Command(intent, argument, number, "keyword", sense.language)
    if all(_is_number(word.folded) for word in words):
        return Command(Intent.TEXT, text.strip(), case_digits(text), A_NUMBER_ALONE)
    return _plain_text(text, why)


def _argument(text: str, intent: Intent, keyword_end: int, rest: Sequence[_Word]) -> str:
    if not rest:
        return ""
    if intent is Intent.COMPLAIN:  # the citizen's words whole, with signs and courtesies
        return text[keyword_end:].lstrip(_AROUND).rstrip()
    return text[rest[0].start : rest[-1].end]


def _plain_text(text: str, why: str) -> Command:
    return Command(Intent.TEXT, text.strip(), None, why)


_AROUND: Final = " \n\u00a0.,:;!?-–—#*_/"


def _is_number(folded: str) -> bool:
    return _NUMBER.fullmatch(folded) is not None


def _length(words: Sequence[_Word]) -> int:
    """How many words these are, digit groups in a row (`482 915 633`) being one."""
    numbers = [_is_number(word.folded) for word in words]
    return sum(not (number and before) for number, before in zip(numbers, [False, *numbers], strict=False))


def _alone(rest: Sequence[_Word]) -> bool:
    return not rest


def _with_one_word(rest: Sequence[_Word]) -> bool:
    return len(rest) <= 1


def _with_a_number(rest: Sequence[_Word]) -> bool:
    return not rest or (_length(rest) <= 3 and any(c.isdigit() for word in rest for c in word.folded))


def _with_anything(rest: Sequence[_Word]) -> bool:  # noqa: ARG001 -- one signature for all shapes
    return True


_NUMBERED: Final = frozenset({Intent.STATUS, Intent.JOIN})

# What may follow each keyword; with anything more the message is plain text.
_TAKES: Final[Mapping[Intent, Callable[[Sequence[_Word]], bool]]] = {
    Intent.COMPLAIN: _with_anything,
    Intent.STATUS: _with_a_number,
    Intent.HELP: _with_one_word,
    Intent.LANG: _with_one_word,
    Intent.STOP: _alone,
    Intent.START: _alone,
    Intent.JOIN: _with_a_number,
    Intent.AGENT: _alone,
}


def _number_runs(text: str) -> Iterator[list[str]]:
    """Groups of digits that stand in a row, word by word."""
    run: list[str] = []
    for found in _GROUP.finditer(text):
        word = _fold(found[0])
        labelled = _LABELLED.fullmatch(word)
        if _is_number(word):
            run.append(word.translate(_LOOKALIKES))
            continue
        if run:
            yield run
        run = [labelled[1]] if labelled else []
    if run:
        yield run


def _phrases(table: Mapping[str, Mapping[str, Sequence[str]]], meanings: type[_Meaning]) -> dict[Phrase, Sense]:
    phrases: dict[Phrase, Sense] = {}
    for meaning, languages in table.items():
        for language, entries in languages.items():
            for entry in entries:
                phrase = tuple(_fold(word) for word in entry.split())
                known = phrases.setdefault(phrase, Sense(meanings[meaning], language))
                if known.meaning != meaning:
                    raise ValueError(f"{entry!r} is listed under {known.meaning} and under {meaning}.")
    return phrases


VOCABULARY: Final = Vocabulary.of(files("locales").joinpath("keywords.toml").read_text(encoding="utf-8"))
