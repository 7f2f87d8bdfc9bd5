"""A loopback server that takes messages as Kannel's smsbox does, and can be told to misbehave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType

from sms_gateway.encoding import segments
from tests.sms_gateway.at_server import Reply, _hang_up, _write

ACCEPTED = Reply(202, "0: Accepted for delivery", "text/html")


@dataclass(frozen=True, slots=True)
class Posted:
    """One request to sendsms; headers by their names in small letters."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def to(self) -> str:
        return self.headers["x-kannel-to"]

    @property
    def text(self) -> str:
        """As the handset shows it: what is not sent in UCS-2 has a question mark for every letter beyond GSM-7."""
        text = self.body.decode()
        if self.headers["x-kannel-coding"] == "2":
            return text
        return "".join(letter if segments(letter).encoding == "GSM-7" else "?" for letter in text)


class KannelServer:
    """Use as a context manager. Every request is `accept`ed unless `behave` says otherwise."""

    def __init__(self) -> None:
        self.received: list[Posted] = []
        self.delivered: list[tuple[str, str]] = []
        self.behave: Callable[[Posted], Reply] = self.accept
        self.closing = Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = False  # so that closing waits for them and leaves no socket
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/cgi-bin/sendsms"

    def answer(self, posted: Posted) -> Reply:
        self.received.append(posted)
        return self.behave(posted)

    def accept(self, posted: Posted) -> Reply:
        self.delivered.append((posted.to, posted.text))
        return ACCEPTED

    def __enter__(self) -> KannelServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _handler(server: KannelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.answer(Posted(self.path, headers, body))
            if reply.silence:
                server.closing.wait(5)
            if reply.silence or reply.reset:
                _hang_up(self)
            else:
                _write(self, reply, server.closing)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the tests say what matters."""

    return Handler
