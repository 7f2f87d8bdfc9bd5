"""What becomes of sessions that their citizens left: each is counted once, and a draft worth finishing gets one SMS.

"1" or words in answer to it lodge the draft (see menus.dialogue). Nothing is ever said of what may be secret.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from cases import lookup
from cases.citizens import Caller, Citizens
from cases.lifecycle import State as CaseState
from locales import SOURCE
from menus import sessions
from menus.drafts import is_secret
from menus.engine import State
from menus.insight import Insight
from menus.sessions import Left, SmsQuestion
from packs.model import Pack
from sms_gateway import message
from sms_gateway.message import Lane, post
from store import database
from store.model import to_micros

AT_MOST_EVERY: Final = timedelta(hours=24)  # one reminder a citizen
MOST: Final = 200  # sessions looked at in one go
TEMPLATES: Final = ("drop_reminder", "drop_reminder_anywhere")  # with a place, and without


class Reminders:
    """The relay's step. `pack` gives the pack in force."""

    def __init__(
        self, citizens: Citizens, pack: Callable[[], Pack], insight: Insight, log: Callable[..., None]
    ) -> None:
        self._citizens, self._pack, self._insight, self._log = citizens, pack, insight, log

    def look(self, now: datetime) -> int:
        """Look at the sessions that fell silent and at the drafts that were left; how many citizens were reminded."""
        reminded = sum(self._try(one, now) for one in sessions.to_look_at(now, MOST))
        self._insight.flush()
        return reminded

    def _try(self, one: Left, now: datetime) -> bool:
        """A session that cannot be read is logged and passed over: others wait behind it."""
        try:
            return self._look_at(one, self._citizens.by_id([one.citizen_id]).get(one.citizen_id), now)
        except Exception as fault:
            self._log("session_not_looked_at", session=one.id, fault=repr(fault), exc_info=fault)
            sessions.looked_at(one)
            return False

    def _look_at(self, one: Left, caller: Caller | None, now: datetime) -> bool:
        """The SMS comes first: if we die before it is noted that we looked, the citizen's own note keeps off a second
        one."""
        if caller is None:  # erased meanwhile
            sessions.looked_at(one)
            return False
        state = one.state(caller)
        reminded = self._is_worth_it(one, state, now) and not _awaited(caller) and self._remind(state, caller, now)
        if sessions.looked_at(one) and one.is_news:
            self._insight.dropped(state.screen, caller.language or SOURCE, now)
        return reminded

    def _is_worth_it(self, one: Left, state: State, now: datetime) -> bool:
        return (
            now - one.since < sessions.DRAFT_LIFE
            and sessions.is_worth_resuming(state)
            and may_be_named(state, self._pack())
            and not sessions.has_dialled_since(one)
            and lookup.lodged_by(state.draft_id) is None
        )

    def _remind(self, state: State, caller: Caller, now: datetime) -> bool:
        """One SMS, unless they stopped ours or had one within a day: two relays that look at once send one."""
        place = state.draft.get("place")
        params = {"sub": state.draft["sub"], **({"place": place} if place else {})}
        template = TEMPLATES[0 if place else 1]
        with database.transaction():
            claimed = database.run(
                database.main,
                "UPDATE citizen SET reminded_at = ? WHERE id = ? AND data_key IS NOT NULL AND stopped_at IS NULL "
                "AND (reminded_at IS NULL OR reminded_at <= ?)",
                *(to_micros(now), caller.id, to_micros(now - AT_MOST_EVERY)),
            )
            if claimed.rowcount != 1:
                return False
            # the last lane: after a day it is worth nothing, and it never goes out twice
            post([message.Draft(caller, template, params, lane=Lane.BULK)], now)
            SmsQuestion.create(citizen=caller.id, kind="draft", options=state.draft_id, asked_at=now)
        return True


def take_back(citizen_id: str, now: datetime) -> None:
    """They dialled again: a reminder that still lies in the queue is not sent."""
    marks = ", ".join("?" * len(TEMPLATES))
    queued = f"SELECT id FROM message WHERE citizen_id = ? AND state = 'queued' AND template IN ({marks})"
    message.supersede([row[0] for row in database.rows(database.main, queued, citizen_id, *TEMPLATES)], now)


def _awaited(caller: Caller) -> bool:
    """Whether an officer waits for words of theirs: what they write next must not go into a draft."""
    first = lookup.on_their_mind(caller.id, 1)
    return bool(first and first[0].state == CaseState.PENDING_CITIZEN)


def may_be_named(state: State, pack: Pack) -> bool:
    """Whether an SMS may say what this draft is about: phones are shared. One that says nothing yet is not worth it."""
    sub, place = pack.subs.get(state.draft.get("sub", "")), state.draft.get("place")
    if sub is None or is_secret(pack, state.draft) or (place and place not in pack.places):
        return False
    return not sub.words_first or bool(state.draft.get("words"))
