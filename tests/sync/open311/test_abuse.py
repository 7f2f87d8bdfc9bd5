"""Clients that are careless, curious or wicked: what they can make of a key, a phone number, an address, a method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest

from cases import lookup
from cases.casework import Change
from cases.citizens import Caller
from cases.lifecycle import Action, Role
from cases.models import Case, Citizen
from packs.model import Pack
from sms_gateway.message import Message
from sync.open311 import georeport, keys
from sync.open311.lodging import MOST_OF_A_PHONE
from sync.open311.views import LARGEST_BODY
from tests.sync.open311.conftest import NOTE, Server
from tests.sync.open311.test_clients import another

WATER = {"service_code": "water.none", "address_id": "W1387"}
ENDPOINT = "/open311/v2/"


@pytest.fixture
def database_kind() -> str:
    """The SQL beneath is tested on both databases elsewhere."""
    return "sqlite"


@pytest.fixture
def trusted(server: Server) -> str:
    """The secret of a client that makes sure whose phone numbers it sends."""
    return keys.make("verified-app", "test", server.now, keys.SCOPES)[1]


# Phones of others


def test_a_key_alone_texts_nobody_but_the_phone_may_ask(server: Server, secret: str) -> None:
    _, told = server.post(secret, phone="0712345678", attribute_fixmystreet_id="1", **WATER)
    assert "The phone number given is not texted" in told["service_notice"]
    case = Case.get()
    resolve = Change(Action.RESOLVE, None, "csv", "r", case.id, Role.SYNC, {"outcome": "fixed"}, NOTE)
    server.casework.apply(resolve, server.now)
    assert Message.select().count() == 0
    owner = server.citizens.find("+254712345678")
    assert owner
    assert lookup.own_case(owner.id, case.ref) == case


def test_a_client_gone_wild_is_no_plague_to_a_phone(server: Server, trusted: str) -> None:
    notices = [
        server.post(trusted, phone="0712345678", attribute_fixmystreet_id=str(number), **WATER)[1]["service_notice"]
        for number in range(MOST_OF_A_PHONE + 2)
    ]
    most, beyond = notices[:MOST_OF_A_PHONE], notices[MOST_OF_A_PHONE:]
    assert all("News of it go by SMS" in notice for notice in most)
    assert all("It is not kept under the phone number given." in notice for notice in beyond)
    assert {message.template for message in Message.select()} == {"received"}
    owner = server.citizens.find("+254712345678")
    assert owner
    assert len(lookup.recent(owner.id, 99)) == Message.select().count() == MOST_OF_A_PHONE
    assert Case.select().count() == MOST_OF_A_PHONE + 2
    other = keys.make("other-app", "test", server.now, keys.SCOPES)[1]  # it learns nothing of the first one
    assert "News of it go by SMS" in server.post(other, phone="0712345678", **WATER)[1]["service_notice"]
    server.later(days=1)
    assert "News of it go by SMS" in server.post(trusted, phone="0712345678", **WATER)[1]["service_notice"]


def test_who_sent_stop_gets_no_sms_and_the_client_does_not_learn_of_it(server: Server, trusted: str) -> None:
    amina = server.citizens.meet("+254712345678", server.now)
    server.citizens.stop(amina.id, server.now)
    _, told = server.post(trusted, phone="0712345678", **WATER)
    assert "News of it go by SMS to the phone number given." in told["service_notice"]
    assert Message.select().count() == 0


def test_a_request_that_comes_again_with_other_phones_meets_nobody_new(server: Server, trusted: str) -> None:
    first = server.post(trusted, phone="0712345678", attribute_fixmystreet_id="1", **WATER)
    for phone in ("0722000001", "0722000002"):
        _, told = server.post(trusted, phone=phone, attribute_fixmystreet_id="1", **WATER)
        assert told["service_request_id"] == first[1]["service_request_id"]
        assert "It is not kept under the phone number given." in told["service_notice"]
    assert (Citizen.select().count(), Message.select().count()) == (1, 1)


# Sent again


def test_a_retry_after_midnight_is_no_second_case(server: Server, secret: str) -> None:
    server.later(hours=17, minutes=44)  # 23:59 UTC
    first = server.post(secret, **WATER)
    server.later(minutes=2)
    assert server.post(secret, **WATER) == first
    server.later(hours=23, minutes=58)
    assert server.post(secret, **WATER) != first


def test_a_case_of_ours_that_is_sent_back_to_us_is_refused(server: Server, secret: str) -> None:
    _, told = server.post(secret, **WATER)
    for own_id in (told["service_request_id"], f"{told['service_request_id']}-2"):
        status, refused = server.post(secret, attribute_fixmystreet_id=own_id, **WATER)
        assert (status, "one of our own" in refused["description"]) == (400, True)
    assert server.post(secret, attribute_fixmystreet_id="0" * 32, **WATER)[0] == 200
    assert Case.select().count() == 2


# Addresses, methods, bodies


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "nowhere", 404, "there is nothing at nowhere"),
        ("POST", "nowhere.json", 404, "there is nothing at nowhere.json"),
        ("POST", "services.json", 405, "POST is not possible here"),
        ("DELETE", "requests/1.json", 405, "DELETE is not possible here"),
        ("POST", "servicerequestupdates", 405, "POST is not possible here"),
    ],
)
def test_what_is_not_there_is_told_in_both_forms(
    server: Server, method: str, path: str, status: int, sentence: str
) -> None:
    answer = server.client.open(f"{ENDPOINT}{path}", method=method)
    assert (answer.status_code, answer.get_json()) == (status, [{"code": status, "description": sentence}])
    assert ("GET" in answer.headers.get("Allow", "")) is (status == 405)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    xml = server.client.open(f"{ENDPOINT}{path}", method=method, headers={"Accept": "text/xml"})
    assert xml.content_type == answer.content_type if path.endswith(".json") else "text/xml; charset=utf-8"


def test_elsewhere_on_the_site_faults_stay_as_they_are(server: Server) -> None:
    for path in ("/nowhere", "/open311/v2x"):
        answer = server.client.get(path)
        assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_the_bare_address_tells_what_is_here(server: Server) -> None:
    for path in ("/open311/v2", ENDPOINT):
        assert server.client.get(path).get_json() == server.get("discovery.json")


def test_behind_a_proxy_with_a_certificate_clients_are_sent_to_it_and_not_past_it(server: Server) -> None:
    def url(peer: str) -> str:
        headers, environ = {"X-Forwarded-Proto": "https"}, {"REMOTE_ADDR": peer}
        told = server.client.get(f"{ENDPOINT}discovery.json", headers=headers, environ_overrides=environ).get_json()
        return str(told["endpoints"][0]["url"])

    assert url("127.0.0.1") == "https://localhost/open311/v2/"
    assert url("192.0.2.1") == "http://localhost/open311/v2/"


def test_a_body_without_a_length_is_not_cut_off_and_taken(server: Server, secret: str) -> None:
    def sent(body: bytes) -> int:
        terminated = {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True}
        kind = "application/x-www-form-urlencoded"
        answer = server.client.post(f"{ENDPOINT}requests.json", content_type=kind, environ_overrides=terminated)
        return answer.status_code

    report = f"api_key={secret}&service_code=water.none&address_id=W1387&x=".encode()
    assert sent(report) == 200
    assert sent(report + b"x" * LARGEST_BODY) == 413


def test_who_has_many_addresses_of_one_line_is_counted_once(server: Server) -> None:
    client = another(server, reads_per_minute=2).test_client()

    def asked(peer: str) -> int:
        return client.get(f"{ENDPOINT}discovery", environ_overrides={"REMOTE_ADDR": peer}).status_code

    assert [asked(f"2001:db8:1:2::{number}") for number in (1, 2, 3)] == [200, 200, 429]
    assert asked("2001:db8:1:3::1") == 200
    assert [asked(f"::ffff:192.0.2.{number}") for number in (1, 2, 3)] == [200, 200, 200]


def test_codes_may_be_given_several_times(server: Server, lodge: Callable[..., Case]) -> None:
    water, power = lodge(), lodge(sub="power.none")
    for name, codes in (("service_code", ["water.none", "power.none"]), ("service_request_id", [water.id, power.id])):
        found = server.client.get(f"{ENDPOINT}requests.json", query_string={name: codes}).get_json()
        assert {one["service_request_id"] for one in found} == {water.id, power.id}


# How a case may end


def test_every_end_has_its_status(
    server: Server, lodge: Callable[..., Case], office: Callable[..., Case], amina: Caller
) -> None:
    master = lodge()
    follower, rejected, withdrawn, reopened = lodge(), lodge(), lodge(), lodge()

    def citizen(case: Case, action: Action) -> None:
        server.later(minutes=1)
        server.casework.apply(Change(action, amina, "ussd", f"{action}", case.id), server.now)

    office(follower, Action.DUPLICATE, role=Role.SUPERVISOR, master=master.id)
    office(rejected, Action.REJECT, "Secret words of the supervisor", role=Role.SUPERVISOR, reason="abuse")
    citizen(withdrawn, Action.WITHDRAW)
    office(reopened, Action.START)
    office(reopened, Action.RESOLVE, NOTE, outcome="fixed")
    citizen(reopened, Action.REOPEN)
    stands = {
        one["service_request_id"]: (one["status"], one["extended_attributes"]["status"])
        for one in server.get("requests.json", extensions="true")
    }
    assert stands == {
        master.id: ("open", "open"),
        follower.id: ("closed", "duplicate"),
        rejected.id: ("closed", "no_further_action"),
        withdrawn.id: ("closed", "closed"),
        reopened.id: ("open", "open"),
    }
    newest = {one["service_request_id"]: one["status"] for one in server.get("servicerequestupdates.json")}
    assert newest == {case: extended for case, (_, extended) in stands.items()}
    assert "Secret words" not in server.client.get(f"{ENDPOINT}servicerequestupdates.json").text


def test_an_erased_citizen_leaves_a_case_by_its_kind_alone(server: Server, trusted: str) -> None:
    server.post(trusted, phone="0712345678", description="By Zumaridi street", **WATER)
    before = server.get("requests.json")
    server.citizens.forget(Case.get().__data__["citizen"])
    assert server.get("requests.json") == before
    assert len(server.get("servicerequestupdates.json", api_key=trusted)) == 1


def test_a_kind_and_a_ward_that_were_retired_are_still_named(ke: Pack, server: Server, secret: str) -> None:
    server.post(secret, **WATER)
    gone = replace(
        ke,
        subs={**ke.subs, "water.none": replace(ke.subs["water.none"], retired=True)},
        places={**ke.places, "1387": replace(ke.places["1387"], retired=True)},
        centroids={code: point for code, point in ke.centroids.items() if code != "1387"},
    )
    told = georeport.request(gone, Case.get())
    assert (told["description"], told["service_code"]) == ("Water: No water, Lindi, Kibra, Nairobi", "water.none")
    assert round(told["lat"]) == -1
    assert "water.none" not in {one["service_code"] for one in georeport.services(gone)}


def test_what_an_office_wrote_is_xml_whatever_it_is(server: Server, secret: str) -> None:
    server.post(secret, **WATER)
    case = Case.get()
    words = "Fixed\x0b\x00 <b>& closed\ufffe]]> at the valve house"
    resolve = Change(Action.RESOLVE, None, "csv", "r", case.id, Role.SYNC, {"outcome": "fixed"}, words)
    server.casework.apply(resolve, server.now)
    told = server.xml("servicerequestupdates.xml", api_key=secret)[-1].findtext("description")
    assert told == "Fixed\ufffd\ufffd <b>& closed\ufffd]]> at the valve house"
