"""Who runs a command, where they do not say."""

from __future__ import annotations

import getpass
import os


def name() -> str:
    """The user of this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return str(os.getuid())
