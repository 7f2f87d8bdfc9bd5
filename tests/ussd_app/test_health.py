"""Alive, ready, degraded: what load balancers, `up` and Prometheus are told, on both databases."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

import packs
from cases import callbacks
from cases.citizens import Citizens
from cases.models import Citizen
from menus import bans, strangers
from packs.published import PackVersion
from sms_gateway import heartbeat, lines
from sms_gateway.limits import Price
from store import database
from store.clock import utcnow
from store.sealing import Keyring
from sync import links
from sync.transport import LinkFault
from tests import box
from tests.box import ASHA, CALLBACKS, LODGE, Handset, through
from ussd_app import background, health
from ussd_app.settings import Settings


@pytest.fixture
def redis_socket() -> Iterator[Path]:
    """Where Redis would be."""
    with box.short_folder() as folder:
        yield folder / "redis.sock"


@pytest.fixture
def box_settings(database_url: str, tmp_path: Path, redis_socket: Path) -> Settings:
    return Settings.load(box.environ(tmp_path, database_url, redis_url=f"unix://{redis_socket}"))


@pytest.fixture
def app(box_settings: Settings) -> Iterator[Flask]:
    with box.application(box_settings) as app:
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_it_is_alive_whatever_else_is_down(client: FlaskClient) -> None:
    database.close()
    database.bind("sqlite:////no/such/folder/mlango.sqlite3")
    assert client.get("/healthz").data == b"ok\n"


def test_without_redis_it_is_ready_but_degraded(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "ready": True,
        "degraded": ["redis", "relay", "worker"],
        "checks": {
            "database": "ok",
            "redis": "down",
            "worker": "down",
            "relay": "down",
            "sms": "ok",
            "offices": "ok",
        },
        "outbox": 0,
        "queues": {},
        "calls": 0,
        "channels": {"simulator": "ok"},
        "offices": {"COUNTY-047": "ok", "KPLC": "ok", "NCWSC": "ok"},
    }


def test_with_all_its_parts_nothing_is_degraded(
    client: FlaskClient, box_settings: Settings, redis_socket: Path
) -> None:
    with box.valkey(redis_socket):
        connection = background.redis(box_settings)
        worker = background.Worker([background.queue(connection)], connection=connection)
        worker.register_birth()  # type: ignore[no-untyped-call]
        heartbeat.beat(utcnow())
        answer = client.get("/readyz").json
        assert answer is not None
        assert answer["degraded"] == []
        assert set(answer["checks"].values()) == {"ok"}
        worker.register_death()  # type: ignore[no-untyped-call]
        assert client.get("/readyz").json["degraded"] == ["worker"]  # type: ignore[index]
        connection.close()


def test_a_relay_that_stopped_beating_is_down(client: FlaskClient) -> None:
    heartbeat.beat(utcnow() - health.RELAY_SILENCE)
    assert "relay" in client.get("/readyz").json["degraded"]  # type: ignore[index]
    heartbeat.beat(utcnow())
    assert "relay" not in client.get("/readyz").json["degraded"]  # type: ignore[index]


def test_the_outbox_counts_what_waits_to_go_out(client: FlaskClient) -> None:
    Handset(through(client)).text("No water since Monday")
    assert client.get("/readyz").json["outbox"] == 1  # type: ignore[index]


def test_a_channel_that_is_paused_is_told_without_the_networks_words(client: FlaskClient) -> None:
    lines.failed("simulator", "401 wrong key of mlango-county", utcnow(), at_fault=True)
    answer = client.get("/readyz").json
    assert answer is not None
    assert "sms" in answer["degraded"]
    assert re.fullmatch(r"paused until \d\d:\d\d on \d\d \w+", answer["channels"]["simulator"])
    assert 'mlango_channel_up{channel="simulator"} 0.0' in client.get("/metrics").get_data(as_text=True)
    lines.resume("simulator")
    assert client.get("/readyz").json["channels"] == {"simulator": "ok"}  # type: ignore[index]


def test_a_channel_whose_pause_is_over_is_told_until_it_works_again(client: FlaskClient) -> None:
    lines.failed("simulator", "401", utcnow() - timedelta(hours=1), at_fault=True)
    assert client.get("/readyz").json["channels"] == {"simulator": "being tried again"}  # type: ignore[index]
    lines.works("simulator")
    assert client.get("/readyz").json["channels"] == {"simulator": "ok"}  # type: ignore[index]


def test_what_sms_cost_today_is_counted_by_channel(client: FlaskClient) -> None:
    today = utcnow().astimezone(ZoneInfo("Africa/Nairobi")).date()
    for day, parts in ((today, 3), (today - timedelta(days=1), 900), (today + timedelta(days=1), 900)):
        with database.transaction():
            lines.spend(day.isoformat(), "simulator", 2, parts, Price("KES", parts * 8_000))
    figures = client.get("/metrics").get_data(as_text=True)
    assert 'mlango_sms_sent_today{channel="simulator"} 2.0' in figures
    assert 'mlango_sms_segments_today{channel="simulator"} 3.0' in figures
    assert 'mlango_sms_cost_today{channel="simulator",currency="KES"} 2.4' in figures


def test_an_office_that_is_not_reached_is_told_without_addresses(client: FlaskClient) -> None:
    fault = LinkFault("Connection to files.example.go.ke refused")
    links.failed("NCWSC", fault, utcnow() - timedelta(minutes=5))
    answer = client.get("/readyz").json
    assert answer is not None
    assert answer["offices"]["NCWSC"] == "not reached; being tried again"
    assert "offices" not in answer["degraded"]  # a line that failed a minute ago is nobody's worry
    links.works("NCWSC", utcnow())
    links.failed("NCWSC", fault, utcnow() - timedelta(days=2))
    assert "offices" in client.get("/readyz").json["degraded"]  # type: ignore[index]
    assert "example.go.ke" not in client.get("/readyz").get_data(as_text=True)


def test_what_waits_for_an_office_is_counted(client: FlaskClient) -> None:
    Handset(through(client)).dial(*LODGE)  # a case for the water company
    links.works("NCWSC", utcnow())
    figures = client.get("/metrics").get_data(as_text=True)
    assert 'mlango_exchange_rows_waiting{agency="NCWSC"} 1.0' in figures
    assert 'mlango_exchange_files_waiting{agency="NCWSC"} 0.0' in figures
    assert 'mlango_exchange_days_behind{agency="NCWSC"} 0.0' in figures
    assert 'mlango_exchange_last_success_seconds{agency="NCWSC"}' in figures


def test_banned_numbers_held_texts_and_strangers_are_counted(client: FlaskClient) -> None:
    asha, now = Handset(through(client)), utcnow()
    asha.text("HELP")
    with database.transaction():
        bans.make(Citizen.get().id, now + timedelta(days=1), "a flood", "operator", now)
        strangers.turn_away("africastalking", "MPESA", now)
    asha.text("No water in Lindi")
    figures = client.get("/metrics").get_data(as_text=True)
    assert "mlango_sms_numbers_banned 1.0" in figures
    assert "mlango_sms_texts_held 1.0" in figures
    assert "mlango_sms_turned_away_today 1.0" in figures


def test_who_waits_for_a_call_is_counted(client: FlaskClient, keyring: Keyring) -> None:
    asha = Citizens(keyring).meet(ASHA, utcnow())
    callbacks.ask(asha, "new", None, packs.current(), utcnow())
    assert client.get("/readyz").json["calls"] == 1  # type: ignore[index]
    assert "mlango_calls_waiting 1.0" in client.get("/metrics").get_data(as_text=True)


def test_a_case_that_no_rule_sends_anywhere_is_seen_and_heard(client: FlaskClient) -> None:
    with structlog.testing.capture_logs() as logged:
        assert "Case number" in Handset(through(client)).dial("1", "1", "9", "6", "Kuna shida", "1", "1")
    assert [one["queue"] for one in logged if one["event"] == "case_needs_a_person"] == ["supervisor"]
    assert client.get("/readyz").json["queues"] == {"supervisor": 1}  # type: ignore[index]
    assert 'mlango_queue_cases{queue="supervisor"} 1.0' in client.get("/metrics").get_data(as_text=True)


def test_a_redis_that_takes_connections_but_never_answers_holds_nobody_up(
    client: FlaskClient, redis_socket: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(redis_socket))
        silent.listen()
        began = time.monotonic()
        answer = client.get("/readyz")
        assert time.monotonic() - began < 2
    assert (answer.status_code, answer.json["checks"]["redis"]) == (200, "down")  # type: ignore[index]


def test_without_a_pack_it_is_not_ready_and_says_so_quietly(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    PackVersion.delete().execute()
    capsys.readouterr()
    assert client.get("/readyz").status_code == 503
    assert "Traceback" not in capsys.readouterr().err


def test_before_the_migrations_it_is_not_ready_but_has_words_for_citizens(tmp_path: Path) -> None:
    """As while `up` prepares the database."""
    with box.application(Settings.load(box.environ(tmp_path))) as app:
        client = app.test_client()
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json["checks"]["database"] == "down"  # type: ignore[index]
        assert (answer.json["ready"], answer.json["outbox"]) == (False, None)  # type: ignore[index]
        assert client.get("/healthz").status_code == 200
        assert Handset(through(client)).hop("", "s1").startswith("END ")


def test_the_figures_are_for_those_who_may_call_back(database_url: str, tmp_path: Path) -> None:
    environ = box.environ(tmp_path, database_url, callback_token="3f9c1d77a0b24e5f8f6e")
    with box.application(Settings.load(environ)) as app:
        client = app.test_client()
        assert client.get("/metrics").status_code == 403
        assert client.get("/metrics?token=3f9c1d77a0b24e5f8f6e").status_code == 200


def test_the_figures_are_what_prometheus_reads(client: FlaskClient) -> None:
    def figures() -> dict[tuple[str, ...], float]:
        answer = client.get("/metrics")
        assert answer.content_type.startswith("text/plain; version=0.0.4")
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    before = figures()
    Handset(through(client)).dial("1", "7")
    Handset(through(client)).text("No water since Monday")
    client.post(f"{CALLBACKS}/sms", data={"from": ASHA})
    after = figures()

    def risen(*key: str) -> float:
        return after[key] - before.get(key, 0)

    assert risen("mlango_ussd_hops_total", "con") + risen("mlango_ussd_hops_total", "end") == 3
    assert risen("mlango_ussd_hop_seconds_count") == 3
    assert risen("mlango_callbacks_total", "sms", "taken") == 1
    assert risen("mlango_callbacks_total", "sms", "unreadable") == 1
    assert after["mlango_outbox_messages",] == 1
    assert (after["mlango_part_up", "database"], after["mlango_part_up", "redis"]) == (1, 0)
