"""The real IMAP server that most mailboxes lie on: Dovecot, with a configuration of its own, on loopback only."""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests import servers
from tests.box import short_folder, soon
from tests.sync.transports.certificates import Certificate

DOVECOT: Final = "/usr/sbin/dovecot"
PASSWORD: Final = "pass:word/@1"
_NOBODY: Final = 65534  # root may not own a mailbox
_CONFIGURATION: Final = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%u
first_valid_uid = {uid}
mail_max_userip_connections = 100
{users}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {secure_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
"""


@dataclass
class Box:
    """One mailbox: what our side needs to open it, and what the world can see and do."""

    port: int
    secure_port: int
    user: str
    name: str = "INBOX"

    def address(self, scheme: str = "imap", password: str = PASSWORD) -> str:
        port = self.secure_port if scheme == "imaps" else self.port
        return f"{scheme}://{quote(self.user)}:{quote(password, safe='')}@127.0.0.1:{port}/{quote(self.name)}"

    @contextmanager
    def open(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.port, 10) as imap:
            imap.login(self.user, PASSWORD)
            imap.select(self.name)
            yield imap

    def receive(self, *messages: EmailMessage | bytes) -> None:
        with self.open() as imap:
            for message in messages:
                imap.append(self.name, "", "", message if isinstance(message, bytes) else message.as_bytes())

    def unread(self, *more: str) -> list[int]:
        """The places of the messages that a person would find unread, from 1."""
        with self.open() as imap:
            return [int(number) for number in imap.search(None, "UNSEEN", *more)[1][0].split()]


class Dovecot:
    """As many mailboxes as there are names for. Not running until `start`."""

    def __init__(self, folder: Path, certificate: Certificate) -> None:
        self._port, self._secure_port = servers.free_port(), servers.free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        uid, gid, users = _NOBODY, _NOBODY, ""
        mail = folder / "mail"
        mail.mkdir()
        if os.geteuid() == 0:
            folder.chmod(0o755)
            os.chown(mail, uid, gid)
        else:
            uid, gid = os.geteuid(), os.getegid()
            name, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
            users = f"default_internal_user = {name}\ndefault_login_user = {name}\ndefault_internal_group = {group}"
        told = {"folder": folder, "certificate": certificate.file, "key": certificate.key, "password": PASSWORD}
        ports = {"port": self._port, "secure_port": self._secure_port}
        configuration = _CONFIGURATION.format(**told, **ports, uid=uid, gid=gid, users=users)
        (folder / "dovecot.conf").write_text(configuration)

    def box(self, user: str) -> Box:
        return Box(self._port, self._secure_port, user)

    def start(self) -> None:
        command = [DOVECOT, "-F", "-c", str(self._folder / "dovecot.conf")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        soon(self._answers, f"Dovecot does not start: {(self._folder / 'log').read_text()}")

    def _answers(self) -> bool:
        try:
            with self.box("nobody").open():
                return True
        except (OSError, imaplib.IMAP4.error):
            return False

    def end(self) -> None:
        """It ends its children, and every line with them."""
        process, self._process = self._process, None
        if process:
            process.terminate()
            process.wait(10)


@contextmanager
def dovecot(certificate: Certificate) -> Iterator[Dovecot]:
    """A server that runs as long as the context lasts."""
    with short_folder() as folder:  # its sockets have long names
        server = Dovecot(folder, certificate)
        try:
            server.start()
            yield server
        finally:
            server.end()
