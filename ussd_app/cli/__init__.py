"""The `mlango` command. A group of commands is imported only when it is used, so that --help and phone start fast."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import click

from ussd_app.refusal import Refusal


class Entry(NamedTuple):
    """Where a command is (`module:attribute`), and its line in --help; without one it is not listed."""

    place: str
    help: str | None


COMMANDS: Final[Mapping[str, Entry]] = {
    "up": Entry("ussd_app.cli.up:command", "Start the whole service on this machine; Ctrl-C stops it."),
    "phone": Entry("ussd_app.cli.phone:command", "A phone in the terminal: dial, text, read the inbox."),
    "case": Entry("ussd_app.cli.case:command", "What officers do: list cases, look at one, act on it."),
    "figures": Entry("ussd_app.cli.figures:command", "How many asked, how fast they were answered, where it is stuck."),
    "triage": Entry("ussd_app.cli.triage:command", "What nobody could name yet, and what belongs together."),
    "notice": Entry("ussd_app.cli.notice:command", "What callers of a place read first: a flood, a fire, a cut."),
    "sms": Entry("ussd_app.cli.sms:command", "How a text is understood, what one costs, what was sent to whom."),
    "outbox": Entry("ussd_app.cli.outbox:command", "SMS that wait, went out or failed; send again, or let go."),
    "callback": Entry("ussd_app.cli.callback:command", "Whom to call, and what came of it."),
    "citizen": Entry("ussd_app.cli.citizen:command", "Give or erase what is kept about a person."),
    "route": Entry("ussd_app.cli.route:command", "Say which office gets a complaint, and why."),
    "pack": Entry("ussd_app.cli.pack:command", "Check or load the agencies, categories and places."),
    "menus": Entry("ussd_app.cli.menus:command", "Prove the menus, draw them, see where citizens give up."),
    "locales": Entry("ussd_app.cli.locales:command", "Translate the service; see how far each language is."),
    "audit": Entry("ussd_app.cli.audit:command", "Verify that no case event was changed or removed."),
    "demo": Entry("ussd_app.cli.demo:command", "A year of made-up cases; made-up offices that work them."),
    "gateway": Entry("ussd_app.cli.gateway:command", "The channels that SMS leave through; a test, a pause."),
    "modem": Entry("ussd_app.cli.modem:command", "Check a USB modem, its SIM card and its daemon."),
    "sync": Entry("ussd_app.cli.sync:command", "Files to offices and back: run, export, import, a stick; how far."),
    "open311": Entry("ussd_app.cli.open311:command", "Keys for other systems that send us requests."),
    "bundle": Entry("ussd_app.cli.bundle:command", "All of Mlango in one file, for machines without a network."),
    "migrate": Entry("ussd_app.cli.service:migrate", "Bring the database to the form that this version needs."),
    "test": Entry("ussd_app.cli.tools:test", "Run the tests; what follows goes to pytest."),
    "bench": Entry("ussd_app.cli.tools:bench", "Run the benchmarks."),
    "prepare": Entry("ussd_app.cli.service:prepare", None),
    "worker": Entry("ussd_app.cli.service:worker", None),
    "relay": Entry("ussd_app.cli.service:relay", None),
}


class _Lazy(click.Group):
    """Lists its commands from the table above and imports only the one that is run."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = _load(COMMANDS[cmd_name].place)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items() if entry.help])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def mlango() -> None:
    """Mlango: one door to government for every phone.

    `./mlango COMMAND --help` tells more about one command. Settings are environment variables; the README lists them.
    """


def main() -> None:
    """Run the command line; a failure is one sentence on standard error and an exit code other than 0."""
    try:
        mlango.main(prog_name="./mlango")
    except Refusal as refusal:
        _fail(*refusal.faults)
    except Exception as error:
        _fail(_load("ussd_app.cli.failure:explain")(error))


def _fail(*sentences: str) -> None:
    for sentence in sentences:
        click.echo(f"mlango: {sentence}", err=True)
    sys.exit(1)


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)
