"""What an act does to the row of its case, apart from the state: clocks, owner, decision. No I/O: rows in memory.

`perform` is called after the lifecycle said yes and before the event is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from cases import sla, timers, triage
from cases.lifecycle import Act, Action, Role, State
from cases.models import Case
from packs.model import Calendar, Pack
from packs.places import place_index

SUPERVISOR_QUEUE: Final = "supervisor"
TRIAGE_QUEUE: Final = "triage"

# People of an office: their first act acknowledges a case. A file speaks for people, too.
_OFFICERS: Final = frozenset({Role.OWNER, Role.SUPERVISOR, Role.ADMIN, Role.APPEAL_OFFICER, Role.SYNC})
# What the citizen hears in a person's own words
_RESPONSES: Final = frozenset({Action.ASK, Action.WAIT, Action.RESOLVE, Action.REJECT, Action.UPHOLD, Action.OVERTURN})
# The same as an office's file tells it, whether it moves the case or is only put on record
_RESPONDED: Final = frozenset({State.PENDING_CITIZEN, State.PENDING_THIRD_PARTY, State.RESOLVED})
# What `sync.merge` reckons from all rows of a case
_SETTLED: Final = frozenset(
    {"owner", "paused_at", "paused_minutes", "decided_at", "decided_by", "outcome", "reminded_at"}
)
_BEGUN: Final = frozenset({State.IN_PROGRESS, *_RESPONDED})
_OWED_TO_FOLLOWERS: Final = frozenset({Action.FOLLOW, Action.RELEASE})


def describe(case: Case, facts: Mapping[str, Any], pack: Pack) -> None:
    """Take over what is known of the kind, the place and the urgency; a new kind has a promise of its own.

    `undone`: what we had guessed is not so, and nothing else is known yet.
    """
    promised = case.sub
    if facts.get("undone"):
        case.category = case.sub = case.place = case.ward = case.constituency = case.county = None
    if facts.get("sub"):
        case.sub = str(facts["sub"])
        case.category = pack.subs[case.sub].category
    if facts.get("place"):
        place = pack.places[str(facts["place"])]
        case.place, case.ward = place.code, place.ward
        case.constituency, case.county = place.constituency, place.county
    if facts.get("priority"):
        case.priority = str(facts["priority"])
    if case.calendar is None or case.sub != promised:
        _promise(case, pack)


def guard(case: Case, words: str | None, pack: Pack, *, secret: bool = False) -> None:
    """A citizen's words under no kind or under "other" may tell of what no SMS may name. `secret`: they surely may."""
    if secret:
        case.guarded = 1
    elif words and _is_unnamed(case.sub, pack):
        case.guarded = 1 if _may_be_secret(words, pack) else case.guarded


def _may_be_secret(words: str, pack: Pack) -> bool:
    """What cannot be read may be. Nothing that goes wrong in reading stops a case; it is reported elsewhere."""
    try:
        return triage.is_delicate(triage.suggest(pack, place_index(pack), words), pack)
    except Exception:
        return True


def name(case: Case, pack: Pack) -> None:
    """An officer has named it: from now on its kind tells. Beside secret kinds it stays unnamed: violence at home is
    filed as insecurity."""
    if case.sub and not any(sub.sensitive for sub in pack.subs_of(pack.subs[case.sub].category)):
        case.guarded = None


def _is_unnamed(sub: str | None, pack: Pack) -> bool:
    return sub is None or pack.subs[sub].words_first or sub.endswith(".other")


def _promise(case: Case, pack: Pack) -> None:
    """Freeze the policy in force: what it promises for this kind, and on which calendar."""
    kind = case.sub or pack.unsure
    promised, calendar = pack.sla(kind), pack.calendar(kind)
    case.pack_version, case.calendar = pack.version, calendar.code
    case.resolve_minutes = promised.resolve
    case.acknowledge_by = sla.due(calendar, case.received_at, promised.acknowledge)
    case.respond_by = sla.due(calendar, case.received_at, promised.respond)
    case.due_at = timers.due(case, calendar)


def perform(case: Case, state: State, act: Act, pack: Pack) -> None:
    """Bring the row to where `act` leads; `state` is where the lifecycle lets it go."""
    calendar = pack.calendars[case.calendar]
    if case.paused_at is not None and (state != case.state or act.action is Action.ASK):
        _end_pause(case, calendar, act.at)
    if act.role in _OFFICERS:  # a file may tell late of what was earlier
        case.acknowledged_at = min(case.acknowledged_at or act.at, act.at)
        if act.action in _RESPONSES or act.facts.get("status") in _RESPONDED:
            case.responded_at = min(case.responded_at or act.at, act.at)
    effect = _EFFECTS.get(act.action)
    if effect:
        effect(case, act, calendar)
    if act.role is Role.SYNC:
        _settle(case, state, act, calendar)
    if case.state != state:
        case.state, case.state_since = state, act.at
    if state is State.ASSIGNED:  # at the service desk without an officer of its own it waits for a supervisor
        case.queue = SUPERVISOR_QUEUE if case.agency == pack.desk and not case.owner else None
    set_timer(case, pack)


def set_timer(case: Case, pack: Pack) -> None:
    """Note what time brings next. A follower whose master has ended waits for the sweep, whatever is noted."""
    if case.state == State.DUPLICATE and case.next_step in _OWED_TO_FOLLOWERS:
        return
    step = timers.next_step(case, pack.calendars[case.calendar], timers.office_hours(pack))
    case.next_at, case.next_step = (step.at, str(step.action)) if step else (None, None)


def _end_pause(case: Case, calendar: Calendar, at: datetime) -> None:
    case.paused_minutes += timers.paused(case, calendar, at)
    case.paused_at = None
    case.due_at = timers.due(case, calendar)


def _settle(case: Case, state: State, act: Act, calendar: Calendar) -> None:
    """All rows of an office's files, in the order of what happened, come to other values than the last act alone."""
    minutes = case.paused_minutes
    for name in _SETTLED & act.facts.keys():
        setattr(case, name, act.facts[name])
    if case.paused_minutes != minutes:
        case.due_at = timers.due(case, calendar)
    if state in _BEGUN:
        case.queue = None


def _assign(case: Case, act: Act, _: Calendar) -> None:
    """To an office, to one of its officers, or both; who had it before has it no more."""
    if act.facts.get("agency"):
        case.agency = act.facts["agency"]
        case.owner = None
    if act.facts.get("owner"):
        case.owner = act.facts["owner"]


def _added(case: Case, act: Act, _: Calendar) -> None:
    """With the words may come the wish to have no SMS about the case, or to have them again."""
    if "silent" in act.facts:
        case.silent = 1 if act.facts["silent"] else None


def _start(case: Case, act: Act, _: Calendar) -> None:
    case.owner, case.queue = case.owner or act.actor, None


def _ask(case: Case, act: Act, calendar: Calendar) -> None:
    """The clock waits for the citizen, as long as this cycle has waiting left."""
    if timers.pause_left(case, calendar):
        case.paused_at = act.at


def _follow_master(case: Case, act: Act, _: Calendar) -> None:
    """The office that has the master answers for it, too."""
    case.master, case.agency = act.facts["master"], act.facts["agency"]
    case.owner, case.queue = None, None


def _release(case: Case, act: Act, calendar: Calendar) -> None:
    """The office now has it for the first time, so to speak: the time that it followed is not the office's."""
    _assign(case, act, calendar)
    case.master = None
    _new_cycle(case, act, calendar)


def _follow(case: Case, act: Act, calendar: Calendar) -> None:
    _assign(case, act, calendar)
    _decide(case, act, calendar)


def _decide(case: Case, act: Act, _: Calendar) -> None:
    """From when we heard of it the citizen has time to answer; when it happened stands in its event."""
    case.decided_at = act.heard or act.at
    case.decided_by = act.facts.get("decided_by") or act.actor or str(act.role)
    case.outcome = act.facts.get("outcome")
    case.reminded_at, case.queue = None, None


def _new_cycle(case: Case, act: Act, calendar: Calendar) -> None:
    """The promise holds anew from now; what was before stays in the history, and the total age goes on."""
    case.cycle += 1
    case.clock_start, case.paused_minutes, case.escalation = act.at, 0, 0
    case.appealed, case.rating = 0, None
    case.due_at = timers.due(case, calendar)


def _reopen(case: Case, act: Act, calendar: Calendar) -> None:
    case.reopens += 1
    case.master = None  # a follower whose own problem is not fixed goes its own way
    _new_cycle(case, act, calendar)


def _appeal(case: Case, act: Act, calendar: Calendar) -> None:
    """Who hears the appeal has the promised time for it; a follower appeals for itself."""
    case.master = None
    _new_cycle(case, act, calendar)
    case.appealed = 1


def _overturn(case: Case, act: Act, calendar: Calendar) -> None:
    case.owner = None  # not to the same hands again
    _new_cycle(case, act, calendar)


def _set(**values: Any) -> Callable[[Case, Act, Calendar], None]:
    def effect(case: Case, _: Act, __: Calendar) -> None:
        for name, value in values.items():
            setattr(case, name, value)

    return effect


def _escalate(case: Case, act: Act, _: Calendar) -> None:
    case.escalation = int(act.facts["level"])


def _remind(case: Case, act: Act, _: Calendar) -> None:
    case.reminded_at = act.at


def _share(case: Case, _: Act, __: Calendar) -> None:
    case.shared = 1


def _rate(case: Case, act: Act, _: Calendar) -> None:
    case.rating = int(act.facts["stars"])


_EFFECTS: Final[Mapping[Action, Callable[[Case, Act, Calendar], None]]] = {
    Action.TRIAGE: _set(queue=TRIAGE_QUEUE),
    Action.ASSIGN: _assign,
    Action.TRANSFER: _assign,
    Action.START: _start,
    Action.ASK: _ask,
    Action.ADD_WORDS: _added,
    Action.DUPLICATE: _follow_master,
    Action.FOLLOW: _follow,
    Action.RELEASE: _release,
    Action.REJECT: _decide,
    Action.RESOLVE: _decide,
    Action.REMIND: _remind,
    Action.RATE: _rate,
    Action.SHARE: _share,
    Action.REOPEN: _reopen,
    Action.APPEAL: _appeal,
    Action.OVERTURN: _overturn,
    Action.WITHDRAW: _set(queue=None),
    Action.RESTORE: _new_cycle,  # the days that it lay withdrawn are not the office's
    Action.ESCALATE: _escalate,
}
