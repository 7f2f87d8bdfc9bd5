"""What a text message leads to: a pure function of what was written, what we had asked and last written about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from cases.lifecycle import OPEN, STARS, Action, State
from cases.reference import LEAST_DIGITS
from cases.triage import suggest
from packs.model import Category, Pack, Place
from packs.places import EVERYWHERE, PlaceIndex, fold
from sms_gateway.keywords import A_NUMBER_ALONE, Addressed, AnswerWord, Command, Intent, answer, opening, understand

# "Reply 1 water 2 power 3 roads 4 health 5 ID 6 police 7 land 8 other": the keys of the menu, but for 8
_OTHER_KEY: Final = "9.6"
_WHAT_KEYS: Final = {**{str(digit): str(digit) for digit in range(1, 8)}, "8": _OTHER_KEY}
MOST_OPTIONS: Final = 3  # that an SMS can list; who lives elsewhere names the county

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

    `what` it is about, in which `place`, `which` of several; whether what was `added` belongs there, whether it is the
    `known` problem; whether it is `solved`, how they would `rate` it; an officer's `question`; whether to `undo` a
    withdrawal or to `appeal`; whether to send a `draft` that they left, whether they still want the `call`. `options`:
    place codes, the message that was added, the known case, the draft and its sub-category. `stands`: the case still
    waits for the answer; it may have been given on the screen meanwhile.
    """

    id: str
    kind: str
    case_id: str = ""  # of none: a draft, a call
    options: tuple[str, ...] = ()
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
    questions: tuple[Question, ...] = ()  # open ones about the case that we asked about last, newest first
    case_id: str | None = None  # the open case that we wrote about within 72 h
    resolved_id: str | None = None  # their newest case that waits to be told whether it is solved
    asked_id: str | None = None  # the case that we asked about last, within 30 days, whether or not they answered


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
class Join:
    """ "Affects me too": to follow the case with this number."""

    number: str


@dataclass(frozen=True, slots=True)
class Say:
    """Nothing but an answer: the keyword, and what came with it."""

    intent: Intent | AnswerWord
    argument: str = ""
    number: str | None = None


Plan = Lodge | Add | Classify | Split | Act | Apart | Finish | Leave | NoCall | AskAgain | NotAsked | Join | Say


def plan(text: str, command: Command, context: Context) -> Plan:
    """What to do about a text. An answer to an open question comes before anything but a keyword."""
    if command.intent is Intent.COMPLAIN:
        return Lodge(command.argument) if command.argument else Say(Intent.HELP)
    if command.intent is Intent.JOIN and command.number:
        return Join(command.number)
    if command.intent not in _MAY_ANSWER:
        return Say(command.intent, command.argument, command.number)
    answered = _answered(text, context)
    if answered:
        return answered
    if command.intent is not Intent.TEXT:
        return Say(command.intent, command.argument, command.number)
    said = answer(text)
    if said and said.word is AnswerWord.APPEAL:
        return Say(AnswerWord.APPEAL)
    return _unasked(text, command, context)


def _unasked(text: str, command: Command, context: Context) -> Plan:
    """What answers no open question. The bare word for an answer is never guessed at."""
    said = answer(text)
    if (said and said.word is not AnswerWord.NEW) or text.strip(" .!") in STARS:
        if said and context.resolved_id:
            return AskAgain(context.resolved_id, "solved")  # we asked about another case since
        if context.asked_id and (command.number or not context.case_id):
            return NotAsked(context.asked_id)
    if command.number and command.why == A_NUMBER_ALONE:
        return Say(Intent.STATUS if len(command.number) >= LEAST_DIGITS else Intent.HELP, number=command.number)
    if context.case_id:
        return Add(context.case_id, text)
    return Lodge(text)


def plan_addressed(addressed: Addressed, case_id: str, state: State, context: Context) -> Plan:
    """What to do about an answer that names its case, which is in `state`: the questions in `context` are about it.

    Whether or not we asked, everybody may say that their case is not solved, or appeal.
    """
    implied = tuple(Question("", kind, case_id) for kind in _IMPLIED.get(state, ()))
    answered = _answered(addressed.text, replace(context, questions=(*context.questions, *implied)))
    if answered:
        return answered
    if state in OPEN and opening(addressed.text):  # it is open already, but there are words with it
        return Add(case_id, addressed.text)
    return Say(Intent.STATUS, number=addressed.number)


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


def _solved(text: str, question: Question, _: Context) -> Plan | None:
    """YES and NOT YET alone; NOT YET also with what is still wrong. What else they write soon after our question is
    kept, and asked about: it may be thanks, the same trouble or another one."""
    said = answer(text)
    word = said.word if said else opening(text)
    earlier = " ".join(question.options) or None
    if said and said.word is AnswerWord.YES:
        return Act(Action.CONFIRM, question.case_id, "solved", None, earlier)
    if word in (AnswerWord.NO, AnswerWord.NOT_YET) and (said or question.is_fresh):
        return Act(Action.REOPEN, question.case_id, "solved", None if said else text, earlier)
    if word is AnswerWord.NEW and earlier:
        return Split(question.options[-1])
    if word is AnswerWord.APPEAL:
        return Act(Action.APPEAL, question.case_id, "solved", None if said else text, earlier)
    unclear = question.is_fresh and question.stands and question.id and not _is_number(text)
    return AskAgain(question.case_id, "solved", keep=True) if unclear else None


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


def _undo(text: str, question: Question, context: Context) -> Plan | None:
    """NO, or a sentence that begins so; but "No water since Monday" is a new complaint and not about the withdrawal."""
    said = answer(text)
    word = said.word if said else opening(text, AnswerWord.NO)
    if word is not AnswerWord.NO or (not said and suggest(context.pack, context.places, text).category):
        return None
    return Act(Action.RESTORE, question.case_id, "undo", None if said else text)


def _appeal(text: str, question: Question, _: Context) -> Plan | None:
    """APPEAL, perhaps with the reason. What they wrote when it was refused to reopen is the reason, too."""
    said = answer(text)
    word = said.word if said else opening(text)
    if word is not AnswerWord.APPEAL:
        return None
    earlier = " ".join(question.options) or None
    return Act(Action.APPEAL, question.case_id, "appeal", None if said else text, earlier)


def _known(text: str, question: Question, _: Context) -> Plan | None:
    said = answer(text)
    if said and said.word is AnswerWord.YES:
        return Act(Action.DUPLICATE, question.case_id, "known", facts={"master": question.options[0]})
    if said and said.word in (AnswerWord.NO, AnswerWord.NOT_YET, AnswerWord.NEW):
        return Apart(question.case_id)
    return None


def _draft(text: str, question: Question, context: Context) -> Plan | None:
    """YES sends it, NO does not, also at the head of a sentence; any other words are sent with it, unless they tell of
    another kind of problem. A digit or a thank-you says neither."""
    draft_id, sub = question.options
    said = answer(text)
    word = said.word if said else opening(text)
    if said and said.word is AnswerWord.YES:
        return Finish(draft_id, None)
    if word is AnswerWord.NOT_YET and context.resolved_id:  # of which we asked before whether it is solved
        return AskAgain(context.resolved_id, "solved", keep=said is None)
    if word in (AnswerWord.NO, AnswerWord.NOT_YET):
        return Leave()
    is_words = any(map(str.isalpha, text)) and understand(text).intent is Intent.TEXT
    fits = is_words and word not in _OF_CASES and not _is_another(text, sub, context)
    return Finish(draft_id, text) if fits else None


def _is_another(text: str, sub: str, context: Context) -> bool:
    """Whether the words speak of another kind of problem than this one, which is named."""
    kind, told = context.pack.subs[sub], suggest(context.pack, context.places, text).category
    return not kind.words_first and told not in (None, kind.category)


def _call(text: str, question: Question, _: Context) -> Plan | None:  # noqa: ARG001  one signature for all
    said = answer(text)
    return NoCall() if said and said.word is AnswerWord.NO else None


_OF_CASES: Final = frozenset({AnswerWord.APPEAL, AnswerWord.NEW})  # they speak of a case, never of a draft
# A thank-you may be the answer to an officer ("may we come on Monday?" – "sawa")
_MAY_ANSWER: Final = frozenset({Intent.TEXT, Intent.ACK})
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
    "added": _is_new,
    "known": _known,
    "solved": _solved,
    "rate": _rate,
    "question": _reply,
    "undo": _undo,
    "appeal": _appeal,
    "draft": _draft,
    "call": _call,
}
