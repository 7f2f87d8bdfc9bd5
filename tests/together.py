"""Things that happen at the same time: in threads, each with connections of its own, and in processes to be killed."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from store import database

Result = TypeVar("Result")

# Children of a server that runs beside the tests: no threads, locks or connections of the run come along with them. It
# has read the modules whose functions they do, so that a child is there in no time.
PROCESSES: Final = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["tests.sms_gateway.test_killed_workers", "tests.store.test_migrate", "tests.sync.transports.neighbour"]
)


def at_once(*works: Callable[[], Result]) -> list[Result]:
    """Do all works in threads that start together; their results in order, or the first one's exception."""
    line = threading.Barrier(len(works))

    def run(work: Callable[[], Result]) -> Result:
        line.wait(timeout=10)
        try:
            return work()
        finally:
            database.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [started.result() for started in [pool.submit(run, work) for work in works]]
