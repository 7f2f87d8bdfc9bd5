"""`./mlango case list` and `show`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import structlog

from cases import reference, worklist
from cases.lifecycle import LEVELS, State
from cases.models import Case
from cases.worklist import MOST_COUNTED, MOST_LISTED, OFFICE_ROLES, Filters, Viewer
from sms_gateway.msisdn import mask
from ussd_app.cli.case.clerk import Sheet, a
from ussd_app.cli.case.desk import STAFF, Desk, OneOf, who, written
from ussd_app.refusal import Refusal

log = structlog.get_logger("mlango")

_SHOWN_FOLLOWERS: Final = 5


@click.command("list", short_help="The cases that wait, the most overdue first.")
@click.option("--open/--all", "is_open", default=True, help="Cases that wait for somebody (so unless said), or all.")
@click.option(
    "--state", "states", type=OneOf(State), multiple=True, metavar="STATE", help="Only in this state or these."
)
@click.option("--overdue", is_flag=True, help="Only open cases whose promised time is over.")
@click.option("--mine", is_flag=True, help="Only those of the officer that --name names.")
@click.option("--owner", metavar="OFFICER", help="Only those of this officer.")
@click.option("--queue", type=click.Choice(["triage", "supervisor"]), help="Only those that wait for such help.")
@click.option("--category", help="Only those of this category, like water.")
@click.option("--ward", help="Only those in this ward: its code or name.")
@click.option("--county", help="Only those in this county: its code or name.")
@click.option("--escalated", type=click.Choice([str(level) for level in LEVELS]), help="At least at this level.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%d/%m/%Y"]),
    metavar="DAY",
    help="Received on this day, like 2026-11-23, or later.",
)
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=20, show_default=True, help="How many.")
@click.option("--after", metavar="NUMBER", help="Go on after this case, the last one of the page before.")
@who(STAFF)
def list_(
    role: str | None,
    agency: str | None,
    name: str | None,
    as_json: bool,
    limit: int,
    after: str | None,
    **wanted: Any,
) -> None:
    """List the cases that you may see, in the order in which they are due.

    An owner, a supervisor or a sync sees the cases of one office and names it with --agency; to other roles --agency
    shows only the cases of that office.
    """
    desk = Desk.open()
    viewer = desk.viewer(role, agency, name)
    if viewer.role in OFFICE_ROLES and not agency:
        raise Refusal(f"{a(viewer.role).capitalize()} sees the cases of one office: name it with --agency.")
    if wanted["mine"] and not name:
        raise Refusal("Say whose cases are yours, with --name.")
    filters = _filters(desk, agency, wanted)
    cases = worklist.listed(viewer, filters, limit, desk.find(viewer, after)[1] if after else None)
    if as_json:
        click.echo(written([desk.clerk.brief(case) for case in cases]))
        return
    for line in desk.clerk.table(cases) if cases else ():
        click.echo(line)
    click.echo(_counted(worklist.count(viewer, filters), cases, limit))


def _filters(desk: Desk, agency: str | None, wanted: dict[str, Any]) -> Filters:
    """The options of `list` as the worklist asks for them."""
    since: datetime | None = wanted["since"]
    ward, county, category = wanted["ward"], wanted["county"], wanted["category"]
    return Filters(
        states=tuple(State(state) for state in wanted["states"]),
        is_open=wanted["is_open"] and not wanted["states"],
        overdue_at=desk.now if wanted["overdue"] else None,
        agency=agency,
        owner=wanted["owner"],
        mine=wanted["mine"],
        queue=wanted["queue"],
        category=desk.known("category", category, desk.pack.categories) if category else None,
        ward=desk.pack.places[desk.place(ward, frozenset({"ward"}))].ward if ward else None,
        county=desk.place(county, frozenset({"county"})) if county else None,
        escalated=int(wanted["escalated"] or 0),
        since=since.replace(tzinfo=ZoneInfo(desk.pack.zone)).astimezone(UTC) if since else None,
    )


def _counted(total: int, shown: list[Case], limit: int) -> str:
    if not total:
        return "No cases."
    number = f"{total:,}{' or more' if total == MOST_COUNTED else ''}"
    line = f"{number} case{'s' * (total != 1)}; shown: {len(shown)}."
    more = len(shown) == limit < total
    return line + (f" To go on, add: --after {reference.shown(shown[-1].ref)}" if more else "")


@click.command(short_help="Everything about one case, and what may be done next.")
@click.argument("number")
@click.option("--reveal", is_flag=True, help="Show the citizen's phone number in full; the log says who did.")
@who(STAFF)
def show(number: str, role: str | None, agency: str | None, name: str | None, as_json: bool, reveal: bool) -> None:
    """Show everything about the case NUMBER that you may see, and what you may do next.

    Without --agency an owner, a supervisor or a sync is taken to be of the office that has the case.
    """
    desk = Desk.open()
    viewer, case = desk.find(desk.viewer(role, agency, name), number)
    sheet = _sheet(desk, viewer, case, reveal)
    click.echo(written(desk.clerk.whole(sheet)) if as_json else "\n".join(desk.clerk.screen(sheet)))


def _sheet(desk: Desk, viewer: Viewer, case: Case, reveal: bool) -> Sheet:
    citizens, following = desk.house.citizens, Filters(master=case.id)
    phone = worklist.phone(viewer, case, citizens)
    if phone and reveal:
        log.warning("number_revealed", case=case.id, role=viewer.role, actor=viewer.actor, office=viewer.agency)
    master = worklist.by_id(viewer, case.master) if case.master else None
    return Sheet(
        viewer=viewer,
        case=case,
        phone=mask(phone) if phone and not reveal else phone,
        history=worklist.history(viewer, case, citizens),
        master=(master.ref if master else "") if case.master else None,
        followers=[one.ref for one in worklist.listed(viewer, following, _SHOWN_FOLLOWERS)],
        following=worklist.count(viewer, following),
    )
