"""Files in any order, with repeats, losses and late arrivals, end in the same states and facts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cases import events, replay
from cases.lifecycle import OUTCOMES, Action
from cases.models import Case, CaseEvent
from store import database
from store.sealing import Keyring
from tests.sync.bureau import NOTE, Bureau, row

STEPS: Final = 8  # files, an hour between them
TURN: Final = 4  # when the citizen acts
FIRST_FILE: Final = timedelta(hours=60)  # after the case was lodged
STATUSES: Final = ("assigned", "in_progress", "pending_citizen", "pending_third_party", "resolved", "")


@dataclass(frozen=True)
class Said:
    """One row of a story: what, when (minutes after lodging, of which many are the same), and from which step on."""

    id: int
    minute: int
    cells: dict[str, str]
    first: int = 0
    last: int = STEPS - 1


@dataclass
class Story:
    """What an office did with a case, and perhaps what its citizen did in between."""

    said: list[Said]
    act: Action | None = None
    cases: list[Case] = field(default_factory=list)  # one for each schedule


def a_story(chance: random.Random, kind: int) -> Story:
    """Without the citizen; or with a reopening or an answer, after what makes it possible has come."""
    before = sorted(chance.sample(range(10, 3_000, 10), k=4) + chance.choices(range(10, 3_000, 10), k=2))
    said = [Said(id, minute, cells(chance, id)) for id, minute in enumerate(before)]
    if kind == 0:
        chance.shuffle(said)
        return Story([Said(id, one.minute, one.cells) for id, one in enumerate(said)])
    act = (Action.REOPEN, Action.ANSWER)[kind - 1]
    asks = {"new_status": "resolved" if act is Action.REOPEN else "pending_citizen", "public_note": NOTE}
    said.append(Said(10, 3_100, cells(chance, 10) | asks | {"outcome_code": "fixed"}, last=TURN - 1))
    after = int((FIRST_FILE + timedelta(hours=TURN)).total_seconds() // 60)
    said += [
        Said(20 + at, after + 10 * at, cells(chance, 20 + at) | {"base_version": ""}, first=TURN + 1)
        for at in chance.sample(range(1, 6), k=3)
    ]
    return Story(said, act)


def cells(chance: random.Random, id: int) -> dict[str, str]:
    status = chance.choice(STATUSES)
    words = status in ("resolved", "pending_citizen", "pending_third_party") or chance.random() < 0.5
    return {
        "new_status": status,
        "outcome_code": chance.choice(OUTCOMES) if status == "resolved" else "",
        "public_note": f"{id} {NOTE}" if words else "",
        "internal_note": f"{id} Two men went." if chance.random() < 0.3 else "",
        "assignee_code": chance.choice(["", "", "otieno", "wanjiru"]),
        "agency_ref": chance.choice(["", "", f"WO-{id}"]),
        "base_version": chance.choice(["", "1", "2"]),
    }


@dataclass
class Trial:
    """Stories, each told in several schedules at once: a file of one step has the rows of all of them."""

    bureau: Bureau
    chance: random.Random
    stories: list[Story]
    schedules: int
    begin: datetime
    sent: int = 0

    def run(self) -> None:
        self.bureau.now = self.begin
        self.bureau.lodge()  # every other case is one of a citizen who comes again
        for story in self.stories:
            story.cases = self.bureau.lodge_many(self.schedules)
        plan = [self.steps(story) for story in self.stories]
        for step in range(STEPS):
            self.bureau.now = self.begin + FIRST_FILE + timedelta(hours=step)
            if step == TURN:
                self.act()
            rows = [one for steps in plan for one in steps[step]]
            self.chance.shuffle(rows)
            taken = self.bureau.send(*rows)
            assert taken.accepted + taken.duplicate + taken.rejected == taken.rows == len(rows)
            self.sent += len(rows)

    def steps(self, story: Story) -> list[list[dict[str, Any]]]:
        """In which file each row comes, of each schedule; the first is in order, one row a file."""
        steps: list[list[dict[str, Any]]] = [[] for _ in range(STEPS)]
        for schedule, case in enumerate(story.cases):
            for said in story.said:
                when = self.begin + timedelta(minutes=said.minute)
                key = f"{schedule:03}.{said.id:02}"
                one = row(case, agency_update_id=f"{case.ref}.{key}", occurred_at=when.isoformat(), **said.cells)
                for step in self.when(said, schedule):
                    steps[step].append(one)
        return steps

    def when(self, said: Said, schedule: int) -> set[int]:
        """At any step; some come twice or three times."""
        if schedule == 0:
            return {said.first}
        times = self.chance.choice([1, 1, 1, 2, 3])
        return {self.chance.randint(said.first, said.last if n == 0 else STEPS - 1) for n in range(times)}

    def act(self) -> None:
        acting = [(story.act, case) for story in self.stories if story.act for case in story.cases]
        for action, case in acting:
            self.bureau.do(action, case, "Water by the school." if action is Action.ANSWER else None)


def ending(bureau: Bureau, case: Case) -> dict[str, Any]:
    """All told columns of a case, what its office calls it, and what was said, by whom and when.

    When we heard of its decision is another time in each schedule.
    """
    columns = ", ".join(events.TOLD)
    ((*values,),) = database.rows(database.main, f"SELECT {columns} FROM cases WHERE id = ?", case.id)
    told = dict(zip(events.TOLD, values, strict=True))
    ref = database.rows(database.main, "SELECT ref FROM external_ref WHERE case_id = ?", case.id)
    is_decided = told.pop("decided_at") is not None
    return {**told, "is decided": is_decided, "ref there": ref, "facts": sorted(facts(bureau, case))}


def facts(bureau: Bureau, case: Case) -> Iterator[tuple[str, ...]]:
    for event in CaseEvent.select().where(CaseEvent.case == case.id):
        told = json.loads(event.facts)
        words = bureau.words(event)
        if "update" in told:
            said = told["update"].rpartition(".")[2], str(told.get("status")), str(told.get("assignee"))
            yield (*said, words, event.occurred_at.isoformat())
        else:
            yield event.kind, words


STORIES: Final = {"sqlite": (45, 12), "postgresql": (12, 6)}


def test_every_schedule_ends_the_same(
    bound: str, database_kind: str, keyring: Keyring, now: datetime, tmp_path: Path
) -> None:
    number, schedules = STORIES[database_kind]
    chance = random.Random(6)  # noqa: S311  the same every time
    stories = [a_story(chance, at % 3) for at in range(number)]
    bureau = Bureau(tmp_path, keyring, now)
    trial = Trial(bureau, chance, stories, schedules, now)
    trial.run()
    for story in stories:
        first, *others = [ending(bureau, case) for case in story.cases]
        for other in others:
            assert other == first
    assert trial.sent > number * schedules * 6
    assert list(replay.differences()) == []
    assert list(events.verify()) == []
