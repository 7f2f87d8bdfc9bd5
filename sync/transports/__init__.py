"""The ways to an office and back: a folder or stick, SFTP, HTTPS, e-mail.

At the other end two folders have the same names as here: `out/` is filled by us, `in/` by the office. E-mail has
attachments in their place, and an Open311 server is no place for files at all (`sync.transports.open311`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from packs.model import Exchange
from sync import files
from sync.transport import LinkFault, Transport
from sync.transports.folder import Folder
from sync.transports.https import Https
from sync.transports.mail import Mail
from sync.transports.notes import SETTLE_S, Log, quiet


@dataclass(frozen=True, slots=True)
class Access:
    """What this box itself brings along: where it keeps files, and how it gets in. None of it stands in a pack.

    `secret` gives an office's password or token by its code, "" for none. `smtp` and `imap` are addresses with the
    user and password in them, `sender` is our own e-mail address. `log` is told what an operator should look at though
    the exchange goes on. A file in a folder counts as whole when it stays the same for `settle_s` seconds.
    """

    home: Path
    secret: Callable[[str], str] = lambda _: ""
    ssh_key: Path | None = None
    smtp: str = field(default="", repr=False)
    imap: str = field(default="", repr=False)
    sender: str = ""
    log: Log = quiet
    settle_s: float = SETTLE_S


def open_transport(exchange: Exchange, access: Access) -> Transport:
    """The way to one office; nothing is asked of it yet. Raises LinkFault where pack and settings name no such way."""
    match exchange.transport:
        case "folder":
            return _folder(exchange, access)
        case "sftp":
            return _sftp(exchange, access)
        case "https":
            return Https(exchange.address, access.secret(exchange.agency), log=access.log)
        case "mail":
            return Mail(exchange, access.smtp, access.imap, access.sender, log=access.log)
        case "open311":
            raise LinkFault(f"{exchange.agency} is reached by Open311, which carries no files.", permanent=True)


def _sftp(exchange: Exchange, access: Access) -> Transport:
    from sync.transports.sftp import Sftp  # noqa: PLC0415  what speaks SSH is big, and few offices have it

    password = access.secret(exchange.agency)
    return Sftp(exchange.address, exchange.host_key, password, access.ssh_key, settle_s=access.settle_s, log=access.log)


def _folder(exchange: Exchange, access: Access) -> Folder:
    """The folder that the pack names, which somebody else has to make; else our own, from which files are fetched."""
    if exchange.address:
        return Folder(Path(exchange.address), settle_s=access.settle_s, log=access.log)
    base = files.folder(access.home, exchange.agency)
    base.mkdir(parents=True, exist_ok=True)
    return Folder(base, settle_s=access.settle_s, log=access.log)
