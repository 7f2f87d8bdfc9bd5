"""The texts of every SMS: templates by name, rendered from codes when they are sent. Pure.

A text fits one segment (160 septets) with its values; where it does not, values are clipped to their budgets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cases import reference
from locales import say, translations
from menus import fit
from menus.values import Names, shown_date
from packs.model import Pack
from sms_gateway.encoding import segments

TEMPLATES: Final[Mapping[str, str]] = {
    # a case
    "received": say(
        "{service}: Complaint {ref} received: {sub}, {place}. Sent to {agency}. Answer by {date}. Reply to add details."
    ),
    "received_anywhere": say(
        "{service}: Complaint {ref} received: {sub}. Sent to {agency}. Answer by {date}. Reply to add details."
    ),
    "received_ask_place": say(
        "{service}: Complaint {ref} received: {sub}. Where is it? Reply with the ward, estate or town. "
        "If you cannot, we will call you."
    ),
    "received_ask_which": say(
        "{service}: Complaint {ref} received. Which {place}? Reply 1 {p1}, 2 {p2}, 3 {p3}, or the county's name."
    ),
    "received_ask_which_of_two": say(
        "{service}: Complaint {ref} received. Which {place}? Reply 1 {p1}, 2 {p2}, or the county's name."
    ),
    "received_ask_what": say(
        "{service}: Message {ref} received. What is it about? Reply 1 water 2 power 3 roads 4 health 5 ID 6 police "
        "7 land 8 other, and your place."
    ),
    "added": say("{service}: added to {ref} ({sub}). Is it a different problem? Reply NEW."),
    "added_unnamed": say("{service}: added to {ref}. Is it a different problem? Reply NEW."),
    # answers to a keyword
    "status": say("{ref} {sub}, {place}: {status} since {date}. {agency}, due {date2}. Reply to add details."),
    "status_anywhere": say("{ref} {sub}: {status} since {date}. {agency}, due {date2}. Reply to add details."),
    "status_unnamed": say("{ref}: {status} since {date}. {agency}, due {date2}. Reply to add details."),
    "status_list": say("{service}: {list}. For one case send STATUS and its number."),
    "status_none": say(
        "{service}: This phone has no open complaint. To make one, SMS the problem and the place, e.g. No water, Lindi."
    ),
    "not_found": say(
        "{service}: no case {ref} for this phone. Check the number, or send STATUS alone for your list. "
        "Sent from another phone? Ask from it, or dial {code}."
    ),
    "help": say(
        "{service}: SMS your problem and place, e.g. No water, Lindi. STATUS = your cases. LANG SW = Kiswahili. "
        "STOP = no SMS. Danger: call 999 or 112."
    ),
    "stop": say(
        "{service}: we will not SMS you again. Your complaints go on; dial {code} to check. "
        "To get SMS again send START."
    ),
    "start": say("{service}: SMS are on again. Your open complaints: {n}. Send STATUS to see them."),
    "language": say("{service}: we will use English. Change: send LANG SW for Kiswahili."),
    "language_unknown": say(
        "{service}: we know LANG EN for English and LANG SW for Kiswahili. Please send one of them."
    ),
}


class Renderer:
    """Makes the text of an SMS from its template and parameters, in the pack in force."""

    def __init__(self, pack: Callable[[], Pack], service: str, code: str) -> None:
        self._pack, self._fixed = pack, {"service": service, "code": code}

    def __call__(self, template: str, language: str, params: Mapping[str, Any]) -> str:
        """The text of `template` in `language`. Parameters are codes and ISO dates. KeyError for a wrong template."""
        names = Names(self._pack(), language)
        values = {**self._fixed, **{name: _value(names, name, value) for name, value in params.items()}}
        return fit.fill(translations(language).gettext(TEMPLATES[template]), values, is_one_segment)


def is_one_segment(text: str) -> bool:
    return segments(text).count == 1


def _value(names: Names, name: str, value: Any) -> str:
    match name:
        case "sub":
            return names.sub(value)
        case "place":
            return names.place(value)
        case "agency":
            return names.agency(value)
        case "status":
            return names.status(value)
        case "date" | "date2":
            return shown_date(value)
        case "ref":
            return reference.shown(value) if reference.is_valid(value) else str(value)
        case "list":
            return ", ".join(f"{reference.shown(ref)} {names.status(state)}" for ref, state in value)
        case _:
            return str(value)
