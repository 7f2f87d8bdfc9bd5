"""Every address checks who asks, or stands here with the reason why it answers anyone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from flask import Flask
from werkzeug.routing import Rule

from tests import box
from ussd_app.settings import Settings

PUBLIC = {
    "public.index": "the front page: what to dial, whom to call in danger",
    "public.static": "its styles",
    "health.healthz": "load balancers ask it; it says nothing but ok",
    "health.readyz": "load balancers and `up` ask it; it names parts of this house, never data",
    **dict.fromkeys(
        ("open311.discovery", "open311.openapi", "open311.services", "open311.definition"),
        "Open311 describes itself: what may be reported, and how",
    ),
    **dict.fromkeys(
        ("open311.requests", "open311.request", "open311.updates", "open311.token"),
        "Open311 tells of public cases by kind and place, never by a citizen's words; to report takes a key",
    ),
}
DEMO_ONLY = {
    "phone.page": "the phone simulator, where every citizen is made up",
    "phone.static": "its scripts and styles",
    "phone.inbox": "what the simulated network delivered",
}
STRANGER = {"REMOTE_ADDR": "192.0.2.7"}
PRODUCTION = {
    "mode": "production",
    "master_keys": "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "index_key": "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=",
    "callback_token": "vC3xW0q9hJt7LzR5bKpN2s8Y",
    "sms_gateway": "africastalking",
    "africastalking_username": "mlango",
    "africastalking_api_key": "atsk_0",
}


@pytest.fixture(params=[{}, {"callback_token": "vC3xW0q9hJt7LzR5bKpN2s8Y"}, PRODUCTION], ids=["demo", "token", "live"])
def app(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> Iterator[Flask]:
    copytree(sqlite_template, tmp_path / "home")
    environ = box.environ(tmp_path / "home", log_level="error", **request.param)
    with box.application(Settings.load(environ)) as app:
        yield app


def rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every address with each of its methods."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def answers_a_stranger(app: Flask, rule: Rule, method: str) -> bool:
    path = rule.build(dict.fromkeys(rule.arguments, "x"))
    assert path
    return app.test_client().open(path[1], method=method, environ_overrides=STRANGER).status_code not in (401, 403)


def test_every_route_is_authenticated_or_listed_as_public(app: Flask) -> None:
    open_doors = {str(rule.endpoint) for rule, method in rules(app) if answers_a_stranger(app, rule, method)}
    strange = open_doors - PUBLIC.keys() - DEMO_ONLY.keys()
    assert not strange, f"{sorted(strange)} answer anyone. Guard them, or list them in PUBLIC with a reason."


def test_what_the_networks_call_and_the_figures_are_guarded(app: Flask) -> None:
    guarded = {str(rule.endpoint) for rule, method in rules(app) if not answers_a_stranger(app, rule, method)}
    named = {"ussd", "ussd_events", "sms", "delivery", "opt_out"}
    assert guarded >= {"health.figures", *(f"callbacks.{name}" for name in named)}


def test_no_list_names_a_route_that_is_gone(sqlite_template: Path, tmp_path: Path) -> None:
    """In demo mode, which has them all."""
    copytree(sqlite_template, tmp_path / "home")
    with box.application(Settings.load(box.environ(tmp_path / "home"))) as app:
        gone = {*PUBLIC, *DEMO_ONLY} - {str(rule.endpoint) for rule in app.url_map.iter_rules()}
    assert not gone, f"{sorted(gone)} are no routes any more; take them off the list."


def test_the_phone_simulator_is_not_part_of_a_live_service(sqlite_template: Path, tmp_path: Path) -> None:
    copytree(sqlite_template, tmp_path / "home")
    with box.application(Settings.load(box.environ(tmp_path / "home", **PRODUCTION))) as app:
        endpoints = {str(rule.endpoint) for rule in app.url_map.iter_rules()}
        assert not endpoints & DEMO_ONLY.keys()
        assert app.test_client().get("/phone").status_code == 404
