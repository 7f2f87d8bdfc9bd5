"""One text message while it is handled: understood, done, and answered through the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from cases import callbacks, lookup, reference
from cases.casework import Casework, Change, Done
from cases.citizens import Caller, Citizens
from cases.lifecycle import APPEAL_WINDOW, DECIDED, OPEN, REOPEN_WINDOW, Action, NotAllowed, Role, State
from cases.models import Case
from cases.triage import suggest
from locales import SOURCE, language_called
from menus import dialogue, sessions
from menus.asked import Asked
from menus.dialogue import (
    ATTENTION,
    Act,
    Add,
    Apart,
    AskAgain,
    AskMeant,
    AskStop,
    Classify,
    Context,
    Finish,
    Join,
    Leave,
    Lodge,
    Meant,
    Mute,
    NoCall,
    NotAsked,
    Plan,
    Say,
    Split,
    Undo,
)
from menus.messages import MOST_IN_LIST
from menus.notifier import case_params, day, is_neutral, last_day
from packs.model import Pack
from packs.places import PlaceIndex
from sms_gateway.keywords import (
    A_NUMBER_ALONE,
    Addressed,
    AnswerWord,
    Command,
    Intent,
    addressed,
    understand,
    without_echo,
    without_receipt,
)
from sms_gateway.message import Draft, Message, post

MOST_COUNTED: Final = 100
MOST_DIGITS_ECHOED: Final = 9
_LAST_TEXTS: Final = 5  # of ours, that may come back as a copy
_SHORTEST_ECHO: Final = 20  # characters

# What may be said of a case that is not to be named
_NEUTRAL: Final = ("ref", "status", "date")
# The answer word that REOPEN stands for
_NOT_YET: Final = "2"
# The questions that are settled once it is clear what a case is about, and where
_ABOUT_WHAT: Final = ("what", "place", "which", "guess")
# What asks for the number of a case
_WHICH_CASE: Final[Mapping[Intent | AnswerWord, str]] = {
    AnswerWord.APPEAL: "appeal_which",
    Intent.JOIN: "join_which",
    Intent.RATE: "rate_which",
    Intent.REOPEN: "reopen_which",
}
# What is answered with the emergency numbers by itself where there are words of danger
_ANSWERED_WITH_HELP: Final = (Lodge, Add, Classify)
# How long after a decision it may be taken up again
_WINDOWS: Final = {Action.REOPEN: REOPEN_WINDOW, Action.APPEAL: APPEAL_WINDOW}


@dataclass(frozen=True, slots=True)
class House:
    """What handling a message takes: who writes, what may be done to cases, in which pack and languages."""

    citizens: Citizens
    casework: Casework
    pack: Pack
    places: PlaceIndex
    languages: tuple[str, ...]


class Handling:
    """One message, inside its transaction."""

    def __init__(
        self,
        house: House,
        message: Message,
        caller: Caller,
        text: str,
        now: datetime,
        *,
        silent: bool = False,
        brief: bool = False,
    ) -> None:
        """`silent`: do what they ask, but say nothing. `brief`: nothing beyond the answer."""
        self._house, self._message, self._caller = house, message, caller
        self._text, self._now, self._pack, self._silent = text, now, house.pack, silent
        self._asked = Asked(caller, house.pack, now)
        self._brief = brief
        self.has_lodged = False  # a new complaint

    def run(self) -> None:
        if self._caller.blocked:  # what they can send us now, we may send them
            self._house.citizens.unblock(self._caller.id)
        own = without_echo(self._text, self._our_last_texts())
        if self._text.strip() and not own:
            return  # our own words come back: whoever answers that never ends
        self._text = own if self._asked.by_an_officer() else without_receipt(own)
        command = understand(self._text, self._caller.language)
        told = suggest(self._pack, self._house.places, self._text)
        if self._caller.language is None:  # they never chose: answer as they wrote, as far as that tells
            keyword = command.language if command.language != SOURCE else None  # STATUS is said in every language
            language = keyword or self._language_so_far() or command.language or told.language
            self._caller = replace(self._caller, language=language if language in self._house.languages else SOURCE)
        plan = self._plan(command)
        self._do(plan)
        if isinstance(plan, Lodge) and command.intent is Intent.TEXT:
            self._say_how_to_attach()
        if told.urgent and not isinstance(plan, _ANSWERED_WITH_HELP):
            self._reply("helpline")

    def _our_last_texts(self) -> list[str]:
        """What we wrote to them last, as it went out."""
        if len(self._text) < _SHORTEST_ECHO:
            return []
        ours = Message.select(Message.id, Message.sent).where(
            Message.citizen == self._caller.id,
            Message.direction == "mt",
            Message.sent.is_null(False),
            Message.created_at > self._now - ATTENTION,
        )
        newest = ours.order_by(Message.created_at.desc(), Message.id.desc()).limit(_LAST_TEXTS)
        return [self._caller.key.open("message.sent", one.id, one.sent or b"") for one in newest]

    def _plan(self, command: Command) -> Plan:
        """What to do. A text that names its case is for that one, whatever we asked last."""
        answer = addressed(self._text, self._caller.language)
        named = answer or self._naming(command)
        case = lookup.own_case(self._caller.id, named.number) if named else None
        if case and command.intent is Intent.RATE:
            return Act(Action.RATE, case.id, "rate", facts={"stars": int(command.argument)})
        if named and case:
            return dialogue.plan_addressed(named, case.id, State(case.state), self._context(about=case.id))
        if answer and len(answer.number) == reference.DIGITS:
            return Say(Intent.STATUS, number=answer.number)
        return dialogue.plan(self._text, command, self._context())

    def _naming(self, command: Command) -> Addressed | None:
        """A number in their words, or with a keyword about a case, and what that keyword stands for as an answer."""
        if command.number is None or command.why == A_NUMBER_ALONE:
            return None
        match command.intent:
            case Intent.TEXT:
                return Addressed(self._text, command.number)
            case Intent.RATE:
                return Addressed(command.argument, command.number)
            case Intent.REOPEN:
                return Addressed(self._text if command.confirm else _NOT_YET, command.number)
            case Intent.APPEAL:
                return Addressed(AnswerWord.APPEAL, command.number)
            case _:
                return None

    def _context(self, about: str | None = None) -> Context:
        return self._asked.context(self._house.places, about)

    def _language_so_far(self) -> str | None:
        """The language of what we wrote last: two messages in a row don't change it."""
        ours = Message.select(Message.language).where(Message.citizen == self._caller.id, Message.direction == "mt")
        newest = ours.order_by(Message.created_at.desc(), Message.id.desc()).first()
        return newest.language if newest else None

    def _do(self, plan: Plan) -> None:
        match plan:
            case Lodge(words):
                self._lodge(words, self._message.id)
            case Add(case_id, words):
                self._add(case_id, words)
            case Classify() | Undo():
                self._name(plan)
            case Split(added):
                self._split(added)
            case Act() | Apart() | AskAgain() | NotAsked():
                self._answer(plan)
            case Finish() | Leave() | NoCall():
                self._beside(plan)
            case AskStop() | Mute() | AskMeant() | Meant():
                self._make_sure(plan)
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

    def _beside(self, plan: Finish | Leave | NoCall) -> None:
        """An answer about no case."""
        match plan:
            case Finish(draft, words):
                self._finish(draft, words)
            case Leave():
                self._asked.settled("draft")
                self._reply("draft_left")
            case NoCall():
                self._asked.settled("call")
                callbacks.cancel(self._caller.id, self._now)
                self._reply("call_cancelled")

    def _name(self, plan: Classify | Undo) -> None:
        """What a case is about, or is not about after all."""
        match plan:
            case Classify():
                self._classify(plan)
            case Undo(case_id, words):
                self._undo(case_id, words)

    def _make_sure(self, plan: AskStop | Mute | AskMeant | Meant) -> None:
        """What is only likely is asked about first."""
        match plan:
            case AskStop(number):
                self._ask_stop(number)
            case Mute(case_id):
                self._mute(case_id)
            case AskMeant(intent):
                self._reply("did_you_mean", {"word": intent})
                self._asked.ask("meant", options=[self._message.id])
            case Meant(message, is_keyword):
                self._read_again(message, is_keyword=is_keyword)

    # What a plan does

    def _lodge(self, words: str, source_key: str) -> None:
        near = self._pack.places.get(self._caller.place or "")
        told = dialogue.guess(words, Context(self._pack, self._house.places, near))
        self._change(Action.LODGE, None, words, told.facts, source_key=source_key)

    def _say_how_to_attach(self) -> None:
        """Their words made a new complaint; perhaps they meant the one that they have already. That is said once the
        new one has its number, and never of what is secret."""
        lodged = Case.get_by_id(self._message.__data__["case"])
        if self._brief or self._caller.stopped or is_neutral(lodged, self._pack):
            return
        others = (case for case in lookup.open_cases(self._caller.id, MOST_IN_LIST) if case.id != lodged.id)
        other = next((case for case in others if case.sub and not is_neutral(case, self._pack)), None)
        if other:
            self._reply("attach", {"ref": other.ref, "sub": other.sub}, lodged.id)

    def _change(
        self,
        action: Action,
        case_id: str | None,
        words: str | None,
        facts: Mapping[str, Any] | None = None,
        *,
        source_key: str | None = None,
        role: Role = Role.CITIZEN,
        quiet: bool = False,
    ) -> Done:
        """What they want to happen to their case; it is what this message is about from now on. `quiet`: the answer is
        not the change's own."""
        change = Change(
            action=action,
            caller=self._caller,
            source="sms",
            source_key=source_key or self._message.id,
            case_id=case_id,
            role=role,
            facts={**(facts or {}), "language": self._caller.language},
            words=words,
            quiet=quiet or self._silent,
        )
        done = self._house.casework.apply(change, self._now)
        self._message.case = done.case
        self.has_lodged |= action is Action.LODGE and not done.repeated
        return done

    def _classify(self, plan: Classify) -> None:
        """The question is answered before the next one is asked. Once an office works on the case, what it is about is
        the office's to say: the citizen's answer is added as words, as to any case."""
        self._asked.answered(plan.case_id, _ABOUT_WHAT)
        facts = {
            "sub": plan.sub,
            "place": plan.place,
            "which": " ".join(plan.which) or None,
            "secret": plan.secret or None,
            **self._in_danger(),
        }
        try:
            self._change(Action.CLASSIFY, plan.case_id, plan.words, facts)
        except NotAllowed:
            self._add(plan.case_id, plan.words)

    def _undo(self, case_id: str, words: str | None) -> None:
        """We took it for something else: whoever has it does not have it any more, and the question is put plainly. An
        office that works on it already knows better what it is."""
        self._asked.answered(case_id, _ABOUT_WHAT)
        try:
            self._change(Action.CLASSIFY, case_id, words, {"undone": True})
        except NotAllowed:
            if words:
                self._add(case_id, words)
            else:
                self._not_asked(Case.get_by_id(case_id))

    def _in_danger(self) -> dict[str, Any]:
        """For a change that their words bring: whether the answer begins with the emergency numbers."""
        urgent = suggest(self._pack, self._house.places, self._text).urgent
        return {"danger": True, "priority": "urgent"} if urgent else {}

    def _add(self, case_id: str, words: str) -> None:
        """To a case that was closed meanwhile nothing can be added: then it is a new one."""
        try:
            self._change(Action.ADD_WORDS, case_id, words, self._in_danger())
        except NotAllowed:
            self._lodge(words, self._message.id)

    def _ask_stop(self, number: str | None) -> None:
        """All our SMS, or those about one case: the one that they name, else the one that we wrote about last."""
        case = lookup.own_case(self._caller.id, number) if number else self._asked.case_we_wrote_about()
        if case and case.state in OPEN:
            self._ask("stop_ask", "stop", case)
        else:
            self._reply("stop_ask_all")
            self._asked.ask("stop")

    def _mute(self, case_id: str) -> None:
        """No more SMS about one case; the office reads that they wished so."""
        self._asked.settled("stop")
        try:
            case = self._change(Action.ADD_WORDS, case_id, self._text, {"silent": True}, quiet=True).case
        except NotAllowed:  # it is over: there is nothing more to say about it
            case = Case.get_by_id(case_id)
        self._reply("stop_one", {"ref": case.ref}, case_id)

    def _read_again(self, message_id: str, *, is_keyword: bool) -> None:
        """The text that held a misspelt keyword, now that we know whether it was meant as one."""
        self._asked.settled("meant")
        self._text = self._words_of(Message.get_by_id(message_id))
        command = understand(self._text, self._caller.language)
        told = replace(command, confirm=False) if is_keyword else replace(command, intent=Intent.TEXT, confirm=False)
        self._do(self._plan(told))

    def _split(self, added: str) -> None:
        """The words stay with the case they were added to, and become a complaint of their own."""
        other = Message.get_by_id(added)
        self._asked.answered(other.__data__["case"], ("added", "solved"))
        self._lodge(self._words_of(other), f"{other.id}/new")

    def _words_of(self, message: Message) -> str:
        return self._caller.key.open("message.body", message.id, message.body)

    def _finish(self, draft_id: str, words: str | None) -> None:
        """Lodge what they began on the screen. Its draft id sees to it that a draft makes one case, wherever it is
        finished: if it has made one, there is only to add the words."""
        state = sessions.draft(draft_id, self._caller, self._now)
        draft = state.draft if state else {}  # what was lodged and is over has left nothing but its case
        facts = {"sub": draft.get("sub"), "place": draft.get("place")}
        said = "\n".join(filter(None, [draft.get("words"), words])) or None
        done = self._change(Action.LODGE, None, said, facts, source_key=draft_id)
        self._asked.settled("draft", done.case)
        if done.repeated and words:
            self._add(done.case.id, words)
        elif done.repeated:
            self._reply_status(done.case)

    def _act(self, plan: Act) -> None:
        """An answer that changes the case. What it cannot change is said, and what they wrote is kept."""
        self._asked.answered(plan.case_id, (plan.answers,))
        earlier = [self._words_of(Message.get_by_id(said)) for said in (plan.said or "").split()]
        words = "\n".join([*earlier, *filter(None, [plan.words])]) or None
        role = Role.SYSTEM if plan.action is Action.DUPLICATE else Role.CITIZEN
        try:
            self._change(plan.action, plan.case_id, words, plan.facts, role=role)
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
        self._asked.answered(case_id, ("known",))
        self._receipt(Case.get_by_id(case_id))

    def _receipt(self, case: Case) -> None:
        self._message.case = case
        template = "received_neutral" if is_neutral(case, self._pack) else "received"
        self._reply(template, self._params(case), case.id)

    def _ask_again(self, plan: AskAgain) -> None:
        case = self._message.case = Case.get_by_id(plan.case_id)
        window = APPEAL_WINDOW if plan.kind == "appeal" else REOPEN_WINDOW
        until = case.decided_at + window if case.decided_at else None
        if plan.kind == "rate":
            self._ask("rate", "rate", case)
        elif is_neutral(case, self._pack):
            self._reply_status(case)
        elif until and (case.appealed or self._now > until):
            self._decided(case, until, self._text)
        elif until and plan.kind == "appeal":
            self._ask("rejected_unclear", "appeal", case, {"date": day(until, self._pack)}, kept=True)
        elif plan.keep:
            self._ask("solved_unclear", "solved", case, kept=True)
        else:
            self._ask("resolved_last_call", "solved", case, {"date": last_day(case, self._pack)})

    def _ask(
        self, template: str, kind: str, case: Case, more: Mapping[str, Any] | None = None, kept: bool = False
    ) -> None:
        """Answer with a question; `kept`: this message holds more than an answer, as others before it may."""
        self._reply(template, {**self._params(case), **(more or {})}, case.id)
        self._asked.ask(kind, case, [*self._asked.kept(case, kind), self._message.id] if kept else ())

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
        facts = {"sub": known.sub, "place": known.place, "master": known.id}
        self._change(Action.LODGE, None, self._text, facts)

    def _own_of(self, known: Case) -> Case | None:
        """This case, if it is theirs; else the one of theirs that follows it."""
        mine: Case | None = Case.get_or_none(
            Case.citizen == self._caller.id, (Case.master == known.id) | (Case.id == known.id)
        )
        return mine

    def _may_be_followed(self, known: Case) -> bool:
        is_known = known.followers > 0 and known.state in OPEN
        return is_known and not is_neutral(known, self._pack)

    def _say(self, intent: Intent | AnswerWord, argument: str, number: str | None) -> None:
        match intent:
            case AnswerWord.APPEAL | Intent.JOIN | Intent.RATE | Intent.REOPEN:
                self._reply(_WHICH_CASE[intent])
            case Intent.STATUS:
                self._status(number)
            case Intent.LANG:
                self._language(argument)
            case Intent.AGENT:
                self._call()
            case Intent.STOP:
                self._asked.settled("stop")
                self._house.citizens.stop(self._caller.id, self._now)
                self._reply("stop")
            case Intent.START:
                self._house.citizens.start(self._caller.id)
                self._unmute()
                self._reply("start", {"n": str(len(lookup.open_cases(self._caller.id, MOST_COUNTED)))})
            case _:
                self._reply("help")

    def _unmute(self) -> None:
        """START also brings back the news of single cases."""
        for case in lookup.open_cases(self._caller.id, MOST_COUNTED):
            if case.silent:
                key = f"{self._message.id}/{case.id}"
                self._change(Action.ADD_WORDS, case.id, self._text, {"silent": False}, source_key=key, quiet=True)

    def _status(self, number: str | None) -> None:
        if number is None:
            newest = lookup.recent(self._caller.id, MOST_IN_LIST)
            if newest:
                self._reply("status_list", {"list": [[case.ref, case.state] for case in newest]})
            else:
                self._reply("status_none")
            return
        case = lookup.own_case(self._caller.id, number, secret=True)
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

    def _call(self) -> None:
        """Whoever will not type is called; about the case that we wrote about last, if it is open."""
        case = self._asked.case_we_wrote_about()
        case_id = case.id if case else None
        call = callbacks.ask(self._caller, "case" if case_id else "other", case_id, self._pack, self._now)
        self._reply("call_me", {"date": day(call.by, self._pack)})
        self._asked.settled("call")  # it is asked once, however often they ask
        self._asked.ask("call")

    def _language(self, wanted: str) -> None:
        language = language_called(wanted, self._house.languages)
        if language is None:
            self._reply("language_unknown")
            return
        self._house.citizens.set_language(self._caller.id, language)
        self._caller = replace(self._caller, language=language)
        self._reply("language")

    def _reply(self, template: str, params: Mapping[str, Any] | None = None, case_id: str | None = None) -> None:
        """Answer their own message; this also goes to those who stopped our SMS."""
        if not self._silent:
            post([Draft(self._caller, template, params or {}, case_id)], self._now)
