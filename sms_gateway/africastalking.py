"""Africa's Talking: its callbacks read, its answers worded, its SMS API sent through.

Field names, status words and codes are those of its documentation ("USSD", "SMS notifications", "Send bulk SMS").
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from io import BytesIO
from time import monotonic
from typing import Any, Final
from urllib.parse import urlencode

import orjson
import requests
from africastalking.SMS import SMSService
from urllib3.exceptions import HTTPError

from sms_gateway.encoding import printable
from sms_gateway.gateway import (
    Accepted,
    BadCallback,
    Capabilities,
    GatewayFault,
    Mo,
    Mt,
    OptOut,
    Policy,
    Polled,
    Refused,
    Report,
    State,
    UssdEnd,
    UssdRequest,
    UssdStatus,
)
from sms_gateway.msisdn import mask_all, normalise
from sms_gateway.sendable import sendable
from store.clock import utcnow

NAME: Final = "africastalking"

NETWORKS: Final[Mapping[str, str]] = {
    "63902": "Safaricom",
    "63903": "Airtel KE",
    "63907": "Telkom KE",
    "63999": "Equitel",
    "64002": "Tigo TZ",
    "64003": "Zantel TZ",
    "64004": "Vodacom TZ",
    "64005": "Airtel TZ",
    "64007": "TTCL TZ",
    "64009": "Halotel TZ",
    "64101": "Airtel UG",
    "64110": "MTN UG",
    "64111": "UTL UG",
    "64114": "Africell UG",
    "63510": "MTN RW",
    "63513": "Tigo RW",
    "63514": "Airtel RW",
    "62120": "Airtel NG",
    "62130": "MTN NG",
    "62150": "Glo NG",
    "62160": "Etisalat NG",
    "65001": "TNM MW",
    "65010": "Airtel MW",
    "99999": "Sandbox",
}

# Delivery report status to ours. "Sent" and "Submitted" only say that the network took it.
STATES: Final[Mapping[str, State]] = {
    "Sent": State.SUBMITTED,
    "Submitted": State.SUBMITTED,
    "Buffered": State.BUFFERED,
    "Success": State.DELIVERED,
    "Failed": State.UNDELIVERABLE,
    "AbsentSubscriber": State.UNDELIVERABLE,
    "Expired": State.EXPIRED,
    "Rejected": State.REJECTED,
}

USSD_STATUSES: Final[Mapping[str, UssdStatus]] = {
    "Success": "success",
    "Incomplete": "incomplete",
    "Failed": "failed",
}

# statusCode of one recipient in the answer to a send; 100 to 102 are its words for taken.
TAKEN: Final = frozenset({"100", "101", "102"})
REFUSALS: Final[Mapping[str, tuple[Policy, str]]] = {
    "401": (Policy.CHANNEL, "RiskHold"),
    "402": (Policy.CHANNEL, "InvalidSenderId"),
    "403": (Policy.PERMANENT, "InvalidPhoneNumber"),
    "404": (Policy.PERMANENT, "UnsupportedNumberType"),
    "405": (Policy.CHANNEL, "InsufficientBalance"),
    "406": (Policy.SUPPRESS, "UserInBlacklist"),
    "407": (Policy.PERMANENT, "CouldNotRoute"),
    "409": (Policy.DEFER, "DoNotDisturbRejection"),
    "500": (Policy.TRANSIENT, "InternalServerError"),
    "501": (Policy.TRANSIENT, "GatewayError"),
    "502": (Policy.PERMANENT, "RejectedByGateway"),
}

_BLOCKED: Final = "UserInBlackList"  # as a report says it

# HTTP status of the whole request, where it isn't 2xx. What stands in neither row nor 5xx (a redirect, 401, 404) says
# that the account, the key or the address is wrong.
HTTP_POLICIES: Final[Mapping[int, Policy]] = {
    400: Policy.PERMANENT,  # this text or sender is at fault, the next may pass
    413: Policy.PERMANENT,
    422: Policy.PERMANENT,
    408: Policy.TRANSIENT,
    429: Policy.TRANSIENT,
    504: Policy.AMBIGUOUS,  # a proxy's read time-out is as good as our own
}

# Longest identifiers and texts that we take. 255 parts of 153 are the longest SMS there can be; a USSD session lasts
# 180 s at 80 to 182 characters an input. Longer is no citizen.
_ID: Final = 80
_SMS_TEXT: Final = 255 * 153
_USSD_TEXT: Final = 8000

CALLBACK_TRIES: Final = timedelta(hours=12)  # how long the network goes on trying to bring us a message
_FIRST: Final = "first "  # begins a cursor until the first poll has come to its end
_LONGEST_PAUSE_S: Final = 300.0  # that one answer may ask for
_LARGEST_ANSWER: Final = 4 * 1024 * 1024  # octets; a hundred recipients take 15,000, a hundred longest texts all of it


def parse_ussd(form: Mapping[str, str]) -> UssdRequest:
    """A USSD hop. `text` may be missing: some proxies drop the empty field of the first dial."""
    return UssdRequest(
        gateway=NAME,
        session_id=_required(form, "sessionId"),
        msisdn=_phone(form, "phoneNumber"),
        network=NETWORKS.get(form.get("networkCode", ""), "other"),
        service_code=_required(form, "serviceCode"),
        text=_text(form, _USSD_TEXT),
    )


def render_ussd(text: str, end: bool) -> str:
    """The body of the answer to a hop; ValueError without words, since the network drops such a session."""
    words = printable(text).strip()
    if not words:
        raise ValueError("A USSD answer must have words.")
    return f"{'END' if end else 'CON'} {words}"


def parse_ussd_end(form: Mapping[str, str]) -> UssdEnd:
    """The event at the end of a session. It repeats all that the citizen typed; take no more of it than this."""
    status = USSD_STATUSES.get(_required(form, "status").capitalize())
    if status is None:
        raise BadCallback(f"status is none of {', '.join(USSD_STATUSES)}.")
    return UssdEnd(gateway=NAME, session_id=_required(form, "sessionId"), status=status)


def parse_mo(form: Mapping[str, str]) -> Mo:
    """An SMS. An empty text is a text; an unreadable date is no reason to lose one; a sender that is no phone (a name,
    a short code) stands in `msisdn` as it came, to be turned away by who counts such."""
    sender = _required(form, "from")
    return Mo(
        provider=NAME,
        provider_id=_required(form, "id"),
        msisdn=normalise(sender) or sender,
        short_code=_required(form, "to"),
        text=_text(form, _SMS_TEXT),
        sent_at=_time(form.get("date", "")),
    )


def parse_report(form: Mapping[str, str]) -> Report:
    """A delivery report. A status word we don't know is UNKNOWN, with the word kept."""
    status = _required(form, "status")
    reason = printable(form.get("failureReason", "")).strip()[:_ID] or None
    return Report(
        provider=NAME,
        provider_id=_required(form, "id"),
        state=STATES.get(status, State.UNKNOWN),
        raw=status,
        msisdn=normalise(form.get("phoneNumber", "")),
        reason=reason,
        blocked=reason == _BLOCKED,
    )


def parse_opt_out(form: Mapping[str, str]) -> OptOut:
    """A citizen told the network to stop our messages."""
    return OptOut(provider=NAME, msisdn=_phone(form, "phoneNumber"), sender=_required(form, "senderId"))


class AfricasTalking:
    """Sends SMS, up to 100 numbers a request. There is no idempotency key: what may have gone out is AMBIGUOUS.

    `sender` is the channel's short code or name, used where a message has none of its own; nobody can answer to a name.
    `base_url` replaces the API's address (the username "sandbox" alone selects its sandbox). `timeout` is (connect,
    read) in seconds; the whole of an answer may take three times as long as its first word.
    """

    name = NAME

    def __init__(
        self,
        username: str,
        api_key: str,
        sender: str | None = None,
        base_url: str | None = None,
        timeout: tuple[float, float] = (3.05, 9.05),
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._account = (username, api_key)
        self._sender = sender
        self._base_url = base_url
        self._timeout = timeout
        self._clock = clock
        self._silent_until = 0.0  # by the monotonic clock: the network asked for a pause
        self.capabilities = Capabilities(max_recipients=100, polls=True, replies=_can_be_answered(sender))

    def send(self, batch: Sequence[Mt]) -> list[Accepted | Refused]:
        """Send `batch`, equal texts together; one outcome per message, in order.

        A fault of the line or the account ends the batch: what was not tried by then comes back with the same policy,
        or TRANSIENT where the tried ones are AMBIGUOUS. So a dead line costs one time-out, not one per text.
        """
        checked = [sendable(mt) for mt in batch]
        outcomes: dict[int, Accepted | Refused] = {
            position: one for position, one in enumerate(checked) if isinstance(one, Refused)
        }
        mts = {position: one for position, one in enumerate(checked) if isinstance(one, Mt)}
        line_fault = self._asked_to_wait()
        with self._service() as service:
            for positions in self._requests(mts):
                if line_fault:
                    outcomes |= dict.fromkeys(positions, line_fault)
                    continue
                answer = self._post(service, [mts[position] for position in positions])
                if isinstance(answer, Refused):
                    outcomes |= dict.fromkeys(positions, answer)
                    line_fault = _fault_for_the_rest(answer)
                else:
                    outcomes |= zip(positions, answer, strict=True)
        return [outcomes[position] for position in range(len(batch))]

    def poll(self, cursor: str) -> Polled:
        """What citizens sent since `cursor`: a page of it, empty when there is no more. Raises GatewayFault.

        The ids are those of the callbacks: what a callback has brought comes again. Asked the first time, the network
        hands out all it ever kept; of that only what a callback could still bring is taken (12 hours).
        """
        first_time, last_id = _first_time(cursor), cursor.removeprefix(_FIRST) or "0"
        with self._service() as service:
            answer = _asked(service, lambda: service.fetch_messages(last_id, timeout=self._timeout))
        if isinstance(answer, Refused) or not answer.good:
            code = answer.code if isinstance(answer, Refused) else f"http-{answer.status}"
            raise GatewayFault(f"Africa's Talking could not be asked for messages ({code}).")
        page = _page(answer, last_id)
        if not page:
            return Polled((), (), last_id)
        oldest = self._clock() - CALLBACK_TRIES if first_time else None
        messages = tuple(mo for mo in map(_fetched, page) if mo and (oldest is None or _since(mo, oldest)))
        numbers = [form["id"] for form in page if form["id"].isdecimal()]
        newest = max(numbers, key=_in_order, default=page[-1]["id"])
        return Polled(messages, (), f"{_FIRST if first_time else ''}{newest}")

    def _service(self) -> _Service:
        return _Service(*self._account, base_url=self._base_url)

    def _requests(self, mts: Mapping[int, Mt]) -> Iterator[list[int]]:
        """The positions that go into each request.

        A number stands at most once in a request, because the answer names recipients by number only.
        """
        groups: dict[tuple[str, str | None, int], list[int]] = {}
        repeats: Counter[tuple[str, str | None, str]] = Counter()
        for position, mt in mts.items():
            sender = mt.sender or self._sender
            groups.setdefault((mt.text, sender, repeats[mt.text, sender, mt.msisdn]), []).append(position)
            repeats[mt.text, sender, mt.msisdn] += 1
        most = self.capabilities.max_recipients
        for positions in groups.values():
            for start in range(0, len(positions), most):
                yield positions[start : start + most]

    def _post(self, service: _Service, mts: Sequence[Mt]) -> list[Accepted | Refused] | Refused:
        """One request: an outcome per message, or one fault for all of them."""
        msisdns, sender = [mt.msisdn for mt in mts], mts[0].sender or self._sender
        answer = _asked(service, lambda: service.send(mts[0].text, msisdns, sender_id=sender, timeout=self._timeout))
        if isinstance(answer, Refused):
            return answer
        if answer.good:
            return _read(answer, msisdns)
        throttled = answer.status == HTTPStatus.TOO_MANY_REQUESTS
        if throttled:
            self._silent_until = monotonic() + answer.retry_after_s
        return Refused(_http_policy(answer.status), f"http-{answer.status}", _excerpt(answer), throttled)

    def _asked_to_wait(self) -> Refused | None:
        """What stands for everything until a pause that the network asked for is over."""
        if monotonic() >= self._silent_until:
            return None
        return Refused(Policy.TRANSIENT, "asked-to-wait", throttled=True)


def _can_be_answered(sender: str | None) -> bool:
    return sender is None or not any(character.isalpha() for character in sender)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An HTTP answer, whole."""

    status: int
    body: bytes
    retry_after: str = ""

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retry_after_s(self) -> float:
        """The pause it asks for: seconds (RFC 9110, 10.2.3), at most five minutes. A date, or nonsense, is no pause."""
        asked = self.retry_after
        return min(float(asked), _LONGEST_PAUSE_S) if asked.isascii() and asked.isdecimal() else 0.0


class _Service(SMSService):  # type: ignore[misc]  # the SDK has no types
    """The SDK's requests over a session of our own, which adds what the SDK hides: the HTTP status, an end to answers
    that have none, and `may_have_left`.

    Connections are reused within a batch but never kept for the next: writing to one that the far end is just closing
    would make messages ambiguous for nothing.
    """

    def __init__(self, username: str, api_key: str, base_url: str | None) -> None:
        super().__init__(username, api_key)
        if base_url:
            self._baseUrl = f"{base_url.rstrip('/')}/version1"  # there is no public way to set it
        self._session = _Straight()
        self._form = _Form(b"")

    def __enter__(self) -> _Service:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    @property
    def may_have_left(self) -> bool:
        """Whether any of the last request's form was handed to a connection that stood."""
        return self._form.fetched

    def _make_request(
        self,
        url: str,
        method: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, Any] | None,
        data: Mapping[str, Any] | None,
        **options: Any,
    ) -> _Answer:
        self._form = _Form(urlencode(data or {}).encode())
        connect_s, read_s = options["timeout"]
        with self._session.request(
            method,
            url,
            params=params,
            headers={**headers, **({"Content-Type": "application/x-www-form-urlencoded"} if data else {})},
            data=self._form if data else None,
            timeout=(connect_s, read_s),
            stream=True,
        ) as response:
            body = _whole(response, within_s=3 * read_s)
            return _Answer(response.status_code, body, response.headers.get("Retry-After", "").strip())


class _Straight(requests.Session):
    """Goes nowhere else: a redirected POST becomes a GET, and its answer a lie."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - requests names it
        return None


def _whole(response: requests.Response, within_s: float) -> bytes:
    """An answer's body. The read time-out counts from octet to octet; this counts from the first to the last."""
    read, until = bytearray(), monotonic() + within_s
    while part := response.raw.read1(_LARGEST_ANSWER, decode_content=True):
        read += part
        if monotonic() > until:
            raise requests.ReadTimeout("The answer did not come to an end.")
        if len(read) > _LARGEST_ANSWER:
            raise requests.RequestException("The answer is too large.")
    return bytes(read)


class _Form(BytesIO):
    """A request's body. It is read only once the connection stands (name found, TLS agreed, headers written)."""

    fetched = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.fetched = True
        return super().read(size)


def _asked(service: _Service, request: Callable[[], Any]) -> _Answer | Refused:
    """Make a request; what kept it from being answered is a refusal."""
    try:
        answer: _Answer = request()
    except (requests.RequestException, HTTPError, ValueError) as fault:
        return _fault_of(fault, service.may_have_left)
    return answer


def _fault_of(fault: Exception, may_have_left: bool) -> Refused:
    if may_have_left:
        return Refused(Policy.AMBIGUOUS, "no-answer", _detail(str(fault)))
    if isinstance(fault, ValueError):  # an address or key that makes no HTTP request; the words may repeat the key
        return Refused(Policy.CHANNEL, "bad-settings", type(fault).__name__)
    return Refused(Policy.TRANSIENT, "unreachable", _detail(str(fault)))


def _fault_for_the_rest(fault: Refused) -> Refused | None:
    """What a failed request means for the texts after it; None if they may pass."""
    if fault.policy is Policy.PERMANENT:
        return None
    if fault.policy is Policy.AMBIGUOUS:
        return Refused(Policy.TRANSIENT, f"after-{fault.code}", fault.detail)
    return fault


def _http_policy(status: int) -> Policy:
    return HTTP_POLICIES.get(status, Policy.TRANSIENT if status >= 500 else Policy.CHANNEL)


def _read(answer: _Answer, msisdns: Sequence[str]) -> list[Accepted | Refused] | Refused:
    """The outcome per number of a 2xx answer; what it doesn't say clearly may have been sent."""
    data = _data(answer)
    recipients = data.get("Recipients")
    if not isinstance(recipients, list):
        return Refused(Policy.AMBIGUOUS, "unreadable-answer", _excerpt(answer))
    if not recipients:
        return Refused(Policy.CHANNEL, "no-recipients", _detail(str(data.get("Message", ""))))
    by_number = {
        normalise(str(recipient.get("number", ""))): recipient
        for recipient in recipients
        if isinstance(recipient, dict)
    }
    return [_outcome(by_number.get(msisdn)) for msisdn in msisdns]


def _data(answer: _Answer) -> Mapping[str, Any]:
    """What stands under `SMSMessageData`; nothing if the body is no such JSON, whatever type it says it has."""
    try:
        data = orjson.loads(answer.body.removeprefix(BOM_UTF8))["SMSMessageData"]
    except (ValueError, KeyError, TypeError):
        return {}
    return data if isinstance(data, dict) else {}


def _outcome(recipient: Mapping[str, Any] | None) -> Accepted | Refused:
    if recipient is None:
        return Refused(Policy.AMBIGUOUS, "missing-in-answer")
    status, code = str(recipient.get("status", "")), str(recipient.get("statusCode", ""))
    if code in TAKEN:
        return Accepted(_said(recipient.get("messageId")), _said(recipient.get("cost")))
    if code in REFUSALS:
        policy, word = REFUSALS[code]
        return Refused(policy, word, _detail(status))
    return Refused(Policy.AMBIGUOUS, f"status-{code}" if _CODE.fullmatch(code) else "status-odd", _detail(status))


_CODE: Final = re.compile(r"[0-9]{1,5}")  # what else stands there may be anything, a number too


def _said(value: object) -> str | None:
    """A field's text; the API words an absent one "None"."""
    text = "" if value is None else printable(str(value)).strip()[:_ID]
    return None if text in {"", "None"} else text


def _page(answer: _Answer, last_id: str) -> list[Mapping[str, str]]:
    """The messages of an answer to a fetch that come after `last_id`, as the form of a callback would have them."""
    messages = _data(answer).get("Messages")
    if not isinstance(messages, list):
        raise GatewayFault("Africa's Talking did not answer with messages when it was asked for them.")
    forms = [
        {name: str(value) for name, value in message.items() if value is not None}
        for message in messages
        if isinstance(message, dict) and message.get("id")
    ]
    known = next((place for place, form in enumerate(forms, start=1) if form["id"] == last_id), 0)
    return [form for form in forms[known:] if not _is_older(form["id"], last_id)]


def _is_older(message_id: str, last_id: str) -> bool:
    """The documentation shows whole numbers that rise; of other ids only the order of the answer tells anything."""
    return message_id.isdecimal() and last_id.isdecimal() and _in_order(message_id) <= _in_order(last_id)


def _in_order(message_id: str) -> tuple[int, str]:
    """Whole numbers of any size by size: 9 comes before 10."""
    return len(message_id), message_id


def _fetched(form: Mapping[str, str]) -> Mo | None:
    """None for what a callback would refuse, too."""
    try:
        return parse_mo(form)
    except BadCallback:
        return None


def _first_time(cursor: str) -> bool:
    return not cursor or cursor.startswith(_FIRST)


def _since(mo: Mo, oldest: datetime) -> bool:
    return mo.sent_at is not None and mo.sent_at >= oldest


def _excerpt(answer: _Answer) -> str:
    return _detail(answer.body[:400].decode("utf-8", "replace"))


def _detail(text: str) -> str:
    return mask_all(printable(text).strip()[:200])


def _required(form: Mapping[str, str], field: str) -> str:
    value = printable(form.get(field, "")).strip()
    if not value:
        raise BadCallback(f"{field} is missing.")
    if len(value) > _ID:
        raise BadCallback(f"{field} is longer than {_ID} characters.")
    return value


def _phone(form: Mapping[str, str], field: str) -> str:
    msisdn = normalise(_required(form, field))
    if msisdn is None:
        raise BadCallback(f"{field} is not a citizen's phone number.")
    return msisdn


def _text(form: Mapping[str, str], longest: int) -> str:
    text = form.get("text", "")
    if len(text) > longest:
        raise BadCallback(f"text is longer than {longest} characters.")
    return printable(text)


def _time(date: str) -> datetime | None:
    """`2026-11-23T09:15:00Z` or `2026-11-23 09:15:00`; without a zone it is UTC."""
    try:
        read = datetime.fromisoformat(date.strip())
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
