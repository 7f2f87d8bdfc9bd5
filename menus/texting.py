"""The shell around the dialogue for SMS: store it first, then understand it, do it, and answer through the outbox.

A message is stored in a transaction of its own before anything else. What it leads to is a second transaction, in the
same request; if that fails, the message stays unhandled, the relay's tick tries again, and after five failures it is
put aside with an alert. Every message is therefore handled once, or known to be in trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from peewee import IntegrityError

from cases import lookup, reference
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.lifecycle import APPEAL_WINDOW, DECIDED, OPEN, REOPEN_WINDOW, Action, NotAllowed, Role, State
from cases.models import Case
from locales import SOURCE, language_called
from menus import dialogue
from menus.dialogue import (
    ATTENTION,
    LASTING,
    Act,
    Add,
    Apart,
    AskAgain,
    Classify,
    Context,
    Join,
    Lodge,
    NotAsked,
    Plan,
    Question,
    Say,
    Split,
)
from menus.messages import MOST_IN_LIST
from menus.notifier import case_params, day, is_neutral, last_day
from menus.sessions import SmsQuestion
from packs.model import Pack
from packs.places import PlaceIndex
from sms_gateway.gateway import Mo
from sms_gateway.keywords import AnswerWord, Command, Intent, addressed, understand
from sms_gateway.message import Direction, Draft, Lane, Message, post
from store import database
from store.model import Insert, new_id

MOST_FAILURES: Final = 5
RETRY_AFTER: Final = timedelta(seconds=10)
MOST_REPLIES: Final = 10  # an hour to one number: two services that answer each other come to an end
MOST_COUNTED: Final = 100
MOST_DIGITS_ECHOED: Final = 9
MOST_QUESTIONS: Final = 20  # that may be open at once
_HOUR: Final = timedelta(hours=1)


class Texting:
    """Takes in what citizens text. `packs` gives the pack in force with its place index."""

    def __init__(
        self,
        citizens: Citizens,
        casework: Casework,
        packs: Callable[[], tuple[Pack, PlaceIndex]],
        languages: tuple[str, ...],
        log: Callable[..., None],
    ) -> None:
        self._citizens, self._casework, self._packs = citizens, casework, packs
        self._languages, self._log = languages, log
        self._insert = Insert(Message)

    def receive(self, mo: Mo, now: datetime) -> None:
        """Store a message and handle it. Idempotent on (provider, provider_id). Raises only if it could not be stored;
        the network then sends it again."""
        message_id = database.steady(lambda: self._store(mo, now))
        if message_id:
            self.handle(message_id, now)

    def _store(self, mo: Mo, now: datetime) -> str | None:
        """The id of the message, new or known and never handled; None for one that was handled."""
        caller = self._citizens.meet(mo.msisdn, now)
        message_id = new_id()
        row = {
            "id": message_id,
            "direction": Direction.MO,
            "state": "received",
            "citizen": caller.id,
            "body": caller.key.seal("message.body", message_id, mo.text),
            "created_at": now,
            "provider": mo.provider,
            "provider_id": mo.provider_id,
            "short_code": mo.short_code[: Message.short_code.max_length],
        }
        try:
            with database.transaction():
                self._insert([row])
        except IntegrityError:
            known = Message.select(Message.id).where(
                Message.direction == "mo",
                Message.provider == mo.provider,
                Message.provider_id == mo.provider_id,
                Message.state == "received",
            )
            unhandled = known.first()
            return unhandled.id if unhandled else None
        return message_id

    def handle(self, message_id: str, now: datetime) -> bool:
        """Do what a stored message asks, once. False if that failed: it is counted, and tried again by `retry`."""
        try:
            database.steady(lambda: self._handle(message_id, now))
        except Exception as fault:
            self._count_failure(message_id, fault)
            return False
        return True

    def retry(self, now: datetime, limit: int = 100) -> int:
        """Handle what was stored but not handled, oldest first; how many were."""
        waiting = (
            Message.select(Message.id)
            .where(
                Message.direction == "mo",
                Message.state == "received",
                Message.created_at < now - RETRY_AFTER,
            )
            .order_by(Message.created_at)
            .limit(limit)
        )
        return sum(self.handle(message.id, now) for message in list(waiting))

    def _count_failure(self, message_id: str, fault: Exception) -> None:
        self._log("message_not_handled", message=message_id, fault=repr(fault), exc_info=fault)
        try:
            with database.transaction():
                Message.update(attempts=Message.attempts + 1).where(Message.id == message_id).execute()
                dead = (Message.id == message_id) & (Message.attempts >= MOST_FAILURES)
                if Message.update(state="dead").where(dead).execute():
                    self._log("message_put_aside", message=message_id, failures=MOST_FAILURES)
        except Exception as again:
            self._log("failure_not_counted", message=message_id, fault=repr(again))

    def _handle(self, message_id: str, now: datetime) -> None:
        with database.transaction():
            message = Message.get_by_id(message_id)
            self._citizens.hold(message.__data__["citizen"])
            message = Message.get_by_id(message_id)  # as it is now that nobody else can change it
            if message.state != "received":
                return
            caller = self._citizens.by_id([message.__data__["citizen"]])[message.__data__["citizen"]]
            text = caller.key.open("message.body", message.id, message.body)
            _Handling(self, message, caller, text, now).run()
            message.state, message.handled_at = "handled", now
            message.save(only=[Message.state, Message.handled_at, Message.case])


# The states in which we would still like an answer; in others it was given on the screen, or is beside the point
_STANDS_IN: Final[Mapping[str, Collection[str]]] = {
    "solved": (State.RESOLVED,),
    "rate": (State.RESOLVED, State.CLOSED),
}
# What may be said of a case that is not to be named
_NEUTRAL: Final = ("ref", "status", "date")
# How long after a decision it may be taken up again
_WINDOWS: Final = {Action.REOPEN: REOPEN_WINDOW, Action.APPEAL: APPEAL_WINDOW}


class _Handling:
    """One message while it is handled, inside its transaction."""

    def __init__(self, house: Texting, message: Message, caller: Caller, text: str, now: datetime) -> None:
        self._house, self._message, self._caller = house, message, caller
        self._text, self._now = text, now
        self._pack, self._places = house._packs()

    def run(self) -> None:
        command = understand(self._text)
        if self._caller.language is None:  # they never chose: answer as they wrote, as far as a keyword tells
            self._caller = replace(self._caller, language=command.language or self._language_so_far())
        self._do(self._plan(command))

    def _plan(self, command: Command) -> Plan:
        """What to do. An answer that names its case is for that one, whatever we asked last."""
        named = addressed(self._text)
        case = lookup.own_case(self._caller.id, named.number) if named else None
        if named and case:
            context = replace(self._context(), questions=self._open(self._asked(case.id)))
            return dialogue.plan_addressed(named, case.id, State(case.state), context)
        if named and len(named.number) == reference.DIGITS:
            return Say(Intent.STATUS, number=named.number)
        return dialogue.plan(self._text, command, self._context())

    def _language_so_far(self) -> str:
        """The language of what we wrote last: two messages in a row don't change it."""
        ours = Message.select(Message.language).where(Message.citizen == self._caller.id, Message.direction == "mt")
        newest = ours.order_by(Message.created_at.desc(), Message.id.desc()).first()
        return newest.language if newest else SOURCE

    def _do(self, plan: Plan) -> None:
        match plan:
            case Lodge(words):
                self._lodge(words, self._message.id)
            case Add(case_id, words):
                self._add(case_id, words)
            case Classify():
                self._classify(plan)
            case Split(added):
                self._split(added)
            case Act() | Apart() | AskAgain() | NotAsked():
                self._answer(plan)
            case Join(number):
                self._join(number)
            case Say(intent, argument, number):
                self._say(intent, argument, number)

    def _answer(self, plan: Act | Apart | AskAgain | NotAsked) -> None:
        match plan:
            case Act():
                self._act(plan)
            case Apart(case_id):
                self._apart(case_id)
            case AskAgain():
                self._ask_again(plan)
            case NotAsked(case_id):
                self._not_asked(Case.get_by_id(case_id))

    def _context(self) -> Context:
        case, asked = self._case_we_wrote_about(), self._asked()
        return Context(
            pack=self._pack,
            places=self._places,
            near=self._pack.places.get(self._caller.place) if self._caller.place else None,
            questions=self._open(asked),
            case_id=case.id if case else None,
            resolved_id=self._resolved(),
            asked_id=asked[0].__data__["case"] if asked else None,
        )

    def _asked(self, about: str | None = None) -> list[SmsQuestion]:
        """What we asked about this case, or about the one that we asked about last, answered or not; the newest first.

        Two cases never mix: "1" said twice is never the answer to a question about another one.
        """
        asked = (
            SmsQuestion.select(SmsQuestion, Case.id, Case.state)
            .join(Case)
            .where(SmsQuestion.citizen == self._caller.id, SmsQuestion.asked_at > self._now - max(LASTING.values()))
            .order_by(SmsQuestion.asked_at.desc(), SmsQuestion.id.desc())
            .limit(MOST_QUESTIONS)
        )
        rows = list(asked.where(SmsQuestion.case == about) if about else asked)
        return [row for row in rows if row.__data__["case"] == rows[0].__data__["case"]]

    def _open(self, asked: Iterable[SmsQuestion]) -> tuple[Question, ...]:
        return tuple(
            Question(
                id=row.id,
                kind=row.kind,
                case_id=row.__data__["case"],
                options=tuple((row.options or "").split()),
                age=self._age(row),
                stands=row.kind not in _STANDS_IN or row.case.state in _STANDS_IN[row.kind],
            )
            for row in asked
            if self._is_open(row)
        )

    def _is_open(self, question: SmsQuestion) -> bool:
        if question.answered_at or self._age(question) >= LASTING.get(question.kind, ATTENTION):
            return False
        return question.kind != "question" or question.case.state == State.PENDING_CITIZEN

    def _age(self, question: SmsQuestion) -> timedelta:
        age: timedelta = self._now - question.asked_at
        return age

    def _resolved(self) -> str | None:
        """Their newest case of which we would like to hear whether it is solved."""
        newest = lookup.recent(self._caller.id, MOST_IN_LIST)
        waiting = (case for case in newest if case.state == State.RESOLVED and not is_neutral(case, self._pack))
        return next((case.id for case in waiting), None)

    def _case_we_wrote_about(self) -> Case | None:
        """The open case that our newest SMS of the last 72 hours was about."""
        ours = (
            Case.select()
            .join(Message, on=(Message.case == Case.id))
            .where(
                Message.citizen == self._caller.id,
                Message.direction == "mt",
                Message.created_at > self._now - ATTENTION,
                Case.state.in_(sorted(OPEN)),
            )
        )
        case: Case | None = ours.order_by(Message.created_at.desc(), Message.id.desc()).first()
        return case

    def _is_flood(self) -> bool:
        """Two services that answer each other must come to an end: past the budget, we act but say nothing."""
        replies = Message.select().where(
            Message.citizen == self._caller.id, Message.lane == Lane.RECEIPT, Message.created_at > self._now - _HOUR
        )
        return bool(replies.limit(MOST_REPLIES).count() >= MOST_REPLIES)

    # What a plan does

    def _lodge(self, words: str, source_key: str) -> None:
        self._apply(
            Change(
                action=Action.LODGE,
                caller=self._caller,
                source="sms",
                source_key=source_key,
                facts={"language": self._caller.language},
                words=words,
                quiet=self._is_flood(),
            )
        )

    def _change(self, action: Action, case_id: str, words: str, facts: Mapping[str, str | None] | None = None) -> None:
        self._apply(
            Change(
                action=action,
                caller=self._caller,
                source="sms",
                source_key=self._message.id,
                case_id=case_id,
                facts={**(facts or {}), "language": self._caller.language},
                words=words,
                quiet=self._is_flood(),
            )
        )

    def _apply(self, change: Change) -> None:
        self._message.case = self._house._casework.apply(change, self._now).case

    def _classify(self, plan: Classify) -> None:
        """The question is answered before the next one is asked. Once an office works on the case, what it is about is
        the office's to say: the citizen's answer is added as words, as to any case."""
        self._answered(plan.case_id, ("what", "place", "which"))
        facts = {"sub": plan.sub, "place": plan.place, "which": " ".join(plan.which) or None}
        try:
            self._change(Action.CLASSIFY, plan.case_id, plan.words, facts)
        except NotAllowed:
            self._add(plan.case_id, plan.words)

    def _add(self, case_id: str, words: str) -> None:
        """To a case that was closed meanwhile nothing can be added: then it is a new one."""
        try:
            self._change(Action.ADD_WORDS, case_id, words)
        except NotAllowed:
            self._lodge(words, self._message.id)

    def _split(self, added: str) -> None:
        """The words stay with the case they were added to, and become a complaint of their own."""
        other = Message.get_by_id(added)
        self._answered(other.__data__["case"], ("added", "solved"))
        self._lodge(self._words_of(other), f"{other.id}/new")

    def _words_of(self, message: Message) -> str:
        return self._caller.key.open("message.body", message.id, message.body)

    def _act(self, plan: Act) -> None:
        """An answer that changes the case. What it cannot change is said, and what they wrote is kept."""
        self._answered(plan.case_id, (plan.answers,))
        earlier = [self._words_of(Message.get_by_id(said)) for said in (plan.said or "").split()]
        words = "\n".join([*earlier, *filter(None, [plan.words])]) or None
        change = Change(
            action=plan.action,
            caller=self._caller,
            source="sms",
            source_key=self._message.id,
            case_id=plan.case_id,
            role=Role.SYSTEM if plan.action is Action.DUPLICATE else Role.CITIZEN,
            facts={**plan.facts, "language": self._caller.language},
            words=words,
            quiet=self._is_flood(),
        )
        try:
            self._apply(change)
        except NotAllowed:
            self._refused(plan.action, Case.get_by_id(plan.case_id), words)

    def _refused(self, action: Action, case: Case, words: str | None) -> None:
        self._message.case = case
        if action is Action.DUPLICATE:  # the known case has ended meanwhile
            self._receipt(case)
        elif words and (action is Action.ANSWER or case.state in OPEN):
            self._add(case.id, words)
        elif action is Action.CONFIRM and case.state == State.CLOSED and case.rating is None:
            self._ask("rate", "rate", case)
        elif action in _WINDOWS and case.state in DECIDED and case.decided_at:
            self._decided(case, case.decided_at + _WINDOWS[action], words)
        else:
            self._not_asked(case)

    def _not_asked(self, case: Case) -> None:
        """How it stands; while it is open, words still help."""
        if case.state in OPEN:
            self._reply_status(case)
            return
        self._reply("stale", {**self._params(case), "date": day(case.state_since, self._pack)}, case.id)

    def _decided(self, case: Case, until: datetime, words: str | None) -> None:
        """A decision that cannot be taken up this way: which way is left."""
        params = {"ref": case.ref, "date": day(until, self._pack)}
        if case.appealed:
            self._reply("final", params, case.id)
        elif self._now > until:
            self._reply("too_late", params, case.id)
        else:
            self._ask("reopened_twice", "appeal", case, params, kept=bool(words))

    def _apart(self, case_id: str) -> None:
        self._answered(case_id, ("known",))
        self._receipt(Case.get_by_id(case_id))

    def _receipt(self, case: Case) -> None:
        self._message.case = case
        template = "received_neutral" if is_neutral(case, self._pack) else "received"
        self._reply(template, self._params(case), case.id)

    def _ask_again(self, plan: AskAgain) -> None:
        case = self._message.case = Case.get_by_id(plan.case_id)
        if plan.kind == "rate":
            self._ask("rate", "rate", case)
        elif is_neutral(case, self._pack):
            self._reply_status(case)
        elif plan.keep:
            self._ask("solved_unclear", "solved", case, kept=True)
        else:
            self._ask("resolved_last_call", "solved", case, {"date": last_day(case, self._pack)})

    def _ask(
        self, template: str, kind: str, case: Case, more: Mapping[str, Any] | None = None, kept: bool = False
    ) -> None:
        """Answer with a question; `kept`: this message holds more than an answer, as others before it may."""
        self._reply(template, {**self._params(case), **(more or {})}, case.id)
        SmsQuestion.create(
            citizen=self._caller.id,
            case=case.id,
            kind=kind,
            options=" ".join([*self._kept(case, kind), self._message.id]) if kept else None,
            asked_at=self._now,
        )

    def _kept(self, case: Case, kind: str) -> tuple[str, ...]:
        """The messages that wait with our open question of this kind, the oldest first."""
        waiting = (question for question in self._open(self._asked(case.id)) if question.kind == kind)
        return next((question.options for question in waiting), ())

    def _params(self, case: Case) -> dict[str, Any]:
        """What an SMS may say of a case: of one that is not to be named, nothing but its number and how it stands."""
        params = case_params(case, self._pack)
        return {name: params[name] for name in _NEUTRAL} if is_neutral(case, self._pack) else params

    def _join(self, number: str) -> None:
        """ "Affects me too": a case of their own that follows the known one. A number that may not be followed is like
        one that does not exist."""
        known = Case.get_or_none(Case.ref == number)
        mine = known and self._own_of(known)
        if mine:
            self._status(mine.ref)
            return
        if known is None or not self._may_be_followed(known):
            self._reply("not_found", {"ref": number[:MOST_DIGITS_ECHOED]})
            return
        facts = {"sub": known.sub, "place": known.place, "master": known.id, "language": self._caller.language}
        self._apply(
            Change(
                action=Action.LODGE,
                caller=self._caller,
                source="sms",
                source_key=self._message.id,
                facts=facts,
                words=self._text,
                quiet=self._is_flood(),
            )
        )

    def _own_of(self, known: Case) -> Case | None:
        """This case, if it is theirs; else the one of theirs that follows it."""
        mine: Case | None = Case.get_or_none(
            Case.citizen == self._caller.id, (Case.master == known.id) | (Case.id == known.id)
        )
        return mine

    def _may_be_followed(self, known: Case) -> bool:
        is_known = known.followers > 0 and known.state in OPEN
        return is_known and not is_neutral(known, self._pack)

    def _answered(self, case_id: str, kinds: tuple[str, ...]) -> None:
        SmsQuestion.update(answered_at=self._now).where(
            SmsQuestion.case == case_id, SmsQuestion.kind.in_(kinds), SmsQuestion.answered_at.is_null()
        ).execute()

    def _say(self, intent: Intent | AnswerWord, argument: str, number: str | None) -> None:
        match intent:
            case AnswerWord.APPEAL:
                self._reply("appeal_which")
            case Intent.JOIN:
                self._reply("join_which")
            case Intent.STATUS:
                self._status(number)
            case Intent.LANG:
                self._language(argument)
            case Intent.STOP:
                self._house._citizens.stop(self._caller.id, self._now)
                self._reply("stop")
            case Intent.START:
                self._house._citizens.start(self._caller.id)
                self._reply("start", {"n": str(len(lookup.open_cases(self._caller.id, MOST_COUNTED)))})
            case _:
                self._reply("help")

    def _status(self, number: str | None) -> None:
        if number is None:
            newest = lookup.recent(self._caller.id, MOST_IN_LIST)
            if newest:
                self._reply("status_list", {"list": [[case.ref, case.state] for case in newest]})
            else:
                self._reply("status_none")
            return
        case = lookup.own_case(self._caller.id, number)
        if case is None:
            self._reply("not_found", {"ref": number[:MOST_DIGITS_ECHOED]})
        elif case.state == State.RESOLVED and not is_neutral(case, self._pack):
            self._ask_again(AskAgain(case.id, "solved"))
        else:
            self._reply_status(case)

    def _reply_status(self, case: Case) -> None:
        params = {**self._params(case), "date": day(case.state_since, self._pack)}
        self._reply(self._status_template(case), params, case.id)

    def _status_template(self, case: Case) -> str:
        if is_neutral(case, self._pack):
            return "neutral_news"  # how it stands is said on the screen
        return "status_unnamed" if not case.sub else "status" if case.place else "status_anywhere"

    def _language(self, wanted: str) -> None:
        language = language_called(wanted, self._house._languages)
        if language is None:
            self._reply("language_unknown")
            return
        self._house._citizens.set_language(self._caller.id, language)
        self._caller = replace(self._caller, language=language)
        self._reply("language")

    def _reply(self, template: str, params: Mapping[str, Any] | None = None, case_id: str | None = None) -> None:
        """Answer their own message; this also goes to those who stopped our SMS."""
        if not self._is_flood():
            post([Draft(self._caller, template, params or {}, case_id)], self._now)
