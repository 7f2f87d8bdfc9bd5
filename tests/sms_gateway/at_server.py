"""A loopback server that follows the contract of Africa's Talking's SMS API, remembers what it was sent, and can be
told to misbehave."""

from __future__ import annotations

import json
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl

STATUS_WORDS: Final[Mapping[int, str]] = {
    100: "Processed",
    101: "Success",
    102: "Queued",
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    409: "DoNotDisturbRejection",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}


@dataclass(frozen=True, slots=True)
class Received:
    """One request as the server saw it; `connection` tells requests over one connection from others."""

    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    connection: tuple[str, int]

    @property
    def recipients(self) -> list[str]:
        return self.form["to"].split(",")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, misbehaving as far as told."""

    status: int = 201
    body: str = ""
    content_type: str = "application/json"
    location: str | None = None
    silence: bool = False  # take the request, never answer
    reset: bool = False  # take the request, then reset the connection


Behaviour = Callable[[Received], Reply]


class AfricasTalkingServer:
    """Use as a context manager; `url` is its base address. Requests are answered as the contract says, except that
    `refuse` sets status codes by number and `then` the behaviour of the next requests, one each."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.refuse: dict[str, int] = {}
        self.closing = Event()
        self._behaviours: deque[Behaviour] = deque()
        self._ids = count(1)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = False  # so that closing waits for them and leaves no socket
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def then(self, *behaviours: Reply | Behaviour) -> None:
        """Misbehave once for each, in order."""
        self._behaviours.extend(b if callable(b) else _always(b) for b in behaviours)

    def answer(self, request: Received) -> Reply:
        self.received.append(request)
        return self._behaviours.popleft()(request) if self._behaviours else self.contract(request)

    def contract(self, request: Received) -> Reply:
        """The answer that the documentation shows: 201 and one entry per recipient."""
        recipients = [self._recipient(number) for number in request.recipients]
        sent = sum(recipient["statusCode"] < 200 for recipient in recipients)
        message = f"Sent to {sent}/{len(recipients)} Total Cost: KES {sent * 0.8:.4f}"
        return Reply(body=json.dumps({"SMSMessageData": {"Message": message, "Recipients": recipients}}))

    def _recipient(self, number: str) -> dict[str, Any]:
        code = self.refuse.get(number, 101)
        taken = code < 200
        return {
            "statusCode": code,
            "number": number,
            "status": STATUS_WORDS.get(code, "Mystery"),
            "cost": "KES 0.8000" if taken else "0",
            "messageId": f"ATXid_{next(self._ids)}" if taken else "None",
        }

    def __enter__(self) -> AfricasTalkingServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _always(reply: Reply) -> Behaviour:
    return lambda request: reply


def _handler(server: AfricasTalkingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True, strict_parsing=True))
            host, port = self.client_address[:2]
            self._send(server.answer(Received(self.path, dict(self.headers), form, (str(host), port))))

        def _send(self, reply: Reply) -> None:
            if reply.silence:
                server.closing.wait(5)
            if reply.silence or reply.reset:
                self._hang_up()
                return
            body = reply.body.encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(body)))
            if reply.location:
                self.send_header("Location", reply.location)
            self.end_headers()
            self.wfile.write(body)

        def _hang_up(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the tests say what matters."""

    return Handler
