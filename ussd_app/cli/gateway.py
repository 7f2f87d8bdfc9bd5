"""`./mlango gateway`: the channels that SMS leave through: how they are, a test of one, a pause by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import click
import structlog

from sms_gateway import encoding, lines
from sms_gateway.gateway import FINALS, Accepted, Gateway, Mt, Policy, Refused, State
from sms_gateway.limits import MICROS, Price, parse_cost
from sms_gateway.lines import Line, Spent
from sms_gateway.message import DeliveryReport, Lane
from sms_gateway.msisdn import mask, normalise
from store import database
from store.clock import utcnow
from store.model import new_id
from ussd_app.cli import postroom
from ussd_app.cli.postroom import PostRoom, Span
from ussd_app.refusal import Refusal

log = structlog.get_logger("mlango")

_LOOK_EVERY_S: Final = 0.5
_LANGUAGE: Final = "en"  # of a test message

# What a refusal means for the operator who asked for a test
_MEANING: Final = {
    Policy.TRANSIENT: "the line is down or too slow just now; nothing was sent",
    Policy.DEFER: "the handset takes no such messages now",
    Policy.CHANNEL: "the account or the link is at fault; nothing was sent",
    Policy.PERMANENT: "this number can never be sent to",
    Policy.SUPPRESS: "the owner of this number opted out at the network",
    Policy.AMBIGUOUS: "no answer came: it may have been sent",
}


@click.group()
def command() -> None:
    """The channels that SMS leave through: Africa's Talking, Kannel, modems.

    MLANGO_SMS_GATEWAY names them, the preferred one first.
    """


@command.command("list", short_help="The channels, how they are and what they sent today.")
@postroom.as_json
def list_(as_json: bool) -> None:
    """List the channels in order of preference: how they are, how fast they may send, what left today."""
    room = PostRoom.open()
    standings = list(_standings(room))
    if as_json:
        click.echo(postroom.written([_as_json(one) for one in standings]))
        return
    head = ("channel", "state", "a second", "sent today", "parts", "cost")
    for line in postroom.table(head, [_cells(one) for one in standings]):
        click.echo(line)
    for one in standings:
        if one.line.reason:
            click.echo(f"{one.gateway.name}: {one.line.reason}")


@command.command(short_help="Send one real SMS and follow it to the handset.")
@click.argument("number")
@click.option("--channel", metavar="NAME", help="Through this channel, also when it is paused; else as routing has it.")
@click.option("--text", help="What to send, instead of a sentence that names the service.")
@click.option(
    "--wait", default=60, show_default=True, type=click.IntRange(0, 3600), help="Seconds to wait for the report."
)
@postroom.by
@click.pass_context
def test(ctx: click.Context, number: str, channel: str | None, text: str | None, wait: int, actor: str | None) -> None:
    """Send one real SMS to NUMBER, past all limits, and tell each state that it comes to.

    Reports come through the service: it has to run meanwhile. Ends with 0 when the handset got the message (or the
    channel took it, where it knows no reports), else with 1.
    """
    room = PostRoom.open(actor)
    msisdn = normalise(number)
    if msisdn is None:
        raise Refusal(f"{number!r} is not a phone number; write it like +254712345678 or 0712345678.")
    gateway = _chosen(room, msisdn, channel)
    mt = Mt(new_id(), msisdn, text or _sentence(room), sender=None)
    size = encoding.segments(mt.text)
    click.echo(f"To {mask(msisdn)} through {gateway.name}: {size.encoding}, {size.count} part(s).")
    [outcome] = gateway.send([mt])
    log.warning("gateway_tested", actor=room.actor, channel=gateway.name, outcome=type(outcome).__name__)
    if isinstance(outcome, Refused):
        _say(room, f"refused: {outcome.code} {outcome.detail}".rstrip())
        raise Refusal(f"{gateway.name} refused it: {_MEANING[outcome.policy]}.")
    _count(room, gateway, outcome, size.count)
    _say(room, f"{State.SUBMITTED} {outcome.provider_id or ''}".rstrip() + (f", {outcome.cost}" * bool(outcome.cost)))
    if not _arrives(room, gateway, outcome, wait):
        ctx.exit(1)


@command.command(short_help="Send nothing through a channel for a while.")
@click.argument("name")
@click.option("--for", "span", type=Span(), default="24h", show_default=True, help="How long: 30m, 12h, 7d.")
@click.option("--why", default="paused by hand", show_default=True, help="What /readyz and `list` say.")
@postroom.by
def pause(name: str, span: timedelta, why: str, actor: str | None) -> None:
    """Send nothing through the channel NAME for a while. Its messages take the other channels, or wait."""
    room = PostRoom.open(actor)
    _known(room, name)
    until = room.now + span
    with database.transaction():
        lines.pause(name, f"{why} ({room.actor})", until)
    click.echo(f"{name} is paused until {room.clock(until)}.")


@command.command(short_help="Send through a channel again, at once.")
@click.argument("name")
def resume(name: str) -> None:
    """Send through the channel NAME again at once, whatever it was paused for."""
    room = PostRoom.open()
    _known(room, name)
    with database.transaction():
        lines.resume(name)
    click.echo(f"{name} sends again.")


class _Standing(NamedTuple):
    """A channel as it is now."""

    gateway: Gateway
    line: Line
    rate: float | None
    spent: Spent
    state: str


def _standings(room: PostRoom) -> Iterator[_Standing]:
    channels, today = room.house.outbox.channels, room.house.outbox.limits.day_of(room.now)
    known, spent = lines.states(channels.names), {one.channel: one for one in lines.spent(today)}
    for name in channels.names:
        nothing = Spent(name, 0, 0, 0, None)
        state = _state(known[name], room)
        yield _Standing(channels[name], known[name], channels.rate(name), spent.get(name, nothing), state)


def _state(line: Line, room: PostRoom) -> str:
    if line.is_paused(room.now) and line.paused_until:
        return f"paused until {room.clock(line.paused_until)}"
    return f"failing ({line.failures} times)" if line.failures else "ok"


def _cells(one: _Standing) -> Sequence[str]:
    cost = str(Price(one.spent.currency, one.spent.cost)) if one.spent.currency else ""
    rate = "no limit" if one.rate is None else f"{one.rate:g}"
    return one.gateway.name, one.state, rate, str(one.spent.messages), str(one.spent.segments), cost


def _as_json(one: _Standing) -> dict[str, Any]:
    can = one.gateway.capabilities
    return {
        "channel": one.gateway.name,
        "state": one.state.split()[0],
        "paused_until": postroom.utc(one.line.paused_until),
        "reason": one.line.reason,
        "failures": one.line.failures,
        "rate": one.rate,
        "today": {
            "messages": one.spent.messages,
            "segments": one.spent.segments,
            "cost": one.spent.cost / MICROS,
            "currency": one.spent.currency,
        },
        "can": {"reports": can.reports, "polls": can.polls, "replies": can.replies, "recipients": can.max_recipients},
    }


def _known(room: PostRoom, name: str) -> Gateway:
    channels = room.house.outbox.channels
    if name not in channels.names:
        raise Refusal(f"There is no channel {name!r}; there are: {', '.join(channels.names)}.")
    return channels[name]


def _chosen(room: PostRoom, msisdn: str, wanted: str | None) -> Gateway:
    if wanted:
        return _known(room, wanted)
    channels = room.house.outbox.channels
    order = channels.order(msisdn, _LANGUAGE, Lane.RECEIPT)
    known = lines.states(order)
    for name in order:
        if not known[name].is_paused(room.now):
            return channels[name]
    raise Refusal(f"Every channel for this number is paused ({', '.join(order)}); choose one with --channel.")


def _sentence(room: PostRoom) -> str:
    return f"{room.house.settings.service_name}: a test of our SMS, {room.clock(room.now)}. You need not reply."


def _count(room: PostRoom, gateway: Gateway, taken: Accepted, segments: int) -> None:
    """A test is paid for like any other message."""
    limits = room.house.outbox.limits
    price = parse_cost(taken.cost)
    if price is None and limits.tariff:
        price = Price(limits.tariff.currency, limits.tariff.amount * segments)
    with database.transaction():
        lines.spend(limits.day_of(room.now), gateway.name, 1, segments, price)


def _arrives(room: PostRoom, gateway: Gateway, taken: Accepted, wait: int) -> bool:
    """Tell each report as it comes, until one is the last word or the wait is over."""
    if not gateway.capabilities.reports or not taken.provider_id:
        _say(room, "taken; this channel does not report what becomes of it")
        return True
    told, end = 0, time.monotonic() + wait
    while True:
        reports = _reports(gateway.name, taken.provider_id)
        for state, raw, at in reports[told:]:
            click.echo(f"{room.clock(at, '%H:%M:%S')}  {state} ({raw})")
        told = len(reports)
        final = next((state for state, _, _ in reversed(reports) if state in FINALS), None)
        if final:
            return final is State.DELIVERED
        if time.monotonic() >= end:
            _say(room, f"no last word after {wait} s: is ./mlango up running, and can the network reach it?")
            return False
        time.sleep(min(_LOOK_EVERY_S, max(end - time.monotonic(), 0)))


def _reports(channel: str, provider_id: str) -> list[tuple[State, str, datetime]]:
    rows = (
        DeliveryReport.select()
        .where(DeliveryReport.provider == channel, DeliveryReport.provider_id == provider_id)
        .order_by(DeliveryReport.id)
    )
    return [(State(row.state), row.raw_status, row.received_at) for row in rows]


def _say(room: PostRoom, words: str) -> None:
    click.echo(f"{room.clock(utcnow(), '%H:%M:%S')}  {words}")
