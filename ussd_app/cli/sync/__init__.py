"""`./mlango sync`: the daily files to offices and back, by the clock, by hand, by stick."""

from __future__ import annotations

import click

from ussd_app.cli.sync.looking import review, status
from ussd_app.cli.sync.moving import export, import_, key, verify
from ussd_app.cli.sync.turning import run, usb


@click.group()
def command() -> None:
    """Exchange files with offices: what is new goes there, what they did comes back.

    By itself this happens once on every working day (docs/offices.md). All commands may be repeated: nothing is sent
    or taken twice.
    """


for one in (run, status, usb, export, import_, review, verify, key):
    command.add_command(one)
