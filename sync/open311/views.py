"""`/open311/v2/…`: who asks, how often, in which form; the answer, or what is wrong in the same form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Network, ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import structlog
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from cases.casework import Casework
from cases.citizens import Citizens
from cases.models import Case
from packs.model import Pack
from store import database
from store.clock import utcnow
from store.sealing import Unreadable
from sync.open311 import forms, georeport, keys, lodging, published
from sync.open311.forms import Problem
from sync.open311.keys import ApiKey
from sync.open311.lodging import Lodging, PackAndPlaces
from sync.open311.published import Update
from sync.open311.render import TYPES, Form, rendered

PREFIX: Final = "/open311/v2"
LARGEST_BODY: Final = 64 * 1024  # octets: the 4,000 characters of a description, escaped, are 36,000
READS_PER_MINUTE: Final = 300  # of one address
STALE_AFTER_S: Final = {"services": 3600, "requests": 60}
_OURSELVES: Final = frozenset({"127.0.0.1", "::/64"})
_ENDINGS: Final = {">": ("",), "": ("", "/")}  # of addresses, by what they end in: a form, elsewhere
_LISTS: Final = frozenset({"service_request_id", "service_code", "status"})
OPENAPI: Final = Path(__file__).with_name("openapi.yaml")

log = structlog.get_logger("mlango")


class Answer(NamedTuple):
    """What a view says; `root` is the outermost element of its XML."""

    root: str
    value: Any
    fresh_s: int = 0  # how long anybody may keep it; 0: nobody


def blueprint(
    *,
    casework: Casework,
    citizens: Citizens,
    pack_and_places: PackAndPlaces,
    service_name: str,
    demo: bool,
    now: Callable[[], datetime] = utcnow,
    reads_per_minute: int = READS_PER_MINUTE,
) -> Blueprint:
    """GeoReport v2. Reading needs no key; a request is taken from whoever has one (see keys)."""
    server = _Server(casework, citizens, pack_and_places, service_name, demo, now)
    open311 = Blueprint("open311", __name__, url_prefix=PREFIX)
    pace = _Pace(reads_per_minute)
    open311.before_request(pace.check)
    open311.after_request(_for_any_page)
    open311.register_error_handler(Exception, _fault)
    for status in (404, 405):  # an address, or a method, that belongs to no blueprint
        open311.app_errorhandler(status)(_nothing)

    doors: dict[str, Callable[..., ResponseReturnValue]] = {}

    def serve(rule: str, view: Callable[..., Answer], method: str = "GET") -> None:
        told = doors.setdefault(view.__name__, _told(view))
        for suffix in _ENDINGS.get(rule[-1:], ("", ".json", ".xml")):
            open311.add_url_rule(f"{rule}{suffix}", view.__name__, told, methods=[method])

    for rule, view in server.reading.items():
        serve(rule, view)
    serve("/requests", server.lodge, "POST")
    open311.add_url_rule("/openapi.yaml", "openapi", _openapi)
    return open311


class _Server:
    """The methods of GeoReport."""

    def __init__(
        self,
        casework: Casework,
        citizens: Citizens,
        pack_and_places: PackAndPlaces,
        service_name: str,
        demo: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._citizens, self._pack_and_places, self._now = citizens, pack_and_places, now
        self._lodging = Lodging(casework, citizens, pack_and_places)
        self._service_name, self._demo = service_name, demo
        self.reading: Mapping[str, Callable[..., Answer]] = {
            "": self.discovery,  # the address that clients are given, opened as it is
            "/discovery": self.discovery,
            "/services": self.services,
            "/services/<name>": self.definition,
            "/requests": self.requests,
            "/requests/<name>": self.request,
            "/tokens/<name>": self.token,
            "/servicerequestupdates": self.updates,
        }

    def discovery(self) -> Answer:
        scheme = "https" if _forwarded("Proto") == "https" else request.scheme
        url = f"{scheme}://{request.host}{PREFIX}/"
        told = georeport.discovery(url, demo=self._demo, service=self._service_name)
        return Answer("discovery", told, STALE_AFTER_S["services"])

    def services(self) -> Answer:
        return Answer("services", georeport.services(self._pack()), STALE_AFTER_S["services"])

    def definition(self, name: str) -> Answer:
        code = _bare(name)
        sub = next((one for one in georeport.offered(self._pack()) if one.code == code), None)
        if sub is None:
            raise Problem(404, "service_code was not found")
        return Answer("service_definition", georeport.definition(sub), STALE_AFTER_S["services"])

    def requests(self) -> Answer:
        pack, values = self._pack(), _query()
        asked = forms.ids(values)
        if asked is not None:  # it overrides all other arguments
            cases = published.found(pack, asked)
        else:
            cases = published.listed(pack, forms.wanted(values, self._now(), pack))
        return self._cases(pack, cases)

    def request(self, name: str) -> Answer:
        pack = self._pack()
        return self._cases(pack, [self._case(pack, name)])

    def token(self, name: str) -> Answer:
        """A request has its id at once, so nobody was ever given a token; an id is taken for one."""
        case = self._case(self._pack(), name)
        return Answer("service_requests", [{"service_request_id": case.id, "token": case.id}])

    def updates(self) -> Answer:
        pack = self._pack()
        span = forms.span(_query(), self._now())
        key = _key()
        client = key.client if key and key.may(keys.NOTES) else None
        found = (
            published.updates(pack, span.start, span.end, ids=span.ids, client=client, page=span.page, size=span.size)
            if span.size
            else []
        )
        words = self._words(found)
        told = [georeport.update(pack, one, words.get(one.id)) for one in found]
        return Answer("service_request_updates", told, 0 if client else STALE_AFTER_S["requests"])

    def lodge(self) -> Answer:
        pack, key = self._pack(), _key()
        if key is None or not key.may(keys.LODGE):
            raise Problem(403, "api_key was not provided, or is not valid")
        values = request.values.to_dict()
        report = forms.report(values, pack)
        case = self._lodging.lodge(key, report, values, self._now())
        notice = lodging.notice(pack, case, report, is_of_phone=self._lodging.is_of_phone(case, report))
        told = {"service_request_id": case.id, "service_notice": notice, "account_id": None}
        return Answer("service_requests", [told])

    def _pack(self) -> Pack:
        pack, _ = self._pack_and_places()
        forms.check_jurisdiction(request.values, pack)
        return pack

    def _case(self, pack: Pack, name: str) -> Case:
        asked = _bare(name)
        found = published.found(pack, [asked]) if forms.ID.fullmatch(asked) else []
        if not found:
            raise Problem(404, "service_request_id was not found")
        return found[0]

    @staticmethod
    def _cases(pack: Pack, cases: list[Case]) -> Answer:
        extended = request.args.get("extensions", "").lower() == "true"
        told = [georeport.request(pack, case, extended=extended) for case in cases]
        return Answer("service_requests", told, STALE_AFTER_S["requests"])

    def _words(self, found: list[Update]) -> dict[str, str]:
        """By update, what the office wrote to the citizen, where that was loaded and the citizen not erased."""
        written = [(one, one.words) for one in found if one.words]
        try:
            owners = self._citizens.by_id({one.citizen_id for one, _ in written})
            return {
                one.id: owners[one.citizen_id].key.open("case_event.words", one.id, words)
                for one, words in written
                if one.citizen_id in owners
            }
        except Unreadable:  # another box's master key: the sentences of our own still tell what happened
            log.exception("open311_words_unreadable")
            return {}


class _Pace:
    """How often one may ask. Counted in each process by itself: a limit on strangers, not on an account's bill."""

    def __init__(self, reads_per_minute: int) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._reads = RateLimitItemPerMinute(reads_per_minute)

    def check(self) -> None:
        request.max_content_length = LARGEST_BODY
        if not request.content_length and len(request.get_data()) >= LARGEST_BODY:
            raise RequestEntityTooLarge  # sent in chunks it is cut off there, and the rest may say something else
        if not self._limiter.hit(self._reads, "from", _address()):
            raise Problem(429, f"more than {self._reads.amount} requests a minute came from this address")
        if request.method == "POST" and (key := _key()):
            sends = RateLimitItemPerMinute(key.per_minute)
            if not self._limiter.hit(sends, "key", key.id):
                raise Problem(429, f"more than {key.per_minute} requests a minute were sent with this api_key")


def _address() -> str:
    """Whose requests are counted together: behind a proxy of this machine, whom that names."""
    return _line(_forwarded("For")[:64] or request.remote_addr or "")


def _forwarded(what: str) -> str:
    """What a proxy of this machine says about whom it speaks for; nobody else is believed."""
    is_ours = _line(request.remote_addr or "") in _OURSELVES
    return request.headers.get(f"X-Forwarded-{what}", "").rpartition(",")[2].strip() if is_ours else ""


def _line(address: str) -> str:
    """All addresses that one customer of a network has: of IPv6 they are 2⁶⁴."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv4Address):
        return str(known)
    return str(known.ipv4_mapped or IPv6Network((known, 64), strict=False))


def _query() -> Mapping[str, str]:
    """The arguments of the address; what is given several times is a list, as if commas stood between."""
    given = request.args
    return {name: ",".join(given.getlist(name)) if name in _LISTS else given[name] for name in given}


def _key() -> ApiKey | None:
    """The key that the request carries, in its form or its query."""
    return keys.find(request.values.get("api_key", "").strip()[:200])


def _form() -> Form:
    """As the address ends; else as the client likes it best."""
    suffix = request.path.rpartition(".")[2]
    if suffix in TYPES:
        return cast(Form, suffix)
    likes_xml = request.accept_mimetypes.best_match(["application/json", "text/xml", "application/xml"])
    return "xml" if likes_xml and likes_xml.endswith("xml") else "json"


def _bare(name: str) -> str:
    """What stands in the address without the form after it."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and suffix in TYPES else name


def _told(view: Callable[..., Answer]) -> Callable[..., ResponseReturnValue]:
    @wraps(view)
    def told(**arguments: str) -> ResponseReturnValue:
        # reading may be done once more, and so may lodging: its repeat is recognised
        answer = database.steady(lambda: view(**arguments))
        form = _form()
        response = Response(rendered(form, answer.root, answer.value), content_type=TYPES[form])
        if answer.fresh_s and "api_key" not in request.values:
            response.cache_control.public, response.cache_control.max_age = True, answer.fresh_s
            response.vary.add("Accept")
            response.set_etag(sha256(response.get_data()).hexdigest()[:32])
            return response.make_conditional(request)
        response.cache_control.no_store = True
        return response

    return told


def _nothing(fault: HTTPException) -> ResponseReturnValue:
    """No such address, or method, below ours: told as GeoReport tells it. Elsewhere as ever."""
    if request.path != PREFIX and not request.path.startswith(f"{PREFIX}/"):
        return fault.get_response()
    if fault.code == 405:
        answer = _fault(Problem(405, f"{forms.cut(forms.clean(request.method), 10)} is not possible here"))
        answer.headers.extend((name, value) for name, value in fault.get_headers() if name == "Allow")
    else:
        rest = request.path.removeprefix(PREFIX).removeprefix("/")
        answer = _fault(Problem(404, f"there is nothing at {forms.cut(forms.clean(rest), 60)}"))
    return _for_any_page(answer)


def _openapi() -> ResponseReturnValue:
    return Response(OPENAPI.read_bytes(), content_type="application/yaml; charset=utf-8")


def _for_any_page(response: Response) -> Response:
    """Pages of others may read what anybody may."""
    response.headers.setdefault("Access-Control-Allow-Origin", "*")
    return response


def _fault(fault: Exception) -> Response:
    """What is wrong, as a list, in the form that was asked for."""
    match fault:
        case Problem():
            status, sentence = fault.status, fault.sentence
        case HTTPException():
            status, sentence = fault.code or 500, fault.description or fault.name
        case _:
            log.exception("open311_failed", path=request.path)
            status, sentence = 500, "this server could not answer; please try again later"
    form = _form()
    body = rendered(form, "errors", georeport.errors([(status, sentence)]))
    response = Response(body, status, content_type=TYPES[form])
    response.cache_control.no_store = True
    if status == 429:
        response.headers["Retry-After"] = "60"
    return response
