"""`./mlango route`: who gets what, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from cases import sla
from cases.casework import WORKLIST
from cases.routing import Candidate, candidates
from packs.model import ANY, COUNTY_GOVERNMENT, Pack, Place, SubCategory, text
from packs.places import EVERYWHERE, OFFICES, label
from store import database
from ussd_app.cli.case.desk import Desk, written
from ussd_app.refusal import Refusal

_DAY: Final = 24 * 60  # minutes
_NOWHERE: Final = "No rule covers it, so it waits in the queue of the supervisors of"


@click.group()
def command() -> None:
    """Explain which office gets a complaint."""


@command.command(short_help="Which rules cover a complaint, which wins, who gets it, by when.")
@click.option("--category", required=True, help="What it is about: water.")
@click.option("--sub", help="What exactly: water.none. Without it, what the category's “Other” gets.")
@click.option("--ward", help="Where it is: the code of a ward.")
@click.option("--place", help="Where it is, or where they applied: a code or a name, like kibera.")
@click.option("--county", help="Where it is: the code of a county, 047.")
@click.option("--about", help="An office that it complains about in confidence: that one and its kin never get it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def explain(
    category: str,
    sub: str | None,
    ward: str | None,
    place: str | None,
    county: str | None,
    about: str | None,
    as_json: bool,
) -> None:
    """Show every rule of the pack in force that covers a complaint of CATEGORY, the most exact first, and what follows.

    The most exact wins: one for reports about that very office before all others; then one that names the sub-category
    before one that names the category, then one that names the county.
    """
    desk = Desk.open()
    desk.known("category", category, desk.pack.categories)
    asked = _Asked(
        pack=desk.pack,
        sub=_sub(desk, category, sub),
        place=_place(desk, ward=ward, place=place, county=county),
        about=desk.known("office", about, desk.pack.agencies) if about else None,
        exact=sub is not None,
    )
    answer = _answer(asked, desk.now)
    click.echo(written(_as_json(asked, answer)) if as_json else "\n".join(_lines(asked, answer)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A complaint as it was described."""

    pack: Pack
    sub: SubCategory
    place: Place | None
    about: str | None
    exact: bool  # the sub-category was named


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the rules say of it. `loads`: open cases by member, in the order of the pack."""

    rules: list[Candidate]
    agency: str
    loads: dict[str, int]
    due_at: datetime

    @property
    def is_covered(self) -> bool:
        """Whether a rule sends it on; the pack's last line, for all that is left, sends it to the service desk."""
        return bool(self.rules) and self.rules[0].rule.category != ANY

    @property
    def next_member(self) -> str | None:
        return min(self.loads, key=lambda member: self.loads[member], default=None)


def _sub(desk: Desk, category: str, code: str | None) -> SubCategory:
    inside = {sub.code: sub for sub in desk.pack.subs.values() if sub.category == category}
    if code:
        return inside[desk.known(f"sub-category of {category}", code, inside)]
    return max((sub for sub in inside.values() if not sub.retired), key=lambda sub: sub.key)


def _place(desk: Desk, *, ward: str | None, place: str | None, county: str | None) -> Place | None:
    if sum(given is not None for given in (ward, place, county)) > 1:
        raise Refusal("Say where it is with one of --ward, --place and --county.")
    places = desk.pack.places
    if place:
        return places[desk.place(place, EVERYWHERE | OFFICES)]
    for kind, code in (("ward", ward), ("county", county)):
        if code:
            return places[desk.known(kind, code, [one.code for one in places.values() if one.kind == kind])]
    return None


def _answer(asked: _Asked, now: datetime) -> _Answer:
    pack, sub = asked.pack, asked.sub
    rules = candidates(pack, sub.code, asked.place, asked.about)
    agency = rules[0].agency if rules else pack.desk
    due_at = sla.due(pack.calendar(sub.code), now, pack.sla(sub.code).resolve)
    return _Answer(rules, agency, _loads(pack, agency), due_at)


def _loads(pack: Pack, agency: str) -> dict[str, int]:
    members = pack.members.get(agency, ())
    open_cases = (
        f"SELECT owner, COUNT(*) FROM cases WHERE agency = ? AND {WORKLIST} AND owner IS NOT NULL GROUP BY owner"
    )
    count = Counter(dict(database.rows(database.main, open_cases, agency))) if members else Counter()
    return {member: count[member] for member in members}


def _lines(asked: _Asked, answer: _Answer) -> Iterator[str]:
    pack, place = asked.pack, asked.place
    where = f" in {label(place, pack)}" if place and place.kind != "office" else ""
    category = text(pack.categories[asked.sub.category].name, "en")
    yield f"{category}: {text(asked.sub.name, 'en')} ({asked.sub.code}){where}"
    if place and place.kind == "office":
        yield f"They applied at {place.name}."
    if asked.about:
        kin = sorted(pack.kin(asked.about) - {asked.about})
        others = f", nor do its kin: {', '.join(kin)}" if kin else ""
        yield f"It complains about {_named(pack, asked.about)}, which never gets it{others}."
    yield ""
    yield "Rules that cover it (category, sub-category, county), the most exact first:"
    for found in answer.rules:
        sign = ">" if found is answer.rules[0] else " "
        line = f"line {found.rule.line}" if found.rule.line else ""
        yield f"  {sign} {_rule(found):<38} {found.agency:<16} weight {found.weight}  routes.csv {line}".rstrip()
    yield ""
    yield from _verdict(asked, answer)


def _verdict(asked: _Asked, answer: _Answer) -> Iterator[str]:
    pack, sub = asked.pack, asked.sub
    if answer.is_covered:
        yield f"It goes to {_named(pack, answer.agency)}: that rule names {_reason(answer.rules[0])}."
    else:
        yield f"{_NOWHERE} {_named(pack, pack.desk)}."
    if answer.loads:
        loads = ", ".join(f"{member} has {count} open" for member, count in answer.loads.items())
        yield f"Its members: {loads}. The next case goes to {answer.next_member}."
    sla_, calendar = pack.sla(sub.code), pack.calendar(sub.code)
    promised = (_span(minutes, calendar.working_day) for minutes in (sla_.acknowledge, sla_.respond, sla_.resolve))
    yield "Promised on calendar {}: acknowledged in {}, answered in {}, solved in {}.".format(calendar.code, *promised)
    yield f"Lodged now, it is due by {answer.due_at.astimezone(ZoneInfo(pack.zone)):%d/%m/%Y}."
    if not asked.exact:
        elsewhere = _elsewhere(asked, answer.agency)
        yield from ["", "Other kinds of it that go elsewhere:", *elsewhere] if elsewhere else []


def _elsewhere(asked: _Asked, agency: str) -> list[str]:
    """What other sub-categories of the category another office gets."""
    others = [sub for sub in asked.pack.subs.values() if sub.category == asked.sub.category and not sub.retired]
    routed = [(sub, candidates(asked.pack, sub.code, asked.place, asked.about)) for sub in others]
    return [
        f"  {sub.code:<28} {_named(asked.pack, rules[0].agency)}"
        for sub, rules in routed
        if rules and rules[0].agency != agency
    ]


def _rule(found: Candidate) -> str:
    rule = found.rule
    government = " (the county)" if rule.agency == COUNTY_GOVERNMENT else ""
    return f"{rule.category},{rule.sub},{rule.county}{government}" + (f" about {rule.about}" if rule.about else "")


def _reason(found: Candidate) -> str:
    rule = found.rule
    named = ["the sub-category" if rule.sub != ANY else "the category"]
    if rule.county != ANY:
        named.append("the county")
    if rule.about:
        named.append("the office that it is about")
    return " and ".join(named)


def _named(pack: Pack, agency: str) -> str:
    return f"{agency} ({text(pack.agencies[agency].name, 'en')})"


def _span(minutes: int, working_day: int) -> str:
    """Working time as an officer says it; on a calendar that never closes, up to three days in hours."""
    days, rest = divmod(minutes, working_day)
    if rest == 0 and working_day < _DAY:
        return f"{days} working day{'s' * (days != 1)}"
    if rest == 0 and days > 3:
        return f"{days} days"
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def _as_json(asked: _Asked, answer: _Answer) -> dict[str, Any]:
    pack, sub = asked.pack, asked.sub
    sla_ = pack.sla(sub.code)
    return {
        "sub": sub.code,
        "place": asked.place.code if asked.place else None,
        "about": asked.about,
        "rules": [
            {
                "category": found.rule.category,
                "sub": found.rule.sub,
                "county": found.rule.county,
                "about": found.rule.about or None,
                "agency": found.agency,
                "weight": found.weight,
                "line": found.rule.line or None,
            }
            for found in answer.rules
        ],
        "agency": answer.agency,
        "queue": None if answer.is_covered else "supervisor",
        "office": asked.place.code if asked.place and asked.place.kind == "office" else None,
        "members": answer.loads,
        "next_member": answer.next_member,
        "promised": {
            "calendar": sub.calendar,
            "acknowledge_minutes": sla_.acknowledge,
            "respond_minutes": sla_.respond,
            "resolve_minutes": sla_.resolve,
            "due_at": answer.due_at.astimezone(ZoneInfo(pack.zone)).replace(microsecond=0).isoformat(),
        },
    }
