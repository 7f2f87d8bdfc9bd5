"""`./mlango sync run` and `usb`: whole turns, both ways."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click

from store.clock import utcnow
from sync.exchange import NoStick
from sync.turn import Ran
from ussd_app.cli.postroom import PostRoom, Since, as_json, written
from ussd_app.cli.sync import shown
from ussd_app.cli.sync.shown import Steps
from ussd_app.refusal import Refusal

since = click.option(
    "--since",
    type=Since(),
    help="Send once more what was sent since then, as a file of its own: 12h, 7d, 2026-11-23.",
)


@click.command(short_help="A turn with every office now: fetch, import, write, deliver.")
@shown.agencies
@shown.dry_run
@since
@as_json
def run(agencies: tuple[str, ...], since: timedelta | datetime | None, *, dry_run: bool, as_json: bool) -> None:
    """Fetch what offices sent and import it, write what is new for them, and deliver it; also what waited before.

    Offices are those of exchange.toml, or the ones named. It does not count as the run of the day. Exit code 1: an
    office was not reached, or a file was refused.
    """
    room = PostRoom.open()
    exchanges, again = room.house.exchanges, room.since(since) if since is not None else None

    def turn(agency: str, steps: Steps) -> Ran:
        if dry_run:
            return exchanges.rehearse(agency, utcnow(), since=again, progress=steps)
        return exchanges.run(agency, utcnow(), since=again, progress=steps)

    _report(shown.each(shown.known(room.pack, agencies), turn), as_json=as_json)


@click.command(short_help="Both directions by a USB stick.")
@click.argument("stick", metavar="/media/…", type=click.Path(path_type=Path))
@shown.agencies
@as_json
def usb(stick: Path, agencies: tuple[str, ...], *, as_json: bool) -> None:
    """Read what offices put on the stick, and put there what is for them: mlango/CODE/in and mlango/CODE/out on it.

    Offices are those that have a folder on the stick, or the ones named. Any order, any number of times: nothing is
    lost and nothing counts twice. Exit code 1: something could not be read or written.
    """
    room = PostRoom.open()
    exchanges = room.house.exchanges
    try:
        offices = exchanges.offices_on(stick, shown.known(room.pack, agencies) if agencies else ())
        ran = shown.each(offices, lambda one, steps: exchanges.by_stick(stick, one, utcnow(), progress=steps))
    except NoStick as why:
        raise Refusal(str(why)) from None
    if not os.path.ismount(stick):
        click.echo(f"{stick} is no stick of its own: this went to the disk that it is on.", err=True)
    if not as_json and not any(one.error for one in ran):  # what was refused is answered on the stick
        click.echo("All of it is safely on the stick: you may take it out.", err=True)
    _report(ran, as_json=as_json)


def _report(ran: Sequence[Ran], *, as_json: bool) -> None:
    if as_json:
        click.echo(written([shown.told(one) for one in ran]))
    else:
        shown.show(ran)
    if any(map(shown.sentences, ran)):
        sys.exit(1)
