"""`./mlango sms history`, `ban`, `unban`, `bans` and `strangers`, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import click
import pytest
from flask import Flask

from cases import reference
from cases.models import Case
from menus import bans
from sms_gateway.gateway import Mo
from sms_gateway.message import Message
from store.clock import utcnow
from tests import box, commands
from tests.box import ASHA, LODGE, Handset, number_in, through
from ussd_app import wiring
from ussd_app.cli import history
from ussd_app.settings import Settings
from ussd_app.wiring import House

MASKED = "+2547••••••78"
WORDS = "Zumaridi street is dry"
COMMANDS = click.Group("sms", commands=history.commands)


@pytest.fixture
def app(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    environ = box.environ(tmp_path, database_url)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with box.application(Settings.load(environ)) as made:
        yield made


@pytest.fixture
def house(app: Flask) -> House:
    return wiring.build(Settings.load())


@pytest.fixture
def ref(app: Flask, house: House) -> str:
    """A case of Asha's, lodged by USSD; she texted about it, and was answered."""
    handset = Handset(through(app.test_client()))
    number = number_in(handset.dial(*LODGE))
    assert handset.text(WORDS) == 200
    house.outbox.drain(utcnow)
    return number


def texts(house: House, *words: str) -> None:
    for each in words:
        house.texting.receive(Mo("africastalking", f"{Message.select().count()}", ASHA, "38496", each, None), utcnow())


run = partial(commands.run, COMMANDS)
told = partial(commands.told, COMMANDS)
refusal = partial(commands.refusal, COMMANDS)


class TestHistory:
    def test_of_a_number_in_both_directions_with_every_state(self, ref: str) -> None:
        shown = told("history", "0712 345 678")
        assert "from citizen" in shown
        assert f"to citizen    received, en, {reference.shown(ref)}, 1 segment" in shown
        assert [
            state for state in ("queued", "sending", "submitted", "delivered", "handled") if state not in shown
        ] == []
        assert shown.endswith(f"{MASKED}: 3 messages.\n")

    def test_of_a_case(self, ref: str) -> None:
        assert told("history", reference.shown(ref)).endswith(f"Case {reference.shown(ref)}: 3 messages.\n")

    def test_no_word_and_no_number_is_shown_unasked(self, ref: str) -> None:
        shown = told("history", ASHA) + told("history", ref) + told("history", ASHA, "--json")
        assert "Zumaridi" not in shown
        assert "345678" not in shown
        assert "Reply to add" not in shown

    def test_the_words_are_shown_to_whoever_is_named_in_the_log(self, ref: str) -> None:
        result = run("history", ref, "--show", "--by", "wanjiku")
        assert f"| {WORDS}" in result.stdout
        assert "| Mlango: Complaint" in result.stdout
        assert all(fact in result.stderr for fact in ("messages_revealed", Case.get().id, "wanjiku"))

    def test_a_secret_case_is_not_named_beside_a_phone(self, ref: str) -> None:
        Case.update(visibility="confidential").execute()
        shown = told("history", ASHA)
        assert "secret" in shown
        assert reference.shown(ref) not in shown

    def test_json_tells_all_of_it(self, ref: str) -> None:
        first, *_ = told_of = json.loads(told("history", ASHA, "--json"))
        assert len(told_of) == 3
        assert (first["template"], first["language"], first["segments"], first["case"]) == (
            "received", "en", 1, reference.shown(ref),
        )  # fmt: skip
        assert first["states"][0]["state"] == "queued"
        assert first["states"][-1]["state"] == "delivered"

    def test_the_newest_so_many(self, ref: str) -> None:
        assert told("history", ASHA, "--limit", "1").endswith("1 message, older ones not shown.\n")

    def test_of_somebody_who_was_erased_only_the_frame_is_left(self, house: House, ref: str) -> None:
        house.citizens.forget(Case.get().__data__["citizen"])
        assert "Zumaridi" not in told("history", ref, "--show")

    def test_whom_we_do_not_know(self, house: House) -> None:
        assert refusal("history", "+254799999999") == "+2547••••••99 never wrote to us or called, or was erased."
        assert refusal("history", "12345").startswith("'12345' is not a phone number")

    def test_a_case_that_is_none(self, house: House) -> None:
        assert refusal("history", "482915633") == "There is no case 482-915-633."


class TestBans:
    def test_a_ban_its_list_and_its_end(self, house: House) -> None:
        assert told("ban", ASHA, "--for", "3d", "--why", "sells shoes").startswith(f"{MASKED} is banned until ")
        texts(house, "No water", "No water", "STATUS")
        shown = told("bans")
        assert "sells shoes" in shown
        assert shown.endswith("1 number banned; texts that wait: 3.\n")
        assert told("unban", ASHA) == (
            f"{MASKED} is listened to again.\nTexts of it that wait: 3. To act on them add --handle.\n"
        )
        assert "over" in told("bans"), "its texts still wait"
        assert told("unban", ASHA, "--handle", answer="y\n").endswith("handled: 2; copies: 1; failed: 0.\n")
        assert told("bans") == "0 numbers banned; texts that wait: 0.\n"
        assert Case.select().count() == 1

    def test_nothing_is_acted_on_without_a_yes(self, house: House) -> None:
        told("ban", ASHA, "--why", "x")
        texts(house, "No water")
        told("unban", ASHA, "--handle", answer="n\n")
        assert (Case.select().count(), bans.count_held()) == (0, 1)

    def test_numbers_are_shown_to_whoever_is_named_in_the_log(self, house: House) -> None:
        told("ban", ASHA, "--why", "x")
        assert ASHA not in told("bans") + told("bans", "--json")
        result = run("bans", "--show", "--by", "wanjiku")
        assert ASHA in result.stdout
        assert all(fact in result.stderr for fact in ("number_revealed", "wanjiku"))

    def test_json(self, house: House) -> None:
        told("ban", ASHA, "--why", "x", "--by", "asha")
        (one,) = json.loads(told("bans", "--json"))
        assert (one["number"], one["made_by"], one["why"], one["waiting"]) == (MASKED, "asha", "x", 0)

    def test_who_is_not_banned(self, house: House) -> None:
        house.citizens.meet(ASHA, utcnow())
        assert refusal("unban", ASHA) == refusal("unban", ASHA, "--handle") == f"{MASKED} is not banned."

    @pytest.mark.parametrize("span", ["0d", "7", "soon", "-1d"])
    def test_a_length_of_time_that_is_none(self, house: House, span: str) -> None:
        assert (
            "is no length of time; write 90m, 12h, 7d or 4w" in run("ban", ASHA, f"--for={span}", "--why", "x").output
        )

    def test_nobody_is_banned_for_ever(self, house: House) -> None:
        assert refusal("ban", ASHA, "--for", "99w", "--why", "x") == "A ban lasts 366 days at most."

    def test_a_ban_that_ran_out_is_over(self, house: House) -> None:
        caller = house.citizens.meet(ASHA, utcnow())
        bans.make(caller.id, utcnow() - timedelta(seconds=1), "x", "asha", utcnow() - timedelta(days=1))
        assert told("bans") == "0 numbers banned; texts that wait: 0.\n"
        assert refusal("unban", ASHA) == f"{MASKED} is not banned."


def test_strangers_are_listed_by_name(house: House) -> None:
    assert told("strangers") == "Nobody was turned away.\n"
    for number in range(2):
        house.texting.receive(Mo("gammu", f"{number}", "M-PESA", "38496", "QGH7K2L9XY Confirmed.", None), utcnow())
    _, line = told("strangers").splitlines()
    assert line.split()[:2] == ["M-PESA", "2"]
    assert json.loads(told("strangers", "--json"))[0]["by"] == "gammu"
