"""The shell around the menus for USSD: load, step, do the one request, save. A hop needs no Redis and no network.

The order makes a crash harmless: the case is committed first, the session saved after it. If the second is lost, the
same request comes again, finds the case by its draft id, and shows the same number.
"""

from __future__ import annotations

import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from cases import callbacks, lifecycle, lookup, notices, pins, reference, sla
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.lifecycle import DECIDED, OPEN, RESTORE_WINDOW, Act, Action, NotAllowed, Role, Standing
from cases.lifecycle import State as CaseState
from cases.models import Case, CaseEvent
from cases.timers import office_hours
from locales import SOURCE, fallbacks, translations
from menus import engine, fit, reminders, sessions
from menus.drafts import SECRECY, accused, is_secret, is_sensitive
from menus.engine import FIRST, Ask, Draft, Scene, Shown, State, Turn, World
from menus.insight import Insight
from menus.screens import FAULTS, FLOW
from menus.screens.home import ASKING
from menus.screens.lodge import UNFORESEEN, ready
from menus.sessions import Heard, Reply, Session
from menus.values import HISTORY, ScreenValues
from packs.model import Pack
from packs.places import PlaceIndex
from sms_gateway.encoding import plain
from sms_gateway.gateway import UssdEnd, UssdRequest
from store import database
from store.model import from_micros

MOST_LISTED: Final = 20  # under My cases
MOST_TOLD: Final = 30  # events of a case's history
SECRET_KEPT: Final = timedelta(minutes=10)  # how long a dropped secret session can be gone on with
LATELY: Final = timedelta(days=7)  # who reports the same again so soon may mean the same
_MOST_KEPT: Final = 480  # letters of an office's words
_TRIES: Final = 3
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Voice:
    """How the service presents itself to phones."""

    service: str
    code: str  # *384*96#
    short: str  # 38496
    octets: int  # of a USSD screen: 140 or 160
    languages: Callable[[], tuple[str, ...]]  # that citizens may choose
    free: bool = False  # the county pays the session
    first_octets: int | None = None  # of the first screen of a session, where the network allows it less


@dataclass(frozen=True, slots=True)
class _Answer:
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


class Conversation:
    """Answers USSD requests. `packs` gives the pack in force with its place index."""

    def __init__(
        self,
        citizens: Citizens,
        casework: Casework,
        packs: Callable[[], tuple[Pack, PlaceIndex]],
        voice: Voice,
        insight: Insight,
        log: Callable[..., None],
    ) -> None:
        self._citizens, self._casework, self._packs = citizens, casework, packs
        self._voice, self._insight, self._log = voice, insight, log
        self._languages: OrderedDict[str, str] = OrderedDict()  # what callers speak, for when the database is down

    def hop(self, request: UssdRequest, now: datetime) -> Reply:
        """One request of a session, and what the citizen sees next. Never raises: a fault becomes a truthful END."""
        hop = _Hop(self, request, now)
        try:
            return database.steady(hop.answer)
        except Exception as fault:
            return self._failed(hop, fault)

    def ended(self, event: UssdEnd, now: datetime) -> None:
        """The network reports the end of a session; if it was not we who ended it, its citizen gave up there."""
        left = sessions.ended(f"{event.gateway}:{event.session_id}", event.status, now)
        callers = self._citizens.by_id(one.citizen_id for one in left)
        for one in left:
            caller = callers.get(one.citizen_id)
            if caller:
                self._insight.dropped(one.state(caller).screen, caller.language or SOURCE, now)

    def _failed(self, hop: _Hop, fault: Exception) -> Reply:
        """Say what is true: saved, kept, unsure, or nothing happened. The reference leads to the log."""
        err = secrets.token_hex(2)
        self._log("hop_failed", err=err, screen=hop.screen, fault=repr(fault), exc_info=fault)
        name, ref = _truth(hop)
        language = hop.world.language if hop.world else self._languages.get(hop.request.msisdn, SOURCE)
        values = {"code": self._voice.code, "short": self._voice.short, "ref": ref, "err": err}
        texts = (plain(translations(spoken).gettext(FAULTS[name]).format(**values)) for spoken in fallbacks(language))
        fitting = (text for text in texts if fit.fits(text, self._voice.octets))
        return Reply(next(fitting, FAULTS[name].format(**values)), end=True)

    def _world(self, language: str, caller: Caller, origin: str) -> World:
        pack, places = self._packs()
        return World(
            pack=pack,
            places=places,
            language=language,
            octets=self._voice.octets,
            first_octets=self._voice.first_octets,
            service=self._voice.service,
            code=self._voice.code,
            short=self._voice.short,
            languages=self._voice.languages(),
            free=self._voice.free,
            near=pack.places.get(caller.place) if caller.place else None,
            origin=origin,
        )

    def _remember(self, msisdn: str, language: str) -> None:
        self._languages[msisdn] = language
        self._languages.move_to_end(msisdn)
        if len(self._languages) > _REMEMBERED:
            self._languages.popitem(last=False)


class _Hop:
    """One request while it is served."""

    def __init__(self, house: Conversation, request: UssdRequest, now: datetime) -> None:
        self._house, self.request, self._now = house, request, now
        self.world: World | None = None
        self.session: Session | None = None
        self.doing: Change | None = None  # the change that was being made when something failed
        self._caller: Caller
        self._same: dict[tuple[str, str | None], tuple[str, Case] | None] = {}  # what was reported before, once asked

    @property
    def screen(self) -> str:
        return self.session.state.screen if self.session and self.session.state else ""

    def answer(self) -> Reply:
        self._caller = self._house._citizens.meet(self.request.msisdn, self._now)
        if self._caller.language:
            self._house._remember(self.request.msisdn, self._caller.language)
        for _ in range(_TRIES):
            reply = self._try()
            if reply is not None:
                return reply
        raise RuntimeError("other requests of this session kept changing it")

    def _try(self) -> Reply | None:
        """Serve the request; None if another one of this session was quicker and it must be looked at again."""
        session = sessions.load(f"{self.request.gateway}:{self.request.session_id}", self._caller)
        text = self.request.text
        heard = Heard.MORE
        if session.state is not None:
            heard = sessions.compare(session.text, text)
            if heard is Heard.REPEATED:
                return session.reply
            if heard is Heard.DIVERGED:  # the old draft stays as it is, under its own ordinal
                session = Session(session.key, session.citizen_id, session.ordinal + 1)
        self.session = session
        self.world = self._house._world(self._caller.language or SOURCE, self._caller, session.name)
        state = self._go_on(session) if session.state else self._begin(text)
        shown = self._render(state, first=session.state is None)
        reply = Reply(shown.text, shown.end)
        if not sessions.save(session, self._caller, text, shown.state, reply, self._now):
            return None
        self._count(session, shown)
        self._settle_resumed(session.state, shown.state)
        return reply

    def _count(self, before: Session, shown: Shown) -> None:
        insight = self._house._insight
        if before.state and before.since:
            seconds = (self._now - before.since).total_seconds()
            insight.answered(before.state.screen, self._caller.language or SOURCE, seconds)
        insight.shown(shown.state.screen, self._here.language, self._now, end=shown.end)

    def _begin(self, text: str) -> State:
        """The first request of a session; with `text` it is a deep dial (or we lost what came before)."""
        inputs = tuple(text.split("*")) if text else ()
        if not self._caller.language:
            return State("language_first", pending=inputs)
        if not inputs:
            while interrupted := sessions.interrupted(self._caller, self._now):
                offered = self._resume(*interrupted)
                if offered:
                    return offered
        return self._feed(self._resolve(self._enter(State(FIRST), FIRST)), inputs)

    def _resume(self, row_id: str, old: State, left_at: datetime) -> State | None:
        """Offer to go on where the line dropped. If the case was lodged after all, say its number.

        Of a secret report nothing is said; it goes on, with its number and PIN, for who dials again at once, and not
        for who borrows the phone an hour later: None, and it is not offered again.
        """
        facts: dict[str, Any] = {"resume_at": old.screen, "resume_of": row_id}
        case = lookup.lodged_by(old.draft_id)
        if case:
            facts |= self._facts_of_lodged(case)
        screen = "resume_add" if case else "resume"
        if is_secret(self._here.pack, old.draft):
            if self._now > (case.received_at if case else left_at) + SECRET_KEPT:
                sessions.settle(row_id)
                return None
            screen = "resume_secret"
            facts["resume_at"] = "secret_text" if case else old.screen
        return replace(old, screen=screen, facts=facts, first=0, shown={}, hint="")

    def _go_on(self, session: Session) -> State:
        """One input more: the rest of the text, which for free text may hold `*` itself."""
        assert session.state is not None  # noqa: S101  the caller looked
        rest = self.request.text if session.text == "" else self.request.text[len(session.text) + 1 :]
        if "*" in rest and not isinstance(FLOW[session.state.screen], Ask):
            return self._feed(session.state, tuple(rest.split("*")))  # a callback in between was lost
        return self._resolve(self._step(session.state, rest))

    def _feed(self, state: State, inputs: tuple[str, ...]) -> State:
        """Press keys one by one, as the screens in between offer them, but stop before anything that would change
        something, and at a screen that nobody could know of who made a poster or a link."""
        for typed in inputs:
            turn = self._step(self._render(state).state, typed)
            if turn.acts:
                break
            state = self._resolve(turn)
            if state.hint or state.screen in UNFORESEEN:
                break
        return state

    def _resolve(self, turn: Turn) -> State:
        """Perform requests until there is a screen to show."""
        while turn.request:
            answer = self._perform(turn)
            turn = engine.proceed(FLOW, self._here, turn, answer.facts, answer.then)
        pending = turn.state.pending
        if pending and turn.state.screen == FIRST:
            return self._feed(replace(turn.state, pending=()), pending)
        return turn.state

    @property
    def _request(self) -> str:
        """Names what this hop is asked to do: the same again is the same request."""
        assert self.session is not None  # noqa: S101  a request is performed within a session
        return f"{self.session.name}#{self.session.turn}"

    @property
    def _here(self) -> World:
        assert self.world is not None  # noqa: S101  set before the first step
        return self.world

    def _enter(self, state: State, screen: str) -> Turn:
        return engine.enter(FLOW, self._here, state, screen)

    def _step(self, state: State, typed: str) -> Turn:
        return engine.step(FLOW, self._here, state, typed)

    def _render(self, state: State, first: bool = False) -> Shown:
        return engine.render(FLOW, self._here, state, ScreenValues, first)

    # What screens may ask for (needs) and do (requests), by name

    def _perform(self, turn: Turn) -> _Answer:
        performer: Callable[[State], _Answer] = getattr(self, f"_on_{turn.request}")
        return performer(turn.state)

    def _on_news(self, _: State) -> _Answer:
        """The first line of the home screen, an answer with zero keys: a notice of danger; the case that waits for the
        citizen; or the status of the one case that is open. Public ones only: phones are shared."""
        mine = lookup.on_their_mind(self._caller.id, 2)
        news = mine[0] if len(mine) == 1 or (mine and mine[0].state in ASKING) else None
        banner = notices.for_place(self._here.near, self._here.language, self._now)
        return _Answer({"banner": banner, **(self._facts_of(news) if news else {})})

    def _on_my_cases(self, _: State) -> _Answer:
        mine = lookup.recent(self._caller.id, MOST_LISTED)
        told = [self._facts_of(one) for one in mine]
        return _Answer({"cases": [{name: one[name] for name in _LISTED} for one in told]})

    def _on_case(self, state: State) -> _Answer:
        chosen = state.draft["case"]
        case = self._unlocked(state) or lookup.own_by_id(self._caller.id, chosen)
        case = case or lookup.own_case(self._caller.id, chosen)
        if case is None:
            return _Answer({"missed": False}, then="check_pin")
        screen, kinds = _OPENS.get(case.state, ("case", ()))
        return _Answer({**self._facts_of(case), "said": self._last_words(case, kinds)}, then=screen)

    def _on_unlock(self, state: State) -> _Answer:
        """A number with its PIN opens a secret case, on any phone."""
        number = state.draft["case"]
        if number == state.draft["pin"]:  # in place of a PIN they typed another number
            return _Answer({"missed": False})
        opened = pins.opens(
            self._house._citizens, self._caller, number, state.draft["pin"], self._now, request=self._request
        )
        if isinstance(opened, pins.Locked):
            return _Answer({}, then="pin_locked")
        if opened is None:
            return _Answer({"missed": True}, then="check_pin")
        return _Answer({"unlocked": {"number": number, "id": opened.id}})

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
        return self._house._citizens.by_id([owner_id])[owner_id]

    def _on_history(self, state: State) -> _Answer:
        """What happened to the case, the newest first; what was the office's own business is left out."""
        told = database.rows(
            database.main,
            f"SELECT kind, occurred_at, facts FROM case_event WHERE case_id = ? AND kind IN ({_TOLD}) "
            "ORDER BY occurred_at DESC, seq DESC LIMIT ?",
            state.facts["id"],
            MOST_TOLD,
        )
        history = [
            {"kind": kind, "date": self._day(from_micros(at)), "agency": json.loads(facts).get("agency")}
            for kind, at, facts in told
        ]
        return _Answer({"history": history})

    def _on_me(self, _: State) -> _Answer:
        return _Answer({"stopped": self._caller.stopped})

    def _on_turn_sms(self, state: State) -> _Answer:
        """STOP or START by a key, whichever the screen offered: the same request again changes nothing more."""
        stopped = not state.facts["stopped"]
        if stopped:
            self._house._citizens.stop(self._caller.id, self._now)
        else:
            self._house._citizens.start(self._caller.id)
        return _Answer({"stopped": stopped})

    def _on_set_letters(self, state: State) -> _Answer:
        self._house._citizens.set_letters(self._caller.id, state.draft["letters"])
        return _Answer({})

    def _on_call_by(self, _: State) -> _Answer:
        by = sla.end_of_next_day(office_hours(self._here.pack), self._now)
        return _Answer({"date": self._day(by), "has_case": bool(lookup.open_cases(self._caller.id, 1))})

    def _on_call_me(self, state: State) -> _Answer:
        about = cast(callbacks.About, state.draft["call"])
        case_id = state.facts.get("id") if about == "case" else None
        promised = callbacks.ask(self._caller, about, case_id, self._here.pack, self._now)
        return _Answer({"date": self._day(promised.by)})

    def _on_forget_draft(self, state: State) -> _Answer:
        sessions.settle(state.facts["resume_of"])
        return _Answer({})

    def _on_same(self, state: State) -> _Answer:
        """Which of three screens it is: this citizen reported it lately, others did, or it can be sent; a secret report
        is compared with nothing."""
        is_another = state.screen == "confirm" and state.draft.get("apart") == state.draft.get("place", "")
        before = None if is_another else self._reported_before(state.draft)
        if before is None:
            # it speaks of the draft only, not of a case that stood on a screen before
            return _Answer(dict.fromkeys(("sub", "place", "agency")), then=ready(Scene(self._here, state)))
        screen, case = before
        if screen == "again":
            return _Answer({**self._facts_of(case), "date": self._day(case.received_at)}, then=screen)
        return _Answer({**self._facts_of_lodged(case), "n": case.followers + 1}, then=screen)

    def _reported_before(self, draft: Draft) -> tuple[str, Case] | None:
        """A case that this may be about, and the screen that says so. What nobody has named yet is like nothing."""
        sub, place = draft["sub"], draft.get("place")
        pack = self._here.pack
        if pack.subs[sub].words_first or is_secret(pack, draft):
            return None
        if (sub, place) not in self._same:
            mine = lookup.lately(self._caller.id, sub, place, self._now - LATELY)
            known = lookup.known_issue(pack, sub, pack.places[place]) if place and not mine else None
            self._same[sub, place] = ("again", mine) if mine else ("known", known) if known else None
        return self._same[sub, place]

    def _on_set_language(self, state: State) -> _Answer:
        language = state.draft["language"]
        self._house._citizens.set_language(self._caller.id, language)
        self._house._remember(self.request.msisdn, language)
        self.world = replace(self._here, language=language)
        return _Answer({})

    def _on_lodge(self, state: State) -> _Answer:
        return self._lodge(state)

    def _on_follow(self, state: State) -> _Answer:
        """ "Add me": a case of their own, which follows the known one."""
        return self._lodge(state, master=state.facts["id"])

    def _lodge(self, state: State, **more: str) -> _Answer:
        change = Change(
            action=Action.LODGE,
            caller=self._caller,
            source="ussd",
            source_key=state.draft_id,
            facts={
                "sub": state.draft["sub"],
                "place": state.draft.get("place"),
                "language": self._here.language,
                **self._secrecy(state.draft),
                **more,
            },
            words=state.draft.get("words"),
        )
        return _Answer(self._facts_of_lodged(self._apply(change)))

    def _secrecy(self, draft: Draft) -> Mapping[str, Any]:
        """Of a secret report: how secret, about which office, and whether our SMS may tell of it."""
        if not is_secret(self._here.pack, draft):
            return {}
        about = accused(self._here.pack, draft)
        told = {"visibility": draft[SECRECY], "silent": bool(draft.get("silent"))}
        return {**told, "about": about} if about else told

    def _on_add_words(self, state: State) -> _Answer:
        return self._add(state, state.draft["added"])

    def _on_add_to_case(self, state: State) -> _Answer:
        return self._add(state, state.draft["added"])

    def _on_answer(self, state: State) -> _Answer:
        """To an officer's question. If that is not open any more, the words still belong to the case."""
        case = self._act(Action.ANSWER, state, words=state.draft["answer"])
        return _Answer({}) if case else self._add(state, state.draft["answer"])

    def _add(self, state: State, words: str) -> _Answer:
        case = self._act(Action.ADD_WORDS, state, words=words)
        return _Answer({}, then=None if case else "closed_now")

    def _on_fixed(self, state: State) -> _Answer:
        if self._act(Action.CONFIRM, state):
            return _Answer({})
        case = self._case(state)  # perhaps it was closed by itself meanwhile
        return _Answer({}, then=None if case and case.state == CaseState.CLOSED else "changed_now")

    def _on_rate(self, state: State) -> _Answer:
        case = self._act(Action.RATE, state, {"stars": int(state.draft["stars"])})
        return _Answer({}, then=None if case else "changed_now")

    def _on_withdraw(self, state: State) -> _Answer:
        return _Answer({}, then=None if self._act(Action.WITHDRAW, state) else "changed_now")

    def _on_restore(self, state: State) -> _Answer:
        case = self._act(Action.RESTORE, state)
        if case:
            return _Answer(self._facts_of_lodged(case))
        case = self._case(state)
        return _Answer({}, then="too_late" if case and case.state == CaseState.WITHDRAWN else "changed_now")

    def _on_reopen(self, state: State) -> _Answer:
        return self._contest(Action.REOPEN, state)

    def _on_appeal(self, state: State) -> _Answer:
        return self._contest(Action.APPEAL, state)

    def _contest(self, action: Action, state: State) -> _Answer:
        """The citizen does not accept a decision. Where the lifecycle says no: what is true, and what is left."""
        case = self._act(action, state)
        if case:
            return _Answer(self._facts_of_lodged(case))
        case = self._case(state)
        if case is None or case.state not in DECIDED:
            return _Answer({}, then="changed_now")
        return _Answer(self._facts_of(case), then="appeal" if self._may_appeal(case) else "too_late")

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
        return self._house._casework.apply(change, self._now).case

    def _last_words(self, case: Case, kinds: Collection[Action]) -> str | None:
        """What an office last said about a case in an event of these kinds."""
        if not kinds:
            return None
        marks = ", ".join("?" * len(kinds))
        of_these = f"SELECT id, words FROM case_event WHERE case_id = ? AND kind IN ({marks})"
        event_id, sealed = max(database.rows(database.main, of_these, case.id, *kinds), default=(None, None))
        if sealed is None:
            return None
        return " ".join(self._owner(case).key.open("case_event.words", event_id, bytes(sealed)).split())[:_MOST_KEPT]

    def _facts_of_lodged(self, case: Case) -> dict[str, Any]:
        """Of a case just lodged, the date that matters is the one of the answer."""
        facts = {**self._facts_of(case), "date": self._day(case.due_at)}
        return {**facts, "pin": pins.pin_of(self._caller, case)} if facts["secret"] else facts

    def _facts_of(self, case: Case) -> dict[str, Any]:
        """What an office filed under a sensitive kind, and needs no PIN, is called by its number alone."""
        secret = case.visibility != "public"
        is_named = secret or not is_sensitive(self._here.pack, case.sub)
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
        return moment.astimezone(ZoneInfo(self._here.pack.zone)).date().isoformat()

    def _settle_resumed(self, before: State | None, after: State) -> None:
        """Once the citizen went on or started again, the session that dropped is not offered any more. A draft that
        they left for the home screen is; a case that is lodged needs nothing more."""
        if before is None or before.screen not in sessions.OFFERS or after.screen == before.screen:
            return
        if before.screen == "resume_add" or after.screen != FIRST:
            sessions.settle(before.facts["resume_of"])
            reminders.take_back(self._caller.id, self._now)


def _truth(hop: _Hop) -> tuple[str, str]:
    """Which text tells the truth about a hop that failed, and the case number it names, if it does."""
    if hop.session is None:  # what came before it in this session is out of sight
        return ("failed_unsure" if hop.request.text else "failed"), ""
    state, doing = hop.session.state, hop.doing
    # a secret report says its number and PIN again to who redials: the number alone would be of no use
    if doing and state and not (hop.world and is_secret(hop.world.pack, state.draft)):
        try:
            case = database.steady(lambda: _changed_by(doing.source_key))
        except Exception:
            return "failed_unsure", ""
        if case:
            return "failed_saved", reference.shown(case.ref)
        if doing.case_id:
            by_sms = doing.words and not state.facts["secret"]
            return ("failed_words" if by_sms else "failed"), reference.shown(state.facts["ref"])
    return ("failed_draft" if state and state.draft.get("sub") else "failed"), ""


def _changed_by(source_key: str) -> Case | None:
    """The case that this request changed, if it did."""
    changed: Case | None = Case.select().join(CaseEvent).where(CaseEvent.source_key == source_key).first()
    return changed
