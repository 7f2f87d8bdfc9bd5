"""The mailbox that offices answer to, read by IMAP: what they sent us, and a note at each message that was dealt with.

A message is read without marking it; it is marked as seen when its files were taken. What we look at and leave to a
person stays unread, with a keyword of ours so that it is reported once, where the server lets us keep keywords.
"""

from __future__ import annotations

import email
import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from typing import Final

from sync.transport import LinkFault
from sync.transports.notes import CONNECT_S, IDLE_S, is_letter, is_this_machine, is_update_file, misconfigured, nth_name
from sync.transports.post import Server

LOOKED_AT: Final = "MlangoLooked"
_LARGEST: Final = 25 * 1024 * 1024  # octets of one message, as most servers have it


@dataclass(frozen=True, slots=True)
class Letter:
    """One unread message. `id` is the mailbox's own number for it, and `box` the mailbox's, which may be made anew."""

    box: bytes
    id: str
    message: Message

    @property
    def sender(self) -> str:
        """The one address it is from; "" when there are none or several, or our own server says that it is forged.

        Whoever is the last to write `Authentication-Results` (RFC 8601) is our server: it stands on top.
        """
        addresses = [address for _, address in getaddresses(map(str, self.message.get_all("From", [])))]
        checked = str((self.message.get_all("Authentication-Results") or [""])[0])
        forged = re.search(r"\bdmarc\s*=\s*fail\b", checked, re.IGNORECASE)
        return addresses[0].lower() if len(addresses) == 1 and not forged else ""

    def sheets(self) -> dict[str, bytes]:
        """The update files in it by name; of two with the same name the second gets another one."""
        found: dict[str, bytes] = {}
        for part in self.message.walk():
            name, content = _clean(part.get_filename() or ""), part.get_payload(decode=True)
            if is_update_file(name) and isinstance(content, bytes):
                found[next(free for n in range(1, 99) if (free := nth_name(name, n)) not in found)] = content
        return found


class Mailbox:
    """`address` is like `imaps://user:password@host/INBOX`; `imap://` begins in plain text and goes on encrypted."""

    def __init__(self, address: str, *, connect_s: float = CONNECT_S, idle_s: float = IDLE_S) -> None:
        self._server = Server.of(address, ("imap", "imaps"), "MLANGO_EXCHANGE_IMAP")
        self._connect_s, self._idle_s = connect_s, idle_s
        self._imap: imaplib.IMAP4 | None = None
        self._box = b""
        self._keeps_keywords = False

    def unread(self, *criteria: str) -> list[str]:
        """The numbers of unread messages that fit, the oldest first, without those we looked at before."""
        with self._line() as imap:
            found = _joined(imap.uid("SEARCH", "UNSEEN", "UNKEYWORD", LOOKED_AT, *criteria)[1])
        return found.decode().split()

    def open(self, id: str) -> Letter | None:
        """A message, whole; None if it is larger than we take, or gone."""
        with self._line() as imap:
            size = re.search(rb"RFC822\.SIZE (\d+)", _joined(imap.uid("FETCH", id, "(RFC822.SIZE)")[1]))
            if not size or int(size[1]) > _LARGEST:
                return None
            answer = imap.uid("FETCH", id, "(BODY.PEEK[])")[1]
        raw = next((part[1] for part in answer if isinstance(part, tuple)), None)
        return Letter(self._box, id, email.message_from_bytes(raw)) if raw else None

    def seen(self, letter: Letter) -> None:
        """It was dealt with. If the mailbox was made anew meanwhile, the number means another message."""
        with self._line() as imap:
            if letter.box == self._box:
                imap.uid("STORE", letter.id, "+FLAGS.SILENT", r"(\Seen)")

    def looked_at(self, id: str) -> None:
        """Leave it to a person, unread; we need not look at it again. Not every server lets us note that."""
        with self._line() as imap:
            if self._keeps_keywords:
                imap.uid("STORE", id, "+FLAGS.SILENT", f"({LOOKED_AT})")

    def close(self) -> None:
        imap, self._imap = self._imap, None
        if imap:
            with suppress(OSError, imaplib.IMAP4.error):
                imap.logout()

    @contextmanager
    def _line(self) -> Iterator[imaplib.IMAP4]:
        """A line that is up, and sentences for what goes wrong with it. After a fault the line is new."""
        try:
            yield self._up() or self._connect()
        except (OSError, imaplib.IMAP4.error) as error:
            self._drop()
            raise self._server.fault(error) from error
        except LinkFault:
            self._drop()
            raise

    def _up(self) -> imaplib.IMAP4 | None:
        """The line, if it still answers."""
        if self._imap:
            with suppress(OSError, imaplib.IMAP4.error):
                self._imap.noop()
                return self._imap
        self._drop()
        return None

    def _drop(self) -> None:
        imap, self._imap = self._imap, None
        if imap:
            with suppress(OSError):
                imap.shutdown()

    def _connect(self) -> imaplib.IMAP4:
        """A line on which we are logged in and the mailbox is open."""
        server, mailbox = self._server, self._server.path or "INBOX"
        self._imap = imap = self._encrypted()
        imap.sock.settimeout(self._idle_s)
        try:
            imap.login(server.user, server.password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            raise misconfigured(f"{server.host} does not let {server.user} in: is the password right?") from error
        if imap.select(quoted(mailbox))[0] != "OK":
            raise misconfigured(f"There is no mailbox {mailbox} at {server.host}.")
        self._box = _joined(imap.response("UIDVALIDITY")[1])
        self._keeps_keywords = rb"\*" in _joined(imap.response("PERMANENTFLAGS")[1])
        return imap

    def _encrypted(self) -> imaplib.IMAP4:
        """A new line; in plain text only within this machine."""
        server = self._server
        if server.scheme == "imaps":
            secure = ssl.create_default_context()
            return imaplib.IMAP4_SSL(server.host, server.port or 993, ssl_context=secure, timeout=self._connect_s)
        imap = imaplib.IMAP4(server.host, server.port or 143, self._connect_s)
        if not is_this_machine(server.host):
            self._imap = imap
            imap.starttls(ssl.create_default_context())
        return imap


def quoted(text: str) -> str:
    """A string in a command of IMAP."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def _joined(answer: Sequence[object]) -> bytes:
    """What a server said, its literals put in their places."""
    flat = (piece for part in answer for piece in (part if isinstance(part, tuple) else (part,)))
    return b" ".join(piece for piece in flat if isinstance(piece, bytes))


def _clean(name: str) -> str:
    """The name of an attachment as a program wrote it, made fit for a folder."""
    with suppress(LookupError, ValueError, MessageError):
        name = str(make_header(decode_header(name)))
    return "".join(letter if is_letter(letter) else "_" for letter in name).strip().lstrip(".")
