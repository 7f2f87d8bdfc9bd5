"""A server of Open311 over a casework of this test's own, a client of it, and an office that works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from flask import Flask
from flask.testing import FlaskClient

import packs
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, Role
from cases.models import Case
from menus.notifier import Notifier
from packs.places import place_index
from store.sealing import Keyring
from sync import open311
from sync.open311 import keys

NOTE = "The burst pipe was mended and water is back."


@dataclass
class Server:
    """The service, what anybody asks it, and its clock."""

    client: FlaskClient
    casework: Casework
    citizens: Citizens
    now: datetime

    def get(self, path: str, **arguments: str) -> Any:
        """What a GET tells in JSON; it must answer 200."""
        answer = self.client.get(f"/open311/v2/{path}", query_string=arguments)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def xml(self, path: str, **arguments: str) -> Element:
        answer = self.client.get(f"/open311/v2/{path}", query_string=arguments)
        assert answer.status_code == 200, answer.text
        assert answer.content_type == "text/xml; charset=utf-8"
        return fromstring(answer.data)  # noqa: S314  our own

    def refused(self, path: str, status: int, arguments: Mapping[str, str] | None = None) -> str:
        """The sentence of an answer that tells what is wrong."""
        answer = self.client.get(f"/open311/v2/{path}", query_string=arguments)
        assert answer.status_code == status, answer.text
        (fault,) = answer.get_json()
        assert fault["code"] == status
        return str(fault["description"])

    def post(self, secret: str = "", **form: str) -> tuple[int, Any]:
        """What a POST of a request answers: its status, and the one entry of its list."""
        sent = {
            name.replace("attribute_", "attribute[") + "]" * name.startswith("attribute_"): form[name] for name in form
        }
        answer = self.client.post("/open311/v2/requests.json", data={"api_key": secret, **sent})
        (entry,) = answer.get_json()
        return answer.status_code, entry

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def server(bound: str, keyring: Keyring, now: datetime) -> Server:
    citizens = Citizens(keyring)
    casework = Casework(packs.current, citizens, [Notifier(packs.current)])
    app = Flask(__name__)
    made = Server(app.test_client(), casework, citizens, now)
    app.register_blueprint(
        open311.blueprint(
            casework=casework,
            citizens=citizens,
            pack_and_places=lambda: (packs.current(), place_index(packs.current())),
            service_name="Mlango",
            demo=True,
            now=lambda: made.now,
        )
    )
    return made


@pytest.fixture
def secret(server: Server) -> str:
    """The secret of a client called fixmystreet."""
    return keys.make("fixmystreet", "test", server.now)[1]


@pytest.fixture
def amina(server: Server) -> Caller:
    return server.citizens.meet("+254712345678", server.now)


@pytest.fixture
def lodge(server: Server, amina: Caller) -> Callable[..., Case]:
    """Lodge a case by USSD: no water in Lindi unless said otherwise."""
    ids = count(1)

    def lodge(words: str | None = None, **facts: Any) -> Case:
        told = {"sub": "water.none", "place": "1387", **facts}
        change = Change(Action.LODGE, amina, "ussd", f"test:{next(ids)}", facts=told, words=words)
        return server.casework.apply(change, server.now).case

    return lodge


@pytest.fixture
def office(server: Server) -> Callable[..., Case]:
    """Let the officer of a case do something to it."""
    ids = count(1)

    def office(case: Case, action: Action, words: str | None = None, **facts: Any) -> Case:
        role = facts.pop("role", Role.OWNER)
        change = Change(action, None, "csv", f"office:{next(ids)}", case.id, role, facts, words)
        return server.casework.apply(change, server.now).case

    return office
