"""The folders and files of a gammu-smsd (service `files`): who may be writing them, and what their names say.

The daemon sends what lies in `outbox/`, in the order of the names, and moves it to `sent/` or `error/`; what the SIM
card receives it puts into `inbox/`. Our own folder beside them, `mlango/`, holds what is being handed over (`taken/`),
what still waits for a report (`awaited/`) and what no citizen sent (`aside/`).

Daemon, worker and relay move files at the same time: what was there a moment ago may be gone.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sms_gateway import smsbackup

GIVE_UP_AFTER: Final = timedelta(hours=24)  # for the modem to send a message
_FIRST_RETRY: Final = timedelta(minutes=1)
_JUST_NOW: Final = timedelta(hours=1)  # so soon nobody sends a message again but by mistake
_QUIET: Final = timedelta(seconds=2)  # the daemon writes in place: a file that young may be half a message

# The id goes into the name, whose end the daemon does not look at. The number does not: names stand in its log.
_OURS: Final = re.compile(r"OUTC(?P<at>\d{8}_\d{6}_\d{6})_(?P<id>[0-9A-Za-z-]{1,40})_(?P<attempt>\d\d)\.smsbackup")
_RECEIVED: Final = re.compile(
    r"IN(?P<at>\d{8}_\d{6})_(?P<serial>\d\d)_(?P<sender>.*)_(?P<part>\d\d)\.(?P<kind>txt|bin|smsbackup)"
)
_AWAITED: Final = re.compile(r"(?P<id>[0-9A-Za-z-]{1,40})_(?P<msisdn>\+\d+)_(?P<reference>\d*)")


@dataclass(frozen=True, slots=True)
class Spool:
    """The folders of one daemon: those that Debian's package makes, and ours."""

    root: Path

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox"

    @property
    def sent(self) -> Path:
        return self.root / "sent"

    @property
    def error(self) -> Path:
        return self.root / "error"

    @property
    def taken(self) -> Path:
        return self.root / "mlango" / "taken"

    @property
    def awaited(self) -> Path:
        return self.root / "mlango" / "awaited"

    @property
    def aside(self) -> Path:
        return self.root / "mlango" / "aside"

    def make(self) -> None:
        """Make our own folders in a spool that is there. Raises OSError."""
        self.inbox.stat()
        for folder in (self.taken.parent, self.taken, self.awaited, self.aside):
            folder.mkdir(exist_ok=True)

    def ids(self, now: datetime) -> set[str]:
        """Of all messages of ours that lie in the spool or left it just now. Raises OSError.

        The folders are looked at in the order in which a message goes through them, so that none slips past.
        """
        names = [path.name for folder in (self.outbox, self.error, self.sent) for path in files(folder)]
        names += [name for _, _, inside in os.walk(self.taken) for name in inside]
        ours = {one.id for one in map(Outgoing.of, names) if one}
        awaiting = self.awaiting() if self.awaited.is_dir() else []
        return ours | {one.id for one in awaiting if age(one.path, now) < _JUST_NOW}

    def waiting(self) -> list[Outgoing]:
        """Our messages in the outbox, the oldest first. Raises OSError."""
        return [one for path in files(self.outbox) if (one := Outgoing.of(path.name))]

    def awaiting(self, folder: Path | None = None) -> list[Awaited]:
        """The messages that were sent and wait for a report. Raises OSError."""
        return [one for path in files(folder or self.awaited) if (one := Awaited.of(path))]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message of ours in the spool, by its file's name. `at` is when it was put there, `attempt` counts from 0."""

    id: str
    at: datetime
    attempt: int

    @classmethod
    def of(cls, name: str) -> Outgoing | None:
        """None for a file that somebody else put there."""
        found = _OURS.fullmatch(name)
        if not found:
            return None
        at = datetime.strptime(found["at"], "%Y%m%d_%H%M%S_%f").replace(tzinfo=UTC)
        return cls(found["id"], at, int(found["attempt"]))

    @property
    def name(self) -> str:
        return f"OUTC{self.at.astimezone(UTC):%Y%m%d_%H%M%S_%f}_{self.id}_{self.attempt:02}.smsbackup"

    def may_be_tried_again(self, now: datetime) -> bool:
        """When it is one minute old, three, seven and so on."""
        return now >= self.at + _FIRST_RETRY * (2 ** (self.attempt + 1) - 1) and not self.is_given_up(now)

    def is_given_up(self, now: datetime) -> bool:
        return now - self.at >= GIVE_UP_AFTER


@dataclass(frozen=True, slots=True)
class Awaited:
    """A message that was sent, by the empty file that remembers it. `reference` is '' where the daemon noted none."""

    id: str
    msisdn: str
    reference: str
    path: Path

    @classmethod
    def of(cls, path: Path) -> Awaited | None:
        found = _AWAITED.fullmatch(path.name)
        return cls(found["id"], found["msisdn"], found["reference"], path) if found else None

    @staticmethod
    def name_of(message_id: str, content: str) -> str | None:
        """The name to remember a sent file by; None for one that the daemon left damaged."""
        parts, reference = smsbackup.read(content), smsbackup.recorded_reference(content)
        return f"{message_id}_{parts[0].number}_{'' if reference is None else reference}" if parts else None


@dataclass(slots=True)
class Arrival:
    """A message or report that came, whole. `text` is None if it could not be read."""

    sender: str
    at: str  # as gammu writes it: 20261123T091500Z, or 20261123_091500 in the network's local time
    text: str | None
    is_report: bool
    reference: int | None
    paths: list[Path]

    @property
    def sent_at(self) -> datetime | None:
        """Without Z it is the network's local time, which is taken for this box's."""
        try:
            read = datetime.strptime(f"{self.at.removesuffix('Z').replace('_', 'T')}+0000", "%Y%m%dT%H%M%S%z")
            return read if self.at.endswith("Z") else read.replace(tzinfo=None).astimezone(UTC)
        except (ValueError, OverflowError):
            return None


def sender_of(path: Path) -> str | None:
    """Who sent what lies in a received file; None if it is none."""
    found = _RECEIVED.fullmatch(path.name)
    return found["sender"] if found else None


def arrivals(paths: Iterable[Path]) -> Iterator[Arrival]:
    """Read received files, the oldest first: each whole in the format "detail", one a part in the other two."""
    begun: dict[tuple[str, str], Arrival] = {}
    for path in sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name)):
        found = _RECEIVED.fullmatch(path.name)
        if not found:
            continue
        sender, content = found["sender"], path.read_bytes()
        parts = smsbackup.read(content.decode("utf-8", "replace"))
        if parts and all(part.number == sender for part in parts):  # else it is somebody's text that looks like it
            yield _whole(parts, path)
            continue
        text = None if found["kind"] == "bin" else _plain(content)
        thread = begun.get((found["serial"], sender))
        if thread and thread.text is not None and text is not None and int(found["part"]) == len(thread.paths):
            thread.text += text
            thread.paths.append(path)
        else:
            begun[found["serial"], sender] = Arrival(sender, found["at"], text, False, None, [path])
            if thread:
                yield thread
    yield from begun.values()


def _whole(parts: Sequence[smsbackup.Part], path: Path) -> Arrival:
    first, texts = parts[0], [part.text for part in parts if part.text is not None]
    text = "".join(texts) if len(texts) == len(parts) else None
    return Arrival(first.number, first.at, text, first.is_report, first.reference, [path])


def _plain(content: bytes) -> str:
    """The format "unicode" begins with a byte order mark; "standard" is in the daemon's own character set.

    In "unicode" release 1.42 writes whatever lies behind the text in its memory, as soon as a letter is not in ASCII.
    """
    if content[:2] in {b"\xfe\xff", b"\xff\xfe"}:
        return content[: len(content) // 2 * 2].decode("utf-16", "replace").partition("\x00")[0]
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def files(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden, by name. Raises OSError."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def age(path: Path, now: datetime) -> timedelta:
    """Since a file was last written; no time at all if it is gone."""
    try:
        return now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return timedelta()


def is_settled(path: Path, now: datetime) -> bool:
    """Whether nobody is writing it any more. A file from the future is old: the clock was put back."""
    return not timedelta() <= age(path, now) < _QUIET


def is_damaged(path: Path, now: datetime) -> bool:
    """Whether a message of ours is not whole: the daemon notes references in place, and the power may fail then."""
    try:
        return is_settled(path, now) and not is_whole(path.read_text("utf-8", "replace"))
    except FileNotFoundError:
        return False


def is_whole(content: str) -> bool:
    """Whether a message of ours has all its words."""
    parts = smsbackup.read(content)
    return bool(parts) and all(part.text is not None for part in parts)


def write_durably(path: Path, content: str) -> None:
    """Write a file that is on the disk, and that the daemon may read: it shares the folder's group. Raises OSError."""
    with path.open("w", encoding="ascii") as file:
        with contextlib.suppress(PermissionError):
            os.fchown(file.fileno(), -1, path.parent.stat().st_gid)
        os.fchmod(file.fileno(), 0o660)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """Let the names in a folder be on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
