"""What the contract suite needs of a gateway to try it: the far end of its line in our hands.

A `Rig` is a running gateway with its network; a `Line` is how to set one up, and what that network cannot do. To put a
gateway under the contract, write a rig in `rig_<network>.py` and add its line to `LINES` in `test_contract.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import pytest

from cases.citizens import Citizens
from sms_gateway.gateway import Accepted, Gateway, Mo, Mt, Report, State
from store import database
from tests.conftest import KEYRING


class Behaviour(StrEnum):
    """What a network may do that not every network can. A rig can, or its line says why not."""

    # with what we send
    REFUSES_ONE = "refuses one number of several"
    BLACKLISTS = "says that the citizen opted out"
    THROTTLES = "says that we are too fast"
    IS_DEAD = "takes no connection"
    FAILS = "takes the request and says that it failed inside"
    HANGS = "takes the request and never answers"
    TRICKLES = "answers so slowly that it never comes to an end"
    RESETS = "takes the message and breaks the line"
    BABBLES = "answers what nobody can read"
    DISOWNS = "does not know our account, or has no credit for it"
    # what it sends us
    REPORTS = "says what became of a message"
    RECEIVES = "brings what citizens send"
    LETTERS = "brings messages from senders in letters"
    REPEATS = "brings the same message again"
    SURROGATES = "brings half characters and NUL"
    IS_POLLED = "can be asked for what citizens sent"

    @property
    def misbehaves(self) -> bool:
        """Whether it is about what we send: then a rig can be told to do so for a while."""
        return self in _MISBEHAVIOURS


_MISBEHAVIOURS: Final = frozenset(
    {
        Behaviour.REFUSES_ONE,
        Behaviour.BLACKLISTS,
        Behaviour.THROTTLES,
        Behaviour.IS_DEAD,
        Behaviour.FAILS,
        Behaviour.HANGS,
        Behaviour.TRICKLES,
        Behaviour.RESETS,
        Behaviour.BABBLES,
        Behaviour.DISOWNS,
    }
)


class Rig(Protocol):
    """A gateway whose network does as it is told. Whatever waits for a network gives up after a few seconds."""

    @property
    def gateway(self) -> Gateway: ...

    def handset(self, number: int = 0) -> str:
        """The MSISDN of a handset that is switched on; another for each number from 0 to 250."""
        ...

    def misbehaving(self, how: Behaviour) -> AbstractContextManager[object]:
        """Every request within the block is treated so; with REFUSES_ONE and BLACKLISTS only what goes to handset 1.

        Raises NotImplementedError for what this network cannot do.
        """
        ...

    def delivered(self, expected: int) -> list[tuple[str, str]]:
        """What reached handsets so far: MSISDN and text, in the order of arrival, long texts joined.

        Waits until there are `expected`; for 0 just long enough that one on its way would have come.
        """
        ...

    def report(self, mt: Mt, taken: Accepted, state: State) -> Report:
        """The network says that `mt`, which it took, has come to `state`: how our side reads that.

        For UNKNOWN it uses a word that nobody knows. Raises NotImplementedError for a state it has no word for.
        """
        ...

    def incoming(self, msisdn: str, text: str, provider_id: str) -> list[Mo]:
        """A handset sends `text`: the messages that our side reads out of that.

        The same `provider_id` again is the same message brought again.
        """
        ...

    def arrive(self, msisdn: str, text: str) -> None:
        """A handset sends `text`, which waits until `gateway.poll` fetches it."""
        ...


@dataclass(slots=True)
class Workshop:
    """Where a rig is set up: a folder of its own, and a migrated database if it asks for one."""

    folder: Path
    template: Path

    def citizens(self) -> Citizens:
        shutil.copytree(self.template, self.folder / "db")
        database.bind(f"sqlite:///{self.folder}/db/mlango.sqlite3")
        return Citizens(KEYRING)


@dataclass(frozen=True, slots=True)
class Line:
    """How to set up a rig, and why its network does not have every behaviour."""

    name: str
    open: Callable[[Workshop], AbstractContextManager[Rig]]
    lacks: Mapping[Behaviour, str] = field(default_factory=dict)
    states: frozenset[State] = frozenset()  # that it reports
    needs: str | None = None  # a program of a Debian package of this name

    @property
    def can(self) -> frozenset[Behaviour]:
        return frozenset(Behaviour) - set(self.lacks)

    @property
    def marks(self) -> tuple[pytest.MarkDecorator, ...]:
        return (pytest.mark.debian(self.needs),) if self.needs else ()
