"""The networks that SMS leave through, as the settings want them: gateways, who goes through which, how much of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import packs
from cases.citizens import Citizens
from menus import reach
from sms_gateway import channels
from sms_gateway.africastalking import AfricasTalking
from sms_gateway.channels import Channels
from sms_gateway.gammu import Gammu
from sms_gateway.gateway import Gateway
from sms_gateway.kannel import Kannel, report_address
from sms_gateway.limits import MICROS, SPACING, Limits, Price, Quiet
from sms_gateway.null import Null
from sms_gateway.simulator import Simulator
from store.clock import utcnow
from ussd_app.refusal import Refusal
from ussd_app.settings import BadSettings, Settings, variable


def gateways(settings: Settings, citizens: Citizens) -> tuple[Gateway, ...]:
    """The networks that SMS leave through, the preferred one first."""
    return tuple(gateway for name in settings.gateways for gateway in _MAKERS[name](settings, citizens))


def channels_of(settings: Settings, networks: Sequence[Gateway]) -> Channels:
    """The rules of the settings over `networks`. Raises BadSettings for a rule or a rate that names none of them."""
    names, faults = [network.name for network in networks], []
    routes: tuple[channels.Route, ...] = ()
    rates: dict[str, float] = {}
    try:
        routes = channels.parse_routes(settings.sms_routes, names)
    except ValueError as fault:
        faults.append(f"{variable('sms_routes')} {fault}.")
    try:
        rates = channels.rates(names, settings.rates)
    except ValueError as fault:
        faults.append(f"{variable('sms_rates')} {fault}.")
    if faults:
        raise BadSettings(*faults)
    return Channels(networks, routes, rates)


def limits_of(settings: Settings) -> Limits:
    """How much may be sent, and when. In demo mode nobody is kept waiting between two messages."""
    return Limits(
        spacing=timedelta(0) if settings.mode == "demo" else SPACING,
        number_day=settings.number_day,
        day=settings.sms_day,
        quiet=Quiet(*settings.quiet) if settings.quiet else None,
        zone=lambda: ZoneInfo(packs.current().zone),
        tariff=Price("KES", round(settings.cost_sms_out * MICROS)),
    )


def refuse_what_citizens_cannot_do(settings: Settings, networks: Sequence[Gateway]) -> None:
    """Raises Refusal where an SMS would ask citizens to reply to a name, or to dial where there is no code."""
    faults = reach.refusals(networks, dials=bool(settings.service_code), pack=packs.current())
    if faults:
        raise Refusal(*faults)


def _simulator(settings: Settings, citizens: Citizens) -> list[Gateway]:
    return [Simulator(citizens, settings.short_code, utcnow)]


def _africastalking(settings: Settings, _: Citizens) -> list[Gateway]:
    sender = settings.africastalking_sender or settings.short_code
    key = settings.africastalking_api_key.get_secret_value()
    return [AfricasTalking(settings.africastalking_username, key, sender, settings.africastalking_base_url)]


def _kannel(settings: Settings, _: Citizens) -> list[Gateway]:
    return [
        Kannel(
            settings.kannel_url,
            settings.kannel_username,
            settings.kannel_password.get_secret_value(),
            settings.kannel_sender or settings.short_code,
            reports_to=report_address(settings.answers_at, next(iter(settings.callback_tokens), None)),
        )
    ]


def _gammu(settings: Settings, _: Citizens) -> list[Gateway]:
    return [Gammu(name, spool, settings.short_code, utcnow) for name, spool in settings.spools.items()]


def _null(_: Settings, __: Citizens) -> list[Gateway]:
    return [Null()]


# The gateways that each name of MLANGO_SMS_GATEWAY stands for
_MAKERS: Final[Mapping[str, Callable[[Settings, Citizens], list[Gateway]]]] = {
    "simulator": _simulator,
    "africastalking": _africastalking,
    "kannel": _kannel,
    "gammu": _gammu,
    "null": _null,
}
