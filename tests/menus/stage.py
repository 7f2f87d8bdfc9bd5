"""A stage for conversations: the whole house behind simulated phones, with a clock that moves only when told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import packs
from cases import notices, pins
from cases.casework import Casework, Change
from cases.citizens import Citizens
from cases.lifecycle import Action, Role
from cases.lifecycle import State as CaseState
from cases.models import Case, CaseEvent, Citizen
from cases.sweep import sweep
from locales import translations
from menus.conversation import Conversation, Voice
from menus.insight import Insight
from menus.messages import Renderer
from menus.notifier import Notifier
from menus.reminders import Reminders
from menus.sessions import Reply
from menus.texting import Texting
from packs import snapshot
from packs.model import Pack
from packs.places import PlaceIndex, place_index
from sms_gateway import africastalking
from sms_gateway.channels import Channels
from sms_gateway.gateway import Mo, UssdEnd, UssdRequest
from sms_gateway.outbox import Outbox
from sms_gateway.simulator import Simulator
from store.sealing import Keyring

CODE: Final = "*384*96#"
SHORT: Final = "38496"
LANGUAGES: Final = ("en", "sw")
VOICE: Final = Voice("Mlango", CODE, SHORT, octets=140, languages=lambda: LANGUAGES)
PAUSE: Final = timedelta(seconds=2)  # what a citizen needs to press a key: no two things happen at once

# Who does what; all else is the officer's
_ROLES: Final = {
    Action.ASSIGN: Role.SUPERVISOR,
    Action.TRANSFER: Role.SUPERVISOR,
    Action.DUPLICATE: Role.SUPERVISOR,
    Action.REJECT: Role.SUPERVISOR,
    Action.UPHOLD: Role.APPEAL_OFFICER,
    Action.OVERTURN: Role.APPEAL_OFFICER,
    Action.CLOSE: Role.SYSTEM,
}


def pack_and_places() -> tuple[Pack, PlaceIndex]:
    pack = packs.current()
    return pack, place_index(pack)


def translated(text: str, language: str) -> str:
    return translations(language).gettext(text)


def with_version(pack: Pack, **changes: Any) -> Pack:
    """The pack as its clerk changed it: other content, another fingerprint."""
    changed = replace(pack, **changes)
    return replace(changed, version=snapshot.fingerprint(changed))


class Stage:
    """The service, the simulated network and the clock."""

    def __init__(self, keyring: Keyring, now: datetime, voice: Voice = VOICE) -> None:
        self.now = now
        self.faults: list[dict[str, Any]] = []  # what was logged as an error
        self.citizens = Citizens(keyring)
        self.casework = Casework(packs.current, self.citizens, [Notifier(packs.current), pins.give])
        self.insight = Insight(packs.current, self._log)
        self.reminders = Reminders(self.citizens, packs.current, self.insight, self._log)
        self._voice = voice
        self.speak(voice.languages())
        self.simulator = Simulator(self.citizens, SHORT, self._arrival)
        renderer = Renderer(packs.current, voice.service, voice.code)
        self.outbox = Outbox(self.citizens, Channels([self.simulator]), renderer, self._log)
        self._drawn = 0

    def speak(self, languages: tuple[str, ...]) -> None:
        """Offer these languages, in this order."""
        voice = replace(self._voice, languages=lambda: languages)
        self.conversation = Conversation(self.citizens, self.casework, pack_and_places, voice, self.insight, self._log)
        self.texting = Texting(self.citizens, self.casework, pack_and_places, lambda: languages, self._log)

    def phone(self, msisdn: str, language: str | None = None, place: str | None = None) -> Phone:
        """The phone of a citizen; with a language or the code of a last place, one who asked us before."""
        if language or place:
            citizen = self.citizens.meet(msisdn, self.now)
            if language:
                self.citizens.set_language(citizen.id, language)
            if place:
                Citizen.update(place=place).where(Citizen.id == citizen.id).execute()
        return Phone(self, msisdn)

    @staticmethod
    def place(name: str) -> str:
        """The code of the best known place of that name."""
        return pack_and_places()[1].find(name)[0].code

    def draw(self) -> str:
        """An id that the network never gave before."""
        self._drawn += 1
        return f"ATUid_{self._drawn}"

    def pause(self, how_long: timedelta = PAUSE) -> None:
        self.now += how_long

    def cases(self) -> list[Case]:
        """All cases there are, oldest first."""
        return list(Case.select().order_by(Case.received_at, Case.id))

    def words(self, case: Case) -> list[str]:
        """What the citizen wrote about a case, oldest first."""
        owner = self.citizens.by_id([case.__data__["citizen"]])[case.__data__["citizen"]]
        events = CaseEvent.select().where(CaseEvent.case == case.id, CaseEvent.words.is_null(False))
        return [owner.key.open("case_event.words", one.id, one.words or b"") for one in events.order_by(CaseEvent.seq)]

    def office(self, ref: str, action: Action, words: str | None = None, **facts: Any) -> Case:
        """What those who work for an office do to a case; work that needs one that is started starts it first."""
        case = Case.get(Case.ref == ref)
        if case.state == CaseState.ASSIGNED and action in (Action.ASK, Action.WAIT, Action.RESOLVE):
            self.office(ref, Action.START)
        self.pause()
        role = _ROLES.get(action, Role.OWNER)
        actor = (case.owner if role is Role.OWNER else None) or f"the {role}"
        change = Change(action, None, "desk", self.draw(), case.id, role, facts, words, actor=actor)
        return self.casework.apply(change, self.now).case

    def sweep(self) -> None:
        """What time has brought is done."""
        sweep(self.casework, self.now, log=self._log)

    def remind(self) -> None:
        """The relay looks at the sessions that were left."""
        self.reminders.look(self.now)

    def notice(self, area: str, words: dict[str, str], life: timedelta) -> notices.Notice:
        """A supervisor puts up a notice."""
        return notices.put(packs.current(), area, words, until=self.now + life, made_by="test", now=self.now)

    def _arrival(self) -> datetime:
        """No two texts arrive at once."""
        self.pause(timedelta(microseconds=1))
        return self.now

    def _log(self, event: str, **facts: Any) -> None:
        self.faults.append({"event": event, **facts})


class Phone:
    """A handset: it dials, presses keys, drops, texts and receives."""

    def __init__(self, stage: Stage, msisdn: str) -> None:
        self.stage, self.msisdn = stage, msisdn
        self.session, self.transcript = "", ""
        self._read = 0
        self._last_mo: Mo | None = None

    def dial(self, code: str = CODE) -> Reply:
        """A new session. What follows the service code is a deep dial."""
        self.session = self.stage.draw()
        return self.network_sends(code.removesuffix("#").removeprefix(CODE.removesuffix("#")).removeprefix("*"))

    def send(self, typed: str) -> Reply:
        """Type and press send."""
        return self.network_sends(f"{self.transcript}*{typed}" if self.transcript else typed)

    def press(self, keys: Sequence[str]) -> Reply:
        """Several inputs, one after the other; the last screen."""
        *before, last = keys
        for key in before:
            self.send(key)
        return self.send(last)

    def again(self) -> Reply:
        """The network repeats its last request."""
        return self.network_sends(self.transcript)

    def network_sends(self, text: str) -> Reply:
        """One request with exactly this transcript; the next input is added to it."""
        self.transcript = text
        return self.late(text)

    def late(self, text: str) -> Reply:
        """A request with an older transcript, delivered again or late."""
        self.stage.pause()
        return self.stage.conversation.hop(self.request(text), self.stage.now)

    def request(self, text: str) -> UssdRequest:
        return UssdRequest(africastalking.NAME, self.session, self.msisdn, "Safaricom", CODE, text)

    def drop(self) -> None:
        """The line is lost; the network says so."""
        self.stage.conversation.ended(UssdEnd(africastalking.NAME, self.session, "failed"), self.stage.now)

    def text(self, words: str) -> None:
        """Send an SMS to the service."""
        self._last_mo = Mo(africastalking.NAME, self.stage.draw(), self.msisdn, SHORT, words, None)
        self.text_again()

    def text_again(self) -> None:
        """The network hands over the last SMS (again)."""
        assert self._last_mo
        self.stage.pause()
        self.stage.texting.receive(self._last_mo, self.stage.now)

    def withdraw(self, ref: str) -> None:
        """Take a complaint back, as whoever holds this phone can."""
        self.stage.pause()
        caller = self.stage.citizens.meet(self.msisdn, self.stage.now)
        change = Change(Action.WITHDRAW, caller, "ussd", self.stage.draw(), Case.get(Case.ref == ref).id)
        self.stage.casework.apply(change, self.stage.now)

    def inbox(self) -> list[str]:
        """The SMS that arrived since the last look."""
        self.stage.outbox.drain(lambda: self.stage.now)
        everything = self.stage.simulator.inbox(self.msisdn)
        new = everything[self._read :]
        self._read = len(everything)
        return [str(message["text"]) for message in new]
