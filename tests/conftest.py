"""What many tests share: a database of each kind, a wired house, a clock that stands still."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import hypothesis
import psycopg
import pytest

import packs
from packs import published
from store import database, migrate
from store.model import set_node
from store.sealing import KEY_BYTES, Keyring
from tests import servers

# A Monday morning in Nairobi (09:15 there): offices are open, no holiday is near.
NOW: Final = datetime(2026, 11, 23, 6, 15, tzinfo=UTC)
KEYRING: Final = Keyring({"test": bytes(range(KEY_BYTES))}, "test", bytes(reversed(range(KEY_BYTES))))
PACK_FOLDER: Final = Path(packs.__file__).parent / "ke"

# Debian packages of programs that have another name
_PACKAGES: Final = {
    "bearerbox": "kannel",
    "/usr/lib/kannel/test/fakesmsc": "kannel-extras",
    "dpkg-deb": "dpkg",
    "apt-get": "apt",
    "soffice": "libreoffice-calc-nogui",
    "/usr/sbin/sshd": "openssh-server",
    "/usr/sbin/dovecot": "dovecot-imapd",
}

# A busy machine is no fault of the code: time is measured by the benchmarks.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a program of a Debian package is skipped where that is missing; CI requires it all."""
    if os.environ.get("MLANGO_TEST_REQUIRE") == "all":
        return
    for item in items:
        for mark in item.iter_markers("debian"):
            if shutil.which(mark.args[0]) is None:
                package = _PACKAGES.get(mark.args[0], mark.args[0])
                item.add_marker(pytest.mark.skip(reason=f"needs {mark.args[0]}: apt install {package}"))


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def keyring() -> Keyring:
    return KEYRING


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Every test that touches a database runs on both."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database of its own, with the pack of Kenya in force."""
    set_node("test")
    if database_kind == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copytree(template, tmp_path / "db")
        yield f"sqlite:///{tmp_path}/db/mlango.sqlite3"
        return
    server: str = request.getfixturevalue("postgres")
    name = f"test_{secrets.token_hex(6)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('postgres_template')}")
    yield f"{server}/{name}"
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def bound(database_url: str) -> Iterator[str]:
    """The models speak to this test's database; its URL."""
    database.bind(database_url)
    published.forget()
    yield database_url
    database.close()
    published.forget()


@pytest.fixture(scope="session")
def meeting_place(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run see."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """The worker's name in a parallel run, "master" in a plain one."""
    return getattr(request.config, "workerinput", {}).get("workerid", "master")  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def postgres(meeting_place: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server, without a database name."""
    with servers.shared_postgres(meeting_place) as url:
        yield url


@pytest.fixture(scope="session")
def ke() -> packs.Pack:
    """The pack of Kenya, as its files have it."""
    return packs.load(PACK_FOLDER)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, ke: packs.Pack) -> Path:
    """A folder with a migrated database to copy: quicker than migrating for every test."""
    folder = tmp_path_factory.mktemp("sqlite-template")
    _make(f"sqlite:///{folder}/mlango.sqlite3", ke)
    for file in folder.glob("*.sqlite3"):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


@pytest.fixture(scope="session")
def postgres_template(postgres: str, worker_id: str, ke: packs.Pack) -> str:
    """The name of a migrated database to copy."""
    name = f"template_{worker_id}"
    _administer(postgres, f"CREATE DATABASE {name}")
    _make(f"{postgres}/{name}", ke)
    return name


def _make(url: str, pack: packs.Pack) -> None:
    database.bind(url)
    migrate.run()
    packs.publish(pack, NOW)
    database.close()
    published.forget()


def _administer(server: str, statement: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(statement.encode())
