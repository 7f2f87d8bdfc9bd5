"""Somebody else's Open311 server: what is read from it, and what is known of a request whose answer is lost."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from sync.transport import LinkFault
from sync.transports.georeport import GeoReport, Posted, Refused, Unclear
from tests.sync.transports.conftest import fault
from tests.sync.transports.council import KEY, SERVICES, Council, Trouble

IDLE = 0.25
REQUEST = {"service_code": "WTR", "description": "No water since Monday"}
NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)
POST = "POST requests.json"


@pytest.fixture
def council() -> Iterator[Council]:
    with Council() as server:
        yield server


@pytest.fixture
def line(council: Council) -> Iterator[GeoReport]:
    with closing(GeoReport(council.url, KEY, "ke.council", idle_s=IDLE)) as server:
        yield server


def test_services_and_what_is_asked_about_them(line: GeoReport, council: Council) -> None:
    council.recognises = True
    water, other = line.services()
    assert (water.code, water.name, water.group) == ("WTR", "No water", "Water")
    assert line.attributes(water) == {"fixmystreet_id"}
    assert line.attributes(other) == frozenset()
    assert council.asked[0].fields == {"jurisdiction_id": "ke.council"}


def test_a_request_is_posted_with_the_key_and_gets_a_number(line: GeoReport, council: Council) -> None:
    assert line.post(REQUEST) == Posted(number="R1")
    assert council.posted() == [{**REQUEST, "jurisdiction_id": "ke.council", "api_key": KEY}]


def test_a_number_may_come_later_by_a_token(line: GeoReport, council: Council) -> None:
    council.by_token = True
    posted = line.post(REQUEST)
    assert (posted, line.number(posted.token)) == (Posted(token="T-R1"), "")
    council.by_token = False
    assert line.number(posted.token) == "R1"


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(),
        Trouble(takes=True),
        Trouble(takes=True, silent=True),
        Trouble(status=500, body=b"oops"),
        Trouble(status=502, body=b"<html>"),
        Trouble(status=200, body=b"<html>Welcome to our hotel's network</html>"),
        Trouble(status=200, body=[]),
        Trouble(takes=True, status=200, body=b'[{"service_request_id": "R1"}]', headers={"Content-Length": "4000"}),
    ],
)
def test_whether_a_request_arrived_may_not_be_clear(line: GeoReport, council: Council, trouble: Trouble) -> None:
    council.then(POST, trouble)
    with pytest.raises(Unclear):
        line.post(REQUEST)


def test_a_request_that_certainly_did_not_arrive() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        line = GeoReport(f"http://127.0.0.1:{nobody.getsockname()[1]}/", KEY)
        with closing(line), pytest.raises(LinkFault, match="is there a network") as broken:
            line.post(REQUEST)
    assert not isinstance(broken.value, Unclear)


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_request_may_be_refused_in_the_servers_words(line: GeoReport, council: Council, status: int) -> None:
    council.then(POST, Trouble(status=status, body=[{"code": status, "description": "lat is missing"}]))
    with pytest.raises(Refused, match="lat is missing"):
        line.post(REQUEST)


@pytest.mark.parametrize(
    ("status", "words", "permanent"),
    [
        (403, "does not accept our API key", True),
        (404, "knows no requests.json", True),
        (302, "HTTP 302", True),
        (429, "come again later", False),
        (503, "come again later", False),
    ],
)
def test_other_answers_are_faults_of_the_link(
    line: GeoReport, council: Council, status: int, words: str, permanent: bool
) -> None:
    council.then(
        POST, Trouble(status=status, body=[{"description": "No."}], headers={"Location": "http://127.0.0.1:1/"})
    )
    with fault(words, permanent=permanent):
        line.post(REQUEST)
    assert council.requests == {}


def test_reading_what_is_broken_is_a_fault_that_passes(line: GeoReport, council: Council) -> None:
    for trouble in (Trouble(), Trouble(silent=True), Trouble(status=500, body=b""), Trouble(status=200, body=b"{")):
        council.then("GET services.json", trouble)
        with pytest.raises(LinkFault) as broken:
            line.services()
        assert not broken.value.permanent


def test_an_address_without_a_server_of_this_kind_is_said_at_once(line: GeoReport, council: Council) -> None:
    council.then("GET services.json", Trouble(status=404, body=b"<html>"))
    with fault("is that the address of a GeoReport v2 server", permanent=True):
        line.services()


@pytest.mark.parametrize(
    "body",
    [
        SERVICES,
        {"services": SERVICES},
        SERVICES[0],
        [{"service_code": 7, "service_name": None}, "nonsense", {"no": "code"}],
    ],
)
def test_lists_are_read_in_every_form_that_servers_give_them(line: GeoReport, council: Council, body: object) -> None:
    council.then("GET services.json", Trouble(status=200, body=body))
    assert [one.code for one in line.services()][:1] in (["WTR"], ["7"])


def test_updates_are_asked_for_by_time_and_may_not_be_offered(line: GeoReport, council: Council) -> None:
    line.post(REQUEST)
    council.says("R1", "closed", "Done")
    (told,) = line.updates(NOON - timedelta(hours=4), NOON) or [{}]
    assert told["update_id"] == "1"
    assert council.asked[-1].fields["start_date"] == "2026-11-23T05:00:00Z"
    council.tells = False
    assert line.updates(NOON, NOON) is None
    assert [one["status"] for one in line.by_number(["R1", "R9"])] == ["closed"]


def test_news_is_posted_where_the_server_listens(line: GeoReport, council: Council) -> None:
    assert not line.post_update({"service_request_id": "R1"})
    council.listens = True
    assert line.post_update({"service_request_id": "R1", "description": "Still no water"})
    assert council.heard[0]["description"] == "Still no water"


@pytest.mark.parametrize(
    "address", ["http://council.example.go.ke/", "https://user:pw@council.example.go.ke/", "ftp://x/", "https://h/?a=1"]
)
def test_an_address_that_would_give_anything_away_is_refused(address: str) -> None:
    with pytest.raises(LinkFault) as refused:
        GeoReport(address, KEY)
    assert refused.value.permanent
