"""Our services, cases and their news as GeoReport v2 says them: values in, plain values out.

What is said of a case are its kind, its place and where it stands: sentences of ours, never anybody's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cases import lifecycle
from cases.lifecycle import OPEN, Action, State
from cases.models import Case
from packs.centroids import middle
from packs.model import Pack, Place, SubCategory, text
from packs.places import fold
from sync.open311.published import Update, is_secret

Fields = dict[str, Any]

SPECIFICATION: Final = "http://wiki.open311.org/GeoReport_v2"
CHANGESET: Final = "2026-11-22T00:00:00Z"  # when what we serve last changed its form
FIXMYSTREET_ID: Final = "fixmystreet_id"
ANSWER: Final = "answer"
LANGUAGE: Final = "language"
_ENGLISH: Final = "en"

# Where a case stands: the word of FixMyStreet for it, and a sentence. "{agency}" is the office that has it.
_STATES: Final[Mapping[str, tuple[str, str]]] = {
    State.RECEIVED: ("open", "It was received, and looks for the office that answers for it."),
    State.ASSIGNED: ("open", "{agency} has it."),
    State.IN_PROGRESS: ("in_progress", "{agency} is working on it."),
    State.PENDING_CITIZEN: ("investigating", "{agency} has a question for whoever reported it."),
    State.PENDING_THIRD_PARTY: ("investigating", "{agency} is waiting for somebody else."),
    State.APPEALED: ("investigating", "The decision is being reviewed."),
    State.RESOLVED: ("fixed", "{agency} says that it is solved."),
    State.CLOSED: ("closed", "It is closed."),
    State.REJECTED: ("no_further_action", "It was not taken up."),
    State.DUPLICATE: ("duplicate", "The same was reported before; the reports are dealt with together."),
    State.WITHDRAWN: ("closed", "Whoever reported it has withdrawn it."),
}
# What an office's decision was, said in place of the sentence above
_OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "fixed": ("fixed", "{agency} says that it is fixed."),
    "partly": ("fixed", "{agency} says that a part of it is fixed."),
    "explained": ("no_further_action", "{agency} has explained how things stand."),
    "paid": ("fixed", "{agency} says that it has been paid."),
    "no_fault": ("no_further_action", "{agency} looked into it and found nothing wrong."),
}
_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "not_government": ("not_councils_responsibility", "It is not a matter for any government office."),
    "in_court": ("no_further_action", "A court is dealing with it."),
    "too_little": ("no_further_action", "Too little was said to act on it."),
    "decided_before": ("no_further_action", "It was decided before."),
}
# What happened, where the state that it led to does not say enough
_EVENTS: Final[Mapping[str, tuple[str, str]]] = {
    Action.PUT_BACK: ("open", "{agency} will take it up again later."),
    Action.TRANSFER: ("internal_referral", "It was passed on to {agency}."),
    Action.RELEASE: ("open", "It is dealt with by itself from now on; {agency} has it."),
    Action.CONFIRM: ("fixed", "Whoever reported it says that it is solved."),
    Action.REOPEN: ("open", "Whoever reported it says that it is not solved; {agency} has it again."),
    Action.UPHOLD: ("closed", "The decision was reviewed, and it stands."),
    Action.OVERTURN: ("open", "The decision was reviewed; {agency} looks into it again."),
    Action.RESTORE: ("open", "It goes on, as whoever reported it asked; {agency} has it."),
}
_LEADS_TO: Final[Mapping[str, State]] = {rule.action: rule.end for rule in lifecycle.RULES if rule.end}


def when(moment: datetime) -> str:
    """Whole seconds of UTC, as every client reads them."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def discovery(url: str, *, demo: bool, service: str) -> Fields:
    return {
        "changeset": CHANGESET,
        "contact": f"{service}: whoever runs this server gives out keys.",
        "key_service": "Keys are needed to send requests only. They are given out by whoever runs this server.",
        "endpoints": [
            {
                "specification": SPECIFICATION,
                "url": url,
                "changeset": CHANGESET,
                "type": "test" if demo else "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
    }


def offered(pack: Pack) -> list[SubCategory]:
    """What may be reported here, all of it: whoever misses a service in the list takes it for gone."""
    subs = (sub for sub in pack.subs.values() if not sub.retired and not pack.categories[sub.category].retired)
    return [sub for sub in subs if not is_secret(pack, sub.code)]


def services(pack: Pack) -> list[Fields]:
    return [_service(pack, sub) for sub in offered(pack)]


def service_name(pack: Pack, sub: str) -> str:
    """With its category, as "Other" is in many; clients tell services apart by their names."""
    category = pack.categories[pack.subs[sub].category]
    return f"{text(category.name, _ENGLISH)}: {text(pack.subs[sub].name, _ENGLISH)}"


def _service(pack: Pack, sub: SubCategory) -> Fields:
    category = pack.categories[sub.category]
    danger = f" In danger call {pack.emergency_number('police')} first." if sub.danger else ""
    words = [text(words, language) for words in (category.name, sub.name) for language in ("en", "sw")]
    return {
        "service_code": sub.code,
        "service_name": service_name(pack, sub.code),
        "description": f"{service_name(pack, sub.code)}.{danger}",
        "metadata": True,
        "type": "realtime",
        "keywords": ", ".join(dict.fromkeys(word.replace(",", "") for word in words)),
        "group": text(category.name, _ENGLISH),
    }


def definition(sub: SubCategory) -> Fields:
    """What a client may send beside the words and the place."""
    own_id = "Your own number of this report. Sent again with it, a report makes no second case."
    attributes = [
        # FixMyStreet fills in by itself what is called like this and is "server_set"
        _attribute(FIXMYSTREET_ID, "string", own_id, required=True) | {"automated": "server_set"},
        _attribute(LANGUAGE, "singlevaluelist", "The language of SMS about it.")
        | {"values": [{"key": "en", "name": "English"}, {"key": "sw", "name": "Kiswahili"}]},
    ]
    if sub.ask:
        attributes.append(_attribute(ANSWER, "string", text(sub.ask, _ENGLISH)))
    return {
        "service_code": sub.code,
        "attributes": [{**attribute, "order": order} for order, attribute in enumerate(attributes, 1)],
    }


def _attribute(code: str, datatype: str, description: str, *, required: bool = False) -> Fields:
    return {
        "variable": True,
        "code": code,
        "datatype": datatype,
        "required": required,
        "datatype_description": None,
        "description": description,
    }


def request(pack: Pack, case: Case, *, extended: bool = False) -> Fields:
    """A case as anybody may see it."""
    sub, place = case.sub or pack.unsure, _place(pack, case)
    spot = middle(pack, place) if place else None
    status, sentence = _standing(case.state, case.outcome)
    fields: Fields = {
        "service_request_id": case.id,
        "status": "open" if case.state in OPEN else "closed",
        "status_notes": _said(sentence, pack, case.agency),
        "service_name": service_name(pack, sub),
        "service_code": sub,
        "description": _description(pack, sub, place),
        "agency_responsible": _agency(pack, case.agency),
        "service_notice": None,
        "requested_datetime": when(case.received_at),
        "updated_datetime": when(case.state_since),
        "expected_datetime": when(case.due_at) if case.state in OPEN else None,
        "address": address(pack, place) if place else None,
        "address_id": ward_code(case.ward) if case.ward else None,
        "zipcode": None,
        "lat": spot.lat if spot else None,
        "long": spot.long if spot else None,
        "media_url": None,
    }
    if extended:
        fields["extended_attributes"] = {
            "status": status,
            "state": case.state,
            "agency_code": case.agency,
            "county": case.county,
            "constituency": case.constituency,
            "ward": ward_code(case.ward) if case.ward else None,
            "same_reports": case.followers,
            "times_reopened": case.reopens,
        }
    return fields


def update(pack: Pack, one: Update, words: str | None) -> Fields:
    """What happened to a case; `words`: what the office wrote, where whoever asks may read it."""
    agency = one.told.get("agency") or one.agency
    state = one.told.get("state") or _LEADS_TO.get(one.kind) or one.state
    status, sentence = (
        _REASONS.get(one.told.get("reason", ""))
        or _EVENTS.get(one.kind)
        or _standing(state, one.told.get("outcome") or one.outcome)
    )
    return {
        "update_id": one.id,
        "service_request_id": one.case_id,
        "status": status,
        "updated_datetime": when(one.recorded_at),
        "description": words or _said(sentence, pack, agency),
        "media_url": None,
        "external_status_code": state,
    }


def address(pack: Pack, place: Place) -> str:
    """From the smallest area to the largest, none named twice: "Lindi, Kibra, Nairobi"."""
    areas = (pack.places.get(code or "") for code in (place.ward, place.constituency, place.county))
    names = [place.name, *(area.name for area in areas if area)]
    return ", ".join({fold(name): name for name in names}.values())


def ward_code(ward: str) -> str:
    """With a letter before it, so that spreadsheets leave it alone."""
    return f"W{ward}"


def _standing(state: str, outcome: str | None) -> tuple[str, str]:
    """The word and the sentence for a state; a decision is told by its outcome."""
    decided = _OUTCOMES.get(outcome or "")
    if decided and state == State.RESOLVED:
        return decided
    if decided and state == State.CLOSED:
        return decided[0], _STATES[state][1]
    return _STATES[state]


def _said(sentence: str, pack: Pack, agency: str) -> str:
    return sentence.format(agency=_agency(pack, agency))


def _agency(pack: Pack, code: str) -> str:
    agency = pack.agencies.get(code)
    return text(agency.name, _ENGLISH) if agency else code


def _place(pack: Pack, case: Case) -> Place | None:
    codes: Sequence[str | None] = (case.place, case.ward, case.constituency, case.county)
    return next((pack.places[code] for code in codes if code and code in pack.places), None)


def _description(pack: Pack, sub: str, place: Place | None) -> str:
    return f"{service_name(pack, sub)}, {address(pack, place)}" if place else service_name(pack, sub)


def errors(faults: Iterable[tuple[int, str]]) -> list[Fields]:
    return [{"code": code, "description": description} for code, description in faults]
