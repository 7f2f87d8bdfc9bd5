"""`./mlango sms ban`, `unban`, `bans` and `strangers`: who is not listened to, and who was never anybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import click

from cases.citizens import Caller
from menus import bans, strangers
from menus.bans import MOST_LISTED, Ban
from sms_gateway.msisdn import mask
from ussd_app.cli.postroom import PostRoom, Since, Span, as_json, by, progress, table, utc, written
from ussd_app.refusal import Refusal

_LONGEST: Final = timedelta(days=366)


@click.command(short_help="Listen to a number no more, for a while.")
@click.argument("msisdn")
@click.option("--for", "span", type=Span(), default="7d", show_default=True, help="For how long: 12h, 7d, 4w.")
@click.option("--why", required=True, help="For the record; name nobody in it.")
@by
def ban(msisdn: str, span: timedelta, why: str, actor: str | None) -> None:
    """Do nothing any more about what the number MSISDN texts; it can still dial.

    Its texts are kept and not answered, and `unban --handle` acts on them later. STOP and START still work, and a text
    that speaks of danger is still told the emergency numbers, once a day.
    """
    if span > _LONGEST:
        raise Refusal(f"A ban lasts {_LONGEST.days} days at most.")
    room = PostRoom.open(actor)
    whose = room.whose(msisdn, met=True)
    made = bans.make(whose.id, room.now + span, why, room.actor, room.now)
    click.echo(f"{mask(whose.msisdn)} is banned until {room.clock(made.until)}. What it texts is kept, and waits.")


@click.command(short_help="Listen to a number again.")
@click.argument("msisdn")
@click.option("--handle", is_flag=True, help="Act now on what it texted meanwhile; nothing of that is answered.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@by
def unban(msisdn: str, *, handle: bool, yes: bool, actor: str | None) -> None:
    """Listen to the number MSISDN again, as if it had texted nothing yet.

    What it texted while it was banned waits until --handle acts on it. Of texts that are the same, one is handled; each
    of the others may become a complaint of its own.
    """
    room = PostRoom.open(actor)
    whose = room.whose(msisdn)
    waiting = bans.held(whose.id)
    stood = bans.lift(whose.id, room.actor, room.now)
    if stood:
        click.echo(f"{mask(whose.msisdn)} is listened to again.")
    elif not waiting or not handle:
        raise Refusal(f"{mask(whose.msisdn)} is not banned." + (f" {_waiting(waiting)}" if waiting else ""))
    if waiting and not handle:
        click.echo(_waiting(waiting))
    elif waiting and (yes or click.confirm(f"Act on {waiting:,} text{'s' * (waiting != 1)}?")):
        _handle(room, whose, waiting)


def _waiting(texts: int) -> str:
    return f"Texts of it that wait: {texts:,}. To act on them add --handle."


def _handle(room: PostRoom, whose: Caller, waiting: int) -> None:
    with progress(waiting, "texts") as bar:
        done = room.house.texting.release(whose.id, room.now, bar.update)
    click.echo("; ".join(f"{outcome}: {done[outcome]:,}" for outcome in ("handled", "copies", "failed")) + ".")


@click.command("bans", short_help="Who is not listened to, and how many texts wait.")
@click.option("--show", is_flag=True, help="Show the numbers in full; the log says to whom.")
@by
@as_json
def listed(*, show: bool, actor: str | None, as_json: bool) -> None:
    """List the numbers that are banned, and those whose ban is over while texts of theirs still wait."""
    room = PostRoom.open(actor)
    standing, waiting = bans.standing(room.now), bans.all_held()
    theirs: dict[str, Ban | None] = {one.__data__["citizen"]: one for one in standing}
    theirs |= {citizen: None for citizen in waiting if citizen not in theirs}
    callers = room.house.citizens.by_id(theirs)
    if show:
        for citizen in callers:
            room.reveal("number_revealed", citizen=citizen)
    rows = [
        _told(callers[citizen], one, waiting.get(citizen, 0), show=show)
        for citizen, one in theirs.items()
        if citizen in callers
    ]
    if as_json:
        click.echo(written(rows))
        return
    for line in table(("NUMBER", "UNTIL", "BY", "WAIT", "WHY"), [_row(room, row) for row in rows]) if rows else ():
        click.echo(line)
    total = bans.count(room.now)
    click.echo(f"{total:,} number{'s' * (total != 1)} banned; texts that wait: {bans.count_held():,}.")


def _told(caller: Caller, ban: Ban | None, waiting: int, *, show: bool) -> dict[str, Any]:
    return {
        "number": caller.msisdn if show else mask(caller.msisdn),
        "until": utc(ban.until) if ban else None,
        "made_at": utc(ban.made_at) if ban else None,
        "made_by": ban.made_by if ban else None,
        "why": ban.why if ban else None,
        "waiting": waiting,
    }


def _row(room: PostRoom, told: Mapping[str, Any]) -> tuple[str, ...]:
    until = room.clock(datetime.fromisoformat(told["until"]), "%d/%m %H:%M") if told["until"] else "over"
    return told["number"], until, told["made_by"] or "", f"{told['waiting']:,}", told["why"] or ""


@click.command("strangers", short_help="Senders that are no phone, turned away.")
@click.option("--since", type=Since(), default="7d", show_default=True, help="So long ago, or a day: 12h, 2026-11-23.")
@as_json
def turned_away(*, since: Any, as_json: bool) -> None:
    """List senders that are no phone (names in letters, short codes, premium numbers), and how many texts came.

    They are not kept, not answered and make no complaint. A network's notice that the airtime runs out is among them:
    look at what the modem's own SIM is told.
    """
    room = PostRoom.open()
    found = strangers.seen(room.since(since), MOST_LISTED)
    if as_json:
        told = [
            {"sender": one.sender, "by": one.provider, "texts": one.texts, "last": utc(one.last_at)} for one in found
        ]
        click.echo(written(told))
        return
    rows = [(one.sender, f"{one.texts:,}", room.clock(one.last_at), one.provider) for one in found]
    for line in table(("SENDER", "TEXTS", "LAST", "THROUGH"), rows) if rows else ("Nobody was turned away.",):
        click.echo(line)


commands: Final = [ban, unban, listed, turned_away]
