"""`./mlango bundle`: all of Mlango in one file, for machines without a network."""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from ussd_app.bundle import making
from ussd_app.bundle.programs import PROGRAMS, Programs, fetch
from ussd_app.bundle.wheels import MACHINES, PYTHONS, Target
from ussd_app.refusal import Refusal

_HERE: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


@click.command(short_help="All of Mlango in one file, for machines without a network.")
@click.option("--to", type=click.Path(path_type=Path), help="The file, or a folder for it.  [default: this folder]")
@click.option(
    "--with",
    "wanted",
    multiple=True,
    type=click.Choice(list(PROGRAMS)),
    help="Bring this Debian program too, with all that it needs. May be repeated.",
)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    type=click.Choice(PYTHONS),
    default=[_HERE],
    show_default=True,
    help="A version of Python that the machine may have. May be repeated.",
)
@click.option(
    "--machine",
    type=click.Choice(MACHINES),
    default=platform.machine(),
    show_default=True,
    help="Its processor, as `uname -m` there names it.",
)
def command(to: Path | None, wanted: tuple[str, ...], pythons: tuple[str, ...], machine: str) -> None:
    """Make one file that installs Mlango on a machine without any network, and brings an older one there up to date.

    It holds the project as it was last committed and all Python packages that it needs; no data, no keys. This machine
    needs git, and pip must reach its packages. Carry the file over and run `sh mlango-….run` there. Debian programs are
    those of the release that this machine runs: make the bundle on the release that it is for. docs/offline.md tells
    the whole way.
    """
    if wanted and machine != platform.machine():
        raise Refusal(f"Debian programs can be had for {platform.machine()} only, from a machine like this one.")
    commit = making.head()
    if left_out := making.uncommitted():
        click.echo(f"Left out, not being committed: changes in {left_out} files.", err=True)
    file = _file(to or Path(), f"mlango-{commit.version}.run")
    target = Target(tuple(sorted(set(pythons), key=PYTHONS.index)), machine)
    with tempfile.TemporaryDirectory() as work:
        programs = fetch(tuple(dict.fromkeys(wanted)), Path(work), _bar) if wanted else Programs()
        _check(programs, target)
        made = making.make(commit, target, programs, file, _bar)
    _tell(made, target, programs)


def _file(to: Path, name: str) -> Path:
    file = to / name if to.is_dir() else to
    if not file.parent.is_dir():
        raise Refusal(f"There is no folder {file.parent}.")
    return file


def _check(programs: Programs, target: Target) -> None:
    if programs.python and programs.python not in target.pythons:
        raise Refusal(f"The Python of {programs.release} is {programs.python}: add --python {programs.python}.")


@contextmanager
def _bar(label: str, length: int) -> Iterator[Callable[[int], object]]:
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield bar.update


def _tell(made: making.Made, target: Target, programs: Programs) -> None:
    click.echo(f"{made.file}  {made.size / 1e6:.1f} MB, for Python {' or '.join(target.pythons)} on {target.machine}")
    click.echo(f"SHA-256  {made.sha256}")
    click.echo("Carry it to the machine without a network, and there:")
    if programs.names:
        click.echo(f"  sudo sh {made.file.name} --programs    # {programs.release}: {' '.join(programs.names)}")
    click.echo(f"  sh {made.file.name}")
