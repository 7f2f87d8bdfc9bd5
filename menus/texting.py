"""The shell around the dialogue for SMS: store it first, then understand it, do it, and answer through the outbox.

A message is stored in a transaction of its own before anything else. What it leads to is a second transaction, in the
same request; if that fails, the message stays unhandled, the relay's tick tries again, and after five failures it is
put aside with an alert. Every message is therefore handled once, or known to be in trouble.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from peewee import IntegrityError

from cases.casework import Casework
from cases.citizens import Citizens
from menus.handling import Handling, House
from packs.model import Pack
from packs.places import PlaceIndex
from sms_gateway.gateway import Mo
from sms_gateway.message import Direction, Message
from store import database
from store.model import Insert, new_id

MOST_FAILURES: Final = 5
RETRY_AFTER: Final = timedelta(seconds=10)


class Texting:
    """Takes in what citizens text. `packs` gives the pack in force with its place index."""

    def __init__(
        self,
        citizens: Citizens,
        casework: Casework,
        packs: Callable[[], tuple[Pack, PlaceIndex]],
        languages: Callable[[], tuple[str, ...]],
        log: Callable[..., None],
    ) -> None:
        self._citizens, self._casework, self._packs = citizens, casework, packs
        self._languages, self._log = languages, log
        self._insert = Insert(Message)

    def receive(self, mo: Mo, now: datetime) -> None:
        """Store a message and handle it. Idempotent on (provider, provider_id). Raises only if it could not be stored;
        the network then sends it again."""
        message_id = database.steady(lambda: self._store(mo, now))
        if message_id:
            self.handle(message_id, now)

    def _store(self, mo: Mo, now: datetime) -> str | None:
        """The id of the message, new or known and never handled; None for one that was handled."""
        caller = self._citizens.meet(mo.msisdn, now)
        message_id = new_id()
        row = {
            "id": message_id,
            "direction": Direction.MO,
            "state": "received",
            "citizen": caller.id,
            "body": caller.key.seal("message.body", message_id, mo.text),
            "created_at": now,
            "provider": mo.provider,
            "provider_id": mo.provider_id,
            "short_code": mo.short_code[: Message.short_code.max_length],
        }
        try:
            with database.transaction():
                self._insert([row])
        except IntegrityError:
            known = Message.select(Message.id).where(
                Message.direction == "mo",
                Message.provider == mo.provider,
                Message.provider_id == mo.provider_id,
                Message.state == "received",
            )
            unhandled = known.first()
            return unhandled.id if unhandled else None
        return message_id

    def handle(self, message_id: str, now: datetime) -> bool:
        """Do what a stored message asks, once. False if that failed: it is counted, and tried again by `retry`."""
        try:
            database.steady(lambda: self._handle(message_id, now))
        except Exception as fault:
            self._count_failure(message_id, fault)
            return False
        return True

    def retry(self, now: datetime, limit: int = 100) -> int:
        """Handle what was stored but not handled, oldest first; how many were."""
        waiting = (
            Message.select(Message.id)
            .where(
                Message.direction == "mo",
                Message.state == "received",
                Message.created_at < now - RETRY_AFTER,
            )
            .order_by(Message.created_at)
            .limit(limit)
        )
        return sum(self.handle(message.id, now) for message in list(waiting))

    def _count_failure(self, message_id: str, fault: Exception) -> None:
        self._log("message_not_handled", message=message_id, fault=repr(fault), exc_info=fault)
        try:
            with database.transaction():
                Message.update(attempts=Message.attempts + 1).where(Message.id == message_id).execute()
                dead = (Message.id == message_id) & (Message.attempts >= MOST_FAILURES)
                if Message.update(state="dead").where(dead).execute():
                    self._log("message_put_aside", message=message_id, failures=MOST_FAILURES)
        except Exception as again:
            self._log("failure_not_counted", message=message_id, fault=repr(again))

    @property
    def _house(self) -> House:
        pack, places = self._packs()
        return House(self._citizens, self._casework, pack, places, self._languages())

    def _handle(self, message_id: str, now: datetime) -> None:
        with database.transaction():
            message = Message.get_by_id(message_id)
            self._citizens.hold(message.__data__["citizen"])
            message = Message.get_by_id(message_id)  # as it is now that nobody else can change it
            if message.state != "received":
                return
            caller = self._citizens.by_id([message.__data__["citizen"]])[message.__data__["citizen"]]
            text = caller.key.open("message.body", message.id, message.body)
            Handling(self._house, message, caller, text, now).run()
            message.state, message.handled_at = "handled", now
            message.save(only=[Message.state, Message.handled_at, Message.case])
