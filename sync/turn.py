"""One turn with one office: fetch what it sent and import it, write what is new, deliver what waits.

Every step stands alone. An office that cannot be reached gets its files made all the same, a file that cannot be read
keeps no other from being read, and what could not be delivered goes first the next time.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog

from packs.model import Exchange
from store import database
from sync import extent, files, links, outbound
from sync.inbound import Importer, Taken
from sync.manifest import Keys
from sync.models import ExchangeFile
from sync.outbound import Exporter
from sync.transport import LinkFault, Transport
from sync.worklists import Worklists, open_cases

Open = Callable[[Exchange], Transport]
Count = Callable[[int], object]
Progress = Callable[[str, int | None], Count]  # what is being done, and how many rows → told of every few of them

log = structlog.get_logger("mlango")


def quiet(_: str, __: int | None) -> Count:
    """Progress that nobody looks at."""
    return lambda _: None


def copied(paths: Sequence[Path], to: Path) -> list[Path]:
    """Copies of files in the folder `to`, each whole."""
    for path in paths:
        with path.open("rb") as source, files.publish(to, path.name) as target:
            shutil.copyfileobj(source, target)
    return [to / path.name for path in paths]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a turn did. `link`: how it failed to reach the office; `faults`: what failed on this box, in sentences."""

    agency: str
    taken: tuple[Taken, ...] = ()
    made: tuple[Path, ...] = ()
    rows: int = 0  # of the event file
    delivered: tuple[str, ...] = ()
    undelivered: int = 0  # files that still have to go
    told: int = 0  # cases and updates that an Open311 server took
    link: LinkFault | None = None
    faults: tuple[str, ...] = ()

    @property
    def error(self) -> str | None:
        """What did not go well, for a person to read."""
        return " ".join([*self.faults, *([str(self.link)] if self.link else [])]) or None


@dataclass(frozen=True, slots=True)
class Talked:
    """What was said to and heard from an office that takes no files."""

    told: int
    taken: tuple[Taken, ...] = ()


class Talk(Protocol):
    """Speaks with an office request by request, as Open311 does."""

    def run(self, exchange: Exchange, now: datetime) -> Talked:
        """Tell it what is new, and take what it answers. Raises LinkFault; what was done by then stays done."""
        ...


@dataclass(frozen=True, slots=True)
class Workshop:
    """Who does the steps. `home` is MLANGO_HOME."""

    exporter: Exporter
    worklists: Worklists
    importer: Importer
    talk: Talk
    keys: Keys
    home: Path


class Turn:
    """A turn while it goes on; `ran` tells afterwards what it did. A dry run changes nothing, here or there."""

    def __init__(
        self,
        workshop: Workshop,
        exchange: Exchange,
        now: datetime,
        progress: Progress = quiet,
        *,
        dry_run: bool = False,
    ) -> None:
        self.now = now
        self._do, self._exchange, self._agency = workshop, exchange, exchange.agency
        self._progress, self._dry_run = progress, dry_run
        self._taken: list[Taken] = []
        self._made: list[Path] = []
        self._delivered: list[str] = []
        self._rows = self._told = 0
        self._link: LinkFault | None = None
        self._faults: list[str] = []

    def fetch(self, open_transport: Open) -> None:
        """Bring what the office sent, and import it."""
        seen = links.Seen(self._agency)
        with self._apart("fetch"), self._line(open_transport) as line, self._arrivals() as folder:
            for path in line.fetch(folder, seen.knows):
                if self._take(path) and not self._dry_run:
                    seen.keep(path.name)
                    with self._apart("put away"):
                        line.took(path.name)
                        seen.forget(path.name)

    def make(self, kinds: Collection[str]) -> None:
        """Write the files of these kinds: events, work."""
        if "events" in kinds:
            self._export(None)
        if "work" in kinds and not self._dry_run:
            with self._apart("worklist"):
                count = self._progress("worklist", open_cases(self._agency))
                self._made += self._do.worklists.make(self._agency, self.now, count)

    def repeat(self, since: datetime) -> None:
        """Write once more what the office was sent since then."""
        self._export(since)

    def put(self, open_transport: Open, also: Sequence[ExchangeFile] = ()) -> None:
        """Deliver what waits, in the order in which it was made; before it `also`, which went another way."""
        waiting = [file for file in [*also, *files.undelivered(self._agency)] if self._is_there(file)]
        if not waiting or self._dry_run:
            return
        with self._apart("put"):
            try:
                with self._line(open_transport) as line:
                    line.put(self._paths(waiting))
            except LinkFault as fault:
                for file in waiting:
                    files.failed(file, str(fault))
                raise
            self._note_delivered(waiting)

    def copy(self, to: Path, *, is_all: bool) -> None:
        """Copy what was made to a folder; `is_all`: that is how it reaches the office."""
        made = {path.name for path in self._made}
        with self._apart("copy"):
            copied(self._made, to)
            if is_all:
                self._note_delivered([file for file in files.undelivered(self._agency) if file.name in made])

    def sync(self, base: Path) -> None:
        """Have what was put away there safely on disk, too."""
        with self._apart("stick"):
            for folder in base.glob("**/"):
                files.sync_folder(folder)

    def talk(self) -> None:
        """Speak with an office that takes no files."""
        if self._dry_run:
            return
        with self._apart("talk"):
            talked = self._do.talk.run(self._exchange, self.now)
            self._told += talked.told
            self._taken += talked.taken

    def note_link(self) -> None:
        """Remember whether the office was reached."""
        if self._dry_run:
            return
        if self._link:
            links.failed(self._agency, self._link, self.now)
        else:
            links.works(self._agency, self.now)

    @property
    def ran(self) -> Ran:
        """What it did so far."""
        return Ran(
            agency=self._agency,
            taken=tuple(self._taken),
            made=tuple(self._made),
            rows=self._rows,
            delivered=tuple(self._delivered),
            undelivered=len(files.undelivered(self._agency)),
            told=self._told,
            link=self._link,
            faults=tuple(self._faults),
        )

    def _take(self, path: Path) -> bool:
        """Import a file; whether it was read, be it refused."""
        before = len(self._taken)
        with self._apart(path.name):
            count = self._progress(path.name, extent.rows(path))
            taken = self._do.importer.take(path, self._agency, self.now, dry_run=self._dry_run, progress=count)
            self._taken.append(taken)
        return len(self._taken) > before

    def _export(self, since: datetime | None) -> None:
        with self._apart("events"):
            count = self._progress("events", None if since else outbound.waiting(self._agency))
            made = self._do.exporter.make(self._agency, self.now, since=since, dry_run=self._dry_run, progress=count)
            self._made += [] if self._dry_run else [made.path, made.manifest]
            self._rows += made.rows

    @contextmanager
    def _arrivals(self) -> Iterator[Path]:
        """Where fetched files are put."""
        if not self._dry_run:
            yield files.in_(self._do.home, self._agency)
            return
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)

    def _paths(self, waiting: Sequence[ExchangeFile]) -> list[Path]:
        return [path for file in waiting for path in files.parts(self._do.home, file)]

    def _is_there(self, file: ExchangeFile) -> bool:
        """Whether all of it is still on our disk; what somebody removed keeps no other file from going."""
        missing = [path.name for path in self._paths([file]) if not path.exists()]
        if missing:
            files.failed(file, f"{missing[0]} is no longer on this box.")
            log.error("exchange_file_gone", agency=self._agency, file=missing[0])
        return not missing

    def _note_delivered(self, waiting: Sequence[ExchangeFile]) -> None:
        for file in waiting:
            files.delivered(file, self.now)
            self._delivered.append(file.name)

    @contextmanager
    def _line(self, open_transport: Open) -> Iterator[Transport]:
        with closing(open_transport(self._exchange)) as transport:
            yield transport

    @contextmanager
    def _apart(self, step: str) -> Iterator[None]:
        """A step that fails is noted, and the next one is done."""
        try:
            yield
        except LinkFault as fault:
            self._link = self._link or fault
            log.warning("exchange_link_failed", agency=self._agency, step=step, fault=str(fault))
        except Exception as error:
            self._faults.append(f"{step}: {str(error) or type(error).__name__}")
            log.exception("exchange_step_failed", agency=self._agency, step=step)
            database.close()
