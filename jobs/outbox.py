"""Sending."""

from __future__ import annotations

from ussd_app import background


def send() -> int:
    """Drain the outbox; how many messages were taken."""
    return background.drain()
