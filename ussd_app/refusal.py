"""What every command may answer: it cannot be done, for this reason."""

from __future__ import annotations


class Refusal(Exception):
    """A reason in words for the person who asked; the command line prints it as it is. `faults`: a sentence each."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
