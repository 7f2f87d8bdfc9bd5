"""A modem under the contract: our gateway, the real gammu-smsd, and gammu's dummy phone."""

from __future__ import annotations

import re
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Final

from sms_gateway.gammu import IDLE_AFTER, STATES, Gammu
from sms_gateway.gateway import Accepted, Mo, Mt, Report, State
from sms_gateway.spool import GIVE_UP_AFTER, Outgoing
from tests.conftest import NOW
from tests.sms_gateway.rigs import Behaviour, Line, Workshop
from tests.sms_gateway.smsd import PROGRAM, Daemon

_DUMMYS_REFERENCE: Final = 255  # that the dummy phone gives to every message
_A_MOMENT_S: Final = 0.3
_WORDS: Final[Mapping[State, str]] = {state: word for word, state in STATES.items()} | {State.UNKNOWN: "Teleported"}
_FORMERLY: Final = Outgoing("0" * 32, NOW - IDLE_AFTER - timedelta(minutes=1), 0)


class GammuRig:
    """Starts the daemon when something has to leave or arrive. The gateway's clock goes as the rig says."""

    def __init__(self, folder: Path) -> None:
        self._daemon, self._now = Daemon(folder), NOW
        self.gateway = Gammu("gammu", folder, "38496", lambda: self._now, most_waiting=300)
        self._cursor, self._arrived = "", 0
        self._seconds: dict[str, int] = {}
        self._reported: set[State] = set()
        self._anonymous = count()

    def close(self) -> None:
        self._daemon.kill()

    def handset(self, number: int = 0) -> str:
        return f"+254712000{number:03}"

    @contextmanager
    def misbehaving(self, how: Behaviour) -> Iterator[None]:
        well, folder = self.gateway, self._daemon.folder
        with ExitStack() as afterwards:
            match how:
                case Behaviour.IS_DEAD:
                    moved = folder.rename(folder.with_name("gone"))
                    afterwards.callback(moved.rename, folder)
                case Behaviour.FAILS:  # the disk is full
                    limit, (soft, hard) = resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE)
                    resource.setrlimit(limit, (0, hard))
                    afterwards.callback(resource.setrlimit, limit, (soft, hard))
                case Behaviour.THROTTLES:
                    self.gateway = Gammu("gammu", folder, "38496", lambda: self._now, most_waiting=0)
                case Behaviour.DISOWNS:  # the daemon stands still
                    stuck = folder / "outbox" / _FORMERLY.name
                    stuck.touch()
                    afterwards.callback(stuck.unlink)
                case _:
                    raise NotImplementedError(how)
            yield
        self.gateway = well

    def delivered(self, expected: int) -> list[tuple[str, str]]:
        self._run()
        if not expected:
            time.sleep(_A_MOMENT_S)
        names = self._daemon.wait_until_sent(expected)
        return [_as_received((self._daemon.folder / "sent" / name).read_text()) for name in names]

    def report(self, mt: Mt, taken: Accepted, state: State) -> Report:
        if state not in self._reported:
            self._bring_about(mt, state)
            self._reported.add(state)
        return next(report for report in self.gateway.poll(self._cursor).reports if report.state is state)

    def _bring_about(self, mt: Mt, state: State) -> None:
        folder = self._daemon.folder
        if state in _WORDS:
            self.delivered(1)
            self._cursor = self.gateway.poll(self._cursor).cursor
            self._daemon.report(mt.msisdn, _WORDS[state], _DUMMYS_REFERENCE, "20261123T091500")
            self._wait_for_one_more()
        elif state is State.SUBMITTED:
            self.delivered(1)
        elif state in {State.EXPIRED, State.REJECTED}:
            [path] = (folder / "outbox").iterdir()
            if state is State.REJECTED:
                path.rename(folder / "error" / path.name)
            self._now += GIVE_UP_AFTER
        else:
            raise NotImplementedError(state)

    def incoming(self, msisdn: str, text: str, provider_id: str) -> list[Mo]:
        if "\x00" in text:
            raise NotImplementedError(Behaviour.SURROGATES)
        second = self._seconds.setdefault(provider_id, len(self._seconds))
        self._daemon.receive(msisdn, text, f"20261123T0915{second:02}")
        self._wait_for_one_more()
        polled = self.gateway.poll(self._cursor)
        self._cursor = polled.cursor
        return list(polled.messages)

    def arrive(self, msisdn: str, text: str) -> None:
        self._daemon.receive(msisdn, text, f"20261123T1015{next(self._anonymous):02}")
        self._wait_for_one_more()

    def _run(self) -> None:
        if not self._daemon.is_running:
            self._daemon.start()

    def _wait_for_one_more(self) -> None:
        self._run()
        self._arrived += 1
        self._daemon.wait_until_received(self._arrived)


def _as_received(sent: str) -> tuple[str, str]:
    """The number and the text in a file that the daemon sent."""
    [number] = set(re.findall(r'^Number = "(.+)"$', sent, re.MULTILINE))
    return number, bytes.fromhex("".join(re.findall(r"^Text\d+ = (\w+)$", sent, re.MULTILINE))).decode("utf-16-be")


@contextmanager
def _opened(workshop: Workshop) -> Iterator[GammuRig]:
    rig = GammuRig(workshop.folder / "spool")
    try:
        yield rig
    finally:
        rig.close()


_A_FOLDER: Final = "a folder takes a message or does not"

GAMMU: Final = Line(
    "gammu",
    _opened,
    lacks={
        Behaviour.REFUSES_ONE: "the modem's refusal comes later, as a report",
        Behaviour.BLACKLISTS: "a SIM card knows no opt-outs",
        Behaviour.HANGS: _A_FOLDER,
        Behaviour.TRICKLES: _A_FOLDER,
        Behaviour.RESETS: _A_FOLDER,
        Behaviour.BABBLES: _A_FOLDER,
        Behaviour.SURROGATES: "gammu ends a text at a NUL",
    },
    states=frozenset(
        {State.SUBMITTED, State.BUFFERED, State.DELIVERED, State.UNDELIVERABLE}
        | {State.EXPIRED, State.REJECTED, State.UNKNOWN}
    ),
    needs=PROGRAM,
)
