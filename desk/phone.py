"""The phone simulator's page, and the inbox that the simulated network filled. Demo mode only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from desk.pages import pages

KEYS: Final = (
    ("1", ""), ("2", "abc"), ("3", "def"),
    ("4", "ghi"), ("5", "jkl"), ("6", "mno"),
    ("7", "pqrs"), ("8", "tuv"), ("9", "wxyz"),
    ("*", ""), ("0", ""), ("#", ""),
)  # fmt: skip
MSISDN: Final = re.compile(r"\+[1-9]\d{6,14}")

Inbox = Sequence[Mapping[str, object]]  # of {"id", "from", "text", "segments", "sent_at"}, newest last


def blueprint(
    messages: Callable[[str], Inbox], *, service_code: str = "*384*96#", short_code: str = "38496"
) -> Blueprint:
    """`/phone` and `/phone/messages.json?msisdn=%2B254…`; `messages(msisdn)` reads what was delivered to a handset.

    The page plays the network: it posts what Africa's Talking would to the callbacks. Opened as `/phone?token=…` it
    passes that callback token on, and `?msisdn=` chooses the handset.
    """
    phone = pages("phone", "/phone")

    @phone.get("")
    def page() -> ResponseReturnValue:
        return render_template("phone.html", keys=KEYS, service_code=service_code, short_code=short_code)

    @phone.get("/messages.json")
    def inbox() -> ResponseReturnValue:
        msisdn = request.args.get("msisdn", "")
        if not MSISDN.fullmatch(msisdn):
            return {
                "error": "Give the handset's number as ?msisdn=%2B254712345678 (%2B stands for the plus sign)."
            }, 400
        return list(messages(msisdn))

    return phone
