from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cases.citizens import Caller, Citizens
from cases.models import Citizen
from sms_gateway import outbox, simulator
from sms_gateway.channels import Channels
from sms_gateway.gateway import Accepted, Mt, Policy, Refused, State
from sms_gateway.message import Lane
from sms_gateway.outbox import Outbox
from sms_gateway.simulator import HandsetMessage, Simulator
from store.sealing import Unreadable
from tests.sms_gateway.conftest import Log, Post, let_leases_run_out, render, row


@pytest.fixture
def handsets(citizens: Citizens, now: datetime) -> Simulator:
    return Simulator(citizens, "38496", lambda: now)


def test_a_message_lies_in_its_handsets_inbox(handsets: Simulator, amina: Caller, now: datetime) -> None:
    (taken,) = handsets.send([Mt("1", amina.msisdn, "Tumepokea lalamiko.", None)])
    assert isinstance(taken, Accepted)
    assert handsets.inbox(amina.msisdn) == [
        {
            "id": taken.provider_id,
            "from": "38496",
            "text": "Tumepokea lalamiko.",
            "segments": 1,
            "sent_at": now.isoformat(timespec="seconds"),
        }
    ]


def test_the_sender_of_a_message_is_its_own_where_it_has_one(handsets: Simulator, amina: Caller) -> None:
    handsets.send([Mt("1", amina.msisdn, "a", "MLANGO")])
    assert [sms["from"] for sms in handsets.inbox(amina.msisdn)] == ["MLANGO"]


def test_a_long_text_counts_its_segments(handsets: Simulator, amina: Caller) -> None:
    handsets.send([Mt("1", amina.msisdn, "a" * 161, None)])
    assert [sms["segments"] for sms in handsets.inbox(amina.msisdn)] == [2]


def test_a_text_at_rest_is_sealed(handsets: Simulator, amina: Caller) -> None:
    handsets.send([Mt("1", amina.msisdn, "Hakuna maji", None)])
    assert b"maji" not in HandsetMessage.get().text


def test_an_inbox_is_its_owners_and_ends_with_the_newest(citizens: Citizens, amina: Caller, now: datetime) -> None:
    juma, times = citizens.meet("+254798765432", now), iter(now + timedelta(minutes=minute) for minute in range(4))
    handsets = Simulator(citizens, "38496", lambda: next(times))
    for caller, text in ((amina, "first"), (juma, "his"), (amina, "second"), (amina, "third")):
        handsets.send([Mt(text, caller.msisdn, text, None)])
    assert [sms["text"] for sms in handsets.inbox(amina.msisdn)] == ["first", "second", "third"]
    assert handsets.inbox("+254700000000") == []


def test_an_inbox_shows_its_newest_messages_only(
    handsets: Simulator, amina: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulator, "INBOX_SIZE", 2)
    handsets.send([Mt(str(number), amina.msisdn, str(number), None) for number in range(5)])
    assert len(handsets.inbox(amina.msisdn)) == 2


def test_a_number_that_never_called_has_no_handset(handsets: Simulator, amina: Caller) -> None:
    outcomes = handsets.send([Mt("1", "+254700000000", "a", None), Mt("2", amina.msisdn, "b", None)])
    assert outcomes[0] == Refused(Policy.PERMANENT, "no-such-handset")
    assert isinstance(outcomes[1], Accepted)


def test_what_it_takes_is_delivered(handsets: Simulator, citizens: Citizens, put: Post, now: datetime) -> None:
    ids = put(25)
    assert Outbox(citizens, Channels([handsets]), render, Log()).drain(lambda: now) == 25
    assert {row(message_id).state for message_id in ids} == {State.DELIVERED}
    assert len(handsets.inbox("+254712345678")) == 25


def test_a_message_sent_twice_arrives_twice(
    handsets: Simulator, citizens: Citizens, amina: Caller, put: Post, now: datetime
) -> None:
    """The worker died after the network had taken it."""
    put()
    (claimed,) = outbox.begin(outbox.claim(Lane.RECEIPT, now), "simulator", now)
    handsets.send([Mt(claimed.id, amina.msisdn, "number 0", None)])
    let_leases_run_out(now)
    outbox.sweep(now)
    Outbox(citizens, Channels([handsets]), render, Log()).drain(lambda: now + timedelta(minutes=1))
    assert [sms["text"] for sms in handsets.inbox(amina.msisdn)] == ["number 0", "number 0"]
    assert row(claimed.id).resent


def test_a_send_that_fails_delivers_nothing(
    handsets: Simulator, citizens: Citizens, amina: Caller, now: datetime
) -> None:
    juma = citizens.meet("+254798765432", now)
    Citizen.update(data_key=b"\x04lost").where(Citizen.id == juma.id).execute()
    with pytest.raises(Unreadable):
        handsets.send([Mt("1", amina.msisdn, "a", None), Mt("2", juma.msisdn, "b", None)])
    assert handsets.inbox(amina.msisdn) == []
