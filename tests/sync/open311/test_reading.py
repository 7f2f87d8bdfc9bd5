"""What anybody may read: services, public cases and their news, in JSON and XML; and what nobody may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

import packs
from cases.casework import Change
from cases.lifecycle import Action, Role
from cases.models import Case
from packs.model import Pack
from store import database
from sync.open311 import georeport, published
from sync.open311.published import Wanted
from tests.sync.open311.conftest import NOTE, Server

Lodge = Callable[..., Case]
Office = Callable[..., Case]


def test_discovery_says_where_and_how(server: Server) -> None:
    (endpoint,) = server.get("discovery.json")["endpoints"]
    assert endpoint["url"] == "http://localhost/open311/v2/"
    assert (endpoint["type"], endpoint["formats"]) == ("test", ["text/xml", "application/json"])
    assert server.xml("discovery.xml").findtext("endpoints/endpoint/specification") == georeport.SPECIFICATION


def test_services_are_all_that_is_not_secret_each_called_differently(server: Server, ke: Pack) -> None:
    services = server.get("services.json")
    codes = {service["service_code"] for service in services}
    assert "water.none" in codes
    assert not any(code.startswith("bribery.") for code in codes)
    assert "police.abuse" not in codes
    assert len(codes) == len({service["service_name"] for service in services}) == len(georeport.offered(ke))
    assert len(codes) > 60


def test_the_definition_tells_what_else_may_be_sent(server: Server) -> None:
    definition = server.get("services/id.passport.json")
    first, language, answer = definition["attributes"]
    assert (first["code"], first["required"], first["automated"]) == ("fixmystreet_id", True, "server_set")
    assert [value["key"] for value in language["values"]] == ["en", "sw"]
    assert answer["code"] == "answer"
    assert [attribute["order"] for attribute in definition["attributes"]] == [1, 2, 3]
    xml = server.xml("services/id.passport.xml")
    assert xml.findtext("attributes/attribute/automated") == "server_set"
    assert xml.findtext("attributes/attribute/required") == "true"


def test_a_case_appears_at_once_by_its_kind_and_place_and_without_words(server: Server, lodge: Lodge) -> None:
    case = lodge("Mama Zumaridi next to the clinic, 0712345678")
    (told,) = server.get("requests.json")
    assert told == server.get(f"requests/{case.id}.json")[0]
    assert told["service_request_id"] == case.id
    assert (told["service_code"], told["service_name"]) == ("water.none", "Water: No water")
    assert told["description"] == "Water: No water, Lindi, Kibra, Nairobi"
    assert (told["lat"], told["long"], told["address_id"]) == (-1.315, 36.792, "W1387")
    assert told["requested_datetime"] == "2026-11-23T06:15:00Z"
    assert told["status"] == "open"
    everything = server.client.get("/open311/v2/requests.xml?extensions=true").text
    for private in ("Zumaridi", "clinic", "712345678", case.ref):
        assert private not in everything + str(told)


def test_xml_is_as_the_samples_of_the_specification(server: Server, lodge: Lodge) -> None:
    case = lodge()
    root = server.xml("requests.xml")
    assert root.tag == "service_requests"
    (entry,) = root
    assert entry.tag == "request"
    assert entry.findtext("service_request_id") == case.id
    assert entry.findtext("lat") == "-1.315"
    assert entry.findtext("service_notice") == ""
    assert server.client.get("/open311/v2/services.xml").data.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    assert server.xml("services.xml").findtext("service/metadata") == "true"


def test_what_is_secret_is_answered_like_what_does_not_exist(server: Server, lodge: Lodge, office: Office) -> None:
    absent = server.client.get(f"/open311/v2/requests/{'0' * 32}.json")
    for facts in (
        {"visibility": "confidential"},
        {"visibility": "anonymous"},
        {"about": "NPS"},
        {"sub": "police.abuse", "visibility": "public"},
    ):
        case = lodge(**facts)
        office(case, Action.START)
        hidden = server.client.get(f"/open311/v2/requests/{case.id}.json")
        assert (hidden.status_code, hidden.data) == (absent.status_code, absent.data) == (404, absent.data), facts
        assert server.get("requests.json", service_request_id=case.id) == []
        assert server.refused(f"tokens/{case.id}.json", 404) == "service_request_id was not found"
    assert server.get("requests.json") == server.get("servicerequestupdates.json") == []


def test_words_that_sound_secret_hide_a_case_until_an_officer_has_named_it(
    server: Server, lodge: Lodge, office: Office
) -> None:
    case = lodge("The chief asked me for a bribe, hongo", sub=None, place=None)
    assert server.get("requests.json") == []
    office(case, Action.CLASSIFY, sub="water.none", role=Role.SUPERVISOR)
    assert [told["service_code"] for told in server.get("requests.json")] == ["water.none"]


def test_what_nobody_has_named_yet_is_listed_as_not_sure(server: Server, lodge: Lodge) -> None:
    lodge("hakuna", sub=None, place=None)
    (told,) = server.get("requests.json", service_code="other.other")
    assert (told["description"], told["lat"]) == ("Other, not sure: Other matter", None)


def test_a_place_without_a_ward_lies_amid_its_constituency(server: Server, lodge: Lodge) -> None:
    lodge(place="kibera")
    (told,) = server.get("requests.json")
    assert told["address"] == "Kibera, Kibra, Nairobi"
    assert (round(told["lat"], 2), round(told["long"], 2)) == (-1.31, 36.79)


def test_filters_by_kind_status_and_dates(server: Server, lodge: Lodge, office: Office) -> None:
    water = lodge()
    server.later(days=1)
    power = lodge(sub="power.fallen_line")
    office(water, Action.START)
    office(water, Action.RESOLVE, NOTE, outcome="fixed")

    def ids(**asked: str) -> list[str]:
        return [told["service_request_id"] for told in server.get("requests.json", **asked)]

    assert ids() == [power.id, water.id]
    assert ids(service_code="water.none,water.dirty") == [water.id]
    assert ids(service_code="nonsense") == []
    assert ids(status="open") == [power.id]
    assert ids(status="closed") == [water.id]
    assert ids(status="open,closed") == [power.id, water.id]
    assert ids(end_date="2026-11-23T06:15:00Z") == [water.id]
    assert ids(start_date="2026-11-23T09:15:01+03:00") == [power.id]
    assert ids(service_request_id=f"{water.id},{power.id},nonsense", status="open") == [power.id, water.id]
    assert ids(page_size="1", page="2") == [water.id]


def test_only_the_last_ninety_days_are_listed_unless_dates_are_given(server: Server, lodge: Lodge) -> None:
    case = lodge()
    server.later(days=91)
    assert server.get("requests.json") == []
    assert len(server.get("requests.json", start_date="2026-11-01T00:00:00Z")) == 1
    assert server.get(f"requests/{case.id}.json")[0]["service_request_id"] == case.id


def test_what_cannot_be_answered_is_told(server: Server) -> None:
    for asked, status, told in (
        ({"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-06-01T00:00:00Z"}, 400, "span more than 90 days"),
        ({"start_date": "2026-11-23"}, 400, "start_date must be a date and time with its zone"),
        ({"end_date": "2026-11-23T06:00:00"}, 400, "end_date must be"),
        ({"end_date": "0000-00-00T00:00:00Z"}, 400, "end_date must be"),
        ({"status": "pending"}, 400, "status must be open or closed"),
        ({"page": "0"}, 400, "page must be a whole number from 1"),
        ({"page": "51", "page_size": "1000"}, 400, "ask for other dates"),
        ({"service_request_id": ",".join(f"{n:032x}" for n in range(1001))}, 400, "at most 1000"),
        ({"jurisdiction_id": "city.gov"}, 404, "jurisdiction_id was not found; here it is ke"),
    ):
        assert told in server.refused("requests.json", status, asked), asked


def test_errors_come_in_the_form_that_was_asked_for(server: Server) -> None:
    answer = server.client.get("/open311/v2/services/nonsense.xml")
    assert answer.status_code == 404
    assert b"<errors><error><code>404</code><description>service_code was not found" in answer.data
    assert server.refused("services/nonsense.json", 404) == "service_code was not found"
    assert server.refused("nowhere/at/all.json", 404) == "there is nothing at nowhere/at/all.json"


def test_no_database_is_asked_for_what_can_be_no_id(server: Server) -> None:
    for name in ("%00", "1%00.json", "' OR 1=1", "%F0%9F%9A%B0.json", "0" * 5000):
        assert server.client.get(f"/open311/v2/requests/{name}").status_code == 404, name
    assert server.get("requests.json", service_request_id="\0,'") == []
    assert server.get("requests.json", service_code="\0") == []
    assert server.get("servicerequestupdates.json", api_key="\0") == []


def test_the_form_may_also_be_asked_for_by_a_header(server: Server) -> None:
    for accept, told in {"text/xml": "text/xml", "application/xml": "text/xml", "*/*": "application/json"}.items():
        answer = server.client.get("/open311/v2/services", headers={"Accept": accept})
        assert answer.content_type == f"{told}; charset=utf-8"
        assert answer.headers["Vary"] == "Accept"


def test_empty_arguments_are_as_good_as_none(server: Server, lodge: Lodge) -> None:
    lodge()
    empty = dict.fromkeys(("jurisdiction_id", "service_code", "status", "start_date", "page", "service_request_id"), "")
    assert len(server.get("requests.json", **empty)) == len(server.get("requests.json", jurisdiction_id="ke")) == 1


def test_what_has_not_changed_is_not_sent_again(server: Server) -> None:
    first = server.client.get("/open311/v2/services.json")
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    again = server.client.get("/open311/v2/services.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


# Updates


def test_every_step_is_an_update_with_its_own_id_and_a_word_that_clients_know(
    server: Server, lodge: Lodge, office: Office
) -> None:
    case = lodge()
    for action, words, facts in [
        (Action.START, None, {}),
        (Action.WAIT, "We wait for the pump from Mombasa", {}),
        (Action.RESUME, None, {}),
        (Action.NOTE, "He sounded drunk on the phone", {}),
        (Action.RESOLVE, NOTE, {"outcome": "fixed"}),
    ]:
        server.later(minutes=10)
        office(case, action, words, **facts)
    updates = server.get("servicerequestupdates.json")
    assert [(one["status"], one["external_status_code"]) for one in updates] == [
        ("open", "assigned"),
        ("in_progress", "in_progress"),
        ("investigating", "pending_third_party"),
        ("in_progress", "in_progress"),
        ("fixed", "resolved"),
    ]
    assert len({one["update_id"] for one in updates}) == 5
    assert updates[-1]["description"] == "Nairobi Water says that it is fixed."
    assert updates[-1]["updated_datetime"] == "2026-11-23T07:05:00Z"
    written = server.client.get("/open311/v2/servicerequestupdates.xml").text
    for private in ("pump", "drunk", "burst"):
        assert private not in written


def test_updates_are_found_by_when_they_were_recorded_not_by_when_it_happened(
    server: Server, lodge: Lodge, office: Office, now: datetime
) -> None:
    case = lodge()
    server.later(days=3)
    before = georeport.when(server.now - timedelta(hours=2))
    # the office's file tells only now what it did two days ago
    late = Change(Action.START, None, "csv", "late", case.id, Role.SYNC, office=case.agency, at=now + timedelta(days=1))
    server.casework.apply(late, server.now)
    (told,) = server.get("servicerequestupdates.json", start_date=before, end_date=georeport.when(server.now))
    assert (told["status"], told["updated_datetime"]) == ("in_progress", georeport.when(server.now))
    assert before <= told["updated_datetime"] <= georeport.when(server.now)


def test_the_whole_last_second_counts_and_pages_go_on(server: Server, lodge: Lodge, office: Office) -> None:
    server.later(microseconds=900_000)
    case = lodge()
    office(case, Action.START)
    end = georeport.when(server.now)
    pages = [server.get("servicerequestupdates.json", end_date=end, page_size="1", page=str(n)) for n in (1, 2, 3)]
    assert [[one["status"] for one in page] for page in pages] == [["open"], ["in_progress"], []]
    assert server.get("servicerequestupdates.json", service_request_id="nonsense") == []
    assert len(server.get("servicerequestupdates.json", service_request_id=case.id)) == 2


def test_what_is_no_news_takes_no_room_on_a_page(server: Server, lodge: Lodge, office: Office) -> None:
    case = lodge()
    for number in range(3):  # put on record, and told to nobody
        act = Change(Action.RECORD, None, "csv", f"{number}", case.id, Role.SYNC, office=case.agency)
        server.casework.apply(act, server.now)
    office(case, Action.START)
    pages = [server.get("servicerequestupdates.json", page_size="1", page=str(number)) for number in (1, 2, 3)]
    assert [[one["status"] for one in page] for page in pages] == [["open"], ["in_progress"], []]


# The database


def plan(sql: str, *values: Any) -> str:
    explain = "EXPLAIN" if database.is_postgres() else "EXPLAIN QUERY PLAN"
    return str(database.rows(database.main, f"{explain} {sql}", *values))


def test_lists_are_read_along_an_index(server: Server, monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    pack, asked = packs.current(), []
    if database.is_postgres():
        for switch in ("enable_seqscan", "enable_sort", "enable_bitmapscan"):
            database.run(database.main, f"SET {switch} = off")
    real = database.rows

    def rows(handle: Any, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        asked.append(plan_of(sql, values))
        return real(handle, sql, *values)

    def plan_of(sql: str, values: tuple[Any, ...]) -> str:
        explain = "EXPLAIN" if database.is_postgres() else "EXPLAIN QUERY PLAN"
        return str(real(database.main, f"{explain} {sql}", *values))

    monkeypatch.setattr(database, "rows", rows)
    span = now - timedelta(days=90), now
    published.listed(pack, Wanted(*span))
    published.listed(pack, Wanted(*span, is_open=True))
    published.listed(pack, Wanted(*span, subs=("water.none",)))
    published.updates(pack, *span)
    wanted = ("cases_published", "cases_published_open", "cases_published_sub", "case_event_told")
    for index, told in zip(wanted, asked, strict=True):
        assert index in told, told
        assert "USE TEMP B-TREE" not in told
