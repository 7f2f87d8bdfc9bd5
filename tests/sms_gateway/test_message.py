from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from peewee import IntegrityError

from cases.citizens import Caller, Citizens
from sms_gateway.gateway import State
from sms_gateway.message import SHELF_LIFE, Direction, Draft, Lane, Message, post
from store import database
from store.model import new_id
from tests.sms_gateway.conftest import row


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
