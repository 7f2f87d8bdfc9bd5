"""The numbers of complaints that were lodged while their sender was not answered: told once, when it has become quiet.

Whoever lodges a complaint is told its number. To one who sends a dozen texts in a few minutes that is one SMS for all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cases import lookup
from cases.citizens import Caller
from menus.messages import MOST_IN_LIST
from sms_gateway.gateway import State
from sms_gateway.message import Draft, Message, post, supersede

_LIST: Final = "status_list"


def tell(caller: Caller, at: datetime, now: datetime) -> None:
    """Have the list of their newest complaints sent to them at that time, and no earlier one that still waits."""
    forget(caller.id, now)
    newest = lookup.recent(caller.id, MOST_IN_LIST)
    post([Draft(caller, _LIST, {"list": [[case.ref, case.state] for case in newest]}, not_before=at)], now)


def forget(citizen_id: str, now: datetime) -> None:
    """Send them no list that still waits for its time."""
    waiting = Message.select(Message.id).where(
        Message.citizen == citizen_id,
        Message.direction == "mt",
        Message.template == _LIST,
        Message.state == State.QUEUED,
        Message.due_at > now,
    )
    supersede([one.id for one in waiting], now)
