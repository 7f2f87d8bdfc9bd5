"""The web server of an office, as the page for its programmer asks for it, that can be told to misbehave."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Event, Thread
from types import TracebackType
from typing import Final
from urllib.parse import unquote

from tests.sms_gateway.at_server import _hang_up

TOKEN: Final = "b3f1/office=token"
PREFIX: Final = "/mlango/"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, misbehaving as far as told. A header that is None is left out."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    silence: bool = False  # take the request, never answer
    reset: bool = False  # take the request, then reset the connection
    stall: bool = False  # send half the body, and no more
    short: bool = False  # send half the body, and close
    chunked: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class OfficeWeb:
    """Use as a context manager. `inbox` is what it has for us, `outbox` what we brought. The next requests are answered
    by what `then` says, one each; `deletes` is whether it knows DELETE."""

    def __init__(self, secure: SSLContext | None = None) -> None:
        self.inbox: dict[str, bytes] = {}
        self.outbox: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.deletes = True
        self.closing = Event()
        self._then: deque[Answer] = deque()
        self._scheme = "https" if secure else "http"
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = False  # so that closing waits for them and leaves no socket
        if secure:
            self._http.socket = secure.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}{PREFIX}"

    @property
    def methods(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.asked]

    def then(self, *answers: Answer) -> None:
        self._then.extend(answers)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self._then:
            return self._then.popleft()
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401)
        return self._served(asked)

    def _served(self, asked: Asked) -> Answer:
        folder, _, name = asked.path.removeprefix(PREFIX).partition("/")
        match asked.method, folder, unquote(name):
            case "PUT", "out", name:
                self.outbox[name] = asked.body
                expected = f"sha-256=:{b64encode(sha256(asked.body).digest()).decode()}:"
                return Answer(201 if asked.headers["content-digest"] == expected else 400)
            case "PUT", "in", name if name.endswith(".done"):
                self.inbox[name] = asked.body
                return Answer(204)
            case "GET", "in", "":
                return Answer(body=json.dumps([*self.inbox, "READ-ME.txt"]).encode())
            case "GET", "in", name if name in self.inbox:
                return Answer(body=self.inbox[name], headers={"ETag": tag(self.inbox[name])})
            case "DELETE", "in", name if name in self.inbox:
                return self._deleted(name, asked.headers.get("if-match"))
        return Answer(404)

    def _deleted(self, name: str, expected: str | None) -> Answer:
        if not self.deletes:
            return Answer(405)
        if expected not in (None, tag(self.inbox[name])):
            return Answer(412)
        del self.inbox[name]
        return Answer(204)

    def __enter__(self) -> OfficeWeb:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def tag(content: bytes) -> str:
    """The ETag of a file."""
    return f'"{sha256(content).hexdigest()[:16]}"'


def _handler(server: OfficeWeb) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = server.answer(Asked(self.command, self.path, headers, body))
            if answer.silence:
                server.closing.wait(5)
            if answer.silence or answer.reset:
                _hang_up(self)
            else:
                _write(self, answer, server.closing)

        do_PUT = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the tests say what matters."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # a client that does not trust our certificate
                self.close_connection = True

    return Handler


def _write(to: BaseHTTPRequestHandler, answer: Answer, closing: Event) -> None:
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(answer.body)), **answer.headers}
    if answer.chunked:
        headers |= {"Content-Length": None, "Transfer-Encoding": "chunked"}
    unfinished = answer.short or answer.stall
    body = answer.body[: len(answer.body) // 2] if unfinished else answer.body
    end = b"" if unfinished else b"0\r\n\r\n"
    to.send_response(answer.status)
    for name, value in headers.items():
        if value is not None:
            to.send_header(name, value)
    to.end_headers()
    to.wfile.write(b"%x\r\n%s\r\n%s" % (len(body), body, end) if answer.chunked else body)
    to.wfile.flush()
    if answer.stall:
        closing.wait(5)
    to.close_connection = to.close_connection or unfinished or "Content-Length" in answer.headers
