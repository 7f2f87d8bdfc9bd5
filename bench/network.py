"""An SMS network with everything wrong that one sees in a year, on the loopback interface.

It speaks as Africa's Talking does, writes down what reached each handset, and reports on most of it.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from random import Random
from types import TracebackType
from typing import Final, TypeVar
from urllib.parse import parse_qs

# Parts in a hundred of all requests; the rest are answered as the documentation says
OF_REQUESTS: Final[Mapping[str, float]] = {
    "HTTP 500": 10,
    "HTTP 429": 5,
    "hang": 1,
    "taken, then hang": 1,
    "taken, then reset": 2,
    "taken, then HTML": 2,
    "JSON with a charset": 20,
}
# Parts in a hundred of all recipients: status codes of the documentation
OF_RECIPIENTS: Final[Mapping[int, float]] = {403: 1, 406: 1, 407: 1, 409: 1, 500: 2}
# Parts in a hundred of what was taken: what is reported. The rest arrives and is never reported.
OF_REPORTS: Final[Mapping[str, float]] = {"Success": 90, "Teleported": 1, "Failed": 3, "Rejected": 1}
_NEVER_ARRIVED: Final = frozenset({"Failed", "Rejected"})
HANG_S: Final = 1.0

Fate = TypeVar("Fate")


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a hang keeps nobody waiting at the end

    def handle_error(self, request: object, client_address: object) -> None:
        """Quiet: a worker was killed in the middle of its request."""


@dataclass(slots=True)
class Network:
    """Use as a context manager; `url` is its base address. `chance` decides what goes wrong."""

    chance: Random
    handsets: Counter[str] = field(default_factory=Counter)  # messages that arrived, by MSISDN
    faults: Counter[str] = field(default_factory=Counter)
    _reports: deque[dict[str, str]] = field(default_factory=deque)
    _ids: Iterator[int] = field(default_factory=count)
    _deciding: threading.Lock = field(default_factory=threading.Lock)
    _http: ThreadingHTTPServer = field(init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._http = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def decide(self, numbers: list[str]) -> tuple[str, bytes]:
        """What becomes of a request, and the answer that it would get."""
        with self._deciding:
            fate = _drawn(self.chance, OF_REQUESTS) or "answered"
            self.faults[fate] += 1
            if fate.startswith(("HTTP", "hang")):
                return fate, b""
            recipients = [self._recipient(number) for number in numbers]
            return fate, json.dumps({"SMSMessageData": {"Message": "Sent", "Recipients": recipients}}).encode()

    def reports(self) -> Iterator[dict[str, str]]:
        """The delivery reports that are due, as the forms of callbacks; each is handed out once."""
        while self._reports:
            yield self._reports.popleft()

    def _recipient(self, number: str) -> dict[str, str | int]:
        code = _drawn(self.chance, OF_RECIPIENTS) or 101
        if code != 101:
            self.faults[f"recipient refused with {code}"] += 1
            return {"statusCode": code, "number": number, "status": "", "cost": "0", "messageId": "None"}
        message_id, word = f"ATXid_{next(self._ids)}", _drawn(self.chance, OF_REPORTS)
        self.handsets[number] += word not in _NEVER_ARRIVED
        if word:
            self._reports.append({"id": message_id, "status": word, "phoneNumber": number})
        return {"statusCode": code, "number": number, "status": "", "cost": "KES 0.8000", "messageId": message_id}

    def __enter__(self) -> Network:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _drawn(chance: Random, parts: Mapping[Fate, float]) -> Fate | None:
    """One of them, as often in a hundred as it says; None for the rest."""
    drawn = chance.uniform(0, 100)
    for fate, part in parts.items():
        drawn -= part
        if drawn < 0:
            return fate
    return None


def _handler(network: Network) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            fate, answer = network.decide(form["to"][0].split(","))
            match fate:
                case "HTTP 500" | "HTTP 429":
                    self._say(int(fate[5:]), "text/html", b"<html>No</html>")
                case "taken, then HTML":
                    self._say(200, "text/html", b"<html>Karibu Wi-Fi</html>")
                case "hang" | "taken, then hang":
                    threading.Event().wait(HANG_S)
                    self._hang_up()
                case "taken, then reset":
                    self._hang_up()
                case "JSON with a charset":
                    self._say(201, "application/json; charset=utf-8", answer)
                case _:
                    self._say(201, "application/json", answer)

        def _say(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _hang_up(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: what went wrong is counted."""

    return Handler
