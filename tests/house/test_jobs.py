"""Jobs are named only by string, so nothing but a test finds a name that leads nowhere."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import jobs
from ussd_app import background

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = sorted(path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name not in ("tests", "docs"))
PATH: Final = re.compile(r"jobs(\.\w+)+")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for file in (file for room in ROOMS for file in room.rglob("*.py")):
        yield file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8"))


def named() -> set[str]:
    """Every string in the house that is written like the path of a job."""
    return {
        node.value
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and PATH.fullmatch(node.value)
    }


def offered() -> dict[str, object]:
    """Every job there is, by its path."""
    found: dict[str, object] = {}
    for module in pkgutil.walk_packages(jobs.__path__, "jobs."):
        loaded = importlib.import_module(module.name)
        functions = inspect.getmembers(loaded, inspect.isfunction)
        found |= {f"{module.name}.{name}": job for name, job in functions if job.__module__ == module.name}
    return found


def test_every_path_that_is_enqueued_is_a_job() -> None:
    assert background.SEND in named()
    strangers = named() - offered().keys()
    assert not strangers, f"{sorted(strangers)} are enqueued, but jobs/ has no such functions."


def test_every_job_is_enqueued_somewhere() -> None:
    idle = offered().keys() - named()
    assert not idle, f"Nobody enqueues {sorted(idle)}."


def test_jobs_take_nothing_so_that_redis_holds_nothing() -> None:
    """Ids at most may ever become arguments; today there are none."""
    assert {name: str(inspect.signature(job)) for name, job in offered().items()} == {background.SEND: "() -> 'int'"}  # type: ignore[arg-type]


def test_nothing_imports_jobs() -> None:
    importers = [
        str(file)
        for file, tree in sources()
        if file.parts[0] != "jobs"
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "jobs" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "jobs")
    ]
    assert not importers, f"{importers} import jobs; name the job by its path instead."
