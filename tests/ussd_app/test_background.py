"""The relay and the worker: on real processes and a real Valkey, which may also be gone. On both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
import time_machine
from flask.testing import FlaskClient

import jobs.outbox
from cases.models import Case
from menus import handling, sessions, texting
from sms_gateway import heartbeat
from sms_gateway.gateway import State
from sms_gateway.message import DeliveryReport, Message
from store import database
from store.clock import utcnow
from tests import box
from tests.box import ASHA, CALLBACKS, LODGE, Handset, number_in, soon, through
from tests.sms_gateway.at_server import AfricasTalkingServer, Received, Reply
from ussd_app import background, wiring
from ussd_app.background import SWEEP_EVERY, TICK_EVERY, Relay
from ussd_app.settings import Settings


@dataclass
class Box:
    """A service in this process: its app, and what its other processes are told."""

    client: FlaskClient
    environ: dict[str, str]
    socket: Path
    folder: Path

    @property
    def settings(self) -> Settings:
        return Settings.load(self.environ)

    def handset(self, msisdn: str = ASHA) -> Handset:
        return Handset(through(self.client), msisdn)

    def inbox(self, msisdn: str = ASHA) -> list[str]:
        """The texts that the simulated network delivered."""
        answer = self.client.get("/phone/messages.json", query_string={"msisdn": msisdn})
        return [message["text"] for message in answer.get_json()]

    def process(self, name: str) -> AbstractContextManager[box.Process]:
        return box.running(self.environ, self.folder / f"{name}.log", "ussd_app", name)


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Box]:
    with box.short_folder() as folder:
        socket = folder / "valkey.sock"
        environ = box.environ(tmp_path, database_url, redis_url=f"unix://{socket}")
        with box.application(Settings.load(environ)) as app:
            yield Box(app.test_client(), environ, socket, tmp_path)


@pytest.fixture
def relay(service: Box) -> Iterator[Relay]:
    """The relay in this process, one look at a time."""
    connection = background.redis(service.settings)
    yield Relay(wiring.build(service.settings), connection)
    connection.close()


def jobs_waiting(settings: Settings) -> int:
    connection = background.redis(settings)
    try:
        return background.queue(connection).count
    finally:
        connection.close()


def mt_states() -> list[str]:
    return [message.state for message in Message.select().where(Message.direction == "mt").order_by(Message.id)]


# The relay


def test_the_relay_wakes_a_worker_once_and_only_when_something_is_due(service: Box, relay: Relay) -> None:
    with box.valkey(service.socket):
        relay.look()
        assert jobs_waiting(service.settings) == 0
        service.handset().dial(*LODGE)
        Message.update(due_at=utcnow() + timedelta(minutes=1)).execute()
        relay.look()
        assert jobs_waiting(service.settings) == 0
        Message.update(due_at=utcnow()).execute()
        relay.look()
        relay.look()
        assert jobs_waiting(service.settings) == 1


def test_without_valkey_messages_wait_and_the_log_says_it_once(service: Box, relay: Relay) -> None:
    def wakes_the_worker() -> bool:
        relay.look()
        return jobs_waiting(service.settings) == 1

    service.handset().dial(*LODGE)
    with structlog.testing.capture_logs() as logged:
        for _ in range(3):
            relay.look()
        assert mt_states() == [State.QUEUED]
        with box.valkey(service.socket):
            soon(wakes_the_worker, "the relay does not come back")
    assert [line["event"] for line in logged] == ["redis_is_down", "redis_is_back"]


def test_a_round_that_fails_is_logged_and_the_next_one_works(service: Box, relay: Relay) -> None:
    url = service.settings.database
    database.close()
    database.bind("sqlite:////no/such/folder/mlango.sqlite3")
    with structlog.testing.capture_logs() as logged:
        relay.look()
    assert [line["event"] for line in logged] == ["relay_round_failed"]
    database.bind(url)
    for _ in range(TICK_EVERY):
        relay.look()
    assert heartbeat.last_beat() is not None


def test_the_sweep_handles_what_was_stored_but_not_handled(
    service: Box, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as unlucky:
        unlucky.setattr(handling.Handling, "run", fail)
        assert service.handset().text("No water since Monday") == 200
    assert Case.select().count() == 0
    with time_machine.travel(utcnow() + texting.RETRY_AFTER + timedelta(seconds=1), tick=True):
        for _ in range(TICK_EVERY * SWEEP_EVERY):
            relay.look()
    assert Case.select().count() == 1
    assert [message.state for message in Message.select().where(Message.direction == "mo")] == ["handled"]


def test_a_draft_that_was_left_is_reminded_of(service: Box, relay: Relay) -> None:
    service.handset().dial(*LODGE[:-1])
    with time_machine.travel(utcnow() + sessions.SILENCE + timedelta(seconds=1), tick=True):
        relay.look()
        relay.look()
    assert [message.template for message in Message.select()] == ["drop_reminder"]


# With a worker and a relay as processes of their own


def test_a_network_that_is_asked_and_does_not_answer_keeps_no_message_waiting(
    service: Box, network: AfricasTalkingServer
) -> None:
    network.always = lambda _: Reply(silence=True)
    account = {"africastalking_username": "mlango", "africastalking_api_key": "atsk_0", "sms_gateway": "africastalking"}
    service.environ |= box.environ(service.folder, africastalking_base_url=network.url, **account)
    with box.valkey(service.socket), service.process("relay"):
        soon(lambda: network.received, f"it asks for nothing: {_logs(service)}")
        service.handset().dial(*LODGE)
        began = time.monotonic()
        soon(lambda: jobs_waiting(service.settings) == 1, "the relay waits for the network")
        assert time.monotonic() - began < 3


def test_what_citizens_sent_meanwhile_is_fetched(service: Box, network: AfricasTalkingServer) -> None:
    account = {"africastalking_username": "mlango", "africastalking_api_key": "atsk_0", "sms_gateway": "africastalking"}
    service.environ |= box.environ(service.folder, africastalking_base_url=network.url, **account)
    network.arrive(**{"from": ASHA, "text": "No water since Monday", "date": utcnow().isoformat()})
    with box.valkey(service.socket), service.process("relay"):
        soon(lambda: Case.select().count() == 1, f"it was not fetched: {_logs(service)}")


def test_a_complaint_is_answered_by_sms_and_valkey_may_come_and_go(service: Box) -> None:
    with box.valkey(service.socket) as valkey, service.process("worker"), service.process("relay"):
        first = number_in(service.handset().dial(*LODGE))
        soon(lambda: first in _digits(service.inbox()), f"no SMS: {_logs(service)}")
        soon(lambda: _degraded(service) == [], "the worker or the relay does not beat")

        valkey.kill()
        valkey.wait()
        began = time.monotonic()
        second = number_in(service.handset().dial("1", "1", "2", "1"))  # at the same place
        assert service.handset("+254733000111").text("A pole is down on the road") == 200
        assert time.monotonic() - began < 2
        time.sleep(3 * background.LOOK_EVERY_S)
        assert mt_states() == [State.DELIVERED, State.QUEUED, State.QUEUED]
        assert _degraded(service) == ["redis", "worker"]

        with box.valkey(service.socket):
            soon(lambda: second in _digits(service.inbox()), f"the SMS was lost: {_logs(service)}")
            soon(lambda: len(service.inbox("+254733000111")) == 1, f"the SMS was lost: {_logs(service)}")
            soon(lambda: mt_states() == [State.DELIVERED] * 3, "a report was lost")
            assert len(service.inbox()) == 2
            soon(lambda: _degraded(service) == [], "the worker does not say that it is back")


def ends_quickly(process: box.Process) -> bool:
    code, seconds = process.end()
    assert code == 0, process.log.read_text()
    return seconds < 2


@pytest.mark.parametrize("name", ["worker", "relay"])
def test_a_signal_ends_it_within_two_seconds(service: Box, name: str) -> None:
    def it_ends_quickly() -> bool:
        with service.process(name) as process:
            soon(lambda: name not in _degraded(service), "it did not start")
            return ends_quickly(process)

    with box.valkey(service.socket):
        assert any(it_ends_quickly() for _ in range(3))  # other work on this machine may hold it up once


def test_a_worker_waits_for_valkey_and_a_signal_ends_the_waiting(service: Box) -> None:
    def it_ends_quickly() -> bool:
        with service.process("worker") as process:
            soon(lambda: "worker_without_redis" in process.log.read_text(), "it does not try again")
            return ends_quickly(process)

    assert any(it_ends_quickly() for _ in range(3))


def test_what_is_queued_by_name_sends(service: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job itself, in this process."""
    service.handset().dial(*LODGE)
    background.house.cache_clear()
    for name, value in service.environ.items():
        monkeypatch.setenv(name, value)
    assert jobs.outbox.send() == 1
    assert jobs.outbox.send() == 0
    background.house.cache_clear()
    assert mt_states() == [State.DELIVERED]


# Through Africa's Talking


@pytest.fixture
def network() -> Iterator[AfricasTalkingServer]:
    with AfricasTalkingServer() as server:
        yield server


@pytest.fixture
def connected(database_url: str, tmp_path: Path, network: AfricasTalkingServer) -> Iterator[Box]:
    """A service that sends through Africa's Talking."""
    account = {"africastalking_username": "mlango", "africastalking_api_key": "atsk_0", "sms_gateway": "africastalking"}
    environ = box.environ(tmp_path, database_url, africastalking_base_url=network.url, **account)
    with box.application(Settings.load(environ)) as app:
        yield Box(app.test_client(), environ, tmp_path, tmp_path)


def drain(service: Box) -> int:
    return wiring.build(service.settings).outbox.drain(utcnow)


def report(service: Box, status: str, provider_id: str = "ATXid_1") -> int:
    form = {"id": provider_id, "status": status, "phoneNumber": ASHA, "networkCode": "63902"}
    return service.client.post(f"{CALLBACKS}/delivery", data=form).status_code


def test_an_sms_is_answered_through_the_network_and_its_report_comes_back(
    connected: Box, network: AfricasTalkingServer
) -> None:
    connected.handset().text("No water in Kibera since Monday")
    assert drain(connected) == 1
    (request,) = network.received
    assert request.path == "/version1/messaging"
    assert request.headers["apiKey"] == "atsk_0"
    assert request.recipients == [ASHA]
    assert (request.form["username"], request.form["from"]) == ("mlango", "38496")
    assert number_in(request.form["message"]) == Case.get().ref
    assert mt_states() == [State.SUBMITTED]
    assert report(connected, "Success") == 200
    assert mt_states() == [State.DELIVERED]
    message = Message.get(Message.direction == "mt")
    assert (message.provider_id, message.cost, message.segments) == ("ATXid_1", "KES 0.8000", 1)


def test_a_report_that_comes_before_the_answer_is_not_lost(connected: Box, network: AfricasTalkingServer) -> None:
    def report_first(request: Received) -> Reply:
        answer = network.contract(request)
        assert report(connected, "Success") == 200
        database.close()  # this is the network's thread
        return answer

    network.then(report_first)
    connected.handset().text("No water in Kibera since Monday")
    drain(connected)
    assert mt_states() == [State.DELIVERED]
    assert DeliveryReport.select().where(DeliveryReport.matched_at.is_null()).count() == 0


def test_a_citizen_who_stopped_us_at_the_network_is_not_told_again(
    connected: Box, network: AfricasTalkingServer
) -> None:
    asha = connected.handset()
    asha.text("No water in Kibera since Monday")
    network.refuse[ASHA] = 406  # UserInBlacklist
    drain(connected)
    assert mt_states() == [State.REJECTED]
    asha.dial("1", "1", "2", "1", "kibera", "9", "1")
    assert drain(connected) == 0


def _degraded(service: Box) -> list[str]:
    found: list[str] = service.client.get("/readyz").get_json()["degraded"]
    return found


def _digits(texts: list[str]) -> str:
    return " ".join(texts).replace("-", "")


def _logs(service: Box) -> str:
    return "\n".join(file.read_text()[-2000:] for file in service.folder.glob("*.log"))
