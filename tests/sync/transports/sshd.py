"""The real sshd of OpenSSH, with a configuration and keys of its own, on a free port of the loopback interface."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncssh

from tests import servers
from tests.box import soon
from tests.sync.transports.office_sftp import line_of

SSHD: Final = "/usr/sbin/sshd"
_CONFIGURATION: Final = """\
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
ForceCommand internal-sftp -d {home} {options}
"""


class Sshd:
    """Who logs in with `guest` comes to `home`, and gets SFTP only. Not running until `start`."""

    def __init__(self, folder: Path, guest: asyncssh.SSHKey) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.port = servers.free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "authorized_keys").write_text(line_of(guest))

    @property
    def address(self) -> str:
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}/"

    def start(self, host_key: asyncssh.SSHKey, options: str = "") -> None:
        """`options` are those of internal-sftp."""
        key, configuration = self._folder / "host_key", self._folder / "sshd_config"
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        host_key.write_private_key(key)
        configuration.write_text(
            _CONFIGURATION.format(port=self.port, folder=self._folder, home=self.home, options=options)
        )
        if os.geteuid() == 0:  # it gives up its rights there; Debian makes the folder only when it starts the service
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self._folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        soon(self._answers, f"sshd does not start: {(self._folder / 'sshd.log').read_text()}")

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as line:
            return line.recv(4) == b"SSH-"
        return False

    def kill(self) -> None:
        """kill -9, and everybody who is logged in."""
        process, self._process = self._process, None
        if process:
            below = _below(process.pid)
            process.kill()
            process.wait()
            for pid in below:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _below(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]
