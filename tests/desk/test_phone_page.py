"""The phone simulator's page and its inbox."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from desk import phone

ASHA = "+254712345678"
RECEIPT = {"id": "m0", "from": "MLANGO", "text": "Tumepokea", "segments": 1, "sent_at": "2026-11-23T06:15:00+00:00"}


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    inboxes = {ASHA: [RECEIPT]}
    app.register_blueprint(phone.blueprint(lambda msisdn: inboxes.get(msisdn, []), service_code="*483*1#"))
    return app.test_client()


def test_the_page_has_a_keypad_and_the_numbers_to_reach_the_service(client: FlaskClient) -> None:
    page = client.get("/phone").text

    assert 'data-service-code="*483*1#"' in page
    assert 'data-short-code="38496"' in page
    for key in "123456789*0#":
        assert f'<button type="button" value="{key}">' in page


def test_the_inbox_is_the_list_of_the_simulated_network(client: FlaskClient) -> None:
    answer = client.get("/phone/messages.json", query_string={"msisdn": ASHA})

    assert answer.json == [RECEIPT]
    assert answer.cache_control.no_store


def test_a_handset_without_sms_has_an_empty_inbox(client: FlaskClient) -> None:
    assert client.get("/phone/messages.json?msisdn=%2B254733000111").json == []


@pytest.mark.parametrize(
    "query",
    ["", "?msisdn=", "?msisdn=0712345678", "?msisdn=+254712345678", "?msisdn=%2B254712345678%0A", "?msisdn=asha"],
)
def test_a_number_that_is_missing_or_unusable_is_refused_with_a_sentence(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/phone/messages.json{query}")

    assert answer.status_code == 400
    assert answer.json is not None
    assert "?msisdn=%2B254712345678" in answer.json["error"]
