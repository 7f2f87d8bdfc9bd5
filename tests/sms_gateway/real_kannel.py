"""The real Kannel of the Debian packages, with the configuration that stands in deploy/kannel, on free ports of the
loopback interface; its SMSC is the package's own fakesmsc."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from tests import servers
from tests.box import soon
from ussd_app.settings import ROOT

DEPLOY: Final = ROOT / "deploy" / "kannel"
FAKESMSC: Final = "/usr/lib/kannel/test/fakesmsc"
PASSWORD: Final = "sendsms-secret"
SHORT_CODE: Final = "38496"
_STARTED: Final = {"bearerbox": "Start-up done", "smsbox": "Connected to bearerbox"}

_GOT: Final = re.compile(rf"Got message \d+: <{SHORT_CODE} (\+\d+) (\S+) (.*?)>$(?=\n\d{{4}}-|\n?\Z)", re.S | re.M)


class RealKannel:
    """bearerbox and smsbox, and a handset network that is switched on with `on_air` or `sends`."""

    def __init__(self, folder: Path, web_port: int, token: str) -> None:
        self.folder = folder
        self.smsbox_port, self._smsc_port, self._bearer_port = (servers.free_port() for _ in range(3))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "store").mkdir(parents=True)
        with closing(sqlite3.connect(folder / "dlr.sqlite3")) as database:
            database.executescript((DEPLOY / "dlr.sql").read_text())
        self._configure(web_port, token)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.smsbox_port}/cgi-bin/sendsms"

    def _configure(self, web_port: int, token: str) -> None:
        text = (DEPLOY / "kannel.conf").read_text()
        for ours, here in {
            "127.0.0.1:8000": f"127.0.0.1:{web_port}",
            "token=TOKEN": f"token={quote(token, safe='').replace('%', '%%')}",
            "ADMIN-PASSWORD": "admin",
            "SENDSMS-PASSWORD": PASSWORD,
            "admin-port = 13000": f"admin-port = {servers.free_port()}",
            "13001": str(self._bearer_port),
            "13013": str(self.smsbox_port),
            "/var/spool/kannel": str(self.folder),
            "/var/log/kannel": str(self.folder),
            "/etc/kannel": str(self.folder),
            "http-queue-delay = 5": "http-queue-delay = 1",
            "sms-resend-freq = 10": "sms-resend-freq = 1",
        }.items():
            assert ours in text, ours
            text = text.replace(ours, here)
        (self.folder / "kannel.conf").write_text(text)
        (self.folder / "links.conf").write_text(
            f"group = smsc\nsmsc = fake\nsmsc-id = FAKE\nhost = 127.0.0.1\nport = {self._smsc_port}\n"
            'connect-allow-ip = "127.0.0.1"\n'
        )

    def start(self) -> None:
        """Start what does not run; both take connections afterwards."""
        for box in _STARTED:
            if box in self._processes:
                continue
            before = self.log(box).count(_STARTED[box])
            self._run(box, [box, str(self.folder / "kannel.conf")])
            soon(partial(self._has_started, box, before), f"{box} does not start: {self.log(box)}")

    def _has_started(self, box: str, before: int) -> bool:
        return self.log(box).count(_STARTED[box]) > before

    def kill(self, *names: str) -> None:
        """kill -9"""
        for name in names:
            process = self._processes.pop(name)
            process.send_signal(signal.SIGKILL)
            process.wait()

    def sends(self, msisdn: str, text: str, kind: str = "text") -> None:
        """A handset sends `text`, in an alphabet of fakesmsc, and stays on afterwards."""
        self.on_air(f"{msisdn} {SHORT_CODE} {kind} {text}", times=1)

    def on_air(self, *messages: str, times: int = 0) -> None:
        """The handsets' network is there: `times` one of `messages` is sent, and what is sent to them is taken."""
        self.off_air()
        fakesmsc = [FAKESMSC, "-r", str(self._smsc_port), "-i", "0.001", "-m", str(times)]
        self._run("fakesmsc", [*fakesmsc, *(messages or ("0 0 text -",))])

    def off_air(self) -> None:
        if "fakesmsc" in self._processes:
            self.kill("fakesmsc")

    def received(self) -> list[tuple[str, str]]:
        """What reached handsets: MSISDN and text, the parts of a long one joined, in the order of their last parts."""
        parts: dict[tuple[str, int], list[str]] = {}
        whole: list[tuple[str, str]] = []
        for msisdn, kind, words in _GOT.findall(self.log("fakesmsc")):
            if kind != "udh":
                whole.append((msisdn, _decoded(kind, words)))
                continue
            header, _, part = words.partition(" data ")
            *_, reference, total, _ = unquote_to_bytes(header)
            got = parts.setdefault((msisdn, reference), [])
            got.append(_decoded("ucs-2" if _is_ucs2(part) else "data", part))
            if len(got) == total:
                whole.append((msisdn, "".join(parts.pop((msisdn, reference)))))
        return whole

    def log(self, name: str) -> str:
        """What a process said, this and earlier ones of its name."""
        file = self.folder / f"{name}.out"
        return file.read_text(errors="replace") if file.exists() else ""

    def end(self) -> None:
        self.kill(*list(self._processes))

    def _run(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self._processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=self.folder
            )


@contextmanager
def kannel(folder: Path, web_port: int, token: str) -> Iterator[RealKannel]:
    """A Kannel that runs as long as the context lasts."""
    real = RealKannel(folder, web_port, token)
    try:
        real.start()
        yield real
    finally:
        real.end()


def ucs2(text: str) -> str:
    """`text` as fakesmsc wants the alphabet "ucs2"."""
    return "".join(f"%{octet:02x}" for octet in text.encode("utf-16-be", "surrogatepass"))


def _is_ucs2(part: str) -> bool:
    """The log does not say; no UTF-8 of ours has octets below the newline."""
    return min(unquote_to_bytes(part)) < ord("\n")


def _decoded(kind: str, words: str) -> str:
    if kind == "text":
        return words
    octets = unquote_to_bytes(words.replace("+", " "))
    return octets.decode("utf-16-be" if kind == "ucs-2" else "utf-8")
