"""What a case costs on the air: the segments of every SMS with its widest values, and whose money it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from string import Formatter
from typing import Any, Final, Literal

from locales import translations
from menus import rehearsal
from menus.messages import TEMPLATES, Renderer
from packs.model import ANY, Pack
from sms_gateway.encoding import Encoding, segments, thrifty

# What is said of a case that goes well, and how often its citizen answers: "1" it is fixed, "5" served very well
LIFE: Final = ("received", "in_progress", "resolved", "rate", "thanks")
REPLIES: Final = 2
# What a text says without being given it: the service's own name and code, the numbers to call in danger
_FIXED: Final = frozenset({"service", "code", "police", "emergency", "violence", "child"})
MOST_SEGMENTS: Final[Mapping[Encoding, int]] = {"GSM-7": 1, "UCS-2": 2}


@dataclass(frozen=True, slots=True)
class Tariff:
    """KSh that the networks charge, and who pays for what a citizen dials and sends."""

    session: float  # one USSD session
    sms_out: float  # one segment to a citizen
    sms_in: float  # one SMS from a citizen
    pays: Literal["citizen", "county"]

    @property
    def is_free(self) -> bool:
        """Whether citizens may be told so: "Free / Bure"."""
        return self.pays == "county"


@dataclass(frozen=True, slots=True)
class Message:
    """A text of the service in one language, with the widest values there are."""

    template: str
    scope: str  # the category or sub-category that the pack words it for; "" for the house's own
    language: str
    text: str
    encoding: Encoding
    units: int  # septets, or UTF-16 units
    segments: int

    @property
    def name(self) -> str:
        return f"{self.template} ({self.scope})" if self.scope else self.template


@dataclass(frozen=True, slots=True)
class Cost:
    """KSh of one case that goes well, at most: its session, the SMS about it and the citizen's answers."""

    citizen: float
    county: float


def messages(pack: Pack, language: str) -> Iterator[Message]:
    """Every SMS of the house and of the pack. KeyError for a placeholder without a widest value."""
    render = Renderer(lambda: pack, rehearsal.WIDEST_SERVICE, rehearsal.CODE)
    widest = rehearsal.widest_params(pack, language)
    house = Renderer(lambda: replace(pack, messages={}), rehearsal.WIDEST_SERVICE, rehearsal.CODE)
    for template, source in TEMPLATES.items():
        params = _wanted(widest, [source, translations(language).gettext(source)])
        yield _measured(template, "", language, house(template, language, params))
        for scope, words in pack.messages.get(template, {}).items():
            sub = next(code for code, sub in pack.subs.items() if scope in (ANY, code, sub.category))
            own = {**_wanted(widest, [source, *words.values()]), "sub": sub}
            yield _measured(template, scope, language, render(template, language, own))


def cost(found: Iterable[Message], tariff: Tariff) -> Cost:
    """Of one case, from the messages of one language."""
    sent = sum(one.segments for one in found if one.template in LIFE and not one.scope)
    dialled = tariff.session + REPLIES * tariff.sms_in
    if tariff.is_free:
        return Cost(0.0, dialled + sent * tariff.sms_out)
    return Cost(dialled, sent * tariff.sms_out)


def _measured(template: str, scope: str, language: str, text: str) -> Message:
    measured = segments(thrifty(text))
    return Message(template, scope, language, text, measured.encoding, measured.units, measured.count)


def _wanted(widest: Mapping[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    """The parameters that the texts name; a text that names another cannot be sent."""
    named = {name for words in texts for _, name, _, _ in Formatter().parse(words) if name}
    return {name: widest[name] for name in named - _FIXED}
