"""Which way leads to an office: what the pack says, with what the settings add."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from packs.model import Exchange
from sync.transports import Access, open_transport
from sync.transports.folder import Folder
from sync.transports.https import Https
from sync.transports.mail import Mail
from sync.transports.sftp import Sftp
from tests.sync.transports.conftest import ROWS, Hub, contents, fault
from tests.sync.transports.office_sftp import KEY, PASSWORD, OfficeSftp, line_of
from tests.sync.transports.office_web import TOKEN, OfficeWeb

MAIL = Exchange("NCWSC", "mail", "maji@office.example.go.ke", senders=("clerk@office.example.go.ke",))
ACCOUNTS = Access(
    Path("/nowhere"),
    smtp="smtps://hub:pass-word@mail.example.go.ke",
    imap="imaps://hub:pass-word@mail.example.go.ke/INBOX",
    sender="hub@mlango.example.go.ke",
)


def test_an_office_that_nothing_is_said_about_fetches_its_files_from_our_own_folder(tmp_path: Path, hub: Hub) -> None:
    way = open_transport(Exchange("NCWSC"), Access(tmp_path, settle_s=0.02))
    way.put([hub.file("a.csv")])
    assert isinstance(way, Folder)
    assert contents(tmp_path / "exchange" / "NCWSC" / "out") == {"a.csv": ROWS}


def test_a_folder_of_the_pack_is_somebody_elses_to_make(tmp_path: Path, hub: Hub) -> None:
    way = open_transport(Exchange("NCWSC", "folder", str(tmp_path / "share")), Access(tmp_path))
    with fault("is not there", permanent=False):
        way.put([hub.file("a.csv")])


@pytest.mark.parametrize("agency", ["../NCWSC", "", "a/b"])
def test_no_code_of_an_office_leads_out_of_our_folder(agency: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not the code of an office"):
        open_transport(Exchange(agency), Access(tmp_path))


def test_sftp_has_the_office_s_password(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / "office").mkdir()
    with OfficeSftp(tmp_path / "office") as office:
        exchange = Exchange("NCWSC", "sftp", office.address, host_key=line_of(KEY))
        with closing(open_transport(exchange, Access(tmp_path, {"NCWSC": PASSWORD}.__getitem__))) as way:
            way.put([hub.file("a.csv")])
            assert isinstance(way, Sftp)
        assert contents(office.folder / "out") == {"a.csv": ROWS}


def test_https_has_the_office_s_token(tmp_path: Path, hub: Hub) -> None:
    with OfficeWeb() as office:
        access = Access(tmp_path, {"NCWSC": TOKEN}.__getitem__)
        with closing(open_transport(Exchange("NCWSC", "https", office.url), access)) as way:
            way.put([hub.file("a.csv")])
            assert isinstance(way, Https)
        assert office.outbox == {"a.csv": ROWS}


def test_mail_has_the_servers_of_the_settings(tmp_path: Path) -> None:
    with closing(open_transport(MAIL, ACCOUNTS)) as way:
        assert isinstance(way, Mail)
    with fault("MLANGO_EXCHANGE_IMAP must be set", permanent=True):
        open_transport(MAIL, Access(tmp_path))


@pytest.mark.parametrize(
    "exchange", [replace(MAIL, address="ግ@office.example.go.ke"), replace(MAIL, senders=("ግ@office.example.go.ke",))]
)
def test_addresses_that_mail_servers_do_not_know_are_refused(exchange: Exchange) -> None:
    with fault("plain letters", permanent=True):
        open_transport(exchange, ACCOUNTS)


def test_open311_is_no_way_for_files(tmp_path: Path) -> None:
    with fault("carries no files", permanent=True):
        open_transport(Exchange("NCWSC", "open311", "https://host/open311/v2/"), Access(tmp_path))


def test_no_password_shows_when_something_is_printed() -> None:
    assert "pass-word" not in repr(ACCOUNTS)
