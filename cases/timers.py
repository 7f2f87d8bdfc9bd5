"""What happens to a case by the clock alone: escalation, the end of a pause, the last call, silent closing. Pure.

Every case carries the one next step that time will bring (`Case.next_at`, `next_step`); the sweep takes what is due.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from cases import sla
from cases.lifecycle import LEVELS, OPEN, Action, State
from packs.model import Calendar, Pack

MOST_PAUSED_DAYS: Final = 5  # working days of a cycle that the clock may stand still for a citizen's answer
TO_ANSWER: Final = timedelta(days=1)  # the least that is left between the last call and closing
FEEDBACK_WINDOW: Final = timedelta(days=7)  # "is it fixed?" is open so long; then silence counts as yes
UNCLEAR_MINUTES: Final = 120  # working time until what nobody has named goes to the triage queue


class Step(NamedTuple):
    """What time brings next, and when."""

    at: datetime
    action: Action


class Clocked(Protocol):
    """What the clocks need of a case."""

    state: str
    sub: str | None
    queue: str | None
    received_at: datetime
    clock_start: datetime
    resolve_minutes: int
    paused_at: datetime | None
    paused_minutes: int
    escalation: int
    decided_at: datetime | None
    reminded_at: datetime | None


def office_hours(pack: Pack) -> Calendar:
    """The calendar of the service desk: when a reminder may reach somebody."""
    return pack.calendar(pack.unsure)


def due(case: Clocked, calendar: Calendar, percent: int = 100) -> datetime:
    """When `percent` of the promised time of this cycle have passed, pauses not counted."""
    return sla.due(calendar, case.clock_start, case.resolve_minutes * percent // 100 + case.paused_minutes)


def level(case: Clocked, calendar: Calendar, now: datetime) -> int:
    """The highest level of escalation that the clock has reached (0: none); a clock that stands still reaches none."""
    if case.paused_at is not None:
        return 0
    worked = sla.elapsed(calendar, case.clock_start, now) - case.paused_minutes
    reached = [percent for percent in LEVELS if worked >= case.resolve_minutes * percent // 100]
    return max(reached, default=0)


def pause_left(case: Clocked, calendar: Calendar) -> int:
    """The working minutes that the clock may still stand in this cycle."""
    return max(MOST_PAUSED_DAYS * calendar.working_day - case.paused_minutes, 0)


def paused(case: Clocked, calendar: Calendar, until: datetime) -> int:
    """The working minutes of the pause that ends now, no more than are left."""
    if case.paused_at is None:
        return 0
    return min(sla.elapsed(calendar, case.paused_at, until), pause_left(case, calendar))


def next_step(case: Clocked, calendar: Calendar, office: Calendar) -> Step | None:
    """What time brings next to a case as it stands; None where only people can move it."""
    if case.state == State.RESOLVED:
        return _after_resolution(case, office)
    if case.state not in OPEN:
        return None
    if case.paused_at is not None:
        return Step(sla.due(calendar, case.paused_at, pause_left(case, calendar)), Action.RESUME)
    steps = [step for step in (_triage(case, office), _escalation(case, calendar)) if step]
    return min(steps, default=None)


def _after_resolution(case: Clocked, office: Calendar) -> Step:
    """The last call comes mid-window; before holidays earlier, so that there is a day left to answer."""
    assert case.decided_at is not None  # noqa: S101  nothing is resolved without a decision
    closes = case.decided_at + FEEDBACK_WINDOW
    if case.reminded_at:  # after a standstill the last call may come late: nobody is closed in the same breath
        return Step(max(closes, case.reminded_at + TO_ANSWER), Action.CLOSE)
    calls = [sla.next_opening(office, case.decided_at + FEEDBACK_WINDOW * part) for part in (0.5, 0.25, 0)]
    last = closes - TO_ANSWER
    return Step(next((at for at in calls if at <= last), last), Action.REMIND)


def _triage(case: Clocked, office: Calendar) -> Step | None:
    if case.state != State.RECEIVED or case.sub or case.queue:
        return None
    return Step(sla.due(office, case.received_at, UNCLEAR_MINUTES), Action.TRIAGE)


def _escalation(case: Clocked, calendar: Calendar) -> Step | None:
    ahead = next((percent for percent in LEVELS if percent > case.escalation), None)
    return Step(due(case, calendar, ahead), Action.ESCALATE) if ahead else None
