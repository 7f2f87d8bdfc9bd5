"""Networks that send each input alone: the session is put together from the citizen's newest one."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from menus.sessions import SILENCE, Reply, UssdSession
from sms_gateway.gateway import UssdMove, UssdTurn
from tests.menus.conftest import CITIZEN
from tests.menus.stage import CODE, Stage


class Line:
    """A handset behind such a network."""

    def __init__(self, stage: Stage, gateway: str = "kannel", link: str = "USSD") -> None:
        self.stage, self.gateway, self.link = stage, gateway, link
        self._ids = count(1)

    def dial(self, inputs: str = "") -> Reply:
        return self.stage.conversation.hop(self.turn("dial", inputs), self.stage.now)

    def types(self, text: str) -> Reply:
        return self.stage.conversation.hop(self.turn("input", text), self.stage.now)

    def turn(self, move: UssdMove, text: str) -> UssdTurn:
        return UssdTurn(self.gateway, self.link, f"{move}-{next(self._ids)}", move, CITIZEN, CODE, text)


@pytest.fixture
def line(stage: Stage) -> Line:
    stage.phone(CITIZEN, "en")
    return Line(stage)


def transcripts() -> list[str]:
    return [session.session for session in UssdSession.select().order_by(UssdSession.id)]


def test_an_input_goes_on_in_the_session_that_was_dialled(line: Line) -> None:
    home = line.dial()
    category = line.types("1")
    assert category.text != home.text
    assert line.types("0").text == home.text  # Back
    assert transcripts() == ["kannel:USSD:dial-1"]


def test_an_input_with_an_asterisk_is_several_as_on_other_networks(line: Line, stage: Stage) -> None:
    line.dial()
    assert line.types("1*1").text == stage.phone(CITIZEN).dial("*384*96*1*1#").text


def test_an_empty_input_shows_the_screen_again(line: Line) -> None:
    home = line.dial()
    assert line.types("") == home


def test_after_minutes_of_silence_an_input_begins_another_session(line: Line, stage: Stage) -> None:
    home = line.dial()
    line.types("1")
    stage.pause(SILENCE + timedelta(seconds=1))
    assert line.types("1").text == home.text
    assert transcripts() == ["kannel:USSD:dial-1", "kannel:USSD:input-3"]


def test_a_session_of_another_network_is_not_gone_on_with(line: Line, stage: Stage) -> None:
    stage.phone(CITIZEN).dial()
    home = line.dial()
    assert Line(stage, gateway="other").types("1").text == home.text


def test_the_end_of_a_session_belongs_to_the_newest(line: Line, stage: Stage) -> None:
    line.dial()
    stage.pause()
    line.dial()
    stage.conversation.hung_up(line.turn("hang-up", ""), stage.now)
    ended = [session.ended for session in UssdSession.select().order_by(UssdSession.id)]
    assert ended == [None, "incomplete"]
