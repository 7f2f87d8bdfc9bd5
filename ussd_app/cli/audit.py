"""`./mlango audit`: proof that the history of the cases is whole."""

from __future__ import annotations

import base64
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import click

from cases import checkpoints, events, reference, replay
from cases.checkpoints import BadExport, Checkpoint, Signer
from cases.models import Case, CaseEvent
from ussd_app import wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

Progress = Callable[[int], None]


class _Check(NamedTuple):
    """One way to look at the whole history: a sentence for each fault; `progress` hears how many rows were read."""

    label: str
    total: Callable[[], int]
    faults: Callable[[Signer, Progress], Iterator[str]]


def _chains(_: Signer, progress: Progress) -> Iterator[str]:
    for broken in events.verify(progress):
        # the id of a case that is gone
        name = reference.shown(broken.ref) if reference.is_valid(broken.ref) else broken.ref
        yield f"Case {name}, event {broken.seq}: {broken.sentence}."


def _events() -> int:
    return int(CaseEvent.select().count())


def _cases() -> int:
    return int(Case.select().count())


_CHECKS: Final = (
    _Check("Chains", _events, _chains),
    _Check("Checkpoints", _events, checkpoints.verify),
    _Check("Cases", _cases, lambda _, progress: replay.differences(progress)),
)


@click.group()
def command() -> None:
    """Prove that no event of a case was changed, removed or put elsewhere."""


@command.command(short_help="Follow the chain of events of every case, and compare the checkpoints.")
@click.option(
    "--against",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Checkpoints that were exported before and kept off the box.",
)
def verify(file: Path | None) -> None:
    """Follow the chain of events of every case, from its first event to the one that the case calls its last; compare
    every checkpoint with its signature and with the events that it was sealed over, and every case with its events.

    With --against, nobody who had this box in their hands can have rewritten what is older than that file, not even
    with its keys. Every fault is named by case number and event, or by checkpoint; the exit code is then 1.
    """
    settings = _settings()
    signer, total = Signer(settings.masters), _events()
    kept = _read(file) if file else []
    faults = [fault for check in _CHECKS for fault in _look(check, signer)]
    faults += checkpoints.compare(kept, signer)
    if faults:
        raise Refusal(*faults, f"The history is broken. Faults: {len(faults):,}; events: {total:,}.")
    sealed = Checkpoint.select().count()
    click.echo(f"{total:,} events of {_cases():,} cases verified, with {sealed:,} checkpoints.")
    if file:
        click.echo(f"{len(kept):,} checkpoints of {file} are still the same.")


@command.command("checkpoints", short_help="List the checkpoints, or export them to be kept off the box.")
@click.option(
    "--export",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write them all to this file, a line of JSON each.",
)
def list_checkpoints(file: Path | None) -> None:
    """List the checkpoints. With --export they are written to a file: keep it where whoever holds this box cannot
    write. Each line carries the signature of all its other fields, as JSON with sorted keys and no spaces.
    """
    settings = _settings()
    if file:
        click.echo(f"{file}: {_export(file):,} checkpoints.")
        return
    for one in checkpoints.in_order():
        click.echo(
            f"{one.node} {one.seq:>7,}  {one.sealed_at:%Y-%m-%d %H:%M} UTC  {one.events:>5,} events  "
            f"key {one.key_id}  {one.root[:16]}"
        )
    click.echo(f"Events in no checkpoint yet: {checkpoints.unsealed(settings.node):,}.")


@command.command(short_help="The public keys that the signatures of checkpoints are checked with.")
def key() -> None:
    """The public keys that the signatures of checkpoints are checked with: Ed25519, base64, the current one first.

    They follow from MLANGO_MASTER_KEYS and carry its ids.
    """
    for name, public in Signer(Settings.load().masters).public_keys.items():
        click.echo(f"{name} ed25519 {base64.b64encode(public).decode()}")


def _settings() -> Settings:
    settings = Settings.load()
    wiring.bind_prepared(settings)
    return settings


def _look(check: _Check, signer: Signer) -> list[str]:
    quiet = not sys.stderr.isatty()
    with click.progressbar(length=check.total(), label=check.label, file=sys.stderr, hidden=quiet) as bar:
        return list(check.faults(signer, bar.update))


def _read(file: Path) -> list[checkpoints.Exported]:
    try:
        return checkpoints.read(file.read_text(encoding="utf-8").splitlines())
    except BadExport as wrong:
        raise Refusal(f"{file}: {wrong}.") from None
    except UnicodeDecodeError:
        raise Refusal(f"{file} is not text.") from None


def _export(file: Path) -> int:
    """Whole or not at all: a file that is there is replaced only by a complete one."""
    draft, written = file.with_name(f".{file.name}.{os.getpid()}"), 0
    try:
        with draft.open("w", encoding="utf-8") as out:
            for one in checkpoints.in_order():
                out.write(checkpoints.line(one) + "\n")
                written += 1
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise Refusal(f"{file} cannot be written: {(error.strerror or str(error)).lower()}.") from None
    return written
