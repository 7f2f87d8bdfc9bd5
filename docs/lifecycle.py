"""Writes `docs/lifecycle.md`, what may happen to a case, from the table in the code: `python -m docs.lifecycle`.

A test writes it again and compares. The picture `docs/lifecycle.svg` is drawn by the same command (`docs.states`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from cases.lifecycle import OPEN, Action, Role, State, allowed, plain
from docs import states
from ussd_app.cli.case.rules import markdown, markdown_table

PAGE: Final = Path(__file__).with_name("lifecycle.md")

STATES: Final[Mapping[State, str]] = {
    State.RECEIVED: "It has a number. Nobody could send it to an office yet.",
    State.ASSIGNED: "An office has it, mostly with an officer, and has not begun.",
    State.IN_PROGRESS: "An officer works on it.",
    State.PENDING_CITIZEN: "The office asked the citizen something. The clock stands still, five working days at most.",
    State.PENDING_THIRD_PARTY: "The office waits for somebody else. The clock runs on.",
    State.APPEALED: "The citizen does not accept the decision; somebody who did not make it looks again.",
    State.RESOLVED: "The office says that it is done, and told the citizen what was done.",
    State.CLOSED: "The citizen agreed, or said nothing for a week.",
    State.REJECTED: "It cannot be taken, for one of a few reasons; the citizen was told why.",
    State.DUPLICATE: "It is the same problem as another case and ends with that one.",
    State.WITHDRAWN: "The citizen took it back.",
}
ROLES: Final[Mapping[Role, str]] = {
    Role.CITIZEN: "who lodged it, by USSD or SMS",
    Role.AGENT: "at the service desk, for a citizen on the phone",
    Role.OWNER: "the officer who has the case",
    Role.SUPERVISOR: "hands out the cases of an office, and alone may reject one",
    Role.APPEAL_OFFICER: "decides appeals, never against a decision of their own",
    Role.SYNC: "an office that works in a system of its own, through its files",
    Role.SYSTEM: "Mlango itself: the router and the clock",
    Role.AUDITOR: "reads everything, changes nothing",
    Role.ADMIN: "does what a supervisor of any office may do",
}
ACTIONS: Final[Mapping[Action, str]] = {
    Action.LODGE: "make a case",
    Action.CLASSIFY: "say what it is about, and where",
    Action.TRIAGE: "put it before people, because nobody could tell for two working hours what it is about",
    Action.ASSIGN: "give it to an office or an officer",
    Action.START: "begin to work on it",
    Action.PUT_BACK: "stop working on it, for a colleague to take it",
    Action.ASK: "ask the citizen a question",
    Action.ANSWER: "answer it",
    Action.WAIT: "wait for somebody else",
    Action.RESUME: "go on",
    Action.TRANSFER: "give it to the office that it belongs to; the clock runs on",
    Action.DUPLICATE: "let it follow another case",
    Action.FOLLOW: "be resolved with the case that it follows",
    Action.RELEASE: "go its own way again, because the other case ended without an answer",
    Action.REJECT: "not take it",
    Action.RESOLVE: "say that it is done",
    Action.REMIND: "ask the citizen once more whether it is fixed",
    Action.CONFIRM: "say that it is fixed",
    Action.CLOSE: "close it after a week of silence",
    Action.RATE: "give one to five stars",
    Action.REOPEN: "say that it is not fixed",
    Action.APPEAL: "ask for somebody else's decision",
    Action.UPHOLD: "let the decision stand",
    Action.OVERTURN: "send it back to work, to other hands",
    Action.WITHDRAW: "take it back",
    Action.RESTORE: "want it back after all",
    Action.ADD_WORDS: "tell more",
    Action.NOTE: "write something down for the office",
    Action.RECORD: "tell in a file what was told before, or is older than what was told since",
    Action.SHARE: "let the words of a case in confidence go into the files of the office",
    Action.ESCALATE: "call the next one up, because the promised time runs out",
}


def page() -> str:
    """The whole page in Markdown."""
    return "\n".join(_parts())


def _parts() -> Iterator[str]:
    yield "# What may happen to a case\n"
    yield (
        "Every screen, SMS, file and command goes by this table: what is not in it cannot happen to a case. "
        "[cases.md](cases.md) tells the story around it.\n"
    )
    yield f"![The states of a case and the ways between them]({states.PICTURE.name})\n"
    yield "## Where a case stands\n"
    standing = ((f"**{plain(state)}**", "yes" if state in OPEN else "", STATES[state]) for state in State)
    yield markdown_table(("state", "open", "meaning"), standing)
    yield "An open case waits for somebody. It has a due date, and escalates when that comes near and when it passes.\n"
    yield "## Who acts\n"
    yield markdown_table(("role", "who that is"), ((f"**{plain(role)}**", ROLES[role]) for role in Role))
    yield "## The table\n"
    yield (
        "Where it says *stays*, the case stays where it stands. A condition goes on from the action's name: *resolve … "
        "needs a note of at least 20 characters*. Where one does not hold nothing happens, and whoever tried reads "
        "that very sentence.\n"
    )
    yield markdown(ACTIONS)
    yield "## Who may do what, and when\n"
    yield "The same table the other way round, without the conditions: a row for each state.\n"
    acting = [role for role in Role if any(allowed(state, role) for state in State)]
    may = (
        (f"**{plain(state)}**", *(", ".join(map(plain, allowed(state, role))) for role in acting)) for state in State
    )
    yield markdown_table(("", *map(plain, acting)), may)
    reading = " and ".join(plain(role) for role in Role if role not in acting)
    yield f"Who only reads: {reading}. To *lodge* a case is for a citizen, or for an agent in a citizen's name.\n"
    yield (
        "This page is written by `python -m docs.lifecycle` from `cases/lifecycle.py`; `./mlango case lifecycle` "
        "prints the table.\n"
    )


def main() -> None:
    """Write the page and draw its picture anew."""
    PAGE.write_text(page(), encoding="utf-8")
    states.PICTURE.write_text(states.svg(), encoding="utf-8")
    print(f"Wrote {PAGE} and {states.PICTURE}.")


if __name__ == "__main__":
    main()
