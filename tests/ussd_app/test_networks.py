"""The networks of the settings: gateways in order, rules and rates over them, what may be sent, what is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cases.citizens import Citizens
from sms_gateway.limits import SPACING, Price, Quiet
from sms_gateway.message import Lane
from store import database
from tests.conftest import KEYRING
from ussd_app import networks, wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import BadSettings, Settings

SAFARICOM, AIRTEL = "+254722000001", "+254733000001"
KANNEL = {"MLANGO_KANNEL_USERNAME": "mlango", "MLANGO_KANNEL_PASSWORD": "secret"}
ACCOUNT = {"MLANGO_AFRICASTALKING_USERNAME": "county", "MLANGO_AFRICASTALKING_API_KEY": "atsk_1234"}


def told(home: Path, gateways: str, **more: str) -> Settings:
    given = {f"MLANGO_{name.upper()}": text for name, text in more.items()}
    return Settings.load({"MLANGO_HOME": str(home), "MLANGO_SMS_GATEWAY": gateways, **KANNEL, **ACCOUNT, **given})


def order(settings: Settings, msisdn: str, lane: Lane = Lane.RECEIPT) -> tuple[str, ...]:
    gateways = networks.gateways(settings, Citizens(KEYRING))
    return networks.channels_of(settings, gateways).order(msisdn, "sw", lane)


def test_without_rules_the_settings_order_decides(tmp_path: Path) -> None:
    spools = f"safaricom={tmp_path}/a,airtel={tmp_path}/b"
    settings = told(tmp_path, "kannel,gammu,null,africastalking", gammu_spool=spools)
    assert order(settings, AIRTEL) == ("kannel", "gammu-safaricom", "gammu-airtel", "null", "africastalking")


def test_a_rule_prefers_the_modem_of_the_citizens_own_network(tmp_path: Path) -> None:
    spools = f"safaricom={tmp_path}/a,airtel={tmp_path}/b"
    rules = "network=airtel: gammu-airtel; lane=bulk: kannel only"
    settings = told(tmp_path, "kannel,gammu", gammu_spool=spools, sms_routes=rules)
    assert order(settings, AIRTEL)[0] == "gammu-airtel"
    assert order(settings, SAFARICOM) == ("kannel", "gammu-safaricom", "gammu-airtel")
    assert order(settings, SAFARICOM, Lane.BULK) == ("kannel",)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"sms_routes": "network=airtel: gammu"},
            "MLANGO_SMS_ROUTES sends through “gammu”, which is none of the channels (kannel, null).",
        ),
        (
            {"sms_routes": "kannel"},
            "MLANGO_SMS_ROUTES has a rule without a condition: “kannel” should look like network=safaricom: kannel.",
        ),
        ({"sms_rates": "gammu=1"}, "MLANGO_SMS_RATES names “gammu”, which is none of the channels (kannel, null)."),
    ],
)
def test_a_rule_for_a_network_that_is_not_there_is_one_sentence(
    tmp_path: Path, more: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadSettings) as refused:
        order(told(tmp_path, "kannel,null", **more), AIRTEL)
    assert refused.value.faults == (sentence,)


def test_the_rate_is_the_contracts_where_the_operator_knows_it(tmp_path: Path) -> None:
    settings = told(tmp_path, "kannel,null", sms_rates="kannel=7")
    channels = networks.channels_of(settings, networks.gateways(settings, Citizens(KEYRING)))
    assert (channels.rate("kannel"), channels.rate("null")) == (7.0, None)


def test_the_limits_are_those_of_the_settings(bound: str, tmp_path: Path) -> None:
    limits = networks.limits_of(told(tmp_path, "null", sms_day="900", sms_number_day="7", quiet_hours="22-6"))
    assert (limits.day, limits.number_day, limits.quiet) == (900, 7, Quiet(22, 6))
    assert limits.tariff == Price("KES", 8_000)
    assert str(limits.zone()) == "Africa/Nairobi"


def test_a_demonstration_keeps_nobody_waiting_and_lets_one_phone_play_many_citizens(tmp_path: Path) -> None:
    demo = told(tmp_path, "null")
    real = networks.limits_of(demo.model_copy(update={"mode": "production"}))
    assert (networks.limits_of(demo).spacing, networks.limits_of(demo).number_day) == (timedelta(0), None)
    assert (real.spacing, real.number_day) == (SPACING, 20)


def test_a_sender_in_letters_is_refused_at_start(bound: str, tmp_path: Path) -> None:
    settings = told(tmp_path, "africastalking", africastalking_sender="MLANGO")
    with pytest.raises(Refusal, match="Nobody can reply to the sender of africastalking, a name in letters"):
        networks.refuse_what_citizens_cannot_do(settings, networks.gateways(settings, Citizens(KEYRING)))


@pytest.mark.parametrize("code", ["*384*96#", "none"])
def test_a_number_and_a_service_without_ussd_are_not(bound: str, tmp_path: Path, code: str) -> None:
    settings = told(tmp_path, "africastalking,simulator", service_code=code)
    networks.refuse_what_citizens_cannot_do(settings, networks.gateways(settings, Citizens(KEYRING)))


def test_nothing_is_started_with_a_sender_that_nobody_can_answer(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="a name in letters"):
        wiring.prepare(told(tmp_path, "africastalking", africastalking_sender="MLANGO"), lambda _: None)
    database.close()
