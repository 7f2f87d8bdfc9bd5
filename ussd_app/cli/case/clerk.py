"""How the command line shows cases: a list as a table, one case as a screen, both as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from cases import events, lifecycle, reference, sla
from cases.lifecycle import DECIDED, OPEN, Action, Role, State, plain
from cases.models import Case
from cases.worklist import Entry, Viewer, is_overdue
from locales import registry
from menus.values import Names
from packs.model import Pack
from store.model import UtcField, from_micros

# What each action needs on the command line, by example: option → value. A note may go with any of them.
NEEDS: Final[Mapping[Action, Mapping[str, str]]] = {
    Action.CLASSIFY: {"sub": "water.none", "place": "kibera", "priority": "urgent"},
    Action.ASSIGN: {"to": "AGENCY", "owner": "OFFICER"},
    Action.ASK: {"note": "Which street is it?"},
    Action.ANSWER: {"note": "What the citizen answered"},
    Action.WAIT: {"note": "Whom it waits for"},
    Action.TRANSFER: {"to": "AGENCY", "note": "Why it belongs there"},
    Action.DUPLICATE: {"master": "NUMBER"},
    Action.REJECT: {"reason": lifecycle.REJECTIONS[0], "note": "Why, in 20 characters or more"},
    Action.RESOLVE: {"outcome": lifecycle.OUTCOMES[0], "note": "What was done, in 20 characters or more"},
    Action.RATE: {"stars": lifecycle.STARS[-1]},
    Action.UPHOLD: {"note": "Why the decision stands, in 20 characters or more"},
    Action.OVERTURN: {"note": "What was wrong with it, in 20 characters or more"},
    Action.ADD_WORDS: {"note": "What the citizen added"},
    Action.NOTE: {"note": "For the office only"},
}
# What an event's facts say to a reader, in this order; and what needs no saying
_DETAILS: Final[Mapping[str, str]] = {
    "agency": "to {}",
    "owner": "officer {}",
    "queue": "{} queue",
    "priority": "{}",
    "reason": "reason {}",
    "outcome": "outcome {}",
    "escalation": "at {} %",
    "rating": "{} of 5",
}
_USUAL: Final = frozenset({("priority", "normal")})
# What a list tells in JSON, by the columns' names
_PUBLISHED: Final = (
    "ref", "state", "agency", "owner", "queue", "priority", "visibility", "about", "category", "sub", "place", "ward",
    "county", "channel", "language", "escalation", "cycle", "version", "reopens", "outcome", "rating",
)  # fmt: skip
_PUBLISHED_TIMES: Final = (
    "received_at", "acknowledge_by", "acknowledged_at", "respond_by", "responded_at", "due_at", "paused_at",
    "decided_at",
)  # fmt: skip
_TIMES: Final = frozenset(name for name in events.TOLD if isinstance(Case._meta.fields[name], UtcField))
_ROOM: Final = 24  # letters of a kind or place in the list


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is shown of one case, as this viewer may see it."""

    viewer: Viewer
    case: Case
    phone: str | None  # masked unless they asked for it
    history: Sequence[Entry]
    master: str | None  # the number of the case that it follows; "" where that is not theirs to see
    followers: Sequence[str]  # the numbers of the first cases that follow it …
    following: int  # … and how many there are


class Clerk:
    """Puts cases into words, in the zone and with the names of a pack."""

    def __init__(self, pack: Pack, now: datetime) -> None:
        self._pack, self._now, self._zone = pack, now, ZoneInfo(pack.zone)
        self._names = Names(pack, "en")

    # A list

    def table(self, cases: Sequence[Case]) -> Iterator[str]:
        """One line for each case below a line of titles, in columns."""
        rows = [("NUMBER", "KIND", "PLACE", "STATE", "OFFICE", "OFFICER", "DUE", ""), *map(self._row, cases)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()

    def _row(self, case: Case) -> tuple[str, ...]:
        return (
            reference.shown(case.ref),
            _clipped(self.kind(case)),
            _clipped(self.place(case)),
            plain(case.state) + (f" ({case.queue})" if case.queue else ""),
            case.agency,
            case.owner or "-",
            self.due(case),
            f"{case.escalation} %" if case.escalation else "",
        )

    def kind(self, case: Case) -> str:
        return self._names.sub(case.sub) if case.sub else "not named yet"

    def place(self, case: Case) -> str:
        return self._names.place(case.place) if case.place else "-"

    def due(self, case: Case) -> str:
        """When an open case is due, and how late it is by the calendar on the wall."""
        if case.state not in OPEN:
            return "-"
        if is_overdue(case, self._now):
            return f"{self._day(case.due_at)}, {_late(self._now - case.due_at)} late"
        return f"{self._day(case.due_at)}{', clock stands still' if case.paused_at else ''}"

    # One case

    def screen(self, sheet: Sheet) -> Iterator[str]:
        """Everything about one case, and what the viewer may do next."""
        case = sheet.case
        yield f"{reference.shown(case.ref)}  {self.kind(case)}, {self.place(case)}: {plain(case.state)}"
        yield from _aligned(self._facts(sheet))
        yield ""
        yield "Clocks"
        yield from _aligned(self._clocks(case))
        yield ""
        yield "What happened"
        for entry in sheet.history:
            yield from self._told(entry)
        yield ""
        yield from self._next(sheet)

    def _facts(self, sheet: Sheet) -> Iterator[tuple[str, str]]:
        case = sheet.case
        language = registry()[case.language].name if case.language in registry() else case.language
        yield "received", f"{self.moment(case.received_at)} by {case.channel}, in {language}; {case.visibility}"
        yield "citizen", sheet.phone or ("not told: the case is anonymous" if case.visibility == "anonymous" else "-")
        yield "office", f"{self._names.agency(case.agency)} ({case.agency}), officer {case.owner or '-'}"
        if case.about:
            yield "about", f"{self._names.agency(case.about)} ({case.about}), which never sees this case"
        if case.queue:
            yield "waits for", f"{case.queue} queue"
        yield "priority", f"{case.priority}; cycle {case.cycle}; version {case.version}" + self._marks(case)
        if sheet.master is not None:
            yield "follows", reference.shown(sheet.master) if sheet.master else "another case"
        if sheet.following:
            others = ", ".join(map(reference.shown, sheet.followers))
            yield "followed by", f"{sheet.following}: {others}{', …' if sheet.following > len(sheet.followers) else ''}"
        if case.decided_at:
            outcome = f", {plain(case.outcome)}" if case.outcome else ""
            yield "decided", f"{self.moment(case.decided_at)} by {case.decided_by}{outcome}"
        if case.rating:
            yield "rated", f"{case.rating} of 5"

    def _marks(self, case: Case) -> str:
        marks = {
            "not the citizen's first of this kind in a month": case.repeats,
            f"reopened {case.reopens} ×": case.reopens,
            "appealed": case.appealed,
        }
        return "".join(f"; {mark}" for mark, holds in marks.items() if holds)

    def _clocks(self, case: Case) -> Iterator[tuple[str, str]]:
        yield "acknowledge", self._promise(case, case.acknowledge_by, case.acknowledged_at)
        yield "answer", self._promise(case, case.respond_by, case.responded_at)
        used = f"{self.used(case)} % of {_hours(case.resolve_minutes)} used, calendar {case.calendar}"
        if case.escalation:
            used += f"; escalated at {case.escalation} %"
        if case.paused_minutes:
            used += f"; stood still for {_hours(case.paused_minutes)}"
        if case.paused_at:
            used += f"; stands still since {self.moment(case.paused_at)}"
        late = f" ({_late(self._now - case.due_at)} late)" if is_overdue(case, self._now) else ""
        yield "resolve", f"by {self.moment(case.due_at)}{late}: {used}"

    def _promise(self, case: Case, by: datetime, done: datetime | None) -> str:
        if done:
            return f"by {self.moment(by)}: {'late, ' if done > by else ''}{self.moment(done)}"
        missed = case.state in OPEN and by < self._now
        return f"by {self.moment(by)}: {'missed' if missed else 'not yet' if case.state in OPEN else 'never'}"

    def used(self, case: Case) -> int:
        """Per cent of the promised time of this cycle that have passed, until now or until it ended."""
        until = case.paused_at or self._end(case)
        worked = sla.elapsed(self._pack.calendars[case.calendar], case.clock_start, until) - case.paused_minutes
        return max(worked, 0) * 100 // max(case.resolve_minutes, 1)

    def _end(self, case: Case) -> datetime:
        """When the clock of this cycle stopped for good; now, if it has not."""
        if case.state in OPEN:
            return self._now
        decided: datetime | None = case.decided_at if case.state in DECIDED else None
        return decided or case.state_since

    def _told(self, entry: Entry) -> Iterator[str]:
        who = plain(entry.role) if entry.actor in (None, entry.role) else f"{plain(entry.role)} {entry.actor}"
        by = who if entry.source == "system" else f"{who} by {entry.source}"
        line = f"  {self.moment(entry.at)}  {plain(entry.kind):<10}  {by:<28}  {', '.join(self._detail(entry.facts))}"
        yield line.rstrip()
        for written in (entry.words or "").splitlines():
            yield f"{'':<32}“{written}”"

    def _detail(self, facts: Mapping[str, Any]) -> Iterator[str]:
        if facts.get("state"):
            yield plain(facts["state"])
        if facts.get("sub") in self._pack.subs:
            yield self._names.sub(facts["sub"])
        if facts.get("place") in self._pack.places:
            yield self._names.place(facts["place"])
        for name, words in _DETAILS.items():
            value = facts.get(name)
            if value and (name, value) not in _USUAL:
                yield words.format(value)

    def _next(self, sheet: Sheet) -> Iterator[str]:
        role, may = sheet.viewer.role, lifecycle.allowed(State(sheet.case.state), sheet.viewer.role)
        if not may:
            yield f"{a(role).capitalize()} changes nothing here."
            return
        yield f"{a(role).capitalize()} may now"
        for action in may:
            yield f"  ./mlango case act {reference.shown(sheet.case.ref)} {action}{example_of(sheet.viewer, action)}"

    # Both as JSON

    def brief(self, case: Case) -> dict[str, Any]:
        """One case of a list. Times are ISO 8601 with the offset of the pack's zone."""
        plainly = {name: getattr(case, name) for name in _PUBLISHED}
        times = {name: self.iso(getattr(case, name)) for name in _PUBLISHED_TIMES}
        return {**plainly, **times, "overdue": is_overdue(case, self._now)}

    def whole(self, sheet: Sheet) -> dict[str, Any]:
        """One case with everything: as `brief`, and its history, clocks and neighbours."""
        return {
            **self.brief(sheet.case),
            "used_percent": self.used(sheet.case),
            "phone": sheet.phone,
            "master": sheet.master or None,
            "followers": list(sheet.followers),
            "following": sheet.following,
            "history": [self._event(entry) for entry in sheet.history],
            "allowed": list(lifecycle.allowed(State(sheet.case.state), sheet.viewer.role)),
        }

    def _event(self, entry: Entry) -> dict[str, Any]:
        return {
            "seq": entry.seq,
            "at": self.iso(entry.at),
            "kind": entry.kind,
            "role": entry.role,
            "actor": entry.actor,
            "source": entry.source,
            "facts": {name: self._fact(name, value) for name, value in entry.facts.items()},
            "words": entry.words,
        }

    def _fact(self, name: str, value: Any) -> Any:
        return self.iso(from_micros(value)) if name in _TIMES and value is not None else value

    # Times

    def moment(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%d/%m/%Y %H:%M}"

    def iso(self, at: datetime | None) -> str | None:
        return at.astimezone(self._zone).isoformat(timespec="seconds") if at else None

    def _day(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%d/%m/%Y}"


def a(role: Role) -> str:
    """A role with its article: "an appeal officer"."""
    return f"{'an' if role[0] in 'aeiou' else 'a'} {plain(role)}"


def example_of(viewer: Viewer, action: Action) -> str:
    """The options of an example, each after a space: who acts, and what the action needs."""
    given = {"as": str(viewer.role), "name": viewer.actor, **NEEDS.get(action, {})}
    return "".join(f" --{name} {_quoted(value)}" for name, value in given.items() if value)


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value


def _late(span: timedelta) -> str:
    return f"{span.days} d" if span.days else f"{span.seconds // 3600} h"


def _hours(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours} h" + (f" {rest} min" if rest else "")


def _clipped(words: str) -> str:
    return words if len(words) <= _ROOM else words[: _ROOM - 1] + "…"


def _aligned(pairs: Iterator[tuple[str, str]]) -> Iterator[str]:
    yield from (f"  {name:<13}{value}" for name, value in pairs)
