"""What screens may ask for (needs) and do (requests), by name: where the menus meet citizens and their cases."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from cases import callbacks, lifecycle, lookup, notices, pins, sla
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.lifecycle import DECIDED, OPEN, RESTORE_WINDOW, Act, Action, NotAllowed, Role, Standing
from cases.lifecycle import State as CaseState
from cases.models import Case
from cases.timers import office_hours
from menus import sessions
from menus.drafts import SECRECY, accused, is_secret, is_sensitive
from menus.engine import Draft, Scene, State, Turn, World
from menus.screens.home import ASKING
from menus.screens.lodge import ready
from menus.values import HISTORY
from store import database
from store.model import from_micros
from store.sealing import DataKey

MOST_LISTED: Final = 20  # under My cases
MOST_TOLD: Final = 30  # events of a case's history
LATELY: Final = timedelta(days=7)  # who reports the same again so soon may mean the same
_MOST_KEPT: Final = 480  # letters of an office's words


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request brought: facts for the screen, perhaps another screen than planned."""

    facts: Mapping[str, Any]
    then: str | None = None


# The screen in place of `case` for a case that wants something of its citizen, or can be taken up again; and the
# events whose words it says
_OPENS: Final[Mapping[str, tuple[str, tuple[Action, ...]]]] = {
    CaseState.PENDING_CITIZEN: ("question", (Action.ASK,)),
    CaseState.RESOLVED: ("solved", (Action.RESOLVE, Action.FOLLOW)),
    CaseState.CLOSED: ("closed", (Action.RESOLVE, Action.FOLLOW, Action.UPHOLD)),
    CaseState.REJECTED: ("rejected", (Action.REJECT,)),
    CaseState.WITHDRAWN: ("withdrawn", ()),
}


_LISTED: Final = ("id", "ref", "sub", "state")  # of each under My cases
_TOLD: Final = ", ".join(f"'{kind}'" for kind in HISTORY)
# Facts of what an office's file says to the citizen, and of what a person has to look at before
_FOR_THE_CITIZEN: Final = '%"public":true%'
_STALE: Final = '%"stale":true%'


class Requests:
    """The requests of one hop. `name` names it: the same request again changes nothing more."""

    def __init__(
        self, citizens: Citizens, casework: Casework, caller: Caller, world: World, name: str, now: datetime
    ) -> None:
        self._citizens, self._casework, self._caller = citizens, casework, caller
        self.world = world  # in the language that the citizen chose last
        self.doing: Change | None = None  # the change that was being made, for when something fails
        self._request, self._now = name, now
        self._same: dict[tuple[str, str | None], tuple[str, Case] | None] = {}  # what was reported before, once asked

    def perform(self, turn: Turn) -> Answer:
        """Do what a turn asks for."""
        performer: Callable[[State], Answer] = getattr(self, f"_on_{turn.request}")
        return performer(turn.state)

    def _on_news(self, _: State) -> Answer:
        """The first line of the home screen, an answer with zero keys: a notice of danger; the case that waits for the
        citizen; or the status of the one case that is open. Public ones only: phones are shared."""
        mine = lookup.on_their_mind(self._caller.id, 2)
        news = mine[0] if len(mine) == 1 or (mine and mine[0].state in ASKING) else None
        banner = notices.for_place(self.world.near, self.world.language, self._now)
        return Answer({"banner": banner, **(self._facts_of(news) if news else {})})

    def _on_my_cases(self, _: State) -> Answer:
        mine = lookup.recent(self._caller.id, MOST_LISTED)
        told = [self._facts_of(one) for one in mine]
        return Answer({"cases": [{name: one[name] for name in _LISTED} for one in told]})

    def _on_case(self, state: State) -> Answer:
        chosen = state.draft["case"]
        case = self._unlocked(state) or lookup.own_by_id(self._caller.id, chosen)
        case = case or lookup.own_case(self._caller.id, chosen)
        if case is None:
            return Answer({"missed": False}, then="check_pin")
        screen, kinds = _OPENS.get(case.state, ("case", ()))
        return Answer({**self._facts_of(case), "said": self._last_words(case, kinds)}, then=screen)

    def _on_unlock(self, state: State) -> Answer:
        """A number with its PIN opens a secret case, on any phone."""
        number = state.draft["case"]
        if number == state.draft["pin"]:  # in place of a PIN they typed another number
            return Answer({"missed": False})
        opened = pins.opens(self._citizens, self._caller, number, state.draft["pin"], self._now, request=self._request)
        if isinstance(opened, pins.Locked):
            return Answer({}, then="pin_locked")
        if opened is None:
            return Answer({"missed": True}, then="check_pin")
        return Answer({"unlocked": {"number": number, "id": opened.id}})

    def _unlocked(self, state: State) -> Case | None:
        """The secret case that was opened in this session with the number that the draft holds."""
        unlocked = state.facts.get("unlocked")
        if not unlocked or unlocked["number"] != state.draft["case"]:
            return None
        case: Case = Case.get_by_id(unlocked["id"])
        return case

    def _owner(self, case: Case) -> Caller:
        """Who lodged a case: its words are sealed with their key. Who knows its PIN speaks for them."""
        owner_id = case.__data__["citizen"]
        if owner_id == self._caller.id:
            return self._caller
        return self._citizens.by_id([owner_id])[owner_id]

    def _on_history(self, state: State) -> Answer:
        """What happened to the case, the newest first; what was the office's own business is left out."""
        told = database.rows(
            database.main,
            "SELECT id, kind, occurred_at, facts, words FROM case_event WHERE case_id = ? "
            f"AND (kind IN ({_TOLD}) OR facts LIKE ?) AND facts NOT LIKE ? ORDER BY occurred_at DESC, seq DESC LIMIT ?",
            *(state.facts["id"], _FOR_THE_CITIZEN, _STALE, MOST_TOLD),
        )
        key = self._owner(case).key if (case := self._case(state)) else None
        return Answer({"history": [self._entry(event, key) for event in told]})

    def _entry(self, event: tuple[Any, ...], key: DataKey | None) -> dict[str, Any]:
        """An event with what an office's file said in it to the citizen."""
        id, kind, at, told, sealed = event
        facts = json.loads(told)
        said = _opened(key, id, sealed) if key and sealed and facts.get("public") else None
        return {"kind": kind, "date": self._day(from_micros(at)), "agency": facts.get("agency"), "said": said}

    def _on_me(self, _: State) -> Answer:
        return Answer({"stopped": self._caller.stopped})

    def _on_turn_sms(self, state: State) -> Answer:
        """STOP or START by a key, whichever the screen offered: the same request again changes nothing more."""
        stopped = not state.facts["stopped"]
        if stopped:
            self._citizens.stop(self._caller.id, self._now)
        else:
            self._citizens.start(self._caller.id)
        return Answer({"stopped": stopped})

    def _on_set_letters(self, state: State) -> Answer:
        self._citizens.set_letters(self._caller.id, state.draft["letters"])
        return Answer({})

    def _on_call_by(self, _: State) -> Answer:
        by = sla.end_of_next_day(office_hours(self.world.pack), self._now)
        return Answer({"date": self._day(by), "has_case": bool(lookup.open_cases(self._caller.id, 1))})

    def _on_call_me(self, state: State) -> Answer:
        about = cast(callbacks.About, state.draft["call"])
        case_id = state.facts.get("id") if about == "case" else None
        promised = callbacks.ask(self._caller, about, case_id, self.world.pack, self._now)
        return Answer({"date": self._day(promised.by)})

    def _on_forget_draft(self, state: State) -> Answer:
        sessions.settle(state.facts["resume_of"])
        return Answer({})

    def _on_same(self, state: State) -> Answer:
        """Which of three screens it is: this citizen reported it lately, others did, or it can be sent; a secret report
        is compared with nothing."""
        is_another = state.screen == "confirm" and state.draft.get("apart") == state.draft.get("place", "")
        before = None if is_another else self._reported_before(state.draft)
        if before is None:
            # it speaks of the draft only, not of a case that stood on a screen before
            return Answer(dict.fromkeys(("sub", "place", "agency")), then=ready(Scene(self.world, state)))
        screen, case = before
        if screen == "again":
            return Answer({**self._facts_of(case), "date": self._day(case.received_at)}, then=screen)
        return Answer({**self.facts_of_lodged(case), "n": case.followers + 1}, then=screen)

    def _reported_before(self, draft: Draft) -> tuple[str, Case] | None:
        """A case that this may be about, and the screen that says so. What nobody has named yet is like nothing."""
        sub, place = draft["sub"], draft.get("place")
        pack = self.world.pack
        if pack.subs[sub].words_first or is_secret(pack, draft):
            return None
        if (sub, place) not in self._same:
            mine = lookup.lately(self._caller.id, sub, place, self._now - LATELY)
            known = lookup.known_issue(pack, sub, pack.places[place]) if place and not mine else None
            self._same[sub, place] = ("again", mine) if mine else ("known", known) if known else None
        return self._same[sub, place]

    def _on_set_language(self, state: State) -> Answer:
        language = state.draft["language"]
        self._citizens.set_language(self._caller.id, language)
        self.world = replace(self.world, language=language)
        return Answer({})

    def _on_lodge(self, state: State) -> Answer:
        return self._lodge(state)

    def _on_follow(self, state: State) -> Answer:
        """ "Add me": a case of their own, which follows the known one."""
        return self._lodge(state, master=state.facts["id"])

    def _lodge(self, state: State, **more: str) -> Answer:
        change = Change(
            action=Action.LODGE,
            caller=self._caller,
            source="ussd",
            source_key=state.draft_id,
            facts={
                "sub": state.draft["sub"],
                "place": state.draft.get("place"),
                "language": self.world.language,
                **self._secrecy(state.draft),
                **more,
            },
            words=state.draft.get("words"),
        )
        return Answer(self.facts_of_lodged(self._apply(change)))

    def _secrecy(self, draft: Draft) -> Mapping[str, Any]:
        """Of a secret report: how secret, about which office, and whether our SMS may tell of it."""
        if not is_secret(self.world.pack, draft):
            return {}
        about = accused(self.world.pack, draft)
        told = {"visibility": draft[SECRECY], "silent": bool(draft.get("silent"))}
        return {**told, "about": about} if about else told

    def _on_add_words(self, state: State) -> Answer:
        return self._add(state, state.draft["added"])

    def _on_add_to_case(self, state: State) -> Answer:
        return self._add(state, state.draft["added"])

    def _on_answer(self, state: State) -> Answer:
        """To an officer's question. If that is not open any more, the words still belong to the case."""
        case = self._act(Action.ANSWER, state, words=state.draft["answer"])
        return Answer({}) if case else self._add(state, state.draft["answer"])

    def _add(self, state: State, words: str) -> Answer:
        case = self._act(Action.ADD_WORDS, state, words=words)
        return Answer({}, then=None if case else "closed_now")

    def _on_fixed(self, state: State) -> Answer:
        if self._act(Action.CONFIRM, state):
            return Answer({})
        case = self._case(state)  # perhaps it was closed by itself meanwhile
        return Answer({}, then=None if case and case.state == CaseState.CLOSED else "changed_now")

    def _on_rate(self, state: State) -> Answer:
        case = self._act(Action.RATE, state, {"stars": int(state.draft["stars"])})
        return Answer({}, then=None if case else "changed_now")

    def _on_withdraw(self, state: State) -> Answer:
        return Answer({}, then=None if self._act(Action.WITHDRAW, state) else "changed_now")

    def _on_restore(self, state: State) -> Answer:
        case = self._act(Action.RESTORE, state)
        if case:
            return Answer(self.facts_of_lodged(case))
        case = self._case(state)
        return Answer({}, then="too_late" if case and case.state == CaseState.WITHDRAWN else "changed_now")

    def _on_reopen(self, state: State) -> Answer:
        return self._contest(Action.REOPEN, state)

    def _on_appeal(self, state: State) -> Answer:
        return self._contest(Action.APPEAL, state)

    def _contest(self, action: Action, state: State) -> Answer:
        """The citizen does not accept a decision. Where the lifecycle says no: what is true, and what is left."""
        case = self._act(action, state)
        if case:
            return Answer(self.facts_of_lodged(case))
        case = self._case(state)
        if case is None or case.state not in DECIDED:
            return Answer({}, then="changed_now")
        return Answer(self._facts_of(case), then="appeal" if self._may_appeal(case) else "too_late")

    def _may_appeal(self, case: Case) -> bool:
        standing = Standing(CaseState(case.state), decided_at=case.decided_at, appealed=case.appealed)
        try:
            lifecycle.after(standing, Act(Action.APPEAL, Role.CITIZEN, self._now))
        except NotAllowed:
            return False
        return True

    def _act(
        self, action: Action, state: State, facts: Mapping[str, Any] | None = None, words: str | None = None
    ) -> Case | None:
        """Do something to the case that the screen spoke of; None if the lifecycle says no."""
        case = self._case(state)
        if case is None:
            return None
        change = Change(
            action=action,
            caller=self._owner(case),
            source="ussd",
            source_key=self._request,
            case_id=state.facts["id"],
            facts=facts or {},
            words=words,
        )
        try:
            return self._apply(change)
        except NotAllowed:
            return None

    def _case(self, state: State) -> Case | None:
        """The case that the screen speaks of: the caller's own, or one that they opened with its PIN."""
        case_id, unlocked = state.facts["id"], state.facts.get("unlocked")
        if unlocked and unlocked["id"] == case_id:
            case: Case = Case.get_by_id(case_id)
            return case
        return lookup.own_by_id(self._caller.id, case_id)

    def _apply(self, change: Change) -> Case:
        self.doing = change
        return self._casework.apply(change, self._now).case

    def _last_words(self, case: Case, kinds: Collection[Action]) -> str | None:
        """What an office last said about a case in an event of these kinds."""
        if not kinds:
            return None
        marks = ", ".join("?" * len(kinds))
        of_these = f"SELECT id, words FROM case_event WHERE case_id = ? AND kind IN ({marks})"
        event_id, sealed = max(database.rows(database.main, of_these, case.id, *kinds), default=(None, None))
        if sealed is None:
            return None
        return _opened(self._owner(case).key, event_id, sealed)

    def facts_of_lodged(self, case: Case) -> dict[str, Any]:
        """Of a case just lodged, the date that matters is the one of the answer."""
        facts = {**self._facts_of(case), "date": self._day(case.due_at)}
        return {**facts, "pin": pins.pin_of(self._caller, case)} if facts["secret"] else facts

    def _facts_of(self, case: Case) -> dict[str, Any]:
        """What an office filed under a sensitive kind, and needs no PIN, is called by its number alone."""
        secret = case.visibility != "public"
        is_named = secret or not is_sensitive(self.world.pack, case.sub)
        return {
            "id": case.id,
            "ref": case.ref,
            "sub": case.sub if is_named else None,
            "place": case.place if is_named else None,
            "agency": case.agency,
            "state": case.state,
            "open": case.state in OPEN,
            "secret": secret,
            "restorable": case.state == CaseState.WITHDRAWN and self._now <= case.state_since + RESTORE_WINDOW,
            "date": self._day(case.state_since),
            "due": self._day(case.due_at),
            "rated": case.rating is not None,
            "appealed": bool(case.appealed),
            "stopped": self._caller.stopped,
        }

    def _day(self, moment: datetime) -> str:
        return moment.astimezone(ZoneInfo(self.world.pack.zone)).date().isoformat()


def _opened(key: DataKey, event_id: str, sealed: bytes | memoryview) -> str:
    """Somebody's words on one line, as much of them as is ever shown."""
    return " ".join(key.open("case_event.words", event_id, bytes(sealed)).split())[:_MOST_KEPT]
