"""The outbox as an operator sees it, and everything that passed between us and a citizen."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import pytest

import packs
from cases.casework import Casework
from cases.citizens import Caller, Citizens
from cases.models import Case
from sms_gateway import history, reports
from sms_gateway.gateway import Accepted, Policy, Refused, Report, State
from sms_gateway.history import DEAD, Listed, Passed, Wanted
from sms_gateway.message import Direction, Draft, Lane, Message, MessageStep, post
from sms_gateway.outbox import Outbox
from store import database
from store.model import new_id
from tests.cases.conftest import lodging
from tests.sms_gateway.conftest import Network, Post

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
STATES: Final = tuple(State)


@pytest.fixture
def ids(put: Post) -> list[str]:
    """A message in each state, in the order of `State`."""
    made = put(len(STATES))
    for message_id, state in zip(made, STATES, strict=True):
        Message.update(state=state).where(Message.id == message_id).execute()
    return made


def found(wanted: Wanted) -> list[str]:
    return [one.id for one in history.listing(wanted)]


def test_the_newest_messages_come_first_and_no_more_than_asked_for(ids: list[str]) -> None:
    assert found(Wanted()) == ids[::-1]
    assert [one.id for one in history.listing(Wanted(), limit=2)] == ids[:-3:-1]


@pytest.mark.parametrize("state", STATES)
def test_messages_are_found_by_their_state(ids: list[str], state: State) -> None:
    (one,) = history.listing(Wanted(states=[state]))
    assert (one.id, one.state) == (ids[STATES.index(state)], state)


def test_dead_letters_are_those_that_nobody_sends_and_nobody_got(ids: list[str]) -> None:
    assert {one.state for one in history.listing(Wanted(states=DEAD))} == DEAD
    assert all(state.final for state in DEAD)
    assert State.DELIVERED not in DEAD


def test_messages_are_found_by_lane_channel_and_time(put: Post, now: datetime) -> None:
    (early,), (late,), (bulk,) = put(), put(at=now + HOUR), put(lane=Lane.BULK)
    Message.update(channel="kannel").where(Message.id == late).execute()
    Message.update(channel="kannel", provider="gammu").where(Message.id == bulk).execute()
    assert found(Wanted(lane=Lane.RECEIPT)) == [late, early]
    assert found(Wanted(channel="kannel")) == [late]
    assert found(Wanted(channel="gammu")) == [bulk]
    assert found(Wanted(since=now + SECOND)) == [late]
    assert found(Wanted(states=[State.QUEUED], lane=Lane.RECEIPT, since=now + SECOND)) == [late]


def test_a_tally_counts_by_state_what_a_listing_would_show(ids: list[str], put: Post) -> None:
    put(3)
    assert history.tally(Wanted()) == dict.fromkeys(STATES, 1) | {State.QUEUED: 4}
    assert history.tally(Wanted(states=[State.REJECTED])) == {State.REJECTED: 1}
    assert history.tally(Wanted(lane=Lane.BULK)) == {}


def test_what_citizens_wrote_is_not_in_the_outbox(amina: Caller, now: datetime) -> None:
    _wrote(amina, "Maji hakuna", now)
    assert history.listing(Wanted()) == []
    assert history.tally(Wanted()) == {}


def test_a_message_knows_everything_but_its_words(sender: Outbox, put: Post, amina: Caller, now: datetime) -> None:
    (message_id,) = put()
    sender.drain(lambda: now + MINUTE)
    assert history.find(message_id) == Listed(
        id=message_id,
        direction=Direction.MT,
        citizen_id=amina.id,
        case_id=None,
        ref=None,
        template="number",
        language="en",
        lane=Lane.RECEIPT,
        state=State.SUBMITTED,
        attempts=1,
        channel="network",
        provider_id=f"net-{message_id}",
        created_at=now,
        due_at=now,
        expires_at=now + timedelta(days=3),
        sent_at=now + MINUTE,
        settled_at=None,
        handled_at=None,
        segments=1,
        cost="KES 0.8000",
        error=None,
        resent=False,
    )
    assert history.find("nobody") is None


def test_the_history_of_a_citizen_has_both_directions_and_every_state_with_its_time(
    sender: Outbox, network: Network, put: Post, amina: Caller, now: datetime
) -> None:
    mo = _wrote(amina, "Maji hakuna", now, handled_at=now + SECOND)
    (mt,) = put(at=now + SECOND)
    network.answers = [Refused(Policy.TRANSIENT, "busy")]
    for wait in (2, 8):
        sender.drain(lambda wait=wait: now + wait * SECOND)  # type: ignore[misc]
    reports.report(Report("network", f"net-{mt}", State.DELIVERED, "DELIVRD", None, None), now + MINUTE)
    theirs, ours = history.history(citizen=amina.id)
    assert (theirs.row.id, theirs.steps) == (
        mo,
        (Passed("received", now, "network"), Passed("handled", now + SECOND)),
    )
    assert amina.key.open("message.body", mo, theirs.body) == "Maji hakuna"
    assert ours.steps == (
        Passed("queued", now + SECOND),
        Passed("sending", now + 2 * SECOND, "network"),
        Passed("queued", now + 2 * SECOND, "network", "busy"),
        Passed("sending", now + 8 * SECOND, "network"),
        Passed("submitted", now + 8 * SECOND, "network"),
        Passed("delivered", now + MINUTE, "network", "DELIVRD"),
    )
    assert amina.key.open("message.sent", mt, ours.sent or b"") == "number 0"
    assert "number 0" not in repr(ours)


def test_a_text_that_is_not_handled_yet_was_only_received(amina: Caller, now: datetime) -> None:
    _wrote(amina, "Maji hakuna", now)
    (one,) = history.history(citizen=amina.id)
    assert one.steps == (Passed("received", now, "network"),)


def test_a_history_is_that_of_one_citizen_or_one_case_with_the_newest_last(
    citizens: Citizens, amina: Caller, now: datetime, case: Case
) -> None:
    brian = citizens.meet("+254722222222", now)
    drafts = [Draft(amina, "a", case_id=case.id), Draft(brian, "b", case_id=case.id), Draft(amina, "c")]
    for number, draft in enumerate(drafts):
        post([draft], now + number * SECOND)

    def told(**about: str) -> list[str | None]:
        return [one.row.template for one in history.history(**about)]  # type: ignore[arg-type]

    assert told(citizen=amina.id) == ["a", "c"]
    assert told(case=case.id) == ["a", "b"]
    assert [one.row.template for one in history.history(citizen=amina.id, limit=1)] == ["c"]
    assert history.history(case=case.id)[0].row.ref == case.ref


def test_what_is_erased_with_a_message_are_its_steps_too(sender: Outbox, put: Post, now: datetime) -> None:
    (message_id,) = put()
    sender.drain(lambda: now)
    Message.delete().where(Message.id == message_id).execute()
    assert MessageStep.select().count() == 0


def test_a_step_says_nothing_of_a_person(sender: Outbox, network: Network, put: Post, now: datetime) -> None:
    (message_id,) = put()
    network.answers = [Refused(Policy.TRANSIENT, "no +254712345678" + "x" * 90, "+254712345678 is off")]
    sender.drain(lambda: now)
    network.answers = [Accepted("1", None)]
    sender.drain(lambda: now + MINUTE)
    reports.report(Report("network", "1", State.REJECTED, "rejected for 0712345678", None, None), now)
    assert all("712345678" not in (step.detail or "") for step in history.steps([message_id])[message_id])


def test_nothing_that_is_shown_reads_the_whole_table(
    sender: Outbox, put: Post, amina: Caller, now: datetime, plans: list[str]
) -> None:
    put()
    sender.drain(lambda: now)
    plans.clear()
    history.listing(Wanted(states=DEAD, since=now))
    history.history(citizen=amina.id)
    history.history(case=new_id())
    used = {"message_dead", "message_citizen", "message_case", "messagestep_message_id_at"}
    assert {index for index in used if any(index in line for line in plans)} == used
    whole = [line for line in plans if re.match(r"\W*(SCAN|Seq Scan on) (m|message|message_step)\b", line)]
    assert not [line for line in whole if "USING" not in line]


@pytest.fixture
def case(citizens: Citizens, amina: Caller, now: datetime) -> Case:
    """A case of Amina's."""
    return Casework(packs.current, citizens, []).apply(lodging(amina, "test:1"), now).case


def _wrote(caller: Caller, text: str, at: datetime, handled_at: datetime | None = None) -> str:
    """A citizen's text, as it is stored."""
    message_id = new_id()
    with database.transaction():
        Message.create(
            id=message_id,
            direction=Direction.MO,
            state="handled" if handled_at else "received",
            citizen=caller.id,
            body=caller.key.seal("message.body", message_id, text),
            created_at=at,
            handled_at=handled_at,
            provider="network",
            provider_id=message_id,
        )
    return message_id
