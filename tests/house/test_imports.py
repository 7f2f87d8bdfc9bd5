"""The rooms lie above one another, and the pure core stays pure: no database, no network, no clock within its reach."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import grimp
import pytest

ROOT: Final = Path(__file__).parents[2]
SCREENS: Final = sorted(f"menus.screens.{file.stem}" for file in (ROOT / "menus" / "screens").glob("[!_]*.py"))
CORE: Final = [
    "menus.engine", "menus.drawing", "menus.drafts", "menus.fit", "menus.dialogue", "menus.messages", "menus.values",
    "menus.screens", *SCREENS,
    "menus.rehearsal", "menus.walk", "menus.paths", "menus.check", "menus.costs", "menus.graph",
    "menus.reach", "menus.echoes",
    "sms_gateway.encoding", "sms_gateway.keywords", "sms_gateway.typed", "sms_gateway.own_words", "sms_gateway.gateway",
    "sms_gateway.msisdn", "sms_gateway.channels", "sms_gateway.limits", "sms_gateway.smsbackup", "sms_gateway.modem",
    "cases.lifecycle", "cases.sla", "cases.timers", "cases.reference", "cases.routing",
    "packs.model", "packs.places", "packs.snapshot",
    "sync.columns", "sync.dates", "sync.faults",
]  # fmt: skip
IMPURE: Final = frozenset({
    "africastalking", "click", "flask", "granian", "http", "logging", "os", "peewee", "playhouse", "psycopg", "random",
    "redis", "requests", "rq", "secrets", "shutil", "socket", "sqlite3", "store", "structlog", "subprocess",
    "threading", "time", "urllib", "werkzeug",
})  # fmt: skip
CLOCKS: Final = frozenset({"now", "utcnow", "today", "fromtimestamp", "utcfromtimestamp", "localtime"})
ROOMS: Final = ("jobs", "ussd_app", "desk", "sync", "menus", "sms_gateway", "cases", "packs", "store", "locales")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOMS, include_external_packages=True, cache_dir=None)


def source(module: str) -> ast.Module:
    path = ROOT / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def test_imports_point_downward() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stdout


def test_every_room_has_its_place_among_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = {room for layer in contracts["contracts"][0]["layers"] for room in layer.split(" | ")}
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench", "docs"}
    assert rooms == layers == set(ROOMS)


@pytest.mark.parametrize("module", CORE)
def test_nothing_impure_is_in_reach_of_the_core(module: str, graph: grimp.ImportGraph) -> None:
    reach = graph.find_upstream_modules(module) - {module}
    ways = [graph.find_shortest_chain(module, other) for other in sorted(reach) if other.split(".")[0] in IMPURE]
    told = "\n".join(" → ".join(way) for way in ways if way)
    assert not told, f"Let the shell around {module} do what is not pure, and hand in the result. It reaches:\n{told}"


@pytest.mark.parametrize("module", CORE)
def test_the_core_asks_no_clock_and_opens_no_file(module: str) -> None:
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(source(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    }
    asked = called & (CLOCKS | {"open", "input", "print"})
    assert not asked, (
        f"{module} calls {sorted(asked)}. Time comes in as the argument `now`, what is in files as values."
    )
