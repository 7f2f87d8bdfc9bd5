"""Every log line is JSON, and says nothing that it must not."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from ussd_app import logs

PHONE = "+254712345678"
MASKED = "+2547••••••78"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    logs.set_up("info", out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_one_line_of_json(stream: io.StringIO) -> None:
    structlog.get_logger().info("session ended", session="AT1", hops=5)
    [line] = lines(stream)
    assert line["timestamp"].endswith("Z")
    assert (line["event"], line["level"], line["session"], line["hops"]) == ("session ended", "info", "AT1", 5)


def test_phone_numbers_are_masked_wherever_they_stand(stream: io.StringIO) -> None:
    structlog.get_logger().warning(
        f"refused {PHONE}",
        msisdn=PHONE,
        number=254712345678,
        deep={"to": [PHONE, ("a", PHONE)]},
        url="/x?m=%2B254712345678",
    )
    assert "712345678" not in stream.getvalue()
    assert lines(stream)[0]["msisdn"] == MASKED


def test_words_and_secrets_are_not_logged_at_all(stream: io.StringIO) -> None:
    structlog.get_logger().info("mo", text="No water", token="t0", deep={"password": "p0", "Api_Key": "k0"}, kept=1)
    [line] = lines(stream)
    assert line["kept"] == 1
    assert not [secret for secret in ("water", "t0", "p0", "k0") if secret in stream.getvalue()]


@pytest.mark.parametrize(
    "message",
    [
        "GET /callbacks/africastalking/ussd?token=s3cr3t&x=1",
        "postgresql://mlango:s3cr3t@db/mlango refused",
        "{'api_key': 's3cr3t'}",
        'password="s3cr3t"',
    ],
)
def test_a_secret_inside_a_sentence_is_blotted_out(stream: io.StringIO, message: str) -> None:
    logging.getLogger("werkzeug").warning("%s", message)
    assert "s3cr3t" not in stream.getvalue()


def test_libraries_log_the_same_way(stream: io.StringIO) -> None:
    noisy = logging.getLogger("noisy.library")
    noisy.addHandler(logging.StreamHandler(io.StringIO()))
    logs.set_up("info", stream)
    noisy.info("sent to %s", PHONE)
    [line] = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == (f"sent to {MASKED}", "noisy.library", "info")


def test_a_traceback_is_masked_too(stream: io.StringIO) -> None:
    try:
        raise ValueError(PHONE)  # noqa: TRY301
    except ValueError:
        structlog.get_logger().exception("hop failed")
        logging.getLogger("rq.worker").exception("job failed")
    assert "712345678" not in stream.getvalue()
    assert all(MASKED in line["exception"] for line in lines(stream))


def test_what_is_below_the_level_is_not_written(stream: io.StringIO) -> None:
    structlog.get_logger().debug("detail")
    logging.getLogger("rq.worker").debug("detail")
    assert stream.getvalue() == ""


words = st.text(st.characters(exclude_categories=()))  # lone surrogates as well
anything = st.recursive(
    words | st.integers() | st.floats() | st.booleans() | st.none() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3) | st.tuples(inner),
    max_leaves=6,
)


@given(anything)
def test_whatever_is_logged_becomes_one_line_of_json(value: object) -> None:
    event = logs.keep_private(None, "info", {"event": "x", "value": value})
    assert "\n" not in logs.as_json(None, "info", event)
