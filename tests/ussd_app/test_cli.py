"""The command line: quick to help, and clear when it fails."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from peewee import OperationalError

from ussd_app import cli
from ussd_app.cli import failure
from ussd_app.refusal import Refusal
from ussd_app.settings import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ussd_app", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_help_lists_the_commands_and_hides_what_only_the_supervisor_runs() -> None:
    shown = CliRunner().invoke(cli.mlango, ["--help"]).output
    assert [name for name, entry in cli.COMMANDS.items() if f"\n  {name} " in shown] == [
        name for name, entry in cli.COMMANDS.items() if entry.help
    ]
    assert "relay" not in shown


@pytest.mark.parametrize("command", ["--help", "up --help", "phone --help", "test --help"])
def test_help_and_the_supervisor_load_none_of_the_service(command: str) -> None:
    loud = f"import sys; sys.argv[1:] = {command.split()}; from ussd_app.cli import main\ntry: main()\nfinally: "
    heavy = loud + "print(sorted({'flask', 'peewee', 'rq', 'redis', 'phonenumbers'} & sys.modules.keys()))"
    shown = subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.endswith("[]\n")


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_that_is_listed_exists_and_explains_itself(name: str) -> None:
    module, _, attribute = cli.COMMANDS[name].place.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.help


def test_an_unknown_command_is_one_sentence() -> None:
    refused = run("upp")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("Error: No such command 'upp'")


def test_a_refusal_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    def refuse() -> None:
        raise Refusal("The first reason.", "The second one.")

    monkeypatch.setattr(cli, "mlango", refuse)
    monkeypatch.setattr(sys, "argv", ["mlango"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "mlango: The first reason.\nmlango: The second one.\n"


def test_an_unforeseen_error_is_one_sentence_and_its_traceback_a_masked_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLANGO_HOME", str(tmp_path))
    monkeypatch.delenv("MLANGO_DEBUG", raising=False)
    sentence = failure.explain(ValueError("about +254712345678"))
    reference = sentence.split("reference ")[1][:8]
    kept = (tmp_path / "log" / "errors.log").read_text()
    assert sentence == (
        f"This failed unexpectedly (ValueError, reference {reference}). Details: {tmp_path}/log/errors.log"
    )
    assert kept.startswith(f"{reference}\n")
    assert "ValueError: about +2547••••••78" in kept
    assert capsys.readouterr().err == ""


def test_a_database_that_is_away_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLANGO_HOME", str(tmp_path))
    sentence = failure.explain(OperationalError("connection refused"))
    assert sentence.startswith("The database failed or cannot be reached (reference ")


def test_the_traceback_is_shown_to_those_who_ask_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLANGO_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("MLANGO_DEBUG", "1")
    assert failure.explain(ValueError("why")).endswith("MLANGO_DEBUG=1 shows the details.")
    assert "ValueError: why" in capsys.readouterr().err


def test_arguments_of_test_go_to_pytest_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, argv: ran.append(argv))
    monkeypatch.setattr(os, "chdir", lambda folder: ran.append([str(folder)]))
    CliRunner().invoke(cli.mlango, ["test", "-k", "outbox and not redis", "-x", "tests/ussd_app"])
    folder, command = ran
    assert folder == [str(ROOT)]
    assert command[:5] == [sys.executable, "-m", "pytest", "-n", "auto"]
    assert command[-4:] == ["-k", "outbox and not redis", "-x", "tests/ussd_app"]
