"""Which channel a message leaves through. Pure: the choice is a table of rules, then the order of the settings.

A rule stands in the settings as `conditions: channels`, rules with semicolons between them, the first that fits wins:

    network=safaricom: gammu-safaricom, kannel; lane=bulk: africastalking only; prefix=+256 language=lg: kannel

Conditions are `prefix` (of the number, with +), `network`, `language` and `lane` (receipt, status, bulk); all of them
must hold. The other channels follow in the settings' order, in case the named ones fail, unless the rule ends in
`only`. A network is the one that a number's range was given to: a ported number follows its first network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers

from sms_gateway.gateway import Gateway
from sms_gateway.limits import Lane

# Messages a second by contract, where the settings name no other figure; a channel that is not here has no limit.
# Africa's Talking publishes none; Kannel's is what operators commonly grant a small link; a SIM card sends one in five.
RATES: Final[Mapping[str, float]] = {"africastalking": 100.0, "kannel": 50.0, "gammu": 0.2}
_CONDITIONS: Final = ("prefix", "network", "language", "lane")


@dataclass(frozen=True, slots=True)
class Route:
    """One rule. A condition that is None always holds; the texts are in small letters."""

    channels: tuple[str, ...]
    prefix: str | None = None
    network: str | None = None
    language: str | None = None
    lane: Lane | None = None
    only: bool = False  # no other channel may stand in

    def fits(self, msisdn: str, language: str, lane: Lane) -> bool:
        """Whether a message to `msisdn` (E.164 with +) goes by this rule."""
        return (
            (self.prefix is None or msisdn.startswith(self.prefix))
            and (self.language is None or language == self.language)
            and (self.lane is None or lane == self.lane)
            and (self.network is None or network_of(msisdn).startswith(self.network))
        )


class Channels:
    """The gateways of one process by name, in order of preference, and who goes through which."""

    def __init__(
        self, gateways: Sequence[Gateway], routes: Sequence[Route] = (), rates: Mapping[str, float] | None = None
    ) -> None:
        self._gateways = {gateway.name: gateway for gateway in gateways}
        if len(self._gateways) < len(gateways):
            raise ValueError("two channels have the same name")
        self._routes, self._rates = tuple(routes), {} if rates is None else dict(rates)

    @property
    def names(self) -> tuple[str, ...]:
        """All channels, in order of preference."""
        return tuple(self._gateways)

    def __getitem__(self, name: str) -> Gateway:
        return self._gateways[name]

    def rate(self, name: str) -> float | None:
        """Messages a second that the contract of a channel allows; None: no limit."""
        return self._rates.get(name)

    def order(self, msisdn: str, language: str, lane: Lane) -> tuple[str, ...]:
        """The channels that may carry a message, the one to try first in front. Never empty."""
        route = next((one for one in self._routes if one.fits(msisdn, language, lane)), None)
        if route is None:
            return self.names
        others = () if route.only else tuple(name for name in self.names if name not in route.channels)
        return route.channels + others


@lru_cache(maxsize=4096)
def network_of(msisdn: str) -> str:
    """The network that a number's range belongs to, in small letters ("safaricom"); "" where no table knows it."""
    from phonenumbers import carrier  # noqa: PLC0415  its tables are read only where a rule names a network

    return carrier.name_for_number(phonenumbers.parse(msisdn), "en").casefold()


def parse_routes(text: str, names: Collection[str]) -> tuple[Route, ...]:
    """The rules of the setting (see above). Raises ValueError with one sentence; `names` are the channels there are."""
    return tuple(_route(rule.strip(), names) for rule in text.split(";") if rule.strip())


def _route(rule: str, names: Collection[str]) -> Route:
    conditions, colon, targets = rule.rpartition(":")
    if not colon or not conditions.strip():
        raise ValueError(f"has a rule without a condition: “{rule}” should look like network=safaricom: kannel")
    *_, last = targets.split() or [""]
    only = last.casefold() == "only"
    channels = tuple(name.strip() for name in targets.rstrip()[: -len(last) if only else None].split(","))
    for name in channels:
        if name not in names:
            raise ValueError(f"sends through “{name}”, which is none of the channels ({', '.join(names)})")
    given = dict(_condition(word) for word in conditions.split())
    lane = given.get("lane")
    return Route(
        tuple(dict.fromkeys(channels)),
        prefix=given.get("prefix"),
        network=given.get("network"),
        language=given.get("language"),
        lane=Lane[lane.upper()] if lane else None,
        only=only,
    )


def _condition(word: str) -> tuple[str, str]:
    name, _, value = word.casefold().partition("=")
    if name not in _CONDITIONS or not value:
        raise ValueError(f"has the condition “{word}”; conditions are {', '.join(f'{one}=…' for one in _CONDITIONS)}")
    if name in _MEANINGS:
        is_good, meaning = _MEANINGS[name]
        if not is_good(value):
            raise ValueError(f"has the condition “{word}”; {meaning}")
    return name, value


_MEANINGS: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "prefix": (lambda value: value[0] == "+" and value[1:].isdecimal(), "a prefix is + and digits, like +25411"),
    "lane": (lambda value: value.upper() in Lane.__members__, "a lane is receipt, status or bulk"),
}


def rates(names: Collection[str], given: Mapping[str, float]) -> dict[str, float]:
    """Messages a second by channel: as given, else by default; one without either has no limit.

    One of several modems (`gammu-safaricom`) has the rate of its kind unless it is named itself. Raises ValueError with
    the rest of a sentence for a name that is none of the channels.
    """
    kinds = {part for name in names for part in (name, _kind(name))}
    for name in given:
        if name not in kinds:
            raise ValueError(f"names “{name}”, which is none of the channels ({', '.join(names)})")
    known = {**RATES, **given}
    return {name: known[one] for name in names for one in [name if name in known else _kind(name)] if one in known}


def _kind(name: str) -> str:
    return name.partition("-")[0]
