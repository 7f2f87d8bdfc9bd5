"""The public front page: what this service is, what to dial, whom to call in danger; in English and Swahili."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

import packs
from desk.pages import pages


def _in_force() -> Sequence[packs.Emergency]:
    return packs.current().emergency


def blueprint(
    *,
    service_code: str,
    short_code: str,
    demo: bool,
    service_name: str = "Mlango",
    free: bool = False,
    emergency: Callable[[], Sequence[packs.Emergency]] = _in_force,
) -> Blueprint:
    """`/`, for a service where citizens pay nothing for USSD and SMS if `free`.

    In demo mode the page says so and leads to the phone simulator; otherwise its numbers can be tapped to call.
    """
    public = pages("public", "/")

    @public.get("/")
    def index() -> ResponseReturnValue:
        return render_template(
            "public.html",
            service_name=service_name,
            service_code=service_code,
            short_code=short_code,
            emergency=emergency(),
            in_words=packs.text,
            free=free,
            demo=demo,
        )

    return public
