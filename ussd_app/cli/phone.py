"""`./mlango phone`: a handset and its network in one prompt, talking to a running Mlango over HTTP.

It sends what Africa's Talking would send (USSD hops with the whole transcript, session ends, inbound SMS) and reads the
SMS that the simulated network delivered. Only light imports, so that the prompt appears at once.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import secrets
import shutil
import sys
import textwrap
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

import click

from sms_gateway.encoding import printable, segments
from store.clock import utcnow
from ussd_app.refusal import Refusal

HANDSET: Final = "+254712345678"
NETWORK: Final = "63902"  # Safaricom
ANSWER_DEADLINE: Final = 10.0  # seconds; the network ends a session whose application is slower
SMS_PATIENCE: Final = 2.0  # seconds; how long a person at a terminal is kept waiting for the SMS that usually follows
POLL: Final = 0.2  # seconds between two looks at the inbox

HELP: Final = """\
Outside a session:
  dial [CODE]      dial {code}, or another code; the code alone dials too,
                   also with keys after it: {stem}*2*482915633#
  sms [CODE] TEXT  send an SMS to {short_code}, or to another short code
  inbox            read the SMS on this handset
  wait [SECONDS]   wait until an SMS has come since you last dialled or texted (10 s);
                   a second wait is for a second SMS
  msisdn NUMBER    take another handset
  help, quit
In a session every line is what the citizen types, and /hangup or /drop (the signal is lost) ends it.
With a slash every command works everywhere: /inbox, /sms …"""
NO_USSD: Final = "This service has no USSD: send it an SMS (sms TEXT)"


class NoService(Refusal):
    """Mlango did not answer as a network expects; one sentence says what is wrong."""


@dataclass(frozen=True, slots=True)
class Sms:
    """One SMS on the handset, as `GET /phone/messages.json` lists it."""

    id: str
    sender: str
    text: str
    segments: int
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Service:
    """A running Mlango as the network reaches it. Every method raises NoService when the answer is not usable."""

    url: str
    token: str | None

    def ussd(self, hop: Mapping[str, str]) -> str:
        """The answer to one USSD hop: 'CON …' or 'END …'."""
        answer = self._post("ussd", hop)
        if not answer.startswith(("CON ", "END ")):
            raise NoService(f"Mlango answered neither CON nor END, which ends the session: {answer[:80]!r}")
        return answer

    def ussd_end(self, event: Mapping[str, str]) -> None:
        """Tell the service how a session ended."""
        self._post("ussd-events", event)

    def sms(self, mo: Mapping[str, str]) -> None:
        """Hand over one SMS from the citizen."""
        self._post("sms", mo)

    def inbox(self, msisdn: str) -> list[Sms]:
        """What was delivered to `msisdn`, newest last."""
        listed = self._ask("GET", "/phone/messages.json", {"msisdn": msisdn})
        try:
            return [_sms(row) for row in json.loads(listed)]
        except (ValueError, KeyError, TypeError) as fault:
            raise NoService(f"Mlango's list of SMS for {msisdn} cannot be read: {listed[:80]!r}") from fault

    def _post(self, callback: str, form: Mapping[str, str]) -> str:
        body = urlencode(form, errors="replace")  # a terminal hands on bytes that are no UTF-8 as lone surrogates
        return self._ask("POST", f"/callbacks/africastalking/{callback}", {}, body)

    def _ask(self, method: str, path: str, query: Mapping[str, str], body: str | None = None) -> str:
        parts = urlsplit(self.url)
        connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        link = connection(parts.hostname or "", parts.port, timeout=ANSWER_DEADLINE)
        asked = urlencode({**query, **({"token": self.token} if self.token else {})})
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        try:
            link.request(method, f"{parts.path}{path}?{asked}".rstrip("?"), body, form)
            reply = link.getresponse()
            status, text = reply.status, reply.read().decode("utf-8", "replace")
        except TimeoutError as fault:
            raise NoService(f"Mlango at {self.url} did not answer within {ANSWER_DEADLINE:.0f} s.") from fault
        except (OSError, HTTPException) as fault:
            raise NoService(f"Mlango cannot be reached at {self.url} ({fault}). Is ./mlango up running?") from fault
        finally:
            link.close()
        if status != 200:
            raise NoService(_refusal(status, path, self.url))
        return text


def _refusal(status: int, path: str, url: str) -> str:
    if status in (401, 403):
        return f"Mlango at {url} refused {path} ({status}): set MLANGO_CALLBACK_TOKEN to the token it was started with."
    if status == 404:
        return f"Mlango at {url} has no {path} (404): the phone needs a server in demo mode, MLANGO_MODE=demo."
    return f"Mlango at {url} answered {status} to {path}, where the network expects 200."


def _sms(row: Mapping[str, Any]) -> Sms:
    sent_at = datetime.fromisoformat(row["sent_at"])
    return Sms(str(row["id"]), str(row["from"]), str(row["text"]), int(row["segments"]), sent_at)


@dataclass(slots=True)
class Session:
    """One USSD session, as the network keeps it."""

    service_code: str
    inputs: list[str]
    id: str = field(default_factory=lambda: f"ATUid_{secrets.token_hex(16)}")
    began: float = field(default_factory=time.monotonic)
    hops: int = 0
    answer: str = ""

    @property
    def text(self) -> str:
        """All inputs so far, as Africa's Talking joins them."""
        return "*".join(self.inputs)


class Display(Protocol):
    """Where the handset shows things."""

    def screen(self, code: str, text: str, used: str, *, ended: bool) -> None: ...
    def sms(self, sms: Sms) -> None: ...
    def say(self, sentence: str) -> None: ...


class Paper:
    """Plain lines, for a pipe."""

    def screen(self, code: str, text: str, used: str, *, ended: bool) -> None:  # noqa: ARG002 - the input line shows it
        click.echo(f"{text}\n[{used}{', end' if ended else ''}]")

    def sms(self, sms: Sms) -> None:
        click.echo(f"SMS from {sms.sender}{_parts(sms)}: {printable(sms.text)}")

    def say(self, sentence: str) -> None:
        click.echo(sentence)


class Glass:
    """Coloured frames, for a person at a terminal."""

    def screen(self, code: str, text: str, used: str, *, ended: bool) -> None:
        click.echo(_frame(code, text, used, "bright_black" if ended else "green"))

    def sms(self, sms: Sms) -> None:
        when = f"{sms.sent_at.astimezone():%d/%m %H:%M}{_parts(sms)}"
        click.echo(_frame(f"SMS {sms.sender}", printable(sms.text), when, "yellow"))

    def say(self, sentence: str) -> None:
        click.secho(sentence, dim=True)


def _frame(title: str, text: str, foot: str, colour: str) -> str:
    width = max(16, min(38, shutil.get_terminal_size().columns - 4))
    lines = [piece for line in text.split("\n") for piece in textwrap.wrap(line, width, break_on_hyphens=False) or [""]]
    edge = click.style("│", fg=colour)
    body = [f"{edge} {line}{' ' * (width - _cells(line))} {edge}" for line in lines]
    top = click.style(f"╭─ {title} {'─' * (width - len(title) - 1)}╮", fg=colour)
    bottom = click.style(f"╰{'─' * (width - len(foot) - 1)} ", fg=colour) + click.style(foot, dim=True)
    return "\n".join([top, *body, bottom + click.style(" ─╯", fg=colour)])


def _cells(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(unicodedata.combining(sign) > 0 for sign in text)


def _parts(sms: Sms) -> str:
    return f" ({sms.segments} parts)" if sms.segments > 1 else ""


def _used(answer: str) -> str:
    """How much of one screen `answer` takes, its prefix counted: '97/160', or of 70 outside GSM-7."""
    size = segments(answer)
    return f"{size.units}/160" if size.encoding == "GSM-7" else f"{size.units}/70 UCS-2"


class Phone:
    """A handset on its network: obeys one line after the other until `on` is false."""

    def __init__(
        self, service: Service, display: Display, msisdn: str, *, service_code: str, short_code: str, patience: float
    ) -> None:
        self.on = True
        self.session: Session | None = None
        self._service, self._display, self._patience = service, display, patience
        self._service_code, self._short_code = service_code, short_code
        self._unawaited = 0  # SMS shown since the citizen last dialled or texted, that no `wait` has asked for yet
        self._take(msisdn)

    def obey(self, line: str) -> None:
        """Do what the line says, then show what has arrived. Raises NoService; the session is over then."""
        word, _, rest = line.partition(" ")
        command = COMMANDS.get(word.removeprefix("/").lower())
        if command and (word.startswith("/") or self.session is None):
            command(self, rest.strip())
        elif self.session:
            self._hop(self.session, line)
        elif word.startswith("*"):
            self.dial(line)
        else:
            first = f"Dial {self._service_code} first" if self._service_code else NO_USSD
            self._display.say(f"No session is open. {first}, or type help.")
        if self.on:
            self._show_new()

    def dial(self, code: str) -> None:
        """Open a session; what follows our service code is its first input, as in *384*96*2*482915633#."""
        if not self._service_code:
            self._display.say(f"{NO_USSD}.")
            return
        code = code or self._service_code
        if not re.fullmatch(r"\*[0-9*]+#", code):
            self._display.say(f"A service code looks like {self._service_code}: {code} cannot be dialled.")
            return
        self._end("Incomplete")
        stem = self._service_code.removesuffix("#") + "*"
        deep = code.removeprefix(stem).removesuffix("#") if code.startswith(stem) else ""
        self.session = Session(self._service_code if deep else code, [])
        self._unawaited = 0
        self._hop(self.session, deep or None)

    def hangup(self, _: str) -> None:
        """The citizen presses the red key."""
        self._close("Incomplete", "You hung up.")

    def drop(self, _: str) -> None:
        """The signal is lost."""
        self._close("Failed", "The line dropped.")

    def sms(self, text: str) -> None:
        """Send an SMS; a first word of 4 to 6 digits, with more after it, is the short code."""
        addressed = re.fullmatch(r"(\d{4,6})\s+(.+)", text)
        to, text = addressed.groups() if addressed else (self._short_code, text)
        if not text:
            self._display.say("Write the text after it: sms No water in Lindi")
            return
        mo = {"date": f"{utcnow():%Y-%m-%dT%H:%M:%SZ}", "from": self._msisdn, "id": secrets.token_hex(16)}
        self._unawaited = 0
        self._service.sms(mo | {"text": text, "to": to, "networkCode": NETWORK, "cost": "KES 0.0000"})
        self._display.say(f"SMS sent to {to}.")
        self._show_new(self._patience)

    def inbox(self, _: str) -> None:
        """Show every SMS on the handset."""
        messages = self._service.inbox(self._msisdn)
        self._show(messages)
        if not messages:
            self._display.say("No SMS yet.")

    def wait(self, seconds: str) -> None:
        """Wait for an SMS. One that was shown since the last dial or SMS counts, so that scripts need not race it."""
        try:
            patience = float(seconds or 10)
        except ValueError:
            patience = math.nan
        if not 0 <= patience < math.inf:
            self._display.say(f"Say how many seconds to wait: {seconds} is not a number of seconds.")
            return
        if not self._unawaited:
            self._show_new(patience)
        if self._unawaited:
            self._unawaited -= 1
        else:
            self._display.say(f"No SMS within {patience:g} s.")

    def msisdn(self, number: str) -> None:
        """Hang up and go on with another handset."""
        try:
            number = _msisdn(number)
        except ValueError as fault:
            self._display.say(str(fault))
            return
        self._end("Incomplete")
        self._take(number)
        self._display.say(f"This is {number} now.")

    def help(self, _: str) -> None:
        """Show the commands."""
        stem = self._service_code.removesuffix("#")
        self._display.say(HELP.format(code=self._service_code or "(none)", stem=stem, short_code=self._short_code))

    def quit(self, _: str = "") -> None:
        """Hang up and switch off."""
        self.on = False
        self._end("Incomplete")

    def _take(self, msisdn: str) -> None:
        self._seen = {message.id for message in self._service.inbox(msisdn)}
        self._msisdn = msisdn

    def _hop(self, session: Session, typed: str | None) -> None:
        if typed is not None:
            session.inputs.append(typed)
        hop = {"sessionId": session.id, "phoneNumber": self._msisdn, "networkCode": NETWORK}
        try:
            session.answer = self._service.ussd(hop | {"serviceCode": session.service_code, "text": session.text})
        except NoService as fault:
            with suppress(NoService):  # the first fault is the one to read
                self._end("Failed", str(fault))
            raise
        session.hops += 1
        ended = session.answer.startswith("END ")
        text = printable(session.answer[4:])
        self._display.screen(session.service_code, text, _used(session.answer), ended=ended)
        if ended:
            self._end("Success")
            self._show_new(self._patience)

    def _close(self, status: str, sentence: str) -> None:
        if self.session is None:
            self._display.say("No session is open.")
            return
        self._end(status, "" if status == "Incomplete" else sentence)
        self._display.say(sentence)

    def _end(self, status: str, error: str = "") -> None:
        """Close the open session, if any, and tell the service."""
        session, self.session = self.session, None
        if session is None:
            return
        event = {
            "date": f"{utcnow():%Y-%m-%d %H:%M:%S}",
            "sessionId": session.id,
            "serviceCode": session.service_code,
            "networkCode": NETWORK,
            "phoneNumber": self._msisdn,
            "status": status,
            "cost": "KES 0.0000",
            "durationInMillis": str(round((time.monotonic() - session.began) * 1000)),
            "hopsCount": str(session.hops),
            "hopsMetadata": "",
            "input": session.text,
            "lastAppResponse": session.answer,
        }
        self._service.ussd_end(event | ({"errorMessage": error} if error else {}))

    def _show_new(self, patience: float = 0.0) -> None:
        """Show the SMS that arrived; wait up to `patience` seconds for the first."""
        deadline = time.monotonic() + patience
        while not (new := [sms for sms in self._service.inbox(self._msisdn) if sms.id not in self._seen]):
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(POLL, left))
        self._show(new)

    def _show(self, messages: Sequence[Sms]) -> None:
        for message in messages:
            self._display.sms(message)
        ids = {message.id for message in messages}
        self._unawaited += len(ids - self._seen)
        self._seen |= ids


COMMANDS: Final[Mapping[str, Callable[[Phone, str], None]]] = {
    "dial": Phone.dial,
    "hangup": Phone.hangup,
    "drop": Phone.drop,
    "sms": Phone.sms,
    "inbox": Phone.inbox,
    "wait": Phone.wait,
    "msisdn": Phone.msisdn,
    "help": Phone.help,
    "quit": Phone.quit,
}


def _msisdn(number: str) -> str:
    """`number` without spaces. Raises ValueError with a sentence when it is not in the international form."""
    number = "".join(number.split())
    if not re.fullmatch(r"\+[1-9]\d{6,14}", number):
        raise ValueError(f"Write the whole number, such as {HANDSET}: {number or 'nothing'} cannot be called.")
    return number


def _read_pipe() -> Iterator[str]:
    for raw in sys.stdin.buffer:
        if line := raw.decode("utf-8", "replace").strip():
            click.echo(f"> {line}")
            yield line


def _run_pipe(phone: Phone) -> None:
    try:
        for line in _read_pipe():
            phone.obey(line)
            if not phone.on:
                return
    finally:
        phone.quit()


def _run_terminal(phone: Phone) -> None:
    """Until quit or Ctrl-D; a fault is shown and the prompt goes on. Ctrl-C while something runs only stops that."""
    with suppress(ImportError):  # editing and history, where Python was built with it
        importlib.import_module("readline")
    phone.help("")
    while phone.on:
        try:
            if line := _read_terminal(phone):
                phone.obey(line)
        except KeyboardInterrupt:
            click.echo()
        except NoService as fault:
            click.secho(str(fault), fg="red", err=True)


def _read_terminal(phone: Phone) -> str:
    try:
        return input("reply > " if phone.session else "phone > ").strip()
    except KeyboardInterrupt:
        click.echo()
        return "/hangup" if phone.session else "/quit"
    except EOFError:
        click.echo()
        return "/quit"


def _number_option(_: click.Context, __: click.Parameter, number: str) -> str:
    try:
        return _msisdn(number)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from fault


def _url_option(_: click.Context, __: click.Parameter, url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port or an IPv6 host that is none
        usable = False
    if not usable:
        raise click.BadParameter(f"{url} is not an address such as http://127.0.0.1:8000.")
    return url.rstrip("/")


@click.command("phone")
@click.option("--msisdn", default=HANDSET, show_default=True, callback=_number_option, help="The handset's number.")
@click.option(
    "--url",
    default=lambda: f"http://127.0.0.1:{os.environ.get('PORT') or 8000}",
    show_default="http://127.0.0.1:$PORT",
    callback=_url_option,
    help="Where ./mlango up serves.",
)
@click.option(
    "--service-code",
    envvar="MLANGO_SERVICE_CODE",
    default="*384*96#",
    show_default=True,
    callback=lambda _ctx, _option, code: "" if code == "none" else code,
    help="What to dial; none: there is no USSD.",
)
@click.option("--short-code", envvar="MLANGO_SHORT_CODE", default="38496", show_default=True, help="Where SMS go.")
def command(msisdn: str, url: str, service_code: str, short_code: str) -> None:
    """A phone in the terminal: dial, reply, send and read SMS against a running ./mlango up.

    On a terminal it draws frames; through a pipe it is plain and can be scripted. With MLANGO_CALLBACK_TOKEN set,
    the token goes with every request. The exit code is not 0 when the service cannot be reached or answers wrongly.

    \b
    Examples:
      ./mlango phone
      ./mlango phone --msisdn +254733000111
      printf '*384*96#\\n1\\n1\\n/hangup\\n' | ./mlango phone
      printf 'sms No water in Lindi\\nwait\\n' | ./mlango phone

    \b
    Type help at the prompt for its commands.
    """
    # Two tokens stand with a comma between them while the operator rotates them; either is good.
    token = os.environ.get("MLANGO_CALLBACK_TOKEN", "").split(",")[0].strip() or None
    display: Display = Glass() if sys.stdout.isatty() else Paper()
    typed = sys.stdin.isatty()
    phone = Phone(
        Service(url, token),
        display,
        msisdn,
        service_code=service_code,
        short_code=short_code,
        patience=SMS_PATIENCE if typed else 0.0,
    )
    if typed:
        _run_terminal(phone)
    else:
        _run_pipe(phone)
