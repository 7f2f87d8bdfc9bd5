"""`pytest tests/conversations --update-conversations` writes what the service says today into the files."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-conversations", action="store_true", help="rewrite the screens in tests/conversations")
