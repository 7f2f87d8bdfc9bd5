"""Several channels, limits, and what an operator does by hand: where a message goes, when, and what is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Lock

import pytest

from cases.citizens import Caller, Citizens
from sms_gateway import by_hand, lines, outbox, reports
from sms_gateway.channels import Channels, parse_routes
from sms_gateway.gateway import Accepted, Policy, Refused, Report, State
from sms_gateway.history import Passed, steps
from sms_gateway.limits import NO_LIMITS, Limits, Price, Quiet
from sms_gateway.message import Draft, Lane, Message, post, supersede
from sms_gateway.outbox import Outbox
from store import database
from tests.sms_gateway.conftest import Log, Network, Post, let_leases_run_out, render, row
from tests.together import at_once

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FAULT, DOWN = Refused(Policy.CHANNEL, "401", "wrong key"), Refused(Policy.TRANSIENT, "refused")
DOUBT, SLOWER = Refused(Policy.AMBIGUOUS, "time-out"), Refused(Policy.TRANSIENT, "429", throttled=True)


@dataclass(slots=True)
class World:
    """Two networks, a clock that sleeping moves on, and the outbox between them."""

    citizens: Citizens
    now: datetime
    kannel: Network = field(default_factory=lambda: Network("kannel"))
    gammu: Network = field(default_factory=lambda: Network("gammu"))
    alerts: Log = field(default_factory=Log)
    slept: list[float] = field(default_factory=list)
    moving: Lock = field(default_factory=Lock)

    def outbox(self, rules: str = "", limits: Limits = NO_LIMITS, **rates: float) -> Outbox:
        channels = Channels([self.kannel, self.gammu], parse_routes(rules, ["kannel", "gammu"]), rates)
        return Outbox(
            self.citizens,
            channels,
            render,
            Log(),
            limits,
            jitter=lambda _, most: most,
            alert=self.alerts,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_by(timedelta(seconds=seconds))

    def pass_by(self, time: timedelta) -> None:
        with self.moving:
            self.now += time

    def drain(self, sender: Outbox) -> int:
        return sender.drain(lambda: self.now)


@pytest.fixture
def world(citizens: Citizens, now: datetime) -> World:
    return World(citizens, now)


@pytest.fixture
def many(citizens: Citizens, now: datetime) -> Callable[..., list[str]]:
    """Put one message each to so many citizens into the outbox."""

    def many(count: int, lane: Lane = Lane.RECEIPT) -> list[str]:
        callers = [citizens.meet(f"+2547120{number:05d}", now) for number in range(count)]
        with database.transaction():
            return post([Draft(one, "number", {"n": str(n)}, lane=lane) for n, one in enumerate(callers)], now)

    return many


Many = Callable[..., list[str]]


def reported(message_id: str, state: State, channel: str = "kannel") -> Report:
    return Report(channel, f"net-{message_id}", state, f"raw {state}", None, None)


# Which channel


def test_a_rule_sends_each_message_through_its_channel(world: World, put: Post) -> None:
    (answer,), (news,) = put(), put(lane=Lane.BULK)
    world.drain(world.outbox("lane=bulk: gammu"))
    assert [mt.id for mt in world.kannel.sent] == [answer]
    assert [mt.id for mt in world.gammu.sent] == [news]
    assert (row(answer).provider, row(news).provider) == ("kannel", "gammu")


def test_a_message_bound_to_a_channel_takes_no_other(world: World, amina: Caller) -> None:
    (message_id,) = post([Draft(amina, "number", {"n": "1"}, channel="gammu")], world.now)
    world.gammu.answers = [DOWN]
    sender = world.outbox()
    world.drain(sender)
    world.pass_by(MINUTE)
    world.drain(sender)
    assert world.kannel.sent == []
    assert (row(message_id).state, row(message_id).attempts) == (State.SUBMITTED, 2)


def test_a_message_whose_channel_is_gone_takes_another(world: World, amina: Caller) -> None:
    post([Draft(amina, "number", {"n": "1"}, channel="africastalking")], world.now)
    assert world.drain(world.outbox()) == 1
    assert len(world.kannel.sent) == 1


# Failover


@pytest.mark.parametrize("refusal", [DOWN, FAULT], ids=["transient", "channel"])
def test_what_one_channel_certainly_did_not_take_goes_to_the_next_at_once(
    world: World, put: Post, refusal: Refused
) -> None:
    (message_id,), world.kannel.answers = put(), [refusal]
    world.drain(world.outbox())
    assert [mt.id for mt in world.gammu.sent] == [message_id]
    assert (row(message_id).state, row(message_id).provider, row(message_id).attempts) == (State.SUBMITTED, "gammu", 2)


def test_what_one_channel_may_have_sent_never_goes_to_another(world: World, put: Post) -> None:
    (message_id,), world.kannel.answers = put(), [DOUBT, DOUBT]
    sender = world.outbox()
    for _ in range(5):
        world.drain(sender)
        world.pass_by(HOUR)
    assert len(world.kannel.sent) == 2
    assert world.gammu.sent == []
    assert (row(message_id).state, row(message_id).channel) == (State.SENDING, "kannel")


def test_a_receipt_in_doubt_waits_for_its_channel_however_long_it_is_paused(world: World, put: Post) -> None:
    (message_id,), world.kannel.answers = put(), [DOUBT]
    sender = world.outbox()
    world.drain(sender)
    lines.pause("kannel", "repairs", world.now + HOUR)
    world.pass_by(HOUR - SECOND)
    world.drain(sender)
    assert (row(message_id).state, world.gammu.sent) == (State.QUEUED, [])
    world.pass_by(SECOND)
    world.drain(sender)
    assert (row(message_id).state, len(world.kannel.sent)) == (State.SUBMITTED, 2)


def test_a_message_whose_worker_died_stays_with_the_channel_it_was_sent_through(
    world: World, put: Post, now: datetime
) -> None:
    (message_id,) = put()
    outbox.begin(outbox.claim(Lane.RECEIPT, now), "gammu", now)
    let_leases_run_out(now)
    outbox.sweep(now)
    world.pass_by(MINUTE)
    world.drain(world.outbox())
    assert (world.kannel.sent, [mt.id for mt in world.gammu.sent]) == ([], [message_id])


def test_when_every_channel_refused_it_all_are_tried_again_after_a_while(world: World, put: Post) -> None:
    (message_id,), world.kannel.answers, world.gammu.answers = put(), [DOWN], [DOWN]
    sender = world.outbox()
    world.drain(sender)
    waiting = row(message_id)
    assert (waiting.state, waiting.tried, waiting.attempts) == (State.QUEUED, None, 2)
    assert waiting.due_at == world.now + 10 * SECOND
    world.pass_by(10 * SECOND)
    world.drain(sender)
    assert len(world.kannel.sent) == 2
    assert row(message_id).state == State.SUBMITTED


@pytest.mark.parametrize("policy", [Policy.PERMANENT, Policy.SUPPRESS, Policy.DEFER])
def test_what_is_the_recipients_affair_is_so_on_every_channel(world: World, put: Post, policy: Policy) -> None:
    put()
    world.kannel.answers = [Refused(policy, "403")]
    world.drain(world.outbox())
    assert world.gammu.sent == []


def test_a_rule_that_says_only_lets_no_other_channel_stand_in(world: World, put: Post) -> None:
    put()
    world.kannel.answers = [FAULT]
    sender = world.outbox("prefix=+254: kannel only")
    world.drain(sender)
    assert world.gammu.sent == []
    world.pass_by(5 * MINUTE)
    world.drain(sender)
    assert len(world.kannel.sent) == 2


# A channel that fails


def test_a_fault_pauses_the_channel_twice_as_long_each_time_and_alerts_once(world: World, many: Many) -> None:
    many(1)
    world.kannel.answers = [FAULT] * 6
    sender, rests = world.outbox("prefix=+254: kannel only"), []
    for _ in range(6):
        assert world.drain(sender) == 1
        paused_until = lines.states(["kannel"])["kannel"].paused_until or world.now
        rests.append((paused_until - world.now) // MINUTE)
        world.now = max(paused_until, row(Message.get().id).due_at or world.now)
    assert rests == [5, 10, 20, 40, 60, 60]
    assert world.alerts.events == ["channel_paused"]
    assert world.alerts.lines[0][1]["reason"] == "401 wrong key"


def test_a_channel_that_may_work_again_is_tried_with_one_message_first(world: World, many: Many) -> None:
    many(30)
    world.kannel.answers = [FAULT] * 11
    sender = world.outbox("prefix=+254: kannel only")
    world.drain(sender)
    assert len(world.kannel.sent) == 10
    world.pass_by(5 * MINUTE)
    world.drain(sender)
    assert len(world.kannel.sent) == 11
    world.pass_by(10 * MINUTE)
    world.drain(sender)
    world.pass_by(SECOND)
    world.drain(sender)
    assert Message.select().where(Message.state == State.SUBMITTED).count() == 30


def test_the_others_carry_everything_while_one_rests(world: World, many: Many) -> None:
    ids = many(30)
    world.kannel.answers = [DOWN] * 10
    assert world.drain(world.outbox()) == 40  # ten of them twice
    assert len(world.gammu.sent) == 30
    assert {row(one).provider for one in ids} == {"gammu"}


def test_a_line_that_is_down_alerts_when_it_failed_three_times_and_again_after_it_worked(
    world: World, put: Post
) -> None:
    sender = world.outbox("prefix=+254: kannel only")
    for _ in range(2):
        put(at=world.now)
        world.kannel.answers = [DOWN] * 5
        while world.kannel.answers:
            world.drain(sender)
            world.pass_by(5 * MINUTE)
        world.drain(sender)
    assert world.alerts.events == ["channel_paused"] * 2
    assert lines.states(["kannel"])["kannel"].is_well(world.now)


def test_numbers_that_cannot_be_reached_are_no_fault_of_the_channel(world: World, many: Many) -> None:
    many(10)
    world.kannel.answers = [Refused(Policy.PERMANENT, "403")] * 10
    world.drain(world.outbox())
    assert lines.states(["kannel"])["kannel"] == lines.Line("kannel")


def test_one_recipient_without_credit_left_pauses_the_channel_though_others_were_taken(
    world: World, many: Many
) -> None:
    many(3)
    world.kannel.answers = [Accepted("1", None), FAULT]
    world.drain(world.outbox())
    assert lines.states(["kannel"])["kannel"].is_paused(world.now)
    assert len(world.gammu.sent) == 1


def test_what_somebody_paused_stays_paused_until_then_or_until_somebody_resumes_it(world: World, put: Post) -> None:
    put()
    sender = world.outbox()
    lines.pause("kannel", "repairs", world.now + HOUR)
    lines.pause("gammu", "repairs", world.now + DAY)
    assert not sender.ready(world.now)
    assert world.drain(sender) == 0
    lines.resume("gammu")
    assert sender.ready(world.now)
    assert world.drain(sender) == 1
    assert len(world.gammu.sent) == 1


def test_a_pause_that_a_clock_ahead_of_time_began_is_over_when_it_is_put_back(world: World, put: Post) -> None:
    lines.failed("kannel", "401", world.now + 2 * DAY, at_fault=True)
    put()
    world.drain(world.outbox())
    assert len(world.kannel.sent) == 1
    lines.failed("gammu", "401", world.now + 2 * DAY, at_fault=True)
    again = lines.failed("gammu", "401", world.now, at_fault=True)
    assert again.paused_until == world.now + 10 * MINUTE


def test_what_waits_for_a_slow_channel_comes_back_one_by_one_and_lets_the_others_pass(world: World, many: Many) -> None:
    many(10)
    (news,) = many(1, Lane.STATUS)
    world.drain(world.outbox("lane=receipt: gammu only", gammu=0.2))
    assert (len(world.gammu.sent), row(news).state) == (1, State.SUBMITTED)
    waiting = Message.select().where(Message.state == State.QUEUED).order_by(Message.id)
    due = [message.due_at for message in waiting]
    assert [after - before for before, after in pairwise(due)] == [4 * SECOND, *[5 * SECOND] * 7]


def test_what_was_on_its_way_when_somebody_paused_the_channel_changes_nothing(world: World, put: Post) -> None:
    put(2)
    world.kannel.meanwhile = lambda: lines.pause("kannel", "repairs", world.now + DAY)
    world.kannel.answers = [DOWN, DOWN]
    world.drain(world.outbox())
    lines.works("kannel")
    line = lines.states(["kannel"])["kannel"]
    assert (line.paused_until, line.reason) == (world.now + DAY, "repairs")


def test_at_the_end_of_a_pause_that_somebody_ordered_nothing_is_on_trial(world: World, many: Many) -> None:
    many(10)
    lines.failed("kannel", "401", world.now, at_fault=True)
    lines.pause("kannel", "repairs", world.now + HOUR)
    world.pass_by(HOUR)
    batches: list[int] = []
    world.kannel.meanwhile = lambda: batches.append(len(world.kannel.sent))
    world.drain(world.outbox())
    assert batches == [10]


# How fast


def test_a_channel_is_given_no_more_in_a_second_than_a_fifth_under_its_contract(world: World, many: Many) -> None:
    many(200)
    began = world.now
    assert world.drain(world.outbox("prefix=+254: kannel only", kannel=50)) == 200
    assert timedelta(seconds=4.5) <= world.now - began <= timedelta(seconds=5.5)
    assert max(world.slept) <= 0.251


def test_workers_share_the_tokens_of_a_channel(world: World, many: Many) -> None:
    many(60)
    began = world.now
    at_once(*[lambda: world.drain(world.outbox("prefix=+254: kannel only", kannel=50))] * 3)
    seconds = (world.now - began).total_seconds()
    assert 10 < len(world.kannel.sent) <= 10 + 40 * seconds
    assert len({mt.id for mt in world.kannel.sent}) == len(world.kannel.sent)


def test_who_would_have_to_wait_long_for_a_token_is_woken_again(world: World, many: Many) -> None:
    many(2)
    sender = world.outbox("prefix=+254: gammu only", gammu=0.2)
    lines.pause("kannel", "no contract", world.now + DAY)
    assert world.drain(sender) == 1
    assert world.slept == [0.0]
    assert not sender.ready(world.now + 5 * SECOND)
    world.pass_by(7 * SECOND)
    assert sender.ready(world.now)
    assert world.drain(sender) == 1


def test_a_network_that_says_slower_gets_half_as_much(world: World, many: Many) -> None:
    many(10)
    world.kannel.answers = [SLOWER]
    sender = world.outbox("prefix=+254: kannel only", kannel=50)
    world.drain(sender)
    line = lines.states(["kannel"])["kannel"]
    assert line.bucket(50, world.now).rate(world.now) == pytest.approx(20, rel=0.1)
    assert line.failures == 0
    assert world.gammu.sent == []


def test_a_network_that_only_says_slower_is_not_down(world: World, many: Many) -> None:
    many(10)
    world.kannel.answers = [SLOWER] * 10
    sender = world.outbox("prefix=+254: kannel only", kannel=50)
    world.drain(sender)
    line = lines.states(["kannel"])["kannel"]
    assert (line.failures, line.tokens) == (0, 0)
    assert world.alerts.events == []


def test_what_a_network_throttled_waits_for_it_and_goes_nowhere_else(world: World, put: Post) -> None:
    (message_id,), world.kannel.answers = put(), [SLOWER]
    sender = world.outbox()
    world.drain(sender)
    assert (row(message_id).state, world.gammu.sent) == (State.QUEUED, [])


def test_one_number_gets_its_messages_three_seconds_apart_and_in_order(world: World, put: Post) -> None:
    put(4)
    sender, times = world.outbox(limits=Limits(spacing=3 * SECOND)), []
    world.kannel.meanwhile = lambda: times.append(world.now)
    began = world.now
    while world.now < began + 12 * SECOND:
        world.drain(sender)
        world.pass_by(SECOND / 2)
    assert world.kannel.texts == ["number 0", "number 1", "number 2", "number 3"]
    assert [(time - began) // SECOND for time in times] == [0, 3, 6, 9]
    assert {one.attempts for one in Message.select()} == {1}


def test_two_workers_keep_the_distance_between_them(world: World, put: Post, now: datetime) -> None:
    put(12)
    sender = world.outbox(limits=Limits(spacing=3 * SECOND))
    world.drain(sender)
    Message.update(due_at=now).execute()  # all at once, to both
    at_once(*[lambda: world.outbox(limits=Limits(spacing=3 * SECOND)).drain(lambda: now + 3 * SECOND)] * 2)
    assert len(world.kannel.sent) == 2


def test_others_do_not_wait_for_a_number_that_gets_many(world: World, put: Post, many: Many) -> None:
    put(5)
    ids = many(3)
    world.drain(world.outbox(limits=Limits(spacing=3 * SECOND)))
    assert {row(one).state for one in ids} == {State.SUBMITTED}


# When, and how much


def test_news_wait_for_the_morning_and_answers_do_not(world: World, put: Post) -> None:
    world.now = datetime(2026, 11, 22, 22, tzinfo=UTC)
    (answer,), (news,) = put(at=world.now), put(at=world.now, lane=Lane.STATUS)
    sender = world.outbox(limits=Limits(quiet=Quiet(21, 7)))
    world.drain(sender)
    assert (row(answer).state, row(news).state) == (State.SUBMITTED, State.QUEUED)
    assert not sender.ready(world.now)
    world.now = datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert sender.ready(world.now)
    world.drain(sender)
    assert row(news).state == State.SUBMITTED


def test_the_budget_of_the_day_ends_bulk_then_news_then_receipts_and_alerts_once(
    world: World, citizens: Citizens, now: datetime
) -> None:
    sender, sent = world.outbox(limits=Limits(day=20)), []
    for lane in (Lane.BULK, Lane.STATUS, Lane.RECEIPT):
        for number in range(30):
            post([Draft(citizens.meet(f"+25471300{lane}{number:03d}", now), "number", {"n": "1"}, lane=lane)], now)
        world.drain(sender)
        sent.append(len(world.kannel.sent))
        assert not sender.ready(world.now)
    assert sent == [16, 20, 24]
    assert world.alerts.events == ["budget_nearly_spent"]
    assert sender.ready(world.now + DAY)


def test_a_number_gets_no_more_than_its_budget_and_answers_last_longest(world: World, put: Post) -> None:
    answers, news = put(8), put(8, lane=Lane.STATUS)
    sender = world.outbox(limits=Limits(number_day=10))
    Message.update(due_at=world.now + HOUR).where(Message.lane == Lane.RECEIPT).execute()
    world.drain(sender)
    assert [row(one).state for one in news] == [State.SUBMITTED] * 7 + [State.QUEUED]
    world.pass_by(HOUR)
    world.drain(sender)
    assert [row(one).state for one in answers] == [State.SUBMITTED] * 3 + [State.WITHHELD] * 5
    assert row(answers[-1]).error == "over the number's budget of the day"
    assert row(news[-1]).due_at == datetime.combine(world.now.date() + DAY, datetime.min.time(), UTC)


def test_what_was_refused_counts_for_no_budget_and_what_may_have_left_does(world: World, many: Many) -> None:
    many(3)
    world.kannel.answers = [Accepted("1", "KES 0.8000"), DOUBT, Refused(Policy.PERMANENT, "403")]
    sender = world.outbox(limits=Limits(number_day=20, tariff=Price("KES", 10_000)))
    world.drain(sender)
    assert lines.spent(sender.limits.day_of(world.now)) == [lines.Spent("kannel", 2, 2, 18_000, "KES")]


def test_where_the_network_names_no_price_the_tariff_counts_by_parts(world: World, amina: Caller) -> None:
    (message_id,) = post([Draft(amina, "number", {"n": "x" * 200})], world.now)
    world.kannel.answers = [Accepted("1", None)]
    sender = world.outbox(limits=Limits(tariff=Price("KES", 8_000)))
    world.drain(sender)
    assert (row(message_id).segments, row(message_id).cost) == (2, "KES 1.6000")
    (spent,) = lines.spent(sender.limits.day_of(world.now))
    assert (spent.segments, spent.cost) == (2, 16_000)


# Who does not want it


def test_after_stop_queued_news_stay_away_and_the_answer_goes(
    world: World, citizens: Citizens, put: Post, amina: Caller
) -> None:
    (answer,), (news,), (many,) = put(), put(lane=Lane.STATUS), put(lane=Lane.BULK)
    citizens.stop(amina.id, world.now)
    world.drain(world.outbox())
    assert [row(one).state for one in (answer, news, many)] == [State.SUBMITTED, State.WITHHELD, State.WITHHELD]
    assert (row(news).error, row(news).settled_at, row(news).lease) == ("they sent STOP", world.now, None)


def test_news_that_was_claimed_before_the_stop_stays_away_too(
    world: World, citizens: Citizens, put: Post, amina: Caller
) -> None:
    (answer,), (news,) = put(), put(lane=Lane.STATUS)
    claimed = [*outbox.claim(Lane.RECEIPT, world.now), *outbox.claim(Lane.STATUS, world.now)]
    citizens.stop(amina.id, world.now)
    assert [row.id for row in outbox.begin(claimed, "kannel", world.now)] == [answer]
    let_leases_run_out(world.now)
    outbox.sweep(world.now)
    world.drain(world.outbox())
    assert row(news).state == State.WITHHELD


def test_whom_the_network_blocks_is_stopped_and_known_as_blocked_until_they_text(
    world: World, citizens: Citizens, put: Post, amina: Caller
) -> None:
    put()
    world.kannel.answers = [Refused(Policy.SUPPRESS, "406")]
    world.drain(world.outbox())
    found = citizens.by_id([amina.id])[amina.id]
    assert (found.blocked, found.stopped) == (True, True)
    citizens.unblock(amina.id)
    found = citizens.by_id([amina.id])[amina.id]
    assert (found.blocked, found.stopped) == (False, True)


# What is written down


def passed(message_id: str) -> list[str]:
    return [step.state for step in steps([message_id]).get(message_id, ())]


def test_every_state_of_a_message_has_its_time_and_channel(world: World, put: Post) -> None:
    (message_id,), world.kannel.answers = put(), [DOWN]
    began = world.now
    world.drain(world.outbox())
    reports.report(reported(message_id, State.DELIVERED, "gammu"), began + MINUTE)
    assert steps([message_id])[message_id] == (
        Passed("sending", began, "kannel"),
        Passed("queued", began, "kannel", "refused"),
        Passed("sending", began, "gammu"),
        Passed("submitted", began, "gammu"),
        Passed("delivered", began + MINUTE, "gammu", "raw delivered"),
    )


def test_only_what_happened_is_noted(world: World, put: Post) -> None:
    (message_id,) = put()
    world.drain(world.outbox())
    for state in (State.DELIVERED, State.DELIVERED, State.SUBMITTED, State.REJECTED):
        reports.report(reported(message_id, state), world.now)
    assert passed(message_id) == ["sending", "submitted", "delivered"]


def test_what_was_put_back_for_a_limit_was_never_touched(world: World, put: Post) -> None:
    first, second = put(2)
    world.drain(world.outbox(limits=Limits(spacing=3 * SECOND)))
    waiting = row(second)
    assert (waiting.attempts, waiting.channel, waiting.lease, passed(second)) == (0, None, None, [])
    assert passed(first) == ["sending", "submitted"]


def test_ends_that_no_network_spoke_are_noted_too(world: World, put: Post, now: datetime) -> None:
    (old,), (broken,), (superseded,), (silent,) = put(lane=Lane.BULK), put(template="broken"), put(), put()
    supersede([superseded], now)
    world.pass_by(2 * DAY)
    world.drain(world.outbox())
    outbox.sweep(world.now + 4 * DAY)
    assert [passed(one)[-1] for one in (old, broken, superseded, silent)] == [
        "expired",
        "rejected",
        "superseded",
        "unknown",
    ]


# By hand


@pytest.mark.parametrize("policy", [Policy.PERMANENT, Policy.SUPPRESS])
def test_a_dead_letter_can_be_sent_again(world: World, put: Post, policy: Policy) -> None:
    (message_id,), world.kannel.answers = put(), [Refused(policy, "403", "no such number")]
    sender = world.outbox()
    world.drain(sender)
    world.pass_by(10 * DAY)
    assert by_hand.retry(message_id, world.now)
    assert row(message_id).expires_at == world.now + 3 * DAY
    assert world.drain(sender) == 1
    assert (row(message_id).state, row(message_id).resent, row(message_id).error) == (State.SUBMITTED, False, None)
    assert passed(message_id) == ["sending", "rejected", "queued", "sending", "submitted"]


@pytest.mark.parametrize("state", [State.UNKNOWN, State.UNDELIVERABLE])
def test_what_may_have_arrived_is_marked_when_it_is_sent_again(world: World, put: Post, state: State) -> None:
    (message_id,) = put()
    sender = world.outbox()
    world.drain(sender)
    reports.report(reported(message_id, state), world.now)
    assert by_hand.retry(message_id, world.now)
    world.drain(sender)
    assert (row(message_id).state, row(message_id).resent, len(world.kannel.sent)) == (State.SUBMITTED, True, 2)


def test_what_is_alive_or_arrived_is_not_sent_again(world: World, put: Post) -> None:
    waiting, sent, arrived = put()[0], put()[0], put()[0]
    Message.update(state=State.SUBMITTED).where(Message.id == sent).execute()
    Message.update(state=State.DELIVERED).where(Message.id == arrived).execute()
    assert [by_hand.retry(one, world.now) for one in (waiting, sent, arrived, "nobody")] == [False] * 4


def test_what_waits_or_is_given_up_can_be_dropped_with_a_reason(world: World, put: Post) -> None:
    waiting, dead, sent = put(3)
    Message.update(state=State.REJECTED).where(Message.id == dead).execute()
    Message.update(state=State.SUBMITTED).where(Message.id == sent).execute()
    assert [by_hand.drop(one, world.now, "wrong text to 0712345678") for one in (waiting, dead, sent)] == [
        True,
        True,
        False,
    ]
    assert (row(waiting).state, row(dead).state) == (State.WITHHELD, State.WITHHELD)
    assert "0712345678" not in (row(waiting).error or "")
    assert world.drain(world.outbox()) == 0
    assert not by_hand.drop(waiting, world.now, "again")


def test_what_is_sent_again_has_72_hours_anew_for_its_report(world: World, put: Post) -> None:
    (message_id,) = put(lane=Lane.STATUS)
    world.drain(world.outbox())
    world.pass_by(reports.REPORT_WINDOW + SECOND)
    outbox.sweep(world.now)
    assert row(message_id).state == State.UNKNOWN
    assert by_hand.retry(message_id, world.now)
    world.drain(world.outbox())
    outbox.sweep(world.now + MINUTE)
    assert row(message_id).state == State.SUBMITTED


def test_what_was_dropped_can_be_taken_up_again(world: World, put: Post) -> None:
    (message_id,) = put()
    by_hand.drop(message_id, world.now, "wait for the minister")
    assert by_hand.retry(message_id, world.now)
    assert world.drain(world.outbox()) == 1
