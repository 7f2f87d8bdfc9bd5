"""E-mail as the way to an office: files go as attachments, and come back as attachments of an answer.

Whoever writes from one of the pack's `senders` may send updates, so the mailbox should belong to a server that checks
where mail comes from (SPF, DKIM, DMARC); what it found to be forged is not taken. Messages from others stay unread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from packs.model import Exchange
from sync.files import publish
from sync.transport import LinkFault
from sync.transports.mailbox import Letter, Mailbox, quoted
from sync.transports.notes import CONNECT_S, IDLE_S, Log, misconfigured, quiet
from sync.transports.post import Post, subject


class Mail:
    """`smtp` takes our mail, `imap` is where answers come; an office without `senders` sends nothing."""

    def __init__(
        self,
        exchange: Exchange,
        smtp: str,
        imap: str,
        sender: str,
        *,
        connect_s: float = CONNECT_S,
        idle_s: float = IDLE_S,
        log: Log = quiet,
    ) -> None:
        if not exchange.address.isascii() or not all(map(str.isascii, exchange.senders)):
            raise misconfigured("E-mail addresses must be written in plain letters (IMAP and SMTP know no others).")
        self._agency, self._log = exchange.agency, log
        self._senders = [one.lower() for one in exchange.senders]
        self._post = Post(
            exchange.agency, exchange.address, sender, smtp, exchange.language, connect_s=connect_s, idle_s=idle_s
        )
        self._mailbox = Mailbox(imap, connect_s=connect_s, idle_s=idle_s) if self._senders else None
        self._open: dict[str, Letter] = {}  # by the names of their files that were not taken yet

    def put(self, files: Sequence[Path]) -> None:
        if files:
            self._post.send(files)

    def fetch(self, into: Path, known: Callable[[str, str], bool]) -> Iterator[Path]:
        """The stamp of a file is its SHA-256. Of two files with one name the second comes when the first was taken."""
        if not self._mailbox:
            return
        self._open = {}
        for id in self._from_senders(self._mailbox):
            letter = self._mailbox.open(id)
            sheets = letter.sheets() if letter and letter.sender in self._senders else {}
            if letter is None or not sheets:
                self._leave(self._mailbox, id)
                continue
            if sheets.keys() & self._open.keys():
                continue
            fresh = [name for name, content in sheets.items() if not known(name, sha256(content).hexdigest())]
            if not fresh:
                self._mailbox.seen(letter)
            self._open |= dict.fromkeys(fresh, letter)
            for name in fresh:
                yield _landed(into, name, sheets[name])
        for id in self._from_strangers(self._mailbox):
            self._leave(self._mailbox, id)

    def took(self, name: str) -> None:
        """A message is marked as seen when the last of its files was taken."""
        letter = self._open.get(name)
        if letter and self._mailbox:
            if list(self._open.values()).count(letter) == 1:
                self._mailbox.seen(letter)
            del self._open[name]

    def close(self) -> None:
        if self._mailbox:
            self._mailbox.close()

    def _from_senders(self, mailbox: Mailbox) -> list[str]:
        """In the order in which they came."""
        found = {id for sender in self._senders for id in mailbox.unread("FROM", quoted(sender))}
        return sorted(found, key=int)

    def _from_strangers(self, mailbox: Mailbox) -> list[str]:
        """Answers to what we sent this office, from addresses that the pack does not name."""
        others = [word for sender in self._senders for word in ("NOT", "FROM", quoted(sender))]
        return mailbox.unread("SUBJECT", quoted(subject(self._agency)), *others)

    def _leave(self, mailbox: Mailbox, id: str) -> None:
        """It is from somebody else, too large, or has no file for us: a person should look at it."""
        self._log("exchange_mail_left_unread", agency=self._agency, message=int(id))
        mailbox.looked_at(id)


def _landed(into: Path, name: str, content: bytes) -> Path:
    try:
        with publish(into, name) as target:
            target.write(content)
    except OSError as error:
        raise LinkFault(f"A file on this box cannot be written ({error}).") from error
    return into / name
