"""The Flask app, and the only place where the rooms of the house are wired together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask, Response

    from ussd_app.settings import Settings


def create_app(settings: Settings | None = None, *, serving: bool = False) -> Flask:
    """The web application for `settings` (by default those of the environment). Raises BadSettings.

    `serving`: this process lives for it; what it counts is stored also while nobody dials.
    Imports lie inside so that the commands that need no web server start without one.
    """
    from flask import Flask  # noqa: PLC0415

    import packs  # noqa: PLC0415
    from desk import phone, public  # noqa: PLC0415
    from desk.pages import HEADERS  # noqa: PLC0415
    from sync import open311  # noqa: PLC0415
    from ussd_app import callbacks, health, logs, wiring  # noqa: PLC0415
    from ussd_app.settings import Settings  # noqa: PLC0415

    settings = settings or Settings.load()
    logs.set_up(settings.log_level)
    house = wiring.build(settings)
    if serving:
        Thread(target=house.insight.keep_flushing, daemon=True).start()
    app = Flask(__name__, static_folder=None)
    app.after_request(partial(_harden, {**HEADERS, "Cache-Control": "no-store"}))
    app.register_blueprint(callbacks.blueprint(house))
    app.register_blueprint(health.blueprint(house))
    voice = {"service_code": settings.service_code, "short_code": settings.short_code}
    app.register_blueprint(
        public.blueprint(
            service_name=settings.service_name,
            emergency=lambda: packs.current().emergency,
            free=settings.pays == "county",
            demo=settings.mode == "demo",
            **voice,
        )
    )
    app.register_blueprint(
        open311.blueprint(
            casework=house.casework,
            citizens=house.citizens,
            pack_and_places=wiring.pack_and_places,
            service_name=settings.service_name,
            demo=settings.mode == "demo",
        )
    )
    if house.handsets:
        app.register_blueprint(phone.blueprint(house.handsets.inbox, **voice))
    return app


def _harden(headers: Mapping[str, str], response: Response) -> Response:
    """Every answer carries the headers of our pages, those to the networks too; what a page said itself stays."""
    said = {name.lower() for name, _ in response.headers}
    response.headers.extend((name, value) for name, value in headers.items() if name.lower() not in said)
    return response
