"""What a poll brings and what a callback brings are one message, whichever comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

import pytest

from sms_gateway.africastalking import AfricasTalking, parse_mo
from sms_gateway.message import Message
from sms_gateway.polling import Polling
from tests.menus.conftest import CITIZEN
from tests.menus.stage import SHORT, Phone, Stage
from tests.sms_gateway.at_server import AfricasTalkingServer, Reply

MO: Final = {"from": CITIZEN, "to": SHORT, "text": "Hakuna maji Kayole"}


@pytest.fixture
def server() -> Iterator[AfricasTalkingServer]:
    with AfricasTalkingServer() as running:
        yield running


@pytest.fixture
def polling(stage: Stage, server: AfricasTalkingServer) -> Polling:
    gateway = AfricasTalking("mlango", "key", SHORT, server.url, timeout=(1, 1), clock=lambda: stage.now)
    return Polling([gateway], stage.texting.receive, stage._log)


def arrive(server: AfricasTalkingServer, stage: Stage) -> dict[str, str]:
    """A message that a citizen has just sent; the form of its callback."""
    server.arrive(**MO, date=stage.now.isoformat())
    return {**MO, "id": str(server.inbox[-1]["id"]), "date": server.inbox[-1]["date"]}


def call_back(stage: Stage, form: dict[str, str]) -> None:
    stage.texting.receive(parse_mo(form), stage.now)


def test_after_an_outage_what_was_missed_becomes_a_case_and_is_answered(
    stage: Stage, phone: Phone, server: AfricasTalkingServer, polling: Polling
) -> None:
    arrive(server, stage)
    stage.pause(timedelta(hours=6))
    assert polling.look(stage.now) == 1
    assert len(stage.cases()) == 1
    assert len(phone.inbox()) == 1


@pytest.mark.parametrize("first", ["callback", "poll"])
def test_a_message_that_comes_both_ways_is_handled_once(
    stage: Stage, phone: Phone, server: AfricasTalkingServer, polling: Polling, first: str
) -> None:
    form = arrive(server, stage)
    ways: dict[str, Callable[[], object]] = {
        "callback": lambda: call_back(stage, form),
        "poll": lambda: polling.look(stage.now),
    }
    for way in (ways.pop(first), *ways.values()):
        way()
    assert len(stage.cases()) == 1
    assert Message.select().where(Message.direction == "mo").count() == 1
    assert len(phone.inbox()) == 1


def test_a_line_that_comes_and_goes_loses_nothing(stage: Stage, server: AfricasTalkingServer, polling: Polling) -> None:
    for faults in (
        [Reply(500)],
        [],
        [Reply(silence=True)],
        [Reply(200, "<html>Karibu</html>")],
        [Reply(reset=True)],
        [],
    ):
        arrive(server, stage)
        server.then(*faults)
        stage.pause(timedelta(minutes=15))
        polling.look(stage.now)
    assert Message.select().where(Message.direction == "mo").count() == 6
    assert polling.look(stage.now + timedelta(minutes=15)) == 0
