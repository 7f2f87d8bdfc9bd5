"""Kannel 1.4.5: what its smsbox posts read, its sendsms sent through, USSD over SMPP by the meta-data of its links.

Header names, `%` escapes and answers are those of its user guide ("SMS gateway configuration", "Sending SMS by HTTP");
numbers of operations are those of SMPP 3.4 (5.3.2.44). The configuration that goes with it is in deploy/kannel.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message as Header
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BytesIO
from time import monotonic
from typing import Final
from unicodedata import normalize
from urllib.parse import quote, unquote_to_bytes, urlencode, urlsplit

from sms_gateway.encoding import printable, segments
from sms_gateway.gateway import (
    Accepted,
    BadCallback,
    Capabilities,
    Mo,
    Mt,
    Policy,
    Refused,
    Report,
    State,
    UssdMove,
    UssdTurn,
)
from sms_gateway.msisdn import mask_all, normalise
from sms_gateway.sendable import sendable

NAME: Final = "kannel"

# %d of a report
STATES: Final[Mapping[str, State]] = {
    "1": State.DELIVERED,
    "2": State.UNDELIVERABLE,
    "4": State.BUFFERED,
    "8": State.SUBMITTED,
    "16": State.REJECTED,
}
ALL_REPORTS: Final = 31  # the mask that asks for each of them

# What the SMSC wrote into its receipt ("stat:EXPIRED", SMPP 3.4 appendix B): Kannel makes one "2" of several.
RECEIPTS: Final[Mapping[str, State]] = {
    "DELIVRD": State.DELIVERED,
    "ACCEPTD": State.SUBMITTED,
    "ENROUTE": State.SUBMITTED,
    "EXPIRED": State.EXPIRED,
    "DELETED": State.UNDELIVERABLE,
    "UNDELIV": State.UNDELIVERABLE,
    "REJECTD": State.REJECTED,
    "UNKNOWN": State.UNKNOWN,
}

# Its answers to sendsms, by HTTP status and how the words begin. What stands in no row but is 5xx says that it could
# not; anything else says that the account, the address or the route is wrong.
TAKEN: Final = ("0: ", "3: ")  # accepted; accepted while the link is down
REFUSALS: Final[tuple[tuple[int, str, Refused], ...]] = (
    (400, "Number(s) has/have been denied", Refused(Policy.PERMANENT, "number-denied")),
    (400, "", Refused(Policy.PERMANENT, "misformed")),
    (403, "Not routable", Refused(Policy.PERMANENT, "not-routable")),
    (429, "", Refused(Policy.TRANSIENT, "too-many", throttled=True)),
    (503, "Temporal failure", Refused(Policy.TRANSIENT, "queue-full", throttled=True)),
    (504, "", Refused(Policy.AMBIGUOUS, "proxy-timeout")),
)

OPERATION: Final = "ussd_service_op"
# of what comes in: PSSD and PSSR indication, USSR confirm. All others say that the session is over.
MOVES: Final[Mapping[int, UssdMove]] = {0: "dial", 1: "dial", 18: "input"}
# … and of what goes out: USSR request asks and waits, PSSR response is the last word.
ASK: Final = 2
LAST_WORD: Final = 17

_ID: Final = 80
_LINK: Final = 40
_SMS_TEXT: Final = 255 * 153
_USSD_TEXT: Final = 182
_LARGEST_ANSWER: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Posted:
    """What Kannel brought: the fields of the address or a form, the headers by their names in small letters, the body.

    With `post-url` the text is the body and the sender a header; with `get-url` both are fields, like everything else.
    """

    fields: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The words, whatever alphabet they came in. What names none that we know is UTF-8, or else Latin-1."""
        if "text" in self.fields:
            return self.fields["text"]
        header = Header()
        header["Content-Type"] = self.headers.get("content-type", "")
        named = header.get_content_charset()
        for charset, errors in ((named, "replace"), ("utf-8", "strict"), ("latin-1", "strict")):
            with suppress(LookupError, ValueError):
                if charset:
                    return self.body.decode(charset, errors)
        raise BadCallback("text is in no alphabet.")

    @property
    def sender(self) -> str:
        return self.headers.get("x-kannel-from") or self.fields.get("from", "")

    @property
    def tlvs(self) -> dict[str, bytes]:
        """The TLVs of the SMPP link, from `?smpp?name=value&…` with octets written as %XX."""
        meta = self.headers.get("x-kannel-meta-data") or self.fields.get("meta", "")
        group = meta.partition("?smpp?")[2].partition("?")[0]
        pairs = (pair.partition("=") for pair in group.split("&"))
        return {name: unquote_to_bytes(value) for name, equals, value in pairs if equals}

    @property
    def is_hop(self) -> bool:
        """Whether it is USSD, not SMS."""
        return OPERATION in self.tlvs


NOTHING: Final = Posted({}, {}, b"")


def parse_mo(posted: Posted) -> Mo:
    """An SMS, its parts joined by Kannel. `kid` is Kannel's id of it, the same in every repeat. A sender that is no
    phone (a name, a short code) stands in `msisdn` as it came, to be turned away by who counts such."""
    if posted.is_hop:
        raise BadCallback("A hop of USSD came as an SMS: its link needs a service of its own (accepted-smsc).")
    return Mo(
        provider=NAME,
        provider_id=_required(posted.fields, "kid", _ID),
        msisdn=normalise(posted.sender) or _required({"from": posted.sender}, "from", _ID),
        short_code=_required(posted.fields, "to", _ID),
        text=_words(posted, _SMS_TEXT),
        sent_at=_time(posted.fields.get("ts", "")),
    )


def parse_report(fields: Mapping[str, str]) -> Report:
    """A delivery report. `id` is ours, from the address that we gave with the message; `answer` is the SMSC's receipt
    (the beginning of the citizen's text in it is not kept) or its refusal, like "NACK/11/Invalid destination"."""
    status = _required(fields, "status", 10)
    receipt = printable(re.split(r"\btext:", fields.get("answer", ""), maxsplit=1, flags=re.IGNORECASE)[0]).strip()
    said = dict(re.findall(r"\b(stat|err):(\w+)", receipt, re.IGNORECASE))
    word = said.get("stat", "").upper()
    error = said.get("err") or (receipt if receipt.startswith("NACK") else "")
    return Report(
        provider=NAME,
        provider_id=_required(fields, "id", _ID),
        state=RECEIPTS.get(word) or STATES.get(status, State.UNKNOWN),
        raw=f"{status} {word}".strip(),
        msisdn=None,
        reason=mask_all(error)[:_ID] or None,
    )


def parse_ussd(posted: Posted, service_code: str) -> UssdTurn:
    """One hop of USSD over SMPP: its operation stands in a TLV, the citizen's words in the text."""
    operation = posted.tlvs.get(OPERATION)
    if not operation:
        raise BadCallback(f"{OPERATION} is missing: this link does not pass on the TLVs of USSD.")
    # Kannel 1.4.5 writes the octet, later ones the number
    number = int(operation) if operation.isdigit() else int.from_bytes(operation, "big")
    move = MOVES.get(number, "hang-up")
    text = _words(posted, _USSD_TEXT)
    return UssdTurn(
        gateway=NAME,
        link=posted.fields.get("smsc", "")[:_LINK],
        id=_required(posted.fields, "kid", _ID),
        move=move,
        msisdn=_citizen(posted),
        service_code=service_code,
        text=_behind(service_code, text) if move == "dial" else text,
    )


def render_ussd(posted: Posted, text: str, end: bool) -> tuple[str, dict[str, str]]:
    """The words of the answer to a hop and the headers that make Kannel send them as USSD in the same session.

    Needs `accept-x-kannel-headers` in the service. ValueError without words, as no network shows an empty screen.
    """
    words = printable(text).strip()
    if not words:
        raise ValueError("A USSD answer must have words.")
    session = "".join(f"%{octet:02x}" for octet in posted.tlvs.get("its_session_info", b""))
    meta = f"?smpp?{OPERATION}={LAST_WORD if end else ASK}" + (f"&its_session_info={session}" if session else "")
    return words, {"X-Kannel-Meta-Data": meta, "X-Kannel-Coding": _coding(words)}


def report_address(base: str, token: str | None) -> str:
    """Where Kannel is to bring reports, at our address `base`. A `%` of ours is doubled: a single one is Kannel's."""
    query = f"{urlencode({'token': token})}&" if token else ""
    return f"{base.rstrip('/')}/callbacks/kannel/delivery?{query}".replace("%", "%%")


class Kannel:
    """Sends SMS through sendsms, one a request: Kannel gives no id, so that a report can only be known by an address of
    its own. `reports_to` is made by `report_address`. `timeout` is (connect, whole answer) in seconds.
    """

    name = NAME

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        sender: str,
        reports_to: str,
        timeout: tuple[float, float] = (3.05, 9.05),
    ) -> None:
        self._url = urlsplit(url)
        self._account = {"X-Kannel-Username": username, "X-Kannel-Password": password}
        self._sender, self._reports_to, self._timeout = sender, reports_to, timeout
        self.capabilities = Capabilities(replies=not any(character.isalpha() for character in sender))

    def send(self, batch: Sequence[Mt]) -> list[Accepted | Refused]:
        """Send one after the other; one outcome per message, in order.

        A fault of the line or the account ends the batch: a dead line costs one time-out, not one per message.
        """
        outcomes: list[Accepted | Refused] = []
        line_fault: Refused | None = None
        for mt in map(sendable, batch):
            if isinstance(mt, Refused):
                outcomes.append(mt)
                continue
            outcome = line_fault or self._post(mt)
            line_fault = line_fault or _fault_for_the_rest(outcome)
            outcomes.append(outcome)
        return outcomes

    def _post(self, mt: Mt) -> Accepted | Refused:
        connect_s, answer_s = self._timeout
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=connect_s)
        try:
            connection.connect()
        except OSError as fault:
            connection.close()
            return Refused(Policy.TRANSIENT, "unreachable", _detail(str(fault)))
        try:
            connection.request("POST", self._url.path or "/", normalize("NFC", mt.text).encode(), self._headers(mt))
            return _read(mt, _answer(connection.sock, monotonic() + answer_s))
        except ValueError as fault:  # a password that no header can carry; the words may repeat it
            return Refused(Policy.CHANNEL, "bad-settings", type(fault).__name__)
        except (OSError, HTTPException) as fault:
            return Refused(Policy.AMBIGUOUS, "no-answer", _detail(str(fault)))
        finally:
            connection.close()

    def _headers(self, mt: Mt) -> dict[str, str]:
        report = f"id={quote(mt.id, safe='').replace('%', '%%')}&status=%d&answer=%A"
        return {
            **self._account,
            "X-Kannel-From": mt.sender or self._sender,
            "X-Kannel-To": mt.msisdn,
            "X-Kannel-Coding": _coding(mt.text),
            "X-Kannel-DLR-Mask": str(ALL_REPORTS),
            "X-Kannel-DLR-Url": f"{self._reports_to}{report}",
            "Content-Type": "text/plain; charset=UTF-8",
            "Connection": "close",
        }


def _coding(text: str) -> str:
    """0 for GSM-7, 2 for UCS-2. It must be said: Kannel turns a letter that GSM-7 lacks into a question mark."""
    return "0" if segments(text).encoding == "GSM-7" else "2"


def _answer(line: socket.socket, deadline: float) -> HTTPResponse:
    """The whole answer, up to the end of the connection. Raises TimeoutError however slowly it trickles."""
    said = b""
    while len(said) < _LARGEST_ANSWER:
        line.settimeout(max(deadline - monotonic(), 0.001))
        part = line.recv(_LARGEST_ANSWER)
        if not part:
            break
        said += part
    response = HTTPResponse(_Heard(said))  # type: ignore[arg-type]  # it only asks for a file
    response.begin()
    return response


class _Heard:
    """What was read of a connection, as HTTPResponse wants it."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    def makefile(self, _: str) -> BytesIO:
        return BytesIO(self._said)


def _read(mt: Mt, answer: HTTPResponse) -> Accepted | Refused:
    words = _detail(answer.read().decode("utf-8", "replace"))
    if 200 <= answer.status < 300:
        taken = words.startswith(TAKEN)
        return Accepted(mt.id, None) if taken else Refused(Policy.AMBIGUOUS, "unreadable-answer", words)
    for status, beginning, refusal in REFUSALS:
        if answer.status == status and words.startswith(beginning):
            return Refused(refusal.policy, refusal.code, words, refusal.throttled)
    policy = Policy.TRANSIENT if answer.status >= 500 else Policy.CHANNEL
    return Refused(policy, f"http-{answer.status}", words)


def _fault_for_the_rest(outcome: Accepted | Refused) -> Refused | None:
    """What an outcome means for the messages after it; None if they may pass."""
    if isinstance(outcome, Accepted) or outcome.policy is Policy.PERMANENT:
        return None
    if outcome.policy is Policy.AMBIGUOUS:
        return Refused(Policy.TRANSIENT, f"after-{outcome.code}", outcome.detail)
    return outcome


def _detail(text: str) -> str:
    return mask_all(printable(text).strip()[:200])


def _behind(service_code: str, dialled: str) -> str:
    """What was dialled behind our code, as inputs: "2*1" of *384*96*2*1#. Some networks say only "384", or nothing."""
    ours, inputs = f"{service_code.removesuffix('#')}*", dialled.strip().removesuffix("#")
    return inputs.removeprefix(ours) if service_code and inputs.startswith(ours) else ""


def _required(fields: Mapping[str, str], field: str, longest: int) -> str:
    value = printable(fields.get(field, "")).strip()
    if not value:
        raise BadCallback(f"{field} is missing.")
    if len(value) > longest:
        raise BadCallback(f"{field} is longer than {longest} characters.")
    return value


def _citizen(posted: Posted) -> str:
    msisdn = normalise(posted.sender)
    if msisdn is None:
        raise BadCallback("from is not a citizen's phone number.")
    return msisdn


def _words(posted: Posted, longest: int) -> str:
    text = posted.text
    if len(text) > longest:
        raise BadCallback(f"text is longer than {longest} characters.")
    return printable(text)


def _time(seconds: str) -> datetime | None:
    """Seconds since 1970, as %T writes them."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None
