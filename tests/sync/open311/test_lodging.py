"""Requests that clients send: they become cases, once, with a place, and with no more about a person than is needed."""

from __future__ import annotations

import pytest

import packs
from cases import reference, worklist
from cases.casework import Change
from cases.lifecycle import Action, Role
from cases.models import Case, CaseEvent, Citizen
from cases.worklist import Viewer
from packs.places import place_index
from sms_gateway.message import Message
from store import database
from sync.open311 import keys
from sync.open311.forms import clean, cut, report
from sync.open311.lodging import locate
from tests.house.test_at_rest import MARKERS, bytes_of
from tests.sync.open311.conftest import NOTE, Server
from tests.together import at_once

LINDI = {"lat": "-1.3152", "long": "36.7921"}


@pytest.fixture
def database_kind() -> str:
    """The SQL beneath is tested on both databases elsewhere."""
    return "sqlite"


def words_of(server: Server, case: Case) -> str:
    entry = next(iter(worklist.history(Viewer(Role.AUDITOR), case, server.citizens)))
    return entry.words or ""


def test_a_request_becomes_a_case_with_its_office_and_its_number(server: Server, secret: str) -> None:
    status, told = server.post(secret, service_code="water.none", description="No water since Monday", **LINDI)
    assert status == 200
    case = Case.get()
    assert told["service_request_id"] == case.id
    assert told["service_notice"] == f"Case {reference.shown(case.ref)}. Nairobi Water answers by 26/11/2026."
    assert (case.channel, case.sub, case.place, case.ward, case.agency) == (
        "open311",
        "water.none",
        "1387",
        "1387",
        "NCWSC",
    )
    assert words_of(server, case).startswith("No water since Monday\nGPS -1.31520, 36.79210 (0.0 km from the middle of")
    assert server.get(f"requests/{case.id}.json")[0]["description"] == "Water: No water, Lindi, Kibra, Nairobi"


def test_the_same_request_sent_again_is_the_same_case(server: Server, secret: str) -> None:
    request = {"service_code": "water.none", "attribute_fixmystreet_id": "4711", **LINDI}
    first = server.post(secret, description="No water", **request)
    server.later(days=40)
    assert server.post(secret, description="No water at all", **request) == first
    assert Case.select().count() == Citizen.select().count() == 1
    other_client = keys.make("georeport-app", "test", server.now)[1]
    assert server.post(other_client, description="No water", **request) != first


def test_without_a_number_of_its_own_the_very_same_on_one_day_is_the_same_case(server: Server, secret: str) -> None:
    request = {"service_code": "water.none", "description": "No water", "device_id": "a1", **LINDI}
    first = server.post(secret, **request)
    assert server.post(secret, **request) == first
    assert server.post(secret, **{**request, "device_id": "b2"}) != first
    server.later(days=1)
    assert server.post(secret, **request) != first


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_sent_twice_at_once_it_is_one_case(server: Server, secret: str) -> None:
    def send() -> str:
        form = {"api_key": secret, "service_code": "water.none", "attribute[fixmystreet_id]": "9", **LINDI}
        answer = server.client.application.test_client().post("/open311/v2/requests.json", data=form)
        return str(answer.get_json()[0].get("service_request_id"))

    assert set(at_once(*[send] * 4)) == {Case.get().id}
    assert Case.select().count() == 1


def test_who_gives_a_phone_is_that_citizen_and_gets_sms(server: Server) -> None:
    secret = keys.make("fixmystreet", "test", server.now, keys.SCOPES)[1]
    for number, phone in enumerate(("0712 345 678", "+254712345678", "254712345678")):
        _, told = server.post(
            secret, service_code="water.none", phone=phone, attribute_fixmystreet_id=str(number), **LINDI
        )
        assert "SMS to the phone number given" in told["service_notice"]
    assert Citizen.select().count() == 1
    assert server.citizens.find("+254712345678")
    assert Message.select().count() == 3


def test_who_gives_none_gets_no_sms_ever_and_shows_no_number_to_staff(server: Server, secret: str) -> None:
    server.post(secret, service_code="water.none", **LINDI)
    case = Case.get()
    for action, words, facts in ((Action.START, None, {}), (Action.RESOLVE, NOTE, {"outcome": "fixed"})):
        server.casework.apply(Change(action, None, "csv", str(action), case.id, Role.SYNC, facts, words), server.now)
    assert Message.select().count() == 0
    assert worklist.phone(Viewer(Role.OWNER, "NCWSC"), case, server.citizens) is None


def test_a_phone_that_is_none_is_told_and_stops_nothing(server: Server, secret: str) -> None:
    status, told = server.post(secret, service_code="water.none", phone="call me!", **LINDI)
    assert status == 200
    assert "The phone number cannot be read, so no SMS is sent." in told["service_notice"]


def test_in_danger_the_answer_says_whom_to_call(server: Server, secret: str) -> None:
    _, told = server.post(secret, service_code="power.fallen_line", **LINDI)
    assert told["service_notice"].endswith("In danger call 999 now.")


def test_names_and_addresses_of_people_are_not_kept(server: Server, secret: str) -> None:
    server.post(
        secret, service_code="water.none", email="z@example.org", first_name="Zumaridi", last_name="Otieno",
        device_id="imei-1", account_id="acc-1", description="Dry", **LINDI,
    )  # fmt: skip
    kept = words_of(server, Case.get()) + "".join(event.facts + str(event.source_key) for event in CaseEvent.select())
    for private in ("z@example", "Zumaridi", "Otieno", "imei-1", "acc-1"):
        assert private not in kept


def test_no_byte_of_the_database_shows_a_number_or_words(server: Server, secret: str, bound: str) -> None:
    server.post(secret, service_code="water.none", phone="0798765431", description="By Zumaridi street", **LINDI)
    server.post(secret, service_code="water.none", description="Zumaridi", address_string="Zumaridi House")
    database.close()
    kept = bytes_of(bound)
    assert b"fixmystreet" in kept  # so we look in the right place
    assert not MARKERS.search(kept)
    assert secret.encode() not in kept


def test_the_office_reads_what_else_was_sent(server: Server, secret: str) -> None:
    server.post(
        secret, service_code="id.passport", address_string="Nyayo House, Nairobi", description="Since <b>July</b>",
        attribute_answer="P/123/2026", attribute_language="sw", media_url="https://pictures.example/1.jpg",
    )  # fmt: skip
    case = Case.get()
    expected = "Since July\nP/123/2026\nNyayo House, Nairobi\nhttps://pictures.example/1.jpg"
    assert (words_of(server, case), case.language) == (expected, "sw")


def test_who_has_no_key_sends_nothing(server: Server, secret: str) -> None:
    reader = keys.make("reader", "test", server.now, scopes=[keys.NOTES])[1]
    revoked, old = keys.make("gone", "test", server.now)
    keys.revoke(revoked.called, "test", server.now)
    for wrong in ("", "nonsense", reader, old):
        status, told = server.post(wrong, service_code="water.none", **LINDI)
        assert (status, told["code"]) == (403, 403)
        assert told["description"] == "api_key was not provided, or is not valid"
    assert Case.select().count() == 0


def test_what_cannot_be_taken_is_told(server: Server, secret: str) -> None:
    for form, status, sentence in (
        ({}, 400, "service_code was not provided"),
        ({"service_code": "nonsense", **LINDI}, 404, "service_code nonsense was not found"),
        ({"service_code": "bribery.asked", **LINDI}, 404, "service_code bribery.asked was not found"),
        ({"service_code": "water.none"}, 400, "address_string or address_id must be provided"),
        ({"service_code": "water.none", "lat": "-1.3"}, 400, "lat and long must both be decimal degrees"),
        ({"service_code": "water.none", "lat": "nan", "long": "inf"}, 400, "lat and long must both be"),
        ({"service_code": "water.none", "lat": "91", "long": "0"}, 400, "lat is from -90 to 90"),
        ({"service_code": "water.none", "lat": "51.5", "long": "0"}, 400, "outside the country"),
        ({"service_code": "water.none", "address_id": "W9999"}, 400, "address_id was not found"),
        ({"service_code": "water.none", "description": "x" * 4001, **LINDI}, 400, "more than 4000 characters"),
        ({"service_code": "water.none", "jurisdiction_id": "sf.gov", **LINDI}, 404, "jurisdiction_id was not found"),
    ):
        answered, told = server.post(secret, **form)
        assert answered == told["code"] == status, form
        assert sentence in told["description"]
    too_large = server.client.post("/open311/v2/requests.xml", data={"description": "x" * 100_000})
    assert too_large.status_code == 413
    assert b"<error><code>413</code>" in too_large.data
    assert Case.select().count() == 0


def test_what_an_office_wrote_is_read_by_the_client_of_the_case_alone(server: Server, secret: str) -> None:
    server.post(secret, service_code="water.none", **LINDI)
    case = Case.get()
    server.casework.apply(Change(Action.START, None, "csv", "s", case.id, Role.SYNC), server.now)
    server.casework.apply(
        Change(Action.NOTE, None, "csv", "n", case.id, Role.SYNC, words="Internal: ask Otieno"), server.now
    )
    resolve = Change(Action.RESOLVE, None, "csv", "r", case.id, Role.SYNC, {"outcome": "fixed"}, NOTE)
    server.casework.apply(resolve, server.now)
    stranger = keys.make("stranger", "test", server.now)[1]
    deaf = keys.make("fixmystreet", "test", server.now, scopes=[keys.LODGE])[1]

    def last(**key: str) -> str:
        return str(server.get("servicerequestupdates.json", **key)[-1]["description"])

    assert last(api_key=secret) == NOTE
    assert last() == last(api_key=stranger) == last(api_key=deaf) == "Nairobi Water says that it is fixed."
    assert "Otieno" not in server.client.get(f"/open311/v2/servicerequestupdates.json?api_key={secret}").text
    kept = server.client.get(f"/open311/v2/servicerequestupdates.json?api_key={secret}")
    assert kept.headers["Cache-Control"] == "no-store"
    server.citizens.forget(case.__data__["citizen"])
    assert last(api_key=secret) == "Nairobi Water says that it is fixed."


def test_a_note_that_moves_nothing_is_news_to_the_client_of_the_case_alone(server: Server, secret: str) -> None:
    server.post(secret, service_code="water.none", **LINDI)
    case = Case.get()
    for number, (words, facts) in enumerate((("The crew comes on Friday", {"public": True}), ("Poor access", {}))):
        act = Change(Action.RECORD, None, "csv", f"{number}", case.id, Role.SYNC, facts, words, office="NCWSC")
        server.casework.apply(act, server.now)
    assigned, note = server.get("servicerequestupdates.json", api_key=secret)
    assert (note["status"], note["description"]) == ("open", "The crew comes on Friday")
    assert server.get("servicerequestupdates.json") == [assigned]


# Places


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({"lat": "-0.1022", "long": "34.7617"}, "1199"),
        ({"address_id": "W1387"}, "1387"),
        ({"address_id": "1387"}, "1387"),
        ({"address_id": "kibera"}, "kibera"),
        ({"address_string": "Olympic Primary School, Kibera, Nairobi"}, "kibera"),
        ({"address_string": "Nakuru Town"}, None),
        ({"address_string": "house number 7, behind the yellow shop"}, None),
        ({**LINDI, "address_string": "Kisumu"}, "1387"),
    ],
)
def test_where_it_is(ke: packs.Pack, sent: dict[str, str], place: str | None) -> None:
    found = locate(report({"service_code": "water.none", **sent}, ke), ke, place_index(ke)).place
    if place is None:
        assert found is None or found.county == "032"
    else:
        assert found
        assert found.code == place


# Words


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("<p>No&nbsp;water</p><script>alert(1)</script>", "No water alert(1)"),
        ("&lt;b&gt;No water&lt;/b&gt;", "No water"),
        ("one\r\n\r\n\r\n\r\ntwo\rthree", "one\n\ntwo\nthree"),
        ("a\x00b\x07c\u202ed\ufeff", "abcd"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("ውሃ የለም, hakuna maji 🚰", "ውሃ የለም, hakuna maji 🚰"),
        ("\ud800", "?"),
    ],
)
def test_markup_and_what_prints_nothing_are_dropped(sent: str, kept: str) -> None:
    assert clean(sent) == kept
    assert clean(kept) == kept


def test_long_words_are_cut_and_say_so() -> None:
    assert cut("x" * 1000) == "x" * 1000
    assert cut("x" * 1001) == "x" * 999 + "…"
