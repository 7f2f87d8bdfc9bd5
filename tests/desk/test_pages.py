"""What holds for every page of the desk: its files, its caching, and that nothing from elsewhere runs in it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient

from desk import phone, public


class _Names(HTMLParser):
    """The files that a page names, and the scripts and styles that stand in the page itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.files: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "link"):
            self.files.append(given.get("src") or given.get("href") or "")
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(phone.blueprint(lambda msisdn: []))
    app.register_blueprint(
        public.blueprint(
            service_name="Mlango", service_code="*384*96#", short_code="38496", emergency=tuple, free=True, demo=True
        )
    )
    return app.test_client()


@pytest.mark.parametrize("path", ["/", "/phone"])
def test_nothing_runs_in_a_page_but_our_own_files(client: FlaskClient, path: str) -> None:
    page = client.get(path)

    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert _Names(page.text).inline == []


@pytest.mark.parametrize("path", ["/", "/phone"])
def test_every_file_that_a_page_names_is_there_and_kept_by_the_browser(client: FlaskClient, path: str) -> None:
    page = client.get(path)
    files = _Names(page.text).files

    assert page.cache_control.no_store
    assert len(files) >= 2
    for file in files:
        assert "/assets/" in file
        with client.get(file) as answer:
            assert answer.status_code == 200
            assert answer.cache_control.immutable
            assert answer.cache_control.max_age == 365 * 24 * 3600


def test_a_file_asked_for_without_its_digest_is_not_kept(client: FlaskClient) -> None:
    with client.get("/phone/assets/phone.js") as answer:
        assert answer.status_code == 200
        assert answer.cache_control.no_store
