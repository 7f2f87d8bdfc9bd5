"""`./mlango outbox`: what waits to go out, what became of what went, and what to do about what did not arrive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import click

from cases import reference
from cases.models import Case
from sms_gateway import by_hand, history
from sms_gateway.gateway import State
from sms_gateway.history import DEAD, Listed, Passed, Wanted
from sms_gateway.message import Lane, Message
from sms_gateway.msisdn import mask
from store import database
from ussd_app.cli.case.desk import OneOf
from ussd_app.cli.postroom import PostRoom, Since, as_json, by, progress, table, utc, written
from ussd_app.refusal import Refusal

MOST_AT_ONCE: Final = 5_000  # messages that one command sends again
MOST_LISTED: Final = 1_000
_LEAST_OF_ID: Final = 8
_SHOWN_OF_ID: Final = 16
_LANES: Final[Mapping[str, Lane]] = {lane.name.lower(): lane for lane in Lane}
_COPIED: Final = ("template", "language", "state", "channel", "provider_id", "attempts", "segments", "cost", "error")

_since = click.option(
    "--since",
    type=Since(),
    default="7d",
    show_default=True,
    help="Made so long ago at most, or since a day: 12h, 2026-11-23.",
)


@click.group()
def command() -> None:
    """See the SMS that wait, went out or failed; send again what was given up, or let go of it.

    A message is named by its ID as `list` shows it, or by the beginning of that.
    """


@command.command("list", short_help="The newest messages to citizens, and what became of them.")
@click.option("--state", "states", type=OneOf(State), multiple=True, metavar="STATE", help=f"{', '.join(State)}.")
@click.option("--dead", is_flag=True, help=f"Only what was given up: {', '.join(sorted(DEAD))}.")
@click.option("--lane", type=click.Choice(list(_LANES)), help="Only these: answers, news of a case, or sent to many.")
@click.option("--channel", metavar="NAME", help="Only what goes or went through this channel.")
@_since
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=20, show_default=True, help="How many at most.")
@as_json
def list_(
    states: tuple[str, ...],
    dead: bool,
    lane: str | None,
    channel: str | None,
    since: timedelta | datetime,
    limit: int,
    as_json: bool,
) -> None:
    """List messages to citizens, the newest first, and how many there are of each state."""
    room = PostRoom.open()
    wanted = Wanted(
        states=frozenset({*map(State, states), *(DEAD if dead else ())}),
        lane=_LANES[lane] if lane else None,
        channel=channel,
        since=room.since(since),
    )
    found, totals = history.listing(wanted, limit), history.tally(wanted)
    if as_json:
        told = {str(state): totals[state] for state in State if state in totals}
        click.echo(written({"messages": [_told(one) for one in found], "totals": told}))
        return
    head = ("ID", "MADE", "STATE", "CHANNEL", "SMS")
    rows = [
        (
            one.id[:_SHOWN_OF_ID],
            room.clock(one.created_at, "%d/%m %H:%M"),
            one.state,
            one.channel or "",
            one.template or "",
        )
        for one in found
    ]
    for line in table(head, rows) if rows else ():
        click.echo(line)
    click.echo(_totals(totals, len(found)))


@command.command(short_help="One message: every state with its time, cost, and why it failed.")
@click.argument("message_id", metavar="ID")
@click.option("--show", "in_full", is_flag=True, help="Show number and text in full; the log says to whom.")
@by
@as_json
def show(message_id: str, *, in_full: bool, actor: str | None, as_json: bool) -> None:
    """Show what is known of the message ID."""
    room = PostRoom.open(actor)
    found = _find(message_id)
    told = _told(found) | {"to": _to(room, found, in_full=in_full), "states": _states(found)}
    if in_full:
        room.reveal("message_revealed", message=found.id)
        told["text"] = _text(room, found)
    click.echo(written(told) if as_json else "\n".join(_screen(room, found, told)))


@command.command(short_help="Send again what was given up.")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--state", "states", type=OneOf(DEAD), multiple=True, metavar="STATE", help=f"{', '.join(sorted(DEAD))}.")
@click.option("--channel", metavar="NAME", help="With --state: only what went through this channel.")
@_since
@click.option("--yes", is_flag=True, help="Do not ask.")
def retry(
    ids: tuple[str, ...], states: tuple[str, ...], channel: str | None, since: timedelta | datetime, *, yes: bool
) -> None:
    """Send the messages ID again, or with --state all that ended so. Through any channel, as soon as one is free.

    What was refused or is too old did not arrive. What is unknown or undeliverable may have: then it arrives twice.
    """
    if bool(ids) == bool(states):
        raise Refusal("Name the messages to send again, or say with --state which ones.")
    room = PostRoom.open()
    if ids:
        chosen = [_find(one).id for one in ids]
    else:
        wanted = Wanted(states=frozenset(map(State, states)), channel=channel, since=room.since(since))
        chosen = [one.id for one in history.listing(wanted, MOST_AT_ONCE)]
    if chosen and (ids or yes or click.confirm(f"Send {_messages(len(chosen))} again?")):
        done = _each(chosen, lambda one: by_hand.retry(one, room.now))
        click.echo(f"{_messages(done)} will be sent again{_left(len(chosen) - done, 'was not given up')}.")
    elif not chosen:
        click.echo("There is no such message.")


@command.command(short_help="Let go of messages that wait or were given up.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--why", required=True, help="For the record; name nobody in it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(ids: tuple[str, ...], why: str, *, yes: bool) -> None:
    """Let go of the messages ID: they are withheld, for this reason. `retry` brings them back."""
    room = PostRoom.open()
    chosen = [_find(one) for one in ids]
    for one in chosen:
        click.echo(f"{one.id[:_SHOWN_OF_ID]}  {one.state}  {one.template}")
    if yes or click.confirm(f"Let go of {_messages(len(chosen))}?"):
        done = _each([one.id for one in chosen], lambda one: by_hand.drop(one, room.now, why))
        click.echo(f"{_messages(done)} let go of{_left(len(chosen) - done, 'went out or goes out just now')}.")


def _find(beginning: str) -> Listed:
    """The only message to a citizen whose id begins so."""
    typed = beginning.strip().lower()
    if len(typed) < _LEAST_OF_ID or not set(typed) <= set("0123456789abcdef"):
        raise Refusal(
            f"{beginning!r} is no ID; give the first {_LEAST_OF_ID} signs of one or more, as `list` shows it."
        )
    found = database.rows(
        database.main,
        "SELECT id FROM message WHERE id >= ? AND id < ? AND direction = 'mt' ORDER BY id LIMIT 2",
        typed,
        f"{typed}g",
    )
    if len(found) > 1:
        raise Refusal(f"More than one message has an ID that begins with {typed}; give more of it.")
    one = history.find(found[0][0]) if found else None
    if one is None:
        raise Refusal(f"No message to a citizen has an ID that begins with {typed}.")
    return one


def _each(ids: Sequence[str], work: Callable[[str], bool]) -> int:
    """How many of these it was done to."""
    done = 0
    with progress(len(ids), "messages") as bar:
        for one in ids:
            done += work(one)
            bar.update(1)
    return done


def _told(one: Listed) -> dict[str, Any]:
    return {
        "id": one.id,
        **{name: getattr(one, name) for name in _COPIED},
        "lane": one.lane.name.lower() if one.lane is not None else None,
        "sent_twice": one.resent,
        "made_at": utc(one.created_at),
        "due_at": utc(one.due_at),
        "expires_at": utc(one.expires_at),
        "sent_at": utc(one.sent_at),
        "settled_at": utc(one.settled_at),
    }


def _states(one: Listed) -> list[dict[str, Any]]:
    passed = (Passed(State.QUEUED, one.created_at), *history.steps([one.id]).get(one.id, ()))
    return [
        {"state": str(step.state), "at": utc(step.at), "channel": step.channel, "detail": step.detail}
        for step in passed
    ]


def _to(room: PostRoom, one: Listed, *, in_full: bool) -> str | None:
    """Whose message it is; None once they were erased."""
    caller = room.house.citizens.by_id([one.citizen_id]).get(one.citizen_id)
    if caller is None:
        return None
    return caller.msisdn if in_full else mask(caller.msisdn)


def _text(room: PostRoom, one: Listed) -> str | None:
    """As it went out; before that, what will stand in it. None once it was erased."""
    caller = room.house.citizens.by_id([one.citizen_id]).get(one.citizen_id)
    row = Message.get_by_id(one.id)
    if caller is None or not len(row.body):
        return None
    if row.sent is not None:
        return caller.key.open("message.sent", row.id, row.sent)
    return f"not sent yet; in it: {caller.key.open('message.body', row.id, row.body)}"


def _screen(room: PostRoom, one: Listed, told: Mapping[str, Any]) -> list[str]:
    facts = {
        "SMS": f"{one.template} ({one.language}), {told['lane']}",
        "To": told["to"] or "somebody who was erased",
        "About": _case(one),
        "Through": " ".join(filter(None, [one.channel, one.provider_id])),
        "On the air": f"{one.segments} segment{'s' * (one.segments != 1)}" if one.segments else "",
        "Cost": one.cost or "",
        "Tries": f"{one.attempts}{', perhaps sent twice' if one.resent else ''}",
        "Due": _when(room, one, one.due_at),
        "Too old": _when(room, one, one.expires_at),
        "Why": one.error or "",
        "Text": told.get("text") or "",
    }
    lines = [one.id, *(f"  {name:<11}{value}" for name, value in facts.items() if value)]
    for step in told["states"]:
        notes = " ".join(filter(None, [step["channel"], step["detail"]]))
        at = room.clock(datetime.fromisoformat(step["at"]), "%d/%m/%Y %H:%M:%S")
        lines.append(f"  {at}  {step['state']:<13}  {notes}".rstrip())
    return lines


def _when(room: PostRoom, one: Listed, moment: datetime | None) -> str:
    """What is still to come of a message that waits."""
    return room.clock(moment) if moment and one.state == State.QUEUED else ""


def _case(one: Listed) -> str:
    """A secret case is not named beside the phone of whoever lodged it."""
    if one.case_id is None:
        return ""
    is_public = Case.select().where(Case.id == one.case_id, Case.visibility == "public").exists()
    return f"case {reference.shown(one.ref)}" if is_public and one.ref else "a case"


def _totals(totals: Mapping[State, int], shown: int) -> str:
    every = sum(totals.values())
    if not every:
        return "No messages."
    by_state = ", ".join(f"{state} {totals[state]:,}" for state in State if state in totals)
    return f"{_messages(every)}: {by_state}; shown: {shown}."


def _messages(number: int) -> str:
    return f"{number:,} message{'s' * (number != 1)}"


def _left(number: int, why: str) -> str:
    return f"; {number:,} {why}" if number else ""
