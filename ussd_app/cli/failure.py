"""The last one who can put an unforeseen error into words."""

from __future__ import annotations

import contextlib
import os
import secrets
import traceback

from peewee import OperationalError

from sms_gateway.msisdn import mask_all
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings


def explain(error: Exception) -> str:
    """A sentence with a reference; the traceback goes to a file, and with MLANGO_DEBUG=1 to the terminal."""
    if os.environ.get("MLANGO_DEBUG"):
        traceback.print_exception(error)
    reference = secrets.token_hex(4)
    if isinstance(error, OperationalError):
        return f"The database failed or cannot be reached (reference {reference}). {_note(reference, error)}"
    return f"This failed unexpectedly ({type(error).__name__}, reference {reference}). {_note(reference, error)}"


def _note(reference: str, error: Exception) -> str:
    with contextlib.suppress(Refusal, OSError):
        file = Settings.load().home / "log" / "errors.log"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as out:
            out.write(f"{reference}\n{mask_all(''.join(traceback.format_exception(error)))}\n")
        return f"Details: {file}"
    return "MLANGO_DEBUG=1 shows the details."
