"""The Debian packages of a bundle, with small packages made here and apt looking nowhere else."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.ussd_app.bundle.conftest import Project, silently
from ussd_app.bundle import making, programs
from ussd_app.bundle.parts import Piece
from ussd_app.bundle.programs import Programs, fetch
from ussd_app.cli import bundle as cli
from ussd_app.refusal import Refusal

pytestmark = [pytest.mark.debian("apt-get"), pytest.mark.debian("dpkg-deb")]

Run = Callable[..., subprocess.CompletedProcess[str]]
PACKAGES = {  # what each needs
    "gammu": "libgammu8 (>= 1.42)",
    "gammu-smsd": "gammu",
    "libgammu8": "libc6",
    "libc6": "",
    "kannel": "libnowhere1",
}


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian of five packages, the only one that apt knows, and a machine that has none of them."""
    mirror = tmp_path / "mirror"
    for name, needs in PACKAGES.items():
        control = mirror / name / "DEBIAN" / "control"
        control.parent.mkdir(parents=True)
        version = "1:1.42-2" if name == "libgammu8" else "1.42"
        facts = {"Package": name, "Version": version, "Architecture": "all", "Maintainer": "A", "Description": "b"}
        facts |= {"Depends": needs} if needs else {}
        control.write_text("".join(f"{fact}: {value}\n" for fact, value in facts.items()))
        subprocess.run(["dpkg-deb", "--build", mirror / name, mirror], check=True, capture_output=True)
    (mirror / "Packages").write_bytes(list(programs.repository(mirror))[-1].read())
    machine(monkeypatch, tmp_path / "machine")
    source(monkeypatch, tmp_path / "machine", f"copy:{mirror}")
    return mirror


def machine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A machine without any package: all that apt is told of."""
    (folder / "state").mkdir(parents=True)
    (folder / "status").touch()
    (folder / "conf").write_text(
        f'Dir::Etc::SourceList "{folder}/sources"; Dir::Etc::SourceParts "-"; Dir::Etc::Parts "-";'
        f'Dir::State "{folder}/state"; Dir::State::status "{folder}/status"; Dir::Cache "{folder}/cache";'
        'APT::Architecture "amd64"; APT::Sandbox::User ""; Debug::NoLocking "1";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(folder / "conf"))


def source(monkeypatch: pytest.MonkeyPatch, folder: Path, url: str) -> None:
    (folder / "sources").write_text(f"deb [trusted=yes] {url} ./\n")
    subprocess.run(["apt-get", "--quiet=2", "update"], check=True, capture_output=True)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.mark.usefixtures("mirror")
def test_a_program_comes_with_everything_that_an_empty_machine_lacks(work: Path) -> None:
    fetched = fetch(("gammu",), work, silently)
    assert fetched.names == ("gammu", "gammu-smsd")
    assert [piece.name for piece in fetched.pieces] == [
        "debian-packages/gammu-smsd_1.42_all.deb",
        "debian-packages/gammu_1.42_all.deb",
        "debian-packages/libc6_1.42_all.deb",
        "debian-packages/libgammu8_1-1.42-2_all.deb",
        "debian-packages/Packages",
    ]


@pytest.mark.usefixtures("mirror")
def test_a_program_that_cannot_be_had_is_refused_in_the_words_of_apt(work: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        fetch(("kannel",), work, silently)
    assert refusal.value.faults[0] == "The Debian packages could not be fetched (`apt-get update`, as root, may help)."
    assert "E: Unable to correct problems" in "".join(refusal.value.faults)


def test_a_source_that_apt_makes_no_copies_of_is_refused(
    mirror: Path, work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source(monkeypatch, tmp_path / "machine", f"file:{mirror}")
    with pytest.raises(Refusal, match="apt fetched no copy of gammu, gammu-smsd; is its source a folder"):
        fetch(("gammu",), work, silently)


@pytest.fixture
def installer(mirror: Path, work: Path, project: Project, tmp_path: Path, run: Run) -> Callable[..., tuple[int, str]]:
    """Runs a bundle's installer of programs as this user (0 is root); apt says what it would do, and does it not."""
    bundle = project.bundle(tmp_path / "mlango.run", programs=fetch(("gammu",), work, silently))
    shutil.rmtree(mirror)
    conf = tmp_path / "machine" / "conf"
    conf.write_text(conf.read_text() + 'APT::Get::Simulate "true";\n')
    (tmp_path / "bin").mkdir()

    def install(user: int = 0, file: Path = bundle) -> tuple[int, str]:
        (tmp_path / "bin" / "id").write_text(f"#!/bin/sh\necho {user}\n")
        (tmp_path / "bin" / "id").chmod(0o755)
        path = f"{tmp_path}/bin:/usr/bin:/bin"
        ran = run("sh", file, "--programs", PATH=path, APT_CONFIG=str(conf), TMPDIR=str(work))
        return ran.returncode, ran.stderr.replace(str(file), "FILE")

    return install


def test_the_installer_gives_apt_all_that_it_needs(installer: Callable[..., tuple[int, str]], work: Path) -> None:
    code, told = installer()
    assert code == 0, told
    assert re.findall(r"^Inst (\S+)", told, re.MULTILINE) == ["libc6", "libgammu8", "gammu", "gammu-smsd"]
    assert told.endswith("mlango: installed: gammu gammu-smsd.\n")
    assert not list(work.glob("tmp.*"))


def test_only_root_installs_programs(installer: Callable[..., tuple[int, str]]) -> None:
    assert installer(user=1000) == (1, "mlango: programs are installed by root: sudo sh FILE --programs\n")


def test_programs_of_another_release_and_programs_that_are_not_there_are_refused(
    installer: Callable[..., tuple[int, str]], project: Project, tmp_path: Path
) -> None:
    other = project.bundle(tmp_path / "other.run", 1_800_000_001, Programs(("gammu",), "haiku 1"))
    assert re.fullmatch(r"mlango: the programs are for haiku 1; this machine runs \w+ .*\.\n", installer(file=other)[1])
    plain = project.bundle(tmp_path / "plain.run", 1_800_000_002)
    assert installer(file=plain) == (1, "mlango: this file brings no programs.\n")


def test_a_python_that_comes_along_must_be_one_that_the_packages_are_for(monkeypatch: pytest.MonkeyPatch) -> None:
    python = Programs(("python3",), "debian 13", (Piece("debian-packages/python3_3.13.5-1_amd64.deb", b""),))
    monkeypatch.setattr(cli, "fetch", lambda *_: python)
    monkeypatch.setattr(making, "head", lambda: making.Commit("0.1.0-aaaaaaa", 0, {}))
    monkeypatch.setattr(making, "uncommitted", lambda: 0)
    with pytest.raises(Refusal, match=r"^The Python of debian 13 is 3\.13: add --python 3\.13\.$"):
        CliRunner().invoke(cli.command, ["--with", "python", "--python", "3.11"], catch_exceptions=False)
