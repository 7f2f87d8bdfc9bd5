"""The mail server that takes our mail, by aiosmtpd in a thread of its own, that can be told to misbehave."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Final, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests import servers

USER: Final = "mlango"
PASSWORD: Final = "pass:word/@1"


class OfficeMail:
    """Use as a context manager. What came lies in `received`; `answers` has other answers to RCPT and DATA, one for
    each time; every message waits for `hold` seconds. With `from_first` encryption begins at once, else by STARTTLS."""

    def __init__(
        self,
        secure: ssl.SSLContext | None = None,
        *,
        from_first: bool = False,
        size: int = 33_554_432,
        login: bool = False,
    ) -> None:
        self.received: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.answers: dict[str, list[str]] = {"RCPT": [], "DATA": []}
        self.hold = 0.0
        self.port = servers.free_port()
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            server_hostname="localhost",
            data_size_limit=size,
            ssl_context=secure if from_first else None,
            tls_context=None if from_first else secure,
            require_starttls=secure is not None and not from_first,
            authenticator=_may_enter if login else None,
            auth_require_tls=False,
        )

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answers["RCPT"]:
            return self.answers["RCPT"].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.hold)
        if self.answers["DATA"]:
            return self.answers["DATA"].pop(0)
        parse = cast("Callable[..., EmailMessage]", email.message_from_bytes)
        self.received.append(parse(envelope.content, policy=policy.default))
        self.envelopes.append((str(envelope.mail_from), envelope.rcpt_tos))
        return "250 OK"

    def __enter__(self) -> OfficeMail:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()


def _may_enter(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)  # the server answers itself
