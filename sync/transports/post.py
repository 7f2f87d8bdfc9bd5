"""Our mail to an office: files as attachments, handed to the mail server that the settings name."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from store.clock import utcnow
from sync.files import digest
from sync.transport import LinkFault
from sync.transports.notes import CONNECT_S, IDLE_S, is_this_machine, misconfigured

MOST_OCTETS: Final = 7 * 1024 * 1024  # of files in one message: in base64, what the most careful servers take, 10 MB
_BASE64: Final = 1.4  # times as large, with its line ends
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    ".csv": ("text", "csv"),
    ".json": ("application", "json"),
    ".xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
_TEXTS: Final[Mapping[str, str]] = {
    "en": """\
Here are the files of {agency} from Mlango:

{names}

Fill in the worklist and send it back as an attachment: answer this message. Dates and the words for the status are
explained on its second sheet. Please pass this message on to nobody who does not work on these cases.
""",
    "sw": """\
Hizi ni faili za {agency} kutoka Mlango:

{names}

Jaza orodha ya kazi kisha uirudishe ikiwa kiambatisho: jibu barua pepe hii. Tarehe na maneno ya hali ya kesi
yameelezwa kwenye karatasi yake ya pili. Tafadhali usimpe barua pepe hii mtu ambaye hashughulikii kesi hizi.
""",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server and who we are there. `port` None is the usual one."""

    scheme: str
    host: str
    port: int | None
    user: str
    password: str = field(repr=False)
    path: str = ""

    @classmethod
    def of(cls, address: str, schemes: Sequence[str], setting: str) -> Self:
        """From `scheme://user:password@host:port/path`; what is no letter or digit in it as %XX. Raises LinkFault."""
        with suppress(ValueError):
            parts = urlsplit(address)
            if parts.scheme in schemes and parts.hostname:
                user, password = unquote(parts.username or ""), unquote(parts.password or "")
                return cls(parts.scheme, parts.hostname, parts.port, user, password, unquote(parts.path.strip("/")))
        raise misconfigured(f"{setting} must be set, and be like {schemes[-1]}://user:password@host.")

    def fault(self, error: Exception) -> LinkFault:
        """In words, what is wrong with the line to it."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return misconfigured(f"{self.host} cannot prove who it is ({error.verify_message}).")
        if isinstance(error, TimeoutError) or "timed out" in str(error):  # smtplib makes a lost line of it
            return LinkFault(f"{self.host} is silent.")
        if isinstance(error, socket.gaierror):
            return LinkFault(f"The name {self.host} is not found. Is there a network?")
        return LinkFault(f"The line to {self.host} broke, or there is none ({error}).")


@dataclass(frozen=True, slots=True)
class Post:
    """Mail from `sender` to one office. `address` is like `smtps://user:password@host:465`; `smtp://` begins in plain
    text and goes on encrypted, but within this machine."""

    agency: str
    to: str
    sender: str
    address: str = field(repr=False)
    language: str = "en"
    most_octets: int = MOST_OCTETS
    connect_s: float = CONNECT_S
    idle_s: float = IDLE_S

    def send(self, files: Sequence[Path]) -> None:
        """As few messages as their size allows, in order. The same files again make the same Message-ID. Raises
        LinkFault."""
        server = Server.of(self.address, ("smtp", "smtps"), "MLANGO_EXCHANGE_SMTP")
        if not self.sender:
            raise misconfigured("MLANGO_EXCHANGE_SENDER must be set: from whom our mail comes.")
        with self._line(server) as line:
            for some in self._parcels(files, min(self.most_octets, _room(line))):
                line.send_message(self._message(some), self.sender, [self.to])

    def _parcels(self, files: Sequence[Path], room: int) -> Iterator[list[Path]]:
        parcel: list[Path] = []
        left = room
        for file in files:
            size = file.stat().st_size
            if size > room:
                raise misconfigured(
                    f"{file.name} has {size / 1e6:.0f} MB, and one message has room for {room / 1e6:.0f} MB:"
                    f" {self.agency} needs another transport than mail."
                )
            if size > left:
                yield parcel
                parcel, left = [], room
            parcel.append(file)
            left -= size
        if parcel:
            yield parcel

    def _message(self, files: Sequence[Path]) -> EmailMessage:
        """`Message-ID` and each `Content-ID` come from the files alone, so that whoever gets them twice can tell."""
        digests = [digest(file) for file in files]
        domain = self.sender.rpartition("@")[2]
        whole = sha256(" ".join([self.agency, *digests]).encode()).hexdigest()[:32]
        message = EmailMessage()
        more = f" (+{len(files) - 1})" if len(files) > 1 else ""
        message["Subject"] = f"{subject(self.agency)} {files[0].name}{more}"
        message["From"], message["To"] = self.sender, self.to
        message["Date"] = format_datetime(utcnow())
        message["Message-ID"] = f"<{whole}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: so that no absent clerk's program answers
        names = "\n".join(f"    {file.name}" for file in files)
        message.set_content(_TEXTS[self.language].format(agency=self.agency, names=names))
        for file, hash_ in zip(files, digests, strict=True):
            kind, sort = _TYPES.get(file.suffix, ("application", "octet-stream"))
            message.add_attachment(
                file.read_bytes(), maintype=kind, subtype=sort, filename=file.name, cid=f"<{hash_[:32]}@{domain}>"
            )
        return message

    @contextmanager
    def _line(self, server: Server) -> Iterator[smtplib.SMTP]:
        """A line on which we are logged in; what goes wrong with it in words."""
        try:
            with self._connected(server) as line:
                if server.user:
                    line.login(server.user, server.password)
                yield line
        except smtplib.SMTPAuthenticationError as error:
            permanent = error.smtp_code >= 500
            raise LinkFault(f"{server.host} does not let {server.user} in.", permanent=permanent) from error
        except smtplib.SMTPNotSupportedError as error:
            raise misconfigured(f"{server.host} offers no encryption or no login ({error}).") from error
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise LinkFault(
                f"{server.host} refuses mail to {self.to}: {_words(code, said)}.", permanent=code >= 500
            ) from error
        except smtplib.SMTPResponseException as error:
            words = _words(error.smtp_code, error.smtp_error)
            raise LinkFault(f"{server.host} refuses our mail: {words}.", permanent=error.smtp_code >= 500) from error
        except OSError as error:  # smtplib's other faults among them
            raise server.fault(error) from error

    def _connected(self, server: Server) -> smtplib.SMTP:
        name = self.sender.rpartition("@")[
            2
        ]  # said in EHLO; ours would be looked up, for long where there is no network
        if server.scheme == "smtps":
            secure = ssl.create_default_context()
            line: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port or 465, name, timeout=self.connect_s, context=secure
            )
        else:
            line = smtplib.SMTP(server.host, server.port or 587, name, timeout=self.connect_s)
        try:
            if line.sock:
                line.sock.settimeout(self.idle_s)
            if server.scheme == "smtp" and not is_this_machine(server.host):
                line.starttls(context=ssl.create_default_context())
        except BaseException:
            line.close()
            raise
        return line


def subject(agency: str) -> str:
    """How the subject of our mail to an office begins, and of every answer to it."""
    return f"Mlango {agency}:"


def _room(line: smtplib.SMTP) -> int:
    """How many octets of files the server takes in one message, as far as it says (RFC 1870)."""
    line.ehlo_or_helo_if_needed()
    told = line.esmtp_features.get("size", "")
    return int(int(told) / _BASE64) if told.isdecimal() and int(told) else MOST_OCTETS


def _words(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())[:200]}".rstrip(".")
