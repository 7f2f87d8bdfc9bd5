"""How many USSD sessions a core serves: dial, complaint, category, sub-category, Send, by citizens who have a language
and a place. Everything is real but the network: sealed sessions, the case with its events, the SMS in the outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bench import figures, floors, machine, walk
from bench.plan import Plan, Report
from bench.walk import Round, Walk
from store import database, migrate
from store.clock import utcnow
from ussd_app import wiring
from ussd_app.settings import Settings

_TEXTS: Final = ("", "1", "1*1", "1*1*1", "1*1*1*1")
_OURS: Final = Walk(
    path="/callbacks/africastalking/ussd",
    texts=_TEXTS,
    expects=(
        "^CON .*\n1%. ",
        "^CON .*\n1%. Maji\n",
        "^CON .*\n1%. Hakuna maji\n",
        "^CON Hakuna maji, Kibera.*\n1%. ",
        "^END .*%d%d%d%-%d%d%d%-%d%d%d",
    ),
)
_FLOOR: Final = Walk(path="/", texts=_TEXTS, expects=("^CON ",) * len(_TEXTS))
FLOORS: Final = ("flask", "dbraw")
_CONTENDERS: Final[Mapping[str, tuple[str, Walk]]] = {
    "flask": ("bench.floors:flask", _FLOOR),
    "dbraw": ("bench.floors:dbraw", _FLOOR),
    "mlango": ("ussd_app:create_app", _OURS),
}
_WARM_UP_S: Final = 1


def steps(plan: Plan) -> int:
    """Seeding, a warm-up of each contender, and the rounds."""
    return 1 + (1 + plan.rounds) * len(_CONTENDERS)


def run(plan: Plan, folder: Path, further: Callable[[], None]) -> Report:
    """Walk the contenders in turn, round after round, so that a noisy minute spares none of them."""
    walk.program()
    cores = machine.two_cores()
    home = folder / "home"
    seed(home, walks=1 + plan.rounds)
    further()
    environ = {"MLANGO_HOME": str(home), floors.DATABASE: str(folder / "dbraw.sqlite3")}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(machine.granian(application, cores.server, environ, folder / f"{name}.log"))
            for name, (application, _) in _CONTENDERS.items()
        }

        def walk_once(name: str, seconds: int, number: int) -> Round:
            taken = walk.walk(_CONTENDERS[name][1], servers[name], cores.load, seconds, number)
            further()
            return taken

        for name in _CONTENDERS:
            walk_once(name, _WARM_UP_S, 0)
        rounds: Mapping[str, list[Round]] = {name: [] for name in _CONTENDERS}
        for number in range(1, plan.rounds + 1):
            for name, taken in rounds.items():
                taken.append(walk_once(name, plan.seconds, number))
    return _report(rounds)


def seed(home: Path, walks: int) -> None:
    """A migrated database in `home`, the pack in force, and every caller known: Swahili speakers in Kibera."""
    settings = Settings.load({"MLANGO_HOME": str(home)})
    wiring.bind(settings)
    migrate.run()
    wiring.publish_pack(settings)
    citizens, now = wiring.build(settings).citizens, utcnow()
    with database.transaction():
        for msisdn in walk.msisdns(walks):
            citizens.meet(msisdn, now)
        database.run(database.main, "UPDATE citizen SET language = 'sw', place = 'kibera'")
    database.close()


def _report(rounds: Mapping[str, list[Round]]) -> Report:
    measured = {name: figures.summary(taken) for name, taken in rounds.items()}
    floor = {name: measured[name] for name in FLOORS}
    record = {
        name: {
            "median": asdict(measured[name]),
            "ratios": figures.ratios(measured[name], floor),
            "rounds": [asdict(one) for one in taken],
        }
        for name, taken in rounds.items()
    }
    return Report(figures.table(measured, FLOORS), {"contenders": record})
