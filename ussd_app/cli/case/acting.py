"""`./mlango case act`: an officer's act, through the casework, with the same SMS to the citizen as from anywhere."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, Final

import click

from cases import lifecycle, reference, worklist
from cases.casework import Change, Done
from cases.citizens import Caller
from cases.lifecycle import OPEN, OUTCOMES, REJECTIONS, STARS, Action, NotAllowed, Role, Stale, State, plain
from cases.models import Case
from cases.worklist import Viewer
from sms_gateway.message import Direction, Message
from ussd_app.cli.case.clerk import NEEDS, a
from ussd_app.cli.case.desk import PLAYED, Desk, OneOf, who, written
from ussd_app.refusal import Refusal

_LONGEST_KEY: Final = 100


@click.command(short_help="Do something with a case: start, transfer, resolve …")
@click.argument("number")
@click.argument("action", type=OneOf(Action), metavar="ACTION")
@click.option("--note", help="What you say: to the citizen, to the other office, or for the file.")
@click.option("--outcome", help=f"Of resolve: {', '.join(OUTCOMES)}.")
@click.option("--reason", help=f"Of reject: {', '.join(REJECTIONS)}.")
@click.option("--to", metavar="OFFICE", help="Of assign and transfer: the office that gets it.")
@click.option("--owner", metavar="OFFICER", help="Of assign and transfer: the officer who gets it.")
@click.option("--master", metavar="NUMBER", help="Of duplicate: the case that this one follows.")
@click.option("--sub", help="Of classify: what it is about, like water.none.")
@click.option("--place", help="Of classify: where it is, a code or a name.")
@click.option("--priority", help="Of classify: normal or urgent.")
@click.option("--stars", type=click.Choice(STARS), help="Of rate.")
@click.option("--version", type=int, help="Of the case as you saw it; if it changed since, nothing is done.")
@click.option("--key", metavar="TEXT", help="Makes a repeat harmless: under one key something is done once.")
@who(tuple(Role))
def act(
    number: str,
    action: str,
    role: str | None,
    agency: str | None,
    name: str | None,
    as_json: bool,
    note: str | None,
    version: int | None,
    key: str | None,
    **given: str | None,
) -> None:
    """Do ACTION with the case NUMBER; says what came of it and what the citizen is told.

    ACTION is one of those that `./mlango case show NUMBER --as ROLE` offers. Citizens and the system act by phone and
    by the clock; in demo mode you may play them.
    """
    desk = Desk.open()
    viewer, case = desk.find(_actor(desk, role, agency, name), number)
    change = Change(
        action=Action(action),
        caller=_citizen(desk, case) if viewer.role is Role.CITIZEN else None,
        source="cli",
        source_key=_source_key(case, key),
        case_id=case.id,
        role=viewer.role,
        facts=_facts(desk, viewer, Action(action), given),
        words=note,
        actor=_name(viewer, case),
        office=viewer.agency,
        version=version,
    )
    try:
        done = desk.house.casework.apply(change, desk.now)
    except NotAllowed as refusal:
        raise Refusal(_sentence(desk, viewer, change, refusal)) from None
    click.echo(written(_outcome(desk, done)) if as_json else "\n".join(_said(desk, change, done)))


def _actor(desk: Desk, role: str | None, agency: str | None, name: str | None) -> Viewer:
    viewer = desk.viewer(role, agency, name)
    if viewer.role in PLAYED:
        if not desk.is_demo:
            raise Refusal(f"The {viewer.role} acts by phone or by the clock, never here.")
        click.echo(f"Demo: you play the {viewer.role}, who acts by phone or by the clock.", err=True)
    return viewer


def _citizen(desk: Desk, case: Case) -> Caller | None:
    citizen_id: str = case.__data__["citizen"]
    return desk.house.citizens.by_id([citizen_id]).get(citizen_id)


def _name(viewer: Viewer, case: Case) -> str | None:
    """Under which name they act: an owner who gives none is the officer who has the case."""
    if viewer.role in PLAYED:
        return None
    return viewer.actor or (case.owner if viewer.role is Role.OWNER else None) or str(viewer.role)


def _source_key(case: Case, key: str | None) -> str:
    if key and len(key) > _LONGEST_KEY:
        raise Refusal(f"--key has at most {_LONGEST_KEY} characters.")
    return f"cli/{case.id}/{key or secrets.token_hex(8)}"


def _facts(desk: Desk, viewer: Viewer, action: Action, given: dict[str, str | None]) -> dict[str, Any]:
    """The options as the facts of a change; what the action has no use for is refused."""
    facts: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    useful = {*NEEDS.get(action, {}), *(["owner"] if action is Action.TRANSFER else [])}
    if useless := facts.keys() - useful:
        raise Refusal(
            f"{plain(action).capitalize()} has no use for {', '.join(f'--{one}' for one in sorted(useless))}."
        )
    if "to" in facts:
        facts["agency"] = desk.known("office", facts.pop("to"), desk.pack.agencies)
    if "sub" in facts:
        desk.known("sub-category", facts["sub"], desk.pack.subs)
    if "place" in facts:
        facts["place"] = desk.place(facts["place"])
    if "master" in facts:
        facts["master"] = desk.find(viewer, facts["master"])[1].id
    return facts


# What came of it


def _sentence(desk: Desk, viewer: Viewer, change: Change, refusal: NotAllowed) -> str:
    """The rule that stands in the way, and what is allowed; where the case changed meanwhile, who changed what."""
    case, said = Case.get_by_id(change.case_id), str(refusal)
    rule = f"{said[:1].upper()}{said[1:]}."
    if isinstance(refusal, Stale):
        return f"{rule} {_meanwhile(desk, viewer, case, change.version or 0)}"
    may = ", ".join(map(plain, lifecycle.allowed(State(case.state), viewer.role)))
    return f"{rule} {a(viewer.role).capitalize()} may now: {may or 'nothing'}."


def _meanwhile(desk: Desk, viewer: Viewer, case: Case, version: int) -> str:
    """What was done since the case had that version."""
    entries = worklist.history(viewer, case, desk.house.citizens)
    since = entries[len(entries) - max(case.version - version, 0) :]
    told = [f"{plain(one.kind)} by {one.actor or plain(one.role)}, {desk.clerk.moment(one.at)}" for one in since]
    return f"Since then: {'; '.join(told)}." if told else "It never had that version."


def _outcome(desk: Desk, done: Done) -> dict[str, Any]:
    return {
        **desk.clerk.brief(done.case),
        "repeated": done.repeated,
        "happened": [str(event.kind) for event in done.happened],
        "told": _told(desk, done),
    }


def _said(desk: Desk, change: Change, done: Done) -> Iterator[str]:
    case = done.case
    number, due = reference.shown(case.ref), f", due {desk.clerk.due(case)}" if case.state in OPEN else ""
    stands = f"{plain(case.state)}, with {case.agency} ({case.owner or 'no officer yet'}){due}; version {case.version}."
    if done.repeated:
        yield f"{number}: done before under this key, so nothing was done now. It is {stands}"
        return
    yield f"{number}: {plain(change.action)}. Now {stands}"
    if len(done.happened) > 1:
        yield f"By itself followed: {', '.join(plain(event.kind) for event in done.happened[1:])}."
    told = _told(desk, done)
    yield f"The citizen is told: {', '.join(told)}." if told else "The citizen is told nothing."


def _told(desk: Desk, done: Done) -> list[str]:
    """The templates of the SMS that this change put into the outbox."""
    if done.repeated:
        return []
    to_them = (Message.citizen == done.case.__data__["citizen"]) & (Message.direction == Direction.MT)
    sent = Message.select(Message.template).where(to_them & (Message.created_at == desk.now)).order_by(Message.id)
    return [str(message.template) for message in sent]
