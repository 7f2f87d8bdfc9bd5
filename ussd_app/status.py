"""What `up` shows while it runs: one board, redrawn in place on a terminal; elsewhere a line when something changes."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO

from ussd_app.processes import State

_PATIENCE_S: Final = 1.0
_COLOURS: Final = {"ok": "\x1b[32m", "starting": "\x1b[33m", "starting again": "\x1b[33m"}
_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Status:
    """The state of each part by its name ("ok", or what is the matter), and how many messages wait to leave."""

    parts: Mapping[str, str]
    outbox: int | None


def ask(address: tuple[str, int]) -> tuple[int, Mapping[str, Any]] | None:
    """The web server's own account, `GET /readyz`: its HTTP status and JSON; None when nobody answers sense."""
    connection = http.client.HTTPConnection(*address, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, dict(json.loads(answer.read()))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def status_of(children: Mapping[str, State], answer: tuple[int, Mapping[str, Any]] | None) -> Status:
    """The whole picture, from the state of each child (by name) and what `/readyz` answered."""
    said = answer[1] if answer else {}
    checks = dict(said.get("checks", {}))
    checks["Valkey"] = checks.pop("redis", "unknown")
    checks["web"] = "ok" if answer else "no answer"
    checks["SMS"] = _channels(said.get("channels", {}))
    names = ("web", "worker", "relay", "Valkey", "database", "SMS")
    parts = {name: _state(children.get(name, "running"), checks.get(name, "unknown")) for name in names}
    return Status(parts, said.get("outbox"))


def _channels(known: Mapping[str, str]) -> str:
    """What is the matter with the channels that SMS leave through."""
    ailing = [f"{name} {state}" for name, state in known.items() if state != "ok"]
    return "; ".join(ailing) or ("ok" if known else "unknown")


def _state(child: State, check: str) -> str:
    match child:
        case "ended":
            return "starting again"
        case "starting" if check != "ok":
            return "starting"
        case _:
            return check


class Board:
    """Shows a Status on `out`, with lines that stay the same below it."""

    def __init__(self, out: TextIO, below: Sequence[str]) -> None:
        self._out, self._below = out, below
        self._live = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._shown: Status | None = None
        self._written: dict[str, str] = {}
        self._height = 0

    def show(self, status: Status) -> None:
        """Bring what is seen up to date."""
        if status == self._shown:
            return
        if self._live:
            self._draw(status)
        else:
            self._write_news(status)
        self._shown = status

    def tell(self, sentence: str) -> None:
        """Say something that stays, above the board."""
        self._write(f"\x1b[{self._height}F\x1b[J{sentence}" if self._live and self._height else sentence)
        self._height = 0
        if self._live and self._shown:
            self._draw(self._shown)

    def _write_news(self, status: Status) -> None:
        if self._shown is None:
            self._write("\n".join(self._below))
        for name, state in status.parts.items():
            if state not in ("starting", self._written.get(name, "ok")):
                self._write(f"{name}: {state}")
                self._written[name] = state

    def _draw(self, status: Status) -> None:
        width = shutil.get_terminal_size().columns
        waiting = "unknown" if status.outbox is None else f"{status.outbox} waiting"
        lines = [
            "",
            *(_row(name, state, width) for name, state in status.parts.items()),
            f"  {'outbox':<10}{waiting}",
            "",
        ]
        lines += [line[: width - 1] for line in self._below]
        back = f"\x1b[{self._height}F\x1b[J" if self._height else ""
        self._write(back + "\n".join(lines))
        self._height = len(lines)

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a terminal that is gone must not end the service
            print(text, file=self._out, flush=True)


def _row(name: str, state: str, width: int) -> str:
    return f"  {name:<10}{_COLOURS.get(state, _RED)}{state[: max(0, width - 14)]}{_PLAIN}"
