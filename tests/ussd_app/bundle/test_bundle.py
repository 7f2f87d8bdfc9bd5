"""A bundle from end to end: made of a commit, run where there is no network, brought up to date."""

from __future__ import annotations

import io
import platform
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.ussd_app.bundle.conftest import HERE, Project, fresh, silently
from ussd_app.bundle import making
from ussd_app.bundle.programs import Programs
from ussd_app.cli import bundle as cli
from ussd_app.refusal import Refusal

Run = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Bundles:
    """One of the same commit without programs and one with some, as the maker names them."""

    commit: making.Commit
    plain: Path
    with_python: Path


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundles]:
    folder = tmp_path_factory.mktemp("stick")
    with fresh(folder) as project:
        commit = project.commit()
        plain = making.make(commit, HERE, Programs(), folder / "mlango.run", silently)
        programs = Programs(("python3", "python3-venv"), "debian 12")
        with_python = making.make(commit, HERE, programs, folder / "with python.run", silently)
        yield Bundles(commit, plain.file, with_python.file)


def names_in(bundle: Path) -> list[str]:
    content = bundle.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content[content.index(b"\nexit\n") + 6 :])) as payload:
        return payload.getnames()


def pretend(folder: Path, **programs: str) -> str:
    """A PATH on which these programs are other ones: shell scripts."""
    folder.mkdir()
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_it_installs_serves_and_is_brought_up_to_date_without_any_network(
    project: Project, tmp_path: Path, run: Run
) -> None:
    there = tmp_path / "home of asha" / "mlango"
    first = project.bundle(tmp_path / "first one.run")
    installed = run("sh", first, HOME=str(there.parent))
    assert installed.returncode == 0, installed.stderr
    assert installed.stderr.splitlines()[0].startswith("mlango: unpacking Mlango 0.1.0-")
    assert installed.stderr.splitlines()[-1].endswith(f" is ready. Start it:  {there}/mlango up")
    assert run(there / "mlango", "up").stdout == "1.0 ['up']\n"

    (there / "var").mkdir()
    (there / "var" / "mlango.sqlite3").write_text("cases")
    project.asks_for("2.0")
    upgraded = run("sh", project.bundle(tmp_path / "second.run", when=1_800_000_001), "--to", there)
    assert upgraded.returncode == 0, upgraded.stderr
    assert "mlango: It takes the place of Mlango 0.1.0-" in upgraded.stderr
    assert run(there / "mlango", "up").stdout == "2.0 ['up']\n"
    assert (there / "var" / "mlango.sqlite3").read_text() == "cases"
    assert [wheel.name for wheel in (there / "wheelhouse").glob("*.whl")] == ["hello-2.0-py3-none-any.whl"]

    refused = run("sh", first, "--to", there)
    assert (refused.returncode, "which is newer" in refused.stderr) == (1, True)
    assert run(there / "mlango", "up").stdout == "2.0 ['up']\n"


def test_it_holds_what_was_committed_and_nothing_else(project: Project, tmp_path: Path) -> None:
    project.write(".gitignore", "var/\n")
    project.commit()
    project.write("var/keys.env", "MLANGO_MASTER_KEYS=secret\n")
    project.write("notes.txt", "not committed\n")
    project.write("packs/ke/offices.csv", "changed since\n")
    assert making.uncommitted(project.root) == 2
    commit = making.head(project.root)
    assert commit.files["packs/ke/offices.csv"].read() == b"nairobi\n"
    assert names_in(making.make(commit, HERE, Programs(), tmp_path / "x.run", silently).file) == [
        ".gitignore",
        "bundle.json",
        "mlango",
        "packs/ke/offices.csv",
        "pyproject.toml",
        "requirements-bootstrap.lock",
        "requirements.lock",
        "ussd_app/__main__.py",
        "ussd_app/bundle/settle.py",
        "wheelhouse/hello-1.0-py3-none-any.whl",
        "wheelhouse/pythons",
    ]


def test_the_same_commit_gives_the_same_file_and_leaves_no_other(bundles: Bundles, tmp_path: Path) -> None:
    again = making.make(bundles.commit, HERE, Programs(), tmp_path / "again.run", silently)
    assert again.file.read_bytes() == bundles.plain.read_bytes()
    assert (again.size, again.sha256) == (again.file.stat().st_size, sha256(again.file.read_bytes()).hexdigest())
    assert [file.name for file in tmp_path.glob("again*")] == ["again.run"]


@pytest.mark.parametrize("harm", ["cut short", "one bit"])
def test_a_damaged_copy_installs_nothing(harm: str, bundles: Bundles, tmp_path: Path, run: Run) -> None:
    whole = run("sh", bundles.plain, "--check")
    assert whole.stderr == f"mlango: {bundles.plain} is whole: Mlango {bundles.commit.version}.\n"
    content, copy = bytearray(bundles.plain.read_bytes()), tmp_path / "copy.run"
    if harm == "cut short":
        del content[-100:]
    else:
        content[-100] ^= 1
    copy.write_bytes(content)
    for arguments in (["--check"], ["--to", tmp_path / "there"]):
        refused = run("sh", copy, *arguments)
        assert refused.returncode == 1
        assert refused.stderr == f"mlango: {copy} is damaged or incomplete; copy it again.\n"
    assert not (tmp_path / "there").exists()


def test_a_machine_of_another_kind_is_told_so(bundles: Bundles, tmp_path: Path, run: Run) -> None:
    path = pretend(tmp_path / "bin", uname="echo riscv64")
    refused = run("sh", bundles.plain, "--to", tmp_path / "there", PATH=path)
    assert refused.stderr == f"mlango: this file is for {HERE.machine}; this machine is riscv64.\n"
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("aboard", [False, True])
def test_a_machine_without_the_right_python_is_told_which_and_whether_it_is_aboard(
    aboard: bool, bundles: Bundles, tmp_path: Path, run: Run
) -> None:
    file = bundles.with_python if aboard else bundles.plain
    pythons = {f"python3{version}": "exit 1" for version in ("", ".11", ".12", ".13", ".14")}
    refused = run("sh", file, "--to", tmp_path / "there", PATH=pretend(tmp_path / "bin", **pythons))
    needed = f"Python {HERE.pythons[0]} is needed; install the packages python3 and python3-venv and run this again."
    hint = [f"mlango: This file brings it: sudo sh {file} --programs"] if aboard else []
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[1:] == [f"mlango: {needed}", *hint]
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize(
    ("served", "found"),
    [("3.9 or {here}", "python"), ("3.98 or 3.99", "mlango: Python 3.98 or 3.99 is needed; install")],
)
def test_the_interpreter_is_one_that_the_wheelhouse_serves(served: str, found: str, project: Project, run: Run) -> None:
    project.write("wheelhouse/pythons", served.format(here=HERE.pythons[0]) + "\n")
    asked = run("sh", project.root / "mlango", "--find-python")
    assert found in asked.stdout + asked.stderr
    assert asked.returncode == (0 if found == "python" else 1)


def test_help_says_what_it_is_and_a_wrong_word_is_an_error(bundles: Bundles, run: Run) -> None:
    told = run("sh", bundles.with_python, "--help")
    assert told.returncode == 0
    assert told.stdout.startswith(f"Mlango {bundles.commit.version}, with all the packages it needs, for Python ")
    assert told.stdout.endswith("install the programs it brings for debian 12: python3 python3-venv\n")
    wrong = run("sh", bundles.with_python, "--too", "there")
    assert (wrong.returncode, wrong.stdout, wrong.stderr) == (2, "", told.stdout)
    assert "--programs" not in run("sh", bundles.plain, "--help").stdout


@pytest.fixture
def committed(bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds the commit of the bundles, and three files changed since."""
    monkeypatch.setattr(making, "head", lambda: bundles.commit)
    monkeypatch.setattr(making, "uncommitted", lambda: 3)


@pytest.mark.usefixtures("committed")
def test_the_command_names_the_file_its_size_and_what_to_do_with_it(bundles: Bundles, tmp_path: Path) -> None:
    told = CliRunner().invoke(cli.command, ["--to", str(tmp_path)], catch_exceptions=False)
    file = tmp_path / f"mlango-{bundles.commit.version}.run"
    assert told.stderr == "Left out, not being committed: changes in 3 files.\n"
    assert told.stdout.splitlines() == [
        f"{file}  0.0 MB, for Python {HERE.pythons[0]} on {HERE.machine}",
        f"SHA-256  {sha256(file.read_bytes()).hexdigest()}",
        "Carry it to the machine without a network, and there:",
        f"  sh {file.name}",
    ]
    assert file.read_bytes() == bundles.plain.read_bytes()


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--to", "nowhere/x.run"], "There is no folder nowhere."),
        (
            ["--machine", "aarch64", "--with", "gammu"],
            "Debian programs can be had for x86_64 only, from a machine like",
        ),
    ],
    ids=["folder", "machine"],
)
def test_what_cannot_be_made_is_refused_in_a_sentence(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    with pytest.raises(Refusal, match=sentence):
        CliRunner().invoke(cli.command, arguments, catch_exceptions=False)


def test_a_folder_that_git_does_not_know_makes_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        making.head(tmp_path)
    assert refusal.value.faults[0] == "A bundle holds what was last committed, and git cannot tell what that is."
    assert "not a git repository" in refusal.value.faults[1]
