"""The stage on both databases, and a citizen on it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import pytest

from packs.model import Pack
from packs.places import place_index
from store.sealing import Keyring
from tests.menus.stage import Phone, Stage

CITIZEN: Final = "+254712345678"
LINDI: Final = "1387"  # a ward of Kibra, Nairobi


@pytest.fixture(scope="module", autouse=True)
def _indexed(ke: Pack) -> None:
    """The places are indexed as this very object's: to find the index of an equal one takes 2,400 comparisons."""
    place_index.cache_clear()
    place_index(ke)


@pytest.fixture
def stage(bound: str, keyring: Keyring, now: datetime) -> Stage:
    return Stage(keyring, now)


@pytest.fixture
def phone(stage: Stage) -> Phone:
    """A citizen who was here before: in English, last in Lindi."""
    return stage.phone(CITIZEN, "en", LINDI)
