"""What the commands of `./mlango case` share: who looks, the house they work in, and how they refuse."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, ParamSpec

import click

from cases import reference, worklist
from cases.lifecycle import Role
from cases.models import Case
from cases.worklist import OFFICE_ROLES, Viewer
from packs import NoPack
from packs.model import Pack
from packs.places import EVERYWHERE
from store.clock import utcnow
from ussd_app import logs, wiring
from ussd_app.cli.case.clerk import Clerk
from ussd_app.refusal import Refusal, unknown
from ussd_app.settings import Settings
from ussd_app.wiring import House

P = ParamSpec("P")

PLAYED: Final = (Role.CITIZEN, Role.SYSTEM)  # they act by phone and by the clock; here only in play
STAFF: Final = tuple(role for role in Role if role not in PLAYED)
_EVERYTHING: Final = Viewer(Role.ADMIN)


class OneOf(click.Choice[str]):
    """A word of an enumeration; it may be written with hyphens, too."""

    def __init__(self, words: Iterable[StrEnum]) -> None:
        super().__init__([str(word) for word in words], case_sensitive=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The word as the enumeration has it."""
        return super().convert(str(value).replace("-", "_"), param, ctx)


def who(roles: Collection[Role]) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """The options that say who looks or acts; and --json, which a refusal follows, too."""
    options = (
        click.option("--as", "role", type=OneOf(roles), metavar="ROLE", help=f"Your role: {', '.join(roles)}."),
        click.option("--agency", metavar="OFFICE", help="The code of your office, like NCWSC."),
        click.option("--name", metavar="OFFICER", help="Your own code, like ncwsc-1."),
        click.option("--json", "as_json", is_flag=True, help="As JSON; a refusal, too, on standard error."),
    )

    def decorate(run: Callable[P, None]) -> Callable[P, None]:
        return functools.reduce(lambda command, option: option(command), reversed(options), _refusing_in_json(run))

    return decorate


def _refusing_in_json(run: Callable[P, None]) -> Callable[P, None]:
    @functools.wraps(run)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            run(*args, **kwargs)
        except Refusal as refusal:
            if not kwargs.get("as_json"):
                raise
            click.echo(written({"error": " ".join(refusal.faults)}), err=True)
            sys.exit(1)

    return wrapped


def written(value: Any) -> str:
    """JSON for people and programs."""
    return json.dumps(value, ensure_ascii=False, indent=2)


@dataclass(frozen=True, slots=True)
class Desk:
    """The house, the pack in force, and the moment at which the command began."""

    house: House
    pack: Pack
    now: datetime

    @classmethod
    def open(cls) -> Desk:
        """As the environment says. Raises Refusal where the database or the pack is not ready."""
        settings = Settings.load()
        logs.set_up("warning")
        wiring.bind_prepared(settings)
        house = wiring.build(settings)
        try:
            return cls(house, house.casework.pack(), utcnow())
        except NoPack as lacking:
            raise Refusal(str(lacking)) from None

    @property
    def is_demo(self) -> bool:
        return self.house.settings.mode == "demo"

    @property
    def clerk(self) -> Clerk:
        return Clerk(self.pack, self.now)

    def viewer(self, role: str | None, agency: str | None, name: str | None) -> Viewer:
        """Who looks: in demo mode an admin unless they say otherwise; an officer of the pack is of their own office."""
        if role is None and not self.is_demo:
            raise Refusal(f"Say in which role, with --as: {', '.join(STAFF)}.")
        if agency:
            self.known("office", agency, self.pack.agencies)
        return Viewer(Role(role or Role.ADMIN), agency or self._office_of(name), name)

    def _office_of(self, officer: str | None) -> str | None:
        return next((office for office, members in self.pack.members.items() if officer in members), None)

    def find(self, viewer: Viewer, typed: str) -> tuple[Viewer, Case]:
        """The case with this number, and who looks: if nothing tells their office, an officer of the one that has it.

        Raises Refusal, in the same words whether there is no such case or it is not theirs to see.
        """
        if viewer.role in OFFICE_ROLES and not viewer.agency:
            case = worklist.find(_EVERYTHING, typed)
            viewer = replace(viewer, agency=case.agency if case else None)
        case = worklist.find(_EVERYTHING if viewer.role in PLAYED else viewer, typed)
        if case is None:
            raise Refusal(f"There is no case {_tidy(typed)} that you may see.")
        return viewer, case

    def known(self, what: str, code: str, codes: Iterable[str]) -> str:
        """`code`, if it is one of `codes`. Raises Refusal with the one that may be meant."""
        known = frozenset(codes)
        if code in known:
            return code
        raise unknown(what, code, sorted(known))

    def place(self, typed: str, kinds: frozenset[str] = EVERYWHERE) -> str:
        """The code of a place, given by its code or its name."""
        named = self.pack.places.get(typed)
        if named and named.kind in kinds:
            return typed
        found = wiring.pack_and_places()[1].find(typed, kinds=kinds, limit=8)
        meant = [place for place in found if place.name.casefold() == typed.casefold()] or found
        if not meant:
            raise Refusal(f"There is no place {typed} in the pack.")
        if len(meant) > 1:
            raise Refusal(f"Which {typed}? Say one of: {', '.join(place.code for place in meant)}.")
        return meant[0].code


def _tidy(typed: str) -> str:
    number = reference.digits(typed)
    return reference.shown(number) if number and len(number) == reference.DIGITS else typed
