from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import astuple
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sms_gateway.africastalking import (
    REFUSALS,
    AfricasTalking,
    parse_mo,
    parse_opt_out,
    parse_report,
    parse_ussd,
    parse_ussd_end,
    render_ussd,
)
from sms_gateway.gateway import (
    Accepted,
    BadCallback,
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
)
from tests.sms_gateway.at_server import AfricasTalkingServer, Received, Reply

WANJIKU, OTIENO, AMINA = "+254712345678", "+254722000001", "+254110000002"

USSD = {
    "sessionId": "ATUid_1",
    "phoneNumber": WANJIKU,
    "networkCode": "63902",
    "serviceCode": "*384*96#",
    "text": "1*2",
}
MO = {
    "date": "2026-11-23T09:15:00Z",
    "from": WANJIKU,
    "id": "mo-1",
    "linkId": "",
    "text": "Hakuna maji, Lindi",
    "to": "38496",
    "cost": "KES 0.0000",
    "networkCode": "63902",
}
DLR = {"id": "ATXid_1", "status": "Success", "phoneNumber": WANJIKU, "networkCode": "63902", "retryCount": "0"}
END = {"date": "2026-11-23 09:15:00", "sessionId": "ATUid_1", "status": "Success", "input": "1*2*secret"}
FIELDS = [
    "Recipients",
    "Messages",
    "Message",
    "statusCode",
    "number",
    "status",
    "cost",
    "messageId",
    "id",
    "from",
    "to",
    "text",
]
OPT_OUT = {"senderId": "38496", "phoneNumber": WANJIKU}


# Callbacks


def test_a_ussd_hop_is_read() -> None:
    assert parse_ussd(USSD) == UssdRequest("africastalking", "ATUid_1", WANJIKU, "Safaricom", "*384*96#", "1*2")


def test_the_first_dial_has_an_empty_text_which_a_proxy_may_have_dropped() -> None:
    dropped = {name: value for name, value in USSD.items() if name != "text"}
    assert parse_ussd(dropped) == parse_ussd(USSD | {"text": ""})


def test_ussd_text_keeps_every_sign_that_citizens_type() -> None:
    text = '1*maji * "haya" {ni} %41 mabaya 😀'
    assert parse_ussd(USSD | {"text": text}).text == text


def test_an_unknown_network_code_is_some_other_network() -> None:
    assert parse_ussd(USSD | {"networkCode": "12345"}).network == "other"


@pytest.mark.parametrize("field", ["sessionId", "phoneNumber", "serviceCode"])
@pytest.mark.parametrize("value", ["", "\x00", "x" * 200])
def test_a_ussd_hop_without_its_session_or_number_is_refused(field: str, value: str) -> None:
    with pytest.raises(BadCallback, match=field):
        parse_ussd(USSD | {field: value})


def test_a_transcript_longer_than_any_session_is_refused() -> None:
    with pytest.raises(BadCallback, match="longer than"):
        parse_ussd(USSD | {"text": "1*" * 5000})


def test_a_refusal_never_repeats_the_number() -> None:
    with pytest.raises(BadCallback) as refused:
        parse_opt_out(OPT_OUT | {"phoneNumber": "+25471234567899"})
    assert "254712" not in str(refused.value)


@pytest.mark.parametrize(("end", "body"), [(False, "CON 1. Maji\n2. Stima"), (True, "END 1. Maji\n2. Stima")])
def test_a_screen_begins_with_its_prefix(end: bool, body: str) -> None:
    assert render_ussd("  1. Maji\r\n2. Stima\x00\n", end) == body


@pytest.mark.parametrize("text", ["", " \n", "\x00"])
def test_a_screen_without_words_is_a_mistake_of_ours(text: str) -> None:
    with pytest.raises(ValueError, match="must have words"):
        render_ussd(text, end=False)


@pytest.mark.parametrize(
    ("said", "status"),
    [("Success", "success"), ("Incomplete", "incomplete"), ("Failed", "failed"), ("FAILED", "failed")],
)
def test_the_end_of_a_session_is_read(said: str, status: str) -> None:
    assert parse_ussd_end(END | {"status": said}) == UssdEnd("africastalking", "ATUid_1", status)  # type: ignore[arg-type]


def test_an_unknown_end_is_refused() -> None:
    with pytest.raises(BadCallback, match="none of Success, Incomplete, Failed"):
        parse_ussd_end(END | {"status": "Exploded"})


@pytest.mark.parametrize(
    "date",
    ["2026-11-23T09:15:00Z", "2026-11-23 09:15:00", "2026-11-23T12:15:00+03:00", "2026-11-23T09:15:00.000Z"],
)
def test_an_sms_is_read_whichever_way_its_date_is_written(date: str) -> None:
    sent_at = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
    read = parse_mo(MO | {"date": date})
    assert read == Mo("africastalking", "mo-1", WANJIKU, "38496", "Hakuna maji, Lindi", sent_at)


@pytest.mark.parametrize("date", ["", "yesterday", "0001-01-01T00:00:00+03:00", "2026-13-45 99:00:00"])
def test_an_unreadable_date_does_not_cost_the_message(date: str) -> None:
    assert parse_mo(MO | {"date": date}).sent_at is None


@pytest.mark.parametrize("sender", ["MPESA", "22141", "+254900123456"])
def test_a_sender_that_is_no_phone_stands_as_it_came(sender: str) -> None:
    assert parse_mo(MO | {"from": f" {sender}"}).msisdn == sender


@pytest.mark.parametrize("field", ["from", "id", "to"])
@pytest.mark.parametrize("value", ["", " ", "\x00", "x" * 81])
def test_an_sms_without_its_sender_id_or_address_is_refused(field: str, value: str) -> None:
    with pytest.raises(BadCallback, match=rf"^{field} is"):
        parse_mo(MO | {field: value})


def test_the_longest_possible_sms_is_read_whole() -> None:
    text = "a" * 39_015
    assert parse_mo(MO | {"text": text}).text == text


def test_an_sms_longer_than_possible_is_refused() -> None:
    with pytest.raises(BadCallback, match="longer than"):
        parse_mo(MO | {"text": "a" * 39_016})


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Sent", State.SUBMITTED),
        ("Submitted", State.SUBMITTED),
        ("Buffered", State.BUFFERED),
        ("Success", State.DELIVERED),
        ("Failed", State.UNDELIVERABLE),
        ("AbsentSubscriber", State.UNDELIVERABLE),
        ("Expired", State.EXPIRED),
        ("Rejected", State.REJECTED),
        ("Teleported", State.UNKNOWN),
    ],
)
def test_a_report_says_our_state_and_keeps_their_word(status: str, state: State) -> None:
    assert parse_report(DLR | {"status": status}) == Report("africastalking", "ATXid_1", state, status, WANJIKU, None)


def test_a_report_keeps_the_reason_and_does_not_need_the_number() -> None:
    report = parse_report({"id": "ATXid_1", "status": "Failed", "failureReason": "UserInBlackList"})
    assert (report.reason, report.msisdn) == ("UserInBlackList", None)


def test_an_opt_out_is_read() -> None:
    assert parse_opt_out(OPT_OUT) == OptOut("africastalking", WANJIKU, "38496")


@given(
    st.sampled_from([parse_ussd, parse_ussd_end, parse_mo, parse_report, parse_opt_out]),
    st.dictionaries(st.sampled_from(sorted({*USSD, *MO, *DLR, *OPT_OUT})), st.text(st.characters(), max_size=40)),
)
def test_no_form_whatever_does_more_than_be_refused(
    parse: Callable[[Mapping[str, str]], Any], form: dict[str, str]
) -> None:
    with suppress(BadCallback):
        read = parse(USSD | MO | DLR | OPT_OUT | form)
        words = [value for value in astuple(read) if isinstance(value, str)]
        assert "\x00" not in "".join(words).encode("utf-8").decode("utf-8")


# Sending


@pytest.fixture
def server() -> Iterator[AfricasTalkingServer]:
    with AfricasTalkingServer() as running:
        yield running


@pytest.fixture
def gateway(server: AfricasTalkingServer) -> AfricasTalking:
    return AfricasTalking("mlango", "key", sender="38496", base_url=server.url)


def mts(*numbers: str, text: str = "Tumepokea lalamiko", sender: str | None = None) -> list[Mt]:
    return [Mt(f"mt-{n}", number, text, sender) for n, number in enumerate(numbers)]


def numbers(amount: int) -> list[str]:
    return [f"+254712{n:06}" for n in range(amount)]


def test_a_message_goes_out_as_the_contract_says(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    text = "Mũgũnda & 'maji' 50% + 😀\nLindi"
    assert gateway.send(mts(WANJIKU, text=text)) == [Accepted("ATXid_1", "KES 0.8000")]
    [request] = server.received
    assert (request.path, request.headers["apiKey"]) == ("/version1/messaging", "key")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    expected = {"username": "mlango", "to": WANJIKU, "message": text, "bulkSMSMode": "1", "from": "38496"}
    assert request.form == expected


def test_a_message_with_a_sender_of_its_own_keeps_it(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    gateway.send(mts(WANJIKU, sender="MLANGO"))
    assert server.received[0].form["from"] == "MLANGO"


def test_equal_texts_share_requests_of_a_hundred(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    outcomes = gateway.send(mts(*numbers(250)))
    assert [len(request.recipients) for request in server.received] == [100, 100, 50]
    assert len({outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted)}) == 250


def test_outcomes_stand_in_the_order_of_the_batch(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    server.refuse[AMINA] = 406
    batch = [*mts(WANJIKU, text="A"), *mts(AMINA, text="B"), *mts(OTIENO, text="A"), *mts(WANJIKU, text="B")]
    outcomes = gateway.send(batch)
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, False, True, True]
    assert [(r.form["message"], r.recipients) for r in server.received] == [
        ("A", [WANJIKU, OTIENO]),
        ("B", [AMINA, WANJIKU]),
    ]


def test_the_same_text_twice_to_one_number_is_two_requests(
    server: AfricasTalkingServer, gateway: AfricasTalking
) -> None:
    first, second = gateway.send(mts(WANJIKU, WANJIKU))
    assert [request.recipients for request in server.received] == [[WANJIKU], [WANJIKU]]
    assert first != second


def test_one_batch_uses_one_connection(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    gateway.send([*mts(WANJIKU, text="A"), *mts(WANJIKU, text="B"), *mts(WANJIKU, text="C")])
    assert len(server.received) == 3
    assert len({request.connection for request in server.received}) == 1


def test_an_empty_batch_sends_nothing(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    assert gateway.send([]) == []
    assert not server.received


def test_what_cannot_be_sent_is_refused_without_a_request(
    server: AfricasTalkingServer, gateway: AfricasTalking
) -> None:
    outcomes = gateway.send([*mts("0712345678"), *mts(WANJIKU, text=" \x00"), *mts(OTIENO)])
    assert outcomes[:2] == [Refused(Policy.PERMANENT, "bad-number"), Refused(Policy.PERMANENT, "empty-text")]
    assert isinstance(outcomes[2], Accepted)
    assert [request.recipients for request in server.received] == [[OTIENO]]


@pytest.mark.parametrize("code", [100, 101, 102])
def test_processed_sent_and_queued_are_all_accepted(
    server: AfricasTalkingServer, gateway: AfricasTalking, code: int
) -> None:
    server.refuse[WANJIKU] = code
    assert gateway.send(mts(WANJIKU)) == [Accepted("ATXid_1", "KES 0.8000")]


@pytest.mark.parametrize(
    ("code", "policy"),
    [
        (401, Policy.CHANNEL),
        (402, Policy.CHANNEL),
        (403, Policy.PERMANENT),
        (404, Policy.PERMANENT),
        (405, Policy.CHANNEL),
        (406, Policy.SUPPRESS),
        (407, Policy.PERMANENT),
        (409, Policy.DEFER),
        (500, Policy.TRANSIENT),
        (501, Policy.TRANSIENT),
        (502, Policy.PERMANENT),
        (999, Policy.AMBIGUOUS),
    ],
)
def test_a_refused_recipient_has_its_policy_and_the_others_go(
    server: AfricasTalkingServer, gateway: AfricasTalking, code: int, policy: Policy
) -> None:
    server.refuse[OTIENO] = code
    taken, refused, also_taken = gateway.send(mts(WANJIKU, OTIENO, AMINA))
    assert isinstance(taken, Accepted)
    assert isinstance(also_taken, Accepted)
    assert isinstance(refused, Refused)
    assert refused.policy is policy
    assert refused.code == (REFUSALS[str(code)][1] if code != 999 else "status-999")


@pytest.mark.parametrize("code", [None, "", WANJIKU, "9" * 40, [101], True])
def test_a_code_that_is_none_is_in_doubt_and_not_repeated(
    server: AfricasTalkingServer, gateway: AfricasTalking, code: Any
) -> None:
    recipient = {"statusCode": code, "number": WANJIKU, "status": "?"}
    server.then(Reply(body=json.dumps({"SMSMessageData": {"Message": "Sent", "Recipients": [recipient]}})))
    assert gateway.send(mts(WANJIKU)) == [Refused(Policy.AMBIGUOUS, "status-odd", "?")]


def only(outcomes: list[Accepted | Refused]) -> Refused:
    """The one refusal that stands for the whole batch."""
    [refused] = set(outcomes)
    assert isinstance(refused, Refused)
    return refused


@pytest.mark.parametrize(
    ("status", "policy"),
    [
        (302, Policy.CHANNEL),
        (400, Policy.PERMANENT),
        (401, Policy.CHANNEL),
        (403, Policy.CHANNEL),
        (404, Policy.CHANNEL),
        (429, Policy.TRANSIENT),
        (500, Policy.TRANSIENT),
        (502, Policy.TRANSIENT),
        (503, Policy.TRANSIENT),
        (504, Policy.AMBIGUOUS),
    ],
)
def test_the_http_status_decides_for_the_whole_request(
    server: AfricasTalkingServer, gateway: AfricasTalking, status: int, policy: Policy
) -> None:
    elsewhere = {"Location": "/elsewhere"} if status == 302 else {}
    server.then(Reply(status, f"No, {WANJIKU}", "text/plain", headers=elsewhere))
    refused = only(gateway.send(mts(WANJIKU, OTIENO)))
    assert refused == Refused(policy, f"http-{status}", "No, +2547••••••78", throttled=status == 429)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "body",
    [
        "<html>Karibu Wi-Fi</html>",
        "",
        "null",
        "[]",
        '"text"',
        "{}",
        '{"SMSMessageData": null}',
        '{"SMSMessageData": {"Message": "Sent"}}',
        '{"SMSMessageData": {"Message": "Sent", "Recipients": "all"}}',
        '{"SMSMessageData": ["Sent"]}',
        "[" * 100_000,
    ],
)
def test_an_answer_that_cannot_be_read_is_ambiguous(
    server: AfricasTalkingServer, gateway: AfricasTalking, body: str
) -> None:
    server.then(Reply(200, body, "text/html"))
    refused = only(gateway.send(mts(WANJIKU, OTIENO)))
    assert (refused.policy, refused.code) == (Policy.AMBIGUOUS, "unreadable-answer")


@pytest.mark.parametrize(
    "reply",
    [Reply(body=" ", trickle=True), Reply(body='{"SMS', short=True), Reply(body=" " * (4 * 1024 * 1024 + 1))],
    ids=["without an end", "cut off", "too large"],
)
def test_an_answer_that_cannot_be_read_to_its_end_is_ambiguous(server: AfricasTalkingServer, reply: Reply) -> None:
    gateway = AfricasTalking("mlango", "key", base_url=server.url, timeout=(5, 0.3))
    server.then(reply)
    refused = only(gateway.send(mts(WANJIKU)))
    assert (refused.policy, refused.code) == (Policy.AMBIGUOUS, "no-answer")


def test_a_compressed_answer_is_read(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    def compressed(request: Received) -> Reply:
        body = zlib.compress(server.contract(request).body.encode())
        return Reply(body=body.decode("latin-1"), headers={"Content-Encoding": "deflate"}, charset="latin-1")

    server.then(compressed)
    assert gateway.send(mts(WANJIKU)) == [Accepted("ATXid_1", "KES 0.8000")]


def test_a_pause_that_the_network_asks_for_is_kept(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    server.then(Reply(429, "Slow down", "text/plain", headers={"Retry-After": "60"}))
    assert only(gateway.send(mts(WANJIKU))).throttled
    refused = only(gateway.send([*mts(WANJIKU), *mts(OTIENO, text="B")]))
    assert refused == Refused(Policy.TRANSIENT, "asked-to-wait", throttled=True)
    assert len(server.received) == 1


@pytest.mark.parametrize("pause", ["0", "", "-5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "٣"])
def test_a_pause_that_is_none_is_not_kept(server: AfricasTalkingServer, gateway: AfricasTalking, pause: str) -> None:
    server.then(Reply(429, "Slow down", "text/plain", headers={"Retry-After": pause}))
    gateway.send(mts(WANJIKU))
    assert isinstance(gateway.send(mts(WANJIKU))[0], Accepted)


def test_no_pause_is_longer_than_five_minutes(
    server: AfricasTalkingServer, gateway: AfricasTalking, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.then(Reply(429, "Slow down", "text/plain", headers={"Retry-After": "9" * 5000}))
    gateway.send(mts(WANJIKU))
    later = monotonic() + 301
    monkeypatch.setattr("sms_gateway.africastalking.monotonic", lambda: later)
    assert isinstance(gateway.send(mts(WANJIKU))[0], Accepted)


@pytest.mark.parametrize(("sender", "replies"), [("38496", True), (None, True), ("MLANGO", False)])
def test_nobody_can_answer_to_a_name(sender: str | None, replies: bool) -> None:
    assert AfricasTalking("mlango", "key", sender).capabilities.replies is replies


def test_a_charset_in_the_content_type_changes_nothing(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    def with_charset(request: Received) -> Reply:
        return Reply(body=server.contract(request).body, content_type="application/json; charset=utf-8")

    server.then(with_charset)
    assert gateway.send(mts(WANJIKU)) == [Accepted("ATXid_1", "KES 0.8000")]


def test_a_byte_order_mark_before_the_answer_changes_nothing(
    server: AfricasTalkingServer, gateway: AfricasTalking
) -> None:
    server.then(lambda request: Reply(body=server.contract(request).body, charset="utf-8-sig"))
    assert gateway.send(mts(WANJIKU)) == [Accepted("ATXid_1", "KES 0.8000")]


def test_no_recipients_is_the_channels_fault(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    server.then(Reply(body='{"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}}'))
    assert only(gateway.send(mts(WANJIKU, OTIENO))) == Refused(Policy.CHANNEL, "no-recipients", "InvalidSenderId")


def test_a_recipient_missing_from_the_answer_is_ambiguous(
    server: AfricasTalkingServer, gateway: AfricasTalking
) -> None:
    def forgetful(request: Received) -> Reply:
        answer = json.loads(server.contract(request).body)
        answer["SMSMessageData"]["Recipients"][1:] = ["what?"]
        return Reply(body=json.dumps(answer))

    server.then(forgetful)
    taken, forgotten = gateway.send(mts(WANJIKU, OTIENO))
    assert isinstance(taken, Accepted)
    assert forgotten == Refused(Policy.AMBIGUOUS, "missing-in-answer")


# Numbers, words and structures where the documentation has others
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10) | st.just(WANJIKU),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=JSON, status=st.sampled_from([200, 201, 204, 301, 400, 429, 503]))
def test_whatever_is_answered_each_message_has_an_outcome_and_a_fetch_its_end(
    server: AfricasTalkingServer, gateway: AfricasTalking, data: Any, status: int
) -> None:
    body = json.dumps({"SMSMessageData": data}) if status != 204 else ""
    server.always = lambda _: Reply(status, body)
    outcomes = gateway.send(mts(WANJIKU, OTIENO))
    assert [type(outcome) in (Accepted, Refused) for outcome in outcomes] == [True, True]
    with suppress(GatewayFault):
        assert all(mo.provider_id for mo in gateway.poll("1").messages)


def test_an_accepted_message_may_have_no_id(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    recipient = {"statusCode": "101", "number": WANJIKU.lstrip("+"), "status": "Success", "messageId": "None"}
    server.then(Reply(body=json.dumps({"SMSMessageData": {"Message": "Sent", "Recipients": [recipient]}})))
    assert gateway.send(mts(WANJIKU)) == [Accepted(None, None)]


@pytest.mark.parametrize("reply", [Reply(silence=True), Reply(reset=True)], ids=["read time-out", "reset"])
def test_a_line_that_breaks_after_the_request_is_ambiguous_and_ends_the_batch(
    server: AfricasTalkingServer, reply: Reply
) -> None:
    gateway = AfricasTalking("mlango", "key", base_url=server.url, timeout=(5, 0.3))
    server.then(reply)
    outcomes = gateway.send([*mts(WANJIKU, text="A"), *mts(OTIENO, text="A"), *mts(AMINA, text="B")])
    assert [outcome.policy for outcome in outcomes if isinstance(outcome, Refused)] == [
        Policy.AMBIGUOUS,
        Policy.AMBIGUOUS,
        Policy.TRANSIENT,
    ]
    assert len(server.received) == 1


def test_a_line_that_breaks_between_requests_is_not_asked_again(
    server: AfricasTalkingServer, gateway: AfricasTalking
) -> None:
    server.then(server.contract, Reply(401, "The supplied authentication is invalid", "text/plain"))
    taken, *rest = gateway.send([*mts(WANJIKU, text="A"), *mts(WANJIKU, text="B"), *mts(WANJIKU, text="C")])
    assert isinstance(taken, Accepted)
    assert only(rest).policy is Policy.CHANNEL
    assert len(server.received) == 2


def test_a_text_that_the_network_dislikes_does_not_stop_the_others(
    server: AfricasTalkingServer, gateway: AfricasTalking
) -> None:
    server.then(Reply(400, "Bad message", "text/plain"))
    disliked, taken = gateway.send([*mts(WANJIKU, text="A"), *mts(WANJIKU, text="B")])
    assert disliked == Refused(Policy.PERMANENT, "http-400", "Bad message")
    assert isinstance(taken, Accepted)


def test_a_refused_connection_is_transient() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        gateway = AfricasTalking("mlango", "key", base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        refused = only(gateway.send(mts(WANJIKU, OTIENO)))
    assert (refused.policy, refused.code) == (Policy.TRANSIENT, "unreachable")


def test_a_tls_handshake_that_fails_is_transient_since_nothing_was_said(server: AfricasTalkingServer) -> None:
    gateway = AfricasTalking("mlango", "key", base_url=server.url.replace("http:", "https:"))
    refused = only(gateway.send(mts(WANJIKU)))
    assert (refused.policy, refused.code) == (Policy.TRANSIENT, "unreachable")


@pytest.mark.parametrize(
    ("base_url", "key"), [("ftp://127.0.0.1", "key"), ("http://", "key"), ("http://127.0.0.1:1", "secret\n")]
)
def test_settings_that_make_no_request_are_the_channels_fault(base_url: str, key: str) -> None:
    refused = only(AfricasTalking("mlango", key, base_url=base_url).send(mts(WANJIKU)))
    assert (refused.policy, refused.code) == (Policy.CHANNEL, "bad-settings")
    assert "secret" not in refused.detail


def test_the_sandbox_account_goes_to_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(session: object, method: str, url: str, **options: object) -> None:
        asked.append(url)
        raise ValueError("no network in tests")

    monkeypatch.setattr("requests.Session.request", refuse)
    AfricasTalking("sandbox", "key").send(mts(WANJIKU))
    AfricasTalking("mlango", "key").send(mts(WANJIKU))
    assert asked == [
        "https://api.sandbox.africastalking.com/version1/messaging",
        "https://api.africastalking.com/version1/messaging",
    ]


# Fetching


def polled(gateway: AfricasTalking, cursor: str = "1") -> list[str]:
    return [mo.text for mo in gateway.poll(cursor).messages]


def waiting(server: AfricasTalkingServer, text: str, **fields: Any) -> None:
    server.arrive(**{"from": WANJIKU, "text": text} | fields)


def test_messages_are_asked_for_as_the_contract_says(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    waiting(server, "maji", date="2018-03-19T08:34:18.445Z")
    fetched = gateway.poll("15069")
    sent_at = datetime(2018, 3, 19, 8, 34, 18, 445_000, tzinfo=UTC)
    assert fetched == Polled((Mo("africastalking", "15070", WANJIKU, "38496", "maji", sent_at),), (), "15070")
    [request] = server.received
    assert (request.method, request.path, request.headers["apiKey"]) == ("GET", "/version1/messaging", "key")
    assert request.form == {"username": "mlango", "lastReceivedId": "15069"}


def test_a_fetched_message_and_its_callback_have_the_same_id(
    server: AfricasTalkingServer, gateway: AfricasTalking
) -> None:
    waiting(server, "maji")
    [fetched] = gateway.poll("1").messages
    called_back = parse_mo(MO | {"id": "15070"})
    assert (fetched.provider, fetched.provider_id) == (called_back.provider, called_back.provider_id)


def test_page_after_page_is_fetched(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    for number in range(250):
        waiting(server, f"maji {number}")
    cursor, texts = "1", []
    while page := (fetched := gateway.poll(cursor)).messages:
        texts += [mo.text for mo in page]
        cursor = fetched.cursor
    assert texts == [f"maji {number}" for number in range(250)]
    assert [request.form["lastReceivedId"] for request in server.received] == ["1", "15169", "15269", "15319"]


def test_the_first_time_only_what_a_callback_could_still_bring_is_taken(server: AfricasTalkingServer) -> None:
    """The account may be older than this box: what was sent years ago must not become cases today."""
    gateway = AfricasTalking("mlango", "key", base_url=server.url, clock=lambda: datetime(2026, 11, 23, 6, tzinfo=UTC))
    for number in range(120):
        waiting(server, f"old {number}", date="2026-11-22T17:59:59Z")
    waiting(server, "undated", date="?")
    waiting(server, "tonight", date="2026-11-22T18:00:00Z")
    first = gateway.poll("")
    second = gateway.poll(first.cursor)
    end = gateway.poll(second.cursor)
    assert [mo.text for mo in (*first.messages, *second.messages, *end.messages)] == ["tonight"]
    waiting(server, "after a week without a network", date="2026-11-01T00:00:00Z")
    assert polled(gateway, end.cursor) == ["after a week without a network"]


def test_a_new_account_has_nothing_and_all_that_comes_is_taken(
    server: AfricasTalkingServer, gateway: AfricasTalking
) -> None:
    cursor = gateway.poll("").cursor
    waiting(server, "maji", date="2020-01-01T00:00:00Z")
    assert polled(gateway, cursor) == ["maji"]


def test_what_a_callback_would_refuse_is_passed_over(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    waiting(server, "from nobody", **{"from": ""})
    waiting(server, "maji")
    assert polled(gateway) == ["maji"]
    assert gateway.poll("1").cursor == "15071"


def test_fields_may_be_missing_or_null(server: AfricasTalkingServer, gateway: AfricasTalking) -> None:
    waiting(server, "maji", date=None)
    server.inbox[0] = {name: server.inbox[0][name] for name in ("id", "from", "to", "text", "date")}
    waiting(server, "", linkId=7)
    server.inbox[1]["text"] = None
    assert [(mo.text, mo.sent_at is None) for mo in gateway.poll("1").messages] == [("maji", True), ("", False)]


def test_a_network_that_hands_out_the_same_again_does_not_move_the_cursor(
    server: AfricasTalkingServer, gateway: AfricasTalking
) -> None:
    waiting(server, "maji")
    page = server.contract(Received("/", {}, {"lastReceivedId": "0"}, ("", 0), "GET"))
    server.always = lambda _: page
    assert gateway.poll("15070") == Polled((), (), "15070")


def test_ids_that_are_no_numbers_are_followed_in_the_order_of_the_answer(
    server: AfricasTalkingServer, gateway: AfricasTalking
) -> None:
    messages = [{"id": one, "from": WANJIKU, "to": "38496", "text": "maji"} for one in ("ATXid_9", "ATXid_7")]
    body = json.dumps({"SMSMessageData": {"Messages": ["what?", {"text": "no id"}, *messages]}})
    server.always = lambda _: Reply(200, body)
    fetched = gateway.poll("15070")
    assert ([mo.provider_id for mo in fetched.messages], fetched.cursor) == (["ATXid_9", "ATXid_7"], "ATXid_7")
    assert gateway.poll("ATXid_9") == Polled(fetched.messages[1:], (), "ATXid_7")
    assert gateway.poll("ATXid_7") == Polled((), (), "ATXid_7")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(401, "The supplied authentication is invalid", "text/plain"),
        Reply(500, "<html>Oops</html>", "text/html"),
        Reply(200, "<html>Karibu Wi-Fi</html>", "text/html"),
        Reply(200, '{"SMSMessageData": {"Messages": null}}'),
        Reply(reset=True),
        Reply(silence=True),
        Reply(trickle=True),
    ],
    ids=["account", "fault", "page", "null", "reset", "silence", "no end"],
)
def test_a_fetch_that_fails_is_told_in_a_sentence(server: AfricasTalkingServer, reply: Reply) -> None:
    gateway = AfricasTalking("mlango", "secret", base_url=server.url, timeout=(1, 0.3))
    server.always = lambda _: reply
    with pytest.raises(GatewayFault, match=r"^Africa's Talking .+ messages.*\.$") as told:
        gateway.poll("")
    assert "secret" not in str(told.value)
