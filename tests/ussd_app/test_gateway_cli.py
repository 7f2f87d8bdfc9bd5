"""`./mlango gateway`, on both databases: the simulated network, a modem's spool, and a channel that sends nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sms_gateway import lines, reports
from sms_gateway.gammu import Gammu
from sms_gateway.gateway import Accepted, Mt, Policy, Refused, Report, State
from sms_gateway.null import Null
from sms_gateway.simulator import HandsetMessage
from store import database
from store.clock import utcnow
from tests import box
from ussd_app import wiring
from ussd_app.cli.gateway import command
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

ASHA = "+254712345678"


@pytest.fixture(autouse=True)
def _box(bound: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("inbox", "outbox", "sent", "error"):
        (tmp_path / "spool" / name).mkdir(parents=True)
    given = {"sms_gateway": "simulator,gammu,null", "gammu_spool": str(tmp_path / "spool"), "sms_number_day": "20"}
    for name, value in box.environ(tmp_path / "home", bound, **given).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def asha() -> str:
    """A handset that is switched on."""
    house().citizens.meet(ASHA, utcnow())
    return ASHA


def house() -> Any:
    return wiring.build(Settings.load())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def refused(result: Result) -> tuple[str, ...]:
    assert isinstance(result.exception, Refusal), result.output
    return result.exception.faults


def listed() -> dict[str, dict[str, Any]]:
    return {one["channel"]: one for one in json.loads(run("list", "--json").output)}


def test_channels_are_listed_in_order_of_preference() -> None:
    head, *rows = run("list").output.splitlines()
    assert head.split("  ")[0] == "channel"
    assert [row.split()[0] for row in rows] == ["simulator", "gammu", "null"]
    assert [row.split()[1] for row in rows] == ["ok", "ok", "ok"]
    assert listed()["simulator"]["rate"] is None
    assert listed()["gammu"]["can"] == {"reports": True, "polls": True, "replies": True, "recipients": 1}


def test_a_test_message_is_followed_to_the_handset_and_counted(asha: str) -> None:
    result = run("test", asha, "--wait", "5")
    assert result.exit_code == 0, result.output
    first, *states = result.stdout.splitlines()
    assert first == "To +2547••••••78 through simulator: GSM-7, 1 part(s)."
    assert [line.split()[1] for line in states] == ["submitted", "delivered"]
    assert HandsetMessage.select().count() == 1
    assert listed()["simulator"]["today"]["messages"] == 1


def test_the_words_of_a_test_may_be_ones_own_and_long(asha: str) -> None:
    assert "UCS-2, 2 part(s)" in run("test", asha, "--text", "Mũgũnda " * 12, "--wait", "5").output


def test_a_channel_may_be_chosen_and_is_tested_though_it_is_paused(asha: str) -> None:
    run("pause", "null")
    result = run("test", asha, "--channel", "null")
    assert result.exit_code == 0
    assert "through null" in result.output
    assert "does not report what becomes of it" in result.output


def test_a_test_goes_through_the_first_channel_that_is_not_paused(asha: str) -> None:
    run("pause", "simulator")
    run("pause", "gammu")
    assert "through null" in run("test", asha).output
    run("pause", "null")
    assert refused(run("test", asha)) == (
        "Every channel for this number is paused (simulator, gammu, null); choose one with --channel.",
    )


def test_a_report_that_comes_through_the_service_is_told(asha: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def sends(_: Gammu, batch: list[Mt]) -> list[Accepted]:
        for state, word in ((State.SUBMITTED, "SendingOK"), (State.UNDELIVERABLE, "Failed")):
            reports.report(Report("gammu", batch[0].id, state, word, None, None), utcnow())
        return [Accepted(batch[0].id, "KES 0.8000")]

    monkeypatch.setattr(Gammu, "send", sends)
    result = run("test", asha, "--channel", "gammu", "--wait", "5")
    assert result.exit_code == 1
    assert [line.split("  ")[1].split()[0] for line in result.stdout.splitlines()[1:]] == [
        "submitted",
        "submitted",
        "undeliverable",
    ]
    assert "KES 0.8000" in result.output
    assert listed()["gammu"]["today"] == {"messages": 1, "segments": 1, "cost": 0.8, "currency": "KES"}


def test_a_report_that_does_not_come_is_waited_for_only_so_long(asha: str) -> None:
    result = run("test", asha, "--channel", "gammu", "--wait", "0")
    assert result.exit_code == 1
    assert "no last word after 0 s: is ./mlango up running, and can the network reach it?" in result.output


def test_a_refusal_is_told_in_words(asha: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Null, "send", lambda *_: [Refused(Policy.CHANNEL, "http-401", "wrong key")])
    result = run("test", asha, "--channel", "null")
    assert "refused: http-401 wrong key" in result.output
    assert refused(result) == ("null refused it: the account or the link is at fault; nothing was sent.",)
    assert listed()["null"]["today"]["messages"] == 0


@pytest.mark.parametrize("number", ["MPESA", "22141", ""])
def test_what_is_no_number_is_refused(number: str) -> None:
    assert "is not a phone number" in refused(run("test", number))[0]


def test_a_channel_is_paused_and_sends_again() -> None:
    told = run("pause", "gammu", "--for", "2h", "--why", "the SIM card is being changed", "--by", "Amina").output
    assert told.startswith("gammu is paused until ")
    line = lines.states(["gammu"])["gammu"]
    assert line.paused_until is not None
    assert timedelta(hours=1.9) < line.paused_until - utcnow() <= timedelta(hours=2)
    shown = run("list").output
    assert "paused until" in shown
    assert "gammu: the SIM card is being changed (Amina)" in shown
    assert listed()["gammu"]["state"] == "paused"
    assert run("resume", "gammu").output == "gammu sends again.\n"
    assert listed()["gammu"]["state"] == "ok"


def test_a_channel_that_fails_says_so() -> None:
    with database.transaction():
        lines.failed("gammu", "outbox-full", utcnow() - timedelta(hours=2), at_fault=False)
    assert "failing (1 times)" in run("list").output


@pytest.mark.parametrize(
    "arguments", [("pause", "carrier"), ("resume", "carrier"), ("test", ASHA, "--channel", "carrier")]
)
def test_an_unknown_channel_is_refused_with_the_known_ones(arguments: tuple[str, ...]) -> None:
    assert refused(run(*arguments)) == ("There is no channel 'carrier'; there are: simulator, gammu, null.",)
