"""What a text message leads to: a pure function of what was written, what we had asked and last written about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from cases.lifecycle import OPEN, STARS, Action, State
from cases.reference import LEAST_DIGITS
from cases.triage import Suggestion, is_delicate, suggest
from packs.model import Category, Pack, Place
from packs.places import EVERYWHERE, PlaceIndex, fold
from sms_gateway.keywords import A_NUMBER_ALONE, Addressed, AnswerWord, Command, Intent, answer, opening, understand

# "Reply 1 water 2 power 3 roads 4 health 5 ID 6 police 7 land 8 other": the keys of the menu, but for 8
_OTHER_KEY: Final = "9.6"
_WHAT_KEYS: Final = {**{str(digit): str(digit) for digit in range(1, 8)}, "8": _OTHER_KEY}
MOST_OPTIONS: Final = 3  # that an SMS can list; who lives elsewhere names the county

_ONE_WORD: Final = 0.67  # how sure one ordinary word of the lexicon makes a category
ATTENTION: Final = timedelta(hours=72)  # how long a text may be the answer to ours
# How long the bare word for it ("1", "BADO", "RUFAA") still answers a question of these kinds
LASTING: Final[Mapping[str, timedelta]] = {
    "solved": timedelta(days=30),
    "appeal": timedelta(days=30),
    "question": timedelta(days=30),
    "undo": timedelta(days=7),
    "draft": timedelta(hours=24),  # as long as the draft itself
}
_HASTE: Final = timedelta(seconds=60)  # who sends "1" twice so soon was impatient; it is no rating yet


@dataclass(frozen=True, slots=True)
class Question:
    """What our last SMS asked, mostly about a case.

    `what` it is about, in which `place`, `which` of several, whether our `guess` is right; whether what was `added`
    belongs there, whether it is the `known` problem; whether it is `solved`, how they would `rate` it; an officer's
    `question`; whether to `undo` a withdrawal or to `appeal`; whether to send a `draft` that they left, whether they
    still want the `call`; what to `stop`; whether they `meant` the keyword that we took a word for. `options`: place
    codes, the message that was added or misspelt, the known case, the draft and its sub-category. `category`: of the
    case. `stands`: the case still waits for the answer; it may have been given on the screen meanwhile.
    """

    id: str
    kind: str
    case_id: str = ""  # of none: a draft, a call, a word
    options: tuple[str, ...] = ()
    category: str | None = None
    age: timedelta = timedelta(0)
    stands: bool = True

    @property
    def is_fresh(self) -> bool:
        """Whether also a text in the citizen's own words may be the answer."""
        return self.age < ATTENTION


@dataclass(frozen=True, slots=True)
class Context:
    """What is known when a text arrives."""

    pack: Pack
    places: PlaceIndex
    near: Place | None = None
    language: str | None = None  # that the citizen chose
    questions: tuple[Question, ...] = ()  # open ones about the case that we asked about last, newest first
    where_asked: tuple[Question, ...] = ()  # open ones for the place of other cases
    case_id: str | None = None  # the open case that we wrote about within 72 h …
    category: str | None = None  # … what it is about …
    is_neutral: bool = False  # … and whether no SMS may say so
    is_cry: bool = False  # … and whether it is a cry for help, answered with the emergency numbers
    resolved_id: str | None = None  # their newest case that waits to be told whether it is solved
    asked_id: str | None = None  # the case that we asked about last, within 30 days, whether or not they answered


@dataclass(frozen=True, slots=True)
class Guess:
    """What a new complaint is filed as, as far as its words tell; an SMS says it aloud, and one word undoes it.

    `which`: places of the one name that they wrote. `danger`: the emergency numbers come first.
    """

    sub: str | None = None
    place: str | None = None
    which: tuple[str, ...] = ()
    danger: bool = False

    @property
    def facts(self) -> Mapping[str, Any]:
        """For the change that lodges it."""
        return {
            "sub": self.sub,
            "place": self.place,
            "which": " ".join(self.which) or None,
            "guessed": True if self.sub else None,
            "danger": self.danger or None,
            "priority": "urgent" if self.danger else None,
        }


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

    Where the place they named exists more than once, `which` holds the codes to ask about. `secret`: what is told of
    may be secret; a person finds out what it is.
    """

    case_id: str
    sub: str | None
    place: str | None
    words: str
    which: tuple[str, ...] = ()
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Undo:
    """What we took a complaint for is not so; with `words`, they wrote more."""

    case_id: str
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """What was added to a case is a complaint of its own; `message` is the MO that holds it."""

    message: str


@dataclass(frozen=True, slots=True)
class Act:
    """An answer that changes the case. `words` are what they wrote with it, `said` the messages that held more."""

    action: Action
    case_id: str
    answers: str  # the kind of question
    words: str | None = None
    said: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Apart:
    """Theirs is another problem than the known one: their complaint goes its own way."""

    case_id: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Lodge the draft that they left on the screen, with what they wrote now."""

    draft: str  # its id
    words: str | None


@dataclass(frozen=True, slots=True)
class Leave:
    """The draft that they left is not to be lodged."""


@dataclass(frozen=True, slots=True)
class NoCall:
    """They do not want to be called any more."""


@dataclass(frozen=True, slots=True)
class AskAgain:
    """What they wrote answers nothing for sure: ask once more. `keep`: the text is kept with the question."""

    case_id: str
    kind: str
    keep: bool = False


@dataclass(frozen=True, slots=True)
class NotAsked:
    """The word for an answer, when nothing is asked about this case any more: say how it stands."""

    case_id: str


@dataclass(frozen=True, slots=True)
class AskStop:
    """They seem to want no more SMS, of us or about the case with this number: ask which."""

    number: str | None = None


@dataclass(frozen=True, slots=True)
class Mute:
    """No more SMS about this case."""

    case_id: str


@dataclass(frozen=True, slots=True)
class AskMeant:
    """A keyword, but misspelt: ask whether they meant it."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Meant:
    """Whether the message that held the misspelt keyword is to be read as that, or as plain text."""

    message: str
    is_keyword: bool


@dataclass(frozen=True, slots=True)
class Join:
    """ "Affects me too": to follow the case with this number."""

    number: str


@dataclass(frozen=True, slots=True)
class Say:
    """Nothing but an answer: the keyword, and what came with it."""

    intent: Intent | AnswerWord
    argument: str = ""
    number: str | None = None


Plan = (
    Lodge | Add | Classify | Undo | Split | Act | Apart | Finish | Leave | NoCall | AskAgain | NotAsked | AskStop | Mute
    | AskMeant | Meant | Join | Say
)  # fmt: skip


def plan(text: str, command: Command, context: Context) -> Plan:
    """What to do about a text. An answer to an open question comes before anything but a keyword."""
    asked_for = _asked_for(text, command, context)
    if asked_for:
        return asked_for
    if command.intent not in _MAY_ANSWER and not command.confirm:
        return Say(command.intent, command.argument, command.number)
    answered = _answered(text, context)
    if answered:
        return answered
    if command.confirm and command.intent not in _HARMLESS:
        return AskMeant(command.intent)
    if command.intent not in _WORDS:
        return Say(command.intent, command.argument, command.number)
    said = answer(text, context.language)
    if said and said.word is AnswerWord.APPEAL:
        return Say(AnswerWord.APPEAL)
    return _unasked(text, command, context)


def cries_for_help(command: Command, told: Suggestion) -> bool:
    """ "Nisaidie ananipiga" asks nobody how the service works, as HELP with a word does."""
    return command.intent is Intent.HELP and bool(command.argument) and told.urgent


def _asked_for(text: str, command: Command, context: Context) -> Plan | None:
    """What a keyword does, whatever was asked before."""
    match command.intent:
        case Intent.COMPLAIN:
            return _complaint(text, command)
        case Intent.HELP if cries_for_help(command, _told(text, context)):
            return Lodge(text)
        case Intent.STOP if command.confirm:
            return AskStop(command.number)
        case Intent.JOIN if command.number:
            return Join(command.number)
        case Intent.RATE | Intent.APPEAL:
            return _about_a_case(text, command, context)
        case Intent.REOPEN if not command.confirm:  # else: "sio kweli, hamjatengeneza"
            return _about_a_case(text, command, context)
        case _:
            return None


def _complaint(text: str, command: Command) -> Plan:
    """To lodge is what happens to plain text as well: a misspelt word for it needs no asking."""
    if command.confirm:
        return Lodge(text)
    return Lodge(command.argument) if command.argument else Say(Intent.HELP)


def _about_a_case(text: str, command: Command, context: Context) -> Plan:
    """RATE, REOPEN and APPEAL without a number: about the case that we asked that about."""
    if command.number:  # of no case of theirs
        return Say(Intent.STATUS, number=command.number)
    match command.intent:
        case Intent.RATE:
            asked = _asked_about("rate", context)
            rated = asked or context.resolved_id
            if rated and (asked or not command.confirm):
                return Act(Action.RATE, rated, "rate", facts={"stars": int(command.argument)})
            return AskMeant(command.intent) if command.confirm else _say(command)
        case Intent.REOPEN:
            case_id = _asked_about("solved", context) or context.resolved_id or context.asked_id
            return Act(Action.REOPEN, case_id, "solved", command.argument or None) if case_id else _say(command)
        case _:
            return _answered(text, context) or Say(AnswerWord.APPEAL)


def _asked_about(kind: str, context: Context) -> str | None:
    return next((one.case_id for one in context.questions if one.kind == kind), None)


def _say(command: Command) -> Say:
    return Say(command.intent, command.argument, command.number)


def _unasked(text: str, command: Command, context: Context) -> Plan:
    """What answers no open question. The bare word for an answer is never guessed at."""
    said = answer(text, context.language)
    if (said and said.word is not AnswerWord.NEW) or text.strip(" .!") in STARS:
        if said and context.resolved_id:
            return AskAgain(context.resolved_id, "solved")  # we asked about another case since
        if context.asked_id and (command.number or not context.case_id):
            return NotAsked(context.asked_id)
    if command.number and command.why == A_NUMBER_ALONE:
        return Say(Intent.STATUS if len(command.number) >= LEAST_DIGITS else Intent.HELP, number=command.number)
    if said and (said.word is AnswerWord.NEW or not context.case_id):  # there is nothing that it answers
        return Say(Intent.HELP)
    if context.case_id and _belongs(text, context):
        return Add(context.case_id, text)
    return Lodge(text)


def _belongs(text: str, context: Context) -> bool:
    """Whether it may be about the case that we wrote about: nothing in it tells of another kind of problem. What
    sounds secret is added to no case that an office may read aloud, and a cry for help is no detail of another secret:
    who is beaten at home must not be filed with a bribe."""
    told = _told(text, context)
    if is_delicate(told, context.pack):
        return context.is_neutral and (context.is_cry or not told.urgent)
    unnamed = context.category is None and not context.is_neutral
    return unnamed or not _tells_of_another(told, context.category)


def _tells_of_another(told: Suggestion, category: str | None) -> bool:
    """Whether words tell of a problem of another category. One word alone ("the school", "hospitali") says where it is
    as often as what it is."""
    return told.category not in (None, category) and (told.sub is not None or told.score > _ONE_WORD)


def _told(text: str, context: Context) -> Suggestion:
    return suggest(context.pack, context.places, text, context.near)


def guess(words: str, context: Context) -> Guess:
    """What a complaint in these words is filed as. What sounds secret is filed by a person."""
    told = _told(words, context)
    if is_delicate(told, context.pack) or told.category is None:
        place = None if is_delicate(told, context.pack) else told.certain
        return Guess(place=place, danger=told.urgent)
    sub = context.pack.subs[told.sub or _rest_of(told.category, context.pack)]
    which = told.namesakes if sub.where == "place" and not told.urgent else ()
    return Guess(sub.code, told.certain if sub.where != "none" else None, which, told.urgent)


def plan_addressed(addressed: Addressed, case_id: str, state: State, context: Context) -> Plan:
    """What to do about a text that names its case, which is in `state`: the questions in `context` are about it.

    Whether or not we asked, everybody may say that their case is not solved, or appeal. Words are never lost: they go
    to the case while it is open, wait with the question that its decision leaves open, or are a complaint of their own.
    """
    implied = tuple(Question("", kind, case_id) for kind in _IMPLIED.get(state, ()))
    answered = _answered(addressed.text, replace(context, questions=(*context.questions, *implied)))
    if answered:
        return answered
    if not _has_words(addressed.text, context):
        return Say(Intent.STATUS, number=addressed.number)
    if state in OPEN:
        return Add(case_id, addressed.text)
    if state in _CONTESTED:
        return AskAgain(case_id, _CONTESTED[state], keep=True)
    return Lodge(addressed.text)


def _has_words(text: str, context: Context) -> bool:
    """Whether it says more than an answer in one word."""
    return any(map(str.isalpha, text)) and answer(text, context.language) is None


def _answered(text: str, context: Context) -> Plan | None:
    plans = (_ANSWERS[question.kind](text, question, context) for question in context.questions)
    found = next((plan for plan in plans if plan), None)
    return _named_for_another(text, context) or found if isinstance(found, AskAgain) else found


def _named_for_another(text: str, context: Context) -> Plan | None:
    """The bare name of a place does not tell whether a case is solved: it is for the other one that we asked it of."""
    if len(context.where_asked) != 1 or len(text.split()) > _BARE_NAME or _told(text, context).category:
        return None
    (asked,) = context.where_asked
    return _where(text, text, asked, None, context)


def _is_new(text: str, question: Question, context: Context) -> Plan | None:
    word = answer(text, context.language)
    return Split(question.options[0]) if word and word.word is AnswerWord.NEW else None


def _what(text: str, question: Question, context: Context) -> Plan | None:
    """ "1", "1 Kayole", "maji kayole": the kind first, then perhaps the place. Or a sentence that tells."""
    first, _, rest = " ".join(text.split()).partition(" ")
    category = _category(first.strip(".,:;)"), context.pack)
    if category is None:
        return _told_anew(text, question, context)
    told = _told(text, context)
    if told.sensitive or (told.sub is None and any(sub.sensitive for sub in context.pack.subs_of(category.code))):
        return Classify(question.case_id, None, None, text, secret=True)
    sub = (told.sub if told.category == category.code else None) or _rest_of(category.code, context.pack)
    rest = rest.strip(" .,:;-")
    located = _where(rest, text, question, sub, context) if rest else None
    return located or Classify(question.case_id, sub, told.certain, text, told.namesakes)


def _rest_of(category: str, pack: Pack) -> str:
    """The category's "Other": what exactly it is is for the office to find out."""
    return pack.subs_of(category)[-1].code


def _told_anew(text: str, question: Question, context: Context) -> Plan | None:
    """Their own words for it, where those tell the kind; what sounds secret is for a person to read."""
    told = _told(text, context)
    if told.category is None or is_delicate(told, context.pack):
        return None
    sub = told.sub or _rest_of(told.category, context.pack)
    return Classify(question.case_id, sub, told.certain, text, told.namesakes)


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
    """By its name alone, or in a sentence that names one place; NO where the SMS that asked took it for something
    else than it is."""
    if _is_another_matter(text, question, context):
        return None
    named = _where(text, text, question, None, context) or _located(text, question, context)
    return named or _bare_no(text, question, context)


def _is_another_matter(text: str, question: Question, context: Context) -> bool:
    """Whether words that may name a place tell of another problem than the one that we asked about, or of something
    secret, which the office that has this one must not read. "Near the police station" tells of neither."""
    told = _told(text, context)
    if told.sensitive or (is_delicate(told, context.pack) and (told.urgent or told.score > _ONE_WORD)):
        return True
    return bool(question.category and told.sub and told.category != question.category)


def _located(text: str, question: Question, context: Context) -> Plan | None:
    told = _told(text, context)
    if not (told.certain or told.namesakes):
        return None
    return Classify(question.case_id, None, told.certain, text, told.namesakes)


def _bare_no(text: str, question: Question, context: Context) -> Plan | None:
    """NO to an SMS that says what we took it for: that is not it."""
    said = answer(text, context.language)
    return Undo(question.case_id) if said and said.word is AnswerWord.NO else None


def _guess(text: str, question: Question, context: Context) -> Plan | None:
    """NO, and then what is right, as far as they say it. "No water in Umoja" tells of a problem instead."""
    bare = _bare_no(text, question, context)
    if bare:
        return bare
    marked = opening(text, language=context.language) is AnswerWord.NO  # "No, …"
    if not marked and opening(text, AnswerWord.NO, language=context.language) is not AnswerWord.NO:
        return None
    if not marked and _told(text, context).category:
        return None
    _, _, rest = " ".join(text.split()).partition(" ")
    rest = _RATHER.sub("", rest).strip(" .,:;-")
    right = (
        _where(rest, text, question, None, context)
        or _told_anew(rest, question, context)
        or _located(rest, question, context)
    )
    return replace(right, words=text) if isinstance(right, Classify) else Undo(question.case_id, text)


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
    """A number of our list, or the county's name; if several lie in that county, those are asked about. Or another
    place after all."""
    typed = text.strip(" .")
    listed = dict(zip("123", question.options[:MOST_OPTIONS], strict=False))
    if typed in listed:
        return Classify(question.case_id, None, listed[typed], text)
    matching = tuple(code for code in question.options if _in_county(context.pack, code, fold(typed)))
    if len(matching) == 1:
        return Classify(question.case_id, None, matching[0], text)
    if matching:
        return Classify(question.case_id, None, None, text, matching)
    return _place(text, question, context)


def _in_county(pack: Pack, code: str, name: str) -> bool:
    county = pack.places[code].county
    return bool(county and name and fold(pack.places[county].name) == name)


def _solved(text: str, question: Question, context: Context) -> Plan | None:
    """YES and NOT YET alone; NOT YET also with what is still wrong. What else they write soon after our question is
    kept, and asked about: it may be thanks, the same trouble or another one."""
    said = answer(text, context.language)
    word = said.word if said else opening(text, language=context.language)
    earlier = " ".join(question.options) or None
    if said and said.word is AnswerWord.YES:
        return Act(Action.CONFIRM, question.case_id, "solved", None, earlier)
    if word in (AnswerWord.NO, AnswerWord.NOT_YET) and (said or question.is_fresh):
        return Act(Action.REOPEN, question.case_id, "solved", None if said else text, earlier)
    if word is AnswerWord.NEW and earlier:
        return Split(question.options[-1])
    if word is AnswerWord.APPEAL:
        return Act(Action.APPEAL, question.case_id, "solved", None if said else text, earlier)
    return AskAgain(question.case_id, "solved", keep=True) if _is_unclear(text, question, context) else None


def _is_unclear(text: str, question: Question, context: Context) -> bool:
    """Whether it may be about the decision that we asked about, and we had better ask again."""
    if not (question.is_fresh and question.stands and question.id) or _is_number(text):
        return False
    told = _told(text, context)
    if is_delicate(told, context.pack):
        return False
    return question.category is None or not _tells_of_another(told, question.category)


def _is_number(text: str) -> bool:
    """Whether it is a case number, or the end of one."""
    return sum(map(str.isdigit, text)) >= LEAST_DIGITS and not any(map(str.isalpha, text))


def _rate(text: str, question: Question, _: Context) -> Plan | None:
    """One digit. Another number is asked about; other words are none of our business here."""
    digits = text.strip(" .!")
    if digits in STARS and not (digits == "1" and question.id and question.age < _HASTE):
        return Act(Action.RATE, question.case_id, "rate", facts={"stars": int(digits)})
    unclear = question.stands and len(digits) == 1 and digits.isdecimal()
    return AskAgain(question.case_id, "rate") if unclear else None


def _reply(text: str, question: Question, _: Context) -> Plan | None:
    return Act(Action.ANSWER, question.case_id, "question", text)


def _stop(text: str, question: Question, context: Context) -> Plan | None:
    """1: all our SMS; 2, where we offered it: those about one case; NO: none of them."""
    said = answer(text, context.language)
    if said and said.word is AnswerWord.YES:
        return Say(Intent.STOP)
    if text.strip(" .!") == "2" and question.case_id:
        return Mute(question.case_id)
    return Say(Intent.HELP) if said and said.word is AnswerWord.NO else None


def _meant(text: str, question: Question, context: Context) -> Plan | None:
    said = answer(text, context.language)
    if said and said.word in (AnswerWord.YES, AnswerWord.NO, AnswerWord.NOT_YET, AnswerWord.NEW):
        return Meant(question.options[0], said.word is AnswerWord.YES)
    return None


def _undo(text: str, question: Question, context: Context) -> Plan | None:
    """NO, or a sentence that begins so; but "No water since Monday" is a new complaint and not about the withdrawal."""
    said = answer(text, context.language)
    word = said.word if said else opening(text, AnswerWord.NO, language=context.language)
    if word is not AnswerWord.NO or (not said and _told(text, context).category):
        return None
    return Act(Action.RESTORE, question.case_id, "undo", None if said else text)


def _appeal(text: str, question: Question, context: Context) -> Plan | None:
    """APPEAL, perhaps with the reason. What they wrote when it was refused to reopen is the reason, too. Words soon
    after a rejection are kept, and asked about: they may be meant against it."""
    said = answer(text, context.language)
    word = said.word if said else opening(text, language=context.language)
    if word is AnswerWord.NEW and question.options:
        return Split(question.options[-1])
    if word is not AnswerWord.APPEAL and not _ends_with(AnswerWord.APPEAL, text, context):
        is_words = said is None and understand(text, context.language).intent is Intent.TEXT
        unclear = is_words and any(map(str.isalpha, text)) and _is_unclear(text, question, context)
        return AskAgain(question.case_id, "appeal", keep=True) if unclear else None
    earlier = " ".join(question.options) or None
    return Act(Action.APPEAL, question.case_id, "appeal", None if said else text, earlier)


def _ends_with(word: AnswerWord, text: str, context: Context) -> bool:
    """ "I disagree. Appeal": the word that we asked for, at the end."""
    last = answer("".join(text.split()[-1:]), context.language)
    return last is not None and last.word is word


def _known(text: str, question: Question, context: Context) -> Plan | None:
    said = answer(text, context.language)
    if said and said.word is AnswerWord.YES:
        return Act(Action.DUPLICATE, question.case_id, "known", facts={"master": question.options[0]})
    if said and said.word in (AnswerWord.NO, AnswerWord.NOT_YET, AnswerWord.NEW):
        return Apart(question.case_id)
    return None


def _draft(text: str, question: Question, context: Context) -> Plan | None:
    """YES sends it, NO does not, also at the head of a sentence; any other words are sent with it, unless they tell of
    another kind of problem. A digit or a thank-you says neither."""
    draft_id, sub = question.options
    said = answer(text, context.language)
    word = said.word if said else opening(text, language=context.language)
    if said and said.word is AnswerWord.YES:
        return Finish(draft_id, None)
    if word is AnswerWord.NOT_YET and context.resolved_id:  # of which we asked before whether it is solved
        return AskAgain(context.resolved_id, "solved", keep=said is None)
    if word in (AnswerWord.NO, AnswerWord.NOT_YET):
        return Leave()
    is_words = any(map(str.isalpha, text)) and understand(text, context.language).intent is Intent.TEXT
    fits = is_words and word not in _OF_CASES and not _is_another(text, sub, context)
    return Finish(draft_id, text) if fits else None


def _is_another(text: str, sub: str, context: Context) -> bool:
    """Whether the words speak of another kind of problem than this one, which is named."""
    kind, told = context.pack.subs[sub], _told(text, context).category
    return not kind.words_first and told not in (None, kind.category)


def _call(text: str, question: Question, context: Context) -> Plan | None:  # noqa: ARG001  one signature for all
    said = answer(text, context.language)
    return NoCall() if said and said.word is AnswerWord.NO else None


_RATHER: Final = re.compile(r".*\b(?:it is|it's|its|but|ni|bali)\b", re.IGNORECASE)  # "not Kayole, it is Umoja"
_BARE_NAME: Final = 3  # words: "ni Kayole Nairobi"
_OF_CASES: Final = frozenset({AnswerWord.APPEAL, AnswerWord.NEW})  # they speak of a case, never of a draft
# A thank-you may be the answer to an officer ("may we come on Monday?" – "sawa")
_MAY_ANSWER: Final = frozenset({Intent.TEXT, Intent.ACK})
_WORDS: Final = frozenset({Intent.TEXT, Intent.REOPEN})  # that something is not solved may be a complaint, too
_HARMLESS: Final = frozenset({Intent.REOPEN, Intent.AGENT})  # the answer to these says how to take them back
# The question that words about a decided case are kept with
_CONTESTED: Final[Mapping[State, str]] = {State.RESOLVED: "solved", State.CLOSED: "solved", State.REJECTED: "appeal"}
# What may be said of a case in these states without being asked
_IMPLIED: Final[Mapping[State, tuple[str, ...]]] = {
    State.PENDING_CITIZEN: ("question",),
    State.RESOLVED: ("solved", "rate"),
    State.CLOSED: ("solved", "rate"),
    State.REJECTED: ("solved",),
    State.WITHDRAWN: ("undo",),
}
_ANSWERS: Final[Mapping[str, Callable[[str, Question, Context], Plan | None]]] = {
    "what": _what,
    "place": _place,
    "which": _which,
    "guess": _guess,
    "added": _is_new,
    "known": _known,
    "solved": _solved,
    "rate": _rate,
    "question": _reply,
    "undo": _undo,
    "appeal": _appeal,
    "draft": _draft,
    "call": _call,
    "stop": _stop,
    "meant": _meant,
}
