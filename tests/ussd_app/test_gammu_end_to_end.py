"""A complaint through a modem, and its receipt back: the whole house, the real gammu-smsd, gammu's dummy phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases.models import Case
from sms_gateway.gateway import State
from sms_gateway.message import Message
from sms_gateway.polling import Polling
from store.clock import utcnow
from tests import box
from tests.box import soon
from tests.sms_gateway.smsd import PROGRAM, Daemon
from ussd_app import wiring
from ussd_app.settings import Settings

ASHA = "+254712345678"


@pytest.mark.debian(PROGRAM)
def test_a_complaint_comes_in_and_its_receipt_goes_out(bound: str, tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "spool")
    given = {"sms_gateway": "gammu", "gammu_spool": str(daemon.folder)}
    house = wiring.build(Settings.load(box.environ(tmp_path / "home", bound, **given)))
    channels = house.outbox.channels
    relay = Polling([channels[name] for name in channels.names], house.texting.receive, lambda *_, **__: None)

    def receipts_in(state: State) -> bool:
        relay.look(utcnow())
        house.outbox.drain(utcnow)
        return {message.state for message in Message.select().where(Message.direction == "mt")} == {state}

    with daemon.running():
        daemon.receive("MPESA", "Confirmed. Ksh500 received.", "20261123T091459")
        daemon.receive(ASHA, "Hakuna maji Kayole tangu juzi", "20261123T091500")
        soon(lambda: receipts_in(State.SUBMITTED), "no receipt went out")
        [name] = daemon.wait_until_sent(1)
        case = Case.get()
        soon(lambda: relay.look(utcnow()) or not (daemon.folder / "sent" / name).exists(), "it was not seen as sent")
        daemon.report(ASHA, "Delivered", 255, "20261123T091505")
        soon(lambda: receipts_in(State.DELIVERED), "no report came in")
    assert Case.select().count() == 1
    assert case.ref
    assert [path.name for path in (daemon.folder / "mlango" / "aside").iterdir()] == [
        "IN20261123_091459_00_MPESA_00.txt"
    ]
    left = [path for path in daemon.folder.rglob("*") if path.is_file() and ASHA in path.name]
    assert not any(b"maji" in path.read_bytes() for path in left)
