"""SFTP as the way to an office: its server, our key or password, and its host key checked before anything is said.

asyncssh speaks it, in a loop with a thread of its own, so that the line stays alive while we work on what it brought.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import Final, TypeVar, cast
from urllib.parse import unquote, urlsplit

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_REGULAR

from sync.files import publish
from sync.transport import LinkFault
from sync.transports.notes import (
    CHUNK,
    CONNECT_S,
    IDLE_S,
    MOST_NAMES,
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

T = TypeVar("T")
_KEEPALIVE_S: Final = 15
_Sentence = tuple[type[Exception] | tuple[type[Exception], ...], bool, str]
# What is wrong → whether only a person can mend it, and how we say it. The first that fits.
_SENTENCES: Final[tuple[_Sentence, ...]] = (
    (asyncssh.PermissionDenied, True, "{host} does not let {user} in: are the key and the password right?"),
    (
        (asyncssh.KeyExchangeFailed, asyncssh.ProtocolNotSupported),
        True,
        "{host} speaks no SSH that counts as safe ({said}).",
    ),
    (asyncssh.ChannelOpenError, True, "{host} lets {user} in but offers no SFTP ({said})."),
    (asyncssh.SFTPNoSuchFile, True, "{host} has no folder {folder}: the office has to make it."),
    (
        (asyncssh.SFTPPermissionDenied, asyncssh.SFTPWriteProtect),
        True,
        "{user} may not read and write in {folder} at {host}.",
    ),
    ((asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded), False, "{host} has no room left."),
    (
        (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.DisconnectError),
        False,
        "The line to {host} broke ({said}).",
    ),
    (asyncssh.Error, False, "{host} refuses ({said}). Perhaps its disk is full."),
    (TimeoutError, False, "{host} was silent for {idle:.0f} seconds."),
    (socket.gaierror, False, "The name {host} is not found. Is there a network?"),
    (OSError, False, "{host} does not answer ({said})."),
)

logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it tells of every connection


@dataclass(frozen=True, slots=True)
class Place:
    """Where on which server. A `folder` of "." is the one that the user comes to when logging in."""

    host: str
    port: int
    user: str
    folder: PurePosixPath

    @classmethod
    def of(cls, address: str) -> Place:
        """From `sftp://user@host:22/path`; no path, or `/~/path`, begins where the user logs in. Raises LinkFault."""
        try:
            parts = urlsplit(address)
            host, port, user = parts.hostname, parts.port or 22, unquote(parts.username or "")
        except ValueError:
            host, port, user = None, 22, ""
        if not host or not user or parts.scheme != "sftp" or parts.password is not None:
            raise misconfigured("The address must be like sftp://user@host:22/path, and have no password in it.")
        path = unquote(parts.path)
        relative = "." if path in ("", "/") else path.removeprefix("/~/")
        return cls(host, port, user, PurePosixPath(relative))


class Sftp:
    """`out/` and `in/` below the address. We log in with `key_file` where there is one, and `password` if asked for it.

    `host_key` is the server's public key as in `ssh-ed25519 AAAA…`; another one ends everything. A file in `in/` counts
    as whole when it stays the same for `settle_s` seconds.
    """

    def __init__(
        self,
        address: str,
        host_key: str,
        password: str = "",
        key_file: Path | None = None,
        *,
        connect_s: float = CONNECT_S,
        idle_s: float = IDLE_S,
        settle_s: float = SETTLE_S,
        log: Log = quiet,
    ) -> None:
        self._place = Place.of(address)
        self._door = _Door(self._place, host_key, password, key_file, connect_s, idle_s)
        self._idle_s, self._settle_s, self._log = idle_s, settle_s, log
        self._loop = _Loop()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._stamps: dict[str, str] = {}

    def put(self, files: Sequence[Path]) -> None:
        for file in files:
            self._do(self._send(file))

    def fetch(self, into: Path, known: Callable[[str, str], bool]) -> Iterator[Path]:
        self._stamps = self._do(self._settled())
        for name in in_order(self._stamps):
            if size_of(self._stamps[name]) > MOST_OCTETS:
                self._log("exchange_file_too_large", name=name, host=self._place.host)
            elif known(name, self._stamps[name]):
                with suppress(LinkFault):  # the last time that went wrong
                    self.took(name)
            elif self._do(self._bring(name, into)):
                yield into / name

    def took(self, name: str) -> None:
        """Move it to `in/done/`; but somebody may have written it anew meanwhile, and then it stays."""
        self._do(self._put_away(name))

    def close(self) -> None:
        if self._connection:
            self._loop.run(self._hang_up())
        self._loop.end()

    def _do(self, work: Coroutine[object, object, T]) -> T:
        """Have work done in the loop. After a fault the line is new."""
        try:
            return self._loop.run(work)
        except (OSError, asyncssh.Error) as error:
            self._loop.run(self._hang_up())
            raise self._fault(error) from error
        except LinkFault:
            self._loop.run(self._hang_up())
            raise

    async def _line(self) -> asyncssh.SFTPClient:
        """The line that is up, or a new one, with both folders at its end."""
        if self._client is None or self._connection is None or self._connection.is_closed():
            self._connection = await self._door.open()
            self._client = await self._soon(self._connection.start_sftp_client(path_errors="surrogateescape"))
            for folder in ("out", "in"):
                await self._make(self._client, folder)
        return self._client

    async def _hang_up(self) -> None:
        if self._connection:
            self._connection.abort()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._connection.wait_closed(), self._idle_s)
        self._connection = self._client = None

    async def _make(self, line: asyncssh.SFTPClient, inside: str) -> None:
        """A folder of ours at the other end; the one it lies in is the office's to make."""
        path = self._path(inside)
        if not await self._soon(line.exists(path)):
            await self._soon(line.mkdir(path))
            read_me = self._path(READ_ME)
            if not await self._soon(line.exists(read_me)):
                async with self._opened(line, read_me, "xb") as file:
                    await self._soon(file.write(READ_ME_TEXT.encode()))

    async def _send(self, file: Path) -> None:
        line, target = await self._line(), self._path(f"out/{file.name}")
        ours = file.stat()
        if await self._stamp(line, target) == stamp(ours.st_size, ours.st_mtime):
            return
        unfinished = self._path(f"out/.{file.name}.part")
        with file.open("rb") as source:
            async with self._opened(line, unfinished, "wb") as sink:
                while chunk := source.read(CHUNK):
                    await self._soon(sink.write(chunk))
                with suppress(asyncssh.SFTPOpUnsupported):
                    await self._soon(sink.fsync())
        with suppress(asyncssh.SFTPError):  # only so that a repeat can tell that it is there
            await self._soon(line.utime(unfinished, (ours.st_atime, ours.st_mtime)))
        if await self._soon(line.getsize(unfinished)) != ours.st_size:
            raise LinkFault(f"{self._place.host} did not keep all of {file.name}.")
        await self._rename(line, unfinished, target)

    async def _rename(self, line: asyncssh.SFTPClient, source: str, target: str) -> None:
        try:
            await self._soon(line.posix_rename(source, target))
        except asyncssh.SFTPOpUnsupported:  # then a name that is taken has to be made free
            with suppress(asyncssh.SFTPNoSuchFile):
                await self._soon(line.remove(target))
            await self._soon(line.rename(source, target))

    async def _settled(self) -> dict[str, str]:
        """The update files that nobody is writing any more, and how each of them stands."""
        seen = await self._listed()
        if seen:
            await asyncio.sleep(self._settle_s)
        return dict(seen.items() & (await self._listed()).items()) if seen else {}

    async def _listed(self) -> dict[str, str]:
        line = await self._line()
        entries = await self._soon(_first(MOST_NAMES, line.scandir(self._path("in"))))
        return {
            str(entry.filename): stamp(entry.attrs.size, entry.attrs.mtime)
            for entry in entries
            if is_update_file(str(entry.filename)) and entry.attrs.type == FILEXFER_TYPE_REGULAR
        }

    async def _bring(self, name: str, into: Path) -> bool:
        """Copy a file; False if somebody changed it or took it back meanwhile after all."""
        line, path = await self._line(), self._path(f"in/{name}")
        with suppress(_Changed, asyncssh.SFTPNoSuchFile), publish(into, name) as target:
            async with self._opened(line, path, "rb") as source:
                while chunk := await self._soon(source.read(CHUNK)):
                    target.write(cast(bytes, chunk))
            before = self._stamps[name]
            if await self._stamp(line, path) != before or target.tell() != size_of(before):
                raise _Changed
            return True
        return False

    async def _put_away(self, name: str) -> None:
        line, path = await self._line(), self._path(f"in/{name}")
        now = await self._stamp(line, path)
        if now is None or now != self._stamps.get(name, now):
            return
        await self._make(line, "in/done")
        for number in count(1):
            place = self._path(f"in/done/{nth_name(name, number)}")
            if not await self._soon(line.exists(place)):
                return await self._soon(line.rename(path, place))

    async def _stamp(self, line: asyncssh.SFTPClient, path: str) -> str | None:
        """How a file stands; None if there is none."""
        with suppress(asyncssh.SFTPNoSuchFile):
            found = await self._soon(line.lstat(path))
            return stamp(found.size, found.mtime)
        return None

    @asynccontextmanager
    async def _opened(self, line: asyncssh.SFTPClient, path: str, mode: str) -> AsyncIterator[asyncssh.SFTPClientFile]:
        file = await self._soon(line.open(path, mode, encoding=None))
        yield file
        await self._soon(file.close())  # not after a fault: then the whole line is given up

    async def _soon(self, work: Awaitable[T]) -> T:
        """Nothing may keep us waiting for longer than the line may be silent."""
        return await asyncio.wait_for(work, self._idle_s)

    def _path(self, inside: str) -> str:
        return str(self._place.folder / inside)

    def _fault(self, error: OSError | asyncssh.Error) -> LinkFault:
        """In words, who has to do what."""
        place, said = self._place, str(error).rstrip(".")
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return misconfigured(self._door.mismatch)
        if isinstance(error, OSError) and (error.filename or error.errno == errno.ENOSPC):
            return LinkFault(f"A file on this box cannot be read or written ({said}).")
        permanent, sentence = next(
            (permanent, sentence) for kinds, permanent, sentence in _SENTENCES if isinstance(error, kinds)
        )
        words = {"host": place.host, "user": place.user, "folder": place.folder, "idle": self._idle_s, "said": said}
        return LinkFault(sentence.format(**words), permanent=permanent)


class _Door:
    """Connecting: whom we expect, and with what we log in."""

    def __init__(
        self, place: Place, host_key: str, password: str, key_file: Path | None, connect_s: float, login_s: float
    ) -> None:
        self._place, self._password, self._connect_s, self._login_s = place, password, connect_s, login_s
        self._keys = [_private(key_file)] if key_file else None
        self._expected = _public(host_key) if host_key else None
        self._shown: asyncssh.SSHKey | None = None

    async def open(self) -> asyncssh.SSHClientConnection:
        """A connection on which we are logged in. Raises OSError, asyncssh.Error."""
        line = socket.create_connection((self._place.host, self._place.port), self._connect_s)
        # Nothing of what ~/.ssh and the agent of the operator may hold; known hosts are asked for in `_Guest`.
        return await asyncssh.connect(
            host=self._place.host,
            sock=line,
            username=self._place.user,
            password=self._password or None,
            client_keys=self._keys,
            client_factory=lambda: _Guest(self._is_expected),
            known_hosts=b"",
            server_host_key_algs=self._algorithms(),
            config=None,
            agent_path=None,
            gss_auth=False,
            gss_kex=False,
            login_timeout=self._login_s,
            keepalive_interval=_KEEPALIVE_S,
        )

    @property
    def mismatch(self) -> str:
        """The sentence about a server with another key than ours."""
        shown = self._shown.get_fingerprint() if self._shown else "none that we know"
        if self._expected is None:
            line = self._shown.export_public_key().decode().strip() if self._shown else ""
            return (
                f"{self._place.host} shows the key {shown}. Ask the office whether that is theirs; if so, let the pack"
                f' say host_key = "{line}".'
            )
        return (
            f"{self._place.host} shows another host key: {shown} instead of {self._expected.get_fingerprint()}."
            " Nothing was sent. Ask the office whether it has a new one."
        )

    def _is_expected(self, key: asyncssh.SSHKey) -> bool:
        self._shown = key
        return self._expected is not None and key.public_data == self._expected.public_data

    def _algorithms(self) -> str | tuple[()]:
        """A server has several keys: let it show the one we know. With an RSA key not by SHA-1 (`ssh-rsa`)."""
        names = self._expected.sig_algorithms if self._expected else ()
        safe = ",".join(name.decode() for name in names if not name.startswith(b"ssh-rsa"))
        return f"^{safe}" if safe else ()


class _Guest(asyncssh.SSHClient):
    """Hears which key the server has."""

    def __init__(self, is_expected: Callable[[asyncssh.SSHKey], bool]) -> None:
        self._is_expected = is_expected

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        return self._is_expected(key)


class _Loop:
    """An event loop in a thread of its own, from the first work on."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None

    def run(self, work: Coroutine[object, object, T]) -> T:
        """What it comes to; raises what it raises."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = Thread(target=self._loop.run_forever, name="sftp", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def end(self) -> None:
        if self._loop and self._thread:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = None


class _Changed(Exception):
    """A file changed while it was read."""


def _public(text: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError as error:
        raise misconfigured("host_key must be a public key like ssh-ed25519 AAAA….") from error


def _private(file: Path) -> asyncssh.SSHKey:
    try:
        return asyncssh.read_private_key(file)
    except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise misconfigured(f"The key in {file} cannot be used: {error}. It must have no passphrase.") from error


async def _first(most: int, entries: AsyncIterator[T]) -> list[T]:
    taken: list[T] = []
    async for entry in entries:
        taken.append(entry)
        if len(taken) == most:
            break
    return taken
