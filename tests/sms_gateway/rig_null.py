"""The channel that sends nothing under the contract: what it took counts as delivered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from sms_gateway.gateway import Accepted, Mo, Mt, Refused, Report, State
from sms_gateway.null import Null
from sms_gateway.sendable import sendable
from tests.sms_gateway.rigs import Behaviour, Line, Workshop


class _Recorded(Null):
    """As it is, and remembers what it took."""

    def __init__(self) -> None:
        self.took: list[Mt] = []

    def send(self, batch: Sequence[Mt]) -> list[Accepted | Refused]:
        outcomes = super().send(batch)
        self.took += [mt for mt, outcome in zip(batch, outcomes, strict=True) if isinstance(outcome, Accepted)]
        return outcomes


class NullRig:
    """Looks at what the gateway took."""

    def __init__(self) -> None:
        self.gateway = _Recorded()

    def handset(self, number: int = 0) -> str:
        return f"+254712000{number:03}"

    def misbehaving(self, how: Behaviour) -> AbstractContextManager[None]:
        raise NotImplementedError(how)

    def delivered(self, expected: int) -> list[tuple[str, str]]:
        return [(mt.msisdn, mt.text) for mt in map(sendable, self.gateway.took) if isinstance(mt, Mt)]

    def report(self, mt: Mt, taken: Accepted, state: State) -> Report:
        raise NotImplementedError

    def incoming(self, msisdn: str, text: str, provider_id: str) -> list[Mo]:
        raise NotImplementedError

    def arrive(self, msisdn: str, text: str) -> None:
        raise NotImplementedError


@contextmanager
def _opened(_: Workshop) -> Iterator[NullRig]:
    yield NullRig()


_NOBODY: Final = "there is nobody at the other end"

NULL: Final = Line("null", _opened, lacks=dict.fromkeys(Behaviour, _NOBODY))
