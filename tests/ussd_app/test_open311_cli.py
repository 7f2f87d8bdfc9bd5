"""`./mlango open311`: keys are made, listed and revoked; their secrets are shown once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import database
from sync.open311 import keys
from tests import box
from tests.commands import refusal, told
from ussd_app.cli.open311 import command


@pytest.fixture(autouse=True)
def _box(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in box.environ(tmp_path / "home", database_url).items():
        monkeypatch.setenv(name, value)
    yield
    database.close()


def test_a_key_is_made_works_is_listed_without_its_secret_and_ends(database_url: str) -> None:
    assert told(command, "key", "list") == "No key was made.\n"
    first, secret = told(command, "key", "add", "fixmystreet", "--scope", "lodge", "--by", "asha").splitlines()
    assert first.endswith("of fixmystreet (lodge; 60 requests a minute):")
    made = keys.find(secret)
    assert made
    assert (made.client, made.may(keys.LODGE), made.may(keys.NOTES), made.made_by) == (
        "fixmystreet",
        True,
        False,
        "asha",
    )
    listed = told(command, "key", "list")
    assert made.called in listed
    assert secret not in listed
    assert told(command, "key", "revoke", made.called) == f"Key {made.called} of fixmystreet is revoked.\n"
    assert keys.find(secret) is None
    (entry,) = json.loads(told(command, "key", "list", "--json"))
    assert entry["revoked_at"] is not None
    assert (entry["key"], entry["scopes"]) == (made.called, ["lodge"])


def test_who_may_have_citizens_texted_is_said_by_name(database_url: str) -> None:
    asked: tuple[list[str], list[str]] = ["--scope", "lodge", "--scope", "sms"], []
    may = [keys.find(told(command, "key", "add", "app", *scopes).splitlines()[1]) for scopes in asked]
    assert [key.scopes for key in may if key] == ["lodge sms", "lodge notes"]


def test_what_cannot_be_done_is_told(database_url: str) -> None:
    assert refusal(command, "key", "add", "Fix My Street").startswith("'Fix My Street' is no name for a client")
    assert refusal(command, "key", "revoke", "12345678") == "No key in force is called 12345678."
    assert refusal(command, "key", "revoke", "%") == "Name the key as the list shows it; '%' is too short."
