"""How files go to each office: what an administrator may write, and how mistakes are told."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

import packs
from packs.model import Exchange
from tests.packs.conftest import write_tiny
from tests.packs.test_loader import faults

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFh"
SFTP = f"""
[[office]]
agency = "IMMIGRATION"
transport = "sftp"
address = "sftp://mlango@files.example.go.ke:2222/exchange"
host_key = "{KEY}"
at = "06:30"
files = ["events"]
contact = true
language = "sw"
"""


def test_a_pack_may_do_without_offices_that_get_files(tmp_path: Path) -> None:
    pack = packs.load(write_tiny(tmp_path))
    assert pack.exchanges == {}
    assert pack.exchange("IMMIGRATION") == Exchange("IMMIGRATION")  # by hand, with the usual things in them


def test_an_office_is_read_as_it_is_written(tmp_path: Path) -> None:
    pack = packs.load(write_tiny(tmp_path, exchange__toml=SFTP))
    office = pack.exchange("IMMIGRATION")
    assert (office.transport, office.address) == ("sftp", "sftp://mlango@files.example.go.ke:2222/exchange")
    assert office.host_key == KEY
    assert office.local_time == time(6, 30)
    assert (office.files, office.contact, office.contact_on_worklist, office.language) == (
        ("events",),
        True,
        False,
        "sw",
    )


@pytest.mark.parametrize(
    ("transport", "address"),
    [
        ("folder", ""),
        ("folder", "/srv/exchange"),
        ("https", "https://files.example.go.ke/mlango/"),
        ("https", "http://127.0.0.1:8080/"),
        ("mail", "registry@example.go.ke"),
        ("open311", "https://example.go.ke/open311/v2/"),
    ],
)
def test_each_transport_has_addresses_of_its_own(tmp_path: Path, transport: str, address: str) -> None:
    office = f'[[office]]\nagency = "IMMIGRATION"\ntransport = "{transport}"\naddress = "{address}"\n'
    assert packs.load(write_tiny(tmp_path, exchange__toml=office)).exchange("IMMIGRATION").address == address


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"IMMIGRATION"', '"NYAYO"', "agency: NYAYO: there is no such agency in agencies.csv."),
        ('"sftp"', '"ftp"', "transport: Input should be"),
        ("mlango@files", "files", "address: IMMIGRATION: for sftp the address must be sftp://user@host/path."),
        ("mlango@files", "mlango:secret@files", "address: IMMIGRATION: for sftp the address must be"),
        (KEY, "", "host_key: IMMIGRATION: sftp needs the server's public key"),
        ('"06:30"', '"6 am"', "must be a time of day like 06:00"),
        ('"06:30"', '"26:30"', "at: hour must be in 0..23"),
        ('["events"]', '["everything"]', "Input should be 'events' or 'work'"),
        ('language = "sw"', 'language = "fr"', "Input should be 'en' or 'sw'"),
        ('language = "sw"', 'calendar = "moon"', "calendar: IMMIGRATION: there is no calendar “moon”."),
        ('language = "sw"', 'password = "secret"', "password: Extra inputs are not permitted."),
        ('language = "sw"', SFTP, "agency: IMMIGRATION: the office stands there twice."),
        ('transport = "sftp"', 'transport = "folder"', "for folder the address must be an absolute path, or nothing."),
        ('transport = "sftp"', 'transport = "https"', "for https the address must be https://host/path/."),
        ('transport = "sftp"', 'transport = "mail"', "for mail the address must be office@example.go.ke."),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    found = faults(write_tiny(tmp_path, exchange__toml=SFTP.replace(old, new, 1)))
    assert any("exchange.toml" in fault and told in fault for fault in found), found


@pytest.mark.parametrize("address", ["http://example.go.ke/", "https://user:secret@example.go.ke/", "https://["])
def test_what_crosses_a_network_is_encrypted_and_holds_no_secret(tmp_path: Path, address: str) -> None:
    office = f'[[office]]\nagency = "IMMIGRATION"\ntransport = "https"\naddress = "{address}"\n'
    (fault,) = faults(write_tiny(tmp_path, exchange__toml=office))
    assert "for https the address must be" in fault


def test_only_mail_addresses_may_send_updates(tmp_path: Path) -> None:
    office = (
        '[[office]]\nagency = "IMMIGRATION"\ntransport = "mail"\naddress = "a@example.go.ke"\nsenders = ["anybody"]\n'
    )
    (fault,) = faults(write_tiny(tmp_path, exchange__toml=office))
    assert "senders: IMMIGRATION: must be e-mail addresses." in fault
