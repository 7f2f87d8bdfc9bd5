"""The whole way over HTTP, on SQLite: a real server as `up` starts it, many citizens at once, crashes in between."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from shutil import copytree

import pytest

from cases import events
from cases.models import Case, Citizen
from packs import published
from store import database
from tests import box, servers
from tests.box import LODGE, Handset, number_in, over_http, soon
from ussd_app import supervisor, wiring
from ussd_app.settings import Settings

CITIZENS = 40
LODGINGS, CRASHES = 200, 5


@dataclass
class Web:
    """A web server that can be killed and started again on its port."""

    settings: Settings
    environ: dict[str, str]
    process: box.Process | None = None

    @property
    def log(self) -> Path:
        return self.settings.home / "web.log"

    def start(self) -> None:
        """As the supervisor does, up to the time it answers."""
        (web,) = (program for program in supervisor._programs(self.settings) if program.name == "web")
        self.process = box.Process(self.environ, self.log, *web.argv[2:])
        soon(self.answers, f"no answer: {self.log.read_text()}")

    def kill(self) -> None:
        assert self.process
        self.process.kill()

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.settings.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def handset(self, number: int) -> Handset:
        return Handset(over_http(self.settings.port), f"+2547{number:08d}")


@pytest.fixture
def web(sqlite_template: Path, tmp_path: Path) -> Iterator[Web]:
    """A server that answers; its database is also open in this process."""
    home = tmp_path / "home"
    copytree(sqlite_template, home)
    environ = box.environ(home, log_level="warning") | {"PORT": str(servers.free_port())}
    web = Web(Settings.load(environ), environ)
    try:
        web.start()
        wiring.bind(web.settings)
        published.forget()
        yield web
    finally:
        web.kill()
        database.close()
        published.forget()


def at_once(work: Sequence[Callable[[], str]]) -> list[str]:
    """Do everything at the same moment; what came out, in order."""
    gate = threading.Barrier(len(work))

    def one(task: Callable[[], str]) -> str:
        gate.wait(10)
        return task()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))


def until_answered(ask: Callable[[], str], patience_s: float = 60) -> str:
    """Ask again and again, as a network that got no answer does."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return ask()
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.1)


def test_forty_citizens_at_once_each_get_a_number_of_their_own(web: Web) -> None:
    answers = at_once([partial(web.handset(citizen).dial, *LODGE) for citizen in range(CITIZENS)])
    numbers = {number_in(answer) for answer in answers if answer.startswith("END ")}
    assert len(numbers) == CITIZENS
    assert {case.ref for case in Case.select()} == numbers
    assert Citizen.select().count() == CITIZENS
    assert list(events.verify()) == []


def test_four_identical_final_callbacks_at_once_make_one_case(web: Web) -> None:
    asha = web.handset(1)
    for pressed in range(len(LODGE)):
        asha.hop("*".join(LODGE[:pressed]), "s1")
    answers = at_once([lambda: asha.hop("*".join(LODGE), "s1")] * 4)
    assert len(set(answers)) == 1
    assert [case.ref for case in Case.select()] == [number_in(answers[0])]


def test_a_server_killed_in_mid_load_keeps_what_it_acknowledged_and_doubles_nothing(web: Web) -> None:
    """Every session is walked by a client that repeats what was not answered, while the server dies again and again."""
    numbers: list[str] = []
    next_citizen = count()

    def walk() -> None:
        while (citizen := next(next_citizen)) < LODGINGS:
            handset, session = web.handset(citizen), f"s{citizen}"
            for pressed in range(len(LODGE) + 1):
                answer = until_answered(partial(handset.hop, "*".join(LODGE[:pressed]), session))
            numbers.append(number_in(answer))

    with ThreadPoolExecutor(8) as pool:
        walks = [pool.submit(walk) for _ in range(8)]
        for crash in range(1, CRASHES + 1):
            enough = crash * LODGINGS // (CRASHES + 2)
            soon(partial(lambda enough: len(numbers) >= enough, enough), "it is stuck", 60)
            web.kill()
            web.start()
        for one in walks:
            one.result(120)

    assert len(numbers) == LODGINGS
    assert Counter(numbers) == Counter(case.ref for case in Case.select())  # acknowledged = stored, one each
    assert Citizen.select().count() == LODGINGS
    assert list(events.verify()) == []
