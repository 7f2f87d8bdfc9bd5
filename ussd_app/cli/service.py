"""Commands behind `up`: the database, and one process of the service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from peewee import OperationalError

from ussd_app import background, logs, wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings


@click.command()
def migrate() -> None:
    """Bring the database to the form that this version needs. Does nothing when it is there already."""
    logs.set_up("warning")
    with _database_in_words():
        wiring.migrate(Settings.load(), _say)


@click.command()
def prepare() -> None:
    """Migrate, publish the pack and, in demo mode, the demo data."""
    logs.set_up("warning")
    with _database_in_words():
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


@contextmanager
def _database_in_words() -> Iterator[None]:
    """A database that is not there, full or locked is no defect of ours: its own first line says why."""
    try:
        yield
    except OperationalError as error:
        why = str(error).strip().splitlines()[0]
        raise Refusal(f"The database cannot be used: {why}") from error
