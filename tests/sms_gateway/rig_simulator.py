"""The simulated network of demo mode under the contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from cases.citizens import Citizens
from sms_gateway.gateway import Accepted, Gateway, Mo, Mt, Report, State
from sms_gateway.message import DeliveryReport
from sms_gateway.simulator import HandsetMessage, Simulator
from tests.conftest import NOW
from tests.sms_gateway.rigs import Behaviour, Line, Workshop


class SimulatorRig:
    """Looks into the inboxes of the handsets that it has switched on."""

    def __init__(self, citizens: Citizens) -> None:
        self._citizens = citizens
        self.gateway: Gateway = Simulator(citizens, "38496", lambda: NOW)

    def handset(self, number: int = 0) -> str:
        return self._citizens.meet(f"+254712000{number:03}", NOW).msisdn

    def misbehaving(self, how: Behaviour) -> AbstractContextManager[None]:
        raise NotImplementedError(how)

    def delivered(self, expected: int) -> list[tuple[str, str]]:
        rows = list(HandsetMessage.select().order_by(HandsetMessage.id))
        owners = self._citizens.by_id(row.__data__["citizen"] for row in rows)
        received = [(owners[row.__data__["citizen"]], row) for row in rows]
        return [(owner.msisdn, owner.key.open("handset_message.text", row.id, row.text)) for owner, row in received]

    def report(self, mt: Mt, taken: Accepted, state: State) -> Report:
        kept = DeliveryReport.get(DeliveryReport.provider_id == taken.provider_id)
        if State(kept.state) is not state:
            raise NotImplementedError(state)
        return Report(kept.provider, kept.provider_id, state, kept.raw_status, mt.msisdn, None)

    def incoming(self, msisdn: str, text: str, provider_id: str) -> list[Mo]:
        raise NotImplementedError

    def arrive(self, msisdn: str, text: str) -> None:
        raise NotImplementedError


@contextmanager
def _opened(workshop: Workshop) -> Iterator[SimulatorRig]:
    yield SimulatorRig(workshop.citizens())


_INSIDE: Final = "it is a part of this process, and takes everything"
_DEMO: Final = "what is typed on its phone comes by the callback of another network"

SIMULATOR: Final = Line(
    "simulator",
    _opened,
    lacks={
        **{behaviour: _INSIDE for behaviour in Behaviour if behaviour.misbehaves},
        Behaviour.RECEIVES: _DEMO,
        Behaviour.LETTERS: _DEMO,
        Behaviour.REPEATS: _DEMO,
        Behaviour.SURROGATES: _DEMO,
        Behaviour.IS_POLLED: _DEMO,
    },
    states=frozenset({State.DELIVERED}),
)
