"""Files that come from offices: read whole, applied in the order of what happened, answered.

First every row is understood; a file that cannot be read changes nothing. Then the rows are applied in short
transactions. At last come the answers: the rows that were not taken, on a sheet to be corrected, and `….ack.json`,
which says what became of all of them. An import that was killed is simply done again: what had been applied is
recognised and counts as applied, so that the answers are the same.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog

from cases.casework import Casework
from cases.citizens import Citizens
from packs.model import Pack, Text, text
from store import database
from store.model import new_id, node_name
from sync import files, held, updates
from sync.applying import DUPLICATE, MOST_ROWS, Applier, Landed, Origin, Outcome
from sync.faults import RowFault, Unreadable
from sync.held import Review, Standing, UpdateRow
from sync.models import ExchangeFile
from sync.sheet import read
from sync.spool import Spool
from sync.updates import Kind, Update
from sync.worklists import Worklists

Progress = Callable[[int], object]
log = structlog.get_logger("mlango")

MOST_MISSING: Final = 1_000  # numbers of files that are remembered as missing
_OFFICE: Final = re.compile(r"(?:^|[^A-Za-z0-9])(?:in|work)_([A-Za-z0-9_-]+?)_\d{8}(?!\d)", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"in_[A-Za-z0-9_-]+_\d{8}_(\d{1,9})\.[A-Za-z]+", re.IGNORECASE)
_SHORT: Final = 8  # characters of a fingerprint that tell two files apart

# Why a whole file is refused, beside what `sync.faults` says of its content
REFUSALS: Final[dict[str, Text]] = {
    "name_used": {
        "en": "A file called {name} came before with other content. Give this one the next number and send it again.",
        "sw": "Faili iitwayo {name} ilikuja awali ikiwa na maudhui mengine. Ipe hii nambari inayofuata, kisha uitume.",
    },
    "whose": {
        "en": "Which office is {name} from? Call it in_CODE_20261123_1.csv, or name the office.",
        "sw": "{name} imetoka ofisi gani? Iite in_CODE_20261123_1.csv, au taja ofisi.",
    },
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file. `accepted` + `duplicate` + `rejected` = `rows`; `left_blank` rows come on top.

    `waiting` and `superseded` are among the accepted, `review` among the rejected. `refused`: why none of it was taken,
    in the office's language. `answers`: the files that tell the office, errors first.
    """

    agency: str
    name: str
    rows: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    waiting: int = 0
    superseded: int = 0
    review: int = 0
    left_blank: int = 0
    refused: str | None = None
    answers: tuple[Path, ...] = ()


class Importer:
    """Takes the files of offices. `worklists` writes the sheets of what could not be taken; `home` is MLANGO_HOME."""

    def __init__(
        self,
        casework: Casework,
        citizens: Citizens,
        pack: Callable[[], Pack],
        worklists: Worklists,
        home: Path,
        *,
        alert: Callable[..., None] = log.error,
    ) -> None:
        self._citizens, self._pack, self._worklists, self._home = citizens, pack, worklists, home
        self._applier, self._alert = Applier(casework, citizens, pack), alert

    def take(
        self,
        path: Path,
        agency: str | None,
        now: datetime,
        *,
        dry_run: bool = False,
        progress: Progress = lambda _: None,
    ) -> Taken:
        """Import a file. `agency` None: as its name says. `progress` is told how many rows were just dealt with.

        A dry run tells what would happen and changes nothing: each batch of rows meets the cases as they stand now.
        """
        office = agency or self._office_of(path.name)
        if office is None:
            return Taken("", path.name, refused=_refusal("whose", "en", path.name))
        if dry_run:
            return self._rehearse(path, office, now, progress)
        with files.alone(self._home, office):
            return self._take(path, office, now, progress)

    def retry_held(self, now: datetime) -> int:
        """Try again what waits for a case that has changed since; how many rows wait no longer."""
        done, last = 0, ""
        while rows := held.to_try(MOST_ROWS, last):
            last = rows[-1].id
            done += sum(self._retry(agency, kind, some, now) for (agency, kind), some in _by_sheet(rows))
        return done

    def expire(self, now: datetime) -> int:
        """Give back what has waited for a week; how many rows that were."""
        done = 0
        while rows := held.overdue(now, MOST_ROWS):
            for (agency, kind), some in _by_sheet(rows):
                opened = self._opened(some)
                # what can be taken by now is taken; the rest is told with the state that stands in its way
                outcomes = self._applier.take(Origin(agency, kind), list(opened), now, again=_again(some), last=True)
                held.drop([row.id for row in some])
                self._answer_late(agency, kind, outcomes, now)
            done += len(rows)
        return done

    def review(self, agency: str) -> list[Review]:
        """What a person has to look at: words of an office about cases that their citizens had moved on meanwhile."""
        return held.review(agency)

    # A file

    def _office_of(self, name: str) -> str | None:
        found = _OFFICE.search(name)
        return found[1].upper() if found and found[1].upper() in self._pack().agencies else None

    def _take(self, path: Path, agency: str, now: datetime, progress: Progress) -> Taken:
        sha256, language = files.digest(path), self._pack().exchange(agency).language
        known = files.find(agency, path.name[-200:], "in")
        if known and known.sha256 != sha256 and known.state != "refused" and _NUMBERED.fullmatch(path.name):
            refused = Taken(agency, path.name, refused=_refusal("name_used", language, path.name))
            return self._answered(refused, f"{path.stem}.{sha256[:_SHORT]}", sha256, (), now)
        resumed = bool(known and known.state == "reading" and known.sha256 == sha256)
        file = _begin(known, agency, path, sha256, now)
        try:
            with _spool(files.folder(self._home, agency)) as spool:
                reading = _Reading(self._applier, agency, sha256, spool, progress, resumed=resumed)
                reading.read(path, now, ZoneInfo(self._pack().zone))
                reading.apply(now)
                taken = reading.taken(path.name)
                errors = self._errors(agency, path.stem, reading.kind, spool, language)
        except Unreadable as unreadable:
            taken, errors = Taken(agency, path.name, refused=unreadable.sentence(language)), []
        answered = self._answered(taken, path.stem, sha256, errors, now)
        _end(file, answered)
        self._note_number(agency, path.name)
        return answered

    def _rehearse(self, path: Path, agency: str, now: datetime, progress: Progress) -> Taken:
        try:
            with TemporaryDirectory() as folder, _spool(Path(folder)) as spool:
                reading = _Reading(self._applier, agency, "", spool, progress, dry_run=True)
                reading.read(path, now, ZoneInfo(self._pack().zone))
                reading.apply(now)
                return reading.taken(path.name)
        except Unreadable as unreadable:
            return Taken(agency, path.name, refused=unreadable.sentence(self._pack().exchange(agency).language))

    # Answers

    def _errors(self, agency: str, stem: str, kind: Kind, spool: Spool, language: str) -> Sequence[Path]:
        if not spool.faults:
            return []
        base = files.out(self._home, agency) / stem
        return self._worklists.error_sheet(agency, spool.all_faults(), base, kind, language)

    def _answered(self, taken: Taken, stem: str, sha256: str, errors: Sequence[Path], now: datetime) -> Taken:
        """Write `….ack.json` after all else, and have the answers delivered."""
        told = {
            "file": taken.name,
            "sha256": sha256,
            "read_at": now.isoformat(timespec="seconds"),
            **{name: getattr(taken, name) for name in _COUNTED},
            "refused": taken.refused,
            "errors": [path.name for path in errors],
        }
        folder = files.out(self._home, taken.agency)
        with files.publish(folder, f"{stem}.ack.json") as out:
            out.write(json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n")
        ack = folder / f"{stem}.ack.json"
        for path in errors:
            files.register(taken.agency, "errors", path, taken.rejected, now)
        files.register(taken.agency, "ack", ack, taken.rows, now)
        return _with_answers(taken, (*errors, ack))

    def _answer_late(self, agency: str, kind: Kind, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Tell an office of rows that had been accepted to wait and cannot be taken after all."""
        faults = [outcome for outcome in outcomes if isinstance(outcome, RowFault)]
        if not faults:
            return
        base = files.out(self._home, agency) / f"late_{agency}_{now:%Y%m%dT%H%M%S}_{new_id()[-_SHORT:]}"
        language = self._pack().exchange(agency).language
        for path in self._worklists.error_sheet(agency, faults, base, kind, language):
            files.register(agency, "errors", path, len(faults), now)

    # What waits

    def _retry(self, agency: str, kind: Kind, rows: Sequence[UpdateRow], now: datetime) -> int:
        opened = self._opened(rows)
        outcomes = self._applier.take(Origin(agency, kind), list(opened), now, again=_again(rows))
        self._answer_late(agency, kind, outcomes, now)
        return sum(not (isinstance(one, Landed) and one.became == Standing.WAITING) for one in outcomes)

    def _opened(self, rows: Sequence[UpdateRow]) -> list[Update]:
        """What waiting rows say, in the order of what happened; those of erased citizens are let go."""
        citizens = dict(
            database.rows(
                database.main,
                f"SELECT id, citizen_id FROM cases WHERE id IN ({', '.join('?' * len(rows))})",
                *(row.__data__["case"] for row in rows),
            )
        )
        callers = self._citizens.by_id(citizens.values())
        opened = [(row, held.opened(row, callers, citizens[row.__data__["case"]])) for row in rows]
        held.drop([row.id for row, update in opened if update is None])
        return sorted((update for _, update in opened if update), key=lambda one: (one.occurred_at, one.row))

    # Numbers of files

    def _note_number(self, agency: str, name: str) -> None:
        """Offices number their files 1, 2, 3 …: what is left out did not arrive yet."""
        found = _NUMBERED.fullmatch(name)
        if not found:
            return
        number = int(found[1])
        with database.transaction():
            known = database.rows(database.main, "SELECT in_seq, gaps FROM exchange_link WHERE agency = ?", agency)
            newest, gaps = (known[0][0], set(json.loads(known[0][1]))) if known else (None, set())
            newest = number if newest is None else newest
            missing = range(max(newest + 1, number - MOST_MISSING), number)
            left = sorted((gaps | set(missing)) - {number})[-MOST_MISSING:]
            database.run(
                database.main,
                "INSERT INTO exchange_link (id, node, agency, failures, in_seq, gaps) VALUES (?, ?, ?, 0, ?, ?) "
                "ON CONFLICT (agency) DO UPDATE SET in_seq = excluded.in_seq, gaps = excluded.gaps",
                *(new_id(), node_name(), agency, max(newest, number), json.dumps(left)),
            )
        if missing:
            self._alert("exchange_files_missing", agency=agency, first=missing[0], last=missing[-1])


class _Reading:
    """One file while it is read and applied."""

    def __init__(
        self,
        applier: Applier,
        agency: str,
        sha256: str,
        spool: Spool,
        progress: Progress,
        *,
        resumed: bool = False,
        dry_run: bool = False,
    ) -> None:
        self._applier, self._agency, self._sha256, self._spool, self._progress = (
            applier, agency, sha256, spool, progress,
        )  # fmt: skip
        self._resumed, self._dry_run = resumed, dry_run
        self._became: Counter[str] = Counter()
        self.kind = Kind.UPDATES

    def read(self, path: Path, now: datetime, zone: ZoneInfo) -> None:
        """Understand every row. Raises Unreadable if the file is none of ours."""
        sheet = read(path)
        self.kind = updates.kind_of(sheet.header)
        for row in sheet:
            understood = updates.understand(self.kind, row, now=now, zone=zone)
            if isinstance(understood, Update):
                self._spool.put(understood)
                continue
            if understood:
                self._spool.blame(understood)
            self._became["left_blank" if understood is None else "rejected"] += 1
            self._progress(1)

    def apply(self, now: datetime) -> None:
        """Apply what was understood, batch by batch."""
        origin = Origin(self._agency, self.kind, self._sha256, self._resumed)
        for some in self._spool.in_order(MOST_ROWS):
            for outcome in self._applier.take(origin, some, now, dry_run=self._dry_run):
                if isinstance(outcome, RowFault):
                    self._spool.blame(outcome)
                    self._became["rejected"] += 1
                    self._became["review"] += outcome.code == "E_STALE"
                else:
                    self._became[self._counted(outcome)] += 1
            self._progress(len(some))

    def _counted(self, landed: Landed) -> str:
        """A dry run leaves nothing by which the next batch could know a row again."""
        is_repeated = self._dry_run and landed.became != DUPLICATE and not self._spool.is_new(landed.update.update_id)
        return DUPLICATE if is_repeated else landed.became

    def taken(self, name: str) -> Taken:
        """What became of it all."""
        became = self._became
        accepted = became[Standing.APPLIED] + became[Standing.SUPERSEDED] + became[Standing.WAITING]
        return Taken(
            agency=self._agency,
            name=name,
            rows=accepted + became[DUPLICATE] + became["rejected"],
            accepted=accepted,
            duplicate=became[DUPLICATE],
            rejected=became["rejected"],
            waiting=became[Standing.WAITING],
            superseded=became[Standing.SUPERSEDED],
            review=became["review"],
            left_blank=became["left_blank"],
        )


_COUNTED: Final = (
    "rows", "accepted", "duplicate", "rejected", "waiting", "superseded", "review", "left_blank",
)  # fmt: skip


@contextmanager
def _spool(folder: Path) -> Iterator[Spool]:
    with closing(Spool(folder)) as spool:
        yield spool


def _with_answers(taken: Taken, answers: tuple[Path, ...]) -> Taken:
    counts: dict[str, Any] = {name: getattr(taken, name) for name in _COUNTED}
    return Taken(taken.agency, taken.name, **counts, refused=taken.refused, answers=answers)


def _refusal(why: str, language: str, name: str) -> str:
    return text(REFUSALS[why], language).format(name=name)


def _by_sheet(rows: Sequence[UpdateRow]) -> Iterator[tuple[tuple[str, Kind], list[UpdateRow]]]:
    def sheet(row: UpdateRow) -> tuple[str, Kind]:
        return row.agency, Kind(row.kind)

    for key, some in groupby(sorted(rows, key=sheet), sheet):
        yield key, list(some)


def _again(rows: Sequence[UpdateRow]) -> dict[str, UpdateRow]:
    return {row.update_id: row for row in rows}


# The register of files


def _begin(known: ExchangeFile | None, agency: str, path: Path, sha256: str, now: datetime) -> ExchangeFile:
    """Note that a file is being read; a clerk's list may come under its name again and again."""
    number = _NUMBERED.fullmatch(path.name)
    file = known or ExchangeFile(agency=agency, direction="in", name=path.name[-200:])
    file.kind, file.state, file.sha256, file.bytes = "updates", "reading", sha256, path.stat().st_size
    file.seq, file.made_at, file.error, file.removed_at = int(number[1]) if number else None, now, None, None
    file.save(force_insert=known is None)
    return file


def _end(file: ExchangeFile, taken: Taken) -> None:
    file.state, file.error = ("refused", taken.refused) if taken.refused else ("applied", None)
    file.rows, file.accepted, file.doubled = taken.rows, taken.accepted, taken.duplicate
    file.rejected, file.waiting = taken.rejected, taken.waiting
    file.save()
