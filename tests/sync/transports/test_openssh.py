"""SFTP against the server that offices have: OpenSSH."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import asyncssh
import pytest

from sync.transport import LinkFault
from sync.transports.notes import READ_ME
from sync.transports.sftp import Sftp
from tests.box import soon
from tests.sync.transports.conftest import ROWS, Hub, contents, fault
from tests.sync.transports.office_sftp import KEY, OTHER_KEY, line_of
from tests.sync.transports.sshd import SSHD, Sshd

pytestmark = pytest.mark.debian(SSHD)

GUEST = asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"), GUEST)
    server.start(KEY)
    yield server
    server.kill()


@pytest.fixture
def office(running: Sshd, tmp_path: Path) -> Sshd:
    """The server with nothing in it yet."""
    for path in sorted(running.home.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return running


def opened(office: Sshd, folder: Path, host_key: asyncssh.SSHKey = KEY, guest: asyncssh.SSHKey = GUEST) -> Sftp:
    guest.write_private_key(folder / "key")
    return Sftp(office.address, line_of(host_key), key_file=folder / "key", idle_s=5, settle_s=0.02)


@pytest.fixture
def way(office: Sshd, tmp_path: Path) -> Iterator[Sftp]:
    with closing(opened(office, tmp_path)) as transport:
        yield transport


def test_files_go_there_and_come_back(way: Sftp, office: Sshd, hub: Hub) -> None:
    files = [hub.file("out_1.csv", ROWS * 20_000), hub.file("out_1.manifest.json", b"{}")]
    for _ in range(2):
        way.put(files)
    assert contents(office.home / "out") == {"out_1.csv": ROWS * 20_000, "out_1.manifest.json": b"{}"}
    assert contents(office.home).keys() == {READ_ME}
    for name, content in {"in_2.csv": ROWS * 20_000, "in_10.csv": b"", "in_3.csv.part": b"half"}.items():
        (office.home / "in" / name).write_bytes(content)
    assert list(hub.fetches(way).items()) == [("in_2.csv", ROWS * 20_000), ("in_10.csv", b"")]
    assert contents(office.home / "in" / "done").keys() == {"in_2.csv", "in_10.csv"}
    assert contents(office.home / "in").keys() == {"in_3.csv.part"}


def test_a_file_made_anew_takes_the_place_of_the_old_one(way: Sftp, office: Sshd, hub: Hub) -> None:
    for content in (b"old", b"newer"):
        way.put([hub.file("work.csv", content)])
        assert contents(office.home / "out") == {"work.csv": content}


def test_a_server_that_is_killed_in_the_middle_has_no_half_file_under_its_name(
    way: Sftp, office: Sshd, hub: Hub
) -> None:
    file = hub.file("out_1.csv", b"")
    with file.open("r+b") as large:
        large.truncate(24_000_000)
    unfinished = office.home / "out" / ".out_1.csv.part"
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(way.put, [file])
        soon(lambda: unfinished.exists() and unfinished.stat().st_size > 100_000, "nothing comes")
        office.kill()
        with fault("127.0.0.1", permanent=False):
            sending.result()
    with fault("does not answer", permanent=False):
        way.put([file])
    assert contents(office.home / "out").keys() == {unfinished.name}
    office.start(KEY)
    way.put([file])
    assert contents(office.home / "out") == {"out_1.csv": file.read_bytes()}


def test_a_server_that_is_killed_while_we_work_on_a_file_puts_it_away_later(way: Sftp, office: Sshd, hub: Hub) -> None:
    way.put([])
    way.put([hub.file("a.csv")])
    (office.home / "in" / "in_1.csv").write_bytes(ROWS)
    fetched = way.fetch(hub.into, hub.known)
    path = next(fetched)
    office.kill()
    office.start(KEY)
    soon(lambda: _put_away(way, path.name), "it is never put away")
    assert list(fetched) == []
    assert contents(office.home / "in" / "done") == {"in_1.csv": ROWS}


def _put_away(way: Sftp, name: str) -> bool:
    """Whether the line, new after a fault, is up again."""
    try:
        way.took(name)
    except LinkFault:
        return False
    return True


def test_another_host_key_ends_everything_before_a_word_is_said(office: Sshd, hub: Hub, tmp_path: Path) -> None:
    both = f"{KEY.get_fingerprint()} instead of {OTHER_KEY.get_fingerprint()}"
    with closing(opened(office, tmp_path, OTHER_KEY)) as way, fault(both, permanent=True):
        way.put([hub.file("a.csv")])
    assert list(office.home.iterdir()) == []


def test_a_stranger_is_not_let_in(office: Sshd, hub: Hub, tmp_path: Path) -> None:
    with closing(opened(office, tmp_path, guest=OTHER_KEY)) as way, fault("does not let", permanent=True):
        way.put([hub.file("a.csv")])


def test_where_we_may_only_read_the_office_has_to_be_asked(office: Sshd, hub: Hub, tmp_path: Path) -> None:
    office.kill()
    office.start(KEY, "-R")
    with closing(opened(office, tmp_path)) as way, fault("may not read and write", permanent=True):
        way.put([hub.file("a.csv")])
    office.kill()
    office.start(KEY)


def test_a_folder_that_is_not_there_is_for_the_office_to_make(office: Sshd, hub: Hub, tmp_path: Path) -> None:
    GUEST.write_private_key(tmp_path / "key")
    way = Sftp(f"{office.address}~/mlango", line_of(KEY), key_file=tmp_path / "key")
    with closing(way), fault("has no folder mlango", permanent=True):
        way.put([hub.file("a.csv")])
    (office.home / "mlango").mkdir()
    with closing(way):
        way.put([hub.file("a.csv")])
    assert contents(office.home / "mlango" / "out") == {"a.csv": ROWS}
