"""What is said about a modem, by recorded answers of gammu 1.42; with the dummy phone in test_modem_cli."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from sms_gateway import modem
from sms_gateway.modem import Answer, Finding, Verdict
from tests.conftest import NOW

IDENTIFY: Final = """\
Device               : /dev/ttyUSB0
Manufacturer         : Huawei
Model                : E1752 (E1752)
Firmware             : 11.126.15.00.00
IMEI                 : 353143030000000
SIM IMSI             : 639020000000000
"""
MONITOR: Final = """\
Press Ctrl+C to break...
Entering monitor mode...

Enabling info about incoming SMS    : Functionality not supported by your phone.
SIM phonebook        :   4 used, 246 free
Signal strength      : -75 dBm
Network level        : 60 percent
SIM SMS status       : 3 used, 0 unread, 30 locations
Phone SMS status     : 0 used, 0 unread, 23 locations
Network state        : home network
Network              : 639 02 (Safaricom, Kenya), LAC 00A1, CID 00B2
Name in phone        : "Safaricom"
GPRS                 : attached

Leaving monitor mode...
"""
SMSD_MONITOR: Final = """\
Client: Gammu 1.42.0 on Linux
PhoneID:
IMEI: 353143030000000
Sent: 120
Received: 31
Failed: {failed}
BatterPercent: 0
NetworkSignal: 61
"""
USSD: Final = 'USSD received\nStatus               : No action needed\nService reply        : "{}"\n'


def shown(at: datetime) -> str:
    return f"Phone time is {at.astimezone():%a %b %d %H:%M:%S %Y}\nTime format is 24 hours\n"


GOOD: Final[Mapping[str, Answer]] = {
    "identify": Answer(0, IDENTIFY),
    "getsecuritystatus": Answer(0, "Nothing to enter.\n"),
    "monitor": Answer(0, MONITOR),
    "getdatetime": Answer(0, shown(NOW)),
    "getussd": Answer(None, USSD.format("Your balance is Ksh 1,240.50. Bonga 12.")),
}


def examined(**other: Answer) -> dict[str, Finding]:
    """What is found, where the modem answers well but for these."""

    def ask(program: str, arguments: tuple[str, ...], until: str | None) -> Answer:
        what = arguments[0] if program == modem.GAMMU else "smsd"
        return other.get(what) or GOOD[what]

    return {finding.about: finding for finding in modem.examine(ask, NOW)}


def test_a_good_modem_is_good_in_every_line() -> None:
    found = examined()
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}
    assert {about: finding.says for about, finding in found.items()} == {
        "Port": "Huawei E1752 at /dev/ttyUSB0",
        "PIN": "nothing to enter",
        "Signal": "60 %, -75 dBm",
        "Operator": "Safaricom",
        "SIM storage": "3 of 30 places used",
        "Clock": f"this box and the network agree ({NOW.astimezone():%H:%M})",
        "Airtime": "KSh 1,240.50",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Error opening device, it doesn't exist.", "there is nothing at the port"),
        ("Error opening device, you don't have the required permission.", "this user may not use the port"),
        ("No response in specified timeout. Probably the phone is not connected.", "the modem does not answer"),
        ("Can not access SIM card.", "there is no SIM card, or it lies badly"),
        ("Something new.", "Something new."),
        (" ", "gammu said nothing"),
    ],
)
def test_a_port_that_does_not_open_ends_the_examination(text: str, says: str) -> None:
    found = examined(identify=Answer(104, text))
    assert [(one.verdict, one.says) for one in found.values()] == [(Verdict.FAIL, says)]
    assert found["Port"].advice


def test_without_gammu_one_is_told_to_install_it() -> None:
    assert "apt install gammu" in examined(identify=Answer(None, ""))["Port"].advice


@pytest.mark.parametrize(
    "text", ["Error opening device, it is already opened by another app.", "Error opening device, it is locked."]
)
def test_a_daemon_that_has_the_port_is_asked_instead(text: str) -> None:
    found = examined(identify=Answer(108, text), smsd=Answer(0, SMSD_MONITOR.format(failed=0)))
    assert (found["Port"].verdict, found["Port"].says) == (Verdict.WARN, "another program has it")
    assert (found["Daemon"].verdict, found["Daemon"].says) == (
        Verdict.OK,
        "gammu-smsd runs: 120 sent, 31 received, 0 failed",
    )
    assert found["Signal"].says == "61 %"


def test_a_daemon_that_fails_to_send_is_a_warning() -> None:
    held = Answer(108, "it is locked.")
    assert examined(identify=held, smsd=Answer(0, SMSD_MONITOR.format(failed=2)))["Daemon"].verdict is Verdict.WARN
    assert examined(identify=held, smsd=Answer(1, "Failed"))["Daemon"].says == "gammu-smsd tells nothing"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Waiting for PIN.", "the SIM card waits for its PIN"),
        ("Waiting for PUK.", "the SIM card is blocked"),
        ("Can not access SIM card.", "Can not access SIM card."),
        ("", "no answer"),
    ],
)
def test_a_card_that_waits_for_its_pin_ends_the_examination(text: str, says: str) -> None:
    found = examined(getsecuritystatus=Answer(0, text))
    assert list(found) == ["Port", "PIN"]
    assert (found["PIN"].verdict, found["PIN"].says) == (Verdict.FAIL, says)


@pytest.mark.parametrize(
    ("was", "becomes", "about", "verdict", "says"),
    [
        ("60 percent", "12 percent", "Signal", Verdict.WARN, "12 %, -75 dBm"),
        ("60 percent", "3 percent", "Signal", Verdict.FAIL, "3 %, -75 dBm"),
        ("Network level", "Nothing", "Signal", Verdict.WARN, "the modem does not tell"),
        ("home network", "roaming network", "Operator", Verdict.WARN, "Safaricom, roaming"),
        ("home network", "requesting network", "Operator", Verdict.FAIL, "requesting network"),
        ("home network", "registration to network denied", "Operator", Verdict.FAIL, "registration to network denied"),
        ("Network state", "Nothing", "Operator", Verdict.WARN, "the modem does not tell"),
        ('"Safaricom"', '""', "Operator", Verdict.OK, "Safaricom"),
        ("3 used", "25 used", "SIM storage", Verdict.WARN, "25 of 30 places used"),
        ("3 used", "30 used", "SIM storage", Verdict.FAIL, "30 of 30 places used"),
        ("30 locations", "0 locations", "SIM storage", Verdict.WARN, "the modem does not tell"),
    ],
)
def test_what_the_modem_says_of_itself_is_weighed(
    was: str, becomes: str, about: str, verdict: Verdict, says: str
) -> None:
    assert was in MONITOR
    finding = examined(monitor=Answer(0, MONITOR.replace(was, becomes)))[about]
    assert (finding.verdict, finding.says) == (verdict, says)
    assert bool(finding.advice) is (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("drift", "says"),
    [
        (timedelta(minutes=5), "this box is 5 minutes ahead of the network"),
        (timedelta(hours=-3), "this box is 3 hours behind the network"),
        (timedelta(days=400), "this box is 400 days ahead of the network"),
    ],
)
def test_a_clock_that_is_wrong_is_a_fault(drift: timedelta, says: str) -> None:
    clock = examined(getdatetime=Answer(0, shown(NOW - drift)))["Clock"]
    assert clock.verdict is Verdict.FAIL
    assert clock.says.startswith(says)


@pytest.mark.parametrize(
    "text", ["", "Functionality not supported", shown(datetime(2004, 1, 1, tzinfo=NOW.tzinfo)), "Foo 99 25:61:00 2026"]
)
def test_a_modem_without_the_networks_time_says_nothing_about_the_clock(text: str) -> None:
    assert examined(getdatetime=Answer(0, text))["Clock"].says == "the modem has no time from the network"


@pytest.mark.parametrize(
    ("reply", "verdict", "says"),
    [
        ("Airtime Bal: 12.00KSH. Bonga: 5", Verdict.WARN, "KSh 12.00"),
        ("1. Airtime 2. Data", Verdict.WARN, "the operator says: 1. Airtime 2. Data"),
        ("Your account balance\nis KES 49.99", Verdict.WARN, "KSh 49.99"),
        ("Balance: Ksh. 0.00", Verdict.FAIL, "KSh 0.00"),
        ("Balance: ksh50", Verdict.OK, "KSh 50.00"),
    ],
)
def test_airtime_is_read_where_the_operator_words_it_so(reply: str, verdict: Verdict, says: str) -> None:
    airtime = examined(getussd=Answer(None, USSD.format(reply)))["Airtime"]
    assert (airtime.verdict, airtime.says) == (verdict, says)


def test_a_modem_that_cannot_ask_for_airtime_leaves_it_to_a_phone() -> None:
    airtime = examined(getussd=Answer(None, "Press Ctrl+C to break..."))["Airtime"]
    assert (airtime.verdict, airtime.says) == (Verdict.WARN, "no answer to *144#")
    assert "Dial *144# on a phone" in airtime.advice


@pytest.mark.parametrize(
    ("sent", "verdict", "says"),
    [
        (0, Verdict.OK, "200 of 200 messages left today (0 sent)"),
        (160, Verdict.WARN, "40 of 200 messages left today (160 sent)"),
        (230, Verdict.FAIL, "0 of 200 messages left today (230 sent)"),
    ],
)
def test_the_days_fair_use_is_counted(sent: int, verdict: Verdict, says: str) -> None:
    finding = modem.messages_left(sent, 200)
    assert (finding.verdict, finding.says) == (verdict, says)


SHIPPED: Final = Path(__file__).parents[2] / "deploy" / "gammu" / "gammu-smsdrc"
SPOOL: Final = Path("/var/spool/gammu")


def test_the_daemon_file_that_we_ship_is_as_we_need_it() -> None:
    [finding] = modem.daemon_settings(SHIPPED.read_text(), SPOOL)
    assert (finding.verdict, finding.says) == (Verdict.OK, "set as Mlango needs it")


def test_a_daemon_file_that_is_not_names_what_to_write() -> None:
    shipped = SHIPPED.read_text()
    text = shipped.replace("inboxformat = detail", "inboxformat = unicode").replace("deliveryreport = sms", "")
    [finding] = modem.daemon_settings(text, SPOOL)
    assert finding.verdict is Verdict.FAIL
    assert finding.advice == "Write into [smsd]: inboxformat = detail; deliveryreport = sms"
    [elsewhere] = modem.daemon_settings(shipped, Path("/srv/spool"))
    assert "inboxpath = /srv/spool/inbox/" in elsewhere.advice


@pytest.mark.parametrize("text", ["", "[gammu]\nport = /dev/ttyUSB0", "port = x", "[smsd\n"])
def test_a_file_without_the_daemons_section_is_said_to_be_so(text: str) -> None:
    [finding] = modem.daemon_settings(text, SPOOL)
    assert finding.says == "it has no section [smsd]"
