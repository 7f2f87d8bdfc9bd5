"""What we asked a citizen by SMS and wrote to them last: what their next text may be the answer to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from peewee import JOIN

from cases import callbacks, lookup
from cases.citizens import Caller
from cases.lifecycle import OPEN, State
from cases.models import Case
from menus import sessions
from menus.dialogue import ATTENTION, LASTING, Context, Question
from menus.messages import MOST_IN_LIST
from menus.notifier import is_neutral
from menus.reminders import may_be_named
from menus.sessions import SmsQuestion
from packs.model import Pack
from packs.places import PlaceIndex
from sms_gateway.message import Message

MOST_QUESTIONS: Final = 20  # that may be open at once

# The states in which we would still like an answer; in others it was given on the screen, or is beside the point
_STANDS_IN: Final[Mapping[str, Collection[str]]] = {
    "solved": (State.RESOLVED,),
    "rate": (State.RESOLVED, State.CLOSED),
    "appeal": (State.REJECTED,),
}
_BESIDE: Final = "call"  # the question that stands beside all others: only NO answers it


class Asked:
    """The questions to one citizen, as they stand at `now`, with the pack in force."""

    def __init__(self, caller: Caller, pack: Pack, now: datetime) -> None:
        self._caller, self._pack, self._now = caller, pack, now

    def context(self, places: PlaceIndex, about: str | None = None) -> Context:
        """What is known when a text arrives; `about`: the case that it names, whose questions alone count then."""
        rows = self._rows(about)
        cases = [row.__data__["case"] for row in rows if row.__data__["case"]]
        written = self.case_we_wrote_about()
        return Context(
            pack=self._pack,
            places=places,
            near=self._pack.places.get(self._caller.place) if self._caller.place else None,
            language=self._caller.language,
            questions=self._open(rows),
            where_asked=() if about else self._where_asked(rows),
            case_id=written.id if written else None,
            category=written.category if written else None,
            is_neutral=written is not None and is_neutral(written, self._pack),
            is_cry=written is not None and _was_a_cry(written),
            resolved_id=self._resolved(),
            asked_id=cases[0] if cases else None,
        )

    def _where_asked(self, rows: Sequence[SmsQuestion]) -> tuple[Question, ...]:
        """The open questions for the place of other cases than these are about."""
        known = [row.__data__["case"] for row in rows if row.__data__["case"]]
        others: Iterable[SmsQuestion] = self._asked().where(
            SmsQuestion.kind.in_(("place", "which")), SmsQuestion.answered_at.is_null()
        )
        return self._open(row for row in others if row.__data__["case"] not in known)

    def case_we_wrote_about(self) -> Case | None:
        """The open case that our newest SMS of the last 72 hours was about; never a secret one: phones are shared."""
        ours = (
            Case.select()
            .join(Message, on=(Message.case == Case.id))
            .where(
                Message.citizen == self._caller.id,
                Message.direction == "mt",
                Message.created_at > self._now - ATTENTION,
                Case.state.in_(sorted(OPEN)),
                Case.visibility == "public",
            )
        )
        newest: Case | None = ours.order_by(Message.created_at.desc(), Message.id.desc()).first()
        return newest

    def by_an_officer(self) -> bool:
        """Whether an officer waits for their answer: then whatever they send may be it."""
        waiting = SmsQuestion.select().where(
            SmsQuestion.citizen == self._caller.id, SmsQuestion.kind == "question", SmsQuestion.answered_at.is_null()
        )
        return any(self._is_open(row) for row in waiting)

    def kept(self, case: Case, kind: str) -> tuple[str, ...]:
        """The messages that wait with our open question of this kind, the oldest first."""
        waiting = (question for question in self._open(self._rows(case.id)) if question.kind == kind)
        return next((question.options for question in waiting), ())

    def ask(self, kind: str, case: Case | None = None, options: Iterable[str] = ()) -> None:
        """Note that an SMS of ours asks this."""
        SmsQuestion.create(
            citizen=self._caller.id,
            case=case.id if case else None,
            kind=kind,
            options=" ".join(options) or None,
            asked_at=self._now,
        )

    def answered(self, case_id: str, kinds: Collection[str]) -> None:
        """What we asked about this case is answered."""
        theirs = (SmsQuestion.citizen == self._caller.id) & (SmsQuestion.case == case_id)
        self._close(theirs & SmsQuestion.kind.in_(kinds))

    def settled(self, kind: str, case: Case | None = None) -> None:
        """What we asked about no case is answered; `case` is what became of it."""
        theirs = (SmsQuestion.citizen == self._caller.id) & (SmsQuestion.kind == kind)
        self._close(theirs, **({"case": case.id} if case else {}))

    def _close(self, which: object, **more: str) -> None:
        closed = SmsQuestion.update(answered_at=self._now, **more)
        closed.where(which, SmsQuestion.answered_at.is_null()).execute()

    def _rows(self, about: str | None) -> list[SmsQuestion]:
        """What we asked about this case, or about what we asked about last, answered or not; the newest first.

        Two cases never mix: "1" said twice is never the answer to a question about another one.
        """
        asked = self._asked()
        if about:
            return list(asked.where(SmsQuestion.case == about))
        rows = [row for row in asked if row.__data__["case"] or self._is_open(row)]
        threads = [_thread(row) for row in rows if row.kind != _BESIDE]
        return [row for row in rows if row.kind == _BESIDE or _thread(row) == threads[0]]

    def _asked(self) -> Any:  # peewee's select
        """What we asked them, answered or not, the newest first."""
        theirs = (
            SmsQuestion.select(SmsQuestion, Case.id, Case.state, Case.category)
            .join(Case, JOIN.LEFT_OUTER)
            .where(
                SmsQuestion.citizen == self._caller.id,
                SmsQuestion.asked_at > self._now - max(LASTING.values()),
                SmsQuestion.case.is_null(False) | SmsQuestion.answered_at.is_null(),
            )
        )
        return theirs.order_by(SmsQuestion.asked_at.desc(), SmsQuestion.id.desc()).limit(MOST_QUESTIONS)

    def _open(self, asked: Iterable[SmsQuestion]) -> tuple[Question, ...]:
        return tuple(
            Question(
                id=row.id,
                kind=row.kind,
                case_id=row.__data__["case"] or "",
                options=self._options(row),
                category=row.case.category if row.case else None,
                age=self._age(row),
                stands=row.kind not in _STANDS_IN or _state(row) in _STANDS_IN[row.kind],
            )
            for row in asked
            if self._is_open(row)
        )

    def _is_open(self, question: SmsQuestion) -> bool:
        if question.answered_at or self._age(question) >= LASTING.get(question.kind, ATTENTION):
            return False
        if question.kind == "draft":
            return self._begun(question) is not None
        if question.kind == "call":
            return callbacks.is_waited_for(self._caller.id)
        return question.kind != "question" or _state(question) == State.PENDING_CITIZEN

    def _options(self, question: SmsQuestion) -> tuple[str, ...]:
        """Of a draft its id, which the network had a hand in, and what it is about."""
        if question.kind == "draft":
            return (question.options or "", self._begun(question) or "")
        return tuple((question.options or "").split())

    def _begun(self, question: SmsQuestion) -> str | None:
        """The sub-category of the draft that we asked about, or of what was lodged of it; None where it was given up,
        or became something that no SMS may speak of."""
        draft_id = question.options or ""
        case = lookup.lodged_by(draft_id)
        if case:
            return None if is_neutral(case, self._pack) else case.sub
        state = sessions.draft(draft_id, self._caller, self._now)
        return state.draft["sub"] if state and may_be_named(state, self._pack) else None

    def _age(self, question: SmsQuestion) -> timedelta:
        age: timedelta = self._now - question.asked_at
        return age

    def _resolved(self) -> str | None:
        """Their newest case of which we would like to hear whether it is solved."""
        newest = lookup.recent(self._caller.id, MOST_IN_LIST)
        waiting = (case for case in newest if case.state == State.RESOLVED and not is_neutral(case, self._pack))
        return next((case.id for case in waiting), None)


def _thread(question: SmsQuestion) -> str:
    """What a question is about: its case, or what only questions of its kind are about."""
    return str(question.__data__["case"] or question.kind)


def _state(question: SmsQuestion) -> str | None:
    return question.case.state if question.case else None


def _was_a_cry(case: Case) -> bool:
    """Whether the receipt of a case was the emergency numbers."""
    receipts = Message.select(Message.id).where(Message.case == case.id, Message.template == "received_helpline")
    return bool(receipts.exists())
