"""`./mlango sync export`, `import`, `verify` and `key`: single files, without any transport."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import click

from store.clock import utcnow
from sync.inbound import Taken
from sync.manifest import BadManifest
from sync.outbound import NotKept
from ussd_app.cli.postroom import PostRoom, Since, as_json, table, written
from ussd_app.cli.sync import shown
from ussd_app.cli.sync.shown import Steps
from ussd_app.refusal import Refusal

_LOCKS: Final = ("~$", ".~lock.")  # how the files of office programs begin that are no lists
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Write the files for one office into a folder.")
@shown.agency
@click.option("--to", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The folder.")
@click.option("--since", type=Since(), help="Instead, once more what was sent since then: 12h, 7d, 2026-11-23.")
@click.option("--number", type=click.IntRange(1), metavar="N", help="Instead, event file N once more, as it was.")
@as_json
def export(agency: str, to: Path, since: timedelta | datetime | None, number: int | None, *, as_json: bool) -> None:
    """Write what is new for an office, and copy it to DIR. Where a transport is set up it is delivered all the same."""
    room = PostRoom.open()
    (office,), folder = shown.known(room.pack, [agency]), shown.existing(to)
    if number is not None:
        copies = _again(room, office, number, folder)
        click.echo(written([str(path) for path in copies]) if as_json else "\n".join(map(str, copies)))
        return
    again = room.since(since) if since is not None else None
    (ran,) = shown.each(
        [office],
        lambda one, steps: room.house.exchanges.export(one, folder, utcnow(), since=again, progress=steps),
    )
    if as_json:
        click.echo(written(shown.told(ran)))
    else:
        for path in ran.made:
            click.echo(folder / path.name)
        click.echo(f"{ran.rows:,} event{'s' * (ran.rows != 1)}.")
    if ran.error:
        raise Refusal(ran.error)


@click.command("import", short_help="Read update files that somebody brought.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_file)
@click.option("--agency", metavar="CODE", help="Whose they are, where their names do not say.")
@shown.dry_run
@as_json
def import_(files: tuple[Path, ...], agency: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Read update files, or worklists that a clerk filled in: good rows apply, bad rows come back in an error file.

    ACCEPTED + DOUBLED + REJECTED are all rows. What was read before changes nothing. Exit code 1: a file was refused
    as a whole.
    """
    room = PostRoom.open()
    if agency:
        (agency,) = shown.known(room.pack, [agency])
    left = [path for path in files if path.name.startswith(_LOCKS)]
    for path in left:
        click.echo(f"{path.name} was left alone: it only says that somebody has the list open.", err=True)
    taken = [_take(room, path, agency, dry_run=dry_run) for path in files if path not in left]
    if as_json:
        click.echo(written([shown.told_of_file(one) for one in taken]))
    else:
        _show(taken)
    if any(one.refused for one in taken):
        sys.exit(1)


@click.command(short_help="Check a file that we wrote against its manifest.")
@click.argument("file", metavar="FILE", type=_file)
def verify(file: Path) -> None:
    """Check that FILE, which we wrote, is whole and unchanged: its manifest lies beside it."""
    room = PostRoom.open()
    try:
        found = room.house.exchanges.check(file)
    except BadManifest as wrong:
        raise Refusal(f"{file.name} cannot be trusted: {wrong}.") from None
    except OSError as error:
        raise Refusal(f"{error.filename} cannot be read: {error.strerror}.") from None
    number = "a repeat" if found.seq is None else f"number {found.seq}"
    click.echo(f"{file.name} is as we wrote it: {number}, {found.rows:,} rows, {found.generated_at}.")


@click.command(short_help="The key that an office checks our manifests with.")
@shown.agency
@click.option("--yes", is_flag=True, help="Do not ask.")
def key(agency: str, *, yes: bool) -> None:
    """Print the office's key in hex: it proves that a manifest is ours. Who has it can also write one in our name."""
    room = PostRoom.open()
    (office,) = shown.known(room.pack, [agency])
    if yes or click.confirm(f"Show the secret key that {office} and this box share?", err=True):
        room.reveal("exchange_key_shown", agency=office)
        click.echo(room.house.exchanges.key_for(office))


def _again(room: PostRoom, office: str, number: int, folder: Path) -> list[Path]:
    try:
        return room.house.exchanges.again(office, number, folder)
    except NotKept as why:
        raise Refusal(str(why)) from None


def _take(room: PostRoom, path: Path, agency: str | None, *, dry_run: bool) -> Taken:
    steps = Steps()
    try:
        return room.house.exchanges.take(path, agency, utcnow(), dry_run=dry_run, progress=steps)
    finally:
        steps.end()


def _show(taken: list[Taken]) -> None:
    head = ("OFFICE", "ROWS", "ACCEPTED", "DOUBLED", "REJECTED", "WAITING", "FILE")
    rows = [(one.agency or "-", *(f"{getattr(one, name):,}" for name in shown.COUNTS[:5]), one.name) for one in taken]
    for line in table(head, rows):
        click.echo(line)
    for one in taken:
        if one.refused:
            click.echo(f"{one.name} was refused: {one.refused}")
        for answer in one.answers:
            click.echo(f"  {answer}")
