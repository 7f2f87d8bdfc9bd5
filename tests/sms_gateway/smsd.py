"""The real gammu-smsd with gammu's dummy phone: a SIM card that is a folder, and a network that takes everything."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sms_gateway.encoding import segments
from tests.box import PATIENCE_S, soon

PROGRAM: Final = "gammu-smsd"
_SIM: Final = Path("phone", "sms", "1")
_MOVED: Final = re.compile(r"Renamed \S+/outbox/(\S+) to \S+/sent/")
_SAVED: Final = re.compile(r"(?:Received|Delivery report) IN")
_CONFIGURATION: Final = """\
[gammu]
model = dummy
connection = none
port = {folder}/phone
gammuloc = /dev/null

[smsd]
service = files
logfile = {folder}/log
debuglevel = 0
loopsleep = 0
commtimeout = 1
receivefrequency = 1
statusfrequency = 0
multiparttimeout = 2
deliveryreport = sms
inboxpath = {folder}/inbox/
outboxpath = {folder}/outbox/
sentsmspath = {folder}/sent/
errorsmspath = {folder}/error/
inboxformat = {inbox_format}
"""


class Daemon:
    """One gammu-smsd and its spool `folder`. It runs only while it is asked to."""

    def __init__(self, folder: Path, inbox_format: str = "detail") -> None:
        self.folder = folder
        for name in ("inbox", "outbox", "sent", "error", str(_SIM)):
            (folder / name).mkdir(parents=True)
        self._configuration = folder / "smsdrc"
        self._configuration.write_text(_CONFIGURATION.format(folder=folder, inbox_format=inbox_format))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [PROGRAM, "-c", str(self._configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.kill()

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def receive(self, number: str, text: str, at: str, *, parts: Sequence[int] | None = None) -> None:
        """The SIM card receives a message, of which only some `parts` (from 0) may have come."""
        cut = segments(text)
        for index, part in enumerate(cut.parts):
            if parts is None or index in parts:
                header = {"UDH": f"050003A7{cut.count:02X}{index + 1:02X}"} if cut.count > 1 else {}
                self._lay(number, part, at, "Deliver", cut.encoding, header)

    def report(self, number: str, word: str, reference: int, at: str) -> None:
        """The SIM card receives a delivery report."""
        self._lay(number, word, at, "Status_Report", "GSM-7", {"MessageReference": str(reference)})

    def bring_back(self, sent: str) -> None:
        """What was sent comes back, part by part, as the handset had it: from its number."""
        _, *sections = re.split(r"^\[SMSBackup\d+\]$", sent, flags=re.MULTILINE)
        for section in sections:
            received = section.replace("PDU = Status_Report", "PDU = Deliver\nDateTime = 20261123T091500Z")
            self._place(f"[SMSBackup000]{received}")

    def _lay(self, number: str, text: str, at: str, pdu: str, encoding: str, more: Mapping[str, str]) -> None:
        digits = text.encode("utf-16-be", "surrogatepass").hex().upper()
        entries = {
            "PDU": pdu,
            "SMSC": '"+254722500029"',
            "DateTime": at,
            "State": "UnRead",
            "Number": f'"{number}"',
            "UDH": more.get("UDH"),
            **{f"Text{start // 200:02}": digits[start : start + 200] for start in range(0, len(digits), 200)},
            "Coding": "Default_No_Compression" if encoding == "GSM-7" else "Unicode_No_Compression",
            "Folder": "1",
            "Length": str(len(digits) // 4),
            "Class": "-1",
            "MessageReference": more.get("MessageReference"),
        }
        lines = [f"{name} = {value}" for name, value in entries.items() if value is not None]
        self._place("[SMSBackup000]\n" + "\n".join(lines) + "\n")

    def _place(self, content: str) -> None:
        card = self.folder / _SIM
        taken = [int(path.name) for path in card.iterdir() if path.name.isdecimal()]
        draft = self.folder / "draft"
        draft.write_text(content)
        draft.rename(card / str(max(taken, default=0) + 1))

    def wait_until_sent(self, count: int) -> list[str]:
        """The names of the first `count` messages that it sent, in order; waits until it has moved them."""
        patience_s = PATIENCE_S + count  # at each message it looks through the 10,000 places of the dummy phone's card
        soon(lambda: len(_MOVED.findall(self.log)) >= count, f"gammu-smsd did not send {count} messages", patience_s)
        return _MOVED.findall(self.log)

    def wait_until_received(self, count: int) -> None:
        """Wait until it has saved so many messages and reports since it was made."""
        soon(lambda: len(_SAVED.findall(self.log)) >= count, f"gammu-smsd did not receive {count} messages")
