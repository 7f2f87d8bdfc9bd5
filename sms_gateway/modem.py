"""What can be wrong with a modem, its SIM card and its daemon, read out of what gammu says about them. Pure.

`examine` asks one thing after the other and stops asking where the answers could only be the same fault again. How a
program is asked is the caller's affair; its words are those of gammu 1.42 in the locale "C".
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

GAMMU: Final = "gammu"
MONITOR: Final = "gammu-smsd-monitor"
BALANCE: Final = "*144#"  # airtime, at Safaricom
LEAST_AIRTIME: Final = 50.0
_DRIFT: Final = timedelta(minutes=2)
_KEPT_BY_NOBODY: Final = 2020  # a modem whose year is before this never got the network's time


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line about one thing. `advice` says what to do; '' where nothing is to be done."""

    about: str
    verdict: Verdict
    says: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said. `code` is its exit code; None: there is no such program, or it did not come to an end."""

    code: int | None
    text: str

    @property
    def entries(self) -> dict[str, str]:
        """Its lines `name : value`; of a name that comes twice the first."""
        found: dict[str, str] = {}
        for name, value in re.findall(r"^([^:\n]+?) *: (.*)$", self.text, re.MULTILINE):
            found.setdefault(name, value.strip())
        return found


# Ask a program with arguments; it is stopped as soon as it said the given words
Ask = Callable[[str, tuple[str, ...], str | None], Answer]


def examine(ask: Ask, now: datetime, balance: str = BALANCE, least_airtime: float = LEAST_AIRTIME) -> Iterator[Finding]:
    """The modem by itself. `now` is this box's time; `balance` the code that the operator answers with the airtime."""
    port = ask(GAMMU, ("identify",), None)
    yield _port(port)
    if port.code != 0:
        if _is_held(port):
            yield from _through_the_daemon(ask(MONITOR, ("-n", "1", "-d", "0"), None))
        return
    pin = _pin(ask(GAMMU, ("getsecuritystatus",), None))
    yield pin
    if pin.verdict is Verdict.FAIL:
        return
    state = ask(GAMMU, ("monitor", "1"), None).entries
    yield _signal(state)
    yield _operator(state)
    yield _storage(state)
    yield _clock(ask(GAMMU, ("getdatetime",), None), now)
    yield _airtime(ask(GAMMU, ("getussd", balance), "Service reply"), balance, least_airtime)


_PORT_FAULTS: Final[tuple[tuple[str, str, str], ...]] = (
    ("doesn't exist", "there is nothing at the port", "Plug the modem in; ls /dev/serial/by-id shows its name."),
    ("permission.", "this user may not use the port", "Add the user to the group dialout, and log in anew."),
    ("already opened", "another program has it", "Stop the daemon for a moment: systemctl stop gammu-smsd"),
    ("is locked", "another program has it", "Stop the daemon for a moment: systemctl stop gammu-smsd"),
    ("No required driver", "the system has no driver for it", "usb-modeswitch may be missing, or the modem a disk."),
    ("not connected", "the modem does not answer", "Take it out and plug it in again; try the modem's next port."),
    (
        "Can not access SIM",
        "there is no SIM card, or it lies badly",
        "Put the SIM card in and plug the modem in again.",
    ),
)


def _port(answer: Answer) -> Finding:
    if answer.code == 0:
        entries = answer.entries
        name = " ".join(filter(None, (entries.get("Manufacturer", ""), _in_brackets(entries.get("Model", "")))))
        return Finding("Port", Verdict.OK, f"{name or 'a modem'} at {entries.get('Device', 'its port')}")
    if answer.code is None and not answer.text:
        return Finding(
            "Port", Verdict.FAIL, "gammu does not answer", "apt install gammu; if it is there: plug in anew."
        )
    for words, says, advice in _PORT_FAULTS:
        if words in answer.text:
            return Finding("Port", Verdict.WARN if _is_held(answer) else Verdict.FAIL, says, advice)
    return Finding(
        "Port", Verdict.FAIL, _last_line(answer.text) or "gammu said nothing", "Is [gammu] in the file right?"
    )


def _is_held(answer: Answer) -> bool:
    return "already opened" in answer.text or "is locked" in answer.text


def _through_the_daemon(answer: Answer) -> Iterator[Finding]:
    """What the daemon tells about itself while it has the port."""
    entries = answer.entries
    if answer.code != 0 or "Sent" not in entries:
        yield Finding(
            "Daemon", Verdict.WARN, "gammu-smsd tells nothing", "Run as its user, with --config of the daemon."
        )
        return
    counts = ", ".join(f"{entries.get(name, '0')} {name.lower()}" for name in ("Sent", "Received", "Failed"))
    failing = entries.get("Failed", "0") != "0"
    advice = "The SIM card may have no airtime, or no SMS centre: gammu getsmsc" if failing else ""
    yield Finding("Daemon", Verdict.WARN if failing else Verdict.OK, f"gammu-smsd runs: {counts}", advice)
    yield _signal({"Network level": f"{entries.get('NetworkSignal', '')} percent"})


def _pin(answer: Answer) -> Finding:
    if "Nothing to enter" in answer.text:
        return Finding("PIN", Verdict.OK, "nothing to enter")
    if "PUK" in answer.text:
        return Finding("PIN", Verdict.FAIL, "the SIM card is blocked", "Enter its PUK in a phone; the operator has it.")
    if "PIN" in answer.text:
        advice = "Put PIN = … into [smsd] of gammu-smsdrc, or take the PIN off in a phone."
        return Finding("PIN", Verdict.FAIL, "the SIM card waits for its PIN", advice)
    return Finding("PIN", Verdict.FAIL, _last_line(answer.text) or "no answer", "Is the SIM card in?")


def _signal(state: Mapping[str, str]) -> Finding:
    level, strength = _number(state.get("Network level", "")), state.get("Signal strength", "")
    if level is None:
        return Finding("Signal", Verdict.WARN, "the modem does not tell", "Send a message: ./mlango gateway test")
    says = f"{level:.0f} %" + (f", {strength}" if strength else "")
    if level >= 30:
        return Finding("Signal", Verdict.OK, says)
    advice = "Move the modem to a window, or use a longer cable or an antenna."
    return Finding("Signal", Verdict.WARN if level >= 10 else Verdict.FAIL, says, advice)


def _operator(state: Mapping[str, str]) -> Finding:
    network = state.get("Name in phone", "").strip('"') or _in_brackets(state.get("Network", "")).split(",")[0]
    match state.get("Network state", ""):
        case "home network":
            return Finding("Operator", Verdict.OK, network or "registered")
        case "roaming network":
            return Finding(
                "Operator", Verdict.WARN, f"{network}, roaming", "Each SMS costs more: choose the home network."
            )
        case "":
            return Finding("Operator", Verdict.WARN, "the modem does not tell", "Send a message: ./mlango gateway test")
        case trouble:
            advice = "Is the SIM card registered and active? Try it in a phone."
            return Finding("Operator", Verdict.FAIL, trouble, advice)


def _storage(state: Mapping[str, str]) -> Finding:
    found = re.match(r"(\d+) used, \d+ unread, (\d+) locations", state.get("SIM SMS status", ""))
    if not found or not int(found[2]):
        return Finding(
            "SIM storage", Verdict.WARN, "the modem does not tell", "gammu getallsms shows what is on the card."
        )
    used, places = int(found[1]), int(found[2])
    says = f"{used} of {places} places used"
    if used < 0.8 * places:
        return Finding("SIM storage", Verdict.OK, says)
    advice = "gammu-smsd empties it when it runs. A message it cannot save blocks it: see docs/modem.md."
    return Finding("SIM storage", Verdict.FAIL if used >= places else Verdict.WARN, says, advice)


def _clock(answer: Answer, now: datetime) -> Finding:
    found = re.search(r"(\w{3}) +(\d{1,2}) (\d{2}:\d{2}:\d{2}) (\d{4})", answer.text)
    try:
        shown = datetime.strptime(" ".join(found.groups()), "%b %d %H:%M:%S %Y").astimezone() if found else None
    except ValueError:
        shown = None
    if shown is None or shown.year < _KEPT_BY_NOBODY:
        advice = "Compare this box's clock with a phone: due dates and quiet hours go by it."
        return Finding("Clock", Verdict.WARN, "the modem has no time from the network", advice)
    drift = now - shown
    if abs(drift) <= _DRIFT:
        return Finding("Clock", Verdict.OK, f"this box and the network agree ({shown:%H:%M})")
    direction = "ahead of" if drift > timedelta() else "behind"
    says = f"this box is {_span(abs(drift))} {direction} the network ({shown:%Y-%m-%d %H:%M})"
    return Finding("Clock", Verdict.FAIL, says, "Set the clock: timedatectl set-time '…'; due dates go by it.")


_MONEY: Final = re.compile(r"(?:Ksh|KES)\.? ?(\d[\d,]*(?:\.\d+)?)|(\d[\d,]*(?:\.\d+)?) ?(?:Ksh|KES)", re.IGNORECASE)


def _airtime(answer: Answer, code: str, least: float) -> Finding:
    reply = re.search(r'Service reply *: "(.*?)"?\s*$', answer.text, re.DOTALL)
    if not reply:
        advice = f"Dial {code} on a phone with this SIM card, or name another code with --balance."
        return Finding("Airtime", Verdict.WARN, f"no answer to {code}", advice)
    words = " ".join(reply[1].split())
    amount = _MONEY.search(words)
    if not amount:
        return Finding("Airtime", Verdict.WARN, f"the operator says: {words[:80]}", "Is that enough for the day?")
    left = float((amount[1] or amount[2]).replace(",", ""))
    if left >= least:
        return Finding("Airtime", Verdict.OK, f"KSh {left:,.2f}")
    return Finding(
        "Airtime", Verdict.WARN if left else Verdict.FAIL, f"KSh {left:,.2f}", "Buy airtime, or a bundle of SMS."
    )


def messages_left(sent_today: int, a_day: int) -> Finding:
    """What is left of the day's fair use of a SIM card."""
    left = max(a_day - sent_today, 0)
    says = f"{left} of {a_day} messages left today ({sent_today} sent)"
    if left > a_day * 0.2:
        return Finding("Messages", Verdict.OK, says)
    advice = "Operators block a card that sends too many: use a second modem, or a link (docs/modem.md)."
    return Finding("Messages", Verdict.WARN if left else Verdict.FAIL, says, advice)


def daemon_settings(text: str, spool: Path) -> Iterator[Finding]:
    """Whether gammu-smsd is set so that we understand each other; `text` is its gammu-smsdrc."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, comment_prefixes=("#", ";"))
    try:
        parser.read_string(text)
        smsd = dict(parser["smsd"])
    except (configparser.Error, KeyError):
        yield Finding("Daemon file", Verdict.FAIL, "it has no section [smsd]", "Begin with deploy/gammu/gammu-smsdrc.")
        return
    wrong = [f"{name} = {wanted}" for name, wanted in _wanted(spool).items() if not _is_set(smsd.get(name, ""), wanted)]
    if not wrong:
        yield Finding("Daemon file", Verdict.OK, "set as Mlango needs it")
        return
    yield Finding("Daemon file", Verdict.FAIL, "not set as Mlango needs it", f"Write into [smsd]: {'; '.join(wrong)}")


def _wanted(spool: Path) -> Mapping[str, str]:
    return {
        "service": "files",
        "inboxformat": "detail",
        "deliveryreport": "sms",
        "inboxpath": f"{spool}/inbox/",
        "outboxpath": f"{spool}/outbox/",
        "sentsmspath": f"{spool}/sent/",
        "errorsmspath": f"{spool}/error/",
    }


def _is_set(value: str, wanted: str) -> bool:
    return value.strip().strip('"').casefold() == wanted.casefold()


def _in_brackets(text: str) -> str:
    found = re.search(r"\((.+?)\)", text)
    return found[1] if found else text


def _number(text: str) -> float | None:
    found = re.match(r"\d+(?:\.\d+)?", text)
    return float(found[0]) if found else None


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1].strip() if text.strip() else ""


def _span(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{length.days} days"
