"""A casework of this test's own, a citizen, and an ear for what listeners hear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

import pytest

import packs
from cases.casework import Casework, Change, Done, Happened
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, Role
from cases.models import Case
from store.sealing import Keyring

Lodge = Callable[..., Done]
Officer = Callable[..., Done]


@dataclass(slots=True)
class Ear:
    """A listener that remembers what it heard."""

    heard: list[Happened] = field(default_factory=list)

    def __call__(self, happened: Sequence[Happened], now: datetime) -> None:
        self.heard += happened


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def citizens(bound: str, keyring: Keyring) -> Citizens:
    return Citizens(keyring)


@pytest.fixture
def amina(citizens: Citizens, now: datetime) -> Caller:
    return citizens.meet("+254712345678", now)


@pytest.fixture
def juma(citizens: Citizens, now: datetime) -> Caller:
    return citizens.meet("+254798765432", now)


@pytest.fixture
def casework(citizens: Citizens, ear: Ear) -> Casework:
    return Casework(packs.current, citizens, [ear])


@pytest.fixture
def lodge(casework: Casework, amina: Caller, now: datetime) -> Lodge:
    """Lodge a case: no water in Kibera unless said otherwise."""

    def lodge(source_key: str = "test:1", **different: Any) -> Done:
        at = different.pop("at", now)
        return casework.apply(lodging(different.pop("caller", amina), source_key, **different), at)

    return lodge


@pytest.fixture
def officer(casework: Casework, now: datetime) -> Officer:
    """Let an officer act on a case: its owner unless said otherwise."""
    acts = count(1)

    def officer(case: Case, action: Action, words: str | None = None, **different: Any) -> Done:
        at = different.pop("at", now)
        return casework.apply(
            Change(
                action,
                None,
                "cli",
                f"officer:{next(acts)}",
                case.id,
                different.pop("role", Role.OWNER),
                actor=different.pop("actor", None),
                office=different.pop("office", None),
                version=different.pop("version", None),
                words=words,
                facts=different,
            ),
            at,
        )

    return officer


def lodging(caller: Caller, source_key: str, words: str | None = None, **facts: str | bool | None) -> Change:
    """The wish of a citizen to lodge a case."""
    return Change(
        Action.LODGE, caller, "ussd", source_key, facts={"sub": "water.none", "place": "kibera", **facts}, words=words
    )
