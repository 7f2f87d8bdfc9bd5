"""The screens of the service, one module per journey; `FLOW` is all of them by name.

Keys of the home screen and of the categories never change their meaning: posters and deep dials depend on them.
What belongs to later journeys is not offered yet, but its number is reserved.
"""

from __future__ import annotations

from typing import Final

from menus.engine import Flow
from menus.screens import cases, home, lodge

FLOW: Final[Flow] = {**home.SCREENS, **lodge.SCREENS, **cases.SCREENS}
