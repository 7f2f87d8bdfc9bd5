"""`./mlango audit`: proof that the history of the cases is whole."""

from __future__ import annotations

import sys

import click

from cases import events, reference
from cases.events import Broken
from cases.models import Case, CaseEvent
from ussd_app import wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings


@click.group()
def command() -> None:
    """Prove that no event of a case was changed, removed or put elsewhere."""


@command.command(short_help="Follow the chain of events of every case.")
def verify() -> None:
    """Follow the chain of events of every case, from its first event to the one that the case calls its last.

    Every fault is named by case number and event; the exit code is then 1.
    """
    wiring.bind_prepared(Settings.load())
    read = 0
    total, quiet = CaseEvent.select().count(), not sys.stderr.isatty()
    with click.progressbar(length=total, label="Verifying", file=sys.stderr, hidden=quiet) as bar:

        def count(events_read: int) -> None:
            nonlocal read
            read += events_read
            bar.update(events_read)

        faults = [_sentence(broken) for broken in events.verify(count)]
    if faults:
        raise Refusal(*faults, f"The history is broken. Faults: {len(faults):,}; events read: {read:,}.")
    click.echo(f"{read:,} events of {Case.select().count():,} cases verified.")


def _sentence(broken: Broken) -> str:
    name = (
        reference.shown(broken.ref) if reference.is_valid(broken.ref) else broken.ref
    )  # the id of a case that is gone
    return f"Case {name}, event {broken.seq}: {broken.sentence}."
