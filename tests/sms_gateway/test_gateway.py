from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_gateway.gateway import FINALS, FOLLOWERS, State

STATES = st.sampled_from(State)


def test_every_state_says_what_may_follow() -> None:
    assert set(FOLLOWERS) == set(State)


@pytest.mark.parametrize("state", sorted(FINALS - {State.DELIVERED}))
def test_a_late_delivered_beats_every_other_final(state: State) -> None:
    assert state.may_become(State.DELIVERED)
    assert not State.DELIVERED.may_become(state)


@pytest.mark.parametrize("state", sorted(FINALS - {State.DELIVERED, State.UNKNOWN, State.WITHHELD}))
def test_a_late_report_resolves_an_unknown_end(state: State) -> None:
    assert State.UNKNOWN.may_become(state)
    assert not state.may_become(State.UNKNOWN)


@pytest.mark.parametrize("state", sorted(FINALS))
def test_what_ended_is_never_sent_again(state: State) -> None:
    assert not FOLLOWERS[state] & {State.QUEUED, State.CLAIMED, State.SENDING, State.SUBMITTED, State.BUFFERED}


@given(st.permutations([State.SUBMITTED, State.BUFFERED, State.UNDELIVERABLE, State.DELIVERED, State.UNKNOWN] * 2))
def test_reports_in_any_order_and_number_end_delivered_if_one_says_so(reports: list[State]) -> None:
    state = State.SENDING
    for report in reports:
        state = report if state.may_become(report) else state
    assert state is State.DELIVERED


def test_only_a_message_not_yet_taken_by_the_network_returns_to_the_queue() -> None:
    assert {state for state in State if state.may_become(State.QUEUED)} == {State.CLAIMED, State.SENDING}


def test_only_what_still_waits_is_superseded_and_then_it_is_over() -> None:
    assert {state for state in State if state.may_become(State.SUPERSEDED)} == {State.QUEUED}
    assert not FOLLOWERS[State.SUPERSEDED]
