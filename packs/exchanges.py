"""Reads exchange.toml: how files go to each office and come back."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import time
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from packs.model import Agency, Carrier, Exchange
from packs.reading import Reading, Table

FILE: Final = "exchange.toml"
# What an address of each transport looks like; in words, for somebody who got it wrong
_LIKE: Final[Mapping[str, str]] = {
    "folder": "an absolute path, or nothing",
    "sftp": "sftp://user@host/path",
    "https": "https://host/path/",
    "mail": "office@example.go.ke",
    "open311": "https://host/open311/v2/",
}
_MAIL: Final = re.compile(r"[^@\s,:/]+@[^@\s,:/]+\.[^@\s,:/]+")
_HOST_KEY: Final = re.compile(r"(ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/=]+( .*)?")
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def _time_of_day(text: str) -> str:
    if not re.fullmatch(r"\d\d:\d\d", text):
        raise ValueError("must be a time of day like 06:00")
    time.fromisoformat(text)
    return text


class OfficeTable(Table):
    """One `[[office]]`."""

    agency: str
    transport: Carrier = "folder"
    address: str = ""
    at: Annotated[str, AfterValidator(_time_of_day)] = "06:00"
    files: tuple[Literal["events", "work"], ...] = ("events", "work")
    contact: bool = False
    contact_on_worklist: bool = False
    language: Literal["en", "sw"] = "en"
    host_key: str = ""
    senders: tuple[str, ...] = ()
    jurisdiction: str = ""
    calendar: str = ""


class OfficesTable(Table):
    """exchange.toml."""

    office: tuple[OfficeTable, ...] = ()


def read_exchanges(reading: Reading, agencies: Mapping[str, Agency], calendars: Collection[str]) -> dict[str, Exchange]:
    """The offices that get files by themselves, by agency. A pack may do without the file."""
    table = reading.toml(FILE, OfficesTable) if reading.has(FILE) else None
    exchanges: dict[str, Exchange] = {}
    for one in table.office if table else ():
        for key, wrong in _faults(one, agencies, calendars, exchanges):
            reading.fault(FILE, f"{one.agency}: {wrong}", key=key)
        exchanges[one.agency] = Exchange(**one.model_dump())
    return exchanges


def _faults(
    one: OfficeTable, agencies: Mapping[str, Agency], calendars: Collection[str], seen: Collection[str]
) -> list[tuple[str, str]]:
    """What is wrong with an office: the key, and the rest of a sentence."""
    faults = []
    if agencies and one.agency not in agencies:
        faults.append(("agency", "there is no such agency in agencies.csv."))
    if one.agency in seen:
        faults.append(("agency", "the office stands there twice."))
    if calendars and one.calendar and one.calendar not in calendars:
        faults.append(("calendar", f"there is no calendar “{one.calendar}”."))
    if not _is_address(one.transport, one.address):
        faults.append(("address", f"for {one.transport} the address must be {_LIKE[one.transport]}."))
    if one.transport == "sftp" and not _HOST_KEY.fullmatch(one.host_key):
        faults.append(("host_key", "sftp needs the server's public key, like “ssh-ed25519 AAAA…”."))
    if one.transport == "mail" and not all(map(_MAIL.fullmatch, one.senders)):
        faults.append(("senders", "must be e-mail addresses."))
    return faults


def _is_address(transport: str, address: str) -> bool:
    if transport == "folder":
        return not address or address.startswith("/")
    if transport == "mail":
        return bool(_MAIL.fullmatch(address))
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    if transport == "sftp":
        return parts.scheme == "sftp" and bool(host) and bool(parts.username) and parts.password is None
    # what goes over a network is encrypted; within this machine it need not be
    return (
        bool(host)
        and parts.username is None
        and (parts.scheme == "https" or (parts.scheme == "http" and host in _HERE))
    )
