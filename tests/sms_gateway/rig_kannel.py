"""Kannel under the contract: its own gateway, and a server that answers as its smsbox does.

`test_kannel_real.py` tries the same gateway with the real smsbox, which can't be told to misbehave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sms_gateway.gateway import Accepted, Gateway, Mo, Mt, Report, State
from sms_gateway.kannel import RECEIPTS, STATES, Kannel, Posted, parse_mo, parse_report, report_address
from tests.sms_gateway import kannel_server
from tests.sms_gateway.at_server import Reply
from tests.sms_gateway.kannel_server import KannelServer
from tests.sms_gateway.rigs import Behaviour, Line, Workshop

_REPLIES: Final[Mapping[Behaviour, Reply]] = {
    Behaviour.REFUSES_ONE: Reply(403, "Not routable. Do not try again.", "text/html"),
    Behaviour.THROTTLES: Reply(503, "Temporal failure, try again later.", "text/html"),
    Behaviour.FAILS: Reply(500, "<html>Oops</html>", "text/html"),
    Behaviour.HANGS: Reply(silence=True),
    Behaviour.TRICKLES: Reply(202, "0: ", "text/html", trickle=True),
    Behaviour.BABBLES: Reply(200, "<html>Karibu Wi-Fi</html>", "text/html"),
    Behaviour.DISOWNS: Reply(403, "Authorization failed for sendsms", "text/html"),
}


class KannelRig:
    """Speaks with the server over the loopback interface."""

    def __init__(self, server: KannelServer) -> None:
        self._server = server
        self._well = self._at(server.url)
        self.gateway: Gateway = self._well

    def _at(self, url: str) -> Kannel:
        return Kannel(url, "mlango", "secret", "38496", report_address("http://127.0.0.1:8000", None), (1, 0.3))

    def handset(self, number: int = 0) -> str:
        return f"+2547123456{number:02}" if number < 100 else f"+254722000{number}"

    @contextmanager
    def misbehaving(self, how: Behaviour) -> Iterator[None]:
        if how is Behaviour.IS_DEAD:
            self.gateway = self._at("http://127.0.0.1:1/cgi-bin/sendsms")
        elif how is Behaviour.RESETS:
            self._server.behave = self._takes_and_resets
        elif how is Behaviour.REFUSES_ONE:
            self._server.behave = self._refuses_handset_1
        elif how in _REPLIES:
            self._server.behave = lambda _: _REPLIES[how]
        else:
            raise NotImplementedError(how)
        yield
        self.gateway, self._server.behave = self._well, self._server.accept

    def _takes_and_resets(self, posted: kannel_server.Posted) -> Reply:
        self._server.accept(posted)
        return Reply(reset=True)

    def _refuses_handset_1(self, posted: kannel_server.Posted) -> Reply:
        refused = posted.to == self.handset(1)
        return _REPLIES[Behaviour.REFUSES_ONE] if refused else self._server.accept(posted)

    def delivered(self, expected: int) -> list[tuple[str, str]]:
        return list(self._server.delivered)

    def report(self, mt: Mt, taken: Accepted, state: State) -> Report:
        status = next((number for number, ours in STATES.items() if ours is state), "2")
        receipt = next((f"id:1 stat:{word} err:000" for word, ours in RECEIPTS.items() if ours is state), "")
        return parse_report({"id": taken.provider_id or "", "status": status, "answer": receipt})

    def incoming(self, msisdn: str, text: str, provider_id: str) -> list[Mo]:
        headers = {"x-kannel-from": msisdn, "content-type": 'text/plain; charset="UTF-16BE"'}
        posted = Posted({"kid": provider_id, "to": "38496"}, headers, text.encode("utf-16-be", "surrogatepass"))
        return [parse_mo(posted)]

    def arrive(self, msisdn: str, text: str) -> None:
        raise NotImplementedError


@contextmanager
def _opened(_: Workshop) -> Iterator[KannelRig]:
    with KannelServer() as server:
        yield KannelRig(server)


KANNEL: Final = Line(
    "kannel",
    _opened,
    lacks={
        Behaviour.BLACKLISTS: "it keeps no list of who opted out",
        Behaviour.IS_POLLED: "it brings what citizens send",
    },
    states=frozenset({*STATES.values(), *RECEIPTS.values()}),
)
