from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from peewee import IntegrityError

from cases.citizens import Caller, Citizens
from sms_gateway import outbox
from sms_gateway.gateway import State
from sms_gateway.message import SHELF_LIFE, Direction, Draft, Lane, Message, post, supersede, waiting
from store import database
from store.model import new_id
from tests.sms_gateway.conftest import row
from tests.together import at_once


def test_a_posted_message_waits_in_the_outbox_with_template_and_sealed_parameters(amina: Caller, now: datetime) -> None:
    params = {"ref": "482915633", "place": "Ng'ombe"}
    (message_id,) = post([Draft(amina, "received", params, language="sw")], now)
    message = row(message_id)
    assert (message.direction, message.state, message.lane) == (Direction.MT, State.QUEUED, Lane.RECEIPT)
    assert (message.template, message.language, message.due_at, message.attempts) == ("received", "sw", now, 0)
    assert json.loads(amina.key.open("message.body", message_id, message.body)) == params
    assert message.sent is None


def test_a_message_speaks_the_citizens_language_unless_told_otherwise(
    citizens: Citizens, amina: Caller, now: datetime
) -> None:
    citizens.set_language(amina.id, "sw")
    swahili = citizens.meet(amina.msisdn, now)
    drafts = [Draft(swahili, "help"), Draft(swahili, "help", language="en"), Draft(amina, "help")]
    assert [row(message_id).language for message_id in post(drafts, now)] == ["sw", "en", "en"]


@pytest.mark.parametrize(("lane", "days"), [(Lane.RECEIPT, 3), (Lane.STATUS, 3), (Lane.BULK, 1)], ids=str)
def test_every_lane_says_how_long_a_text_is_worth_sending(amina: Caller, lane: Lane, days: int, now: datetime) -> None:
    (message_id,) = post([Draft(amina, "help", lane=lane)], now)
    assert row(message_id).expires_at == now + timedelta(days=days)
    assert set(SHELF_LIFE) == set(Lane)


def test_what_is_posted_is_undone_with_its_transaction(amina: Caller, now: datetime) -> None:
    with suppress(ZeroDivisionError), database.transaction():
        post([Draft(amina, "help")] * 3, now)
        raise ZeroDivisionError
    assert Message.select().count() == 0


def test_posting_nothing_does_nothing(amina: Caller, now: datetime) -> None:
    assert post([], now) == []


def test_a_message_from_a_citizen_is_stored_once_by_the_networks_id(amina: Caller, now: datetime) -> None:
    _received(amina, "network", "1", now)
    _received(amina, "network", "2", now)
    _received(amina, "another", "1", now)
    with pytest.raises(IntegrityError):
        _received(amina, "network", "1", now)


def test_one_to_a_citizen_may_have_the_same_id_of_the_network(amina: Caller, now: datetime) -> None:
    _received(amina, "network", "1", now)
    (message_id,) = post([Draft(amina, "help")], now)
    Message.update(provider="network", provider_id="1").where(Message.id == message_id).execute()
    assert Message.select().where(Message.provider_id == "1").count() == 2


def _received(caller: Caller, provider: str, provider_id: str, now: datetime) -> None:
    Message.create(
        id=new_id(),
        direction=Direction.MO,
        state="received",
        citizen=caller.id,
        body=b"",
        created_at=now,
        provider=provider,
        provider_id=provider_id,
    )


# News that waits, and newer news


def news(caller: Caller, now: datetime, **more: Any) -> str:
    (message_id,) = post([Draft(caller, "moved", lane=Lane.STATUS, **more)], now)
    return message_id


def test_what_would_wake_people_waits_for_the_morning(amina: Caller, now: datetime) -> None:
    morning = now + timedelta(hours=9)
    message = row(news(amina, now, not_before=morning))
    assert (message.due_at, message.expires_at) == (morning, morning + SHELF_LIFE[Lane.STATUS])
    assert outbox.claim(Lane.STATUS, now) == []
    assert [one.id for one in outbox.claim(Lane.STATUS, morning)] == [message.id]


def test_a_morning_that_is_over_delays_nothing(amina: Caller, now: datetime) -> None:
    assert row(news(amina, now, not_before=now - timedelta(hours=1))).due_at == now


def test_only_news_that_nobody_claimed_is_waiting(citizens: Citizens, amina: Caller, now: datetime) -> None:
    claimed = news(amina, now)
    assert [one.id for one in outbox.claim(Lane.STATUS, now)] == [claimed]
    post([Draft(amina, "received")], now)
    post([Draft(amina, "notice", lane=Lane.BULK)], now)
    other = citizens.meet("+254722000002", now)
    ids = [news(amina, now), news(other, now), news(amina, now)]
    assert [one.id for one in waiting({amina.id})] == [ids[0], ids[2]]
    assert [one.id for one in waiting({amina.id, other.id})] == ids
    assert waiting(()) == []


def test_what_is_superseded_is_never_sent(amina: Caller, now: datetime) -> None:
    ids = [news(amina, now) for _ in range(3)]
    assert supersede(ids[:2], now) == 2
    assert [row(message_id).state for message_id in ids] == [State.SUPERSEDED, State.SUPERSEDED, State.QUEUED]
    assert row(ids[0]).settled_at == now
    assert [one.id for one in outbox.claim(Lane.STATUS, now)] == ids[2:]
    assert (supersede(ids[:2], now), supersede((), now)) == (0, 0)


def test_what_a_worker_holds_is_not_superseded(amina: Caller, now: datetime) -> None:
    message_id = news(amina, now)
    outbox.claim(Lane.STATUS, now)
    assert supersede([message_id], now) == 0
    assert row(message_id).state == State.CLAIMED


def test_a_message_is_either_superseded_or_claimed(citizens: Citizens, amina: Caller, now: datetime) -> None:
    """Workers claim while newer news comes in: nothing is sent that was superseded, nothing lost that was not."""
    ids = [news(amina, now) for _ in range(60)]

    def call_off() -> list[str]:
        gone: list[str] = []
        for _ in range(12):
            with database.transaction():
                old = [one.id for one in waiting({amina.id})][:5]
                assert supersede(old, now) == len(old), "they are held until the transaction ends"
                gone += old
        return gone

    def claim() -> list[str]:
        return [one.id for _ in range(6) for one in outbox.claim(Lane.STATUS, now, limit=5)]

    gone, more, *claimed = at_once(call_off, call_off, claim, claim)
    sent = [message_id for taken in claimed for message_id in taken]
    left = [one.id for one in waiting({amina.id})]
    assert sorted([*gone, *more, *sent, *left]) == sorted(ids)
