"""What the phone networks call, by the contract of the callbacks, on both databases."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases.models import Case, Citizen
from menus.sessions import UssdSession
from sms_gateway.encoding import ussd_fits
from sms_gateway.message import DeliveryReport, Message
from store import database
from store.clock import utcnow
from tests import box
from tests.box import ASHA, CALLBACKS, LODGE, Handset, number_in, through
from ussd_app.callbacks import LARGEST_BODY
from ussd_app.settings import Settings

TOKEN, NEXT_TOKEN = "3f9c1d77a0b24e5f8f6e", "b81e04cc2d9a4f7791d0"
ENDPOINTS = ("ussd", "ussd-events", "sms", "delivery", "opt-out")
A_HOP = {"sessionId": "s1", "phoneNumber": ASHA, "serviceCode": "*384*96#", "networkCode": "63902", "text": ""}
AN_MO = {"id": "m1", "from": ASHA, "to": "38496", "text": "No water since Monday", "date": "2026-11-23 09:15:00"}
A_REPORT = {"id": "ATXid_1", "status": "Success", "phoneNumber": ASHA, "networkCode": "63902"}
AN_END = {"sessionId": "s1", "status": "Success", "phoneNumber": ASHA, "serviceCode": "*384*96#"}
AN_OPT_OUT = {"phoneNumber": ASHA, "senderId": "38496"}
GOOD = dict(zip(ENDPOINTS, (A_HOP, AN_END, AN_MO, A_REPORT, AN_OPT_OUT), strict=True))


def load(home: Path, url: str, **more: str) -> Settings:
    return Settings.load(box.environ(home, url, log_level="error", **more))


@pytest.fixture
def open_door(database_url: str, tmp_path: Path) -> Iterator[FlaskClient]:
    """A client on the same machine; no token is set."""
    with box.application(load(tmp_path, database_url)) as app:
        yield app.test_client()


@pytest.fixture
def guarded(database_url: str, tmp_path: Path) -> Iterator[FlaskClient]:
    """A client of a service whose tokens are being changed over: both are good."""
    with box.application(load(tmp_path, database_url, callback_token=f"{TOKEN}, {NEXT_TOKEN}")) as app:
        yield app.test_client()


def rows() -> int:
    return sum(model.select().count() for model in (Citizen, Case, Message, DeliveryReport, UssdSession))


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"africastalking:{password}".encode()).decode()}


# Who may call


@pytest.mark.parametrize("token", [TOKEN, NEXT_TOKEN])
def test_either_of_two_tokens_opens_in_the_address_or_as_a_password(guarded: FlaskClient, token: str) -> None:
    for endpoint, form in GOOD.items():
        path = f"{CALLBACKS}/{endpoint}"
        assert guarded.post(f"{path}?token={token}", data=form).status_code == 200
        assert guarded.post(path, data=form, headers=basic(token)).status_code == 200


def test_no_other_token_opens_and_nothing_is_stored(guarded: FlaskClient) -> None:
    for endpoint, form in GOOD.items():
        path = f"{CALLBACKS}/{endpoint}"
        wrong = ["", TOKEN[:-1], TOKEN + "x", f"{TOKEN},{NEXT_TOKEN}", "%E2%98%83", "%00"]
        refused = [guarded.post(f"{path}?token={one}", data=form) for one in wrong]
        refused += [guarded.post(path, data=form, headers=basic("wrong"))]
        refused += [guarded.post(path, data=form, headers={"Authorization": f"Bearer {TOKEN}"})]
        refused += [guarded.post(path, data={**form, "token": TOKEN})]  # not where it is looked for
        assert {answer.status_code for answer in refused} == {403}
    assert rows() == 0


def test_without_a_token_only_this_machine_may_call_and_not_through_a_proxy(open_door: FlaskClient) -> None:
    def call(**how: object) -> int:
        return open_door.post(f"{CALLBACKS}/ussd", data=A_HOP, **how).status_code

    assert call(environ_overrides={"REMOTE_ADDR": "192.0.2.7"}) == 403
    assert call(environ_overrides={"REMOTE_ADDR": ""}) == 403
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert call(headers={header: "127.0.0.1"}) == 403
    assert rows() == 0
    assert call() == 200
    assert call(environ_overrides={"REMOTE_ADDR": "::1"}) == 200


def test_callbacks_are_posted(open_door: FlaskClient) -> None:
    assert {open_door.get(f"{CALLBACKS}/{endpoint}").status_code for endpoint in ENDPOINTS} == {405}


def test_every_answer_carries_the_security_headers(open_door: FlaskClient) -> None:
    paths = (f"{CALLBACKS}/ussd", "/healthz", "/readyz", "/metrics", "/", "/nowhere")
    for answer in [ask(path) for path in paths for ask in (open_door.get, open_door.post)]:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert answer.headers["Cache-Control"] == "no-store"


# USSD


def is_a_screen(status: int, kind: str, body: str) -> bool:
    fits = ussd_fits(body, octets=140)  # `CON ` included
    return status == 200 and kind == "text/plain; charset=utf-8" and body[:4] in ("CON ", "END ") and fits


def posted(client: FlaskClient, endpoint: str, body: bytes | str) -> tuple[int, str, str]:
    answer = client.post(f"{CALLBACKS}/{endpoint}", data=body, content_type="application/x-www-form-urlencoded")
    return answer.status_code, answer.content_type, answer.text


def test_a_session_ends_with_a_number(open_door: FlaskClient) -> None:
    number = number_in(Handset(through(open_door)).dial(*LODGE))
    assert [case.ref for case in Case.select()] == [number]


def test_a_hop_that_cannot_be_read_still_gets_words(open_door: FlaskClient) -> None:
    for missing in ("sessionId", "phoneNumber", "serviceCode"):
        body = urlencode({field: value for field, value in A_HOP.items() if field != missing})
        assert posted(open_door, "ussd", body)[2].startswith("END Sorry")


def test_a_body_that_is_too_large_is_never_read_and_not_asked_for_again(open_door: FlaskClient) -> None:
    for endpoint, form in GOOD.items():
        for size in (LARGEST_BODY + 1, 1_000_000):
            body = urlencode(form) + "&x="
            assert posted(open_door, endpoint, body + "x" * (size - len(body)))[0] == 200
    assert rows() == 0
    body = urlencode(A_HOP) + "&x="
    assert posted(open_door, "ussd", body + "x" * (LARGEST_BODY - len(body)))[2].startswith("CON ")


def test_no_garbage_is_an_error_of_ours(open_door: FlaskClient) -> None:
    garbage = [
        b"",
        b"\xff\xfe\x00",
        b"%",
        b"=&=&=",
        b"sessionId=%ED%A0%80&phoneNumber=%00&serviceCode=%FF",
        b"&".join(b"text=" + str(n).encode() for n in range(5_000)),
    ]
    assert {posted(open_door, endpoint, body)[0] for endpoint in ENDPOINTS for body in garbage} == {200}
    assert rows() == 0


def test_a_body_that_is_no_form_is_not_read(open_door: FlaskClient) -> None:
    path = f"{CALLBACKS}/ussd"
    for kind in ("application/json", "multipart/form-data", "multipart/form-data; boundary=x", "text/plain", ""):
        answer = open_door.post(path, data=urlencode(A_HOP), content_type=kind)
        assert is_a_screen(answer.status_code, answer.content_type, answer.text)
    assert rows() == 0


def test_the_first_of_repeated_fields_counts(open_door: FlaskClient) -> None:
    assert is_a_screen(*posted(open_door, "ussd", urlencode(A_HOP) + "&phoneNumber=nobody&text=1*1*1"))
    assert UssdSession.select().count() == 1


def test_the_database_gone_is_told_to_the_citizen_and_the_network_repeats_the_sms(
    open_door: FlaskClient, tmp_path: Path
) -> None:
    asha = Handset(through(open_door))
    asha.dial("2")
    url = _url()
    database.close()
    database.bind(f"sqlite:///{tmp_path}/no/such/folder.sqlite3")
    answer = asha.hop("", "s2")
    assert is_a_screen(200, "text/plain; charset=utf-8", answer)
    assert answer.startswith("END Samahani")  # she chose Swahili
    assert posted(open_door, "sms", urlencode(AN_MO))[0] == 503
    assert posted(open_door, "delivery", urlencode(A_REPORT))[0] == 503
    assert posted(open_door, "opt-out", urlencode(AN_OPT_OUT))[0] == 503
    database.bind(url)
    assert posted(open_door, "sms", urlencode(AN_MO))[0] == 200
    assert asha.hop("", "s3").startswith("CON ")
    assert Message.select().where(Message.direction == "mo").count() == 1


def _url() -> str:
    """Where the models look now, in the words of `database.bind`."""
    handle = database.main.obj
    return str(handle.database) if database.is_postgres() else f"sqlite:///{handle.database}"


def test_the_end_of_a_session_is_noted(open_door: FlaskClient) -> None:
    posted(open_door, "ussd", urlencode(A_HOP))
    assert posted(open_door, "ussd-events", urlencode({**AN_END, "status": "Incomplete", "input": "1*2"}))[0] == 200
    assert [session.ended for session in UssdSession.select()] == ["incomplete"]
    assert posted(open_door, "ussd-events", urlencode({**AN_END, "status": "Tired"}))[0] == 200
    assert posted(open_door, "ussd-events", urlencode({**AN_END, "sessionId": "never seen"}))[0] == 200


# SMS


def test_a_sender_that_is_nobodys_phone_is_not_answered(open_door: FlaskClient) -> None:
    senders = {"SAFARICOM": "ok", "22144": "ok", "+254900123456": "ok"} | dict.fromkeys(
        ("", "\x00", "0" * 400), "not understood"
    )
    for sender, answer in senders.items():
        status, _, words = posted(open_door, "sms", urlencode({**AN_MO, "from": sender}))
        assert (status, words) == (200, answer)
    assert rows() == 0


def test_the_same_sms_again_changes_nothing(open_door: FlaskClient) -> None:
    for _ in range(3):
        assert posted(open_door, "sms", urlencode(AN_MO))[2] == "ok"
    assert (Case.select().count(), Message.select().count()) == (1, 2)  # the MO and its answer


def test_a_value_that_no_column_holds_is_not_asked_for_again(open_door: FlaskClient) -> None:
    """PostgreSQL refuses it, SQLite keeps it; neither will do better the next time."""
    assert posted(open_door, "sms", urlencode({**AN_MO, "id": "m" * 120, "to": "1" * 120}))[0] == 200
    assert posted(open_door, "delivery", urlencode({**A_REPORT, "id": "m" * 120}))[0] == 200


def test_an_opt_out_at_the_network_is_a_stop(open_door: FlaskClient) -> None:
    posted(open_door, "sms", urlencode(AN_MO))
    assert posted(open_door, "opt-out", urlencode(AN_OPT_OUT))[0] == 200
    assert [citizen.stopped_at is not None for citizen in Citizen.select()] == [True]


# Delivery reports


def test_a_report_that_the_network_blocks_us_there_is_remembered_for_the_next_dial(open_door: FlaskClient) -> None:
    posted(open_door, "sms", urlencode(AN_MO))
    refused = {**A_REPORT, "status": "Rejected", "failureReason": "UserInBlackList"}
    assert posted(open_door, "delivery", urlencode({**refused, "phoneNumber": AN_MO["from"]}))[0] == 200
    assert [citizen.blocked_at is not None for citizen in Citizen.select()] == [True]


def a_sent_message(provider_id: str) -> Message:
    """An MT that the network took."""
    mt: Message = Message.get(Message.direction == "mt")
    Message.update(provider="africastalking", provider_id=provider_id, state="submitted", sent_at=utcnow()).where(
        Message.id == mt.id
    ).execute()
    return mt


def state_of(message: Message) -> str:
    return str(Message.get_by_id(message.id).state)


def test_a_report_moves_its_message_forward_and_never_back(open_door: FlaskClient) -> None:
    posted(open_door, "sms", urlencode(AN_MO))
    message = a_sent_message("ATXid_1")
    for status, after in [
        ("Buffered", "buffered"),
        ("Sent", "buffered"),
        ("Success", "delivered"),
        ("Success", "delivered"),
        ("Buffered", "delivered"),
        ("Failed", "delivered"),
    ]:
        assert posted(open_door, "delivery", urlencode({**A_REPORT, "status": status}))[0] == 200
        assert state_of(message) == after
    assert DeliveryReport.select().where(DeliveryReport.matched_at.is_null()).count() == 0


def test_an_unknown_status_is_kept_as_it_came(open_door: FlaskClient) -> None:
    assert posted(open_door, "delivery", urlencode({**A_REPORT, "status": "Teleported"}))[0] == 200
    assert [(one.state, one.raw_status, one.matched_at) for one in DeliveryReport.select()] == [
        ("unknown", "Teleported", None)
    ]


def test_a_report_without_an_id_or_status_is_not_asked_for_again(open_door: FlaskClient) -> None:
    for missing in ("id", "status"):
        report = {field: value for field, value in A_REPORT.items() if field != missing}
        assert posted(open_door, "delivery", urlencode(report))[2] == "not understood"
    assert rows() == 0


# Anything at all

NASTY = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    [
        "\x00",
        "\ud800",
        str(2**63),
        "9" * 400,
        "*" * 180,
        "1*" * 200,
        "{}%41'\"; DROP",
        "💧" * 80,
        "x" * 5_000,
        "00",
        "#",
    ]
)
PATHS = st.sampled_from(["", "1", "1*1", "1*1*1*1", "1*1*9*6", "2", "1*1*1*1*kib", "1*2*482915633"])
PHONES = st.sampled_from([ASHA, "0712000111", "254733000222", "+254712 000 333"])


def fields(**likely: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Forms with most fields as they should be, some missing, some nasty, some twice."""
    each = [st.tuples(st.just(name), values | NASTY) for name, values in likely.items()]
    return st.lists(st.one_of(each), max_size=3).flatmap(
        lambda extra: st.tuples(*(one | st.just(("", "")) for one in each)).map(lambda form: [*form, *extra])
    )


HOPS = fields(
    sessionId=st.sampled_from(["a", "b"]),
    phoneNumber=PHONES,
    serviceCode=st.just("*384*96#"),
    text=PATHS | st.tuples(PATHS, NASTY).map("*".join),
)
MESSAGES = fields(id=st.uuids().map(str), **{"from": PHONES}, to=st.just("38496"), text=NASTY, date=NASTY)
REPORTS = fields(id=st.just("ATXid_1"), status=st.sampled_from(["Success", "Failed"]), failureReason=NASTY)


@given(HOPS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_network_sends_there_is_a_screen(open_door: FlaskClient, form: list[tuple[str, str]]) -> None:
    answer = posted(open_door, "ussd", urlencode(form, errors="surrogatepass"))
    assert is_a_screen(*answer), answer


@given(MESSAGES, REPORTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_network_sends_is_taken(
    open_door: FlaskClient, mo: list[tuple[str, str]], report: list[tuple[str, str]]
) -> None:
    for endpoint, form in (("sms", mo), ("delivery", report), ("opt-out", mo), ("ussd-events", report)):
        answer = posted(open_door, endpoint, urlencode(form, errors="surrogatepass"))
        assert answer[0] == 200, (endpoint, answer)
    assert not Message.select().where(Message.attempts > 0, Message.direction == "mo").exists()
