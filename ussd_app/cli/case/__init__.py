"""`./mlango case`: staff at the command line see what `cases.worklist` shows them, and act by the lifecycle."""

from __future__ import annotations

import click

from ussd_app.cli.case.acting import act
from ussd_app.cli.case.looking import list_, show
from ussd_app.cli.case.rules import lifecycle


@click.group()
def command() -> None:
    """See cases and work on them, as an officer does at the desk.

    Who may see and do what depends on the role: `./mlango case lifecycle` prints the rules.
    """


for one in (list_, show, act, lifecycle):
    command.add_command(one)
