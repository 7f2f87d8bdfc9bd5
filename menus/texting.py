"""The shell around the dialogue for SMS: store it first, then understand it, do it, and answer through the outbox.

A message is stored in a transaction of its own before anything else. What it leads to is a second transaction, in the
same request; if that fails, the message stays unhandled, the relay's tick tries again, and after five failures it is
put aside with an alert. Every message is therefore handled once, held with its sender's ban (menus.abuse), or known to
be in trouble.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from peewee import IntegrityError

from cases.casework import Casework
from cases.citizens import Caller, Citizens
from menus import bans, numbers, strangers
from menus.abuse import HELPLINE, Fate, Guard, Verdict
from menus.handling import Handling, House
from packs.model import Pack
from packs.places import PlaceIndex
from sms_gateway.gateway import Mo
from sms_gateway.message import Direction, Draft, Message, post
from sms_gateway.msisdn import normalise
from store import database
from store.model import Insert, Select, Update, new_id

MOST_FAILURES: Final = 5
RETRY_AFTER: Final = timedelta(seconds=10)
_AT_ONCE: Final = 100


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
        self._guard = Guard(citizens, packs, log)
        self._insert = Insert(Message)

    def receive(self, mo: Mo, now: datetime) -> None:
        """Store a message and handle it. Idempotent on (provider, provider_id). Raises only if it could not be stored;
        the network then sends it again. What no phone sent is counted and turned away."""
        if normalise(mo.msisdn) is None:
            database.steady(lambda: strangers.turn_away(mo.provider, mo.msisdn, now))
            return
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

    def release(self, citizen_id: str, now: datetime, progress: Callable[[int], object]) -> Counter[str]:
        """Handle what was held while its sender was banned, the oldest first, in silence; how many were "handled",
        "copies" of another (of which nothing becomes), or have "failed" and are tried again by the relay."""
        done, seen = Counter[str](), set[str]()
        while waiting := bans.held_texts(citizen_id, _AT_ONCE):
            for message_id in waiting:
                outcome = self._release(message_id, seen, now)
                done[outcome] += 1
                progress(1)
        return done

    def _release(self, message_id: str, seen: set[str], now: datetime) -> str:
        with database.transaction():
            message, caller = self._in_hand(message_id)
            text = caller.key.open("message.body", message.id, message.body)
            is_copy = text in seen
            Message.update(state=Fate.IGNORED if is_copy else "received").where(
                Message.id == message_id, Message.state == Fate.HELD
            ).execute()
        seen.add(text)
        if is_copy:
            return "copies"
        return "handled" if self.handle(message_id, now) else "failed"

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
            message, caller = self._in_hand(message_id)
            if message.state != "received":
                return
            text = caller.key.open("message.body", message.id, message.body)
            self._do(message, caller, text, self._guard.judge(message, caller, text, now), now)

    def _in_hand(self, message_id: str) -> tuple[Message, Caller]:
        """A message, as it is now that nobody else can change anything of its citizen's."""
        (before,) = _select("WHERE id = ?", message_id)
        citizen_id = before.__data__["citizen"]
        self._citizens.hold(citizen_id)
        (message,) = _select("WHERE id = ?", message_id)
        return message, self._citizens.by_id([citizen_id])[citizen_id]

    def _do(self, message: Message, caller: Caller, text: str, verdict: Verdict, now: datetime) -> None:
        if verdict.fate is Fate.HANDLED:
            handling = Handling(self._house, message, caller, text, now, silent=verdict.silent, brief=verdict.brief)
            handling.run()
            if verdict.numbers_at and handling.has_lodged:
                numbers.tell(caller, verdict.numbers_at, now)
        if verdict.in_danger:
            post([Draft(caller, HELPLINE)], now)
        message.state, message.error = verdict.fate, verdict.why
        message.handled_at = None if verdict.fate is Fate.HELD else now
        _update(message, _WRITTEN)


_WRITTEN: Final = frozenset({"state", "handled_at", "case", "error"})
_select: Final = Select(Message)
_update: Final = Update(Message)
