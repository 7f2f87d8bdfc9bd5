"""What SMS and a case cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from menus import costs
from menus.costs import LIFE, Cost, Message, Tariff
from menus.messages import TEMPLATES
from packs.model import Pack

TARIFF = Tariff(session=1.0, sms_out=0.5, sms_in=2.0, pays="citizen")


def message(template: str, segments: int = 1, scope: str = "") -> Message:
    return Message(template, scope, "en", "", "GSM-7", 100, segments)


def test_citizens_pay_what_they_send_and_the_county_what_it_sends() -> None:
    sent = [message(template) for template in LIFE]
    assert costs.cost(sent, TARIFF) == Cost(citizen=1.0 + 2 * 2.0, county=5 * 0.5)


def test_where_the_county_pays_it_is_free_for_citizens_and_they_may_be_told() -> None:
    free = replace(TARIFF, pays="county")
    sent = [message(template) for template in LIFE]
    assert costs.cost(sent, free) == Cost(citizen=0.0, county=5.0 + 2.5)
    assert free.is_free
    assert not TARIFF.is_free


def test_each_part_of_an_sms_costs_and_what_is_not_sent_does_not() -> None:
    sent = [message("received", segments=2), message("received", scope="water.none"), message("breached")]
    assert costs.cost(sent, TARIFF).county == 2 * 0.5


def test_every_template_is_measured_once_and_each_text_of_the_pack(ke: Pack) -> None:
    found = list(costs.messages(ke, "en"))
    assert [one.template for one in found if not one.scope] == list(TEMPLATES)
    own = {(one.template, one.scope) for one in found if one.scope}
    assert own == {(template, scope) for template, scopes in ke.messages.items() for scope in scopes}


@pytest.mark.parametrize("language", ["en", "sw"])
def test_with_the_longest_values_each_is_one_sms(ke: Pack, language: str) -> None:
    for one in costs.messages(ke, language):
        assert one.segments == 1, one.text
        assert one.units <= 160


def test_a_name_says_for_what_the_pack_words_it() -> None:
    assert message("received").name == "received"
    assert message("received", scope="water.none").name == "received (water.none)"


def test_a_life_that_goes_well_is_made_of_texts_that_there_are() -> None:
    assert set(LIFE) <= set(TEMPLATES)
