"""What clients send, read and checked: no database, no clock.

An empty argument is as good as none, as the specification wants it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from packs.model import Pack, Point
from sms_gateway.msisdn import normalise
from sync.open311.georeport import ANSWER, FIXMYSTREET_ID, LANGUAGE, offered
from sync.open311.published import DEEPEST, MOST_CASES, MOST_UPDATES, Wanted

ID: Final = re.compile(r"[0-9a-f]{32}")
LONGEST_SPAN: Final = timedelta(days=90)
MOST_WORDS: Final = 1_000  # characters that are kept of a description
MOST_IDS: Final = 1_000
_MOST_TEXT: Final = 4_000  # characters of it that are read, as the specification allows
_LONGEST_ADDRESS: Final = 300
_LONGEST_PHONE: Final = 30

_ATTRIBUTE: Final = re.compile(r"attribute\[(\w{1,40})\](\[\])?")
_TAG: Final = re.compile(r"</?[A-Za-z!][^<>]*>")
_UNPRINTED: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_WEB: Final = re.compile(r"https?://[!-~]{3,290}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,20})?([eE]-[0-9]{1,3})?")


class Problem(Exception):
    """A request that cannot be answered: the status of the answer, and a sentence for who wrote the client."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclass(frozen=True, slots=True)
class Report:
    """A service request that somebody sent."""

    sub: str
    point: Point | None
    address: str
    address_id: str
    words: str
    phone: str | None = field(repr=False)  # E.164
    phone_unread: bool  # one was given that is no phone's
    language: str | None
    own_id: str  # the client's number of it; may be ""
    media_url: str


@dataclass(frozen=True, slots=True)
class Span:
    """Which updates: recorded from `start` to `end`, of these cases alone if any are named."""

    start: datetime
    end: datetime
    ids: tuple[str, ...]
    page: int
    size: int


def check_jurisdiction(values: Mapping[str, str], pack: Pack) -> None:
    """There is one here; it may be left out."""
    asked = values.get("jurisdiction_id", "").strip()
    if asked and asked.lower() != pack.code:
        raise Problem(404, f"jurisdiction_id was not found; here it is {pack.code}")


def ids(values: Mapping[str, str]) -> tuple[str, ...] | None:
    """The requests that are asked for by their ids; None if none are. What cannot be an id of ours is left out."""
    asked = _list(values, "service_request_id")
    if len(asked) > MOST_IDS:
        raise Problem(400, f"service_request_id names {len(asked)} requests; at most {MOST_IDS} are answered at once")
    return tuple(one for one in asked if ID.fullmatch(one)) if asked else None


def wanted(values: Mapping[str, str], now: datetime, pack: Pack) -> Wanted:
    """Which cases a client asks for: of the last 90 days, or of as many from one date on, or up to one."""
    start, end = _moment(values, "start_date"), _moment(values, "end_date")
    if start and end and end - start > LONGEST_SPAN:
        raise Problem(400, f"start_date and end_date span more than {LONGEST_SPAN.days} days")
    last = end or (min(start + LONGEST_SPAN, now) if start else now)
    page, size = _page(values, MOST_CASES)
    return Wanted(
        start=start or last - LONGEST_SPAN,
        end=last,
        subs=_subs(values, pack),
        is_open=_status(values),
        page=page,
        size=size,
    )


def span(values: Mapping[str, str], now: datetime) -> Span:
    """Which updates a client asks for: of the last day if it does not say."""
    start, end = _moment(values, "start_date"), _moment(values, "end_date")
    last = end or (min(start + LONGEST_SPAN, now) if start else now)
    first = start or last - timedelta(days=1)
    if last - first > LONGEST_SPAN:
        raise Problem(400, f"start_date and end_date span more than {LONGEST_SPAN.days} days")
    page, size = _page(values, MOST_UPDATES)
    asked = ids(values)
    return Span(first, last, asked or (), page, size if asked != () else 0)


def report(values: Mapping[str, str], pack: Pack) -> Report:
    """A request as it was posted. Raises Problem."""
    sub = values.get("service_code", "").strip()
    if not sub:
        raise Problem(400, "service_code was not provided")
    if sub not in {one.code for one in offered(pack)}:
        raise Problem(404, f"service_code {_shown(sub)} was not found")
    point, address = _point(values), _line(values, "address_string")
    address_id = _line(values, "address_id")
    if pack.subs[sub].where == "place" and not (point or address or address_id):
        raise Problem(400, "lat and long, address_string or address_id must be provided")
    attributes = _attributes(values)
    given = values.get("phone", "").strip()
    phone = normalise(given) if len(given) <= _LONGEST_PHONE else None
    return Report(
        sub=sub,
        point=point,
        address=address,
        address_id=address_id,
        words=_words(values, attributes),
        phone=phone,
        phone_unread=bool(given) and phone is None,
        language=language if (language := attributes.get(LANGUAGE, "").lower()) in pack.languages else None,
        own_id=attributes.get(FIXMYSTREET_ID, ""),
        media_url=url if _WEB.fullmatch(url := values.get("media_url", "").strip()) else "",
    )


def clean(text: str) -> str:
    """Words without markup and characters that print nothing; line breaks stay."""
    plain = _TAG.sub(" ", html.unescape(_TAG.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))))
    plain = _UNPRINTED.sub("", plain).encode(errors="replace").decode()  # half of a pair is no letter
    lines = (" ".join(line.split()) for line in plain.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def cut(words: str, most: int = MOST_WORDS) -> str:
    """At most so many characters; an ellipsis tells that there were more."""
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def _words(values: Mapping[str, str], attributes: Mapping[str, str]) -> str:
    description = values.get("description", "")
    if len(description) > _MOST_TEXT:
        raise Problem(400, f"description has more than {_MOST_TEXT} characters")
    answer = attributes.get(ANSWER, "")
    return cut("\n".join(part for part in (clean(description), answer) if part))


def _attributes(values: Mapping[str, str]) -> dict[str, str]:
    """attribute[code]=value, by code."""
    found = ((_ATTRIBUTE.fullmatch(name), value) for name, value in values.items())
    return {name[1]: cut(" ".join(clean(value).split()), 200) for name, value in found if name and value.strip()}


def _point(values: Mapping[str, str]) -> Point | None:
    lat, long = values.get("lat", "").strip(), values.get("long", "").strip()
    if not lat and not long:
        return None
    if not (_NUMBER.fullmatch(lat) and _NUMBER.fullmatch(long)):
        raise Problem(400, "lat and long must both be decimal degrees, like -1.315 and 36.792")
    point = Point(float(lat), float(long))
    if abs(point.lat) > 90 or abs(point.long) > 180:
        raise Problem(400, "lat is from -90 to 90, long from -180 to 180")
    return point


def _line(values: Mapping[str, str], name: str) -> str:
    return cut(" ".join(clean(values.get(name, "")).split()), _LONGEST_ADDRESS)


def _moment(values: Mapping[str, str], name: str) -> datetime | None:
    written = values.get(name, "").strip().replace(" ", "+")  # a plus that was not escaped
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(written).astimezone(UTC) if "T" in written else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not re.search(r"(Z|[+-]\d\d:?\d\d)$", written) or not 1970 < moment.year < 9999:
        raise Problem(400, f"{name} must be a date and time with its zone, like 2026-11-23T06:00:00Z")
    return moment


def _page(values: Mapping[str, str], most: int) -> tuple[int, int]:
    size, page = _count(values, "page_size", most, most), _count(values, "page", 1, DEEPEST)
    if page > 1 and page * size > DEEPEST:
        raise Problem(400, f"no more than {DEEPEST} entries can be paged through; ask for other dates")
    return page, size


def _count(values: Mapping[str, str], name: str, default: int, most: int) -> int:
    written = values.get(name, "").strip()
    if not written:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", written) or not 1 <= int(written) <= most:
        raise Problem(400, f"{name} must be a whole number from 1 to {most}")
    return int(written)


def _subs(values: Mapping[str, str], pack: Pack) -> tuple[str, ...] | None:
    asked = _list(values, "service_code")
    return tuple(code for code in asked if code in pack.subs) if asked else None


def _status(values: Mapping[str, str]) -> bool | None:
    asked = {status.lower() for status in _list(values, "status")}
    if asked - {"open", "closed"}:
        raise Problem(400, "status must be open or closed")
    return asked == {"open"} if len(asked) == 1 else None


def _list(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Values with commas between them, each once."""
    return tuple(dict.fromkeys(part.strip() for part in values.get(name, "").split(",") if part.strip()))


def _shown(value: str) -> str:
    return cut(clean(value), 60)
