"""Whether citizens can do what an SMS tells them to. Pure; asked once, at start.

A text that says "Reply" needs a sender that can be replied to, one that says "dial" needs a code. The English texts
decide, of the house and of the pack: a translation tells its reader to do what its source does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from locales import SOURCE
from menus.messages import BY_SMS, TEMPLATES
from packs.model import Pack
from sms_gateway.gateway import Gateway

_ASKS_FOR_SMS: Final = re.compile(r"\b(?:[Rr]eply|[Ss]end [A-Z]{2,}|[Ss]end one of|SMS (?:it|the|your))\b|\b[Ss]end \{")
_ASKS_TO_DIAL: Final = re.compile(r"\b[Dd]ial\b|\{code\}")
_SHOWN: Final = 8


def refusals(channels: Iterable[Gateway], *, dials: bool, pack: Pack) -> list[str]:
    """A sentence for each thing that citizens would be told to do and could not; none where all is well.

    `dials`: there is a USSD code.
    """
    texts = sent(dials, pack)
    asking = [name for name, text in texts.items() if _ASKS_FOR_SMS.search(text)]
    dialling = [name for name, text in texts.items() if not dials and _ASKS_TO_DIAL.search(text)]
    faults = [
        f"Nobody can reply to the sender of {channel.name}, a name in letters, but SMS ask for it "
        f"({_listed(asking)}): give the channel a number to send from."
        for channel in channels
        if asking and not channel.capabilities.replies
    ]
    if dialling:
        faults.append(f"There is no USSD code, but SMS say that one can dial it ({_listed(dialling)}).")
    return faults


def sent(dials: bool, pack: Pack) -> dict[str, str]:
    """The English texts that are sent here, by name: with a code none of those that stand in for its lack."""
    house = {
        name: text
        for name, text in TEMPLATES.items()
        if (not name.endswith(BY_SMS) if dials else f"{name}{BY_SMS}" not in TEMPLATES)
    }
    own = {
        f"{template} for {scope} in the pack": words[SOURCE]
        for template, scopes in pack.messages.items()
        for scope, words in scopes.items()
    }
    # Where a pack's text needs the code and there is none, the house's is sent
    return house | {name: text for name, text in own.items() if dials or "{code}" not in text}


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
