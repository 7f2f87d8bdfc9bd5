"""The shell around the menus for USSD: load, step, do the one request, save. A hop needs no Redis and no network.

The order makes a crash harmless: the case is committed first, the session saved after it. If the second is lost, the
same request comes again, finds the case by its draft id, and shows the same number.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from cases import lookup, reference
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.models import Case, CaseEvent
from locales import SOURCE, fallbacks, translations
from menus import engine, fit, reminders, sessions
from menus.drafts import is_secret
from menus.engine import FIRST, Ask, Shown, State, Turn, World
from menus.insight import Insight
from menus.requests import Requests
from menus.screens import FAULTS, FLOW
from menus.screens.home import BLOCKED
from menus.screens.lodge import UNFORESEEN
from menus.sessions import Heard, Reply, Session
from menus.values import ScreenValues
from packs.model import Pack
from packs.places import PlaceIndex
from sms_gateway.encoding import plain
from sms_gateway.gateway import UssdEnd, UssdRequest, UssdStatus, UssdTurn
from store import database

SECRET_KEPT: Final = timedelta(minutes=10)  # how long a dropped secret session can be gone on with
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

    def hop(self, heard: UssdRequest | UssdTurn, now: datetime) -> Reply:
        """One request of a session, and what the citizen sees next. Never raises: a fault becomes a truthful END."""
        hop = _Hop(self, heard, now)
        try:
            return database.steady(hop.answer)
        except Exception as fault:
            return self._failed(hop, fault)

    def ended(self, event: UssdEnd, now: datetime) -> None:
        """The network reports the end of a session; if it was not we who ended it, its citizen gave up there."""
        self._count_drops(f"{event.gateway}:{event.session_id}", event.status, now)

    def hung_up(self, turn: UssdTurn, now: datetime) -> None:
        """The same from a network that names no session: it is the citizen's newest."""
        standing = sessions.newest(turn.gateway, self._citizens.meet(turn.msisdn, now), now)
        if standing:
            self._count_drops(standing.key, "incomplete", now)

    def _count_drops(self, key: str, status: UssdStatus, now: datetime) -> None:
        left = sessions.ended(key, status, now)
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
        language = hop.world.language if hop.world else self._languages.get(hop.heard.msisdn, SOURCE)
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

    def _requests(self, caller: Caller, world: World, name: str, now: datetime) -> Requests:
        return Requests(self._citizens, self._casework, caller, world, name, now)

    def _remember(self, msisdn: str, language: str) -> None:
        self._languages[msisdn] = language
        self._languages.move_to_end(msisdn)
        if len(self._languages) > _REMEMBERED:
            self._languages.popitem(last=False)


class _Hop:
    """One request while it is served."""

    def __init__(self, house: Conversation, heard: UssdRequest | UssdTurn, now: datetime) -> None:
        self._house, self.heard, self._now = house, heard, now
        self.session: Session | None = None
        self._requests: Requests | None = None
        self._caller: Caller
        self._request: UssdRequest  # what was heard, with all that came before it in the session

    @property
    def world(self) -> World | None:
        return self._requests.world if self._requests else None

    @property
    def doing(self) -> Change | None:
        """The change that was being made when something failed."""
        return self._requests.doing if self._requests else None

    @property
    def screen(self) -> str:
        return self.session.state.screen if self.session and self.session.state else ""

    def answer(self) -> Reply:
        self._caller = self._house._citizens.meet(self.heard.msisdn, self._now)
        if self._caller.language:
            self._house._remember(self.heard.msisdn, self._caller.language)
        heard = self.heard
        self._request = sessions.whole(heard, self._caller, self._now) if isinstance(heard, UssdTurn) else heard
        for _ in range(_TRIES):
            reply = self._try()
            if reply is not None:
                return reply
        raise RuntimeError("other requests of this session kept changing it")

    def _try(self) -> Reply | None:
        """Serve the request; None if another one of this session was quicker and it must be looked at again."""
        session = sessions.load(f"{self._request.gateway}:{self._request.session_id}", self._caller)
        text = self._request.text
        heard = Heard.MORE
        if session.state is not None:
            heard = sessions.compare(session.text, text)
            if heard is Heard.REPEATED:
                return session.reply
            if heard is Heard.DIVERGED:  # the old draft stays as it is, under its own ordinal
                session = Session(session.key, session.citizen_id, session.ordinal + 1)
        self.session = session
        world = self._house._world(self._caller.language or SOURCE, self._caller, session.name)
        self._requests = self._house._requests(self._caller, world, f"{session.name}#{session.turn}", self._now)
        state = self._go_on(session) if session.state else self._begin(text)
        shown = self._render(state, first=session.state is None)
        reply = Reply(shown.text, shown.end)
        hop = self.heard.id if isinstance(self.heard, UssdTurn) else ""
        if not sessions.save(session, self._caller, text, shown.state, reply, self._now, hop):
            return None
        self._house._remember(self.heard.msisdn, self._here.language)
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
            if self._caller.blocked and self._house._citizens.tell_of_block(self._caller.id, self._now):
                return State(BLOCKED, facts={"unblock": self._here.pack.unblock.get(self._request.network)})
        return self._feed(self._resolve(self._enter(State(FIRST), FIRST)), inputs)

    def _resume(self, row_id: str, old: State, left_at: datetime) -> State | None:
        """Offer to go on where the line dropped. If the case was lodged after all, say its number.

        Of a secret report nothing is said; it goes on, with its number and PIN, for who dials again at once, and not
        for who borrows the phone an hour later: None, and it is not offered again.
        """
        facts: dict[str, Any] = {"resume_at": old.screen, "resume_of": row_id}
        case = lookup.lodged_by(old.draft_id)
        if case:
            facts |= self._answers.facts_of_lodged(case)
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
        rest = self._request.text if session.text == "" else self._request.text[len(session.text) + 1 :]
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
            answer = self._answers.perform(turn)
            turn = engine.proceed(FLOW, self._here, turn, answer.facts, answer.then)
        pending = turn.state.pending
        if pending and turn.state.screen == FIRST:
            return self._feed(replace(turn.state, pending=()), pending)
        return turn.state

    @property
    def _answers(self) -> Requests:
        assert self._requests is not None  # noqa: S101  set before the first step
        return self._requests

    @property
    def _here(self) -> World:
        return self._answers.world

    def _enter(self, state: State, screen: str) -> Turn:
        return engine.enter(FLOW, self._here, state, screen)

    def _step(self, state: State, typed: str) -> Turn:
        return engine.step(FLOW, self._here, state, typed)

    def _render(self, state: State, first: bool = False) -> Shown:
        return engine.render(FLOW, self._here, state, ScreenValues, first)

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
        return ("failed_unsure" if hop.heard.text else "failed"), ""
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
