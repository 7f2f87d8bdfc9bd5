"""The public rules of GeoReport v2, and our own OpenAPI file, held against the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from typing import Any, Final, NamedTuple

import hypothesis
import jsonschema_rs
import pytest
import schemathesis
from flask import Flask
from schemathesis import Case as Call
from schemathesis.checks import negative_data_rejection, positive_data_acceptance

import packs
from cases.casework import Casework, Change
from cases.citizens import Citizens
from cases.lifecycle import Action
from cases.models import Case
from packs import published
from packs.places import place_index
from store import database
from store.clock import utcnow
from sync import open311
from sync.open311 import keys, views
from tests.conftest import KEYRING
from tests.sync.open311.conftest import NOTE, Server

# What the specification promises to every client, and what it allows to be empty
_TEXT: Final = {"type": ["string", "null"]}
_MOMENT: Final = {"type": ["string", "null"], "format": "date-time"}
_WEB: Final = {"type": ["string", "null"], "format": "uri"}
SERVICES: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["service_code", "service_name", "metadata", "type"],
        "properties": {
            "service_code": {"type": "string"},
            "service_name": {"type": "string"},
            "description": _TEXT,
            "metadata": {"type": "boolean"},
            "type": {"enum": ["realtime", "batch", "blackbox"]},
            "keywords": _TEXT,
            "group": _TEXT,
        },
    },
}
DEFINITION: Final = {
    "type": "object",
    "required": ["service_code", "attributes"],
    "properties": {
        "service_code": {"type": "string"},
        "attributes": {
            "type": "array",
            "items": {
                "required": ["variable", "code", "datatype", "required"],
                "properties": {
                    "variable": {"type": "boolean"},
                    "code": {"type": "string"},
                    "datatype": {"enum": ["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]},
                    "required": {"type": "boolean"},
                    "datatype_description": _TEXT,
                    "order": {"type": ["integer", "null"]},
                    "description": _TEXT,
                    "values": {
                        "type": "array",
                        "items": {
                            "required": ["key", "name"],
                            "properties": {"key": {"type": "string"}, "name": {"type": "string"}},
                        },
                    },
                },
            },
        },
    },
}
REQUESTS: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["service_request_id", "status", "service_code", "requested_datetime"],
        "properties": {
            "service_request_id": {"type": "string"},
            "status": {"enum": ["open", "closed"]},
            "service_code": {"type": "string"},
            "description": {"type": ["string", "null"], "maxLength": 4000},
            "requested_datetime": {"type": "string", "format": "date-time"},
            "lat": {"type": ["number", "null"]},
            "long": {"type": ["number", "null"]},
            "media_url": _WEB,
            **dict.fromkeys(("updated_datetime", "expected_datetime"), _MOMENT),
            **dict.fromkeys(
                ("status_notes", "service_name", "agency_responsible", "service_notice", "address", "zipcode"), _TEXT
            ),
            "address_id": _TEXT,
        },
    },
}


def faults(schema: dict[str, Any], told: Any) -> list[str]:
    rules = jsonschema_rs.Draft4Validator(schema, validate_formats=True)
    return [f"{list(fault.instance_path)}: {fault.message}" for fault in rules.iter_errors(told)]


def test_what_is_served_keeps_the_rules_of_the_specification(
    server: Server, lodge: Callable[..., Case], office: Callable[..., Case]
) -> None:
    lodge(sub=None, place=None)
    case = lodge(place="kibera")
    office(case, Action.START)
    office(case, Action.RESOLVE, NOTE, outcome="no_fault")
    services = server.get("services.json")
    assert faults(SERVICES, services) == []
    for service in services:
        assert faults(DEFINITION, server.get(f"services/{service['service_code']}.json")) == []
    assert faults(REQUESTS, server.get("requests.json", extensions="true")) == []
    assert faults(REQUESTS, server.get(f"requests/{case.id}.json")) == []
    assert len(server.get("requests.json")) == 2


# Our own description of it. It runs on SQLite alone: what differs between databases is tested beside.


# What no description can say: GeoReport wants an empty argument to be as good as none; two dates, each of them good,
# may be too far apart; a point may lie at sea
UNSAID: Final = [negative_data_rejection, positive_data_acceptance]
described = schemathesis.openapi.from_path(views.OPENAPI)


class Fuzzed(NamedTuple):
    """A server that may be asked anything, and the secret of a client."""

    app: Flask
    secret: str


@pytest.fixture(scope="module")
def fuzzed(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    folder = tmp_path_factory.mktemp("open311") / "db"
    copytree(sqlite_template, folder)
    database.bind(f"sqlite:///{folder}/mlango.sqlite3")
    published.forget()
    citizens = Citizens(KEYRING)
    casework = Casework(packs.current, citizens)
    app = Flask(__name__)
    door = open311.blueprint(
        casework=casework,
        citizens=citizens,
        pack_and_places=lambda: (packs.current(), place_index(packs.current())),
        service_name="Mlango",
        demo=True,
        reads_per_minute=1_000_000,
    )
    app.register_blueprint(door)
    amina = citizens.meet("+254712345678", utcnow())
    for number, sub in enumerate(("water.none", "power.none")):
        facts = {"sub": sub, "place": "1387"}
        casework.apply(Change(Action.LODGE, amina, "ussd", f"{number}", facts=facts), utcnow())
    yield Fuzzed(app, keys.make("fuzzer", "test", utcnow(), per_minute=1_000_000)[1])
    database.close()
    published.forget()


def test_the_description_is_served(fuzzed: Fuzzed) -> None:
    served = fuzzed.app.test_client().get(f"{views.PREFIX}/openapi.yaml")
    assert (served.status_code, served.data) == (200, views.OPENAPI.read_bytes())


@described.parametrize()
@hypothesis.settings(max_examples=4, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_whatever_is_asked_the_answer_is_as_described(case: Call[Any], fuzzed: Fuzzed) -> None:
    if isinstance(case.body, dict) and "api_key" in case.body:
        case.body["api_key"] = fuzzed.secret
    case.call_and_validate(app=fuzzed.app, excluded_checks=UNSAID)
