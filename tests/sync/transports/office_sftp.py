"""The SFTP server of an office, by asyncssh in a thread of its own, that can be told to misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Final

import asyncssh

USER: Final = "mlango"
PASSWORD: Final = "s3cret/pass word"
KEY: Final = asyncssh.generate_private_key("ssh-ed25519")
OTHER_KEY: Final = asyncssh.generate_private_key("ssh-ed25519")
Before = Callable[["OfficeSftp"], Any]  # what happens before an operation is done; awaited if it can be


def line_of(key: asyncssh.SSHKey) -> str:
    """A public key as it stands in a pack."""
    return key.export_public_key().decode().strip()


class OfficeSftp:
    """Use as a context manager; `folder` is what a guest sees as the root. `before` has what happens before operations,
    by their names; `done` counts them."""

    def __init__(self, folder: Path, *host_keys: asyncssh.SSHKey, guest: asyncssh.SSHKey | None = None) -> None:
        self.folder = folder
        self.before: dict[str, Before] = {}
        self.done: list[str] = []
        self._host_keys, self._guest = host_keys or (KEY,), guest
        self._connections: list[asyncssh.SSHServerConnection] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self.ended = asyncio.Event()

    @property
    def address(self) -> str:
        assert self._acceptor
        return f"sftp://{USER}@127.0.0.1:{self._acceptor.get_port()}/"

    def cut(self) -> None:
        """End every line at once."""
        self._loop.call_soon_threadsafe(self.abort)

    def abort(self) -> None:
        for connection in self._connections:
            connection.abort()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> asyncssh.SSHAcceptor:
        guests = asyncssh.import_authorized_keys(line_of(self._guest)) if self._guest else None
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=list(self._host_keys),
            server_factory=lambda: _Door(self._connections),
            sftp_factory=lambda channel: _Files(channel, self),
            authorized_client_keys=guests,
        )

    async def _end(self) -> None:
        assert self._acceptor
        self._acceptor.close()
        self.abort()
        await self._acceptor.wait_closed()
        self.ended.set()
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.01)

    def __enter__(self) -> OfficeSftp:
        self._thread.start()
        self._acceptor = self._run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Door(asyncssh.SSHServer):
    def __init__(self, connections: list[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


class _Files(asyncssh.SFTPServer):
    """Real files below the folder; before each operation whatever the office does to it."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], office: OfficeSftp) -> None:
        super().__init__(channel, chroot=str(office.folder).encode())
        self._office = office

    async def _before(self, operation: str) -> None:
        self._office.done.append(operation)
        before = self._office.before.get(operation)
        if before and asyncio.iscoroutine(waiting := before(self._office)):
            await waiting

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        await self._before("open")
        return super().open(path, pflags, attrs)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        await self._before("read")
        content: bytes = super().read(file_obj, offset, size)  # type: ignore[assignment]
        return content

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        await self._before("write")
        written: int = super().write(file_obj, offset, data)  # type: ignore[assignment]
        return written

    async def fsync(self, file_obj: object) -> None:
        await self._before("fsync")
        super().fsync(file_obj)

    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        await self._before("setstat")
        super().setstat(path, attrs)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._before("posix_rename")
        super().posix_rename(oldpath, newpath)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._before("rename")
        super().rename(oldpath, newpath)

    async def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        await self._before("mkdir")
        super().mkdir(path, attrs)


def refuse(error: Callable[[str], asyncssh.SFTPError]) -> Before:
    """It answers that it cannot be done."""

    def before(office: OfficeSftp) -> None:
        raise error("no")

    return before


def cut(office: OfficeSftp) -> None:
    """The line breaks."""
    office.abort()


async def hang(office: OfficeSftp) -> None:
    """No answer comes."""
    await office.ended.wait()
