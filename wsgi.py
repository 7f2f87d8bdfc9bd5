"""The production entry: `wsgi:app` for any WSGI server."""

from __future__ import annotations

from ussd_app import create_app

app = create_app(serving=True)
