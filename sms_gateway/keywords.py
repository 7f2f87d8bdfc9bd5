"""What a text message asks for. Pure, but for reading `locales/keywords.toml` once at import.

People begin complaints with "stop", "help" and "case" all the time, so a keyword counts only in the shapes below;
measured on 63,000 real messages, that takes 0.04 % of them for something they are not. What is only likely (a typing
mistake, "sitaki msg zenu", STOP with a number) is marked `confirm`: ask before anything is done that hurts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final, NamedTuple, TypeVar
from unicodedata import normalize

from cases.reference import DIGITS, LEAST_DIGITS
from locales import language_called, registry
from sms_gateway import own_words
from sms_gateway.own_words import without_echo as without_echo  # noqa: PLC0414  for who handles a message, with the rest
from sms_gateway.own_words import without_receipt as without_receipt  # noqa: PLC0414
from sms_gateway.typed import SPELLED, Word, fold, leading, number_in, only_digits, reference_in, runs, words


class Intent(StrEnum):
    """What the citizen wants of the service."""

    COMPLAIN = "COMPLAIN"
    STATUS = "STATUS"
    HELP = "HELP"
    LANG = "LANG"
    STOP = "STOP"
    START = "START"
    JOIN = "JOIN"  # "affects me too": to be added to a case that others follow
    RATE = "RATE"  # how well they were served
    REOPEN = "REOPEN"  # it is not solved
    APPEAL = "APPEAL"
    AGENT = "AGENT"  # to be called by a person
    GREETING = "GREETING"  # nothing but a greeting: friendly help, never a case
    ACK = "ACK"  # nothing but "ok" or thanks: never a case
    TEXT = "TEXT"  # anything else: a complaint, or the answer to our open question


@dataclass(frozen=True, slots=True)
class Command:
    """One message understood.

    `argument` is what follows the keyword, as it was typed (of a TEXT: all of it; of RATE: a digit from 1 to 5);
    `number` the case number in it, digits only: of any length after a keyword that takes one, elsewhere only nine
    digits with the right check digit. `why` says which rule decided, for logs and tests; `language` is the keyword's
    own. `confirm`: it is likely what they want, but ask first.
    """

    intent: Intent
    argument: str
    number: str | None
    why: str
    language: str | None = None
    confirm: bool = False


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
A_MONEY_RECEIPT: Final = "a money receipt"  # why a TEXT may have an empty argument: nothing in it is theirs
A_PICTURE: Final = "a picture"  # why HELP: an MMS arrived as what SMS can carry of it
SENT_BACK: Final = "our own SMS sent back"  # why STATUS

Phrase = tuple[str, ...]  # folded words
_Meaning = TypeVar("_Meaning", bound=StrEnum)


class Sense(NamedTuple):
    """What a phrase stands for, and in which language ("any" for digits)."""

    meaning: StrEnum
    language: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The phrases of `keywords.toml`, folded. `scoped` ones count for who uses the service in that language; `natural`
    ones, and `unwanted` openers with `messages` and `fillers`, are asked about; `ordinary` words are no typing mistake;
    keywords that stand `alone` take nothing after them.
    """

    keywords: Mapping[Phrase, Sense]
    answers: Mapping[Phrase, Sense]
    courtesies: Mapping[Phrase, Sense]
    scoped: Mapping[Phrase, Sequence[Sense]]
    natural: Mapping[Phrase, Sense]
    unwanted: Mapping[Phrase, Sense]
    messages: frozenset[str]
    fillers: frozenset[str]
    ordinary: frozenset[str]
    alone: frozenset[str]
    forgiving: Sequence[tuple[str, Sense]]  # the keywords that may be mistyped
    openers: frozenset[str]  # the first words of all but courtesies
    courteous: frozenset[str]  # the first words of courtesies
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
        scoped = _scoped(tables.get("scoped", {}))
        natural = _phrases(tables.get("natural", {}), Intent)
        asking = tables.get("unwanted", {})
        unwanted = _phrases({Intent.STOP: asking.get("openers", {})}, Intent)
        opening_phrases = (*keywords, *answers, *scoped, *natural, *unwanted)
        return cls(
            keywords=keywords,
            answers=answers,
            courtesies=courtesies,
            scoped=scoped,
            natural=natural,
            unwanted=unwanted,
            messages=_folded(asking.get("messages", {})),
            fillers=_folded(asking.get("fillers", {})),
            ordinary=_folded(tables.get("ordinary", {})),
            alone=_folded(tables.get("alone", {})),
            forgiving=_forgiving(keywords, answers),
            openers=frozenset(phrase[0] for phrase in opening_phrases),
            courteous=frozenset(phrase[0] for phrase in courtesies),
            longest=max(map(len, (*opening_phrases, *courtesies))),
        )

    def keyword(self, phrase: Phrase, language: str | None) -> Sense | None:
        """What `phrase` asks for, to someone who uses the service in `language`."""
        own = (sense for sense in self.scoped.get(phrase, ()) if sense.language == language)
        return next((sense for sense in own if isinstance(sense.meaning, Intent)), None) or self.keywords.get(phrase)

    def answer(self, phrase: Phrase, language: str | None) -> Sense | None:
        """What `phrase` answers, said by someone who uses the service in `language`."""
        own = (sense for sense in self.scoped.get(phrase, ()) if sense.language == language)
        return next((sense for sense in own if isinstance(sense.meaning, AnswerWord)), None) or self.answers.get(phrase)

    def meant(self, word: str, language: str | None) -> Sense | None:
        """The keyword of five letters or more that `word` is but one typing mistake away from; STOP and START never
        are meant so, nor keywords of languages that the citizen does not use."""
        known = (word,) in self.keywords or (word,) in self.answers
        if known or word in self.ordinary or len(word) < _LEAST_LETTERS - 1:
            return None
        spoken = {*_SPOKEN_BY_ALL, language}
        near = (sense for keyword, sense in self.forgiving if sense.language in spoken and _one_off(word, keyword))
        return next(near, None)


def understand(text: str, language: str | None = None, vocabulary: Vocabulary | None = None) -> Command:
    """Read one message of a citizen who uses the service in `language` (None: they never chose).

    Any text whatever has an answer. What is not theirs counts for nothing: signatures, money receipts, our own SMS.
    """
    vocabulary = vocabulary or VOCABULARY
    text = normalize("NFC", text)
    if len(text.strip()) > own_words.LONGEST:
        return Command(Intent.TEXT, text.strip(), None, "longer than an SMS can be")
    own = own_words.without_receipt(own_words.without_picture(text))
    if own == text:
        return _understood(text, language, vocabulary)
    has_receipt = own_words.has_receipt(text)
    if not any(map(str.isalnum, own)):
        empty = (Intent.TEXT, "", None, A_MONEY_RECEIPT) if has_receipt else (Intent.HELP, "", None, A_PICTURE)
        return Command(*empty)
    command = _understood(own, language, vocabulary)
    if command.intent is Intent.TEXT and has_receipt:
        return replace(command, number=None, why=A_MONEY_RECEIPT)
    return command


def _understood(text: str, language: str | None, vocabulary: Vocabulary) -> Command:
    if own_words.is_ours(text):
        return Command(Intent.STATUS, "", number_in(list(words(text))), SENT_BACK)
    command = _read(text, language, vocabulary)
    if command.intent is not Intent.TEXT:
        return command
    bare = own_words.without_machine_signature(text)
    if bare != text:
        unsigned = _read(bare, language, vocabulary)
        if unsigned.intent is not Intent.TEXT:
            return replace(unsigned, why=f"{unsigned.why}, signed by a machine")
    return _signed(bare, language, vocabulary) or command


def _signed(text: str, language: str | None, vocabulary: Vocabulary) -> Command | None:
    """A command with a name after it. That "Stop. Mama Njeri" is a STOP is likely, not sure."""
    bare = own_words.without_signature(text)
    if bare == text:
        return None
    command = _read(bare, language, vocabulary)
    if command.intent in _NEVER_SIGNED or (command.intent not in _MAY_BE_SIGNED and not command.number):
        return None
    asks = command.confirm or command.intent in (Intent.STOP, Intent.START)
    return replace(command, why=f"{command.why}, signed", confirm=asks)


def answer(text: str, language: str | None = None, vocabulary: Vocabulary | None = None) -> Answer | None:
    """The answer word that is the whole message, or stands before a case number and nothing else."""
    message = _Message.of(text, language, vocabulary)
    for length, sense in message.openings(message.vocabulary.answer):
        rest = message.words[length:]
        if not rest or only_digits(rest):
            return Answer(AnswerWord(sense.meaning), number_in(rest))
    return None


def opening(
    text: str, *expected: AnswerWord, language: str | None = None, vocabulary: Vocabulary | None = None
) -> AnswerWord | None:
    """The answer word that more words follow: "2 still no water", "BADO hayajafika", "No, it broke again".

    YES, NO and NEW open so many sentences ("no water") that they count only before a sign, unless they are `expected`.
    """
    message = _Message.of(text, language, vocabulary, with_courtesies=True)
    said = message.words
    for length, sense in message.openings(message.vocabulary.answer):
        rest, word = said[length:], AnswerWord(sense.meaning)
        if rest and (
            word in _CLEAR.union(expected) or not message.text[said[length - 1].end : rest[0].start].isspace()
        ):
            return word
    return None


def addressed(text: str, language: str | None = None, vocabulary: Vocabulary | None = None) -> Addressed | None:
    """An answer word, or a digit from 1 to 5, before a case number: "2 482915633", "BADO 482-915-633 bado ni chafu".

    A number of other than nine digits (the end of one) must stand last.
    """
    message = _Message.of(text, language, vocabulary)
    said = message.words
    lengths = [length for length, _ in message.openings(message.vocabulary.answer)]
    if said and said[0].folded in _MARKS:
        lengths.append(1)
    for length in lengths:
        number, taken = leading(said[length:]) or ("", 0)
        if number and (len(number) == DIGITS or length + taken == len(said)):
            before, after = message.text[: said[length - 1].end], message.text[said[length + taken - 1].end :]
            return Addressed(f"{before} {after.strip(_AROUND)}".strip(), number)
    return None


@dataclass(frozen=True, slots=True)
class _Message:
    """A text on its way to be understood: its words, but for those that are said only out of politeness."""

    text: str
    words: Sequence[Word]
    courtesies: frozenset[StrEnum]
    language: str | None
    vocabulary: Vocabulary

    @classmethod
    def of(
        cls, text: str, language: str | None, vocabulary: Vocabulary | None, *, with_courtesies: bool = False
    ) -> _Message:
        vocabulary = vocabulary or VOCABULARY
        text = normalize("NFC", text)
        said = list(words(text)) if len(text) <= own_words.LONGEST else []
        kept, courtesies = (said, frozenset[StrEnum]()) if with_courtesies else _without_courtesies(said, vocabulary)
        return cls(text, kept, courtesies, language, vocabulary)

    def openings(self, sense_of: Callable[[Phrase, str | None], Sense | None]) -> Iterator[tuple[int, Sense]]:
        """What the message may begin with, the longest phrase first, each with its number of words."""
        if not self.words or self.words[0].folded not in self.vocabulary.openers:
            return
        for length in range(min(self.vocabulary.longest, len(self.words)), 0, -1):
            sense = sense_of(tuple(word.folded for word in self.words[:length]), self.language)
            if sense:
                yield length, sense

    def command(self, intent: Intent, length: int, why: str, language: str | None, *, confirm: bool = False) -> Command:
        """What follows a keyword of `length` words, as the command takes it."""
        rest = self.words[length:]
        number = number_in(rest) if intent in _NUMBERED else reference_in(rest)
        if intent is Intent.RATE:
            mark, case = _marked(rest)
            return Command(intent, mark, case, why, language, confirm)
        if not rest:
            argument = ""
        elif intent is Intent.COMPLAIN:  # the citizen's words whole, with signs and courtesies
            argument = self.text[self.words[length - 1].end :].lstrip(_AROUND).rstrip()
        else:
            argument = self.text[rest[0].start : rest[-1].end]
        return Command(intent, argument, number, why, language, confirm)


def _read(text: str, language: str | None, vocabulary: Vocabulary) -> Command:
    message = _Message.of(text, language, vocabulary)
    if not message.words:
        return _small_talk(text, message.courtesies)
    if len({word.folded for word in message.words}) == 1:  # "HELP! HELP! HELP!"
        message = replace(message, words=message.words[:1])
    for way in (_by_keyword, _by_number_first, _by_answer, _by_nature, _by_mistake):
        command = way(message)
        if command:
            return command
    if only_digits(message.words):
        return Command(Intent.TEXT, text.strip(), number_in(message.words), A_NUMBER_ALONE)
    keyword = next((sense.meaning for _, sense in message.openings(vocabulary.keyword)), None)
    why = f"{keyword}, but more follows than it takes" if keyword else "no keyword"
    return Command(Intent.TEXT, text.strip(), reference_in(message.words), why)


def _by_keyword(message: _Message) -> Command | None:
    for length, sense in message.openings(message.vocabulary.keyword):
        intent, rest = Intent(sense.meaning), message.words[length:]
        if length == 1 and rest and message.words[0].folded in message.vocabulary.alone:
            continue
        if intent is Intent.COMPLAIN and only_digits(rest) and len(number_in(rest) or "") == DIGITS:
            return message.command(Intent.STATUS, length, "COMPLAIN with a case number alone", sense.language)
        if intent is Intent.LANG:
            message, rest = _naming_a_language(message, length)
        if _TAKES[intent](rest):
            return message.command(intent, length, "keyword", sense.language)
        if intent is Intent.STOP and _is_a_case(rest):
            return message.command(intent, length, "STOP with a case number", sense.language, confirm=True)
    return None


def _naming_a_language(message: _Message, length: int) -> tuple[_Message, Sequence[Word]]:
    """ "Lugha ya Kiswahili": what stands before the name of a language is passed over."""
    rest = message.words[length:]
    if 1 < len(rest) <= _LONGEST_NAME and rest[0].folded in _TO and language_called(_joined(rest[1:]), registry()):
        ends = Word(_joined(rest[1:]), rest[1].start, rest[-1].end)
        rest = [ends]
        message = replace(message, words=[*message.words[:length], ends])
    return message, rest


def _joined(said: Sequence[Word]) -> str:
    return " ".join(word.folded for word in said)


def _by_number_first(message: _Message) -> Command | None:
    """ "482915633 STATUS" is "STATUS 482915633"."""
    number, taken = leading(message.words) or ("", 0)
    if len(number) < LEAST_DIGITS or taken == len(message.words):
        return None
    turned = replace(message, words=message.words[taken:])
    for length, sense in (*turned.openings(message.vocabulary.keyword), *turned.openings(message.vocabulary.answer)):
        if sense.meaning == Intent.RATE and _with_a_mark(turned.words[length:]):
            mark = turned.command(Intent.RATE, length, "a case number with a keyword after it", sense.language)
            return replace(mark, number=number)
        intent = _ASKING.get(sense.meaning)
        if intent and length == len(turned.words) and sense.language != "any":
            why = "a case number with a keyword after it"
            return Command(intent, number, number, why, sense.language, intent is Intent.STOP)
    return None


def _by_answer(message: _Message) -> Command | None:
    """BADO or RUFAA with the number of a case needs no question that is open."""
    for length, sense in message.openings(message.vocabulary.answer):
        intent, rest = _ASKING.get(sense.meaning), message.words[length:]
        if intent and sense.language != "any" and _begins_with_a_number(rest):
            return message.command(intent, length, "keyword", sense.language)
    return None


def _by_nature(message: _Message) -> Command | None:
    """What people write who know no keywords."""
    for length, sense in message.openings(lambda phrase, _: message.vocabulary.natural.get(phrase)):
        intent, rest = Intent(sense.meaning), message.words[length:]
        if _NATURALLY[intent](rest):
            return message.command(intent, length, "in their own words", sense.language, confirm=True)
    for length, sense in message.openings(lambda phrase, _: message.vocabulary.unwanted.get(phrase)):
        if _is_about_our_messages(message, length):
            return message.command(Intent.STOP, length, "wants no messages", sense.language, confirm=True)
    return None


def _is_about_our_messages(message: _Message, length: int) -> bool:
    rest = [word.folded for word in message.words[length:]]
    messages, fillers = message.vocabulary.messages, message.vocabulary.fillers
    return not messages.isdisjoint(rest) and messages.union(fillers).issuperset(rest)


def _by_mistake(message: _Message) -> Command | None:
    """One letter too many, too few, wrong, or two exchanged: "Satus 12345", "Complian road imeharibika"."""
    sense = message.vocabulary.meant(message.words[0].folded, message.language)
    rest = message.words[1:]
    if sense is None or not _TAKES[Intent(sense.meaning)](rest):
        return None
    return message.command(Intent(sense.meaning), 1, f"nearly {sense.meaning}", sense.language, confirm=True)


def _without_courtesies(said: Sequence[Word], vocabulary: Vocabulary) -> tuple[list[Word], frozenset[StrEnum]]:
    kept: list[Word] = []
    courtesies: set[StrEnum] = set()
    position = 0
    while position < len(said):
        length, sense = _courtesy(said[position : position + vocabulary.longest], vocabulary)
        if sense:
            courtesies.add(sense.meaning)
        else:
            kept.append(said[position])
        position += length
    return kept, frozenset(courtesies)


def _courtesy(upcoming: Sequence[Word], vocabulary: Vocabulary) -> tuple[int, Sense | None]:
    """The longest courtesy that comes now, and how many words to go on by."""
    if upcoming[0].folded in vocabulary.courteous:
        for length in range(len(upcoming), 0, -1):
            sense = vocabulary.courtesies.get(tuple(word.folded for word in upcoming[:length]))
            if sense:
                return length, sense
    return 1, None


def _small_talk(text: str, courtesies: frozenset[StrEnum]) -> Command:
    for courtesy, intent in ((Courtesy.GREETING, Intent.GREETING), (Courtesy.ACK, Intent.ACK)):
        if courtesy in courtesies:
            return Command(intent, text.strip(), None, "courtesies only")
    return Command(Intent.HELP, "", None, "no words but please" if courtesies else "no words")


# What may follow


def _alone(rest: Sequence[Word]) -> bool:
    return not rest


def _with_one_word(rest: Sequence[Word]) -> bool:
    return len(rest) <= 1


def _with_a_number(rest: Sequence[Word]) -> bool:
    """Nothing, a number, or up to three words with one that may be a case's: digits in a row (`482 915 633`) are one
    word, and "3" in "hali mbaya siku 3" is no case."""
    numbers = list(runs(rest, phones=True))
    others = len(rest) - sum(run.length for run in numbers)
    long_enough = any(len(run.digits) >= LEAST_DIGITS for run in numbers)
    return not others or (long_enough and others + len(numbers) <= 3)


def _begins_with_a_number(rest: Sequence[Word]) -> bool:
    """A case number, and then anything; or the end of one, alone."""
    number, taken = leading(rest) or ("", 0)
    return len(number) == DIGITS or (len(number) >= LEAST_DIGITS and taken == len(rest))


def _with_a_mark(rest: Sequence[Word]) -> bool:
    """One to five, perhaps "stars" or "out of 5", perhaps the number of the case after it or before it."""
    return bool(_marked(rest)[0])


def _marked(rest: Sequence[Word]) -> tuple[str, str | None]:
    """The mark and the number of the case; ('', None) where there is no mark, or something else."""
    if not rest:
        return "", None
    for mark, others in ((_mark(rest[0]), rest[1:]), (_mark(rest[-1]), rest[:-1])):
        if mark and _is_a_case(others):
            return mark, number_in(others)
    is_mark = _SCALE.issuperset(word.folded for word in rest[1:])
    return _mark(rest[0]) if is_mark else "", None


def _with_a_case_named(rest: Sequence[Word]) -> bool:
    """At most eight words, one of them a case number or the end of one."""
    return len(rest) <= 8 and len(number_in(rest) or "") in range(LEAST_DIGITS, DIGITS + 1)


def _with_anything(rest: Sequence[Word]) -> bool:  # noqa: ARG001 -- one signature for all shapes
    return True


def _is_a_case(rest: Sequence[Word]) -> bool:
    """A case number and nothing else, but for what one calls it."""
    bare = [word for word in rest if word.folded not in _CALLED]
    return only_digits(bare) and len(number_in(bare) or "") >= LEAST_DIGITS


def _mark(word: Word) -> str:
    """The mark that a word gives, in figures: "5" of "five"; '' if it gives none."""
    mark = SPELLED.get(word.folded, word.folded)
    return mark if mark in _MARKS else ""


_MARKS: Final = frozenset("12345")  # what our questions are answered with
_SCALE: Final = frozenset(["5", "five", "tano", "out", "of", "kati", "ya", "stars", "star", "nyota", "points"])
_CALLED: Final = frozenset(  # what stands around the number of a case
    (
        *("case", "cases", "complaint", "complaints", "number", "no", "ref", "reference", "for", "on", "about"),
        *("kesi", "lalamiko", "malalamiko", "namba", "nambari", "ya", "la", "kuhusu", "kwa"),
    )
)
_TO: Final = frozenset(["ya", "to", "in", "iwe", "kwa", "into"])
_LONGEST_NAME: Final = 4  # words of "ya af soomaali", with one to spare
_AROUND: Final = " \n\u00a0.,:;!?-–—#*_/"
_CLEAR: Final = frozenset({AnswerWord.NOT_YET, AnswerWord.APPEAL})  # answers that open no other sentence

_NUMBERED: Final = frozenset({Intent.STATUS, Intent.JOIN, Intent.REOPEN, Intent.APPEAL, Intent.STOP})
# What asks for the same with a number before it or after it
_ASKING: Final[Mapping[str, Intent]] = {
    Intent.STATUS: Intent.STATUS,
    Intent.JOIN: Intent.JOIN,
    Intent.STOP: Intent.STOP,
    Intent.REOPEN: Intent.REOPEN,
    AnswerWord.NOT_YET: Intent.REOPEN,
    AnswerWord.APPEAL: Intent.APPEAL,
}

# What may follow each keyword; with anything more the message is plain text.
_TAKES: Final[Mapping[Intent, Callable[[Sequence[Word]], bool]]] = {
    Intent.COMPLAIN: _with_anything,
    Intent.STATUS: _with_a_number,
    Intent.HELP: _with_one_word,
    Intent.LANG: _with_one_word,
    Intent.STOP: _alone,
    Intent.START: _alone,
    Intent.JOIN: _with_a_number,
    Intent.RATE: _with_a_mark,
    Intent.REOPEN: _with_a_number,
    Intent.APPEAL: _begins_with_a_number,
    Intent.AGENT: _with_one_word,
}
_NATURALLY: Final[Mapping[Intent, Callable[[Sequence[Word]], bool]]] = {
    Intent.RATE: _with_a_mark,
    Intent.REOPEN: _with_a_case_named,
}

_MAY_BE_SIGNED: Final = frozenset(
    {Intent.STATUS, Intent.STOP, Intent.START, Intent.LANG, Intent.AGENT, Intent.REOPEN, Intent.ACK}
)
_NEVER_SIGNED: Final = frozenset({Intent.TEXT, Intent.HELP, Intent.COMPLAIN})  # "Msaada - moto nyumba jirani"

# Typing mistakes
_LEAST_LETTERS: Final = 5
_SPOKEN_BY_ALL: Final = ("en", "sw")
_FORGIVING: Final = frozenset(
    {
        Intent.COMPLAIN,
        Intent.STATUS,
        Intent.HELP,
        Intent.LANG,
        Intent.AGENT,
        Intent.JOIN,
        Intent.RATE,
        Intent.REOPEN,
        Intent.APPEAL,
    }
)


def _one_off(word: str, keyword: str) -> bool:
    """Whether one letter is wrong, missing or too many, or two neighbours are exchanged."""
    if abs(len(word) - len(keyword)) > 1 or (word[0] not in keyword[:2] and word[1] not in keyword[:2]):
        return False
    same = next((at for at, (a, b) in enumerate(zip(word, keyword, strict=False)) if a != b), None)
    if same is None:  # one begins with the other
        return True
    left, right = word[same:], keyword[same:]
    if len(left) != len(right):
        longer, shorter = sorted((left, right), key=len, reverse=True)
        return longer[1:] == shorter
    return left[1:] == right[1:] or (left[1::-1] == right[:2] and left[2:] == right[2:])


def _phrases(table: Mapping[str, Mapping[str, Sequence[str]]], meanings: type[_Meaning]) -> dict[Phrase, Sense]:
    phrases: dict[Phrase, Sense] = {}
    for meaning, languages in table.items():
        for language, entries in languages.items():
            for entry in entries:
                known = phrases.setdefault(_phrase(entry), Sense(meanings[meaning], language))
                if known.meaning != meaning:
                    raise ValueError(f"{entry!r} is listed under {known.meaning} and under {meaning}.")
    return phrases


def _scoped(tables: Mapping[str, Any]) -> dict[Phrase, list[Sense]]:
    """Each language's own, which may mean something else in the next."""
    scoped: dict[Phrase, list[Sense]] = {}
    for name, meanings in (("keywords", Intent), ("answers", AnswerWord)):
        for meaning, languages in tables.get(name, {}).items():
            for language, entries in languages.items():
                for entry in entries:
                    scoped.setdefault(_phrase(entry), []).append(Sense(meanings[meaning], language))
    return scoped


def _forgiving(*tables: Mapping[Phrase, Sense]) -> list[tuple[str, Sense]]:
    single = ((phrase[0], sense) for table in tables for phrase, sense in table.items() if len(phrase) == 1)
    return [(word, sense) for word, sense in single if len(word) >= _LEAST_LETTERS and sense.meaning in _FORGIVING]


def _phrase(entry: str) -> Phrase:
    return tuple(fold(word) for word in entry.split())


def _folded(table: Mapping[str, Sequence[str]]) -> frozenset[str]:
    return frozenset(fold(word) for entries in table.values() for word in entries)


VOCABULARY: Final = Vocabulary.of(files("locales").joinpath("keywords.toml").read_text(encoding="utf-8"))
