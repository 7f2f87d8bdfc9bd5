"""A folder as the way to an office: on this disk, on a stick, or on a share that is mounted here.

Sticks have FAT on them, and are pulled out at any moment; shares vanish. So nothing counts but what was written,
synced and renamed, and a folder that is not there is never made: it would lie below the place where the stick belongs.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Final

from sync.files import publish
from sync.transport import LinkFault
from sync.transports.notes import (
    CHUNK,
    MOST_OCTETS,
    READ_ME,
    READ_ME_TEXT,
    SETTLE_S,
    Log,
    in_order,
    is_update_file,
    misconfigured,
    nth_name,
    quiet,
    size_of,
    stamp,
)

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class Folder:
    """`base/out` is filled here, `base/in` by the office. Both are made if need be, `base` is not.

    A file in `in/` counts as whole when it stays the same for `settle_s` seconds. `base` may be our own folder of the
    office: then there is nothing to carry, and update files are handed out where they lie.
    """

    def __init__(self, base: Path, *, settle_s: float = SETTLE_S, log: Log = quiet) -> None:
        if not base.is_absolute():
            raise misconfigured(f"The folder {base} must be a whole path, beginning with /.")
        self._base, self._settle_s, self._log = base, settle_s, log
        self._stamps: dict[str, str] = {}

    def put(self, files: Sequence[Path]) -> None:
        with self._telling():
            out = self._made("out")
            for file in files:
                if not _is_there(file, out / file.name):
                    with file.open("rb") as source, publish(out, file.name) as target:
                        shutil.copyfileobj(source, target, CHUNK)

    def fetch(self, into: Path, known: Callable[[str, str], bool]) -> Iterator[Path]:
        with self._telling():
            self._stamps = self._settled()
        for name in in_order(self._stamps):
            if size_of(self._stamps[name]) > MOST_OCTETS:
                self._log("exchange_file_too_large", name=name, folder=str(self._base))
            elif known(name, self._stamps[name]):
                with contextlib.suppress(LinkFault):  # the last time that went wrong
                    self.took(name)
            else:
                with self._telling():
                    path = self._brought(name, into)
                if path:
                    yield path

    def took(self, name: str) -> None:
        """Move it to `in/done/`; but a clerk may have saved it anew meanwhile, and then it stays."""
        with self._telling():
            path = self._base / "in" / name
            if not path.exists() or self._stamps.get(name, _stamp(path.stat())) != _stamp(path.stat()):
                return
            done = self._made("in/done")
            names = (nth_name(name, number) for number in count(1))
            path.rename(next(place for place in map(done.joinpath, names) if not place.exists()))

    def close(self) -> None:
        """Nothing is held open."""

    def _made(self, inside: str) -> Path:
        """A folder of ours at the other end."""
        if not self._base.is_dir():
            raise LinkFault(f"The folder {self._base} is not there. Is the stick plugged in, the share mounted?")
        folder = self._base / inside
        if not folder.is_dir():
            folder.mkdir()
            read_me = self._base / READ_ME
            if not read_me.exists():
                read_me.write_text(READ_ME_TEXT, encoding="utf-8", newline="")
        return folder

    def _settled(self) -> dict[str, str]:
        """The update files that nobody is writing any more, and how each of them stands."""
        seen = self._listed()
        if seen:
            time.sleep(self._settle_s)
        return dict(seen.items() & self._listed().items())

    def _listed(self) -> dict[str, str]:
        with os.scandir(self._made("in")) as entries:
            return {
                entry.name: _stamp(entry.stat(follow_symlinks=False))
                for entry in entries
                if is_update_file(entry.name) and entry.is_file(follow_symlinks=False)
            }

    def _brought(self, name: str, into: Path) -> Path | None:
        """The file, whole, in `into`; None if it changes under our hands after all."""
        path = self._base / "in" / name
        if into.exists() and into.samefile(path.parent):
            return path
        with contextlib.suppress(_Changed):
            # No link: what a stick points to on this box is not an office's file.
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as source, publish(into, name) as target:
                shutil.copyfileobj(source, target, CHUNK)
                if _stamp(os.fstat(source.fileno())) != self._stamps[name]:
                    raise _Changed
            return into / name
        return None

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """What the system refuses becomes a sentence."""
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise LinkFault(f"There is no room left in {self._base}, or on this box.") from error
            forbidden = error.errno in _FORBIDDEN
            reason = "may not be used" if forbidden else "cannot be used (was the stick taken out?)"
            named = f": {error.strerror} ({error.filename})" if error.filename else f": {error.strerror}"
            raise LinkFault(f"The folder {self._base} {reason}{named}.", permanent=forbidden) from error


class _Changed(Exception):
    """A file changed while it was read."""


def _is_there(file: Path, other: Path) -> bool:
    return other.exists() and (other.samefile(file) or filecmp.cmp(file, other, shallow=False))


def _stamp(found: os.stat_result) -> str:
    return stamp(found.st_size, found.st_mtime)
