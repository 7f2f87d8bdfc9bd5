"""The screens of the service, one module per journey; `FLOW` is all of them by name.

Keys of the home screen and of the categories never change their meaning: posters and deep dials depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from locales import say
from menus.engine import Flow
from menus.screens import advice, cases, home, lodge, secret, service, words

FLOW: Final[Flow] = {
    **home.SCREENS,
    **lodge.SCREENS,
    **secret.SCREENS,
    **words.SCREENS,
    **cases.SCREENS,
    **advice.SCREENS,
    **service.SCREENS,
}

# The truth when something failed at our side: the session ends with one of these, drawn without pack or database.
FAULTS: Final[Mapping[str, str]] = {
    "failed": say(
        "Sorry, a fault at our side. Nothing was saved or sent. Please dial {code} again in 5 minutes. Fault {err}"
    ),
    "failed_draft": say(
        "Sorry, a fault at our side. What you entered is kept. Dial {code} again to finish. Fault {err}"
    ),
    "failed_saved": say(
        "Sorry, a fault at our side, but what you sent IS saved. Case number {ref}. Write it down. Fault {err}"
    ),
    "failed_words": say(
        "Sorry, a fault at our side. Your words were not added to {ref}. SMS them to {short}, or dial {code} again. "
        "Fault {err}"
    ),
    "failed_unsure": say(
        "Sorry, a fault at our side. Not confirmed: dial {code} again and look under My cases. Fault {err}"
    ),
}
