"""What no network could send is refused before it is asked. Pure."""

from __future__ import annotations

from dataclasses import replace

from sms_gateway.encoding import printable
from sms_gateway.gateway import Mt, Policy, Refused
from sms_gateway.msisdn import normalise


def sendable(mt: Mt) -> Mt | Refused:
    """`mt` with its text as any network can carry it; refused for good without a citizen's number or without words."""
    if normalise(mt.msisdn) != mt.msisdn:
        return Refused(Policy.PERMANENT, "bad-number")
    text = printable(mt.text)
    if not text.strip():
        return Refused(Policy.PERMANENT, "empty-text")
    return mt if text == mt.text else replace(mt, text=text)
