"""Africa's Talking under the contract: its own gateway, and a server that follows its documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sms_gateway.africastalking import STATES, AfricasTalking, parse_mo, parse_report
from sms_gateway.gateway import Accepted, BadCallback, Gateway, Mo, Mt, Report, State
from tests.conftest import NOW
from tests.sms_gateway.at_server import AfricasTalkingServer, Received, Reply
from tests.sms_gateway.rigs import Behaviour, Line, Workshop

_REPLIES: Final[Mapping[Behaviour, Reply]] = {
    Behaviour.THROTTLES: Reply(429, "Too many requests", "text/plain"),
    Behaviour.FAILS: Reply(500, "<html>Oops</html>", "text/html"),
    Behaviour.HANGS: Reply(silence=True),
    Behaviour.TRICKLES: Reply(trickle=True),
    Behaviour.BABBLES: Reply(200, "<html>Karibu Wi-Fi</html>", "text/html"),
    Behaviour.DISOWNS: Reply(401, "The supplied authentication is invalid", "text/plain"),
}
_CODES: Final[Mapping[Behaviour, int]] = {Behaviour.REFUSES_ONE: 407, Behaviour.BLACKLISTS: 406}


class AfricasTalkingRig:
    """Speaks with the server over the loopback interface."""

    def __init__(self, server: AfricasTalkingServer) -> None:
        self._server = server
        self._well = AfricasTalking("mlango", "key", "38496", server.url, timeout=(1, 0.3), clock=lambda: NOW)
        self.gateway: Gateway = self._well

    def handset(self, number: int = 0) -> str:
        return f"+2547123456{number:02}" if number < 100 else f"+254722000{number}"

    @contextmanager
    def misbehaving(self, how: Behaviour) -> Iterator[None]:
        server = self._server
        if how in _CODES:
            server.refuse[self.handset(1)] = _CODES[how]
        elif how is Behaviour.IS_DEAD:
            self.gateway = AfricasTalking("mlango", "key", "38496", "http://127.0.0.1:1", timeout=(1, 0.3))
        elif how is Behaviour.RESETS:
            server.always = self._takes_and_resets
        else:
            server.always = lambda _: _REPLIES[how]
        yield
        self.gateway, server.always = self._well, None
        server.refuse.clear()

    def _takes_and_resets(self, request: Received) -> Reply:
        self._server.contract(request)
        return Reply(reset=True)

    def delivered(self, expected: int) -> list[tuple[str, str]]:
        return list(self._server.delivered)

    def report(self, mt: Mt, taken: Accepted, state: State) -> Report:
        words = [word for word, ours in STATES.items() if ours is state] or ["Teleported"]
        return parse_report({"id": taken.provider_id or "", "status": words[0], "phoneNumber": mt.msisdn})

    def incoming(self, msisdn: str, text: str, provider_id: str) -> list[Mo]:
        try:
            return [parse_mo({"id": provider_id, "from": msisdn, "to": "38496", "text": text})]
        except BadCallback:
            return []

    def arrive(self, msisdn: str, text: str) -> None:
        self._server.arrive(**{"from": msisdn, "text": text, "date": NOW.isoformat()})


@contextmanager
def _opened(_: Workshop) -> Iterator[AfricasTalkingRig]:
    with AfricasTalkingServer() as server:
        yield AfricasTalkingRig(server)


AFRICASTALKING: Final = Line("africastalking", _opened, states=frozenset({*STATES.values(), State.UNKNOWN}))
