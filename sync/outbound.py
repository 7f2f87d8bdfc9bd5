"""The daily event file of an office: what happened to its cases since the file before, in a chain without gaps.

A file is begun by a row in the state `making`, which has its number. Then it takes the waiting rows of the feed, a
thousand in a transaction; then it is written, and after it its manifest; then the row says `made`. Whoever dies on the
way leaves either rows that are taken, and the next run writes the same file with them; or a whole file whose manifest
fits, and the next run only notes that it is there. So no row is lost and none is in two files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from cases import checkpoints
from cases.citizens import Citizens
from packs.model import Pack
from store import database
from store.model import Insert, Select, new_id, node_name, to_micros
from sync import files, manifest
from sync.lines import HEADER, Lines, iso
from sync.manifest import BadManifest, Keys, Manifest
from sync.models import ExchangeFile
from sync.sheet import write_csv

KEEP: Final = timedelta(days=90)  # what an office may ask for once more
_TAKEN_AT_ONCE: Final = 1_000
_NUMBERED: Final = re.compile(rf"out_.+_(\d+){re.escape(files.MANIFEST)}")

Progress = Callable[[int], object]


class NotKept(Exception):
    """A file that is asked for once more is not here; the message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Made:
    """An event file and its manifest. Of a dry run: what they would be; nothing is on disk."""

    path: Path
    manifest: Path
    rows: int
    seq: int | None  # None: a repeat, which is outside the chain


class Exporter:
    """Makes event files. `home` is MLANGO_HOME; `keys` gives the key that is shared with each office."""

    def __init__(self, citizens: Citizens, pack: Callable[[], Pack], home: Path, keys: Keys) -> None:
        self._citizens, self._pack, self._home, self._keys = citizens, pack, home, keys

    def make(
        self,
        agency: str,
        now: datetime,
        *,
        since: datetime | None = None,
        dry_run: bool = False,
        progress: Progress = lambda _: None,
    ) -> Made:
        """The file of all that waits. Nothing does? Its header alone then tells the office that the line is alive.

        `since`: instead a repeat of the files that were made since then. It takes nothing of what waits.
        `progress` is told how many rows were just written.
        """
        if dry_run:
            return self._rehearsed(agency, now, since)
        with files.alone(self._home, agency):
            if since:
                return self.repeat(agency, since, now, progress)
            finished = self._finish_begun(agency, now, progress)
            if finished:
                self._relink(agency, now)
            if finished and not waiting(agency):
                return finished
            return self._finish(self._begin(agency, now), now, progress)

    def again(self, agency: str, seq: int) -> Made:
        """The file with this number, as it was sent. Raises NotKept."""
        file = _numbered(agency, seq)
        if file is None or file.state == "making":
            raise NotKept(f"There is no event file {seq} for {agency}.")
        made = self._made(file)
        if not made.path.exists():
            raise NotKept(f"{file.name} is no longer on disk. Files are kept {KEEP.days} days.")
        return made

    # The chain

    def _begin(self, agency: str, now: datetime) -> ExchangeFile:
        seq = self._next_seq(agency)
        row: dict[str, Any] = {
            "id": new_id(),
            "node": node_name(),
            "direction": "out",
            "kind": "events",
            "agency": agency,
            "name": self._name(agency, seq, now),
            "seq": seq,
            "day": self._day(now),
            "previous": self._digest_before(agency, seq),
            "state": "making",
            "made_at": now,
        }
        with database.transaction():
            _insert([row])
        return _files("WHERE id = ?", row["id"])[0]

    def _next_seq(self, agency: str) -> int:
        """Files on disk count, too: a database that was restored from a backup uses no number a second time."""
        known = database.rows(database.main, f"SELECT MAX(seq) FROM exchange_file {_CHAIN}", agency)[0][0] or 0
        return 1 + max([known, *self._lost(agency, known)])

    def _digest_before(self, agency: str, seq: int) -> str | None:
        """The SHA-256 of the file with the number before `seq`, by the database or else by its manifest on disk."""
        before = _numbered(agency, seq - 1)
        if before:
            return before.sha256
        lost = self._lost(agency, seq - 2).get(seq - 1)
        return lost.sha256 if lost else None

    def _lost(self, agency: str, after: int) -> dict[int, Manifest]:
        """What lies on disk of the chain after that number, and is ours: an office may write into its folder, too."""
        found: dict[int, Manifest] = {}
        for path in self._folder(agency).iterdir():
            match = _NUMBERED.fullmatch(path.name)
            seq = int(match[1]) if match else 0
            if seq > after:
                with suppress(OSError, BadManifest):
                    note = manifest.read(path, self._keys)
                    if (note.agency, note.seq) == (agency, seq):
                        found[seq] = note
        return found

    def _finish_begun(self, agency: str, now: datetime, progress: Progress) -> Made | None:
        """The file that somebody began and did not end, brought to its end; None if there is none."""
        begun = _files(f"{_CHAIN} AND state = 'making'", agency)
        if not begun:
            return None
        made = self._made(begun[0])
        try:
            return self._noted(begun[0], manifest.check(made.path, self._keys), now)
        except (OSError, BadManifest):  # not whole yet, so that no reader can have taken it
            return self._finish(begun[0], now, progress)

    def _finish(self, file: ExchangeFile, now: datetime, progress: Progress) -> Made:
        _take_waiting(file)
        return self._noted(file, self._write(file, [file.id], now, progress), now)

    def _noted(self, file: ExchangeFile, note: Manifest, now: datetime) -> Made:
        database.run(
            database.main,
            "UPDATE exchange_file SET state = 'made', sha256 = ?, bytes = ?, rows = ?, made_at = ? WHERE id = ?",
            *(note.sha256, note.bytes, note.rows, to_micros(now), file.id),
        )
        file.rows = note.rows
        return self._made(file)

    # Anew

    def anew(self, agency: str, names: Collection[str], now: datetime) -> None:
        """Write files of the chain that were not delivered yet anew, with what may be told by now, one after the other.

        Files that follow them get new manifests. Who calls has the office's folder alone (`files.alone`). Whatever
        stops it on the way: `make` brings it to its end.
        """
        self._finish_begun(agency, now, lambda _: None)
        for name in names:
            self._write_anew(agency, name, now)
        self._relink(agency, now)

    def begins_at(self, file: ExchangeFile) -> datetime:
        """From when on a file tells what happened, if it is a repeat; else when it was made."""
        since = None
        with suppress(OSError, BadManifest):
            since = manifest.read(self._made(file).manifest, self._keys).repeat_since
        return datetime.fromisoformat(since) if since else file.made_at

    def _write_anew(self, agency: str, name: str, now: datetime) -> None:
        """It is begun once more: who dies here leaves what `_finish_begun` finds and cannot take for a whole file."""
        found = _files(f"{_CHAIN} AND name = ? AND state = 'made'", agency, name)
        for file in found:
            self._made(file).manifest.unlink(missing_ok=True)
            database.run(database.main, "UPDATE exchange_file SET state = 'making' WHERE id = ?", file.id)
            self._noted(file, self._write(file, [file.id], now, lambda _: None), file.made_at)

    def _relink(self, agency: str, now: datetime) -> None:
        """Have every file that was not delivered name the one before it as that is now."""
        for before, file in pairwise(_undelivered_chain(agency)):
            made = self._made(file)
            follows = file.seq == (before.seq or 0) + 1 and file.state == "made"
            if not follows or before.sha256 in (None, file.previous) or not made.path.exists():
                continue
            file.previous = before.sha256
            self._seal(self._note_on(made.path, file, file.rows, now, None), made)
            database.run(database.main, "UPDATE exchange_file SET previous = ? WHERE id = ?", file.previous, file.id)

    # Beside the chain

    def repeat(self, agency: str, since: datetime, now: datetime, progress: Progress = lambda _: None) -> Made:
        """A repeat of what was made since then. Who calls has the office's folder alone."""
        sent = [file.id for file in _sent_since(agency, since)]
        file = ExchangeFile(agency=agency, name=self._name_of_repeat(agency, now))
        note = self._write(file, sent, now, progress, since)
        made = replace(self._made(file), rows=note.rows)
        files.register(agency, "repeat", made.path, made.rows, now, day=self._day(now))
        return made

    def _rehearsed(self, agency: str, now: datetime, since: datetime | None) -> Made:
        begun = _files(f"{_CHAIN} AND state = 'making'", agency)
        if since:
            file = ExchangeFile(agency=agency, name=self._name_of_repeat(agency, now))
            file.rows = sum(sent.rows for sent in _sent_since(agency, since))
        elif begun:
            file = begun[0]
            file.rows = waiting(agency)
        else:
            seq = self._next_seq(agency)
            file = ExchangeFile(agency=agency, name=self._name(agency, seq, now), seq=seq, rows=waiting(agency))
        return self._made(file)

    # On disk

    def _write(
        self,
        file: ExchangeFile,
        taken_by: Sequence[str],
        now: datetime,
        progress: Progress,
        since: datetime | None = None,
    ) -> Manifest:
        """Write the rows that these files took, and then the manifest: who finds it finds all of the file."""
        made = self._made(file)
        lines = Lines(self._citizens, self._pack(), file.agency)
        with files.publish(made.path.parent, made.path.name) as out:
            write_csv(chain([HEADER], lines.of(taken_by, progress)), out)
        note = self._note_on(made.path, file, lines.written, now, since)
        self._seal(note, made)
        return note

    def _seal(self, note: Manifest, made: Made) -> None:
        with files.publish(made.manifest.parent, made.manifest.name) as out:
            out.write(manifest.written(note, self._keys.key_for(note.agency)))

    def _note_on(self, path: Path, file: ExchangeFile, rows: int, now: datetime, since: datetime | None) -> Manifest:
        sealed = checkpoints.newest(node_name())
        return Manifest(
            agency=file.agency,
            file=file.name,
            sha256=files.digest(path),
            bytes=path.stat().st_size,
            rows=rows,
            seq=file.seq,
            previous=file.previous,
            generated_at=iso(now, self._zone),
            key_id=self._keys.current,
            checkpoint={"node": sealed.node, "seq": sealed.seq, "root": sealed.root} if sealed else None,
            repeat_since=iso(since, self._zone) if since else None,
        )

    def _made(self, file: ExchangeFile) -> Made:
        path = self._folder(file.agency) / file.name
        return Made(path, files.manifest_of(path), file.rows, file.seq)

    def _folder(self, agency: str) -> Path:
        return files.out(self._home, agency)

    def _name(self, agency: str, seq: int, now: datetime) -> str:
        return f"out_{agency}_{now.astimezone(self._zone):%Y%m%d}_{seq:04}.csv"

    def _name_of_repeat(self, agency: str, now: datetime) -> str:
        return f"repeat_{agency}_{now.astimezone(self._zone):%Y%m%d_%H%M%S}.csv"

    def _day(self, now: datetime) -> str:
        return now.astimezone(self._zone).date().isoformat()

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._pack().zone)


def waiting(agency: str) -> int:
    """How many events an office was not told yet: rows that no file took, and those of a file that is being made."""
    (row,) = database.rows(
        database.main,
        "SELECT (SELECT COUNT(*) FROM feed WHERE agency = ? AND file_id IS NULL) + "
        f"(SELECT COUNT(*) FROM feed WHERE file_id IN (SELECT id FROM exchange_file {_CHAIN} AND state = 'making'))",
        *(agency, agency),
    )
    return int(row[0])


def prune(pack: Pack, home: Path, now: datetime, keep: timedelta = KEEP) -> int:
    """Remove some of what is older than `keep`, in a short time: rows of the feed, and files on disk; how many went.

    What waits for the file of an office stays, however long the line to it is dead; and so do the rows of a file that
    was not delivered, since it may have to be written anew.
    """
    told = {agency for agency, exchange in pack.exchanges.items() if "events" in exchange.files}
    here = "SELECT id FROM exchange_file WHERE direction = 'out' AND state IN ('making', 'made')"
    gone = _forget(f"file_id IS NOT NULL AND file_id NOT IN ({here}) ORDER BY file_id, id", now - keep)
    for agency in _who_is_waited_for() - told:
        gone += _forget("file_id IS NULL AND agency = ? ORDER BY id", now - keep, agency)
    return gone + files.remove_old(home, now - keep, now)


def _forget(rows: str, before: datetime, *values: str) -> int:
    """Remove what was recorded before that moment, of the first thousand of these rows, which stand in their order."""
    found = database.rows(
        database.main, f"SELECT id, recorded_at FROM feed WHERE {rows} LIMIT {_TAKEN_AT_ONCE}", *values
    )
    old = [id for id, recorded_at in found if recorded_at < to_micros(before)]
    if old:
        database.run(database.main, f"DELETE FROM feed WHERE id IN ({', '.join('?' * len(old))})", *old)
    return len(old)


def _who_is_waited_for() -> set[str]:
    """The offices for which rows wait; a look at the index for each."""
    found, last = set(), ""
    after = "SELECT MIN(agency) FROM feed WHERE file_id IS NULL AND agency > ?"
    while (agency := database.rows(database.main, after, last)[0][0]) is not None:
        found.add(agency)
        last = agency
    return found


def _take_waiting(file: ExchangeFile) -> None:
    """Let a file take the rows that wait now; what comes meanwhile is for the next one."""
    (newest,) = database.rows(
        database.main, "SELECT MAX(id) FROM feed WHERE agency = ? AND file_id IS NULL", file.agency
    )[0]
    take = (
        "UPDATE feed SET file_id = ? WHERE id IN (SELECT id FROM feed WHERE agency = ? AND file_id IS NULL "
        f"AND id <= ? ORDER BY id LIMIT {_TAKEN_AT_ONCE})"
    )
    while newest and database.run(database.main, take, file.id, file.agency, newest).rowcount:
        pass


def _sent_since(agency: str, since: datetime) -> list[ExchangeFile]:
    return _files(f"{_CHAIN} AND state <> 'making' AND made_at >= ? ORDER BY seq", agency, to_micros(since))


def _undelivered_chain(agency: str) -> list[ExchangeFile]:
    """What was not delivered yet of the chain, and all between; first the file before that."""
    first = f"SELECT MIN(seq) FROM exchange_file {_CHAIN} AND state = 'made'"
    return _files(f"{_CHAIN} AND seq >= ({first}) - 1 ORDER BY seq", agency, agency)


def _numbered(agency: str, seq: int) -> ExchangeFile | None:
    found = _files(f"{_CHAIN} AND seq = ?", agency, seq)
    return found[0] if found else None


_CHAIN: Final = "WHERE agency = ? AND direction = 'out' AND kind = 'events'"
_files: Final = Select(ExchangeFile)
_insert: Final = Insert(ExchangeFile)
