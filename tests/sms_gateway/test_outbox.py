"""Claim, render, send, settle: what becomes of a message, whatever happens to worker and network."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise, permutations
from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases.citizens import Caller, Citizens
from cases.models import Citizen
from sms_gateway import heartbeat, lines, outbox, reports
from sms_gateway.channels import Channels
from sms_gateway.gateway import FINALS, Accepted, Policy, Refused, Report, State
from sms_gateway.message import DeliveryReport, Lane, Message
from sms_gateway.outbox import LEASE_TICKS, Outbox
from sms_gateway.reports import REPORT_WINDOW
from store import database
from tests.sms_gateway.conftest import Log, Network, Post, let_leases_run_out, render, row
from tests.together import at_once

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def drain(sender: Outbox, now: datetime) -> int:
    return sender.drain(lambda: now)


def refused(policy: Policy) -> Refused:
    return Refused(policy, f"test-{policy}", "in detail")


def reported(provider_id: str, state: State) -> Report:
    return Report("network", provider_id, state, str(state), None, None)


def states(ids: list[str]) -> list[str]:
    return [row(message_id).state for message_id in ids]


# The plain way


def test_a_message_that_the_network_takes_is_submitted(
    sender: Outbox, network: Network, put: Post, amina: Caller, now: datetime
) -> None:
    (message_id,) = put()
    assert drain(sender, now + MINUTE) == 1
    (mt,) = network.sent
    assert (mt.id, mt.msisdn, mt.text) == (message_id, amina.msisdn, "number 0")
    sent = row(message_id)
    assert (sent.state, sent.provider, sent.provider_id, sent.cost) == (
        State.SUBMITTED,
        "network",
        f"net-{message_id}",
        "KES 0.8000",
    )
    assert (sent.attempts, sent.lease, sent.sent_at, sent.settled_at) == (1, None, now + MINUTE, None)
    assert amina.key.open("message.sent", message_id, sent.sent or b"") == "number 0"
    assert sent.segments == 1


def test_what_was_sent_is_not_sent_again(sender: Outbox, network: Network, put: Post, now: datetime) -> None:
    put(3)
    drain(sender, now)
    assert drain(sender, now + DAY) == 0
    assert len(network.sent) == 3


def test_an_empty_outbox_sends_nothing(sender: Outbox, network: Network, now: datetime) -> None:
    assert drain(sender, now) == 0
    assert network.sent == []


def test_a_message_from_a_citizen_is_never_sent_back(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    Message.update(direction="mo", state="received", lane=None).where(Message.id == put()[0]).execute()
    assert drain(sender, now) == 0


def test_the_depth_tells_what_waits_and_what_is_due(sender: Outbox, put: Post, now: datetime) -> None:
    put(2)
    put(3, at=now + HOUR)
    assert outbox.depth(now) == (5, 2)
    drain(sender, now)
    assert outbox.depth(now) == (3, 0)


@pytest.mark.parametrize("lane", Lane)
def test_anything_due_sees_every_lane(sender: Outbox, put: Post, lane: Lane, now: datetime) -> None:
    put(lane=lane)
    assert not outbox.anything_due(now - SECOND)
    assert outbox.anything_due(now)
    drain(sender, now)
    assert not outbox.anything_due(now)


# Order


def test_receipts_go_before_news_and_news_before_what_goes_to_many(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    for lane in reversed(Lane):
        put(template=lane.name, lane=lane, at=now - lane * MINUTE)
    drain(sender, now)
    assert network.texts == ["RECEIPT 0", "STATUS 0", "BULK 0"]


def test_within_a_lane_the_longest_due_goes_first_and_what_is_not_due_waits(put: Post, now: datetime) -> None:
    (later,), (sooner,), (not_yet,) = put(at=now), put(at=now - MINUTE), put(at=now + SECOND)
    assert [claimed.id for claimed in outbox.claim(Lane.RECEIPT, now, limit=1)] == [sooner]
    assert [claimed.id for claimed in outbox.claim(Lane.RECEIPT, now, limit=9)] == [later]
    assert row(not_yet).state == State.QUEUED


@pytest.mark.parametrize(("lane", "most"), outbox.CLAIM.items())
def test_a_claim_takes_no_more_than_one_send_may_leave_in_doubt(
    put: Post, lane: Lane, most: int, now: datetime
) -> None:
    put(most + 5, lane=lane)
    assert len(outbox.claim(lane, now)) == most
    assert len(outbox.claim(lane, now)) == 5


def test_a_drain_takes_no_more_than_it_was_told(sender: Outbox, put: Post, now: datetime) -> None:
    put(35)
    assert sender.drain(lambda: now, most=20) == 20


def test_a_drain_ends_after_five_minutes(sender: Outbox, network: Network, put: Post, now: datetime) -> None:
    put(50)
    clock = iter(now + number * MINUTE for number in range(1_000))
    assert 0 < sender.drain(lambda: next(clock)) < 50


def test_many_workers_never_get_the_same_row(put: Post, now: datetime) -> None:
    ids = put(60)

    def claim_all() -> list[str]:
        mine: list[str] = []
        while batch := outbox.claim(Lane.RECEIPT, now, limit=7):
            mine += [claimed.id for claimed in batch]
        return mine

    claimed = [message_id for mine in at_once(*[claim_all] * 4) for message_id in mine]
    assert sorted(claimed) == sorted(ids)


def test_many_workers_send_every_message_once(citizens: Citizens, log: Log, put: Post, now: datetime) -> None:
    ids = put(120)
    networks = [Network() for _ in range(4)]
    workers = [Outbox(citizens, Channels([network]), render, log) for network in networks]
    at_once(*[lambda worker=worker: drain(worker, now) for worker in workers])
    assert sorted(mt.id for network in networks for mt in network.sent) == sorted(ids)
    assert set(states(ids)) == {State.SUBMITTED}


# Messages that can't be made


def test_a_broken_template_rejects_only_its_own_message(
    sender: Outbox, network: Network, log: Log, put: Post, now: datetime
) -> None:
    (before,), (broken,), (after,) = put(), put(template="broken"), put()
    drain(sender, now)
    assert {mt.id for mt in network.sent} == {before, after}
    assert states([before, broken, after]) == [State.SUBMITTED, State.REJECTED, State.SUBMITTED]
    assert row(broken).error == "not rendered: KeyError"
    assert (row(broken).lease, row(broken).sent_at, row(broken).settled_at) == (None, None, now)
    assert log.events == ["message_not_rendered"]


def test_a_body_that_does_not_open_rejects_only_its_own_message(sender: Outbox, put: Post, now: datetime) -> None:
    good, bad = put(2)
    Message.update(body=b"\x01changed").where(Message.id == bad).execute()
    drain(sender, now)
    assert states([good, bad]) == [State.SUBMITTED, State.REJECTED]


def test_what_is_for_an_erased_citizen_is_rejected(sender: Outbox, network: Network, put: Post, now: datetime) -> None:
    (message_id,) = put()
    Citizen.update(data_key=None).execute()
    drain(sender, now)
    assert (row(message_id).state, row(message_id).error) == (State.REJECTED, "the citizen was erased")
    assert network.sent == []


def test_a_citizen_whose_key_does_not_open_keeps_nobody_else_waiting(
    sender: Outbox, citizens: Citizens, network: Network, log: Log, put: Post, amina: Caller, now: datetime
) -> None:
    unreadable = citizens.meet("+254798765432", now)
    (before,), (theirs,), (after,) = put(), put(to=unreadable), put()
    key = Citizen.get_by_id(unreadable.id).data_key or b""
    Citizen.update(data_key=b"\x04lost" + key[5:]).where(Citizen.id == unreadable.id).execute()
    drain(sender, now)
    assert {mt.id for mt in network.sent} == {before, after}
    assert (row(theirs).state, row(theirs).due_at) == (State.QUEUED, now + HOUR)
    assert log.events == ["citizen_not_readable"]
    Citizen.update(data_key=key).where(Citizen.id == unreadable.id).execute()
    drain(sender, now + HOUR)
    assert row(theirs).state == State.SUBMITTED


def test_what_is_too_old_to_be_news_expires_unsent(sender: Outbox, network: Network, put: Post, now: datetime) -> None:
    old = put(150, lane=Lane.BULK)
    fresh = put(lane=Lane.BULK, at=now + DAY)
    assert drain(sender, now + DAY) == 1
    assert [mt.id for mt in network.sent] == fresh
    assert set(states(old)) == {State.EXPIRED}
    assert (row(old[0]).lease, row(old[0]).sent_at, row(old[0]).settled_at) == (None, None, now + DAY)


# What the network answers


def test_an_error_that_is_permanent_ends_the_message(
    sender: Outbox, network: Network, log: Log, put: Post, now: datetime
) -> None:
    (message_id,), network.answers = put(), [refused(Policy.PERMANENT)]
    drain(sender, now)
    ended = row(message_id)
    assert (ended.state, ended.error, ended.settled_at) == (State.REJECTED, "test-permanent in detail", now)
    assert log.lines == [("message_refused", {"message": message_id, "policy": "permanent", "code": "test-permanent"})]
    assert drain(sender, now + DAY) == 0


def test_a_citizen_who_opted_out_at_the_network_is_stopped_here_too(
    sender: Outbox, citizens: Citizens, network: Network, put: Post, amina: Caller, now: datetime
) -> None:
    (message_id,), network.answers = put(), [refused(Policy.SUPPRESS)]
    drain(sender, now)
    assert row(message_id).state == State.REJECTED
    assert citizens.by_id([amina.id])[amina.id].stopped


def test_a_handset_that_refuses_just_now_is_tried_much_later(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    (message_id,), network.answers = put(), [refused(Policy.DEFER)]
    drain(sender, now)
    assert (row(message_id).state, row(message_id).due_at) == (State.QUEUED, now + 6 * HOUR)


def test_a_fault_of_the_channel_pauses_it_and_keeps_the_messages(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    ids, network.answers = put(25), [refused(Policy.CHANNEL)] * 10
    drain(sender, now)
    assert len(network.sent) == 10
    assert set(states(ids)) == {State.QUEUED}
    assert drain(sender, now + 5 * MINUTE - SECOND) == 0
    assert drain(sender, now + 5 * MINUTE) == 25
    assert set(states(ids)) == {State.SUBMITTED}


def test_a_transient_error_backs_off_twice_as_long_each_time_up_to_an_hour(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    (message_id,), waits = put(), []
    for _ in range(12):
        network.answers = [refused(Policy.TRANSIENT)]
        drain(sender, now)
        waits.append((row(message_id).due_at or now) - now)
        now += waits[-1]
    assert [wait // SECOND for wait in waits] == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert row(message_id).state == State.QUEUED


def test_no_two_messages_come_back_in_step(citizens: Citizens, network: Network, put: Post, now: datetime) -> None:
    ids, network.answers = put(10), [refused(Policy.TRANSIENT)] * 10
    drain(Outbox(citizens, Channels([network]), render, Log()), now)
    due = {row(message_id).due_at for message_id in ids}
    assert len(due) > 5
    assert all(at and now + 2.5 * SECOND <= at <= now + 5 * SECOND for at in due)


def test_a_dead_line_only_delays_however_often_it_was_tried(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    (message_id,), end = put(), now + 2 * DAY
    while now < end:
        network.answers = [refused(Policy.TRANSIENT)]
        drain(sender, now)
        now = row(message_id).due_at or now
    assert row(message_id).attempts > 40
    drain(sender, now)
    assert row(message_id).state == State.SUBMITTED


@pytest.mark.parametrize("policy", [Policy.TRANSIENT, Policy.AMBIGUOUS])
def test_a_line_that_is_down_is_not_tried_with_the_whole_queue(
    sender: Outbox, network: Network, put: Post, policy: Policy, now: datetime
) -> None:
    put(200)
    network.answers = [refused(policy)] * 200
    assert drain(sender, now) == 10


@pytest.mark.parametrize("policy", [Policy.PERMANENT, Policy.SUPPRESS, Policy.DEFER])
def test_numbers_that_cannot_be_reached_do_not_stop_the_rest(
    sender: Outbox, network: Network, put: Post, policy: Policy, now: datetime
) -> None:
    put(30)
    network.answers = [refused(policy)] * 10
    assert drain(sender, now) == 30


def test_a_receipt_that_perhaps_went_out_is_sent_once_more_and_marked(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    (message_id,), network.answers = put(), [refused(Policy.AMBIGUOUS)] * 2
    drain(sender, now)
    assert (row(message_id).state, row(message_id).resent) == (State.QUEUED, True)
    drain(sender, now + MINUTE)
    assert (row(message_id).state, row(message_id).resent) == (State.SENDING, True)
    assert drain(sender, now + HOUR) == 0
    assert len(network.sent) == 2


@pytest.mark.parametrize("lane", [Lane.STATUS, Lane.BULK])
def test_anything_else_that_perhaps_went_out_is_never_sent_again(
    sender: Outbox, network: Network, put: Post, lane: Lane, now: datetime
) -> None:
    (message_id,), network.answers = put(lane=lane), [refused(Policy.AMBIGUOUS)]
    drain(sender, now)
    assert (row(message_id).state, row(message_id).resent, row(message_id).lease) == (State.SENDING, False, None)
    let_leases_run_out(now)
    outbox.sweep(now)
    assert drain(sender, now + HOUR) == 0


def test_a_receipt_once_resent_stays_marked_when_it_is_taken(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    (message_id,), network.answers = put(), [refused(Policy.AMBIGUOUS), refused(Policy.TRANSIENT)]
    for wait in (0, 1, 2):
        drain(sender, now + wait * MINUTE)
    assert (row(message_id).state, row(message_id).resent) == (State.SUBMITTED, True)


def test_words_of_a_network_that_are_longer_than_a_column_undo_nothing(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    (taken,), network.answers = put(), [Accepted("i" * 128, "c" * 128)]
    drain(sender, now)
    (not_taken,), network.answers = put(), [Refused(Policy.TRANSIENT, "c" * 99, "d" * 200)]
    drain(sender, now)
    assert states([taken, not_taken]) == [State.SUBMITTED, State.QUEUED]
    assert reports.report(reported("i" * 128, State.DELIVERED), now)
    assert row(taken).state == State.DELIVERED


# Leases


def test_a_claim_that_runs_out_before_sending_began_goes_back_to_the_queue(put: Post, now: datetime) -> None:
    (message_id,) = put()
    outbox.claim(Lane.RECEIPT, now)
    let_leases_run_out(now)
    assert outbox.sweep(now) == 1
    assert (row(message_id).state, row(message_id).lease, row(message_id).resent) == (State.QUEUED, None, False)
    assert [claimed.id for claimed in outbox.claim(Lane.RECEIPT, now)] == [message_id]


def test_a_lease_holds_until_its_last_tick_and_is_counted_from_the_beginning_of_the_send(
    put: Post, now: datetime
) -> None:
    put()
    claimed = outbox.claim(Lane.RECEIPT, now)
    for _ in range(LEASE_TICKS - 1):
        heartbeat.beat(now)
    outbox.begin(claimed, "network", now)
    for _ in range(LEASE_TICKS):
        heartbeat.beat(now)
        assert outbox.sweep(now) == 0
    heartbeat.beat(now)
    assert outbox.sweep(now) == 1


@pytest.mark.parametrize("wrong", [-DAY, DAY])
def test_a_wrong_clock_steals_no_lease(put: Post, wrong: timedelta, now: datetime) -> None:
    claimed, sending = put(2)
    outbox.begin(outbox.claim(Lane.RECEIPT, now, limit=1), "network", now)
    outbox.claim(Lane.RECEIPT, now)
    before = set(states([claimed, sending]))
    heartbeat.beat(now + wrong)
    assert outbox.sweep(now + wrong) == 0
    assert outbox.claim(Lane.RECEIPT, now + wrong) == []
    assert set(states([claimed, sending])) == before == {State.CLAIMED, State.SENDING}


def test_a_receipt_whose_worker_died_while_sending_is_sent_once_more_and_marked(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    (message_id,) = put()
    outbox.begin(outbox.claim(Lane.RECEIPT, now), "network", now)
    let_leases_run_out(now)
    outbox.sweep(now)
    assert (row(message_id).state, row(message_id).resent) == (State.QUEUED, True)
    assert drain(sender, now + MINUTE) == 1
    assert (row(message_id).state, row(message_id).resent) == (State.SUBMITTED, True)


def test_a_receipt_whose_worker_died_twice_is_not_sent_a_third_time(put: Post, now: datetime) -> None:
    (message_id,) = put()
    for later in (0, 1):
        outbox.begin(outbox.claim(Lane.RECEIPT, now + later * MINUTE), "network", now)
        let_leases_run_out(now)
        outbox.sweep(now)
    assert (row(message_id).state, row(message_id).lease) == (State.SENDING, None)
    assert outbox.claim(Lane.RECEIPT, now + HOUR) == []


@pytest.mark.parametrize("lane", [Lane.STATUS, Lane.BULK])
def test_what_goes_to_many_stays_in_doubt_and_is_unknown_after_72_hours(put: Post, lane: Lane, now: datetime) -> None:
    (message_id,) = put(lane=lane)
    outbox.begin(outbox.claim(lane, now), "network", now)
    let_leases_run_out(now)
    outbox.sweep(now)
    assert (row(message_id).state, row(message_id).resent) == (State.SENDING, False)
    outbox.sweep(now + REPORT_WINDOW)
    assert row(message_id).state == State.SENDING
    assert outbox.sweep(now + REPORT_WINDOW + SECOND) == 1
    assert (row(message_id).state, row(message_id).settled_at) == (State.UNKNOWN, now + REPORT_WINDOW + SECOND)


@pytest.mark.parametrize("said", [None, State.SUBMITTED, State.BUFFERED])
def test_what_nobody_reports_on_is_unknown_after_72_hours(
    sender: Outbox, put: Post, said: State | None, now: datetime
) -> None:
    (message_id,) = put()
    drain(sender, now)
    if said:
        reports.report(reported(f"net-{message_id}", said), now)
    assert outbox.sweep(now + REPORT_WINDOW + SECOND) == 1
    assert row(message_id).state == State.UNKNOWN
    reports.report(reported(f"net-{message_id}", State.DELIVERED), now + 4 * DAY)
    assert row(message_id).state == State.DELIVERED


def test_a_sweep_moves_no_more_than_others_can_wait_for(
    sender: Outbox, put: Post, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_SWEPT", 7)
    ids, late = put(10), now + REPORT_WINDOW + SECOND
    drain(sender, now)
    assert [outbox.sweep(late), outbox.sweep(late), outbox.sweep(late)] == [7, 3, 0]
    assert set(states(ids)) == {State.UNKNOWN}


def test_a_message_in_the_hands_of_a_worker_is_not_waited_for_in_vain(put: Post, now: datetime) -> None:
    put()
    outbox.begin(outbox.claim(Lane.RECEIPT, now), "network", now)
    assert outbox.sweep(now + REPORT_WINDOW + DAY) == 0


def test_two_sweepers_free_a_message_once(put: Post, now: datetime) -> None:
    ids = put(20)
    outbox.begin(outbox.claim(Lane.RECEIPT, now), "network", now)
    let_leases_run_out(now)
    at_once(*[lambda: outbox.sweep(now)] * 2)
    assert sorted(states(ids)) == [State.QUEUED] * 20
    assert sum(row(message_id).resent for message_id in ids) == 10


# Workers that come late


class TestAWorkerThatWasSlowerThanItsLease:
    """It had begun to send; meanwhile the sweep took it for dead."""

    def test_finds_its_claim_gone_and_sends_nothing(self, put: Post, now: datetime) -> None:
        put()
        slow = outbox.claim(Lane.RECEIPT, now)
        let_leases_run_out(now)
        outbox.sweep(now)
        assert outbox.begin(slow, "network", now) == []

    def test_shares_a_message_with_nobody_when_another_has_claimed_it(self, put: Post, now: datetime) -> None:
        (message_id,) = put()
        slow = outbox.claim(Lane.RECEIPT, now)
        let_leases_run_out(now)
        outbox.sweep(now)
        other = outbox.claim(Lane.RECEIPT, now)
        assert [claimed.id for claimed in outbox.begin(slow, "network", now)] == [message_id]
        assert outbox.begin(other, "network", now) == []

    def test_calls_off_the_second_try_when_the_network_had_taken_the_first(
        self, sender: Outbox, network: Network, put: Post, now: datetime
    ) -> None:
        (message_id,), network.meanwhile = put(), lambda: _take_for_dead(now)
        drain(sender, now)
        assert row(message_id).state == State.SUBMITTED
        assert drain(sender, now + HOUR) == 0
        assert len(network.sent) == 1

    def test_calls_it_off_even_when_another_worker_has_claimed_it(
        self, sender: Outbox, network: Network, put: Post, now: datetime
    ) -> None:
        (message_id,), claimed = put(), []

        def meanwhile() -> None:
            _take_for_dead(now)
            claimed.extend(outbox.claim(Lane.RECEIPT, now + MINUTE))

        network.meanwhile = meanwhile
        drain(sender, now)
        assert row(message_id).state == State.SUBMITTED
        assert len(claimed) == 1
        assert outbox.begin(claimed, "network", now) == []

    def test_saves_the_networks_word_on_a_message_to_many(
        self, sender: Outbox, network: Network, put: Post, now: datetime
    ) -> None:
        (message_id,), network.meanwhile = put(lane=Lane.BULK), lambda: _take_for_dead(now)
        drain(sender, now)
        assert (row(message_id).state, row(message_id).provider_id) == (State.SUBMITTED, f"net-{message_id}")

    def test_brings_back_a_message_to_many_that_was_certainly_not_sent(
        self, sender: Outbox, network: Network, put: Post, now: datetime
    ) -> None:
        (message_id,), network.meanwhile = put(lane=Lane.BULK), lambda: _take_for_dead(now)
        network.answers = [refused(Policy.TRANSIENT)]
        drain(sender, now)
        assert row(message_id).state == State.QUEUED

    @pytest.mark.parametrize("first", [refused(policy) for policy in Policy], ids=lambda outcome: outcome.policy)
    def test_never_undoes_what_a_later_try_brought(
        self,
        sender: Outbox,
        citizens: Citizens,
        network: Network,
        put: Post,
        first: Refused,
        now: datetime,
    ) -> None:
        (message_id,), network.answers = put(), [first]
        second = Network(answers=[Accepted("second", None)])

        def meanwhile() -> None:
            _take_for_dead(now)
            drain(Outbox(citizens, Channels([second]), render, Log()), now + MINUTE)
            reports.report(reported("second", State.DELIVERED), now + MINUTE)

        network.meanwhile = meanwhile
        drain(sender, now)
        assert (row(message_id).state, row(message_id).provider_id) == (State.DELIVERED, "second")

    @pytest.mark.parametrize("first", [refused(policy) for policy in Policy], ids=lambda outcome: outcome.policy)
    def test_takes_nothing_from_the_worker_that_is_sending_it_now(
        self, sender: Outbox, network: Network, put: Post, first: Refused, now: datetime
    ) -> None:
        (message_id,), network.answers = put(), [first]

        def meanwhile() -> None:
            _take_for_dead(now)
            outbox.begin(outbox.claim(Lane.RECEIPT, now + MINUTE), "network", now)

        network.meanwhile = meanwhile
        drain(sender, now)
        assert (row(message_id).state, row(message_id).attempts) == (State.SENDING, 2)
        assert row(message_id).lease == heartbeat.current_tick() + LEASE_TICKS

    @pytest.mark.parametrize("second", [refused(policy) for policy in Policy], ids=lambda outcome: outcome.policy)
    def test_is_believed_when_the_network_took_the_first_try_whatever_it_says_of_the_second(
        self, sender: Outbox, citizens: Citizens, network: Network, put: Post, second: Refused, now: datetime
    ) -> None:
        (message_id,) = put()
        later = Network(name="later", answers=[second])

        def while_the_first_sends() -> None:
            _take_for_dead(now)
            later.meanwhile = lambda: outbox._write(*accepted_late)
            drain(Outbox(citizens, Channels([later]), render, Log()), now + MINUTE)

        network.meanwhile = while_the_first_sends
        first_try = outbox.Claimed(message_id, "", "", "", b"", 0, attempts=1, resent=False)
        accepted_late = (first_try, outbox._Settled(State.SUBMITTED, provider_id="first"), now)
        drain(sender, now)
        assert (row(message_id).state, row(message_id).resent) == (State.SUBMITTED, True)
        assert drain(sender, now + 2 * DAY) == 0

    @pytest.mark.parametrize("lane", [Lane.RECEIPT, Lane.BULK])
    @pytest.mark.parametrize("settled", [State.SUBMITTED, State.QUEUED, State.REJECTED])
    def test_is_heard_even_in_the_moment_between_the_sweeps_look_and_its_word(
        self, put: Post, lane: Lane, settled: State, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (message_id,) = put(lane=lane)
        (begun,) = outbox.begin(outbox.claim(lane, now), "network", now)
        let_leases_run_out(now)
        doubt = outbox._ambiguous

        def settled_first(*about: Any) -> Any:
            outbox._write(begun, outbox._Settled(settled), now)
            return doubt(*about)

        monkeypatch.setattr(outbox, "_ambiguous", settled_first)
        outbox.sweep(now)
        assert (row(message_id).state, row(message_id).resent) == (settled, False)


def test_settling_the_same_send_again_changes_nothing(
    sender: Outbox, put: Post, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection broke just after the commit."""
    (message_id,) = put()

    def twice(settle: Callable[[], list[Any]]) -> list[Any]:
        settle()
        reports.report(reported(f"net-{message_id}", State.DELIVERED), now)
        return settle()

    monkeypatch.setattr(database, "steady", twice)
    drain(sender, now)
    assert row(message_id).state == State.DELIVERED
    assert [one.messages for one in lines.spent(now.date().isoformat())] == [1]


def _take_for_dead(now: datetime) -> None:
    let_leases_run_out(now)
    outbox.sweep(now)


# Delivery reports


@pytest.mark.parametrize("state", sorted(FINALS - {State.WITHHELD}))
def test_a_report_settles_its_message(sender: Outbox, put: Post, state: State, now: datetime) -> None:
    (message_id,) = put()
    drain(sender, now)
    assert reports.report(reported(f"net-{message_id}", state), now + MINUTE)
    assert (row(message_id).state, row(message_id).settled_at) == (state, now + MINUTE)


def test_a_report_about_nothing_is_kept(put: Post, now: datetime) -> None:
    (message_id,) = put()
    assert not reports.report(reported("nobody", State.DELIVERED), now)
    assert DeliveryReport.get().provider_id == "nobody"
    assert row(message_id).state == State.QUEUED


def test_a_report_of_another_network_is_about_nothing(sender: Outbox, put: Post, now: datetime) -> None:
    (message_id,) = put()
    drain(sender, now)
    assert not reports.report(replace(reported(f"net-{message_id}", State.DELIVERED), provider="other"), now)
    assert row(message_id).state == State.SUBMITTED


def test_a_report_that_comes_before_the_send_is_settled_waits_for_it(
    sender: Outbox, network: Network, put: Post, now: datetime
) -> None:
    (message_id,) = put()
    network.meanwhile = lambda: reports.report(reported(f"net-{message_id}", State.DELIVERED), now)
    drain(sender, now)
    assert row(message_id).state == State.DELIVERED
    assert DeliveryReport.get().matched_at == now


def test_a_report_that_slipped_between_is_matched_by_the_sweep(
    sender: Outbox, put: Post, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (message_id,) = put()
    reports.report(reported(f"net-{message_id}", State.DELIVERED), now)
    with monkeypatch.context() as worker_dies_after_settling:
        worker_dies_after_settling.setattr(reports, "match", lambda *_: None)
        drain(sender, now)
    assert row(message_id).state == State.SUBMITTED
    assert outbox.sweep(now + MINUTE) == 1
    assert row(message_id).state == State.DELIVERED
    assert outbox.sweep(now + MINUTE) == 0


@pytest.mark.parametrize("lane", [Lane.RECEIPT, Lane.STATUS])
@pytest.mark.parametrize("is_early", [True, False])
def test_a_report_by_our_own_id_settles_what_was_in_doubt(
    sender: Outbox, network: Network, put: Post, lane: Lane, is_early: bool, now: datetime
) -> None:
    (message_id,) = put(lane=lane)

    def report() -> None:
        reports.report(reported(message_id, State.DELIVERED), now)

    network.answers = [Refused(Policy.AMBIGUOUS, "no-answer")]
    network.meanwhile = report if is_early else lambda: None
    drain(sender, now)
    if not is_early:
        report()
    assert (row(message_id).state, row(message_id).segments, row(message_id).sent_at) == (State.DELIVERED, 1, now)
    drain(sender, now + HOUR)
    assert len(network.sent) == 1


def test_a_report_by_our_own_id_settles_what_a_worker_took_with_it(put: Post, now: datetime) -> None:
    (message_id,) = put(lane=Lane.STATUS)
    outbox.begin(outbox.claim(Lane.STATUS, now), "network", now)
    assert not reports.report(reported(message_id, State.DELIVERED), now)
    let_leases_run_out(now)
    outbox.sweep(now)
    assert row(message_id).state == State.DELIVERED


# What a network may say of one message: where it stands, as often as it likes, and at the end one verdict
VERDICTS = st.sampled_from([State.DELIVERED, State.UNDELIVERABLE, State.EXPIRED, State.REJECTED, State.UNKNOWN])
STORIES = st.builds(
    lambda way, verdict, times: [*way, *[verdict] * times],
    st.lists(st.sampled_from([State.SUBMITTED, State.BUFFERED]), max_size=3),
    VERDICTS,
    st.integers(1, 3),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=STORIES, chance=st.randoms(use_true_random=False), early=st.integers(0, 6))
def test_reports_repeated_and_in_any_order_end_in_the_same_state_and_never_go_back(
    sender: Outbox,
    network: Network,
    put: Post,
    now: datetime,
    story: list[State],
    chance: Random,
    early: int,
) -> None:
    verdict = story[-1]
    chance.shuffle(story)
    (message_id,) = put()
    passed = [State.SENDING]

    def tell(states: list[State]) -> None:
        for state in states:
            reports.report(reported(f"net-{message_id}", state), now)
            passed.append(State(row(message_id).state))

    network.meanwhile = lambda: tell(story[:early])
    drain(sender, now)
    passed.append(State(row(message_id).state))
    tell(story[early:])
    assert passed[-1] is verdict
    assert all(after is before or before.may_become(after) for before, after in pairwise(passed))


@pytest.mark.parametrize(
    "story", list(permutations([State.SUBMITTED, State.UNDELIVERABLE, State.DELIVERED])), ids="-".join
)
def test_a_handset_that_got_the_message_outweighs_every_other_word(
    sender: Outbox, put: Post, story: tuple[State, ...], now: datetime
) -> None:
    (message_id,) = put()
    drain(sender, now)
    for state in story * 2:
        reports.report(reported(f"net-{message_id}", state), now)
    assert row(message_id).state == State.DELIVERED


def test_reports_at_once_never_step_back(sender: Outbox, put: Post, now: datetime) -> None:
    (message_id,) = put()
    drain(sender, now)
    said = [State.SUBMITTED, State.BUFFERED, State.DELIVERED, State.UNDELIVERABLE] * 2
    at_once(*[lambda state=state: reports.report(reported(f"net-{message_id}", state), now) for state in said])
    assert row(message_id).state == State.DELIVERED


def test_what_a_clock_ahead_of_time_put_off_is_due_when_it_is_put_back(
    sender: Outbox, put: Post, now: datetime
) -> None:
    (message_id,) = put(at=now + timedelta(days=300))
    assert drain(sender, now) == 0
    assert outbox.sweep(now) == 1
    assert drain(sender, now) == 1
    assert row(message_id).state == State.SUBMITTED


# The relay's heart


def test_heartbeats_are_counted_whoever_beats(bound: str, now: datetime) -> None:
    assert (heartbeat.current_tick(), heartbeat.last_beat()) == (0, None)
    counts = at_once(*[lambda: heartbeat.beat(now)] * 4)
    assert sorted(counts) == [1, 2, 3, 4]
    assert (heartbeat.current_tick(), heartbeat.last_beat()) == (4, now)


# What the database does


def test_nothing_on_the_way_of_a_message_reads_the_whole_table(
    sender: Outbox, put: Post, plans: list[str], now: datetime
) -> None:
    (message_id,) = put()
    outbox.anything_due(now)
    drain(sender, now)
    reports.report(reported(f"net-{message_id}", State.DELIVERED), now)
    outbox.sweep(now)
    assert {index for index in INDEXES if any(index in line for line in plans)} == INDEXES
    whole = [line for line in plans if re.match(r"\W*(SCAN|Seq Scan on) (message|delivery_report|citizen)\b", line)]
    assert not [line for line in whole if "USING" not in line]


INDEXES: Final = {
    "message_ready",
    "message_leased",
    "message_awaited",
    "message_mt",
    "delivery_report_unmatched",
}
