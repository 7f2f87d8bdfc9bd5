"""Does what time has brought: escalations, ends of pauses, last calls, silent closings, news for followers.

Every case carries its next step and when it is due. A sweep takes them all, oldest first, batch by batch, each batch
an ordinary transaction of the casework. Two sweeps at once do nothing twice: each step names the version of the case
that it saw, and has a source key of its own for each cycle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from peewee import InterfaceError, OperationalError

from cases import effects, timers
from cases.casework import Casework, Change, Done
from cases.lifecycle import Action, NotAllowed, Role, Stale
from cases.models import Case
from cases.routing import barred
from packs.model import Pack
from store import database
from store.model import Select, to_micros

BATCH: Final = 50  # cases a transaction: a citizen who lodges meanwhile waits no longer than 100 ms
TRY_AGAIN: Final = timedelta(hours=1)  # what was refused or failed, which should not happen, is not tried all the time


def sweep(
    casework: Casework,
    now: datetime,
    *,
    log: Callable[..., None] = lambda *_, **__: None,
    go_on: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Do everything that is due at `now`; how many of each step were done. `go_on` is asked before each batch."""
    done: Counter[str] = Counter()
    while go_on() and (batch := due(now)):
        done += _take(casework, batch, now, log)
    return done


def due(now: datetime, limit: int = BATCH) -> list[Case]:
    """The cases whose next step is due, the longest overdue first."""
    return _cases("WHERE next_at <= ? ORDER BY next_at, id LIMIT ?", to_micros(now), limit)


def _take(casework: Casework, batch: Sequence[Case], now: datetime, log: Callable[..., None]) -> Counter[str]:
    pack, done = casework.pack(), Counter[str]()
    masters = _masters(batch)
    steps: list[tuple[Case, Change]] = []
    for case in batch:
        change = step_of(case, masters.get(case.master or ""), pack, now)
        if change:
            steps.append((case, change))
        else:
            _set_again(case, pack)
    for (case, change), outcome in zip(steps, _applied(casework, steps, now, log), strict=True):
        if isinstance(outcome, Done):
            done[str(change.action)] += not outcome.repeated
        elif outcome and not isinstance(outcome, Stale):  # who changed the case set its timer, too
            log("timer_refused", case=case.id, step=case.next_step, why=str(outcome))
            _postpone(case, now)
    return done


def _applied(
    casework: Casework, steps: Sequence[tuple[Case, Change]], now: datetime, log: Callable[..., None]
) -> list[Done | NotAllowed | None]:
    """What came of each step; None where a fault stands in its way. One case with a fault holds up no other."""
    if not steps:
        return []
    try:
        return [*casework.apply_many([change for _, change in steps], now)]
    except (OperationalError, InterfaceError):  # of the database: nothing can be done now
        raise
    except Exception as fault:
        if len(steps) == 1:
            ((case, _),) = steps
            log("timer_failed", case=case.id, step=case.next_step, fault=type(fault).__name__)
            _postpone(case, now)
            return [None]
    return [outcome for step in steps for outcome in _applied(casework, [step], now, log)]


def step_of(case: Case, master: Case | None, pack: Pack, now: datetime) -> Change | None:
    """The change that the due step of a case means; None if there is nothing to do by now."""
    action, facts = Action(str(case.next_step)), dict[str, Any]()
    if action is Action.ESCALATE:
        # after a standstill of the box a case may have passed several levels: it goes to the highest at once
        facts["level"] = timers.level(case, pack.calendars[case.calendar], now)
        if facts["level"] <= case.escalation:
            return None
    if action is Action.FOLLOW and master:
        facts |= {"outcome": master.outcome, "decided_by": master.decided_by}
    if action in (Action.FOLLOW, Action.RELEASE):  # the office that has the master now, not the one that had it then
        fit = master is not None and master.agency not in barred(pack, case.about)
        facts["agency"] = master.agency if master and fit else case.agency
    key = f"{case.id}/{case.cycle}/{action}"
    if facts.get("level"):
        key += f"/{facts['level']}"
    elif action in _REPEATABLE:
        key += f"/{case.version}"
    return Change(action, None, "system", key, case.id, Role.SYSTEM, facts, version=case.version)


# These may come more than once in a cycle: a second question, a second master
_REPEATABLE: Final = frozenset({Action.RESUME, Action.FOLLOW, Action.RELEASE, Action.REMIND, Action.CLOSE})
_cases: Final = Select(Case)


def _masters(batch: Sequence[Case]) -> dict[str, Case]:
    ids = {case.master for case in batch if case.master}
    if not ids:
        return {}
    return {case.id: case for case in _cases(f"WHERE id IN ({', '.join('?' * len(ids))})", *ids)}


def _set_again(case: Case, pack: Pack) -> None:
    """Its clock says that it is not due: the timer is set to when it is."""
    effects.set_timer(case, pack)
    at = to_micros(case.next_at) if case.next_at else None
    _timer(case, at, case.next_step)


def _postpone(case: Case, now: datetime) -> None:
    _timer(case, to_micros(now + TRY_AGAIN), case.next_step)


def _timer(case: Case, at: int | None, step: str | None) -> None:
    database.run(
        database.main,
        "UPDATE cases SET next_at = ?, next_step = ? WHERE id = ? AND version = ?",
        *(at, step, case.id, case.version),
    )
