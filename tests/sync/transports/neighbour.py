"""Another house, in a process of its own: it answers Open311, visits others, and dies when it is told to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Final

from flask import Flask
from werkzeug.serving import make_server

from cases.lifecycle import Action
from cases.models import Case
from packs.model import Exchange
from packs.places import place_index
from store import database
from sync.applying import Applier
from sync.open311 import blueprint, keys
from sync.transports.open311 import Open311
from tests.conftest import KEYRING
from tests.sync.stage import WATER, Stage
from tests.together import PROCESSES

LONGEST_S: Final = 30.0


class Neighbour:
    """Use as a context manager. `url` is its GeoReport, `key` opens it."""

    def __init__(self, folder: Path, template: Path, now: datetime) -> None:
        self._folder, self._now = folder, now
        shutil.copytree(template, folder / "db")
        self.url = self.key = ""
        self._port = 0

    def __enter__(self) -> Neighbour:
        self._pipe, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=_live, args=(theirs, self._folder, self._now, self._port, self.key))
        self._process.start()
        theirs.close()
        self._port, self.key = self._answer()
        self.url = f"http://127.0.0.1:{self._port}/open311/v2/"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()

    def ask(self, what: str, *about: object) -> Any:
        """Let it do one of the things that `_House` can."""
        self._pipe.send((what, *about))
        return self._answer()

    def _answer(self) -> Any:
        assert self._pipe.poll(LONGEST_S), "the neighbour says nothing"
        return self._pipe.recv()


@dataclass
class _House:
    """What goes on inside."""

    stage: Stage
    dies: bool = False

    def cases(self) -> dict[str, str]:
        return {case.id: case.state for case in Case.select().order_by(Case.id)}

    def resolve(self, case_id: str, note: str, outcome: str) -> None:
        case = Case.get_by_id(case_id)
        self.stage.act(case, Action.START)
        self.stage.act(case, Action.RESOLVE, note, outcome=outcome)

    def visit(self, address: str, key: str) -> int:
        """How many requests the other one took."""
        exchange = Exchange(WATER, transport="open311", address=address)
        self.stage.exchanges[WATER] = exchange
        applier = Applier(self.stage.casework, self.stage.citizens, self.stage.pack)
        return Open311(self.stage.citizens, self.stage.pack, applier, lambda _: key).run(exchange, self.stage.now).told

    def die_after_the_next_request(self) -> None:
        self.dies = True


def _live(pipe: Connection, folder: Path, now: datetime, port: int, secret: str) -> None:
    database.bind(f"sqlite:///{folder}/db/mlango.sqlite3")
    house = _House(Stage(folder, KEYRING, now))
    app = Flask(__name__)
    app.register_blueprint(served(house.stage))
    server = make_server("127.0.0.1", port, _mortal(house, app))
    Thread(target=server.serve_forever, daemon=True).start()
    pipe.send((server.port, secret or keys.make("neighbour", "test", now)[1]))
    while True:
        what, *about = pipe.recv()
        pipe.send(getattr(house, what)(*about))


def served(stage: Stage) -> Any:
    """What a house answers to others."""
    return blueprint(
        casework=stage.casework,
        citizens=stage.citizens,
        pack_and_places=lambda: (stage.pack(), place_index(stage.pack())),
        service_name="Mlango",
        demo=True,
        now=lambda: stage.now,
    )


def _mortal(house: _House, app: Flask) -> Callable[..., Iterable[bytes]]:
    """The power fails after a request was written down and before that is told."""

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        told = app(environ, start)
        if house.dies and environ["REQUEST_METHOD"] == "POST":
            os._exit(9)
        return told

    return answer
