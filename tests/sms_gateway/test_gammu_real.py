"""The modem's gateway with the real gammu-smsd on gammu's dummy phone, killed now and then."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sms_gateway.encoding import segments
from sms_gateway.gammu import Gammu
from sms_gateway.gateway import Accepted, Mo, Mt, Report, State
from store.clock import utcnow
from store.model import new_id
from tests.box import soon
from tests.sms_gateway.smsd import PROGRAM, Daemon

pytestmark = pytest.mark.debian(PROGRAM)

ASHA = "+254712345678"
LONG = " ".join(f"Sentensi {number} ya lalamiko refu." for number in range(12))
LONG_AMHARIC = " ".join(f"{number} ቅሬታዎ ደርሶናል።" for number in range(12))


class Box:
    """The gateway of a running box: what it polls is stored."""

    def __init__(self, daemon: Daemon) -> None:
        self.gateway = Gammu("gammu", daemon.folder, "0711000000", utcnow)
        self.messages: list[Mo] = []
        self.reports: list[Report] = []
        self._cursor = ""

    def poll(self) -> None:
        polled = self.gateway.poll(self._cursor)
        self.messages += polled.messages
        self.reports += polled.reports
        self._cursor = polled.cursor

    def delivered(self) -> list[str]:
        """The ids of what handsets got."""
        self.poll()
        return [report.provider_id for report in self.reports if report.state is State.DELIVERED]

    def wait_for(self, messages: int = 0, reports: int = 0) -> None:
        """Poll as the relay does until so many different ones came."""

        def all_came() -> bool:
            self.poll()
            came, told = ({one.provider_id for one in found} for found in (self.messages, self.reports))
            return len(came) >= messages and len(told) >= reports

        soon(all_came, f"{len(self.messages)} messages and {len(self.reports)} reports came")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path / "spool")
    yield daemon
    daemon.kill()


def test_what_goes_out_is_what_a_handset_would_send_back(daemon: Daemon) -> None:
    """Cut, encoded and sent by gammu; then received, joined and saved by it."""
    box, texts = Box(daemon), ["Hakuna maji [Kayole] {€}", "Mũgũnda 😀", LONG, LONG_AMHARIC]
    with daemon.running():
        mts = [Mt(new_id(), ASHA, text, None) for text in texts]
        assert box.gateway.send(mts) == [Accepted(mt.id, None) for mt in mts]
        sent = [(daemon.folder / "sent" / name).read_text() for name in daemon.wait_until_sent(len(texts))]
        for done, (content, text) in enumerate(zip(sent, texts, strict=True), 1):
            daemon.bring_back(content)
            box.wait_for(messages=done)
            assert box.messages[-1].text == text
        daemon.report(ASHA, "Delivered", 255, "20261123T091500")
        soon(box.delivered, "no report came")
    assert [report.provider_id for report in box.reports if report.state is State.SUBMITTED] == [mt.id for mt in mts]
    assert box.delivered() == [mts[0].id]


@pytest.mark.parametrize("inbox_format", ["unicode", "standard"])
def test_a_daemon_with_plain_files_is_understood_too(tmp_path: Path, inbox_format: str) -> None:
    daemon = Daemon(tmp_path / "spool", inbox_format)
    box = Box(daemon)
    with daemon.running():
        for second, text in enumerate(["Hakuna maji", "Mũgũnda", LONG, LONG_AMHARIC]):
            daemon.receive(ASHA, text, f"20261123T0915{second:02}")
        box.wait_for(messages=4)
    assert Counter(mo.text for mo in box.messages) == Counter(["Hakuna maji", "Mũgũnda", LONG, LONG_AMHARIC])


def test_a_part_that_never_comes_does_not_hold_the_others_back(daemon: Daemon) -> None:
    box = Box(daemon)
    daemon.receive(ASHA, LONG, "20261123T091500", parts=[0, 2])
    with daemon.running():
        box.wait_for(messages=2)
    parts = segments(LONG).parts
    assert {mo.text for mo in box.messages} == {parts[0], parts[2]}


def test_a_daemon_killed_again_and_again_loses_no_message(daemon: Daemon) -> None:
    """Killed while it sends ten and receives ten: all arrive; what it had sent and not moved may arrive twice."""
    box, kills = Box(daemon), 6
    mts = [Mt(new_id(), ASHA, f"Ujumbe {number}", None) for number in range(10)]
    box.gateway.send(mts)
    for number in range(10):
        daemon.receive(ASHA, f"Lalamiko {number}", f"20261123T0915{number:02}")
    for kill in range(kills):
        with daemon.running():
            time.sleep(0.05 + 0.1 * kill)
        box.poll()
    with daemon.running():
        box.wait_for(messages=10, reports=10)
    assert len({mo.provider_id for mo in box.messages}) == 10
    assert {one.provider_id for one in box.reports} == {mt.id for mt in mts}
    transmitted = re.findall(r"Transmitted \S+_(\w{32})_", daemon.log)
    assert set(transmitted) == {mt.id for mt in mts}
    assert len(transmitted) <= len(mts) + kills
