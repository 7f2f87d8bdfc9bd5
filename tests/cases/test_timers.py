from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import sla, timers
from cases.lifecycle import LEVELS, OPEN, Action, State
from packs.model import Calendar, Pack

MONDAY = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # eight in the morning in Nairobi
DAY = 8 * 60  # working minutes of an office day


@dataclass
class Clock:
    """A case as its clocks see it: promised in two working days."""

    state: str = State.ASSIGNED
    sub: str | None = "water.bill"
    queue: str | None = None
    received_at: datetime = MONDAY
    clock_start: datetime = MONDAY
    resolve_minutes: int = 2 * DAY
    paused_at: datetime | None = None
    paused_minutes: int = 0
    escalation: int = 0
    decided_at: datetime | None = None
    reminded_at: datetime | None = None


@pytest.fixture
def office(ke: Pack) -> Calendar:
    return ke.calendars["office"]


def hours(more: float) -> datetime:
    return MONDAY + timedelta(hours=more)


def test_a_case_warns_at_three_quarters_of_its_time(office: Calendar) -> None:
    # a day and a half: Tuesday at the end of the morning
    assert timers.next_step(Clock(), office, office) == (hours(24 + 4 + 1 - 1), Action.ESCALATE)


@pytest.mark.parametrize(("reached", "ahead"), [(0, 75), (75, 100), (100, 150), (150, 200)])
def test_the_next_level_is_the_next_step(reached: int, ahead: int, office: Calendar) -> None:
    step = timers.next_step(Clock(escalation=reached), office, office)
    assert step == (sla.due(office, MONDAY, 2 * DAY * ahead // 100), Action.ESCALATE)


def test_above_the_last_level_nothing_more_is_due(office: Calendar) -> None:
    assert timers.next_step(Clock(escalation=200), office, office) is None


def test_a_case_nobody_took_escalates_like_any_other(office: Calendar) -> None:
    waiting = Clock(state=State.RECEIVED, queue="supervisor")
    assert timers.next_step(waiting, office, office) == timers.next_step(Clock(), office, office)


def test_a_pause_moves_everything_that_follows(office: Calendar) -> None:
    assert timers.due(Clock(paused_minutes=DAY), office) == timers.due(Clock(), office) + timedelta(days=1)


def test_while_it_waits_for_the_citizen_the_clock_stands_still(office: Calendar) -> None:
    waiting = Clock(state=State.PENDING_CITIZEN, paused_at=hours(4))
    assert timers.level(waiting, office, hours(24 * 30)) == 0


def test_a_pause_ends_by_itself_after_five_working_days(office: Calendar) -> None:
    waiting = Clock(state=State.PENDING_CITIZEN, paused_at=MONDAY)
    assert timers.next_step(waiting, office, office) == (MONDAY + timedelta(days=4, hours=9), Action.RESUME)
    assert timers.paused(waiting, office, MONDAY + timedelta(days=30)) == 5 * DAY


def test_a_second_question_has_only_what_the_first_left(office: Calendar) -> None:
    waiting = Clock(state=State.PENDING_CITIZEN, paused_at=MONDAY, paused_minutes=4 * DAY)
    assert timers.next_step(waiting, office, office) == (MONDAY + timedelta(hours=9), Action.RESUME)
    assert timers.pause_left(Clock(paused_minutes=9 * DAY), office) == 0


def test_a_pause_over_the_weekend_costs_nobody_the_weekend(office: Calendar) -> None:
    friday = MONDAY + timedelta(days=4, hours=8)  # four in the afternoon
    waiting = Clock(state=State.PENDING_CITIZEN, paused_at=friday)
    assert timers.paused(waiting, office, friday + timedelta(days=3)) == DAY  # an hour on Friday, seven on Monday


def test_what_nobody_has_named_goes_to_triage_after_two_working_hours(office: Calendar) -> None:
    unclear = Clock(state=State.RECEIVED, sub=None, received_at=hours(-14))
    assert timers.next_step(unclear, office, office) == (hours(2), Action.TRIAGE)
    in_the_queue = replace(unclear, queue="triage")
    assert timers.next_step(in_the_queue, office, office) == timers.next_step(Clock(), office, office)


def test_the_last_call_comes_mid_window_in_working_hours(office: Calendar) -> None:
    resolved = Clock(state=State.RESOLVED, decided_at=MONDAY + timedelta(days=2))
    # three and a half days on it is Saturday evening: the office opens again on Monday
    assert timers.next_step(resolved, office, office) == (MONDAY + timedelta(days=7), Action.REMIND)


def test_before_easter_the_last_call_comes_early_enough_to_be_answered(office: Calendar) -> None:
    resolved = Clock(state=State.RESOLVED, decided_at=datetime(2027, 3, 22, 13, 0, tzinfo=UTC))
    step = timers.next_step(resolved, office, office)
    assert step is not None
    assert step.at < datetime(2027, 3, 25, 14, 0, tzinfo=UTC)  # Friday to Monday nobody is there


def test_silence_closes_a_case_when_the_window_ends(office: Calendar) -> None:
    resolved = Clock(state=State.RESOLVED, decided_at=MONDAY, reminded_at=MONDAY + timedelta(days=4))
    assert timers.next_step(resolved, office, office) == (MONDAY + timedelta(days=7), Action.CLOSE)


def test_after_a_standstill_nobody_is_asked_and_closed_in_the_same_breath(office: Calendar) -> None:
    late = MONDAY + timedelta(days=9)
    resolved = Clock(state=State.RESOLVED, decided_at=MONDAY, reminded_at=late)
    assert timers.next_step(resolved, office, office) == (late + timers.TO_ANSWER, Action.CLOSE)


@pytest.mark.parametrize("state", sorted(set(State) - OPEN - {State.RESOLVED}))
def test_what_has_ended_is_left_in_peace(state: State, office: Calendar) -> None:
    assert timers.next_step(Clock(state=state, decided_at=MONDAY), office, office) is None


moments = st.integers(0, 60 * 24 * 40).map(lambda minutes: MONDAY + timedelta(minutes=minutes))


@given(
    started=moments,
    promised=st.integers(1, 20 * DAY),
    paused=st.integers(0, 5 * DAY),
    reached=st.sampled_from([0, *LEVELS]),
)
def test_when_the_timer_rings_the_level_is_reached(
    ke: Pack, started: datetime, promised: int, paused: int, reached: int
) -> None:
    """Otherwise a sweep would find it due and do nothing, again and again."""
    calendar = ke.calendars["office"]
    case = Clock(clock_start=started, resolve_minutes=promised, paused_minutes=paused, escalation=reached)
    step = timers.next_step(case, calendar, calendar)
    if step is None:
        assert reached == max(LEVELS)
    else:
        assert timers.level(case, calendar, step.at) > reached
        assert timers.level(case, calendar, step.at - timedelta(minutes=1)) <= reached or promised < 4
