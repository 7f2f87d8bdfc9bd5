"""What an erasure means for the files of offices: no file here tells of the citizen any more, and every office that had
a case of theirs hears that it is to erase its copies, too.

The transaction that erases only writes rows (`begin`): for the feed, and of what to look for. Files are gone through
after it (`clean`), by whoever comes first: whoever asked for the erasure, or the relay, which looks every minute. So
nobody who writes waits for a disk, and a fall in between is made good by itself. They are gone through again every day
for as long as files are kept: an office may send back a list of last week.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from lzma import LZMAError
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from zipfile import BadZipFile, ZipFile

import orjson
import structlog

from cases.routing import barred
from packs.model import Exchange, Pack
from store import database
from store.model import Insert, from_micros, to_micros
from sync import files, held, slots
from sync.feed import ERASED
from sync.models import Erasing, ExchangeFile, FeedRow
from sync.outbound import KEEP, Exporter

log = structlog.get_logger("mlango")

EVERY: Final = timedelta(days=1)
REMOVED: Final = "removed"
ANEW: Final = "written anew"

_CHUNK: Final = 1 << 20
_OVERLAP: Final = 64  # octets: as long as a number with what may stand between its digits
_MOST_OCTETS: Final = 200_000_000  # unpacked; who packs more has something to hide
_PACKED: Final = b"PK"
_SEALED: Final = (b"%PDF", b"\xd0\xcf\x11\xe0")  # what we refuse, and cannot look into
# Three times three digits, however they are set apart; where they overlap with others, too
_NUMBER: Final = re.compile(
    rb"(?<![0-9])(?=([2-9][0-9]{2})[^0-9A-Za-z<>]{0,4}([0-9]{3})[^0-9A-Za-z<>]{0,4}([0-9]{3})(?![0-9]))"
)
_BETWEEN: Final = bytes(
    octet for octet in range(256) if not chr(octet).isalnum() or octet > 127
)  # what may stand there


class _Sought(NamedTuple):
    """What is looked for: a row of the table `erasing`."""

    id: str
    ref: str
    since: int
    until: int


class _Case(NamedTuple):
    id: str
    ref: str
    about: str | None
    received_at: int
    state_since: int
    version: int


# In the transaction that erases


def drop_waiting(citizen_id: str) -> int:
    """Let go of what offices said of a citizen's cases and what waits since; how many rows that were."""
    found = database.rows(
        database.main,
        "SELECT id FROM update_row WHERE state IN ('waiting', 'review') AND state = 'waiting' "
        "AND case_id IN (SELECT id FROM cases WHERE citizen_id = ?)",
        citizen_id,
    )
    held.drop([row_id for (row_id,) in found])
    return len(found)


def begin(citizen_id: str, pack: Pack, now: datetime, *, thorough: bool) -> None:
    """Have the offices told, and note what to look for in which folders.

    `thorough`: whatever they may still send back is looked through as well. Else, of what ended long ago, only files of
    its own time are, and those are hardly ever there any more.
    """
    feed, erasing = [], []
    for case, offices in _offices(citizen_id):
        deaf = {pack.desk, *barred(pack, case.about)}
        for agency in sorted(offices):
            if agency not in deaf and pack.exchange(agency).transport != "open311":
                feed.append(_farewell(case, agency, now))
            if _may_be_told(case, agency, pack, thorough=thorough):
                until = now + KEEP if thorough else now
                found = {"agency": agency, "ref": case.ref, "since": from_micros(case.received_at), "until": until}
                erasing.append(found)
    _feed(feed)
    _note(erasing)


def _offices(citizen_id: str) -> Iterator[tuple[_Case, set[str]]]:
    """The cases of a citizen, each with every office that ever had it."""
    had: dict[str, set[str]] = {}
    for case, facts in database.rows(
        database.main,
        "SELECT case_id, facts FROM case_event WHERE case_id IN (SELECT id FROM cases WHERE citizen_id = ?) "
        "AND facts LIKE ?",
        *(citizen_id, '%"agency"%'),
    ):
        had.setdefault(case, set()).add(orjson.loads(facts)["agency"])
    for agency, *case in database.rows(
        database.main,
        "SELECT agency, id, ref, about, received_at, state_since, version FROM cases WHERE citizen_id = ? ORDER BY id",
        citizen_id,
    ):
        found = _Case(*case)
        yield found, {agency, *had.get(found.id, ())}


def _farewell(case: _Case, agency: str, now: datetime) -> dict[str, Any]:
    snapshot = orjson.dumps({"version": case.version}).decode()
    return {"agency": agency, "case": case.id, "seq": 0, "kind": ERASED, "snapshot": snapshot, "recorded_at": now}


def _may_be_told(case: _Case, agency: str, pack: Pack, *, thorough: bool) -> bool:
    """Whether a file on this disk may tell of a case. A day may pass until news are in a file, or many."""
    if thorough and agency in pack.exchanges:
        return True
    kept = "SELECT 1 FROM exchange_file WHERE removed_at IS NULL AND agency = ? AND made_at >= ? AND made_at <= ?"
    last = to_micros(from_micros(case.state_since) + KEEP) if not thorough else 2**62
    return bool(database.rows(database.main, f"{kept} LIMIT 1", agency, case.received_at, last))


_feed: Final = Insert(FeedRow)
_note: Final = Insert(Erasing)


# After it


def clean(exporter: Exporter, pack: Pack, home: Path, now: datetime) -> Counter[str]:
    """Go through the files of the offices whose turn it is; how many were removed and how many written anew.

    An office that somebody is at work with is left for the next time.
    """
    done: Counter[str] = Counter()
    for agency, rows in _due(now).items():
        try:
            with slots.alone(files.folder(home, agency), agency), files.alone(home, agency, patient=False):
                done += _Cleaning(exporter, pack.exchange(agency), home, rows, now).run()
        except (slots.Busy, BlockingIOError):
            continue
        except OSError:
            log.exception("exchange_files_not_erased", agency=agency)
            continue
        _settle(rows, now)
    return done


def _due(now: datetime) -> dict[str, list[_Sought]]:
    """What to look for, by office, if anything of the office's is due."""
    rows = database.rows(
        database.main,
        "SELECT agency, id, ref, since, until FROM erasing WHERE agency IN "
        "(SELECT agency FROM erasing WHERE looked_at IS NULL OR looked_at <= ?) ORDER BY agency, id",
        to_micros(now - EVERY),
    )
    due: dict[str, list[_Sought]] = {}
    for agency, *row in rows:
        due.setdefault(agency, []).append(_Sought(*row))
    return due


def _settle(rows: Sequence[_Sought], now: datetime) -> None:
    """These were looked for, those whose time is over for the last time."""
    ids, moment = [row.id for row in rows], to_micros(now)
    these = f"id IN ({', '.join('?' * len(ids))})"
    database.run(database.main, f"UPDATE erasing SET looked_at = ? WHERE {these}", moment, *ids)
    database.run(database.main, f"DELETE FROM erasing WHERE until <= ? AND {these}", moment, *ids)


class _Cleaning:
    """Goes through the folders of one office, which nobody else is at work in."""

    def __init__(
        self, exporter: Exporter, exchange: Exchange, home: Path, rows: Sequence[_Sought], now: datetime
    ) -> None:
        self._exporter, self._agency, self._home, self._now = exporter, exchange.agency, home, now
        self._refs = frozenset(row.ref for row in rows)
        self._since = from_micros(min(row.since for row in rows))
        self._out, self._in = files.out(home, self._agency), files.in_(home, self._agency)
        # There an office puts its files itself, and they lie there until they are read
        self._is_letterbox = exchange.transport == "folder" and not exchange.address
        self._kept = {(file.direction, file.name): file for file in files.kept(self._agency)}

    def run(self) -> Counter[str]:
        telling = [(path, file) for path, file in self._files() if self._tells(path, file)]
        anew = [path.name for path, file in telling if _is_of_the_chain(file)]
        others = [(path, file) for path, file in telling if not _is_of_the_chain(file)]
        self._exporter.anew(self._agency, anew, self._now)
        made_up = self._make_up_for([file for _, file in others if file])
        for path, file in others:
            if path != made_up:
                self._put_out(path, file)
        return Counter({ANEW: len(anew), REMOVED: len(others) + self._sweep_up()}) + Counter()  # without zeros

    def _files(self) -> Iterator[tuple[Path, ExchangeFile | None]]:
        """What is for the office, and what of it was read, each with what is known of it."""
        for path in sorted(self._out.iterdir()):
            if path.is_file() and not path.name.startswith(".") and not path.name.endswith(_NOTES):
                yield path, self._kept.get(("out", path.name))
        for path in filter(Path.is_file, sorted(self._in.rglob("[!.]*"))):
            file = self._read_as(path)
            if file or not self._is_letterbox or path.parent != self._in:
                yield path, file

    def _read_as(self, path: Path) -> ExchangeFile | None:
        """What is known of a file that was read; of another one that came under its name that is not known."""
        file = self._kept.get(("in", path.name))
        return file if file and file.state in _READ and file.sha256 == files.digest(path) else None

    def _tells(self, path: Path, file: ExchangeFile | None) -> bool:
        if file and file.made_at < self._since:
            return False
        if file and file.kind in ("events", "repeat"):
            return _has_words_of(path, self._refs)
        return _names(path, self._refs)

    def _make_up_for(self, gone: Sequence[ExchangeFile]) -> Path | None:
        """A repeat for what the office may not have. Where we only lay files down, nobody knows what was fetched."""
        events = [
            self._exporter.begins_at(file)
            for file in gone
            if file.kind in ("events", "repeat") and (self._is_letterbox or file.state != "delivered")
        ]
        return self._exporter.repeat(self._agency, min(events), self._now).path if events else None

    def _put_out(self, path: Path, file: ExchangeFile | None) -> None:
        if file is None:
            path.unlink(missing_ok=True)
        elif file.direction == "in":
            path.unlink(missing_ok=True)
            files.mark_removed([file], self._now)
        elif file.state == "delivered":
            files.remove(self._home, [file], self._now)
        else:
            files.forget(self._home, file)

    def _sweep_up(self) -> int:
        """What somebody who died was writing; nobody is writing now."""
        left = [path for folder in (self._out.parent, self._out, self._in) for path in folder.glob(_LEFT)]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


def _is_of_the_chain(file: ExchangeFile | None) -> bool:
    """Whether it is an event file that was not delivered yet: it is written anew, since the next one names it."""
    return file is not None and file.kind == "events" and file.state in ("making", "made")


_READ: Final = ("applied", "refused")
_NOTES: Final = (files.MANIFEST, ".ack.json")  # tell of files, and of nobody
_LEFT: Final = f".*{files.UNFINISHED}"


# What a file tells


def _has_words_of(path: Path, refs: Collection[str]) -> bool:
    """Whether an event file has what somebody said in one of these cases, or their number. It may name the cases."""
    with path.open("rb") as octets:
        if not _says(octets, refs):
            return False
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return any(row["case_ref"] in refs and (row["summary"] or row["contact"]) for row in csv.DictReader(file))
    except (KeyError, UnicodeDecodeError, csv.Error):  # somebody was at work on it
        return True


def _names(path: Path, refs: Collection[str]) -> bool:
    """Whether one of these cases is named anywhere in a file; also if nobody can tell."""
    with path.open("rb") as file:
        begin = file.read(max(map(len, _SEALED)))
        file.seek(0)
        if begin.startswith(_SEALED):
            return True
        if not begin.startswith(_PACKED):
            return _says(file, refs)
        try:
            with ZipFile(file) as archive:
                return _is_too_big(archive) or any(_says(archive.open(part), refs) for part in archive.infolist())
        except (BadZipFile, LZMAError, zlib.error, OSError, EOFError, RuntimeError):  # damaged, or with a password
            return True


def _is_too_big(archive: ZipFile) -> bool:
    return sum(part.file_size for part in archive.infolist()) > _MOST_OCTETS


def _says(file: IO[bytes], refs: Collection[str]) -> bool:
    """Most pieces have no such digits in a row, whatever stands between them: that is told a hundred times faster."""
    wanted = [ref.encode() for ref in refs]
    return any(
        b"".join(number.groups()) in wanted
        for some in _pieces(file)
        if any(ref in some.translate(None, _BETWEEN) for ref in wanted)
        for number in _NUMBER.finditer(some)
    )


def _pieces(file: IO[bytes]) -> Iterable[bytes]:
    """A file piece by piece, each with the end of the one before; of UTF-16 what is left without its zeros."""
    before = b""
    while some := file.read(_CHUNK):
        before = before[-_OVERLAP:] + some.replace(b"\0", b"")
        yield before
