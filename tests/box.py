"""One whole Mlango for a test: its settings, its app, its processes, and a handset to use it with."""

from __future__ import annotations

import http.client
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import structlog
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import RedisError

from packs import published
from store import database
from tests import servers
from ussd_app import create_app
from ussd_app.settings import ROOT, Settings

ASHA: Final = "+254712345678"
PATIENCE_S: Final = 30.0
CALLBACKS: Final = "/callbacks/africastalking"
# First dial: English, a complaint, water, none, the place, its name, send
LODGE: Final = ("1", "1", "1", "1", "kibera", "9", "1")

_ids = count(1)
Post = Callable[[str, Mapping[str, str]], tuple[int, str]]  # path, form → status, body


def environ(home: Path, database_url: str | None = None, **more: str) -> dict[str, str]:
    """What a process of this Mlango finds in its environment; `more` are settings by name, like `callback_token`."""
    given = {"home": str(home), "node": "test", **more} | ({"database_url": database_url} if database_url else {})
    return {f"MLANGO_{name.upper()}": value for name, value in given.items()}


@contextmanager
def application(settings: Settings) -> Iterator[Flask]:
    """The web application, with this thread's connections closed and the logs put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    published.forget()
    try:
        yield create_app(settings)
    finally:
        database.close()
        published.forget()
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


@dataclass
class Handset:
    """A phone, and the network that posts for it."""

    post: Post
    msisdn: str = ASHA
    sessions: Iterator[int] = field(default_factory=lambda: _ids)

    def hop(self, text: str, session: str) -> str:
        """The answer to one USSD request."""
        form = {
            "sessionId": session,
            "phoneNumber": self.msisdn,
            "serviceCode": "*384*96#",
            "networkCode": "63902",
            "text": text,
        }
        status, body = self.post("ussd", form)
        assert status == 200, f"{status} {body}"
        return body

    def dial(self, *keys: str) -> str:
        """A whole session: dial, then press `keys` one by one; the last answer."""
        session = f"ATUid_{next(self.sessions)}"
        answers = [self.hop("*".join(keys[:pressed]), session) for pressed in range(len(keys) + 1)]
        return answers[-1]

    def text(self, words: str, id: str | None = None) -> int:
        """Send an SMS; the HTTP status that the network gets."""
        form = {"id": id or f"mo-{next(self.sessions)}", "from": self.msisdn, "to": "38496", "text": words, "date": ""}
        return self.post("sms", form)[0]


def number_in(answer: str) -> str:
    """The case number in a text, nine digits."""
    found = re.search(r"\b(\d{3})-(\d{3})-(\d{3})\b", answer)
    assert found, f"no case number in: {answer}"
    return "".join(found.groups())


def through(client: FlaskClient, query: str = "") -> Post:
    """Posts to an application in this process."""

    def post(path: str, form: Mapping[str, str]) -> tuple[int, str]:
        answer = client.post(f"{CALLBACKS}/{path}{query}", data=form)
        return answer.status_code, answer.text

    return post


def over_http(port: int) -> Post:
    """Posts to a server on this machine. Raises OSError or HTTPException when there is no answer."""

    def post(path: str, form: Mapping[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", f"{CALLBACKS}/{path}", urlencode(form), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    return post


class Process:
    """A process of the service, as the supervisor starts it but not kept running. Its output is in `log`."""

    def __init__(self, environ: Mapping[str, str], log: Path, *arguments: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLANGO_")}
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={**inherited, **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self, patience_s: float = PATIENCE_S) -> tuple[int, float]:
        """Ask it to end; its exit code, and the seconds it took."""
        began = time.monotonic()
        self._process.terminate()
        return self._process.wait(patience_s), time.monotonic() - began

    def kill(self) -> None:
        """End it and its children at once, whatever they are doing."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, 9)
            self._process.wait()


@contextmanager
def running(environ: Mapping[str, str], log: Path, *arguments: str) -> Iterator[Process]:
    """`python -m …` for as long as the context lasts."""
    process = Process(environ, log, *arguments)
    try:
        yield process
    finally:
        process.kill()


@contextmanager
def valkey(socket_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Valkey that answers, on a unix socket; kill the process to see it go."""
    socket_file.unlink(missing_ok=True)  # what a killed one left
    with servers.valkey(socket_file) as process:
        with Redis(unix_socket_path=str(socket_file)) as connection:
            soon(lambda: _answers(connection), "Valkey does not answer")
        yield process


def _answers(connection: Redis) -> bool:
    try:
        return bool(connection.ping())
    except RedisError:
        return False


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="mlango-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def soon(true: Callable[[], object], otherwise: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until it becomes true."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
