"""The listener that tells citizens what happened to their case: it only puts messages and questions in their tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from cases.casework import Happened
from cases.lifecycle import Action
from cases.models import Case
from menus.dialogue import MOST_OPTIONS
from menus.sessions import SmsQuestion
from packs.model import Pack, Place
from sms_gateway.message import Draft, post
from store.model import Insert

_BY_SMS: Final = "sms"
_WHICH: Final = {2: "received_ask_which_of_two", 3: "received_ask_which"}


class Notifier:
    """One SMS for everything that one change brought about; with it the one question that it asks."""

    def __init__(self, pack: Callable[[], Pack]) -> None:
        self._pack = pack
        self._insert_question = Insert(SmsQuestion)

    def __call__(self, happened: Sequence[Happened], now: datetime) -> None:
        """Called by Casework in its transaction."""
        drafts, questions = [], []
        for event in happened:
            told = self._tell(event)
            if told is None:
                continue
            template, question = told
            case, caller = event.case, event.change.caller
            language = event.change.facts.get("language")
            drafts.append(Draft(caller, template, self._params(event), case.id, language))
            if question:
                options = event.change.facts.get("which") if question == "which" else event.change.source_key
                questions.append(
                    {"citizen": caller.id, "case": case.id, "kind": question, "options": options, "asked_at": now}
                )
        post(drafts, now)
        self._insert_question(questions)

    def _tell(self, event: Happened) -> tuple[str, str | None] | None:
        """The template for an event, and the question it asks; None where the citizen needs no SMS."""
        case, by_sms = event.case, event.change.source == _BY_SMS
        if event.change.quiet:
            return None
        match event.kind:
            case Action.LODGE if by_sms or not event.change.caller.stopped:
                return self._receipt(case)
            case Action.CLASSIFY if event.change.facts.get("which"):
                return _WHICH[len(self._which(event))], "which"
            case Action.CLASSIFY:
                return self._receipt(case)
            case Action.ADD_WORDS if by_sms:
                return ("added" if case.sub else "added_unnamed"), "added"
            case _:
                return None

    def _receipt(self, case: Case) -> tuple[str, str | None]:
        if case.sub is None:
            return "received_ask_what", "what"
        if self._lacks_place(case):
            return "received_ask_place", "place"
        return ("received" if case.place else "received_anywhere"), None

    def _params(self, event: Happened) -> dict[str, Any]:
        """What the text says: of a case, and of the places to choose from."""
        params = case_params(event.case, self._pack())
        same = self._which(event)
        if same:
            params["place"] = same[0].code
            params |= {f"p{number}": name for number, name in enumerate(_apart(same, self._pack()), 1)}
        return params

    def _which(self, event: Happened) -> list[Place]:
        codes = (event.change.facts.get("which") or "").split()
        return [self._pack().places[code] for code in codes[:MOST_OPTIONS]]

    def _lacks_place(self, case: Case) -> bool:
        return case.sub is not None and not case.place and self._pack().subs[case.sub].where == "place"


def _apart(same: Sequence[Place], pack: Pack) -> list[str]:
    """What tells places of one name apart: their counties, else their constituencies, else their wards."""
    for area in (
        [place.county for place in same],
        [place.constituency for place in same],
        [place.ward for place in same],
    ):
        names = [pack.places[code].name for code in area if code]
        if len(set(names)) == len(same):
            return names
    return [place.name for place in same]


def case_params(case: Case, pack: Pack) -> dict[str, Any]:
    """What a text may say of a case, as codes; its names are looked up when it is sent."""
    known = {"ref": case.ref, "sub": case.sub, "place": case.place, "agency": case.agency, "status": case.state}
    return {
        **{name: value for name, value in known.items() if value},
        "date": day(case.due_at, pack),
        "date2": day(case.due_at, pack),
    }


def day(moment: datetime, pack: Pack) -> str:
    """The date of a moment in the pack's zone, ISO."""
    return moment.astimezone(ZoneInfo(pack.zone)).date().isoformat()
