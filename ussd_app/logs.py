"""Logs: one JSON object a line, for our own events and for those of every library.

Whatever is logged, phone numbers leave masked, and what a citizen wrote or what opens a door does not leave at all.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from sms_gateway.msisdn import mask_all

# Under these names, at any depth, nothing is logged: a citizen's words, or a secret.
_NEVER_LOGGED: Final = frozenset({"token", "text", "password", "api_key"})
_SECRET_IN_TEXT: Final = re.compile(r"((?:token|password|api_?key)[\"']?\s*[=:]\s*[\"']?)[^&\s\"',;]+", re.IGNORECASE)
_PASSWORD_IN_URL: Final = re.compile(r"(\w://[^\s:/@]*:)[^\s/@]+@")
# The clock's reading and our own words need no search.
_SAFE_KEYS: Final = frozenset({"timestamp", "level", "logger"})


def set_up(level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logging of this process, structlog's and the standard library's, to `stream` (standard error)."""
    out = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        keep_private,
    ]
    structlog.configure(
        processors=[*shared, as_json],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared[:-2]],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                keep_private,
                as_json,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    _route_to(root)


def keep_private(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: the event without what must not be logged, and with every phone number masked."""
    return {key: value if key in _SAFE_KEYS else _private(value) for key, value in event.items() if _may_leave(key)}


def _may_leave(key: object) -> bool:
    return str(key).lower() not in _NEVER_LOGGED


def _private(value: Any) -> Any:
    match value:
        case str():
            clean = value.encode(errors="backslashreplace").decode()  # a lone surrogate is no JSON
            return mask_all(_PASSWORD_IN_URL.sub(r"\1•••@", _SECRET_IN_TEXT.sub(r"\1•••", clean)))
        case bool() | None | float():
            return value
        case int():
            written = str(value)
            masked = mask_all(written)
            return value if masked == written and abs(value) < 2**63 else masked
        case Mapping():
            return {_private(str(key)): _private(each) for key, each in value.items() if _may_leave(key)}
        case list() | tuple() | set() | frozenset():
            return [_private(each) for each in value]
        case _:
            return _private(str(value))


def as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """A structlog processor, the last one: the event as one line of JSON."""
    return orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS).decode()


def _route_to(root: logging.Logger) -> None:
    """Loggers that brought handlers of their own (granian's, rq's) write through ours."""
    for name in list(root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
