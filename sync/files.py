"""The files of each office: where they lie, how they come to lie there whole, and which of them still have to go.

`MLANGO_HOME/exchange/{AGENCY}/out/` holds what goes to the office, `…/in/` what came from it. A file appears under its
name only when all of it is safely on disk; a reader never meets half of one.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import IO, Any, Final

from store import database
from store.model import Insert, Select, new_id, node_name, to_micros
from sync.models import ExchangeFile

MANIFEST: Final = ".manifest.json"  # takes the place of ".csv"
UNFINISHED: Final = ".part"  # the end of the name of what is still being written; no reader takes such a file
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def folder(home: Path, agency: str) -> Path:
    """The folder of an office. Raises ValueError for what cannot be an office's code, as a path would be."""
    if not _CODE.fullmatch(agency):
        raise ValueError(f"{agency!r} is not the code of an office")
    return home / "exchange" / agency


def out(home: Path, agency: str) -> Path:
    """Where the files for an office lie; made if need be."""
    return _made(folder(home, agency) / "out")


def in_(home: Path, agency: str) -> Path:
    """Where the files from an office lie; made if need be."""
    return _made(folder(home, agency) / "in")


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def alone(home: Path, agency: str, *, patient: bool = True) -> Iterator[None]:
    """Wait until nobody else makes files for this office, and keep others waiting. The system lets go for who dies.

    Who is not `patient` does not wait: raises BlockingIOError.
    """
    with (_made(folder(home, agency)) / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if patient else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextmanager
def publish(folder: Path, name: str) -> Iterator[IO[bytes]]:
    """Write a file that appears in `folder` under `name` when the block ends well: whole, safely on disk, at once.

    It replaces one of that name. If the block fails, nothing appears.
    """
    unfinished = folder / f".{name}{UNFINISHED}"
    try:
        with unfinished.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(folder / name)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder safely on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(path: Path) -> str:
    """The SHA-256 of a file, hex; read piece by piece."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def manifest_of(path: Path) -> Path:
    """Where the manifest of a data file lies."""
    return path.with_name(path.stem + MANIFEST)


# What goes out


def register(agency: str, kind: str, path: Path, rows: int, now: datetime, *, day: str | None = None) -> ExchangeFile:
    """Note that a file for an office was made and is to be delivered.

    A file made anew under the same name takes the place of the old one, and is delivered again.
    """
    row: dict[str, Any] = {
        "id": new_id(),
        "node": node_name(),
        "direction": "out",
        "kind": kind,
        "agency": agency,
        "name": path.name,
        "day": day,
        "sha256": digest(path),
        "rows": rows,
        "bytes": path.stat().st_size,
        "state": "made",
        "made_at": now,
    }
    with database.transaction():
        found = _named(agency, "out", path.name)
        if found:
            anew = {name: row[name] for name in ("kind", "day", "sha256", "rows", "bytes", "state", "made_at")}
            fresh = {"attempts": 0, "retry_at": None, "error": None, "delivered_at": None, "removed_at": None}
            ExchangeFile.update(**anew, **fresh).where(ExchangeFile.id == found.id).execute()
        else:
            _insert([row])
    return _files("WHERE id = ?", found.id if found else row["id"])[0]


def find(agency: str, name: str, direction: str = "out") -> ExchangeFile | None:
    """What is known of a file of this name."""
    return _named(agency, direction, name)


def undelivered(agency: str) -> list[ExchangeFile]:
    """The files that still have to go to an office, those made first first."""
    return _files("WHERE agency = ? AND direction = 'out' AND state = 'made' ORDER BY made_at, id", agency)


def parts(home: Path, file: ExchangeFile) -> list[Path]:
    """What is put for a file, in this order: itself, then its manifest if it has one."""
    path = (out if file.direction == "out" else in_)(home, file.agency) / file.name
    manifest = manifest_of(path)
    return [path, manifest] if file.kind in ("events", "repeat") else [path]


def delivered(file: ExchangeFile, now: datetime) -> None:
    """The other end has it, whole. Unless it was made anew meanwhile: then that one still has to go."""
    database.run(
        database.main,
        "UPDATE exchange_file SET state = 'delivered', delivered_at = ?, attempts = attempts + 1, retry_at = NULL, "
        "error = NULL WHERE id = ? AND state = 'made' AND sha256 = ?",
        *(to_micros(now), file.id, file.sha256),
    )


def failed(file: ExchangeFile, error: str, retry_at: datetime | None = None) -> None:
    """It could not be delivered; `error` says why in one sentence. It stays among the undelivered."""
    database.run(
        database.main,
        "UPDATE exchange_file SET attempts = attempts + 1, error = ?, retry_at = ? WHERE id = ? AND state = 'made'",
        *(error, to_micros(retry_at) if retry_at else None, file.id),
    )


def remove_old(home: Path, before: datetime, now: datetime, most: int = 500) -> int:
    """Take files that were made before that moment off the disk, once they were delivered or read; how many went.

    What is known of them stays: that a name was used, and the chain of the event files. What an office put into its
    folder itself, and we put away there when it was read, goes by the day on which it was written.
    """
    old = _files(
        "WHERE removed_at IS NULL AND made_at < ? AND state IN ('delivered', 'applied', 'refused') "
        "ORDER BY made_at LIMIT ?",
        *(to_micros(before), most),
    )
    remove(home, old, now)
    put_away = [path for path in (home / "exchange").glob("*/in/done/*") if path.stat().st_mtime < before.timestamp()]
    for path in put_away:
        path.unlink(missing_ok=True)
    return len(old) + len(put_away)


def remove(home: Path, old: Sequence[ExchangeFile], now: datetime) -> None:
    """Take these files off the disk; what is known of them stays."""
    _unlink(home, old)
    mark_removed(old, now)


def mark_removed(old: Sequence[ExchangeFile], now: datetime) -> None:
    """These are no longer on disk."""
    if old:
        gone = f"UPDATE exchange_file SET removed_at = ? WHERE id IN ({', '.join('?' * len(old))})"
        database.run(database.main, gone, to_micros(now), *(file.id for file in old))


def forget(home: Path, file: ExchangeFile) -> None:
    """As if it had never been made: take it off the disk, and out of what is known."""
    _unlink(home, [file])
    database.run(database.main, "DELETE FROM exchange_file WHERE id = ?", file.id)


def _unlink(home: Path, old: Sequence[ExchangeFile]) -> None:
    for path in (path for file in old for path in parts(home, file)):
        path.unlink(missing_ok=True)


def kept(agency: str) -> list[ExchangeFile]:
    """All files there and back of an office that are still on disk, as far as we know."""
    return _files("WHERE agency = ? AND removed_at IS NULL ORDER BY id", agency)


def _named(agency: str, direction: str, name: str) -> ExchangeFile | None:
    found = _files("WHERE agency = ? AND direction = ? AND name = ?", agency, direction, name)
    return found[0] if found else None


_files: Final = Select(ExchangeFile)
_insert: Final = Insert(ExchangeFile)
