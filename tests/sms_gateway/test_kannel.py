from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import astuple
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_gateway.gateway import Accepted, BadCallback, Mo, Mt, Policy, Refused, Report, State, UssdMove, UssdTurn
from sms_gateway.kannel import (
    Kannel,
    Posted,
    parse_mo,
    parse_report,
    parse_ussd,
    render_ussd,
    report_address,
)
from tests.sms_gateway.at_server import Reply
from tests.sms_gateway.kannel_server import KannelServer

WANJIKU = "+254712345678"
KID = "f6d067e2-e8c7-4661-b159-b61579716011"
FIELDS = {"kid": KID, "to": "38496", "ts": "1795339227", "smsc": "SMS"}
HEADERS = {"x-kannel-from": "254712345678", "content-type": 'text/plain; charset="UTF-8"'}
TEXT = "Gũtirĩ maaĩ, Lindi"
DIALLED = {"x-kannel-meta-data": "?smpp?ussd_service_op=%01&its_session_info=%01%FF&"}
TYPED = {"x-kannel-meta-data": "?smpp?ussd_service_op=%12&its_session_info=%01%FF&"}


def posted(
    text: str | bytes = TEXT, fields: Mapping[str, str] = FIELDS, headers: Mapping[str, str] | None = None
) -> Posted:
    return Posted(fields, {**HEADERS, **(headers or {})}, text.encode() if isinstance(text, str) else text)


def typed(charset: str) -> dict[str, str]:
    return {"content-type": charset}


# What citizens text


def test_an_sms_is_read() -> None:
    sent_at = datetime(2026, 11, 22, 9, 20, 27, tzinfo=UTC)
    assert parse_mo(posted()) == Mo("kannel", KID, WANJIKU, "38496", TEXT, sent_at)


def test_an_sms_brought_by_get_url_is_the_same() -> None:
    fields = FIELDS | {"from": WANJIKU, "text": TEXT}
    assert parse_mo(Posted(fields, {}, b"")) == parse_mo(posted())


@pytest.mark.parametrize("charset", ["UTF-8", "UTF-16BE", "unknown-8bit", ""])
def test_an_sms_is_read_in_whatever_alphabet_it_comes(charset: str) -> None:
    body = TEXT.encode("utf-16-be" if charset == "UTF-16BE" else "utf-8")
    assert parse_mo(posted(body, headers=typed(f'text/plain; charset="{charset}"'))).text == TEXT


def test_octets_that_are_no_text_are_read_as_latin_1() -> None:
    assert parse_mo(posted(b"caf\xe9 \x00", headers=typed("application/octet-stream"))).text == "café "


def test_half_a_character_does_not_cost_the_words() -> None:
    half = "Maji \ud83d hakuna".encode("utf-16-be", "surrogatepass")
    assert parse_mo(posted(half, headers=typed("text/plain; charset=UTF-16BE"))).text == "Maji \ufffd hakuna"


@pytest.mark.parametrize("ts", ["", "soon", "9" * 30, "-" + "9" * 18])
def test_an_unreadable_time_does_not_cost_the_message(ts: str) -> None:
    assert parse_mo(posted(fields=FIELDS | {"ts": ts})).sent_at is None


@pytest.mark.parametrize("sender", ["MPESA", "22141", "+254900123456"])
def test_a_sender_that_is_no_phone_is_named_as_it_came(sender: str) -> None:
    assert parse_mo(posted(headers={"x-kannel-from": sender})).msisdn == sender


def test_an_sms_from_nobody_is_refused() -> None:
    with pytest.raises(BadCallback, match="from is missing"):
        parse_mo(posted(headers={"x-kannel-from": ""}))


@pytest.mark.parametrize("field", ["kid", "to"])
def test_an_sms_without_its_id_or_short_code_is_refused(field: str) -> None:
    with pytest.raises(BadCallback, match=f"{field} is missing"):
        parse_mo(posted(fields={name: value for name, value in FIELDS.items() if name != field}))


def test_a_hop_of_ussd_is_never_taken_for_an_sms() -> None:
    with pytest.raises(BadCallback, match="accepted-smsc"):
        parse_mo(posted("*384*96#", headers=DIALLED))


# Delivery reports


def receipt(stat: str, err: str = "000") -> str:
    return f"id:M1001 sub:001 dlvrd:001 submit date:2611220920 done date:2611220921 stat:{stat} err:{err} text:Namba"


@pytest.mark.parametrize(
    ("status", "answer", "state", "raw", "reason"),
    [
        ("1", "", State.DELIVERED, "1", None),
        ("1", receipt("DELIVRD"), State.DELIVERED, "1 DELIVRD", "000"),
        ("2", receipt("UNDELIV", "001"), State.UNDELIVERABLE, "2 UNDELIV", "001"),
        ("2", receipt("EXPIRED"), State.EXPIRED, "2 EXPIRED", "000"),
        ("2", receipt("REJECTD"), State.REJECTED, "2 REJECTD", "000"),
        ("2", receipt("DELETED"), State.UNDELIVERABLE, "2 DELETED", "000"),
        ("2", receipt("UNKNOWN"), State.UNKNOWN, "2 UNKNOWN", "000"),
        ("2", receipt("ODD"), State.UNDELIVERABLE, "2 ODD", "000"),
        ("4", receipt("ACCEPTD"), State.SUBMITTED, "4 ACCEPTD", "000"),
        ("4", "", State.BUFFERED, "4", None),
        ("8", "ACK/", State.SUBMITTED, "8", None),
        ("16", "NACK/11/Invalid Destination", State.REJECTED, "16", "NACK/11/Invalid Destination"),
        ("32", "", State.UNKNOWN, "32", None),
    ],
)
def test_a_report_says_our_state_and_keeps_their_words(
    status: str, answer: str, state: State, raw: str, reason: str | None
) -> None:
    read = parse_report({"id": "0193", "status": status, "answer": answer})
    assert read == Report("kannel", "0193", state, raw, None, reason)


def test_the_citizens_words_in_a_receipt_are_not_kept_nor_believed() -> None:
    read = parse_report({"id": "0193", "status": "1", "answer": receipt("DELIVRD") + " stat:EXPIRED 0712345678"})
    assert read.state is State.DELIVERED
    assert "Namba" not in str(astuple(read))
    assert "0712" not in str(astuple(read))


@pytest.mark.parametrize("field", ["id", "status"])
def test_a_report_without_our_id_or_its_status_is_refused(field: str) -> None:
    with pytest.raises(BadCallback, match=f"{field} is missing"):
        parse_report({"id": "0193", "status": "1", field: ""})


# USSD over SMPP


def hop(text: str, headers: Mapping[str, str] = TYPED) -> UssdTurn:
    return parse_ussd(posted(text, FIELDS | {"smsc": "USSD"}, headers), "*384*96#")


@pytest.mark.parametrize(
    ("operation", "move"),
    [("%00", "dial"), ("%01", "dial"), ("1", "dial"), ("%12", "input"), ("18", "input"), ("%13", "hang-up")],
)
def test_the_operation_says_what_a_hop_is(operation: str, move: UssdMove) -> None:
    turn = hop("1", {"x-kannel-meta-data": f"?smpp?ussd_service_op={operation}&"})
    assert (turn.gateway, turn.link, turn.id, turn.move, turn.msisdn) == ("kannel", "USSD", KID, move, WANJIKU)


@pytest.mark.parametrize(
    ("dialled", "inputs"),
    [
        ("*384*96#", ""),
        ("*384*96*2*482915633#", "2*482915633"),
        ("*384*961#", ""),
        ("*384#", ""),
        ("384", ""),
        ("", ""),
    ],
)
def test_what_stands_behind_our_code_is_dialled_ahead(dialled: str, inputs: str) -> None:
    assert hop(dialled, DIALLED).text == inputs


def test_what_is_typed_is_read_as_it_is() -> None:
    assert hop("*384*96*2#").text == "*384*96*2#"


def test_a_link_that_passes_no_operation_on_is_refused() -> None:
    for meta in ("", "?smpp?", "?smpp?its_session_info=%01%02", "?http?ussd_service_op=1"):
        with pytest.raises(BadCallback, match="TLVs"):
            hop("1", {"x-kannel-meta-data": meta})


def test_a_hop_from_no_citizen_is_refused_without_repeating_who() -> None:
    with pytest.raises(BadCallback, match=r"^from is not a citizen's phone number\.$"):
        hop("1", TYPED | {"x-kannel-from": "MPESA"})


def test_an_input_longer_than_any_handset_types_is_refused() -> None:
    with pytest.raises(BadCallback, match="longer than"):
        hop("9" * 183)


@pytest.mark.parametrize(("end", "operation"), [(False, 2), (True, 17)])
def test_a_screen_goes_back_into_its_session(end: bool, operation: int) -> None:
    words, headers = render_ussd(posted("1", headers=TYPED), " 1. Maji\n", end)
    assert words == "1. Maji"
    assert headers == {
        "X-Kannel-Meta-Data": f"?smpp?ussd_service_op={operation}&its_session_info=%01%ff",
        "X-Kannel-Coding": "0",
    }


def test_a_screen_says_when_it_is_not_gsm_and_names_no_session_where_there_is_none() -> None:
    _, headers = render_ussd(posted(), "Nĩ wega", end=True)
    assert headers == {"X-Kannel-Meta-Data": "?smpp?ussd_service_op=17", "X-Kannel-Coding": "2"}


def test_a_screen_without_words_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="must have words"):
        render_ussd(posted(), " \n", end=False)


NASTY = st.text(st.characters(), max_size=40)
CONTENT_TYPES = st.sampled_from(["text/plain; charset=rot13", "text/plain; charset=unicode_escape", "x", ""]) | NASTY


@given(
    st.dictionaries(st.sampled_from([*FIELDS, "text", "from", "status", "id", "answer", "meta"]), NASTY),
    st.binary(max_size=60),
    CONTENT_TYPES,
)
def test_nothing_whatever_does_more_than_be_refused(fields: dict[str, str], body: bytes, content_type: str) -> None:
    brought = Posted(FIELDS | fields, HEADERS | {"content-type": content_type}, body)
    for parse in (parse_mo, lambda one: parse_report(one.fields), lambda one: parse_ussd(one, "*384*96#")):
        with suppress(BadCallback):
            words = [value for value in astuple(parse(brought)) if isinstance(value, str)]
            assert "\x00" not in "".join(words).encode("utf-8").decode("utf-8")


# Sending


@pytest.fixture
def server() -> Iterator[KannelServer]:
    with KannelServer() as server:
        yield server


def gateway(server: KannelServer, sender: str = "38496", token: str | None = None) -> Kannel:
    return Kannel(server.url, "mlango", "secret", sender, report_address("http://10.0.0.2:8000/", token), (1, 0.3))


def mt(text: str = "Nambari yako", id: str = "0193", sender: str | None = None) -> Mt:
    return Mt(id, WANJIKU, text, sender)


def test_a_message_carries_the_account_the_alphabet_and_where_its_report_goes(server: KannelServer) -> None:
    assert gateway(server).send([mt("Nĩ wega")]) == [Accepted("0193", None)]
    (request,) = server.received
    assert request.path == "/cgi-bin/sendsms"
    assert request.body.decode() == "Nĩ wega"
    assert {name: value for name, value in request.headers.items() if name.startswith("x-kannel")} == {
        "x-kannel-username": "mlango",
        "x-kannel-password": "secret",
        "x-kannel-from": "38496",
        "x-kannel-to": WANJIKU,
        "x-kannel-coding": "2",
        "x-kannel-dlr-mask": "31",
        "x-kannel-dlr-url": "http://10.0.0.2:8000/callbacks/kannel/delivery?id=0193&status=%d&answer=%A",
    }


def test_the_token_in_the_reports_address_is_itself_after_kannel_has_read_it(server: KannelServer) -> None:
    gateway(server, token="a/b%d&c").send([mt()])
    address = server.received[0].headers["x-kannel-dlr-url"]
    filled = address.replace("%%", "\0").replace("%d", "1").replace("%A", "ACK").replace("\0", "%")
    fields = dict(parse_qsl(urlsplit(filled).query))
    assert fields == {"token": "a/b%d&c", "id": "0193", "status": "1", "answer": "ACK"}


def test_a_text_goes_out_in_its_composed_form_and_in_gsm_where_that_will_do(server: KannelServer) -> None:
    gateway(server).send([mt("cafe\u0301")])
    (request,) = server.received
    assert (request.body.decode(), request.headers["x-kannel-coding"]) == ("café", "0")


def test_a_message_with_a_sender_of_its_own_goes_out_under_that(server: KannelServer) -> None:
    gateway(server).send([mt(sender="40404")])
    assert server.received[0].headers["x-kannel-from"] == "40404"


@pytest.mark.parametrize(("sender", "replies"), [("38496", True), ("+254711082000", True), ("MLANGO", False)])
def test_nobody_can_answer_to_a_name(server: KannelServer, sender: str, replies: bool) -> None:
    assert gateway(server, sender).capabilities.replies is replies


@pytest.mark.parametrize(
    ("status", "words", "expected"),
    [
        (400, "Number(s) has/have been denied by white- and/or black-lists.", (Policy.PERMANENT, "number-denied")),
        (400, "Charset or body misformed, rejected", (Policy.PERMANENT, "misformed")),
        (403, "Not routable. Do not try again.", (Policy.PERMANENT, "not-routable")),
        (403, "Authorization failed for sendsms", (Policy.CHANNEL, "http-403")),
        (404, "Unknown request.", (Policy.CHANNEL, "http-404")),
        (302, "", (Policy.CHANNEL, "http-302")),
        (429, "", (Policy.TRANSIENT, "too-many")),
        (500, "", (Policy.TRANSIENT, "http-500")),
        (503, "Temporal failure, try again later.", (Policy.TRANSIENT, "queue-full")),
        (503, "<html>down</html>", (Policy.TRANSIENT, "http-503")),
        (504, "", (Policy.AMBIGUOUS, "proxy-timeout")),
        (200, "<html>Karibu</html>", (Policy.AMBIGUOUS, "unreadable-answer")),
        (202, "Sent.", (Policy.AMBIGUOUS, "unreadable-answer")),
    ],
)
def test_every_refusal_has_its_policy(
    server: KannelServer, status: int, words: str, expected: tuple[Policy, str]
) -> None:
    server.behave = lambda _: Reply(status, words, "text/html")
    (outcome,) = gateway(server).send([mt()])
    assert isinstance(outcome, Refused)
    assert (outcome.policy, outcome.code, outcome.detail) == (*expected, words)


def test_what_kannel_takes_while_its_link_is_down_is_taken(server: KannelServer) -> None:
    server.behave = lambda _: Reply(202, "3: Queued for later delivery", "text/html")
    assert gateway(server).send([mt()]) == [Accepted("0193", None)]


def test_a_full_queue_stops_the_batch_and_asks_for_less(server: KannelServer) -> None:
    server.behave = lambda _: Reply(503, "Temporal failure, try again later.", "text/html")
    outcomes = gateway(server).send([mt(id="1"), mt(id="2")])
    assert [isinstance(outcome, Refused) and outcome.throttled for outcome in outcomes] == [True, True]
    assert len(server.received) == 1


def test_a_password_that_no_header_carries_is_a_fault_of_the_channel_and_not_repeated(server: KannelServer) -> None:
    (outcome,) = Kannel(server.url, "mlango", "se\ncret", "38496", "http://10.0.0.2/?").send([mt()])
    assert outcome == Refused(Policy.CHANNEL, "bad-settings", "ValueError")
