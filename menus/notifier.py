"""The listener that tells citizens what happened to their case: it only puts messages and questions in their tables.

What an event says stands in `_NEWS`. One case gets one SMS for all that one transaction did to it, and one citizen one
summary instead of many; what still lies in the queue when newer news comes is never sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from cases import lookup, sla
from cases.casework import Happened
from cases.citizens import Caller
from cases.lifecycle import APPEAL_WINDOW, BREACH, RESTORE_WINDOW, Action, Role, State
from cases.models import Case
from cases.timers import FEEDBACK_WINDOW, office_hours
from menus.dialogue import MOST_OPTIONS
from menus.messages import TEMPLATES
from menus.sessions import SmsQuestion
from packs.model import Pack, Place
from sms_gateway.message import Draft, Lane, Waiting, post, supersede, waiting
from store import database
from store.model import Insert

NEXT_NEWS_DAYS: Final = 3  # working days within which a case that is late is looked at again
MOST_SUMMED_UP: Final = 50  # cases that one summary remembers

_BY_SMS: Final = "sms"
_WHICH: Final = {2: "received_ask_which_of_two", 3: "received_ask_which"}
_STAFF: Final = frozenset({Role.OWNER, Role.SUPERVISOR, Role.ADMIN, Role.SYNC})
# The state in which a text still asks or says what matters; in another one newer news takes its place
_HOLDS_IN: Final[Mapping[str, State]] = {
    "question": State.PENDING_CITIZEN,
    "resolved": State.RESOLVED,
    "resolved_followed": State.RESOLVED,
    "resolved_followed_anywhere": State.RESOLVED,
    "resolved_last_call": State.RESOLVED,
    "rejected": State.REJECTED,
    "withdrawn": State.WITHDRAWN,
}
# What may be said of a confidential case when its citizen texts us: a number and a date, no more
_SAYS_NOTHING: Final = frozenset({"added_unnamed", "thanks", "rate", "reopened", "appealed", "withdrawn"})


@dataclass(frozen=True, slots=True)
class _Told:
    """What an event says: a template, the question it asks, and what the text needs beside the case itself."""

    template: str
    asks: str | None = None
    options: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _News:
    """One SMS about one case, before it is known whether it goes out by itself."""

    event: Happened
    caller: Caller
    told: _Told
    draft: Draft
    is_neutral: bool

    @property
    def case(self) -> Case:
        return self.event.case

    @property
    def holds(self) -> bool:
        return _holds(self.told.template, self.case)

    @property
    def sums_up(self) -> bool:
        """Whether a summary may stand for it: nobody answers a question they have not read."""
        return not self.is_neutral and self.told.asks != "question"


class Notifier:
    """One SMS for everything that one change brought about; with it the one question that it asks."""

    def __init__(self, pack: Callable[[], Pack]) -> None:
        self._pack = pack
        self._insert_question = Insert(SmsQuestion)

    def __call__(self, happened: Sequence[Happened], now: datetime) -> None:
        """Called by Casework in its transaction."""
        loud = [event for event in happened if event.caller and not event.change.quiet]
        fresh, cases = _by_citizen(_one_a_case(self._news(loud, now))), _cases_by_citizen(loud)
        queued: dict[str, list[Waiting]] = {}
        for old in waiting(_with_a_past(loud)):
            queued.setdefault(old.citizen_id, []).append(old)
        batches = [_Batch(fresh.get(who, ()), cases[who], queued.get(who, ())) for who in cases]
        supersede([id for batch in batches for id in batch.superseded], now)
        post([draft for batch in batches for draft in batch.drafts], now)
        self._insert_question([_question(one, now) for batch in batches for one in batch.asking])

    def _news(self, events: Iterable[Happened], now: datetime) -> Iterator[_News]:
        for event in events:
            news = self._tell(replace(event, at=now), now)  # a file may tell late: the days that we name lie ahead
            if news:
                yield news

    def _tell(self, event: Happened, now: datetime) -> _News | None:
        caller, by_sms = event.caller, event.change.source == _BY_SMS
        if caller is None or (caller.stopped and not by_sms):
            return None
        if event.case.silent and not (by_sms and event.case.visibility == "public"):  # their own text is answered
            return None
        pack = self._pack()
        tell = _NEWS.get(event.kind)
        told = tell(event, pack) if tell else None
        if told is None:
            return None
        case, neutral = event.case, is_neutral(event.case, pack)
        params = {"date": _promised(event, pack), **told.params}
        if neutral:
            told = _neutral(event, told)
            params = {"ref": case.ref, "date": params["date"]}
        else:
            params = {"sub": pack.unsure, **case_params(case, pack), **params}
        draft = Draft(
            caller=caller,
            template=told.template,
            params=params,
            case_id=case.id,
            language=event.change.facts.get("language") or caller.language or case.language,
            lane=_lane(event),
            not_before=sla.next_opening(office_hours(pack), now) if event.kind in _BY_DAY else None,
        )
        return _News(event, caller, told, draft, neutral)


class _Batch:
    """What one citizen gets for one transaction, and what of the queue it takes the place of."""

    def __init__(self, fresh: Sequence[_News], cases: Mapping[str, Case], queued: Sequence[Waiting]) -> None:
        self._fresh = {one.case.id: one for one in fresh}
        self._cases = cases
        self.superseded = [old.id for old in queued if self._is_replaced(old)]
        others = [old for old in queued if old.case_id not in self._cases and _may_be_summed_up(old)]
        summed_up = self._to_sum_up(fresh, others)
        alone = [one for one in fresh if one not in summed_up]
        self.asking = [one for one in alone if one.told.asks]
        self.drafts = [one.draft for one in alone]
        if summed_up:
            self.superseded += [old.id for old in others]
            self.drafts.append(_summary(summed_up, others))

    def _is_replaced(self, old: Waiting) -> bool:
        """By newer news of the same case; or nothing comes of its question any more. A question that still stands
        gives way only to another one."""
        case, newer = self._cases.get(old.case_id or ""), self._fresh.get(old.case_id or "")
        if case is None:
            return False
        if not _asks_something(old.template):
            return newer is not None
        return not _holds(old.template, case) or bool(newer and newer.told.asks)

    @staticmethod
    def _to_sum_up(fresh: Sequence[_News], others: Sequence[Waiting]) -> list[_News]:
        """News of several cases at once; or one without a question, if news of others is still on its way."""
        may = [one for one in fresh if one.sums_up]
        if len(may) > 1:
            return may
        late = [one for one in may if one.draft.lane is Lane.STATUS and not one.told.asks]
        return late if others else []


def _by_citizen(news: Iterable[_News]) -> dict[str, list[_News]]:
    theirs: dict[str, list[_News]] = {}
    for one in news:
        theirs.setdefault(one.caller.id, []).append(one)
    return theirs


def _cases_by_citizen(events: Iterable[Happened]) -> dict[str, dict[str, Case]]:
    theirs: dict[str, dict[str, Case]] = {}
    for event in events:
        theirs.setdefault(event.case.__data__["citizen"], {})[event.case.id] = event.case
    return theirs


def _with_a_past(events: Iterable[Happened]) -> set[str]:
    """The citizens of cases that were there before: only they may have older news in the queue."""
    lodged = {event.case.id for event in events if event.kind is Action.LODGE}
    return {event.case.__data__["citizen"] for event in events if event.case.id not in lodged}


def _one_a_case(news: Iterable[_News]) -> list[_News]:
    """The one that matters of each case: a question that still stands, else the last one."""
    by_case: dict[str, list[_News]] = {}
    for one in news:
        by_case.setdefault(one.case.id, []).append(one)
    return [_the_one(told) for told in by_case.values()]


def _the_one(news: Sequence[_News]) -> _News:
    asking = [one for one in news if one.told.asks and one.holds]
    # the router's work is part of the receipt
    by_people = [one for one in news if one.event.kind is not Action.ASSIGN]
    return (asking or by_people or news)[-1]


def _holds(template: str, case: Case) -> bool:
    return template not in _HOLDS_IN or _HOLDS_IN[template] == case.state


def _asks_something(template: str) -> bool:
    return template in _HOLDS_IN


def _may_be_summed_up(old: Waiting) -> bool:
    return not _asks_something(old.template) and old.template != "neutral_news"


def _summary(fresh: Sequence[_News], queued: Sequence[Waiting]) -> Draft:
    """One SMS in place of many: which cases, and how they stand; the newest first."""
    caller, latest = fresh[0].caller, fresh[-1].draft
    states = {one.case.ref: one.case.state for one in reversed(fresh)}
    for ref, state in _listed(caller, queued):
        states.setdefault(ref, state)
    mornings = [one.draft.not_before for one in fresh if one.draft.not_before]
    return Draft(
        caller=caller,
        template="summary",
        params={"n": str(len(states)), "list": list(states.items())[:MOST_SUMMED_UP]},
        language=latest.language,
        lane=min(one.draft.lane for one in fresh),
        not_before=max(mornings, default=None),
    )


def _listed(caller: Caller, queued: Sequence[Waiting]) -> list[tuple[str, str]]:
    """The numbers and states of the cases that these messages were about, the newest first."""
    known = _states([old.case_id for old in queued if old.case_id])
    listed: list[tuple[str, str]] = []
    for old in reversed(queued):
        if old.case_id:
            listed.append(known[old.case_id])
        else:
            said = json.loads(caller.key.open("message.body", old.id, old.body))
            listed += [(ref, state) for ref, state in said["list"]]
    return listed


def _states(ids: Collection[str]) -> dict[str, tuple[str, str]]:
    if not ids:
        return {}
    marks = ", ".join("?" * len(ids))
    found = database.rows(database.main, f"SELECT id, ref, state FROM cases WHERE id IN ({marks})", *sorted(ids))
    return {case_id: (ref, state) for case_id, ref, state in found}


def _question(news: _News, now: datetime) -> dict[str, Any]:
    return {
        "citizen": news.caller.id,
        "case": news.case.id,
        "kind": news.told.asks,
        "options": news.told.options,
        "asked_at": now,
    }


def _lane(event: Happened) -> Lane:
    """What a citizen waits for goes first: receipts, and answers to what they did themselves."""
    own = event.change.role in (Role.CITIZEN, Role.AGENT) or event.change.source == _BY_SMS
    return Lane.RECEIPT if own or event.kind is Action.CLASSIFY else Lane.STATUS


def _neutral(event: Happened, told: _Told) -> _Told:
    """The same without topic, place, office or question: others may read it on this phone."""
    if event.change.facts.get("danger"):
        return _Told("received_helpline")
    if event.kind in (Action.LODGE, Action.CLASSIFY):
        return _Told("received_neutral")
    if event.kind is Action.ADD_WORDS:
        told = replace(told, template="added_unnamed")
    if event.change.source == _BY_SMS and told.template in _SAYS_NOTHING:
        return told
    return _Told("neutral_news")


# What each event says. A change that its citizen made on the screen is mostly answered there.


def _lodged(event: Happened, pack: Pack) -> _Told:
    if event.case.master:
        return _added_to_known(event)
    return _told_apart(event, pack) or _receipt(event, pack)


def _classified(event: Happened, pack: Pack) -> _Told | None:
    if event.change.role in _STAFF and event.before.get("sub", "as before"):
        return None  # it had its receipt; where another office gets it, that is news by itself
    return _told_apart(event, pack) or _receipt(event, pack)


def _told_apart(event: Happened, pack: Pack) -> _Told | None:
    """Which place of one name it is; whether it is what others reported."""
    which = event.change.facts.get("which")
    if which:
        same = [pack.places[code] for code in which.split()[:MOST_OPTIONS]]
        names = {f"p{number}": name for number, name in enumerate(_apart(same, pack), 1)}
        return _Told(_WHICH[len(same)], "which", which, {"place": same[0].code, **names})
    facts = event.change.facts
    is_told_by_sms = event.kind is Action.CLASSIFY or facts.get("guessed")  # on the screen this was asked before
    known = _known_issue(event, pack) if is_told_by_sms and not facts.get("danger") else None
    return _Told("received_known", "known", known.id, {"n": str(known.followers + 1)}) if known else None


def _known_issue(event: Happened, pack: Pack) -> Case | None:
    """The open case of others that this one, told by SMS, may be about."""
    case = event.case
    if event.change.source != _BY_SMS or not (case.sub and case.place) or case.master or is_neutral(case, pack):
        return None
    known = lookup.known_issue(pack, case.sub, pack.places[case.place])
    return known if known and known.__data__["citizen"] != case.__data__["citizen"] else None


def _receipt(event: Happened, pack: Pack) -> _Told:
    """The number, and at most one question; in danger the emergency numbers come before it."""
    case, danger = event.case, event.change.facts.get("danger")
    if case.sub is None:
        return _Told("received_helpline") if danger else _Told("received_ask_what", "what")
    if not case.place and pack.subs[case.sub].where == "place":
        return _Told("received_danger_ask_place" if danger else "received_ask_place", "place")
    if danger:
        return _Told("received_danger", "guess") if case.place else _Told("received_helpline")
    if event.change.facts.get("guessed"):
        return _Told(_placed("received_guess", case), "guess")
    return _Told(_placed("received", case))


def _added_to_known(event: Happened) -> _Told:
    agency, followers = _master(event.case)
    return _Told(_placed("known_issue", event.case), params={"n": str(followers + 1), "agency": agency})


def _followed(event: Happened, _: Pack) -> _Told:
    """The office that has the known case says that it is fixed."""
    agency, _n = _master(event.case)
    return _Told(_placed("resolved_followed", event.case), "solved", params={"agency": agency})


def _master(case: Case) -> tuple[str, int]:
    """Of the case that this one follows: its office, and how many follow it."""
    (found,) = database.rows(database.main, "SELECT agency, followers FROM cases WHERE id = ?", case.master)
    return found[0], found[1]


def _joined(event: Happened, _: Pack) -> _Told | None:
    if event.change.source == _BY_SMS:
        return _added_to_known(event)
    return _Told("joined") if event.change.role in _STAFF else None


def _assigned(event: Happened, _: Pack) -> _Told | None:
    return _Told("assigned") if "agency" in event.after else None  # which officer has it is the office's affair


def _put_back(event: Happened, _: Pack) -> _Told | None:
    """How an office arranges its work is its affair; that it is not done after all is not."""
    return _Told("assigned") if event.before.get("state") == State.RESOLVED else None


def _added(event: Happened, _: Pack) -> _Told | None:
    if event.change.source != _BY_SMS:
        return None
    template = "added" if event.case.sub else "added_unnamed"
    if event.change.facts.get("danger"):
        template = "received_helpline"
    return _Told(template, "added", event.change.source_key)


def _escalated(event: Happened, pack: Pack) -> _Told | None:
    """Only that the promised day has passed; the other levels are between offices."""
    is_breach = event.before.get("escalation", 0) < BREACH <= event.case.escalation
    return _Told("breached", params={"date": _soon(event, pack)}) if is_breach else None


def _asked(event: Happened, pack: Pack) -> _Told:
    """The clock waits for the answer; where it does not, or did when nobody knew, there is as much time as the case
    has."""
    waits = event.case.next_at if event.case.next_step == Action.RESUME else None
    until = day(waits, pack) if waits and waits > event.at else _promised(event, pack)
    return _Told("question", "question", params={**_note(event), "date": until})


def _reminded(event: Happened, pack: Pack) -> _Told:
    closes = event.case.next_at if event.case.next_step == Action.CLOSE else None
    until = day(closes, pack) if closes else last_day(event.case, pack)
    return _Told("resolved_last_call", "solved", params={"date": until})


def _rejected(event: Happened, pack: Pack) -> _Told:
    return _Told("rejected", "appeal", params={**_note(event), "date": day(event.at + APPEAL_WINDOW, pack)})


def _withdrawn(event: Happened, pack: Pack) -> _Told:
    return _Told("withdrawn", "undo", params={"date": day(event.at + RESTORE_WINDOW, pack)})


def _promised(event: Happened, pack: Pack) -> str:
    """When the citizen hears of it: the day that was promised, or soon where that is over."""
    return day(event.case.due_at, pack) if event.case.due_at > event.at else _soon(event, pack)


def _soon(event: Happened, pack: Pack) -> str:
    office = office_hours(pack)
    return day(sla.due(office, event.at, NEXT_NEWS_DAYS * office.working_day), pack)


def _says(
    template: str, asks: str | None = None, *, only_by_sms: bool = False
) -> Callable[[Happened, Pack], _Told | None]:
    """A text that needs the case and perhaps the words of the change."""

    def tell(event: Happened, _: Pack) -> _Told | None:
        if only_by_sms and event.change.source != _BY_SMS:
            return None
        return _Told(
            _placed(template, event.case), asks, params=_note(event) if "{note}" in TEMPLATES[template] else {}
        )

    return tell


def _note(event: Happened) -> dict[str, str]:
    """An officer's words; what the citizen wrote is not said back to them."""
    words = event.change.words if event.change.role is not Role.CITIZEN else None
    return {"note": words} if words else {}


def _placed(template: str, case: Case) -> str:
    anywhere = f"{template}_anywhere"
    return template if case.place or anywhere not in TEMPLATES else anywhere


_NEWS: Final[Mapping[Action, Callable[[Happened, Pack], _Told | None]]] = {
    Action.LODGE: _lodged,
    Action.CLASSIFY: _classified,
    Action.ASSIGN: _assigned,
    Action.START: _says("in_progress"),
    Action.PUT_BACK: _put_back,
    Action.ASK: _asked,
    Action.ANSWER: _says("answered", only_by_sms=True),
    Action.WAIT: _says("waiting"),
    Action.TRANSFER: _says("moved"),
    Action.DUPLICATE: _joined,
    Action.FOLLOW: _followed,
    Action.RELEASE: _says("released"),
    Action.REJECT: _rejected,
    Action.RESOLVE: _says("resolved", "solved"),
    Action.REMIND: _reminded,
    Action.CONFIRM: _says("rate", "rate", only_by_sms=True),
    Action.RATE: _says("thanks", only_by_sms=True),
    Action.REOPEN: _says("reopened"),
    Action.APPEAL: _says("appealed"),
    Action.UPHOLD: _says("upheld"),
    Action.OVERTURN: _says("overturned"),
    Action.WITHDRAW: _withdrawn,
    Action.RESTORE: _says("restored"),
    Action.ADD_WORDS: _added,
    Action.ESCALATE: _escalated,
}
_BY_DAY: Final = frozenset({Action.ESCALATE, Action.REMIND})  # nobody's night is worth these


def _apart(same: Sequence[Place], pack: Pack) -> list[str]:
    """What tells places of one name apart: their counties, else their constituencies, else their wards."""
    for area in (
        [place.county for place in same],
        [place.constituency for place in same],
        [place.ward for place in same],
    ):
        names = [pack.places[code].name for code in area if code]
        if len(set(names)) == len(same):
            return names
    return [place.name for place in same]


def is_neutral(case: Case, pack: Pack) -> bool:
    """Whether an SMS may say nothing of what a case is about: phones are shared, and networks read along."""
    sub = pack.subs[case.sub] if case.sub else None
    sensitive = sub is not None and (sub.sensitive or pack.categories[sub.category].sensitive)
    return sensitive or bool(case.guarded) or case.visibility != "public"


def case_params(case: Case, pack: Pack) -> dict[str, Any]:
    """What a text may say of a case, as codes; its names are looked up when it is sent."""
    known = {"ref": case.ref, "sub": case.sub, "place": case.place, "agency": case.agency, "status": case.state}
    return {
        **{name: value for name, value in known.items() if value},
        "date": day(case.due_at, pack),
        "date2": day(case.due_at, pack),
    }


def last_day(case: Case, pack: Pack) -> str:
    """Until when "is it fixed?" waits for an answer."""
    assert case.decided_at is not None  # noqa: S101  nothing is resolved without a decision
    return day(case.decided_at + FEEDBACK_WINDOW, pack)


def day(moment: datetime, pack: Pack) -> str:
    """The date of a moment in the pack's zone, ISO."""
    return moment.astimezone(ZoneInfo(pack.zone)).date().isoformat()
