"""The Open311 server of a council, that can be told to misbehave."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.sms_gateway.at_server import _hang_up

KEY: Final = "council-key"
PREFIX: Final = "/open311/v2/"
SERVICES: Final = (
    {"service_code": "WTR", "service_name": "No water", "metadata": True, "group": "Water"},
    {"service_code": "other", "service_name": "Something else", "metadata": False, "group": ""},
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong with one request. `takes`: it is done all the same, only the answer is another."""

    takes: bool = False
    status: int = 0  # 0: no answer at all
    body: Any = None
    silent: bool = False  # keeps the line, and says nothing
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    fields: Mapping[str, str]


class Council:
    """Use as a context manager. `troubles` befall the next requests of a method and path, one each.

    `recognises`: it advertises fixmystreet_id; `by_token`: it gives numbers later; `tells`: it lists updates;
    `looks_at_time`: those of the time that was asked for; `listens`: it takes them.
    """

    def __init__(self) -> None:
        self.recognises = self.by_token = self.listens = False
        self.tells = self.looks_at_time = True
        self.requests: dict[str, dict[str, Any]] = {}  # by number
        self.news: list[dict[str, Any]] = []  # what servicerequestupdates lists
        self.heard: list[Mapping[str, str]] = []  # what was posted there
        self.asked: list[Asked] = []
        self.closing = Event()
        self._troubles: deque[tuple[str, Trouble]] = deque()
        self._numbers = count(1)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = False
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{PREFIX}"

    def posted(self, path: str = "requests.json") -> list[Mapping[str, str]]:
        return [one.fields for one in self.asked if one.method == "POST" and one.path == path]

    def then(self, what: str, *troubles: Trouble) -> None:
        """These befall the next requests of this kind, like "POST requests.json"."""
        self._troubles.extend((what, one) for one in troubles)

    def trouble(self, asked: Asked) -> Trouble | None:
        what = f"{asked.method} {asked.path}"
        found = next((one for one in self._troubles if one[0] == what), None)
        if found:
            self._troubles.remove(found)
        return found[1] if found else None

    def says(self, number: str, status: str, words: str = "", *, at: str = "2026-11-23T06:00:00Z", **more: str) -> None:
        """The council writes down what is new."""
        self.requests[number] |= {"status": status, "status_notes": words, "updated_datetime": at}
        self.news.append(
            {
                "update_id": str(len(self.news) + 1),
                "service_request_id": number,
                "status": status,
                "updated_datetime": at,
                "description": words,
                **more,
            }
        )

    # What it answers

    def answer(self, asked: Asked) -> tuple[int, Any]:
        name, _, rest = asked.path.removesuffix(".json").partition("/")
        if asked.method == "POST" and asked.fields.get("api_key") != KEY:
            return 403, [{"code": 403, "description": "api_key is not valid"}]
        if asked.method == "POST":
            return self._take(name, asked.fields)
        if name == "services":
            return self._services(rest)
        if name == "requests":
            return 200, self._listed(asked.fields)
        if name == "tokens":
            return 200, [{"token": rest, **({} if self.by_token else {"service_request_id": rest.partition("-")[2]})}]
        if name == "servicerequestupdates" and self.tells:
            return 200, self._told(asked.fields)
        return 404, [{"code": 404, "description": "not found"}]

    def _services(self, code: str) -> tuple[int, Any]:
        if not code:
            return 200, SERVICES
        attributes = [{"code": "fixmystreet_id", "automated": "server_set"}] if self.recognises else []
        return 200, [{"service_code": code, "attributes": attributes}]

    def _take(self, name: str, fields: Mapping[str, str]) -> tuple[int, Any]:
        if name == "servicerequestupdates" and self.listens:
            self.heard.append(fields)
            return 200, [{"update_id": str(len(self.heard))}]
        if name != "requests":
            return 404, []
        number = self._same(fields) or self._new(fields)
        return 200, [{"token": f"T-{number}"} if self.by_token else {"service_request_id": number}]

    def _same(self, fields: Mapping[str, str]) -> str | None:
        id = fields.get("attribute[fixmystreet_id]")
        return next((number for number, one in self.requests.items() if id and one["id"] == id), None)

    def _new(self, fields: Mapping[str, str]) -> str:
        number = f"R{next(self._numbers)}"
        self.requests[number] = {
            "service_request_id": number,
            "status": "open",
            "status_notes": "",
            "service_code": fields["service_code"],
            "description": fields["description"],
            "updated_datetime": "2026-11-23T06:15:00Z",
            "id": fields.get("attribute[fixmystreet_id]"),
        }
        return number

    def _told(self, fields: Mapping[str, str]) -> list[Any]:
        """The newest thousand of that time."""
        begin, end = fields["start_date"], fields["end_date"]
        seen = [one for one in self.news if not self.looks_at_time or begin <= one["updated_datetime"] <= end]
        return seen[-1_000:]

    def _listed(self, fields: Mapping[str, str]) -> list[Any]:
        if "service_request_id" in fields:
            return [self.requests[one] for one in fields["service_request_id"].split(",") if one in self.requests]
        return [one for one in self.requests.values() if one["service_code"] == fields["service_code"]]

    def __enter__(self) -> Council:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _handler(council: Council) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 1

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            address = urlsplit(self.path)
            asked = Asked(self.command, address.path.removeprefix(PREFIX), dict(parse_qsl(body or address.query)))
            council.asked.append(asked)
            self._serve(asked)

        do_POST = do_GET  # noqa: N815

        def _serve(self, asked: Asked) -> None:
            trouble = council.trouble(asked)
            answer = council.answer(asked) if trouble is None or trouble.takes else (0, b"")
            if trouble and trouble.silent:
                council.closing.wait(5)
            if trouble and not trouble.status:
                _hang_up(self)
            elif trouble:
                self._send(trouble.status, trouble.body, trouble.headers)
            else:
                self._send(answer[0], answer[1], {})

        def _send(self, status: int, told: Any, headers: Mapping[str, str]) -> None:
            body = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
