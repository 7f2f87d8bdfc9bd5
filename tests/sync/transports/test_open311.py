"""An office whose own system speaks Open311: what it is told, once, and what comes of what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
import requests
import structlog
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from cases import worklist
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, Role
from cases.models import Case
from cases.worklist import Viewer
from packs.model import Exchange
from store import database
from store.sealing import Keyring
from sync import links, outbound
from sync.applying import Applier
from sync.models import ExternalRef
from sync.open311 import keys
from sync.transport import LinkFault
from sync.transports.heard import FROM_US
from sync.transports.open311 import Open311
from sync.turn import Talked
from tests.sync.stage import AMINA, POWER, WATER, Stage
from tests.sync.transports.conftest import fault
from tests.sync.transports.council import KEY, Council, Trouble
from tests.sync.transports.neighbour import Neighbour, served

POST = "POST requests.json"

# Their SQL is in the tests that run on both databases
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@dataclass
class Visits:
    """Our side: a house with cases, and visits to the council, each when it is said."""

    stage: Stage
    council: Council
    exchange: Exchange
    key: str = KEY

    def visit(self, after: timedelta = timedelta()) -> Talked:
        """One visit; the link is noted as a turn of the exchange would note it."""
        stage, now = self.stage, self.stage.now + after
        applier = Applier(stage.casework, stage.citizens, stage.pack)
        speaks = Open311(stage.citizens, stage.pack, applier, self._key, idle_s=5)
        try:
            return speaks.run(self.exchange, now)
        finally:
            links.works(self.exchange.agency, now)

    def _key(self, agency: str) -> str:
        return self.key if agency == self.exchange.agency else ""

    def ref(self, case: Case) -> str | None:
        found = ExternalRef.get_or_none(ExternalRef.case == case.id)
        return found.ref if found else None

    def state(self, case: Case) -> str:
        state: str = Case.get_by_id(case.id).state
        return state


@pytest.fixture
def council() -> Iterator[Council]:
    with Council() as server:
        yield server


@pytest.fixture
def visits(bound: str, keyring: Keyring, now: datetime, tmp_path: Path, council: Council) -> Visits:
    exchange = Exchange(WATER, transport="open311", address=council.url, contact=True)
    return Visits(Stage(tmp_path, keyring, now, {WATER: exchange}), council, exchange)


@pytest.fixture
def amina(visits: Visits) -> Caller:
    return visits.stage.citizen(AMINA)


def test_a_case_is_posted_once_with_what_the_office_may_know(visits: Visits, council: Council) -> None:
    case = visits.stage.lodge("No water since Monday,\nnear the Olympic school")
    talked = visits.visit()
    visits.visit()
    (posted,) = council.posted()
    assert posted["service_code"] == "WTR"
    assert posted["description"].startswith("No water since Monday, near the Olympic school\nWater: No water")
    assert f"[Mlango {case.ref[:3]}-{case.ref[3:6]}-{case.ref[6:]}]" in posted["description"]
    assert posted["address_string"] == "Kibera, Kibra, Nairobi"
    assert posted["phone"] == AMINA
    assert (talked.told, visits.ref(case), outbound.waiting(WATER)) == (1, "R1", 0)


@on_sqlite
def test_what_is_in_confidence_waits_until_an_officer_releases_it(visits: Visits, council: Council) -> None:
    case = visits.stage.lodge("The meter reader wants money", visibility="confidential")
    visits.visit()
    assert council.posted() == []
    assert outbound.waiting(WATER)
    visits.stage.act(case, Action.SHARE, None, Role.SUPERVISOR)
    visits.visit()
    (posted,) = council.posted()
    assert posted["description"].startswith("The meter reader wants money\nWater: No water")
    assert "phone" not in posted
    assert outbound.waiting(WATER) == 0


@on_sqlite
def test_the_number_of_a_citizen_stays_here_unless_the_pack_lets_it_out(visits: Visits, council: Council) -> None:
    visits.stage.lodge("No water", silent=True)  # who wants no SMS of ours wants none of theirs
    visits.visit()
    visits.exchange = replace(visits.exchange, contact=False)
    visits.stage.lodge("No water")
    visits.visit()
    assert ["phone" in posted for posted in council.posted()] == [False, False]


@on_sqlite
def test_a_server_that_recognises_requests_is_simply_told_again(visits: Visits, council: Council) -> None:
    council.recognises = True
    case = visits.stage.lodge("No water")
    council.then(POST, Trouble(takes=True), Trouble(takes=True, status=502, body=[]))
    for _ in range(2):
        with pytest.raises(LinkFault, match="may have arrived"):
            visits.visit()
        assert outbound.waiting(WATER)
    visits.visit()
    assert (len(council.requests), visits.ref(case)) == (1, "R1")
    assert council.posted()[0]["attribute[fixmystreet_id]"] == case.id


@on_sqlite
def test_other_servers_are_asked_whether_a_request_arrived(visits: Visits, council: Council) -> None:
    case = visits.stage.lodge("No water")
    council.then(POST, Trouble(takes=True))
    with pytest.raises(LinkFault, match="may have arrived"):
        visits.visit()
    visits.visit(timedelta(minutes=5))
    assert (len(council.posted()), visits.ref(case), outbound.waiting(WATER)) == (1, "R1", 0)


@on_sqlite
def test_a_case_that_went_and_came_back_before_they_had_it_is_one_request(visits: Visits, council: Council) -> None:
    case = visits.stage.lodge("No water")
    visits.stage.act(case, Action.TRANSFER, "It is the power that is off", Role.SUPERVISOR, agency=POWER)
    visits.stage.act(case, Action.TRANSFER, "It is the water after all", Role.SUPERVISOR, agency=WATER)
    visits.visit()
    visits.visit()
    assert (len(council.posted()), outbound.waiting(WATER)) == (1, 0)


@on_sqlite
@pytest.mark.parametrize("recognises", [True, False])
def test_a_visit_that_dies_after_posting_posts_nothing_twice(
    visits: Visits, council: Council, recognises: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    council.recognises = recognises
    case = visits.stage.lodge("No water")
    with monkeypatch.context() as dying:
        dying.setattr("sync.transports.told.Telling._lodged_as", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            visits.visit()
    assert len(council.requests) == 1
    visits.visit(timedelta(minutes=1))
    assert (len(council.requests), visits.ref(case), outbound.waiting(WATER)) == (1, "R1", 0)


@on_sqlite
def test_what_is_not_there_after_an_hour_is_posted_again(visits: Visits, council: Council) -> None:
    case = visits.stage.lodge("No water")
    council.then(POST, Trouble())
    with pytest.raises(LinkFault):
        visits.visit()
    visits.visit(timedelta(minutes=50))
    assert (len(council.posted()), outbound.waiting(WATER) > 0) == (1, True)
    visits.visit(timedelta(minutes=70))
    assert (list(council.requests), visits.ref(case)) == (["R1"], "R1")


@on_sqlite
@pytest.mark.parametrize("trouble", [Trouble(status=400, body=[]), Trouble(status=429, body=[])])
def test_what_certainly_did_not_arrive_is_posted_at_the_next_visit(
    visits: Visits, council: Council, trouble: Trouble
) -> None:
    case, other = (
        visits.stage.lodge("No water", place="1387"),
        visits.stage.lodge("No water here", caller=visits.stage.citizen("+254798765432")),
    )
    council.then(POST, trouble)
    if trouble.status == 429:
        with fault("come again later", permanent=False):
            visits.visit()
    else:
        visits.visit()  # one that is refused keeps no other from going
        assert visits.ref(other) == "R1"
    assert visits.ref(case) is None
    visits.visit()
    assert len(council.requests) == 2
    assert visits.ref(case)
    assert outbound.waiting(WATER) == 0


def test_a_number_that_comes_later_is_asked_for(visits: Visits, council: Council) -> None:
    council.by_token = True
    case = visits.stage.lodge("No water")
    visits.visit()
    visits.visit()
    assert visits.ref(case) == "token:T-R1"
    council.by_token = False
    visits.visit()
    assert (visits.ref(case), len(council.posted())) == ("R1", 1)


@on_sqlite
def test_a_point_is_the_middle_of_the_ward_or_of_more_where_a_server_insists(visits: Visits, council: Council) -> None:
    visits.stage.lodge("No water", place="1387")
    visits.visit()
    visits.stage.lodge("No water, somewhere in Kibera")
    council.then(POST, Trouble(status=400, body=[{"description": "lat is required"}]))
    visits.visit()
    exact, refused, amid = council.posted()
    assert {"lat", "long"} <= exact.keys() & amid.keys()
    assert "lat" not in refused
    assert len(council.requests) == 2


@on_sqlite
def test_a_kind_that_they_do_not_know_goes_to_what_is_nearest(visits: Visits, council: Council) -> None:
    visits.stage.lodge("The bill is wrong", sub="water.bill")
    visits.visit()
    assert council.posted()[0]["service_code"] == "other"


# What they say


def test_what_they_say_moves_the_case_and_the_same_again_does_nothing(visits: Visits, council: Council) -> None:
    case = visits.stage.lodge("No water")
    visits.visit()
    council.says("R1", "in progress")
    (first,) = visits.visit(timedelta(minutes=1)).taken
    assert (first.accepted, visits.state(case)) == (1, "in_progress")
    council.says("R1", "closed", "We replaced the burst pipe near the school.")
    (second,) = visits.visit(timedelta(minutes=2)).taken
    assert (second.rows, second.accepted, visits.state(case)) == (1, 1, "resolved")
    assert visits.visit(timedelta(minutes=3)).taken == ()


def test_a_server_without_updates_is_asked_how_its_requests_stand(visits: Visits, council: Council) -> None:
    council.tells = False
    case = visits.stage.lodge("No water")
    visits.visit()
    assert visits.visit().taken == ()
    council.says("R1", "closed")
    visits.visit(timedelta(minutes=1))
    assert visits.state(case) == "resolved"
    assert visits.visit(timedelta(minutes=2)).taken == ()


@on_sqlite
def test_news_of_requests_that_are_not_ours_is_nobodys(visits: Visits, council: Council) -> None:
    visits.stage.lodge("No water")
    visits.visit()
    council.requests["X9"] = {}
    council.says("X9", "closed", "Somebody else's light is repaired.")
    assert visits.visit().taken == ()


@on_sqlite
def test_updates_are_asked_for_from_two_hours_before_the_last_visit(visits: Visits, council: Council) -> None:
    for after in (timedelta(), timedelta(), timedelta(days=1)):
        council.asked.clear()
        visits.visit(after)
    asked = [one.fields for one in council.asked if one.path == "servicerequestupdates.json"]
    assert [(one["start_date"], one["end_date"]) for one in asked] == [("2026-11-23T04:15:00Z", "2026-11-24T08:15:00Z")]


@on_sqlite
def test_what_was_cut_off_a_long_list_is_asked_for_in_parts(visits: Visits, council: Council) -> None:
    case = visits.stage.lodge("No water")
    for _ in range(2):
        visits.visit()
    council.says("R1", "closed", "We replaced the burst pipe near the school.", at="2026-11-23T05:00:00Z")
    others = {"service_request_id": "X", "status": "open", "description": "Of somebody else's street"}
    for at in range(1_100):
        moment = f"2026-11-23T05:{at // 60 + 1:02}:{at % 60:02}Z"
        council.news.append({**others, "update_id": f"other-{at}", "updated_datetime": moment})
    visits.visit()
    assert visits.state(case) == "resolved"

    council.looks_at_time = False
    council.asked.clear()
    visits.visit()
    assert len([one for one in council.asked if one.path == "servicerequestupdates.json"]) == 3


@on_sqlite
def test_what_they_say_is_heard_also_while_they_take_nothing(visits: Visits, council: Council) -> None:
    case = visits.stage.lodge("No water")
    visits.visit()
    visits.stage.lodge("No water either", caller=visits.stage.citizen("+254798765432"))
    council.says("R1", "closed", "We replaced the burst pipe near the school.")
    council.then(POST, Trouble(status=503, body=[]))
    with fault("come again later", permanent=False):
        visits.visit()
    assert visits.state(case) == "resolved"


# What the citizen does afterwards


@on_sqlite
def test_news_of_the_citizen_goes_where_the_server_listens_and_comes_back_as_nothing(
    visits: Visits, council: Council
) -> None:
    council.listens = True
    case = visits.stage.lodge("No water")
    visits.visit()
    visits.stage.act(case, Action.ADD_WORDS, "A child fell ill", Role.CITIZEN)
    visits.stage.act(case, Action.WITHDRAW, None, Role.CITIZEN)
    visits.visit()
    assert [one["description"] for one in council.heard] == [
        FROM_US + "A child fell ill",
        FROM_US + "The citizen has withdrawn it.",
    ]
    assert [one["status"] for one in council.heard] == ["OPEN", "CLOSED"]
    council.says("R1", "open", FROM_US + "A child fell ill")
    assert visits.visit().taken == ()


@on_sqlite
def test_a_reopened_case_is_a_new_request_where_nobody_listens(visits: Visits, council: Council) -> None:
    council.recognises = True
    case = visits.stage.lodge("No water")
    visits.visit()
    council.says("R1", "closed", "We replaced the burst pipe near the school.")
    visits.visit()
    visits.stage.act(case, Action.REOPEN, "There is still no water", Role.CITIZEN)
    visits.visit()
    assert visits.ref(case) == "R2"
    again = council.posted()[-1]
    assert again["attribute[fixmystreet_id]"] == f"{case.id}-2"
    assert "There is still no water" in again["description"]


@on_sqlite
def test_a_case_that_goes_elsewhere_before_they_had_it_never_comes_there(visits: Visits, council: Council) -> None:
    case = visits.stage.lodge("No water")
    visits.stage.act(case, Action.TRANSFER, "It is the power that is off", Role.SUPERVISOR, agency=POWER)
    visits.visit()
    assert (council.posted(), outbound.waiting(WATER)) == ([], 0)


@on_sqlite
def test_a_server_that_does_not_let_us_in_is_for_a_person(visits: Visits, council: Council) -> None:
    visits.stage.lodge("No water")
    council.then("GET services.json", Trouble(status=403, body=[{"description": "API key expired."}]))
    with fault("does not accept our API key (HTTP 403). It says: API key expired.", permanent=True):
        visits.visit()


# Two houses that face each other


@pytest.fixture
def ours(visits: Visits) -> Iterator[str]:
    """Where our own house answers Open311."""
    app = Flask(__name__)
    app.register_blueprint(served(visits.stage))
    server = make_server("127.0.0.1", 0, app, threaded=False)
    thread = Thread(target=_serve, args=(server,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}/open311/v2/"
    server.shutdown()
    thread.join()


@pytest.fixture
def neighbour(visits: Visits, tmp_path: Path, sqlite_template: Path) -> Iterator[Neighbour]:
    """The house that has our office's cases, and takes us for the office of its own."""
    with Neighbour(tmp_path / "neighbour", sqlite_template, visits.stage.now) as house:
        visits.exchange = replace(visits.exchange, address=house.url, jurisdiction="ke")
        visits.stage.exchanges[WATER] = visits.exchange
        visits.key = house.key
        yield house


def history(case: Case, citizens: Citizens) -> list[str | None]:
    """What was said about a case."""
    return [entry.words for entry in worklist.history(Viewer(Role.ADMIN), case, citizens)]


def report(url: str, secret: str, number: str) -> str:
    """FixMyStreet sends a request; our id of it."""
    form = {
        "api_key": secret, "service_code": "water.none", "address_id": "W1387", "description": "Dry since Monday",
        "attribute[fixmystreet_id]": number,
    }  # fmt: skip
    ((told),) = requests.post(f"{url}requests.json", data=form, timeout=10).json()
    return str(told["service_request_id"])


def _serve(server: BaseWSGIServer) -> None:
    server.serve_forever(0.01)
    server.server_close()
    database.close()


@on_sqlite
def test_two_houses_that_face_each_other_hand_nothing_to_and_fro(
    visits: Visits, ours: str, neighbour: Neighbour
) -> None:
    """Each takes the other for the same office; what came from FixMyStreet goes on, what came from us does not."""
    stage = visits.stage
    dialled = stage.lodge("No water since Monday")
    reported = Case.get_by_id(report(ours, keys.make("fixmystreet", "test", stage.now)[1], "4711"))
    key = keys.make("neighbour", "test", stage.now)[1]
    for _ in range(3):
        visits.visit()
        assert neighbour.ask("visit", ours, key) == 0
    there = neighbour.ask("cases")
    assert {visits.ref(dialled), visits.ref(reported)} == there.keys()
    assert (len(there), Case.select().count()) == (2, 2)

    neighbour.ask("resolve", visits.ref(dialled), "We replaced the burst pipe near the school.", "fixed")
    neighbour.ask("resolve", visits.ref(reported), "The pipes there belong to the landlord.", "explained")
    visits.visit()
    assert visits.visit().taken == ()
    assert neighbour.ask("visit", ours, key) == 0
    for case, words, outcome in (
        (dialled, "We replaced the burst pipe near the school.", "fixed"),
        (reported, "The pipes there belong to the landlord.", "explained"),
    ):
        assert words in history(case, stage.citizens)
        assert (visits.state(case), Case.get_by_id(case.id).outcome) == ("resolved", outcome)


@on_sqlite
def test_a_house_that_dies_before_it_answers_has_each_case_once(visits: Visits, neighbour: Neighbour) -> None:
    case = visits.stage.lodge("No water since Monday")
    neighbour.ask("die_after_the_next_request")
    for _ in range(2):
        with pytest.raises(LinkFault):
            visits.visit()
    with neighbour:
        visits.visit()
        assert [*neighbour.ask("cases")] == [visits.ref(case)]


@on_sqlite
def test_a_case_that_comes_round_through_another_system_goes_no_further(visits: Visits, council: Council) -> None:
    """They sent us what we had sent them, under an id of their own."""
    first = visits.stage.lodge("No water")
    visits.visit()
    again = visits.stage.lodge(council.posted()[0]["description"], caller=visits.stage.citizen("+254798765432"))
    Case.update(channel="open311").where(Case.id == again.id).execute()
    with structlog.testing.capture_logs() as logs:
        visits.visit()
    assert ("open311_not_passed_on", again.id) in [(one["event"], one.get("case")) for one in logs]
    assert (len(council.posted()), visits.ref(first), outbound.waiting(WATER)) == (1, "R1", 0)
