"""`./mlango modem check`, with gammu's dummy phone and with programs that are not there or do not end."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sms_gateway import lines
from sms_gateway.gammu import IDLE_AFTER
from sms_gateway.spool import Outgoing
from store import database
from store.clock import utcnow
from store.model import new_id
from tests import box
from tests.sms_gateway.smsd import Daemon
from ussd_app.cli import modem
from ussd_app.cli.modem import command
from ussd_app.refusal import Refusal

real = pytest.mark.debian("gammu")


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path / "spool")


@pytest.fixture(autouse=True)
def _box(bound: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, daemon: Daemon) -> None:
    given = {"sms_gateway": "gammu,simulator", "gammu_spool": str(daemon.folder)}
    for name, value in box.environ(tmp_path / "home", bound, **given).items():
        monkeypatch.setenv(name, value)


def check(daemon: Daemon, *more: str) -> Result:
    return CliRunner().invoke(command, ["check", "--config", str(daemon.folder / "smsdrc"), *more])


def said(result: Result) -> dict[str, str]:
    """What is said of each thing, by its name; advice is left out."""
    found = [line.split(maxsplit=1) for line in result.output.splitlines() if not line.startswith(" ")]
    return {about: f"{verdict} {words}" for verdict, rest in found for about, words in [_parted(rest)]}


def _parted(rest: str) -> tuple[str, str]:
    about, _, words = rest.partition("  ")
    return about, words.strip()


@real
def test_a_modem_and_its_daemon_are_looked_at(daemon: Daemon) -> None:
    result = check(daemon)
    lines_ = said(result)
    assert lines_["Port"] == f"ok Gammu Dummy at {daemon.folder}/phone"
    assert lines_["PIN"] == "ok nothing to enter"
    assert lines_["Signal"] == "ok 42 %, 42 dBm"
    assert lines_["Operator"] == "ok GammuT3l"
    assert lines_["SIM storage"].startswith("ok 0 of ")
    assert lines_["Clock"].startswith("ok this box and the network agree")
    assert lines_["Airtime"] == "warn the operator says: Reply for *144#"
    assert lines_["Daemon file"] == "ok set as Mlango needs it"
    assert lines_["Spool"] == "ok 0 waiting, 0 to be tried again, 0 put aside"
    assert lines_["Messages"] == "ok 200 of 200 messages left today (0 sent)"
    assert result.exit_code == 1


@pytest.fixture
def without_gammu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


@pytest.mark.usefixtures("without_gammu")
def test_without_gammu_one_is_told_so_and_the_rest_is_looked_at(daemon: Daemon) -> None:
    result = check(daemon)
    assert said(result)["Port"] == "fail gammu does not answer"
    assert "apt install gammu" in result.output
    assert said(result)["Spool"].startswith("ok")
    assert result.exit_code == 2


@pytest.mark.usefixtures("without_gammu")
def test_what_was_sent_through_the_modem_today_is_counted(daemon: Daemon) -> None:
    today = utcnow() + timedelta(hours=3)
    with database.transaction():
        lines.spend(today.date().isoformat(), "gammu", 90, 170, None)
        lines.spend(today.date().isoformat(), "simulator", 90, 170, None)
    assert said(check(daemon))["Messages"] == "warn 30 of 200 messages left today (170 sent)"
    assert said(check(daemon, "--per-day", "1000"))["Messages"] == "ok 830 of 1000 messages left today (170 sent)"


@pytest.mark.usefixtures("without_gammu")
def test_what_waits_and_what_failed_is_seen(daemon: Daemon) -> None:
    now = utcnow()
    (daemon.folder / "mlango" / "aside").mkdir(parents=True)
    (daemon.folder / "mlango" / "aside" / "IN20261123_091500_00_Safaricom_00.txt").touch()
    assert said(check(daemon))["Spool"] == "ok 0 waiting, 0 to be tried again, 1 put aside"
    (daemon.folder / "error" / Outgoing(new_id(), now, 0).name).touch()
    assert said(check(daemon))["Spool"] == "warn 0 waiting, 1 to be tried again, 1 put aside"
    (daemon.folder / "outbox" / Outgoing(new_id(), now - IDLE_AFTER - timedelta(minutes=1), 0).name).touch()
    assert said(check(daemon))["Spool"] == "fail 1 waiting, 1 to be tried again, 1 put aside"


@pytest.mark.usefixtures("without_gammu")
def test_a_spool_that_is_not_there_is_a_fault(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = check(daemon, "--spool", str(tmp_path / "empty"))
    assert said(result)["Spool"] == f"fail {tmp_path}/empty: No such file or directory"


@pytest.mark.usefixtures("without_gammu")
def test_of_several_modems_one_is_chosen(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLANGO_GAMMU_SPOOL", f"safaricom={daemon.folder},airtel=/nowhere")
    refusal = check(daemon).exception
    assert isinstance(refusal, Refusal)
    assert refusal.faults == ("There are several modems; choose one with --channel: gammu-safaricom, gammu-airtel.",)
    assert said(check(daemon, "--channel", "gammu-safaricom"))["Spool"].startswith("ok")
    assert isinstance(check(daemon, "--channel", "gammu").exception, Refusal)


def test_a_program_that_does_not_end_is_stopped_and_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modem, "_PATIENCE_S", 1.0)
    hanging = "import time; print('Service reply', flush=True); time.sleep(60)"
    answer = modem._run((sys.executable, "-c", hanging), None)
    assert (answer.code, answer.text) == (None, "Service reply\n")


def test_a_program_is_stopped_as_soon_as_it_said_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modem, "_PATIENCE_S", 60.0)
    hanging = "import time; print('Service reply', flush=True); time.sleep(60)"
    assert modem._run((sys.executable, "-c", hanging), "reply").text == "Service reply\n"
