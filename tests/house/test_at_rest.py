"""After a whole journey no byte of the database shows a phone number or what a citizen wrote; once they are erased, no
key opens what is left."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import psycopg
from peewee import ForeignKeyField

import packs
from cases.clusters import CaseSketch
from cases.models import Case, CaseEvent, Citizen
from cases.pins import CasePin
from menus.sessions import UssdSession
from packs.model import Exchange
from sms_gateway import reports
from sms_gateway.channels import Channels
from sms_gateway.gateway import Policy, Refused, Report, State
from sms_gateway.message import Channel, DeliveryReport, Message
from sms_gateway.outbox import Outbox
from sms_gateway.simulator import HandsetMessage
from store import database
from store.sealing import Keyring
from sync import erasure
from sync.manifest import Keys
from sync.outbound import Exporter
from sync.worklists import Worklists
from tests.conftest import KEYRING
from tests.house.test_migrations import MODELS
from tests.menus.stage import Stage
from tests.sms_gateway.conftest import Log, Network, render
from ussd_app import privacy

PHONE: Final = "+254798765431"
WORDS: Final = "Zumaridi"
# However the number is written: 0798 765 431, 254-798-765-431 …
MARKERS: Final = re.compile(rb"798\W{0,3}765\W{0,3}431|zumaridi", re.IGNORECASE)


def test_no_byte_of_the_database_shows_a_number_or_words(bound: str, keyring: Keyring, now: datetime) -> None:
    stage = Stage(keyring, now)
    lodge(stage)
    text(stage)
    be_refused_and_reported(stage)
    database.close()
    kept = bytes_of(bound)
    assert stage.cases()[0].ref.encode() in kept  # so we looked in the right place
    found = [kept[max(0, hit.start() - 60) : hit.end() + 20] for hit in MARKERS.finditer(kept)]
    assert not found, f"the database holds what is private: {found[0]!r}"


def test_after_erasing_nothing_that_opens_is_left_in_any_byte(
    bound: str, keyring: Keyring, now: datetime, tmp_path: Path
) -> None:
    stage = Stage(keyring, now)
    lodge(stage)
    text(stage)
    be_refused_and_reported(stage)
    them = Citizen.get()
    traces = {
        "the wrapped key": bytes(them.data_key or b""),
        "the sealed number": bytes(them.msisdn),
        "the fingerprint": them.msisdn_index.encode(),
        **{f"SMS {one.id}": bytes(one.body) for one in Message.select()},
        **{f"simulated SMS {one.id}": bytes(one.text) for one in HandsetMessage.select()},
        **{f"session {one.id}": bytes(one.sealed) for one in UssdSession.select()},
    }
    offices = Offices(stage, tmp_path)
    offices.make_files()
    assert offices.hold_markers()
    database.close()
    before = bytes_of(bound)
    assert all(trace in before for trace in traces.values())  # so we look in the right place
    erase(stage)
    assert offices.clean()
    assert not offices.hold_markers()
    after = bytes_of(bound)
    assert [name for name, trace in traces.items() if trace in after] == []
    assert not MARKERS.search(after)
    words = [bytes(event.words) for event in CaseEvent.select() if event.words]
    assert words  # the history stays as it is
    assert all(word in after for word in words)
    assert stage.citizens.by_id([them.id]) == {}


# Of who was erased these stay: codes, times and numbers, and words that no key opens
STAYING: Final = {"cases", "case_event", "suggestion", "erasure", "feed", "external_ref", "update_row"}


def test_whatever_refers_to_a_citizen_or_a_case_goes_or_tells_nothing_of_a_person() -> None:
    referring = {
        model._meta.table_name
        for model in MODELS
        if "citizen_id" in model._meta.fields
        or any(
            isinstance(one, ForeignKeyField) and one.rel_model in (Citizen, Case) for one in model._meta.sorted_fields
        )
    }
    going = {part.table for part in privacy._PARTS} | {CaseSketch._meta.table_name, CasePin._meta.table_name}
    assert referring == going | STAYING, "say in ussd_app/privacy.py what becomes of the rows of a new table"


class Offices:
    """Every office gets its files, with the citizens' numbers, and has them."""

    def __init__(self, stage: Stage, home: Path) -> None:
        self._stage, self._home = stage, home
        keys = Keys(KEYRING.masters)
        self._exporter = Exporter(stage.citizens, self._pack, home, keys)
        self._worklists = Worklists(stage.citizens, self._pack, home)

    def _pack(self) -> packs.Pack:
        pack = packs.current()
        told = {one: Exchange(one, contact=True, contact_on_worklist=True) for one in pack.agencies}
        return replace(pack, exchanges=told)

    def make_files(self) -> None:
        for agency in {one.agency for one in self._stage.cases()} - {packs.current().desk}:
            self._exporter.make(agency, self._stage.now)
            self._worklists.make(agency, self._stage.now)

    def hold_markers(self) -> bool:
        return any(MARKERS.search(unpacked(path)) for path in self._home.glob("exchange/*/*/*"))

    def clean(self) -> Counter[str]:
        return erasure.clean(self._exporter, self._pack(), self._home, self._stage.now)


def unpacked(path: Path) -> bytes:
    if path.suffix != ".xlsx":
        return path.read_bytes()
    with ZipFile(path) as archive:
        return b"".join(archive.read(part) for part in archive.infolist())


def erase(stage: Stage) -> None:
    caller = stage.citizens.find(PHONE)
    assert caller
    through = (stage.casework, caller)
    assert privacy.erase(stage.citizens, caller.id, reason="request", actor="test", now=stage.now, withdraw=through)
    assert privacy.clear_logs()
    database.close()


def lodge(stage: Stage) -> None:
    """By USSD, with words; and a session that was dropped in the middle of words."""
    phone = stage.phone(PHONE, language="en")
    phone.dial()
    phone.press(("1", "1", "1", "kibera", "9", "2", f"near {WORDS} street", "1"))
    phone.dial()
    phone.press(("1", "1", "1", f"{WORDS}"))
    phone.drop()
    assert CaseEvent.select().where(CaseEvent.words.is_null(False)).count() == 1
    assert UssdSession.select().count() == 2


def text(stage: Stage) -> None:
    """By SMS: a complaint, words, a question; and what we answered."""
    phone = stage.phone(PHONE)
    for words in (f"COMPLAIN {WORDS} broke the pipe", WORDS, f"STATUS {WORDS}", f"call me on {PHONE}"):
        phone.text(words)
    stage.outbox.drain(lambda: stage.now)
    assert Message.select().where(Message.direction == "mo").count() == 4
    assert HandsetMessage.select().count() >= 4
    assert Citizen.select().count() == 1


def be_refused_and_reported(stage: Stage) -> None:
    """Networks repeat the number in what they say."""
    stage.phone(PHONE).text("HELP")
    refusal = Refused(Policy.CHANNEL, "no-credit", f"{PHONE} or {PHONE.removeprefix('+')}")
    network = Network(answers=[refusal])
    Outbox(stage.citizens, Channels([network]), render, Log()).drain(lambda: stage.now)
    assert Channel.get().reason == "no-credit +2547••••••31 or +2547••••••31"
    spoken = f"{PHONE} is off"
    assert not reports.report(Report(network.name, "1", State.UNKNOWN, spoken, PHONE, spoken), stage.now)
    assert DeliveryReport.get(DeliveryReport.provider == network.name).reason == "+2547••••••31 is off"


def bytes_of(url: str) -> bytes:
    """Everything that the database keeps: its files, or on a server every table as it is stored."""
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return b"".join(_table(connection, name) for (name,) in tables)


def _table(connection: psycopg.Connection, name: str) -> bytes:
    with connection.cursor().copy(f"COPY {name} TO STDOUT (FORMAT binary)".encode()) as copy:
        return b"".join(bytes(block) for block in copy)
