"""`./mlango outbox`, on both databases."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cases.citizens import Caller
from sms_gateway.gateway import State
from sms_gateway.message import Draft, Message, post
from store.clock import utcnow
from tests import box, commands
from tests.box import ASHA
from ussd_app import wiring
from ussd_app.cli.outbox import command
from ussd_app.settings import Settings
from ussd_app.wiring import House

MASKED = "+2547••••••78"


@pytest.fixture
def house(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    environ = box.environ(tmp_path, database_url)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load(environ)
    with box.application(settings):
        yield wiring.build(settings)


@pytest.fixture
def asha(house: House) -> Caller:
    return house.citizens.meet(ASHA, utcnow())


def put(who: Caller, state: State, template: str = "help", **facts: Any) -> str:
    """A message to her in this state; its id."""
    (message_id,) = post([Draft(who, template)], utcnow())
    Message.update(state=state, **facts).where(Message.id == message_id).execute()
    return message_id


run = partial(commands.run, command)
told = partial(commands.told, command)
refusal = partial(commands.refusal, command)


def state_of(message_id: str) -> str:
    state: str = Message.get_by_id(message_id).state
    return state


class TestList:
    def test_an_empty_outbox(self, house: House) -> None:
        assert told("list") == "No messages.\n"

    def test_the_newest_first_and_a_total_of_each_state(self, asha: Caller) -> None:
        ids = [put(asha, state) for state in (State.DELIVERED, State.REJECTED, State.QUEUED)]
        *lines, total = told("list").splitlines()
        assert [line.split()[0] for line in lines] == ["ID", *(one[:16] for one in reversed(ids))]
        assert total == "3 messages: queued 1, delivered 1, rejected 1; shown: 3."

    def test_it_fits_a_terminal_and_names_nobody(self, asha: Caller) -> None:
        put(asha, State.UNDELIVERABLE, "in_progress_anywhere", channel="gammu-safaricom")
        shown = told("list")
        assert max(map(len, shown.splitlines())) <= 80
        assert "345678" not in shown

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            (["--state", "queued"], 1),
            (["--state", "queued", "--state", "rejected"], 2),
            (["--dead"], 1),
            (["--lane", "receipt"], 3),
            (["--lane", "bulk"], 0),
            (["--channel", "kannel"], 1),
            (["--since", "1h"], 3),
            (["--limit", "2"], 2),
        ],
    )
    def test_only_what_is_asked_for(self, asha: Caller, asked: Sequence[str], found: int) -> None:
        put(asha, State.DELIVERED, channel="kannel")
        put(asha, State.REJECTED)
        put(asha, State.QUEUED)
        assert len(json.loads(told("list", *asked, "--json"))["messages"]) == found

    def test_what_is_older_than_asked_for_is_not_shown(self, asha: Caller) -> None:
        put(asha, State.DELIVERED, created_at=utcnow() - timedelta(days=3))
        assert told("list", "--since", "2d") == "No messages.\n"
        assert "1 message: delivered 1; shown: 1." in told("list")
        day = f"{utcnow() - timedelta(days=4):%Y-%m-%d}"
        assert "1 message: delivered 1" in told("list", "--since", day)

    def test_a_time_that_is_none(self, house: House) -> None:
        assert "write 90m, 12h, 7d or 4w" in run("list", "--since", "yesterday").output

    def test_json_tells_ids_codes_and_times(self, asha: Caller) -> None:
        message_id = put(asha, State.SUBMITTED, cost="KES 0.8000", segments=1)
        data = json.loads(told("list", "--json"))
        (one,) = data["messages"]
        assert (one["id"], one["template"], one["lane"], one["cost"]) == (message_id, "help", "receipt", "KES 0.8000")
        assert data["totals"] == {"submitted": 1}
        assert ASHA not in json.dumps(data)


class TestShow:
    def test_every_state_with_its_time(self, house: House, asha: Caller) -> None:
        post([Draft(asha, "help", language="sw")], utcnow())
        house.outbox.drain(utcnow)
        message_id = Message.get(Message.direction == "mt").id
        shown = told("show", message_id[:20])
        assert f"To         {MASKED}" in shown
        assert "help (sw), receipt" in shown
        states = re.findall(r"\d\d:\d\d:\d\d  (\w+)", shown)
        assert (states[0], states[-1]) == ("queued", "delivered")
        assert "STATUS" not in shown, "the text is masked"

    def test_the_text_is_shown_to_whoever_is_named_in_the_log(self, house: House, asha: Caller) -> None:
        post([Draft(asha, "help", language="en")], utcnow())
        house.outbox.drain(utcnow)
        message_id = Message.get(Message.direction == "mt").id
        result = run("show", message_id, "--show", "--by", "wanjiku")
        assert "STATUS = your cases" in result.stdout
        assert ASHA in result.stdout
        assert all(fact in result.stderr for fact in ("message_revealed", message_id, "wanjiku"))

    def test_what_waits_says_what_will_stand_in_it(self, asha: Caller) -> None:
        message_id = put(asha, State.QUEUED)
        assert "not sent yet; in it: {}" in told("show", message_id, "--show")
        assert "Due " in told("show", message_id)

    def test_why_it_failed(self, asha: Caller) -> None:
        message_id = put(asha, State.REJECTED, error="403 InvalidPhoneNumber")
        assert "Why        403 InvalidPhoneNumber" in told("show", message_id)

    @pytest.mark.parametrize(
        ("typed", "why"),
        [
            ("0192", "'0192' is no ID; give the first 8 signs of one or more, as `list` shows it."),
            ("zumaridi", "'zumaridi' is no ID; give the first 8 signs of one or more, as `list` shows it."),
            ("ffffffffff", "No message to a citizen has an ID that begins with ffffffffff."),
        ],
    )
    def test_an_id_that_is_none(self, house: House, typed: str, why: str) -> None:
        assert refusal("show", typed) == why

    def test_an_id_that_is_not_enough(self, asha: Caller) -> None:
        for last in "ab":
            Message.update(id=f"01234567{last * 24}").where(Message.id == put(asha, State.QUEUED)).execute()
        assert (
            refusal("show", "01234567") == "More than one message has an ID that begins with 01234567; give more of it."
        )

    def test_json(self, asha: Caller) -> None:
        data = json.loads(told("show", put(asha, State.QUEUED), "--json"))
        assert (data["to"], data["state"], data["states"][0]["state"]) == (MASKED, "queued", "queued")
        assert "text" not in data


class TestRetry:
    def test_what_was_given_up_is_sent_again_and_arrives(self, house: House, asha: Caller) -> None:
        message_id = put(asha, State.REJECTED)
        assert told("retry", message_id) == "1 message will be sent again.\n"
        house.outbox.drain(utcnow)
        assert state_of(message_id) == "delivered"

    def test_what_went_out_is_not(self, asha: Caller) -> None:
        assert told("retry", put(asha, State.DELIVERED)) == ("0 messages will be sent again; 1 was not given up.\n")

    def test_all_of_a_state_and_time(self, asha: Caller) -> None:
        old = put(asha, State.REJECTED, created_at=utcnow() - timedelta(days=2))
        new = [put(asha, State.REJECTED) for _ in range(3)]
        others = put(asha, State.EXPIRED)
        shown = told("retry", "--state", "rejected", "--since", "1d", answer="y\n")
        assert shown.endswith("3 messages will be sent again.\n")
        assert [state_of(one) for one in (*new, old, others)] == ["queued"] * 3 + ["rejected", "expired"]

    def test_it_asks_first(self, asha: Caller) -> None:
        message_id = put(asha, State.REJECTED)
        assert "Send 1 message again?" in told("retry", "--state", "rejected", answer="n\n")
        assert state_of(message_id) == "rejected"
        told("retry", "--state", "rejected", "--yes")
        assert state_of(message_id) == "queued"

    def test_there_may_be_none(self, house: House) -> None:
        assert told("retry", "--state", "rejected") == "There is no such message.\n"

    def test_which_ones_must_be_said_once(self, asha: Caller) -> None:
        why = "Name the messages to send again, or say with --state which ones."
        assert refusal("retry") == refusal("retry", put(asha, State.REJECTED), "--state", "rejected") == why


class TestDrop:
    def test_it_asks_and_says_why(self, asha: Caller) -> None:
        message_id = put(asha, State.QUEUED)
        shown = told("drop", message_id, "--why", "test messages", answer="y\n")
        assert f"{message_id[:16]}  queued  help" in shown
        assert shown.endswith("1 message let go of.\n")
        assert state_of(message_id) == "withheld"
        assert "Why        test messages" in told("show", message_id)

    def test_without_a_yes_nothing_happens(self, asha: Caller) -> None:
        message_id = put(asha, State.QUEUED)
        told("drop", message_id, "--why", "x", answer="n\n")
        assert state_of(message_id) == "queued"

    def test_what_is_on_its_way_is_left_alone(self, asha: Caller) -> None:
        message_id = put(asha, State.SENDING)
        shown = told("drop", message_id, "--why", "x", "--yes")
        assert shown.endswith("0 messages let go of; 1 went out or goes out just now.\n")
        assert state_of(message_id) == "sending"

    def test_what_was_let_go_of_can_be_brought_back(self, asha: Caller) -> None:
        message_id = put(asha, State.QUEUED)
        told("drop", message_id, "--why", "x", "--yes")
        told("retry", message_id)
        assert state_of(message_id) == "queued"
