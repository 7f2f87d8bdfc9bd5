"""Somebody else's Open311 server, as GeoReport v2 has it: https://wiki.open311.org/GeoReport_v2/

Servers differ. What comes back is read leniently (a list, one object, a list within an object; numbers as texts), and
believed only as far as it is clear. The one thing that matters is what became of a POST: it arrived, it certainly did
not (`LinkFault`, `Refused`), or nobody can know (`Unclear`). Only JSON is spoken; redirects are not followed, since
they would carry the key and the citizen's words to somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from time import monotonic
from typing import Any, Final
from urllib.parse import quote, urlsplit

import orjson
import requests
from urllib3.exceptions import HTTPError, NewConnectionError

from sync.transport import LinkFault
from sync.transports.notes import CHUNK, CONNECT_S, IDLE_S, is_this_machine, misconfigured

Object = Mapping[str, Any]

MOST_IDS: Final = 50  # of requests asked about at once: addresses have no room for more
_LARGEST: Final = 16 * 1024 * 1024  # octets of an answer; a thousand requests take one
_SLOWEST: Final = 4  # times the patience for one silence: what trickles in for longer is no answer
_UNKNOWN: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_LOCKED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_FAULTY: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
)


class Unclear(LinkFault):
    """Whether a request arrived cannot be told."""


class Refused(Exception):
    """The server understood a request and does not take it; why, in its own words."""


@dataclass(frozen=True, slots=True)
class Service:
    """What one may complain about there."""

    code: str
    name: str
    group: str
    has_attributes: bool


@dataclass(frozen=True, slots=True)
class Posted:
    """A request that was taken: by its number, or by a token for which there will be one."""

    number: str = ""
    token: str = ""


class GeoReport:
    """One server. `address` ends where `services.json` begins."""

    def __init__(
        self, address: str, key: str, jurisdiction: str = "", *, connect_s: float = CONNECT_S, idle_s: float = IDLE_S
    ) -> None:
        self._address = address.rstrip("/") + "/"
        self.host = _checked(address)
        self._key, self._jurisdiction = key, jurisdiction
        self._patience = connect_s, idle_s
        self._session = requests.Session()
        self._session.trust_env = False  # no .netrc, no proxy of somebody's shell
        self._session.headers["Accept"] = "application/json"

    def close(self) -> None:
        self._session.close()

    def services(self) -> list[Service]:
        """All that is offered."""
        found = self._get("services.json")
        if found is None:
            raise misconfigured(f"{self.host} has no services.json: is that the address of a GeoReport v2 server?")
        return [
            Service(code, _said(one, "service_name"), _said(one, "group"), _said(one, "metadata").lower() == "true")
            for one in found
            if (code := _said(one, "service_code"))
        ]

    def attributes(self, service: Service) -> frozenset[str]:
        """The codes of what else is asked about a service."""
        found = self._get(f"services/{quote(service.code, safe='')}.json") if service.has_attributes else None
        asked = [one for definition in found or () for one in definition.get("attributes") or ()]
        return frozenset(_said(one, "code") for one in asked if isinstance(one, dict))

    def post(self, fields: Mapping[str, str]) -> Posted:
        """Lodge a request. Raises Unclear if it may have arrived, Refused or LinkFault if it did not."""
        answer = next(iter(self._post("requests.json", fields)), {})
        posted = Posted(_said(answer, "service_request_id"), _said(answer, "token"))
        if not posted.number and not posted.token:
            raise Unclear(f"{self.host} answered without a number for a request; whether it took it is not clear.")
        return posted

    def number(self, token: str) -> str:
        """The number behind a token; "" if there is none yet."""
        found = self._get(f"tokens/{quote(token, safe='')}.json") or []
        return next((number for one in found if (number := _said(one, "service_request_id"))), "")

    def lodged(self, service: str, since: datetime, until: datetime) -> list[Object]:
        """The requests of a service that were lodged in this time, as far as the server lists them."""
        return self._get("requests.json", service_code=service, start_date=iso(since), end_date=iso(until)) or []

    def by_number(self, numbers: Sequence[str]) -> list[Object]:
        """These requests, at most 50; those that the server does not know are missing."""
        return self._get("requests.json", service_request_id=",".join(numbers)) or []

    def updates(self, since: datetime, until: datetime) -> list[Object] | None:
        """What was recorded in this time about any request, as FixMyStreet reads it; None: not offered.

        With the key: some servers show the words of an update only to whoever sent the request.
        """
        key = {"api_key": self._key} if self._key else {}
        return self._get("servicerequestupdates.json", start_date=iso(since), end_date=iso(until), **key)

    def post_update(self, fields: Mapping[str, str]) -> bool:
        """Tell what is new about a request; False: not offered. Raises as `post`."""
        try:
            self._post("servicerequestupdates.json", fields)
        except _NotThere:
            return False
        return True

    # The wire

    def _get(self, path: str, **query: str) -> list[Object] | None:
        """The objects of an answer; None if there is nothing at this address."""
        status, body = self._ask("GET", path, query)
        if status in _UNKNOWN:
            return None
        if status != HTTPStatus.OK:
            raise self._fault(status, body)
        found = _objects(body)
        if found is None:
            raise LinkFault(f"{self.host} answered to {path} with something else than the JSON of GeoReport v2.")
        return found

    def _post(self, path: str, fields: Mapping[str, str]) -> list[Object]:
        status, body = self._ask("POST", path, {**fields, "api_key": self._key} if self._key else fields)
        if 200 <= status < 300:
            return _objects(body) or []
        if status in _UNKNOWN:
            raise _NotThere(f"{self.host} knows no {path} (HTTP {status}).", permanent=True)
        if status in _FAULTY:
            raise Refused(_reason(body) or f"HTTP {status}")
        if status >= 500 and status not in _BUSY:
            raise Unclear(f"{self.host} failed while it took a request (HTTP {status}); that may have arrived or not.")
        raise self._fault(status, body)

    def _ask(self, method: str, path: str, fields: Mapping[str, str]) -> tuple[int, bytes]:
        told = {"jurisdiction_id": self._jurisdiction, **fields} if self._jurisdiction else fields
        how: dict[str, Any] = {"params": told} if method == "GET" else {"data": told}
        try:
            with self._session.request(
                method, self._address + path, timeout=self._patience, allow_redirects=False, stream=True, **how
            ) as answer:
                return answer.status_code, self._body(answer)
        except requests.exceptions.SSLError as error:
            raise misconfigured(f"{self.host} cannot prove who it is.") from error
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ConnectionError) as error:
            if _never_connected(error):
                raise LinkFault(f"{self.host} does not answer; is there a network?") from error
            raise self._broken(method) from error
        except (requests.RequestException, HTTPError) as error:
            raise self._broken(method) from error

    def _body(self, answer: requests.Response) -> bytes:
        """The whole body. One that is too long or too slow is cut off, so that no JSON is found in it."""
        body, deadline = bytearray(), monotonic() + _SLOWEST * self._patience[1]
        for chunk in answer.iter_content(CHUNK):
            body += chunk
            if len(body) > _LARGEST or monotonic() > deadline:
                return b""
        return bytes(body)

    def _broken(self, method: str) -> LinkFault:
        words = f"The line to {self.host} broke, or it was silent for {self._patience[1]:.0f} seconds"
        return LinkFault(f"{words}.") if method == "GET" else Unclear(f"{words}; a request may have arrived or not.")

    def _fault(self, status: int, body: bytes) -> LinkFault:
        if status in _BUSY:
            return LinkFault(f"{self.host} asks us to come again later (HTTP {status}).")
        if status in _LOCKED:
            return misconfigured(f"{self.host} does not accept our API key (HTTP {status}).{_quoted(body)}")
        return LinkFault(f"{self.host} answers with HTTP {status}.{_quoted(body)}", permanent=300 <= status < 500)


class _NotThere(LinkFault):
    """The server has no such address."""


def iso(moment: datetime) -> str:
    """Whole seconds in UTC, as `2026-11-23T06:15:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _checked(address: str) -> str:
    """The host. Raises LinkFault for an address that is none, or would give the key away."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if not host or parts.query or parts.fragment or parts.username or parts.scheme not in ("http", "https"):
        raise misconfigured("The address must be like https://host/open311/v2/, and have no password in it.")
    if parts.scheme == "http" and not is_this_machine(host):
        raise misconfigured(f"The address of {host} must begin with https: what citizens write is nobody else's.")
    return host


def _never_connected(error: Exception) -> bool:
    """Whether not one octet left this box."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, requests.exceptions.ConnectTimeout | NewConnectionError):
            return True
        reason = getattr(inner, "reason", None)
        inner = reason if isinstance(reason, BaseException) else inner.__cause__ or inner.__context__
    return False


def _objects(body: bytes) -> list[Object] | None:
    """The objects of an answer: a list of them, one alone, or a list within one. None: no such JSON."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(told, dict):
        inside = [value for value in told.values() if isinstance(value, list)]
        lists_objects = len(told) == 1 and inside and all(isinstance(one, dict) for one in inside[0])
        told = inside[0] if lists_objects else [told]
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else None


def _reason(body: bytes) -> str:
    """What the server says is wrong, at most 200 characters of it."""
    said = " ".join(_said(one, "description") for one in _objects(body) or ())
    return " ".join(said.split())[:200]


def _quoted(body: bytes) -> str:
    reason = _reason(body)
    return f" It says: {reason.rstrip('.')}." if reason else ""


def _said(one: Object, name: str) -> str:
    """A field as text; "" for what is missing or no single value."""
    value = one.get(name)
    return str(value).strip() if isinstance(value, str | int | float) else ""
