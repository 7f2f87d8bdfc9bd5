"""HTTPS as the way to an office: a few plain requests that any programmer can serve in an afternoon.

    PUT    {address}out/{name}   a file from us, whole; the same name again takes the place of the first (200, 201, 204)
    GET    {address}in/          the names of the finished files for us: a JSON list of strings
    GET    {address}in/{name}    one of them, with Content-Length (or chunked), and better with ETag or Last-Modified
    DELETE {address}in/{name}    we have read and answered it; a server that answers 405 gets an empty
                                 PUT {address}in/{name}.done instead, and may go on listing both names

Every request carries `Authorization: Bearer TOKEN`, a PUT also `Content-Digest` (RFC 9530). Redirects are not followed:
they would carry the token to somebody else.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import file_digest
from http import HTTPStatus
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote, urlsplit

import orjson
import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as BodyTimeout

from sync.files import publish
from sync.transport import LinkFault
from sync.transports.notes import (
    CHUNK,
    CONNECT_S,
    IDLE_S,
    MOST_NAMES,
    MOST_OCTETS,
    Log,
    in_order,
    is_this_machine,
    is_update_file,
    misconfigured,
    quiet,
)

_LONGEST_LIST: Final = 2 * 1024 * 1024
_LONGEST_WAIT_S: Final = 60.0  # that an answer may ask for and get at once; for longer it is a fault
_DONE: Final = ".done"
_TYPES: Final = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_NO_DELETE: Final = frozenset({HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})
# What they answer → what that means. 5xx and the passing ones mend themselves, the others do not.
_SENTENCES: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "does not accept our token",
    HTTPStatus.FORBIDDEN: "does not let our token do this",
    HTTPStatus.NOT_FOUND: "knows nothing at this address",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "takes no file so large",
}
_PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class Https:
    """`address` is where `out/` and `in/` begin. Without encryption only within this machine."""

    def __init__(
        self, address: str, token: str, *, connect_s: float = CONNECT_S, idle_s: float = IDLE_S, log: Log = quiet
    ) -> None:
        self._address = address.rstrip("/") + "/"
        self._host = _checked(address)
        if not token:
            raise misconfigured(f"There is no token for {self._host}: set MLANGO_EXCHANGE_SECRETS.")
        self._patience, self._log = (connect_s, idle_s), log
        self._session = requests.Session()
        self._session.auth = _Bearer(token)  # so that no .netrc takes its place
        self._session.headers["Accept-Encoding"] = "identity"  # so that Content-Length counts what we write
        self._stamps: dict[str, str] = {}

    def put(self, files: Sequence[Path]) -> None:
        for file in files:
            with self._asking("PUT", f"out/{quote(file.name)}", file):
                pass

    def fetch(self, into: Path, known: Callable[[str, str], bool]) -> Iterator[Path]:
        for name in self._listed():
            brought = self._bring(name, into, known)
            if brought:
                yield into / name
            elif brought is None:
                with suppress(LinkFault):  # the last time that went wrong
                    self.took(name)

    def took(self, name: str) -> None:
        """Delete it; but if the server says that it is another one by now, it stays."""
        path, tag = f"in/{quote(name)}", self._stamps.get(name, "")
        headers = {"If-Match": tag} if tag.startswith('"') else {}
        fine = _GONE | _NO_DELETE | {HTTPStatus.PRECONDITION_FAILED}
        with self._asking("DELETE", path, headers=headers, fine=fine) as answer:
            refused = answer.status_code in _NO_DELETE
        if refused:
            with self._asking("PUT", path + _DONE):
                pass

    def close(self) -> None:
        self._session.close()

    def _listed(self) -> list[str]:
        body, kind = self._list()
        try:
            names = orjson.loads(body)
        except orjson.JSONDecodeError:
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise LinkFault(f'{self._host} should list its files as JSON, ["a.csv"], but sent something else ({kind}).')
        done = {name.removesuffix(_DONE) for name in names if name.endswith(_DONE)}
        return in_order({name for name in names if is_update_file(name)} - done)[:MOST_NAMES]

    def _list(self) -> tuple[bytes, str]:
        """What they answer when asked for their files, and what they call it."""
        with self._asking("GET", "in/") as answer:
            return answer.raw.read(_LONGEST_LIST + 1), answer.headers.get("Content-Type", "no type")

    def _bring(self, name: str, into: Path, known: Callable[[str, str], bool]) -> bool | None:
        """Whether it is here now, and was not taken back meanwhile; None if we have it from before."""
        with self._asking("GET", f"in/{quote(name)}", fine=_GONE) as answer:
            if answer.status_code in _GONE:
                return False
            length, dated = answer.headers.get("Content-Length", ""), answer.headers.get("Last-Modified")
            self._stamps[name] = answer.headers.get("ETag") or (f"{length} {dated}" if dated else "")
            if self._stamps[name] and known(name, self._stamps[name]):
                return None
            if length.isdecimal() and int(length) > MOST_OCTETS:
                self._log("exchange_file_too_large", name=name, host=self._host)
                return False
            if not length.isdecimal() and answer.headers.get("Transfer-Encoding", "") != "chunked":
                raise misconfigured(f"{self._host} does not say how long {name} is, so nobody can tell if it is whole.")
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                raise LinkFault(f"{self._host} sent a web page instead of {name}.")
            with publish(into, name) as target:
                self._copy(answer, target)
        return True

    def _copy(self, answer: requests.Response, target: IO[bytes]) -> None:
        """Raises HTTPError if the body is not as long as they said."""
        while chunk := answer.raw.read(CHUNK):
            target.write(chunk)
            if target.tell() > MOST_OCTETS:
                raise LinkFault(f"{self._host} does not come to an end: no update file is so large.")

    @contextmanager
    def _asking(
        self,
        method: str,
        path: str,
        file: Path | None = None,
        *,
        headers: dict[str, str] | None = None,
        fine: frozenset[int] = frozenset(),
    ) -> Iterator[requests.Response]:
        """An answer that is 2xx or `fine`; its body still has to be read. Raises LinkFault for all else."""
        try:
            with self._answer(method, path, file, headers or {}) as answer:
                if not 200 <= answer.status_code < 300 and answer.status_code not in fine:
                    raise self._refusal(answer)
                yield answer
        except requests.exceptions.SSLError as error:
            raise misconfigured(f"{self._host} cannot prove who it is: {_reason(error)}.") from error
        except (requests.exceptions.Timeout, BodyTimeout) as error:
            raise LinkFault(f"{self._host} was silent for {self._patience[1]:.0f} seconds.") from error
        except (requests.RequestException, HTTPError) as error:
            raise LinkFault(f"The line to {self._host} broke, or there is none: {_reason(error)}.") from error
        except OSError as error:
            raise LinkFault(f"A file on this box cannot be read or written ({error}).") from error

    def _answer(self, method: str, path: str, file: Path | None, headers: dict[str, str]) -> requests.Response:
        """Whatever they answer; who is busy for a moment is asked again after it, once."""
        answer = self._ask(method, path, file, headers)
        wait = answer.headers.get("Retry-After", "")
        if answer.status_code in _BUSY and wait.isdecimal() and int(wait) <= _LONGEST_WAIT_S:
            answer.close()
            time.sleep(int(wait))
            answer = self._ask(method, path, file, headers)
        return answer

    def _ask(self, method: str, path: str, file: Path | None, headers: dict[str, str]) -> requests.Response:
        url, patience = self._address + path, self._patience
        if file is None:
            empty = b"" if method == "PUT" else None
            return self._session.request(
                method, url, data=empty, headers=headers, timeout=patience, allow_redirects=False, stream=True
            )
        with file.open("rb") as body:
            digest = base64.b64encode(file_digest(body, "sha256").digest()).decode()
            body.seek(0)
            told = {
                "Content-Type": _TYPES.get(file.suffix, "application/octet-stream"),
                "Content-Digest": f"sha-256=:{digest}:",
            }
            return self._session.request(
                method, url, data=body, headers=headers | told, timeout=patience, allow_redirects=False, stream=True
            )

    def _refusal(self, answer: requests.Response) -> LinkFault:
        code = answer.status_code
        if answer.is_redirect:
            where = urlsplit(answer.headers["Location"])._replace(query="", fragment="").geturl()
            return misconfigured(f"{self._host} sends us on to {where[:200]}; that has to stand in the pack instead.")
        if code in _BUSY and "Retry-After" in answer.headers:
            return LinkFault(f"{self._host} asks us to come again later (HTTP {code}).")
        permanent = 300 <= code < 500 and code not in _PASSING
        return LinkFault(f"{self._host} {_SENTENCES.get(code, 'refuses')} (HTTP {code}).", permanent=permanent)


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _checked(address: str) -> str:
    """The host. Raises LinkFault for an address that is none, or would give the token away."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("https", "http") or parts.query or parts.fragment or parts.username:
        raise misconfigured("The address must be like https://host/path/, and have no password in it.")
    if parts.scheme == "http" and not is_this_machine(host):
        raise misconfigured(f"The address of {host} must begin with https: what is in the files is nobody else's.")
    return host


def _reason(error: Exception) -> str:
    """The innermost words; those around them repeat the address."""
    inner = error
    while isinstance(inner.__cause__ or inner.__context__, Exception):
        inner = inner.__cause__ or inner.__context__  # type: ignore[assignment]
    return str(inner).rstrip(".")[:200] or type(error).__name__
