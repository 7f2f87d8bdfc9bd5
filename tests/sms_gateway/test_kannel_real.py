"""The whole way of an SMS through the real Kannel: handset, bearerbox, smsbox, our web server, and back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from shutil import copytree

import pytest

from cases.citizens import Caller
from cases.models import Case
from packs import published
from sms_gateway.gateway import Accepted, Mt, Policy, Refused, State
from sms_gateway.kannel import Kannel, report_address
from sms_gateway.message import Message
from store import database
from store.clock import utcnow
from tests import box, servers
from tests.box import soon
from tests.sms_gateway.real_kannel import FAKESMSC, PASSWORD, SHORT_CODE, RealKannel, kannel, ucs2
from tests.ussd_app.test_end_to_end import Web
from ussd_app import wiring
from ussd_app.settings import Settings

pytestmark = [pytest.mark.debian("bearerbox"), pytest.mark.debian(FAKESMSC)]

TOKEN = "3f9c/1d77%a0&b2"  # as awkward as a token may be
BURST = 200
WHOLE_ALPHABET = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà^{}\\[~]|€ zZ09"


@dataclass
class Town:
    """Kannel and our web server, side by side."""

    kannel: RealKannel
    web: Web
    house: wiring.House
    numbers: Iterator[int] = field(default_factory=lambda: count(712_000_000))

    @property
    def gateway(self) -> Kannel:
        return self.gateway_at(self.kannel.url)

    def gateway_at(self, url: str, password: str = PASSWORD) -> Kannel:
        reports_to = report_address(self.house.settings.answers_at, TOKEN)
        return Kannel(url, "mlango", password, SHORT_CODE, reports_to)


@dataclass
class Citizen:
    """Somebody whose phone is in reach of our Kannel."""

    town: Town
    msisdn: str

    def texts(self, words: str, kind: str = "text") -> None:
        self.town.kannel.sends(self.msisdn, words, kind)

    @property
    def caller(self) -> Caller:
        caller = self.town.house.citizens.find(self.msisdn)
        assert caller, f"nothing came\n{self.town.kannel.log('smsbox')}"
        return caller

    def messages(self, direction: str) -> list[Message]:
        known = self.town.house.citizens.find(self.msisdn)
        if known is None:
            return []
        return list(Message.select().where(Message.direction == direction, Message.citizen == known.id))

    @property
    def said(self) -> list[str]:
        return [self.caller.key.open("message.body", mo.id, mo.body) for mo in self.messages("mo")]

    @property
    def case(self) -> Case:
        soon(lambda: any(mo.case for mo in self.messages("mo")), f"no case\n{self.town.kannel.log('smsbox')}")
        (mo,) = self.messages("mo")
        assert mo.case
        return mo.case

    def answer(self) -> Message:
        (mt,) = self.messages("mt")
        return mt

    def was_reached(self) -> None:
        delivered = lambda: self.answer().state == State.DELIVERED  # noqa: E731
        soon(delivered, f"no report\n{self.town.kannel.log('bearerbox')}")

    @property
    def inbox(self) -> list[str]:
        return [text for msisdn, text in self.town.kannel.received() if msisdn == self.msisdn]


@pytest.fixture(scope="module")
def town(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    home, port = folder / "home", servers.free_port()
    copytree(sqlite_template, home)
    with kannel(folder / "kannel", port, TOKEN) as real:
        environ = box.environ(
            home,
            log_level="warning",
            sms_gateway="kannel",
            callback_token=TOKEN,
            kannel_url=real.url,
            kannel_username="mlango",
            kannel_password=PASSWORD,
        ) | {"PORT": str(port)}
        web = Web(Settings.load(environ), environ)
        try:
            web.start()
            house = wiring.build(web.settings)
            published.forget()
            yield Town(real, web, house)
        finally:
            web.kill()
            database.close()
            published.forget()


@pytest.fixture
def citizen(town: Town) -> Iterator[Citizen]:
    """A citizen nobody has heard of yet. Whatever a test stopped runs again for the next."""
    yield Citizen(town, f"+254{next(town.numbers)}")
    town.kannel.start()
    if not town.web.answers():
        town.web.start()


def test_a_text_becomes_a_case_and_its_receipt_is_delivered(town: Town, citizen: Citizen) -> None:
    citizen.texts("Hakuna maji kwetu Kibera tangu Jumatatu")
    case = citizen.case
    town.house.outbox.drain(utcnow)
    citizen.was_reached()
    assert box.number_in(*citizen.inbox) == case.ref
    (mo,), mt = citizen.messages("mo"), citizen.answer()
    assert (mo.provider, mo.short_code, mo.state) == ("kannel", SHORT_CODE, "handled")
    assert (mt.provider, mt.provider_id) == ("kannel", mt.id)


def test_kannel_never_speaks_to_anybody_for_itself(town: Town, citizen: Citizen) -> None:
    before = len(town.kannel.received())
    town.kannel.sends("MPESA", "You have received KES 500")
    soon(lambda: "KES 500" in town.kannel.log("smsbox"), "the message did not come")
    citizen.texts("")
    soon(lambda: citizen.messages("mo"), "the empty text did not come")
    time.sleep(1)
    assert len(town.kannel.received()) == before


def test_letters_outside_gsm_survive_on_the_way_to_us(citizen: Citizen) -> None:
    citizen.texts(ucs2("Gũtirĩ maaĩ 💧, Kibera"), kind="ucs2")
    soon(lambda: citizen.messages("mo"), "the text did not come")
    assert citizen.said == ["Gũtirĩ maaĩ 💧, Kibera"]


def test_a_half_character_does_not_cost_the_rest_of_the_text(citizen: Citizen) -> None:
    citizen.texts(ucs2("Maji \ud83d hakuna Kibera"), kind="ucs2")
    soon(lambda: citizen.messages("mo"), "the text did not come")
    assert citizen.said == ["Maji \N{REPLACEMENT CHARACTER} hakuna Kibera"]


def test_every_letter_survives_on_the_way_to_the_handset_in_texts_short_and_long(town: Town, citizen: Citizen) -> None:
    texts = ["Nĩ wega 💧", "Nĩ wega, " * 20, "é", WHOLE_ALPHABET, "Hakuna [maji]. " * 30]
    mts = [Mt(f"m{number}", citizen.msisdn, text, None) for number, text in enumerate(texts)]
    town.kannel.on_air()
    assert town.gateway.send(mts) == [Accepted(mt.id, None) for mt in mts]
    soon(lambda: len(citizen.inbox) == len(texts), town.kannel.log("fakesmsc"))
    assert citizen.inbox == texts


def test_the_parts_of_a_long_text_come_as_one(citizen: Citizen) -> None:
    citizen.texts("%05%00%03%07%02%01 Hakuna maji kwetu", kind="udh-text")
    time.sleep(0.5)
    citizen.texts("%05%00%03%07%02%02  Kibera, mtaa wa Lindi", kind="udh-text")
    soon(lambda: citizen.messages("mo"), "the text did not come")
    assert citizen.said == ["Hakuna maji kwetu Kibera, mtaa wa Lindi"]


def test_while_we_are_down_kannel_keeps_trying_and_the_text_is_taken_once(town: Town, citizen: Citizen) -> None:
    town.web.kill()
    citizen.texts("Hakuna maji kwetu Kibera")
    soon(lambda: town.kannel.log("smsbox").count("Retrying request") > 1, "it does not keep trying")
    town.web.start()
    assert citizen.case
    tried = town.kannel.log("smsbox").count("Retrying request")
    time.sleep(2)  # it tries every second
    assert town.kannel.log("smsbox").count("Retrying request") == tried
    assert [mo.state for mo in citizen.messages("mo")] == ["handled"]


def test_a_message_and_its_report_outlive_a_crash_of_kannel(town: Town, citizen: Citizen) -> None:
    citizen.texts("Hakuna maji kwetu Kibera")
    assert citizen.case
    town.kannel.off_air()
    town.house.outbox.drain(utcnow)
    assert citizen.answer().state == State.SUBMITTED
    town.kannel.kill("bearerbox", "smsbox")
    town.kannel.start()
    town.kannel.on_air()
    citizen.was_reached()
    assert len(citizen.inbox) == 1


def test_while_kannel_is_down_messages_wait_with_us(town: Town, citizen: Citizen) -> None:
    town.kannel.kill("smsbox")
    (dead,) = town.gateway.send([Mt("m1", citizen.msisdn, "Nambari yako", None)])
    assert isinstance(dead, Refused)
    assert (dead.policy, dead.code) == (Policy.TRANSIENT, "unreachable")
    town.kannel.start()
    town.kannel.on_air()
    (taken,) = town.gateway.send([Mt("m1", citizen.msisdn, "Nambari yako", None)])
    assert isinstance(taken, Accepted)
    soon(lambda: citizen.inbox == ["Nambari yako"], "it did not arrive")


def test_a_wrong_password_or_address_is_a_fault_of_the_channel(town: Town, citizen: Citizen) -> None:
    gateways = town.gateway_at(town.kannel.url, password="wrong"), town.gateway_at(town.kannel.url + "/nowhere")
    for gateway, code in zip(gateways, ("http-403", "http-404"), strict=True):
        (outcome,) = gateway.send([Mt("m1", citizen.msisdn, "Nambari yako", None)])
        assert isinstance(outcome, Refused)
        assert (outcome.policy, outcome.code) == (Policy.CHANNEL, code)


def test_a_burst_of_texts_comes_whole(town: Town) -> None:
    before = Message.select().where(Message.direction == "mo").count()
    texts = [f"+254{next(town.numbers)} {SHORT_CODE} text Hakuna maji Kibera {number}" for number in range(BURST)]
    town.kannel.on_air(*texts, times=BURST)
    handled = Message.select().where(Message.direction == "mo", Message.state == "handled")
    soon(lambda: handled.count() == before + BURST, f"{handled.count() - before} of {BURST} came", 60)
