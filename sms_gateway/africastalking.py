"""Africa's Talking: its callbacks read, its answers worded, its SMS API sent through.

Field names, status words and codes are those of its documentation ("USSD", "SMS notifications", "Send bulk SMS").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlencode

import requests
from africastalking.SMS import SMSService

from sms_gateway.encoding import printable
from sms_gateway.gateway import (
    Accepted,
    BadCallback,
    Capabilities,
    Mo,
    Mt,
    OptOut,
    Policy,
    Refused,
    Report,
    State,
    UssdEnd,
    UssdRequest,
    UssdStatus,
)
from sms_gateway.msisdn import mask_all, normalise

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
    """An SMS from a citizen. An empty text is a text; an unreadable date is no reason to lose one."""
    return Mo(
        provider=NAME,
        provider_id=_required(form, "id"),
        msisdn=_phone(form, "from"),
        short_code=_required(form, "to"),
        text=_text(form, _SMS_TEXT),
        sent_at=_time(form.get("date", "")),
    )


def parse_report(form: Mapping[str, str]) -> Report:
    """A delivery report. A status word we don't know is UNKNOWN, with the word kept."""
    status = _required(form, "status")
    return Report(
        provider=NAME,
        provider_id=_required(form, "id"),
        state=STATES.get(status, State.UNKNOWN),
        raw=status,
        msisdn=normalise(form.get("phoneNumber", "")),
        reason=printable(form.get("failureReason", "")).strip()[:_ID] or None,
    )


def parse_opt_out(form: Mapping[str, str]) -> OptOut:
    """A citizen told the network to stop our messages."""
    return OptOut(provider=NAME, msisdn=_phone(form, "phoneNumber"), sender=_required(form, "senderId"))


class AfricasTalking:
    """Sends SMS, up to 100 numbers a request. There is no idempotency key: what may have gone out is AMBIGUOUS.

    `sender` is the channel's short code or name, used where a message has none of its own. `base_url` replaces the
    API's address (the username "sandbox" alone selects its sandbox). `timeout` is (connect, read) in seconds.
    """

    name = NAME

    def __init__(
        self,
        username: str,
        api_key: str,
        sender: str | None = None,
        base_url: str | None = None,
        timeout: tuple[float, float] = (3.05, 9.05),
    ) -> None:
        self._account = (username, api_key)
        self._sender = sender
        self._base_url = base_url
        self._timeout = timeout
        is_number = not sender or sender.lstrip("+").isdigit()
        self.capabilities = Capabilities(max_recipients=100, replies=is_number)

    def send(self, batch: Sequence[Mt]) -> list[Accepted | Refused]:
        """Send `batch`, equal texts together; one outcome per message, in order.

        A fault of the line or the account ends the batch: what was not tried by then comes back with the same policy,
        or TRANSIENT where the tried ones are AMBIGUOUS. So a dead line costs one time-out, not one per text.
        """
        outcomes: dict[int, Accepted | Refused] = {}
        line_fault: Refused | None = None
        with _Service(*self._account, base_url=self._base_url) as service:
            for positions in self._requests(batch, outcomes):
                if line_fault:
                    outcomes |= dict.fromkeys(positions, line_fault)
                    continue
                answer = self._post(service, [batch[position] for position in positions])
                if isinstance(answer, Refused):
                    outcomes |= dict.fromkeys(positions, answer)
                    line_fault = _fault_for_the_rest(answer)
                else:
                    outcomes |= zip(positions, answer, strict=True)
        return [outcomes[position] for position in range(len(batch))]

    def _requests(self, batch: Sequence[Mt], outcomes: dict[int, Accepted | Refused]) -> Iterator[list[int]]:
        """The positions that go into each request; what can't be sent at all gets its outcome here.

        A number stands at most once in a request, because the answer names recipients by number only.
        """
        groups: dict[tuple[str, str | None, int], list[int]] = {}
        repeats: Counter[tuple[str, str | None, str]] = Counter()
        for position, mt in enumerate(batch):
            text, sender = printable(mt.text), mt.sender or self._sender
            if normalise(mt.msisdn) != mt.msisdn:
                outcomes[position] = Refused(Policy.PERMANENT, "bad-number")
            elif not text.strip():
                outcomes[position] = Refused(Policy.PERMANENT, "empty-text")
            else:
                groups.setdefault((text, sender, repeats[text, sender, mt.msisdn]), []).append(position)
                repeats[text, sender, mt.msisdn] += 1
        for positions in groups.values():
            for start in range(0, len(positions), self.capabilities.max_recipients):
                yield positions[start : start + self.capabilities.max_recipients]

    def _post(self, service: _Service, mts: Sequence[Mt]) -> list[Accepted | Refused] | Refused:
        """One request: an outcome per message, or one fault for all of them."""
        try:
            response = service.send(
                printable(mts[0].text),
                [mt.msisdn for mt in mts],
                sender_id=mts[0].sender or self._sender,
                timeout=self._timeout,
            )
        except (requests.RequestException, ValueError) as fault:
            return _fault_of(fault, service.may_have_left)
        if not 200 <= response.status_code < 300:
            return Refused(_http_policy(response.status_code), f"http-{response.status_code}", _excerpt(response))
        return _read(response, [mt.msisdn for mt in mts])


class _Service(SMSService):  # type: ignore[misc]  # the SDK has no types
    """The SDK's request over a session of our own, which adds what the SDK hides: the HTTP status, and `may_have_left`.

    Connections are reused within a batch but never kept for the next: writing to one that the far end is just closing
    would make messages ambiguous for nothing.
    """

    def __init__(self, username: str, api_key: str, base_url: str | None) -> None:
        super().__init__(username, api_key)
        if base_url:
            self._baseUrl = f"{base_url.rstrip('/')}/version1"  # there is no public way to set it
        self._session = requests.Session()
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
        self, url: str, method: str, *, headers: Mapping[str, str], data: Mapping[str, Any], **options: Any
    ) -> requests.Response:
        self._form = _Form(urlencode(data).encode())
        return self._session.request(
            method,
            url,
            headers={**headers, "Content-Type": "application/x-www-form-urlencoded"},
            data=self._form,
            timeout=options["timeout"],
            allow_redirects=False,  # a redirected POST becomes a GET, and its answer a lie
        )


class _Form(BytesIO):
    """A request's body. It is read only once the connection stands (name found, TLS agreed, headers written)."""

    fetched = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.fetched = True
        return super().read(size)


def _fault_of(fault: Exception, may_have_left: bool) -> Refused:
    if isinstance(fault, ValueError):  # an address or key that makes no HTTP request; the words may repeat the key
        return Refused(Policy.CHANNEL, "bad-settings", type(fault).__name__)
    if may_have_left:
        return Refused(Policy.AMBIGUOUS, "no-answer", _detail(str(fault)))
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


def _read(response: requests.Response, msisdns: Sequence[str]) -> list[Accepted | Refused] | Refused:
    """The outcome per number of a 2xx answer; what it doesn't say clearly may have been sent."""
    try:
        data = response.json()["SMSMessageData"]
        message, recipients = str(data.get("Message", "")), data["Recipients"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Refused(Policy.AMBIGUOUS, "unreadable-answer", _excerpt(response))
    if recipients == []:
        return Refused(Policy.CHANNEL, "no-recipients", _detail(message))
    if not isinstance(recipients, list):
        return Refused(Policy.AMBIGUOUS, "unreadable-answer", _detail(message))
    by_number = {
        normalise(str(recipient.get("number", ""))): recipient
        for recipient in recipients
        if isinstance(recipient, dict)
    }
    return [_outcome(by_number.get(msisdn)) for msisdn in msisdns]


def _outcome(recipient: Mapping[str, Any] | None) -> Accepted | Refused:
    if recipient is None:
        return Refused(Policy.AMBIGUOUS, "missing-in-answer")
    status, code = str(recipient.get("status", "")), str(recipient.get("statusCode", ""))
    if code in TAKEN:
        return Accepted(_said(recipient.get("messageId")), _said(recipient.get("cost")))
    if code in REFUSALS:
        policy, word = REFUSALS[code]
        return Refused(policy, word, _detail(status))
    return Refused(Policy.AMBIGUOUS, f"status-{code[:16]}", _detail(status))


def _said(value: object) -> str | None:
    """A field's text; the API words an absent one "None"."""
    text = "" if value is None else printable(str(value)).strip()[:_ID]
    return None if text in {"", "None"} else text


def _excerpt(response: requests.Response) -> str:
    return _detail(response.content[:400].decode("utf-8", "replace"))


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
