"""`./mlango open311`: who may send us requests from systems of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

import packs
from store.clock import utcnow
from sync.open311 import keys
from sync.open311.keys import CLIENT, PER_MINUTE, SCOPES, USUAL, ApiKey, NoSuchKey
from ussd_app import wiring
from ussd_app.cli import operator
from ussd_app.cli.postroom import as_json, by, table, utc, written
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

_MOST_PER_MINUTE: Final = 6_000


@click.group()
def command() -> None:
    """Open311: other systems read public cases, and report for their citizens.

    Reading needs no key. docs/open311.md tells a client's programmer the rest.
    """


@command.group("key")
def key() -> None:
    """Keys of those who may send requests."""


@key.command(short_help="Make a key for a client; it is shown once.")
@click.argument("client")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="lodge: may report; notes: may read what "
    "offices wrote about its own reports; sms: the phone numbers that it sends get SMS, since it made sure whose they "
    "are. lodge and notes if none is named.",
)  # fmt: skip
@click.option(
    "--per-minute",
    type=click.IntRange(1, _MOST_PER_MINUTE),
    default=PER_MINUTE,
    show_default=True,
    help="How many requests it may send a minute.",
)
@by
def add(client: str, scopes: tuple[str, ...], per_minute: int, actor: str | None) -> None:
    """Make a key for CLIENT, a short name like fixmystreet: requests with the same name are of one client.

    A client may have several keys, as while it changes over from one to the next.
    """
    if not CLIENT.fullmatch(client):
        raise Refusal(f"{client!r} is no name for a client; write small letters, digits and hyphens, like fixmystreet.")
    _open()
    made, secret = keys.make(client, actor or operator.name(), utcnow(), scopes or USUAL, per_minute)
    click.echo(f"Key {made.called} of {client} ({made.scopes.replace(' ', ', ')}; {per_minute} requests a minute):")
    click.echo(secret)
    click.echo("Only its digest is kept: whoever loses it gets another one.", err=True)


@key.command("list", short_help="The keys that were given out.")
@as_json
def list_(*, as_json: bool) -> None:
    """List the keys that were ever given out, those in force and those that are not."""
    _open()
    found = keys.listed()
    if as_json:
        click.echo(written([_told(one) for one in found]))
        return
    zone = ZoneInfo(packs.current().zone)
    rows = [
        (one.called, one.client, one.scopes, f"{one.per_minute:,}", _day(one.made_at, zone), _day(one.revoked_at, zone))
        for one in found
    ]
    for line in table(("KEY", "CLIENT", "MAY", "A MINUTE", "MADE", "REVOKED"), rows) if rows else ("No key was made.",):
        click.echo(line)


@key.command(short_help="Take a key out of force.")
@click.argument("ending", metavar="KEY")
@by
def revoke(ending: str, actor: str | None) -> None:
    """Take the key KEY out of force, as `list` shows it: from the next request on."""
    _open()
    try:
        gone = keys.revoke(ending, actor or operator.name(), utcnow())
    except NoSuchKey as no:
        raise Refusal(str(no)) from None
    click.echo(f"Key {gone.called} of {gone.client} is revoked.")


def _open() -> None:
    wiring.bind_prepared(Settings.load())


def _told(one: ApiKey) -> dict[str, Any]:
    return {
        "key": one.called,
        "client": one.client,
        "scopes": one.scopes.split(),
        "per_minute": one.per_minute,
        "made_at": utc(one.made_at),
        "made_by": one.made_by,
        "revoked_at": utc(one.revoked_at),
        "revoked_by": one.revoked_by,
    }


def _day(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%d/%m/%Y}" if moment else ""
