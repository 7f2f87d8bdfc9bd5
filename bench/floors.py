"""What our own server is measured against: the least that Flask can do, and the least that Flask and a database can.

Both are served exactly as we are. They hear the same requests and answer without understanding them.
"""

from __future__ import annotations

import os
from typing import Any, Final

from flask import Flask, Response, request
from peewee import SqliteDatabase

DATABASE: Final = "MLANGO_BENCH_DATABASE"  # the environment variable with the path of dbraw's file
_ANSWER: Final = "CON 1. One\n2. Two\n3. Three"
_KEPT: Final = b"x" * 500  # about what a session of ours takes, sealed


def flask() -> Flask:
    """Flask with a constant answer."""
    app = Flask(__name__, static_folder=None)

    @app.post("/")
    def answer() -> Response:
        return _text()

    return app


def dbraw() -> Flask:
    """The same, after one read and one committed write in SQL made beforehand: what any durable session costs."""
    database: Any = SqliteDatabase(  # Any: peewee types no execute_sql
        os.environ[DATABASE],
        lock_type="IMMEDIATE",
        pragmas={"journal_mode": "wal", "synchronous": "normal", "cache_size": -16_000},
    )
    database.execute_sql("CREATE TABLE session (id TEXT PRIMARY KEY, turn INTEGER NOT NULL, kept BLOB NOT NULL)")
    database.close()
    app = Flask(__name__, static_folder=None)

    @app.post("/")
    def answer() -> Response:
        session = request.form["sessionId"]
        found = database.execute_sql("SELECT turn, kept FROM session WHERE id = ?", (session,)).fetchone()
        database.execute_sql(
            "INSERT INTO session (id, turn, kept) VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET turn = excluded.turn, kept = excluded.kept",
            (session, found[0] + 1 if found else 1, _KEPT),
        )
        return _text()

    return app


def _text() -> Response:
    return Response(_ANSWER, content_type="text/plain; charset=utf-8")
