"""Which office answers? The most specific rule of the pack wins. Pure."""

from __future__ import annotations

from typing import NamedTuple

from packs.model import ANY, COUNTY_GOVERNMENT, Pack, Place, Route


class Candidate(NamedTuple):
    """A rule that covers the case: how specific it is, and the office that it names here."""

    weight: int
    rule: Route
    agency: str


def route(pack: Pack, sub: str | None, place: Place | None, about: str | None = None) -> str:
    """The code of the agency for a sub-category (None: not known yet) at a place (None: not known or not needed).

    `about` is the office that the case complains about in confidence: neither it nor its kin ever gets it; the next
    rule does. What no rule covers goes to the pack's service desk, never nowhere.
    """
    best, weight = pack.desk, -1
    for found in _covering(pack, sub, place, about):
        if found.weight > weight:
            best, weight = found.agency, found.weight
    return best


def candidates(pack: Pack, sub: str | None, place: Place | None, about: str | None = None) -> list[Candidate]:
    """All rules that cover the case, the one that decides first."""
    return sorted(_covering(pack, sub, place, about), key=lambda found: -found.weight)


def barred(pack: Pack, about: str | None) -> frozenset[str]:
    """The offices that never get, or see, what is about the office `about`: that one and its kin."""
    return pack.kin(about) if about else frozenset()


def _covering(pack: Pack, sub: str | None, place: Place | None, about: str | None) -> list[Candidate]:
    """A rule for what is about an office beats all that are for anything; then one that names the sub-category beats
    one for the category, that beats `*`; among equals one that names the county beats one that does not."""
    category = pack.subs[sub].category if sub else None
    county = place.county if place else None
    unfit = barred(pack, about)
    found = []
    for rule in pack.routes:
        if rule.category not in (ANY, category) or rule.sub not in (ANY, sub) or rule.county not in (ANY, county):
            continue
        if rule.about and _office(rule.about, county) not in unfit:
            continue
        agency = _office(rule.agency, county)
        if agency in pack.agencies and not pack.agencies[agency].retired and agency not in unfit:
            exact = 4 * (rule.sub != ANY) + 2 * (rule.category != ANY) + (rule.county != ANY)
            found.append(Candidate(8 * bool(rule.about) + exact, rule, agency))
    return found


def _office(code: str, county: str | None) -> str:
    return f"{COUNTY_GOVERNMENT}-{county}" if code == COUNTY_GOVERNMENT else code
