"""What the placeholders of screens and SMS stand for, in the citizen's language. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from cases import reference
from cases.lifecycle import Action
from cases.lifecycle import State as CaseState
from cases.routing import route
from locales import fallbacks, say, translations
from locales.gsm7 import septets
from menus.drafts import accused
from menus.engine import Scene
from packs.model import Pack, text
from packs.places import short_name
from sms_gateway.encoding import clip, plain
from sms_gateway.keywords import VOCABULARY

STATUS_WORDS: Final[Mapping[str, str]] = {
    CaseState.RECEIVED: say("Received"),
    CaseState.ASSIGNED: say("With the office"),
    CaseState.IN_PROGRESS: say("In progress"),
    CaseState.PENDING_CITIZEN: say("Waiting for you"),
    CaseState.PENDING_THIRD_PARTY: say("Waiting for others"),
    CaseState.RESOLVED: say("Fixed? Please say"),
    CaseState.CLOSED: say("Closed"),
    CaseState.REJECTED: say("Not accepted"),
    CaseState.APPEALED: say("Under appeal"),
    CaseState.DUPLICATE: say("Joined to another"),
    CaseState.WITHDRAWN: say("Withdrawn"),
}

# What happened to a case, as its citizen reads it; what is not here is the office's own business
HISTORY: Final[Mapping[str, str]] = {
    Action.LODGE: say("You reported it"),
    Action.ASSIGN: say("Sent to {agency}"),
    Action.TRANSFER: say("Moved to {agency}"),
    Action.START: say("Work began"),
    Action.ASK: say("You were asked something"),
    Action.ANSWER: say("You answered"),
    Action.WAIT: say("Waits for others"),
    Action.RESUME: say("Work goes on"),
    Action.ADD_WORDS: say("You added words"),
    Action.DUPLICATE: say("Joined to an earlier report"),
    Action.FOLLOW: say("Said to be fixed"),
    Action.RELEASE: say("Goes on by itself"),
    Action.ESCALATE: say("Late: those above were told"),
    Action.RESOLVE: say("Said to be fixed"),
    Action.REJECT: say("Not accepted"),
    Action.CONFIRM: say("You said it is fixed"),
    Action.CLOSE: say("Closed"),
    Action.RATE: say("You rated the service"),
    Action.REOPEN: say("You opened it again"),
    Action.APPEAL: say("You appealed"),
    Action.UPHOLD: say("The decision stays"),
    Action.OVERTURN: say("Your appeal succeeded"),
    Action.WITHDRAW: say("You withdrew it"),
    Action.RESTORE: say("You took it up again"),
}

MOST_SAID: Final = 56  # septets of an office's words that stand on a screen


def shown_date(iso: str) -> str:
    """A date as people here write it: 23/11/2026."""
    return date.fromisoformat(iso).strftime("%d/%m/%Y")


def sayable(words: str | None) -> bool:
    """Whether there are words, and in the alphabet of every phone: others would make the screen twice as wide."""
    return bool(words) and septets(plain(str(words))) is not None


def shortened(said: str) -> str:
    """What an office wrote; dots stand for what has no room."""
    words = plain(said)
    return words if clip(words, MOST_SAID) == words else f"{clip(words, MOST_SAID - 3)}..."


class Names:
    """Codes of the pack and the lifecycle as words of one language."""

    def __init__(self, pack: Pack, language: str) -> None:
        self._pack, self._language = pack, language

    def sub(self, code: str) -> str:
        """What is wrong; where that is a category's "Other", which says nothing by itself, the category."""
        sub = self._pack.subs[code]
        is_rest = code.endswith(".other") and len(self._pack.subs_of(sub.category)) > 1
        return text((self._pack.categories[sub.category] if is_rest else sub).name, self._language)

    def place(self, code: str) -> str:
        return short_name(self._pack.places[code])

    def agency(self, code: str) -> str:
        return text(self._pack.agencies[code].name, self._language)

    def status(self, state: str) -> str:
        return translations(self._language).gettext(STATUS_WORDS[state])

    def keyword(self, intent: str) -> str:
        """The word that one sends for it."""
        by_language: dict[str, str] = {}
        for phrase, sense in VOCABULARY.keywords.items():
            if sense.meaning == intent:
                by_language.setdefault(sense.language, " ".join(phrase).upper())
        return next(by_language[code] for code in fallbacks(self._language) if code in by_language)


class ScreenValues(dict[str, str]):
    """The values of a scene, computed as a title asks for them."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene
        self._names = Names(scene.world.pack, scene.world.language)

    def __missing__(self, name: str) -> str:
        return _VALUES[name](self._scene, self._names)


def _agency(scene: Scene, names: Names) -> str:
    """Of a case, the office that has it; of a draft, the one that would get it: never the one that it accuses."""
    pack, place = scene.world.pack, scene.draft.get("place")
    known = scene.facts.get("agency")
    about = accused(pack, scene.draft)
    return names.agency(known or route(pack, scene.draft.get("sub"), pack.places[place] if place else None, about))


def _number_for(use: str) -> Callable[[Scene, Names], str]:
    return lambda scene, _: scene.world.pack.emergency_number(use)


def _said(scene: Scene, _: Names) -> str:
    return shortened(scene.facts["said"])


_VALUES: Final[Mapping[str, Callable[[Scene, Names], str]]] = {
    "service": lambda scene, _: scene.world.service,
    "code": lambda scene, _: scene.world.code,
    "short": lambda scene, _: scene.world.short,
    "typed": lambda scene, _: scene.draft.get("typed", ""),
    "sub": lambda scene, names: names.sub(scene.facts.get("sub") or scene.draft["sub"]),
    "place": lambda scene, names: names.place(scene.facts.get("place") or scene.draft["place"]),
    "agency": _agency,
    "ref": lambda scene, _: reference.shown(scene.facts["ref"]),
    "status": lambda scene, names: names.status(scene.facts["state"]),
    "date": lambda scene, _: shown_date(scene.facts["date"]),
    "date2": lambda scene, _: shown_date(scene.facts["due"]),
    "n": lambda scene, _: str(scene.facts["n"]),
    "note": _said,
    "question": _said,
    "said": lambda scene, _: plain(scene.facts["said"]),
    "banner": lambda scene, _: scene.facts["banner"],
    "whole": lambda scene, names: names.place(scene.draft["whole"]),
    "ask": lambda scene, _: text(scene.world.pack.subs[scene.draft["sub"]].ask, scene.world.language),
    "pin": lambda scene, _: scene.facts["pin"],
    "police": _number_for("police"),
    "emergency": _number_for("emergency"),
    "violence": _number_for("violence"),
    "child": _number_for("child"),
    "unblock": lambda scene, _: scene.facts["unblock"],
    "err": lambda scene, _: scene.facts["err"],
}
