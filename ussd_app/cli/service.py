"""Commands behind `up`: the database, and one process of the service."""

from __future__ import annotations

import click

from ussd_app import background, logs, wiring
from ussd_app.settings import Settings


@click.command()
def migrate() -> None:
    """Bring the database to the form that this version needs. Does nothing when it is there already."""
    logs.set_up("warning")
    wiring.migrate(Settings.load(), _say)


@click.command()
def prepare() -> None:
    """Migrate, publish the pack and, in demo mode, the demo data."""
    logs.set_up("warning")
    logs.set_up("warning")
    wiring.prepare(Settings.load(), _say)


@click.command()
def worker() -> None:
    """Send what the outbox holds, whenever the relay says so."""
    background.run_worker(Settings.load())


@click.command()
def relay() -> None:
    """Wake the worker when messages are ready; run the tick."""
    background.run_relay(Settings.load())


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
