"""The environment is read once; every fault comes at once, in words."""

from __future__ import annotations

import base64
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ussd_app import keys
from ussd_app.settings import ROOT, BadSettings, Settings, describe, unknown, variable

KEY: Final = base64.b64encode(bytes(range(32))).decode()
TOKEN: Final = "0kY3hJv1rS9wQ2xT7uNbVc4m"
PRODUCTION: Final = {
    "MLANGO_MODE": "production",
    "MLANGO_MASTER_KEYS": f"k1:{KEY}",
    "MLANGO_INDEX_KEY": KEY,
    "MLANGO_CALLBACK_TOKEN": TOKEN,
    "MLANGO_SMS_GATEWAY": "africastalking",
    "MLANGO_AFRICASTALKING_USERNAME": "mlango",
    "MLANGO_AFRICASTALKING_API_KEY": "atsk_1234",
}


def faults(**environ: str) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        Settings.load(environ)
    return list(refused.value.faults)


def load(home: Path, **environ: str) -> Settings:
    return Settings.load({"MLANGO_HOME": str(home), **environ})


def test_demo_mode_needs_no_setting_but_a_place_to_write(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert (settings.mode, settings.port, settings.host) == ("demo", 8000, "127.0.0.1")
    assert settings.database == f"sqlite:///{tmp_path}/mlango.sqlite3"
    assert settings.callback_tokens == ()


def test_the_demo_makes_its_keys_once_and_only_its_owner_reads_them(tmp_path: Path) -> None:
    first, second = load(tmp_path / "a" / "b"), load(tmp_path / "a" / "b")
    assert first.masters == second.masters
    assert first.index_secret == second.index_secret
    assert first.index_secret not in first.masters.values()
    assert stat.S_IMODE((tmp_path / "a" / "b" / keys.FILE).stat().st_mode) == 0o600


def test_processes_that_start_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load(tmp_path).master_keys.get_secret_value(), range(8)))
    assert len(set(made)) == 1
    assert [file.name for file in tmp_path.iterdir()] == [keys.FILE]


def test_a_damaged_file_of_keys_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / keys.FILE).write_text("MLANGO_MASTER_KEYS=demo1:short\n")
    assert faults(MLANGO_HOME=str(tmp_path)) == [
        f"{tmp_path / keys.FILE} is damaged; put it back from a copy, or choose another MLANGO_HOME."
    ]


def test_every_fault_is_reported_at_once_and_names_its_variable() -> None:
    found = faults(PORT="eighty", MLANGO_MODE="prod", MLANGO_NODE="Box 1", MLANGO_USSD_OCTETS="150")
    assert found == [
        "MLANGO_MODE must be demo or production, not 'prod'.",
        "PORT must be a whole number from 1 to 65535, not 'eighty'.",
        "MLANGO_NODE must be small letters, digits and hyphens, 32 at most, not 'Box 1'.",
        "MLANGO_USSD_OCTETS must be 140 or 160, not '150'.",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "80.5"),
        ("MLANGO_USSD_FIRST_OCTETS", "20"),
        ("MLANGO_USSD_FIRST_OCTETS", "many"),
        ("MLANGO_COST_SESSION", "-1"),
        ("MLANGO_COST_SMS_OUT", "nan"),
        ("MLANGO_COST_SMS_IN", "cheap"),
        ("MLANGO_OFFER_UNREVIEWED", "maybe"),
        ("MLANGO_DATABASE_URL", "mysql://u@h/d"),
        ("MLANGO_REDIS_URL", "localhost:6379"),
        ("MLANGO_MASTER_KEYS", f"k1:{KEY},k1:{KEY}"),
        ("MLANGO_MASTER_KEYS", KEY),
        ("MLANGO_INDEX_KEY", "c2hvcnQ="),
        ("MLANGO_CALLBACK_TOKEN", "a,b,c"),
        ("MLANGO_SERVICE_CODE", "384"),
        ("MLANGO_SHORT_CODE", "MLANGO"),
        ("MLANGO_PACK", "../ke"),
        ("MLANGO_PAYS", "nobody"),
        ("MLANGO_AFRICASTALKING_BASE_URL", "ftp://x"),
        ("MLANGO_LOG_LEVEL", "loud"),
        ("MLANGO_SMS_GATEWAY", "kannel;gammu"),
        ("MLANGO_SMS_GATEWAY", "gammu,gammu"),
        ("MLANGO_SMS_RATES", "kannel=fast"),
        ("MLANGO_SMS_RATES", "kannel=50,gammu=0.0"),
        ("MLANGO_SMS_NUMBER_DAY", "0"),
        ("MLANGO_SMS_DAY", "99"),
        ("MLANGO_QUIET_HOURS", "21-24"),
        ("MLANGO_QUIET_HOURS", "7-7"),
        ("MLANGO_KANNEL_URL", "127.0.0.1:13013"),
        ("MLANGO_KANNEL_URL", "http://127.0.0.1:sendsms/"),
        ("MLANGO_KANNEL_URL", "http://127.0.0.1:13013/cgi bin/"),
        ("MLANGO_KANNEL_ANSWERS", "here"),
        ("MLANGO_EXCHANGE_SECRETS", "secret"),
        ("MLANGO_EXCHANGE_SECRETS", "NCWSC="),
        ("MLANGO_EXCHANGE_SSH_KEY", "/there/is/no/such/key"),
        ("MLANGO_EXCHANGE_SMTP", "http://127.0.0.1"),
        ("MLANGO_EXCHANGE_SMTP", "smtp://"),
        ("MLANGO_EXCHANGE_IMAP", "imaps://127.0.0.1:0"),
        ("MLANGO_EXCHANGE_SENDER", "Mlango"),
        ("MLANGO_GAMMU_SPOOL", "spool"),
        ("MLANGO_GAMMU_SPOOL", "a=/srv/a,a=/srv/b"),
        ("MLANGO_GAMMU_SPOOL", "a=/srv/a,b=/srv/a"),
        ("MLANGO_GAMMU_SPOOL", "a-name-of-nineteen-c=/srv/a"),
    ],
)
def test_an_unusable_value_is_one_sentence(name: str, text: str) -> None:
    [sentence] = faults(**{name: text})
    assert sentence.startswith(f"{name} must ")
    assert sentence.endswith(".")


def test_several_networks_stand_in_the_order_of_preference(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        MLANGO_SMS_GATEWAY="gammu, null",
        MLANGO_GAMMU_SPOOL="safaricom=/srv/a,sim-2=/srv/b",
        MLANGO_SMS_RATES="gammu-sim-2=0.1,null=1000",
    )
    assert settings.gateways == ("gammu", "null")
    assert settings.spools == {"gammu-safaricom": Path("/srv/a"), "gammu-sim-2": Path("/srv/b")}
    assert settings.rates == {"gammu-sim-2": 0.1, "null": 1000.0}
    assert load(tmp_path).spools == {"gammu": Path("/var/spool/gammu")}


@pytest.mark.parametrize("missing", ["MLANGO_KANNEL_USERNAME", "MLANGO_KANNEL_PASSWORD"])
def test_a_network_is_refused_without_its_account(missing: str) -> None:
    account = {"MLANGO_KANNEL_USERNAME": "mlango", "MLANGO_KANNEL_PASSWORD": "secret"}
    given = {name: text for name, text in account.items() if name != missing}
    assert faults(MLANGO_SMS_GATEWAY="kannel", **given) == [f"{missing} is required when MLANGO_SMS_GATEWAY is kannel."]


@pytest.mark.parametrize(
    ("mode", "hours", "quiet"),
    [(PRODUCTION, None, (21, 7)), (PRODUCTION, "none", None), ({}, None, None), ({}, "22-6", (22, 6))],
)
def test_nights_are_quiet_in_production_unless_said_otherwise(
    tmp_path: Path, mode: dict[str, str], hours: str | None, quiet: tuple[int, int] | None
) -> None:
    told = {"MLANGO_QUIET_HOURS": hours} if hours else {}
    assert Settings.load({"MLANGO_HOME": str(tmp_path)} | mode | told).quiet == quiet


def test_a_service_without_ussd_has_no_code(tmp_path: Path) -> None:
    assert load(tmp_path, MLANGO_SERVICE_CODE="none").service_code == ""


def test_kannel_reports_to_this_machine_unless_told_otherwise(tmp_path: Path) -> None:
    assert load(tmp_path, PORT="8123").answers_at == "http://127.0.0.1:8123"
    assert load(tmp_path, MLANGO_KANNEL_ANSWERS="http://10.0.0.2/").answers_at == "http://10.0.0.2"


SECRETS: Final = [
    ("MLANGO_DATABASE_URL", "mysql://mlango:hunter22@db/x"),
    ("MLANGO_REDIS_URL", "http://:hunter22@cache"),
    ("MLANGO_MASTER_KEYS", "hunter22"),
    ("MLANGO_INDEX_KEY", "hunter22"),
    ("MLANGO_CALLBACK_TOKEN", "hunter22,x,y"),
]


@pytest.mark.parametrize("name", sorted(variable(field) for field in Settings.model_fields if field != "home"))
@pytest.mark.parametrize("text", ["x", "-1", "1e9", "nan", "\u0661", "*", "/"])
def test_whatever_is_written_into_a_setting_it_is_taken_or_refused_in_a_sentence(
    tmp_path: Path, name: str, text: str
) -> None:
    try:
        load(tmp_path, **{name: text})
        told: tuple[str, ...] = ()
    except BadSettings as refusal:
        told = tuple(refusal.faults)
    assert all(name in sentence for sentence in told)


@pytest.mark.parametrize(("name", "text"), SECRETS)
def test_a_fault_never_repeats_a_secret(name: str, text: str) -> None:
    assert "hunter22" not in " ".join(faults(**{name: text}))


def test_settings_do_not_show_their_secrets_when_printed() -> None:
    shown = f"{Settings.load(PRODUCTION)!r} {Settings.load(PRODUCTION)}"
    assert not [secret for secret in (KEY, TOKEN, "atsk_1234") if secret in shown]


def test_settings_cannot_be_changed_afterwards(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load(tmp_path).port = 1


def test_production_starts_with_what_it_needs_and_writes_no_keys(tmp_path: Path) -> None:
    settings = Settings.load(PRODUCTION | {"MLANGO_HOME": str(tmp_path)})
    assert settings.masters == {"k1": bytes(range(32))}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", sorted(PRODUCTION.keys() - {"MLANGO_MODE"}))
def test_production_refuses_to_start_without(missing: str) -> None:
    [sentence] = faults(**{name: text for name, text in PRODUCTION.items() if name != missing})
    assert missing in sentence


@pytest.mark.parametrize("token", ["secret", "0123456789abcdef0123456789abcde", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])
def test_production_refuses_a_token_that_can_be_guessed(token: str) -> None:
    [sentence] = faults(**PRODUCTION | {"MLANGO_CALLBACK_TOKEN": f"{TOKEN},{token}"})
    assert sentence.startswith("MLANGO_CALLBACK_TOKEN can be guessed")


def test_two_tokens_are_valid_while_changing_over() -> None:
    settings = Settings.load(PRODUCTION | {"MLANGO_CALLBACK_TOKEN": f"{TOKEN}, {TOKEN[::-1]}"})
    assert settings.callback_tokens == (TOKEN, TOKEN[::-1])


def test_the_first_master_key_is_the_current_one() -> None:
    settings = Settings.load(PRODUCTION | {"MLANGO_MASTER_KEYS": f"k2:{KEY}, k1:{KEY}"})
    assert list(settings.masters) == ["k2", "k1"]


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, PORT="", MLANGO_REDIS_URL=" ").port == 8000


def test_a_relative_home_is_below_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings.load({"MLANGO_HOME": "var"}).home == tmp_path / "var"


def test_a_home_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    assert faults(MLANGO_HOME=str(tmp_path / "var")) == [
        f"The folder {tmp_path / 'var'} cannot be written (it is a file); choose another one with MLANGO_HOME."
    ]


def test_the_socket_of_a_deep_home_still_fits_a_socket_address(tmp_path: Path) -> None:
    deep = load(tmp_path / ("d" * 120))
    near = deep.model_copy(update={"home": Path("/srv/mlango")})
    assert near.redis == "unix:///srv/mlango/run/valkey.sock"
    assert len(os.fsencode(deep.valkey_socket)) <= 100
    assert deep.valkey_socket == load(deep.home).valkey_socket
    assert deep.valkey_socket != load(tmp_path / ("e" * 120)).valkey_socket


def test_a_setting_that_does_not_exist_is_pointed_out_with_the_likely_one() -> None:
    environ = {"MLANGO_DATABSE_URL": "x", "MLANGO_NODE": "box1", "MLANGO_TEST_REQUIRE": "all", "PATH": "/bin"}
    assert unknown(environ) == ["MLANGO_DATABSE_URL is not a setting of Mlango; did you mean MLANGO_DATABASE_URL?"]


def test_every_setting_explains_itself() -> None:
    rows = describe()
    assert {row.variable for row in rows} == {variable(name) for name in Settings.model_fields}
    assert all(row.meaning.endswith((".", ")")) for row in rows)
    assert ("PORT", "8000") in [(row.variable, row.default) for row in rows]
    assert ("MLANGO_HOME", "./var") in [(row.variable, row.default) for row in rows]


def test_every_setting_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = [
        row for row in describe() if f"| `{row.variable}` | {row.default and f'`{row.default}`'} |" not in readme
    ]
    assert not missing, "Write these rows into the README's table of settings: " + "\n".join(
        f"| `{row.variable}` | {row.default and f'`{row.default}`'} | {row.meaning} |" for row in missing
    )


@given(st.binary(min_size=32, max_size=32))
def test_a_key_reads_the_same_in_either_alphabet_with_and_without_padding(key: bytes) -> None:
    for written in (base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode().rstrip("=")):
        assert keys.parse_key(written) == key


@given(st.text(max_size=60).filter(lambda text: not re.fullmatch(r"\s*[\w+/-]{43}=*\s*", text, re.ASCII)))
def test_what_is_no_key_is_refused_in_the_same_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be the base64 of 32 bytes$"):
        keys.parse_key(text)
