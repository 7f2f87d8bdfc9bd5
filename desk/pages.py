"""How every page of the desk is served: one blueprint with this room's templates, its static files, and its headers."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, request, url_for

STATIC: Final = Path(__file__).with_name("static")
YEAR: Final = 365 * 24 * 3600  # seconds
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def pages(name: str, url_prefix: str) -> Blueprint:
    """A blueprint for the pages below `url_prefix`, its files below `<url_prefix>/assets`.

    Its templates name a file by `asset('phone.css')`. Such an address carries the file's digest and is cached for a
    year; everything else is not cached. Scripts and styles come from our own files only.
    """
    blueprint = Blueprint(
        name,
        __name__,
        url_prefix=url_prefix,
        template_folder="templates",
        static_folder="static",
        static_url_path="/assets",  # a page at the root must not meet the application's own /static
    )

    @blueprint.context_processor
    def assets() -> dict[str, object]:
        return {"asset": lambda filename: url_for(f"{name}.static", filename=filename, v=_digest(filename))}

    @blueprint.after_request
    def guard(response: Response) -> Response:
        for header, value in HEADERS.items():
            response.headers.setdefault(header, value)
        response.cache_control.clear()
        if request.endpoint == f"{name}.static" and "v" in request.args:
            response.cache_control.public = True
            response.cache_control.max_age = YEAR
            response.cache_control.immutable = True
        else:
            response.cache_control.no_store = True
        return response

    return blueprint


@cache
def _digest(filename: str) -> str:
    return sha256((STATIC / filename).read_bytes()).hexdigest()[:12]
