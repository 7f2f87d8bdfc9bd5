"""What the commands of the exchange share: which offices, how far it is, what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import count as forever
from pathlib import Path
from time import monotonic
from typing import Any, Final

import click

from packs.model import Pack
from sync.inbound import Taken
from sync.slots import Busy
from sync.turn import Count, Ran
from ussd_app.cli.postroom import table
from ussd_app.refusal import Refusal, unknown

_WIDTH: Final = 12  # of a bar, beside a file's name and its numbers
_LONGEST_LABEL: Final = 32
_SOON_S: Final = 0.3  # what is done by then needs no bar

agency = click.option("--agency", metavar="CODE", required=True, help="The office, as agencies.csv names it.")
agencies = click.option(
    "--agency", "agencies", metavar="CODE", multiple=True, help="Only this office; may be repeated."
)
dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


class Steps:
    """How far a long run is: on a terminal a bar for each of its steps that takes a while."""

    def __init__(self, name: str = "") -> None:
        self._name, self._bar = name, _Bar("", None)

    def __call__(self, step: str, total: int | None) -> Count:
        """A step begins, of `total` rows; None: nobody knows how many."""
        self.end()
        self._bar = _Bar(f"{self._name}  {step}".strip(), total)
        return self._bar.count

    def end(self) -> None:
        """Leave the terminal to others."""
        self._bar.end()


class _Bar:
    def __init__(self, label: str, total: int | None) -> None:
        self._label, self._total = label, total
        self._done, self._began = 0, monotonic()
        self._shown: Any = None

    def count(self, more: int) -> None:
        self._done += more
        if self._shown:
            self._shown.update(more)
        elif monotonic() - self._began > _SOON_S:
            self._shown = click.progressbar(
                forever(),
                length=self._total,
                label=self._label[:_LONGEST_LABEL],
                show_pos=True,
                width=_WIDTH,
                file=sys.stderr,
                hidden=not sys.stderr.isatty(),
            )
            self._shown.update(self._done)

    def end(self) -> None:
        if self._shown:
            self._shown.render_finish()


def known(pack: Pack, codes: Collection[str]) -> list[str]:
    """The offices that were named, else those of the schedule."""
    by_folded = {code.casefold(): code for code in pack.agencies}
    for code in codes:
        if code.casefold() not in by_folded:
            raise unknown("office", code, pack.agencies)
    chosen = list(dict.fromkeys(by_folded[code.casefold()] for code in codes)) or list(pack.exchanges)
    if not chosen:
        raise Refusal("exchange.toml names no office; name one with --agency.")
    return chosen


def each(offices: Iterable[str], turn: Callable[[str, Steps], Ran]) -> list[Ran]:
    """A turn with each of them. Who is at it already is left to it, and said so at the end."""
    ran, busy = [], []
    for office in offices:
        steps = Steps(office)
        try:
            ran.append(turn(office, steps))
        except Busy as fault:
            busy.append(str(fault))
        finally:
            steps.end()
    if busy and not ran:
        raise Refusal(*busy)
    for sentence in busy:
        click.echo(sentence, err=True)
    return ran


def show(ran: Sequence[Ran]) -> None:
    """What came of the turns: a table, then what did not go well."""
    head = ("OFFICE", "FILES IN", "ROWS", "TAKEN", "BACK", "EVENTS OUT", "FILES OUT", "LEFT")
    rows = [
        (
            one.agency,
            f"{len(one.taken):,}",
            f"{sum(each.rows for each in one.taken):,}",
            f"{sum(each.accepted + each.duplicate for each in one.taken):,}",
            f"{sum(each.rejected for each in one.taken):,}",
            f"{one.rows + one.told:,}",
            f"{len(one.delivered):,}",
            f"{one.undelivered:,}",
        )
        for one in ran
    ]
    for line in table(head, rows) if rows else ():
        click.echo(line)
    for one in ran:
        for sentence in sentences(one):
            click.echo(f"{one.agency}: {sentence}")


def sentences(ran: Ran) -> list[str]:
    """What did not go well in a turn."""
    refused = [f"{taken.name} was refused: {taken.refused}" for taken in ran.taken if taken.refused]
    return [*refused, *ran.faults, *([str(ran.link)] if ran.link else [])]


def told(ran: Ran) -> dict[str, Any]:
    """A turn, for programs."""
    return {
        "agency": ran.agency,
        "taken": [told_of_file(taken) for taken in ran.taken],
        "made": [str(path) for path in ran.made],
        "events": ran.rows,
        "told": ran.told,
        "delivered": list(ran.delivered),
        "undelivered": ran.undelivered,
        "link": str(ran.link) if ran.link else None,
        "faults": list(ran.faults),
    }


COUNTS: Final = ("rows", "accepted", "duplicate", "rejected", "waiting", "superseded", "review", "left_blank")


def told_of_file(taken: Taken) -> Mapping[str, Any]:
    """What became of a file, for programs."""
    counts = {name: getattr(taken, name) for name in COUNTS}
    answers = [str(path) for path in taken.answers]
    return {"agency": taken.agency, "file": taken.name, **counts, "refused": taken.refused, "answers": answers}


def existing(path: Path) -> Path:
    """A folder that is there."""
    if not path.is_dir():
        raise Refusal(f"There is no folder {path}.")
    return path
