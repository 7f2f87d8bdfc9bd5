"""What the phone networks call: authenticate, hand the request to the network's module, answer. Nothing else."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import structlog
from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from peewee import DataError
from werkzeug.exceptions import HTTPException

from sms_gateway import africastalking, kannel, reports
from sms_gateway.gateway import BadCallback, Report
from store import database
from store.clock import utcnow
from ussd_app import metrics
from ussd_app.settings import Settings
from ussd_app.wiring import House

LARGEST_BODY: Final = 64 * 1024  # octets; the longest real callback has about 2,000
_FORWARDED: Final = frozenset({"HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP"})  # as WSGI spells headers
# Too large, garbled, or a value that no column holds: sent again it would be no better.
_NEVER_GOOD: Final = (BadCallback, HTTPException, DataError)
# Nobody told us who asks, so it is said in both languages.
_UNREADABLE: Final = "Sorry, this request could not be read. Samahani, ombi hili halisomeki."

log = structlog.get_logger("mlango")


def blueprint(house: House) -> Blueprint:
    """`/callbacks/africastalking/…` and `/callbacks/kannel/…`, open to the networks only (see `guard`)."""
    callbacks = Blueprint("callbacks", __name__, url_prefix="/callbacks")
    callbacks.before_request(guard(house.settings))
    _africastalking(callbacks, house)
    _kannel(callbacks, house)
    return callbacks


def _africastalking(callbacks: Blueprint, house: House) -> None:
    @callbacks.post("/africastalking/ussd")
    def ussd() -> ResponseReturnValue:
        started = time.perf_counter()
        try:
            heard = africastalking.parse_ussd(request.form)
        except _NEVER_GOOD as fault:
            log.warning("ussd_not_read", fault=str(fault))
            return _text(africastalking.render_ussd(_UNREADABLE, end=True))
        reply = house.conversation.hop(heard, utcnow())
        metrics.hop(reply.end, time.perf_counter() - started)
        return _text(africastalking.render_ussd(reply.text, reply.end))

    @callbacks.post("/africastalking/ussd-events")
    def ussd_events() -> ResponseReturnValue:
        def take() -> None:
            house.conversation.ended(africastalking.parse_ussd_end(request.form), utcnow())

        return _take("ussd_event", take)

    @callbacks.post("/africastalking/sms")
    def sms() -> ResponseReturnValue:
        return _take("sms", lambda: house.texting.receive(africastalking.parse_mo(request.form), utcnow()))

    @callbacks.post("/africastalking/delivery")
    def delivery() -> ResponseReturnValue:
        return _take("delivery", lambda: _report(house, africastalking.parse_report(request.form)))

    @callbacks.post("/africastalking/opt-out")
    def opt_out() -> ResponseReturnValue:
        return _take("opt_out", lambda: _opt_out(house))


def _kannel(callbacks: Blueprint, house: House) -> None:
    """It brings reports with GET, and all else too where its services say `get-url`."""

    @callbacks.route("/kannel/sms", methods=["GET", "POST"])
    def kannel_sms() -> ResponseReturnValue:
        return _wordless(_take("sms", lambda: house.texting.receive(kannel.parse_mo(_posted()), utcnow())))

    @callbacks.route("/kannel/delivery", methods=["GET", "POST"])
    def kannel_delivery() -> ResponseReturnValue:
        return _wordless(_take("delivery", lambda: reports.report(kannel.parse_report(request.values), utcnow())))

    @callbacks.route("/kannel/ussd", methods=["GET", "POST"])
    def kannel_ussd() -> ResponseReturnValue:
        started, posted = time.perf_counter(), kannel.NOTHING
        try:
            posted = _posted()
            turn = kannel.parse_ussd(posted, house.settings.service_code)
        except _NEVER_GOOD as fault:
            log.warning("ussd_not_read", fault=str(fault))
            return _screen(posted, _UNREADABLE, end=True) if posted.is_hop else _text("")
        if turn.move == "hang-up":
            return _wordless(_take("ussd_event", lambda: house.conversation.hung_up(turn, utcnow())))
        reply = house.conversation.hop(turn, utcnow())
        metrics.hop(reply.end, time.perf_counter() - started)
        return _screen(posted, reply.text, reply.end)


def guard(settings: Settings) -> Callable[[], None]:
    """Lets through who has a callback token (`?token=` or the password of HTTP Basic). While none is set, only this
    machine may call, and not through a proxy."""
    tokens = [token.encode() for token in settings.callback_tokens]

    def check() -> None:
        request.max_content_length = LARGEST_BODY
        allowed = _has_token(tokens) if tokens else _is_local()
        if not allowed:
            log.warning("callback_refused", path=request.path, address=request.remote_addr)
            abort(403)

    return check


def _has_token(tokens: list[bytes]) -> bool:
    given = request.args.get("token") or (request.authorization.password if request.authorization else None) or ""
    # every token is compared, whole, so that the time taken tells nothing
    return any([secrets.compare_digest(given.encode(), token) for token in tokens])  # noqa: C419


def _is_local() -> bool:
    return _is_loopback(request.remote_addr or "") and _FORWARDED.isdisjoint(request.environ)


@lru_cache(maxsize=256)
def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _posted() -> kannel.Posted:
    fields = request.values.to_dict()  # before the body, which a form is read from
    return kannel.Posted(fields, {name.lower(): value for name, value in request.headers}, request.get_data())


def _screen(posted: kannel.Posted, text: str, end: bool) -> Response:
    words, headers = kannel.render_ussd(posted, text, end)
    answer = _text(words)
    answer.headers.extend(headers)
    return answer


def _take(kind: str, work: Callable[[], object]) -> Response:
    """Answer 200 once it is stored or can never be understood; 503 asks the network to send it again."""
    try:
        work()
    except _NEVER_GOOD as fault:
        log.warning("callback_not_read", kind=kind, fault=str(fault))
        metrics.callback(kind, "unreadable")
        return _text("not understood")
    except Exception:
        log.exception("callback_not_stored", kind=kind)
        database.close()
        metrics.callback(kind, "failed")
        return _text("try again", 503)
    metrics.callback(kind, "taken")
    return _text("ok")


def _wordless(answer: Response) -> Response:
    """Without a body: Kannel texts to the citizen what stands in it."""
    answer.set_data(b"")
    return answer


def _report(house: House, report: Report) -> None:
    now = utcnow()
    reports.report(report, now)
    citizen = house.citizens.find(report.msisdn) if report.blocked and report.msisdn else None
    if citizen:
        house.citizens.block(citizen.id, now)


def _opt_out(house: House) -> None:
    """A citizen stopped our SMS at the network: the same as sending STOP."""
    now = utcnow()
    caller = house.citizens.meet(africastalking.parse_opt_out(request.form).msisdn, now)
    house.citizens.stop(caller.id, now)


def _text(body: str, status: int = 200) -> Response:
    return Response(body, status, content_type="text/plain; charset=utf-8")
