"""What `up` shows: a board on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

import pytest

from ussd_app.processes import State
from ussd_app.status import Board, Status, status_of

ALL_WELL: Mapping[str, str] = {"database": "ok", "redis": "ok", "worker": "ok", "relay": "ok"}
RUNNING: Mapping[str, State] = {"web": "running", "worker": "running", "relay": "running", "Valkey": "running"}


def answered(outbox: int = 0, channel: str = "ok", **checks: str) -> tuple[int, dict[str, Any]]:
    account = {"ready": True, "degraded": [], "checks": {**ALL_WELL, **checks}, "outbox": outbox}
    return 200, {**account, "channels": {"kannel": channel, "gammu": "ok"}}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """The lines that a person sees, after the cursor went up and cleared what was below it."""
        lines: list[str] = []
        for back, text in re.findall(r"(?:\x1b\[(\d+)F\x1b\[J)?([^\x00]+?)(?=\x1b\[\d+F|\Z)", self.getvalue()):
            del lines[len(lines) - int(back or 0) :]
            lines += re.sub(r"\x1b\[\d*m", "", text).removesuffix("\n").split("\n")
        return lines


def test_all_parts_are_well() -> None:
    assert status_of(RUNNING, answered(outbox=3)) == Status(
        {"web": "ok", "worker": "ok", "relay": "ok", "Valkey": "ok", "database": "ok", "SMS": "ok"}, 3
    )


def test_a_channel_that_is_paused_is_named() -> None:
    status = status_of(RUNNING, answered(channel="paused until 10:05 on 22 November"))
    assert status.parts["SMS"] == "kannel paused until 10:05 on 22 November"


def test_a_child_that_ended_is_starting_again_whatever_the_web_server_still_believes() -> None:
    assert status_of({**RUNNING, "worker": "ended"}, answered()).parts["worker"] == "starting again"


def test_without_an_answer_only_that_is_known() -> None:
    status = status_of(RUNNING, None)
    assert status.parts["web"] == "no answer"
    assert status.parts["database"] == "unknown"
    assert status.outbox is None


def test_redis_elsewhere_is_shown_like_the_embedded_one() -> None:
    assert status_of({"web": "running"}, answered(redis="down")).parts["Valkey"] == "down"


def test_a_child_in_its_first_seconds_is_starting_unless_it_is_well_already() -> None:
    states: Mapping[str, State] = {**RUNNING, "worker": "starting", "relay": "starting"}
    parts = status_of(states, answered(worker="down")).parts
    assert (parts["worker"], parts["relay"]) == ("starting", "ok")


def test_without_a_terminal_a_start_is_no_news() -> None:
    out = io.StringIO()
    board = Board(out, ["Dial *384*96#"])
    board.show(status_of({**RUNNING, "worker": "starting"}, answered(worker="down")))
    board.show(status_of(RUNNING, answered()))
    assert out.getvalue() == "Dial *384*96#\n"


def test_without_a_terminal_a_line_is_written_only_when_something_changes() -> None:
    out = io.StringIO()
    board = Board(out, ["Dial *384*96#"])
    for answer in (answered(), answered(outbox=9), answered(redis="down"), answered(redis="down"), answered()):
        board.show(status_of(RUNNING, answer))
    assert out.getvalue().splitlines() == ["Dial *384*96#", "Valkey: down", "Valkey: ok"]


def test_on_a_terminal_the_board_is_redrawn_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    board = Board(out, ["Dial *384*96#"])
    board.show(status_of(RUNNING, answered()))
    board.tell("worker ended (SIGKILL); starting it again in 0.5 s")
    board.show(status_of({**RUNNING, "worker": "ended"}, answered(outbox=2)))
    assert out.screen() == [
        "worker ended (SIGKILL); starting it again in 0.5 s",
        "",
        "  web       ok",
        "  worker    starting again",
        "  relay     ok",
        "  Valkey    ok",
        "  database  ok",
        "  SMS       ok",
        "  outbox    2 waiting",
        "",
        "Dial *384*96#",
    ]


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    Board(out, ["Dial *384*96#"]).show(status_of(RUNNING, answered(redis="down")))
    assert out.getvalue() == "Dial *384*96#\nValkey: down\n"
