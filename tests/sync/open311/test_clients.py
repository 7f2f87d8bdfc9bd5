"""Clients that are in use: a day with FixMyStreet, a script in Python; and how those in a hurry are slowed down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from flask import Flask
from structlog.testing import capture_logs

import packs
from cases.casework import Change
from cases.citizens import Citizens
from cases.lifecycle import Action, Role
from cases.models import Case
from packs.places import place_index
from store.sealing import KEY_BYTES, Keyring
from sync import open311
from sync.open311 import georeport, keys, published
from tests.conftest import KEYRING
from tests.sync.open311.conftest import NOTE, Server

ENDPOINT = "/open311/v2/"


@pytest.fixture
def database_kind() -> str:
    """The SQL beneath is tested on both databases elsewhere."""
    return "sqlite"


class FixMyStreet:
    """It reads XML, fills in the attributes that are "server_set", and sends its key with everything."""

    def __init__(self, server: Server, key: str) -> None:
        self._server, self._key = server, key
        self.comments: dict[str, tuple[str, str]] = {}

    def categories(self) -> dict[str, list[str]]:
        """By the name of each service, the attributes that its reports must have."""
        asked: dict[str, list[str]] = {}
        for service in self._get("services.xml"):
            assert service.findtext("metadata") == "true"
            definition = self._get(f"services/{service.findtext('service_code')}.xml")
            attributes = definition.findall("attributes/attribute")
            name = service.findtext("service_name") or ""
            assert name not in asked, "it passes over services of one name"
            asked[name] = [str(one.findtext("code")) for one in attributes if one.findtext("required") == "true"]
        return asked

    def send(self, report: int) -> str:
        answer = self._server.client.post(
            f"{ENDPOINT}requests.xml",
            data={
                "jurisdiction_id": "ke",
                "api_key": self._key,
                "service_code": "water.burst",
                "lat": "-1.3131",
                "long": "36.8071",
                "email": "z@example.org",
                "first_name": "Zuri",
                "last_name": "O",
                "description": "title: Leak\n\ndetail: By the chapel\n\nurl: https://street.example/1",
                "attribute[fixmystreet_id]": str(report),
            },
        )
        assert answer.status_code == 200
        return fromstring(answer.data).findtext("request/service_request_id") or ""  # noqa: S314  our own

    def fetch_updates(self) -> None:
        """Of the last two hours; it passes over what is not within them by its own clock."""
        end = self._server.now
        span = {"start_date": georeport.when(end - timedelta(hours=2)), "end_date": georeport.when(end)}
        for update in self._get("servicerequestupdates.xml", **span):
            moment = update.findtext("updated_datetime") or ""
            assert span["start_date"] <= moment <= span["end_date"]
            status, words = update.findtext("status") or "", update.findtext("description") or ""
            self.comments.setdefault(update.findtext("update_id") or "", (status, words))

    def _get(self, path: str, **query: str) -> Element:
        return self._server.xml(path, jurisdiction_id="ke", api_key=self._key, **query)


def test_a_day_with_fixmystreet(server: Server, secret: str) -> None:
    theirs = FixMyStreet(server, secret)
    assert all(required == ["fixmystreet_id"] for required in theirs.categories().values())
    number = theirs.send(1)
    assert theirs.send(1) == number  # the first answer was lost, say
    case = Case.get()
    steps: list[tuple[Action, dict[str, Any], str | None]] = [
        (Action.START, {}, None),
        (Action.RESOLVE, {"outcome": "fixed"}, NOTE),
    ]
    for action, facts, words in steps:
        server.later(hours=1)
        act = Change(action, None, "csv", f"{action}", case.id, Role.SYNC, facts, words, at=server.now)
        server.casework.apply(act, server.now)
        theirs.fetch_updates()
        theirs.fetch_updates()
    assert list(theirs.comments.values()) == [
        ("open", "Nairobi Water has it."),
        ("in_progress", "Nairobi Water is working on it."),
        ("fixed", NOTE),
    ]
    (shown,) = server.xml("requests.xml", service_request_id=number)
    assert (shown.findtext("status"), shown.findtext("lat")) == ("closed", "-1.313")


def test_a_script_reads_lists_of_json(server: Server, secret: str) -> None:
    """As the clients on PyPI do: discover, list, post, ask again; entries are always in a list."""
    url = server.get("discovery.json")["endpoints"][0]["url"]
    assert url.endswith(ENDPOINT)
    code = server.get("services.json")[0]["service_code"]
    assert server.get(f"services/{code}.json")["service_code"] == code
    status, posted = server.post(secret, service_code=code, lat="-1.3152", long="36.7921")
    assert status == 200
    (one,) = server.get(f"requests/{posted['service_request_id']}.json")
    assert isinstance(one["lat"], float)
    (token,) = server.get(f"tokens/{posted['service_request_id']}.json")
    assert token == {"service_request_id": one["service_request_id"], "token": one["service_request_id"]}
    many = server.get("requests.json", service_request_id=f"{one['service_request_id']},unknown")
    assert [entry["service_request_id"] for entry in many] == [one["service_request_id"]]


# What may go wrong


def test_a_fault_of_ours_is_told_as_one_without_its_reason(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("+254712345678 at line 7")

    monkeypatch.setattr(published, "listed", fail)
    for form, told in {"xml": b"<errors><error><code>500</code>", "json": b'[{"code":500,'}.items():
        with capture_logs() as logs:
            answer = server.client.get(f"{ENDPOINT}requests.{form}")
        assert [one["event"] for one in logs] == ["open311_failed"]
        assert answer.status_code == 500
        assert answer.data.startswith(told) or told in answer.data
        assert b"712345678" not in answer.data


def test_words_that_no_key_of_this_box_opens_are_replaced_by_ours(server: Server, secret: str) -> None:
    server.post(secret, service_code="water.none", lat="-1.3152", long="36.7921")
    case = Case.get()
    act = Change(Action.RESOLVE, None, "csv", "r", case.id, Role.SYNC, {"outcome": "paid"}, NOTE)
    server.casework.apply(act, server.now)
    stranger = Citizens(Keyring({"other": bytes(KEY_BYTES)}, "other", KEYRING.index_key))
    client = another(server, citizens=stranger).test_client()
    query = {"api_key": secret, "start_date": "2026-11-23T00:00:00Z", "end_date": "2026-11-24T00:00:00Z"}
    with capture_logs() as logs:
        told = client.get(f"{ENDPOINT}servicerequestupdates.json", query_string=query).get_json()
    assert [one["event"] for one in logs] == ["open311_words_unreadable"]
    assert told[-1]["description"] == "Nairobi Water says that it has been paid."


# How often


def another(server: Server, *, reads_per_minute: int = 1_000, citizens: Citizens | None = None) -> Flask:
    """A process of the same service."""
    app = Flask(__name__)
    app.register_blueprint(
        open311.blueprint(
            casework=server.casework,
            citizens=citizens or server.citizens,
            pack_and_places=lambda: (packs.current(), place_index(packs.current())),
            service_name="Mlango",
            demo=False,
            reads_per_minute=reads_per_minute,
        )
    )
    return app


def test_who_asks_too_often_is_told_to_come_back(server: Server) -> None:
    client = another(server, reads_per_minute=3).test_client()
    answers = [client.get(f"{ENDPOINT}discovery.xml") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert b"<error><code>429</code>" in answers[-1].data
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get(f"{ENDPOINT}discovery.xml", environ_overrides=elsewhere).status_code == 200


def test_behind_our_own_proxy_each_address_counts_for_itself(server: Server) -> None:
    client = another(server, reads_per_minute=1).test_client()

    def asked(forwarded: str, peer: str = "127.0.0.1") -> int:
        headers = {"X-Forwarded-For": forwarded}
        return client.get(f"{ENDPOINT}discovery", headers=headers, environ_overrides={"REMOTE_ADDR": peer}).status_code

    assert [asked("203.0.113.1"), asked("203.0.113.2"), asked("203.0.113.1")] == [200, 200, 429]
    assert [asked("made up, 203.0.113.3"), asked("again, 203.0.113.3")] == [200, 429]
    assert [asked("203.0.113.4", "192.0.2.9"), asked("203.0.113.5", "192.0.2.9")] == [200, 429]


def test_a_key_has_a_pace_of_its_own(server: Server) -> None:
    _, slow = keys.make("slow-app", "test", server.now, per_minute=1)
    lindi = {"service_code": "water.none", "lat": "-1.3152", "long": "36.7921"}
    assert [server.post(slow, **lindi)[0] for _ in range(2)] == [200, 429]
    _, other = keys.make("slow-app", "test", server.now, per_minute=1)
    assert server.post(other, **lindi)[0] == 200
