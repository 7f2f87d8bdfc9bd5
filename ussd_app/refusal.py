"""What every command may answer: it cannot be done, for this reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Refusal(Exception):
    """A reason in words for the person who asked; the command line prints it as it is. `faults`: a sentence each."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def unknown(what: str, code: str, codes: Iterable[str]) -> Refusal:
    """That `code` is none of `codes`, with the one that may be meant."""
    by_letters = {one.casefold(): one for one in codes}
    near = difflib.get_close_matches(code.casefold(), by_letters, n=1)
    return Refusal(
        f"There is no {what} {code} in the pack" + (f"; did you mean {by_letters[near[0]]}?" if near else ".")
    )
