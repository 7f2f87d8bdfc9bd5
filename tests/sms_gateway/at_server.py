"""A loopback server that follows the contract of Africa's Talking's SMS API, remembers what it was sent, and can be
told to misbehave."""

from __future__ import annotations

import json
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

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
    method: str = "POST"

    @property
    def recipients(self) -> list[str]:
        return self.form["to"].split(",")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, misbehaving as far as told."""

    status: int = 201
    body: str = ""
    content_type: str = "application/json"
    silence: bool = False  # take the request, never answer
    reset: bool = False  # take the request, then reset the connection
    trickle: bool = False  # begin the answer, and go on an octet at a time
    short: bool = False  # end the connection before the answer is whole
    headers: Mapping[str, str] = field(default_factory=dict)
    charset: str = "utf-8"  # of the body, as it goes over the line


Behaviour = Callable[[Received], Reply]
PAGE: Final = 100  # messages that one fetch hands out


class AfricasTalkingServer:
    """Use as a context manager; `url` is its base address. Requests are answered as the contract says, except that
    `refuse` sets status codes by number, `then` the behaviour of the next requests, one each, and `always` of all.

    What it took for handsets lies in `delivered`; what citizens sent, for it to hand out, in `inbox`.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.refuse: dict[str, int] = {}
        self.always: Behaviour | None = None
        self.delivered: list[tuple[str, str]] = []
        self.inbox: list[dict[str, Any]] = []
        self.closing = Event()
        self._behaviours: deque[Behaviour] = deque()
        self._ids = count(1)
        self._mo_ids = count(15_070)
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
        behaviour = self._behaviours.popleft() if self._behaviours else self.always or self.contract
        return behaviour(request)

    def contract(self, request: Received) -> Reply:
        """The answer that the documentation shows: 201 and one entry per recipient; 200 and a page of messages."""
        if request.method == "GET":
            return self._fetched(int(request.form["lastReceivedId"]))
        recipients = [self._recipient(number) for number in request.recipients]
        taken = [recipient["number"] for recipient in recipients if recipient["statusCode"] < 200]
        self.delivered += [(number, request.form["message"]) for number in taken]
        sent = len(taken)
        message = f"Sent to {sent}/{len(recipients)} Total Cost: KES {sent * 0.8:.4f}"
        return Reply(body=json.dumps({"SMSMessageData": {"Message": message, "Recipients": recipients}}))

    def _fetched(self, last_id: int) -> Reply:
        page = [message for message in self.inbox if message["id"] > last_id][:PAGE]
        return Reply(200, json.dumps({"SMSMessageData": {"Messages": page}}))

    def arrive(self, **fields: Any) -> None:
        """A citizen's message waits to be fetched, as the documentation shows one."""
        message = {"linkId": None, "to": "38496", "id": next(self._mo_ids), "date": "2026-11-23T06:15:00.000Z"}
        self.inbox.append(message | fields)

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
            self._hear(self.path, self.rfile.read(int(self.headers["Content-Length"])).decode())

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            self._hear(address.path, address.query)

        def _hear(self, path: str, form: str) -> None:
            fields = dict(parse_qsl(form, keep_blank_values=True, strict_parsing=True))
            host, port = self.client_address[:2]
            reply = server.answer(Received(path, dict(self.headers), fields, (str(host), port), self.command))
            if reply.silence:
                server.closing.wait(5)
            if reply.silence or reply.reset:
                _hang_up(self)
            else:
                _write(self, reply, server.closing)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the tests say what matters."""

    return Handler


def _write(to: BaseHTTPRequestHandler, reply: Reply, closing: Event) -> None:
    unfinished = reply.trickle or reply.short
    body = reply.body.encode(reply.charset)
    to.send_response(reply.status)
    to.send_header("Content-Type", reply.content_type)
    to.send_header("Content-Length", str(len(body) + 1000 * unfinished))
    for name, value in reply.headers.items():
        to.send_header(name, value)
    to.end_headers()
    with suppress(OSError):  # the client may have had enough
        to.wfile.write(body)
        while reply.trickle and not closing.wait(0.05):
            to.wfile.write(b" ")
    to.close_connection = to.close_connection or unfinished


def _hang_up(on: BaseHTTPRequestHandler) -> None:
    on.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    on.connection.close()
    on.close_connection = True
