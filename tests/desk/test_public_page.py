"""The public front page."""

from __future__ import annotations

from flask import Flask

from desk import public
from packs import Emergency

POLICE = Emergency("police", "999", {"en": "Police", "sw": "Polisi"})


def front_page(*, demo: bool = False, free: bool = False, service_code: str = "*483*1#") -> str:
    app = Flask(__name__)
    door = public.blueprint(
        service_name="Mlango",
        service_code=service_code,
        short_code="40404",
        emergency=lambda: [POLICE],
        free=free,
        demo=demo,
    )
    app.register_blueprint(door)
    return app.test_client().get("/").text


def test_it_says_what_to_dial_and_whom_to_call_in_danger_in_both_languages() -> None:
    english, swahili = front_page().split('<section lang="sw">')

    for page, dial, police in ((english, "Dial", "Police"), (swahili, "Piga", "Polisi")):
        assert f'<a href="tel:*483*1%23">{dial} <b>*483*1#</b></a>' in page
        assert 'href="sms:40404"' in page
        assert f"<dt>999</dt><dd>{police}</dd>" in page


def test_a_demonstration_says_so_and_leads_to_the_simulator_instead_of_the_network() -> None:
    page = front_page(demo=True)

    assert "This is a demonstration" in page
    assert "Haya ni majaribio" in page
    assert 'href="/phone"' in page
    assert "tel:" not in page
    assert "sms:" not in page


def test_the_real_service_has_no_word_of_a_demonstration() -> None:
    page = front_page()

    assert "demonstration" not in page
    assert "/phone" not in page


def test_it_says_who_pays() -> None:
    assert "Your network charges" in front_page(free=False)
    assert "Mtandao wako utakutoza" in front_page(free=False)
    assert "It is free for you" in front_page(free=True)
    assert "Ni bure kwako" in front_page(free=True)


def test_a_service_without_ussd_speaks_of_sms_alone() -> None:
    page = front_page(service_code="")

    assert "tel:" not in page
    assert not [word for word in ("Dial", "dial", "Piga <", "piga", "session") if word in page]
    assert "Send an SMS to <b>40404</b>" in page
    assert "Tuma SMS kwa <b>40404</b>" in page
