"""Which channel a message leaves through: rules by prefix, network, language and lane, then the settings' order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_gateway.channels import Channels, Route, network_of, parse_routes, rates
from sms_gateway.message import Lane
from tests.sms_gateway.conftest import Network

NAMES = ("kannel", "gammu-airtel", "africastalking")
SAFARICOM, AIRTEL, UGANDA = "+254712345678", "+254733123456", "+256772123456"


def channels(rules: str = "") -> Channels:
    return Channels([Network(name) for name in NAMES], parse_routes(rules, NAMES))


def first(rules: str, msisdn: str = SAFARICOM, language: str = "en", lane: Lane = Lane.RECEIPT) -> str:
    return channels(rules).order(msisdn, language, lane)[0]


def test_without_rules_the_order_of_the_settings_holds() -> None:
    assert channels().order(SAFARICOM, "en", Lane.RECEIPT) == NAMES


@pytest.mark.parametrize(
    ("rule", "fits", "fits_not"),
    [
        ("prefix=+256: africastalking", {"msisdn": UGANDA}, {"msisdn": SAFARICOM}),
        ("network=airtel: africastalking", {"msisdn": AIRTEL}, {"msisdn": SAFARICOM}),
        ("network=Telkom: africastalking", {"msisdn": "+254770123456"}, {"msisdn": AIRTEL}),
        ("language=luo: africastalking", {"language": "luo"}, {"language": "lu"}),
        ("lane=bulk: africastalking", {"lane": Lane.BULK}, {"lane": Lane.STATUS}),
    ],
)
def test_a_rule_holds_where_its_condition_does(rule: str, fits: dict[str, str], fits_not: dict[str, str]) -> None:
    assert first(rule, **fits) == "africastalking"  # type: ignore[arg-type]
    assert first(rule, **fits_not) == "kannel"  # type: ignore[arg-type]


def test_all_conditions_of_a_rule_must_hold() -> None:
    rule = "network=airtel lane=bulk: gammu-airtel"
    assert first(rule, AIRTEL, lane=Lane.BULK) == "gammu-airtel"
    assert first(rule, AIRTEL, lane=Lane.STATUS) == "kannel"
    assert first(rule, SAFARICOM, lane=Lane.BULK) == "kannel"


def test_the_first_rule_that_fits_wins() -> None:
    rules = "prefix=+25473: gammu-airtel; network=airtel: africastalking"
    assert first(rules, AIRTEL) == "gammu-airtel"
    assert first(rules, "+254763123456") == "africastalking"


def test_the_others_stand_in_when_the_named_ones_fail_unless_the_rule_says_only() -> None:
    assert channels("lane=bulk: africastalking").order(SAFARICOM, "en", Lane.BULK) == (
        "africastalking",
        "kannel",
        "gammu-airtel",
    )
    only = channels("lane=bulk: africastalking, kannel only")
    assert only.order(SAFARICOM, "en", Lane.BULK) == ("africastalking", "kannel")
    assert only.order(SAFARICOM, "en", Lane.RECEIPT) == NAMES


def test_a_number_belongs_to_the_network_that_its_range_was_given_to() -> None:
    assert [network_of(number) for number in (SAFARICOM, AIRTEL, UGANDA)] == ["safaricom", "airtel", "mtn"]
    assert network_of("+254202222222") == ""  # a landline


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ("kannel", "has a rule without a condition: “kannel”"),
        (": kannel", "has a rule without a condition"),
        ("lane=bulk: smoke", "sends through “smoke”, which is none of the channels (kannel, gammu-airtel"),
        ("lane=bulk:", "sends through “”"),
        ("lane=bulk: only", "sends through “”"),
        ("lane=soon: kannel", "“lane=soon”; a lane is receipt, status or bulk"),
        ("prefix=0712: kannel", "“prefix=0712”; a prefix is + and digits"),
        ("prefix=+: kannel", "a prefix is + and digits"),
        ("colour=red: kannel", "“colour=red”; conditions are prefix=…, network=…, language=…, lane=…"),
        ("airtel: kannel", "“airtel”; conditions are"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_a_sentence(rules: str, sentence: str) -> None:
    with pytest.raises(ValueError) as wrong:
        parse_routes(rules, NAMES)
    assert sentence in str(wrong.value)


@given(st.text(max_size=60))
def test_no_text_of_rules_breaks_the_reader(text: str) -> None:
    try:
        routes = parse_routes(text, NAMES)
    except ValueError:
        return
    assert all(route.channels and set(route.channels) <= set(NAMES) for route in routes)


@given(
    st.lists(
        st.builds(
            Route,
            st.permutations(NAMES).flatmap(lambda names: st.integers(1, 3).map(lambda most: tuple(names[:most]))),
            lane=st.none() | st.sampled_from(Lane),
            language=st.none() | st.sampled_from(["en", "sw"]),
            only=st.booleans(),
        ),
        max_size=4,
    ),
    st.sampled_from(Lane),
)
def test_a_message_always_has_a_channel_and_each_at_most_once(routes: list[Route], lane: Lane) -> None:
    order = Channels([Network(name) for name in NAMES], routes).order(SAFARICOM, "sw", lane)
    assert order
    assert len(set(order)) == len(order)
    assert set(order) <= set(NAMES)


def test_two_channels_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="the same name"):
        Channels([Network("kannel"), Network("kannel")])


def test_rates_are_those_of_the_kind_unless_given() -> None:
    assert rates(["kannel", "gammu-airtel", "simulator"], {}) == {"kannel": 50.0, "gammu-airtel": 0.2}
    assert rates(["gammu-airtel", "gammu-safaricom"], {"gammu": 0.5, "gammu-airtel": 1.0}) == {
        "gammu-airtel": 1.0,
        "gammu-safaricom": 0.5,
    }


def test_a_rate_of_a_channel_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="names “smoke”, which is none of the channels"):
        rates(NAMES, {"smoke": 1.0})
