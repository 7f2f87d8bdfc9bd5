"""What Kannel brings, by HTTP as it brings it, on both databases: SMS, reports, and USSD one input at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cases.models import Case
from menus.sessions import UssdSession
from sms_gateway.message import DeliveryReport, Message
from store import database
from tests import box
from tests.box import ASHA, LODGE, Handset, number_in, through
from ussd_app.settings import Settings

OTIENO = "+254722000001"
DIAL, INPUT, HANG_UP = 1, 18, 19
ASK, LAST_WORD = "2", "17"

_kids = count(1)


@dataclass
class UssdHandset:
    """A phone behind a USSD link over SMPP, and the Kannel that posts for it."""

    client: FlaskClient
    msisdn: str = ASHA
    session: str = "%01%FF"
    kid: str = field(default="", init=False)

    def dial(self, code: str = "*384*96#") -> str:
        return self.shown(self.hop(DIAL, code))

    def types(self, *inputs: str) -> str:
        """Press these, one after the other; the last screen."""
        return [self.shown(self.hop(INPUT, text)) for text in inputs][-1]

    def hop(self, operation: int, text: str, kid: str | None = None) -> TestResponse:
        self.kid = kid or f"hop-{next(_kids)}"
        return self.client.post(
            f"/callbacks/kannel/ussd?kid={self.kid}&smsc=USSD",
            data=text.encode(),
            content_type='text/plain; charset="UTF-8"',
            headers={
                "X-Kannel-From": self.msisdn,
                "X-Kannel-Meta-Data": f"?smpp?ussd_service_op=%{operation:02x}&its_session_info={self.session}&",
            },
        )

    def shown(self, answer: TestResponse) -> str:
        """What the handset shows, worded as Africa's Talking would: CON or END first."""
        assert answer.status_code == 200
        meta = re.fullmatch(
            r"\?smpp\?ussd_service_op=(\d+)&its_session_info=(.*)", answer.headers["X-Kannel-Meta-Data"]
        )
        assert meta
        assert meta[2].lower() == self.session.lower()
        return f"{ {ASK: 'CON', LAST_WORD: 'END'}[meta[1]] } {answer.text}"


@pytest.fixture
def client(database_url: str, tmp_path: Path) -> Iterator[FlaskClient]:
    with box.application(Settings.load(box.environ(tmp_path, database_url, log_level="error"))) as app:
        yield app.test_client()


def text(client: FlaskClient, words: str, kid: str = "mo-1", sender: str = ASHA) -> TestResponse:
    return client.post(
        f"/callbacks/kannel/sms?kid={kid}&to=38496&ts=1795339227&smsc=SMS",
        data=words.encode(),
        content_type='text/plain; charset="UTF-8"',
        headers={"X-Kannel-From": sender},
    )


def mos() -> list[Message]:
    return list(Message.select().where(Message.direction == "mo"))


# SMS


def test_a_text_is_taken_once_however_often_it_is_brought(client: FlaskClient) -> None:
    for _ in range(3):
        text(client, "Hakuna maji kwetu Kibera")
    assert [(mo.provider, mo.provider_id, mo.state) for mo in mos()] == [("kannel", "mo-1", "handled")]
    assert Case.select().count() == 1


def test_a_text_brought_by_get_url_is_taken_too(client: FlaskClient) -> None:
    fields = {"from": ASHA, "to": "38496", "text": "Hakuna maji kwetu Kibera", "kid": "mo-1", "smsc": "SMS"}
    assert client.get("/callbacks/kannel/sms", query_string=fields).status_code == 200
    assert client.post("/callbacks/kannel/sms", data=fields).status_code == 200
    assert len(mos()) == 1


def test_no_answer_has_a_body_that_kannel_would_text_to_the_citizen(client: FlaskClient, tmp_path: Path) -> None:
    answers = text(client, "MAJI"), text(client, "Your OTP is 1234", "mo-2", "MPESA"), text(client, "MAJI", "")
    assert {(answer.status_code, answer.data) for answer in answers} == {(200, b"")}
    assert len(mos()) == 1
    database.close()
    database.bind(f"sqlite:///{tmp_path}/no/such/folder.sqlite3")
    answer = text(client, "MAJI", "mo-3")
    assert (answer.status_code, answer.data) == (503, b"")


def test_only_who_has_the_token_may_call(database_url: str, tmp_path: Path) -> None:
    with box.application(Settings.load(box.environ(tmp_path, database_url, callback_token="s3cret"))) as app:
        client = app.test_client()
        for path in ("sms", "delivery", "ussd"):
            assert client.post(f"/callbacks/kannel/{path}").status_code == 403
            assert client.get(f"/callbacks/kannel/{path}?token=wrong").status_code == 403
            assert client.get(f"/callbacks/kannel/{path}?token=s3cret").status_code == 200


# Reports


def test_a_report_moves_the_message_that_its_address_names(client: FlaskClient) -> None:
    text(client, "Hakuna maji kwetu Kibera")
    mt: Message = Message.get(Message.direction == "mt")
    Message.update(provider="kannel", provider_id=mt.id, state="submitted").where(Message.id == mt.id).execute()
    for status, answer, state in [("8", "ACK/", "submitted"), ("2", "stat:EXPIRED", "expired"), ("1", "", "delivered")]:
        reported = client.get(
            "/callbacks/kannel/delivery", query_string={"id": mt.id, "status": status, "answer": answer}
        )
        assert (reported.status_code, reported.data) == (200, b"")
        assert Message.get_by_id(mt.id).state == state
    assert [report.raw_status for report in DeliveryReport.select().order_by(DeliveryReport.id)] == [
        "8",
        "2 EXPIRED",
        "1",
    ]


# USSD


def same_numbers(screens: list[str]) -> list[str]:
    """With every case number the same: no two citizens get one."""
    return [re.sub(r"\d{3}-\d{3}-\d{3}", "NUMBER", screen) for screen in screens]


def test_the_screens_are_those_of_africas_talking(client: FlaskClient) -> None:
    by_kannel = UssdHandset(client)
    ours = [by_kannel.dial(), *[by_kannel.types(key) for key in LODGE]]
    other = Handset(through(client), OTIENO)
    theirs = [other.hop("*".join(LODGE[:pressed]), "s1") for pressed in range(len(LODGE) + 1)]
    assert same_numbers(ours) == same_numbers(theirs)
    assert [screen[:3] for screen in ours] == ["CON"] * len(LODGE) + ["END"]
    assert sorted(case.ref for case in Case.select()) == sorted(number_in(screens[-1]) for screens in (ours, theirs))


def test_a_repeated_hop_gets_the_same_screen_and_does_nothing_again(client: FlaskClient) -> None:
    asha = UssdHandset(client)
    first = asha.dial()
    assert asha.shown(asha.hop(DIAL, "*384*96#", asha.kid)) == first
    for key in LODGE:
        screen = asha.types(key)
        assert asha.shown(asha.hop(INPUT, key, asha.kid)) == screen
    assert Case.select().count() == 1
    assert UssdSession.select().count() == 1


def test_the_same_key_pressed_twice_is_two_inputs(client: FlaskClient) -> None:
    asha = UssdHandset(client)
    asha.dial()
    by_africas_talking = Handset(through(client), OTIENO)
    assert asha.types("1", "1", "1") == by_africas_talking.dial("1", "1", "1")


def test_the_last_screen_is_repeated_too_and_a_later_input_begins_anew(client: FlaskClient) -> None:
    asha = UssdHandset(client)
    asha.dial()
    last = asha.types(*LODGE)
    assert asha.shown(asha.hop(INPUT, LODGE[-1], asha.kid)) == last
    assert asha.types("1") == asha.dial()


def test_dialling_again_goes_on_where_the_line_dropped(client: FlaskClient) -> None:
    asha = UssdHandset(client)
    asha.dial()
    asha.types(*LODGE[:4])
    assert asha.hop(HANG_UP, "").data == b""
    assert [session.ended for session in UssdSession.select()] == ["incomplete"]
    redialled = UssdHandset(client, session="%02%01").dial()
    other = Handset(through(client), OTIENO)
    other.dial(*LODGE[:4])
    assert redialled == other.hop("", "another")


def test_an_end_of_a_session_that_nobody_knows_is_no_fault(client: FlaskClient) -> None:
    answer = UssdHandset(client).hop(HANG_UP, "")
    assert (answer.status_code, answer.data) == (200, b"")


def test_an_input_whose_session_is_lost_begins_one(client: FlaskClient) -> None:
    lost = UssdHandset(client, OTIENO).types("1")
    assert lost == UssdHandset(client).dial()


def test_what_is_dialled_behind_the_code_is_typed_ahead(client: FlaskClient) -> None:
    asha, otieno = UssdHandset(client), Handset(through(client), OTIENO)
    asha.dial()
    asha.types("1")  # a language, which nobody can dial ahead
    otieno.dial("1")
    assert asha.dial("*384*96*1*1#") == otieno.hop("1*1", "dialled-ahead")


def test_two_handsets_on_one_link_do_not_meet(client: FlaskClient) -> None:
    asha, otieno = UssdHandset(client), UssdHandset(client, OTIENO)
    first = asha.dial(), otieno.dial()
    assert first[0] == first[1]
    assert asha.types("1") != otieno.types("2")
    assert asha.types("1") != otieno.types("1")


def test_a_hop_that_cannot_be_read_still_gets_words(client: FlaskClient) -> None:
    asha = UssdHandset(client)
    assert asha.shown(asha.hop(INPUT, "9" * 400)).startswith("END Sorry")
    assert UssdHandset(client, "MPESA").dial().startswith("END Sorry")


def test_what_is_no_ussd_gets_no_screen(client: FlaskClient) -> None:
    answer = client.post("/callbacks/kannel/ussd?kid=1&smsc=SMS", data="MAJI", headers={"X-Kannel-From": ASHA})
    assert (answer.status_code, answer.data) == (200, b"")
    assert "X-Kannel-Meta-Data" not in answer.headers


def test_the_database_gone_is_told_to_the_citizen(client: FlaskClient, tmp_path: Path) -> None:
    asha = UssdHandset(client)
    asha.dial()
    database.close()
    database.bind(f"sqlite:///{tmp_path}/no/such/folder.sqlite3")
    assert asha.types("1").startswith("END ")


@pytest.mark.parametrize("path", ["sms", "delivery", "ussd"])
def test_no_garbage_is_an_error_of_ours(client: FlaskClient, path: str) -> None:
    garbage: list[Callable[[], TestResponse]] = [
        lambda: client.post(f"/callbacks/kannel/{path}"),
        lambda: client.post(f"/callbacks/kannel/{path}?kid=%00&id=%ED%A0%80&to=%FF&status=%00", data=b"\xff\xfe\x00"),
        lambda: client.post(f"/callbacks/kannel/{path}?kid=1", data=b"x" * 70_000, content_type="text/plain"),
        lambda: client.get(f"/callbacks/kannel/{path}?kid=1&from=0712345678&meta=?smpp?ussd_service_op=%25&id=1"),
    ]
    assert {ask().status_code for ask in garbage} == {200}
    assert mos() == []
